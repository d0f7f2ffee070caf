//! Wine's completion ports: `wine-8` and `wine-10`, as those versions do what Windows programs ask of them.
//!
//! A port is an object of Wine's server. It keeps packets in order and knows nothing of running threads. What the
//! two versions differ in is how a packet and a waiter meet. In Wine 8 a waiter waits for the port to have a
//! packet, and then asks for it like anybody else; in Wine 10 the server hands the packet over. A plain `get` is
//! GetQueuedCompletionStatus, one with `max` is GetQueuedCompletionStatusEx.
//!
//! Long: the claims of a system, and the calls that follow them, stand together.
//!
//! The source is our own measurement (M): programs for Windows under the Wine 8.0 and 10.0 of Debian, 300
//! repetitions of each question, and the recordings that `tests/windows.sh` makes.
//!
//! # Divergence from the real system
//!
//! Waits for the handle of a port and wait completion packets are absent. So are several handles of one port in
//! Wine 8, where a waiter depends on the one that it used: once that is closed, it fails with ERROR_INVALID_HANDLE when
//! a packet comes, which stays where it is, beside other waiters. A waiter that Wine 10
//! releases with a batch takes one packet here; packets posted before it runs might come with it. Files are those of
//! Windows, as far as pipes were seen to be; absent are synchronous ones and handles in other processes. The status
//! block of an operation is written when it ends.

use super::nt;
use super::nt::jobs::Loss;
use super::nt::operations::{cancels, ends, first_pending, is_agnostic, pending_on};
use super::nt::port::{dropped, outcome, removed};
use super::nt::rules::{End, Insert, Nt, Rules, SomeRules};
use crate::about::{About, COMMON, Limits};
use crate::choice::Numbers;
use crate::claim::{Claim, claims};
use crate::contract::Personality;
use crate::event::{Batch, Error, Observer, Outcome};
use crate::files::Phase;
use crate::ops_of;
use crate::os_error::win32;
use crate::program::{
    BindingId, FileId, Get, JobId, Modes, Op, OperationId, PacketId, PortId, Post, ProcessId,
    Program, Reserve, ReserveId, ResultId, ThreadId, Timeout, Verb,
};
use crate::property::Fault;
use crate::state::View;
use crate::threads::Mode;
use crate::turn::Turn;

