//! Windows: a port is an I/O completion port, and every call is the Win32 call of its name.
//!
//! The program runs wherever the Win32 interface is: on Windows, or under Wine, which the backend then says in
//! its name for itself (`wine-8`), because another system is a thing of its own.
//!
//! - [`files`] are pipes, with a device at their other end; [`refusals`] says what a pipe cannot show.
//! - [`jobs`] have processes that never run; [`suspension`] stops threads where they hold nothing.
//! - [`ntdll`] has the calls that no Win32 name stands for; [`handles`] is what all of it is made of.
//!
//! Long: one world answers every call, and what is here besides files is a few lines a call.
//!
//! - The kernel counts a thread that took a packet as running until it waits. So it spins between its calls,
//!   and gives its processor away without ever waiting.
//! - A call on a closed port is made with the handle that it had. No other port of the run gets that handle.
//! - Whatever waits for an object also waits for an event of ours, `home`, which brings it home when the
//!   recording is over; whoever waits on a port is brought home by packets of ours and then by its end.

mod files;
mod handles;
mod jobs;
mod ntdll;
mod refusals;
mod suspension;

use std::ptr::null;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use portsim_model::event::{Error, win32_of_status};
use portsim_model::program::{
    BATCH_MAX, Binding, BindingId, FileId, IoResult, Object, ObjectId, Op, OperationId, Packet,
    PacketId, PortId, Program, ReserveId, ResultId, ThreadId, Timeout,
};
use windows_sys::Win32::Foundation::{
    CloseHandle, GetLastError, HANDLE, INVALID_HANDLE_VALUE, WAIT_ABANDONED_0, WAIT_IO_COMPLETION,
    WAIT_OBJECT_0, WAIT_TIMEOUT,
};
use windows_sys::Win32::System::IO::{
    CreateIoCompletionPort, GetQueuedCompletionStatus, GetQueuedCompletionStatusEx, OVERLAPPED,
    OVERLAPPED_ENTRY, PostQueuedCompletionStatus,
};
use windows_sys::Win32::System::Threading::{
    CreateEventW, CreateMutexW, CreateSemaphoreW, GetCurrentThread, INFINITE, QueueUserAPC,
    ReleaseMutex, ReleaseSemaphore, ResetEvent, SetEvent, TerminateThread,
    WaitForMultipleObjectsEx,
};

use crate::native::backend::{Backend, Failure, Stage};
use crate::native::parked::{Call, KernelWait, Probe};
use crate::native::parked_windows::wine_version;
use crate::native::seats::Seats;
use crate::native::world::{Idle, Parked, World};
use crate::trace::Answer;
use files::Files;
use handles::{
    NAME, Owned, answer_of_nt, checked, done_or_error, duplicate, event, failed, last_error, lock,
    set,
};
use jobs::Jobs;
use ntdll::Natives;
use suspension::Suspensions;

/// The OVERLAPPED of packets that bring threads home; no scenario has it.
const HOME: usize = usize::MAX;

// SAFETY: these are the signatures that the system exports under these names, as its documentation of native
// calls has them.
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

/// The backend `windows`.
pub struct Windows;

