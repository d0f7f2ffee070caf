//! Every name of a scenario, and what it stands for.

use portsim_model::os_error::{UNKNOWN_STATUS, os_errors, win32_of_status};
use portsim_model::program::{
    CodeId, FileId, JobId, LocalId, ObjectId, OperationId, PortId, ProcessId, ReserveId, SlotId,
    SourceId, ThreadId, VarId, WaitPacketId, WaitsIn, Whose,
};

use super::place::{Aim, Complaint, NAME_MAX, Place};
use super::wire::Status;
use crate::bad_input::{nearest, one_of, quoted};
use crate::words::{EVENTS, STATUSES};

/// What a name stands for. What an expression can speak of shares one space of names, so that it never
/// has to guess; what only operations name (events, mutexes, semaphores, sources) has another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Thing {
    Port(PortId),
    Event(ObjectId),
    Mutex(ObjectId),
    Semaphore(ObjectId),
    Source(SourceId),
    /// A file, and its own signal.
    File(FileId, ObjectId),
    Operation(OperationId),
    Reserve(ReserveId),
    WaitPacket(WaitPacketId),
    Job(JobId),
    Process(ProcessId),
    Var(VarId),
    Array {
        first: VarId,
        len: u8,
    },
    Thread(ThreadId),
    Group {
        first: ThreadId,
        count: u8,
    },
}

impl Thing {
    /// What it is, for a sentence.
    pub(super) fn noun(self) -> &'static str {
        match self {
            Thing::Port(_) => "a port",
            Thing::Event(_) => "an event",
            Thing::Mutex(_) => "a mutex",
            Thing::Semaphore(_) => "a semaphore",
            Thing::Source(_) => "a source",
            Thing::File(..) => "a file",
            Thing::Operation(_) => "an operation",
            Thing::Reserve(_) => "a reserve object",
            Thing::WaitPacket(_) => "a wait completion packet",
            Thing::Job(_) => "a job",
            Thing::Process(_) => "a process",
            Thing::Var(_) => "a variable",
            Thing::Array { .. } => "an array",
            Thing::Thread(_) => "a thread",
            Thing::Group { .. } => "a group of threads",
        }
    }

    /// Whether an expression can speak of it.
    fn is_spoken_of(self) -> bool {
        !matches!(
            self,
            Thing::Event(_)
                | Thing::Mutex(_)
                | Thing::Semaphore(_)
                | Thing::Source(_)
                | Thing::Reserve(_)
                | Thing::WaitPacket(_)
                | Thing::Job(_)
                | Thing::Process(_)
        )
    }

    /// Its port; it must be one.
    pub(super) fn port(self) -> PortId {
        match self {
            Thing::Port(port) => port,
            _ => unreachable!("it was looked up as a port"),
        }
    }

    /// Its operation; it must be one.
    pub(super) fn operation(self) -> OperationId {
        match self {
            Thing::Operation(operation) => operation,
            _ => unreachable!("it was looked up as an operation"),
        }
    }

    /// Whose end can be waited for, if it has threads.
    fn whose(self) -> Option<Whose> {
        match self {
            Thing::Thread(thread) => Some(Whose::one(thread)),
            Thing::Group { first, count } => Some(Whose::Threads { first, count }),
            Thing::Process(process) => Some(Whose::Process(process)),
            _ => None,
        }
    }

    /// Its threads, if it has some.
    pub(super) fn threads(self) -> Option<impl DoubleEndedIterator<Item = ThreadId> + Clone> {
        match self {
            Thing::Thread(thread) => Some(thread.0..=thread.0),
            Thing::Group { first, count } => Some(first.0..=first.0 + (count - 1)),
            _ => None,
        }
        .map(|ids| ids.map(ThreadId))
    }
}

/// What a wait completion packet can wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signaled {
    Object(ObjectId),
    End(Whose),
}

/// A name for a packet of a batch.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) name: String,
    /// The result that has the batch.
    pub(super) batch: String,
    /// Which of its packets.
    pub(super) nth: u8,
}

