//! Logs of strace: what the model shows is admitted, one altered outcome is refused at its call, and no log does harm.

mod generated;
mod honest;

use std::path::{Path, PathBuf};

use portsim::admit::free::Limits;
use portsim::log::{Format, Judged, Log, judge, logs, read_from, read_named};

use crate::command::{Scratch, json, portsim, words};
use crate::root;

/// Two threads, an eventfd that is watched for edges, a pipe that is watched as long as it can be read, and a connection
/// of which the log shows one end, which is disarmed by its first event.
const LOG: &str = r#"100 1700000000.000001 execve("/bin/a", ["a"], 0x7ffe /* 3 vars */) = 0 <0.000100>
100 1700000000.000200 epoll_create1(EPOLL_CLOEXEC) = 3 <0.000010>
100 1700000000.000300 eventfd2(0, EFD_CLOEXEC|EFD_NONBLOCK) = 4 <0.000010>
100 1700000000.000400 epoll_ctl(3, EPOLL_CTL_ADD, 4, {events=EPOLLIN|EPOLLET, data={u32=4, u64=4}}) = 0 <0.000010>
100 1700000000.000500 pipe2([5, 6], O_CLOEXEC) = 0 <0.000010>
100 1700000000.000600 epoll_ctl(3, EPOLL_CTL_ADD, 5, {events=EPOLLIN, data={u32=5, u64=5}}) = 0 <0.000010>
100 1700000000.000700 socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC, IPPROTO_TCP) = 7 <0.000010>
100 1700000000.000800 epoll_ctl(3, EPOLL_CTL_ADD, 7, {events=EPOLLIN|EPOLLONESHOT, data={u32=7, u64=7}}) = 0 <0.000010>
100 1700000000.000900 clone3({flags=CLONE_VM|CLONE_FS|CLONE_FILES|CLONE_SIGHAND|CLONE_THREAD, exit_signal=0} => {parent_tid=[101]}, 88) = 101 <0.000010>
101 1700000000.001000 epoll_wait(3,  <unfinished ...>
100 1700000000.001100 write(4, "\1\0\0\0\0\0\0\0", 8) = 8 <0.000010>
101 1700000000.001200 <... epoll_wait resumed>[{events=EPOLLIN, data={u32=4, u64=4}}], 16, -1) = 1 <0.000200>
101 1700000000.001300 read(4, "\1\0\0\0\0\0\0\0", 8) = 8 <0.000010>
101 1700000000.001400 epoll_wait(3, [], 16, 10) = 0 <0.010100>
100 1700000000.011600 --- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=99} ---
100 1700000000.011700 write(6, "x", 1) = 1 <0.000010>
101 1700000000.011800 epoll_wait(3, [{events=EPOLLIN, data={u32=5, u64=5}}], 16, -1) = 1 <0.000010>
101 1700000000.011900 epoll_wait(3, [{events=EPOLLIN, data={u32=5, u64=5}}, {events=EPOLLIN, data={u32=7, u64=7}}], 2, 0) = 2 <0.000010>
101 1700000000.012000 read(5, "x", 10) = 1 <0.000010>
101 1700000000.012100 epoll_wait(3, [], 16, 0) = 0 <0.000010>
101 1700000000.012200 epoll_ctl(3, EPOLL_CTL_MOD, 7, {events=EPOLLIN|EPOLLONESHOT, data={u32=7, u64=7}}) = 0 <0.000010>
101 1700000000.012300 epoll_pwait2(3, [{events=EPOLLIN, data={u32=7, u64=7}}], 16, NULL, NULL, 8) = 1 <0.000010>
101 1700000000.012400 epoll_wait(3, 0x7ffe, 16, -1) = -1 EINTR (Interrupted system call) <0.000010>
100 1700000000.012500 dup2(6, 8) = 8 <0.000010>
100 1700000000.012600 close(6) = 0 <0.000010>
101 1700000000.012700 epoll_wait(3, [], 16, 0) = 0 <0.000010>
100 1700000000.012800 close(8) = 0 <0.000010>
101 1700000000.012900 epoll_wait(3, [{events=EPOLLHUP, data={u32=5, u64=5}}], 16, -1) = 1 <0.000010>
101 1700000000.013000 epoll_wait(3,  <unfinished ...>
100 1700000000.013100 exit_group(0) = ?
101 1700000000.013200 <... epoll_wait resumed> <unfinished ...>) = ?
101 1700000000.013300 +++ exited with 0 +++
100 1700000000.013400 +++ exited with 0 +++
"#;

