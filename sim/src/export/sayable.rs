//! What of a scenario has its words in Promela.

use portsim_model::program::{Op, Program};
use portsim_model::property::FAULTS;

use crate::scenario::Scenario;

/// Each property has a variable of its own.
pub(super) fn names_itself(scenario: &Scenario) -> Result<(), String> {
    let names = &scenario.names;
    let own = names.always.iter().chain(&names.at_end);
    for (_, fault) in FAULTS {
        if own.clone().any(|name| name == fault) {
            return Err(format!(
                "{fault} is the name of a property and of an invariant"
            ));
        }
    }
    Ok(())
}

/// Whether everything in a program has its words here.
pub(super) fn sayable(program: &Program) -> Result<(), String> {
    let lacks = |what: &str| Err(format!("the export says nothing of {what}"));
    if !program.files.is_empty() || !program.operations.is_empty() {
        return lacks("files and operations on them");
    }
    if program.bounds.depth.is_some() || program.bounds.ticks.is_some() {
        return lacks("bounds of depth and of time");
    }
    if !program.eventually.is_empty() {
        return lacks("what fair runs come to");
    }
    if program.threads.iter().any(|it| !it.may_wait_in.is_empty()) {
        return lacks("threads that may wait in one place");
    }
    if program.codes.iter().any(|code| !code.locals.is_empty()) {
        return lacks("variables of one thread");
    }
    if program.threads.len() > 200 {
        return lacks("more than 200 threads");
    }
    for op in program.ops() {
        match op {
            Op::Post {
                reserve: Some(_), ..
            } => return lacks("reserve objects"),
            Op::Join { .. } => return lacks("waits for the end of threads"),
            Op::WaitHandle { .. } => return lacks("waits for the handle of a port"),
            Op::Suspend { .. } | Op::Resume { .. } => return lacks("suspension"),
            Op::Terminate { .. } => return lacks("threads that others end"),
            Op::Apc { .. } | Op::KernelApc { .. } => {
                return lacks("asynchronous procedure calls");
            }
            Op::ExitProcess => return lacks("processes"),
            Op::WaitPacket { .. } | Op::CancelWaitPacket { .. } => {
                return lacks("wait completion packets");
            }
            Op::JobPort { .. } | Op::JobStart { .. } | Op::JobExit { .. } => return lacks("jobs"),
            Op::EpollCtl { .. }
            | Op::Write { .. }
            | Op::Drain { .. }
            | Op::Fill { .. }
            | Op::MakeRoom { .. }
            | Op::DuplicateSource { .. } => return lacks("epoll"),
            Op::PortSendn { .. }
            | Op::PortAlert { .. }
            | Op::PortAssociate { .. }
            | Op::PortDissociate { .. }
            | Op::CloseSource { .. } => return lacks("event ports"),
            Op::Kevent { .. } => return lacks("kqueue"),
            Op::MsgRing { .. } | Op::Submit { .. } | Op::RingEvent { .. } => {
                return lacks("io_uring");
            }
            Op::Get { keeps: true, .. } => return lacks("results that keep what they had"),
            Op::Get { min: Some(_), .. } => return lacks("batches that wait for more"),
            Op::Get { .. }
            | Op::Post { .. }
            | Op::PostComputed { .. }
            | Op::Close { .. }
            | Op::Create { .. }
            | Op::DuplicatePort { .. }
            | Op::Query { .. }
            | Op::Block { .. }
            | Op::Signal { .. }
            | Op::Reset { .. }
            | Op::Stall
            | Op::Sleep { .. }
            | Op::Yield
            | Op::Spawn { .. }
            | Op::Exit
            | Op::Set { .. }
            | Op::Swap { .. }
            | Op::Add { .. }
            | Op::CompareSwap { .. }
            | Op::Test { .. }
            | Op::Await { .. }
            | Op::Assert { .. }
            | Op::Note(_) => {}
            Op::Associate { .. }
            | Op::Replace { .. }
            | Op::Modes { .. }
            | Op::DuplicateFile { .. }
            | Op::CloseFile { .. }
            | Op::Start { .. }
            | Op::Complete { .. }
            | Op::Cancel { .. }
            | Op::CancelFile { .. }
            | Op::Peek { .. }
            | Op::Free { .. }
            | Op::Alloc { .. } => return lacks("files and operations on them"),
        }
    }
    Ok(())
}
