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
        // So may the beginning: nobody knows what was on the ports before.
        for cut in [100, 200, 300, 400] {
            let later: String = text.split_inclusive('\n').skip(cut).collect();
            let log = read(&later).unwrap_or_else(|bad| panic!("{name}: {bad}"));
            assert_eq!(verdict(&log, wine), None, "{name} from {cut} on");
        }
    }
}

/// Several threads wait at once, again and again, for packets that no call of the log posted: when each came, and who was
/// waiting by then, leaves more orders than anybody can try.
#[test]
fn packets_that_nobody_saw_come_when_somebody_takes_them() {
    let text = std::fs::read_to_string(root().join("traces/imported/esbuild-wine-10.log"));
    let text = text.expect("it is there");
    let mut log: String = text.split_inclusive('\n').take(9).collect();
    let call = |thread: &str, wait: u32| {
        let (call, remove) = (
            "Call KERNEL32.GetQueuedCompletionStatusEx(000000c0,7ff0,00000020,7fe0",
            "Call ntdll.NtRemoveIoCompletionEx(000000c0,7ff0,00000020,7fe0,7fd0,00000000)",
        );
        format!(
            "29473.337:0020:{thread}:{call},{wait:08x},00000000) ret=0046c4fe\n\
             29473.337:0020:{thread}:{remove} ret=6fffff41c436\n\
             {thread}: remove_completion( handle=00c0, alertable=0 )\n\
             {thread}: remove_completion() = PENDING {{ ckey=00000000, cvalue=00000000, \
             information=00000000, status=00000000, wait_handle=00c4 }}\n"
        )
    };
    let end = |thread: &str, got: Option<usize>| {
        let took = got.map_or(String::new(), |n| {
            format!(
                "{thread}: get_thread_completion( )\n{thread}: get_thread_completion() = 0 {{ \
                 ckey=00000000, cvalue={n:08x}, information=00000001, status=00000000 }}\n"
            )
        });
        let (nt, win32) = if got.is_some() { (0, 1) } else { (0x102, 0) };
        format!(
            "{took}29473.337:0020:{thread}:Ret  ntdll.NtRemoveIoCompletionEx() retval={nt:08x} \
             ret=6fffff41c436\n29473.337:0020:{thread}:Ret  \
             KERNEL32.GetQueuedCompletionStatusEx() retval={win32:08x} ret=0046c4fe\n"
        )
    };
    let mut threads = ["0120", "0124", "012c", "0130"];
    for round in 0..200 {
        threads.rotate_left(1 + round % 3);
        threads[round % 2..].reverse();
        let [a, b, c, d] = threads;
        log += &(call(a, 0xf9) + &call(b, 0xf9) + &call(c, 0) + &end(c, None));
        log += &(end(b, Some(0x1000 + round % 7)) + &call(d, 0) + &end(d, None));
        log += &end(a, Some(0x1000 + round % 5));
    }
    let log = read_from(Path::new("log"), log.as_bytes(), Format::Wine, None);
    let log = log.unwrap_or_else(|bad| panic!("{bad}"));
    assert!(log.calls() > 800, "{} calls", log.calls());
    for system in ["wine-8", "wine-10", "windows"] {
        let limits = Limits {
            looks_max: 200_000,
            ..Limits::default()
        };
        let judged = judge(&log, system, 2, limits, false).expect("it is played");
        assert!(!judged.gave_up && judged.refused.is_none(), "{system}");
    }
}

/// What unmodified programs did on Linux is what the rules of epoll allow, whatever they are written in. An event of data that
/// nobody watches with is refused at its call, and so is what a write led to that is left out.
#[test]
fn programs_on_linux_do_what_epoll_does() {
    let read = |text: &str| read_from(Path::new("log"), text.as_bytes(), Format::Strace, None);
    for (name, inside) in [
        ("go", 1),
        ("node", 100),
        ("jvm", 10),
        ("tokio", 20),
        ("asio", 5),
    ] {
        let file = root().join(format!("traces/imported/{name}-linux.log"));
        let text = std::fs::read_to_string(file).expect("it is there");
        let log = read(&text).unwrap_or_else(|bad| panic!("{name}: {bad}"));
        assert_eq!(verdict(&log, "epoll"), None, "{name}");
        let judged = judge(&log, "epoll", 2, Limits::default(), false).expect("it is played");
        // So many of so many came from elsewhere.
        let notes = judged.notes.concat();
        let numbers: Vec<usize> = notes.split(' ').filter_map(|it| it.parse().ok()).collect();
        assert_eq!(numbers[0], judged.unobserved as usize, "{name}: {notes}");
        assert!(numbers[1] - numbers[0] >= inside, "{name}: {notes}");
        let refused_at = |text: &str| {
            let log = read(text).unwrap_or_else(|bad| panic!("{name}: {bad}"));
            let judged = judge(&log, "epoll", 2, Limits::default(), false).expect("it is played");
            judged.refused.map(|refused| refused.at)
        };
        let lines: Vec<&str> = text.lines().collect();
        let with = |at: usize, line: &str| {
            let mut lines = lines.clone();
            lines[at] = line;
            lines.join("\n") + "\n"
        };
        let waits = |line: &&str| line.contains(" epoll_") && line.contains("[{events=EPOLLIN,");
        let at = lines.iter().position(waits).expect("one waits");
        let (before, after) = lines[at].split_once("u64=").expect("it has data");
        let after = after.trim_start_matches(|c: char| c.is_ascii_digit());
        let altered = with(at, &format!("{before}u64=987654321{after}"));
        // A call of two lines stands where it begins.
        let thread = lines[at].split(' ').next().unwrap_or_default();
        let own = |line: &&str| line.split(' ').next() == Some(thread);
        let begins = match lines[at].contains(" resumed>") {
            true => lines[..at].iter().rposition(own).expect("it began"),
            false => at,
        };
        assert_eq!(refused_at(&altered), Some(begins as u32 + 1), "{name}");
        // The write by which one thread wakes another.
        let eventfds: Vec<String> = lines
            .iter()
            .filter(|line| line.contains(" eventfd2("))
            .filter_map(|line| Some(line.split(" = ").nth(1)?.split(' ').next()?.to_owned()))
            .collect();
        let wakes = |line: &&str| {
            let mut all = eventfds.iter();
            all.any(|fd| line.contains(&format!(" write({fd}, ")))
        };
        let at = lines.iter().position(wakes).expect("one wakes");
        let altered = with(at, &lines[at].replacen(" write(", " getpid(", 1));
        assert!(refused_at(&altered).is_some(), "{name}: line {}", at + 1);
    }
}
