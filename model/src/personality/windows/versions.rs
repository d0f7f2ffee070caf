//! The versions of Windows: the switches in which they differ, and what came when.

use super::*;
use crate::about::{COMMON, Limits};
use crate::choice::Numbers;
use crate::os_error::win32;

/// Which version it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    /// XP and Server 2003.
    Nt5,
    /// 7 and Server 2008 R2.
    Seven,
    /// 8.1 and later.
    Later,
}

/// A version of Windows, as the switches in which the versions differ.
#[derive(Debug, Clone, Copy)]
pub struct Windows {
    pub(super) version: Version,
    /// `windows-2003/self-rule`, `windows-2003/apc-inserts`: operations end in their issuing thread, and a post
    /// may be held for a thread that still looks as if it waited.
    pub(super) ends_in_issuer: bool,
    /// `windows-2003/associate-first`.
    pub(super) associates_first: bool,
    /// `windows/close-abandons`, `windows-2003/close-silent`.
    pub(super) close_abandons: bool,
    /// The claim that a packet which is handed to a waiter wakes those who wait for the handle.
    pub(super) handed_wakes_handles: Option<&'static Claim>,
    /// The claim that a warning is skipped like a success: `windows/skip-warning` says that it is not.
    pub(super) skips_warnings: Option<&'static Claim>,
    /// `windows/poll-counts`, `windows/suspend-waiting`: evidence from NT 5 may not hold.
    pub(super) newer_than_evidence: bool,
}

impl Windows {
    /// Windows 8.1 and later.
    pub const LATER: Windows = Windows {
        version: Version::Later,
        ends_in_issuer: false,
        associates_first: false,
        close_abandons: true,
        handed_wakes_handles: None,
        skips_warnings: None,
        newer_than_evidence: true,
    };

    /// Windows 7 and Server 2008 R2.
    pub const SEVEN: Windows = Windows {
        version: Version::Seven,
        handed_wakes_handles: Some(W7_HANDLE_WAIT_HANDED),
        skips_warnings: Some(W7_SKIP_WARNING),
        ..Windows::LATER
    };

    /// Windows XP and Server 2003.
    pub const NT5: Windows = Windows {
        version: Version::Nt5,
        ends_in_issuer: true,
        associates_first: true,
        close_abandons: false,
        handed_wakes_handles: Some(NT5_HANDLE_WAIT_HANDED),
        skips_warnings: None,
        newer_than_evidence: false,
    };

    /// What it is.
    pub(super) fn what(&self) -> &'static About {
        match self.version {
            Version::Nt5 => &NT5,
            Version::Seven => &SEVEN,
            Version::Later => &LATER,
        }
    }

    /// Why it cannot do an operation that it has.
    pub(super) fn cannot(&self, program: &Program, op: Op) -> Option<&'static str> {
        match self.version {
            Version::Nt5 => lacks_before_vista(program, op),
            Version::Seven => only_a_batch_is_alertable(op).or(lacks_before_8(op)),
            Version::Later => only_a_batch_is_alertable(op),
        }
    }
}

const LATER: About = About {
    name: "windows",
    aliases: &["iocp"],
    sources: "W: Wine's tests, which run on Windows; Ws: Wine; D: Microsoft's documentation; R: ReactOS; X: libraries in use; M: measured here",
    os_error: win32,
    can: &[COMMON, OF_NT, SINCE_VISTA, SINCE_8],
    lacks: &[
        (&[Verb::Modes], "notification modes came with Windows Vista"),
        (
            nt::WAIT_PACKETS,
            "wait completion packets came with Windows 8",
        ),
        (
            &[Verb::Replace],
            "FileReplaceCompletionInformation came with Windows 8.1",
        ),
        (nt::EPOLL, "Windows has no epoll"),
        (&[Verb::Kevent], "Windows has no kqueue"),
    ],
    lacks_the_rest: "Windows has no event ports",
    limits: Limits {
        minimum: Some("a batch takes what is there, and waits for no more"),
        ..Limits::NONE
    },
    open: &[
        &port::POLLS,
        &port::SELF_RULE,
        &port::BUSY,
        &port::MEMORY,
        &waits::HANDLE_WAITS,
        &waits::SUSPENDED,
        &waits::STOPS,
        &waits::ALERTED,
        &waits::PLACES,
        &waits::RETURNS,
        &io::SIGNALED,
        &io::CONSUMES,
        &io::IN_FLIGHT,
        &io::LATE,
        &LOSSY,
        &NOTHING_OF_MINE,
        &WARNING,
        &io::PENDING,
        &io::REFUSED,
        &Numbers {
            claim: BATCH_AFTER_HANDOFF,
        },
        &Numbers { claim: CANCEL_LATE },
    ],
    invariants: &[LIMIT],
    last_error: Some(LAST_ERROR),
    keeps: Ok(KEEPS),
    counts_running: true,
    keeps_order: Some(FIFO),
    ..About::PLAIN
};

