//! Words on a drawing: escaped, measured without a font, cut to a width.

use std::borrow::Cow;

/// Text with `&`, `<`, `>` and quotes as entities, and what no document may hold replaced.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(allowed(c)),
        }
    }
    out
}

/// `text` with every character replaced that a document may not hold or that would turn around
/// the words beside it.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    if text.chars().all(|c| allowed(c) == c) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.chars().map(allowed).collect())
    }
}

/// Control characters and noncharacters are not allowed in XML 1.0; embeddings and overrides of
/// direction would let a column's name rearrange its neighbours.
fn allowed(c: char) -> char {
    match c {
        '\t' | '\n' | '\r' => c,
        c if c.is_control() => '\u{FFFD}',
        '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => '\u{FFFD}',
        c if u32::from(c) & 0xFFFE == 0xFFFE => '\u{FFFD}',
        c => c,
    }
}

/// About how wide `text` is in pixels at a font size, in the usual sans-serif fonts.
///
/// The classes of widths are averages over Helvetica, Segoe UI, Roboto and DejaVu Sans.
pub(crate) fn width(text: &str, size: f64) -> f64 {
    text.chars().map(share_of_em).sum::<f64>() * size
}

fn share_of_em(c: char) -> f64 {
    match c {
        'i' | 'j' | 'l' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' => 0.31,
        ' ' | 'f' | 't' | 'r' | 'I' | '(' | ')' | '[' | ']' | '/' | '-' | '·' => 0.40,
        'm' | 'w' | 'M' | 'W' | '@' | '%' | '—' => 0.96,
        'A'..='Z' | '&' | '#' | '×' | '−' | '±' | '+' | '=' | '≥' | '≤' => 0.71,
        c if u32::from(c) < 0x300 => 0.61,
        // Accents stand on their letter.
        '\u{300}'..='\u{36F}' | '\u{200B}'..='\u{200F}' => 0.0,
        // Chinese, Japanese, Korean and pictures fill a square.
        c if u32::from(c) >= 0x1100 && !('\u{1E00}'..='\u{2E7F}').contains(&c) => 1.05,
        _ => 0.65,
    }
}

/// `text` if it fits into `room` pixels, else its beginning and an ellipsis.
pub(crate) fn cut(text: &str, room: f64, size: f64) -> String {
    let one_line: String = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).collect();
    if width(&one_line, size) <= room {
        return one_line;
    }
    let mut left = room - size;
    let fits = one_line.chars().take_while(|&c| {
        left -= share_of_em(c) * size;
        left >= 0.0
    });
    let mut short: String = fits.collect();
    short.truncate(short.trim_end().len());
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_document_may_hold_is_replaced() {
        assert_eq!(escape("a\u{0}\u{1b}\u{202e}b\u{ffff}"), "a\u{fffd}\u{fffd}\u{fffd}b\u{fffd}");
    }

    #[test]
    fn harmless_text_is_left_alone() {
        assert!(matches!(clean("größe 日本 \n"), Cow::Borrowed(_)));
    }

    #[test]
    fn long_words_are_cut_to_their_room() {
        let cut_words = cut(&"long ".repeat(50), 100.0, 12.0);
        assert!(cut_words.ends_with('…') && width(&cut_words, 12.0) <= 102.0, "{cut_words}");
        assert_eq!(cut("short", 100.0, 12.0), "short");
        assert_eq!(cut("", 0.0, 12.0), "");
    }
}
