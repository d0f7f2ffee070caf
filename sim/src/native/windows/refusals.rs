//! What a pipe cannot show: such operations are refused before a run.

use portsim_model::ops_of;
use portsim_model::program::{FileId, IoResult, Op, Operation, OperationId, Program};

use super::files::BROKEN;
use super::requests::ROOM;

/// Why a pipe cannot show an operation of this program, if it cannot.
pub fn refused(program: &Program, op: Op) -> Option<&'static str> {
    let elsewhere = program.threads.iter().any(|it| it.process.index() > 0);
    let file = |operation: OperationId| program.operations[operation.index()].file;
    match op {
        Op::DuplicateFile {
            process: Some(_), ..
        } => Some("this version plays one process here"),
        Op::Associate { .. }
        | Op::Replace { .. }
        | Op::Modes { .. }
        | Op::DuplicateFile { .. }
        | Op::CloseFile { .. }
        | Op::Start { .. }
            if elsewhere =>
        {
            Some("this version plays one process here")
        }
        Op::CloseFile { file, .. } => {
            let end = program.results[program.files[file.index()].on_close.index()];
            (may_pend(program, file, None) && end.status != BROKEN)
                .then_some("a pipe that is closed ends what is pending with STATUS_PIPE_BROKEN")
        }
        Op::Start { operation, now, .. } => {
            let file = file(operation);
            let Operation {
                event,
                low_bit,
                apc,
                overlapped,
                ..
            } = program.operations[operation.index()];
            if program.files[file.index()].sync && (apc || overlapped == 0) {
                return Some("a read on a synchronous file has an OVERLAPPED here, and no routine");
            }
            if begins_before_its_port(program, file) {
                return Some("a file is opened with its port here, and this one is created later");
            }
            if low_bit && event.is_none() {
                return Some("the low bit is one of the handle of an event, and there is no event");
            }
            match now {
                None => None,
                Some(_) if program.operations[operation.index()].apc => {
                    Some("a call with a completion routine does not say that its operation is over")
                }
                Some(now) => unlike_a_pipe(program, file, operation, program.results[now.index()]),
            }
        }
        Op::Complete { burst, result, .. } => match program.bursts[usize::from(burst)][..] {
            [one] => unlike_a_pipe(program, file(one), one, program.results[result.index()]),
            _ => Some("nobody here ends several operations in one go"),
        },
        Op::Cancel { mine: true, .. } => Some("CancelIo is about all operations of a file"),
        ops_of!(files, ports, port_handles, objects, threads, apcs) => None,
        ops_of!(
            variables,
            wait_packets,
            jobs,
            sources,
            event_ports,
            rings,
            kqueues
        ) => None,
    }
}

/// Whether an operation on a file may pend, another one than this.
fn may_pend(program: &Program, file: FileId, but: Option<OperationId>) -> bool {
    let is_on = |id: OperationId| program.operations[id.index()].file == file;
    program.ops().any(|op| {
        matches!(op, Op::Start { operation: it, now: None, .. } if is_on(it) && Some(it) != but)
    })
}

/// Why no read of a pipe ends so.
fn unlike_a_pipe(
    program: &Program,
    file: FileId,
    operation: OperationId,
    how: IoResult,
) -> Option<&'static str> {
    let is_on = |id: OperationId| program.operations[id.index()].file == file;
    let starts = |op: &Op| matches!(*op, Op::Start { operation, .. } if is_on(operation));
    if may_pend(program, file, Some(operation)) {
        return Some("a pipe ends its reads in the order in which they were issued");
    }
    match how.status {
        0 if !(0..=ROOM as i64).contains(&how.bytes) => Some("a read here has at most 4096 bytes"),
        0 if how.returned != how.bytes => Some("a read says at once what its packet says"),
        0 => None,
        BROKEN if how.bytes != 0 => Some("a broken pipe carries nothing"),
        BROKEN if program.ops().filter(starts).count() > 1 => {
            Some("a pipe that was broken stays broken")
        }
        BROKEN => None,
        _ => Some("no read of a pipe ends with this status"),
    }
}

/// Whether a file begins with a port that is created in the run.
fn begins_before_its_port(program: &Program, file: FileId) -> bool {
    let binding = program.files[file.index()].binding;
    let port = binding.map(|binding| program.bindings[binding.index()].port);
    let creates = |op: Op| matches!(op, Op::Create { port: created, .. } if Some(created) == port);
    program.ops().any(creates)
}
