//! Which states have been seen, whole: nothing is ever taken for something else.
//!
//! A state is a binary tree: its leaves are cells of some of its words, each leaf and each pair of numbers has a number of
//! its own (`numbers`), and the last pair stands for the state. States that differ in little have most of their trees in
//! common: Laarman, van de Pol and Weber, "Parallel recursive state compression for free", SPIN 2011.

use super::numbers::{At, Numbers};
use super::sync::RwLock;
use super::visited::{DEPTH_MAX, Origin, SHORT, Visited, fingerprint_of};

/// Words of a leaf, at most.
const LEAF: usize = 4;

/// How many states are added together, at most.
const TOGETHER: usize = 512;

/// How many leaves are fetched together, about.
const FETCHED: usize = 64;

/// Why a lock is never poisoned.
const UNHARMED: &str = "nobody panics with it in hand";

/// The states that a process owns. All its workers add to it at once.
pub struct Whole {
    state_len: usize,
    /// Of each state, what is made of its last pair.
    keys: Box<Visited>,
    nodes: RwLock<Nodes>,
}

/// What trees are made of.
struct Nodes {
    leaves: Numbers<LEAF>,
    pairs: Numbers<1>,
}

impl Whole {
    /// An empty set of states of so many bytes.
    pub fn new(state_len: usize) -> Whole {
        Whole {
            state_len,
            keys: Box::new(Visited::new()),
            nodes: RwLock::new(Nodes {
                leaves: Numbers::new(),
                pairs: Numbers::new(),
            }),
        }
    }

    /// How many states there are.
    pub fn len(&self) -> u64 {
        self.keys.len()
    }

    /// Bytes of memory in use.
    pub fn bytes(&self) -> u64 {
        let nodes = self.nodes.read().expect(UNHARMED);
        self.keys.bytes() + nodes.leaves.bytes() + nodes.pairs.bytes()
    }

    /// Whether it can take no more.
    pub fn is_full(&self) -> bool {
        let nodes = self.nodes.read().expect(UNHARMED);
        nodes.leaves.is_full() || nodes.pairs.is_full()
    }

    /// Adds states, each with its bytes, one after the other; tells which are new.
    ///
    /// Of several parents at the same depth the smallest is kept, so that it does not depend on who came first.
    pub fn insert_all(
        &self,
        parents: &[u64],
        bytes: &[u8],
        depth: u64,
        mut is_new: impl FnMut(usize),
    ) {
        let mut trees = Trees::new(self.state_len);
        for (chunk, parents) in parents.chunks(TOGETHER).enumerate() {
            let from = chunk * TOGETHER;
            let mut keys = [0; TOGETHER];
            let keys = &mut keys[..parents.len()];
            let mut at = 0;
            while at < keys.len() {
                let nodes = self.nodes.read().expect(UNHARMED);
                let more = trees.fold(
                    &nodes,
                    &bytes[(from + at) * self.state_len..],
                    &mut keys[at..],
                );
                drop(nodes);
                at += more;
                if at < keys.len() {
                    self.grow();
                }
            }
            self.keys
                .insert_all(keys, parents, depth, |n| is_new(from + n));
        }
    }

    /// Makes room where there is none, unless another worker has done that.
    #[cold]
    fn grow(&self) {
        let mut nodes = self.nodes.write().expect(UNHARMED);
        nodes.leaves.grow();
        nodes.pairs.grow();
    }

    /// The short fingerprint of the state before the one with this short fingerprint, which is so many steps from the
    /// start. It looks at all states.
    pub fn parent(&self, short: u64, depth: u64) -> Option<u64> {
        let mut trees = Trees::new(self.state_len);
        let nodes = self.nodes.read().expect(UNHARMED);
        let found = self.keys.for_each(0, 1, |key, origin| {
            let is_it = origin.depth == depth.min(DEPTH_MAX)
                && fingerprint_of(trees.unfold(&nodes, key)) & SHORT == short;
            if is_it { Err(origin.parent) } else { Ok(()) }
        });
        found.err()
    }

