//! What is wrong with input, for people.

use std::path::Path;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use console::style;

use crate::bad_input::{BadInput, Spot};
use crate::plain::shown;

/// What the reader of errors has before them.
#[derive(Debug, Clone, Copy)]
pub struct Screen {
    /// Columns; longer lines are cut around what is meant.
    pub columns: usize,
    /// Whether it shows colours.
    pub colours: bool,
}

/// Each mistake: where, what, and the line that it is in.
pub fn text(bad: &BadInput, screen: Screen) -> String {
    let mut text = String::new();
    for bad in bad.each() {
        text += &heading(&bad.whereabouts(), &bad.message(), screen);
        let snippet = bad
            .spot
            .as_ref()
            .filter(|spot| !spot.text.trim().is_empty());
        if let Some(spot) = snippet {
            text += &excerpt(spot, screen);
        }
    }
    if bad.left_out > 0 {
        let more = format!("and {} more", bad.left_out);
        text += &heading(&bad.file, &more, screen);
    }
    text
}

/// The line that editors jump by.
fn heading(whereabouts: &str, message: &str, screen: Screen) -> String {
    let error = style("error").red().bold().force_styling(screen.colours);
    let at = match whereabouts {
        "" => String::new(),
        file => format!("{}: ", shown(file)),
    };
    format!("{at}{error}: {}\n", shown(message))
}

/// The line, with what is meant underlined.
fn excerpt(spot: &Spot, screen: Screen) -> String {
    let mark = AnnotationKind::Primary.span(spot.marked.clone());
    let line = Snippet::source(&spot.text).line_start(spot.line);
    let group = Group::with_level(Level::ERROR).element(line.annotation(mark));
    let renderer = match screen.colours {
        true => Renderer::styled(),
        false => Renderer::plain(),
    };
    renderer.term_width(screen.columns).render(&[group]) + "\n"
}

/// What went wrong that is in no input.
pub fn failure(why: &str) -> BadInput {
    BadInput::new(Path::new(""), why)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCREEN: Screen = Screen {
        columns: 60,
        colours: false,
    };

    fn bad(text: &str, meant: &str) -> BadInput {
        let at = text.find(meant).expect("it is there");
        BadInput {
            spot: Some(Spot::of(text, at..at + meant.len())),
            ..BadInput::new(Path::new("x.json"), "found it").at("a[0]")
        }
    }

    #[test]
    fn a_mistake_has_its_line_with_a_mark() {
        let text_of = |source, meant| text(&bad(source, meant), SCREEN);
        assert_eq!(
            text_of("{\n\t\"漢\": gett }", "gett"),
            "x.json:2:7: error: at a[0]: found it\n  |\n2 |     \"漢\": gett }\n  |           ^^^^\n"
        );
        let long = format!("{}gett{}", "x ".repeat(500), " y".repeat(500));
        let said = text_of(&long, "gett");
        let widest = said.lines().map(|line| line.chars().count()).max();
        assert!(widest.is_some_and(|wide| wide <= 62), "{said}");
        assert!(said.contains("gett") && said.contains("^^^^"), "{said}");
    }

    #[test]
    fn nothing_of_a_file_moves_a_terminal() {
        let said = text(&bad("a \u{1b}[2J \u{202e}gett", "gett"), SCREEN);
        let moves = |c: char| !crate::plain::is_plain(c) && c != '\n';
        assert!(!said.contains(moves), "{said:?}");
    }

    #[test]
    fn colours_are_ours_alone() {
        let screen = Screen {
            colours: true,
            ..SCREEN
        };
        let said = text(&bad("a gett", "gett"), screen);
        assert!(said.contains("\u{1b}[31m"), "{said:?}");
        assert_eq!(
            console::strip_ansi_codes(&said),
            text(&bad("a gett", "gett"), SCREEN)
        );
    }
}
