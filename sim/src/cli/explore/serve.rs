//! Answers the page of `explore`, and nobody else. Three answers do not need a library for the web: what is read of a
//! request stands in `http`, and a connection carries one.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::http::{Answer, Method, REQUEST_MAX, Request, end_of_head, request};
use crate::report::{Have, Live};

/// How often it looks whether it shall end.
const LOOK: Duration = Duration::from_millis(50);

/// How long a connection may take to ask.
const PATIENCE: Duration = Duration::from_secs(5);

/// The most connections at a time: a browser opens some before it needs them.
const CONNECTIONS_MAX: usize = 32;

/// The most states that one question may find out.
const NODES_MAX: usize = 5_000;

/// Answers until it is told to end.
pub fn serve(listener: TcpListener, token: &str, live: Live, stop: &AtomicBool) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let desk = Arc::new(Desk {
        authority: listener.local_addr()?.to_string(),
        token: token.to_owned(),
        live: Mutex::new(live),
        connections: AtomicUsize::new(0),
    });
    while !stop.load(Ordering::Relaxed) {
        match listener.accept() {
            Ok((stream, _)) => desk.take(stream)?,
            // What went wrong with one connection says nothing of the next.
            Err(_) => thread::sleep(LOOK),
        }
    }
    Ok(())
}

/// Where questions are answered.
struct Desk {
    /// The host and port by which it is asked for.
    authority: String,
    token: String,
    live: Mutex<Live>,
    connections: AtomicUsize,
}

impl Desk {
    /// Answers a connection beside others.
    fn take(self: &Arc<Self>, stream: TcpStream) -> io::Result<()> {
        if self.connections.fetch_add(1, Ordering::Relaxed) >= CONNECTIONS_MAX {
            self.connections.fetch_sub(1, Ordering::Relaxed);
            return Ok(());
        }
        let desk = Arc::clone(self);
        thread::Builder::new().spawn(move || {
            // Who asks no more is not answered.
            let _ = desk.converse(stream);
            desk.connections.fetch_sub(1, Ordering::Relaxed);
        })?;
        Ok(())
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
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        match (asked.method, what) {
            (Method::Get, "") => Answer::Page(live.document()),
            (Method::Post, "states") => {
                let more = more(&mut live, asked);
                more.map_or(Answer::Bad, Answer::Data)
            }
            _ => Answer::Absent,
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
