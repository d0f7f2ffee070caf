//! Nothing that a file can say makes the reader fall over, and the schema says what the reader says.

use std::path::{Path, PathBuf};

use jsonschema::Validator;
use portsim_model::program::{Instr, Pc, Program};
use proptest::prelude::*;
use serde_json::Value;

use super::super::{Scenario, files, find, schema};
use super::{outcome, with_fields, with_ops};

/// A scenario with every operation and every field.
fn rich() -> String {
    let ops = r#"
        { "loop": [
            { "get": "p", "into": "x", "timeout": 5, "max": 3 },
            { "if": "x.timeout || p.depth == 0", "then": ["break"], "else": ["stall", { "sleep": 1 }] },
            { "either": [["yield"], [{ "suspend": "b" }, { "resume": "b" }], ["exit"]] }
        ] },
        { "create": "q" }, { "close": "q" }, { "signal": "units" }, { "reset": "go" },
        { "post": "p", "key": 1, "bytes": 2, "overlapped": 3, "status": "STATUS_CANCELLED" },
        { "post": "p", "status": 0 }, { "spawn": "worker[0]" }, { "note": "here" },
        { "set": { "stop": "stop + 1", "alive[stop % 3]": 4 } }, { "assert": "x.count < 4" },
        { "epoll_ctl": "p", "change": "add", "source": "pipe", "trigger": "edge", "key": 7 },
        { "get": "p", "max": 3, "min": 2 }, { "port_send": "p", "key": 1, "bytes": 2 },
        { "port_sendn": ["p"], "key": 1 }, { "port_alert": "p", "mode": "update", "key": 1, "bytes": 2 },
        { "port_associate": "p", "source": "pipe", "key": 1 }, { "port_dissociate": "p", "source": "pipe" },
        { "epoll_ctl": "p", "change": "mod", "source": "pipe", "events": ["in", "out"], "key": 8 },
        { "epoll_ctl": "p", "change": "mod", "source": "pipe", "events": [] },
        { "fill": "pipe" }, { "make_room": "pipe" }, { "duplicate_source": "pipe" },
        { "close_source": "pipe" }, { "kevent": "p", "source": "pipe", "flags": ["add", "clear"], "key": 1 },
        { "write": "pipe" }, { "drain": "pipe" }, { "block": "lock", "into": "z", "timeout": 0 }"#;
    let fields = r#""as": ["windows"], "schedule": ["main", "@time"],
        "properties": { "always": { "a": "all(worker, w[1].key == 1 || parked)" },
                        "sometimes": { "s": "-stop * 2 % 3 != 0x10" },
                        "eventually": { "v": "stop == 1", "w": { "when": "stop == 1", "then": "main.done" } },
                        "at_end": { "e": "count(worker, !w.ok) >= 1" } },
        "expect": { "violation": "a" }, "bounds": { "depth": 9 }, "may_wait": ["worker"]"#;
    let mut whole: Value = serde_json::from_str(&with_fields(fields)).unwrap();
    whole["threads"]["main"] = serde_json::from_str(&format!("[{ops}]")).unwrap();
    whole.to_string()
}

