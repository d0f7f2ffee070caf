//! Operations whose association is replaced, which a device ends, or somebody looks at, and wait completion packets.

use alloc::vec::Vec;

use super::nt::operations::{
    ends, first_pending, has_handle, has_overlapped, is_agnostic, pending_on, route_of,
};
use super::nt::port::EXISTED;
use super::port::SELF_RULE;
use super::*;
use crate::files::{Phase, Route};
use crate::objects;
use crate::program::{IoResult, Object};
use crate::wait_packets::Wait;

/// Whether an association cannot be replaced while operations are pending on its file.
pub(super) const PENDING: Readings<bool> = Readings {
    claim: REPLACE_PENDING,
    readings: &[("replaces", false), ("fails", true)],
};

/// What becomes of operations in flight when the association of their file is replaced (Q4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InFlight {
    /// They report to what the file is associated with when they end.
    New,
    /// They report to what the file was associated with.
    Old,
    /// They report to no port.
    Nowhere,
}

/// Without a new association the last is the first.
pub(super) const IN_FLIGHT: Readings<InFlight> = Readings {
    claim: REPLACE_IN_FLIGHT,
    readings: &[
        ("new-port", InFlight::New),
        ("old-port", InFlight::Old),
        ("no-port", InFlight::Nowhere),
    ],
};

impl Windows {
    /// NtSetInformationFile with FileReplaceCompletionInformation.
    pub(super) fn replace_association<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        file: FileId,
        binding: Option<BindingId>,
    ) {
        if !has_handle(turn.view(), me, file) {
            return turn.fails(me, CLOSED_HANDLE, Error::BadHandle);
        }
        if turn.program.files[file.index()].sync {
            return turn.fails(me, ASSOCIATE_SYNC, Error::Invalid);
        }
        if let Some(binding) = binding {
            let port = turn.program.bindings[binding.index()].port;
            if !turn.port(port).is_open() {
                return turn.fails(me, CLOSED_HANDLE, Error::BadHandle);
            }
        }
        if pending_on(turn.view(), file).next().is_some() && turn.choose(&PENDING) {
            return turn.returns(me, Outcome::Failed(Error::General));
        }
        turn.by(REPLACE);
        reroute(turn, file, binding.is_some());
        turn.file(file).set_binding(binding);
        turn.returns(me, Outcome::Done);
    }

    /// What a thread that ends has issued is cancelled, unless any thread may end it.
    pub(super) fn cancel_with_issuer<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId) {
        let bound = |view: View<'_>, id| {
            view.operation(id).issuer() == Some(me)
                && (self.ends_in_issuer || !is_agnostic(view, id))
        };
        while let Some(id) = first_pending(turn.view(), bound) {
            turn.by(match self.ends_in_issuer {
                true => NT5_ISSUER_BOUND,
                false => ISSUER_EXIT,
            });
            ends(self, turn, id, End::cancelled(turn.program));
        }
    }
}

/// Where operations in flight on a file report from now on.
fn reroute<O: Observer>(turn: &mut Turn<'_, O>, file: FileId, has_new: bool) {
    let pending: Vec<_> = pending_on(turn.view(), file).collect();
    if pending.is_empty() {
        return;
    }
    let old = turn.file(file).binding();
    let rule = turn.choose_of(&IN_FLIGHT, if has_new { 3 } else { 2 });
    for id in pending {
        // Where an operation reports is replaced once.
        if turn.operation(id).route() != Route::File {
            continue;
        }
        let route = match (rule, old) {
            (InFlight::New, _) => Route::File,
            (InFlight::Old, Some(old)) => Route::Binding(old),
            (InFlight::Old, None) | (InFlight::Nowhere, _) => Route::Nowhere,
        };
        turn.operation(id).set_route(route);
    }
}

// The device.

/// When the kernel writes the status block of an operation that leaves a packet and has no event.
pub(super) const LATE: Readings<bool> = Readings {
    claim: IOSB_LATE,
    readings: &[("at-the-end", false), ("at-the-removal", true)],
};

fn is_pending(view: View<'_>, id: OperationId) -> bool {
    view.operation(id).phase() == Phase::Pending
}

/// The port to which an operation would report if it ended now.
fn port_of(view: View<'_>, id: OperationId) -> Option<PortId> {
    route_of(view, id).map(|binding| view.program.bindings[binding.index()].port)
}