claims! {
    CONTENTS = "wine/contents", Measured, "M": "A packet arrives with the key, bytes, OVERLAPPED and status that it was posted with.";
    FIFO = "wine/fifo", Measured, "M": "Packets are taken oldest first.";
    NO_LIMIT = "wine/no-limit", Measured, "M": "The concurrency value is not enforced: every packet finds a waiter if there is one.";
    TIMEOUT = "wine/timeout", Measured, "M": "A call that times out takes nothing and fails with WAIT_TIMEOUT.";
    KEEPS = "wine/keeps", Derived, "Ws:kernelbase, W:sock": "A call that takes no packet stores neither key nor bytes, and NULL as the OVERLAPPED.";
    BATCH = "wine/batch", Measured, "M": "A batch takes what is queued, oldest first, and never waits to be full.";
    BATCH_ZERO = "wine/batch-zero", Measured, "M": "A batch of no packets succeeds with none, at once.";
    CLOSED_HANDLE = "wine/closed-handle", Measured, "M": "A call on a closed handle fails with ERROR_INVALID_HANDLE.";
    QUERY = "wine/query", Measured, "M": "NtQueryIoCompletion tells how many packets nobody has taken.";
    APC_WAKES = "wine/apc-wakes", Measured, "M": "An APC ends an alertable wait; a call that is not alertable runs none.";
    IO_PACKET = "wine/io-packet", Measured, "M": "An operation on an associated file that succeeds in its call, or ends later in any way, leaves one packet: the file's key, its OVERLAPPED, its bytes and its status.";
    IO_NO_PACKET = "wine/io-no-packet", Measured, "M": "An operation without an OVERLAPPED, with the low bit of its event set, or without a port leaves no packet; its event or its file is signaled all the same.";
    IO_START_RESETS = "wine/io-start-resets", Derived, "Ws:async": "Issuing an operation resets its event and its file's own signal.";
    IO_MODES = "wine/io-modes", Measured, "M": "The modes of a file suppress the packet of an operation that succeeds in its call, and the signal of the file; they add up.";
    IO_ASSOCIATE = "wine/io-associate", Measured, "M": "A file has one association, which all its handles share: another fails with ERROR_INVALID_PARAMETER. It is read when an operation ends.";
    IO_ROUTINE = "wine/io-routine", Measured, "M": "An operation with a completion routine cannot be issued on an associated file; one that was issued before ends with its APC and no packet.";
    IO_REPLACE = "wine/io-replace", Measured, "M": "FileReplaceCompletionInformation is not implemented: ERROR_INVALID_FUNCTION.";
    IO_CANCEL = "wine/io-cancel", Measured, "M": "A cancelled operation leaves one packet, ERROR_OPERATION_ABORTED; CancelIoEx on an operation that is over fails with ERROR_NOT_FOUND, and CancelIo never fails.";
    IO_CANCEL_ORDER = "wine/io-cancel-order", Measured, "M": "What is cancelled with a whole file reports in any order: the issuing threads end the operations.";
    IO_CLOSE = "wine/io-close", Measured, "M": "Only closing the last handle of a file ends what is pending on it.";
    ISSUER_EXIT = "wine/issuer-exit", Measured, "M": "A thread that ends cancels what it has issued, except operations with a port, an OVERLAPPED and no event.";
    APC_ENDED = "wine/apc-ended", Measured, "M": "An APC cannot be queued to a thread that has ended: ERROR_GEN_FAILURE.";
    SUSPENDED = "wine/suspended", Measured, "M": "A waiter that is suspended keeps its place, and packets pass it over.";
    RESUMED = "wine/resumed", Measured, "M": "A waiter that is resumed gets a packet if one is there, else runs its APCs, else times out if its time is over, else waits on in its old place.";
    SUSPENDED_ENDED = "wine/suspended-ended", Measured, "M": "A thread that has ended cannot be suspended: ERROR_ACCESS_DENIED.";
    TERMINATED = "wine/terminated", Measured, "M": "A waiter that is terminated takes nothing; terminating a thread that has ended succeeds.";
    JOB_MESSAGES = "wine/job-messages", Measured, "M": "A job reports to its port the processes that are in it, those that begin and end in it, and the end of the last: a packet with the job's key, the message in place of the bytes and the process in place of the OVERLAPPED. Of nested jobs the innermost reports first.";
    JOB_ONCE = "wine/job-once", Measured, "M": "A job has one association; another fails with ERROR_INVALID_PARAMETER.";
    JOB_NULL = "wine/job-null", Measured, "M": "The association of a job cannot be removed: ERROR_INVALID_PARAMETER, or ERROR_INVALID_HANDLE if there is none.";
    V8_SUSPENDED_CLOSE = "wine-8/suspended-close", Measured, "M": "A close forgets a suspended waiter too; if packets were queued, the waiter fails with ERROR_INVALID_HANDLE when it is resumed.";
    V8_FIFO_WAITERS = "wine-8/fifo-waiters", Measured, "M": "The waiter that parked first is released first.";
    V8_RACE = "wine-8/race", Measured, "M": "A packet belongs to nobody: a thread that calls before the released waiter runs takes it.";
    V8_ROBBED_AGAIN = "wine-8/robbed-again", Measured, "M": "A released waiter that finds nothing waits again as the newest, with its whole timeout.";
    V8_CLOSE_FORGETS = "wine-8/close-forgets", Measured, "M": "Closing the last handle releases nobody: a waiter with a timeout waits until it times out, all others for ever.";
    V8_CLOSE_UNDER = "wine-8/close-under", Inferred, "M": "A waiter released before the close calls again on a closed handle, and fails with ERROR_INVALID_HANDLE.";
    V8_ALERT_LAST = "wine-8/alert-last", Measured, "M": "An alertable call with an APC pending takes a packet if there is one.";
    V8_CANCEL_NOTHING = "wine-8/cancel-nothing", Measured, "M": "CancelIoEx on a whole file succeeds with nothing to cancel.";
    V10_CANCEL_NOTHING = "wine-10/cancel-nothing", Measured, "M": "CancelIoEx on a whole file fails with ERROR_NOT_FOUND if there is nothing to cancel.";
    V10_LIFO = "wine-10/lifo", Measured, "M": "The waiter that parked last is released first.";
    V10_HANDOFF = "wine-10/handoff", Measured, "M": "A post binds its packet to the waiter that it releases.";
    V10_SUSPENDED_CLOSE = "wine-10/suspended-close", Measured, "M": "A suspended waiter of a closed port fails with ERROR_ABANDONED_WAIT_0 when it is resumed, even if packets were queued or its time is over.";
    V10_RESERVE = "wine-10/reserve", Measured, "M": "A post with a reserve object is like any other, even while the object is in use; with one for APCs it fails with ERROR_INVALID_HANDLE.";
    V10_RESERVE_APC = "wine-10/reserve-apc", Measured, "M": "An APC can be queued with a reserve object of either kind, even while the object is in use; such APCs end an alertable wait.";
    V10_CLOSE_ABANDONS = "wine-10/close-abandons", Measured, "M": "Closing the last handle releases every waiter with ERROR_ABANDONED_WAIT_0.";
    V10_ALERT_FIRST = "wine-10/alert-first", Measured, "M": "An alertable call with an APC pending runs it and takes no packet, if the last call of its thread was not on this port.";
    V10_ALERT_MEMBER = "wine-10/alert-member", Measured, "M": "A thread whose last call was on this port takes a packet before its APCs run.";
}

