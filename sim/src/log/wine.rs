//! Logs of Wine: what an unmodified program for Windows did on its completion ports.
//!
//! The channel `relay` says which calls threads made and when they returned, `server` which packets they posted and took.
//! Both go to one file, a line each as it happens: so the time of a call is the number of its line. What a file's
//! operations bring comes from nobody's call. Such a packet, of a key that the port was given with a file, is *unobserved*: it
//! may have come at any time before it was taken.

mod files;
mod text;
mod unseen;

use std::collections::HashMap;
use std::io::BufRead;
use std::path::Path;

use portsim_model::program::{BATCH_MAX, Op, PORTS_MAX, Packet, PortId, Timeout};

use super::lines::each_line;
use super::{Log, THREADS_MAX, TICKS_UNKNOWN};
use crate::bad_input::BadInput;
use crate::trace::Answer;
use files::Files;
use text::{ON_PORTS, field, function, handle, hex, is_id, packet, request};
use unseen::{APART, Whole, post};

/// What is called on ports, with where the port stands among the arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    /// Takes one packet.
    Get,
    /// Takes several.
    GetSome,
    /// Posts one.
    Post,
}

/// The functions that are read: their names, and what they do. Those of both levels, of which the outer one counts.
const CALLS: [(&str, Call); 7] = [
    ("GetQueuedCompletionStatus", Call::Get),
    ("GetQueuedCompletionStatusEx", Call::GetSome),
    ("NtRemoveIoCompletion", Call::Get),
    ("NtRemoveIoCompletionEx", Call::GetSome),
    ("PostQueuedCompletionStatus", Call::Post),
    ("NtSetIoCompletion", Call::Post),
    ("NtSetIoCompletionEx", Call::Post),
];

/// What NT calls how a wait ended.
const STATUSES: [(u64, &str); 4] = [
    (0x102, "WAIT_TIMEOUT"),
    (0x80, "ERROR_ABANDONED_WAIT_0"),
    (0xc000_0008, "ERROR_INVALID_HANDLE"),
    (0xc0, "WAIT_IO_COMPLETION"),
];

/// A call that has not returned.
struct Open {
    name: String,
    call: Call,
    port: PortId,
    line: u64,
    max: u32,
    timeout: Timeout,
    /// Each with the line in which the server says so.
    packets: Vec<(Packet, u64)>,
    /// What the inner call came back with.
    status: Option<u64>,
    /// The lines in which the server was asked first and answered last.
    served: Option<(u64, u64)>,
}

impl Open {
    /// How what a call of NT, or one around it, came back with contradicts what the server did, if it does.
    fn unlike(&self, is_nt: bool, success: bool) -> Option<String> {
        let gave = self.packets.len();
        let succeeds = match self.packets.first() {
            // The packet of an operation that failed, as some functions tell it.
            Some((packet, _)) if self.call == Call::Get && !is_nt => packet.status < 0x8000_0000,
            first => first.is_some(),
        };
        let is_known = gave > 0 || (self.served.is_some() && self.call != Call::Post);
        if success == succeeds || !is_known {
            return None;
        }
        let came_back = if success { "success" } else { "failure" };
        let served = match (self.call, gave) {
            (Call::Post, _) => "queued the packet".to_owned(),
            (_, 0) => "gave it nothing".to_owned(),
            (_, 1) => "gave it a packet".to_owned(),
            (_, gave) => format!("gave it {gave} packets"),
        };
        Some(format!("{came_back}, although the server {served}"))
    }
}

/// A request to the server that waits for its answer.
enum Asked {
    Removes,
    Adds(Packet),
    Creates(u32),
    Associates {
        port: String,
        key: u64,
        of_job: bool,
    },
    Closes(String, u64),
}

/// A log in the making.
struct Reading<'f> {
    file: &'f Path,
    threads: Vec<String>,
    thread_numbers: HashMap<String, usize>,
    /// The process of each thread.
    processes: HashMap<String, String>,
    /// Each with how many threads may run at once, unless it was there before the log.
    ports: Vec<(String, Option<u32>)>,
    /// Handles of ports, by process.
    handles: HashMap<(String, String), PortId>,
    open: HashMap<String, Open>,
    asked: HashMap<String, Asked>,
    calls: Vec<Whole>,
    files: Files,
    beyond: Option<(u64, &'static str)>,
    passed: u64,
    has_server: bool,
}

/// Reads a log.
pub fn read(file: &Path, from: impl BufRead) -> Result<Log, BadInput> {
    let mut reading = Reading {
        file,
        threads: Vec::new(),
        thread_numbers: HashMap::new(),
        processes: HashMap::new(),
        ports: Vec::new(),
        handles: HashMap::new(),
        open: HashMap::new(),
        asked: HashMap::new(),
        calls: Vec::new(),
        files: Files::default(),
        beyond: None,
        passed: 0,
        has_server: false,
    };
    each_line(file, from, |n, line| reading.line(n, line))?;
    reading.log()
}

