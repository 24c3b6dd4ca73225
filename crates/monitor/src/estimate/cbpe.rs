//! Confidence-based performance estimation: metrics of a classifier out of its own probabilities.
//! Method: Kivimäki, Białek, Kuberski and Nurminen, *Performance Estimation in Binary Classification
//! Using Calibrated Confidence*, 2025, after the documentation of NannyML; standard errors by the
//! delta method.
//!
//! If the probabilities are calibrated, a row that is said to be positive with 0.8 is so in 80 of 100
//! cases: the table of truth and answer is known in expectation, and so are the metrics read off it.

use gristmill_core::{DenseMatrix, Error, Result};

use super::Estimate;
use super::roc_auc;

/// By how much the probabilities of a row may miss 1 together.
const ROUNDING: f64 = 1e-6;

/// Answers of a classifier whose truth is not known, from which metrics are estimated.
///
/// ```
/// # use gristmill_core::DenseMatrix;
/// # use gristmill_monitor::estimate::Cbpe;
/// // Two rows: negative with 0.9, positive with 0.8.
/// let probabilities = DenseMatrix::from_columns(2, 2, vec![0.9, 0.2, 0.1, 0.8])?;
/// let estimated = Cbpe::new(&probabilities, &[0, 1])?;
/// assert!((estimated.accuracy().value - 0.85).abs() < 1e-12);
/// # Ok::<(), gristmill_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Cbpe<'a> {
    probabilities: &'a DenseMatrix,
    answers: &'a [u32],
}

impl<'a> Cbpe<'a> {
    /// Takes calibrated `probabilities` of shape `[rows, classes]` and the class that was answered for
    /// each row.
    ///
    /// # Errors
    /// [`Error::Data`] when there is no row or only one class, the lengths differ, an answer is no
    /// class, or probabilities do not lie between 0 and 1 and sum to 1 in each row.
    pub fn new(probabilities: &'a DenseMatrix, answers: &'a [u32]) -> Result<Self> {
        let (rows, classes) = (probabilities.rows(), probabilities.columns());
        if rows == 0 || classes < 2 || answers.len() != rows {
            return Err(Error::data(format!(
                "{} answers with probabilities of {rows} rows and {classes} classes",
                answers.len()
            )));
        }
        if let Some(answer) = answers.iter().find(|a| **a as usize >= classes) {
            return Err(Error::data(format!("an answer is class {answer} of {classes}")));
        }
        for row in 0..rows {
            let of_row = || (0..classes).map(|class| probabilities.get(row, class));
            let sum: f64 = of_row().sum();
            if (sum - 1.0).abs() > ROUNDING || of_row().any(|p| !(0.0..=1.0).contains(&p)) {
                return Err(Error::data(format!("the probabilities of row {row} sum to {sum}")));
            }
        }
        Ok(Self { probabilities, answers })
    }

    fn rows(&self) -> f64 {
        self.answers.len() as f64
    }

    fn classes(&self) -> usize {
        self.probabilities.columns()
    }

    /// Returns the expected table of truth (first index) and answer (second): cell (t, a) is the sum
    /// of the probabilities of class t over the rows that were answered with a.
    pub fn confusion(&self) -> Vec<Vec<f64>> {
        let mut cells = vec![vec![0.0; self.classes()]; self.classes()];
        for (truth, row) in cells.iter_mut().enumerate() {
            let said = self.probabilities.column(truth);
            self.answers.iter().zip(said).for_each(|(&answer, p)| row[answer as usize] += p);
        }
        cells
    }

    /// Returns the expected share of right answers.
    pub fn accuracy(&self) -> Estimate {
        let cells = self.confusion();
        let right: f64 = (0..self.classes()).map(|class| cells[class][class]).sum();
        let slope =
            |truth: usize, answer: usize| f64::from(u8::from(truth == answer)) / self.rows();
        Estimate { value: right / self.rows(), standard_error: self.standard_error(slope) }
    }

    /// Returns the expected precision, tp / (tp + fp), of `positive`, or the mean over all classes
    /// without one; 0 where nothing is answered with it.
    pub fn precision(&self, positive: Option<usize>) -> Result<Estimate> {
        self.of_classes(positive, |one| Ratio {
            over: [1.0, 0.0, 0.0, 0.0],
            under: [1.0, 1.0, 0.0, 0.0],
            of: one,
        })
    }

    /// Returns the expected recall, tp / (tp + fn).
    ///
    /// # Errors
    /// [`Error::Data`] when `positive` is no class; so for all metrics of a class.
    pub fn recall(&self, positive: Option<usize>) -> Result<Estimate> {
        self.of_classes(positive, |one| Ratio {
            over: [1.0, 0.0, 0.0, 0.0],
            under: [1.0, 0.0, 1.0, 0.0],
            of: one,
        })
    }

    /// Returns the expected F₁, 2 tp / (2 tp + fp + fn).
    ///
    /// # Errors
    /// As [`Cbpe::recall`].
    pub fn f1(&self, positive: Option<usize>) -> Result<Estimate> {
        self.of_classes(positive, |one| Ratio {
            over: [2.0, 0.0, 0.0, 0.0],
            under: [2.0, 1.0, 1.0, 0.0],
            of: one,
        })
    }

    /// Returns the expected specificity, tn / (tn + fp).
    ///
    /// # Errors
    /// As [`Cbpe::recall`].
    pub fn specificity(&self, positive: Option<usize>) -> Result<Estimate> {
        self.of_classes(positive, |one| Ratio {
            over: [0.0, 0.0, 0.0, 1.0],
            under: [0.0, 1.0, 0.0, 1.0],
            of: one,
        })
    }

