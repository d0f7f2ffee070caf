//! Cells of a few words by numbers of 32 bits: each cell that somebody has brought has one, and keeps it.

use super::sync::{AtomicU32, AtomicU64, Ordering};
use super::visited::{TABLES, fetch};

/// Cells that the smallest table has room for.
const FEW: usize = if cfg!(all(test, loom)) { 2 } else { 16 };

/// With a table of more room it takes no more; what workers bring until all know that has numbers of 32 bits still.
const ROOM_MAX: usize = (u32::MAX as usize / TABLES) / 3;

/// Places for each cell of a table: so many that a cell is mostly found at once.
const PLACES: usize = 4;

/// Spreads what it is multiplied with over all higher bits: the golden ratio in 64 bits.
const ODD: u64 = 0x9e37_79b9_7f4a_7c15;

/// See the module. All workers of a process add to it at once; while it grows they stand still.
pub struct Numbers<const N: usize> {
    /// Many, which grow one at a time, as those of [`Visited`](super::visited::Visited) do.
    tables: Box<[Table<N>]>,
    bytes: u64,
    is_full: bool,
}

/// The cells of which some bits of a hash are the same.
struct Table<const N: usize> {
    /// The number of a cell, in the first free place from where the cell belongs; 0 is free.
    places: Box<[AtomicU32]>,
    /// The cells in the order of their numbers.
    cells: Box<[[AtomicU64; N]]>,
    /// Numbers given so far. Where two workers bring a new cell at once, one of theirs is wasted.
    len: AtomicU32,
}

/// Where a cell is looked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct At {
    table: u32,
    place: u32,
}

impl<const N: usize> Numbers<N> {
    /// No cell has a number yet.
    pub fn new() -> Numbers<N> {
        let mut numbers = Numbers {
            tables: (0..TABLES).map(|_| Table::with_room(FEW)).collect(),
            bytes: 0,
            is_full: false,
        };
        numbers.measure();
        numbers
    }

    fn measure(&mut self) {
        let bytes = |it: &Table<N>| size_of_val(&*it.places) + size_of_val(&*it.cells);
        self.bytes = self.tables.iter().map(bytes).sum::<usize>() as u64;
        self.is_full = self.tables.iter().any(|it| it.cells.len() > ROOM_MAX);
    }

    /// Bytes of memory in use.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether it can take no more, however much memory there is.
    pub fn is_full(&self) -> bool {
        self.is_full
    }

    /// Where a cell is looked for, until there is more room.
    #[inline]
    pub fn place_of(&self, cell: &[u64; N]) -> At {
        let hash = hash_of(cell);
        let table = (hash >> 58) as usize % TABLES;
        At {
            table: table as u32,
            place: self.tables[table].first(hash),
        }
    }

    /// Fetches a place.
    #[inline]
    pub fn fetch_place(&self, at: At) {
        fetch(&self.tables[at.table as usize].places[at.place as usize]);
    }

    /// Fetches the cell with which one will be compared first that is looked for here.
    #[inline]
    pub fn fetch_cell(&self, at: At) {
        let table = &self.tables[at.table as usize];
        let number = table.places[at.place as usize].load(Ordering::Acquire);
        if let Some(cell) = table.cells.get((number as usize / TABLES).wrapping_sub(1)) {
            fetch(cell);
        }
    }

    /// The number of a cell that is looked for here, and may be new; none if there is no room for it.
    #[inline]
    pub fn of(&self, at: At, cell: &[u64; N]) -> Option<u32> {
        self.tables[at.table as usize].of(at, cell)
    }

    /// The cell that has this number.
    #[inline]
    pub fn cell(&self, number: u32) -> [u64; N] {
        self.tables[number as usize % TABLES].cell(number)
    }

    /// Makes room where there is none.
    #[cold]
    pub fn grow(&mut self) {
        for n in 0..TABLES {
            let table = &self.tables[n];
            if table.len.load(Ordering::Relaxed) as usize == table.cells.len() {
                self.tables[n] = table.larger();
            }
        }
        self.measure();
    }
}

impl<const N: usize> Table<N> {
    fn with_room(cells: usize) -> Table<N> {
        let (place, word) = (|| AtomicU32::new(0), |_| AtomicU64::new(0));
        let cell = || std::array::from_fn(word);
        Table {
            places: std::iter::repeat_with(place).take(PLACES * cells).collect(),
            cells: std::iter::repeat_with(cell).take(cells).collect(),
            len: AtomicU32::new(0),
        }
    }

    /// The place from which on a cell with this hash is looked for.
    #[inline]
    fn first(&self, hash: u64) -> u32 {
        let bits = hash >> 26 & u64::from(u32::MAX);
        ((bits * self.places.len() as u64) >> 32) as u32
    }

    #[inline]
    fn next(&self, place: usize) -> usize {
        if place + 1 == self.places.len() {
            0
        } else {
            place + 1
        }
    }

    #[inline]
    fn of(&self, at: At, cell: &[u64; N]) -> Option<u32> {
        let mut place = at.place as usize;
        let mut own = None;
        loop {
            // Whoever reads a number finds its cell, which was written before.
            let mut there = self.places[place].load(Ordering::Acquire);
            if there == 0 {
                let number = match own {
                    Some(number) => number,
                    None => self.give(at.table, cell)?,
                };
                own = Some(number);
                let (done, seen) = (Ordering::Release, Ordering::Acquire);
                match self.places[place].compare_exchange(0, number, done, seen) {
                    Ok(_) => return own,
                    Err(other) => there = other,
                }
            }
            if self.cell(there) == *cell {
                return Some(there);
            }
            place = self.next(place);
        }
    }

    /// The next number, for this cell.
    #[cold]
    fn give(&self, table: u32, cell: &[u64; N]) -> Option<u32> {
        let before = self.len.fetch_add(1, Ordering::Relaxed);
        let Some(free) = self.cells.get(before as usize) else {
            self.len.fetch_sub(1, Ordering::Relaxed);
            return None;
        };
        for (to, from) in free.iter().zip(cell) {
            to.store(*from, Ordering::Relaxed);
        }
        Some((before + 1) * TABLES as u32 + table)
    }

    #[inline]
    fn cell(&self, number: u32) -> [u64; N] {
        let cell = &self.cells[number as usize / TABLES - 1];
        std::array::from_fn(|n| cell[n].load(Ordering::Relaxed))
    }

    /// The same with more room.
    fn larger(&self) -> Table<N> {
        let mut larger = Table::with_room(self.cells.len() * 3 / 2);
        for (to, from) in larger
            .cells
            .iter()
            .flatten()
            .zip(self.cells.iter().flatten())
        {
            to.store(from.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        for number in &self.places {
            let number = number.load(Ordering::Relaxed);
            if number == 0 {
                continue;
            }
            let mut place = larger.first(hash_of(&self.cell(number))) as usize;
            while larger.places[place].load(Ordering::Relaxed) != 0 {
                place = larger.next(place);
            }
            larger.places[place].store(number, Ordering::Relaxed);
        }
        larger.len = AtomicU32::new(self.len.load(Ordering::Relaxed));
        larger
    }
}

#[inline]
fn hash_of<const N: usize>(cell: &[u64; N]) -> u64 {
    let spread = |so_far: u64, word: &u64| (so_far.rotate_left(32) ^ word).wrapping_mul(ODD);
    cell.iter().fold(0, spread)
}
