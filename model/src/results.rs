//! What calls leave behind: as bytes of a state, and as the parts that expressions ask for.

use crate::event::{Batch, ERRORS, Error, OsError, Outcome, win32_of_status};
use crate::expr::Field;
use crate::program::{IoResult, Packet, PacketId, Program, ResultId};

const EMPTY: u8 = 0;
const DONE: u8 = 1;
const PACKET: u8 = 2;
const PACKETS: u8 = 3;
const VALUE: u8 = 4;
const IO: u8 = 5;
const PARTIAL: u8 = 6;
const FAILED: u8 = 7;

/// Writes an outcome into a slot; none clears it.
#[inline(always)]
pub(crate) fn store(bytes: &mut [u8], packets_max: u8, outcome: Option<Outcome>) {
    let len = 1 + usize::from(packets_max) + usize::from(packets_max > 1);
    match &mut bytes[..len] {
        [_] => {}
        [_, one] => *one = 0,
        more => more.fill(0),
    }
    bytes[0] = match outcome {
        None => EMPTY,
        Some(Outcome::Done) => DONE,
        Some(Outcome::Failed(error)) => FAILED + error as u8,
        Some(Outcome::Packet(PacketId(one))) => {
            bytes[len - usize::from(packets_max)] = one;
            PACKET
        }
        Some(Outcome::Value(one) | Outcome::Io(ResultId(one))) if packets_max > 0 => {
            bytes[len - usize::from(packets_max)] = one;
            if matches!(outcome, Some(Outcome::Io(_))) {
                IO
            } else {
                VALUE
            }
        }
        Some(Outcome::Value(_) | Outcome::Io(_)) => DONE,
        // Where there is room for one, none needs no place to say so.
        Some(Outcome::Packets(batch)) if packets_max <= 1 && batch.packets().is_empty() => DONE,
        Some(Outcome::Packets(batch) | Outcome::Partial(batch)) => {
            let packets = batch.packets();
            if packets_max > 1 {
                bytes[1] = packets.len() as u8;
            }
            let first = len - usize::from(packets_max);
            for (place, packet) in bytes[first..].iter_mut().zip(packets) {
                *place = packet.0;
            }
            if matches!(outcome, Some(Outcome::Partial(_))) {
                PARTIAL
            } else {
                PACKETS
            }
        }
    };
}

/// Reads an outcome from a slot; none if it was cleared.
#[inline]
pub(crate) fn load(bytes: &[u8], packets_max: u8) -> Option<Outcome> {
    let first = 1 + usize::from(packets_max > 1);
    match bytes[0] {
        EMPTY => None,
        DONE => Some(Outcome::Done),
        PACKET => Some(Outcome::Packet(PacketId(bytes[first]))),
        VALUE => Some(Outcome::Value(bytes[first])),
        IO => Some(Outcome::Io(ResultId(bytes[first]))),
        PACKETS | PARTIAL => {
            let count = if packets_max > 1 {
                usize::from(bytes[1])
            } else {
                1
            };
            let mut batch = Batch::EMPTY;
            bytes[first..first + count]
                .iter()
                .for_each(|&packet| batch.push(PacketId(packet)));
            Some(if bytes[0] == PARTIAL {
                Outcome::Partial(batch)
            } else {
                Outcome::Packets(batch)
            })
        }
        failed => Some(Outcome::Failed(ERRORS[usize::from(failed - FAILED)])),
    }
}

/// One part of an outcome, as expressions see it.
pub(crate) fn field_of(
    program: &Program,
    os_error: fn(Error) -> OsError,
    outcome: Outcome,
    field: Field,
    nth: u8,
) -> i64 {
    let io = match outcome {
        Outcome::Io(result) => Some(program.results[result.index()]),
        _ => None,
    };
    let (packets, error): (&[PacketId], _) = match &outcome {
        Outcome::Done | Outcome::Value(_) | Outcome::Io(_) => (&[], None),
        Outcome::Packet(packet) => (core::slice::from_ref(packet), None),
        Outcome::Packets(batch) => (batch.packets(), None),
        Outcome::Partial(batch) => (batch.packets(), Some(Error::Timeout)),
        Outcome::Failed(error) => (&[], Some(*error)),
    };
    let packet = packets
        .get(usize::from(nth))
        .map(|packet| program.packets[packet.index()]);
    // A single call turns the failure that its packet carries into its own; a batch does not: the manual
    // page of GetQueuedCompletionStatusEx leaves the status of each packet to the caller.
    let carried = match (outcome, packet, io) {
        (Outcome::Packet(_), Some(Packet { status, .. }), _)
        | (_, _, Some(IoResult { status, .. })) => i64::from(win32_of_status(status)),
        _ => 0,
    };
    match field {
        Field::Ok => i64::from(error.is_none() && carried == 0),
        Field::Timeout => i64::from(error == Some(Error::Timeout)),
        Field::Error => error.map_or(carried, |error| i64::from(os_error(error).number)),
        Field::Count => packets.len() as i64,
        Field::Key => packet.map_or(0, |packet| packet.key),
        Field::Bytes => packet
            .map(|packet| packet.bytes)
            .or(io.map(|io| io.returned))
            .unwrap_or(0),
        Field::Overlapped => packet.map_or(0, |packet| packet.overlapped),
        Field::Status => packet
            .map(|packet| packet.status)
            .or(io.map(|io| io.status))
            .unwrap_or(0)
            .into(),
        Field::Pending => i64::from(error == Some(Error::Pending)),
        Field::Value => match outcome {
            Outcome::Value(value) => value.into(),
            _ => 0,
        },
    }
}
