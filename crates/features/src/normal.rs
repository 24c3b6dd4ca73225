//! Quantiles of the standard normal distribution.
//! Method: Wichura, *Algorithm AS 241: The Percentage Points of the Normal Distribution*, 1988,
//! PPND16, with a relative error of about 1e-16.

use gristmill_core::graph::{Graph, Value};

/// The number below which this `share` of a standard normal distribution lies; ±∞ at 0 and 1.
pub(crate) fn quantile(share: f64) -> f64 {
    let off = share - 0.5;
    if off.abs() <= 0.425 {
        let r = 0.180_625 - off * off;
        return off * ratio(r, &CENTRE);
    }
    let tail = if off < 0.0 { share } else { 1.0 - share };
    if tail <= 0.0 {
        return f64::INFINITY.copysign(off);
    }
    let r = (-tail.ln()).sqrt();
    let size = if r <= 5.0 { ratio(r - 1.6, &TAIL) } else { ratio(r - 5.0, &FAR_TAIL) };
    size.copysign(off)
}

/// [`quantile`] of shares that are at least `least` from 0 and 1, as a graph.
pub(crate) fn express(graph: &Graph, share: Value, least: f64) -> Value {
    let (half, one) = (graph.number(0.5), graph.number(1.0));
    let share = graph.clamp(share, graph.number(least), graph.number(1.0 - least));
    let off = graph.subtract(share, half);
    let r = graph.subtract(graph.number(0.180_625), graph.multiply(off, off));
    let centre = graph.multiply(off, express_ratio(graph, r, &CENTRE));
    let below = graph.less(off, graph.number(0.0));
    let tail = graph.choose(below, share, graph.subtract(one, share));
    let r = graph.root(graph.negate(graph.ln(tail)));
    let near = express_ratio(graph, graph.subtract(r, graph.number(1.6)), &TAIL);
    let far = express_ratio(graph, graph.subtract(r, graph.number(5.0)), &FAR_TAIL);
    let size = graph.choose(graph.at_most(r, graph.number(5.0)), near, far);
    let beyond = graph.choose(below, graph.negate(size), size);
    let inside = graph.at_most(graph.absolute(off), graph.number(0.425));
    graph.choose(inside, centre, beyond)
}

fn express_ratio(graph: &Graph, r: Value, ratio: &Ratio) -> Value {
    let sum = |c: &[f64; 8]| {
        let start = graph.number(0.0);
        c.iter().rev().fold(start, |sum, c| graph.add(graph.multiply(sum, r), graph.number(*c)))
    };
    graph.divide(sum(&ratio.over), sum(&ratio.under))
}

/// A ratio of two polynomials of degree 7, by rising powers.
struct Ratio {
    over: [f64; 8],
    under: [f64; 8],
}

fn ratio(r: f64, ratio: &Ratio) -> f64 {
    let sum = |c: &[f64; 8]| c.iter().rev().fold(0.0, |sum, c| sum * r + c);
    sum(&ratio.over) / sum(&ratio.under)
}

const CENTRE: Ratio = Ratio {
    over: [
        3.387_132_872_796_366_5,
        133.141_667_891_784_38,
        1_971.590_950_306_551_3,
        13_731.693_765_509_46,
        45_921.953_931_549_87,
        67_265.770_927_008_7,
        33_430.575_583_588_13,
        2_509.080_928_730_122_7,
    ],
    under: [
        1.0,
        42.313_330_701_600_91,
        687.187_007_492_057_9,
        5_394.196_021_424_751,
        21_213.794_301_586_597,
        39_307.895_800_092_71,
        28_729.085_735_721_943,
        5_226.495_278_852_854,
    ],
};

const TAIL: Ratio = Ratio {
    over: [
        1.423_437_110_749_683_5,
        4.630_337_846_156_546,
        5.769_497_221_460_691,
        3.647_848_324_763_204_5,
        1.270_458_252_452_368_4,
        0.241_780_725_177_450_6,
        0.022_723_844_989_269_184,
        7.745_450_142_783_414e-4,
    ],
    under: [
        1.0,
        2.053_191_626_637_759,
        1.676_384_830_183_803_8,
        0.689_767_334_985_1,
        0.148_103_976_427_480_08,
        0.015_198_666_563_616_457,
        5.475_938_084_995_345e-4,
        1.050_750_071_644_416_9e-9,
    ],
};

const FAR_TAIL: Ratio = Ratio {
    over: [
        6.657_904_643_501_103,
        5.463_784_911_164_114,
        1.784_826_539_917_291_3,
        0.296_560_571_828_504_87,
        0.026_532_189_526_576_124,
        0.001_242_660_947_388_078_4,
        2.711_555_568_743_487_6e-5,
        2.010_334_399_292_288_1e-7,
    ],
    under: [
        1.0,
        0.599_832_206_555_888,
        0.136_929_880_922_735_8,
        0.014_875_361_290_850_615,
        7.868_691_311_456_133e-4,
        1.846_318_317_510_054_8e-5,
        1.421_511_758_316_446e-7,
        2.044_263_103_389_939_8e-15,
    ],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(share: f64, expected: f64) {
        let found = quantile(share);
        assert!((found - expected).abs() <= 2e-15 * expected.abs(), "{found} is not {expected}");
    }

    #[test] // scipy 1.17.1, norm.ppf
    fn shares_have_the_quantiles_of_scipy() {
        check(0.5, 0.0);
        check(0.75, 0.674_489_750_196_081_7);
        check(0.95, 1.644_853_626_951_472_2);
        check(0.001, -3.090_232_306_167_813);
        check(1e-7, -5.199_337_582_192_816_5);
        check(1e-20, -9.262_340_089_798_409);
        check(1e-300, -37.047_096_299_361_2);
    }

    #[test]
    fn nothing_and_all_are_at_infinity() {
        assert_eq!((quantile(0.0), quantile(1.0)), (f64::NEG_INFINITY, f64::INFINITY));
    }
}