impl Reading<'_> {
    fn line(&mut self, n: u64, text: &str) -> Result<(), BadInput> {
        if let Some((head, called)) = text.split_once(":Call ") {
            return self.calls(n, head, called);
        }
        if let Some((head, returned)) = text.split_once(":Ret ") {
            return self.returns(n, head, returned);
        }
        self.files.line(n, text);
        match request(text) {
            Some((thread, name, rest)) => self.server(n, thread, name, rest),
            None => {
                self.passed += 1;
                Ok(())
            }
        }
    }

    /// Who a line of the relay is about.
    fn who(&mut self, head: &str) -> Option<String> {
        let mut parts = head.rsplit(':');
        let thread = parts.next().filter(|it| is_id(it))?.to_owned();
        if let Some(process) = parts.next().filter(|it| is_id(it)) {
            self.processes.insert(thread.clone(), process.to_owned());
        }
        Some(thread)
    }

    fn process(&self, thread: &str) -> String {
        self.processes.get(thread).cloned().unwrap_or_default()
    }

    fn bad(&self, n: u64, problem: impl Into<String>) -> BadInput {
        BadInput::new(self.file, problem).on_line(n as usize)
    }

    fn port(
        &mut self,
        n: u64,
        thread: &str,
        text: &str,
        concurrency: Option<u32>,
    ) -> Result<PortId, BadInput> {
        let key = (self.process(thread), handle(text));
        if let Some(&port) = self.handles.get(&key) {
            return Ok(port);
        }
        if self.ports.len() == PORTS_MAX {
            return Err(self.bad(n, format!("more than {PORTS_MAX} ports")));
        }
        let port = PortId(self.ports.len() as u8);
        let name = match key.0.is_empty() {
            true => key.1.clone(),
            false => format!("{}_{}", key.0, key.1),
        };
        let again = self
            .ports
            .iter()
            .filter(|(it, _)| it.split('#').next() == Some(&*name))
            .count();
        let name = match again {
            0 => name,
            again => format!("{name}#{}", again + 1),
        };
        self.ports.push((name, concurrency));
        self.handles.insert(key, port);
        Ok(port)
    }

    fn thread(&mut self, n: u64, name: &str) -> Result<usize, BadInput> {
        if let Some(&number) = self.thread_numbers.get(name) {
            return Ok(number);
        }
        // Each may need one more that stands for the kernel.
        if self.threads.len() == THREADS_MAX / 2 {
            let most = THREADS_MAX / 2;
            return Err(self.bad(n, format!("more than {most} threads call on ports")));
        }
        self.threads.push(name.to_owned());
        self.thread_numbers
            .insert(name.to_owned(), self.threads.len() - 1);
        Ok(self.threads.len() - 1)
    }

    fn calls(&mut self, n: u64, head: &str, text: &str) -> Result<(), BadInput> {
        let Some((thread, (name, rest))) = self.who(head).zip(function(text)) else {
            self.passed += 1;
            return Ok(());
        };
        let Some(&(_, call)) = CALLS.iter().find(|(known, _)| *known == name) else {
            self.passed += 1;
            return Ok(());
        };
        // What is called inside of a call is a part of it.
        if self.open.contains_key(&thread) {
            return Ok(());
        }
        let inside = rest.split_once(") ret=").map_or(rest, |(inside, _)| inside);
        let arguments: Vec<&str> = inside.split(',').collect();
        let argument = |at: usize| arguments.get(at).copied().unwrap_or("0");
        let Some(number) = hex(argument(0)) else {
            return Err(self.bad(n, format!("{:?} is no handle", argument(0))));
        };
        let port = self.port(n, &thread, &format!("{number:x}"), None)?;
        let is_nt = name.starts_with("Nt");
        // Of an argument of 32 bits the register shows 64, half of which mean nothing.
        let half = |text| hex(text).map(|number| number & 0xffff_ffff);
        let wait = match is_nt {
            true => hex(argument(4)),
            false => half(argument(4)),
        };
        let wait = wait.unwrap_or(0);
        let timeout = match (is_nt, wait) {
            (true, 0) | (false, 0xffff_ffff) => Timeout::Never,
            (true, _) => Timeout::Ticks(TICKS_UNKNOWN),
            (false, 0) => Timeout::Ticks(0),
            (false, _) => Timeout::Ticks(1),
        };
        let max = match call {
            Call::GetSome => half(argument(2)).unwrap_or(1) as u32,
            Call::Get | Call::Post => 1,
        };
        let name = name.to_owned();
        self.open.insert(
            thread,
            Open {
                name,
                call,
                port,
                line: n,
                max,
                timeout,
                packets: Vec::new(),
                status: None,
                served: None,
            },
        );
        Ok(())
    }

    fn returns(&mut self, n: u64, head: &str, text: &str) -> Result<(), BadInput> {
        let Some((thread, (name, rest))) = self.who(head).zip(function(text)) else {
            self.passed += 1;
            return Ok(());
        };
        let Some(open) = self.open.get_mut(&thread) else {
            self.passed += 1;
            return Ok(());
        };
        let value = field(rest, "retval").and_then(hex);
        if open.name != name {
            if CALLS.iter().any(|(known, _)| *known == name) {
                open.status = value;
            }
            return Ok(());
        }
        let Some(value) = value else {
            return Err(self.bad(n, "a call returns without a value"));
        };
        if let Some(open) = self.open.remove(&thread) {
            self.whole(&thread, open, Some((n, value)))?;
        }
        Ok(())
    }

    /// A call that is over, or was under way at the end.
    fn whole(&mut self, thread: &str, open: Open, end: Option<(u64, u64)>) -> Result<(), BadInput> {
        let thread = self.thread(open.line, thread)?;
        let is_nt = open.name.starts_with("Nt");
        let success = end.is_none_or(|(_, value)| (value == 0) == is_nt);
        let inner = open.status.map(|status| (true, status == 0));
        let unlike = end.and_then(|_| {
            let both = [Some((is_nt, success)), inner].into_iter().flatten();
            let mut unlike = both.filter_map(|(is_nt, success)| open.unlike(is_nt, success));
            unlike.next()
        });
        let (op, posts, answer) = match open.call {
            Call::Post => {
                let [(packet, _)] = open.packets[..] else {
                    // It failed, or the server was not listened to.
                    if success && end.is_some() {
                        let problem = match open.served {
                            Some(_) => "a post that succeeded, although the server queued nothing",
                            None => {
                                "a post of which the server says nothing: WINEDEBUG needs +server"
                            }
                        };
                        return Err(self.bad(open.line, problem));
                    }
                    return Ok(());
                };
                (post(open.port), Some(packet), Answer::Done)
            }
            Call::Get | Call::GetSome => {
                let is_batch = open.call == Call::GetSome;
                let op = Op::Get {
                    port: open.port,
                    into: None,
                    timeout: open.timeout,
                    max: is_batch.then_some(open.max.min(BATCH_MAX as u32) as u8),
                    min: None,
                    min_wait: None,
                    alertable: false,
                    keeps: false,
                };
                let status = match is_nt {
                    true => end.map(|(_, value)| value),
                    false => open.status,
                };
                let answer = match (&open.packets[..], is_batch) {
                    ([], _) if success && end.is_some() && open.served.is_none() => {
                        let problem = "a call took packets of which the server says nothing: WINEDEBUG needs +server";
                        return Err(self.bad(open.line, problem));
                    }
                    ([], _) => self.failure(&open, status),
                    ([(packet, _), ..], false) => Answer::Packet(*packet),
                    (packets, true) => {
                        Answer::Packets(packets.iter().map(|(packet, _)| *packet).collect())
                    }
                };
                (op, None, answer)
            }
        };
        // The server does one thing after the other, and says when. Only who waits in vain is through later.
        let waits_on =
            posts.is_none() && open.packets.is_empty() && open.timeout != Timeout::Ticks(0);
        let begin = open.served.map_or(open.line, |(first, _)| first);
        let end = end.map(|(n, _)| match open.served {
            Some((_, last)) if !waits_on => last,
            _ => n,
        });
        // What the server did, others see; what the thread was told instead is a call of its own that no system allows.
        let told = unlike.map(|unlike| Whole {
            thread,
            line: open.line,
            op,
            posts,
            takes: Vec::new(),
            answer: Some(Answer::Failed(unlike)),
            begin: end.unwrap_or(begin),
            end,
        });
        self.calls.push(Whole {
            thread,
            line: open.line,
            op,
            posts,
            takes: if posts.is_none() {
                open.packets
            } else {
                Vec::new()
            },
            answer: end.map(|_| answer),
            begin,
            end,
        });
        self.calls.extend(told);
        Ok(())
    }

    fn failure(&mut self, open: &Open, status: Option<u64>) -> Answer {
        let known = STATUSES.iter().find(|(known, _)| Some(*known) == status);
        let name = match (known, status) {
            (Some((0xc0, name)), _) => {
                self.beyond.get_or_insert((
                    open.line,
                    "a wait that an asynchronous procedure call ended",
                ));
                name
            }
            (Some((_, name)), _) => name,
            (None, None | Some(0)) if open.timeout != Timeout::Never => "WAIT_TIMEOUT",
            (None, None | Some(0)) => "ERROR_ABANDONED_WAIT_0",
            (None, Some(_)) => {
                self.beyond.get_or_insert((
                    open.line,
                    "a call that failed with a status that is not known",
                ));
                "WAIT_TIMEOUT"
            }
        };
        Answer::Failed(name.to_owned())
    }

    /// A line of the server: a request of a thread, or its answer.
    fn server(&mut self, n: u64, thread: &str, name: &str, rest: &str) -> Result<(), BadInput> {
        self.has_server |= matches!(name, "add_completion" | "remove_completion");
        let answer = rest.strip_prefix(") = ");
        if let Some(answer) = answer {
            if ON_PORTS.contains(&name)
                && let Some(open) = self.open.get_mut(thread)
                && let Some((_, last)) = &mut open.served
            {
                *last = n;
            }
            return match self.asked.remove(thread) {
                Some(asked) => self.answered(n, thread, asked, answer),
                None => Ok(()),
            };
        }
        if ON_PORTS.contains(&name)
            && let Some(open) = self.open.get_mut(thread)
        {
            open.served.get_or_insert((n, n));
        }
        let asked = match name {
            "remove_completion" | "get_thread_completion" => Some(Asked::Removes),
            "add_completion" => packet(rest).map(Asked::Adds),
            "create_completion" => {
                let concurrency = field(rest, "concurrent").and_then(hex).unwrap_or(0);
                Some(Asked::Creates(concurrency.min(u32::MAX.into()) as u32))
            }
            "set_completion_info" => field(rest, "chandle").map(|port| {
                let key = field(rest, "ckey").and_then(hex).unwrap_or(0);
                Asked::Associates {
                    port: handle(port),
                    key,
                    of_job: false,
                }
            }),
            "set_job_completion_port" => field(rest, "port").map(|port| {
                let key = field(rest, "key").and_then(hex).unwrap_or(0);
                Asked::Associates {
                    port: handle(port),
                    key,
                    of_job: true,
                }
            }),
            "close_handle" => field(rest, "handle").map(|it| Asked::Closes(handle(it), n)),
            _ => None,
        };
        match asked {
            Some(asked) => {
                self.asked.insert(thread.to_owned(), asked);
            }
            None => {
                self.asked.remove(thread);
            }
        }
        Ok(())
    }

    fn answered(
        &mut self,
        n: u64,
        thread: &str,
        asked: Asked,
        answer: &str,
    ) -> Result<(), BadInput> {
        let succeeds = answer.trim() == "0" || answer.starts_with("0 ");
        if !succeeds {
            return Ok(());
        }
        match asked {
            Asked::Removes => self.takes(n, thread, answer),
            Asked::Adds(packet) => {
                if let Some(open) = self.open.get_mut(thread) {
                    open.packets.push((packet, n));
                }
            }
            Asked::Creates(concurrency) => {
                if let Some(port) = field(answer, "handle") {
                    // A handle that was closed before may come again.
                    let key = (self.process(thread), handle(port));
                    self.handles.remove(&key);
                    self.port(n, thread, port, Some(concurrency))?;
                }
            }
            Asked::Associates { port, key, of_job } => {
                let known = self.handles.get(&(self.process(thread), port)).copied();
                if let Some(port) = known {
                    self.files.associates(port, key.cast_signed(), of_job, n);
                }
            }
            Asked::Closes(which, since) => {
                let known = self.handles.remove(&(self.process(thread), which));
                if let Some(port) = known {
                    let thread = self.thread(n, thread)?;
                    self.calls.push(Whole {
                        thread,
                        line: since,
                        op: Op::Close { port, into: None },
                        posts: None,
                        takes: Vec::new(),
                        answer: Some(Answer::Done),
                        begin: since,
                        end: Some(n),
                    });
                }
            }
        }
        Ok(())
    }

    fn takes(&mut self, n: u64, thread: &str, answer: &str) {
        if let Some((open, packet)) = self.open.get_mut(thread).zip(packet(answer)) {
            open.packets.push((packet, n));
        }
    }

    /// What was read, with the packets that nobody's call brought.
    fn log(mut self) -> Result<Log, BadInput> {
        if !self.has_server && !self.open.is_empty() {
            let problem =
                "it does not say which packets there were: WINEDEBUG needs +server beside +relay";
            return Err(BadInput::new(self.file, problem));
        }
        let mut open: Vec<_> = std::mem::take(&mut self.open).into_iter().collect();
        open.sort_by_key(|(_, open)| open.line);
        for (thread, open) in open {
            self.whole(&thread, open, None)?;
        }
        self.calls.sort_by_key(|call| call.line);
        let passed = self.passed;
        let beyond = self.beyond.map(|(line, why)| (line, why, line * APART));
        let log = unseen::log(&self.calls, self.threads, self.ports, &self.files);
        Ok(Log {
            passed,
            beyond,
            ..log
        })
    }
}
