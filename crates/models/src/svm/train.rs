//! From rows to support vectors: one problem for numbers, one a pair for classes.

use gristmill_core::{FitContext, Seed};
use rayon::prelude::*;

use super::kernel::{KernelSettings, Panels};
use super::model::pairs;
use super::platt::Sigmoid;
use super::rows::DistinctRows;
use super::smo::{Limits, Problem, Solution, solve};

/// How many parts the rows of a pair are cut into to learn its curve from margins of rows that
/// were held out.
const FOLDS: usize = 5;

/// What every problem shares.
#[derive(Debug)]
pub(super) struct Training<'a> {
    pub rows: &'a DistinctRows,
    pub kernel: KernelSettings,
    pub limits: Limits,
    pub c: f64,
}

/// What one problem gave.
#[derive(Debug)]
pub(super) struct Learned {
    /// The rows that took part.
    places: Vec<u32>,
    solution: Solution,
    sigmoid: Option<Sigmoid>,
}

/// Coefficients by class, as a model keeps them.
#[derive(Debug)]
pub(super) struct Vectors {
    /// The rows that are support vectors, class after class.
    pub places: Vec<u32>,
    pub counts: Vec<usize>,
    pub coefficients: Vec<f64>,
    pub intercepts: Vec<f64>,
    pub sigmoids: Vec<Sigmoid>,
}

