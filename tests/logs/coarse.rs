//! Logs of a coarse clock: many calls of each thread begin and end at the same time.

use std::collections::VecDeque;
use std::fmt::Write as _;

use portsim::log::Format;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::{map, read, verdict};

const MAP: &str = r#"{ "format": "portsim-map/1", "unit": "ms", "thread": "who", "call": "call", "begin": "from", "end": "to",
    "key": "key", "error": "error", "timeout": "none", "calls": { "put": "post", "take": "get", "poll": "get" } }"#;

/// What a queue does wrong.
#[derive(Clone, Copy, PartialEq)]
enum Fault {
    None,
    Loses,
    GivesTwice,
    GivesTheLast,
}

/// A queue of two threads that put, some that take, and one that looks; the lines in the order in which calls were over.
/// As many calls as this begin in one tick of the clock. Keys come again if there are so few.
fn log(seed: u64, takers: u64, in_a_tick: u64, keys: u64, fault: Fault) -> String {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut below = |n: u64| rng.next_u64() % n;
    let threads = 2 + takers;
    let (mut queue, mut free) = (VecDeque::new(), vec![0; threads as usize + 1]);
    let mut rows: Vec<(u64, String)> = Vec::new();
    let (mut now, mut put, mut wrong) = (0, 0, 0);
    while put < 400 {
        now += 1 + below(3);
        let is_wrong = put > 250 && wrong == 0;
        let whose = below(threads + 1);
        if free[whose as usize] > now {
            continue;
        }
        let (begin, end) = (now, now + below(8));
        let (call, key, error) = match whose {
            0 | 1 => {
                put += 1;
                let key = put % keys;
                match fault {
                    Fault::Loses if is_wrong => wrong += 1,
                    Fault::GivesTwice if is_wrong => {
                        wrong += 1;
                        queue.extend([key, key]);
                    }
                    _ => queue.push_back(key),
                }
                ("put", key.to_string(), "")
            }
            _ if queue.is_empty() && whose == threads => ("poll", String::new(), "none"),
            _ if queue.is_empty() => continue,
            _ => {
                let last = fault == Fault::GivesTheLast && is_wrong && queue.len() > 2;
                wrong += u64::from(last);
                let key = if last {
                    queue.pop_back()
                } else {
                    queue.pop_front()
                };
                let call = if whose == threads { "poll" } else { "take" };
                (call, key.expect("it has one").to_string(), "")
            }
        };
        free[whose as usize] = end + 1;
        let tick = 4 * in_a_tick;
        let (from, to) = (begin / tick, end / tick);
        rows.push((end, format!("w{whose},{call},{from},{to},{key},{error}")));
    }
    rows.sort_by_key(|(end, _)| *end);
    let mut text = "who,call,from,to,key,error\n".to_owned();
    for (_, row) in rows {
        let _ = writeln!(text, "{row}");
    }
    text
}

/// What a queue did is admitted however coarse the clock, and what it did wrong is refused where packets can be told apart.
#[test]
fn a_clock_may_be_coarse() {
    let map = map(MAP);
    let judged = |text: &str, system: &str| verdict(&read(Format::Csv, &map, text), system);
    for in_a_tick in [1, 10, 100, 10_000] {
        for (takers, keys) in [(1, u64::MAX), (4, u64::MAX), (4, 20), (12, u64::MAX)] {
            for system in ["windows", "condvar"] {
                let text = log(in_a_tick, takers, in_a_tick, keys, Fault::None);
                let what = format!("{in_a_tick} in a tick, {takers} takers, {keys} keys, {system}");
                assert_eq!(judged(&text, system), None, "{what}");
            }
        }
    }
    for fault in [Fault::Loses, Fault::GivesTwice, Fault::GivesTheLast] {
        let text = log(7, 1, 10, u64::MAX, fault);
        assert!(judged(&text, "windows").is_some(), "it does wrong");
    }
}
