//! A mixture of bell curves.
//! Method: Dempster, Laird and Rubin, *Maximum Likelihood from Incomplete Data via the EM
//! Algorithm*, JRSS B 39 (1977).

use gristmill_core::{Error, Estimator, FitContext, Frame, Model, Result, Schema, Target, Task};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::KMeans;
use super::super::k_means::{check_counts, check_tolerance};
use super::em::{Fitted, learn};
use super::model::GaussianMixtureModel;
use crate::points::{Points, Sample, check_columns, refuse_target};

/// Describes the rows as drawn from `components` normal distributions, and answers with the
/// probability of each: pₖ ∝ πₖ N(x; μₖ, Σₖ). Components are called `0`, `1`, ...
///
/// Shares πₖ, means and covariances are those of the greatest likelihood that is found in turns
/// of guessing which component each row is from, starting with [`crate::KMeans`]. It learns without a
/// target. Weights of rows count as so many equal rows. Where there are fewer different rows than
/// components, there are fewer components, and a note says so.
///
/// # Errors
/// Fitting fails when there are fewer training rows than `components`, or a covariance is singular
/// for all that `regularization` adds.
///
/// ```
/// # use gristmill_core::{Pipeline, Prediction};
/// # use gristmill_models::GaussianMixture;
/// # use gristmill_testkit::table;
/// let rows = table().numbers("x", [0.0, 1.0, 2.0, 50.0, 51.0, 52.0]).build();
/// let model = GaussianMixture { components: 2, ..GaussianMixture::default() };
/// let fitted = Pipeline::new().model(model).fit(&rows)?;
/// let Prediction::Classes { codes, .. } = fitted.predict(&rows)? else { unreachable!() };
/// assert!(codes[..3].iter().all(|c| *c == codes[0]) && codes[3] != codes[0]);
/// # Ok::<(), gristmill_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GaussianMixture {
    /// How many normal distributions there are.
    #[schemars(range(min = 1))]
    pub components: usize,
    /// What form their covariances have.
    pub covariance: Covariance,
    /// It stops once the mean log-likelihood of a row grows by less than this.
    #[schemars(range(min = 0.0))]
    pub tolerance: f64,
    /// What is added to each variance, so that none is 0.
    #[schemars(range(min = 0.0))]
    pub regularization: f64,
    /// How many turns it may take.
    #[schemars(range(min = 1))]
    pub max_iter: usize,
    /// How often it starts; the likeliest end counts.
    #[schemars(range(min = 1))]
    pub inits: usize,
}

/// What form covariances have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Covariance {
    /// Each component has its own.
    #[default]
    Full,
    /// All components share one.
    Tied,
    /// Each component has its own variances, and columns do not hang together.
    Diagonal,
    /// Each component has one variance for all columns.
    Spherical,
}

impl GaussianMixture {
    /// The version of what it learns: raised whenever equal rows would teach it something else.
    pub const VERSION: u32 = 1;

    fn best(&self, sample: &Sample, context: &FitContext<'_>) -> Result<Fitted> {
        let mut best: Option<Fitted> = None;
        for init in 0..self.inits {
            let start = KMeans { clusters: self.components, ..KMeans::default() };
            let inner = FitContext { seed: context.seed.numbered(init as u64), ..*context };
            let start = start.settle(sample, &inner, GaussianMixtureModel::KIND)?;
            let fitted = learn(self, sample, &start.centers, &start.labels)?;
            if best.as_ref().is_none_or(|best| fitted.likelihood > best.likelihood) {
                best = Some(fitted);
            }
        }
        best.ok_or_else(|| Error::Bug("there was no start".into()))
    }
}

impl Default for GaussianMixture {
    fn default() -> Self {
        Self {
            components: 1,
            covariance: Covariance::Full,
            tolerance: 1e-3,
            regularization: 1e-6,
            max_iter: 100,
            inits: 1,
        }
    }
}

impl Estimator for GaussianMixture {
    fn kind(&self) -> &'static str {
        GaussianMixtureModel::KIND
    }

    fn unsupervised(&self) -> bool {
        true
    }

    fn check(&self, input: &Schema, task: Task) -> Result<()> {
        check_counts(&[
            ("components", self.components),
            ("max_iter", self.max_iter),
            ("inits", self.inits),
        ])?;
        check_tolerance(self.tolerance)?;
        if !(self.regularization.is_finite() && self.regularization >= 0.0) {
            return Err(Error::setting(
                "regularization",
                self.regularization,
                "a number from 0 on",
            ));
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
        let mut sample = Sample::new(self.kind(), train, target.len(), context)?;
        // Far from 0 squares of distances from the means would lose their digits.
        let center = middle(&sample.points);
        shift(&mut sample.points, &center);
        let fitted = self.best(&sample, context)?;
        if !fitted.converged {
            context.notes.add(format!(
                "`gaussian_mixture` stopped after {} turns before it converged: raise `max_iter`",
                self.max_iter
            ));
        }
        let model = GaussianMixtureModel::new(self, train.schema(), fitted, &center);
        Ok(Box::new(model))
    }
}

fn middle(points: &Points) -> Vec<f64> {
    let mut sums = vec![0.0; points.width()];
    for point in points.iter() {
        sums.iter_mut().zip(point).for_each(|(sum, x)| *sum += x);
    }
    sums.into_iter().map(|sum| sum / points.len() as f64).collect()
}

fn shift(points: &mut Points, center: &[f64]) {
    for point in points.values_mut().chunks_exact_mut(center.len()) {
        point.iter_mut().zip(center).for_each(|(x, center)| *x -= center);
    }
}
