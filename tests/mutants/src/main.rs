//! Breaks the model in one place at a time, and asks the shipped scenarios, traces and tests whether they notice.
//!
//! The tree is copied. In the copy each place of the model that can be broken asks a number which of its changes is on,
//! so that one program holds all mutants. See `docs/MUTANTS.md`, and `tests/mutants.sh`, which runs this.

mod compile;
mod limits;
mod points;
mod report;
mod schemata;
mod tests;
mod tree;
mod trial;
mod values;

use std::path::Path;
use std::thread;
use std::time::Instant;

use compile::{Copy, Source};
use schemata::Id;
use trial::Fate;

/// A mutant that changes nothing, so whatever catches it is wrong.
const NOTHING: Id = Id {
    point: 1 << 20,
    change: 1,
};

const CAUGHT_NOTHING: &str = "a mutant that changes nothing is caught";

fn main() {
    let start = Instant::now();
    let say = |what: &str| println!("== {:5} s: {what}", start.elapsed().as_secs());
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = here
        .join("../..")
        .canonicalize()
        .expect("the tree is there");
    let place = root.join("target/mutants");
    let mut only: Vec<_> = std::env::args().skip(1).collect();
    let only_left = only.iter().any(|it| it == "--left");
    only.retain(|it| it != "--left");

    let sources = compile::sources(&root);
    let copy = |name: &str| Copy::of(&root, place.join(name), place.join("built"));
    let dropped = copy("checked").not_compiling(&sources);
    let copy = copy("tree");
    copy.write(&sources, &dropped);
    let all: Vec<Id> = sources.iter().flat_map(Source::ids).collect();
    let (dropped, all): (Vec<Id>, Vec<Id>) = all.into_iter().partition(|id| dropped.contains(id));
    say(&format!(
        "{} mutants compile, {} do not",
        all.len(),
        dropped.len()
    ));

    let is_asked = |id: &Id| only.is_empty() || only.contains(&compile::of(&sources, *id).path);
    let ids: Vec<Id> = all.into_iter().filter(is_asked).collect();
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let mut fates = if only_left {
        report::read(&sources, &ids, &place)
    } else {
        let oracle = copy.oracle();
        say("the oracle is built");
        let questions = trial::watched(&oracle);
        let count = questions.len();
        say(&format!(
            "without a mutant the oracle answers {count} questions well"
        ));
        let ask = |id| trial::oracle(&oracle, id, &questions);
        let fates = trial::each(&ids, processors, ask);
        assert_eq!(ask(NOTHING), Fate::Survived, "{CAUGHT_NOTHING}");
        say("the oracle was asked about each");
        report::write(&sources, &ids, &fates, &dropped, &place);
        fates
    };

    let programs = copy.tests();
    say("the tests are built");
    let tests = tests::watched(&programs, &place.join("reached.txt"));
    say(&format!(
        "without a mutant {} tests that reach the model pass",
        tests.len()
    ));
    assert_eq!(
        tests::with(NOTHING, &tests),
        Fate::Survived,
        "{CAUGHT_NOTHING}"
    );
    say("a mutant that changes nothing survives");

    let left: Vec<usize> = (0..ids.len()).filter(|&n| !fates[n].is_caught()).collect();
    let left_ids: Vec<Id> = left.iter().map(|&n| ids[n]).collect();
    let again = trial::each(&left_ids, processors, |id| tests::with(id, &tests));
    for (n, fate) in left.into_iter().zip(again) {
        if fate != Fate::Unreached {
            fates[n] = fate;
        }
    }
    say("the tests were asked about those that the oracle did not notice");
    report::write(&sources, &ids, &fates, &dropped, &place);
}