fn read(text: &str) -> Log {
    let read = read_from(Path::new("log"), text.as_bytes(), Format::Strace, None);
    read.unwrap_or_else(|bad| panic!("{bad}\n{text}"))
}

fn judged(log: &Log) -> Judged {
    let judged = judge(log, "epoll", 2, Limits::default(), true).expect("it is played");
    assert!(!judged.gave_up, "it gave up: {:?}", judged.stuck);
    judged
}

/// The line of a call of the log.
fn line_of(part: &str) -> u32 {
    let line = LOG.lines().position(|line| line.contains(part));
    line.expect("it is there") as u32 + 1
}

#[test]
fn a_log_that_fits_is_admitted_and_leans_on_what_nobody_saw() {
    let judged = judged(&read(LOG));
    assert_eq!(judged.refused.map(|it| format!("{it:?}")), None);
    assert_eq!(judged.unobserved, 2, "{:?}", judged.notes);
    let coverage = judged.coverage.expect("it was asked for");
    let used: Vec<_> = coverage.used().map(|(claim, _)| claim).collect();
    for claim in [
        "epoll/edge",
        "epoll/level",
        "epoll/timeout",
        "epoll/drained",
    ] {
        assert!(used.contains(&claim), "{claim}: {used:?}");
    }
    assert!(coverage.never("epoll").contains(&"epoll/exclusive"));
}

#[test]
fn an_altered_outcome_is_refused_at_its_call() {
    let four = "[{events=EPOLLIN, data={u32=4, u64=4}}]";
    let five = "[{events=EPOLLIN, data={u32=5, u64=5}}]";
    for (what, was, is, at) in [
        (
            "edge-triggered, and twice",
            "[], 16, 10) = 0",
            &*format!("{four}, 16, 10) = 1"),
            "16, 10)",
        ),
        (
            "never written",
            "100 1700000000.001100 write(4, \"\\1\\0\\0\\0\\0\\0\\0\\0\", 8) = 8",
            "100 1700000000.001100 getpid() = 100",
            "epoll_wait(3,  <unf",
        ),
        (
            "read empty",
            "[], 16, 0) = 0 <0.000010>\n101 1700000000.012200",
            &format!("{five}, 16, 0) = 1 <0.000010>\n101 1700000000.012200"),
            "[], 16, 0)",
        ),
        (
            "ready, and not reported",
            ".011900 epoll_wait(3, [{events=EPOLLIN, data={u32=5, u64=5}}, {events=EPOLLIN, data={u32=7, u64=7}}], 2, 0) = 2",
            ".011900 epoll_wait(3, [], 2, 0) = 0",
            ".011900",
        ),
        (
            "data of nobody",
            ".012300 epoll_pwait2(3, [{events=EPOLLIN, data={u32=7, u64=7}}]",
            ".012300 epoll_pwait2(3, [{events=EPOLLIN, data={u32=9, u64=9}}]",
            ".012300",
        ),
        (
            "more than were asked for",
            "], 2, 0) = 2",
            "], 1, 0) = 2",
            ".011900",
        ),
        (
            "too early",
            "[], 16, 10) = 0 <0.010100>",
            "[], 16, 10) = 0 <0.009900>",
            "16, 10)",
        ),
        (
            "disarmed",
            ".012200 epoll_ctl(3, EPOLL_CTL_MOD",
            ".012200 epoll_none(3, EPOLL_CTL_MOD",
            ".012300",
        ),
        (
            "not watched for",
            ".012300 epoll_pwait2(3, [{events=EPOLLIN",
            ".012300 epoll_pwait2(3, [{events=EPOLLOUT",
            ".012300",
        ),
        (
            "a writer is left",
            ".012700 epoll_wait(3, [], 16, 0) = 0",
            ".012700 epoll_wait(3, [{events=EPOLLHUP, data={u32=5, u64=5}}], 16, 0) = 1",
            ".012700",
        ),
        (
            "watched already",
            ".012200 epoll_ctl(3, EPOLL_CTL_MOD, 7, {events=EPOLLIN|EPOLLONESHOT, data={u32=7, u64=7}}) = 0",
            ".012200 epoll_ctl(3, EPOLL_CTL_MOD, 5, {events=EPOLLIN, data={u32=5, u64=5}}) = -1 ENOENT (No such file)",
            ".012200",
        ),
    ] {
        let altered = LOG.replacen(was, is, 1);
        assert_ne!(altered, LOG, "{what}");
        let refused = judged(&read(&altered))
            .refused
            .unwrap_or_else(|| panic!("{what}: admitted"));
        assert_eq!(refused.at, line_of(at), "{what}: {refused:?}");
        assert!(
            !refused.window.is_empty() && refused.window.len() <= 3,
            "{what}: {refused:?}"
        );
        assert!(
            refused.window.iter().any(|it| it.line == refused.at),
            "{what}: {refused:?}"
        );
    }
}

