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
    let (number, power) = match text.split_once(['e', 'E']) {
        Some((number, power)) => (number, power.parse::<i16>().ok()?),
        None => (text, 0),
    };
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
    if !digits(whole) || !(part.is_empty() || digits(part)) {
        return None;
    }
    let (mut time, mut step) = (0_u64, unit);
    // The point of a number with a power stands elsewhere.
    let point = i64::try_from(whole.len()).ok()? + i64::from(power);
    let mut behind = point;
    while behind < 0 && step >= 10 {
        step /= 10;
        behind += 1;
    }
    for digit in whole.bytes().chain(part.bytes()) {
        let digit = u64::from(digit - b'0');
        if behind > 0 {
            time = time
                .checked_mul(10)?
                .checked_add(digit.checked_mul(unit)?)?;
        } else if step >= 10 {
            step /= 10;
            time = time.checked_add(digit.checked_mul(step)?)?;
        }
        behind -= 1;
    }
    while behind > 0 && time > 0 {
        time = time.checked_mul(10)?;
        step = step.checked_mul(10)?;
        behind -= 1;
    }
    Some((time, step))
}

/// A moment: a time, or a date of ISO 8601, with or without a zone, or a time of day.
pub(super) fn moment(text: &str, unit: u64) -> Option<(u64, u64)> {
    nanoseconds(text, unit).or_else(|| dated(text.trim()))
}

const SECOND: u64 = 1_000_000_000;

fn dated(text: &str) -> Option<(u64, u64)> {
    let (day, clock) = match text.split_once(['T', 't', ' ']) {
        Some((date, clock)) => (days(date)?, clock.trim_start()),
        None => (0, text),
    };
    let zone = clock.find(['Z', 'z', '+', '-', ' ']).unwrap_or(clock.len());
    let (clock, zone) = (&clock[..zone], clock[zone..].trim());
    let mut parts = clock.splitn(3, ':');
    let mut whole = |max: i64| {
        let part = parts.next()?;
        let is_two = part.len() == 2 && part.bytes().all(|digit| digit.is_ascii_digit());
        part.parse()
            .ok()
            .filter(|&number: &i64| is_two && number < max)
    };
    let minutes = whole(24)? * 60 + whole(60)?;
    let (seconds, step) = nanoseconds(&parts.next()?.replace(',', "."), SECOND)?;
    let minutes = day.checked_mul(24 * 60)? + minutes - east(zone)?;
    let minutes = u64::try_from(minutes).ok()?;
    let time = minutes.checked_mul(60 * SECOND)?.checked_add(seconds)?;
    (seconds < 61 * SECOND).then_some((time, step))
}

/// How many minutes a zone is in front of UTC.
fn east(zone: &str) -> Option<i64> {
    if matches!(zone, "" | "Z" | "z" | "UTC" | "GMT") {
        return Some(0);
    }
    let digits: String = zone[1..].chars().filter(|it| *it != ':').collect();
    let number: i64 = digits.parse().ok()?;
    let minutes = match digits.len() {
        2 => number * 60,
        4 => number / 100 * 60 + number % 100,
        _ => return None,
    };
    match zone.as_bytes()[0] {
        b'+' => Some(minutes),
        b'-' => Some(-minutes),
        _ => None,
    }
}

/// The days from 1970 to a date of year, month and day.
fn days(date: &str) -> Option<i64> {
    let mut parts = date.split(['-', '/']).map(|part| {
        let is_number = part.bytes().all(|digit| digit.is_ascii_digit());
        part.parse::<i64>().ok().filter(|_| is_number)
    });
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let is_date =
        (1970..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    if !is_date || parts.next().is_some() {
        return None;
    }
    // Counted from March on, so that a leap day is the last of its year.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let leap = year / 4 - year / 100 + year / 400;
    Some(365 * year + leap + (153 * month + 2) / 5 + day - 1 - 719_468)
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
            ("1e9", 1, Some((1_000_000_000, 1_000_000_000))),
            (
                "1.7000000001234568e+18",
                1,
                Some((1_700_000_000_123_456_800, 100)),
            ),
            ("1.5E-3", 1_000_000_000, Some((1_500_000, 100_000))),
            ("1e99", 1, None),
            ("", 1, None),
            (".5", 1, None),
            ("99999999999999999999", 1, None),
        ] {
            assert_eq!(nanoseconds(text, unit), wanted, "{text}");
        }
    }

    #[test]
    fn moments_are_dates_too() {
        let at = 1_700_000_000_123_456_789;
        for (text, wanted) in [
            ("1700000000123456789", Some((at, 1))),
            ("2023-11-14T22:13:20.123456789Z", Some((at, 1))),
            ("2023-11-15 00:13:20,123456789+02:00", Some((at, 1))),
            ("2023/11/14 17:13:20.123456789 -0500", Some((at, 1))),
            (
                "2023-11-14T22:13:20",
                Some((1_700_000_000_000_000_000, 1_000_000_000)),
            ),
            (
                "2024-02-29T00:00:00Z",
                Some((1_709_164_800_000_000_000, 1_000_000_000)),
            ),
            ("1970-01-01T00:00:00.5", Some((500_000_000, 100_000_000))),
            ("00:01:00.25", Some((60_250_000_000, 10_000_000))),
            ("1970-01-01T00:00:00+01:00", None),
            ("2023-13-01T00:00:00Z", None),
            ("2023-11-14T25:00:00Z", None),
            ("2023-11-14T22:13:20.1+é", None),
            ("2023-11-14", None),
            ("12:5", None),
            ("::", None),
        ] {
            assert_eq!(moment(text, 1), wanted, "{text}");
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
