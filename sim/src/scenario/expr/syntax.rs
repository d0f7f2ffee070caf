//! The grammar of expressions: from a string to a tree, with the place in the string of each part.

use std::ops::Range;

use portsim_model::expr::Binary;

use super::flaw::Flaw;
use super::words::{Token, Word, words};
use crate::bad_input::one_of;
use crate::words::{FUNCTIONS, OPERATORS};

/// How deep an expression may nest, in parentheses or in a row of operators: what comes after the
/// parser walks the tree by recursion.
pub(super) const LEVELS_MAX: usize = 100;

/// A part of an expression.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) what: What,
    /// Where it stands in the string.
    pub(super) at: Range<usize>,
    /// Levels of parts in it.
    levels: usize,
}

/// Kinds of part.
#[derive(Debug)]
pub(super) enum What {
    Number(i64),
    Truth(bool),
    Not(Box<Node>),
    Neg(Box<Node>),
    Binary(Binary, Box<Node>, Box<Node>),
    /// A name, with what is asked of it: `a`, `arr[i]`, `worker[0].x[1].key`.
    Path(Vec<Part>),
    /// A question to each thread of a group.
    Each(Quantifier, Name, Box<Node>),
}

/// A part of a path.
#[derive(Debug)]
pub(super) enum Part {
    Name(Name),
    Index(Node),
}

/// A name, and where it stands.
#[derive(Debug)]
pub(super) struct Name {
    pub(super) text: String,
    pub(super) at: Range<usize>,
}

/// How the answers of a group become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quantifier {
    All,
    Any,
    Count,
}

const QUANTIFIERS: [(&str, Quantifier); 3] = [
    ("all", Quantifier::All),
    ("any", Quantifier::Any),
    ("count", Quantifier::Count),
];

/// The tree of an expression.
pub(super) fn parse(text: &str) -> Result<Node, Flaw> {
    let mut parser = Parser {
        words: words(text)?,
        next: 0,
        levels: 0,
    };
    let node = parser.binary(0)?;
    match parser.peek().token {
        Token::End => Ok(node),
        _ => Err(parser.unexpected("an operator or the end")),
    }
}

