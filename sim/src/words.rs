//! The words of expressions: what can be asked of things, operators, statuses; and expressions in these words.

use portsim_model::expr::{
    Binary, Expr, ExprId, Field, FileField, OperationField, PortField, ThreadField,
};
use portsim_model::op::{Events, Noun};
use portsim_model::os_error::os_errors;
use portsim_model::program::{CodeId, GOES_ON, Op, Program, SlotId, ThreadId};

use crate::names::Names;

/// What an expression is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// A number.
    Int,
    /// Yes or no.
    Bool,
}

/// Words for a part of something, what they ask, and the type of the answer.
pub type Fields<F, const N: usize> = [(&'static str, F, Type); N];

/// Parts of the result of a call as a whole.
pub const CALL_FIELDS: Fields<Field, 3> = [
    ("ok", Field::Ok, Type::Bool),
    ("timeout", Field::Timeout, Type::Bool),
    ("error", Field::Error, Type::Int),
];

/// Parts of the result of a call that takes packets; those from [`Field::Key`] on are a packet's.
pub const PACKET_FIELDS: Fields<Field, 8> = [
    CALL_FIELDS[0],
    CALL_FIELDS[1],
    CALL_FIELDS[2],
    ("count", Field::Count, Type::Int),
    ("key", Field::Key, Type::Int),
    ("bytes", Field::Bytes, Type::Int),
    ("overlapped", Field::Overlapped, Type::Int),
    ("status", Field::Status, Type::Int),
];

/// Parts of the result of a call that issues an operation, or answers with a number.
pub const VALUE_FIELDS: Fields<Field, 7> = [
    CALL_FIELDS[0],
    CALL_FIELDS[1],
    CALL_FIELDS[2],
    ("pending", Field::Pending, Type::Bool),
    ("value", Field::Value, Type::Int),
    ("bytes", Field::Bytes, Type::Int),
    ("status", Field::Status, Type::Int),
];

/// Parts of a result that calls of both kinds leave.
pub const ALL_FIELDS: Fields<Field, 10> = [
    PACKET_FIELDS[0],
    PACKET_FIELDS[1],
    PACKET_FIELDS[2],
    PACKET_FIELDS[3],
    PACKET_FIELDS[4],
    PACKET_FIELDS[5],
    PACKET_FIELDS[6],
    PACKET_FIELDS[7],
    VALUE_FIELDS[3],
    VALUE_FIELDS[4],
];

/// What can be asked about an operation.
pub const OPERATION_FIELDS: Fields<OperationField, 5> = [
    ("pending", OperationField::Pending, Type::Bool),
    ("queued", OperationField::Queued, Type::Bool),
    ("written", OperationField::Written, Type::Bool),
    ("alive", OperationField::Alive, Type::Bool),
    ("status", OperationField::Status, Type::Int),
];

/// What can be asked about a file.
pub const FILE_FIELDS: Fields<FileField, 2> = [
    ("signaled", FileField::Signaled, Type::Bool),
    ("open", FileField::Open, Type::Bool),
];

/// What can be asked about a port.
pub const PORT_FIELDS: Fields<PortField, 6> = [
    ("depth", PortField::Depth, Type::Int),
    ("waiting", PortField::Waiting, Type::Int),
    ("running", PortField::Running, Type::Int),
    ("concurrency", PortField::Concurrency, Type::Int),
    ("delivered", PortField::Delivered, Type::Int),
    ("open", PortField::Open, Type::Bool),
];

/// What can be asked about a thread.
pub const THREAD_FIELDS: Fields<OfThread, 5> = [
    ("parked", OfThread::Is(ThreadField::Parked), Type::Bool),
    ("blocked", OfThread::Is(ThreadField::Blocked), Type::Bool),
    ("done", OfThread::Is(ThreadField::Done), Type::Bool),
    ("apcs", OfThread::Apcs, Type::Int),
    ("last_error", OfThread::LastError, Type::Int),
];

/// What can be asked about a thread.
#[derive(Clone, Copy, PartialEq)]
pub enum OfThread {
    /// Where it is.
    Is(ThreadField),
    /// How many asynchronous procedure calls it has run.
    Apcs,
    /// The error that its last failed call has left.
    LastError,
}

impl OfThread {
    /// The question, to a thread.
    pub fn expr(self, thread: ThreadId) -> Expr {
        match self {
            OfThread::Is(field) => Expr::Thread(thread, field),
            OfThread::Apcs => Expr::Apcs(thread),
            OfThread::LastError => Expr::LastError(thread),
        }
    }
}

/// NTSTATUS values that evidence names.
pub const STATUSES: [(&str, u32); 15] = [
    ("STATUS_SUCCESS", 0),
    ("STATUS_PENDING", 0x103),
    ("STATUS_BUFFER_OVERFLOW", 0x8000_0005),
    ("STATUS_INVALID_PARAMETER", 0xc000_000d),
    ("STATUS_INVALID_DEVICE_REQUEST", 0xc000_0010),
    ("STATUS_END_OF_FILE", 0xc000_0011),
    ("STATUS_BUFFER_TOO_SMALL", 0xc000_0023),
    ("STATUS_IO_TIMEOUT", 0xc000_00b5),
    ("STATUS_CANCELLED", 0xc000_0120),
    ("STATUS_LOCAL_DISCONNECT", 0xc000_013b),
    ("STATUS_REMOTE_DISCONNECT", 0xc000_013c),
    ("STATUS_PIPE_BROKEN", 0xc000_014b),
    ("STATUS_CONNECTION_RESET", 0xc000_020d),
    ("STATUS_CONNECTION_REFUSED", 0xc000_0236),
    ("STATUS_CONNECTION_ABORTED", 0xc000_0241),
];

/// What reports of sources say of them, as far as they say it.
pub const EVENTS: [(&str, i64); 3] = [
    ("EPOLLIN", Events::INPUT),
    ("EPOLLOUT", Events::OUTPUT),
    ("IORING_CQE_F_MORE", GOES_ON as i64),
];

/// An NTSTATUS as people know it: by its name, or in the digits of the headers.
pub fn status_name(status: u32) -> String {
    let known = STATUSES.into_iter().find(|&(_, value)| value == status);
    known.map_or_else(|| format!("{status:#010x}"), |(name, _)| name.to_owned())
}

/// Operators with two operands, the loosest first; those of one level group from the left.
pub const OPERATORS: [(&str, Binary, u8); 13] = [
    ("||", Binary::Or, 1),
    ("&&", Binary::And, 2),
    ("==", Binary::Eq, 3),
    ("!=", Binary::Ne, 3),
    ("<", Binary::Lt, 4),
    ("<=", Binary::Le, 4),
    (">", Binary::Gt, 4),
    (">=", Binary::Ge, 4),
    ("+", Binary::Add, 5),
    ("-", Binary::Sub, 5),
    ("*", Binary::Mul, 6),
    ("/", Binary::Div, 6),
    ("%", Binary::Rem, 6),
];

/// Functions of two numbers.
pub const FUNCTIONS: [(&str, Binary); 2] = [("min", Binary::Min), ("max", Binary::Max)];

/// What an operator is called that is written as a function.
pub fn function(operator: Binary) -> Option<&'static str> {
    let named = FUNCTIONS.into_iter().find(|&(_, it)| it == operator);
    named.map(|(name, _)| name)
}

/// How an operator is written, and how tightly it binds.
pub fn written(operator: Binary) -> (&'static str, u8) {
    OPERATORS
        .into_iter()
        .find_map(|(symbol, it, binds)| (it == operator).then_some((symbol, binds)))
        .expect("every operator is in the table")
}

/// An operator as it is written.
pub fn symbol(operator: Binary) -> &'static str {
    function(operator).unwrap_or_else(|| written(operator).0)
}

