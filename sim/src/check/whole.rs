//! Which states have been seen, whole: nothing is ever taken for something else.
//!
//! A record is a state's bytes and the short fingerprint of the state before it. The table holds the numbers of
//! records, each with some bits of the fingerprint, so that few records are compared in vain.

use super::visited::{Fingerprint, SHORT, TABLES, fingerprint_of, table_of};

/// Bytes of a short fingerprint.
const PARENT: usize = 6;

/// Records in a piece of memory.
const PIECE: usize = 256;

/// Bits of a place that number a record, counted from 1; the others are of its fingerprint.
const NUMBER: u32 = (1 << 24) - 1;

/// The most records of one table: a batch more always has a number.
const RECORDS_MAX: usize = NUMBER as usize - 4096;

/// Of a table's places so many in 32 are used before it grows by a quarter.
const FULL: usize = 28;

/// The states that one worker owns.
pub struct Whole {
    state_len: usize,
    tables: Vec<Table>,
    len: u64,
}

struct Table {
    places: Box<[u32]>,
    /// Records, so many to a piece.
    pieces: Vec<Vec<u8>>,
    records: usize,
    /// Records before this one are of earlier depths.
    depth_from: usize,
}

impl Whole {
    /// An empty set of states of so many bytes.
    pub fn new(state_len: usize) -> Whole {
        let table = |n| Table {
            // Of different sizes, so that they do not all grow at once.
            places: vec![0; 32 + n].into_boxed_slice(),
            pieces: Vec::new(),
            records: 0,
            depth_from: 0,
        };
        Whole {
            state_len,
            tables: (0..TABLES).map(table).collect(),
            len: 0,
        }
    }

    /// How many states there are.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Bytes of memory in use.
    pub fn bytes(&self) -> u64 {
        let piece = PIECE * (self.state_len + PARENT);
        let bytes = |table: &Table| 4 * table.places.len() + piece * table.pieces.len();
        self.tables.iter().map(bytes).sum::<usize>() as u64
    }

    /// Whether some table can take no more.
    pub fn is_full(&self) -> bool {
        self.tables.iter().any(|table| table.records > RECORDS_MAX)
    }

    /// Whether the table of this state can take more.
    pub fn has_room(&self, print: Fingerprint) -> bool {
        self.tables[table_of(print)].records <= RECORDS_MAX
    }

    /// What is added from now on is a step further from the start.
    pub fn descend(&mut self) {
        for table in &mut self.tables {
            table.depth_from = table.records;
        }
    }

    /// Adds a state; says whether it is new. Of several parents at the same depth the smallest is kept, so that it
    /// does not depend on who came first.
    pub fn insert(&mut self, print: Fingerprint, bytes: &[u8], parent: u64) -> bool {
        let is_new = self.tables[table_of(print)].insert(print, bytes, parent & SHORT);
        self.len += u64::from(is_new);
        is_new
    }

    /// The short fingerprint of the state before the one with this short fingerprint.
    pub fn parent(&self, short: u64) -> Option<u64> {
        let table = &self.tables[table_of(short)];
        let mut at = table.first(short);
        while table.places[at] != 0 {
            let (bytes, parent) = table.record(table.places[at], self.state_len);
            if fingerprint_of(bytes) & SHORT == short {
                return Some(parent);
            }
            at = table.next(at);
        }
        None
    }

    /// All of them, each with the short fingerprint of its parent and whether it is of the newest depth.
    pub fn all(&self) -> impl Iterator<Item = (&[u8], u64, bool)> {
        self.tables.iter().flat_map(|table| {
            (0..table.records).map(|n| {
                let (bytes, parent) = table.record(n as u32 + 1, self.state_len);
                (bytes, parent, n >= table.depth_from)
            })
        })
    }
}

impl Table {
    fn first(&self, print: Fingerprint) -> usize {
        (((print & u64::from(u32::MAX)) * self.places.len() as u64) >> 32) as usize
    }

    fn next(&self, at: usize) -> usize {
        if at + 1 == self.places.len() {
            0
        } else {
            at + 1
        }
    }

