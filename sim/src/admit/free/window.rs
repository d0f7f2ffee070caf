//! What a refusal says: the fewest events that no order explains, and what was allowed.
//!
//! A refusal is a proof. In the last layer stand all places in which the model can be when everything that had ended
//! before is over, and from none of them the next call can end as it did. Only the calls that are open there and had
//! begun by then can have to do with it. Of those, calls that might as well have had any answer are left out. What was over
//! is in the places; the last call of each thread says where it stands.

use std::collections::BTreeSet;

use portsim_model::claim::Claim;

use super::layers::Layer;
use super::{Judge, Limits, Place, Search};
use crate::admit::Refusal;
use crate::trace::{Shown, Watcher, cells};

/// The most places that are looked at to leave one event out.
const LOOKS_EACH: usize = 20_000;

impl<'s> Judge<'s> {
    /// No order explains the call that ends next, from any of these places.
    pub(super) fn refuse(&mut self, last: &Layer) -> Refusal {
        let ends = self.ends.get(last.from).copied();
        let until = self.end_at(last.from);
        let mut open = BTreeSet::new();
        let mut allowed = BTreeSet::new();
        let mut after = BTreeSet::new();
        let mut by = Vec::new();
        for place in &last.places {
            let calls = self.next_of_all(place).filter(|call| call.t0 <= until);
            open.extend(calls.map(|call| call.n));
            after.extend(self.last_of_all(place));
            self.allow(place, &mut allowed, &mut by);
        }
        let call = match ends {
            Some((thread, n)) => self.nth(thread, n),
            None => open.first().and_then(|&n| self.call(n as u32 - 1)),
        };
        let (at, saw) = match call {
            Some(call) => (call.n, self.words(call.shown)),
            None => (1, "the end".to_owned()),
        };
        Refusal {
            at,
            saw,
            allowed: allowed.into_iter().collect(),
            by,
            window: match ends {
                Some(_) => self.without_bystanders(last, open, at),
                None => open.into_iter().collect(),
            },
            after: after.into_iter().collect(),
        }
    }

    /// The open calls without those that might have had any answer, and still the call could not end so.
    fn without_bystanders(&mut self, last: &Layer, open: BTreeSet<u64>, at: u64) -> Vec<u64> {
        let mut window = Vec::new();
        for n in open {
            self.loose.push(n);
            if n == at || !self.leads_nowhere(last) {
                self.loose.pop();
                window.push(n);
            }
        }
        window
    }

    fn leads_nowhere(&self, last: &Layer) -> bool {
        let mut search = Search::new(self, Limits::default());
        let next = search.next_layer(last, LOOKS_EACH);
        !search.bounded && next.is_some_and(|places| places.is_empty())
    }

    /// The last call of each thread that is over.
    fn last_of_all<'p>(&'p self, place: &'p Place) -> impl Iterator<Item = u64> + use<'p, 's> {
        let threads = self.machine.program().thread_ids();
        threads.filter_map(|thread| {
            let last = place.over(thread).checked_sub(1)?;
            self.nth(thread, last).map(|call| call.n)
        })
    }

    /// Adds what the model could show next in a place.
    fn allow(&self, place: &Place, allowed: &mut BTreeSet<String>, by: &mut Vec<&'static Claim>) {
        let _ = self.machine.enabled(&place.state, |step| {
            let mut state = place.state.clone();
            let mut watcher = Watcher::asking_why(self.machine.program(), self.machine.os_error());
            self.machine.take(&mut state, step, &mut watcher);
            let mut events = Vec::new();
            watcher.finish(step, &mut events);
            for claim in events.iter().flat_map(|event| &event.by) {
                if !by.contains(claim) {
                    by.push(claim);
                }
            }
            if self.overlooks_alone(place, &events) {
                return;
            }
            let shown = events
                .iter()
                .filter(|event| !matches!(event.shown, Shown::Silent { .. }));
            let words: Vec<_> = shown.map(|event| self.words(&event.shown)).collect();
            if !words.is_empty() {
                allowed.insert(words.join(", "));
            }
        });
    }

    pub(super) fn words(&self, shown: &Shown) -> String {
        let thread = &self.names.threads[shown.thread().index()];
        let cell = cells::cell(self.names, self.machine.program(), shown);
        format!("{thread}: {cell}")
    }
}
