//! Programs written in Rust: what a scenario file says, without a file.
//!
//! A [`Builder`] declares what threads share and what they do. [`Builder::build`] checks that what it gives out keeps
//! the promises of a [`Program`]. It knows ports, packets, events, mutexes, semaphores, sources and shared variables;
//! [`Block::op`] takes any other operation. Files, I/O operations and jobs need tables of their own, which
//! [`Program`] lists.
//!
//! Two workers take turns, because their port lets one thread run, and each may block while it has a packet:
//!
//! ```
//! use portsim_model::build::{Builder, Term};
//! use portsim_model::expr::{Field, PortField};
//! use portsim_model::program::Packet;
//!
//! let mut program = Builder::new();
//! let port = program.port(1);
//! let (job, stop) = (program.packet(Packet::key(1)), program.packet(Packet::key(0)));
//! let workers = program.threads(2, |code| {
//!     code.forever(|code| {
//!         let taken = code.get(port);
//!         code.when(Term::result(taken, Field::Key).equals(0), |code| code.leave());
//!         code.either(|code| code.stall(), |_| {});
//!     });
//! });
//! program.thread(|code| {
//!     for packet in [job, job, stop, stop] {
//!         code.post(port, packet);
//!     }
//! });
//! program.always(Term::port(port, PortField::Depth).at_most(4));
//! program.at_end(Term::thread_is_done(workers[0]).and(Term::thread_is_done(workers[1])));
//! let program = program.build().unwrap();
//! assert_eq!(program.threads.len(), 3);
//! ```

mod code;
mod term;

use alloc::vec::Vec;
use core::error::Error;
use core::fmt;

use crate::expr::ExprId;
use crate::program::{
    Bounds, Code, CodeId, OBJECTS_MAX, Object, ObjectId, Op, Owner, PACKETS_MAX, PORTS_MAX, Packet,
    PacketId, Port, PortId, ProcessId, Program, Promise, RingSetup, SOURCES_MAX, Source, SourceId,
    THREADS_MAX, Thread, ThreadId, VARS_MAX, VarId,
};
use crate::property::Invariants;

pub use code::Block;
pub use term::Term;

/// A program in the making.
#[derive(Debug, Clone)]
pub struct Builder {
    program: Program,
    problem: Option<BuildError>,
}

/// Why a program cannot be built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuildError {
    /// There are more of something than a state has room for.
    TooMany {
        /// What there are too many of.
        noun: &'static str,
        /// The most there can be.
        max: usize,
    },
    /// There is no thread, or each waits for another to spawn it.
    NobodyStarts,
    /// `leave` stands outside of every loop.
    NoLoop,
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BuildError::TooMany { noun, max } => write!(f, "more than {max} {noun}"),
            BuildError::NobodyStarts => f.write_str("no thread starts by itself"),
            BuildError::NoLoop => f.write_str("`leave` stands outside of every loop"),
        }
    }
}

impl Error for BuildError {}

impl Default for Builder {
    fn default() -> Builder {
        Builder::new()
    }
}

impl Builder {
    /// A program of nothing, in which the invariants of every port are judged.
    pub fn new() -> Builder {
        Builder {
            program: Program {
                builtin: Invariants::ALL,
                ..Program::default()
            },
            problem: None,
        }
    }

    /// A port, open from the start, on which so many threads may run at once; 0 stands for the number of processors.
    pub fn port(&mut self, concurrency: u32) -> PortId {
        let port = Port {
            concurrency,
            open: true,
            named: false,
            events_max: None,
            entries: None,
            setup: RingSetup::Shared,
        };
        let n = push(&mut self.program.ports, port);
        self.at_most(n, PORTS_MAX, "ports");
        PortId(n as u8)
    }

    /// A packet of these contents; equal contents are one packet.
    pub fn packet(&mut self, contents: Packet) -> PacketId {
        let program = &mut self.program;
        let known = program.packets.iter().position(|known| *known == contents);
        let n = known.unwrap_or_else(|| {
            program.owners.push(Owner::Nobody);
            push(&mut program.packets, contents)
        });
        let n_and_sources = n + program.sources.len();
        self.at_most(n_and_sources, PACKETS_MAX, "packets and sources");
        PacketId(n as u8)
    }

    /// An event, a mutex or a semaphore.
    pub fn object(&mut self, object: Object) -> ObjectId {
        let n = push(&mut self.program.objects, object);
        self.at_most(n, OBJECTS_MAX, "events, mutexes and semaphores");
        ObjectId(n as u8)
    }

    /// Something that ports of some systems can watch.
    pub fn source(&mut self, readable: bool) -> SourceId {
        self.add_source(Source {
            readable,
            ..Source::default()
        })
    }

