//! When the clock ends a call: at one moment, or at two where it waits for its minimum for a time of its own.

use crate::program::ThreadId;
use crate::state::View;
use crate::threads::Mode;

impl View<'_> {
    /// How much longer a call waits for any packet behind the time of its minimum, while that is not over.
    #[inline]
    pub fn behind_minimum(&self, id: ThreadId) -> Option<u32> {
        if !self.layout.minimum_waits {
            return None;
        }
        let thread = self.thread(id);
        let is_inside = matches!(thread.mode(), Mode::Parked | Mode::Woken);
        let get = self.op(id).as_get().filter(|_| is_inside)?;
        get.times().1.filter(|_| !thread.waits_for_any())
    }

    /// Ticks until a thread's deadline passes, if that can still make a difference.
    #[inline]
    pub fn deadline(&self, id: ThreadId) -> Option<u32> {
        let thread = self.thread(id);
        let remaining = thread.remaining()?;
        if let Some(behind) = self.behind_minimum(id)
            && (remaining > behind || thread.mode() == Mode::Parked)
        {
            return Some(remaining.saturating_sub(behind));
        }
        let noticed_later = thread.mode() == Mode::Woken || thread.suspensions() > 0;
        (remaining > 0 || !noticed_later).then_some(remaining)
    }
}
