//! AIX I/O completion ports: the calls of Windows by name, with other rules, most of them unwritten.
//!
//! Threads take packets with GetQueuedCompletionStatus, a `get`, or several at once with
//! GetMultipleCompletionStatus, a `get` with `max` and `min`. What the documents leave open is open here:
//! whichever waiter, whichever packet. A `post` is PostQueuedCompletionStatus.
//!
//! The sources are IBM's pages on the subroutines CreateIoCompletionPort (create), PostQueuedCompletionStatus
//! (post), GetQueuedCompletionStatus (get), GetMultipleCompletionStatus (multiple), and on using completion
//! ports with asynchronous I/O requests (aio). Nothing of this has been run.
//!
//! # Divergence from the real system
//!
//! Asynchronous I/O itself is absent: a request names its port, which scenarios cannot say, and of one that is
//! cancelled no packet seems to come. Signals (EAGAIN, EINTR) are absent, and so is ENOMEM. Where a packet is
//! put decides when it leaves: beyond 255 places only the first are tried.

use super::notify;
use crate::about::{About, COMMON, Limits};
use crate::choice::{Numbers, Readings};
use crate::claim::{Claim, claims};
use crate::contract::Personality;
use crate::event::{Batch, Error, Observer, Outcome};
use crate::os_error::aix;
use crate::program::{
    BindingId, FileId, Get, Op, PacketId, PortId, Post, Program, ThreadId, Timeout, Verb,
};
use crate::property::Fault;
use crate::state::View;
use crate::threads::Mode;
use crate::turn::Turn;

claims! {
    CONTENTS = "aix/contents", Documented, "D:post, D:get": "A packet arrives with the key, bytes and OVERLAPPED that it was posted with.";
    WAITER_ORDER = "aix/waiter-order", Open, "D:get": "Which waiter gets a packet is not documented: it may be any.";
    PACKET_ORDER = "aix/packet-order", Open, "D:get": "The order in which packets leave the port is not documented: it may be any.";
    BARGING = "aix/barging", Open, "D:get": "Whether a later call can take a packet ahead of a waiter is not documented: here it may.";
    NO_LIMIT = "aix/no-limit", Documented, "D:create": "The concurrency value is not implemented: any number of threads run.";
    MULTIPLE = "aix/multiple", Documented, "D:multiple": "GetMultipleCompletionStatus waits for `min` packets and takes up to `max`.";
    PARTIAL = "aix/partial", Documented, "D:multiple": "A call that times out returns with the packets that are there, and with ETIMEDOUT as its errno.";
    EXCLUSIVE = "aix/exclusive", Open, "D:multiple": "Combining other waits with GetMultipleCompletionStatus is unsupported, and its effect undocumented; here they are ordinary waiters.";
    TIMEOUT = "aix/timeout", Documented, "D:get": "GetQueuedCompletionStatus fails with ETIMEDOUT if it times out.";
    BAD_ARGUMENTS = "aix/bad-arguments", Inferred, "D:multiple": "A maximum of 0, or one below the minimum, is EINVAL.";
    CLOSED_HANDLE = "aix/closed-handle", Documented, "D:post, D:create": "A call on a closed port fails with EBADF.";
    CLOSE = "aix/close", Open, "D:create": "What becomes of the waiters of a closed port is not documented: they sleep on, or fail with EBADF.";
    ASSOCIATE_TWICE = "aix/associate-twice", Documented, "D:create": "Associating a file again with the port that it already has is EALREADY.";
    SEVERAL_PORTS = "aix/several-ports", Documented, "D:aio": "A file can be associated with several ports.";
    NO_FILE = "aix/no-file", Documented, "D:create": "Associating a closed file is EINVAL.";
    NO_LOST_WAKEUP = "aix/no-lost-wakeup", Inferred, "D:get, D:multiple": "The calls are documented to wait for packets, and nothing is said about several waiters; so while there are enough packets for a waiter, some thread is assumed to be awake to look.";
}

/// See the module.
#[derive(Debug, Clone, Copy)]
pub struct Aix;

/// The most associations of one file.
const ASSOCIATIONS_MAX: usize = 8;

/// The most places that a packet may be put at.
const PLACES_MAX: usize = 255;

/// Whether the waiters of a port that is closed fail.
const WAITERS_FAIL: Readings<bool> = Readings {
    claim: CLOSE,
    readings: &[("sleep-on", false), ("fail", true)],
};

/// Why it lacks whatever it lacks.
const NO_SUCH_OPERATION: &str = "AIX has no such operation on its ports";

