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

/// The log of what was followed: in parts, if there is more than the model tells apart, of descriptors that have nothing
/// to do with those of others.
pub(super) fn log(followed: Followed, threads: Vec<String>) -> Log {
    let mut watches = Watches::of(&followed.acts);
    let sharing = Sharing::of(&followed, &watches);
    let mut weaves: Vec<(Weave<'_>, Woven)> = sharing
        .parts
        .iter()
        .map(|part| (Weave::new(&followed, part), Woven::default()))
        .collect();
    let mut unfit = Unfit {
        followed: &followed,
        threads: &threads,
        first: None,
    };
    for act in &followed.acts {
        if unfit.fits(act, &mut watches)
            && let Some(part) = sharing.part(act)
        {
            let (weave, woven) = &mut weaves[part];
            weave.act(act, &watches, woven);
        }
    }
    let misfit = unfit.first;
    let called: BTreeSet<u32> = weaves
        .iter()
        .flat_map(|(_, it)| it.threads.clone())
        .collect();
    let (mut inside, mut outside) = (0, 0);
    for (_, woven) in &weaves {
        inside += woven.inside;
        outside += woven.outside;
    }
    let is_empty = weaves.iter().all(|(_, woven)| woven.calls.is_empty());
    let mut parts: Vec<Log> = Vec::new();
    for (weave, mut woven) in weaves {
        let waits = |act: &&Act| matches!(act.does, Does::Wait { .. });
        let first = followed.acts.iter().find(waits);
        if let Some(first) = first.filter(|_| is_empty && parts.is_empty()) {
            // All that there is makes no sense, and is refused: that somebody called is left.
            let (port, timeout) = (PortId(0), Timeout::Ticks(1));
            let under_way = Act {
                t1: None,
                does: Does::Sleeps(0),
                ..*first
            };
            woven.push(&under_way, get(port, timeout, 1), None);
        }
        parts.push(weave.log(woven, &threads));
    }
    let mut parts = parts.into_iter().filter(|part| !part.calls.is_empty());
    let mut log = parts.next().unwrap_or_default();
    log.parts = parts.collect();
    log.misfit = misfit;
    log.called = Some(called.len().max(log.seen));
    if outside > 0 {
        let all = outside + inside;
        log.notes.push(format!(
            "{outside} of {all} events came from what the log does not show whole, and may have come at any time"
        ));
    }
    log
}

/// Which descriptors are judged together: those that watch the same sources.
struct Sharing {
    /// By part: its ports, and the files that are its sources, with the data of their events.
    parts: Vec<Part>,
    by_port: HashMap<usize, usize>,
    by_file: HashMap<usize, usize>,
}

/// A part of a log, with no more than the model tells apart.
#[derive(Default)]
struct Part {
    ports: Vec<usize>,
    sources: Vec<(usize, BTreeSet<u64>)>,
    data: BTreeSet<u64>,
}

impl Sharing {
    fn of(followed: &Followed, watches: &Watches) -> Sharing {
        let by_file = sources(followed, watches);
        // Ports that watch one source are one group, and so on.
        let mut group: Vec<usize> = (0..followed.ports.len()).collect();
        for ports in by_file.values() {
            let first = ports.iter().map(|&port| group[port]).min().unwrap_or(0);
            let joined: BTreeSet<usize> = ports.iter().map(|&port| group[port]).collect();
            if joined.len() > 1 {
                group
                    .iter_mut()
                    .filter(|it| joined.contains(it))
                    .for_each(|it| *it = first);
            }
        }
        let mut data: HashMap<usize, BTreeSet<u64>> = HashMap::new();
        for watch in &watches.all {
            data.entry(watch.file).or_default().insert(watch.data);
        }
        let mut groups: BTreeMap<usize, Part> = BTreeMap::new();
        for (port, group) in group.iter().enumerate() {
            groups.entry(*group).or_default().ports.push(port);
        }
        for (file, ports) in by_file {
            let of = ports.first().map_or(0, |&port| group[port]);
            let own = data.remove(&file).unwrap_or_default();
            let part = groups.entry(of).or_default();
            part.data.extend(&own);
            part.sources.push((file, own));
        }
        let mut sharing = Sharing {
            parts: vec![Part::default()],
            by_port: HashMap::new(),
            by_file: HashMap::new(),
        };
        for mut own in groups.into_values() {
            own.cut();
            let last = sharing.parts.len() - 1;
            if !sharing.parts[last].takes(&own) {
                sharing.parts.push(Part::default());
            }
            let number = sharing.parts.len() - 1;
            let part = &mut sharing.parts[number];
            sharing
                .by_port
                .extend(own.ports.iter().map(|&port| (port, number)));
            sharing
                .by_file
                .extend(own.sources.iter().map(|(file, _)| (*file, number)));
            part.ports.append(&mut own.ports);
            part.sources.append(&mut own.sources);
            part.data.append(&mut own.data);
        }
        sharing
    }

    /// Whose part a call is of.
    fn part(&self, act: &Act) -> Option<usize> {
        match &act.does {
            Does::Ctl { file, .. } => self.by_file.get(file).copied(),
            Does::Wait { port, .. } | Does::ClosesPort(port) => self.by_port.get(port).copied(),
            Does::Write(file) | Does::Drain { file, .. } | Does::Closes(file) => {
                self.by_file.get(file).copied()
            }
            Does::Sleeps(_) => None,
        }
    }
}

impl Part {
    /// What has no room in a part is left out: who watches too much is judged by what there is room for.
    fn cut(&mut self) {
        let ports: BTreeSet<usize> = self.ports.iter().copied().skip(PORTS_MAX).collect();
        self.ports.truncate(PORTS_MAX);
        // One more source stands for none.
        if !ports.is_empty() || self.sources.len() >= SOURCES_MAX || self.data.len() > PACKETS_MAX {
            self.sources.clear();
            self.data.clear();
        }
    }

    fn takes(&self, other: &Part) -> bool {
        let data = self.data.union(&other.data).count();
        self.ports.len() + other.ports.len() <= PORTS_MAX
            && self.sources.len() + other.sources.len() < SOURCES_MAX
            && data <= PACKETS_MAX
    }
}

/// The files that are sources of the model, with the ports that watch them.
fn sources(followed: &Followed, watches: &Watches) -> BTreeMap<usize, BTreeSet<usize>> {
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
    by_file.retain(|file, _| !other.contains(file));
    let ports = |all: BTreeSet<(usize, i32)>| {
        let ports: BTreeSet<usize> = all.iter().map(|(port, _)| *port).collect();
        // The model has one entry of a source on a port.
        (ports.len() == all.len()).then_some(ports)
    };
    let all = by_file.into_iter();
    let mut by_file: BTreeMap<_, _> = all
        .filter_map(|(file, all)| Some((file, ports(all)?)))
        .collect();
    // Nobody knows of which file an event is whose data is that of another as well, which is no source.
    loop {
        let doubtful = watches.doubtful(|file| by_file.contains_key(&file));
        if doubtful.is_empty() {
            return by_file;
        }
        by_file.retain(|file, _| !doubtful.contains(file));
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
    fn new(followed: &'f Followed, part: &Part) -> Weave<'f> {
        let ids = (0..).zip(&part.ports);
        let mut weave = Weave {
            followed,
            port_ids: ids.map(|(n, &port)| (port, PortId(n))).collect(),
            ports: part.ports.clone(),
            sources: Vec::new(),
            source_ids: HashMap::new(),
            by_data: BTreeMap::new(),
            packets: Vec::new(),
            words: Vec::new(),
        };
        for (file, data) in &part.sources {
            weave.source(*file, data);
        }
        weave
    }

    /// What was woven, as a log.
    fn log(self, mut woven: Woven, threads: &[String]) -> Log {
        woven.calls.sort();
        let name = |thread: &u32| threads[*thread as usize].clone();
        let own: Vec<String> = woven.threads.iter().map(name).collect();
        let fds = self
            .ports
            .iter()
            .map(|&port| (port, self.followed.ports[port].fd));
        let ports: Vec<String> = fds
            .map(|(port, fd)| format!("epoll_{port}_fd{fd}"))
            .collect();
        let readable = self
            .sources
            .iter()
            .map(|&file| self.followed.files[file].readable);
        Log {
            calls: woven.calls,
            seen: own.len(),
            threads: own,
            concurrency: vec![Some(0); ports.len()],
            ports,
            unobserved: woven.outside,
            beyond: woven.beyond,
            sources: Some(Sources {
                names: self.source_names(),
                readable: readable.collect(),
                packets: self.packets.clone(),
            }),
            words: self.words,
            ..Log::default()
        }
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
