//! Which steps can come next, and where each leads.

use std::rc::Rc;

use portsim_model::State;
use portsim_model::event::{Error, Outcome};
use portsim_model::fault::Fault;
use portsim_model::program::{Op, Packet, PacketId, Pc, PortId, ThreadId, Timeout};
use portsim_model::step::{Step, StepKind};
use portsim_model::threads::Mode;
use xxhash_rust::xxh3::Xxh3;

use super::calls::{Call, NONE, Said};
use super::place::{Behind, FRONT, Numbers, Place, Trail};
use super::{Finish, Judge, USUAL};
use crate::admit::issues;
use crate::trace::{Heard, answer};

/// A step that can come next.
#[derive(Debug, Clone, Copy)]
pub(super) struct Next {
    /// When it is expected.
    pub when: u64,
    pub does: Does,
}

/// What it is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Does {
    /// The end of a thread that the model knows to be over.
    Ends(ThreadId),
    /// A move of the model.
    Moves(Step),
    /// A thread makes the call that it is told, which stands there in the code.
    Calls(Step, Pc),
    /// A thread goes aside, or comes back, and nobody wrote it down.
    Unseen(Step, Pc),
}

/// What a log tells a machine that has no program.
#[derive(Debug)]
pub struct Feed {
    /// Where a thread stands that is in no call.
    pub idle: Pc,
    /// Where it stands when it blocks elsewhere.
    pub stall: Pc,
    /// Where each operation stands, by the number that the calls have of it: in several places if the log does not say which
    /// it was. Of a post, where that of the first packet stands; those of the others follow.
    pub stands: Vec<Vec<Pc>>,
    /// How many packets the code tells apart at a time.
    pub numbers: usize,
    /// What the numbers stand for if it is always the same.
    pub packets: Vec<Packet>,
    /// How many threads the log names. The calls of the others are nobody's: they came at any time until they show.
    pub seen: usize,
}

