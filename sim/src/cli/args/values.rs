//! Values of arguments, as people write them.

use std::fmt::{self, Display, Formatter};
use std::net::SocketAddr;
use std::ops::Range;
use std::time::Duration;

use crate::check::Reductions;

/// One of several equal parts of a sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// Counted from 0.
    part: u64,
    parts: u64,
}

impl Display for Shard {
    fn fmt(&self, to: &mut Formatter<'_>) -> fmt::Result {
        write!(to, "{}/{}", self.part + 1, self.parts)
    }
}

impl Shard {
    pub fn parse(text: &str) -> Result<Shard, String> {
        let numbers = text.split_once('/');
        let number = |text: &str| text.parse::<u64>().ok();
        match numbers.and_then(|(i, n)| Some((number(i)?, number(n)?))) {
            Some((i, parts)) if 0 < i && i <= parts => Ok(Shard { part: i - 1, parts }),
            _ => Err(format!(
                "`{text}` is no part of a whole, such as `1/4`, which goes up to `4/4`"
            )),
        }
    }

    /// Its share of these seeds.
    pub fn of(self, seeds: Range<u64>) -> Range<u64> {
        let all = u128::from(seeds.end - seeds.start);
        let cut =
            |part: u64| seeds.start + (all * u128::from(part) / u128::from(self.parts)) as u64;
        cut(self.part)..cut(self.part + 1)
    }
}

/// Seeds as people write them.
pub fn seeds(text: &str) -> Result<Range<u64>, String> {
    let problem = || format!("`{text}` is no range of seeds, such as `0..1000`");
    let (from, to) = text.split_once("..").ok_or_else(problem)?;
    let range = from.parse().map_err(|_| problem())?..to.parse().map_err(|_| problem())?;
    if range.is_empty() {
        Err(format!(
            "`{text}` has no seed: the second number is not part of the range"
        ))
    } else {
        Ok(range)
    }
}

/// Reductions as people write them.
pub fn reductions(text: &str) -> Result<Reductions, String> {
    let mut reductions = Reductions::NONE;
    for word in text.split(',') {
        match word {
            "all" => reductions = Reductions::ALL,
            "none" if text == "none" => {}
            "symmetry" => reductions.symmetry = true,
            "dead" => reductions.dead = true,
            "order" => reductions.order = true,
            _ => {
                return Err(format!(
                    "`{word}` is no reduction: all, none, symmetry, dead or order"
                ));
            }
        }
    }
    Ok(reductions)
}

/// The least memory that a search is given.
const MEMORY_MIN: u64 = 16 << 20;

/// What the program takes of it before there are states.
pub const MEMORY_OWN: u64 = 10 << 20;

/// Memory for a search.
pub fn memory(text: &str) -> Result<u64, String> {
    let bytes = size(text)?;
    if bytes < MEMORY_MIN {
        let least = MEMORY_MIN >> 20;
        return Err(format!("a search takes at least {least}M"));
    }
    Ok(bytes)
}

/// A size as people write it.
fn size(text: &str) -> Result<u64, String> {
    let problem = || format!("`{text}` is no size, such as `512M` or `8G`");
    let (digits, unit) = match text.find(|c: char| !c.is_ascii_digit()) {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    let factor: u64 = match unit.trim_end_matches("iB").trim_end_matches('B') {
        "" => 1,
        "K" | "k" => 1 << 10,
        "M" => 1 << 20,
        "G" => 1 << 30,
        _ => return Err(problem()),
    };
    let number: u64 = digits.parse().map_err(|_| problem())?;
    number.checked_mul(factor).ok_or_else(problem)
}

/// Minutes as people write them.
pub fn minutes(text: &str) -> Result<Duration, String> {
    duration(text, 60.0)
        .ok_or_else(|| format!("`{text}` is no number of minutes, such as `10` or `0.5`"))
}

/// An address that no other machine reaches.
pub fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address: Option<SocketAddr> = text.parse().ok();
    let own = address.filter(|address| address.ip().is_loopback());
    own.ok_or_else(|| {
        format!(
            "`{text}` is no address of this machine alone, such as `127.0.0.1:8080` or `[::1]:0`"
        )
    })
}

/// A number of seconds.
pub fn seconds(text: &str) -> Result<Duration, String> {
    duration(text, 1.0)
        .ok_or_else(|| format!("`{text}` is no number of seconds, such as `300` or `0.5`"))
}

/// So many times a unit of so many seconds.
fn duration(text: &str, unit: f64) -> Option<Duration> {
    let number = text.parse::<f64>().ok().filter(|number| *number > 0.0)?;
    Duration::try_from_secs_f64(unit * number).ok()
}
