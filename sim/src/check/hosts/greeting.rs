//! How two processes make sure of each other: Noise NNpsk0, where both sides show that they have the secret.
//!
//! ```text
//!   who calls                          who is called
//!      | -- e, its hello, sealed ----------> |   an old one may have been recorded,
//!      | <---- e, ee, its hello, sealed ---- |   so that this answers it,
//!      | -- SURE, over the channel --------> |   and only this is the proof
//!      | <-------- WELCOME, or TAKEN ------- |
//! ```
//!
//! Who is called says nothing before it has read a first message that only one with the secret can have made.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;

use snow::{Builder, HandshakeState, StatelessTransportState};

use super::channel::SEAL;
use crate::check::secret::Secret;

/// Keys from fresh Diffie-Hellman values, and the secret mixed in before anything else.
const PROTOCOL: &str = "Noise_NNpsk0_25519_ChaChaPoly_SHA256";

/// Both sides must mean the same by what they say.
const PROLOGUE: &[u8] = b"portsim search 3";

/// Bytes of a public Diffie-Hellman value.
const PUBLIC: usize = 32;

/// Bytes of a hello.
const HELLO_LEN: usize = 3 * size_of::<u64>();

/// Bytes of a message of the greeting.
const MESSAGE_LEN: usize = PUBLIC + HELLO_LEN + SEAL;

/// Who called has read an answer to what it said just now.
pub const SURE: u8 = b's';
/// Who is called has waited for this process.
pub const WELCOME: u8 = b'w';
/// There is a process with this number.
pub const TAKEN: u8 = b't';
/// All processes have come to the one that says this.
pub const READY: u8 = b'r';

/// What a process says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hello {
    /// Its number.
    pub process: u64,
    /// How many processes it knows of.
    pub processes: u64,
    /// What it searches.
    pub search: u64,
}

impl Hello {
    fn bytes(self) -> [u8; HELLO_LEN] {
        let mut bytes = [0; HELLO_LEN];
        let numbers = [self.process, self.processes, self.search];
        for (place, number) in bytes.chunks_exact_mut(8).zip(numbers) {
            place.copy_from_slice(&number.to_le_bytes());
        }
        bytes
    }

    fn read(bytes: &[u8; HELLO_LEN]) -> Hello {
        let number = |n: usize| {
            let bytes = &bytes[8 * n..][..8];
            u64::from_le_bytes(bytes.try_into().expect("eight bytes"))
        };
        Hello {
            process: number(0),
            processes: number(1),
            search: number(2),
        }
    }

    /// Whether both search the same; in words, if they do not.
    pub fn agrees_with(&self, other: &Hello) -> Result<(), String> {
        if self.search != other.search {
            return Err("the processes do not search the same scenario in the same way".to_owned());
        }
        if self.processes != other.processes {
            return Err(format!(
                "the processes have different files of hosts: of {} and of {}",
                self.processes, other.processes
            ));
        }
        Ok(())
    }
}

/// Greets a process that is called; what it says of itself, and the keys that both now have.
pub fn call(
    socket: &TcpStream,
    secret: &Secret,
    own: Hello,
) -> io::Result<(Hello, StatelessTransportState)> {
    let mut noise = builder(secret)
        .and_then(Builder::build_initiator)
        .map_err(io::Error::other)?;
    say(socket, &mut noise, own)?;
    let theirs = hear(socket, &mut noise)?;
    Ok((theirs, keys(noise)?))
}

/// Answers whoever calls. The keys say nothing yet of who has them: see the module.
pub fn answer(
    socket: &TcpStream,
    secret: &Secret,
    own: Hello,
) -> io::Result<(Hello, StatelessTransportState)> {
    let mut noise = builder(secret)
        .and_then(Builder::build_responder)
        .map_err(io::Error::other)?;
    let theirs = hear(socket, &mut noise)?;
    say(socket, &mut noise, own)?;
    Ok((theirs, keys(noise)?))
}

fn builder(secret: &Secret) -> Result<Builder<'_>, snow::Error> {
    let protocol = PROTOCOL.parse().expect("it is one");
    Builder::new(protocol).psk(0, &secret.0)?.prologue(PROLOGUE)
}

fn keys(noise: HandshakeState) -> io::Result<StatelessTransportState> {
    noise
        .into_stateless_transport_mode()
        .map_err(io::Error::other)
}

fn say(mut socket: &TcpStream, noise: &mut HandshakeState, hello: Hello) -> io::Result<()> {
    let mut message = [0; MESSAGE_LEN];
    noise
        .write_message(&hello.bytes(), &mut message)
        .map_err(io::Error::other)?;
    socket.write_all(&message)
}

fn hear(mut socket: &TcpStream, noise: &mut HandshakeState) -> io::Result<Hello> {
    let (mut message, mut hello) = ([0; MESSAGE_LEN], [0; MESSAGE_LEN]);
    socket.read_exact(&mut message)?;
    let stranger = |_| io::Error::from(ErrorKind::PermissionDenied);
    noise.read_message(&message, &mut hello).map_err(stranger)?;
    let hello = hello.first_chunk().expect("it is longer");
    Ok(Hello::read(hello))
}
