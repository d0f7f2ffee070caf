//! One run: every call of a program, made where what it is about lives.
//!
//! What packets and results mean in a scenario is said here: the rest knows addresses and numbers of the system only.
//! Whoever waits on a port is brought home by packets of ours and then by its end.

use std::io;
use std::time::Duration;

use portsim_model::event::Error;
use portsim_model::ops_of;
use portsim_model::program::{
    Binding, BindingId, FileId, IoResult, ObjectId, Op, OperationId, Packet, PacketId, PortId,
    Program, ReserveId, ResultId, ThreadId, Timeout,
};
use windows_sys::Win32::Foundation::{HANDLE, INVALID_HANDLE_VALUE};
use windows_sys::Win32::System::Threading::INFINITE;

use super::files::{self, Files};
use super::handles::{NAME, failed, last_error};
use super::jobs::Jobs;
use super::ntdll::Natives;
use super::objects::Objects;
use super::ports::{self, Ports, Took};
use super::threads::Threads;
use crate::native::backend::{Failure, ops_of_the_conductor};
use crate::native::parked_windows::wine_version;
use crate::native::ports::refused_before;
use crate::native::world::{Idle, Parked, World};
use crate::trace::Answer;

/// A program's ports, threads and what else there is.
pub struct WindowsWorld {
    tick: Duration,
    packets: Vec<Packet>,
    bindings: Vec<Binding>,
    bursts: Vec<Vec<OperationId>>,
    results: Vec<IoResult>,
    operation_events: Vec<Option<ObjectId>>,
    files: Files,
    jobs: Jobs,
    natives: Natives,
    ports: Ports,
    objects: Objects,
    threads: Threads,
    wine: bool,
}

