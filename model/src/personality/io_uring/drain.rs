//! Requests that wait for those before them.

use super::*;
use crate::layout::{WAITING_MAX, times};

/// What becomes of requests on a ring that has drained ones.
impl IoUring {
    /// Submits a read or a request to do nothing.
    pub(super) fn submits<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        ring: PortId,
        request: Request,
    ) {
        let drains = is_drained(turn.program, request);
        if turn.layout.waiting.is_none() || !drains && turn.waiting(ring)[ACTIVE] == 0 {
            self.runs(turn, me, ring, request);
            return;
        }
        let program = turn.program;
        let place = requests_of(program, ring)
            .iter()
            .position(|it| *it == request);
        let waiting = turn.waiting(ring);
        let len = usize::from(waiting[LEN]);
        waiting[ITEMS + len] = place.expect("it is one of them") as u8;
        waiting[LEN] += 1;
        waiting[ACTIVE] = 1;
        if let Request::Read(id) = request {
            turn.operation(id).wait(me);
        }
        if drains {
            turn.by(DRAIN);
        }
        self.begin(turn, ring);
        if drains {
            return;
        }
        if turn.waiting(ring)[LEN] == 0 {
            turn.waiting(ring)[ACTIVE] = 0;
            return;
        }
        let is_held = |it| is_drained(program, it);
        let pending = pending_in(turn.view(), ring);
        let mut before = queue(turn, ring)
            .into_iter()
            .chain(pending.into_iter().map(Request::Read));
        turn.by(if before.any(is_held) {
            DRAIN_BEHIND
        } else {
            OLD_DRAIN_LATER
        });
    }

    /// What has waited begins, as far as nothing before it pends.
    pub(super) fn begin<O: Observer>(&self, turn: &mut Turn<'_, O>, ring: PortId) {
        if turn.layout.waiting.is_none() || turn.waiting(ring)[ACTIVE] == 0 {
            return;
        }
        loop {
            let pend = !pending_in(turn.view(), ring).is_empty();
            let (mut begins, mut past_drained) = (Vec::new(), false);
            for request in queue(turn, ring) {
                past_drained |= is_drained(turn.program, request);
                let is_first = begins.is_empty();
                if (past_drained || is_first) && (pend || !is_first) {
                    break;
                }
                begins.push(request);
            }
            if begins.is_empty() {
                return;
            }
            if !past_drained && !self.drains_on && begins.len() == queue(turn, ring).len() {
                turn.by(DRAIN_OVER);
                turn.waiting(ring)[ACTIVE] = 0;
            }
            let waiting = turn.waiting(ring);
            waiting[ITEMS..].rotate_left(begins.len());
            waiting[ITEMS + WAITING_MAX - begins.len()..].fill(0);
            waiting[LEN] -= begins.len() as u8;
            while !begins.is_empty() {
                let next = match begins.len() {
                    1 => 0,
                    several => turn.pick(DRAIN_ORDER, several),
                };
                let request = begins.remove(next);
                let issuer = match request {
                    Request::Read(id) => turn.operation(id).issuer(),
                    _ => None,
                };
                self.runs(turn, issuer.unwrap_or(ThreadId(0)), ring, request);
            }
        }
    }
}

/// Where it stands whether requests may have to wait, how many do, and which.
const ACTIVE: usize = 0;
const LEN: usize = 1;
const ITEMS: usize = 2;

fn is_drained(program: &Program, request: Request) -> bool {
    match request {
        Request::Drain(_) => true,
        Request::Read(id) => program.operations[id.index()].drain,
        _ => false,
    }
}

/// The request that an operation submits to a ring, if it is one that can wait.
fn request_to(program: &Program, ring: PortId, op: Op) -> Option<Request> {
    if let Op::Submit {
        port,
        request: request @ (Request::Nop(_) | Request::Drain(_)),
        ..
    } = op
    {
        return (port == ring).then_some(request);
    }
    let Op::Start { operation, .. } = op else {
        return None;
    };
    let file = file_of(program, operation);
    let binding = program.files[file.index()].binding;
    let is_its = binding.is_some() && ring_of(program, file) == ring;
    is_its.then_some(Request::Read(operation))
}

/// Every request that can wait on a ring, once.
fn requests_of(program: &Program, ring: PortId) -> Vec<Request> {
    let mut requests = Vec::new();
    for request in program.ops().filter_map(|op| request_to(program, ring, op)) {
        if !requests.contains(&request) {
            requests.push(request);
        }
    }
    requests
}

/// Those that wait, in their order.
fn queue<O: Observer>(turn: &mut Turn<'_, O>, ring: PortId) -> Vec<Request> {
    let all = requests_of(turn.program, ring);
    let waiting = turn.waiting(ring);
    let items = waiting[ITEMS..].iter().take(waiting[LEN].into());
    items.map(|&place| all[usize::from(place)]).collect()
}

/// Whether a read waits for others.
pub(super) fn is_waiting<O: Observer>(turn: &mut Turn<'_, O>, id: OperationId) -> bool {
    let operation = turn.operation(id);
    operation.phase() == Phase::Idle && operation.issuer().is_some()
}

/// The reads that pend on a ring.
fn pending_in(view: View<'_>, ring: PortId) -> Vec<OperationId> {
    let is_its = |id: &OperationId| ring_of(view.program, file_of(view.program, *id)) == ring;
    view.pending_operations().filter(is_its).collect()
}

/// Why the rings of a program cannot be drained, if some are to be and cannot.
pub(super) fn cannot_drain(program: &Program, op: Op) -> Option<&'static str> {
    let drains = |ring: &PortId| {
        let requests = requests_of(program, *ring);
        requests.into_iter().any(|it| is_drained(program, it))
    };
    let ring = program
        .port_ids()
        .find(|ring| drains(ring) && is_on(program, *ring, op))?;
    let is_other = match request_to(program, ring, op) {
        Some(Request::Read(id)) => program.operations[id.index()].multishot,
        Some(_) => false,
        None => true,
    };
    let port = &program.ports[ring.index()];
    let is_special = port.entries.is_some() || port.setup != RingSetup::Shared;
    if is_other || is_special {
        return Some("a ring with drained requests is a plain one, and has reads and nops besides");
    }
    let requests = times(program, |op| request_to(program, ring, op).is_some());
    requests
        .is_none_or(|requests| requests > WAITING_MAX)
        .then_some("a ring with drained requests has up to 6, and none in a loop")
}

/// Whether an operation submits something to a ring.
fn is_on(program: &Program, ring: PortId, op: Op) -> bool {
    let submits = matches!(op, Op::Submit { port, .. } if port == ring);
    let sends = matches!(op, Op::MsgRing { message, .. } if message.from == ring);
    submits || sends || request_to(program, ring, op).is_some()
}
