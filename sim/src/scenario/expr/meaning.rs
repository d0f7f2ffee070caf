//! What an expression means: names become ids, types are checked, nodes are made.

use portsim_model::expr::{Binary, Expr, ExprId};
use portsim_model::program::{CodeId, ThreadId, Variable};

use super::flaw::Flaw;
use super::syntax::{Name, Node, Part, Quantifier, What};
use crate::scenario::directory::{Directory, Item, Thing};
use crate::words::{Type, symbol};

/// Who speaks, and about what.
#[derive(Clone, Copy)]
pub(in crate::scenario) struct Scope<'a> {
    /// All names.
    pub(in crate::scenario) directory: &'a Directory,
    /// The code of the thread that asks; none for a property, which sees everything.
    pub(in crate::scenario) code: Option<CodeId>,
    /// What packets of batches are called there.
    pub(in crate::scenario) items: &'a [Item],
}

/// A variable that a `set` writes, and the element with the length of the array.
pub(in crate::scenario) type Target = (Variable, Option<(ExprId, u8)>);

/// The most nodes of a scenario: what an [`ExprId`] can number.
pub(in crate::scenario) const NODES_MAX: usize = u16::MAX as usize;

/// A node, and its type.
pub(super) type Typed = (ExprId, Type);

/// Makes nodes.
pub(super) struct Meaning<'a> {
    pub(super) scope: Scope<'a>,
    nodes: &'a mut Vec<Expr>,
    /// The thread that a question to a group is put to.
    pub(super) member: Option<ThreadId>,
}

