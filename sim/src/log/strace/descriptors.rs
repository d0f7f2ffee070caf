//! What descriptors stand for as time goes by: files that are open, by process.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::kinds::{Change, What};
use super::{Came, FIRST, Raw};

/// As many descriptors are copied for new processes; what is beyond that may be done by anybody.
const COPIED_MAX: usize = 1_000_000;

/// What a descriptor stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// An epoll descriptor, by its number.
    Port(usize),
    Eventfd {
        semaphore: bool,
    },
    /// The end of a pipe that is read.
    Reads,
    /// The other one, with the file that is read.
    Writes(usize),
    /// Anything else: what comes to it comes from elsewhere.
    Other,
}

/// A file that is open: what several descriptors can stand for.
#[derive(Debug)]
pub(super) struct Open {
    pub kind: Kind,
    /// The descriptor by which it came up.
    pub fd: i32,
    /// Whether it can be read when it is made.
    pub readable: bool,
    /// Whether all that is done with it is in the log.
    pub whole: bool,
    descriptors: u32,
}

/// An epoll descriptor.
#[derive(Debug)]
pub(super) struct Port {
    pub fd: i32,
    /// Whether all that is done with it is in the log.
    pub whole: bool,
}

/// A call that matters to epoll descriptors.
#[derive(Debug)]
pub(super) struct Act {
    pub thread: u32,
    pub line: u32,
    pub t0: u64,
    pub t1: Option<u64>,
    pub took: Option<u64>,
    pub does: Does,
}

/// What it does. Files and ports are numbers.
#[derive(Debug)]
pub(super) enum Does {
    Ctl {
        port: usize,
        file: usize,
        fd: i32,
        change: Change,
        events: u32,
        data: u64,
        error: Option<String>,
    },
    Wait {
        port: usize,
        max: Option<i64>,
        timeout: Option<u64>,
        came: Came,
    },
    /// A wait of another kind, which ended when this time was over.
    Sleeps(u64),
    /// A file that is read can be read from then on.
    Write(usize),
    /// It is read until it is empty, which nobody knows for sure if that is `maybe`.
    Drain {
        file: usize,
        maybe: bool,
    },
    /// Its last descriptor is closed.
    Closes(usize),
    ClosesPort(usize),
}

/// A descriptor of a process.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot {
    pub file: usize,
    /// Whether it goes when a program is started.
    on_exec: bool,
}

/// All descriptors of a log.
#[derive(Debug, Default)]
pub(super) struct Followed {
    pub files: Vec<Open>,
    pub ports: Vec<Port>,
    pub acts: Vec<Act>,
    /// By process; a process that shares the descriptors of another is the same here.
    pub(super) tables: Vec<BTreeMap<i32, Slot>>,
    /// How many threads use each.
    users: Vec<u32>,
    /// Which are used by a thread that the log does not show.
    shared: Vec<bool>,
    pub(super) of: HashMap<u32, usize>,
    /// Whether a thread without a line did nothing.
    follows: bool,
    /// How many descriptors were copied for new processes.
    copied: usize,
    /// By pipe, how many of its ends that write are open.
    writers: HashMap<usize, u32>,
    /// How many threads with a number of their own nobody made.
    found: u32,
}

impl Followed {
    /// Nothing as yet of a log; `follows` says that a thread without a line did nothing. In a namespace of its own a thread
    /// has another number: if nobody made some, a thread without a line may be one of them.
    pub fn nothing(raws: &[Raw], known: &HashMap<&str, u32>, follows: bool) -> Followed {
        let made = raws
            .iter()
            .filter(|raw| matches!(raw.what, What::Clone { .. }));
        let made = made.filter_map(|raw| known.get(raw.returned?.to_string().as_str()));
        let made: HashSet<u32> = made.copied().collect();
        let named = known.iter().filter(|(name, _)| **name != FIRST);
        let found = named.filter(|(_, thread)| !made.contains(thread)).count();
        Followed {
            follows: follows && found < 2,
            ..Followed::default()
        }
    }

