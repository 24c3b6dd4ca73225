//! The mean of one kind of model fitted to many draws of the rows.
//! Method: Breiman, *Bagging Predictors*, Machine Learning 24 (1996).

use std::sync::Arc;

use gristmill_core::graph::{Answers, Graph, Wire};
use gristmill_core::{
    Catalog, Compose, DenseMatrix, Error, Estimator, EstimatorSpec, FitContext, Frame, LoadWith,
    Model, Random, Result, Schema, Scores, State, StoredModel, Target, Task,
};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::learning::{Learning, answers, check_inner, express_scores, scores, width};
use super::members::{Members, require};
use crate::tree::{Amount, at_least, is_share};

/// Fits a model to each of many draws of the rows and answers with the mean of their
/// probabilities or numbers.
///
/// Rows are drawn with replacement, and columns without; weights of rows go with them. Each draw
/// has a seed of its own, so the number of threads does not matter. See [`BaggingSettings`] for its
/// form in a pipeline file.
#[derive(Debug)]
pub struct Bagging {
    /// The model.
    pub model: Box<dyn Estimator>,
    /// How often it is fitted.
    pub estimators: usize,
    /// How many rows are drawn.
    pub max_samples: Amount,
    /// How many columns are drawn.
    pub max_features: Amount,
    /// How rows are drawn.
    pub draws: Draws,
}

/// [`Bagging`] as a pipeline file has it:
///
/// ```yaml
/// bagging: {model: {k_nearest: {neighbors: 3}}, estimators: 30, max_features: 0.5}
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BaggingSettings {
    /// The model.
    pub model: EstimatorSpec,
    /// How often it is fitted.
    #[serde(default = "usual_estimators")]
    #[schemars(range(min = 1))]
    pub estimators: usize,
    /// How many rows are drawn: a count, or a share of all; without it as many as there are.
    #[serde(default = "all")]
    pub max_samples: Amount,
    /// How many columns are drawn: a count, or a share of all; without it all of them.
    #[serde(default = "all")]
    pub max_features: Amount,
    /// How rows are drawn.
    #[serde(default)]
    pub draws: Draws,
}

/// How rows are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Draws {
    /// A row can come several times.
    #[default]
    Bootstrap,
    /// A row comes once at most; worth something with a `max_samples` below 1.
    Distinct,
}

fn usual_estimators() -> usize {
    10
}

fn all() -> Amount {
    Amount::Share(1.0)
}

impl Bagging {
    /// The version of what it learns: raised whenever equal rows would teach it something else.
    pub const VERSION: u32 = 1;

    fn fit_one(&self, learning: &Learning<'_>, at: usize) -> Result<(Box<dyn Model>, Vec<u32>)> {
        let seed = learning.context.seed.numbered(at as u64);
        let mut random = seed.named("draws").random();
        let rows = learning.rows.rows();
        let wanted = amount(self.max_samples, rows);
        let drawn = match self.draws {
            Draws::Bootstrap => {
                let mut drawn: Vec<u32> = (0..wanted).map(|_| random.below(rows) as u32).collect();
                drawn.sort_unstable();
                drawn
            }
            Draws::Distinct => distinct(rows, wanted, &mut random),
        };
        let width = learning.rows.schema().len();
        let columns = distinct(width, amount(self.max_features, width), &mut random);
        let positions: Vec<usize> = columns.iter().map(|&column| column as usize).collect();
        let seen = (columns.len() < width).then_some(positions.as_slice());
        let model = learning.fit_some(self.model.as_ref(), &drawn, seen, seed.named("model"))?;
        Ok((model, columns))
    }
}

/// How many of `all` an amount is; at least one.
fn amount(amount: Amount, all: usize) -> usize {
    let count = match amount {
        Amount::Count(count) => count,
        Amount::Share(share) => (share * all as f64).round() as usize,
    };
    count.clamp(1, all)
}

/// `count` different numbers below `all`, in rising order.
fn distinct(all: usize, count: usize, random: &mut Random) -> Vec<u32> {
    let mut numbers: Vec<u32> = (0..all as u32).collect();
    for at in 0..count.min(all) {
        numbers.swap(at, at + random.below(all - at));
    }
    numbers.truncate(count);
    numbers.sort_unstable();
    numbers
}

impl Compose for Bagging {
    type Settings = BaggingSettings;

    fn compose(settings: BaggingSettings, catalog: &Catalog) -> Result<Self> {
        let BaggingSettings { model, estimators, max_samples, max_features, draws } = settings;
        Ok(Self { model: model.build(catalog)?, estimators, max_samples, max_features, draws })
    }
}

