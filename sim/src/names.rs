//! What the nouns of a program are called: a program itself has only numbers.

use portsim_model::program::{CodeId, ThreadId};
use portsim_model::property::Violation;

/// The names of a program, each list in the order of its numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// Threads; those of a group are `worker[0]`, `worker[1]`, ...
    pub threads: Vec<String>,
    /// Groups and their threads.
    pub groups: Vec<(String, Vec<ThreadId>)>,
    /// Completion ports.
    pub ports: Vec<String>,
    /// Files.
    pub files: Vec<String>,
    /// I/O operations.
    pub operations: Vec<String>,
    /// Reserve objects.
    pub reserves: Vec<String>,
    /// Wait completion packets.
    pub wait_packets: Vec<String>,
    /// Jobs.
    pub jobs: Vec<String>,
    /// Processes; the scenario's own, the first, has no name.
    pub processes: Vec<String>,
    /// Events, mutexes and semaphores, and the signals of files.
    pub objects: Vec<String>,
    /// What an epoll descriptor can watch.
    pub sources: Vec<String>,
    /// Shared variables; the elements of an array are `alive[0]`, `alive[1]`, ...
    pub vars: Vec<String>,
    /// Results, by code.
    pub slots: Vec<Vec<String>>,
    /// `always` properties.
    pub always: Vec<String>,
    /// `sometimes` properties.
    pub sometimes: Vec<String>,
    /// `eventually` properties.
    pub eventually: Vec<String>,
    /// `at_end` properties.
    pub at_end: Vec<String>,
    /// Texts of the notes.
    pub notes: Vec<String>,
}

impl Names {
    /// The thread of this name.
    pub fn thread(&self, name: &str) -> Option<ThreadId> {
        let place = self.threads.iter().position(|thread| thread == name)?;
        Some(ThreadId(place as u8))
    }

    /// The name of a thread.
    pub fn thread_name(&self, thread: ThreadId) -> &str {
        &self.threads[thread.index()]
    }

    /// The name of the property that a violation breaks.
    pub fn property(&self, violation: Violation) -> &str {
        match violation {
            Violation::Builtin(fault) => fault.name(),
            Violation::Always(n) => &self.always[n],
            Violation::AtEnd(n) => &self.at_end[n],
            Violation::Eventually(n) => &self.eventually[n],
        }
    }

    /// The results of a code.
    pub fn slots_of(&self, code: CodeId) -> &[String] {
        &self.slots[code.index()]
    }
}
