//! Where in the text of a file the things of its tree stand.
//!
//! The reader of the tree keeps no places: they are asked for only where something is wrong, and then the text is
//! walked through once more. It is JSON, because the tree was read of it.

use std::ops::Range;

use crate::scenario::place::{Aim, Path, Step};

/// The bytes that are meant.
pub(in crate::scenario) fn find(text: &str, path: &Path, aim: &Aim) -> Option<Range<usize>> {
    let mut here = Member {
        name: None,
        value: Walk::of(text, 0).value()?,
    };
    for step in &path.0 {
        let mut members = members(text, here.value.start)?.into_iter();
        here = match step {
            Step::Index(index) => members.nth(*index)?,
            Step::Field(name) => members.find(|member| member.is_called(text, name))?,
        };
    }
    let first = here.value.start..here.value.start + 1;
    match aim {
        Aim::Name => Some(here.name.unwrap_or(first)),
        Aim::Field(name) | Aim::Verb(name) => {
            let mut members = members(text, here.value.start)?.into_iter();
            members.rfind(|it| it.is_called(text, name))?.name
        }
        Aim::Within(byte) => word_at(text, here.value, *byte),
        Aim::WithinName(byte) => word_at(text, here.name?, *byte),
        Aim::Value | Aim::Byte(_) if text[first.clone()].starts_with(['{', '[']) => {
            Some(here.name.unwrap_or(first))
        }
        Aim::Value | Aim::Byte(_) => Some(here.value),
    }
}

/// A value of a list or an object, and its name.
struct Member {
    name: Option<Range<usize>>,
    value: Range<usize>,
}

impl Member {
    fn is_called(&self, text: &str, name: &str) -> bool {
        let written = self.name.clone().map(|it| &text[it]);
        let written = written.and_then(|it| serde_json::from_str::<String>(it).ok());
        written.is_some_and(|it| it == name)
    }
}

/// What stands in the list or object that begins here.
fn members(text: &str, at: usize) -> Option<Vec<Member>> {
    let mut walk = Walk::of(text, at);
    let is_object = match walk.next()? {
        b'{' => true,
        b'[' => false,
        _ => return None,
    };
    let mut members = Vec::new();
    while !matches!(walk.peek()?, b'}' | b']') {
        let name = match is_object {
            true => Some(walk.value()?),
            false => None,
        };
        if is_object {
            walk.next().filter(|&byte| byte == b':')?;
        }
        let value = walk.value()?;
        members.push(Member { name, value });
        if walk.peek()? == b',' {
            walk.at += 1;
        }
    }
    Some(members)
}

/// A walk over JSON.
struct Walk<'t> {
    bytes: &'t [u8],
    at: usize,
}

