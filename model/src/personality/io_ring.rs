//! Windows I/O rings (Windows 11): requests go to the kernel in batches, and their ends stand in a completion queue.
//!
//! A port is a ring. A `start` is BuildIoRingReadFile and SubmitIoRing, a `complete` the end of the read, whose entry has the
//! key of its file as user data and the operation's number. A `get` that only looks is PopIoRingCompletion, and
//! `ring_event` SetIoRingCompletionEvent: who would wait waits for the event, and pops first what is there.
//!
//! The sources are Microsoft's documentation (D), and a library whose author measured it (X).
//!
//! # Divergence from the real system
//!
//! No backend records it: Wine has no I/O rings. SubmitIoRing can wait for ends, and for how many; of several threads that
//! do its page says nothing, so no `get` waits here. A `post` is BuildIoRingFlushFile of what is flushed at once.
//! The queue is never full. Cancels, writes, registered files and buffers, and requests that drain those before
//! them are absent; so is an event that is taken away (NULL). Calls on one ring are made one at a time, as its pages ask.

use crate::about::{About, COMMON, Limits};
use crate::claim::claims;
use crate::contract::Personality;
use crate::event::{Error, Observer, Outcome};
use crate::files::Phase;
use crate::objects;
use crate::os_error::win32;
use crate::personality::notify;
use crate::program::{
    FileId, Get, Modes, ObjectId, Op, OperationId, Owner, Packet, PacketId, PortId, Post, Program,
    ResultId, ThreadId, Timeout, Verb,
};
use crate::property::Fault;
use crate::state::View;
use crate::turn::Turn;

claims! {
    FIFO = "io-ring/fifo", Documented, "D:pop": "Entries are popped from the front of the queue, in the order in which they came.";
    EMPTY = "io-ring/empty", Documented, "D:pop": "A pop of an empty queue finds nothing, and does not wait (S_FALSE, here WAIT_TIMEOUT).";
    ENTRY = "io-ring/entry", Documented, "D:cqe, D:read": "A read that ends leaves an entry with its user data, its result and its number of bytes.";
    EVENT = "io-ring/event", Documented, "D:event, X:io-ring": "The event of a ring is set when an entry comes into its empty queue, and only then: a thread that does not pop everything before it waits may wait for ever.";
    EVENT_ONE = "io-ring/event-one", Documented, "D:event, X:io-ring": "A ring has one event: a later one replaces an earlier one.";
    CLOSED = "io-ring/closed", Documented, "D:event, D:pop": "A call on a ring that is closed fails.";
    CLOSE_DROPS = "io-ring/close-drops", Inferred, "D:close": "Entries that are in the queue of a ring when it is closed are lost.";
}

/// See the module.
#[derive(Debug, Clone, Copy)]
pub struct IoRing;

/// What it can do beside what all can.
const REQUESTS: &[Verb] = &[Verb::Start, Verb::Complete, Verb::RingEvent];

static ABOUT: About = About {
    name: "io-ring",
    aliases: &["ioring"],
    sources: "D: Microsoft's documentation; X: a library that measured it",
    os_error: win32,
    can: &[COMMON, REQUESTS],
    lacks_the_rest: "an I/O ring has no such operation here",
    limits: Limits {
        alertable: Some("a pop does not wait"),
        minimum: Some("a pop takes one entry"),
        named: Some("a ring has no name"),
        ..Limits::NONE
    },
    ..About::PLAIN
};

