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

/// A call that comes back otherwise than the server answered it is refused at that call, be it a wait or a post.
#[test]
fn a_call_that_contradicts_the_server_is_refused() {
    let read = |text: &str| read_from(Path::new("log"), text.as_bytes(), Format::Wine, None);
    let file = root().join("traces/imported/esbuild-wine-10.log");
    let text = std::fs::read_to_string(file).expect("it is there");
    let lines: Vec<&str> = text.lines().collect();
    let returned = "Ret  KERNEL32.GetQueuedCompletionStatusEx() retval=";
    for (was, is) in [("00000001", "00000000"), ("00000000", "00000001")] {
        let all = 0..lines.len();
        let those = all.filter(|&at| lines[at].contains(&format!("{returned}{was}")));
        let those: Vec<usize> = those.collect();
        assert!(those.len() > 10, "{} calls return {was}", those.len());
        for &at in those.iter().step_by(those.len() / 5) {
            let mut altered: Vec<String> = lines.iter().map(|&line| line.to_owned()).collect();
            altered[at] = altered[at].replacen(was, is, 1);
            let log = read(&altered.join("\n")).unwrap_or_else(|bad| panic!("{bad}"));
            let judged = judge(&log, "wine-10", 2, Limits::default(), false);
            let refused = judged.expect("it is played").refused;
            let refused = refused.unwrap_or_else(|| panic!("line {}: it was altered", at + 1));
            let thread = lines[at].split(':').nth(2).expect("it has a thread");
            let call = format!(":{thread}:Call KERNEL32.GetQueuedCompletionStatusEx");
            let begin = (0..at).rfind(|&line| lines[line].contains(&call));
            assert_eq!(Some(refused.at as usize), begin.map(|line| line + 1));
        }
    }
}

/// In a log of every request to the server, a packet of a file comes from an operation that was asked for, and an operation
/// brings one packet. In a log of some requests nobody knows.
#[test]
fn packets_of_files_come_from_operations() {
    let text = std::fs::read_to_string(root().join("traces/imported/esbuild-wine-10.log"));
    let text = text.expect("it is there");
    let head: String = text.split_inclusive('\n').take(9).collect();
    let select = "0024: select( flags=2, cookie=7ffffe0fe000, timeout=0 )\n";
    let asks = |value: u32| {
        format!(
            "0024: recv_socket( oob=0, async={{handle=00b8,event=0000,iosb={value:x},user=55,\
             apc=00000000,apc_context={value:08x}}}, force_async=1 )\n0024: recv_socket() = PENDING \
             {{ wait=0000, options=00000000, nonblocking=0 }}\n"
        )
    };
    let takes = |value: u32| {
        format!(
            "29473.337:0020:0120:Call KERNEL32.GetQueuedCompletionStatusEx(000000c0,7ff0,00000020,\
             7fe0,ffffffff,00000000) ret=0046c4fe\n0120: remove_completion( handle=00c0, \
             alertable=0 )\n0120: remove_completion() = 0 {{ ckey=00000000, cvalue={value:08x}, \
             information=00000001, status=00000000, wait_handle=0000 }}\n29473.337:0020:0120:Ret  \
             KERNEL32.GetQueuedCompletionStatusEx() retval=00000001 ret=0046c4fe\n"
        )
    };
    let wrote = "0024: add_fd_completion( handle=00b8, cvalue=00001000, status=00000000, \
                 information=00000001, async=0 )\n0024: add_fd_completion() = 0\n";
    let asked = asks(0x1000);
    let took = takes(0x1000);
    for (what, log, refused) in [
        ("asked for", format!("{select}{asked}{took}"), false),
        ("done at once", format!("{select}{wrote}{took}"), false),
        (
            "twice",
            format!("{select}{asked}{asked}{took}{took}"),
            false,
        ),
        ("some requests", format!("{asked}{took}{took}"), false),
        (
            "of another",
            format!("{select}{}{took}", asks(0x2000)),
            true,
        ),
        ("given twice", format!("{select}{asked}{took}{took}"), true),
        ("too soon", format!("{select}{took}{asked}"), true),
    ] {
        let log = read_from(
            Path::new("log"),
            format!("{head}{log}").as_bytes(),
            Format::Wine,
            None,
        );
        let log = log.unwrap_or_else(|bad| panic!("{what}: {bad}"));
        for system in ["wine-10", "windows"] {
            let judged = judge(&log, system, 2, Limits::default(), false).expect("it is played");
            assert_eq!(judged.refused.is_some(), refused, "{what}, {system}");
            let says = judged.notes.iter().any(|note| note.contains("operations"));
            assert!(says || refused || what == "some requests", "{what}");
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
