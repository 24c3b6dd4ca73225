//! Intervals and sets that hold the true answer as often as was asked for.
//! Method: Vovk, Gammerman and Shafer, *Algorithmic Learning in a Random World*, Springer 2005; the
//! quantile over folds is the jackknife+ family's simplest member (Barber et al., *Annals of
//! Statistics* 49, 2021); sets by least ambiguity: Sadinle, Lei and Wasserman, *JASA* 114 (2019).

use std::sync::Arc;

use gristmill_core::graph::{Answers, Graph, Wire};
use gristmill_core::{
    Catalog, Compose, ConformalAnswers, Error, Estimator, EstimatorSpec, FitContext, Frame,
    LoadWith, Model, Result, Schema, Scores, State, StoredModel, Target, Task,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::folds::{Folds, check_folds};
use super::learning::{Learning, answers, check_inner};
use super::members::{Members, require};
use super::stacking::usual_folds;

/// Says around each answer what holds the truth in a share `coverage` of all cases: an interval for
/// numbers, a set of classes otherwise.
///
/// Each row is answered by a model that was fitted to the other `folds` − 1 folds, and gets a score
/// of how wrong that answer was: |y − ŷ| for numbers, 1 − p(y) for classes. The bound q is the
/// ⌈(n + 1) · coverage⌉-th smallest of the n scores. The model is then fitted to all rows; its
/// interval is ŷ ± q, its set holds every class whose probability is at least 1 − q, and always the
/// most probable one. The answers themselves are those of the model inside.
///
/// Coverage is a mean over rows like those of training, not a promise for each kind of row; since
/// the final model has seen more rows than those that made the scores, it tends to be a little
/// above what was asked for. Row weights teach the models and do not weigh the scores. With fewer
/// than coverage / (1 − coverage) rows no bound is high enough: intervals are then refused. A target
/// that the model sees as logarithms has its interval in logarithms too, and so a wider upper half.
#[derive(Debug)]
pub struct Conformal {
    /// The model.
    pub model: Box<dyn Estimator>,
    /// How often the truth should be held, between 0 and 1.
    pub coverage: f64,
    /// How many folds the rows are dealt into.
    pub folds: usize,
}

/// [`Conformal`] as a pipeline file has it:
///
/// ```yaml
/// conformal:
///   model: {gradient_boosting: {trees: 200}}
///   coverage: 0.9
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConformalSettings {
    /// The model.
    pub model: EstimatorSpec,
    /// How often the truth should be held, between 0 and 1.
    #[serde(default = "usual_coverage")]
    pub coverage: f64,
    /// How many folds the rows are dealt into.
    #[serde(default = "usual_folds")]
    #[schemars(range(min = 2))]
    pub folds: usize,
}

fn usual_coverage() -> f64 {
    0.9
}

impl Conformal {
    /// The version of what it learns: raised whenever equal rows would teach it something else.
    pub const VERSION: u32 = 1;
}

impl Compose for Conformal {
    type Settings = ConformalSettings;

    fn compose(settings: ConformalSettings, catalog: &Catalog) -> Result<Self> {
        let ConformalSettings { model, coverage, folds } = settings;
        Ok(Self { model: model.build(catalog)?, coverage, folds })
    }
}

impl Estimator for Conformal {
    fn kind(&self) -> &'static str {
        ConformalModel::KIND
    }

    fn check(&self, input: &Schema, task: Task) -> Result<()> {
        check_folds(self.folds)?;
        if !(self.coverage > 0.0 && self.coverage < 1.0) {
            return Err(Error::setting("coverage", self.coverage, "a share between 0 and 1"));
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
        let folds = Folds::new(target, self.folds, context.seed)?;
        let seed = context.seed.named("model");
        let answers = learning.out_of_fold(self.model.as_ref(), &folds, seed)?;
        let scores: Vec<f64> = match target {
            Target::Numbers(truth) => {
                truth.iter().zip(answers.column(0)).map(|(y, answer)| (y - answer).abs()).collect()
            }
            Target::Classes { codes, .. } => {
                let rows = codes.iter().enumerate();
                rows.map(|(row, &code)| 1.0 - answers.get(row, code as usize)).collect()
            }
            Target::Absent(_) => return Err(Task::no_target(self.kind())),
        };
        Ok(Box::new(ConformalModel {
            input: Arc::clone(train.schema()),
            task: target.task(),
            bound: bound(scores, self.coverage)?,
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

/// The ⌈(n + 1) · coverage⌉-th smallest of n scores.
fn bound(mut scores: Vec<f64>, coverage: f64) -> Result<f64> {
    let rank = ((scores.len() + 1) as f64 * coverage - 1e-9).ceil() as usize;
    if rank > scores.len() {
        let needed = (coverage / (1.0 - coverage) - 1e-9).ceil();
        return Err(Error::data_hint(
            format!("a coverage of {coverage} needs {needed} rows; there are {}", scores.len()),
            "give more rows, or ask for less `coverage`",
        ));
    }
    scores.sort_by(f64::total_cmp);
    Ok(scores[rank.max(1) - 1])
}

/// The model of [`Conformal`], and how wrong its answers may be.
#[derive(Debug)]
pub struct ConformalModel {
    input: Arc<Schema>,
    task: Task,
    bound: f64,
    members: Members,
}

/// What is stored of it besides numbers.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    task: Task,
    models: Vec<StoredModel>,
}

impl ConformalModel {
    const KIND: &'static str = "conformal";

    /// Half the width of an interval, as the model sees numbers, or 1 less the least probability of
    /// a class in a set.
    pub fn bound(&self) -> f64 {
        self.bound
    }

    fn around(&self, rows: &Frame) -> Result<ConformalAnswers> {
        let answers = answers(self.members.0[0].predict(rows)?)?;
        if self.task == Task::Regression {
            let middle = answers.column(0).iter();
            return Ok(ConformalAnswers::Intervals {
                lower: middle.clone().map(|answer| answer - self.bound).collect(),
                upper: middle.map(|answer| answer + self.bound).collect(),
            });
        }
        let set = |row: usize| {
            let classes = 0..answers.columns();
            let most = classes.clone().map(|c| answers.get(row, c)).fold(f64::MIN, f64::max);
            let held = |c: &usize| {
                let probability = answers.get(row, *c);
                probability == most || probability >= 1.0 - self.bound
            };
            classes.filter(held).map(|c| c as u32).collect()
        };
        Ok(ConformalAnswers::Sets((0..answers.rows()).map(set).collect()))
    }
}

impl Model for ConformalModel {
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
        self.members.0[0].predict(rows)
    }

    fn conformal(&self, rows: &Frame) -> Option<Result<ConformalAnswers>> {
        Some(self.around(rows))
    }

    /// Those of the model inside.
    fn importances(&self) -> Option<Vec<f64>> {
        self.members.0[0].importances()
    }

    /// That of the model inside.
    fn explain(&self, rows: &Frame) -> Option<Result<gristmill_core::Contributions>> {
        self.members.0[0].explain(rows)
    }

    fn takes_sparse(&self) -> bool {
        self.members.takes_sparse()
    }

    fn express(&self, graph: &Graph, columns: &[Wire]) -> Result<Answers> {
        self.members.0[0].express(graph, columns)
    }

    fn state(&self) -> State {
        let facts = Facts { task: self.task, models: self.members.facts() };
        self.members.put(State::new(&facts).with_f64("bound", vec![self.bound]))
    }
}

impl LoadWith for ConformalModel {
    fn load_with(state: &State, input: &Arc<Schema>, catalog: &Catalog) -> Result<Self> {
        let Facts { task, models } = state.facts()?;
        let members = Members::load(&models, state, catalog)?;
        require(members.0[0].as_ref(), input, task)?;
        match state.f64s("bound")? {
            [bound] if bound.is_finite() && *bound >= 0.0 => {
                Ok(Self { input: Arc::clone(input), task, bound: *bound, members })
            }
            _ => Err(Error::damaged("tensor `bound`", "it is not one number from 0 on")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test] // by hand: ⌈10 · 0.8⌉ = 8th of nine scores
    fn the_bound_is_the_score_of_that_rank() {
        let scores = [9.0, 1.0, 8.0, 2.0, 7.0, 3.0, 6.0, 4.0, 5.0];
        assert_eq!(bound(scores.to_vec(), 0.8).unwrap(), 8.0);
    }

    #[test] // by hand: ⌈4 · 0.9⌉ = 4 > 3
    fn too_few_rows_for_the_coverage_are_refused() {
        let words = bound(vec![1.0, 2.0, 3.0], 0.9).unwrap_err().to_string();
        assert!(words.contains("needs 9 rows; there are 3"), "{words}");
    }
}
