//! A model that learns from what other models say.
//! Method: Wolpert, *Stacked Generalization*, Neural Networks 5 (1992); Breiman, *Stacked
//! Regressions*, Machine Learning 24 (1996).

use std::sync::Arc;

use gristmill_core::graph::{Answers, Graph, Wire};
use gristmill_core::{
    Catalog, Column, Compose, DenseMatrix, Error, Estimator, EstimatorSpec, Field, FitContext,
    Frame, LoadWith, Model, Result, Schema, Scores, State, StoredModel, Target, Task, Validation,
};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::by_task::ByTask;
use super::folds::{Folds, check_folds};
use super::learning::{Learning, answers, check_inner, validation_share};
use super::members::{Members, require};

/// Fits several models, and a final one that learns from their answers what to answer.
///
/// The final model learns from out-of-fold answers: each row is answered by models that were
/// fitted to the other `folds` − 1 folds, so that it never sees a model's memory of a row. The
/// models themselves are then fitted to all rows. It sees probabilities of all classes but the
/// first of two, or numbers, model after model. Folds are stratified by class and follow the seed.
/// See [`StackingSettings`] for its form in a pipeline file.
#[derive(Debug)]
pub struct Stacking {
    /// The models whose answers are learned from.
    pub models: Vec<Box<dyn Estimator>>,
    /// The model that learns from them; one for classes and one for numbers.
    pub final_model: ByTask,
    /// How many folds the rows are dealt into.
    pub folds: usize,
    /// What else the final model sees.
    pub passthrough: Passthrough,
}

/// [`Stacking`] as a pipeline file has it:
///
/// ```yaml
/// stacking:
///   models: [{random_forest: {trees: 200}}, {k_nearest: {neighbors: 15}}]
///   final_model: {logistic_regression: {}}
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StackingSettings {
    /// The models whose answers are learned from.
    #[schemars(length(min = 1))]
    pub models: Vec<EstimatorSpec>,
    /// The model that learns from them; without it `logistic_regression` for classes and `ridge`
    /// for numbers.
    #[serde(default)]
    pub final_model: Option<EstimatorSpec>,
    /// How many folds the rows are dealt into.
    #[serde(default = "usual_folds")]
    #[schemars(range(min = 2))]
    pub folds: usize,
    /// What else the final model sees.
    #[serde(default)]
    pub passthrough: Passthrough,
}

/// What the final model sees besides answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Passthrough {
    /// Nothing.
    #[default]
    None,
    /// The columns that the models learn from.
    Columns,
}

pub(super) fn usual_folds() -> usize {
    5
}

impl Stacking {
    /// The version of what it learns: raised whenever equal rows would teach it something else.
    pub const VERSION: u32 = 1;

    fn inner(&self) -> impl Iterator<Item = &dyn Estimator> {
        self.models.iter().map(AsRef::as_ref)
    }

    /// The models of all rows, and the out-of-fold answers of each.
    fn fit_models(&self, learning: &Learning<'_>) -> Result<Vec<(Box<dyn Model>, DenseMatrix)>> {
        let context = learning.context;
        let folds = Folds::new(learning.target, self.folds, context.seed)?;
        self.models
            .par_iter()
            .enumerate()
            .map(|(at, model)| {
                let seed = context.seed.named("models").numbered(at as u64);
                let answers = learning.out_of_fold(model.as_ref(), &folds, seed)?;
                Ok((learning.fit(model.as_ref(), seed)?, answers))
            })
            .collect()
    }
}

impl Compose for Stacking {
    type Settings = StackingSettings;

    fn compose(settings: StackingSettings, catalog: &Catalog) -> Result<Self> {
        let StackingSettings { models, final_model, folds, passthrough } = settings;
        let models = models.iter().map(|spec| spec.build(catalog)).collect::<Result<_>>()?;
        let final_model = match final_model {
            Some(spec) => ByTask::Given(spec.build(catalog)?),
            None => ByTask::Each {
                classes: catalog.build_estimator("logistic_regression", &Value::Null)?,
                numbers: catalog.build_estimator("ridge", &Value::Null)?,
            },
        };
        Ok(Self { models, final_model, folds, passthrough })
    }
}

impl Estimator for Stacking {
    fn kind(&self) -> &'static str {
        StackingModel::KIND
    }

    fn check(&self, input: &Schema, task: Task) -> Result<()> {
        if self.models.is_empty() {
            return Err(Error::setting("models", "empty", "at least one model"));
        }
        check_folds(self.folds)?;
        check_inner(self.kind(), self.inner(), input, task)?;
        let kinds: Vec<&str> = self.inner().map(Estimator::kind).collect();
        let seen = seen_schema(&kinds, input, task, self.passthrough)?;
        check_inner(self.kind(), [self.final_model.for_task(task)], &seen, task)
    }

    fn fit(
        &self,
        train: &Frame,
        target: &Target,
        context: &FitContext<'_>,
    ) -> Result<Box<dyn Model>> {
        let task = target.task();
        self.check(train.schema(), task)?;
        let learning = Learning::new(train, target, context)?;
        let (models, answers): (Vec<_>, Vec<_>) = self.fit_models(&learning)?.into_iter().unzip();
        let members = Members(models);
        let seen = seen(&members, &answers, train, task, self.passthrough)?;
        let validation = context.validation.map(|held| {
            let rows = seen_by(&members, &held.rows, task, self.passthrough)?;
            Ok(Validation { rows, ..held.clone() })
        });
        let validation = validation.transpose()?;
        let context = context.with_validation(validation.as_ref());
        let learning = Learning { rows: &seen, target, context: &context };
        let last = learning.fit(self.final_model.for_task(task), context.seed.named("final"))?;
        let (input, passthrough) = (Arc::clone(train.schema()), self.passthrough);
        Ok(Box::new(StackingModel { input, task, passthrough, members, last }))
    }

    fn takes_sparse(&self) -> bool {
        // The final model may not know sparse columns, which it sees only when they are passed on.
        self.passthrough == Passthrough::None && self.models.iter().all(|m| m.takes_sparse())
    }

    fn validation_share(&self) -> Option<f64> {
        validation_share(self.inner().chain(self.final_model.all()))
    }
}

