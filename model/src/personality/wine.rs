//! Wine's completion ports: `wine-8` and `wine-10`, as those versions do what Windows programs ask of them.
//!
//! A port is an object of Wine's server. It keeps packets in order and knows nothing of running threads. What the
//! two versions differ in is how a packet and a waiter meet. In Wine 8 a waiter waits for the port to have a
//! packet, and then asks for it like anybody else; in Wine 10 the server hands the packet over. A plain `get` is
//! GetQueuedCompletionStatus, one with `max` is GetQueuedCompletionStatusEx.
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
//! | wine-8/fifo-waiters | The waiter that parked first is released first. | measured | M |
//! | wine-8/race | A packet belongs to nobody: a thread that calls before the released waiter runs takes it. | measured | M |
//! | wine-8/robbed-again | A released waiter that finds nothing waits again as the newest, and its whole time anew. | measured | M |
//! | wine-8/close-forgets | Closing the last handle releases nobody: who has a timeout waits for that, all others for ever. | measured | M |
//! | wine-8/close-under | A waiter released before the close asks with a handle that is closed, and fails with ERROR_INVALID_HANDLE. | inferred | M |
//! | wine-8/alert-last | An alertable call with an APC pending takes a packet if there is one. | measured | M |
//! | wine-10/lifo | The waiter that parked last is released first. | measured | M |
//! | wine-10/handoff | A post binds its packet to the waiter that it releases. | measured | M |
//! | wine-10/close-abandons | Closing the last handle releases every waiter with ERROR_ABANDONED_WAIT_0. | measured | M |
//! | wine-10/alert-first | An alertable call with an APC pending runs it and takes no packet. | measured | M |
//!
//! The source is our own measurement (M): programs for Windows under the Wine 8.0 and 10.0 of Debian, 300
//! repetitions of each question, and the recordings that `tests/windows.sh` makes.
//!
//! # Divergence from the real system
//!
//! Files, suspension, waits for the handle of a port, reserve objects, jobs and wait completion packets are
//! absent. So are several handles of one port in Wine 8, where a waiter depends on the one that it used. A
//! waiter that Wine 10 releases with a batch takes one packet here; packets posted before it runs might come with it.

use super::windows::{create, duplicate_port, outcome, query};
use crate::event::{Batch, Error, Observer, OsError, Outcome, win32};
use crate::kernel::{Kernel, Turn};
use crate::program::{Get, Op, PacketId, PortId, Program, ThreadId, Timeout};
use crate::property::Fault;
use crate::state::View;
use crate::threads::Mode;

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

