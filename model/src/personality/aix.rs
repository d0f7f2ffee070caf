//! AIX I/O completion ports: the calls of Windows by name, with other rules, most of them unwritten.
//!
//! Threads take packets with GetQueuedCompletionStatus, a `get`, or several at once with
//! GetMultipleCompletionStatus, a `get` with `max` and `min`. What the documents leave open is open here:
//! whichever waiter, whichever packet. A `post` is PostQueuedCompletionStatus.
//!
//! # Claims
//!
//! | id | says | status | source |
//! |---|---|---|---|
//! | aix/contents | A packet arrives with the key, bytes and OVERLAPPED that it was posted with. | documented | D:post, D:get |
//! | aix/waiter-order | Which waiter gets a packet is not documented: any. | open | D:get |
//! | aix/packet-order | In which order packets leave the port is not documented: any. | open | D:get |
//! | aix/barging | Whether a call that comes later can take a packet from a waiter is not documented: it may. | open | D:get |
//! | aix/no-limit | The concurrency value is not implemented: any number of threads run. | documented | D:create |
//! | aix/multiple | GetMultipleCompletionStatus waits for `min` packets and takes up to `max`. | documented | D:multiple |
//! | aix/partial | If its time is over it takes what there is, with ETIMEDOUT. | documented | D:multiple |
//! | aix/exclusive | Other waits beside GetMultipleCompletionStatus are not supported; what happens is not said: here they are waiters like others. | open | D:multiple |
//! | aix/timeout | GetQueuedCompletionStatus whose time is over fails with ETIMEDOUT. | documented | D:get |
//! | aix/bad-arguments | A batch of none, or of fewer than it waits for, is EINVAL. | inferred | D:multiple |
//! | aix/closed-handle | A call on a closed port fails with EBADF. | documented | D:post, D:create |
//! | aix/close | What becomes of the waiters of a port that is closed is not documented: they sleep on, or fail with EBADF. | open | D:create |
//! | aix/associate-twice | Associating a file with the port that it is associated with is EALREADY. | documented | D:create |
//! | aix/several-ports | A file can be associated with several ports. | documented | D:aio |
//! | aix/no-file | Associating a file that is closed is EINVAL. | documented | D:create |
//! | aix/no-lost-wakeup | While there are enough packets for a waiter, somebody is awake to look. | inferred | D:get |
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

use crate::contract::Personality;
use crate::event::{Batch, Error, Observer, OsError, Outcome, aix};
use crate::program::{BindingId, Get, Op, PacketId, PortId, Program, ThreadId, Timeout};
use crate::property::Fault;
use crate::state::View;
use crate::threads::Mode;
use crate::turn::Turn;

/// See the module.
#[derive(Debug, Clone, Copy)]
pub struct Aix;

/// The most associations of one file.
const ASSOCIATIONS_MAX: usize = 8;

/// What may become of the waiters of a port that is closed.
const SLEEP_ON: u8 = 0;
const CLOSES: u8 = 2;

