//! Answers of models to requests: what each protocol says, and the rows and answers that it means.
//!
//! A [`Served`] is a model that is ready. Each protocol has a module that reads a request's body and
//! writes the answer's ([`v2`], [`mlflow`], [`tensorflow`]); all of them read their rows into
//! the one frame that every prediction is made from, so that a row has the same answer, bit for bit,
//! whoever asks and in whatever company it comes. Nothing here listens, waits or knows HTTP.

mod agreement;
mod body;
mod flat;
mod fleet;
mod history;
pub mod mlflow;
pub mod openapi;
mod refusal;
mod routing;
mod rows;
pub mod sequential;
mod served;
pub mod tensorflow;
mod together;
pub mod v2;
mod witness;

pub use agreement::Agreement;
pub use fleet::{Chosen, Fleet, Loaded, RowsFormat, Stock};
pub use history::{HistoryFigures, HistoryFrom, HistoryLimits, Question, Recall};
pub use refusal::{Refusal, Result};
pub use routing::{Lot, Part, Purpose, Routing, Split};
pub use served::{Answers, Explained, Limits, Served};
pub use together::answer_together;
pub use witness::{Figure, FigureKind, Seen, Witness};
