//! What stands where in a line of Wine.

use portsim_model::program::Packet;

/// The name of a function and its arguments, or what it returned, from behind `Call ` or `Ret  `.
pub(super) fn function(text: &str) -> Option<(&str, &str)> {
    let (name, rest) = text.split_once('(')?;
    let name = name.trim().rsplit('.').next()?;
    Some((name, rest))
}

/// The value of a field of a line of the server.
pub(super) fn field<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let wanted = format!("{name}=");
    let mut from = 0;
    while let Some(at) = text[from..].find(&wanted) {
        let at = from + at;
        let before = text[..at].chars().next_back();
        let value = &text[at + wanted.len()..];
        if before.is_none_or(|c| !c.is_ascii_alphanumeric() && c != '_') {
            return Some(value[..value.find([',', ' ', '}', ')']).unwrap_or(value.len())].trim());
        }
        from = at + wanted.len();
    }
    None
}

pub(super) fn hex(text: &str) -> Option<u64> {
    u64::from_str_radix(text.trim().trim_start_matches("0x"), 16).ok()
}

/// A handle without the zeros in front of it.
pub(super) fn handle(text: &str) -> String {
    let digits = text.trim().trim_start_matches('0');
    digits.to_ascii_lowercase()
}

/// What the server is asked for, as far as it is about ports.
const REQUESTS: [&str; 7] = [
    "remove_completion",
    "get_thread_completion",
    "add_completion",
    "create_completion",
    "set_completion_info",
    "set_job_completion_port",
    "close_handle",
];

/// Those that act on a port.
pub(super) const ON_PORTS: [&str; 3] = [
    "remove_completion",
    "get_thread_completion",
    "add_completion",
];

/// The thread, the name and the rest of a request or of its answer. In front of it may stand what the program wrote itself, to
/// the same file.
pub(super) fn request(text: &str) -> Option<(&str, &str, &str)> {
    REQUESTS.into_iter().find_map(|name| {
        let at = text.find(name)?;
        let rest = text[at + name.len()..].strip_prefix('(')?;
        let head = text[..at].strip_suffix(": ")?;
        let thread = head.get(head.len().checked_sub(4)?..)?;
        is_id(thread).then_some((thread, name, rest))
    })
}

pub(super) fn is_id(text: &str) -> bool {
    (4..=8).contains(&text.len()) && text.bytes().all(|digit| digit.is_ascii_hexdigit())
}

/// The packet of a line of the server.
pub(super) fn packet(text: &str) -> Option<Packet> {
    let number = |name| field(text, name).and_then(hex);
    Some(Packet {
        key: number("ckey")?.cast_signed(),
        bytes: number("information")?.cast_signed(),
        overlapped: number("cvalue")?.cast_signed(),
        status: u32::try_from(number("status")?).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_whole_words() {
        let text = " handle=00c0, ckey=0000007b, cvalue=c00014b268, information=000000a9, status=c0000120 )";
        assert_eq!(field(text, "handle"), Some("00c0"));
        assert_eq!(field(text, "key"), None);
        let packet = packet(text).expect("it has all");
        assert_eq!((packet.key, packet.bytes), (0x7b, 0xa9));
        assert_eq!(
            (packet.overlapped, packet.status),
            (0xc0_0014_b268, 0xc000_0120)
        );
    }

    #[test]
    fn handles_are_numbers() {
        assert_eq!(handle("000000c0"), "c0");
        assert_eq!(handle("00C0"), "c0");
        assert_eq!(
            function("KERNEL32.GetQueuedCompletionStatusEx(000000c0,1) ret=1"),
            Some(("GetQueuedCompletionStatusEx", "000000c0,1) ret=1"))
        );
    }
}
