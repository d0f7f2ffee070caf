//! A deterministic simulator and model checker for I/O completion ports.
//!
//! A scenario says what threads do with completion ports and what must hold. [`Checker`] explores every interleaving of it
//! on the model of a system; what it finds is a report, which is a value.
//!
//! ```
//! use std::path::Path;
//!
//! use portsim::report::verdict::Verdict;
//! use portsim::report::{Format, Layout, Part};
//! use portsim::{Checker, Scenario};
//!
//! // Two threads wait, and one packet is posted.
//! let text = r#"{
//!     "why": "Is every waiter served?",
//!     "ports": { "p": { "concurrency": 1 } },
//!     "threads": {
//!         "worker": { "count": 2, "do": [{ "get": "p" }] },
//!         "poster": [{ "post": "p", "key": 1 }]
//!     }
//! }"#;
//! let scenario = Scenario::parse("two-waiters", Path::new("two-waiters.json"), text.as_bytes())?;
//! let check = Checker::new(&scenario).personality("windows").workers(4).run()?;
//! assert_eq!(check.verdict(), Verdict::Violation);
//! assert_eq!(check.property(), Some("deadlock"));
//!
//! // The verdict and the run that shows it, as `portsim check` says them.
//! print!("{}", Format::Text(Layout::default()).part(Part::Check(&check)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! - [`Scenario::read`] reads a scenario file; [`scenario`] says what stands in it.
//! - [`Checker`] asks whether anything can go wrong, [`CrossChecker`] whether a real system does what the model can do.
//!   [`run`], [`replay`] and [`admit`] choose steps in other ways.
//! - [`report`] has what was found as values, and the formats in which they are said.
//! - [`native`] runs programs on real ports. The port in user space is a crate of its own, `portsim-port`; the model is
//!   `portsim-model`.

pub mod admit;
pub mod bad_input;
pub mod check;
pub mod choose;
// Where loom runs the tests, threads at full speed are not there, and the command has nothing to start.
#[cfg(all(feature = "command", not(all(test, loom))))]
mod cli;
pub mod compare;
pub mod coverage;
pub mod cross_check;
pub mod distinguish;
pub mod draft;
pub mod explore;
pub mod export;
pub mod fuzz;
pub mod known;
pub mod log;
pub mod names;
pub mod native;
pub mod personality;
pub mod plain;
#[cfg(all(any(test, fuzzing), not(loom)))]
pub mod readers;
pub mod replay;
#[cfg(not(all(test, loom)))]
pub mod report;
#[cfg(not(all(test, loom)))]
pub mod request;
pub mod run;
pub mod scenario;
pub mod shipped;
pub mod shrink;
pub mod trace;
pub mod utf8;
pub mod walk;
pub mod words;

pub use bad_input::BadInput;
#[cfg(all(feature = "command", not(all(test, loom))))]
pub use cli::main;
#[cfg(not(all(test, loom)))]
pub use request::{Checker, CrossChecker, Error, Litmus};
pub use scenario::Scenario;

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
