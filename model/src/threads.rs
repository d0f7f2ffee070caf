//! What a thread is doing.
//!
//! ```text
//!  Unborn --spawn--> Ready --call--> Parked | Blocked | Stalled | Sleeping --released--> Ready --> Done
//!                      |               |
//!                      |               +--made runnable--> Woken --goes on--> Ready, or Parked again
//!                      +--a condition without a value, a failed assertion--> Lost, Failed
//! ```

use core::ops::{Deref, DerefMut};

use crate::control::SlotPlace;
use crate::flags::Flags;
use crate::program::{ObjectId, Pc, PortId};

/// What a thread is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Mode {
    /// It waits for somebody to start it.
    Unborn,
    /// It runs: its next operation is its next step.
    Ready,
    /// It waits inside a call on a port, among the port's waiters.
    Parked,
    /// It is inside a call on a port, runnable or handed a packet, and goes on in a step of its own.
    Woken,
    /// It is inside a call on a port, but a suspension took it from the waiters.
    Aside,
    /// It waits for an event, mutex or semaphore.
    Blocked,
    /// It waits for the handle of a port, not for a packet.
    AtHandle,
    /// It waits in some other kernel wait for a time nobody chose.
    Stalled,
    /// It waits for the clock.
    Sleeping,
    /// It is over.
    Done,
    /// It goes round without an operation, or a condition of its has no value.
    Lost,
    /// An assertion of its does not hold.
    Failed,
}

/// Filled up to a power of two, so that any byte finds an entry without a look at the length.
const MODES: [Mode; 16] = [
    Mode::Unborn,
    Mode::Ready,
    Mode::Parked,
    Mode::Woken,
    Mode::Aside,
    Mode::Blocked,
    Mode::AtHandle,
    Mode::Stalled,
    Mode::Sleeping,
    Mode::Done,
    Mode::Lost,
    Mode::Failed,
    Mode::Failed,
    Mode::Failed,
    Mode::Failed,
    Mode::Failed,
];

/// What the second byte of a thread says.
#[inline]
pub(crate) fn mode_of(byte: u8) -> Mode {
    MODES[usize::from(byte) % MODES.len()]
}

impl Mode {
    /// Whether the thread is in no kernel wait, as far as its own calls go.
    #[inline]
    pub fn is_runnable(self) -> bool {
        matches!(self, Mode::Ready | Mode::Woken)
    }

    /// Whether the thread has called and not returned.
    #[inline]
    pub fn is_inside_call(self) -> bool {
        !matches!(self, Mode::Ready) && !self.is_over()
    }

    /// Whether the thread will never move again by itself or by others.
    #[inline]
    pub fn is_over(self) -> bool {
        matches!(self, Mode::Unborn | Mode::Done | Mode::Lost | Mode::Failed)
    }
}

/// Bytes that every thread has, before its optional parts.
pub(crate) const FIXED: usize = 4;

/// Where the optional parts of a thread stand; 0 where no thread of the program has one.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Parts {
    pub deadline: u8,
    pub suspended: u8,
    pub handed: u8,
    pub apcs: u8,
    pub special: u8,
    pub last_error: u8,
    pub pc_high: u8,
}

/// What the byte of the port says besides: see [`Thread::is_fresh`] and [`Thread::counts_otherwise`].
const PORT: u8 = 0x3f;
const FRESH: u8 = 0x80;
const COUNTS_OTHERWISE: u8 = 0x40;

/// What the note of a thread says besides whose call waits for its minimum for a time of its own: see [`Thread::wanted`].
const CAME: u8 = 0x80;
const FOR_ANY: u8 = 0x40;
/// The most packets that such a call waits for.
pub(crate) const WANTED_MAX: u8 = 0x3f;

/// What the byte of the suspensions says besides: see [`Thread::stops`].
const STOPS: u8 = 0x80;

/// One thread.
pub struct Thread<B> {
    /// From its first byte on. Where it ends is not asked: each place in it is one of the layout's.
    pub(crate) bytes: B,
    pub(crate) parts: Parts,
}

impl<B: Deref<Target = [u8]>> Thread<B> {
    /// Where it stands in its code: at the call it is in, if it is in one.
    #[inline]
    pub fn pc(&self) -> Pc {
        match usize::from(self.parts.pc_high) {
            0 => self.bytes[0].into(),
            at => Pc::from_le_bytes([self.bytes[0], self.bytes[at]]),
        }
    }

