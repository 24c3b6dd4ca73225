//! The few probability distributions that tests and intervals need.
//! Formulas: Abramowitz and Stegun, *Handbook of Mathematical Functions*, 1964, by their number;
//! the series of ln Γ is that of Stirling (6.1.40) after lifting the argument.

use std::f64::consts::{PI, SQRT_2};

/// ln Γ(x) for x > 0.
pub(crate) fn ln_gamma(x: f64) -> f64 {
    /// From here on the series below is exact to the last bits.
    const LARGE: f64 = 15.0;
    let (mut x, mut product) = (x, 1.0);
    while x < LARGE {
        product *= x;
        x += 1.0;
    }
    let inverse = 1.0 / x;
    let square = inverse * inverse;
    let terms = [1.0 / 12.0, -1.0 / 360.0, 1.0 / 1260.0, -1.0 / 1680.0, 1.0 / 1188.0];
    let series = terms.iter().rev().fold(0.0, |sum, term| sum * square + term) * inverse;
    (x - 0.5) * x.ln() - x + 0.5 * (2.0 * PI).ln() + series - product.ln()
}

/// P(X ≤ x) of the standard normal distribution.
pub(crate) fn normal_below(x: f64) -> f64 {
    0.5 * erfc(-x / SQRT_2)
}

/// P(|X| ≥ |x|) of the standard normal distribution.
pub(crate) fn normal_beyond(x: f64) -> f64 {
    erfc(x.abs() / SQRT_2)
}

/// The x with P(X ≤ x) = `share` of the standard normal distribution, by Newton's method from a
/// rational start (26.2.23); infinite at 0 and 1.
pub(crate) fn normal_quantile(share: f64) -> f64 {
    if share <= 0.0 || share >= 1.0 {
        return if share <= 0.0 { f64::NEG_INFINITY } else { f64::INFINITY };
    }
    if share > 0.5 {
        return -normal_quantile(1.0 - share);
    }
    let t = (-2.0 * share.ln()).sqrt();
    let above = 2.515_517 + t * (0.802_853 + t * 0.010_328);
    let below = 1.0 + t * (1.432_788 + t * (0.189_269 + t * 0.001_308));
    let mut x = above / below - t;
    for _ in 0..4 {
        let density = (-0.5 * x * x).exp() / (2.0 * PI).sqrt();
        let step = (normal_below(x) - share) / density;
        // Halley's correction for the curvature.
        x -= step / (1.0 + 0.5 * x * step);
    }
    x
}

/// P(|T| ≥ |t|) of Student's distribution (26.7.1, 26.5.27).
pub(crate) fn student_beyond(t: f64, freedom: f64) -> f64 {
    incomplete_beta(freedom / (freedom + t * t), 0.5 * freedom, 0.5)
}

/// P(X ≤ `found`) of `trials` throws of a fair coin (26.5.24).
pub(crate) fn fair_coin_below(found: u64, trials: u64) -> f64 {
    if found >= trials {
        return 1.0;
    }
    incomplete_beta(0.5, (trials - found) as f64, found as f64 + 1.0)
}

/// The complement of the error function: a series near 0 (7.1.6), a continued fraction beyond
/// (7.1.14).
fn erfc(x: f64) -> f64 {
    if x < 0.0 {
        return 2.0 - erfc(-x);
    }
    let scale = (-x * x).exp() / PI.sqrt();
    if x < 2.5 {
        let (mut term, mut sum, mut n) = (x, x, 0.0);
        while term > sum * 1e-17 {
            n += 1.0;
            term *= 2.0 * x * x / (2.0 * n + 1.0);
            sum += term;
        }
        return 1.0 - 2.0 * scale * sum;
    }
    let mut fraction = x;
    for n in (1..=60).rev() {
        fraction = x + 0.5 * f64::from(n) / fraction;
    }
    scale / fraction
}

/// The regularised incomplete beta function Iₓ(a, b) by its continued fraction (26.5.8), evaluated
/// from the front as by Lentz, *Applied Optics* 15 (1976).
fn incomplete_beta(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return if x <= 0.0 { 0.0 } else { 1.0 };
    }
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - incomplete_beta(1.0 - x, b, a);
    }
    let front = ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (-x).ln_1p();
    front.exp() / (a * beta_fraction(x, a, b))
}

/// The continued fraction 1 + d₁/(1 + d₂/(1 + ...)) of [`incomplete_beta`].
fn beta_fraction(x: f64, a: f64, b: f64) -> f64 {
    const MOST: u32 = 100_000;
    let away_from_zero = |v: f64| if v.abs() < 1e-300 { 1e-300 } else { v };
    let (mut value, mut c, mut d) = (1.0, 1.0, 0.0);
    for step in 1..=MOST {
        let m = f64::from(step / 2);
        let term = if step % 2 == 0 {
            m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m))
        } else {
            -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0))
        };
        d = 1.0 / away_from_zero(1.0 + term * d);
        c = away_from_zero(1.0 + term / c);
        value *= c * d;
        if (c * d - 1.0).abs() < 1e-15 {
            break;
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn close(found: f64, expected: f64) {
        let error = (found - expected).abs();
        assert!(error <= 1e-12 * expected.abs().max(1e-3), "{found} is not {expected}");
    }

    #[test] // scipy 1.17.1: special.gammaln
    fn logarithms_of_gamma_agree_with_scipy() {
        assert!(ln_gamma(1.0).abs() < 1e-14);
        close(ln_gamma(0.5), 0.5723649429247);
        close(ln_gamma(10.5), 13.940625219403763);
        close(ln_gamma(1001.0), 5912.128178488164);
        close(ln_gamma(1e7), 151180949.36947393);
    }

    #[test] // scipy 1.17.1: stats.norm
    fn the_normal_distribution_agrees_with_scipy() {
        close(normal_below(-1.96), 0.024997895148220435);
        close(normal_below(0.3), 0.6179114221889526);
        close(normal_beyond(5.0), 5.733031437583866e-07);
        close(normal_quantile(0.975), 1.959963984540054);
        close(normal_quantile(1e-6), -4.753424308822899);
        close(normal_quantile(0.5), 0.0);
        assert_eq!(normal_quantile(1.0), f64::INFINITY);
    }

    #[test] // scipy 1.17.1: 2 * stats.t.sf, stats.binom.cdf
    fn student_and_coins_agree_with_scipy() {
        close(student_beyond(2.5, 9.0), 0.033861827682985735);
        close(student_beyond(-0.1, 4.0), 0.9251558409394532);
        close(student_beyond(0.0, 3.0), 1.0);
        close(fair_coin_below(3, 12), 0.072998046875);
        close(fair_coin_below(480, 1000), 0.10872414660207075);
        close(fair_coin_below(5, 5), 1.0);
    }
}