impl Judge<'_> {
    /// The steps that can come next, the likeliest last; says whether a bound took one away.
    pub(super) fn nexts(&self, place: &Place) -> (Vec<Next>, bool) {
        let until = self.until(place);
        if let Some(thread) = self.ends_silently(place, until) {
            let does = Does::Ends(thread);
            return (vec![Next { when: 0, does }], false);
        }
        let mut nexts = Vec::new();
        let mut movers = Vec::new();
        let bounded = self.machine.movers(&place.state, &mut movers);
        for mover in movers {
            self.expect(place, mover, until, &mut nexts);
        }
        nexts.sort_by_key(|next| std::cmp::Reverse(next.when));
        (nexts, bounded.0)
    }

    /// Adds what a move can be, as far as the times allow it.
    fn expect(&self, place: &Place, mover: Step, until: u64, nexts: &mut Vec<Next>) {
        let mut add = |when, does| nexts.push(Next { when, does });
        let Some(feed) = &self.feed else {
            if let Some(when) = self.expected(place, mover, until) {
                add(when, Does::Moves(mover));
            }
            return;
        };
        let thread = mover.thread;
        if mover.kind != StepKind::Turn {
            if let Some(when) = self.expected(place, mover, until) {
                add(when, Does::Moves(mover));
            }
            return;
        }
        if self.machine.view(&place.state).mode(thread) == Mode::Stalled {
            let when = self.next(place, thread).map_or(u64::MAX, |call| call.t0);
            return add(when, Does::Unseen(mover, feed.stall));
        }
        if let Some(when) = self.expected(place, mover, until)
            && let Some(call) = self.next(place, thread)
        {
            for &pc in &feed.stands[call.op_id as usize] {
                add(when, Does::Calls(mover, pc));
            }
        }
        if self.may_go_aside(place, thread) {
            add(u64::MAX, Does::Unseen(mover, feed.stall));
        }
    }

    /// Whether it makes a difference that a thread between two calls blocks in something that the log does not show: only
    /// where it counts against a port on which nobody else may run for it.
    fn may_go_aside(&self, place: &Place, thread: ThreadId) -> bool {
        if !self.machine.about().counts_running {
            return false;
        }
        let view = self.machine.view(&place.state);
        let port = view.thread(thread).port();
        port.is_some_and(|port| !view.port(port).running().has_room())
    }

    /// When a step is expected; none where the times forbid it.
    fn expected(&self, place: &Place, step: Step, until: u64) -> Option<u64> {
        let Some(call) = self.next(place, step.thread) else {
            // A thread that makes no call any more may still be stopped.
            return (step.kind == StepKind::Wake).then_some(0);
        };
        let inside = place.is_inside(step.thread);
        match step.kind {
            StepKind::Turn if !inside => {
                let may_come = call.t0 <= until && self.may_come(place, call);
                may_come.then(|| self.guessed(call))
            }
            StepKind::Turn => (call.op == Op::Stall).then(|| call.t1.saturating_sub(USUAL)),
            StepKind::Wake => Some(0),
            StepKind::Time => {
                // On some systems a thread whose time is over may take packets all the same.
                let is_timed =
                    |op: Op| matches!(op.as_get(), Some(get) if get.timeout != Timeout::Never);
                let passes = matches!(call.op, Op::Sleep { .. })
                    || is_timed(call.op)
                    || match self.told(&call) {
                        Said::Nothing => self.tells_no_end(&call),
                        said => self.is_timeout(said),
                    };
                passes.then(|| self.passes(call))
            }
        }
    }

    fn is_timeout(&self, said: Said) -> bool {
        matches!(said, Said::Failed(Error::Timeout) | Said::Batch(_, _, true))
    }

    /// Who ends although the model knows it to be over: that was no action, so nothing is lost where it comes first.
    fn ends_silently(&self, place: &Place, until: u64) -> Option<ThreadId> {
        if !self.exits {
            return None;
        }
        let view = self.machine.view(&place.state);
        let ends = |&thread: &ThreadId| {
            let call = self.next(place, thread);
            call.is_some_and(|call| call.op == Op::Exit && call.t0 <= until)
                && view.thread(thread).mode().is_over()
        };
        self.machine.program().thread_ids().find(ends)
    }

    /// The places to which all steps lead, the likeliest last; says whether a bound kept the model from one.
    pub(super) fn successors(&self, place: &Place, mut each: impl FnMut(Place)) -> bool {
        let (nexts, mut bounded) = self.nexts(place);
        for next in nexts {
            bounded |= self.follow(place, next.does, &mut each);
        }
        bounded
    }

    /// The places to which a step leads, one for each way in which its rules can be read; says whether a bound kept the model
    /// from one.
    pub(super) fn follow(&self, place: &Place, does: Does, mut each: impl FnMut(Place)) -> bool {
        if let Does::Ends(thread) = does {
            let mut after = place.clone();
            after.done[thread.index()] = 2 * (place.over(thread) + 1);
            each(after);
            return false;
        }
        let asks = match does {
            Does::Moves(step) | Does::Calls(step, _) => self.may_overlook(place, step),
            Does::Ends(_) | Does::Unseen(..) => false,
        };
        let asks = asks || self.covered.is_some();
        let mut lacks_room = false;
        let bounded = self.take(
            place,
            does,
            Heard::asking(asks),
            |heard, state, numbers| match self.after(place, does, heard, state, numbers) {
                After::Is(after) => each(*after),
                After::NoRoom => lacks_room = true,
                After::Otherwise => {}
            },
        );
        bounded || lacks_room
    }

    /// Takes a step in every way in which it can be taken; says whether a bound keeps the model from it.
    pub(super) fn take(
        &self,
        place: &Place,
        does: Does,
        mut heard: Heard,
        mut each: impl FnMut(&mut Heard, State, &Rc<Numbers>),
    ) -> bool {
        let (mover, told) = match does {
            Does::Ends(_) => return false,
            Does::Moves(mover) => (mover, None),
            Does::Calls(mover, pc) => (mover, Some((pc, true))),
            Does::Unseen(mover, pc) => (mover, Some((pc, false))),
        };
        let mut numbers = Rc::clone(&place.numbers);
        let thread = mover.thread;
        let mut all = |state: &State, numbers: &Rc<Numbers>| {
            self.machine
                .take_all(state, mover, &mut heard, |heard, _, state, fault| {
                    if let Some(Fault::InFlight | Fault::Freed) = fault {
                        self.note_broken(place, heard);
                    }
                    each(heard, state, numbers);
                    heard.forget();
                });
        };
        let Some((pc, is_call)) = told else {
            all(&place.state, &numbers);
            return false;
        };
        if self.machine.view(&place.state).mode(thread) == Mode::Stalled {
            all(&place.state, &numbers);
            return false;
        }
        let mut pc = pc;
        let call = self.next(place, thread).filter(|_| is_call);
        if let Some(call) = call
            && let (Op::Post { port, .. }, Some(packet)) = (call.op, call.posts)
        {
            if self.machine.view(&place.state).port(port).packets().room() == 0 {
                return true;
            }
            let Some(number) = self.number(&mut numbers, packet, &place.state) else {
                return true;
            };
            pc += Pc::from(number);
        }
        let mut state = place.state.clone();
        self.machine.tell(&mut state, thread, pc);
        if self.machine.holds_back(&state, thread).is_none() {
            all(&state, &numbers);
        }
        false
    }

    /// A number for a packet in a state.
    fn number(&self, numbers: &mut Rc<Numbers>, packet: u32, state: &State) -> Option<u8> {
        let (view, program) = (self.machine.view(state), self.machine.program());
        let mut used = [false; 256];
        let mut uses = |packets: &[u8]| {
            for &number in packets {
                used[usize::from(number)] = true;
            }
        };
        for port in program.port_ids() {
            let port = view.port(port);
            uses(port.packets().as_slice());
            if let Some(taken) = port.taken() {
                uses(taken.as_slice());
            }
        }
        for thread in program.thread_ids() {
            uses(view.thread(thread).handed().as_slice());
        }
        let is_used = |number| used[usize::from(number)];
        Numbers::number(numbers, packet, is_used)
    }

    /// Notes that a program issues an operation in memory that is not free: nobody can say what comes of that. What a log
    /// has is no program of ours, and keeps its verdict.
    fn note_broken(&self, place: &Place, heard: &Heard) {
        let Some((thread, mut op)) = heard.called.filter(|_| self.feed.is_none()) else {
            return;
        };
        let call = self.next(place, thread);
        let Some(call) = call.filter(|call| call.op.form() == op.form()) else {
            return;
        };
        let is_first = self.broken.get().is_none_or(|first| call.n < first);
        if is_first && issues(&mut op) {
            self.broken.set(Some(call.n));
        }
    }

    /// What becomes of a place with a step that showed this.
    fn after(
        &self,
        place: &Place,
        does: Does,
        heard: &Heard,
        state: State,
        numbers: &Rc<Numbers>,
    ) -> After {
        if self.is_alone(place, heard, &state) {
            return After::Otherwise;
        }
        let mut after = Place {
            state,
            done: place.done.clone(),
            numbers: Rc::clone(numbers),
            behind: Rc::clone(&place.behind),
            unseen: place.unseen,
            trail: self.trail(place, heard),
        };
        let unseen = matches!(does, Does::Unseen(..));
        after.unseen += u32::from(unseen);
        if let Some((thread, op)) = heard.called.filter(|_| !unseen) {
            let Some(call) = self.next(place, thread) else {
                return After::Otherwise;
            };
            if self.feed.is_none() && op.form() != call.op.form() {
                return After::Otherwise;
            }
            after.done[thread.index()] |= 1;
        }
        for &(thread, op, outcome) in &heard.returned {
            if !(unseen && op == Op::Stall) && self.returns(&mut after, thread, &outcome).is_none()
            {
                return After::Otherwise;
            }
            if let Some(feed) = &self.feed
                && self.machine.view(&after.state).mode(thread) == Mode::Ready
            {
                self.machine.tell(&mut after.state, thread, feed.idle);
            }
        }
        if self.spills && !self.settle(place, does, &mut after) {
            return After::NoRoom;
        }
        self.machine.even_deadlines(&mut after.state);
        After::Is(Box::new(after))
    }

    /// The way to a place behind this one, where somebody asks for it.
    fn trail(&self, place: &Place, heard: &Heard) -> Option<Rc<Trail>> {
        let known = self.covered.as_ref()?;
        let by = heard.by.as_deref().unwrap_or_default();
        let mut known = known.borrow_mut();
        let by = match known.iter().find(|known| known[..] == *by) {
            Some(known) => Rc::clone(known),
            None => {
                known.push(by.into());
                Rc::clone(&known[known.len() - 1])
            }
        };
        let before = place.trail.clone();
        Some(Rc::new(Trail { by, before }))
    }

    /// The model ends a call; none where the trace says that it ended otherwise.
    fn returns(&self, place: &mut Place, thread: ThreadId, outcome: &Outcome) -> Option<()> {
        let call = self.next(place, thread)?;
        let alike = match self.told(&call) {
            Said::Nothing => self.tells_no_end(&call),
            said => self.agrees(said, outcome, &place.numbers),
        };
        let began = place.is_inside(thread);
        place.done[thread.index()] = 2 * (place.over(thread) + 1);
        (began && alike).then_some(())
    }

    /// The answer that a call must have had.
    fn told(&self, call: &Call) -> Said {
        match self.loose.contains(&call.n) {
            true => Said::Nothing,
            false => call.said,
        }
    }

    /// Whether a call of which no answer is told may have had any: nobody was there to write it down.
    fn tells_no_end(&self, call: &Call) -> bool {
        self.finish != Finish::Rest || self.loose.contains(&call.n)
    }

    /// Whether the model says of a call what the trace says.
    fn agrees(&self, said: Said, outcome: &Outcome, numbers: &Numbers) -> bool {
        let all = |packets: &[PacketId]| {
            let taken = self.calls.taken(said);
            let own = packets.iter().map(|packet| numbers.packet(packet.0));
            own.eq(taken.list().iter().copied())
        };
        match (said, outcome) {
            (Said::Nothing, _) => false,
            (Said::Done, Outcome::Done) => true,
            (Said::Packet(told), Outcome::Packet(packet)) => numbers.packet(packet.0) == told,
            (Said::Batch(_, _, false), Outcome::Packets(batch)) => all(batch.packets()),
            (Said::Batch(_, _, true), Outcome::Partial(batch)) => all(batch.packets()),
            (Said::Failed(told), Outcome::Failed(error)) => {
                self.meanings[*error as usize] == Some(told)
            }
            (Said::Other(_), outcome) => {
                let program = self.machine.program();
                let own = answer(program, self.machine.os_error(), *outcome);
                let told = self.calls.answer(said, |_| String::new());
                told.is_some_and(|told| told.agrees(&own))
            }
            _ => false,
        }
    }

    /// Keeps only the front of every queue in the state: moves out what came behind it, and up what it has room for again.
    /// False where nobody can say what a step did to a queue that goes on behind its state.
    fn settle(&self, before: &Place, does: Does, after: &mut Place) -> bool {
        for port in self.machine.program().port_ids() {
            let now = self.machine.view(&after.state).port(port);
            let (queue, is_open) = (now.packets(), now.is_open());
            let depth = queue.depth();
            let is_deep = !after.behind[port.index()].is_empty();
            if depth <= FRONT && !is_deep {
                continue;
            }
            let was = self.machine.view(&before.state).port(port);
            let was = was.packets();
            let posts = self.posts(before, does, port);
            let mut behind = after.behind[port.index()].clone();
            match depth {
                // Only a post makes a queue longer, and by one.
                _ if depth == FRONT + 1
                    && posts
                    && queue.as_slice().starts_with(was.as_slice()) =>
                {
                    behind.push(after.numbers.packet(queue.as_slice()[FRONT]));
                    self.machine
                        .packets_mut(&mut after.state, port)
                        .remove_newest();
                }
                FRONT if queue.as_slice() == was.as_slice() => continue,
                FRONT.. => return false,
                // What nobody can reach any more is gone.
                0 if !is_open => behind = Behind::default(),
                0 => return false,
                _ if posts => return false,
                _ => {}
            }
            while self.machine.view(&after.state).port(port).packets().depth() < FRONT
                && let Some(packet) = behind.pop()
            {
                let number = self.number(&mut after.numbers, packet, &after.state);
                let Some(number) = number else {
                    return false;
                };
                self.machine
                    .packets_mut(&mut after.state, port)
                    .append(number);
            }
            let mut all: Vec<Behind> = after.behind.to_vec();
            all[port.index()] = behind;
            after.behind = all.into();
        }
        true
    }

    /// Whether a step is a post to this port.
    fn posts(&self, place: &Place, does: Does, to: PortId) -> bool {
        let (Does::Moves(step) | Does::Calls(step, _)) = does else {
            return false;
        };
        let call = self.next(place, step.thread);
        let is_it = |call: Call| matches!(call.op, Op::Post { port, .. } if port == to);
        step.kind == StepKind::Turn && call.is_some_and(is_it)
    }

    /// What tells a place from others.
    pub(super) fn fingerprint(&self, place: &Place) -> u128 {
        let mut hash = Xxh3::new();
        hash.update(place.state.bytes());
        for done in &place.done {
            hash.update(&done.to_le_bytes());
        }
        if self.feed.is_some() {
            // Numbers mean something only where they stand.
            let view = self.machine.view(&place.state);
            let mut stands = |number: u8| {
                hash.update(&place.numbers.packet(number).to_le_bytes());
            };
            for port in self.machine.program().port_ids() {
                let port = view.port(port);
                port.packets()
                    .as_slice()
                    .iter()
                    .copied()
                    .for_each(&mut stands);
                if let Some(taken) = port.taken() {
                    taken.as_slice().iter().copied().for_each(&mut stands);
                }
            }
            for thread in self.machine.program().thread_ids() {
                view.thread(thread)
                    .handed()
                    .into_iter()
                    .for_each(&mut stands);
            }
        }
        for behind in &*place.behind {
            if !behind.is_empty() {
                for digest in behind.digest() {
                    hash.update(&digest.to_le_bytes());
                }
            }
        }
        hash.digest128()
    }

    /// What the numbers of the first place stand for.
    pub(super) fn first_numbers(&self) -> Numbers {
        let number = |packet: &Packet| self.calls.number(packet).unwrap_or(NONE);
        let packets = match &self.feed {
            Some(feed) if feed.packets.is_empty() => vec![NONE; feed.numbers],
            Some(feed) => feed.packets.iter().map(number).collect(),
            None => self.machine.program().packets.iter().map(number).collect(),
        };
        Numbers::new(packets)
    }
}

/// What becomes of a place with a step.
enum After {
    Is(Box<Place>),
    /// The trace shows something else.
    Otherwise,
    /// The model has no room to say.
    NoRoom,
}
