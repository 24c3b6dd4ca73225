//! Probabilities that mean what they say.
//! Method: Platt 1999 for `sigmoid`; Zadrozny and Elkan, *Transforming Classifier Scores into
//! Accurate Multiclass Probability Estimates*, KDD 2002, for `isotonic` and for several classes.

use std::sync::Arc;

use gristmill_core::graph::{Answers, Graph, Wire};
use gristmill_core::{
    Catalog, Compose, Error, Estimator, EstimatorSpec, FitContext, Frame, LoadWith, Model, Result,
    Schema, Scores, State, StoredModel, Target, Task,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::calibrator::Calibrator;
use super::folds::{Folds, check_folds};
use super::learning::{Learning, answers, check_inner, require_classes};
use super::members::{Members, require};
use super::stacking::usual_folds;

/// Bends the probabilities of a model so that of the rows with probability p about the share p is
/// of the class.
///
/// How to bend them is learned from out-of-fold answers: each row is answered by a model that was
/// fitted to the other `folds` − 1 folds. The model itself is then fitted to all rows, as by
/// scikit-learn's `ensemble=False`. With more than two classes each is bent by itself and then
/// they are divided by their sum. Folds are stratified by class and follow the seed; row weights
/// count in both. See [`CalibrationSettings`] for its form in a pipeline file.
#[derive(Debug)]
pub struct Calibration {
    /// The model.
    pub model: Box<dyn Estimator>,
    /// What form the bend has.
    pub method: CalibrationMethod,
    /// How many folds the rows are dealt into.
    pub folds: usize,
}

/// [`Calibration`] as a pipeline file has it:
///
/// ```yaml
/// calibration: {model: {random_forest: {trees: 200}}, method: isotonic}
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CalibrationSettings {
    /// The model.
    pub model: EstimatorSpec,
    /// What form the bend has.
    #[serde(default)]
    pub method: CalibrationMethod,
    /// How many folds the rows are dealt into.
    #[serde(default = "usual_folds")]
    #[schemars(range(min = 2))]
    pub folds: usize,
}

/// What form the bend has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CalibrationMethod {
    /// A logistic curve: two numbers, good for few rows. It is drawn over the probability of the
    /// model or over its log-odds, ln p / (1 − p) up to one in a million, whichever makes the
    /// out-of-fold answers likelier; over log-odds a calibrated model stays as it is.
    #[default]
    Sigmoid,
    /// Any line that rises: good from about a thousand rows of each class on.
    Isotonic,
}

impl Calibration {
    /// The version of what it learns: raised whenever equal rows would teach it something else.
    pub const VERSION: u32 = 1;
}

impl Compose for Calibration {
    type Settings = CalibrationSettings;

    fn compose(settings: CalibrationSettings, catalog: &Catalog) -> Result<Self> {
        let CalibrationSettings { model, method, folds } = settings;
        Ok(Self { model: model.build(catalog)?, method, folds })
    }
}

impl Estimator for Calibration {
    fn kind(&self) -> &'static str {
        CalibrationModel::KIND
    }

    fn check(&self, input: &Schema, task: Task) -> Result<()> {
        check_folds(self.folds)?;
        require_classes(self.kind(), task)?;
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
            return Err(Error::Bug("`calibration` was given numbers to learn".into()));
        };
        let learning = Learning::new(train, target, context)?;
        let folds = Folds::new(target, self.folds, context.seed)?;
        let seed = context.seed.named("model");
        let answers = learning.out_of_fold(self.model.as_ref(), &folds, seed)?;
        let calibrator = Calibrator::fit(self.method, &answers, codes, |row| learning.weight(row))?;
        Ok(Box::new(CalibrationModel {
            input: Arc::clone(train.schema()),
            classes: labels.len(),
            method: self.method,
            calibrator,
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

/// The model of [`Calibration`], and how its probabilities are bent.
#[derive(Debug)]
pub struct CalibrationModel {
    input: Arc<Schema>,
    classes: usize,
    method: CalibrationMethod,
    calibrator: Calibrator,
    members: Members,
}

/// What is stored of it besides numbers.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    classes: usize,
    method: CalibrationMethod,
    models: Vec<StoredModel>,
}

impl CalibrationModel {
    const KIND: &'static str = "calibration";
}

impl Model for CalibrationModel {
    fn kind(&self) -> &'static str {
        Self::KIND
    }

    fn input(&self) -> &Arc<Schema> {
        &self.input
    }

    fn task(&self) -> Task {
        Task::Classification { classes: self.classes }
    }

    fn predict(&self, rows: &Frame) -> Result<Scores> {
        let answers = answers(self.members.0[0].predict(rows)?)?;
        Ok(Scores::Probabilities(self.calibrator.apply(&answers)))
    }

    /// Those of the model inside.
    fn importances(&self) -> Option<Vec<f64>> {
        self.members.0[0].importances()
    }

    fn takes_sparse(&self) -> bool {
        self.members.takes_sparse()
    }

    fn express(&self, graph: &Graph, columns: &[Wire]) -> Result<Answers> {
        let answers = self.members.0[0].express(graph, columns)?.value();
        Ok(Answers::Probabilities(self.calibrator.express(graph, answers)))
    }

    fn state(&self) -> State {
        let (classes, method) = (self.classes, self.method);
        let facts = Facts { classes, method, models: self.members.facts() };
        self.calibrator.put(self.members.put(State::new(&facts)))
    }
}

impl LoadWith for CalibrationModel {
    fn load_with(state: &State, input: &Arc<Schema>, catalog: &Catalog) -> Result<Self> {
        let Facts { classes, method, models } = state.facts()?;
        let members = Members::load(&models, state, catalog)?;
        require(members.0[0].as_ref(), input, Task::Classification { classes })?;
        let calibrator = Calibrator::load(method, classes, state)?;
        Ok(Self { input: Arc::clone(input), classes, method, calibrator, members })
    }
}
