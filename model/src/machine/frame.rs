//! What a machine knows without its personality: the program, the layout of its states, the scenario's properties.

use alloc::boxed::Box;
use alloc::sync::Arc;

use crate::about::About;
use crate::choice::{Noted, Numbered};
use crate::claim::Claim;
use crate::contract::{Personality, refuses};
use crate::event::Error;
use crate::expr::{Expr, PortField};
use crate::layout::Layout;
use crate::objects;
use crate::os_error::OsError;
use crate::packets::Packets;
use crate::program::{
    FileId, LocalId, ObjectId, Op, Pc, PortId, ProcessId, Program, RingSetup, SourceId, ThreadId,
    VarId, Variable,
};
use crate::property::{Owed, holds, owes};
use crate::state::{State, View, thread_mut};
use crate::step::{Step, StepKind};
use crate::threads::Mode;
use crate::turn::{Fixed, System};

/// See the module.
#[derive(Debug, Clone)]
pub struct Frame {
    pub(super) program: Arc<Program>,
    pub(super) layout: Layout,
    pub(super) processors: u32,
    pub(super) system: System,
    /// Whether each port may run out of room before every post has been made.
    pub(super) bounded: Box<[bool]>,
}

/// Why a personality cannot play a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unsupported {
    /// The operation that it lacks; none where a property asks for something it does not have.
    pub op: Option<Op>,
    /// Why.
    pub why: &'static str,
    /// The claim behind that, where there is one.
    pub claim: Option<&'static Claim>,
}

/// Whether a bound kept a step from being possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct Bounded(pub bool);

impl Frame {
    pub(super) fn new<P: Personality>(
        program: Arc<Program>,
        personality: &P,
        processors: u32,
        fixed: &[Fixed],
    ) -> Result<Frame, Unsupported> {
        if let Some(lacks) = lacks(&program, personality) {
            return Err(lacks);
        }
        // In lock-step nobody comes between the two steps of a call.
        let two_steps = personality.about().takes_in_two_steps && program.schedule.is_none();
        let Some(mut layout) = Layout::of(&program, processors, two_steps) else {
            return Err(Unsupported {
                op: None,
                why: "its states would be larger than 64 KiB",
                claim: None,
            });
        };
        let bounded: Box<[bool]> = program
            .port_ids()
            .map(|port| Layout::is_bounded(&program, port))
            .collect();
        layout.plan.note_rooms(P::HOLDS, |op| {
            let mut rooms = op.room_needed(&program);
            rooms.retain(|room| room.messages || bounded[room.port.index()]);
            rooms
        });
        Ok(Frame {
            program,
            layout,
            processors,
            system: System {
                os_error: personality.about().os_error,
                keeps: personality.about().keeps.ok(),
                fixed: fixed.into(),
            },
            bounded,
        })
    }

