//! Windows I/O completion ports, Vista to 11.
//!
//! A port is a kernel queue with a rule for threads. Packets leave first in, first out; the thread that
//! parked last is released first; at most N associated threads run, and the kernel counts them as they
//! block elsewhere and come back. A post hands its packet to a waiter in one atomic action.
//! A plain `get` is GetQueuedCompletionStatus, one with `max` is GetQueuedCompletionStatusEx.
//!
//! # Claims
//!
//! | id | says | status | source |
//! |---|---|---|---|
//! | windows/contents | A packet arrives with the key, bytes and OVERLAPPED it was posted with; NULL is one too. | verified | W:post, D:post |
//! | windows/fifo | Packets are taken oldest first. | verified | W:setio, D:iocp |
//! | windows/status | A packet with a failure status is taken all the same; the call fails with its Win32 error. | documented | D:gqcs |
//! | windows/lifo | The waiter that parked last is released first. | verified | W:sched, D:iocp |
//! | windows/handoff | A post binds its packet to the waiter it releases; no later call can take it away. | verified | W:sched |
//! | windows/limit | While as many threads run as the concurrency value says, a post releases nobody. | documented | D:iocp, D:wi7 |
//! | windows/limit-default | A concurrency value of 0 stands for the number of processors. | documented | D:create |
//! | windows/poster-free | Posting neither blocks nor counts the poster. | derived | R:queue |
//! | windows/associate | A call associates its thread with the port, and ends its association with another. | documented | D:iocp |
//! | windows/switch-releases | Calling on another port counts the thread out of the old one, which may release a waiter there first. | derived | R:queue |
//! | windows/recall-first | A member that calls again gives its place up, then takes the oldest packet before any waiter. | documented | D:iocp, R:queue |
//! | windows/newcomer-waits | A newcomer at the limit waits, or times out, although packets are queued. | derived | R:queue |
//! | windows/timeout | A call whose time is over takes nothing and fails with WAIT_TIMEOUT. | verified | W:post |
//! | windows/timeout-counts | A waiter whose time is over leaves the waiters and counts as running. | derived | R:queue, R:wait |
//! | windows/poll-counts | A thread that polls an empty port is associated and counts from then on (Q2: both allowed). | open | R:queue |
//! | windows/block-releases | A member that sleeps in any other kernel wait counts out, and a waiter gets a queued packet. | documented | D:iocp, D:wi7 |
//! | windows/no-sleep-no-release | A wait that is satisfied at once, Sleep(0) and a yield count nobody out. | derived | R:wait |
//! | windows/unblock-over-limit | A thread that comes back counts at once, even beyond the concurrency value. | documented | D:iocp, D:wi7 |
//! | windows/exit-releases | A member that ends counts out, and a waiter gets a queued packet. | derived | R:thr, D:iocp |
//! | windows/suspend-releases | A running member that is suspended counts out until it is resumed. | documented | D:iocp |
//! | windows/suspend-waiting | A waiter that is suspended leaves the waiters, and comes back as the newest (Q7: it may stay). | open | R:apc, R:queue |
//! | windows/close-abandons | Closing the last handle releases every waiter with ERROR_ABANDONED_WAIT_0. | verified | W:sched, D:gqcs |
//! | windows/close-handed | A packet handed to a waiter before the close is delivered. | inferred | Wml |
//! | windows/close-discards | Packets still queued when the port dies are dropped. | derived | R:iocomp |
//! | windows/close-unbinds | Closing ends the association of every member; what it does later counts nowhere. | documented | D:iocp, R:queue |
//! | windows/closed-handle | A call on a closed handle fails with ERROR_INVALID_HANDLE. | verified | W:sched |
//! | windows/batch | A batch takes what is queued, oldest first, and never waits to be full. | verified | W:setio, W:post |
//! | windows/batch-zero | A batch of no packets is an invalid parameter. | verified | W:setio |
//! | windows/batch-counts-once | A batch counts as one running thread, however many packets it took. | inferred | D:wi7 |
//! | windows/batch-after-handoff | A batch call released by a post may take further packets that were queued before it ran (Q3: any number). | open | D:gqcsex |
//! | windows/no-self-rule | A thread that posts to its own port releases a waiter like any other poster (Q1). | inferred | X:asio |
//!
//! The sources are those of Wine's test suite (W), Microsoft's documentation (D), ReactOS (R), and
//! libraries in use (X).
//!
//! # Divergence from the real system
//!
//! Files, I/O, asynchronous procedure calls and direct waits on the handle are absent. A port has one
//! handle. A mutex whose owner ends stays owned. Scheduling priorities and the boost of a released
//! thread are absent: which of several runnable threads moves is the chooser's business.