/// See the module.
#[derive(Debug, Clone, Copy)]
pub struct Wine {
    /// Whether a post hands its packet to the newest waiter, and a close releases everybody; else a post makes
    /// the oldest runnable, and a close forgets them.
    hands_over: bool,
}

impl Wine {
    /// Wine 8.0.
    pub const V8: Wine = Wine { hands_over: false };

    /// Wine 10.0.
    pub const V10: Wine = Wine { hands_over: true };
}

const V8: About = About {
    name: "wine-8",
    sources: "M: measured here, under Wine",
    os_error: win32,
    can: &[COMMON, OF_NT],
    lacks: &[
        (
            &[Verb::DuplicatePort],
            "which handle a waiter has used is not modelled",
        ),
        (
            &[
                Verb::WaitHandle,
                Verb::ExitProcess,
                Verb::KernelApc,
                Verb::Peek,
            ],
            NOT_MODELLED,
        ),
        (nt::WAIT_PACKETS, NOT_MODELLED),
        (nt::EPOLL, "Wine has no epoll"),
        (&[Verb::Kevent], "Wine has no kqueue"),
    ],
    lacks_the_rest: "Wine has no event ports",
    limits: Limits {
        reserve: Some(NO_RESERVES),
        ..LIMITS
    },
    open: &[&Numbers {
        claim: IO_CANCEL_ORDER,
    }],
    keeps: Ok(KEEPS),
    keeps_order: Some(FIFO),
    no_limit: Some(NO_LIMIT),
    ..About::PLAIN
};

const V10: About = About {
    name: "wine-10",
    can: &[COMMON, OF_NT, &[Verb::DuplicatePort]],
    limits: LIMITS,
    ..V8
};

/// What no version can do of the operations that it has.
const LIMITS: Limits = Limits {
    minimum: Some("a batch takes what is there, and waits for no more"),
    may_fail: Some("its posts find memory"),
    named: Some("its names of ports are not modelled"),
    ..Limits::NONE
};

const NOT_MODELLED: &str = "this operation of Wine's is not modelled";
const NO_RESERVES: &str = "it has no reserve objects";

