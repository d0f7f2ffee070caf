//! Events as lines of a trace: the only place that knows how an event is spelled there.
//!
//! Long: every operation is spelled here, a few lines each.

use portsim_model::ops_of;
use portsim_model::program::{
    Alert, Events, FileId, Filter, JobId, Knote, Linked, Op, OperationId, Packet, PacketId, PortId,
    Program, Request, ThreadId, Timeout, WaitPacketId, Watch,
};
use portsim_model::step::StepKind;

use super::wire::{EventLine, OutcomeFields, PacketFields};
use super::{Answer, Event, Shown, said};
use crate::names::Names;

fn thread_name(names: &Names, thread: ThreadId) -> String {
    names.threads[thread.index()].clone()
}

/// An event as a line.
pub fn event_line(names: &Names, program: &Program, n: u64, event: &Event) -> EventLine {
    let mut line = match &event.shown {
        Shown::Call { op, answer, .. } => {
            let mut line = call_line(names, program, *op);
            line.outcome = answer.as_ref().map(outcome_fields);
            line
        }
        Shown::Return { op, answer, .. } => EventLine {
            r#return: Some(op.verb().name().to_owned()),
            outcome: Some(outcome_fields(answer)),
            ..EventLine::default()
        },
        Shown::Silent { kind, .. } => EventLine {
            step: Some(step_name(*kind).to_owned()),
            ..EventLine::default()
        },
    };
    line.n = n;
    line.thread = thread_name(names, event.shown.thread());
    line.choice = Some(event.choice).filter(|&choice| choice != 0);
    let by: Vec<_> = event.by.iter().map(|claim| claim.id.to_owned()).collect();
    line.by = Some(by).filter(|by| !by.is_empty());
    said::say(names, program, event, &mut line);
    line.ended = event.told.as_ref().and_then(|told| {
        let how = program.results[told.ended?.index()];
        let (status, bytes) = (how.status, how.bytes);
        Some(outcome_fields(&Answer::Io { status, bytes }))
    });
    if let Shown::Call {
        op: Op::Note(text), ..
    } = event.shown
    {
        line.text = names.notes.get(usize::from(text)).cloned();
    }
    line
}

/// The name of a kind of step.
pub fn step_name(kind: StepKind) -> &'static str {
    match kind {
        StepKind::Turn => "turn",
        StepKind::Wake => "wake",
        StepKind::Time => "time",
    }
}

/// The part of a call's line that says what is called.
pub fn call_line(names: &Names, program: &Program, op: Op) -> EventLine {
    let mut line = EventLine {
        call: Some(op.verb().name().to_owned()),
        ..EventLine::default()
    };
    let ticks = |timeout| match timeout {
        Timeout::Never => None,
        Timeout::Ticks(ticks) => Some(ticks),
    };
    match op {
        Op::Get {
            port,
            timeout,
            max,
            min,
            min_wait,
            alertable,
            ..
        } => {
            line.port = Some(names.ports[port.index()].clone());
            line.timeout = ticks(timeout);
            line.max = max;
            line.min = min;
            line.min_wait = min_wait;
            line.alertable = said(alertable);
        }
        Op::Post {
            port,
            packet,
            may_fail,
            reserve,
            ..
        } => {
            line.may_fail = said(may_fail);
            line.reserve = reserve.map(|reserve| names.reserves[reserve.index()].clone());
            let packet = program.packets[packet.index()];
            line.port = Some(names.ports[port.index()].clone());
            line.key = Some(packet.key);
            line.bytes = nonzero(packet.bytes);
            line.overlapped = nonzero(packet.overlapped);
            line.status = Some(packet.status).filter(|&status| status != 0);
        }
        Op::Close { port, .. }
        | Op::Create { port, .. }
        | Op::DuplicatePort { port, .. }
        | Op::Query { port, .. } => line.port = Some(names.ports[port.index()].clone()),
        Op::Block {
            object,
            timeout,
            alertable,
            ..
        } => {
            line.object = Some(names.objects[object.index()].clone());
            line.timeout = ticks(timeout);
            line.alertable = said(alertable);
        }
        Op::Join {
            object,
            timeout,
            alertable,
            ..
        } => {
            line.target = Some(names.objects[object.index()].clone());
            line.timeout = ticks(timeout);
            line.alertable = said(alertable);
        }
        Op::WaitHandle {
            port,
            timeout,
            alertable,
            ..
        } => {
            line.port = Some(names.ports[port.index()].clone());
            line.timeout = ticks(timeout);
            line.alertable = said(alertable);
        }
        Op::Signal { object } | Op::Reset { object } => {
            line.object = Some(names.objects[object.index()].clone())
        }
        Op::Sleep {
            ticks, alertable, ..
        } => {
            line.ticks = Some(ticks);
            line.alertable = said(alertable);
        }
        Op::Suspend { thread }
        | Op::Resume { thread }
        | Op::Terminate { thread }
        | Op::Spawn { thread }
        | Op::KernelApc { thread } => {
            line.target = Some(thread_name(names, thread));
        }
        Op::Apc {
            thread,
            reserve,
            special,
            ..
        } => {
            line.special = said(special);
            line.target = Some(thread_name(names, thread));
            line.reserve = reserve.map(|reserve| names.reserves[reserve.index()].clone());
        }
        Op::Note(note) => line.note = Some(note),
        Op::EpollCtl {
            port,
            source,
            change,
            ..
        } => {
            line.port = Some(names.ports[port.index()].clone());
            line.source = Some(names.sources[source.index()].clone());
            watch_fields(program, change, &mut line);
        }
        Op::Write { source }
        | Op::Drain { source }
        | Op::Fill { source }
        | Op::MakeRoom { source }
        | Op::CloseSource { source, .. }
        | Op::DuplicateSource { source, .. } => {
            line.source = Some(names.sources[source.index()].clone())
        }
        Op::Stall
        | Op::Yield
        | Op::Exit
        | Op::ExitProcess
        | Op::Set { .. }
        | Op::Test { .. }
        | Op::PostComputed { .. }
        | Op::Swap { .. }
        | Op::Add { .. }
        | Op::CompareSwap { .. }
        | Op::Await { .. }
        | Op::Assert { .. } => {}
        Op::Free { operation } | Op::Alloc { operation } => {
            line.operation = Some(names.operations[operation.index()].clone());
        }
        ops_of!(files, wait_packets, jobs) => io_fields(names, program, op, &mut line),
        ops_of!(event_ports, rings, kqueues) => relatives_fields(names, program, op, &mut line),
    }
    line
}

