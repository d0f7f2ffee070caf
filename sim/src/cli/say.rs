//! Where output goes: reports to standard output, notes and progress to standard error.

use std::cell::{Cell, RefCell};
use std::env;
use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use console::Term;
use indicatif::{ProgressBar, ProgressStyle};

use super::args::{Command, Common};
use super::{Stop, stop};
use crate::bad_input::BadInput;
use crate::plain::shown;
use crate::report::json;
use crate::report::judged::Denied;
use crate::report::mistakes::{self, Screen};
use crate::report::{Document, Exit, Format, Layout, Part, Report, painted};

/// Work that takes longer than this shows its progress.
const PATIENCE: Duration = Duration::from_secs(1);

/// As wide are lines that nobody sees on a terminal.
const COLUMNS: usize = 120;

/// What the common arguments say about output, and what was said.
#[derive(Debug)]
pub struct Say {
    format: Format,
    quiet: bool,
    colour: bool,
    /// The part of a sweep that is done, if it is one.
    part: Option<String>,
    /// What somebody does not take for success.
    denied: Denied,
    /// Files that say the report besides.
    documents: Vec<(Document, PathBuf)>,
    /// What is wrong with the files that could not be used.
    bad: RefCell<Vec<BadInput>>,
    /// Whether the report was said: there is one.
    said: Cell<bool>,
}

impl Say {
    pub fn new(common: &Common, command: &Command) -> Say {
        let denied = command.denied();
        let layout = Layout {
            columns: columns(),
            full: command.is_full(),
        };
        Say {
            format: match (common.json, command.annotates()) {
                (true, _) => Format::Json,
                (false, true) => Format::Github(layout, denied),
                (false, false) => Format::Text(layout),
            },
            quiet: common.quiet,
            colour: !common.json && takes_colour(),
            part: command.part(),
            denied,
            documents: command.documents(),
            bad: RefCell::default(),
            said: Cell::new(false),
        }
    }

    /// Whether each run is wanted, and not only how many there were.
    pub fn wants_runs(&self) -> bool {
        self.is_json() || !self.documents.is_empty()
    }

    /// Whether a machine reads it.
    pub fn is_json(&self) -> bool {
        matches!(self.format, Format::Json)
    }

    /// Says a part of a report that has just become known.
    pub fn part(&self, part: Part<'_>) -> io::Result<()> {
        if part.exit() == Exit::Unexpected {
            stop::found();
        }
        self.out(&self.format.part(part), &part.notes())
    }

    /// Says a report; what it comes to.
    pub fn report(&self, report: Report<'_>) -> Result<Exit, Stop> {
        let exit = report.exit();
        if let Exit::Cut(cut) = &exit {
            self.bad.borrow_mut().push(cut.clone().into());
        }
        let text = match (self.is_json(), &self.part) {
            (true, Some(part)) => json::part_report(report, &self.bad.borrow(), part),
            _ => self.format.report(report, &self.bad.borrow()),
        };
        self.said.set(true);
        self.out(&text, &report.notes())?;
        for (document, file) in &self.documents {
            let text = document.of(report, &self.bad.borrow(), self.denied);
            create(file)?.write_all(text.as_bytes())?;
        }
        if let Exit::Cut(cut) = &exit {
            mistakes(&cut.clone().into());
        }
        let bad = match self.has_bad() {
            true => Exit::BadInput,
            false => Exit::AsExpected,
        };
        Ok(Exit::worst([exit, report.judged().exit(self.denied), bad]))
    }

    /// Says what is wrong with a file, behind which the work goes on.
    pub fn bad(&self, bad: BadInput) {
        mistakes(&bad);
        self.bad.borrow_mut().push(bad);
    }

    /// Forgets what was wrong with files: they are looked at again.
    pub fn forget_mistakes(&self) {
        self.bad.borrow_mut().clear();
    }

    /// Clears the terminal, where there is one.
    pub fn clear(&self) {
        if io::stdout().is_terminal() {
            let _ = Term::stdout().clear_screen();
        }
    }

    /// Whether there was such a file.
    pub fn has_bad(&self) -> bool {
        !self.bad.borrow().is_empty()
    }

    /// Says why there is no report, or nothing more to it.
    pub fn failed(&self, bad: BadInput) {
        self.bad(bad);
        if !self.said.replace(true) {
            let bad = self.bad.borrow();
            let text = self.format.no_report(&bad);
            let _ = self.out(&text, &[]);
            for (document, file) in &self.documents {
                if let Some(text) = document.no_report(&bad) {
                    let _ = std::fs::write(file, text);
                }
            }
        }
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

/// A file to write.
pub fn create(file: &Path) -> Result<File, BadInput> {
    File::create(file).map_err(|error| BadInput::new(file, format!("cannot be written: {error}")))
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

/// Says what is wrong with arguments to a machine, which asked for one object.
pub fn object(bad: BadInput) {
    print!("{}", Format::Json.no_report(&[bad]));
}

/// What is wrong with input, for people.
fn mistakes(bad: &BadInput) {
    let columns = Term::stderr()
        .size_checked()
        .map(|(_, columns)| columns.into());
    let screen = Screen {
        columns: columns.unwrap_or(COLUMNS),
        colours: console::colors_enabled_stderr(),
    };
    eprint!("{}", mistakes::text(bad, screen));
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
