//! Verdicts as annotations of GitHub: lines that its runner makes marks of, at the line of the file that they are about.

use super::finding::{Finding, Outcome};
use crate::bad_input::BadInput;
use crate::plain::shown;

/// The line for a verdict; nothing for one that is as expected, or that nobody judged.
pub fn annotation(finding: &Finding) -> String {
    let kind = match finding.outcome {
        Outcome::AsExpected => return String::new(),
        Outcome::Unexpected | Outcome::Failed => "error",
        // What a system cannot do is no news.
        Outcome::Open if finding.rule == super::verdict::Verdict::Partial.name() => "warning",
        Outcome::Open => return String::new(),
    };
    let file = finding.file.as_ref().map(|it| it.display().to_string());
    let title = format!("{} as {}: {}", finding.name, finding.by, finding.rule);
    let repeat = finding.repeat.as_ref();
    let repeat = repeat.map_or(String::new(), |it| format!("\nrepeat: {it}"));
    let words = format!("{}{repeat}", finding.message);
    line(kind, file.as_deref(), finding.line, &title, &words)
}

/// The lines for files that cannot be used.
pub fn mistakes(bad: &[BadInput]) -> String {
    let bad = bad.iter().flat_map(BadInput::each);
    let line = |bad: &BadInput| {
        let number = bad.spot.as_ref().map(|spot| spot.line);
        line(
            "error",
            Some(&bad.file),
            number,
            "bad input",
            &bad.message(),
        )
    };
    bad.map(line).collect()
}

fn line(kind: &str, file: Option<&str>, line: Option<usize>, title: &str, words: &str) -> String {
    let file = file.map(|file| format!("file={},", property(file)));
    let line = line.map(|line| format!("line={line},"));
    format!(
        "::{kind} {}{}title={}::{}\n",
        file.unwrap_or_default(),
        line.unwrap_or_default(),
        property(title),
        message(words)
    )
}

/// Text that ends no line, so that it begins no command.
fn message(text: &str) -> String {
    let text = shown(text).replace('%', "%25");
    text.replace('\r', "%0D").replace('\n', "%0A")
}

/// The same in front of the message, where a comma or a colon would end it.
fn property(text: &str) -> String {
    message(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_begins_a_command_of_its_own() {
        let said = line(
            "error",
            Some("a,b:c%.json"),
            Some(3),
            "x\n::error::y",
            "one\n::set-output name=a::b",
        );
        assert_eq!(said.matches('\n').count(), 1);
        assert_eq!(
            said,
            "::error file=a%2Cb%3Ac%25.json,line=3,title=x%0A%3A%3Aerror%3A%3Ay::one%0A::set-output name=a::b\n"
        );
    }
}
