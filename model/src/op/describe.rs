//! What each operation says about itself, once: everything that it names, and what it does to it.
//!
//! Each variant is taken apart field by field, so that a new field has to find its place here: as a noun, or with a
//! `_` where it only says how.

use super::description::{Description, Exit, Messages, Noun, Role};
use super::fields::times;
use super::{Alert, Events, Interest, Knote, Message, Op, Request, Timeout, Watch};
use crate::ids::PacketId;
use Noun::*;
use Role::*;

impl Op {
    /// What the operation says about itself.
    pub fn describe(&mut self) -> Description<'_> {
        self.tell()
    }

    /// The same for those who ask one question between steps: what they do not ask costs nothing.
    #[inline(always)]
    #[deny(unused_variables)]
    pub(super) fn tell(&mut self) -> Description<'_> {
        let says = Description::new();
        match self {
            Op::Get {
                port,
                into,
                timeout,
                max,
                min: _,
                min_wait,
                alertable,
                keeps: _,
            } => says
                .names(Port(*port, Takes))
                .waits(times(*timeout, *min_wait).0, *alertable)
                .hands_over(max.is_some())
                .result(into)
                .local()
                .portable(),
            Op::Post {
                port,
                packet,
                into,
                may_fail: _,
                reserve,
            } => says
                .names(Port(*port, Posts))
                .names(Packet(packet))
                .may_name(reserve.map(Reserve))
                .result(into)
                .local()
                .passes()
                .portable(),
            Op::PostComputed {
                port,
                computed,
                into,
                may_fail: _,
                reserve,
            } => says
                .names(Port(*port, Posts))
                .names(Computed(computed))
                .may_name(reserve.map(Reserve))
                .result(into)
                .local()
                .passes()
                .portable(),
            Op::Close { port, into } => says
                .names(Port(*port, Closes))
                .result(into)
                .local()
                .own_port()
                .portable(),
            Op::Create { port, into } => says
                .names(Port(*port, Opens))
                .result(into)
                .local()
                .own_port()
                .portable(),
            Op::DuplicatePort { port, into } => says.names(Port(*port, Opens)).result(into),
            Op::Query { port, into } => says.names(Port(*port, Reads)).result(into).local(),
            Op::WaitHandle {
                port,
                into,
                timeout,
                alertable,
            } => says
                .names(Port(*port, Waits))
                .waits(*timeout, *alertable)
                .result(into),
            Op::Block {
                object,
                into,
                timeout,
                alertable,
            }
            | Op::Join {
                object,
                into,
                timeout,
                alertable,
            } => says
                .names(Object(*object, Waits))
                .waits(*timeout, *alertable)
                .result(into)
                .local()
                .portable(),
            Op::Signal { object } => says
                .names(Object(*object, Writes))
                .local()
                .passes()
                .portable(),
            Op::Reset { object } => says.names(Object(*object, Writes)).local().portable(),
            Op::Stall => says.local().own_port().portable(),
            Op::Sleep {
                ticks,
                into,
                alertable,
            } => says
                .names(Clock(Waits))
                .waits(Timeout::Ticks(*ticks), *alertable)
                .result(into)
                .local()
                .portable(),
            Op::Yield => says.local().own_port().passes().portable(),
            Op::Suspend { thread } => says.names(Thread(*thread, Suspends)).hands_over(true),
            Op::Resume { thread } => says.names(Thread(*thread, Resumes)),
            Op::Terminate { thread } => says.names(Thread(*thread, Ends)),
            Op::Spawn { thread } => says.names(Thread(*thread, Starts)).local().portable(),
            Op::Exit => says.exits(Exit::Thread).portable(),
            Op::ExitProcess => says.exits(Exit::Process),
            Op::Apc {
                thread,
                reserve,
                special: _,
                into,
            } => says
                .names(Thread(*thread, Calls))
                .may_name(reserve.map(Reserve))
                .result(into),
            Op::KernelApc { thread } => says.names(Thread(*thread, Interrupts)),
            Op::Associate { binding, into } => says.may_name(binding.map(Binding)).result(into),
            Op::Replace {
                file,
                binding,
                into,
            } => says
                .names(File(*file, Writes))
                .may_name(binding.map(Binding))
                .result(into),
            Op::Modes {
                file,
                modes: _,
                into,
            } => says.names(File(*file, Writes)).result(into),
            Op::DuplicateFile {
                file,
                process,
                into,
            } => says
                .names(File(*file, Opens))
                .may_name(process.map(Process))
                .result(into),
            Op::CloseFile { file, into } => says.names(File(*file, Closes)).result(into),
            Op::Start {
                operation,
                now,
                into,
            } => says
                .names(Operation(*operation, Starts))
                .may_name(now.map(Result))
                .result(into),
            Op::Complete {
                burst,
                result,
                into,
            } => says
                .names(Burst(*burst, Ends))
                .names(Result(*result))
                .result(into),
            Op::Cancel {
                operation,
                mine: _,
                into,
            } => says.names(Operation(*operation, Cancels)).result(into),
            Op::CancelFile {
                file,
                mine: _,
                into,
            } => says.names(File(*file, Cancels)).result(into),
            Op::Peek { operation, into } => says.names(Operation(*operation, Reads)).result(into),
            Op::Free { operation } => says.names(Operation(*operation, Closes)),
            Op::Alloc { operation } => says.names(Operation(*operation, Opens)),
            Op::WaitPacket {
                wait_packet,
                port,
                target,
                packet,
                into,
            } => says
                .names(WaitPacket(*wait_packet, Starts))
                .names(Port(*port, Attracts))
                .names(Object(*target, Waits))
                .names(Packet(packet))
                .result(into),
            Op::CancelWaitPacket {
                wait_packet,
                remove: _,
                into,
            } => says.names(WaitPacket(*wait_packet, Cancels)).result(into),
            Op::JobPort {
                job,
                binding,
                into,
                may_lose: _,
            } => says
                .names(Job(*job, Writes))
                .may_name(binding.map(JobBinding))
                .messages(Messages::OfProcesses)
                .result(into),
            Op::JobStart {
                job,
                pid,
                into,
                may_lose: _,
            } => says
                .names(Job(*job, Starts))
                .names(Pid(*pid))
                .messages(Messages::OfJobs(1))
                .result(into),
            // In each job its own end, and that nobody is left.
            Op::JobExit {
                job,
                pid,
                into,
                may_lose: _,
            } => says
                .names(Job(*job, Ends))
                .names(Pid(*pid))
                .messages(Messages::OfJobs(2))
                .result(into),
            Op::Set { first, len } => says.names(Sets(first, len)).local().passes().portable(),
            Op::Swap { set, into } | Op::Add { set, into } => says
                .names(Update(set))
                .result(into)
                .local()
                .passes()
                .portable(),
            Op::CompareSwap { set, expect, into } => says
                .names(Update(set))
                .names(Value(expect))
                .result(into)
                .local()
                .passes()
                .portable(),
            Op::Test { cond, otherwise } => says
                .names(Condition(cond))
                .names(Branch(otherwise))
                .local()
                .passes()
                .portable(),
            Op::Await { cond } => says.names(Condition(cond)).local().passes().portable(),
            Op::Assert { cond } => says.names(Condition(cond)).local().passes().portable(),
            Op::Note(text) => says.names(Text(*text)).local().passes().portable(),
            Op::EpollCtl {
                port,
                source,
                change,
                into,
            } => {
                let [first, second, third] = change.packets();
                says.names(Port(*port, Watches))
                    .names(Source(*source, Watches))
                    .may_name(first.map(Packet))
                    .may_name(second.map(Packet))
                    .may_name(third.map(Packet))
                    .result(into)
            }
            Op::Write { source } => says.names(Source(*source, Writes)),
            Op::Drain { source } => says.names(Source(*source, Writes)),
            Op::Fill { source } => says.names(Source(*source, Writes)),
            Op::MakeRoom { source } => says.names(Source(*source, Writes)),
            Op::PortSendn {
                ports,
                packet,
                into,
            } => says
                .names(Ports(*ports, Posts))
                .names(Packet(packet))
                .result(into),
            Op::MsgRing { message, into } => {
                let Message {
                    from,
                    to,
                    packet,
                    went,
                    failed,
                } = message;
                says.names(Port(*from, Posts))
                    .names(Port(*to, Posts))
                    .names(Packet(packet))
                    .names(Packet(went))
                    .names(Packet(failed))
                    .result(into)
            }
            Op::Submit {
                port,
                request,
                into,
            } => {
                let says = says.names(Port(*port, Posts)).result(into);
                match request {
                    Request::Nop(packet) | Request::Drain(packet) | Request::Timeout(packet) => {
                        says.names(Packet(packet))
                    }
                    Request::Count { count: _, own } => says.names(Packet(own)),
                    Request::Cancel(operation, own) => {
                        says.names(Operation(*operation, Cancels)).names(Own(*own))
                    }
                    Request::CancelFile(file, own) => {
                        says.names(File(*file, Cancels)).names(Own(*own))
                    }
                    Request::Read(operation) => says.names(Operation(*operation, Starts)),
                    Request::Chain(chain) => says.names(Chain(*chain)),
                }
            }
            Op::RingEvent { port, event, into } => says
                .names(Port(*port, Writes))
                .names(Object(*event, Writes))
                .result(into),
            Op::PortAlert { port, alert, into } => says
                .names(Port(*port, Writes))
                .may_name(alert.packet().map(Packet))
                .hands_over(true)
                .result(into),
            Op::PortAssociate {
                port,
                source,
                packet,
                into,
            } => says
                .names(Port(*port, Watches))
                .names(Source(*source, Watches))
                .names(Packet(packet))
                .result(into),
            Op::PortDissociate { port, source, into } => says
                .names(Port(*port, Writes))
                .names(Source(*source, Writes))
                .result(into),
            Op::CloseSource { source, into } => says.names(Source(*source, Closes)).result(into),
            Op::DuplicateSource { source, into } => says.names(Source(*source, Opens)).result(into),
            Op::Kevent {
                port,
                source,
                change:
                    Knote {
                        filter: _,
                        packet,
                        carries: _,
                        add: _,
                        delete: _,
                        enable: _,
                        disable: _,
                        oneshot: _,
                        clear: _,
                        dispatch: _,
                        trigger: _,
                    },
                into,
            } => says
                .names(Port(*port, Watches))
                .names(Source(*source, Watches))
                .names(Packet(packet))
                .result(into),
        }
    }
}

impl Watch {
    /// What its events carry.
    #[inline(always)]
    fn packets(&mut self) -> [Option<&mut PacketId>; 3] {
        let (Watch::Add(interest) | Watch::Mod(interest)) = self else {
            return [None, None, None];
        };
        let Interest {
            events,
            edge: _,
            oneshot: _,
            exclusive: _,
        } = interest;
        match events {
            Events::None => [None, None, None],
            Events::In(packet) | Events::Out(packet) => [Some(packet), None, None],
            Events::InOut {
                input,
                output,
                both,
            } => [Some(input), Some(output), Some(both)],
        }
    }
}

impl Alert {
    /// The event that calls take.
    #[inline(always)]
    fn packet(&mut self) -> Option<&mut PacketId> {
        match self {
            Alert::Set(packet) | Alert::Update(packet) => Some(packet),
            Alert::Clear => None,
        }
    }
}
