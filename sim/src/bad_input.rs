//! Bad input: what a file or an argument says that cannot be meant, where, and what was meant perhaps.
//!
//! It is neither a verdict nor a bug of ours: the author of the input can mend it, and needs to
//! know the file, the place in it, what was found, what was expected, and a near name if one is close.

use std::error::Error;
use std::fmt::{self, Display, Formatter};
use std::ops::Range;
use std::path::Path;

use crate::plain::is_plain;

/// Input that cannot be used, in the words of the person who wrote it: one mistake, and what else is wrong with the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadInput {
    /// The file, as it was named.
    pub file: String,
    /// Where in its text, if that is known.
    pub spot: Option<Spot>,
    /// What is meant, where the spot alone does not say it: a JSON path such as `threads.a[2].timeout`, an argument, an
    /// event; else empty.
    pub place: String,
    /// What was found and what was expected.
    pub problem: String,
    /// What was expected, alone, where that is known.
    pub expected: Option<String>,
    /// A known name close to the one found.
    pub near: Option<String>,
    /// Other mistakes in the same file, in its order.
    pub others: Vec<BadInput>,
    /// How many more there are, at least.
    pub left_out: usize,
    /// Whether it is no mistake in a file of the right kind, but a file of another kind.
    pub is_foreign: bool,
}

/// As many mistakes of one file are listed.
pub const LISTED_MAX: usize = 20;

impl BadInput {
    /// A problem with a file as a whole.
    pub fn new(file: &Path, problem: impl Into<String>) -> BadInput {
        BadInput {
            file: file.display().to_string(),
            spot: None,
            place: String::new(),
            problem: problem.into(),
            expected: None,
            near: None,
            others: Vec::new(),
            left_out: 0,
            is_foreign: false,
        }
    }

    /// All mistakes of one file, at least one, in its order.
    pub fn of_all(mut all: Vec<BadInput>) -> BadInput {
        let spot = |bad: &BadInput| bad.spot.as_ref().map(|spot| (spot.line, spot.column));
        all.sort_by_key(spot);
        all.dedup();
        let left_out = all.len().saturating_sub(LISTED_MAX);
        all.truncate(LISTED_MAX);
        let mut all = all.into_iter();
        let first = all.next().expect("there is one");
        BadInput {
            others: all.collect(),
            left_out,
            ..first
        }
    }

    /// The same problem, at a place in the file.
    pub fn at(mut self, place: impl Display) -> BadInput {
        self.place = place.to_string();
        self
    }

    /// The same problem, on a line of the file, counted from 1.
    pub fn on_line(mut self, line: usize) -> BadInput {
        self.spot = Some(Spot::line(line));
        self
    }

    /// The same problem, with the known name closest to `found` if one is close.
    pub fn near<'a>(mut self, found: &str, known: impl IntoIterator<Item = &'a str>) -> BadInput {
        self.near = nearest(found, known).map(str::to_owned);
        self
    }

    /// The same problem, with the name that was meant.
    pub fn instead(mut self, meant: String) -> BadInput {
        self.near = Some(meant);
        self
    }

    /// Each mistake, the first one too.
    pub fn each(&self) -> impl Iterator<Item = &BadInput> {
        std::iter::once(self).chain(&self.others)
    }

    /// Where it is: the file, and line and column as far as they are known.
    pub fn whereabouts(&self) -> String {
        match &self.spot {
            None => self.file.clone(),
            Some(Spot {
                line, column: None, ..
            }) => format!("{}:{line}", self.file),
            Some(Spot {
                line,
                column: Some(column),
                ..
            }) => format!("{}:{line}:{column}", self.file),
        }
    }

    /// What it is: the place, the problem, and the near name.
    pub fn message(&self) -> String {
        let mut words = String::new();
        if !self.place.is_empty() {
            words += &format!("at {}: ", self.place);
        }
        words += &self.problem;
        if let Some(near) = &self.near {
            words += &format!("; did you mean {near:?}?");
        }
        words
    }
}

/// A line for each mistake.
impl Display for BadInput {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (n, bad) in self.each().enumerate() {
            let end = if n == 0 { "" } else { "\n" };
            write!(f, "{end}{}: {}", bad.whereabouts(), bad.message())?;
        }
        match self.left_out {
            0 => Ok(()),
            more => write!(f, "\n{}: and {more} more", self.file),
        }
    }
}

impl Error for BadInput {}

/// Where in a text something is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot {
    /// The line, counted from 1.
    pub line: usize,
    /// The character of the line, counted from 1, if it is known.
    pub column: Option<usize>,
    /// The line itself, or what stands around the spot in a long one; empty if it is not known.
    pub text: String,
    /// The bytes of that which are meant.
    pub marked: Range<usize>,
}

impl Spot {
    /// A line of which nothing else is known.
    pub fn line(line: usize) -> Spot {
        Spot {
            line,
            column: None,
            text: String::new(),
            marked: 0..0,
        }
    }

    /// Where these bytes of a text are; of several lines, where they begin.
    pub fn of(text: &str, span: Range<usize>) -> Spot {
        /// More than a terminal shows of a line.
        const AROUND_MAX: usize = 400;
        let (before, behind) = text.split_at(span.start);
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        let before_it = &before[start..];
        let line_end = behind.find(['\n', '\r']).unwrap_or(behind.len());
        let (marked, behind) = behind[..line_end].split_at(span.len().min(line_end));
        let clean = |text: &str| -> String {
            let plain = |c: char| {
                if is_plain(c) || c == '\t' {
                    c
                } else {
                    '\u{fffd}'
                }
            };
            text.chars().map(plain).collect()
        };
        let skipped = before_it.chars().count().saturating_sub(AROUND_MAX);
        let shown: String = before_it.chars().skip(skipped).collect();
        let marked: String = marked.chars().take(AROUND_MAX).collect();
        let behind: String = behind.chars().take(AROUND_MAX).collect();
        let (mut shown, marked) = (clean(&shown), clean(&marked));
        let start = shown.len();
        shown += &marked;
        let end = shown.len();
        Spot {
            line: before.matches('\n').count() + 1,
            column: Some(before_it.chars().count() + 1),
            text: shown + &clean(&behind),
            marked: start..end,
        }
    }

