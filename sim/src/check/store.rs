//! States seen so far, whole, each with the step that led to it first.

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use portsim_model::program::ThreadId;
use portsim_model::step::{Step, StepKind};
use std::hash::{BuildHasher, Hasher};

/// States in the order in which they were seen; that order never depends on the hash.
pub struct Store {
    state_len: usize,
    /// The states, one after the other.
    bytes: Vec<u8>,
    /// For each state the one it was reached from, and by which step.
    parents: Vec<(u32, [u8; 3])>,
    table: HashTable<u32>,
    hasher: FixedState,
}

impl Store {
    /// A store for states of so many bytes.
    pub fn new(state_len: usize) -> Store {
        let hasher = FixedState::with_seed(0);
        Store {
            state_len,
            bytes: Vec::new(),
            parents: Vec::new(),
            table: HashTable::new(),
            hasher,
        }
    }

    /// How many states there are.
    pub fn len(&self) -> u32 {
        self.parents.len() as u32
    }

    /// The state seen as the `at`-th.
    pub fn state(&self, at: u32) -> &[u8] {
        &self.bytes[at as usize * self.state_len..][..self.state_len]
    }

    /// Bytes of memory in use.
    pub fn bytes(&self) -> u64 {
        let parents = self.parents.capacity() * size_of::<(u32, [u8; 3])>();
        let table = self.table.capacity() * (size_of::<u32>() + 1);
        (self.bytes.capacity() + parents + table) as u64
    }

    /// Adds a state; its number if it is new.
    pub fn insert(&mut self, state: &[u8], from: Option<(u32, Step)>) -> Option<u32> {
        let hash = hash(&self.hasher, state);
        let (bytes, len) = (&self.bytes, self.state_len);
        let stored = |at: u32| &bytes[at as usize * len..][..len];
        let entry = self.table.entry(
            hash,
            |&at| stored(at) == state,
            |&at| self::hash(&self.hasher, stored(at)),
        );
        let hashbrown::hash_table::Entry::Vacant(vacant) = entry else {
            return None;
        };
        let new = u32::try_from(self.parents.len()).expect("fewer than 2^32 states");
        vacant.insert(new);
        self.bytes.extend_from_slice(state);
        let (parent, step) = from.map_or((new, [0; 3]), |(parent, step)| (parent, pack(step)));
        self.parents.push((parent, step));
        Some(new)
    }

    /// The steps that lead from the first state to this one.
    pub fn path(&self, mut at: u32) -> Vec<Step> {
        let mut path = Vec::new();
        while at != 0 {
            let (parent, step) = self.parents[at as usize];
            path.push(unpack(step));
            at = parent;
        }
        path.reverse();
        path
    }
}

fn hash(hasher: &FixedState, state: &[u8]) -> u64 {
    let mut hasher = hasher.build_hasher();
    hasher.write(state);
    hasher.finish()
}

const KINDS: [StepKind; 3] = [StepKind::Turn, StepKind::Wake, StepKind::Time];

fn pack(step: Step) -> [u8; 3] {
    [step.kind as u8, step.thread.0, step.choice]
}

fn unpack([kind, thread, choice]: [u8; 3]) -> Step {
    Step {
        kind: KINDS[usize::from(kind)],
        thread: ThreadId(thread),
        choice,
    }
}