    /// The descriptors of a thread. One that nobody made belongs to the process that was there first; if there are several,
    /// nobody knows whether they are of one process.
    fn table(&mut self, thread: u32, threads: &[String]) -> usize {
        if let Some(&table) = self.of.get(&thread) {
            return table;
        }
        if self.tables.is_empty() {
            self.tables.push(BTreeMap::new());
            self.users.push(0);
            self.shared.push(false);
        }
        // To a terminal, the first has no number until there is another.
        if threads[thread as usize] != FIRST {
            self.found += 1;
            if self.found > 1 {
                self.shared[0] = true;
                self.spoil_all(0);
            }
        }
        self.users[0] += 1;
        self.of.insert(thread, 0);
        0
    }

    pub fn call(&mut self, raw: &Raw, known: &HashMap<&str, u32>, threads: &[String]) {
        let table = self.table(raw.thread, threads);
        match &raw.what {
            What::NewPort | What::NewEventfd { .. } | What::New(_) | What::NewPipe { .. } => {
                self.opens(raw, table);
            }
            What::Ctl { .. } | What::Wait { .. } | What::Sleeps(_) => self.on_port(raw, table),
            &What::Read { fd, empties } => self.reads(raw, table, fd, empties),
            &What::Write { fd, zeros } => {
                let file = self.file(table, fd);
                match self.files[file].kind {
                    Kind::Eventfd { .. } if zeros => self.spoils(file),
                    Kind::Eventfd { .. } => self.act(raw, Does::Write(file)),
                    Kind::Writes(pipe) => self.act(raw, Does::Write(pipe)),
                    Kind::Port(_) | Kind::Reads | Kind::Other => {}
                }
            }
            What::Spoils(fds) => {
                for &fd in fds {
                    let file = self.file(table, fd);
                    self.spoils(file);
                }
            }
            What::SpoilsAll | What::NewRing => {
                self.spoil_all(table);
                self.shared[table] = true;
                if raw.what == What::NewRing {
                    self.opens(raw, table);
                }
            }
            &What::Close(fd) => self.closes(raw, table, fd),
            &What::CloseRange {
                first,
                last,
                unshares,
                on_exec,
            } => {
                let table = if unshares {
                    self.unshares(raw, table)
                } else {
                    table
                };
                let own = self.tables[table].range_mut(first..=last.max(first));
                if on_exec {
                    own.for_each(|(_, slot)| slot.on_exec = true);
                } else {
                    let all: Vec<i32> = own.map(|(fd, _)| *fd).collect();
                    all.into_iter().for_each(|fd| self.closes(raw, table, fd));
                }
            }
            &What::Reopens(which) => {
                match which {
                    Some(fd) => {
                        let file = self.file(table, fd);
                        self.spoils(file);
                    }
                    None => (0..self.files.len()).for_each(|file| self.spoils(file)),
                }
                self.opens(raw, table);
            }
            &What::Dup(_) | &What::DupTo { .. } => self.duplicates(raw, table),
            &What::OnExec { fd, closes } => {
                if let Some(slot) = self.tables[table].get_mut(&fd) {
                    slot.on_exec = closes;
                }
            }
            What::Clone { shares } => self.clones(raw, table, *shares, known),
            What::Unshares => {
                self.unshares(raw, table);
            }
            What::Exec => {
                let own = self.tables[table].iter().filter(|(_, slot)| slot.on_exec);
                let all: Vec<i32> = own.map(|(fd, _)| *fd).collect();
                all.into_iter().for_each(|fd| self.closes(raw, table, fd));
            }
            What::Exits => {
                self.of.remove(&raw.thread);
                self.users[table] = self.users[table].saturating_sub(1);
                if self.users[table] == 0 {
                    let all: Vec<i32> = self.tables[table].keys().copied().collect();
                    all.into_iter().for_each(|fd| self.closes(raw, table, fd));
                }
            }
        }
    }

    /// A thread gets a table of its own, if it has none.
    fn unshares(&mut self, raw: &Raw, table: usize) -> usize {
        if self.users[table] < 2 {
            return table;
        }
        let own = self.copy(table);
        self.users[table] -= 1;
        self.of.insert(raw.thread, own);
        own
    }

