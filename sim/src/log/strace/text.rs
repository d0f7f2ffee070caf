//! What stands where in a line of strace.

use crate::log::values::nanoseconds;

/// A line, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line<'t> {
    /// Whose it is, where it says so.
    pub thread: Option<&'t str>,
    /// When, where it says so.
    pub time: Option<Clock>,
    pub body: Body<'t>,
}

/// A time in nanoseconds, and the step of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Clock {
    pub time: u64,
    pub step: u64,
}

impl Clock {
    /// The latest end of what began then, and took so long: two clocks that move in steps stand between.
    pub fn ends(self, took: u64) -> u64 {
        let blur = self.step + 1_000 - 1;
        self.time.saturating_add(took).saturating_add(blur)
    }
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
    /// The end of all threads of a process but this one, which goes on under the number of the first, whose line it is.
    Superseded(&'t str),
    /// strace follows a thread no longer, and where it was in a call, what that began.
    Left(Option<&'t str>),
}

/// How a call ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ended<'t> {
    /// What it returned; nothing where nobody was there to see it.
    pub value: Option<i64>,
    pub error: Option<&'t str>,
    /// What strace calls the thread that is returned, if that has another number there.
    pub outside: Option<i64>,
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

const DETACHED: &str = "<detached ...>";

/// Takes a line apart; none where it is no line of strace.
pub(super) fn line(text: &str) -> Option<Line<'_>> {
    let (thread, text) = thread(text.trim());
    let (time, text) = time(text);
    let text = without_places(text);
    let body = if let Some(rest) = text.strip_prefix("<... ") {
        let (name, rest) = rest.split_once(" resumed>")?;
        match rest.ends_with(DETACHED) {
            true => Body::Left(None),
            false => Body::Resumed(name, rest),
        }
    } else if text.starts_with("--- ") {
        Body::Signal
    } else if let Some(rest) = text.strip_prefix("+++ ") {
        let ends = rest.starts_with("exited") || rest.starts_with("killed");
        match rest.strip_prefix("superseded by execve in pid ") {
            Some(rest) => Body::Superseded(number(rest.split(' ').next()?)?),
            None => ends.then_some(Body::Exits)?,
        }
    } else {
        let name = &text[..text.find('(')?];
        is_name(name).then_some(())?;
        if let Some(begun) = text.strip_suffix(UNFINISHED) {
            Body::Unfinished(begun)
        } else if let Some(begun) = text.strip_suffix(DETACHED) {
            Body::Left(Some(begun))
        } else {
            Body::Call(text)
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
    if let Some(rest) = text.strip_prefix("[pid") {
        // The name of a thread may have brackets in it.
        let end = if number(rest.trim_start())
            .is_some_and(|digits| rest.trim_start()[digits.len()..].starts_with('<'))
        {
            ">]"
        } else {
            "]"
        };
        if let Some((inside, rest)) = rest.split_once(end) {
            return (number(inside.trim()), rest.trim_start());
        }
    }
    let word = text.split(' ').next().unwrap_or_default();
    // So may it have spaces.
    if let Some((name, rest)) = text.split_once("> ")
        && let Some(thread) = number(name)
        && name[thread.len()..].starts_with('<')
    {
        return (Some(thread), rest.trim_start());
    }
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

/// A line without the number of its call and the address of its instruction, which `-n` and `-i` put in front.
fn without_places(mut text: &str) -> &str {
    while let Some((inside, rest)) = text.strip_prefix('[').and_then(|it| it.split_once("] ")) {
        let is_place = |byte: u8| byte.is_ascii_hexdigit() || matches!(byte, b' ' | b'?');
        if !inside.bytes().all(is_place) {
            break;
        }
        text = rest.trim_start();
    }
    text
}

const SECOND: u64 = 1_000_000_000;

/// Seconds that are no date, but lie between two lines.
const DATE: u64 = 100_000_000 * SECOND;

/// The time in front of a line, since 1970 or since midnight, and what is behind it.
fn time(text: &str) -> (Option<Clock>, &str) {
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
    let sum = sum.and_then(|(((s, step), m), h)| {
        let time = s.checked_add(m)?.checked_add(h)?;
        Some(Clock { time, step })
    });
    let is_told = |it: &Clock| minutes.is_some() || it.time >= DATE;
    (sum.filter(is_told), rest)
}

/// How long a call took, where a line says so at its end.
pub(super) fn took(text: &str) -> Option<u64> {
    let (_, took) = text.trim_end().rsplit_once(" <")?;
    Some(nanoseconds(took.strip_suffix('>')?, SECOND)?.0)
}

/// A call that stands in one line, or was put together; none where it is cut.
pub(super) fn call(text: &str) -> Option<Call<'_>> {
    let (name, rest) = text.split_once('(')?;
    let end = closing(rest)?;
    let (args, rest) = (&rest[..end], &rest[end + 1..]);
    let rest = rest.trim_start().strip_prefix('=')?.trim_start();
    let took = took(rest);
    let outside = rest.split_once(" /* ").and_then(|(_, it)| {
        let (number, behind) = it.split_once(' ')?;
        integer(number).filter(|_| behind.starts_with("in strace's PID NS"))
    });
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
        ended: Ended {
            value,
            error,
            outside,
            took,
        },
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
pub(super) fn closing(text: &str) -> Option<usize> {
    places(text).find_map(|(at, depth, byte)| {
        let closes = depth == 0 && matches!(byte, b')' | b']' | b'}');
        closes.then_some(at)
    })
}

/// The bytes of a text outside of strings and of what strace says of descriptors, each with how many brackets are open in
/// front of it.
fn places(text: &str) -> impl Iterator<Item = (usize, u32, u8)> {
    let (mut depth, mut quoted, mut escaped) = (0_u32, false, false);
    // What is said of a descriptor stands behind it, such as `5</tmp/a(b>` or `0</dev/pts/0<char 136:0>>`.
    let mut said = 0_u32;
    let all = text.as_bytes();
    text.bytes().enumerate().filter_map(move |(at, byte)| {
        let before = at.checked_sub(1).map_or(b' ', |at| all[at]);
        if said > 0 {
            let behind = all.get(at + 1).copied().unwrap_or(b' ');
            match byte {
                b'<' => said += 1,
                // The arrow between two ends of a connection closes nothing.
                b'>' if before != b'-' || matches!(behind, b',' | b')' | b']' | b'}' | b' ') => {
                    said -= 1;
                }
                _ => {}
            }
            return None;
        }
        if byte == b'<' && !quoted && before.is_ascii_alphanumeric() {
            said = 1;
            return None;
        }
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
            let told = read.time.map(|clock| clock.time);
            assert_eq!((read.thread, told), (thread, time), "{text}");
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
        let ended = |value, error, took| Ended {
            value,
            error,
            outside: None,
            took,
        };
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
