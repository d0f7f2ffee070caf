//! A scenario as a model for SPIN, on the rules of Windows 8.1 to 11.
//!
//! Every step is one `d_step` of one process a thread, and a process stands always at the same place. So a state
//! of SPIN's is what the variables say, as in the model: an unreduced search of either meets the same number of
//! states and of transitions. A property that does not hold is an assertion on a variable `holds_NAME`.
//!
//! Long: one text is written from its first line to its last, part after part, in the order in which SPIN reads it.

use std::fmt::{Display, Write};

use portsim_model::event::ERRORS;
use portsim_model::expr::{Expr, ExprId, PortField};
use portsim_model::op::{Noun, Wait};
use portsim_model::ops_of;
use portsim_model::os_error::{win32, win32_of_status};
use portsim_model::program::{
    Code, Get, Instr, Object, Op, Packet, Pc, Port, PortId, Program, Slated, Thread, ThreadId,
    Timeout,
};
use portsim_model::property::Fault;

use super::assign::{Update, set, update};
use super::control::{Leaf, offers, rests};
use super::expr::{both, int, result_bases, say};
use super::room::{bounded, room};
use super::sayable::{names_itself, sayable};
use crate::scenario::Scenario;

/// Names for what a state says.
const WORDS: &str = include_str!("words.pml");
/// The rules.
const RULES: &str = include_str!("rules.pml");

/// In a schedule: the clock moves.
const TIME: usize = 255;

/// The scenario in Promela, on a machine with so many processors; an `Err` says what cannot be said.
pub fn promela(scenario: &Scenario, processors: u32) -> Result<String, String> {
    let program = &*scenario.program;
    sayable(program)?;
    names_itself(scenario)?;
    let mut text = Text {
        scenario,
        program,
        processors,
        out: String::new(),
    };
    text.head();
    text.out.push_str(WORDS);
    text.line("");
    text.state()?;
    text.constants()?;
    text.awaits()?;
    text.out.push_str(RULES);
    text.settle()?;
    text.clock();
    text.judge()?;
    text.threads()?;
    Ok(text.out)
}

/// One number of a packet.
type FieldOf = fn(&Packet) -> i64;

/// A model in the making.
struct Text<'a> {
    scenario: &'a Scenario,
    program: &'a Program,
    processors: u32,
    out: String,
}