struct Parser<'a> {
    /// The last is [`Token::End`].
    words: Vec<Word<'a>>,
    next: usize,
    /// Operands begun and not ended.
    levels: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> &Word<'a> {
        &self.words[self.next]
    }

    fn take(&mut self) -> Word<'a> {
        let word = self.words[self.next].clone();
        self.next = (self.next + 1).min(self.words.len() - 1);
        word
    }

    fn takes(&mut self, symbol: &str) -> bool {
        let there = self.peek().token == Token::Symbol(symbol);
        if there {
            self.take();
        }
        there
    }

    /// Takes the symbol and returns where it ends.
    fn needs(&mut self, symbol: &str) -> Result<usize, Flaw> {
        let end = self.peek().at.end;
        if self.takes(symbol) {
            return Ok(end);
        }
        Err(self.unexpected(&format!("{symbol:?}")))
    }

    fn unexpected(&self, expected: &str) -> Flaw {
        let word = self.peek();
        Flaw::new(
            &word.at,
            format!("found {}, expected {expected}", word.token),
        )
    }

    fn binary(&mut self, loosest: u8) -> Result<Node, Flaw> {
        let mut left = self.operand()?;
        while let Some((operator, level)) = self.operator().filter(|&(_, level)| level >= loosest) {
            self.take();
            let right = self.binary(level + 1)?;
            let at = left.at.start..right.at.end;
            let levels = left.levels.max(right.levels);
            let what = What::Binary(operator, Box::new(left), Box::new(right));
            left = Node::over(what, at, levels)?;
        }
        Ok(left)
    }

    fn operator(&self) -> Option<(Binary, u8)> {
        OPERATORS.into_iter().find_map(|(symbol, operator, level)| {
            (self.peek().token == Token::Symbol(symbol)).then_some((operator, level))
        })
    }

    fn operand(&mut self) -> Result<Node, Flaw> {
        if self.levels == LEVELS_MAX {
            return Err(too_deep(&self.peek().at));
        }
        self.levels += 1;
        let node = self.bare_operand();
        self.levels -= 1;
        node
    }

    fn bare_operand(&mut self) -> Result<Node, Flaw> {
        let start = self.peek().at.start;
        if self.takes("!") {
            let operand = self.operand()?;
            let (at, levels) = (start..operand.at.end, operand.levels);
            return Node::over(What::Not(Box::new(operand)), at, levels);
        }
        if self.takes("-") {
            return self.negative(start);
        }
        if self.takes("(") {
            let mut inner = self.binary(0)?;
            inner.at = start..self.needs(")")?;
            return Ok(inner);
        }
        match self.peek().token {
            Token::Number(number) => {
                let at = self.take().at;
                let Ok(number) = i64::try_from(number) else {
                    return Err(too_big(&at));
                };
                Node::over(What::Number(number), at, 0)
            }
            Token::Name(name) => self.named(name),
            _ => Err(self.unexpected("a number, a name, \"!\", \"-\" or \"(\"")),
        }
    }

    /// The smallest number has no positive twin, so a minus sign before a number belongs to it.
    fn negative(&mut self, start: usize) -> Result<Node, Flaw> {
        if let Token::Number(number) = self.peek().token {
            let at = start..self.take().at.end;
            let Some(number) = 0i64.checked_sub_unsigned(number) else {
                return Err(too_big(&at));
            };
            return Node::over(What::Number(number), at, 0);
        }
        let operand = self.operand()?;
        let (at, levels) = (start..operand.at.end, operand.levels);
        Node::over(What::Neg(Box::new(operand)), at, levels)
    }

    fn named(&mut self, name: &str) -> Result<Node, Flaw> {
        let at = self.take().at;
        if self.peek().token == Token::Symbol("(") {
            return self.call(name, at);
        }
        match name {
            "true" => Node::over(What::Truth(true), at, 0),
            "false" => Node::over(What::Truth(false), at, 0),
            _ => self.path(name, at),
        }
    }

    /// A word with something in parentheses behind it.
    fn call(&mut self, name: &str, at: Range<usize>) -> Result<Node, Flaw> {
        if let Some((_, quantifier)) = QUANTIFIERS.into_iter().find(|(it, _)| *it == name) {
            return self.each(quantifier, at);
        }
        if let Some((_, function)) = FUNCTIONS.into_iter().find(|(it, _)| *it == name) {
            return self.function(function, at);
        }
        let functions = FUNCTIONS.into_iter().map(|(name, _)| name);
        let known = QUANTIFIERS
            .into_iter()
            .map(|(name, _)| name)
            .chain(functions);
        let problem = format!(
            "unknown function {name:?}, expected {}",
            one_of(known.clone())
        );
        Err(Flaw::new(&at, problem).near(name, known))
    }

    fn function(&mut self, function: Binary, at: Range<usize>) -> Result<Node, Flaw> {
        self.needs("(")?;
        let left = self.binary(0)?;
        self.needs(",")?;
        let right = self.binary(0)?;
        let at = at.start..self.needs(")")?;
        let levels = left.levels.max(right.levels);
        let what = What::Binary(function, Box::new(left), Box::new(right));
        Node::over(what, at, levels)
    }

    fn each(&mut self, quantifier: Quantifier, at: Range<usize>) -> Result<Node, Flaw> {
        self.needs("(")?;
        let group = self.name("the name of a group")?;
        self.needs(",")?;
        let question = self.binary(0)?;
        let at = at.start..self.needs(")")?;
        let levels = question.levels;
        Node::over(
            What::Each(quantifier, group, Box::new(question)),
            at,
            levels,
        )
    }

    fn name(&mut self, expected: &str) -> Result<Name, Flaw> {
        let Token::Name(text) = self.peek().token else {
            return Err(self.unexpected(expected));
        };
        Ok(Name {
            text: text.to_owned(),
            at: self.take().at,
        })
    }

    fn path(&mut self, name: &str, mut at: Range<usize>) -> Result<Node, Flaw> {
        let mut levels = 0;
        let mut parts = vec![Part::Name(Name {
            text: name.to_owned(),
            at: at.clone(),
        })];
        loop {
            if self.takes(".") {
                let name = self.name("a name")?;
                at.end = name.at.end;
                parts.push(Part::Name(name));
            } else if self.takes("[") {
                let index = self.binary(0)?;
                at.end = self.needs("]")?;
                levels = levels.max(index.levels);
                parts.push(Part::Index(index));
            } else {
                return Node::over(What::Path(parts), at, levels);
            }
        }
    }
}

impl Node {
    /// A part over others that have so many levels.
    fn over(what: What, at: Range<usize>, levels: usize) -> Result<Node, Flaw> {
        if levels == LEVELS_MAX {
            return Err(too_deep(&at));
        }
        Ok(Node {
            what,
            at,
            levels: levels + 1,
        })
    }
}

fn too_deep(at: &Range<usize>) -> Flaw {
    Flaw::new(
        at,
        format!("the expression nests more than {LEVELS_MAX} deep"),
    )
}

fn too_big(at: &Range<usize>) -> Flaw {
    Flaw::new(at, "the number does not fit 64 bits")
}
