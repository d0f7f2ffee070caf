//! Operations of every kind, with everything that they can name.

use portsim_model::expr::ExprId;
use portsim_model::op::Verb;
use portsim_model::program::*;

const INTO: Option<SlotId> = Some(SlotId(0));

/// Operations of one kind. Together they have every field filled; no id or number stands in one of them twice.
pub fn samples(verb: Verb) -> Vec<Op> {
    let port = PortId(1);
    let packet = PacketId(2);
    let source = SourceId(1);
    let object = ObjectId(1);
    let thread = ThreadId(1);
    let file = FileId(2);
    let operation = OperationId(1);
    let (into, reserve, timeout, alertable) = (INTO, Some(ReserveId(1)), Timeout::Ticks(5), false);
    let one = match verb {
        Verb::Get => Op::Get {
            port,
            into,
            timeout,
            max: Some(2),
            min: Some(1),
            min_wait: Some(5),
            alertable,
            keeps: false,
        },
        Verb::Post => Op::Post {
            port,
            packet,
            into,
            may_fail: false,
            reserve,
        },
        Verb::PostComputed => Op::PostComputed {
            port,
            computed: 1,
            into,
            may_fail: false,
            reserve,
        },
        Verb::Close => Op::Close { port, into },
        Verb::Create => Op::Create { port, into },
        Verb::DuplicatePort => Op::DuplicatePort { port, into },
        Verb::Query => Op::Query { port, into },
        Verb::WaitHandle => Op::WaitHandle {
            port,
            into,
            timeout,
            alertable,
        },
        Verb::Block => Op::Block {
            object,
            into,
            timeout,
            alertable,
        },
        Verb::Join => Op::Join {
            object,
            into,
            timeout,
            alertable,
        },
        Verb::Signal => Op::Signal { object },
        Verb::Reset => Op::Reset { object },
        Verb::Stall => Op::Stall,
        Verb::Sleep => Op::Sleep {
            ticks: 5,
            into,
            alertable,
        },
        Verb::Yield => Op::Yield,
        Verb::Suspend => Op::Suspend { thread },
        Verb::Resume => Op::Resume { thread },
        Verb::Terminate => Op::Terminate { thread },
        Verb::Spawn => Op::Spawn { thread },
        Verb::Exit => Op::Exit,
        Verb::ExitProcess => Op::ExitProcess,
        Verb::Apc => Op::Apc {
            thread,
            reserve,
            special: false,
            into,
        },
        Verb::KernelApc => Op::KernelApc { thread },
        Verb::Associate => Op::Associate {
            binding: Some(BindingId(1)),
            into,
        },
        Verb::Replace => Op::Replace {
            file,
            binding: Some(BindingId(1)),
            into,
        },
        Verb::Modes => Op::Modes {
            file,
            modes: Modes::default(),
            into,
        },
        Verb::DuplicateFile => Op::DuplicateFile {
            file,
            process: Some(ProcessId(3)),
            into,
        },
        Verb::CloseFile => Op::CloseFile { file, into },
        Verb::Start => Op::Start {
            operation,
            now: Some(ResultId(2)),
            into,
        },
        Verb::Complete => Op::Complete {
            burst: 1,
            result: ResultId(2),
            into,
        },
        Verb::Cancel => Op::Cancel {
            operation,
            mine: false,
            into,
        },
        Verb::CancelFile => Op::CancelFile {
            file,
            mine: false,
            into,
        },
        Verb::Peek => Op::Peek { operation, into },
        Verb::Free => Op::Free { operation },
        Verb::Alloc => Op::Alloc { operation },
        Verb::WaitPacket => Op::WaitPacket {
            wait_packet: WaitPacketId(1),
            port,
            target: object,
            packet: PacketId(1),
            into,
        },
        Verb::CancelWaitPacket => Op::CancelWaitPacket {
            wait_packet: WaitPacketId(1),
            remove: false,
            into,
        },
        Verb::JobPort => Op::JobPort {
            job: JobId(1),
            binding: Some(2),
            into,
            may_lose: false,
        },
        Verb::JobStart => Op::JobStart {
            job: JobId(1),
            pid: 3,
            into,
            may_lose: false,
        },
        Verb::JobExit => Op::JobExit {
            job: JobId(1),
            pid: 3,
            into,
            may_lose: false,
        },
        Verb::Set => Op::Set { first: 2, len: 1 },
        Verb::Swap => Op::Swap { set: 2, into },
        Verb::Add => Op::Add { set: 2, into },
        Verb::CompareSwap => Op::CompareSwap {
            set: 2,
            expect: ExprId(1),
            into,
        },
        Verb::Test => Op::Test {
            cond: ExprId(1),
            otherwise: 2,
        },
        Verb::Await => Op::Await { cond: ExprId(1) },
        Verb::Assert => Op::Assert { cond: ExprId(1) },
        Verb::Note => Op::Note(7),
        Verb::EpollCtl => {
            let input = [Watch::Add, Watch::Mod].map(|change| watched(change, input()));
            let others = [both(), Events::Out(packet), Events::None];
            let others = others.map(|events| watched(Watch::Mod, events));
            return input.into_iter().chain(others).collect();
        }
        Verb::Write => Op::Write { source },
        Verb::Drain => Op::Drain { source },
        Verb::Fill => Op::Fill { source },
        Verb::MakeRoom => Op::MakeRoom { source },
        Verb::PortSendn => Op::PortSendn {
            ports: 1,
            packet,
            into,
        },
        Verb::MsgRing => Op::MsgRing {
            message: Message {
                from: PortId(1),
                to: PortId(2),
                packet: PacketId(3),
                went: PacketId(4),
                failed: PacketId(5),
            },
            into,
        },
        Verb::Submit => {
            return [
                Request::Nop(packet),
                Request::Drain(packet),
                Request::Timeout(packet),
                Request::Count {
                    count: 2,
                    own: packet,
                },
                Request::Cancel(operation, 2),
                Request::CancelFile(file, 1),
                Request::Read(operation),
                Request::Chain(1),
            ]
            .map(|request| Op::Submit {
                port,
                request,
                into,
            })
            .to_vec();
        }
        Verb::RingEvent => Op::RingEvent {
            port,
            event: object,
            into,
        },
        Verb::PortAlert => {
            return [Alert::Set(packet), Alert::Update(packet)]
                .map(|alert| Op::PortAlert { port, alert, into })
                .to_vec();
        }
        Verb::PortAssociate => Op::PortAssociate {
            port,
            source,
            packet,
            into,
        },
        Verb::PortDissociate => Op::PortDissociate { port, source, into },
        Verb::CloseSource => Op::CloseSource { source, into },
        Verb::DuplicateSource => Op::DuplicateSource { source, into },
        Verb::Kevent => Op::Kevent {
            port,
            source,
            change: Knote {
                filter: Filter::Write,
                packet,
                carries: true,
                add: true,
                delete: false,
                enable: false,
                disable: false,
                oneshot: false,
                clear: false,
                dispatch: false,
                trigger: false,
            },
            into,
        },
    };
    vec![one]
}

fn input() -> Events {
    Events::In(PacketId(2))
}

fn both() -> Events {
    Events::InOut {
        input: PacketId(2),
        output: PacketId(3),
        both: PacketId(4),
    }
}

fn watched(change: fn(Interest) -> Watch, events: Events) -> Op {
    Op::EpollCtl {
        port: PortId(1),
        source: SourceId(1),
        change: change(Interest {
            events,
            edge: false,
            oneshot: false,
            exclusive: false,
        }),
        into: INTO,
    }
}

/// One operation of each kind, and of those that come in several forms one of each form.
pub fn every_sample() -> impl Iterator<Item = Op> {
    Verb::ALL.iter().flat_map(|&verb| samples(verb))
}
