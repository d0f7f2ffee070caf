//! Requests to a ring: what they may be, and what they come to.

use super::*;

/// What becomes of requests.
impl IoUring {
    /// A cancel that is a request: its own entry says how many it found, and stands before theirs.
    pub(super) fn take_back_for<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        port: PortId,
        own: u8,
        ended: &[OperationId],
    ) {
        turn.by(CANCEL_REQUEST);
        let own = turn.program.owns[usize::from(own)][ended.len()];
        self.put(turn, port, own);
        self.take_back(turn, ended);
    }

    /// Requests end with -ECANCELED, one after the other.
    pub(super) fn take_back<O: Observer>(&self, turn: &mut Turn<'_, O>, ended: &[OperationId]) {
        let mut results = turn.program.results.iter();
        let taken_back = results.position(|it| *it == TAKEN_BACK);
        for &id in ended {
            let taken_back = taken_back.expect("a program that cancels has it");
            self.ends(turn, id, ResultId(taken_back as u8));
        }
    }

    /// What comes for a read ends it; one that is multishot goes on behind bytes for whose entry the ring has room.
    pub(super) fn reports<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        id: OperationId,
        result: ResultId,
    ) {
        let program = turn.program;
        if !program.operations[id.index()].multishot {
            return self.ends(turn, id, result);
        }
        turn.by(MULTISHOT);
        let ring = ring_of(program, file_of(program, id));
        let how = program.results[result.index()];
        if how.bytes == 0 {
            turn.by(MULTISHOT_ENDS);
            return self.ends(turn, id, result);
        }
        if turn.port(ring).note() > 0 || room(turn.view(), ring) == 0 {
            turn.by(MULTISHOT_FULL);
            return self.ends(turn, id, result);
        }
        let goes_on = IoResult {
            status: GOES_ON,
            ..how
        };
        let mut results = program.results.iter();
        let goes_on = results.position(|it| *it == goes_on);
        let goes_on = ResultId(goes_on.expect("each has one behind which it goes on") as u8);
        self.put(turn, ring, packet_of(program, id, goes_on));
    }

    /// The end of a request is an entry in its ring.
    pub(super) fn ends<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        id: OperationId,
        result: ResultId,
    ) {
        turn.by(COMPLETION_ORDER);
        turn.operation(id).end(Phase::Queued, result);
        let packet = packet_of(turn.program, id, result);
        let ring = ring_of(turn.program, file_of(turn.program, id));
        self.put(turn, ring, packet);
        drop_if_unused(turn, ring);
    }
}

/// Whether a cancel that is a request finds those on a file: only on their ring.
pub(super) fn is_here<O: Observer>(turn: &mut Turn<'_, O>, file: FileId, port: PortId) -> bool {
    let here = ring_of(turn.program, file) == port;
    if !here {
        turn.by(OWN_RING);
    }
    here
}

/// The requests on a file that have not ended.
pub(super) fn pending_on(view: View<'_>, file: FileId) -> Vec<OperationId> {
    let is_on = |id: &OperationId| file_of(view.program, *id) == file;
    view.pending_operations().filter(is_on).collect()
}

/// The same in one of the orders in which they can end.
pub(super) fn in_any_order<O: Observer>(turn: &mut Turn<'_, O>, file: FileId) -> Vec<OperationId> {
    let (mut ordered, mut left) = (Vec::new(), pending_on(turn.view(), file));
    while left.len() > 1 {
        let next = turn.pick(CANCEL_ORDER, left.len());
        ordered.push(left.remove(next));
    }
    ordered.append(&mut left);
    ordered
}

/// What the entry of a request carries that has come to this.
fn packet_of(program: &Program, id: OperationId, result: ResultId) -> PacketId {
    let mut completions = program.completions.iter();
    let own = completions.find(|it| it.operation == id && it.result == result);
    own.expect("all that can come together are listed").packet
}

pub(super) fn file_of(program: &Program, id: OperationId) -> FileId {
    program.operations[id.index()].file
}

/// The ring to which requests on a file go.
pub(super) fn ring_of(program: &Program, file: FileId) -> PortId {
    let binding = program.files[file.index()].binding;
    program.bindings[binding.expect("it is asked for first").index()].port
}

/// What of operations on files and rings can be a request here.
pub(super) fn can_request(program: &Program, op: Op) -> Result<(), &'static str> {
    match op {
        Op::Start { now: Some(_), .. } => Err("the call does not say that a request is over"),
        Op::Cancel { mine: true, .. } | Op::CancelFile { mine: true, .. } => {
            Err("a cancel asks for no issuer")
        }
        Op::Start { operation, .. } | Op::Cancel { operation, .. } => {
            is_request(program, operation)
        }
        Op::CancelFile { file, .. } => can_cancel_all(program, file),
        Op::Complete { burst, result, .. } => can_complete(program, burst, result),
        Op::Submit { request, .. } => match request {
            Request::Cancel(operation, _) => is_request(program, operation),
            Request::CancelFile(file, _) => can_cancel_all(program, file),
            Request::Nop(_) | Request::Timeout(_) => Ok(()),
        },
        Op::MsgRing { .. } | Op::Associate { .. } | Op::Replace { .. } => Ok(()),
        Op::Modes { .. } | Op::DuplicateFile { .. } | Op::CloseFile { .. } => Ok(()),
        Op::Peek { .. } => Ok(()),
        ops_of!(ports, port_handles, objects, threads, apcs, variables) => Ok(()),
        ops_of!(wait_packets, jobs, sources, event_ports, kqueues) => Ok(()),
    }
}

fn has_ring(program: &Program, file: FileId) -> Result<(), &'static str> {
    match program.files[file.index()].binding {
        Some(_) => Ok(()),
        None => Err("a request goes to the ring of its file, and this one has none"),
    }
}

/// Whether an operation can be a request to a ring.
fn is_request(program: &Program, id: OperationId) -> Result<(), &'static str> {
    let operation = program.operations[id.index()];
    let file = program.files[operation.file.index()];
    has_ring(program, operation.file)?;
    if file.sync || file.modes != Modes::default() {
        return Err("files have no modes here");
    }
    if operation.overlapped == 0 || operation.event.is_some() || operation.apc {
        return Err("a request has user data, and neither event nor routine");
    }
    Ok(())
}

fn can_complete(
    program: &Program,
    burst: u16,
    result: ResultId,
) -> Result<(), &'static str> {
    let how = program.results[result.index()];
    match program.bursts[usize::from(burst)][..] {
        [one] => is_request(program, one)?,
        _ => return Err("each request ends by itself"),
    }
    match (how.status, how.bytes) {
        (0, 0..) => Ok(()),
        _ => Err("a read here ends with bytes, and in no other way"),
    }
}

/// The most requests whose every order of ends is tried.
const ORDERED_MAX: usize = 5;

fn can_cancel_all(program: &Program, file: FileId) -> Result<(), &'static str> {
    let operations = program.operations.iter();
    match operations.filter(|it| it.file == file).count() {
        0..=ORDERED_MAX => has_ring(program, file),
        _ => Err("more than 5 requests on a file are not cancelled in one go here"),
    }
}
