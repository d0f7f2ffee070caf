//! What each operation is called, and which belong together.

use super::Op;

/// Makes [`Verb`] of one list, so that an operation that is missing there does not compile.
macro_rules! verbs {
    ($($verb:ident = $name:literal,)+) => {
        /// The kind of an operation: one for each variant of [`Op`], without what the operation is done with.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Verb {
            $(
                #[doc = concat!("`", $name, "`: [`Op::", stringify!($verb), "`].")]
                $verb,
            )+
        }

        impl Verb {
            /// Every verb once, in one order.
            pub const ALL: &[Verb] = &[$(Verb::$verb),+];

            /// The word that names it in scenarios and traces. The two that close, duplicate or cancel share theirs:
            /// what stands beside the word tells a port from a file, or a file from an operation.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Verb::$verb => $name,)+
                }
            }
        }

        impl Op {
            /// Which operation it is.
            #[inline]
            pub const fn verb(self) -> Verb {
                match self {
                    $(Op::$verb { .. } => Verb::$verb,)+
                }
            }
        }
    };
}

verbs! {
    Get = "get",
    Post = "post",
    PostComputed = "post",
    Close = "close",
    Create = "create",
    DuplicatePort = "duplicate",
    Query = "query",
    WaitHandle = "wait_handle",
    Block = "block",
    Join = "join",
    Signal = "signal",
    Reset = "reset",
    Stall = "stall",
    Sleep = "sleep",
    Yield = "yield",
    Suspend = "suspend",
    Resume = "resume",
    Terminate = "terminate",
    Spawn = "spawn",
    Exit = "exit",
    ExitProcess = "exit_process",
    Apc = "apc",
    KernelApc = "kernel_apc",
    Associate = "associate",
    Replace = "replace",
    Modes = "modes",
    DuplicateFile = "duplicate",
    CloseFile = "close",
    Start = "start",
    Complete = "complete",
    Cancel = "cancel",
    CancelFile = "cancel",
    Peek = "peek",
    Free = "free",
    Alloc = "alloc",
    WaitPacket = "wait_packet",
    CancelWaitPacket = "cancel_wait_packet",
    JobPort = "job_port",
    JobStart = "job_start",
    JobExit = "job_exit",
    Set = "set",
    Swap = "swap",
    Add = "add",
    CompareSwap = "compare_swap",
    Test = "if",
    Await = "await",
    Assert = "assert",
    Note = "note",
    EpollCtl = "epoll_ctl",
    Write = "write",
    Drain = "drain",
    Fill = "fill",
    MakeRoom = "make_room",
    PortSendn = "port_sendn",
    MsgRing = "msg_ring",
    Submit = "submit",
    RingEvent = "ring_event",
    PortAlert = "port_alert",
    PortAssociate = "port_associate",
    PortDissociate = "port_dissociate",
    CloseSource = "close_source",
    DuplicateSource = "duplicate_source",
    Kevent = "kevent",
}

/// The pattern of the operations of some subjects. A `match` that leaves whole subjects to others names them so: an
/// operation that comes later belongs to a subject, and a subject that comes later does not compile where it is not
/// named.
///
/// ```
/// use portsim_model::op::Op;
/// use portsim_model::ops_of;
///
/// fn is_of_jobs_or_files(op: Op) -> bool {
///     match op {
///         ops_of!(jobs, files) => true,
///         ops_of!(ports, port_handles, objects, threads, apcs, wait_packets, variables) => false,
///         ops_of!(sources, event_ports, rings, kqueues) => false,
///     }
/// }
/// assert!(!is_of_jobs_or_files(Op::Yield));
/// ```
#[macro_export]
macro_rules! ops_of {
    ($($subject:ident),+) => {
        $($crate::ops_of!(@$subject))|+
    };
    (= $($verb:ident)+) => {
        $($crate::op::Op::$verb { .. })|+
    };
    // Packets and ports, as every system has them.
    (@ports) => {
        $crate::ops_of!(= Get Post Close Create)
    };
    // Handles of ports, as the NT kernel has them.
    (@port_handles) => {
        $crate::ops_of!(= DuplicatePort Query WaitHandle)
    };
    // Waits for objects, for the end of threads and for time.
    (@objects) => {
        $crate::ops_of!(= Block Join Signal Reset Stall Sleep Yield)
    };
    // Threads and processes, as they come and go.
    (@threads) => {
        $crate::ops_of!(= Suspend Resume Terminate Spawn Exit ExitProcess)
    };
    // Asynchronous procedure calls.
    (@apcs) => {
        $crate::ops_of!(= Apc KernelApc)
    };
    // Files and the I/O on them.
    (@files) => {
        $crate::ops_of!(= Associate Replace Modes DuplicateFile CloseFile Start Complete Cancel CancelFile Peek)
    };
    // Wait completion packets.
    (@wait_packets) => {
        $crate::ops_of!(= WaitPacket CancelWaitPacket)
    };
    // Jobs.
    (@jobs) => {
        $crate::ops_of!(= JobPort JobStart JobExit)
    };
    // A program's own variables and memory: no system has a part in them. Of a post that computes what it carries a
    // system sees what it comes to.
    (@variables) => {
        $crate::ops_of!(= Free Alloc PostComputed Set Swap Add CompareSwap Test Await Assert Note)
    };
    // Sources that readiness systems watch.
    (@sources) => {
        $crate::ops_of!(= EpollCtl Write Drain Fill MakeRoom CloseSource DuplicateSource)
    };
    // Event ports, as illumos has them.
    (@event_ports) => {
        $crate::ops_of!(= PortSendn PortAlert PortAssociate PortDissociate)
    };
    // Rings of io_uring.
    (@rings) => {
        $crate::ops_of!(= MsgRing Submit RingEvent)
    };
    // Kernel queues.
    (@kqueues) => {
        $crate::ops_of!(= Kevent)
    };
}