impl Backend for Windows {
    fn name(&self) -> &'static str {
        NAME
    }

    fn plays(&self) -> String {
        match wine_version() {
            None => NAME.to_owned(),
            Some(version) => {
                let major = version.split(['.', '-', ' ']).next().unwrap_or_default();
                format!("wine-{major}")
            }
        }
    }

    fn available(&self) -> Result<(), String> {
        let probe = Probe::of_this_thread();
        probe
            .map(drop)
            .map_err(|error| format!("nothing shows what a thread waits for: {error}"))
    }

    fn supports(&self, program: &Program, op: Op) -> Result<(), String> {
        match op {
            Op::Get { min: Some(_), .. } => {
                Err("a batch takes what is there, and waits for no more".into())
            }
            Op::Post { packet, .. } if !fits(program.packets[packet.index()]) => {
                Err("the Win32 calls carry 32 bits of bytes".into())
            }
            Op::Post {
                may_fail: true,
                reserve: None,
                ..
            } => Err("nobody can make memory scarce here".into()),
            Op::Suspend { thread } if suspends_itself(program, thread) => Err(
                "a thread that suspends itself comes back from the call when it is resumed".into(),
            ),
            Op::Get { .. }
            | Op::Close { .. }
            | Op::Create { .. }
            | Op::DuplicatePort { .. }
            | Op::Query { .. }
            | Op::WaitHandle { .. }
            | Op::Block { .. }
            | Op::Signal { .. }
            | Op::Reset { .. }
            | Op::Stall
            | Op::Sleep { .. }
            | Op::Suspend { .. }
            | Op::Resume { .. }
            | Op::JobPort { .. }
            | Op::Yield
            | Op::Spawn { .. }
            | Op::Exit
            | Op::Set { .. }
            | Op::Test { .. }
            | Op::Assert { .. }
            | Op::Note(_) => Ok(()),
            Op::Post { .. }
            | Op::Apc { .. }
            | Op::WaitPacket { .. }
            | Op::CancelWaitPacket { .. } => ntdll::refused(op).map_or(Ok(()), Err),
            Op::JobStart { .. } | Op::JobExit { .. } => {
                jobs::refused(program, op).map_or(Ok(()), |why| Err(why.into()))
            }
            Op::Associate { .. }
            | Op::Replace { .. }
            | Op::Modes { .. }
            | Op::DuplicateFile { .. }
            | Op::CloseFile { .. }
            | Op::Start { .. }
            | Op::Complete { .. }
            | Op::Cancel { .. }
            | Op::CancelFile { .. }
            | Op::Free { .. }
            | Op::Alloc { .. } => {
                refusals::refused(program, op).map_or(Ok(()), |why| Err(why.into()))
            }
            _ => Err("this version does not make this call here".into()),
        }
    }

    fn world(&self, program: &Program, tick: Duration) -> Result<Option<Arc<dyn World>>, Failure> {
        Ok(Some(Arc::new(WindowsWorld::new(program, tick)?)))
    }

    fn open(&self, program: &Program, tick: Duration) -> Result<Box<dyn Stage>, Failure> {
        let world = Arc::new(WindowsWorld::new(program, tick)?);
        Ok(Box::new(Seats::new(world, program.threads.len())?))
    }
}

fn fits(packet: Packet) -> bool {
    u32::try_from(packet.bytes).is_ok()
}

/// Whether some code suspends the thread that runs it.
fn suspends_itself(program: &Program, thread: ThreadId) -> bool {
    let suspends = |op| op == Op::Suspend { thread };
    program.code(thread).ops().any(suspends)
}

/// The handles of one port.
struct Handles {
    concurrency: u32,
    /// Its name, if it has one.
    name: Option<String>,
    /// Those that are open; calls use the first.
    open: Vec<Owned>,
    /// The one that was used last: closed ones are still called with.
    last: HANDLE,
}

// SAFETY: `last` is a number that is only passed to the system, which says whether it names anything.
unsafe impl Send for Handles {}

/// What a thread is doing.
#[derive(Default)]
struct Doing {
    /// The wait that it may be in: 0 none, 1 on a port, 2 on an object.
    wait: AtomicU8,
    /// Which port that is, and 1 more.
    on: AtomicUsize,
    /// Whether it has ever taken from a port, which counts it.
    counted: AtomicBool,
    /// The port that it was at last, and 1 more.
    member: AtomicUsize,
    suspensions: Suspensions,
    /// Whether it was ended, because nothing brings it home.
    lost: AtomicBool,
}

struct WindowsWorld {
    tick: Duration,
    packets: Vec<Packet>,
    bindings: Vec<Binding>,
    bursts: Vec<Vec<OperationId>>,
    results: Vec<IoResult>,
    operation_events: Vec<Option<ObjectId>>,
    files: Files,
    jobs: Jobs,
    natives: Natives,
    ports: Mutex<Vec<Handles>>,
    objects: Vec<(Object, Owned)>,
    threads: Mutex<Vec<Option<Owned>>>,
    stalls: Vec<Owned>,
    doing: Vec<Doing>,
    home: Owned,
    over: AtomicBool,
    wine: bool,
}

