//! Kernels: how alike two rows are.

use gristmill_core::graph::{Graph, Value};
use gristmill_core::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::simd::{Simd, Work, wide};

/// How alike two rows x and x′ are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kernel {
    /// e^(−γ |x − x′|²).
    #[default]
    Rbf,
    /// x·x′.
    Linear,
    /// (γ x·x′ + offset)^degree.
    Polynomial,
    /// tanh(γ x·x′ + offset).
    Sigmoid,
}

/// A kernel with its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct KernelSettings {
    pub kernel: Kernel,
    pub gamma: f64,
    pub offset: f64,
    pub degree: u32,
}

/// How many rows are compared side by side.
const PANEL: usize = 32;

/// Rows laid out so that one can be compared with all: panel by panel, and in each column by
/// column. Columns are shifted, which changes no distance and keeps the digits of differences.
#[derive(Clone, Debug)]
pub(super) struct Panels {
    settings: KernelSettings,
    width: usize,
    rows: usize,
    /// `[panels, width, PANEL]`; the last panel is filled up with zeros.
    values: Vec<f64>,
    /// |x|² of each row, filled up as well.
    squares: Vec<f64>,
}

impl Panels {
    /// Rows of `width` numbers each, row after row.
    pub fn new(settings: KernelSettings, width: usize, rows: &[f64]) -> Self {
        let count = rows.len() / width.max(1);
        let panels = count.div_ceil(PANEL);
        let mut values = vec![0.0; panels * width * PANEL];
        let mut squares = vec![0.0; panels * PANEL];
        for (at, row) in rows.chunks_exact(width.max(1)).enumerate() {
            let panel = &mut values[at / PANEL * width * PANEL..];
            for (column, value) in row.iter().enumerate() {
                panel[column * PANEL + at % PANEL] = *value;
            }
            squares[at] = square(row);
        }
        Self { settings, width, rows: count, values, squares }
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// How many columns there are.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Copies the row at `at` to `out`.
    pub fn copy_row(&self, at: usize, out: &mut Vec<f64>) {
        let panel = &self.values[at / PANEL * self.width * PANEL..];
        out.clear();
        out.extend((0..self.width).map(|column| panel[column * PANEL + at % PANEL]));
    }

    /// The rows at these places, in this order.
    pub fn take(&self, places: &[u32]) -> Self {
        let mut rows = Vec::with_capacity(places.len() * self.width);
        let mut row = Vec::new();
        for &at in places {
            self.copy_row(at as usize, &mut row);
            rows.extend_from_slice(&row);
        }
        Self::new(self.settings, self.width, &rows)
    }

    /// Writes the kernel of `row` with each row from `first` on, a multiple of [`PANEL`], to `out`.
    pub fn compare_into<T: Number>(&self, row: &[f64], first: usize, out: &mut [T]) {
        wide(Compare, (self, row, first, out));
    }

    /// The kernel of the row at `at` with itself.
    pub fn diagonal(&self, at: usize) -> f64 {
        let square = [self.squares[at]; PANEL];
        self.settings.finish(square, &square, square[0])[0]
    }
}

/// What kernels are kept as.
pub(super) trait Number: Copy {
    /// The nearest such number.
    fn from_f64(value: f64) -> Self;
}

impl Number for f32 {
    #[inline(always)]
    fn from_f64(value: f64) -> Self {
        value as Self
    }
}

impl Number for f64 {
    #[inline(always)]
    fn from_f64(value: f64) -> Self {
        value
    }
}

#[inline(always)]
fn square(row: &[f64]) -> f64 {
    row.iter().fold(0.0, |sum, x| sum + x * x)
}

struct Compare;

impl<T: Number> Work<(&Panels, &[f64], usize, &mut [T])> for Compare {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(simd: S, (panels, row, first, out): (&Panels, &[f64], usize, &mut [T])) {
        let own = square(row);
        let squares = panels.squares[first..].as_chunks::<PANEL>().0;
        let values =
            panels.values[first * panels.width..].chunks_exact((panels.width * PANEL).max(1));
        for ((panel, squares), out) in values.zip(squares).zip(out.chunks_mut(PANEL)) {
            let kernels = panels.settings.finish(products(simd, panel, row), squares, own);
            out.iter_mut().zip(kernels).for_each(|(out, kernel)| *out = T::from_f64(kernel));
        }
    }
}

/// Σ xⱼ rowⱼ for each row of a panel, added in the order of the columns.
#[inline(always)]
fn products<S: Simd>(simd: S, panel: &[f64], row: &[f64]) -> [f64; PANEL] {
    /// Sums that stand in registers at once.
    const SUMS: usize = 4;
    let mut products = [0.0; PANEL];
    let (out, _) = S::as_mut_simd_f64s(&mut products);
    let (columns, _) = panel.as_chunks::<PANEL>();
    for (group, out) in out.chunks_exact_mut(SUMS).enumerate() {
        let mut sums = [simd.splat_f64s(0.0); SUMS];
        for (column, value) in columns.iter().zip(row) {
            let value = simd.splat_f64s(*value);
            let (column, _) = S::as_simd_f64s(column);
            let column = &column[group * SUMS..group * SUMS + SUMS];
            for (sum, x) in sums.iter_mut().zip(column) {
                *sum = simd.add_f64s(*sum, simd.mul_f64s(*x, value));
            }
        }
        out.copy_from_slice(&sums);
    }
    products
}

impl KernelSettings {
    /// Products and squares turned into kernels.
    #[inline(always)]
    fn finish(&self, mut products: [f64; PANEL], squares: &[f64; PANEL], own: f64) -> [f64; PANEL] {
        match self.kernel {
            Kernel::Linear => {}
            Kernel::Rbf => {
                for lane in 0..PANEL {
                    let distance = squares[lane] + own - 2.0 * products[lane];
                    products[lane] = exp(-self.gamma * distance.max(0.0));
                }
            }
            Kernel::Polynomial => {
                let power = |p: f64| (self.gamma * p + self.offset).powi(self.degree as i32);
                products.iter_mut().for_each(|p| *p = power(*p));
            }
            Kernel::Sigmoid => {
                products.iter_mut().for_each(|p| *p = (self.gamma * *p + self.offset).tanh());
            }
        }
        products
    }

