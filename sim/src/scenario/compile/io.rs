//! Files, operations, and what else can bring a packet: the sections of the file, and the packets that come of
//! them.

use portsim_model::jobs::{ACTIVE_PROCESS_ZERO, EXIT_PROCESS, NEW_PROCESS};
use portsim_model::op::{Noun, Role};
use portsim_model::program::{
    BindingId, CANCELLED, Completion, File, FileId, GOES_ON, IoResult, Job, JobId, Linked, Modes,
    OBJECTS_MAX, Object, ObjectId, Op, Operation, OperationId, Owner, PROCESSES_MAX, Packet,
    PacketId, ProcessId, Program, Request, Reserve, ReserveId, ResultId, TAKEN_BACK, WaitPacketId,
};

use super::{Compiler, OBJECTS, room};
use crate::scenario::code::{binding, packet, result};
use crate::scenario::directory::{Thing, status_of};
use crate::scenario::place::{Complaint, Place};
use crate::scenario::wire::{self, Named, ReserveKind};

const FILES_MAX: usize = 32;
const OPERATIONS_MAX: usize = 64;
const RESERVES_MAX: usize = 8;
const WAIT_PACKETS_MAX: usize = 8;
const JOBS_MAX: usize = 8;

impl Compiler {
    pub(super) fn processes(&mut self, processes: &[String]) -> Result<(), Complaint> {
        let section = Place::TOP.field("processes");
        self.names.processes.push(String::new());
        for (n, name) in processes.iter().enumerate() {
            let place = &section.index(n);
            room(n + 1, 1, PROCESSES_MAX, "processes, its own counted", place)?;
            let process = ProcessId(n as u8 + 1);
            self.directory
                .declare(name, Thing::Process(process), place)?;
            self.names.processes.push(name.clone());
        }
        Ok(())
    }

    pub(super) fn files(&mut self, files: &Named<wire::FileHandle>) -> Result<(), Complaint> {
        let section = Place::TOP.field("files");
        if !files.0.is_empty() {
            self.program.results.push(CANCELLED);
        }
        for (name, file) in &files.0 {
            let place = &section.field(name);
            let id = FileId(self.program.files.len() as u8);
            room(id.index(), 1, FILES_MAX, "files", place)?;
            let signal = self.hidden_event(name, place)?;
            self.directory
                .declare(name, Thing::File(id, signal), place)?;
            self.names.files.push(name.clone());
            let bound = match (&file.port, file.key) {
                (None, None) => None,
                (None, Some(_)) => {
                    let problem = "a key without the \"port\" that it belongs to";
                    return Err(place.field("key").complain(problem));
                }
                (Some(_), _) if file.sync => {
                    let problem = "a synchronous file cannot be associated with a port";
                    return Err(place.field("port").complain(problem));
                }
                (Some(port), key) => {
                    let port = self.directory.port(port, &place.field("port"))?;
                    let key = key.unwrap_or(0);
                    Some(binding(&mut self.program, id, port, key, place)?)
                }
            };
            let on_close = match &file.on_close {
                None => CANCELLED,
                Some(status) => IoResult {
                    status: status_of(status, &place.field("on_close"))?,
                    ..CANCELLED
                },
            };
            let on_close = result(&mut self.program, on_close, place)?;
            self.program.files.push(File {
                binding: bound,
                sync: file.sync,
                modes: Modes {
                    skip_port: file.skip_port,
                    skip_event: file.skip_event,
                },
                on_close,
                signal,
            });
        }
        Ok(())
    }

    /// An event that only the kernel sets.
    fn hidden_event(&mut self, name: &str, place: &Place<'_>) -> Result<ObjectId, Complaint> {
        let there = self.program.objects.len();
        room(there, 1, OBJECTS_MAX, OBJECTS, place)?;
        self.names.objects.push(name.to_owned());
        self.program.objects.push(Object::Event {
            manual: true,
            signaled: false,
        });
        Ok(ObjectId(there as u8))
    }

    pub(super) fn operations(
        &mut self,
        operations: &Named<wire::Operation>,
    ) -> Result<(), Complaint> {
        let section = Place::TOP.field("operations");
        for (name, operation) in &operations.0 {
            let place = &section.field(name);
            let id = OperationId(self.program.operations.len() as u8);
            room(id.index(), 1, OPERATIONS_MAX, "operations", place)?;
            self.directory.declare(name, Thing::Operation(id), place)?;
            self.names.operations.push(name.clone());
            let (file, _) = self.directory.file(&operation.file, &place.field("file"))?;
            let event = match &operation.event {
                None => None,
                Some(event) => Some(self.directory.event(event, &place.field("event"))?),
            };
            let done = match self.program.files[file.index()].sync {
                true => Some(self.hidden_event(name, place)?),
                false => None,
            };
            self.program.operations.push(Operation {
                file,
                overlapped: operation.overlapped,
                event,
                low_bit: operation.low_bit,
                apc: operation.apc,
                multishot: operation.multishot,
                drain: operation.drained,
                done,
            });
        }
        Ok(())
    }

