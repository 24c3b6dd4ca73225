//! Texts as vectors, by arithmetic alone: the same text is the same vector anywhere and for ever.
//!
//! Method: the terms of a text are its words and the runs of three characters of each word, weighted by
//! 1 + ln(how often). Each term stands for a vector of signs that its hash draws, as in the random
//! projections of Achlioptas, *Database-friendly Random Projections*, JCSS 66 (2003), on hashed terms as in
//! Weinberger et al., *Feature Hashing for Large Scale Multitask Learning*, ICML 2009. The weighted sum of
//! these vectors is scaled to length 1.

use crate::Result;
use crate::sketch::VectorMoments;

/// How many numbers the vector of a text has.
pub const TEXT_DIMENSIONS: usize = 64;

/// How many vectors are made at once.
const AT_ONCE: usize = 512;
/// How many bytes of a text are read at most.
const BYTES: usize = 4_096;
/// How many characters a run has.
const RUN: usize = 3;

/// The vector of a text, of length 1; zeros for one without a word.
///
/// Words are runs of letters and digits in lower case. A word stands in blanks for its runs of three
/// characters: `to` has ` to` and `to `. Of a long text the first 4,096 bytes are read.
///
/// ```
/// # use gristmill_core::text_vector;
/// let near = |a: &str, b: &str| {
///     text_vector(a).iter().zip(text_vector(b)).map(|(a, b)| a * b).sum::<f64>()
/// };
/// let late = "the parcel came too late";
/// assert!(near(late, "The parcel came TOO late!") > 0.999);
/// assert!(near(late, "my parcel was too late") > near(late, "wrong colour, bad smell"));
/// ```
pub fn text_vector(text: &str) -> [f64; TEXT_DIMENSIONS] {
    let mut end = text.len().min(BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let mut terms = Vec::new();
    for word in text[..end].split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        add_terms(&word.to_lowercase(), &mut terms);
    }
    terms.sort_unstable();
    let mut sums = [0.0; TEXT_DIMENSIONS];
    for same in terms.chunk_by(|a, b| a == b) {
        if let Some(hash) = same.first() {
            add_signs(&mut sums, *hash, 1.0 + (same.len() as f64).ln());
        }
    }
    let length = sums.iter().map(|v| v * v).sum::<f64>().sqrt();
    if length > 0.0 {
        sums.iter_mut().for_each(|v| *v /= length);
    }
    sums
}

/// Adds the vectors of texts, each as often as is said.
///
/// # Errors
/// [`crate::Error::Bug`] when the moments are of vectors of another width.
pub fn add_texts<'a>(
    texts: impl IntoIterator<Item = (&'a str, u64)>,
    moments: &mut VectorMoments,
) -> Result<()> {
    let mut vectors = Vec::new();
    let mut times = Vec::new();
    for (text, count) in texts {
        vectors.extend(text_vector(text));
        times.push(count);
        if times.len() == AT_ONCE {
            moments.add(&vectors, &times)?;
            vectors.clear();
            times.clear();
        }
    }
    moments.add(&vectors, &times)
}

/// The signs by which a column of many is projected to [`TEXT_DIMENSIONS`], as those of a term.
pub fn column_signs(name: &str) -> [f64; TEXT_DIMENSIONS] {
    let mut signs = [0.0; TEXT_DIMENSIONS];
    add_signs(&mut signs, hash(b'v', name.as_bytes()), 1.0);
    signs
}

/// The hashes of a word and of its runs.
fn add_terms(word: &str, terms: &mut Vec<u64>) {
    terms.push(hash(b'w', word.as_bytes()));
    let padded = format!(" {word} ");
    let starts: Vec<usize> =
        padded.char_indices().map(|(at, _)| at).chain([padded.len()]).collect();
    for run in starts.windows(RUN + 1) {
        if let Some(run) = run.first().zip(run.last()).and_then(|(a, b)| padded.get(*a..*b)) {
            terms.push(hash(b'c', run.as_bytes()));
        }
    }
}

