//! Requests to a ring: what they may be, and what they come to.

use super::ring::{counted, setup_of};
use super::*;
use crate::layout::times;
use crate::program::Object;
use crate::threads::WANTED_MAX;

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
        for &id in ended {
            let taken_back = taken_back(turn.program);
            self.ends(turn, id, taken_back);
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

    /// What a ring is asked for; says whether it ended well, and nothing of what pends.
    pub(super) fn runs<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        port: PortId,
        request: Request,
    ) -> Option<bool> {
        match request {
            Request::Nop(own) | Request::Drain(own) => {
                turn.by(NOP);
                self.put(turn, port, own);
                Some(true)
            }
            Request::Timeout(own) => {
                turn.by(TIMEOUT_REQUEST);
                if turn.counts(port) > 0 {
                    turn.by(COUNT_NOT_TIMEOUTS);
                }
                self.put_uncounted(turn, port, own);
                self.wake_reached(turn, port, u8::MAX);
                Some(false)
            }
            Request::Count { count, .. } => {
                turn.set_counts(port, count);
                None
            }
            Request::Cancel(id, own) => {
                let here = is_here(turn, file_of(turn.program, id), port);
                let found = here && pends(turn, id);
                self.take_back_for(turn, port, own, &[id][..usize::from(found)]);
                Some(found)
            }
            Request::CancelFile(file, own) => {
                let mut ended = Vec::new();
                if is_here(turn, file, port) {
                    ended = in_any_order(turn, file);
                }
                self.take_back_for(turn, port, own, &ended);
                Some(true)
            }
            Request::Read(id) => {
                turn.by(REQUEST);
                turn.operation(id).begin(me);
                None
            }
            Request::Chain(_) => unreachable!("no chain is in a chain"),
        }
    }

    /// The requests of a chain from one on, one after the other, up to the first that pends.
    pub(super) fn runs_chain<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        (chain, from): (u8, usize),
    ) {
        let program = turn.program;
        let Chain { port, linked } = &program.chains[usize::from(chain)];
        for (n, it) in linked.iter().enumerate().skip(from) {
            match self.runs(turn, me, *port, it.request) {
                Some(well) if self.goes_on(turn, it, well) => {}
                Some(_) => return self.breaks(turn, me, *port, &linked[n + 1..]),
                None => return,
            }
        }
    }

    /// Whether the next request of a chain begins behind one that ended well, or did not.
    fn goes_on<O: Observer>(&self, turn: &mut Turn<'_, O>, it: &Linked, well: bool) -> bool {
        turn.by(match (well, it.hard) {
            (true, _) => LINK,
            (false, true) => HARD_LINK,
            (false, false) => LINK_BROKEN,
        });
        well || it.hard
    }

    /// The rest of a chain ends without having begun.
    fn breaks<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        port: PortId,
        rest: &[Linked],
    ) {
        for it in rest {
            if let Request::Read(id) = it.request {
                turn.operation(id).begin(me);
                let taken_back = taken_back(turn.program);
                self.leaves(turn, id, taken_back);
            } else {
                self.put(turn, port, it.broken);
            }
        }
    }

    /// The end of a request is an entry in its ring, and lets the chain go on that it is in.
    pub(super) fn ends<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        id: OperationId,
        result: ResultId,
    ) {
        let issuer = turn.operation(id).issuer().unwrap_or(ThreadId(0));
        self.leaves(turn, id, result);
        self.begin(turn, ring_of(turn.program, file_of(turn.program, id)));
        let program = turn.program;
        if let Some((chain, n)) = place_in_chain(program, id) {
            let well = program.results[result.index()].bytes == READ_BYTES;
            let Chain { port, linked } = &program.chains[usize::from(chain)];
            match self.goes_on(turn, &linked[n], well) {
                true => self.runs_chain(turn, issuer, (chain, n + 1)),
                false => self.breaks(turn, issuer, *port, &linked[n + 1..]),
            }
        }
        drop_if_unused(turn, ring_of(program, file_of(program, id)));
    }

    /// The entry of a request that is over.
    fn leaves<O: Observer>(&self, turn: &mut Turn<'_, O>, id: OperationId, result: ResultId) {
        turn.by(COMPLETION_ORDER);
        let issuer = turn.operation(id).issuer();
        turn.operation(id).end(Phase::Queued, result);
        // Nothing of its own pends any more: its end is no step.
        if let Some(issuer) = issuer {
            turn.ends_if_over(issuer);
        }
        let packet = packet_of(turn.program, id, result);
        let ring = ring_of(turn.program, file_of(turn.program, id));
        self.put(turn, ring, packet);
    }
}

/// How many bytes a read asks for.
pub(super) const READ_BYTES: i64 = 4096;

/// How what is cancelled ends.
fn taken_back(program: &Program) -> ResultId {
    let mut results = program.results.iter();
    let at = results.position(|it| *it == TAKEN_BACK);
    ResultId(at.expect("a program that cancels has it") as u8)
}

/// Where in which chain a read is.
fn place_in_chain(program: &Program, id: OperationId) -> Option<(u8, usize)> {
    let is_it = |it: &Linked| it.request == Request::Read(id);
    let mut chains = program.chains.iter().enumerate();
    chains.find_map(|(chain, it)| Some((chain as u8, it.linked.iter().position(is_it)?)))
}