impl<'t> Walk<'t> {
    fn of(text: &'t str, at: usize) -> Walk<'t> {
        let bytes = text.as_bytes();
        Walk { bytes, at }
    }

    /// What comes next, blanks left out.
    fn peek(&mut self) -> Option<u8> {
        while self.bytes.get(self.at)?.is_ascii_whitespace() {
            self.at += 1;
        }
        self.bytes.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    /// The whole value that comes next.
    fn value(&mut self) -> Option<Range<usize>> {
        let mut depth = 0_usize;
        self.peek()?;
        let start = self.at;
        loop {
            match self.next()? {
                b'"' => self.string()?,
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth = depth.checked_sub(1)?,
                b',' | b':' => {}
                _ => self.word(),
            }
            if depth == 0 {
                return Some(start..self.at);
            }
        }
    }

    /// To behind the quotation mark that ends a string.
    fn string(&mut self) -> Option<()> {
        loop {
            match self.bytes.get(self.at)? {
                b'"' => break,
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        Some(())
    }

    /// To behind a number or a literal.
    fn word(&mut self) {
        let in_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
        while self.bytes.get(self.at).is_some_and(in_word) {
            self.at += 1;
        }
    }
}

/// The word, or else the character, at a byte of what a string says.
fn word_at(text: &str, string: Range<usize>, byte: usize) -> Option<Range<usize>> {
    let inside = text[string.clone()].strip_prefix('"')?.strip_suffix('"')?;
    let start = string.start + 1 + written_at(inside, byte);
    let rest = &text[start..string.end];
    let in_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let word = rest.find(|c| !in_word(c)).unwrap_or(rest.len());
    let one = rest.chars().next().map_or(0, char::len_utf8);
    // Behind the last character stands the quotation mark.
    Some(start..start + word.max(one))
}

/// Where what stands at a byte of a string's contents is written in it.
fn written_at(inside: &str, byte: usize) -> usize {
    let (mut said, mut at) = (0, 0);
    while said < byte && at < inside.len() {
        let rest = &inside[at..];
        let (says, takes) = match rest.as_bytes() {
            [b'\\', b'u', ..] => escaped(rest),
            [b'\\', ..] => (1, 2),
            _ => {
                let len = rest.chars().next().map_or(1, char::len_utf8);
                (len, len)
            }
        };
        said += says;
        at += takes;
    }
    at.min(inside.len())
}

/// How many bytes an escape such as `\u00e4` stands for, and how many it takes.
fn escaped(rest: &str) -> (usize, usize) {
    let unit = |at: usize| u32::from_str_radix(rest.get(at..at + 4)?, 16).ok();
    match unit(2) {
        Some(0xd800..=0xdbff) => (4, 12),
        Some(code) => (char::from_u32(code).map_or(3, char::len_utf8), 6),
        None => (1, 2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found<'t>(text: &'t str, path: &[Step], aim: Aim) -> Option<&'t str> {
        find(text, &Path(path.to_vec()), &aim).map(|span| &text[span])
    }

    fn field(name: &str) -> Step {
        Step::Field(name.to_owned())
    }

    const TEXT: &str = r#" { "a": [1, { "b\u0041": "x \"y\" z" , "c": {} }, "ä", -1.5e+3],
        "a": true, "p": "\ud83d\ude00 \u00e4\n q.r" } "#;

    #[test]
    fn every_place_has_its_text() {
        let (a, b) = (field("a"), field("bA"));
        let one = Step::Index(1);
        for (path, aim, wanted) in [
            (&[][..], Aim::Value, "{"),
            (std::slice::from_ref(&a), Aim::Value, "\"a\""),
            (&[a.clone(), Step::Index(0)], Aim::Value, "1"),
            (&[a.clone(), one.clone()], Aim::Value, "{"),
            (
                &[a.clone(), one.clone(), b.clone()],
                Aim::Value,
                r#""x \"y\" z""#,
            ),
            (
                &[a.clone(), one.clone(), b.clone()],
                Aim::Name,
                r#""b\u0041""#,
            ),
            (
                &[a.clone(), one.clone()],
                Aim::Field("c".to_owned()),
                "\"c\"",
            ),
            (&[a.clone(), one, b], Aim::Within(3), "y"),
            (&[a.clone(), Step::Index(2)], Aim::Value, "\"ä\""),
            (&[a.clone(), Step::Index(3)], Aim::Value, "-1.5e+3"),
            (&[field("p")], Aim::Within(5), r"\"),
            (&[field("p")], Aim::Within(9), "q"),
            (&[field("p")], Aim::Within(12), "\""),
        ] {
            assert_eq!(
                found(TEXT, path, aim.clone()),
                Some(wanted),
                "{path:?} {aim:?}"
            );
        }
        let last = find(TEXT, &Path::default(), &Aim::Field("a".to_owned()));
        assert_eq!(last, TEXT.rfind("\"a\"").map(|at| at..at + 3));
        for path in [
            &[field("z")][..],
            &[a.clone(), Step::Index(9)],
            &[a, field("a")],
        ] {
            assert_eq!(found(TEXT, path, Aim::Value), None);
        }
    }

    #[test]
    fn what_is_no_json_has_no_places() {
        for text in [
            "", "{", "[1", "{\"a\"", "{\"a\":", "\"a", "]", "{1 2}", "{\"\\",
        ] {
            let path = [field("a")];
            assert_eq!(found(text, &path, Aim::Value), None, "{text}");
        }
    }
}
