//! Support vector machines with kernels.

mod cache;
mod kernel;
mod model;
mod platt;
mod rows;
mod smo;
mod train;

pub use kernel::Kernel;
pub use model::SvmModel;

use gristmill_core::{Error, Estimator, FitContext, Frame, Model, Result, Schema, Target, Task};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::kernel::{KernelSettings, MOST_DEGREE};
use self::model::{Facts, Numbers};
use self::rows::DistinctRows;
use self::smo::Limits;
use self::train::{Curves, Training};
use crate::ClassWeight;
use crate::linear::{
    Present, Values, Weighed, check_not_negative, check_positive, check_weights, columns,
};

/// Tells classes apart, or fits a number, by f(x) = b + Σ βᵢ K(xᵢ, x) over rows xᵢ of training, the
/// support vectors.
///
/// For two classes f should be above 1 in the second and below −1 in the first; of more, each pair
/// is told apart and most pairs won decide. For a number f should be within `epsilon` of it. What
/// falls short costs `c` times by how much, times the row weight; the rest makes f as flat as it
/// can be, in the sense of the kernel. Distances are on the scale of the data, as in scikit-learn's
/// `SVC` and `SVR`, so columns should come standardised.
///
/// Time grows with the square of the rows and more; beyond some 100,000 distinct rows use
/// `linear_svm`. Equal rows are put together first. A note says when `max_iter` was not enough.
/// Source: Chang and Lin, *LIBSVM*, *ACM Transactions on Intelligent Systems and Technology* 2
/// (2011).
///
/// ```
/// # use gristmill_core::Pipeline;
/// # use gristmill_models::Svm;
/// # use gristmill_testkit::table;
/// let rows = table()
///     .numbers("x", [-2.0, -1.0, -0.1, 0.1, 1.0, 2.0])
///     .words("where", ["outside", "outside", "inside", "inside", "outside", "outside"])
///     .target("where");
/// let svm = Svm { c: 100.0, ..Svm::default() };
/// let fitted = Pipeline::new().model(svm).fit(&rows)?;
/// assert_eq!(fitted.predict(&rows)?.words().unwrap()[1..4], ["outside", "inside", "inside"]);
/// # Ok::<(), gristmill_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Svm {
    /// How alike two rows are.
    pub kernel: Kernel,
    /// How much falling short costs; also written `C`.
    #[serde(alias = "C")]
    #[schemars(range(min = 0.0))]
    pub c: f64,
    /// γ of the kernels rbf, polynomial and sigmoid.
    pub gamma: Gamma,
    /// The degree of a polynomial kernel.
    #[schemars(range(min = 0, max = 100))]
    pub degree: u32,
    /// What is added inside polynomial and sigmoid kernels; also written `coef0`.
    #[serde(alias = "coef0")]
    pub offset: f64,
    /// For numbers, how far an answer may be off at no cost, in units of the target.
    #[schemars(range(min = 0.0))]
    pub epsilon: f64,
    /// What the probabilities of classes are.
    pub probability: Probability,
    /// Whether rare classes weigh more.
    pub class_weight: ClassWeight,
    /// How far the conditions of the best solution may be violated.
    #[schemars(range(min = 0.0))]
    pub tolerance: f64,
    /// How many steps the solver may take; 1,000,000 without a word, or 100 a row if that is more.
    #[schemars(range(min = 1))]
    pub max_iter: Option<usize>,
    /// How much memory kernels may be kept in while fitting, in MiB.
    #[schemars(range(min = 1))]
    pub cache_size: usize,
}

/// γ of a kernel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", expecting = "expected scale, auto or a number for `gamma`")]
pub enum Gamma {
    /// 1/(columns · variance of all values).
    #[default]
    Scale,
    /// 1/columns.
    Auto,
    /// This number, above 0.
    #[serde(untagged)]
    Value(f64),
}

/// What the probabilities of classes are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Probability {
    /// Margins squashed by 1/(1 + e^−f), or softmax of the pairs won: in the right order, but not
    /// calibrated.
    #[default]
    Margin,
    /// Curves learned from margins of rows that were held out, which fits the model five more
    /// times. For more than two classes the most probable one may not be that of most pairs won.
    Platt,
}

impl Svm {
    /// The version of what it learns: raised whenever equal rows would teach it something else.
    pub const VERSION: u32 = 2;

    fn limits(&self, rows: usize) -> Limits {
        let usual = rows.saturating_mul(100).max(1_000_000);
        Limits {
            max_iter: self.max_iter.unwrap_or(usual),
            tolerance: self.tolerance,
            cache_bytes: self.cache_size.saturating_mul(1 << 20),
        }
    }

    fn kernel(&self, columns: &[Values<'_>], rows: usize) -> KernelSettings {
        let gamma = match self.gamma {
            Gamma::Value(gamma) => gamma,
            Gamma::Auto => 1.0 / columns.len() as f64,
            Gamma::Scale => {
                let variance = variance(columns, rows);
                if variance > 0.0 { 1.0 / (columns.len() as f64 * variance) } else { 1.0 }
            }
        };
        KernelSettings { kernel: self.kernel, gamma, offset: self.offset, degree: self.degree }
    }
}

impl Default for Svm {
    fn default() -> Self {
        Self {
            kernel: Kernel::Rbf,
            c: 1.0,
            gamma: Gamma::Scale,
            degree: 3,
            offset: 0.0,
            epsilon: 0.1,
            probability: Probability::Margin,
            class_weight: ClassWeight::None,
            tolerance: 1e-3,
            max_iter: None,
            cache_size: 200,
        }
    }
}

impl Estimator for Svm {
    fn kind(&self) -> &'static str {
        SvmModel::KIND
    }

