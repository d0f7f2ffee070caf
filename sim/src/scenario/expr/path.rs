//! What a path means: a name, and what is asked of the thing that it names.

use portsim_model::expr::{Expr, ExprId};
use portsim_model::program::{CodeId, ThreadId};

use super::flaw::Flaw;
use super::meaning::Meaning;
use super::syntax::{Name, Node, Part, What};
use crate::bad_input::{nearest, one_of};
use crate::scenario::directory::{SlotName, Thing, constant, constants, member_of};
use crate::words::{
    ALL_FIELDS, CALL_FIELDS, FILE_FIELDS, OPERATION_FIELDS, PACKET_FIELDS, PORT_FIELDS,
    THREAD_FIELDS, Type, VALUE_FIELDS,
};

/// What a path reads.
type Read = (Expr, Type);

/// Which packet of a batch is asked for.
#[derive(Clone, Copy)]
enum Nth {
    Is(u8),
    Computed(ExprId),
}

impl Meaning<'_> {
    /// What a path reads, and its type.
    pub(super) fn path(&mut self, parts: &[Part], node: &Node) -> Result<Read, Flaw> {
        let Some((Part::Name(name), asked)) = parts.split_first() else {
            return Err(Flaw::new(&node.at, "expected a name"));
        };
        if let Some(read) = self.own(name, asked)? {
            return Ok(read);
        }
        let Some(thing) = self.scope.directory.thing(&name.text) else {
            let number = match name.text.as_str() {
                "me" => self.me(name)?,
                text => Expr::Const(constant(text).ok_or_else(|| self.unknown(name))?),
            };
            nothing_after(name, asked, "a number")?;
            return Ok((number, Type::Int));
        };
        match (thing, asked) {
            (Thing::Port(port), _) => {
                let (field, is) = field(name, asked, &PORT_FIELDS, "a port")?;
                Ok((Expr::Port(port, field), is))
            }
            (Thing::Operation(operation), _) => {
                let (field, is) = field(name, asked, &OPERATION_FIELDS, "an operation")?;
                Ok((Expr::Operation(operation, field), is))
            }
            (Thing::File(file, _), _) => {
                let (field, is) = field(name, asked, &FILE_FIELDS, "a file")?;
                Ok((Expr::File(file, field), is))
            }
            (Thing::Var(var), _) => {
                nothing_after(name, asked, "a variable")?;
                Ok((Expr::Var(var), Type::Int))
            }
            (Thing::Array { first, len }, [Part::Index(index), asked @ ..]) => {
                let index = self.element(index, len)?;
                nothing_after(name, asked, "an array of numbers")?;
                Ok((Expr::Element { first, len, index }, Type::Int))
            }
            (Thing::Array { .. }, _) => Err(self.needs_part(name, "an element", "[0]")),
            (Thing::Thread(_) | Thing::Group { .. }, _) => self.of_thread(name, thing, asked),
            _ => {
                let problem = format!("{:?} is {}, which has no value", name.text, thing.noun());
                Err(Flaw::new(&name.at, problem))
            }
        }
    }

    /// The place of the thread that asks, or is asked, among those that do the same.
    fn me(&self, name: &Name) -> Result<Expr, Flaw> {
        let codes = &self.scope.directory.codes;
        let first = |code: CodeId| {
            let first = codes.iter().position(|&it| it == code);
            ThreadId(first.expect("each code has a thread") as u8)
        };
        match (self.member, self.scope.code) {
            (Some(member), _) => {
                let first = first(codes[member.index()]);
                Ok(Expr::Const(i64::from(member.0 - first.0)))
            }
            (None, Some(code)) => Ok(Expr::Member { first: first(code) }),
            (None, None) => {
                let problem = "only threads, and questions to the members of a group, say \"me\"";
                Err(Flaw::new(&name.at, problem))
            }
        }
    }

    /// A path that begins with a result, or with what can be asked about a member of a group.
    fn own(&mut self, name: &Name, asked: &[Part]) -> Result<Option<Read>, Flaw> {
        if let Some(member) = self.member {
            let code = self.scope.directory.codes[member.index()];
            let read = self.of_code(Some(member), code, name, asked)?;
            let is_declared = self.scope.directory.thing(&name.text).is_some();
            let about = THREAD_FIELDS.iter().find(|it| it.0 == name.text);
            return match about.filter(|_| read.is_none() && !is_declared) {
                Some(&(_, about, is)) => {
                    nothing_after(name, asked, "a plain value")?;
                    Ok(Some((about.expr(member), is)))
                }
                None => Ok(read),
            };
        }
        match self.scope.code {
            Some(code) => self.of_code(None, code, name, asked),
            None => Ok(None),
        }
    }

    /// A path that begins with a result or a variable of a thread's own; none if there is no such name.
    fn of_code(
        &mut self,
        thread: Option<ThreadId>,
        code: CodeId,
        name: &Name,
        asked: &[Part],
    ) -> Result<Option<Read>, Flaw> {
        match self.local(thread, code, name, asked)? {
            Some(read) => Ok(Some(read)),
            None => self.result(thread, code, name, asked),
        }
    }

    /// A path that begins with a variable of a thread's own.
    fn local(
        &mut self,
        thread: Option<ThreadId>,
        code: CodeId,
        name: &Name,
        asked: &[Part],
    ) -> Result<Option<Read>, Flaw> {
        let Some(local) = self.scope.directory.local(code, &name.text) else {
            return Ok(None);
        };
        if thread.is_some() && self.scope.code.is_some() {
            let problem = "only properties can read the variables of another thread";
            return Err(Flaw::new(&name.at, problem));
        }
        let (element, asked) = match (local.len, asked) {
            (None, _) => (None, asked),
            (Some(len), [Part::Index(index), asked @ ..]) => {
                (Some((self.element(index, len)?, len)), asked)
            }
            (Some(_), _) => return Err(self.needs_part(name, "an element", "[0]")),
        };
        let noun = element.map_or("a variable", |_| "an array of numbers");
        nothing_after(name, asked, noun)?;
        let first = local.first;
        let read = Expr::Local {
            thread,
            first,
            element,
        };
        Ok(Some((read, Type::Int)))
    }

    /// A path that begins with a result in the code of a thread; none if there is no such result.
    fn result(
        &mut self,
        thread: Option<ThreadId>,
        code: CodeId,
        name: &Name,
        asked: &[Part],
    ) -> Result<Option<Read>, Flaw> {
        let item = self.scope.items.iter().find(|item| item.name == name.text);
        let item = item.filter(|_| thread.is_none());
        let text = item.map_or(&name.text, |item| &item.batch);
        let Some((slot, of)) = self.scope.directory.slot(code, text) else {
            return Ok(None);
        };
        if thread.is_some() && self.scope.code.is_some() {
            let problem = "only properties can read the results of another thread";
            return Err(Flaw::new(&name.at, problem));
        }
        let (nth, asked) = match (item, asked) {
            (Some(_), [Part::Index(index), ..]) => {
                let problem = format!("{:?} is one packet, not a batch", name.text);
                return Err(Flaw::new(&index.at, problem));
            }
            (Some(item), _) => (Some(Nth::Is(item.nth)), asked),
            (None, [Part::Index(index), asked @ ..]) => (Some(self.nth(index, of)?), asked),
            (None, _) => (None, asked),
        };
        let (field, is) = match (of.packets_max, nth) {
            (0, _) if of.has_value() => field(name, asked, &VALUE_FIELDS, "a result")?,
            (_, None) if of.has_value() => field(name, asked, &ALL_FIELDS, "a result")?,
            (0, _) => field(
                name,
                asked,
                &CALL_FIELDS,
                "the result of a call without packets",
            )?,
            (_, None) => field(name, asked, &PACKET_FIELDS, "a result")?,
            (_, Some(_)) => field(name, asked, &PACKET_FIELDS[4..], "a packet")?,
        };
        let read = match nth {
            Some(Nth::Computed(index)) => Expr::Nth {
                thread,
                slot,
                field,
                index,
                len: of.packets_max,
            },
            Some(Nth::Is(nth)) => Expr::Result {
                thread,
                slot,
                field,
                nth,
            },
            None => Expr::Result {
                thread,
                slot,
                field,
                nth: 0,
            },
        };
        Ok(Some((read, is)))
    }

    /// Which packet of a batch is asked for; one that is a plain number is checked here and now.
    fn nth(&mut self, index: &Node, of: &SlotName) -> Result<Nth, Flaw> {
        if of.packets_max == 0 {
            let problem = format!("{:?} is the result of a call without packets", of.name);
            return Err(Flaw::new(&index.at, problem));
        }
        let What::Number(nth) = index.what else {
            return Ok(Nth::Computed(self.of_type(index, Type::Int, "an index")?));
        };
        match u8::try_from(nth) {
            Ok(nth) if nth < of.packets_max => Ok(Nth::Is(nth)),
            _ => {
                let problem = format!(
                    "there is no packet {nth} in {:?}, which takes at most {}",
                    of.name, of.packets_max
                );
                Err(Flaw::new(&index.at, problem))
            }
        }
    }

    /// A path that begins with a thread: what can be asked about it, or one of its results.
    fn of_thread(&mut self, name: &Name, thing: Thing, asked: &[Part]) -> Result<Read, Flaw> {
        let (member, asked) = match asked {
            [Part::Index(index), asked @ ..] => (Some(literal(index)?), asked),
            _ => (None, asked),
        };
        let thread =
            member_of(&name.text, thing, member).map_err(|problem| Flaw::new(&name.at, problem))?;
        let code = self.scope.directory.codes[thread.index()];
        if let Some((Part::Name(slot), asked)) = asked.split_first()
            && let Some(read) = self.of_code(Some(thread), code, slot, asked)?
        {
            return Ok(read);
        }
        let slots = &self.scope.directory.slots[code.index()];
        let results = slots.iter().map(|slot| slot.name.as_str());
        let locals = self.scope.directory.locals[code.index()].iter();
        let own = results.chain(locals.map(|local| local.name.as_str()));
        let (about, is) = field_or(name, asked, &THREAD_FIELDS, own, "a thread")?;
        Ok((about.expr(thread), is))
    }

    /// A name that stands for nothing.
    pub(super) fn unknown(&self, name: &Name) -> Flaw {
        let directory = self.scope.directory;
        let code = match self.member {
            Some(member) => Some(directory.codes[member.index()]),
            None => self.scope.code,
        };
        let slots = code.map(|code| &directory.slots[code.index()]);
        let results = slots.into_iter().flatten().map(|slot| slot.name.as_str());
        let locals = code.map(|code| &directory.locals[code.index()]);
        let locals = locals.into_iter().flatten().map(|it| it.name.as_str());
        let own: Vec<&str> = results.chain(locals).chain(directory.names()).collect();
        let known = || own.iter().copied().chain(constants().map(|(name, _)| name));
        let mut problem = format!("unknown name {:?}", name.text);
        if nearest(&name.text, known()).is_none() {
            problem += &format!(", expected {}", one_of(own.iter().copied()));
        }
        Flaw::new(&name.at, problem).near(&name.text, known())
    }

    /// Something was named that has no value as a whole.
    pub(super) fn needs_part(&self, name: &Name, part: &str, example: &str) -> Flaw {
        let name_text = &name.text;
        Flaw::new(
            &name.at,
            format!(
                "{name_text:?} has no value as a whole; ask for {part}, such as \"{name_text}{example}\""
            ),
        )
    }
}

