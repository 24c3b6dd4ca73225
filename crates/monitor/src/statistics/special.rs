//! Tails of the normal, the chi-squared and the F distribution.
//! Method: the incomplete gamma function by its series and its continued fraction (NIST, *Digital
//! Library of Mathematical Functions*, 8.7.1 and 8.9.2), the incomplete beta function by its continued
//! fraction (the same, 8.17.22), the gamma function after Lanczos, *SIAM Journal on Numerical Analysis* 1 (1964).

use std::f64::consts::PI;

/// How many terms are summed at most; far beyond what double precision needs up to 10⁶ degrees of
/// freedom.
const TERMS: usize = 100_000;

/// The chance that a chi-squared variable of `freedom` degrees is at least `statistic`.
pub(super) fn chi_squared_beyond(statistic: f64, freedom: f64) -> f64 {
    upper_gamma(freedom / 2.0, statistic / 2.0)
}

/// The chance that a standard normal variable is at least `|z|` away from 0.
pub(super) fn normal_beyond(z: f64) -> f64 {
    upper_gamma(0.5, z * z / 2.0)
}

/// The chance that a standard normal variable is at most `z`.
pub(super) fn normal_below(z: f64) -> f64 {
    let half = normal_beyond(z) / 2.0;
    if z < 0.0 { half } else { 1.0 - half }
}

/// The chance that an F variable of `above` and `below` degrees of freedom is at least `statistic`.
pub(super) fn f_beyond(statistic: f64, above: f64, below: f64) -> f64 {
    if statistic <= 0.0 {
        return 1.0;
    }
    // As shares of 1, each without loss where it is small.
    let (x, rest) = (below / (below + above * statistic), above * statistic);
    incomplete_beta((x, rest / (below + rest)), below / 2.0, above / 2.0).clamp(0.0, 1.0)
}

/// Iₓ(a, b), the regularised incomplete beta function; `rest` is 1 − x.
fn incomplete_beta((x, rest): (f64, f64), a: f64, b: f64) -> f64 {
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - incomplete_beta((rest, x), b, a);
    }
    let scale = a * x.ln() + b * rest.ln() + ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b);
    scale.exp() / (a * beta_fraction(x, a, b))
}

/// 1 + d₁/(1 + d₂/(1 + …)) of Iₓ(a, b), by the method of Lentz.
fn beta_fraction(x: f64, a: f64, b: f64) -> f64 {
    let tiny = f64::MIN_POSITIVE / f64::EPSILON;
    let (mut c, mut d, mut product) = (1.0, 0.0, 1.0);
    for i in 1..TERMS {
        let m = (i / 2) as f64;
        let step = match i % 2 {
            0 => m * (b - m) / ((a + 2.0 * m - 1.0) * (a + 2.0 * m)),
            _ => -(a + m) * (a + b + m) / ((a + 2.0 * m) * (a + 2.0 * m + 1.0)),
        } * x;
        d = away(1.0 + step * d, tiny).recip();
        c = away(1.0 + step / c, tiny);
        product *= c * d;
        if (c * d - 1.0).abs() < f64::EPSILON {
            break;
        }
    }
    product
}

/// Q(a, x), the regularised upper incomplete gamma function; 1 at x ≤ 0.
fn upper_gamma(a: f64, x: f64) -> f64 {
    if x.is_nan() || a.is_nan() {
        return f64::NAN;
    }
    if x <= 0.0 {
        return 1.0;
    }
    if x.is_infinite() {
        return 0.0;
    }
    let scale = (a * x.ln() - x - ln_gamma(a)).exp();
    let found = if x < a + 1.0 { 1.0 - scale * series(a, x) } else { scale * fraction(a, x) };
    found.clamp(0.0, 1.0)
}

/// Σ xⁿ / (a (a+1) … (a+n)).
fn series(a: f64, x: f64) -> f64 {
    let (mut term, mut sum, mut at) = (1.0 / a, 1.0 / a, a);
    for _ in 0..TERMS {
        at += 1.0;
        term *= x / at;
        sum += term;
        if term < sum * f64::EPSILON {
            break;
        }
    }
    sum
}

/// The continued fraction of Γ(a, x) / (xᵃ e⁻ˣ), by the method of Lentz.
fn fraction(a: f64, x: f64) -> f64 {
    let tiny = f64::MIN_POSITIVE / f64::EPSILON;
    let mut b = x + 1.0 - a;
    let mut c = 1.0 / tiny;
    let mut d = 1.0 / b;
    let mut product = d;
    for i in 1..TERMS {
        let step = -(i as f64) * (i as f64 - a);
        b += 2.0;
        d = away(step * d + b, tiny).recip();
        c = away(b + step / c, tiny);
        product *= d * c;
        if (d * c - 1.0).abs() < f64::EPSILON {
            break;
        }
    }
    product
}