/// The columns that the final model sees.
fn seen_schema(
    kinds: &[&str],
    input: &Schema,
    task: Task,
    passthrough: Passthrough,
) -> Result<Schema> {
    let mut fields = Vec::new();
    for (at, kind) in kinds.iter().enumerate() {
        let name = |word: usize| Field::number(format!("{kind} {at} says {word}"));
        fields.extend(told(task).map(name));
    }
    if passthrough == Passthrough::Columns {
        fields.extend(input.fields().iter().cloned());
    }
    Schema::new(fields)
}

/// Which numbers of an answer the final model sees: of two classes the first says nothing new.
fn told(task: Task) -> std::ops::Range<usize> {
    match task {
        Task::Classification { classes: 2 } => 1..2,
        Task::Classification { classes } => 0..classes,
        Task::Regression | Task::Unsupervised => 0..1,
    }
}

fn seen(
    members: &Members,
    answers: &[DenseMatrix],
    rows: &Frame,
    task: Task,
    passthrough: Passthrough,
) -> Result<Frame> {
    let kinds: Vec<&str> = members.0.iter().map(|model| model.kind()).collect();
    let schema = seen_schema(&kinds, rows.schema(), task, passthrough)?;
    let told = told(task);
    let columns = answers.iter().flat_map(|answers| {
        told.clone().map(|column| Column::Numbers(answers.column(column).to_vec()))
    });
    let mut columns: Vec<Column> = columns.collect();
    if passthrough == Passthrough::Columns {
        columns.extend(rows.columns().iter().cloned());
    }
    Frame::new(Arc::new(schema), columns, rows.rows())
}

/// What the final model sees of rows that the models have not learned from.
fn seen_by(members: &Members, rows: &Frame, task: Task, passthrough: Passthrough) -> Result<Frame> {
    let answers: Vec<DenseMatrix> =
        members.0.iter().map(|model| answers(model.predict(rows)?)).collect::<Result<_>>()?;
    seen(members, &answers, rows, task, passthrough)
}

/// The models of [`Stacking`], and the one that learned from their answers.
#[derive(Debug)]
pub struct StackingModel {
    input: Arc<Schema>,
    task: Task,
    passthrough: Passthrough,
    members: Members,
    last: Box<dyn Model>,
}

/// What is stored of it besides numbers.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    task: Task,
    passthrough: Passthrough,
    models: Vec<StoredModel>,
    last: StoredModel,
}

impl StackingModel {
    const KIND: &'static str = "stacking";
    const LAST: &'static str = "final";

    /// The model that learned from the answers of the others.
    pub fn final_model(&self) -> &dyn Model {
        self.last.as_ref()
    }
}

impl Model for StackingModel {
    fn kind(&self) -> &'static str {
        Self::KIND
    }

    fn input(&self) -> &Arc<Schema> {
        &self.input
    }

    fn task(&self) -> Task {
        self.task
    }

    fn predict(&self, rows: &Frame) -> Result<Scores> {
        self.last.predict(&seen_by(&self.members, rows, self.task, self.passthrough)?)
    }

    fn takes_sparse(&self) -> bool {
        self.passthrough == Passthrough::None && self.members.takes_sparse()
    }

    fn express(&self, graph: &Graph, columns: &[Wire]) -> Result<Answers> {
        let mut seen: Vec<Wire> = Vec::new();
        for model in &self.members.0 {
            let answers = model.express(graph, columns)?.value();
            seen.extend(told(self.task).map(|at| answers.wires()[at]));
        }
        if self.passthrough == Passthrough::Columns {
            seen.extend(columns);
        }
        self.last.express(graph, &seen)
    }

    fn state(&self) -> State {
        let facts = Facts {
            task: self.task,
            passthrough: self.passthrough,
            models: self.members.facts(),
            last: StoredModel::new(self.last.as_ref()),
        };
        self.members.put(State::new(&facts)).with_model(Self::LAST, self.last.as_ref())
    }
}

impl LoadWith for StackingModel {
    fn load_with(state: &State, input: &Arc<Schema>, catalog: &Catalog) -> Result<Self> {
        let Facts { task, passthrough, models, last } = state.facts()?;
        let members = Members::load(&models, state, catalog)?;
        members.0.iter().try_for_each(|model| require(model.as_ref(), input, task))?;
        let last = last.load(Self::LAST, state, catalog)?;
        let kinds: Vec<&str> = members.0.iter().map(|model| model.kind()).collect();
        let seen = seen_schema(&kinds, input, task, passthrough)
            .map_err(|error| Error::damaged("model `stacking`", error.to_string()))?;
        require(last.as_ref(), &Arc::new(seen), task)?;
        Ok(Self { input: Arc::clone(input), task, passthrough, members, last })
    }
}
