//! One column of a window held against its reference, before anything is judged.

use gristmill_core::Result;

use super::report::Share;
use super::{DriftTest, groups};
use crate::statistics::{
    TwoProportions, chi_squared, jensen_shannon, kolmogorov_smirnov, psi, shares, smoothed_shares,
    two_proportions, wasserstein_normed,
};
use crate::{ColumnReference, ColumnWindow};

/// Into how many bins numbers are put to be drawn, and how many categories are named.
const DRAWN_BINS: usize = 20;
const DRAWN_WORDS: usize = 12;

/// What is known of a column before p-values are corrected.
pub(super) struct Measured {
    pub name: String,
    pub test: DriftTest,
    pub distance: Option<f64>,
    pub statistic: Option<f64>,
    pub p_value: Option<f64>,
    pub within: Option<f64>,
    pub moved: f64,
    pub mean: Option<Share>,
    pub missing: TwoProportions,
    pub unseen: Option<TwoProportions>,
    pub unseen_categories: Vec<String>,
    pub outside: Option<f64>,
    pub shown: Shown,
}

/// Both distributions of a column, to be drawn.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Shown {
    /// Nothing.
    #[default]
    Nothing,
    /// Counts between borders, which rise and are one more.
    Bins {
        /// Where bins begin and end.
        borders: Vec<f64>,
        /// How many values of the reference lie in each.
        reference: Vec<u64>,
        /// How many values of the window do.
        current: Vec<u64>,
    },
    /// Categories with how many values both have of them, the last one standing for all others.
    Words(Vec<(String, u64, u64)>),
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
        test,
        distance: found.distance,
        statistic: found.statistic,
        p_value: found.p_value,
        within: found.within,
        moved: if comparable { moved(reference, window)? } else { 0.0 },
        mean: reference
            .mean
            .zip(window.moments.mean())
            .map(|(reference, current)| Share { reference, current }),
        missing: two_proportions((reference.missing, reference_rows), (window.missing, rows))?,
        unseen: if unseen { Some(two_proportions((0, mine), (unlisted, theirs))?) } else { None },
        unseen_categories: if unseen { names(window) } else { Vec::new() },
        outside: (numbers && comparable).then(|| window.outside() as f64 / theirs as f64),
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

fn shown(reference: &ColumnReference, window: &ColumnWindow) -> Shown {
    if let Some(words) = reference.words() {
        return shown_words(&words, reference, window);
    }
    let Some(borders) = reference.borders().filter(|borders| borders.len() > 1) else {
        return Shown::Nothing;
    };
    shown_bins(borders, reference, window)
}

/// Bins of about equally many values of the reference, and one beyond each end where the window has
/// values there.
fn shown_bins(borders: &[f64], reference: &ColumnReference, window: &ColumnWindow) -> Shown {
    let groups = groups::bins(reference, DRAWN_BINS);
    let inner = 1..reference.counts.len() - 1;
    let mut shown = (vec![borders[0]], Vec::new(), Vec::new());
    for at in inner {
        if at == 1 || groups[at] != groups[at - 1] {
            shown.0.push(borders[at]);
            shown.1.push(0);
            shown.2.push(0);
        }
        let last = shown.1.len() - 1;
        *shown.0.last_mut().unwrap_or(&mut 0.0) = borders[at];
        shown.1[last] += reference.counts[at];
        shown.2[last] += window.counts[at];
    }
    let (mut borders, mut reference, mut current) = shown;
    let beyond = |moments: Option<f64>, count: Option<&u64>| {
        moments.zip(count.copied()).filter(|(_, c)| *c > 0)
    };
    if let Some((least, count)) = beyond(window.moments.min(), window.counts.first()) {
        borders.insert(0, least.next_down());
        reference.insert(0, 0);
        current.insert(0, count);
    }
    if let Some((greatest, count)) = beyond(window.moments.max(), window.counts.last()) {
        borders.push(greatest);
        reference.push(0);
        current.push(count);
    }
    Shown::Bins { borders, reference, current }
}

fn shown_words(words: &[&str], reference: &ColumnReference, window: &ColumnWindow) -> Shown {
    let pairs: Vec<(u64, u64)> =
        reference.counts.iter().copied().zip(window.counts.iter().copied()).collect();
    let named = words.iter().zip(&pairs).take(DRAWN_WORDS);
    let mut shown: Vec<(String, u64, u64)> =
        named.map(|(word, (mine, theirs))| ((*word).to_string(), *mine, *theirs)).collect();
    let others = &pairs[shown.len().min(pairs.len())..];
    let (mine, theirs) =
        others.iter().fold((0, 0), |(a, b), (mine, theirs)| (a + mine, b + theirs));
    if mine + theirs > 0 {
        shown.push(("others".to_string(), mine, theirs));
    }
    Shown::Words(shown)
}