/// What somebody does whom the log does not show is no reason to refuse anything.
#[test]
fn what_a_log_does_not_show_may_have_been() {
    let twice = LOG.replacen(
        "[], 16, 10) = 0",
        "[{events=EPOLLIN, data={u32=4, u64=4}}], 16, 10) = 1",
        1,
    );
    let signal = LOG.lines().find(|line| line.contains("SIGCHLD"));
    let signal = signal.expect("it is there");
    for (what, was, is) in [
        (
            "a virtual machine",
            signal,
            "100 ioctl(9, KVM_IRQFD, 0x7ffe) = 0",
        ),
        (
            "a ring of requests",
            signal,
            "100 io_uring_setup(8, {flags=0}) = 9",
        ),
        (
            "a descriptor that is passed on",
            signal,
            "100 sendmsg(7, {msg_control=[{cmsg_type=SCM_RIGHTS, cmsg_data=[4]}]}, 0) = 1",
        ),
        (
            "what was there before",
            "eventfd2(0, EFD_CLOEXEC|EFD_NONBLOCK) = 4",
            "getppid() = 4",
        ),
    ] {
        let text = twice.replacen(was, is, 1);
        assert_ne!(text, twice, "{what}");
        let refused = judged(&read(&text)).refused;
        assert_eq!(refused.map(|it| format!("{it:?}")), None, "{what}");
    }
}

/// Without -f nobody knows what a child does; with it, one without a line does nothing.
#[test]
fn who_is_not_followed_may_do_anything() {
    let text = |child: &str| {
        format!(
            "epoll_create1(0) = 3\neventfd2(1, 0) = 4\n\
             epoll_ctl(3, EPOLL_CTL_ADD, 4, {{events=EPOLLIN|EPOLLET, data={{u32=4, u64=4}}}}) = 0\n{child}\
             epoll_wait(3, [{{events=EPOLLIN, data={{u32=4, u64=4}}}}], 16, -1) = 1\n\
             epoll_wait(3, [{{events=EPOLLIN, data={{u32=4, u64=4}}}}], 16, -1) = 1\n"
        )
    };
    let refused = |text: &str| judged(&read(text)).refused.map(|it| it.at);
    assert_eq!(refused(&text("")), Some(5));
    for child in [
        "fork() = 555\n",
        "clone(flags=CLONE_VM|CLONE_FILES) = 555\n",
    ] {
        assert_eq!(refused(&text(child)), None, "{child}");
        let followed = text(child);
        let followed: Vec<_> = followed.lines().map(|line| format!("7 {line}\n")).collect();
        assert_eq!(refused(&followed.concat()), Some(6), "{child}");
    }
}

