//! A small reader of Rust: enough to see which paths a file names, and no more.
//!
//! It knows comments, strings, character literals, `use` trees and inline modules. It does not expand
//! macros and does not know types: a name that a macro builds, or a method of another room that is
//! reached through a value, is not seen.

/// The source with comments and the insides of literals blanked. Lines keep their numbers.
pub fn code_only(source: &str) -> String {
    let chars: Vec<char> = source.chars().collect();
    let mut code = String::with_capacity(source.len());
    let mut at = 0;
    while at < chars.len() {
        let end = literal_or_comment_end(&chars, at).unwrap_or(at);
        if end > at {
            code.extend(chars[at..end].iter().map(|&c| blank(c)));
            at = end;
        } else {
            code.push(chars[at]);
            at += 1;
        }
    }
    code
}

fn blank(c: char) -> char {
    if c == '\n' { '\n' } else { ' ' }
}

/// Where the comment or literal that starts here ends; none if none starts here.
fn literal_or_comment_end(chars: &[char], at: usize) -> Option<usize> {
    let next = |offset: usize| chars.get(at + offset).copied();
    match chars[at] {
        '/' if next(1) == Some('/') => Some(
            (at..chars.len())
                .find(|&n| chars[n] == '\n')
                .unwrap_or(chars.len()),
        ),
        '/' if next(1) == Some('*') => Some(block_comment_end(chars, at)),
        '"' => Some(quoted_end(chars, at, '"')),
        '\'' if next(1) == Some('\\') || next(2) == Some('\'') => Some(quoted_end(chars, at, '\'')),
        'r' if at == 0 || !is_word(chars[at - 1]) || matches!(chars[at - 1], 'b' | 'c') => {
            raw_string_end(chars, at)
        }
        _ => None,
    }
}

