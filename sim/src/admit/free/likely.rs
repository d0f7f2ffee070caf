//! The likeliest order, followed with a short memory.
//!
//! Depth first: from each place the step that the times suggest is taken, and the others are put aside, untaken. What was
//! put aside long ago is forgotten, and so is what was seen. So this can find an order, and cannot say that there is none.
//! Some places of the way are kept, the fewer the farther back, for those who have to go back.

use std::collections::HashSet;
use std::mem;
use std::rc::Rc;

use super::layers::Layer;
use super::steps::Next;
use super::{Judge, Place, Search};

/// The most places from which steps are put aside.
const ASIDE_MAX: usize = 16_384;

/// As many places are known again.
const SEEN_MAX: usize = 262_144;

/// How many ends of calls lie between two places that are kept.
const APART: usize = 16;

/// The most places of the way that are kept.
const KEPT_MAX: usize = 64;

/// The way so far.
pub(super) struct Likely {
    aside: Vec<Aside>,
    /// Fingerprints of places, in two generations.
    seen: HashSet<u128>,
    older: HashSet<u128>,
    /// Until when the trace is explained, and how many calls had ended by then.
    until: u64,
    at: usize,
    looks: usize,
    kept: Vec<Layer>,
}

/// Steps that were not taken.
struct Aside {
    /// From where.
    place: Rc<Place>,
    /// The likeliest last.
    nexts: Vec<Next>,
}

/// Where the way ends.
pub(super) enum Stuck {
    /// It explains the trace.
    Explained(Box<Place>),
    /// It leads no further than so many ends of calls.
    At(usize),
    OutOfLooks,
}

impl Likely {
    pub(super) fn new(judge: &Judge<'_>, layer: Layer) -> Likely {
        let mut likely = Likely {
            aside: Vec::new(),
            seen: HashSet::new(),
            older: HashSet::new(),
            until: 0,
            at: 0,
            looks: 0,
            kept: Vec::new(),
        };
        likely.begin(judge, layer.places);
        likely
    }

    /// Puts all steps from some places aside, those from the first on top.
    fn begin(&mut self, judge: &Judge<'_>, places: Vec<Place>) {
        for place in places.into_iter().rev() {
            let (nexts, _) = judge.due(&place);
            let place = Rc::new(place);
            self.aside.push(Aside { place, nexts });
        }
    }

    /// Goes on until the calls are explained, or nothing likely leads on: until so many places were looked at without a
    /// further call explained.
    pub(super) fn follow(&mut self, search: &mut Search<'_, '_>, patience: usize) -> Stuck {
        let explains = |it: &&Aside| search.judge.explains_all(&it.place);
        if let Some(aside) = self.aside.iter().find(explains) {
            return Stuck::Explained(Box::new((*aside.place).clone()));
        }
        while self.looks <= patience
            && let Some(last) = self.aside.last_mut()
        {
            let Some(next) = last.nexts.pop() else {
                self.aside.pop();
                continue;
            };
            let place = Rc::clone(&last.place);
            let mut places = Vec::new();
            search.bounded |= search
                .judge
                .follow(&place, next.does, |after| places.push(after));
            for place in places.into_iter().rev() {
                if !self.is_new(search.judge.fingerprint(&place)) {
                    continue;
                }
                if search.judge.explains_all(&place) {
                    return Stuck::Explained(Box::new(place));
                }
                if search.looks >= search.limits.looks_until(self.at) || search.limits.stopped() {
                    return Stuck::OutOfLooks;
                }
                search.looks += 1;
                self.looks += 1;
                self.note(search, &place);
                let (nexts, bounded) = search.judge.due(&place);
                search.bounded |= bounded;
                let place = Rc::new(place);
                self.aside.push(Aside { place, nexts });
            }
            if self.aside.len() > ASIDE_MAX {
                self.aside.drain(..ASIDE_MAX / 2);
            }
        }
        Stuck::At(self.at)
    }

    /// Whether something was put aside.
    pub(super) fn has_more(&self) -> bool {
        !self.aside.is_empty()
    }

    /// The last places that were kept; those that are known where there are none.
    pub(super) fn last(&self, known: Layer) -> Layer {
        self.kept.last().cloned().unwrap_or(known)
    }

    /// The last places that were kept before so many ends, and behind so many.
    pub(super) fn before(&self, at: usize, behind: usize) -> Option<Layer> {
        let kept = self.kept.iter().rev();
        let mut kept = kept.skip_while(|layer| layer.from > at);
        kept.next().filter(|layer| layer.from > behind).cloned()
    }

    /// Somebody else found a way to these places.
    pub(super) fn go_on_from(&mut self, judge: &Judge<'_>, layer: Layer) {
        self.kept.retain(|kept| kept.from < layer.from);
        self.aside.clear();
        // Those that were found first are the likeliest.
        self.begin(judge, layer.places.clone());
        self.seen.clear();
        self.older.clear();
        (self.until, self.at, self.looks) = (0, layer.from, 0);
        self.keep(layer);
    }

    /// Whether a place was not met lately.
    fn is_new(&mut self, fingerprint: u128) -> bool {
        if self.older.contains(&fingerprint) || !self.seen.insert(fingerprint) {
            return false;
        }
        if self.seen.len() >= SEEN_MAX {
            self.older = mem::take(&mut self.seen);
        }
        true
    }

    /// Notes how far the way leads.
    fn note(&mut self, search: &Search<'_, '_>, place: &Place) {
        let until = search.judge.until(place);
        if until <= self.until {
            return;
        }
        self.until = until;
        let at = search.judge.explained(place, until);
        if at > self.at {
            (self.at, self.looks) = (at, 0);
            if self.kept.last().is_none_or(|kept| kept.from + APART <= at) {
                let places = vec![place.clone()];
                self.keep(Layer { from: at, places });
            }
        }
    }

    /// Keeps places; of those kept before, fewer and fewer the farther back.
    fn keep(&mut self, layer: Layer) {
        self.kept.push(layer);
        if self.kept.len() > KEPT_MAX {
            let mut n = 0;
            self.kept.retain(|_| {
                n += 1;
                n > KEPT_MAX / 2 || n % 2 == 0
            });
        }
    }
}
