//! Expressions over integers and booleans (0 and 1): conditions of threads, and properties.

use crate::ids::{FileId, LocalId, OperationId, PortId, SlotId, ThreadId, VarId};

/// An expression: index of its root in the list that holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExprId(pub u16);

/// One node of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expr {
    /// A number; booleans are 0 and 1.
    Const(i64),
    /// A shared variable.
    Var(VarId),
    /// An element of an array of shared variables, which has `len` of them.
    Element {
        /// The first element.
        first: VarId,
        /// How many there are.
        len: u8,
        /// Which one.
        index: ExprId,
    },
    /// Part of the result of a call.
    Result {
        /// Whose; none for the thread that asks.
        thread: Option<ThreadId>,
        /// Which result of it.
        slot: SlotId,
        /// Which part.
        field: Field,
        /// Of which packet of a batch.
        nth: u8,
    },
    /// The place of the thread that asks among those that do the same.
    Member {
        /// The first of them.
        first: ThreadId,
    },
    /// Something about a port.
    Port(PortId, PortField),
    /// Something about a thread.
    Thread(ThreadId, ThreadField),
    /// How many asynchronous procedure calls a thread has run.
    Apcs(ThreadId),
    /// The error that a thread's last failed call has left.
    LastError(ThreadId),
    /// Something about an operation.
    Operation(OperationId, OperationField),
    /// Something about a file.
    File(FileId, FileField),
    /// True when its operand is not.
    Not(ExprId),
    /// The negative of its operand.
    Neg(ExprId),
    /// Two operands.
    Binary(Binary, ExprId, ExprId),
    /// A variable that a thread has for itself, or an element of an array of them.
    Local {
        /// Whose; none for the thread that asks.
        thread: Option<ThreadId>,
        /// The variable, or the first element.
        first: LocalId,
        /// Which element, and how many there are; none for a plain variable.
        element: Option<(ExprId, u8)>,
    },
    /// Part of a packet of a batch, of which is computed.
    Nth {
        /// Whose; none for the thread that asks.
        thread: Option<ThreadId>,
        /// Which result of it.
        slot: SlotId,
        /// Which part.
        field: Field,
        /// Which packet.
        index: ExprId,
        /// The most packets that there are.
        len: u8,
    },
}

impl Expr {
    /// The expression that says which element or packet is meant, where one does.
    #[inline]
    pub fn index(self) -> Option<ExprId> {
        match self {
            Expr::Element { index, .. } | Expr::Nth { index, .. } => Some(index),
            Expr::Local { element, .. } => element.map(|(index, _)| index),
            _ => None,
        }
    }

    /// The result that it asks for: whose, which one, and which part of it.
    pub fn result(self) -> Option<(Option<ThreadId>, SlotId, Field)> {
        match self {
            Expr::Result {
                thread,
                slot,
                field,
                ..
            }
            | Expr::Nth {
                thread,
                slot,
                field,
                ..
            } => Some((thread, slot, field)),
            _ => None,
        }
    }
}

/// Parts of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The call succeeded; a packet that carries a failure makes it false.
    Ok,
    /// The call ended because its time was over.
    Timeout,
    /// The number of the error as the system gives it; 0 without one.
    Error,
    /// How many packets it took.
    Count,
    /// A packet's completion key.
    Key,
    /// A packet's bytes.
    Bytes,
    /// A packet's OVERLAPPED.
    Overlapped,
    /// A packet's NTSTATUS.
    Status,
    /// The call has issued an operation that is not over.
    Pending,
    /// The number that the call answered with.
    Value,
}

/// What can be asked about a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortField {
    /// Packets nobody has taken.
    Depth,
    /// Threads parked on it.
    Waiting,
    /// Threads that count against its concurrency value.
    Running,
    /// Its concurrency value.
    Concurrency,
    /// Packets delivered so far.
    Delivered,
    /// Whether its handle is open.
    Open,
}

/// What can be asked about a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThreadField {
    /// It waits inside a call on a port.
    Parked,
    /// It waits for something that is not a port.
    Blocked,
    /// Its program is over.
    Done,
}

/// What can be asked about an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperationField {
    /// It is issued and not over.
    Pending,
    /// It is over, and nobody has taken its packet.
    Queued,
    /// The kernel has written its status block.
    Written,
    /// Its memory has not been given back.
    Alive,
    /// The NTSTATUS in its status block.
    Status,
}

/// What can be asked about a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileField {
    /// Its own signal is set.
    Signaled,
    /// Some handle of it is open.
    Open,
}

