//! What a word without quotes stands for, by the core schema of YAML 1.2.2, section 10.3.2.

use super::node::NodeKind;

/// The value of an unquoted scalar. `yes`, `no`, `on` and `off` are text, as YAML 1.2 has it.
pub(super) fn plain(text: &str) -> NodeKind {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => NodeKind::Null,
        "true" | "True" | "TRUE" => NodeKind::Bool(true),
        "false" | "False" | "FALSE" => NodeKind::Bool(false),
        _ => number(text).unwrap_or_else(|| NodeKind::Text(text.to_owned())),
    }
}

fn number(text: &str) -> Option<NodeKind> {
    let radix = |prefix: &str, radix| {
        let digits = text.strip_prefix(prefix)?;
        // The parser of the standard library takes a sign here; YAML does not.
        if digits.starts_with(['+', '-']) {
            return None;
        }
        in_range(i128::from_str_radix(digits, radix).ok()?)
    };
    if text.starts_with("0x") {
        return radix("0x", 16);
    }
    if text.starts_with("0o") {
        return radix("0o", 8);
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') || !has_digit(unsigned) {
        return None;
    }
    if unsigned.bytes().all(|b| b.is_ascii_digit())
        && let Some(whole) = text.parse().ok().and_then(in_range)
    {
        return Some(whole);
    }
    let allowed = |c: char| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-');
    if !unsigned.chars().all(allowed) {
        return None;
    }
    let value: f64 = text.parse().ok()?;
    value.is_finite().then_some(NodeKind::Float(value))
}

fn has_digit(text: &str) -> bool {
    text.bytes().any(|b| b.is_ascii_digit())
}

/// Whole numbers that JSON readers keep exactly: those of `i64` and `u64`.
fn in_range(value: i128) -> Option<NodeKind> {
    (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(&value).then_some(NodeKind::Int(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: NodeKind) {
        assert_eq!(plain(text), expected);
    }

    fn text(value: &str) -> NodeKind {
        NodeKind::Text(value.into())
    }

    #[test] // YAML 1.2.2, example 10.4 and the table of section 10.3.2
    fn words_mean_what_the_core_schema_says() {
        check("", NodeKind::Null);
        check("~", NodeKind::Null);
        check("True", NodeKind::Bool(true));
        check("0o7", NodeKind::Int(7));
        check("0x3A", NodeKind::Int(58));
        check("-19", NodeKind::Int(-19));
        check("+12", NodeKind::Int(12));
        check("0.", NodeKind::Float(0.0));
        check("-0.0", NodeKind::Float(-0.0));
        check(".5", NodeKind::Float(0.5));
        check("+12e03", NodeKind::Float(12e3));
        check("-2E+05", NodeKind::Float(-2e5));
    }

    #[test]
    fn what_only_looks_like_a_value_is_text() {
        for word in [
            "Yes",
            "no",
            "on",
            "1_000",
            "0x",
            "0x-1",
            "1.2.3",
            "2026-01-01",
            "-",
            "+",
            ".",
            "1e",
            "e5",
            ".inf",
            "-.inf",
            ".nan",
            "inf",
            "nan",
            "infinity",
            "1e999",
            "0b1",
            "12px",
            "--5",
        ] {
            check(word, text(word));
        }
    }

    #[test]
    fn whole_numbers_are_exact_up_to_64_bits() {
        check("18446744073709551615", NodeKind::Int(u64::MAX.into()));
        check("-9223372036854775808", NodeKind::Int(i64::MIN.into()));
        check("18446744073709551616", NodeKind::Float(18_446_744_073_709_551_616.0));
        check("0xFFFFFFFFFFFFFFFFF", text("0xFFFFFFFFFFFFFFFFF"));
    }
}
