//! Windows I/O completion ports: `windows`, 8.1 to 11, `windows-7`, and `windows-2003`, as NT 5 had them.
//!
//! A port is a kernel queue with a rule for threads. Packets leave first in, first out; the thread that
//! parked last is released first; at most N associated threads run, and the kernel counts them as they
//! block elsewhere and come back. A post hands its packet to a waiter in one atomic action.
//! A plain `get` is GetQueuedCompletionStatus, one with `max` is GetQueuedCompletionStatusEx.
//!
//! Long: the claims of a system, and the calls that follow them, stand together.
//!
//! The sources are those of Wine's test suite (W) and Wine itself (Ws), Microsoft's documentation (D), ReactOS
//! (R), and libraries in use (X). Further claims, of `windows-7` and `windows-2003`, name only what differs there.
//!
//! # Where to find
//!
//! | of the manual | here |
//! |---|---|
//! | GetQueuedCompletionStatus, GetQueuedCompletionStatusEx, PostQueuedCompletionStatus, CloseHandle; the concurrency value | `windows/port.rs` |
//! | WaitForSingleObject on a port; asynchronous procedure calls; SuspendThread, ResumeThread | `windows/waits.rs` |
//! | FileReplaceCompletionInformation; how a device ends operations; GetOverlappedResult; wait completion packets | `windows/io.rs` |
//! | which version has what | `windows/versions.rs` |
//! | files, operations and jobs as all systems with NT's calls have them | `nt/` |
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
//! Windows Vista is absent: it ended an alertable call otherwise, and lacked reserve objects. `windows` wakes those who
//! wait for a port's handle as Windows 10 does since 1607. Of what a wait completion packet cannot wait for, only a
//! mutex can be named. A mutex whose owner ends stays owned. Scheduling
//! priorities and the boost of a released thread are absent: which of several runnable threads moves is the
//! chooser's business.

mod io;
mod port;
mod versions;
mod waits;

use super::nt;
use super::nt::jobs::Loss;
use super::nt::operations::is_warning;
use super::nt::rules::{End, Insert, Nt, Rules, SomeRules};
use crate::about::About;
use crate::choice::Readings;
use crate::claim::{Claim, claims};
use crate::contract::Personality;
use crate::event::{Batch, Error, Observer, Outcome};
use crate::ops_of;
use crate::program::{
    BindingId, FileId, Get, JobId, Modes, Object, ObjectId, Op, OperationId, PacketId, PortId,
    Post, ProcessId, Program, ReserveId, ResultId, ThreadId, Timeout, Verb, WaitPacketId, Whose,
};
use crate::property::Fault;
use crate::state::View;
use crate::threads::{Mode, Thread};
use crate::turn::Turn;

use versions::Version;
pub use versions::Windows;

