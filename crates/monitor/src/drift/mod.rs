//! Which columns of a window have moved away from their reference.

mod groups;
mod judge;
mod measure;
mod report;
mod settings;
mod shown;
mod vectors;

pub use report::{ColumnDrift, DriftReport, Means, Rate, Reason};
pub use settings::{
    DriftSettings, DriftTest, EmbeddingSettings, MultivariateMethod, MultivariateSettings,
    SeasonSettings,
};
pub use shown::Shown;
pub use vectors::{TogetherDrift, VectorDrift};
