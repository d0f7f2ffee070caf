//! Linux io_uring: one completion ring, many waiters. `io-uring` is what Linux 7.3 does; `io-uring-7.2` is what kernels up
//! to 7.2 do, but for those of stable series into which the change was carried back (6.12.115).
//!
//! The ring is a queue in memory that the kernel fills and its users empty: the kernel gives no entry to any
//! thread. So a `get` is a loop: io_uring_enter with IORING_ENTER_GETEVENTS and `min` as min_complete, which returns
//! at once where so many are there; advance the head of the ring if an entry is there, in one action that others do
//! not see the middle of; else the same again. With `max` it takes what is there until the batch is full. A `post`
//! is IORING_OP_MSG_RING, submitted on another ring; it puts one entry behind the others. A `msg_ring` with `from`
//! is submitted on a ring of the scenario, which gets an entry too: how it went.
//!
//! A waiter stands in a list, and waits until the tail of the ring has come to its place: the head when it came, and
//! its minimum further. An entry wakes the waiters whose place is reached, and they leave the list: a herd where each waits
//! for one. Up to 7.2 the kernel stops at the first whose place is not reached.
//!
//! A file is one whose requests go to a ring: `start` submits IORING_OP_READ there, and its end is an entry with the
//! file's key, the operation's number, and in place of the bytes the result, which is negative where it failed. `cancel`
//! is IORING_REGISTER_SYNC_CANCEL; a `submit` is a request that ends by itself. Where a port says of how many entries
//! its ring is, the kernel keeps the others in a list behind it.
//!
//! The sources are our measurements (M, by section of the notes on Unix systems) and our recordings (R, below
//! traces/recorded/io-uring), runs of the scenarios on other kernels (K), the kernel's
//! io_uring/wait.c and io_uring/msg_ring.c and its list of changes (S), and its manual pages (D). Claims of `io-uring-7.2` name only what differs there.
//!
//! # Divergence from the real system
//!
//! A look at the ring and the wait that follows it are one action; the kernel looks again before it sleeps, so
//! nothing is missed between them.
//!
//! A request ends in the thread that submitted it. One that waits on that ring looks for itself then, and goes on if
//! its place is reached, whoever stands in front; and what pends when its thread is over ends with -ECANCELED once bytes
//! come. Here a thread that is nobody's submits them all. So a cancel that comes too late (-EALREADY) is absent too.
//!
//! Timeouts of some time, which would be deadlines of no thread, are absent, and so are polled rings. Of what can be drained there
//! are reads and requests to do nothing, on a ring that has no others; up to Linux 6.15 what is behind a drained request waits only
//! until that begins, which no version has here.
//! To a ring of one submitter go messages and requests to do nothing; the others would end in its own thread. The requests of a chain that end by themselves do so in one action; in the kernel others can
//! come between. A ring whose descriptor is closed can be posted to through another one; here nobody has
//! one, but its requests go on, as they would then.

mod drain;
mod requests;
mod ring;

use alloc::vec::Vec;

use super::{linux, notify};
use crate::about::{About, COMMON, Limits, Older};
use crate::choice::{Numbers, Readings};
use crate::claim::{Claim, claims};
use crate::contract::Personality;
use crate::event::{Batch, Error, Observer, Outcome};
use crate::files::Phase;
use crate::ops_of;
use crate::program::{
    Chain, FileId, GOES_ON, Get, IoResult, Linked, Message, Modes, ObjectId, Op, OperationId,
    Owner, PacketId, PortId, Post, Program, Request, ResultId, RingSetup, TAKEN_BACK, ThreadId,
    Timeout, Verb,
};
use crate::property::Fault;
use crate::state::View;
use crate::threads::Mode;
use crate::turn::Turn;
use drain::{cannot_drain, is_waiting};
use requests::{
    can_request, file_of, in_any_order, is_in_use, pending_on, pends, ring_of, waits_for_too_many,
};
use ring::{
    drop_if_unused, for_any_by_now, is_anothers, lets_in, overlooks_kept, room, setup_of,
    stands_last, take, take_if_enough, waits_on, wanted, wants, whole_time,
};

