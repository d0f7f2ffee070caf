//! A connection to another process of the search: what comes out of it is what that process put in, or an error.
//!
//! It carries frames. Each is two bytes of length, and so many bytes that Noise has sealed: the first says what it is,
//! the others are data. Frames are numbered in the seal, so that none can be left out, repeated or made up. A frame
//! without data is sent every second: of a process from which nothing comes for longer, nothing is expected any more.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, TryLockError, Weak};
use std::thread;
use std::time::Duration;

use snow::StatelessTransportState;
use timely::communication::allocator::zero_copy::stream::Stream;

use crate::check::Loss;
use crate::check::told::Lost;

/// How often something is sent.
const BEAT: Duration = Duration::from_secs(1);

/// After so long a silence a process counts as lost.
const SILENCE: Duration = Duration::from_secs(10);

/// The longest frame, without its length.
const FRAME_MAX: usize = 65_535;

/// What a seal adds.
pub const SEAL: usize = 16;

/// The most data of a frame.
const DATA_MAX: usize = FRAME_MAX - SEAL - 1;

/// What a frame is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Nothing but a sign of life.
    Beat = 0,
    /// Data.
    Data = 1,
    /// Nothing comes any more.
    End = 2,
}

impl Kind {
    fn read(byte: u8) -> Option<Kind> {
        [Kind::Beat, Kind::Data, Kind::End]
            .into_iter()
            .find(|&kind| kind as u8 == byte)
    }
}

/// One end of a connection. Copies are the same end.
#[derive(Clone)]
pub struct Channel(Arc<Ends>);

struct Ends {
    socket: TcpStream,
    noise: StatelessTransportState,
    incoming: Mutex<Incoming>,
    outgoing: Mutex<Outgoing>,
    lost: Lost,
}

#[derive(Default)]
struct Incoming {
    /// The number of the next frame.
    number: u64,
    /// A frame as it came.
    sealed: Vec<u8>,
    /// The data of the last frame, and how much of it was read.
    data: Vec<u8>,
    read: usize,
    ended: bool,
}

#[derive(Default)]
struct Outgoing {
    number: u64,
    ended: bool,
}

impl Channel {
    /// A channel over a connection on which both sides have agreed on keys.
    ///
    /// # Errors
    ///
    /// If the connection or a thread fails.
    pub fn new(
        socket: TcpStream,
        noise: StatelessTransportState,
        lost: Lost,
    ) -> io::Result<Channel> {
        socket.set_read_timeout(Some(SILENCE))?;
        socket.set_write_timeout(Some(SILENCE))?;
        let channel = Channel(Arc::new(Ends {
            socket,
            noise,
            incoming: Mutex::default(),
            outgoing: Mutex::default(),
            lost,
        }));
        let ends = Arc::downgrade(&channel.0);
        thread::Builder::new()
            .name("heartbeat".to_owned())
            .spawn(move || beat(&ends))?;
        Ok(channel)
    }

    /// Says one word.
    pub fn tell(&self, word: u8) -> io::Result<()> {
        self.0.send(&mut self.0.outgoing(), Kind::Data, &[word])
    }

    /// Hears one word.
    pub fn hear(&self) -> io::Result<u8> {
        let mut word = [0];
        self.0.read_exact_from(&mut word)?;
        Ok(word[0])
    }

    /// Ends the connection both ways, for whoever waits on it.
    pub fn cut(&self) {
        let _ = self.0.socket.shutdown(Shutdown::Both);
    }

    fn note<T>(&self, result: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &result {
            let _ = self.0.lost.set(loss(error));
        }
        result
    }
}

impl Drop for Channel {
    /// Timely's threads take what they cannot make sense of for a fault of theirs.
    fn drop(&mut self) {
        if thread::panicking() {
            let _ = self.0.lost.set(Loss::Forged);
        }
    }
}

/// What an error says of the other process.
fn loss(error: &io::Error) -> Loss {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => Loss::Silent,
        ErrorKind::InvalidData => Loss::Forged,
        _ => Loss::Gone,
    }
}

