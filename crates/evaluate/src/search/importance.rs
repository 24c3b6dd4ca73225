//! Which parameters a search's scores hang on.
//!
//! Method: the correlation ratio η² of the bins of one parameter over the ranks of the scores, which is
//! the statistic H of Kruskal and Wallis, *Use of Ranks in One-Criterion Variance Analysis*, JASA 47,
//! 1952, divided by n − 1; corrected for chance as ε² by Kelley, *An Unbiased Correlation Ratio
//! Measure*, PNAS 21, 1935. Ranks, since a few points that do far worse than all others would else be
//! most of the variance.

/// A bin of numbers holds at least so many trials, and there are no more bins than this.
const LEAST: usize = 5;
const MOST_BINS: usize = 4;

/// How the coordinates of a parameter are put into bins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binning {
    /// Equal ones together: the alternatives of a choice.
    Values,
    /// Neighbours together, about as many in each bin: numbers, however far apart.
    Ranks,
}

/// How much one parameter counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ParameterImportance {
    /// The share of the variance of the scores' ranks that its bins explain, among the trials that have
    /// it.
    pub explained: f64,
    /// How many trials have it.
    pub trials: usize,
    /// [`explained`](Self::explained) times the share of all trials that have it.
    pub importance: f64,
}

/// Returns which share of the variance of the ranks of the scores the bins of one parameter explain by
/// themselves: ε² = 1 − (n − 1) / (n − k) · (1 − η²), at least 0, where
/// η² = Σ nᵦ (r̄ᵦ − r̄)² / Σ (rᵢ − r̄)² over the k bins b and the ranks r of the n trials that have it; equal
/// scores share their mean rank. η² alone would praise a parameter for having many bins.
///
/// `coordinates` and `scores` have an entry for each trial; a trial without a coordinate lacks the
/// parameter, as those of other alternatives of a choice do, and one whose score is not finite is
/// passed over. Numbers have a bin for every five trials, four at most; equal numbers share one.
///
/// Nothing comes back when the trials that have it are all in one bin or too few to be told from
/// chance (no more than bins). Constant scores have nothing to be explained: 0.
///
/// ```
/// # use gristmill_evaluate::search::{Binning, parameter_importance};
/// // Ranks 1 and 2, 3 and 4, with means 1.5 and 3.5 around 2.5: η² = 4 / 5, ε² = 1 − 3 / 2 · 1 / 5.
/// let coordinates = [Some(0.0), Some(0.0), Some(1.0), Some(1.0)];
/// let found = parameter_importance(&coordinates, &[0.1, 0.7, 0.8, 9.0], Binning::Values);
/// assert!((found.unwrap().importance - 0.7).abs() < 1e-12);
/// ```
pub fn parameter_importance(
    coordinates: &[Option<f64>],
    scores: &[f64],
    binning: Binning,
) -> Option<ParameterImportance> {
    let scored = coordinates.iter().zip(scores).filter(|(_, score)| score.is_finite());
    let all = scored.clone().count();
    let known = scored.filter_map(|(at, score)| Some(((*at)?, *score)));
    let mut known: Vec<(f64, f64)> = known.filter(|(at, _)| !at.is_nan()).collect();
    rank(&mut known);
    known.sort_by(|a, b| a.0.total_cmp(&b.0));
    let bins = match binning {
        Binning::Values => by_value(&known),
        Binning::Ranks => by_rank(&known),
    };
    let (trials, groups) = (known.len(), bins.len());
    if groups < 2 || trials <= groups {
        return None;
    }
    let explained = corrected(explained(&bins), trials, groups);
    Some(ParameterImportance {
        explained,
        trials,
        importance: explained * trials as f64 / all as f64,
    })
}

/// Puts ranks in the place of scores, from 1 on; equal scores have the mean of theirs.
fn rank(known: &mut [(f64, f64)]) {
    known.sort_by(|a, b| a.1.total_cmp(&b.1));
    let mut before = 0;
    for equal in known.chunk_by_mut(|a, b| a.1 == b.1) {
        let rank = before as f64 + (equal.len() + 1) as f64 / 2.0;
        before += equal.len();
        equal.iter_mut().for_each(|(_, score)| *score = rank);
    }
}

/// The ranks of each coordinate.
fn by_value(known: &[(f64, f64)]) -> Vec<Vec<f64>> {
    known.chunk_by(|a, b| a.0 == b.0).map(ranks_of).collect()
}

/// The ranks of neighbours; equal coordinates stay together, in the bin of the first of them.
fn by_rank(known: &[(f64, f64)]) -> Vec<Vec<f64>> {
    let wanted = (known.len() / LEAST).clamp(1, MOST_BINS);
    let mut bins = vec![Vec::new(); wanted];
    let mut before = 0;
    for equal in known.chunk_by(|a, b| a.0 == b.0) {
        if let Some(bin) = bins.get_mut(before * wanted / known.len()) {
            bin.extend(ranks_of(equal));
        }
        before += equal.len();
    }
    bins.retain(|bin| !bin.is_empty());
    bins
}

fn ranks_of(known: &[(f64, f64)]) -> Vec<f64> {
    known.iter().map(|(_, rank)| *rank).collect()
}