/// A name for the result of a call.
#[derive(Debug)]
pub(super) struct SlotName {
    pub(super) name: String,
    /// The most packets that a call leaves there.
    pub(super) packets_max: u8,
    /// How much room a number needs that a call leaves there, or the end of an operation; 0 without one.
    pub(super) number: u8,
    /// Whether some call keeps there what the last packet had.
    pub(super) keeps: bool,
    /// Whether nothing but calls that take exactly one packet leave something there.
    pub(super) plain: bool,
}

/// A name for a variable that each thread of a code has for itself, or for an array of them.
#[derive(Debug)]
pub(super) struct LocalName {
    pub(super) name: String,
    /// The variable, or the first element.
    pub(super) first: LocalId,
    /// How many elements there are; none for a plain variable.
    pub(super) len: Option<u8>,
}

/// The names of a scenario, in the order of the file.
#[derive(Debug, Default)]
pub(super) struct Directory {
    things: Vec<(String, Thing)>,
    /// The code of each thread.
    pub(super) codes: Vec<CodeId>,
    /// The results of each code.
    pub(super) slots: Vec<Vec<SlotName>>,
    /// The variables that threads of each code have for themselves.
    pub(super) locals: Vec<Vec<LocalName>>,
}

impl SlotName {
    /// Whether a call leaves the end of an operation there, or a number.
    pub(super) fn has_value(&self) -> bool {
        self.number > 0
    }

    /// For how many packets it has room, or for a number that takes as much.
    pub(super) fn room(&self) -> u8 {
        self.packets_max.max(self.number)
    }
}

impl Directory {
    /// Gives a name to something.
    pub(super) fn declare(
        &mut self,
        name: &str,
        thing: Thing,
        place: &Place<'_>,
    ) -> Result<(), Complaint> {
        let on_name = |complaint: Complaint| complaint.at(Aim::Name);
        self.check_free(name, thing.is_spoken_of(), place)
            .map_err(on_name)?;
        self.things.push((name.to_owned(), thing));
        Ok(())
    }

    /// Whether a name can still be given to something that an expression speaks of.
    pub(super) fn check_new(&self, name: &str, place: &Place<'_>) -> Result<(), Complaint> {
        self.check_free(name, true, place)
    }

    fn check_free(&self, name: &str, spoken: bool, place: &Place<'_>) -> Result<(), Complaint> {
        check_name(name, place)?;
        if WORDS.contains(&name) {
            return Err(place.complain(format!("{name:?} is a word of expressions, not a name")));
        }
        match self
            .named(name)
            .find(|thing| thing.is_spoken_of() == spoken)
        {
            Some(thing) => {
                Err(place.complain(format!("{name:?} is already the name of {}", thing.noun())))
            }
            None => Ok(()),
        }
    }

    /// What a name stands for, for an expression if it can.
    pub(super) fn thing(&self, name: &str) -> Option<Thing> {
        let spoken = self.named(name).find(|thing| thing.is_spoken_of());
        spoken.or_else(|| self.named(name).next())
    }

    /// Everything of this name.
    fn named(&self, name: &str) -> impl Iterator<Item = Thing> {
        let same = move |(known, thing): &(String, Thing)| (known == name).then_some(*thing);
        self.things.iter().filter_map(same)
    }