impl Personality for Aix {
    fn name(&self) -> &'static str {
        "aix"
    }

    fn os_error(&self) -> fn(Error) -> OsError {
        aix
    }

    fn supports(&self, program: &Program, op: Op) -> Result<(), &'static str> {
        match op {
            _ if op.is_alertable() => Err("AIX has no alertable waits"),
            Op::Post {
                reserve: Some(_), ..
            } => Err("AIX has no reserve objects"),
            Op::Post { may_fail: true, .. } => {
                Err("that its posts find no memory is not documented")
            }
            Op::Post { packet, .. } => {
                let packet = program.packets[packet.index()];
                let fits = |number| u32::try_from(number).is_ok() || i32::try_from(number).is_ok();
                if packet.status != 0 {
                    return Err("a packet that is posted carries no status");
                }
                match fits(packet.key) && fits(packet.bytes) {
                    true => Ok(()),
                    false => Err("keys and bytes have 32 bits"),
                }
            }
            Op::Create { port, .. } if program.ports[port.index()].named => {
                Err("its ports have no names")
            }
            Op::Associate {
                binding: Some(binding),
                ..
            } => can_associate(program, binding),
            Op::CloseFile { .. } => Ok(()),
            _ if op.is_portable() => Ok(()),
            _ => Err("AIX has no such operation on its ports"),
        }
    }

    fn counts_running(&self) -> bool {
        false
    }

    /// `aix/packet-order`, `aix/close`.
    fn answers(&self, view: View<'_>, _: ThreadId, op: Op) -> u8 {
        match op {
            Op::Post { port, .. } if view.port(port).is_open() => {
                let places = view.port(port).packets().depth() + 1;
                places.min(u8::MAX.into()) as u8
            }
            Op::Close { port, .. } if !view.port(port).waiters().is_empty() => CLOSES,
            _ => 1,
        }
    }

    fn call<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, op: Op, answer: u8) {
        match op {
            Op::Get { .. } => get_status(turn, me),
            Op::Post { port, packet, .. } => post_status(turn, me, port, packet, answer),
            Op::Close { port, .. } => close(turn, me, port, answer),
            Op::Create { port, .. } => create_port(turn, me, port),
            Op::Associate { binding, .. } => associate(turn, me, binding),
            Op::CloseFile { file, .. } => {
                let process = turn.program.threads[me.index()].process;
                let handles = turn.file(file).handles(process);
                if handles == 0 {
                    return turn.returns(me, Outcome::Failed(Error::BadHandle));
                }
                turn.file(file).set_handles(process, handles - 1);
                turn.returns(me, Outcome::Done);
            }
            _ => unreachable!("a program that has it is not supported"),
        }
    }

    /// `aix/close`: so it is for a waiter that was woken before.
    fn wake_answers(&self, view: View<'_>, _: ThreadId, get: Get) -> u8 {
        match view.port(get.port).is_open() || has_enough(view, get) {
            true => 1,
            false => CLOSES,
        }
    }

    /// `aix/waiter-order`, `aix/barging`: whoever looks first takes, and a waiter that finds too little waits
    /// again.
    fn wake<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get, answer: u8) {
        if has_enough(turn.view(), get) {
            let outcome = take(turn, get);
            return turn.releases(me, outcome);
        }
        if turn.view().thread(me).remaining() == Some(0) {
            let outcome = gives_up(turn, get);
            return turn.releases(me, outcome);
        }
        if answer != SLEEP_ON {
            return turn.releases(me, Outcome::Failed(Error::BadHandle));
        }
        turn.port(get.port).waiters_mut().push_newest(me);
        turn.thread(me).set_mode(Mode::Parked);
    }

    fn expire<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
        turn.port(get.port).waiters_mut().remove(me);
        let outcome = gives_up(turn, get);
        turn.releases(me, outcome);
    }

    /// `aix/no-limit`: what else a thread does is not the port's business.
    fn blocks<O: Observer>(&self, _: &mut Turn<'_, O>, _: ThreadId) {}
    fn unblocks<O: Observer>(&self, _: &mut Turn<'_, O>, _: ThreadId) {}
    fn exits<O: Observer>(&self, _: &mut Turn<'_, O>, _: ThreadId, _: Mode) {}

    /// `aix/no-lost-wakeup`.
    fn holds(&self, view: View<'_>) -> Result<(), Fault> {
        for id in view.program.port_ids() {
            let port = view.port(id);
            let waiters = port.waiters();
            if waiters
                .iter()
                .any(|waiter| has_enough(view, view.get(waiter)))
            {
                return Err(Fault::Stranded);
            }
        }
        Ok(())
    }
}

/// A file that is associated from the start would need the association that a system of one each has.
fn can_associate(program: &Program, binding: BindingId) -> Result<(), &'static str> {
    let file = program.bindings[binding.index()].file;
    if program.files[file.index()].binding.is_some() {
        return Err("only a call associates a file");
    }
    match own_bindings(program, binding).count() <= ASSOCIATIONS_MAX {
        true => Ok(()),
        false => Err("more than 8 associations of one file are not modelled"),
    }
}

/// The associations that the file of this one can have, in order.
fn own_bindings(program: &Program, binding: BindingId) -> impl Iterator<Item = BindingId> {
    let file = program.bindings[binding.index()].file;
    (0..program.bindings.len() as u8)
        .map(BindingId)
        .filter(move |other| program.bindings[other.index()].file == file)
}

/// GetQueuedCompletionStatus and GetMultipleCompletionStatus.
fn get_status<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId) {
    let get = turn.get(me);
    if let Some(error) = refuses(turn.view(), get) {
        return turn.returns(me, Outcome::Failed(error));
    }
    if has_enough(turn.view(), get) {
        let outcome = take(turn, get);
        return turn.returns(me, outcome);
    }
    if get.timeout == Timeout::Ticks(0) {
        let outcome = gives_up(turn, get);
        return turn.returns(me, outcome);
    }
    turn.port(get.port).waiters_mut().push_newest(me);
    turn.parks(me, get.timeout);
}