claims! {
    FIFO = "io-uring/fifo", Measured, "M:D": "Entries are taken in the order in which they were posted.";
    HERD = "io-uring/herd", Measured, "M:D, S:wait": "An entry wakes every waiter if each waits for one.";
    ALL_MET = "io-uring/all-met", Measured, "R:minimum-holds-up-nobody, K:7.3.4, K:6.12.117, S:ChangeLog-6.12.115": "From Linux 7.3 on, and from 6.12.115 in its series, an entry wakes every waiter whose minimum is met, even one behind a waiter whose minimum is not.";
    OLD_PREFIX = "io-uring-7.2/prefix", Measured, "M:D, S:wait, K:6.1 to 7.2": "An entry wakes the waiters in the order in which they came, up to the first whose minimum is not met; those behind it sleep on, even if theirs is met.";
    PLACE = "io-uring/place", Measured, "M:D, S:wait": "A waiter waits for a tail position, its minimum after the head at its arrival; entries that others take still count.";
    FEWER = "io-uring/fewer", Measured, "M:D": "A call that waited for its minimum takes what is there when it goes on, which can be less.";
    ANY_WINS = "io-uring/any-wins", Measured, "M:D": "Which of the woken threads takes the entry is left to chance.";
    RACE = "io-uring/race", Measured, "M:D": "An entry belongs to nobody: a thread that looks before the woken waiters run takes it.";
    ROBBED_WAITS_AGAIN = "io-uring/robbed-waits-again", Measured, "M:D": "A woken thread whose entry was taken returns from its wait with nothing, and waits again.";
    BATCH = "io-uring/batch", Derived, "the loop": "A call takes as many entries as are there, up to its maximum, and waits for no more than its minimum.";
    MIN_ZERO = "io-uring/min-zero", Measured, "M:D": "A minimum of 0 never waits.";
    BATCH_ZERO = "io-uring/batch-zero", Derived, "the loop": "A maximum of 0 is EINVAL.";
    TIMEOUT = "io-uring/timeout", Measured, "M:D": "A wait that times out fails with ETIME (here ETIMEDOUT, as everywhere) if the ring is empty; the others wait on.";
    TIMEOUT_WITH_SOME = "io-uring/timeout-with-some", Measured, "M:D": "A wait that times out while any entry is there succeeds, and the call takes what is there, even fewer than its minimum.";
    MIN_WAIT = "io-uring/min-wait", Measured, "R:minimum-has-a-time, S:io_cqring_min_timer_wakeup, D:io_uring_enter": "If the minimum has a timeout of its own, the wait ends with that if an entry has come since it began, or is there: it succeeds with fewer than its minimum, or fails with ETIME if others took what came.";
    MIN_WAIT_ANY = "io-uring/min-wait-any", Measured, "R:minimum-has-a-time, S:io_cqring_min_timer_wakeup, S:29fe1bd01b99, D:io_uring_enter": "If no entry has come when the timeout of the minimum is over, the wait goes on in its place, and the next entry ends it, until the call times out.";
    MIN_WAIT_ONLY = "io-uring/min-wait-only", Measured, "R:minimum-time-beyond-the-call, S:io_cqring_min_timer_wakeup": "If the call has no timeout, or none beyond that of its minimum, the timeout of the minimum is that of the call.";
    OLD_LEAVER_WAKES_NOBODY = "io-uring-7.2/leaver-wakes-nobody", Measured, "R:who-leaves-wakes-nobody, S:wait, K:6.1 to 7.2": "A waiter that times out wakes nobody: those behind it sleep until the next entry, even if what they wait for is there.";
    MSG_RING = "io-uring/msg-ring", Measured, "R:message-says-how-it-went, S:msg_ring, D:io_uring_prep_msg_ring": "A message from one ring to another puts its entry into the other ring, and then one with its result into its own.";
    REQUEST = "io-uring/request", Measured, "R:requests-end-of-one, R:end-of-a-request-wakes-all": "A read pends until bytes come for it; then its entry says how many.";
    COMPLETION_ORDER = "io-uring/completion-order", Measured, "M:D, R:requests-order-of-their-ends": "Entries come in the order in which requests end, whatever the order in which they were submitted.";
    WHICH_READ = "io-uring/which-read", Measured, "M:D, R:bytes-for-one-of-five-reads": "Bytes that come while several reads pend on one file end one of them, and not the oldest first; no order is promised: it may be any.";
    CANCEL = "io-uring/cancel", Measured, "M:D, R:cancel-of-one-request": "A request that is cancelled ends with -ECANCELED; if there is no such request, the call fails with ENOENT.";
    CANCEL_ALL = "io-uring/cancel-all", Measured, "R:cancel-of-all-on-a-file": "Cancelling all requests on a file ends each of them, and succeeds even if there is none.";
    CANCEL_ORDER = "io-uring/cancel-order", Measured, "M:D, R:cancel-of-all-on-a-file, R:cancel-that-is-a-request": "The order in which requests end that are cancelled together is not promised: it may be any.";
    CANCEL_REQUEST = "io-uring/cancel-request", Measured, "M:D, R:cancel-that-is-a-request": "A cancel that is itself a request puts an entry of its own in front of those of the requests that it ends: 0, or -ENOENT if there is no such request; for a file, how many it found.";
    MULTISHOT = "io-uring/multishot", Measured, "R:multishot-goes-on, S:io_read_mshot": "A multishot read leaves an entry with IORING_CQE_F_MORE each time that bytes come, and stays pending.";
    MULTISHOT_ENDS = "io-uring/multishot-ends", Measured, "R:multishot-goes-on, S:io_read_mshot": "The end of the file, or a cancel, ends a multishot read, with an entry that lacks IORING_CQE_F_MORE.";
    MULTISHOT_FULL = "io-uring/multishot-full", Derived, "S:io_req_post_cqe, S:io_read_mshot": "Bytes whose entry finds no room in the ring end a multishot read, too: that entry goes to the overflow list, and is its last.";
    OWN_RING = "io-uring/own-ring", Measured, "R:cancel-from-another-ring": "A cancel finds only requests that were submitted on its own ring.";
    NOP = "io-uring/nop", Measured, "M:D, R:nop-puts-an-entry": "A no-op request puts its entry into the ring that it is submitted on.";
    TIMEOUT_REQUEST = "io-uring/timeout-request", Measured, "M:D, R:timeout-wakes-everybody": "A timeout request ends with -ETIME and wakes every waiter, whatever its minimum.";
    COUNT = "io-uring/count", Measured, "R:timeout-that-counts, D:io_uring_prep_timeout, S:io_flush_timeouts": "A timeout request with a count succeeds once that many entries have come into its ring since: its entry says 0, and wakes every waiter that waited then.";
    COUNT_LATE = "io-uring/count-late", Measured, "R:timeout-that-counts-comes-late, S:io_kill_timeout": "The entry of a timeout with a count comes when the submitting thread next enters the kernel. Before it, others can come, which wake those waiters too, and a thread that the last one woke can look, and wait again, for its whole minimum.";
    COUNT_NOT_TIMEOUTS = "io-uring/count-not-timeouts", Measured, "R:timeouts-are-not-counted, S:io_timeout_fn": "Entries of timeouts are not counted.";
    EVENTFD = "io-uring/eventfd", Measured, "R:entry-signals-the-eventfd, D:io_uring_register_eventfd, S:io_eventfd_signal": "An entry that comes into a ring signals the eventfd that is registered with it, whatever the entry is for.";
    EVENTFD_KEPT = "io-uring/eventfd-kept", Measured, "R:kept-entry-signals-late, S:io_eventfd_flush_signal": "An entry on the overflow list signals the eventfd only when it comes into the ring.";
    EVENTFD_ONE = "io-uring/eventfd-one", Measured, "R:second-eventfd-is-refused, S:io_eventfd_register": "Only one eventfd can be registered with a ring: a second is EBUSY.";
    LINK = "io-uring/link", Measured, "R:links-run-in-their-order, D:io_uring_enter, S:io_uring": "A request that is linked to another begins when the other has succeeded, and not before.";
    LINK_BROKEN = "io-uring/link-broken", Measured, "R:short-read-breaks-a-chain, D:io_uring_enter, S:io_fail_links": "A request that fails, or a read of fewer bytes than it asked for, breaks its chain: each request behind it ends with -ECANCELED, in their order, even a hard-linked one.";
    HARD_LINK = "io-uring/hard-link", Measured, "R:hard-link-goes-on, D:io_uring_enter, S:io_disarm_next": "Behind a hard-linked request the next one begins however that request ended.";
    LINK_UNSEEN = "io-uring/link-unseen", Measured, "R:link-that-waits-is-not-found, S:io_try_cancel": "A cancel does not find a request that waits for another.";
    DRAIN = "io-uring/drain", Measured, "R:drained-request-waits, D:io_uring_enter, S:io_drain_req": "A request with IOSQE_IO_DRAIN begins when every request that was submitted to its ring before it has ended.";
    DRAIN_BEHIND = "io-uring/drain-behind", Measured, "R:what-is-behind-a-drained-one-waits, D:io_uring_enter, S:io_queue_deferred": "What is submitted after a request with IOSQE_IO_DRAIN begins when that request has ended.";
    DRAIN_OVER = "io-uring/drain-over", Measured, "K:7.3.4": "From Linux 7.3 on, once a request with IOSQE_IO_DRAIN has ended and nothing waits any more, what is submitted next waits for nothing.";
    OLD_DRAIN_LATER = "io-uring-7.2/drain-later", Measured, "R:drained-before-still-holds-up, S:io_drain_req, K:6.16 to 7.2": "If requests that waited behind a request with IOSQE_IO_DRAIN pend after its end, what is submitted then waits for those too, although nothing asks for it, and so on until nothing pends.";
    DRAIN_ORDER = "io-uring/drain-order", Measured, "M:4 of 3,000, S:io_req_task_submit": "Requests that waited and begin together end in any order: other kernel threads run them.";
    DRAIN_UNSEEN = "io-uring/drain-unseen", Measured, "R:request-that-waits-is-not-found, S:io_try_cancel": "A cancel does not find a request that a drain holds back.";
    OVERFLOW = "io-uring/overflow", Measured, "M:D, R:more-than-the-ring-holds": "What does not fit into the ring is kept on the overflow list, and so is what comes while others are there; they enter the ring in order when a thread enters the kernel to wait and finds room.";
    BACK_BEFORE_ROOM = "io-uring/back-before-room", Measured, "R:kept-for-whoever-enters": "A woken thread that left the kernel before others made room takes only what is in the ring; if that is nothing, it waits again, for its whole minimum.";
    KEPT_OVERLOOKED = "io-uring/kept-overlooked", Measured, "M:66 of 4,000, R:kept-overlooked-at-full-speed": "At full speed, a call with a timeout of 0 may find nothing although entries are kept: it was in the kernel before another call made room, and looks at the ring after that.";
    NO_MORE_THAN_THE_RING = "io-uring/no-more-than-the-ring", Measured, "R:minimum-beyond-the-ring": "Nobody waits for more entries than the ring has room for.";
    SINGLE_ISSUER = "io-uring/single-issuer", Measured, "R:one-thread-submits, D:io_uring_setup, S:io_uring_enter": "Only the thread that made a ring with IORING_SETUP_SINGLE_ISSUER submits to it and registers with it: for another that fails with EEXIST. Any thread may wait on it, or send to it from another ring.";
    DEFER = "io-uring/defer-taskrun", Measured, "R:what-is-sent-waits, D:io_uring_setup, S:io_msg_data_remote": "What is sent to a ring with IORING_SETUP_DEFER_TASKRUN, even by its own thread, comes into it when its thread enters the kernel to wait or look, in the order in which it was sent.";
    DEFER_OTHERS = "io-uring/defer-others", Measured, "R:what-is-sent-waits, S:io_allowed_run_tw": "Another thread can neither wait on a ring with IORING_SETUP_DEFER_TASKRUN nor look at it in the kernel: EEXIST.";
    DEFER_OVERTAKEN = "io-uring/defer-overtaken", Measured, "R:own-request-overtakes, S:io_submit_flush": "On a ring with IORING_SETUP_DEFER_TASKRUN, what ends in the call that submits it is in the ring at once, in front of what was sent before and has not come in.";
    DEFER_WAKES = "io-uring/defer-wakes", Measured, "R:as-much-as-it-waits-for, S:io_req_local_work_add": "The thread of a ring with IORING_SETUP_DEFER_TASKRUN is woken when as much has been sent as it waits for, although none of that is in the ring.";
    DEFER_NO_MORE = "io-uring/defer-no-more", Measured, "R:as-much-as-it-waits-for, S:io_run_local_work": "A thread that comes back from its wait on a ring with IORING_SETUP_DEFER_TASKRUN lets in as much as it waits for; what was sent beyond that comes in with its next call.";
    NO_LIMIT = "io-uring/no-limit", Measured, "M:D": "Nothing limits how many woken threads run; the concurrency value means nothing.";
    CLOSE_STAYS = "io-uring/close-stays", Measured, "M:D": "Closing the descriptor wakes nobody.";
    CLOSED_RING = "io-uring/closed-ring", Documented, "D:io_uring_enter, D:io_uring_prep_msg_ring": "A call on a closed descriptor, and a post to one, fails with EBADF.";
    WOKEN_THEN_CLOSED = "io-uring/woken-then-closed", Inferred, "S:wait": "A thread that was woken before the close, and finds nothing, fails with EBADF when it waits again.";
    NO_LOST_WAKEUP = "io-uring/no-lost-wakeup", Inferred, "S:wait": "While an entry is in the ring and a thread waits for one, some other thread is awake to take it, unless a thread waits for more than one.";
}

