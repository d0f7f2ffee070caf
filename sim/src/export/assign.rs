//! What is written to variables, in Promela.

use std::fmt::Write;

use portsim_model::expr::ExprId;
use portsim_model::program::{Assignment, Program};

use super::expr::{both, say};

/// What becomes of a variable that is read and written in one step.
#[derive(Clone, Copy)]
pub(super) enum Update {
    Swap,
    Add,
    /// Only if it has the value of this.
    SwapIf(ExprId),
}

/// All right hand sides are taken before anything is written.
pub(super) fn set(program: &Program, sets: &[Assignment]) -> Result<String, String> {
    let (mut defined, mut takes, mut writes) = (None, String::new(), String::new());
    for (n, set) in sets.iter().enumerate() {
        let value = say(program, "_pid", set.value)?;
        defined = both(defined, value.defined);
        let _ = write!(takes, "h_value[{n}] = {}; ", value.value);
        let (place, inside) = place(program, set)?;
        defined = both(defined, inside);
        let written = match set.element {
            None => place,
            Some(_) => {
                let _ = write!(takes, "h_place_of[{n}] = {place}; ");
                format!("h_place_of[{n}]")
            }
        };
        let _ = write!(writes, "var[{written}] = h_value[{n}]; ");
    }
    let defined = defined.unwrap_or("true".to_owned());
    Ok(format!(
        "if :: {defined} -> {takes}{writes}returns(_pid, SUCCESS) :: else -> mode[_pid] = LOST fi"
    ))
}

/// A variable is read, and written as `how` says.
pub(super) fn update(program: &Program, set: &Assignment, how: Update) -> Result<String, String> {
    let value = say(program, "_pid", set.value)?;
    let (place, inside) = place(program, set)?;
    let mut defined = both(value.defined, inside);
    let mut takes = format!(
        "h_place_of[0] = {place}; h_value[0] = {}; h_value[1] = var[h_place_of[0]]; ",
        value.value
    );
    let given = match how {
        Update::Swap => None,
        Update::Add => Some("adds(h_value[1], h_value[0])"),
        Update::SwapIf(expect) => {
            let expect = say(program, "_pid", expect)?;
            defined = both(defined, expect.defined);
            let _ = write!(takes, "h_value[2] = {}; ", expect.value);
            Some("h_value[1] == h_value[2]")
        }
    };
    let (becomes, otherwise) = match how {
        Update::Swap | Update::SwapIf(_) => ("h_value[0]", "returns_other(_pid, h_value[1])"),
        Update::Add => ("h_value[1] + h_value[0]", "mode[_pid] = LOST"),
    };
    let writes = format!("var[h_place_of[0]] = {becomes}; returns_value(_pid, h_value[1])");
    let does = match given {
        None => writes,
        Some(given) => format!("if :: {given} -> {writes} :: else -> {otherwise} fi"),
    };
    let defined = defined.unwrap_or("true".to_owned());
    Ok(format!(
        "clear(_pid); if :: {defined} -> {takes}{does} :: else -> mode[_pid] = LOST fi"
    ))
}

/// The number of the variable that an assignment writes, and when there is one.
fn place(program: &Program, set: &Assignment) -> Result<(String, Option<String>), String> {
    let Some((index, len)) = set.element else {
        return Ok((set.var.index().to_string(), None));
    };
    let index = say(program, "_pid", index)?;
    let inside = format!("({0} >= 0 && {0} < {len})", index.value);
    let place = format!("{} + {}", set.var.index(), index.value);
    Ok((place, both(index.defined, Some(inside))))
}