    fn act(&mut self, raw: &Raw, does: Does) {
        self.acts.push(Act {
            thread: raw.thread,
            line: raw.line,
            t0: raw.t0,
            t1: raw.t1,
            took: raw.took,
            does,
        });
    }

    /// What a descriptor stands for; something that was there before the log if nothing else is known.
    pub(super) fn file(&mut self, table: usize, fd: i32) -> usize {
        if let Some(slot) = self.tables[table].get(&fd) {
            return slot.file;
        }
        let file = self.new_file(Kind::Other, fd, false);
        self.files[file].whole = false;
        self.files[file].descriptors = 1;
        let on_exec = false;
        self.tables[table].insert(fd, Slot { file, on_exec });
        file
    }

    fn new_file(&mut self, kind: Kind, fd: i32, readable: bool) -> usize {
        self.files.push(Open {
            kind,
            fd,
            readable,
            whole: true,
            descriptors: 0,
        });
        self.files.len() - 1
    }

    /// A new descriptor; whatever had that number before was closed where nobody saw it.
    fn place(&mut self, raw: &Raw, table: usize, fd: i32, file: usize, on_exec: bool) {
        if let Some(old) = self.tables[table].get(&fd).copied() {
            self.spoils(old.file);
            self.closes(raw, table, fd);
        }
        self.files[file].descriptors += 1;
        if self.shared[table] {
            self.spoils(file);
        }
        self.tables[table].insert(fd, Slot { file, on_exec });
    }

    fn opens(&mut self, raw: &Raw, table: usize) {
        let on_exec = raw.closes_on_exec;
        let own = raw.returned;
        match &raw.what {
            What::NewPort => {
                let Some(fd) = own else { return };
                self.ports.push(Port { fd, whole: true });
                let file = self.new_file(Kind::Port(self.ports.len() - 1), fd, false);
                self.place(raw, table, fd, file, on_exec);
            }
            &What::NewEventfd {
                readable,
                semaphore,
            } => {
                let Some(fd) = own else { return };
                let file = self.new_file(Kind::Eventfd { semaphore }, fd, readable);
                self.place(raw, table, fd, file, on_exec);
            }
            &What::NewPipe { read, write } => {
                let reads = self.new_file(Kind::Reads, read, false);
                let writes = self.new_file(Kind::Writes(reads), write, false);
                self.place(raw, table, read, reads, on_exec);
                self.place(raw, table, write, writes, on_exec);
            }
            What::New(fds) => {
                let all = fds.iter().copied().chain(own.filter(|_| fds.is_empty()));
                for fd in all.collect::<Vec<_>>() {
                    let file = self.new_file(Kind::Other, fd, false);
                    self.place(raw, table, fd, file, on_exec);
                }
            }
            _ => {
                if let Some(fd) = own {
                    let file = self.new_file(Kind::Other, fd, false);
                    self.place(raw, table, fd, file, on_exec);
                }
            }
        }
    }

    /// The epoll descriptor that a number stands for. One that nobody made was there before the log.
    fn port(&mut self, raw: &Raw, table: usize, fd: i32) -> usize {
        let file = self.file(table, fd);
        if let Kind::Port(port) = self.files[file].kind {
            return port;
        }
        self.ports.push(Port { fd, whole: false });
        let port = self.ports.len() - 1;
        let file = self.new_file(Kind::Port(port), fd, false);
        self.files[file].whole = false;
        self.place(raw, table, fd, file, false);
        port
    }

    fn on_port(&mut self, raw: &Raw, table: usize) {
        match &raw.what {
            What::Ctl {
                port,
                change,
                fd,
                events,
                data,
                error,
            } => {
                // What names nothing, or not an epoll descriptor, says nothing of one.
                if !matches!(error.as_deref(), None | Some("EEXIST" | "ENOENT")) {
                    return;
                }
                let port = self.port(raw, table, *port);
                let file = self.file(table, *fd);
                self.act(
                    raw,
                    Does::Ctl {
                        port,
                        file,
                        fd: *fd,
                        change: *change,
                        events: *events,
                        data: *data,
                        error: error.clone(),
                    },
                );
            }
            What::Wait {
                port,
                max,
                timeout,
                came,
            } => {
                // A call that failed may be on anything.
                if *came == Came::Untold && raw.t1.is_some() {
                    return;
                }
                let port = self.port(raw, table, *port);
                self.act(
                    raw,
                    Does::Wait {
                        port,
                        max: *max,
                        timeout: *timeout,
                        came: came.clone(),
                    },
                );
            }
            &What::Sleeps(time) => self.act(raw, Does::Sleeps(time)),
            _ => {}
        }
    }

