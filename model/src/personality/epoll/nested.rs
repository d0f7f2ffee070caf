//! Looks at a descriptor from outside: by another one that watches it, and by poll(2).

use core::ops::Range;

use super::*;
use crate::threads::Mode;

/// The most descriptors that others watch: no chain of them is as long as the kernel forbids.
const NESTED_MAX: usize = 4;

/// Whether descriptors watch each other in a program.
pub(super) fn is_in(program: &Program) -> bool {
    program.sources.iter().any(|source| source.port.is_some())
}

/// Whether a chain of descriptors could come to be longer than the kernel allows.
pub(super) fn is_too_deep(program: &Program) -> bool {
    let nested = program.sources.iter().filter(|it| it.port.is_some());
    nested.count() > NESTED_MAX
}

/// The places that descriptors have among those that watch a source, as far as these are kept.
pub(super) fn ranks(program: &Program) -> Range<u8> {
    0..if is_in(program) {
        WATCHERS_MAX as u8
    } else {
        1
    }
}

/// The source that stands for a port, if one does.
fn as_source(program: &Program, port: PortId) -> Option<SourceId> {
    let mut sources = program.sources.iter();
    let at = sources.position(|source| source.port == Some(port))?;
    Some(SourceId(at as u8))
}

/// Whether the descriptor by which a source is known is closed.
pub(super) fn names_nothing(view: View<'_>, source: SourceId) -> bool {
    match view.program.sources[source.index()].port {
        Some(inner) => !view.port(inner).is_open(),
        None => view.is_closed(source),
    }
}

/// How it fails that a descriptor is to watch this source, where that is a descriptor and forbidden.
pub(super) fn refused(
    view: View<'_>,
    port: PortId,
    source: SourceId,
    change: Watch,
) -> Option<Error> {
    let inner = view.program.sources[source.index()].port?;
    let exclusive = match change {
        Watch::Add(interest) | Watch::Mod(interest) => interest.exclusive,
        Watch::Del => false,
    };
    match change {
        _ if inner == port || exclusive => Some(Error::Invalid),
        Watch::Add(_) if watches(view, inner, port) => Some(Error::Loop),
        _ => None,
    }
}

/// Whether a descriptor watches another, by however many between them.
fn watches(view: View<'_>, outer: PortId, port: PortId) -> bool {
    let sources = view.program.sources.iter().enumerate();
    let mut nested = sources.filter_map(|(n, source)| Some((SourceId(n as u8), source.port?)));
    nested.any(|(source, inner)| {
        let watched = view.interest(outer, source).0.has(WATCHED);
        watched && (inner == port || watches(view, inner, port))
    })
}

/// Whether a look at a source would report it. Unlike the look it changes nothing.
pub(super) fn is_reported(view: View<'_>, port: PortId, source: SourceId) -> bool {
    let events = view.events(port, source);
    let report = match view.program.sources[source.index()].port {
        Some(inner) => events.report(is_ready(view, inner), false),
        None => events.report(view.is_readable(source), view.is_writable(source)),
    };
    report.is_some()
}

fn is_ready(view: View<'_>, port: PortId) -> bool {
    let port_view = view.port(port);
    let listed = port_view.packets();
    listed.as_slice().iter().any(|&entry| {
        let source = notify::source_of(view.program, entry);
        source.is_none_or(|source| is_reported(view, port, source))
    })
}

/// A look at a descriptor from outside: whether it has something to report. It drops what is ready no more, up to the first
/// that is.
pub(super) fn looks<O: Observer>(turn: &mut Turn<'_, O>, port: PortId) -> bool {
    while let Some(&entry) = turn.port(port).packets().as_slice().first() {
        let source = notify::source_of(turn.program, entry);
        if source.is_none_or(|source| reports(turn, port, source).is_some()) {
            if wake_newest(turn, port) {
                turn.by(LOOK_WAKES);
            }
            return true;
        }
        turn.by(DRAINED);
        notify::unlist(turn, port, entry);
    }
    false
}

/// An event of a descriptor comes to all who look at it from outside.
pub(super) fn passes_up<O: Observer>(turn: &mut Turn<'_, O>, port: PortId) {
    if turn.view().has_handle_waits() {
        for id in turn.program.thread_ids() {
            if turn.thread(id).mode() == Mode::AtHandle && polls(turn.view(), id, port) {
                turn.by(POLL_WOKEN);
                turn.thread(id).set_mode(Mode::Woken);
            }
        }
    }
    if let Some(source) = as_source(turn.program, port) {
        let view = turn.view();
        let watches = |outer: PortId| view.interest(outer, source).0.has(WATCHED);
        if turn.program.port_ids().any(watches) {
            turn.by(NESTED);
            comes(turn, source, Direction::In);
        }
    }
}

/// Nothing holds a descriptor any more: it is gone from those that watched it.
pub(super) fn is_released<O: Observer>(turn: &mut Turn<'_, O>, port: PortId) {
    let Some(source) = as_source(turn.program, port) else {
        return;
    };
    for outer in turn.program.port_ids() {
        if turn.view().interest(outer, source).0.has(WATCHED) {
            turn.by(NESTED_CLOSE);
            notify::unlist(turn, outer, notify::entry_of(turn.program, source));
            forget(turn, outer, source);
        }
    }
}

/// poll(2) for POLLIN.
pub(super) fn poll<O: Observer>(
    turn: &mut Turn<'_, O>,
    me: ThreadId,
    port: PortId,
    timeout: Timeout,
) {
    if !turn.port(port).is_open() {
        return turn.fails(me, POLL_CLOSED, Error::BadHandle);
    }
    turn.by(POLL);
    if looks(turn, port) {
        return turn.returns(me, Outcome::Done);
    }
    if timeout == Timeout::Ticks(0) {
        return turn.returns(me, Outcome::Failed(Error::Timeout));
    }
    let mut thread = turn.thread(me);
    thread.set_mode(Mode::AtHandle);
    if let Timeout::Ticks(ticks) = timeout {
        thread.set_remaining(Some(ticks));
    }
}

/// A thread that polls looks again: it was woken, or its time is over.
pub(super) fn polls_again<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, port: PortId) {
    if !turn.port(port).is_open() {
        turn.by(POLL_CLOSED);
        turn.releases(me, Outcome::Failed(Error::BadHandle));
    } else if looks(turn, port) {
        turn.by(POLL);
        turn.releases(me, Outcome::Done);
    } else if notify::is_over(turn.view(), me) {
        turn.by(POLL);
        turn.releases(me, Outcome::Failed(Error::Timeout));
    } else {
        turn.by(POLL_AGAIN);
        turn.thread(me).set_mode(Mode::AtHandle);
    }
    drop_if_unused(turn, port);
}

fn polls(view: View<'_>, id: ThreadId, port: PortId) -> bool {
    matches!(*view.op(id), Op::WaitHandle { port: on, .. } if on == port)
}

/// Whether a thread is inside a poll of this descriptor.
pub(super) fn is_polled(view: View<'_>, port: PortId) -> bool {
    let is_inside = |id| matches!(view.mode(id), Mode::AtHandle | Mode::Woken);
    view.has_handle_waits()
        && view
            .program
            .thread_ids()
            .any(|id| is_inside(id) && polls(view, id, port))
}
