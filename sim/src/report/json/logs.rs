//! What `admit` and `import` say of logs.

use serde_json::{Value, json};

use super::{but_for, claims_of, covered, path, unless_complete};
use crate::log::Told;
use crate::report::import::{Import, Imports};
use crate::report::log::{Log, Logs, System};

pub(super) fn logs(logs: &Logs) -> Value {
    let object = json!({
        "traces": logs.logs.iter().map(log).collect::<Vec<_>>(),
        "coverage": logs.covered.as_ref().map(covered),
        "complete": unless_complete(logs.complete()),
    });
    but_for(object, &["coverage", "complete"])
}

pub(super) fn imports(imports: &Imports) -> Value {
    let import = |import: &Import| {
        let object = json!({
            "file": path(&import.log),
            "verdict": import.verdict().name(),
            "scenario": path(&import.scenario),
            "trace": path(&import.trace),
            "calls": import.calls,
            "why": import.lacks,
        });
        but_for(object, &["why"])
    };
    json!({ "imports": imports.imports.iter().map(import).collect::<Vec<_>>() })
}

fn log(log: &Log) -> Value {
    let first = log.systems.first().filter(|_| !log.asks_all);
    let mut object = json!({
        "file": path(&log.file),
        "from": log.format,
        "as": first.map_or("all", |system| system.personality),
        "verdict": log.verdict().name(),
        "calls": log.calls,
        "threads": log.threads,
        "ports": log.ports,
        "unknown": log.unknown.iter().map(|(name, count)| (name.clone(), json!(count))).collect::<serde_json::Map<_, _>>(),
    });
    match first {
        Some(system) => {
            if let (Value::Object(object), Value::Object(own)) = (&mut object, by_system(system)) {
                object.extend(
                    own.into_iter()
                        .filter(|(key, _)| key != "as" && key != "verdict"),
                );
            }
        }
        None => object["systems"] = log.systems.iter().map(by_system).collect(),
    }
    but_for(object, &["unknown"])
}

/// What one system says of a log.
fn by_system(system: &System) -> Value {
    let judged = system.judged.as_ref().ok();
    let refused = judged.and_then(|it| it.refused.as_ref());
    let calls = |calls: &[Told]| -> Vec<Value> {
        let call = |call: &Told| json!({ "line": call.line, "begin": call.t0, "end": call.t1, "call": call.words });
        calls.iter().map(call).collect()
    };
    let object = json!({
        "as": system.personality,
        "verdict": system.verdict().name(),
        "at": refused.map(|it| it.at),
        "saw": refused.map(|it| &it.saw),
        "allowed": refused.map_or(&[][..], |it| &it.allowed),
        "claims": refused.map(|it| claims_of(&it.by)),
        "window": refused.map_or(Vec::new(), |it| calls(&it.window)),
        "after": refused.map_or(Vec::new(), |it| calls(&it.after)),
        "states_max": judged.map_or(0, |it| it.states),
        "unobserved": judged.map_or(0, |it| it.unobserved),
        "stuck": judged.and_then(|it| it.stuck.as_ref()).map(|it| json!({ "at": it.at, "saw": it.saw, "window": calls(&it.window) })),
        "why": system.why(),
    });
    but_for(object, &["claims", "window", "after", "stuck", "why"])
}
