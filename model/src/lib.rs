//! What completion ports do, as pure functions.
//!
//! The model says only two things: which steps are possible now ([`System::enabled`]), and what each
//! step does and shows ([`System::take`]). It has no clock, no thread, no file and no randomness;
//! whoever asks chooses the steps.
//!
//! - [`program`]: what threads do, as plain data, with its [`ids`]; [`expr`] and [`control`]: their conditions and where they go next.
//! - [`state`]: one flat record of bytes ([`layout`]), with a typed view for each noun: [`packets`],
//!   [`waiters`], [`running`], [`threads`], [`files`], [`extras`].
//! - [`event`]: what an observer sees.
//! - [`kernel`]: the contract that each system of [`personality`] fulfils.
//! - [`system`]: programs on a kernel. [`property`]: what must hold there. [`symmetry`]: who can trade places.
//!   [`abridged`]: what is never read.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod abridged;
pub mod control;
pub mod event;
pub mod expr;
pub mod extras;
pub mod fair;
pub mod files;
pub mod ids;
pub mod kernel;
pub mod layout;
mod objects;
mod op;
pub mod order;
pub mod packets;
pub mod personality;
pub mod program;
pub mod property;
mod results;
pub mod running;
pub mod state;
pub mod step;
pub mod symmetry;
pub mod system;
pub mod threads;
pub mod waiters;

pub use state::State;
pub use step::{Step, StepKind};
pub use system::System;
