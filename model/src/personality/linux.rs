//! What no system of Linux has.

use crate::contract::Limits;
use crate::program::Verb;

/// What none of them can do of the operations that it has.
pub(super) const LIMITS: Limits = Limits {
    alertable: Some("Linux has no alertable waits"),
    minimum: None,
    named: None,
    reserve: Some("Linux has no reserve objects"),
    may_fail: Some("its posts find memory"),
    status: None,
};

/// Why it lacks an operation.
pub(super) fn lacks(verb: Verb, else_why: &'static str) -> &'static str {
    match verb {
        Verb::Suspend | Verb::Resume => {
            "Linux has no call that suspends a thread and keeps the order of the waiters"
        }
        _ => else_why,
    }
}
