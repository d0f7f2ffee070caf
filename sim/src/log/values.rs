//! Numbers and times as logs write them.

/// A whole number, decimal, or hexadecimal as pointers are written.
pub(super) fn whole(text: &str) -> Option<i64> {
    let text = text.trim();
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u64::from_str_radix(digits, 16).ok().map(u64::cast_signed),
        None => text.parse().ok(),
    }
}

/// A time in nanoseconds, and the step in which the clock shows it: what stands behind a point is read exactly.
pub(super) fn nanoseconds(text: &str, unit: u64) -> Option<(u64, u64)> {
    let text = text.trim();
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
    if !digits(whole) || !(part.is_empty() || digits(part)) {
        return None;
    }
    let mut time = whole.parse::<u64>().ok()?.checked_mul(unit)?;
    let mut step = unit;
    for digit in part.bytes() {
        if step < 10 {
            break;
        }
        step /= 10;
        time = time.checked_add(u64::from(digit - b'0') * step)?;
    }
    Some((time, step))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_exactly() {
        for (text, unit, wanted) in [
            ("5", 1_000, Some((5_000, 1_000))),
            (
                "1700000000.123456",
                1_000_000_000,
                Some((1_700_000_000_123_456_000, 1_000)),
            ),
            ("0.5", 1_000, Some((500, 100))),
            ("7.123456789012", 1_000_000_000, Some((7_123_456_789, 1))),
            ("-1", 1, None),
            ("1e9", 1, None),
            ("", 1, None),
            (".5", 1, None),
            ("99999999999999999999", 1, None),
        ] {
            assert_eq!(nanoseconds(text, unit), wanted, "{text}");
        }
    }

    #[test]
    fn pointers_are_numbers() {
        assert_eq!(whole("0x7f"), Some(127));
        assert_eq!(whole("-3"), Some(-3));
        assert_eq!(whole("0xffffffffffffffff"), Some(-1));
        assert_eq!(whole("job-1"), None);
    }
}