impl WindowsWorld {
    fn new(program: &Program, tick: Duration) -> Result<WindowsWorld, Failure> {
        let count = program.threads.len();
        let handles = |port: &portsim_model::program::Port| Handles {
            concurrency: port.concurrency,
            name: port.named.then(name_of_a_port),
            open: Vec::new(),
            last: INVALID_HANDLE_VALUE,
        };
        let object = |object: &Object| {
            // SAFETY: no names and no attributes are passed; the results are checked.
            let handle = unsafe {
                match *object {
                    Object::Event { manual, signaled } => {
                        CreateEventW(null(), manual.into(), signaled.into(), null())
                    }
                    Object::Mutex => CreateMutexW(null(), 0, null()),
                    Object::Semaphore { count } => {
                        let most = portsim_model::program::SEMAPHORE_MAX;
                        CreateSemaphoreW(null(), count.into(), most.into(), null())
                    }
                }
            };
            Ok((*object, checked("create an object", handle)?))
        };
        let stall = |_| event();
        let wine = wine_version().is_some();
        let world = WindowsWorld {
            tick,
            packets: program.packets.clone(),
            bindings: program.bindings.clone(),
            bursts: program.bursts.clone(),
            results: program.results.clone(),
            operation_events: program.operations.iter().map(|it| it.event).collect(),
            files: Files::new(program, wine)?,
            jobs: Jobs::new(program)?,
            natives: Natives::new(program)?,
            ports: Mutex::new(program.ports.iter().map(handles).collect()),
            objects: program
                .objects
                .iter()
                .map(object)
                .collect::<Result<_, Failure>>()?,
            threads: Mutex::new((0..count).map(|_| None).collect()),
            stalls: (0..count).map(stall).collect::<Result<_, _>>()?,
            doing: (0..count).map(|_| Doing::default()).collect(),
            // SAFETY: as above; a manual event, because many may wait for it.
            home: checked("CreateEventW", unsafe {
                CreateEventW(null(), 1, 0, null())
            })?,
            over: AtomicBool::new(false),
            wine,
        };
        for (n, port) in program.ports.iter().enumerate() {
            if port.open {
                world.create(PortId(n as u8))?;
            }
        }
        world
            .files
            .set_up(&program.bindings, |port| world.handle(port))?;
        Ok(world)
    }

    fn create(&self, port: PortId) -> Result<Answer, Failure> {
        let mut ports = lock(&self.ports);
        let is_open = !ports[port.index()].open.is_empty();
        if is_open && ports[port.index()].name.is_none() {
            return Ok(failed(Error::Exists));
        }
        let mut unfit = Vec::new();
        loop {
            let (made, existed) = ports[port.index()].make()?;
            let of_another = |(n, it): (usize, &Handles)| n != port.index() && it.last == made.0;
            let of_a_file = self.files.remembers(made.0);
            if !ports.iter().enumerate().any(of_another) && !of_a_file {
                let handles = &mut ports[port.index()];
                if !is_open {
                    handles.last = made.0;
                }
                handles.open.push(made);
                return Ok(match existed && unfit.is_empty() {
                    true => Answer::Value(1),
                    false => Answer::Done,
                });
            }
            // Kept until another one is found, so that it does not come again.
            unfit.push(made);
        }
    }

    fn duplicate(&self, port: PortId) -> Result<Answer, Failure> {
        let mut ports = lock(&self.ports);
        let handles = &mut ports[port.index()];
        let Some(first) = handles.open.first() else {
            return Ok(failed(Error::BadHandle));
        };
        handles.open.push(duplicate(first.0)?);
        Ok(Answer::Done)
    }