/// Whether a cancel finds a request.
pub(super) fn pends<O: Observer>(turn: &mut Turn<'_, O>, id: OperationId) -> bool {
    let phase = turn.operation(id).phase();
    if phase == Phase::Idle && place_in_chain(turn.program, id).is_some() {
        turn.by(LINK_UNSEEN);
    }
    if is_waiting(turn, id) {
        turn.by(DRAIN_UNSEEN);
    }
    phase == Phase::Pending
}

/// Whether a read of a chain is not over, or its entry has not been taken.
pub(super) fn is_in_use(view: View<'_>, request: Request) -> bool {
    let Request::Chain(chain) = request else {
        return false;
    };
    let mut linked = view.program.chains[usize::from(chain)].linked.iter();
    linked.any(|it| match it.request {
        Request::Read(id) => view.operation(id).phase() != Phase::Idle,
        _ => false,
    })
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

/// Why a call waits for too many, if it does.
pub(super) fn waits_for_too_many(op: Op) -> Option<&'static str> {
    let get = op.as_get()?;
    let too_many = get.times().1.is_some() && get.min > Some(WANTED_MAX);
    too_many.then_some("a minimum that has a time of its own is 63 at most")
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
        Op::Submit { port, request, .. } if setup_of(program, port) != RingSetup::Shared => {
            match request {
                Request::Nop(_) => Ok(()),
                _ => Err(OF_ONE),
            }
        }
        Op::Submit { request, .. } => match request {
            Request::Cancel(operation, _) => is_request(program, operation),
            Request::CancelFile(file, _) => can_cancel_all(program, file),
            Request::Nop(_) | Request::Drain(_) | Request::Timeout(_) => Ok(()),
            Request::Read(_) => Err("a read is started by itself, or in a chain"),
            Request::Chain(chain) => can_link(program, chain),
            Request::Count { .. } => can_count(program, op),
        },
        Op::RingEvent { port, .. } if setup_of(program, port) == RingSetup::DeferTaskrun => {
            Err("when the eventfd of such a ring is signaled is not said")
        }
        Op::RingEvent { event, .. } => match program.objects[event.index()] {
            Object::Event { manual: false, .. } => Ok(()),
            _ => Err("an eventfd is an event that a wait takes back"),
        },
        Op::MsgRing { .. } | Op::Associate { .. } | Op::Replace { .. } => Ok(()),
        Op::Modes { .. } | Op::DuplicateFile { .. } | Op::CloseFile { .. } => Ok(()),
        Op::Peek { .. } => Ok(()),
        ops_of!(ports, port_handles, objects, threads, apcs, variables) => Ok(()),
        ops_of!(wait_packets, jobs, sources, event_ports, kqueues) => Ok(()),
    }
}

/// Why few requests go to a ring of one submitter.
const OF_ONE: &str = "to a ring of one submitter go requests to do nothing only";

fn has_ring(program: &Program, file: FileId) -> Result<(), &'static str> {
    match program.files[file.index()].binding {
        Some(_) if setup_of(program, ring_of(program, file)) != RingSetup::Shared => Err(OF_ONE),
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

fn can_complete(program: &Program, burst: u16, result: ResultId) -> Result<(), &'static str> {
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

/// Whether a timeout can count: there is one on its ring, and once.
fn can_count(program: &Program, op: Op) -> Result<(), &'static str> {
    let Some((port, _)) = counted(op) else {
        return Ok(());
    };
    if program.ports[port.index()].entries.is_some() {
        return Err("how a timeout counts what is kept behind a ring is not said");
    }
    let counts = |op| counted(op).is_some_and(|(on, _)| on == port);
    match times(program, counts) {
        Some(1) => Ok(()),
        _ => Err("one timeout counts on a ring here, once"),
    }
}

/// Whether requests can be linked: each read of a chain is in no other, nor started by itself.
fn can_link(program: &Program, chain: u8) -> Result<(), &'static str> {
    let reads = |chain: &Chain| {
        let reads = chain.linked.iter().filter_map(|it| match it.request {
            Request::Read(id) => Some(id),
            _ => None,
        });
        reads.collect::<Vec<_>>()
    };
    let own = &program.chains[usize::from(chain)];
    let all: Vec<_> = program.chains.iter().flat_map(reads).collect();
    for id in reads(own) {
        is_request(program, id)?;
        let file = file_of(program, id);
        if ring_of(program, file) != own.port {
            return Err("a chain is on one ring");
        }
        if program.operations[id.index()].multishot {
            return Err("a read that goes on is in no chain here");
        }
        let starts = |op| matches!(op, Op::Start { operation, .. } if operation == id);
        let by_itself = program.ops().any(starts);
        if by_itself || all.iter().filter(|&&it| it == id).count() > 1 {
            return Err("a read is in one chain here, once, and is not started besides");
        }
        if cancels_all(program, file) {
            return Err("the order in which chains end that are cancelled in one go is not said");
        }
    }
    let mut linked = own.linked.iter();
    linked.try_for_each(|it| match it.request {
        Request::Cancel(id, _) => is_request(program, id),
        Request::CancelFile(file, _) => can_cancel_all(program, file),
        _ => Ok(()),
    })
}

/// Whether all requests on a file are cancelled in one go somewhere.
fn cancels_all(program: &Program, file: FileId) -> bool {
    let is_it = |request: Request| matches!(request, Request::CancelFile(it, _) if it == file);
    let names = |op| {
        matches!(op, Op::CancelFile { file: it, .. } if it == file)
            || matches!(op, Op::Submit { request, .. } if is_it(request))
    };
    let mut linked = program.chains.iter().flat_map(|chain| &chain.linked);
    linked.any(|it| is_it(it.request)) || program.ops().any(names)
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
