//! Jobs, which report their processes to a port.

use super::rules::{Insert, Nt};
use crate::choice::Readings;
use crate::event::{Error, Observer, Outcome};
use crate::program::{JobId, Program, ThreadId};
use crate::turn::Turn;

/// A message of a job about a process.
#[derive(Clone, Copy)]
enum Message {
    NewProcess(u8),
    ExitProcess(u8),
    ActiveProcessZero,
}

/// Which message of an operation may still be lost on its way: one at most.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Loss(pub Option<&'static Readings<bool>>);

impl Loss {
    /// Whether the message that is sent now is the one.
    fn is_this<O: Observer>(&mut self, turn: &mut Turn<'_, O>) -> bool {
        let lost = self.0.is_some_and(|lossy| turn.choose(lossy));
        if lost {
            self.0 = None;
        }
        lost
    }
}

/// SetInformationJobObject with JobObjectAssociateCompletionPortInformation.
pub(in super::super) fn job_port<P: Nt, O: Observer>(
    personality: &P,
    turn: &mut Turn<'_, O>,
    me: ThreadId,
    job: JobId,
    binding: Option<u8>,
    mut loss: Loss,
) {
    let Some(binding) = binding else {
        turn.by_some(P::RULES.some.job_null);
        turn.job(job).set_binding(None);
        return turn.returns(me, Outcome::Done);
    };
    let port = turn.program.job_bindings[usize::from(binding)].port;
    if !turn.port(port).is_open() {
        return turn.fails(me, P::RULES.closed_handle, Error::BadHandle);
    }
    if turn.job(job).binding().is_some() {
        return turn.fails(me, P::RULES.job_once, Error::Invalid);
    }
    turn.job(job).set_binding(Some(binding));
    for pid in 0..turn.program.pids.len() as u8 {
        if turn.job(job).contains(pid) {
            turn.by(P::RULES.job_new);
            sends(personality, turn, job, Message::NewProcess(pid), &mut loss);
        }
    }
    turn.returns(me, Outcome::Done);
}

/// A process begins in a job, and in those that it is nested in.
pub(in super::super) fn job_start<P: Nt, O: Observer>(
    personality: &P,
    turn: &mut Turn<'_, O>,
    me: ThreadId,
    job: JobId,
    pid: u8,
    mut loss: Loss,
) {
    if turn.job(job).contains(pid) {
        return turn.returns(me, Outcome::Failed(Error::Exists));
    }
    for job in chain::<P, O>(turn, job) {
        turn.job(job).add(pid);
        sends(personality, turn, job, Message::NewProcess(pid), &mut loss);
    }
    turn.returns(me, Outcome::Done);
}

/// A process ends.
pub(in super::super) fn job_exit<P: Nt, O: Observer>(
    personality: &P,
    turn: &mut Turn<'_, O>,
    me: ThreadId,
    job: JobId,
    pid: u8,
    mut loss: Loss,
) {
    if !turn.job(job).contains(pid) {
        return turn.returns(me, Outcome::Failed(Error::NotFound));
    }
    for job in chain::<P, O>(turn, job) {
        turn.by(P::RULES.job_exit);
        turn.job(job).remove(pid);
        sends(personality, turn, job, Message::ExitProcess(pid), &mut loss);
        if turn.job(job).is_empty() {
            sends(
                personality,
                turn,
                job,
                Message::ActiveProcessZero,
                &mut loss,
            );
        }
    }
    turn.returns(me, Outcome::Done);
}

fn sends<P: Nt, O: Observer>(
    personality: &P,
    turn: &mut Turn<'_, O>,
    job: JobId,
    message: Message,
    loss: &mut Loss,
) {
    let Some(binding) = turn.job(job).binding() else {
        return;
    };
    if loss.is_this(turn) {
        return;
    }
    turn.by(P::RULES.job_messages);
    let binding = &turn.program.job_bindings[usize::from(binding)];
    let packet = match message {
        Message::NewProcess(pid) => binding.new[usize::from(pid)],
        Message::ExitProcess(pid) => binding.exit[usize::from(pid)],
        Message::ActiveProcessZero => binding.zero,
    };
    personality.inserts(turn, binding.port, packet, Insert::AsAnyone);
}

/// A job and those that it is nested in, innermost first.
fn chain<'a, P: Nt, O: Observer>(
    turn: &mut Turn<'a, O>,
    job: JobId,
) -> impl Iterator<Item = JobId> + use<'a, P, O> {
    let program: &'a Program = turn.program;
    if program.jobs[job.index()].parent.is_some() {
        turn.by(P::RULES.job_nested);
    }
    core::iter::successors(Some(job), |job| program.jobs[job.index()].parent)
}
