//! Answers that look at no column: what every model has to beat.

use std::sync::Arc;

use gristmill_core::graph::{Answers, Graph, Wire, no_form};
use gristmill_core::{
    Column, DenseMatrix, Error, Estimator, FitContext, Frame, Labels, Load, Model, Result, Schema,
    Scores, Seed, State, Target, Task,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::linear::{check_share, check_weights, stored, weight_of};

/// Answers by the target of the training rows alone, whatever the columns say.
///
/// For classes `most_frequent`, `prior`, `stratified`, `uniform` or `constant`; for numbers `mean`,
/// `median`, `quantile` or `constant`. Row weights count as so many rows.
///
/// ```
/// # use gristmill_core::{Pipeline, Prediction};
/// # use gristmill_models::Dummy;
/// # use gristmill_testkit::table;
/// let rows = table().numbers("x", [0.0, 0.0, 0.0]).numbers("y", [1.0, 2.0, 6.0]).target("y");
/// let fitted = Pipeline::new().model(Dummy::default()).fit(&rows)?;
/// assert_eq!(fitted.predict(&rows)?, Prediction::Numbers(vec![3.0; 3]));
/// # Ok::<(), gristmill_core::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Dummy {
    /// What is answered; without a word `prior` for classes and `mean` for numbers.
    pub strategy: Option<DummyStrategy>,
    /// For `quantile`, the share of the training rows whose target is below the answer.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub quantile: Option<f64>,
    /// For `constant`, the answer: a class or a number.
    pub constant: Option<DummyConstant>,
}

/// What a [`Dummy`] answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DummyStrategy {
    /// The class of most training rows, the first of them on a tie, with probability 1.
    MostFrequent,
    /// Each class with its share of the training rows.
    Prior,
    /// A class drawn by these shares, with probability 1; equal rows draw the same.
    Stratified,
    /// A class drawn with equal chances, with probability 1; equal rows draw the same.
    Uniform,
    /// The mean of the target.
    Mean,
    /// The median of the target.
    Median,
    /// A quantile of the target, between values by a straight line.
    Quantile,
    /// `constant`.
    Constant,
}

/// The answer of [`DummyStrategy::Constant`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected a class or a number for `constant`")]
pub enum DummyConstant {
    /// A number, or a class that is called like one.
    Number(f64),
    /// A class.
    Word(String),
}

impl Dummy {
    /// The version of what it learns: raised whenever equal rows would teach it something else.
    pub const VERSION: u32 = 1;

    fn strategy(&self, task: Task) -> DummyStrategy {
        self.strategy.unwrap_or(match task {
            Task::Classification { .. } => DummyStrategy::Prior,
            Task::Regression | Task::Unsupervised => DummyStrategy::Mean,
        })
    }

    fn check_task(&self, task: Task) -> Result<()> {
        use DummyStrategy as S;
        let strategy = self.strategy(task);
        let of_numbers = matches!(strategy, S::Mean | S::Median | S::Quantile);
        match task {
            Task::Unsupervised => Err(Task::no_target(DummyModel::KIND)),
            Task::Classification { .. } if of_numbers => Err(Error::setting(
                "strategy",
                word(strategy),
                "most_frequent, prior, stratified, uniform or constant for a target of classes",
            )),
            Task::Regression if !of_numbers && strategy != S::Constant => Err(Error::setting(
                "strategy",
                word(strategy),
                "mean, median, quantile or constant for a number",
            )),
            Task::Classification { .. } | Task::Regression => Ok(()),
        }
    }