    /// How alike each row of `x` is to each of `vectors`, which stand one after the other, as a
    /// graph.
    pub fn express(&self, graph: &Graph, x: Value, vectors: &[f64]) -> Value {
        let (width, count) = (x.width(), vectors.len() / x.width().max(1));
        let by_column: Vec<f64> =
            (0..width).flat_map(|at| vectors.iter().skip(at).step_by(width).copied()).collect();
        let products = graph.times(x, &by_column, count);
        let shifted = || {
            let scaled = graph.multiply(products, graph.number(self.gamma));
            graph.add(scaled, graph.number(self.offset))
        };
        match self.kernel {
            Kernel::Linear => products,
            Kernel::Rbf => {
                let squares: Vec<f64> = vectors.chunks(width.max(1)).map(square).collect();
                let own = graph.sum(graph.multiply(x, x));
                let both = graph.add(graph.row(&squares), own);
                let twice = graph.multiply(products, graph.number(2.0));
                let distances = graph.subtract(both, twice);
                let zero = graph.number(0.0);
                let distances = graph.choose(graph.less(distances, zero), zero, distances);
                graph.exp(graph.multiply(distances, graph.number(-self.gamma)))
            }
            Kernel::Polynomial => graph.power(shifted(), graph.number(f64::from(self.degree))),
            Kernel::Sigmoid => graph.tanh(shifted()),
        }
    }

    /// Refuses what a stored model must not hold.
    pub fn check_stored(&self) -> Result<()> {
        let sound = self.gamma.is_finite() && self.offset.is_finite() && self.degree <= MOST_DEGREE;
        if sound {
            Ok(())
        } else {
            Err(Error::damaged("support vectors", "their kernel is no kernel"))
        }
    }
}

/// The highest degree of a polynomial kernel.
pub(super) const MOST_DEGREE: u32 = 100;

/// eˣ for x from −∞ to 0 with a relative error below 1e-12, in steps that registers can share:
/// 2ᵏ eʳ with |r| ≤ ½ ln 2, and a polynomial for eʳ. Below −708 it is that of −708, some 1e-308.
#[inline(always)]
fn exp(x: f64) -> f64 {
    /// Adding this rounds to a whole number, which then stands in the lowest bits.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    const LN_2_HIGH: f64 = 6.931_471_803_691_238e-1;
    const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    let x = x.max(-708.0);
    let shifted = x * std::f64::consts::LOG2_E + ROUND;
    let power = shifted - ROUND;
    let r = (x - power * LN_2_HIGH) - power * LN_2_LOW;
    let scale = f64::from_bits(shifted.to_bits().wrapping_add(1023) << 52);
    let mut sum = 1.0 / 3_628_800.0;
    for factorial in [362_880.0, 40_320.0, 5040.0, 720.0, 120.0, 24.0, 6.0, 2.0, 1.0, 1.0] {
        sum = sum * r + 1.0 / factorial;
    }
    sum * scale
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_has_twelve_digits() {
        for step in 0..70_800 {
            let x = -f64::from(step) / 100.0;
            assert!((exp(x) / x.exp() - 1.0).abs() < 1e-12, "e^{x}");
        }
        assert_eq!(exp(0.0), 1.0);
        assert!(exp(f64::NEG_INFINITY) < 1e-300);
    }

    #[track_caller]
    fn check(kernel: Kernel, expected: f64) {
        let settings = KernelSettings { kernel, gamma: 0.5, offset: 1.0, degree: 2 };
        let panels = Panels::new(settings, 2, &[1.0, 2.0, 0.0, 0.0]);
        let mut found = [0.0; 2];
        panels.compare_into(&[3.0, 1.0], 0, &mut found);
        assert!((found[0] - expected).abs() < 1e-12, "{} is not {expected}", found[0]);
    }

    #[test] // by hand: x·x′ = 5, |x − x′|² = 5
    fn kernels_follow_their_formulas() {
        check(Kernel::Linear, 5.0);
        check(Kernel::Rbf, (-2.5_f64).exp());
        check(Kernel::Polynomial, 12.25);
        check(Kernel::Sigmoid, 3.5_f64.tanh());
    }
}
