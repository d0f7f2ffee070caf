//! Files of checkpoints that were changed, by a disk or by somebody: what is taken up from them comes to the same, or
//! is refused with the name of a file.

use std::ops::RangeFrom;
use std::path::PathBuf;

use super::{Case, Folder, How, broken, foreign, hows, killed, sound, undisturbed};
use crate::check::Trouble;
use crate::check::kept::wire::{Known, seal, unseal};
use crate::check::wire::{Conviction, ViolationFields};

type Files = Vec<(PathBuf, Vec<u8>)>;

/// Numbers that look like chance, and are the same for ever.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ mixed >> 31) % bound as u64) as usize
    }
}

/// Changes files in one of many ways, and says how. `others` are of other checkpoints.
fn change(files: &mut Files, others: &[Files], chance: &mut Chance) -> String {
    let at = chance.below(files.len());
    let name = files[at].0.file_name().expect("it has one").to_owned();
    let name = name.to_str().expect("it is ours").to_owned();
    let bytes = &mut files[at].1;
    let place = chance.below(bytes.len().max(1));
    match chance.below(9) {
        0 | 1 if !bytes.is_empty() => {
            bytes[place] ^= 1 << chance.below(8);
            format!("a bit of {name} at {place}")
        }
        2 => {
            bytes.truncate(place);
            format!("{name} ends at {place}")
        }
        3 => {
            bytes.extend_from_slice(&[0; 9][..1 + chance.below(9)]);
            format!("{name} goes on")
        }
        4 => {
            let end = bytes.len().min(place + 1 + chance.below(64));
            bytes[place..end].fill(0);
            format!("zeros in {name} from {place} to {end}")
        }
        5 => {
            let other = chance.below(files.len());
            let bytes = std::mem::take(&mut files[at].1);
            files[at].1 = std::mem::replace(&mut files[other].1, bytes);
            format!("{name} and {} trade places", files[other].0.display())
        }
        6 => {
            files.remove(at);
            format!("{name} is missing")
        }
        7 => {
            let other = &others[chance.below(others.len())];
            let other = &other[chance.below(other.len())];
            files[at].1.clone_from(&other.1);
            format!("{name} is {}", other.0.display())
        }
        8 => {
            let digit = char::from(b'0' + chance.below(4) as u8).to_string();
            let renamed = name.replacen(|c: char| c.is_ascii_digit(), &digit, 1 + chance.below(3));
            files[at].0.set_file_name(&renamed);
            format!("{name} is called {renamed}")
        }
        _ => {
            let other = &others[chance.below(others.len())];
            let before = files.len();
            files.extend(other.iter().filter(|_| chance.below(2) == 0).cloned());
            format!("{} files of another checkpoint", files.len() - before)
        }
    }
}

/// Changes what was kept so many times, and takes it up; says how often that was refused, and how often harmless.
fn changed(case: &Case, how: How, changes: u64, seed: u64) -> (u64, u64) {
    let truth = undisturbed(case, how);
    let files = killed(case, how, 6).files();
    let others = [
        killed(case, how, 3).files(),
        killed(case, how.by(1 + how.workers % 3), 6).files(),
        killed(&foreign(), how, 6).files(),
    ];
    let (folder, mut chance) = (Folder::new(), Chance(seed));
    let (mut refused, mut harmless) = (0, 0);
    for n in 0..changes {
        let mut files = files.clone();
        let mut told = change(&mut files, &others, &mut chance);
        while chance.below(3) == 0 && !files.is_empty() {
            told = format!("{told}; {}", change(&mut files, &others, &mut chance));
        }
        let told = format!("{} {how:?} {n}: {told}", case.name);
        folder.fill(&files);
        let others = how.by(1 + chance.below(3));
        let resumed = if chance.below(2) == 0 {
            folder.resume(case, others)
        } else {
            folder.finish(case, others)
        };
        match resumed {
            Ok(verdict) => {
                assert_eq!(verdict, truth, "{told}");
                harmless += 1;
            }
            Err(Trouble::BadInput(bad)) => {
                let named = PathBuf::from(&bad.file);
                assert!(named.starts_with(&folder.0), "{told}: {bad}");
                refused += 1;
            }
            Err(trouble) => panic!("{told}: {trouble:?}"),
        }
    }
    (refused, harmless)
}

/// So many changes for each case, and way to search it.
fn campaign(changes: u64, seeds: RangeFrom<u64>) -> (u64, u64) {
    let (mut refused, mut harmless) = (0, 0);
    let all = [broken(), sound()]
        .into_iter()
        .flat_map(|case| hows().map(move |how| (case.clone(), how)));
    for ((case, how), seed) in all.zip(seeds) {
        let (some, none) = changed(&case, how, changes, seed);
        (refused, harmless) = (refused + some, harmless + none);
    }
    println!("{refused} refused, {harmless} harmless");
    (refused, harmless)
}

#[test]
#[cfg_attr(
    windows,
    ignore = "thousands of searches: Wine takes minutes for the same bytes"
)]
fn what_was_changed_is_refused_or_comes_to_the_same() {
    let (refused, harmless) = campaign(400, 0..);
    // A change of what is of no use is harmless.
    assert!(refused > 2_000 && harmless > 50);
}

#[test]
#[ignore = "10,000 searches take minutes; tests/campaigns.sh runs it"]
fn what_was_changed_in_more_ways_is_refused_or_comes_to_the_same() {
    let (refused, harmless) = campaign(834, 1_000..);
    assert!(refused > 4_000 && refused + harmless > 10_000);
}

/// A manifest whose checksum is right says what nobody can have found in this scenario: it is refused, not used.
#[test]
fn what_is_of_another_scenario_is_refused() {
    let lies: [fn(&mut Known); 9] = [
        |known| known.summary.shown.push(true),
        |known| known.summary.shown.clear(),
        |known| known.summary.worst = Some(conviction(ViolationFields::Always(7), 1)),
        |known| known.summary.worst = Some(conviction(ViolationFields::Builtin(999), 1)),
        |known| known.summary.worst = Some(conviction(ViolationFields::AtEnd(0), u32::MAX)),
        |known| known.summary.transitions = u64::MAX,
        |known| known.states = u64::MAX,
        |known| known.depth = u32::MAX,
        |known| known.depth_max = known.depth + 1,
    ];
    let (case, how) = (sound(), hows().next().expect("there is one"));
    let kept = killed(&case, how, 6);
    for (n, lie) in lies.into_iter().enumerate() {
        let folder = Folder::new();
        let mut files = kept.files();
        for (path, bytes) in &mut files {
            if path.extension().is_some_and(|it| it == "manifest") {
                let mut manifest = unseal(bytes).expect("it is whole");
                lie(&mut manifest.known);
                *bytes = seal(&manifest).into_bytes();
            }
        }
        folder.fill(&files);
        match folder.resume(&case, how) {
            Err(Trouble::BadInput(bad)) => assert!(PathBuf::from(&bad.file).starts_with(&folder.0)),
            other => panic!("lie {n}: {other:?}"),
        }
    }
}

fn conviction(violation: ViolationFields, steps: u32) -> Conviction {
    Conviction {
        steps,
        violation,
        state: 0,
        last: None,
    }
}
