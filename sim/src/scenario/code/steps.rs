//! Operations that are steps.

use portsim_model::expr::ExprId;
use portsim_model::program::{
    Assignment, Computed, Direction, Events, Instr, Interest, OBJECTS_MAX, Object, ObjectId, Op,
    Owner, Packet, PacketId, SETS_MAX, SlotId, SourceId, Variable, Watch, Whose,
};

use super::io::once;
use super::{Coded, Coder, Flow, packet, timeout};
use crate::scenario::compile::OBJECTS;
use crate::scenario::directory::status_of;
use crate::scenario::place::{Complaint, Place};
use crate::scenario::wire::{self, Change, EpollEvent, Trigger, Value};
use crate::words::Type;

/// The most assignments of a scenario, and the most notes.
const NUMBERED_MAX: usize = u16::MAX as usize;

impl Coder<'_> {
    pub(super) fn get(&mut self, it: &wire::Get, place: &Place<'_>) -> Coded {
        Ok(Op::Get {
            port: self.directory.port(&it.get, &place.field("get"))?,
            into: self.slot(it.into.as_deref()),
            timeout: timeout(it.timeout),
            max: it.max,
            min: it.min,
            min_wait: it.min_wait,
            alertable: it.alertable,
            keeps: it.keeps,
        })
    }

    pub(super) fn post(&mut self, it: &wire::Post, place: &Place<'_>) -> Coded {
        let names = self.directory;
        let port = names.port(&it.post, &place.field("post"))?;
        let reserve = names.reserve(it.reserve.as_deref(), &place.field("reserve"))?;
        let owner = reserve.map_or(Owner::Nobody, Owner::Reserve);
        let Some(contents) = contents(it, place)? else {
            return Ok(Op::PostComputed {
                port,
                computed: self.computed(it, place)?,
                into: self.slot(it.into.as_deref()),
                may_fail: it.may_fail,
                reserve,
            });
        };
        Ok(Op::Post {
            port,
            packet: packet(self.program, contents, owner, place)?,
            into: self.slot(it.into.as_deref()),
            may_fail: it.may_fail,
            reserve,
        })
    }

    /// What a post computes; all that this can be is found when all code is known.
    fn computed(&mut self, it: &wire::Post, place: &Place<'_>) -> Result<u16, Complaint> {
        let number = self.program.computed.len();
        if number == NUMBERED_MAX {
            return Err(place.complain(format!(
                "more than {NUMBERED_MAX} posts compute what they carry"
            )));
        }
        let computed = Computed {
            key: self.value(&it.key, &place.field("key"))?,
            bytes: self.value(&it.bytes, &place.field("bytes"))?,
            overlapped: self.value(&it.overlapped, &place.field("overlapped"))?,
            status: status_of(&it.status, &place.field("status"))?,
            packets: Vec::new(),
        };
        self.program.computed.push(computed);
        self.computed.push(place.path());
        Ok(number as u16)
    }

    pub(super) fn block(&mut self, it: &wire::Block, place: &Place<'_>) -> Coded {
        let names = self.directory;
        Ok(Op::Block {
            object: names.object_or_file(&it.block, &place.field("block"))?,
            into: self.slot(it.into.as_deref()),
            timeout: timeout(it.timeout),
            alertable: it.alertable,
        })
    }

    pub(super) fn join(&mut self, it: &wire::Join, place: &Place<'_>) -> Coded {
        let place = &place.field("join");
        let whose = self.directory.whose(&it.join, place)?;
        Ok(Op::Join {
            object: self.end_of(whose, place)?,
            into: self.slot(it.into.as_deref()),
            timeout: timeout(it.timeout),
            alertable: it.alertable,
        })
    }

    /// What stands for the end of threads, each once.
    pub(super) fn end_of(
        &mut self,
        whose: Whose,
        place: &Place<'_>,
    ) -> Result<ObjectId, Complaint> {
        if let Whose::Process(process) = whose
            && !self.program.threads.iter().any(|it| it.process == process)
        {
            return Err(place.complain("no thread runs in this process"));
        }
        let id = once(&mut self.program.objects, Object::End(whose), OBJECTS_MAX);
        let too_many = || place.complain(format!("a scenario has at most {OBJECTS_MAX} {OBJECTS}"));
        Ok(ObjectId(id.ok_or_else(too_many)? as u8))
    }

    pub(super) fn signal(&mut self, it: &wire::Signal, place: &Place<'_>) -> Coded {
        Ok(Op::Signal {
            object: self.directory.object(&it.signal, &place.field("signal"))?,
        })
    }

    pub(super) fn reset(&mut self, it: &wire::Reset, place: &Place<'_>) -> Coded {
        Ok(Op::Reset {
            object: self.directory.event(&it.reset, &place.field("reset"))?,
        })
    }

    pub(super) fn sleep(&self, it: &wire::Sleep) -> Op {
        Op::Sleep {
            ticks: it.sleep,
            into: self.slot(it.into.as_deref()),
            alertable: it.alertable,
        }
    }

    pub(super) fn suspend(&mut self, it: &wire::Suspend, place: &Place<'_>) -> Coded {
        let names = self.directory;
        Ok(Op::Suspend {
            thread: names.thread(&it.suspend, &place.field("suspend"))?,
        })
    }

    pub(super) fn resume(&mut self, it: &wire::Resume, place: &Place<'_>) -> Coded {
        Ok(Op::Resume {
            thread: self.directory.thread(&it.resume, &place.field("resume"))?,
        })
    }

    pub(super) fn terminate(&mut self, it: &wire::Terminate, place: &Place<'_>) -> Coded {
        let names = self.directory;
        Ok(Op::Terminate {
            thread: names.thread(&it.terminate, &place.field("terminate"))?,
        })
    }

    /// A condition that can never change is no wait.
    pub(super) fn wait_for(&mut self, it: &wire::Await, place: &Place<'_>) -> Coded {
        let place = &place.field("await");
        let (cond, shared) = self.condition(&it.cond, place)?;
        if !shared {
            return Err(place.complain(
                "nobody else can change what it waits for: it reads only the thread's own results",
            ));
        }
        Ok(Op::Await { cond })
    }

    pub(super) fn assert(&mut self, it: &wire::Assert, place: &Place<'_>) -> Coded {
        Ok(Op::Assert {
            cond: self.expr(&it.assert, Type::Bool, &place.field("assert"))?,
        })
    }

    pub(super) fn write(&mut self, it: &wire::Write, place: &Place<'_>) -> Coded {
        Ok(Op::Write {
            source: self.plain_source(&it.write, &place.field("write"))?,
        })
    }

    pub(super) fn drain(&mut self, it: &wire::Drain, place: &Place<'_>) -> Coded {
        Ok(Op::Drain {
            source: self.plain_source(&it.drain, &place.field("drain"))?,
        })
    }

    pub(super) fn fill(&mut self, it: &wire::Fill, place: &Place<'_>) -> Coded {
        let place = &place.field("fill");
        let source = self.plain_source(&it.fill, place)?;
        self.has_out_direction(&it.fill, source, place)?;
        Ok(Op::Fill { source })
    }

    pub(super) fn make_room(&mut self, it: &wire::MakeRoom, place: &Place<'_>) -> Coded {
        let place = &place.field("make_room");
        let source = self.plain_source(&it.make_room, place)?;
        self.has_out_direction(&it.make_room, source, place)?;
        Ok(Op::MakeRoom { source })
    }

    /// A source that is no port: of one that is, only those who watch it speak by this name.
    pub(super) fn plain_source(
        &self,
        name: &str,
        place: &Place<'_>,
    ) -> Result<SourceId, Complaint> {
        let source = self.directory.source(name, place)?;
        match self.program.sources[source.index()].port {
            None => Ok(source),
            Some(_) => Err(place.complain(format!(
                "{name:?} is a port: what is done with that names the port itself"
            ))),
        }
    }

    /// Only a source that says whether it can be written can be.
    pub(super) fn has_out_direction(
        &self,
        name: &str,
        source: SourceId,
        place: &Place<'_>,
    ) -> Result<(), Complaint> {
        match self.program.sources[source.index()].writable {
            Some(_) => Ok(()),
            None => Err(place.complain(format!(
                "{name:?} does not say whether it is \"writable\" at the start"
            ))),
        }
    }

    /// Results were collected before, so that the name is there.
    pub(super) fn slot(&self, into: Option<&str>) -> Option<SlotId> {
        let (slot, _) = self.directory.slot(self.code, into?)?;
        Some(slot)
    }

    /// A port that is created starts closed. It is created once only, so that its handle always
    /// means the same port.
    pub(super) fn create(&mut self, it: &wire::Create, place: &Place<'_>) -> Coded {
        let place = &place.field("create");
        let port = self.directory.port(&it.create, place)?;
        let into = self.slot(it.into.as_deref());
        let name = &it.create;
        if self.program.ports[port.index()].named {
            self.program.ports[port.index()].open = false;
            return Ok(Op::Create { port, into });
        }
        if !self.breaks.is_empty() {
            return Err(place.complain(format!(
                "{name:?} would be created again in each turn of the loop"
            )));
        }
        if self.threads > 1 {
            return Err(place.complain(format!(
                "{name:?} would be created by each thread of the group"
            )));
        }
        let open = &mut self.program.ports[port.index()].open;
        if !*open {
            return Err(place.complain(format!("{name:?} is created by another operation already")));
        }
        *open = false;
        Ok(Op::Create { port, into })
    }

    pub(super) fn spawn(&mut self, it: &wire::Spawn, place: &Place<'_>) -> Coded {
        let thread = self.directory.thread(&it.spawn, &place.field("spawn"))?;
        self.program.threads[thread.index()].spawned = true;
        Ok(Op::Spawn { thread })
    }

    /// Assignments: a step, unless they read and write only what is the thread's own.
    pub(super) fn set(&mut self, it: &wire::Set, place: &Place<'_>) -> Result<Flow, Complaint> {
        let (writes, place) = (&it.set.0, &place.field("set"));
        let exprs = self.program.exprs.len();
        let first = self.program.sets.len();
        if !(1..=SETS_MAX).contains(&writes.len()) {
            return Err(place.complain(format!(
                "found {} assignments, expected 1 to {SETS_MAX}",
                writes.len()
            )));
        }
        let len = writes.len() as u8;
        if first + writes.len() > NUMBERED_MAX {
            return Err(place.complain(format!(
                "the scenario has more than {NUMBERED_MAX} assignments"
            )));
        }
        for (target, value) in writes {
            let place = &place.field(target);
            let (var, element) = self.target(target, place).map_err(Complaint::in_name)?;
            let value = self.value(value, place)?;
            self.program.sets.push(Assignment {
                var,
                element,
                value,
            });
        }
        let is_own = |set: &Assignment| matches!(set.var, Variable::Own(_));
        let all_own = self.program.sets[first..].iter().all(is_own) && !self.is_shared(exprs);
        let first = first as u16;
        let instr = match all_own {
            true => Instr::Let { first, len },
            false => Instr::Op(Op::Set { first, len }),
        };
        self.emit(instr, place)?;
        Ok(Flow::On)
    }

    pub(super) fn swap(&mut self, it: &wire::Swap, place: &Place<'_>) -> Coded {
        let set = self.update(&it.var, &it.value, "swap", place)?;
        let into = self.slot(it.into.as_deref());
        Ok(Op::Swap { set, into })
    }

    pub(super) fn add(&mut self, it: &wire::Add, place: &Place<'_>) -> Coded {
        let set = self.update(&it.var, &it.value, "add", place)?;
        let into = self.slot(it.into.as_deref());
        Ok(Op::Add { set, into })
    }

    pub(super) fn compare_swap(&mut self, it: &wire::CompareSwap, place: &Place<'_>) -> Coded {
        let set = self.update(&it.var, &it.value, "compare_swap", place)?;
        let expect = self.value(&it.expect, &place.field("expect"))?;
        let into = self.slot(it.into.as_deref());
        Ok(Op::CompareSwap { set, expect, into })
    }

    /// What one step reads and writes.
    fn update(
        &mut self,
        target: &str,
        value: &Value,
        verb: &str,
        place: &Place<'_>,
    ) -> Result<u16, Complaint> {
        let (var, element) = self.target(target, &place.field(verb))?;
        if let Variable::Own(_) = var {
            let problem = format!(
                "{target:?} is the thread's own, so nobody comes between: read it and \"set\" it"
            );
            return Err(place.field(verb).complain(problem));
        }
        let value = self.value(value, &place.field("value"))?;
        let set = self.program.sets.len();
        if set == NUMBERED_MAX {
            return Err(place.complain(format!(
                "the scenario has more than {NUMBERED_MAX} assignments"
            )));
        }
        self.program.sets.push(Assignment {
            var,
            element,
            value,
        });
        Ok(set as u16)
    }

    /// A number, or what an expression comes to.
    fn value(&mut self, value: &Value, place: &Place<'_>) -> Result<ExprId, Complaint> {
        match value {
            Value::Number(number) => self.expr(&number.to_string(), Type::Int, place),
            Value::Expr(text) => self.expr(text, Type::Int, place),
        }
    }

    pub(super) fn note(&mut self, it: &wire::Note, place: &Place<'_>) -> Coded {
        let place = &place.field("note");
        if self.notes.len() == NUMBERED_MAX {
            return Err(place.complain(format!("the scenario has more than {NUMBERED_MAX} notes")));
        }
        self.notes.push(it.note.clone());
        Ok(Op::Note((self.notes.len() - 1) as u16))
    }

    pub(super) fn epoll_ctl(&mut self, it: &wire::EpollCtl, place: &Place<'_>) -> Coded {
        let port = self.directory.port(&it.port, &place.field("epoll_ctl"))?;
        let source = self.directory.source(&it.source, &place.field("source"))?;
        let change = match it.change {
            Change::Add => Watch::Add(self.interest(it, source, place)?),
            Change::Mod => Watch::Mod(self.interest(it, source, place)?),
            Change::Del => {
                nothing_for_del(it, place)?;
                Watch::Del
            }
        };
        Ok(Op::EpollCtl {
            port,
            source,
            change,
            into: self.slot(it.into.as_deref()),
        })
    }

    fn interest(
        &mut self,
        it: &wire::EpollCtl,
        source: SourceId,
        place: &Place<'_>,
    ) -> Result<Interest, Complaint> {
        Ok(Interest {
            events: self.events(it, source, place)?,
            edge: it.trigger == Some(Trigger::Edge),
            oneshot: it.oneshot.unwrap_or(false),
            exclusive: it.exclusive.unwrap_or(false),
        })
    }

    /// What a source is watched for. Where that is said, so a report says which events it is of.
    fn events(
        &mut self,
        it: &wire::EpollCtl,
        source: SourceId,
        place: &Place<'_>,
    ) -> Result<Events, Complaint> {
        let mut carries = |bytes| -> Result<PacketId, Complaint> {
            let key = it.key.unwrap_or(0);
            let contents = Packet {
                bytes,
                ..Packet::key(key)
            };
            packet(self.program, contents, Owner::Nobody, place)
        };
        let Some(events) = &it.events else {
            return Ok(Events::In(carries(0)?));
        };
        let is_named = |event| events.contains(&event);
        let events = match (is_named(EpollEvent::In), is_named(EpollEvent::Out)) {
            (false, false) => Events::None,
            (true, false) => Events::In(carries(Events::INPUT)?),
            (false, true) => Events::Out(carries(Events::OUTPUT)?),
            (true, true) => Events::InOut {
                input: carries(Events::INPUT)?,
                output: carries(Events::OUTPUT)?,
                both: carries(Events::INPUT | Events::OUTPUT)?,
            },
        };
        if events.has(Direction::Out) {
            self.has_out_direction(&it.source, source, &place.field("events"))?;
        }
        if events == Events::None && it.key.is_some() {
            return Err(place.complain("no event of it comes that carries a \"key\""));
        }
        Ok(events)
    }
}

/// `del` says nothing about how a source is watched.
fn nothing_for_del(it: &wire::EpollCtl, place: &Place<'_>) -> Result<(), Complaint> {
    let given = [
        ("trigger", it.trigger.is_some()),
        ("oneshot", it.oneshot.is_some()),
        ("exclusive", it.exclusive.is_some()),
        ("events", it.events.is_some()),
        ("key", it.key.is_some()),
    ];
    match given.into_iter().find(|(_, given)| *given) {
        Some((field, _)) => Err(place.complain(format!("\"del\" takes no {field:?}"))),
        None => Ok(()),
    }
}

/// What a post carries; none where it computes that.
fn contents(it: &wire::Post, place: &Place<'_>) -> Result<Option<Packet>, Complaint> {
    let status = status_of(&it.status, &place.field("status"))?;
    let (Value::Number(key), Value::Number(bytes), Value::Number(overlapped)) =
        (&it.key, &it.bytes, &it.overlapped)
    else {
        return Ok(None);
    };
    Ok(Some(Packet {
        key: *key,
        bytes: *bytes,
        overlapped: *overlapped,
        status,
    }))
}
