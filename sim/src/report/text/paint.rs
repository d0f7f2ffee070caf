//! Colours for terminals: of verdicts, of calls that fail, of what changes.

const RED: &str = "\x1b[31m";
const GREEN: &str = "\x1b[32m";
const YELLOW: &str = "\x1b[33m";
const FAINT: &str = "\x1b[2m";
const PLAIN: &str = "\x1b[0m";

/// A report in colours. It moves no terminal itself: what would is spelled out before.
pub fn painted(answer: &str) -> String {
    let mut painted = String::with_capacity(answer.len() + 256);
    for line in answer.split_inclusive('\n') {
        let (line, end) = match line.strip_suffix('\n') {
            Some(line) => (line, "\n"),
            None => (line, ""),
        };
        painted += &painted_line(line);
        painted += end;
    }
    painted
}

fn painted_line(line: &str) -> String {
    let word = line.split(' ').next().unwrap_or_default();
    if let Some(colour) = colour_of(word) {
        return format!("{colour}{word}{PLAIN}{}", &line[word.len()..]);
    }
    if line.trim_start().starts_with("-> ") {
        return format!("{FAINT}{line}{PLAIN}");
    }
    // A failure: `! ERROR_NOT_FOUND`.
    match line.split_once("! ") {
        Some((before, failed)) if failed.starts_with(|c: char| c.is_ascii_uppercase()) => {
            let end = failed.find(' ').unwrap_or(failed.len());
            let (error, rest) = failed.split_at(end);
            format!("{before}{RED}! {error}{PLAIN}{rest}")
        }
        _ => line.to_owned(),
    }
}

/// The colour of a verdict.
fn colour_of(word: &str) -> Option<&'static str> {
    match word {
        "pass" | "admitted" | "same" => Some(GREEN),
        "violation" | "refused" | "differ" => Some(RED),
        "partial" | "unsupported" => Some(YELLOW),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_and_failures_have_their_colours() {
        for (line, wanted) in [
            (
                "violation  a as windows",
                "\x1b[31mviolation\x1b[0m  a as windows",
            ),
            (
                "3  get p ! WAIT_TIMEOUT  by x",
                "3  get p \x1b[31m! WAIT_TIMEOUT\x1b[0m  by x",
            ),
            ("   -> v = 1\n", "\x1b[2m   -> v = 1\x1b[0m\n"),
            ("1  note \"ab! c\"\n", "1  note \"ab! c\"\n"),
            ("", ""),
        ] {
            assert_eq!(painted(line), wanted);
        }
    }
}
