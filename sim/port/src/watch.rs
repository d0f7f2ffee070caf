//! Who acted on a port, in the order in which the port saw it.
//!
//! An order of calls that is written down outside of a port is a guess: a thread can be overtaken between its
//! note and its call. These notes are made while the port's own lock is held. Only tests that loom runs have
//! them; everywhere else they are nothing.

use super::sync::{ThreadId, current};

/// What a thread did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Moment {
    /// A call was made, and is decided.
    AtOnce,
    /// A call begins to wait, or a thread stops running.
    Begins,
    /// A wait is decided, or a thread runs again.
    Ends,
}

/// The notes of one port; a copy shares them.
#[derive(Debug, Default, Clone)]
pub struct Watch {
    #[cfg(all(test, loom))]
    notes: std::sync::Arc<std::sync::Mutex<Vec<(ThreadId, Moment)>>>,
}

impl Watch {
    /// Notes what a thread does; what the calling thread does, if none is named.
    #[inline]
    pub fn note(&self, who: Option<ThreadId>, moment: Moment) {
        if cfg!(all(test, loom)) {
            self.keep(who.unwrap_or_else(|| current().id()), moment);
        }
    }

    #[cfg(all(test, loom))]
    fn keep(&self, who: ThreadId, moment: Moment) {
        self.notes
            .lock()
            .expect("nobody panics")
            .push((who, moment));
    }

    #[cfg(not(all(test, loom)))]
    fn keep(&self, _: ThreadId, _: Moment) {}

    /// All notes so far.
    #[cfg(all(test, loom))]
    pub fn notes(&self) -> Vec<(ThreadId, Moment)> {
        self.notes.lock().expect("nobody panics").clone()
    }
}
