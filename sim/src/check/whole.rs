//! Which states have been seen, whole: nothing is ever taken for something else.
//!
//! A record is a state's bytes and the short fingerprint of the state before it. The table holds the numbers of
//! records, each with some bits of the fingerprint, so that few records are compared in vain.

use super::sync::{AtomicU64, Mutex, MutexGuard, Ordering};
use super::visited::{Fingerprint, SHORT, TABLES, fetch, fingerprint_of, table_of};

/// Bytes of a short fingerprint.
const PARENT: usize = 6;

/// Records in a piece of memory.
const PIECE: usize = 256;

/// Bits of a place that number a record, counted from 1; the others are of its fingerprint.
const NUMBER: u32 = (1 << 24) - 1;

/// Records of a table from which on it can take no more: what is generated until all workers have seen that still has
/// numbers.
const RECORDS_MAX: usize = NUMBER as usize - (1 << 20);

/// Of a table's places so many in 32 are used before it grows by a quarter.
const FULL: usize = 28;

/// How many states of a batch are looked up together, at most.
const TOGETHER: usize = 512;

/// The states that a process owns. All its workers add to it, each to another table at a time.
pub struct Whole {
    state_len: usize,
    tables: Vec<Mutex<Table>>,
    len: AtomicU64,
    bytes: AtomicU64,
    /// Records of the table that has most.
    records_max: AtomicU64,
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
        let whole = Whole {
            state_len,
            tables: (0..TABLES).map(table).map(Mutex::new).collect(),
            len: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            records_max: AtomicU64::new(0),
        };
        let bytes = whole.tables().map(|table| table.bytes(state_len)).sum();
        whole.bytes.store(bytes, Ordering::Relaxed);
        whole
    }

    fn tables(&self) -> impl Iterator<Item = MutexGuard<'_, Table>> {
        self.tables.iter().map(locked)
    }

    /// How many states there are.
    pub fn len(&self) -> u64 {
        self.len.load(Ordering::Relaxed)
    }

    /// Bytes of memory in use.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Whether some table can take no more.
    pub fn is_full(&self) -> bool {
        self.records_max.load(Ordering::Relaxed) > RECORDS_MAX as u64
    }

    /// What is added from now on is a step further from the start.
    pub fn descend(&self) {
        for mut table in self.tables() {
            table.depth_from = table.records;
        }
    }

    /// Adds states, each with its bytes, one after the other; tells which are new, in some order.
    ///
    /// Of several parents at the same depth the smallest is kept, so that it does not depend on who came first.
    pub fn insert_all(
        &self,
        prints: &[Fingerprint],
        parents: &[u64],
        bytes: &[u8],
        mut is_new: impl FnMut(usize),
    ) {
        let len = self.state_len;
        let mut new = 0;
        for (chunk, prints) in prints.chunks(TOGETHER).enumerate() {
            // By tables, so that each is locked once.
            let mut ends = [0_u16; TABLES];
            for &print in prints {
                ends[table_of(print)] += 1;
            }
            let mut end = 0;
            for count in &mut ends {
                end += *count;
                *count = end;
            }
            let mut order = [0_u16; TOGETHER];
            let mut starts = ends;
            for (n, &print) in prints.iter().enumerate().rev() {
                let start = &mut starts[table_of(print)];
                *start -= 1;
                order[usize::from(*start)] = n as u16;
            }
            for (n, table) in self.tables.iter().enumerate() {
                let of_table = &order[usize::from(starts[n])..usize::from(ends[n])];
                if of_table.is_empty() {
                    continue;
                }
                let mut table = locked(table);
                let bytes_before = table.bytes(len);
                // A miss in memory costs more than all else: those of a table are waited for together.
                let prints_of_table = || of_table.iter().map(|&n| prints[usize::from(n)]);
                prints_of_table().for_each(|print| table.fetch_place(print));
                prints_of_table().for_each(|print| table.fetch_record(print, len));
                for &n in of_table {
                    let (n, at) = (usize::from(n), chunk * TOGETHER + usize::from(n));
                    if table.insert(prints[n], &bytes[at * len..][..len], parents[at] & SHORT) {
                        new += 1;
                        is_new(at);
                    }
                }
                let more = table.bytes(len) - bytes_before;
                if more > 0 {
                    self.bytes.fetch_add(more, Ordering::Relaxed);
                    let records = table.records as u64;
                    self.records_max.fetch_max(records, Ordering::Relaxed);
                }
            }
        }
        self.len.fetch_add(new, Ordering::Relaxed);
    }

    /// The short fingerprint of the state before the one with this short fingerprint.
    pub fn parent(&self, short: u64) -> Option<u64> {
        let table = locked(&self.tables[table_of(short)]);
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

    /// Those of one in so many tables, counted from `first`: each with the short fingerprint of its parent, and whether
    /// it is of the newest depth.
    pub fn for_each<E>(
        &self,
        first: usize,
        of: usize,
        mut each: impl FnMut(&[u8], u64, bool) -> Result<(), E>,
    ) -> Result<(), E> {
        for table in self.tables().skip(first).step_by(of) {
            for n in 0..table.records {
                let (bytes, parent) = table.record(n as u32 + 1, self.state_len);
                each(bytes, parent, n >= table.depth_from)?;
            }
        }
        Ok(())
    }
}

