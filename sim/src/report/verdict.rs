//! The verdict on one scenario, of a run or of a search.

use portsim_model::layout::Layout;

use super::exit::Exit;
use crate::check::Cut;
use crate::scenario::{Expect, Scenario};

/// What became of a scenario, from the best to the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Everything that was asked for holds.
    Pass,
    /// The system cannot play it.
    Unsupported,
    /// Nothing is wrong so far, and not everything was looked at.
    Partial,
    /// A property does not hold.
    Violation,
}

impl Verdict {
    const ALL: [Verdict; 4] = [
        Verdict::Pass,
        Verdict::Unsupported,
        Verdict::Partial,
        Verdict::Violation,
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
            Verdict::Pass => "pass",
            Verdict::Violation => "violation",
            Verdict::Partial => "partial",
            Verdict::Unsupported => "unsupported",
        }
    }

    /// What it comes to, where it is as expected, is not, or cannot be held against what is expected.
    pub fn exit(self, as_expected: Option<bool>) -> Exit {
        match (as_expected, self) {
            (Some(true), _) => Exit::AsExpected,
            (Some(false), _) => Exit::Unexpected,
            (None, Verdict::Partial) => Exit::Partial,
            (None, _) => Exit::AsExpected,
        }
    }
}

/// Which bounds of a scenario may have been met.
pub fn bounds(scenario: &Scenario) -> String {
    let program = &scenario.program;
    let (packets, ticks) = (program.bounds.packets, program.bounds.ticks);
    let mut bounds = Vec::new();
    let ports = || program.port_ids();
    if let Some(packets) = packets
        && ports().any(|port| Layout::is_bounded(program, port))
    {
        bounds.push(format!("the bound of {packets} packets (`bounds.packets`)"));
    }
    let by_default = ports().filter_map(|port| Layout::bound_by_default(program, port));
    if let Some(packets) = by_default.min() {
        let bound = format!("the bound of {packets} packets, set by nobody: `bounds.packets`");
        bounds.push(bound);
    }
    if let Some(ticks) = ticks {
        bounds.push(format!("the bound of {ticks} ticks (`bounds.ticks`)"));
    }
    match bounds.is_empty() {
        true => Cut::Bound.words().to_owned(),
        false => format!("it met {}", bounds.join(", or ")),
    }
}

/// What a scenario expects: `pass`, or the name of a property.
pub fn expected(expect: &Expect) -> &str {
    match expect {
        Expect::Pass => Verdict::Pass.name(),
        Expect::Violation { name, .. } => name,
    }
}