    fn close(&self, port: PortId) -> Result<Answer, Failure> {
        let closed = {
            let mut ports = lock(&self.ports);
            let handles = &mut ports[port.index()];
            if handles.open.is_empty() {
                return Ok(failed(Error::BadHandle));
            }
            // The one that calls used so far; they use the next from now on.
            let closed = handles.open.remove(0);
            if let Some(next) = handles.open.first() {
                handles.last = next.0;
            }
            closed
        };
        // SAFETY: it is ours; its drop is left out, because the answer is wanted.
        let done = unsafe { CloseHandle(closed.0) };
        std::mem::forget(closed);
        Ok(done_or_error(done))
    }

    fn handle(&self, port: PortId) -> HANDLE {
        lock(&self.ports)[port.index()].last
    }

    fn millis(&self, timeout: Timeout) -> u32 {
        match timeout {
            Timeout::Never => INFINITE,
            Timeout::Ticks(ticks) => (self.tick * ticks).as_millis().min(0xffff_fffe) as u32,
        }
    }

    /// Makes a call that may wait, so that it is known outside which wait that would be.
    fn waits<T>(&self, me: ThreadId, wait: u8, on: usize, call: impl FnOnce() -> T) -> T {
        let doing = &self.doing[me.index()];
        doing.on.store(on, Ordering::SeqCst);
        doing.wait.store(wait, Ordering::SeqCst);
        let result = call();
        doing.wait.store(0, Ordering::SeqCst);
        result
    }

    fn get(&self, me: ThreadId, port: PortId, timeout: Timeout, batch: Batch) -> Answer {
        let (handle, millis) = (self.handle(port), self.millis(timeout));
        let on = port.index() + 1;
        let doing = &self.doing[me.index()];
        doing.counted.store(true, Ordering::SeqCst);
        doing.member.store(on, Ordering::SeqCst);
        match batch {
            Batch {
                max: None,
                alertable: false,
            } => self.waits(me, 1, on, || self.get_one(handle, millis)),
            Batch { max, alertable } => {
                let answer = self.waits(me, 1, on, || {
                    self.get_many(handle, millis, max.unwrap_or(1), alertable)
                });
                match answer {
                    Answer::Packets(mut packets) if max.is_none() && packets.len() == 1 => {
                        packets.pop().map_or(Answer::Done, Answer::Packet)
                    }
                    answer => answer,
                }
            }
        }
    }

    fn get_one(&self, port: HANDLE, millis: u32) -> Answer {
        let (mut bytes, mut key, mut overlapped) = (0, 0, std::ptr::null_mut());
        // SAFETY: all pointers are to places of ours; the OVERLAPPED that comes back is never followed.
        let taken = unsafe {
            GetQueuedCompletionStatus(port, &mut bytes, &mut key, &mut overlapped, millis)
        };
        let known = self.files.known(overlapped as usize);
        let mut packet = self.told(Packet {
            key: key as i64,
            bytes: bytes.into(),
            overlapped: overlapped as usize as i64,
            status: 0,
        });
        if taken != 0 {
            return Answer::Packet(packet);
        }
        if let Some((_, status)) = known {
            packet.status = status;
            return Answer::Packet(packet);
        }
        if overlapped.is_null() {
            return last_error();
        }
        // The call says the error that the status of the packet turns into, and not the status.
        // SAFETY: it reads a number of this thread.
        let error = unsafe { GetLastError() };
        let meant = |posted: &&Packet| {
            let same = Packet {
                status: 0,
                ..**posted
            } == packet;
            same && posted.status != 0 && u32::from(win32_of_status(posted.status)) == error
        };
        match self.packets.iter().find(meant) {
            Some(posted) => {
                packet.status = posted.status;
                Answer::Packet(packet)
            }
            None => last_error(),
        }
    }

