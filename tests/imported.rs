//! Logs of programs that know nothing of this one, as they are kept in `traces/imported/`.

use std::path::Path;

use portsim::admit::free::Limits;
use portsim::log::{Format, Log, judge, read_from};

use crate::root;

/// What a log shows, where it is refused.
fn verdict(log: &Log, system: &str) -> Option<String> {
    let judged = judge(log, system, 2, Limits::default(), false).expect("the system plays it");
    assert!(!judged.gave_up, "it gave up");
    judged.refused.map(|refused| format!("{refused:?}"))
}

/// What unmodified programs did under Wine is what the rules of that Wine allow, and those of Windows; with one outcome
/// altered it is refused at that call.
#[test]
fn programs_under_wine_do_what_wine_does() {
    let read = |text: &str| read_from(Path::new("log"), text.as_bytes(), Format::Wine, None);
    for (name, wine) in [
        ("esbuild-wine-8", "wine-8"),
        ("esbuild-wine-10", "wine-10"),
        ("node-wine-8", "wine-8"),
    ] {
        let file = root().join(format!("traces/imported/{name}.log"));
        let text = std::fs::read_to_string(file).expect("it is there");
        let log = read(&text).unwrap_or_else(|bad| panic!("{name}: {bad}"));
        assert!(log.calls() > 90, "{name}: {} calls", log.calls());
        for system in [wine, "windows"] {
            assert_eq!(verdict(&log, system), None, "{name} as {system}");
        }
        // A packet of a key that the port was never given, which nobody posted.
        let was = ") = 0 { ckey=00000000,";
        let (before, after) = text.split_once(was).expect("it takes one");
        let altered = format!("{before}) = 0 {{ ckey=00000abc,{after}");
        let line = before.lines().count();
        let log = read(&altered).unwrap_or_else(|bad| panic!("{name}: {bad}"));
        let judged = judge(&log, wine, 2, Limits::default(), false).expect("it is played");
        let refused = judged.refused.expect("nobody posted it");
        assert!(
            (line - 12..=line).contains(&(refused.at as usize)),
            "{name}: {refused:?}"
        );
        // What the program wrote itself stands in front of lines, and the end may be missing.
        let noisy = text.replacen("0024: remove", "200 OK0024: remove", 3);
        assert_eq!(
            verdict(&read(&noisy).expect("it is read"), wine),
            None,
            "{name}"
        );
        for cut in [text.len() / 3, text.len() / 2] {
            let cut = text
                .char_indices()
                .map(|(at, _)| at)
                .find(|&at| at >= cut)
                .unwrap_or(0);
            if let Ok(log) = read(&text[..cut]) {
                assert_eq!(verdict(&log, wine), None, "{name} up to {cut}");
            }
        }
    }
}