/// What strace says to a terminal stands in the middle of lines, and who is first has no number until there is another.
#[test]
fn what_goes_to_a_terminal_is_read() {
    let event = "{events=EPOLLIN|EPOLLET, data={u32=4, u64=4}}";
    let came = "[{events=EPOLLIN, data={u32=4, u64=4}}]";
    let text = |write: &str| {
        format!(
            "epoll_create1(0) = 3\neventfd2(0, 0) = 4\nepoll_ctl(3, EPOLL_CTL_ADD, 4, {event}) = 0\n\
             clone3({{flags=CLONE_VM|CLONE_FILES}}strace: Process 22 attached\n => {{parent_tid=[22]}}, 88) = 22\n\
             [pid    21] clone3({{flags=CLONE_VM|CLONE_FILES}}strace: Process 23 attached\n <unfinished ...>\n\
             strace: Process 24 attached\n[pid    22] {write}(4, \"\", 8) = 8\n\
             [pid    21] <... clone3 resumed> => {{parent_tid=[23]}}, 88) = 23\n\
             [pid    23] epoll_wait(3, {came}, 8, -1) = 1\n"
        )
    };
    let log = read(&text("write"));
    assert_eq!(log.threads(), 3);
    let whole = judged(&log);
    assert!(whole.refused.is_none() && whole.unobserved == 0);
    let refused = judged(&read(&text("getpid"))).refused;
    assert_eq!(refused.map(|it| it.at), Some(11));
}

/// The same log as a file for each thread: named one by one, by their beginning, and by their folder.
#[test]
fn files_of_threads_are_one_log() {
    let scratch = Scratch::new("strace-parts");
    let folder = scratch.0.join("all");
    std::fs::create_dir(&folder).expect("it is made");
    let mut files = Vec::new();
    // A call that another line ends begins where it began.
    let whole = LOG
        .replace("epoll_wait(3,  <unfinished ...>\n100 1700000000.001100", "epoll_wait(3, [{events=EPOLLIN, data={u32=4, u64=4}}], 16, -1) = 1 <0.000200>\n100 1700000000.001100")
        .replace("101 1700000000.001200 <... epoll_wait resumed>[{events=EPOLLIN, data={u32=4, u64=4}}], 16, -1) = 1 <0.000200>\n", "")
        .replace("100 1700000000.011600", "100 1700000000.011650");
    for thread in ["100", "101"] {
        let own = whole.lines().filter_map(|line| line.strip_prefix(thread));
        let text: String = own.map(|line| format!("{}\n", line.trim_start())).collect();
        let file = folder.join(format!("trace.{thread}"));
        std::fs::write(&file, text).expect("it is written");
        files.push(file);
    }
    let ways: [&[PathBuf]; 3] = [
        &files,
        &[folder.join("trace")],
        std::slice::from_ref(&folder),
    ];
    for way in ways {
        let named = logs(way, Format::Strace);
        assert_eq!(named.len(), 1, "{named:?}");
        assert_eq!(named[0].files, files);
        let log = read_named(&named[0], Format::Strace, None).unwrap_or_else(|bad| panic!("{bad}"));
        assert_eq!(log.threads(), 2);
        let refused = judged(&log).refused;
        assert_eq!(refused.map(|it| format!("{it:?}")), None);
    }
    let prefix = folder.join("trace").display().to_string();
    let said = json(
        &[
            "admit",
            &prefix,
            "--from",
            "strace",
            "--as",
            "epoll",
            "--coverage",
        ],
        0,
    );
    assert_eq!(said["traces"][0]["unobserved"], 2);
    assert!(said["coverage"]["used"]["epoll/edge"].is_number(), "{said}");
    // Without times nobody knows what came first.
    std::fs::write(&files[0], "epoll_create1(0) = 3\n").expect("it is written");
    let output = portsim(&["admit", &prefix, "--from", "strace", "--as", "epoll"]);
    assert!(words(&output).contains("-ttt"), "{}", words(&output));
}

