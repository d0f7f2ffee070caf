//! Events, mutexes and semaphores: objects of the system, one for each of the program's.
//!
//! What stands for the end of one thread is its handle, which `threads` has. For the end of several there is an event that
//! is set when the last of them is over: a wait for all of their handles could not be ended early.

use std::ptr::{null, null_mut};
use std::sync::Mutex;

use portsim_model::event::Error;
use portsim_model::program::{Object, ObjectId, Program, SEMAPHORE_MAX, ThreadId, Whose};
use windows_sys::Win32::Foundation::HANDLE;
use windows_sys::Win32::System::Threading::{
    CreateEventW, CreateMutexW, CreateSemaphoreW, ReleaseMutex, ReleaseSemaphore, ResetEvent,
    SetEvent,
};

use super::handles::{Owned, checked, done_or_error, failed, lock, set};
use crate::native::backend::Failure;
use crate::trace::Answer;

/// The objects of a run.
pub struct Objects {
    objects: Vec<(Object, Owned)>,
    /// By object: those of whose end it is that are not over.
    left: Mutex<Vec<Vec<ThreadId>>>,
}

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
                Object::End(_) => unsafe { CreateEventW(null(), 1, 0, null()) },
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
        let left = (0..program.objects.len() as u8).map(ObjectId).map(|id| {
            let threads = program.thread_ids();
            threads.filter(|&it| program.ends_in(it, id)).collect()
        });
        Ok(Objects {
            objects: objects.collect::<Result<_, Failure>>()?,
            left: Mutex::new(left.collect()),
        })
    }

    /// The handle of an object.
    pub fn handle(&self, object: ObjectId) -> HANDLE {
        self.objects[object.index()].1.raw()
    }

    /// The one thread of whose end an object is, if it is of one.
    pub fn one(&self, object: ObjectId) -> Option<ThreadId> {
        match self.objects[object.index()].0 {
            Object::End(Whose::Threads { first, count: 1 }) => Some(first),
            _ => None,
        }
    }

    /// A thread is over.
    pub fn ended(&self, thread: ThreadId) -> Result<(), Failure> {
        let mut left = lock(&self.left);
        for ((kind, handle), left) in self.objects.iter().zip(left.iter_mut()) {
            left.retain(|&it| it != thread);
            if matches!(kind, Object::End(_)) && left.is_empty() {
                set(handle)?;
            }
        }
        Ok(())
    }

    /// SetEvent, ReleaseMutex, ReleaseSemaphore.
    pub fn signal(&self, object: ObjectId) -> Answer {
        let (kind, handle) = &self.objects[object.index()];
        let handle = handle.raw();
        done_or_error(match kind {
            // SAFETY: the call takes no pointer; the handle is open for as long as the objects are there.
            Object::Event { .. } => unsafe { SetEvent(handle) },
            // SAFETY: as above. The system refuses a thread that does not own the mutex.
            Object::Mutex => unsafe { ReleaseMutex(handle) },
            Object::End(_) => unreachable!("no operation signals it"),
            // SAFETY: as above. The count before need not be told.
            Object::Semaphore { .. } => unsafe { ReleaseSemaphore(handle, 1, null_mut()) },
        })
    }

    /// ResetEvent.
    pub fn reset(&self, object: ObjectId) -> Answer {
        let (kind, handle) = &self.objects[object.index()];
        if !matches!(kind, Object::Event { .. }) {
            return failed(Error::Invalid);
        }
        // SAFETY: the call takes no pointer; the handle is open for as long as the objects are there.
        done_or_error(unsafe { ResetEvent(handle.raw()) })
    }
}
