//! What a scenario is judged by: properties, who may wait, the turns that end it, what is expected.

use portsim_model::expr::ExprId;
use portsim_model::program::{Promise, Slated};
use portsim_model::property::{FAULTS, Invariants};

use super::{Compiler, Expect};
use crate::scenario::directory::{check_name, unknown};
use crate::scenario::expr::Scope;
use crate::scenario::place::{Aim, Complaint, Place};
use crate::scenario::wire::{self, Named};
use crate::words::Type;

/// The names of the invariants that are judged without being written down.
fn invariants() -> [&'static str; FAULTS.len()] {
    FAULTS.map(|(_, name)| name)
}

impl Compiler {
    pub(super) fn properties(&mut self, properties: &wire::Properties) -> Result<(), Complaint> {
        let section = &Place::TOP.field("properties");
        let (names, exprs) = self.judged(&properties.always, &section.field("always"))?;
        (self.names.always, self.program.always) = (names, exprs);
        let (names, exprs) = self.judged(&properties.sometimes, &section.field("sometimes"))?;
        (self.names.sometimes, self.program.sometimes) = (names, exprs);
        for (name, promise) in &properties.eventually.0 {
            self.promise(name, promise, &section.field("eventually").field(name))?;
        }
        let (names, exprs) = self.judged(&properties.at_end, &section.field("at_end"))?;
        (self.names.at_end, self.program.at_end) = (names, exprs);
        Ok(())
    }

    /// The names and expressions of one kind of property.
    fn judged(
        &mut self,
        properties: &Named<String>,
        section: &Place<'_>,
    ) -> Result<(Vec<String>, Vec<ExprId>), Complaint> {
        let (mut names, mut exprs) = (Vec::new(), Vec::new());
        for (name, text) in &properties.0 {
            let place = &section.field(name);
            self.check_property(name, place)?;
            exprs.push(self.property(text, place)?);
            names.push(name.clone());
        }
        Ok((names, exprs))
    }

    fn property(&mut self, text: &str, place: &Place<'_>) -> Result<ExprId, Complaint> {
        let scope = Scope {
            directory: &self.directory,
            code: None,
            items: &[],
        };
        scope.compile(text, Type::Bool, &mut self.program.exprs, place)
    }

    fn promise(
        &mut self,
        name: &str,
        promise: &wire::Promise,
        place: &Place<'_>,
    ) -> Result<(), Complaint> {
        self.check_property(name, place)?;
        let promise = match promise {
            wire::Promise::Once(text) => Promise {
                when: None,
                then: self.property(text, place)?,
            },
            wire::Promise::Each(wire::Response { when, then }) => Promise {
                when: Some(self.property(when, &place.field("when"))?),
                then: self.property(then, &place.field("then"))?,
            },
        };
        self.program.eventually.push(promise);
        self.names.eventually.push(name.to_owned());
        Ok(())
    }

    fn property_names(&self) -> impl Iterator<Item = &str> {
        let names = &self.names;
        let all = names
            .always
            .iter()
            .chain(&names.sometimes)
            .chain(&names.eventually)
            .chain(&names.at_end);
        all.map(String::as_str)
    }

    /// One name must mean one property in a verdict.
    fn check_property(&self, name: &str, place: &Place<'_>) -> Result<(), Complaint> {
        check_name(name, place).map_err(|complaint| complaint.at(Aim::Name))?;
        if self.property_names().any(|it| it == name) {
            let problem = format!("{name:?} is already the name of a property");
            return Err(place.complain(problem).at(Aim::Name));
        }
        Ok(())
    }

    /// Which invariants of every port are judged.
    pub(super) fn builtin(&mut self, builtin: &wire::Builtin) -> Result<(), Complaint> {
        let section = Place::TOP.field("builtin");
        self.program.builtin = match builtin {
            wire::Builtin::All(true) => Invariants::ALL,
            wire::Builtin::All(false) => Invariants::NONE,
            wire::Builtin::Some(switched) => {
                let mut judged = Invariants::ALL;
                for (name, on) in &switched.0 {
                    let place = &section.field(name);
                    let (fault, _) = FAULTS
                        .into_iter()
                        .find(|(_, known)| known == name)
                        .ok_or_else(|| unknown("invariant", name, &invariants(), place))?;
                    if fault.is_always_judged() {
                        return Err(place.complain(format!("{name:?} is always judged")));
                    }
                    if !on {
                        judged = judged.without(fault);
                    }
                }
                judged
            }
        };
        Ok(())
    }

    pub(super) fn may_wait(&mut self, waiters: &[wire::MayWait]) -> Result<(), Complaint> {
        let section = Place::TOP.field("may_wait");
        for (n, waiter) in waiters.iter().enumerate() {
            let place = &section.index(n);
            match waiter {
                wire::MayWait::Anywhere(name) => {
                    for thread in self.directory.threads(name, place)? {
                        self.program.threads[thread.index()].may_wait = true;
                    }
                }
                wire::MayWait::In(wire::MayWaitIn {
                    thread,
                    place: name,
                }) => {
                    let waits_in = self.directory.waits_in(name, &place.field("in"))?;
                    for thread in self.directory.threads(thread, &place.field("thread"))? {
                        let thread = &mut self.program.threads[thread.index()];
                        thread.may_wait_in.push(waits_in);
                    }
                }
            }
        }
        Ok(())
    }

    pub(super) fn schedule(&mut self, turns: Option<&[String]>) -> Result<(), Complaint> {
        let section = Place::TOP.field("schedule");
        let Some(turns) = turns else {
            return Ok(());
        };
        let mut slated = Vec::new();
        for (n, turn) in turns.iter().enumerate() {
            let place = &section.index(n);
            slated.push(match turn.as_str() {
                "@time" => Slated::Time,
                // No thread's name begins like this.
                name if name.starts_with('@') => {
                    return Err(unknown("turn", name, &["@time"], place));
                }
                name => Slated::Thread(self.directory.thread(name, place)?),
            });
        }
        self.program.schedule = Some(slated);
        Ok(())
    }

    pub(super) fn expect(&self, expect: &wire::Expect) -> Result<Expect, Complaint> {
        let wire::Expect::Violation(wire::Violation { violation }) = expect else {
            return Ok(Expect::Pass);
        };
        let place = Place::TOP.field("expect");
        let place = &place.field("violation");
        let (name, builtin, noun, known) = match violation {
            wire::Violated::Named(name) => {
                let own: Vec<&str> = self.property_names().collect();
                let builtin = !own.contains(&name.as_str());
                let known: Vec<_> = own.into_iter().chain(invariants()).collect();
                (name, builtin, "property", known)
            }
            wire::Violated::Builtin(it) => {
                (&it.builtin, true, "invariant", Vec::from(invariants()))
            }
        };
        if !known.contains(&name.as_str()) {
            return Err(unknown(noun, name, &known, place));
        }
        let name = name.clone();
        Ok(Expect::Violation { name, builtin })
    }
}