    /// Every name.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.things.iter().map(|(name, _)| name.as_str())
    }

    /// The thing of this name that `pick` wants, or which ones it could have been.
    fn find<T>(
        &self,
        name: &str,
        noun: &str,
        place: &Place<'_>,
        pick: impl Fn(Thing) -> Option<T>,
    ) -> Result<T, Complaint> {
        let known = self
            .things
            .iter()
            .filter(|(_, thing)| pick(*thing).is_some());
        let known: Vec<&str> = known.map(|(name, _)| name.as_str()).collect();
        if let Some(found) = self.named(name).find_map(&pick) {
            return Ok(found);
        }
        if let Some(thing) = self.thing(name) {
            return Err(place.complain(format!("{name:?} is {}, not {noun}", thing.noun())));
        }
        let bare = noun.split_once(' ').map_or(noun, |(_, bare)| bare);
        Err(unknown(bare, name, &known, place))
    }

    /// The port of this name.
    pub(super) fn port(&self, name: &str, place: &Place<'_>) -> Result<PortId, Complaint> {
        self.find(name, "a port", place, |thing| match thing {
            Thing::Port(port) => Some(port),
            _ => None,
        })
    }

    /// The event, mutex or semaphore of this name.
    pub(super) fn object(&self, name: &str, place: &Place<'_>) -> Result<ObjectId, Complaint> {
        self.find(
            name,
            "an event, mutex or semaphore",
            place,
            |thing| match thing {
                Thing::Event(object) | Thing::Mutex(object) | Thing::Semaphore(object) => {
                    Some(object)
                }
                _ => None,
            },
        )
    }

    /// The event, mutex or semaphore of this name, or the signal of the file.
    pub(super) fn object_or_file(
        &self,
        name: &str,
        place: &Place<'_>,
    ) -> Result<ObjectId, Complaint> {
        let noun = "an event, mutex, semaphore or file";
        self.find(name, noun, place, |thing| match thing {
            Thing::Event(object)
            | Thing::Mutex(object)
            | Thing::Semaphore(object)
            | Thing::File(_, object) => Some(object),
            _ => None,
        })
    }

    /// The port, event, mutex or semaphore of this name, or the signal of the file: what a thread waits in.
    pub(super) fn waits_in(&self, name: &str, place: &Place<'_>) -> Result<WaitsIn, Complaint> {
        let noun = "a port, event, mutex, semaphore or file";
        self.find(name, noun, place, |thing| match thing {
            Thing::Port(port) => Some(WaitsIn::Port(port)),
            Thing::Event(object)
            | Thing::Mutex(object)
            | Thing::Semaphore(object)
            | Thing::File(_, object) => Some(WaitsIn::Object(object)),
            _ => None,
        })
    }

    /// The file of this name, and its own signal.
    pub(super) fn file(
        &self,
        name: &str,
        place: &Place<'_>,
    ) -> Result<(FileId, ObjectId), Complaint> {
        self.find(name, "a file", place, |thing| match thing {
            Thing::File(file, signal) => Some((file, signal)),
            _ => None,
        })
    }

    /// The operation of this name.
    pub(super) fn operation(
        &self,
        name: &str,
        place: &Place<'_>,
    ) -> Result<OperationId, Complaint> {
        self.find(name, "an operation", place, |thing| match thing {
            Thing::Operation(operation) => Some(operation),
            _ => None,
        })
    }

    /// The port or file of this name.
    pub(super) fn port_or_file(&self, name: &str, place: &Place<'_>) -> Result<Thing, Complaint> {
        self.find(name, "a port or file", place, |thing| {
            matches!(thing, Thing::Port(_) | Thing::File(..)).then_some(thing)
        })
    }

    /// The file or operation of this name.
    pub(super) fn file_or_operation(
        &self,
        name: &str,
        place: &Place<'_>,
    ) -> Result<Thing, Complaint> {
        self.find(name, "an operation or file", place, |thing| {
            matches!(thing, Thing::Operation(_) | Thing::File(..)).then_some(thing)
        })
    }

    /// The reserve object of this name, if one is named.
    pub(super) fn reserve(
        &self,
        name: Option<&str>,
        place: &Place<'_>,
    ) -> Result<Option<ReserveId>, Complaint> {
        let Some(name) = name else { return Ok(None) };
        let found = self.find(name, "a reserve object", place, |thing| match thing {
            Thing::Reserve(reserve) => Some(reserve),
            _ => None,
        });
        found.map(Some)
    }

    /// The wait completion packet of this name.
    pub(super) fn wait_packet(
        &self,
        name: &str,
        place: &Place<'_>,
    ) -> Result<WaitPacketId, Complaint> {
        self.find(
            name,
            "a wait completion packet",
            place,
            |thing| match thing {
                Thing::WaitPacket(wait_packet) => Some(wait_packet),
                _ => None,
            },
        )
    }

    /// The job of this name.
    pub(super) fn job(&self, name: &str, place: &Place<'_>) -> Result<JobId, Complaint> {
        self.find(name, "a job", place, |thing| match thing {
            Thing::Job(job) => Some(job),
            _ => None,
        })
    }

    /// The process of this name.
    pub(super) fn process(&self, name: &str, place: &Place<'_>) -> Result<ProcessId, Complaint> {
        self.find(name, "a process", place, |thing| match thing {
            Thing::Process(process) => Some(process),
            _ => None,
        })
    }

    /// The event of this name.
    pub(super) fn event(&self, name: &str, place: &Place<'_>) -> Result<ObjectId, Complaint> {
        self.find(name, "an event", place, |thing| match thing {
            Thing::Event(object) => Some(object),
            _ => None,
        })
    }

    /// The source of this name.
    pub(super) fn source(&self, name: &str, place: &Place<'_>) -> Result<SourceId, Complaint> {
        self.find(name, "a source", place, |thing| match thing {
            Thing::Source(source) => Some(source),
            _ => None,
        })
    }

    /// Those whose end can be waited for: `a`, `worker[1]`, all of the group `worker`, or a process.
    pub(super) fn whose(&self, text: &str, place: &Place<'_>) -> Result<Whose, Complaint> {
        if let (_, Some(_)) = halves(text) {
            return self.thread(text, place).map(Whose::one);
        }
        self.find(text, "a thread, group or process", place, Thing::whose)
    }

    /// What a wait completion packet waits for, which is one object.
    pub(super) fn signaled(&self, text: &str, place: &Place<'_>) -> Result<Signaled, Complaint> {
        if let (_, Some(_)) = halves(text) {
            return self
                .thread(text, place)
                .map(|it| Signaled::End(Whose::one(it)));
        }
        let noun = "an event, semaphore, thread or process";
        let found = self.find(text, noun, place, |thing| match thing {
            Thing::Event(object) | Thing::Mutex(object) | Thing::Semaphore(object) => {
                Some(Signaled::Object(object))
            }
            thing => thing.whose().map(Signaled::End),
        })?;
        match found {
            Signaled::End(Whose::Threads { count: 2.., .. }) => Err(place.complain(format!(
                "it waits for one of the group; name it, as in \"{text}[0]\""
            ))),
            found => Ok(found),
        }
    }

    /// A thread, by its own name or as a member of a group: `a`, `worker[1]`.
    pub(super) fn thread(&self, text: &str, place: &Place<'_>) -> Result<ThreadId, Complaint> {
        let (name, member) = halves(text);
        let thing = self.find(name, "a thread", place, |thing| {
            thing.threads().is_some().then_some(thing)
        })?;
        let chosen = match member.map(str::parse) {
            None => Ok(None),
            Some(Ok(member)) => Ok(Some(member)),
            Some(Err(_)) => Err(format!("{} names no thread", quoted(text))),
        };
        chosen
            .and_then(|member| member_of(name, thing, member))
            .map_err(|problem| place.complain(problem).about(name))
    }

    /// All threads of a group, or the one thread of this name: `worker`, `worker[1]`, `a`.
    pub(super) fn threads(
        &self,
        text: &str,
        place: &Place<'_>,
    ) -> Result<Vec<ThreadId>, Complaint> {
        match self.thing(text).and_then(Thing::threads) {
            Some(threads) => Ok(threads.collect()),
            None => Ok(vec![self.thread(text, place)?]),
        }
    }

    /// The variable of this name that threads of a code have for themselves.
    pub(super) fn local(&self, code: CodeId, name: &str) -> Option<&LocalName> {
        let mut locals = self.locals[code.index()].iter();
        locals.find(|local| local.name == name)
    }

    /// The result of this name in the code of a thread.
    pub(super) fn slot(&self, code: CodeId, name: &str) -> Option<(SlotId, &SlotName)> {
        let slots = &self.slots[code.index()];
        let at = slots.iter().position(|slot| slot.name == name)?;
        Some((SlotId(at as u8), &slots[at]))
    }
}

