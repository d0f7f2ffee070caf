//! What `cross-check` found, for people.

use super::{cited, repeat, stacked, table};
use crate::admit::Refusal;
use crate::cross_check::{Comparison, Verdict};
use crate::report::cross_check::CrossCheck;
use crate::report::repeat as again;
use crate::report::totals::Totals;
use crate::report::units::counted as counted_as;
use crate::trace::lanes::{Lanes, Layout};

/// So many scenarios have a row each, and so many reasons a line; more are counted.
const ROWS_MAX: usize = 24;

/// Where backends and the model part, then the verdicts, and what was left out. Of a sweep what agrees is counted, if nobody
/// asks for all of it.
pub fn cross_check(cross_check: &CrossCheck, layout: Layout) -> String {
    let differ = cross_check.comparisons.iter().filter_map(|comparison| {
        let Verdict::Differ(refusal) = &comparison.verdict else {
            return None;
        };
        differ(cross_check, comparison, refusal, layout)
    });
    let each = layout.full || cross_check.scenarios.len() <= ROWS_MAX;
    let rest = match (each, &cross_check.pairs[..]) {
        (true, _) => [
            matrix(cross_check, |_| true),
            left_out(&cross_check.comparisons),
        ],
        (false, pairs) => [
            counted(cross_check, pairs) + &odd(cross_check),
            left_out_in_short(&cross_check.comparisons),
        ],
    };
    stacked(differ.chain(rest).chain([totals(cross_check.totals())]))
}

/// A row for each scenario of which there is more to say than that it agrees.
fn odd(cross_check: &CrossCheck) -> String {
    match matrix(cross_check, |cell| cell.is_odd) {
        none if none.is_empty() => none,
        rows => format!("\n{rows}"),
    }
}

