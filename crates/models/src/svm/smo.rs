//! Sequential minimal optimisation: support vectors, two rows at a time.
//!
//! With the kernel matrix K, makes ½ βᵀKβ − tᵀβ + ε Σ |βᵢ| small for lowᵢ ≤ βᵢ ≤ highᵢ and Σ βᵢ = 0.
//! Classes have t = ±1 and ε = 0, numbers t = y. The pair is chosen by second order information:
//! Fan, Chen and Lin, *Journal of Machine Learning Research* 6 (2005). Rows that stay at a border
//! are taken out, and all looked at again at the end: Chang and Lin, *LIBSVM*, *ACM Transactions on
//! Intelligent Systems and Technology* 2 (2011), section 4.

use std::sync::Arc;

use rayon::prelude::*;

use super::cache::Cache;
use super::kernel::Panels;
use crate::simd::{Simd, Work, wide};

/// What a pair costs at least per unit of movement, where the kernel says nothing or is indefinite.
const LEAST_BEND: f64 = 1e-12;
/// Steps between looks for rows to take out.
const SHRINK_EVERY: usize = 1000;
/// Numbers that are compared for a row before several threads share it.
const PARALLEL_NUMBERS: usize = 1 << 20;
/// Rows of a kernel row that one thread computes.
const PART_ROWS: usize = 2048;

/// What is to be made small.
#[derive(Debug)]
pub(super) struct Problem {
    /// The rows.
    pub panels: Panels,
    /// tᵢ.
    pub goals: Vec<f64>,
    /// lowᵢ and highᵢ, with 0 between them or at one of them.
    pub bounds: Vec<(f64, f64)>,
    /// ε.
    pub epsilon: f64,
}

/// When the search ends, and how much memory it may take for kernels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub max_iter: usize,
    /// How far the optimality conditions may be violated.
    pub tolerance: f64,
    pub cache_bytes: usize,
}

/// Where the search ended.
#[derive(Debug)]
pub(super) struct Solution {
    /// βᵢ.
    pub beta: Vec<f64>,
    /// The constant b of Σ βᵢ K(xᵢ, x) + b.
    pub intercept: f64,
    /// Whether the conditions hold.
    pub converged: bool,
}

/// Solves `problem` from β = 0.
pub(super) fn solve(problem: &Problem, limits: Limits) -> Solution {
    // Inside the pool from the start: entering it for every row would cost more than the row.
    rayon::scope(|_| search(problem, limits))
}

fn search(problem: &Problem, limits: Limits) -> Solution {
    let mut search = Search::new(problem, limits);
    let mut narrowed_late = false;
    for step in 1..=limits.max_iter {
        if step % SHRINK_EVERY == 0 {
            search.shrink();
        }
        let (most, least) = search.extremes();
        let gap = most - least;
        if gap <= 10.0 * limits.tolerance && !narrowed_late && search.is_narrow() {
            narrowed_late = true;
            search.widen();
            continue;
        }
        if gap <= limits.tolerance {
            if !search.is_narrow() {
                return search.solution(true);
            }
            search.widen();
            continue;
        }
        if !search.step(most) {
            return search.solution(false);
        }
    }
    if search.is_narrow() {
        search.widen();
    }
    search.solution(false)
}

/// The rows that are looked at, and where they stand.
struct Search<'a> {
    problem: &'a Problem,
    limits: Limits,
    /// β of all rows.
    beta: Vec<f64>,
    /// The rows that are looked at.
    active: Vec<u32>,
    panels: Panels,
    diagonal: Vec<f64>,
    cache: Cache,
    /// Σ βⱼ K(xⱼ, xᵢ).
    scores: Vec<f64>,
    /// What tᵢ − ε sign must lie above the score for βᵢ to rise; −∞ where it cannot.
    up: Vec<f64>,
    /// The same for falling; ∞ where it cannot.
    down: Vec<f64>,
}

impl<'a> Search<'a> {
    fn new(problem: &'a Problem, limits: Limits) -> Self {
        let n = problem.goals.len();
        let mut search = Self {
            problem,
            limits,
            beta: vec![0.0; n],
            active: (0..n as u32).collect(),
            panels: problem.panels.clone(),
            diagonal: (0..n).map(|at| problem.panels.diagonal(at)).collect(),
            cache: Cache::new(n, limits.cache_bytes),
            scores: vec![0.0; n],
            up: vec![0.0; n],
            down: vec![0.0; n],
        };
        (0..n).for_each(|at| search.update_borders(at));
        search
    }