/// The part of the line that only calls on files, operations, wait completion packets and jobs have.
fn io_fields(names: &Names, program: &Program, op: Op, line: &mut EventLine) {
    let file = |id: FileId| Some(names.files[id.index()].clone());
    let operation = |id: OperationId| Some(names.operations[id.index()].clone());
    let port = |id: PortId| Some(names.ports[id.index()].clone());
    let job = |id: JobId| Some(names.jobs[id.index()].clone());
    let wait_packet = |id: WaitPacketId| Some(names.wait_packets[id.index()].clone());
    match op {
        Op::Associate { binding, .. } => {
            if let Some(binding) = binding {
                let binding = program.bindings[binding.index()];
                line.file = file(binding.file);
                line.port = port(binding.port);
                line.key = Some(binding.key);
            }
        }
        Op::Replace {
            file: on, binding, ..
        } => {
            line.file = file(on);
            if let Some(binding) = binding {
                let binding = program.bindings[binding.index()];
                line.port = port(binding.port);
                line.key = Some(binding.key);
            }
        }
        Op::Modes {
            file: on, modes, ..
        } => {
            line.file = file(on);
            line.skip_port = said(modes.skip_port);
            line.skip_event = said(modes.skip_event);
        }
        Op::DuplicateFile {
            file: on, process, ..
        } => {
            line.file = file(on);
            line.process = process.map(|process| names.processes[process.index()].clone());
        }
        Op::CloseFile { file: on, .. } => line.file = file(on),
        Op::Peek { operation: id, .. } => line.operation = operation(id),
        Op::Start {
            operation: id, now, ..
        } => {
            line.operation = operation(id);
            if let Some(now) = now {
                let how = program.results[now.index()];
                line.now = Some(true);
                line.status = Some(how.status);
                line.bytes = Some(how.bytes);
                line.returned = Some(how.returned).filter(|&returned| returned != how.bytes);
            }
        }
        Op::Complete { burst, result, .. } => {
            let how = program.results[result.index()];
            match program.bursts[usize::from(burst)][..] {
                [one] => line.operation = operation(one),
                ref several => {
                    line.operations = Some(several.iter().filter_map(|&id| operation(id)).collect())
                }
            }
            line.status = Some(how.status).filter(|&status| status != 0);
            line.bytes = nonzero(how.bytes);
        }
        Op::Cancel {
            operation: id,
            mine,
            ..
        } => {
            line.operation = operation(id);
            line.mine = said(mine);
        }
        Op::CancelFile { file: on, mine, .. } => {
            line.file = file(on);
            line.mine = said(mine);
        }
        Op::WaitPacket {
            wait_packet: id,
            port: to,
            target,
            packet,
            ..
        } => {
            let packet = program.packets[packet.index()];
            line.wait_packet = wait_packet(id);
            line.port = port(to);
            line.object = Some(names.objects[target.index()].clone());
            line.key = Some(packet.key);
            line.bytes = nonzero(packet.bytes);
            line.overlapped = nonzero(packet.overlapped);
            line.status = Some(packet.status).filter(|&status| status != 0);
        }
        Op::CancelWaitPacket {
            wait_packet: id,
            remove,
            ..
        } => {
            line.wait_packet = wait_packet(id);
            line.remove = said(remove);
        }
        Op::JobPort {
            job: on,
            binding,
            may_lose,
            ..
        } => {
            line.job = job(on);
            line.may_lose = said(may_lose);
            if let Some(binding) = binding {
                let binding = &program.job_bindings[usize::from(binding)];
                line.port = port(binding.port);
                line.key = Some(binding.key);
            }
        }
        Op::JobStart {
            job: on,
            pid,
            may_lose,
            ..
        }
        | Op::JobExit {
            job: on,
            pid,
            may_lose,
            ..
        } => {
            line.job = job(on);
            line.may_lose = said(may_lose);
            line.pid = Some(program.pids[usize::from(pid)]);
        }
        ops_of!(ports, port_handles, objects, threads, apcs, variables)
        | ops_of!(sources, event_ports, rings, kqueues) => {}
    }
}

