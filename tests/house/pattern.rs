//! A small reader of patterns: which names the arms of a `match` tell apart, and which take whatever comes.
//!
//! It reads every `match`, `matches!` and `let`. What it cannot read it says, so that nothing is passed over in silence.

use super::rust::{Token, tokens};

/// A place where code asks which of several things it has.
#[derive(Debug)]
pub enum Asked {
    /// A `match`, arm by arm.
    Match(Vec<Arm>),
    /// A `matches!` or a `let`, and its line.
    Whether(Pattern, usize),
    /// What could not be read, and its line.
    Unread(String, usize),
}

/// One arm of a `match`.
#[derive(Debug)]
pub struct Arm {
    /// What it takes.
    pub pattern: Pattern,
    /// Whether it has a condition besides.
    pub guarded: bool,
    /// Its line, from 1.
    pub line: usize,
}

/// What a pattern takes.
#[derive(Debug, PartialEq, Eq)]
pub enum Pattern {
    /// Whatever comes: `_`, or a name for it.
    Any,
    /// One of several.
    Or(Vec<Pattern>),
    /// What has this path, or a tuple or slice where it is empty, with its fields, and whether `..` stands for others.
    Of(Vec<String>, Vec<(String, Pattern)>, bool),
    /// What the macro of this name stands for.
    Macro(String),
    /// A literal or a range.
    Literal,
}

impl Pattern {
    /// How often it names something that belongs to one of these types. A macro stands for several: nothing here says
    /// of what.
    pub fn names(&self, types: &[&str]) -> usize {
        match self {
            Pattern::Macro(_) => 2,
            Pattern::Any | Pattern::Literal => 0,
            Pattern::Or(all) => all.iter().map(|it| it.names(types)).sum(),
            Pattern::Of(path, _, _) if is_of(path, types) => 1,
            Pattern::Of(_, fields, _) => fields.iter().map(|it| it.1.names(types)).sum(),
        }
    }

    /// Whether it takes whatever comes where `other` names something that belongs to one of these types.
    pub fn swallows(&self, other: &Pattern, types: &[&str]) -> bool {
        match (self, other) {
            (Pattern::Or(all), _) => all.iter().any(|it| it.swallows(other, types)),
            (_, Pattern::Or(all)) => all.iter().any(|it| self.swallows(it, types)),
            (Pattern::Any, _) => other.names(types) > 0,
            (Pattern::Of(path, fields, rest), Pattern::Of(named, inside, _)) => {
                let meets = path.last() == named.last() && !is_of(named, types);
                meets
                    && inside.iter().any(|(name, other)| {
                        match fields.iter().find(|field| field.0 == *name) {
                            Some((_, pattern)) => pattern.swallows(other, types),
                            None => *rest && other.names(types) > 0,
                        }
                    })
            }
            (Pattern::Literal | Pattern::Macro(_), _)
            | (_, Pattern::Any | Pattern::Literal | Pattern::Macro(_)) => false,
        }
    }
}

fn is_of(path: &[String], types: &[&str]) -> bool {
    path.len() > 1 && types.contains(&path[path.len() - 2].as_str())
}

