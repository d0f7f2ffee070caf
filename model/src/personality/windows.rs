//! Windows I/O completion ports: `windows`, Vista to 11, and `windows-2003`, as NT 5 had them.
//!
//! A port is a kernel queue with a rule for threads. Packets leave first in, first out; the thread that
//! parked last is released first; at most N associated threads run, and the kernel counts them as they
//! block elsewhere and come back. A post hands its packet to a waiter in one atomic action.
//! A plain `get` is GetQueuedCompletionStatus, one with `max` is GetQueuedCompletionStatusEx.
//!
//! Long: a personality is one file, so that a system can be read from its claims to its last rule.
//!
//! # Claims
//!
//! | id | says | status | source |
//! |---|---|---|---|
//! | windows/contents | A packet arrives with the key, bytes and OVERLAPPED it was posted with; NULL is one too. | verified | W:post, D:post |
//! | windows/fifo | Packets are taken oldest first. | verified | W:setio, D:iocp |
//! | windows/status | A packet with a failure status is taken all the same; the call fails with its Win32 error. | verified | W:conn, W:sock, D:gqcs |
//! | windows/status-of-a-post | PostQueuedCompletionStatus posts success; NtSetIoCompletion posts any status. | verified | W:post, W:setio |
//! | windows/last-error | A call that succeeds leaves the last error of its thread as it was. | verified | W:sock |
//! | windows/lifo | The waiter that parked last is released first. | verified | W:sched, D:iocp |
//! | windows/handoff | A post binds its packet to the waiter it releases; no later call can take it away. | verified | W:sched |
//! | windows/limit | While as many threads run as the concurrency value says, a post releases nobody. | documented | D:iocp, D:wi7 |
//! | windows/limit-default | A concurrency value of 0 stands for the number of processors. | documented | D:create |
//! | windows/poster-free | Posting neither blocks nor counts the poster. | derived | R:queue |
//! | windows/associate | A call associates its thread with the port, and ends its association with another. | documented | D:iocp |
//! | windows/switch-releases | Calling on another port counts the thread out of the old one, which may release a waiter there first. | derived | R:queue |
//! | windows/recall-first | A member that calls again gives its place up, then takes the oldest packet before any waiter. | documented | D:iocp, R:queue |
//! | windows/newcomer-waits | A newcomer at the limit waits, or times out, although packets are queued. | derived | R:queue |
//! | windows/timeout | A call whose time is over takes nothing and fails with WAIT_TIMEOUT. | verified | W:post |
//! | windows/timeout-counts | A waiter whose time is over leaves the waiters and counts as running. | derived | R:queue, R:wait |
//! | windows/poll-counts | A thread that polls an empty port is associated and counts from then on (Q2: both allowed). | open | R:queue |
//! | windows/block-releases | A member that sleeps in any other kernel wait counts out, and a waiter gets a queued packet. | documented | D:iocp, D:wi7 |
//! | windows/no-sleep-no-release | A wait that is satisfied at once, Sleep(0) and a yield count nobody out. | derived | R:wait |
//! | windows/unblock-over-limit | A thread that comes back counts at once, even beyond the concurrency value. | documented | D:iocp, D:wi7 |
//! | windows/exit-releases | A member that ends counts out, and a waiter gets a queued packet. | derived | R:thr, D:iocp |
//! | windows/suspend-releases | A running member that is suspended counts out until it is resumed. | documented | D:iocp |
//! | windows/suspend-waiting | A waiter that is suspended leaves the waiters, and comes back as the newest (Q7: it may stay). | open | R:apc, R:queue |
//! | windows/suspend-ended | A thread that has ended cannot be suspended: ERROR_ACCESS_DENIED. | derived | R:state |
//! | windows/close-abandons | Closing the last handle releases every waiter with ERROR_ABANDONED_WAIT_0. | verified | W:sched, D:gqcs |
//! | windows/close-handed | A packet handed to a waiter before the close is delivered. | inferred | Wml |
//! | windows/close-discards | Packets still queued when the port dies are dropped. | derived | R:iocomp |
//! | windows/close-unbinds | Closing ends the association of every member; what it does later counts nowhere. | documented | D:iocp, R:queue |
//! | windows/closed-handle | A call on a closed handle fails with ERROR_INVALID_HANDLE. | verified | W:sched |
//! | windows/batch | A batch takes what is queued, oldest first, and never waits to be full. | verified | W:setio, W:post |
//! | windows/batch-status | A batch call succeeds whatever the statuses of its packets are; each has its own. | documented | D:gqcsex |
//! | windows/batch-zero | A batch of no packets is an invalid parameter. | verified | W:setio |
//! | windows/batch-counts-once | A batch counts as one running thread, however many packets it took. | inferred | D:wi7 |
//! | windows/batch-after-handoff | A batch call released by a post may take further packets that were queued before it ran (Q3: any number). | open | D:gqcsex |
//! | windows/no-self-rule | A thread that posts to its own port releases a waiter like any other poster (Q1). | inferred | X:asio |
//! | windows/named | Making a port that exists under its name gives one more handle of it. | verified | W:om |
//! | windows/several-handles | Closing one of several handles of a port changes nothing. | inferred | Ws |
//! | windows/query | NtQueryIoCompletion tells how many packets nobody has taken; a packet handed over is none of them. | verified | W:setio |
//! | windows/post-fails | A post fails for want of memory at most; how many packets a port holds has no known limit (Q10). | derived | R:iocomp, X:msquic |
//! | windows/handle-wait | The handle of a port is signaled while packets are queued; a wait for it takes none, and all that wait are released. | verified | W:sched |
//! | windows/handle-wait-handed | A packet that is handed to a waiter releases nobody who waits for the handle. | verified | W:sched |
//! | windows/handle-wait-close | Closing the last handle releases those who wait for it, with success. | verified | W:sched |
//! | windows/handle-wait-counts | A member that waits for the handle of a port counts out as in any other wait (Q9: or does not). | open | R:wait |
//! | windows/alert-first | An alertable call with an APC pending takes a packet if its thread is a member and may; else the APC runs and nothing else changes, not even the association. | verified | W:setio |
//! | windows/alert-empty | An alertable call that finds no packet runs the pending APCs and ends with WAIT_IO_COMPLETION. | verified | W:setio, W:post |
//! | windows/alert-not | A call that is not alertable runs no APC. | verified | W:setio, W:post |
//! | windows/apc-wakes | An APC ends an alertable wait; the thread counts as running. | derived | R:queue, R:wait |
//! | windows/kernel-apc | A kernel APC makes a waiter look at the queue again and, if there is nothing, the newest. | derived | R:queue, R:apc |
//! | windows/associate-once | A file has one association: another fails with ERROR_INVALID_PARAMETER, also with the same port. | verified | W:bind |
//! | windows/associate-sync | A synchronous file cannot be associated. | verified | W:fileio |
//! | windows/associate-null-file | To name a port and no file is an invalid parameter. | documented | D:create |
//! | windows/associate-signals | Association sets the file's own signal, unless a mode forbids it. | verified | W:fci |
//! | windows/associate-retroactive | The association is read when an operation ends, so that one issued before reports to the port. | verified | W:fileio, W:sock |
//! | windows/shared-by-duplicates | The association is the file's: all its handles share it, in any process. | verified | W:sock |
//! | windows/apc-io-refused | On an associated file no operation with an APC routine can be issued. | verified | W:fileio, W:recv |
//! | windows/apc-io-pending | One that was issued before the association ends with its APC and no packet. | verified | W:fileio |
//! | windows/replace | FileReplaceCompletionInformation puts another port and key in the place of the association, or none. | documented | D:fci |
//! | windows/replace-in-flight | What was in flight reports to the new port, or to the old one, or to none (Q4: all allowed). | open | D:fci |
//! | windows/skip-port | FILE_SKIP_COMPLETION_PORT_ON_SUCCESS: what ends in its call, well or with a warning, leaves no packet; what was pending does. | verified | W:pipe, W:conn |
//! | windows/skip-event | FILE_SKIP_SET_EVENT_ON_HANDLE takes the file's own signal back, and no operation sets it again. | verified | W:pipe |
//! | windows/modes-accumulate | Modes that are set stay set. | verified | W:fci |
//! | windows/modes-sync | A synchronous file has no modes. | verified | W:fci |
//! | windows/immediate-success | An operation that ends well in its call leaves a packet all the same. | verified | W:sock, W:fileio |
//! | windows/immediate-warning | An operation that ends with a warning in its call leaves a packet, although the call fails. | inferred | lalinsky/zio PR 733 |
//! | windows/immediate-error | An operation that fails in its call leaves neither packet nor signal. | verified | W:sock, W:npipe |
//! | windows/pending-error | An operation that was pending leaves a packet however it ends. | verified | W:conn, W:ifl |
//! | windows/no-overlapped | An operation without an OVERLAPPED leaves no packet. | verified | W:conn, W:apoll |
//! | windows/low-bit | The low bit of `hEvent` keeps the packet away, and not the event. | verified | W:conn, W:shut |
//! | windows/event-set | The end of an operation sets its event, or the file's own signal if it has none. | verified | W:pipe |
//! | windows/start-resets | Issuing an operation takes the signal of its event, or else of the file, back. | inferred | microsoft/ebpf-for-windows issue 3325 |
//! | windows/sync-waits | A call on a synchronous file sleeps until the operation is over. | derived | R:wait |
//! | windows/io-contents | The packet of an operation carries the file's key, its OVERLAPPED, its bytes and its status. | verified | W:sock, W:conn |
//! | windows/completion-order | Operations report in the order in which they end. | documented | D:iocp |
//! | windows/iosb-late | The status block is written between the end of an operation and the removal of its packet, and before its event is set. | documented | D:iocp, D:wi7, W:pclose |
//! | windows/cancel-one-packet | A cancelled operation leaves one packet, ERROR_OPERATION_ABORTED if the cancel came in time. | verified | W:athr, W:tpio |
//! | windows/cancel-late | An operation may end on its own although its cancel succeeded. | documented | D:cancelex |
//! | windows/cancel-nothing | With nothing to cancel CancelIoEx fails with ERROR_NOT_FOUND. | documented | D:cancelex |
//! | windows/cancel-mine | CancelIo ends only what the calling thread has issued. | inferred | microsoft/msquic PR 1843 |
//! | windows/close-file-pending | Closing the last handle of a file ends what is pending on it, with the device's status and a packet. | verified | W:sock, W:fileio, W:iocp |
//! | windows/close-file-other-handle | While its process has another handle, nothing happens. | verified | W:sock, W:pclose |
//! | windows/close-file-other-process | While only another process has one, the operations of this process with a port, an OVERLAPPED and no event are cancelled. | verified | W:pclose, W:aclose |
//! | windows/close-file-idle | With nothing pending no packet comes of it. | verified | W:sock, W:iocp |
//! | windows/close-keeps-association | A port whose handles are closed stays with its files; what it gets nobody can take (Q5). | documented | D:iocp, D:create |
//! | windows/process-exit | A process that ends cancels what it has issued and closes its handles of files. | verified | W:pexit |
//! | windows/issuer-exit | A thread that ends cancels what it has issued, but for operations with a port, an OVERLAPPED and no event. | verified | W:athr, W:iocp |
//! | windows/reserve | A post with a reserve object is like any other. | verified | W:setex |
//! | windows/reserve-memory | It cannot fail for want of memory. | inferred | microsoft/msquic issue 5369 |
//! | windows/reserve-busy | A reserve object serves one packet at a time (Q6: with which error a second post fails). | open | W:apcres |
//! | windows/reserve-apc | A reserve object for APCs serves one at a time, and can be used again once it ran. | verified | W:apcres |
//! | windows/reserve-kind | A reserve object for APCs serves no packet, and the reverse. | verified | W:setex, W:apcres |
//! | windows/wait-packet | A wait completion packet becomes a packet with the values it was given when its target is signaled. | documented | D:wcp |
//! | windows/wait-packet-signaled | If its target is signaled already, it is queued at once, and the call says so. | documented | D:wcp |
//! | windows/wait-packet-once | It fires once; after its removal it can be associated again. | documented | D:wcp, X:go |
//! | windows/wait-packet-consumes | It takes the signal of its target as a wait would. | inferred | momo5502/sogen PR 1059 |
//! | windows/wait-packet-busy | One that waits or is queued cannot be associated. | documented | D:wcp |
//! | windows/wait-packet-mutex | A mutex cannot be its target. | documented | sdk-api PR 1843 |
//! | windows/wait-packet-cancel | Cancelling takes it back while it waits, and out of the queue if asked to; one that is idle is cancelled already. | documented | D:wcpcancel |
//! | windows/job-messages | A job's messages are packets with the job's key, the message in place of the bytes and the process in place of the OVERLAPPED. | verified | W:job |
//! | windows/job-lossy | A message of a job may be lost. | documented | D:job |
//! | windows/job-new | Associating a job reports every process that is in it. | verified | W:job |
//! | windows/job-once | A job has one association; another fails with ERROR_INVALID_PARAMETER. | verified | W:job |
//! | windows/job-null | The association of a job can be taken away. | verified | W:job |
//! | windows/job-nested | Of nested jobs the innermost reports first. | verified | W:nest |
//! | windows/job-exit | The end of a process is reported, and then that it was the last. | verified | W:job, W:jlist |
//! | windows-2003/self-rule | A thread that posts to its own port right after a call that did not sleep may only queue the packet, though a waiter could have it. | derived | R:queue, R:ke_x |
//! | windows-2003/associate-first | An alertable call associates its thread before it looks at APCs, and takes a packet before it runs one. | derived | R:queue |
//! | windows-2003/close-silent | Closing the last handle wakes nobody. | documented | D:gqcs |
//! | windows-2003/issuer-bound | A thread that ends cancels all that it has issued. | verified | W:iocp |
//! | windows-2003/apc-inserts | An operation ends in a kernel APC of the thread that issued it; one that waits on the port queues the packet and looks again. | derived | R:irp, R:queue |
//! | windows-2003/handle-wait-handed | A packet that is handed to a waiter releases those who wait for the handle too. | verified | W:sched |
//! | windows-2003/absent | Batches, CancelIoEx, notification modes, replacing an association, reserve objects and wait completion packets came later. | documented | D:gqcsex, D:cancelex, D:skip |
//!
//! The sources are those of Wine's test suite (W) and Wine itself (Ws), Microsoft's documentation (D), ReactOS
//! (R), and libraries in use (X). Further claims, of `windows-2003`, name only what differs there.
//!
//! # Where to find
//!
//! | of the manual | here |
//! |---|---|
//! | CreateIoCompletionPort | `create`, and with a file `associate_file` |
//! | GetQueuedCompletionStatus, GetQueuedCompletionStatusEx | `get`, `associate`, `remove_or_wait`; `wake`, `expire` |
//! | PostQueuedCompletionStatus | `post`, `insert`, `hand_off` |
//! | CloseHandle | of a port `close`, `run_down`; of a file `close_file`, `file_closes` |
//! | DuplicateHandle | `duplicate_port`, `duplicate_file` |
//! | NtQueryIoCompletion | `query` |
//! | the concurrency value: who blocks, comes back, ends | `blocks`, `unblocks`, `exits`; `count_out`, `release_one` |
//! | WaitForSingleObject on a port | `wait_handle`, `release_at_handle` |
//! | QueueUserAPC, alertable waits | `queue_apc`, `interrupt`, `alerts` |
//! | SuspendThread, ResumeThread | `suspend`, `suspend_waiting`; `resume`, `resume_waiting` |
//! | FileReplaceCompletionInformation | `replace` |
//! | SetFileCompletionNotificationModes | `set_modes`; what they do: `REPORTS` |
//! | ReadFile and all that issue an operation | `start`; its end: `ends`, `complete`, `ends_in_apc` |
//! | CancelIo, CancelIoEx | `cancel`, `cancel_file` |
//! | wait completion packets | `wait_packet`, `wait_packet_fires`, `cancel_wait_packet` |
//! | job notifications | `job_port`, `job_start`, `job_exit`, `sends` |
//! | the end of a process | `process_exits` |
//! | what a version lacks | `supports` |
//!
//! # Divergence from the real system
//!
//! Access rights, object attributes and buffer lengths are absent: no call fails for want of a right, for a name
//! or for a short buffer. What a failed call leaves in its out-parameters is absent too; a result that is not
//! there is 0, so a batch call that took nothing has the count 0, where Windows leaves 0 or 1. Bytes are as wide
//! as NtRemoveIoCompletion shows them; GetQueuedCompletionStatus shows the lower 32 bits. The last error of a
//! thread knows the calls that a scenario makes, as if each were a Win32 call. Only handles of files belong to a
//! process. The status block of an operation is written when the operation ends or when its packet is removed,
//! at no moment between. A call that issues an operation returns in the same step; what its thread does next is
//! a later one, and the packet may be gone by then. An event that resets itself and is set by an operation
//! releases the first of its waiters. Messages of jobs are lost only where a scenario says that they may be.
//! `windows` ends an alertable call as Windows 7 and later do, and wakes those who wait for a port's handle as
//! Windows 10 does since 1607. A mutex whose owner ends stays owned. Scheduling
//! priorities and the boost of a released thread are absent: which of several runnable threads moves is the
//! chooser's business.
//!

