//! How far apart two rows are.

use gristmill_core::graph::{Graph, Value};
use gristmill_core::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::points::Points;

/// How far apart two rows are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// √ Σ (aⱼ − bⱼ)².
    #[default]
    Euclidean,
    /// Σ |aⱼ − bⱼ|.
    Manhattan,
    /// max |aⱼ − bⱼ|.
    Chebyshev,
    /// 1 − Σ aⱼ bⱼ / (|a| |b|): the angle counts, the length does not. A row of zeros has no angle
    /// and is refused.
    Cosine,
}

impl Metric {
    /// The points as the metric sees them: for angles all as long as 1.
    ///
    /// # Errors
    /// [`Error::Data`] for a row of zeros when angles are asked for.
    pub(crate) fn prepare(self, mut points: Points) -> Result<Points> {
        if self != Self::Cosine {
            return Ok(points);
        }
        let width = points.width();
        for (row, point) in points.values_mut().chunks_exact_mut(width).enumerate() {
            let largest = point.iter().fold(0.0, |m: f64, x| m.max(x.abs()));
            if largest == 0.0 {
                return Err(Error::data_hint(
                    format!("row {} is 0 in every column and has no angle", row + 1),
                    "choose another `metric`, or leave such rows out with `sql`",
                ));
            }
            // By the largest first: squares of very small numbers would vanish.
            point.iter_mut().for_each(|x| *x /= largest);
            let length = point.iter().map(|x| x * x).sum::<f64>().sqrt();
            point.iter_mut().for_each(|x| *x /= length);
        }
        Ok(points)
    }

    /// As [`Metric::prepare`], for rows in a graph.
    pub(crate) fn express(self, graph: &Graph, x: Value) -> Value {
        if self != Self::Cosine {
            return x;
        }
        let x = graph.divide(x, graph.greatest(graph.absolute(x)));
        graph.divide(x, graph.root(graph.sum(graph.multiply(x, x))))
    }

    /// The distance between prepared points, out of that which people write.
    pub(crate) fn inner(self, distance: f64) -> f64 {
        if self == Self::Cosine { (2.0 * distance).sqrt() } else { distance }
    }

    /// The distance that people read, out of that between prepared points.
    pub(crate) fn finish(self, distance: f64) -> f64 {
        // |u − v|² = 2 − 2 u·v when both are as long as 1.
        if self == Self::Cosine { distance * distance / 2.0 } else { distance }
    }
}
