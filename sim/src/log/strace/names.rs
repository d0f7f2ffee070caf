//! What strace calls things: calls, files, and what it writes for numbers and strings.

/// Whether a name is of a call that is read.
pub(super) fn matters(name: &str) -> bool {
    const NAMES: &[&str] = &[
        "epoll_ctl",
        "epoll_wait",
        "epoll_pwait",
        "epoll_pwait2",
        "read",
        "readv",
        "poll",
        "ppoll",
        "select",
        "pselect6",
        "futex",
        "epoll_create",
        "epoll_create1",
        "eventfd",
        "eventfd2",
        "pipe",
        "pipe2",
        "socketpair",
        "recvmsg",
        "recvmmsg",
        "sendmsg",
        "sendmmsg",
        "io_uring_setup",
        "io_setup",
        "socket",
        "accept",
        "accept4",
        "open",
        "openat",
        "openat2",
        "creat",
        "timerfd_create",
        "signalfd",
        "signalfd4",
        "inotify_init",
        "inotify_init1",
        "memfd_create",
        "pidfd_open",
        "pidfd_getfd",
        "userfaultfd",
        "fanotify_init",
        "perf_event_open",
        "write",
        "writev",
        "splice",
        "tee",
        "sendfile",
        "copy_file_range",
        "vmsplice",
        "close",
        "close_range",
        "dup",
        "dup2",
        "dup3",
        "clone",
        "clone3",
        "fork",
    ];
    NAMES.contains(&name)
        || matches!(
            name,
            "vfork" | "ioctl" | "execve" | "execveat" | "unshare" | "fcntl" | "fcntl64"
        )
}

/// Whether a request hands eventfds to the kernel, which may write to them when it likes.
pub(super) fn writes_to_eventfds(request: &str) -> bool {
    let of_devices = ["KVM_", "VHOST_", "VFIO_"];
    of_devices.iter().any(|device| request.starts_with(device)) || request.contains("EVENTFD")
}

/// Whether a string has zeros only.
pub(super) fn is_zeros(text: &str) -> bool {
    let inside = text.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
    inside.is_some_and(|it| {
        it.contains('0') && it.bytes().all(|byte| matches!(byte, b'\\' | b'x' | b'0'))
    })
}

/// What strace writes by itself for a number: `-X verbose` has the number first, and that behind it.
pub(super) fn named(text: &str) -> &str {
    let behind = text
        .split_once("/* ")
        .and_then(|(_, it)| it.split_once(" */"));
    match behind {
        Some((name, _)) if text.starts_with(|it: char| it.is_ascii_digit()) => name,
        _ => text,
    }
}
