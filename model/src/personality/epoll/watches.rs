//! epoll_ctl: how a descriptor comes to watch a source, and ceases to.

use super::*;

/// How epoll_ctl fails, if it does, and the claim that says so.
pub(super) fn ctl_fails(
    view: View<'_>,
    port: PortId,
    source: SourceId,
    change: Watch,
) -> Option<(&'static Claim, Error)> {
    let flags = view.interest(port, source).0;
    let watched = flags.has(WATCHED);
    let refused = nested::refused(view, port, source, change);
    match change {
        _ if !view.port(port).is_open() || nested::names_nothing(view, source) => {
            Some((CLOSED_HANDLE, Error::BadHandle))
        }
        _ if refused.is_some() => Some((NESTED_ERRORS, refused?)),
        Watch::Add(it) if it.exclusive && it.oneshot => Some((EXCLUSIVE_ERRORS, Error::Invalid)),
        Watch::Mod(it) if it.exclusive => Some((EXCLUSIVE_ERRORS, Error::Invalid)),
        Watch::Mod(_) if flags.has(EPOLLEXCLUSIVE) => Some((EXCLUSIVE_ERRORS, Error::Invalid)),
        Watch::Add(_) if watched => Some((CTL_ERRORS, Error::Exists)),
        Watch::Mod(_) | Watch::Del if !watched => Some((CTL_ERRORS, Error::NotFound)),
        _ => None,
    }
}

/// A source that is ready when it is armed is so at once; one that is listed already stays where it is, and wakes
/// nobody.
pub(super) fn arm<O: Observer>(
    turn: &mut Turn<'_, O>,
    port: PortId,
    source: SourceId,
    interest: Interest,
) {
    let mut flags = WATCHED
        .with(ARMED)
        .set(EPOLLET, interest.edge)
        .set(EPOLLONESHOT, interest.oneshot);
    let (was, _) = turn.view().interest(port, source);
    flags += BEFORE * before(turn.view(), source, was, interest.exclusive);
    flags = flags.set(EPOLLEXCLUSIVE, interest.exclusive);
    turn.set_events(port, source, flags, interest.events);
    let is_ready = reports(turn, port, source).is_some();
    let entry = notify::entry_of(turn.program, source);
    if turn.port(port).packets().contains(entry) {
        turn.by(MOD_KEEPS_PLACE);
    } else if is_ready {
        turn.by(REARM);
        notify::append(turn, port, entry);
        wake(turn, port);
    }
}

/// How many watched a source before a descriptor that watches it, or comes to do so, as far as that is kept.
fn before(view: View<'_>, source: SourceId, was: u8, exclusive: bool) -> u8 {
    match (was.has(WATCHED), exclusive) {
        (true, _) => was / BEFORE,
        (false, false) if !nested::is_in(view.program) => 0,
        (false, _) => watchers(view, source, exclusive),
    }
}

pub(super) fn unwatch<O: Observer>(turn: &mut Turn<'_, O>, port: PortId, source: SourceId) {
    turn.by(DEL);
    notify::unlist(turn, port, notify::entry_of(turn.program, source));
    forget(turn, port, source);
}

/// A descriptor does not watch a source any more; those that came to watch it behind it move up.
pub(super) fn forget<O: Observer>(turn: &mut Turn<'_, O>, port: PortId, source: SourceId) {
    let (was, _) = turn.view().interest(port, source);
    turn.set_events(port, source, 0, Events::UNWATCHED);
    let is_kept = was.has(EPOLLEXCLUSIVE) || nested::is_in(turn.program);
    if !was.has(WATCHED) || !is_kept {
        return;
    }
    for other in turn.program.port_ids() {
        let (flags, packet) = turn.view().interest(other, source);
        let is_alike = flags.has(EPOLLEXCLUSIVE) == was.has(EPOLLEXCLUSIVE);
        if is_alike && flags / BEFORE > was / BEFORE {
            turn.set_interest(other, source, flags - BEFORE, packet);
        }
    }
}

/// How many descriptors watch a source, exclusively or not.
pub(super) fn watchers(view: View<'_>, source: SourceId, exclusive: bool) -> u8 {
    let so = |&port: &PortId| {
        let flags = view.interest(port, source).0;
        flags.has(WATCHED) && flags.has(EPOLLEXCLUSIVE) == exclusive
    };
    view.program.port_ids().filter(so).count() as u8
}
