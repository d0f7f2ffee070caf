//! Locks of plain data.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// A lock whose holder panicked protects plain data that is whole at every moment.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
