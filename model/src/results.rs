//! What calls leave behind: as bytes of a state, and as the parts that expressions ask for.

use crate::event::{Batch, ERRORS, Error, Outcome};
use crate::expr::Field;
use crate::os_error::{OsError, win32_of_status};
use crate::program::{IoResult, Packet, PacketId, Program, ResultId};

const EMPTY: u8 = 0;
const DONE: u8 = 1;
const PACKET: u8 = 2;
const PACKETS: u8 = 3;
const VALUE: u8 = 4;
const IO: u8 = 5;
const PARTIAL: u8 = 6;
const OTHER: u8 = 7;
const FAILED: u8 = 8;
/// As [`FAILED`], with the last packet behind it.
const KEPT: u8 = 128;

/// The room of a slot that keeps a number of 32 bits: that of so many packets. In less, a number is a small one.
pub const NUMBER_ROOM: u8 = 3;

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
        Some(Outcome::Io(ResultId(one))) if packets_max > 0 => {
            bytes[len - usize::from(packets_max)] = one;
            IO
        }
        Some(Outcome::Io(_)) => DONE,
        Some(Outcome::Value(number)) => {
            put_number(&mut bytes[..len], packets_max, number);
            if packets_max > 0 { VALUE } else { DONE }
        }
        Some(Outcome::Other(number)) => {
            put_number(&mut bytes[..len], packets_max, number);
            OTHER
        }
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

/// Writes into a slot how a call failed that keeps the last packet: its own, or one that it had kept before.
pub(crate) fn store_keeping(bytes: &mut [u8], packets_max: u8, error: Error) {
    if packets_max > 0 && (bytes[0] == PACKET || bytes[0] >= KEPT) {
        bytes[0] = KEPT + error as u8;
    } else {
        store(bytes, packets_max, Some(Outcome::Failed(error)));
    }
}

/// The packet that a slot has kept although the last call took none.
pub(crate) fn kept(bytes: &[u8], packets_max: u8) -> Option<PacketId> {
    let first = 1 + usize::from(packets_max > 1);
    (bytes[0] >= KEPT).then(|| PacketId(bytes[first]))
}

/// Writes a number behind the first byte of a slot, as far as there is room.
fn put_number(bytes: &mut [u8], packets_max: u8, number: i32) {
    if packets_max >= NUMBER_ROOM {
        bytes[1..5].copy_from_slice(&number.to_le_bytes());
    } else if packets_max > 0 {
        bytes[bytes.len() - usize::from(packets_max)] = number as u8;
    }
}

fn number(bytes: &[u8], packets_max: u8) -> i32 {
    match packets_max {
        0 => 0,
        NUMBER_ROOM.. => i32::from_le_bytes([bytes[1], bytes[2], bytes[3], bytes[4]]),
        _ => bytes[1 + usize::from(packets_max > 1)].into(),
    }
}

/// Reads an outcome from a slot; none if it was cleared.
#[inline]
pub(crate) fn load(bytes: &[u8], packets_max: u8) -> Option<Outcome> {
    let first = 1 + usize::from(packets_max > 1);
    match bytes[0] {
        EMPTY => None,
        DONE => Some(Outcome::Done),
        PACKET => Some(Outcome::Packet(PacketId(bytes[first]))),
        VALUE => Some(Outcome::Value(number(bytes, packets_max))),
        OTHER => Some(Outcome::Other(number(bytes, packets_max))),
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
        kept @ KEPT.. => Some(Outcome::Failed(ERRORS[usize::from(kept - KEPT)])),
        failed => Some(Outcome::Failed(ERRORS[usize::from(failed - FAILED)])),
    }
}

/// What a call has left behind, as far as expressions can ask for it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Left {
    /// How it failed, wholly or in part.
    pub failure: Option<Failure>,
    /// How many packets it took.
    pub count: usize,
    /// The packet that is asked about, if it took so many.
    pub packet: Option<Packet>,
    /// The last packet of a call that keeps it and took none: its key and its bytes are there still.
    pub kept: Option<Packet>,
    /// Whether it is a call that takes exactly one packet: such a call turns the failure that its packet carries into
    /// its own. A batch does not: the manual page of GetQueuedCompletionStatusEx leaves the status of each packet to
    /// the caller.
    pub is_single: bool,
    /// The operation that ended in it.
    pub io: Option<IoResult>,
    /// The number that it answered with.
    pub value: i32,
    /// Whether it expected another number, and did nothing.
    pub other: bool,
}

/// How a call failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure {
    /// In the words that all systems share; none where those lack one for it.
    pub error: Option<Error>,
    /// In the number of its system.
    pub number: u16,
}

impl Left {
    /// One part of it, as expressions see it: 0 for what it does not have.
    #[inline(always)]
    pub fn field(&self, field: Field) -> i64 {
        let failed_with = |error| self.failure.is_some_and(|it| it.error == Some(error));
        match field {
            Field::Ok => i64::from(self.failure.is_none() && !self.other && self.carried() == 0),
            Field::Timeout => i64::from(failed_with(Error::Timeout)),
            Field::Pending => {
                i64::from(failed_with(Error::Pending) || failed_with(Error::Incomplete))
            }
            Field::Error => self.failure.map_or(self.carried(), |it| it.number).into(),
            Field::Count => self.count as i64,
            Field::Key => self.packet.or(self.kept).map_or(0, |packet| packet.key),
            Field::Bytes => match (self.packet.or(self.kept), self.io) {
                (Some(packet), _) => packet.bytes,
                (None, io) => io.map_or(0, |io| io.returned),
            },
            Field::Overlapped => self.packet.map_or(0, |packet| packet.overlapped),
            Field::Status => self.status().unwrap_or(0).into(),
            Field::Value => self.value.into(),
        }
    }

    /// The error of what it carries, though the call did not fail.
    fn carried(&self) -> u16 {
        let own = self.is_single || self.io.is_some();
        let error = self.status().filter(|_| own).and_then(win32_of_status);
        error.map_or(0, |error| error.number)
    }

    fn status(&self) -> Option<u32> {
        let of_packet = self.packet.map(|packet| packet.status);
        of_packet.or(self.io.map(|io| io.status))
    }
}

/// One part of an outcome, as expressions see it.
pub(crate) fn field_of(
    program: &Program,
    os_error: fn(Error) -> OsError,
    outcome: Outcome,
    kept: Option<PacketId>,
    (field, nth): (Field, u8),
) -> i64 {
    let (packets, error): (&[PacketId], _) = match &outcome {
        Outcome::Done | Outcome::Value(_) | Outcome::Other(_) | Outcome::Io(_) => (&[], None),
        Outcome::Packet(packet) => (core::slice::from_ref(packet), None),
        Outcome::Packets(batch) => (batch.packets(), None),
        Outcome::Partial(batch) => (batch.packets(), Some(Error::Timeout)),
        Outcome::Failed(error) => (&[], Some(*error)),
    };
    let packet = packets.get(usize::from(nth));
    let contents = |packet: &PacketId| program.packets[packet.index()];
    let left = Left {
        failure: error.map(|error| Failure {
            error: Some(error),
            number: os_error(error).number,
        }),
        count: packets.len(),
        packet: packet.map(contents),
        kept: kept.as_ref().map(contents),
        is_single: matches!(outcome, Outcome::Packet(_)),
        io: match outcome {
            Outcome::Io(result) => Some(program.results[result.index()]),
            _ => None,
        },
        value: match outcome {
            Outcome::Value(value) | Outcome::Other(value) => value,
            _ => 0,
        },
        other: matches!(outcome, Outcome::Other(_)),
    };
    left.field(field)
}
