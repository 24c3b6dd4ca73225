//! Cuts columns of numbers into bins: the settings, and where the edges lie.
//! Edges as in scikit-learn's `KBinsDiscretizer`.

use std::fmt;
use std::sync::Arc;

use gristmill_core::{
    Error, Field, FitContext, FittedTransform, Frame, Result, Schema, Selector, Transform,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use crate::binned::FittedBin;
use crate::binned::{self, KIND};
use crate::columns;
use crate::order;
use crate::taken;

pub(crate) const VERSION: u32 = 1;

/// More bins than this are no bins any more.
const MOST_BINS: usize = 65_535;
const MAX_ITER: usize = 300;

/// Replaces each value by the number of the bin that it falls into, or by a column of zeros and
/// ones for each bin.
///
/// Bins are of equal width (`uniform`), hold equally many training values (`quantile`), or lie
/// around the centres of a one-dimensional k-means (`k_means`, edges halfway between centres, begun
/// with equally wide bins). A bin includes its lower edge; the first and the last take all that
/// lies beyond. Edges that coincide are one edge, so a column of few values may get fewer bins,
/// with a note; a constant one gets a single bin. Unlike in scikit-learn a greatest value that is
/// an edge of its own keeps its bin, so that a column of zeros and ones keeps both.
///
/// Bins are numbered from 0. With `one_hot` the columns are called `<column>_bin_1` and so on and
/// stand where the column stood. Missing values are left out; they stay missing, or are in no bin
/// of a `one_hot` output. Boolean columns count as 0 and 1. Learning needs all rows at once.
///
/// # Errors
/// Fewer than 2 bins; a column that is neither numeric nor boolean; a selector that selects
/// nothing; infinite values in training.
///
/// ```
/// # use gristmill_core::{FitContext, Notes, Seed, Transform};
/// # use gristmill_features::{Bin, BinStrategy};
/// # use gristmill_testkit::table;
/// let rows = table().numbers("x", [0.0, 4.9, 5.0, 10.0]).frame();
/// let settings = Bin { bins: 2, strategy: BinStrategy::Uniform, ..Bin::default() };
/// let notes = Notes::default();
/// let (_, binned) = settings.fit_apply(rows, &FitContext::new(Seed(0), &notes))?;
/// assert_eq!(binned.numbers(0)?, [0.0, 0.0, 1.0, 1.0]);
/// # Ok::<(), gristmill_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Bin {
    /// Which columns; all numeric ones unless said otherwise.
    pub columns: Selector,
    /// How many bins.
    pub bins: usize,
    /// Where the edges lie.
    pub strategy: BinStrategy,
    /// What stands in place of a value.
    pub output: BinOutput,
}

impl Default for Bin {
    fn default() -> Self {
        Self {
            columns: Selector::word("numeric"),
            bins: 5,
            strategy: BinStrategy::default(),
            output: BinOutput::default(),
        }
    }
}

/// Where the edges of bins lie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BinStrategy {
    /// So that bins hold equally many values.
    #[default]
    Quantile,
    /// Equally far apart.
    Uniform,
    /// Between the centres of clusters.
    KMeans,
}

impl fmt::Display for BinStrategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Quantile => "quantile",
            Self::Uniform => "uniform",
            Self::KMeans => "k_means",
        })
    }
}

/// What stands in place of a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BinOutput {
    /// The number of its bin, from 0.
    #[default]
    Ordinal,
    /// A column of zeros and ones for each bin.
    OneHot,
}

impl Bin {
    fn positions(&self, input: &Schema) -> Result<Vec<usize>> {
        if !(2..=MOST_BINS).contains(&self.bins) {
            return Err(Error::setting("bins", self.bins, format!("2 to {MOST_BINS}")));
        }
        columns::taken(&self.columns, input, columns::numeric)
    }

