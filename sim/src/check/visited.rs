//! Which states have been seen, by their fingerprints, and where each was first reached from.

use xxhash_rust::xxh3::xxh3_64;

/// A state in 64 bits. Never 0, which marks a free place.
pub type Fingerprint = u64;

/// The fingerprint of a state with these bytes.
#[inline]
pub fn fingerprint_of(bytes: &[u8]) -> Fingerprint {
    xxh3_64(bytes).max(1)
}

/// The part of a fingerprint that names a state to others: its parent's children, its owner.
pub const SHORT: u64 = (1 << 48) - 1;

/// The longest way that is told apart from longer ones.
pub const DEPTH_MAX: u64 = u16::MAX as u64;

/// Tables of one set: many, which grow one at a time, so that growth is never one long stop nor twice the memory.
pub const TABLES: usize = 64;

/// Of a table's places so many in 32 are used before it grows by half.
const FULL: usize = 26;

/// How many states ahead a place is fetched.
const AHEAD: usize = 16;

/// Where a state was reached from: the short fingerprint of its parent, and how many steps from the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The state before it; its own for the first of all.
    pub parent: u64,
    /// Steps from the start, at most [`DEPTH_MAX`].
    pub depth: u64,
}

impl Origin {
    /// As one number.
    pub fn pack(self) -> u64 {
        self.depth.min(DEPTH_MAX) << 48 | self.parent & SHORT
    }

    /// From that number.
    pub fn unpack(from: u64) -> Origin {
        Origin {
            parent: from & SHORT,
            depth: from >> 48,
        }
    }
}

/// The states that one worker owns.
pub struct Visited {
    tables: Vec<Table>,
    len: u64,
}

struct Table {
    /// A fingerprint, and the parent and depth in one number.
    places: Box<[(Fingerprint, u64)]>,
    used: usize,
}

impl Visited {
    /// An empty set.
    pub fn new() -> Visited {
        // Of different sizes, so that they do not all grow at once.
        let table = |n| Table::new(32 + n / 2);
        Visited {
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
        let places: usize = self.tables.iter().map(|table| table.places.len()).sum();
        (places * size_of::<(Fingerprint, u64)>()) as u64
    }

    /// Adds states one after the other; tells which are new. The places of those to come are fetched meanwhile,
    /// because a miss in the table costs more than all else that is done for a state.
    pub fn insert_all(
        &mut self,
        prints: &[Fingerprint],
        parents: &[u64],
        depth: u64,
        mut is_new: impl FnMut(usize),
    ) {
        for &print in prints.iter().take(AHEAD) {
            self.fetch(print);
        }
        for (n, (&print, &parent)) in prints.iter().zip(parents).enumerate() {
            if let Some(&later) = prints.get(n + AHEAD) {
                self.fetch(later);
            }
            if self.insert(print, Origin { parent, depth }) {
                is_new(n);
            }
        }
    }

    /// All of them, each with where it was reached from.
    pub fn all(&self) -> impl Iterator<Item = (Fingerprint, Origin)> {
        let places = self.tables.iter().flat_map(|table| &table.places);
        let used = places.filter(|place| place.0 != 0);
        used.map(|&(print, from)| (print, Origin::unpack(from)))
    }

    fn fetch(&self, print: Fingerprint) {
        let table = &self.tables[table_of(print)];
        fetch(&table.places[table.first(print)]);
    }

    /// Adds a state; says whether it is new. Of several parents at the same depth the smallest is kept, so that it
    /// does not depend on who came first.
    pub fn insert(&mut self, print: Fingerprint, from: Origin) -> bool {
        let is_new = self.tables[table_of(print)].insert(print, from.pack());
        self.len += u64::from(is_new);
        is_new
    }

    /// Where the state with this short fingerprint was reached from.
    pub fn from(&self, short: u64) -> Option<Origin> {
        let table = &self.tables[table_of(short)];
        let mut at = table.first(short);
        while table.places[at].0 != 0 {
            if table.places[at].0 & SHORT == short {
                return Some(Origin::unpack(table.places[at].1));
            }
            at = table.next(at);
        }
        None
    }
}

impl Table {
    fn new(places: usize) -> Table {
        Table {
            places: vec![(0, 0); places].into_boxed_slice(),
            used: 0,
        }
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

    fn insert(&mut self, print: Fingerprint, from: u64) -> bool {
        let mut at = self.first(print);
        loop {
            let place = &mut self.places[at];
            if place.0 == print {
                let at_once = place.1 >> 48 == from >> 48 && place.1 >> 48 != DEPTH_MAX;
                if at_once && from < place.1 {
                    place.1 = from;
                }
                return false;
            }
            if place.0 == 0 {
                *place = (print, from);
                self.used += 1;
                if self.used * 32 > self.places.len() * FULL {
                    self.grow();
                }
                return true;
            }
            at = self.next(at);
        }
    }

    fn grow(&mut self) {
        let larger = Table::new(self.places.len() * 3 / 2);
        let smaller = std::mem::replace(self, larger);
        for &(print, from) in smaller.places.iter().filter(|place| place.0 != 0) {
            let mut at = self.first(print);
            while self.places[at].0 != 0 {
                at = self.next(at);
            }
            self.places[at] = (print, from);
        }
        self.used = smaller.used;
    }
}

/// Asks the processor to bring a place near, where that can be asked.
#[inline]
fn fetch(place: &(Fingerprint, u64)) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let place = std::ptr::from_ref(place).cast();
        // SAFETY: every processor of this kind has the instruction (SSE), which changes nothing that a program can
        // see and fails at no address; this one is borrowed besides.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(place) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = place;
}

/// The table that holds a state, by bits that its short fingerprint has too.
pub fn table_of(print: Fingerprint) -> usize {
    (print >> 42) as usize % TABLES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_is_there_after_all_growth() {
        let mut visited = Visited::new();
        let print = |n: u64| (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let from = |n: u64| Origin {
            parent: n,
            depth: n % 50,
        };
        for n in 0..100_000 {
            assert!(visited.insert(print(n), from(n)), "{n} is new");
        }
        assert_eq!(visited.len(), 100_000);
        for n in 0..100_000 {
            assert!(!visited.insert(print(n), from(n)), "{n} is there");
            assert_eq!(visited.from(print(n) & SHORT), Some(from(n)));
        }
        assert_eq!(visited.from(print(200_000) & SHORT), None);
        assert!(visited.bytes() < 30 * visited.len());
    }

    #[test]
    fn the_smallest_parent_of_the_same_depth_is_kept() {
        let mut visited = Visited::new();
        let from = |parent, depth| Origin { parent, depth };
        assert!(visited.insert(7, from(5, 3)));
        assert!(!visited.insert(7, from(4, 3)));
        assert!(!visited.insert(7, from(6, 3)));
        assert!(!visited.insert(7, from(1, 4)));
        assert_eq!(visited.from(7), Some(from(4, 3)));
        assert!(visited.insert(8, from(5, DEPTH_MAX + 9)));
        assert!(!visited.insert(8, from(4, DEPTH_MAX + 7)));
        assert_eq!(visited.from(8), Some(from(5, DEPTH_MAX)));
    }
}