use alloc::vec::Vec;

use crate::contract::Personality;
use crate::event::{Batch, Error, Observer, OsError, Outcome, win32};
use crate::files::{Phase, Route};
use crate::objects;
use crate::program::{
    BindingId, CANCELLED, FileId, Get, JobId, Modes, Object, ObjectId, Op, OperationId, Owner,
    PacketId, PortId, ProcessId, Program, Reserve, ReserveId, ResultId, ThreadId, Timeout,
    WaitPacketId,
};
use crate::property::Fault;
use crate::state::View;
use crate::threads::{Mode, Thread};
use crate::turn::Turn;
use crate::wait_packets::Wait;

/// See the module: a version of Windows, as the switches in which the versions differ.
#[derive(Debug, Clone, Copy)]
pub struct Windows {
    name: &'static str,
    /// `windows-2003/absent`: batches, CancelIoEx, notification modes and what came after them are there.
    has_vista_calls: bool,
    /// `windows-2003/self-rule`, `windows-2003/apc-inserts`: operations end in their issuing thread, and a post
    /// may be held for a thread that still looks as if it waited.
    ends_in_issuer: bool,
    /// `windows-2003/associate-first`.
    associates_first: bool,
    /// `windows/close-abandons`, `windows-2003/close-silent`.
    close_abandons: bool,
    /// `windows-2003/handle-wait-handed`.
    handed_wakes_handles: bool,
    /// `windows/poll-counts`, `windows/suspend-waiting`: evidence from NT 5 may not hold.
    newer_than_evidence: bool,
}

impl Windows {
    /// Windows Vista and later.
    pub const VISTA: Windows = Windows {
        name: "windows",
        has_vista_calls: true,
        ends_in_issuer: false,
        associates_first: false,
        close_abandons: true,
        handed_wakes_handles: false,
        newer_than_evidence: true,
    };

    /// Windows XP and Server 2003.
    pub const NT5: Windows = Windows {
        name: "windows-2003",
        has_vista_calls: false,
        ends_in_issuer: true,
        associates_first: true,
        close_abandons: false,
        handed_wakes_handles: true,
        newer_than_evidence: false,
    };
}

