//! Models fitted one after the other, each to what the ones before got wrong.
//! Method: for classes SAMME, Zhu, Zou, Rosset and Hastie, *Multi-class AdaBoost*, Statistics and
//! Its Interface 2 (2009); for numbers AdaBoost.R2, Drucker, *Improving Regressors Using Boosting
//! Techniques*, ICML 1997.

use std::sync::Arc;

use gristmill_core::{
    Catalog, Compose, Error, Estimator, EstimatorSpec, FitContext, Frame, Model, Random, Result,
    Schema, Target, Task,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::ada_boost_model::{AdaBoostModel, found_class};
use super::by_task::ByTask;
use super::learning::{Learning, answers, check_inner, validation_share};
use super::members::Members;
use crate::tree::at_least;

/// Fits models one after the other, and lets rows that the last one got wrong weigh more for the
/// next.
///
/// For K classes the model of each turn counts α = `learning_rate` · (ln (1 − e)/e + ln (K − 1)),
/// where e is the weighted share of rows that it gets wrong, and these rows weigh e^α times as
/// much in the next turn; probabilities are a softmax of s / (K − 1), where s is the α-weighted mean
/// of 1 for the class a model answers and −1/(K − 1) for the others. For numbers each turn draws
/// rows by their weights, with errors as shares of the largest; the answer is the weighted median.
/// Both are those of scikit-learn. It stops early once a model is perfect, or no better than
/// chance. See [`AdaBoostSettings`] for its form in a pipeline file.
///
/// # Errors
/// Fitting fails when already the first model is no better than chance.
#[derive(Debug)]
pub struct AdaBoost {
    /// The model of each turn.
    pub model: ByTask,
    /// How many turns there are at most.
    pub estimators: usize,
    /// How much each turn counts.
    pub learning_rate: f64,
}

/// [`AdaBoost`] as a pipeline file has it:
///
/// ```yaml
/// ada_boost: {model: {decision_tree: {max_depth: 2}}, estimators: 100}
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AdaBoostSettings {
    /// The model of each turn; without it a `decision_tree` of depth 1 for classes and 3 for
    /// numbers.
    pub model: Option<EstimatorSpec>,
    /// How many turns there are at most.
    #[schemars(range(min = 1))]
    pub estimators: usize,
    /// How much each turn counts.
    #[schemars(range(min = 0.0))]
    pub learning_rate: f64,
}

impl Default for AdaBoostSettings {
    fn default() -> Self {
        Self { model: None, estimators: 50, learning_rate: 1.0 }
    }
}

impl AdaBoost {
    /// The version of what it learns: raised whenever equal rows would teach it something else.
    pub const VERSION: u32 = 1;
}

impl Compose for AdaBoost {
    type Settings = AdaBoostSettings;

    fn compose(settings: AdaBoostSettings, catalog: &Catalog) -> Result<Self> {
        let AdaBoostSettings { model, estimators, learning_rate } = settings;
        let tree =
            |depth: usize| catalog.build_estimator("decision_tree", &json!({"max_depth": depth}));
        let model = match model {
            Some(spec) => ByTask::Given(spec.build(catalog)?),
            None => ByTask::Each { classes: tree(1)?, numbers: tree(3)? },
        };
        Ok(Self { model, estimators, learning_rate })
    }
}

impl Estimator for AdaBoost {
    fn kind(&self) -> &'static str {
        AdaBoostModel::KIND
    }

    fn check(&self, input: &Schema, task: Task) -> Result<()> {
        at_least("estimators", Some(self.estimators), 1)?;
        if !(self.learning_rate.is_finite() && self.learning_rate > 0.0) {
            return Err(Error::setting("learning_rate", self.learning_rate, "a number above 0"));
        }
        check_inner(self.kind(), [self.model.for_task(task)], input, task)
    }

    fn fit(
        &self,
        train: &Frame,
        target: &Target,
        context: &FitContext<'_>,
    ) -> Result<Box<dyn Model>> {
        self.check(train.schema(), target.task())?;
        let learning = Learning::new(train, target, context)?;
        let mut turns = Turns::new(self, learning)?;
        match target {
            Target::Classes { codes, labels } => turns.classes(codes, labels.len())?,
            Target::Numbers(values) => turns.numbers(values)?,
            Target::Absent(_) => return Err(Task::no_target(self.kind())),
        }
        let Turns { models, counts, .. } = turns;
        if models.is_empty() {
            return Err(Error::data_hint(
                "`ada_boost` found no model that is better than chance",
                "give it a stronger `model`, or other columns",
            ));
        }
        Ok(Box::new(AdaBoostModel {
            input: Arc::clone(train.schema()),
            task: target.task(),
            counts,
            members: Members(models),
        }))
    }

    fn takes_sparse(&self) -> bool {
        self.model.all().iter().all(|model| model.takes_sparse())
    }

    fn validation_share(&self) -> Option<f64> {
        validation_share(self.model.all())
    }
}

/// The turns so far.
struct Turns<'a> {
    settings: &'a AdaBoost,
    learning: Learning<'a>,
    /// What each row weighs; the mean of all is 1.
    weights: Vec<f64>,
    models: Vec<Box<dyn Model>>,
    counts: Vec<f64>,
}

