//! All orders, from one end of a call to the next.
//!
//! A layer is every place in which the model can be when so many calls have ended, as far as something still depends on
//! it: from each, steps are taken in every order until the next call to end is over, and no step behind that (as Lowe
//! does it for linearizability: a step is taken just in time). A call that begins early for nothing is in no better place
//! than one that begins later: so a place to which a step leads from another of the layer is left out.

use std::collections::HashSet;

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
    Explained(Box<Place>),
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
            Some(Some(place)) => Went::Explained(Box::new(place)),
            Some(None) => Went::Nowhere(layer),
        }
    }

    /// The places in which one call more has ended; none where that would be too many to look at.
    pub(super) fn next_layer(&mut self, layer: &Layer, limit: usize) -> Option<Vec<Place>> {
        let call = self.judge.ends[layer.from];
        let mut seen = HashSet::new();
        let mut after = Vec::new();
        let mut open = Vec::new();
        // The likeliest was found first, and is looked at first.
        open.extend(layer.places.iter().rev().cloned());
        while let Some(place) = open.pop() {
            if !seen.insert(self.judge.fingerprint(&place)) {
                continue;
            }
            if self.judge.is_over(&place, call) {
                after.push(place);
                continue;
            }
            let kept = open.len() + after.len();
            if self.looks >= limit || self.limits.stopped() || self.is_too_much(kept, &place) {
                return None;
            }
            self.looks += 1;
            self.bounded |= self.judge.successors(&place, |next| open.push(next));
        }
        Some(self.judge.first_of(after))
    }

    /// The place in which the rest of the trace is explained from one of the last layer, where there is one; none where that
    /// would be too many to look at.
    fn last_layer(&mut self, layer: &Layer, limit: usize) -> Option<Option<Place>> {
        let mut seen = HashSet::new();
        let mut open = layer.places.clone();
        while let Some(place) = open.pop() {
            if !seen.insert(self.judge.fingerprint(&place)) {
                continue;
            }
            if self.judge.explains_all(&place) {
                return Some(Some(place));
            }
            if self.looks >= limit || self.limits.stopped() || self.is_too_much(open.len(), &place)
            {
                return None;
            }
            self.looks += 1;
            self.bounded |= self.judge.successors(&place, |next| open.push(next));
        }
        Some(None)
    }

    /// Whether so many places like this one take more memory than the judge may.
    fn is_too_much(&self, places: usize, like: &Place) -> bool {
        places.saturating_mul(like.bytes()) > self.limits.bytes_max
    }
}

impl Judge<'_> {
    /// How many calls have ended in a place that explains the trace until then.
    pub(super) fn explained(&self, place: &Place, until: u64) -> usize {
        let earlier = |&call: &u32| self.call(call).t1 < until;
        let ended = self.ends.partition_point(earlier);
        let rest = self.ends[ended..].iter();
        ended + rest.take_while(|&&call| self.is_over(place, call)).count()
    }

    /// The places of a layer without those to which a step leads from another.
    fn first_of(&self, mut places: Vec<Place>) -> Vec<Place> {
        if places.len() < 2 {
            return places;
        }
        let all: HashSet<u128> = places.iter().map(|it| self.fingerprint(it)).collect();
        let mut later = HashSet::new();
        for place in &places {
            // A step that shows something leads forward, so no two places are left out for each other.
            let progress = place.progress();
            let _ = self.successors(place, |after| {
                let fingerprint = self.fingerprint(&after);
                if after.progress() > progress && all.contains(&fingerprint) {
                    later.insert(fingerprint);
                }
            });
        }
        places.retain(|place| !later.contains(&self.fingerprint(place)));
        places
    }
}
