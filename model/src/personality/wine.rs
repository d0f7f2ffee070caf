//! Wine's completion ports: `wine-8` and `wine-10`, as those versions do what Windows programs ask of them.
//!
//! A port is an object of Wine's server. It keeps packets in order and knows nothing of running threads. What the
//! two versions differ in is how a packet and a waiter meet. In Wine 8 a waiter waits for the port to have a
//! packet, and then asks for it like anybody else; in Wine 10 the server hands the packet over. A plain `get` is
//! GetQueuedCompletionStatus, one with `max` is GetQueuedCompletionStatusEx.
//!
//! Long: a personality is one file, so that a system can be read from its claims to its last rule.
//!
//! # Claims
//!
//! | id | says | status | source |
//! |---|---|---|---|
//! | wine/contents | A packet arrives with the key, bytes, OVERLAPPED and status that it was posted with. | measured | M |
//! | wine/fifo | Packets are taken oldest first. | measured | M |
//! | wine/no-limit | The concurrency value is not enforced: every packet finds a waiter if there is one. | measured | M |
//! | wine/timeout | A call whose time is over takes nothing and fails with WAIT_TIMEOUT. | measured | M |
//! | wine/batch | A batch takes what is queued, oldest first, and never waits to be full. | measured | M |
//! | wine/batch-zero | A batch of no packets succeeds with none, at once. | measured | M |
//! | wine/closed-handle | A call on a closed handle fails with ERROR_INVALID_HANDLE. | measured | M |
//! | wine/query | NtQueryIoCompletion tells how many packets nobody has taken. | measured | M |
//! | wine/apc-wakes | An APC ends an alertable wait; a call that is not alertable runs none. | measured | M |
//! | wine/io-packet | An operation on an associated file that ends well in its call, or later in any way, leaves one packet: the file's key, its OVERLAPPED, its bytes and its status. | measured | M |
//! | wine/io-no-packet | No packet comes of an operation without an OVERLAPPED, with the low bit of its event set, or without a port; its event or its file is signaled all the same. | measured | M |
//! | wine/io-modes | The modes of a file take away the packet of what ends well in its call, and the signal of the file; they add up. | measured | M |
//! | wine/io-associate | A file has one association, which all its handles share: another fails with ERROR_INVALID_PARAMETER. It is read when an operation ends. | measured | M |
//! | wine/io-routine | An operation with a completion routine cannot be issued on an associated file; one that was issued before ends with its APC and no packet. | measured | M |
//! | wine/io-replace | FileReplaceCompletionInformation is not implemented: ERROR_INVALID_FUNCTION. | measured | M |
//! | wine/io-cancel | A cancelled operation leaves one packet, ERROR_OPERATION_ABORTED; CancelIoEx on an operation that is over fails with ERROR_NOT_FOUND, and CancelIo never fails. | measured | M |
//! | wine/io-cancel-order | What is cancelled with a whole file reports in any order: the issuing threads carry the ends out. | measured | M |
//! | wine/io-close | Only the close of the last handle of a file ends what is pending on it. | measured | M |
//! | wine/issuer-exit | A thread that ends cancels what it has issued, but for operations with a port, an OVERLAPPED and no event. | measured | M |
//! | wine/suspended | A waiter that is suspended keeps its place, and packets pass it over. | measured | M |
//! | wine/resumed | A waiter that is resumed gets a packet that is there, else runs its APCs, else finds its time over, else waits on in its old place. | measured | M |
//! | wine/suspended-ended | A thread that has ended cannot be suspended: ERROR_ACCESS_DENIED. | measured | M |
//! | wine/terminated | A waiter that is terminated takes nothing; to terminate a thread that is over succeeds. | measured | M |
//! | wine/job-messages | A job reports to its port the processes that are in it, those that begin and end in it, and the end of the last: a packet with the job's key, the message in place of the bytes and the process in place of the OVERLAPPED. Of nested jobs the innermost reports first. | measured | M |
//! | wine/job-once | A job has one association; another fails with ERROR_INVALID_PARAMETER. | measured | M |
//! | wine/job-null | The association cannot be taken away: ERROR_INVALID_PARAMETER, or ERROR_INVALID_HANDLE where there is none. | measured | M |
//! | wine-8/suspended-close | A close forgets a suspended waiter too; where packets were queued, it fails with ERROR_INVALID_HANDLE when it is resumed. | measured | M |
//! | wine-8/fifo-waiters | The waiter that parked first is released first. | measured | M |
//! | wine-8/race | A packet belongs to nobody: a thread that calls before the released waiter runs takes it. | measured | M |
//! | wine-8/robbed-again | A released waiter that finds nothing waits again as the newest, and its whole time anew. | measured | M |
//! | wine-8/close-forgets | Closing the last handle releases nobody: who has a timeout waits for that, all others for ever. | measured | M |
//! | wine-8/close-under | A waiter released before the close asks with a handle that is closed, and fails with ERROR_INVALID_HANDLE. | inferred | M |
//! | wine-8/alert-last | An alertable call with an APC pending takes a packet if there is one. | measured | M |
//! | wine-8/cancel-nothing | CancelIoEx on a whole file succeeds with nothing to cancel. | measured | M |
//! | wine-10/cancel-nothing | CancelIoEx on a whole file fails with ERROR_NOT_FOUND if there is nothing to cancel. | measured | M |
//! | wine-10/lifo | The waiter that parked last is released first. | measured | M |
//! | wine-10/handoff | A post binds its packet to the waiter that it releases. | measured | M |
//! | wine-10/suspended-close | A suspended waiter of a closed port fails with ERROR_ABANDONED_WAIT_0 when it is resumed, also where packets were queued or its time is over. | measured | M |
//! | wine-10/reserve | A post with a reserve object is like any other, also while the object is in use; with one for APCs it fails with ERROR_INVALID_HANDLE. | measured | M |
//! | wine-10/reserve-apc | An APC with a reserve object of either kind is like any other, also while the object is in use. | measured | M |
//! | wine-10/close-abandons | Closing the last handle releases every waiter with ERROR_ABANDONED_WAIT_0. | measured | M |
//! | wine-10/alert-first | An alertable call with an APC pending runs it and takes no packet, if the last call of its thread was not on this port. | measured | M |
//! | wine-10/alert-member | A thread whose last call was on this port takes a packet before its APCs run. | measured | M |
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

