//! What stands where in a line of strace.

use crate::log::values::nanoseconds;

/// A line, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line<'t> {
    /// Whose it is, where it says so.
    pub thread: Option<&'t str>,
    /// When, in nanoseconds, where it says so.
    pub time: Option<u64>,
    pub body: Body<'t>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Body<'t> {
    /// A call from its name on.
    Call(&'t str),
    /// What a call began that another line holds, without the words that say so.
    Unfinished(&'t str),
    /// The rest of one, and its name.
    Resumed(&'t str, &'t str),
    /// A signal.
    Signal,
    /// The end of a thread.
    Exits,
}

/// How a call ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ended<'t> {
    /// What it returned; nothing where nobody was there to see it.
    pub value: Option<i64>,
    pub error: Option<&'t str>,
    /// How long it took, in nanoseconds, where that is said.
    pub took: Option<u64>,
}

/// A call with its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Call<'t> {
    pub name: &'t str,
    pub args: &'t str,
    pub ended: Ended<'t>,
}

pub(super) const UNFINISHED: &str = "<unfinished ...>";

/// Takes a line apart; none where it is no line of strace.
pub(super) fn line(text: &str) -> Option<Line<'_>> {
    let (thread, text) = thread(text.trim());
    let (time, text) = time(text);
    let body = if let Some(rest) = text.strip_prefix("<... ") {
        let (name, rest) = rest.split_once(" resumed>")?;
        Body::Resumed(name, rest)
    } else if text.starts_with("--- ") {
        Body::Signal
    } else if let Some(rest) = text.strip_prefix("+++ ") {
        let ends = rest.starts_with("exited") || rest.starts_with("killed");
        ends.then_some(Body::Exits)?
    } else {
        let name = &text[..text.find('(')?];
        is_name(name).then_some(())?;
        match text.strip_suffix(UNFINISHED) {
            Some(begun) => Body::Unfinished(begun),
            None => Body::Call(text),
        }
    };
    Some(Line { thread, time, body })
}

fn is_name(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    !text.is_empty() && text.bytes().all(is_part)
}

/// Whose a line is, and what is behind that.
fn thread(text: &str) -> (Option<&str>, &str) {
    let inside = text.strip_prefix("[pid").and_then(|it| it.split_once(']'));
    if let Some((inside, rest)) = inside {
        return (number(inside.trim()), rest.trim_start());
    }
    let word = text.split(' ').next().unwrap_or_default();
    // A time has more than digits in it.
    match number(word) {
        Some(thread) if !word.contains(['.', ':', '(']) => {
            (Some(thread), text[word.len()..].trim_start())
        }
        _ => (None, text),
    }
}

/// The digits in front of a name that may stand behind them.
fn number(text: &str) -> Option<&str> {
    let digits = text.split('<').next().unwrap_or_default();
    let is_number = !digits.is_empty() && digits.bytes().all(|it| it.is_ascii_digit());
    is_number.then_some(digits)
}

const SECOND: u64 = 1_000_000_000;

/// Seconds that are no date, but lie between two lines.
const DATE: u64 = 100_000_000 * SECOND;

/// The time in front of a line, since 1970 or since midnight, and what is behind it.
fn time(text: &str) -> (Option<u64>, &str) {
    let Some((word, rest)) = text.split_once(' ') else {
        return (None, text);
    };
    if !word
        .bytes()
        .all(|it| matches!(it, b'0'..=b'9' | b'.' | b':'))
    {
        return (None, text);
    }
    let rest = rest.trim_start();
    let mut parts = word.rsplit(':');
    let seconds = parts.next().and_then(|it| nanoseconds(it, SECOND));
    let minutes = parts.next();
    let hours = parts.next();
    let whole = |text: Option<&str>, unit: u64| {
        let number: Option<u64> = text.map_or(Some(0), |it| it.parse().ok());
        number?.checked_mul(unit * SECOND)
    };
    let sum = seconds.zip(whole(minutes, 60)).zip(whole(hours, 3600));
    let sum = sum.and_then(|(((s, _), m), h)| s.checked_add(m)?.checked_add(h));
    let is_told = |time: &u64| minutes.is_some() || *time >= DATE;
    (sum.filter(is_told), rest)
}

/// A call that stands in one line, or was put together; none where it is cut.
pub(super) fn call(text: &str) -> Option<Call<'_>> {
    let (name, rest) = text.split_once('(')?;
    let end = closing(rest)?;
    let (args, rest) = (&rest[..end], &rest[end + 1..]);
    let rest = rest.trim_start().strip_prefix('=')?.trim_start();
    let (rest, took) = match rest.rsplit_once(" <") {
        Some((before, took)) => match took
            .strip_suffix('>')
            .and_then(|it| nanoseconds(it, SECOND))
        {
            Some((took, _)) => (before, Some(took)),
            None => (rest, None),
        },
        None => (rest, None),
    };
    let mut words = rest.split(' ');
    let word = words.next().unwrap_or_default();
    let value = integer(word);
    if value.is_none() && word != "?" {
        return None;
    }
    let is_error = |word: &&str| word.starts_with('E') && word.len() > 1;
    let error = words.next().filter(is_error);
    Some(Call {
        name,
        args,
        ended: Ended { value, error, took },
    })
}

