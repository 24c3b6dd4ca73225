//! From the bytes of a file to text: UTF-8, with or without a byte-order mark.

use crate::Mistake;

const HINT: &str = "save the file as UTF-8";

/// The text of these bytes.
///
/// # Errors
/// Other encodings, named where they can be recognised, with the line of the first wrong byte.
pub(super) fn decode(name: &str, bytes: Vec<u8>) -> Result<String, Mistake> {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(Mistake::in_file(name, "the file is UTF-16, expected UTF-8").with_hint(HINT));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let before = error.as_bytes().get(..valid).unwrap_or_default();
        let line = 1 + before.iter().filter(|b| **b == b'\n').count();
        let byte = error.as_bytes().get(valid).copied().unwrap_or_default();
        let message = format!("line {line} is no UTF-8: it holds the byte 0x{byte:02X}");
        Mistake::in_file(name, message).with_hint(HINT)
    })?;
    let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
    match text.find('\0') {
        Some(at) => {
            let line = 1 + text.get(..at).unwrap_or_default().matches('\n').count();
            let message = format!("line {line} holds a zero byte, so this is no text file");
            Err(Mistake::in_file(name, message).with_hint("name the pipeline file"))
        }
        None => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], expected: Result<&str, &str>) {
        let found = decode("x.yaml", bytes.to_vec()).map_err(|m| m.message);
        assert_eq!(found.as_deref().map_err(String::as_str), expected);
    }

    #[test]
    fn a_byte_order_mark_is_no_content() {
        check(b"\xef\xbb\xbfname: a", Ok("name: a"));
        check(b"", Ok(""));
    }

    #[test]
    fn other_encodings_are_refused_with_their_place() {
        check(b"a: b\nc: caf\xe9\n", Err("line 2 is no UTF-8: it holds the byte 0xE9"));
        check(b"\xff\xfen\0", Err("the file is UTF-16, expected UTF-8"));
        check(b"a\n\0", Err("line 2 holds a zero byte, so this is no text file"));
    }
}