/// How many agree: by folder on one backend, else by backend.
fn counted(cross_check: &CrossCheck, pairs: &[(String, &'static str)]) -> String {
    let folder = |comparison: &Comparison| match comparison.scenario.split_once('/') {
        Some((folder, _)) => folder.to_owned(),
        None => ".".to_owned(),
    };
    let pair = |(on, personality): (&str, &str)| format!("{on} as {personality}");
    let of = |comparison: &Comparison| pair((&comparison.on, &comparison.personality));
    let (head, row): (String, &dyn Fn(&Comparison) -> String) = match pairs {
        [(on, personality)] => (pair((on, personality)), &folder),
        _ => ("backend".to_owned(), &of),
    };
    // By row: agree, differ, unsupported, unavailable.
    let mut counts: Vec<(String, [usize; 4])> = Vec::new();
    for comparison in &cross_check.comparisons {
        let name = row(comparison);
        let at = counts.iter().position(|(known, _)| *known == name);
        let at = at.unwrap_or_else(|| {
            counts.push((name, [0; 4]));
            counts.len() - 1
        });
        let verdict = match comparison.verdict {
            Verdict::Agree(_) => 0,
            Verdict::Differ(_) => 1,
            Verdict::Unsupported(_) => 2,
            Verdict::Unavailable(_) => 3,
        };
        counts[at].1[verdict] += 1;
    }
    // What was left out entirely is counted below.
    counts.retain(|(_, [agree, differ, _, unavailable])| agree + differ + unavailable > 0);
    let named = ["agree", "differ", "unsupported", "unavailable"];
    let has = |n: &usize| *n < 2 || counts.iter().any(|(_, counts)| counts[*n] > 0);
    let columns: Vec<usize> = (0..named.len()).filter(has).collect();
    let heads = columns.iter().map(|n| named[*n].to_owned());
    let mut rows = vec![[head].into_iter().chain(heads).collect::<Vec<_>>()];
    for (name, counts) in counts {
        let cells = columns.iter().map(|n| match counts[*n] {
            0 => "-".to_owned(),
            count => count.to_string(),
        });
        rows.push([name].into_iter().chain(cells).collect());
    }
    table(&rows)
}

/// What was left out, in a line.
fn left_out_in_short(comparisons: &[Comparison]) -> String {
    let reasons = reasons(comparisons);
    if reasons.is_empty() {
        return String::new();
    }
    let reasons = counted_as(reasons.len() as u64, "reason");
    format!(
        "\nsome runs were left out or ended early, for {reasons}: --full names each, with its scenarios\n"
    )
}

/// Where a backend and the model part.
fn differ(
    cross_check: &CrossCheck,
    comparison: &Comparison,
    refusal: &Refusal,
    layout: Layout,
) -> Option<String> {
    let of = |name: &String| *name == comparison.scenario;
    let mut scenarios = cross_check.scenarios.iter();
    let scenario = scenarios.find(|scenario| of(&scenario.name))?;
    let upto = (refusal.at as usize).min(comparison.events.len());
    let (on, personality) = (&comparison.on, &comparison.personality);
    let mut words = format!(
        "differ  {} on {on} as {personality}, seed {}\n",
        comparison.scenario, comparison.seed
    );
    let shown = &comparison.events[..upto];
    words += &Lanes::of(&scenario.names, &scenario.program, shown).text(layout);
    words += &divergence(on, personality, refusal);
    words += &repeat(&again::cross_check(
        &scenario.file,
        on,
        personality,
        Some(comparison.seed),
        cross_check.processors,
    ));
    Some(words)
}

/// What a backend shows, and what the model allows instead.
pub fn divergence(on: &str, personality: &str, refusal: &Refusal) -> String {
    let mut words = format!("at event {}:\n  {on} shows  {}\n", refusal.at, refusal.saw);
    for allowed in &refusal.allowed {
        words += &format!("  the model of {personality} allows  {allowed}\n");
    }
    for line in cited(refusal).lines().skip(1) {
        words += &format!("{line}\n");
    }
    words
}

/// One row a scenario, one column a backend and its judge: those scenarios in which a cell is wanted.
fn matrix(cross_check: &CrossCheck, wanted: impl Fn(&Cell) -> bool) -> String {
    let columns = cross_check.pairs.iter();
    let head = columns.map(|(on, personality)| format!("{on} as {personality}"));
    let mut rows = vec![
        ["scenario".to_owned()]
            .into_iter()
            .chain(head)
            .collect::<Vec<_>>(),
    ];
    for scenario in &cross_check.scenarios {
        let mut row = vec![scenario.name.clone()];
        let mut is_wanted = false;
        for (on, personality) in &cross_check.pairs {
            let own = |comparison: &&Comparison| {
                comparison.scenario == scenario.name
                    && comparison.on == *on
                    && comparison.personality == *personality
            };
            let own: Vec<_> = cross_check.comparisons.iter().filter(own).collect();
            let cell = cell(&own);
            is_wanted |= wanted(&cell) && cell.words != LEFT_OUT;
            row.push(cell.words);
        }
        // What is left out entirely is counted below.
        if is_wanted {
            rows.push(row);
        }
    }
    match rows.len() {
        1 => String::new(),
        _ => table(&rows),
    }
}

/// A cell of the matrix.
struct Cell {
    words: String,
    /// Whether it says more than that all agree.
    is_odd: bool,
}

/// What stands in a cell of which every seed was left out.
const LEFT_OUT: &str = "-";

/// One cell of the matrix: all seeds together.
fn cell(comparisons: &[&Comparison]) -> Cell {
    let of = |is: fn(&Verdict) -> bool| {
        let verdicts = comparisons.iter().map(|comparison| &comparison.verdict);
        verdicts.filter(|verdict| is(verdict)).count()
    };
    let agree = of(|verdict| matches!(verdict, Verdict::Agree(_)));
    let differ = of(|verdict| matches!(verdict, Verdict::Differ(_)));
    let unavailable = of(|verdict| matches!(verdict, Verdict::Unavailable(_)));
    let words = match (agree, differ) {
        (0, 0) if unavailable > 0 => "unavailable".to_owned(),
        (0, 0) => LEFT_OUT.to_owned(),
        (1, 0) => "agree".to_owned(),
        (0, 1) => "differ".to_owned(),
        (agree, 0) => format!("agree, {agree} seeds"),
        (agree, differ) => format!("differ, {differ} of {} seeds", agree + differ),
    };
    let early = of(|verdict| matches!(verdict, Verdict::Agree(Some(_))));
    let words = match early {
        0 => words,
        1 if agree + differ == 1 => words + ", ended early",
        early => words + &format!(", {early} ended early"),
    };
    let is_odd = differ + unavailable + early > 0;
    Cell { words, is_odd }
}

/// Each reason for which something was left out or ended early, and of which scenarios.
fn reasons(comparisons: &[Comparison]) -> Vec<(String, Vec<&str>)> {
    let mut reasons: Vec<(String, Vec<&str>)> = Vec::new();
    for comparison in comparisons {
        let (word, why) = match &comparison.verdict {
            Verdict::Agree(Some(why)) => ("ended early", why),
            Verdict::Unsupported(why) => ("unsupported", why),
            Verdict::Unavailable(why) => ("unavailable", why),
            Verdict::Agree(None) | Verdict::Differ(_) => continue,
        };
        let (on, personality) = (&comparison.on, &comparison.personality);
        let reason = format!("{word} on {on} as {personality}: {why}");
        let scenario = comparison.scenario.as_str();
        match reasons.iter_mut().find(|(known, _)| *known == reason) {
            // The seeds of one scenario follow each other.
            Some((_, scenarios)) if scenarios.last() == Some(&scenario) => {}
            Some((_, scenarios)) => scenarios.push(scenario),
            None => reasons.push((reason, vec![scenario])),
        }
    }
    reasons
}

/// Nothing is left out in silence.
fn left_out(comparisons: &[Comparison]) -> String {
    let reasons = reasons(comparisons).into_iter();
    let words = reasons.map(|(reason, scenarios)| {
        format!(
            "\n{reason} ({})\n  {}\n",
            scenarios.len(),
            scenarios.join(", ")
        )
    });
    words.collect()
}

/// How many of each verdict.
pub fn totals(totals: Totals) -> String {
    let Totals {
        agree,
        differ,
        unsupported,
        unavailable,
    } = totals;
    format!(
        "\n{agree} agree, {differ} differ, {unsupported} unsupported, {unavailable} unavailable"
    )
}
