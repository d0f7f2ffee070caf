//! What a packet is while the kernel has it: a number, where the kernel carries no more than that.

use std::collections::BTreeMap;
use std::sync::Mutex;

use portsim_model::program::Packet;

use super::lock::lock;

/// Packets that were posted and not delivered, with what each needs until then.
pub struct Posted<T = Packet>(Mutex<Table<T>>);

struct Table<T> {
    count: u64,
    packets: BTreeMap<u64, T>,
}

impl<T> Default for Posted<T> {
    fn default() -> Posted<T> {
        Posted(Mutex::new(Table {
            count: 0,
            packets: BTreeMap::new(),
        }))
    }
}

impl<T> Posted<T> {
    /// A number for a packet that is about to be posted.
    pub fn add(&self, packet: T) -> u64 {
        let mut table = lock(&self.0);
        let number = table.count;
        table.count += 1;
        table.packets.insert(number, packet);
        number
    }

    /// The packet of a number, which stays posted.
    #[cfg(target_os = "linux")]
    pub fn look(&self, number: u64) -> Option<T>
    where
        T: Clone,
    {
        lock(&self.0).packets.get(&number).cloned()
    }

    /// The packet of a number, which is delivered, or was not posted after all.
    pub fn take(&self, number: u64) -> Option<T> {
        lock(&self.0).packets.remove(&number)
    }
}
