//! Classes made even before a model learns: rows of rare ones repeated or made up, rows of frequent
//! ones left out.
//! Method: Chawla et al., *SMOTE*, Journal of Artificial Intelligence Research 16 (2002), with its
//! form for categories, SMOTE-NC.

use std::sync::Arc;

use gristmill_core::graph::{Answers, Graph, Wire};
use gristmill_core::{
    Catalog, Compose, Error, Estimator, EstimatorSpec, FitContext, Frame, LoadWith, Model, Random,
    Result, Schema, Scores, State, StoredModel, Target, Task,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::learning::{Learning, check_inner, require_classes};
use super::members::{Members, require};
use super::synthetic::Synthetic;

/// Fits a model to rows whose classes were made more even.
///
/// It is an estimator, so only training rows are changed, in each fold of a cross-validation anew:
/// nothing made up is ever tested on. Probabilities follow the new shares of the classes and no
/// longer those of the data; where they must mean something, put a `calibration` around, or use
/// `class_weight` or `threshold` instead.
///
/// - `over` draws rows of a class with replacement until it has `ratio` times the rows of the
///   largest;
/// - `under` keeps, without replacement, as many rows of a class that the smallest has `ratio` times
///   its rows;
/// - `smote` makes rows up: for a row and one of its `neighbors` nearest of the same class a point
///   on the line between them; words are the most frequent ones of the neighbours. Distances are
///   Euclidean over numeric columns divided by their deviation, plus 1 for each different word. A
///   value that is missing in either row is that of the row itself.
///
/// A made-up row weighs what the row weighs that it was made of.
#[derive(Debug)]
pub struct Resample {
    /// The model.
    pub model: Box<dyn Estimator>,
    /// How classes are made even.
    pub method: ResampleMethod,
    /// How many rows the smallest class has for each of the largest, above 0 and up to 1.
    pub ratio: f64,
    /// Of how many neighbours `smote` chooses.
    pub neighbors: usize,
}

/// [`Resample`] as a pipeline file has it:
///
/// ```yaml
/// resample:
///   model: {logistic_regression: {}}
///   method: smote
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResampleSettings {
    /// The model.
    pub model: EstimatorSpec,
    /// How classes are made even.
    #[serde(default)]
    pub method: ResampleMethod,
    /// How many rows the smallest class has for each of the largest, above 0 and up to 1.
    #[serde(default = "usual_ratio")]
    pub ratio: f64,
    /// Of how many neighbours `smote` chooses.
    #[serde(default = "usual_neighbors")]
    #[schemars(range(min = 1))]
    pub neighbors: usize,
}

/// How classes are made even.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResampleMethod {
    /// Rows of rare classes are repeated.
    #[default]
    Over,
    /// Rows of frequent classes are left out.
    Under,
    /// Rows of rare classes are made up between neighbours.
    Smote,
}

fn usual_ratio() -> f64 {
    1.0
}

fn usual_neighbors() -> usize {
    5
}

impl Resample {
    /// The version of what it learns: raised whenever equal rows would teach it something else.
    pub const VERSION: u32 = 1;

    /// The rows of each class that the model learns from, by number, and how many rows of each
    /// class are made up.
    fn plan(&self, rows: &[Vec<u32>], random: &mut Random) -> Plan {
        let sizes = rows.iter().map(Vec::len).filter(|&size| size > 0);
        let most = sizes.clone().max().unwrap_or(0);
        let least = sizes.min().unwrap_or(0);
        let wanted = (most as f64 * self.ratio).ceil() as usize;
        let allowed = (least as f64 / self.ratio).floor() as usize;
        let mut plan = Plan { kept: Vec::new(), made: vec![0; rows.len()] };
        for (class, rows) in rows.iter().enumerate() {
            let lacking = if rows.is_empty() { 0 } else { wanted.saturating_sub(rows.len()) };
            match self.method {
                ResampleMethod::Under => {
                    let mut rows = rows.clone();
                    random.shuffle(&mut rows);
                    rows.truncate(allowed.max(1));
                    plan.kept.extend(rows);
                }
                ResampleMethod::Over => {
                    plan.kept.extend(rows);
                    let drawn = (0..lacking).map(|_| rows[random.below(rows.len())]);
                    plan.kept.extend(drawn);
                }
                ResampleMethod::Smote => {
                    plan.kept.extend(rows);
                    plan.made[class] = lacking;
                }
            }
        }
        plan.kept.sort_unstable();
        plan
    }
}

/// What a model learns from.
struct Plan {
    kept: Vec<u32>,
    made: Vec<usize>,
}

impl Compose for Resample {
    type Settings = ResampleSettings;

    fn compose(settings: ResampleSettings, catalog: &Catalog) -> Result<Self> {
        let ResampleSettings { model, method, ratio, neighbors } = settings;
        Ok(Self { model: model.build(catalog)?, method, ratio, neighbors })
    }
}

impl Estimator for Resample {
    fn kind(&self) -> &'static str {
        ResampleModel::KIND
    }

    fn check(&self, input: &Schema, task: Task) -> Result<()> {
        if !(self.ratio > 0.0 && self.ratio <= 1.0) {
            return Err(Error::setting("ratio", self.ratio, "above 0 and up to 1"));
        }
        if self.neighbors == 0 {
            return Err(Error::setting("neighbors", 0, "at least 1"));
        }
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
            return Err(Error::Bug("`resample` was given numbers to learn".into()));
        };
        let learning = Learning::new(train, target, context)?;
        let mut rows = vec![Vec::new(); labels.len()];
        for (&code, row) in codes.iter().zip(0u32..) {
            // A row that weighs nothing is nobody's neighbour.
            if learning.weight(row as usize) > 0.0 {
                rows[code as usize].push(row);
            }
        }
        let mut random = context.seed.named("resample").random();
        let plan = self.plan(&rows, &mut random);
        let mut made = Synthetic::of(train, plan.kept.clone());
        for (class, &count) in plan.made.iter().enumerate() {
            made.add(&rows[class], count, self.neighbors, &mut random)?;
        }
        let origins = made.origins().to_vec();
        let frame = made.frame()?;
        let answers = target.take(&origins);
        let weights: Option<Vec<f64>> =
            context.weights.map(|w| origins.iter().map(|&row| w[row as usize]).collect());
        let inner = FitContext { target: Some(&answers), weights: weights.as_deref(), ..*context };
        let inner = FitContext { seed: context.seed.named("model"), ..inner };
        let model = self.model.fit(&frame, &answers, &inner);
        let model = model.map_err(|error| error.in_step(self.model.kind()))?;
        let (input, task) = (Arc::clone(train.schema()), target.task());
        Ok(Box::new(ResampleModel { input, task, members: Members(vec![model]) }))
    }

    fn validation_share(&self) -> Option<f64> {
        self.model.validation_share()
    }
}

/// The model of [`Resample`].
#[derive(Debug)]
pub struct ResampleModel {
    input: Arc<Schema>,
    task: Task,
    members: Members,
}

/// What is stored of it besides numbers.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    task: Task,
    models: Vec<StoredModel>,
}

impl ResampleModel {
    const KIND: &'static str = "resample";
}

impl Model for ResampleModel {
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
        self.members.put(State::new(&facts))
    }
}

impl LoadWith for ResampleModel {
    fn load_with(state: &State, input: &Arc<Schema>, catalog: &Catalog) -> Result<Self> {
        let Facts { task, models } = state.facts()?;
        let members = Members::load(&models, state, catalog)?;
        require(members.0[0].as_ref(), input, task)?;
        Ok(Self { input: Arc::clone(input), task, members })
    }
}