const SEVEN: About = About {
    name: "windows-7",
    can: &[COMMON, OF_NT, SINCE_VISTA],
    lacks_by: Some(W7_ABSENT),
    ..LATER
};

const NT5: About = About {
    name: "windows-2003",
    can: &[COMMON, OF_NT],
    lacks_by: Some(NT5_ABSENT),
    // A newer packet goes to a waiter beside whom an older one was held: `windows-2003/self-rule`.
    keeps_order: None,
    ..LATER
};

/// What every version has besides what all systems have.
const OF_NT: &[Verb] = &[
    Verb::DuplicatePort,
    Verb::Query,
    Verb::WaitHandle,
    Verb::Suspend,
    Verb::Resume,
    Verb::Terminate,
    Verb::ExitProcess,
    Verb::Apc,
    Verb::KernelApc,
    Verb::Associate,
    Verb::DuplicateFile,
    Verb::CloseFile,
    Verb::Start,
    Verb::Complete,
    Verb::Cancel,
    Verb::CancelFile,
    Verb::Peek,
    Verb::Free,
    Verb::Alloc,
    Verb::JobPort,
    Verb::JobStart,
    Verb::JobExit,
];

/// What came with Windows Vista.
const SINCE_VISTA: &[Verb] = &[Verb::Modes];

/// What came with Windows 8 and 8.1.
const SINCE_8: &[Verb] = &[Verb::Replace, Verb::WaitPacket, Verb::CancelWaitPacket];

/// Why a version that has batches cannot make such a call.
fn only_a_batch_is_alertable(op: Op) -> Option<&'static str> {
    let plain = matches!(op, Op::Get { max: None, .. });
    (plain && op.is_alertable()).then_some("of calls on ports only a batch can be alertable")
}

/// Why a version before Windows 8 cannot do an operation that it has.
fn lacks_before_8(op: Op) -> Option<&'static str> {
    if let Op::Apc { special: true, .. } = op {
        return Some("special APCs came with Windows 11");
    }
    matches!(op, Op::JobPort { binding: None, .. })
        .then_some("a job's association could not be taken away before Windows 8")
}

/// Why a version before Vista cannot do an operation that it has.
fn lacks_before_vista(program: &Program, op: Op) -> Option<&'static str> {
    let (came_later, why) = match op {
        Op::Get { max, .. } => (
            max.is_some(),
            "GetQueuedCompletionStatusEx came with Windows Vista",
        ),
        Op::Cancel { mine, .. } | Op::CancelFile { mine, .. } => {
            (!mine, "CancelIoEx came with Windows Vista")
        }
        Op::Start { operation, .. } => {
            let file = program.operations[operation.index()].file;
            let has_modes = program.files[file.index()].modes != Modes::default();
            (has_modes, "notification modes came with Windows Vista")
        }
        Op::Apc { special: true, .. } => return lacks_before_8(op),
        Op::Post { reserve, .. } | Op::Apc { reserve, .. } => {
            (reserve.is_some(), "reserve objects came with Windows 7")
        }
        Op::JobPort { .. } => return lacks_before_8(op),
        Op::Create { port, .. } => (
            program.ports[port.index()].named,
            "a name that is free again while threads wait would mean two ports",
        ),
        Op::Close { .. } | Op::KernelApc { .. } | Op::Complete { .. } => return None,
        Op::JobStart { .. } | Op::JobExit { .. } | Op::Associate { .. } => return None,
        Op::Replace { .. } | Op::Modes { .. } => return None,
        Op::DuplicateFile { .. } | Op::CloseFile { .. } | Op::Peek { .. } => return None,
        ops_of!(port_handles, objects, threads, variables, wait_packets) => return None,
        ops_of!(sources, event_ports, rings, kqueues) => return None,
    };
    came_later.then_some(why)
}
