//! Linux io_uring: one completion ring, many waiters.
//!
//! Long: a ring has messages, requests of several kinds, and a list behind it, each with its rules; one system is one file.
//!
//! The ring is a queue in memory that the kernel fills and its users empty: the kernel gives no entry to any
//! thread. So a `get` is a loop: io_uring_enter with IORING_ENTER_GETEVENTS and `min` as min_complete, which returns
//! at once where so many are there; advance the head of the ring if an entry is there, in one action that others do
//! not see the middle of; else the same again. With `max` it takes what is there until the batch is full. A `post`
//! is IORING_OP_MSG_RING, submitted on another ring; it puts one entry behind the others. A `msg_ring` with `from`
//! is submitted on a ring of the scenario, which gets an entry too: how it went.
//!
//! A waiter stands in a list, and waits until the tail of the ring has come to its place: the head when it came, and
//! its minimum further. An entry wakes the waiters from the front of the list up to the first whose place is not
//! reached, and they leave the list: a herd where each waits for one.
//!
//! A file is one whose requests go to a ring: `start` submits IORING_OP_READ there, and its end is an entry with the
//! file's key, the operation's number, and in place of the bytes the result, which is negative where it failed. `cancel`
//! is IORING_REGISTER_SYNC_CANCEL; a `submit` is a request that ends by itself. Where a port says of how many entries
//! its ring is, the kernel keeps the others in a list behind it.
//!
//! # Claims
//!
//! | id | says | status | source |
//! |---|---|---|---|
//! | io-uring/fifo | Entries are taken in the order in which they were posted. | measured | M:D |
//! | io-uring/herd | An entry wakes every waiter where each waits for one. | measured | M:D, S:wait |
//! | io-uring/prefix | An entry wakes the waiters in the order in which they came, up to the first that has not got its minimum; whoever stands behind that one sleeps on, even with what it waits for. | measured | M:D, S:wait |
//! | io-uring/place | A waiter waits for a place of the tail, its minimum behind the head when it came: what others take meanwhile does not keep it waiting. | measured | M:D, S:wait |
//! | io-uring/fewer | A call that waited for its minimum takes what is there when it goes on, which can be less. | measured | M:D |
//! | io-uring/any-wins | Which of the woken threads takes the entry is left to chance. | measured | M:D |
//! | io-uring/race | An entry belongs to nobody: a thread that looks before the woken waiters run takes it. | measured | M:D |
//! | io-uring/robbed-waits-again | A woken thread whose entry was taken returns from its wait with nothing, and waits again. | measured | M:D |
//! | io-uring/batch | A call takes as many entries as are there, up to its maximum, and waits for no more than its minimum. | derived | the loop |
//! | io-uring/min-zero | A minimum of 0 never waits. | measured | M:D |
//! | io-uring/batch-zero | A maximum of 0 is EINVAL. | derived | the loop |
//! | io-uring/timeout | A wait whose time is over fails with ETIME (here ETIMEDOUT, as everywhere) if the ring is empty; the others wait on. | measured | M:D |
//! | io-uring/timeout-with-some | Where any entry is there, it succeeds, and the call takes them, even fewer than its minimum. | measured | M:D |
//! | io-uring/leaver-wakes-nobody | A waiter whose time is over wakes nobody: those behind it sleep until the next entry, even with what they wait for. | measured | R:who-leaves-wakes-nobody, S:wait |
//! | io-uring/msg-ring | A message from one ring to another puts its entry into that one, and then one that says how it went into its own. | measured | R:message-says-how-it-went, S:msg_ring, D:io_uring_prep_msg_ring |
//! | io-uring/request | A read pends until bytes come for it; then its entry says how many. | measured | R:requests-end-of-one, R:end-of-a-request-wakes-all |
//! | io-uring/completion-order | Entries come in the order in which requests end, whatever the order in which they were submitted. | measured | M:D, R:requests-order-of-their-ends |
//! | io-uring/which-read | Bytes that come where several reads pend on one file end one of them, and not the oldest first; which is not promised: any. | measured | M:D, R:bytes-for-one-of-five-reads |
//! | io-uring/cancel | A request that is cancelled ends with -ECANCELED; where there is no such request, the call fails with ENOENT. | measured | M:D, R:cancel-of-one-request |
//! | io-uring/cancel-all | A cancel of all requests on a file ends each of them, and succeeds where there is none. | measured | R:cancel-of-all-on-a-file |
//! | io-uring/cancel-order | In which order requests end that are cancelled in one go is not promised: any. | measured | M:D, R:cancel-of-all-on-a-file, R:cancel-that-is-a-request |
//! | io-uring/cancel-request | A cancel that is a request puts an entry of its own in front of those of the requests that it ends: 0, or -ENOENT where there is no such request; of a file how many it found. | measured | M:D, R:cancel-that-is-a-request |
//! | io-uring/own-ring | A cancel finds only requests that were submitted on its own ring. | measured | R:cancel-from-another-ring |
//! | io-uring/nop | A request to do nothing puts its entry into the ring that it is submitted on. | measured | M:D, R:nop-puts-an-entry |
//! | io-uring/timeout-request | A timeout that is a request ends with -ETIME and wakes every waiter, whatever its minimum. | measured | M:D, R:timeout-wakes-everybody |
//! | io-uring/overflow | What does not fit into the ring is kept behind it, and so is what is put while others are kept; they come in order when a thread enters to wait and finds room. | measured | M:D, R:more-than-the-ring-holds |
//! | io-uring/back-before-room | A woken thread that left the kernel before others made room takes only what is in the ring; if that is nothing, it waits again, for its whole minimum. | measured | R:kept-for-whoever-enters |
//! | io-uring/no-more-than-the-ring | Nobody waits for more entries than the ring has room for. | measured | R:minimum-beyond-the-ring |
//! | io-uring/no-limit | Nothing limits how many woken threads run; the concurrency value means nothing. | measured | M:D |
//! | io-uring/close-stays | Closing the descriptor wakes nobody. | measured | M:D |
//! | io-uring/closed-ring | A call on a closed descriptor, and a post to one, fails with EBADF. | documented | D:io_uring_enter, D:io_uring_prep_msg_ring |
//! | io-uring/woken-then-closed | A thread that was woken before the close, and finds nothing, fails with EBADF when it waits again. | inferred | S:wait |
//! | io-uring/no-lost-wakeup | While an entry is in the ring and a thread waits for one, some other thread is awake to take it, unless a thread waits for more. | inferred | S:wait |
//!
//! The sources are our measurements (M, by section of the notes on Unix systems) and our recordings (R, below
//! traces/recorded/io-uring), the kernel's io_uring/wait.c and io_uring/msg_ring.c (S), and its manual pages (D).
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
//! Timeouts of some time, which would be deadlines of no thread, are absent, and so are linked requests, polled rings,
//! and rings of one submitter. A ring whose descriptor is closed can be posted to through another one; here nobody has
//! one, but its requests go on, as they would then.

