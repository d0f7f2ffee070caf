//! Traces for people: one column a thread, time runs down.
//!
//! ```text
//!  n  a             b            m
//!  1  get p ...
//!  2                get p ...
//!  3                             post p key 1
//!  4                = key 1
//! ```
//!
//! Where it was asked why, the claims that decided stand at the right; where it was asked for states, what changed stands
//! below. Where a run goes round for ever, its loop stands once, between two lines that say so; and so do polls that
//! come to nothing again and again.
//!
//! Where columns do not fit, names are cut short; where they do not fit then, each event has a line of its own:
//!
//! ```text
//! 4  b  = key 1
//! ```

use std::fmt::Write;

use portsim_model::program::{Program, ThreadId};

use super::changes::Change;
use super::polls::{self, Run};
use super::{Event, cells};
use crate::names::Names;
use crate::plain::{pad, width, without_middle, wrap};

/// Two blanks stand between lanes.
const GAP: &str = "  ";

/// The widest cell; of a wider one the rest is left out.
const WIDE_MAX: usize = 1_000;

/// How long names may be where columns do not fit otherwise, the first that does.
const SHORTER: [usize; 3] = [10, 6, 4];

/// How lanes are laid out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Layout {
    /// How many characters a line may have; none where it may be as long as it is.
    pub columns: Option<usize>,
    /// Whether nothing is shortened: each of a run of polls is shown, and each of many scenarios.
    pub full: bool,
}

/// What lanes show.
#[derive(Debug, Clone, Copy)]
pub struct Lanes<'a> {
    names: &'a Names,
    program: &'a Program,
    events: &'a [Event],
    /// The number of the event from which on they repeat for ever.
    loop_at: Option<u64>,
    changes: &'a [Change],
}

/// The lanes of a trace as wide as they are; threads that do nothing have none.
pub fn lanes(names: &Names, program: &Program, events: &[Event]) -> String {
    Lanes::of(names, program, events).text(Layout::default())
}

impl<'a> Lanes<'a> {
    /// These events.
    pub fn of(names: &'a Names, program: &'a Program, events: &'a [Event]) -> Lanes<'a> {
        Lanes {
            names,
            program,
            events,
            loop_at: None,
            changes: &[],
        }
    }

    /// The same, and those from that of this number on, counted from 1, repeat for ever.
    pub fn round(self, loop_at: Option<u64>) -> Lanes<'a> {
        Lanes { loop_at, ..self }
    }

    /// The same, with what changes below each step.
    pub fn changing(self, changes: &'a [Change]) -> Lanes<'a> {
        Lanes { changes, ..self }
    }

    /// As text.
    pub fn text(self, layout: Layout) -> String {
        let runs = match layout.full {
            true => Vec::new(),
            false => polls::runs(self.events, self.loop_at, self.changes),
        };
        let page = self.page(&runs, layout);
        let Some(columns) = layout.columns else {
            return page.side_by_side();
        };
        if page.columns() <= columns {
            return page.side_by_side();
        }
        for letters in SHORTER {
            let names = &self.names.shortened(letters);
            let page = Lanes { names, ..self }.page(&runs, layout);
            if page.columns() <= columns {
                return page.side_by_side();
            }
        }
        page.one_below_the_other(columns)
    }

    fn page(&self, runs: &[Run], layout: Layout) -> Page {
        let mut page = Page {
            lines: Vec::new(),
            lanes: Vec::new(),
            digits: self.events.len().to_string().len(),
            room: layout.columns,
        };
        let mut changes = self.changes.iter().peekable();
        while let Some(first) = changes.next_if(|change| change.after == 0) {
            page.lines.push(Line::Beside(Some(0), state(first)));
        }
        let mut runs = runs.iter().peekable();
        let mut at = 0;
        while at < self.events.len() {
            if self.loop_at == Some(at as u64 + 1) {
                let words = "for ever:".to_owned();
                page.lines.push(Line::Beside(None, words));
            }
            let run = runs.next_if(|run| run.first == at);
            let shown = run.map_or(1, |run| run.len);
            for n in at..at + shown {
                let times = run.filter(|run| run.len == 1).map(|run| run.times);
                page.lines.push(self.line(n, times));
            }
            at += run.map_or(1, |run| run.len * run.times);
            if let Some(run) = run.filter(|run| run.len > 1) {
                let words = format!("and again, {} times", run.times - 1);
                page.lines.push(Line::Beside(None, words));
            }
            while let Some(change) = changes.next_if(|change| change.after <= at as u64) {
                let words = format!("-> {}", state(change));
                page.lines.push(Line::Beside(None, words));
            }
        }
        if let Some(first) = self.loop_at {
            let words = format!("and again from {first}");
            page.lines.push(Line::Beside(None, words));
        }
        page.add_lanes(self.names, self.program);
        page
    }

    /// The line of an event, which stands for so many.
    fn line(&self, n: usize, times: Option<usize>) -> Line {
        let event = &self.events[n];
        let told = cells::told(self.names, self.program, event);
        let mut cell = without_middle(told, WIDE_MAX);
        if let Some(times) = times {
            let _ = write!(cell, " ({times} times)");
        }
        let by: Vec<_> = event.by.iter().map(|claim| claim.id).collect();
        Line::Event {
            n: n + 1,
            thread: event.shown.thread(),
            cell,
            by: by.join(", "),
        }
    }
}

fn state(change: &Change) -> String {
    let facts: Vec<_> = change.facts.iter().map(|fact| fact.words()).collect();
    facts.join(", ")
}

/// Lanes that are to be laid out.
struct Page {
    lines: Vec<Line>,
    /// Each thread that does something, its name, and the width of its lane.
    lanes: Vec<(ThreadId, String, usize)>,
    /// Digits of the highest number.
    digits: usize,
    /// How many characters a line may have.
    room: Option<usize>,
}

enum Line {
    /// An event: its number, whom it is about, what it says, and the claims that decided it.
    Event {
        n: usize,
        thread: ThreadId,
        cell: String,
        by: String,
    },
    /// Something that belongs to no lane, perhaps with a number.
    Beside(Option<usize>, String),
}

impl Page {
    fn add_lanes(&mut self, names: &Names, program: &Program) {
        for id in program.thread_ids() {
            let cells = self.lines.iter().filter_map(|line| match line {
                Line::Event { thread, cell, .. } => (*thread == id).then_some(width(cell)),
                Line::Beside(..) => None,
            });
            if let Some(widest) = cells.max() {
                let name = names.thread_name(id).to_owned();
                let wide = widest.max(width(&name));
                self.lanes.push((id, name, wide));
            }
        }
    }

