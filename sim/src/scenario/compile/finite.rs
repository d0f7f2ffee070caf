//! What posts can carry that compute it: every value that an expression can come to, found before anything runs.
//!
//! Each variable and each queue begins with what is there at the start, and grows by what the program puts into it,
//! whatever conditions stand before that. So it may hold more than any run shows, and never less.

use std::collections::BTreeSet;

use portsim_model::expr::{Binary, Expr, ExprId, Field, OperationField, PortField};
use portsim_model::op::Noun;
use portsim_model::program::{
    CodeId, Computed, Instr, Op, Owner, Packet, PacketId, Program, Request, SlotId, Thread,
    ThreadId, Variable,
};

use crate::names::Names;
use crate::scenario::code::packet;
use crate::scenario::place::{Complaint, Path, Place};
use crate::words;

/// The most values that one thing can have.
const VALUES_MAX: usize = 200;

/// The values that something can have.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Values {
    These(BTreeSet<i64>),
    /// There is no end of them.
    Any {
        /// Whether some may be below 0.
        negative: bool,
    },
}

use Values::{Any, These};

impl Values {
    fn one(value: i64) -> Values {
        These(BTreeSet::from([value]))
    }

    fn truth() -> Values {
        These(BTreeSet::from([0, 1]))
    }

    fn range(from: i64, to: i64) -> Values {
        match to.checked_sub(from) {
            Some(more) if (0..VALUES_MAX as i64).contains(&more) => These((from..=to).collect()),
            _ => Any { negative: from < 0 },
        }
    }

    fn is_negative(&self) -> bool {
        match self {
            These(values) => values.first().is_some_and(|&it| it < 0),
            Any { negative } => *negative,
        }
    }

    /// What is in one of two.
    fn or(self, other: Values) -> Values {
        let negative = self.is_negative() || other.is_negative();
        match (self, other) {
            (These(mut all), These(more)) => {
                all.extend(more);
                These(all).bounded()
            }
            _ => Any { negative },
        }
    }

    /// As many as are kept.
    fn bounded(self) -> Values {
        match &self {
            These(values) if values.len() > VALUES_MAX => Any {
                negative: self.is_negative(),
            },
            _ => self,
        }
    }

    /// What each pair comes to; what has no value comes to nothing.
    fn pairs(&self, other: &Values, becomes: impl Fn(i64, i64) -> Option<i64>) -> Option<Values> {
        let (These(left), These(right)) = (self, other) else {
            return None;
        };
        let each = left
            .iter()
            .flat_map(|&one| right.iter().map(move |&other| (one, other)));
        let all = each
            .filter_map(|(one, other)| becomes(one, other))
            .collect();
        Some(These(all).bounded())
    }

    fn with(&self, operator: Binary, other: &Values) -> Values {
        let negative = self.is_negative() || other.is_negative();
        match operator {
            Binary::Add => self
                .pairs(other, i64::checked_add)
                .unwrap_or(Any { negative }),
            Binary::Sub => self
                .pairs(other, i64::checked_sub)
                .unwrap_or(Any { negative: true }),
            Binary::Mul => self
                .pairs(other, i64::checked_mul)
                .unwrap_or(Any { negative }),
            Binary::Div => self
                .pairs(other, i64::checked_div)
                .unwrap_or(Any { negative }),
            Binary::Rem => self.rest_of(other),
            Binary::Min | Binary::Max => self.bounded_by(operator, other),
            Binary::Eq | Binary::Ne | Binary::Lt | Binary::Le | Binary::Gt | Binary::Ge => {
                Values::truth()
            }
            Binary::And | Binary::Or => Values::truth(),
        }
    }

    /// A remainder is smaller than what is divided by.
    fn rest_of(&self, other: &Values) -> Values {
        let negative = self.is_negative();
        match (self.pairs(other, i64::checked_rem), other) {
            (Some(values), _) => values,
            (None, These(by)) => {
                let largest = by.iter().map(|it| it.saturating_abs()).max().unwrap_or(0);
                let to = largest.saturating_sub(1).max(0);
                Values::range(if negative { -to } else { 0 }, to)
            }
            (None, Any { .. }) => Any { negative },
        }
    }

    fn bounded_by(&self, operator: Binary, other: &Values) -> Values {
        let chosen = |one: i64, other: i64| match operator {
            Binary::Min => one.min(other),
            _ => one.max(other),
        };
        let negative = self.is_negative() && other.is_negative();
        match (self, other) {
            (These(_), These(_)) => self
                .pairs(other, |one, other| Some(chosen(one, other)))
                .unwrap_or(Any { negative }),
            (These(known), Any { negative: false }) | (Any { negative: false }, These(known))
                if operator == Binary::Min =>
            {
                let to = known.last().copied().unwrap_or(0);
                Values::range(to.min(0), to)
            }
            _ if operator == Binary::Max => Any { negative },
            _ => Any { negative: true },
        }
    }
}

