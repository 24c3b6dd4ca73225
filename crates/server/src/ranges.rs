//! Which bytes of a file are asked for. Method: RFC 9110, sections 13 and 14.

use std::ops::Range;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Method, header};

/// How a file is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wish {
    /// Whether only the head of the answer is wanted.
    pub is_head: bool,
    range: Option<String>,
    if_range: Option<String>,
    if_none_match: Option<String>,
}

/// What is to be sent of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Send {
    /// All of it.
    Whole,
    /// These bytes.
    Part(Range<u64>),
    /// Nothing: it ends before what is asked for.
    Beyond,
    /// Nothing: whoever asks has it.
    Unchanged,
}

impl<S: Sync> FromRequestParts<S> for Wish {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let text = |name| text(&parts.headers, name);
        Ok(Self {
            is_head: parts.method == Method::HEAD,
            range: text(header::RANGE),
            if_range: text(header::IF_RANGE),
            if_none_match: text(header::IF_NONE_MATCH),
        })
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    let values: Option<Vec<&str>> =
        headers.get_all(name).iter().map(|value| value.to_str().ok()).collect();
    values.filter(|values| !values.is_empty()).map(|values| values.join(","))
}

impl Wish {
    /// What is to be sent of a file of `size` bytes whose content has this tag.
    pub fn of(&self, size: u64, tag: &str) -> Send {
        if self.if_none_match.as_ref().is_some_and(|tags| names(tags, tag)) {
            return Send::Unchanged;
        }
        let is_same = self.if_range.as_ref().is_none_or(|known| known.trim() == tag);
        match self.range.as_ref().filter(|_| is_same) {
            Some(range) => part(range, size),
            None => Send::Whole,
        }
    }
}

/// Whether a list of tags names this one; a weak one names it as well.
fn names(tags: &str, tag: &str) -> bool {
    let plain = |known: &str| known.trim().trim_start_matches("W/") == tag;
    tags.trim() == "*" || tags.split(',').any(plain)
}

/// The one range that a header asks for. Several, other units and what makes no sense are passed over,
/// as the standard allows: the whole file answers them too.
fn part(range: &str, size: u64) -> Send {
    let Some((first, last)) = range.trim().strip_prefix("bytes=").and_then(|r| r.split_once('-'))
    else {
        return Send::Whole;
    };
    let number = |text: &str| match text.trim() {
        "" => Some(None),
        digits if digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse().ok().map(Some),
        _ => None,
    };
    match (number(first), number(last)) {
        (Some(Some(first)), Some(last)) => {
            let last: u64 = last.unwrap_or(u64::MAX);
            match first {
                _ if last < first => Send::Whole,
                first if first >= size => Send::Beyond,
                first => Send::Part(first..last.saturating_add(1).min(size)),
            }
        }
        (Some(None), Some(Some(count))) => match count.min(size) {
            0 => Send::Beyond,
            count => Send::Part(size - count..size),
        },
        _ => Send::Whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(range: &str, expected: Send) {
        let wish = Wish { range: Some(range.into()), ..Wish::default() };
        assert_eq!(wish.of(10, "\"a\""), expected, "{range}");
    }

    #[test] // by hand, of ten bytes
    fn one_range_is_sent_as_it_is_asked_for() {
        check("bytes=0-0", Send::Part(0..1));
        check("bytes=2-4", Send::Part(2..5));
        check("bytes=8-", Send::Part(8..10));
        check("bytes=-3", Send::Part(7..10));
        check("bytes=-30", Send::Part(0..10));
        check("bytes=5-18446744073709551615", Send::Part(5..10));
        check("bytes=10-", Send::Beyond);
        check("bytes=-0", Send::Beyond);
        let empty = Wish { range: Some("bytes=0-".into()), ..Wish::default() };
        assert_eq!(empty.of(0, "\"a\""), Send::Beyond);
    }

    #[test]
    fn what_is_no_single_range_gets_the_whole_file() {
        for range in [
            "bytes=0-1,3-4",
            "bytes=4-2",
            "bytes=-",
            "bytes=a-b",
            "bytes=+1-2",
            "lines=0-1",
            "bytes=99999999999999999999-",
            "",
        ] {
            check(range, Send::Whole);
        }
    }

    #[test]
    fn whoever_has_the_content_is_sent_none_of_it() {
        let known = |tags: &str| Wish { if_none_match: Some(tags.into()), ..Wish::default() };
        for tags in ["\"a\"", "W/\"a\"", "\"b\", \"a\"", "*"] {
            assert_eq!(known(tags).of(10, "\"a\""), Send::Unchanged, "{tags}");
        }
        assert_eq!(known("\"b\"").of(10, "\"a\""), Send::Whole);
    }

    #[test]
    fn a_range_of_other_content_gets_the_whole_file() {
        let wish = |tag: &str| Wish {
            range: Some("bytes=1-2".into()),
            if_range: Some(tag.into()),
            ..Wish::default()
        };
        assert_eq!(wish("\"a\"").of(10, "\"a\""), Send::Part(1..3));
        for tag in ["\"b\"", "W/\"a\"", "Wed, 21 Oct 2015 07:28:00 GMT"] {
            assert_eq!(wish(tag).of(10, "\"a\""), Send::Whole, "{tag}");
        }
    }
}
