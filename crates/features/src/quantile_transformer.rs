//! Gives columns the shape of a uniform or a normal distribution by the ranks of their values.

use std::fmt;
use std::sync::Arc;

use gristmill_core::graph::{Bound, Graph, Value, Wire};
use gristmill_core::{
    Error, FitContext, FittedTransform, Frame, Load, Result, Schema, Selector, Signature, State,
    Transform,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::columns;
use crate::normal;
use crate::order;
use crate::taken::{self, Taken};
use crate::wires;

pub(crate) const VERSION: u32 = 1;
const KIND: &str = "quantile";

/// The share at which normal results end, so that no value lies at infinity.
const LEAST_SHARE: f64 = 1e-7 - f64::EPSILON;

/// Replaces each value by the share of the training values below it, z = F(x), or by the number of
/// a standard normal distribution with that share below it, z = Φ⁻¹(F(x)).
///
/// F runs linearly between `quantiles` of the column; where several of them are equal, a value
/// gets the middle of their shares. Values beyond those of training get 0 and 1, whose normal
/// numbers are about ±5.2. A column that is constant in training becomes 0, normal −5.2. As
/// scikit-learn without a subsample: all rows are used, and needed at once.
///
/// Missing values are left out and stay missing; a column of which training saw no value stays as
/// it is. Boolean columns count as 0 and 1. The columns keep their names and places.
///
/// # Errors
/// Fewer than 2 quantiles; a column that is neither numeric nor boolean; a selector that selects
/// nothing; infinite values.
///
/// ```
/// # use gristmill_core::{FitContext, Notes, Seed, Transform};
/// # use gristmill_features::QuantileTransformer;
/// # use gristmill_testkit::table;
/// let rows = table().numbers("x", [0.0, 1.0, 100.0]).frame();
/// let notes = Notes::default();
/// let settings = QuantileTransformer::default();
/// let (_, shares) = settings.fit_apply(rows, &FitContext::new(Seed(0), &notes))?;
/// assert_eq!(shares.numbers(0)?, [0.0, 0.5, 1.0]);
/// # Ok::<(), gristmill_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct QuantileTransformer {
    /// Which columns; all numeric ones unless said otherwise.
    pub columns: Selector,
    /// How many quantiles are kept of each column; as many as there are rows if those are fewer.
    pub quantiles: usize,
    /// The shape of the results.
    pub output: QuantileOutput,
}

impl Default for QuantileTransformer {
    fn default() -> Self {
        let columns = Selector::word("numeric");
        Self { columns, quantiles: 1_000, output: QuantileOutput::default() }
    }
}

/// The shape of a column afterwards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum QuantileOutput {
    /// Between 0 and 1, each part equally often.
    #[default]
    Uniform,
    /// The standard normal distribution.
    Normal,
}

impl fmt::Display for QuantileOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Uniform => "uniform",
            Self::Normal => "normal",
        })
    }
}

impl QuantileTransformer {
    fn positions(&self, input: &Schema) -> Result<Vec<usize>> {
        if self.quantiles < 2 {
            return Err(Error::setting("quantiles", self.quantiles, "2 or more"));
        }
        columns::taken(&self.columns, input, columns::numeric)
    }
}

impl Transform for QuantileTransformer {
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
        let count = self.quantiles.min(train.rows()).max(1);
        let quantiles = taken::learn_each(&train, &positions, |field, values| {
            let sorted = order::sorted(values);
            let ends = [sorted.first(), sorted.last()];
            if ends.into_iter().flatten().any(|v| !v.is_finite()) {
                return Err(taken::beyond(field));
            }
            let learned = (0..count).map(|i| order::quantile(&sorted, share(i, count)));
            let rising = learned.scan(f64::NAN, |last, quantile| {
                // Rounding between neighbours must not turn their order.
                *last = quantile.unwrap_or(f64::NAN).max(*last);
                Some(*last)
            });
            Ok(rising.collect::<Vec<f64>>())
        })?;
        let taken = Taken::numbers(KIND, &input, positions)?;
        let fitted = FittedQuantileTransformer { taken, output: self.output, quantiles };
        let applied = fitted.apply(train)?;
        Ok((Box::new(fitted), applied))
    }
}

/// The share that quantile `at` of `count` stands for.
fn share(at: usize, count: usize) -> f64 {
    at as f64 / (count.max(2) - 1) as f64
}

/// The share of a distribution with these `quantiles` that lies below `value`.
fn share_below(quantiles: &[f64], value: f64) -> f64 {
    let (Some(&least), Some(&most)) = (quantiles.first(), quantiles.last()) else { return value };
    // Without any value in training there are no shares.
    if value.is_nan() || least.is_nan() {
        return value;
    }
    if value <= least {
        return 0.0;
    }
    if value >= most {
        return 1.0;
    }
    let count = quantiles.len();
    let above = quantiles.partition_point(|q| *q <= value);
    let (low, high) = (quantiles[above - 1], quantiles[above]);
    if low < value {
        return share(above - 1, count) + (value - low) / (high - low) * share(1, count);
    }
    let first = quantiles[..above].partition_point(|q| *q < value);
    share(first, count).midpoint(share(above - 1, count))
}

