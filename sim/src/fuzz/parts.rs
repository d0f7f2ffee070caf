//! What the operations speak of that a generator draws.

use super::draw::{
    CHAINED, DRAINED, DRAINED_FILES, DUPLEX, IN_TURN, INNER, LINKED, MULTISHOT, OF_ONE, ON, PORTS,
    REQUESTS, SMALL, SOURCES, TOP, VARIABLE,
};
use portsim_model::choice::Answers;

use crate::draft::{Part, Word};

/// Everything that an operation can speak of; a draft forgets what is not spoken of.
pub(super) fn parts(answers: &mut dyn Answers) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut part = |section, name, fields| {
        parts.push(Part {
            section,
            name,
            fields,
        });
    };
    for name in PORTS {
        let concurrency = answers.answer(4) as i64;
        part("ports", name, vec![("concurrency", concurrency.into())]);
    }
    part("ports", SMALL, vec![("entries", 2.into())]);
    for (name, setup) in OF_ONE.into_iter().zip(["single_issuer", "defer_taskrun"]) {
        part("ports", name, vec![("setup", setup.into())]);
    }
    part("ports", DRAINED, Vec::new());
    part("ports", TOP, Vec::new());
    part("events", "event", Vec::new());
    part("events", "gate", vec![("reset", "manual".into())]);
    part("mutexes", "mutex", Vec::new());
    part("semaphores", "units", vec![("count", 1.into())]);
    for name in SOURCES {
        let readable = answers.answer(3) == 0;
        part(
            "sources",
            name,
            if readable {
                vec![("readable", Word::Yes)]
            } else {
                Vec::new()
            },
        );
    }
    part("sources", DUPLEX, vec![("writable", Word::Yes)]);
    for (name, port) in INNER.into_iter().zip(PORTS) {
        part("sources", name, vec![("port", port.into())]);
    }
    part("files", "f", vec![("port", "p".into()), ("key", 7.into())]);
    part("files", "g", Vec::new());
    part("files", ON, vec![("port", "p".into()), ("key", 9.into())]);
    part(
        "files",
        CHAINED,
        vec![("port", "p".into()), ("key", 11.into())],
    );
    for file in DRAINED_FILES {
        let fields = vec![("port", DRAINED.into()), ("key", 12.into())];
        part("files", file, fields);
    }
    for (name, file) in IN_TURN.into_iter().zip(DRAINED_FILES) {
        let fields = vec![("file", file.into()), ("overlapped", 17.into())];
        let drained = (name == IN_TURN[1]).then_some(("drained", Word::Yes));
        part(
            "operations",
            name,
            fields.into_iter().chain(drained).collect(),
        );
    }
    for (name, number) in LINKED.into_iter().zip(15..) {
        let fields = vec![("file", CHAINED.into()), ("overlapped", number.into())];
        part("operations", name, fields);
    }
    for (name, number) in REQUESTS.into_iter().zip(10..) {
        let fields = vec![("file", ON.into()), ("overlapped", number.into())];
        part("operations", name, fields);
    }
    let goes_on = vec![
        ("file", ON.into()),
        ("overlapped", 14.into()),
        ("multishot", Word::Yes),
    ];
    part("operations", MULTISHOT, goes_on);
    part(
        "operations",
        "s",
        vec![("file", "g".into()), ("overlapped", 6.into())],
    );
    part(
        "operations",
        "u",
        vec![
            ("file", "f".into()),
            ("overlapped", 8.into()),
            ("event", "event".into()),
        ],
    );
    part("vars", VARIABLE, Vec::new());
    part("wait_packets", "packet", Vec::new());
    part("jobs", "job", Vec::new());
    parts
}