    /// The probability of each class.
    fn shares(&self, codes: &[u32], labels: &Labels, weights: Option<&[f64]>) -> Result<Vec<f64>> {
        let mut shares = vec![0.0; labels.len()];
        for (row, &code) in codes.iter().enumerate() {
            let share = shares
                .get_mut(code as usize)
                .ok_or_else(|| Error::Bug(format!("row {row} has a class beyond the labels")))?;
            *share += weight_of(weights, row);
        }
        let total: f64 = shares.iter().sum();
        shares.iter_mut().for_each(|share| *share /= total);
        let only = |class: usize| (0..labels.len()).map(move |k| f64::from(u8::from(k == class)));
        Ok(match self.strategy(Task::Classification { classes: labels.len() }) {
            DummyStrategy::MostFrequent => only(first_largest(&shares)).collect(),
            DummyStrategy::Uniform => vec![1.0 / labels.len() as f64; labels.len()],
            DummyStrategy::Constant => only(self.constant_class(labels)?).collect(),
            _ => shares,
        })
    }

    fn constant_class(&self, labels: &Labels) -> Result<usize> {
        let is_it = |name: &String| match &self.constant {
            Some(DummyConstant::Word(word)) => name == word,
            Some(DummyConstant::Number(number)) => name.parse() == Ok(*number),
            None => false,
        };
        labels.names().iter().position(is_it).ok_or_else(|| {
            let found = match &self.constant {
                Some(DummyConstant::Word(word)) => format!("`{word}`"),
                Some(DummyConstant::Number(number)) => number.to_string(),
                None => "absent".into(),
            };
            Error::setting("constant", found, format!("one of {}", labels.names().join(", ")))
        })
    }

    /// The one answer for numbers.
    fn number(&self, y: &[f64], weights: Option<&[f64]>) -> Result<f64> {
        Ok(match self.strategy(Task::Regression) {
            DummyStrategy::Median => quantile(y, weights, 0.5),
            DummyStrategy::Quantile => quantile(y, weights, self.quantile.unwrap_or(0.5)),
            DummyStrategy::Constant => match self.constant {
                Some(DummyConstant::Number(number)) => number,
                _ => return Err(Error::setting("constant", "no number", "a number")),
            },
            _ => {
                let total: f64 = (0..y.len()).map(|row| weight_of(weights, row)).sum();
                // Dividing first keeps the sum finite.
                y.iter().enumerate().map(|(row, y)| y * (weight_of(weights, row) / total)).sum()
            }
        })
    }
}

fn word(strategy: DummyStrategy) -> String {
    serde_json::to_value(strategy).ok().and_then(|v| v.as_str().map(Into::into)).unwrap_or_default()
}

fn first_largest(values: &[f64]) -> usize {
    (1..values.len()).fold(0, |best, at| if values[at] > values[best] { at } else { best })
}

/// The value below which `share` of the weight lies. Sorted values stand half of their weight and
/// of their neighbour's apart; between them the answer follows a straight line, as in numpy.
fn quantile(y: &[f64], weights: Option<&[f64]>, share: f64) -> f64 {
    let mut sorted: Vec<(f64, f64)> = y
        .iter()
        .enumerate()
        .map(|(row, y)| (*y, weight_of(weights, row)))
        .filter(|(_, weight)| *weight > 0.0)
        .collect();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let step = |pair: &[(f64, f64)]| 0.5 * (pair[0].1 + pair[1].1);
    let mut left = share * sorted.windows(2).map(step).sum::<f64>();
    for pair in sorted.windows(2) {
        let length = step(pair);
        if left <= length {
            return pair[0].0 + (pair[1].0 - pair[0].0) * (left / length);
        }
        left -= length;
    }
    sorted.last().map_or(f64::NAN, |last| last.0)
}

