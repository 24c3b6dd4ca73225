//! What models are asked and answer, kept and judged while they answer: the prediction log, live drift, and how good
//! answers probably are.
//!
//! [`Lookout`] is what a server shows its answers to. Behind it stands one thread that takes what waits, in bounded memory, so
//! no request waits for a disk and none fails by one. What was kept is read again by [`kept`] and [`query_predictions`], labels come to it
//! by [`add_labels`], and [`live_scores`] says how good the answers turned out to be.

mod answers;
mod batch;
mod drift;
mod figures;
mod findings;
mod gathered;
mod gathering;
mod labelled;
mod labels;
mod log;
mod lookout;
mod onlooker;
mod part;
mod performance;
pub(crate) mod place;
mod query;
mod read;
mod scores;
mod settings;
mod span;
mod terms;
mod values;
mod watch;

pub(crate) use batch::{Asked, Batch};
pub(crate) use labelled::{Form, Labelled, Wanted, labelled};
pub use labels::{LabelColumns, LabelsReport, add_labels};
pub use lookout::Lookout;
pub(crate) use onlooker::Onlooker;
pub(crate) use query::all_of;
pub use query::{QueriedPredictions, Selected, query_predictions};
pub use read::kept;
pub(crate) use read::written_mark;
pub use scores::{LiveScores, ScoredWindow, VersionScores, live_scores};
pub use settings::{LogSettings, LookoutSettings};
pub(crate) use terms::Terms;

#[cfg(test)]
mod tests;
