//! What is kept of answers, and how drift is judged while models answer.

use std::collections::BTreeSet;
use std::num::NonZeroU64;

use gristmill_core::nearest;
use gristmill_serve::Fleet;

use crate::{Error, Result};

/// What is kept of answers, and how drift is judged while models answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LookoutSettings {
    /// What is kept, whatever the files of models say; without it what each of them says is.
    pub log: Option<LogSettings>,
    /// How many rows are judged together where the file of a model does not say it; without it none are, whatever
    /// files say.
    pub window: Option<NonZeroU64>,
}

/// What is kept of requests and their answers.
#[derive(Clone, Debug, PartialEq)]
pub struct LogSettings {
    /// The share of the requests that are kept, above 0 and up to 1. Which they are follows from their ids.
    pub rate: f64,
    /// Columns whose values are never written.
    pub redact: BTreeSet<String>,
}

impl LogSettings {
    /// Refuses settings that make no sense for models that are known.
    ///
    /// # Errors
    /// When `rate` does not lie above 0 and up to 1, or none of the models has a column that is to be left
    /// out: a name with a slip in it would let values out that nobody was to see.
    pub fn check(&self, fleet: &Fleet) -> Result<()> {
        self.check_rate()?;
        let models = fleet.list();
        let columns: Vec<String> =
            models.iter().flat_map(|(served, _)| served.schema().names()).collect();
        match self.redact.iter().find(|name| !columns.contains(name)) {
            None => Ok(()),
            Some(unknown) => {
                let error =
                    Error::input(format!("no model that is served has a column `{unknown}`"));
                Err(match nearest(unknown, &columns) {
                    Some(near) => error.with_hint(format!("did you mean `{near}`?")),
                    None => error.with_hint(format!("they have {}", columns.join(", "))),
                })
            }
        }
    }

    /// Refuses a rate that is no share.
    ///
    /// # Errors
    /// When `rate` does not lie above 0 and up to 1.
    pub fn check_rate(&self) -> Result<()> {
        match self.rate > 0.0 && self.rate <= 1.0 {
            true => Ok(()),
            false => {
                Err(Error::input(format!("predictions are to be kept at the rate {}", self.rate))
                    .with_hint("give a share of the requests above 0 and up to 1, such as 0.1"))
            }
        }
    }
}
