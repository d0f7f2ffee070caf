//! The kinds of operation that a generator draws, and what they speak of.
//!
//! A new operation of the format is a row here. Whether a system and a backend have it, they are asked.

use crate::choose::Rng;
use crate::draft::{Call, Word};

/// A kind of operation.
pub(super) struct Kind {
    /// What it is called in lists.
    pub name: &'static str,
    /// How often it is drawn, beside the others.
    pub weight: usize,
    /// Whether it waits for the clock, which costs real time.
    pub slow: bool,
    draw: Drawn,
}

/// How a kind is drawn: as an operation, or as some that belong together.
enum Drawn {
    One(fn(&mut Draw<'_>) -> Call),
    Several(fn(&mut Draw<'_>) -> Vec<Call>),
}

/// What an operation is drawn from.
pub(super) struct Draw<'a> {
    pub rng: &'a mut Rng,
    /// How many ports there are to choose from.
    pub ports: usize,
    /// Two or more.
    pub threads: &'a [String],
    /// The key of the next packet: no two packets look alike.
    pub key: i64,
    /// Ports that some operation makes.
    pub made: Vec<&'static str>,
}

impl Kind {
    /// One operation of this kind, or some that belong together.
    pub fn draw(&self, draw: &mut Draw<'_>) -> Vec<Call> {
        match self.draw {
            Drawn::One(one) => vec![one(draw)],
            Drawn::Several(several) => several(draw),
        }
    }
}

pub(super) const PORTS: [&str; 2] = ["p", "q"];
pub(super) const SOURCES: [&str; 2] = ["s1", "s2"];
/// A source with both directions.
pub(super) const DUPLEX: &str = "duplex";
/// A port of epoll that watches others, and sources that are the others.
pub(super) const TOP: &str = "top";
pub(super) const INNER: [&str; 2] = ["as_p", "as_q"];
const FILES: [&str; 2] = ["f", "g"];
/// Operations that only Windows has: on a file that is associated later, and with an event.
const OPERATIONS: [&str; 2] = ["s", "u"];
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
pub(super) const VARIABLE: &str = "n";
const WAITED_FOR: [&str; 4] = ["event", "gate", "mutex", "units"];

impl Draw<'_> {
    fn of<'n>(&mut self, names: &[&'n str]) -> &'n str {
        names[self.rng.below(names.len())]
    }

    fn port(&mut self) -> &'static str {
        // Most calls meet on the first.
        match self.rng.below(4) {
            0 => PORTS[self.ports - 1],
            _ => PORTS[0],
        }
    }

    fn thread(&mut self) -> String {
        self.threads[self.rng.below(self.threads.len())].clone()
    }

    /// The first thread is there from the start, so that somebody is.
    fn child(&mut self) -> String {
        self.threads[1 + self.rng.below(self.threads.len() - 1)].clone()
    }

    fn ticks(&mut self) -> i64 {
        1 + self.rng.below(3) as i64
    }

    fn key(&mut self) -> i64 {
        self.key += 1;
        self.key
    }

    fn max(&mut self) -> i64 {
        1 + self.rng.below(4) as i64
    }

    /// A batch of some, or of none.
    fn batch_of_some(&mut self) -> Call {
        let least = self.rng.below(4) as i64;
        let batch = Call::on("get", self.port()).with("max", self.max());
        batch.with("min", least)
    }

    /// A request to a ring that ends by itself.
    fn submit(&mut self, port: &str, request: &'static str) -> Call {
        let asked = Call::on("submit", port).with("request", request);
        asked.with("key", self.key())
    }

    /// Linked requests: always the same, as each read is in one chain.
    fn chain(&mut self) -> Call {
        let nop = |key: i64| Call::on("request", "nop").with("key", key);
        let read = |of: &str| Call::on("request", "read").with("of", of);
        let cancel = Call::on("request", "cancel").with("of", REQUESTS[0]);
        let chain = match self.rng.below(4) {
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

    /// A timeout that counts: one of a scenario.
    fn count(&mut self) -> Call {
        const COUNT: &str = "count";
        let call = self.submit(PORTS[0], "timeout");
        if self.made.contains(&COUNT) {
            return call;
        }
        self.made.push(COUNT);
        call.with(COUNT, 1 + self.rng.below(3) as i64)
    }

    /// A port is made by one operation only; instead of a second one it is closed.
    fn create(&mut self) -> Call {
        let port = self.port();
        if self.made.contains(&port) {
            return Call::on("close", port);
        }
        self.made.push(port);
        Call::on("create", port)
    }

    fn ctl(&mut self, change: &str) -> Call {
        let call = Call::on("epoll_ctl", self.port()).with("change", change);
        let call = call.with("source", self.of(&SOURCES));
        if change == "del" {
            return call;
        }
        let mut call = call.with("trigger", self.of(&["level", "edge"]));
        match self.rng.below(6) {
            0 | 1 => call = call.with("oneshot", Word::Yes),
            2 => call = call.with("exclusive", Word::Yes),
            _ => {}
        }
        call.with("key", self.key())
    }

    /// A port watches another one, or is to watch itself.
    fn ctl_of_port(&mut self, change: &str) -> Call {
        let port = self.of(&[TOP, TOP, PORTS[0], PORTS[1]]);
        let call = Call::on("epoll_ctl", port).with("change", change);
        let call = call.with("source", self.of(&INNER));
        if change == "del" {
            return call;
        }
        let mut call = call.with("trigger", self.of(&["level", "edge"]));
        match self.rng.below(12) {
            0..3 => call = call.with("oneshot", Word::Yes),
            3 => call = call.with("exclusive", Word::Yes),
            _ => {}
        }
        call.with("key", self.key())
    }

    /// Some, none or both directions of a source are watched.
    fn both_ways(&mut self, change: &str) -> Call {
        let events: [&[&str]; 4] = [&["in", "out"], &["in", "out"], &["out"], &[]];
        let events = events[self.rng.below(events.len())];
        let call = Call::on("epoll_ctl", self.port()).with("change", change);
        let call = call.with("source", DUPLEX);
        let mut call = call.with("trigger", self.of(&["level", "edge"]));
        match self.rng.below(6) {
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
    fn kevent_of_descriptor(&mut self) -> Call {
        let filter = self.of(&["read", "write"]);
        self.kevent(DUPLEX, Some(filter))
    }

    /// A change of a user event that is none of its trigger.
    fn kevent_of_number(&mut self) -> Call {
        let source = self.of(&SOURCES);
        self.kevent(source, None)
    }

    fn kevent(&mut self, source: &'static str, filter: Option<&'static str>) -> Call {
        let flags: &[&[&str]] = &[
            &["add"],
            &["add", "clear"],
            &["add", "oneshot"],
            &["add", "dispatch"],
            &["delete"],
            &["enable"],
            &["disable"],
        ];
        let flags = flags[self.rng.below(flags.len())];
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

const fn kind(name: &'static str, weight: usize, draw: fn(&mut Draw<'_>) -> Call) -> Kind {
    Kind {
        name,
        weight,
        slow: false,
        draw: Drawn::One(draw),
    }
}

/// What belongs together: one leaves what another reads.
const fn several(name: &'static str, weight: usize, draw: fn(&mut Draw<'_>) -> Vec<Call>) -> Kind {
    Kind {
        name,
        weight,
        slow: false,
        draw: Drawn::Several(draw),
    }
}

const fn slow(name: &'static str, weight: usize, draw: fn(&mut Draw<'_>) -> Call) -> Kind {
    Kind {
        name,
        weight,
        slow: true,
        draw: Drawn::One(draw),
    }
}

/// Every kind. The first two are what ports are for: where all others are left out, these remain.
pub(super) const KINDS: &[Kind] = &[
    kind("get", 24, |draw| Call::on("get", draw.port())),
    kind("post", 24, |draw| {
        Call::on("post", draw.port()).with("key", draw.key())
    }),
    kind("poll", 6, |draw| {
        Call::on("get", draw.port()).with("timeout", 0)
    }),
    slow("get in time", 8, |draw| {
        Call::on("get", draw.port()).with("timeout", draw.ticks())
    }),
    kind("batch", 8, |draw| {
        Call::on("get", draw.port()).with("max", draw.max())
    }),
    kind("batch that polls", 4, |draw| {
        Call::on("get", draw.port())
            .with("max", draw.max())
            .with("timeout", 0)
    }),
    slow("batch in time", 4, |draw| {
        Call::on("get", draw.port())
            .with("max", draw.max())
            .with("timeout", draw.ticks())
    }),
    kind("batch of none", 1, |draw| {
        Call::on("get", draw.port()).with("max", 0)
    }),
    kind("batch with a minimum", 4, |draw| draw.batch_of_some()),
    slow("batch with a minimum in time", 3, |draw| {
        draw.batch_of_some().with("timeout", draw.ticks())
    }),
    slow("alertable batch", 3, |draw| {
        Call::on("get", draw.port())
            .with("max", draw.max())
            .with("alertable", Word::Yes)
            .with("timeout", draw.ticks())
    }),
    kind("post with contents", 4, |draw| {
        Call::on("post", draw.port())
            .with("key", draw.key())
            .with("bytes", draw.ticks())
            .with("overlapped", draw.ticks())
    }),
    kind("post with a status", 2, |draw| {
        Call::on("post", draw.port())
            .with("key", draw.key())
            .with("status", "STATUS_CANCELLED")
    }),
    kind("msg_ring", 4, |draw| {
        let sent = Call::on("msg_ring", draw.port()).with("key", draw.key());
        sent.with("from", draw.port()).with("own", draw.key())
    }),
    kind("request", 8, |draw| Call::on("start", draw.of(&REQUESTS))),
    kind("end of a request", 8, |draw| {
        Call::on("complete", draw.of(&REQUESTS)).with("bytes", draw.ticks())
    }),
    kind("multishot request", 4, |_| Call::on("start", MULTISHOT)),
    kind("bytes for a multishot request", 6, |draw| {
        Call::on("complete", MULTISHOT).with("bytes", draw.ticks())
    }),
    kind("cancel a multishot request", 1, |_| {
        Call::on("cancel", MULTISHOT)
    }),
    kind("cancel a request", 2, |draw| {
        Call::on("cancel", draw.of(&REQUESTS))
    }),
    kind("cancel the requests on a file", 2, |_| {
        Call::on("cancel", ON)
    }),
    kind("nop", 3, |draw| {
        let port = draw.port();
        draw.submit(port, "nop")
    }),
    kind("timeout that is a request", 3, |draw| {
        let port = draw.port();
        draw.submit(port, "timeout")
    }),
    kind("timeout that counts", 4, |draw| draw.count()),
    kind("cancel that is a request", 3, |draw| {
        let (port, of) = (draw.port(), draw.of(&[REQUESTS[0], REQUESTS[1], ON]));
        draw.submit(port, "cancel").with("of", of)
    }),
    kind("register an eventfd", 2, |draw| {
        Call::on("ring_event", draw.of(&[PORTS[0], SMALL])).with("event", "event")
    }),
    kind("chain", 8, |draw| draw.chain()),
    kind("end of a read of a chain", 8, |draw| {
        let bytes = [3, 4096][draw.rng.below(2)];
        Call::on("complete", draw.of(&LINKED)).with("bytes", bytes)
    }),
    kind("cancel a read of a chain", 2, |draw| {
        Call::on("cancel", draw.of(&LINKED))
    }),
    kind(
        "cancel that is a request, of a read of a chain",
        2,
        |draw| {
            let (port, of) = (draw.port(), draw.of(&LINKED));
            draw.submit(port, "cancel").with("of", of)
        },
    ),
    kind("get from a small ring", 8, |_| Call::on("get", SMALL)),
    kind("batch from a small ring", 8, |draw| {
        let batch = Call::on("get", SMALL).with("max", draw.max());
        batch.with("min", draw.rng.below(4) as i64)
    }),
    kind("poll of a small ring", 6, |draw| {
        let batch = Call::on("get", SMALL).with("max", draw.max());
        batch.with("timeout", 0)
    }),
    slow("batch from a small ring in time", 3, |draw| {
        let batch = Call::on("get", SMALL).with("max", draw.max());
        let batch = batch.with("min", draw.rng.below(4) as i64);
        batch.with("timeout", draw.ticks())
    }),
    kind("post to a small ring", 16, |draw| {
        Call::on("post", SMALL).with("key", draw.key())
    }),
    kind("nop on a small ring", 4, |draw| draw.submit(SMALL, "nop")),
    kind("message from a small ring", 3, |draw| {
        let sent = Call::on("msg_ring", draw.of(&[PORTS[0], SMALL])).with("key", draw.key());
        sent.with("from", SMALL).with("own", draw.key())
    }),
    kind("close", 3, |draw| Call::on("close", draw.port())),
    kind("create", 2, |draw| draw.create()),
    kind("duplicate", 1, |draw| Call::on("duplicate", draw.port())),
    kind("query", 2, |draw| {
        Call::on("query", draw.port()).with("into", "depth")
    }),
    slow("wait for the port's handle", 2, |draw| {
        Call::on("wait_handle", draw.port()).with("timeout", draw.ticks())
    }),
    kind("block", 6, |draw| Call::on("block", draw.of(&WAITED_FOR))),
    slow("block in time", 4, |draw| {
        Call::on("block", draw.of(&WAITED_FOR)).with("timeout", draw.ticks())
    }),
    kind("join", 2, |draw| Call::on("join", draw.thread().as_str())),
    slow("join in time", 3, |draw| {
        Call::on("join", draw.thread().as_str()).with("timeout", draw.ticks())
    }),
    kind("signal", 8, |draw| Call::on("signal", draw.of(&WAITED_FOR))),
    kind("reset", 2, |draw| {
        Call::on("reset", draw.of(&["event", "gate"]))
    }),
    kind("stall", 6, |_| Call::plain("stall")),
    slow("sleep", 2, |draw| Call::on("sleep", draw.ticks())),
    slow("alertable sleep", 1, |draw| {
        Call::on("sleep", draw.ticks()).with("alertable", Word::Yes)
    }),
    kind("yield", 2, |_| Call::plain("yield")),
    kind("await", 2, |draw| {
        let ends = format!("{}.done", draw.thread());
        Call::on("await", ends.as_str())
    }),
    kind("exit", 1, |_| Call::plain("exit")),
    kind("spawn", 2, |draw| Call::on("spawn", draw.child().as_str())),
    kind("suspend", 2, |draw| {
        Call::on("suspend", draw.thread().as_str())
    }),
    kind("resume", 3, |draw| {
        Call::on("resume", draw.thread().as_str())
    }),
    kind("terminate", 1, |draw| {
        Call::on("terminate", draw.thread().as_str())
    }),
    kind("apc", 2, |draw| Call::on("apc", draw.thread().as_str())),
    kind("kernel_apc", 1, |draw| {
        Call::on("kernel_apc", draw.thread().as_str())
    }),
    kind("add a source", 8, |draw| draw.ctl("add")),
    kind("change a source", 4, |draw| draw.ctl("mod")),
    kind("remove a source", 2, |draw| draw.ctl("del")),
    kind("add a port", 6, |draw| draw.ctl_of_port("add")),
    kind("change a port", 2, |draw| draw.ctl_of_port("mod")),
    kind("remove a port", 1, |draw| draw.ctl_of_port("del")),
    kind("get from the port above", 6, |_| Call::on("get", TOP)),
    kind("poll of the port above", 4, |draw| {
        let batch = Call::on("get", TOP).with("max", draw.max());
        batch.with("timeout", 0)
    }),
    kind("wait for a handle", 4, |draw| {
        Call::on("wait_handle", draw.of(&[TOP, PORTS[0]]))
    }),
    kind("look at a handle", 3, |draw| {
        Call::on("wait_handle", draw.of(&[TOP, PORTS[0]])).with("timeout", 0)
    }),
    kind("kevent", 10, |draw| draw.kevent_of_number()),
    kind("kevent of both ways", 10, |draw| {
        draw.kevent_of_descriptor()
    }),
    kind("trigger a user event", 8, |draw| {
        let trigger = Word::Several(vec!["trigger"]);
        Call::on("kevent", draw.port())
            .with("source", draw.of(&SOURCES))
            .with("flags", trigger)
    }),
    kind("associate a source", 8, |draw| {
        Call::on("port_associate", draw.port())
            .with("source", draw.of(&SOURCES))
            .with("key", draw.key())
    }),
    kind("dissociate a source", 3, |draw| {
        Call::on("port_dissociate", draw.port()).with("source", draw.of(&SOURCES))
    }),
    kind("close a source", 1, |draw| {
        Call::on("close_source", draw.of(&SOURCES))
    }),
    kind("send to several", 3, |draw| {
        let ports = Word::Several(PORTS[..draw.ports].to_vec());
        Call::on("port_sendn", ports).with("key", draw.key())
    }),
    kind("alert", 3, |draw| {
        Call::on("port_alert", draw.port())
            .with("mode", draw.of(&["set", "update"]))
            .with("key", draw.key())
    }),
    kind("end of an alert", 3, |draw| {
        Call::on("port_alert", draw.port()).with("mode", "clear")
    }),
    kind("write", 10, |draw| Call::on("write", draw.of(&SOURCES))),
    kind("drain", 6, |draw| Call::on("drain", draw.of(&SOURCES))),
    kind("add both ways", 8, |draw| draw.both_ways("add")),
    kind("change both ways", 4, |draw| draw.both_ways("mod")),
    kind("write to both ways", 5, |_| Call::on("write", DUPLEX)),
    kind("drain of both ways", 3, |_| Call::on("drain", DUPLEX)),
    kind("fill", 4, |_| Call::on("fill", DUPLEX)),
    kind("make_room", 6, |_| Call::on("make_room", DUPLEX)),
    kind("close both ways", 1, |_| Call::on("close_source", DUPLEX)),
    kind("duplicate a source", 1, |draw| {
        Call::on("duplicate_source", draw.of(&[SOURCES[0], DUPLEX]))
    }),
    kind("start", 8, |draw| Call::on("start", draw.of(&OPERATIONS))),
    kind("complete", 8, |draw| {
        Call::on("complete", draw.of(&OPERATIONS)).with("bytes", draw.ticks())
    }),
    kind("peek", 4, |draw| {
        Call::on("peek", draw.of(&OPERATIONS)).with("into", "seen")
    }),
    kind("cancel an operation", 2, |draw| {
        Call::on("cancel", draw.of(&OPERATIONS))
    }),
    kind("cancel on a file", 1, |_| Call::on("cancel", "g")),
    kind("close a file", 1, |draw| Call::on("close", draw.of(&FILES))),
    kind("associate", 2, |draw| {
        Call::on("associate", "g")
            .with("port", draw.port())
            .with("key", draw.key())
    }),
    kind("replace", 1, |draw| {
        Call::on("replace", draw.of(&FILES))
            .with("port", draw.port())
            .with("key", draw.key())
    }),
    kind("port of a job", 2, |draw| {
        Call::on("job_port", "job")
            .with("port", draw.port())
            .with("key", draw.key())
    }),
    kind("start in a job", 3, |draw| {
        Call::on("job_start", "job").with("pid", draw.ticks())
    }),
    kind("end in a job", 3, |draw| {
        Call::on("job_exit", "job").with("pid", draw.ticks())
    }),
    kind("modes", 1, |draw| {
        Call::on("modes", draw.of(&FILES)).with("skip_port", Word::Yes)
    }),
    kind("wait_packet", 2, |draw| {
        Call::on("wait_packet", "packet")
            .with("port", draw.port())
            .with("target", draw.of(&["event", "units"]))
            .with("key", draw.key())
    }),
    kind("wait_packet of an end", 2, |draw| {
        Call::on("wait_packet", "packet")
            .with("port", draw.port())
            .with("target", draw.thread().as_str())
            .with("key", draw.key())
    }),
    kind("cancel_wait_packet", 1, |_| {
        Call::on("cancel_wait_packet", "packet")
    }),
    kind("swap", 3, |draw| {
        let swap = Call::on("swap", VARIABLE).with("value", draw.ticks());
        swap.with("into", "was")
    }),
    kind("add", 4, |draw| {
        let add = Call::on("add", VARIABLE).with("value", draw.ticks());
        add.with("into", "was")
    }),
    kind("compare_swap", 4, |draw| {
        let expected = draw.rng.below(3) as i64;
        let swap = Call::on("compare_swap", VARIABLE).with("expect", expected);
        swap.with("value", draw.ticks()).with("into", "was")
    }),
    kind("post of a variable", 6, |draw| {
        Call::on("post", draw.port()).with("key", "me + max(min(n, 5), 0)")
    }),
    several("post of what came before", 6, |draw| {
        let get = Call::on("get", draw.port()).with("into", "got");
        let post = Call::on("post", draw.port()).with("key", "(got.key + 1) % 5");
        vec![get, post]
    }),
    several("each of a batch", 6, |draw| {
        let batch = Call::on("get", draw.port()).with("max", draw.max());
        let post = Call::on("post", draw.port()).with("key", "it.key % 5");
        let each = Call::on("each", "batch").with("item", "it");
        vec![
            batch.with("into", "batch"),
            each.with("do", Word::Calls(vec![post])),
        ]
    }),
    several("post of what is kept", 6, |draw| {
        let get = Call::on("get", draw.port()).with("into", "kept");
        let poll = get.clone().with("timeout", 0).with("keeps", Word::Yes);
        let post = Call::on("post", draw.port()).with("key", "kept.key % 5");
        vec![get, poll, post]
    }),
];