claims! {
    CONTENTS = "windows/contents", Verified, "W:post, D:post": "A packet arrives with the key, bytes and OVERLAPPED it was posted with; the OVERLAPPED may be NULL.";
    FIFO = "windows/fifo", Verified, "W:setio, D:iocp": "Packets are taken oldest first.";
    STATUS = "windows/status", Verified, "W:conn, W:sock, D:gqcs": "A packet with a failure status is still taken; the call fails with its Win32 error.";
    STATUS_OF_A_POST = "windows/status-of-a-post", Verified, "W:post, W:setio": "PostQueuedCompletionStatus posts success; NtSetIoCompletion posts any status.";
    LAST_ERROR = "windows/last-error", Verified, "W:sock": "A call that succeeds leaves the last error of its thread as it was.";
    LIFO = "windows/lifo", Verified, "W:sched, D:iocp": "The waiter that parked last is released first.";
    HANDOFF = "windows/handoff", Verified, "W:sched": "A post binds its packet to the waiter it releases; no later call can take it away.";
    LIMIT = "windows/limit", Documented, "D:iocp, D:wi7": "While as many threads run as the concurrency value says, a post releases nobody.";
    LIMIT_DEFAULT = "windows/limit-default", Documented, "D:create": "A concurrency value of 0 stands for the number of processors.";
    POSTER_FREE = "windows/poster-free", Derived, "R:queue": "Posting neither blocks nor counts the poster.";
    ASSOCIATE = "windows/associate", Documented, "D:iocp": "A call associates its thread with the port, and ends its association with another.";
    SWITCH_RELEASES = "windows/switch-releases", Derived, "R:queue": "Calling on another port counts the thread out of the old one, which may release a waiter there first.";
    RECALL_FIRST = "windows/recall-first", Documented, "D:iocp, R:queue": "A member that calls again gives up its place, then takes the oldest packet before any waiter.";
    NEWCOMER_WAITS = "windows/newcomer-waits", Documented, "D:iocp, R:queue": "A newcomer at the limit waits, or times out, although packets are queued.";
    TIMEOUT = "windows/timeout", Verified, "W:post": "A call that times out takes nothing and fails with WAIT_TIMEOUT.";
    KEEPS = "windows/keeps", Documented, "D:gqcs, W:sock": "A call that takes no packet stores neither key nor bytes, and NULL as the OVERLAPPED.";
    TIMEOUT_COUNTS = "windows/timeout-counts", Derived, "R:queue, R:wait": "A waiter that times out leaves the waiters and counts as running.";
    POLL_COUNTS = "windows/poll-counts", Open, "R:queue": "A thread that polls another port in vain is associated with that port; whether it counts there before it has slept is open (Q2: both allowed).";
    BLOCK_RELEASES = "windows/block-releases", Documented, "D:iocp, D:wi7": "A member that sleeps in any other kernel wait counts out, and a waiter gets a queued packet.";
    NO_SLEEP_NO_RELEASE = "windows/no-sleep-no-release", Derived, "R:wait": "A wait that is satisfied at once, Sleep(0) and a yield count nobody out.";
    UNBLOCK_OVER_LIMIT = "windows/unblock-over-limit", Documented, "D:iocp, D:wi7": "A thread that comes back counts at once, even beyond the concurrency value.";
    EXIT_RELEASES = "windows/exit-releases", Derived, "R:thr, D:iocp": "A member that ends counts out, and a waiter gets a queued packet.";
    SUSPEND_RELEASES = "windows/suspend-releases", Documented, "D:iocp": "A running member that is suspended counts out until it is resumed.";
    SUSPEND_LATER = "windows/suspend-later", Documented, "oldnewthing 2015-02-05, X:go, X:clr": "SuspendThread may return before a running thread has stopped; the thread runs on until then.";
    SUSPEND_WAITING = "windows/suspend-waiting", Open, "R:apc, R:queue": "A waiter that is suspended leaves the waiters, and comes back as the newest (Q7: it may stay).";
    RETURN_GAP = "windows/return-gap", Open, "R:queue, X:go, X:clr": "A waiter that comes back from a suspension or a kernel APC may count as running for a moment before it looks at the queue and waits again: a post in between goes to another (both allowed).";
    SUSPEND_ENDLESS = "windows/suspend-endless", Derived, "R:thr": "A suspended thread does not end before it is resumed, even if it has nothing left to do.";
    SUSPEND_ENDED = "windows/suspend-ended", Verified, "W:suspend, R:state": "A thread that has ended cannot be suspended: ERROR_ACCESS_DENIED.";
    TERMINATE_ENDED = "windows/terminate-ended", Derived, "R:kill": "Terminating a thread that has ended succeeds.";
    CLOSE_ABANDONS = "windows/close-abandons", Verified, "W:sched, D:gqcs": "Closing the last handle releases every waiter with ERROR_ABANDONED_WAIT_0.";
    CLOSE_HANDED = "windows/close-handed", Derived, "R:queue, R:iocomp, Wml": "A packet handed to a waiter before the close is delivered.";
    CLOSE_DISCARDS = "windows/close-discards", Derived, "R:iocomp": "Packets still queued when the port dies are dropped.";
    CLOSE_UNBINDS = "windows/close-unbinds", Documented, "D:iocp, R:queue": "Closing ends the association of every member; what it does later counts nowhere.";
    CLOSED_HANDLE = "windows/closed-handle", Verified, "W:sched": "A call on a closed handle fails with ERROR_INVALID_HANDLE.";
    BATCH = "windows/batch", Verified, "W:setio, W:post": "A batch takes what is queued, oldest first, and never waits to be full.";
    BATCH_STATUS = "windows/batch-status", Documented, "D:gqcsex": "A batch call succeeds whatever the statuses of its packets are; each packet has its own.";
    BATCH_ZERO = "windows/batch-zero", Verified, "W:setio": "A batch of no packets is an invalid parameter.";
    BATCH_COUNTS_ONCE = "windows/batch-counts-once", Inferred, "R:queue, D:wi7": "A batch counts as one running thread, however many packets it took.";
    BATCH_AFTER_HANDOFF = "windows/batch-after-handoff", Open, "D:gqcsex": "A batch call released by a post may take further packets that were queued before it ran (Q3: any number).";
    NO_SELF_RULE = "windows/no-self-rule", Inferred, "X:asio": "A thread that posts to its own port releases a waiter like any other poster (Q1).";
    NAMED = "windows/named", Verified, "W:om": "Creating a port under a name that exists gives one more handle of that port.";
    SEVERAL_HANDLES = "windows/several-handles", Derived, "R:iocomp, Ws": "Closing one of several handles of a port changes nothing.";
    QUERY = "windows/query", Verified, "W:setio": "NtQueryIoCompletion tells how many packets nobody has taken; a packet handed over does not count.";
    POST_FAILS = "windows/post-fails", Derived, "R:iocomp, X:msquic": "A post can fail only for lack of memory; how many packets a port holds has no known limit (Q10).";
    HANDLE_WAIT = "windows/handle-wait", Verified, "W:sched": "The handle of a port is signaled while packets are queued; a wait for it takes none, and all threads that wait for it are released.";
    HANDLE_WAIT_HANDED = "windows/handle-wait-handed", Verified, "W:sched": "A packet that is handed to a waiter releases nobody who waits for the handle.";
    HANDLE_WAIT_CLOSE = "windows/handle-wait-close", Verified, "W:sched": "Closing the last handle releases those who wait for it, with success.";
    HANDLE_WAIT_COUNTS = "windows/handle-wait-counts", Open, "R:wait": "A member that waits for the handle of a port counts out as in any other wait (Q9: or does not).";
    ALERT_FIRST = "windows/alert-first", Verified, "W:setio": "An alertable call with an APC pending takes a packet if its thread is a member and the limit allows it; otherwise the APC runs and nothing else changes, not even the association.";
    ALERT_EMPTY = "windows/alert-empty", Verified, "W:setio, W:post": "An alertable call that finds no packet runs the pending APCs and ends with WAIT_IO_COMPLETION.";
    ALERT_OR_OBJECT = "windows/alert-or-object", Open, "Wml, R:wait": "An alertable wait for an available object, with an APC pending, takes the object, or runs the APC and leaves the object (Q12: both allowed).";
    ALERT_NOT = "windows/alert-not", Verified, "W:setio, W:post": "A call that is not alertable runs no APC.";
    APC_ENDED = "windows/apc-ended", Derived, "R:state": "An APC cannot be queued to a thread that has ended: ERROR_GEN_FAILURE.";
    APC_WAKES = "windows/apc-wakes", Derived, "R:queue, R:wait": "An APC ends an alertable wait; the thread counts as running.";
    SPECIAL_APC = "windows/special-apc", Documented, "D:apc2": "A special APC (Windows 11) runs at once in a thread that runs its own code, and ends an alertable wait like any other.";
    SPECIAL_WAITS = "windows/special-apc-waits", Documented, "D:apc2, D:waits": "It ends no other wait: it runs when the thread's current call ends, or when the thread is resumed.";
    SPECIAL_PLACE = "windows/special-apc-place", Open, "D:apc2, R:queue": "Whether a waiter whose call is not alertable keeps its place when a special APC runs, or looks at the queue again and is the newest, as after a kernel APC, is not documented (Q15: both allowed).";
    KERNEL_APC = "windows/kernel-apc", Derived, "R:queue, R:apc": "A kernel APC makes a waiter look at the queue again and, if there is nothing, become the newest.";
    ASSOCIATE_ONCE = "windows/associate-once", Verified, "W:bind": "A file has one association: another fails with ERROR_INVALID_PARAMETER, also with the same port.";
    ASSOCIATE_SYNC = "windows/associate-sync", Verified, "W:fileio": "A synchronous file cannot be associated.";
    ASSOCIATE_NULL_FILE = "windows/associate-null-file", Derived, "R:iocompl, D:create, Ws:kernelbase": "Naming a port and no file, which the documentation forbids, is an invalid parameter.";
    ASSOCIATE_SIGNALS = "windows/associate-signals", Verified, "W:fci": "Association sets the file's own signal, unless a mode forbids it.";
    ASSOCIATE_RETROACTIVE = "windows/associate-retroactive", Verified, "W:fileio, W:sock": "The association is read when an operation ends, so that one issued before it reports to the port.";
    SHARED_BY_DUPLICATES = "windows/shared-by-duplicates", Verified, "W:sock": "The association is the file's: all its handles share it, in any process.";
    APC_IO_REFUSED = "windows/apc-io-refused", Verified, "W:fileio, W:recv": "An operation with an APC routine cannot be issued on an associated file.";
    APC_IO_PENDING = "windows/apc-io-pending", Verified, "W:fileio": "An operation with an APC routine that was issued before the association ends with its APC and no packet.";
    REPLACE = "windows/replace", Documented, "D:fci": "FileReplaceCompletionInformation replaces the association by another port and key, or removes it.";
    REPLACE_PENDING = "windows/replace-pending", Open, "X:go, D:fci": "While operations on the file are pending, replacing its association may fail with ERROR_GEN_FAILURE and leave the association (both allowed: the documentation does not say).";
    REPLACE_IN_FLIGHT = "windows/replace-in-flight", Open, "D:fci": "An operation in flight when the association is replaced reports to the new port, or to the old one, or to none (Q4: all allowed).";
    SKIP_PORT = "windows/skip-port", Verified, "W:pipe, W:conn": "FILE_SKIP_COMPLETION_PORT_ON_SUCCESS: an operation that succeeds in its call leaves no packet; one that was pending does.";
    SKIP_WARNING = "windows/skip-warning", Documented, "W:ntoskrnl": "Even with FILE_SKIP_COMPLETION_PORT_ON_SUCCESS, an operation that ends with a warning in its call leaves a packet.";
    WARNING_SAID = "windows/warning-said", Open, "W:ntoskrnl, W:pipe": "A call whose operation ended with a warning and left a packet returns the warning, or that the operation is pending (both allowed: the test takes either).";
    SKIP_EVENT = "windows/skip-event", Verified, "W:pipe": "FILE_SKIP_SET_EVENT_ON_HANDLE resets the file's own signal, and no operation sets it again.";
    MODES_ACCUMULATE = "windows/modes-accumulate", Verified, "W:fci": "Modes that are set stay set.";
    MODES_SYNC = "windows/modes-sync", Verified, "W:fci": "A synchronous file has no modes.";
    IMMEDIATE_SUCCESS = "windows/immediate-success", Verified, "W:sock, W:fileio": "An operation that succeeds in its call leaves a packet all the same.";
    IMMEDIATE_WARNING = "windows/immediate-warning", Verified, "W:ntoskrnl": "An operation that ends with a warning in its call leaves a packet, although the call fails.";
    IMMEDIATE_ERROR = "windows/immediate-error", Verified, "W:sock, W:npipe": "An operation that fails in its call leaves neither packet nor signal.";
    PENDING_ERROR = "windows/pending-error", Verified, "W:conn, W:ifl": "An operation that was pending leaves a packet however it ends.";
    NO_OVERLAPPED = "windows/no-overlapped", Verified, "W:conn, W:apoll": "An operation without an OVERLAPPED leaves no packet.";
    LOW_BIT = "windows/low-bit", Verified, "W:conn, W:shut": "The low bit of `hEvent` suppresses the packet, but not the event.";
    EVENT_SET = "windows/event-set", Verified, "W:pipe": "The end of an operation sets its event, or the file's own signal if it has none.";
    START_RESETS = "windows/start-resets", Verified, "W:ntoskrnl": "Issuing an operation resets its event and its file's own signal, even if it then fails in its call.";
    SYNC_WAITS = "windows/sync-waits", Documented, "D:sync, R:wait": "A call on a synchronous file sleeps until the operation is over.";
    IO_CONTENTS = "windows/io-contents", Verified, "W:sock, W:conn": "The packet of an operation carries the file's key, its OVERLAPPED, its bytes and its status.";
    COMPLETION_ORDER = "windows/completion-order", Documented, "D:iocp": "Operations report in the order in which they end.";
    IOSB_LATE = "windows/iosb-late", Documented, "D:iocp, D:wi7, W:pclose": "The status block is written between the end of an operation and the removal of its packet, and before its event is set.";
    CANCEL_ONE_PACKET = "windows/cancel-one-packet", Verified, "W:athr, W:tpio": "A cancelled operation leaves one packet, ERROR_OPERATION_ABORTED if the cancel came in time.";
    CANCEL_LATE = "windows/cancel-late", Documented, "D:cancelex": "An operation may end on its own although its cancel succeeded.";
    CANCEL_NOTHING = "windows/cancel-nothing", Documented, "D:cancelex": "CancelIoEx with nothing to cancel fails with ERROR_NOT_FOUND.";
    CANCEL_NOTHING_OF_MINE = "windows/cancel-nothing-of-mine", Open, "D:cancelex": "CancelIo with nothing to cancel succeeds, or fails with ERROR_NOT_FOUND (both allowed: the documentation does not say).";
    CANCEL_MINE = "windows/cancel-mine", Documented, "D:cancelio": "CancelIo ends only what the calling thread has issued.";
    CLOSE_FILE_PENDING = "windows/close-file-pending", Verified, "W:sock, W:fileio, W:iocp": "Closing the last handle of a file ends what is pending on it, with the device's status and a packet.";
    CLOSE_FILE_OTHER_HANDLE = "windows/close-file-other-handle", Verified, "W:sock, W:pclose": "Closing a handle of a file does nothing while the process has another.";
    CLOSE_FILE_OTHER_PROCESS = "windows/close-file-other-process", Verified, "W:pclose, W:aclose": "If only another process has a handle left, the close cancels the operations of this process with a port, an OVERLAPPED and no event.";
    CLOSE_FILE_IDLE = "windows/close-file-idle", Verified, "W:sock, W:iocp": "Closing a file with nothing pending leaves no packet.";
    CLOSE_KEEPS_ASSOCIATION = "windows/close-keeps-association", Documented, "D:iocp, D:create": "A port whose handles are closed stays associated with its files; nobody can take the packets that it gets (Q5).";
    PROCESS_EXIT = "windows/process-exit", Verified, "W:pexit": "A process that ends cancels what it has issued and closes its file handles.";
    ISSUER_EXIT = "windows/issuer-exit", Verified, "W:athr, W:iocp": "A thread that ends cancels what it has issued, except operations with a port, an OVERLAPPED and no event.";
    PEEK = "windows/peek", Documented, "D:gor, D:overlapped": "GetOverlappedResult reads the status block of an operation and takes no packet; until the block is written it fails with ERROR_IO_INCOMPLETE.";
    PEEK_UNUSED = "windows/peek-unused", Verified, "W:overlapped, R:iocompl": "For an operation that was never issued, GetOverlappedResult reads the zeros that the OVERLAPPED began with: success, and no bytes.";
    PEEK_REFUSED = "windows/peek-refused", Open, "D:gor": "For an operation that failed in its call, it may report \"not ended\" or the failure (Q11: both allowed).";
    END_SIGNALS = "windows/end-signals", Documented, "D:thread, D:terminating": "The handle of a thread is signaled once the thread has ended, and stays so; all that wait for it are released.";
    END_AFTER_PORT = "windows/end-after-port", Derived, "R:thr": "A member that ends has left its port before its handle is signaled.";
    PROCESS_END_SIGNALS = "windows/process-end-signals", Documented, "D:exitprocess, D:terminatingp": "The handle of a process is signaled once its last thread has ended, and stays so.";
    RESERVE = "windows/reserve", Verified, "W:setex": "A post with a reserve object is like any other.";
    RESERVE_MEMORY = "windows/reserve-memory", Inferred, "microsoft/msquic issue 5369": "A post with a reserve object cannot fail for lack of memory.";
    RESERVE_BUSY = "windows/reserve-busy", Open, "W:apcres": "A reserve object serves one packet at a time (Q6: which error a second post gets).";
    RESERVE_APC = "windows/reserve-apc", Verified, "W:apcres": "A reserve object for APCs serves one at a time, and can be used again once that has run.";
    RESERVE_KIND = "windows/reserve-kind", Verified, "W:setex, W:apcres": "A reserve object for APCs serves no packet, and vice versa.";
    WAIT_PACKET = "windows/wait-packet", Documented, "D:wcp": "When its target is signaled, a wait completion packet becomes a packet with the values it was given.";
    WAIT_PACKET_SIGNALED = "windows/wait-packet-signaled", Open, "D:wcp, sogen": "If its target is signaled already, the call says so; the packet is queued at once, or when a thread next calls on the port (both allowed: reimplementations differ).";
    WAIT_PACKET_ONCE = "windows/wait-packet-once", Documented, "D:wcp, X:go": "A wait completion packet fires once; after its removal from the queue it can be associated again.";
    WAIT_PACKET_CONSUMES = "windows/wait-packet-consumes", Open, "momo5502/sogen PR 1059": "A wait completion packet takes the signal of its target as a wait would, or leaves it (both allowed: reimplementations differ).";
    WAIT_PACKET_BUSY = "windows/wait-packet-busy", Documented, "D:wcp": "A wait completion packet that waits or is queued cannot be associated.";
    WAIT_PACKET_MUTEX = "windows/wait-packet-mutex", Verified, "W:wcp, sdk-api PR 1843": "A mutex cannot be the target of a wait completion packet, and neither can a keyed event, a port or another such packet.";
    WAIT_PACKET_CANCEL = "windows/wait-packet-cancel", Documented, "D:wcpcancel": "Cancelling a wait completion packet takes it back while it waits, and out of the queue if asked to; for an idle one, the cancel reports that it is cancelled already.";
    WAIT_PACKET_END = "windows/wait-packet-end", Documented, "D:wcp, D:wait, X:bun, X:compio": "A thread or a process can be the target of a wait completion packet: its end is a signal that nothing takes.";
    JOB_MESSAGES = "windows/job-messages", Verified, "W:job": "A job's messages are packets with the job's key, the message in place of the bytes and the process in place of the OVERLAPPED.";
    JOB_LOSSY = "windows/job-lossy", Documented, "D:job": "A message of a job may be lost.";
    JOB_NEW = "windows/job-new", Verified, "W:job": "Associating a job reports every process that is in it.";
    JOB_ONCE = "windows/job-once", Verified, "W:job": "A job has one association; another fails with ERROR_INVALID_PARAMETER.";
    JOB_NULL = "windows/job-null", Verified, "W:job": "The association of a job can be removed.";
    JOB_NESTED = "windows/job-nested", Verified, "W:nest": "Of nested jobs the innermost reports first.";
    JOB_EXIT = "windows/job-exit", Verified, "W:job, W:jlist": "The end of a process is reported, and then that it was the last.";
    W7_SKIP_WARNING = "windows-7/skip-warning", Documented, "W:ntoskrnl": "An operation that ends with a warning in its call is skipped like one that succeeds.";
    W7_HANDLE_WAIT_HANDED = "windows-7/handle-wait-handed", Verified, "W:sched": "A packet that is handed to a waiter releases those who wait for the handle, too.";
    W7_ABSENT = "windows-7/absent", Documented, "D:fci, D:wcp, D:job": "Wait completion packets, replacing an association, and removing that of a job came later.";
    NT5_SELF_RULE = "windows-2003/self-rule", Derived, "R:queue, R:ke_x": "A thread that posts to its own port right after a call that did not sleep may only queue the packet, although a waiter could take it.";
    NT5_YIELD = "windows-2003/yield", Derived, "R:thrdschd": "A yield, or Sleep(0), with no other thread ready on its processor changes nothing: the thread still looks as if its call had just returned.";
    NT5_OBJECT_FIRST = "windows-2003/object-first", Derived, "R:wait": "An alertable wait for an available object, with an APC pending, takes the object.";
    NT5_ASSOCIATE_FIRST = "windows-2003/associate-first", Derived, "R:queue": "An alertable call associates its thread before it looks at APCs, and takes a packet before it runs one.";
    NT5_CLOSE_SILENT = "windows-2003/close-silent", Documented, "D:gqcs": "Closing the last handle wakes nobody.";
    NT5_ISSUER_BOUND = "windows-2003/issuer-bound", Verified, "W:iocp": "A thread that ends cancels all that it has issued.";
    NT5_APC_INSERTS = "windows-2003/apc-inserts", Derived, "R:irp, R:queue": "An operation ends in a kernel APC of the thread that issued it; if that thread waits on the port, it queues the packet and looks again.";
    NT5_HANDLE_WAIT_HANDED = "windows-2003/handle-wait-handed", Verified, "W:sched": "A packet that is handed to a waiter releases those who wait for the handle, too.";
    NT5_ABSENT = "windows-2003/absent", Documented, "D:gqcsex, D:cancelex, D:skip": "Batches, CancelIoEx, notification modes, replacing an association, reserve objects and wait completion packets came later.";
}

