//! Which states have been seen: by their fingerprints, or whole.

use std::io;

use super::visited::{Fingerprint, Origin, Visited, fingerprint_of};
use super::whole::Whole;

/// The states that one worker owns.
pub enum Seen {
    /// Their fingerprints.
    Prints(Visited),
    /// All their bytes.
    Whole(Whole),
}

impl Seen {
    /// An empty set of states of so many bytes.
    pub fn new(exact: bool, state_len: usize) -> Seen {
        if exact {
            Seen::Whole(Whole::new(state_len))
        } else {
            Seen::Prints(Visited::new())
        }
    }

    /// How many states there are.
    pub fn len(&self) -> u64 {
        match self {
            Seen::Prints(visited) => visited.len(),
            Seen::Whole(whole) => whole.len(),
        }
    }

    /// Bytes of memory in use.
    pub fn bytes(&self) -> u64 {
        match self {
            Seen::Prints(visited) => visited.bytes(),
            Seen::Whole(whole) => whole.bytes(),
        }
    }

    /// Whether it can take no more, however much memory there is.
    pub fn is_full(&self) -> bool {
        matches!(self, Seen::Whole(whole) if whole.is_full())
    }

    /// What is added from now on is a step further from the start.
    pub fn descend(&mut self) {
        if let Seen::Whole(whole) = self {
            whole.descend();
        }
    }

    /// Adds states, each with its bytes, one after the other; tells which are new.
    pub fn insert_all(
        &mut self,
        prints: &[Fingerprint],
        parents: &[u64],
        bytes: &[u8],
        depth: u64,
        mut is_new: impl FnMut(usize),
    ) {
        match self {
            Seen::Prints(visited) => visited.insert_all(prints, parents, depth, is_new),
            Seen::Whole(whole) => {
                let len = bytes.len() / prints.len().max(1);
                for (n, (&print, &parent)) in prints.iter().zip(parents).enumerate() {
                    if whole.insert(print, &bytes[n * len..][..len], parent) {
                        is_new(n);
                    }
                }
            }
        }
    }

    /// Those that were seen as records of a number and bytes, in which [`Seen::restore`] knows them again; where whole
    /// states are kept, those of the newest depth or all others.
    pub fn records(
        &self,
        newest: bool,
        mut each: impl FnMut(u64, &[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        match self {
            Seen::Prints(_) if newest => Ok(()),
            Seen::Prints(visited) => visited
                .all()
                .try_for_each(|(print, from)| each(print, &from.pack().to_le_bytes())),
            Seen::Whole(whole) => whole
                .all()
                .filter(|it| it.2 == newest)
                .try_for_each(|(bytes, parent, _)| each(parent, bytes)),
        }
    }

    /// The fingerprint of a record's state.
    pub fn print_of(&self, number: u64, bytes: &[u8]) -> Fingerprint {
        match self {
            Seen::Prints(_) => number,
            Seen::Whole(_) => fingerprint_of(bytes),
        }
    }

    /// Adds the state of a record; says whether there was room.
    pub fn restore(&mut self, number: u64, bytes: &[u8]) -> bool {
        match self {
            Seen::Prints(visited) => {
                let from = bytes.try_into().expect("it has eight bytes");
                visited.insert(number, Origin::unpack(u64::from_le_bytes(from)));
                true
            }
            Seen::Whole(whole) => {
                let print = fingerprint_of(bytes);
                let has_room = whole.has_room(print);
                if has_room {
                    whole.insert(print, bytes, number);
                }
                has_room
            }
        }
    }

    /// The short fingerprint of the state before the one with this short fingerprint.
    pub fn parent(&self, short: u64) -> Option<u64> {
        match self {
            Seen::Prints(visited) => visited.from(short).map(|from| from.parent),
            Seen::Whole(whole) => whole.parent(short),
        }
    }
}
