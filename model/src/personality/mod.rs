//! The systems, one file each.

mod aix;
mod condvar;
mod epoll;
mod illumos;
mod io_uring;
mod kqueue;
mod linux;
mod mqueue;
mod notify;
mod nt;
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

use alloc::sync::Arc;

use crate::claim::Claim;
use crate::contract::Personality;
use crate::machine::{AnyMachine, Machine, Unsupported};
use crate::program::Program;
use crate::turn::Fixed;

/// The claims of each file of this folder, by the system that it is about.
pub const CLAIMS: [(&str, &[&Claim]); 11] = [
    ("windows", windows::CLAIMS),
    ("wine", wine::CLAIMS),
    ("illumos", illumos::CLAIMS),
    ("aix", aix::CLAIMS),
    ("epoll", epoll::CLAIMS),
    ("io-uring", io_uring::CLAIMS),
    ("kqueue", kqueue::CLAIMS),
    ("select", select::CLAIMS),
    ("pipe", pipe::CLAIMS),
    ("mqueue", mqueue::CLAIMS),
    ("condvar", condvar::CLAIMS),
];

/// The claims that a personality follows: those of its system, and those of its version.
pub fn claims_of(personality: &str) -> impl Iterator<Item = &'static Claim> + use<'_> {
    let is_of = move |system: &str| {
        personality
            .strip_prefix(system)
            .is_some_and(|version| version.is_empty() || version.starts_with('-'))
    };
    let tables = CLAIMS.into_iter().filter(move |(system, _)| is_of(system));
    tables.flat_map(move |(system, claims)| {
        let follows = move |claim: &&&Claim| [system, personality].contains(&claim.about());
        claims.iter().filter(follows).copied()
    })
}

/// The claim of this id.
pub fn claim(id: &str) -> Option<&'static Claim> {
    let mut all = CLAIMS.into_iter().flat_map(|(_, claims)| claims.iter());
    all.find(|claim| claim.id == id).copied()
}

/// Every personality, in the order of lists and tables.
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
        "windows" => setup.machine(program, Windows::VISTA),
        "windows-2003" => setup.machine(program, Windows::NT5),
        "wine-8" => setup.machine(program, Wine::V8),
        "wine-10" => setup.machine(program, Wine::V10),
        "illumos" => setup.machine(program, Illumos),
        "aix" => setup.machine(program, Aix),
        "epoll" => setup.machine(program, Epoll),
        "io-uring" => setup.machine(program, IoUring),
        "kqueue" => setup.machine(program, Kqueue::FREEBSD),
        "kqueue-macos" => setup.machine(program, Kqueue::MACOS),
        "select" => setup.machine(program, Select),
        "pipe" => setup.machine(program, Pipe),
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
