//! States that wait to be expanded, in blocks that are used again and again.

/// States in a block.
const BLOCK: usize = 1024;

/// A block of states, each with its fingerprint.
#[derive(Default)]
pub struct Block {
    prints: Vec<u64>,
    bytes: Vec<u8>,
}

/// States of one depth.
pub struct Queue {
    state_len: usize,
    blocks: Vec<Block>,
    len: u64,
}

impl Queue {
    /// An empty queue of states of so many bytes.
    pub fn new(state_len: usize) -> Queue {
        Queue {
            state_len,
            blocks: Vec::new(),
            len: 0,
        }
    }

    /// How many states wait.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Bytes of memory in use.
    pub fn bytes(&self) -> u64 {
        (self.blocks.len() * BLOCK * (self.state_len + size_of::<u64>())) as u64
    }

    /// Adds a state; a block that is needed comes from `spare`, if there is one.
    pub fn push(&mut self, print: u64, state: &[u8], spare: &mut Vec<Block>) {
        if self
            .blocks
            .last()
            .is_none_or(|block| block.prints.len() == BLOCK)
        {
            self.blocks.push(spare.pop().unwrap_or_default());
        }
        let block = self.blocks.last_mut().expect("one was pushed");
        block.prints.push(print);
        block.bytes.extend_from_slice(state);
        self.len += 1;
    }

    /// All of them, each with its fingerprint.
    pub fn states(&self) -> impl Iterator<Item = (u64, &[u8])> {
        self.blocks
            .iter()
            .flat_map(|block| block.states(self.state_len))
    }

    /// Takes a block of states.
    pub fn pop(&mut self) -> Option<Block> {
        let block = self.blocks.pop()?;
        self.len -= block.prints.len() as u64;
        Some(block)
    }
}

impl Block {
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
