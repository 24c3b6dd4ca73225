//! Where the records of a delimited text lie and where their cells lie, by RFC 4180: a cell that
//! begins with a quote ends with one, and may hold delimiters, line ends and doubled quotes.

use std::ops::Range;

/// Pieces that are read side by side are about this long. It must not depend on the machine:
/// what is read may not either.
const PIECE_BYTES: usize = 1 << 20;

/// What separates cells and what may enclose them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Marks {
    pub delimiter: u8,
    pub quote: u8,
}

/// Why a record has no cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A quote that nothing closes.
    OpenQuote,
    /// Something between a closing quote and the next delimiter.
    AfterQuote,
}

/// One cell: where its text lies, and whether quotes in it are doubled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    pub start: usize,
    pub end: usize,
    pub doubled: bool,
}

/// The records of a text one after another.
#[derive(Debug)]
pub(crate) struct Records<'a> {
    text: &'a [u8],
    at: usize,
    marks: Marks,
}

impl<'a> Records<'a> {
    pub fn new(text: &'a [u8], marks: Marks) -> Self {
        Self { text, at: 0, marks }
    }

    /// Where the next record begins.
    pub fn position(&self) -> usize {
        self.at
    }

    /// Puts the cells of the next record that is not an empty line into `cells`, and says where it
    /// begins and what is wrong with it. A faulty record is passed over.
    pub fn next(&mut self, cells: &mut Vec<Cell>) -> Option<(usize, Option<Fault>)> {
        cells.clear();
        loop {
            match self.text.get(self.at..)? {
                [] => return None,
                [b'\n', ..] => self.at += 1,
                [b'\r', b'\n', ..] => self.at += 2,
                _ => break,
            }
        }
        let start = self.at;
        loop {
            let cell = if self.text.get(self.at) == Some(&self.marks.quote) {
                self.quoted()
            } else {
                Ok(self.plain())
            };
            match cell {
                Ok((cell, last)) => {
                    cells.push(cell);
                    if last {
                        return Some((start, None));
                    }
                }
                Err(fault) => {
                    self.at = record_end(self.text, start, self.marks);
                    return Some((start, Some(fault)));
                }
            }
        }
    }

    /// The cell here, and whether the record ends with it.
    fn plain(&mut self) -> (Cell, bool) {
        let start = self.at;
        let delimiter = self.marks.delimiter;
        let rest = &self.text[start..];
        let length = find_either(rest, delimiter, b'\n').unwrap_or(rest.len());
        let last = rest.get(length) != Some(&delimiter);
        let mut end = start + length;
        self.at = (end + 1).min(self.text.len());
        if last && end > start && self.text[end - 1] == b'\r' {
            end -= 1;
        }
        // A delimiter at the very end of the text is followed by one more, empty cell.
        (Cell { start, end, doubled: false }, last)
    }

    fn quoted(&mut self) -> Result<(Cell, bool), Fault> {
        let start = self.at + 1;
        let (end, doubled) = closing(self.text, start, self.marks.quote).ok_or(Fault::OpenQuote)?;
        let cell = Cell { start, end, doubled };
        let rest = &self.text[end + 1..];
        let (skip, last) = match rest {
            [] => (0, true),
            [b'\n', ..] => (1, true),
            [b'\r', b'\n', ..] => (2, true),
            [b'\r'] => (1, true),
            [b, ..] if *b == self.marks.delimiter => (1, false),
            _ => return Err(Fault::AfterQuote),
        };
        self.at = end + 1 + skip;
        Ok((cell, last))
    }
}

/// Where the first of two bytes stands, looked for eight bytes at a time.
#[inline]
fn find_either(text: &[u8], a: u8, b: u8) -> Option<usize> {
    const ONES: u64 = u64::MAX / 255;
    const HIGHS: u64 = ONES << 7;
    let (eights, rest) = text.as_chunks::<8>();
    for (at, eight) in eights.iter().enumerate() {
        let word = u64::from_le_bytes(*eight);
        // The lowest byte that is zero has its high bit set; bytes above it may have theirs too.
        let (x, y) = (word ^ (ONES * u64::from(a)), word ^ (ONES * u64::from(b)));
        let zeros = ((x.wrapping_sub(ONES) & !x) | (y.wrapping_sub(ONES) & !y)) & HIGHS;
        if zeros != 0 {
            return Some(at * 8 + zeros.trailing_zeros() as usize / 8);
        }
    }
    rest.iter().position(|&c| c == a || c == b).map(|at| eights.len() * 8 + at)
}

/// Where the quote stands that closes the cell beginning at `start`, and whether it holds doubled
/// quotes.
fn closing(text: &[u8], start: usize, quote: u8) -> Option<(usize, bool)> {
    let mut at = start;
    let mut doubled = false;
    loop {
        at += text.get(at..)?.iter().position(|&b| b == quote)?;
        if text.get(at + 1) != Some(&quote) {
            return Some((at, doubled));
        }
        doubled = true;
        at += 2;
    }
}

