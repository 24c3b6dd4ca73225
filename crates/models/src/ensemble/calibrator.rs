//! From the probabilities of a model to calibrated ones, class by class.

use gristmill_core::graph::{Graph, Value};
use gristmill_core::{DenseMatrix, Error, Result, State};

use super::calibration::CalibrationMethod;
use super::isotonic::Isotonic;
use super::sigmoid::{Answer, Sigmoid};

/// Where log-odds end: probabilities of 0 and 1 have none.
const LEAST_ODDS: f64 = 1e-6;

/// What the probabilities of a classifier stand for: one line for the second of two classes, or one for each of
/// more.
///
/// ```
/// # use gristmill_core::DenseMatrix;
/// # use gristmill_models::{CalibrationMethod, Calibrator};
/// // Two rows are said to be of the second class with 0.9, and one of them is.
/// let said = DenseMatrix::from_columns(3, 2, vec![0.9, 0.1, 0.1, 0.1, 0.9, 0.9])?;
/// let lines = Calibrator::fit(CalibrationMethod::Isotonic, &said, &[0, 0, 1], |_| 1.0)?;
/// assert_eq!(lines.apply(&said).column(1), [0.0, 0.5, 0.5]);
/// # Ok::<(), gristmill_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Calibrator {
    classes: usize,
    lines: Vec<Line>,
}

#[derive(Clone, Debug, PartialEq)]
enum Line {
    Sigmoid(Sigmoid, Score),
    Isotonic(Isotonic),
}

/// What a curve is drawn over.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Score {
    Probability,
    LogOdds,
}

impl Score {
    fn express(self, graph: &Graph, probability: Value) -> Value {
        match self {
            Self::Probability => probability,
            Self::LogOdds => {
                let (low, high) = (graph.number(LEAST_ODDS), graph.number(1.0 - LEAST_ODDS));
                let p = graph.clamp(probability, low, high);
                graph.ln(graph.divide(p, graph.subtract(graph.number(1.0), p)))
            }
        }
    }

    fn of(self, probability: f64) -> f64 {
        match self {
            Self::Probability => probability,
            Self::LogOdds => {
                let p = probability.clamp(LEAST_ODDS, 1.0 - LEAST_ODDS);
                (p / (1.0 - p)).ln()
            }
        }
    }
}

impl Calibrator {
    /// What the answers of a model, `[rows, classes]`, stand for when the classes are `codes`. The rows should be
    /// some that the model did not learn from.
    ///
    /// # Errors
    /// [`Error::Data`] when no row weighs anything.
    pub fn fit(
        method: CalibrationMethod,
        answers: &DenseMatrix,
        codes: &[u32],
        weight: impl Fn(usize) -> f64,
    ) -> Result<Self> {
        let classes = answers.columns();
        let line = |class: usize| {
            let rows = |score: Score| -> Vec<Answer> {
                let pairs = answers.column(class).iter().zip(codes).enumerate();
                pairs
                    .map(|(row, (&p, &code))| Answer {
                        score: score.of(p),
                        is_class: code as usize == class,
                        weight: weight(row),
                    })
                    .collect()
            };
            if method == CalibrationMethod::Isotonic {
                return Ok(Line::Isotonic(Isotonic::fit(&rows(Score::Probability))?));
            }
            let (plain, loss) = Sigmoid::fit(&rows(Score::Probability))?;
            let (odds, loss_of_odds) = Sigmoid::fit(&rows(Score::LogOdds))?;
            Ok(match loss_of_odds <= loss {
                true => Line::Sigmoid(odds, Score::LogOdds),
                false => Line::Sigmoid(plain, Score::Probability),
            })
        };
        let lines = calibrated(classes).map(line).collect::<Result<_>>()?;
        Ok(Self { classes, lines })
    }

    /// The calibrated probabilities of answers, each row with a sum of 1.
    pub fn apply(&self, answers: &DenseMatrix) -> DenseMatrix {
        let mut found = DenseMatrix::zeros(answers.rows(), self.classes);
        for row in 0..answers.rows() {
            for (class, line) in calibrated(self.classes).zip(&self.lines) {
                found.set(row, class, line.apply(answers.get(row, class)));
            }
            self.normalise(&mut found, row);
        }
        found
    }

    /// As [`Calibrator::apply`], as a graph.
    pub(super) fn express(&self, graph: &Graph, answers: Value) -> Value {
        let lines = calibrated(self.classes).zip(&self.lines);
        let found =
            lines.map(|(class, line)| line.express(graph, graph.columns(answers, &[class])));
        let found = graph.join(&found.collect::<Vec<_>>());
        if self.classes == 2 {
            return graph.two_classes(found);
        }
        let sum = graph.sum(found);
        let likely = graph.less(graph.number(0.0), sum);
        let equal = graph.number(1.0 / self.classes as f64);
        graph.choose(likely, graph.divide(found, sum), equal)
    }

