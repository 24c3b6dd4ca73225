//! Choosing columns by what a model makes of them.

use gristmill_core::{Error, Estimator, FitContext, Frame, Model, Result, Scores, Seed, Target};
use rayon::prelude::*;

use super::{Chosen, FromModel, Middle, Permutation, Recursive, SelectMethod, Threshold, falling};
use crate::order;

/// No probability counts as less: its logarithm would outweigh all other rows.
const LEAST_PROBABILITY: f64 = 1e-15;

/// Chooses among all columns of `rows`.
pub(super) fn choose(
    method: &SelectMethod,
    estimator: &dyn Estimator,
    rows: &Frame,
    target: &Target,
    context: &FitContext<'_>,
) -> Result<Chosen> {
    let context = context.for_step(estimator.kind()).with_validation(None);
    let learn = Learn { estimator, context };
    match method {
        SelectMethod::FromModel(settings) => from_model(settings, &learn, rows, target),
        SelectMethod::Recursive(settings) => recursive(settings, &learn, rows, target),
        SelectMethod::Permutation(settings) => permutation(settings, &learn, rows, target),
        SelectMethod::Variance(_) | SelectMethod::KBest(_) => {
            Err(Error::Bug("columns are selected by a model that is not asked for".into()))
        }
    }
}

/// An estimator and what it is told.
struct Learn<'a> {
    estimator: &'a dyn Estimator,
    context: FitContext<'a>,
}

impl Learn<'_> {
    fn model(
        &self,
        rows: &Frame,
        target: &Target,
        weights: Option<&[f64]>,
    ) -> Result<Box<dyn Model>> {
        self.estimator.check(rows.schema(), target.task())?;
        let context = FitContext { target: Some(target), weights, ..self.context };
        self.estimator.fit(rows, target, &context)
    }

    fn importances(&self, rows: &Frame, target: &Target) -> Result<Vec<f64>> {
        let model = self.model(rows, target, self.context.weights)?;
        model.importances().filter(|i| i.len() == rows.schema().len()).ok_or_else(|| {
            let kind = self.estimator.kind();
            Error::data_hint(
                format!("`{kind}` does not know how much each column matters"),
                "use `method: permutation`, or a model of trees",
            )
        })
    }
}

fn from_model(
    settings: &FromModel,
    learn: &Learn<'_>,
    rows: &Frame,
    target: &Target,
) -> Result<Chosen> {
    let importances = learn.importances(rows, target)?;
    let count = importances.len().max(1) as f64;
    let least = match settings.threshold {
        Threshold::Number(number) => number,
        Threshold::Of(Middle::Mean) => importances.iter().sum::<f64>() / count,
        Threshold::Of(Middle::Median) => {
            order::quantile(&order::sorted(&importances), 0.5).unwrap_or(0.0)
        }
    };
    let best = Chosen::best(importances, settings.max_features.unwrap_or(usize::MAX));
    let passes = best.scores.iter().zip(&best.kept).map(|(i, kept)| *kept && *i >= least);
    Ok(Chosen { kept: passes.collect(), scores: best.scores })
}

fn recursive(
    settings: &Recursive,
    learn: &Learn<'_>,
    rows: &Frame,
    target: &Target,
) -> Result<Chosen> {
    let width = rows.schema().len();
    let mut left: Vec<usize> = (0..width).collect();
    // How many columns had been dropped before each.
    let mut scores = vec![0.0; width];
    while left.len() > settings.features {
        let importances = learn.importances(&rows.select(&left), target)?;
        let drop = settings.step.min(left.len() - settings.features);
        let gone = width - left.len();
        let least: Vec<usize> = falling(&importances).split_off(left.len() - drop);
        least.iter().for_each(|&at| scores[left[at]] = gone as f64);
        let mut at = 0;
        left.retain(|_| {
            at += 1;
            !least.contains(&(at - 1))
        });
    }
    let gone = (width - left.len()) as f64;
    let mut kept = vec![false; width];
    for at in left {
        scores[at] = gone;
        kept[at] = true;
    }
    Ok(Chosen { scores, kept })
}

