//! The probability from which on a row counts as positive, tuned for a metric.

use std::sync::Arc;

use gristmill_core::graph::{Answers, Graph, Wire};
use gristmill_core::{
    Catalog, Compose, DenseMatrix, Error, Estimator, EstimatorSpec, FitContext, Frame, LoadWith,
    Model, Result, Schema, Scores, State, StoredModel, Target, Task,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::folds::{Folds, check_folds};
use super::learning::{Learning, answers, check_inner, require_classes};
use super::members::{Members, require};
use super::stacking::usual_folds;
use super::tuning::{Tuned, tune};

/// Finds the probability from which on the positive class should be answered, and shifts the
/// probabilities of a model of two classes so that this is where they are even.
///
/// The answer for a row is the class of the greater probability, so the threshold t shows in the
/// probabilities: they become q = p (1 − t) / (p (1 − t) + (1 − p) t). This rises with p, keeps 0
/// and 1, and turns t into ½; it is what p would be if the odds of the classes changed by
/// (1 − t) / t, so curves and rankings stay the same, while calibration is lost on purpose: put
/// `calibration` inside, not around.
///
/// The threshold is the one that is best for `metric` on out-of-fold answers: each row is answered
/// by a model that was fitted to the other `folds` − 1 folds. It lies in the middle between the
/// probabilities around it, and the one nearest to ½ is taken of those that are equally good. The
/// model itself is then fitted to all rows. Folds are stratified by class and follow the seed; row
/// weights count in all of it. See [`ThresholdSettings`] for its form in a pipeline file.
#[derive(Debug)]
pub struct Threshold {
    /// The model.
    pub model: Box<dyn Estimator>,
    /// What the threshold is best for.
    pub metric: ThresholdMetric,
    /// How many folds the rows are dealt into.
    pub folds: usize,
}

/// [`Threshold`] as a pipeline file has it:
///
/// ```yaml
/// threshold:
///   model: {logistic_regression: {}}
///   metric: {cost: {false_negative: 5}}
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ThresholdSettings {
    /// The model.
    pub model: EstimatorSpec,
    /// What the threshold is best for.
    #[serde(default)]
    pub metric: ThresholdMetric,
    /// How many folds the rows are dealt into.
    #[serde(default = "usual_folds")]
    #[schemars(range(min = 2))]
    pub folds: usize,
}

/// What a threshold is best for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ThresholdMetric {
    /// The mean of the shares of both classes that are found.
    #[default]
    BalancedAccuracy,
    /// Youden's J, the sum of these shares less 1: it has the thresholds of `balanced_accuracy`.
    Youden,
    /// 2 TP / (2 TP + FP + FN) of the positive class.
    F1,
    /// The least sum of what mistakes cost.
    Cost(Costs),
}

/// What a mistake about one row costs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Costs {
    /// To call a row positive that is not.
    #[schemars(range(min = 0.0))]
    pub false_positive: f64,
    /// To miss a positive row.
    #[schemars(range(min = 0.0))]
    pub false_negative: f64,
}

impl Default for Costs {
    fn default() -> Self {
        Self { false_positive: 1.0, false_negative: 1.0 }
    }
}

impl Threshold {
    /// The version of what it learns: raised whenever equal rows would teach it something else.
    pub const VERSION: u32 = 1;

    fn check_metric(&self) -> Result<()> {
        let ThresholdMetric::Cost(Costs { false_positive, false_negative }) = self.metric else {
            return Ok(());
        };
        for (name, cost) in [("false_positive", false_positive), ("false_negative", false_negative)]
        {
            if !(cost.is_finite() && cost >= 0.0) {
                return Err(Error::setting(name, cost, "a number from 0 on"));
            }
        }
        if false_positive == 0.0 && false_negative == 0.0 {
            return Err(Error::setting("cost", "0 for every mistake", "some cost above 0"));
        }
        Ok(())
    }
}

impl Compose for Threshold {
    type Settings = ThresholdSettings;

    fn compose(settings: ThresholdSettings, catalog: &Catalog) -> Result<Self> {
        let ThresholdSettings { model, metric, folds } = settings;
        Ok(Self { model: model.build(catalog)?, metric, folds })
    }
}

