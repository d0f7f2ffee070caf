//! In which order calls acted that a coarse clock does not part: a guess.
//!
//! Where many calls of a thread begin at the same time, times say little, and there are too many orders to try. But what
//! came of the calls says a lot, together with the order in which they were written down: a call is written down when it is
//! over, so calls acted about in that order; a packet was posted before it was taken, and what a thread did before that,
//! too; and who takes a packet has to wait until those before it are gone. So the calls are played in the order of their
//! ends, with whatever each needs in front of it.

use std::collections::{HashMap, VecDeque};

use portsim_model::event::Error;
use portsim_model::program::PortId;

use super::Judge;
use super::calls::Call;
use super::moved::{Moved, Moves, groups, moves};

/// Of so many calls one at least begins with the one before it, where a clock is coarse.
const SELDOM: usize = 16;

/// The calls in the order in which they are expected, as far as it is known.
struct Playing<'j, 's> {
    judge: &'j Judge<'s>,
    /// By the place of a take, the posts of its packets in their order.
    posts_of: HashMap<u32, Vec<u32>>,
    /// By the place of a post, the take of its packet.
    take_of: HashMap<u32, u32>,
    /// By port, the posts whose packets nobody has taken yet.
    queues: Vec<VecDeque<u32>>,
    is_played: Vec<bool>,
    /// The first time of the clock, and how far it is from one to the next.
    ticks: (u64, u64),
    /// Calls that are to be played, the next last.
    wanted: Vec<u32>,
    is_wanted: Vec<bool>,
    order: Vec<u32>,
    /// By port, how many calls had been played when its queue was last empty.
    empty: Vec<usize>,
    /// Calls that found nothing, each with how many of the others stand before it.
    vain: Vec<(usize, u32)>,
    /// By thread, how many calls had been played when its last one was.
    last_of: Vec<usize>,
}

impl Judge<'_> {
    /// When calls are expected, by their places.
    pub(super) fn guess_of_ties(&self) -> Vec<u64> {
        let mut playing = Playing::new(self);
        let mut by_end: Vec<u32> = (0..self.calls.len() as u32).collect();
        by_end.sort_by_key(|&place| (playing.when(place), place));
        for place in by_end {
            playing.play(place);
        }
        let begins = |place| self.call(place).t0;
        let mut guess: Vec<u64> = (0..self.calls.len() as u32).map(begins).collect();
        let mut last = 0;
        for place in playing.in_order() {
            last = self.call(place).t0.max(last + 1);
            guess[place as usize] = last;
        }
        guess
    }

    fn ticks(&self) -> (u64, u64) {
        let begins = || self.of.iter().flatten().map(|&place| self.call(place).t0);
        let first = begins().min().unwrap_or(0);
        match begins().map(|t0| t0 - first).fold(0, gcd) {
            0 => (first, u64::MAX),
            apart => (first, apart),
        }
    }

    /// Whether the clock parts too few calls.
    pub(super) fn is_coarse(&self) -> bool {
        let tied = |own: &Vec<u32>| {
            let pairs = own.windows(2);
            let apart = |pair: &[u32]| self.calls.line(pair[0]) != self.calls.line(pair[1]);
            let together = |pair: &[u32]| self.call(pair[0]).t0 == self.call(pair[1]).t0;
            pairs.filter(|pair| apart(pair) && together(pair)).count()
        };
        let tied: usize = self.of.iter().map(tied).sum();
        tied * SELDOM > self.calls.len()
    }
}

impl<'j, 's> Playing<'j, 's> {
    fn new(judge: &'j Judge<'s>) -> Self {
        let (posts, takes) = judge.posts_and_takes();
        let mut posts_of: HashMap<u32, Vec<u32>> = HashMap::new();
        let mut take_of = HashMap::new();
        for (posts, takes) in groups(&posts, &takes) {
            // Of packets that look alike the first to be posted is expected to be the first that is taken.
            let in_order = |of: &[Moved]| {
                let mut places: Vec<u32> = of.iter().map(|it| it.place).collect();
                places.sort_by_key(|&place| (judge.call(place).t1, judge.calls.line(place)));
                places
            };
            for (post, take) in in_order(posts).into_iter().zip(in_order(takes)) {
                posts_of.entry(take).or_default().push(post);
                take_of.insert(post, take);
            }
        }
        Playing {
            judge,
            posts_of,
            take_of,
            queues: vec![VecDeque::new(); judge.machine.program().ports.len()],
            is_played: vec![false; judge.calls.len()],
            ticks: judge.ticks(),
            wanted: Vec::new(),
            is_wanted: vec![false; judge.calls.len()],
            order: Vec::with_capacity(judge.calls.len()),
            empty: vec![0; judge.machine.program().ports.len()],
            vain: Vec::new(),
            last_of: vec![0; judge.of.len()],
        }
    }