impl WindowsWorld {
    /// Those of a program, as they are at the start.
    pub fn new(program: &Program, tick: Duration) -> Result<WindowsWorld, Failure> {
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
            ports: Ports::new(program),
            objects: Objects::new(program)?,
            threads: Threads::new(program)?,
            wine,
        };
        for (n, port) in program.ports.iter().enumerate() {
            if port.open {
                world.create(PortId(n as u8))?;
            }
        }
        world
            .files
            .set_up(&program.bindings, |port| world.ports.handle(port))?;
        Ok(world)
    }

    fn millis(&self, timeout: Timeout) -> u32 {
        match timeout {
            Timeout::Never => INFINITE,
            Timeout::Ticks(ticks) => (self.tick * ticks).as_millis().min(0xffff_fffe) as u32,
        }
    }

    // Ports.

    fn create(&self, port: PortId) -> Result<Answer, Failure> {
        self.ports
            .create(port, |handle| self.files.remembers(handle))
    }

    fn duplicate(&self, port: PortId) -> Result<Answer, Failure> {
        self.ports
            .duplicate(port, |handle| self.files.remembers(handle))
    }

    fn get(
        &self,
        me: ThreadId,
        port: PortId,
        timeout: Timeout,
        keeps: bool,
    ) -> Result<Answer, Failure> {
        let (handle, millis) = (self.ports.handle(port), self.millis(timeout));
        self.joins(me, port);
        let took = self
            .threads
            .takes(me, port, || ports::take_one(handle, millis));
        match took {
            Took::Well(packet) => Ok(Answer::Packet(self.told(packet))),
            Took::Badly(packet, error) => Ok(self.told_badly(packet, error)),
            Took::Nothing { keeps: false, .. } if keeps => {
                let what = "it has taken no packet, and changed its caller's variables";
                let error = io::Error::other(what);
                Err(Failure::new(NAME, "GetQueuedCompletionStatus", error))
            }
            Took::Nothing { answer, .. } => Ok(answer),
        }
    }

    /// The thread belongs to the port from now on, if there is one: a call with a closed handle changes nothing.
    fn joins(&self, me: ThreadId, port: PortId) {
        if self.ports.is_open(port) {
            self.threads.joins(me, port);
        }
    }

    /// A call that can be alerted takes a batch, of one packet where the scenario wants just one.
    fn get_batch(
        &self,
        me: ThreadId,
        port: PortId,
        timeout: Timeout,
        max: Option<u8>,
        alertable: bool,
    ) -> Answer {
        let (handle, millis) = (self.ports.handle(port), self.millis(timeout));
        self.joins(me, port);
        let took = self.threads.takes(me, port, || {
            ports::take_many(handle, millis, max.unwrap_or(1), alertable)
        });
        let packets: Vec<_> = match took {
            Ok(packets) => packets.into_iter().map(|it| self.told(it)).collect(),
            Err(answer) => return answer,
        };
        match packets[..] {
            [packet] if max.is_none() => Answer::Packet(packet),
            _ => Answer::Packets(packets),
        }
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

    /// A packet of which only the error is known that its status turns into: the status is the operation's, or that of
    /// the packet of the scenario that fits.
    fn told_badly(&self, packet: Packet, error: u32) -> Answer {
        let mut told = self.told(packet);
        if let Some((_, status)) = self.files.known(packet.overlapped as usize) {
            told.status = status;
            return Answer::Packet(told);
        }
        let meant = |posted: &&Packet| {
            let same = Packet {
                status: 0,
                ..**posted
            } == told;
            same && posted.status != 0 && files::turns_into(posted.status, error)
        };
        match self.packets.iter().find(meant) {
            Some(posted) => Answer::Packet(*posted),
            None => last_error(),
        }
    }

    fn post(
        &self,
        port: PortId,
        packet: PacketId,
        reserve: Option<ReserveId>,
    ) -> Result<Answer, Failure> {
        let (handle, packet) = (self.ports.handle(port), self.packets[packet.index()]);
        match reserve {
            None => Ok(ports::post(handle, packet)),
            Some(reserve) => self.natives.post(handle, reserve.index(), packet),
        }
    }

    // Files and their operations.

    fn associate(&self, binding: Option<BindingId>) -> Answer {
        let binding = binding.map(|binding| self.bindings[binding.index()]);
        let (file, port, key) = match binding {
            Some(it) => (
                self.files.handle(it.file),
                self.ports.handle(it.port),
                it.key,
            ),
            // Which port such a call names is all one.
            None => (INVALID_HANDLE_VALUE, self.ports.handle(PortId(0)), 0),
        };
        files::associate(file, port, key)
    }

    fn replace(&self, file: FileId, binding: Option<BindingId>) -> Answer {
        let binding = binding.map(|binding| self.bindings[binding.index()]);
        let (port, key) = binding.map_or((std::ptr::null_mut(), 0), |it| {
            (self.ports.handle(it.port), it.key)
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
        let event = event.map_or(std::ptr::null_mut(), |event| self.objects.handle(event));
        let now = now.map(|now| self.results[now.index()]);
        let start = || self.files.start(me, operation, event, now);
        match self.files.is_synchronous(operation) {
            true => self.threads.waits_for_file(me, start),
            false => start(),
        }
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

    fn duplicate_file(&self, file: FileId) -> Result<Answer, Failure> {
        let is_taken = |handle| self.ports.remembers(handle);
        self.files.duplicate(file, is_taken)
    }

    // What else there is to wait for, and other threads.

    /// What a wait for an object waits for: a file has a signal of its own, and a thread is an object itself.
    fn object(&self, object: ObjectId) -> HANDLE {
        if let Some(thread) = self.objects.one(object) {
            return self.threads.handle_of(thread);
        }
        let file = self.files.of_signal(object);
        file.unwrap_or_else(|| self.objects.handle(object))
    }

    fn apc(&self, thread: ThreadId, reserve: Option<ReserveId>) -> Result<Answer, Failure> {
        let Some(reserve) = reserve else {
            return Ok(self.threads.apc(thread));
        };
        match self.threads.handle(thread) {
            Some(handle) => self.natives.apc(handle, reserve.index()),
            None => Ok(failed(Error::BadHandle)),
        }
    }
}

impl World for WindowsWorld {
    fn backend(&self) -> &'static str {
        NAME
    }

    fn arrives(&self, me: ThreadId) -> Result<(), Failure> {
        self.threads.begins(me)
    }

    fn perform(&self, me: ThreadId, op: Op) -> Result<Answer, Failure> {
        self.threads.moves(me);
        Ok(match op {
            Op::Get {
                port,
                timeout,
                max: None,
                alertable: false,
                keeps,
                ..
            } => self.get(me, port, timeout, keeps)?,
            Op::Get {
                port,
                timeout,
                max,
                alertable,
                ..
            } => self.get_batch(me, port, timeout, max, alertable),
            Op::Post {
                port,
                packet,
                reserve,
                ..
            } => self.post(port, packet, reserve)?,
            Op::Close { port, .. } => self.ports.close(port),
            Op::Create { port, .. } => self.create(port)?,
            Op::DuplicatePort { port, .. } => self.duplicate(port)?,
            Op::Query { port, .. } => ports::query(self.ports.handle(port)),
            Op::WaitHandle {
                port,
                timeout,
                alertable,
                ..
            } => {
                let (handle, millis) = (self.ports.handle(port), self.millis(timeout));
                self.threads.wait(me, handle, millis, alertable)
            }
            Op::Block {
                object,
                timeout,
                alertable,
                ..
            } => {
                let (handle, millis) = (self.object(object), self.millis(timeout));
                self.threads.wait(me, handle, millis, alertable)
            }
            Op::Join {
                object,
                timeout,
                alertable,
                ..
            } => {
                let (handle, millis) = (self.object(object), self.millis(timeout));
                self.threads.wait(me, handle, millis, alertable)
            }
            Op::Signal { object } => self.objects.signal(object),
            Op::Reset { object } => self.objects.reset(object),
            Op::Stall => self.threads.stall(me),
            Op::Sleep {
                ticks, alertable, ..
            } => {
                let millis = self.millis(Timeout::Ticks(ticks));
                self.threads.sleep(me, millis, alertable)
            }
            Op::Apc {
                thread, reserve, ..
            } => self.apc(thread, reserve)?,
            Op::Suspend { thread } => self.threads.suspend(thread),
            Op::Resume { thread } => self.threads.resume(thread),
            Op::Terminate { thread } => {
                let answer = self.threads.terminate(me, thread);
                if self.threads.is_ended(thread) {
                    self.files.forget(thread);
                }
                answer
            }
            Op::JobPort { job, binding, .. } => {
                let port = |port| self.ports.handle(port);
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
                self.ports.handle(port),
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
            Op::Peek { operation, .. } => self.files.peek(operation),
            Op::Start { operation, now, .. } => self.issue(me, operation, now)?,
            Op::Complete { burst, result, .. } => self.complete(burst, result)?,
            Op::Cancel { operation, .. } => self.files.cancel(operation),
            Op::CancelFile { file, mine, .. } => self.files.cancel_all(me, file, mine),
            // The memory stays ours: what the kernel writes there must not hit anybody.
            Op::Free { .. } | Op::Alloc { .. } => Answer::Done,
            Op::PostComputed { .. } => refused_before(op),
            Op::ExitProcess | Op::KernelApc { .. } | ops_of_the_conductor!() => refused_before(op),
            ops_of!(sources, event_ports, rings, kqueues) => refused_before(op),
        })
    }

    fn parked(&self, thread: ThreadId, _: Op) -> Parked {
        self.threads.parked(thread)
    }

    fn counts(&self, thread: ThreadId) -> bool {
        let port = self.threads.port_of(thread);
        let is_member = port.is_some_and(|port| self.ports.is_open(port));
        !self.threads.is_ended(thread) && (is_member || self.files.pend_of(thread))
    }

    fn is_ended(&self, thread: ThreadId) -> bool {
        self.threads.is_ended(thread)
    }

    fn ended(&self, thread: ThreadId) -> Result<(), Failure> {
        self.objects.ended(thread)
    }

    fn resume_all(&self) {
        self.threads.resume_all();
    }

    /// Under Wine a thread that was handed a packet may look parked for a moment longer. Nobody is held back
    /// there, so a packet and a waiter on one port are on their way to each other.
    fn settled(&self) -> bool {
        let has_waiter = |port| self.threads.any_waits_on(port);
        !self.wine || !self.ports.any_has_packets(has_waiter)
    }

    fn come_back(&self, thread: ThreadId) -> Result<(), Failure> {
        self.threads.come_back(thread)
    }

    fn release(&self) -> Result<(), Failure> {
        self.threads.send_home()?;
        self.files.release();
        self.ports.send_home(self.threads.count());
        Ok(())
    }

    /// Wine 8 forgets who waits on a port that is closed: nothing in the world brings such a thread home.
    fn give_up(&self, thread: ThreadId) -> bool {
        self.wine && self.threads.give_up(thread)
    }

    fn disturbed(&self) -> bool {
        false
    }

    fn idle(&self, me: ThreadId) -> Idle {
        self.threads.rests(me)
    }
}
