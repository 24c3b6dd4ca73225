//! What expressions do with words.

use super::values::bound_word;
use crate::Result;

/// Whether `pattern` describes all of `text`: `%` stands for any characters, `_` for one, and `\`
/// takes the meaning away from what follows it.
pub(super) fn like(text: &str, pattern: &str) -> bool {
    let pattern = parts(pattern);
    let text: Vec<char> = text.chars().collect();
    let (mut t, mut p) = (0, 0);
    // Where the last `%` stands, and how much of the text it has taken.
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(Pattern::Any) => {
                retry = Some((p, t));
                p += 1;
            }
            Some(part) if part.fits(text[t]) => (t, p) = (t + 1, p + 1),
            _ => match retry {
                None => return false,
                Some((at, taken)) => {
                    retry = Some((at, taken + 1));
                    (t, p) = (taken + 1, at + 1);
                }
            },
        }
    }
    pattern[p..].iter().all(|part| *part == Pattern::Any)
}

#[derive(Clone, Copy, PartialEq)]
enum Pattern {
    Any,
    One,
    Is(char),
}

impl Pattern {
    fn fits(self, c: char) -> bool {
        match self {
            Self::Any => false,
            Self::One => true,
            Self::Is(wanted) => wanted == c,
        }
    }
}

fn parts(pattern: &str) -> Vec<Pattern> {
    let mut parts = Vec::with_capacity(pattern.len());
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        let part = match c {
            '%' => Pattern::Any,
            '_' => Pattern::One,
            '\\' => Pattern::Is(chars.next().unwrap_or('\\')),
            c => Pattern::Is(c),
        };
        if part != Pattern::Any || parts.last() != Some(&Pattern::Any) {
            parts.push(part);
        }
    }
    parts
}

/// `length` characters of `text` from the one at `start`, counted from 1; to the end without a
/// length. Positions before the first character count as empty ones. Nothing when a number is
/// missing or the length is negative.
pub(super) fn substr(text: &str, start: f64, length: Option<f64>) -> Option<String> {
    if start.is_nan() || length.is_some_and(|l| l.is_nan() || l < 0.0) {
        return None;
    }
    let start = start.trunc();
    let end = length.map_or(f64::INFINITY, |l| start + l.trunc());
    // Float to integer casts stop at the ends of the range.
    let skip = (start - 1.0).max(0.0) as usize;
    let end = (end - 1.0).max(0.0) as usize;
    Some(text.chars().skip(skip).take(end.saturating_sub(skip)).collect())
}

/// `text` with every `from` replaced; unchanged when `from` is empty.
pub(super) fn replace(text: &str, from: &str, to: &str) -> Result<String> {
    if from.is_empty() {
        return Ok(text.into());
    }
    let found = text.matches(from).count();
    bound_word(text.len().saturating_add(found.saturating_mul(to.len())))?;
    Ok(text.replace(from, to))
}

/// The words joined.
pub(super) fn join(words: &[Option<&str>]) -> Result<String> {
    bound_word(words.iter().flatten().map(|w| w.len()).sum())?;
    Ok(words.iter().flatten().copied().collect())
}

/// What `word` says of yes and no, in any case: true, t, yes, y, on, 1 and their opposites.
pub(super) fn boolean(word: &str) -> f64 {
    match word.trim().to_ascii_lowercase().as_str() {
        "true" | "t" | "yes" | "y" | "on" | "1" => 1.0,
        "false" | "f" | "no" | "n" | "off" | "0" => 0.0,
        _ => f64::NAN,
    }
}

/// The finite number that `word` spells, or NaN.
pub(super) fn number(word: &str) -> f64 {
    word.trim().parse::<f64>().ok().filter(|v| v.is_finite()).unwrap_or(f64::NAN)
}

/// The integer that `word` spells, or NaN.
pub(super) fn integer(word: &str) -> f64 {
    word.trim().parse::<i64>().map_or(f64::NAN, |v| v as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, pattern: &str, expected: bool) {
        assert_eq!(like(text, pattern), expected);
    }

    #[test]
    fn patterns_describe_the_whole_text() {
        check("monthly", "month%", true);
        check("monthly", "month", false);
        check("", "%", true);
        check("", "_", false);
        check("aXbXc", "%X_", true);
        check("größe", "gr__e", true);
        check("50%", "50\\%", true);
        check("505", "50\\%", false);
        check("mississippi", "%iss%ippi", true);
    }

    #[test]
    fn a_hostile_pattern_takes_no_exponential_time() {
        check(&"a".repeat(2_000), &format!("{}b", "%a".repeat(1_000)), false);
    }

    #[test]
    fn substr_counts_from_one() {
        assert_eq!(substr("größe", 2.0, Some(3.0)).as_deref(), Some("röß"));
        assert_eq!(substr("abc", -1.0, Some(3.0)).as_deref(), Some("a"));
        assert_eq!(substr("abc", 9.0, None).as_deref(), Some(""));
        assert_eq!(substr("abc", 1.0, Some(-1.0)), None);
    }

    #[test]
    fn a_word_cannot_grow_without_end() {
        assert!(replace(&"a".repeat(2_000), "a", &"b".repeat(2_000)).is_err());
    }
}
