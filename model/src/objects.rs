//! Events, mutexes and semaphores, and the ends of threads: what a thread blocks on that is not a port.
//!
//! No system promises which of several waiters a signal releases, so each of them is an answer of its own.

use crate::contract::Personality;
use crate::event::{Error, Observer, Outcome};
use crate::program::{
    Object, ObjectId, Op, Program, SEMAPHORE_MAX, ThreadId, Timeout, WaitPacketId, Whose,
};
use crate::state::View;
use crate::threads::Mode;
use crate::turn::Turn;
use crate::wait_packets::Wait;

/// Writes what the object is at the start.
pub(crate) fn boot(program: &Program, id: ObjectId, bytes: &mut [u8]) {
    match program.objects[id.index()] {
        Object::Event { signaled, .. } => bytes[0] = u8::from(signaled),
        Object::Mutex => bytes[..2].fill(0),
        Object::Semaphore { count } => bytes[0] = count,
        Object::End(_) => {}
    }
}

/// A thread waits for the object, unless it can have it at once.
pub(crate) fn block<P: Personality, O: Observer>(
    personality: &P,
    turn: &mut Turn<'_, O>,
    me: ThreadId,
    id: ObjectId,
    timeout: Timeout,
    alertable: bool,
) {
    let is_alerted = alertable
        && is_free(turn.view(), me, id)
        && personality.alerts_first(turn, me)
        && personality.alerts(turn, me);
    if is_alerted {
        return;
    }
    if acquire(turn, me, id) {
        personality.had(turn, id);
        return turn.returns(me, Outcome::Done);
    }
    if alertable && personality.alerts(turn, me) {
        return;
    }
    if timeout == Timeout::Ticks(0) {
        return turn.returns(me, Outcome::Failed(Error::Timeout));
    }
    let mut thread = turn.thread(me);
    thread.block_on(id);
    if let Timeout::Ticks(ticks) = timeout {
        thread.set_remaining(Some(ticks));
    }
    personality.blocks(turn, me);
}

/// How many threads a signal could release first.
fn answers(view: View<'_>, id: ObjectId) -> u8 {
    match view.program.objects[id.index()] {
        Object::Event { manual: true, .. } => 1,
        _ => ((waiters(view, id).count() + armed(view, id).count()) as u8).max(1),
    }
}

/// A thread has ended: who waits for the end of it, or of the last of several, is released.
pub(crate) fn ended<P: Personality, O: Observer>(
    personality: &P,
    turn: &mut Turn<'_, O>,
    thread: ThreadId,
) {
    let program = turn.program;
    for id in program.ends_of(thread) {
        if has_come(turn.view(), id) {
            serve_all(personality, turn, id);
        }
    }
}

/// Whether the end that an object stands for has come.
fn has_come(view: View<'_>, id: ObjectId) -> bool {
    let mut threads = view.program.thread_ids();
    threads.all(|thread| !view.program.ends_in(thread, id) || view.mode(thread) == Mode::Done)
}

/// Signals the object; any of its waiters is the one released, where one is.
pub(crate) fn signal<P: Personality, O: Observer>(
    personality: &P,
    turn: &mut Turn<'_, O>,
    me: ThreadId,
    id: ObjectId,
) {
    let outcome = raise(turn, me, id);
    turn.returns(me, outcome);
    if outcome == Outcome::Done {
        let answers = answers(turn.view(), id);
        let answer = turn.ask(answers.into()) as u8;
        serve(personality, turn, id, answer);
    }
}

/// The kernel sets an event, and the first of those that wait for it is released, where one is.
pub(crate) fn set<P: Personality, O: Observer>(
    personality: &P,
    turn: &mut Turn<'_, O>,
    id: ObjectId,
) {
    bytes(turn, id)[0] = 1;
    serve(personality, turn, id, 0);
}