    fn is_narrow(&self) -> bool {
        self.active.len() < self.beta.len()
    }

    /// Where β of an active row may go next, downwards and upwards: to a border, or to 0 where
    /// the cost ε |β| has its kink.
    fn reach(&self, at: usize) -> (f64, f64) {
        let row = self.active[at] as usize;
        let ((low, high), beta) = (self.problem.bounds[row], self.beta[row]);
        let kink = self.problem.epsilon > 0.0;
        (if kink && beta > 0.0 { 0.0 } else { low }, if kink && beta < 0.0 { 0.0 } else { high })
    }

    fn update_borders(&mut self, at: usize) {
        let row = self.active[at] as usize;
        let ((low, high), beta) = (self.problem.bounds[row], self.beta[row]);
        let (goal, epsilon) = (self.problem.goals[row], self.problem.epsilon);
        let rising = if beta >= 0.0 { goal - epsilon } else { goal + epsilon };
        let falling = if beta > 0.0 { goal - epsilon } else { goal + epsilon };
        self.up[at] = if beta < high { rising } else { f64::NEG_INFINITY };
        self.down[at] = if beta > low { falling } else { f64::INFINITY };
    }

    /// The largest wish to rise and the smallest wish to fall; optimal when they do not cross.
    fn extremes(&self) -> (f64, f64) {
        wide(Extremes, (&self.scores, &self.up, &self.down))
    }

    /// Moves the pair that promises most; false when none can move.
    fn step(&mut self, most: f64) -> bool {
        let rises = self.up.iter().zip(&self.scores).position(|(up, score)| up - score == most);
        let Some(rising) = rises else { return false };
        let row = self.row(rising);
        let Some(falling) = self.best_partner(rising, most, &row) else { return false };
        let other = self.row(falling);
        let bend = self.diagonal[rising] + self.diagonal[falling] - 2.0 * f64::from(row[falling]);
        let wish = most - (self.down[falling] - self.scores[falling]);
        let (from, to) = (self.active[rising] as usize, self.active[falling] as usize);
        let (top, bottom) = (self.reach(rising).1, self.reach(falling).0);
        let room = (top - self.beta[from]).min(self.beta[to] - bottom);
        let length = (wish / bend.max(LEAST_BEND)).min(room);
        // A border is reached exactly, whatever the rounding.
        let risen = self.beta[from] + length;
        self.beta[from] = if length >= top - self.beta[from] { top } else { risen };
        let fallen = self.beta[to] - length;
        self.beta[to] = if length >= self.beta[to] - bottom { bottom } else { fallen };
        wide(AddDifference, (&mut self.scores, length, &row, &other));
        self.update_borders(rising);
        self.update_borders(falling);
        length > 0.0
    }

    /// The row whose fall, with the rise of `rising`, gains most.
    fn best_partner(&self, rising: usize, most: f64, row: &[f32]) -> Option<usize> {
        let own = self.diagonal[rising];
        wide(BestPartner, Candidates { search: self, most, own, row })
    }

    /// The kernel of an active row with all active rows.
    fn row(&mut self, at: usize) -> Arc<[f32]> {
        let panels = &self.panels;
        self.cache.get(at, || {
            let mut own = Vec::new();
            panels.copy_row(at, &mut own);
            panels.compare_all(&own, PART_ROWS).into()
        })
    }

    /// Takes out rows that are at a border and would go further if they could, when they are many.
    fn shrink(&mut self) {
        let (most, least) = self.extremes();
        let stays = |at: &u32| {
            let at = *at as usize;
            let (rise, fall) = (self.up[at] - self.scores[at], self.down[at] - self.scores[at]);
            rise >= least || fall <= most
        };
        let kept: Vec<u32> = (0..self.active.len() as u32).filter(stays).collect();
        if kept.len() * 8 > self.active.len() * 7 || kept.len() < 2 {
            return;
        }
        let at = |values: &[f64]| kept.iter().map(|&k| values[k as usize]).collect::<Vec<f64>>();
        self.diagonal = at(&self.diagonal);
        self.scores = at(&self.scores);
        self.up = at(&self.up);
        self.down = at(&self.down);
        self.active = kept.iter().map(|&k| self.active[k as usize]).collect();
        self.panels = self.panels.take(&kept);
        let cache = std::mem::replace(&mut self.cache, Cache::new(0, 0));
        self.cache = cache.narrowed(&kept, self.limits.cache_bytes);
    }

