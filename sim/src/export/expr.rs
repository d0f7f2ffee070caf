//! Expressions in Promela.

use portsim_model::expr::{Binary, Expr, ExprId, Field, PortField, ThreadField};
use portsim_model::program::{CodeId, Program, SlotId, ThreadId};

use super::Me;

/// An expression in Promela: its value, and when it has one.
pub(super) struct Said {
    /// Where it has a value; none where it always has one.
    pub defined: Option<String>,
    /// Its value there.
    pub value: String,
}

impl Said {
    fn always(value: impl Into<String>) -> Said {
        Said {
            defined: None,
            value: value.into(),
        }
    }

    /// True where it has a value that is not 0.
    pub fn holds(&self) -> String {
        match &self.defined {
            None => format!("({} != 0)", self.value),
            Some(defined) => format!("({defined} && {} != 0)", self.value),
        }
    }

    /// True where it has the value 0.
    pub fn fails(&self) -> String {
        match &self.defined {
            None => format!("({} == 0)", self.value),
            Some(defined) => format!("({defined} && {} == 0)", self.value),
        }
    }
}

/// Both, where there are two.
pub(super) fn both(left: Option<String>, right: Option<String>) -> Option<String> {
    match (left, right) {
        (Some(left), Some(right)) => Some(format!("({left} && {right})")),
        (left, right) => left.or(right),
    }
}

/// The number of the first result of each thread: they stand one thread after the other.
pub(super) fn result_bases(program: &Program) -> Vec<usize> {
    let slots = |id: CodeId| program.codes[id.index()].slots.len();
    program
        .threads
        .iter()
        .scan(0, |next, thread| {
            let base = *next;
            *next += slots(thread.code);
            Some(base)
        })
        .collect()
}

/// An expression as a thread sees it; an `Err` says why it cannot be said.
pub(super) fn say(program: &Program, me: Me<'_>, id: ExprId) -> Result<Said, String> {
    let told = |id| say(program, me, id);
    Ok(match program.exprs[usize::from(id.0)] {
        Expr::Const(number) => Said::always(format!("({})", int(number)?)),
        Expr::Var(var) => Said::always(format!("var[{}]", var.0)),
        Expr::Element { first, len, index } => {
            let index = told(index)?;
            let inside = format!("({0} >= 0 && {0} < {len})", index.value);
            Said {
                value: format!("var[{} + {}]", first.0, index.value),
                defined: both(index.defined, Some(inside)),
            }
        }
        Expr::Result {
            thread,
            slot,
            field,
            nth,
        } => {
            let result = result_of(program, me, thread, slot);
            Said::always(result_field(program, &result, field, nth)?)
        }
        Expr::Member { first } => Said::always(format!("({me} - {})", first.0)),
        Expr::Port(port, field) => {
            let p = port.0;
            Said::always(match field {
                PortField::Depth => format!("depth[{p}]"),
                PortField::Waiting => format!("waiting[{p}]"),
                PortField::Running => format!("running[{p}]"),
                PortField::Concurrency => format!("h_limit[{p}]"),
                PortField::Delivered => format!("delivered[{p}]"),
                PortField::Open => format!("(handles[{p}] > 0)"),
            })
        }
        Expr::Thread(thread, field) => {
            let mode = format!("mode[{}]", thread.0);
            Said::always(match field {
                ThreadField::Parked => format!("({mode} == PARKED || {mode} == WOKEN)"),
                ThreadField::Blocked => {
                    format!("({mode} == BLOCKED || {mode} == STALLED || {mode} == SLEEPING)")
                }
                ThreadField::Done => format!("({mode} == DONE)"),
            })
        }
        Expr::Local { .. } => return Err("variables of one thread".to_owned()),
        Expr::Nth { .. } => return Err("packets of a batch whose place is computed".to_owned()),
        Expr::LastError(_) => return Err("last errors".to_owned()),
        Expr::Apcs(_) => return Err("asynchronous procedure calls".to_owned()),
        Expr::Operation(..) => return Err("operations on files".to_owned()),
        Expr::File(..) => return Err("files".to_owned()),
        Expr::Not(operand) => unary("!", told(operand)?),
        Expr::Neg(operand) => unary("-", told(operand)?),
        Expr::Binary(operator, left, right) => binary(operator, told(left)?, told(right)?),
    })
}

fn unary(operator: &str, operand: Said) -> Said {
    Said {
        value: format!("({operator}{})", operand.value),
        ..operand
    }
}

fn binary(operator: Binary, left: Said, right: Said) -> Said {
    if let Binary::Min | Binary::Max = operator {
        let (one, other) = (&left.value, &right.value);
        let sign = if operator == Binary::Min { "<" } else { ">" };
        return Said {
            value: format!("({one} {sign} {other} -> {one} : {other})"),
            defined: both(left.defined, right.defined),
        };
    }
    let sign = match operator {
        Binary::Add => "+",
        Binary::Sub => "-",
        Binary::Mul => "*",
        Binary::Div => "/",
        Binary::Rem => "%",
        Binary::Eq => "==",
        Binary::Ne => "!=",
        Binary::Lt => "<",
        Binary::Le => "<=",
        Binary::Gt => ">",
        Binary::Ge => ">=",
        Binary::And => "&&",
        Binary::Or => "||",
        Binary::Min | Binary::Max => unreachable!("they were said above"),
    };
    let value = format!("({} {sign} {})", left.value, right.value);
    // The right operand is asked only where the left one leaves it open.
    let right_defined = match operator {
        Binary::And => right.defined.map(|it| format!("(!{} || {it})", left.value)),
        Binary::Or => right.defined.map(|it| format!("({} || {it})", left.value)),
        Binary::Div | Binary::Rem => both(right.defined, Some(format!("({} != 0)", right.value))),
        _ => right.defined,
    };
    Said {
        value,
        defined: both(left.defined, right_defined),
    }
}

fn result_of(program: &Program, me: Me<'_>, thread: Option<ThreadId>, slot: SlotId) -> String {
    match thread {
        None => format!("(h_base[{me}] + {})", slot.0),
        Some(thread) => {
            let base = result_bases(program)[thread.index()];
            (base + slot.index()).to_string()
        }
    }
}

fn result_field(program: &Program, r: &str, field: Field, nth: u8) -> Result<String, String> {
    Ok(match field {
        Field::Ok => format!("is_ok({r})"),
        Field::Timeout => format!("(ended[{r}] == TIMEOUT)"),
        Field::Error => format!("error_of({r})"),
        Field::Count => format!("took({r})"),
        Field::Key => format!("part({r}, {nth}, h_key)"),
        Field::Bytes => format!("part({r}, {nth}, h_bytes)"),
        Field::Overlapped => format!("part({r}, {nth}, h_overlapped)"),
        Field::Status => {
            if program
                .packets
                .iter()
                .any(|it| int(it.status.into()).is_err())
            {
                return Err("a property of a status beyond 31 bits".to_owned());
            }
            format!("part({r}, {nth}, h_status)")
        }
        // No call here issues an operation.
        Field::Pending => "0".to_owned(),
        Field::Value => format!("value_of({r})"),
    })
}

/// A number, if Promela has room for it.
pub(super) fn int(number: i64) -> Result<i32, String> {
    // The least is left out, because Promela reads it as the negative of a number that is too large.
    let fits = i32::try_from(number).ok().filter(|&it| it != i32::MIN);
    fits.ok_or_else(|| "a number beyond 32 bits".to_owned())
}
