//! Every operation that a generator can draw, and every way to declare what they speak of: for those who go through all
//! small scenarios.

use portsim_model::choice::{Alternatives, Answers};

use super::draw::{Draw, PORTS};
use super::kinds::KINDS;
use super::parts::parts;
use crate::draft::{Call, Part};

/// From this number on, numbers are keys: each becomes the next when a scenario is written.
pub(crate) const FIRST_KEY: i64 = 1_000_000;

/// How things are declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Variant {
    /// How many threads of a port may run.
    pub concurrency: usize,
    /// Whether sources can be read from the start.
    pub readable: bool,
}

/// Answers what is asked of declarations.
impl Answers for Variant {
    fn answer(&mut self, alternatives: usize) -> usize {
        match alternatives {
            // Whether a source can be read: one in three.
            3 => usize::from(!self.readable),
            more => self.concurrency.min(more - 1),
        }
    }
}

/// Everything that operations can speak of.
pub(crate) fn parts_of(mut variant: Variant) -> Vec<Part> {
    parts(&mut variant)
}

/// Every operation on the first so many ports by threads of these names, each once; of numbers, the smallest few. What
/// belongs together with others is left out.
pub(crate) fn every(threads: &[String], ports: usize) -> Vec<Call> {
    let mut all = Vec::new();
    for kind in KINDS {
        let mut alternatives = Alternatives::default();
        loop {
            let mut draw = Draw {
                answers: &mut alternatives,
                few: true,
                ports,
                threads,
                key: FIRST_KEY,
                made: Vec::new(),
            };
            // A lone thread has no child to start.
            let may_be = kind.is_for(threads.len());
            if may_be
                && let [call] = kind.draw(&mut draw).as_slice()
                && !all.contains(call)
                && !speaks_of_more(call, ports)
            {
                all.push(call.clone());
            }
            if !may_be || !alternatives.advance() {
                break;
            }
        }
    }
    all
}

/// Whether a call speaks of a port behind the first so many.
fn speaks_of_more(call: &Call, ports: usize) -> bool {
    PORTS[ports..].iter().any(|port| call.names(port))
}

/// The same call with its keys counted on from the last one.
pub(crate) fn with_keys(mut call: Call, last: &mut i64) -> Call {
    call.numbers_mut(&mut |number| {
        if *number > FIRST_KEY {
            *last += 1;
            *number = *last;
        }
    });
    call
}
