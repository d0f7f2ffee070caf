//! The conductor's side of an agent whose threads run at full speed.
//!
//! What a thread is to call is sent ahead. Its returns come one by one with the agent's times, and those must fit what
//! was heard before a call was sent: else its threads do not read one clock.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use portsim_model::program::{Op, Program, ThreadId};

use super::calls::call_fields;
use super::setup::numbered;
use super::wire::{FromAgent, Leave, Make, Quiesce, Returned, ToAgent};
use super::{Talk, lock, reset};
use crate::names::Names;
use crate::native::failure::Failure;
use crate::native::threads::{Back, FarThreads, Told};
use crate::trace::{Span, answer_of};

/// A call that has not returned.
struct Open {
    id: u64,
    /// The last time that was heard of when it was sent: it began no sooner.
    since: u64,
}

/// The threads of one run.
pub struct Afar {
    talk: Arc<Mutex<Talk>>,
    names: Names,
    program: Program,
    /// By thread, oldest first.
    open: Vec<VecDeque<Open>>,
    made: u64,
    /// The last time that was heard of.
    latest: u64,
    /// Whether it was asked what moves, and has not answered.
    asked: bool,
    over: bool,
}

impl Afar {
    /// Those of an agent that is ready for this program.
    pub fn new(talk: Arc<Mutex<Talk>>, program: &Program) -> Afar {
        Afar {
            talk,
            names: numbered(program),
            program: program.clone(),
            open: program.threads.iter().map(|_| VecDeque::new()).collect(),
            made: 0,
            latest: 0,
            asked: false,
            over: false,
        }
    }

    /// What a return says, if it makes sense.
    fn back(&mut self, said: &Returned) -> Result<Told, String> {
        let id = said.id;
        let is_next = |open: &VecDeque<Open>| open.front().is_some_and(|open| open.id == id);
        let Some(place) = self.open.iter().position(is_next) else {
            return Err(format!("call {id} is not the oldest open call of a thread"));
        };
        let (Some(t0), Some(t1)) = (said.t0, said.t1) else {
            return Err(format!(
                "call {id} has returned without its times `t0` and `t1`"
            ));
        };
        let open = self.open[place].pop_front();
        let since = open.map_or(0, |open| open.since);
        if t0 < since {
            return Err(format!(
                "call {id} began at {t0}, and {since} was told before: its threads must read one clock"
            ));
        }
        if t1 < t0 {
            return Err(format!("call {id} ended at {t1}, before it began at {t0}"));
        }
        self.latest = self.latest.max(t1);
        if let Some(next) = self.open[place].front_mut() {
            next.since = next.since.max(t1);
        }
        let thread = ThreadId(place as u8);
        let answer = answer_of(&said.returned)?;
        Ok(Told::Returned(
            Back { thread, answer },
            Span { t0, t1: Some(t1) },
        ))
    }
}

impl FarThreads for Afar {
    fn give(&mut self, thread: ThreadId, op: Op) {
        self.made += 1;
        let id = self.made;
        let since = self.latest;
        self.open[thread.index()].push_back(Open { id, since });
        let name = self.names.threads[thread.index()].clone();
        let said = if op == Op::Exit {
            ToAgent::Leave(Leave {
                leave: name,
                id: Some(id),
            })
        } else {
            ToAgent::Make(Make {
                id,
                thread: name,
                op: Box::new(call_fields(&self.names, &self.program, op)),
            })
        };
        lock(&self.talk).say(&said);
    }

    fn ask(&mut self) {
        // One question at a time: the answer to a second one would be heard where something else is expected.
        if std::mem::replace(&mut self.asked, true) {
            return;
        }
        lock(&self.talk).say(&ToAgent::Quiesce(Quiesce {
            quiesce: true,
            until: Vec::new(),
            limit_ms: 0,
        }));
    }

    fn hear(&mut self, limit: Duration) -> Result<Option<Told>, Failure> {
        let talk = self.talk.clone();
        let mut talk = lock(&talk);
        let Some(said) = talk.hear_within(limit)? else {
            return Ok(None);
        };
        let told = match &said {
            FromAgent::Returned(returned) => self.back(returned),
            FromAgent::Quiet(_) | FromAgent::Overdue(_) if self.asked => {
                self.asked = false;
                Ok(Told::Moves(matches!(said, FromAgent::Overdue(_))))
            }
            _ => return Err(talk.unexpected(&said, "returned")),
        };
        told.map(Some).map_err(|problem| talk.nonsense(problem))
    }

    fn end(&mut self) -> Result<(), Failure> {
        if std::mem::replace(&mut self.over, true) {
            return Ok(());
        }
        let limit = lock(&self.talk).limits.answer;
        while self.asked && self.hear(limit)?.is_some() {}
        let open = self.open.iter().map(VecDeque::len).sum();
        reset(&mut lock(&self.talk), open)
    }
}

impl Drop for Afar {
    fn drop(&mut self) {
        // Whoever wants to know calls `end` first.
        let _ = self.end();
    }
}
