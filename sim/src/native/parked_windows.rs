//! Is a thread parked, where the Win32 interface is?
//!
//! On Windows the system tells of every thread its state, why it waits, and how often it was switched: a thread
//! is parked on a port when it waits (state 5) for a queue (reason 15), on an object when it waits because it
//! asked to (reason 6), in an operation on a synchronous file when the kernel does (reason 0), suspended when it waits to be resumed (reason 5), and its count of switches does not change.
//!
//! Under Wine those fields are always 0. But a thread that waits there waits for Wine's server, in a `read` of
//! 16 bytes from a pipe, and Linux shows that: its files are reached through the drive Z:, and the numbers of
//! process and thread are those that Linux gives, which only a system call of Linux tells. All waits look the
//! same, so which call the thread is in must be known besides: it says so itself before it makes it. A suspended
//! thread waits for the server too, in a signal handler on top of the wait that it was found in. From the one it
//! comes to the other by running, so its count of switches tells them apart.

use std::ffi::{CStr, c_char};
use std::fs::File;
use std::io;
use std::mem::{offset_of, size_of, transmute};
use std::os::windows::fs::FileExt;

use windows_sys::Wdk::System::SystemInformation::{
    NtQuerySystemInformation, SystemProcessInformation,
};
use windows_sys::Win32::System::LibraryLoader::{GetModuleHandleA, GetProcAddress};
use windows_sys::Win32::System::Threading::GetCurrentThreadId;
use windows_sys::Win32::System::WindowsProgramming::{
    SYSTEM_PROCESS_INFORMATION, SYSTEM_THREAD_INFORMATION,
};

use super::kernel_wait::{Call, KernelWait};

/// `KTHREAD_STATE` Waiting.
const WAITING: u32 = 5;
/// `KWAIT_REASON` Executive.
const EXECUTIVE: u32 = 0;
/// `KWAIT_REASON` UserRequest.
const USER_REQUEST: u32 = 6;
/// `KWAIT_REASON` Suspended.
const SUSPENDED: u32 = 5;
/// `KWAIT_REASON` WrQueue.
const QUEUE: u32 = 15;
/// STATUS_INFO_LENGTH_MISMATCH.
const TOO_SHORT: i32 = 0xc000_0004_u32 as i32;

/// How a thread is looked at.
#[derive(Debug)]
pub enum Probe {
    /// By its number, in what the system tells of all threads.
    Windows(u32),
    /// By its files in the `/proc` of Linux.
    Wine {
        /// Which call it is in.
        syscall: File,
        /// Its state letter.
        stat: File,
        /// Its count of switches.
        status: File,
    },
}

/// The version of Wine, where this is Wine.
pub fn wine_version() -> Option<String> {
    // SAFETY: the name ends in 0 and stays. Every program has ntdll, and the handle is not ours to close.
    let ntdll = unsafe { GetModuleHandleA(c"ntdll.dll".as_ptr().cast()) };
    // SAFETY: the name ends in 0 and stays.
    let version = unsafe { GetProcAddress(ntdll, c"wine_get_version".as_ptr().cast()) }?;
    // SAFETY: both are pointers to functions. Nobody but Wine exports this name, and there it takes nothing and gives
    // a text.
    let version: extern "C" fn() -> *const c_char = unsafe { transmute(version) };
    // SAFETY: the text ends in 0, and stays as it is for as long as ntdll does, which nobody unloads.
    let text = unsafe { CStr::from_ptr(version()) };
    Some(text.to_string_lossy().into_owned())
}

impl Probe {
    /// Looks at the calling thread, from any other thread of the process.
    pub fn of_this_thread() -> io::Result<Probe> {
        if wine_version().is_none() {
            // SAFETY: it takes nothing, and gives a number.
            let probe = Probe::Windows(unsafe { GetCurrentThreadId() });
            return probe.windows().map(|_| probe);
        }
        // SAFETY: this is Wine, as was just asked.
        let (process, thread) = unsafe { linux_ids() }?;
        Probe::of_linux(&process.to_string(), &thread.to_string())
    }

    /// Looks at a thread by its files in the `/proc` of Linux.
    fn of_linux(process: &str, thread: &str) -> io::Result<Probe> {
        let open = |name| File::open(format!("Z:\\proc\\{process}\\task\\{thread}\\{name}"));
        let probe = Probe::Wine {
            syscall: open("syscall")?,
            stat: open("stat")?,
            status: open("status")?,
        };
        let told = probe.switches()?;
        told.map(|_| probe)
            .ok_or_else(|| io::Error::other("/proc counts no voluntary context switches"))
    }

