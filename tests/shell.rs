//! What the command says of its own arguments, to shells and to readers of manual pages.

use std::fs;
use std::process::Command;

use crate::command::{Scratch, code, portsim, words};

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