    /// Looks at all rows again, and adds up their scores anew.
    fn widen(&mut self) {
        let n = self.beta.len();
        let beta = std::mem::take(&mut self.beta);
        *self = Self::new(self.problem, self.limits);
        self.beta = beta;
        for at in (0..n).filter(|&at| self.beta[at] != 0.0).collect::<Vec<_>>() {
            let (row, factor) = (self.row(at), self.beta[at]);
            wide(AddRow, (&mut self.scores, factor, &row));
        }
        (0..n).for_each(|at| self.update_borders(at));
    }

    /// β and the constant: what rows between the borders agree on, else half way between what
    /// the others ask for.
    fn solution(self, converged: bool) -> Solution {
        let is_free = |at: &usize| self.up[*at] == self.down[*at];
        let free: Vec<f64> = (0..self.active.len())
            .filter(is_free)
            .map(|at| self.up[at] - self.scores[at])
            .collect();
        let intercept = if free.is_empty() {
            let (most, least) = self.extremes();
            let ends = [most, least].into_iter().filter(|end| end.is_finite());
            let (sum, count) = ends.fold((0.0, 0.0), |(sum, count), end| (sum + end, count + 1.0));
            sum / f64::max(count, 1.0)
        } else {
            free.iter().sum::<f64>() / free.len() as f64
        };
        Solution { beta: self.beta, intercept, converged }
    }
}

const LANES: usize = 8;

/// The largest up − score and the smallest down − score.
struct Extremes;

impl Work<(&[f64], &[f64], &[f64])> for Extremes {
    type Output = (f64, f64);

    #[inline(always)]
    fn run<S: Simd>(_: S, (scores, up, down): (&[f64], &[f64], &[f64])) -> (f64, f64) {
        let (mut most, mut least) = ([f64::NEG_INFINITY; LANES], [f64::INFINITY; LANES]);
        let (scores, scores_tail) = scores.as_chunks::<LANES>();
        let (up, up_tail) = up.as_chunks::<LANES>();
        let (down, down_tail) = down.as_chunks::<LANES>();
        for ((scores, up), down) in scores.iter().zip(up).zip(down) {
            for lane in 0..LANES {
                let (rise, fall) = (up[lane] - scores[lane], down[lane] - scores[lane]);
                most[lane] = if rise > most[lane] { rise } else { most[lane] };
                least[lane] = if fall < least[lane] { fall } else { least[lane] };
            }
        }
        let mut most = most.into_iter().fold(f64::NEG_INFINITY, f64::max);
        let mut least = least.into_iter().fold(f64::INFINITY, f64::min);
        for ((score, up), down) in scores_tail.iter().zip(up_tail).zip(down_tail) {
            most = most.max(up - score);
            least = least.min(down - score);
        }
        (most, least)
    }
}

struct AddDifference;

impl Work<(&mut [f64], f64, &[f32], &[f32])> for AddDifference {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(_: S, (scores, length, a, b): (&mut [f64], f64, &[f32], &[f32])) {
        for (score, (a, b)) in scores.iter_mut().zip(a.iter().zip(b)) {
            *score += length * (f64::from(*a) - f64::from(*b));
        }
    }
}

struct AddRow;

impl Work<(&mut [f64], f64, &[f32])> for AddRow {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(_: S, (scores, factor, row): (&mut [f64], f64, &[f32])) {
        scores.iter_mut().zip(row).for_each(|(score, k)| *score += factor * f64::from(*k));
    }
}

/// The rows that could fall while one rises.
struct Candidates<'a> {
    search: &'a Search<'a>,
    /// How much the rising row wishes to rise.
    most: f64,
    /// Its kernel with itself, and with the active rows.
    own: f64,
    row: &'a [f32],
}

impl Candidates<'_> {
    /// What the pair gains: the square of the wish over the curvature.
    #[inline(always)]
    fn gain(&self, down: f64, score: f64, diagonal: f64, kernel: f32) -> f64 {
        let wish = self.most - (down - score);
        let wish = if wish > 0.0 { wish } else { 0.0 };
        let bend = self.own + diagonal - 2.0 * f64::from(kernel);
        wish * wish / if bend > LEAST_BEND { bend } else { LEAST_BEND }
    }
}