impl Estimator for Threshold {
    fn kind(&self) -> &'static str {
        ThresholdModel::KIND
    }

    fn check(&self, input: &Schema, task: Task) -> Result<()> {
        check_folds(self.folds)?;
        self.check_metric()?;
        let classes = require_classes(self.kind(), task)?;
        if classes != 2 {
            return Err(Error::data_hint(
                format!("`threshold` divides two classes, and the target has {classes}"),
                "leave it out, or join classes",
            ));
        }
        check_inner(self.kind(), [self.model.as_ref()], input, task)
    }

    fn fit(
        &self,
        train: &Frame,
        target: &Target,
        context: &FitContext<'_>,
    ) -> Result<Box<dyn Model>> {
        self.check(train.schema(), target.task())?;
        let Target::Classes { codes, labels } = target else {
            return Err(Error::Bug("`threshold` was given numbers to learn".into()));
        };
        let learning = Learning::new(train, target, context)?;
        let folds = Folds::new(target, self.folds, context.seed)?;
        let seed = context.seed.named("model");
        let answers = learning.out_of_fold(self.model.as_ref(), &folds, seed)?;
        let positive = labels.positive().unwrap_or(1);
        let weight = |row| learning.weight(row);
        let Tuned { threshold } = tune(self.metric, answers.column(1), codes, positive, weight)?;
        Ok(Box::new(ThresholdModel {
            input: Arc::clone(train.schema()),
            threshold,
            members: Members(vec![learning.fit(self.model.as_ref(), seed)?]),
        }))
    }

    fn takes_sparse(&self) -> bool {
        self.model.takes_sparse()
    }

    fn validation_share(&self) -> Option<f64> {
        self.model.validation_share()
    }
}

/// The model of [`Threshold`], and the probability of its second class that becomes ½.
#[derive(Debug)]
pub struct ThresholdModel {
    input: Arc<Schema>,
    threshold: f64,
    members: Members,
}

/// What is stored of it besides numbers.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    models: Vec<StoredModel>,
}

const TWO: Task = Task::Classification { classes: 2 };

impl ThresholdModel {
    const KIND: &'static str = "threshold";

    /// The probability of the second class, as the model inside gives it, that becomes ½.
    pub fn threshold(&self) -> f64 {
        self.threshold
    }
}

/// A probability when the odds change so that `threshold` becomes ½.
fn shifted(probability: f64, threshold: f64) -> f64 {
    let (yes, no) = (probability * (1.0 - threshold), (1.0 - probability) * threshold);
    yes / (yes + no)
}

impl Model for ThresholdModel {
    fn kind(&self) -> &'static str {
        Self::KIND
    }

    fn input(&self) -> &Arc<Schema> {
        &self.input
    }

    fn task(&self) -> Task {
        TWO
    }

    fn predict(&self, rows: &Frame) -> Result<Scores> {
        let answers = answers(self.members.0[0].predict(rows)?)?;
        let second = answers.column(1).iter().map(|&p| shifted(p, self.threshold));
        let second: Vec<f64> = second.collect();
        let mut both: Vec<f64> = second.iter().map(|p| 1.0 - p).collect();
        both.extend(second);
        Ok(Scores::Probabilities(DenseMatrix::from_columns(rows.rows(), 2, both)?))
    }

    /// Those of the model inside.
    fn importances(&self) -> Option<Vec<f64>> {
        self.members.0[0].importances()
    }

    fn takes_sparse(&self) -> bool {
        self.members.takes_sparse()
    }

    fn express(&self, graph: &Graph, columns: &[Wire]) -> Result<Answers> {
        let shares = self.members.0[0].express(graph, columns)?.value();
        let probability = graph.columns(shares, &[1]);
        let one = graph.number(1.0);
        let yes = graph.multiply(probability, graph.number(1.0 - self.threshold));
        let no = graph.multiply(graph.subtract(one, probability), graph.number(self.threshold));
        let second = graph.divide(yes, graph.add(yes, no));
        Ok(Answers::Probabilities(graph.two_classes(second)))
    }

    fn state(&self) -> State {
        let facts = Facts { models: self.members.facts() };
        self.members.put(State::new(&facts).with_f64("threshold", vec![self.threshold]))
    }
}

impl LoadWith for ThresholdModel {
    fn load_with(state: &State, input: &Arc<Schema>, catalog: &Catalog) -> Result<Self> {
        let Facts { models } = state.facts()?;
        let members = Members::load(&models, state, catalog)?;
        require(members.0[0].as_ref(), input, TWO)?;
        match state.f64s("threshold")? {
            [threshold] if *threshold > 0.0 && *threshold < 1.0 => {
                Ok(Self { input: Arc::clone(input), threshold: *threshold, members })
            }
            _ => Err(Error::damaged("tensor `threshold`", "it is not one number between 0 and 1")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test] // by hand: 0.2 · 0.8 / (0.2 · 0.8 + 0.8 · 0.2), and 0.5 · 0.8 / (0.5 · 0.8 + 0.5 · 0.2)
    fn the_threshold_becomes_a_half_and_the_ends_stay() {
        assert_eq!(shifted(0.2, 0.2), 0.5);
        assert!((shifted(0.5, 0.2) - 0.8).abs() < 1e-15);
        for threshold in [1e-300, 0.2, 0.5, 0.999] {
            assert_eq!((shifted(0.0, threshold), shifted(1.0, threshold)), (0.0, 1.0));
        }
    }
}