impl Personality for Windows {
    fn about(&self) -> &'static About {
        self.what()
    }

    fn refuses(&self, program: &Program, op: Op) -> Option<&'static str> {
        self.cannot(program, op)
    }

    fn keeps_waiting(&self, view: View<'_>, me: ThreadId) -> Option<&'static Claim> {
        let port = view.port(view.get(me).port);
        match (port.packets().is_empty(), port.running().has_room()) {
            (false, false) => Some(LIMIT),
            (false, true) if self.ends_in_issuer => Some(NT5_SELF_RULE),
            _ => None,
        }
    }

    fn get<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
        self.get_status(turn, me, get);
    }

    fn post<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, post: Post) {
        self.post_status(turn, me, post);
    }

    fn close<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, port: PortId) {
        self.close_port(turn, me, port);
    }

    nt::shared_calls!();

    fn wait_handle<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        port: PortId,
        timeout: Timeout,
    ) {
        self.wait_for_handle(turn, me, port, timeout);
    }

    fn queue_apc<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        target: ThreadId,
        reserve: Option<ReserveId>,
        special: bool,
    ) {
        if special {
            return self.queue_special_apc(turn, me, target);
        }
        self.queue_user_apc(turn, me, target, reserve);
    }

    fn kernel_apc<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, target: ThreadId) {
        self.run_kernel_apc(turn, me, target);
    }

    fn replace<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        file: FileId,
        binding: Option<BindingId>,
    ) {
        self.replace_association(turn, me, file, binding);
    }

    fn complete<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        burst: u16,
        result: ResultId,
    ) {
        self.device_ends(turn, me, burst, result);
    }

    fn peek<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, operation: OperationId) {
        self.look_at_status(turn, me, operation);
    }

    fn cancel_file<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        file: FileId,
        mine: bool,
    ) {
        nt::operations::cancel_file(self, turn, me, file, mine);
    }

    fn associate_wait_packet<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        id: WaitPacketId,
        port: PortId,
        target: ObjectId,
        packet: PacketId,
    ) {
        self.wait_for_packet(turn, me, id, port, target, packet);
    }

    fn cancel_wait_packet<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        id: WaitPacketId,
        remove: bool,
    ) {
        self.take_wait_packet_back(turn, me, id, remove);
    }

    fn job_port<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        job: JobId,
        binding: Option<u8>,
        may_lose: bool,
    ) {
        nt::jobs::job_port(self, turn, me, job, binding, loss(may_lose));
    }

    fn job_start<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        job: JobId,
        pid: u8,
        may_lose: bool,
    ) {
        nt::jobs::job_start(self, turn, me, job, pid, loss(may_lose));
    }

    fn job_exit<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        job: JobId,
        pid: u8,
        may_lose: bool,
    ) {
        nt::jobs::job_exit(self, turn, me, job, pid, loss(may_lose));
    }

    /// A released batch call takes any number of further packets. A thread that was woken without a packet was suspended
    /// when its time was over.
    fn wake<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
        if Windows::is_back(turn, me) {
            return self.is_back_in_line(turn, me);
        }
        let Some(handed) = turn.thread(me).handed() else {
            turn.by(TIMEOUT);
            return turn.releases(me, Outcome::Failed(Error::Timeout));
        };
        turn.by(CLOSE_HANDED);
        let room = usize::from(get.max.unwrap_or(1)) - 1;
        let most = room.min(turn.port(get.port).packets().depth());
        let further = turn.pick(BATCH_AFTER_HANDOFF, most + 1);
        let mut batch = Batch::EMPTY;
        batch.push(PacketId(handed));
        for _ in 0..further {
            let packet = turn.port(get.port).packets_mut().take_oldest();
            turn.delivered(get.port, 1);
            batch.push(PacketId(packet.expect("as many are queued")));
        }
        for &packet in batch.packets() {
            nt::port::removed::<Windows, O>(turn, packet);
        }
        let outcome = contents(turn, get, batch);
        turn.releases(me, outcome);
    }

    /// The thread leaves the waiters and runs; one that is suspended finds its time over when it is resumed.
    fn expire<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
        turn.port(get.port).waiters_mut().remove(me);
        if turn.thread(me).suspensions() > 0 {
            return turn.thread(me).set_mode(Mode::Woken);
        }
        turn.by(TIMEOUT);
        turn.by(TIMEOUT_COUNTS);
        turn.port(get.port).running_mut().enter();
        turn.releases(me, Outcome::Failed(Error::Timeout));
        self.dies_if_unused(turn, get.port);
    }

    /// A member that stops being runnable makes room for a waiter. A wait that is satisfied at once does not come here.
    fn blocks<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId) {
        if turn.thread(me).counts_otherwise() {
            // It ran and did not count.
            return turn.thread(me).set_counts_otherwise(false);
        }
        if let Some(port) = turn.thread(me).port() {
            turn.by(BLOCK_RELEASES);
            self.count_out(turn, port);
        }
    }

    /// No comparison with the limit.
    fn unblocks<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId) {
        let mut thread = turn.thread(me);
        let counted = thread.counts_otherwise();
        thread.set_counts_otherwise(false);
        if let Some(port) = thread.port()
            && !counted
        {
            turn.by(UNBLOCK_OVER_LIMIT);
            turn.port(port).running_mut().enter();
        }
    }

    /// Any other wait, and any loss of the processor, and the thread no longer looks as if it waited on its port; but a
    /// member counts out only if it sleeps.
    fn turns_away<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId) {
        self.notes_fresh(turn, me, false);
        turn.by(NO_SLEEP_NO_RELEASE);
    }

    /// Whether another thread is ready on the processor nobody knows here; where one is, a post asks.
    fn yields<O: Observer>(&self, turn: &mut Turn<'_, O>, _: ThreadId) {
        turn.by_some(self.ends_in_issuer.then_some(NT5_YIELD));
        turn.by(NO_SLEEP_NO_RELEASE);
    }

    /// APCs that are pending run when an alertable wait would begin to sleep.
    fn alerts<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId) -> bool {
        if turn.thread(me).apcs() == 0 {
            return false;
        }
        if turn.thread(me).mode() != Mode::Ready {
            self.unblocks(turn, me);
        }
        turn.by(APC_WAKES);
        turn.runs_apcs(me);
        turn.returns(me, Outcome::Failed(Error::Apc));
        true
    }

    fn alerts_first<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId) -> bool {
        self.prefers_apc(turn, me)
    }

    fn had<O: Observer>(&self, turn: &mut Turn<'_, O>, object: ObjectId) {
        if let Object::End(whose) = turn.program.objects[object.index()] {
            turn.by(match whose {
                Whose::Threads { .. } => END_SIGNALS,
                Whose::Process(_) => PROCESS_END_SIGNALS,
            });
        }
    }

    fn stops_later<O: Observer>(&self, turn: &mut Turn<'_, O>) -> bool {
        turn.choose(&waits::STOPS)
    }

    fn suspends<O: Observer>(&self, turn: &mut Turn<'_, O>, target: ThreadId) {
        self.suspend_thread(turn, target);
    }

    fn resumes<O: Observer>(&self, turn: &mut Turn<'_, O>, target: ThreadId) {
        self.resume_thread(turn, target);
    }

    fn suspended_too_late<O: Observer>(&self, turn: &mut Turn<'_, O>) -> Outcome {
        turn.by(SUSPEND_ENDED);
        Outcome::Failed(Error::Denied)
    }

    fn suspended_at_its_end<O: Observer>(&self, turn: &mut Turn<'_, O>) {
        turn.by(SUSPEND_ENDLESS);
    }

    fn terminated_too_late<O: Observer>(&self, turn: &mut Turn<'_, O>) -> Outcome {
        turn.by(TERMINATE_ENDED);
        Outcome::Done
    }

    fn wait_packet_fires<O: Observer>(&self, turn: &mut Turn<'_, O>, id: WaitPacketId) {
        self.wait_is_over(turn, id);
    }

    /// A member that ends makes room for a waiter. What it has issued is cancelled unless any thread may end it.
    fn exits<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, was: Mode) {
        let counts = was.is_runnable() != turn.thread(me).counts_otherwise();
        if let Some(handed) = turn.thread(me).handed() {
            turn.thread(me).hand(None);
            nt::port::dropped(turn, PacketId(handed));
        }
        if let Some(port) = turn.thread(me).port() {
            turn.thread(me).set_port(None);
            turn.port(port).waiters_mut().remove(me);
            if counts {
                turn.by(EXIT_RELEASES);
                self.count_out(turn, port);
            }
            if turn.program.is_joined(me) {
                turn.by(END_AFTER_PORT);
            }
            self.dies_if_unused(turn, port);
        }
        self.cancel_with_issuer(turn, me);
    }

    fn process_exits<O: Observer>(&self, turn: &mut Turn<'_, O>, process: ProcessId) {
        nt::files::process_exits(self, turn, process);
    }

    /// The invariants I1 and I2: the count is the number of runnable members, and no packet waits beside a waiter that
    /// may run. On NT 5 one may for a while: the next call of any member, or its end, undoes it.
    fn holds(&self, view: View<'_>) -> Result<(), Fault> {
        let judged = view.program.builtin;
        for id in view.program.port_ids() {
            let count = || view.port(id).running().count();
            if judged.judge(Fault::Running) && count() != runnable_members(view, id) {
                return Err(Fault::Running);
            }
            if !self.ends_in_issuer && judged.judge(Fault::Stranded) && strands(view, id) {
                return Err(Fault::Stranded);
            }
        }
        Ok(())
    }

    fn holds_at_rest(&self, view: View<'_>) -> Result<(), Fault> {
        let mut ports = view.program.port_ids();
        match ports.any(|id| strands(view, id)) {
            true => Err(Fault::Stranded),
            false => Ok(()),
        }
    }
}

