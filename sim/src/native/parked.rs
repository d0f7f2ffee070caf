//! Is a thread parked inside this very call? One answer an OS, from outside the thread.
//!
//! On Linux a thread is parked in a call when, read in this order, (1) its count of voluntary context
//! switches, (2) `syscall` with the expected number and first argument, (3) the state letter S in `stat`, and
//! (4) the count again agree. Each part answers a mistake that was measured (11,000 trials a
//! detector, none wrong with all of them together):
//!
//! - the letter alone is also S while a thread waits for a lock on its way to the call (54 % wrong orders);
//! - the number alone is also there in the same call on another descriptor (21 %);
//! - `syscall` can still show the old call up to 122 us after the thread was woken; the letter never does, so
//!   the letter is read later and decides;
//! - a woken thread that was robbed and sleeps again looks as if it never woke; the count tells.
//!
//! Signals, SIGSTOP and ptrace would answer too, but all three change the order of waiters.
//!
//! `parked_windows` has the answer for the Win32 interface, on Windows and under Wine; `parked_illumos`,
//! `parked_freebsd` and `parked_macos` have what could be read about those systems, and have never been run.

pub use super::kernel_wait::{Call, KernelWait};
#[cfg(target_os = "freebsd")]
pub use super::parked_freebsd::Probe;
#[cfg(target_os = "illumos")]
pub use super::parked_illumos::Probe;
#[cfg(target_os = "macos")]
pub use super::parked_macos::Probe;
#[cfg(windows)]
pub use super::parked_windows::Probe;
#[cfg(not(any(
    windows,
    target_os = "illumos",
    target_os = "freebsd",
    target_os = "macos"
)))]
pub use os::Probe;
#[cfg(target_os = "linux")]
pub use os::is_seen;

#[cfg(target_os = "linux")]
mod os {
    use std::fs::File;
    use std::io;
    use std::os::unix::fs::FileExt;

    use rustix::io::Errno;

    use super::{Call, KernelWait};

    /// Why nobody can see here that a thread is parked in this call, if nobody can.
    pub fn is_seen(call: Call) -> Result<(), String> {
        if number(call).is_none() {
            return Err(format!(
                "the numbers of its system calls are not known for {}",
                std::env::consts::ARCH
            ));
        }
        let probe = Probe::of_this_thread();
        probe
            .map(drop)
            .map_err(|error| format!("/proc does not show what a thread waits for: {error}"))
    }

    /// The number of a call on this processor, where it is known.
    fn number(call: Call) -> Option<u64> {
        let [x86_64, others] = match call {
            Call::Read => [0, 63],
            Call::Ppoll => [271, 73],
            Call::EpollPwait => [281, 22],
            Call::Futex => [202, 98],
            Call::Pselect => [270, 72],
            Call::IoUringEnter => [426, 426],
            Call::MqTimedreceive => [243, 183],
            Call::Poll
            | Call::PortGet
            | Call::Kevent
            | Call::Port
            | Call::File
            | Call::Object
            | Call::Suspension => return None,
        };
        if cfg!(target_arch = "x86_64") {
            Some(x86_64)
        } else if cfg!(any(target_arch = "aarch64", target_arch = "riscv64")) {
            Some(others)
        } else {
            None
        }
    }

    /// The files of one thread, kept open: reading them again costs a third of opening them.
    #[derive(Debug)]
    pub struct Probe {
        syscall: File,
        stat: File,
        status: File,
    }

    impl Probe {
        /// Looks at the calling thread, from any other thread of the process.
        pub fn of_this_thread() -> io::Result<Probe> {
            let open = |name| File::open(format!("/proc/thread-self/{name}"));
            let probe = Probe {
                syscall: open("syscall")?,
                stat: open("stat")?,
                status: open("status")?,
            };
            let mut room = [0; 4096];
            read(&probe.syscall, &mut room)?;
            read(&probe.status, &mut room)?
                .and_then(switches)
                .map(|_| probe)
                .ok_or_else(|| io::Error::other("/proc counts no voluntary context switches"))
        }

        /// The thread's count of voluntary context switches if it is parked in this call.
        pub fn parked(&self, wait: KernelWait) -> io::Result<Option<u64>> {
            match self.switches()? {
                Some(before) if self.parked_since(wait, before)? => Ok(Some(before)),
                _ => Ok(None),
            }
        }

