//! What a log shows of files: the keys of their packets, and the operations that bring them.

use std::collections::HashMap;

use portsim_model::program::{Packet, PortId};

use super::text::{field, hex};

/// The files of a log, and what they were asked for.
#[derive(Default)]
pub(super) struct Files {
    /// Since when a port may get packets with a key from files or jobs.
    keys: HashMap<(PortId, i64), Key>,
    /// In which lines the server was asked for an operation that ends with a packet, by the packet's value.
    operations: HashMap<i64, Vec<u64>>,
    /// Whether the log shows every request to the server, not only some that somebody picked.
    shows_all: bool,
}

struct Key {
    since: u64,
    of_job: bool,
}

/// Where a packet that no call posted may come from.
pub(super) enum Source {
    /// An operation that the server was asked for in this line at the earliest.
    Operation(u64),
    /// Something that the log does not show, since this line.
    Unseen(u64),
    /// Nothing: all operations that could have brought it have brought theirs.
    Nothing,
}

impl Files {
    /// A file, or a job, gets a port and a key.
    pub fn associates(&mut self, port: PortId, key: i64, of_job: bool, line: u64) {
        let since = line;
        let known = self
            .keys
            .entry((port, key))
            .or_insert(Key { since, of_job });
        known.of_job |= of_job;
    }

    /// Any line of the log, which may be a request for an operation.
    pub fn line(&mut self, n: u64, text: &str) {
        self.shows_all |= text.contains(": select( ");
        let value = if text.contains("async={") {
            field(text, "apc_context")
        } else if text.contains(": add_fd_completion( ") {
            field(text, "cvalue")
        } else {
            None
        };
        if let Some(value) = value.and_then(hex).filter(|value| *value != 0) {
            let lines = self.operations.entry(value.cast_signed()).or_default();
            lines.push(n);
        }
    }

    /// Since when a port may get packets like this one without a call that posts them.
    pub fn since(&self, port: PortId, packet: &Packet) -> Option<u64> {
        self.keys.get(&(port, packet.key)).map(|key| key.since)
    }

    /// Where a packet may come from that no call posted and that is taken in a line, where `before` others with its value
    /// were taken so far. An operation brings one packet at most, and none while it waits.
    pub fn source(&self, port: PortId, packet: &Packet, line: u64, before: usize) -> Source {
        let Some(key) = self.keys.get(&(port, packet.key)) else {
            return Source::Unseen(0);
        };
        if key.of_job || !self.shows_all {
            return Source::Unseen(key.since);
        }
        let lines = self.operations.get(&packet.overlapped);
        let lines = lines.map_or(&[][..], Vec::as_slice);
        let asked = lines.partition_point(|asked| *asked < line);
        match lines.first() {
            Some(&first) if asked > before => Source::Operation(first.max(key.since)),
            _ => Source::Nothing,
        }
    }
}
