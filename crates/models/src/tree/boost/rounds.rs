//! Round after round a tree for each score, until there are enough or nothing gets better.

use std::borrow::Cow;
use std::sync::Arc;

use gristmill_core::{FitContext, Frame, Random, Result, Target, Task};
use rayon::prelude::*;

use super::super::bins::{self, ColumnBins};
use super::super::grove::{Grove, Shape};
use super::super::nodes::Tree;
use super::super::settings::MaxFeatures;
use super::super::weights::Weights;
use super::gradients::{Gradients, shares};
use super::grow::{Finished, Ground, Grown, Histograms, Limits, Soil, grow};
use super::loss::{Known, Objective};
use super::model::FittedBoosting;
use super::packed::Packed;
use super::quantile::Weighted;
use super::search::{Direction, Feature, Kind};

/// How many rows the borders of bins are learned from at most.
const SAMPLE_ROWS: usize = 100_000;

/// What is to be learned.
pub(crate) struct Plan {
    pub(crate) objective: Objective,
    pub(crate) task: Task,
    pub(crate) rounds: usize,
    pub(crate) learning_rate: f64,
    pub(crate) limits: Limits,
    pub(crate) bins: usize,
    /// The share of the rows that each round sees.
    pub(crate) subsample: f64,
    /// How many columns each tree may ask for.
    pub(crate) max_features: MaxFeatures,
    /// How the answers move with each column.
    pub(crate) directions: Vec<Direction>,
    /// After how many rounds without a lower loss on held-out rows learning stops.
    pub(crate) patience: Option<usize>,
}

/// Rows with their answers.
pub(crate) struct Rows<'a> {
    frame: Cow<'a, Frame>,
    known: Known,
}

impl<'a> Rows<'a> {
    /// These rows of `frame`, which rise, with answers that the loss has a value for.
    pub(crate) fn new(
        frame: &'a Frame,
        target: &Target,
        weights: &Weights,
        rows: Vec<u32>,
        objective: Objective,
    ) -> Result<Self> {
        let known = weights.known(target, &rows)?;
        objective.check_target(&known.target)?;
        let all = rows.len() == frame.rows();
        let frame = if all { Cow::Borrowed(frame) } else { Cow::Owned(frame.take(&rows)) };
        Ok(Self { frame, known })
    }
}

/// Learns a model from `train`, which has rows, and watches `held` where there is patience.
pub(crate) fn fit(
    plan: &Plan,
    train: &Rows<'_>,
    held: Option<Rows<'_>>,
    context: &FitContext<'_>,
) -> Result<FittedBoosting> {
    let bins = bins::learn(&train.frame, plan.bins, SAMPLE_ROWS, context.notes)?;
    let codes = bins::encode(&bins, &train.frame)?;
    let lasts: Vec<u8> = bins.iter().map(ColumnBins::last).collect();
    let ground = Ground {
        packed: Packed::new(&codes, &lasts),
        codes,
        features: features(&bins, &plan.directions),
        limits: plan.limits,
    };
    let base = plan.objective.base(&train.known);
    let mut watch = match (held, plan.patience) {
        (Some(held), Some(patience)) => {
            Some(Watch::new(held, patience, &bins, plan.objective, &base)?)
        }
        _ => None,
    };
    let mut learner = Learner::new(plan, &ground, &train.known, &base);
    for round in 0..plan.rounds {
        let mut random = context.seed.numbered(round as u64).random();
        let trees = learner.round(&mut random);
        let Some(trees) = trees else { break };
        if watch.as_mut().is_some_and(|watch| watch.is_over(plan.objective, trees)) {
            break;
        }
    }
    let Learner { mut trees, gains, .. } = learner;
    if let Some(watch) = watch {
        trees.truncate(watch.best_round * plan.objective.outputs());
    }
    let shape = Shape::in_turn(plan.objective.outputs());
    let grove = Grove::new(Arc::clone(train.frame.schema()), bins, trees, shape);
    let importances = importances(gains, &grove);
    Ok(FittedBoosting { objective: plan.objective, task: plan.task, grove, base, importances })
}