/// Where the record that begins at `start` ends: past its line end, or the end of the text.
pub(crate) fn record_end(text: &[u8], start: usize, marks: Marks) -> usize {
    let mut at = start;
    loop {
        if text.get(at) == Some(&marks.quote) {
            match closing(text, at + 1, marks.quote) {
                Some((end, _)) => at = end + 1,
                None => return text.len(),
            }
        }
        let rest = text.get(at..).unwrap_or_default();
        match find_either(rest, marks.delimiter, b'\n') {
            None => return text.len(),
            Some(length) if rest[length] == b'\n' => return at + length + 1,
            Some(length) => at += length + 1,
        }
    }
}

/// Cuts a text that begins with a record into pieces that do too.
pub(crate) fn pieces(text: &[u8], marks: Marks) -> Vec<Range<usize>> {
    let mut pieces = Vec::new();
    let mut start = 0;
    while start < text.len() {
        let end = piece_end(text, start, marks);
        pieces.push(start..end);
        start = end;
    }
    pieces
}

fn piece_end(text: &[u8], start: usize, marks: Marks) -> usize {
    let aim = start + PIECE_BYTES;
    if aim >= text.len() {
        return text.len();
    }
    // Without a quote in between, the next line end is the end of a record.
    let line_end = text[aim..].iter().position(|&b| b == b'\n').map_or(text.len(), |i| aim + i + 1);
    if !text[start..line_end].contains(&marks.quote) {
        return line_end;
    }
    let mut at = start;
    while at < aim {
        at = record_end(text, at, marks);
    }
    at
}

/// The text of a cell with its doubled quotes made single.
pub(crate) fn unquoted(text: &[u8], quote: u8) -> Vec<u8> {
    let mut single = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        single.push(byte);
        at += if byte == quote { 2 } else { 1 };
    }
    single
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARKS: Marks = Marks { delimiter: b',', quote: b'"' };

    fn records(text: &str) -> Vec<Result<Vec<String>, Fault>> {
        let mut records = Records::new(text.as_bytes(), MARKS);
        let mut cells = Vec::new();
        let mut all = Vec::new();
        while let Some((_, fault)) = records.next(&mut cells) {
            all.push(match fault {
                Some(fault) => Err(fault),
                None => Ok(cells
                    .iter()
                    .map(|c| match (&text[c.start..c.end], c.doubled) {
                        (raw, true) => String::from_utf8(unquoted(raw.as_bytes(), b'"')).unwrap(),
                        (raw, false) => raw.to_string(),
                    })
                    .collect()),
            });
        }
        all
    }

    #[track_caller]
    fn check(text: &str, expected: &[&[&str]]) {
        let found: Vec<Vec<String>> = records(text).into_iter().map(Result::unwrap).collect();
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn cells_end_at_delimiters_and_lines() {
        check("a,b\n1,2\n", &[&["a", "b"], &["1", "2"]]);
        check("a,b\r\n1,2", &[&["a", "b"], &["1", "2"]]);
        check("a,\n,b", &[&["a", ""], &["", "b"]]);
    }

    #[test]
    fn a_delimiter_at_the_end_is_followed_by_an_empty_cell() {
        check("a,", &[&["a", ""]]);
        check("a,\"\"", &[&["a", ""]]);
    }

    #[test]
    fn empty_lines_are_no_records() {
        check("\n\r\na\n\n\nb\n\n", &[&["a"], &["b"]]);
        check("", &[]);
    }

    #[test]
    fn quoted_cells_hold_anything() {
        check("\"a,\"\"b\"\"\n\",2\r\n", &[&["a,\"b\"\n", "2"]]);
        check("\"a\"\r\n\"b\"\r", &[&["a"], &["b"]]);
    }

    #[test]
    fn a_quote_within_a_plain_cell_is_a_letter() {
        check("5\" pipe,x\n6\" pipe,y\n", &[&["5\" pipe", "x"], &["6\" pipe", "y"]]);
    }

    #[test]
    fn faulty_records_are_passed_over() {
        assert_eq!(
            records("\"a\"b,1\nc,2"),
            [Err(Fault::AfterQuote), Ok(vec!["c".into(), "2".into()])]
        );
        assert_eq!(records("x\n\"a,1\nc,2"), [Ok(vec!["x".into()]), Err(Fault::OpenQuote)]);
    }

    #[test]
    fn pieces_never_cut_a_record() {
        let row = format!("1,\"{}\n{}\"\n", "x".repeat(300_000), "y,".repeat(150_000));
        let text = row.repeat(7);
        let pieces = pieces(text.as_bytes(), MARKS);
        assert_eq!(pieces.len(), 4);
        assert!(pieces.iter().all(|p| p.len() % row.len() == 0));
    }

    proptest::proptest! {
        #[test]
        fn skipping_a_record_ends_where_reading_it_ends(text in "[ab,\"\n\r]{0,40}") {
            let bytes = text.as_bytes();
            let mut records = Records::new(bytes, MARKS);
            let mut cells = Vec::new();
            while let Some((start, _)) = records.next(&mut cells) {
                proptest::prop_assert_eq!(records.position(), record_end(bytes, start, MARKS));
            }
        }
    }
}