use super::windows::{
    End, Files, Insert, Lost, associate_file, cancel, cancel_file, cancels, close_file, create,
    dropped, duplicate_file, duplicate_port, ends, first_pending, frees, is_agnostic, job_exit,
    job_port, job_start, outcome, pending_on, query, removed, set_modes, start,
};
use crate::contract::Personality;
use crate::event::{Batch, Error, Observer, OsError, Outcome, win32};
use crate::files::Phase;
use crate::program::{
    FileId, Get, JobId, Op, OperationId, PacketId, PortId, Program, Reserve, ReserveId, ResultId,
    ThreadId, Timeout,
};
use crate::property::Fault;
use crate::state::View;
use crate::threads::Mode;
use crate::turn::Turn;

/// See the module.
#[derive(Debug, Clone, Copy)]
pub struct Wine {
    name: &'static str,
    /// Whether a post hands its packet to the newest waiter, and a close releases everybody; else a post makes
    /// the oldest runnable, and a close forgets them.
    hands_over: bool,
}

impl Wine {
    /// Wine 8.0.
    pub const V8: Wine = Wine {
        name: "wine-8",
        hands_over: false,
    };

    /// Wine 10.0.
    pub const V10: Wine = Wine {
        name: "wine-10",
        hands_over: true,
    };
}

