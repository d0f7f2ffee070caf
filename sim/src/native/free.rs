//! A program on a real backend at full speed: nobody conducts its threads.
//!
//! Of each call the time before, the answer and the time after are known, by one clock that never goes back. So the
//! action of a call lies somewhere between its two times, and that is all that is known of the order of two threads.
//! Threads of this process are recorded by `here`, those of an agent by `far`.
//!
//! A run is over when all threads are gone, or when everybody who is left is parked for good. What neither happens to
//! ends by a limit, and says who was still inside a call.

use std::sync::Arc;
use std::time::Duration;

use portsim_model::control::Offer;
use portsim_model::expr::Expr;
use portsim_model::op::{Noun, Role};
use portsim_model::program::{Op, Pc, Program, ThreadId};
use portsim_model::step::{Step, StepKind};

use super::backend::Backend;
use super::part::{Script, asked, unplayable};
use super::recording::NoRecording;
use crate::choose::{Choose, Policy};
use crate::trace::{Answer, Shown, Span};

mod far;
mod here;
mod provoke;

pub use provoke::Provocation;

/// How long a tick lasts: nobody waits for turns here, and the kernel counts no finer.
const TICK: Duration = Duration::from_millis(1);

/// How long a call that was under way at the end may take before its thread counts as being inside it for good.
const GRACE: Duration = Duration::from_secs(1);

/// The most calls of a run, about.
const CALLS_MAX: usize = 4_000_000;

/// A call of a thread, as it saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Whose.
    pub thread: ThreadId,
    /// What.
    pub op: Op,
    /// How it ended; none where it has not.
    pub answer: Option<Answer>,
    /// When.
    pub span: Span,
}

impl Call {
    /// What a trace says of it.
    pub fn shown(&self) -> Shown {
        Shown::Call {
            thread: self.thread,
            op: self.op,
            answer: self.answer.clone(),
        }
    }
}

/// What a run at full speed showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Freely {
    /// All calls, by the time before them.
    pub calls: Vec<Call>,
    /// Who was still inside a call.
    pub parked: Vec<ThreadId>,
    /// Why it stopped.
    pub ended: Ended,
}

/// How far a run may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// How long.
    pub time: Duration,
    /// How many calls, about: whoever polls for ever makes millions a second.
    pub calls: usize,
}

impl Limit {
    /// So long, and no more calls than memory has room for.
    pub fn of(time: Duration) -> Limit {
        Limit {
            time,
            calls: CALLS_MAX,
        }
    }

    /// Which of the two is reached.
    fn reached(self, time: Duration, calls: usize) -> Option<Ended> {
        let too_long = (time >= self.time).then_some(Ended::Limit(self.time));
        too_long.or((calls >= self.calls).then_some(Ended::TooMany(self.calls)))
    }
}

/// Why a run stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// Nothing can move any more.
    Rest,
    /// The limit was reached.
    Limit(Duration),
    /// So many calls were made.
    TooMany(usize),
    /// This thread's assertion did not hold.
    AssertFailed(ThreadId),
    /// This thread goes round without an operation, or a value that it needs does not exist.
    Nowhere(ThreadId),
    /// It could not go on: the recording is cut.
    Failed(String),
}

impl Ended {
    /// Whether it could have gone on.
    pub fn is_limit(&self) -> bool {
        matches!(self, Ended::Limit(_) | Ended::TooMany(_))
    }

    /// Why it stopped, in words; `name` names a thread.
    pub fn words(&self, name: impl Fn(ThreadId) -> String) -> String {
        match self {
            Ended::Rest => "nothing can move any more".to_owned(),
            Ended::Limit(limit) => format!("it did not come to rest in {limit:?}"),
            Ended::TooMany(calls) => format!("it did not come to rest in {calls} calls"),
            Ended::AssertFailed(thread) => {
                format!("an assertion of {} does not hold", name(*thread))
            }
            Ended::Nowhere(thread) => format!(
                "{} goes round without an operation, or has no value to go on with",
                name(*thread)
            ),
            Ended::Failed(why) => why.clone(),
        }
    }
}

/// Lets the threads of a program run at full speed, no longer than `limit`; branches are drawn from the seed.
pub fn record_free(
    backend: &dyn Backend,
    program: &Arc<Program>,
    seed: u64,
    limit: Duration,
) -> Result<Freely, NoRecording> {
    let limit = Limit::of(limit);
    record_provoked(backend, program, seed, limit, Provocation::default())
}

