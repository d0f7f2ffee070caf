//! The systems, one file each.

mod aix;
mod condvar;
mod epoll;
mod illumos;
mod io_uring;
mod kqueue;
mod mqueue;
mod pipe;
mod select;
mod windows;
mod wine;

pub use aix::Aix;
pub use condvar::Condvar;
pub use epoll::Epoll;
pub use illumos::Illumos;
pub use io_uring::IoUring;
pub use kqueue::Kqueue;
pub use mqueue::Mqueue;
pub use pipe::Pipe;
pub use select::Select;
pub use windows::Windows;
pub use wine::Wine;

use crate::contract::Personality;

/// Work that is done for whichever system a name stands for.
pub trait ForPersonality {
    /// What comes out.
    type Out;
    /// Does it.
    fn with<P: Personality + Send + Sync + 'static>(self, personality: P) -> Self::Out;
}

/// Every system, in the order of lists and tables.
pub const NAMES: [&str; 14] = [
    "windows",
    "windows-2003",
    "wine-8",
    "wine-10",
    "illumos",
    "aix",
    "epoll",
    "io-uring",
    "kqueue",
    "kqueue-macos",
    "select",
    "pipe",
    "mqueue",
    "condvar",
];

/// Does work for the system of this name; none if there is no such system.
pub fn with<F: ForPersonality>(name: &str, work: F) -> Option<F::Out> {
    Some(match name {
        "windows" => work.with(Windows::VISTA),
        "windows-2003" => work.with(Windows::NT5),
        "wine-8" => work.with(Wine::V8),
        "wine-10" => work.with(Wine::V10),
        "illumos" => work.with(Illumos),
        "aix" => work.with(Aix),
        "epoll" => work.with(Epoll),
        "io-uring" => work.with(IoUring),
        "kqueue" => work.with(Kqueue::FREEBSD),
        "kqueue-macos" => work.with(Kqueue::MACOS),
        "select" => work.with(Select),
        "pipe" => work.with(Pipe),
        "mqueue" => work.with(Mqueue),
        "condvar" => work.with(Condvar),
        _ => return None,
    })
}
