//! What the operations of a generator are drawn from.

use portsim_model::choice::Answers;

use crate::draft::{Call, Word};

/// What an operation is drawn from.
pub(super) struct Draw<'a> {
    /// Who says which of so many it is: chance, or a count of all.
    pub answers: &'a mut dyn Answers,
    /// Whether numbers are told apart only where more or less of something is another case.
    pub few: bool,
    /// How many ports there are to choose from.
    pub ports: usize,
    /// Two or more.
    pub threads: &'a [String],
    /// The key of the next packet: no two packets look alike.
    pub key: i64,
    /// Ports that some operation makes.
    pub made: Vec<&'static str>,
}

pub(super) const PORTS: [&str; 2] = ["p", "q"];
pub(super) const SOURCES: [&str; 2] = ["s1", "s2"];
/// A source with both directions.
pub(super) const DUPLEX: &str = "duplex";
/// A port of epoll that watches others, and sources that are the others.
pub(super) const TOP: &str = "top";
pub(super) const INNER: [&str; 2] = ["as_p", "as_q"];
pub(super) const FILES: [&str; 2] = ["f", "g"];
/// Operations that only Windows has: on a file that is associated later, and with an event.
pub(super) const OPERATIONS: [&str; 2] = ["s", "u"];
/// Operations that rings have too, and the file that they are on.
pub(super) const REQUESTS: [&str; 2] = ["r", "v"];
/// A request that goes on behind what it reports.
pub(super) const MULTISHOT: &str = "m";
pub(super) const ON: &str = "h";
/// Requests of chains, and the file that they are on.
pub(super) const LINKED: [&str; 2] = ["c1", "c2"];
pub(super) const CHAINED: &str = "k";
/// A ring that is full with two entries.
pub(super) const SMALL: &str = "small";
/// Rings of one submitter; the second defers what is sent to it.
pub(super) const OF_ONE: [&str; 2] = ["issued", "deferred"];
/// A ring with drained requests, and reads on it, the second of which is one.
pub(super) const DRAINED: &str = "drained";
pub(super) const IN_TURN: [&str; 2] = ["d1", "d2"];
pub(super) const DRAINED_FILES: [&str; 2] = ["df", "dg"];
pub(super) const VARIABLE: &str = "n";
pub(super) const WAITED_FOR: [&str; 4] = ["event", "gate", "mutex", "units"];