/// The part of the line that only calls on rings, event ports and kqueues have.
fn relatives_fields(names: &Names, program: &Program, op: Op, line: &mut EventLine) {
    let name = |id: PortId| names.ports[id.index()].clone();
    let carried = match op {
        Op::PortSendn { ports, packet, .. } => {
            let ports = &program.port_lists[usize::from(ports)];
            line.ports = Some(ports.iter().map(|&port| name(port)).collect());
            Some(packet)
        }
        Op::MsgRing { message, .. } => {
            line.port = Some(name(message.to));
            line.from = Some(name(message.from));
            line.own = Some(program.packets[message.went.index()].key).filter(|&key| key != 0);
            Some(message.packet)
        }
        Op::RingEvent { port, event, .. } => {
            line.port = Some(name(port));
            line.object = Some(names.objects[event.index()].clone());
            None
        }
        Op::Submit { port, request, .. } => {
            line.port = Some(name(port));
            request_fields(names, program, request, line)
        }
        Op::PortAlert { port, alert, .. } => {
            let (mode, event) = match alert {
                Alert::Set(event) => ("set", Some(event)),
                Alert::Update(event) => ("update", Some(event)),
                Alert::Clear => ("clear", None),
            };
            line.mode = Some(mode.to_owned());
            line.port = Some(name(port));
            event
        }
        Op::PortAssociate {
            port,
            source,
            packet,
            ..
        } => {
            line.port = Some(name(port));
            line.source = Some(names.sources[source.index()].clone());
            Some(packet)
        }
        Op::PortDissociate { port, source, .. } => {
            line.port = Some(name(port));
            line.source = Some(names.sources[source.index()].clone());
            None
        }
        Op::Kevent {
            port,
            source,
            change,
            ..
        } => {
            line.port = Some(name(port));
            line.source = Some(names.sources[source.index()].clone());
            line.flags = Some(flags_of(change));
            line.filter = match change.filter {
                Filter::User => None,
                Filter::Read => Some("read".to_owned()),
                Filter::Write => Some("write".to_owned()),
            };
            Some(change.packet).filter(|_| change.carries)
        }
        ops_of!(ports, port_handles, objects, threads, apcs, variables)
        | ops_of!(files, wait_packets, jobs, sources) => None,
    };
    if let Some(packet) = carried {
        let packet = program.packets[packet.index()];
        line.key = Some(packet.key);
        // How a request ends is not said where it is made.
        if !matches!(op, Op::Submit { .. }) {
            line.bytes = nonzero(packet.bytes);
        }
    }
}

/// What a ring is asked for; gives what the request's own entry can carry.
fn request_fields(
    names: &Names,
    program: &Program,
    request: Request,
    line: &mut EventLine,
) -> Option<PacketId> {
    let (word, packet) = match request {
        Request::Nop(packet) => ("nop", Some(packet)),
        Request::Drain(packet) => {
            line.drained = Some(true);
            ("nop", Some(packet))
        }
        Request::Timeout(packet) => ("timeout", Some(packet)),
        Request::Count { count, own } => {
            line.count = Some(count);
            ("timeout", Some(own))
        }
        Request::Cancel(operation, own) => {
            line.operation = Some(names.operations[operation.index()].clone());
            ("cancel", Some(program.owns[usize::from(own)][0]))
        }
        Request::CancelFile(file, own) => {
            line.file = Some(names.files[file.index()].clone());
            ("cancel", Some(program.owns[usize::from(own)][0]))
        }
        Request::Read(operation) => {
            line.operation = Some(names.operations[operation.index()].clone());
            ("read", None)
        }
        Request::Chain(chain) => {
            let linked = program.chains[usize::from(chain)].linked.iter();
            line.linked = Some(linked.map(|it| linked_text(names, program, it)).collect());
            ("chain", None)
        }
    };
    line.request = Some(word.to_owned());
    packet
}

