//! Where output goes: reports to standard output, notes and progress to standard error.

use std::env;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use console::Term;
use indicatif::{ProgressBar, ProgressStyle};

use super::Stop;
use super::args::Common;
use crate::plain::shown;
use crate::report::{Exit, Format, Layout, Part, Report, painted};

/// Work that takes longer than this shows its progress.
const PATIENCE: Duration = Duration::from_secs(1);

/// What the common arguments say about output.
#[derive(Debug, Clone, Copy)]
pub struct Say {
    format: Format,
    quiet: bool,
    colour: bool,
}

impl Say {
    pub fn new(common: &Common) -> Say {
        let format = match common.json {
            true => Format::Json,
            false => Format::Text(Layout {
                columns: columns(),
                full: common.full,
            }),
        };
        Say {
            format,
            quiet: common.quiet,
            colour: !common.json && takes_colour(),
        }
    }

    /// Whether a machine reads it.
    pub fn is_json(&self) -> bool {
        matches!(self.format, Format::Json)
    }

    /// Says a part of a report that has just become known.
    pub fn part(&self, part: Part<'_>) -> io::Result<()> {
        self.out(&self.format.part(part), &part.notes())
    }

    /// Says a report; what it comes to.
    pub fn report(&self, report: Report<'_>) -> Result<Exit, Stop> {
        self.out(&self.format.report(report), &report.notes())?;
        Ok(report.exit())
    }

    /// An answer, and notes that people can do without. What files, traces and agents have put into them moves no
    /// terminal.
    fn out(&self, answer: &str, notes: &[String]) -> io::Result<()> {
        let mut answer = shown(answer);
        if self.colour {
            answer = painted(&answer).into();
        }
        io::stdout().lock().write_all(answer.as_bytes())?;
        for note in notes.iter().filter(|_| !self.quiet) {
            eprintln!("{}", shown(note));
        }
        Ok(())
    }

    /// Says what people should know before there is an answer.
    pub fn note(&self, note: &str) {
        if !self.quiet {
            eprintln!("{}", shown(note));
        }
    }

    /// The progress of work that may take long.
    pub fn progress(&self) -> Progress {
        Progress {
            since: Instant::now(),
            bar: None,
            quiet: self.quiet,
        }
    }
}

// What goes to a file or a pipe depends on no terminal and no variable.

/// How many characters a line of the terminal has: what `COLUMNS` says, or what the terminal itself says. None where
/// there is none.
fn columns() -> Option<usize> {
    if !io::stdout().is_terminal() {
        return None;
    }
    let said = env::var("COLUMNS").ok();
    let said = said.and_then(|said| said.parse().ok());
    let measured = || {
        Term::stdout()
            .size_checked()
            .map(|(_, columns)| columns.into())
    };
    said.or_else(measured).filter(|&columns| columns > 0)
}

/// Whether it wants colours: nobody has set `NO_COLOR`, and it is not dumb.
fn takes_colour() -> bool {
    let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    let is_dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
    io::stdout().is_terminal() && !is_set("NO_COLOR") && !is_dumb
}

/// The progress of work that takes long, in one line; only a terminal shows it.
pub struct Progress {
    since: Instant,
    bar: Option<ProgressBar>,
    quiet: bool,
}

impl Progress {
    /// Where the work stands, after so much time; `words` is called only if the line is shown.
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
            let words = words(self.since.elapsed());
            bar.set_message(shown(&words).into_owned());
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