/// See the module.
#[derive(Debug, Clone, Copy)]
pub struct IoUring {
    /// Whether an entry wakes also those who stand behind a waiter that has not got its minimum.
    goes_past_unmet: bool,
    /// Whether requests wait for what waited behind a drained one that has ended.
    drains_on: bool,
}

impl IoUring {
    /// From Linux 7.3 on.
    pub const LINUX_7_3: IoUring = IoUring {
        goes_past_unmet: true,
        drains_on: false,
    };
    /// Up to Linux 7.2.
    pub const LINUX_7_2: IoUring = IoUring {
        goes_past_unmet: false,
        drains_on: true,
    };
}

/// Whether a woken thread left the kernel only after others had made room.
const LEFT_AFTER_ROOM: Readings<bool> = Readings {
    claim: BACK_BEFORE_ROOM,
    readings: &[("before-room", false), ("after-room", true)],
};

/// What somebody finds who looks in the kernel and then at the ring, while another call makes room in between. In lock-step
/// nobody does.
const LOOKS: Readings<bool> = Readings {
    claim: KEPT_OVERLOOKED,
    readings: &[("sees", false), ("overlooks", true)],
};

/// Whether the entry of a timeout that has counted enough comes later than what is next on its ring.
const COUNTED: Readings<bool> = Readings {
    claim: COUNT_LATE,
    readings: &[("at-once", false), ("later", true)],
};