impl<'a> Meaning<'a> {
    pub(super) fn new(scope: Scope<'a>, nodes: &'a mut Vec<Expr>) -> Meaning<'a> {
        Meaning {
            scope,
            nodes,
            member: None,
        }
    }

    /// A whole expression of a wanted type.
    pub(super) fn whole(mut self, node: &Node, wanted: Type) -> Result<ExprId, Flaw> {
        self.of_type(node, wanted, "this place")
    }

    /// The left hand side of an assignment.
    pub(super) fn target(mut self, node: &Node) -> Result<Target, Flaw> {
        let neither = || {
            Flaw::new(
                &node.at,
                "only a variable or an element of an array can be set",
            )
        };
        let What::Path(parts) = &node.what else {
            return Err(neither());
        };
        let (Part::Name(name), asked) = (&parts[0], &parts[1..]) else {
            return Err(neither());
        };
        let own = self
            .scope
            .code
            .and_then(|code| self.scope.directory.local(code, &name.text));
        let (first, len) = match (own, self.scope.directory.thing(&name.text)) {
            (Some(own), _) => (Variable::Own(own.first), own.len),
            (None, Some(Thing::Var(var))) => (Variable::Shared(var), None),
            (None, Some(Thing::Array { first, len })) => (Variable::Shared(first), Some(len)),
            (None, None) => return Err(self.unknown(name)),
            (None, Some(_)) => return Err(neither()),
        };
        match (len, asked) {
            (None, []) => Ok((first, None)),
            (Some(len), [Part::Index(index)]) => {
                Ok((first, Some((self.element(index, len)?, len))))
            }
            (Some(_), []) => Err(self.needs_part(name, "an element", "[0]")),
            _ => Err(neither()),
        }
    }

    pub(super) fn push(&mut self, expr: Expr, node: &Node) -> Result<ExprId, Flaw> {
        if self.nodes.len() == NODES_MAX {
            let problem = format!("the scenario's expressions have more than {NODES_MAX} parts");
            return Err(Flaw::new(&node.at, problem));
        }
        self.nodes.push(expr);
        Ok(ExprId((self.nodes.len() - 1) as u16))
    }

    fn typed(&mut self, expr: Expr, node: &Node, is: Type) -> Result<Typed, Flaw> {
        Ok((self.push(expr, node)?, is))
    }

    /// A node that must be of a type, because `user` needs it.
    pub(super) fn of_type(
        &mut self,
        node: &Node,
        wanted: Type,
        user: &str,
    ) -> Result<ExprId, Flaw> {
        let (id, found) = self.node(node)?;
        // A boolean is a number where one is needed: true is 1.
        if found == wanted || wanted == Type::Int {
            return Ok(id);
        }
        let problem = format!("found {}, but {user} needs {}", found.noun(), wanted.noun());
        Err(Flaw::new(&node.at, problem))
    }

    fn node(&mut self, node: &Node) -> Result<Typed, Flaw> {
        match &node.what {
            What::Number(number) => self.typed(Expr::Const(*number), node, Type::Int),
            What::Truth(truth) => self.typed(Expr::Const(i64::from(*truth)), node, Type::Bool),
            What::Not(operand) => {
                let operand = self.of_type(operand, Type::Bool, "\"!\"")?;
                self.typed(Expr::Not(operand), node, Type::Bool)
            }
            What::Neg(operand) => {
                let operand = self.of_type(operand, Type::Int, "\"-\"")?;
                self.typed(Expr::Neg(operand), node, Type::Int)
            }
            What::Binary(operator, left, right) => self.binary(*operator, left, right, node),
            What::Each(quantifier, group, question) => {
                self.each(*quantifier, group, question, node)
            }
            What::Path(parts) => {
                let (expr, is) = self.path(parts, node)?;
                self.typed(expr, node, is)
            }
        }
    }

    fn binary(
        &mut self,
        operator: Binary,
        left: &Node,
        right: &Node,
        node: &Node,
    ) -> Result<Typed, Flaw> {
        let user = format!("{:?}", symbol(operator));
        let (wanted, is) = match operator {
            // A boolean that is compared is a number.
            Binary::Eq | Binary::Ne => (Type::Int, Type::Bool),
            Binary::And | Binary::Or => (Type::Bool, Type::Bool),
            Binary::Lt | Binary::Le | Binary::Gt | Binary::Ge => (Type::Int, Type::Bool),
            Binary::Add | Binary::Sub | Binary::Mul | Binary::Div | Binary::Rem => {
                (Type::Int, Type::Int)
            }
            Binary::Min | Binary::Max => (Type::Int, Type::Int),
        };
        let left = self.of_type(left, wanted, &user)?;
        let right = self.of_type(right, wanted, &user)?;
        self.typed(Expr::Binary(operator, left, right), node, is)
    }

    /// Asks each thread of a group, and joins the answers.
    fn each(
        &mut self,
        quantifier: Quantifier,
        group: &Name,
        question: &Node,
        node: &Node,
    ) -> Result<Typed, Flaw> {
        let (operator, is, user) = match quantifier {
            Quantifier::All => (Binary::And, Type::Bool, "\"all\""),
            Quantifier::Any => (Binary::Or, Type::Bool, "\"any\""),
            // True is 1, so that the sum of the answers is their number.
            Quantifier::Count => (Binary::Add, Type::Int, "\"count\""),
        };
        let outer = self.member;
        let mut joined = None;
        for thread in self.group(group)? {
            self.member = Some(thread);
            let answer = self.of_type(question, Type::Bool, user)?;
            joined = Some(match joined {
                None => answer,
                Some(others) => self.push(Expr::Binary(operator, others, answer), node)?,
            });
        }
        self.member = outer;
        let joined = joined.expect("every group has a thread");
        Ok((joined, is))
    }

    fn group(&self, name: &Name) -> Result<impl Iterator<Item = ThreadId> + use<>, Flaw> {
        let Some(thing) = self.scope.directory.thing(&name.text) else {
            return Err(self.unknown(name));
        };
        thing.threads().ok_or_else(|| {
            let problem = format!("{:?} is {}, not a group", name.text, thing.noun());
            Flaw::new(&name.at, problem)
        })
    }

    /// The index of an element; one that is a plain number is checked here and now.
    pub(super) fn element(&mut self, index: &Node, len: u8) -> Result<ExprId, Flaw> {
        if let What::Number(number) = index.what
            && !(0..len.into()).contains(&number)
        {
            let problem = format!("there is no element {number}; the last is {}", len - 1);
            return Err(Flaw::new(&index.at, problem));
        }
        self.of_type(index, Type::Int, "an index")
    }
}

impl Type {
    fn noun(self) -> &'static str {
        match self {
            Type::Int => "an integer",
            Type::Bool => "a boolean",
        }
    }
}