fn permutation(
    settings: &Permutation,
    learn: &Learn<'_>,
    rows: &Frame,
    target: &Target,
) -> Result<Chosen> {
    let seed = learn.context.seed.named("permutation");
    let (train, held) = hold_out(target, settings.validation, seed)?;
    let of = |rows: &[u32]| {
        let weights = learn.context.weights;
        weights.map(|w| rows.iter().map(|&row| w[row as usize]).collect::<Vec<f64>>())
    };
    let model = learn.model(&rows.take(&train), &target.take(&train), of(&train).as_deref())?;
    let held = Held { rows: rows.take(&held), target: target.take(&held), weights: of(&held) };
    let before = held.loss(model.as_ref(), held.rows.clone())?;
    let rise = |column: usize| -> Result<f64> {
        let mut sum = 0.0;
        for repeat in 0..settings.repeats {
            let seed = seed.numbered(column as u64).numbered(repeat as u64);
            sum += held.loss(model.as_ref(), held.shuffled(column, seed)?)? - before;
        }
        Ok(sum / settings.repeats as f64)
    };
    let width = rows.schema().len();
    let rises: Vec<f64> = (0..width).into_par_iter().map(rise).collect::<Result<_>>()?;
    Ok(match settings.features {
        Some(count) => Chosen::best(rises, count),
        None => Chosen::passing(rises, |rise| rise > 0.0),
    })
}

/// The rows to learn from and the rows held out: a share of each class, or of all rows.
fn hold_out(target: &Target, share: f64, seed: Seed) -> Result<(Vec<u32>, Vec<u32>)> {
    let mut random = seed.named("rows").random();
    let mut rows: Vec<u32> = (0..target.len() as u32).collect();
    random.shuffle(&mut rows);
    if let Target::Classes { codes, .. } = target {
        rows.sort_by_key(|&row| codes[row as usize]);
    }
    // Rows of a class stand together, so taking them at even steps takes a share of each.
    let place = |at: usize| (at as f64 * share).floor();
    let is_held = |at: usize| place(at + 1) > place(at);
    let part = |held: bool| {
        let mut part: Vec<u32> = rows
            .iter()
            .enumerate()
            .filter(|(at, _)| is_held(*at) == held)
            .map(|(_, r)| *r)
            .collect();
        part.sort_unstable();
        part
    };
    let (train, held) = (part(false), part(true));
    if train.is_empty() || held.is_empty() {
        return Err(Error::data_hint(
            format!("a `validation` share of {share} of {} rows leaves none", rows.len()),
            "give more rows, or another share",
        ));
    }
    Ok((train, held))
}

/// Rows that the model has not learned from.
struct Held {
    rows: Frame,
    target: Target,
    weights: Option<Vec<f64>>,
}

impl Held {
    /// The rows with the values of one column in another order.
    fn shuffled(&self, column: usize, seed: Seed) -> Result<Frame> {
        let mut order: Vec<u32> = (0..self.rows.rows() as u32).collect();
        seed.random().shuffle(&mut order);
        let shuffled = self.rows.columns()[column].take(&order);
        let schema = std::sync::Arc::clone(self.rows.schema());
        self.rows.clone().replace(schema, vec![(column, shuffled)])
    }

    /// The mean log loss of classes, or the mean squared error of numbers.
    fn loss(&self, model: &dyn Model, rows: Frame) -> Result<f64> {
        let losses: Vec<f64> = match (model.predict(&rows)?, &self.target) {
            (Scores::Probabilities(p), Target::Classes { codes, .. }) => codes
                .iter()
                .enumerate()
                .map(|(row, &class)| -p.get(row, class as usize).max(LEAST_PROBABILITY).ln())
                .collect(),
            (Scores::Values(values), Target::Numbers(numbers)) => {
                values.iter().zip(numbers).map(|(a, b)| (a - b).powi(2)).collect()
            }
            _ => return Err(Error::Bug("a model does not answer what it was asked".into())),
        };
        let weight = |row: usize| self.weights.as_ref().map_or(1.0, |w| w[row]);
        let total: f64 = (0..losses.len()).map(weight).sum();
        let sum: f64 = losses.iter().enumerate().map(|(row, loss)| weight(row) * loss).sum();
        Ok(if total > 0.0 { sum / total } else { 0.0 })
    }
}
