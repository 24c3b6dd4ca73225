//! How much a server keeps of the rows that it is asked about, as the command line says it.

use std::num::NonZeroUsize;

use clap::Args;
use gristmill::serve::{HistoryLimits, Limits};

#[derive(Debug, Args)]
pub struct Keeping {
    /// How many of the latest rows of a group to keep at most, for models that look at earlier rows
    /// [default: 10000]; models that look at all rows of a group are asked without a history only where it
    /// is given, and look at so many
    #[arg(long, value_name = "N")]
    history_rows: Option<NonZeroUsize>,
}

impl Keeping {
    pub fn limits(&self) -> Limits {
        let rows = self.history_rows.map(NonZeroUsize::get);
        Limits { history: HistoryLimits { rows, ..HistoryLimits::default() }, ..Limits::default() }
    }
}