/// Sends signs of life for as long as the channel is in use.
fn beat(ends: &Weak<Ends>) {
    loop {
        thread::sleep(BEAT);
        let Some(ends) = ends.upgrade() else { return };
        match ends.outgoing.try_lock() {
            Ok(mut outgoing) if !outgoing.ended => {
                if ends.send(&mut outgoing, Kind::Beat, &[]).is_err() {
                    return;
                }
            }
            // Where data is being sent, nobody needs another sign.
            Err(TryLockError::WouldBlock) => {}
            Ok(_) | Err(TryLockError::Poisoned(_)) => return,
        }
    }
}

impl Ends {
    fn outgoing(&self) -> MutexGuard<'_, Outgoing> {
        self.outgoing.lock().expect("nobody panics with it in hand")
    }

    fn send(&self, outgoing: &mut Outgoing, kind: Kind, data: &[u8]) -> io::Result<()> {
        let open = [&[kind as u8], data].concat();
        let mut frame = vec![0; 2 + open.len() + SEAL];
        let (length, sealed) = frame.split_at_mut(2);
        length.copy_from_slice(&(sealed.len() as u16).to_be_bytes());
        self.noise
            .write_message(outgoing.number, &open, sealed)
            .map_err(io::Error::other)?;
        outgoing.number += 1;
        outgoing.ended = kind == Kind::End;
        (&self.socket).write_all(&frame)
    }

    /// Reads a frame; what it brings lies in `incoming`.
    fn receive(&self, incoming: &mut Incoming) -> io::Result<()> {
        let mut length = [0; 2];
        (&self.socket).read_exact(&mut length)?;
        incoming
            .sealed
            .resize(usize::from(u16::from_be_bytes(length)), 0);
        (&self.socket).read_exact(&mut incoming.sealed)?;
        incoming.data.resize(incoming.sealed.len(), 0);
        let forged = |_| io::Error::from(ErrorKind::InvalidData);
        let number = incoming.number;
        let open = self
            .noise
            .read_message(number, &incoming.sealed, &mut incoming.data)
            .map_err(forged)?;
        incoming.data.truncate(open);
        incoming.number += 1;
        let kind = incoming.data.first().copied().and_then(Kind::read);
        incoming.ended = match kind {
            Some(kind) => kind == Kind::End,
            None => return Err(ErrorKind::InvalidData.into()),
        };
        incoming.read = 1;
        Ok(())
    }

    /// Reads some data: none only if there will be no more.
    fn read_from(&self, out: &mut [u8]) -> io::Result<usize> {
        let mut incoming = self.incoming.lock().expect("nobody panics with it in hand");
        while incoming.read == incoming.data.len() && !incoming.ended {
            self.receive(&mut incoming)?;
        }
        let from = incoming.read;
        let count = out.len().min(incoming.data.len() - from);
        out[..count].copy_from_slice(&incoming.data[from..][..count]);
        incoming.read += count;
        Ok(count)
    }

    fn read_exact_from(&self, mut out: &mut [u8]) -> io::Result<()> {
        while !out.is_empty() {
            match self.read_from(out)? {
                0 => return Err(ErrorKind::UnexpectedEof.into()),
                count => out = &mut out[count..],
            }
        }
        Ok(())
    }
}

impl Read for Channel {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.note(self.0.read_from(out))
    }
}

impl Write for Channel {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let data = &data[..data.len().min(DATA_MAX)];
        let sent = self.0.send(&mut self.0.outgoing(), Kind::Data, data);
        self.note(sent).map(|()| data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for Channel {
    fn try_clone(&self) -> io::Result<Channel> {
        Ok(self.clone())
    }

    /// It blocks, whatever is asked for: timely asks for nothing else.
    fn set_nonblocking(&self, _nonblocking: bool) -> io::Result<()> {
        Ok(())
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        let ended = self.0.send(&mut self.0.outgoing(), Kind::End, &[]);
        // The other side may have read that, and be gone.
        let _ = self.0.socket.shutdown(how);
        self.note(ended)
    }
}