    /// The program.
    #[inline]
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// Where the nouns of its states lie.
    #[inline]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    pub(super) fn os_error(&self) -> fn(Error) -> OsError {
        self.system.os_error
    }

    pub(crate) fn is_bounded(&self) -> bool {
        self.bounded.contains(&true)
    }

    /// A state, readable.
    #[inline]
    pub fn view<'s>(&'s self, state: &'s State) -> View<'s> {
        self.view_of(&state.0)
    }

    /// A state's bytes, readable.
    #[inline]
    pub(super) fn view_of<'s>(&'s self, bytes: &'s [u8]) -> View<'s> {
        View {
            program: &self.program,
            layout: &self.layout,
            os_error: self.system.os_error,
            bytes,
        }
    }

    pub(super) fn boot(&self) -> State {
        let mut state = State::blank(&self.layout);
        for (n, place) in self.layout.objects.iter().enumerate() {
            objects::boot(
                &self.program,
                ObjectId(n as u8),
                &mut state.0[usize::from(*place)..],
            );
        }
        let (mut nobody, mut none) = ((), Numbered(0));
        let mut turn = self.turn(&mut state.0, &mut nobody, Noted::new(&mut none, 0));
        for (n, value) in self.program.vars.iter().enumerate() {
            turn.write(ThreadId(0), Variable::Shared(VarId(n as u8)), *value);
        }
        for id in self.program.thread_ids() {
            for (n, value) in self.program.code(id).locals.iter().enumerate() {
                turn.write(id, Variable::Own(LocalId(n as u8)), *value);
            }
        }
        for (n, source) in self.program.sources.iter().enumerate() {
            turn.set_readable(SourceId(n as u8), source.readable);
            turn.set_writable(SourceId(n as u8), source.writable == Some(true));
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

    /// How many things a thread's program offers it where it stands, of which a step's number names one first.
    #[inline]
    pub(super) fn branches(&self, state: &State, step: Step) -> u32 {
        if step.kind != StepKind::Turn {
            return 1;
        }
        let view = self.view(state);
        let thread = view.thread(step.thread);
        if thread.mode() != Mode::Ready {
            return 1;
        }
        self.layout
            .plan
            .branches(&self.program, &view, step.thread, thread.pc())
    }

    /// One more turn of the schedule is taken.
    #[inline]
    pub(super) fn note_turn(&self, bytes: &mut [u8]) {
        if let Some(at) = self.layout.turn {
            let taken = self.view_of(bytes).turns_taken() as u32 + 1;
            bytes[usize::from(at)..usize::from(at) + 4].copy_from_slice(&taken.to_le_bytes());
        }
    }

    pub(super) fn even_deadlines(&self, state: &mut State) {
        if !self.layout.has_deadlines() {
            return;
        }
        let (mut nobody, mut none) = ((), Numbered(0));
        let mut turn = self.turn(&mut state.0, &mut nobody, Noted::new(&mut none, 0));
        for id in self.program.thread_ids() {
            // A woken thread whose time is over keeps that until it goes on.
            if turn.view().deadline(id).is_some() {
                let behind = turn.view().behind_minimum(id).unwrap_or(0);
                turn.thread(id).set_remaining(Some(1 + behind));
            }
        }
    }

    pub(super) fn tell(&self, state: &mut State, thread: ThreadId, pc: Pc) {
        let mut thread = thread_mut(&self.layout, &mut state.0, thread);
        debug_assert_eq!(thread.mode(), Mode::Ready, "it is in no call");
        thread.set_pc(pc);
    }

    pub(super) fn packets_mut<'s>(
        &self,
        state: &'s mut State,
        port: PortId,
    ) -> Packets<&'s mut [u8]> {
        let place = self.layout.ports[port.index()];
        Packets(&mut state.0[usize::from(place.packets)..usize::from(place.queue_end)])
    }

    pub(super) fn shows(&self, state: &State, property: usize) -> bool {
        holds(self.view(state), self.program.sometimes[property]).is_some_and(|value| value != 0)
    }

    pub(super) fn owes_at_boot(&self, boot: &State, property: usize) -> bool {
        let promise = self.program.eventually[property];
        owes(self.view(boot), promise, promise.when.is_none())
    }

    pub(super) fn owes(&self, state: &State, property: usize, before: bool) -> bool {
        owes(self.view(state), self.program.eventually[property], before)
    }

    pub(super) fn owed_at_boot(&self, boot: &State) -> Owed {
        let mut owed = Owed::from_the_start(&self.program);
        owed.note(self.view(boot));
        owed
    }

    pub(super) fn owe(&self, owed: &mut Owed, state: &State) {
        owed.note(self.view(state));
    }

    /// Packets in all queues.
    #[inline]
    pub(super) fn queued(&self, bytes: &[u8]) -> usize {
        let counts = self.layout.queued.iter();
        counts.map(|&at| usize::from(bytes[usize::from(at)])).sum()
    }
}

/// What of a program a personality cannot play.
fn lacks<P: Personality>(program: &Program, personality: &P) -> Option<Unsupported> {
    let about = personality.about();
    for op in program.calls() {
        if let Some(why) = refuses(personality, program, op) {
            return Some(Unsupported {
                op: Some(op),
                why,
                claim: about.lacks_by,
            });
        }
    }
    let why = asks_too_much(program, about)?;
    Some(Unsupported {
        op: None,
        why,
        claim: None,
    })
}

/// What a scenario asks for, beside operations, that a personality does not have.
fn asks_too_much(program: &Program, about: &About) -> Option<&'static str> {
    let asks_for_running = |expr: &Expr| {
        matches!(
            expr,
            Expr::Port(_, PortField::Running | PortField::Concurrency)
        )
    };
    let asks_for_last_error = |expr: &Expr| matches!(expr, Expr::LastError(_));
    let ports = || program.ports.iter();
    if !about.counts_running && program.any_expr(asks_for_running) {
        Some("it counts no running threads")
    } else if about.last_error.is_none() && program.any_expr(asks_for_last_error) {
        Some("its calls leave no last error")
    } else if !about.limits_events && ports().any(|port| port.events_max.is_some()) {
        Some("it has no limit of events for each port")
    } else if !about.has_rings && ports().any(|port| port.entries.is_some()) {
        Some("its ports are no rings of so many entries")
    } else if !about.has_rings && ports().any(|port| port.setup != RingSetup::Shared) {
        Some("its ports are no rings of one submitter")
    } else {
        None
    }
}