impl Personality for Windows {
    fn name(&self) -> &'static str {
        self.name
    }

    fn os_error(&self) -> fn(Error) -> OsError {
        win32
    }

    fn supports(&self, program: &Program, op: Op) -> Result<(), &'static str> {
        match op {
            Op::EpollCtl { .. } | Op::Write { .. } | Op::Drain { .. } => {
                Err("Windows has no epoll")
            }
            Op::PortSendn { .. }
            | Op::PortAlert { .. }
            | Op::MsgRing { .. }
            | Op::Submit { .. }
            | Op::PortAssociate { .. }
            | Op::PortDissociate { .. }
            | Op::CloseSource { .. } => Err("Windows has no event ports"),
            Op::Kevent { .. } => Err("Windows has no kqueue"),
            Op::Get { min: Some(_), .. } => {
                Err("a batch takes what is there, and waits for no more")
            }
            Op::Get {
                max: None,
                alertable: true,
                ..
            } if self.has_vista_calls => Err("of calls on ports only a batch can be alertable"),
            _ if self.has_vista_calls => Ok(()),
            Op::Get { max: Some(_), .. } => {
                Err("GetQueuedCompletionStatusEx came with Windows Vista")
            }
            Op::Cancel { mine: false, .. } | Op::CancelFile { mine: false, .. } => {
                Err("CancelIoEx came with Windows Vista")
            }
            Op::Modes { .. } => Err("notification modes came with Windows Vista"),
            Op::Start { operation, .. } => {
                let file = program.operations[operation.index()].file;
                if program.files[file.index()].modes != Modes::default() {
                    return Err("notification modes came with Windows Vista");
                }
                Ok(())
            }
            Op::Post {
                reserve: Some(_), ..
            }
            | Op::Apc {
                reserve: Some(_), ..
            } => Err("reserve objects came with Windows 7"),
            Op::WaitPacket { .. } | Op::CancelWaitPacket { .. } => {
                Err("wait completion packets came with Windows 8")
            }
            Op::JobPort { binding: None, .. } => {
                Err("a job's association could not be taken away before Windows 8")
            }
            Op::Replace { .. } => Err("FileReplaceCompletionInformation came with Windows 8.1"),
            Op::Create { port, .. } if program.ports[port.index()].named => {
                Err("a name that is free again while threads wait would mean two ports")
            }
            _ => Ok(()),
        }
    }

    fn counts_running(&self) -> bool {
        true
    }

    /// `windows/fifo`.
    fn keeps_order(&self) -> bool {
        true
    }

    /// `windows/last-error`.
    fn keeps_last_error(&self) -> bool {
        true
    }

    fn answers(&self, view: View<'_>, me: ThreadId, op: Op) -> u8 {
        let answers = match op {
            Op::Get { port, max, .. } if self.polls_in_vain(view, me, op, port, max) => POLLS.len(),
            Op::Post {
                port,
                may_fail,
                reserve,
                ..
            } => self.post_answers(view, me, port, may_fail, reserve),
            Op::Suspend { thread }
                if self.newer_than_evidence && view.thread(thread).mode() == Mode::Parked =>
            {
                SUSPEND_WAITING.len()
            }
            Op::WaitHandle { port, timeout, .. }
                if view.thread(me).port().is_some()
                    && timeout != Timeout::Ticks(0)
                    && !is_signaled(view, port)
                    && !is_alerted(view, me, op.is_alertable()) =>
            {
                HANDLE_WAITS.len()
            }
            Op::Replace { file, binding, .. } if pending_on(view, file).next().is_some() => {
                if binding.is_some() {
                    REPLACED_IN_FLIGHT.len()
                } else {
                    REPLACED_IN_FLIGHT.len() - 1
                }
            }
            Op::Complete { burst, .. } => self.complete_answers(view, burst),
            Op::Cancel {
                operation, mine, ..
            } => match cancels(view, me, operation, mine) {
                true if self.has_vista_calls => 1 + view.ends(operation).len(),
                true => 1,
                false if mine => NOTHING_OF_MINE.len(),
                false => 1,
            },
            Op::CancelFile {
                file, mine: true, ..
            } if !pending_on(view, file).any(|id| cancels(view, me, id, true)) => {
                NOTHING_OF_MINE.len()
            }
            Op::JobPort { may_lose: true, .. }
            | Op::JobStart { may_lose: true, .. }
            | Op::JobExit { may_lose: true, .. } => 1 + messages(view, op),
            _ => 1,
        };
        answers as u8
    }

    fn call<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, op: Op, answer: u8) {
        let answer = usize::from(answer);
        match op {
            Op::Create { port, .. } => create(turn, me, port),
            Op::DuplicatePort { port, .. } => duplicate_port(turn, me, port),
            Op::Associate { binding, .. } => associate_file(self, turn, me, binding),
            Op::Replace { file, binding, .. } => replace(turn, me, file, binding, answer),
            Op::Modes { file, modes, .. } => set_modes(turn, me, file, modes),
            Op::Get { .. } => self.get(turn, me, answer),
            Op::Post {
                port,
                packet,
                may_fail,
                reserve,
                ..
            } => self.post(turn, me, port, packet, may_fail, reserve, answer),
            Op::Query { port, .. } => query(turn, me, port),
            Op::WaitHandle { port, timeout, .. } => {
                self.wait_handle(turn, me, port, timeout, answer)
            }
            Op::Close { port, .. } => self.close(turn, me, port),
            Op::Start { operation, now, .. } => start(self, turn, me, operation, now),
            Op::Complete { burst, result, .. } => self.complete(turn, me, burst, result, answer),
            Op::Cancel {
                operation, mine, ..
            } => cancel(self, turn, me, operation, mine, answer),
            Op::CancelFile { file, mine, .. } => cancel_file(self, turn, me, file, mine, answer),
            Op::DuplicateFile { file, process, .. } => duplicate_file(turn, me, file, process),
            Op::CloseFile { file, .. } => close_file(self, turn, me, file),
            Op::Free { operation } => frees(turn, me, operation, true),
            Op::Alloc { operation } => frees(turn, me, operation, false),
            Op::Apc {
                thread, reserve, ..
            } => self.queue_apc(turn, me, thread, reserve),
            Op::KernelApc { thread } => self.kernel_apc(turn, me, thread),
            Op::WaitPacket {
                wait_packet,
                port,
                target,
                packet,
                ..
            } => self.wait_packet(turn, me, wait_packet, port, target, packet),
            Op::CancelWaitPacket {
                wait_packet,
                remove,
                ..
            } => cancel_wait_packet(turn, me, wait_packet, remove),
            Op::JobPort { job, binding, .. } => {
                job_port(self, turn, me, job, binding, Lost::by(answer))
            }
            Op::JobStart { job, pid, .. } => job_start(self, turn, me, job, pid, Lost::by(answer)),
            Op::JobExit { job, pid, .. } => job_exit(self, turn, me, job, pid, Lost::by(answer)),
            _ => unreachable!("done for all systems alike, or not supported"),
        }
    }

    /// SuspendThread: `windows/suspend-releases`: a running member counts out as if it slept. A thread that has ended is
    /// never asked about here: `windows/suspend-ended`.
    fn suspend<O: Observer>(&self, turn: &mut Turn<'_, O>, target: ThreadId, answer: u8) {
        match turn.thread(target).mode() {
            Mode::Ready | Mode::Woken => self.blocks(turn, target),
            Mode::AtHandle if turn.thread(target).counts_on() => {
                turn.thread(target).set_counts_on(false);
                self.blocks(turn, target);
            }
            Mode::Parked => suspend_waiting(turn, target, SUSPEND_WAITING[usize::from(answer)]),
            _ => {}
        }
    }

    /// ResumeThread.
    fn resume<O: Observer>(&self, turn: &mut Turn<'_, O>, target: ThreadId) {
        match turn.thread(target).mode() {
            Mode::Ready | Mode::Woken => self.unblocks(turn, target),
            Mode::Aside => self.resume_waiting(turn, target),
            Mode::Parked => self.interrupt(turn, target),
            Mode::AtHandle => self.resume_at_handle(turn, target),
            _ => {}
        }
    }

    fn wake_answers(&self, view: View<'_>, me: ThreadId, get: Get) -> u8 {
        match view.thread(me).handed() {
            Some(_) => further_packets_max(view, get) + 1,
            None => 1,
        }
    }

    /// `windows/batch-after-handoff`: a released batch call takes as many further packets as the answer says.
    /// A thread that was woken without a packet was suspended when its time was over.
    fn wake<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get, answer: u8) {
        let Some(handed) = turn.thread(me).handed() else {
            return turn.releases(me, Outcome::Failed(Error::Timeout));
        };
        let mut batch = Batch::EMPTY;
        batch.push(PacketId(handed));
        for _ in 0..answer {
            let packet = turn
                .port(get.port)
                .packets_mut()
                .take_oldest()
                .expect("as many are queued");
            turn.delivered(get.port, 1);
            batch.push(PacketId(packet));
        }
        for &packet in batch.packets() {
            removed(turn, packet);
        }
        turn.releases(me, outcome(get, batch));
    }

    /// `windows/timeout`, `windows/timeout-counts`: the thread leaves the waiters and runs; one that is suspended
    /// finds its time over when it is resumed.
    fn expire<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
        turn.port(get.port).waiters_mut().remove(me);
        if turn.thread(me).suspensions() > 0 {
            return turn.thread(me).set_mode(Mode::Woken);
        }
        turn.port(get.port).running_mut().enter();
        turn.releases(me, Outcome::Failed(Error::Timeout));
        dies_if_unused(turn, get.port);
    }

    /// `windows/block-releases`: a member that stops being runnable makes room for a waiter.
    /// `windows/no-sleep-no-release`: a wait that is satisfied at once does not come here.
    fn blocks<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId) {
        if let Some(port) = turn.thread(me).port() {
            self.count_out(turn, port);
        }
    }

    /// `windows/unblock-over-limit`: no comparison with the limit.
    fn unblocks<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId) {
        let mut thread = turn.thread(me);
        let counted = thread.counts_on();
        thread.set_counts_on(false);
        if let Some(port) = thread.port()
            && !counted
        {
            turn.port(port).running_mut().enter();
        }
    }

    /// `windows-2003/self-rule`: any other wait, and any loss of the processor, and the thread no longer looks as
    /// if it waited on its port.
    fn turns_away<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId) {
        if self.ends_in_issuer {
            turn.thread(me).set_fresh(false);
        }
    }

    /// `windows/apc-wakes`: APCs that are pending run when an alertable wait would begin to sleep.
    fn alerts<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId) -> bool {
        if turn.thread(me).apcs() == 0 {
            return false;
        }
        if turn.thread(me).mode() != Mode::Ready {
            self.unblocks(turn, me);
        }
        turn.runs_apcs(me);
        turn.returns(me, Outcome::Failed(Error::Apc));
        true
    }

    /// `windows/wait-packet`, `windows/wait-packet-consumes`.
    fn wait_packet_fires<O: Observer>(&self, turn: &mut Turn<'_, O>, id: WaitPacketId) {
        let (port, packet) = {
            let mut wait_packet = turn.wait_packet(id);
            wait_packet.set_queued();
            (wait_packet.port(), wait_packet.packet())
        };
        self.insert(turn, port, packet, Insert::AsAnyone);
    }

    /// `windows/exit-releases`: a member that ends makes room for a waiter. `windows/issuer-exit`,
    /// `windows-2003/issuer-bound`: what it has issued is cancelled unless any thread may end it.
    fn exits<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, was: Mode) {
        let counts = was.is_runnable() || turn.thread(me).counts_on();
        if let Some(handed) = turn.thread(me).handed() {
            turn.thread(me).hand(None);
            dropped(turn, PacketId(handed));
        }
        if let Some(port) = turn.thread(me).port() {
            turn.thread(me).set_port(None);
            turn.port(port).waiters_mut().remove(me);
            if counts {
                self.count_out(turn, port);
            }
            dies_if_unused(turn, port);
        }
        let bound = |view: View<'_>, id| {
            view.operation(id).issuer() == Some(me)
                && (self.ends_in_issuer || !is_agnostic(view, id))
        };
        while let Some(id) = first_pending(turn.view(), bound) {
            ends(self, turn, id, End::cancelled(turn.program));
        }
    }

    /// `windows/process-exit`.
    fn process_exits<O: Observer>(&self, turn: &mut Turn<'_, O>, process: ProcessId) {
        for n in 0..turn.program.files.len() {
            let file = FileId(n as u8);
            if turn.file(file).handles(process) == 0 {
                continue;
            }
            turn.file(file).set_handles(process, 0);
            let own =
                |view: View<'_>, id| is_on(view, id, file) && process_of(view, id) == Some(process);
            while let Some(id) = first_pending(turn.view(), own) {
                ends(self, turn, id, End::cancelled(turn.program));
            }
            file_closes(self, turn, file);
        }
    }

    /// The invariants I1 and I2: the count is the number of runnable members, and no packet waits beside a
    /// waiter that may run.
    fn holds(&self, view: View<'_>) -> Result<(), Fault> {
        for id in view.program.port_ids() {
            let port = view.port(id);
            if port.running().count() != runnable_members(view, id) {
                return Err(Fault::Running);
            }
            if port.running().has_room() && !port.packets().is_empty() && !port.waiters().is_empty()
            {
                return Err(Fault::Stranded);
            }
        }
        Ok(())
    }
}

