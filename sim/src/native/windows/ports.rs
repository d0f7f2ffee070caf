//! Ports: their handles, and the calls that post and take.
//!
//! A call on a closed port is made with the handle that it had. No other port or file of the run gets that handle.

use std::ptr::{null_mut, without_provenance_mut};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use portsim_model::event::Error;
use portsim_model::program::{BATCH_MAX, Packet, Port, PortId, Program};
use windows_sys::Win32::Foundation::{GetLastError, HANDLE, INVALID_HANDLE_VALUE};
use windows_sys::Win32::System::IO::{
    CreateIoCompletionPort, GetQueuedCompletionStatus, GetQueuedCompletionStatusEx, OVERLAPPED,
    OVERLAPPED_ENTRY, PostQueuedCompletionStatus,
};

use super::handles::{
    Owned, answer_of_nt, checked, done_or_error, duplicate, failed, last_error, lock, untaken,
};
use super::ntdll;
use crate::native::backend::Failure;
use crate::trace::Answer;

/// The OVERLAPPED of packets that bring threads home; no scenario has it.
const HOME: usize = usize::MAX;
/// The key of a call that took nothing: the system leaves it as it was.
const NO_KEY: usize = usize::MAX;
/// The same of the bytes.
const NO_BYTES: u32 = u32::MAX;

// SAFETY: the system exports functions of these signatures under these names, as its documentation of native calls has
// them; no header that is used here does.
#[link(name = "ntdll")]
unsafe extern "system" {
    /// Posts a packet with a status of its own, which no Win32 call does.
    fn NtSetIoCompletion(
        port: HANDLE,
        key: usize,
        overlapped: usize,
        status: i32,
        information: usize,
    ) -> i32;
    /// Asks a port how many packets nobody has taken.
    fn NtQueryIoCompletion(
        port: HANDLE,
        class: u32,
        depth: *mut i32,
        len: u32,
        returned: *mut u32,
    ) -> i32;
}

/// The handles of one port.
struct Handles {
    concurrency: u32,
    /// Its name, if it has one.
    name: Option<String>,
    /// Those that are open; calls use the first.
    open: Vec<Owned>,
    /// The one that was used last, as a number: closed ones are still called with.
    last: usize,
}

/// The ports of a run.
pub struct Ports(Mutex<Vec<Handles>>);

impl Ports {
    /// The ports of a program, none of which is open yet.
    pub fn new(program: &Program) -> Ports {
        let handles = |port: &Port| Handles {
            concurrency: port.concurrency,
            name: port.named.then(name_of_a_port),
            open: Vec::new(),
            last: INVALID_HANDLE_VALUE as usize,
        };
        Ports(Mutex::new(program.ports.iter().map(handles).collect()))
    }

    /// CreateIoCompletionPort, or its kin where the port has a name; some handles belong to files that are called
    /// with them although they are closed.
    pub fn create(
        &self,
        port: PortId,
        is_taken: impl Fn(HANDLE) -> bool,
    ) -> Result<Answer, Failure> {
        let mut ports = lock(&self.0);
        let is_open = !ports[port.index()].open.is_empty();
        if is_open && ports[port.index()].name.is_none() {
            return Ok(failed(Error::Exists));
        }
        let mut was_there = None;
        let make = || {
            let (made, existed) = ports[port.index()].make()?;
            was_there.get_or_insert(existed);
            Ok(made)
        };
        let made = untaken(make, |made| {
            is_taken(made.raw()) || of_another(&ports, port, made)
        })?;
        let handles = &mut ports[port.index()];
        if !is_open {
            handles.last = made.raw() as usize;
        }
        handles.open.push(made);
        Ok(match was_there {
            Some(true) => Answer::Value(1),
            _ => Answer::Done,
        })
    }