use crate::event::{Batch, Error, Observer, OsError, Outcome, win32};
use crate::kernel::{Kernel, Turn};
use crate::program::{Get, Op, PacketId, PortId, Program, ThreadId, Timeout};
use crate::property::Fault;
use crate::state::View;
use crate::threads::Mode;

/// See the module. Versions of Windows will differ in the switches that stand here.
#[derive(Debug, Clone, Copy)]
pub struct Windows;

impl Windows {
    /// Windows Vista and later.
    pub const VISTA: Windows = Windows;
}

impl Kernel for Windows {
    fn name(&self) -> &'static str {
        "windows"
    }

    fn os_error(&self) -> fn(Error) -> OsError {
        win32
    }

    fn supports(&self, _: &Program, op: Op) -> Result<(), &'static str> {
        match op {
            Op::EpollCtl { .. } | Op::Write { .. } | Op::Drain { .. } => {
                Err("Windows has no epoll")
            }
            _ => Ok(()),
        }
    }

    fn counts_running(&self) -> bool {
        true
    }

    fn answers(&self, view: View<'_>, me: ThreadId, op: Op) -> u8 {
        match op {
            Op::Get {
                port,
                timeout: Timeout::Ticks(0),
                max,
                ..
            } if newcomer_polls_in_vain(view, me, port, max) => POLLS.len() as u8,
            Op::Suspend { thread } if view.thread(thread).mode() == Mode::Parked => {
                SUSPEND_WAITING.len() as u8
            }
            _ => 1,
        }
    }

    /// GetQueuedCompletionStatus and GetQueuedCompletionStatusEx: `windows/batch-zero`,
    /// `windows/closed-handle`.
    fn get<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get, answer: u8) {
        if get.max == Some(0) {
            return turn.returns(me, Outcome::Failed(Error::Invalid));
        }
        if !turn.port(get.port).is_open() {
            return turn.returns(me, Outcome::Failed(Error::BadHandle));
        }
        if POLLS[usize::from(answer)] == Poll::LeavesNoMark {
            return turn.returns(me, Outcome::Failed(Error::Timeout));
        }
        associate(turn, me, get.port);
        remove_or_wait(turn, me, get, get.timeout);
    }

    /// PostQueuedCompletionStatus: `windows/poster-free`, `windows/no-self-rule`: who posts makes no difference.
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
        insert(turn, port, packet);
        turn.returns(me, Outcome::Done);
    }

    /// CloseHandle on the last handle.
    fn close<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, port: PortId) {
        if !turn.port(port).is_open() {
            return turn.returns(me, Outcome::Failed(Error::BadHandle));
        }
        turn.port(port).set_open(false);
        run_down(turn, port);
        turn.returns(me, Outcome::Done);
    }

    /// SuspendThread: `windows/suspend-releases`: a running member counts out as if it slept.
    fn suspend<O: Observer>(&self, turn: &mut Turn<'_, O>, target: ThreadId, answer: u8) {
        match turn.thread(target).mode() {
            Mode::Ready | Mode::Woken => self.blocks(turn, target),
            Mode::Parked => suspend_waiting(turn, target, SUSPEND_WAITING[usize::from(answer)]),
            _ => {}
        }
    }

    /// ResumeThread.
    fn resume<O: Observer>(&self, turn: &mut Turn<'_, O>, target: ThreadId) {
        match turn.thread(target).mode() {
            Mode::Ready | Mode::Woken => self.unblocks(turn, target),
            Mode::Aside => resume_waiting(turn, target),
            _ => {}
        }
    }

    fn wake_answers(&self, view: View<'_>, me: ThreadId, get: Get) -> u8 {
        match view.thread(me).handed() {
            Some(_) => further_packets_max(view, get) + 1,
            None => 1,
        }
    }

    /// `windows/batch-after-handoff`: a released batch call takes as many further packets as the answer says.
    /// A thread that was woken without a packet was suspended when its time was over.
    fn wake<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get, answer: u8) {
        let Some(handed) = turn.thread(me).handed() else {
            return turn.releases(me, Outcome::Failed(Error::Timeout));
        };
        let mut batch = Batch::EMPTY;
        batch.push(PacketId(handed));
        for _ in 0..answer {
            let packet = turn
                .port(get.port)
                .packets_mut()
                .take_oldest()
                .expect("as many are queued");
            turn.delivered(get.port, 1);
            batch.push(PacketId(packet));
        }
        turn.releases(me, outcome(get, batch));
    }

    /// `windows/timeout`, `windows/timeout-counts`: the thread leaves the waiters and runs; one that is suspended
    /// finds its time over when it is resumed.
    fn expire<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
        turn.port(get.port).waiters_mut().remove(me);
        if turn.thread(me).suspensions() > 0 {
            return turn.thread(me).set_mode(Mode::Woken);
        }
        turn.port(get.port).running_mut().enter();
        turn.releases(me, Outcome::Failed(Error::Timeout));
    }

    /// `windows/block-releases`: a member that stops being runnable makes room for a waiter.
    /// `windows/no-sleep-no-release`: a wait that is satisfied at once does not come here.
    fn blocks<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId) {
        if let Some(port) = turn.thread(me).port() {
            count_out(turn, port);
        }
    }

    /// `windows/unblock-over-limit`: no comparison with the limit.
    fn unblocks<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId) {
        if let Some(port) = turn.thread(me).port() {
            turn.port(port).running_mut().enter();
        }
    }

    /// `windows/exit-releases`: a member that ends makes room for a waiter.
    fn exits<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId) {
        if let Some(port) = turn.thread(me).port() {
            turn.thread(me).set_port(None);
            count_out(turn, port);
        }
    }

    /// The invariants I1 and I2: the count is the number of runnable members, and no packet waits beside a
    /// waiter that may run.
    fn holds(&self, view: View<'_>) -> Result<(), Fault> {
        for id in view.program.port_ids() {
            let port = view.port(id);
            if port.running().count() != runnable_members(view, id) {
                return Err(Fault::Running);
            }
            if port.running().has_room() && !port.packets().is_empty() && !port.waiters().is_empty()
            {
                return Err(Fault::Stranded);
            }
        }
        Ok(())
    }
}