impl Estimator for Bagging {
    fn kind(&self) -> &'static str {
        BaggingModel::KIND
    }

    fn check(&self, input: &Schema, task: Task) -> Result<()> {
        at_least("estimators", Some(self.estimators), 1)?;
        for (name, amount) in
            [("max_samples", self.max_samples), ("max_features", self.max_features)]
        {
            match amount {
                Amount::Count(count) => at_least(name, Some(count), 1)?,
                Amount::Share(share) => is_share(name, share)?,
            }
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
        let learning = Learning::new(train, target, context)?;
        let fitted = (0..self.estimators)
            .into_par_iter()
            .map(|at| self.fit_one(&learning, at))
            .collect::<Result<Vec<_>>>()?;
        let (models, columns): (Vec<_>, Vec<_>) = fitted.into_iter().unzip();
        Ok(Box::new(BaggingModel {
            input: Arc::clone(train.schema()),
            task: target.task(),
            columns,
            members: Members(models),
        }))
    }

    fn takes_sparse(&self) -> bool {
        self.model.takes_sparse()
    }

    fn validation_share(&self) -> Option<f64> {
        self.model.validation_share()
    }
}

/// The models of [`Bagging`], and the columns that each of them sees.
#[derive(Debug)]
pub struct BaggingModel {
    input: Arc<Schema>,
    task: Task,
    columns: Vec<Vec<u32>>,
    members: Members,
}

/// What is stored of it besides numbers.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    task: Task,
    /// All columns, also those that no model sees.
    names: Vec<String>,
    columns: Vec<Vec<u32>>,
    models: Vec<StoredModel>,
}

impl BaggingModel {
    const KIND: &'static str = "bagging";

    fn answers_of(&self, at: usize, rows: &Frame) -> Result<DenseMatrix> {
        let (model, columns) = (&self.members.0[at], &self.columns[at]);
        if columns.len() == self.input.len() {
            return answers(model.predict(rows)?);
        }
        let columns: Vec<usize> = columns.iter().map(|&column| column as usize).collect();
        answers(model.predict(&rows.select(&columns))?)
    }
}

impl Model for BaggingModel {
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
        for field in self.input.fields() {
            rows.schema().position(&field.name)?;
        }
        let all: Vec<DenseMatrix> = (0..self.members.0.len())
            .into_par_iter()
            .map(|at| self.answers_of(at, rows))
            .collect::<Result<_>>()?;
        let mut mean = vec![0.0; rows.rows() * width(self.task)];
        for answers in &all {
            let terms = mean.iter_mut().zip(answers.values());
            terms.for_each(|(mean, answer)| *mean += answer / all.len() as f64);
        }
        if matches!(self.task, Task::Classification { .. }) {
            mean.iter_mut().for_each(|p| *p = p.min(1.0));
        }
        Ok(scores(DenseMatrix::from_columns(rows.rows(), width(self.task), mean)?, self.task))
    }

    /// The mean of the importances of the models, when they know; columns that one does not see
    /// have none there.
    fn importances(&self) -> Option<Vec<f64>> {
        let mut mean = vec![0.0; self.input.len()];
        for (model, columns) in self.members.0.iter().zip(&self.columns) {
            for (&column, own) in columns.iter().zip(model.importances()?) {
                mean[column as usize] += own / self.members.0.len() as f64;
            }
        }
        Some(mean)
    }

    fn takes_sparse(&self) -> bool {
        self.members.takes_sparse()
    }

    fn express(&self, graph: &Graph, columns: &[Wire]) -> Result<Answers> {
        let mut mean = graph.number(0.0);
        let count = graph.number(self.members.0.len() as f64);
        for (model, own) in self.members.0.iter().zip(&self.columns) {
            let seen: Vec<Wire> =
                own.iter().filter_map(|&at| columns.get(at as usize)).copied().collect();
            let answers = model.express(graph, &seen)?.value();
            mean = graph.add(mean, graph.divide(answers, count));
        }
        Ok(express_scores(mean, self.task))
    }

    fn state(&self) -> State {
        let facts = Facts {
            task: self.task,
            names: self.input.fields().iter().map(|field| field.name.clone()).collect(),
            columns: self.columns.clone(),
            models: self.members.facts(),
        };
        self.members.put(State::new(&facts))
    }
}

impl LoadWith for BaggingModel {
    fn load_with(state: &State, input: &Arc<Schema>, catalog: &Catalog) -> Result<Self> {
        let Facts { task, names, columns, models } = state.facts()?;
        if !names.iter().eq(input.fields().iter().map(|field| &field.name)) {
            return Err(Error::damaged("model `bagging`", "it takes other columns"));
        }
        let members = Members::load(&models, state, catalog)?;
        let rises = |columns: &Vec<u32>| {
            columns.windows(2).all(|pair| pair[0] < pair[1])
                && columns.last().is_some_and(|&last| (last as usize) < input.len())
        };
        if columns.len() != members.0.len() || !columns.iter().all(rises) {
            return Err(Error::damaged("model `bagging`", "its columns do not fit its models"));
        }
        for (model, columns) in members.0.iter().zip(&columns) {
            let columns: Vec<usize> = columns.iter().map(|&column| column as usize).collect();
            require(model.as_ref(), &Arc::new(input.select(&columns)), task)?;
        }
        Ok(Self { input: Arc::clone(input), task, columns, members })
    }
}