fn locked(table: &Mutex<Table>) -> MutexGuard<'_, Table> {
    table.lock().expect("nobody panics with it in hand")
}

impl Table {
    fn bytes(&self, state_len: usize) -> u64 {
        let piece = PIECE * (state_len + PARENT);
        (4 * self.places.len() + piece * self.pieces.len()) as u64
    }

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

    #[inline]
    fn fetch_place(&self, print: Fingerprint) {
        fetch(&self.places[self.first(print)]);
    }

    /// Fetches the record with which this one will be compared first.
    #[inline]
    fn fetch_record(&self, print: Fingerprint, state_len: usize) {
        let (mut at, bits) = (self.first(print), bits_of(print));
        while self.places[at] != 0 {
            if self.places[at] & !NUMBER == bits {
                let (bytes, _) = self.record(self.places[at], state_len);
                bytes.first().into_iter().for_each(fetch);
                return bytes.last().into_iter().for_each(fetch);
            }
            at = self.next(at);
        }
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

    fn insert(whole: &Whole, print: Fingerprint, bytes: &[u8], parent: u64) -> bool {
        let mut is_new = false;
        whole.insert_all(&[print], &[parent], bytes, |_| is_new = true);
        is_new
    }

    #[test]
    fn states_with_one_fingerprint_are_two() {
        let whole = Whole::new(4);
        assert!(insert(&whole, 9, &[1, 2, 3, 4], 5));
        assert!(insert(&whole, 9, &[1, 2, 3, 5], 5));
        assert!(!insert(&whole, 9, &[1, 2, 3, 5], 5));
        assert_eq!(whole.len(), 2);
    }

    #[test]
    fn a_batch_is_added_whatever_its_order() {
        let whole = Whole::new(4);
        let bytes: Vec<u8> = (0..3_000_u32)
            .flat_map(|n| (n % 1_000).to_le_bytes())
            .collect();
        let prints: Vec<_> = bytes.chunks(4).map(fingerprint_of).collect();
        let parents: Vec<u64> = (0..3_000).rev().collect();
        let mut new = Vec::new();
        whole.insert_all(&prints, &parents, &bytes, |n| new.push(n % 1_000));
        new.sort_unstable();
        assert_eq!(new, Vec::from_iter(0..1_000));
        for (&print, parent) in prints[..1_000].iter().zip((0..1_000).rev()) {
            assert_eq!(whole.parent(print & SHORT), Some(parent));
        }
    }

    #[test]
    fn what_was_added_is_there_after_all_growth() {
        let whole = Whole::new(4);
        let add = |n: u32, parent| {
            let bytes = n.to_le_bytes();
            insert(&whole, fingerprint_of(&bytes), &bytes, parent)
        };
        for n in 0..50_000 {
            assert!(add(n, n.into()), "{n} is new");
        }
        whole.descend();
        let parent = |n: u32| whole.parent(fingerprint_of(&n.to_le_bytes()) & SHORT);
        for n in 0..50_000 {
            assert!(!add(n, 0), "{n} is there");
            assert_eq!(
                parent(n),
                Some(n.into()),
                "a parent of an earlier depth stays"
            );
        }
        assert!(add(60_000, 7));
        assert!(!add(60_000, 8));
        assert!(!add(60_000, 6));
        assert_eq!(parent(60_000), Some(6));
        let (mut all, mut newest) = (0, 0);
        let told = whole.for_each(0, 1, |_, _, is_newest| {
            (all, newest) = (all + 1, newest + u32::from(is_newest));
            Ok::<_, ()>(())
        });
        assert_eq!((told, all, newest), (Ok(()), 50_001, 1));
    }
}
