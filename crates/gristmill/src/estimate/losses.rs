//! Metrics of a regression out of a model of its errors: trees that learned from rows whose truth is known how
//! wrong an answer probably is.

use std::sync::Arc;

use gristmill_core::{
    Column, Estimator as _, Field, FitContext, Frame, Model, Notes, PhysicalType, Prediction,
    Schema, Scores, Seed, SemanticType, Target,
};
use gristmill_models::GradientBoosting;
use gristmill_monitor::estimate::{Estimate, dle, dle_root};

use super::Lines;
use super::estimable::Loss;
use crate::{Error, Result};

/// In how many parts the rows are cut: each is asked about by a model that learned from the others.
const FOLDS: usize = 5;
/// The name under which the answer is one of the columns.
pub(super) const ANSWER: &str = "prediction";

/// Estimates a metric of numbers.
#[derive(Debug)]
pub(crate) struct LossEstimator {
    loss: Loss,
    /// Expects the loss of a row.
    model: Box<dyn Model>,
    /// The columns that it asks, and where the model's own ones have their names.
    schema: Arc<Schema>,
    names: Vec<String>,
    /// How far a loss is from what is expected of it.
    deviation: f64,
}

impl LossEstimator {
    /// Learns from rows that the model did not learn from: their columns, its answers and the truth.
    pub fn learn(
        loss: Loss,
        truth: &[f64],
        answers: &[f64],
        columns: &Frame,
        input: &Schema,
    ) -> Result<Self> {
        let losses = losses(loss, truth, answers)?;
        let names = asked(input).map(|field| field.name.clone()).collect::<Vec<_>>();
        let schema = Arc::new(schema(input)?);
        let rows = with_answers(&schema, &names, columns, answers)?;
        let deviation = deviation(&rows, &losses)?;
        let model = fitted(&rows, &losses, Seed::default())?;
        Ok(Self { loss, model, schema, names, deviation })
    }

    /// The loss that is expected of each row.
    pub fn lines(&self, rows: &Frame, answers: &Prediction) -> Result<Lines> {
        let Prediction::Numbers(answers) = answers else {
            return Err(Error::bug("a regression answered with classes"));
        };
        let rows = with_answers(&self.schema, &self.names, rows, answers)?;
        Ok(Lines { width: 1, numbers: expected(&*self.model, &rows)? })
    }

    pub fn estimate(&self, lines: &Lines) -> Result<Estimate> {
        let expected = &lines.numbers;
        Ok(match self.loss {
            Loss::Mae | Loss::Mse | Loss::Mape | Loss::Msle => dle(expected, self.deviation)?,
            Loss::Rmse | Loss::Rmsle => dle_root(expected, self.deviation)?,
        })
    }
}

/// The columns that trees can ask.
pub(super) fn asked(input: &Schema) -> impl Iterator<Item = &Field> {
    input.fields().iter().filter(|field| {
        let kind = [SemanticType::Numeric, SemanticType::Boolean, SemanticType::Categorical];
        kind.contains(&field.semantic) && field.physical != PhysicalType::Binary
    })
}

/// What a column of the model is called beside its answer.
pub(super) fn input_name(name: &str) -> String {
    format!("input_{name}")
}

/// These columns, under names that none of ours has, and the answer.
fn schema(input: &Schema) -> Result<Schema> {
    let named = |field: &Field| {
        Field::new(input_name(&field.name), field.physical).meaning(field.semantic).nullable(true)
    };
    let fields = asked(input).map(named).chain([Field::number(ANSWER)]).collect();
    Ok(Schema::new(fields)?)
}

fn with_answers(
    schema: &Arc<Schema>,
    names: &[String],
    rows: &Frame,
    answers: &[f64],
) -> Result<Frame> {
    let column = |name: &String| -> Result<Column> {
        let at = rows.schema().position(name)?;
        Ok(rows.columns()[at].clone())
    };
    let mut columns = names.iter().map(column).collect::<Result<Vec<_>>>()?;
    columns.push(Column::Numbers(answers.to_vec()));
    Ok(Frame::new(Arc::clone(schema), columns, rows.rows())?.dense()?)
}

/// The loss of each row. Source of the formulas: the metrics of these names, whose means they make.
fn losses(loss: Loss, truth: &[f64], answers: &[f64]) -> Result<Vec<f64>> {
    let one = |(t, p): (&f64, &f64)| match loss {
        Loss::Mae => (t - p).abs(),
        Loss::Mse | Loss::Rmse => (t - p).powi(2),
        Loss::Mape => (t - p).abs() / t.abs().max(f64::EPSILON),
        Loss::Msle | Loss::Rmsle => (t.ln_1p() - p.ln_1p()).powi(2),
    };
    let found: Vec<f64> = truth.iter().zip(answers).map(one).collect();
    match found.iter().all(|loss| loss.is_finite()) {
        true => Ok(found),
        false => {
            Err(Error::input("an answer to a row that was held out has an error that is no number")
                .with_hint("name another metric in `performance`, such as `mae`"))
        }
    }
}

/// √(Σ (lossᵢ − expectedᵢ)² / n), where a row is expected by a model that did not learn from it.
fn deviation(rows: &Frame, losses: &[f64]) -> Result<f64> {
    let mut order: Vec<u32> = (0..losses.len() as u32).collect();
    Seed::default().named("estimate").random().shuffle(&mut order);
    let of = |rows: &[u32]| rows.iter().map(|row| losses[*row as usize]).collect::<Vec<_>>();
    let mut squares = 0.0;
    for fold in 0..FOLDS {
        let place = |(at, _): &(usize, &u32)| at % FOLDS == fold;
        let (out, inside): (Vec<_>, Vec<_>) = order.iter().enumerate().partition(place);
        let rows_of =
            |part: Vec<(usize, &u32)>| part.iter().map(|(_, row)| **row).collect::<Vec<_>>();
        let (out, inside) = (rows_of(out), rows_of(inside));
        let model = fitted(&rows.take(&inside), &of(&inside), Seed(fold as u64))?;
        let expected = expected(&*model, &rows.take(&out))?;
        squares += expected.iter().zip(of(&out)).map(|(e, l)| (l - e).powi(2)).sum::<f64>();
    }
    Ok((squares / losses.len() as f64).sqrt())
}

fn fitted(rows: &Frame, losses: &[f64], seed: Seed) -> Result<Box<dyn Model>> {
    let trees = GradientBoosting {
        trees: 100,
        leaves: 8,
        learning_rate: 0.05,
        ..GradientBoosting::default()
    };
    let notes = Notes::default();
    let target = Target::Numbers(losses.to_vec());
    let context = FitContext::new(seed, &notes).with_target(&target);
    Ok(trees.fit(rows, &target, &context)?)
}

/// No error is below 0, whatever the trees add up to.
fn expected(model: &dyn Model, rows: &Frame) -> Result<Vec<f64>> {
    match model.predict(rows)? {
        Scores::Values(values) => Ok(values.into_iter().map(|value| value.max(0.0)).collect()),
        Scores::Probabilities(_) => Err(Error::bug("errors were answered with probabilities")),
    }
}