/// The same with threads that are provoked, where they are threads of this process.
pub fn record_provoked(
    backend: &dyn Backend,
    program: &Arc<Program>,
    seed: u64,
    limit: Limit,
    provocation: Provocation,
) -> Result<Freely, NoRecording> {
    backend.available().map_err(NoRecording::Unavailable)?;
    if let Some(why) = unplayable(program).or_else(|| unplayable_freely(program)) {
        return Err(NoRecording::Unsupported(why));
    }
    if let Some(threads) = backend.far(program, TICK)? {
        let threads = threads.map_err(NoRecording::Unsupported)?;
        return far::record(threads, program, seed, limit);
    }
    if let Some(why) = backend.refuses(program, TICK)? {
        return Err(NoRecording::Unsupported(why));
    }
    let Some(world) = backend.world(program, TICK)? else {
        let why = "its threads cannot be left alone";
        return Err(NoRecording::Unsupported(why.into()));
    };
    here::record(world, program, (seed, provocation), limit)
}

/// Why nobody can play the program without a conductor, if nobody can.
fn unplayable_freely(program: &Program) -> Option<String> {
    if program.ops().any(|op| op == Op::Stall) {
        let why = "a stall takes a time that nobody chose, and at full speed nobody ends it";
        return Some(why.into());
    }
    if program.ops().any(|op| op.awaits().is_some()) {
        let why = "at full speed nobody can hold a thread until a condition holds";
        return Some(why.into());
    }
    let is_shared = |expr| matches!(expr, Expr::Var(_) | Expr::Element { .. });
    let ids = program.computed.iter();
    let mut ids = ids.flat_map(|it| [it.key, it.bytes, it.overlapped]);
    if ids.any(|id| program.any_node(id, &is_shared)) {
        let why = "at full speed nobody reads a shared variable and posts in one step";
        return Some(why.into());
    }
    let stops = |noun: Noun<'_>| matches!(noun, Noun::Thread(_, Role::Suspends | Role::Ends));
    if program.ops().any(|mut op| op.describe().nouns().any(stops)) {
        return Some("at full speed nobody knows where a thread can be stopped".into());
    }
    let hidden = |expr: Expr| match expr {
        Expr::Thread(..) => Some("what another thread is doing"),
        Expr::Result {
            thread: Some(_), ..
        }
        | Expr::Nth {
            thread: Some(_), ..
        } => Some("the results of another thread"),
        Expr::Local {
            thread: Some(_), ..
        } => Some("the variables of another thread"),
        _ => None,
    };
    let what = asked(program).find_map(hidden)?;
    Some(format!(
        "its code asks for {what}, which at full speed nobody knows"
    ))
}

/// What a thread does next.
enum Next {
    Op(Op, Pc),
    End,
    /// It goes round without an operation.
    Nowhere,
}

/// Draws a thread's branches: every thread its own, whoever is quicker.
struct Branches {
    choose: Box<dyn Choose>,
    steps: Vec<Step>,
}

impl Branches {
    fn of(seed: u64, thread: ThreadId) -> Branches {
        let seed = seed.wrapping_mul(0x100).wrapping_add(thread.0.into());
        Branches {
            choose: Policy::Random.seeded(seed),
            steps: Vec::new(),
        }
    }

    /// What the thread does next, which rests at an operation.
    fn next(&mut self, program: &Program, script: &mut Script<'_>, thread: ThreadId) -> Next {
        let (plan, pc) = (script.plan.clone(), script.part(thread).pc);
        let steps = &mut self.steps;
        steps.clear();
        plan.offers(program, script, thread, pc, |_| {
            steps.push(Step {
                kind: StepKind::Turn,
                thread,
                choice: steps.len() as u32,
            });
        });
        let choice = match steps.len() {
            1 => 0,
            _ => self.choose.choose(steps) as u32,
        };
        match plan.nth_offer(program, script, thread, pc, choice) {
            Some(Offer::Op(op, pc)) => match script.call(thread, op) {
                Ok(call) => Next::Op(call, pc),
                Err(_) => Next::Nowhere,
            },
            Some(Offer::End(_)) => Next::End,
            Some(Offer::Nowhere(_)) | None => Next::Nowhere,
        }
    }
}
