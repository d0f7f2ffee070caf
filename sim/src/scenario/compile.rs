//! From the file as it is written to a checked program.
//!
//! Names first, then the results that operations leave, then code, then what must hold: whatever an
//! expression can speak of is known before the first is compiled.

mod finite;
mod io;
mod judged;

use portsim_model::program::{
    Bounds, Code, CodeId, LOCALS_MAX, LocalId, OBJECTS_MAX, Object, ObjectId, PORTS_MAX, Port,
    PortId, ProcessId, Program, RingSetup, SOURCES_MAX, Slot, Source, SourceId, THREADS_MAX,
    Thread, ThreadId, VARS_MAX, VarId, Whose,
};

use super::code::Coder;
use super::directory::{Directory, LocalName, Thing};
use super::place::{Aim, Complaint, Path, Place};
use super::results;
use super::wire::{self, File, Named, Resets, Threads, Var};
use crate::names::Names;

/// What is expected of a scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expect {
    /// Everything holds.
    Pass,
    /// This does not hold.
    Violation {
        /// The name of a property, or of a built-in invariant.
        name: String,
        /// Whether it is an invariant.
        builtin: bool,
    },
}

impl Expect {
    /// Whether a property of this name, or an invariant, is the one that is expected not to hold.
    pub fn is_named(&self, broken: &str, is_builtin: bool) -> bool {
        match self {
            Expect::Pass => false,
            Expect::Violation { name, builtin } => name == broken && *builtin == is_builtin,
        }
    }
}

/// What a file says, checked and compiled.
pub(super) struct Compiled {
    pub(super) program: Program,
    pub(super) names: Names,
    pub(super) expect: Expect,
}

/// Compiles a file.
pub(super) fn compile(file: &File) -> Result<Compiled, Complaint> {
    let mut compiler = Compiler {
        program: Program {
            bounds: Bounds {
                depth: file.bounds.depth,
                packets: file.bounds.packets,
                ticks: file.bounds.ticks,
            },
            ..Program::default()
        },
        names: Names::default(),
        directory: Directory::default(),
        computed: Vec::new(),
    };
    compiler.processes(&file.processes)?;
    compiler.ports(&file.ports)?;
    compiler.objects(file)?;
    compiler.files(&file.files)?;
    compiler.operations(&file.operations)?;
    compiler.extras(file)?;
    compiler.sources(&file.sources)?;
    compiler.vars(&file.vars)?;
    compiler.threads(&file.threads)?;
    compiler.codes(&file.threads)?;
    compiler.name_ends()?;
    compiler.packets()?;
    compiler.looks()?;
    finite::find(&mut compiler.program, &compiler.names, &compiler.computed)?;
    compiler.somebody_starts()?;
    compiler.builtin(&file.builtin)?;
    compiler.properties(&file.properties)?;
    compiler.may_wait(&file.may_wait)?;
    compiler.schedule(file.schedule.as_deref())?;
    let expect = compiler.expect(&file.expect)?;
    Ok(Compiled {
        program: compiler.program,
        names: compiler.names,
        expect,
    })
}

struct Compiler {
    program: Program,
    names: Names,
    directory: Directory,
    /// Where each post stands that computes what it carries.
    computed: Vec<Path>,
}

/// What shares the room of objects.
pub(super) const OBJECTS: &str = "events, mutexes, semaphores, files, operations on synchronous files and waits for the end of threads";

/// Refuses one thing too many.
fn room(
    there: usize,
    more: usize,
    max: usize,
    noun: &str,
    place: &Place<'_>,
) -> Result<(), Complaint> {
    if there + more > max {
        return Err(place.complain(format!(
            "a scenario has at most {max} {noun}; leave out what the question does not need"
        )));
    }
    Ok(())
}

/// The first values of a variable or of an array, and how many elements an array has.
fn values<'v>(var: &'v Var, place: &Place<'_>) -> Result<(&'v [i32], Option<u8>), Complaint> {
    match var {
        Var::One(value) => Ok((std::slice::from_ref(value), None)),
        Var::Array(values) if values.is_empty() => {
            Err(place.complain("an array needs at least one element"))
        }
        Var::Array(values) => {
            let len = values.len().try_into().unwrap_or(u8::MAX);
            Ok((values, Some(len)))
        }
    }
}