/// The first of the rows whose fall gains most, if any gains.
struct BestPartner;

impl Work<Candidates<'_>> for BestPartner {
    type Output = Option<usize>;

    #[inline(always)]
    fn run<S: Simd>(_: S, candidates: Candidates<'_>) -> Option<usize> {
        let search = candidates.search;
        let (mut best, mut places) = ([0.0_f64; LANES], [0.0_f64; LANES]);
        let (down, down_tail) = search.down.as_chunks::<LANES>();
        let (scores, scores_tail) = search.scores.as_chunks::<LANES>();
        let (diagonal, diagonal_tail) = search.diagonal.as_chunks::<LANES>();
        let (row, row_tail) = candidates.row.as_chunks::<LANES>();
        let mut place = 0.0;
        for (((down, scores), diagonal), row) in down.iter().zip(scores).zip(diagonal).zip(row) {
            for lane in 0..LANES {
                let gain = candidates.gain(down[lane], scores[lane], diagonal[lane], row[lane]);
                places[lane] = if gain > best[lane] { place } else { places[lane] };
                best[lane] = if gain > best[lane] { gain } else { best[lane] };
            }
            place += LANES as f64;
        }
        let (mut most, mut at) = (0.0, 0);
        for lane in 0..LANES {
            let here = places[lane] as usize + lane;
            if best[lane] > most || (best[lane] == most && here < at) {
                (most, at) = (best[lane], here);
            }
        }
        let tail = down_tail.iter().zip(scores_tail).zip(diagonal_tail).zip(row_tail);
        for (after, (((down, score), diagonal), kernel)) in tail.enumerate() {
            let gain = candidates.gain(*down, *score, *diagonal, *kernel);
            if gain > most {
                (most, at) = (gain, place as usize + after);
            }
        }
        (most > 0.0).then_some(at)
    }
}

impl Panels {
    /// The kernel of `row` with each row in single precision; parts of `part` rows in parallel.
    fn compare_all(&self, row: &[f64], part: usize) -> Vec<f32> {
        let mut all = vec![0.0; self.rows()];
        // Handing over parts of a short row takes longer than computing it.
        if self.rows() * self.width() < PARALLEL_NUMBERS {
            self.compare_into(row, 0, &mut all);
        } else {
            all.par_chunks_mut(part)
                .enumerate()
                .for_each(|(at, out)| self.compare_into(row, at * part, out));
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::super::kernel::{Kernel, KernelSettings};
    use super::*;

    fn problem(rows: &[f64], goals: &[f64], bounds: &[(f64, f64)], epsilon: f64) -> Problem {
        let settings =
            KernelSettings { kernel: Kernel::Linear, gamma: 1.0, offset: 0.0, degree: 1 };
        let panels = Panels::new(settings, 1, rows);
        Problem { panels, goals: goals.to_vec(), bounds: bounds.to_vec(), epsilon }
    }

    const LIMITS: Limits = Limits { max_iter: 1000, tolerance: 1e-9, cache_bytes: 1 << 20 };

    #[test] // by hand: the margin between -1 and 1 is w = 1, b = 0, β = ±1/2
    fn two_points_get_the_widest_margin() {
        let bounds = [(-10.0, 0.0), (0.0, 10.0)];
        let solution = solve(&problem(&[-1.0, 1.0], &[-1.0, 1.0], &bounds, 0.0), LIMITS);
        assert!(solution.converged);
        assert!((solution.beta[1] - 0.5).abs() < 1e-9 && solution.intercept.abs() < 1e-9);
    }

    #[test] // by hand: 0 -> 0, 2 -> 4 within 1/2: the flattest line has w = 3/2, b = 1/2
    fn a_line_is_as_flat_as_the_tube_allows() {
        let bounds = [(-10.0, 10.0), (-10.0, 10.0)];
        let solution = solve(&problem(&[0.0, 2.0], &[0.0, 4.0], &bounds, 0.5), LIMITS);
        assert!((solution.beta[1] * 2.0 - 1.5).abs() < 1e-9, "{solution:?}");
        assert!((solution.intercept - 0.5).abs() < 1e-9, "{solution:?}");
    }
}
