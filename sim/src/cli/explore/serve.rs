//! Answers the page of `explore`, and nobody else. Three answers do not need a library for the web: what is read of a
//! request stands in `http`, and a connection carries one.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::http::{Answer, Method, REQUEST_MAX, Request, end_of_head, request};
use crate::report::{Have, Live, news};

/// How often it looks whether it shall end.
const LOOK: Duration = Duration::from_millis(50);

/// How often it looks whether what is shown has changed.
const FOLLOW: Duration = Duration::from_millis(300);

/// How long a connection may take to ask.
const PATIENCE: Duration = Duration::from_secs(5);

/// The most connections at a time: a browser opens some before it needs them.
const CONNECTIONS_MAX: usize = 32;

/// The most states that one question may find out.
const NODES_MAX: usize = 5_000;

/// Answers until it is told to end. Now and then `follow` says what is to be shown from now on, or why it cannot be.
pub fn serve(
    listener: TcpListener,
    token: &str,
    live: Live,
    stop: &AtomicBool,
    mut follow: impl FnMut() -> Option<Result<Live, String>> + Send,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let desk = Arc::new(Desk {
        authority: listener.local_addr()?.to_string(),
        token: token.to_owned(),
        shown: Mutex::new(Shown {
            live,
            generation: 0,
            trouble: String::new(),
        }),
        connections: AtomicUsize::new(0),
    });
    thread::scope(|scope| {
        // To find out what is shown next can take long, and what is shown stays meanwhile.
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                thread::sleep(FOLLOW);
                if let Some(next) = follow() {
                    desk.shown().become_next(next);
                }
            }
        });
        while !stop.load(Ordering::Relaxed) {
            match listener.accept() {
                Ok((stream, _)) => desk.take(stream),
                // What went wrong with one connection says nothing of the next.
                Err(_) => thread::sleep(LOOK),
            }
        }
    });
    Ok(())
}

/// Where questions are answered.
struct Desk {
    /// The host and port by which it is asked for.
    authority: String,
    token: String,
    shown: Mutex<Shown>,
    connections: AtomicUsize,
}

/// What is shown.
struct Shown {
    live: Live,
    /// How often it has changed.
    generation: usize,
    /// What is wrong with what should be shown now; empty where nothing is.
    trouble: String,
}

impl Desk {
    /// Answers a connection beside others; none where there are too many.
    fn take(self: &Arc<Self>, stream: TcpStream) {
        let free = || {
            self.connections.fetch_sub(1, Ordering::Relaxed);
        };
        if self.connections.fetch_add(1, Ordering::Relaxed) >= CONNECTIONS_MAX {
            return free();
        }
        let desk = Arc::clone(self);
        let started = thread::Builder::new().spawn(move || {
            // Who asks no more is not answered.
            let _ = desk.converse(stream);
            desk.connections.fetch_sub(1, Ordering::Relaxed);
        });
        if started.is_err() {
            free();
        }
    }

    fn converse(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_nonblocking(false)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let until = Instant::now() + PATIENCE;
        let mut bytes = Vec::new();
        let mut piece = [0; 2048];
        let head = loop {
            if let Some(end) = end_of_head(&bytes) {
                break Some(&bytes[..end]);
            }
            if bytes.len() > REQUEST_MAX || Instant::now() > until {
                break None;
            }
            match stream.read(&mut piece)? {
                0 => return Ok(()),
                len => bytes.extend_from_slice(&piece[..len]),
            }
        };
        let asked = head.and_then(request);
        let answer = asked.map_or(Answer::Bad, |asked| self.answer(&asked));
        stream.write_all(&answer.bytes())
    }

    fn answer(&self, asked: &Request) -> Answer {
        if !asked.is_own(&self.authority) {
            return Answer::Refused;
        }
        let path = asked.path.strip_prefix('/').unwrap_or_default();
        let Some((token, what)) = path.split_once('/') else {
            return Answer::Absent;
        };
        if !is_same(token.as_bytes(), self.token.as_bytes()) {
            return Answer::Absent;
        }
        let mut shown = self.shown();
        let generation = shown.generation;
        match (asked.method, what) {
            (Method::Get, "") => Answer::Page(shown.live.document(generation)),
            (Method::Post, "news") => Answer::Data(news(generation, &shown.trouble)),
            // Of what was shown before, nothing is known any more.
            (Method::Post, "states") if asked.number("generation") != Some(generation) => {
                Answer::Bad
            }
            (Method::Post, "states") => {
                let more = more(&mut shown.live, asked);
                more.map_or(Answer::Bad, Answer::Data)
            }
            _ => Answer::Absent,
        }
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shown {
    /// From now on the next is shown; where that cannot be, this one, with the reason.
    fn become_next(&mut self, next: Result<Live, String>) {
        match next {
            Ok(live) => {
                self.live = live;
                self.generation += 1;
                self.trouble = String::new();
            }
            Err(trouble) => self.trouble = trouble,
        }
    }
}

/// What a page asks for that stands in a state.
fn more(live: &mut Live, asked: &Request) -> Option<String> {
    let number = |name| asked.number(name);
    let have = Have {
        claims: number("claims")?,
        values: number("values")?,
        steps: number("steps")?,
        events: number("events")?,
        held: number("held")?,
        wrongs: number("wrongs")?,
        states: number("states")?,
    };
    let nodes = number("more")?.min(NODES_MAX);
    live.more(number("side")?, number("state")?, have, nodes)
}

/// Whether two texts are the same, found out in a time that does not say how much of them is.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    let differs = one.iter().zip(other).fold(0, |all, (a, b)| all | (a ^ b));
    one.len() == other.len() && differs == 0
}
