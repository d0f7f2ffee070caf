//! The systems, one file each.

mod aix;
mod condvar;
// TO DO mod epoll;
mod illumos;
// TO DO mod io_uring;
// TO DO mod kqueue;
mod mqueue;
// TO DO mod pipe;
mod linux;
mod notify;
mod select;
// TO DO mod windows;
// TO DO mod wine;

pub use aix::Aix;
pub use condvar::Condvar;
// TO DO pub use epoll::Epoll;
pub use illumos::Illumos;
// TO DO pub use io_uring::IoUring;
// TO DO pub use kqueue::Kqueue;
pub use mqueue::Mqueue;
// TO DO pub use pipe::Pipe;
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
        "illumos" => setup.machine(program, Illumos),
        "aix" => setup.machine(program, Aix),
        // TO DO "epoll" => setup.machine(program, Epoll),
        // TO DO "io-uring" => setup.machine(program, IoUring),
        // TO DO "kqueue" => setup.machine(program, Kqueue::FREEBSD),
        // TO DO "kqueue-macos" => setup.machine(program, Kqueue::MACOS),
        "select" => setup.machine(program, Select),
        // TO DO "pipe" => setup.machine(program, Pipe),
        "mqueue" => setup.machine(program, Mqueue),
        "condvar" => setup.machine(program, Condvar),
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