    /// The thread's count of switches if it is parked in this call.
    pub fn parked(&self, wait: KernelWait) -> io::Result<Option<u64>> {
        match self.switches()? {
            Some(before) if self.parked_since(wait, before)? => Ok(Some(before)),
            _ => Ok(None),
        }
    }

    /// Whether the thread is parked in this call and its count is still the one that was read before.
    pub fn parked_since(&self, wait: KernelWait, before: u64) -> io::Result<bool> {
        match self {
            Probe::Windows(_) => {
                let reason = match wait.call {
                    Call::Port => QUEUE,
                    Call::Suspension => SUSPENDED,
                    Call::File => EXECUTIVE,
                    _ => USER_REQUEST,
                };
                let found = self.windows()?;
                Ok(found.is_some_and(|it| it == (WAITING, reason, before)))
            }
            Probe::Wine { syscall, stat, .. } => {
                let mut room = [0; 512];
                let inside = waits_for_server(read(syscall, &mut room)?);
                let sleeps = letter(read(stat, &mut room)?) == Some(b'S');
                Ok(inside && sleeps && self.switches()? == Some(before))
            }
        }
    }

    /// The thread's count of switches if it sleeps, wherever that is.
    #[cfg(feature = "wepoll")]
    pub fn asleep(&self) -> io::Result<Option<u64>> {
        match self {
            Probe::Windows(_) => {
                let found = self.windows()?;
                Ok(found.and_then(|(state, _, count)| (state == WAITING).then_some(count)))
            }
            Probe::Wine { stat, .. } => {
                let before = self.switches()?;
                let sleeps = letter(read(stat, &mut [0; 512])?) == Some(b'S');
                let same = self.switches()? == before;
                Ok(before.filter(|_| sleeps && same))
            }
        }
    }

    /// Looks at all but the calling thread by whom something may be on its way under Wine: at its server, which does
    /// whatever happens behind the backs of threads, and at the threads of this process, any of which it may ask for help.
    /// Nobody on Windows.
    #[cfg(feature = "wepoll")]
    pub fn of_all_others() -> io::Result<Vec<Probe>> {
        if wine_version().is_none() {
            return Ok(Vec::new());
        }
        // SAFETY: this is Wine, as was just asked.
        let (process, me) = unsafe { linux_ids() }?;
        let mut others = vec![Probe::of_server(process)?];
        for entry in std::fs::read_dir(format!("Z:\\proc\\{process}\\task"))? {
            let thread = entry?.file_name().to_string_lossy().into_owned();
            if thread != me.to_string() {
                others.push(Probe::of_linux(&process.to_string(), &thread)?);
            }
        }
        Ok(others)
    }

    /// Looks at the server of a process of this Wine.
    #[cfg(feature = "wepoll")]
    fn of_server(process: u64) -> io::Result<Probe> {
        let place = |process: &str| {
            let environment = std::fs::read(format!("Z:\\proc\\{process}\\environ"))?;
            place_of(&environment)
        };
        let ours = place(&process.to_string())?;
        for entry in std::fs::read_dir("Z:\\proc")?.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let comm = std::fs::read_to_string(format!("Z:\\proc\\{name}\\comm"));
            let is_server = comm.is_ok_and(|comm| comm.starts_with("wineserver"));
            if is_server && place(&name).is_ok_and(|its| its == ours) {
                return Probe::of_linux(&name, &name);
            }
        }
        Err(io::Error::other(
            "the server of this Wine is not found in /proc",
        ))
    }

    fn switches(&self) -> io::Result<Option<u64>> {
        match self {
            Probe::Windows(_) => Ok(self.windows()?.map(|(_, _, switches)| switches)),
            Probe::Wine { status, .. } => {
                let mut room = [0; 4096];
                Ok(switches(read(status, &mut room)?))
            }
        }
    }

    /// State, reason and count of switches, as Windows tells them.
    fn windows(&self) -> io::Result<Option<(u32, u32, u64)>> {
        let Probe::Windows(thread) = *self else {
            return Ok(None);
        };
        let mut words: Vec<u64> = vec![0; 1 << 16];
        loop {
            let (mut needed, bytes) = (0, size_of_val(&words[..]) as u32);
            let (class, room) = (SystemProcessInformation, words.as_mut_ptr().cast());
            // SAFETY: the room is as long as is said. It and the length that is needed are ours, and are written
            // before the call is over.
            let status = unsafe { NtQuerySystemInformation(class, room, bytes, &mut needed) };
            match status {
                TOO_SHORT => words.resize(words.len() * 2, 0),
                0.. => break,
                status => return Err(io::Error::other(format!("NTSTATUS 0x{status:08x}"))),
            }
        }
        Ok(thread_in(&words, thread))
    }
}