/// A name, and the number of a member that stands behind it.
fn halves(text: &str) -> (&str, Option<&str>) {
    match text.strip_suffix(']').and_then(|it| it.split_once('[')) {
        Some((name, member)) => (name, Some(member)),
        None => (text, None),
    }
}

/// Refuses what cannot be a name.
pub(super) fn check_name(text: &str, place: &Place<'_>) -> Result<(), Complaint> {
    if text.len() > NAME_MAX {
        let problem = format!("{} is longer than {NAME_MAX} letters", quoted(text));
        return Err(place.complain(problem));
    }
    if is_name(text) {
        return Ok(());
    }
    Err(place.complain(format!(
        "{} cannot be a name: names have ASCII letters, digits and _, and begin with no digit",
        quoted(text)
    )))
}

/// Whether a text can be a name.
pub(super) fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && text.chars().all(in_name)
}

/// Whether a character can stand in a name.
pub(super) fn in_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// A thread of something that has threads, by its number if it is a group.
pub(super) fn member_of(name: &str, thing: Thing, member: Option<u64>) -> Result<ThreadId, String> {
    match (thing, member) {
        (Thing::Thread(thread), None) => Ok(thread),
        (Thing::Thread(_), Some(_)) => Err(format!("{name:?} is one thread, not a group")),
        (Thing::Group { .. }, None) => Err(format!(
            "{name:?} is a group; one of its threads is \"{name}[0]\""
        )),
        (Thing::Group { first, count }, Some(member)) if member < count.into() => {
            Ok(ThreadId(first.0 + member as u8))
        }
        (Thing::Group { count, .. }, Some(member)) => Err(format!(
            "there is no \"{name}[{member}]\"; the last of the group is \"{name}[{}]\"",
            count - 1
        )),
        _ => Err(format!("{name:?} is {}, not a thread", thing.noun())),
    }
}

