//! What a command found, for people ([`text`]) and for machines ([`json`]).

pub mod json;
pub mod text;
