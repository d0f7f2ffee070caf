//! Who hears what: answers go to standard output, words and progress to standard error.

use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::args::Common;
use crate::report::json;

/// Work that takes longer than this shows its progress.
const PATIENCE: Duration = Duration::from_secs(1);

/// Set by Ctrl-C.
static STOPPED: AtomicBool = AtomicBool::new(false);

/// What the common arguments say about output.
#[derive(Debug, Clone, Copy)]
pub struct Say {
    pub json: bool,
    quiet: bool,
}

impl Say {
    pub fn new(common: &Common) -> Say {
        Say {
            json: common.json,
            quiet: common.quiet,
        }
    }

    /// Something for people, where they are the ones that asked.
    pub fn text(&self, text: &str) -> io::Result<()> {
        if self.json || text.is_empty() {
            return Ok(());
        }
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        if !text.ends_with('\n') {
            out.write_all(b"\n")?;
        }
        Ok(())
    }

    /// Something that people can do without.
    pub fn aside(&self, text: &str) {
        if !self.quiet {
            eprintln!("{text}");
        }
    }

    /// The one object for machines.
    pub fn object(&self, object: &impl json::Object) -> io::Result<()> {
        if self.json {
            json::write(&mut io::stdout().lock(), object)?;
        }
        Ok(())
    }

    /// One object for machines, whatever was asked for.
    pub fn answer(&self, object: &impl json::Object) -> io::Result<()> {
        json::write(&mut io::stdout().lock(), object)
    }

    /// A line about work that may take long.
    pub fn progress(&self) -> Progress {
        Progress {
            since: Instant::now(),
            bar: None,
            quiet: self.quiet,
        }
    }
}

/// A line about work that takes long; only a terminal shows it.
pub struct Progress {
    since: Instant,
    bar: Option<ProgressBar>,
    quiet: bool,
}

impl Progress {
    /// The work stands here now; `words` is asked for only if somebody reads them.
    pub fn at(&mut self, words: impl FnOnce(Duration) -> String) {
        if self.quiet || self.since.elapsed() < PATIENCE {
            return;
        }
        let bar = self.bar.get_or_insert_with(|| {
            let style =
                ProgressStyle::with_template("{spinner} {msg}").expect("the template is right");
            ProgressBar::new_spinner().with_style(style)
        });
        if !bar.is_hidden() {
            bar.set_message(words(self.since.elapsed()));
            bar.tick();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

/// From now on Ctrl-C ends the work with what is known so far; a second one ends the program.
pub fn stop_on_ctrl_c() -> &'static AtomicBool {
    // Without a handler Ctrl-C still ends the program, only without its partial verdict.
    let _ = ctrlc::set_handler(|| {
        if STOPPED.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    });
    &STOPPED
}

/// Whether somebody pressed Ctrl-C.
pub fn stopped() -> bool {
    STOPPED.load(Ordering::Relaxed)
}

/// A path as a shell takes it back.
pub fn shell(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:,@%[]".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}