use alloc::vec::Vec;

use crate::contract::Personality;
use crate::event::{Batch, Error, Observer, OsError, Outcome, errno};
use crate::files::Phase;
use crate::program::{
    FileId, Get, Message, Modes, Op, OperationId, Owner, PacketId, PortId, Program, Request,
    ResultId, TAKEN_BACK, ThreadId, Timeout,
};
use crate::property::Fault;
use crate::state::View;
use crate::threads::Mode;
use crate::turn::Turn;

/// See the module.
#[derive(Debug, Clone, Copy)]
pub struct IoUring;

impl Personality for IoUring {
    fn name(&self) -> &'static str {
        "io-uring"
    }

    fn os_error(&self) -> fn(Error) -> OsError {
        errno
    }

    fn supports(&self, program: &Program, op: Op) -> Result<(), &'static str> {
        match op {
            _ if op.is_alertable() => Err("Linux has no alertable waits"),
            Op::Create { port, .. } if program.ports[port.index()].named => {
                Err("a ring has no name")
            }
            Op::Suspend { .. } | Op::Resume { .. } => {
                Err("Linux has no call that suspends a thread and keeps the order of the waiters")
            }
            Op::Post {
                reserve: Some(_), ..
            } => Err("Linux has no reserve objects"),
            Op::Post { may_fail: true, .. } => Err("its posts find memory"),
            Op::Post { packet, .. } if program.packets[packet.index()].status != 0 => {
                Err("its packets carry no status")
            }
            Op::Start { now: Some(_), .. } => Err("the call does not say that a request is over"),
            Op::Start { operation, .. } => is_request(program, operation),
            Op::Complete { burst, result, .. } => can_complete(program, burst, result),
            Op::Cancel { mine: true, .. } | Op::CancelFile { mine: true, .. } => {
                Err("a cancel asks for no issuer")
            }
            Op::Cancel { operation, .. }
            | Op::Submit {
                request: Request::Cancel(operation, _),
                ..
            } => is_request(program, operation),
            op if cancelled_file(op).is_some() => can_cancel_all(program, op),
            Op::MsgRing { .. } | Op::Submit { .. } => Ok(()),
            _ if op.is_portable() => Ok(()),
            _ => Err("io_uring has no such operation here"),
        }
    }

    fn counts_running(&self) -> bool {
        false
    }

    /// `io-uring/fifo`.
    fn keeps_order(&self) -> bool {
        true
    }

    fn has_rings(&self) -> bool {
        true
    }

    /// `io-uring/which-read`, `io-uring/cancel-order`.
    fn answers(&self, view: View<'_>, _: ThreadId, op: Op) -> u8 {
        if let Some(file) = cancelled_file(op) {
            return (1..=pending_on(view, file).len() as u8).product();
        }
        match op {
            Op::Complete { burst, .. } => {
                let id = named(view.program, burst);
                match view.operation(id).phase() {
                    Phase::Pending => pending_on(view, file_of(view.program, id)).len() as u8,
                    _ => 1,
                }
            }
            _ => 1,
        }
    }

    fn call<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, op: Op, answer: u8) {
        match op {
            Op::Get { .. } => get(turn, me),
            Op::Post { port, packet, .. } => post(turn, me, port, packet),
            Op::Close { port, .. } => close(turn, me, port),
            Op::Create { port, .. } => create(turn, me, port),
            Op::MsgRing { message, .. } => msg_ring(turn, me, message),
            Op::Start { operation, .. } => start(turn, me, operation),
            Op::Complete { burst, result, .. } => {
                complete(turn, me, named(turn.program, burst), result, answer)
            }
            Op::Cancel { operation, .. } => cancel(turn, me, operation),
            Op::CancelFile { file, .. } => cancel_file(turn, me, file, answer),
            Op::Submit { port, request, .. } => submit(turn, me, port, request, answer),
            _ => unreachable!("a program that has it is not supported"),
        }
    }

    /// `io-uring/back-before-room`: it left the kernel before there was room, or behind that.
    fn wake_answers(&self, view: View<'_>, _: ThreadId, get: Get) -> u8 {
        let brings_in = view.port(get.port).note() > 0 && room(view, get.port) > 0;
        1 + u8::from(brings_in)
    }

    /// `io-uring/any-wins`, `io-uring/race`, `io-uring/robbed-waits-again`: woken threads go on in any order, and what each finds
    /// decides; `io-uring/fewer`. `io-uring/woken-then-closed`, `io-uring/back-before-room`.
    fn wake<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get, answer: u8) {
        if answer > 0 {
            flush(turn, get.port);
        }
        if let Some(outcome) = take_oldest(turn, get) {
            turn.releases(me, outcome);
        } else if !turn.port(get.port).is_open() {
            turn.releases(me, Outcome::Failed(Error::BadHandle));
        } else {
            waits_again(turn, me, get);
        }
        forget_if_unused(turn, get.port);
    }

    /// `io-uring/timeout`, `io-uring/timeout-with-some`, `io-uring/leaver-wakes-nobody`.
    fn expire<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
        turn.port(get.port).waiters_mut().remove(me);
        let some = take_oldest(turn, get);
        turn.releases(me, some.unwrap_or(Outcome::Failed(Error::Timeout)));
        forget_if_unused(turn, get.port);
    }

    /// `io-uring/no-limit`: what else a thread does is not the ring's business.
    fn blocks<O: Observer>(&self, _: &mut Turn<'_, O>, _: ThreadId) {}
    fn unblocks<O: Observer>(&self, _: &mut Turn<'_, O>, _: ThreadId) {}
    fn exits<O: Observer>(&self, _: &mut Turn<'_, O>, _: ThreadId, _: Mode) {}

    /// `io-uring/no-lost-wakeup`.
    fn holds(&self, view: View<'_>) -> Result<(), Fault> {
        let wants_more = |op: &Op| matches!(op, Op::Get { min: Some(min), .. } if *min > 1);
        if view.program.ops().any(|op| wants_more(&op)) {
            return Ok(());
        }
        for id in view.program.port_ids() {
            let port = view.port(id);
            if !port.packets().is_empty()
                && !port.waiters().is_empty()
                && !view.is_anybody_awake(id)
            {
                return Err(Fault::Stranded);
            }
        }
        Ok(())
    }
}

/// Pops an entry, or io_uring_enter with IORING_ENTER_GETEVENTS: `io-uring/batch-zero`, `io-uring/closed-ring`,
/// `io-uring/min-zero`.
fn get<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId) {
    let get = turn.get(me);
    if get.max == Some(0) {
        return turn.returns(me, Outcome::Failed(Error::Invalid));
    }
    if !turn.port(get.port).is_open() {
        return turn.returns(me, Outcome::Failed(Error::BadHandle));
    }
    flush(turn, get.port);
    let polls = get.timeout == Timeout::Ticks(0);
    if (polls || wants(turn, get) == 0)
        && let Some(outcome) = take_oldest(turn, get)
    {
        return turn.returns(me, outcome);
    }
    if get.min == Some(0) {
        return turn.returns(me, Outcome::Packets(Batch::EMPTY));
    }
    if polls {
        return turn.returns(me, Outcome::Failed(Error::Timeout));
    }
    turn.parks(me, get.timeout);
    stands_last(turn, me, get);
}

/// IORING_OP_MSG_RING from a ring of the poster: `io-uring/closed-ring`.
fn post<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, port: PortId, packet: PacketId) {
    if !turn.port(port).is_open() {
        return turn.returns(me, Outcome::Failed(Error::BadHandle));
    }
    put(turn, port, packet);
    turn.returns(me, Outcome::Done);
}

