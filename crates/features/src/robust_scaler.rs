//! Centres columns at their median and scales them by the distance between two quantiles.

use std::sync::Arc;

use gristmill_core::graph::{Graph, Wire};
use gristmill_core::{
    Error, FitContext, FittedTransform, Frame, Load, Result, Schema, Selector, Signature, State,
    Transform,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::columns;
use crate::normal;
use crate::order;
use crate::taken::{self, ColumnFacts, Taken};

pub(crate) const VERSION: u32 = 1;
const KIND: &str = "robust";

/// Shifts each column to median 0 and divides it by the distance between two of its quantiles:
/// z = (x − median) / (q_high − q_low). A few extreme values move neither.
///
/// Quantiles lie linearly between neighbours, as in scikit-learn. Missing values are left out and
/// stay missing. A column whose two quantiles are equal is shifted but not scaled. Boolean columns
/// count as 0 and 1. The columns keep their names and places. Learning needs all rows at once.
///
/// # Errors
/// A range of quantiles that does not rise from 0 to 100; a column that is neither numeric nor
/// boolean; a selector that selects nothing; infinite quantiles.
///
/// ```
/// # use gristmill_core::{FitContext, Notes, Seed, Transform};
/// # use gristmill_features::RobustScaler;
/// # use gristmill_testkit::table;
/// let rows = table().numbers("x", [1.0, 2.0, 3.0, 4.0, 1e9]).frame();
/// let notes = Notes::default();
/// let (_, scaled) = RobustScaler::default().fit_apply(rows, &FitContext::new(Seed(0), &notes))?;
/// assert_eq!(&scaled.numbers(0)?[..4], [-1.0, -0.5, 0.0, 0.5]);
/// # Ok::<(), gristmill_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RobustScaler {
    /// Which columns; all numeric ones unless said otherwise.
    pub columns: Selector,
    /// Whether to subtract the median.
    pub center: bool,
    /// Whether to divide by the distance between the quantiles.
    pub scale: bool,
    /// The two quantiles in per cent.
    pub quantile_range: [f64; 2],
    /// Whether to scale so that a column of normal numbers gets variance 1.
    pub unit_variance: bool,
}

impl Default for RobustScaler {
    fn default() -> Self {
        Self {
            columns: Selector::word("numeric"),
            center: true,
            scale: true,
            quantile_range: [25.0, 75.0],
            unit_variance: false,
        }
    }
}

impl RobustScaler {
    fn positions(&self, input: &Schema) -> Result<Vec<usize>> {
        let [low, high] = self.quantile_range;
        if !(0.0 <= low && low < high && high <= 100.0) {
            return Err(Error::setting(
                "quantile_range",
                format!("[{low}, {high}]"),
                "two numbers from 0 to 100, the smaller one first",
            ));
        }
        if self.unit_variance && (low == 0.0 || high == 100.0) {
            return Err(Error::setting(
                "quantile_range",
                format!("[{low}, {high}]"),
                "numbers between 0 and 100 with `unit_variance`",
            ));
        }
        columns::taken(&self.columns, input, columns::numeric)
    }

    /// Centre and scale of a column.
    fn learn(&self, values: &[f64]) -> Option<(f64, f64)> {
        let [low, high] = self.quantile_range.map(|percent| percent / 100.0);
        let mut shares = [low, high, 0.5];
        shares.sort_by(f64::total_cmp);
        let quantiles = order::few_quantiles(values, &shares)?;
        let at = |share: f64| {
            shares.iter().zip(&quantiles).find(|(s, _)| **s == share).map_or(0.0, |(_, q)| *q)
        };
        let center = if self.center { at(0.5) } else { 0.0 };
        let extent = at(high) - at(low);
        let unit =
            if self.unit_variance { normal::quantile(high) - normal::quantile(low) } else { 1.0 };
        let flat = extent.abs() < 10.0 * f64::EPSILON;
        Some((center, if self.scale && !flat { extent / unit } else { 1.0 }))
    }
}

impl Transform for RobustScaler {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn check(&self, input: &Schema) -> Result<Schema> {
        columns::with_numbers(input, &self.positions(input)?)
    }

    fn fit_apply(
        &self,
        train: Frame,
        _context: &FitContext<'_>,
    ) -> Result<(Box<dyn FittedTransform>, Frame)> {
        let input = Arc::clone(train.schema());
        let positions = self.positions(&input)?;
        let learned = taken::learn_each(&train, &positions, |field, values| {
            let (center, scale) = self.learn(values).unwrap_or((0.0, 1.0));
            if center.is_finite() && scale.is_finite() {
                return Ok((center, scale));
            }
            Err(taken::beyond(field))
        })?;
        let fitted =
            FittedRobustScaler { taken: Taken::numbers(KIND, &input, positions)?, learned };
        let applied = fitted.apply(train)?;
        Ok((Box::new(fitted), applied))
    }
}

/// What [`RobustScaler`] learned: a shift and a scale for each column.
#[derive(Clone, Debug)]
pub struct FittedRobustScaler {
    taken: Taken,
    learned: Vec<(f64, f64)>,
}

impl FittedRobustScaler {
    /// The columns that are scaled, in the order of the input.
    pub fn columns(&self) -> &[String] {
        &self.taken.columns
    }

    /// What is subtracted from each of [`FittedRobustScaler::columns`].
    pub fn centers(&self) -> Vec<f64> {
        self.learned.iter().map(|(center, _)| *center).collect()
    }

    /// What each of [`FittedRobustScaler::columns`] is divided by.
    pub fn scales(&self) -> Vec<f64> {
        self.learned.iter().map(|(_, scale)| *scale).collect()
    }
}

impl FittedTransform for FittedRobustScaler {
    fn signature(&self) -> &Signature {
        &self.taken.signature
    }

    fn apply(&self, rows: Frame) -> Result<Frame> {
        self.taken.map(rows, &self.learned, |(center, scale), value| (value - center) / scale)
    }

    fn express(&self, graph: &Graph, columns: &[Wire]) -> Result<Vec<Wire>> {
        let scaled = |x| {
            let centred = graph.subtract(x, graph.row(&self.centers()));
            graph.divide(centred, graph.row(&self.scales()))
        };
        Ok(graph.changed(columns, &self.taken.positions, scaled))
    }

    fn state(&self) -> State {
        State::new(&ColumnFacts::of(&self.taken))
            .with_f64("centers", self.centers())
            .with_f64("scales", self.scales())
    }
}

impl Load for FittedRobustScaler {
    fn load(state: &State, input: &Arc<Schema>) -> Result<Self> {
        let taken = ColumnFacts::taken(KIND, state, input)?;
        let centers = taken.one_each(state, "centers")?;
        let scales = taken.scales(state, "scales")?;
        Ok(Self { taken, learned: centers.into_iter().zip(scales).collect() })
    }
}
