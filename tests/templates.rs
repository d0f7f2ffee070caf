//! The templates of the manual of agents: what somebody puts a queue of his own in.

use std::fs;
use std::process::Command;

use crate::agent::{cells, stress, with};
use crate::root;

/// What a template needs to run, if that is here; else it says loudly that it was not run, and why.
fn has(template: &str, command: &str) -> bool {
    match Command::new(command).arg("--version").output() {
        Ok(output) if output.status.success() => true,
        Ok(output) => {
            println!("not run: {template}: `{command} --version` fails: {output:?}");
            false
        }
        Err(error) => {
            println!("not run: {template}: there is no `{command}` here: {error}");
            false
        }
    }
}

/// Compiles a template, and gives the command of what came of it.
fn compiled(compiler: &str, arguments: &[&str], template: &str) -> String {
    let folder = env!("CARGO_TARGET_TMPDIR");
    let file = format!("{folder}/{}-agent-{}", compiler, std::process::id());
    let output = Command::new(compiler)
        .args(arguments)
        .args(["-o", &file, template])
        .current_dir(root())
        .output()
        .expect("the compiler can be started");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    format!("'{file}'")
}

/// A template is short, its port keeps the rules, and both of its faults are found: the wrong order of waking by one
/// thread at a time, and the lost wakeup at full speed only.
fn is_a_template(template: &str, command: &str) {
    let text = fs::read_to_string(root().join(template)).expect("it is there");
    let length = text.lines().count();
    assert!(length < 150, "{template} has {length} lines");
    let few = [
        "scenarios/portable/newest-waiter-first.json",
        "scenarios/portable/newest-of-six-first.json",
        "scenarios/portable/waits-again-as-the-newest.json",
        "scenarios/portable/packet-after-the-timeout.json",
        "scenarios/portable/closed-with-packets-queued.json",
        "scenarios/portable/contents-arrive.json",
        "scenarios/portable/shorter-time-first.json",
        "--as",
        "windows",
    ];
    let judged = |fault: &str| cells(&format!("agent:{command}{fault}"), &few);
    for fault in ["", " lost"] {
        let cells = judged(fault);
        assert_eq!(with(&cells, "agree").len(), cells.len(), "{cells:?}");
    }
    let convicted = with(&judged(" oldest"), "differ").join("\n");
    for scenario in [
        "newest-waiter-first",
        "newest-of-six-first",
        "waits-again-as-the-newest",
    ] {
        assert!(convicted.contains(scenario), "{scenario}: {convicted}");
    }
    let right = stress(&format!("agent:{command}"));
    assert_eq!(right["verdict"], "admitted", "{right}");
    assert!(right["events"].as_u64() > Some(100), "{right}");
    let wrong = stress(&format!("agent:{command} lost"));
    assert_eq!(wrong["verdict"], "refused", "{wrong}");
}

#[cfg(unix)]
#[test]
fn the_template_in_c_is_a_port() {
    let template = "docs/agents/agent.c";
    if has(template, "cc") {
        let arguments = ["-O2", "-pthread"];
        is_a_template(template, &compiled("cc", &arguments, template));
    }
}

#[test]
fn the_template_in_rust_is_a_port() {
    let template = "docs/agents/agent.rs";
    if has(template, "rustc") {
        is_a_template(template, &compiled("rustc", &["-O"], template));
    }
}

#[test]
fn the_template_in_java_is_a_port() {
    let template = "docs/agents/Agent.java";
    if has(template, "java") && has(template, "javac") {
        is_a_template(template, &format!("java {template}"));
    }
}

#[test]
fn the_template_in_javascript_is_a_port() {
    let template = "docs/agents/agent.js";
    if has(template, "node") {
        is_a_template(template, &format!("node {template}"));
    }
}
