//! What a packet is while the kernel has it: a number, where the kernel carries no more than that.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use portsim_model::program::Packet;

/// Packets that were posted and not delivered.
#[derive(Default)]
pub struct Posted(Mutex<Table>);

#[derive(Default)]
struct Table {
    count: u64,
    packets: BTreeMap<u64, Packet>,
}

impl Posted {
    /// A number for a packet that is about to be posted.
    pub fn add(&self, packet: Packet) -> u64 {
        let mut table = self.lock();
        let number = table.count;
        table.count += 1;
        table.packets.insert(number, packet);
        number
    }

    /// The packet of a number, which is delivered, or was not posted after all.
    pub fn take(&self, number: u64) -> Option<Packet> {
        self.lock().packets.remove(&number)
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
