//! What `replay` and `diff` found, for people.

use super::stacked;
use crate::report::parting::{Diff, Parting, Replay, Side};
use crate::report::units::counted;
use crate::scenario::Scenario;
use crate::trace::lanes::{Lanes, Layout};

/// Whether a trace still comes out.
pub fn replay(replay: &Replay, layout: Layout) -> String {
    if let Some(parting) = &replay.parting {
        return part(&replay.scenario, parting, ["trace", "model"], layout);
    }
    let mut words = format!(
        "same  {} as {}, {}",
        replay.scenario.name,
        replay.personality,
        counted(replay.events, "event")
    );
    if let Some(violation) = replay.violation {
        let property = replay.scenario.names.property(violation);
        words += &format!("; it violates {property}");
    }
    let Some(played) = &replay.played else {
        return stacked([words]);
    };
    let (names, program) = (&replay.scenario.names, &replay.scenario.program);
    let lanes = Lanes::of(names, program, &played.events).round(played.loop_at);
    stacked([
        lanes.changing(&played.changes).text(layout),
        format!("\n{words}"),
    ])
}

/// Whether two traces show the same.
pub fn diff(diff: &Diff, layout: Layout) -> String {
    match &diff.parting {
        Some(parting) => part(&diff.scenario, parting, ["left", "right"], layout),
        None => stacked([format!(
            "same  {}, {}",
            diff.scenario.name,
            counted(diff.events, "event")
        )]),
    }
}

/// What both show, and what each shows then.
fn part(scenario: &Scenario, parting: &Parting, sides: [&str; 2], layout: Layout) -> String {
    let lanes = Lanes::of(&scenario.names, &scenario.program, &parting.before).text(layout);
    let words = |side: &Side| {
        let words = side.words(scenario);
        words.unwrap_or_else(|| "cannot go on".to_owned())
    };
    let (left, right) = (words(&parting.left), words(&parting.right));
    let differ = format!(
        "differ  {} at event {}\n  {:5}  {left}\n  {:5}  {right}",
        scenario.name,
        parting.at(),
        sides[0],
        sides[1]
    );
    stacked([lanes, differ])
}
