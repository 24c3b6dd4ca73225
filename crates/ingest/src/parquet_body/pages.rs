//! The pages of a column, looked over before any of them is unpacked.

use std::io::{Read, sink};

use flate2::read::MultiGzDecoder;
use parquet::basic::Compression;
use parquet::file::metadata::ColumnChunkMetaData;

use super::thrift::{Cursor, I32, STRUCT};

/// The encodings by the format's numbers in which a value is written out, or points into a dictionary. In the
/// others a few bytes can stand for any number of values, or for texts of any length.
const ENCODINGS: [i64; 5] = [0, 2, 3, 4, 8];

/// What the head of a page says.
#[derive(Debug, Default)]
struct Head {
    kind: i64,
    unpacked: i64,
    packed: i64,
    values: i64,
    encoding: i64,
    /// Bytes of levels that stand before what is packed.
    levels: i64,
}

/// How many bytes the pages of a column take once they are unpacked, or why that cannot be said. There
/// are `rows` rows, and more than `most` bytes need not be counted.
pub(super) fn unpacked(
    body: &[u8],
    chunk: &ColumnChunkMetaData,
    rows: i64,
    most: u64,
) -> Result<u64, String> {
    let (start, length) = chunk.byte_range();
    let start = usize::try_from(start).map_err(|_| "a column lies beyond the end")?;
    let length = usize::try_from(length).map_err(|_| "a column lies beyond the end")?;
    let end = start.checked_add(length).ok_or("a column lies beyond the end")?;
    let mut rest = body.get(start..end).ok_or("a column lies beyond the end")?;
    let mut all = 0_u64;
    while !rest.is_empty() && all <= most {
        let (head, size) = head(rest).ok_or("the head of a page cannot be read")?;
        let packed = usize::try_from(head.packed).map_err(|_| "a page has a negative size")?;
        let page = rest.get(size..).and_then(|rest| rest.split_at_checked(packed));
        let (page, behind) = page.ok_or("a page is longer than its column")?;
        check(&head, rows)?;
        let unpacked = u64::try_from(head.unpacked).map_err(|_| "a page has a negative size")?;
        all = all.saturating_add(unpacked.max(packed as u64));
        if all <= most && matches!(chunk.compression(), Compression::GZIP(_)) {
            inflates(page, &head, unpacked)?;
        }
        rest = behind;
    }
    Ok(all)
}

/// Refuses what a page says of itself where it cannot be so.
fn check(head: &Head, rows: i64) -> Result<(), String> {
    const DICTIONARY: i64 = 2;
    if !ENCODINGS.contains(&head.encoding) {
        return Err(format!(
            "a page has the encoding {}; write values plainly or with a dictionary",
            head.encoding
        ));
    }
    // A value of a dictionary takes a bit at least, and a row has one value.
    let most = if head.kind == DICTIONARY { head.unpacked.saturating_mul(8) } else { rows };
    match head.values {
        values if (0..=most).contains(&values) => Ok(()),
        values => Err(format!("a page has {values} values, where there can be {most}")),
    }
}

/// The head of a page and its length.
fn head(bytes: &[u8]) -> Option<(Head, usize)> {
    let mut head = Head::default();
    let mut cursor = Cursor::new(bytes);
    cursor.structure(|cursor, field, kind| {
        match (field, kind) {
            (1, I32) => head.kind = cursor.number()?,
            (2, I32) => head.unpacked = cursor.number()?,
            (3, I32) => head.packed = cursor.number()?,
            // Pages of data, dictionaries, pages of data of the second version.
            (5 | 7, STRUCT) => cursor.structure(|cursor, field, kind| {
                match (field, kind) {
                    (1, I32) => head.values = cursor.number()?,
                    (2, I32) => head.encoding = cursor.number()?,
                    _ => return Some(false),
                }
                Some(true)
            })?,
            (8, STRUCT) => cursor.structure(|cursor, field, kind| {
                match (field, kind) {
                    (1, I32) => head.values = cursor.number()?,
                    (4, I32) => head.encoding = cursor.number()?,
                    (5 | 6, I32) => head.levels += cursor.number()?,
                    _ => return Some(false),
                }
                Some(true)
            })?,
            _ => return Some(false),
        }
        Some(true)
    })?;
    Some((head, cursor.at))
}

/// Refuses what is packed by gzip and unpacks to more than it says: it would be unpacked to its end.
fn inflates(page: &[u8], head: &Head, unpacked: u64) -> Result<(), String> {
    let levels = usize::try_from(head.levels).ok().and_then(|levels| page.get(levels..));
    let packed = levels.ok_or("the levels of a page are longer than it")?;
    // What is no gzip is not packed at all, or refused where it is read.
    let length = std::io::copy(&mut MultiGzDecoder::new(packed).take(unpacked + 1), &mut sink());
    match length {
        Ok(length) if length > unpacked => {
            Err(format!("a page unpacks to more than the {unpacked} bytes that it says"))
        }
        _ => Ok(()),
    }
}