impl Windows {
    /// The device ends what is pending of some operations.
    pub(super) fn device_ends<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        burst: u16,
        result: ResultId,
    ) {
        let program = turn.program;
        let burst = &program.bursts[usize::from(burst)];
        let ending: Vec<_> = burst
            .iter()
            .copied()
            .filter(|&id| is_pending(turn.view(), id))
            .collect();
        if ending.is_empty() {
            return turn.returns(me, Outcome::Failed(Error::NotFound));
        }
        if self.ends_in_issuer {
            self.end_in_issuers(turn, burst, &ending, result);
        } else {
            let late = ending.iter().any(|&id| may_be_late(turn.view(), id));
            let end = End {
                late: Some(late && turn.choose(&LATE)),
                ..End::later(result)
            };
            for &id in &ending {
                // The end of one may have been the end of another.
                if is_pending(turn.view(), id) {
                    ends(self, turn, id, end);
                }
            }
        }
        turn.returns(me, Outcome::Done);
    }

    fn end_in_issuers<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        burst: &[OperationId],
        ending: &[OperationId],
        result: ResultId,
    ) {
        let view = turn.view();
        let holds = |&id: &OperationId| {
            let (issuer, port) = (view.operation(id).issuer(), port_of(view, id));
            matches!((issuer, port), (Some(issuer), Some(port)) if self.may_hold(view, issuer, port))
        };
        let insert = match ending.iter().any(holds) {
            true => turn.choose(&SELF_RULE),
            false => Insert::AsAnyone,
        };
        let end = End {
            insert,
            ..End::later(result)
        };
        for &id in ending {
            if !is_pending(turn.view(), id) {
                continue;
            }
            let issuer = turn.operation(id).issuer();
            let issuer = issuer.expect("a pending one has one");
            let of_issuer: Vec<_> = burst
                .iter()
                .copied()
                .filter(|&id| turn.view().operation(id).issuer() == Some(issuer))
                .collect();
            self.end_in_apc(turn, issuer, &of_issuer, end);
        }
    }

    /// Operations end in a kernel APC of their issuing thread. One that waits on the port leaves the waiters for it,
    /// queues the packets and looks again: the others stay.
    fn end_in_apc<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        issuer: ThreadId,
        ending: &[OperationId],
        end: End,
    ) {
        turn.by(NT5_APC_INSERTS);
        let mode = turn.thread(issuer).mode();
        let own = turn.thread(issuer).port();
        let is_awake = turn.thread(issuer).suspensions() == 0;
        let waited = is_awake && mode == Mode::Parked;
        let sleeps = matches!(
            mode,
            Mode::Blocked | Mode::Stalled | Mode::Sleeping | Mode::AtHandle
        );
        let runs = (waited || is_awake && sleeps) && !turn.thread(issuer).counts_otherwise();
        if waited {
            let port = turn.get(issuer).port;
            turn.port(port).waiters_mut().remove(issuer);
        }
        if runs {
            self.unblocks(turn, issuer);
            turn.thread(issuer).set_counts_otherwise(true);
        }
        for &id in ending {
            let port = port_of(turn.view(), id);
            let is_fresh = turn.thread(issuer).is_fresh();
            let looks_waiting = waited || end.insert == Insert::AsWaiter && is_fresh;
            let insert = if looks_waiting && port == own {
                Insert::AsWaiter
            } else {
                Insert::AsAnyone
            };
            ends(self, turn, id, End { insert, ..end });
        }
        if !runs || !turn.thread(issuer).counts_otherwise() {
            return;
        }
        turn.thread(issuer).set_counts_otherwise(false);
        if waited {
            let port = turn.get(issuer).port;
            turn.port(port).running_mut().leave();
            self.comes_back(turn, issuer);
        } else {
            self.blocks(turn, issuer);
        }
    }
}

/// Whether anybody could see that the status block of an operation is written late.
fn may_be_late(view: View<'_>, id: OperationId) -> bool {
    let operation = view.program.operations[id.index()];
    view.shows_writes()
        && !operation.apc
        && operation.event.is_none()
        && route_of(view, id).is_some()
        && has_overlapped(view.program, id)
}

// Looking at an operation.

/// What a look finds of an operation that failed in its call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// The mark that it is not over.
    Unfinished,
    /// With what it failed.
    Status,
}

pub(super) const REFUSED: Readings<Refused> = Readings {
    claim: PEEK_REFUSED,
    readings: &[
        ("unfinished", Refused::Unfinished),
        ("status", Refused::Status),
    ],
};

impl Windows {
    /// GetOverlappedResult that does not wait. It reads the memory of the program alone: the handle means nothing to it.
    pub(super) fn look_at_status<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        id: OperationId,
    ) {
        if turn.operation(id).is_freed() {
            turn.breaks(Fault::Freed);
        }
        let (phase, result, is_written) = {
            let operation = turn.operation(id);
            (
                operation.phase(),
                operation.result(),
                operation.is_written(),
            )
        };
        let Some(result) = result else {
            if phase == Phase::Pending {
                return turn.fails(me, PEEK, Error::Incomplete);
            }
            turn.by(PEEK_UNUSED);
            return turn.returns(me, seen(turn.program, IoResult::NOTHING));
        };
        let is_refused = phase == Phase::Idle && !is_written;
        let says = is_written || is_refused && turn.choose(&REFUSED) == Refused::Status;
        if !says {
            return turn.fails(me, PEEK, Error::Incomplete);
        }
        turn.by(PEEK);
        turn.returns(me, seen(turn.program, turn.program.results[result.index()]));
    }
}

