//! MurmurHash3 (x86, 32 bits), the hash that scikit-learn's hashing spreads by.
//! Method: Austin Appleby, *SMHasher*, 2011, whose test values stand below.

/// The hash of `bytes` with this seed; equal on every machine and for as long as this file stands.
pub(crate) fn murmur3(bytes: &[u8], seed: u32) -> u32 {
    let mut hash = seed;
    let (blocks, tail) = bytes.as_chunks::<4>();
    for block in blocks {
        hash ^= scramble(u32::from_le_bytes(*block));
        hash = hash.rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
    }
    let last = tail.iter().rev().fold(0, |word, &byte| (word << 8) | u32::from(byte));
    hash ^= scramble(last);
    finish(hash ^ bytes.len() as u32)
}

/// A word of nothing scrambles to 0, so an empty tail changes nothing.
fn scramble(word: u32) -> u32 {
    word.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593)
}

fn finish(mut hash: u32) -> u32 {
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    hash ^ (hash >> 16)
}

/// Which of `buckets` a word falls into, and with which sign: the hash read as a signed number
/// gives the sign, its size modulo `buckets` the place.
pub(crate) fn bucket(word: &[u8], buckets: u32) -> (u32, f64) {
    let hash = murmur3(word, 0) as i32;
    (hash.unsigned_abs() % buckets, if hash < 0 { -1.0 } else { 1.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test] // scikit-learn 1.9.1, sklearn.utils.murmurhash3_32
    fn hashes_are_those_of_the_reference() {
        let words = ["", "a", "ab", "abc", "abcd", "contract=Two year", "été"];
        let found = words.map(|word| murmur3(word.as_bytes(), 0));
        assert_eq!(
            found,
            [0, 1009084850, 2613040991, 3017643002, 1139631978, 942736221, 865297935]
        );
        assert_eq!(murmur3(b"abc", 42), 1313807976);
    }
}