    /// How many characters its lines have side by side, without claims.
    fn columns(&self) -> usize {
        let lanes = self.lanes.iter().map(|(.., wide)| GAP.len() + wide);
        self.digits + lanes.sum::<usize>()
    }

    /// A column for each thread.
    fn side_by_side(&self) -> String {
        let mut head = format!("{:>1$}", "n", self.digits);
        for (_, name, wide) in &self.lanes {
            head.push_str(GAP);
            pad(&mut head, name, *wide);
        }
        let mut out = head.trim_end().to_owned() + "\n";
        for line in &self.lines {
            let (n, thread, cell, by) = match line {
                Line::Beside(n, words) => {
                    self.beside(&mut out, *n, words);
                    continue;
                }
                Line::Event {
                    n,
                    thread,
                    cell,
                    by,
                } => (n, thread, cell, by),
            };
            let mut line = format!("{n:>0$}", self.digits);
            for (lane, _, wide) in &self.lanes {
                let shown = if lane == thread { cell.as_str() } else { "" };
                line.push_str(GAP);
                pad(&mut line, shown, *wide);
            }
            let fits = |room| width(&line) + width(by) + GAP.len() + 3 <= room;
            if by.is_empty() || self.room.is_none_or(fits) {
                let by = if by.is_empty() {
                    String::new()
                } else {
                    format!("{GAP}by {by}")
                };
                out += (line + &by).trim_end();
                out.push('\n');
            } else {
                out += line.trim_end();
                out.push('\n');
                self.beside(&mut out, None, &format!("by {by}"));
            }
        }
        out
    }

    /// A line for each event, with the name of its thread.
    fn one_below_the_other(&self, columns: usize) -> String {
        let mut out = String::new();
        let names = self.lanes.iter().map(|(_, name, _)| width(name));
        let wide = names.max().unwrap_or(0);
        for line in &self.lines {
            match line {
                Line::Beside(n, words) => self.beside(&mut out, *n, words),
                Line::Event {
                    n,
                    thread,
                    cell,
                    by,
                } => {
                    let mut head = format!("{n:>0$}{GAP}", self.digits);
                    let lane = self.lanes.iter().find(|(id, ..)| id == thread);
                    pad(&mut head, lane.map_or("", |(_, name, _)| name), wide);
                    head.push_str(GAP);
                    out += &wrap(&head, cell, columns);
                    if !by.is_empty() {
                        self.beside(&mut out, None, &format!("by {by}"));
                    }
                }
            }
        }
        out
    }

    /// What belongs to no lane, behind its number.
    fn beside(&self, out: &mut String, n: Option<usize>, words: &str) {
        let n = n.map_or(String::new(), |n| n.to_string());
        let head = format!("{n:>0$}{GAP}", self.digits);
        *out += &wrap(&head, words, self.room.unwrap_or(usize::MAX));
    }
}