    /// What it is doing.
    #[inline]
    pub fn mode(&self) -> Mode {
        mode_of(self.bytes[1])
    }

    /// The object it is blocked on, where it is.
    #[inline]
    pub fn object(&self) -> ObjectId {
        ObjectId(self.bytes[2])
    }

    /// What its system keeps of a thread inside a call on a port besides; 0 in every new mode.
    #[inline]
    pub fn note(&self) -> u8 {
        self.bytes[2]
    }

    /// How many packets it waits for, where its call waits for its minimum for a time of its own.
    #[inline]
    pub fn wanted(&self) -> u8 {
        self.note() & WANTED_MAX
    }

    /// Whether a packet has come since such a call began to wait.
    #[inline]
    pub fn has_come(&self) -> bool {
        self.note().has(CAME)
    }

    /// Whether the time for the minimum of such a call is over, so that any packet is enough.
    #[inline]
    pub fn waits_for_any(&self) -> bool {
        self.note().has(FOR_ANY)
    }

    /// The port it is associated with.
    #[inline]
    pub fn port(&self) -> Option<PortId> {
        (self.bytes[3] & PORT).checked_sub(1).map(PortId)
    }

    /// Whether its last call on its port came back without a sleep, and it has waited for nothing since.
    #[inline]
    pub fn is_fresh(&self) -> bool {
        self.bytes[3].has(FRESH)
    }

    /// Whether it counts as running although it waits, or does not although it runs.
    #[inline]
    pub fn counts_otherwise(&self) -> bool {
        self.bytes[3].has(COUNTS_OTHERWISE)
    }

    /// Whether asynchronous procedure calls wait for it, special ones among them.
    pub fn has_apcs(&self) -> bool {
        let special = usize::from(self.parts.special);
        self.apcs() > 0 || special != 0 && self.bytes[special] > 0
    }

    /// Asynchronous procedure calls that it has not run yet.
    #[inline]
    pub fn apcs(&self) -> u8 {
        match self.parts.apcs {
            0 => 0,
            at => self.bytes[usize::from(at)],
        }
    }

    /// Asynchronous procedure calls that it has run, where a property reads that.
    #[inline]
    pub fn apcs_run(&self) -> u8 {
        match self.parts.apcs {
            0 => 0,
            at => self.bytes[usize::from(at) + 1],
        }
    }

    /// The error that its last failed call has left, where somebody asks.
    pub fn last_error(&self) -> u16 {
        match usize::from(self.parts.last_error) {
            0 => 0,
            at => u16::from_le_bytes([self.bytes[at], self.bytes[at + 1]]),
        }
    }

    /// Ticks until the call it is in gives up; 0 when the time is over.
    #[inline]
    pub fn remaining(&self) -> Option<u32> {
        let at = usize::from(self.parts.deadline);
        if at == 0 {
            return None;
        }
        let bytes = self.bytes[at..at + 4].try_into().expect("four bytes");
        u32::from_le_bytes(bytes).checked_sub(1)
    }

    /// How many suspensions hold it; none while they are still on their way.
    #[inline]
    pub fn suspensions(&self) -> u8 {
        match self.suspended() {
            byte if byte.has(STOPS) => 0,
            byte => byte,
        }
    }

    /// How many suspensions nobody has taken back, whether or not they hold it yet.
    pub(crate) fn suspend_count(&self) -> u8 {
        self.suspended().without(STOPS)
    }

    /// Whether it is suspended, and runs on until that reaches it.
    #[inline]
    pub(crate) fn stops(&self) -> bool {
        self.suspended().has(STOPS)
    }

    #[inline]
    fn suspended(&self) -> u8 {
        match self.parts.suspended {
            0 => 0,
            at => self.bytes[usize::from(at)],
        }
    }

    /// The packet that was handed to it while it could not go on.
    #[inline]
    pub fn handed(&self) -> Option<u8> {
        match self.parts.handed {
            0 => None,
            at => self.bytes[usize::from(at)].checked_sub(1),
        }
    }
}

impl<B: DerefMut<Target = [u8]>> Thread<B> {
    /// Where a result of its goes, and what follows.
    #[inline(always)]
    pub(crate) fn result(&mut self, place: SlotPlace) -> &mut [u8] {
        &mut self.bytes[usize::from(place.at)..]
    }