/// The kernel takes an event's signal back.
pub(crate) fn clear<O: Observer>(turn: &mut Turn<'_, O>, id: ObjectId) {
    bytes(turn, id)[0] = 0;
}

/// Whether a wait completion packet finds the object signaled.
pub(crate) fn is_signaled(view: View<'_>, id: ObjectId) -> bool {
    is_free(view, ThreadId(0), id)
}

/// A wait completion packet takes the object as a thread would.
pub(crate) fn take_for_packet<O: Observer>(turn: &mut Turn<'_, O>, id: ObjectId) {
    acquire(turn, ThreadId(0), id);
}

/// Whoever waits for a signaled object has it: all, or the `answer`-th of the threads and wait completion
/// packets.
fn serve<P: Personality, O: Observer>(
    personality: &P,
    turn: &mut Turn<'_, O>,
    id: ObjectId,
    answer: u8,
) {
    if let Object::Event { manual: true, .. } = turn.program.objects[id.index()] {
        return serve_all(personality, turn, id);
    }
    let answer = usize::from(answer);
    let threads = waiters(turn.view(), id).count();
    let thread = waiters(turn.view(), id).nth(answer);
    if let Some(thread) = thread {
        return release(personality, turn, thread, id);
    }
    let wait_packet = armed(turn.view(), id).nth(answer - threads);
    if let Some(wait_packet) = wait_packet
        && is_signaled(turn.view(), id)
    {
        personality.wait_packet_fires(turn, wait_packet);
        // It may have left the signal to the next.
        if is_signaled(turn.view(), id) {
            let answers = answers(turn.view(), id);
            let answer = turn.ask(answers.into()) as u8;
            serve(personality, turn, id, answer);
        }
    }
}

/// All threads and wait completion packets that wait for an object have it, whose signal stays.
fn serve_all<P: Personality, O: Observer>(personality: &P, turn: &mut Turn<'_, O>, id: ObjectId) {
    for thread in turn.program.thread_ids() {
        if waits_for(turn.view(), id, thread) {
            release(personality, turn, thread, id);
        }
    }
    for wait_packet in turn.program.wait_packet_ids() {
        if is_armed(turn.view(), id, wait_packet) {
            personality.wait_packet_fires(turn, wait_packet);
        }
    }
}

/// Takes an event's signal back.
pub(crate) fn reset<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, id: ObjectId) {
    bytes(turn, id)[0] = 0;
    turn.returns(me, Outcome::Done);
}

/// A blocked thread can run again after a suspension: its wait starts anew, with the time that is left.
pub(crate) fn resume<P: Personality, O: Observer>(
    personality: &P,
    turn: &mut Turn<'_, O>,
    thread: ThreadId,
    id: ObjectId,
) {
    if turn.view().thread(thread).remaining() == Some(0) {
        personality.unblocks(turn, thread);
        turn.releases(thread, Outcome::Failed(Error::Timeout));
    } else {
        release(personality, turn, thread, id);
    }
}

/// Gives the object to a thread that waits for it, if it can be had.
fn release<P: Personality, O: Observer>(
    personality: &P,
    turn: &mut Turn<'_, O>,
    thread: ThreadId,
    id: ObjectId,
) {
    if acquire(turn, thread, id) {
        personality.had(turn, id);
        personality.unblocks(turn, thread);
        // A call on a synchronous file: its operation is over.
        let outcome = if let Op::Start { operation, .. } = turn.op(thread) {
            let result = turn.view().operation(operation).result();
            result.map_or(Outcome::Done, Outcome::Io)
        } else {
            Outcome::Done
        };
        turn.releases(thread, outcome);
    }
}

/// Whether a thread could have the object.
pub(crate) fn is_free(view: View<'_>, me: ThreadId, id: ObjectId) -> bool {
    let at = usize::from(view.layout.objects[id.index()]);
    let bytes = &view.bytes[at..];
    match view.program.objects[id.index()] {
        Object::End(_) => has_come(view, id),
        Object::Event { .. } => bytes[0] != 0,
        Object::Mutex => bytes[0] == 0 || bytes[0] == me.0 + 1,
        Object::Semaphore { .. } => bytes[0] > 0,
    }
}