    fn check(&self, input: &Schema, task: Task) -> Result<()> {
        check_positive("c", self.c)?;
        check_not_negative("epsilon", self.epsilon)?;
        check_positive("tolerance", self.tolerance)?;
        if let Gamma::Value(gamma) = self.gamma {
            check_positive("gamma", gamma)?;
        }
        if !self.offset.is_finite() {
            return Err(Error::setting("offset", self.offset, "a finite number"));
        }
        if self.degree > MOST_DEGREE {
            return Err(Error::setting("degree", self.degree, "at most 100"));
        }
        if self.max_iter == Some(0) {
            return Err(Error::setting("max_iter", 0, "at least 1"));
        }
        match task {
            Task::Unsupervised => return Err(Task::no_target(self.kind())),
            Task::Regression if self.class_weight != ClassWeight::None => {
                return Err(Error::setting("class_weight", "balanced", "none for a number"));
            }
            Task::Regression if self.probability != Probability::Margin => {
                return Err(Error::setting("probability", "platt", "no word for a number"));
            }
            Task::Classification { .. } | Task::Regression => {}
        }
        columns::check(input)
    }

    fn fit(
        &self,
        train: &Frame,
        target: &Target,
        context: &FitContext<'_>,
    ) -> Result<Box<dyn Model>> {
        self.check(train.schema(), target.task())?;
        let numbers = columns::numbers(train, train.schema())?;
        if train.rows() == 0 {
            return Err(Error::data("there is no row to learn from"));
        }
        check_weights(context.weights, train.rows())?;
        let fitted = match target {
            Target::Classes { .. } => self.fit_classes(train, &numbers, target, context)?,
            Target::Numbers(answers) => self.fit_numbers(train, &numbers, answers, context)?,
            Target::Absent(_) => return Err(Task::no_target(self.kind())),
        };
        Ok(Box::new(fitted))
    }
}

impl Svm {
    fn fit_classes(
        &self,
        train: &Frame,
        columns: &[Values<'_>],
        target: &Target,
        context: &FitContext<'_>,
    ) -> Result<SvmModel> {
        let present = Present::new(SvmModel::KIND, target, context)?;
        let answers: Vec<f64> = present.codes.iter().map(|&code| f64::from(code)).collect();
        let weights = present.row_weights(self.class_weight, context.weights);
        let curves = match self.probability {
            Probability::Margin => Curves::None,
            Probability::Platt => Curves::Learned,
        };
        let facts = |kernel| Facts {
            kernel,
            classes: present.all,
            present: present.classes.clone(),
            counts: Vec::new(),
            calibrated: curves == Curves::Learned,
        };
        self.learn(train, columns, (&answers, &weights), facts, |training| {
            training.classes(present.len(), curves, context)
        })
    }

    fn fit_numbers(
        &self,
        train: &Frame,
        columns: &[Values<'_>],
        answers: &[f64],
        context: &FitContext<'_>,
    ) -> Result<SvmModel> {
        let weights = context.weights.map_or_else(|| vec![1.0; answers.len()], <[f64]>::to_vec);
        let facts = |kernel| Facts {
            kernel,
            classes: 0,
            present: Vec::new(),
            counts: Vec::new(),
            calibrated: false,
        };
        self.learn(train, columns, (answers, &weights), facts, |training| {
            training.numbers(self.epsilon, context)
        })
    }

    /// The model out of what `solve` finds for the rows.
    fn learn(
        &self,
        train: &Frame,
        columns: &[Values<'_>],
        (answers, weights): (&[f64], &[f64]),
        facts: impl FnOnce(KernelSettings) -> Facts,
        solve: impl FnOnce(&Training<'_>) -> train::Vectors,
    ) -> Result<SvmModel> {
        let mut rows = DistinctRows::new(columns, answers, weights);
        let kernel = self.kernel(columns, train.rows());
        let centers = self.centers(&rows);
        rows.shift(&centers);
        if !rows.values.iter().all(|v| (v * v * rows.width as f64).is_finite()) {
            return Err(Error::data_hint(
                "the columns hold numbers too large for a support vector machine",
                "add `standardize` before the model",
            ));
        }
        let limits = self.limits(rows.len());
        let found = solve(&Training { rows: &rows, kernel, limits, c: self.c });
        let facts = Facts { counts: found.counts, ..facts(kernel) };
        let numbers = Numbers {
            vectors: rows.values_at(&found.places),
            centers,
            coefficients: found.coefficients,
            intercepts: found.intercepts,
            sigmoids: found.sigmoids,
        };
        Ok(SvmModel::new(train.schema(), facts, numbers))
    }

    /// What is subtracted from the columns: their means where the kernel sees distances alone,
    /// which keeps their digits, else nothing.
    fn centers(&self, rows: &DistinctRows) -> Vec<f64> {
        let mut centers = vec![0.0; rows.width];
        if self.kernel == Kernel::Rbf {
            for row in rows.values.chunks(rows.width) {
                centers.iter_mut().zip(row).for_each(|(sum, x)| *sum += x / rows.len() as f64);
            }
        }
        centers
    }
}

/// The variance of all values together.
fn variance(columns: &[Values<'_>], rows: usize) -> f64 {
    let n = (rows * columns.len()).max(1) as f64;
    let about = |shift: f64| {
        let rows = Weighed::new(0..rows, None);
        let moments = columns.iter().map(|column| column.moments(&rows, shift));
        moments.fold([0.0; 2], |[sum, squares], [more, square]| [sum + more, squares + square])
    };
    let mean = about(0.0)[0] / n;
    about(mean)[1] / n
}