impl Estimator for Dummy {
    fn kind(&self) -> &'static str {
        DummyModel::KIND
    }

    fn check(&self, input: &Schema, task: Task) -> Result<()> {
        self.check_task(task)?;
        let strategy = self.strategy(task);
        if let Some(quantile) = self.quantile {
            check_share("quantile", quantile)?;
            if strategy != DummyStrategy::Quantile {
                return Err(Error::setting("quantile", quantile, "no word for this strategy"));
            }
        }
        let constant = strategy == DummyStrategy::Constant;
        if constant != self.constant.is_some() {
            let (found, wanted) = if constant {
                ("absent", "the answer of `strategy: constant`")
            } else {
                ("given", "no word without `strategy: constant`")
            };
            return Err(Error::setting("constant", found, wanted));
        }
        if let Some(DummyConstant::Number(number)) = self.constant
            && !number.is_finite()
        {
            return Err(Error::setting("constant", number, "a finite number"));
        }
        if input.is_empty() {
            return Err(Error::data_hint(
                "there is no column to learn from",
                "leave some columns beside the target, its group and its time",
            ));
        }
        Ok(())
    }

    fn fit(
        &self,
        train: &Frame,
        target: &Target,
        context: &FitContext<'_>,
    ) -> Result<Box<dyn Model>> {
        self.check(train.schema(), target.task())?;
        if train.rows() == 0 {
            return Err(Error::data("there is no row to learn from"));
        }
        check_weights(context.weights, train.rows())?;
        let (classes, answers) = match target {
            Target::Classes { codes, labels } => {
                (labels.len(), self.shares(codes, labels, context.weights)?)
            }
            Target::Numbers(y) => (0, vec![self.number(y, context.weights)?]),
            Target::Absent(_) => return Err(Task::no_target(self.kind())),
        };
        let strategy = self.strategy(target.task());
        let facts = Facts { strategy, classes, seed: context.seed };
        Ok(Box::new(DummyModel { input: Arc::clone(train.schema()), facts, answers }))
    }

    fn takes_sparse(&self) -> bool {
        true
    }
}

/// What [`Dummy`] learns.
#[derive(Clone, Debug)]
pub struct DummyModel {
    input: Arc<Schema>,
    facts: Facts,
    /// A probability a class, or the one number.
    answers: Vec<f64>,
}

/// What is stored of it besides numbers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    strategy: DummyStrategy,
    /// How many classes there are; 0 for numbers.
    classes: usize,
    seed: Seed,
}

impl DummyModel {
    const KIND: &'static str = "dummy";

    fn draws(&self) -> bool {
        matches!(self.facts.strategy, DummyStrategy::Stratified | DummyStrategy::Uniform)
    }

    /// A class by chance, for a row with this number.
    fn draw(&self, number: u64) -> usize {
        let mut left = self.facts.seed.numbered(number).random().unit();
        let beyond = self.answers.iter().position(|share| {
            left -= share;
            left < 0.0
        });
        beyond.unwrap_or_else(|| first_largest(&self.answers))
    }
}