// The port and its handles.

/// CreateIoCompletionPort without a file: `windows/named`: one that is there under its name is opened again.
pub(super) fn create<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, port: PortId) {
    let handles = turn.port(port).handles();
    turn.port(port).set_handles(handles.saturating_add(1));
    let outcome = if handles > 0 {
        Outcome::Value(EXISTED)
    } else {
        Outcome::Done
    };
    turn.returns(me, outcome);
}

/// What a call answers that has found what it was to make: STATUS_OBJECT_NAME_EXISTS, or a target that is
/// signaled already.
const EXISTED: u8 = 1;

/// DuplicateHandle on a port: `windows/several-handles`.
pub(super) fn duplicate_port<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, port: PortId) {
    let handles = turn.port(port).handles();
    if handles == 0 {
        return turn.returns(me, Outcome::Failed(Error::BadHandle));
    }
    turn.port(port).set_handles(handles.saturating_add(1));
    turn.returns(me, Outcome::Done);
}

/// NtQueryIoCompletion: `windows/query`.
pub(super) fn query<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, port: PortId) {
    if !turn.port(port).is_open() {
        return turn.returns(me, Outcome::Failed(Error::BadHandle));
    }
    let depth = turn.port(port).packets().depth() as u8;
    turn.returns(me, Outcome::Value(depth));
}

impl Windows {
    /// CloseHandle on a port: `windows/several-handles`.
    fn close<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, port: PortId) {
        let handles = turn.port(port).handles();
        if handles == 0 {
            return turn.returns(me, Outcome::Failed(Error::BadHandle));
        }
        turn.port(port).set_handles(handles - 1);
        if handles == 1 {
            if self.close_abandons {
                run_down(turn, port);
                self.release_at_handle(turn, port);
            } else {
                dies_if_unused(turn, port);
            }
        }
        turn.returns(me, Outcome::Done);
    }
}

/// `windows/close-abandons`, `windows/close-unbinds`, `windows/close-discards`.
fn run_down<O: Observer>(turn: &mut Turn<'_, O>, port: PortId) {
    while let Some(packet) = turn.port(port).packets_mut().take_oldest() {
        turn.discarded(1);
        dropped(turn, PacketId(packet));
    }
    turn.port(port).running_mut().clear();
    for id in turn.program.thread_ids() {
        if turn.thread(id).port() == Some(port) {
            turn.unbinds(id);
        }
    }
    while let Some(waiter) = turn.port(port).waiters_mut().take_newest() {
        if turn.thread(waiter).suspensions() > 0 {
            turn.thread(waiter).set_mode(Mode::Aside);
        } else {
            turn.releases(waiter, Outcome::Failed(Error::Abandoned));
        }
    }
}

/// `windows-2003/close-silent`: a port without handles dies when nobody is inside a call on it and no file has it.
fn dies_if_unused<O: Observer>(turn: &mut Turn<'_, O>, port: PortId) {
    let view = turn.view();
    let called = |id: ThreadId| {
        let thread = view.thread(id);
        thread.port() == Some(port)
            && matches!(thread.mode(), Mode::Parked | Mode::Woken | Mode::Aside)
    };
    let used = view.port(port).is_open()
        || view.program.thread_ids().any(called)
        || view
            .program
            .bindings
            .iter()
            .enumerate()
            .any(|(n, binding)| {
                binding.port == port
                    && view.file(binding.file).binding() == Some(BindingId(n as u8))
            });
    if !used {
        run_down(turn, port);
    }
}

// Taking packets.

impl Windows {
    /// GetQueuedCompletionStatus and GetQueuedCompletionStatusEx: `windows/batch-zero`, `windows/closed-handle`,
    /// `windows/alert-first`, `windows/alert-not`.
    fn get<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, answer: usize) {
        let get = turn.get(me);
        if get.max == Some(0) {
            return turn.returns(me, Outcome::Failed(Error::Invalid));
        }
        if !turn.port(get.port).is_open() {
            return turn.returns(me, Outcome::Failed(Error::BadHandle));
        }
        let alerted = is_alerted(turn.view(), me, get.alertable);
        if alerted && !self.associates_first && !takes_as_member(turn.view(), me, get.port) {
            turn.runs_apcs(me);
            return turn.returns(me, Outcome::Failed(Error::Apc));
        }
        if POLLS[answer] == Poll::LeavesNoMark {
            return turn.returns(me, Outcome::Failed(Error::Timeout));
        }
        self.associate(turn, me, get.port);
        self.remove_or_wait(turn, me, get, get.timeout);
    }

    /// `windows/associate`, `windows/switch-releases`: a member gives its place on the port up, a newcomer its
    /// place on the port it comes from. The newcomer is not counted yet.
    fn associate<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, port: PortId) {
        match turn.thread(me).port() {
            Some(old) if old == port => turn.port(port).running_mut().leave(),
            old => {
                turn.thread(me).set_port(Some(port));
                if let Some(old) = old {
                    self.count_out(turn, old);
                }
            }
        }
    }

    /// `windows/recall-first`, `windows/newcomer-waits`: an associated thread that does not count takes packets
    /// if one more thread may run, without regard to older waiters; else it waits as the newest, or fails at once
    /// if it may not wait: `windows/timeout`, `windows/alert-empty`, `windows-2003/associate-first`.
    fn remove_or_wait<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        get: Get,
        timeout: Timeout,
    ) {
        let mut port = turn.port(get.port);
        if port.running().has_room() && !port.packets().is_empty() {
            port.running_mut().enter();
            turn.thread(me).set_fresh(self.ends_in_issuer);
            return remove(turn, me, get);
        }
        if is_alerted(turn.view(), me, get.alertable) {
            turn.port(get.port).running_mut().enter();
            turn.runs_apcs(me);
            return turn.returns(me, Outcome::Failed(Error::Apc));
        }
        if timeout == Timeout::Ticks(0) {
            turn.port(get.port).running_mut().enter();
            turn.thread(me).set_fresh(self.ends_in_issuer);
            return turn.returns(me, Outcome::Failed(Error::Timeout));
        }
        turn.port(get.port).waiters_mut().push_newest(me);
        turn.thread(me).set_fresh(false);
        turn.parks(me, timeout);
    }

    /// A member stops being runnable: it counts out, and one waiter may be released.
    #[inline(always)]
    fn count_out<O: Observer>(&self, turn: &mut Turn<'_, O>, port: PortId) {
        turn.port(port).running_mut().leave();
        self.release_one(turn, port);
    }

    /// Hands the oldest packet to the newest waiter, if one more thread may run.
    #[inline(always)]
    fn release_one<O: Observer>(&self, turn: &mut Turn<'_, O>, port: PortId) {
        let mut queue = turn.port(port);
        if !queue.running().has_room() || queue.packets().is_empty() {
            return;
        }
        if let Some(waiter) = queue.waiters_mut().take_newest() {
            let packet = queue.packets_mut().take_oldest().expect("one is queued");
            self.hand_off(turn, port, waiter, PacketId(packet));
        }
    }

    /// `windows/handoff`, `windows/close-handed`, `windows/batch-counts-once`: the packet belongs to the waiter
    /// from now on, whether or not it has run yet, and the waiter counts.
    #[inline(always)]
    fn hand_off<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        port: PortId,
        waiter: ThreadId,
        packet: PacketId,
    ) {
        turn.delivered(port, 1);
        let get = turn.get(waiter);
        let mut thread = turn.thread(waiter);
        thread.set_remaining(None);
        if thread.suspensions() > 0 {
            // It wakes, counts, meets its suspension and counts out again, all before anybody can look.
            thread.set_mode(Mode::Woken);
            thread.hand(Some(packet.0));
            return self.release_one(turn, port);
        }
        if get.max.is_some_and(|max| max > 1) {
            thread.set_mode(Mode::Woken);
            thread.hand(Some(packet.0));
            turn.port(port).running_mut().enter();
            return;
        }
        turn.port(port).running_mut().enter();
        let mut batch = Batch::EMPTY;
        batch.push(packet);
        removed(turn, packet);
        turn.releases(waiter, outcome(get, batch));
    }
}

/// `windows/fifo`, `windows/batch`: takes what the call asks for, oldest first, and no more than there is.
fn remove<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
    let mut batch = Batch::EMPTY;
    for _ in 0..get.max.unwrap_or(1) {
        match turn.port(get.port).packets_mut().take_oldest() {
            Some(packet) => {
                batch.push(PacketId(packet));
                removed(turn, PacketId(packet));
            }
            None => break,
        }
    }
    turn.delivered(get.port, batch.packets().len());
    turn.returns(me, outcome(get, batch));
}

/// A packet has been taken by a thread: `windows/iosb-late`: by now its status block is written. What it
/// belongs to can be used again: `windows/reserve-busy`, `windows/wait-packet-once`.
#[inline]
pub(super) fn removed<O: Observer>(turn: &mut Turn<'_, O>, packet: PacketId) {
    if let Owner::Operation(id) = turn.program.owner(packet)
        && !turn.operation(id).is_written()
    {
        write_status(turn, id);
    }
    dropped(turn, packet);
}

/// A packet is gone: what it belongs to can be used again.
#[inline]
pub(super) fn dropped<O: Observer>(turn: &mut Turn<'_, O>, packet: PacketId) {
    match turn.program.owner(packet) {
        Owner::Nobody => {}
        Owner::Operation(id) => turn.operation(id).rest(),
        Owner::Reserve(id) => turn.set_reserved(id, false, None),
        Owner::WaitPacket(id) => turn.wait_packet(id).rest(),
    }
}

/// `windows/contents`, `windows/status`, `windows/batch-status`: a plain call returns its packet and a batch call a
/// batch, each packet as it was posted, whatever its status.
pub(super) fn outcome(get: Get, batch: Batch) -> Outcome {
    match get.max {
        None => Outcome::Packet(batch.packets()[0]),
        Some(_) => Outcome::Packets(batch),
    }
}

/// How many packets a released batch call could take besides the one it was handed.
fn further_packets_max(view: View<'_>, get: Get) -> u8 {
    let room = get.max.unwrap_or(1) - 1;
    room.min(view.port(get.port).packets().depth() as u8)
}

/// Whether a thread that belongs to a port would find a packet there that it may take.
fn takes_as_member(view: View<'_>, me: ThreadId, id: PortId) -> bool {
    let port = view.port(id);
    view.thread(me).port() == Some(id)
        && port.running().count() <= port.running().limit()
        && !port.packets().is_empty()
}

