//! Logs as other programs and other ways to call strace leave them: nothing in them is a reason to refuse, but what was
//! altered is.

use std::path::Path;

use portsim::log::{Format, read_from};

use super::{judged, read};

/// A watched descriptor, on an epoll descriptor of number 3.
fn add(fd: i32, events: &str) -> String {
    format!(
        "epoll_ctl(3, EPOLL_CTL_ADD, {fd}, {{events={events}, data={{u32={fd}, u64={fd}}}}}) = 0"
    )
}

/// A wait that brought one event.
fn came(fd: i32, events: &str) -> String {
    format!("epoll_wait(3, [{{events={events}, data={{u32={fd}, u64={fd}}}}}], 16, -1) = 1")
}

const THREAD: &str = "clone3({flags=CLONE_VM|CLONE_FILES}, 88) = 101";
const FORK: &str = "clone(child_stack=NULL, flags=SIGCHLD) = 101";
const NOTHING: &str = "epoll_wait(3, [], 16, 0) = 0";

/// Lines of thread 100, but for those that begin with another number, behind an epoll descriptor, a socket and a pipe.
fn log(lines: &[&str]) -> String {
    let head = [
        "epoll_create1(EPOLL_CLOEXEC) = 3",
        "pipe2([4, 5], 0) = 0",
        "socket(AF_INET, SOCK_STREAM, 0) = 6",
        &add(4, "EPOLLIN"),
        &add(6, "EPOLLIN"),
    ]
    .map(str::to_owned);
    let own = head.iter().map(String::as_str).chain(lines.iter().copied());
    own.map(|line| match line.starts_with("10") {
        true => format!("{line}\n"),
        false => format!("100 {line}\n"),
    })
    .collect()
}

fn refused(text: &str) -> Option<u32> {
    judged(&read(text)).refused.map(|it| it.at)
}

