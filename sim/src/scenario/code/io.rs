//! Operations that are steps of one system only.

use portsim_model::program::{
    BURST_MAX, Binding, BindingId, FileId, IoResult, JobBinding, JobId, Modes, ObjectId, Op,
    OperationId, Owner, PACKETS_MAX, PIDS_MAX, Packet, PacketId, PortId, Program, ResultId,
    source_entries,
};

use super::{Coded, Coder, timeout};
use crate::scenario::directory::{Signaled, Thing, status_of};
use crate::scenario::place::{Complaint, Place};
use crate::scenario::wire::{self, OneOrMore};

const BINDINGS_MAX: usize = 64;
const RESULTS_MAX: usize = 64;
const BURSTS_MAX: usize = 64;
const JOB_BINDINGS_MAX: usize = 16;

/// The contents of a packet, each once for each owner.
pub(in crate::scenario) fn packet(
    program: &mut Program,
    contents: Packet,
    owner: Owner,
    place: &Place<'_>,
) -> Result<PacketId, Complaint> {
    let mut known = program.packets.iter().zip(&program.owners);
    if let Some(id) = known.position(|it| it == (&contents, &owner)) {
        return Ok(PacketId(id as u8));
    }
    let id = program.packets.len();
    if id + source_entries(&program.sources) >= PACKETS_MAX {
        return Err(place.complain(format!(
            "the scenario has more than {PACKETS_MAX} different packets and sources; let packets that mean the same \
             carry the same"
        )));
    }
    program.packets.push(contents);
    program.owners.push(owner);
    Ok(PacketId(id as u8))
}

/// An association of a file, each once.
pub(in crate::scenario) fn binding(
    program: &mut Program,
    file: FileId,
    port: PortId,
    key: i64,
    place: &Place<'_>,
) -> Result<BindingId, Complaint> {
    let wanted = Binding { file, port, key };
    let id = once(&mut program.bindings, wanted, BINDINGS_MAX);
    let too_many = || {
        place.complain(format!(
            "more than {BINDINGS_MAX} different associations; use fewer keys"
        ))
    };
    Ok(BindingId(id.ok_or_else(too_many)? as u8))
}

/// A way to end, each once.
pub(in crate::scenario) fn result(
    program: &mut Program,
    wanted: IoResult,
    place: &Place<'_>,
) -> Result<ResultId, Complaint> {
    let id = once(&mut program.results, wanted, RESULTS_MAX);
    let too_many = || {
        place.complain(format!(
            "more than {RESULTS_MAX} ways to end an operation; use fewer numbers of bytes"
        ))
    };
    Ok(ResultId(id.ok_or_else(too_many)? as u8))
}

/// Where something stands in a list that has everything once; none if the list would be too long.
pub(super) fn once<T: PartialEq>(list: &mut Vec<T>, wanted: T, max: usize) -> Option<usize> {
    if let Some(id) = list.iter().position(|it| *it == wanted) {
        return Some(id);
    }
    list.push(wanted);
    (list.len() <= max).then(|| list.len() - 1)
}

