//! Which columns of a window have moved away from their reference.

mod groups;
mod judge;
mod measure;
mod report;
mod settings;
mod shown;

pub use report::{ColumnDrift, DriftReport, Means, Rate, Reason};
pub use settings::{DriftSettings, DriftTest, SeasonSettings};
pub use shown::Shown;
