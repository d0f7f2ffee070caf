//! One run of a program on a backend, as its ports know it.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use portsim_model::event::Error;
use portsim_model::os_error::OsError;
use portsim_model::program::{BATCH_MAX, Get, Packet, PacketId, Program, Timeout};

use super::backend::Failure;
use crate::trace::Answer;

/// See the module.
pub struct Run {
    backend: &'static str,
    os_error: fn(Error) -> OsError,
    tick: Duration,
    packets: Vec<Packet>,
    over: AtomicBool,
    disturbed: AtomicBool,
}

impl Run {
    /// A run on this backend, whose system names its errors so; one tick of the program's time lasts `tick`.
    pub fn new(
        backend: &'static str,
        os_error: fn(Error) -> OsError,
        program: &Program,
        tick: Duration,
    ) -> Run {
        Run {
            backend,
            os_error,
            tick,
            packets: program.packets.clone(),
            over: AtomicBool::new(false),
            disturbed: AtomicBool::new(false),
        }
    }

    /// The backend's name.
    pub fn backend(&self) -> &'static str {
        self.backend
    }

    /// What a packet carries.
    pub fn packet(&self, id: PacketId) -> Packet {
        self.packets[id.index()]
    }

    /// How long so many ticks last.
    pub fn lasts(&self, ticks: u32) -> Duration {
        self.tick * ticks
    }

    /// How long a call waits; none for one that waits for ever.
    pub fn patience(&self, timeout: Timeout) -> Option<Duration> {
        match timeout {
            Timeout::Never => None,
            Timeout::Ticks(ticks) => Some(self.lasts(ticks)),
        }
    }

    /// When a call that begins now gives up; none for one that waits for ever.
    pub fn end(&self, timeout: Timeout) -> Option<Instant> {
        self.patience(timeout)
            .map(|patience| Instant::now() + patience)
    }

    /// The recording is over: whoever looks goes home.
    pub fn ends(&self) {
        self.over.store(true, Ordering::SeqCst);
    }

    /// Whether the recording is over.
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    /// A wait was interrupted by a signal.
    pub fn disturb(&self) {
        self.disturbed.store(true, Ordering::SeqCst);
    }

    /// Whether a wait was interrupted by a signal.
    pub fn is_disturbed(&self) -> bool {
        self.disturbed.load(Ordering::SeqCst)
    }

    /// The answer of a call that fails so.
    pub fn failed(&self, error: Error) -> Answer {
        Answer::Failed((self.os_error)(error).name.into())
    }

    /// A call of the system failed in a way that is no answer.
    pub fn failure(&self, call: &str, error: impl Into<io::Error>) -> Failure {
        Failure::new(self.backend, call, error)
    }
}

/// The most packets that a call takes.
pub fn most(get: Get) -> usize {
    usize::from(get.max.unwrap_or(1)).min(BATCH_MAX)
}
