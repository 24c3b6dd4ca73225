//! The mean of what several models say.

use std::sync::Arc;

use gristmill_core::graph::{Answers, Graph, Wire};
use gristmill_core::{
    Catalog, Compose, DenseMatrix, Error, Estimator, EstimatorSpec, FitContext, Frame, LoadWith,
    Model, Result, Schema, Scores, State, StoredModel, Target, Task,
};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::learning::{
    Learning, answers, check_inner, express_scores, scores, validation_share, width,
};
use super::members::{Members, require};

/// Fits several models to the same rows and answers with what they say together.
///
/// For numbers Σ wᵢ ŷᵢ / Σ wᵢ; for classes by `soft` voting the same of probabilities, and by
/// `hard` voting the share of the votes, each model having one for the class it finds most
/// probable. See [`VotingSettings`] for its form in a pipeline file.
#[derive(Debug)]
pub struct Voting {
    /// The models.
    pub models: Vec<Box<dyn Estimator>>,
    /// What they are asked.
    pub voting: VotingRule,
    /// How much each of them counts; without it all the same.
    pub weights: Option<Vec<f64>>,
}

/// [`Voting`] as a pipeline file has it:
///
/// ```yaml
/// voting:
///   models: [{random_forest: {trees: 200}}, {logistic_regression: {}}]
///   weights: [2, 1]
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VotingSettings {
    /// The models.
    #[schemars(length(min = 1))]
    pub models: Vec<EstimatorSpec>,
    /// What they are asked.
    #[serde(default)]
    pub voting: VotingRule,
    /// How much each of them counts; without it all the same.
    #[serde(default)]
    pub weights: Option<Vec<f64>>,
}

/// What models are asked for when they vote on classes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VotingRule {
    /// Their probabilities.
    #[default]
    Soft,
    /// The class that each finds most probable.
    Hard,
}

impl Voting {
    /// The version of what it learns: raised whenever equal rows would teach it something else.
    pub const VERSION: u32 = 1;

    fn inner(&self) -> impl Iterator<Item = &dyn Estimator> {
        self.models.iter().map(AsRef::as_ref)
    }
}

impl Compose for Voting {
    type Settings = VotingSettings;

    fn compose(settings: VotingSettings, catalog: &Catalog) -> Result<Self> {
        let VotingSettings { models, voting, weights } = settings;
        let models = models.iter().map(|spec| spec.build(catalog)).collect::<Result<_>>()?;
        Ok(Self { models, voting, weights })
    }
}

impl Estimator for Voting {
    fn kind(&self) -> &'static str {
        VotingModel::KIND
    }

    fn check(&self, input: &Schema, task: Task) -> Result<()> {
        if self.models.is_empty() {
            return Err(Error::setting("models", "empty", "at least one model"));
        }
        if let Some(weights) = &self.weights {
            if weights.len() != self.models.len() {
                let wanted = format!("{}, one for each model", self.models.len());
                return Err(Error::setting(
                    "weights",
                    format!("{} numbers", weights.len()),
                    wanted,
                ));
            }
            usable(weights)?;
        }
        check_inner(self.kind(), self.inner(), input, task)
    }

    fn fit(
        &self,
        train: &Frame,
        target: &Target,
        context: &FitContext<'_>,
    ) -> Result<Box<dyn Model>> {
        self.check(train.schema(), target.task())?;
        let learning = Learning::new(train, target, context)?;
        let models = self
            .models
            .par_iter()
            .enumerate()
            .map(|(at, model)| learning.fit(model.as_ref(), context.seed.numbered(at as u64)))
            .collect::<Result<_>>()?;
        Ok(Box::new(VotingModel {
            input: Arc::clone(train.schema()),
            task: target.task(),
            voting: self.voting,
            weights: self.weights.clone().unwrap_or_else(|| vec![1.0; self.models.len()]),
            members: Members(models),
        }))
    }

    fn takes_sparse(&self) -> bool {
        self.models.iter().all(|model| model.takes_sparse())
    }

    fn validation_share(&self) -> Option<f64> {
        validation_share(self.inner())
    }
}

