//! Which claims decided something, for people.

use super::{stacked, table};
use crate::report::covered::Covered;
use crate::report::units::{count, counted};

/// Each claim that decided something with how often, and the claims that never did.
pub fn covered(covered: &Covered) -> String {
    let used: Vec<_> = covered
        .used()
        .map(|(claim, times)| vec![claim.to_owned(), count(times)])
        .collect();
    let never = covered.never();
    let summary = format!(
        "\n{} decided something, {} never did",
        counted(used.len() as u64, "claim"),
        count(never.len() as u64)
    );
    let never = match never.as_slice() {
        [] => String::new(),
        never => format!("never  {}", never.join("\n       ")),
    };
    stacked([summary, table(&used), never])
}