impl Kernel for Wine {
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
            } => Err("its reserve objects are not modelled"),
            Op::Create { port, .. } if program.ports[port.index()].named => {
                Err("its names of ports are not modelled")
            }
            Op::DuplicatePort { .. } if !self.hands_over => {
                Err("which handle a waiter has used is not modelled")
            }
            Op::Get { .. }
            | Op::Post { .. }
            | Op::Close { .. }
            | Op::Create { .. }
            | Op::DuplicatePort { .. }
            | Op::Query { .. }
            | Op::Apc { .. }
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

    fn leaves_open(&self, _: Op) -> bool {
        false
    }

    fn call<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, op: Op, _: u8) {
        match op {
            Op::Get { .. } => self.get(turn, me),
            Op::Post { port, packet, .. } => self.post(turn, me, port, packet),
            Op::Close { port, .. } => self.close(turn, me, port),
            Op::Create { port, .. } => create(turn, me, port),
            Op::DuplicatePort { port, .. } => duplicate_port(turn, me, port),
            // `wine/query`.
            Op::Query { port, .. } => query(turn, me, port),
            Op::Apc { thread, .. } => queue_apc(turn, me, thread),
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

    /// `wine/timeout`.
    fn expire<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
        turn.port(get.port).waiters_mut().remove(me);
        turn.releases(me, Outcome::Failed(Error::Timeout));
    }

    /// `wine/no-limit`: what else a thread does is no business of a port.
    fn blocks<O: Observer>(&self, _: &mut Turn<'_, O>, _: ThreadId) {}
    fn unblocks<O: Observer>(&self, _: &mut Turn<'_, O>, _: ThreadId) {}
    fn exits<O: Observer>(&self, _: &mut Turn<'_, O>, _: ThreadId, _: Mode) {}

    /// `wine/apc-wakes`: APCs that are pending run when an alertable wait would begin to sleep.
    fn alerts<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId) -> bool {
        let pending = turn.thread(me).apcs() > 0;
        if pending {
            turn.runs_apcs(me);
            turn.returns(me, Outcome::Failed(Error::Apc));
        }
        pending
    }

    /// `wine/no-limit`: no packet waits beside a waiter, unless one is on its way to take it.
    fn holds(&self, view: View<'_>) -> Result<(), Fault> {
        for id in view.program.port_ids() {
            let port = view.port(id);
            let awake = |&thread: &ThreadId| {
                view.thread(thread).mode() == Mode::Woken && view.get(thread).port == id
            };
            let on_its_way = view.program.thread_ids().any(|thread| awake(&thread));
            if !port.packets().is_empty() && !port.waiters().is_empty() && !on_its_way {
                return Err(Fault::Stranded);
            }
        }
        Ok(())
    }
}

impl Wine {
    /// GetQueuedCompletionStatus and GetQueuedCompletionStatusEx: `wine/batch-zero`, `wine/closed-handle`,
    /// `wine-8/alert-last`, `wine-10/alert-first`.
    fn get<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId) {
        let get = turn.get(me);
        if get.max == Some(0) {
            return turn.returns(me, Outcome::Packets(Batch::EMPTY));
        }
        if !turn.port(get.port).is_open() {
            return turn.returns(me, Outcome::Failed(Error::BadHandle));
        }
        let alerted = get.alertable && turn.thread(me).apcs() > 0;
        if alerted && self.hands_over {
            turn.runs_apcs(me);
            return turn.returns(me, Outcome::Failed(Error::Apc));
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

    /// PostQueuedCompletionStatus: `wine/contents`.
    fn post<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        port: PortId,
        packet: PacketId,
    ) {
        if !turn.port(port).is_open() {
            return turn.returns(me, Outcome::Failed(Error::BadHandle));
        }
        turn.inserted();
        turn.returns(me, Outcome::Done);
        turn.port(port).packets_mut().append(packet.0);
        if self.hands_over {
            hand_over(turn, port);
        } else {
            wake_oldest(turn, port);
        }
    }

    /// CloseHandle: `wine-8/close-forgets`, `wine-10/close-abandons`.
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
        let dropped = turn.port(port).packets_mut().clear();
        turn.discarded(dropped);
        while let Some(waiter) = turn.port(port).waiters_mut().take_oldest() {
            if self.hands_over {
                turn.releases(waiter, Outcome::Failed(Error::Abandoned));
            }
        }
    }
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
            Some(packet) => batch.push(PacketId(packet)),
            None => break,
        }
    }
    turn.delivered(get.port, batch.packets().len());
    (!batch.packets().is_empty()).then(|| outcome(get, batch))
}

/// `wine-8/fifo-waiters`: the oldest waiter is made runnable; it takes nothing yet.
fn wake_oldest<O: Observer>(turn: &mut Turn<'_, O>, port: PortId) {
    if let Some(waiter) = turn.port(port).waiters_mut().take_oldest() {
        turn.thread(waiter).set_mode(Mode::Woken);
    }
}

/// `wine-10/lifo`, `wine-10/handoff`.
fn hand_over<O: Observer>(turn: &mut Turn<'_, O>, port: PortId) {
    if let Some(waiter) = turn.port(port).waiters_mut().take_newest() {
        let get = Get {
            max: turn.get(waiter).max.map(|_| 1),
            ..turn.get(waiter)
        };
        let outcome = take(turn, get).expect("a packet was posted just now");
        turn.releases(waiter, outcome);
    }
}

/// QueueUserAPC: `wine/apc-wakes`.
fn queue_apc<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, target: ThreadId) {
    if turn.thread(target).mode().is_over() {
        return turn.returns(me, Outcome::Failed(Error::BadHandle));
    }
    turn.thread(target).queue_apc();
    turn.returns(me, Outcome::Done);
    let mode = turn.thread(target).mode();
    if matches!(mode, Mode::Parked | Mode::Blocked | Mode::Sleeping)
        && turn.op(target).is_alertable()
    {
        if mode == Mode::Parked {
            let port = turn.get(target).port;
            turn.port(port).waiters_mut().remove(target);
        }
        turn.runs_apcs(target);
        turn.releases(target, Outcome::Failed(Error::Apc));
    }
}
