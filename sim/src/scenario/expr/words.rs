//! The words of an expression: numbers, names and symbols.

use std::fmt::{self, Display, Formatter};
use std::ops::Range;

use super::flaw::Flaw;
use crate::scenario::directory::{in_name, is_name};

/// The longest expression, in bytes.
const LENGTH_MAX: usize = 4096;

/// Longer symbols stand before those that they begin with.
const SYMBOLS: [&str; 20] = [
    "||", "&&", "==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "%", "!", "(", ")", "[", "]",
    ".", ",",
];

/// A word, and where it stands in the string.
#[derive(Debug, Clone)]
pub(super) struct Word<'a> {
    pub(super) token: Token<'a>,
    pub(super) at: Range<usize>,
}

/// Kinds of word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// A number without its sign.
    Number(u64),
    Name(&'a str),
    Symbol(&'a str),
    End,
}

impl Display for Token<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Token::Number(number) => number.fmt(f),
            Token::Name(text) | Token::Symbol(text) => write!(f, "{text:?}"),
            Token::End => f.write_str("the end"),
        }
    }
}

/// All words of an expression, and [`Token::End`] behind them.
pub(super) fn words(text: &str) -> Result<Vec<Word<'_>>, Flaw> {
    if text.len() > LENGTH_MAX {
        let problem = format!("the expression is longer than {LENGTH_MAX} bytes");
        return Err(Flaw::new(&(0..0), problem));
    }
    let mut words = Vec::new();
    let mut start = 0;
    loop {
        start = text.len() - text[start..].trim_start().len();
        let (token, length) = first(&text[start..])
            .map_err(|(length, problem)| Flaw::new(&(start..start + length), problem))?;
        let at = start..start + length;
        start = at.end;
        words.push(Word { token, at });
        if token == Token::End {
            return Ok(words);
        }
    }
}

/// The first word of what is left, and its length; or what is wrong, and the length of that.
fn first(rest: &str) -> Result<(Token<'_>, usize), (usize, String)> {
    let Some(begins) = rest.chars().next() else {
        return Ok((Token::End, 0));
    };
    if in_name(begins) {
        let length = rest.find(|c| !in_name(c)).unwrap_or(rest.len());
        let word = &rest[..length];
        if is_name(word) {
            return Ok((Token::Name(word), length));
        }
        return match number(word) {
            Ok(number) => Ok((Token::Number(number), length)),
            Err(problem) => Err((length, problem)),
        };
    }
    match SYMBOLS.into_iter().find(|it| rest.starts_with(it)) {
        Some(symbol) => Ok((Token::Symbol(symbol), symbol.len())),
        None => Err((begins.len_utf8(), stray(begins))),
    }
}

fn number(word: &str) -> Result<u64, String> {
    let (digits, radix) = match word.strip_prefix("0x") {
        Some(digits) => (digits, 16),
        None => (word, 10),
    };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return Err(format!("{word:?} is neither a number nor a name"));
    }
    u64::from_str_radix(digits, radix).map_err(|_| String::from("the number does not fit 64 bits"))
}

/// What a character that begins no word stands for in other languages.
fn stray(begins: char) -> String {
    match begins {
        '=' => String::from("found \"=\", expected \"==\" to compare"),
        '&' | '|' => format!("found \"{begins}\", expected \"{begins}{begins}\""),
        _ => format!("{begins:?} begins no word of the language"),
    }
}
