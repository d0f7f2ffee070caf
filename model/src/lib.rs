//! What completion ports do, as pure functions.
//!
//! The model says only two things: which steps are possible now ([`Machine::enabled`]), and what each
//! step does and shows ([`Machine::take`]). It has no clock, no thread, no file and no randomness;
//! whoever asks chooses the steps.
//!
//! - [`program`]: what threads do, as plain data, with its [`ids`]; [`expr`] and [`control`]: their conditions and where they go next.
//! - [`state`]: one flat record of bytes ([`layout`]), with a typed view for each noun: [`packets`],
//!   [`waiters`], [`running`], [`threads`], [`files`], [`wait_packets`], [`jobs`].
//! - [`event`]: what an observer sees.
//! - [`kernel`]: the contract that each system of [`personality`] fulfils.
//! - [`system`]: programs on a kernel. [`property`]: what must hold there. [`symmetry`]: who can trade places.
//!   [`abridged`]: what is never read.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod choice;
pub mod claim;
pub mod contract;
pub mod control;
pub mod dead;
pub mod event;
pub mod expr;
pub mod fair;
pub mod files;
pub mod ids;
pub mod jobs;
pub mod layout;
pub mod machine;
mod objects;
pub mod op;
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