/// Finds what each post can carry that computes it; `places` says where these stand.
pub(super) fn find(program: &mut Program, names: &Names, places: &[Path]) -> Result<(), Complaint> {
    if places.is_empty() {
        return Ok(());
    }
    let vars = program.vars.iter().map(|&it| Values::one(it.into()));
    let locals = program.codes.iter().map(|code| &code.locals);
    let locals = locals.map(|all| all.iter().map(|&it| Values::one(it.into())).collect());
    let mut known = Known {
        vars: vars.collect(),
        locals: locals.collect(),
        queues: queues(program),
    };
    while known.grow(program, names, places)? {}
    Ok(())
}

/// What is known so far.
struct Known {
    vars: Vec<Values>,
    /// By code, what threads have for themselves.
    locals: Vec<Vec<Values>>,
    /// By port, every packet that can be in it.
    queues: Vec<BTreeSet<PacketId>>,
}

impl Known {
    /// Lets each operation of the program add what it can; says whether any did.
    fn grow(
        &mut self,
        program: &mut Program,
        names: &Names,
        places: &[Path],
    ) -> Result<bool, Complaint> {
        let mut grown = false;
        for n in 0..program.codes.len() {
            let code = CodeId(n as u8);
            for instr in program.codes[n].instrs.clone() {
                let mut op = match instr {
                    Instr::Op(op) => op,
                    Instr::Let { first, len } => {
                        grown |= self.assign(program, code, (first, len), false);
                        continue;
                    }
                    _ => continue,
                };
                for (first, len, adds) in assigned(&mut op) {
                    grown |= self.assign(program, code, (first, len), adds);
                }
                if let Op::PostComputed {
                    port,
                    computed,
                    reserve,
                    ..
                } = op
                {
                    let place = &places[usize::from(computed)];
                    let owner = reserve.map_or(Owner::Nobody, Owner::Reserve);
                    let posts = Posts {
                        code,
                        computed,
                        owner,
                    };
                    for id in self.posts(program, names, posts, place)? {
                        grown |= self.queues[port.index()].insert(id);
                    }
                }
            }
        }
        Ok(grown)
    }

    /// What assignments can write; says whether that is new.
    fn assign(
        &mut self,
        program: &Program,
        code: CodeId,
        (first, len): (u16, u8),
        adds: bool,
    ) -> bool {
        let mut grown = false;
        for set in program.sets(first, len) {
            let given = self.values(program, code, set.value);
            let elements = set.element.map_or(1, |(_, len)| len);
            let all = match set.var {
                Variable::Shared(_) => &mut self.vars,
                Variable::Own(_) => &mut self.locals[code.index()],
            };
            for var in &mut all[set.var.index()..][..usize::from(elements)] {
                let value = match adds {
                    true => var.with(Binary::Add, &given),
                    false => given.clone(),
                };
                let all = var.clone().or(value);
                grown |= all != *var;
                *var = all;
            }
        }
        grown
    }

    /// The packets that a post can carry.
    fn posts(
        &self,
        program: &mut Program,
        names: &Names,
        posts: Posts,
        place: &Path,
    ) -> Result<Vec<PacketId>, Complaint> {
        let at = usize::from(posts.computed);
        let Computed {
            key,
            bytes,
            overlapped,
            status,
            ..
        } = program.computed[at];
        let all = |id| match self.values(program, posts.code, id) {
            These(values) => Ok(values),
            Any { .. } => Err(self.endless(program, names, posts.code, id, place)),
        };
        let (keys, bytes, overlapped) = (all(key)?, all(bytes)?, all(overlapped)?);
        if keys.len() * bytes.len() * overlapped.len() > VALUES_MAX {
            let problem = format!("it can carry more than {VALUES_MAX} different packets");
            return Err(complaint(place, problem));
        }
        let mut ids = Vec::new();
        for &key in &keys {
            for &bytes in &bytes {
                for &overlapped in &overlapped {
                    let contents = Packet {
                        key,
                        bytes,
                        overlapped,
                        status,
                    };
                    let id = packet(program, contents, posts.owner, &Place::TOP)
                        .map_err(|it| complaint(place, it.problem))?;
                    let known = &mut program.computed[at].packets;
                    if !known.contains(&(contents, id)) {
                        known.push((contents, id));
                    }
                    ids.push(id);
                }
            }
        }
        Ok(ids)
    }