/// A name that stands for nothing: the near one if there is one, else all that it could have been.
pub(super) fn unknown(noun: &str, name: &str, known: &[&str], place: &Place<'_>) -> Complaint {
    let all = || known.iter().copied();
    let mut problem = format!("unknown {noun} {}", quoted(name));
    if known.is_empty() {
        problem += "; the scenario has none";
    } else if nearest(name, all()).is_none() {
        problem += &format!(", expected {}", one_of(all()));
    }
    let unknown = place.complain(problem).near(name, all()).about(name);
    match known {
        [] => unknown,
        _ => unknown.expected(one_of(all())),
    }
}

/// Names that expressions have for themselves. All other words are hidden by a name that is declared.
const WORDS: [&str; 2] = ["true", "false"];

/// The NTSTATUS that is written here, by number or by name.
pub(super) fn status_of(written: &Status, place: &Place<'_>) -> Result<u32, Complaint> {
    match written {
        Status::Number(number) => Ok(*number),
        Status::Name(name) => status(name, place),
    }
}

/// The NTSTATUS of this name.
fn status(name: &str, place: &Place<'_>) -> Result<u32, Complaint> {
    let named = STATUSES.into_iter().find(|(known, _)| *known == name);
    let known = STATUSES.map(|(known, _)| known);
    let value = named.map(|(_, value)| value);
    value.ok_or_else(|| unknown("status", name, &known, place))
}

/// The number that a constant of a system's headers stands for: an error, an NTSTATUS, or an event of a source.
pub(super) fn constant(name: &str) -> Option<i64> {
    constants().find_map(|(known, value)| (known == name).then_some(value))
}

/// Every constant of the systems' headers that expressions know.
pub fn constants() -> impl Iterator<Item = (&'static str, i64)> {
    let carried = STATUSES
        .into_iter()
        .filter_map(|(_, status)| win32_of_status(status));
    os_errors()
        .map(|(_, error)| error)
        .chain(carried.chain([UNKNOWN_STATUS]))
        .map(|error| (error.name, error.number.into()))
        .chain(STATUSES.map(|(name, value)| (name, value.into())))
        .chain(EVENTS)
}
