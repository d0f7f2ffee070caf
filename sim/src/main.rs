//! The command `portsim`.

use std::process::ExitCode;

fn main() -> ExitCode {
    portsim::main()
}