/// Every place of some code that asks.
pub fn asked(code: &[Token<'_>]) -> Vec<Asked> {
    let mut found = Vec::new();
    for (at, token) in code.iter().enumerate() {
        let rest = &code[at + 1..];
        let unread = |tokens| Asked::Unread(text_of(tokens), token.line);
        match token.text {
            "match" => {
                let value = before(rest, "{").len();
                let whole = value + group(&rest[value..]).len();
                let arms = arms_of(rest).map(Asked::Match);
                found.push(arms.unwrap_or_else(|| unread(&rest[..whole])));
            }
            "matches" if text(rest, 0) == "!" => {
                let inside = group(&rest[1..]);
                let asked = split(inside, ",").get(1).copied().unwrap_or_default();
                let whether = pattern(before(asked, "if"));
                let whether = whether.map(|pattern| Asked::Whether(pattern, token.line));
                found.push(whether.unwrap_or_else(|| unread(inside)));
            }
            "let" => {
                let asked = before(before(rest, "="), ":");
                let whether = pattern(asked).map(|pattern| Asked::Whether(pattern, token.line));
                found.push(whether.unwrap_or_else(|| unread(asked)));
            }
            _ => {}
        }
    }
    found
}

/// The arms of a `match` whose value and body follow; none if they cannot be read. A block in the value has no arms.
fn arms_of(mut tokens: &[Token<'_>]) -> Option<Vec<Arm>> {
    loop {
        tokens = &tokens[before(tokens, "{").len()..];
        tokens.first()?;
        let body = group(tokens);
        if body.is_empty() || before(body, "=>").len() < body.len() {
            return arms(&unrepeated(body));
        }
        tokens = &tokens[body.len() + 2..];
    }
}

fn arms(mut tokens: &[Token<'_>]) -> Option<Vec<Arm>> {
    let mut arms = Vec::new();
    while let Some(&first) = tokens.first() {
        if first.text == "," {
            tokens = &tokens[1..];
            continue;
        }
        if first.text == "#" {
            tokens = &tokens[3 + group(&tokens[1..]).len()..];
            continue;
        }
        let head = before(tokens, "=>");
        let shape = before(head, "if");
        arms.push(Arm {
            pattern: pattern(shape)?,
            guarded: shape.len() < head.len(),
            line: first.line,
        });
        tokens = tokens.get(head.len() + 2..)?;
        tokens = match text(tokens, 0) {
            "{" => &tokens[group(tokens).len() + 2..],
            _ => &tokens[before(tokens, ",").len()..],
        };
    }
    Some(arms)
}

/// The pattern that these tokens are; none if they are none.
fn pattern(tokens: &[Token<'_>]) -> Option<Pattern> {
    // A bar may stand before the first.
    let tokens = &tokens[usize::from(text(tokens, 0) == "|")..];
    let all: Option<Vec<_>> = split(tokens, "|").into_iter().map(single).collect();
    let mut all = all?;
    match all.len() {
        0 => Some(Pattern::Literal),
        1 => all.pop(),
        _ => Some(Pattern::Or(all)),
    }
}

/// A pattern without alternatives at its top.
fn single(mut tokens: &[Token<'_>]) -> Option<Pattern> {
    while ["&", "ref", "mut"].contains(&text(tokens, 0)) {
        tokens = &tokens[1..];
    }
    if text(tokens, 1) == "@" {
        return single(&tokens[2..]);
    }
    let is_range = (0..tokens.len()).any(|n| text(tokens, n) == "." && text(tokens, n + 1) == ".");
    match text(tokens, 0) {
        // Strings and characters are blanked.
        "" | "-" | "true" | "false" => Some(Pattern::Literal),
        "(" | "[" => {
            let inside = group(tokens);
            let is_tuple = text(tokens, 0) == "[" || before(inside, ",").len() < inside.len();
            (tokens.len() == inside.len() + 2).then_some(())?;
            if is_tuple {
                of(vec![], inside, false)
            } else {
                pattern(inside)
            }
        }
        word if word.starts_with(|c: char| c.is_ascii_digit()) => Some(Pattern::Literal),
        "." => Some(Pattern::Any),
        _ => path(tokens, is_range),
    }
}

fn path(tokens: &[Token<'_>], is_range: bool) -> Option<Pattern> {
    let mut path = Vec::new();
    let mut at = 0;
    while tokens.get(at).is_some_and(Token::is_word) {
        path.push(text(tokens, at).to_owned());
        at += 1;
        if text(tokens, at) != "::" {
            break;
        }
        at += 1;
    }
    let rest = &tokens[at..];
    let is_name = |word: &str| word.starts_with(|c: char| c.is_lowercase() || c == '_');
    match text(rest, 0) {
        "" if path.len() == 1 && is_name(&path[0]) => Some(Pattern::Any),
        "" if !path.is_empty() => Some(Pattern::Of(path, vec![], false)),
        bracket @ ("(" | "{") if !path.is_empty() && rest.len() == group(rest).len() + 2 => {
            of(path, group(rest), bracket == "{")
        }
        "!" if !path.is_empty() && rest.len() == group(&rest[1..]).len() + 3 => {
            path.pop().map(Pattern::Macro)
        }
        _ if is_range => Some(Pattern::Literal),
        _ => None,
    }
}

/// What has this path and these fields; they go by their names, or by their numbers.
fn of(path: Vec<String>, inside: &[Token<'_>], by_name: bool) -> Option<Pattern> {
    let (mut fields, mut rest) = (Vec::new(), false);
    for (n, part) in split(inside, ",").into_iter().enumerate() {
        let (name, part) = match (text(part, 1), by_name) {
            _ if text(part, 0) == "." && part.len() == 2 => {
                rest = true;
                continue;
            }
            (":", true) => (text(part, 0).to_owned(), &part[2..]),
            (_, true) => (part.last()?.text.to_owned(), part),
            (_, false) => (n.to_string(), part),
        };
        fields.push((name, pattern(part)?));
    }
    Some(Pattern::Of(path, fields, rest))
}

fn text<'a>(tokens: &[Token<'a>], at: usize) -> &'a str {
    tokens.get(at).map_or("", |token| token.text)
}

fn text_of(tokens: &[Token<'_>]) -> String {
    tokens.iter().map(|token| token.text).collect()
}

/// In how many brackets each token stands; a bracket itself stands outside of its own.
fn depths(tokens: &[Token<'_>]) -> impl Iterator<Item = isize> {
    let mut depth = 0;
    tokens.iter().map(move |token| match token.text {
        "(" | "[" | "{" => {
            depth += 1;
            depth - 1
        }
        ")" | "]" | "}" => {
            depth -= 1;
            depth
        }
        _ => depth,
    })
}

/// What stands inside the brackets that open at the first token.
fn group<'a, 'b>(tokens: &'a [Token<'b>]) -> &'a [Token<'b>] {
    if !["(", "[", "{"].contains(&text(tokens, 0)) {
        return &[];
    }
    let end = depths(tokens).skip(1).position(|depth| depth == 0);
    &tokens[1..end.map_or(tokens.len(), |end| end + 1)]
}

/// What stands before a mark outside of brackets: everything, if the mark is not there.
fn before<'a, 'b>(tokens: &'a [Token<'b>], mark: &str) -> &'a [Token<'b>] {
    let is_mark = |at: usize| match mark {
        "=>" => text(tokens, at) == "=" && text(tokens, at + 1) == ">",
        // None of a range.
        "=" => text(tokens, at) == "=" && (at == 0 || text(tokens, at - 1) != "."),
        _ => text(tokens, at) == mark,
    };
    let mut places = depths(tokens).enumerate();
    let end = places.find(|&(at, depth)| depth < 0 || depth == 0 && is_mark(at));
    &tokens[..end.map_or(tokens.len(), |(at, _)| at)]
}

/// The pieces between marks outside of brackets; nothing follows a last mark.
fn split<'a, 'b>(mut tokens: &'a [Token<'b>], mark: &str) -> Vec<&'a [Token<'b>]> {
    let mut pieces = Vec::new();
    while !tokens.is_empty() {
        let piece = before(tokens, mark);
        pieces.push(piece);
        tokens = tokens.get(piece.len() + 1..).unwrap_or_default();
    }
    pieces
}

