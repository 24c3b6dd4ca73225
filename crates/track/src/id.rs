//! Ids of runs and hashes of content, both checked once and then carried as plain bytes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Result, TrackError};

/// The id of a run: 16 bytes, written as 32 lower-case hex digits as MLflow writes them.
///
/// ```
/// # use gristmill_track::RunId;
/// let id = RunId::from_parts(&[b"churn", &42_u64.to_le_bytes()]);
/// assert_eq!(id.to_string().parse(), Ok(id));
/// assert!("not-a-run".parse::<RunId>().is_err());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunId([u8; 16]);

impl RunId {
    /// The id made of these bytes.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// An id that follows from `parts` alone: time, process, file, whatever the caller holds to be
    /// unique. Equal parts give an equal id; `["ab"]` and `["a", "b"]` give different ones.
    pub fn from_parts(parts: &[&[u8]]) -> Self {
        let mut hasher = blake3::Hasher::new();
        for part in parts {
            hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
        }
        let mut bytes = [0; 16];
        hasher.finalize_xof().fill(&mut bytes);
        Self(bytes)
    }
}

/// The BLAKE3 hash of some content, written as 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ContentHash([u8; 32]);

impl ContentHash {
    /// The hash of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }

    /// The hash made of these bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl FromStr for RunId {
    type Err = TrackError;

    fn from_str(text: &str) -> Result<Self> {
        from_hex(text).map(Self).ok_or_else(|| {
            TrackError::invalid("a run id", format!("`{text}`"), "32 lower-case hex digits")
        })
    }
}

impl FromStr for ContentHash {
    type Err = TrackError;

    fn from_str(text: &str) -> Result<Self> {
        from_hex(text).map(Self).ok_or_else(|| {
            TrackError::invalid("a content hash", format!("`{text}`"), "64 lower-case hex digits")
        })
    }
}

/// The bytes that `text` spells, when it is exactly `N` pairs of lower-case hex digits.
fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = nibble(*pair.first()?)? << 4 | nibble(*pair.last()?)?;
    }
    Some(bytes)
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

fn write_hex<const N: usize>(bytes: &[u8; N], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |half: u8| char::from(DIGITS[usize::from(half)]);
    // In one piece: whoever writes answers writes thousands of ids.
    let mut text = String::with_capacity(2 * N);
    for byte in bytes {
        text.push(digit(byte >> 4));
        text.push(digit(byte & 15));
    }
    f.write_str(&text)
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

impl fmt::Debug for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

impl TryFrom<String> for RunId {
    type Error = TrackError;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl TryFrom<String> for ContentHash {
    type Error = TrackError;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<RunId> for String {
    fn from(id: RunId) -> Self {
        id.to_string()
    }
}

impl From<ContentHash> for String {
    fn from(hash: ContentHash) -> Self {
        hash.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(text: &str) {
        assert!(text.parse::<RunId>().is_err(), "{text} was accepted");
    }

    #[test]
    fn only_32_lower_case_hex_digits_are_a_run_id() {
        refused("");
        refused("0123456789abcdef0123456789abcde");
        refused("0123456789abcdef0123456789abcdef0");
        refused("0123456789ABCDEF0123456789abcdef");
        refused("0123456789abcdeé0123456789abcde");
        assert!("0123456789abcdef0123456789abcdef".parse::<RunId>().is_ok());
    }

    #[test]
    fn where_one_part_ends_matters() {
        assert_ne!(RunId::from_parts(&[b"ab"]), RunId::from_parts(&[b"a", b"b"]));
    }

    #[test] // from the BLAKE3 paper's test vectors: the hash of the empty input
    fn the_hash_of_nothing_is_the_published_one() {
        let published = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";
        assert_eq!(ContentHash::of(b"").to_string(), published);
    }
}
