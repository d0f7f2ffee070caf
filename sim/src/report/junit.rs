//! Reports as test results in the XML of JUnit, which collectors of test results read: a suite for each system, a case for
//! each verdict.

use std::fmt::Write as _;

use super::finding::{Finding, Outcome};
use crate::bad_input::BadInput;
use crate::plain::shown;

/// What a case is written as.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Result {
    Passed,
    Failure,
    Skipped,
    Error,
}

impl Outcome {
    fn result(self) -> Result {
        match self {
            Outcome::AsExpected => Result::Passed,
            Outcome::Unexpected => Result::Failure,
            Outcome::Open => Result::Skipped,
            Outcome::Failed => Result::Error,
        }
    }
}

/// The whole file.
pub fn report(findings: &[Finding], bad: &[BadInput]) -> String {
    let mut suites: Vec<(&str, Vec<&Finding>)> = Vec::new();
    for finding in findings {
        match suites.iter_mut().find(|(by, _)| *by == finding.by) {
            Some((_, of)) => of.push(finding),
            None => suites.push((&finding.by, vec![finding])),
        }
    }
    let bad: Vec<_> = bad.iter().flat_map(BadInput::each).collect();
    let all: Vec<_> = findings.iter().map(|it| it.outcome.result()).collect();
    let seconds = findings.iter().map(|it| it.seconds).sum();
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"portsim\"{}>\n",
        counts(&all, bad.len(), seconds)
    );
    for (by, of) in suites {
        let all: Vec<_> = of.iter().map(|it| it.outcome.result()).collect();
        let seconds = of.iter().map(|it| it.seconds).sum();
        let _ = writeln!(
            text,
            "  <testsuite name=\"{}\"{}>",
            escaped(by),
            counts(&all, 0, seconds)
        );
        for finding in of {
            case(finding, &mut text);
        }
        text += "  </testsuite>\n";
    }
    if !bad.is_empty() {
        let counts = counts(&[], bad.len(), 0.0);
        let _ = writeln!(text, "  <testsuite name=\"files\"{counts}>");
        for bad in bad {
            let line = bad
                .spot
                .as_ref()
                .map(|spot| format!(" line=\"{}\"", spot.line));
            let _ = writeln!(
                text,
                "    <testcase classname=\"files\" name=\"{0}\" file=\"{0}\"{1}><error message=\"{2}\" type=\"bad input\"/></testcase>",
                escaped(&bad.file),
                line.unwrap_or_default(),
                escaped(&bad.message())
            );
        }
        text += "  </testsuite>\n";
    }
    text + "</testsuites>\n"
}

fn counts(all: &[Result], bad: usize, seconds: f64) -> String {
    let of = |wanted| all.iter().filter(|it| **it == wanted).count();
    // The sum of no seconds is -0.0, which is no time to a reader.
    let seconds = seconds + 0.0;
    format!(
        " tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{seconds:.3}\"",
        all.len() + bad,
        of(Result::Failure),
        of(Result::Error) + bad,
        of(Result::Skipped)
    )
}

fn case(finding: &Finding, text: &mut String) {
    let file = finding.file.as_ref();
    let file = file.map(|file| format!(" file=\"{}\"", escaped(&file.display().to_string())));
    let line = finding.line.map(|line| format!(" line=\"{line}\""));
    let _ = write!(
        text,
        "    <testcase classname=\"{}\" name=\"{}\"{}{} time=\"{:.3}\"",
        escaped(&finding.by),
        escaped(&finding.name),
        file.unwrap_or_default(),
        line.unwrap_or_default(),
        finding.seconds
    );
    let message = escaped(&finding.message);
    let _ = match finding.outcome.result() {
        Result::Passed => writeln!(text, "/>"),
        Result::Skipped => writeln!(text, "><skipped message=\"{message}\"/></testcase>"),
        Result::Error => writeln!(
            text,
            "><error message=\"{message}\" type=\"unavailable\"/></testcase>"
        ),
        Result::Failure => {
            let repeat = finding.repeat.as_ref();
            let repeat = repeat.map_or(String::new(), |it| format!("\nrepeat: {it}\n"));
            writeln!(
                text,
                "><failure message=\"{message}\" type=\"{}\">{}{}</failure></testcase>",
                escaped(&finding.rule),
                escaped(&finding.details),
                escaped(&repeat)
            )
        }
    };
}

/// Text as XML has it: what cannot stand in it at all is spelled out.
fn escaped(text: &str) -> String {
    let mut all = String::new();
    for c in shown(text).chars() {
        match c {
            '&' => all += "&amp;",
            '<' => all += "&lt;",
            '>' => all += "&gt;",
            '"' => all += "&quot;",
            // In an attribute it would become a blank.
            '\n' => all += "&#10;",
            '\u{fffe}' | '\u{ffff}' => all.push('?'),
            _ => all.push(c),
        }
    }
    all
}