#[test]
fn honest_programs_are_not_refused() {
    let (four, six) = (&*came(4, "EPOLLIN"), &*came(6, "EPOLLIN"));
    let hang_up = &*came(4, "EPOLLHUP");
    let pid = "101 +++ superseded by execve in pid 102 +++";
    for (what, lines) in [
        (
            "a number that somebody gets before the call that frees it is over",
            &[
                THREAD,
                "101 close(6 <unfinished ...>",
                "accept4(7, NULL, NULL, SOCK_CLOEXEC) = 6",
                &add(6, "EPOLLIN"),
                "101 <... close resumed>) = 0",
                six,
            ][..],
        ),
        (
            "a number that stands for another eventfd before a call on it is over",
            &[
                THREAD,
                "eventfd2(0, 0) = 7",
                "eventfd2(1, 0) = 8",
                "dup2(8, 7 <unfinished ...>",
                &format!(
                    "101 {} <unfinished ...>",
                    add(7, "EPOLLIN").replace(") = 0", "")
                ),
                "<... dup2 resumed>) = 7",
                "101 <... epoll_ctl resumed>) = 0",
                NOTHING,
            ],
        ),
        (
            "data of two descriptors, of which one comes from elsewhere",
            &[
                "epoll_ctl(3, EPOLL_CTL_MOD, 6, {events=EPOLLIN, data={u32=4, u64=4}}) = 0",
                "write(5, \"x\", 1) = 1",
                four,
                "epoll_wait(3, [{events=EPOLLIN, data={u32=4, u64=4}}, {events=EPOLLIN, data={u32=4, u64=4}}], 16, 0) = 2",
            ],
        ),
        (
            "two changes at a time",
            &[
                THREAD,
                "epoll_ctl(3, EPOLL_CTL_MOD, 6, {events=EPOLLIN, data={u32=1, u64=1}} <unfinished ...>",
                "101 epoll_ctl(3, EPOLL_CTL_MOD, 6, {events=EPOLLIN, data={u32=2, u64=2}}) = 0",
                "<... epoll_ctl resumed>) = 0",
                "epoll_wait(3, [{events=EPOLLIN, data={u32=2, u64=2}}], 16, -1) = 1",
            ],
        ),
        (
            "strace left its threads",
            &[
                THREAD,
                "101 epoll_wait(3,  <unfinished ...>",
                six,
                "101 <... epoll_wait resumed> <detached ...>",
                "epoll_wait(3,  <detached ...>",
            ],
        ),
        (
            "strace left a child, which writes",
            &[
                FORK,
                "101 execve(\"/bin/b\", [\"b\"], 0x7 <detached ...>",
                four,
            ],
        ),
        (
            "descriptors that are passed on, with their names",
            &[
                "sendmsg(8, {msg_control=[{cmsg_type=SCM_RIGHTS, cmsg_data=[9<pipe:[1]>, 5<pipe:[2]>]}]}, 0) = 1",
                four,
            ],
        ),
        (
            "more of them than are shown",
            &[
                "sendmsg(8, {msg_control=[{cmsg_type=SCM_RIGHTS, cmsg_data=[9, ...]}]}, 0) = 1",
                four,
            ],
        ),
        (
            "a signalfd that is changed",
            &[
                "signalfd4(-1, [INT], 8, 0) = 7",
                &add(7, "EPOLLIN"),
                "signalfd4(7, [INT TERM], 8, 0) = 7",
                &came(7, "EPOLLIN"),
            ],
        ),
        (
            "nothing that is written",
            &["write(5, \"\", 0) = 0", NOTHING],
        ),
        (
            "a zero for an eventfd",
            &[
                "eventfd2(0, 0) = 7",
                &add(7, "EPOLLIN"),
                r#"write(7, "\0\0\0\0\0\0\0\0", 8) = 8"#,
                NOTHING,
            ],
        ),
        (
            "a pipe that is opened by its descriptor",
            &[
                "openat(AT_FDCWD, \"/dev/fd/5\", O_WRONLY) = 7",
                "write(7, \"x\", 1) = 1",
                four,
            ],
        ),
        (
            "by the name of an output",
            &[
                "dup2(5, 2) = 2",
                "open(\"/dev/stderr\", O_WRONLY) = 7",
                "write(7, \"x\", 1) = 1",
                four,
            ],
        ),
        (
            "by a child of that of its parent",
            &[
                FORK,
                "101 openat(AT_FDCWD, \"/proc/100/fd/5\", O_WRONLY) = 7",
                "101 write(7, \"x\", 1) = 1",
                four,
            ],
        ),
        (
            "a pipe of packets",
            &[
                "pipe2([7, 8], O_DIRECT) = 0",
                &add(7, "EPOLLIN"),
                "write(8, \"x\", 1) = 1",
                "write(8, \"x\", 1) = 1",
                "read(7, \"x\", 10) = 1",
                &came(7, "EPOLLIN"),
            ],
        ),
        (
            "descriptors that go with the program",
            &[
                FORK,
                "101 close_range(4, 5, CLOSE_RANGE_CLOEXEC) = 0",
                "101 execve(\"/bin/b\", [\"b\"], 0x7) = 0",
                "close(5) = 0",
                hang_up,
            ],
        ),
        (
            "descriptors that are closed for one thread only",
            &[
                THREAD,
                "101 close_range(4, 5, CLOSE_RANGE_UNSHARE) = 0",
                "write(5, \"x\", 1) = 1",
                four,
            ],
        ),
        (
            "two processes that strace found",
            &["101 close(6) = 0", six],
        ),
        (
            "a thread that begins another program",
            &[
                FORK,
                "101 clone(flags=CLONE_VM|CLONE_FILES|CLONE_THREAD) = 102",
                "close(5) = 0",
                "101 pause( <unfinished ...>",
                "102 execve(\"/bin/b\", [\"b\"], 0x7 <unfinished ...>",
                "101 <... pause resumed>) = ?",
                pid,
                "101 <... execve resumed>) = 0",
                "101 exit_group(0) = ?",
                "101 +++ exited with 0 +++",
                hang_up,
            ],
        ),
        (
            "a child with another number in a namespace of its own",
            &[
                "clone(child_stack=NULL, flags=SIGCHLD) = 2 /* 101 in strace's PID NS */",
                "101 close(5) = 0",
                "close(5) = 0",
                hang_up,
            ],
        ),
        (
            "such a child of a child, whose other number strace does not say",
            &[
                FORK,
                "101 pipe2([7, 8], 0) = 0",
                "101 epoll_create1(0) = 9",
                "101 epoll_ctl(9, EPOLL_CTL_ADD, 7, {events=EPOLLIN, data={u32=7, u64=7}}) = 0",
                "101 clone(child_stack=NULL, flags=SIGCHLD) = 2",
                "102 write(8, \"x\", 1) = 1",
                "101 epoll_wait(9, [{events=EPOLLIN, data={u32=7, u64=7}}], 16, -1) = 1",
            ],
        ),
        (
            "paths with brackets",
            &[
                "openat(AT_FDCWD</tmp/a(b>, \"c(\\\"d\", O_RDONLY) = 7</tmp/a(b/c(\"d>",
                "read(0</dev/pts/0<char 136:0>>, \"x\", 10) = 1",
                "read(6<TCP:[127.0.0.1:1->127.0.0.1:2]>, \"x\", 10) = 1",
                "epoll_ctl(3</tmp/a{b>, EPOLL_CTL_DEL, 6<TCPv6:[[::1]:1->[::1]:2]>, NULL) = 0",
                NOTHING,
            ],
        ),
        (
            "a name that few use",
            &[
                "epoll_ctl(3, EPOLL_CTL_MOD, 6, {events=EPOLLIN|EPOLLMSG, data={u32=6, u64=6}}) = 0",
                six,
            ],
        ),
    ] {
        assert_eq!(refused(&log(lines)), None, "{what}");
    }
    // Each of them can be refused for what it does not explain.
    for (what, lines) in [
        ("nobody writes", &[four][..]),
        (
            "closed for all",
            &[
                "close_range(5, 5, 0) = 0",
                "write(5, \"x\", 1) = -1 EBADF (x)",
                NOTHING,
            ],
        ),
        ("the child still has it", &[FORK, "close(5) = 0", hang_up]),
        (
            "changed one after the other",
            &[
                "epoll_ctl(3, EPOLL_CTL_MOD, 6, {events=EPOLLIN, data={u32=1, u64=1}}) = 0",
                six,
            ],
        ),
    ] {
        let text = log(lines);
        assert_eq!(refused(&text), Some(text.lines().count() as u32), "{what}");
    }
}