/// 64 bits of a term: FNV-1a over its kind and bytes, and the last step of MurmurHash3, so that each bit
/// depends on all of them.
fn hash(kind: u8, bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in [kind].iter().chain(bytes) {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

/// Adds `weight` where a bit of `hash` is 1 and takes it away where it is 0, the lowest bit first.
fn add_signs(sums: &mut [f64; TEXT_DIMENSIONS], hash: u64, weight: f64) {
    for (eight, byte) in sums.chunks_exact_mut(8).zip(hash.to_le_bytes()) {
        let signs = &SIGNS[usize::from(byte)];
        eight.iter_mut().zip(signs).for_each(|(sum, sign)| *sum += weight * sign);
    }
}

/// The signs of the bits of each byte, the lowest bit first.
static SIGNS: [[f64; 8]; 256] = signs();

const fn signs() -> [[f64; 8]; 256] {
    let mut signs = [[-1.0; 8]; 256];
    let mut at = 0;
    while at < 256 * 8 {
        if (at / 8) >> (at % 8) & 1 == 1 {
            signs[at / 8][at % 8] = 1.0;
        }
        at += 1;
    }
    signs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test] // the same arithmetic in Python 3.11: re.findall, hashes modulo 2⁶⁴, math.log
    fn a_text_is_the_vector_that_plain_arithmetic_gives() {
        assert_eq!(hash(b'w', b"parcel"), 6_439_521_482_823_645_748);
        let found = text_vector("Größe passt, passt nicht: the 2nd parcel was LATE");
        let ends = [found[0], found[1], found[2], found[3], found[63]];
        for (found, expected) in ends.iter().zip([
            -0.085_214_504_273_136_75,
            0.066_335_492_076_640_94,
            0.000_304_376_388_285_552_34,
            -0.044_325_120_180_522_495,
            -0.098_089_746_459_292_9,
        ]) {
            assert!((found - expected).abs() < 1e-12, "{found} is not {expected}");
        }
    }

    #[test]
    fn how_texts_are_told_apart() {
        let near = |a: &str, b: &str| {
            text_vector(a).iter().zip(text_vector(b)).map(|(a, b)| a * b).sum::<f64>()
        };
        for text in ["", "?!", " \n"] {
            assert_eq!(text_vector(text), [0.0; TEXT_DIMENSIONS], "{text:?}");
        }
        assert!((near("a b", "a b") - 1.0).abs() < 1e-12);
        assert!((near("late parcel", "Parcel - LATE!") - 1.0).abs() < 1e-12);
        let long = "word ".repeat(2_000);
        assert_eq!(text_vector(&long), text_vector(&format!("{long} and more")));
        // A cut between the bytes of a letter.
        assert!(near(&"ä".repeat(9_000), &"ä".repeat(2_048)) > 0.999);
    }

    #[test]
    fn texts_are_added_as_often_as_is_said() {
        let texts: Vec<String> = (0..1_200).map(|i| format!("order {}", i % 7)).collect();
        let (mut one_by_one, mut counted) =
            (VectorMoments::new(TEXT_DIMENSIONS), VectorMoments::new(TEXT_DIMENSIONS));
        add_texts(texts.iter().map(|t| (t.as_str(), 1)), &mut one_by_one).unwrap();
        let counts = texts.iter().take(7).enumerate();
        let counts = counts.map(|(at, t)| (t.as_str(), if at < 3 { 172 } else { 171 }));
        add_texts(counts, &mut counted).unwrap();
        assert_eq!((one_by_one.count(), counted.count()), (1_200, 1_200));
        for (a, b) in one_by_one.mean().iter().zip(counted.mean()) {
            assert!((a - b).abs() < 1e-12, "{a} is not {b}");
        }
        assert!((one_by_one.scatter(5, 9) - counted.scatter(5, 9)).abs() < 1e-9);
    }
}