/// IORING_OP_MSG_RING from a ring that others wait on too: `io-uring/msg-ring`, `io-uring/closed-ring`.
fn msg_ring<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, it: Message) {
    if !turn.port(it.from).is_open() {
        return turn.returns(me, Outcome::Failed(Error::BadHandle));
    }
    if turn.port(it.to).is_open() {
        put(turn, it.to, it.packet);
        put(turn, it.from, it.went);
    } else {
        put(turn, it.from, it.failed);
    }
    turn.returns(me, Outcome::Done);
}

/// close: `io-uring/close-stays`.
fn close<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, port: PortId) {
    if !turn.port(port).is_open() {
        return turn.returns(me, Outcome::Failed(Error::BadHandle));
    }
    turn.port(port).set_handles(0);
    turn.returns(me, Outcome::Done);
    forget_if_unused(turn, port);
}

/// io_uring_setup.
fn create<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, port: PortId) {
    turn.port(port).set_handles(1);
    turn.returns(me, Outcome::Done);
}

/// IORING_OP_READ, submitted on the ring of its file: `io-uring/request`, `io-uring/closed-ring`.
fn start<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, id: OperationId) {
    if turn.operation(id).phase() != Phase::Idle {
        turn.breaks(Fault::InFlight);
        return turn.returns(me, Outcome::Failed(Error::Invalid));
    }
    let ring = ring_of(turn.program, file_of(turn.program, id));
    if !turn.port(ring).is_open() {
        return turn.returns(me, Outcome::Failed(Error::BadHandle));
    }
    turn.operation(id).begin(me);
    turn.returns(me, Outcome::Failed(Error::Pending));
}

