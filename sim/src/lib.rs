//! portsim: a deterministic simulator and model checker for I/O completion ports.

pub mod bad_input;
pub mod choose;
pub mod scenario;
pub mod trace;
