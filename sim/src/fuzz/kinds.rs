//! The kinds of operation that a generator draws.
//!
//! A new operation of the format is a row here. Whether a system and a backend have it, they are asked.

use super::draw::{
    DRAINED, DRAINED_FILES, DUPLEX, Draw, FILES, IN_TURN, LINKED, MULTISHOT, OF_ONE, ON,
    OPERATIONS, PORTS, REQUESTS, SMALL, SOURCES, TOP, VARIABLE, WAITED_FOR,
};
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

impl Kind {
    /// Whether so many threads can have it: a lone one has nobody to start.
    pub fn is_for(&self, threads: usize) -> bool {
        threads > 1 || self.name != "spawn"
    }

    /// One operation of this kind, or some that belong together.
    pub fn draw(&self, draw: &mut Draw<'_>) -> Vec<Call> {
        match self.draw {
            Drawn::One(one) => vec![one(draw)],
            Drawn::Several(several) => several(draw),
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
    slow("batch with a minimum in a time of its own", 3, |draw| {
        let batch = Call::on("get", draw.port());
        draw.in_two_times(batch)
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
        let bytes = [3, 4096][draw.below(2)];
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
        batch.with("min", draw.number_below(4, 3))
    }),
    kind("poll of a small ring", 6, |draw| {
        let batch = Call::on("get", SMALL).with("max", draw.max());
        batch.with("timeout", 0)
    }),
    slow("batch from a small ring in time", 3, |draw| {
        let batch = Call::on("get", SMALL).with("max", draw.max());
        let batch = batch.with("min", draw.number_below(4, 3));
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
    several("batch from a ring of one", 8, |draw| {
        draw.make(|draw, ring| {
            let batch = Call::on("get", ring).with("max", draw.max());
            batch.with("min", draw.number_below(4, 3))
        })
    }),
    several("poll of a ring of one", 4, |draw| {
        draw.make(|draw, ring| {
            let batch = Call::on("get", ring).with("max", draw.max());
            batch.with("timeout", 0)
        })
    }),
    several("nop on a ring of one", 4, |draw| {
        draw.make(|draw, ring| draw.submit(ring, "nop"))
    }),
    slow("get from a ring of one in time", 3, |draw| {
        Call::on("get", draw.of_one()).with("timeout", draw.ticks())
    }),
    slow("batch from a ring of one in two times", 3, |draw| {
        let batch = Call::on("get", draw.of_one());
        draw.in_two_times(batch)
    }),
    kind("post to a ring of one", 16, |draw| {
        Call::on("post", draw.of_one()).with("key", draw.key())
    }),
    kind("message from a ring of one", 3, |draw| {
        let sent = Call::on("msg_ring", draw.of(&[PORTS[0], OF_ONE[1]])).with("key", draw.key());
        sent.with("from", draw.of_one()).with("own", draw.key())
    }),
    kind("nop in its turn", 6, |draw| draw.nop_in_turn()),
    kind("read in its turn", 6, |draw| {
        Call::on("start", draw.of(&IN_TURN))
    }),
    kind("end of a read in its turn", 8, |draw| {
        Call::on("complete", draw.of(&IN_TURN)).with("bytes", draw.ticks())
    }),
    kind("cancel a read in its turn", 2, |draw| {
        Call::on(
            "cancel",
            draw.of(&[IN_TURN[0], IN_TURN[1], DRAINED_FILES[0]]),
        )
    }),
    kind("batch of what ended in its turn", 6, |draw| {
        let batch = Call::on("get", DRAINED).with("max", draw.max());
        batch.with("min", draw.number_below(4, 3))
    }),
    kind("poll of what ended in its turn", 4, |draw| {
        let batch = Call::on("get", DRAINED).with("max", draw.max());
        batch.with("timeout", 0)
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
    kind("special apc", 2, |draw| {
        Call::on("apc", draw.thread().as_str()).with("special", Word::Yes)
    }),
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
        let expected = draw.below(3) as i64;
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