    /// DuplicateHandle; some handles are taken, as for [`Ports::create`].
    pub fn duplicate(
        &self,
        port: PortId,
        is_taken: impl Fn(HANDLE) -> bool,
    ) -> Result<Answer, Failure> {
        let mut ports = lock(&self.0);
        let Some(first) = ports[port.index()].open.first().map(Owned::raw) else {
            return Ok(failed(Error::BadHandle));
        };
        let is_taken = |copy: &Owned| is_taken(copy.raw()) || of_another(&ports, port, copy);
        let copy = untaken(|| duplicate(first), is_taken)?;
        ports[port.index()].open.push(copy);
        Ok(Answer::Done)
    }

    /// CloseHandle, of the handle that was used so far.
    pub fn close(&self, port: PortId) -> Answer {
        let closed = {
            let mut ports = lock(&self.0);
            let handles = &mut ports[port.index()];
            if handles.open.is_empty() {
                return failed(Error::BadHandle);
            }
            // The one that calls used so far; they use the next from now on.
            let closed = handles.open.remove(0);
            if let Some(next) = handles.open.first() {
                handles.last = next.raw() as usize;
            }
            closed
        };
        closed.close()
    }

    /// The handle that calls on a port use.
    pub fn handle(&self, port: PortId) -> HANDLE {
        lock(&self.0)[port.index()].last as HANDLE
    }

    /// Whether a port has a handle.
    pub fn is_open(&self, port: PortId) -> bool {
        !lock(&self.0)[port.index()].open.is_empty()
    }

    /// Whether a call on some port is made with this handle, although it may be closed.
    pub fn remembers(&self, handle: HANDLE) -> bool {
        lock(&self.0).iter().any(|it| it.last == handle as usize)
    }

    /// Whether some port that this is true of has packets that nobody has taken.
    pub fn any_has_packets(&self, which: impl Fn(PortId) -> bool) -> bool {
        let has_packets = |handle: &Owned| depth(handle.raw()).is_ok_and(|depth| depth > 0);
        let ports = lock(&self.0);
        let mut ports = (0..).map(PortId).zip(ports.iter());
        ports.any(|(id, it)| which(id) && it.open.first().is_some_and(has_packets))
    }

    /// Brings home who waits: so many packets for each port, and then its end, for those to whom nothing is left
    /// because a batch took several.
    pub fn send_home(&self, threads: usize) {
        for port in lock(&self.0).iter_mut() {
            let Some(first) = port.open.first() else {
                continue;
            };
            for _ in 0..threads {
                // SAFETY: the system carries the OVERLAPPED as a number, and who takes it does not follow it. The
                // port is open while the lock is held.
                unsafe { PostQueuedCompletionStatus(first.raw(), 0, 0, HOME as *const OVERLAPPED) };
            }
            port.open.clear();
        }
    }
}

/// Whether calls on another port are made with this handle.
fn of_another(ports: &[Handles], port: PortId, made: &Owned) -> bool {
    let mut others = ports.iter().enumerate().filter(|&(n, _)| n != port.index());
    others.any(|(_, it)| it.last == made.raw() as usize)
}

impl Handles {
    /// One more handle, and whether the port was there under its name.
    fn make(&self) -> Result<(Owned, bool), Failure> {
        if let Some(name) = &self.name {
            return ntdll::create_named(name, self.concurrency);
        }
        // SAFETY: the call takes no pointer, and without a file it makes a port.
        let made = unsafe {
            CreateIoCompletionPort(INVALID_HANDLE_VALUE, null_mut(), 0, self.concurrency)
        };
        // SAFETY: if it was made it is new.
        let made = unsafe { checked("CreateIoCompletionPort", made) }?;
        Ok((made, false))
    }
}

/// A name for a port that no other has.
fn name_of_a_port() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let (process, n) = (std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    format!("\\BaseNamedObjects\\portsim-{process}-{n}")
}

/// How a call that takes one packet ended. The OVERLAPPED of a packet is what the system says, an address or a number.
pub enum Took {
    /// With a packet that says success.
    Well(Packet),
    /// With a packet that says something else, of which the call tells the error only.
    Badly(Packet, u32),
    /// With no packet.
    Nothing {
        /// What it says.
        answer: Answer,
        /// Whether it has left the bytes as they were, and made the OVERLAPPED NULL.
        keeps: bool,
    },
}

