//! What the parts of a program are called in it: numbers, each of a type of its own.

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u8);

        impl $name {
            /// The id as an index into the table it names.
            #[inline]
            pub fn index(self) -> usize {
                usize::from(self.0)
            }
        }
    )*};
}

ids! {
    /// A thread: index into `Program::threads`.
    ThreadId
    /// The code that the threads of one group share: index into `Program::codes`.
    CodeId
    /// A port: index into `Program::ports`.
    PortId
    /// An event, mutex or semaphore: index into `Program::objects`.
    ObjectId
    /// Something an epoll descriptor can watch: index into `Program::sources`.
    SourceId
    /// A file: index into `Program::files`.
    FileId
    /// An association of a file: index into `Program::bindings`.
    BindingId
    /// An I/O operation: index into `Program::operations`.
    OperationId
    /// How an operation ends: index into `Program::results`.
    ResultId
    /// A reserve object: index into `Program::reserves`.
    ReserveId
    /// A wait completion packet, by its number.
    WaitPacketId
    /// A job: index into `Program::jobs`.
    JobId
    /// A process; 0 is the scenario's own.
    ProcessId
    /// A packet's contents: index into `Program::packets`.
    PacketId
    /// Where a call leaves its result: index into `Code::slots` of the calling thread.
    SlotId
    /// A shared variable: index into `Program::vars`.
    VarId
    /// A variable of a thread of its own: index into `Code::locals`.
    LocalId
}

impl ThreadId {
    /// How many ids there can be: a table of so many has a place for each.
    pub(crate) const ALL: usize = 1 << u8::BITS;
}
