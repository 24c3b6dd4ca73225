//! A filter as tokens, each with the text that it was written as.

/// A token and its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub sort: Sort,
    pub text: &'a str,
    /// Where its text begins.
    pub at: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    /// A name, perhaps with dots and quoted parts: `metrics.a`, `params."b c"`, `"a text"`.
    Word,
    /// A name with arithmetic in it, such as `metrics.a-b`, which is none.
    Sum,
    /// A text in single quotes.
    Text,
    /// A whole number.
    Whole,
    /// A number with a fraction or an exponent.
    Number,
    /// `=`, `!=`, `<` and whatever else is made of their letters.
    Compare,
    Open,
    Close,
    Comma,
    Semicolon,
    /// Anything else, and a quote that is never closed.
    Other,
}

impl Token<'_> {
    /// Whether it is this word, in capitals or not.
    pub fn is(&self, word: &str) -> bool {
        self.sort == Sort::Word && self.text.eq_ignore_ascii_case(word)
    }

    pub fn end(&self) -> usize {
        self.at + self.text.len()
    }
}

pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let blank = rest.len() - rest.trim_start().len();
        if blank > 0 {
            at += blank;
            continue;
        }
        let (sort, length) = first(rest);
        let token = rest.get(..length).unwrap_or(rest);
        found.push(Token { sort, text: token, at });
        at += token.len().max(1);
    }
    found
}

/// The sort and the length of the token that `rest` begins with.
fn first(rest: &str) -> (Sort, usize) {
    let bytes = rest.as_bytes();
    match bytes.first().copied().unwrap_or_default() {
        b'(' => (Sort::Open, 1),
        b')' => (Sort::Close, 1),
        b',' => (Sort::Comma, 1),
        b';' => (Sort::Semicolon, 1),
        b'\'' => quoted(rest).map_or((Sort::Other, rest.len()), |length| (Sort::Text, length)),
        b'=' | b'<' | b'>' | b'!' | b'~' => {
            (Sort::Compare, bytes.iter().take_while(|b| b"=<>!~".contains(b)).count())
        }
        b'-' if rest.starts_with("--") => (Sort::Other, rest.find('\n').unwrap_or(rest.len())),
        b'0'..=b'9' | b'-' | b'+' | b'.' => number(rest),
        b'`' | b'"' => word(rest).unwrap_or((Sort::Other, rest.len())),
        _ => word(rest).unwrap_or((Sort::Other, char_length(rest))),
    }
}

/// The length of the quoted text that `rest` begins with; a quote within it is written twice.
fn quoted(rest: &str) -> Option<usize> {
    let quote = *rest.as_bytes().first()?;
    let mut at = 1;
    loop {
        at += rest.as_bytes().get(at..)?.iter().position(|byte| *byte == quote)? + 1;
        if rest.as_bytes().get(at) != Some(&quote) {
            return Some(at);
        }
        at += 1;
    }
}

fn number(rest: &str) -> (Sort, usize) {
    let bytes = rest.as_bytes();
    let digits = |at: usize| bytes.iter().skip(at).take_while(|b| b.is_ascii_digit()).count();
    let sign = usize::from(matches!(bytes.first(), Some(b'-' | b'+')));
    let whole = digits(sign);
    let mut end = sign + whole;
    let mut fraction = 0;
    if bytes.get(end) == Some(&b'.') {
        fraction = digits(end + 1);
        end += 1 + fraction;
    }
    if whole + fraction == 0 {
        return (Sort::Other, char_length(rest));
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'-' | b'+')));
        let exponent = digits(end + 1 + sign);
        end += if exponent > 0 { 1 + sign + exponent } else { 0 };
    }
    (if end == sign + whole { Sort::Whole } else { Sort::Number }, end)
}

/// A name: plain letters and quoted parts, joined by dots.
fn word(rest: &str) -> Option<(Sort, usize)> {
    let mut at = part(rest)?;
    while rest.get(at..).is_some_and(|more| more.starts_with('.')) {
        match rest.get(at + 1..).and_then(part) {
            Some(length) => at += 1 + length,
            None => break,
        }
    }
    let arithmetic = rest.as_bytes().get(at).is_some_and(|byte| b"-/*+%:".contains(byte));
    match rest.get(at + 1..).and_then(part) {
        Some(length) if arithmetic => Some((Sort::Sum, at + 1 + length)),
        _ => Some((Sort::Word, at)),
    }
}

fn part(rest: &str) -> Option<usize> {
    match rest.chars().next()? {
        '`' | '"' | '\'' => quoted(rest),
        _ => {
            let plain = |c: char| c.is_alphanumeric() || c == '_';
            let length = rest.find(|c| !plain(c)).unwrap_or(rest.len());
            (length > 0).then_some(length)
        }
    }
}

fn char_length(rest: &str) -> usize {
    rest.chars().next().map_or(1, char::len_utf8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[(Sort, &str)]) {
        let found: Vec<_> = tokens(text).iter().map(|token| (token.sort, token.text)).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn names_may_have_quoted_parts() {
        check(
            "metrics.`a b` >= 1",
            &[(Sort::Word, "metrics.`a b`"), (Sort::Compare, ">="), (Sort::Whole, "1")],
        );
        check(
            "params.\"c.d\"='x''y'",
            &[(Sort::Word, "params.\"c.d\""), (Sort::Compare, "="), (Sort::Text, "'x''y'")],
        );
        check("größe.ü", &[(Sort::Word, "größe.ü")]);
    }

    #[test]
    fn numbers_have_signs_fractions_and_exponents() {
        for (text, sort) in [
            ("1", Sort::Whole),
            ("-12", Sort::Whole),
            ("1.", Sort::Number),
            (".5", Sort::Number),
            ("-1e3", Sort::Number),
            ("1.5E-10", Sort::Number),
        ] {
            check(text, &[(sort, text)]);
        }
        check("-", &[(Sort::Other, "-")]);
    }

    #[test]
    fn what_is_never_closed_is_nothing() {
        check("'x", &[(Sort::Other, "'x")]);
        check("`x", &[(Sort::Other, "`x")]);
        check("a.`x", &[(Sort::Word, "a"), (Sort::Other, "."), (Sort::Other, "`x")]);
    }
}
