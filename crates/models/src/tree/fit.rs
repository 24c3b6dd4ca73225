//! From rows to trees: weights, samples, and one tree after the other on all threads.

use std::sync::Arc;

use gristmill_core::{FitContext, Frame, Random, Result, Target, Task};
use rayon::prelude::*;

use super::bins::{self, ColumnBins};
use super::criterion::Objective;
use super::forest::{FittedForest, ForestKind, width};
use super::grove::{Grove, Shape};
use super::grow::{Ground, Grown, Limits, grow};
use super::histogram::Threads;
use super::settings::{TreeSettings, check_columns};
use super::weights::Weights;

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
    let bins = bins::learn(train, plan.settings.bins, usize::MAX, context.notes)?;
    let codes = bins::encode(&bins, train)?;
    let nursery = Nursery { plan, bins: &bins, codes, context, rows: weights.rows() };
    let grown = match target {
        Target::Classes { codes, labels } => {
            let objective = weights.classes(codes, labels.len(), plan.settings.criterion);
            // A cell has a number for the rows and one for each class; few sizes keep the code small.
            match labels.len() {
                ..=2 => nursery.grow::<_, 3>(&objective, labels.len()),
                3..=4 => nursery.grow::<_, 5>(&objective, labels.len()),
                5..=8 => nursery.grow::<_, 9>(&objective, labels.len()),
                9..=32 => nursery.grow::<_, 33>(&objective, labels.len()),
                _ => nursery.grow::<_, 257>(&objective, labels.len()),
            }
        }
        Target::Numbers(values) => nursery.grow::<_, 3>(&weights.numbers(values)?, 1),
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
    let trees = grown.into_iter().map(|g| g.tree).collect();
    let shape = Shape::all(width(target.task()));
    let grove = Grove::new(Arc::clone(train.schema()), bins, trees, shape);
    FittedForest { kind, task: target.task(), grove, importances }
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
    bins: &'a [ColumnBins],
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
                        let ground =
                            Ground { objective, codes: &self.codes, bins: self.bins, threads };
                        grow(&ground, &limits, self.rows.clone(), width, random)
                    }
                    Sample::Draws(draws) => {
                        let drawn = self.draw(draws, &mut random);
                        self.grow_on(objective, drawn, &limits, width, random)
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
        let ground = Ground { objective: &objective, codes: &codes, bins: self.bins, threads };
        grow(&ground, limits, rows, width, random)
    }
}