/// Bytes come for a read: `io-uring/request`, `io-uring/which-read`.
fn complete<O: Observer>(
    turn: &mut Turn<'_, O>,
    me: ThreadId,
    id: OperationId,
    result: ResultId,
    which: u8,
) {
    if turn.operation(id).phase() != Phase::Pending {
        return turn.returns(me, Outcome::Failed(Error::NotFound));
    }
    let file = file_of(turn.program, id);
    let pending = pending_on(turn.view(), file);
    ends(turn, pending[usize::from(which)], result);
    turn.returns(me, Outcome::Done);
}

/// IORING_REGISTER_SYNC_CANCEL of one request: `io-uring/cancel`, `io-uring/closed-ring`.
fn cancel<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, id: OperationId) {
    let ring = ring_of(turn.program, file_of(turn.program, id));
    if !turn.port(ring).is_open() {
        return turn.returns(me, Outcome::Failed(Error::BadHandle));
    }
    if turn.operation(id).phase() != Phase::Pending {
        return turn.returns(me, Outcome::Failed(Error::NotFound));
    }
    take_back(turn, &[id]);
    turn.returns(me, Outcome::Done);
}

/// The same of all requests on a file: `io-uring/cancel-all`, `io-uring/cancel-order`, `io-uring/closed-ring`.
fn cancel_file<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, file: FileId, order: u8) {
    let ring = ring_of(turn.program, file);
    if !turn.port(ring).is_open() {
        return turn.returns(me, Outcome::Failed(Error::BadHandle));
    }
    let ended = in_order(pending_on(turn.view(), file), order);
    take_back(turn, &ended);
    turn.returns(me, Outcome::Done);
}