/// `windows/handoff`, `windows/lifo`, `windows/limit`: a packet goes to the newest waiter if one more thread
/// may run, and else behind all others. The limit is never 0: `windows/limit-default`.
fn insert<O: Observer>(turn: &mut Turn<'_, O>, port: PortId, packet: PacketId) {
    let mut queue = turn.port(port);
    let waiter = if queue.running().has_room() {
        queue.waiters_mut().take_newest()
    } else {
        None
    };
    match waiter {
        Some(waiter) => hand_off(turn, port, waiter, packet),
        None => queue.packets_mut().append(packet.0),
    }
}

/// `windows/handoff`, `windows/close-handed`, `windows/batch-counts-once`: the packet belongs to the waiter from
/// now on, whether or not it has run yet, and the waiter counts.
fn hand_off<O: Observer>(turn: &mut Turn<'_, O>, port: PortId, waiter: ThreadId, packet: PacketId) {
    turn.delivered(port, 1);
    let get = turn.get(waiter);
    let mut thread = turn.thread(waiter);
    thread.set_remaining(None);
    if thread.suspensions() > 0 {
        // It wakes, counts, meets its suspension and counts out again, all before anybody can look.
        thread.set_mode(Mode::Woken);
        thread.hand(Some(packet.0));
        return release_one(turn, port);
    }
    if get.max.is_some_and(|max| max > 1) {
        thread.set_mode(Mode::Woken);
        thread.hand(Some(packet.0));
        turn.port(port).running_mut().enter();
        return;
    }
    turn.port(port).running_mut().enter();
    let mut batch = Batch::EMPTY;
    batch.push(packet);
    turn.releases(waiter, outcome(get, batch));
}

/// `windows/associate`, `windows/switch-releases`: a member gives its place on the port up, a newcomer its
/// place on the port it comes from. The newcomer is not counted yet.
fn associate<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, port: PortId) {
    match turn.thread(me).port() {
        Some(old) if old == port => turn.port(port).running_mut().leave(),
        old => {
            turn.thread(me).set_port(Some(port));
            if let Some(old) = old {
                count_out(turn, old);
            }
        }
    }
}

/// `windows/recall-first`, `windows/newcomer-waits`: an associated thread that does not count takes packets
/// if one more thread may run, without regard to older waiters; else it waits as the newest, or fails at once
/// if it may not wait: `windows/timeout`.
fn remove_or_wait<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, get: Get, timeout: Timeout) {
    let mut port = turn.port(get.port);
    if port.running().has_room() && !port.packets().is_empty() {
        port.running_mut().enter();
        return remove(turn, me, get);
    }
    if timeout == Timeout::Ticks(0) {
        port.running_mut().enter();
        return turn.returns(me, Outcome::Failed(Error::Timeout));
    }
    port.waiters_mut().push_newest(me);
    turn.parks(me, timeout);
}

/// `windows/fifo`, `windows/batch`: takes what the call asks for, oldest first, and no more than there is.
fn remove<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
    let mut batch = Batch::EMPTY;
    for _ in 0..get.max.unwrap_or(1) {
        match turn.port(get.port).packets_mut().take_oldest() {
            Some(packet) => batch.push(PacketId(packet)),
            None => break,
        }
    }
    turn.delivered(get.port, batch.packets().len());
    turn.returns(me, outcome(get, batch));
}