/// A request of a chain in a few words.
fn linked_text(names: &Names, program: &Program, it: &Linked) -> String {
    let mut line = EventLine::default();
    let own = request_fields(names, program, it.request, &mut line);
    let key = own.map(|own| format!("key {}", program.packets[own.index()].key));
    let hard = it.hard.then(|| "hard".to_owned());
    let words = [line.request, line.operation, line.file, key, hard];
    words.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// The flags of a `kevent`, as scenarios write them.
fn flags_of(change: Knote) -> Vec<String> {
    let flags = [
        ("add", change.add),
        ("delete", change.delete),
        ("enable", change.enable),
        ("disable", change.disable),
        ("oneshot", change.oneshot),
        ("clear", change.clear),
        ("dispatch", change.dispatch),
        ("trigger", change.trigger),
    ];
    let set = flags.into_iter().filter(|(_, is_set)| *is_set);
    set.map(|(word, _)| word.to_owned()).collect()
}

/// A flag that is said only where it is set.
fn said(flag: bool) -> Option<bool> {
    flag.then_some(true)
}

fn watch_fields(program: &Program, change: Watch, line: &mut EventLine) {
    let (change, interest) = match change {
        Watch::Add(interest) => ("add", Some(interest)),
        Watch::Mod(interest) => ("mod", Some(interest)),
        Watch::Del => ("del", None),
    };
    line.change = Some(change.to_owned());
    if let Some(interest) = interest {
        line.trigger = Some(if interest.edge { "edge" } else { "level" }.to_owned());
        line.oneshot = interest.oneshot.then_some(true);
        line.exclusive = interest.exclusive.then_some(true);
        (line.key, line.events) = events_of(program, interest.events);
    }
}

/// The key that events of a source carry, and what it is watched for, where that is said: reports say it then, too.
fn events_of(program: &Program, events: Events) -> (Option<i64>, Option<Vec<String>>) {
    let (packet, words): (_, &[&str]) = match events {
        Events::None => return (None, Some(Vec::new())),
        Events::In(packet) => (packet, &["in"]),
        Events::Out(packet) => (packet, &["out"]),
        Events::InOut { both, .. } => (both, &["in", "out"]),
    };
    let packet = program.packets[packet.index()];
    let words = words.iter().map(|&word| word.to_owned());
    (
        Some(packet.key),
        (packet.bytes != 0).then(|| words.collect()),
    )
}

fn nonzero(number: i64) -> Option<i64> {
    Some(number).filter(|&number| number != 0)
}

/// The outcome that says an answer.
pub fn outcome_fields(answer: &Answer) -> OutcomeFields {
    let mut fields = OutcomeFields {
        ok: true,
        ..OutcomeFields::default()
    };
    match answer {
        Answer::Done => {}
        Answer::Packet(packet) => {
            fields.key = Some(packet.key);
            fields.bytes = nonzero(packet.bytes);
            fields.overlapped = nonzero(packet.overlapped);
            fields.status = Some(packet.status).filter(|&status| status != 0);
        }
        Answer::Packets(packets) => fields.packets = Some(packet_fields(packets)),
        Answer::Partial(error, packets) => {
            fields.ok = false;
            fields.error = Some(error.clone());
            fields.packets = Some(packet_fields(packets));
        }
        Answer::Value(value) => fields.value = Some(*value),
        Answer::Other(value) => {
            fields.ok = false;
            fields.value = Some(*value);
        }
        Answer::Io { status, bytes } => {
            fields.status = Some(*status);
            fields.bytes = nonzero(*bytes);
        }
        Answer::Failed(error) => {
            fields.ok = false;
            fields.error = Some(error.clone());
        }
    }
    fields
}

/// Packets as a line says them.
pub fn packet_fields(packets: &[Packet]) -> Vec<PacketFields> {
    let packet = |packet: &Packet| PacketFields {
        key: packet.key,
        bytes: packet.bytes,
        overlapped: packet.overlapped,
        status: packet.status,
    };
    packets.iter().map(packet).collect()
}