impl Personality for Wine {
    fn about(&self) -> &'static About {
        match self.hands_over {
            true => &V10,
            false => &V8,
        }
    }

    fn refuses(&self, program: &Program, op: Op) -> Option<&'static str> {
        let (refused, why) = match op {
            Op::Get { alertable, max, .. } => (
                alertable && max.is_none(),
                "of calls on ports only a batch can be alertable",
            ),
            Op::Apc { special: true, .. } => {
                (true, "what Wine does with a special APC is not known")
            }
            Op::Apc { reserve, .. } => (reserve.is_some() && !self.hands_over, NO_RESERVES),
            Op::JobPort { may_lose, .. }
            | Op::JobStart { may_lose, .. }
            | Op::JobExit { may_lose, .. } => (may_lose, "its jobs lose no message"),
            Op::Start { operation, .. } => {
                let file = program.operations[operation.index()].file;
                let sync = program.files[file.index()].sync;
                (sync, "its synchronous files are not modelled")
            }
            Op::DuplicateFile { process, .. } => (
                process.is_some(),
                "its handles in other processes are not modelled",
            ),
            Op::Post { .. } | Op::Close { .. } | Op::Create { .. } => return None,
            Op::Associate { .. } | Op::Replace { .. } | Op::Modes { .. } => return None,
            Op::CloseFile { .. } | Op::Complete { .. } | Op::KernelApc { .. } => return None,
            Op::Cancel { .. } | Op::CancelFile { .. } | Op::Peek { .. } => return None,
            ops_of!(port_handles, objects, threads, variables, wait_packets) => return None,
            ops_of!(sources, event_ports, rings, kqueues) => return None,
        };
        refused.then_some(why)
    }

    /// GetQueuedCompletionStatus and GetQueuedCompletionStatusEx.
    fn get<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
        if get.max == Some(0) {
            turn.by(BATCH_ZERO);
            return turn.returns(me, Outcome::Packets(Batch::EMPTY));
        }
        if !turn.port(get.port).is_open() {
            return turn.fails(me, CLOSED_HANDLE, Error::BadHandle);
        }
        let alerted = get.alertable && turn.thread(me).apcs() > 0;
        if alerted && self.runs_apcs_first(turn, me, get.port) {
            turn.runs_apcs(me);
            return turn.returns(me, Outcome::Failed(Error::Apc));
        }
        if self.hands_over {
            turn.thread(me).set_port(Some(get.port));
        }
        if let Some(outcome) = take(turn, get) {
            return turn.returns(me, outcome);
        }
        if alerted {
            turn.by(APC_WAKES);
            turn.runs_apcs(me);
            return turn.returns(me, Outcome::Failed(Error::Apc));
        }
        if get.timeout == Timeout::Ticks(0) {
            return turn.fails(me, TIMEOUT, Error::Timeout);
        }
        wait(turn, me, get);
    }

    /// PostQueuedCompletionStatus, NtSetIoCompletionEx.
    fn post<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, post: Post) {
        if !turn.port(post.port).is_open() {
            return turn.fails(me, CLOSED_HANDLE, Error::BadHandle);
        }
        if let Some(reserve) = post.reserve {
            turn.by(V10_RESERVE);
            if turn.program.reserves[reserve.index()] == Reserve::Apc {
                return turn.returns(me, Outcome::Failed(Error::BadHandle));
            }
        }
        turn.returns(me, Outcome::Done);
        self.insert(turn, post.port, post.packet);
    }

    /// CloseHandle.
    fn close<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, port: PortId) {
        let handles = turn.port(port).handles();
        if handles == 0 {
            return turn.fails(me, CLOSED_HANDLE, Error::BadHandle);
        }
        turn.port(port).set_handles(handles - 1);
        turn.returns(me, Outcome::Done);
        if handles == 1 {
            self.run_down(turn, port);
        }
    }

    nt::shared_calls!();

    /// QueueUserAPC, NtQueueApcThreadEx.
    fn queue_apc<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        target: ThreadId,
        reserve: Option<ReserveId>,
        _: bool,
    ) {
        match turn.thread(target).mode() {
            Mode::Unborn => return turn.returns(me, Outcome::Failed(Error::BadHandle)),
            mode if mode.is_over() => return turn.fails(me, APC_ENDED, Error::General),
            _ => {}
        }
        if reserve.is_some() {
            turn.by(V10_RESERVE_APC);
        }
        turn.thread(target).queue_apc();
        turn.returns(me, Outcome::Done);
        run_apcs(turn, target);
    }

    fn replace<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        _: FileId,
        _: Option<BindingId>,
    ) {
        turn.fails(me, IO_REPLACE, Error::Absent);
    }

    /// The device ends what is pending of some operations.
    fn complete<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        burst: u16,
        result: ResultId,
    ) {
        let program = turn.program;
        let mut outcome = Outcome::Failed(Error::NotFound);
        for &id in &program.bursts[usize::from(burst)] {
            if turn.operation(id).phase() == Phase::Pending {
                ends(self, turn, id, End::later(result));
                outcome = Outcome::Done;
            }
        }
        turn.returns(me, outcome);
    }

    /// CancelIoEx and CancelIo on a whole file.
    fn cancel_file<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        file: FileId,
        mine: bool,
    ) {
        loop {
            let view = turn.view();
            let meant = |&id: &OperationId| cancels(view, me, id, mine);
            let left = pending_on(view, file).filter(meant).count();
            if left < 2 {
                return nt::operations::cancel_file(self, turn, me, file, mine);
            }
            let next = turn.pick(IO_CANCEL_ORDER, left);
            let view = turn.view();
            let meant = |&id: &OperationId| cancels(view, me, id, mine);
            let next = pending_on(view, file).filter(meant).nth(next);
            if let Some(id) = next {
                ends(self, turn, id, End::cancelled(turn.program));
            }
        }
    }

    fn job_port<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        job: JobId,
        binding: Option<u8>,
        _: bool,
    ) {
        if binding.is_some() {
            return nt::jobs::job_port(self, turn, me, job, binding, Loss(None));
        }
        turn.by(JOB_NULL);
        let error = match turn.job(job).binding() {
            Some(_) => Error::Invalid,
            None => Error::BadHandle,
        };
        turn.returns(me, Outcome::Failed(error));
    }

    fn job_start<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        job: JobId,
        pid: u8,
        _: bool,
    ) {
        nt::jobs::job_start(self, turn, me, job, pid, Loss(None));
    }

    fn job_exit<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        job: JobId,
        pid: u8,
        _: bool,
    ) {
        nt::jobs::job_exit(self, turn, me, job, pid, Loss(None));
    }

    /// A released waiter asks like any other thread.
    fn wake<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
        if !turn.port(get.port).is_open() {
            turn.by(V8_CLOSE_UNDER);
            return turn.releases(me, Outcome::Failed(Error::BadHandle));
        }
        if let Some(outcome) = take(turn, get) {
            return turn.releases(me, outcome);
        }
        if get.alertable && turn.thread(me).apcs() > 0 {
            turn.by(APC_WAKES);
            turn.runs_apcs(me);
            return turn.releases(me, Outcome::Failed(Error::Apc));
        }
        turn.by(V8_ROBBED_AGAIN);
        turn.thread(me).set_remaining(None);
        wait(turn, me, get);
    }

    /// SuspendThread: a waiter stays where it is.
    fn suspends<O: Observer>(&self, turn: &mut Turn<'_, O>, _: ThreadId) {
        turn.by(SUSPENDED);
    }

    /// ResumeThread.
    fn resumes<O: Observer>(&self, turn: &mut Turn<'_, O>, target: ThreadId) {
        match turn.thread(target).mode() {
            Mode::Parked => self.looks_again(turn, target),
            Mode::Aside => {
                turn.by(V10_SUSPENDED_CLOSE);
                turn.releases(target, Outcome::Failed(Error::Abandoned));
            }
            _ => {}
        }
    }

    fn suspended_too_late<O: Observer>(&self, turn: &mut Turn<'_, O>) -> Outcome {
        turn.by(SUSPENDED_ENDED);
        Outcome::Failed(Error::Denied)
    }

    fn terminated_too_late<O: Observer>(&self, turn: &mut Turn<'_, O>) -> Outcome {
        turn.by(TERMINATED);
        Outcome::Done
    }

    /// A thread that is suspended finds its time over when it is resumed.
    fn expire<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
        if turn.thread(me).suspensions() > 0 {
            return;
        }
        turn.by(TIMEOUT);
        turn.port(get.port).waiters_mut().remove(me);
        turn.releases(me, Outcome::Failed(Error::Timeout));
    }

    fn exits<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, was: Mode) {
        if was == Mode::Parked {
            turn.by(TERMINATED);
        }
        turn.thread(me).set_port(None);
        for port in turn.program.port_ids() {
            turn.port(port).waiters_mut().remove(me);
        }
        let bound =
            |view: View<'_>, id| view.operation(id).issuer() == Some(me) && !is_agnostic(view, id);
        while let Some(id) = first_pending(turn.view(), bound) {
            turn.by(ISSUER_EXIT);
            ends(self, turn, id, End::cancelled(turn.program));
        }
    }

    /// APCs that are pending run when an alertable wait would begin to sleep.
    fn alerts<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId) -> bool {
        let pending = turn.thread(me).apcs() > 0;
        if pending {
            turn.by(APC_WAKES);
            turn.runs_apcs(me);
            turn.returns(me, Outcome::Failed(Error::Apc));
        }
        pending
    }

    /// No packet waits beside a waiter that could take it, unless one is on its way. Where a waiter may be terminated,
    /// one that was on its way may be gone.
    fn holds(&self, view: View<'_>) -> Result<(), Fault> {
        let terminates = |op: Op| op.verb() == Verb::Terminate;
        let may_be_gone = !self.hands_over && view.program.ops().any(terminates);
        for id in view.program.port_ids() {
            let port = view.port(id);
            let could_take = port
                .waiters()
                .iter()
                .any(|it| view.thread(it).suspensions() == 0);
            let on_its_way = view.is_anybody_awake(id);
            if !port.packets().is_empty() && could_take && !on_its_way && !may_be_gone {
                return Err(Fault::Stranded);
            }
        }
        Ok(())
    }
}