impl Personality for Wine {
    fn name(&self) -> &'static str {
        self.name
    }

    fn os_error(&self) -> fn(Error) -> OsError {
        win32
    }

    fn supports(&self, program: &Program, op: Op) -> Result<(), &'static str> {
        match op {
            Op::Get {
                alertable: true,
                max: None,
                ..
            } => Err("of calls on ports only a batch can be alertable"),
            Op::Get { min: Some(_), .. } => {
                Err("a batch takes what is there, and waits for no more")
            }
            Op::Post { may_fail: true, .. } => Err("its posts find memory"),
            Op::Post {
                reserve: Some(_), ..
            }
            | Op::Apc {
                reserve: Some(_), ..
            } if !self.hands_over => Err("it has no reserve objects"),
            Op::JobPort { may_lose: true, .. }
            | Op::JobStart { may_lose: true, .. }
            | Op::JobExit { may_lose: true, .. } => Err("its jobs lose no message"),
            Op::Create { port, .. } if program.ports[port.index()].named => {
                Err("its names of ports are not modelled")
            }
            Op::DuplicatePort { .. } if !self.hands_over => {
                Err("which handle a waiter has used is not modelled")
            }
            Op::Start { operation, .. }
                if program.files[program.operations[operation.index()].file.index()].sync =>
            {
                Err("its synchronous files are not modelled")
            }
            Op::DuplicateFile {
                process: Some(_), ..
            } => Err("its handles in other processes are not modelled"),
            Op::Get { .. }
            | Op::Associate { .. }
            | Op::Replace { .. }
            | Op::Modes { .. }
            | Op::DuplicateFile { .. }
            | Op::CloseFile { .. }
            | Op::Start { .. }
            | Op::Complete { .. }
            | Op::Cancel { .. }
            | Op::CancelFile { .. }
            | Op::Free { .. }
            | Op::Alloc { .. }
            | Op::Post { .. }
            | Op::Close { .. }
            | Op::Create { .. }
            | Op::DuplicatePort { .. }
            | Op::Query { .. }
            | Op::Apc { .. }
            | Op::Suspend { .. }
            | Op::Resume { .. }
            | Op::Terminate { .. }
            | Op::JobPort { .. }
            | Op::JobStart { .. }
            | Op::JobExit { .. }
            | Op::Block { .. }
            | Op::Signal { .. }
            | Op::Reset { .. }
            | Op::Stall
            | Op::Sleep { .. }
            | Op::Yield
            | Op::Spawn { .. }
            | Op::Exit
            | Op::Set { .. }
            | Op::Test { .. }
            | Op::Assert { .. }
            | Op::Note(_) => Ok(()),
            Op::EpollCtl { .. } | Op::Write { .. } | Op::Drain { .. } => Err("Wine has no epoll"),
            Op::PortSendn { .. }
            | Op::PortAlert { .. }
            | Op::MsgRing { .. }
            | Op::Submit { .. }
            | Op::PortAssociate { .. }
            | Op::PortDissociate { .. }
            | Op::CloseSource { .. } => Err("Wine has no event ports"),
            Op::Kevent { .. } => Err("Wine has no kqueue"),
            _ => Err("this operation of Wine's is not modelled"),
        }
    }

    /// `wine/no-limit`.
    fn counts_running(&self) -> bool {
        false
    }

    /// `wine/fifo`.
    fn keeps_order(&self) -> bool {
        true
    }

    fn answers(&self, view: View<'_>, me: ThreadId, op: Op) -> u8 {
        match op {
            Op::CancelFile { file, mine, .. } => {
                let meant = |&id: &OperationId| cancels(view, me, id, mine);
                orders(pending_on(view, file).filter(meant).count())
            }
            _ => 1,
        }
    }

    fn call<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, op: Op, answer: u8) {
        match op {
            Op::Get { .. } => self.get(turn, me),
            Op::Post {
                port,
                packet,
                reserve,
                ..
            } => self.post(turn, me, port, packet, reserve),
            // `wine/job-null`.
            Op::JobPort {
                job, binding: None, ..
            } => turn.returns(me, no_other_port(turn.view(), job)),
            // `wine/job-messages`, `wine/job-once`.
            Op::JobPort { job, binding, .. } => job_port(self, turn, me, job, binding, Lost::by(0)),
            Op::JobStart { job, pid, .. } => job_start(self, turn, me, job, pid, Lost::by(0)),
            Op::JobExit { job, pid, .. } => job_exit(self, turn, me, job, pid, Lost::by(0)),
            Op::Close { port, .. } => self.close(turn, me, port),
            Op::Create { port, .. } => create(turn, me, port),
            Op::DuplicatePort { port, .. } => duplicate_port(turn, me, port),
            // `wine/query`.
            Op::Query { port, .. } => query(turn, me, port),
            Op::Apc { thread, .. } => queue_apc(turn, me, thread),
            // `wine/io-associate`.
            Op::Associate { binding, .. } => associate_file(self, turn, me, binding),
            // `wine/io-replace`.
            Op::Replace { .. } => turn.returns(me, Outcome::Failed(Error::Absent)),
            // `wine/io-modes`.
            Op::Modes { file, modes, .. } => set_modes(turn, me, file, modes),
            Op::DuplicateFile { file, process, .. } => duplicate_file(turn, me, file, process),
            // `wine/io-close`.
            Op::CloseFile { file, .. } => close_file(self, turn, me, file),
            // `wine/io-packet`, `wine/io-no-packet`, `wine/io-routine`.
            Op::Start { operation, now, .. } => start(self, turn, me, operation, now),
            Op::Complete { burst, result, .. } => self.complete(turn, me, burst, result),
            // `wine/io-cancel`.
            Op::Cancel {
                operation, mine, ..
            } => cancel(self, turn, me, operation, mine, 0),
            Op::CancelFile { file, mine, .. } => self.cancel_all(turn, me, file, mine, answer),
            Op::Free { operation } => frees(turn, me, operation, true),
            Op::Alloc { operation } => frees(turn, me, operation, false),
            _ => unreachable!("done for all systems alike, or not supported"),
        }
    }

    /// `wine-8/race`, `wine-8/robbed-again`, `wine-8/close-under`: a released waiter asks like any other thread.
    fn wake<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get, _: u8) {
        if !turn.port(get.port).is_open() {
            return turn.releases(me, Outcome::Failed(Error::BadHandle));
        }
        if let Some(outcome) = take(turn, get) {
            return turn.releases(me, outcome);
        }
        if get.alertable && turn.thread(me).apcs() > 0 {
            turn.runs_apcs(me);
            return turn.releases(me, Outcome::Failed(Error::Apc));
        }
        turn.thread(me).set_remaining(None);
        wait(turn, me, get);
    }

    /// SuspendThread: `wine/suspended`: a waiter stays where it is. Whoever has ended is never asked about here:
    /// `wine/suspended-ended`.
    fn suspend<O: Observer>(&self, _: &mut Turn<'_, O>, _: ThreadId, _: u8) {}

    /// ResumeThread: `wine/resumed`.
    fn resume<O: Observer>(&self, turn: &mut Turn<'_, O>, target: ThreadId) {
        match turn.thread(target).mode() {
            Mode::Parked => self.looks_again(turn, target),
            // `wine-10/suspended-close`.
            Mode::Aside => turn.releases(target, Outcome::Failed(Error::Abandoned)),
            _ => {}
        }
    }

    /// TerminateThread: `wine/terminated`.
    fn ends_in_vain(&self) -> Outcome {
        Outcome::Done
    }

    /// `wine/timeout`; whoever is suspended finds its time over when it is resumed: `wine/resumed`.
    fn expire<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
        if turn.thread(me).suspensions() > 0 {
            return;
        }
        turn.port(get.port).waiters_mut().remove(me);
        turn.releases(me, Outcome::Failed(Error::Timeout));
    }

    /// `wine/no-limit`: what else a thread does is no business of a port.
    fn blocks<O: Observer>(&self, _: &mut Turn<'_, O>, _: ThreadId) {}
    fn unblocks<O: Observer>(&self, _: &mut Turn<'_, O>, _: ThreadId) {}

    /// `wine/issuer-exit`, and of a waiter `wine/terminated`.
    fn exits<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, _: Mode) {
        turn.thread(me).set_port(None);
        for port in turn.program.port_ids() {
            turn.port(port).waiters_mut().remove(me);
        }
        let bound =
            |view: View<'_>, id| view.operation(id).issuer() == Some(me) && !is_agnostic(view, id);
        while let Some(id) = first_pending(turn.view(), bound) {
            ends(self, turn, id, End::cancelled(turn.program));
        }
    }

    /// `wine/apc-wakes`: APCs that are pending run when an alertable wait would begin to sleep.
    fn alerts<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId) -> bool {
        let pending = turn.thread(me).apcs() > 0;
        if pending {
            turn.runs_apcs(me);
            turn.returns(me, Outcome::Failed(Error::Apc));
        }
        pending
    }

    /// `wine/no-limit`: no packet waits beside a waiter that could take it, unless one is on its way. Where a waiter
    /// may be terminated, one that was on its way may be gone: `wine-8/race`.
    fn holds(&self, view: View<'_>) -> Result<(), Fault> {
        let terminates = |op| matches!(op, Op::Terminate { .. });
        let may_be_gone = !self.hands_over && view.program.ops().any(terminates);
        for id in view.program.port_ids() {
            let port = view.port(id);
            let awake = |&thread: &ThreadId| {
                view.thread(thread).mode() == Mode::Woken && view.get(thread).port == id
            };
            let on_its_way = view.program.thread_ids().any(|thread| awake(&thread));
            let could_take = port
                .waiters()
                .iter()
                .any(|it| view.thread(it).suspensions() == 0);
            if !port.packets().is_empty() && could_take && !on_its_way && !may_be_gone {
                return Err(Fault::Stranded);
            }
        }
        Ok(())
    }
}