    /// Those of one in so many portions, counted from `first`, each with where it was reached from.
    pub fn for_each<E>(
        &self,
        first: usize,
        of: usize,
        mut each: impl FnMut(&[u8], Origin) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut trees = Trees::new(self.state_len);
        let nodes = self.nodes.read().expect(UNHARMED);
        self.keys.for_each(first, of, |key, origin| {
            each(trees.unfold(&nodes, key), origin)
        })
    }
}

/// The trees of some states, of which a number of leaves are looked up together.
struct Trees {
    state_len: usize,
    /// Leaves of a state.
    leaves: usize,
    /// Words of each leaf that are used: as few as can be, so that all leaves have as many.
    width: usize,
    /// All bits of these words.
    used: [u64; LEAF],
    /// The bytes of one state, and zeros behind them.
    padded: Vec<u8>,
    /// The leaves, state by state, and where each is looked for.
    cells: Vec<([u64; LEAF], At)>,
    /// The number of each leaf of a state. Then, of the first two leaves or pairs that nobody has made a pair yet, the
    /// number of this pair, until two are left: the key is made of these.
    numbers: Vec<u32>,
}

impl Trees {
    /// No trees yet, of states of so many bytes.
    fn new(state_len: usize) -> Trees {
        let words = state_len.div_ceil(8);
        // A second leaf may be there only to make a pair.
        let leaves = words.div_ceil(LEAF).max(2);
        let width = words.div_ceil(leaves);
        Trees {
            state_len,
            leaves,
            width,
            used: std::array::from_fn(|n| if n < width { u64::MAX } else { 0 }),
            padded: vec![0; 8 * ((leaves - 1) * width + LEAF)],
            cells: vec![Default::default(); FETCHED.next_multiple_of(leaves)],
            numbers: vec![0; 2 * leaves - 2],
        }
    }

    /// The keys of states whose bytes follow each other: no other state has one of them. It stops where there is no room
    /// for what is new, and says how many keys there are.
    fn fold(&mut self, nodes: &Nodes, bytes: &[u8], keys: &mut [u64]) -> usize {
        let together = FETCHED.div_ceil(self.leaves);
        for (chunk, keys) in keys.chunks_mut(together).enumerate() {
            let from = chunk * together;
            // A miss in memory costs more than all else: all places are waited for together, then all leaves.
            for n in 0..keys.len() {
                let state = &bytes[(from + n) * self.state_len..][..self.state_len];
                self.split(nodes, n, state);
            }
            for &(_, at) in &self.cells[..keys.len() * self.leaves] {
                nodes.leaves.fetch_cell(at);
            }
            for (n, key) in keys.iter_mut().enumerate() {
                match self.key(nodes, n) {
                    Some(it) => *key = it,
                    None => return from + n,
                }
            }
        }
        keys.len()
    }

    /// Notes the leaves of a state, the `nth` of some, and fetches where they are looked for.
    #[inline]
    fn split(&mut self, nodes: &Nodes, nth: usize, state: &[u8]) {
        self.padded[..state.len()].copy_from_slice(state);
        let cells = &mut self.cells[nth * self.leaves..][..self.leaves];
        for (leaf, noted) in cells.iter_mut().enumerate() {
            let bytes = &self.padded[8 * self.width * leaf..];
            let bytes: &[u8; 8 * LEAF] = bytes.first_chunk().expect("zeros are behind the last");
            let (words, _) = bytes.as_chunks();
            let cell = std::array::from_fn(|n| u64::from_le_bytes(words[n]) & self.used[n]);
            let at = nodes.leaves.place_of(&cell);
            nodes.leaves.fetch_place(at);
            *noted = (cell, at);
        }
    }

    /// The key of the state whose leaves are the `nth`.
    #[inline]
    fn key(&mut self, nodes: &Nodes, nth: usize) -> Option<u64> {
        let cells = &self.cells[nth * self.leaves..][..self.leaves];
        for (number, (cell, at)) in self.numbers.iter_mut().zip(cells) {
            *number = nodes.leaves.of(*at, cell)?;
        }
        for pair in 0..self.leaves - 2 {
            let cell = [self.pair(pair)];
            let at = nodes.pairs.place_of(&cell);
            self.numbers[self.leaves + pair] = nodes.pairs.of(at, &cell)?;
        }
        Some(mix(self.pair(self.leaves - 2)))
    }

