//! Which states have been seen, by their fingerprints, and where each was first reached from.

use xxhash_rust::xxh3::xxh3_64;

use super::sync::{AtomicU64, Ordering, RwLock};

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
pub const TABLES: usize = if cfg!(all(test, loom)) { 1 } else { 64 };

/// Of a table's places so many in 32 are used, as far as fingerprints fall evenly, before it grows.
const FULL: u64 = 26;

/// Lines of the smallest table there is.
const LINES: usize = if cfg!(all(test, loom)) { 1 } else { 32 };

/// A table of more lines grows by a quarter, to save memory; a smaller one becomes twice as large, to save time.
const LARGE: usize = 1 << 14;

/// Places of a line.
const PLACES: usize = 4;

/// Why a lock is never poisoned.
const UNHARMED: &str = "nobody panics with it in hand";

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

/// The states that a process owns. All its workers add to it at once: whoever puts a fingerprint into a free place has
/// the state. While a table grows they stand still.
pub struct Visited {
    tables: RwLock<[Table; TABLES]>,
    len: AtomicU64,
    /// With so many states the smallest table is full.
    len_max: AtomicU64,
    bytes: AtomicU64,
}

struct Table {
    lines: Box<[Line]>,
}

/// Places that lie in one line of a processor's cache.
#[derive(Default)]
#[repr(align(64))]
struct Line {
    prints: [AtomicU64; 4],
    /// Of each state, the parent and depth in one number; the smallest of those that were told. Inverted, so that a free
    /// place is 0 throughout.
    froms: [AtomicU64; 4],
}

/// How large tables are.
struct Size {
    /// See [`Visited`].
    len_max: u64,
    bytes: u64,
}

impl Size {
    fn of(tables: &[Table; TABLES]) -> Size {
        let lines = tables.each_ref().map(|table| table.lines.len());
        let smallest = lines.into_iter().min().unwrap_or(0);
        Size {
            len_max: (smallest * PLACES * TABLES) as u64 * FULL / 32,
            bytes: (lines.into_iter().sum::<usize>() * size_of::<Line>()) as u64,
        }
    }
}

/// What became of a state that was to be added.
enum Added {
    New,
    Known,
    /// There is no place left.
    Full,
}

impl Visited {
    /// An empty set.
    pub fn new() -> Visited {
        // Of different sizes, so that they do not all grow at once.
        let tables = std::array::from_fn(|n| Table::new(LINES + LINES * n / TABLES));
        let size = Size::of(&tables);
        Visited {
            tables: RwLock::new(tables),
            len: AtomicU64::new(0),
            len_max: AtomicU64::new(size.len_max),
            bytes: AtomicU64::new(size.bytes),
        }
    }

    /// How many states there are.
    pub fn len(&self) -> u64 {
        self.len.load(Ordering::Relaxed)
    }

    /// Bytes of memory in use.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Adds states one after the other; tells which are new. The places of those to come are fetched meanwhile,
    /// because a miss in the table costs more than all else that is done for a state.
    ///
    /// Of several parents at the same depth the smallest is kept, so that it does not depend on who came first.
    pub fn insert_all(
        &self,
        prints: &[Fingerprint],
        parents: &[u64],
        depth: u64,
        mut is_new: impl FnMut(usize),
    ) {
        let (mut at, mut new) = (0, 0);
        while at < prints.len() {
            let tables = self.tables.read().expect(UNHARMED);
            for &print in prints[at..].iter().take(AHEAD) {
                tables[table_of(print)].fetch(print);
            }
            let mut full = None;
            while at < prints.len() {
                let (print, parent) = (prints[at], parents[at]);
                if let Some(&later) = prints.get(at + AHEAD) {
                    tables[table_of(later)].fetch(later);
                }
                match tables[table_of(print)].insert(print, Origin { parent, depth }) {
                    Added::New => {
                        new += 1;
                        is_new(at);
                    }
                    Added::Known => {}
                    Added::Full => {
                        full = Some(table_of(print));
                        break;
                    }
                }
                at += 1;
            }
            drop(tables);
            if let Some(full) = full {
                let mut tables = self.tables.write().expect(UNHARMED);
                tables[full].grow();
                self.measure(&tables);
            }
        }
        let len = self.len.fetch_add(new, Ordering::Relaxed) + new;
        if len > self.len_max.load(Ordering::Relaxed) {
            self.grow();
        }
    }