/// GetQueuedCompletionStatus.
pub fn take_one(port: HANDLE, millis: u32) -> Took {
    let (mut bytes, mut key) = (NO_BYTES, NO_KEY);
    let mut overlapped = without_provenance_mut(1);
    // SAFETY: the three places are ours, and are written before the call is over, if at all; what comes back as the
    // address of an OVERLAPPED is never followed. A port that is closed, or is closed meanwhile, is an error.
    let taken =
        unsafe { GetQueuedCompletionStatus(port, &mut bytes, &mut key, &mut overlapped, millis) };
    let packet = Packet {
        key: key as i64,
        bytes: bytes.into(),
        overlapped: overlapped as usize as i64,
        status: 0,
    };
    if taken != 0 {
        return Took::Well(packet);
    }
    // The OVERLAPPED does not tell: that of a packet may be NULL too.
    if key == NO_KEY {
        return Took::Nothing {
            answer: last_error(),
            keeps: bytes == NO_BYTES && overlapped.is_null(),
        };
    }
    // SAFETY: it takes nothing, and reads a number of this thread.
    Took::Badly(packet, unsafe { GetLastError() })
}

/// GetQueuedCompletionStatusEx.
pub fn take_many(
    port: HANDLE,
    millis: u32,
    max: u8,
    alertable: bool,
) -> Result<Vec<Packet>, Answer> {
    let mut room = [OVERLAPPED_ENTRY::default(); BATCH_MAX];
    let max = usize::from(max).min(BATCH_MAX);
    let mut taken = 0;
    // SAFETY: the room has at least as many entries as is said. It and the count are ours, and are written before the
    // call is over, if at all; what comes back as the address of an OVERLAPPED is never followed. A port that is
    // closed, or is closed meanwhile, is an error.
    let done = unsafe {
        GetQueuedCompletionStatusEx(
            port,
            room.as_mut_ptr(),
            max as u32,
            &mut taken,
            millis,
            alertable.into(),
        )
    };
    if done == 0 {
        return Err(last_error());
    }
    let packet = |entry: &OVERLAPPED_ENTRY| Packet {
        key: entry.lpCompletionKey as i64,
        bytes: entry.dwNumberOfBytesTransferred.into(),
        overlapped: entry.lpOverlapped as usize as i64,
        status: entry.Internal as u32,
    };
    Ok(room[..max.min(taken as usize)].iter().map(packet).collect())
}

/// PostQueuedCompletionStatus, or its kin where the packet has a status.
pub fn post(port: HANDLE, packet: Packet) -> Answer {
    let (key, overlapped) = (packet.key as usize, packet.overlapped as usize);
    if packet.status == 0 {
        let overlapped = overlapped as *const OVERLAPPED;
        // SAFETY: the system carries the OVERLAPPED as a number, and who takes it does not follow it. A port that is
        // closed is an error.
        let done =
            unsafe { PostQueuedCompletionStatus(port, packet.bytes as u32, key, overlapped) };
        return done_or_error(done);
    }
    let (status, bytes) = (packet.status as i32, packet.bytes as usize);
    // SAFETY: the call takes numbers only. A port that is closed is an error.
    answer_of_nt(unsafe { NtSetIoCompletion(port, key, overlapped, status, bytes) })
}

/// How many packets of a port nobody has taken, or why that is not known.
fn depth(port: HANDLE) -> Result<i32, i32> {
    let (mut depth, mut returned) = (0, 0);
    // SAFETY: class 0 has one number of 4 bytes. It and the length go to places of ours before the call is over. A
    // port that is closed is an error.
    let status = unsafe { NtQueryIoCompletion(port, 0, &mut depth, 4, &mut returned) };
    if status < 0 { Err(status) } else { Ok(depth) }
}

/// NtQueryIoCompletion.
pub fn query(port: HANDLE) -> Answer {
    match depth(port) {
        Ok(depth) => Answer::Value(depth.clamp(0, 255).into()),
        Err(status) => answer_of_nt(status),
    }
}
