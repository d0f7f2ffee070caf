//! The port as an object with handles, and the packets that leave it.

use super::operations::write_status;
use super::rules::Nt;
use crate::event::{Batch, Error, Observer, Outcome};
use crate::program::{Get, Owner, PacketId, PortId, ThreadId};
use crate::turn::Turn;

/// What a call answers that has found what it was to make: STATUS_OBJECT_NAME_EXISTS, or a target that is signaled
/// already.
pub(in super::super) const EXISTED: u8 = 1;

/// CreateIoCompletionPort without a file: one that is there under its name is opened again.
pub(in super::super) fn create<P: Nt, O: Observer>(
    _: &P,
    turn: &mut Turn<'_, O>,
    me: ThreadId,
    port: PortId,
) {
    let handles = turn.port(port).handles();
    turn.port(port).set_handles(handles.saturating_add(1));
    if handles == 0 {
        return turn.returns(me, Outcome::Done);
    }
    turn.by_some(P::RULES.some.named);
    turn.returns(me, Outcome::Value(EXISTED.into()));
}

/// DuplicateHandle on a port.
pub(in super::super) fn duplicate_port<P: Nt, O: Observer>(
    _: &P,
    turn: &mut Turn<'_, O>,
    me: ThreadId,
    port: PortId,
) {
    let handles = turn.port(port).handles();
    if handles == 0 {
        return turn.fails(me, P::RULES.closed_handle, Error::BadHandle);
    }
    turn.by_some(P::RULES.some.several_handles);
    turn.port(port).set_handles(handles.saturating_add(1));
    turn.returns(me, Outcome::Done);
}

/// NtQueryIoCompletion.
pub(in super::super) fn query<P: Nt, O: Observer>(
    _: &P,
    turn: &mut Turn<'_, O>,
    me: ThreadId,
    port: PortId,
) {
    if !turn.port(port).is_open() {
        return turn.fails(me, P::RULES.closed_handle, Error::BadHandle);
    }
    turn.by(P::RULES.query);
    let depth = turn.port(port).packets().depth() as u8;
    turn.returns(me, Outcome::Value(depth.into()));
}

/// A packet has been taken by a thread: by now its status block is written. What it belongs to can be used again.
#[inline]
pub(in super::super) fn removed<P: Nt, O: Observer>(turn: &mut Turn<'_, O>, packet: PacketId) {
    if let Owner::Operation(id) = turn.program.owner(packet)
        && !turn.operation(id).is_written()
    {
        turn.by_some(P::RULES.some.iosb_late);
        write_status(turn, id);
    }
    dropped(turn, packet);
}

/// A packet is gone: what it belongs to can be used again.
#[inline]
pub(in super::super) fn dropped<O: Observer>(turn: &mut Turn<'_, O>, packet: PacketId) {
    match turn.program.owner(packet) {
        Owner::Nobody => {}
        Owner::Operation(id) => turn.operation(id).rest(),
        Owner::Reserve(id) => turn.set_reserved(id, false, None),
        Owner::WaitPacket(id) => turn.wait_packet(id).rest(),
    }
}

/// A plain call returns its packet and a batch call a batch, each packet as it was posted, whatever its status.
#[inline]
pub(in super::super) fn outcome(get: Get, batch: Batch) -> Outcome {
    match get.max {
        None => Outcome::Packet(batch.packets()[0]),
        Some(_) => Outcome::Packets(batch),
    }
}
