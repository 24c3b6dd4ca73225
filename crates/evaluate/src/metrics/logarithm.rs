//! Natural logarithms of many numbers, without a branch, so that a processor takes several at once.
//! Method: Cody and Waite, *Software Manual for the Elementary Functions*, Prentice-Hall 1980.

/// The number of the exponent's bits that stands for 2⁰.
const BIAS: u64 = 1023;
/// √½: numbers are taken apart as 2ᵏ · m with m from here to √2.
const LEAST: u64 = std::f64::consts::FRAC_1_SQRT_2.to_bits();
/// 2⁵² as bits: with a small integer in its lowest bits it is 2⁵² plus that integer.
const SHIFT: u64 = 0x4330_0000_0000_0000;
/// ln 2 in two parts; products of the first with whole numbers up to 2048 are exact.
const LN_2: [f64; 2] = [0.693_147_180_369_123_8, 1.908_214_929_270_587_7e-10];

/// ln x of a normal number above 0, off by at most 2 units in the last place; infinity of infinity,
/// and a finite number where [`f64::ln`] has none or is below −708.
///
/// ln m = 2 (s + s³/3 + s⁵/5 + …) with s = (m − 1) / (m + 1), |s| < 0.172.
pub(super) fn ln(x: f64) -> f64 {
    let bits = x.to_bits();
    let exponent = bits.wrapping_add(BIAS << 52).wrapping_sub(LEAST) >> 52;
    let k = f64::from_bits(exponent | SHIFT) - (f64::from_bits(SHIFT) + BIAS as f64);
    let m = f64::from_bits(bits.wrapping_add(BIAS << 52).wrapping_sub(exponent << 52));
    let f = m - 1.0;
    let s = f / (2.0 + f);
    let z = s * s;
    let low = 1.0 / 3.0 + z * (1.0 / 5.0 + z * (1.0 / 7.0 + z * (1.0 / 9.0 + z / 11.0)));
    let high = 1.0 / 13.0 + z * (1.0 / 15.0 + z * (1.0 / 17.0 + z * (1.0 / 19.0 + z / 21.0)));
    let z5 = z * z * z * z * z;
    let series = 2.0 * z * (low + z5 * high);
    // ln m = f − s (f − series), which keeps the bits of f, since 2 s = f − s f.
    let found = k * LN_2[0] - ((s * (f - series) - k * LN_2[1]) - f);
    if x < f64::INFINITY { found } else { f64::INFINITY }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_standard_library() {
        for step in 0..200_000 {
            let x = 10f64.powf(f64::from(step - 100_000) / 330.0);
            let expected = x.ln();
            let off = (ln(x) - expected).abs() / expected.abs().max(f64::MIN_POSITIVE);
            assert!(off <= 2.0 * f64::EPSILON, "ln {x} is {}, not {expected}", ln(x));
        }
        assert_eq!(ln(1.0), 0.0);
        assert_eq!(ln(f64::INFINITY), f64::INFINITY);
        assert!(ln(0.0).is_finite());
    }
}
