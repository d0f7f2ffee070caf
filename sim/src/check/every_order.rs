//! What workers share, in every order in which they can take their steps, with every value that a weak memory lets them
//! read: no state is kept twice or lost while the table grows, whether by its fingerprint or whole, the smallest parent
//! stays, and what was done before a meeting is there behind it.
//!
//! RUSTFLAGS='--cfg loom' cargo test -p portsim --lib --profile loom --target-dir target/loom check::every_order

use std::sync::Arc;

use loom::thread;

use super::meeting::Meeting;
use super::numbers::Numbers;
use super::queue::{Filling, Pile};
use super::sync::{AtomicU64, Mutex, Ordering};
use super::visited::{Origin, Visited};
use super::whole::Whole;

/// Tries every order of at most so many preemptions.
fn every_order(preemptions: Option<usize>, body: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = preemptions;
    model.check(body);
}

/// So many workers side by side; what they have added together.
fn all_at_once<W>(workers: usize, work: impl Fn(usize) -> W) -> u64
where
    W: FnOnce() -> u64 + Send + 'static,
{
    let others: Vec<_> = (1..workers).map(|it| thread::spawn(work(it))).collect();
    let own = work(0)();
    let added = others
        .into_iter()
        .map(|it| it.join().expect("it does not panic"));
    added.sum::<u64>() + own
}

/// Workers that add states, each with a parent of its own, to one table of one line.
fn add(preemptions: Option<usize>, workers: &'static [&'static [u64]]) {
    every_order(preemptions, move || {
        let visited = Arc::new(Visited::new());
        let work = |worker: usize| {
            let visited = Arc::clone(&visited);
            move || {
                let (prints, parents) = (workers[worker], [worker as u64 + 1; 8]);
                let mut new = 0;
                visited.insert_all(prints, &parents[..prints.len()], 1, |_| new += 1);
                new
            }
        };
        let new = all_at_once(workers.len(), work);
        let mut all: Vec<u64> = workers.concat();
        all.sort_unstable();
        all.dedup();
        assert_eq!(new, all.len() as u64, "each is new once");
        assert_eq!(visited.len(), all.len() as u64);
        for print in all {
            let first = workers.iter().position(|it| it.contains(&print));
            let parent = first.expect("somebody has it") as u64 + 1;
            assert_eq!(visited.from(print), Some(Origin { parent, depth: 1 }));
        }
    });
}

#[test]
fn two_workers_add_the_same() {
    add(None, &[&[1, 2], &[2, 1]]);
}

#[test]
fn three_workers_add_the_same() {
    add(Some(3), &[&[1], &[1, 2], &[2, 1]]);
}

#[test]
fn a_table_grows_between_them() {
    add(Some(3), &[&[1, 2, 3], &[4, 5, 3]]);
}

#[test]
fn a_table_grows_between_three() {
    add(Some(2), &[&[1, 2], &[3, 4], &[5, 2]]);
}

/// Workers that number cells, for few of which there is room.
fn number(preemptions: Option<usize>, workers: &'static [&'static [u64]]) {
    every_order(preemptions, move || {
        let numbers = Arc::new(Numbers::<1>::new());
        let work = |worker: usize| {
            let numbers = Arc::clone(&numbers);
            move || {
                let of = |&cell: &u64| {
                    let number = numbers.of(numbers.place_of(&[cell]), &[cell])?;
                    assert_eq!(numbers.cell(number), [cell], "it was written before");
                    Some((cell, number))
                };
                workers[worker].iter().map(of).collect::<Vec<_>>()
            }
        };
        let others: Vec<_> = (1..workers.len())
            .map(|it| thread::spawn(work(it)))
            .collect();
        let mut all = work(0)();
        for other in others {
            all.extend(other.join().expect("it does not panic"));
        }
        let mut all: Vec<_> = all.into_iter().flatten().collect();
        all.sort_unstable();
        all.dedup();
        assert!(!all.is_empty(), "there is room for some");
        for pair in all.windows(2) {
            assert!(pair[0].0 != pair[1].0, "a cell has one number: {pair:?}");
            let one = all.iter().filter(|it| it.1 == pair[0].1);
            assert_eq!(one.count(), 1, "a number is of one cell");
        }
    });
}

