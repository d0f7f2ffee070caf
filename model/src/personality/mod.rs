//! The systems, one file each.

// TO DO mod aix;
// TO DO mod condvar;
mod epoll;
// TO DO mod illumos;
mod io_uring;
mod kqueue;
// TO DO mod mqueue;
mod linux;
mod notify;
mod pipe;
mod select;
// TO DO mod windows;
// TO DO mod wine;

// TO DO pub use aix::Aix;
// TO DO pub use condvar::Condvar;
pub use epoll::Epoll;
// TO DO pub use illumos::Illumos;
pub use io_uring::IoUring;
pub use kqueue::Kqueue;
// TO DO pub use mqueue::Mqueue;
pub use pipe::Pipe;
pub use select::Select;
// TO DO pub use windows::Windows;
// TO DO pub use wine::Wine;

use alloc::sync::Arc;

use crate::contract::Personality;
use crate::machine::{AnyMachine, Machine, Unsupported};
use crate::program::Program;
use crate::turn::Fixed;

/// Every system, in the order of lists and setups.
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

/// Puts a program on the personality of this name, on a machine with so many processors and with some readings of open
/// claims fixed; none if there is no such personality.
pub fn machine(
    name: &str,
    program: &Arc<Program>,
    processors: u32,
    fixed: &[Fixed],
) -> Option<Result<Arc<dyn AnyMachine>, Unsupported>> {
    let (program, setup) = (Arc::clone(program), Setup { processors, fixed });
    Some(match name {
        // TO DO "windows" => setup.machine(program, Windows::VISTA),
        // TO DO "windows-2003" => setup.machine(program, Windows::NT5),
        // TO DO "wine-8" => setup.machine(program, Wine::V8),
        // TO DO "wine-10" => setup.machine(program, Wine::V10),
        // TO DO "illumos" => setup.machine(program, Illumos),
        // TO DO "aix" => setup.machine(program, Aix),
        "epoll" => setup.machine(program, Epoll),
        "io-uring" => setup.machine(program, IoUring),
        "kqueue" => setup.machine(program, Kqueue::FREEBSD),
        "kqueue-macos" => setup.machine(program, Kqueue::MACOS),
        "select" => setup.machine(program, Select),
        "pipe" => setup.machine(program, Pipe),
        // TO DO "mqueue" => setup.machine(program, Mqueue),
        // TO DO "condvar" => setup.machine(program, Condvar),
        _ => return None,
    })
}

/// What every machine is made with.
struct Setup<'f> {
    processors: u32,
    fixed: &'f [Fixed],
}

impl Setup<'_> {
    fn machine<P: Personality>(
        self,
        program: Arc<Program>,
        personality: P,
    ) -> Result<Arc<dyn AnyMachine>, Unsupported> {
        let machine = Machine::with_readings(program, personality, self.processors, self.fixed)?;
        Ok(Arc::new(machine))
    }
}