/// What a timeout waits for that has counted enough, and whose own entry has not come.
const DUE: u8 = u8::MAX;

/// What it can do beside what all can.
const REQUESTS: &[Verb] = &[
    Verb::MsgRing,
    Verb::Start,
    Verb::Complete,
    Verb::Cancel,
    Verb::CancelFile,
    Verb::Submit,
    Verb::RingEvent,
];

const LINUX_7_3: About = About {
    name: "io-uring",
    aliases: &["io_uring", "uring"],
    older: Some(Older {
        name: LINUX_7_2.name,
        os: "linux",
        before: (7, 3),
        carried_back: &[(6, 12, 115)],
    }),
    ..LINUX_7_2
};

const LINUX_7_2: About = About {
    name: "io-uring-7.2",
    sources: "M and R: measured here; S: the source of Linux; D: its manual pages",
    can: &[COMMON, REQUESTS],
    lacks_the_rest: "io_uring has no such operation here",
    limits: Limits {
        named: Some("a ring has no name"),
        minimum_wait: None,
        ..linux::LIMITS
    },
    open: &[
        &LEFT_AFTER_ROOM,
        &LOOKS,
        &COUNTED,
        &Numbers { claim: WHICH_READ },
        &Numbers {
            claim: CANCEL_ORDER,
        },
        &Numbers { claim: DRAIN_ORDER },
    ],
    at_full_speed: &[&LOOKS],
    invariants: &[NO_LOST_WAKEUP],
    no_limit: Some(NO_LIMIT),
    has_rings: true,
    keeps_order: Some(FIFO),
    ..linux::ABOUT
};

