//! Somebody between two processes, who does what he likes with what one of them sends.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use super::{LARGER, Search};

/// What somebody between two processes does with what the second sends.
#[derive(Clone, Copy)]
pub enum Tamper {
    Nothing,
    /// Turns a bit around, after so many bytes.
    Flip(usize),
    /// Says a piece twice.
    Repeat(usize),
    /// Leaves a piece out.
    Drop(usize),
    /// Closes the connection.
    Cut(usize),
}

impl Tamper {
    /// What arrives of the next piece, after so many bytes; none for the end.
    fn on(&mut self, before: usize, piece: &[u8]) -> Option<Vec<u8>> {
        let (Tamper::Flip(at) | Tamper::Repeat(at) | Tamper::Drop(at) | Tamper::Cut(at)) = *self
        else {
            return Some(piece.to_vec());
        };
        if before < at {
            return Some(piece.to_vec());
        }
        match std::mem::replace(self, Tamper::Nothing) {
            Tamper::Flip(_) => {
                let mut piece = piece.to_vec();
                piece[0] ^= 4;
                Some(piece)
            }
            Tamper::Repeat(_) => Some(piece.repeat(2)),
            Tamper::Drop(_) => Some(Vec::new()),
            _ => None,
        }
    }
}

/// Somebody between the second process and the first. Its address, and all that the second one sends.
pub fn proxy(search: &Search, tamper: Tamper) -> (String, Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let here = listener.local_addr().expect("it is bound").to_string();
    let there = search.addresses[0].clone();
    let (tell, sent) = channel();
    thread::spawn(move || {
        for caller in listener.incoming().flatten() {
            let Ok(called) = TcpStream::connect(&there) else {
                continue;
            };
            let clone = |it: &TcpStream| it.try_clone().expect("it can be copied");
            let back = (clone(&called), clone(&caller));
            thread::spawn(move || pass_on(back.0, back.1, Tamper::Nothing, |_| {}));
            let tell = tell.clone();
            thread::spawn(move || {
                pass_on(caller, called, tamper, |piece| {
                    let _ = tell.send(piece.to_vec());
                });
            });
        }
    });
    (here, sent)
}

fn pass_on(mut from: TcpStream, mut to: TcpStream, mut tamper: Tamper, tell: impl Fn(&[u8])) {
    let (mut before, mut piece) = (0, [0; 4096]);
    while let Ok(length @ 1..) = from.read(&mut piece) {
        tell(&piece[..length]);
        let passed = tamper.on(before, &piece[..length]);
        before += length;
        if passed.is_none_or(|bytes| to.write_all(&bytes).is_err()) {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

/// Whatever somebody does to a connection, nobody takes it for what the other one said.
#[test]
fn somebody_in_between() {
    const AT: usize = 100_000;
    for (name, tamper, why) in [
        (
            "flip",
            Tamper::Flip(AT),
            "what came was not what it had sent",
        ),
        (
            "repeat",
            Tamper::Repeat(AT),
            "what came was not what it had sent",
        ),
        (
            "drop",
            Tamper::Drop(AT),
            "what came was not what it had sent",
        ),
        ("hang-up", Tamper::Cut(AT), "another process was lost"),
    ] {
        let search = Search::new(name, 2);
        let (proxy, _sent) = proxy(&search, tamper);
        let secret = search.scratch.path("secret");
        let args = [&LARGER[..], &["--secret", &secret]].concat();
        let second = search.start_among(&search.through(&proxy), 1, &args);
        search.start(0, &LARGER).ends_partial(why);
        second.ends_partial("another process was lost");
    }
}
