//! What the systems of Linux share beside rules.

use crate::about::{About, Limits};
use crate::program::Verb;

/// What each of them is, to be completed.
pub(super) const ABOUT: About = About {
    lacks: &[(
        &[Verb::Suspend, Verb::Resume],
        "Linux has no call that suspends a thread and keeps the order of the waiters",
    )],
    limits: LIMITS,
    ..About::PLAIN
};

/// What none of them can do of the operations that it has.
pub(super) const LIMITS: Limits = Limits {
    alertable: Some("Linux has no alertable waits"),
    minimum: None,
    minimum_wait: Limits::NONE.minimum_wait,
    named: None,
    reserve: Some("Linux has no reserve objects"),
    may_fail: Some("its posts find memory"),
    status: Some("its packets carry no status"),
};
