//! Where a thread sleeps on any system: it says so itself, so nobody has to look.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::backend::Failure;
use super::lock::lock;
use super::objects::Bell;
use super::world::Parked;

/// The bell of one thread.
#[derive(Default)]
pub struct CondvarBell {
    state: Mutex<State>,
    rings: Condvar,
}

#[derive(Default)]
struct State {
    rang: bool,
    asleep: bool,
}

impl Bell for CondvarBell {
    /// Nobody counts who runs.
    type Away = ();

    fn leaves(&self) {}

    fn ring(&self) -> Result<(), Failure> {
        lock(&self.state).rang = true;
        self.rings.notify_one();
        Ok(())
    }

    fn wait(&self, patience: Option<Duration>) -> Result<bool, Failure> {
        let end = patience.and_then(|patience| Instant::now().checked_add(patience));
        let mut state = lock(&self.state);
        state.asleep = true;
        while !state.rang {
            let rest = end.map(|end| end.saturating_duration_since(Instant::now()));
            state = match rest {
                Some(Duration::ZERO) => break,
                Some(rest) => {
                    let woken = self.rings.wait_timeout(state, rest);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
                None => {
                    let woken = self.rings.wait(state);
                    woken.unwrap_or_else(PoisonError::into_inner)
                }
            };
        }
        state.asleep = false;
        Ok(std::mem::take(&mut state.rang))
    }

    fn parked(&self) -> Parked {
        let state = lock(&self.state);
        match state.asleep && !state.rang {
            true => Parked::Yes,
            false => Parked::No,
        }
    }
}
