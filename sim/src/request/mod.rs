//! What can be asked of the library: a request for each question, whose answer is a report.
//!
//! [`Checker`] asks whether anything can go wrong in any interleaving, [`CrossChecker`] whether a real system does what
//! the model of it can do. How a report is said is the business of [`crate::report`].

mod checker;
mod cross_checker;
mod litmus;

use std::fmt::{self, Display, Formatter};

use crate::bad_input::BadInput;
use crate::check::Trouble;
use crate::personality::Misnamed;

pub use checker::Checker;
pub use cross_checker::{Comparing, CrossChecker};
pub use litmus::{Litmus, Running};

/// Why a request has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// No personality has this name, or no claim that is open there.
    Misnamed(Misnamed),
    /// A file says what cannot be used.
    BadInput(BadInput),
    /// What the answer needs is not to be had: a backend, another process, a file.
    Unavailable(String),
}

impl Display for Error {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Error::Misnamed(misnamed) => misnamed.fmt(f),
            Error::BadInput(bad) => bad.fmt(f),
            Error::Unavailable(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for Error {}

impl From<Trouble> for Error {
    fn from(trouble: Trouble) -> Error {
        match trouble {
            Trouble::BadInput(bad) => Error::BadInput(bad),
            Trouble::Unavailable(why) => Error::Unavailable(why),
        }
    }
}

impl From<Misnamed> for Error {
    fn from(misnamed: Misnamed) -> Error {
        Error::Misnamed(misnamed)
    }
}
