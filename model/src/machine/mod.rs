//! Programs on a kernel: which steps are possible, and what each does and shows.
//!
//! When a step is possible stands in `possible`, what it does in `happens`: whoever changes one of the two
//! looks at the other.

mod enabled;
mod take;

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::contract::{Personality, Turn};
use crate::dead::abridged;
use crate::event::Observer;
use crate::expr::{Expr, PortField};
use crate::layout::Layout;
use crate::objects;
use crate::program::{FileId, ObjectId, Op, ProcessId, Program, SourceId, VarId};
use crate::property::{Fault, Ledger, Owed, Violation, conserved, holds, judge, judge_end, owes};
use crate::state::{State, View};
use crate::step::{Step, StepKind};
use crate::threads::Mode;

/// A program on a personality.
#[derive(Debug, Clone)]
pub struct Machine<P> {
    program: Arc<Program>,
    personality: P,
    layout: Layout,
    processors: u32,
    /// Whether each port may run out of room before every post has been made.
    bounded: Box<[bool]>,
}

/// Why a system cannot run a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unsupported {
    /// The operation that it lacks; none where a property asks for something it does not have.
    pub op: Option<Op>,
    /// Why.
    pub why: &'static str,
}

/// Whether a bound kept a step from being possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct Bounded(pub bool);

impl<P: Personality> Machine<P> {
    /// Puts a program on a kernel of a machine with so many processors.
    pub fn new(
        program: Arc<Program>,
        personality: P,
        processors: u32,
    ) -> Result<Self, Unsupported> {
        for op in program.ops() {
            personality
                .supports(&program, op)
                .map_err(|why| Unsupported { op: Some(op), why })?;
        }
        let counts = |expr: &Expr| {
            matches!(
                expr,
                Expr::Port(_, PortField::Running | PortField::Concurrency)
            )
        };
        if !personality.counts_running() && program.any_expr(counts) {
            return Err(Unsupported {
                op: None,
                why: "it counts no running threads",
            });
        }
        if !personality.keeps_last_error()
            && program.any_expr(|expr| matches!(expr, Expr::LastError(_)))
        {
            return Err(Unsupported {
                op: None,
                why: "its calls leave no last error",
            });
        }
        if !personality.limits_events()
            && program.ports.iter().any(|port| port.events_max.is_some())
        {
            return Err(Unsupported {
                op: None,
                why: "it has no limit of events for each port",
            });
        }
        if !personality.has_rings() && program.ports.iter().any(|port| port.entries.is_some()) {
            return Err(Unsupported {
                op: None,
                why: "its ports are no rings of so many entries",
            });
        }
        // In lock-step nobody comes between the two steps of a call.
        let two_steps = personality.takes_in_two_steps() && program.schedule.is_none();
        let Some(mut layout) = Layout::of(&program, processors, two_steps) else {
            return Err(Unsupported {
                op: None,
                why: "its states would be larger than 64 KiB",
            });
        };
        let bounded = program
            .port_ids()
            .map(|port| Layout::is_bounded(&program, port))
            .collect();
        let bounded: Box<[bool]> = bounded;
        layout.plan.note_plain(|op| match op {
            Op::Post { port, .. } | Op::Submit { port, .. } if bounded[port.index()] => false,
            Op::PortSendn { .. } | Op::MsgRing { .. } => false,
            Op::Signal { .. } | Op::JobStart { .. } | Op::JobExit { .. } | Op::JobPort { .. } => {
                false
            }
            _ => !personality.leaves_open(op),
        });
        Ok(Machine {
            program,
            personality,
            layout,
            processors,
            bounded,
        })
    }

    /// The same kernel with what of the program makes a difference to whoever judges its states; its steps are the same.
    pub fn abridged(&self) -> Machine<P> {
        let program = Arc::new(abridged(&self.program));
        Machine::new(program, self.personality, self.processors).unwrap_or_else(|_| self.clone())
    }

    /// The program.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// The personality.
    pub fn personality(&self) -> P {
        self.personality
    }

    /// Where the nouns of its states lie.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Whether a port may run out of room before every post has been made.
    pub fn is_bounded(&self) -> bool {
        self.bounded.contains(&true)
    }

    /// A state, readable.
    #[inline]
    pub fn view<'s>(&'s self, state: &'s State) -> View<'s> {
        self.view_of(&state.0)
    }

    /// A state's bytes, readable.
    #[inline]
    fn view_of<'s>(&'s self, bytes: &'s [u8]) -> View<'s> {
        View {
            program: &self.program,
            layout: &self.layout,
            os_error: self.personality.os_error(),
            bytes,
        }
    }

    /// The state before the first step.
    pub fn boot(&self) -> State {
        let mut state = State::blank(&self.layout);
        for (n, place) in self.layout.objects.iter().enumerate() {
            objects::boot(
                &self.program,
                ObjectId(n as u8),
                &mut state.0[usize::from(*place)..],
            );
        }
        for (n, value) in self.program.vars.iter().enumerate() {
            self.write_var(&mut state.0, VarId(n as u8), *value);
        }
        let mut nobody = ();
        let mut turn = self.turn(&mut state.0, &mut nobody);
        for (n, source) in self.program.sources.iter().enumerate() {
            turn.set_readable(SourceId(n as u8), source.readable);
        }
        for id in self.program.port_ids() {
            let open = self.program.ports[id.index()].open;
            turn.port(id).set_handles(u8::from(open));
        }
        for (n, declared) in self.program.files.iter().enumerate() {
            let mut file = turn.file(FileId(n as u8));
            file.set_handles(ProcessId(0), 1);
            file.set_binding(declared.binding);
            file.add_modes(declared.modes);
        }
        for id in self.program.thread_ids() {
            if !self.program.threads[id.index()].spawned {
                turn.goes_on(id, 0);
            }
        }
        state
    }