/// What both versions have besides what all systems have.
const OF_NT: &[Verb] = &[
    Verb::Query,
    Verb::Suspend,
    Verb::Resume,
    Verb::Terminate,
    Verb::Apc,
    Verb::Associate,
    Verb::Replace,
    Verb::Modes,
    Verb::DuplicateFile,
    Verb::CloseFile,
    Verb::Start,
    Verb::Complete,
    Verb::Cancel,
    Verb::CancelFile,
    Verb::Free,
    Verb::Alloc,
    Verb::JobPort,
    Verb::JobStart,
    Verb::JobExit,
];

impl Wine {
    /// Whether the APCs of an alertable call run before it looks for a packet.
    fn runs_apcs_first<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        port: PortId,
    ) -> bool {
        let is_member = turn.thread(me).port() == Some(port);
        turn.by(match (self.hands_over, is_member) {
            (false, _) => V8_ALERT_LAST,
            (true, true) => V10_ALERT_MEMBER,
            (true, false) => V10_ALERT_FIRST,
        });
        self.hands_over && !is_member
    }

    /// A waiter that is resumed.
    fn looks_again<O: Observer>(&self, turn: &mut Turn<'_, O>, target: ThreadId) {
        turn.by(RESUMED);
        let get = turn.get(target);
        let outcome = if !turn.port(get.port).packets().is_empty() {
            if !self.hands_over {
                turn.port(get.port).waiters_mut().remove(target);
                return turn.thread(target).set_mode(Mode::Woken);
            }
            take(turn, one_of(get))
        } else if get.alertable && turn.thread(target).apcs() > 0 {
            turn.runs_apcs(target);
            Some(Outcome::Failed(Error::Apc))
        } else if turn.thread(target).remaining() == Some(0) {
            Some(Outcome::Failed(Error::Timeout))
        } else {
            None
        };
        if let Some(outcome) = outcome {
            turn.port(get.port).waiters_mut().remove(target);
            turn.releases(target, outcome);
        }
    }

    /// A packet comes to a port, if anybody can reach that.
    fn insert<O: Observer>(&self, turn: &mut Turn<'_, O>, port: PortId, packet: PacketId) {
        turn.inserted();
        if !turn.port(port).is_open() {
            turn.discarded(1);
            return dropped(turn, packet);
        }
        turn.port(port).packets_mut().append(packet.0);
        if self.hands_over {
            hand_over(turn, port);
        } else {
            wake_oldest(turn, port);
        }
    }

    /// The last handle of a port is closed.
    fn run_down<O: Observer>(&self, turn: &mut Turn<'_, O>, port: PortId) {
        let had_packets = !turn.port(port).packets().is_empty();
        while let Some(packet) = turn.port(port).packets_mut().take_oldest() {
            turn.discarded(1);
            dropped(turn, PacketId(packet));
        }
        for id in turn.program.thread_ids() {
            if turn.thread(id).port() == Some(port) {
                turn.unbinds(id);
            }
        }
        while let Some(waiter) = turn.port(port).waiters_mut().take_oldest() {
            let suspended = turn.thread(waiter).suspensions() > 0;
            turn.by(match (self.hands_over, suspended) {
                (true, false) => V10_CLOSE_ABANDONS,
                (true, true) => V10_SUSPENDED_CLOSE,
                (false, false) => V8_CLOSE_FORGETS,
                (false, true) => V8_SUSPENDED_CLOSE,
            });
            match (self.hands_over, suspended) {
                (true, true) => turn.thread(waiter).set_mode(Mode::Aside),
                (true, false) => turn.releases(waiter, Outcome::Failed(Error::Abandoned)),
                (false, true) if had_packets => turn.thread(waiter).set_mode(Mode::Woken),
                (false, _) => {}
            }
        }
    }
}

