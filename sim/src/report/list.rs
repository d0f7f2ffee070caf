//! What there is: personalities, backends and scenarios.

use std::sync::Arc;

use crate::known::Known;
use crate::scenario::Scenario;

/// What `list` answers.
#[derive(Debug)]
pub enum List {
    /// What there is.
    Here(Here),
    /// What is known of some words.
    Known(Known),
}

/// What there is.
#[derive(Debug, Clone)]
pub struct Here {
    /// Systems that the model plays.
    pub personalities: Vec<&'static str>,
    /// Real systems that can be recorded.
    pub backends: Vec<Backend>,
    /// Scenario files.
    pub scenarios: Vec<Listed>,
}

/// One backend.
#[derive(Debug, Clone)]
pub struct Backend {
    /// Its name.
    pub name: &'static str,
    /// Whether it can run here; an `Err` says why not.
    pub available: Result<(), String>,
}

/// One scenario.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The scenario.
    pub scenario: Arc<Scenario>,
    /// The personalities that it is played on.
    pub personalities: Vec<&'static str>,
}
