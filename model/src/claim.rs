//! Claims: each is one sentence about a system, with its source, and a rule names the one that it follows.

/// How well a claim is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// A test that others ran on the system shows it.
    Verified,
    /// We saw it ourselves.
    Measured,
    /// The system's manual says so.
    Documented,
    /// It follows from the system's source, or from other claims.
    Derived,
    /// It is likely from what others write.
    Inferred,
    /// Nobody knows: every reading is possible.
    Open,
}

impl Status {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Status::Verified => "verified",
            Status::Measured => "measured",
            Status::Documented => "documented",
            Status::Derived => "derived",
            Status::Inferred => "inferred",
            Status::Open => "open",
        }
    }
}

/// One sentence about a system.
#[derive(Debug, PartialEq, Eq)]
pub struct Claim {
    /// Its name, `SYSTEM/NAME`.
    pub id: &'static str,
    /// The sentence.
    pub says: &'static str,
    /// How well it is known.
    pub status: Status,
    /// Where it comes from, in the abbreviations that the personality's file explains.
    pub source: &'static str,
}

impl Claim {
    /// The personality that it is about, or the system whose personalities all follow it.
    pub fn about(&self) -> &'static str {
        self.id.split('/').next().unwrap_or_default()
    }
}

/// Declares the claims of a personality: a constant for each row, and `CLAIMS`, all of them in their order.
macro_rules! claims {
    ($($name:ident = $id:literal, $status:ident, $source:literal: $says:literal;)*) => {
        $(
            #[doc = $says]
            pub(crate) const $name: &$crate::claim::Claim = {
                // One for all who name it: a constant alone would be there again wherever it is used.
                static CLAIM: $crate::claim::Claim = $crate::claim::Claim {
                    id: $id,
                    says: $says,
                    status: $crate::claim::Status::$status,
                    source: $source,
                };
                &CLAIM
            };
        )*
        /// Every claim of this file, in order.
        pub(crate) static CLAIMS: &[&$crate::claim::Claim] = &[$($name),*];
    };
}
pub(crate) use claims;