    /// Says of what there is no end.
    fn endless(
        &self,
        program: &Program,
        names: &Names,
        code: CodeId,
        id: ExprId,
        place: &Path,
    ) -> Complaint {
        let runs = |&it: &ThreadId| program.threads[it.index()].code == code;
        let me = program
            .thread_ids()
            .find(runs)
            .expect("each code has a thread");
        let text = |id| words::text(names, program, me, id);
        let mut reads = words::reads(program, id).into_iter();
        let endless = reads.find(|&id| matches!(self.values(program, code, id), Any { .. }));
        let what = text(endless.unwrap_or(id));
        complaint(
            place,
            format!(
                "what it carries must come from at most {VALUES_MAX} values, and {what} can have any; \
                 bound it, as in \"{what} % 8\" or \"min({what}, 7)\""
            ),
        )
    }

    /// What an expression of a thread can come to.
    fn values(&self, program: &Program, code: CodeId, id: ExprId) -> Values {
        let of = |id| self.values(program, code, id);
        match program.exprs[usize::from(id.0)] {
            Expr::Const(number) => Values::one(number),
            Expr::Var(var) => self.vars[var.index()].clone(),
            Expr::Element { first, len, .. } => any_of(&self.vars[first.index()..], len),
            Expr::Local { first, element, .. } => {
                let len = element.map_or(1, |(_, len)| len);
                any_of(&self.locals[code.index()][first.index()..], len)
            }
            Expr::Result { slot, field, .. } | Expr::Nth { slot, field, .. } => {
                self.left(program, code, slot, field)
            }
            Expr::Member { first } => {
                let runs = |it: &&Thread| it.code == code;
                let members = program.threads[first.index()..].iter().take_while(runs);
                Values::range(0, members.count() as i64 - 1)
            }
            Expr::Thread(..) | Expr::File(..) | Expr::Not(_) => Values::truth(),
            Expr::Port(_, PortField::Open) => Values::truth(),
            Expr::Operation(_, field) if field != OperationField::Status => Values::truth(),
            Expr::Operation(..) | Expr::Port(..) | Expr::Apcs(_) | Expr::LastError(_) => {
                Any { negative: false }
            }
            Expr::Neg(operand) => Values::one(0).with(Binary::Sub, &of(operand)),
            Expr::Binary(operator, left, right) => of(left).with(operator, &of(right)),
        }
    }

    /// What a part of a result can be; 0 before a call has left one.
    fn left(&self, program: &Program, code: CodeId, slot: SlotId, field: Field) -> Values {
        let carried = |part: fn(Packet) -> i64| {
            let gets = program.codes[code.index()].ops().filter_map(Op::as_get);
            let ports = gets
                .filter(|get| get.into == Some(slot))
                .map(|get| get.port);
            let ids = ports.flat_map(|port| &self.queues[port.index()]);
            let values = ids.map(|id| part(program.packets[id.index()]));
            These(values.chain([0]).collect()).bounded()
        };
        match field {
            Field::Ok | Field::Timeout | Field::Pending => Values::truth(),
            Field::Count => {
                let room = program.codes[code.index()].slots[slot.index()].packets_max;
                Values::range(0, room.into())
            }
            Field::Key => carried(|packet| packet.key),
            Field::Overlapped => carried(|packet| packet.overlapped),
            Field::Bytes if program.operations.is_empty() => carried(|packet| packet.bytes),
            Field::Status if program.operations.is_empty() => {
                carried(|packet| packet.status.into())
            }
            Field::Value => self.answered(program, code, slot),
            Field::Bytes | Field::Status | Field::Error => Any { negative: true },
        }
    }

    /// What calls can answer with that leave it there.
    fn answered(&self, program: &Program, code: CodeId, slot: SlotId) -> Values {
        let mut all = Values::one(0);
        for mut op in program.codes[code.index()].ops() {
            if op.into() != Some(slot) {
                continue;
            }
            let mut sets = assigned(&mut op).into_iter();
            all = all.or(match sets.next() {
                Some((set, ..)) => {
                    let set = &program.sets[usize::from(set)];
                    let elements = set.element.map_or(1, |(_, len)| len);
                    any_of(&self.vars[set.var.index()..], elements)
                }
                // What other calls answer with counts packets or handles.
                None => Any { negative: false },
            });
        }
        all
    }
}

/// What any of the first so many can have.
fn any_of(all: &[Values], len: u8) -> Values {
    let each = all[..usize::from(len)].iter().cloned();
    each.reduce(Values::or).unwrap_or(Values::one(0))
}