/// Threads associated with a port that are in no kernel wait.
#[inline]
fn runnable_members(view: View<'_>, port: PortId) -> u32 {
    let may_be_suspended = view.has_suspensions();
    let counts = |(id, head): &(ThreadId, Thread<&[u8]>)| {
        let suspended = || may_be_suspended && view.thread(*id).suspensions() > 0;
        let runnable = || head.mode().is_runnable() && !suspended();
        head.port() == Some(port) && (head.counts_on() || runnable())
    };
    view.heads().filter(counts).count() as u32
}

/// What a poll of an empty port may do to a thread that is not associated with it (Q2).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Poll {
    /// The thread is associated and counts.
    Counts,
    /// The thread is what it was before.
    LeavesNoMark,
}

/// `windows/poll-counts`: the first is what NT 5 does.
const POLLS: [Poll; 2] = [Poll::Counts, Poll::LeavesNoMark];

impl Windows {
    fn polls_in_vain(
        &self,
        view: View<'_>,
        me: ThreadId,
        op: Op,
        id: PortId,
        max: Option<u8>,
    ) -> bool {
        let polls = matches!(
            op,
            Op::Get {
                timeout: Timeout::Ticks(0),
                ..
            }
        );
        let port = view.port(id);
        let takes = port.running().has_room() && !port.packets().is_empty();
        self.newer_than_evidence
            && polls
            && port.is_open()
            && max != Some(0)
            && view.thread(me).port() != Some(id)
            && !takes
            && !is_alerted(view, me, op.is_alertable())
    }
}

// Posting packets.

/// How a packet comes to a port.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Insert {
    /// The newest waiter may have it.
    AsAnyone,
    /// It is queued, because the thread that brings it looks as if it waited: `windows-2003/self-rule`.
    AsWaiter,
}

/// What a post by a thread whose last call on the port did not sleep does on NT 5.
const SELF_RULE: [Insert; 2] = [Insert::AsAnyone, Insert::AsWaiter];

/// How a post with a reserve object that is in use fails (Q6).
const RESERVE_BUSY: [Error; 2] = [Error::Invalid, Error::NoMemory];

impl Windows {
    fn post_answers(
        &self,
        view: View<'_>,
        me: ThreadId,
        port: PortId,
        may_fail: bool,
        reserve: Option<ReserveId>,
    ) -> usize {
        if !view.port(port).is_open() {
            return 1;
        }
        let fails = usize::from(may_fail && reserve.is_none());
        match reserve {
            Some(reserve) if view.program.reserves[reserve.index()] == Reserve::Apc => 1,
            Some(reserve) if view.is_reserved(reserve) => RESERVE_BUSY.len(),
            _ if self.may_hold(view, me, port) => SELF_RULE.len() + fails,
            _ => 1 + fails,
        }
    }

    /// `windows-2003/self-rule`.
    fn may_hold(&self, view: View<'_>, me: ThreadId, id: PortId) -> bool {
        let (thread, port) = (view.thread(me), view.port(id));
        self.ends_in_issuer
            && thread.is_fresh()
            && thread.port() == Some(id)
            && port.running().has_room()
            && !port.waiters().is_empty()
    }

    /// PostQueuedCompletionStatus, NtSetIoCompletionEx: `windows/poster-free`, `windows/no-self-rule`: who posts
    /// makes no difference. `windows/status-of-a-post`: what the packet carries is the caller's business.
    /// `windows/post-fails`, `windows/reserve`, `windows/reserve-memory`, `windows/reserve-kind`.
    #[expect(clippy::too_many_arguments, reason = "they are those of the operation")]
    fn post<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        port: PortId,
        packet: PacketId,
        may_fail: bool,
        reserve: Option<ReserveId>,
        answer: usize,
    ) {
        if !turn.port(port).is_open() {
            return turn.returns(me, Outcome::Failed(Error::BadHandle));
        }
        if let Some(reserve) = reserve {
            if turn.program.reserves[reserve.index()] != Reserve::Port {
                return turn.returns(me, Outcome::Failed(Error::BadHandle));
            }
            if turn.view().is_reserved(reserve) {
                return turn.returns(me, Outcome::Failed(RESERVE_BUSY[answer]));
            }
            turn.set_reserved(reserve, true, None);
        }
        let may_hold = self.may_hold(turn.view(), me, port);
        let inserts = if may_hold { SELF_RULE.len() } else { 1 };
        if may_fail && reserve.is_none() && answer == inserts {
            return turn.returns(me, Outcome::Failed(Error::NoMemory));
        }
        self.insert(turn, port, packet, SELF_RULE[answer]);
        turn.returns(me, Outcome::Done);
    }

    /// `windows/handoff`, `windows/lifo`, `windows/limit`: a packet goes to the newest waiter if one more thread
    /// may run, and else behind all others. The limit is never 0: `windows/limit-default`.
    /// `windows/close-keeps-association`: what comes to a port that nobody can reach is gone.
    #[inline(always)]
    fn insert<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        port: PortId,
        packet: PacketId,
        how: Insert,
    ) {
        turn.inserted();
        let mut queue = turn.port(port);
        if self.close_abandons && !queue.is_open() {
            turn.discarded(1);
            return dropped(turn, packet);
        }
        let waiter = if queue.running().has_room() && how == Insert::AsAnyone {
            queue.waiters_mut().take_newest()
        } else {
            None
        };
        match waiter {
            Some(waiter) => {
                self.hand_off(turn, port, waiter, packet);
                if self.handed_wakes_handles {
                    self.release_at_handle(turn, port);
                }
            }
            None => {
                queue.packets_mut().append(packet.0);
                self.release_at_handle(turn, port);
            }
        }
    }
}

// Waiting for the handle.

/// Whether a member that waits for the handle of a port counts out (Q9).
#[derive(Clone, Copy, PartialEq, Eq)]
enum HandleWait {
    /// As in any other wait.
    CountsOut,
    /// It counts on.
    CountsOn,
}

/// `windows/handle-wait-counts`.
const HANDLE_WAITS: [HandleWait; 2] = [HandleWait::CountsOut, HandleWait::CountsOn];

/// `windows/handle-wait`: whether a wait for the handle of a port would be over at once.
fn is_signaled(view: View<'_>, id: PortId) -> bool {
    !view.port(id).is_open() || !view.port(id).packets().is_empty()
}

impl Windows {
    /// WaitForSingleObject on the handle of a port.
    fn wait_handle<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        port: PortId,
        timeout: Timeout,
        answer: usize,
    ) {
        self.turns_away(turn, me);
        if !turn.port(port).is_open() {
            return turn.returns(me, Outcome::Failed(Error::BadHandle));
        }
        if is_signaled(turn.view(), port) {
            return turn.returns(me, Outcome::Done);
        }
        let op = turn.op(me);
        if op.is_alertable() && self.alerts(turn, me) {
            return;
        }
        if timeout == Timeout::Ticks(0) {
            return turn.returns(me, Outcome::Failed(Error::Timeout));
        }
        let mut thread = turn.thread(me);
        thread.set_mode(Mode::AtHandle);
        if let Timeout::Ticks(ticks) = timeout {
            thread.set_remaining(Some(ticks));
        }
        match HANDLE_WAITS[answer] {
            HandleWait::CountsOut => self.blocks(turn, me),
            HandleWait::CountsOn => turn.thread(me).set_counts_on(true),
        }
    }

    /// `windows/handle-wait`, `windows/handle-wait-handed`, `windows/handle-wait-close`: all that wait for the
    /// handle are released.
    #[inline(always)]
    fn release_at_handle<O: Observer>(&self, turn: &mut Turn<'_, O>, port: PortId) {
        if !turn.view().has_handle_waits() {
            return;
        }
        for id in turn.program.thread_ids() {
            if turn.thread(id).suspensions() == 0 && waits_for_handle(turn.view(), id, port) {
                self.unblocks(turn, id);
                turn.releases(id, Outcome::Done);
            }
        }
    }

    fn resume_at_handle<O: Observer>(&self, turn: &mut Turn<'_, O>, target: ThreadId) {
        let Op::WaitHandle { port, .. } = turn.op(target) else {
            unreachable!("only such a call waits for the handle of a port");
        };
        if is_signaled(turn.view(), port) {
            self.unblocks(turn, target);
            turn.releases(target, Outcome::Done);
        } else if turn.thread(target).remaining() == Some(0) {
            self.unblocks(turn, target);
            turn.releases(target, Outcome::Failed(Error::Timeout));
        } else {
            self.interrupt(turn, target);
        }
    }
}

fn waits_for_handle(view: View<'_>, id: ThreadId, port: PortId) -> bool {
    view.thread(id).mode() == Mode::AtHandle
        && matches!(*view.op(id), Op::WaitHandle { port: on, .. } if on == port)
}

// Asynchronous procedure calls, and suspension.

/// Whether a pending APC would end an alertable call of a thread.
fn is_alerted(view: View<'_>, me: ThreadId, alertable: bool) -> bool {
    alertable && view.thread(me).apcs() > 0
}

impl Windows {
    /// QueueUserAPC, NtQueueApcThreadEx: `windows/apc-wakes`, `windows/reserve-kind`,
    /// `windows/reserve-apc`.
    fn queue_apc<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        target: ThreadId,
        reserve: Option<ReserveId>,
    ) {
        if turn.thread(target).mode().is_over() {
            return turn.returns(me, Outcome::Failed(Error::BadHandle));
        }
        if let Some(reserve) = reserve {
            if turn.program.reserves[reserve.index()] != Reserve::Apc {
                return turn.returns(me, Outcome::Failed(Error::BadHandle));
            }
            if turn.view().is_reserved(reserve) {
                return turn.returns(me, Outcome::Failed(Error::Invalid));
            }
            turn.set_reserved(reserve, true, Some(target));
        }
        turn.thread(target).queue_apc();
        turn.returns(me, Outcome::Done);
        self.interrupt(turn, target);
    }

    /// `windows/apc-wakes`: APCs run as soon as they can, and end the wait.
    fn interrupt<O: Observer>(&self, turn: &mut Turn<'_, O>, target: ThreadId) {
        let view = turn.view();
        let (mode, waits) = (view.thread(target).mode(), view.thread(target).apcs() > 0);
        if !waits || view.thread(target).suspensions() > 0 {
            return;
        }
        match mode {
            Mode::Parked if view.op(target).is_alertable() => {
                let port = turn.get(target).port;
                turn.port(port).waiters_mut().remove(target);
                self.unblocks(turn, target);
            }
            Mode::Blocked | Mode::Sleeping | Mode::AtHandle if view.op(target).is_alertable() => {
                self.unblocks(turn, target);
            }
            _ => return,
        }
        turn.runs_apcs(target);
        turn.releases(target, Outcome::Failed(Error::Apc));
    }

    /// `windows/kernel-apc`.
    fn kernel_apc<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, target: ThreadId) {
        turn.returns(me, Outcome::Done);
        let thread = turn.thread(target);
        if thread.mode() == Mode::Parked && thread.suspensions() == 0 {
            let port = turn.get(target).port;
            turn.port(port).waiters_mut().remove(target);
            self.look_again(turn, target);
        }
    }

    /// A thread that has left the waiters, and does not count, looks at the queue with the time that it has left.
    fn look_again<O: Observer>(&self, turn: &mut Turn<'_, O>, target: ThreadId) {
        let get = turn.get(target);
        let left = turn
            .thread(target)
            .remaining()
            .map_or(Timeout::Never, Timeout::Ticks);
        self.remove_or_wait(turn, target, get, left);
    }

    /// A waiter that a suspension took aside looks at the queue again.
    fn resume_waiting<O: Observer>(&self, turn: &mut Turn<'_, O>, target: ThreadId) {
        let port = turn.get(target).port;
        if turn.thread(target).port() != Some(port) {
            return turn.releases(target, Outcome::Failed(Error::Abandoned));
        }
        self.look_again(turn, target);
    }
}