    /// The inner edges of a column, rising.
    fn edges(&self, field: &Field, values: &[f64]) -> Result<Vec<f64>> {
        let sorted = order::sorted(values);
        let (Some(&least), Some(&most)) = (sorted.first(), sorted.last()) else {
            return Ok(Vec::new());
        };
        if !(most - least).is_finite() {
            return Err(taken::beyond(field));
        }
        if least == most {
            return Ok(Vec::new());
        }
        let mut edges = match self.strategy {
            BinStrategy::Uniform => inner(self.bins, |i| uniform(least, most, i, self.bins)),
            BinStrategy::Quantile => return Ok(quantile_edges(&sorted, self.bins)),
            BinStrategy::KMeans => {
                let centres = centres(&sorted, self.bins);
                centres.windows(2).map(|pair| pair[0].midpoint(pair[1])).collect()
            }
        };
        edges.dedup();
        edges.retain(|edge| *edge > least);
        Ok(edges)
    }
}

/// The inner edges of bins of equal frequency, rising; one fewer than bins, or less where values are
/// equal.
pub(crate) fn quantile_edges(sorted: &[f64], bins: usize) -> Vec<f64> {
    let share = |i: usize| i as f64 / bins as f64;
    let mut edges: Vec<f64> =
        (1..bins).filter_map(|i| order::averaged_quantile(sorted, share(i))).collect();
    edges.dedup();
    edges.retain(|edge| Some(edge) > sorted.first());
    edges
}

fn inner(bins: usize, edge: impl Fn(usize) -> f64) -> Vec<f64> {
    (1..bins).map(edge).collect()
}

fn uniform(least: f64, most: f64, at: usize, bins: usize) -> f64 {
    least + (most - least) / bins as f64 * at as f64
}

/// The centres of `count` clusters of rising numbers, rising, by Lloyd's iterations on the sums of
/// all numbers up to each.
fn centres(sorted: &[f64], count: usize) -> Vec<f64> {
    let (least, most) = (sorted[0], sorted[sorted.len() - 1]);
    let mut sums = Vec::with_capacity(sorted.len() + 1);
    sums.push(0.0);
    // Sums of differences keep the digits that sums of large numbers lose.
    sums.extend(sorted.iter().scan(0.0, |sum, v| {
        *sum += v - least;
        Some(*sum)
    }));
    let variance = crate::moments::Moments::of(sorted).variance();
    let mut centres: Vec<f64> = (0..count)
        .map(|i| uniform(least, most, i, count).midpoint(uniform(least, most, i + 1, count)))
        .collect();
    for _ in 0..MAX_ITER {
        let mut moved = 0.0;
        let mut from = 0;
        for at in 0..count {
            let to = match centres.get(at + 1) {
                Some(next) => {
                    let edge = centres[at].midpoint(*next);
                    from + sorted[from..].partition_point(|v| *v <= edge)
                }
                None => sorted.len(),
            };
            if to > from {
                let centre = least + (sums[to] - sums[from]) / (to - from) as f64;
                moved += (centre - centres[at]).powi(2);
                centres[at] = centre;
            }
            from = to;
        }
        if moved <= 1e-4 * variance {
            break;
        }
    }
    centres
}

impl Transform for Bin {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn check(&self, input: &Schema) -> Result<Schema> {
        let positions = self.positions(input)?;
        match self.output {
            BinOutput::Ordinal => columns::with_numbers(input, &positions),
            BinOutput::OneHot => columns::spliced(input, |at, field| {
                if positions.binary_search(&at).is_err() {
                    return vec![field.clone()];
                }
                vec![Field::number(format!("{}_bin_*", field.name)).role(field.role).expanding()]
            }),
        }
    }

    fn fit_apply(
        &self,
        train: Frame,
        context: &FitContext<'_>,
    ) -> Result<(Box<dyn FittedTransform>, Frame)> {
        let input = Arc::clone(train.schema());
        let positions = self.positions(&input)?;
        let edges = taken::learn_each(&train, &positions, |f, v| self.edges(f, v))?;
        for (&at, edges) in positions.iter().zip(&edges) {
            if edges.len() + 1 < self.bins {
                let (name, found) = (&input.fields()[at].name, edges.len() + 1);
                context.notes.add(format!(
                    "column `{name}` has {found} bins instead of {}: too few different values",
                    self.bins
                ));
            }
        }
        let fitted = binned::fitted(&input, positions, edges, self.output)?;
        let applied = fitted.apply(train)?;
        Ok((Box::new(fitted), applied))
    }
}