/// What the list of all processes says of a thread of this one: an entry for each, followed by one for each of its
/// threads.
fn thread_in(words: &[u64], thread: u32) -> Option<(u32, u32, u64)> {
    use SYSTEM_PROCESS_INFORMATION as Process;
    use SYSTEM_THREAD_INFORMATION as Thread;
    let mut at = 0;
    loop {
        let process = |field| number_at(words, at + field);
        if process(offset_of!(Process, UniqueProcessId))? == std::process::id() {
            let count = process(offset_of!(Process, NumberOfThreads))? as usize;
            let threads = (0..count).map(|n| at + size_of::<Process>() + n * size_of::<Thread>());
            let id = offset_of!(Thread, ClientId.UniqueThread);
            let mut mine = threads.filter(|at| number_at(words, at + id) == Some(thread));
            let at = mine.next()?;
            let field = |field| number_at(words, at + field);
            return Some((
                field(offset_of!(Thread, ThreadState))?,
                field(offset_of!(Thread, WaitReason))?,
                // The headers call the count of switches so.
                field(offset_of!(Thread, Reserved3))?.into(),
            ));
        }
        match process(offset_of!(Process, NextEntryOffset))? {
            0 => return None,
            next => at += next as usize,
        }
    }
}

/// The number behind so many bytes, a multiple of 4: of a wider one the lower half, which comes first here.
fn number_at(words: &[u64], at: usize) -> Option<u32> {
    let word = words.get(at / 8)?;
    Some((word >> (at % 8 * 8)) as u32)
}

/// The numbers that Linux gives to this process and thread.
///
/// # Safety
///
/// This is Wine.
#[cfg(target_arch = "x86_64")]
unsafe fn linux_ids() -> io::Result<(u64, u64)> {
    let call = |number: u64| {
        let mut result = number;
        // SAFETY: under Wine, as the caller says, this is Linux, where the calls 39 (getpid) and 186 (gettid) take
        // nothing, touch no memory, and change nothing but these registers.
        unsafe {
            std::arch::asm!("syscall", inlateout("rax") result, lateout("rcx") _, lateout("r11") _);
        }
        result
    };
    Ok((call(39), call(186)))
}

/// Elsewhere the numbers of those calls are others.
///
/// # Safety
///
/// As above.
#[cfg(not(target_arch = "x86_64"))]
unsafe fn linux_ids() -> io::Result<(u64, u64)> {
    let why = "under Wine this is known for x86-64 only";
    Err(io::Error::new(io::ErrorKind::Unsupported, why))
}

/// Where a Wine keeps what is its own, as far as the environment of a process says it.
#[cfg(feature = "wepoll")]
fn place_of(environment: &[u8]) -> io::Result<Vec<Vec<u8>>> {
    let mut place: Vec<_> = environment
        .split(|&byte| byte == 0)
        .filter(|line| line.starts_with(b"WINEPREFIX=") || line.starts_with(b"HOME="))
        .map(<[u8]>::to_vec)
        .collect();
    place.sort();
    match place.is_empty() {
        true => Err(io::Error::other(
            "a process tells nothing of its environment",
        )),
        false => Ok(place),
    }
}

/// The text of a file, from its start.
fn read<'a>(file: &File, room: &'a mut [u8]) -> io::Result<&'a [u8]> {
    let read = file.seek_read(room, 0)?;
    Ok(&room[..read])
}

/// `0 0x2a 0x7f.. 0x10 ..`: a read of 16 bytes.
fn waits_for_server(line: &[u8]) -> bool {
    let mut words = line.split(|&byte| byte == b' ');
    words.next() == Some(b"0") && words.nth(2) == Some(b"0x10")
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
    std::str::from_utf8(line).ok()?.trim().parse().ok()
}
