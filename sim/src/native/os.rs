//! What the machine under the backends is.

#[cfg(windows)]
use super::parked_windows::wine_version;

/// The operating system of this machine and its release, where it tells.
pub fn os() -> String {
    #[cfg(windows)]
    if let Some(version) = wine_version() {
        return format!("wine {version}");
    }
    let release = match std::env::consts::OS {
        "linux" => std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default(),
        _ => String::new(),
    };
    format!("{} {}", std::env::consts::OS, release.trim())
        .trim_end()
        .to_owned()
}