impl Nt for Wine {
    const RULES: &'static Rules = &Rules {
        closed_handle: CLOSED_HANDLE,
        query: QUERY,
        associate_once: IO_ASSOCIATE,
        associate_retroactive: IO_ASSOCIATE,
        associate_signals: IO_ASSOCIATE,
        shared_by_duplicates: IO_ASSOCIATE,
        modes_accumulate: IO_MODES,
        close_file_other_handle: IO_CLOSE,
        close_file_pending: IO_CLOSE,
        close_file_idle: IO_CLOSE,
        apc_io_refused: IO_ROUTINE,
        apc_io_pending: IO_ROUTINE,
        no_overlapped: IO_NO_PACKET,
        low_bit: IO_NO_PACKET,
        no_port: IO_NO_PACKET,
        skip_event: IO_MODES,
        immediate_success: IO_PACKET,
        immediate_warning: IO_PACKET,
        immediate_error: IO_PACKET,
        pending_error: IO_PACKET,
        io_contents: IO_PACKET,
        event_set: IO_NO_PACKET,
        start_resets: IO_START_RESETS,
        cancel_one_packet: IO_CANCEL,
        cancel_nothing: IO_CANCEL,
        cancel_mine: IO_CANCEL,
        job_messages: JOB_MESSAGES,
        job_new: JOB_MESSAGES,
        job_once: JOB_ONCE,
        job_nested: JOB_MESSAGES,
        job_exit: JOB_MESSAGES,
        some: SomeRules {
            named: None,
            several_handles: None,
            associate_null_file: None,
            associate_sync: None,
            modes_sync: None,
            close_file_other_process: None,
            process_exit: None,
            sync_waits: None,
            completion_order: None,
            iosb_late: None,
            job_null: None,
            skip_warning: None,
        },
    };

    fn inserts<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        port: PortId,
        packet: PacketId,
        _: Insert,
    ) {
        self.insert(turn, port, packet);
    }

    fn interrupts<O: Observer>(&self, turn: &mut Turn<'_, O>, target: ThreadId) {
        run_apcs(turn, target);
    }

    fn skips(&self, _: u32) -> Option<&'static Claim> {
        Some(IO_MODES)
    }

    fn cancels_nothing<O: Observer>(&self, turn: &mut Turn<'_, O>) -> Outcome {
        if self.hands_over {
            turn.by(V10_CANCEL_NOTHING);
            Outcome::Failed(Error::NotFound)
        } else {
            turn.by(V8_CANCEL_NOTHING);
            Outcome::Done
        }
    }
}