/// The field that is asked of something that has these.
fn field<F: Copy>(
    name: &Name,
    asked: &[Part],
    fields: &[(&'static str, F, Type)],
    noun: &str,
) -> Result<(F, Type), Flaw> {
    field_or(name, asked, fields, [], noun)
}

/// The same of something that has `others` to name too.
fn field_or<'k, F: Copy>(
    name: &Name,
    asked: &[Part],
    fields: &[(&'static str, F, Type)],
    others: impl IntoIterator<Item = &'k str>,
    noun: &str,
) -> Result<(F, Type), Flaw> {
    let known: Vec<&str> = others
        .into_iter()
        .chain(fields.iter().map(|it| it.0))
        .collect();
    let (word, after) = match asked {
        [Part::Name(word), after @ ..] => (word, after),
        [Part::Index(index), ..] => {
            let problem = format!("{:?} is {noun}, which has no elements", name.text);
            return Err(Flaw::new(&index.at, problem));
        }
        [] => {
            let all = one_of(known);
            let problem = format!("{:?} is {noun}; ask for its {all}", name.text);
            return Err(Flaw::new(&name.at, problem));
        }
    };
    let Some(&(_, field, is)) = fields.iter().find(|it| it.0 == word.text) else {
        let all = || known.iter().copied();
        let mut problem = format!("{noun} has no {:?}", word.text);
        if nearest(&word.text, all()).is_none() {
            problem += &format!(", expected {}", one_of(all()));
        }
        return Err(Flaw::new(&word.at, problem).near(&word.text, all()));
    };
    nothing_after(word, after, "a plain value")?;
    Ok((field, is))
}

/// Nothing more can be asked.
fn nothing_after(name: &Name, asked: &[Part], noun: &str) -> Result<(), Flaw> {
    let at = match asked.first() {
        None => return Ok(()),
        Some(Part::Name(word)) => &word.at,
        Some(Part::Index(index)) => &index.at,
    };
    let problem = format!("{:?} is {noun}; nothing more can be asked of it", name.text);
    Err(Flaw::new(at, problem))
}

/// A number that must be plain, because ids are looked up before anything runs.
fn literal(index: &Node) -> Result<u64, Flaw> {
    match index.what {
        What::Number(number) if number >= 0 => Ok(number.unsigned_abs()),
        _ => Err(Flaw::new(&index.at, "only a plain number can stand here")),
    }
}
