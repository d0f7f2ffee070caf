//! Makes a scenario smaller as long as it still shows what it is kept for.
//!
//! Everything smaller by one cut is tried, large cuts first: a run of turns, a thread or a part with all calls that
//! speak of it, a call, a field, a number. What is left shows it no more when any of these is done to it. Nothing is
//! drawn, so the same draft gives the same small one.

use crate::draft::{CLOCK, Call, Draft, Word};

/// The smallest draft found for which `shows` holds; it holds for the given one.
pub fn shrink(mut draft: Draft, mut shows: impl FnMut(&Draft) -> bool) -> Draft {
    loop {
        let mut smaller = false;
        let mut tried = cuts(&draft);
        let mut n = 0;
        while n < tried.len() {
            if shows(&tried[n]) {
                draft = tried.swap_remove(n);
                smaller = true;
                // What was tried before seldom comes true now: the next round tries it again.
                tried = cuts(&draft);
            } else {
                n += 1;
            }
        }
        if !smaller {
            return draft;
        }
    }
}

/// Everything that is smaller by one cut.
pub fn cuts(draft: &Draft) -> Vec<Draft> {
    let mut cuts = Vec::new();
    without_turns(draft, &mut cuts);
    for (name, _) in &draft.threads {
        cuts.push(without_thread(draft, name));
    }
    for part in &draft.parts {
        cuts.push(without_part(draft, part.name));
    }
    for (thread, (_, calls)) in draft.threads.iter().enumerate() {
        for call in 0..calls.len() {
            cuts.push(without_call(draft, thread, call));
            let mut alone = draft.clone();
            alone.threads[thread].1.remove(call);
            cuts.push(alone);
        }
    }
    for (thread, (_, calls)) in draft.threads.iter().enumerate() {
        for (call, simpler) in calls
            .iter()
            .enumerate()
            .flat_map(|(n, call)| simpler(call).into_iter().map(move |simpler| (n, simpler)))
        {
            let mut cut = draft.clone();
            cut.threads[thread].1[call] = simpler;
            cuts.push(cut);
        }
    }
    for (n, part) in draft.parts.iter().enumerate() {
        for fields in simpler_fields(&part.fields) {
            let mut cut = draft.clone();
            cut.parts[n].fields = fields;
            cuts.push(cut);
        }
    }
    for cut in &mut cuts {
        cut.forget_unused();
    }
    cuts.retain(|cut| cut != draft && !cut.threads.is_empty());
    cuts
}

/// Without a run of turns: half of them, a quarter, and so on to one.
fn without_turns(draft: &Draft, cuts: &mut Vec<Draft>) {
    let turns = draft.schedule.as_ref().map_or(0, Vec::len);
    let mut len = turns / 2;
    while len > 0 {
        // From the end: what comes after the interesting turn is of no use.
        for start in (0..=turns - len).rev().step_by(len) {
            let mut cut = draft.clone();
            if let Some(schedule) = &mut cut.schedule {
                schedule.drain(start..start + len);
            }
            cuts.push(cut);
        }
        len /= 2;
    }
}

fn without_thread(draft: &Draft, name: &str) -> Draft {
    let mut cut = without_calls_on(draft, name);
    cut.threads.retain(|(thread, _)| thread != name);
    if let Some(schedule) = &mut cut.schedule {
        schedule.retain(|turn| turn != name);
    }
    cut
}

fn without_part(draft: &Draft, name: &str) -> Draft {
    let mut cut = draft.clone();
    let of_it = |fields: &[(_, Word)]| fields.iter().any(|(_, word)| *word == Word::from(name));
    let gone: Vec<_> = draft
        .parts
        .iter()
        .filter(|part| of_it(&part.fields))
        .collect();
    for name in gone.iter().map(|part| part.name).chain([name]) {
        cut = without_calls_on(&cut, name);
        cut.parts.retain(|part| part.name != name);
    }
    cut
}

fn without_calls_on(draft: &Draft, name: &str) -> Draft {
    let mut cut = draft.clone();
    for thread in 0..cut.threads.len() {
        while let Some(call) = cut.threads[thread]
            .1
            .iter()
            .position(|call| call.names(name))
        {
            cut = without_call(&cut, thread, call);
        }
    }
    cut
}

/// Without a call, and without the turns in which it is made.
fn without_call(draft: &Draft, thread: usize, call: usize) -> Draft {
    let mut cut = draft.clone();
    let (name, calls) = &mut cut.threads[thread];
    let turns_of = |call: &Call| if call.verb == "stall" { 2 } else { 1 };
    let before: usize = calls[..call].iter().map(turns_of).sum();
    let own = before..before + turns_of(&calls[call]);
    calls.remove(call);
    let name = name.clone();
    let mut turn = 0;
    if let Some(schedule) = &mut cut.schedule {
        schedule.retain(|slated| {
            turn += usize::from(*slated == name);
            *slated == CLOCK || *slated != name || !own.contains(&(turn - 1))
        });
    }
    cut
}

fn simpler(call: &Call) -> Vec<Call> {
    let fields = simpler_fields(&call.fields).into_iter();
    let fields = fields.map(|fields| Call {
        fields,
        ..call.clone()
    });
    let objects = call.object.iter().flat_map(smaller);
    let objects = objects.map(|object| Call {
        object: Some(object),
        ..call.clone()
    });
    fields.chain(objects).collect()
}

