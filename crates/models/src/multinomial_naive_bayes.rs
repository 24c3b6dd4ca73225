//! Naive Bayes for counts, such as those of words in a text.

use gristmill_core::{Error, Estimator, FitContext, Frame, Model, Result, Schema, Target, Task};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ClassWeight;
use crate::linear::{
    Constant, LogisticModel, Present, Values, check_not_negative, columns, refuse_numbers,
};

/// Gives each class k the probability pₖ ∝ πₖ Πⱼ θₖⱼ^xⱼ, where πₖ is its share of the rows and θₖⱼ the
/// share of column j in all that the rows of the class count, after `alpha` more in each column.
///
/// Columns hold counts or other numbers from 0 on, such as TF-IDF; sparse ones stay sparse. The
/// logarithms are weighted sums of the columns, so the model is a linear one whose weights are
/// counted instead of searched for. Row weights count as so many rows. A class without training
/// rows gets the probability 0. Source: Manning, Raghavan and Schütze, *Introduction to
/// Information Retrieval*, 2008, 13.2.
///
/// ```
/// # use gristmill_core::Pipeline;
/// # use gristmill_models::MultinomialNaiveBayes;
/// # use gristmill_testkit::table;
/// let rows = table()
///     .numbers("good", [2.0, 1.0, 0.0, 0.0])
///     .numbers("bad", [0.0, 0.0, 3.0, 1.0])
///     .words("mood", ["glad", "glad", "sad", "sad"])
///     .target("mood");
/// let fitted = Pipeline::new().model(MultinomialNaiveBayes::default()).fit(&rows)?;
/// assert_eq!(fitted.predict(&rows)?.words().unwrap(), ["glad", "glad", "sad", "sad"]);
/// # Ok::<(), gristmill_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MultinomialNaiveBayes {
    /// How much is added to the count of each column in each class; at least 1e-10 is.
    #[schemars(range(min = 0.0))]
    pub alpha: f64,
    /// Whether classes with more rows are more probable from the start.
    pub fit_prior: bool,
}

impl MultinomialNaiveBayes {
    /// The version of what it learns: raised whenever equal rows would teach it something else.
    pub const VERSION: u32 = 1;

    /// Below this a column that a class never has would exclude the class for good.
    const LEAST_ALPHA: f64 = 1e-10;
}

impl Default for MultinomialNaiveBayes {
    fn default() -> Self {
        Self { alpha: 1.0, fit_prior: true }
    }
}

impl Estimator for MultinomialNaiveBayes {
    fn kind(&self) -> &'static str {
        LogisticModel::MULTINOMIAL_BAYES
    }

    fn check(&self, input: &Schema, task: Task) -> Result<()> {
        check_not_negative("alpha", self.alpha)?;
        refuse_numbers(self.kind(), task)?;
        columns::check(input)
    }

    fn fit(
        &self,
        train: &Frame,
        target: &Target,
        context: &FitContext<'_>,
    ) -> Result<Box<dyn Model>> {
        self.check(train.schema(), target.task())?;
        let design = columns::design(train, target.len(), context, Constant::Free)?;
        let present = Present::new(self.kind(), target, context)?;
        let weights = present.row_weights(ClassWeight::None, context.weights);
        let counts = counts(train, design.columns(), &present, &weights)?;
        let (logarithms, constants) = self.logarithms(&counts, &present);
        let scores = scores(&present, logarithms, constants, design.width());
        Ok(Box::new(LogisticModel::new(self.kind(), train.schema(), present.all, scores, &design)))
    }

    fn takes_sparse(&self) -> bool {
        true
    }
}

impl MultinomialNaiveBayes {
    /// ln θ, class after class, and ln π.
    fn logarithms(&self, counts: &[Vec<f64>], present: &Present) -> (Vec<f64>, Vec<f64>) {
        let alpha = self.alpha.max(Self::LEAST_ALPHA);
        let of_class = |class: usize| {
            let total: f64 = counts.iter().map(|column| column[class] + alpha).sum();
            counts.iter().map(move |column| ((column[class] + alpha) / total).ln())
        };
        let logarithms = (0..present.len()).flat_map(of_class).collect();
        let constant = |share: f64| if self.fit_prior { share.ln() } else { 0.0 };
        (logarithms, present.shares().into_iter().map(constant).collect())
    }
}

/// Σ w x of each column in each class.
///
/// # Errors
/// [`Error::Data`] for a number below 0.
fn counts(
    train: &Frame,
    columns: &[Values<'_>],
    present: &Present,
    weights: &[f64],
) -> Result<Vec<Vec<f64>>> {
    let each = columns.par_iter().enumerate().map(|(at, column)| {
        let mut sums = vec![0.0; present.len()];
        let mut negative = None;
        column.each(|row, x| {
            sums[present.codes[row] as usize] += weights[row] * x;
            if x < 0.0 && negative.is_none() {
                negative = Some((row, x));
            }
        });
        let Some((row, x)) = negative else { return Ok(sums) };
        let name = &train.schema().fields()[at].name;
        Err(Error::data_hint(
            format!("column `{name}` is {x} in row {}, and counts are from 0 on", row + 1),
            "use `gaussian_naive_bayes`, or `min_max` instead of `standardize` before the model",
        ))
    });
    each.collect()
}

/// Weights and constants as a linear model keeps them: of two classes the difference.
fn scores(
    present: &Present,
    logarithms: Vec<f64>,
    constants: Vec<f64>,
    width: usize,
) -> (Vec<f64>, Vec<f64>) {
    let (logarithms, constants) = if present.len() == 2 {
        let (first, second) = logarithms.split_at(width);
        let weights = second.iter().zip(first).map(|(b, a)| b - a).collect();
        (weights, vec![constants[1] - constants[0]])
    } else {
        (logarithms, constants)
    };
    (present.spread(logarithms, width, 0.0), present.spread(constants, 1, f64::NEG_INFINITY))
}