/// Whether a packet of a port waits beside a waiter that may run.
#[inline]
fn strands(view: View<'_>, id: PortId) -> bool {
    let port = view.port(id);
    port.running().has_room() && !port.packets().is_empty() && !port.waiters().is_empty()
}

/// Whether a message of a job is lost.
const LOSSY: Readings<bool> = Readings {
    claim: JOB_LOSSY,
    readings: &[("arrives", false), ("is-lost", true)],
};

fn loss(may_lose: bool) -> Loss {
    Loss(may_lose.then_some(&LOSSY))
}

/// A call comes back with what it took: each packet as it was posted.
#[inline]
fn contents<O: Observer>(turn: &mut Turn<'_, O>, get: Get, batch: Batch) -> Outcome {
    turn.by(CONTENTS);
    turn.by(match get.max {
        None => STATUS,
        Some(_) => BATCH_STATUS,
    });
    nt::port::outcome(get, batch)
}

/// The same for a call that takes exactly one.
#[inline]
fn plain_contents<O: Observer>(turn: &mut Turn<'_, O>, packet: PacketId) -> Outcome {
    turn.by(CONTENTS);
    turn.by(STATUS);
    Outcome::Packet(packet)
}

/// Threads associated with a port that are in no kernel wait.
#[inline]
fn runnable_members(view: View<'_>, port: PortId) -> u32 {
    let may_be_suspended = view.has_suspensions();
    let counts = |(id, head): &(ThreadId, Thread<&[u8]>)| {
        let suspended = || may_be_suspended && view.thread(*id).suspensions() > 0;
        let runnable = || head.mode().is_runnable() && !suspended();
        head.port() == Some(port) && head.counts_otherwise() != runnable()
    };
    view.heads().filter(counts).count() as u32
}

