//! A boosted model as it is stored, and the distrust with which it is read back.

use std::sync::Arc;

use gristmill_core::{Error, Result, Schema, State, Task};
use serde::{Deserialize, Serialize};

use super::super::grove::Shape;
use super::super::settings::MAX_CLASSES;
use super::super::stored_grove::{self, StoredColumn, damaged, read_importances};
use super::loss::Objective;
use super::model::FittedBoosting;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    objective: Objective,
    task: Task,
    /// For each column its categories, or how many borders it has.
    columns: Vec<StoredColumn>,
}

/// The model as facts and tensors: those of its grove, `base` f64 a score, and `importances` f64 a
/// column.
pub(super) fn write(model: &FittedBoosting) -> State {
    let columns = stored_grove::columns(&model.grove);
    let facts = Facts { objective: model.objective, task: model.task, columns };
    stored_grove::write(&model.grove, State::new(&facts))
        .with_f64("base", model.base.clone())
        .with_f64("importances", model.importances.clone())
}

/// The model that gave `state`.
pub(super) fn read(state: &State, input: &Arc<Schema>) -> Result<FittedBoosting> {
    let facts: Facts = state.facts()?;
    let outputs = check_task(facts.objective, facts.task)?;
    let grove = stored_grove::read(state, facts.columns, input, Shape::in_turn(outputs))?;
    let base = state.f64s("base")?.to_vec();
    if base.len() != outputs || !base.iter().all(|b| b.is_finite()) {
        return Err(Error::damaged("tensor `base`", "it is not one number a score"));
    }
    if !grove.trees.len().is_multiple_of(outputs) {
        return Err(damaged("a round lacks a tree"));
    }
    if !grove.trees.iter().flat_map(|t| &t.answers).all(|a| a.is_finite()) {
        return Err(damaged("an answer is no number"));
    }
    let importances = read_importances(state, input)?;
    Ok(FittedBoosting { objective: facts.objective, task: facts.task, grove, base, importances })
}

/// How many scores such a model has.
fn check_task(objective: Objective, task: Task) -> Result<usize> {
    match (objective, task) {
        (Objective::Logistic, Task::Classification { classes: 2 }) => Ok(1),
        (Objective::Softmax { classes }, Task::Classification { classes: found })
            if classes == found && (3..=MAX_CLASSES).contains(&classes) =>
        {
            Ok(classes)
        }
        (Objective::Logistic | Objective::Softmax { .. }, _) => {
            Err(damaged("its loss does not answer its task"))
        }
        (_, Task::Regression) => Ok(1),
        _ => Err(damaged("its loss does not answer its task")),
    }
}
