//! What people read: words and numbers in people's units.

use portsim_model::property::Violation;

use crate::check::{Cut, Exploration, Found};
use crate::names::Names;

/// The name of the property that a violation breaks.
pub fn property(names: &Names, violation: Violation) -> String {
    match violation {
        Violation::Builtin(fault) => fault.name().to_owned(),
        Violation::Always(n) => names.always[n].clone(),
        Violation::AtEnd(n) => names.at_end[n].clone(),
        Violation::Eventually(n) => names.eventually[n].clone(),
    }
}

/// The name of the property that an exploration found broken.
pub fn found(names: &Names, found: Found) -> String {
    match found {
        Found::Violation(violation) => property(names, violation),
        Found::Never(n) => names.sometimes[n].clone(),
        Found::NeverOwed(n) => names.eventually[n].clone(),
        Found::NoEnd => names.at_end[0].clone(),
    }
}

/// Why an exploration did not see everything.
pub fn cut(cut: Cut) -> &'static str {
    match cut {
        Cut::Bound => "a bound on packets or ticks was met",
        Cut::Depth => "the bound on depth was met",
        Cut::Preemptions => "the bound on preemptions was met",
        Cut::Memory => "the memory for states is used up",
        Cut::Stopped => "it was stopped",
        Cut::Lost => "another process was lost; what is told is what this one had seen",
    }
}

/// What an exploration left out, because it could find nothing there.
pub fn reductions(exploration: &Exploration) -> Vec<String> {
    let orbits = exploration.orbits.iter();
    let mut words: Vec<_> = orbits
        .map(|threads| format!("symmetry of {threads} threads"))
        .collect();
    if exploration.abridged {
        words.push("unread results".to_owned());
    }
    if exploration.thinned > 0 {
        words.push(format!(
            "orders of independent steps in {}",
            counted(exploration.thinned, "state")
        ));
    }
    words
}

/// A count with blanks between the thousands.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            grouped.push(' ');
        }
        grouped.push(digit);
    }
    grouped
}

/// A count with its noun.
pub fn counted(number: u64, noun: &str) -> String {
    format!(
        "{} {noun}{}",
        count(number),
        if number == 1 { "" } else { "s" }
    )
}

/// Bytes in people's units.
pub fn bytes(number: u64) -> String {
    match number {
        0..1_000 => format!("{number} B"),
        1_000..1_000_000 => format!("{:.1} kB", number as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", number as f64 / 1e6),
        _ => format!("{:.1} GB", number as f64 / 1e9),
    }
}

/// Seconds in people's units.
pub fn seconds(seconds: f64) -> String {
    match seconds {
        s if s < 1.0 => format!("{:.0} ms", s * 1e3),
        s if s < 100.0 => format!("{s:.1} s"),
        s => format!("{:.0} min", s / 60.0),
    }
}

/// Rows of a table, each column as wide as its widest cell; two blanks between columns, none at the end.
pub fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows
            .iter()
            .filter(|row| row.len() > column + 1)
            .map(|row| row[column].chars().count());
        cells.max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, wide) in row.iter().zip(&widths) {
            line.push_str(&format!("{cell:wide$}  "));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_in_peoples_units() {
        assert_eq!(count(0), "0");
        assert_eq!(count(1_234_567), "1 234 567");
        assert_eq!(counted(1, "state"), "1 state");
        assert_eq!(counted(2_000, "state"), "2 000 states");
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(1_500_000), "1.5 MB");
        assert_eq!(seconds(0.0123), "12 ms");
        assert_eq!(seconds(12.34), "12.3 s");
        assert_eq!(seconds(600.0), "10 min");
    }

    #[test]
    fn columns_line_up() {
        let rows = [
            vec!["a".to_owned(), "b".to_owned()],
            vec!["ccc".to_owned(), "d".to_owned()],
        ];
        assert_eq!(table(&rows), "a    b\nccc  d\n");
    }
}