impl Wine {
    /// GetQueuedCompletionStatus and GetQueuedCompletionStatusEx: `wine/batch-zero`, `wine/closed-handle`,
    /// `wine-8/alert-last`, `wine-10/alert-first`, `wine-10/alert-member`.
    fn get<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId) {
        let get = turn.get(me);
        if get.max == Some(0) {
            return turn.returns(me, Outcome::Packets(Batch::EMPTY));
        }
        if !turn.port(get.port).is_open() {
            return turn.returns(me, Outcome::Failed(Error::BadHandle));
        }
        let alerted = get.alertable && turn.thread(me).apcs() > 0;
        let is_member = turn.thread(me).port() == Some(get.port);
        if alerted && self.hands_over && !is_member {
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
            turn.runs_apcs(me);
            return turn.returns(me, Outcome::Failed(Error::Apc));
        }
        if get.timeout == Timeout::Ticks(0) {
            return turn.returns(me, Outcome::Failed(Error::Timeout));
        }
        wait(turn, me, get);
    }

    /// A waiter that is resumed: `wine/resumed`.
    fn looks_again<O: Observer>(&self, turn: &mut Turn<'_, O>, target: ThreadId) {
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

    /// PostQueuedCompletionStatus, NtSetIoCompletionEx: `wine/contents`, `wine-10/reserve`.
    fn post<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        port: PortId,
        packet: PacketId,
        reserve: Option<ReserveId>,
    ) {
        let of_apcs = |id: ReserveId| turn.program.reserves[id.index()] == Reserve::Apc;
        if !turn.port(port).is_open() || reserve.is_some_and(of_apcs) {
            return turn.returns(me, Outcome::Failed(Error::BadHandle));
        }
        turn.returns(me, Outcome::Done);
        self.insert(turn, port, packet);
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

    /// CancelIoEx and CancelIo on a whole file: `wine/io-cancel`, `wine/io-cancel-order`.
    fn cancel_all<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        file: FileId,
        mine: bool,
        answer: u8,
    ) {
        let mut order = usize::from(answer);
        loop {
            let view = turn.view();
            let meant = |&id: &OperationId| cancels(view, me, id, mine);
            let left = pending_on(view, file).filter(meant).count();
            if left < 2 {
                return cancel_file(self, turn, me, file, mine, 0);
            }
            let next = pending_on(view, file).filter(meant).nth(order % left);
            order /= left;
            if let Some(id) = next {
                ends(self, turn, id, End::cancelled(turn.program));
            }
        }
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

    /// CloseHandle: `wine-8/close-forgets`, `wine-10/close-abandons`, `wine-8/suspended-close`.
    fn close<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, port: PortId) {
        let handles = turn.port(port).handles();
        if handles == 0 {
            return turn.returns(me, Outcome::Failed(Error::BadHandle));
        }
        turn.port(port).set_handles(handles - 1);
        turn.returns(me, Outcome::Done);
        if handles > 1 {
            return;
        }
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
            match (self.hands_over, suspended) {
                (true, true) => turn.thread(waiter).set_mode(Mode::Aside),
                (true, false) => turn.releases(waiter, Outcome::Failed(Error::Abandoned)),
                (false, true) if had_packets => turn.thread(waiter).set_mode(Mode::Woken),
                (false, _) => {}
            }
        }
    }
}

