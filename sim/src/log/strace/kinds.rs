//! What a call that strace shows does with descriptors.

use super::names::{is_zeros, named, writes_to_eventfds};
use super::text::{Call, Ended, closing, field, integer, list, parts};

/// What EPOLLERR and the like are called, and their bits.
const FLAGS: [(&str, u32); 15] = [
    ("EPOLLIN", IN),
    ("EPOLLPRI", 2),
    ("EPOLLOUT", 4),
    ("EPOLLERR", ERR),
    ("EPOLLHUP", HUP),
    ("EPOLLRDNORM", RDNORM),
    ("EPOLLRDBAND", 0x80),
    ("EPOLLWRNORM", 0x100),
    ("EPOLLWRBAND", 0x200),
    ("EPOLLMSG", 0x400),
    ("EPOLLRDHUP", RDHUP),
    ("EPOLLEXCLUSIVE", EXCLUSIVE),
    ("EPOLLWAKEUP", 1 << 29),
    ("EPOLLONESHOT", ONESHOT),
    ("EPOLLET", EDGE),
];

pub(super) const IN: u32 = 1;
pub(super) const ERR: u32 = 8;
pub(super) const HUP: u32 = 0x10;
pub(super) const RDNORM: u32 = 0x40;
pub(super) const RDHUP: u32 = 0x2000;
pub(super) const EXCLUSIVE: u32 = 1 << 28;
pub(super) const ONESHOT: u32 = 1 << 30;
pub(super) const EDGE: u32 = 1 << 31;
/// What says how a source is watched, and not for what.
pub(super) const HOW: u32 = EXCLUSIVE | 1 << 29 | ONESHOT | EDGE;

/// What an epoll_ctl does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Add,
    Mod,
    Del,
}

/// What came of a wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Came {
    /// These events, each with what it carries; `cut` says that there were more, which are not shown.
    Events { events: Vec<(u32, u64)>, cut: bool },
    /// A signal.
    Interrupted,
    /// Nobody saw it.
    Untold,
}

/// What a call does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    /// Makes an epoll descriptor.
    NewPort,
    /// Makes an eventfd; a semaphore can be read as often as it was written.
    NewEventfd {
        readable: bool,
        semaphore: bool,
    },
    /// Makes a pipe.
    NewPipe {
        read: i32,
        write: i32,
    },
    /// Makes other descriptors.
    New(Vec<i32>),
    /// epoll_ctl.
    Ctl {
        port: i32,
        change: Change,
        fd: i32,
        events: u32,
        data: u64,
        error: Option<String>,
    },
    /// epoll_wait and its like; the time is in nanoseconds, and none without an end.
    Wait {
        port: i32,
        max: Option<i64>,
        timeout: Option<u64>,
        came: Came,
    },
    /// A wait of another kind whose time was over.
    Sleeps(u64),
    /// Whether less was there than was asked for, where that is known.
    Read {
        fd: i32,
        empties: Option<bool>,
    },
    /// Whether all that is written is zeros, of which an eventfd gets no event of its own.
    Write {
        fd: i32,
        zeros: bool,
    },
    /// Opens a file by a descriptor of its own, or else by one of somebody.
    Reopens(Option<i32>),
    /// Somebody may have to do with these whom the log does not show.
    Spoils(Vec<i32>),
    /// The same of all descriptors of a process.
    SpoilsAll,
    /// Makes a ring, which may read and write whatever there is.
    NewRing,
    Close(i32),
    CloseRange {
        first: i32,
        last: i32,
        /// Whether its own table of descriptors is copied first.
        unshares: bool,
        /// Whether they go with the program, and not now.
        on_exec: bool,
    },
    Dup(i32),
    DupTo {
        from: i32,
        to: i32,
    },
    /// Whether it goes with the program.
    OnExec {
        fd: i32,
        closes: bool,
    },
    Clone {
        shares: bool,
    },
    Exec,
    Unshares,
    /// The end of a thread.
    Exits,
}