#[test]
fn two_workers_number_the_same() {
    number(None, &[&[1, 2], &[2, 1]]);
}

#[test]
fn three_workers_number_the_same() {
    number(Some(3), &[&[1], &[1, 2], &[2]]);
}

/// Workers that add whole states, of two leaves each, while there is room for two leaves at first.
fn add_whole(preemptions: Option<usize>, workers: &'static [&'static [u8]]) {
    every_order(preemptions, move || {
        let whole = Arc::new(Whole::new(16));
        let work = |worker: usize| {
            let whole = Arc::clone(&whole);
            move || {
                let state = |&it: &u8| [it; 16];
                let states: Vec<u8> = workers[worker].iter().flat_map(state).collect();
                let (parents, mut new) = ([worker as u64 + 1; 8], 0);
                let parents = &parents[..workers[worker].len()];
                whole.insert_all(parents, &states, 1, |_| new += 1);
                new
            }
        };
        let new = all_at_once(workers.len(), work);
        let mut all = workers.concat();
        all.sort_unstable();
        all.dedup();
        assert_eq!(new, all.len() as u64, "each is new once");
        let mut found = Vec::new();
        let told = whole.for_each(0, 1, |state, origin| {
            let first = workers.iter().position(|it| it.contains(&state[0]));
            let parent = first.expect("somebody has it") as u64 + 1;
            assert_eq!(origin, Origin { parent, depth: 1 });
            assert_eq!(state, [state[0]; 16]);
            found.push(state[0]);
            Ok::<_, ()>(())
        });
        found.sort_unstable();
        assert_eq!((told, found), (Ok(()), all));
    });
}

#[test]
fn two_workers_add_the_same_whole() {
    add_whole(Some(3), &[&[1], &[1]]);
}

#[test]
fn leaves_grow_between_them() {
    add_whole(Some(2), &[&[1, 2, 3], &[4, 3]]);
}

/// A leader and its helpers go through two depths. Each takes what waits, and leaves something for the next.
fn depths(preemptions: Option<usize>, helpers: usize) {
    every_order(preemptions, move || {
        let meeting = Arc::new(Meeting::new());
        let piles = Arc::new([Pile::new(1), Pile::new(1)]);
        let taken = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::new(AtomicU64::new(0));
        let expand = {
            let (piles, taken, notes) =
                (Arc::clone(&piles), Arc::clone(&taken), Arc::clone(&notes));
            move |depth: usize| {
                while let Some(block) = piles[depth % 2].take() {
                    let mut next = Filling::of(&piles[(depth + 1) % 2]);
                    for (print, _) in block.states(1) {
                        taken.lock().expect("nobody panics").push((depth, print));
                        next.push(print + 10, &[0]);
                    }
                    next.finish();
                }
                notes.fetch_add(1, Ordering::Relaxed);
            }
        };
        for print in [1, 2] {
            let mut filling = Filling::of(&piles[0]);
            filling.push(print, &[0]);
            filling.finish();
        }
        let threads: Vec<_> = (0..helpers)
            .map(|_| {
                let (meeting, expand) = (Arc::clone(&meeting), expand.clone());
                thread::spawn(move || {
                    let mut number = 0;
                    while let Some(depth) = meeting.next(&mut number) {
                        expand(depth);
                        meeting.finish();
                    }
                })
            })
            .collect();
        for depth in 0..2 {
            meeting.call(depth, helpers);
            expand(depth);
            meeting.wait();
            assert_eq!(piles[depth % 2].len(), 0);
            assert_eq!(piles[(depth + 1) % 2].len(), 2);
            let done = notes.load(Ordering::Relaxed);
            assert_eq!(done, ((depth + 1) * (helpers + 1)) as u64);
        }
        meeting.end();
        for thread in threads {
            thread.join().expect("it does not panic");
        }
        let mut taken = taken.lock().expect("nobody panics").clone();
        taken.sort_unstable();
        assert_eq!(taken, [(0, 1), (0, 2), (1, 11), (1, 12)]);
    });
}

#[test]
fn a_leader_and_a_helper_go_through_the_depths() {
    depths(Some(3), 1);
}

#[test]
fn a_leader_and_two_helpers_go_through_the_depths() {
    depths(Some(1), 2);
}
