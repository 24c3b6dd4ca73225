//! One column of a window held against its reference, before anything is judged.

use gristmill_core::{Result, SemanticType};

use super::report::Means;
use super::shown::{Shown, shown};
use super::vectors::measure_content;
use super::{DriftTest, groups};
use crate::statistics::{
    Hotelling, TwoProportions, chi_squared, jensen_shannon, kolmogorov_smirnov, psi, shares,
    smoothed_shares, two_proportions, wasserstein_normed,
};
use crate::{ColumnReference, ColumnWindow};

/// What is known of a column before p-values are corrected.
pub(super) struct Measured {
    pub name: String,
    pub semantic: SemanticType,
    pub test: DriftTest,
    pub distance: Option<f64>,
    pub statistic: Option<f64>,
    pub p_value: Option<f64>,
    pub within: Option<f64>,
    pub moved: f64,
    pub mean: Option<Means>,
    pub missing: TwoProportions,
    pub unseen: Option<TwoProportions>,
    pub unseen_categories: Vec<String>,
    pub outside: Option<f64>,
    pub content: Option<Hotelling>,
    pub shown: Shown,
}

pub(super) fn measure(
    test: DriftTest,
    (reference, reference_rows): (&ColumnReference, u64),
    (window, rows): (&ColumnWindow, u64),
) -> Result<Measured> {
    let (mine, theirs) = (reference.count(), window.count());
    let test = test.suiting(&reference.places);
    let comparable = mine > 0 && theirs > 0;
    let found = if comparable { compare(test, reference, window)? } else { Found::default() };
    let unseen = reference.lists_all() && comparable;
    let unlisted = window.counts.last().copied().unwrap_or(0);
    let numbers = reference.borders().is_some();
    Ok(Measured {
        name: reference.name.clone(),
        semantic: reference.semantic,
        test,
        distance: found.distance,
        statistic: found.statistic,
        p_value: found.p_value,
        within: found.within,
        moved: if comparable { moved(reference, window)? } else { 0.0 },
        mean: reference
            .mean
            .zip(window.moments.mean())
            .map(|(reference, current)| Means { reference, current }),
        missing: two_proportions((reference.missing, reference_rows), (window.missing, rows))?,
        unseen: if unseen { Some(two_proportions((0, mine), (unlisted, theirs))?) } else { None },
        unseen_categories: if unseen { names(window) } else { Vec::new() },
        outside: (numbers && comparable).then(|| window.outside() as f64 / theirs as f64),
        content: measure_content(reference.vectors.as_ref(), window.vectors.as_ref())?,
        shown: shown(reference, window),
    })
}

fn names(window: &ColumnWindow) -> Vec<String> {
    window.unlisted().into_iter().map(|(word, _)| word).collect()
}

#[derive(Default)]
struct Found {
    distance: Option<f64>,
    statistic: Option<f64>,
    p_value: Option<f64>,
    within: Option<f64>,
}

fn compare(test: DriftTest, reference: &ColumnReference, window: &ColumnWindow) -> Result<Found> {
    let steps = || -> Result<_> {
        let current = reference.steps(&window.counts, window.ends())?;
        Ok((reference.steps(&reference.counts, window.ends())?, current))
    };
    let distance = |distance: f64| Found { distance: Some(distance), ..Found::default() };
    Ok(match test {
        DriftTest::Psi => {
            let (mine, theirs) = groups::grouped(reference, window);
            distance(psi(&smoothed_shares(&mine), &smoothed_shares(&theirs))?)
        }
        DriftTest::Js => distance(moved(reference, window)?),
        DriftTest::Wasserstein => {
            let (mine, theirs) = steps()?;
            distance(wasserstein_normed(&mine, &theirs)?)
        }
        DriftTest::Ks => {
            let (mine, theirs) = steps()?;
            let found = kolmogorov_smirnov(&mine, &theirs)?;
            Found {
                statistic: Some(found.statistic),
                p_value: Some(found.p_value),
                within: Some(reference.within),
                distance: None,
            }
        }
        DriftTest::Chi2 => {
            let (mine, theirs) = groups::grouped(reference, window);
            let found = chi_squared(&mine, &theirs)?;
            let (statistic, p_value) = (Some(found.statistic), Some(found.p_value));
            Found { statistic, p_value, ..Found::default() }
        }
    })
}

fn moved(reference: &ColumnReference, window: &ColumnWindow) -> Result<f64> {
    let (mine, theirs) = groups::grouped(reference, window);
    jensen_shannon(&shares(&mine), &shares(&theirs))
}
