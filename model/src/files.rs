//! Files and the I/O operations on them.

use core::ops::{Deref, DerefMut};

use crate::flags::Flags;
use crate::program::{BindingId, Modes, ProcessId, ResultId, ThreadId};

/// Bytes of a file, before the handles that each process has.
pub(crate) const FILE_FIXED: usize = 2;
/// Bytes of an operation.
pub(crate) const OPERATION_LEN: usize = 5;

/// One file.
pub struct File<B>(pub(crate) B);

const SKIP_PORT: u8 = 1;
const SKIP_EVENT: u8 = 2;

impl<B: Deref<Target = [u8]>> File<B> {
    /// The port that it is associated with, and the key.
    #[inline]
    pub fn binding(&self) -> Option<BindingId> {
        self.0[0].checked_sub(1).map(BindingId)
    }

    /// Where a file can have several associations: which it has, a bit for each of its own in order.
    pub fn bindings(&self) -> u8 {
        self.0[0]
    }

    /// Its notification modes.
    #[inline]
    pub fn modes(&self) -> Modes {
        Modes {
            skip_port: self.0[1].has(SKIP_PORT),
            skip_event: self.0[1].has(SKIP_EVENT),
        }
    }

    /// How many handles of it a process has.
    #[inline]
    pub fn handles(&self, process: ProcessId) -> u8 {
        self.0[FILE_FIXED + process.index()]
    }

    /// Whether some process has a handle of it.
    #[inline]
    pub fn is_open(&self) -> bool {
        self.0[FILE_FIXED..].iter().any(|&handles| handles > 0)
    }
}

impl<B: DerefMut<Target = [u8]>> File<B> {
    /// Associates it with a port, or with none.
    pub fn set_binding(&mut self, binding: Option<BindingId>) {
        self.0[0] = binding.map_or(0, |binding| binding.0 + 1);
    }

    /// Changes [`File::bindings`].
    pub fn set_bindings(&mut self, bindings: u8) {
        self.0[0] = bindings;
    }

    /// Sets modes; those that are set stay.
    pub fn add_modes(&mut self, modes: Modes) {
        for (mode, is_set) in [(SKIP_PORT, modes.skip_port), (SKIP_EVENT, modes.skip_event)] {
            if is_set {
                self.0[1] = self.0[1].with(mode);
            }
        }
    }

    /// Changes how many handles of it a process has.
    pub fn set_handles(&mut self, process: ProcessId, handles: u8) {
        self.0[FILE_FIXED + process.index()] = handles;
    }
}

/// Where an operation is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Phase {
    /// It is not in use.
    Idle,
    /// It is issued and not over.
    Pending,
    /// It is over, and nobody has taken its packet.
    Queued,
}

const PHASES: [Phase; 3] = [Phase::Idle, Phase::Pending, Phase::Queued];

/// Where the end of a pending operation is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// To the port that its file is associated with when it ends.
    File,
    /// Under this association, whatever its file's is then.
    Binding(BindingId),
    /// To no port.
    Nowhere,
}

/// One I/O operation.
pub struct Operation<B>(pub(crate) B);

const WRITTEN: u8 = 1;
const FREED: u8 = 2;
const NOWHERE: u8 = u8::MAX;

impl<B: Deref<Target = [u8]>> Operation<B> {
    /// Where it is in its life.
    #[inline]
    pub fn phase(&self) -> Phase {
        PHASES[usize::from(self.0[0])]
    }

    /// The thread that issued it, while it is pending.
    #[inline]
    pub fn issuer(&self) -> Option<ThreadId> {
        self.0[1].checked_sub(1).map(ThreadId)
    }

    /// How it ended last; none before, and while it is pending.
    #[inline]
    pub fn result(&self) -> Option<ResultId> {
        self.0[2].checked_sub(1).map(ResultId)
    }

    /// Whether the kernel has written its status block.
    #[inline]
    pub fn is_written(&self) -> bool {
        self.0[3].has(WRITTEN)
    }

    /// Whether its memory has been given back.
    #[inline]
    pub fn is_freed(&self) -> bool {
        self.0[3].has(FREED)
    }

    /// Where its end is reported.
    #[inline]
    pub fn route(&self) -> Route {
        match self.0[4] {
            0 => Route::File,
            NOWHERE => Route::Nowhere,
            binding => Route::Binding(BindingId(binding - 1)),
        }
    }
}

impl<B: DerefMut<Target = [u8]>> Operation<B> {
    /// It is issued by a thread.
    pub fn begin(&mut self, issuer: ThreadId) {
        self.0[0] = Phase::Pending as u8;
        self.0[1] = issuer.0 + 1;
        self.0[2] = 0;
        self.0[3] = self.0[3].without(WRITTEN);
    }

    /// It is issued by a thread, and waits for others before it begins.
    pub fn wait(&mut self, issuer: ThreadId) {
        self.0[1] = issuer.0 + 1;
    }

    /// It is over.
    pub fn end(&mut self, phase: Phase, result: ResultId) {
        self.0[0] = phase as u8;
        self.0[1] = 0;
        self.0[2] = result.0 + 1;
        self.0[4] = 0;
    }

    /// Its packet has been taken or dropped.
    pub fn rest(&mut self) {
        self.0[0] = Phase::Idle as u8;
    }

    /// The kernel has written its status block.
    pub fn set_written(&mut self) {
        self.0[3] = self.0[3].with(WRITTEN);
    }

    /// Its memory is given back, or had again.
    pub fn set_freed(&mut self, freed: bool) {
        self.0[3] = self.0[3].set(FREED, freed);
    }

    /// Its end is reported there.
    pub fn set_route(&mut self, route: Route) {
        self.0[4] = match route {
            Route::File => 0,
            Route::Binding(binding) => binding.0 + 1,
            Route::Nowhere => NOWHERE,
        };
    }
}

/// What stands as the status of a report behind which its operation goes on: IORING_CQE_F_MORE.
pub const GOES_ON: u32 = 2;

/// How an operation ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IoResult {
    /// The NTSTATUS.
    pub status: u32,
    /// Bytes transferred, as the packet says.
    pub bytes: i64,
    /// Bytes transferred, as the issuing call says if the operation ended in it.
    pub returned: i64,
}

impl IoResult {
    /// Success, and no bytes: the zeros that an OVERLAPPED begins with.
    pub const NOTHING: IoResult = IoResult {
        status: 0,
        bytes: 0,
        returned: 0,
    };

    /// The same as the status block says it.
    pub fn as_block(self) -> IoResult {
        IoResult {
            returned: self.bytes,
            ..self
        }
    }
}

/// STATUS_CANCELLED without a byte: the first of `Program::results` where there are operations.
pub const CANCELLED: IoResult = IoResult {
    status: 0xc000_0120,
    bytes: 0,
    returned: 0,
};

/// -ECANCELED as the result of an entry: how a ring says that a request was cancelled. Among `Program::results`
/// where something is.
pub const TAKEN_BACK: IoResult = IoResult {
    status: 0,
    bytes: -125,
    returned: -125,
};
