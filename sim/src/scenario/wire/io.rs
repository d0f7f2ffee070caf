//! Operations of one system only: files and I/O, asynchronous procedure calls, wait completion packets, jobs.

#[cfg(test)]
use schemars::JsonSchema;
use serde::Deserialize;

use super::shapes::{OneOrMore, Status};

/// How an operation ends in the call that issues it.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Now {
    /// The NTSTATUS.
    #[serde(default)]
    pub(in crate::scenario) status: Status,
    /// Bytes transferred, as its packet says.
    #[serde(default)]
    pub(in crate::scenario) bytes: i64,
    /// Bytes transferred, as the call says; the same, if left out.
    pub(in crate::scenario) returned: Option<i64>,
}

/// Makes one more handle of a port or a file.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Duplicate {
    /// The port or file.
    pub(in crate::scenario) duplicate: String,
    /// In which process; the caller's if left out.
    pub(in crate::scenario) process: Option<String>,
    /// The name of the result.
    pub(in crate::scenario) into: Option<String>,
}

/// Asks how many packets of a port nobody has taken.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Query {
    /// The port.
    pub(in crate::scenario) query: String,
    /// The name of the result.
    pub(in crate::scenario) into: Option<String>,
}

/// Waits for the handle of a port, and takes nothing.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct WaitHandle {
    /// The port.
    pub(in crate::scenario) wait_handle: String,
    /// How long it waits, in ticks; for ever if left out.
    pub(in crate::scenario) timeout: Option<u32>,
    /// Whether an asynchronous procedure call can end the wait.
    #[serde(default)]
    pub(in crate::scenario) alertable: bool,
    /// The name of the result.
    pub(in crate::scenario) into: Option<String>,
}

/// Associates a file with a port.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Associate {
    /// The file; `null` for a call that names a port and no file.
    pub(in crate::scenario) associate: Option<String>,
    /// The port.
    pub(in crate::scenario) port: String,
    /// The completion key.
    #[serde(default)]
    pub(in crate::scenario) key: i64,
    /// The name of the result.
    pub(in crate::scenario) into: Option<String>,
}

/// Replaces a file's association, or takes it away.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Replace {
    /// The file.
    pub(in crate::scenario) replace: String,
    /// The port; `null` to take the association away.
    #[serde(deserialize_with = "Option::deserialize")]
    #[cfg_attr(test, schemars(required, extend("type" = ["string", "null"])))]
    pub(in crate::scenario) port: Option<String>,
    /// The completion key.
    #[serde(default)]
    pub(in crate::scenario) key: i64,
    /// The name of the result.
    pub(in crate::scenario) into: Option<String>,
}

/// Sets notification modes of a file.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Modes {
    /// The file.
    pub(in crate::scenario) modes: String,
    /// FILE_SKIP_COMPLETION_PORT_ON_SUCCESS.
    #[serde(default)]
    pub(in crate::scenario) skip_port: bool,
    /// FILE_SKIP_SET_EVENT_ON_HANDLE.
    #[serde(default)]
    pub(in crate::scenario) skip_event: bool,
    /// The name of the result.
    pub(in crate::scenario) into: Option<String>,
}

/// Issues an operation.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Start {
    /// The operation.
    pub(in crate::scenario) start: String,
    /// How it ends in the call; it pends if left out.
    pub(in crate::scenario) now: Option<Now>,
    /// The name of the result.
    pub(in crate::scenario) into: Option<String>,
}

/// The device or the peer ends what is pending of some operations.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Complete {
    /// The operation, or several that end in one go.
    pub(in crate::scenario) complete: OneOrMore,
    /// The NTSTATUS.
    #[serde(default)]
    pub(in crate::scenario) status: Status,
    /// Bytes transferred.
    #[serde(default)]
    pub(in crate::scenario) bytes: i64,
    /// The name of the result.
    pub(in crate::scenario) into: Option<String>,
}

