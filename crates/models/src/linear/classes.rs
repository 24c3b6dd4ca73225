//! The classes that linear models tell apart: which have rows, and how much these weigh.

use gristmill_core::graph::{Graph, Value};
use gristmill_core::{Error, FitContext, Labels, Result, Target, Task};

use crate::ClassWeight;

/// The classes that have training rows, with the class of each row as its place among them.
#[derive(Debug)]
pub(crate) struct Present {
    /// How many classes there are, with and without rows.
    pub all: usize,
    /// The classes with rows.
    pub classes: Vec<usize>,
    /// For each row the place of its class in `classes`.
    pub codes: Vec<u32>,
    /// The sum of the row weights of each class with rows.
    totals: Vec<f64>,
}

impl Present {
    /// Which classes have rows that weigh something; says which have none.
    ///
    /// # Errors
    /// [`Error::Data`] when there are fewer than two.
    pub fn new(kind: &str, target: &Target, context: &FitContext<'_>) -> Result<Self> {
        let Target::Classes { codes, labels } = target else {
            return Err(Error::Bug(format!("`{kind}` was given no classes to learn")));
        };
        let totals = totals(codes, labels, context.weights)?;
        let classes: Vec<usize> = (0..labels.len()).filter(|&k| totals[k] > 0.0).collect();
        if classes.len() < 2 {
            return Err(Error::data_hint(
                "the training rows have one class only",
                "give rows of at least two classes, or split with `stratify: true`",
            ));
        }
        for absent in (0..labels.len()).filter(|k| !classes.contains(k)) {
            let name = &labels.names()[absent];
            context.notes.add(format!("class `{name}` has no training row; it is never predicted"));
        }
        let mut places = vec![0; labels.len()];
        classes.iter().zip(0..).for_each(|(&class, place)| places[class] = place);
        Ok(Self {
            all: labels.len(),
            codes: codes.iter().map(|&code| places[code as usize]).collect(),
            totals: classes.iter().map(|&k| totals[k]).collect(),
            classes,
        })
    }

    /// How many classes have rows.
    pub fn len(&self) -> usize {
        self.classes.len()
    }

    /// The sum of the row weights of each class with rows.
    pub fn totals(&self) -> &[f64] {
        &self.totals
    }

    /// The share of each class with rows in the weight of all.
    pub fn shares(&self) -> Vec<f64> {
        let all: f64 = self.totals.iter().sum();
        self.totals.iter().map(|total| total / all).collect()
    }

    /// The weight of each row, with that of its class in it.
    pub fn row_weights(&self, class_weight: ClassWeight, weights: Option<&[f64]>) -> Vec<f64> {
        let all: f64 = self.totals.iter().sum();
        let of_class: Vec<f64> = self
            .totals
            .iter()
            .map(|total| match class_weight {
                ClassWeight::None => 1.0,
                ClassWeight::Balanced => all / (self.totals.len() as f64 * total),
            })
            .collect();
        let rows = self.codes.iter().enumerate();
        rows.map(|(row, &code)| weights.map_or(1.0, |w| w[row]) * of_class[code as usize]).collect()
    }

    /// Rows of `width` numbers for all classes out of those of the present ones; `absent`
    /// elsewhere. Two present classes share one row; the first of them scores 0.
    pub fn spread(&self, values: Vec<f64>, width: usize, absent: f64) -> Vec<f64> {
        if self.len() == self.all {
            return values;
        }
        let mut all = vec![absent; self.all * width];
        let first = usize::from(self.len() == 2);
        if first == 1 {
            all[self.classes[0] * width..(self.classes[0] + 1) * width].fill(0.0);
        }
        for (row, &class) in values.chunks(width).zip(&self.classes[first..]) {
            all[class * width..(class + 1) * width].copy_from_slice(row);
        }
        all
    }
}

/// The sum of the row weights of each class.
fn totals(codes: &[u32], labels: &Labels, weights: Option<&[f64]>) -> Result<Vec<f64>> {
    let mut totals = vec![0.0; labels.len()];
    for (row, &code) in codes.iter().enumerate() {
        let total = totals
            .get_mut(code as usize)
            .ok_or_else(|| Error::Bug(format!("row {row} has a class beyond the labels")))?;
        *total += weights.map_or(1.0, |w| w[row]);
    }
    Ok(totals)
}

/// The probabilities of all classes in a graph where `shares` are those of the `present` ones.
pub(crate) fn spread(graph: &Graph, shares: Value, present: &[usize], all: usize) -> Value {
    if present.len() == all {
        return shares;
    }
    let none = graph.number(0.0);
    let column = |class| match present.iter().position(|&known| known == class) {
        Some(at) => graph.columns(shares, &[at]),
        None => none,
    };
    graph.join(&(0..all).map(column).collect::<Vec<_>>())
}

/// Refuses stored classes that contradict each other: `present` must rise and lie below `all`.
///
/// # Errors
/// [`Error::Damaged`].
pub(crate) fn check_present(present: &[usize], all: usize) -> Result<()> {
    let rises = present.windows(2).all(|pair| pair[0] < pair[1]);
    let inside = present.last().is_some_and(|&last| last < all);
    if rises && inside && present.len() >= 2 {
        return Ok(());
    }
    Err(Error::damaged("stored classes", "they contradict each other"))
}

/// Refuses a target of numbers, and none.
pub(crate) fn refuse_numbers(kind: &str, task: Task) -> Result<()> {
    match task {
        Task::Classification { .. } => Ok(()),
        Task::Unsupervised => Err(Task::no_target(kind)),
        Task::Regression => Err(Error::data_hint(
            format!("`{kind}` predicts classes, and the target is a number"),
            "use `linear_regression` or `ridge`, or type the target `categorical`",
        )),
    }
}