/// Each column's share of what the trees that are kept have gained.
fn importances(gains: Vec<Vec<f64>>, grove: &Grove) -> Vec<f64> {
    let mut sums = vec![0.0; grove.bins.len()];
    for tree in gains.iter().take(grove.trees.len()) {
        sums.iter_mut().zip(tree).for_each(|(sum, gain)| *sum += gain);
    }
    let whole: f64 = sums.iter().sum();
    if whole > 0.0 { sums.iter().map(|sum| sum / whole).collect() } else { sums }
}

fn features(bins: &[ColumnBins], directions: &[Direction]) -> Vec<Feature> {
    let columns = bins.iter().zip(directions).enumerate();
    let feature = |(at, (bins, &direction)): (usize, (&ColumnBins, &Direction))| Feature {
        column: at as u32,
        last: bins.last(),
        kind: match bins {
            ColumnBins::Numbers(_) => Kind::Numbers(direction),
            ColumnBins::Words(_) => Kind::Categories,
        },
    };
    columns.map(feature).collect()
}

/// What tree after tree is grown with.
struct Workplace {
    gradients: Gradients,
    idle: Vec<Histograms>,
}

impl Workplace {
    fn new(rows: usize) -> Self {
        Self { gradients: Gradients::new(rows), idle: Vec::new() }
    }
}

/// What has been learned so far.
struct Learner<'a> {
    plan: &'a Plan,
    ground: &'a Ground,
    known: &'a Known,
    /// `[rows, outputs]`, row by row.
    scores: Vec<f64>,
    /// As many as trees are grown at a time.
    workplaces: Vec<Workplace>,
    trees: Vec<Tree>,
    /// For each tree what each column gained.
    gains: Vec<Vec<f64>>,
}

impl<'a> Learner<'a> {
    fn new(plan: &'a Plan, ground: &'a Ground, known: &'a Known, base: &[f64]) -> Self {
        let rows = known.target.len();
        let at_a_time = plan.objective.outputs().min(rayon::current_num_threads());
        Self {
            plan,
            ground,
            known,
            scores: base.repeat(rows),
            workplaces: (0..at_a_time).map(|_| Workplace::new(rows)).collect(),
            trees: Vec::new(),
            gains: Vec::new(),
        }
    }

    /// Grows the trees of a round; nothing when none of them could be divided.
    fn round(&mut self, random: &mut Random) -> Option<&[Tree]> {
        let outputs = self.plan.objective.outputs();
        let delta = self.plan.objective.delta(&self.scores, self.known);
        let rows = self.sample(random);
        let allowed: Vec<Vec<bool>> = (0..outputs).map(|_| self.draw_columns(random)).collect();
        let shares = shares(self.plan.objective, &self.scores);
        let mut grown = Vec::with_capacity(outputs);
        let mut workplaces = std::mem::take(&mut self.workplaces);
        for first in (0..outputs).step_by(workplaces.len()) {
            let at_a_time = workplaces.par_iter_mut().enumerate().take(outputs - first);
            grown.par_extend(at_a_time.map(|(at, workplace)| {
                let output = first + at;
                let scores = shares.as_deref().unwrap_or(&self.scores);
                let known = self.known;
                let Workplace { gradients, idle } = workplace;
                let scale = gradients.compute(self.plan.objective, output, scores, known, delta);
                let pairs = &gradients.pairs;
                let soil = Soil { ground: self.ground, pairs, scale, allowed: &allowed[output] };
                let grown = grow(&soil, rows.clone(), idle);
                self.answered(grown, delta)
            }));
        }
        self.workplaces = workplaces;
        if grown.iter().all(|finished: &Finished| finished.leaves.len() < 2) {
            return None;
        }
        for (output, finished) in grown.into_iter().enumerate() {
            self.add(output, finished);
        }
        self.trees.get(self.trees.len() - outputs..)
    }