#[test]
fn the_schema_takes_what_the_reader_takes_and_refuses_what_it_does_not_know() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let valid = |text: &str| validator.is_valid(&serde_json::from_str(text).unwrap());
    assert!(outcome(&rich()).is_ok(), "{:?}", outcome(&rich()));
    assert_valid(&validator, &rich());
    assert_valid(&validator, &with_ops(""));
    assert_valid(&validator, &with_fields(r#""expect": "pass""#));
    for bad in [
        with_fields(r#""reactors": {}"#),
        with_fields(r#""expect": "fail""#),
        with_fields(r#""expect": { "violation": "a", "why": "b" }"#),
        with_fields(r#""properties": { "eventually": { "e": { "when": "true" } } }"#),
        with_ops(r#""quit""#),
        with_ops(r#"{ "exit": true }"#),
        with_ops(r#"{ "associate": "p" }"#),
        with_ops(r#"{ "get": "p", "least": 1 }"#),
        with_ops(r#"{ "get": "p", "post": "p" }"#),
        with_ops(r#"{ "get": "p", "timeout": "5" }"#),
        with_ops(r#"{ "loop": [{ "if": "true", "then": [{ "either": [["quit"]] }] }] }"#),
        with_ops(r#"{ "if": "true" }"#),
    ] {
        assert!(!valid(&bad), "{bad}");
        assert!(outcome(&bad).is_err(), "{bad}");
    }
}

fn assert_valid(validator: &Validator, text: &str) {
    let value = serde_json::from_str(text).unwrap();
    let errors: Vec<_> = validator
        .iter_errors(&value)
        .map(|it| it.to_string())
        .collect();
    assert!(errors.is_empty(), "{errors:?} in {text}");
}

/// What a program promises about its control.
fn assert_promises(program: &Program) {
    for code in &program.codes {
        assert_eq!(code.instrs.last(), Some(&Instr::End));
        for (pc, instr) in code.instrs.iter().enumerate() {
            let targets = match *instr {
                Instr::Jump(to) | Instr::If { otherwise: to, .. } => vec![to],
                Instr::Op(mut op) => op.branch().map(|to| *to).into_iter().collect(),
                Instr::Either { branch, others } => vec![branch, others],
                Instr::End | Instr::Let { .. } => vec![],
            };
            let inside = |to: &Pc| usize::from(*to) < code.instrs.len();
            assert!(targets.iter().all(inside), "{pc} {instr:?}");
        }
    }
}

/// Every value inside a value, to be changed.
fn all_inside(value: &Value, path: &str, paths: &mut Vec<String>) {
    paths.push(path.to_owned());
    match value {
        Value::Array(list) => {
            for (n, inner) in list.iter().enumerate() {
                all_inside(inner, &format!("{path}/{n}"), paths);
            }
        }
        Value::Object(fields) => {
            for (name, inner) in fields {
                all_inside(inner, &format!("{path}/{name}"), paths);
            }
        }
        _ => {}
    }
}

/// Values that may stand where others are expected.
fn strangers() -> impl Strategy<Value = Value> {
    let texts = "[a-z.\\[\\]()!&|<=+*/% 0-9x-]{0,30}";
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        texts.prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        prop::sample::select(vec![
            "[]",
            "{}",
            "[[]]",
            r#"["break"]"#,
            r#"["exit"]"#,
            r#"{"get":"p"}"#
        ])
        .prop_map(|text| serde_json::from_str(text).unwrap()),
    ]
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Scenario::parse("x", Path::new("x.json"), &bytes);
    }

    #[test]
    fn no_change_of_bytes_makes_it_panic(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = rich().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = Scenario::parse("x", Path::new("x.json"), &bytes);
    }

    #[test]
    fn no_value_makes_it_panic_and_what_it_takes_the_schema_takes(
        places in prop::collection::vec(any::<prop::sample::Index>(), 1..4),
        values in prop::collection::vec(strangers(), 4),
    ) {
        let mut whole: Value = serde_json::from_str(&rich()).unwrap();
        for (place, value) in places.iter().zip(values) {
            let mut paths = Vec::new();
            all_inside(&whole, "", &mut paths);
            if let Some(inside) = whole.pointer_mut(place.get::<String>(&paths)) {
                *inside = value;
            }
        }
        if let Ok(scenario) = outcome(&whole.to_string()) {
            assert_promises(&scenario.program);
            let validator = jsonschema::validator_for(&schema()).unwrap();
            assert_valid(&validator, &whole.to_string());
        }
    }
}

#[test]
fn a_scenario_is_called_by_its_path_below_the_folder() {
    for (path, name) in [
        ("scenarios/wake/lifo.json", "wake/lifo"),
        ("/a/scenarios/b/scenarios/c.json", "c"),
        ("scenarios/lifo", "lifo"),
        ("other/lifo.json", "lifo"),
        ("scenarios", "scenarios"),
    ] {
        assert_eq!(files::name_of(Path::new(path)), name, "{path}");
    }
}

#[test]
fn files_are_found_sorted_once_and_by_near_names() {
    let root = std::env::temp_dir().join(format!("portsim-find-{}", std::process::id()));
    let make = |path: &str, bytes: usize| {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let file = std::fs::File::create(&path).unwrap();
        file.set_len(bytes as u64).unwrap();
        path
    };
    let paths = [
        make("a/one.json", 0),
        make("b.json", 0),
        make("plain", 0),
        make("big.json", 17 << 20),
    ];
    make("a/notes.txt", 0);
    let found = |paths: &[PathBuf]| find(paths).map_err(|bad| bad.to_string());
    let [one, b, plain, big] = paths.clone();
    assert_eq!(
        found(&[plain.clone(), root.clone(), one.clone()]),
        Ok(vec![one, b, big.clone(), plain])
    );
    let missing = root.join("bbb.json");
    let sentence = "there is no such file or folder; did you mean \"b.json\"?";
    let whole = format!("{}: {sentence}", missing.display());
    assert_eq!(found(std::slice::from_ref(&missing)), Err(whole.clone()));
    assert_eq!(Scenario::read(&missing).unwrap_err().to_string(), whole);
    assert_eq!(
        Scenario::read(&big).unwrap_err().problem,
        "the file has 17825792 bytes (17 MiB), more than the 16 MiB that a scenario may have"
    );
    std::fs::remove_dir_all(root).unwrap();
}