    /// The same on another line.
    pub fn on_line(mut self, line: usize) -> Spot {
        self.line = line;
        self
    }
}

/// Names longer than this are nobody's slip of the hand, and comparing them would take long.
const COMPARED_MAX: usize = 100;

/// How alike two names must be to count as a slip of the hand: 1 is equal, 0 has nothing in common.
const ALIKE_MIN: f64 = 0.6;

/// How close a name is that begins with what was found.
const ALIKE_BEGUN: f64 = 0.9;

/// The known name closest to `found`, if one is close; the first of several equally close ones.
pub fn nearest<'a>(found: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if found.len() > COMPARED_MAX {
        return None;
    }
    let mut best = None;
    let mut best_alike = ALIKE_MIN;
    // A name that is known but cannot stand there is no hint.
    for name in known.into_iter().filter(|name| *name != found) {
        let alike = match found.len() >= 2 && name.starts_with(found) {
            true => ALIKE_BEGUN,
            false => strsim::normalized_damerau_levenshtein(found, name),
        };
        if alike > best_alike || (best.is_none() && alike >= best_alike) {
            (best, best_alike) = (Some(name), alike);
        }
    }
    best
}

/// Names for a sentence: `"a", "b" or "c"`.
pub fn one_of<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<_> = names.into_iter().map(|name| format!("{name:?}")).collect();
    match quoted.split_last() {
        None => String::from("nothing"),
        Some((only, [])) => only.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
    }
}

/// A text in quotation marks for a sentence, cut where it is too long for one.
pub fn quoted(text: &str) -> String {
    const SHOWN_MAX: usize = 60;
    if text.chars().count() <= SHOWN_MAX {
        return format!("{text:?}");
    }
    let start: String = text.chars().take(SHOWN_MAX).collect();
    format!("{start:?}...")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_hand_finds_its_name_and_anything_else_finds_none() {
        let known = ["get", "post", "signal"];
        for (found, near) in [
            ("gett", Some("get")),
            ("gte", Some("get")),
            ("singal", Some("signal")),
            ("associate", None),
            ("", None),
        ] {
            assert_eq!(nearest(found, known), near, "{found}");
        }
        assert_eq!(nearest(&"get".repeat(1000), known), None);
    }

    #[test]
    fn the_sentence_has_file_place_problem_and_near_name() {
        let mut bad = BadInput::new(Path::new("scenarios/x.json"), "unknown operation \"gett\"")
            .at("threads.a[2]")
            .near("gett", ["get"]);
        let words = "at threads.a[2]: unknown operation \"gett\"; did you mean \"get\"?";
        assert_eq!(bad.to_string(), format!("scenarios/x.json: {words}"));
        bad.spot = Some(Spot::of("{\n  \"gett\": 1 }\n", 4..10));
        assert_eq!(bad.to_string(), format!("scenarios/x.json:2:3: {words}"));
        let whole = BadInput::new(Path::new("x.json"), "it is empty");
        assert_eq!(whole.to_string(), "x.json: it is empty");
        assert_eq!(whole.on_line(7).to_string(), "x.json:7: it is empty");
    }

    #[test]
    fn mistakes_stand_in_the_order_of_the_file_and_have_an_end() {
        let bad = |line: usize| BadInput::new(Path::new("x"), format!("{line}")).on_line(line);
        let all = BadInput::of_all((1..=23).rev().chain([5]).map(bad).collect());
        let lines = all.to_string();
        let lines: Vec<_> = lines.lines().collect();
        assert_eq!(lines.len(), LISTED_MAX + 1);
        assert_eq!((lines[0], lines[4]), ("x:1: 1", "x:5: 5"));
        assert_eq!(lines[LISTED_MAX], "x: and 3 more");
    }

    #[test]
    fn a_spot_is_a_line_around_what_is_meant() {
        let spot = Spot::of("a\n\tö\u{1b}bc\r\nd", 6..8);
        assert_eq!((spot.line, spot.column), (2, Some(4)));
        assert_eq!(spot.text, "\tö\u{fffd}bc");
        assert_eq!(&spot.text[spot.marked], "bc");
        let long = "x".repeat(10_000);
        let spot = Spot::of(&long, 5_000..5_001);
        assert_eq!((spot.line, spot.column), (1, Some(5_001)));
        assert!(spot.text.len() < 1_000 && spot.marked == (400..401));
        for at in [0, 3] {
            let spot = Spot::of("abc", at..at);
            assert_eq!((spot.column, &*spot.text), (Some(at + 1), "abc"));
        }
    }

    #[test]
    fn lists_read_like_sentences() {
        assert_eq!(one_of([]), "nothing");
        assert_eq!(one_of(["a"]), "\"a\"");
        assert_eq!(one_of(["a", "b", "c"]), "\"a\", \"b\" or \"c\"");
        assert_eq!(
            quoted(&"a".repeat(61)),
            format!("\"{}\"...", "a".repeat(60))
        );
    }
}
