//! The page of broken designs that were seen to break on a real backend: every counterexample that can be conducted.

use std::collections::BTreeMap;
use std::env;
use std::fmt::Write;
use std::fs;

use portsim::Checker;
use portsim::cross_check::follow::{Confirmed, Followed, Unplayed};
use portsim::cross_check::judge_of;
use portsim::native::{Backend, backends};
use portsim::personality::not_for;
use portsim::scenario::{Expect, Scenario};

use crate::root;
use crate::shipped::{is_too_large, scenarios};

const PAGE: &str = "docs/CONFIRMED.md";

/// As often is a design tried that did not come out as the page says: a busy machine can disturb a deadline.
const TRIES: usize = 3;

/// How a row ends whose counterexample happened.
const HAPPENED: &str = "| happened |";

const INTRODUCTION: &str = "# Broken designs that broke

This page lists every scenario that expects a violation and that a backend can play. Each counterexample was conducted on that
backend: the shortest one on which every thread comes to rest before each turn, or else the one that the search finds.
`happened` says that the kernel showed every event of it, to the end. If the kernel went another way, the row says at which turn,
and what it showed; each time the model of that system was asked whether it may do so, and it always may.

A conductor can hold a thread before its next call, but not inside the kernel. So a counterexample in which a thread acts while a
woken thread has not come back yet cannot be conducted; at full speed `portsim litmus` meets such moments by chance.

This command makes one row:

```sh
portsim check scenarios/designs/wakeup-lost.json --confirm epoll
```

A test makes this page on Linux, and checks the rows that a machine can play; `UPDATE_EXPECT=1` writes it anew.

| design | breaks | on | by the rules of | steps | what happened |
|---|---|---|---|---|---|
";

/// The broken designs that are explored in a moment.
fn broken() -> Vec<Scenario> {
    let mut all = scenarios();
    all.retain(|it| it.expect != Expect::Pass && !is_too_large(it));
    all
}

/// A design on a backend, by the rules of this system; none where nothing can be conducted.
fn conducted(scenario: &Scenario, on: &dyn Backend, judge: &str) -> Option<(String, Confirmed)> {
    let checker = Checker::new(scenario).personality(judge).confirm_on(on);
    let check = checker.run().expect("it can be searched");
    let confirmed = check.confirmed().first()?.clone();
    let property = check.property()?;
    // A mistake of a scenario itself needs no kernel to happen.
    let is_own = check.is_builtin() && ["spin", "schedule"].contains(&property);
    match confirmed.followed {
        Err(Unplayed::Unsupported(_)) => None,
        _ if is_own => None,
        _ => Some((property.to_owned(), confirmed)),
    }
}

/// The row of the page.
fn row(scenario: &Scenario, property: &str, confirmed: &Confirmed) -> String {
    let what = match &confirmed.followed {
        Ok(followed) => words(followed),
        Err(why) => format!("{why:?}"),
    };
    format!(
        "| `{}` | `{property}` | {} | {} | {} | {what} |",
        scenario.name,
        confirmed.on,
        confirmed.personality,
        confirmed.path.len()
    )
}

fn words(followed: &Followed) -> String {
    assert!(
        followed.is_admitted(),
        "the model may do otherwise: {followed:?}"
    );
    match &followed.parted {
        None => "happened".to_owned(),
        Some(parted) => format!(
            "another way in turn {}: `{}`, not `{}`",
            parted.turn, parted.shown, parted.path
        ),
    }
}

/// The rows of each backend that can run here, with the system whose rules it keeps here.
fn rows(known: &str) -> BTreeMap<(&'static str, String), Vec<String>> {
    let mut rows: BTreeMap<_, Vec<String>> = BTreeMap::new();
    let here = backends().iter().filter(|it| it.available().is_ok());
    for backend in here {
        let judge = judge_of(&backend.plays(), &backend.os());
        let own = rows.entry((backend.name(), judge.clone())).or_default();
        for scenario in broken() {
            if not_for(&judge, &scenario).is_some() {
                continue;
            }
            let once = || {
                let (property, confirmed) = conducted(&scenario, *backend, &judge)?;
                Some(row(&scenario, &property, &confirmed))
            };
            let is_known =
                |row: &Option<String>| row.as_ref().is_none_or(|row| known.contains(row));
            let mut row = once();
            for _ in 1..TRIES {
                if is_known(&row) {
                    break;
                }
                row = once();
            }
            own.extend(row);
        }
    }
    rows
}

#[test]
fn what_breaks_on_a_kernel_stands_on_its_page() {
    let file = root().join(PAGE);
    let known = fs::read_to_string(&file).unwrap_or_default();
    let rows = rows(&known);
    if env::var_os("UPDATE_EXPECT").is_some() {
        let mut page = INTRODUCTION.to_owned();
        let mut all: Vec<_> = rows.values().flatten().collect();
        all.sort();
        for row in &all {
            let _ = writeln!(page, "{row}");
        }
        let happened = all.iter().filter(|row| row.ends_with(HAPPENED));
        let _ = writeln!(page, "\n{} of {} happened.", happened.count(), all.len());
        fs::write(&file, &page).expect("the page can be written");
        return;
    }
    // A kernel may go another way: only that something happens is held.
    let head = |row: &str| row.split_inclusive('|').take(5).collect::<String>();
    for ((on, judge), rows) in rows {
        // Another kernel keeps the rules of another version, and has its own rows.
        let own = format!("| {on} | {judge} |");
        let listed: Vec<_> = known.lines().filter(|line| line.contains(&own)).collect();
        if listed.is_empty() {
            println!("not held: {on} keeps the rules of {judge} here");
            continue;
        }
        let has = |rows: &[&str], row: &str| rows.iter().any(|it| head(it) == head(row));
        let rows: Vec<_> = rows.iter().map(String::as_str).collect();
        let is_lacking = |row: &&&str| match row.ends_with(HAPPENED) {
            true => !rows.contains(row),
            false => !has(&rows, row),
        };
        let lacks: Vec<_> = listed.iter().filter(is_lacking).collect();
        let more: Vec<_> = rows.iter().filter(|row| !has(&listed, row)).collect();
        assert!(
            lacks.is_empty() && more.is_empty(),
            "{PAGE} on {on}: UPDATE_EXPECT=1 writes it anew; listed and not so: {lacks:#?}; so and not listed: {more:#?}"
        );
    }
}
