//! The command `portsim`.

fn main() {}
