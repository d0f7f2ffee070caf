//! How the workers begin together, where one of them kept the search before, and how they keep it.
//!
//! First everybody says which checkpoints it has, and all take up the last that all have; when all have read it, what
//! else is there is removed. To keep the search, each worker writes its states; when all have, each process says that
//! they are a checkpoint; when all have, what was kept before is removed.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use super::{Next, Phase, Search};
use crate::check::Trouble;
use crate::check::kept::Which;
use crate::check::wire::{Message, Offer, What};

impl Search {
    /// Says what it brings to begin with.
    pub(super) fn offer(&mut self, send: impl FnMut(Message)) -> Next {
        let offer = match &self.config.keeper {
            None => Offer::default(),
            Some(keeper) => Offer {
                resume: self.config.resume,
                number_max: keeper.number_max(),
                whole: keeper.whole(),
            },
        };
        self.tell(&What::Offer(offer), send);
        self.phase = Phase::Agree;
        Next::Round
    }

    /// Begins with the first state, or with the last checkpoint that everybody has.
    pub(super) fn agree(&mut self) -> Next {
        let offers = std::mem::take(&mut self.offers);
        self.number = offers.iter().map(|it| it.number_max).max().unwrap_or(0);
        self.phase = Phase::Arrive;
        if offers.iter().any(|it| it.resume != self.config.resume) {
            let problem = "some processes take the search up with --resume, and others do not";
            self.fail(Trouble::Unavailable(problem.to_owned()));
        } else if !self.config.resume {
            self.team.begin();
        } else if let Err(trouble) = self.resume(&offers) {
            self.fail(trouble);
        }
        Next::Same
    }

    fn resume(&mut self, offers: &[Offer]) -> Result<(), Trouble> {
        let keeper = self.config.keeper.as_ref().expect("there is one");
        let which = last_of_all(offers).ok_or_else(|| {
            keeper.complaint("there is no checkpoint that all processes have: the folders do not belong together")
        })?;
        let known = self.team.resume(keeper, which)?;
        (self.summary.full, self.summary.stopped) = (false, false);
        self.summary.paused = true;
        self.taken_up = Some(which);
        self.depth = known.depth;
        self.complete = known.states;
        self.outcome.depth_max = known.depth_max;
        Ok(())
    }

    /// It cannot begin, and will say so to the others.
    fn fail(&mut self, trouble: Trouble) {
        self.summary.failed = true;
        self.complain(trouble);
    }

    fn complain(&self, trouble: Trouble) {
        let mut first = self
            .shared
            .trouble
            .lock()
            .expect("nobody panics with it in hand");
        first.get_or_insert(trouble);
    }

    /// Everybody has taken the checkpoint up. If it has the states that it counts, it is the only one from now on.
    pub(super) fn check_taken_up(&mut self, which: Which) -> Option<Next> {
        if self.outcome.states != self.outcome.all.seen {
            return Some(self.refuse());
        }
        if let Some(keeper) = &self.config.keeper {
            keeper.take_up(which);
        }
        None
    }

    /// The checkpoint that was taken up has other states than it says: all workers see that.
    fn refuse(&mut self) -> Next {
        let keeper = self.config.keeper.as_ref().expect("it was read");
        let problem = "the parts of the checkpoint do not hold the states that it counts";
        self.complain(keeper.complaint(problem).into());
        self.outcome.all.failed = true;
        Next::Done
    }

    /// Writes the states of this process, and tells the others whether it could.
    pub(super) fn keep(&mut self, send: impl FnMut(Message)) -> Next {
        self.number += 1;
        let keeper = self.config.keeper.as_ref().expect("there is one");
        match self.team.keep(keeper, self.number) {
            Ok(sum) => self.summary.kept = sum,
            Err(trouble) => self.unkept(trouble),
        }
        self.summarize(send);
        self.phase = Phase::Keep;
        Next::Round
    }

    /// Everybody has written its states: each process says that they are a checkpoint, and whether it could.
    pub(super) fn commit(&mut self, send: impl FnMut(Message)) -> Next {
        self.hear();
        if self.outcome.all.unkept {
            return self.give_up();
        }
        if let Some(keeper) = &self.config.keeper {
            let (all, depth_max) = (&self.outcome.all, self.outcome.depth_max);
            let known = self.team.share.known(all.clone(), self.complete, depth_max);
            if let Err(trouble) = keeper.commit((self.number, all.kept), known) {
                self.unkept(trouble);
            }
        }
        self.summarize(send);
        self.phase = Phase::Commit;
        Next::Round
    }

    /// Every process has said so: it is the last checkpoint from now on.
    pub(super) fn settle(&mut self) -> Next {
        self.hear();
        if self.outcome.all.unkept {
            return self.give_up();
        }
        if let Some(keeper) = &self.config.keeper {
            keeper.settle(self.number, true);
            self.shared.checkpoints.fetch_add(1, Ordering::Relaxed);
        }
        self.descend()
    }

    /// Not all could keep it: the last checkpoint is the one before, and the search ends.
    fn give_up(&mut self) -> Next {
        if let Some(keeper) = &self.config.keeper {
            keeper.settle(self.number, false);
        }
        Next::Done
    }

    fn unkept(&mut self, trouble: Trouble) {
        self.summary.unkept = true;
        self.complain(trouble);
    }
}

/// The last checkpoint of which everybody has all that it needs.
fn last_of_all(offers: &[Offer]) -> Option<Which> {
    let sets = offers
        .iter()
        .map(|offer| BTreeSet::from_iter(offer.whole.iter().copied()));
    let all = sets.reduce(|all, some| &all & &some)?;
    all.last().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_begin_with_the_last_checkpoint_that_all_have() {
        let offers = |all: &[&[Which]]| -> Vec<Offer> {
            let offer = |whole: &&[Which]| Offer {
                resume: true,
                number_max: 0,
                whole: whole.to_vec(),
            };
            all.iter().map(offer).collect()
        };
        let one: &[Which] = &[(6, 60), (7, 70)];
        for (others, last) in [
            (&[(6, 60), (7, 70)][..], Some((7, 70))),
            (&[(5, 50), (6, 60)], Some((6, 60))),
            (&[(6, 61), (7, 71)], None),
            (&[], None),
        ] {
            assert_eq!(last_of_all(&offers(&[one, others, one])), last);
        }
    }
}
