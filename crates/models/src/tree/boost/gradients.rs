//! Derivatives of the loss by the scores of all rows, as pairs of integers.

use rayon::prelude::*;

use super::loss::{Known, Objective, softmax};
use super::sums::{NOTHING, Pair, Scale};

/// How many rows a thread takes at a time.
const BLOCK: usize = 1 << 13;

/// The derivatives by one of the scores of each row, in memory that is used again each round.
pub(crate) struct Gradients {
    exact: Vec<[f64; 2]>,
    pub(crate) pairs: Vec<Pair>,
}

impl Gradients {
    /// Room for so many rows.
    pub(crate) fn new(rows: usize) -> Self {
        Self { exact: vec![[0.0; 2]; rows], pairs: vec![NOTHING; rows] }
    }

    /// Computes the derivatives by score number `output`, `scores` being `[rows, outputs]`: those of
    /// [`Objective::Softmax`] as shares. Gives back the units of the pairs.
    pub(crate) fn compute(
        &mut self,
        objective: Objective,
        output: usize,
        scores: &[f64],
        known: &Known,
        delta: f64,
    ) -> Scale {
        let outputs = objective.outputs();
        let blocks = self.exact.par_chunks_mut(BLOCK).zip(scores.par_chunks(BLOCK * outputs));
        let known = known.target.par_chunks(BLOCK).zip(known.weights.par_chunks(BLOCK));
        let sums: Vec<[f64; 2]> = blocks
            .zip(known)
            .map(|((exact, scores), (target, weights))| {
                let rows = exact.iter_mut().zip(target).zip(weights);
                match objective {
                    Objective::Softmax { classes } => {
                        let shares = scores[output..].iter().step_by(outputs);
                        rows.zip(shares).for_each(|(((exact, &class), weight), &share)| {
                            *exact = class_derivatives(share, class as usize == output, classes)
                                .map(|d| d * weight);
                        });
                    }
                    _ => rows.zip(scores).for_each(|(((exact, &target), weight), &score)| {
                        *exact = objective.derivatives(score, target, delta).map(|d| d * weight);
                    }),
                }
                exact.iter().fold([0.0; 2], |sum, row| [sum[0] + row[0].abs(), sum[1] + row[1]])
            })
            .collect();
        let [gradients, hessians] =
            sums.iter().fold([0.0; 2], |sum, block| [sum[0] + block[0], sum[1] + block[1]]);
        let scale = Scale::new(self.exact.len(), gradients, hessians);
        let blocks = self.pairs.par_chunks_mut(BLOCK).zip(self.exact.par_chunks(BLOCK));
        blocks.for_each(|(pairs, exact)| {
            for (pair, [gradient, hessian]) in pairs.iter_mut().zip(exact) {
                *pair = scale.pair(*gradient, *hessian);
            }
        });
        scale
    }
}

/// By the score of a class that has this share. One of the scores is redundant, which the factor of
/// the second derivative makes up for (Friedman 2001, section 4.6).
fn class_derivatives(share: f64, is_true: bool, classes: usize) -> [f64; 2] {
    let factor = classes as f64 / (classes - 1) as f64;
    [share - f64::from(u8::from(is_true)), factor * share * (1.0 - share)]
}

/// The scores as [`Gradients::compute`] takes them.
pub(crate) fn shares(objective: Objective, scores: &[f64]) -> Option<Vec<f64>> {
    let Objective::Softmax { classes } = objective else { return None };
    let mut shares = vec![0.0; scores.len()];
    let blocks = shares.par_chunks_mut(BLOCK * classes).zip(scores.par_chunks(BLOCK * classes));
    blocks.for_each(|(shares, scores)| {
        let rows = scores.chunks_exact(classes).zip(shares.chunks_exact_mut(classes));
        rows.for_each(|(scores, shares)| softmax(scores, shares));
    });
    Some(shares)
}
