//! Files, their handles, and their associations with ports.

use super::operations::{
    ends, first_pending, has_handle, is_agnostic, is_on, pending_on, process_of,
};
use super::rules::{End, Nt};
use crate::event::{Error, Observer, Outcome};
use crate::objects;
use crate::program::{BindingId, FileId, Modes, OperationId, ProcessId, ThreadId};
use crate::state::View;
use crate::turn::Turn;

/// NtSetInformationFile with FileCompletionInformation; CreateIoCompletionPort with a file.
pub(in super::super) fn associate_file<P: Nt, O: Observer>(
    personality: &P,
    turn: &mut Turn<'_, O>,
    me: ThreadId,
    binding: Option<BindingId>,
) {
    let rules = P::RULES;
    let Some(binding) = binding else {
        turn.by_some(rules.some.associate_null_file);
        return turn.returns(me, Outcome::Failed(Error::Invalid));
    };
    let bound = turn.program.bindings[binding.index()];
    let file = turn.program.files[bound.file.index()];
    if !has_handle(turn.view(), me, bound.file) {
        return turn.fails(me, rules.closed_handle, Error::BadHandle);
    }
    if file.sync {
        turn.by_some(rules.some.associate_sync);
        return turn.returns(me, Outcome::Failed(Error::Invalid));
    }
    if turn.file(bound.file).binding().is_some() {
        return turn.fails(me, rules.associate_once, Error::Invalid);
    }
    if !turn.port(bound.port).is_open() {
        return turn.fails(me, rules.closed_handle, Error::BadHandle);
    }
    if pending_on(turn.view(), bound.file).next().is_some() {
        turn.by(rules.associate_retroactive);
    }
    turn.file(bound.file).set_binding(Some(binding));
    if !turn.file(bound.file).modes().skip_event {
        turn.by(rules.associate_signals);
        objects::set(personality, turn, file.signal);
    }
    turn.returns(me, Outcome::Done);
}

/// SetFileCompletionNotificationModes.
pub(in super::super) fn set_modes<P: Nt, O: Observer>(
    _: &P,
    turn: &mut Turn<'_, O>,
    me: ThreadId,
    file: FileId,
    modes: Modes,
) {
    if !has_handle(turn.view(), me, file) {
        return turn.fails(me, P::RULES.closed_handle, Error::BadHandle);
    }
    let declared = turn.program.files[file.index()];
    if declared.sync {
        turn.by_some(P::RULES.some.modes_sync);
        return turn.returns(me, Outcome::Failed(Error::Invalid));
    }
    turn.by(P::RULES.modes_accumulate);
    turn.file(file).add_modes(modes);
    if modes.skip_event {
        turn.by(P::RULES.skip_event);
        objects::clear(turn, declared.signal);
    }
    turn.returns(me, Outcome::Done);
}

/// DuplicateHandle on a file, into the caller's process or another.
pub(in super::super) fn duplicate_file<P: Nt, O: Observer>(
    _: &P,
    turn: &mut Turn<'_, O>,
    me: ThreadId,
    file: FileId,
    process: Option<ProcessId>,
) {
    if !has_handle(turn.view(), me, file) {
        return turn.fails(me, P::RULES.closed_handle, Error::BadHandle);
    }
    turn.by(P::RULES.shared_by_duplicates);
    let process = process.unwrap_or(turn.program.threads[me.index()].process);
    let handles = turn.file(file).handles(process);
    turn.file(file)
        .set_handles(process, handles.saturating_add(1));
    turn.returns(me, Outcome::Done);
}

/// CloseHandle on a file.
pub(in super::super) fn close_file<P: Nt, O: Observer>(
    personality: &P,
    turn: &mut Turn<'_, O>,
    me: ThreadId,
    file: FileId,
) {
    let process = turn.program.threads[me.index()].process;
    let handles = turn.file(file).handles(process);
    if handles == 0 {
        return turn.fails(me, P::RULES.closed_handle, Error::BadHandle);
    }
    turn.file(file).set_handles(process, handles - 1);
    if handles > 1 {
        turn.by(P::RULES.close_file_other_handle);
    } else if turn.file(file).is_open() {
        turn.by_some(P::RULES.some.close_file_other_process);
        let end = personality.cancelled_by_close(turn.program);
        cancel_own(personality, turn, file, process, end, is_agnostic);
    }
    closes_with_last_handle(personality, turn, file);
    turn.returns(me, Outcome::Done);
}

/// A process ends: what it has issued is cancelled, and its handles of files are closed.
pub(in super::super) fn process_exits<P: Nt, O: Observer>(
    personality: &P,
    turn: &mut Turn<'_, O>,
    process: ProcessId,
) {
    for n in 0..turn.program.files.len() {
        let file = FileId(n as u8);
        if turn.file(file).handles(process) == 0 {
            continue;
        }
        turn.by_some(P::RULES.some.process_exit);
        turn.file(file).set_handles(process, 0);
        let end = End::cancelled(turn.program);
        cancel_own(personality, turn, file, process, end, |_, _| true);
        closes_with_last_handle(personality, turn, file);
    }
}

/// Cancels what a process has issued on a file, of the operations that are `such`.
fn cancel_own<P: Nt, O: Observer>(
    personality: &P,
    turn: &mut Turn<'_, O>,
    file: FileId,
    process: ProcessId,
    end: End,
    such: impl Fn(View<'_>, OperationId) -> bool,
) {
    let own = |view: View<'_>, id| {
        is_on(view, id, file) && process_of(view, id) == Some(process) && such(view, id)
    };
    while let Some(id) = first_pending(turn.view(), own) {
        ends(personality, turn, id, end);
    }
}

/// What happens when nobody has a handle any more.
fn closes_with_last_handle<P: Nt, O: Observer>(
    personality: &P,
    turn: &mut Turn<'_, O>,
    file: FileId,
) {
    if turn.file(file).is_open() {
        return;
    }
    let on_close = turn.program.files[file.index()].on_close;
    turn.by(P::RULES.close_file_idle);
    while let Some(id) = first_pending(turn.view(), |view, id| is_on(view, id, file)) {
        turn.by(P::RULES.close_file_pending);
        ends(personality, turn, id, End::later(on_close));
    }
    if let Some(binding) = turn.file(file).binding() {
        turn.file(file).set_binding(None);
        let port = turn.program.bindings[binding.index()].port;
        personality.file_leaves(turn, port);
    }
}
