//! How much lonelier a row is than its neighbors are.
//! Method: Breunig, Kriegel, Ng and Sander, *LOF: Identifying Density-Based Local Outliers*,
//! SIGMOD 2000.

use std::sync::Arc;

use gristmill_core::graph::{Answers, Graph, Wire};
use gristmill_core::{
    Error, Estimator, FitContext, Frame, Load, Model, Result, Schema, Scores, State, Target, Task,
};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Algorithm, Found, Metric, Search};
use crate::points::{Points, Sample, check_columns, check_stored, refuse_target};

/// Keeps the density of rows that coincide finite, as in scikit-learn.
const LEAST_REACH: f64 = 1e-10;

/// Gives each row an outlier score: about 1 within a group of training rows however dense it is,
/// larger the farther it is from its nearest training rows compared with how far these are from
/// theirs.
///
/// LOF(x) = meanᵢ density(i) / density(x) over the `neighbors` nearest training rows i of x, where
/// density(x) = 1 / (meanᵢ max(|x − i|, reach(i)) + 10⁻¹⁰) and reach(i) is the distance of i from
/// the last of its own neighbors. Scores are for new rows: a training row that comes again finds
/// itself among its neighbors. scikit-learn gives the same number with its sign turned.
///
/// It learns without a target. Rows of weight 0 are left out; other weights do not matter, as
/// density is a matter of places. Columns should come standardised. With fewer than `neighbors` +
/// 1 training rows all of them are neighbors, and a note says so.
///
/// ```
/// # use gristmill_core::{Pipeline, Prediction};
/// # use gristmill_models::LocalOutlierFactor;
/// # use gristmill_testkit::table;
/// let rows = table().numbers("x", (0..20).map(f64::from)).build();
/// let model = LocalOutlierFactor { neighbors: 3, ..Default::default() };
/// let fitted = Pipeline::new().model(model).fit(&rows)?;
/// let Prediction::Numbers(scores) = fitted.predict(&table().numbers("x", [9.5, 40.0]).build())?
/// else { unreachable!() };
/// assert!(scores[0] < 1.1 && scores[1] > 5.0);
/// # Ok::<(), gristmill_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LocalOutlierFactor {
    /// How many training rows a row is compared with.
    #[schemars(range(min = 1))]
    pub neighbors: usize,
    /// How far apart two rows are.
    pub metric: Metric,
    /// How the nearest rows are found.
    pub algorithm: Algorithm,
}

impl LocalOutlierFactor {
    /// The version of what it learns: raised whenever equal rows would teach it something else.
    pub const VERSION: u32 = 1;
}

impl Default for LocalOutlierFactor {
    fn default() -> Self {
        Self { neighbors: 20, metric: Metric::Euclidean, algorithm: Algorithm::Auto }
    }
}

impl Estimator for LocalOutlierFactor {
    fn kind(&self) -> &'static str {
        LocalOutlierFactorModel::KIND
    }

    fn unsupervised(&self) -> bool {
        true
    }

    fn check(&self, input: &Schema, task: Task) -> Result<()> {
        if self.neighbors == 0 {
            return Err(Error::setting("neighbors", 0, "at least 1"));
        }
        refuse_target(self.kind(), task)?;
        check_columns(input)
    }

    fn fit(
        &self,
        train: &Frame,
        target: &Target,
        context: &FitContext<'_>,
    ) -> Result<Box<dyn Model>> {
        self.check(train.schema(), target.task())?;
        let sample = Sample::new(self.kind(), train, target.len(), context)?;
        let rows = sample.points.len();
        if rows < 2 {
            return Err(Error::data_hint(
                "`local_outlier_factor` compares rows, and there is one only",
                "give more rows",
            ));
        }
        let neighbors = self.neighbors.min(rows - 1);
        if neighbors < self.neighbors {
            context.notes.add(format!(
                "`local_outlier_factor` uses {neighbors} neighbors: there are {rows} training rows"
            ));
        }
        let search = Search::new(self.metric.prepare(sample.points)?, self.metric, self.algorithm);
        let found = without_self(search.nearest(search.points(), neighbors + 1));
        let reaches: Vec<f64> =
            found.distances.chunks_exact(neighbors).map(|d| d[neighbors - 1]).collect();
        let densities = densities(&found, &reaches);
        Ok(Box::new(LocalOutlierFactorModel {
            settings: Self { neighbors, ..self.clone() },
            input: Arc::clone(train.schema()),
            search,
            reaches,
            densities,
        }))
    }
}