/// The call waits, as the newest.
fn wait<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
    turn.port(get.port).waiters_mut().push_newest(me);
    turn.parks(me, get.timeout);
}

/// Takes what the call asks for, oldest first, and no more than there is.
fn take<O: Observer>(turn: &mut Turn<'_, O>, get: Get) -> Option<Outcome> {
    turn.by(FIFO);
    let others_wait = turn.view().is_anybody_awake(get.port);
    let mut batch = Batch::EMPTY;
    while batch.packets().len() < usize::from(get.max.unwrap_or(1)) {
        match turn.port(get.port).packets_mut().take_oldest() {
            Some(packet) => {
                removed::<Wine, O>(turn, PacketId(packet));
                batch.push(PacketId(packet));
            }
            None => break,
        }
    }
    turn.delivered(get.port, batch.packets().len());
    if batch.packets().is_empty() {
        return None;
    }
    turn.by(CONTENTS);
    if get.max.is_some() {
        turn.by(BATCH);
    }
    if others_wait {
        turn.by(V8_RACE);
    }
    Some(outcome(get, batch))
}

/// The oldest waiter is made runnable; it takes nothing yet.
fn wake_oldest<O: Observer>(turn: &mut Turn<'_, O>, port: PortId) {
    if let Some(waiter) = awake(turn.view(), port, Age::Oldest) {
        turn.by(V8_FIFO_WAITERS);
        turn.port(port).waiters_mut().remove(waiter);
        turn.thread(waiter).set_mode(Mode::Woken);
    }
}