/// What a suspension may do to a waiter (Q7).
#[derive(Clone, Copy, PartialEq, Eq)]
enum SuspendWaiting {
    /// It is no waiter while it is suspended.
    Leaves,
    /// It keeps its place, and can be handed a packet that it returns with when it is resumed.
    Stays,
}

/// `windows/suspend-waiting`: the first is what NT 5 does.
const SUSPEND_WAITING: [SuspendWaiting; 2] = [SuspendWaiting::Leaves, SuspendWaiting::Stays];

fn suspend_waiting<O: Observer>(turn: &mut Turn<'_, O>, target: ThreadId, rule: SuspendWaiting) {
    if rule == SuspendWaiting::Leaves {
        let port = turn.get(target).port;
        turn.port(port).waiters_mut().remove(target);
        turn.thread(target).set_mode(Mode::Aside);
    }
}

// Files and their associations.

/// A system with such files. What they tell of an end they leave to its ports and its APCs.
pub(super) trait Files: Personality {
    /// A packet comes to a port.
    fn inserts<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        port: PortId,
        packet: PacketId,
        how: Insert,
    );

    /// An APC was queued to a thread, which runs it if it waits for one.
    fn interrupts<O: Observer>(&self, turn: &mut Turn<'_, O>, target: ThreadId);

    /// Whether a status block may be written only when its packet is removed.
    fn writes_late(&self) -> bool;

    /// What CancelIoEx on a file says when it finds nothing.
    fn finds_nothing(&self) -> Outcome;
}

impl Files for Windows {
    fn inserts<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        port: PortId,
        packet: PacketId,
        how: Insert,
    ) {
        self.insert(turn, port, packet, how);
    }

    fn interrupts<O: Observer>(&self, turn: &mut Turn<'_, O>, target: ThreadId) {
        self.interrupt(turn, target);
    }

    fn writes_late(&self) -> bool {
        !self.ends_in_issuer
    }

    /// `windows/cancel-nothing`.
    fn finds_nothing(&self) -> Outcome {
        Outcome::Failed(Error::NotFound)
    }
}

/// Whether a thread's process has a handle of a file.
fn has_handle(view: View<'_>, me: ThreadId, file: FileId) -> bool {
    let process = view.program.threads[me.index()].process;
    view.file(file).handles(process) > 0
}

/// NtSetInformationFile with FileCompletionInformation; CreateIoCompletionPort with a file:
/// `windows/associate-null-file`, `windows/associate-sync`, `windows/associate-once`, `windows/associate-signals`,
/// `windows/shared-by-duplicates`.
pub(super) fn associate_file<P: Files, O: Observer>(
    personality: &P,
    turn: &mut Turn<'_, O>,
    me: ThreadId,
    binding: Option<BindingId>,
) {
    let Some(binding) = binding else {
        return turn.returns(me, Outcome::Failed(Error::Invalid));
    };
    let bound = turn.program.bindings[binding.index()];
    let file = turn.program.files[bound.file.index()];
    if !has_handle(turn.view(), me, bound.file) {
        return turn.returns(me, Outcome::Failed(Error::BadHandle));
    }
    if file.sync || turn.file(bound.file).binding().is_some() {
        return turn.returns(me, Outcome::Failed(Error::Invalid));
    }
    if !turn.port(bound.port).is_open() {
        return turn.returns(me, Outcome::Failed(Error::BadHandle));
    }
    turn.file(bound.file).set_binding(Some(binding));
    if !turn.file(bound.file).modes().skip_event {
        objects::set(personality, turn, file.signal);
    }
    turn.returns(me, Outcome::Done);
}

/// What becomes of operations in flight when the association of their file is replaced (Q4).
#[derive(Clone, Copy, PartialEq, Eq)]
enum ReplacedInFlight {
    /// They report to what the file is associated with when they end.
    New,
    /// They report to what the file was associated with.
    Old,
    /// They report to no port.
    Nowhere,
}

/// `windows/replace-in-flight`; without a new association the last is the first.
const REPLACED_IN_FLIGHT: [ReplacedInFlight; 3] = [
    ReplacedInFlight::New,
    ReplacedInFlight::Old,
    ReplacedInFlight::Nowhere,
];

/// NtSetInformationFile with FileReplaceCompletionInformation: `windows/replace`.
fn replace<O: Observer>(
    turn: &mut Turn<'_, O>,
    me: ThreadId,
    file: FileId,
    binding: Option<BindingId>,
    answer: usize,
) {
    if !has_handle(turn.view(), me, file) {
        return turn.returns(me, Outcome::Failed(Error::BadHandle));
    }
    if turn.program.files[file.index()].sync {
        return turn.returns(me, Outcome::Failed(Error::Invalid));
    }
    if let Some(binding) = binding {
        let port = turn.program.bindings[binding.index()].port;
        if !turn.port(port).is_open() {
            return turn.returns(me, Outcome::Failed(Error::BadHandle));
        }
    }
    let old = turn.file(file).binding();
    for n in 0..turn.program.operations.len() {
        let id = OperationId(n as u8);
        if !is_on(turn.view(), id, file) || turn.operation(id).phase() != Phase::Pending {
            continue;
        }
        let pinned = turn.operation(id).route() != Route::File;
        let route = match (REPLACED_IN_FLIGHT[answer], old) {
            _ if pinned => continue,
            (ReplacedInFlight::New, _) => Route::File,
            (ReplacedInFlight::Old, Some(old)) => Route::Binding(old),
            (ReplacedInFlight::Old, None) | (ReplacedInFlight::Nowhere, _) => Route::Nowhere,
        };
        turn.operation(id).set_route(route);
    }
    turn.file(file).set_binding(binding);
    turn.returns(me, Outcome::Done);
}

/// SetFileCompletionNotificationModes: `windows/modes-accumulate`, `windows/modes-sync`, `windows/skip-event`.
pub(super) fn set_modes<O: Observer>(
    turn: &mut Turn<'_, O>,
    me: ThreadId,
    file: FileId,
    modes: Modes,
) {
    if !has_handle(turn.view(), me, file) {
        return turn.returns(me, Outcome::Failed(Error::BadHandle));
    }
    let declared = turn.program.files[file.index()];
    if declared.sync {
        return turn.returns(me, Outcome::Failed(Error::Invalid));
    }
    turn.file(file).add_modes(modes);
    if modes.skip_event {
        objects::clear(turn, declared.signal);
    }
    turn.returns(me, Outcome::Done);
}

/// DuplicateHandle on a file, into the caller's process or another.
pub(super) fn duplicate_file<O: Observer>(
    turn: &mut Turn<'_, O>,
    me: ThreadId,
    file: FileId,
    process: Option<ProcessId>,
) {
    if !has_handle(turn.view(), me, file) {
        return turn.returns(me, Outcome::Failed(Error::BadHandle));
    }
    let process = process.unwrap_or(turn.program.threads[me.index()].process);
    let handles = turn.file(file).handles(process);
    turn.file(file)
        .set_handles(process, handles.saturating_add(1));
    turn.returns(me, Outcome::Done);
}

/// CloseHandle on a file: `windows/close-file-other-handle`, `windows/close-file-other-process`.
pub(super) fn close_file<P: Files, O: Observer>(
    personality: &P,
    turn: &mut Turn<'_, O>,
    me: ThreadId,
    file: FileId,
) {
    let process = turn.program.threads[me.index()].process;
    let handles = turn.file(file).handles(process);
    if handles == 0 {
        return turn.returns(me, Outcome::Failed(Error::BadHandle));
    }
    turn.file(file).set_handles(process, handles - 1);
    if handles == 1 && turn.file(file).is_open() {
        let own = |view: View<'_>, id| {
            is_on(view, id, file) && process_of(view, id) == Some(process) && is_agnostic(view, id)
        };
        while let Some(id) = first_pending(turn.view(), own) {
            ends(personality, turn, id, End::cancelled(turn.program));
        }
    }
    file_closes(personality, turn, file);
    turn.returns(me, Outcome::Done);
}

/// `windows/close-file-pending`, `windows/close-file-idle`: what happens when nobody has a handle any more.
fn file_closes<P: Files, O: Observer>(personality: &P, turn: &mut Turn<'_, O>, file: FileId) {
    if turn.file(file).is_open() {
        return;
    }
    let on_close = turn.program.files[file.index()].on_close;
    while let Some(id) = first_pending(turn.view(), |view, id| is_on(view, id, file)) {
        ends(personality, turn, id, End::later(on_close));
    }
    if let Some(binding) = turn.file(file).binding() {
        turn.file(file).set_binding(None);
        dies_if_unused(turn, turn.program.bindings[binding.index()].port);
    }
}

// Operations.

/// Gives the memory of an operation back, or takes it again. What the kernel does with it meanwhile is a fault.
pub(super) fn frees<O: Observer>(
    turn: &mut Turn<'_, O>,
    me: ThreadId,
    id: OperationId,
    freed: bool,
) {
    turn.operation(id).set_freed(freed);
    turn.returns(me, Outcome::Done);
}

fn is_on(view: View<'_>, id: OperationId, file: FileId) -> bool {
    view.program.operations[id.index()].file == file
}

/// The process whose thread issued a pending operation.
fn process_of(view: View<'_>, id: OperationId) -> Option<ProcessId> {
    let issuer = view.operation(id).issuer()?;
    Some(view.program.threads[issuer.index()].process)
}

pub(super) fn pending_on(view: View<'_>, file: FileId) -> impl Iterator<Item = OperationId> {
    view.pending_operations()
        .filter(move |&id| is_on(view, id, file))
}

