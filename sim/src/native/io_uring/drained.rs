//! Requests that the kernel holds back until others have ended: how far they have come. The kernel does not say it, but
//! who sends bytes must know whether a read is there for them, and who looks for entries which of them are on their way.

use portsim_model::program::{OperationId, ThreadId};

/// The requests of a ring that wait.
#[derive(Clone, Default)]
pub struct Drained {
    /// Whether requests wait for what waited behind a drained one that has ended (up to Linux 7.2).
    drains_on: bool,
    active: bool,
    waiting: Vec<Request>,
}

/// A request that may wait.
#[derive(Clone)]
pub struct Request {
    /// What it carries.
    pub carried: u64,
    /// Whether it waits for all before it.
    pub drain: bool,
    /// What it reads and who asked for it; none for a request to do nothing.
    pub reads: Option<(OperationId, ThreadId)>,
}

impl Drained {
    /// Of a ring without requests.
    pub fn new(drains_on: bool) -> Drained {
        Drained {
            drains_on,
            ..Drained::default()
        }
    }

    /// A request is submitted while so many reads pend: those that begin.
    pub fn submit(&mut self, request: Request, pending: usize) -> Vec<Request> {
        self.active |= request.drain;
        if !self.active {
            return vec![request];
        }
        let drain = request.drain;
        self.waiting.push(request);
        let begun = self.begin(pending);
        self.active &= drain || !self.waiting.is_empty();
        begun
    }

    /// So many reads pend now: what begins.
    pub fn begin(&mut self, mut pending: usize) -> Vec<Request> {
        let mut begun = Vec::new();
        while self.active {
            let mut past_drained = false;
            let mut together = 0;
            for request in &self.waiting {
                past_drained |= request.drain;
                let is_first = together == 0;
                if (past_drained || is_first) && (pending > 0 || !is_first) {
                    break;
                }
                together += 1;
            }
            if together == 0 {
                break;
            }
            let is_all = together == self.waiting.len();
            self.active = self.drains_on || past_drained || !is_all;
            let next: Vec<_> = self.waiting.drain(..together).collect();
            pending += next.iter().filter(|it| it.reads.is_some()).count();
            begun.extend(next);
        }
        begun
    }

    /// Whether a read waits.
    pub fn waits(&self, id: OperationId) -> bool {
        let mut reads = self.waiting.iter().filter_map(|it| it.reads);
        reads.any(|(read, _)| read == id)
    }
}
