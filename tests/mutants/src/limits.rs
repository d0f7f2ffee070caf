//! Programs that cannot take for ever, nor all the memory.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

/// How much address space a program may take. Some mutants would take all there is.
const MEMORY_KB: u64 = 6 << 20;
/// How long a program may take on the clock: one that waits uses no processor.
const WALL_SECONDS: u64 = 1_200;

/// A command that runs this program with so many seconds of processor time.
pub fn limited(program: &Path, seconds: u64) -> Command {
    let mut command = Command::new("sh");
    let script = format!(
        "ulimit -v {MEMORY_KB} && ulimit -t {seconds} && exec timeout --signal KILL {WALL_SECONDS} \"$0\" \"$@\""
    );
    command.args([OsStr::new("-c"), OsStr::new(&script), program.as_os_str()]);
    command
}