impl Text<'_> {
    fn line(&mut self, line: impl Display) {
        writeln!(self.out, "{line}").expect("a string takes everything");
    }

    /// A constant table. SPIN has no empty ones.
    fn table<T: Display>(&mut self, of: &str, name: &str, entries: impl IntoIterator<Item = T>) {
        let entries: Vec<_> = entries.into_iter().map(|it| it.to_string()).collect();
        let (len, list) = match entries.len() {
            0 => (1, "0".to_owned()),
            len => (len, entries.join(", ")),
        };
        self.line(format_args!("{of} {name}[{len}] = {{ {list} }};"));
    }

    /// A constant table of numbers that may be below 0, which a table of Promela cannot hold: what they are above
    /// it, and what below.
    fn signed(&mut self, name: &str, entries: &[i32]) {
        self.table("hidden int", name, entries.iter().map(|it| it.max(&0)));
        let below = entries.iter().map(|it| it.min(&0).unsigned_abs());
        self.table("hidden int", &format!("{name}_below"), below);
    }

    /// A variable for each of some, all 0 at the start.
    fn blank(&mut self, of: &str, name: &str, len: usize) {
        self.line(format_args!("{of} {name}[{}];", len.max(1)));
    }

    fn head(&mut self) {
        let name = self.scenario.name.replace("*/", "");
        self.line(format_args!(
            "/* {name}: a scenario of portsim, on the rules of Windows 8.1 to 11."
        ));
        self.line(" *");
        self.line(
            " *     spin -o2 -a FILE && cc -O2 -DSAFETY -DNOREDUCE -DPRINTF -o pan pan.c && ./pan",
        );
        self.line(" *");
        self.line(" * With -o2, because SPIN leaves out of its states what nothing reads.");
        self.line(" * An assertion says which property does not hold; `sometimes NAME` says that one is shown.");
        self.line(" */\n");
    }

    /// Where the places of each code start.
    fn code_starts(&self) -> Vec<usize> {
        let mut next = 0;
        let len = |code: &Code| code.instrs.len();
        let start = |code| {
            next += len(code);
            next - len(code)
        };
        self.program.codes.iter().map(start).collect()
    }

    /// What a state is, and what it is at the start.
    fn state(&mut self) -> Result<(), String> {
        let program = self.program;
        let (threads, ports) = (program.threads.len(), program.ports.len());
        let room = program.port_ids().map(|it| room(program, it)).max();
        let bases = result_bases(program);
        let slots = || {
            let of = |n: usize| &program.codes[program.threads[n].code.index()].slots;
            (0..threads).flat_map(move |n| of(n).iter())
        };
        let cells: usize = slots().map(|slot| usize::from(slot.packets_max)).sum();
        self.line(format_args!("#define THREADS {threads}"));
        self.line(format_args!("#define PORTS {}", ports.max(1)));
        self.line(format_args!("#define ROOM {}", room.unwrap_or(0).max(1)));
        self.line("\n/* The state: threads, */");
        let first: Vec<_> = program
            .thread_ids()
            .map(|id| self.first(id))
            .collect::<Result<_, _>>()?;
        self.table("byte", "pc", first.iter().map(|it| it.0));
        self.table("byte", "mode", first.iter().map(|it| it.1));
        self.blank("byte", "member", threads);
        self.blank("byte", "on", threads);
        self.blank("byte", "handed", threads);
        self.blank("int", "left", threads);
        if program.ops().any(is_poll) {
            self.line("#define POLLS");
            self.blank("bool", "uncounted", threads);
        }
        self.line("/* their results, */");
        self.blank("byte", "ended", slots().count());
        self.blank("byte", "many", slots().count());
        self.blank("byte", "taken", cells);
        let updates = |mut op: Op| {
            let mut nouns = op.describe().nouns();
            nouns.any(|noun| matches!(noun, Noun::Update(_)))
        };
        if program.ops().any(updates) {
            self.line("#define NUMBERS");
            self.blank("int", "told", slots().count());
        }
        self.line("/* ports, */");
        let open = |port: &Port| u8::from(port.open);
        self.table("byte", "handles", program.ports.iter().map(open));
        self.blank("byte", "running", ports);
        self.blank("byte", "waiting", ports);
        self.blank("byte", "waiter", ports.max(1) * threads);
        self.blank("byte", "depth", ports);
        self.blank("byte", "packet", ports * room.unwrap_or(0));
        let counts =
            |port: PortId| program.any_expr(|expr| *expr == Expr::Port(port, PortField::Delivered));
        if program.port_ids().any(counts) {
            self.line("#define COUNTS_DELIVERED");
            self.blank("short", "delivered", ports);
            let counted = program.port_ids().map(|it| u8::from(counts(it)));
            self.table("hidden byte", "h_counts", counted);
        }
        self.line("/* what else there is. */");
        let units = |object: &Object| match *object {
            Object::Event { signaled, .. } => u8::from(signaled),
            Object::Mutex => 0,
            Object::Semaphore { count } => count,
            Object::End(_) => unreachable!("nothing that is said waits for it"),
        };
        self.table("byte", "units", program.objects.iter().map(units));
        self.blank("byte", "owner", program.objects.len());
        if program.vars.iter().any(|&value| value < 0) {
            return Err("a variable that is below 0 at the start".to_owned());
        }
        self.table("int", "var", &program.vars);
        if program.schedule.is_some() {
            self.line("int turn;");
        }
        self.line("\n/* Constants. */");
        self.table("hidden byte", "h_base", bases);
        self.table(
            "hidden byte",
            "h_room",
            slots().map(|slot| slot.packets_max),
        );
        let cell = slots().scan(0, |next, slot| {
            *next += usize::from(slot.packets_max);
            Some(*next - usize::from(slot.packets_max))
        });
        self.table("hidden short", "h_cell", cell);
        Ok(())
    }

    /// Where a thread stands at the start, and in which mode. All results are empty, so a condition has one value.
    fn first(&self, id: ThreadId) -> Result<(Pc, &'static str), String> {
        let thread = &self.program.threads[id.index()];
        if thread.spawned {
            return Ok((0, "UNBORN"));
        }
        let rest = rests(self.program, self.program.code(id), "0", 0)?;
        match rest.as_slice() {
            [(None, Leaf::Op(_, pc) | Leaf::Choice(pc))] => Ok((*pc, "READY")),
            [(None, Leaf::End(_))] => Ok((0, "DONE")),
            _ => Err("a thread that asks for a result before its first operation".to_owned()),
        }
    }

    fn constants(&mut self) -> Result<(), String> {
        let program = self.program;
        let limit = |concurrency: u32| match concurrency {
            0 => int(self.processors.into()),
            some => int(some.into()),
        };
        let limits = program.ports.iter().map(|port| limit(port.concurrency));
        let limits: Vec<_> = limits.collect::<Result<_, _>>()?;
        self.table("hidden int", "h_limit", limits);
        let kind = |object: &Object| match *object {
            Object::Mutex => "MUTEX",
            Object::Semaphore { .. } => "SEMAPHORE",
            Object::Event { manual: false, .. } => "AUTO",
            Object::Event { manual: true, .. } => "MANUAL",
            Object::End(_) => unreachable!("nothing that is said waits for it"),
        };
        self.table("hidden byte", "h_kind", program.objects.iter().map(kind));
        let may_wait = program.threads.iter().map(|it| u8::from(it.may_wait));
        self.table("hidden byte", "h_may_wait", may_wait);
        let starts = self.code_starts();
        let start = |thread: &Thread| starts[thread.code.index()];
        self.table("hidden int", "h_code", program.threads.iter().map(start));
        let instrs = || program.codes.iter().flat_map(|code| &code.instrs);
        let into = |instr: &Instr| match *instr {
            Instr::Op(op) => op.into().map_or(0, |slot| slot.0 + 1),
            Instr::Jump(_) | Instr::If { .. } | Instr::Either { .. } => 0,
            Instr::Let { .. } | Instr::End => 0,
        };
        self.table("hidden byte", "h_into", instrs().map(into));
        let get = |instr: &Instr| match *instr {
            Instr::Op(op) => op.as_get(),
            Instr::Jump(_) | Instr::If { .. } | Instr::Either { .. } => None,
            Instr::Let { .. } | Instr::End => None,
        };
        let max = |get: Option<Get>| get.map_or(0, |get| get.max.unwrap_or(1));
        self.table("hidden byte", "h_max", instrs().map(get).map(max));
        let batch = |get: Option<Get>| u8::from(get.is_some_and(|get| get.max.is_some()));
        self.table("hidden byte", "h_batch", instrs().map(get).map(batch));
        let end = |instr: &Instr| u8::from(*instr == Instr::End);
        self.table("hidden byte", "h_end", instrs().map(end));
        let error = ERRORS.map(|error| win32(error).number);
        self.table("hidden short", "h_error", error);
        let carried = program.packets.iter();
        let carried = carried.map(|it| win32_of_status(it.status).map_or(0, |it| it.number));
        self.table("hidden short", "h_carried", carried);
        let fields: [(&str, FieldOf); 3] = [
            ("h_key", |it| it.key),
            ("h_bytes", |it| it.bytes),
            ("h_overlapped", |it| it.overlapped),
        ];
        for (name, field) in fields {
            let values = program.packets.iter().map(|packet| int(field(packet)));
            let values: Vec<_> = values.collect::<Result<_, _>>()?;
            self.signed(name, &values);
        }
        // A status beyond 31 bits is not asked for: see `say`.
        let status = |packet: &Packet| i32::try_from(packet.status).unwrap_or(0);
        let statuses: Vec<_> = program.packets.iter().map(status).collect();
        self.signed("h_status", &statuses);
        if let Some(schedule) = &program.schedule {
            let slated = schedule.iter().map(|slated| match slated {
                Slated::Thread(thread) => thread.index() + 1,
                Slated::Time => TIME,
            });
            self.table("hidden byte", "h_slated", slated.chain([0]));
        }
        self.line("");
        Ok(())
    }

    /// At the end of a step, threads that have returned go on to where they rest.
    fn settle(&mut self) -> Result<(), String> {
        let program = self.program;
        let starts = self.code_starts();
        self.line("\n/* Whoever has returned goes on: to its next operation, or to its end. Control over a thread's own");
        self.line(" * results costs no step. The end of a member is a step, because it changes the count. */");
        self.line("inline settle() {\n    h_i = 0;\n    do\n    :: h_i < THREADS ->\n        if");
        self.line("        :: h_next[h_i] > 0 ->");
        self.line("            h_place = h_code[h_i] + h_next[h_i] - 1;\n            h_next[h_i] = 0;\n            if");
        for (code, start) in program.codes.iter().zip(starts) {
            for pc in followers(program, code) {
                for (given, leaf) in rests(program, code, "h_i", pc)? {
                    let place = Some(format!("h_place == {}", start + usize::from(pc)));
                    let given = both(place, given).expect("there is a place");
                    let rest = match leaf {
                        Leaf::Op(_, pc) | Leaf::Choice(pc) => format!("pc[h_i] = {pc}"),
                        Leaf::End(pc) => format!(
                            "if :: member[h_i] > 0 -> pc[h_i] = {pc} :: else -> pc[h_i] = 0; mode[h_i] = DONE fi"
                        ),
                        Leaf::Nowhere(pc) => format!("pc[h_i] = {pc}; mode[h_i] = LOST"),
                    };
                    self.line(format_args!("            :: {given} -> {rest}"));
                }
            }
        }
        self.line("            fi\n        :: else\n        fi;\n        h_i++\n    :: else -> break\n    od\n}\n");
        Ok(())
    }

    /// What the scenario says must hold.
    fn judge(&mut self) -> Result<(), String> {
        let (program, names) = (self.program, &self.scenario.names);
        let own = program.always.iter().zip(&names.always);
        let at_end = program.at_end.iter().zip(&names.at_end);
        for (_, name) in own.clone().chain(at_end.clone()) {
            self.line(format_args!("hidden byte {};", holds(name)));
        }
        for name in &names.sometimes {
            self.line(format_args!("hidden byte {};", shown(name)));
        }
        self.line("inline finish() {\n    settle();\n    listens();");
        self.line("    assert(holds_assert);\n    assert(holds_spin);");
        let judged = [(Fault::Running, "running"), (Fault::Stranded, "stranded")];
        let judged: Vec<_> = judged
            .into_iter()
            .filter(|&(fault, _)| program.builtin.judge(fault))
            .collect();
        if !judged.is_empty() {
            self.line("    judge_ports();");
        }
        for (_, name) in judged {
            self.line(format_args!("    assert(holds_{name});"));
        }
        for (&property, name) in own {
            let property = say(program, "0", property)?.holds();
            self.line(format_args!(
                "    {0} = {property};\n    assert({0});",
                holds(name)
            ));
        }
        for (&property, name) in program.sometimes.iter().zip(&names.sometimes) {
            let (property, shown) = (say(program, "0", property)?.holds(), shown(name));
            self.line(format_args!(
                "    if :: !{shown} && {property} -> {shown} = 1; printf(\"sometimes {name}\\n\") :: else fi;"
            ));
        }
        if program.schedule.is_some() {
            self.line("    /* Whoever is over lets its turn pass. */");
            self.line(
                "    h_has = (!h_quiet || (h_slated[turn] == 255 && h_timed) || \
                 (h_slated[turn] > 0 && h_slated[turn] < 255 && has_turn((h_slated[turn] - 1))));",
            );
        }
        self.line("    if\n    :: !h_has ->");
        match &program.schedule {
            Some(schedule) => {
                self.line(format_args!(
                    "        holds_schedule = (turn >= {});\n        assert(holds_schedule);",
                    schedule.len()
                ));
            }
            None if program.builtin.judge(Fault::Deadlock) => {
                self.line("        assert(holds_deadlock);")
            }
            None => {}
        }
        for (&property, name) in at_end {
            let property = say(program, "0", property)?.holds();
            self.line(format_args!(
                "        {0} = {property};\n        assert({0});",
                holds(name)
            ));
        }
        self.line("        skip\n    :: else\n    fi\n}\n");
        Ok(())
    }

    /// Who may take a step as far as the clock and the schedule say.
    fn clock(&mut self) {
        let threads = self.program.threads.len();
        let all = |of: &dyn Fn(usize) -> String| {
            let each: Vec<_> = (0..threads).map(of).collect();
            each.join(" && ")
        };
        let next = all(&|n| format!("(left[{n}] == 0 || left[{n}] >= left[t])"));
        self.line("/* Deadlines pass in order. */");
        self.line(format_args!("#define is_next(t) (left[t] > 0 && {next})"));
        if self.program.schedule.is_none() {
            self.line("#define has_turn(t) 1\n#define may_pass(t) is_next(t)\n#define next_turn() skip\n#define next_time(t) skip\n");
            return;
        }
        let quiet = all(&|n| format!("mode[{n}] != WOKEN && left[{n}] != 1"));
        self.line("/* In lock-step, whoever was made runnable goes on before the next turn, and so does whoever's time is over. */");
        self.line(format_args!("#define is_quiet ({quiet})"));
        self.line("#define has_turn(t) (mode[t] == UNBORN || mode[t] == DONE || (mode[t] == READY && !held(t)) || mode[t] == STALLED)");
        self.line("#define may_turn(t) (is_quiet && h_slated[turn] == t + 1)");
        self.line("#define may_pass(t) (is_next(t) && (left[t] == 1 || (is_quiet && h_slated[turn] == 255)))");
        self.line("#define next_turn() turn++");
        self.line("#define next_time(t) if :: left[t] > 1 -> turn++ :: else fi\n");
    }

    /// Which threads can only go on once a condition holds that does not.
    fn awaits(&mut self) -> Result<(), String> {
        let program = self.program;
        let mut held = Vec::new();
        for id in program.thread_ids() {
            let (me, code) = (id.0.to_string(), program.code(id));
            for pc in places(program, code) {
                let offers = offers(program, code, &me, pc)?.into_iter();
                let fails = offers.map(|(given, leaf)| {
                    let Leaf::Op(op, _) = leaf else {
                        return Ok(None);
                    };
                    let Some(cond) = op.awaits() else {
                        return Ok(None);
                    };
                    let fails = say(program, &me, cond)?.fails();
                    Ok(Some(match given {
                        None => fails,
                        Some(given) => format!("(!({given}) || {fails})"),
                    }))
                });
                let fails: Option<Vec<_>> = fails.collect::<Result<_, String>>()?;
                if let Some(fails) = fails {
                    let fails = fails.join(" && ");
                    held.push(format!("(t == {me} && pc[{me}] == {pc} && {fails})"));
                }
            }
        }
        held.push("0".to_owned());
        self.line(format_args!("#define held(t) ({})", held.join(" || ")));
        Ok(())
    }

    /// A process for each thread.
    fn threads(&mut self) -> Result<(), String> {
        let program = self.program;
        let mut first = 0;
        while first < program.threads.len() {
            let code = program.threads[first].code;
            let rest = &program.threads[first..];
            let count = rest.iter().take_while(|it| it.code == code).count();
            let name = &self.scenario.names.threads[first];
            self.line(format_args!(
                "active [{count}] proctype thread_{first}() {{ /* {name} */\nend_{first}:\n    do"
            ));
            self.code(&program.codes[code.index()])?;
            self.line("    od\n}\n");
            first += count;
        }
        Ok(())
    }

    /// One step: where it is possible, and what it does.
    fn step(&mut self, given: impl Display, does: impl Display) {
        self.line(format_args!(
            "    :: d_step {{ {given} -> begin(); {does}; finish() }}"
        ));
    }

    fn turn(&mut self, given: impl Display, does: impl Display) {
        let turn = if self.program.schedule.is_some() {
            "may_turn(_pid) && "
        } else {
            ""
        };
        self.step(
            format_args!("{turn}{given}"),
            format_args!("next_turn(); {does}"),
        );
    }

    fn code(&mut self, code: &Code) -> Result<(), String> {
        let program = self.program;
        for pc in places(program, code) {
            for (given, leaf) in offers(program, code, "_pid", pc)? {
                let stands = Some(format!("mode[_pid] == READY && pc[_pid] == {pc}"));
                let given = both(stands, given).expect("it stands somewhere");
                match leaf {
                    Leaf::Op(op, at) => self.op(code, &given, op, at)?,
                    Leaf::End(_) => self.turn(given, "exits(_pid)"),
                    Leaf::Nowhere(at) => {
                        self.turn(given, format_args!("pc[_pid] = {at}; mode[_pid] = LOST"));
                    }
                    Leaf::Choice(_) => unreachable!("offers lie behind choices"),
                }
            }
        }
        let is_stall = |op| op == Op::Stall;
        if code.ops().any(is_stall) {
            self.turn("mode[_pid] == STALLED", "comes_back(_pid)");
        }
        if code.ops().any(waits_in_time) {
            self.step("may_pass(_pid)", "next_time(_pid); passes(_pid)");
        }
        if program.schedule.is_some() {
            self.turn("(mode[_pid] == UNBORN || mode[_pid] == DONE)", "skip");
        }
        for (at, instr) in code.instrs.iter().enumerate() {
            let Instr::Op(Op::Get {
                port,
                max: Some(max),
                ..
            }) = *instr
            else {
                continue;
            };
            for further in 0..max {
                let given = format!(
                    "mode[_pid] == WOKEN && pc[_pid] == {at} && depth[{}] >= {further}",
                    port.0
                );
                self.step(given, format_args!("wake(_pid, {}, {further})", port.0));
            }
        }
        Ok(())
    }

    /// Every way that an operation can be taken.
    fn op(&mut self, code: &Code, given: &str, op: Op, at: Pc) -> Result<(), String> {
        let at_op = format!("pc[_pid] = {at}");
        let does = match op {
            Op::Get { port, timeout, .. } => {
                let port = port.0;
                if is_poll(op) {
                    self.turn(
                        format_args!("{given} && polls_in_vain(_pid, {port})"),
                        format_args!("{at_op}; get_uncounted(_pid, {port})"),
                    );
                }
                format!("get(_pid, {port}, {})", ticks(timeout)?)
            }
            Op::Post {
                port,
                packet,
                may_fail,
                ..
            } => {
                let (p, packet) = (port.0, packet.0);
                let room = match bounded(self.program, port) {
                    true => format!(" && depth[{p}] < {}", room(self.program, port)),
                    false => String::new(),
                };
                if may_fail {
                    self.turn(
                        format_args!("{given}{room} && is_open({p})"),
                        format_args!("{at_op}; post_without_memory(_pid)"),
                    );
                }
                self.turn(
                    format_args!("{given}{room}"),
                    format_args!("{at_op}; post(_pid, {p}, {packet})"),
                );
                return Ok(());
            }
            Op::PostComputed { computed, .. } => {
                let carried = &self.program.computed[usize::from(computed)];
                let mut comes_to = Vec::new();
                for (packet, id) in &carried.packets {
                    let parts = [
                        (carried.key, packet.key),
                        (carried.bytes, packet.bytes),
                        (carried.overlapped, packet.overlapped),
                    ];
                    let mut given = given.to_owned();
                    for (expr, number) in parts {
                        let said = say(self.program, "_pid", expr)?;
                        let is = format!("({} == ({}))", said.value, int(number)?);
                        let is = both(said.defined, Some(is)).expect("it is there");
                        given = format!("{given} && {is}");
                    }
                    let post = op.posting(*id).expect("it posts");
                    self.op(code, &given, post, at)?;
                    comes_to.push(given);
                }
                let none = comes_to.join(" || ");
                self.turn(
                    format_args!("{given} && !({none})"),
                    format_args!("{at_op}; mode[_pid] = LOST"),
                );
                return Ok(());
            }
            Op::Close { port, .. } => format!("close(_pid, {})", port.0),
            Op::Create { port, .. } => format!("create(_pid, {})", port.0),
            Op::DuplicatePort { port, .. } => format!("duplicate_port(_pid, {})", port.0),
            Op::Query { port, .. } => format!("query(_pid, {})", port.0),
            Op::Block {
                object, timeout, ..
            } => {
                format!("block(_pid, {}, {})", object.0, ticks(timeout)?)
            }
            Op::Signal { object } => {
                self.signal(given, &at_op, object.0);
                return Ok(());
            }
            Op::Reset { object } => format!("reset(_pid, {})", object.0),
            Op::Stall => "stall(_pid)".to_owned(),
            Op::Sleep { ticks: some, .. } => {
                format!("rest(_pid, {})", ticks(Timeout::Ticks(some))?)
            }
            Op::Yield | Op::Note(_) => "returns(_pid, SUCCESS)".to_owned(),
            Op::Spawn { thread } => format!("spawn(_pid, {})", thread.0),
            Op::Exit => "exits(_pid)".to_owned(),
            Op::Set { first, len } => set(self.program, self.program.sets(first, len))?,
            Op::Swap { set, .. } => self.update(set, Update::Swap)?,
            Op::Add { set, .. } => self.update(set, Update::Add)?,
            Op::CompareSwap { set, expect, .. } => self.update(set, Update::SwapIf(expect))?,
            Op::Test { cond, otherwise } => self.test(cond, at, otherwise)?,
            Op::Await { cond } => {
                let cond = say(self.program, "_pid", cond)?;
                let (holds, fails) = (cond.holds(), cond.fails());
                self.turn(
                    format_args!("{given} && !({fails})"),
                    format_args!(
                        "{at_op}; if :: {holds} -> returns(_pid, SUCCESS) :: else -> mode[_pid] = LOST fi"
                    ),
                );
                return Ok(());
            }
            Op::Assert { cond } => {
                let holds = say(self.program, "_pid", cond)?.holds();
                format!("if :: {holds} -> returns(_pid, SUCCESS) :: else -> mode[_pid] = BROKEN fi")
            }
            Op::Join { .. }
            | Op::WaitHandle { .. }
            | Op::Suspend { .. }
            | Op::Resume { .. }
            | Op::Terminate { .. }
            | Op::ExitProcess
            | Op::Free { .. }
            | Op::Alloc { .. }
            | ops_of!(apcs, files, wait_packets, jobs)
            | ops_of!(sources, event_ports, rings, kqueues) => {
                unreachable!("{op:?} of {} instructions was refused", code.instrs.len())
            }
        };
        self.turn(given, format_args!("{at_op}; {does}"));
        Ok(())
    }

    /// Each of the waiters may be the one that is released.
    fn signal(&mut self, given: &str, at_op: &str, object: u8) {
        let program = self.program;
        let manual = matches!(
            program.objects[usize::from(object)],
            Object::Event { manual: true, .. }
        );
        let blocks = |id: &ThreadId| {
            let mut ops = program.code(*id).ops();
            ops.any(|op| matches!(op, Op::Block { object: on, .. } if on.0 == object))
        };
        let waiters: Vec<_> = program.thread_ids().filter(blocks).collect();
        let waits = |id: &ThreadId| format!("waits_for({}, {object})", id.0);
        let number = waiters.iter().map(waits).collect::<Vec<_>>().join(" + ");
        self.turn(given, format_args!("{at_op}; signal(_pid, {object}, 0)"));
        for which in 1..if manual { 1 } else { waiters.len() } {
            self.turn(
                format_args!("{given} && ({number}) > {which}"),
                format_args!("{at_op}; signal(_pid, {object}, {which})"),
            );
        }
    }

    fn update(&self, set: u16, how: Update) -> Result<String, String> {
        update(self.program, &self.program.sets[usize::from(set)], how)
    }

    fn test(&self, cond: ExprId, at: Pc, otherwise: Pc) -> Result<String, String> {
        let cond = say(self.program, "_pid", cond)?;
        Ok(format!(
            "if :: {} -> goes_on(_pid, {at} + 1) :: {} -> goes_on(_pid, {otherwise}) :: else -> mode[_pid] = LOST fi",
            cond.holds(),
            cond.fails()
        ))
    }
}