/// η²: the share of the sum of squares that lies between the bins.
fn explained(bins: &[Vec<f64>]) -> f64 {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let middle = mean(&bins.concat());
    let around = |values: &[f64], at: f64| values.iter().map(|v| (v - at).powi(2)).sum::<f64>();
    let within: f64 = bins.iter().map(|bin| around(bin, mean(bin))).sum();
    let total = around(&bins.concat(), middle);
    if total == 0.0 { 0.0 } else { 1.0 - within / total }
}

fn corrected(explained: f64, trials: usize, groups: usize) -> f64 {
    let free = (trials - 1) as f64 / (trials - groups) as f64;
    (1.0 - free * (1.0 - explained)).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(
        binning: Binning,
        coordinates: &[f64],
        scores: &[f64],
        expected: Option<(f64, usize, f64)>,
    ) {
        let coordinates: Vec<Option<f64>> =
            coordinates.iter().map(|at| Some(*at).filter(|at| at.is_finite())).collect();
        let found = parameter_importance(&coordinates, scores, binning);
        let found = found.map(|f| (f.explained, f.trials, f.importance));
        match (found, expected) {
            (Some(a), Some(b)) => {
                assert!((a.0 - b.0).abs() < 1e-12 && (a.2 - b.2).abs() < 1e-12, "{a:?} {b:?}");
                assert_eq!(a.1, b.1);
            }
            (found, expected) => assert_eq!(found, expected),
        }
    }

    const NONE: f64 = f64::NAN;

    #[test] // by hand: ranks 1 to 4, η² = 4 / 5 over two bins of two
    fn bins_that_part_good_from_bad_count() {
        check(Binning::Values, &[0., 0., 1., 1.], &[1., 2., 3., 4.], Some((0.7, 4, 0.7)));
    }

    #[test] // as before: the ranks are the same
    fn one_that_is_far_off_hides_nothing() {
        check(Binning::Values, &[0., 0., 1., 1.], &[1., 2., 3., 1e9], Some((0.7, 4, 0.7)));
        check(Binning::Values, &[0., 0., 1., 1.], &[-1e9, 2., 3., 4.], Some((0.7, 4, 0.7)));
    }

    #[test] // by hand: ranks 1.5, 1.5, 3, 4: means 1.5 and 3.5, η² = 4 / 4.5, ε² = 1 − 3 / 2 · 1 / 9
    fn equal_scores_share_their_rank() {
        let expected = 1. - 3. / 2. / 9.;
        check(Binning::Values, &[0., 0., 1., 1.], &[2., 2., 3., 4.], Some((expected, 4, expected)));
    }

    #[test] // by hand: η² = 0, which chance alone would exceed
    fn bins_with_equal_means_count_nothing() {
        check(Binning::Values, &[0., 0., 1., 1.], &[1., 4., 1., 4.], Some((0., 4, 0.)));
    }

    #[test] // as the first, among 4 of 8 trials
    fn a_parameter_of_some_trials_counts_by_their_share() {
        let coordinates = [0., 0., 1., 1., NONE, NONE, NONE, NONE];
        check(
            Binning::Values,
            &coordinates,
            &[1., 2., 3., 4., 9., 9., 9., 9.],
            Some((0.7, 4, 0.35)),
        );
    }

    #[test] // as the first: a failed trial has no score
    fn a_trial_without_a_score_is_passed_over() {
        check(Binning::Values, &[0., 0., 1., 1., 1.], &[1., 2., 3., 4., NONE], Some((0.7, 4, 0.7)));
    }

    #[test] // by hand: bins of five with mean ranks 3 and 8: η² = 62.5 / 82.5, ε² = 1 − 9 / 8 · 20 / 82.5
    fn numbers_are_cut_into_bins_of_five_or_more() {
        let coordinates: Vec<f64> = (0..10).map(|at| 10_f64.powi(at)).collect();
        let scores: Vec<f64> = (1..=10).map(f64::from).collect();
        let expected = 1. - 9. / 8. * 20. / 82.5;
        check(Binning::Ranks, &coordinates, &scores, Some((expected, 10, expected)));
    }

    #[test] // by hand: a cut after five of ten would part the ones
    fn equal_numbers_share_a_bin() {
        let coordinates = [1., 1., 1., 1., 1., 1., 1., 2., 2., 2.];
        let scores = [1., 1., 1., 1., 1., 1., 1., 2., 2., 2.];
        check(Binning::Ranks, &coordinates, &scores, Some((1., 10, 1.)));
    }

    #[test]
    fn constant_scores_leave_nothing_to_explain() {
        check(Binning::Values, &[0., 0., 1., 1.], &[0.3; 4], Some((0., 4, 0.)));
    }

    #[test]
    fn too_few_trials_say_nothing() {
        for binning in [Binning::Values, Binning::Ranks] {
            check(binning, &[], &[], None);
            check(binning, &[1.], &[1.], None);
            check(binning, &[1., 1., 1.], &[1., 2., 3.], None);
            check(binning, &[0., 1.], &[1., 2.], None);
        }
        check(Binning::Ranks, &[0., 1., 2., 3.], &[1., 2., 3., 4.], None);
    }
}