impl Draw<'_> {
    /// A number below this one.
    pub(super) fn below(&mut self, sides: usize) -> usize {
        self.answers.answer(sides)
    }

    /// The same; below `few` where few numbers are told apart.
    pub(super) fn number_below(&mut self, sides: usize, few: usize) -> i64 {
        self.below(if self.few { few } else { sides }) as i64
    }

    pub(super) fn of<'n>(&mut self, names: &[&'n str]) -> &'n str {
        let place = self.below(names.len());
        names[place]
    }

    pub(super) fn port(&mut self) -> &'static str {
        // Most calls meet on the first.
        match self.below(4) {
            0 => PORTS[self.ports - 1],
            _ => PORTS[0],
        }
    }

    pub(super) fn thread(&mut self) -> String {
        let place = self.below(self.threads.len());
        self.threads[place].clone()
    }

    /// The first thread is there from the start, so that somebody is.
    pub(super) fn child(&mut self) -> String {
        let place = self.below(self.threads.len() - 1);
        self.threads[1 + place].clone()
    }

    pub(super) fn ticks(&mut self) -> i64 {
        1 + self.number_below(3, 1)
    }

    pub(super) fn key(&mut self) -> i64 {
        self.key += 1;
        self.key
    }

    pub(super) fn max(&mut self) -> i64 {
        1 + self.number_below(4, 2)
    }

    /// A batch of some, or of none.
    pub(super) fn batch_of_some(&mut self) -> Call {
        let least = self.number_below(4, 3);
        let batch = Call::on("get", self.port()).with("max", self.max());
        batch.with("min", least)
    }

    /// A ring of one submitter: made, where it is not yet, and used.
    pub(super) fn make(
        &mut self,
        using: impl FnOnce(&mut Self, &'static str) -> Call,
    ) -> Vec<Call> {
        let ring = self.of_one();
        let call = using(self, ring);
        if self.made.contains(&ring) {
            return vec![call];
        }
        self.made.push(ring);
        vec![Call::on("create", ring), call]
    }

    pub(super) fn of_one(&mut self) -> &'static str {
        OF_ONE[usize::from(self.below(3) > 0)]
    }

    /// A batch whose minimum has a time of its own.
    pub(super) fn in_two_times(&mut self, batch: Call) -> Call {
        let least = 1 + self.number_below(3, 2);
        let batch = batch.with("max", self.max()).with("min", least);
        batch
            .with("min_wait", self.ticks())
            .with("timeout", 1 + self.ticks())
    }

    /// A request to a ring that ends by itself.
    pub(super) fn submit(&mut self, port: &str, request: &'static str) -> Call {
        let asked = Call::on("submit", port).with("request", request);
        asked.with("key", self.key())
    }

    /// Linked requests: always the same, as each read is in one chain.
    pub(super) fn chain(&mut self) -> Call {
        let nop = |key: i64| Call::on("request", "nop").with("key", key);
        let read = |of: &str| Call::on("request", "read").with("of", of);
        let cancel = Call::on("request", "cancel").with("of", REQUESTS[0]);
        let chain = match self.below(4) {
            0 => vec![read(LINKED[0]), nop(101), nop(102)],
            1 => vec![nop(103), read(LINKED[1]).with("hard", Word::Yes), nop(104)],
            2 => vec![
                cancel.with("key", 105),
                nop(106).with("hard", Word::Yes),
                nop(107),
            ],
            _ => vec![nop(108), nop(109)],
        };
        Call::on("submit_chain", PORTS[0]).with("requests", Word::Calls(chain))
    }

    /// A request to do nothing on the ring with drained ones.
    pub(super) fn nop_in_turn(&mut self) -> Call {
        let nop = self.submit(DRAINED, "nop");
        match self.below(2) {
            0 => nop.with("drained", Word::Yes),
            _ => nop,
        }
    }

    /// A timeout that counts: one of a scenario.
    pub(super) fn count(&mut self) -> Call {
        const COUNT: &str = "count";
        let call = self.submit(PORTS[0], "timeout");
        if self.made.contains(&COUNT) {
            return call;
        }
        self.made.push(COUNT);
        let count = 1 + self.number_below(3, 2);
        call.with(COUNT, count)
    }

    /// A port is made by one operation only; instead of a second one it is closed.
    pub(super) fn create(&mut self) -> Call {
        let port = self.port();
        if self.made.contains(&port) {
            return Call::on("close", port);
        }
        self.made.push(port);
        Call::on("create", port)
    }

    pub(super) fn ctl(&mut self, change: &str) -> Call {
        let call = Call::on("epoll_ctl", self.port()).with("change", change);
        let call = call.with("source", self.of(&SOURCES));
        if change == "del" {
            return call;
        }
        let mut call = call.with("trigger", self.of(&["level", "edge"]));
        match self.below(6) {
            0 | 1 => call = call.with("oneshot", Word::Yes),
            2 => call = call.with("exclusive", Word::Yes),
            _ => {}
        }
        call.with("key", self.key())
    }

    /// A port watches another one, or is to watch itself.
    pub(super) fn ctl_of_port(&mut self, change: &str) -> Call {
        let port = self.of(&[TOP, TOP, PORTS[0], PORTS[1]]);
        let call = Call::on("epoll_ctl", port).with("change", change);
        let call = call.with("source", self.of(&INNER));
        if change == "del" {
            return call;
        }
        let mut call = call.with("trigger", self.of(&["level", "edge"]));
        match self.below(12) {
            0..3 => call = call.with("oneshot", Word::Yes),
            3 => call = call.with("exclusive", Word::Yes),
            _ => {}
        }
        call.with("key", self.key())
    }

    /// Some, none or both directions of a source are watched.
    pub(super) fn both_ways(&mut self, change: &str) -> Call {
        let events: [&[&str]; 4] = [&["in", "out"], &["in", "out"], &["out"], &[]];
        let events = events[self.below(events.len())];
        let call = Call::on("epoll_ctl", self.port()).with("change", change);
        let call = call.with("source", DUPLEX);
        let mut call = call.with("trigger", self.of(&["level", "edge"]));
        match self.below(6) {
            0 | 1 => call = call.with("oneshot", Word::Yes),
            2 => call = call.with("exclusive", Word::Yes),
            _ => {}
        }
        if !events.is_empty() {
            call = call.with("key", self.key());
        }
        call.with("events", Word::Several(events.to_vec()))
    }

    /// A change of an event of a descriptor.
    pub(super) fn kevent_of_descriptor(&mut self) -> Call {
        let filter = self.of(&["read", "write"]);
        self.kevent(DUPLEX, Some(filter))
    }

    /// A change of a user event that is none of its trigger.
    pub(super) fn kevent_of_number(&mut self) -> Call {
        let source = self.of(&SOURCES);
        self.kevent(source, None)
    }

    pub(super) fn kevent(&mut self, source: &'static str, filter: Option<&'static str>) -> Call {
        let flags: &[&[&str]] = &[
            &["add"],
            &["add", "clear"],
            &["add", "oneshot"],
            &["add", "dispatch"],
            &["delete"],
            &["enable"],
            &["disable"],
        ];
        let flags = flags[self.below(flags.len())];
        let mut call = Call::on("kevent", self.port()).with("source", source);
        if let Some(filter) = filter {
            call = call.with("filter", filter);
        }
        let call = call.with("flags", Word::Several(flags.to_vec()));
        match flags[0] {
            "add" => call.with("key", self.key()),
            _ => call,
        }
    }
}