/// [`share_below`] as a graph, for quantiles that are numbers.
fn express_share(graph: &Graph, quantiles: &[f64], x: Value) -> Value {
    let count = quantiles.len();
    let (least, most) = (graph.number(quantiles[0]), graph.number(quantiles[count - 1]));
    let (zero, one) = (graph.number(0.0), graph.number(1.0));
    if count < 2 {
        return graph.choose(graph.at_most(x, least), zero, one);
    }
    let step = graph.number(share(1, count));
    let upto = graph.count_below(x, quantiles, Bound::UpTo);
    let first = graph.count_below(x, quantiles, Bound::Below);
    let above = graph.clamp(upto, one, graph.number((count - 1) as f64));
    let before = graph.subtract(above, one);
    let value = |places| graph.number_at(quantiles, graph.to_integers(places));
    let (low, high) = (value(before), value(above));
    let part = graph.divide(graph.subtract(x, low), graph.subtract(high, low));
    let between = graph.multiply(graph.add(before, part), step);
    let middle = graph.add(first, graph.subtract(upto, one));
    let equal = graph.multiply(middle, graph.number(0.5 * share(1, count)));
    let inside = graph.choose(graph.less(low, x), between, equal);
    let inside = graph.choose(graph.at_most(most, x), one, inside);
    graph.choose(graph.at_most(x, least), zero, inside)
}

/// What [`QuantileTransformer`] learned: rising quantiles of each column.
#[derive(Clone, Debug)]
pub struct FittedQuantileTransformer {
    taken: Taken,
    output: QuantileOutput,
    quantiles: Vec<Vec<f64>>,
}

impl FittedQuantileTransformer {
    /// The columns that are transformed, in the order of the input.
    pub fn columns(&self) -> &[String] {
        &self.taken.columns
    }

    /// The quantiles of each of [`FittedQuantileTransformer::columns`].
    pub fn quantiles(&self) -> &[Vec<f64>] {
        &self.quantiles
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    columns: Vec<String>,
    output: QuantileOutput,
}

impl FittedTransform for FittedQuantileTransformer {
    fn signature(&self) -> &Signature {
        &self.taken.signature
    }

    fn apply(&self, rows: Frame) -> Result<Frame> {
        let normal = self.output == QuantileOutput::Normal;
        self.taken.map(rows, &self.quantiles, |quantiles, value| {
            let share = share_below(quantiles, value);
            let known = quantiles.first().is_some_and(|q| !q.is_nan()) && !share.is_nan();
            if normal && known {
                normal::quantile(share.clamp(LEAST_SHARE, 1.0 - LEAST_SHARE))
            } else {
                share
            }
        })
    }

    fn express(&self, graph: &Graph, columns: &[Wire]) -> Result<Vec<Wire>> {
        Ok(wires::each(graph, columns, &self.taken.positions, &self.quantiles, |quantiles, x| {
            if quantiles.first().is_none_or(|q| q.is_nan()) {
                return x;
            }
            let share = express_share(graph, quantiles, x);
            let share = match self.output {
                QuantileOutput::Normal => normal::express(graph, share, LEAST_SHARE),
                _ => share,
            };
            graph.choose(graph.is_missing(x), x, share)
        }))
    }

    fn state(&self) -> State {
        let facts = Facts { columns: self.taken.columns.clone(), output: self.output };
        let mut state = State::new(&facts);
        let count = self.quantiles.first().map_or(0, Vec::len);
        let quantiles = taken::tensor(self.quantiles.concat(), self.quantiles.len(), count);
        state.tensors.insert("quantiles".into(), quantiles);
        state
    }
}

impl Load for FittedQuantileTransformer {
    fn load(state: &State, input: &Arc<Schema>) -> Result<Self> {
        let Facts { columns, output } = state.facts()?;
        let taken = taken::stored_numbers(KIND, &columns, input)?;
        let (numbers, rows, count) = taken::matrix(KIND, state, "quantiles")?;
        if count == 0 || rows != taken.len() {
            return Err(taken.damaged("its quantiles are not equally many for each column"));
        }
        let quantiles: Vec<Vec<f64>> = numbers.chunks(count).map(<[f64]>::to_vec).collect();
        let rises = |q: &Vec<f64>| {
            q.iter().all(|v| v.is_nan())
                || q.iter().all(|v| v.is_finite()) && q.windows(2).all(|w| w[0] <= w[1])
        };
        if !quantiles.iter().all(rises) {
            return Err(taken.damaged("its quantiles do not rise"));
        }
        Ok(Self { taken, output, quantiles })
    }
}