    #[inline]
    pub(crate) fn set_pc(&mut self, pc: Pc) {
        let [low, high] = pc.to_le_bytes();
        self.bytes[0] = low;
        if self.parts.pc_high != 0 {
            self.bytes[usize::from(self.parts.pc_high)] = high;
        }
    }

    /// Changes what it is doing; `Blocked` goes through [`Thread::block_on`].
    #[inline]
    pub fn set_mode(&mut self, mode: Mode) {
        self.bytes[1] = mode as u8;
        self.bytes[2] = 0;
    }

    /// Changes [`Thread::note`].
    #[inline]
    pub fn set_note(&mut self, note: u8) {
        self.bytes[2] = note;
    }

    /// It waits for an object now.
    #[inline]
    pub fn block_on(&mut self, object: ObjectId) {
        self.bytes[1] = Mode::Blocked as u8;
        self.bytes[2] = object.0;
    }

    /// Associates it with a port, or with none.
    #[inline]
    pub fn set_port(&mut self, port: Option<PortId>) {
        self.bytes[3] = port.map_or(0, |port| port.0 + 1);
    }

    /// Changes [`Thread::is_fresh`].
    #[inline]
    pub fn set_fresh(&mut self, fresh: bool) {
        self.bytes[3] = self.bytes[3].set(FRESH, fresh);
    }

    /// Changes [`Thread::counts_otherwise`].
    pub fn set_counts_otherwise(&mut self, otherwise: bool) {
        self.bytes[3] = self.bytes[3].set(COUNTS_OTHERWISE, otherwise);
    }

    /// One more asynchronous procedure call is queued to it.
    pub fn queue_apc(&mut self) {
        if self.parts.apcs != 0 {
            let queued = &mut self.bytes[usize::from(self.parts.apcs)];
            *queued = queued.saturating_add(1);
        }
    }

    /// A special one is queued to it.
    pub fn queue_special(&mut self) {
        if self.parts.special != 0 {
            let queued = &mut self.bytes[usize::from(self.parts.special)];
            *queued = queued.saturating_add(1);
        }
    }

    /// Runs the special ones; they are counted where a property reads that.
    pub fn run_special(&mut self, counted: bool) {
        let special = core::mem::take(&mut self.bytes[usize::from(self.parts.special)]);
        if counted {
            let ran = &mut self.bytes[usize::from(self.parts.apcs) + 1];
            *ran = ran.saturating_add(special);
        }
    }

    /// Runs all its asynchronous procedure calls; they are counted where a property reads that.
    pub fn run_apcs(&mut self, counted: bool) {
        if self.parts.apcs != 0 {
            let at = usize::from(self.parts.apcs);
            let ran = if counted { self.bytes[at] } else { 0 };
            self.bytes[at + 1] = self.bytes[at + 1].saturating_add(ran);
            self.bytes[at] = 0;
        }
    }

    /// A call of its has failed with this error.
    pub fn set_last_error(&mut self, error: u16) {
        let at = usize::from(self.parts.last_error);
        if at != 0 {
            self.bytes[at..at + 2].copy_from_slice(&error.to_le_bytes());
        }
    }

    /// Sets how many packets a call waits for that waits for its minimum for a time of its own, and what else is known of it.
    pub fn set_wanted(&mut self, wanted: u8, has_come: bool, for_any: bool) {
        let note = wanted.set(CAME, has_come).set(FOR_ANY, for_any);
        self.set_note(note);
    }

    /// Sets the ticks until its call gives up.
    #[inline]
    pub fn set_remaining(&mut self, ticks: Option<u32>) {
        let at = usize::from(self.parts.deadline);
        if at != 0 {
            let stored = ticks.map_or(0, |ticks| ticks.saturating_add(1));
            self.bytes[at..at + 4].copy_from_slice(&stored.to_le_bytes());
        }
    }

    pub(crate) fn set_suspensions(&mut self, count: u8) {
        if self.parts.suspended != 0 {
            self.bytes[usize::from(self.parts.suspended)] = count;
        }
    }

    /// So many suspensions are on their way to it.
    pub(crate) fn set_stops(&mut self, count: u8) {
        self.set_suspensions(if count > 0 { count.with(STOPS) } else { 0 });
    }

    /// Hands it a packet that its call will return when it goes on.
    pub fn hand(&mut self, packet: Option<u8>) {
        if self.parts.handed != 0 {
            self.bytes[usize::from(self.parts.handed)] = packet.map_or(0, |packet| packet + 1);
        }
    }
}
