//! Metrics of a classifier out of its own probabilities, once it is known what these stand for.

use gristmill_core::{DenseMatrix, Prediction, Seed};
use gristmill_models::{CalibrationMethod, Calibrator};
use gristmill_monitor::estimate::{Cbpe, Estimate};

use super::Lines;
use super::estimable::{Of, OfClasses};
use crate::{Error, Result};

/// In how many parts rows are cut to see whether calibrated probabilities are better.
const FOLDS: usize = 5;

/// Estimates a metric of classes.
#[derive(Debug)]
pub(crate) struct ClassEstimator {
    metric: OfClasses,
    /// Nothing where the probabilities are as good as they are.
    calibrator: Option<Calibrator>,
    classes: usize,
    positive: Option<usize>,
}

impl ClassEstimator {
    /// Learns what the probabilities stand for from rows that the model did not learn from.
    pub fn learn(
        metric: OfClasses,
        truth: &[u32],
        said: &DenseMatrix,
        positive: Option<usize>,
    ) -> Result<Self> {
        let calibrator = calibrator(said, truth)?;
        Ok(Self { metric, calibrator, classes: said.columns(), positive })
    }

    /// The class that was answered and the probability of each.
    pub fn lines(&self, answers: &Prediction) -> Result<Lines> {
        let Prediction::Classes { codes, probabilities, .. } = answers else {
            return Err(Error::bug("a classifier answered with numbers"));
        };
        if probabilities.columns() != self.classes {
            let found = probabilities.columns();
            return Err(Error::bug(format!("{found} classes were answered, not {}", self.classes)));
        }
        let width = self.classes + 1;
        let mut numbers = Vec::with_capacity(codes.len() * width);
        for (row, code) in codes.iter().enumerate() {
            numbers.push(f64::from(*code));
            numbers.extend((0..self.classes).map(|class| probabilities.get(row, class)));
        }
        Ok(Lines { width, numbers })
    }

    pub fn estimate(&self, lines: &Lines) -> Result<Estimate> {
        let codes: Vec<u32> = (0..lines.rows()).map(|row| lines.row(row)[0] as u32).collect();
        let of_class = |class: usize| (0..lines.rows()).map(move |row| lines.row(row)[class + 1]);
        let said = (0..self.classes).flat_map(of_class).collect();
        let said = DenseMatrix::from_columns(codes.len(), self.classes, said)?;
        let calibrated = self.calibrator.as_ref().map(|lines| lines.apply(&said));
        let calibrated = calibrated.as_ref().unwrap_or(&said);
        let cbpe = Cbpe::new(calibrated, &codes)?;
        let of = |of: Of| match of {
            Of::Positive => self.positive,
            Of::All => None,
        };
        Ok(match self.metric {
            OfClasses::Accuracy => cbpe.accuracy(),
            OfClasses::Precision(class) => cbpe.precision(of(class))?,
            OfClasses::Recall(class) => cbpe.recall(of(class))?,
            OfClasses::F1(class) => cbpe.f1(of(class))?,
            OfClasses::Specificity(class) => cbpe.specificity(of(class))?,
            OfClasses::RocAuc(class) => cbpe.roc_auc(of(class))?,
            OfClasses::LogLoss => cbpe.log_loss(&said)?,
        })
    }
}

/// What the probabilities stand for, where rows show that it is not what they say: out of fold the calibrated ones
/// must be nearer to the truth, by more than a standard error. Lines through few rows, or through good
/// probabilities, only add chance.
fn calibrator(said: &DenseMatrix, truth: &[u32]) -> Result<Option<Calibrator>> {
    let mut order: Vec<u32> = (0..truth.len() as u32).collect();
    Seed::default().named("calibration").random().shuffle(&mut order);
    let mut nearer: Vec<f64> = Vec::with_capacity(truth.len());
    for fold in 0..FOLDS {
        let part = |is_out: bool| -> Vec<u32> {
            let of_fold = order.iter().enumerate().filter(|(at, _)| (at % FOLDS == fold) == is_out);
            of_fold.map(|(_, row)| *row).collect()
        };
        let (out, inside) = (part(true), part(false));
        let lines = fitted(&rows_of(said, &inside)?, &codes_of(truth, &inside))?;
        let (said, truth) = (rows_of(said, &out)?, codes_of(truth, &out));
        let calibrated = apart(&lines.apply(&said), &truth);
        nearer.extend(apart(&said, &truth).iter().zip(calibrated).map(|(said, now)| said - now));
    }
    let (gain, squares) = (nearer.iter().sum::<f64>(), nearer.iter().map(|d| d * d).sum::<f64>());
    if gain > squares.sqrt() { fitted(said, truth).map(Some) } else { Ok(None) }
}

fn fitted(said: &DenseMatrix, truth: &[u32]) -> Result<Calibrator> {
    Ok(Calibrator::fit(CalibrationMethod::Isotonic, said, truth, |_| 1.0)?)
}

fn rows_of(said: &DenseMatrix, rows: &[u32]) -> Result<DenseMatrix> {
    let of_class = |class: usize| rows.iter().map(move |row| said.get(*row as usize, class));
    let values = (0..said.columns()).flat_map(of_class).collect();
    Ok(DenseMatrix::from_columns(rows.len(), said.columns(), values)?)
}

fn codes_of(truth: &[u32], rows: &[u32]) -> Vec<u32> {
    rows.iter().map(|row| truth[*row as usize]).collect()
}

/// How far the probabilities of each row are from the truth: Brier's score.
fn apart(said: &DenseMatrix, truth: &[u32]) -> Vec<f64> {
    let of_row = |(row, code): (usize, &u32)| {
        let is_true = |class: usize| f64::from(u8::from(*code as usize == class));
        (0..said.columns()).map(|class| (said.get(row, class) - is_true(class)).powi(2)).sum()
    };
    truth.iter().enumerate().map(of_row).collect()
}