impl<'a> Turns<'a> {
    fn new(settings: &'a AdaBoost, learning: Learning<'a>) -> Result<Self> {
        let weights: Vec<f64> = (0..learning.rows.rows()).map(|row| learning.weight(row)).collect();
        if weights.iter().any(|w| !(w.is_finite() && *w >= 0.0)) {
            return Err(Error::data("row weights must be finite and from 0 on"));
        }
        let mut turns =
            Self { settings, learning, weights, models: Vec::new(), counts: Vec::new() };
        match turns.normalise() {
            true => Ok(turns),
            false => Err(Error::data("there is no row that weighs anything")),
        }
    }

    /// Weights with a mean of 1; says whether there is such a thing.
    fn normalise(&mut self) -> bool {
        let mean = self.weights.iter().sum::<f64>() / self.weights.len() as f64;
        if !(mean.is_finite() && mean > 0.0) {
            return false;
        }
        if mean != 1.0 {
            self.weights.iter_mut().for_each(|weight| *weight /= mean);
        }
        true
    }

    fn keep(&mut self, model: Box<dyn Model>, count: f64) {
        self.models.push(model);
        self.counts.push(count);
    }

    fn classes(&mut self, codes: &[u32], classes: usize) -> Result<()> {
        let others = classes as f64 - 1.0;
        for turn in 0..self.settings.estimators {
            let Learning { rows, target, context } = self.learning;
            let weighted = FitContext { weights: Some(&self.weights), ..*context };
            let learning = Learning { rows, target, context: &weighted };
            let estimator = self.settings.model.for_task(target.task());
            let model = learning.fit(estimator, context.seed.numbered(turn as u64))?;
            let answers = answers(model.predict(rows)?)?;
            let wrong: Vec<bool> =
                (0..codes.len()).map(|row| found_class(&answers, row) != codes[row]).collect();
            let error = self.share(wrong.iter().map(|wrong| f64::from(u8::from(*wrong))));
            if error <= 0.0 {
                self.keep(model, 1.0);
                break;
            }
            if error >= 1.0 - 1.0 / classes as f64 {
                break;
            }
            let count = self.settings.learning_rate * (((1.0 - error) / error).ln() + others.ln());
            self.keep(model, count);
            let factor = count.exp();
            let weights = self.weights.iter_mut().zip(&wrong);
            weights.filter(|(_, wrong)| **wrong).for_each(|(weight, _)| *weight *= factor);
            if !self.normalise() {
                break;
            }
        }
        Ok(())
    }

    fn numbers(&mut self, values: &[f64]) -> Result<()> {
        for turn in 0..self.settings.estimators {
            let Learning { rows, target, context } = self.learning;
            let seed = context.seed.numbered(turn as u64);
            let drawn = self.draw(&mut seed.named("draws").random());
            let unweighted = FitContext { weights: None, ..*context };
            let learning = Learning { rows, target, context: &unweighted };
            let estimator = self.settings.model.for_task(target.task());
            let model = learning.fit_some(estimator, &drawn, None, seed.named("model"))?;
            let answers = answers(model.predict(rows)?)?;
            let found = answers.column(0).iter().zip(values);
            let mut errors: Vec<f64> = found.map(|(found, value)| (found - value).abs()).collect();
            let counted = errors.iter().zip(&self.weights).filter(|(_, weight)| **weight > 0.0);
            let largest = counted.fold(0.0, |largest: f64, (error, _)| largest.max(*error));
            if largest <= 0.0 {
                self.keep(model, 1.0);
                break;
            }
            errors.iter_mut().for_each(|error| *error = (*error / largest).min(1.0));
            let error = self.share(errors.iter().copied());
            if error >= 0.5 {
                // The first one is kept: one model is better than none.
                if self.models.is_empty() {
                    self.keep(model, 1.0);
                }
                break;
            }
            let factor = error / (1.0 - error);
            let rate = self.settings.learning_rate;
            self.keep(model, -rate * factor.ln());
            let weights = self.weights.iter_mut().zip(&errors);
            weights.for_each(|(weight, error)| *weight *= factor.powf((1.0 - error) * rate));
            if !self.normalise() {
                break;
            }
        }
        Ok(())
    }

    /// The weighted mean of a number of each row.
    fn share(&self, values: impl Iterator<Item = f64>) -> f64 {
        let sum: f64 = values.zip(&self.weights).map(|(value, weight)| value * weight).sum();
        sum / self.weights.iter().sum::<f64>()
    }

    /// As many rows as there are, drawn by weight, in rising order.
    fn draw(&self, random: &mut Random) -> Vec<u32> {
        let mut sums = Vec::with_capacity(self.weights.len());
        let mut all = 0.0;
        for weight in &self.weights {
            all += weight;
            sums.push(all);
        }
        // Rounding must not lead beyond the last row that weighs something.
        let last = self.weights.iter().rposition(|weight| *weight > 0.0).unwrap_or(0);
        let draw = |_| {
            let wanted = random.unit() * all;
            sums.partition_point(|sum| *sum <= wanted).min(last) as u32
        };
        let mut drawn: Vec<u32> = (0..self.weights.len()).map(draw).collect();
        drawn.sort_unstable();
        drawn
    }
}