impl Personality for IoRing {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn refuses(&self, program: &Program, op: Op) -> Option<&'static str> {
        if let Op::Get { timeout, max, .. } = op {
            return match (timeout, max) {
                (_, Some(_)) => Some("a pop takes one entry"),
                (Timeout::Ticks(0), None) => None,
                _ => Some("who waits for an I/O ring waits for its event"),
            };
        }
        if let Op::Post {
            packet,
            may_fail,
            reserve,
            ..
        } = op
        {
            let Packet {
                bytes,
                overlapped,
                status,
                ..
            } = program.packets[packet.index()];
            let is_other =
                may_fail || reserve.is_some() || (bytes, overlapped, status) != (0, 0, 0);
            return is_other.then_some("the entry of a flush carries its user data, and no more");
        }
        if let Op::Start { operation, now, .. } = op {
            return unlike_a_read(program, operation)
                .or_else(|| now.map(|_| "the call does not say that a request is over"));
        }
        if let Op::Complete { burst, .. } = op {
            return match program.bursts[usize::from(burst)][..] {
                [one] => unlike_a_read(program, one),
                _ => Some("each request ends by itself"),
            };
        }
        None
    }

    /// PopIoRingCompletion.
    fn get<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
        if !turn.port(get.port).is_open() {
            return turn.fails(me, CLOSED, Error::BadHandle);
        }
        let first = turn.port(get.port).packets().as_slice().first().copied();
        let Some(outcome) = notify::take(turn, get, 1) else {
            return turn.fails(me, EMPTY, Error::Timeout);
        };
        turn.by(FIFO);
        if let Some(Owner::Operation(id)) = first.map(|it| turn.program.owner(PacketId(it))) {
            turn.operation(id).rest();
        }
        turn.returns(me, outcome);
    }

    /// BuildIoRingFlushFile and SubmitIoRing, of what is flushed at once.
    fn post<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, post: Post) {
        if !turn.port(post.port).is_open() {
            return turn.fails(me, CLOSED, Error::BadHandle);
        }
        self.comes(turn, post.port, post.packet);
        turn.returns(me, Outcome::Done);
    }

    /// CloseIoRing.
    fn close<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, port: PortId) {
        if !turn.port(port).is_open() {
            return turn.fails(me, CLOSED, Error::BadHandle);
        }
        turn.by(CLOSE_DROPS);
        notify::close_and_drop(turn, me, port);
    }

    /// BuildIoRingReadFile and SubmitIoRing.
    fn start<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        id: OperationId,
        _: Option<ResultId>,
    ) {
        if turn.operation(id).phase() != Phase::Idle {
            turn.breaks(Fault::InFlight);
            return turn.returns(me, Outcome::Failed(Error::Invalid));
        }
        if !turn.port(ring_of(turn.program, id)).is_open() {
            return turn.fails(me, CLOSED, Error::BadHandle);
        }
        turn.operation(id).begin(me);
        turn.returns(me, Outcome::Failed(Error::Pending));
    }

    /// A read ends.
    fn complete<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        burst: u16,
        result: ResultId,
    ) {
        let id = turn.program.bursts[usize::from(burst)][0];
        if turn.operation(id).phase() != Phase::Pending {
            return turn.returns(me, Outcome::Failed(Error::NotFound));
        }
        let (ring, issuer) = (ring_of(turn.program, id), turn.operation(id).issuer());
        if !turn.port(ring).is_open() {
            turn.operation(id).end(Phase::Idle, result);
        } else {
            turn.by(ENTRY);
            turn.operation(id).end(Phase::Queued, result);
            let packet = packet_of(turn.program, id, result);
            self.comes(turn, ring, packet);
        }
        if let Some(issuer) = issuer {
            turn.ends_if_over(issuer);
        }
        turn.returns(me, Outcome::Done);
    }

    /// SetIoRingCompletionEvent.
    fn ring_event<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        port: PortId,
        event: ObjectId,
    ) {
        if !turn.port(port).is_open() {
            return turn.fails(me, CLOSED, Error::BadHandle);
        }
        if turn.ring_event(port).is_some() {
            turn.by(EVENT_ONE);
        }
        turn.set_ring_event(port, Some(event));
        turn.returns(me, Outcome::Done);
    }

    fn wake<O: Observer>(&self, _: &mut Turn<'_, O>, _: ThreadId, _: Get) {
        unreachable!("nobody waits for an I/O ring");
    }

    fn expire<O: Observer>(&self, _: &mut Turn<'_, O>, _: ThreadId, _: Get) {
        unreachable!("nobody waits for an I/O ring");
    }

    /// Nobody waits, so nobody does beside an entry.
    fn holds(&self, view: View<'_>) -> Result<(), Fault> {
        notify::nobody_is_stranded(view)
    }
}

impl IoRing {
    /// An entry comes into the queue of a ring.
    fn comes<O: Observer>(&self, turn: &mut Turn<'_, O>, ring: PortId, packet: PacketId) {
        let was_empty = turn.port(ring).packets().is_empty();
        notify::append(turn, ring, packet.0);
        if let Some(event) = turn.ring_event(ring) {
            turn.by(EVENT);
            if was_empty {
                objects::set(self, turn, event);
            }
        }
    }
}

/// Why no request is like this operation, if none is.
fn unlike_a_read(program: &Program, id: OperationId) -> Option<&'static str> {
    let operation = program.operations[id.index()];
    let file = program.files[operation.file.index()];
    if file.binding.is_none() {
        return Some("a request goes to the ring of its file, and this one has none");
    }
    let is_other = file.sync
        || file.modes != Modes::default()
        || operation.overlapped == 0
        || operation.event.is_some()
        || operation.apc;
    is_other.then_some("a request has user data, and neither modes, event nor routine")
}

fn ring_of(program: &Program, id: OperationId) -> PortId {
    let FileId(file) = program.operations[id.index()].file;
    let binding = program.files[usize::from(file)].binding;
    program.bindings[binding.expect("it is asked for first").index()].port
}

/// What the entry of a request carries that has ended so.
fn packet_of(program: &Program, id: OperationId, result: ResultId) -> PacketId {
    let mut completions = program.completions.iter();
    let own = completions.find(|it| it.operation == id && it.result == result);
    own.expect("all that can come together are listed").packet
}
