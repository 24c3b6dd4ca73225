//! Labels that come after the predictions that they belong to.

use serde::{Deserialize, Serialize};

use crate::MAX_REQUEST_ID_CHARS;

/// How many characters the id of a prediction may have: those of its request, a stroke and the number of a row.
pub const MAX_PREDICTION_ID_CHARS: usize = MAX_REQUEST_ID_CHARS + 21;

/// What turned out to be true of a prediction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The id of the prediction, up to [`MAX_PREDICTION_ID_CHARS`] characters.
    pub id: String,
    /// The class by its word, or the number as it is written.
    pub label: String,
}

/// What labels came to that were added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelsAdded {
    /// Those of ids that had none.
    pub new: u64,
    /// Those that say what was known.
    pub repeated: u64,
    /// Those that say something else than was known, which they take the place of.
    pub contradicted: u64,
}
