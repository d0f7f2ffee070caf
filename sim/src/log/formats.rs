//! Logs whose fields a map names: tables, lines of JSON, and lines that match a pattern.

use std::cell::Cell;
use std::io::BufRead;
use std::path::Path;
use std::rc::Rc;

use super::gather::Gather;
use super::lines::{Alike, LINE_MAX, Line, Rationed, next_line, trouble, without_mark};
use super::map::Map;
use super::wire::{Found, Object};
use crate::bad_input::BadInput;
use crate::utf8;

impl Line for Object {
    fn at(&self, name: &str) -> Found {
        Object::at(self, name)
    }

    fn places(&self) -> Vec<String> {
        self.paths()
    }
}

/// A line, and the columns of its table.
struct Row<'r> {
    columns: &'r [String],
    row: &'r [String],
}

impl Line for Row<'_> {
    fn at(&self, name: &str) -> Found {
        let column = self.columns.iter().position(|column| column == name);
        let value = column.and_then(|column| self.row.get(column));
        match value {
            Some(text) if !text.is_empty() => Found::Text(text.clone()),
            _ => Found::Nothing,
        }
    }
}

/// What is wrong with a line.
fn on_line(file: &Path, line: u64, problem: impl Into<String>) -> BadInput {
    BadInput::new(file, problem).on_line(line as usize)
}

/// Lines that are JSON objects.
pub fn ndjson(
    file: &Path,
    mut from: impl BufRead,
    gather: &mut Gather<'_>,
) -> Result<(), BadInput> {
    let (mut line, mut n) = (Vec::new(), 0);
    while next_line(&mut from, &mut line).map_err(|it| trouble(file, n + 1, it))? {
        n += 1;
        if n == 1 {
            without_mark(&mut line);
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let object = Object::read(&line)
            .map_err(|(problem, column)| on_line(file, n, format!("{problem}, column {column}")))?;
        gather.line(n, &object)?;
    }
    Ok(())
}

/// A table whose first line names its columns.
pub fn csv(
    file: &Path,
    from: impl BufRead,
    map: &Map,
    gather: &mut Gather<'_>,
) -> Result<(), BadInput> {
    let left = Rc::new(Cell::new(LINE_MAX));
    let rationed = Rationed {
        from: Alike {
            from,
            last: b'\n',
            held: false,
        },
        left: Rc::clone(&left),
    };
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(map.delimiter)
        .has_headers(false)
        .flexible(true)
        .from_reader(rationed);
    let mut record = csv::ByteRecord::new();
    let mut columns: Option<Vec<String>> = None;
    let mut row: Vec<String> = Vec::new();
    loop {
        // What was read ahead belongs to records that come.
        left.set(LINE_MAX);
        let line = reader.position().line();
        let more = reader.read_byte_record(&mut record);
        let more = more.map_err(|error| match left.get() {
            0 => on_line(
                file,
                line,
                format!("a record of more than {LINE_MAX} bytes"),
            ),
            _ => on_line(file, line, error.to_string()),
        })?;
        if !more {
            break;
        }
        // It ends in front of where the reader stands, and may have ends of lines inside; empty ones before it are no part.
        let inside = record
            .as_slice()
            .iter()
            .filter(|byte| **byte == b'\n')
            .count() as u64;
        let line = reader.position().line().saturating_sub(1 + inside).max(1);
        row.clear();
        for field in &record {
            let text = utf8::text(field).map_err(|(_, problem)| on_line(file, line, problem))?;
            row.push(text.trim().to_owned());
        }
        let Some(columns) = &columns else {
            let all = std::mem::take(&mut row);
            for name in gather.names() {
                if !all.iter().any(|column| column == name) {
                    let problem = format!("no column is called {name:?}");
                    let columns = all.iter().map(String::as_str);
                    return Err(on_line(file, line, problem).near(name, columns));
                }
            }
            columns = Some(all);
            continue;
        };
        if row.len() != columns.len() {
            let (is, wanted) = (row.len(), columns.len());
            let problem = format!("{is} fields, where the first line has {wanted}");
            return Err(on_line(file, line, problem));
        }
        gather.line(line, &Row { columns, row: &row })?;
    }
    match columns {
        Some(_) => Ok(()),
        None => Err(BadInput::new(
            file,
            "it is empty: the first line names the columns",
        )),
    }
}

/// Lines that match a pattern, whose groups are columns; the others are passed over.
pub fn regex(
    file: &Path,
    mut from: impl BufRead,
    pattern: &regex_lite::Regex,
    gather: &mut Gather<'_>,
) -> Result<(), BadInput> {
    let columns: Vec<String> = pattern
        .capture_names()
        .flatten()
        .map(str::to_owned)
        .collect();
    for name in gather.names() {
        if !columns.iter().any(|column| column == name) {
            let problem = format!("no group of the pattern is called {name:?}");
            return Err(BadInput::new(file, problem).near(name, columns.iter().map(String::as_str)));
        }
    }
    let (mut line, mut n) = (Vec::new(), 0);
    while next_line(&mut from, &mut line).map_err(|it| trouble(file, n + 1, it))? {
        n += 1;
        if n == 1 {
            without_mark(&mut line);
        }
        let text = String::from_utf8_lossy(&line);
        let Some(found) = pattern.captures(&text) else {
            gather.passes(&text);
            continue;
        };
        let group = |name: &String| found.name(name).map_or("", |it| it.as_str()).to_owned();
        let row: Vec<String> = columns.iter().map(group).collect();
        let columns = &columns;
        gather.line(n, &Row { columns, row: &row })?;
    }
    Ok(())
}