/// An expression as somebody would write it whom a thread's own results belong to.
pub fn text(names: &Names, program: &Program, me: ThreadId, id: ExprId) -> String {
    let text = Text {
        names,
        program,
        me,
        values: None,
        names_numbers: false,
    };
    text.expr(id, 0)
}

/// The same for a sentence: numbers of statuses and errors have their names.
pub fn told(names: &Names, program: &Program, me: ThreadId, id: ExprId) -> String {
    let text = Text {
        names,
        program,
        me,
        values: None,
        names_numbers: true,
    };
    text.expr(id, 0)
}

/// The same with its value in the place of each term; a question mark where there is none.
pub fn filled(
    names: &Names,
    program: &Program,
    me: ThreadId,
    id: ExprId,
    value: &dyn Fn(ExprId) -> Option<i64>,
) -> String {
    let text = Text {
        names,
        program,
        me,
        values: Some(value),
        names_numbers: false,
    };
    text.expr(id, 0)
}

/// The condition that an operation asks, if it does.
pub fn asked(mut op: Op) -> Option<ExprId> {
    op.describe().nouns().find_map(|noun| match noun {
        Noun::Condition(cond) => Some(*cond),
        _ => None,
    })
}

/// A number that stands beside what an expression reads, by its name if that is a status or an error and it has one.
pub fn named(beside: Expr, number: i64) -> String {
    let is = |field: Field| match beside {
        Expr::Result { field: own, .. } | Expr::Nth { field: own, .. } => own == field,
        _ => false,
    };
    let is_status =
        is(Field::Status) || matches!(beside, Expr::Operation(_, OperationField::Status));
    if is_status && let Ok(status) = u32::try_from(number) {
        return status_name(status);
    }
    let is_error = is(Field::Error) || matches!(beside, Expr::LastError(_));
    let mut names: Vec<_> = os_errors()
        .filter(|(_, error)| is_error && number > 0 && i64::from(error.number) == number)
        .map(|(_, error)| error.name)
        .collect();
    names.sort_unstable();
    names.dedup();
    // Systems have other names for one number.
    match names[..] {
        [name] => name.to_owned(),
        _ => number.to_string(),
    }
}