fn away(value: f64, from_zero: f64) -> f64 {
    if value.abs() < from_zero { from_zero } else { value }
}

/// The logarithm of Γ(x) for x > 0, to about 15 digits.
fn ln_gamma(x: f64) -> f64 {
    if x < 0.5 {
        return (PI / (PI * x).sin()).ln() - ln_gamma(1.0 - x);
    }
    let x = x - 1.0;
    let sum =
        LANCZOS.iter().enumerate().skip(1).fold(LANCZOS[0], |s, (i, c)| s + c / (x + i as f64));
    let t = x + 7.5;
    0.5 * (2.0 * PI).ln() + (x + 0.5) * t.ln() - t + sum.ln()
}

/// Lanczos' coefficients for g = 7 and nine terms.
const LANCZOS: [f64; 9] = [
    0.999_999_999_999_809_9,
    676.520_368_121_885_1,
    -1_259.139_216_722_402_8,
    771.323_428_777_653_1,
    -176.615_029_162_140_6,
    12.507_343_278_686_905,
    -0.138_571_095_265_720_12,
    9.984_369_578_019_572e-6,
    1.505_632_735_149_311_6e-7,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(found: f64, expected: f64) {
        assert!((found - expected).abs() <= 1e-12 * expected, "{found:e} is not {expected:e}");
    }

    #[test] // scipy 1.15.3, stats.chi2.sf
    fn tails_of_chi_squared_are_those_of_scipy() {
        check(chi_squared_beyond(0.5, 1.0), 0.479_500_122_186_953_37);
        check(chi_squared_beyond(3.84, 1.0), 0.050_043_521_248_705_19);
        check(chi_squared_beyond(0.1, 7.0), 0.999_997_688_581_201_4);
        check(chi_squared_beyond(30.0, 2.0), 3.059_023_205_018_259_4e-7);
        check(chi_squared_beyond(150.0, 100.0), 0.000_903_932_042_354_018_4);
        check(chi_squared_beyond(700.0, 5.0), 4.911_986_103_573_117e-149);
        check(chi_squared_beyond(1_000.5, 999.0), 0.480_677_031_106_427_9);
    }

    #[test] // scipy 1.15.3, 2 * stats.norm.sf(z)
    fn tails_of_the_normal_distribution_are_those_of_scipy() {
        check(normal_beyond(0.1), 0.920_344_325_445_942);
        check(normal_beyond(1.96), 0.049_995_790_296_440_87);
        check(normal_beyond(-6.0), 1.973_175_290_075_389e-9);
        check(normal_beyond(12.0), 3.552_964_224_155_306e-33);
    }

    #[test]
    fn nothing_is_beyond_infinity_and_all_beyond_nothing() {
        assert_eq!(
            (chi_squared_beyond(0.0, 3.0), chi_squared_beyond(f64::INFINITY, 3.0)),
            (1.0, 0.0)
        );
        assert!(chi_squared_beyond(f64::NAN, 3.0).is_nan());
    }

    #[test] // scipy 1.17.1, stats.f.sf and stats.norm.cdf
    fn tails_of_f_and_of_both_sides_of_the_normal() {
        for (found, expected) in [
            (f_beyond(2.5, 3.0, 100.0), 0.063_832_959_979_086_5),
            (f_beyond(1.0, 64.0, 5_000.0), 0.476_935_184_872_989_36),
            (f_beyond(40.0, 2.0, 7.0), 0.000_147_749_410_195_088_83),
            (f_beyond(0.3, 10.0, 4.0), 0.944_232_420_164_067_3),
            (f_beyond(1.9, 64.0, 150_000.0), 1.905_137_559_050_972e-5),
            (normal_below(-8.0), 6.220_960_574_271_74e-16),
            (normal_below(-1.3), 0.096_800_484_585_610_36),
            (normal_below(0.5), 0.691_462_461_274_013_1),
        ] {
            assert!((found - expected).abs() <= 1e-9 * expected, "{found:e} is not {expected:e}");
        }
        assert_eq!(
            (f_beyond(0.0, 3.0, 9.0), normal_below(0.0), normal_below(9.0)),
            (1.0, 0.5, 1.0)
        );
    }
}