/// A request that ends by itself: `io-uring/nop`, `io-uring/timeout-request`, `io-uring/cancel-request`,
/// `io-uring/own-ring`, `io-uring/closed-ring`.
fn submit<O: Observer>(
    turn: &mut Turn<'_, O>,
    me: ThreadId,
    port: PortId,
    request: Request,
    order: u8,
) {
    if !turn.port(port).is_open() {
        return turn.returns(me, Outcome::Failed(Error::BadHandle));
    }
    match request {
        Request::Nop(own) => put(turn, port, own),
        Request::Timeout(own) => {
            put(turn, port, own);
            while wake_one(turn, port) {}
        }
        Request::Cancel(id, own) => {
            let here = ring_of(turn.program, file_of(turn.program, id)) == port;
            let found = here && turn.operation(id).phase() == Phase::Pending;
            take_back_for(turn, port, own, &[id][..usize::from(found)]);
        }
        Request::CancelFile(file, own) => {
            let mut ended = Vec::new();
            if ring_of(turn.program, file) == port {
                ended = in_order(pending_on(turn.view(), file), order);
            }
            take_back_for(turn, port, own, &ended);
        }
    }
    turn.returns(me, Outcome::Done);
}

/// A cancel that is a request: its own entry says how many it found, and stands before theirs.
fn take_back_for<O: Observer>(
    turn: &mut Turn<'_, O>,
    port: PortId,
    own: u8,
    ended: &[OperationId],
) {
    let own = turn.program.owns[usize::from(own)][ended.len()];
    put(turn, port, own);
    take_back(turn, ended);
}

/// Requests end with -ECANCELED, one after the other.
fn take_back<O: Observer>(turn: &mut Turn<'_, O>, ended: &[OperationId]) {
    let mut results = turn.program.results.iter();
    let taken_back = results.position(|it| *it == TAKEN_BACK);
    for &id in ended {
        let taken_back = taken_back.expect("a program that cancels has it");
        ends(turn, id, ResultId(taken_back as u8));
    }
}

/// `io-uring/completion-order`: the end of a request is an entry in its ring.
fn ends<O: Observer>(turn: &mut Turn<'_, O>, id: OperationId, result: ResultId) {
    turn.operation(id).end(Phase::Queued, result);
    let file = file_of(turn.program, id);
    let mut completions = turn.program.completions.iter();
    let own = completions.find(|it| it.operation == id && it.result == result);
    let packet = own.expect("all that can come together are listed").packet;
    let ring = ring_of(turn.program, file);
    put(turn, ring, packet);
    forget_if_unused(turn, ring);
}

/// The requests on a file that have not ended.
fn pending_on(view: View<'_>, file: FileId) -> Vec<OperationId> {
    let is_on = |id: &OperationId| file_of(view.program, *id) == file;
    view.pending_operations().filter(is_on).collect()
}

