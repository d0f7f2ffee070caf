//! Operations on files: how they are issued, end and are cancelled.

use super::rules::{End, Nt};
use crate::event::{Error, Observer, Outcome};
use crate::files::{Phase, Route};
use crate::objects;
use crate::program::{
    BindingId, FileId, OperationId, PacketId, ProcessId, Program, ResultId, ThreadId,
};
use crate::property::Fault;
use crate::state::View;
use crate::turn::Turn;

/// Whether a thread's process has a handle of a file.
pub(in super::super) fn has_handle(view: View<'_>, me: ThreadId, file: FileId) -> bool {
    let process = view.program.threads[me.index()].process;
    view.file(file).handles(process) > 0
}

pub(super) fn is_on(view: View<'_>, id: OperationId, file: FileId) -> bool {
    view.program.operations[id.index()].file == file
}

/// The process whose thread issued a pending operation.
pub(super) fn process_of(view: View<'_>, id: OperationId) -> Option<ProcessId> {
    let issuer = view.operation(id).issuer()?;
    Some(view.program.threads[issuer.index()].process)
}

/// The operations that pend on a file.
pub(in super::super) fn pending_on(
    view: View<'_>,
    file: FileId,
) -> impl Iterator<Item = OperationId> {
    view.pending_operations()
        .filter(move |&id| is_on(view, id, file))
}

/// The first pending operation that `is` so.
pub(in super::super) fn first_pending(
    view: View<'_>,
    is: impl Fn(View<'_>, OperationId) -> bool,
) -> Option<OperationId> {
    view.pending_operations().find(|&id| is(view, id))
}

/// Whether the end of an operation could leave a packet at all.
pub(in super::super) fn has_overlapped(program: &Program, id: OperationId) -> bool {
    let operation = program.operations[id.index()];
    operation.overlapped != 0 && !operation.low_bit
}

/// Whether any thread may end an operation: one with a port, an OVERLAPPED and no event of its own.
pub(in super::super) fn is_agnostic(view: View<'_>, id: OperationId) -> bool {
    let operation = view.program.operations[id.index()];
    route_of(view, id).is_some() && has_overlapped(view.program, id) && operation.event.is_none()
}

/// The association under which an operation would report if it ended now.
pub(in super::super) fn route_of(view: View<'_>, id: OperationId) -> Option<BindingId> {
    match view.operation(id).route() {
        Route::File => {
            let file = view.program.operations[id.index()].file;
            view.file(file).binding()
        }
        Route::Binding(binding) => Some(binding),
        Route::Nowhere => None,
    }
}

/// Gives the memory of an operation back, or takes it again. What the kernel does with it meanwhile is a fault.
pub(in super::super) fn set_freed<O: Observer>(
    turn: &mut Turn<'_, O>,
    me: ThreadId,
    id: OperationId,
    freed: bool,
) {
    turn.operation(id).set_freed(freed);
    turn.returns(me, Outcome::Done);
}

/// ReadFile, WriteFile and all like them.
pub(in super::super) fn start<P: Nt, O: Observer>(
    personality: &P,
    turn: &mut Turn<'_, O>,
    me: ThreadId,
    id: OperationId,
    now: Option<ResultId>,
) {
    let operation = turn.program.operations[id.index()];
    if turn.operation(id).is_freed() {
        turn.breaks(Fault::Freed);
    }
    if turn.operation(id).phase() != Phase::Idle {
        turn.breaks(Fault::InFlight);
        return turn.returns(me, Outcome::Failed(Error::Invalid));
    }
    if !has_handle(turn.view(), me, operation.file) {
        return turn.fails(me, P::RULES.closed_handle, Error::BadHandle);
    }
    if operation.apc && turn.file(operation.file).binding().is_some() {
        return turn.fails(me, P::RULES.apc_io_refused, Error::Invalid);
    }
    let file = turn.program.files[operation.file.index()];
    turn.by(P::RULES.start_resets);
    if let Some(event) = operation.event {
        objects::clear(turn, event);
    }
    objects::clear(turn, file.signal);
    turn.operation(id).begin(me);
    if let Some(result) = now {
        let end = End {
            in_call: true,
            late: Some(false),
            ..End::later(result)
        };
        let left_packet = ends(personality, turn, id, end);
        let outcome = personality.says_in_call(turn, result, left_packet);
        return turn.returns(me, outcome);
    }
    match operation.done {
        None => turn.returns(me, Outcome::Failed(Error::Pending)),
        Some(done) => {
            turn.by_some(P::RULES.some.sync_waits);
            personality.turns_away(turn, me);
            objects::clear(turn, done);
            turn.thread(me).block_on(done);
            personality.blocks(turn, me);
        }
    }
}

/// What the end of an operation leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Report {
    /// Neither packet nor signal.
    Nothing,
    /// An APC of the issuing thread.
    Apc,
    /// A signal only.
    Signal,
    /// A packet, and a signal.
    Packet(BindingId),
}

