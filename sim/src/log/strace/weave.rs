//! Calls of the model for what a log of strace shows.
//!
//! A source of the model is an eventfd, or the end of a pipe that is read, if all that is done with it is in the log. Of
//! everything else the log shows one side at most: such events are left out, and a wait that brought nothing else came back
//! because its time was over, as far as the model can tell. So it has to have found none of the sources ready.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use portsim_model::program::{
    BATCH_MAX, Events, Interest, Op, PORTS_MAX, Packet, PacketId, PortId, SOURCES_MAX, SourceId,
    ThreadId, Timeout, Watch as Watching,
};

use super::descriptors::{Act, Does, Followed, Kind};
use super::kinds::{Came, Change, EDGE, ERR, EXCLUSIVE, HOW, HUP, IN, ONESHOT, RDHUP, RDNORM};
use super::unfit::{Unfit, Watches};
use crate::admit::free::Calls;
use crate::log::gather::WORDS_FROM;
use crate::log::{Log, Sources, THREADS_MAX};
use crate::trace::{Answer, Span};

/// What a source of the model may be watched for: that it can be read.
const READS: u32 = IN | RDNORM | RDHUP | HUP | ERR;

/// As many ports watch exclusively.
const EXCLUSIVE_MAX: usize = 8;

/// As many different events there are. They share their numbers with sources.
const PACKETS_MAX: usize = 120;

/// The log of what was followed.
pub(super) fn log(followed: Followed, threads: Vec<String>) -> Log {
    let mut watches = Watches::of(&followed.acts);
    let weave = Weave::new(&followed, &watches);
    let mut unfit = Unfit {
        followed: &followed,
        threads: &threads,
        first: None,
    };
    let mut woven = Woven::default();
    for act in &followed.acts {
        if unfit.fits(act, &mut watches) {
            weave.act(act, &watches, &mut woven);
        }
    }
    let waits = |act: &&Act| matches!(act.does, Does::Wait { .. });
    let first = followed.acts.iter().find(waits);
    if let Some(first) = first.filter(|_| woven.calls.is_empty()) {
        // All that there is makes no sense, and is refused: that somebody called is left.
        let (port, timeout) = (PortId(0), Timeout::Ticks(1));
        let under_way = Act {
            t1: None,
            does: Does::Sleeps(0),
            ..*first
        };
        woven.push(&under_way, get(port, timeout, 1), None);
    }
    woven.calls.sort();
    let misfit = unfit.first;
    let names = |thread: &u32| threads[*thread as usize].clone();
    let own: Vec<String> = woven.threads.iter().map(names).collect();
    let ports = weave
        .ports
        .iter()
        .map(|&port| format!("epoll_{port}_fd{}", followed.ports[port].fd));
    let ports: Vec<String> = ports.collect();
    let mut notes = Vec::new();
    if woven.outside > 0 {
        notes.push(format!(
            "{} of {} events came from what the log does not show whole, and may have come at any time",
            woven.outside,
            woven.outside + woven.inside
        ));
    }
    Log {
        calls: woven.calls,
        seen: own.len(),
        threads: own,
        concurrency: vec![Some(0); ports.len()],
        ports,
        words: weave.words.clone(),
        unobserved: woven.outside,
        notes,
        beyond: woven.beyond,
        sources: Some(Sources {
            names: weave.source_names(),
            readable: weave
                .sources
                .iter()
                .map(|&file| followed.files[file].readable)
                .collect(),
            packets: weave.packets.clone(),
        }),
        misfit,
        ..Log::default()
    }
}

/// What files, ports and data are in the model.
struct Weave<'f> {
    followed: &'f Followed,
    /// The ports of the model, and the files that are its sources, by their numbers there.
    ports: Vec<usize>,
    sources: Vec<usize>,
    port_ids: HashMap<usize, PortId>,
    source_ids: HashMap<usize, SourceId>,
    /// What events of sources carry, by the data.
    by_data: BTreeMap<u64, PacketId>,
    packets: Vec<Packet>,
    words: Vec<String>,
}