    /// A tree with its answers, as they are added to the scores.
    fn answered(&self, grown: Grown, delta: f64) -> Finished {
        let (objective, rate) = (self.plan.objective, self.plan.learning_rate);
        grown.finish(|rows, newton| {
            if !objective.renews() {
                return rate * objective.step(newton);
            }
            let errors = rows.iter().map(|&row| {
                let row = row as usize;
                let (target, weight) = (self.known.target[row], self.known.weights[row]);
                Weighted { value: target - self.scores[row], weight }
            });
            rate * objective.renewed(errors.collect(), delta)
        })
    }

    fn add(&mut self, output: usize, finished: Finished) {
        let outputs = self.plan.objective.outputs();
        let Finished { tree, leaves, rows, gains } = finished;
        for (range, value) in leaves {
            for &row in &rows[range] {
                self.scores[row as usize * outputs + output] += value;
            }
        }
        if rows.len() < self.known.target.len() {
            self.add_unseen(output, &tree, rows);
        }
        self.trees.push(tree);
        self.gains.push(gains);
    }

    /// Adds the answers of a tree for the rows that it did not grow on.
    fn add_unseen(&mut self, output: usize, tree: &Tree, mut seen: Vec<u32>) {
        seen.sort_unstable();
        let mut seen = seen.into_iter().peekable();
        let scores = self.scores.iter_mut().skip(output).step_by(self.plan.objective.outputs());
        for (row, score) in scores.enumerate() {
            if seen.next_if_eq(&(row as u32)).is_none() {
                *score += tree.answer_of(1, |column| self.ground.codes[column as usize][row])[0];
            }
        }
    }

    /// The rows of a round, in rising order (selection sampling: Knuth, *The Art of Computer
    /// Programming*, section 3.4.2, algorithm S).
    fn sample(&self, random: &mut Random) -> Vec<u32> {
        let rows = self.known.target.len();
        let mut wanted = ((rows as f64 * self.plan.subsample).round() as usize).max(1);
        if wanted >= rows {
            return (0..rows as u32).collect();
        }
        let mut sample = Vec::with_capacity(wanted);
        for row in 0..rows {
            if random.below(rows - row) < wanted {
                sample.push(row as u32);
                wanted -= 1;
            }
        }
        sample
    }

    fn draw_columns(&self, random: &mut Random) -> Vec<bool> {
        let columns = self.ground.codes.len();
        let wanted = self.plan.max_features.of(columns);
        if wanted >= columns {
            return vec![true; columns];
        }
        let mut order: Vec<usize> = (0..columns).collect();
        random.shuffle(&mut order);
        let mut allowed = vec![false; columns];
        order[..wanted].iter().for_each(|&column| allowed[column] = true);
        allowed
    }
}

/// The loss on rows that nothing is learned from.
struct Watch {
    codes: Vec<u8>,
    columns: usize,
    scores: Vec<f64>,
    known: Known,
    patience: usize,
    rounds: usize,
    best: f64,
    /// After how many rounds the loss was lowest; 0 where no tree made it lower.
    best_round: usize,
}

impl Watch {
    fn new(
        held: Rows<'_>,
        patience: usize,
        bins: &[ColumnBins],
        objective: Objective,
        base: &[f64],
    ) -> Result<Self> {
        let rows = held.frame.rows();
        let scores = base.repeat(rows);
        Ok(Self {
            codes: bins::encode_rows(bins, &held.frame, 0..rows)?,
            columns: bins.len(),
            best: objective.mean_loss(&scores, &held.known),
            scores,
            known: held.known,
            patience,
            rounds: 0,
            best_round: 0,
        })
    }

    /// Adds the trees of a round; says whether the loss has not been lower for too long.
    fn is_over(&mut self, objective: Objective, trees: &[Tree]) -> bool {
        let shape = Shape::in_turn(objective.outputs());
        for (at, tree) in trees.iter().enumerate() {
            tree.add_answers(&self.codes, self.columns, shape, at, &mut self.scores);
        }
        self.rounds += 1;
        let loss = objective.mean_loss(&self.scores, &self.known);
        if loss < self.best {
            self.best = loss;
            self.best_round = self.rounds;
        }
        self.rounds - self.best_round >= self.patience
    }
}