/// `aix/closed-handle`, `aix/bad-arguments`.
fn refuses(view: View<'_>, get: Get) -> Option<Error> {
    let max = get.max.unwrap_or(1);
    if !view.port(get.port).is_open() {
        return Some(Error::BadHandle);
    }
    (max == 0 || get.min.unwrap_or(1) > max).then_some(Error::Invalid)
}

/// `aix/multiple`, `aix/exclusive`: whether there are as many packets as a call waits for.
fn has_enough(view: View<'_>, get: Get) -> bool {
    view.port(get.port).packets().depth() >= usize::from(get.min.unwrap_or(1))
}

/// Takes what there is, up to the call's maximum: `aix/contents`.
fn take<O: Observer>(turn: &mut Turn<'_, O>, get: Get) -> Outcome {
    let batch = taken(turn, get);
    match (batch.packets(), get.max) {
        ([packet, ..], None) => Outcome::Packet(*packet),
        _ => Outcome::Packets(batch),
    }
}

/// `aix/timeout`, `aix/partial`: what a call comes back with whose time is over.
fn gives_up<O: Observer>(turn: &mut Turn<'_, O>, get: Get) -> Outcome {
    match get.max {
        None => Outcome::Failed(Error::Timeout),
        Some(_) => match taken(turn, get) {
            batch if batch.packets().is_empty() => Outcome::Failed(Error::Timeout),
            batch => Outcome::Partial(batch),
        },
    }
}

fn taken<O: Observer>(turn: &mut Turn<'_, O>, get: Get) -> Batch {
    let mut batch = Batch::EMPTY;
    while batch.packets().len() < usize::from(get.max.unwrap_or(1)) {
        match turn.port(get.port).packets_mut().take_oldest() {
            Some(packet) => batch.push(PacketId(packet)),
            None => break,
        }
    }
    turn.delivered(get.port, batch.packets().len());
    batch
}

/// PostQueuedCompletionStatus: `aix/packet-order`. Everybody is woken who may have enough now.
fn post_status<O: Observer>(
    turn: &mut Turn<'_, O>,
    me: ThreadId,
    port: PortId,
    packet: PacketId,
    place: u8,
) {
    if !turn.port(port).is_open() {
        return turn.returns(me, Outcome::Failed(Error::BadHandle));
    }
    turn.inserted();
    turn.port(port).packets_mut().insert(place.into(), packet.0);
    for id in turn.program.thread_ids() {
        let waits = turn.port(port).waiters().contains(id);
        if waits && has_enough(turn.view(), turn.get(id)) {
            turn.port(port).waiters_mut().remove(id);
            turn.thread(id).set_mode(Mode::Woken);
        }
    }
    turn.returns(me, Outcome::Done);
}

/// close: `aix/close`.
fn close<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, port: PortId, answer: u8) {
    if !turn.port(port).is_open() {
        return turn.returns(me, Outcome::Failed(Error::BadHandle));
    }
    turn.port(port).set_handles(0);
    let dropped = turn.port(port).packets_mut().clear();
    turn.discarded(dropped);
    turn.returns(me, Outcome::Done);
    if answer == SLEEP_ON {
        return;
    }
    while let Some(waiter) = turn.port(port).waiters_mut().take_oldest() {
        turn.releases(waiter, Outcome::Failed(Error::BadHandle));
    }
}

/// CreateIoCompletionPort without a file.
fn create_port<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, port: PortId) {
    turn.port(port).set_handles(1);
    turn.returns(me, Outcome::Done);
}

/// CreateIoCompletionPort with a file: `aix/associate-twice`, `aix/several-ports`, `aix/no-file`.
fn associate<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, binding: Option<BindingId>) {
    let Some(binding) = binding else {
        return turn.returns(me, Outcome::Failed(Error::Invalid));
    };
    let program = turn.program;
    let wanted = program.bindings[binding.index()];
    let process = program.threads[me.index()].process;
    let has = turn.file(wanted.file).bindings();
    let mut mine = 0;
    let mut is_there = false;
    for (n, other) in own_bindings(program, binding).enumerate() {
        let bit = 1 << n;
        is_there |= has & bit != 0 && program.bindings[other.index()].port == wanted.port;
        mine |= if other == binding { bit } else { 0 };
    }
    let failed = if !turn.port(wanted.port).is_open() {
        Some(Error::BadHandle)
    } else if turn.file(wanted.file).handles(process) == 0 {
        Some(Error::Invalid)
    } else if is_there {
        Some(Error::Exists)
    } else {
        None
    };
    match failed {
        Some(error) => turn.returns(me, Outcome::Failed(error)),
        None => {
            turn.file(wanted.file).set_bindings(has | mine);
            turn.returns(me, Outcome::Done);
        }
    }
}
