//! Shifts columns to mean 0 and scales them to deviation 1.

use std::sync::Arc;

use gristmill_core::graph::{Graph, Wire};
use gristmill_core::{
    Error, FittedTransform, Frame, Learn, Learner, Load, Notes, Result, Rows, Schema, Selector,
    Signature, State,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::columns;
use crate::moments::Moments;
use crate::wires;

pub(crate) const VERSION: u32 = 1;
const KIND: &str = "standardize";

/// Shifts each column to mean 0 and scales it to standard deviation 1: z = (x − μ) / σ.
///
/// μ is the mean and σ the population deviation √(Σ (x − μ)² / n) of the training rows, as in
/// scikit-learn. Missing values are left out of both and stay missing. A column that is constant
/// in training (up to rounding) becomes zeros: its σ is taken as 1. Boolean columns count as 0
/// and 1. The columns keep their names and places. Where rows have weights, both are weighted:
/// μ = Σ w x / Σ w and σ² = Σ w (x − μ)² / Σ w.
///
/// # Errors
/// A column that is neither numeric nor boolean; a selector that selects nothing; infinite values.
///
/// ```
/// # use gristmill_core::{FitContext, Notes, Result, Seed, Transform};
/// # use gristmill_features::StandardScaler;
/// # use gristmill_testkit::table;
/// let rows = table().numbers("x", [1.0, 3.0]).frame();
/// let notes = Notes::default();
/// let (_, scaled) =
///     StandardScaler::default().fit_apply(rows, &FitContext::new(Seed(0), &notes))?;
/// assert_eq!(scaled.numbers(0)?, [-1.0, 1.0]);
/// # Ok::<(), gristmill_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StandardScaler {
    /// Which columns; all numeric ones unless said otherwise.
    pub columns: Selector,
    /// Whether to subtract the mean.
    pub center: bool,
    /// Whether to divide by the deviation.
    pub scale: bool,
}

impl Default for StandardScaler {
    fn default() -> Self {
        Self { columns: Selector::word("numeric"), center: true, scale: true }
    }
}

impl Learn for StandardScaler {
    type Learner = StandardScalerLearner;

    fn kind(&self) -> &'static str {
        KIND
    }

    fn check(&self, input: &Schema) -> Result<Schema> {
        let positions = columns::taken(&self.columns, input, columns::numeric)?;
        columns::with_numbers(input, &positions)
    }

    fn learner(&self, input: &Schema) -> Result<Self::Learner> {
        let positions = columns::taken(&self.columns, input, columns::numeric)?;
        let moments = vec![Moments::default(); positions.len()];
        Ok(StandardScalerLearner { center: self.center, scale: self.scale, positions, moments })
    }
}

/// What a [`StandardScaler`] has learned so far.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StandardScalerLearner {
    center: bool,
    scale: bool,
    positions: Vec<usize>,
    moments: Vec<Moments>,
}

impl Learner for StandardScalerLearner {
    type Fitted = FittedStandardScaler;

    fn update(&mut self, rows: &Rows<'_>) -> Result<()> {
        for (&at, moments) in self.positions.iter().zip(&mut self.moments) {
            let seen = Moments::weighted(rows.numbers(at)?, columns::weights(rows));
            *moments = moments.merged(seen);
        }
        Ok(())
    }

    fn merge(&mut self, later: Self) -> Result<()> {
        for (moments, later) in self.moments.iter_mut().zip(later.moments) {
            *moments = moments.merged(later);
        }
        Ok(())
    }

    fn finish(self, input: &Arc<Schema>, _notes: &Notes) -> Result<Self::Fitted> {
        let overflown = self
            .positions
            .iter()
            .zip(&self.moments)
            .find(|(_, m)| !m.mean.is_finite() || !m.variance().is_finite());
        if let Some((&at, _)) = overflown {
            return Err(columns::beyond(input, at));
        }
        let centers = self.moments.iter().map(|m| if self.center { m.mean } else { 0.0 });
        let scales = self.moments.iter().map(|m| if self.scale { m.scale() } else { 1.0 });
        FittedStandardScaler::new(input, self.positions, centers.collect(), scales.collect())
    }
}

/// What [`StandardScaler`] learned: a shift and a scale for each column.
#[derive(Clone, Debug)]
pub struct FittedStandardScaler {
    signature: Signature,
    columns: Vec<String>,
    centers: Vec<f64>,
    scales: Vec<f64>,
    plan: Vec<Option<(f64, f64)>>,
}

impl FittedStandardScaler {
    fn new(
        input: &Arc<Schema>,
        positions: Vec<usize>,
        centers: Vec<f64>,
        scales: Vec<f64>,
    ) -> Result<Self> {
        let pairs = centers.iter().copied().zip(scales.iter().copied());
        Ok(Self {
            signature: Signature::new(KIND, input, columns::with_numbers(input, &positions)?),
            columns: columns::names(input, &positions),
            plan: columns::plan(input.len(), &positions, pairs),
            centers,
            scales,
        })
    }

    /// The columns that are scaled, in the order of the input.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// What is subtracted from each of [`FittedStandardScaler::columns`].
    pub fn centers(&self) -> &[f64] {
        &self.centers
    }

    /// What each of [`FittedStandardScaler::columns`] is divided by.
    pub fn scales(&self) -> &[f64] {
        &self.scales
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    columns: Vec<String>,
}

impl FittedTransform for FittedStandardScaler {
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn apply(&self, rows: Frame) -> Result<Frame> {
        self.signature.require(&rows)?;
        columns::map_numbers(rows, &self.signature.output, &self.plan, |(center, scale), value| {
            (value - center) / scale
        })
    }

    fn express(&self, graph: &Graph, columns: &[Wire]) -> Result<Vec<Wire>> {
        let scaled = |x| {
            let centred = graph.subtract(x, graph.row(&self.centers));
            graph.divide(centred, graph.row(&self.scales))
        };
        Ok(graph.changed(columns, &wires::planned(&self.plan), scaled))
    }

    fn state(&self) -> State {
        State::new(&Facts { columns: self.columns.clone() })
            .with_f64("centers", self.centers.clone())
            .with_f64("scales", self.scales.clone())
    }
}

impl Load for FittedStandardScaler {
    fn load(state: &State, input: &Arc<Schema>) -> Result<Self> {
        let facts: Facts = state.facts()?;
        let positions = columns::stored(KIND, &facts.columns, input, columns::numeric)?;
        let (centers, scales) = (state.f64s("centers")?, state.f64s("scales")?);
        columns::one_each(KIND, "centers", centers.len(), positions.len())?;
        columns::one_each(KIND, "scales", scales.len(), positions.len())?;
        if let Some(scale) = scales.iter().find(|&&s| !(s.is_finite() && s > 0.0)) {
            return Err(Error::damaged(format!("step `{KIND}`"), format!("a scale is {scale}")));
        }
        Self::new(input, positions, centers.to_vec(), scales.to_vec())
    }
}