    /// The pair of this number, counted from 0.
    #[inline]
    fn pair(&self, n: usize) -> u64 {
        u64::from(self.numbers[2 * n]) << 32 | u64::from(self.numbers[2 * n + 1])
    }

    /// The state with this key.
    fn unfold(&mut self, nodes: &Nodes, key: u64) -> &[u8] {
        let mut pair = unmix(key);
        for n in (0..self.leaves - 1).rev() {
            if n < self.leaves - 2 {
                [pair] = nodes.pairs.cell(self.numbers[self.leaves + n]);
            }
            self.numbers[2 * n] = (pair >> 32) as u32;
            self.numbers[2 * n + 1] = pair as u32;
        }
        let cells = self.numbers[..self.leaves].iter();
        let words =
            cells.flat_map(|&number| nodes.leaves.cell(number).into_iter().take(self.width));
        for (bytes, word) in self.padded[..self.state_len].chunks_mut(8).zip(words) {
            bytes.copy_from_slice(&word.to_le_bytes()[..bytes.len()]);
        }
        &self.padded[..self.state_len]
    }
}

/// An odd number, and the one that undoes a multiplication by it.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
const UNDOES: u64 = 0xf1de_83e1_9937_733d;

/// Spreads a pair over the bits of a key, so that keys fall evenly: no two become one, and only 0 becomes 0.
fn mix(pair: u64) -> u64 {
    let half = pair.wrapping_mul(FACTOR);
    (half ^ half >> 32).wrapping_mul(FACTOR)
}

/// The pair of a key.
fn unmix(key: u64) -> u64 {
    let half = key.wrapping_mul(UNDOES);
    (half ^ half >> 32).wrapping_mul(UNDOES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_one_pair() {
        for pair in [1, 1 << 32, 7 << 32 | 9, u64::MAX] {
            assert_eq!(unmix(mix(pair)), pair);
        }
    }

    #[test]
    fn states_of_any_length_come_back() {
        for len in 0..70 {
            let whole = Whole::new(len);
            let states: Vec<Vec<u8>> = (0..200_u32)
                .map(|n| (0..len).map(|at| (n * (at as u32 + 1) / 7) as u8).collect())
                .collect();
            let mut all = states.clone();
            all.sort();
            all.dedup();
            let mut new = 0;
            whole.insert_all(&[3; 200], &states.concat(), 4, |_| new += 1);
            assert_eq!((new, whole.len()), (all.len(), all.len() as u64));
            let mut found = Vec::new();
            let told = whole.for_each(0, 1, |state, origin| {
                assert_eq!(
                    origin,
                    Origin {
                        parent: 3,
                        depth: 4
                    }
                );
                found.push(state.to_vec());
                Ok::<_, ()>(())
            });
            found.sort();
            assert_eq!((told, found), (Ok(()), all));
        }
    }

    #[test]
    fn the_smallest_parent_of_the_same_depth_is_kept() {
        let whole = Whole::new(4);
        let insert = |n: u32, parent, depth| {
            let mut is_new = false;
            whole.insert_all(&[parent], &n.to_le_bytes(), depth, |_| is_new = true);
            is_new
        };
        for n in 0..50_000 {
            assert!(insert(n, n.into(), 1), "{n} is new");
        }
        let short = |n: u32| fingerprint_of(&n.to_le_bytes()) & SHORT;
        for n in (0..50_000).step_by(977) {
            assert!(!insert(n, 0, 2), "{n} is there");
            assert_eq!(whole.parent(short(n), 1), Some(n.into()));
            assert_eq!(whole.parent(short(n), 2), None);
        }
        assert!(insert(60_000, 7, 2));
        assert!(!insert(60_000, 8, 2));
        assert!(!insert(60_000, 6, 2));
        assert_eq!(whole.parent(short(60_000), 2), Some(6));
    }
}