/// The newest waiter has the packet.
fn hand_over<O: Observer>(turn: &mut Turn<'_, O>, port: PortId) {
    if let Some(waiter) = awake(turn.view(), port, Age::Newest) {
        turn.by(V10_LIFO);
        turn.by(V10_HANDOFF);
        turn.port(port).waiters_mut().remove(waiter);
        let get = one_of(turn.get(waiter));
        let outcome = take(turn, get).expect("a packet was posted just now");
        turn.releases(waiter, outcome);
    }
}

/// Which of several waiters is meant.
enum Age {
    Oldest,
    Newest,
}

/// A waiter that is not suspended.
fn awake(view: View<'_>, port: PortId, age: Age) -> Option<ThreadId> {
    let port = view.port(port);
    let waiters = port.waiters();
    let awake = |waiter: &ThreadId| view.thread(*waiter).suspensions() == 0;
    let mut awake = waiters.iter().filter(awake);
    match age {
        Age::Oldest => awake.next(),
        Age::Newest => awake.last(),
    }
}

/// A call that is handed a packet while it waits gets no more than this one.
fn one_of(get: Get) -> Get {
    Get {
        max: get.max.map(|_| 1),
        ..get
    }
}

/// A thread runs its APCs if it waits for some, and is not suspended.
fn run_apcs<O: Observer>(turn: &mut Turn<'_, O>, target: ThreadId) {
    turn.by(APC_WAKES);
    let mode = turn.thread(target).mode();
    if matches!(mode, Mode::Parked | Mode::Blocked | Mode::Sleeping)
        && turn.op(target).is_alertable()
        && turn.thread(target).suspensions() == 0
    {
        if mode == Mode::Parked {
            let port = turn.get(target).port;
            turn.port(port).waiters_mut().remove(target);
        }
        turn.runs_apcs(target);
        turn.releases(target, Outcome::Failed(Error::Apc));
    }
}