/// Takes the object for a thread, if it can be had.
fn acquire<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, id: ObjectId) -> bool {
    if !is_free(turn.view(), me, id) {
        return false;
    }
    match turn.program.objects[id.index()] {
        Object::End(_) | Object::Event { manual: true, .. } => {}
        Object::Event { manual: false, .. } => bytes(turn, id)[0] = 0,
        Object::Mutex => {
            let bytes = bytes(turn, id);
            bytes[0] = me.0 + 1;
            bytes[1] = bytes[1].saturating_add(1);
        }
        Object::Semaphore { .. } => bytes(turn, id)[0] -= 1,
    }
    true
}

/// Makes the object available.
fn raise<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, id: ObjectId) -> Outcome {
    let object = turn.program.objects[id.index()];
    let bytes = bytes(turn, id);
    match object {
        Object::Event { .. } => bytes[0] = 1,
        Object::Mutex if bytes[0] != me.0 + 1 => return Outcome::Failed(Error::NotOwner),
        Object::Mutex => {
            bytes[1] -= 1;
            if bytes[1] == 0 {
                bytes[0] = 0;
            }
        }
        Object::Semaphore { .. } if bytes[0] == SEMAPHORE_MAX => {
            return Outcome::Failed(Error::Limit);
        }
        Object::Semaphore { .. } => bytes[0] += 1,
        Object::End(_) => unreachable!("nobody signals it but its threads"),
    }
    Outcome::Done
}

fn waits_for(view: View<'_>, id: ObjectId, thread: ThreadId) -> bool {
    let thread = view.thread(thread);
    thread.mode() == Mode::Blocked && thread.object() == id && thread.suspensions() == 0
}

fn waiters(view: View<'_>, id: ObjectId) -> impl Iterator<Item = ThreadId> {
    view.program
        .thread_ids()
        .filter(move |&thread| waits_for(view, id, thread))
}

/// The wait completion packets that wait for an object.
fn armed(view: View<'_>, id: ObjectId) -> impl Iterator<Item = WaitPacketId> {
    view.program
        .wait_packet_ids()
        .filter(move |&packet| is_armed(view, id, packet))
}

fn is_armed(view: View<'_>, id: ObjectId, packet: WaitPacketId) -> bool {
    let packet = view.wait_packet(packet);
    packet.wait() == Wait::Armed && packet.target() == id
}

fn bytes<'t, O: Observer>(turn: &'t mut Turn<'_, O>, id: ObjectId) -> &'t mut [u8] {
    let at = usize::from(turn.layout.objects[id.index()]);
    &mut turn.bytes[at..]
}

impl Program {
    /// Whether a thread is one of those whose end an object stands for.
    pub fn ends_in(&self, thread: ThreadId, object: ObjectId) -> bool {
        match self.objects[object.index()] {
            Object::End(Whose::Threads { first, count }) => {
                thread.0.checked_sub(first.0).is_some_and(|n| n < count)
            }
            Object::End(Whose::Process(process)) => self.threads[thread.index()].process == process,
            Object::Event { .. } | Object::Mutex | Object::Semaphore { .. } => false,
        }
    }

    /// The objects that stand for the end of a thread, alone or with others.
    pub fn ends_of(&self, thread: ThreadId) -> impl Iterator<Item = ObjectId> {
        let objects = (0..self.objects.len() as u8).map(ObjectId);
        objects.filter(move |&object| self.ends_in(thread, object))
    }

    /// Whether somebody may wait for the end of a thread, so that it is a step.
    pub fn is_joined(&self, thread: ThreadId) -> bool {
        self.ends_of(thread).next().is_some()
    }
}
