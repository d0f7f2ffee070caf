//! Reports for code scanning: SARIF 2.1.0, with what is not as expected, where it stands, and how to see it again.

use serde_json::{Value, json};

use super::written;
use crate::bad_input::BadInput;
use crate::report::finding::{Finding, Outcome};

/// The whole file.
pub fn report(findings: &[Finding], bad: &[BadInput]) -> String {
    let wrong: Vec<_> = findings
        .iter()
        .filter_map(|finding| Some((finding, level(finding)?)))
        .collect();
    let mut rules: Vec<&str> = wrong.iter().map(|(finding, _)| &*finding.rule).collect();
    let bad: Vec<_> = bad.iter().flat_map(BadInput::each).collect();
    if !bad.is_empty() {
        rules.push(BAD_INPUT);
    }
    rules.sort_unstable();
    rules.dedup();
    let place = |id: &str| rules.iter().position(|rule| *rule == id);
    let results = wrong.iter().map(|(finding, level)| {
        let repeat = finding.repeat.as_ref();
        let again = repeat.map_or(String::new(), |it| format!("\nRepeat: {it}"));
        json!({
            "ruleId": finding.rule,
            "ruleIndex": place(&finding.rule),
            "level": level,
            "message": { "text": format!("{} as {}: {}{again}", finding.name, finding.by, finding.message) },
            "locations": locations(finding.file.as_ref().map(|it| it.display().to_string()), finding.line),
            "partialFingerprints": { "verdict/v1": format!("{}|{}|{}", finding.rule, finding.name, finding.by) },
            "properties": { "repeat": repeat },
        })
    });
    let mistakes = bad.iter().map(|bad| {
        let line = bad.spot.as_ref().map(|spot| spot.line);
        json!({
            "ruleId": BAD_INPUT,
            "ruleIndex": place(BAD_INPUT),
            "level": "error",
            "message": { "text": bad.message() },
            "locations": locations(Some(bad.file.clone()), line),
        })
    });
    let results: Vec<Value> = results.chain(mistakes).collect();
    let rule = |id: &&str| json!({ "id": id, "shortDescription": { "text": describe(id) } });
    written(&json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {
                "driver": {
                    "name": "portsim",
                    "semanticVersion": env!("CARGO_PKG_VERSION"),
                    "rules": rules.iter().map(rule).collect::<Vec<_>>(),
                }
            },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    }))
}

const BAD_INPUT: &str = "bad-input";

fn describe(rule: &str) -> String {
    match rule {
        BAD_INPUT => "a file that cannot be used".to_owned(),
        _ => format!("{rule} does not hold"),
    }
}

fn level(finding: &Finding) -> Option<&'static str> {
    match finding.outcome {
        Outcome::Unexpected | Outcome::Failed => Some("error"),
        Outcome::Open => Some("note"),
        Outcome::AsExpected => None,
    }
}

fn locations(file: Option<String>, line: Option<usize>) -> Vec<Value> {
    let location = |file: String| {
        json!({
            "physicalLocation": {
                "artifactLocation": { "uri": uri(&file) },
                "region": { "startLine": line.unwrap_or(1) },
            }
        })
    };
    file.map(location).into_iter().collect()
}

/// A path as a reference: relative ones stay so, and what a reference cannot have is written by its bytes.
fn uri(file: &str) -> String {
    let mut text = String::new();
    if file.starts_with('/') {
        text += "file://";
    }
    for byte in file.replace('\\', "/").bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' | b'~' => {
                text.push(byte.into());
            }
            _ => text += &format!("%{byte:02X}"),
        }
    }
    text
}
