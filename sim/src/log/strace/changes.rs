//! Descriptors that one thread changes while another is in a call.

use std::collections::{HashMap, HashSet};

use super::Raw;
use super::descriptors::Followed;
use super::kinds::What;

/// As many calls that are in progress at the same time are looked at.
const AT_ONCE: usize = 32;

/// Calls after which a descriptor stands for something else, or for nothing.
struct Changes<'r> {
    raws: &'r [Raw],
    /// By the descriptor, in the order of their ends.
    by_fd: HashMap<i32, Vec<usize>>,
    /// Those whose time has come before they are over.
    done: HashSet<usize>,
    /// What the descriptor stood for before those that are over.
    was: HashMap<usize, usize>,
    /// Those that others have met: nobody knows on which side of them.
    met: HashSet<usize>,
}

/// Follows the calls of a log; `follows` says that a thread without a line did nothing.
pub(super) fn follow(raws: &[Raw], threads: &[String], follows: bool) -> Followed {
    let known: HashMap<&str, u32> = (0..).zip(threads).map(|(n, it)| (it.as_str(), n)).collect();
    let mut followed = Followed::nothing(raws, &known, follows);
    let mut changes = Changes::of(raws);
    for (number, raw) in raws.iter().enumerate() {
        followed.closes_before(number, &mut changes);
        followed.meets(number, &mut changes);
        if !changes.done.contains(&number) {
            followed.call(raw, &known, threads);
        }
        followed.changed(number, &mut changes);
    }
    followed
}

impl<'r> Changes<'r> {
    fn of(raws: &'r [Raw]) -> Changes<'r> {
        let mut by_fd: HashMap<i32, Vec<usize>> = HashMap::new();
        for (number, raw) in raws.iter().enumerate() {
            // What takes no time is met by nobody.
            if let Some(fd) = raw.changes()
                && raw.t1.is_some_and(|t1| t1 > raw.t0)
            {
                by_fd.entry(fd).or_default().push(number);
            }
        }
        Changes {
            raws,
            by_fd,
            done: HashSet::new(),
            was: HashMap::new(),
            met: HashSet::new(),
        }
    }

    /// Those of a descriptor that others are in progress with, and of their own thread none.
    fn beside(&self, number: usize, fd: i32) -> impl Iterator<Item = usize> {
        let raws = self.raws;
        let raw = &raws[number];
        let all = self.by_fd.get(&fd).map_or(&[][..], Vec::as_slice);
        let begin = raw.t0;
        let end = raw.t1.unwrap_or(u64::MAX);
        let first = all.partition_point(|&other| raws[other].t1.unwrap_or(u64::MAX) <= begin);
        let near = all[first..].iter().take(AT_ONCE).copied();
        near.filter(move |&other| raws[other].t0 < end && raws[other].thread != raw.thread)
    }
}

impl Followed {
    /// A descriptor is free before the call that closes it is over: who gets the same number meanwhile comes after that.
    fn closes_before(&mut self, number: usize, changes: &mut Changes<'_>) {
        let raw = &changes.raws[number];
        for fd in raw.placed() {
            let Some(&table) = self.of.get(&raw.thread) else {
                return;
            };
            let closes = changes.beside(number, fd).find(|&other| {
                let is_close = matches!(changes.raws[other].what, What::Close(_));
                other > number
                    && is_close
                    && self.of.get(&changes.raws[other].thread) == Some(&table)
            });
            if let Some(other) = closes
                && changes.done.insert(other)
            {
                self.closes(&changes.raws[other], table, fd);
            }
        }
    }

    /// A call on a descriptor that another changes meanwhile is on what it stood for before, or on what it stands for then.
    fn meets(&mut self, number: usize, changes: &mut Changes<'_>) {
        let raw = &changes.raws[number];
        for fd in raw.uses() {
            let Some(&table) = self.of.get(&raw.thread) else {
                return;
            };
            let beside: Vec<usize> = changes.beside(number, fd).collect();
            for other in beside {
                let is_own = self.of.get(&changes.raws[other].thread) == Some(&table);
                // One that is done already is over for who got the number since.
                if !is_own || changes.done.contains(&other) {
                    continue;
                }
                changes.met.insert(other);
                if let Some(&was) = changes.was.get(&other) {
                    self.spoils(was);
                }
                if let What::Ctl { port, .. } = raw.what {
                    let port = self.file(table, port);
                    self.spoils(port);
                }
                let now = self.file(table, fd);
                self.spoils(now);
            }
        }
        if !changes.done.contains(&number)
            && let Some(fd) = raw.changes()
            && let Some(table) = self.of.get(&raw.thread)
            && let Some(slot) = self.tables[*table].get(&fd)
            && raw.t1.is_some_and(|t1| t1 > raw.t0)
        {
            changes.was.insert(number, slot.file);
        }
    }

    /// What a descriptor stands for after a change that others have met.
    fn changed(&mut self, number: usize, changes: &mut Changes<'_>) {
        let raw = &changes.raws[number];
        if changes.met.remove(&number)
            && let What::DupTo { to: fd, .. } = raw.what
            && let Some(&table) = self.of.get(&raw.thread)
        {
            let now = self.file(table, fd);
            self.spoils(now);
        }
    }
}
