//! portsim: a deterministic simulator and model checker for I/O completion ports.

pub mod admit;
pub mod bad_input;
pub mod check;
pub mod choose;
// Where loom runs the tests, threads at full speed are not there, and the command has nothing to start.
#[cfg(not(all(test, loom)))]
pub mod cli;
pub mod compare;
pub mod coverage;
pub mod cross_check;
pub mod draft;
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

// The port in user space is a crate of its own. Tests compile its source as a module of this crate, because only then
// can they plant mistakes in it and see who acted.
#[cfg(test)]
#[path = "../port/src/lib.rs"]
#[expect(
    clippy::module_inception,
    reason = "it is the root of a crate of its own"
)]
pub mod port;
#[cfg(not(test))]
use portsim_port as port;
