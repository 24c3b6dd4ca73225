//! The expected area under the ROC curve of rows whose probability of being positive is known.

use gristmill_core::{Error, Result};

/// The expected area, and how it changes with the truth of each row.
pub(super) struct Expected {
    pub value: f64,
    pub slopes: Vec<f64>,
}

/// U / (P · N) with the expected numbers of positives P = Σ pᵢ and negatives N = Σ (1 − pᵢ), and
/// U = Σᵢⱼ pᵢ (1 − pⱼ) · [1 where pᵢ > pⱼ, ½ where they are equal], a row and itself included: by
/// sorting, in O(n log n).
pub(super) fn expected(probabilities: &[f64]) -> Result<Expected> {
    let positives: f64 = probabilities.iter().sum();
    let negatives = probabilities.len() as f64 - positives;
    if positives <= 0.0 || negatives <= 0.0 {
        return Err(Error::data(
            "a class is certain or impossible in every row: there is no ROC curve",
        ));
    }
    let mut order: Vec<usize> = (0..probabilities.len()).collect();
    order.sort_by(|&a, &b| probabilities[a].total_cmp(&probabilities[b]));
    let mut pairs = 0.0;
    let mut slopes = vec![0.0; probabilities.len()];
    let (mut positives_below, mut negatives_below) = (0.0, 0.0);
    for tied in order.chunk_by(|&a, &b| probabilities[a] == probabilities[b]) {
        let here: f64 = tied.iter().map(|&at| probabilities[at]).sum();
        let others = tied.len() as f64 - here;
        pairs += here * (negatives_below + others / 2.0);
        let positives_above = positives - positives_below - here;
        // By pᵢ: the negatives it is above, less the positives that are no longer above a negative.
        let slope = negatives_below + others / 2.0 - positives_above - here / 2.0;
        tied.iter().for_each(|&at| slopes[at] = slope);
        positives_below += here;
        negatives_below += others;
    }
    let product = positives * negatives;
    let value = pairs / product;
    for slope in &mut slopes {
        *slope = (*slope - value * (negatives - positives)) / product;
    }
    Ok(Expected { value, slopes })
}