/// The first pending operation that `is` so.
pub(super) fn first_pending(
    view: View<'_>,
    is: impl Fn(View<'_>, OperationId) -> bool,
) -> Option<OperationId> {
    view.pending_operations().find(|&id| is(view, id))
}

/// `windows/low-bit`, `windows/no-overlapped`: whether the end of an operation could leave a packet at all.
fn has_overlapped(program: &Program, id: OperationId) -> bool {
    let operation = program.operations[id.index()];
    operation.overlapped != 0 && !operation.low_bit
}

/// Whether any thread may end an operation: one with a port, an OVERLAPPED and no event of its own.
pub(super) fn is_agnostic(view: View<'_>, id: OperationId) -> bool {
    let operation = view.program.operations[id.index()];
    route_of(view, id).is_some() && has_overlapped(view.program, id) && operation.event.is_none()
}

/// `windows/associate-retroactive`: the association under which an operation would report if it ended now.
fn route_of(view: View<'_>, id: OperationId) -> Option<BindingId> {
    match view.operation(id).route() {
        Route::File => {
            let file = view.program.operations[id.index()].file;
            view.file(file).binding()
        }
        Route::Binding(binding) => Some(binding),
        Route::Nowhere => None,
    }
}

/// How an operation ends.
#[derive(Clone, Copy)]
pub(super) struct End {
    result: ResultId,
    /// In the call that issued it.
    in_call: bool,
    /// Whether the status block is written only when the packet is removed, if there is one.
    late: bool,
    insert: Insert,
}

impl End {
    /// An operation that was pending ends.
    pub(super) fn later(result: ResultId) -> End {
        End {
            result,
            in_call: false,
            late: true,
            insert: Insert::AsAnyone,
        }
    }

    pub(super) fn cancelled(program: &Program) -> End {
        let cancelled = program.results.iter().position(|it| *it == CANCELLED);
        End::later(ResultId(
            cancelled.expect("a program with files has it") as u8
        ))
    }
}

/// What the end of an operation leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Report {
    /// Neither packet nor signal.
    Nothing,
    /// An APC of the issuing thread.
    Apc,
    /// A signal only.
    Signal,
    /// A packet, and a signal.
    Packet,
}

const NO: Option<bool> = Some(false);
const YES: Option<bool> = Some(true);
const ANY: Option<bool> = None;

/// What the end of an operation leaves: `windows/immediate-error`, `windows/apc-io-pending`,
/// `windows/no-overlapped`, `windows/low-bit`, `windows/skip-port`, `windows/immediate-success`,
/// `windows/immediate-warning`, `windows/pending-error`. Exactly one row fits.
const REPORTS: [([Option<bool>; 5], Report); 6] = [
    // failed in its call, APC routine, associated, OVERLAPPED, ended in its call and skipped
    ([YES, ANY, ANY, ANY, ANY], Report::Nothing),
    ([NO, YES, ANY, ANY, ANY], Report::Apc),
    ([NO, NO, NO, ANY, ANY], Report::Signal),
    ([NO, NO, YES, NO, ANY], Report::Signal),
    ([NO, NO, YES, YES, YES], Report::Signal),
    ([NO, NO, YES, YES, NO], Report::Packet),
];

/// The row of [`REPORTS`] that fits.
fn report_of(facts: [bool; 5]) -> Report {
    let fits = |(when, _): &&([Option<bool>; 5], Report)| {
        when.iter()
            .zip(facts)
            .all(|(wanted, fact)| wanted.is_none_or(|wanted| wanted == fact))
    };
    let mut fitting = REPORTS.iter().filter(fits);
    let row = fitting.next().expect("some row fits");
    assert!(fitting.next().is_none(), "one row fits");
    row.1
}

/// Whether a status means failure: NT_ERROR.
fn is_error(status: u32) -> bool {
    status >> 30 == 3
}

/// ReadFile, WriteFile and all like them: `windows/apc-io-refused`, `windows/start-resets`,
/// `windows/sync-waits`.
pub(super) fn start<P: Files, O: Observer>(
    personality: &P,
    turn: &mut Turn<'_, O>,
    me: ThreadId,
    id: OperationId,
    now: Option<ResultId>,
) {
    let operation = turn.program.operations[id.index()];
    if turn.operation(id).is_freed() {
        turn.breaks(Fault::Freed);
    }
    if turn.operation(id).phase() != Phase::Idle {
        turn.breaks(Fault::InFlight);
        return turn.returns(me, Outcome::Failed(Error::Invalid));
    }
    if !has_handle(turn.view(), me, operation.file) {
        return turn.returns(me, Outcome::Failed(Error::BadHandle));
    }
    if operation.apc && turn.file(operation.file).binding().is_some() {
        return turn.returns(me, Outcome::Failed(Error::Invalid));
    }
    let file = turn.program.files[operation.file.index()];
    objects::clear(turn, operation.event.unwrap_or(file.signal));
    turn.operation(id).begin(me);
    if let Some(result) = now {
        let end = End {
            in_call: true,
            late: false,
            ..End::later(result)
        };
        ends(personality, turn, id, end);
        return turn.returns(me, Outcome::Io(result));
    }
    match operation.done {
        None => turn.returns(me, Outcome::Failed(Error::Pending)),
        Some(done) => {
            personality.turns_away(turn, me);
            objects::clear(turn, done);
            turn.thread(me).block_on(done);
            personality.blocks(turn, me);
        }
    }
}

/// The end of an operation: IopCompleteRequest. `windows/io-contents`, `windows/event-set`,
/// `windows/completion-order`, `windows/iosb-late`.
pub(super) fn ends<P: Files, O: Observer>(
    personality: &P,
    turn: &mut Turn<'_, O>,
    id: OperationId,
    end: End,
) {
    let operation = turn.program.operations[id.index()];
    let file = turn.program.files[operation.file.index()];
    let status = turn.program.results[end.result.index()].status;
    let route = route_of(turn.view(), id);
    let issuer = turn.operation(id).issuer();
    let report = report_of([
        end.in_call && is_error(status),
        operation.apc,
        route.is_some(),
        has_overlapped(turn.program, id),
        end.in_call && turn.file(operation.file).modes().skip_port,
    ]);
    let leaves_packet = report == Report::Packet;
    let phase = if leaves_packet {
        Phase::Queued
    } else {
        Phase::Idle
    };
    turn.operation(id).end(phase, end.result);
    if report == Report::Nothing {
        return;
    }
    let late = end.late && leaves_packet && operation.event.is_none() && personality.writes_late();
    if !late {
        write_status(turn, id);
    }
    match operation.event {
        Some(event) => objects::set(personality, turn, event),
        None if turn.file(operation.file).modes().skip_event => {}
        None => objects::set(personality, turn, file.signal),
    }
    if let Some(done) = operation.done {
        objects::set(personality, turn, done);
    }
    if let (Report::Apc, Some(issuer)) = (report, issuer)
        && !turn.thread(issuer).mode().is_over()
    {
        turn.thread(issuer).queue_apc();
        personality.interrupts(turn, issuer);
    }
    if let (Report::Packet, Some(binding)) = (report, route) {
        let packet = packet_of(turn.program, id, binding, end.result);
        let port = turn.program.bindings[binding.index()].port;
        personality.inserts(turn, port, packet, end.insert);
    }
}

/// The kernel writes the status block of an operation.
fn write_status<O: Observer>(turn: &mut Turn<'_, O>, id: OperationId) {
    if turn.operation(id).is_freed() {
        turn.breaks(Fault::Freed);
    }
    turn.operation(id).set_written();
}

/// The packet that reports how an operation ended.
fn packet_of(
    program: &Program,
    operation: OperationId,
    binding: BindingId,
    result: ResultId,
) -> PacketId {
    let found = program
        .completions
        .iter()
        .find(|it| it.operation == operation && it.binding == binding && it.result == result);
    found.expect("all that can come together are listed").packet
}

/// When the kernel writes the status block of an operation that leaves a packet and has no event.
const LATE: [bool; 2] = [false, true];

impl Windows {
    fn complete_answers(&self, view: View<'_>, burst: u16) -> usize {
        let ending = || {
            let burst = &view.program.bursts[usize::from(burst)];
            burst
                .iter()
                .copied()
                .filter(move |&id| view.operation(id).phase() == Phase::Pending)
        };
        let writes_late = |id: OperationId| {
            let operation = view.program.operations[id.index()];
            view.shows_writes()
                && !operation.apc
                && operation.event.is_none()
                && route_of(view, id).is_some()
                && has_overlapped(view.program, id)
        };
        let holds = |id: OperationId| {
            let issuer = view.operation(id).issuer();
            let port = route_of(view, id).map(|it| view.program.bindings[it.index()].port);
            matches!((issuer, port), (Some(issuer), Some(port)) if self.may_hold(view, issuer, port))
        };
        if self.ends_in_issuer && ending().any(holds) {
            SELF_RULE.len()
        } else if !self.ends_in_issuer && ending().any(writes_late) {
            LATE.len()
        } else {
            1
        }
    }

    /// The device ends what is pending of some operations.
    fn complete<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        burst: u16,
        result: ResultId,
        answer: usize,
    ) {
        let program = turn.program;
        let burst = &program.bursts[usize::from(burst)];
        let is_pending = |view: View<'_>, id| view.operation(id).phase() == Phase::Pending;
        if !burst.iter().any(|&id| is_pending(turn.view(), id)) {
            return turn.returns(me, Outcome::Failed(Error::NotFound));
        }
        for &id in burst {
            if !is_pending(turn.view(), id) {
                continue;
            }
            let mut end = End::later(result);
            if self.ends_in_issuer {
                let issuer = turn.operation(id).issuer().expect("a pending one has one");
                let of_issuer = burst
                    .iter()
                    .copied()
                    .filter(|&id| turn.view().operation(id).issuer() == Some(issuer));
                end.insert = SELF_RULE[answer];
                let ending: Vec<_> = of_issuer.collect();
                self.ends_in_apc(turn, issuer, &ending, end);
            } else {
                end.late = LATE[answer];
                ends(self, turn, id, end);
            }
        }
        turn.returns(me, Outcome::Done);
    }

    /// `windows-2003/apc-inserts`: operations end in a kernel APC of their issuing thread. One that waits on the
    /// port leaves the waiters for it, queues the packets and looks again: the others stay.
    fn ends_in_apc<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        issuer: ThreadId,
        ending: &[OperationId],
        end: End,
    ) {
        let mode = turn.thread(issuer).mode();
        let own = turn.thread(issuer).port();
        let is_awake = turn.thread(issuer).suspensions() == 0;
        let waited = is_awake && mode == Mode::Parked;
        let sleeps = matches!(
            mode,
            Mode::Blocked | Mode::Stalled | Mode::Sleeping | Mode::AtHandle
        );
        let runs = (waited || is_awake && sleeps) && !turn.thread(issuer).counts_on();
        if waited {
            let port = turn.get(issuer).port;
            turn.port(port).waiters_mut().remove(issuer);
        }
        if runs {
            self.unblocks(turn, issuer);
            turn.thread(issuer).set_counts_on(true);
        }
        for &id in ending {
            let view = turn.view();
            let port = route_of(view, id).map(|it| view.program.bindings[it.index()].port);
            let looks_waiting =
                waited || end.insert == Insert::AsWaiter && view.thread(issuer).is_fresh();
            let insert = if looks_waiting && port == own {
                Insert::AsWaiter
            } else {
                Insert::AsAnyone
            };
            ends(self, turn, id, End { insert, ..end });
        }
        if !runs || !turn.thread(issuer).counts_on() {
            return;
        }
        turn.thread(issuer).set_counts_on(false);
        if waited {
            let port = turn.get(issuer).port;
            turn.port(port).running_mut().leave();
            self.look_again(turn, issuer);
        } else {
            self.blocks(turn, issuer);
        }
    }
}

