//! A source in which every point asks which of its changes is on.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::points::{Form, Point};

/// A change of a point of all files: the numbers by which a mutant goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Id {
    /// The point's number.
    pub point: usize,
    /// Which of its changes, from 1.
    pub change: usize,
}

/// How many bits of a mutant's number say which change it is.
pub const SHIFT: usize = 6;

impl Id {
    /// The number that turns it on.
    pub fn number(self) -> usize {
        self.point << SHIFT | self.change
    }
}

/// Where a change, or a whole point with all of them, stands in what was written.
#[derive(Debug)]
pub struct Place {
    pub range: Range<usize>,
    pub point: usize,
    pub change: Option<usize>,
}

/// A file that was written anew.
#[derive(Debug)]
pub struct Schemata {
    pub text: String,
    pub places: Vec<Place>,
}

/// Writes a file of these points, whose numbers begin with `first`; without the changes that are dropped.
pub fn schemata(source: &str, points: &[Point], first: usize, dropped: &BTreeSet<Id>) -> Schemata {
    let mut order: Vec<usize> = (0..points.len()).collect();
    order.sort_by_key(|&n| {
        let range = &points[n].range;
        (range.start, usize::MAX - range.end, n)
    });
    let mut writer = Writer {
        source,
        points,
        first,
        dropped,
        order,
        next: 0,
        text: String::new(),
        places: Vec::new(),
    };
    writer.copy(0..source.len());
    Schemata {
        text: writer.text,
        places: writer.places,
    }
}

struct Writer<'a> {
    source: &'a str,
    points: &'a [Point],
    first: usize,
    dropped: &'a BTreeSet<Id>,
    /// The points, outer ones before inner ones, and how many of them are written.
    order: Vec<usize>,
    next: usize,
    text: String,
    places: Vec<Place>,
}

impl Writer<'_> {
    /// A part of the source, with the points in it.
    fn copy(&mut self, part: Range<usize>) {
        let mut at = part.start;
        while let Some(&n) = self.order.get(self.next) {
            let range = self.points[n].range.clone();
            if range.start >= part.end {
                break;
            }
            self.next += 1;
            self.text.push_str(&self.source[at..range.start]);
            self.point(n);
            at = range.end;
        }
        self.text.push_str(&self.source[at..part.end]);
    }

    /// A point: the original, and its changes behind it, so that it is the original that decides the type.
    fn point(&mut self, n: usize) {
        let (points, number) = (self.points, self.first + n);
        let point = &points[n];
        let id = |change| Id {
            point: number,
            change,
        };
        let mut left: Vec<_> = (1..=point.changes.len()).collect();
        left.retain(|&change| !self.dropped.contains(&id(change)));
        if left.is_empty() {
            return self.copy(point.range.clone());
        }
        let start = self.text.len();
        let asked = format!("crate::switch::at({number})");
        let range = point.range.clone();
        match point.form {
            Form::Value => {
                self.text.push_str(&format!("(match {asked} {{ 0 => "));
                self.copy(range);
                self.changes(number, &left);
                self.text.push_str(" })");
            }
            Form::Entry => {
                self.text.push_str(&format!(" match {asked} {{ 0 => {{}}"));
                self.changes(number, &left);
                self.text.push_str(" }");
            }
            Form::Iterator => {
                self.text.push_str("Iterator::chain(Iterator::take({");
                self.copy(range);
                let most = format!("if {asked} == 0 {{ usize::MAX }} else {{ 0 }}");
                self.text
                    .push_str(&format!("}}, {most}), match {asked} {{ 0 => None"));
                self.changes(number, &left);
                self.text.push_str(" })");
            }
            Form::Arm => self.text.push_str(&format!(" if {asked} == 0")),
        }
        self.places.push(Place {
            range: start..self.text.len(),
            point: number,
            change: (point.form == Form::Arm).then_some(1),
        });
    }

    /// The arms of those changes of a point that are left, behind the arm of the original.
    fn changes(&mut self, number: usize, left: &[usize]) {
        let changes = &self.points[number - self.first].changes;
        for (n, &change) in left.iter().enumerate() {
            let is_last = n + 1 == left.len();
            let pattern = if is_last { "_" } else { &change.to_string() };
            self.text.push_str(&format!(", {pattern} => "));
            let start = self.text.len();
            self.text.push_str(&changes[change - 1].text);
            self.places.push(Place {
                range: start..self.text.len(),
                point: number,
                change: Some(change),
            });
        }
    }
}
