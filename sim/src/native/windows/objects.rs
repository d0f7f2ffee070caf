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
            let handle = match *object {
                // SAFETY: an object may have neither a name nor attributes.
                Object::Event { manual, signaled } => unsafe {
                    CreateEventW(null(), manual.into(), signaled.into(), null())
                },
                // SAFETY: as above.
                Object::Mutex => unsafe { CreateMutexW(null(), 0, null()) },
                // SAFETY: as above.
                Object::Semaphore { count } => unsafe {
                    CreateSemaphoreW(null(), count.into(), SEMAPHORE_MAX.into(), null())
                },
            };
            // SAFETY: if it was made it is new.
            let handle = unsafe { checked("create an object", handle) };
            Ok((*object, handle?))
        };
        let objects = program.objects.iter().map(object);
        objects.collect::<Result<_, Failure>>().map(Objects)
    }

    /// The handle of an object.
    pub fn handle(&self, object: ObjectId) -> HANDLE {
        self.0[object.index()].1.raw()
    }

    /// SetEvent, ReleaseMutex, ReleaseSemaphore.
    pub fn signal(&self, object: ObjectId) -> Answer {
        let (kind, handle) = &self.0[object.index()];
        let handle = handle.raw();
        done_or_error(match kind {
            // SAFETY: the call takes no pointer; the handle is open for as long as the objects are there.
            Object::Event { .. } => unsafe { SetEvent(handle) },
            // SAFETY: as above. The system refuses a thread that does not own the mutex.
            Object::Mutex => unsafe { ReleaseMutex(handle) },
            // SAFETY: as above. The count before need not be told.
            Object::Semaphore { .. } => unsafe { ReleaseSemaphore(handle, 1, null_mut()) },
        })
    }

    /// ResetEvent.
    pub fn reset(&self, object: ObjectId) -> Answer {
        let (kind, handle) = &self.0[object.index()];
        if !matches!(kind, Object::Event { .. }) {
            return failed(Error::Invalid);
        }
        // SAFETY: the call takes no pointer; the handle is open for as long as the objects are there.
        done_or_error(unsafe { ResetEvent(handle.raw()) })
    }
}