/// A post that computes what it carries.
#[derive(Clone, Copy)]
struct Posts {
    code: CodeId,
    computed: u16,
    owner: Owner,
}

fn complaint(place: &Path, problem: String) -> Complaint {
    Complaint {
        place: Some(place.clone()),
        ..Complaint::new(problem)
    }
}

/// The assignments that an operation makes, and whether it adds.
fn assigned(op: &mut Op) -> Vec<(u16, u8, bool)> {
    let adds = matches!(op, Op::Add { .. });
    let sets = op.describe().nouns().filter_map(|noun| match noun {
        Noun::Sets(first, len) => Some((*first, *len, adds)),
        Noun::Update(set) => Some((*set, 1, adds)),
        _ => None,
    });
    sets.collect()
}

/// What the entries of a chain carry, but of its reads.
fn carried(program: &Program, chain: u8) -> Vec<PacketId> {
    let linked = program.chains[usize::from(chain)].linked.iter();
    let carried = linked.flat_map(|it| match it.request {
        Request::Nop(own)
        | Request::Drain(own)
        | Request::Timeout(own)
        | Request::Count { own, .. } => {
            vec![own, it.broken]
        }
        Request::Cancel(_, own) | Request::CancelFile(_, own) => {
            let own = &program.owns[usize::from(own)];
            own.iter().copied().chain([it.broken]).collect()
        }
        Request::Read(_) | Request::Chain(_) => Vec::new(),
    });
    carried.collect()
}

/// By port, the packets that can come to it which nothing computes.
fn queues(program: &Program) -> Vec<BTreeSet<PacketId>> {
    let mut queues = vec![BTreeSet::new(); program.ports.len()];
    for mut op in program.ops() {
        let (mut ports, mut packets) = (Vec::new(), Vec::new());
        for noun in op.describe().nouns() {
            match noun {
                Noun::Port(port, _) => ports.push(port),
                Noun::Ports(list, _) => ports.extend(&program.port_lists[usize::from(list)]),
                Noun::Packet(packet) => packets.push(*packet),
                Noun::Own(list) => packets.extend(&program.owns[usize::from(list)]),
                Noun::Chain(chain) => packets.extend(carried(program, chain)),
                _ => {}
            }
        }
        for port in ports {
            queues[port.index()].extend(packets.iter().copied());
        }
    }
    for completion in &program.completions {
        let port = program.bindings[completion.binding.index()].port;
        queues[port.index()].insert(completion.packet);
    }
    for binding in &program.job_bindings {
        let messages = binding
            .new
            .iter()
            .chain(&binding.exit)
            .chain([&binding.zero]);
        queues[binding.port.index()].extend(messages.copied());
    }
    queues
}

#[cfg(test)]
mod tests {
    use super::*;

    fn these(values: &[i64]) -> Values {
        These(values.iter().copied().collect())
    }

    #[test]
    fn values_grow_until_there_is_no_end_of_them() {
        let three = these(&[1, 2, 3]);
        assert_eq!(
            three.with(Binary::Add, &these(&[10, 20])),
            these(&[11, 12, 13, 21, 22, 23])
        );
        assert_eq!(three.with(Binary::Div, &these(&[0, 2])), these(&[0, 1]));
        assert_eq!(three.with(Binary::Lt, &three), Values::truth());
        assert_eq!(three.clone().or(these(&[3, 4])), these(&[1, 2, 3, 4]));
        let many = Values::range(1, 150);
        assert_eq!(
            many.with(Binary::Add, &Values::range(0, 100)),
            Any { negative: false }
        );
        assert_eq!(Values::range(0, 200), Any { negative: false });
        assert_eq!(
            these(&[i64::MAX]).with(Binary::Add, &these(&[1])),
            these(&[])
        );
    }

    #[test]
    fn what_has_no_end_is_bounded_again() {
        let (any, signed) = (Any { negative: false }, Any { negative: true });
        assert_eq!(any.with(Binary::Rem, &these(&[3])), these(&[0, 1, 2]));
        assert_eq!(
            signed.with(Binary::Rem, &these(&[3])),
            these(&[-2, -1, 0, 1, 2])
        );
        assert_eq!(any.with(Binary::Min, &these(&[2])), these(&[0, 1, 2]));
        assert_eq!(these(&[2]).with(Binary::Min, &any), these(&[0, 1, 2]));
        assert_eq!(signed.with(Binary::Min, &these(&[2])), signed);
        assert_eq!(any.with(Binary::Max, &these(&[2])), any);
        assert_eq!(these(&[1]).with(Binary::Sub, &any), signed);
    }
}
