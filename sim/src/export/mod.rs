//! Scenarios and recordings in the languages of other checkers: a second opinion.
//!
//! This is the one place where the rules of a system are stated a second time, so that two statements and two
//! searches can be held against each other. What an exporter cannot say it names, and says nothing instead.
//!
//! - `promela`: the whole text for SPIN; in it stand `rules.pml`, the rules of Windows ports, and `words.pml`.
//! - `history`: a recording at full speed for those who check queues.
//! - `control`: where threads go between their steps. `expr`: expressions. `assign`: what is written to variables.

mod assign;
mod control;
mod expr;
mod history;
mod promela;
mod room;
mod sayable;

pub use history::history;
pub use promela::promela;

/// Whose threads an expression or a piece of control is about, as Promela names it: a variable or a number.
type Me<'a> = &'a str;