/// What an expression reads, each once, in the order in which it stands there.
pub fn reads(program: &Program, id: ExprId) -> Vec<ExprId> {
    let mut all = Vec::new();
    add_reads(program, id, &mut all);
    all
}

fn add_reads(program: &Program, id: ExprId, all: &mut Vec<ExprId>) {
    let expr = |id: ExprId| program.exprs[usize::from(id.0)];
    match expr(id) {
        Expr::Const(_) => {}
        Expr::Not(operand) | Expr::Neg(operand) => add_reads(program, operand, all),
        Expr::Binary(_, left, right) => {
            add_reads(program, left, all);
            add_reads(program, right, all);
        }
        read => {
            if let Some(index) = read.index() {
                add_reads(program, index, all);
            }
            if !all.iter().any(|&known| expr(known) == read) {
                all.push(id);
            }
        }
    }
}

struct Text<'a> {
    names: &'a Names,
    program: &'a Program,
    me: ThreadId,
    /// What stands in the place of each term; none where terms have their words.
    values: Option<&'a dyn Fn(ExprId) -> Option<i64>>,
    /// Whether numbers of statuses and errors have their names.
    names_numbers: bool,
}

impl Text<'_> {
    /// An expression inside of one that binds as tightly as this.
    fn expr(&self, id: ExprId, around: u8) -> String {
        let names = self.names;
        let asked = self.asks_a_group(id);
        if let Some(value) = self.values
            && (asked.is_some() || !matches!(self.node(id), Expr::Binary(..)))
        {
            return value(id).map_or("?".to_owned(), |value| value.to_string());
        }
        if let Some(asked) = asked {
            return asked;
        }
        match self.program.exprs[usize::from(id.0)] {
            Expr::Const(number) => number.to_string(),
            Expr::Var(var) => names.vars[var.index()].clone(),
            Expr::Element { first, index, .. } => {
                let first = &names.vars[first.index()];
                let array = first.strip_suffix("[0]").unwrap_or(first);
                format!("{array}[{}]", self.expr(index, 0))
            }
            Expr::Result {
                thread,
                slot,
                field,
                nth,
            } => {
                let nth = if nth > 0 {
                    format!("[{nth}]")
                } else {
                    String::new()
                };
                self.result(thread, slot, &nth, field)
            }
            Expr::Nth {
                thread,
                slot,
                field,
                index,
                ..
            } => self.result(thread, slot, &format!("[{}]", self.expr(index, 0)), field),
            Expr::Local {
                thread,
                first,
                element,
            } => {
                let (code, whose) = self.whose(thread);
                let first = names.local(code, first);
                match element {
                    None => format!("{whose}{first}"),
                    Some((index, _)) => {
                        let array = first.strip_suffix("[0]").unwrap_or(first);
                        format!("{whose}{array}[{}]", self.expr(index, 0))
                    }
                }
            }
            Expr::Member { .. } => "me".to_owned(),
            Expr::Port(of, field) => {
                format!("{}.{}", names.ports[of.index()], word(&PORT_FIELDS, field))
            }
            Expr::Thread(of, field) => format!(
                "{}.{}",
                names.thread_name(of),
                word(&THREAD_FIELDS, OfThread::Is(field))
            ),
            Expr::Apcs(of) => format!(
                "{}.{}",
                names.thread_name(of),
                word(&THREAD_FIELDS, OfThread::Apcs)
            ),
            Expr::LastError(of) => format!(
                "{}.{}",
                names.thread_name(of),
                word(&THREAD_FIELDS, OfThread::LastError)
            ),
            Expr::Operation(of, field) => {
                format!(
                    "{}.{}",
                    names.operations[of.index()],
                    word(&OPERATION_FIELDS, field)
                )
            }
            Expr::File(of, field) => {
                format!("{}.{}", names.files[of.index()], word(&FILE_FIELDS, field))
            }
            Expr::Not(operand) => format!("!{}", self.expr(operand, TIGHTEST)),
            Expr::Neg(operand) => format!("-{}", self.expr(operand, TIGHTEST)),
            Expr::Binary(operator, left, right) if let Some(name) = function(operator) => {
                format!("{name}({}, {})", self.expr(left, 0), self.expr(right, 0))
            }
            Expr::Binary(operator, left, right) => {
                let (word, binds) = written(operator);
                let side = |id, other, around| match self.node(id) {
                    Expr::Const(number) if self.names_numbers => named(self.node(other), number),
                    _ => self.expr(id, around),
                };
                let text = format!(
                    "{} {word} {}",
                    side(left, right, binds),
                    side(right, left, binds + 1)
                );
                if binds < around {
                    format!("({text})")
                } else {
                    text
                }
            }
        }
    }
}

