//! Which states have been seen: by their fingerprints, or whole.

use super::visited::{Fingerprint, Origin, Visited, fingerprint_of};
use super::whole::Whole;

/// The states that a process owns, for all its workers.
pub enum Seen {
    /// Their fingerprints.
    Prints(Box<Visited>),
    /// All their bytes.
    Whole(Whole),
}

impl Seen {
    /// An empty set of states of so many bytes.
    pub fn new(exact: bool, state_len: usize) -> Seen {
        if exact {
            Seen::Whole(Whole::new(state_len))
        } else {
            Seen::Prints(Box::new(Visited::new()))
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

    /// Adds states, each with its bytes, one after the other; tells which are new.
    pub fn insert_all(
        &self,
        prints: &[Fingerprint],
        parents: &[u64],
        bytes: &[u8],
        depth: u64,
        is_new: impl FnMut(usize),
    ) {
        match self {
            Seen::Prints(visited) => visited.insert_all(prints, parents, depth, is_new),
            Seen::Whole(whole) => whole.insert_all(parents, bytes, depth, is_new),
        }
    }

    /// One of so many portions of those that were seen, as records of a number and bytes, in which [`Seen::restore`]
    /// knows them again.
    pub fn records<E>(
        &self,
        (portion, portions): (usize, usize),
        mut each: impl FnMut(u64, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        match self {
            Seen::Prints(visited) => visited.for_each(portion, portions, |print, from| {
                each(print, &from.pack().to_le_bytes())
            }),
            Seen::Whole(whole) => {
                whole.for_each(portion, portions, |bytes, from| each(from.pack(), bytes))
            }
        }
    }

    /// The fingerprint of a record's state.
    pub fn print_of(&self, number: u64, bytes: &[u8]) -> Fingerprint {
        match self {
            Seen::Prints(_) => number,
            Seen::Whole(_) => fingerprint_of(bytes),
        }
    }

    /// Adds the state of a record.
    pub fn restore(&self, number: u64, bytes: &[u8]) {
        match self {
            Seen::Prints(visited) => {
                let from = bytes.try_into().expect("it has eight bytes");
                let Origin { parent, depth } = Origin::unpack(u64::from_le_bytes(from));
                visited.insert_all(&[number], &[parent], depth, |_| {});
            }
            Seen::Whole(whole) => {
                let Origin { parent, depth } = Origin::unpack(number);
                whole.insert_all(&[parent], bytes, depth, |_| {});
            }
        }
    }

    /// The short fingerprint of the state before the one with this short fingerprint, which is so many steps from the
    /// start.
    pub fn parent(&self, short: u64, depth: u32) -> Option<u64> {
        match self {
            Seen::Prints(visited) => visited.from(short).map(|from| from.parent),
            Seen::Whole(whole) => whole.parent(short, depth.into()),
        }
    }
}