    /// The state and the parent of the record that a place numbers.
    fn record(&self, place: u32, state_len: usize) -> (&[u8], u64) {
        let n = (place & NUMBER) as usize - 1;
        let len = state_len + PARENT;
        let record = &self.pieces[n / PIECE][n % PIECE * len..][..len];
        let (bytes, short) = record.split_at(state_len);
        let mut parent = [0; 8];
        parent[..PARENT].copy_from_slice(short);
        (bytes, u64::from_le_bytes(parent))
    }

    fn insert(&mut self, print: Fingerprint, bytes: &[u8], parent: u64) -> bool {
        let mut at = self.first(print);
        let bits = bits_of(print);
        while self.places[at] != 0 {
            let place = self.places[at];
            if place & !NUMBER == bits {
                let (there, so_far) = self.record(place, bytes.len());
                if there == bytes {
                    let n = (place & NUMBER) as usize - 1;
                    if n >= self.depth_from && parent < so_far {
                        self.set_parent(n, bytes.len(), parent);
                    }
                    return false;
                }
            }
            at = self.next(at);
        }
        if self.records.is_multiple_of(PIECE) {
            let piece = Vec::with_capacity(PIECE * (bytes.len() + PARENT));
            self.pieces.push(piece);
        }
        let piece = self.pieces.last_mut().expect("one was pushed");
        piece.extend_from_slice(bytes);
        piece.extend_from_slice(&parent.to_le_bytes()[..PARENT]);
        self.records += 1;
        self.places[at] = bits | self.records as u32;
        if self.records * 32 > self.places.len() * FULL {
            self.grow(bytes.len());
        }
        true
    }

    fn set_parent(&mut self, n: usize, state_len: usize, parent: u64) {
        let at = n % PIECE * (state_len + PARENT) + state_len;
        self.pieces[n / PIECE][at..at + PARENT].copy_from_slice(&parent.to_le_bytes()[..PARENT]);
    }

    fn grow(&mut self, state_len: usize) {
        let larger = self.places.len() * 5 / 4;
        self.places = vec![0; larger].into_boxed_slice();
        for n in 1..=self.records as u32 {
            let print = fingerprint_of(self.record(n, state_len).0);
            let mut at = self.first(print);
            while self.places[at] != 0 {
                at = self.next(at);
            }
            self.places[at] = bits_of(print) | n;
        }
    }
}

/// Bits of a fingerprint that neither its owner nor its place depends on.
fn bits_of(print: Fingerprint) -> u32 {
    ((print >> 48) as u32) << 24
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_with_one_fingerprint_are_two() {
        let mut whole = Whole::new(4);
        assert!(whole.insert(9, &[1, 2, 3, 4], 5));
        assert!(whole.insert(9, &[1, 2, 3, 5], 5));
        assert!(!whole.insert(9, &[1, 2, 3, 5], 5));
        assert_eq!(whole.len(), 2);
    }

    #[test]
    fn what_was_added_is_there_after_all_growth() {
        let mut whole = Whole::new(4);
        let add = |whole: &mut Whole, n: u32, parent| {
            let bytes = n.to_le_bytes();
            whole.insert(fingerprint_of(&bytes), &bytes, parent)
        };
        for n in 0..50_000 {
            assert!(add(&mut whole, n, n.into()), "{n} is new");
        }
        whole.descend();
        for n in 0..50_000 {
            assert!(!add(&mut whole, n, 0), "{n} is there");
            let parent = whole.parent(fingerprint_of(&n.to_le_bytes()) & SHORT);
            assert_eq!(parent, Some(n.into()), "a parent of an earlier depth stays");
        }
        assert!(add(&mut whole, 60_000, 7));
        assert!(!add(&mut whole, 60_000, 8));
        assert!(!add(&mut whole, 60_000, 6));
        assert_eq!(
            whole.parent(fingerprint_of(&60_000u32.to_le_bytes()) & SHORT),
            Some(6)
        );
        assert_eq!(whole.all().count(), 50_001);
        assert_eq!(whole.all().filter(|(.., newest)| *newest).count(), 1);
    }
}
