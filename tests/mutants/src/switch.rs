//! Which mutant is on: `MUTANT` in the environment has its number, made of the number of the point and which of its
//! changes it is. `MUTANT=watch` turns none on, and notes every point that is reached.

extern crate std;

use core::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

/// No mutant is on.
const NONE: u32 = u32::MAX - 2;
/// No mutant is on, and every point that is reached is noted.
const WATCHED: u32 = u32::MAX - 1;
/// The environment has not been read yet.
const UNREAD: u32 = u32::MAX;

static ON: AtomicU32 = AtomicU32::new(UNREAD);
static REACHED: [AtomicBool; POINTS] = [const { AtomicBool::new(false) }; POINTS];

/// Which change of a point is on; 0 if none is.
#[inline(always)]
pub fn at(point: u32) -> u32 {
    let on = ON.load(Relaxed);
    if on >> SHIFT == point {
        on & ((1 << SHIFT) - 1)
    } else if on > NONE {
        seldom(point, on)
    } else {
        0
    }
}

#[cold]
fn seldom(point: u32, on: u32) -> u32 {
    if on == UNREAD {
        let asked = match std::env::var("MUTANT").as_deref() {
            Ok("watch") => WATCHED,
            Ok(number) => number.parse().expect("MUTANT is a number"),
            Err(_) => NONE,
        };
        ON.store(asked, Relaxed);
        return at(point);
    }
    if on == WATCHED && !REACHED[point as usize].swap(true, Relaxed) {
        note(point);
    }
    0
}

/// Writes the number of a point that is reached for the first time to the file that `MUTANT_REACHED` names.
fn note(point: u32) {
    use std::io::Write as _;
    if let Some(file) = std::env::var_os("MUTANT_REACHED") {
        let file = std::fs::File::options().append(true).create(true).open(file);
        let mut file = file.expect("the file can be opened");
        file.write_all(std::format!("{point}\n").as_bytes()).expect("the file can be written");
    }
}

/// From now on no mutant is on, and every point that is reached is noted.
pub fn watch() {
    ON.store(WATCHED, Relaxed);
}

/// The points that were reached since this was last asked.
pub fn reached() -> impl Iterator<Item = usize> {
    (0..POINTS).filter(|&point| REACHED[point].swap(false, Relaxed))
}
