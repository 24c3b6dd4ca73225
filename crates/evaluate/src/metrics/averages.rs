//! Precision, recall and their kin: of one class, or averaged over all of them.
//! Definitions: Sokolova and Lapalme, *Information Processing & Management* 45 (2009).
//!
//! | name | TP, FP, FN, TN: found, mistaken, missed and rightly left rows of a class |
//! |---|---|
//! | `precision` | TP / (TP + FP) |
//! | `recall` (sensitivity) | TP / (TP + FN) |
//! | `specificity` | TN / (TN + FP) |
//! | `negative_predictive_value` | TN / (TN + FN) |
//! | `f1`, `f2`, `f0_5` | (1 + β²) TP / ((1 + β²) TP + β² FN + FP), β = 1, 2, 0.5 |
//! | `jaccard` | TP / (TP + FP + FN) |
//!
//! Where the divisor is 0 the value is 0. A plain name speaks of the positive class where there is
//! one and is the macro average otherwise. `_macro` is the mean over the classes that occur or are
//! predicted; `_micro` adds up the counts of all classes first; `_weighted` is the mean over the
//! rows, each with the value of its class.

use gristmill_core::{Error, Result};

use super::tally::{Tallies, Tally};
use super::{ClassAnswers, Entry, class_metric, undefined};

/// Over which classes a value is taken.
#[derive(Clone, Copy)]
enum Average {
    Plain,
    Macro,
    Micro,
    Weighted,
}

/// A metric of one class with its three averages.
macro_rules! family {
    ($name:literal, $value:expr) => {
        [
            class_metric($name, |a| averaged(a, $name, Average::Plain, $value)),
            class_metric(concat!($name, "_macro"), |a| averaged(a, $name, Average::Macro, $value)),
            class_metric(concat!($name, "_micro"), |a| averaged(a, $name, Average::Micro, $value)),
            class_metric(concat!($name, "_weighted"), |a| {
                averaged(a, $name, Average::Weighted, $value)
            }),
        ]
    };
}

pub(super) static ENTRIES: &[[Entry; 4]] = &[
    family!("precision", Tally::precision),
    family!("recall", Tally::recall),
    family!("f1", Tally::f1),
    family!("f2", Tally::f2),
    family!("f0_5", Tally::f_half),
    family!("jaccard", Tally::jaccard),
    family!("specificity", Tally::specificity),
    family!("negative_predictive_value", Tally::negative_predictive_value),
];

fn averaged(
    answers: &ClassAnswers<'_>,
    metric: &str,
    average: Average,
    value: fn(&Tally) -> f64,
) -> Result<f64> {
    let tallies = Tallies::new(metric, answers.labels.len(), answers.truth, answers.predicted)?;
    match (average, answers.labels.positive()) {
        (Average::Plain, Some(class)) => {
            of_class(answers, metric, &tallies, class).map(|t| value(&t))
        }
        (Average::Plain | Average::Macro, _) => {
            let (sum, classes) = tallies
                .each()
                .filter(Tally::appears)
                .fold((0.0, 0_usize), |(sum, n), tally| (sum + value(&tally), n + 1));
            Ok(sum / classes.max(1) as f64)
        }
        (Average::Micro, _) => Ok(value(&together(&tallies))),
        (Average::Weighted, _) => {
            let sum: f64 = tallies.each().map(|t| t.rows() as f64 * value(&t)).sum();
            Ok(sum / answers.truth.len() as f64)
        }
    }
}

fn of_class(
    answers: &ClassAnswers<'_>,
    metric: &str,
    tallies: &Tallies,
    class: usize,
) -> Result<Tally> {
    let tally = tallies
        .each()
        .nth(class)
        .ok_or_else(|| Error::Bug("the positive class lies beyond the labels".into()))?;
    if tally.rows() > 0 {
        return Ok(tally);
    }
    let name = answers.labels.names().get(class).map_or("", String::as_str);
    Err(undefined(
        metric,
        &format!("no row has the positive class `{name}`"),
        "give more rows, or split with `stratify: true`",
    ))
}

/// The counts of all classes that appear, added up.
fn together(tallies: &Tallies) -> Tally {
    tallies.each().filter(Tally::appears).fold(Tally::default(), |sum, tally| Tally {
        found: sum.found + tally.found,
        mistaken: sum.mistaken + tally.mistaken,
        missed: sum.missed + tally.missed,
        left: sum.left + tally.left,
    })
}