/// What was woven so far.
#[derive(Default)]
struct Woven {
    calls: Calls,
    threads: Vec<u32>,
    thread_ids: HashMap<u32, ThreadId>,
    /// How many events came from sources, and how many from elsewhere.
    inside: u32,
    outside: u32,
    beyond: Option<(u64, &'static str, u64)>,
}

impl<'f> Weave<'f> {
    fn new(followed: &'f Followed, watches: &Watches) -> Weave<'f> {
        // Who watches what, and whether the model can.
        let mut by_file: BTreeMap<usize, BTreeSet<(usize, i32)>> = BTreeMap::new();
        let mut other: BTreeSet<usize> = BTreeSet::new();
        let few = followed.ports.len() <= EXCLUSIVE_MAX;
        for watch in &watches.all {
            let open = &followed.files[watch.file];
            let is_source = matches!(open.kind, Kind::Eventfd { .. } | Kind::Reads);
            let wanted = watch.events & !HOW;
            let can = is_source
                && open.whole
                && followed.ports[watch.port].whole
                && wanted & IN != 0
                && wanted & !READS == 0
                && (few || watch.events & EXCLUSIVE == 0);
            match can {
                true => {
                    let own = by_file.entry(watch.file).or_default();
                    own.insert((watch.port, watch.fd));
                }
                false => {
                    other.insert(watch.file);
                }
            }
        }
        let once = |all: &BTreeSet<(usize, i32)>| {
            let ports: BTreeSet<usize> = all.iter().map(|(port, _)| *port).collect();
            ports.len() == all.len()
        };
        by_file.retain(|file, all| !other.contains(file) && once(all));
        let watching: BTreeSet<usize> = by_file.values().flatten().map(|(port, _)| *port).collect();
        let rest = (0..followed.ports.len()).filter(|port| !watching.contains(port));
        let ports: Vec<usize> = watching
            .iter()
            .copied()
            .chain(rest)
            .take(PORTS_MAX)
            .collect();
        by_file.retain(|_, all| all.iter().all(|(port, _)| ports.contains(port)));
        let mut weave = Weave {
            followed,
            port_ids: (0..)
                .zip(&ports)
                .map(|(n, &port)| (port, PortId(n)))
                .collect(),
            ports,
            sources: Vec::new(),
            source_ids: HashMap::new(),
            by_data: BTreeMap::new(),
            packets: Vec::new(),
            words: Vec::new(),
        };
        let mut data: HashMap<usize, BTreeSet<u64>> = HashMap::new();
        for watch in &watches.all {
            data.entry(watch.file).or_default().insert(watch.data);
        }
        for &file in by_file.keys() {
            let own = &data[&file];
            let new = own
                .iter()
                .filter(|it| !weave.by_data.contains_key(it))
                .count();
            // One more stands for none.
            if weave.sources.len() + 1 < SOURCES_MAX && weave.packets.len() + new <= PACKETS_MAX {
                weave.source(file, own);
            }
        }
        weave
    }

    fn source(&mut self, file: usize, data: &BTreeSet<u64>) {
        let source = SourceId(self.sources.len() as u8);
        self.source_ids.insert(file, source);
        self.sources.push(file);
        for &data in data {
            if self.by_data.contains_key(&data) {
                continue;
            }
            self.by_data
                .insert(data, PacketId(self.packets.len() as u8));
            self.packets
                .push(Packet::key(WORDS_FROM + self.words.len() as i64));
            let name = self.name(file);
            self.words.push(format!("{name}, data {data:#x}"));
        }
    }

    fn name(&self, file: usize) -> String {
        let open = &self.followed.files[file];
        let kind = match open.kind {
            Kind::Eventfd { .. } => "eventfd",
            _ => "pipe",
        };
        format!("{kind}_{file}_fd{}", open.fd)
    }

    fn source_names(&self) -> Vec<String> {
        self.sources.iter().map(|&file| self.name(file)).collect()
    }

    fn act(&self, act: &Act, watches: &Watches, woven: &mut Woven) {
        let source = |file: &usize| self.source_ids.get(file).copied();
        match &act.does {
            Does::Ctl {
                port,
                file,
                change,
                events,
                data,
                error,
                ..
            } => {
                let (Some(&port), Some(source)) = (self.port_ids.get(port), source(file)) else {
                    return;
                };
                let Some(change) = self.change(*change, *events, *data) else {
                    return;
                };
                let answer = match error {
                    None => Answer::Done,
                    Some(error) => Answer::Failed(error.clone()),
                };
                let op = Op::EpollCtl {
                    port,
                    source,
                    change,
                    into: None,
                };
                woven.push(act, op, Some(answer));
            }
            Does::Wait { .. } => self.waits(act, watches, woven),
            Does::Write(file) => {
                if let Some(source) = source(file) {
                    woven.push(act, Op::Write { source }, Some(Answer::Done));
                }
            }
            Does::Drain { file, maybe } => {
                if let Some(SourceId(source)) = source(file) {
                    // Those that nobody is sure of stand behind the others.
                    let behind = if *maybe { self.sources.len() as u8 } else { 0 };
                    let source = SourceId(source + behind);
                    woven.push(act, Op::Drain { source }, Some(Answer::Done));
                }
            }
            Does::Closes(file) => {
                if let Some(source) = source(file) {
                    let op = Op::CloseSource { source, into: None };
                    woven.push(act, op, Some(Answer::Done));
                }
            }
            Does::ClosesPort(port) => {
                if let Some(&port) = self.port_ids.get(port) {
                    let op = Op::Close { port, into: None };
                    woven.push(act, op, Some(Answer::Done));
                }
            }
            Does::Sleeps(_) => {}
        }
    }

    fn change(&self, change: Change, events: u32, data: u64) -> Option<Watching> {
        let interest = || {
            // A change that failed may name data that no event ever had.
            let packet = self.by_data.get(&data).copied().unwrap_or(PacketId(0));
            Interest {
                events: Events::In(packet),
                edge: events & EDGE != 0,
                oneshot: events & ONESHOT != 0,
                exclusive: events & EXCLUSIVE != 0,
            }
        };
        Some(match change {
            Change::Add => Watching::Add(interest()),
            Change::Mod => Watching::Mod(interest()),
            Change::Del => Watching::Del,
        })
    }

    fn waits(&self, act: &Act, watches: &Watches, woven: &mut Woven) {
        let Does::Wait {
            port,
            max,
            timeout,
            came,
        } = &act.does
        else {
            return;
        };
        let number = *port;
        let mut packets = Vec::new();
        let (mut taken, mut outside) = (0, 0);
        if let Came::Events { events, cut } = came {
            if *cut {
                let why = "a list of events that strace has cut (-s sets how many it shows)";
                woven.is_beyond(act, why);
            }
            for &(_, data) in events {
                taken += 1;
                match self.packet(number, data, act, watches) {
                    Some(packet) => packets.push(packet),
                    None => outside += 1,
                }
            }
        }
        woven.inside += packets.len() as u32;
        woven.outside += outside;
        let Some(&port) = self.port_ids.get(port) else {
            return;
        };
        // Who got as much as it asked for looked no further.
        let is_full = max.is_some_and(|max| taken >= max) && taken > 0;
        if is_full && packets.is_empty() {
            return;
        }
        let most = match is_full {
            true => packets.len(),
            false => max.map_or(BATCH_MAX, |max| max.clamp(1, BATCH_MAX as i64) as usize),
        };
        if packets.len() > BATCH_MAX || packets.len() == BATCH_MAX && !is_full {
            woven.is_beyond(
                act,
                "a batch of more packets than a call of the model can take",
            );
        }
        let is_woken = outside > 0 || *came == Came::Interrupted || act.t1.is_none();
        let timeout = match timeout {
            Some(0) => Timeout::Ticks(0),
            None if !is_woken => Timeout::Never,
            _ => Timeout::Ticks(1),
        };
        let op = get(port, timeout, most.min(BATCH_MAX) as u8);
        let answer = match packets.is_empty() {
            true => Answer::Failed("ETIMEDOUT".to_owned()),
            false => Answer::Packets(packets),
        };
        woven.push(act, op, Some(answer));
    }

    /// What the model says of an event; none of one that came from elsewhere, or may have.
    fn packet(&self, port: usize, data: u64, act: &Act, watches: &Watches) -> Option<Packet> {
        let packet = self.by_data.get(&data)?;
        let end = act.t1.unwrap_or(u64::MAX);
        let own = watches.at(port, data, act.t0, end);
        let is_source = |&number: &usize| self.source_ids.contains_key(&watches.all[number].file);
        let all = !own.is_empty() && own.iter().all(is_source);
        all.then(|| self.packets[packet.index()])
    }
}

fn get(port: PortId, timeout: Timeout, max: u8) -> Op {
    Op::Get {
        port,
        into: None,
        timeout,
        max: Some(max),
        min: None,
        min_wait: None,
        alertable: false,
        keeps: false,
    }
}

impl Woven {
    fn thread(&mut self, act: &Act) -> Option<ThreadId> {
        if let Some(&known) = self.thread_ids.get(&act.thread) {
            return Some(known);
        }
        if self.threads.len() == THREADS_MAX {
            self.is_beyond(act, "one more thread than are told apart");
            return None;
        }
        let id = ThreadId(self.threads.len() as u8);
        self.threads.push(act.thread);
        self.thread_ids.insert(act.thread, id);
        Some(id)
    }

    fn is_beyond(&mut self, act: &Act, why: &'static str) {
        self.beyond.get_or_insert((act.line.into(), why, act.t0));
    }

    fn push(&mut self, act: &Act, op: Op, answer: Option<Answer>) {
        let Some(thread) = self.thread(act) else {
            return;
        };
        let span = Span {
            t0: act.t0,
            t1: act.t1.filter(|&t1| t1 != u64::MAX),
        };
        let answer = answer.filter(|_| span.t1.is_some());
        self.calls
            .push(thread, op, None, answer.as_ref(), span, act.line);
    }
}
