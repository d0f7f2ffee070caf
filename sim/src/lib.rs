//! portsim: a deterministic simulator and model checker for I/O completion ports.

pub mod choose;
pub mod native;
pub mod trace;
