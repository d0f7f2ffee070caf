//! Where an agent of this build says its lines.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use super::wire::{FromAgent, line};

/// Where lines are said, by any thread.
#[derive(Clone)]
pub struct Output(Arc<Mutex<dyn Write + Send>>);

impl Output {
    /// The stream that a conductor reads.
    pub fn of(output: impl Write + Send + 'static) -> Output {
        Output(Arc::new(Mutex::new(output)))
    }

    /// Says a line.
    pub fn say(&self, said: &FromAgent) -> io::Result<()> {
        let line = line(said) + "\n";
        let mut output = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        output.write_all(line.as_bytes())?;
        output.flush()
    }
}