    /// A port as something that other ports watch: epoll only. Each port is one source at most.
    pub fn source_of_port(&mut self, port: PortId) -> SourceId {
        self.add_source(Source {
            port: Some(port),
            ..Source::default()
        })
    }

    fn add_source(&mut self, source: Source) -> SourceId {
        let n = push(&mut self.program.sources, source);
        self.at_most(n, SOURCES_MAX, "sources");
        let n_and_packets = n + self.program.packets.len();
        self.at_most(n_and_packets, PACKETS_MAX, "packets and sources");
        SourceId(n as u8)
    }

    /// A shared variable with its first value.
    pub fn var(&mut self, first: i32) -> VarId {
        let n = push(&mut self.program.vars, first);
        self.at_most(n, VARS_MAX, "variables");
        VarId(n as u8)
    }

    /// A thread that does what is written in its block.
    pub fn thread(&mut self, write: impl FnOnce(&mut Block<'_>)) -> ThreadId {
        self.threads(1, write)[0]
    }

    /// So many threads that share their code: none of them can be told from the others but by its number.
    ///
    /// # Panics
    ///
    /// If `count` is 0.
    pub fn threads(&mut self, count: u8, write: impl FnOnce(&mut Block<'_>)) -> Vec<ThreadId> {
        assert!(count > 0, "a group has at least one thread");
        let mut block = Block::new(&mut self.program, &mut self.problem);
        write(&mut block);
        let code = block.end();
        self.group(count, code)
    }

    fn group(&mut self, count: u8, code: Code) -> Vec<ThreadId> {
        let code = CodeId(push(&mut self.program.codes, code) as u8);
        let thread = Thread {
            code,
            spawned: false,
            may_wait: false,
            may_wait_in: Vec::new(),
            process: ProcessId(0),
        };
        let threads = (0..count).map(|_| {
            let n = push(&mut self.program.threads, thread.clone());
            ThreadId(n as u8)
        });
        let threads = threads.collect();
        self.at_most(self.program.threads.len() - 1, THREADS_MAX, "threads");
        threads
    }

    /// Lets threads wait for ever: for others that is a deadlock when nothing can move any more.
    pub fn may_wait(&mut self, threads: impl IntoIterator<Item = ThreadId>) {
        for thread in threads {
            self.program.threads[thread.index()].may_wait = true;
        }
    }

    /// What holds in every state.
    pub fn always(&mut self, holds: Term) {
        let holds = self.expr(&holds);
        self.program.always.push(holds);
    }

    /// What some state shows.
    pub fn sometimes(&mut self, shows: Term) {
        let shows = self.expr(&shows);
        self.program.sometimes.push(shows);
    }

    /// What holds in every state in which nothing can move any more.
    pub fn at_end(&mut self, holds: Term) {
        let holds = self.expr(&holds);
        self.program.at_end.push(holds);
    }

    /// What every fair run comes to: once, or each time that `when` calls for it.
    pub fn eventually(&mut self, when: Option<Term>, then: Term) {
        let when = when.map(|when| self.expr(&when));
        let then = self.expr(&then);
        self.program.eventually.push(Promise { when, then });
    }

    /// Where the exploration of a program that has no end stops.
    pub fn bounds(&mut self, bounds: Bounds) {
        self.program.bounds = bounds;
    }

    /// Leaves the invariants of every port out: nothing is judged but what is said here.
    pub fn without_invariants(&mut self) {
        self.program.builtin = Invariants::NONE;
    }

    /// The program. A thread that another one spawns waits for that.
    ///
    /// # Errors
    ///
    /// The first thing that was wrong.
    pub fn build(mut self) -> Result<Program, BuildError> {
        if let Some(problem) = self.problem {
            return Err(problem);
        }
        let program = &mut self.program;
        let spawned: Vec<_> = program.ops().filter_map(spawned).collect();
        for thread in spawned {
            program.threads[thread.index()].spawned = true;
        }
        if program.threads.iter().all(|thread| thread.spawned) {
            return Err(BuildError::NobodyStarts);
        }
        Ok(self.program)
    }

    fn expr(&mut self, term: &Term) -> ExprId {
        let expr = term.put_into(&mut self.program.exprs);
        expr.unwrap_or_else(|problem| {
            self.problem.get_or_insert(problem);
            ExprId(0)
        })
    }

    fn at_most(&mut self, n: usize, max: usize, noun: &'static str) {
        if n >= max {
            self.problem
                .get_or_insert(BuildError::TooMany { noun, max });
        }
    }
}

/// Adds to a list; where it stands there.
fn push<T>(list: &mut Vec<T>, one: T) -> usize {
    list.push(one);
    list.len() - 1
}

fn spawned(op: Op) -> Option<ThreadId> {
    let Op::Spawn { thread } = op else {
        return None;
    };
    Some(thread)
}
