//! What the io_uring of a kernel has: it grew over the years, and a scenario may need less than all of it.

use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixDatagram;
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use io_uring::{IoUring as Ring, Probe, opcode};
use portsim_model::ops_of;
use portsim_model::program::{Op, PortId, Program, Request, RingSetup, Timeout};
use rustix::io::Errno;

use super::entries::Entry;
use super::requests::nobody;
use super::ring::{self, Patience, REQUESTS, Shared};
use crate::native::numbers::Number;

/// What of io_uring came after its first versions.
#[derive(Debug, Clone, Copy)]
pub struct Kernel {
    /// Messages between rings (IORING_OP_MSG_RING, Linux 5.18). From then on an eventfd is registered at once, too.
    pub messages: bool,
    /// A call that waits for so long (IORING_ENTER_EXT_ARG, Linux 5.11).
    pub time_limits: bool,
    /// A call that cancels (IORING_REGISTER_SYNC_CANCEL, Linux 6.0).
    pub sync_cancel: bool,
    /// A cancel of all requests on a file (IORING_ASYNC_CANCEL_FD, Linux 5.19).
    pub cancel_of_files: bool,
    /// Reads that go on behind what they report (IORING_OP_READ_MULTISHOT, Linux 6.7).
    pub multishot: bool,
    /// Entries stand behind those that are kept because the ring was full (Linux 6.1).
    pub keeps_order: bool,
}

impl Kernel {
    /// One that has none of it.
    #[cfg(test)]
    pub const OLDEST: Kernel = Kernel {
        messages: false,
        time_limits: false,
        sync_cancel: false,
        cancel_of_files: false,
        multishot: false,
        keeps_order: false,
    };

    /// The kernel of this machine.
    pub fn here() -> Result<Kernel, String> {
        static HERE: OnceLock<Result<Kernel, String>> = OnceLock::new();
        HERE.get_or_init(Kernel::ask).clone()
    }

    fn ask() -> Result<Kernel, String> {
        let mut ring = Ring::new(REQUESTS).map_err(|error| format!("io_uring_setup: {error}"))?;
        let mut known = Probe::new();
        let asked = ring.submitter().register_probe(&mut known);
        asked.map_err(|error| format!("io_uring_register: {error}"))?;
        let number = ring.as_fd().into();
        // Nothing is there to cancel: who knows the call says so.
        let sync_cancel = ring::cancel(number, &nobody()) == Err(Errno::NOENT);
        let file = number.raw();
        Entry::cancel_all(file, 0).put(&mut ring.submission());
        let waited = ring.submit_and_wait(1);
        waited.map_err(|error| format!("io_uring_enter: {error}"))?;
        let own = ring.completion().next();
        let is_unknown = |result: i32| result == -Errno::INVAL.raw_os_error();
        Ok(Kernel {
            messages: known.is_supported(opcode::MsgRingData::CODE),
            time_limits: ring.params().is_feature_ext_arg(),
            sync_cancel,
            keeps_order: keeps_order().map_err(|error| format!("io_uring: {error}"))?,
            multishot: known.is_supported(opcode::ReadMulti::CODE),
            cancel_of_files: own.is_some_and(|own| !is_unknown(own.result())),
        })
    }

    /// Why it cannot do an operation, if it cannot.
    pub fn lacks(self, program: &Program, op: Op) -> Option<&'static str> {
        let mut setups = program.ports.iter().map(|port| port.setup);
        // Where a post is a request on the ring itself, it is one of its thread.
        let lacks = |setup| match self.messages {
            true => has_no(setup),
            false => (setup != RingSetup::Shared).then_some(NO_SUBMITTER),
        };
        if let Some(why) = setups.find_map(lacks) {
            return Some(why);
        }
        let is_small = |port: PortId| program.ports[port.index()].entries.is_some();
        let mut rooms = op.room_needed(program).into_iter();
        if !self.keeps_order && rooms.any(|room| is_small(room.port)) {
            return Some("entries of this kernel overtake those on the overflow list");
        }
        let (has, why) = match op {
            Op::MsgRing { .. } => (self.messages, "this kernel has no messages between rings"),
            Op::Get {
                min_wait: Some(_), ..
            } if self.time_limits => return minimum_wait(),
            Op::Get {
                timeout: Timeout::Ticks(1..),
                ..
            }
            | Op::Get {
                min_wait: Some(_), ..
            } => (
                self.time_limits,
                "this kernel has no timeout on a wait for an entry",
            ),
            Op::Cancel { .. } | Op::CancelFile { .. } => {
                (self.sync_cancel, "this kernel has no synchronous cancel")
            }
            Op::Submit {
                request: Request::CancelFile(..),
                ..
            } => (
                self.cancel_of_files,
                "this kernel cannot cancel requests by file",
            ),
            Op::Start { operation, .. } if program.operations[operation.index()].multishot => {
                (self.multishot, "this kernel has no multishot reads")
            }
            Op::RingEvent { .. } => (
                self.messages,
                "this kernel registers an eventfd only when no call is in the ring",
            ),
            Op::Submit {
                request: Request::Drain(_),
                ..
            } => return drains(self),
            Op::Start { operation, .. } if program.operations[operation.index()].drain => {
                return drains(self);
            }
            Op::Submit { .. } => return None,
            ops_of!(ports, port_handles, objects, threads, apcs, variables) => return None,
            ops_of!(files, wait_packets, jobs, sources) => return None,
            ops_of!(event_ports, kqueues) => return None,
        };
        (!has).then_some(why)
    }
}

