//! States that wait to be expanded, in blocks that are used again and again. All workers of a process take blocks from
//! one pile, and put those that they have filled on another.

use super::sync::{AtomicU64, Mutex, MutexGuard, Ordering};

/// States in a block: few enough that no worker waits long for another one's last.
pub const BLOCK: usize = 256;

/// A block of states, each with its fingerprint.
#[derive(Default)]
pub struct Block {
    prints: Vec<u64>,
    bytes: Vec<u8>,
}

/// States of one depth.
pub struct Pile {
    state_len: usize,
    blocks: Mutex<Vec<Block>>,
    len: AtomicU64,
    bytes: AtomicU64,
}

impl Pile {
    /// An empty pile of states of so many bytes.
    pub fn new(state_len: usize) -> Pile {
        Pile {
            state_len,
            blocks: Mutex::new(Vec::new()),
            len: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
        }
    }

    fn blocks(&self) -> MutexGuard<'_, Vec<Block>> {
        self.blocks.lock().expect("nobody panics with it in hand")
    }

    /// How many states wait in blocks that were put here.
    pub fn len(&self) -> u64 {
        self.len.load(Ordering::Relaxed)
    }

    /// Bytes of memory in use.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Adds a block, if there is anything in it.
    pub fn put(&self, block: Block) {
        if block.prints.is_empty() {
            return;
        }
        self.len.fetch_add(block.len(), Ordering::Relaxed);
        self.bytes.fetch_add(block.bytes(), Ordering::Relaxed);
        self.blocks().push(block);
    }

    /// Takes a block of states.
    pub fn take(&self) -> Option<Block> {
        let block = self.blocks().pop()?;
        self.len.fetch_sub(block.len(), Ordering::Relaxed);
        self.bytes.fetch_sub(block.bytes(), Ordering::Relaxed);
        Some(block)
    }

    /// The states of one in so many blocks, counted from `first`, each with its fingerprint.
    pub fn for_each<E>(
        &self,
        first: usize,
        of: usize,
        mut each: impl FnMut(u64, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        for block in self.blocks().iter().skip(first).step_by(of) {
            for (print, bytes) in block.states(self.state_len) {
                each(print, bytes)?;
            }
        }
        Ok(())
    }
}

/// A pile, and the block that is being filled for it.
pub struct Filling<'p> {
    pile: &'p Pile,
    block: Block,
}

impl<'p> Filling<'p> {
    /// Nothing is in the block yet.
    pub fn of(pile: &'p Pile) -> Filling<'p> {
        let block = Block::default();
        Filling { pile, block }
    }

    /// Adds a state.
    pub fn push(&mut self, print: u64, state: &[u8]) {
        if self.block.push(print, state) {
            self.pile.put(std::mem::take(&mut self.block));
        }
    }

    /// Puts what is left on the pile.
    pub fn finish(self) {
        self.pile.put(self.block);
    }
}

impl Block {
    /// An empty block for states of so many bytes.
    pub fn new(state_len: usize) -> Block {
        Block {
            prints: Vec::with_capacity(BLOCK),
            bytes: Vec::with_capacity(BLOCK * state_len),
        }
    }

    fn len(&self) -> u64 {
        self.prints.len() as u64
    }

    fn bytes(&self) -> u64 {
        (self.prints.capacity() * size_of::<u64>() + self.bytes.capacity()) as u64
    }

    /// Adds a state; says whether the block is full now.
    pub fn push(&mut self, print: u64, state: &[u8]) -> bool {
        self.prints.push(print);
        self.bytes.extend_from_slice(state);
        self.prints.len() == BLOCK
    }

    /// Its states, each with its fingerprint.
    pub fn states(&self, state_len: usize) -> impl Iterator<Item = (u64, &[u8])> {
        // States without bytes are all alike, so there is one at most.
        let chunks = self.bytes.chunks_exact(state_len.max(1));
        let empty = (state_len == 0).then_some(&[][..]);
        self.prints.iter().copied().zip(chunks.chain(empty))
    }

    /// Forgets them, to be filled again.
    pub fn clear(mut self) -> Block {
        self.prints.clear();
        self.bytes.clear();
        self
    }
}