    fn get_many(&self, port: HANDLE, millis: u32, max: u8, alertable: bool) -> Answer {
        let mut room = [OVERLAPPED_ENTRY::default(); BATCH_MAX];
        let max = usize::from(max).min(BATCH_MAX);
        let mut taken = 0;
        // SAFETY: the room is as long as is said; no OVERLAPPED that comes back is followed.
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
            return last_error();
        }
        let packet = |entry: &OVERLAPPED_ENTRY| {
            self.told(Packet {
                key: entry.lpCompletionKey as i64,
                bytes: entry.dwNumberOfBytesTransferred.into(),
                overlapped: entry.lpOverlapped as usize as i64,
                status: entry.Internal as u32,
            })
        };
        Answer::Packets(room[..max.min(taken as usize)].iter().map(packet).collect())
    }

    /// A packet with the number that a scenario gives to its OVERLAPPED, or to the process that it speaks of.
    fn told(&self, mut packet: Packet) -> Packet {
        let Packet {
            key,
            bytes,
            overlapped,
            ..
        } = packet;
        if let Some((number, _)) = self.files.known(overlapped as usize) {
            packet.overlapped = number;
        } else if let Some(pid) = self.jobs.pid(key, bytes, overlapped) {
            packet.overlapped = pid;
        }
        packet
    }

    fn post(
        &self,
        port: PortId,
        packet: PacketId,
        reserve: Option<ReserveId>,
    ) -> Result<Answer, Failure> {
        let (handle, packet) = (self.handle(port), self.packets[packet.index()]);
        match reserve {
            None => Ok(self.post_plainly(handle, packet)),
            Some(reserve) => self.natives.post(handle, reserve.index(), packet),
        }
    }

    fn post_plainly(&self, handle: HANDLE, packet: Packet) -> Answer {
        let (key, overlapped) = (packet.key as usize, packet.overlapped as usize);
        if packet.status == 0 {
            let overlapped = overlapped as *const OVERLAPPED;
            // SAFETY: the system carries the OVERLAPPED as a number.
            let done =
                unsafe { PostQueuedCompletionStatus(handle, packet.bytes as u32, key, overlapped) };
            return done_or_error(done);
        }
        let (status, bytes) = (packet.status as i32, packet.bytes as usize);
        // SAFETY: only numbers are passed.
        answer_of_nt(unsafe { NtSetIoCompletion(handle, key, overlapped, status, bytes) })
    }

    /// How many packets of a port nobody has taken, or why that is not known.
    fn depth(&self, handle: HANDLE) -> Result<i32, i32> {
        let (mut depth, mut returned) = (0, 0);
        // SAFETY: the pointers are to places of ours, of the length that is passed.
        let status = unsafe { NtQueryIoCompletion(handle, 0, &mut depth, 4, &mut returned) };
        if status < 0 { Err(status) } else { Ok(depth) }
    }

    fn query(&self, port: PortId) -> Answer {
        match self.depth(self.handle(port)) {
            Ok(depth) => Answer::Value(depth.clamp(0, 255) as u8),
            Err(status) => answer_of_nt(status),
        }
    }

    /// Waits for a handle, or to be sent home.
    fn wait(&self, me: ThreadId, handle: HANDLE, timeout: Timeout, alertable: bool) -> Answer {
        let (handles, millis) = ([handle, self.home.0], self.millis(timeout));
        // SAFETY: the array has as many handles as is said.
        let ended = self.waits(me, 2, 0, || unsafe {
            WaitForMultipleObjectsEx(2, handles.as_ptr(), 0, millis, alertable.into())
        });
        match ended {
            WAIT_OBJECT_0 | WAIT_ABANDONED_0 => Answer::Done,
            WAIT_TIMEOUT => failed(Error::Timeout),
            WAIT_IO_COMPLETION => failed(Error::Apc),
            ended if ended == WAIT_OBJECT_0 + 1 => failed(Error::Abandoned),
            _ => last_error(),
        }
    }

    fn sleep(&self, me: ThreadId, ticks: u32, alertable: bool) -> Answer {
        // It waits for nothing but its time: an event that nobody sets while the recording lasts.
        let never = self.stalls[me.index()].0;
        match self.wait(me, never, Timeout::Ticks(ticks), alertable) {
            answer if answer.error() == Some(Error::Timeout) => Answer::Done,
            answer => answer,
        }
    }

    fn signal(&self, object: ObjectId) -> Answer {
        let (kind, handle) = &self.objects[object.index()];
        // SAFETY: the handle is open for as long as the world is.
        let done = unsafe {
            match kind {
                Object::Event { .. } => SetEvent(handle.0),
                Object::Mutex => ReleaseMutex(handle.0),
                Object::Semaphore { .. } => ReleaseSemaphore(handle.0, 1, std::ptr::null_mut()),
            }
        };
        done_or_error(done)
    }

    fn reset(&self, object: ObjectId) -> Answer {
        let (kind, handle) = &self.objects[object.index()];
        if !matches!(kind, Object::Event { .. }) {
            return failed(Error::Invalid);
        }
        // SAFETY: as above.
        let done = unsafe { ResetEvent(handle.0) };
        done_or_error(done)
    }

    fn associate(&self, binding: Option<BindingId>) -> Answer {
        let binding = binding.map(|binding| self.bindings[binding.index()]);
        let (file, port, key) = match binding {
            Some(it) => (self.files.handle(it.file), self.handle(it.port), it.key),
            // Which port such a call names is all one.
            None => (INVALID_HANDLE_VALUE, self.handle(PortId(0)), 0),
        };
        files::associate(file, port, key)
    }

    fn replace(&self, file: FileId, binding: Option<BindingId>) -> Answer {
        let binding = binding.map(|binding| self.bindings[binding.index()]);
        let (port, key) = binding.map_or((std::ptr::null_mut(), 0), |it| {
            (self.handle(it.port), it.key)
        });
        files::replace(self.files.handle(file), port, key)
    }

    fn issue(
        &self,
        me: ThreadId,
        operation: OperationId,
        now: Option<ResultId>,
    ) -> Result<Answer, Failure> {
        let event = self.operation_events[operation.index()];
        let event = event.map_or(std::ptr::null_mut(), |event| {
            self.objects[event.index()].1.0
        });
        let now = now.map(|now| self.results[now.index()]);
        self.files.start(me, operation, event, now)
    }

    fn complete(&self, burst: u16, result: ResultId) -> Result<Answer, Failure> {
        let mut answer = failed(Error::NotFound);
        for &operation in &self.bursts[usize::from(burst)] {
            answer = self
                .files
                .complete(operation, self.results[result.index()])?;
        }
        Ok(answer)
    }

    /// What a wait for an object waits for: a file has a signal of its own.
    fn object(&self, object: ObjectId) -> HANDLE {
        let file = self.files.of_signal(object);
        file.unwrap_or(self.objects[object.index()].1.0)
    }

    fn duplicate_file(&self, file: FileId) -> Result<Answer, Failure> {
        let ports = lock(&self.ports);
        let is_taken = |handle: HANDLE| ports.iter().any(|it| it.last == handle);
        self.files.duplicate(file, is_taken)
    }

    fn apc(&self, thread: ThreadId, reserve: Option<ReserveId>) -> Result<Answer, Failure> {
        let Some(handle) = self.thread(thread) else {
            return Ok(failed(Error::BadHandle));
        };
        if let Some(reserve) = reserve {
            return self.natives.apc(handle, reserve.index());
        }
        // SAFETY: the procedure does nothing, and lives as long as the program.
        let done = unsafe { QueueUserAPC(Some(nothing), handle, 0) };
        Ok(done_or_error(done as i32))
    }

    /// The handle of a thread that has begun.
    fn thread(&self, thread: ThreadId) -> Option<HANDLE> {
        let threads = lock(&self.threads);
        threads[thread.index()].as_ref().map(|it| it.0)
    }

    fn suspend(&self, thread: ThreadId) -> Answer {
        let doing = &self.doing[thread.index()];
        let is_parked = || doing.wait.load(Ordering::SeqCst) != 0;
        let handle = self.thread(thread);
        handle.map_or(failed(Error::BadHandle), |handle| {
            doing.suspensions.suspend(handle, is_parked)
        })
    }

    fn resume(&self, thread: ThreadId) -> Answer {
        let handle = self.thread(thread);
        handle.map_or(failed(Error::BadHandle), |handle| {
            self.doing[thread.index()].suspensions.resume(handle)
        })
    }
}

