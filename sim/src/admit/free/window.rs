//! What a refusal says: the fewest events that no order explains, and what was allowed.
//!
//! A refusal is a proof. In the last layer stand all places in which the model can be when everything that had ended
//! before is over, and from none of them the next call can end as it did. Only the calls that are open there and had
//! begun by then can have to do with it. Of those, calls that might as well have had any answer are left out. What was over
//! is in the places; the last call of each thread says where it stands.

use std::collections::BTreeSet;

use portsim_model::claim::Claim;
use portsim_model::event::Outcome;
use portsim_model::machine::AnyMachine;
use portsim_model::program::PacketId;

use super::calls::{Call, Calls};
use super::layers::Layer;
use super::place::Numbers;
use super::steps::{Does, Next};
use super::{Judge, Limits, Place, Search};
use crate::admit::Refusal;
use crate::names::Names;
use crate::trace::{Answer, Heard, Shown, answer, cells};

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
            Some(place) => Some(self.call(place)),
            None => open.first().map(|&n| self.call(n as u32 - 1)),
        };
        let (at, saw) = match call {
            Some(call) => (call.n, self.words(call)),
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

    /// Where a judge gave up: the calls that were open in the last places it came to.
    pub(super) fn stuck(&self, last: &Layer) -> Refusal {
        let until = self.end_at(last.from);
        let (mut open, mut allowed) = (BTreeSet::new(), BTreeSet::new());
        let (mut after, mut by) = (BTreeSet::new(), Vec::new());
        for place in last.places.iter().take(1) {
            let calls = self.next_of_all(place).filter(|call| call.t0 <= until);
            open.extend(calls.map(|call| call.n));
            after.extend(self.last_of_all(place));
            self.allow(place, &mut allowed, &mut by);
        }
        let call = self.ends.get(last.from).map(|&place| self.call(place));
        Refusal {
            at: call.map_or(1, |call| call.n),
            saw: call.map_or("the end".to_owned(), |call| self.words(call)),
            allowed: allowed.into_iter().collect(),
            by,
            window: open.into_iter().collect(),
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
        for does in self.all_next(place) {
            self.take(place, does, Heard::asking(true), |heard, state, numbers| {
                for claim in heard.by.iter().flatten() {
                    if !by.contains(claim) {
                        by.push(claim);
                    }
                }
                if self.is_alone(place, heard, &state) || matches!(does, Does::Unseen(..)) {
                    return;
                }
                let words = self.shown(place, heard, numbers);
                if !words.is_empty() {
                    allowed.insert(words.join(", "));
                }
            });
        }
    }

    /// What can move in a place, whatever the times say; of a log, what it tells its threads to do by then.
    fn all_next(&self, place: &Place) -> Vec<Does> {
        if self.feed.is_some() {
            let (nexts, _) = self.nexts(place);
            return nexts
                .into_iter()
                .rev()
                .map(|Next { does, .. }| does)
                .collect();
        }
        let mut movers = Vec::new();
        let _ = self.machine.movers(&place.state, &mut movers);
        movers.into_iter().map(Does::Moves).collect()
    }

    /// What a step shows, in words: a call, and returns in the order of the threads.
    fn shown(&self, place: &Place, heard: &Heard, numbers: &Numbers) -> Vec<String> {
        let mut returned = heard.returned.clone();
        returned.sort_by_key(|(thread, ..)| *thread);
        let mut words = Vec::new();
        if let Some((thread, op)) = heard.called {
            let own = returned.iter().position(|(who, ..)| *who == thread);
            let answer = own.map(|own| self.answered(returned.remove(own).2, numbers));
            let posts = self.next(place, thread).and_then(|call| call.posts);
            let shown = Shown::Call { thread, op, answer };
            words.push(self.said(&shown, posts));
        }
        // At full speed nobody sees where a thread parked: a call that returns is shown whole, as those of the trace are.
        for (thread, op, outcome) in returned {
            let answer = Some(self.answered(outcome, numbers));
            let posts = self.next(place, thread).and_then(|call| call.posts);
            words.push(self.said(&Shown::Call { thread, op, answer }, posts));
        }
        words
    }

    /// How a call ended, with the packets for which the numbers stand.
    fn answered(&self, outcome: Outcome, numbers: &Numbers) -> Answer {
        let packet = |id: &PacketId| {
            let packet = self.calls.packets().get(numbers.packet(id.0) as usize);
            packet.copied().unwrap_or_default()
        };
        let (program, os_error) = (self.machine.program(), self.machine.os_error());
        match (answer(program, os_error, outcome), outcome) {
            (Answer::Packet(_), Outcome::Packet(id)) => Answer::Packet(packet(&id)),
            (Answer::Packets(_), Outcome::Packets(batch)) => {
                Answer::Packets(batch.packets().iter().map(packet).collect())
            }
            (Answer::Partial(name, _), Outcome::Partial(batch)) => {
                Answer::Partial(name, batch.packets().iter().map(packet).collect())
            }
            (answer, _) => answer,
        }
    }

    /// A call in words.
    pub(super) fn words(&self, call: Call) -> String {
        words_of(self.machine, self.names, self.calls, call)
    }

    fn said(&self, shown: &Shown, posts: Option<u32>) -> String {
        said(self.machine, self.names, self.calls, shown, posts)
    }
}

/// The call of a number, in words.
pub(super) fn words_of(
    machine: &dyn AnyMachine,
    names: &Names,
    calls: &Calls,
    call: Call,
) -> String {
    let name = |error| (machine.os_error())(error).name.to_owned();
    let (thread, op) = (call.thread, call.op);
    let answer = calls.answer(call.said, name);
    let shown = Shown::Call { thread, op, answer };
    said(machine, names, calls, &shown, call.posts)
}

fn said(
    machine: &dyn AnyMachine,
    names: &Names,
    calls: &Calls,
    shown: &Shown,
    posts: Option<u32>,
) -> String {
    let thread = &names.threads[shown.thread().index()];
    let cell = match (shown, posts) {
        // The packets of a log are none of a program's.
        (Shown::Call { thread, op, answer }, Some(posts)) => {
            let mut program = machine.program().clone();
            program.packets.insert(0, calls.packets()[posts as usize]);
            let (thread, answer) = (*thread, answer.clone());
            let op = op.of_packet(PacketId(0));
            cells::cell(names, &program, &Shown::Call { thread, op, answer })
        }
        _ => cells::cell(names, machine.program(), shown),
    };
    format!("{thread}: {cell}")
}