impl Text<'_> {
    /// The code of a thread, and how it is named in front of what is its own.
    fn whose(&self, thread: Option<ThreadId>) -> (CodeId, String) {
        let of = thread.unwrap_or(self.me);
        let whose = thread.map(|of| format!("{}.", self.names.thread_name(of)));
        let code = self.program.threads[of.index()].code;
        (code, whose.unwrap_or_default())
    }

    fn result(&self, thread: Option<ThreadId>, slot: SlotId, nth: &str, field: Field) -> String {
        let (code, whose) = self.whose(thread);
        let slot = &self.names.slots_of(code)[slot.index()];
        format!("{whose}{slot}{nth}.{}", word(&ALL_FIELDS, field))
    }

    fn node(&self, id: ExprId) -> Expr {
        self.program.exprs[usize::from(id.0)]
    }

    /// A question to each thread of a group, whose answers are joined, as somebody writes it: `count(worker, x.ok)`.
    fn asks_a_group(&self, id: ExprId) -> Option<String> {
        let Expr::Binary(operator, ..) = self.node(id) else {
            return None;
        };
        let word = match operator {
            Binary::And => "all",
            Binary::Or => "any",
            Binary::Add => "count",
            _ => return None,
        };
        // One thread alone is asked by its name.
        let mut groups = self.names.groups.iter().filter(|it| it.1.len() > 1);
        groups.find_map(|(group, threads)| {
            let questions = self.questions(id, operator, threads)?;
            let (first, others) = questions.split_first()?;
            let all_same = !others.is_empty() && others.iter().all(|other| other == first);
            all_same.then(|| format!("{word}({group}, {first})"))
        })
    }

    /// What joins of one operator ask each of these threads, without its name; none where they ask something else.
    fn questions(&self, id: ExprId, operator: Binary, threads: &[ThreadId]) -> Option<Vec<String>> {
        let (mut joined, mut questions) = (id, Vec::new());
        for (place, &thread) in threads.iter().enumerate().rev() {
            let question = match self.node(joined) {
                _ if place == 0 => joined,
                Expr::Binary(it, others, question) if it == operator => {
                    joined = others;
                    question
                }
                _ => return None,
            };
            let name = format!("{}.", self.names.thread_name(thread));
            let text = Text {
                values: None,
                ..*self
            };
            let text = text.expr(question, 0);
            if !self.is_truth(question) || !text.contains(&name) {
                return None;
            }
            questions.push(text.replace(&name, ""));
        }
        Some(questions)
    }

    /// Whether an expression is yes or no.
    fn is_truth(&self, id: ExprId) -> bool {
        match self.node(id) {
            Expr::Not(_) | Expr::Thread(..) | Expr::File(..) => true,
            Expr::Binary(operator, ..) => written(operator).1 <= COMPARISON,
            Expr::Result { field, .. } => has_type(&ALL_FIELDS, field, Type::Bool),
            Expr::Port(_, field) => has_type(&PORT_FIELDS, field, Type::Bool),
            Expr::Operation(_, field) => has_type(&OPERATION_FIELDS, field, Type::Bool),
            _ => false,
        }
    }
}

/// How tightly the tightest of the operators binds that answer yes or no.
const COMPARISON: u8 = 4;

/// An operand of an operator with one operand.
const TIGHTEST: u8 = u8::MAX;

/// The word for a part of something.
fn word<F: Copy + PartialEq>(fields: &[(&'static str, F, Type)], field: F) -> &'static str {
    let row = fields.iter().find(|(_, known, _)| *known == field);
    row.map_or("?", |(word, ..)| word)
}

fn has_type<F: Copy + PartialEq>(fields: &[(&str, F, Type)], field: F, wanted: Type) -> bool {
    let mut rows = fields.iter();
    rows.any(|&(_, known, it)| known == field && it == wanted)
}
