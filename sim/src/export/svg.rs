//! A run as a picture that stands by itself: lanes, bars from call to return, arrows for what was handed over.

use std::fmt::Write as _;

use super::course::{Bar, Course, bar, is_failure};
use crate::plain::{width, without_middle};

/// The height of a line, and how wide a letter is taken to be.
const LINE: usize = 26;
const LETTER: usize = 8;

/// The longest words of a cell, in letters.
const WORDS_MAX: usize = 72;

/// Where the first line stands, and the first lane.
const TOP: usize = 76;
const LEFT: usize = 56;

const STYLE: &str = "text{font:13px ui-monospace,Menlo,Consolas,monospace;fill:#1d1c1a}.soft{fill:#64625c}\
    .name{font-weight:600}.lane{stroke:#dedcd6;stroke-width:1.5}.bar{fill:#e8eefc;stroke:#2753bd;stroke-width:1.5}\
    .point{fill:#2753bd}.failed{fill:#a8231c}.hand{stroke:#2753bd;stroke-width:1.6;fill:none}.ground{fill:#fff}\
    @media(prefers-color-scheme:dark){text{fill:#ecebe6}.soft{fill:#aaa79e}.lane{stroke:#3a3934}\
    .bar{fill:#232d47;stroke:#8fb0ff}.point{fill:#8fb0ff}.hand{stroke:#8fb0ff}.failed{fill:#ff8a80}.ground{fill:#161615}}";

/// The picture.
pub fn svg(course: &Course<'_>) -> String {
    let threads = course.threads();
    let words: Vec<_> = course
        .events
        .iter()
        .map(|event| without_middle(course.words(event), WORDS_MAX))
        .collect();
    // A lane is as wide as its widest words.
    let mut lanes = Vec::new();
    let mut x = LEFT;
    for &thread in &threads {
        let own = course.events.iter().zip(&words);
        let own = own.filter(|(event, _)| event.shown.thread() == thread);
        let widest = own.map(|(_, words)| width(words)).max().unwrap_or(0);
        let name = width(course.names.thread_name(thread));
        lanes.push(x);
        x += 40 + LETTER * widest.max(name).max(6);
    }
    let (wide, high) = (
        x.max(LETTER * width(course.title) + 2 * LEFT)
            .max(LETTER * width(course.wrong) + LEFT),
        TOP + LINE * (course.events.len() + 2),
    );
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {wide} {high}\" width=\"{wide}\" height=\"{high}\" role=\"img\">\n\
         <title>{}</title>\n<style>{STYLE}</style>\n<rect class=\"ground\" width=\"{wide}\" height=\"{high}\"/>\n\
         <text class=\"name\" x=\"16\" y=\"26\">{}</text>\n",
        escaped(course.title),
        escaped(course.title)
    );
    let y = |n: usize| TOP + LINE * n;
    let bottom = y(course.events.len());
    let lane = |thread| {
        threads
            .iter()
            .position(|it| *it == thread)
            .map_or(LEFT, |n| lanes[n])
    };
    for (&thread, &x) in threads.iter().zip(&lanes) {
        let name = escaped(course.names.thread_name(thread));
        let _ = writeln!(
            text,
            "<text class=\"name\" x=\"{x}\" y=\"{}\">{name}</text>\n<line class=\"lane\" x1=\"{x}\" y1=\"{}\" x2=\"{x}\" y2=\"{bottom}\"/>",
            TOP - 22,
            TOP - 14
        );
        // Bars lie below all words.
        let mut open = None;
        for (n, event) in course.events.iter().enumerate() {
            if event.shown.thread() != thread {
                continue;
            }
            match bar(event) {
                Bar::Begin => open = Some(n),
                Bar::End => {
                    let from = open.take().map_or(TOP - 14, |n| y(n) - 8);
                    let _ = writeln!(text, "{}", rect(x, from, y(n) + 8));
                }
                Bar::Point | Bar::Silent => {}
            }
        }
        if let Some(n) = open {
            let _ = writeln!(text, "{}", rect(x, y(n) - 8, bottom));
        }
    }
    if let Some(first) = course.loop_at {
        let at = y(first.saturating_sub(1) as usize) - LINE / 2;
        let _ = writeln!(
            text,
            "<line class=\"lane\" x1=\"8\" y1=\"{at}\" x2=\"{wide}\" y2=\"{at}\"/>\n<text class=\"soft\" x=\"{}\" y=\"{}\">for ever</text>",
            wide.saturating_sub(80),
            at + 14
        );
    }
    for (n, (event, words)) in course.events.iter().zip(&words).enumerate() {
        let (x, y) = (lane(event.shown.thread()), y(n));
        let failed = if is_failure(event) {
            " class=\"failed\""
        } else {
            ""
        };
        if bar(event) == Bar::Point {
            let _ = writeln!(
                text,
                "<circle class=\"point\" cx=\"{x}\" cy=\"{y}\" r=\"6\"/>"
            );
        }
        let _ = writeln!(
            text,
            "<text class=\"soft\" x=\"10\" y=\"{}\">{}</text>\n<text{failed} x=\"{}\" y=\"{}\">{}</text>",
            y + 4,
            n + 1,
            x + 14,
            y + 4,
            escaped(words)
        );
    }
    for (n, cause) in course.causes().into_iter().enumerate() {
        let Some(cause) = cause else { continue };
        let (from, to) = (
            lane(course.events[cause].shown.thread()),
            lane(course.events[n].shown.thread()),
        );
        let (y, turn) = (y(cause), if from < to { 1 } else { -1 });
        // Behind the words of the call, where it goes to the right.
        let from = match turn {
            1 => from + 20 + LETTER * width(&words[cause]),
            _ => from - 9,
        };
        let to = to as i64 - 8 * turn;
        let _ = writeln!(
            text,
            "<path class=\"hand\" d=\"M{from} {y} L{to} {y} m{} -4 L{to} {y} l{} 4\"/>",
            -7 * turn,
            -7 * turn
        );
    }
    if !course.wrong.is_empty() {
        let _ = writeln!(
            text,
            "<text class=\"failed\" x=\"16\" y=\"{}\">{}</text>",
            bottom + LINE,
            escaped(course.wrong)
        );
    }
    text + "</svg>\n"
}

fn rect(x: usize, from: usize, to: usize) -> String {
    let high = to.saturating_sub(from);
    format!(
        "<rect class=\"bar\" x=\"{}\" y=\"{from}\" width=\"12\" height=\"{high}\" rx=\"5\"/>",
        x - 6
    )
}

/// Text as XML has it.
fn escaped(text: &str) -> String {
    let mut all = String::new();
    for c in text.chars() {
        match c {
            '&' => all += "&amp;",
            '<' => all += "&lt;",
            '>' => all += "&gt;",
            '"' => all += "&quot;",
            _ if c.is_control() => all.push('?'),
            _ => all.push(c),
        }
    }
    all
}