/// Whether a status means failure: NT_ERROR.
fn is_error(status: u32) -> bool {
    status >> 30 == 3
}

/// Whether a status means success with a reservation: neither NT_SUCCESS nor NT_ERROR.
pub(in super::super) fn is_warning(status: u32) -> bool {
    status >> 30 == 2
}

/// What the end of an operation leaves.
fn report<P: Nt, O: Observer>(
    personality: &P,
    turn: &mut Turn<'_, O>,
    id: OperationId,
    end: End,
) -> Report {
    let rules = P::RULES;
    let operation = turn.program.operations[id.index()];
    let status = turn.program.results[end.result.index()].status;
    if end.in_call && is_error(status) {
        turn.by(rules.immediate_error);
        return Report::Nothing;
    }
    if operation.apc {
        turn.by(rules.apc_io_pending);
        return Report::Apc;
    }
    let Some(route) = route_of(turn.view(), id) else {
        turn.by(rules.no_port);
        return Report::Signal;
    };
    if !has_overlapped(turn.program, id) {
        turn.by(match operation.low_bit {
            true => rules.low_bit,
            false => rules.no_overlapped,
        });
        return Report::Signal;
    }
    if end.in_call && turn.file(operation.file).modes().skip_port {
        if let Some(claim) = personality.skips(status) {
            turn.by(claim);
            return Report::Signal;
        }
        turn.by_some(rules.some.skip_warning);
    }
    turn.by(match end.in_call {
        true if is_warning(status) => rules.immediate_warning,
        true => rules.immediate_success,
        false => rules.pending_error,
    });
    Report::Packet(route)
}

/// The end of an operation: IopCompleteRequest. Says whether it left a packet.
pub(in super::super) fn ends<P: Nt, O: Observer>(
    personality: &P,
    turn: &mut Turn<'_, O>,
    id: OperationId,
    end: End,
) -> bool {
    let operation = turn.program.operations[id.index()];
    let file = turn.program.files[operation.file.index()];
    let issuer = turn.operation(id).issuer();
    let report = report(personality, turn, id, end);
    let leaves_packet = matches!(report, Report::Packet(_));
    let phase = if leaves_packet {
        Phase::Queued
    } else {
        Phase::Idle
    };
    turn.operation(id).end(phase, end.result);
    if report == Report::Nothing {
        return false;
    }
    let may_be_late = leaves_packet && operation.event.is_none();
    if !(may_be_late && end.late.unwrap_or_else(|| personality.writes_late(turn))) {
        write_status(turn, id);
    }
    match operation.event {
        Some(event) => {
            turn.by(P::RULES.event_set);
            objects::set(personality, turn, event);
        }
        None if turn.file(operation.file).modes().skip_event => turn.by(P::RULES.skip_event),
        None => {
            turn.by(P::RULES.event_set);
            objects::set(personality, turn, file.signal);
        }
    }
    if let Some(done) = operation.done {
        objects::set(personality, turn, done);
    }
    if let (Report::Apc, Some(issuer)) = (report, issuer)
        && !turn.thread(issuer).mode().is_over()
    {
        turn.thread(issuer).queue_apc();
        personality.interrupts(turn, issuer);
    }
    if let Report::Packet(binding) = report {
        turn.by(P::RULES.io_contents);
        turn.by_some(P::RULES.some.completion_order);
        let packet = packet_of(turn.program, id, binding, end.result);
        let port = turn.program.bindings[binding.index()].port;
        personality.inserts(turn, port, packet, end.insert);
    }
    // Where nothing of its own pends any more, its end does nothing, and is no step.
    if let Some(issuer) = issuer {
        turn.ends_if_over(issuer);
    }
    leaves_packet
}