    /// What puts the calls into the order of their ends. A post comes with the call that takes its packet, if that is over in
    /// the same tick, else behind all that is; at the end if nobody takes it.
    fn when(&self, place: u32) -> (u64, u64, u32) {
        let (first, apart) = self.ticks;
        let tick = |place: u32| self.judge.call(place).t1.saturating_sub(first) / apart;
        let line = |place: u32| self.judge.calls.line(place);
        match (moves(self.judge.call(place).op), self.take_of.get(&place)) {
            (Some(Moves::Posts(_)), None) => (u64::MAX, 0, line(place)),
            (Some(Moves::Posts(_)), Some(&take)) if tick(take) > tick(place) => {
                (tick(place), tick(take), line(take))
            }
            (Some(Moves::Posts(_)), Some(&take)) => (tick(place), 0, line(take)),
            _ => (tick(place), 0, line(place)),
        }
    }

    /// Plays a call, and before it what it needs; a circle of needs is broken anywhere.
    fn play(&mut self, place: u32) {
        self.want(place);
        while let Some(&place) = self.wanted.last() {
            if let Some(needed) = self.needs(place) {
                self.want(needed);
                continue;
            }
            self.wanted.pop();
            self.is_wanted[place as usize] = false;
            self.act(place);
        }
    }

    fn want(&mut self, place: u32) {
        if !self.is_played[place as usize] {
            self.is_wanted[place as usize] = true;
            self.wanted.push(place);
        }
    }

    /// A call that is to be played before another.
    fn needs(&self, place: u32) -> Option<u32> {
        let call = self.judge.call(place);
        let is_open = |it: &u32| !self.is_played[*it as usize] && !self.is_wanted[*it as usize];
        let nth = self.judge.nth[place as usize] as usize;
        let own = &self.judge.of[call.thread.index()];
        let before = nth.checked_sub(1).map(|before| own[before]).filter(is_open);
        let posts = self.posts_of.get(&place).map_or(&[][..], Vec::as_slice);
        let unposted = || posts.iter().copied().find(is_open);
        before.or_else(unposted).or_else(|| {
            let Some(Moves::Takes(port)) = moves(call.op) else {
                return None;
            };
            let queue = &self.queues[port.index()];
            if call.error() == Some(Error::Timeout) && self.in_vain(call, port).is_none() {
                let mut takes = queue
                    .iter()
                    .filter_map(|post| self.take_of.get(post).copied());
                return takes.find(|it| is_open(it) && self.judge.call(*it).t0 <= call.t1);
            }
            // Those in front of its last packet go first.
            let at = |post: &u32| queue.iter().position(|it| it == post);
            let last = posts.iter().filter_map(at).max()?;
            let others = queue.iter().take(last).filter(|post| !posts.contains(post));
            let mut takes = others.filter_map(|post| self.take_of.get(post).copied());
            takes.find(is_open)
        })
    }

    fn act(&mut self, place: u32) {
        self.is_played[place as usize] = true;
        let call = self.judge.call(place);
        match moves(call.op) {
            Some(Moves::Posts(port)) if self.take_of.contains_key(&place) => {
                self.queues[port.index()].push_back(place);
            }
            Some(Moves::Takes(port)) if call.error() == Some(Error::Timeout) => {
                if let Some(at) = self.in_vain(call, port) {
                    return self.vain.push((at, place));
                }
            }
            Some(Moves::Takes(port)) => self.took(place, port),
            _ => {}
        }
        self.order.push(place);
        self.last_of[call.thread.index()] = self.order.len();
        for (queue, empty) in self.queues.iter().zip(&mut self.empty) {
            if queue.is_empty() {
                *empty = self.order.len();
            }
        }
    }

    /// Behind how many calls one stands that looked while nothing was there, where that may have been lately.
    fn in_vain(&self, call: Call, port: PortId) -> Option<usize> {
        let at = self.empty[port.index()];
        let next = self.order.get(at).map(|&next| self.judge.call(next));
        let may_be = next.is_none_or(|next| next.t1 >= call.t0);
        (may_be && at >= self.last_of[call.thread.index()]).then_some(at)
    }

    /// All calls, in the order in which they are expected.
    fn in_order(&self) -> Vec<u32> {
        let others = self.order.iter().enumerate();
        let others = others.map(|(at, &place)| ((at, true), place));
        let vain = self.vain.iter().map(|&(at, place)| ((at, false), place));
        let mut all: Vec<_> = others.chain(vain).collect();
        all.sort_by_key(|(at, _)| *at);
        all.into_iter().map(|(_, place)| place).collect()
    }

    fn took(&mut self, place: u32, port: PortId) {
        let posts = self.posts_of.get(&place).map_or(&[][..], Vec::as_slice);
        let queue = &mut self.queues[port.index()];
        for post in posts {
            match queue.front() == Some(post) {
                true => drop(queue.pop_front()),
                false => queue.retain(|it| it != post),
            }
        }
    }
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}