/// What a status block says.
fn seen(program: &Program, ended: IoResult) -> Outcome {
    let block = ended.as_block();
    let place = program.results.iter().position(|it| *it == block);
    let place = place.expect("all that a look can find is listed");
    Outcome::Io(ResultId(place as u8))
}

// Wait completion packets.

/// Whether a packet whose target is signaled already is queued at once.
pub(super) const SIGNALED: Readings<bool> = Readings {
    claim: WAIT_PACKET_SIGNALED,
    readings: &[("at-once", true), ("at-the-next-call", false)],
};

/// Whether a packet takes the signal of its target.
pub(super) const CONSUMES: Readings<bool> = Readings {
    claim: WAIT_PACKET_CONSUMES,
    readings: &[("takes", true), ("leaves", false)],
};

/// Whether a wait for an object takes its signal.
fn takes_signals(program: &Program, target: ObjectId) -> bool {
    match program.objects[target.index()] {
        Object::Event { manual, .. } => !manual,
        Object::Mutex | Object::Semaphore { .. } => true,
        Object::End(_) => false,
    }
}

impl Windows {
    /// NtAssociateWaitCompletionPacket.
    pub(super) fn wait_for_packet<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        id: WaitPacketId,
        port: PortId,
        target: ObjectId,
        packet: PacketId,
    ) {
        if !turn.port(port).is_open() {
            return turn.fails(me, CLOSED_HANDLE, Error::BadHandle);
        }
        if turn.program.objects[target.index()] == Object::Mutex {
            return turn.fails(me, WAIT_PACKET_MUTEX, Error::Invalid);
        }
        if turn.wait_packet(id).wait() != Wait::Idle {
            return turn.fails(me, WAIT_PACKET_BUSY, Error::Invalid);
        }
        turn.by(WAIT_PACKET_ONCE);
        let signaled = objects::is_signaled(turn.view(), target);
        turn.wait_packet(id)
            .associate(Wait::Armed, target, port, packet);
        if signaled && turn.choose(&SIGNALED) {
            self.wait_is_over(turn, id);
        }
        let says = if signaled { EXISTED } else { 0 };
        turn.returns(me, Outcome::Value(says.into()));
    }

    /// A thread calls on a port: packets whose targets were signaled before they waited for them are there by now.
    pub(super) fn targets_are_seen<O: Observer>(&self, turn: &mut Turn<'_, O>, port: PortId) {
        for id in turn.program.wait_packet_ids() {
            let (wait, own, target) = {
                let packet = turn.wait_packet(id);
                (packet.wait(), packet.port() == port, packet.target())
            };
            if wait == Wait::Armed && own && objects::is_signaled(turn.view(), target) {
                self.wait_is_over(turn, id);
            }
        }
    }

    /// What a wait completion packet waits for is signaled.
    pub(super) fn wait_is_over<O: Observer>(&self, turn: &mut Turn<'_, O>, id: WaitPacketId) {
        turn.by(WAIT_PACKET);
        let (port, packet, target) = {
            let mut wait_packet = turn.wait_packet(id);
            let target = wait_packet.target();
            wait_packet.set_queued();
            (wait_packet.port(), wait_packet.packet(), target)
        };
        if takes_signals(turn.program, target) {
            if turn.choose(&CONSUMES) {
                objects::take_for_packet(turn, target);
            }
        } else if let Object::End(_) = turn.program.objects[target.index()] {
            turn.by(WAIT_PACKET_END);
        }
        self.insert(turn, port, packet, Insert::AsAnyone);
    }

    /// NtCancelWaitCompletionPacket.
    pub(super) fn take_wait_packet_back<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        id: WaitPacketId,
        remove: bool,
    ) {
        turn.by(WAIT_PACKET_CANCEL);
        let (wait, port, packet) = {
            let wait_packet = turn.wait_packet(id);
            (wait_packet.wait(), wait_packet.port(), wait_packet.packet())
        };
        let outcome = match wait {
            Wait::Idle => Outcome::Failed(Error::Cancelled),
            Wait::Armed => {
                turn.wait_packet(id).rest();
                Outcome::Done
            }
            Wait::Queued if remove && turn.port(port).packets_mut().remove(packet.0) => {
                turn.discarded(1);
                turn.wait_packet(id).rest();
                Outcome::Done
            }
            Wait::Queued => Outcome::Failed(Error::Pending),
        };
        turn.returns(me, outcome);
    }
}