/// The kernel writes the status block of an operation.
pub(super) fn write_status<O: Observer>(turn: &mut Turn<'_, O>, id: OperationId) {
    if turn.operation(id).is_freed() {
        turn.breaks(Fault::Freed);
    }
    turn.operation(id).set_written();
}

/// The packet that reports how an operation ended.
fn packet_of(
    program: &Program,
    operation: OperationId,
    binding: BindingId,
    result: ResultId,
) -> PacketId {
    let found = program
        .completions
        .iter()
        .find(|it| it.operation == operation && it.binding == binding && it.result == result);
    found.expect("all that can come together are listed").packet
}

/// Whether a call by this thread cancels an operation.
pub(in super::super) fn cancels(view: View<'_>, me: ThreadId, id: OperationId, mine: bool) -> bool {
    let operation = view.operation(id);
    operation.phase() == Phase::Pending && (!mine || operation.issuer() == Some(me))
}

/// CancelIoEx on one operation.
pub(in super::super) fn cancel<P: Nt, O: Observer>(
    personality: &P,
    turn: &mut Turn<'_, O>,
    me: ThreadId,
    id: OperationId,
    mine: bool,
) {
    let file = turn.program.operations[id.index()].file;
    if !has_handle(turn.view(), me, file) {
        return turn.fails(me, P::RULES.closed_handle, Error::BadHandle);
    }
    if cancels(turn.view(), me, id, mine) {
        turn.by(P::RULES.cancel_one_packet);
        let end = personality.cancelled(turn, id);
        ends(personality, turn, id, end);
        return turn.returns(me, Outcome::Done);
    }
    let nothing = if mine {
        turn.by(P::RULES.cancel_mine);
        personality.cancels_nothing_of_mine(turn)
    } else {
        turn.by(P::RULES.cancel_nothing);
        Outcome::Failed(Error::NotFound)
    };
    turn.returns(me, nothing);
}

/// CancelIoEx on all operations of a file, and CancelIo.
pub(in super::super) fn cancel_file<P: Nt, O: Observer>(
    personality: &P,
    turn: &mut Turn<'_, O>,
    me: ThreadId,
    file: FileId,
    mine: bool,
) {
    if !has_handle(turn.view(), me, file) {
        return turn.fails(me, P::RULES.closed_handle, Error::BadHandle);
    }
    if mine {
        turn.by(P::RULES.cancel_mine);
    }
    let meant = |view: View<'_>, id| is_on(view, id, file) && cancels(view, me, id, mine);
    if first_pending(turn.view(), meant).is_none() {
        let nothing = if mine {
            personality.cancels_nothing_of_mine(turn)
        } else {
            personality.cancels_nothing(turn)
        };
        return turn.returns(me, nothing);
    }
    while let Some(id) = first_pending(turn.view(), meant) {
        turn.by(P::RULES.cancel_one_packet);
        let end = personality.cancelled(turn, id);
        ends(personality, turn, id, end);
    }
    turn.returns(me, Outcome::Done);
}
