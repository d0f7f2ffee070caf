//! Events, mutexes and semaphores: what a thread blocks on that is not a port.
//!
//! No system promises which of several waiters a signal releases, so each of them is an answer of its own.

use crate::event::{Error, Observer, Outcome};
use crate::kernel::{Kernel, Turn};
use crate::program::{Object, ObjectId, Program, SEMAPHORE_MAX, ThreadId, Timeout};
use crate::state::View;
use crate::threads::Mode;

/// Writes what the object is at the start.
pub(crate) fn boot(program: &Program, id: ObjectId, bytes: &mut [u8]) {
    match program.objects[id.index()] {
        Object::Event { signaled, .. } => bytes[0] = u8::from(signaled),
        Object::Mutex => bytes[..2].fill(0),
        Object::Semaphore { count } => bytes[0] = count,
    }
}

/// A thread waits for the object, unless it can have it at once.
pub(crate) fn block<K: Kernel, O: Observer>(
    kernel: &K,
    turn: &mut Turn<'_, O>,
    me: ThreadId,
    id: ObjectId,
    timeout: Timeout,
) {
    if acquire(turn, me, id) {
        return turn.returns(me, Outcome::Done);
    }
    if timeout == Timeout::Ticks(0) {
        return turn.returns(me, Outcome::Failed(Error::Timeout));
    }
    let mut thread = turn.thread(me);
    thread.block_on(id);
    if let Timeout::Ticks(ticks) = timeout {
        thread.set_remaining(Some(ticks));
    }
    kernel.blocks(turn, me);
}

/// How many threads a signal could release first.
pub(crate) fn answers(view: View<'_>, id: ObjectId) -> u8 {
    match view.program.objects[id.index()] {
        Object::Event { manual: true, .. } => 1,
        _ => (waiters(view, id).count() as u8).max(1),
    }
}

/// Signals the object; the `answer`-th of its waiters is the one released, where one is.
pub(crate) fn signal<K: Kernel, O: Observer>(
    kernel: &K,
    turn: &mut Turn<'_, O>,
    me: ThreadId,
    id: ObjectId,
    answer: u8,
) {
    let outcome = raise(turn, me, id);
    turn.returns(me, outcome);
    if outcome != Outcome::Done {
        return;
    }
    match turn.program.objects[id.index()] {
        Object::Event { manual: true, .. } => {
            for thread in turn.program.thread_ids() {
                if waits_for(turn.view(), id, thread) {
                    release(kernel, turn, thread, id);
                }
            }
        }
        _ => {
            let chosen = waiters(turn.view(), id).nth(usize::from(answer));
            if let Some(thread) = chosen {
                release(kernel, turn, thread, id);
            }
        }
    }
}

/// Takes an event's signal back.
pub(crate) fn reset<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, id: ObjectId) {
    bytes(turn, id)[0] = 0;
    turn.returns(me, Outcome::Done);
}

/// A blocked thread can run again after a suspension: its wait starts anew, with the time that is left.
pub(crate) fn resume<K: Kernel, O: Observer>(
    kernel: &K,
    turn: &mut Turn<'_, O>,
    thread: ThreadId,
    id: ObjectId,
) {
    if turn.view().thread(thread).remaining() == Some(0) {
        kernel.unblocks(turn, thread);
        turn.releases(thread, Outcome::Failed(Error::Timeout));
    } else {
        release(kernel, turn, thread, id);
    }
}

/// Gives the object to a thread that waits for it, if it can be had.
fn release<K: Kernel, O: Observer>(
    kernel: &K,
    turn: &mut Turn<'_, O>,
    thread: ThreadId,
    id: ObjectId,
) {
    if acquire(turn, thread, id) {
        kernel.unblocks(turn, thread);
        turn.releases(thread, Outcome::Done);
    }
}

/// Takes the object for a thread, if it can be had.
fn acquire<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, id: ObjectId) -> bool {
    let object = turn.program.objects[id.index()];
    let bytes = bytes(turn, id);
    match object {
        Object::Event { manual, .. } => {
            let signaled = bytes[0] != 0;
            if !manual {
                bytes[0] = 0;
            }
            signaled
        }
        Object::Mutex => {
            let free = bytes[0] == 0 || bytes[0] == me.0 + 1;
            if free {
                bytes[0] = me.0 + 1;
                bytes[1] = bytes[1].saturating_add(1);
            }
            free
        }
        Object::Semaphore { .. } => {
            let free = bytes[0] > 0;
            bytes[0] -= u8::from(free);
            free
        }
    }
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

fn bytes<'t, O: Observer>(turn: &'t mut Turn<'_, O>, id: ObjectId) -> &'t mut [u8] {
    let at = usize::from(turn.layout.objects[id.index()]);
    &mut turn.bytes[at..]
}