impl Coder<'_> {
    pub(super) fn close(&mut self, it: &wire::Close, place: &Place<'_>) -> Coded {
        let into = self.slot(it.into.as_deref());
        let place = &place.field("close");
        Ok(match self.directory.port_or_file(&it.close, place)? {
            Thing::File(file, _) => Op::CloseFile { file, into },
            port => Op::Close {
                port: port.port(),
                into,
            },
        })
    }

    pub(super) fn query(&mut self, it: &wire::Query, place: &Place<'_>) -> Coded {
        let into = self.slot(it.into.as_deref());
        Ok(Op::Query {
            port: self.directory.port(&it.query, &place.field("query"))?,
            into,
        })
    }

    pub(super) fn wait_handle(&mut self, it: &wire::WaitHandle, place: &Place<'_>) -> Coded {
        let names = self.directory;
        let into = self.slot(it.into.as_deref());
        Ok(Op::WaitHandle {
            port: names.port(&it.wait_handle, &place.field("wait_handle"))?,
            into,
            timeout: timeout(it.timeout),
            alertable: it.alertable,
        })
    }

    pub(super) fn associate(&mut self, it: &wire::Associate, place: &Place<'_>) -> Coded {
        let names = self.directory;
        let into = self.slot(it.into.as_deref());
        let port = names.port(&it.port, &place.field("port"))?;
        let binding = match &it.associate {
            None => None,
            Some(file) => {
                let (file, _) = names.file(file, &place.field("associate"))?;
                Some(binding(self.program, file, port, it.key, place)?)
            }
        };
        Ok(Op::Associate { binding, into })
    }

    pub(super) fn replace(&mut self, it: &wire::Replace, place: &Place<'_>) -> Coded {
        let names = self.directory;
        let into = self.slot(it.into.as_deref());
        let (file, _) = names.file(&it.replace, &place.field("replace"))?;
        let binding = match &it.port {
            None => None,
            Some(port) => {
                let port = names.port(port, &place.field("port"))?;
                Some(binding(self.program, file, port, it.key, place)?)
            }
        };
        Ok(Op::Replace {
            file,
            binding,
            into,
        })
    }

    pub(super) fn modes(&mut self, it: &wire::Modes, place: &Place<'_>) -> Coded {
        let into = self.slot(it.into.as_deref());
        Ok(Op::Modes {
            file: self.directory.file(&it.modes, &place.field("modes"))?.0,
            modes: Modes {
                skip_port: it.skip_port,
                skip_event: it.skip_event,
            },
            into,
        })
    }

    pub(super) fn start(&mut self, it: &wire::Start, place: &Place<'_>) -> Coded {
        let into = self.slot(it.into.as_deref());
        Ok(Op::Start {
            operation: self.directory.operation(&it.start, &place.field("start"))?,
            now: match &it.now {
                None => None,
                Some(now) => Some(self.now(now, &place.field("now"))?),
            },
            into,
        })
    }

    pub(super) fn complete(&mut self, it: &wire::Complete, place: &Place<'_>) -> Coded {
        let into = self.slot(it.into.as_deref());
        let burst = self.burst(&it.complete, &place.field("complete"))?;
        let ended = IoResult {
            status: status_of(&it.status, &place.field("status"))?,
            bytes: it.bytes,
            returned: it.bytes,
        };
        let result = result(self.program, ended, place)?;
        Ok(Op::Complete {
            burst,
            result,
            into,
        })
    }

    pub(super) fn cancel(&mut self, it: &wire::Cancel, place: &Place<'_>) -> Coded {
        let names = self.directory;
        let into = self.slot(it.into.as_deref());
        let mine = it.mine;
        let place = &place.field("cancel");
        Ok(match names.file_or_operation(&it.cancel, place)? {
            Thing::File(file, _) => Op::CancelFile { file, mine, into },
            operation => Op::Cancel {
                operation: operation.operation(),
                mine,
                into,
            },
        })
    }

    pub(super) fn peek(&mut self, it: &wire::Peek, place: &Place<'_>) -> Coded {
        let place = &place.field("peek");
        let operation = self.directory.operation(&it.peek, place)?;
        if self.program.operations[operation.index()].overlapped == 0 {
            let problem = "an operation without an OVERLAPPED has nothing to look at";
            return Err(place.complain(problem));
        }
        Ok(Op::Peek {
            operation,
            into: self.slot(it.into.as_deref()),
        })
    }

    pub(super) fn free(&mut self, it: &wire::Free, place: &Place<'_>) -> Coded {
        Ok(Op::Free {
            operation: self.directory.operation(&it.free, &place.field("free"))?,
        })
    }

    pub(super) fn alloc(&mut self, it: &wire::Alloc, place: &Place<'_>) -> Coded {
        Ok(Op::Alloc {
            operation: self.directory.operation(&it.alloc, &place.field("alloc"))?,
        })
    }

    pub(super) fn apc(&mut self, it: &wire::Apc, place: &Place<'_>) -> Coded {
        let names = self.directory;
        let into = self.slot(it.into.as_deref());
        if it.special && it.reserve.is_some() {
            return Err(place
                .field("special")
                .complain("a special APC takes no reserve object"));
        }
        Ok(Op::Apc {
            special: it.special,
            thread: names.thread(&it.apc, &place.field("apc"))?,
            reserve: names.reserve(it.reserve.as_deref(), &place.field("reserve"))?,
            into,
        })
    }

    pub(super) fn kernel_apc(&mut self, it: &wire::KernelApc, place: &Place<'_>) -> Coded {
        let names = self.directory;
        Ok(Op::KernelApc {
            thread: names.thread(&it.kernel_apc, &place.field("kernel_apc"))?,
        })
    }

    pub(super) fn cancel_wait_packet(
        &mut self,
        it: &wire::CancelWaitPacket,
        place: &Place<'_>,
    ) -> Coded {
        let into = self.slot(it.into.as_deref());
        let place = &place.field("cancel_wait_packet");
        Ok(Op::CancelWaitPacket {
            wait_packet: self.directory.wait_packet(&it.cancel_wait_packet, place)?,
            remove: it.remove,
            into,
        })
    }

    pub(super) fn job_port(&mut self, it: &wire::JobPort, place: &Place<'_>) -> Coded {
        let names = self.directory;
        let into = self.slot(it.into.as_deref());
        let job = names.job(&it.job_port, &place.field("job_port"))?;
        let binding = match &it.port {
            None => None,
            Some(port) => {
                let port = names.port(port, &place.field("port"))?;
                Some(self.job_binding(job, port, it.key, place)?)
            }
        };
        Ok(Op::JobPort {
            job,
            binding,
            into,
            may_lose: it.may_lose,
        })
    }

    pub(super) fn job_start(&mut self, it: &wire::JobStart, place: &Place<'_>) -> Coded {
        let names = self.directory;
        let into = self.slot(it.into.as_deref());
        Ok(Op::JobStart {
            job: names.job(&it.job_start, &place.field("job_start"))?,
            pid: self.pid(it.pid, &place.field("pid"))?,
            into,
            may_lose: it.may_lose,
        })
    }

    pub(super) fn job_exit(&mut self, it: &wire::JobExit, place: &Place<'_>) -> Coded {
        let into = self.slot(it.into.as_deref());
        Ok(Op::JobExit {
            job: self.directory.job(&it.job_exit, &place.field("job_exit"))?,
            pid: self.pid(it.pid, &place.field("pid"))?,
            into,
            may_lose: it.may_lose,
        })
    }

    pub(super) fn duplicate(&mut self, it: &wire::Duplicate, place: &Place<'_>) -> Coded {
        let names = self.directory;
        let into = self.slot(it.into.as_deref());
        let place_of_process = &place.field("process");
        let process = match &it.process {
            None => None,
            Some(process) => Some(names.process(process, place_of_process)?),
        };
        match names.port_or_file(&it.duplicate, &place.field("duplicate"))? {
            Thing::File(file, _) => Ok(Op::DuplicateFile {
                file,
                process,
                into,
            }),
            _ if process.is_some() => {
                Err(place_of_process.complain("handles of ports belong to no process"))
            }
            port => Ok(Op::DuplicatePort {
                port: port.port(),
                into,
            }),
        }
    }

    fn now(&mut self, now: &wire::Now, place: &Place<'_>) -> Result<ResultId, Complaint> {
        let ended = IoResult {
            status: status_of(&now.status, &place.field("status"))?,
            bytes: now.bytes,
            returned: now.returned.unwrap_or(now.bytes),
        };
        result(self.program, ended, place)
    }

    /// The operations that end in one go.
    fn burst(&mut self, named: &OneOrMore, place: &Place<'_>) -> Result<u16, Complaint> {
        let names = match named {
            OneOrMore::One(name) => std::slice::from_ref(name),
            OneOrMore::More(names) => names,
        };
        if !(1..=BURST_MAX).contains(&names.len()) {
            let found = names.len();
            return Err(place.complain(format!(
                "found {found} operations, expected 1 to {BURST_MAX}"
            )));
        }
        let mut burst: Vec<OperationId> = Vec::new();
        for (n, name) in names.iter().enumerate() {
            let within = place.index(n);
            let place = if names.len() == 1 { place } else { &within };
            let operation = self.directory.operation(name, place)?;
            if burst.contains(&operation) {
                return Err(place.complain(format!("{name:?} stands twice")));
            }
            burst.push(operation);
        }
        let id = once(&mut self.program.bursts, burst, BURSTS_MAX);
        let too_many = || place.complain(format!("more than {BURSTS_MAX} different lists"));
        Ok(id.ok_or_else(too_many)? as u16)
    }

    pub(super) fn wait_packet(&mut self, it: &wire::WaitPacket, place: &Place<'_>) -> Coded {
        let names = self.directory;
        let wait_packet = names.wait_packet(&it.wait_packet, &place.field("wait_packet"))?;
        let contents = Packet {
            key: it.key,
            bytes: it.bytes,
            overlapped: it.overlapped,
            status: status_of(&it.status, &place.field("status"))?,
        };
        let owner = Owner::WaitPacket(wait_packet);
        Ok(Op::WaitPacket {
            wait_packet,
            port: names.port(&it.port, &place.field("port"))?,
            target: self.signaled(&it.target, &place.field("target"))?,
            packet: packet(self.program, contents, owner, place)?,
            into: self.slot(it.into.as_deref()),
        })
    }

    /// What a wait completion packet waits for.
    fn signaled(&mut self, text: &str, place: &Place<'_>) -> Result<ObjectId, Complaint> {
        match self.directory.signaled(text, place)? {
            Signaled::Object(object) => Ok(object),
            Signaled::End(whose) => self.end_of(whose, place),
        }
    }

    fn job_binding(
        &mut self,
        job: JobId,
        port: PortId,
        key: i64,
        place: &Place<'_>,
    ) -> Result<u8, Complaint> {
        let wanted = JobBinding {
            job,
            port,
            key,
            new: Vec::new(),
            exit: Vec::new(),
            zero: PacketId(0),
        };
        let id = once(&mut self.program.job_bindings, wanted, JOB_BINDINGS_MAX);
        let too_many =
            || place.complain(format!("more than {JOB_BINDINGS_MAX} associations of jobs"));
        Ok(id.ok_or_else(too_many)? as u8)
    }

    fn pid(&mut self, pid: i64, place: &Place<'_>) -> Result<u8, Complaint> {
        if pid <= 0 {
            return Err(place.complain(format!("found {pid}, expected a number from 1 on")));
        }
        let id = once(&mut self.program.pids, pid, PIDS_MAX);
        let too_many = || place.complain(format!("more than {PIDS_MAX} different processes"));
        Ok(id.ok_or_else(too_many)? as u8)
    }
}
