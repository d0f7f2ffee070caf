//! portsim: a deterministic simulator and model checker for I/O completion ports.

pub mod admit;
pub mod bad_input;
pub mod check;
pub mod choose;
// Where loom runs the tests, threads at full speed are not there, and the command has nothing to start.
#[cfg(not(all(test, loom)))]
pub mod cli;
pub mod compare;
pub mod cross_check;
pub mod draft;
pub mod emulated;
pub mod export;
pub mod fuzz;
pub mod names;
pub mod native;
pub mod personality;
pub mod replay;
#[cfg(not(all(test, loom)))]
pub mod report;
pub mod run;
pub mod scenario;
pub mod shrink;
pub mod trace;
pub mod walk;
