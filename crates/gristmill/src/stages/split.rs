//! Says which rows train and which test.

use std::path::Path;

use gristmill_core::{Seed, Table};
use gristmill_evaluate::Parts;
use serde_json::{Value, json};

use super::Shared;
use crate::{Error, Result};

/// Raised when equal rows and seed would be split otherwise.
pub(super) const VERSION: u32 = 1;

const FILE: &str = "parts.json";

pub(super) fn parameters(shared: &Shared) -> Value {
    json!({
        "split": shared.data().split,
        "seed": shared.checked.file.seed,
        "target": shared.data().target,
    })
}

pub(super) fn compute(shared: &Shared, table: &Table) -> Result<(Parts, Value)> {
    let parts = match &shared.data().split {
        None => Parts { train: (0..table.rows() as u32).collect(), ..Parts::default() },
        Some(split) => {
            let target = match &shared.data().target {
                Some(_) => Some(shared.target(table)?.apply(table)?),
                None => None,
            };
            split.parts(table, target.as_ref(), Seed(shared.checked.file.seed).named("split"))?
        }
    };
    let facts = json!({
        "train": parts.train.len(),
        "test": parts.test.len(),
        "validation": parts.validation.len(),
    });
    Ok((parts, facts))
}

pub(super) fn save(parts: &Parts, folder: &Path) -> Result<()> {
    let text = serde_json::to_vec(parts).map_err(|e| Error::bug(e.to_string()))?;
    Ok(fs_err::write(folder.join(FILE), text)?)
}

pub(super) fn load(folder: &Path) -> Result<Parts> {
    let text = fs_err::read(folder.join(FILE))?;
    serde_json::from_slice(&text).map_err(|e| Error::bug(format!("stored parts: {e}")))
}