/// In words, and of every system that there is.
#[test]
fn a_log_is_judged_by_every_system() {
    let scratch = Scratch::new("strace-all");
    let log = scratch.file("server.log", LOG.as_bytes());
    let said = json(&["admit", &log, "--from", "strace", "--as", "all"], 0);
    let systems = said["traces"][0]["systems"].as_array().expect("systems");
    for system in systems {
        let wanted = if system["as"] == "epoll" {
            "admitted"
        } else {
            "unsupported"
        };
        assert_eq!(system["verdict"], wanted, "{system}");
    }
    let output = portsim(&[
        "admit",
        &log,
        "--from",
        "strace",
        "--as",
        "epoll",
        "--coverage",
    ]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    for part in [
        "relies on        epoll/edge",
        "never relies on  epoll/exclusive",
        "may have come at any time",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

/// Descriptors that share nothing are judged apart: there may be any number of them, and of threads.
#[test]
fn many_descriptors_and_threads_are_judged() {
    let text = |missing: usize| {
        // Somebody is interrupted: so lines stand in the order in which strace saw them.
        let mut text =
            "1000 getpid( <unfinished ...>\n1000 <... getpid resumed>) = 1000\n".to_owned();
        for n in 1..300 {
            text += &format!("1000 clone(flags=CLONE_VM|CLONE_FILES) = {}\n", 1_000 + n);
        }
        for n in 0..300 {
            let (thread, port, fd) = (1_000 + n, 3 + 2 * n, 4 + 2 * n);
            let event = format!("{{events=EPOLLIN|EPOLLET, data={{u32={fd}, u64={fd}}}}}");
            let came = format!("[{{events=EPOLLIN, data={{u32={fd}, u64={fd}}}}}]");
            let write = if n == missing { "getpid" } else { "write" };
            for call in [
                format!("epoll_create1(0) = {port}"),
                format!("eventfd2(0, 0) = {fd}"),
                format!("epoll_ctl({port}, EPOLL_CTL_ADD, {fd}, {event}) = 0"),
                format!("{write}({fd}, \"\", 8) = 8"),
                format!("epoll_wait({port}, {came}, 8, -1) = 1"),
            ] {
                text += &format!("{thread} {call}\n");
            }
        }
        text
    };
    let log = read(&text(usize::MAX));
    assert_eq!((log.threads(), log.ports()), (300, 300));
    let whole = judged(&log);
    assert!(whole.refused.is_none() && whole.unobserved == 0);
    for missing in [0, 150, 299] {
        let refused = judged(&read(&text(missing)))
            .refused
            .expect("nobody wrote it");
        assert_eq!(refused.at as usize, 301 + 5 * missing + 5, "{refused:?}");
    }
}

/// What the manual shows of a refusal is what is said.
#[test]
fn the_manual_shows_a_refusal_as_it_is() {
    let manual = std::fs::read_to_string(root().join("docs/LOGS.md")).expect("it is there");
    let scratch = Scratch::new("manual-of-strace");
    let log = LOG.replacen("], 2, 0) = 2", "], 1, 0) = 2", 1);
    scratch.file("server.log", log.as_bytes());
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_portsim"))
        .args(["admit", "server.log", "--from", "strace", "--as", "epoll"])
        .current_dir(&scratch.0)
        .output()
        .expect("it starts");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(manual.contains(&format!("```text\n{said}```")), "{said}");
}

/// Logs that are cut, that somebody else wrote into, or whose bytes changed: they are judged or refused with a line.
#[test]
fn hostile_logs_do_no_harm() {
    let limits = Limits {
        looks_max: 2_000,
        patience: 100,
        ..Limits::default()
    };
    let look = |bytes: &[u8]| {
        if let Ok(log) = read_from(Path::new("log"), bytes, Format::Strace, None) {
            let _ = judge(&log, "epoll", 2, limits, false);
        }
    };
    let bytes = LOG.as_bytes();
    for cut in (0..bytes.len()).step_by(7) {
        look(&bytes[..cut]);
        look(&[&bytes[..cut], b"output of the program\n", &bytes[cut..]].concat());
        look(&[&bytes[..cut], &bytes[(cut + 23).min(bytes.len())..]].concat());
        let mut other = bytes.to_vec();
        other[cut] = other[cut].wrapping_mul(31).wrapping_add(7);
        look(&other);
    }
    let torn = LOG.replacen(
        "[{events=EPOLLIN, data={u32=5, u64=5}}], 16, -1)",
        "[{events=EPO",
        1,
    );
    let bad = read_from(Path::new("log"), torn.as_bytes(), Format::Strace, None);
    let said = bad.expect_err("it is torn").to_string();
    assert!(
        said.contains(&format!("log:{}", line_of(".011800"))),
        "{said}"
    );
}
