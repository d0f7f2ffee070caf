//! Connections, one end of which wepoll watches.
//!
//! Both ends are of this process, and nothing is held back on the way: what one end has sent, the other can read at once.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::windows::io::AsRawSocket;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::calls::Port;
use crate::native::lock::lock;

/// For how long something may be on its way to the other end.
const ON_THE_WAY: Duration = Duration::from_millis(100);

/// How long a socket must stay full, or empty, while its two buffers may still move.
const STAYS: Duration = Duration::from_millis(2);

/// Numbers that name something that is closed: nothing else of ours may get one before the run is over. The system gives
/// them to whoever comes next.
#[derive(Default)]
pub struct Taken(Mutex<Vec<usize>>);

impl Taken {
    /// Keeps the number of something that is about to be closed.
    pub fn keep(&self, number: usize) {
        lock(&self.0).push(number);
    }

    /// A connection whose numbers are free.
    pub fn connection(&self) -> io::Result<Connection> {
        let numbers = |it: &Connection| vec![it.number(), number_of(&it.peer)];
        self.untaken(Connection::new, numbers, drop)
    }

    /// A port whose number is free.
    pub fn port(&self) -> io::Result<Port> {
        let close = |it: Port| drop(it.close());
        self.untaken(Port::new, |it| vec![it.number()], close)
    }

    fn untaken<T>(
        &self,
        make: impl Fn() -> io::Result<T>,
        numbers: impl Fn(&T) -> Vec<usize>,
        close: impl Fn(T),
    ) -> io::Result<T> {
        // Kept until another one is found, so that its number does not come again.
        let mut unfit = Vec::new();
        loop {
            let made = make()?;
            let taken = lock(&self.0);
            let is_taken = numbers(&made).iter().any(|number| taken.contains(number));
            drop(taken);
            if !is_taken {
                unfit.into_iter().for_each(close);
                return Ok(made);
            }
            unfit.push(made);
        }
    }
}

/// A connection.
pub struct Connection {
    /// The end that is watched.
    pub end: TcpStream,
    peer: TcpStream,
}

impl Connection {
    fn new() -> io::Result<Connection> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let end = TcpStream::connect(listener.local_addr()?)?;
        let (peer, _) = listener.accept()?;
        for socket in [&end, &peer] {
            socket.set_nodelay(true)?;
            socket.set_nonblocking(true)?;
        }
        Ok(Connection { end, peer })
    }

    /// What wepoll knows it by.
    pub fn number(&self) -> usize {
        number_of(&self.end)
    }

    /// Both ends.
    pub fn into_ends(self) -> (TcpStream, TcpStream) {
        (self.end, self.peer)
    }

    /// Makes it readable.
    pub fn write(&self) -> io::Result<()> {
        write(&self.peer, Some(&self.end))
    }
}

/// The number of a socket.
pub fn number_of(socket: &TcpStream) -> usize {
    socket.as_raw_socket() as usize
}

/// Sends a byte, and comes back when the other end has it, if that is open. Nobody is told that it is not.
pub fn write(mut from: &TcpStream, to: Option<&TcpStream>) -> io::Result<()> {
    match from.write(&[0]) {
        Ok(_) => {}
        Err(error) if is_gone(&error) => return Ok(()),
        Err(error) => return Err(error),
    }
    let end = Instant::now() + ON_THE_WAY;
    while to.is_some_and(|to| is_empty(to)) && Instant::now() < end {
        std::hint::spin_loop();
    }
    Ok(())
}

/// Sends until nothing moves any more.
pub fn fill(mut socket: &TcpStream) -> io::Result<()> {
    let piece = [0; 1 << 16];
    let mut since = Instant::now();
    while since.elapsed() < STAYS {
        match socket.write(&piece) {
            Ok(_) => since = Instant::now(),
            Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::yield_now(),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Reads until nothing is there, and for `STAYS` nothing comes where `all`.
pub fn read_empty(mut socket: &TcpStream, all: bool) -> io::Result<()> {
    let mut room = [0; 1 << 16];
    let mut since = Instant::now();
    loop {
        match socket.read(&mut room) {
            Ok(0) => return Ok(()),
            Ok(_) => since = Instant::now(),
            Err(error) if is_gone(&error) => return Ok(()),
            Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error),
            Err(_) if all && since.elapsed() < STAYS => std::thread::yield_now(),
            Err(_) => return Ok(()),
        }
    }
}

fn is_empty(socket: &TcpStream) -> bool {
    let peeked = socket.peek(&mut [0]);
    peeked.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
}

/// Whether the other end was closed.
fn is_gone(error: &io::Error) -> bool {
    use ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
    matches!(
        error.kind(),
        BrokenPipe | ConnectionAborted | ConnectionReset
    )
}
