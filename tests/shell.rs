//! What the command says of its own arguments and files: to shells, to readers of manual pages, to editors.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::command::{Scratch, code, json, portsim, words};

#[test]
fn shells_complete_arguments() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = portsim(&["completions", shell]);
        assert_eq!(code(&output), 0, "{shell}");
        let script = words(&output);
        assert!(
            script.contains("cross-check") && script.contains("html-states"),
            "{shell}"
        );
    }
    assert_eq!(code(&portsim(&["completions", "no-shell"])), 2);
    let scratch = Scratch::new("completions");
    let script = scratch.file("portsim.bash", &portsim(&["completions", "bash"]).stdout);
    let ask = format!(
        ". '{script}'; COMP_WORDS=(portsim check --ht); COMP_CWORD=2; \
         _portsim portsim --ht check; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    );
    // Where there is no bash, there is nothing to complete.
    if let Ok(output) = Command::new("bash").args(["-euc", &ask]).output() {
        assert_eq!(words(&output), "--html\n--html-states\n");
    }
}

#[test]
fn there_is_a_manual_page_for_each_command() {
    let scratch = Scratch::new("manual");
    let folder = scratch.path("man/man1");
    assert_eq!(code(&portsim(&["man", &folder])), 0);
    for name in [
        "portsim",
        "portsim-check",
        "portsim-explore",
        "portsim-export-dot",
    ] {
        let page = fs::read_to_string(format!("{folder}/{name}.1")).expect("there is a page");
        assert!(
            page.contains(".TH ") && page.contains(".SH SYNOPSIS"),
            "{page}"
        );
    }
    assert!(words(&portsim(&["man"])).contains(".TH portsim"));
    let file = scratch.file("in-the-way", b"");
    assert_eq!(code(&portsim(&["man", &file])), 2);
}

#[test]
fn editors_are_told_what_there_is() {
    let schema = json(&["schema", "scenario"], 0);
    let fields = &schema["properties"];
    let systems = fields["as"]["items"]["enum"].as_array().expect("a list");
    assert!(systems.iter().any(|it| it == "windows"));
    let claims = &fields["claims"]["items"]["anyOf"][0];
    let (ids, says) = (&claims["enum"], &claims["enumDescriptions"]);
    assert_eq!(ids.as_array().map(Vec::len), says.as_array().map(Vec::len));
    assert!(fields["threads"]["examples"][0].is_object());
    let settings = json(&["schema", "settings"], 0);
    assert!(settings["json.schemas"][0]["url"].is_string());
    let mut undescribed = Vec::new();
    describe(&schema, "", &mut undescribed);
    assert!(undescribed.is_empty(), "{undescribed:?}");
}

/// Adds the fields that say nothing of themselves, and point to nothing that does.
fn describe(schema: &Value, path: &str, undescribed: &mut Vec<String>) {
    let fields = schema["properties"].as_object().into_iter().flatten();
    for (name, field) in fields {
        let says = ["description", "const", "$ref"];
        if field.is_object() && says.iter().all(|it| field.get(it).is_none()) {
            undescribed.push(format!("{path}.{name}"));
        }
    }
    match schema {
        Value::Object(parts) => {
            for (name, part) in parts {
                describe(part, &format!("{path}/{name}"), undescribed);
            }
        }
        Value::Array(parts) => {
            for part in parts {
                describe(part, path, undescribed);
            }
        }
        _ => {}
    }
}

/// On a terminal of 80 columns no line of any help is longer, so that no word is broken.
#[test]
fn help_fits_a_terminal() {
    let commands = words(&portsim(&["--help"]));
    let named = commands.lines().filter_map(|line| line.strip_prefix("  "));
    let named = named.filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()));
    let named: Vec<_> = named
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(named.len() > 20, "{commands}");
    for command in named.iter().filter(|it| **it != "help").chain(&["--quiet"]) {
        let output = Command::new(env!("CARGO_BIN_EXE_portsim"))
            .args([*command, "--help"])
            .env("COLUMNS", "80")
            .output()
            .expect("the command can be started");
        let help = words(&output);
        let long = help.lines().find(|line| line.chars().count() > 80);
        assert!(
            help.contains("Usage:") && long.is_none(),
            "{command}: {long:?}"
        );
    }
}
