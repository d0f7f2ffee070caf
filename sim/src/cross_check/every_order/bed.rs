//! Where a thread of a play naps until another wakes it.

use loom::sync::{Condvar, Mutex};

use crate::port::{Away, Back};
use crate::trace::Answer;

/// Where a thread naps.
#[derive(Default)]
pub struct Bed {
    state: Mutex<Napping>,
    changes: Condvar,
}

#[derive(Default)]
struct Napping {
    back: Option<Back>,
    woken: bool,
}

impl Bed {
    /// The calling thread is away until it is woken.
    pub fn nap(&self) -> Answer {
        let away = Away::begin();
        let mut state = self.state.lock().expect("nobody panics");
        state.back = Some(away.back());
        self.changes.notify_one();
        while !std::mem::take(&mut state.woken) {
            state = self.changes.wait(state).expect("nobody panics");
        }
        drop(state);
        drop(away);
        Answer::Done
    }

    /// Waits until a thread naps; counts it and wakes it.
    pub fn wake(&self) -> Answer {
        let mut state = self.state.lock().expect("nobody panics");
        loop {
            if let Some(back) = state.back.take() {
                assert!(back.count(), "it sleeps until it is woken");
                state.woken = true;
                self.changes.notify_one();
                return Answer::Done;
            }
            state = self.changes.wait(state).expect("nobody panics");
        }
    }
}