/// A number for each row that depends on its values alone (FNV-1a), so that a row draws the same
/// alone and in any batch.
fn row_numbers(rows: &Frame) -> Vec<u64> {
    let mut numbers = vec![0xcbf2_9ce4_8422_2325_u64; rows.rows()];
    let add = |number: &mut u64, bytes: &[u8]| {
        for byte in bytes {
            *number = (*number ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    for column in rows.columns() {
        match column {
            Column::Numbers(values) => {
                let pairs = numbers.iter_mut().zip(values);
                pairs.for_each(|(number, x)| add(number, &(x + 0.0).to_bits().to_le_bytes()));
            }
            Column::Sparse(values) => {
                let pairs = numbers.iter_mut().zip(values.to_dense());
                pairs.for_each(|(number, x)| add(number, &(x + 0.0).to_bits().to_le_bytes()));
            }
            Column::Times(values) => {
                let pairs = numbers.iter_mut().zip(values);
                pairs.for_each(|(number, time)| add(number, &time.to_le_bytes()));
            }
            Column::Words(words) => {
                let pairs = numbers.iter_mut().zip(words.iter());
                pairs.for_each(|(number, word)| {
                    // A byte that no text has keeps `ab`, `c` and `a`, `bc` apart.
                    add(number, word.unwrap_or_default().as_bytes());
                    add(number, &[if word.is_some() { 0xff } else { 0xfe }]);
                });
            }
            Column::Images(images) => {
                let pairs = numbers.iter_mut().zip(images);
                pairs.for_each(|(number, image)| add(number, image.as_deref().unwrap_or_default()));
            }
        }
    }
    numbers
}

impl Model for DummyModel {
    fn kind(&self) -> &'static str {
        Self::KIND
    }

    fn input(&self) -> &Arc<Schema> {
        &self.input
    }

    fn task(&self) -> Task {
        match self.facts.classes {
            0 => Task::Regression,
            classes => Task::Classification { classes },
        }
    }

    fn predict(&self, rows: &Frame) -> Result<Scores> {
        let names = |s: &Schema| s.fields().iter().map(|f| f.name.clone()).collect::<Vec<_>>();
        if let Some(missing) =
            names(&self.input).iter().find(|n| rows.schema().position(n).is_err())
        {
            rows.schema().position(missing)?;
        }
        let n = rows.rows();
        if self.facts.classes == 0 {
            return Ok(Scores::Values(vec![self.answers[0]; n]));
        }
        let mut probabilities = DenseMatrix::zeros(n, self.facts.classes);
        if self.draws() {
            for (row, number) in row_numbers(rows).into_iter().enumerate() {
                probabilities.set(row, self.draw(number), 1.0);
            }
        } else {
            for (class, share) in self.answers.iter().enumerate() {
                probabilities.column_mut(class).fill(*share);
            }
        }
        Ok(Scores::Probabilities(probabilities))
    }

    fn takes_sparse(&self) -> bool {
        true
    }

    fn express(&self, graph: &Graph, _columns: &[Wire]) -> Result<Answers> {
        if self.draws() {
            let strategy = word(self.facts.strategy);
            let reason = "it draws an answer from the bytes of each row";
            return Err(no_form(format!("`dummy` with `strategy: {strategy}`"), reason));
        }
        let answers = graph.spread(graph.row(&self.answers));
        Ok(match self.facts.classes {
            0 => Answers::Values(answers),
            _ => Answers::Probabilities(answers),
        })
    }

    fn state(&self) -> State {
        // The columns are stored as a count, so that a model of others is recognised.
        State::new(&self.facts)
            .with_f64("answers", self.answers.clone())
            .with_u32("columns", vec![0; self.input.len()])
    }
}

impl Load for DummyModel {
    fn load(state: &State, input: &Arc<Schema>) -> Result<Self> {
        let facts: Facts = state.facts()?;
        let answers = stored(state, "answers", facts.classes.max(1))?;
        let sound = facts.classes == 0 || answers.iter().all(|share| (0.0..=1.0).contains(share));
        if !sound || facts.classes == 1 || state.u32s("columns")?.len() != input.len() {
            return Err(Error::damaged("dummy", "its answers or columns contradict each other"));
        }
        Ok(Self { input: Arc::clone(input), facts, answers })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check<const N: usize>(y: [f64; N], weights: Option<&[f64]>, share: f64, expected: f64) {
        let found = quantile(&y, weights, share);
        assert!((found - expected).abs() < 1e-12, "{found} is not {expected}");
    }

    #[test] // numpy 2.4, quantile
    fn quantiles_follow_a_straight_line_between_values() {
        check([3.0, 1.0, 2.0, 10.0], None, 0.5, 2.5);
        check([3.0, 1.0, 2.0, 10.0], None, 0.9, 7.9);
        check([7.0], None, 0.3, 7.0);
    }

    #[test] // by hand: 1 and 2 are 2 apart, 2 and 3 are 2 apart
    fn weights_move_quantiles() {
        check([1.0, 2.0, 3.0], Some(&[1.0, 3.0, 1.0]), 0.5, 2.0);
        check([1.0, 2.0, 3.0], Some(&[0.0, 3.0, 1.0]), 0.0, 2.0);
    }
}
