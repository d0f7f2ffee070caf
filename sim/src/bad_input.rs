//! Bad input: what a file or an argument says that cannot be meant, where, and what was meant perhaps.
//!
//! It is neither a verdict nor a bug of ours: the author of the input can mend it, and needs to
//! know the file, the place in it, what was found, what was expected, and a near name if one is close.

use std::error::Error;
use std::fmt::{self, Display, Formatter};
use std::path::Path;

/// Input that cannot be used, in the words of the person who wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadInput {
    /// The file, as it was named.
    pub file: String,
    /// Where in the file: a JSON path such as `threads.a[2].timeout`, or `line 3 column 7`; empty
    /// where the file as a whole is meant.
    pub place: String,
    /// What was found and what was expected.
    pub problem: String,
    /// A known name close to the one found.
    pub near: Option<String>,
    /// The text around the place, with a caret under it: two lines.
    pub excerpt: Option<String>,
}

impl BadInput {
    /// A problem with a file as a whole.
    pub fn new(file: &Path, problem: impl Into<String>) -> BadInput {
        BadInput {
            file: file.display().to_string(),
            place: String::new(),
            problem: problem.into(),
            near: None,
            excerpt: None,
        }
    }

    /// The same problem, at a place in the file.
    pub fn at(mut self, place: impl Display) -> BadInput {
        self.place = place.to_string();
        self
    }

    /// The same problem, with the known name closest to `found` if one is close.
    pub fn near<'a>(mut self, found: &str, known: impl IntoIterator<Item = &'a str>) -> BadInput {
        self.near = nearest(found, known).map(str::to_owned);
        self
    }
}

impl Display for BadInput {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.file)?;
        if !self.place.is_empty() {
            write!(f, "at {}: ", self.place)?;
        }
        f.write_str(&self.problem)?;
        if let Some(near) = &self.near {
            write!(f, "; did you mean {near:?}?")?;
        }
        if let Some(excerpt) = &self.excerpt {
            write!(f, "\n{excerpt}")?;
        }
        Ok(())
    }
}

impl Error for BadInput {}

/// Names longer than this are nobody's slip of the hand, and comparing them would take long.
const COMPARED_MAX: usize = 100;

/// How alike two names must be to count as a slip of the hand: 1 is equal, 0 has nothing in common.
const ALIKE_MIN: f64 = 0.6;

/// The known name closest to `found`, if one is close; the first of several equally close ones.
pub fn nearest<'a>(found: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if found.len() > COMPARED_MAX {
        return None;
    }
    let mut best = None;
    let mut best_alike = ALIKE_MIN;
    // A name that is known but cannot stand there is no hint.
    for name in known.into_iter().filter(|name| *name != found) {
        let alike = strsim::normalized_damerau_levenshtein(found, name);
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
    fn the_sentence_has_file_place_problem_near_name_and_excerpt() {
        let mut bad = BadInput::new(Path::new("scenarios/x.json"), "unknown operation \"gett\"")
            .at("threads.a[2]")
            .near("gett", ["get"]);
        assert_eq!(
            bad.to_string(),
            "scenarios/x.json: at threads.a[2]: unknown operation \"gett\"; did you mean \"get\"?"
        );
        bad.excerpt = Some(String::from("    x\n    ^"));
        assert!(bad.to_string().ends_with("?\n    x\n    ^"));
        let whole = BadInput::new(Path::new("x.json"), "it is empty");
        assert_eq!(whole.to_string(), "x.json: it is empty");
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
