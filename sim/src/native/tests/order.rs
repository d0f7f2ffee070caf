//! Who is woken, and which packet is next.

use std::time::Instant;

use super::*;

/// Six threads wait, six packets are posted one by one: the newest waiter is released each time. One program,
/// 10,000 rounds.
#[test]
fn the_newest_waiter_wakes_first_in_10_000_rounds() {
    const ROUNDS: usize = 10_000;
    let mut threads = vec![forever([get()]); 6];
    threads.push(forever([post(1)]));
    let round = [0, 1, 2, 3, 4, 5, 6, 6, 6, 6, 6, 6];
    let turns: Vec<_> = round.repeat(ROUNDS);
    let program = slated(program(threads), &turns);
    let options = Options {
        turns_max: u64::MAX,
        ..Options::default()
    };
    let policy = || Policy::Fair.seeded(1);
    let start = Instant::now();
    let recording = record(backend("epoll").unwrap(), &program, &policy, &options).unwrap();
    let seconds = start.elapsed().as_secs_f64();
    let mut woken = returns(&recording);
    for round in 0..ROUNDS {
        let order: Vec<_> = woken.by_ref().take(6).collect();
        assert_eq!(order, [5, 4, 3, 2, 1, 0], "round {round}");
    }
    assert_eq!(woken.next(), None);
    let rate = turns.len() as f64 / seconds;
    println!("{ROUNDS} rounds of 6 waiters: {seconds:.1} s, {rate:.0} calls/s");
}

/// Each post releases its waiter within its own turn; a packet nobody waits for is found at once.
#[test]
fn a_post_releases_in_its_own_turn() {
    let program = program(vec![
        once([get(), get()]),
        once([get()]),
        once([post(1), post(2), post(3)]),
    ]);
    let recording = check(
        &slated(program, &[0, 1, 2, 2, 2, 0]),
        &[
            "a! get",
            "b! get",
            "c post done",
            "b< 1",
            "c post done",
            "a< 2",
            "c post done",
            "a get 3",
        ],
    );
    assert_eq!(recording.ended, super::super::Ended::ScheduleOver);
    assert_eq!(recording.parked, []);
}

/// Packets that wait come out in the order of the posts, whole; in batches too.
#[test]
fn packets_come_out_in_the_order_of_the_posts() {
    let program = program(vec![once([
        post(3),
        post(1),
        post(2),
        post(3),
        get(),
        get_many(2),
        get_many(8),
        get_many(8),
    ])]);
    let recording = check(
        &program,
        &[
            "a post done",
            "a post done",
            "a post done",
            "a post done",
            "a get 3",
            "a get [1 2]",
            "a get [3]",
            "a get ETIMEDOUT",
        ],
    );
    assert_eq!(recording.ended, super::super::Ended::Rest);
    let first = recording.events.iter().find_map(|shown| match shown {
        Shown::Call {
            answer: Some(Answer::Packet(packet)),
            ..
        } => Some(*packet),
        _ => None,
    });
    assert_eq!(first, Some(program.packets[3]));
}

/// A thread that is robbed by a newcomer goes on waiting, and a waiter that comes later is still newer.
#[test]
fn a_newcomer_is_newer_than_all_who_wait() {
    let program = program(vec![
        forever([get()]),
        forever([get()]),
        forever([get()]),
        forever([post(1)]),
    ]);
    check(
        &slated(program, &[0, 1, 3, 2, 1, 3, 3, 3]),
        &[
            "a! get",
            "b! get",
            "d post done",
            "b< 1",
            "c! get",
            "b! get",
            "d post done",
            "b< 1",
            "d post done",
            "c< 1",
            "d post done",
            "a< 1",
        ],
    );
}

/// Four threads, the size of a usual scenario; the rate of calls is printed.
#[test]
fn four_threads_keep_the_order_at_full_speed() {
    let program = program(vec![
        forever([get()]),
        forever([get()]),
        forever([get()]),
        forever([post(1)]),
    ]);
    let turns: Vec<_> = [0, 1, 2, 3, 3, 3].repeat(2000);
    let program = slated(program, &turns);
    let start = Instant::now();
    let recording = run(&program);
    let rate = turns.len() as f64 / start.elapsed().as_secs_f64();
    println!("4 threads: {rate:.0} calls/s");
    let woken: Vec<_> = returns(&recording).collect();
    assert_eq!(woken, [2, 1, 0].repeat(2000));
}

/// The kernel is deterministic as long as one thread moves at a time: the same seed gives the same recording.
#[test]
fn the_same_seed_gives_the_same_recording() {
    let program = program(vec![
        forever([get(), post(1), get()]),
        forever([get(), get(), post(2)]),
        forever([post(3), get_many(2), get()]),
        forever([post(4), post(5), get()]),
        forever([Op::Stall, get(), post(6)]),
    ]);
    let options = Options {
        turns_max: 200,
        ..Options::default()
    };
    let play = |seed| {
        let policy = || Policy::Random.seeded(seed);
        record(backend("epoll").unwrap(), &program, &policy, &options).unwrap()
    };
    for seed in 0..40 {
        let (first, second) = (play(seed), play(seed));
        assert!(first.events.len() > 10, "seed {seed}: {first:?}");
        assert_eq!(lines(&first), lines(&second), "seed {seed}");
        assert_eq!(first, second, "seed {seed}");
    }
}

fn returns(recording: &Recording) -> impl Iterator<Item = u8> {
    let events = recording.events.iter();
    events.filter_map(|shown| match shown {
        Shown::Return { thread, .. } => Some(thread.0),
        Shown::Call { .. } | Shown::Silent { .. } => None,
    })
}