/// What a macro repeats, once, and without its dollars.
fn unrepeated<'a>(tokens: &[Token<'a>]) -> Vec<Token<'a>> {
    let mut left = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if text(tokens, at) == "$" && text(tokens, at + 1) == "(" {
            let inside = group(&tokens[at + 1..]);
            left.extend(unrepeated(inside));
            at += inside.len() + 3;
            while ["+", "*", "?"].contains(&text(tokens, at)) {
                at += 1;
            }
        } else {
            left.extend(tokens.get(at).filter(|token| token.text != "$"));
            at += 1;
        }
    }
    left
}

fn read(source: &str) -> Pattern {
    pattern(&tokens(source)).unwrap_or_else(|| panic!("{source} is a pattern"))
}

#[test]
fn patterns_are_read() {
    let any = || Pattern::Any;
    let of = |path: &str, fields: Vec<(&str, Pattern)>, rest| {
        let path = path.split("::").filter(|it| !it.is_empty());
        let named = |(name, it): (&str, Pattern)| (name.to_owned(), it);
        let fields = fields.into_iter().map(named).collect();
        Pattern::Of(path.map(str::to_owned).collect(), fields, rest)
    };
    for source in ["_", "name", "&mut name", "ref name", "name @ _", "(name)"] {
        assert_eq!(read(source), any(), "{source}");
    }
    for source in ["1", "-1", "1..=3", "A..=B", "true", ""] {
        assert_eq!(read(source), Pattern::Literal, "{source}");
    }
    assert_eq!(read("Op::Exit"), of("Op::Exit", vec![], false));
    assert_eq!(read("Some(_)"), of("Some", vec![("0", any())], false));
    let both = of("", vec![("0", any()), ("1", Pattern::Literal)], false);
    assert_eq!(read("(x, 1)"), both);
    let fields = of("A", vec![("b", Pattern::Literal), ("c", any())], true);
    assert_eq!(read("A { b: 1, ref c, .. }"), fields);
    let subject = |name: &str| Pattern::Macro(name.to_owned());
    assert_eq!(read("ops_of!(jobs, files)"), subject("ops_of"));
    let inside = of("Some", vec![("0", subject("ops_of"))], false);
    assert_eq!(read("Some(model::ops_of!(jobs))"), inside);
    let either = Pattern::Or(vec![of("A", vec![], false), any()]);
    assert_eq!(read("| A | b"), either);
}

#[test]
fn what_is_no_pattern_is_not_read() {
    for source in ["A B", "B > :: new", "x + 1", "A(1) {", "A!", "a!() B"] {
        assert_eq!(pattern(&tokens(source)), None, "{source}");
    }
}