/// What a call does, as far as it matters here; an `Err` says what is wrong with it.
pub(super) fn what(call: &Call<'_>) -> Result<Option<What>, String> {
    let Call { name, args, ended } = call;
    let all = parts(args);
    let at = |n: usize| named(all.get(n).copied().unwrap_or_default());
    let fd = |n: usize| descriptor(at(n));
    let failed = ended.error.is_some() || ended.value.is_none();
    Ok(match *name {
        "epoll_ctl" => ctl(&all, ended)?,
        "epoll_wait" | "epoll_pwait" | "epoll_pwait2" => {
            let timeout = match *name {
                "epoll_pwait2" => timespec(at(3), "tv_nsec", 1),
                _ => milliseconds(at(3))?,
            };
            Some(wait(&all, timeout, ended)?)
        }
        "read" => {
            let asked = integer(at(2));
            let empties = match (ended.error, ended.value) {
                (Some("EAGAIN"), _) => Some(true),
                (None, Some(read)) if read > 0 => Some(asked.is_some_and(|asked| read < asked)),
                _ => return Ok(None),
            };
            fd(0).map(|fd| What::Read { fd, empties })
        }
        "readv" if ended.error == Some("EAGAIN") || !failed => {
            fd(0).map(|fd| What::Read { fd, empties: None })
        }
        "poll" if ended.value == Some(0) => milliseconds(at(2))?.map(What::Sleeps),
        "ppoll" if ended.value == Some(0) => timespec(at(2), "tv_nsec", 1).map(What::Sleeps),
        "select" if ended.value == Some(0) => timespec(at(4), "tv_usec", 1_000).map(What::Sleeps),
        "pselect6" if ended.value == Some(0) => timespec(at(4), "tv_nsec", 1).map(What::Sleeps),
        "futex" if ended.error == Some("ETIMEDOUT") && is_relative(at(1)) => {
            timespec(at(3), "tv_nsec", 1).map(What::Sleeps)
        }
        // Whatever else went wrong, the descriptor is gone.
        "close" if ended.error != Some("EBADF") && ended.value.is_some() => fd(0).map(What::Close),
        _ if failed => None,
        "epoll_create" | "epoll_create1" => Some(What::NewPort),
        "eventfd" | "eventfd2" => Some(What::NewEventfd {
            readable: integer(at(0)).is_some_and(|count| count != 0),
            semaphore: args.contains("EFD_SEMAPHORE"),
        }),
        // Of a pipe of packets, what is read in one go says nothing of what is left.
        "pipe2" if at(1).contains("O_DIRECT") => {
            pair(at(0))?.map(|(read, write)| What::New(vec![read, write]))
        }
        "pipe" | "pipe2" => pair(at(0))?.map(|(read, write)| What::NewPipe { read, write }),
        "socketpair" => pair(at(3))?.map(|(one, other)| What::New(vec![one, other])),
        "recvmsg" | "recvmmsg" if args.contains("SCM_RIGHTS") => Some(What::New(passed(args).0)),
        "sendmsg" | "sendmmsg" if args.contains("SCM_RIGHTS") => Some(match passed(args) {
            (fds, false) => What::Spoils(fds),
            (_, true) => What::SpoilsAll,
        }),
        "io_uring_setup" => Some(What::NewRing),
        "io_setup" => Some(What::SpoilsAll),
        "ioctl" if writes_to_eventfds(at(1)) => Some(What::SpoilsAll),
        // With a descriptor, what that one watches for changes.
        "signalfd" | "signalfd4" if fd(0).is_some() => None,
        "open" | "creat" => Some(opened(at(0))),
        "openat" | "openat2" => Some(opened(at(1))),
        "socket" | "accept" | "accept4" | "timerfd_create" | "signalfd" | "signalfd4"
        | "inotify_init" | "inotify_init1" | "memfd_create" | "pidfd_open" | "pidfd_getfd"
        | "userfaultfd" | "fanotify_init" | "perf_event_open" => Some(What::New(Vec::new())),
        "write" | "writev" if ended.value == Some(0) => None,
        "write" | "writev" => {
            let zeros = is_zeros(at(1));
            fd(0).map(|fd| What::Write { fd, zeros })
        }
        "splice" | "tee" | "sendfile" | "copy_file_range" => {
            let all = [fd(0), fd(1), fd(2)];
            Some(What::Spoils(all.into_iter().flatten().collect()))
        }
        "vmsplice" => fd(0).map(|fd| What::Spoils(vec![fd])),
        "close_range" => {
            let last = integer(at(1)).unwrap_or_default();
            let last = i32::try_from(last & 0xffff_ffff).unwrap_or(i32::MAX);
            fd(0).map(|first| What::CloseRange {
                first,
                last,
                unshares: args.contains("UNSHARE"),
                on_exec: args.contains("CLOEXEC"),
            })
        }
        "dup" => fd(0).map(What::Dup),
        "dup2" | "dup3" => fd(0).zip(fd(1)).map(|(from, to)| What::DupTo { from, to }),
        "fcntl" | "fcntl64" if at(1).starts_with("F_DUPFD") => fd(0).map(What::Dup),
        "fcntl" | "fcntl64" if at(1) == "F_SETFD" => {
            let closes = at(2).contains("CLOEXEC") || at(2) == "1";
            fd(0).map(|fd| What::OnExec { fd, closes })
        }
        "fcntl" | "fcntl64" if at(1) == "F_SETFL" && at(2).contains("O_DIRECT") => {
            fd(0).map(|fd| What::Spoils(vec![fd]))
        }
        "clone" | "clone3" | "fork" | "vfork" => Some(What::Clone {
            shares: args.contains("CLONE_FILES"),
        }),
        "execve" | "execveat" => Some(What::Exec),
        "unshare" if args.contains("CLONE_FILES") => Some(What::Unshares),
        _ => None,
    })
}