    /// Makes the smallest tables larger.
    #[cold]
    fn grow(&self) {
        let mut tables = self.tables.write().expect(UNHARMED);
        while self.len() > self.len_max.load(Ordering::Relaxed) {
            let smallest = tables.iter_mut().min_by_key(|table| table.lines.len());
            smallest.expect("there are tables").grow();
            self.measure(&tables);
        }
    }

    fn measure(&self, tables: &[Table; TABLES]) {
        let size = Size::of(tables);
        self.len_max.store(size.len_max, Ordering::Relaxed);
        self.bytes.store(size.bytes, Ordering::Relaxed);
    }

    /// Those of one in so many tables, counted from `first`, each with where it was reached from.
    pub fn for_each<E>(
        &self,
        first: usize,
        of: usize,
        mut each: impl FnMut(Fingerprint, Origin) -> Result<(), E>,
    ) -> Result<(), E> {
        let tables = self.tables.read().expect(UNHARMED);
        for line in tables
            .iter()
            .skip(first)
            .step_by(of)
            .flat_map(|table| &table.lines)
        {
            for (print, from) in line.places() {
                each(print, Origin::unpack(from))?;
            }
        }
        Ok(())
    }

    /// Where the state with this short fingerprint was reached from.
    pub fn from(&self, short: u64) -> Option<Origin> {
        let tables = self.tables.read().expect(UNHARMED);
        let table = &tables[table_of(short)];
        let mut at = table.first(short);
        for _ in 0..table.lines.len() {
            for (print, from) in table.lines[at].places() {
                if print & SHORT == short {
                    return Some(Origin::unpack(from));
                }
            }
            if table.lines[at].places().count() < PLACES {
                return None;
            }
            at = table.next(at);
        }
        None
    }
}

impl Table {
    fn new(lines: usize) -> Table {
        Table {
            lines: std::iter::repeat_with(Line::default).take(lines).collect(),
        }
    }

    fn first(&self, print: Fingerprint) -> usize {
        (((print & u64::from(u32::MAX)) * self.lines.len() as u64) >> 32) as usize
    }

    fn next(&self, at: usize) -> usize {
        if at + 1 == self.lines.len() {
            0
        } else {
            at + 1
        }
    }

    #[inline]
    fn fetch(&self, print: Fingerprint) {
        fetch(&self.lines[self.first(print)]);
    }

    #[inline]
    fn insert(&self, print: Fingerprint, origin: Origin) -> Added {
        let from = !origin.pack();
        let mut at = self.first(print);
        for _ in 0..self.lines.len() {
            let line = &self.lines[at];
            for n in 0..PLACES {
                let (place, so_far) = (&line.prints[n], &line.froms[n]);
                let mut there = place.load(Ordering::Relaxed);
                if there == 0 {
                    let free =
                        place.compare_exchange(0, print, Ordering::Relaxed, Ordering::Relaxed);
                    match free {
                        Ok(_) => {
                            so_far.fetch_max(from, Ordering::Relaxed);
                            return Added::New;
                        }
                        Err(other) => there = other,
                    }
                }
                if there == print {
                    // A smaller parent of the same depth, which is told apart from longer ones.
                    if from > so_far.load(Ordering::Relaxed) && origin.depth < DEPTH_MAX {
                        so_far.fetch_max(from, Ordering::Relaxed);
                    }
                    return Added::Known;
                }
            }
            at = self.next(at);
        }
        Added::Full
    }