/// One of the orders in which some requests can end, by its number.
fn in_order(mut requests: Vec<OperationId>, order: u8) -> Vec<OperationId> {
    let (mut ordered, mut left) = (Vec::new(), usize::from(order));
    while !requests.is_empty() {
        ordered.push(requests.remove(left % requests.len()));
        left /= requests.len() + 1;
    }
    ordered
}

/// The file on which a cancel ends all requests.
fn cancelled_file(op: Op) -> Option<FileId> {
    match op {
        Op::CancelFile { file, .. } => Some(file),
        Op::Submit {
            request: Request::CancelFile(file, _),
            ..
        } => Some(file),
        _ => None,
    }
}

fn file_of(program: &Program, id: OperationId) -> FileId {
    program.operations[id.index()].file
}

/// The operation that a `complete` names.
fn named(program: &Program, burst: u16) -> OperationId {
    program.bursts[usize::from(burst)][0]
}

/// The ring to which requests on a file go.
fn ring_of(program: &Program, file: FileId) -> PortId {
    let binding = program.files[file.index()].binding;
    program.bindings[binding.expect("it is asked for first").index()].port
}

fn has_ring(program: &Program, file: FileId) -> Result<(), &'static str> {
    match program.files[file.index()].binding {
        Some(_) => Ok(()),
        None => Err("a request goes to the ring of its file, and this one has none"),
    }
}

/// Whether an operation can be a request to a ring.
fn is_request(program: &Program, id: OperationId) -> Result<(), &'static str> {
    let operation = program.operations[id.index()];
    let file = program.files[operation.file.index()];
    has_ring(program, operation.file)?;
    if file.sync || file.modes != Modes::default() {
        return Err("files have no modes here");
    }
    if operation.overlapped == 0 || operation.event.is_some() || operation.apc {
        return Err("a request has user data, and neither event nor routine");
    }
    Ok(())
}

fn can_complete(program: &Program, burst: u16, result: ResultId) -> Result<(), &'static str> {
    let how = program.results[result.index()];
    match program.bursts[usize::from(burst)][..] {
        [one] => is_request(program, one)?,
        _ => return Err("each request ends by itself"),
    }
    match (how.status, how.bytes) {
        (0, 0..) => Ok(()),
        _ => Err("a read here ends with bytes, and in no other way"),
    }
}

/// The most requests whose every order of ends is tried.
const ORDERED_MAX: usize = 5;

fn can_cancel_all(program: &Program, op: Op) -> Result<(), &'static str> {
    let file = cancelled_file(op).expect("it is asked for first");
    let operations = program.operations.iter();
    match operations.filter(|it| it.file == file).count() {
        0..=ORDERED_MAX => has_ring(program, file),
        _ => Err("more than 5 requests on a file are not cancelled in one go here"),
    }
}

/// `io-uring/fifo`, `io-uring/batch`: takes what the call may have, oldest first. None if there is nothing.
fn take_oldest<O: Observer>(turn: &mut Turn<'_, O>, get: Get) -> Option<Outcome> {
    let max = usize::from(get.max.unwrap_or(1));
    let there = in_ring(turn.view(), get.port);
    let mut batch = Batch::EMPTY;
    while batch.packets().len() < max.min(there) {
        let oldest = turn.port(get.port).packets_mut().take_oldest();
        let packet = PacketId(oldest.expect("so many are there"));
        rests(turn, packet);
        batch.push(packet);
    }
    turn.delivered(get.port, batch.packets().len());
    match (batch.packets(), get.max) {
        ([], _) => None,
        ([packet, ..], None) => Some(Outcome::Packet(*packet)),
        (_, Some(_)) => Some(Outcome::Packets(batch)),
    }
}

/// What an entry reports can be asked for again.
fn rests<O: Observer>(turn: &mut Turn<'_, O>, packet: PacketId) {
    if let Owner::Operation(id) = turn.program.owner(packet) {
        turn.operation(id).rest();
    }
}

