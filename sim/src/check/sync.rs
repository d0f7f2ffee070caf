//! What workers share a table and a depth with: what the standard library has, or what loom has in its place.

#[cfg(all(test, loom))]
pub use loom::sync::{
    Condvar, Mutex, MutexGuard, RwLock,
    atomic::{AtomicU32, AtomicU64, Ordering},
};
#[cfg(not(all(test, loom)))]
pub use std::sync::{
    Condvar, Mutex, MutexGuard, RwLock,
    atomic::{AtomicU32, AtomicU64, Ordering},
};