/// Whether an operation is a call on a port that may not wait.
fn is_poll(op: Op) -> bool {
    let polls = op.as_get().filter(|get| get.max != Some(0));
    polls.is_some_and(|get| get.timeout == Timeout::Ticks(0))
}

/// A timeout plus one; 0 is for ever.
fn ticks(timeout: Timeout) -> Result<i32, String> {
    match timeout {
        Timeout::Never => Ok(0),
        Timeout::Ticks(ticks) => int(i64::from(ticks) + 1),
    }
}

/// Whether a thread in this operation can have a deadline.
fn waits_in_time(op: Op) -> bool {
    op.wait().is_some_and(Wait::has_deadline)
}

/// The places from which a thread goes on after a step.
fn followers(program: &Program, code: &Code) -> Vec<Pc> {
    let mut places = Vec::new();
    let spawned = program.threads.iter().any(|it| it.spawned);
    if spawned {
        places.push(0);
    }
    for (at, instr) in code.instrs.iter().enumerate() {
        if let Instr::Op(mut op) = *instr {
            places.push(at as Pc + 1);
            places.extend(op.branch().map(|to| *to));
        }
    }
    places.sort_unstable();
    places.dedup();
    places
}

/// The places where a thread can rest.
fn places(program: &Program, code: &Code) -> Vec<Pc> {
    let mut places = Vec::new();
    let mut starts = followers(program, code);
    starts.push(0);
    let rests = |pc| rests(program, code, "0", pc).unwrap_or_default();
    for (_, leaf) in starts.into_iter().flat_map(rests) {
        if let Leaf::Op(_, pc) | Leaf::Choice(pc) | Leaf::End(pc) = leaf {
            places.push(pc);
        }
    }
    places.sort_unstable();
    places.dedup();
    places
}

/// The variable that says whether a property holds.
fn holds(name: &str) -> String {
    format!("holds_{}", word(name))
}

/// The variable that says whether a property has been shown.
fn shown(name: &str) -> String {
    format!("h_shown_{}", word(name))
}

/// A name as a word of Promela.
fn word(name: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    name.chars().map(letter).collect()
}