    pub(super) fn extras(&mut self, file: &wire::File) -> Result<(), Complaint> {
        let section = Place::TOP.field("reserves");
        for (name, reserve) in &file.reserves.0 {
            let place = &section.field(name);
            let there = self.program.reserves.len();
            room(there, 1, RESERVES_MAX, "reserve objects", place)?;
            self.directory
                .declare(name, Thing::Reserve(ReserveId(there as u8)), place)?;
            self.names.reserves.push(name.clone());
            self.program.reserves.push(match reserve.kind {
                ReserveKind::Port => Reserve::Port,
                ReserveKind::Apc => Reserve::Apc,
            });
        }
        let section = Place::TOP.field("wait_packets");
        for (name, wire::WaitCompletionPacket {}) in &file.wait_packets.0 {
            let place = &section.field(name);
            let there = self.names.wait_packets.len();
            room(there, 1, WAIT_PACKETS_MAX, "wait completion packets", place)?;
            self.directory
                .declare(name, Thing::WaitPacket(WaitPacketId(there as u8)), place)?;
            self.names.wait_packets.push(name.clone());
            self.program.wait_packets += 1;
        }
        self.jobs(&file.jobs)
    }

    fn jobs(&mut self, jobs: &Named<wire::Job>) -> Result<(), Complaint> {
        let section = Place::TOP.field("jobs");
        for (name, _) in &jobs.0 {
            let place = &section.field(name);
            let there = self.program.jobs.len();
            room(there, 1, JOBS_MAX, "jobs", place)?;
            self.directory
                .declare(name, Thing::Job(JobId(there as u8)), place)?;
            self.names.jobs.push(name.clone());
            self.program.jobs.push(Job { parent: None });
        }
        for (n, (name, job)) in jobs.0.iter().enumerate() {
            if let Some(parent) = &job.parent {
                let place = section.field(name);
                let place = &place.field("parent");
                let parent = self.directory.job(parent, place)?;
                self.program.jobs[n].parent = Some(parent);
                if is_own_ancestor(&self.program, n) {
                    return Err(place.complain("the job would be nested in itself"));
                }
            }
        }
        Ok(())
    }

    /// Every end that a look at an operation can find, as its status block says it.
    pub(super) fn looks(&mut self) -> Result<(), Complaint> {
        let looks = |noun: Noun<'_>| matches!(noun, Noun::Operation(_, Role::Reads));
        if !self
            .program
            .ops()
            .any(|mut op| op.describe().nouns().any(looks))
        {
            return Ok(());
        }
        let ends = self.program.results.clone().into_iter();
        let blocks = ends.map(IoResult::as_block).chain([IoResult::NOTHING]);
        for block in blocks {
            result(&mut self.program, block, &Place::TOP.field("operations"))?;
        }
        Ok(())
    }

    /// The packets that operations and jobs leave: known when all code is.
    pub(super) fn packets(&mut self) -> Result<(), Complaint> {
        let operations = || (0..self.program.operations.len()).map(|n| OperationId(n as u8));
        let is_cancelled = |op| operations().any(|id| cancels(&self.program, op, id));
        if self.program.ops().any(is_cancelled) {
            result(
                &mut self.program,
                TAKEN_BACK,
                &Place::TOP.field("operations"),
            )?;
        }
        for n in 0..self.program.operations.len() {
            self.goes_on(OperationId(n as u8))?;
        }
        for n in 0..self.program.operations.len() {
            self.packets_of(OperationId(n as u8))?;
        }
        for n in 0..self.program.job_bindings.len() {
            self.messages_of(n)?;
        }
        Ok(())
    }

    /// What an operation can report, and go on.
    fn goes_on(&mut self, id: OperationId) -> Result<(), Complaint> {
        if !self.program.operations[id.index()].multishot {
            return Ok(());
        }
        let section = Place::TOP.field("operations");
        let place = &section.field(&self.names.operations[id.index()]);
        for ended in results_of(&self.program, id) {
            let how = self.program.results[ended.index()];
            if how.status == 0 && how.bytes > 0 {
                let status = GOES_ON;
                result(&mut self.program, IoResult { status, ..how }, place)?;
            }
        }
        Ok(())
    }