impl Personality for IoUring {
    fn about(&self) -> &'static About {
        match self.goes_past_unmet {
            true => &LINUX_7_3,
            false => &LINUX_7_2,
        }
    }

    fn refuses(&self, program: &Program, op: Op) -> Option<&'static str> {
        let small = |port: PortId| program.ports[port.index()].entries.is_some();
        let mut rings = program.port_ids();
        if rings.any(|it| small(it) && setup_of(program, it) == RingSetup::DeferTaskrun) {
            return Some("what is kept behind a ring that defers is not said");
        }
        let asked = || can_request(program, op).err();
        waits_for_too_many(op)
            .or_else(asked)
            .or_else(|| cannot_drain(program, op))
    }

    fn keeps_waiting(&self, view: View<'_>, me: ThreadId) -> Option<&'static Claim> {
        let port = view.port(view.get(me).port);
        let wants_more = |id: ThreadId| wanted(view, id) > 0;
        if port.packets().is_empty() {
            return None;
        }
        if wants_more(me) {
            return Some(PLACE);
        }
        if self.goes_past_unmet {
            return None;
        }
        let waiters = port.waiters();
        let is_behind = waiters.iter().take_while(|&id| id != me).any(wants_more);
        Some(if is_behind {
            OLD_PREFIX
        } else {
            OLD_LEAVER_WAKES_NOBODY
        })
    }

    /// Pops an entry, or io_uring_enter with IORING_ENTER_GETEVENTS.
    fn get<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
        if notify::fails_at_once(turn, me, get, BATCH_ZERO, CLOSED_RING) {
            return;
        }
        if setup_of(turn.program, get.port) == RingSetup::DeferTaskrun
            && is_anothers(turn.program, get.port, me)
        {
            return turn.fails(me, DEFER_OTHERS, Error::Exists);
        }
        let polls = get.timeout == Timeout::Ticks(0);
        if polls && overlooks_kept(turn, get.port) {
            return turn.fails(me, KEPT_OVERLOOKED, Error::Timeout);
        }
        self.flush(turn, get.port);
        self.may_come(turn, get.port);
        if let Some(outcome) = take_if_enough(turn, get, polls) {
            if turn.view().is_anybody_awake(get.port) {
                turn.by(RACE);
            }
            turn.returns(me, outcome);
        } else if get.min == Some(0) {
            turn.by(MIN_ZERO);
            turn.returns(me, Outcome::Packets(Batch::EMPTY));
        } else if polls {
            turn.fails(me, TIMEOUT, Error::Timeout);
        } else {
            let time = whole_time(turn, get);
            turn.parks(me, time);
            stands_last(turn, me, get, false);
        }
        self.settles(turn);
    }

    /// IORING_OP_MSG_RING from a ring of the poster.
    fn post<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, post: Post) {
        if !turn.port(post.port).is_open() {
            return turn.fails(me, CLOSED_RING, Error::BadHandle);
        }
        self.sends(turn, post.port, post.packet);
        turn.returns(me, Outcome::Done);
        self.settles(turn);
    }

    /// IORING_OP_MSG_RING from a ring that others wait on too.
    fn msg_ring<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, it: Message) {
        if !turn.port(it.from).is_open() {
            return turn.fails(me, CLOSED_RING, Error::BadHandle);
        }
        if is_anothers(turn.program, it.from, me) {
            return turn.fails(me, SINGLE_ISSUER, Error::Exists);
        }
        turn.by(MSG_RING);
        if turn.port(it.to).is_open() {
            self.sends(turn, it.to, it.packet);
            self.put(turn, it.from, it.went);
        } else {
            turn.by(CLOSED_RING);
            self.put(turn, it.from, it.failed);
        }
        turn.returns(me, Outcome::Done);
        self.settles(turn);
    }

    fn close<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, port: PortId) {
        notify::close_quietly(turn, me, port, CLOSED_RING, CLOSE_STAYS);
        drop_if_unused(turn, port);
    }

    /// IORING_OP_READ, submitted on the ring of its file.
    fn start<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        id: OperationId,
        _: Option<ResultId>,
    ) {
        if turn.operation(id).phase() != Phase::Idle || turn.operation(id).issuer().is_some() {
            turn.breaks(Fault::InFlight);
            return turn.returns(me, Outcome::Failed(Error::Invalid));
        }
        let ring = ring_of(turn.program, file_of(turn.program, id));
        if !turn.port(ring).is_open() {
            return turn.fails(me, CLOSED_RING, Error::BadHandle);
        }
        self.submits(turn, me, ring, Request::Read(id));
        turn.returns(me, Outcome::Failed(Error::Pending));
        self.settles(turn);
    }

    /// Bytes come for a read.
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
        let pending = pending_on(turn.view(), file_of(turn.program, id));
        let which = match pending.len() {
            1 => 0,
            several => turn.pick(WHICH_READ, several),
        };
        turn.by(REQUEST);
        self.reports(turn, pending[which], result);
        turn.returns(me, Outcome::Done);
        self.settles(turn);
    }

    /// IORING_REGISTER_SYNC_CANCEL of one request.
    fn cancel<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, id: OperationId, _: bool) {
        let ring = ring_of(turn.program, file_of(turn.program, id));
        if !turn.port(ring).is_open() {
            return turn.fails(me, CLOSED_RING, Error::BadHandle);
        }
        turn.by(CANCEL);
        if !pends(turn, id) {
            return turn.returns(me, Outcome::Failed(Error::NotFound));
        }
        self.take_back(turn, &[id]);
        turn.returns(me, Outcome::Done);
        self.settles(turn);
    }

    /// The same of all requests on a file.
    fn cancel_file<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        file: FileId,
        _: bool,
    ) {
        if !turn.port(ring_of(turn.program, file)).is_open() {
            return turn.fails(me, CLOSED_RING, Error::BadHandle);
        }
        turn.by(CANCEL_ALL);
        let ended = in_any_order(turn, file);
        self.take_back(turn, &ended);
        turn.returns(me, Outcome::Done);
        self.settles(turn);
    }

    /// IORING_REGISTER_EVENTFD.
    fn ring_event<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        port: PortId,
        event: ObjectId,
    ) {
        if !turn.port(port).is_open() {
            return turn.fails(me, CLOSED_RING, Error::BadHandle);
        }
        if is_anothers(turn.program, port, me) {
            return turn.fails(me, SINGLE_ISSUER, Error::Exists);
        }
        if turn.ring_event(port).is_some() {
            return turn.fails(me, EVENTFD_ONE, Error::Busy);
        }
        turn.set_ring_event(port, Some(event));
        turn.returns(me, Outcome::Done);
    }

    fn submit<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        port: PortId,
        request: Request,
    ) {
        if is_in_use(turn.view(), request) {
            turn.breaks(Fault::InFlight);
            return turn.returns(me, Outcome::Failed(Error::Invalid));
        }
        if !turn.port(port).is_open() {
            return turn.fails(me, CLOSED_RING, Error::BadHandle);
        }
        if is_anothers(turn.program, port, me) {
            return turn.fails(me, SINGLE_ISSUER, Error::Exists);
        }
        match request {
            Request::Chain(chain) => self.runs_chain(turn, me, (chain, 0)),
            Request::Nop(_) | Request::Drain(_) => self.submits(turn, me, port, request),
            _ => drop(self.runs(turn, me, port, request)),
        }
        turn.returns(me, Outcome::Done);
        self.settles(turn);
    }

    /// Woken threads go on in any order, and what each finds decides.
    fn wake<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
        let get = for_any_by_now(turn, me, get);
        lets_in(turn, get);
        let is_kept = turn.port(get.port).note() > 0
            && setup_of(turn.program, get.port) != RingSetup::DeferTaskrun;
        if is_kept && room(turn.view(), get.port) > 0 && turn.choose(&LEFT_AFTER_ROOM) {
            self.flush(turn, get.port);
        }
        self.may_come(turn, get.port);
        let fewer = wants(turn, get) > 0;
        if let Some(outcome) = take(turn, get) {
            turn.by(ANY_WINS);
            if fewer {
                turn.by(FEWER);
            }
            turn.releases(me, outcome);
        } else if !turn.port(get.port).is_open() {
            turn.by(WOKEN_THEN_CLOSED);
            turn.releases(me, Outcome::Failed(Error::BadHandle));
        } else {
            self.waits_again(turn, me, get);
        }
        self.settles(turn);
        drop_if_unused(turn, get.port);
    }

    fn expire<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
        if waits_on(turn, me, get) {
            return;
        }
        notify::leaves(turn, me, get);
        lets_in(turn, get);
        self.may_come(turn, get.port);
        let others_wait = !turn.port(get.port).waiters().is_empty();
        if others_wait && !self.goes_past_unmet {
            turn.by(OLD_LEAVER_WAKES_NOBODY);
        }
        let some = take(turn, get);
        turn.by(if some.is_some() {
            TIMEOUT_WITH_SOME
        } else {
            TIMEOUT
        });
        turn.releases(me, some.unwrap_or(Outcome::Failed(Error::Timeout)));
        self.settles(turn);
        drop_if_unused(turn, get.port);
    }

    fn holds(&self, view: View<'_>) -> Result<(), Fault> {
        let wants_more = |op: &Op| matches!(op, Op::Get { min: Some(min), .. } if *min > 1);
        if view.program.ops().any(|op| wants_more(&op)) {
            return Ok(());
        }
        notify::nobody_is_stranded(view)
    }
}
