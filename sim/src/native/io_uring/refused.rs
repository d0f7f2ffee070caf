//! What of requests cannot be shown here, and why.

use portsim_model::ops_of;
use portsim_model::program::{
    File, FileId, Linked, Modes, Op, OperationId, PortId, Program, Request, RingSetup,
};

use super::entries::ROOM;

/// Why an operation on requests cannot be shown here, if it cannot.
pub fn refused(program: &Program, op: Op) -> Option<&'static str> {
    match op {
        Op::Start { now: Some(_), .. } => Some("the call does not say that a request is over"),
        Op::Cancel { mine: true, .. } | Op::CancelFile { mine: true, .. } => {
            Some("a cancel asks for no issuer")
        }
        Op::Start { operation, .. } | Op::Cancel { operation, .. } => {
            unlike_a_read(program, operation)
        }
        Op::CancelFile { file, .. } => without_a_ring(program, file),
        Op::Complete { burst, result, .. } => {
            let [one] = program.bursts[usize::from(burst)][..] else {
                return Some("nobody here ends several requests in one go");
            };
            let how = program.results[result.index()];
            if how.status != 0 || !(0..=ROOM as i64).contains(&how.bytes) {
                return Some("a read here ends with 0 to 4096 bytes");
            }
            unlike_a_read(program, one)
        }
        Op::Submit { port, request, .. } => match request {
            Request::Nop(_) => None,
            Request::Drain(_) => on_a_plain_ring(program, port),
            _ if has_one_submitter(program, port) => Some(OF_ONE),
            _ if is_small(program, port) => Some(FULL),
            Request::Timeout(_) | Request::Count { .. } => None,
            Request::Read(_) => Some("a read is started by itself, or in a chain"),
            Request::Chain(chain) => unlike_a_chain(program, chain),
            Request::Cancel(operation, _) => unlike_a_read(program, operation),
            Request::CancelFile(file, _) => without_a_ring(program, file),
        },
        Op::RingEvent { .. } => None,
        Op::MsgRing { .. } | Op::Associate { .. } | Op::Replace { .. } | Op::Modes { .. } => None,
        Op::DuplicateFile { .. } | Op::CloseFile { .. } | Op::Peek { .. } => None,
        ops_of!(ports, port_handles, objects, threads, apcs, variables) => None,
        ops_of!(wait_packets, jobs, sources, event_ports, kqueues) => None,
    }
}

/// Why entries of a ring that can be full are not waited for.
const FULL: &str = "in a ring of few entries it does not show when a request has ended";

/// Why a thread of no scenario submits nothing to such a ring.
const OF_ONE: &str = "requests that pend are submitted by a thread of their own here";

/// Whether one thread submits to a ring.
pub fn has_one_submitter(program: &Program, port: PortId) -> bool {
    program.ports[port.index()].setup != RingSetup::Shared
}

fn is_small(program: &Program, port: PortId) -> bool {
    program.ports[port.index()].entries.is_some()
}

/// Why requests on a file find no ring that can show them, if they find none.
fn without_a_ring(program: &Program, file: FileId) -> Option<&'static str> {
    match program.files[file.index()].binding {
        None => Some("a request goes to the ring of its file, and this one has none"),
        Some(binding) => match program.bindings[binding.index()].port {
            port if has_one_submitter(program, port) => Some(OF_ONE),
            port => is_small(program, port).then_some(FULL),
        },
    }
}

/// Why a drained request does not fit among the others of a ring, if it does not.
fn on_a_plain_ring(program: &Program, port: PortId) -> Option<&'static str> {
    let binding = |file: FileId| program.files[file.index()].binding;
    let is_its = |file| binding(file).is_some_and(|it| program.bindings[it.index()].port == port);
    let mut operations = program.operations.iter();
    let submits_other = |op| {
        let Op::Submit {
            port: on, request, ..
        } = op
        else {
            return false;
        };
        on == port && !matches!(request, Request::Nop(_) | Request::Drain(_))
    };
    let sends = |op| matches!(op, Op::MsgRing { message, .. } if message.from == port);
    let is_other = |op| submits_other(op) || sends(op);
    if is_small(program, port) || has_one_submitter(program, port) || program.ops().any(is_other) {
        return Some("which of other requests wait for a drained one does not show");
    }
    operations
        .any(|it| it.multishot && is_its(it.file))
        .then_some("the buffers of a read that goes on are requests, and would wait")
}

/// Why no read of a socket is like this operation, if none is.
fn unlike_a_read(program: &Program, id: OperationId) -> Option<&'static str> {
    let operation = program.operations[id.index()];
    let File { sync, modes, .. } = program.files[operation.file.index()];
    if sync || modes != Modes::default() {
        return Some("files have no modes here");
    }
    if let (true, Some(binding)) = (
        operation.drain,
        program.files[operation.file.index()].binding,
    ) {
        let port = program.bindings[binding.index()].port;
        if let Some(why) = on_a_plain_ring(program, port) {
            return Some(why);
        }
    }
    if operation.event.is_some() || operation.apc || operation.overlapped == 0 {
        return Some("a request has user data, and neither event nor routine");
    }
    without_a_ring(program, operation.file)
}

/// Why no linked requests are like these, if none are.
fn unlike_a_chain(program: &Program, chain: u8) -> Option<&'static str> {
    let linked = &program.chains[usize::from(chain)].linked;
    let is_read = |it: &Linked| matches!(it.request, Request::Read(_));
    let first_read = linked.iter().position(is_read).unwrap_or(linked.len());
    linked
        .iter()
        .enumerate()
        .find_map(|(n, it)| match it.request {
            Request::Cancel(..) if n > first_read => {
                Some("what a cancel is of that waits for a read is not known when it is submitted")
            }
            Request::Read(id) | Request::Cancel(id, _) => unlike_a_read(program, id),
            Request::CancelFile(file, _) => without_a_ring(program, file),
            Request::Nop(_) | Request::Drain(_) => None,
            Request::Timeout(_) | Request::Count { .. } => {
                Some("it does not show when a timeout of a chain is over")
            }
            Request::Chain(_) => Some("no chain is in a chain"),
        })
}
