//! All orders, from one end of a call to the next.
//!
//! A layer is every place in which the model can be when so many calls have ended, as far as something still depends on
//! it: from each, steps are taken in every order until the next call to end is over, and no step behind that (as Lowe
//! does it for linearizability: a step is taken just in time). A call that begins early for nothing is in no better place
//! than one that begins later: so a place to which a step leads from another of the layer is left out.

use std::collections::HashSet;

use portsim_model::program::ThreadId;

use super::{Judge, Place, Search};

/// Where the model can be.
#[derive(Clone)]
pub(super) struct Layer {
    /// How many calls have ended.
    pub from: usize,
    pub places: Vec<Place>,
}

/// Where a walk from layer to layer comes to.
pub(super) enum Went {
    /// As far as was wanted.
    On(Layer),
    /// To the end of the trace.
    Explained,
    /// From none of these places, which are all that there are if the first were, the next call can end.
    Nowhere(Layer),
    OutOfLooks,
}

impl Search<'_, '_> {
    /// Goes from a layer on until so many calls have ended, as long as fewer places than the limit were looked at.
    pub(super) fn layers(&mut self, mut layer: Layer, to: usize, limit: usize) -> Went {
        while layer.from < to.min(self.judge.ends.len()) {
            let Some(places) = self.next_layer(&layer, limit) else {
                return Went::OutOfLooks;
            };
            if places.is_empty() {
                return Went::Nowhere(layer);
            }
            layer.places = places;
            layer.from += 1;
        }
        if layer.from < self.judge.ends.len() {
            return Went::On(layer);
        }
        match self.last_layer(&layer, limit) {
            None => Went::OutOfLooks,
            Some(true) => Went::Explained,
            Some(false) => Went::Nowhere(layer),
        }
    }

    /// The places in which one call more has ended; none where that would be too many to look at.
    pub(super) fn next_layer(&mut self, layer: &Layer, limit: usize) -> Option<Vec<Place>> {
        let (thread, n) = self.judge.ends[layer.from];
        let mut seen = HashSet::new();
        let mut after = Vec::new();
        let mut open = Vec::new();
        // The likeliest was found first, and is looked at first.
        open.extend(layer.places.iter().rev().cloned());
        while let Some(place) = open.pop() {
            if !seen.insert(place.fingerprint()) {
                continue;
            }
            if place.over(thread) > n {
                after.push(place);
                continue;
            }
            if self.looks >= limit {
                return None;
            }
            self.looks += 1;
            self.bounded |= self.judge.successors(&place, |next| open.push(next));
        }
        Some(self.judge.first_of(after))
    }

    /// Whether the rest of the trace is explained from a place of the last layer.
    fn last_layer(&mut self, layer: &Layer, limit: usize) -> Option<bool> {
        let mut seen = HashSet::new();
        let mut open = layer.places.clone();
        while let Some(place) = open.pop() {
            if !seen.insert(place.fingerprint()) {
                continue;
            }
            if self.judge.explains_all(&place) {
                return Some(true);
            }
            if self.looks >= limit {
                return None;
            }
            self.looks += 1;
            self.bounded |= self.judge.successors(&place, |next| open.push(next));
        }
        Some(false)
    }
}

impl Judge<'_> {
    /// How many calls have ended in a place that explains the trace until then.
    pub(super) fn explained(&self, place: &Place, until: u64) -> usize {
        let earlier = |&(thread, n): &(ThreadId, u32)| {
            self.nth(thread, n).is_some_and(|call| call.t1 < until)
        };
        let ended = self.ends.partition_point(earlier);
        let rest = self.ends[ended..].iter();
        ended
            + rest
                .take_while(|&&(thread, n)| place.over(thread) > n)
                .count()
    }

    /// The places of a layer without those to which a step leads from another.
    fn first_of(&self, mut places: Vec<Place>) -> Vec<Place> {
        if places.len() < 2 {
            return places;
        }
        let all: HashSet<u128> = places.iter().map(Place::fingerprint).collect();
        let mut later = HashSet::new();
        for place in &places {
            // A step that shows something leads forward, so no two places are left out for each other.
            let progress = place.progress();
            let _ = self.successors(place, |after| {
                let fingerprint = after.fingerprint();
                if after.progress() > progress && all.contains(&fingerprint) {
                    later.insert(fingerprint);
                }
            });
        }
        places.retain(|place| !later.contains(&place.fingerprint()));
        places
    }
}