/// The neighbors of each training row but itself; the last one goes where a row has so many equals
/// that it is not among them.
fn without_self(found: Found) -> Found {
    let k = found.k - 1;
    let (mut rows, mut distances) = (Vec::new(), Vec::new());
    let pairs = found.rows.chunks_exact(found.k).zip(found.distances.chunks_exact(found.k));
    for (own, (near, far)) in (0u32..).zip(pairs) {
        let itself = near.iter().position(|&row| row == own).unwrap_or(k);
        rows.extend((0..found.k).filter(|&at| at != itself).map(|at| near[at]));
        distances.extend((0..found.k).filter(|&at| at != itself).map(|at| far[at]));
    }
    Found { k, rows, distances }
}

/// One through the mean distance from the neighbors, each at least its own reach.
fn densities(found: &Found, reaches: &[f64]) -> Vec<f64> {
    let density = |(near, far): (&[u32], &[f64])| {
        let reach = near.iter().zip(far).map(|(&row, &d)| d.max(reaches[row as usize]));
        1.0 / (reach.sum::<f64>() / found.k as f64 + LEAST_REACH)
    };
    found
        .rows
        .par_chunks_exact(found.k)
        .zip(found.distances.par_chunks_exact(found.k))
        .map(density)
        .collect()
}

/// The training rows of [`LocalOutlierFactor`], with the reach and the density of each.
#[derive(Clone, Debug)]
pub struct LocalOutlierFactorModel {
    settings: LocalOutlierFactor,
    input: Arc<Schema>,
    search: Search,
    reaches: Vec<f64>,
    densities: Vec<f64>,
}

impl LocalOutlierFactorModel {
    const KIND: &'static str = "local_outlier_factor";
}

impl Model for LocalOutlierFactorModel {
    fn kind(&self) -> &'static str {
        Self::KIND
    }

    fn input(&self) -> &Arc<Schema> {
        &self.input
    }

    fn task(&self) -> Task {
        Task::Unsupervised
    }

    fn predict(&self, rows: &Frame) -> Result<Scores> {
        let queries = Points::of(Self::KIND, rows, &self.input)?;
        let queries = self.settings.metric.prepare(queries)?;
        let found = self.search.nearest(&queries, self.settings.neighbors);
        let own = densities(&found, &self.reaches);
        let scores = found.rows.chunks_exact(found.k).zip(own).map(|(near, own)| {
            let sum: f64 = near.iter().map(|&row| self.densities[row as usize] / own).sum();
            sum / found.k as f64
        });
        Ok(Scores::Values(scores.collect()))
    }

    fn express(&self, graph: &Graph, columns: &[Wire]) -> Result<Answers> {
        let count = self.settings.neighbors;
        let (distances, places) = self.search.express(graph, graph.matrix(columns), count);
        let reaches = graph.greater_of(distances, graph.number_at(&self.reaches, places));
        let mean = graph.divide(graph.sum(reaches), graph.number(count as f64));
        let own = graph.divide(graph.number(1.0), graph.add(mean, graph.number(LEAST_REACH)));
        let ratios = graph.divide(graph.number_at(&self.densities, places), own);
        Ok(Answers::Values(graph.divide(graph.sum(ratios), graph.number(count as f64))))
    }

    fn state(&self) -> State {
        State::new(&self.settings)
            .with_f64("points", self.search.points().values().to_vec())
            .with_f64("reaches", self.reaches.clone())
            .with_f64("densities", self.densities.clone())
    }
}

impl Load for LocalOutlierFactorModel {
    fn load(state: &State, input: &Arc<Schema>) -> Result<Self> {
        let settings: LocalOutlierFactor = state.facts()?;
        check_stored(Self::KIND, input)?;
        let points = Points::stored("points", state.f64s("points")?, input.len())?;
        let rows = points.len();
        if !(1..=rows).contains(&settings.neighbors) || u32::try_from(rows).is_err() {
            return Err(Error::damaged("outlier factor", "its rows do not fit its neighbors"));
        }
        let (reaches, densities) = (state.f64s("reaches")?, state.f64s("densities")?);
        let possible = |reach: &f64| (0.0..=f64::MAX.sqrt()).contains(reach);
        if reaches.len() != rows || !reaches.iter().all(possible) {
            return Err(Error::damaged("tensor `reaches`", "it does not hold one distance a row"));
        }
        let possible = |d: &f64| (f64::MIN_POSITIVE..=1.0 / LEAST_REACH).contains(d);
        if densities.len() != rows || !densities.iter().all(possible) {
            return Err(Error::damaged("tensor `densities`", "it does not hold one density a row"));
        }
        let search = Search::new(points, settings.metric, settings.algorithm);
        let (reaches, densities) = (reaches.to_vec(), densities.to_vec());
        Ok(Self { settings, input: Arc::clone(input), search, reaches, densities })
    }
}