impl Training<'_> {
    /// The one problem of numbers.
    pub fn numbers(&self, epsilon: f64, context: &FitContext<'_>) -> Vectors {
        let bounds = self.rows.weights.iter().map(|w| (-self.c * w, self.c * w)).collect();
        let panels = Panels::new(self.kernel, self.rows.width, &self.rows.values);
        let goals = self.rows.answers.clone();
        let solution = solve(&Problem { panels, goals, bounds, epsilon }, self.limits);
        self.note([&solution], context);
        let places: Vec<u32> =
            (0..self.rows.len() as u32).filter(|&at| solution.beta[at as usize] != 0.0).collect();
        Vectors {
            counts: vec![places.len()],
            coefficients: places.iter().map(|&at| solution.beta[at as usize]).collect(),
            intercepts: vec![solution.intercept],
            sigmoids: Vec::new(),
            places,
        }
    }

    /// A problem for each pair of `classes`; with `curves` also the curve of each pair, whose
    /// folds are drawn from the seed.
    pub fn classes(&self, classes: usize, curves: Curves, context: &FitContext<'_>) -> Vectors {
        let all: Vec<(usize, usize)> = pairs(classes).collect();
        let learned: Vec<Learned> = all
            .par_iter()
            .enumerate()
            .map(|(at, &(first, second))| {
                let places = self.places_of(first, second);
                let seed = context.seed.named("folds").numbered(at as u64);
                let sigmoid = match curves {
                    Curves::Learned => Some(self.sigmoid(&places, second, seed)),
                    Curves::None => None,
                };
                let solution = self.solve_pair(&places, second);
                Learned { places, solution, sigmoid }
            })
            .collect();
        self.note(learned.iter().map(|l| &l.solution), context);
        self.gather(classes, &all, learned)
    }

    fn places_of(&self, first: usize, second: usize) -> Vec<u32> {
        let of_pair = |at: &u32| {
            let class = self.rows.answers[*at as usize] as usize;
            class == first || class == second
        };
        (0..self.rows.len() as u32).filter(of_pair).collect()
    }

    fn is_of(&self, at: u32, class: usize) -> bool {
        self.rows.answers[at as usize] as usize == class
    }

    fn solve_pair(&self, places: &[u32], second: usize) -> Solution {
        let bound = |at: &u32| {
            let most = self.c * self.rows.weights[*at as usize];
            if self.is_of(*at, second) { (0.0, most) } else { (-most, 0.0) }
        };
        let goal = |at: &u32| if self.is_of(*at, second) { 1.0 } else { -1.0 };
        let problem = Problem {
            panels: Panels::new(self.kernel, self.rows.width, &self.rows.values_at(places)),
            goals: places.iter().map(goal).collect(),
            bounds: places.iter().map(bound).collect(),
            epsilon: 0.0,
        };
        solve(&problem, self.limits)
    }

    /// The curve from margins to probabilities, from margins of rows that were held out.
    fn sigmoid(&self, places: &[u32], second: usize, seed: Seed) -> Sigmoid {
        let mut order: Vec<u32> = places.to_vec();
        seed.random().shuffle(&mut order);
        let held_out: Vec<Vec<f64>> = (0..FOLDS)
            .into_par_iter()
            .map(|fold| {
                let (from, to) = (fold * order.len() / FOLDS, (fold + 1) * order.len() / FOLDS);
                let train: Vec<u32> = [&order[..from], &order[to..]].concat();
                self.margins(&train, &order[from..to], second)
            })
            .collect();
        let sides: Vec<bool> = order.iter().map(|&at| self.is_of(at, second)).collect();
        let weights: Vec<f64> = order.iter().map(|&at| self.rows.weights[at as usize]).collect();
        Sigmoid::learn(&held_out.concat(), &sides, &weights)
    }

    /// The margins that rows of `train` give those of `test`.
    fn margins(&self, train: &[u32], test: &[u32], second: usize) -> Vec<f64> {
        let ones = train.iter().filter(|at| self.is_of(**at, second)).count();
        if ones == 0 || ones == train.len() {
            let side = if train.is_empty() {
                0.0
            } else if ones == 0 {
                -1.0
            } else {
                1.0
            };
            return vec![side; test.len()];
        }
        let solution = self.solve_pair(train, second);
        let panels = Panels::new(self.kernel, self.rows.width, &self.rows.values_at(train));
        let mut kernels = vec![0.0; train.len()];
        let margin = |&at: &u32| {
            panels.compare_into(self.rows.row(at as usize), 0, &mut kernels);
            let terms = kernels.iter().zip(&solution.beta);
            solution.intercept + terms.map(|(k, beta)| k * beta).sum::<f64>()
        };
        test.iter().map(margin).collect()
    }

    /// The coefficients of all pairs, each vector with one against every other class.
    fn gather(&self, classes: usize, all: &[(usize, usize)], learned: Vec<Learned>) -> Vectors {
        let mut used = vec![false; self.rows.len()];
        for Learned { places, solution, .. } in &learned {
            let moved = places.iter().zip(&solution.beta).filter(|(_, beta)| **beta != 0.0);
            moved.for_each(|(at, _)| used[*at as usize] = true);
        }
        let mut places: Vec<u32> = (0..used.len() as u32).filter(|at| used[*at as usize]).collect();
        places.sort_by_key(|at| (self.rows.answers[*at as usize] as usize, *at));
        let count = |class| places.iter().filter(|at| self.is_of(**at, class)).count();
        let mut vector_of = vec![0; used.len()];
        places.iter().enumerate().for_each(|(vector, at)| vector_of[*at as usize] = vector);
        let mut coefficients = vec![0.0; (classes - 1) * places.len()];
        for (&(first, second), Learned { places: rows, solution, .. }) in all.iter().zip(&learned) {
            let moved = rows.iter().zip(&solution.beta).filter(|(_, beta)| **beta != 0.0);
            for (&at, beta) in moved {
                let against = if self.is_of(at, second) { first } else { second - 1 };
                coefficients[against * places.len() + vector_of[at as usize]] = *beta;
            }
        }
        Vectors {
            counts: (0..classes).map(count).collect(),
            intercepts: learned.iter().map(|l| l.solution.intercept).collect(),
            sigmoids: learned.iter().filter_map(|l| l.sigmoid).collect(),
            coefficients,
            places,
        }
    }

    fn note<'s>(
        &self,
        solutions: impl IntoIterator<Item = &'s Solution>,
        context: &FitContext<'_>,
    ) {
        if solutions.into_iter().any(|solution| !solution.converged) {
            context.notes.add(format!(
                "`svm` stopped after {} steps before it converged: standardise the columns, lower \
                 `c` or raise `max_iter`",
                self.limits.max_iter
            ));
        }
    }
}

/// Whether margins become probabilities by curves that are learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Curves {
    Learned,
    None,
}