/// What CancelIo says if it finds nothing.
const NOTHING_OF_MINE: [Outcome; 2] = [Outcome::Done, Outcome::Failed(Error::NotFound)];

/// `windows/cancel-mine`: whether a call by this thread cancels an operation.
pub(super) fn cancels(view: View<'_>, me: ThreadId, id: OperationId, mine: bool) -> bool {
    let operation = view.operation(id);
    operation.phase() == Phase::Pending && (!mine || operation.issuer() == Some(me))
}

/// CancelIoEx on one operation: `windows/cancel-one-packet`, `windows/cancel-nothing`,
/// `windows/cancel-late`: the later answers are those of a device that had ended it by itkernel.
pub(super) fn cancel<P: Files, O: Observer>(
    personality: &P,
    turn: &mut Turn<'_, O>,
    me: ThreadId,
    id: OperationId,
    mine: bool,
    answer: usize,
) {
    let file = turn.program.operations[id.index()].file;
    if !has_handle(turn.view(), me, file) {
        return turn.returns(me, Outcome::Failed(Error::BadHandle));
    }
    if !cancels(turn.view(), me, id, mine) {
        return turn.returns(me, found_nothing(mine, answer));
    }
    let end = match answer.checked_sub(1) {
        None => End::cancelled(turn.program),
        Some(late) => End::later(turn.view().ends(id)[late]),
    };
    ends(personality, turn, id, end);
    turn.returns(me, Outcome::Done);
}

/// CancelIoEx on all operations of a file, and CancelIo: `windows/cancel-mine`.
pub(super) fn cancel_file<P: Files, O: Observer>(
    personality: &P,
    turn: &mut Turn<'_, O>,
    me: ThreadId,
    file: FileId,
    mine: bool,
    answer: usize,
) {
    if !has_handle(turn.view(), me, file) {
        return turn.returns(me, Outcome::Failed(Error::BadHandle));
    }
    let meant = |view: View<'_>, id| is_on(view, id, file) && cancels(view, me, id, mine);
    if first_pending(turn.view(), meant).is_none() {
        let nothing = match mine {
            true => NOTHING_OF_MINE[answer],
            false => personality.finds_nothing(),
        };
        return turn.returns(me, nothing);
    }
    while let Some(id) = first_pending(turn.view(), meant) {
        ends(personality, turn, id, End::cancelled(turn.program));
    }
    turn.returns(me, Outcome::Done);
}

fn found_nothing(mine: bool, answer: usize) -> Outcome {
    if mine {
        NOTHING_OF_MINE[answer]
    } else {
        Outcome::Failed(Error::NotFound)
    }
}

// Wait completion packets.

impl Windows {
    /// NtAssociateWaitCompletionPacket: `windows/wait-packet-busy`, `windows/wait-packet-mutex`,
    /// `windows/wait-packet-signaled`.
    fn wait_packet<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        id: WaitPacketId,
        port: PortId,
        target: ObjectId,
        packet: PacketId,
    ) {
        if !turn.port(port).is_open() {
            return turn.returns(me, Outcome::Failed(Error::BadHandle));
        }
        let is_mutex = turn.program.objects[target.index()] == Object::Mutex;
        if is_mutex || turn.wait_packet(id).wait() != Wait::Idle {
            return turn.returns(me, Outcome::Failed(Error::Invalid));
        }
        let signaled = objects::take_for_packet(turn, target);
        let wait = if signaled { Wait::Queued } else { Wait::Armed };
        turn.wait_packet(id).associate(wait, target, port, packet);
        if signaled {
            self.insert(turn, port, packet, Insert::AsAnyone);
            return turn.returns(me, Outcome::Value(EXISTED));
        }
        turn.returns(me, Outcome::Value(0));
    }
}

/// NtCancelWaitCompletionPacket: `windows/wait-packet-cancel`.
fn cancel_wait_packet<O: Observer>(
    turn: &mut Turn<'_, O>,
    me: ThreadId,
    id: WaitPacketId,
    remove: bool,
) {
    let (wait, port, packet) = {
        let wait_packet = turn.wait_packet(id);
        (wait_packet.wait(), wait_packet.port(), wait_packet.packet())
    };
    let outcome = match wait {
        Wait::Idle => Outcome::Failed(Error::Cancelled),
        Wait::Armed => {
            turn.wait_packet(id).rest();
            Outcome::Done
        }
        Wait::Queued if remove && turn.port(port).packets_mut().remove(packet.0) => {
            turn.discarded(1);
            turn.wait_packet(id).rest();
            Outcome::Done
        }
        Wait::Queued => Outcome::Failed(Error::Pending),
    };
    turn.returns(me, outcome);
}

// Jobs.

/// A message of a job about a process.
#[derive(Clone, Copy)]
enum Message {
    NewProcess(u8),
    ExitProcess(u8),
    ActiveProcessZero,
}

/// `windows/job-lossy`: which message of an operation is lost on its way, if one is.
pub(super) struct Lost(Option<usize>);

impl Lost {
    /// The first answer loses none, the next the first message, and so on.
    pub(super) fn by(answer: usize) -> Lost {
        Lost(answer.checked_sub(1))
    }

    /// Whether the message that is sent now is the one.
    fn is_next(&mut self) -> bool {
        let is = self.0 == Some(0);
        self.0 = self.0.and_then(|left| left.checked_sub(1));
        is
    }
}

/// How many messages an operation on a job sends.
fn messages(view: View<'_>, op: Op) -> usize {
    let reports = |job: &JobId| view.job(*job).binding().is_some();
    match op {
        Op::JobPort {
            job,
            binding: Some(binding),
            ..
        } => {
            let port = view.program.job_bindings[usize::from(binding)].port;
            if view.job(job).binding().is_some() || !view.port(port).is_open() {
                return 0;
            }
            let pids = 0..view.program.pids.len() as u8;
            pids.filter(|&pid| view.job(job).contains(pid)).count()
        }
        Op::JobStart { job, pid, .. } if !view.job(job).contains(pid) => {
            chain(view.program, job).filter(reports).count()
        }
        Op::JobExit { job, pid, .. } if view.job(job).contains(pid) => chain(view.program, job)
            .filter(reports)
            .map(|job| 1 + usize::from(view.job(job).is_only(pid)))
            .sum(),
        _ => 0,
    }
}

/// SetInformationJobObject with JobObjectAssociateCompletionPortInformation: `windows/job-once`,
/// `windows/job-null`, `windows/job-new`.
pub(super) fn job_port<P: Files, O: Observer>(
    personality: &P,
    turn: &mut Turn<'_, O>,
    me: ThreadId,
    job: JobId,
    binding: Option<u8>,
    mut lost: Lost,
) {
    let Some(binding) = binding else {
        turn.job(job).set_binding(None);
        return turn.returns(me, Outcome::Done);
    };
    let port = turn.program.job_bindings[usize::from(binding)].port;
    if !turn.port(port).is_open() {
        return turn.returns(me, Outcome::Failed(Error::BadHandle));
    }
    if turn.job(job).binding().is_some() {
        return turn.returns(me, Outcome::Failed(Error::Invalid));
    }
    turn.job(job).set_binding(Some(binding));
    for pid in 0..turn.program.pids.len() as u8 {
        if turn.job(job).contains(pid) {
            sends(personality, turn, job, Message::NewProcess(pid), &mut lost);
        }
    }
    turn.returns(me, Outcome::Done);
}

/// A process begins in a job, and in those that it is nested in: `windows/job-nested`.
pub(super) fn job_start<P: Files, O: Observer>(
    personality: &P,
    turn: &mut Turn<'_, O>,
    me: ThreadId,
    job: JobId,
    pid: u8,
    mut lost: Lost,
) {
    if turn.job(job).contains(pid) {
        return turn.returns(me, Outcome::Failed(Error::Exists));
    }
    for job in chain(turn.program, job) {
        turn.job(job).add(pid);
        sends(personality, turn, job, Message::NewProcess(pid), &mut lost);
    }
    turn.returns(me, Outcome::Done);
}

/// A process ends: `windows/job-exit`, `windows/job-nested`.
pub(super) fn job_exit<P: Files, O: Observer>(
    personality: &P,
    turn: &mut Turn<'_, O>,
    me: ThreadId,
    job: JobId,
    pid: u8,
    mut lost: Lost,
) {
    if !turn.job(job).contains(pid) {
        return turn.returns(me, Outcome::Failed(Error::NotFound));
    }
    for job in chain(turn.program, job) {
        turn.job(job).remove(pid);
        sends(personality, turn, job, Message::ExitProcess(pid), &mut lost);
        if turn.job(job).is_empty() {
            sends(
                personality,
                turn,
                job,
                Message::ActiveProcessZero,
                &mut lost,
            );
        }
    }
    turn.returns(me, Outcome::Done);
}

/// `windows/job-messages`, `windows/job-lossy`.
fn sends<P: Files, O: Observer>(
    personality: &P,
    turn: &mut Turn<'_, O>,
    job: JobId,
    message: Message,
    lost: &mut Lost,
) {
    let Some(binding) = turn.job(job).binding() else {
        return;
    };
    if lost.is_next() {
        return;
    }
    let binding = &turn.program.job_bindings[usize::from(binding)];
    let packet = match message {
        Message::NewProcess(pid) => binding.new[usize::from(pid)],
        Message::ExitProcess(pid) => binding.exit[usize::from(pid)],
        Message::ActiveProcessZero => binding.zero,
    };
    personality.inserts(turn, binding.port, packet, Insert::AsAnyone);
}

/// A job and those that it is nested in, innermost first.
fn chain(program: &Program, job: JobId) -> impl Iterator<Item = JobId> {
    core::iter::successors(Some(job), |job| program.jobs[job.index()].parent)
}

#[cfg(test)]
mod tests {
    use super::report_of;

    #[test]
    fn one_row_fits_whatever_the_facts() {
        for facts in 0..32_u8 {
            let _ = report_of(core::array::from_fn(|n| facts & 1 << n != 0));
        }
    }
}
