//! What systems with NT's calls share: the port as an object with handles, files, operations, jobs. What a system does
//! differently, and the claims that it follows, it says itself: `rules`.

pub(super) mod files;
pub(super) mod jobs;
pub(super) mod operations;
pub(super) mod port;
pub(super) mod rules;

use crate::program::Verb;

/// Why a system with NT's calls lacks an operation of other systems.
pub(super) fn lacks(
    verb: Verb,
    epoll: &'static str,
    event_ports: &'static str,
    kqueue: &'static str,
) -> &'static str {
    match verb {
        Verb::EpollCtl | Verb::Write | Verb::Drain => epoll,
        Verb::Kevent => kqueue,
        _ => event_ports,
    }
}
