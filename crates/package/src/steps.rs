//! Fitted transforms without a model, on their way from one stage of a run to a later one: the
//! same form that they have in a package, in a folder that the caller keeps and verifies.

use std::path::Path;
use std::sync::Arc;

use gristmill_core::{Catalog, Error, FittedTransform};

use crate::load::Steps;
use crate::manifest::{StoredStep, TENSORS};
use crate::save::stored_steps;
use crate::tensors::{self, Tensors};
use crate::{PackageError, Result, folder};

const STEPS: &str = "steps.json";
const LIMIT: u64 = 1 << 32;

/// Writes `steps`, which `catalog` knows, as two files into `folder`.
///
/// # Errors
/// When a step is not in the catalog, or the files cannot be written.
pub fn save_steps(
    folder: &Path,
    steps: &[Arc<dyn FittedTransform>],
    catalog: &Catalog,
) -> Result<()> {
    let mut numbers = Tensors::new();
    let stored = stored_steps(&folder.join(STEPS), steps, catalog, &mut numbers)?;
    let json = serde_json::to_vec(&stored).map_err(|e| Error::Bug(e.to_string()))?;
    let numbers = tensors::to_bytes(&numbers)?;
    fs_err::write(folder.join(STEPS), json)
        .and_then(|()| fs_err::write(folder.join(TENSORS), numbers))
        .map_err(PackageError::io("write"))
}

/// Reads what [`save_steps`] wrote.
///
/// # Errors
/// When a file is missing or damaged, or a step is of another version.
pub fn load_steps(folder_path: &Path, catalog: &Catalog) -> Result<Vec<Arc<dyn FittedTransform>>> {
    let file = folder_path.join(STEPS);
    let stored: Vec<StoredStep> = serde_json::from_slice(&folder::read(&file, LIMIT)?)
        .map_err(|e| PackageError::damaged(&file, e.to_string()))?;
    let file = folder_path.join(TENSORS);
    let tensors = tensors::from_bytes(&folder::read(&file, LIMIT)?, &file)?;
    let mut steps = Steps { folder: folder_path, catalog, tensors };
    stored.iter().map(|s| Ok(Arc::from(steps.step(s)?))).collect()
}