/// The name of a variable, or those of the elements of an array.
fn each_name(name: &str, len: Option<u8>) -> Vec<String> {
    match len {
        None => vec![name.to_owned()],
        Some(len) => (0..len).map(|n| format!("{name}[{n}]")).collect(),
    }
}

/// A ring has a power of two of entries.
fn entries(entries: Option<u8>, place: &Place<'_>) -> Result<Option<u8>, Complaint> {
    match entries {
        Some(found) if !found.is_power_of_two() => Err(place.complain(format!(
            "found {found}, expected 1, 2, 4, 8, 16, 32, 64 or 128"
        ))),
        entries => Ok(entries),
    }
}

impl Compiler {
    fn ports(&mut self, ports: &Named<wire::Port>) -> Result<(), Complaint> {
        let section = Place::TOP.field("ports");
        for (name, port) in &ports.0 {
            let place = &section.field(name);
            let there = self.program.ports.len();
            room(there, 1, PORTS_MAX, "ports", place)?;
            self.directory
                .declare(name, Thing::Port(PortId(there as u8)), place)?;
            self.names.ports.push(name.clone());
            self.program.ports.push(Port {
                concurrency: port.concurrency,
                open: true,
                named: port.named,
                events_max: port.events_max,
                entries: entries(port.entries, &place.field("entries"))?,
                setup: match port.setup {
                    None => RingSetup::Shared,
                    Some(wire::Setup::SingleIssuer) => RingSetup::SingleIssuer,
                    Some(wire::Setup::DeferTaskrun) => RingSetup::DeferTaskrun,
                },
            });
        }
        Ok(())
    }

    fn objects(&mut self, file: &File) -> Result<(), Complaint> {
        let section = Place::TOP.field("events");
        for (name, event) in &file.events.0 {
            let object = Object::Event {
                manual: event.reset == Resets::Manual,
                signaled: event.signaled,
            };
            self.object(name, object, Thing::Event, &section)?;
        }
        let section = Place::TOP.field("mutexes");
        for (name, wire::Mutex {}) in &file.mutexes.0 {
            self.object(name, Object::Mutex, Thing::Mutex, &section)?;
        }
        let section = Place::TOP.field("semaphores");
        for (name, semaphore) in &file.semaphores.0 {
            let object = Object::Semaphore {
                count: semaphore.count,
            };
            self.object(name, object, Thing::Semaphore, &section)?;
        }
        Ok(())
    }

    fn object(
        &mut self,
        name: &str,
        object: Object,
        thing: fn(ObjectId) -> Thing,
        section: &Place<'_>,
    ) -> Result<(), Complaint> {
        let place = &section.field(name);
        let there = self.program.objects.len();
        room(there, 1, OBJECTS_MAX, OBJECTS, place)?;
        self.directory
            .declare(name, thing(ObjectId(there as u8)), place)?;
        self.names.objects.push(name.to_owned());
        self.program.objects.push(object);
        Ok(())
    }

    fn sources(&mut self, sources: &Named<wire::Source>) -> Result<(), Complaint> {
        let section = Place::TOP.field("sources");
        for (name, source) in &sources.0 {
            let place = &section.field(name);
            let there = self.program.sources.len();
            room(there, 1, SOURCES_MAX, "sources", place)?;
            self.directory
                .declare(name, Thing::Source(SourceId(there as u8)), place)?;
            let port = self.port_of(source, place)?;
            self.names.sources.push(name.clone());
            self.program.sources.push(Source {
                readable: source.readable,
                writable: source.writable,
                port,
            });
        }
        Ok(())
    }