/// Block comments nest.
fn block_comment_end(chars: &[char], start: usize) -> usize {
    let (mut at, mut depth) = (start, 0);
    while at + 1 < chars.len() {
        match (chars[at], chars[at + 1]) {
            ('/', '*') => (at, depth) = (at + 2, depth + 1),
            ('*', '/') => (at, depth) = (at + 2, depth - 1),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    chars.len()
}

fn quoted_end(chars: &[char], start: usize, quote: char) -> usize {
    let mut at = start + 1;
    while at < chars.len() && chars[at] != quote {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(chars.len())
}

fn raw_string_end(chars: &[char], start: usize) -> Option<usize> {
    let hashes = chars[start + 1..].iter().take_while(|&&c| c == '#').count();
    let open = start + 1 + hashes;
    if chars.get(open) != Some(&'"') {
        return None;
    }
    let closes = |&n: &usize| {
        let hashed = chars[n + 1..].iter().take_while(|&&c| c == '#').count();
        chars[n] == '"' && hashed >= hashes
    };
    let close = (open + 1..chars.len()).find(closes);
    Some(close.map_or(chars.len(), |n| n + 1 + hashes))
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// A word, `::`, or one other character, with its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token<'a> {
    /// The text.
    pub text: &'a str,
    /// Its line, from 1.
    pub line: usize,
}

impl Token<'_> {
    /// Whether this is a name, a keyword or a number.
    pub fn is_word(&self) -> bool {
        self.text.starts_with(is_word)
    }
}

/// The tokens of blanked code.
pub fn tokens(code: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    for (n, line) in code.lines().enumerate() {
        let mut rest = line.trim_start();
        while let Some(first) = rest.chars().next() {
            let len = if is_word(first) {
                rest.find(|c| !is_word(c)).unwrap_or(rest.len())
            } else if rest.starts_with("::") {
                2
            } else {
                first.len_utf8()
            };
            found.push(Token {
                text: &rest[..len],
                line: n + 1,
            });
            rest = rest[len..].trim_start();
        }
    }
    found
}

/// A path that a file names, one for each leaf of a `use` tree.
#[derive(Debug, PartialEq, Eq)]
pub struct Mention {
    /// The words between `::`; a glob ends in `*`.
    pub path: Vec<String>,
    /// Its line, from 1.
    pub line: usize,
    /// The inline modules around it, outermost first.
    pub inside: Vec<String>,
    /// What the file calls it from then on, where a `use` says so.
    pub alias: Option<String>,
}

/// Every path of more than one word, and every `use`, of blanked code.
pub fn mentions(code: &str) -> Vec<Mention> {
    let tokens = tokens(code);
    let mut reader = Reader {
        tokens: &tokens,
        at: 0,
        depth: 0,
        modules: Vec::new(),
        found: Vec::new(),
    };
    reader.read();
    reader.found
}

struct Reader<'a> {
    tokens: &'a [Token<'a>],
    at: usize,
    /// How many braces are open.
    depth: usize,
    /// The inline modules around this place, each with the depth at which it was opened.
    modules: Vec<(&'a str, usize)>,
    found: Vec<Mention>,
}

impl<'a> Reader<'a> {
    fn text(&self, offset: usize) -> &'a str {
        self.tokens.get(self.at + offset).map_or("", |t| t.text)
    }

    fn read(&mut self) {
        while self.at < self.tokens.len() {
            match self.text(0) {
                "{" => {
                    self.depth += 1;
                    self.at += 1;
                }
                "}" => {
                    self.depth = self.depth.saturating_sub(1);
                    let depth = self.depth;
                    self.modules.retain(|&(_, opened)| opened < depth);
                    self.at += 1;
                }
                "mod" if self.text(2) == "{" => {
                    self.modules.push((self.text(1), self.depth));
                    self.depth += 1;
                    self.at += 3;
                }
                // `use<...>` names lifetimes, not paths.
                "use" if self.text(1) != "<" => {
                    self.at += 1;
                    self.tree(&[], true);
                }
                _ if self.tokens[self.at].is_word() => self.tree(&[], false),
                _ => self.at += 1,
            }
        }
    }

    /// Reads one path, or one `use` tree, that continues `before`.
    fn tree(&mut self, before: &[String], in_use: bool) {
        let line = self.tokens.get(self.at).map_or(0, |token| token.line);
        let mut path = before.to_vec();
        if self.text(0) == "::" {
            self.at += 1;
        }
        loop {
            match self.text(0) {
                "{" if in_use => return self.group(&path),
                "*" if in_use => {
                    path.push("*".to_owned());
                    self.at += 1;
                }
                "self" if !path.is_empty() => self.at += 1,
                word if self.tokens.get(self.at).is_some_and(Token::is_word) => {
                    path.push(word.to_owned());
                    self.at += 1;
                }
                _ => break,
            }
            if self.text(0) != "::" {
                break;
            }
            self.at += 1;
        }
        let mut alias = path.last().cloned().filter(|_| in_use);
        if in_use && self.text(0) == "as" {
            alias = Some(self.text(1).to_owned());
            self.at += 2;
        }
        if in_use || path.len() > 1 {
            self.found.push(Mention {
                path,
                line,
                inside: self.modules.iter().map(|m| m.0.to_owned()).collect(),
                alias,
            });
        }
    }

    fn group(&mut self, before: &[String]) {
        self.at += 1;
        while !matches!(self.text(0), "}" | "") {
            if self.text(0) == "," {
                self.at += 1;
            } else {
                let start = self.at;
                self.tree(before, true);
                assert!(self.at > start, "a `use` tree is made of words and groups");
            }
        }
        self.at += 1;
    }
}

#[test]
fn comments_and_literals_are_blanked_and_lines_stay() {
    let source =
        "a /* b /* c */ d */ e // f\n\"g\\\"h\" 'i' '\\'' 'x r#\"j\"k\"# br\"l\" r#m \"n\no\"";
    assert_eq!(
        code_only(source)
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" "),
        "a e 'x b r#m"
    );
    assert_eq!(code_only(source).lines().count(), source.lines().count());
}

#[test]
fn use_trees_are_unfolded() {
    let code = "use crate::{a::{self, B as C}, d::*};\nmod tests { use super::E; }\nf(g::h());";
    let found: Vec<_> = mentions(code)
        .into_iter()
        .map(|m| {
            let alias = m.alias.unwrap_or_default();
            (m.path.join("::"), m.line, m.inside.join("::"), alias)
        })
        .collect();
    let row = |path: &str, line, inside: &str, alias: &str| {
        (path.to_owned(), line, inside.to_owned(), alias.to_owned())
    };
    assert_eq!(
        found,
        [
            row("crate::a", 1, "", "a"),
            row("crate::a::B", 1, "", "C"),
            row("crate::d::*", 1, "", "*"),
            row("super::E", 2, "tests", "E"),
            row("g::h", 3, "", ""),
        ]
    );
}