/// Asks for the end of an operation, or of all operations on a file.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Cancel {
    /// The operation or file.
    pub(in crate::scenario) cancel: String,
    /// Whether only what the calling thread has issued is meant.
    #[serde(default)]
    pub(in crate::scenario) mine: bool,
    /// The name of the result.
    pub(in crate::scenario) into: Option<String>,
}

/// Asks how an operation has ended, and takes no packet.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Peek {
    /// The operation.
    pub(in crate::scenario) peek: String,
    /// The name of the result.
    pub(in crate::scenario) into: Option<String>,
}

/// Gives the memory of an operation back.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Free {
    /// The operation.
    pub(in crate::scenario) free: String,
}

/// Takes the memory of an operation again.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Alloc {
    /// The operation.
    pub(in crate::scenario) alloc: String,
}

/// Queues an asynchronous procedure call to a thread.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Apc {
    /// The thread.
    pub(in crate::scenario) apc: String,
    /// Whether it runs without an alertable wait: a special user APC of Windows 11.
    #[serde(default)]
    pub(in crate::scenario) special: bool,
    /// The reserve object that it is queued with.
    pub(in crate::scenario) reserve: Option<String>,
    /// The name of the result.
    pub(in crate::scenario) into: Option<String>,
}

/// The kernel interrupts a thread's wait for a moment.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct KernelApc {
    /// The thread.
    pub(in crate::scenario) kernel_apc: String,
}

/// Makes a packet of the signal of an event or a semaphore, or of the end of a thread or a process.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct WaitPacket {
    /// The wait completion packet.
    pub(in crate::scenario) wait_packet: String,
    /// Where it is queued.
    pub(in crate::scenario) port: String,
    /// What it waits for.
    pub(in crate::scenario) target: String,
    /// The completion key.
    #[serde(default)]
    pub(in crate::scenario) key: i64,
    /// Bytes transferred.
    #[serde(default)]
    pub(in crate::scenario) bytes: i64,
    /// The value of the pointer to the OVERLAPPED.
    #[serde(default)]
    pub(in crate::scenario) overlapped: i64,
    /// The NTSTATUS.
    #[serde(default)]
    pub(in crate::scenario) status: Status,
    /// The name of the result.
    pub(in crate::scenario) into: Option<String>,
}

/// Takes a wait completion packet back.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct CancelWaitPacket {
    /// The wait completion packet.
    pub(in crate::scenario) cancel_wait_packet: String,
    /// Whether it is taken out of a queue as well.
    #[serde(default)]
    pub(in crate::scenario) remove: bool,
    /// The name of the result.
    pub(in crate::scenario) into: Option<String>,
}

/// Associates a job with a port, or takes its association away.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct JobPort {
    /// The job.
    pub(in crate::scenario) job_port: String,
    /// The port; `null` to take the association away.
    #[serde(deserialize_with = "Option::deserialize")]
    #[cfg_attr(test, schemars(required, extend("type" = ["string", "null"])))]
    pub(in crate::scenario) port: Option<String>,
    /// The completion key.
    #[serde(default)]
    pub(in crate::scenario) key: i64,
    /// Whether one of its messages may be lost.
    #[serde(default)]
    pub(in crate::scenario) may_lose: bool,
    /// The name of the result.
    pub(in crate::scenario) into: Option<String>,
}

/// A process begins in a job.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct JobStart {
    /// The job.
    pub(in crate::scenario) job_start: String,
    /// The number of the process.
    pub(in crate::scenario) pid: i64,
    /// Whether one of its messages may be lost.
    #[serde(default)]
    pub(in crate::scenario) may_lose: bool,
    /// The name of the result.
    pub(in crate::scenario) into: Option<String>,
}

/// A process of a job ends.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct JobExit {
    /// The job.
    pub(in crate::scenario) job_exit: String,
    /// The number of the process.
    pub(in crate::scenario) pid: i64,
    /// Whether one of its messages may be lost.
    #[serde(default)]
    pub(in crate::scenario) may_lose: bool,
    /// The name of the result.
    pub(in crate::scenario) into: Option<String>,
}
