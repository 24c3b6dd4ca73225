//! Linear support vectors by their dual, one row at a time.
//!
//! With K the products of rows, makes ½ βᵀKβ + ½ Σ dᵢ βᵢ² − tᵀβ + ε Σ |βᵢ| small for
//! lowᵢ ≤ βᵢ ≤ highᵢ; then w = Σ βᵢ xᵢ. Hinge losses have t = ±1 and ε = 0, ε-insensitive losses have
//! t = y. Losses that are not squared have d = 0 and a bound on β at the weight cᵢ of the row,
//! squared ones d = 1/(2 cᵢ) and no such bound. Rows are taken in random order; those that stay at a
//! border are left out until the others have settled.
//! Method: Hsieh et al., *A dual coordinate descent method for large-scale linear SVM*, ICML 2008;
//! Ho and Lin, *Journal of Machine Learning Research* 13 (2012).

use gristmill_core::Seed;

use super::objective::Until;
use super::plain_rows::{PlainRows, PlainWeights};
use super::quadratic::soft_threshold;
use crate::simd::{Simd, Work, wide};

/// What is to be made small.
#[derive(Debug)]
pub(super) struct Dual<'a> {
    /// The rows.
    pub rows: &'a PlainRows,
    /// tᵢ.
    pub goals: &'a [f64],
    /// lowᵢ, highᵢ and dᵢ.
    pub limits: &'a [Limits],
    /// ε.
    pub epsilon: f64,
    /// The square of what stands in each row for the constant: 1, or 0 without one.
    pub constant: f64,
}

/// How far the βᵢ of a row may go, and what that costs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// The least that βᵢ may be.
    pub low: f64,
    /// The most that βᵢ may be.
    pub high: f64,
    /// dᵢ.
    pub damping: f64,
}

/// Where the search ended.
#[derive(Debug)]
pub(super) struct Reached {
    /// One weight a column.
    pub weights: Vec<f64>,
    /// The constant.
    pub intercept: f64,
    /// Whether no row moves by more than the tolerance.
    pub converged: bool,
}

impl Dual<'_> {
    /// Searches from β = 0; the order of the rows is drawn from `seed`.
    pub fn minimise(&self, until: Until, seed: Seed) -> Reached {
        let mut random = seed.random();
        let mut state = State::new(self);
        let mut last = f64::INFINITY;
        for _ in 0..until.max_iter {
            random.shuffle(&mut state.active);
            let violation = wide(Sweep, (&mut state, self, last));
            if violation > until.tolerance {
                last = violation;
            } else if state.is_whole() {
                return state.reached(self, true);
            } else {
                state.wake_all(self);
                last = f64::INFINITY;
            }
        }
        state.reached(self, false)
    }
}

struct State {
    beta: Vec<f64>,
    weights: PlainWeights,
    /// The diagonal of K, and dᵢ.
    squares: Vec<f64>,
    active: Vec<u32>,
    /// Rows that can move at all.
    movable: usize,
}

impl State {
    fn new(dual: &Dual<'_>) -> Self {
        let n = dual.goals.len();
        let square = |row| dual.rows.square(row) + dual.constant + dual.limits[row].damping;
        let squares = (0..n).map(square).collect();
        let mut state = Self {
            beta: vec![0.0; n],
            weights: dual.rows.weights(),
            squares,
            active: vec![],
            movable: 0,
        };
        state.wake_all(dual);
        state.movable = state.active.len();
        state
    }

    fn wake_all(&mut self, dual: &Dual<'_>) {
        let movable = |row: &u32| {
            let Limits { low, high, .. } = dual.limits[*row as usize];
            low < high && self.squares[*row as usize] > 0.0
        };
        self.active = (0..dual.goals.len() as u32).filter(movable).collect();
    }

    fn is_whole(&self) -> bool {
        self.active.len() == self.movable
    }

    fn reached(self, dual: &Dual<'_>, converged: bool) -> Reached {
        let intercept = self.weights.constant;
        Reached { weights: dual.rows.restore(&self.weights), intercept, converged }
    }
}

/// Goes once through the active rows; gives the largest move, in units of slope. Rows that are
/// held at a border by more than `last` fall asleep.
struct Sweep;

impl Work<(&mut State, &Dual<'_>, f64)> for Sweep {
    type Output = f64;

    #[inline(always)]
    fn run<S: Simd>(_: S, (state, dual, last): (&mut State, &Dual<'_>, f64)) -> f64 {
        let (mut largest, mut at) = (0.0_f64, 0);
        while let Some(&row) = state.active.get(at) {
            let row = row as usize;
            let (before, square) = (state.beta[row], state.squares[row]);
            let Limits { low, high, damping } = dual.limits[row];
            let score = dual.rows.score(row, &state.weights);
            let slope = score + damping * before - dual.goals[row];
            let free = soft_threshold(before - slope / square, dual.epsilon / square);
            let next = free.clamp(low, high);
            if next == before {
                let held = if free == 0.0 && before == 0.0 {
                    dual.epsilon - slope.abs()
                } else {
                    (free - next).abs() * square
                };
                if held > last {
                    state.active.swap_remove(at);
                    continue;
                }
            } else {
                largest = largest.max((next - before).abs() * square);
                state.beta[row] = next;
                let step = next - before;
                dual.rows.add_to(row, step, step * dual.constant, &mut state.weights);
            }
            at += 1;
        }
        largest
    }
}
