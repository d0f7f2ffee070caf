//! A command that is spoken to line by line, and of which nothing is left in the end.
//!
//! Whatever it does, the conductor goes on: what is written to it is written by a thread of its own, so that one
//! that never reads holds nobody up; what it writes waits in a short queue, so that one that floods is slowed
//! down and fills no memory; and every wait for a line has a limit. It leads a process group of its own, which
//! is killed as a whole, on Unix even where this program is killed itself.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

#[cfg(unix)]
use super::guard::Guard;

/// The longest line in either direction.
pub const LINE_BYTES_MAX: u64 = 1 << 20;

/// Lines that wait to be read; behind them, the pipe fills and then the agent waits.
const LINES_WAITING: usize = 64;

/// How much of what it says on standard error is kept for an error: the end.
const WORDS_KEPT: usize = 2000;

/// How long it may take to end by itself once it was told to, and its threads of ours once it is gone.
const FAREWELL: Duration = Duration::from_secs(2);

/// How often is looked whether it has ended.
const LOOK: Duration = Duration::from_millis(1);

/// How often somebody who waits for a line looks whether the agents shall end.
const LOOK_UP: Duration = Duration::from_millis(50);

/// Whether the agents shall end.
static ENDING: AtomicBool = AtomicBool::new(false);

/// From now on no agent is waited for: each that is talked to ends, and what it was asked fails.
pub fn end_all() {
    ENDING.store(true, Ordering::Relaxed);
}

fn ending() -> bool {
    ENDING.load(Ordering::Relaxed)
}

/// What there is to read.
enum Heard {
    Line(String),
    /// Something that is no line.
    Bad(&'static str),
    Failed(io::Error),
    End,
}

/// Why there is no next line.
#[derive(Debug)]
pub enum Silence {
    /// Nothing came within the limit.
    Hangs,
    /// Its standard output ended.
    Ended,
    /// Something came that is no line.
    Bad(&'static str),
    /// It could not be read.
    Failed(io::Error),
    /// All agents shall end.
    Over,
}

/// A running command.
pub struct Process {
    child: Child,
    #[cfg(unix)]
    guard: Guard,
    /// How it ended, once it has.
    status: Option<ExitStatus>,
    to: Option<Sender<String>>,
    from: Option<Receiver<Heard>>,
    words: Arc<Mutex<VecDeque<u8>>>,
    threads: Vec<JoinHandle<()>>,
    /// Lines heard so far.
    pub heard: u64,
}

impl Process {
    /// Starts a command.
    pub fn start(words: &[String]) -> io::Result<Process> {
        let (program, arguments) = words
            .split_first()
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "no command is named"))?;
        let mut command = Command::new(program);
        command.args(arguments);
        command.stdin(Stdio::piped());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        #[cfg(unix)]
        let mut guard = Guard::start(&mut command)?;
        let child = command.spawn()?;
        #[cfg(unix)]
        guard.watch(child.id());
        let mut process = Process {
            child,
            #[cfg(unix)]
            guard,
            status: None,
            to: None,
            from: None,
            words: Arc::default(),
            threads: Vec::new(),
            heard: 0,
        };
        // From here on, dropping it ends the command whatever fails.
        let (to, said) = channel();
        let (hear, from) = sync_channel(LINES_WAITING);
        (process.to, process.from) = (Some(to), Some(from));
        if let Some(input) = process.child.stdin.take() {
            process.thread("writes", move || write_all(input, &said))?;
        }
        if let Some(output) = process.child.stdout.take() {
            process.thread("reads", move || read_all(output, &hear))?;
        }
        if let Some(errors) = process.child.stderr.take() {
            let words = process.words.clone();
            process.thread("listens", move || keep_end(errors, &words))?;
        }
        Ok(process)
    }

    fn thread(&mut self, what: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let name = format!("agent {what}");
        self.threads
            .push(thread::Builder::new().name(name).spawn(work)?);
        Ok(())
    }

    /// Says a line; does not wait until it is read.
    pub fn say(&mut self, line: String) {
        if let Some(to) = &self.to {
            // An agent that does not listen any more is found out by what it does not answer.
            let _ = to.send(line);
        }
    }

    /// The next line, if one comes within the limit.
    pub fn hear(&mut self, limit: Duration) -> Result<String, Silence> {
        let from = self.from.as_ref().ok_or(Silence::Ended)?;
        let since = Instant::now();
        let heard = loop {
            let left = limit.saturating_sub(since.elapsed());
            match from.recv_timeout(left.min(LOOK_UP)) {
                Ok(heard) => break heard,
                Err(RecvTimeoutError::Disconnected) => break Heard::End,
                Err(RecvTimeoutError::Timeout) if ending() => return Err(Silence::Over),
                Err(RecvTimeoutError::Timeout) if left.is_zero() => return Err(Silence::Hangs),
                Err(RecvTimeoutError::Timeout) => {}
            }
        };
        self.heard += 1;
        match heard {
            Heard::Line(line) => Ok(line),
            Heard::Bad(why) => Err(Silence::Bad(why)),
            Heard::Failed(error) => Err(Silence::Failed(error)),
            Heard::End => Err(Silence::Ended),
        }
    }

