//! Wait completion packets: the signal of an object becomes a packet.

use core::ops::{Deref, DerefMut};

use crate::program::{ObjectId, PacketId, PortId};

/// Bytes of a wait completion packet.
pub(crate) const WAIT_PACKET_LEN: usize = 4;

/// What a wait completion packet is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Wait {
    /// It can be associated.
    Idle,
    /// It waits for its target.
    Armed,
    /// It is on its way through a port.
    Queued,
}

const WAITS: [Wait; 3] = [Wait::Idle, Wait::Armed, Wait::Queued];

/// One wait completion packet.
pub struct WaitPacket<B>(pub(crate) B);

impl<B: Deref<Target = [u8]>> WaitPacket<B> {
    /// What it is doing.
    #[inline]
    pub fn wait(&self) -> Wait {
        WAITS[usize::from(self.0[0])]
    }

    /// What it waits for.
    #[inline]
    pub fn target(&self) -> ObjectId {
        ObjectId(self.0[1])
    }

    /// Where it is queued.
    #[inline]
    pub fn port(&self) -> PortId {
        PortId(self.0[2])
    }

    /// What it carries.
    #[inline]
    pub fn packet(&self) -> PacketId {
        PacketId(self.0[3])
    }
}

impl<B: DerefMut<Target = [u8]>> WaitPacket<B> {
    /// It is associated; it waits if it is armed, and else is on its way.
    pub fn associate(&mut self, wait: Wait, target: ObjectId, port: PortId, packet: PacketId) {
        self.0
            .copy_from_slice(&[wait as u8, target.0, port.0, packet.0]);
    }

    /// Its target was signaled.
    pub fn set_queued(&mut self) {
        self.0[0] = Wait::Queued as u8;
    }

    /// It can be associated again.
    pub fn rest(&mut self) {
        self.0.fill(0);
    }
}