    /// The port that a source is, where it is one: what that has to take says whether it can be read.
    fn port_of(
        &self,
        source: &wire::Source,
        place: &Place<'_>,
    ) -> Result<Option<PortId>, Complaint> {
        let Some(name) = &source.port else {
            return Ok(None);
        };
        if source.readable || source.writable.is_some() {
            return Err(place.complain(
                "a source that is a port says neither whether it is \"readable\" nor whether it is \"writable\"",
            ));
        }
        let place = &place.field("port");
        let port = self.directory.port(name, place)?;
        let known = self.program.sources.iter();
        match known
            .zip(&self.names.sources)
            .find(|(known, _)| known.port == Some(port))
        {
            Some((_, other)) => {
                Err(place.complain(format!("{name:?} is source {other:?} already")))
            }
            None => Ok(Some(port)),
        }
    }

    fn vars(&mut self, vars: &Named<Var>) -> Result<(), Complaint> {
        let section = Place::TOP.field("vars");
        for (name, var) in &vars.0 {
            let place = &section.field(name);
            let first = VarId(self.program.vars.len() as u8);
            let (values, len) = values(var, place)?;
            let thing = len.map_or(Thing::Var(first), |len| Thing::Array { first, len });
            let noun = "variables, each element of an array counted";
            room(self.program.vars.len(), values.len(), VARS_MAX, noun, place)?;
            self.directory.declare(name, thing, place)?;
            self.program.vars.extend(values);
            self.names.vars.extend(each_name(name, len));
        }
        Ok(())
    }

    /// The variables that threads of the next code have for themselves. None is called like something that its
    /// expressions can speak of besides.
    fn locals(&mut self, locals: &Named<Var>, place: &Place<'_>) -> Result<(), Complaint> {
        let section = place.field("locals");
        let code = self.directory.locals.len();
        let (mut known, mut names) = (Vec::new(), Vec::new());
        for (name, var) in &locals.0 {
            let place = &section.field(name);
            let (values, len) = values(var, place)?;
            let firsts = &mut self.program.codes[code].locals;
            if firsts.len() + values.len() > LOCALS_MAX {
                return Err(place.complain(format!(
                    "a thread has at most {LOCALS_MAX} variables of its own, each element of an array counted"
                )));
            }
            let first = LocalId(firsts.len() as u8);
            firsts.extend(values);
            let on_name = |complaint: Complaint| complaint.at(Aim::Name);
            self.directory.check_new(name, place).map_err(on_name)?;
            if self.directory.slots[code].iter().any(|it| it.name == *name) {
                let problem = format!("{name:?} is the name of a result of this thread already");
                return Err(on_name(place.complain(problem)));
            }
            names.extend(each_name(name, len));
            let name = name.clone();
            known.push(LocalName { name, first, len });
        }
        self.directory.locals.push(known);
        self.names.locals.push(names);
        Ok(())
    }

    /// A thread that is spawned waits for it, so one must start by itself.
    fn somebody_starts(&self) -> Result<(), Complaint> {
        if self.program.threads.iter().all(|thread| thread.spawned) {
            let place = Place::TOP.field("threads");
            return Err(
                place.complain("each thread waits for another to spawn it, so none ever starts")
            );
        }
        Ok(())
    }

    fn threads(&mut self, threads: &Named<Threads>) -> Result<(), Complaint> {
        let section = Place::TOP.field("threads");
        if threads.0.is_empty() {
            return Err(section.complain("a scenario needs at least one thread"));
        }
        for (name, threads) in &threads.0 {
            let place = &section.field(name);
            let there = self.program.threads.len();
            let first = ThreadId(there as u8);
            let process = match threads {
                Threads::Group(wire::Group {
                    process: Some(process),
                    ..
                }) => self.directory.process(process, &place.field("process"))?,
                _ => ProcessId(0),
            };
            let (count, thing) = match threads {
                Threads::One(_) => (1, Thing::Thread(first)),
                Threads::Group(wire::Group { count: Some(0), .. }) => {
                    return Err(place
                        .field("count")
                        .complain("a group needs at least one thread"));
                }
                Threads::Group(group) => match group.count {
                    Some(count) => (count, Thing::Group { first, count }),
                    None if group.locals.is_none() => {
                        let problem = "the field \"count\" is missing; only one thread with \"locals\" goes without";
                        return Err(place.complain(problem).at(Aim::Name));
                    }
                    None => (1, Thing::Thread(first)),
                },
            };
            room(there, count.into(), THREADS_MAX, "threads", place)?;
            self.directory.declare(name, thing, place)?;
            self.name_threads(name, thing);
            // Each thread or group brings its code, so there are no more codes than threads.
            let code = CodeId(self.program.codes.len() as u8);
            self.program.codes.push(Code::default());
            for _ in 0..count {
                self.directory.codes.push(code);
                self.program.threads.push(Thread {
                    code,
                    spawned: false,
                    may_wait: false,
                    may_wait_in: Vec::new(),
                    process,
                });
            }
        }
        Ok(())
    }