fn descriptor(text: &str) -> Option<i32> {
    integer(text)
        .and_then(|it| i32::try_from(it).ok())
        .filter(|&it| it >= 0)
}

fn pair(text: &str) -> Result<Option<(i32, i32)>, String> {
    let all = list(text).ok_or_else(|| format!("{text:?} is no pair of descriptors"))?;
    let one = |n: usize| all.get(n).copied().and_then(descriptor);
    Ok(one(0).zip(one(1)))
}

/// The descriptors that a message passes on, and whether there are more, which are not shown.
fn passed(text: &str) -> (Vec<i32>, bool) {
    let (mut fds, mut cut) = (Vec::new(), false);
    for part in text.split("cmsg_data=").skip(1) {
        let Some((inside, end)) = part
            .strip_prefix('[')
            .and_then(|it| Some((it, closing(it)?)))
        else {
            continue;
        };
        for one in parts(&inside[..end]) {
            match descriptor(one) {
                Some(fd) => fds.push(fd),
                None => cut |= one.starts_with("..."),
            }
        }
    }
    (fds, cut)
}

/// What the opening of a file does: some names stand for descriptors, and so for what is behind these.
fn opened(path: &str) -> What {
    let path = path.trim_matches('"');
    let own = ["/dev/fd/", "/proc/self/fd/", "/proc/thread-self/fd/"];
    let number = own.iter().find_map(|folder| path.strip_prefix(folder));
    match path {
        "/dev/stdin" => What::Reopens(Some(0)),
        "/dev/stdout" => What::Reopens(Some(1)),
        "/dev/stderr" => What::Reopens(Some(2)),
        _ if number.is_some() => What::Reopens(number.and_then(descriptor)),
        _ if path.starts_with("/proc/") && path.contains("/fd/") => What::Reopens(None),
        _ => What::New(Vec::new()),
    }
}

/// A time of milliseconds, in nanoseconds; none if it is without an end.
fn milliseconds(text: &str) -> Result<Option<u64>, String> {
    match integer(text) {
        // What is no number of 31 bits is below zero.
        Some(time) if (0..=i64::from(i32::MAX)).contains(&time) => {
            Ok(Some(time.cast_unsigned() * 1_000_000))
        }
        Some(_) => Ok(None),
        None if text.is_empty() => Ok(None),
        None => Err(format!("{text:?} is no time")),
    }
}

