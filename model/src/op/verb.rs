//! What each operation is called.

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
    Close = "close",
    Create = "create",
    DuplicatePort = "duplicate",
    Query = "query",
    WaitHandle = "wait_handle",
    Block = "block",
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
    Free = "free",
    Alloc = "alloc",
    WaitPacket = "wait_packet",
    CancelWaitPacket = "cancel_wait_packet",
    JobPort = "job_port",
    JobStart = "job_start",
    JobExit = "job_exit",
    Set = "set",
    Test = "if",
    Assert = "assert",
    Note = "note",
    EpollCtl = "epoll_ctl",
    Write = "write",
    Drain = "drain",
    PortSendn = "port_sendn",
    MsgRing = "msg_ring",
    Submit = "submit",
    PortAlert = "port_alert",
    PortAssociate = "port_associate",
    PortDissociate = "port_dissociate",
    CloseSource = "close_source",
    Kevent = "kevent",
}