/// The same calls, as each option of strace has them written.
#[test]
fn lines_of_every_option_are_read() {
    let six = &*came(6, "EPOLLIN");
    let plain = log(&[
        "epoll_ctl(3, EPOLL_CTL_MOD, 6, {events=EPOLLIN|EPOLLET, data={u32=6, u64=6}}) = 0",
        six,
    ]);
    let verbose = plain
        .replace("EPOLL_CTL_ADD", "0x1 /* EPOLL_CTL_ADD */")
        .replace("EPOLL_CTL_MOD", "0x3 /* EPOLL_CTL_MOD */")
        .replace("EPOLLIN|EPOLLET", "0x80000001 /* EPOLLIN|EPOLLET */");
    for (what, text) in [
        (
            "names of threads",
            plain.replace("100 ", "100<GC Thread#0> "),
        ),
        (
            "for a terminal",
            plain.replace("100 ", "[pid   100<a]b c>] "),
        ),
        ("numbers of calls", plain.replace("100 ", "100 [ 232] ")),
        (
            "addresses",
            plain.replace("100 ", "100 1700000000.000001 [00007f8a2d1c0a17] "),
        ),
        ("numbers and names", verbose),
        ("a mark in front", format!("\u{feff}{plain}")),
    ] {
        let log = read(&text);
        assert_eq!(log.calls(), read(&plain).calls(), "{what}");
        assert_eq!(judged(&log).refused.map(|it| it.at), None, "{what}");
        let other = text.replace("u64=6}}], 16", "u64=7}}], 16");
        let at = text.lines().count() as u32;
        assert_eq!(refused(&other), Some(at), "{what}");
    }
    let raw = plain
        .replace("EPOLL_CTL_ADD", "0x1")
        .replace("EPOLLIN", "0x1");
    let bad = read_from(Path::new("log"), raw.as_bytes(), Format::Strace, None);
    let bad = bad.expect_err("it has no names").to_string();
    assert!(bad.contains("-X raw") && bad.starts_with("log:4"), "{bad}");
}

/// A time that is over too early is known only if the clock of the log is fine enough.
#[test]
fn coarse_clocks_and_midnights_are_no_early_ends() {
    let text = |from: &str, to: &str| {
        format!(
            "100 {from} epoll_create1(0) = 3\n100 {from} {THREAD}\n101 {from} epoll_wait(3,  <unfinished ...>\n\
             100 {from} getpid() = 1\n101 {to} <... epoll_wait resumed>[], 16, 500) = 0\n"
        )
    };
    for (from, to, wanted) in [
        ("10:00:01", "10:00:01", None),
        ("1700000000", "1700000000", None),
        ("23:59:59.900000", "00:00:00.400100", None),
        ("10:00:01.000000", "10:00:01.500100", None),
        ("10:00:01.000000", "10:00:01.400100", Some(3)),
    ] {
        assert_eq!(refused(&text(from, to)), wanted, "{from} {to}");
    }
}

/// `strace-log-merge` sorts calls by their beginnings, `-z` by their ends: then the times say what came first.
#[test]
fn lines_in_another_order_are_read_by_their_times() {
    let four = came(4, "EPOLLIN");
    let head = log(&[THREAD]);
    let head: String = head
        .lines()
        .enumerate()
        .fold(String::new(), |all, (n, line)| {
            let line = line.replacen("100 ", &format!("100 1700000000.000{n}00 "), 1);
            format!("{all}{line} <0.000010>\n")
        });
    let wait = format!("101 1700000000.000700 {four} <0.002000>\n");
    let write = |at: &str| format!("100 1700000000.{at} write(5, \"x\", 1) = 1 <0.000010>\n");
    let by_begin = format!("{head}{wait}{}", write("001000"));
    let by_end = format!("{head}{}{wait}", write("001000"));
    assert_eq!(refused(&by_begin), None);
    assert_eq!(refused(&by_end), None);
    let late = format!("{head}{wait}{}", write("003000"));
    assert_eq!(refused(&late), Some(7));
    // Without times any order is possible that keeps that of each thread.
    let bare = log(&[THREAD, &format!("101 {four}"), "write(5, \"x\", 1) = 1"]);
    assert_eq!(refused(&bare), None);
}
