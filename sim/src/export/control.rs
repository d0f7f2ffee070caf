//! Where threads go between their steps, as conditions in Promela.

use portsim_model::program::{Code, Instr, Op, Pc, Program};

use super::Me;
use super::expr::{both, say};

/// What control comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leaf {
    /// An operation.
    Op(Op, Pc),
    /// A choice between branches.
    Choice(Pc),
    /// The end of the program.
    End(Pc),
    /// Nothing: it goes round, or a condition has no value.
    Nowhere(Pc),
}

/// A leaf, and the condition under which control comes to it; none where it always does.
pub(super) type Branch = (Option<String>, Leaf);

/// Where a thread rests that goes on from `pc`.
pub(super) fn rests(
    program: &Program,
    code: &Code,
    me: Me<'_>,
    pc: Pc,
) -> Result<Vec<Branch>, String> {
    let mut walk = Walk::new(program, code, me);
    walk.go(pc, None, 0)?;
    Ok(walk.branches)
}

/// What a thread that rests at `pc` may do next.
pub(super) fn offers(
    program: &Program,
    code: &Code,
    me: Me<'_>,
    pc: Pc,
) -> Result<Vec<Branch>, String> {
    let mut walk = Walk::new(program, code, me);
    walk.chooses = true;
    walk.go(pc, None, 0)?;
    if walk.branches.is_empty() {
        walk.branches.push((None, Leaf::Nowhere(pc)));
    }
    Ok(walk.branches)
}

/// A walk over every way that control can go.
struct Walk<'a> {
    program: &'a Program,
    code: &'a Code,
    me: Me<'a>,
    /// Whether it goes on into the branches of choices.
    chooses: bool,
    /// The choices that it has been at.
    seen: Vec<Pc>,
    branches: Vec<Branch>,
}

impl<'a> Walk<'a> {
    fn new(program: &'a Program, code: &'a Code, me: Me<'a>) -> Walk<'a> {
        Walk {
            program,
            code,
            me,
            chooses: false,
            seen: Vec::new(),
            branches: Vec::new(),
        }
    }

    /// Follows control from `pc`, where it comes only if `given`, after so many moves without a choice.
    fn go(&mut self, pc: Pc, given: Option<String>, moves: usize) -> Result<(), String> {
        if moves > self.code.instrs.len() {
            self.branches.push((given, Leaf::Nowhere(pc)));
            return Ok(());
        }
        match self.code.instrs[usize::from(pc)] {
            Instr::Op(op) => self.branches.push((given, Leaf::Op(op, pc))),
            Instr::End => self.branches.push((given, Leaf::End(pc))),
            Instr::Jump(target) => self.go(target, given, moves + 1)?,
            Instr::If { cond, otherwise } => {
                let cond = say(self.program, self.me, cond)?;
                let with = |more: String| both(given.clone(), Some(more));
                self.go(pc + 1, with(cond.holds()), moves + 1)?;
                self.go(otherwise, with(cond.fails()), moves + 1)?;
                if let Some(defined) = &cond.defined {
                    let leaf = Leaf::Nowhere(pc);
                    self.branches.push((with(format!("!{defined}")), leaf));
                }
            }
            Instr::Let { .. } => return Err("variables of one thread".to_owned()),
            Instr::Either { .. } if !self.chooses => {
                self.branches.push((given, Leaf::Choice(pc)));
            }
            Instr::Either { branch, others } => {
                if self.seen.contains(&pc) {
                    return match given {
                        None => Ok(()),
                        Some(_) => Err("a choice that leads back to itself by a condition".into()),
                    };
                }
                self.seen.push(pc);
                self.go(branch, given.clone(), 0)?;
                self.go(others, given, 0)?;
            }
        }
        Ok(())
    }
}
