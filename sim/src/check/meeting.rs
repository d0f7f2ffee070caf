//! Where a leader and its helpers, each on a thread of its own, meet: the leader calls them to a task, and goes on when all
//! have done their part. What either did before is there for the other afterwards.

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use super::sync::{Condvar, Mutex, MutexGuard};

/// Where leader and helpers meet.
pub struct Meeting<T> {
    state: Mutex<State<T>>,
    /// Told when there is a task, or will be no more.
    called: Condvar,
    /// Told when the last helper has done its part.
    done: Condvar,
}

struct State<T> {
    /// The number of the last task, and what it is.
    task: (u64, Option<T>),
    /// Helpers that are at it.
    busy: usize,
    over: bool,
}

impl<T: Clone> Meeting<T> {
    /// Nobody has been called yet.
    pub fn new() -> Meeting<T> {
        Meeting {
            state: Mutex::new(State {
                task: (0, None),
                busy: 0,
                over: false,
            }),
            called: Condvar::new(),
            done: Condvar::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().expect("nobody panics with it in hand")
    }

    /// Calls so many helpers, all there are, to a task.
    pub fn call(&self, task: T, helpers: usize) {
        let mut state = self.state();
        state.task = (state.task.0 + 1, Some(task));
        state.busy = helpers;
        drop(state);
        self.called.notify_all();
    }

    /// Waits until every helper has done its part.
    pub fn wait(&self) {
        let mut state = self.state();
        while state.busy > 0 {
            state = self.done.wait(state).expect("see above");
        }
    }

    /// There are no more tasks.
    pub fn end(&self) {
        self.state().over = true;
        self.called.notify_all();
    }

    /// What a helper is called to after the task of this number; none if that was the last.
    pub fn next(&self, number: &mut u64) -> Option<T> {
        let mut state = self.state();
        loop {
            if state.over {
                return None;
            }
            if state.task.0 != *number {
                *number = state.task.0;
                return state.task.1.clone();
            }
            state = self.called.wait(state).expect("see above");
        }
    }

    /// A helper has done its part.
    pub fn finish(&self) {
        let mut state = self.state();
        state.busy -= 1;
        let is_last = state.busy == 0;
        drop(state);
        if is_last {
            self.done.notify_all();
        }
    }
}

/// The helpers of a leader.
pub struct Helpers<T: Clone> {
    meeting: Arc<Meeting<T>>,
    threads: Vec<JoinHandle<()>>,
    /// Whether helpers are at a task.
    called: bool,
}

impl<T: Clone + Send + 'static> Helpers<T> {
    /// Starts so many helpers; `work` is what one of them, counted from 0, does for a task.
    ///
    /// # Errors
    ///
    /// If a thread cannot be started.
    pub fn new(
        helpers: usize,
        work: impl Fn(usize, T) + Clone + Send + 'static,
    ) -> Result<Helpers<T>, String> {
        let meeting = Arc::new(Meeting::new());
        let mut all = Helpers {
            meeting: Arc::clone(&meeting),
            threads: Vec::new(),
            called: false,
        };
        for helper in 0..helpers {
            let (meeting, work) = (Arc::clone(&meeting), work.clone());
            let builder = thread::Builder::new().name(format!("helper {helper}"));
            let started = builder.spawn(move || {
                let mut number = 0;
                while let Some(task) = meeting.next(&mut number) {
                    // The leader does not wait for one that panics.
                    let _finish = Finish(&meeting);
                    work(helper, task);
                }
            });
            let error = |error| format!("the workers cannot be started: {error}");
            all.threads.push(started.map_err(error)?);
        }
        Ok(all)
    }

    /// Calls the helpers to a task, unless they are at one.
    pub fn call(&mut self, task: T) {
        if !self.called && !self.threads.is_empty() {
            self.meeting.call(task, self.threads.len());
            self.called = true;
        }
    }

    /// Waits until they have done it.
    pub fn wait(&mut self) {
        if std::mem::take(&mut self.called) {
            self.meeting.wait();
        }
    }
}

impl<T: Clone> Drop for Helpers<T> {
    fn drop(&mut self) {
        self.meeting.end();
        if !thread::panicking() {
            for thread in self.threads.drain(..) {
                // One that has panicked has said so.
                let _ = thread.join();
            }
        }
    }
}

struct Finish<'m, T: Clone>(&'m Meeting<T>);

impl<T: Clone> Drop for Finish<'_, T> {
    fn drop(&mut self) {
        self.0.finish();
    }
}