impl Files for Wine {
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

    fn writes_late(&self) -> bool {
        false
    }

    /// `wine-8/cancel-nothing`, `wine-10/cancel-nothing`.
    fn finds_nothing(&self) -> Outcome {
        match self.hands_over {
            false => Outcome::Done,
            true => Outcome::Failed(Error::NotFound),
        }
    }
}

/// In how many orders so many operations can end; more than five are not told apart.
fn orders(operations: usize) -> u8 {
    (1..=operations.min(5) as u8).product()
}

/// The call waits, as the newest.
fn wait<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
    turn.port(get.port).waiters_mut().push_newest(me);
    turn.parks(me, get.timeout);
}

/// `wine/fifo`, `wine/batch`: takes what the call asks for, oldest first, and no more than there is.
fn take<O: Observer>(turn: &mut Turn<'_, O>, get: Get) -> Option<Outcome> {
    let mut batch = Batch::EMPTY;
    while batch.packets().len() < usize::from(get.max.unwrap_or(1)) {
        match turn.port(get.port).packets_mut().take_oldest() {
            Some(packet) => {
                removed(turn, PacketId(packet));
                batch.push(PacketId(packet));
            }
            None => break,
        }
    }
    turn.delivered(get.port, batch.packets().len());
    (!batch.packets().is_empty()).then(|| outcome(get, batch))
}