/// Without one field, or with a smaller number in it.
fn simpler_fields(fields: &[(&'static str, Word)]) -> Vec<Vec<(&'static str, Word)>> {
    let mut all = Vec::new();
    for n in 0..fields.len() {
        let mut without = fields.to_vec();
        without.remove(n);
        all.push(without);
    }
    for (n, (_, word)) in fields.iter().enumerate() {
        for smaller in smaller(word) {
            let mut simpler = fields.to_vec();
            simpler[n].1 = smaller;
            all.push(simpler);
        }
    }
    all
}

/// Smaller numbers, the smallest first; or one of several operations that is simpler.
fn smaller(word: &Word) -> Vec<Word> {
    match word {
        Word::Number(number) => {
            let mut smaller: Vec<_> = [0, 1, number / 2, number - 1].into();
            smaller.retain(|other| (0..*number).contains(other));
            smaller.dedup();
            smaller.into_iter().map(Word::Number).collect()
        }
        Word::Calls(calls) => {
            let inside = calls.iter().enumerate();
            let simpler =
                inside.flat_map(|(n, call)| simpler(call).into_iter().map(move |one| (n, one)));
            let with = |(n, one): (usize, Call)| {
                let mut less = calls.clone();
                less[n] = one;
                Word::Calls(less)
            };
            simpler.map(with).collect()
        }
        Word::Text(_) | Word::Yes | Word::Several(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draft::Part;

    fn port(name: &'static str, concurrency: i64) -> Part {
        Part {
            section: "ports",
            name,
            fields: vec![("concurrency", concurrency.into())],
        }
    }

    fn draft() -> Draft {
        let post = |port: &str, key: i64| Call::on("post", port).with("key", key);
        let turns = ["c", "a", "b", CLOCK, "c", "a", "c", "c", "b"];
        Draft {
            why: "What is needed?".to_owned(),
            meant_for: "windows".to_owned(),
            parts: vec![port("p", 3), port("q", 2)],
            threads: vec![
                (
                    "a".to_owned(),
                    vec![Call::on("get", "p"), Call::on("get", "q")],
                ),
                ("b".to_owned(), vec![Call::plain("stall"), post("q", 9)]),
                (
                    "c".to_owned(),
                    vec![Call::plain("yield"), post("p", 4), post("p", 5)],
                ),
            ],
            schedule: Some(turns.map(str::to_owned).into()),
            ..Draft::default()
        }
    }

    /// Somebody posts to `p` a key of 3 or more, and its thread has two turns or more.
    fn shows(draft: &Draft) -> bool {
        let turns = |name: &str| {
            let schedule = draft.schedule.iter().flatten();
            schedule.filter(|turn| *turn == name).count()
        };
        let large = |call: &Call| {
            let key = call.fields.iter().find(|(field, _)| *field == "key");
            call.verb == "post" && call.names("p") && matches!(key, Some((_, Word::Number(3..))))
        };
        let thread =
            |(name, calls): &(String, Vec<Call>)| calls.iter().any(large) && turns(name) > 1;
        draft.threads.iter().any(thread)
    }

    /// Nothing stays that is not needed, and what is needed stays.
    #[test]
    fn a_draft_is_cut_down_to_what_shows() {
        let small = shrink(draft(), shows);
        let [(name, calls)] = small.threads.as_slice() else {
            panic!("one thread is enough: {}", small.text());
        };
        assert_eq!(
            (name.as_str(), calls.as_slice()),
            ("c", &[Call::on("post", "p").with("key", 3)][..])
        );
        assert_eq!(small.schedule, Some(vec!["c".to_owned(); 2]));
        assert_eq!(
            small.parts,
            [Part {
                fields: Vec::new(),
                ..port("p", 3)
            }]
        );
        assert!(cuts(&small).iter().all(|cut| !shows(cut)));
        assert_eq!(shrink(draft(), shows), small);
    }

    /// A call goes together with its own turns, and with nobody else's.
    #[test]
    fn a_call_takes_its_turns_with_it() {
        let cut = without_call(&draft(), 1, 0);
        let turns = ["c", "a", CLOCK, "c", "a", "c", "c"];
        assert_eq!(
            cut.schedule,
            Some(turns.map(str::to_owned).into()),
            "a stall is two turns"
        );
        let cut = without_call(&draft(), 2, 1);
        let turns = ["c", "a", "b", CLOCK, "a", "c", "c", "b"];
        assert_eq!(cut.schedule, Some(turns.map(str::to_owned).into()));
    }

    #[test]
    fn names_follow_the_first_turns() {
        let tidy = draft().tidied();
        let names: Vec<_> = tidy
            .threads
            .iter()
            .map(|(name, calls)| (name.as_str(), calls.len()))
            .collect();
        assert_eq!(names, [("a", 3), ("b", 2), ("c", 2)]);
        let turns = ["a", "b", "c", CLOCK, "a", "b", "a", "a", "c"];
        assert_eq!(tidy.schedule, Some(turns.map(str::to_owned).into()));
    }
}