    /// Calls `each` with every step that is possible now, always in the same order: the threads' turns and
    /// wakes in the order of the threads, then the clock.
    #[inline]
    pub fn enabled(&self, state: &State, mut each: impl FnMut(Step)) -> Bounded {
        let view = self.view(state);
        if let Some(schedule) = &self.program.schedule {
            return self.enabled_by(schedule, view, each);
        }
        let mut bounded = false;
        let may_be_suspended = view.has_suspensions();
        for (id, head) in view.heads() {
            match head.mode() {
                Mode::Ready if !may_be_suspended => {
                    bounded |= self.turns_of_ready(view, id, head.pc(), &mut each);
                }
                Mode::Ready | Mode::Stalled => bounded |= self.turns(view, id, &mut each),
                Mode::Woken => self.wakes(view, id, &mut each),
                _ => {}
            }
        }
        Bounded(bounded | self.times(view, &mut each))
    }

    /// Takes one of the enabled steps; says which invariant of every port it broke, if it did.
    #[inline]
    pub fn take<O: Observer>(
        &self,
        state: &mut State,
        step: Step,
        observer: &mut O,
    ) -> Option<Fault> {
        let before = self.queued(&state.0);
        let me = step.thread;
        let is_turn = match step.kind {
            StepKind::Turn => true,
            StepKind::Wake => false,
            StepKind::Time => self.view(state).deadline(me) != Some(0),
        };
        let mut turn = self.turn(&mut state.0, observer);
        match step.kind {
            StepKind::Turn => self.take_turn(&mut turn, me, step.choice),
            StepKind::Wake => {
                let get = turn.get(me);
                self.personality.wake(&mut turn, me, get, step.choice);
            }
            StepKind::Time => self.take_time(&mut turn, me),
        }
        let (ledger, fault) = (turn.ledger, turn.fault);
        if is_turn && let Some(at) = self.layout.turn {
            let taken = self.view_of(&state.0).turns_taken() as u32 + 1;
            state.0[usize::from(at)..usize::from(at) + 4].copy_from_slice(&taken.to_le_bytes());
        }
        fault
            .or(conserved(before, self.queued(&state.0), ledger).err())
            .filter(|_| self.program.builtin)
    }

    /// Forgets how far every pending deadline is: whoever has one may find it passed at any moment. For judges of
    /// threads that no common clock held to the program's ticks.
    pub fn even_deadlines(&self, state: &mut State) {
        if !self.layout.has_deadlines() {
            return;
        }
        let mut nobody = ();
        let mut turn = self.turn(&mut state.0, &mut nobody);
        for id in self.program.thread_ids() {
            if turn.view().thread(id).remaining().is_some() {
                turn.thread(id).set_remaining(Some(1));
            }
        }
    }

    /// What a state violates, other than by being the last.
    #[inline]
    pub fn judge(&self, state: &State) -> Option<Violation> {
        judge(self.view(state), |view| self.personality.holds(view))
    }

    /// What a state violates in which nothing can move any more.
    pub fn judge_end(&self, state: &State) -> Option<Violation> {
        judge_end(self.view(state))
    }

    /// Whether the state shows the `sometimes` property of this number.
    pub fn shows(&self, state: &State, property: usize) -> bool {
        holds(self.view(state), self.program.sometimes[property]).is_some_and(|value| value != 0)
    }

    /// Whether the `eventually` property of this number is owed in the first state.
    pub fn owes_at_boot(&self, boot: &State, property: usize) -> bool {
        let promise = self.program.eventually[property];
        owes(self.view(boot), promise, promise.when.is_none())
    }

    /// Whether the `eventually` property of this number is owed in a state, if `before` says so of the one
    /// before it.
    #[inline]
    pub fn owes(&self, state: &State, property: usize, before: bool) -> bool {
        owes(self.view(state), self.program.eventually[property], before)
    }

    /// What a run owes in the first state.
    pub fn owed_at_boot(&self, boot: &State) -> Owed {
        let mut owed = Owed::from_the_start(&self.program);
        owed.note(self.view(boot));
        owed
    }

    /// Notes what a run owes that has come to this state.
    pub fn owe(&self, owed: &mut Owed, state: &State) {
        owed.note(self.view(state));
    }

    fn turn<'t, O>(&'t self, bytes: &'t mut [u8], observer: &'t mut O) -> Turn<'t, O> {
        Turn {
            program: &self.program,
            layout: &self.layout,
            os_error: self.personality.os_error(),
            bytes,
            observer,
            ledger: Ledger::default(),
            fault: None,
        }
    }

    /// Packets in all queues.
    #[inline]
    fn queued(&self, bytes: &[u8]) -> usize {
        self.layout
            .ports
            .iter()
            .map(|port| {
                let taken = port.taken.map_or(0, |at| bytes[usize::from(at)]);
                usize::from(bytes[usize::from(port.packets)]) + usize::from(taken)
            })
            .sum()
    }
}

/// A scratch list of steps, for choosers that want all of them at once.
pub fn steps_of<P: Personality>(
    machine: &Machine<P>,
    state: &State,
    steps: &mut Vec<Step>,
) -> Bounded {
    steps.clear();
    machine.enabled(state, |step| steps.push(step))
}