/// How many entries more there must be before a call has its minimum. `io-uring/no-more-than-the-ring`.
fn wants<O: Observer>(turn: &mut Turn<'_, O>, get: Get) -> u8 {
    let entries = turn.program.ports[get.port.index()].entries;
    let min = get.min.unwrap_or(1).min(entries.unwrap_or(u8::MAX));
    min.saturating_sub(in_ring(turn.view(), get.port) as u8)
}

/// How many entries are in the ring; the kernel keeps the others.
fn in_ring(view: View<'_>, port: PortId) -> usize {
    let port = view.port(port);
    port.packets().depth() - usize::from(port.note())
}

/// How many entries more the ring has room for.
fn room(view: View<'_>, port: PortId) -> usize {
    let entries = view.program.ports[port.index()].entries;
    let there = in_ring(view, port);
    entries.map_or(usize::MAX, |entries| usize::from(entries) - there)
}

/// `io-uring/overflow`: a thread in the kernel brings into the ring what is kept, as far as there is room. Nobody waits
/// then: a full ring has everybody's place.
fn flush<O: Observer>(turn: &mut Turn<'_, O>, port: PortId) {
    let kept = turn.port(port).note();
    let room = room(turn.view(), port).min(kept.into()) as u8;
    turn.port(port).set_note(kept - room);
}

/// A woken thread that found nothing enters the kernel again, for its whole minimum.
fn waits_again<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
    flush(turn, get.port);
    let is_over = turn.thread(me).remaining() == Some(0);
    if (is_over || wants(turn, get) == 0)
        && let Some(outcome) = take_oldest(turn, get)
    {
        turn.releases(me, outcome);
    } else if is_over {
        turn.releases(me, Outcome::Failed(Error::Timeout));
    } else {
        turn.thread(me).set_mode(Mode::Parked);
        stands_last(turn, me, get);
    }
}

/// `io-uring/place`: a waiter goes behind the others, and keeps how many entries are to come until it has its place.
fn stands_last<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
    let wants = wants(turn, get);
    turn.port(get.port).waiters_mut().push_newest(me);
    turn.thread(me).set_note(wants);
}

/// Puts an entry into the ring: `io-uring/fifo`. `io-uring/overflow`: where that has no room, or others are kept already,
/// the kernel keeps it behind them.
fn put<O: Observer>(turn: &mut Turn<'_, O>, port: PortId, packet: PacketId) {
    turn.inserted();
    let kept = turn.port(port).note();
    let fits = kept == 0 && room(turn.view(), port) > 0;
    turn.port(port).packets_mut().append(packet.0);
    if fits {
        wake_first(turn, port);
    } else {
        turn.port(port).set_note(kept + 1);
    }
}

/// `io-uring/herd`, `io-uring/prefix`: an entry has come; who has its place by now is made runnable, up to the first
/// that has not, and takes nothing yet.
fn wake_first<O: Observer>(turn: &mut Turn<'_, O>, port: PortId) {
    let mut place = 0;
    while let Some(waiter) = turn.port(port).waiters().at(place) {
        let mut waiter = turn.thread(waiter);
        let wants = waiter.note();
        waiter.set_note(wants.saturating_sub(1));
        place += 1;
    }
    while let Some(first) = turn.port(port).waiters().at(0) {
        if turn.thread(first).note() != 0 {
            break;
        }
        wake_one(turn, port);
    }
}

/// Makes the first waiter runnable; says whether there was one.
fn wake_one<O: Observer>(turn: &mut Turn<'_, O>, port: PortId) -> bool {
    let first = turn.port(port).waiters_mut().take_oldest();
    if let Some(first) = first {
        let mut first = turn.thread(first);
        first.set_note(0);
        first.set_mode(Mode::Woken);
    }
    first.is_some()
}

/// What a closed descriptor stood for lives on while a thread is inside a call on it, and is then dropped.
fn forget_if_unused<O: Observer>(turn: &mut Turn<'_, O>, port: PortId) {
    let used = turn.port(port).is_open()
        || !turn.port(port).waiters().is_empty()
        || turn.view().is_anybody_awake(port);
    if !used {
        let mut dropped = 0;
        while let Some(packet) = turn.port(port).packets_mut().take_oldest() {
            rests(turn, PacketId(packet));
            dropped += 1;
        }
        turn.port(port).set_note(0);
        turn.discarded(dropped);
    }
}