    fn grow(&mut self) {
        let lines = self.lines.len();
        let more = if lines < LARGE { lines } else { lines / 4 };
        let larger = Table::new(lines + more);
        for line in &self.lines {
            for (print, from) in line.places() {
                larger.put(print, !from);
            }
        }
        *self = larger;
    }

    /// Puts a state that is not there into the first free place, while nobody else can add any.
    fn put(&self, print: Fingerprint, from: u64) {
        let mut at = self.first(print);
        loop {
            let line = &self.lines[at];
            let free = |place: &AtomicU64| place.load(Ordering::Relaxed) == 0;
            if let Some(n) = line.prints.iter().position(free) {
                line.prints[n].store(print, Ordering::Relaxed);
                line.froms[n].store(from, Ordering::Relaxed);
                return;
            }
            at = self.next(at);
        }
    }
}

impl Line {
    /// The places that are used.
    fn places(&self) -> impl Iterator<Item = (Fingerprint, u64)> {
        let places = self.prints.iter().zip(&self.froms);
        let read = |at: &AtomicU64| at.load(Ordering::Relaxed);
        places
            .map(move |(print, from)| (read(print), !read(from)))
            .take_while(|&(print, _)| print != 0)
    }
}

/// Asks the processor to bring the line of memory near in which something begins, where that can be asked.
#[inline]
pub fn fetch<T>(it: &T) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let line = std::ptr::from_ref(it).cast();
        // SAFETY: every processor of this kind has the instruction (SSE), which changes nothing that a program can
        // see and fails at no address; this one is borrowed besides.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = it;
}

/// The table that holds a state, by bits that its short fingerprint has too.
pub fn table_of(print: Fingerprint) -> usize {
    (print >> 42) as usize % TABLES
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(parent: u64, depth: u64) -> Origin {
        Origin { parent, depth }
    }

    fn insert(visited: &Visited, print: Fingerprint, from: Origin) -> bool {
        let mut is_new = false;
        visited.insert_all(&[print], &[from.parent], from.depth, |_| is_new = true);
        is_new
    }

    #[test]
    fn what_was_added_is_there_after_all_growth() {
        let visited = Visited::new();
        let print = |n: u64| (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for n in 0..100_000 {
            assert!(insert(&visited, print(n), from(n, n % 50)), "{n} is new");
        }
        assert_eq!(visited.len(), 100_000);
        for n in 0..100_000 {
            assert!(!insert(&visited, print(n), from(n, n % 50)), "{n} is there");
            assert_eq!(visited.from(print(n) & SHORT), Some(from(n, n % 50)));
        }
        assert_eq!(visited.from(print(200_000) & SHORT), None);
        assert!(visited.bytes() < 30 * visited.len());
        let mut all = 0;
        for first in 0..3 {
            let told = visited.for_each(first, 3, |print, _| {
                all += 1;
                (print != 0).then_some(()).ok_or(())
            });
            assert_eq!(told, Ok(()));
        }
        assert_eq!(all, 100_000);
    }

    #[test]
    fn fingerprints_that_fall_into_one_table_and_line_have_room() {
        let visited = Visited::new();
        let print = |n: u64| n << 48 | 5;
        for n in 0..5_000 {
            assert!(insert(&visited, print(n), from(n, 1)), "{n} is new");
        }
        for n in 0..5_000 {
            assert!(!insert(&visited, print(n), from(n, 2)), "{n} is there");
        }
    }

    #[test]
    fn the_smallest_parent_of_the_same_depth_is_kept() {
        let visited = Visited::new();
        assert!(insert(&visited, 7, from(5, 3)));
        assert!(!insert(&visited, 7, from(4, 3)));
        assert!(!insert(&visited, 7, from(6, 3)));
        assert!(!insert(&visited, 7, from(1, 4)));
        assert_eq!(visited.from(7), Some(from(4, 3)));
        assert!(insert(&visited, 8, from(5, DEPTH_MAX + 9)));
        assert!(!insert(&visited, 8, from(4, DEPTH_MAX + 7)));
        assert_eq!(visited.from(8), Some(from(5, DEPTH_MAX)));
    }
}