/// `wine-8/fifo-waiters`: the oldest waiter is made runnable; it takes nothing yet.
fn wake_oldest<O: Observer>(turn: &mut Turn<'_, O>, port: PortId) {
    if let Some(waiter) = awake(turn.view(), port, Age::Oldest) {
        turn.port(port).waiters_mut().remove(waiter);
        turn.thread(waiter).set_mode(Mode::Woken);
    }
}

/// `wine-10/lifo`, `wine-10/handoff`.
fn hand_over<O: Observer>(turn: &mut Turn<'_, O>, port: PortId) {
    if let Some(waiter) = awake(turn.view(), port, Age::Newest) {
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

/// `wine/suspended`: a waiter that is not suspended.
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

/// `wine/job-null`: how it fails to take the association of a job away.
fn no_other_port(view: View<'_>, job: JobId) -> Outcome {
    Outcome::Failed(match view.job(job).binding() {
        Some(_) => Error::Invalid,
        None => Error::BadHandle,
    })
}

/// QueueUserAPC, NtQueueApcThreadEx: `wine/apc-wakes`, `wine-10/reserve-apc`.
fn queue_apc<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, target: ThreadId) {
    if turn.thread(target).mode().is_over() {
        return turn.returns(me, Outcome::Failed(Error::BadHandle));
    }
    turn.thread(target).queue_apc();
    turn.returns(me, Outcome::Done);
    run_apcs(turn, target);
}

/// `wine/apc-wakes`: a thread runs its APCs if it waits for some, and is not suspended.
fn run_apcs<O: Observer>(turn: &mut Turn<'_, O>, target: ThreadId) {
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
