//! What no epoll descriptor shows, whatever was before: found call by call, without a search.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::descriptors::{Act, Does, Followed};
use super::kinds::{Came, Change, ERR, HOW, HUP, ONESHOT, names};
use crate::log::{Misfit, Shown, Told};

/// How a descriptor watches a file, from when to when at most.
#[derive(Debug)]
pub(super) struct Watch {
    pub port: usize,
    pub file: usize,
    pub fd: i32,
    pub events: u32,
    pub data: u64,
    since: u64,
    until: u64,
    /// When the call that began it was over.
    made: u64,
    line: u32,
    /// How often it was reported, where it may be once.
    reports: u32,
}

/// All of a log.
#[derive(Debug, Default)]
pub(super) struct Watches {
    pub all: Vec<Watch>,
    by_data: HashMap<(usize, u64), OfData>,
}

/// The watches whose events carry the same data, by their beginnings.
#[derive(Debug, Default)]
struct OfData {
    numbers: Vec<usize>,
    /// Until when each of them lasts, or one before it.
    latest: Vec<u64>,
}

impl Watches {
    pub fn of(acts: &[Act]) -> Watches {
        let mut watches = Watches::default();
        let mut now: BTreeMap<(usize, usize, i32), Vec<usize>> = BTreeMap::new();
        for act in acts {
            let end = act.t1.unwrap_or(u64::MAX);
            match &act.does {
                &Does::Ctl {
                    port,
                    file,
                    fd,
                    change,
                    events,
                    data,
                    error: None,
                } => {
                    // Of two changes at a time nobody knows which came last.
                    let own = now.entry((file, port, fd)).or_default();
                    own.retain(|&old| {
                        let old = &mut watches.all[old];
                        let stays = old.made > act.t0;
                        if !stays {
                            old.until = end;
                        }
                        stays
                    });
                    if change == Change::Del {
                        continue;
                    }
                    let number = watches.all.len();
                    watches.all.push(Watch {
                        port,
                        file,
                        fd,
                        events,
                        data,
                        since: act.t0,
                        until: u64::MAX,
                        made: end,
                        line: act.line,
                        reports: 0,
                    });
                    own.push(number);
                    watches
                        .by_data
                        .entry((port, data))
                        .or_default()
                        .numbers
                        .push(number);
                }
                &Does::Closes(file) => {
                    let own = now.range_mut((file, 0, i32::MIN)..(file + 1, 0, i32::MIN));
                    for number in own.flat_map(|(_, own)| std::mem::take(own)) {
                        watches.all[number].until = end;
                    }
                }
                Does::Ctl { .. }
                | Does::Wait { .. }
                | Does::Sleeps(_)
                | Does::Write(_)
                | Does::Drain { .. }
                | Does::ClosesPort(_) => {}
            }
        }
        for own in watches.by_data.values_mut() {
            own.numbers.sort_by_key(|&number| watches.all[number].since);
            let mut latest = 0;
            for &number in &own.numbers {
                latest = watches.all[number].until.max(latest);
                own.latest.push(latest);
            }
        }
        watches
    }

    /// Of these files, those of which an event may be of another file just as well: it has the same data.
    pub fn doubtful(&self, is_source: impl Fn(usize) -> bool) -> BTreeSet<usize> {
        let own = self.all.iter().filter(|watch| is_source(watch.file));
        let doubtful = own.filter(|watch| {
            let alike = self.at(watch.port, watch.data, watch.since, watch.until);
            alike.iter().any(|&other| !is_source(self.all[other].file))
        });
        doubtful.map(|watch| watch.file).collect()
    }

    /// The watches that an event of a call between two times can be of.
    pub fn at(&self, port: usize, data: u64, t0: u64, t1: u64) -> Vec<usize> {
        let Some(own) = self.by_data.get(&(port, data)) else {
            return Vec::new();
        };
        let numbers = own.numbers.iter();
        let begun = own
            .numbers
            .partition_point(|&number| self.all[number].since <= t1);
        let known = numbers.zip(&own.latest).take(begun).rev();
        // Before the first that was over with all in front of it there is nothing more.
        let near = known.take_while(|(_, latest)| **latest >= t0);
        let is_there = |number: &usize| self.all[*number].until >= t0;
        near.map(|(number, _)| *number).filter(is_there).collect()
    }
}

/// How much earlier than it should a wait may have ended by a clock that is set right meanwhile: this part of it, and so
/// many nanoseconds.
const DRIFT: u64 = 500;
const BLUR: u64 = 20_000;

/// A time in nanoseconds, in milliseconds.
fn milliseconds(time: u64) -> String {
    let (whole, part) = (time / 1_000_000, time / 1_000 % 1_000);
    format!("{whole}.{part:03}")
}

/// Judges calls by themselves.
pub(super) struct Unfit<'f> {
    pub followed: &'f Followed,
    pub threads: &'f [String],
    /// The first that no descriptor shows.
    pub first: Option<Misfit>,
}

