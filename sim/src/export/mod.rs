//! Scenarios and recordings in the languages of other programs: checkers, for a second opinion, and what draws.
//!
//! `promela` is the one place where the rules of a system are stated a second time, so that two statements and two
//! searches can be held against each other. What an exporter cannot say it names, and says nothing instead.
//!
//! - `promela`: the whole text for SPIN; in it stand `rules.pml`, the rules of Windows ports, and `words.pml`.
//! - `history`: a recording at full speed for those who check queues.
//! - A `course` is a run or a recording that is drawn: `sequence` for Mermaid and PlantUML, `dot` for Graphviz, `svg` as it is,
//!   `perfetto`, `shiviz`, and `itf` with its states. `states` is a graph of states.
//! - `control`: where threads go between their steps. `expr`: expressions. `assign`: what is written to variables.

mod assign;
mod control;
mod course;
mod dot;
mod expr;
mod history;
mod itf;
mod perfetto;
mod promela;
mod room;
mod sayable;
mod sequence;
mod shiviz;
mod states;
mod svg;
mod wire;

pub use course::Course;
pub use dot::dot;
pub use history::history;
pub use itf::itf;
pub use perfetto::perfetto;
pub use promela::promela;
pub use sequence::{mermaid, plantuml};
pub use shiviz::shiviz;
pub use states::states;
pub use svg::svg;

/// Whose threads an expression or a piece of control is about, as Promela names it: a variable or a number.
type Me<'a> = &'a str;
