//! Events, mutexes and semaphores: objects of the system, one for each of the program's.

use std::ptr::{null, null_mut};

use portsim_model::event::Error;
use portsim_model::program::{Object, ObjectId, Program, SEMAPHORE_MAX};
use windows_sys::Win32::Foundation::HANDLE;
use windows_sys::Win32::System::Threading::{
    CreateEventW, CreateMutexW, CreateSemaphoreW, ReleaseMutex, ReleaseSemaphore, ResetEvent,
    SetEvent,
};

use super::handles::{Owned, checked, done_or_error, failed};
use crate::native::backend::Failure;
use crate::trace::Answer;

/// The objects of a run.
pub struct Objects(Vec<(Object, Owned)>);

impl Objects {
    /// Those of a program, as they are at the start.
    pub fn new(program: &Program) -> Result<Objects, Failure> {
        let object = |object: &Object| {
            // SAFETY: no names and no attributes are passed; the results are checked.
            let handle = unsafe {
                match *object {
                    Object::Event { manual, signaled } => {
                        CreateEventW(null(), manual.into(), signaled.into(), null())
                    }
                    Object::Mutex => CreateMutexW(null(), 0, null()),
                    Object::Semaphore { count } => {
                        CreateSemaphoreW(null(), count.into(), SEMAPHORE_MAX.into(), null())
                    }
                }
            };
            Ok((*object, checked("create an object", handle)?))
        };
        let objects = program.objects.iter().map(object);
        objects.collect::<Result<_, Failure>>().map(Objects)
    }

    /// The handle of an object.
    pub fn handle(&self, object: ObjectId) -> HANDLE {
        self.0[object.index()].1.0
    }

    /// SetEvent, ReleaseMutex, ReleaseSemaphore.
    pub fn signal(&self, object: ObjectId) -> Answer {
        let (kind, handle) = &self.0[object.index()];
        // SAFETY: the handle is open for as long as the objects are.
        let done = unsafe {
            match kind {
                Object::Event { .. } => SetEvent(handle.0),
                Object::Mutex => ReleaseMutex(handle.0),
                Object::Semaphore { .. } => ReleaseSemaphore(handle.0, 1, null_mut()),
            }
        };
        done_or_error(done)
    }

    /// ResetEvent.
    pub fn reset(&self, object: ObjectId) -> Answer {
        let (kind, handle) = &self.0[object.index()];
        if !matches!(kind, Object::Event { .. }) {
            return failed(Error::Invalid);
        }
        // SAFETY: as above.
        let done = unsafe { ResetEvent(handle.0) };
        done_or_error(done)
    }
}
