//! What `distinguish` found, for people.

use crate::report::distinguish::{Distinguished, Experiment};
use crate::report::units::{count, counted};

/// Every scenario, behind what it takes.
pub fn distinguish(found: &Distinguished) -> String {
    let (a, b) = (found.a, found.b);
    let compared = format!("{} compared", counted(found.compared, "scenario"));
    let left_out = match found.left_out {
        0 => String::new(),
        some => format!(", {} too large to compare", count(some)),
    };
    let in_time = format!("({compared}{left_out}, {:.1} s)", found.seconds);
    if found.found.is_empty() {
        let (operations, threads) = found.bound;
        let up_to = match found.complete {
            true => format!("up to {operations} operations of {threads} threads"),
            false => "so far".to_owned(),
        };
        return format!("nothing tells {a} and {b} apart {up_to}  {in_time}\n");
    }
    let experiments: Vec<_> = found.found.iter().map(|it| one(a, b, it)).collect();
    format!("{}\n{in_time}\n", experiments.join("\n"))
}

fn one(a: &str, b: &str, experiment: &Experiment) -> String {
    let told = &experiment.told;
    let turns = experiment.turns().map_or(String::new(), |turns| {
        format!(", {}", counted(turns as u64, "turn"))
    });
    let mut text = format!(
        "{a} and {b} are told apart by {} of {}{turns}\n\n{}\n",
        counted(experiment.operations as u64, "operation"),
        counted(experiment.threads() as u64, "thread"),
        told.draft.text()
    );
    for (on, ways) in [
        (format!("only on {a}"), &told.only_a),
        (format!("only on {b}"), &told.only_b),
        ("on both".to_owned(), &told.both),
    ] {
        for way in ways {
            text += &format!("  {on}: {way}\n");
        }
    }
    if let Some(holds) = told.holds {
        let (here, there) = if holds.on_a { (a, b) } else { (b, a) };
        let there = match holds.never_on_other {
            true => format!("never on {there}"),
            false => format!("not always on {there}"),
        };
        text += &format!("  told_apart holds at every end on {here}, and {there}\n");
    }
    if !told.claims.is_empty() {
        text += &format!("  parted by {}\n", told.claims.join(", "));
    }
    text
}