/// A member stops being runnable: it counts out, and one waiter may be released.
fn count_out<O: Observer>(turn: &mut Turn<'_, O>, port: PortId) {
    turn.port(port).running_mut().leave();
    release_one(turn, port);
}

/// Hands the oldest packet to the newest waiter, if one more thread may run.
fn release_one<O: Observer>(turn: &mut Turn<'_, O>, port: PortId) {
    let mut queue = turn.port(port);
    if !queue.running().has_room() || queue.packets().is_empty() {
        return;
    }
    if let Some(waiter) = queue.waiters_mut().take_newest() {
        let packet = queue.packets_mut().take_oldest().expect("one is queued");
        hand_off(turn, port, waiter, PacketId(packet));
    }
}

/// `windows/close-abandons`, `windows/close-unbinds`, `windows/close-discards`.
fn run_down<O: Observer>(turn: &mut Turn<'_, O>, port: PortId) {
    let dropped = turn.port(port).packets_mut().clear();
    turn.discarded(dropped);
    turn.port(port).running_mut().clear();
    for id in turn.program.thread_ids() {
        if turn.thread(id).port() == Some(port) {
            turn.unbinds(id);
        }
    }
    while let Some(waiter) = turn.port(port).waiters_mut().take_newest() {
        if turn.thread(waiter).suspensions() > 0 {
            turn.thread(waiter).set_mode(Mode::Aside);
        } else {
            turn.releases(waiter, Outcome::Failed(Error::Abandoned));
        }
    }
}

/// What a poll of an empty port may do to a thread that is not associated with it (Q2).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Poll {
    /// The thread is associated and counts.
    Counts,
    /// The thread is what it was before.
    LeavesNoMark,
}

/// `windows/poll-counts`: the first is what NT 5 does.
const POLLS: [Poll; 2] = [Poll::Counts, Poll::LeavesNoMark];

fn newcomer_polls_in_vain(view: View<'_>, me: ThreadId, id: PortId, max: Option<u8>) -> bool {
    let port = view.port(id);
    let takes = port.running().has_room() && !port.packets().is_empty();
    port.is_open() && max != Some(0) && view.thread(me).port() != Some(id) && !takes
}

/// What a suspension may do to a waiter (Q7).
#[derive(Clone, Copy, PartialEq, Eq)]
enum SuspendWaiting {
    /// It is no waiter while it is suspended.
    Leaves,
    /// It keeps its place, and can be handed a packet that it returns with when it is resumed.
    Stays,
}

/// `windows/suspend-waiting`: the first is what NT 5 does.
const SUSPEND_WAITING: [SuspendWaiting; 2] = [SuspendWaiting::Leaves, SuspendWaiting::Stays];

fn suspend_waiting<O: Observer>(turn: &mut Turn<'_, O>, target: ThreadId, rule: SuspendWaiting) {
    if rule == SuspendWaiting::Leaves {
        let port = turn.get(target).port;
        turn.port(port).waiters_mut().remove(target);
        turn.thread(target).set_mode(Mode::Aside);
    }
}

/// A waiter that a suspension took aside looks at the queue again, with the time that it has left.
fn resume_waiting<O: Observer>(turn: &mut Turn<'_, O>, target: ThreadId) {
    let get = turn.get(target);
    if !turn.port(get.port).is_open() {
        return turn.releases(target, Outcome::Failed(Error::Abandoned));
    }
    let left = turn
        .thread(target)
        .remaining()
        .map_or(Timeout::Never, Timeout::Ticks);
    remove_or_wait(turn, target, get, left);
}

/// How many packets a released batch call could take besides the one it was handed.
fn further_packets_max(view: View<'_>, get: Get) -> u8 {
    let room = get.max.unwrap_or(1) - 1;
    room.min(view.port(get.port).packets().depth() as u8)
}

/// Threads associated with a port that are in no kernel wait.
#[inline]
fn runnable_members(view: View<'_>, port: PortId) -> u32 {
    let counts =
        |&id: &ThreadId| view.thread(id).port() == Some(port) && view.thread(id).is_runnable();
    view.program.thread_ids().filter(counts).count() as u32
}

/// `windows/contents`, `windows/status`: a plain call returns its packet and a batch call a batch, each packet
/// as it was posted, whatever its status.
fn outcome(get: Get, batch: Batch) -> Outcome {
    match get.max {
        None => Outcome::Packet(batch.packets()[0]),
        Some(_) => Outcome::Packets(batch),
    }
}
