//! A backend on a kernel that lacks something does what it can as on one that has it, and says the rest.

use std::path::Path;

use super::{Verdict, cross_check, judge_of};
use crate::native::{oldest_io_uring, os};
use crate::scenario::{Scenario, find};

#[test]
fn an_io_uring_of_old_does_what_it_can() {
    let backend = oldest_io_uring();
    if let Err(why) = backend.available() {
        println!("not run: {why}");
        return;
    }
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
