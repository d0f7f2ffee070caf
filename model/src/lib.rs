//! What completion ports do, as pure functions.
//!
//! The model says only two things: which steps are possible now, and what each step does and shows
//! ([`AnyMachine`]). It has no clock, no thread, no file and no randomness; its caller chooses each step.
//!
//! ```
//! use std::sync::Arc;
//!
//! use portsim_model::build::Builder;
//! use portsim_model::personality::machine;
//! use portsim_model::program::Packet;
//!
//! // One thread takes a packet, another posts it.
//! let mut program = Builder::new();
//! let (port, packet) = (program.port(1), program.packet(Packet::key(7)));
//! program.thread(|code| {
//!     code.get(port);
//! });
//! program.thread(|code| code.post(port, packet));
//! let program = Arc::new(program.build().unwrap());
//!
//! // Every state that it can come to on Windows, with two processors.
//! let machine = machine("windows", &program, 2, &[]).unwrap().unwrap();
//! let mut states = vec![machine.boot()];
//! let mut next = 0;
//! while let Some(state) = states.get(next).cloned() {
//!     let mut steps = Vec::new();
//!     machine.enabled(&state, |step| steps.push(step));
//!     for step in steps {
//!         let mut after = state.clone();
//!         machine.take(&mut after, step, &mut ());
//!         assert_eq!(machine.judge(&after), None);
//!         if !states.contains(&after) {
//!             states.push(after);
//!         }
//!     }
//!     next += 1;
//! }
//! assert_eq!(states.len(), 5);
//! ```
//!
//! - [`build`] writes programs in Rust; [`program`] is what threads do, as plain data, with its [`ids`]; [`expr`] and
//!   [`control`] are their conditions and where they go next.
//! - [`state`] is one flat record of bytes ([`layout`]), with a typed view for each noun: [`packets`],
//!   [`waiters`], [`running`], [`threads`], [`files`], [`wait_packets`], [`jobs`].
//! - [`event`] is what an observer sees, [`os_error`] what systems call an error, [`results`] what calls leave behind.
//! - [`contract`] is what each system of [`personality`] fulfils. Its rules run in a [`turn`], name their [`claim`]s and
//!   make [`choice`]s.
//! - [`machine`] is a program on a personality, [`step`] what can happen next there.
//! - [`property`] is what must hold, [`fault`] what must hold of every port, [`fair`] who must get its due in a run that goes on for ever.
//! - [`symmetry`], [`dead`] and [`partial_order`] are what a search need not tell apart.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod about;
mod assignment;
pub mod build;
pub mod choice;
pub mod claim;
pub mod contract;
pub mod control;
pub mod dead;
mod deadlines;
mod evaluated;
pub mod event;
pub mod expr;
pub mod fair;
pub mod fault;
pub mod files;
mod flags;
pub mod ids;
pub mod jobs;
pub mod layout;
pub mod machine;
mod objects;
pub mod op;
pub mod os_error;
pub mod packets;
pub mod partial_order;
pub mod personality;
pub mod program;
pub mod property;
pub mod results;
pub mod room;
pub mod running;
pub mod state;
pub mod step;
pub mod symmetry;
pub mod threads;
pub mod turn;
pub mod wait_packets;
pub mod waiters;

pub use machine::{AnyMachine, Machine};
pub use state::State;
pub use step::{Step, StepKind};

/// The example of the page that introduces the crate is a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