impl Unfit<'_> {
    /// Whether a call can be, as far as it is known without what was before, but for what is watched.
    pub fn fits(&mut self, act: &Act, watches: &mut Watches) -> bool {
        match &act.does {
            &Does::Sleeps(time) => !self.is_early(act, time),
            Does::Wait {
                port,
                max,
                timeout,
                came: Came::Events { events, cut },
            } => {
                if let Some(max) = max.filter(|&max| events.len() as i64 > max) {
                    let why = format!("at most {max} in one report");
                    self.refuse(act, "batch", why, None);
                    return false;
                }
                if let Some(time) = timeout.filter(|_| events.is_empty() && !cut)
                    && self.is_early(act, time)
                {
                    return false;
                }
                for &(bits, data) in events {
                    if let Some((claim, why, with)) = self.wrong(act, *port, bits, data, watches) {
                        let with = with.map(|number| self.told(&watches.all[number]));
                        self.refuse(act, claim, why, with);
                        return false;
                    }
                }
                true
            }
            _ => true,
        }
    }

    /// Whether a time was over before it was.
    fn is_early(&mut self, act: &Act, time: u64) -> bool {
        let Some(took) = act.took else {
            return false;
        };
        let early = took.saturating_add(time / DRIFT + BLUR) < time;
        if early {
            let why = format!(
                "the time was to be over after {} ms, and was after {}",
                milliseconds(time),
                milliseconds(took)
            );
            self.refuse(act, "timeout", why, None);
        }
        early
    }

    /// What is wrong with an event: the claim, why, and the watch that it may be of.
    fn wrong(
        &self,
        act: &Act,
        port: usize,
        bits: u32,
        data: u64,
        watches: &mut Watches,
    ) -> Option<(&'static str, String, Option<usize>)> {
        if !self.followed.ports[port].whole {
            return None;
        }
        let end = act.t1.unwrap_or(u64::MAX);
        let own = watches.at(port, data, act.t0, end);
        if own.is_empty() {
            let before = watches.by_data.get(&(port, data));
            let before = before.and_then(|all| {
                let over = |number: &&usize| watches.all[**number].since <= end;
                all.numbers.iter().rev().find(over).copied()
            });
            let why = match before {
                Some(_) => {
                    format!("no event with data {data:#x}: what had it is not watched any more")
                }
                None => format!("no event with data {data:#x}: nothing was ever watched with it"),
            };
            return Some(("del", why, before));
        }
        let fits = |number: &&usize| {
            let wanted = watches.all[**number].events & !HOW | ERR | HUP;
            bits & !wanted == 0
        };
        let fitting: Vec<usize> = own.iter().filter(fits).copied().collect();
        if fitting.is_empty() {
            let wanted = names(watches.all[own[0]].events & !HOW);
            let why = format!("of data {data:#x} no more than {wanted}, EPOLLERR and EPOLLHUP");
            return Some(("mask", why, Some(own[0])));
        }
        // Of those that are disarmed by their first event the one that is over first.
        let armed = |number: &&usize| {
            let watch = &watches.all[**number];
            watch.events & ONESHOT == 0 || watch.reports == 0
        };
        let first = fitting
            .iter()
            .filter(armed)
            .min_by_key(|&&number| watches.all[number].until);
        let Some(&first) = first else {
            let why =
                format!("no event with data {data:#x}: it was reported once, and not armed again");
            return Some(("oneshot", why, Some(fitting[0])));
        };
        watches.all[first].reports += 1;
        None
    }

    fn refuse(&mut self, act: &Act, claim: &'static str, why: String, with: Option<Told>) {
        let end = act.t1.unwrap_or(u64::MAX);
        if self.first.as_ref().is_some_and(|known| known.end <= end) {
            return;
        }
        let words = self.words(act);
        let own = Told {
            line: act.line,
            t0: act.t0,
            t1: act.t1,
            words: words.clone(),
        };
        let shown = Shown {
            at: act.line,
            saw: words,
            allowed: vec![why],
            by: Vec::new(),
            window: with.into_iter().chain([own]).collect(),
            after: Vec::new(),
        };
        self.first = Some(Misfit { end, claim, shown });
    }

    /// A watch in words.
    fn told(&self, watch: &Watch) -> Told {
        let port = self.followed.ports[watch.port].fd;
        let (fd, events, data) = (watch.fd, names(watch.events), watch.data);
        Told {
            line: watch.line,
            t0: watch.since,
            t1: None,
            words: format!("epoll_ctl {port}: descriptor {fd} for {events} with data {data:#x}"),
        }
    }

    /// A call in words.
    fn words(&self, act: &Act) -> String {
        let thread = &self.threads[act.thread as usize];
        match &act.does {
            Does::Wait { port, came, .. } => {
                let fd = self.followed.ports[*port].fd;
                let came = match came {
                    Came::Events { events, .. } if events.is_empty() => "no event".to_owned(),
                    Came::Events { events, .. } => {
                        let all = events.iter().take(8);
                        let all: Vec<_> = all
                            .map(|(bits, data)| format!("{} of data {data:#x}", names(*bits)))
                            .collect();
                        let more = events.len().saturating_sub(all.len());
                        let more = if more > 0 {
                            format!(", and {more} more")
                        } else {
                            String::new()
                        };
                        format!("{}{more}", all.join(", "))
                    }
                    Came::Interrupted | Came::Untold => "nothing".to_owned(),
                };
                format!("{thread}: epoll_wait {fd} = {came}")
            }
            _ => format!("{thread}: a wait that ended when its time was over"),
        }
    }
}
