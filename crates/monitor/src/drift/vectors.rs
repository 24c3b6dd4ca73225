//! Whether vectors have moved: those of texts and images, and those that columns are together.

use gristmill_core::Result;
use gristmill_core::sketch::VectorMoments;
use serde::Serialize;

use super::report::{RARELY, Rate};
use crate::Window;
use crate::reference::TogetherReference;
use crate::statistics::{Hotelling, TwoProportions, hotelling, two_proportions};

/// From which area under the ROC curve on vectors have moved, as is the custom for classifiers that tell now
/// from then.
pub(super) const THRESHOLD: f64 = 0.65;

/// How far vectors have moved.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct VectorDrift {
    /// How well a linear classifier would tell them from those of the reference: ½ not at all, 1 always.
    pub auc: f64,
    /// What `auc` is held against.
    pub threshold: f64,
    /// How far the means are apart, in deviations.
    pub distance: f64,
    /// The chance of so great a distance, after correction for the number of columns.
    pub p_value: f64,
    /// Whether `auc` is at the threshold or above, and not by chance (p below 0.01).
    pub moved: bool,
}

/// How columns stand that are one vector together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TogetherDrift {
    /// Their names in order.
    pub columns: Vec<String>,
    /// How far the vectors have moved; nothing where there are too few.
    pub vectors: Option<VectorDrift>,
    /// The share of rows that lack a value of the vector.
    pub missing: Rate,
    /// Whether the vectors have moved, or more or fewer are missing.
    pub drifted: bool,
}

impl TogetherDrift {
    /// What the columns are called together.
    pub fn name(&self) -> String {
        match self.columns.as_slice() {
            [] => String::new(),
            [one] => one.clone(),
            [first, .., last] => format!("{first} to {last}"),
        }
    }
}

impl VectorDrift {
    pub(super) fn new(found: Hotelling, p_value: f64, threshold: f64) -> Self {
        let Hotelling { auc, distance, .. } = found;
        let moved = auc >= threshold && p_value < RARELY;
        Self { auc, threshold, distance, p_value, moved }
    }
}

/// What is known of columns together before p-values are corrected.
pub(super) struct MeasuredTogether {
    pub columns: Vec<String>,
    pub found: Option<Hotelling>,
    pub missing: TwoProportions,
}

pub(super) fn measure_together(
    reference: &TogetherReference,
    reference_rows: u64,
    window: &Window,
) -> Result<Option<MeasuredTogether>> {
    let Some(current) = &window.together else { return Ok(None) };
    let missing =
        two_proportions((reference.missing, reference_rows), (current.missing, window.rows))?;
    Ok(Some(MeasuredTogether {
        columns: reference.joint.columns().to_vec(),
        found: hotelling(&reference.moments, &current.moments)?,
        missing,
    }))
}

/// How far the vectors of texts or images are apart, where both sides know theirs.
pub(super) fn measure_content(
    reference: Option<&VectorMoments>,
    current: Option<&VectorMoments>,
) -> Result<Option<Hotelling>> {
    match (reference, current) {
        (Some(reference), Some(current)) => hotelling(reference, current),
        _ => Ok(None),
    }
}