    /// What stands for the end of threads is called as they are.
    fn name_ends(&mut self) -> Result<(), Complaint> {
        let named = self.names.objects.len();
        for object in self.program.objects.split_off(named) {
            let Object::End(whose) = object else {
                unreachable!("code adds no other objects");
            };
            let name = self.name_of(whose);
            if let Whose::Process(process) = whose
                && let Some(late) = self.spawned_in(process)
            {
                let place = Place::TOP.field("processes");
                let late = self.names.thread_name(late);
                return Err(place.complain(format!(
                    "{name:?} is waited for, so all its threads must be there from the start; {late:?} is spawned"
                )));
            }
            self.names.objects.push(name);
            self.program.objects.push(object);
        }
        Ok(())
    }

    fn spawned_in(&self, process: ProcessId) -> Option<ThreadId> {
        let thread = |id: &ThreadId| &self.program.threads[id.index()];
        let mut ids = self.program.thread_ids();
        ids.find(|id| thread(id).spawned && thread(id).process == process)
    }

    fn name_of(&self, whose: Whose) -> String {
        let names = &self.names;
        match whose {
            Whose::Process(process) => names.processes[process.index()].clone(),
            Whose::Threads { first, count: 1 } => names.thread_name(first).to_owned(),
            Whose::Threads { first, .. } => {
                let mut groups = names.groups.iter();
                let group = groups.find(|(_, threads)| threads.first() == Some(&first));
                group.expect("only groups have several").0.clone()
            }
        }
    }

    fn name_threads(&mut self, name: &str, thing: Thing) {
        let Thing::Group { count, .. } = thing else {
            self.names.threads.push(name.to_owned());
            return;
        };
        let members = (0..count).map(|n| format!("{name}[{n}]"));
        self.names.threads.extend(members);
        let threads = thing.threads().into_iter().flatten().collect();
        self.names.groups.push((name.to_owned(), threads));
    }

    fn codes(&mut self, threads: &Named<Threads>) -> Result<(), Complaint> {
        let section = Place::TOP.field("threads");
        for (name, threads) in &threads.0 {
            let whole = &section.field(name);
            let (ops, place) = match threads {
                Threads::One(ops) => (ops, whole),
                Threads::Group(group) => (&group.ops, &whole.field("do")),
            };
            let mut slots = Vec::new();
            results::collect(ops, &mut slots, &self.directory, place)?;
            self.names
                .slots
                .push(slots.iter().map(|slot| slot.name.clone()).collect());
            self.directory.slots.push(slots);
            let locals = match threads {
                Threads::One(_) => None,
                Threads::Group(group) => group.locals.as_ref(),
            };
            self.locals(locals.unwrap_or(&Named::default()), whole)?;
        }
        for (n, (name, threads)) in threads.0.iter().enumerate() {
            let place = &section.field(name);
            let (ops, count, place) = match threads {
                Threads::One(ops) => (ops, 1, place),
                Threads::Group(group) => (&group.ops, group.count.unwrap_or(1), &place.field("do")),
            };
            let coder = Coder {
                directory: &self.directory,
                program: &mut self.program,
                notes: &mut self.names.notes,
                computed: &mut self.computed,
                code: CodeId(n as u8),
                threads: count,
                instrs: Vec::new(),
                breaks: Vec::new(),
                items: Vec::new(),
            };
            let instrs = coder.instrs(ops, place)?;
            let slots = self.directory.slots[n].iter().map(|slot| Slot {
                packets_max: slot.room(),
            });
            let code = &mut self.program.codes[n];
            (code.instrs, code.slots) = (instrs, slots.collect());
        }
        Ok(())
    }
}
