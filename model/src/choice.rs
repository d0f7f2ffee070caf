//! Open choices: where a rule may go either way, it asks, and somebody answers.

use alloc::vec::Vec;

use crate::claim::Claim;

/// An open choice between named readings of a claim.
#[derive(Debug)]
pub struct Readings<T: 'static> {
    /// The claim that is open.
    pub claim: &'static Claim,
    /// Each reading, by its name.
    pub readings: &'static [(&'static str, T)],
}

/// An open choice between so many alternatives as there are, by their numbers.
#[derive(Debug)]
pub struct Numbers {
    /// The claim that is open.
    pub claim: &'static Claim,
}

/// What of a claim can be fixed from outside.
pub trait Open: Sync {
    /// The claim.
    fn claim(&self) -> &'static Claim;
    /// The names of its readings, in order; none where its alternatives have numbers.
    fn names(&self) -> Vec<&'static str>;
}

impl<T: Sync> Open for Readings<T> {
    fn claim(&self) -> &'static Claim {
        self.claim
    }
    fn names(&self) -> Vec<&'static str> {
        self.readings.iter().map(|(name, _)| *name).collect()
    }
}

impl Open for Numbers {
    fn claim(&self) -> &'static Claim {
        self.claim
    }
    fn names(&self) -> Vec<&'static str> {
        Vec::new()
    }
}

/// Answers the choices that one step leaves open, in the order in which its rules ask.
pub trait Answers {
    /// Which of so many alternatives, at least two, is taken.
    fn answer(&mut self, alternatives: usize) -> usize;
}

/// The answers of a step that was taken before: digits of its number, the first choice's the lowest. A choice that the
/// number does not reach takes its first alternative.
#[derive(Debug, Clone, Copy)]
pub struct Numbered(pub u32);

impl Answers for Numbered {
    fn answer(&mut self, alternatives: usize) -> usize {
        let of = alternatives.max(1) as u32;
        let answer = self.0 % of;
        self.0 /= of;
        answer as usize
    }
}

/// Every way to answer, one after the other: begin with the default, and [`advance`](Alternatives::advance) after each
/// step as long as that says so. The last choice changes first.
#[derive(Debug, Clone, Default)]
pub struct Alternatives {
    /// The answer to each choice, and of how many.
    taken: Vec<(u8, u8)>,
    /// How many choices of this way were asked so far.
    asked: usize,
}

impl Alternatives {
    /// Goes on to the next way; whether there is one.
    #[inline]
    pub fn advance(&mut self) -> bool {
        self.asked = 0;
        while let Some((answer, of)) = self.taken.pop() {
            if answer + 1 < of {
                self.taken.push((answer + 1, of));
                return true;
            }
        }
        false
    }
}

impl Answers for Alternatives {
    fn answer(&mut self, alternatives: usize) -> usize {
        if self.asked == self.taken.len() {
            self.taken.push((0, alternatives as u8));
        }
        self.asked += 1;
        self.taken[self.asked - 1].0.into()
    }
}

/// Notes the number under which [`Numbered`] finds the answers again.
pub(crate) struct Noted<'a> {
    answers: &'a mut dyn Answers,
    number: u32,
    weight: u32,
}

impl<'a> Noted<'a> {
    /// Behind a first digit: the branch of the program.
    pub(crate) fn new(answers: &'a mut dyn Answers, branch: u32) -> Noted<'a> {
        Noted {
            answers,
            number: branch,
            weight: 1,
        }
    }

    /// The branch is one of so many; if nobody says so, it is the only one.
    pub(crate) fn of_branches(&mut self, branches: u32) {
        self.weight = branches.max(1);
    }

    /// The number.
    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    #[inline(never)]
    pub(crate) fn answer(&mut self, alternatives: usize) -> usize {
        let answer = self.answers.answer(alternatives).min(alternatives - 1);
        self.number = self
            .number
            .saturating_add(self.weight.saturating_mul(answer as u32));
        self.weight = self.weight.saturating_mul(alternatives as u32);
        answer
    }
}