    /// The end of what it said on standard error, and how it ended, if it has.
    pub fn last_words(&mut self) -> String {
        self.to = None;
        let status = self.wait();
        // Its words may be on their way still.
        let end = Instant::now() + FAREWELL;
        let reading = |it: &JoinHandle<()>| !it.is_finished();
        while status.is_some() && self.threads.iter().any(reading) && Instant::now() < end {
            thread::sleep(LOOK);
        }
        let mut said = match status {
            // The standard library writes "exit status: 0" and "signal: 9".
            Some(status) => format!(
                "it ended with {}",
                status.to_string().replacen(": ", " ", 1)
            ),
            None => String::from("it still runs"),
        };
        let words: Vec<u8> = {
            let words = self.words.lock().unwrap_or_else(PoisonError::into_inner);
            words.iter().copied().collect()
        };
        let words = String::from_utf8_lossy(&words)
            .trim()
            .replace('\n', "\n    ");
        if !words.is_empty() {
            said += &format!("; on standard error it said:\n    {words}");
        }
        said
    }

    /// Gives the command some time to end by itself, and buries it if it does.
    fn wait(&mut self) -> Option<ExitStatus> {
        let end = Instant::now() + FAREWELL;
        while self.status.is_none() && !self.has_ended() {
            if Instant::now() >= end || ending() {
                return None;
            }
            thread::sleep(LOOK);
        }
        self.reap();
        self.status
    }

    /// Ends what is left of the group, while the number of its leader is still its own, and then the leader.
    fn reap(&mut self) {
        if self.status.is_none() {
            self.kill();
            #[cfg(unix)]
            self.guard.end();
            self.status = self.child.wait().ok();
        }
    }

    /// Ends the command and everything it started.
    pub fn end(&mut self) {
        // Its input ends: what was said before is still written.
        self.to = None;
        // Whoever has something to say to us need not wait any more.
        self.from = None;
        if self.wait().is_none() {
            self.reap();
        }
        let end = Instant::now() + FAREWELL;
        for thread in self.threads.drain(..) {
            while !thread.is_finished() && Instant::now() < end {
                thread::sleep(LOOK);
            }
            // One that still waits for somebody outside of the group ends with him.
            if thread.is_finished() {
                let _ = thread.join();
            }
        }
    }

    /// Whether it has ended; its number stays its own, so that its group can be killed.
    #[cfg(target_os = "linux")]
    fn has_ended(&mut self) -> bool {
        use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
        let how = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let ended = waitid(WaitId::Pid(Pid::from_child(&self.child)), how);
        !matches!(ended, Ok(None))
    }

    #[cfg(target_os = "linux")]
    fn kill(&mut self) {
        use rustix::process::{Pid, Signal, kill_process_group};
        // A group without members is not there any more.
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
    }

    #[cfg(not(target_os = "linux"))]
    fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    #[cfg(not(target_os = "linux"))]
    fn kill(&mut self) {
        let _ = self.child.kill();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

fn write_all(mut input: ChildStdin, said: &Receiver<String>) {
    for mut line in said {
        line.push('\n');
        if input
            .write_all(line.as_bytes())
            .and_then(|()| input.flush())
            .is_err()
        {
            return;
        }
    }
}

fn read_all(output: impl Read, hear: &SyncSender<Heard>) {
    let mut output = BufReader::new(output);
    loop {
        let heard = next_line(&mut output);
        let last = !matches!(heard, Heard::Line(_));
        if hear.send(heard).is_err() || last {
            return;
        }
    }
}

/// The next line of a stream, no longer than the limit.
fn next_line(input: &mut impl BufRead) -> Heard {
    let mut line = Vec::new();
    match input.take(LINE_BYTES_MAX).read_until(b'\n', &mut line) {
        Ok(0) => Heard::End,
        Ok(read) if read as u64 == LINE_BYTES_MAX && !line.ends_with(b"\n") => {
            Heard::Bad("is longer than 1 MiB")
        }
        Ok(_) if !line.ends_with(b"\n") => Heard::Bad("stops in the middle"),
        Ok(_) => {
            let text = String::from_utf8(line);
            text.map_or(Heard::Bad("is not UTF-8"), |text| {
                Heard::Line(text.trim_end().to_owned())
            })
        }
        Err(error) => Heard::Failed(error),
    }
}

fn keep_end(mut errors: impl Read, words: &Mutex<VecDeque<u8>>) {
    let mut room = [0; 4096];
    while let Ok(read @ 1..) = errors.read(&mut room) {
        let mut words = words.lock().unwrap_or_else(PoisonError::into_inner);
        words.extend(&room[..read]);
        let past = words.len().saturating_sub(WORDS_KEPT);
        words.drain(..past);
    }
}
