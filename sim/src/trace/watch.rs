//! Makes events of what a step of the model shows.

use portsim_model::claim::Claim;
use portsim_model::event::{Error, Observer, Outcome};
use portsim_model::os_error::OsError;
use portsim_model::program::{Op, PacketId, Program, ThreadId};
use portsim_model::step::Step;

use super::heard::Heard;
use super::{Answer, Event, Shown};

/// Watches the steps of one run of the model.
pub struct Watcher<'p> {
    program: &'p Program,
    os_error: fn(Error) -> OsError,
    heard: Heard,
}

impl Observer for Watcher<'_> {
    fn call(&mut self, thread: ThreadId, op: Op) {
        self.heard.call(thread, op);
    }

    fn ret(&mut self, thread: ThreadId, op: Op, outcome: Outcome) {
        self.heard.ret(thread, op, outcome);
    }

    fn by(&mut self, claim: &'static Claim) {
        self.heard.by(claim);
    }
}

impl<'p> Watcher<'p> {
    /// Watches a program on a system that names its errors so.
    pub fn new(program: &'p Program, os_error: fn(Error) -> OsError) -> Watcher<'p> {
        Watcher {
            program,
            os_error,
            heard: Heard::default(),
        }
    }

    /// The same, and it notes which claims decided each step.
    pub fn asking_why(program: &'p Program, os_error: fn(Error) -> OsError) -> Watcher<'p> {
        Watcher {
            heard: Heard::asking(true),
            ..Watcher::new(program, os_error)
        }
    }

    /// Adds the events of the step that was just taken: first the call, with its answer if it returned at
    /// once; then, in the order of the threads, the returns of those it released, whose true order nobody
    /// can observe; or else that a step was taken that shows nothing.
    pub fn finish(&mut self, step: Step, events: &mut Vec<Event>) {
        let first = events.len();
        if let Some((thread, op)) = self.heard.called.take() {
            let own = self
                .heard
                .returned
                .iter()
                .position(|(who, ..)| *who == thread);
            let own = own.map(|own| self.heard.returned.remove(own).2);
            let answer = own.map(|outcome| self.answer(outcome));
            events.push(Event::of(Shown::Call { thread, op, answer }));
        }
        self.heard.returned.sort_by_key(|(thread, ..)| *thread);
        for (thread, op, outcome) in std::mem::take(&mut self.heard.returned) {
            let answer = self.answer(outcome);
            events.push(Event::of(Shown::Return { thread, op, answer }));
        }
        if events.len() == first {
            events.push(Event::of(Shown::Silent {
                thread: step.thread,
                kind: step.kind,
            }));
        }
        events[first].choice = step.choice;
        if let Some(by) = &mut self.heard.by {
            events[first].by = std::mem::take(by);
        }
    }

    fn answer(&self, outcome: Outcome) -> Answer {
        answer(self.program, self.os_error, outcome)
    }
}

/// How a call ended, by value.
pub fn answer(program: &Program, os_error: fn(Error) -> OsError, outcome: Outcome) -> Answer {
    let contents = |id: PacketId| program.packets[id.index()];
    match outcome {
        Outcome::Done => Answer::Done,
        Outcome::Packet(packet) => Answer::Packet(contents(packet)),
        Outcome::Packets(batch) => {
            Answer::Packets(batch.packets().iter().map(|&id| contents(id)).collect())
        }
        Outcome::Partial(batch) => Answer::Partial(
            os_error(Error::Timeout).name.to_owned(),
            batch.packets().iter().map(|&id| contents(id)).collect(),
        ),
        Outcome::Value(value) => Answer::Value(value.into()),
        Outcome::Other(value) => Answer::Other(value.into()),
        Outcome::Io(result) => {
            let how = program.results[result.index()];
            Answer::Io {
                status: how.status,
                bytes: how.returned,
            }
        }
        Outcome::Failed(error) => Answer::Failed(os_error(error).name.to_owned()),
    }
}