/// A time of two fields, in nanoseconds; none where there is none.
fn timespec(text: &str, part: &str, unit: u64) -> Option<u64> {
    let number = |name| {
        field(text, name)
            .and_then(integer)
            .and_then(|it| u64::try_from(it).ok())
    };
    let seconds = number("tv_sec")?.checked_mul(1_000_000_000)?;
    seconds.checked_add(number(part)?.checked_mul(unit)?)
}

/// Whether the time of a futex is how long it waits.
fn is_relative(operation: &str) -> bool {
    operation.starts_with("FUTEX_WAIT") && !operation.contains("BITSET")
}

/// The bits of the names of events.
pub(super) fn bits(text: &str) -> Option<u32> {
    let mut all = 0;
    // A number says more than the names behind it.
    let text = text.split(" /*").next().unwrap_or_default();
    for name in text.split('|') {
        let known = FLAGS.iter().find(|(known, _)| *known == name);
        all |= match known {
            Some((_, bit)) => *bit,
            None => u32::try_from(integer(name)? & 0xffff_ffff).ok()?,
        };
    }
    Some(all)
}

/// The names of bits.
pub(super) fn names(bits: u32) -> String {
    let own = FLAGS.iter().filter(|(_, bit)| bits & bit != 0);
    let all: Vec<&str> = own.map(|(name, _)| *name).collect();
    match all.is_empty() {
        true => format!("{bits:#x}"),
        false => all.join("|"),
    }
}

/// The events and the data of a structure.
fn event(text: &str) -> Option<(u32, u64)> {
    let inside = text.trim().strip_prefix('{')?.strip_suffix('}')?;
    let first = parts(inside).first().copied()?;
    let events = bits(first.strip_prefix("events=").unwrap_or(first))?;
    let data = field(text, "u64").or_else(|| field(text, "data"))?;
    Some((events, integer(data)?.cast_unsigned()))
}

fn ctl(all: &[&str], ended: &Ended<'_>) -> Result<Option<What>, String> {
    let &[port, change, fd, ref rest @ ..] = all else {
        return Err("an epoll_ctl has four arguments".to_owned());
    };
    let change = match named(change) {
        "EPOLL_CTL_ADD" => Change::Add,
        "EPOLL_CTL_MOD" => Change::Mod,
        "EPOLL_CTL_DEL" => Change::Del,
        "0x1" | "0x2" | "0x3" => {
            return Err(
                "it has numbers where names are needed: strace must not have -X raw".to_owned(),
            );
        }
        _ => return Ok(None),
    };
    let Some((port, fd)) = descriptor(port).zip(descriptor(fd)) else {
        return Ok(None);
    };
    let told = rest.first().and_then(|it| event(it));
    let (events, data) = match (change, told) {
        (Change::Del, told) => told.unwrap_or_default(),
        (_, Some(told)) => told,
        (..) if ended.error.is_some() => (0, 0),
        (..) => return Err(format!("{:?} is no event", rest.first().unwrap_or(&""))),
    };
    if ended.value.is_none() {
        return Ok(None);
    }
    Ok(Some(What::Ctl {
        port,
        change,
        fd,
        events,
        data,
        error: ended.error.map(str::to_owned),
    }))
}

