//! From rows to trees: weights, samples, and one tree after the other on all threads.

use std::sync::Arc;

use gristmill_core::{Error, FitContext, Frame, Random, Result, SemanticType, Target, Task};
use rayon::prelude::*;

use super::bins::{self, ColumnBins};
use super::criterion::{Classes, Impurity, Labelled, Measured, Objective, SquaredError};
use super::forest::{FittedForest, ForestKind};
use super::grow::{Ground, Grown, Limits, grow};
use super::histogram::Threads;
use super::settings::{Criterion, TreeSettings, check_columns};
use crate::ClassWeight;

/// What is to be grown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) kind: ForestKind,
    pub(crate) trees: usize,
    pub(crate) sample: Sample,
    pub(crate) settings: TreeSettings,
}

/// Which rows a tree sees.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sample {
    /// All of them.
    All,
    /// So many draws with replacement.
    Draws(usize),
}

/// Grows the trees of a plan.
pub(crate) fn fit(
    plan: &Plan,
    train: &Frame,
    target: &Target,
    context: &FitContext<'_>,
) -> Result<FittedForest> {
    check_columns(train.schema())?;
    plan.settings.check(target.task())?;
    let weights = Weights::new(train, target, context, plan.settings.class_weight)?;
    let bins = bins::learn(train, plan.settings.bins, context.notes)?;
    let nursery =
        Nursery { plan, codes: bins::encode(&bins, train)?, context, rows: weights.rows() };
    let categorical: Vec<bool> =
        train.schema().fields().iter().map(|f| f.semantic == SemanticType::Categorical).collect();
    let grown = match target {
        Target::Classes { codes, labels } => {
            let objective = weights.classes(codes, labels.len(), plan.settings.criterion);
            // A cell has a number for the rows and one for each class; few sizes keep the code small.
            match labels.len() {
                ..=2 => nursery.grow::<_, 3>(&objective, &categorical, labels.len()),
                3..=4 => nursery.grow::<_, 5>(&objective, &categorical, labels.len()),
                5..=8 => nursery.grow::<_, 9>(&objective, &categorical, labels.len()),
                9..=32 => nursery.grow::<_, 33>(&objective, &categorical, labels.len()),
                _ => nursery.grow::<_, 257>(&objective, &categorical, labels.len()),
            }
        }
        Target::Numbers(values) => nursery.grow::<_, 3>(&weights.numbers(values)?, &categorical, 1),
        Target::Absent(_) => return Err(Task::no_target(plan.kind.name())),
    };
    Ok(forest(plan.kind, train, target, bins, grown))
}

fn forest(
    kind: ForestKind,
    train: &Frame,
    target: &Target,
    bins: Vec<ColumnBins>,
    grown: Vec<Grown>,
) -> FittedForest {
    let importances = importances(&grown, bins.len());
    FittedForest {
        kind,
        input: Arc::clone(train.schema()),
        task: target.task(),
        bins,
        trees: grown.into_iter().map(|g| g.tree).collect(),
        importances,
    }
}

/// The mean over the trees of each column's share of the tree's gains; all zeros when no tree could
/// gain anything.
fn importances(grown: &[Grown], columns: usize) -> Vec<f64> {
    let mut sums = vec![0.0; columns];
    for tree in grown {
        let whole: f64 = tree.gains.iter().sum();
        if whole > 0.0 {
            sums.iter_mut().zip(&tree.gains).for_each(|(sum, gain)| *sum += gain / whole);
        }
    }
    let whole: f64 = sums.iter().sum();
    if whole > 0.0 { sums.into_iter().map(|s| s / whole).collect() } else { sums }
}

/// What the trees grow on.
struct Nursery<'a> {
    plan: &'a Plan,
    codes: Vec<Vec<u8>>,
    context: &'a FitContext<'a>,
    /// The rows that weigh something.
    rows: Vec<u32>,
}

