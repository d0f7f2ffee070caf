//! What a backend says when the machine does not do what it needs.

use std::fmt;
use std::io;

/// The machine did not do what a backend needs: not an answer of the port.
#[derive(Debug)]
pub struct Failure {
    /// The backend.
    pub backend: String,
    /// The system call, or what was attempted.
    pub call: String,
    /// What the system said.
    pub error: io::Error,
}

impl Failure {
    /// A failure of one call.
    pub fn new(backend: &str, call: &str, error: impl Into<io::Error>) -> Failure {
        Failure {
            backend: backend.into(),
            call: call.into(),
            error: error.into(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.backend, self.call, self.error)
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}