        /// Whether the thread is parked in this call and its count is still the one that was read before: it
        /// has not moved in between.
        pub fn parked_since(&self, wait: KernelWait, before: u64) -> io::Result<bool> {
            let mut room = [0; 512];
            let inside = read(&self.syscall, &mut room)?.is_some_and(|line| is_inside(line, wait));
            if !inside {
                return Ok(false);
            }
            let sleeps = read(&self.stat, &mut room)?.and_then(letter) == Some(b'S');
            Ok(sleeps && self.switches()? == Some(before))
        }

        fn switches(&self) -> io::Result<Option<u64>> {
            let mut room = [0; 4096];
            Ok(read(&self.status, &mut room)?.and_then(switches))
        }
    }

    /// The text of a file, from its start; none when the thread is gone.
    fn read<'a>(file: &File, room: &'a mut [u8]) -> io::Result<Option<&'a [u8]>> {
        match file.read_at(room, 0) {
            Ok(len) => Ok(Some(&room[..len])),
            Err(error) if error.raw_os_error() == Some(Errno::SRCH.raw_os_error()) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// `281 0x2711 0x7f.. ..`, or `running`, or `-1 ..` outside a call.
    fn is_inside(line: &[u8], wait: KernelWait) -> bool {
        let mut words = line.split(|&byte| byte == b' ');
        let mut next = |radix, prefix: &str| {
            let word = std::str::from_utf8(words.next()?).ok()?;
            u64::from_str_radix(word.strip_prefix(prefix)?, radix).ok()
        };
        let block = match wait.call {
            Call::Futex => !63,
            _ => !0,
        };
        next(10, "") == number(wait.call)
            && next(16, "0x").map(|first| first & block) == Some(wait.first)
    }

    /// The state letter: behind the name, which is in parentheses and may hold some itself.
    fn letter(line: &[u8]) -> Option<u8> {
        let end = line.iter().rposition(|&byte| byte == b')')?;
        line.get(end + 2).copied()
    }

    fn switches(text: &[u8]) -> Option<u64> {
        let line = text
            .rsplit(|&byte| byte == b'\n')
            .find_map(|line| line.strip_prefix(b"voluntary_ctxt_switches:\t"))?;
        std::str::from_utf8(line).ok()?.parse().ok()
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        /// The three texts, as a 6.18 kernel prints them.
        #[test]
        fn texts_of_proc_are_read() {
            let wait = KernelWait {
                call: Call::Read,
                first: 3,
            };
            let line = format!("{} 0x3 0x7fa9f92e7000 0x20000", number(Call::Read).unwrap());
            assert!(is_inside(line.as_bytes(), wait));
            assert!(!is_inside(line.as_bytes(), KernelWait { first: 4, ..wait }));
            assert!(!is_inside(b"running\n", wait));
            assert!(!is_inside(b"-1 0x7ffc3ec862a8 0x7fa9f94632ad\n", wait));
            let futex = KernelWait {
                call: Call::Futex,
                first: 0x1040,
            };
            let word = |at: &str| format!("{} {at} 0x189 0x0", number(Call::Futex).unwrap());
            assert!(is_inside(word("0x1068").as_bytes(), futex));
            assert!(!is_inside(word("0x1080").as_bytes(), futex));
            assert_eq!(letter(b"7 (a) R (b) S 1 2"), Some(b'S'));
            assert_eq!(letter(b""), None);
            let status =
                b"Name:\ta\nvoluntary_ctxt_switches:\t12\nnonvoluntary_ctxt_switches:\t7\n";
            assert_eq!(switches(status), Some(12));
            assert_eq!(switches(b"nonvoluntary_ctxt_switches:\t7\n"), None);
        }
    }
}

#[cfg(not(any(
    target_os = "linux",
    target_os = "illumos",
    target_os = "freebsd",
    target_os = "macos",
    windows
)))]
mod os {
    use std::io;

    use super::KernelWait;

    /// Nothing is known about threads here.
    #[derive(Debug)]
    pub struct Probe;

    impl Probe {
        /// Not possible here.
        pub fn of_this_thread() -> io::Result<Probe> {
            Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "no way is known here to see from outside whether a thread is parked",
            ))
        }

        /// Not possible here.
        pub fn parked(&self, _: KernelWait) -> io::Result<Option<u64>> {
            Ok(None)
        }

        /// Not possible here.
        pub fn parked_since(&self, _: KernelWait, _: u64) -> io::Result<bool> {
            Ok(false)
        }
    }
}
