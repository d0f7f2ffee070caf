//! The text that the bytes of a file are.

/// What some editors put in front of a text.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// The text of these bytes, without a byte order mark; else the byte where it goes wrong, and what is wrong.
pub fn text(bytes: &[u8]) -> Result<&str, (usize, &'static str)> {
    let text = bytes.strip_prefix(MARK).unwrap_or(bytes);
    if is_utf16(bytes) {
        return Err((0, "the text is UTF-16; save it as UTF-8"));
    }
    let wrong = |error: std::str::Utf8Error| {
        let at = bytes.len() - text.len() + error.valid_up_to();
        (at, "the text is not valid UTF-8")
    };
    std::str::from_utf8(text).map_err(wrong)
}

/// By its mark, or by the half of an ASCII character that is zero.
fn is_utf16(bytes: &[u8]) -> bool {
    let pair = bytes.first_chunk::<2>();
    pair.is_some_and(|pair| {
        matches!(
            pair,
            [0xff, 0xfe] | [0xfe, 0xff] | [0, 1..=255] | [1..=255, 0]
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_over_and_other_encodings_are_named() {
        assert_eq!(text(b""), Ok(""));
        assert_eq!(text(b"\xef\xbb\xbf{}"), Ok("{}"));
        for bytes in [&b"\xff\xfe{\0"[..], b"\xfe\xff\0{", b"{\0}\0", b"\0{\0}"] {
            let (at, problem) = text(bytes).unwrap_err();
            assert!(
                at == 0 && problem.contains("UTF-16"),
                "{bytes:?}: {problem}"
            );
        }
        for (bytes, wanted) in [
            (&b"ab\xff"[..], 2),
            (b"\xef\xbb\xbfab\xff", 5),
            (b"\xff", 0),
        ] {
            assert_eq!(text(bytes), Err((wanted, "the text is not valid UTF-8")));
        }
    }
}
