//! Flags in a byte.

/// A byte that is asked for its flags and changed by them, each a bit or several.
pub(crate) trait Flags {
    /// Whether it has any of these.
    fn has(self, flags: u8) -> bool;
    /// It with these as well.
    fn with(self, flags: u8) -> u8;
    /// It without these.
    fn without(self, flags: u8) -> u8;
    /// It with these or without them.
    fn set(self, flags: u8, are_set: bool) -> u8;
}

impl Flags for u8 {
    #[inline]
    fn has(self, flags: u8) -> bool {
        self & flags != 0
    }

    #[inline]
    fn with(self, flags: u8) -> u8 {
        self | flags
    }

    #[inline]
    fn without(self, flags: u8) -> u8 {
        self & !flags
    }

    #[inline]
    fn set(self, flags: u8, are_set: bool) -> u8 {
        match are_set {
            true => self.with(flags),
            false => self.without(flags),
        }
    }
}
