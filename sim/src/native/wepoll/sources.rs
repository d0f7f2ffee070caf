//! What the ports of a run watch: ends of connections, whose other ends nobody watches.

use std::io;
use std::net::TcpStream;
use std::sync::Mutex;

use portsim_model::program::{Program, Source, SourceId};

use super::sockets::{Taken, fill, number_of, read_empty, write};
use super::{Answer, Failure, failure};
use crate::native::lock::lock;

/// The sources of a run.
pub struct Sources(Vec<End>);

struct End {
    /// The socket that has the number of the source, and duplicates behind it. In front of these there is none where it is
    /// closed.
    open: Mutex<Vec<Option<TcpStream>>>,
    number: usize,
    peer: TcpStream,
}

impl Sources {
    /// As they are at the start.
    pub fn new(program: &Program, taken: &Taken) -> Result<Sources, Failure> {
        let source = |source: &Source| {
            let connection = taken.connection();
            let connection = connection.map_err(|error| failure("connect", error))?;
            if source.readable {
                connection.write().map_err(|error| failure("send", error))?;
            }
            if source.writable == Some(false) {
                fill(&connection.end).map_err(|error| failure("send", error))?;
            }
            let number = connection.number();
            let (end, peer) = connection.into_ends();
            Ok(End {
                open: Mutex::new(vec![Some(end)]),
                number,
                peer,
            })
        };
        let sources = program.sources.iter().map(source);
        Ok(Sources(sources.collect::<Result<_, Failure>>()?))
    }

    /// The number of a source, whether or not it is open.
    pub fn number(&self, source: SourceId) -> usize {
        self.0[source.index()].number
    }

    /// The numbers of all of them.
    pub fn numbers(&self) -> impl Iterator<Item = usize> {
        self.0.iter().map(|end| end.number)
    }

    /// Makes it readable. Nobody is told that nothing of it is open any more.
    pub fn write(&self, source: SourceId) -> Result<Answer, Failure> {
        let end = &self.0[source.index()];
        let written = end.with_open(|open| write(&end.peer, open));
        written.map_err(|error| failure("send", error))?;
        Ok(Answer::Done)
    }

    /// Reads it empty; says whether it is open.
    pub fn drain(&self, source: SourceId) -> Result<bool, Failure> {
        let drained = |open: Option<&TcpStream>| open.map(|open| read_empty(open, false));
        self.is_done("recv", source, drained)
    }

    /// Fills it; says whether it is open.
    pub fn fill(&self, source: SourceId) -> Result<bool, Failure> {
        self.is_done("send", source, |open| open.map(fill))
    }

    fn is_done(
        &self,
        call: &str,
        source: SourceId,
        make: impl FnOnce(Option<&TcpStream>) -> Option<io::Result<()>>,
    ) -> Result<bool, Failure> {
        let made = self.0[source.index()].with_open(make).transpose();
        let made = made.map_err(|error| failure(call, error))?;
        Ok(made.is_some())
    }

    /// Lets the other end read it empty.
    pub fn make_room(&self, source: SourceId) -> Result<Answer, Failure> {
        let read = read_empty(&self.0[source.index()].peer, true);
        read.map_err(|error| failure("recv", error))?;
        Ok(Answer::Done)
    }

    /// Closes the socket that has its number, or else a duplicate; says whether there was one.
    pub fn close(&self, source: SourceId, taken: &Taken) -> bool {
        let mut open = lock(&self.0[source.index()].open);
        let first = open.iter_mut().find_map(Option::take);
        drop(open);
        if let Some(first) = &first {
            taken.keep(number_of(first));
        }
        first.is_some()
    }

    /// Makes one more socket of it; says whether there is one that has its number.
    pub fn duplicate(&self, source: SourceId) -> Result<bool, Failure> {
        let mut open = lock(&self.0[source.index()].open);
        let Some(first) = &open[0] else {
            return Ok(false);
        };
        let copy = first.try_clone();
        let copy = copy.map_err(|error| failure("WSADuplicateSocketW", error))?;
        open.push(Some(copy));
        Ok(true)
    }

    /// Closes all that are open.
    pub fn close_all(&self) {
        for end in &self.0 {
            lock(&end.open).clear();
        }
    }
}

impl End {
    /// What a call says on a socket that is open, if one is.
    fn with_open<T>(&self, call: impl FnOnce(Option<&TcpStream>) -> T) -> T {
        call(lock(&self.open).iter().flatten().next())
    }
}