impl Nursery<'_> {
    /// Grows all trees; each has a seed of its own, so the threads do not matter.
    fn grow<O: Objective<W> + Send, const W: usize>(
        &self,
        objective: &O,
        categorical: &[bool],
        width: usize,
    ) -> Vec<Grown> {
        let limits = self.plan.settings.limits(self.codes.len());
        (0..self.plan.trees)
            .into_par_iter()
            .with_max_len(1)
            .map(|tree| {
                let mut random = self.context.seed.numbered(tree as u64).random();
                match self.plan.sample {
                    Sample::All => {
                        let threads =
                            if self.plan.trees == 1 { Threads::All } else { Threads::One };
                        let ground = Ground { objective, codes: &self.codes, categorical, threads };
                        grow(&ground, &limits, self.rows.clone(), width, random)
                    }
                    Sample::Draws(draws) => {
                        let drawn = self.draw(draws, &mut random);
                        self.grow_on(objective, categorical, drawn, &limits, width, random)
                    }
                }
            })
            .collect()
    }

    /// How often each row was drawn, for the rows that were: row and times.
    fn draw(&self, draws: usize, random: &mut Random) -> Vec<(u32, u32)> {
        let mut times = vec![0u32; self.rows.len()];
        for _ in 0..draws {
            times[random.below(self.rows.len())] += 1;
        }
        self.rows.iter().copied().zip(times).filter(|(_, times)| *times > 0).collect()
    }

    /// A tree on drawn rows, which are copied side by side: a tree reads them again and again.
    fn grow_on<O: Objective<W>, const W: usize>(
        &self,
        objective: &O,
        categorical: &[bool],
        drawn: Vec<(u32, u32)>,
        limits: &Limits,
        width: usize,
        random: Random,
    ) -> Grown {
        let objective = objective.gather(drawn.iter().copied());
        let take = |codes: &Vec<u8>| drawn.iter().map(|&(r, _)| codes[r as usize]).collect();
        let codes: Vec<Vec<u8>> = self.codes.iter().map(take).collect();
        let rows = (0..drawn.len() as u32).collect();
        drop(drawn);
        let threads = Threads::One;
        let ground = Ground { objective: &objective, codes: &codes, categorical, threads };
        grow(&ground, limits, rows, width, random)
    }
}

/// The largest weight of a row, and the largest number to be predicted: beyond, squares and sums
/// of many of them would have no finite value.
const MAX_WEIGHT: f64 = 1e30;
const MAX_VALUE: f64 = 1e100;

/// What each row weighs.
struct Weights(Vec<f64>);

impl Weights {
    /// The weights of the context times those of the classes.
    fn new(
        train: &Frame,
        target: &Target,
        context: &FitContext<'_>,
        class_weight: ClassWeight,
    ) -> Result<Self> {
        if train.rows() != target.len() || context.weights.is_some_and(|w| w.len() != train.rows())
        {
            return Err(Error::Bug("rows, answers and weights differ in number".into()));
        }
        if u32::try_from(train.rows()).is_err() {
            return Err(Error::data_hint(
                format!("there are {} rows; trees take {}", train.rows(), u32::MAX),
                "train on a sample of them",
            ));
        }
        let mut weights = context.weights.map_or_else(|| vec![1.0; train.rows()], <[f64]>::to_vec);
        if let Some(row) = weights.iter().position(|w| !(0.0..=MAX_WEIGHT).contains(w)) {
            return Err(Error::data(format!(
                "the weight of row {} is {}, expected 0 to {MAX_WEIGHT:e}",
                row + 1,
                weights[row]
            )));
        }
        if let (Target::Classes { codes, labels }, ClassWeight::Balanced) = (target, class_weight) {
            let factors = balanced(codes, labels.len());
            weights.iter_mut().zip(codes).for_each(|(w, &class)| *w *= factors[class as usize]);
        }
        let weights = Self(weights);
        if weights.rows().is_empty() {
            return Err(Error::data("there is no row to learn from, or none that weighs anything"));
        }
        Ok(weights)
    }

    /// The rows that weigh something.
    fn rows(&self) -> Vec<u32> {
        (0u32..).zip(&self.0).filter(|(_, w)| **w as f32 > 0.0).map(|(row, _)| row).collect()
    }

    fn classes(&self, codes: &[u32], classes: usize, criterion: Option<Criterion>) -> Classes {
        let rows = codes
            .iter()
            .zip(&self.0)
            .map(|(&class, &weight)| Labelled { class, weight: weight as f32 })
            .collect();
        let impurity = match criterion {
            Some(Criterion::Entropy) => Impurity::Entropy,
            _ => Impurity::Gini,
        };
        Classes { rows, classes, impurity }
    }

    fn numbers(&self, values: &[f64]) -> Result<SquaredError> {
        if let Some(row) = values.iter().position(|v| !(-MAX_VALUE..=MAX_VALUE).contains(v)) {
            return Err(Error::data_hint(
                format!(
                    "the target is {:e} in row {}, expected at most {MAX_VALUE:e}",
                    values[row],
                    row + 1
                ),
                "leave such rows out with `sql`, or scale the target",
            ));
        }
        let sum: f64 = values.iter().zip(&self.0).map(|(v, w)| v * w).sum();
        let centre = sum / self.0.iter().sum::<f64>();
        let rows = values
            .iter()
            .zip(&self.0)
            .map(|(&value, &weight)| Measured { value, weight })
            .collect();
        Ok(SquaredError { rows, centre })
    }
}

/// What the rows of each class weigh so that all classes that occur weigh the same.
fn balanced(codes: &[u32], classes: usize) -> Vec<f64> {
    let mut counts = vec![0usize; classes];
    codes.iter().for_each(|&class| counts[class as usize] += 1);
    let present = counts.iter().filter(|c| **c > 0).count();
    counts.iter().map(|&c| codes.len() as f64 / (present * c.max(1)) as f64).collect()
}