impl Nt for Windows {
    const RULES: &'static Rules = &Rules {
        closed_handle: CLOSED_HANDLE,
        query: QUERY,
        associate_once: ASSOCIATE_ONCE,
        associate_retroactive: ASSOCIATE_RETROACTIVE,
        associate_signals: ASSOCIATE_SIGNALS,
        shared_by_duplicates: SHARED_BY_DUPLICATES,
        modes_accumulate: MODES_ACCUMULATE,
        close_file_other_handle: CLOSE_FILE_OTHER_HANDLE,
        close_file_pending: CLOSE_FILE_PENDING,
        close_file_idle: CLOSE_FILE_IDLE,
        apc_io_refused: APC_IO_REFUSED,
        apc_io_pending: APC_IO_PENDING,
        no_overlapped: NO_OVERLAPPED,
        low_bit: LOW_BIT,
        no_port: ASSOCIATE_RETROACTIVE,
        skip_event: SKIP_EVENT,
        immediate_success: IMMEDIATE_SUCCESS,
        immediate_warning: IMMEDIATE_WARNING,
        immediate_error: IMMEDIATE_ERROR,
        pending_error: PENDING_ERROR,
        io_contents: IO_CONTENTS,
        event_set: EVENT_SET,
        start_resets: START_RESETS,
        cancel_one_packet: CANCEL_ONE_PACKET,
        cancel_nothing: CANCEL_NOTHING,
        cancel_mine: CANCEL_MINE,
        job_messages: JOB_MESSAGES,
        job_new: JOB_NEW,
        job_once: JOB_ONCE,
        job_nested: JOB_NESTED,
        job_exit: JOB_EXIT,
        some: SomeRules {
            named: Some(NAMED),
            several_handles: Some(SEVERAL_HANDLES),
            associate_null_file: Some(ASSOCIATE_NULL_FILE),
            associate_sync: Some(ASSOCIATE_SYNC),
            modes_sync: Some(MODES_SYNC),
            close_file_other_process: Some(CLOSE_FILE_OTHER_PROCESS),
            process_exit: Some(PROCESS_EXIT),
            sync_waits: Some(SYNC_WAITS),
            completion_order: Some(COMPLETION_ORDER),
            iosb_late: Some(IOSB_LATE),
            job_null: Some(JOB_NULL),
            skip_warning: Some(SKIP_WARNING),
        },
    };

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

    fn skips(&self, status: u32) -> Option<&'static Claim> {
        match is_warning(status) {
            true => self.skips_warnings,
            false => Some(SKIP_PORT),
        }
    }

    fn says_in_call<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        result: ResultId,
        left_packet: bool,
    ) -> Outcome {
        let warns = is_warning(turn.program.results[result.index()].status);
        let may_pend = left_packet && warns && self.version == Version::Later;
        match may_pend && turn.choose(&WARNING) {
            true => Outcome::Failed(Error::Pending),
            false => Outcome::Io(result),
        }
    }

    fn writes_late<O: Observer>(&self, turn: &mut Turn<'_, O>) -> bool {
        // Where nobody can see it, it makes no difference.
        !self.ends_in_issuer && (!turn.view().shows_writes() || turn.choose(&io::LATE))
    }

    /// It may end as its device ends it although its cancel succeeded.
    fn cancelled<O: Observer>(&self, turn: &mut Turn<'_, O>, id: OperationId) -> End {
        if self.version == Version::Nt5 {
            return End::cancelled(turn.program);
        }
        let late = turn.view().ends(id).len();
        match turn.pick(CANCEL_LATE, 1 + late) {
            0 => End::cancelled(turn.program),
            nth => End::later(turn.view().ends(id)[nth - 1]),
        }
    }

    /// Tests of Windows see that the status block is not written before the packet is removed.
    fn cancelled_by_close(&self, program: &Program) -> End {
        End {
            late: (!self.ends_in_issuer).then_some(true),
            ..End::cancelled(program)
        }
    }

    fn cancels_nothing<O: Observer>(&self, turn: &mut Turn<'_, O>) -> Outcome {
        turn.by(CANCEL_NOTHING);
        Outcome::Failed(Error::NotFound)
    }

    fn cancels_nothing_of_mine<O: Observer>(&self, turn: &mut Turn<'_, O>) -> Outcome {
        turn.choose(&NOTHING_OF_MINE)
    }

    fn file_leaves<O: Observer>(&self, turn: &mut Turn<'_, O>, port: PortId) {
        self.dies_if_unused(turn, port);
    }
}

/// What a call says whose operation ended with a warning and left a packet: whether that it is pending.
const WARNING: Readings<bool> = Readings {
    claim: WARNING_SAID,
    readings: &[("the-warning", false), ("pending", true)],
};

/// What CancelIo says if it finds nothing.
const NOTHING_OF_MINE: Readings<Outcome> = Readings {
    claim: CANCEL_NOTHING_OF_MINE,
    readings: &[
        ("succeeds", Outcome::Done),
        ("not-found", Outcome::Failed(Error::NotFound)),
    ],
};