fn wait(all: &[&str], timeout: Option<u64>, ended: &Ended<'_>) -> Result<What, String> {
    let at = |n: usize| all.get(n).copied().unwrap_or_default();
    let port = descriptor(at(0)).ok_or_else(|| format!("{:?} is no descriptor", at(0)))?;
    let came = match (ended.value, ended.error) {
        (_, Some("EINTR")) => Came::Interrupted,
        (None, _) | (_, Some(_)) => Came::Untold,
        (Some(0), None) => Came::Events {
            events: Vec::new(),
            cut: false,
        },
        (Some(count), None) => {
            let told = list(at(1)).ok_or_else(|| format!("{:?} is no list of events", at(1)))?;
            let is_more = |it: &&str| it.starts_with("...");
            let cut = told.iter().any(is_more);
            let own = told.iter().filter(|it| !is_more(it));
            let events: Option<Vec<_>> = own.map(|it| event(it)).collect();
            let events = events.ok_or_else(|| format!("{:?} has what is no event", at(1)))?;
            if !cut && events.len() as i64 != count {
                let shown = events.len();
                return Err(format!("it returned {count} events, and shows {shown}"));
            }
            Came::Events { events, cut }
        }
    };
    Ok(What::Wait {
        port,
        max: integer(at(2)),
        timeout,
        came,
    })
}

#[cfg(test)]
mod tests {
    use super::super::text::call;
    use super::*;

    fn read(text: &str) -> Option<What> {
        what(&call(text).expect("it is a call")).expect("it is right")
    }

    #[test]
    fn waits_are_read_as_each_version_writes_them() {
        let wanted = |timeout| {
            Some(What::Wait {
                port: 4,
                max: Some(128),
                timeout,
                came: Came::Events {
                    events: vec![(IN | HUP, 5)],
                    cut: false,
                },
            })
        };
        for (text, timeout) in [
            (
                "epoll_wait(4, [{EPOLLIN|EPOLLHUP, {u32=5, u64=5}}], 128, -1) = 1",
                None,
            ),
            (
                "epoll_wait(4<anon_inode:[eventpoll]>, [{events=EPOLLIN|EPOLLHUP, data={u32=5, u64=5}}], 128, 20) = 1 <0.1>",
                Some(20_000_000),
            ),
            (
                "epoll_pwait(4, [{events=EPOLLIN|EPOLLHUP, data=0x5}], 128, 0, NULL, 8) = 1",
                Some(0),
            ),
            (
                "epoll_pwait2(4, [{events=EPOLLIN|EPOLLHUP, data={u32=5, u64=0x5}}], 128, {tv_sec=1, tv_nsec=5}, NULL, 8) = 1",
                Some(1_000_000_005),
            ),
            (
                "epoll_pwait2(4, [{events=0x11, data={u32=5, u64=0x5}}], 128, NULL, NULL, 8) = 1",
                None,
            ),
        ] {
            assert_eq!(read(text), wanted(timeout), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for text in [
            "epoll_wait(4, 0x7ffe, 128, -1) = 1",
            "epoll_wait(4, [{events=EPOLLIN, data={u32=5, u64=5}}], 128, -1) = 2",
            "epoll_wait(4, [{events=EPOLLNEW, data={u32=5, u64=5}}], 128, -1) = 1",
            "epoll_ctl(4, EPOLL_CTL_ADD, 5, 0x7ffe) = 0",
            "pipe(0x7ffe) = 0",
        ] {
            assert!(what(&call(text).expect("it is a call")).is_err(), "{text}");
        }
    }

    #[test]
    fn descriptors_come_from_many_calls() {
        assert_eq!(
            read("pipe2([3, 4], O_CLOEXEC) = 0"),
            Some(What::NewPipe { read: 3, write: 4 })
        );
        assert_eq!(
            read("eventfd2(0, EFD_CLOEXEC|EFD_NONBLOCK) = 7"),
            Some(What::NewEventfd {
                readable: false,
                semaphore: false
            })
        );
        assert_eq!(
            read("read(7, \"\\1\\0\", 8) = -1 EAGAIN (Again)"),
            Some(What::Read {
                fd: 7,
                empties: Some(true)
            })
        );
        assert_eq!(
            read("poll([{fd=3, events=POLLIN}], 1, 100) = 0 (Timeout)"),
            Some(What::Sleeps(100_000_000))
        );
        assert_eq!(
            read(
                "recvmsg(3, {msg_control=[{cmsg_len=20, cmsg_type=SCM_RIGHTS, cmsg_data=[7, 8]}]}, 0) = 1"
            ),
            Some(What::New(vec![7, 8]))
        );
    }
}
