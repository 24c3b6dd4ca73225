//! A forest as it is stored, and the distrust with which it is read back.

use std::sync::Arc;

use gristmill_core::{Result, Schema, State, Task};
use serde::{Deserialize, Serialize};

use super::forest::{FittedForest, ForestKind, width};
use super::grove::Shape;
use super::settings::MAX_CLASSES;
use super::stored_grove::{self, StoredColumn, damaged, read_importances};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    kind: ForestKind,
    task: Task,
    /// For each column its categories, or how many borders it has.
    columns: Vec<StoredColumn>,
}

/// The forest as facts and tensors: those of its grove, and `importances` f64 a column.
pub(super) fn write(forest: &FittedForest) -> State {
    let columns = stored_grove::columns(&forest.grove);
    let facts = Facts { kind: forest.kind, task: forest.task, columns };
    stored_grove::write(&forest.grove, State::new(&facts))
        .with_f64("importances", forest.importances.clone())
}

/// The forest that gave `state`.
pub(super) fn read(state: &State, input: &Arc<Schema>) -> Result<FittedForest> {
    let facts: Facts = state.facts()?;
    if let Task::Classification { classes } = facts.task
        && !(2..=MAX_CLASSES).contains(&classes)
    {
        return Err(damaged(format!("it has {classes} classes")));
    }
    let shape = Shape::all(width(facts.task));
    let grove = stored_grove::read(state, facts.columns, input, shape)?;
    if grove.trees.is_empty() {
        return Err(damaged("it has no tree"));
    }
    let importances = read_importances(state, input)?;
    for tree in &grove.trees {
        check_answers(&tree.answers, facts.task)?;
    }
    Ok(FittedForest { kind: facts.kind, task: facts.task, grove, importances })
}

fn check_answers(answers: &[f64], task: Task) -> Result<()> {
    match task {
        Task::Regression if answers.iter().all(|a| a.is_finite()) => Ok(()),
        Task::Classification { classes } if answers.chunks(classes).all(is_distribution) => Ok(()),
        _ => Err(damaged("an answer is no number, or no set of probabilities")),
    }
}

fn is_distribution(shares: &[f64]) -> bool {
    shares.iter().all(|p| (0.0..=1.0).contains(p))
        && (shares.iter().sum::<f64>() - 1.0).abs() < 1e-6
}