    /// Returns the expected area under the ROC curve of `positive`, when rows are ordered by its
    /// probability, or the mean over all classes without one.
    ///
    /// # Errors
    /// As [`Cbpe::recall`], and when a class is certain or impossible in every row.
    pub fn roc_auc(&self, positive: Option<usize>) -> Result<Estimate> {
        let classes = self.chosen(positive)?;
        let curves = classes
            .iter()
            .map(|&class| roc_auc::expected(self.probabilities.column(class)))
            .collect::<Result<Vec<_>>>()?;
        let share = 1.0 / classes.len() as f64;
        let slopes = |row: usize, truth: usize| match classes.iter().position(|&c| c == truth) {
            Some(at) => share * curves[at].slopes[row],
            None => 0.0,
        };
        let value = share * curves.iter().map(|c| c.value).sum::<f64>();
        Ok(Estimate { value, standard_error: self.standard_error_by_row(slopes) })
    }

    /// Returns the expected log loss, −1/n Σᵢ Σ_c pᵢ_c ln qᵢ_c, where p is calibrated and q is what
    /// the model said, of the same shape. A q of 0 counts as 2.2·10⁻¹⁶, as in scikit-learn.
    ///
    /// # Errors
    /// [`Error::Data`] when the shapes differ.
    pub fn log_loss(&self, said: &DenseMatrix) -> Result<Estimate> {
        if (said.rows(), said.columns()) != (self.answers.len(), self.classes()) {
            return Err(Error::data("the probabilities that were said have another shape"));
        }
        let loss =
            |row: usize, truth: usize| -said.get(row, truth).max(f64::EPSILON).ln() / self.rows();
        let of_row = |row: usize| -> f64 {
            (0..self.classes()).map(|c| self.probabilities.get(row, c) * loss(row, c)).sum()
        };
        let value = (0..self.answers.len()).map(of_row).sum();
        Ok(Estimate { value, standard_error: self.standard_error_by_row(loss) })
    }

    fn chosen(&self, positive: Option<usize>) -> Result<Vec<usize>> {
        match positive {
            None => Ok((0..self.classes()).collect()),
            Some(class) if class < self.classes() => Ok(vec![class]),
            Some(class) => {
                Err(Error::data(format!("class {class} of {} was asked for", self.classes())))
            }
        }
    }

    /// A ratio of counts for each class, and their mean.
    fn of_classes(
        &self,
        positive: Option<usize>,
        ratio: impl Fn(usize) -> Ratio,
    ) -> Result<Estimate> {
        let cells = self.confusion();
        let classes = self.chosen(positive)?;
        let share = 1.0 / classes.len() as f64;
        let parts: Vec<(Ratio, [f64; 4])> =
            classes.iter().map(|&c| (ratio(c), counts(&cells, c))).collect();
        let value = share * parts.iter().map(|(ratio, counts)| ratio.value(counts)).sum::<f64>();
        let slope = |truth: usize, answer: usize| -> f64 {
            share * parts.iter().map(|(r, counts)| r.slope(counts, truth, answer)).sum::<f64>()
        };
        Ok(Estimate { value, standard_error: self.standard_error(slope) })
    }

    /// √Σᵢ Var(slope(truthᵢ, answerᵢ)), where the truth of a row is drawn by its probabilities.
    fn standard_error(&self, slope: impl Fn(usize, usize) -> f64) -> f64 {
        let classes = self.classes();
        let slopes: Vec<f64> =
            (0..classes * classes).map(|at| slope(at / classes, at % classes)).collect();
        self.standard_error_by_row(|row, truth| {
            slopes[truth * classes + self.answers[row] as usize]
        })
    }

    fn standard_error_by_row(&self, slope: impl Fn(usize, usize) -> f64) -> f64 {
        let variance = |row: usize| {
            let terms =
                (0..self.classes()).map(|c| (self.probabilities.get(row, c), slope(row, c)));
            let (mean, squares) = terms
                .fold((0.0, 0.0), |(mean, squares), (p, s)| (mean + p * s, squares + p * s * s));
            (squares - mean * mean).max(0.0)
        };
        (0..self.answers.len()).map(variance).sum::<f64>().sqrt()
    }
}

/// tp, fp, fn and tn of a class against all others.
fn counts(cells: &[Vec<f64>], class: usize) -> [f64; 4] {
    let mut counts = [0.0; 4];
    for (truth, row) in cells.iter().enumerate() {
        for (answer, cell) in row.iter().enumerate() {
            counts[place(class, truth, answer)] += cell;
        }
    }
    counts
}

fn place(class: usize, truth: usize, answer: usize) -> usize {
    match (truth == class, answer == class) {
        (true, true) => 0,
        (false, true) => 1,
        (true, false) => 2,
        (false, false) => 3,
    }
}

/// A ratio of weighted sums of tp, fp, fn and tn of one class.
struct Ratio {
    over: [f64; 4],
    under: [f64; 4],
    of: usize,
}

impl Ratio {
    fn value(&self, counts: &[f64; 4]) -> f64 {
        let (over, under) = (weighted(&self.over, counts), weighted(&self.under, counts));
        if under > 0.0 { over / under } else { 0.0 }
    }

    /// The derivative by the cell of this truth and answer.
    fn slope(&self, counts: &[f64; 4], truth: usize, answer: usize) -> f64 {
        let under = weighted(&self.under, counts);
        let at = place(self.of, truth, answer);
        if under > 0.0 {
            (self.over[at] - self.value(counts) * self.under[at]) / under
        } else {
            0.0
        }
    }
}

fn weighted(weights: &[f64; 4], counts: &[f64; 4]) -> f64 {
    weights.iter().zip(counts).map(|(w, c)| w * c).sum()
}

#[cfg(test)]
mod tests;
