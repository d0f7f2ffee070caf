//! Opens an address in the browser of whoever started the command.

use std::process::{Command, Stdio};
use std::thread;

/// What opens addresses here.
const OPENS: &[&str] = if cfg!(target_os = "macos") {
    &["open"]
} else if cfg!(windows) {
    &["rundll32", "url.dll,FileProtocolHandler"]
} else {
    &["xdg-open"]
};

/// Opens an address, if that can be done: it is said besides.
pub fn open(address: &str) {
    // Where there is no screen there is no browser; one for terminals would take this one.
    let is_bare = cfg!(all(unix, not(target_os = "macos")))
        && ["DISPLAY", "WAYLAND_DISPLAY"]
            .iter()
            .all(|name| std::env::var_os(name).is_none());
    if is_bare {
        return;
    }
    let mut command = Command::new(OPENS[0]);
    command.args(&OPENS[1..]).arg(address).stdin(Stdio::null());
    // What it says is not ours to say, and it may take as long as the browser.
    let _ = thread::Builder::new().spawn(move || command.output());
}
