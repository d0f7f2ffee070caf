//! What each operation is called, and which belong together.

use super::Op;

/// Makes [`Verb`] of one list, so that an operation that is missing there does not compile, and of each subject a macro
/// that stands for the pattern of its operations. A `match` that leaves whole subjects to others names them so: an
/// operation that comes later belongs to a subject, and a subject that comes later does not compile where it is not named.
macro_rules! verbs {
    ($($(#[$subject_doc:meta])* $subject:ident { $($verb:ident = $name:literal,)+ })+) => {
        $(
            $(#[$subject_doc])*
            #[macro_export]
            macro_rules! $subject {
                () => {
                    $($crate::op::Op::$verb { .. })|+
                };
            }
        )+

        /// The kind of an operation: one for each variant of [`Op`], without what the operation is done with.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Verb {
            $($(
                #[doc = concat!("`", $name, "`: [`Op::", stringify!($verb), "`].")]
                $verb,
            )+)+
        }

        impl Verb {
            /// Every verb once, in one order.
            pub const ALL: &[Verb] = &[$($(Verb::$verb),+),+];

            /// The word that names it in scenarios and traces. The two that close, duplicate or cancel share theirs:
            /// what stands beside the word tells a port from a file, or a file from an operation.
            pub const fn name(self) -> &'static str {
                match self {
                    $($(Verb::$verb => $name,)+)+
                }
            }
        }

        impl Op {
            /// Which operation it is.
            #[inline]
            pub const fn verb(self) -> Verb {
                match self {
                    $($(Op::$verb { .. } => Verb::$verb,)+)+
                }
            }
        }
    };
}

verbs! {
    /// Packets and ports, as every system has them.
    of_ports {
        Get = "get",
        Post = "post",
        Close = "close",
        Create = "create",
    }
    /// Handles of ports, as the NT kernel has them.
    of_port_handles {
        DuplicatePort = "duplicate",
        Query = "query",
        WaitHandle = "wait_handle",
    }
    /// Waits for objects and for time.
    of_objects {
        Block = "block",
        Signal = "signal",
        Reset = "reset",
        Stall = "stall",
        Sleep = "sleep",
        Yield = "yield",
    }
    /// Threads and processes, as they come and go.
    of_threads {
        Suspend = "suspend",
        Resume = "resume",
        Terminate = "terminate",
        Spawn = "spawn",
        Exit = "exit",
        ExitProcess = "exit_process",
    }
    /// Asynchronous procedure calls.
    of_apcs {
        Apc = "apc",
        KernelApc = "kernel_apc",
    }
    /// Files and the I/O on them.
    of_files {
        Associate = "associate",
        Replace = "replace",
        Modes = "modes",
        DuplicateFile = "duplicate",
        CloseFile = "close",
        Start = "start",
        Complete = "complete",
        Cancel = "cancel",
        CancelFile = "cancel",
    }
    /// Wait completion packets.
    of_wait_packets {
        WaitPacket = "wait_packet",
        CancelWaitPacket = "cancel_wait_packet",
    }
    /// Jobs.
    of_jobs {
        JobPort = "job_port",
        JobStart = "job_start",
        JobExit = "job_exit",
    }
    /// A program's own variables and memory: no system has a part in them.
    of_variables {
        Free = "free",
        Alloc = "alloc",
        Set = "set",
        Test = "if",
        Assert = "assert",
        Note = "note",
    }
    /// Sources that readiness systems watch.
    of_sources {
        EpollCtl = "epoll_ctl",
        Write = "write",
        Drain = "drain",
        CloseSource = "close_source",
    }
    /// Event ports, as illumos has them.
    of_event_ports {
        PortSendn = "port_sendn",
        PortAlert = "port_alert",
        PortAssociate = "port_associate",
        PortDissociate = "port_dissociate",
    }
    /// Rings of io_uring.
    of_rings {
        MsgRing = "msg_ring",
        Submit = "submit",
    }
    /// Kernel queues.
    of_kqueues {
        Kevent = "kevent",
    }
}
