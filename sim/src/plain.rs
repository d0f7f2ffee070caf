//! Text for a terminal: what it would obey is spelled out, and columns are as wide as they must be.

use std::borrow::Cow;
use std::fmt::Write;

/// Whether a terminal shows a character as itself. Others move the cursor, clear the screen, turn the direction of
/// writing round or end the line.
pub fn is_plain(c: char) -> bool {
    let turns = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let ends_line = matches!(c, '\u{2028}' | '\u{2029}');
    !c.is_control() && !turns && !ends_line
}

/// A text of several lines as a terminal may have it: what is not plain is spelled as in JSON, `\u001b`.
pub fn shown(text: &str) -> Cow<'_, str> {
    let stays = |c: char| is_plain(c) || matches!(c, '\n' | '\t');
    if text.chars().all(stays) {
        return Cow::Borrowed(text);
    }
    let mut spelled = String::with_capacity(text.len());
    for c in text.chars() {
        if stays(c) {
            spelled.push(c);
        } else {
            let _ = write!(spelled, "\\u{:04x}", u32::from(c));
        }
    }
    Cow::Owned(spelled)
}

/// How many characters a text has: a column for each.
pub fn width(text: &str) -> usize {
    text.chars().count()
}

/// Adds a cell and blanks behind it, up to this width. Widths of `format!` end at 65 535.
pub fn pad(line: &mut String, cell: &str, wide: usize) {
    line.push_str(cell);
    line.extend(std::iter::repeat_n(' ', wide.saturating_sub(width(cell))));
}

/// The start of a text that is too long for a cell.
pub fn cut(text: String, wide_max: usize) -> String {
    match text.char_indices().nth(wide_max) {
        None => text,
        Some((end, _)) => format!("{} …", &text[..end]),
    }
}

/// A text that is too long for a cell without what stands in the middle: what a thread did stands at the end.
pub fn without_middle(text: String, wide_max: usize) -> String {
    let letters: Vec<char> = text.chars().collect();
    let Some(left_out) = letters.len().checked_sub(wide_max).filter(|&n| n > 0) else {
        return text;
    };
    let head = wide_max / 4;
    let head_and_tail = [&letters[..head], &letters[head + left_out..]];
    head_and_tail
        .map(|part| part.iter().collect::<String>())
        .join(" … ")
}

/// Lines of words behind a head, none longer than `columns` if a word does not make it so: the lines below the first begin
/// where the words begin, or two blanks from the left where that leaves too little room.
pub fn wrap(head: &str, words: &str, columns: usize) -> String {
    const ROOM_MIN: usize = 16;
    let indent = match columns.saturating_sub(width(head)) >= ROOM_MIN {
        true => width(head),
        false => 2,
    };
    let (mut text, mut used) = (head.to_owned(), width(head));
    for (n, word) in words.split(' ').enumerate() {
        let blank = usize::from(n > 0);
        if n > 0 && used + blank + width(word) > columns {
            text.push('\n');
            pad(&mut text, "", indent);
            used = indent;
        } else {
            pad(&mut text, "", blank);
            used += blank;
        }
        text.push_str(word);
        used += width(word);
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_spelled_out() {
        for (text, wanted) in [
            (
                "plain\n\ttext, ümläuts and 漢字",
                "plain\n\ttext, ümläuts and 漢字",
            ),
            ("\u{1b}[2Jgone", "\\u001b[2Jgone"),
            ("over\rwritten\u{8}", "over\\u000dwritten\\u0008"),
            ("\u{9b}31m\u{7f}", "\\u009b31m\\u007f"),
            ("\u{202e}drawkcab", "\\u202edrawkcab"),
        ] {
            assert_eq!(shown(text), wanted);
        }
    }

    #[test]
    fn lines_are_no_longer_than_the_room_unless_a_word_is() {
        for (head, columns, wanted) in [
            ("1  a  ", 24, "1  a  one two three four\n"),
            ("1  a  ", 23, "1  a  one two three\n      four\n"),
            ("1  abcdefgh  ", 16, "1  abcdefgh  one\n  two three four\n"),
            ("1  ", 2, "1  one\n  two\n  three\n  four\n"),
        ] {
            assert_eq!(wrap(head, "one two three four", columns), wanted);
        }
    }

    #[test]
    fn cells_are_as_wide_as_their_column_however_wide_that_is() {
        for wide in [0, 3, 70_000] {
            let mut line = String::new();
            pad(&mut line, "äb", wide);
            assert_eq!(width(&line), wide.max(2));
            assert!(line.starts_with("äb"));
        }
        assert_eq!(cut("äbc".to_owned(), 3), "äbc");
        assert_eq!(cut("äbcd".to_owned(), 3), "äbc …");
        assert_eq!(without_middle("äbcdefgh".to_owned(), 8), "äbcdefgh");
        assert_eq!(without_middle("äbcdefghi".to_owned(), 8), "äb … defghi");
    }
}