    fn reads(&mut self, raw: &Raw, table: usize, fd: i32, empties: Option<bool>) {
        let file = self.file(table, fd);
        let maybe = match self.files[file].kind {
            // What is read of an eventfd is all of it, unless it is a semaphore.
            Kind::Eventfd { semaphore } => semaphore && empties != Some(true),
            Kind::Reads if self.writers.get(&file) == Some(&0) => return,
            Kind::Reads => empties != Some(true),
            Kind::Port(_) | Kind::Writes(_) | Kind::Other => return,
        };
        self.act(raw, Does::Drain { file, maybe });
    }

    pub(super) fn closes(&mut self, raw: &Raw, table: usize, fd: i32) {
        let Some(Slot { file, .. }) = self.tables[table].remove(&fd) else {
            return;
        };
        let open = &mut self.files[file];
        open.descriptors = open.descriptors.saturating_sub(1);
        if open.descriptors > 0 {
            return;
        }
        match open.kind {
            Kind::Port(port) => self.act(raw, Does::ClosesPort(port)),
            // That nobody will write any more can be read, for good.
            Kind::Writes(pipe) => {
                self.writers.insert(pipe, 0);
                self.act(raw, Does::Write(pipe));
            }
            Kind::Eventfd { .. } | Kind::Reads | Kind::Other => self.act(raw, Does::Closes(file)),
        }
    }

    fn duplicates(&mut self, raw: &Raw, table: usize) {
        let (from, to) = match raw.what {
            What::Dup(from) => (from, raw.returned),
            What::DupTo { from, to } => (from, Some(to)),
            _ => return,
        };
        if let Some(to) = to.filter(|&to| to != from) {
            let file = self.file(table, from);
            self.closes(raw, table, to);
            self.place(raw, table, to, file, raw.closes_on_exec);
        }
    }

    fn spoil_all(&mut self, table: usize) {
        let all: Vec<usize> = self.tables[table].values().map(|it| it.file).collect();
        all.into_iter().for_each(|file| self.spoils(file));
    }

    /// Somebody may have to do with a file whom the log does not show.
    pub(super) fn spoils(&mut self, file: usize) {
        self.files[file].whole = false;
        match self.files[file].kind {
            Kind::Writes(pipe) => self.files[pipe].whole = false,
            Kind::Port(port) => self.ports[port].whole = false,
            Kind::Eventfd { .. } | Kind::Reads | Kind::Other => {}
        }
    }

    /// The descriptors of a process once more, for another.
    fn copy(&mut self, table: usize) -> usize {
        self.copied += self.tables[table].len();
        if self.copied > COPIED_MAX {
            self.spoil_all(table);
            self.tables.push(BTreeMap::new());
            self.users.push(1);
            self.shared.push(true);
            return self.tables.len() - 1;
        }
        let copy = self.tables[table].clone();
        for slot in copy.values() {
            self.files[slot.file].descriptors += 1;
        }
        self.tables.push(copy);
        self.users.push(1);
        self.shared.push(false);
        self.tables.len() - 1
    }

    fn clones(&mut self, raw: &Raw, table: usize, shares: bool, threads: &HashMap<&str, u32>) {
        let Some(child) = raw.returned else { return };
        let child = threads.get(child.to_string().as_str()).copied();
        match child {
            Some(child) if shares => {
                self.users[table] += 1;
                self.of.insert(child, table);
            }
            Some(child) => {
                let own = self.copy(table);
                self.of.insert(child, own);
            }
            None if self.follows && shares => {}
            // It keeps what it has open.
            None if self.follows => {
                self.copy(table);
            }
            // Who is not in the log may do anything.
            None => {
                self.shared[table] |= shares;
                self.spoil_all(table);
            }
        }
    }
}
