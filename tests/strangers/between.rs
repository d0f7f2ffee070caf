//! Somebody between two processes, who does what he likes with what one of them sends.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use super::{GREETING, LARGER, Search};

/// What somebody between two processes does with what the second sends.
#[derive(Clone, Copy)]
pub enum Tamper {
    Nothing,
    /// Turns a bit around, in this frame.
    Flip(usize),
    /// Says this frame twice.
    Repeat(usize),
    /// Leaves this frame out.
    Drop(usize),
    /// Closes the connection before this frame.
    Cut(usize),
}

impl Tamper {
    /// What arrives of the frame of this number; none for the end.
    fn on(self, number: usize, mut frame: Vec<u8>) -> Option<Vec<u8>> {
        match self {
            Tamper::Flip(at) if at == number => {
                frame[10] ^= 4;
                Some(frame)
            }
            Tamper::Repeat(at) if at == number => Some(frame.repeat(2)),
            Tamper::Drop(at) if at == number => Some(Vec::new()),
            Tamper::Cut(at) if at == number => None,
            _ => Some(frame),
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

fn pass_on(mut from: TcpStream, mut to: TcpStream, tamper: Tamper, tell: impl Fn(&[u8])) {
    for number in 0.. {
        let Ok(frame) = frame(&mut from, number) else {
            break;
        };
        tell(&frame);
        let passed = tamper.on(number, frame);
        if passed.is_none_or(|bytes| to.write_all(&bytes).is_err()) {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

/// The next frame: the greeting, or a length and what it counts.
fn frame(from: &mut TcpStream, number: usize) -> io::Result<Vec<u8>> {
    if number == 0 {
        let mut greeting = vec![0; GREETING];
        from.read_exact(&mut greeting)?;
        return Ok(greeting);
    }
    let mut length = [0; 2];
    from.read_exact(&mut length)?;
    let mut frame = length.to_vec();
    frame.resize(2 + usize::from(u16::from_be_bytes(length)), 0);
    from.read_exact(&mut frame[2..])?;
    Ok(frame)
}

/// Whatever somebody does to a connection, nobody takes it for what the other one said.
#[test]
fn somebody_in_between() {
    const AT: usize = 30;
    const FORGED: &str = "what came was not what it had sent";
    for (name, tamper, why) in [
        ("flip", Tamper::Flip(AT), FORGED),
        ("repeat", Tamper::Repeat(AT), FORGED),
        ("drop", Tamper::Drop(AT), FORGED),
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