const NO_SUBMITTER: &str = "no ring of this kernel has one submitter";

/// Why no ring is set up so, if none is: single issuers came with Linux 6.0, IORING_SETUP_DEFER_TASKRUN with 6.1, and that
/// messages wait like all else, whoever sends them, in one of the versions up to 6.12.
fn has_no(setup: RingSetup) -> Option<&'static str> {
    type Why = Option<&'static str>;
    static ONE: OnceLock<Why> = OnceLock::new();
    static DEFER: OnceLock<Why> = OnceLock::new();
    let one = || match Shared::new(None, setup) {
        Ok(_) => None,
        Err(_) => Some(NO_SUBMITTER),
    };
    let defer = || {
        let Ok(ring) = Shared::new(None, setup) else {
            return Some("no ring of this kernel waits for its thread to let in what is sent");
        };
        let mut sender = Ring::new(REQUESTS).ok()?;
        Entry::message(ring.as_fd().into(), 0, 0).put(&mut sender.submission());
        sender.submit_and_wait(1).ok()?;
        let is_there = !ring.turn().there().is_empty();
        is_there
            .then_some("on this kernel messages come into a ring before its thread lets them in")
    };
    match setup {
        RingSetup::Shared => None,
        RingSetup::SingleIssuer => *ONE.get_or_init(one),
        RingSetup::DeferTaskrun => *DEFER.get_or_init(defer),
    }
}

/// Why a call does not wait for its minimum for a time of its own (min_wait_usec, Linux 6.12), and then for any entry, if it
/// does not: what pends for the thread itself ended such a wait from the first, what others put into the ring only later.
fn minimum_wait() -> Option<&'static str> {
    static WHY: OnceLock<Option<&'static str>> = OnceLock::new();
    const PATIENCE: Patience = Patience {
        minimum: Some(Duration::from_millis(1)),
        whole: Some(Duration::from_millis(500)),
    };
    *WHY.get_or_init(|| {
        let ring = Shared::new(None, RingSetup::Shared).ok()?;
        let number = || Number::from(ring.as_fd());
        let since = Instant::now();
        let waited = thread::scope(|scope| {
            scope.spawn(|| {
                // On a slow machine the call has begun by then.
                thread::sleep(Duration::from_millis(50));
                ring.turn().submit(number(), &Entry::nop(0))
            });
            ring::wait(number(), 2, PATIENCE)
        });
        match waited {
            Err(Errno::INVAL) => Some("no call of this kernel has a time for its minimum"),
            _ if Some(since.elapsed()) >= PATIENCE.whole => Some(
                "a call of this kernel waits on for its whole minimum when the time for it is over",
            ),
            _ => None,
        }
    })
}

/// Why what is behind a drained request does not wait until that has ended, if it does not (up to Linux 6.15).
fn drains(kernel: Kernel) -> Option<&'static str> {
    const WHY: &str =
        "what is behind a drained request of this kernel waits only until that begins";
    static WAITS: OnceLock<bool> = OnceLock::new();
    // Where a post is a request on the ring itself, it would wait, too.
    let waits = || {
        let ring = Shared::new(None, RingSetup::Shared).ok()?;
        let (file, _device) = UnixDatagram::pair().ok()?;
        let number = Number::from(ring.as_fd());
        let mut turn = ring.turn();
        let read = Entry::read(file.as_raw_fd(), 0).drained();
        turn.submit(number, &read).ok()?;
        let number = Number::from(ring.as_fd());
        turn.submit(number, &Entry::nop(0)).ok()?;
        thread::sleep(Duration::from_millis(5));
        Some(turn.there().is_empty())
    };
    let waits = kernel.messages && *WAITS.get_or_init(|| waits().unwrap_or(false));
    (!waits).then_some(WHY)
}

/// Whether what is submitted waits for what waited behind a drained request that has ended (up to Linux 7.2).
pub fn drains_on() -> bool {
    static WAITS: OnceLock<bool> = OnceLock::new();
    let waits = || {
        let ring = Shared::new(None, RingSetup::Shared).ok()?;
        let (first, device) = UnixDatagram::pair().ok()?;
        let (second, _device) = UnixDatagram::pair().ok()?;
        let mut turn = ring.turn();
        let read = |file: &UnixDatagram| Entry::read(file.as_raw_fd(), 0);
        for request in [read(&first), Entry::nop(0).drained(), read(&second)] {
            turn.submit(Number::from(ring.as_fd()), &request).ok()?;
        }
        device.send(&[0]).ok()?;
        turn.wait_for(2).ok()?;
        thread::sleep(Duration::from_millis(5));
        let nop = Entry::nop(0);
        turn.submit(Number::from(ring.as_fd()), &nop).ok()?;
        thread::sleep(Duration::from_millis(5));
        Some(turn.there().len() == 2)
    };
    *WAITS.get_or_init(|| waits().unwrap_or(false))
}

/// Whether an entry for which the ring has room again stands behind one that was kept before.
fn keeps_order() -> std::io::Result<bool> {
    let mut ring = Ring::builder().setup_cqsize(2).build(2)?;
    let put = |ring: &mut Ring, number| {
        Entry::nop(number).put(&mut ring.submission());
        ring.submit().map(drop)
    };
    for number in 1..=3 {
        put(&mut ring, number)?;
    }
    ring.completion().next();
    put(&mut ring, 4)?;
    Ok(ring.completion().all(|entry| entry.user_data() != 4))
}
