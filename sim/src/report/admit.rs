//! What `admit` says of traces.

use std::path::PathBuf;
use std::sync::Arc;

use portsim_model::personality::NAMES;

use super::covered::Covered;
use super::exit::{Cut, Exit};
use crate::admit::{Judgement, Refusal};
use crate::coverage::Coverage;
use crate::explore::Tour;
use crate::scenario::Scenario;
use crate::trace::Trace;

/// Whether the model could have shown a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It could.
    Admitted,
    /// It could not.
    Refused,
    /// Nobody knows: the judge gave up.
    Partial,
    /// The personality cannot play the scenario.
    Unsupported,
}

impl Verdict {
    const ALL: [Verdict; 4] = [
        Verdict::Admitted,
        Verdict::Refused,
        Verdict::Partial,
        Verdict::Unsupported,
    ];

    /// The verdict of this name.
    pub fn named(name: &str) -> Option<Verdict> {
        Verdict::ALL
            .into_iter()
            .find(|verdict| verdict.name() == name)
    }

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Admitted => "admitted",
            Verdict::Refused => "refused",
            Verdict::Partial => "partial",
            Verdict::Unsupported => "unsupported",
        }
    }

    /// Whether any of all systems could have shown it; where not each was asked, nobody knows that none could.
    pub fn of_all(verdicts: impl Iterator<Item = Verdict>) -> Verdict {
        let verdicts: Vec<_> = verdicts.collect();
        let has = |wanted: &Verdict| verdicts.contains(wanted);
        if !has(&Verdict::Admitted) && verdicts.len() < NAMES.len() {
            return Verdict::Partial;
        }
        [Verdict::Admitted, Verdict::Partial, Verdict::Refused]
            .into_iter()
            .find(has)
            .unwrap_or(Verdict::Unsupported)
    }

    /// What it comes to.
    pub fn exit(self) -> Exit {
        match self {
            Verdict::Refused => Exit::Unexpected,
            Verdict::Partial => Exit::Partial,
            Verdict::Admitted | Verdict::Unsupported => Exit::AsExpected,
        }
    }
}

/// Each trace.
#[derive(Debug, Clone)]
pub struct Admissions {
    /// In the order in which they were named.
    pub traces: Vec<Judged>,
    /// The claims that decided what they show, where somebody asked.
    pub covered: Option<Covered>,
    /// How many were named: more than there are here if somebody stopped it.
    pub named: usize,
}

impl Admissions {
    /// Whether each trace had its turn.
    pub fn complete(&self) -> bool {
        self.traces.len() == self.named
    }

    /// What they come to.
    pub fn exit(&self) -> Exit {
        let stopped = match self.complete() {
            true => Exit::AsExpected,
            false => Exit::Partial,
        };
        Exit::worst(self.traces.iter().map(Judged::exit).chain([stopped]))
    }
}

/// One trace.
#[derive(Debug, Clone)]
pub enum Judged {
    /// By one system, which was asked whether it could have shown it.
    By(Box<Admission>),
    /// By all, which were asked which of them could; there is one at least.
    ByAll(Vec<Admission>),
}

impl Judged {
    /// What each system says.
    pub fn systems(&self) -> &[Admission] {
        match self {
            Judged::By(admission) => std::slice::from_ref(admission),
            Judged::ByAll(admissions) => admissions,
        }
    }

    /// Those by whose rules it came about: who judged, or all that fit.
    pub fn fitting(&self) -> impl Iterator<Item = &Admission> {
        let is_asked = matches!(self, Judged::By(_));
        let fits = move |it: &&Admission| is_asked || it.verdict() == Verdict::Admitted;
        self.systems().iter().filter(fits)
    }

    /// The verdict: of one system, or whether any fits.
    pub fn verdict(&self) -> Verdict {
        match self {
            Judged::By(admission) => admission.verdict(),
            Judged::ByAll(all) => Verdict::of_all(all.iter().map(Admission::verdict)),
        }
    }

    /// What it comes to.
    pub fn exit(&self) -> Exit {
        match self.systems().iter().find_map(|it| it.cut.as_ref()) {
            Some(cut) => Exit::Cut(cut.clone()),
            None => self.verdict().exit(),
        }
    }
}

/// One trace as one system judges it.
#[derive(Debug, Clone)]
pub struct Admission {
    /// The file.
    pub file: PathBuf,
    /// What it is a trace of.
    pub scenario: Arc<Scenario>,
    /// The folder in which that was found.
    pub folder: PathBuf,
    /// The personality that judged.
    pub personality: &'static str,
    /// Processors of its machine.
    pub processors: u32,
    /// What it says; an `Err` says what it lacks.
    pub judged: Result<Judgement, String>,
    /// The trace itself, where it is refused or a page is to show it.
    pub trace: Option<Trace>,
    /// The claims that decided, where somebody asked and there was a judgement.
    pub coverage: Option<Coverage>,
    /// What a page shows of it, where one was asked for and threads took turns.
    pub tour: Option<Tour>,
    /// Where the file is cut.
    pub cut: Option<Cut>,
}

impl Admission {
    /// The verdict.
    pub fn verdict(&self) -> Verdict {
        match &self.judged {
            Err(_) => Verdict::Unsupported,
            Ok(judgement) if judgement.refused.is_some() => Verdict::Refused,
            Ok(judgement) if judgement.gave_up => Verdict::Partial,
            Ok(_) => Verdict::Admitted,
        }
    }

    /// Where the model parts from it.
    pub fn refusal(&self) -> Option<&Refusal> {
        self.judged.as_ref().ok()?.refused.as_ref()
    }

    /// Why it is unsupported, or how far it was judged where that is not all of it.
    pub fn why(&self) -> Option<String> {
        match &self.judged {
            Err(lacks) => Some(lacks.clone()),
            Ok(judgement) => judgement.words(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_knows_that_none_fits_until_each_was_asked() {
        let all = |verdict: Verdict, len: usize| Verdict::of_all(std::iter::repeat_n(verdict, len));
        assert_eq!(all(Verdict::Refused, NAMES.len()), Verdict::Refused);
        assert_eq!(all(Verdict::Refused, NAMES.len() - 1), Verdict::Partial);
        assert_eq!(all(Verdict::Unsupported, 1), Verdict::Partial);
        assert_eq!(all(Verdict::Admitted, 1), Verdict::Admitted);
    }
}