static ABOUT: About = About {
    name: "aix",
    sources: "D: IBM's documentation of AIX",
    os_error: aix,
    can: &[COMMON, &[Verb::Associate, Verb::CloseFile]],
    lacks_the_rest: NO_SUCH_OPERATION,
    limits: Limits {
        alertable: Some("AIX has no alertable waits"),
        named: Some("its ports have no names"),
        reserve: Some("AIX has no reserve objects"),
        may_fail: Some("that its posts find no memory is not documented"),
        status: Some("a packet that is posted carries no status"),
        ..Limits::NONE
    },
    open: &[
        &WAITERS_FAIL,
        &Numbers {
            claim: PACKET_ORDER,
        },
    ],
    invariants: &[NO_LOST_WAKEUP],
    ..About::PLAIN
};

impl Personality for Aix {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn refuses(&self, program: &Program, op: Op) -> Option<&'static str> {
        if let Op::Post { packet, .. } = op {
            return cannot_carry(program, packet);
        }
        if let Op::Associate { binding, .. } = op {
            return match binding {
                Some(binding) => cannot_associate(program, binding),
                None => Some(NO_SUCH_OPERATION),
            };
        }
        None
    }

    fn keeps_waiting(&self, view: View<'_>, me: ThreadId) -> Option<&'static Claim> {
        let get = view.get(me);
        let has_some = !view.port(get.port).packets().is_empty();
        (has_some && !has_enough(view, get)).then_some(MULTIPLE)
    }

    /// GetQueuedCompletionStatus and GetMultipleCompletionStatus.
    fn get<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
        let max = get.max.unwrap_or(1);
        if !turn.port(get.port).is_open() {
            turn.fails(me, CLOSED_HANDLE, Error::BadHandle);
        } else if max == 0 || get.min.unwrap_or(1) > max {
            turn.fails(me, BAD_ARGUMENTS, Error::Invalid);
        } else if has_enough(turn.view(), get) {
            if turn.view().is_anybody_awake(get.port) {
                turn.by(BARGING);
            }
            let outcome = take(turn, get);
            turn.returns(me, outcome);
        } else if get.timeout == Timeout::Ticks(0) {
            let outcome = gives_up(turn, get);
            turn.returns(me, outcome);
        } else {
            if waits_beside(turn.view(), get) {
                turn.by(EXCLUSIVE);
            }
            notify::waits(turn, me, get, TIMEOUT);
        }
    }

    /// PostQueuedCompletionStatus. Everybody is woken who may have enough now.
    fn post<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, post: Post) {
        let Post { port, packet, .. } = post;
        if !turn.port(port).is_open() {
            return turn.fails(me, CLOSED_HANDLE, Error::BadHandle);
        }
        let places = turn.port(port).packets().depth() + 1;
        let place = turn.pick(PACKET_ORDER, places.min(PLACES_MAX));
        turn.inserted();
        turn.port(port).packets_mut().insert(place, packet.0);
        for id in turn.program.thread_ids() {
            let waits = turn.port(port).waiters().contains(id);
            if waits && has_enough(turn.view(), turn.get(id)) {
                turn.port(port).waiters_mut().remove(id);
                turn.thread(id).set_mode(Mode::Woken);
            }
        }
        turn.returns(me, Outcome::Done);
    }

    /// close.
    fn close<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, port: PortId) {
        if !turn.port(port).is_open() {
            return turn.fails(me, CLOSED_HANDLE, Error::BadHandle);
        }
        notify::close_and_drop(turn, me, port);
        if !turn.port(port).waiters().is_empty() && turn.choose(&WAITERS_FAIL) {
            notify::release_all(turn, port, Error::BadHandle);
        }
    }

    /// CreateIoCompletionPort with a file.
    fn associate<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        binding: Option<BindingId>,
    ) {
        let binding = binding.expect("a call without a file is refused");
        let program = turn.program;
        let wanted = program.bindings[binding.index()];
        let process = program.threads[me.index()].process;
        let has = turn.file(wanted.file).bindings();
        let mine = own_bindings(program, binding)
            .enumerate()
            .find(|&(_, own)| own == binding)
            .map_or(0, |(n, _)| 1 << n);
        let is_there = own_bindings(program, binding)
            .enumerate()
            .any(|(n, own)| has & 1 << n != 0 && program.bindings[own.index()].port == wanted.port);
        let (claim, error) = if !turn.port(wanted.port).is_open() {
            (CLOSED_HANDLE, Error::BadHandle)
        } else if turn.file(wanted.file).handles(process) == 0 {
            (NO_FILE, Error::Invalid)
        } else if is_there {
            (ASSOCIATE_TWICE, Error::Exists)
        } else {
            if has != 0 {
                turn.by(SEVERAL_PORTS);
            }
            turn.file(wanted.file).set_bindings(has | mine);
            return turn.returns(me, Outcome::Done);
        };
        turn.fails(me, claim, error);
    }

    /// close of a file.
    fn close_file<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, file: FileId) {
        let process = turn.program.threads[me.index()].process;
        let handles = turn.file(file).handles(process);
        if handles == 0 {
            return turn.returns(me, Outcome::Failed(Error::BadHandle));
        }
        turn.file(file).set_handles(process, handles - 1);
        turn.returns(me, Outcome::Done);
    }

    /// The first that looks takes, and a waiter that finds too little waits again.
    fn wake<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
        notify::ignores_limit(turn, get.port, NO_LIMIT);
        if has_enough(turn.view(), get) {
            turn.by(WAITER_ORDER);
            let outcome = take(turn, get);
            turn.releases(me, outcome);
        } else if notify::is_over(turn.view(), me) {
            let outcome = gives_up(turn, get);
            turn.releases(me, outcome);
        } else if !turn.port(get.port).is_open() && turn.choose(&WAITERS_FAIL) {
            turn.releases(me, Outcome::Failed(Error::BadHandle));
        } else {
            notify::waits_again(turn, me, get);
        }
    }

    fn expire<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
        notify::leaves(turn, me, get);
        let outcome = gives_up(turn, get);
        turn.releases(me, outcome);
    }

    fn holds(&self, view: View<'_>) -> Result<(), Fault> {
        let is_forgotten = |waiter| has_enough(view, view.get(waiter));
        let strands = |&id: &PortId| view.port(id).waiters().iter().any(is_forgotten);
        match view.program.port_ids().find(strands) {
            Some(_) => Err(Fault::Stranded),
            None => Ok(()),
        }
    }
}

