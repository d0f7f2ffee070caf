//! Scans: what calls get of what is listed.

use alloc::vec::Vec;

use super::*;

impl Kqueue {
    /// Whether calls on a port can share what is listed so that it makes a difference: one has room for several events.
    pub(super) fn may_share(&self, program: &Program, port: PortId) -> bool {
        let gets = |id: &ThreadId| program.code(*id).ops().filter_map(Op::as_get);
        let on = |get: &Get| get.port == port;
        let scans = |id: &ThreadId| gets(id).any(|get| on(&get));
        let mut all = program.thread_ids().flat_map(|id| gets(&id)).filter(on);
        !self.is_macos
            && program.schedule.is_none()
            && program.thread_ids().filter(scans).count() > 1
            && all.any(|get| room(get) > 1)
    }

    /// Looks at what is listed, oldest first. None if nothing was to be reported.
    pub(super) fn scan<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        get: Get,
    ) -> Option<Outcome> {
        let outcome = self.scan_beside_others(turn, me, get);
        if outcome.is_some() && get.max.is_some() {
            turn.by(BATCH);
            if self.is_macos && !inside(turn.view(), me, get.port).is_empty() {
                turn.by(MACOS_SERIAL);
            }
        }
        outcome
    }

    /// The same where other calls may have entered too. What they get they return with.
    fn scan_beside_others<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        get: Get,
    ) -> Option<Outcome> {
        let depth = turn.port(get.port).packets().depth();
        let may_share = depth > 1 && room(get) > 1 && self.may_share(turn.program, get.port);
        let others = if may_share {
            inside(turn.view(), me, get.port)
        } else {
            Vec::new()
        };
        if others.is_empty() || turn.pick(SHARES, 2) == 0 {
            let report = |turn: &mut Turn<'_, O>, port, entry| self.report(turn, port, entry);
            return notify::scan(turn, get, report);
        }
        let mut calls: Vec<_> = [(me, get, Batch::EMPTY)].into();
        calls.extend(others.iter().map(|&id| (id, turn.get(id), Batch::EMPTY)));
        for _ in 0..depth {
            let has_room = |n: &usize| calls[*n].2.packets().len() < room(calls[*n].1);
            let hungry: Vec<usize> = (0..calls.len()).filter(has_room).collect();
            if hungry.is_empty() {
                break;
            }
            let entry = turn.port(get.port).packets_mut().take_oldest();
            let Some(packet) = self.report(turn, get.port, entry.expect("so many are there"))
            else {
                continue;
            };
            // Another call that takes the first event is the one that goes on in another step.
            let n = match calls[0].2.packets() {
                [] => 0,
                _ => hungry[turn.pick(SHARES, hungry.len())],
            };
            calls[n].2.push(packet);
        }
        for &(id, get, batch) in &calls[1..] {
            if let Some(outcome) = notify::outcome(get, batch) {
                turn.releases(id, outcome);
            }
        }
        notify::outcome(get, calls[0].2)
    }

    /// What becomes of a listed knote that a scan comes to, and what it reports.
    fn report<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        port: PortId,
        entry: u8,
    ) -> Option<PacketId> {
        turn.by(FIFO);
        let Some(which) = Which::of_entry(turn.program, entry) else {
            turn.delivered(port, 1);
            return Some(PacketId(entry));
        };
        let (knote, packet) = which.knote(turn.view(), port);
        if knote.has(DISABLED) {
            turn.by(DISABLE);
            turn.discarded(1);
            return None;
        }
        let is_ready = which.is_ready(turn.view(), knote);
        if knote.has(EV_ONESHOT) && (is_ready || !self.is_macos) {
            turn.by(if is_ready { ONESHOT } else { ONESHOT_UNASKED });
            turn.delivered(port, 1);
            which.set(turn, port, 0, PacketId(0));
            return Some(packet);
        }
        if !is_ready {
            turn.by(match (knote.has(OF_DESCRIPTOR), knote.has(EV_ONESHOT)) {
                (false, _) => CLEAR_AGAIN,
                (true, false) => DRAINED,
                (true, true) => MACOS_ONESHOT,
            });
            turn.discarded(1);
            which.set(turn, port, knote.without(ACTIVE), packet);
            return None;
        }
        turn.delivered(port, 1);
        let after = reported(turn, knote);
        if after.has(ACTIVE) {
            turn.by(ONCE);
            notify::append(turn, port, entry);
        }
        which.set(turn, port, after, packet);
        Some(packet)
    }
}

/// For how many events a call has room.
fn room(get: Get) -> usize {
    get.max.unwrap_or(1).into()
}

/// The other calls that have entered a port and do not sleep.
fn inside(view: View<'_>, me: ThreadId, port: PortId) -> Vec<ThreadId> {
    let takes = |id: ThreadId| view.op(id).as_get().is_some_and(|get| get.port == port);
    let others = view.program.thread_ids().filter(|&id| id != me);
    others
        .filter(|&id| view.mode(id) == Mode::Woken && takes(id))
        .collect()
}

/// A knote behind its report.
fn reported<O: Observer>(turn: &mut Turn<'_, O>, mut knote: u8) -> u8 {
    if !knote.has(EV_CLEAR) && !knote.has(EV_DISPATCH) {
        turn.by(LEVEL);
        return knote;
    }
    if knote.has(EV_CLEAR) {
        let again = knote.has(OF_DESCRIPTOR);
        turn.by(if again { COMES_AGAIN } else { CLEAR });
        knote = knote.without(TRIGGERED);
    }
    if knote.has(EV_DISPATCH) {
        turn.by(DISPATCH);
        knote = knote.with(DISABLED);
    }
    knote.without(ACTIVE)
}
