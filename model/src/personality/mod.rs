//! The systems, one file each.

mod aix;
mod condvar;
mod epoll;
mod illumos;
mod io_ring;
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
pub use io_ring::IoRing;
pub use io_uring::IoUring;
pub use kqueue::Kqueue;
pub use mqueue::Mqueue;
pub use pipe::Pipe;
pub use select::Select;
pub use windows::Windows;
pub use wine::Wine;

use alloc::sync::Arc;

use crate::choice::Open;
use crate::claim::Claim;
use crate::contract::Personality;
use crate::machine::{AnyMachine, Machine, Unsupported};
use crate::program::Program;
use crate::turn::Fixed;

/// The claims of each file of this folder, by the system that it is about.
pub static CLAIMS: [(&str, &[&Claim]); 12] = [
    ("windows", windows::CLAIMS),
    ("wine", wine::CLAIMS),
    ("io-ring", io_ring::CLAIMS),
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

/// Every personality, in the order of lists and tables.
pub const NAMES: [&str; 17] = [
    "windows",
    "windows-7",
    "windows-2003",
    "wine-8",
    "wine-10",
    "io-ring",
    "illumos",
    "aix",
    "epoll",
    "io-uring",
    "io-uring-7.2",
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
    let setup = Setup {
        program: Arc::clone(program),
        processors,
        fixed,
        at_full_speed: false,
    };
    with(name, setup)
}

/// The same for threads at full speed, which can show what others cannot.
pub fn machine_at_full_speed(
    name: &str,
    program: &Arc<Program>,
    processors: u32,
    fixed: &[Fixed],
) -> Option<Result<Arc<dyn AnyMachine>, Unsupported>> {
    let setup = Setup {
        program: Arc::clone(program),
        processors,
        fixed,
        at_full_speed: true,
    };
    with(name, setup)
}

/// A program that is put on a personality.
struct Setup<'s> {
    program: Arc<Program>,
    processors: u32,
    fixed: &'s [Fixed],
    at_full_speed: bool,
}

impl Visitor for Setup<'_> {
    type Out = Result<Arc<dyn AnyMachine>, Unsupported>;
    fn visit<P: Personality>(self, personality: P) -> Self::Out {
        let make = match self.at_full_speed {
            true => Machine::at_full_speed,
            false => Machine::with_readings,
        };
        let machine = make(self.program, personality, self.processors, self.fixed)?;
        Ok(Arc::new(machine))
    }
}

/// Every choice that the rules of the personality of this name leave open; none if there is no such personality.
pub fn open(name: &str) -> Option<&'static [&'static dyn Open]> {
    struct Ask;
    impl Visitor for Ask {
        type Out = &'static [&'static dyn Open];
        fn visit<P: Personality>(self, personality: P) -> Self::Out {
            personality.about().open
        }
    }
    with(name, Ask)
}

/// What else people call a system, in lower case; none if there is no such personality.
pub fn aliases(name: &str) -> Option<&'static [&'static str]> {
    struct Ask;
    impl Visitor for Ask {
        type Out = &'static [&'static str];
        fn visit<P: Personality>(self, personality: P) -> Self::Out {
            personality.about().aliases
        }
    }
    with(name, Ask)
}

/// What the letters in the sources of its claims stand for; none if there is no personality of this name.
pub fn sources(name: &str) -> Option<&'static str> {
    struct Ask;
    impl Visitor for Ask {
        type Out = &'static str;
        fn visit<P: Personality>(self, personality: P) -> Self::Out {
            personality.about().sources
        }
    }
    with(name, Ask)
}

/// The version of this name that a machine has whose operating system and release are these; none if there is no such
/// personality.
pub fn version_on(name: &str, os: &str) -> Option<&'static str> {
    struct Ask<'o>(&'o str);
    impl Visitor for Ask<'_> {
        type Out = &'static str;
        fn visit<P: Personality>(self, personality: P) -> Self::Out {
            personality.about().version_on(self.0)
        }
    }
    with(name, Ask(os))
}

/// Work for whichever personality has a name.
trait Visitor {
    type Out;
    fn visit<P: Personality>(self, personality: P) -> Self::Out;
}

/// Does work for the personality of this name; none if there is none. Nothing else goes from a name to a personality.
fn with<V: Visitor>(name: &str, visitor: V) -> Option<V::Out> {
    Some(match name {
        "windows" => visitor.visit(Windows::LATER),
        "windows-7" => visitor.visit(Windows::SEVEN),
        "windows-2003" => visitor.visit(Windows::NT5),
        "wine-8" => visitor.visit(Wine::V8),
        "wine-10" => visitor.visit(Wine::V10),
        "io-ring" => visitor.visit(IoRing),
        "illumos" => visitor.visit(Illumos),
        "aix" => visitor.visit(Aix),
        "epoll" => visitor.visit(Epoll),
        "io-uring" => visitor.visit(IoUring::LINUX_7_3),
        "io-uring-7.2" => visitor.visit(IoUring::LINUX_7_2),
        "kqueue" => visitor.visit(Kqueue::FREEBSD),
        "kqueue-macos" => visitor.visit(Kqueue::MACOS),
        "select" => visitor.visit(Select),
        "pipe" => visitor.visit(Pipe),
        "mqueue" => visitor.visit(Mqueue),
        "condvar" => visitor.visit(Condvar),
        _ => return None,
    })
}