/// Why a post cannot carry what it should, if it cannot.
fn cannot_carry(program: &Program, packet: PacketId) -> Option<&'static str> {
    let packet = program.packets[packet.index()];
    let fits = |number| u32::try_from(number).is_ok() || i32::try_from(number).is_ok();
    let all_fit = fits(packet.key) && fits(packet.bytes);
    (!all_fit).then_some("keys and bytes have 32 bits")
}

/// Why a file cannot be associated so, if it cannot. One that is associated from the start would need the association
/// that a system of one each has.
fn cannot_associate(program: &Program, binding: BindingId) -> Option<&'static str> {
    let file = program.bindings[binding.index()].file;
    if program.files[file.index()].binding.is_some() {
        return Some("only a call associates a file");
    }
    let too_many = own_bindings(program, binding).count() > ASSOCIATIONS_MAX;
    too_many.then_some("more than 8 associations of one file are not modelled")
}

/// The associations that the file of this one can have, in order.
fn own_bindings(program: &Program, binding: BindingId) -> impl Iterator<Item = BindingId> {
    let file = program.bindings[binding.index()].file;
    (0..program.bindings.len() as u8)
        .map(BindingId)
        .filter(move |other| program.bindings[other.index()].file == file)
}

/// Whether there are as many packets as a call waits for.
fn has_enough(view: View<'_>, get: Get) -> bool {
    view.port(get.port).packets().depth() >= usize::from(get.min.unwrap_or(1))
}

/// Whether a call that waits now, or one that waits already, is one of GetMultipleCompletionStatus beside another.
fn waits_beside(view: View<'_>, get: Get) -> bool {
    let port = view.port(get.port);
    let waiters = port.waiters();
    let mut calls = waiters.iter().map(|waiter| view.get(waiter));
    calls.any(|other| other.max.or(get.max).is_some())
}

/// Takes what there is, up to the call's maximum.
fn take<O: Observer>(turn: &mut Turn<'_, O>, get: Get) -> Outcome {
    let batch = taken(turn, get);
    if get.max.is_some() {
        turn.by(MULTIPLE);
    }
    notify::outcome(get, batch).unwrap_or(Outcome::Packets(batch))
}

/// What a call comes back with whose time is over.
fn gives_up<O: Observer>(turn: &mut Turn<'_, O>, get: Get) -> Outcome {
    if get.max.is_none() {
        turn.by(TIMEOUT);
        return Outcome::Failed(Error::Timeout);
    }
    turn.by(PARTIAL);
    match taken(turn, get) {
        batch if batch.packets().is_empty() => Outcome::Failed(Error::Timeout),
        batch => Outcome::Partial(batch),
    }
}

fn taken<O: Observer>(turn: &mut Turn<'_, O>, get: Get) -> Batch {
    let batch = notify::take_batch(turn, get, usize::MAX);
    if !batch.packets().is_empty() {
        turn.by(CONTENTS);
    }
    batch
}
