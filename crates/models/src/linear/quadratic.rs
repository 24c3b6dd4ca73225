//! Coordinate descent on a quadratic function of few numbers with costs on their size.
//!
//! Makes ½ xᵀHx − qᵀx + Σ cⱼ |xⱼ| small by one number at a time: xⱼ = S(qⱼ − Σ_{k≠j} Hⱼₖ xₖ, cⱼ)/Hⱼⱼ
//! with the soft threshold S. Method: Friedman, Hastie and Tibshirani, *Journal of Statistical
//! Software* 33 (2010), "covariance updates".

use super::cholesky::Symmetric;

/// A quadratic function and where the search stands.
#[derive(Debug)]
pub(super) struct Quadratic {
    /// H, `[n, n]`, row after row.
    rows: Vec<f64>,
    /// q − Hx.
    left: Vec<f64>,
    costs: Vec<f64>,
    x: Vec<f64>,
}

impl Quadratic {
    /// The function with H = `curvature` and q = `linear`; the search begins at 0.
    pub fn new(curvature: &Symmetric, linear: &[f64], costs: Vec<f64>) -> Self {
        let n = curvature.size();
        let rows = (0..n * n).map(|at| curvature.get(at / n, at % n)).collect();
        Self { rows, left: linear.to_vec(), costs, x: vec![0.0; n] }
    }

    /// The search begins at `x` instead.
    #[must_use]
    pub fn from(mut self, x: &[f64]) -> Self {
        (0..x.len()).for_each(|at| self.change(at, x[at]));
        self
    }

    /// The point reached so far.
    pub fn point(&self) -> &[f64] {
        &self.x
    }

    /// q − Hx there.
    pub fn left(&self) -> &[f64] {
        &self.left
    }

    /// Goes once through all numbers, or those that are not 0; gives the largest change, each in
    /// units of the root of its curvature.
    pub fn sweep(&mut self, which: Which) -> f64 {
        let mut largest = 0.0_f64;
        for at in 0..self.x.len() {
            let bend = self.rows[at * self.x.len() + at];
            if bend <= 0.0 || (which == Which::Active && self.x[at] == 0.0) {
                continue;
            }
            let next = soft_threshold(self.left[at] + bend * self.x[at], self.costs[at]) / bend;
            largest = largest.max((next - self.x[at]).abs() * bend.sqrt());
            self.change(at, next);
        }
        largest
    }

    /// Sweeps until nothing changes by more than `tolerance`, at most `max_iter` times.
    pub fn settle(&mut self, max_iter: usize, tolerance: f64) {
        for _ in 0..max_iter {
            if self.sweep(Which::All) <= tolerance {
                return;
            }
            for _ in 0..max_iter {
                if self.sweep(Which::Active) <= tolerance {
                    break;
                }
            }
        }
    }

    fn change(&mut self, at: usize, next: f64) {
        let step = next - self.x[at];
        if step == 0.0 {
            return;
        }
        self.x[at] = next;
        let n = self.x.len();
        let row = &self.rows[at * n..(at + 1) * n];
        self.left.iter_mut().zip(row).for_each(|(left, h)| *left -= step * h);
    }
}

/// Which numbers a sweep looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    /// Every one.
    All,
    /// Those that are not 0.
    Active,
}

/// `value` moved towards 0 by `cost`, and no further than 0.
pub(super) fn soft_threshold(value: f64, cost: f64) -> f64 {
    if value > cost {
        value - cost
    } else if value < -cost {
        value + cost
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test] // by hand: x − 3 + 1 = 0 and |1| ≤ 1
    fn costs_shorten_large_numbers_and_remove_small_ones() {
        let mut h = Symmetric::zeros(2);
        h.add(0, 0, 1.0);
        h.add(1, 1, 1.0);
        let mut quadratic = Quadratic::new(&h, &[3.0, 1.0], vec![1.0, 1.0]);
        quadratic.settle(10, 1e-12);
        assert_eq!(quadratic.point(), [2.0, 0.0]);
    }
}