fn usable(weights: &[f64]) -> Result<()> {
    match weights.iter().find(|w| !(w.is_finite() && **w >= 0.0)) {
        Some(weight) => Err(Error::setting("weights", weight, "numbers from 0 on")),
        None if weights.iter().all(|w| *w == 0.0) => {
            Err(Error::setting("weights", "all 0", "some number above 0"))
        }
        None => Ok(()),
    }
}

/// The models of [`Voting`] with their weights.
#[derive(Debug)]
pub struct VotingModel {
    input: Arc<Schema>,
    task: Task,
    voting: VotingRule,
    weights: Vec<f64>,
    members: Members,
}

/// What is stored of it besides numbers.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    task: Task,
    voting: VotingRule,
    models: Vec<StoredModel>,
}

impl VotingModel {
    const KIND: &'static str = "voting";

    fn counted(&self, answers: DenseMatrix) -> DenseMatrix {
        if self.counted_by_votes() { votes(&answers) } else { answers }
    }

    fn counted_by_votes(&self) -> bool {
        self.voting == VotingRule::Hard && matches!(self.task, Task::Classification { .. })
    }
}

/// 1 for the most probable class of each row, the first of them on a tie.
fn votes(probabilities: &DenseMatrix) -> DenseMatrix {
    let mut votes = DenseMatrix::zeros(probabilities.rows(), probabilities.columns());
    for row in 0..probabilities.rows() {
        let p = |class: usize| probabilities.get(row, class);
        let best = (1..votes.columns()).fold(0, |b, class| if p(class) > p(b) { class } else { b });
        votes.set(row, best, 1.0);
    }
    votes
}

impl Model for VotingModel {
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
        let all: f64 = self.weights.iter().sum();
        let mut mean = vec![0.0; rows.rows() * width(self.task)];
        for (model, weight) in self.members.0.iter().zip(&self.weights) {
            let answers = self.counted(answers(model.predict(rows)?)?);
            let terms = mean.iter_mut().zip(answers.values());
            terms.for_each(|(mean, answer)| *mean += answer * (weight / all));
        }
        let classes = matches!(self.task, Task::Classification { .. });
        if classes {
            mean.iter_mut().for_each(|p| *p = p.min(1.0));
        }
        Ok(scores(DenseMatrix::from_columns(rows.rows(), width(self.task), mean)?, self.task))
    }

    /// The weighted mean of the importances of the models, when all of them know.
    fn importances(&self) -> Option<Vec<f64>> {
        let all: f64 = self.weights.iter().sum();
        let mut mean = vec![0.0; self.input.len()];
        for (model, weight) in self.members.0.iter().zip(&self.weights) {
            let own = model.importances()?;
            mean.iter_mut().zip(own).for_each(|(mean, own)| *mean += own * (weight / all));
        }
        Some(mean)
    }

    fn takes_sparse(&self) -> bool {
        self.members.takes_sparse()
    }

    fn express(&self, graph: &Graph, columns: &[Wire]) -> Result<Answers> {
        let all: f64 = self.weights.iter().sum();
        let hard = self.counted_by_votes();
        let mut mean = graph.number(0.0);
        for (model, weight) in self.members.0.iter().zip(&self.weights) {
            let answers = model.express(graph, columns)?.value();
            let answers = match hard {
                true => graph.one_hot(graph.place_of_greatest(answers), answers.width()),
                false => answers,
            };
            mean = graph.add(mean, graph.multiply(answers, graph.number(weight / all)));
        }
        Ok(express_scores(mean, self.task))
    }

    fn state(&self) -> State {
        let facts = Facts { task: self.task, voting: self.voting, models: self.members.facts() };
        self.members.put(State::new(&facts).with_f64("weights", self.weights.clone()))
    }
}

impl LoadWith for VotingModel {
    fn load_with(state: &State, input: &Arc<Schema>, catalog: &Catalog) -> Result<Self> {
        let Facts { task, voting, models } = state.facts()?;
        let members = Members::load(&models, state, catalog)?;
        members.0.iter().try_for_each(|model| require(model.as_ref(), input, task))?;
        let weights = state.f64s("weights")?.to_vec();
        if weights.len() != members.0.len()
            || usable(&weights).is_err()
            || !weights.iter().sum::<f64>().is_finite()
        {
            return Err(Error::damaged("tensor `weights`", "it does not hold one weight a model"));
        }
        Ok(Self { input: Arc::clone(input), task, voting, weights, members })
    }
}
