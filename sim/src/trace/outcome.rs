//! What an outcome may say: one thing, and nothing against it.

use portsim_model::program::Op;

use super::Answer;
use super::wire::OutcomeFields;

impl Answer {
    /// The same from this operation: what ends in the call that starts it has a status, which is 0 where none is said.
    pub fn of_call(self, op: Op) -> Answer {
        match (self, op) {
            (Answer::Done, Op::Start { .. }) => Answer::Io {
                status: 0,
                bytes: 0,
            },
            (answer, _) => answer,
        }
    }
}

/// Refuses an outcome that contradicts itself.
pub(super) fn check(fields: &OutcomeFields) -> Result<(), String> {
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
    use serde_json::{Value, json};

    use super::super::answer_of;
    use super::*;

    fn problem(fields: Value) -> String {
        let fields = serde_json::from_value(fields).expect("it has the form of an outcome");
        answer_of(&fields).expect_err("it is no outcome")
    }

    #[test]
    fn an_outcome_says_one_thing_only() {
        for (fields, wanted) in [
            (
                json!({ "ok": false }),
                "an outcome that is not ok names its error",
            ),
            (
                json!({ "ok": true, "error": "E" }),
                "an outcome is ok, or names an error",
            ),
            (
                json!({ "ok": false, "error": "E", "key": 1 }),
                "an outcome that is not ok has no `key`",
            ),
            (
                json!({ "ok": true, "packets": [], "key": 1 }),
                "an outcome with `packets` has no `key`",
            ),
            (
                json!({ "ok": true, "value": 1, "status": 0 }),
                "an outcome with a `value` has no `status`",
            ),
            (
                json!({ "ok": true, "overlapped": 5 }),
                "an outcome without a `key` has no `overlapped`",
            ),
        ] {
            assert_eq!(problem(fields), wanted);
        }
    }

    #[test]
    fn a_missing_status_is_success() {
        let fields = serde_json::from_value(json!({ "ok": true, "bytes": 3 }));
        let answer = answer_of(&fields.expect("it has the form of an outcome"));
        assert_eq!(
            answer,
            Ok(Answer::Io {
                status: 0,
                bytes: 3
            })
        );
    }
}
