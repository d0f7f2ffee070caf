//! A backend on a kernel that lacks something does what it can as on one that has it, and says the rest.

use std::path::Path;

use super::{Verdict, cross_check, judge_of};
use crate::native::{Backend, oldest_io_uring, os};
use crate::scenario::{Scenario, find};

/// The backend, if it can run here; else it is said.
fn here() -> Option<&'static dyn Backend> {
    let backend = oldest_io_uring();
    let available = backend.available();
    available
        .map_err(|why| println!("not run: {why}"))
        .is_ok()
        .then_some(backend)
}

#[test]
fn an_io_uring_of_old_does_what_it_can() {
    let Some(backend) = here() else {
        return;
    };
    let judge = judge_of(backend.name(), &os());
    let scenarios = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
    let folders = [backend.name(), "requests", "portable"].map(|folder| scenarios.join(folder));
    let (mut agree, mut lacks) = (0, Vec::new());
    for file in find(&folders).expect("the folders are there") {
        let scenario = Scenario::read(&file).expect("it is one");
        match cross_check(&scenario, backend, &judge, 0, 2).verdict {
            Verdict::Agree(_) => agree += 1,
            Verdict::Unsupported(why) => lacks.push(why),
            wrong => panic!("{}: {wrong:?}", scenario.name),
        }
    }
    assert!(agree > 30, "only {agree} agree");
    for word in [
        "messages between rings",
        "no timeout on a wait",
        "no synchronous cancel",
        "cancel requests by file",
    ] {
        assert!(
            lacks.iter().any(|why| why.contains(word)),
            "{word}: {lacks:?}"
        );
    }
}

/// A request that was refused with a closed ring stands in its queue for good; who waits there is sent home nonetheless.
#[test]
fn a_refused_request_holds_nobody_up() {
    let Some(backend) = here() else {
        return;
    };
    let judge = judge_of(backend.name(), &os());
    let text = r#"{
        "why": "A request goes to a ring that is closed, while somebody waits there.",
        "ports": { "p": {} },
        "files": { "h": { "port": "p", "key": 9 } },
        "operations": { "r": { "file": "h", "overlapped": 10 } },
        "threads": { "a": [{ "close": "p" }, { "start": "r" }], "c": [{ "get": "p" }] },
        "may_wait": ["c"],
        "schedule": ["c", "a", "a"]
    }"#;
    let scenario = Scenario::parse("refused", Path::new("refused.json"), text.as_bytes());
    let scenario = scenario.expect("it is one");
    let verdict = cross_check(&scenario, backend, &judge, 0, 2).verdict;
    assert!(matches!(verdict, Verdict::Agree(_)), "{verdict:?}");
}
