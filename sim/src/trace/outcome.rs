//! What an outcome means: one thing, and nothing against it.

use portsim_model::program::{Op, Packet};

use super::Answer;
use super::wire::{OutcomeFields, PacketFields};
use crate::plain::is_plain;

impl Answer {
    /// The same from this operation: what ends in the call that starts it has a status, which is 0 where none is said.
    pub fn of_call(self, op: Op) -> Answer {
        let ended = Answer::Io {
            status: 0,
            bytes: 0,
        };
        match self == Answer::Done && matches!(op, Op::Start { .. }) {
            true => ended,
            false => self,
        }
    }
}

/// The longest name of an error.
const ERROR_MAX: usize = 100;

/// The answer that an outcome means; why it means none, where it does not.
pub fn answer_of(fields: &OutcomeFields) -> Result<Answer, String> {
    check(fields)?;
    let packets = fields.packets.as_ref().map(|packets| {
        let packet = |packet: &PacketFields| Packet {
            key: packet.key,
            bytes: packet.bytes,
            overlapped: packet.overlapped,
            status: packet.status,
        };
        packets.iter().map(packet).collect()
    });
    if let Some(error) = fields.error.clone() {
        if error.len() > ERROR_MAX || !error.chars().all(is_plain) {
            return Err("an error is a word of at most 100 letters".to_owned());
        }
        return Ok(match packets {
            Some(packets) => Answer::Partial(error, packets),
            None => Answer::Failed(error),
        });
    }
    if let Some(packets) = packets {
        return Ok(Answer::Packets(packets));
    }
    if let (false, Some(value)) = (fields.ok, fields.value) {
        return Ok(Answer::Other(value));
    }
    Ok(match fields.key {
        None if fields.value.is_some() => Answer::Value(fields.value.unwrap_or_default()),
        None if fields.status.is_none() && fields.bytes.is_none() => Answer::Done,
        None => Answer::Io {
            status: fields.status.unwrap_or(0),
            bytes: fields.bytes.unwrap_or(0),
        },
        Some(key) => Answer::Packet(Packet {
            key,
            bytes: fields.bytes.unwrap_or(0),
            overlapped: fields.overlapped.unwrap_or(0),
            status: fields.status.unwrap_or(0),
        }),
    })
}

/// Refuses an outcome that contradicts itself.
fn check(fields: &OutcomeFields) -> Result<(), String> {
    let said = [
        ("key", fields.key.is_some()),
        ("bytes", fields.bytes.is_some()),
        ("overlapped", fields.overlapped.is_some()),
        ("status", fields.status.is_some()),
        ("value", fields.value.is_some()),
        ("packets", fields.packets.is_some()),
    ];
    let (what, goes_with): (&str, &[&str]) = match fields {
        OutcomeFields {
            ok: false,
            error: None,
            value: Some(_),
            ..
        } => ("an outcome of what was compared", &["value"]),
        OutcomeFields {
            ok: false,
            error: None,
            ..
        } => {
            return Err("an outcome that is not ok names its error".to_owned());
        }
        OutcomeFields {
            ok: true,
            error: Some(_),
            ..
        } => {
            return Err("an outcome is ok, or names an error".to_owned());
        }
        OutcomeFields { ok: false, .. } => ("an outcome that is not ok", &["packets"]),
        OutcomeFields {
            packets: Some(_), ..
        } => ("an outcome with `packets`", &["packets"]),
        OutcomeFields { value: Some(_), .. } => ("an outcome with a `value`", &["value"]),
        OutcomeFields { key: Some(_), .. } => (
            "the outcome of a packet",
            &["key", "bytes", "overlapped", "status"],
        ),
        _ => ("an outcome without a `key`", &["bytes", "status"]),
    };
    let is_against = |(name, is_said): &&(&str, bool)| *is_said && !goes_with.contains(name);
    match said.iter().find(is_against) {
        None => Ok(()),
        Some((name, _)) => Err(format!("{what} has no `{name}`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ok() -> OutcomeFields {
        OutcomeFields {
            ok: true,
            ..OutcomeFields::default()
        }
    }

    fn failed() -> OutcomeFields {
        OutcomeFields {
            error: Some("E".to_owned()),
            ..OutcomeFields::default()
        }
    }

    #[test]
    fn an_outcome_says_one_thing_only() {
        let (key, status, value) = (Some(1), Some(0), Some(1));
        let (error, packets) = (failed().error, Some(Vec::new()));
        for (fields, wanted) in [
            (
                OutcomeFields::default(),
                "an outcome that is not ok names its error",
            ),
            (
                OutcomeFields { error, ..ok() },
                "an outcome is ok, or names an error",
            ),
            (
                OutcomeFields { key, ..failed() },
                "an outcome that is not ok has no `key`",
            ),
            (
                OutcomeFields {
                    packets,
                    key,
                    ..ok()
                },
                "an outcome with `packets` has no `key`",
            ),
            (
                OutcomeFields {
                    value,
                    status,
                    ..ok()
                },
                "an outcome with a `value` has no `status`",
            ),
            (
                OutcomeFields {
                    overlapped: Some(5),
                    ..ok()
                },
                "an outcome without a `key` has no `overlapped`",
            ),
        ] {
            assert_eq!(answer_of(&fields), Err(wanted.to_owned()));
        }
    }

    #[test]
    fn a_missing_status_is_success() {
        let fields = OutcomeFields {
            bytes: Some(3),
            ..ok()
        };
        assert_eq!(
            answer_of(&fields),
            Ok(Answer::Io {
                status: 0,
                bytes: 3
            })
        );
    }
}