impl Handles {
    /// One more handle, and whether the port was there under its name.
    fn make(&self) -> Result<(Owned, bool), Failure> {
        if let Some(name) = &self.name {
            return ntdll::create_named(name, self.concurrency);
        }
        // SAFETY: no file is passed.
        let made = unsafe {
            CreateIoCompletionPort(
                INVALID_HANDLE_VALUE,
                std::ptr::null_mut(),
                0,
                self.concurrency,
            )
        };
        Ok((checked("CreateIoCompletionPort", made)?, false))
    }
}

/// A name for a port that no other has.
fn name_of_a_port() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let (process, n) = (std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    format!("\\BaseNamedObjects\\portsim-{process}-{n}")
}

/// An asynchronous procedure: that it ran is all that is asked.
///
/// # Safety
///
/// It does nothing, and can be called in any way.
unsafe extern "system" fn nothing(_: usize) {}

struct Batch {
    max: Option<u8>,
    alertable: bool,
}

impl World for WindowsWorld {
    fn backend(&self) -> &'static str {
        NAME
    }

    fn arrives(&self, me: ThreadId) -> Result<(), Failure> {
        // SAFETY: it names the calling thread, wherever it is called.
        let thread = duplicate(unsafe { GetCurrentThread() })?;
        lock(&self.threads)[me.index()] = Some(thread);
        Ok(())
    }

    fn perform(&self, me: ThreadId, op: Op) -> Result<Answer, Failure> {
        self.doing[me.index()].suspensions.moves();
        Ok(match op {
            Op::Get {
                port,
                timeout,
                max,
                alertable,
                ..
            } => self.get(me, port, timeout, Batch { max, alertable }),
            Op::Post {
                port,
                packet,
                reserve,
                ..
            } => self.post(port, packet, reserve)?,
            Op::Close { port, .. } => self.close(port)?,
            Op::Create { port, .. } => self.create(port)?,
            Op::DuplicatePort { port, .. } => self.duplicate(port)?,
            Op::Query { port, .. } => self.query(port),
            Op::WaitHandle {
                port,
                timeout,
                alertable,
                ..
            } => self.wait(me, self.handle(port), timeout, alertable),
            Op::Block {
                object,
                timeout,
                alertable,
                ..
            } => self.wait(me, self.object(object), timeout, alertable),
            Op::Signal { object } => self.signal(object),
            Op::Reset { object } => self.reset(object),
            Op::Stall => self.wait(me, self.stalls[me.index()].0, Timeout::Never, false),
            Op::Sleep {
                ticks, alertable, ..
            } => self.sleep(me, ticks, alertable),
            Op::Apc {
                thread, reserve, ..
            } => self.apc(thread, reserve)?,
            Op::Suspend { thread } => self.suspend(thread),
            Op::Resume { thread } => self.resume(thread),
            Op::JobPort { job, binding, .. } => {
                let port = |port| self.handle(port);
                self.jobs.associate(job, binding, port)
            }
            Op::JobStart { job, pid, .. } => self.jobs.start(job, pid)?,
            Op::JobExit { job, pid, .. } => self.jobs.exit(job, pid)?,
            Op::WaitPacket {
                wait_packet,
                port,
                target,
                packet,
                ..
            } => self.natives.associate(
                wait_packet.index(),
                self.handle(port),
                self.object(target),
                self.packets[packet.index()],
            )?,
            Op::CancelWaitPacket {
                wait_packet,
                remove,
                ..
            } => self.natives.cancel(wait_packet.index(), remove)?,
            Op::Associate { binding, .. } => self.associate(binding),
            Op::Replace { file, binding, .. } => self.replace(file, binding),
            Op::Modes { file, modes, .. } => self.files.set_modes(file, modes),
            Op::DuplicateFile { file, .. } => self.duplicate_file(file)?,
            Op::CloseFile { file, .. } => self.files.close(file),
            Op::Start { operation, now, .. } => self.issue(me, operation, now)?,
            Op::Complete { burst, result, .. } => self.complete(burst, result)?,
            Op::Cancel { operation, .. } => self.files.cancel(operation),
            Op::CancelFile { file, mine, .. } => self.files.cancel_all(me, file, mine),
            // The memory stays ours: what the kernel writes there must not hit anybody.
            Op::Free { .. } | Op::Alloc { .. } => Answer::Done,
            _ => unreachable!("{op:?} is refused before a run"),
        })
    }

    fn parked(&self, thread: ThreadId, _: Op) -> Parked {
        let doing = &self.doing[thread.index()];
        let call = match doing.wait.load(Ordering::SeqCst) {
            _ if doing.suspensions.any() => Call::Suspension,
            0 => return Parked::No,
            1 => Call::Port,
            _ => Call::Object,
        };
        Parked::Kernel(KernelWait { call, first: 0 })
    }

    fn counts(&self, thread: ThreadId) -> bool {
        let member = self.doing[thread.index()].member.load(Ordering::SeqCst);
        let is_open = |port: usize| !lock(&self.ports)[port].open.is_empty();
        member.checked_sub(1).is_some_and(is_open) || self.files.pend_of(thread)
    }

    fn resume_all(&self) {
        for thread in (0..self.doing.len() as u8).map(ThreadId) {
            while self.doing[thread.index()].suspensions.any() {
                self.resume(thread);
            }
        }
    }

    /// Under Wine a thread that was handed a packet may look parked for a moment longer. Nobody is held back
    /// there, so a packet and a waiter on one port are on their way to each other.
    fn settled(&self) -> bool {
        let waits_on = |on: usize| {
            self.doing.iter().any(|doing| {
                doing.wait.load(Ordering::SeqCst) == 1
                    && doing.on.load(Ordering::SeqCst) == on + 1
                    && !doing.suspensions.any()
            })
        };
        let moving = |(n, handles): (usize, &Handles)| {
            let first = handles.open.first();
            waits_on(n) && first.is_some_and(|it| self.depth(it.0).is_ok_and(|depth| depth > 0))
        };
        !self.wine || !lock(&self.ports).iter().enumerate().any(moving)
    }

    fn come_back(&self, thread: ThreadId) -> Result<(), Failure> {
        set(&self.stalls[thread.index()])
    }

    fn release(&self) -> Result<(), Failure> {
        self.over.store(true, Ordering::SeqCst);
        set(&self.home)?;
        self.files.release();
        for handles in lock(&self.ports).iter_mut() {
            if let Some(first) = handles.open.first() {
                for _ in &self.doing {
                    // SAFETY: the OVERLAPPED is a number that nobody follows.
                    unsafe { PostQueuedCompletionStatus(first.0, 0, 0, HOME as *const OVERLAPPED) };
                }
            }
        }
        Ok(())
    }

    /// Wine 8 forgets who waits on a port that is closed: nothing in the world brings such a thread home.
    fn give_up(&self, thread: ThreadId) -> bool {
        let doing = &self.doing[thread.index()];
        if !self.wine || doing.wait.load(Ordering::SeqCst) != 1 {
            return false;
        }
        let threads = lock(&self.threads);
        let Some(handle) = &threads[thread.index()] else {
            return false;
        };
        // SAFETY: it waits in the kernel for something that does not exist any more, so it holds no lock, and
        // what it borrows is never freed: whoever gives it up keeps the world.
        let ended = unsafe { TerminateThread(handle.0, 0) } != 0;
        doing.lost.store(ended, Ordering::SeqCst);
        ended
    }

    fn disturbed(&self) -> bool {
        false
    }

    fn idle(&self, me: ThreadId) -> Idle {
        self.doing[me.index()].suspensions.rests();
        let counted = self.doing[me.index()].counted.load(Ordering::SeqCst);
        if counted && !self.over.load(Ordering::SeqCst) {
            Idle::Spins
        } else {
            Idle::Sleeps
        }
    }
}
