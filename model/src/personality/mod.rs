//! The systems, one file each.

mod epoll;
mod illumos;
mod windows;
mod wine;

pub use epoll::Epoll;
pub use illumos::Illumos;
pub use windows::Windows;
pub use wine::Wine;

use crate::kernel::Kernel;

/// Work that is done for whichever system a name stands for.
pub trait ForSystem {
    /// What comes out.
    type Out;
    /// Does it.
    fn with<K: Kernel + Send + Sync + 'static>(self, kernel: K) -> Self::Out;
}

/// Every system, in the order of lists and tables.
pub const NAMES: [&str; 6] = [
    "windows",
    "windows-2003",
    "wine-8",
    "wine-10",
    "illumos",
    "epoll",
];

/// Does work for the system of this name; none if there is no such system.
pub fn with<F: ForSystem>(name: &str, work: F) -> Option<F::Out> {
    Some(match name {
        "windows" => work.with(Windows::VISTA),
        "windows-2003" => work.with(Windows::NT5),
        "wine-8" => work.with(Wine::V8),
        "wine-10" => work.with(Wine::V10),
        "illumos" => work.with(Illumos),
        "epoll" => work.with(Epoll),
        _ => return None,
    })
}