    fn normalise(&self, found: &mut DenseMatrix, row: usize) {
        if self.classes == 2 {
            found.set(row, 0, 1.0 - found.get(row, 1));
            return;
        }
        let sum: f64 = (0..self.classes).map(|class| found.get(row, class)).sum();
        for class in 0..self.classes {
            // No class is likely: then none is likelier than the others.
            let share =
                if sum > 0.0 { found.get(row, class) / sum } else { 1.0 / self.classes as f64 };
            found.set(row, class, share);
        }
    }

    /// Adds the numbers of the lines: `sigmoids` and whether each is over log-odds in `odds`, or `scores`, `steps` and `points`, which is how
    /// many of them each line has.
    pub(super) fn put(&self, state: State) -> State {
        let (mut sigmoids, mut kinds) = (Vec::new(), Vec::new());
        let (mut scores, mut steps, mut points) = (Vec::new(), Vec::new(), Vec::new());
        for line in &self.lines {
            match line {
                Line::Sigmoid(curve, score) => {
                    sigmoids.extend([curve.slope, curve.constant]);
                    kinds.push(u8::from(*score == Score::LogOdds));
                }
                Line::Isotonic(line) => {
                    scores.extend_from_slice(&line.scores);
                    steps.extend_from_slice(&line.probabilities);
                    points.push(line.scores.len() as u32);
                }
            }
        }
        match points.is_empty() {
            true => state.with_f64("sigmoids", sigmoids).with_u8("odds", kinds),
            false => {
                state.with_f64("scores", scores).with_f64("steps", steps).with_u32("points", points)
            }
        }
    }

    /// The lines whose numbers stand in `state`.
    ///
    /// # Errors
    /// [`Error::Damaged`].
    pub(super) fn load(method: CalibrationMethod, classes: usize, state: &State) -> Result<Self> {
        let count = calibrated(classes).len();
        let lines = match method {
            CalibrationMethod::Sigmoid => load_sigmoids(state, count)?,
            CalibrationMethod::Isotonic => load_isotonics(state, count)?,
        };
        Ok(Self { classes, lines })
    }
}

impl Line {
    fn express(&self, graph: &Graph, probability: Value) -> Value {
        match self {
            Self::Sigmoid(curve, score) => {
                let score = score.express(graph, probability);
                let sloped = graph.multiply(score, graph.number(curve.slope));
                graph.logistic(graph.add(sloped, graph.number(curve.constant)))
            }
            Self::Isotonic(line) => line.express(graph, probability),
        }
    }

    fn apply(&self, probability: f64) -> f64 {
        match self {
            Self::Sigmoid(curve, score) => curve.apply(score.of(probability)),
            Self::Isotonic(line) => line.apply(probability),
        }
    }
}

/// The classes that have a line.
fn calibrated(classes: usize) -> std::ops::Range<usize> {
    if classes == 2 { 1..2 } else { 0..classes }
}

fn load_sigmoids(state: &State, count: usize) -> Result<Vec<Line>> {
    let numbers = state.f64s("sigmoids")?;
    // Log-odds have a bound, so these products cannot lose themselves in infinity.
    let usable = numbers.iter().all(|x| x.abs() < 1e300);
    if Some(numbers.len()) != count.checked_mul(2) || !usable {
        return Err(Error::damaged("tensor `sigmoids`", "it does not hold two numbers a class"));
    }
    let kinds = state.u8s("odds")?;
    if kinds.len() != count || kinds.iter().any(|kind| *kind > 1) {
        return Err(Error::damaged("tensor `odds`", "it does not hold 0 or 1 for each class"));
    }
    let line = |(pair, kind): (&[f64], &u8)| {
        let score = if *kind == 1 { Score::LogOdds } else { Score::Probability };
        Line::Sigmoid(Sigmoid { slope: pair[0], constant: pair[1] }, score)
    };
    Ok(numbers.chunks_exact(2).zip(kinds).map(line).collect())
}

fn load_isotonics(state: &State, count: usize) -> Result<Vec<Line>> {
    let (scores, steps) = (state.f64s("scores")?, state.f64s("steps")?);
    let points = state.u32s("points")?;
    let all: usize = points.iter().map(|&n| n as usize).sum();
    if points.len() != count || points.contains(&0) {
        return Err(Error::damaged("tensor `points`", "it does not hold one count a class"));
    }
    if scores.len() != all || steps.len() != all {
        return Err(Error::damaged("tensor `scores`", "it holds other numbers than `points` says"));
    }
    let mut lines = Vec::with_capacity(count);
    let mut from = 0;
    for &n in points {
        let range = from..from + n as usize;
        from = range.end;
        let (scores, steps) = (scores[range.clone()].to_vec(), steps[range].to_vec());
        let rising =
            scores.windows(2).all(|w| w[0] < w[1]) && steps.windows(2).all(|w| w[0] <= w[1]);
        let shares = |values: &[f64]| values.iter().all(|p| (0.0..=1.0).contains(p));
        if !rising || !shares(&scores) || !shares(&steps) {
            return Err(Error::damaged("tensor `steps`", "its probabilities do not rise"));
        }
        lines.push(Line::Isotonic(Isotonic { scores, probabilities: steps }));
    }
    Ok(lines)
}