    fn packets_of(&mut self, id: OperationId) -> Result<(), Complaint> {
        let operation = self.program.operations[id.index()];
        if operation.overlapped == 0 || operation.low_bit || operation.apc {
            return Ok(());
        }
        let section = Place::TOP.field("operations");
        let place = &section.field(&self.names.operations[id.index()]);
        let results = results_of(&self.program, id);
        for n in 0..self.program.bindings.len() {
            let bound = self.program.bindings[n];
            if bound.file != operation.file {
                continue;
            }
            for &ended in &results {
                let how = self.program.results[ended.index()];
                let contents = Packet {
                    key: bound.key,
                    bytes: how.bytes,
                    overlapped: operation.overlapped,
                    status: how.status,
                };
                let owner = Owner::Operation(id);
                let packet = packet(&mut self.program, contents, owner, place)?;
                self.program.completions.push(Completion {
                    operation: id,
                    binding: BindingId(n as u8),
                    result: ended,
                    packet,
                });
            }
        }
        Ok(())
    }

    fn messages_of(&mut self, n: usize) -> Result<(), Complaint> {
        let place = &Place::TOP.field("jobs");
        let key = self.program.job_bindings[n].key;
        let message = |program: &mut Program, bytes, pid| -> Result<PacketId, Complaint> {
            let contents = Packet {
                key,
                bytes,
                overlapped: pid,
                status: 0,
            };
            packet(program, contents, Owner::Nobody, place)
        };
        for pid in self.program.pids.clone() {
            let new = message(&mut self.program, NEW_PROCESS, pid)?;
            let exit = message(&mut self.program, EXIT_PROCESS, pid)?;
            let binding = &mut self.program.job_bindings[n];
            binding.new.push(new);
            binding.exit.push(exit);
        }
        let zero = message(&mut self.program, ACTIVE_PROCESS_ZERO, 0)?;
        self.program.job_bindings[n].zero = zero;
        Ok(())
    }
}

/// Every way in which an operation can end, in the order of their numbers.
fn results_of(program: &Program, id: OperationId) -> Vec<ResultId> {
    let file = program.operations[id.index()].file;
    let mut results = vec![ResultId(0), program.files[file.index()].on_close];
    let taken_back = program.results.iter().position(|it| *it == TAKEN_BACK);
    for mut op in program.ops() {
        // Whether it begins or ends the operation, and how it lets it end.
        let (mut reached, mut result) = (false, None);
        for noun in op.describe().nouns() {
            match noun {
                Noun::Operation(operation, Role::Starts) => reached |= operation == id,
                Noun::Burst(burst, Role::Ends) => reached |= reaches(program, burst, file),
                Noun::Result(how) => result = Some(how),
                _ => {}
            }
        }
        results.extend(result.filter(|_| reached));
        if cancels(program, op, id) {
            results.extend(taken_back.map(|place| ResultId(place as u8)));
        }
    }
    if program.operations[id.index()].multishot {
        let is_report = |&place: &usize| {
            let how = program.results[place];
            how.status == GOES_ON
                && results
                    .iter()
                    .any(|id| program.results[id.index()].bytes == how.bytes)
        };
        let reports: Vec<_> = (0..program.results.len()).filter(is_report).collect();
        results.extend(reports.into_iter().map(|place| ResultId(place as u8)));
    }
    results.sort();
    results.dedup();
    results
}

/// Whether the device does something on a file: some systems choose which of its operations that ends.
fn reaches(program: &Program, burst: u16, file: FileId) -> bool {
    let mut burst = program.bursts[usize::from(burst)].iter();
    burst.any(|id| program.operations[id.index()].file == file)
}

/// Whether this asks for the end of an operation, or can end it before it begins.
fn cancels(program: &Program, mut op: Op, id: OperationId) -> bool {
    let file = program.operations[id.index()].file;
    let ends = |it: &Linked| match it.request {
        Request::Read(operation) | Request::Cancel(operation, _) => operation == id,
        Request::CancelFile(on, _) => on == file,
        Request::Nop(_) | Request::Drain(_) => false,
        Request::Timeout(_) | Request::Count { .. } => false,
        Request::Chain(_) => false,
    };
    op.describe().nouns().any(|noun| match noun {
        Noun::Operation(operation, Role::Cancels) => operation == id,
        Noun::File(on, Role::Cancels) => on == file,
        Noun::Chain(chain) => program.chains[usize::from(chain)].linked.iter().any(ends),
        _ => false,
    })
}

fn is_own_ancestor(program: &Program, job: usize) -> bool {
    let mut above = program.jobs[job].parent;
    for _ in 0..program.jobs.len() {
        match above {
            Some(parent) if parent.index() == job => return true,
            Some(parent) => above = program.jobs[parent.index()].parent,
            None => return false,
        }
    }
    false
}
