//! The processes that search together, as `--hosts`, `--process` and `--secret` name them.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::say::Say;
use super::{Stop, args, bad_argument, files};
use crate::bad_input::BadInput;
use crate::check::{Hosts, ONE_PROCESS, Secret};

/// How long it is until a process looks again whether there is a secret.
const PATIENCE: Duration = Duration::from_millis(50);

/// The processes, if there are several.
pub fn hosts(args: &args::Check, say: &Say, stop: &AtomicBool) -> Result<Option<Hosts>, Stop> {
    let (Some(file), Some(process)) = (&args.hosts, args.process) else {
        return Ok(None);
    };
    if !cfg!(feature = "processes") {
        return Err(bad_argument("--hosts", ONE_PROCESS).into());
    }
    let addresses = files::addresses(file)?;
    if process >= addresses.len() {
        let there = format!("there are {} hosts, counted from 0", addresses.len());
        return Err(bad_argument("--process", there).into());
    }
    let since = Instant::now();
    let secret = match &args.secret {
        Some(secret) => Secret::read(secret)?,
        None => shared(&beside(file), process == 0, args.wait, say, stop)?,
    };
    Ok(Some(Hosts {
        addresses,
        process,
        secret,
        wait: args.wait.saturating_sub(since.elapsed()),
    }))
}

/// Where the secret lies if nobody says so.
fn beside(hosts: &Path) -> PathBuf {
    let mut name = OsString::from(hosts);
    name.push(".secret");
    name.into()
}

/// The secret that the first process makes, and the others wait for.
fn shared(
    file: &Path,
    is_first: bool,
    wait: Duration,
    say: &Say,
    stop: &AtomicBool,
) -> Result<Secret, Stop> {
    if is_first {
        match Secret::make(file) {
            Ok(()) => say.note(&format!(
                "the secret of this search is in {}: the other processes need a copy beside their --hosts, \
                 or named by --secret",
                file.display()
            )),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => {
                let problem = format!("cannot be written: {error}; --secret names a file with one");
                return Err(BadInput::new(file, problem).into());
            }
        }
    }
    let since = Instant::now();
    while !file.exists() {
        if since.elapsed() > wait || stop.load(Ordering::Relaxed) {
            let problem = "there is no such file: process 0 makes it, and the other processes need a copy of it \
                there, or named by --secret";
            return Err(BadInput::new(file, problem).into());
        }
        sleep(PATIENCE);
    }
    Ok(Secret::read(file)?)
}