/// A number with what strace says of it behind, such as `5<socket:[123]>`.
pub(super) fn integer(text: &str) -> Option<i64> {
    let text = text.trim();
    let text = text.split(['<', ' ']).next().unwrap_or_default();
    if let Some(digits) = text.strip_prefix("0x") {
        return u64::from_str_radix(digits, 16).ok().map(u64::cast_signed);
    }
    match text.parse::<i64>() {
        Ok(number) => Some(number),
        Err(_) => text.parse::<u64>().ok().map(u64::cast_signed),
    }
}

/// Where the bracket closes that is open in front of a text.
fn closing(text: &str) -> Option<usize> {
    places(text).find_map(|(at, depth, byte)| {
        let closes = depth == 0 && matches!(byte, b')' | b']' | b'}');
        closes.then_some(at)
    })
}

/// The bytes of a text outside of strings, each with how many brackets are open in front of it.
fn places(text: &str) -> impl Iterator<Item = (usize, u32, u8)> {
    let (mut depth, mut quoted, mut escaped) = (0_u32, false, false);
    text.bytes().enumerate().filter_map(move |(at, byte)| {
        if quoted {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => quoted = false,
                _ => {}
            }
            return None;
        }
        let before = depth;
        match byte {
            b'"' => quoted = true,
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        Some((at, before, byte))
    })
}

/// The arguments of a call, or what stands in a list.
pub(super) fn parts(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut from = 0;
    for (at, depth, byte) in places(text) {
        if depth == 0 && byte == b',' {
            parts.push(text[from..at].trim());
            from = at + 1;
        }
    }
    let last = text[from..].trim();
    if !last.is_empty() || !parts.is_empty() {
        parts.push(last);
    }
    parts
}

/// What stands between the brackets of a list.
pub(super) fn list(text: &str) -> Option<Vec<&str>> {
    let inside = text.trim().strip_prefix('[')?.strip_suffix(']')?;
    Some(parts(inside))
}

/// The value of a field of a structure, however deep.
pub(super) fn field<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let mut from = 0;
    while let Some(at) = text[from..].find(name) {
        let at = from + at;
        let before = text[..at].bytes().next_back();
        let value = &text[at + name.len()..];
        let is_whole = before.is_none_or(|it| !it.is_ascii_alphanumeric() && it != b'_');
        if let Some(value) = value.strip_prefix('=').filter(|_| is_whole) {
            return Some(&value[..value.find([',', ' ', '}', ']']).unwrap_or(value.len())]);
        }
        from = at + name.len();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_of_every_kind_are_read() {
        let body = "close(3) = 0";
        for (head, thread, time) in [
            ("", None, None),
            ("4021 ", Some("4021"), None),
            ("[pid  4021] ", Some("4021"), None),
            (
                "4021<node> 1700000000.000001 ",
                Some("4021"),
                Some(1_700_000_000_000_001_000),
            ),
            (
                "[pid 4021] 10:00:01.5 ",
                Some("4021"),
                Some(36_001_500_000_000),
            ),
            ("1700000000.5 ", None, Some(1_700_000_000_500_000_000)),
            ("4021      0.000123 ", Some("4021"), None),
        ] {
            let text = format!("{head}{body}");
            let read = line(&text).expect("it is one");
            assert_eq!((read.thread, read.time), (thread, time), "{text}");
            assert_eq!(read.body, Body::Call(body), "{text}");
        }
        for text in [
            "",
            "hello (world)",
            "strace: Process 7 attached",
            "7 1.5 +++ x",
        ] {
            assert_eq!(line(text), None, "{text}");
        }
    }

    #[test]
    fn calls_end_in_values_errors_and_times() {
        let read = |text| call(text).map(|it| (it.name, it.args, it.ended));
        let ended = |value, error, took| Ended { value, error, took };
        assert_eq!(
            read(r#"write(5, ") = 1, \"", 8) = 8 <0.000012>"#),
            Some((
                "write",
                r#"5, ") = 1, \"", 8"#,
                ended(Some(8), None, Some(12_000))
            ))
        );
        assert_eq!(
            read(
                "read(5<anon_inode:[eventfd]>, 0x7f, 8) = -1 EAGAIN (Resource temporarily unavailable)"
            ),
            Some((
                "read",
                "5<anon_inode:[eventfd]>, 0x7f, 8",
                ended(Some(-1), Some("EAGAIN"), None)
            ))
        );
        assert_eq!(
            read("exit_group(0) = ?"),
            Some(("exit_group", "0", ended(None, None, None)))
        );
        assert_eq!(read("read(5, \"cut"), None);
        assert_eq!(read("read(5) = x"), None);
    }

    #[test]
    fn lists_and_fields_are_read() {
        let text = "[{events=EPOLLIN, data={u32=5, u64=0x100000005}}, {EPOLLOUT, {u32=6, u64=6}}]";
        let all = list(text).expect("it is a list");
        assert_eq!(all.len(), 2);
        assert_eq!(field(all[0], "u64").and_then(integer), Some(0x1_0000_0005));
        assert_eq!(field(all[1], "u64"), Some("6"));
        assert_eq!(field(all[1], "4"), None);
        assert_eq!(list("[]"), Some(Vec::new()));
        assert_eq!(parts("3, [1, 2], \"a, b\""), ["3", "[1, 2]", "\"a, b\""]);
    }
}