/// Operators with two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the operators")]
pub enum Binary {
    Add,
    Sub,
    Mul,
    Div,
    Rem,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    And,
    Or,
    Min,
    Max,
}

impl Binary {
    /// Whether a comparison holds; none for operators that compare nothing.
    #[inline]
    pub fn compares(self, left: i64, right: i64) -> Option<bool> {
        match self {
            Binary::Eq => Some(left == right),
            Binary::Ne => Some(left != right),
            Binary::Lt => Some(left < right),
            Binary::Le => Some(left <= right),
            Binary::Gt => Some(left > right),
            Binary::Ge => Some(left >= right),
            Binary::Add | Binary::Sub | Binary::Mul | Binary::Div | Binary::Rem => None,
            Binary::And | Binary::Or | Binary::Min | Binary::Max => None,
        }
    }
}

/// Where an expression finds its values.
pub trait Facts {
    /// A shared variable.
    fn var(&self, var: VarId) -> i64;
    /// A variable of one thread.
    fn local(&self, thread: ThreadId, local: LocalId) -> i64;
    /// Part of a result; 0 where the call has not left one.
    fn result(&self, thread: ThreadId, slot: SlotId, field: Field, nth: u8) -> i64;
    /// Something about a port.
    fn port(&self, port: PortId, field: PortField) -> i64;
    /// Something about a thread.
    fn thread(&self, thread: ThreadId, field: ThreadField) -> bool;
    /// How many asynchronous procedure calls a thread has run.
    fn apcs(&self, thread: ThreadId) -> i64;
    /// The error that a thread's last failed call has left.
    fn last_error(&self, thread: ThreadId) -> i64;
    /// Something about an operation.
    fn operation(&self, operation: OperationId, field: OperationField) -> i64;
    /// Something about a file.
    fn file(&self, file: FileId, field: FileField) -> bool;
}

/// The value of one of `exprs` as `me` sees it.
///
/// None when it has no value: a division by zero, an element outside its array, a number beyond 64 bits.
pub fn eval(exprs: &[Expr], facts: &impl Facts, me: ThreadId, expr: ExprId) -> Option<i64> {
    let value = |expr| eval(exprs, facts, me, expr);
    Some(match exprs[usize::from(expr.0)] {
        Expr::Const(number) => number,
        Expr::Var(var) => facts.var(var),
        Expr::Element { first, len, index } => {
            facts.var(VarId(first.0 + place(value(index)?, len)?))
        }
        Expr::Result {
            thread,
            slot,
            field,
            nth,
        } => facts.result(thread.unwrap_or(me), slot, field, nth),
        Expr::Member { first } => i64::from(me.0) - i64::from(first.0),
        Expr::Port(port, field) => facts.port(port, field),
        Expr::Thread(thread, field) => i64::from(facts.thread(thread, field)),
        Expr::Apcs(thread) => facts.apcs(thread),
        Expr::LastError(thread) => facts.last_error(thread),
        Expr::Operation(operation, field) => facts.operation(operation, field),
        Expr::File(file, field) => i64::from(facts.file(file, field)),
        Expr::Local {
            thread,
            first,
            element,
        } => {
            let place = match element {
                None => 0,
                Some((index, len)) => place(value(index)?, len)?,
            };
            facts.local(thread.unwrap_or(me), LocalId(first.0 + place))
        }
        Expr::Nth {
            thread,
            slot,
            field,
            index,
            len,
        } => {
            let nth = place(value(index)?, len)?;
            facts.result(thread.unwrap_or(me), slot, field, nth)
        }
        Expr::Not(operand) => i64::from(value(operand)? == 0),
        Expr::Neg(operand) => value(operand)?.checked_neg()?,
        Expr::Binary(Binary::And, left, right) => {
            i64::from(value(left)? != 0 && value(right)? != 0)
        }
        Expr::Binary(Binary::Or, left, right) => i64::from(value(left)? != 0 || value(right)? != 0),
        Expr::Binary(operator, left, right) => {
            let (left, right) = (value(left)?, value(right)?);
            match operator {
                Binary::Add => left.checked_add(right)?,
                Binary::Sub => left.checked_sub(right)?,
                Binary::Mul => left.checked_mul(right)?,
                Binary::Div => left.checked_div(right)?,
                Binary::Rem => left.checked_rem(right)?,
                Binary::Min => left.min(right),
                Binary::Max => left.max(right),
                comparison => i64::from(comparison.compares(left, right)?),
            }
        }
    })
}

/// A place among so many, if it is one.
fn place(index: i64, len: u8) -> Option<u8> {
    u8::try_from(index).ok().filter(|&index| index < len)
}
