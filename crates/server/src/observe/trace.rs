//! Which trace a request belongs to, as its caller says in the header `traceparent`.
//!
//! Source: *Trace Context*, W3C Recommendation of 23 November 2021, section 3.2.

/// Which span of which trace a request was sent in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parent {
    /// The trace.
    pub trace: [u8; 16],
    /// The span in which the request was sent.
    pub span: [u8; 8],
    /// Whether the caller records the trace.
    pub sampled: bool,
}

impl Parent {
    /// Reads a header; nothing for one that the recommendation has us ignore.
    pub fn parse(header: &str) -> Option<Self> {
        let mut parts = header.trim().split('-');
        let version: [u8; 1] = bytes(parts.next()?)?;
        let (trace, span) = (bytes(parts.next()?)?, bytes(parts.next()?)?);
        let [flags]: [u8; 1] = bytes(parts.next()?)?;
        // Version 0 has four parts; a later one may have more behind them, 255 is none.
        let is_known = match version {
            [0] => parts.next().is_none(),
            [255] => false,
            _ => true,
        };
        let is_valid = is_known && trace != [0; 16] && span != [0; 8];
        is_valid.then_some(Self { trace, span, sampled: flags & 1 == 1 })
    }
}

/// The bytes that are written as lower-case hex digits, if they are exactly so many.
fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let is_hex = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if text.len() != 2 * N || !is_hex {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, at) in bytes.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

/// Bytes as lower-case hex digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const SPAN: &str = "00f067aa0ba902b7";

    #[test] // the recommendation's own example
    fn a_header_names_a_trace_and_a_span() {
        let parent = Parent::parse(&format!("00-{TRACE}-{SPAN}-01")).unwrap();
        assert_eq!((hex(&parent.trace), hex(&parent.span)), (TRACE.into(), SPAN.into()));
        assert!(parent.sampled);
        assert!(!Parent::parse(&format!("00-{TRACE}-{SPAN}-00")).unwrap().sampled);
        assert!(Parent::parse(&format!("01-{TRACE}-{SPAN}-03-more")).unwrap().sampled);
    }

    #[test]
    fn what_is_no_header_is_ignored() {
        let zeros = "0".repeat(32);
        for wrong in [
            String::new(),
            "00".into(),
            format!("00-{TRACE}-{SPAN}"),
            format!("00-{TRACE}-{SPAN}-01-more"),
            format!("ff-{TRACE}-{SPAN}-01"),
            format!("00-{zeros}-{SPAN}-01"),
            format!("00-{TRACE}-{}-01", "0".repeat(16)),
            format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
            format!("00-{TRACE}ä-{SPAN}-01"),
            format!("00-{}-{SPAN}-01", &TRACE[1..]),
        ] {
            assert_eq!(Parent::parse(&wrong), None, "{wrong}");
        }
    }
}
