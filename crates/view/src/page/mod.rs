//! A report: what it says, and the page that says it.

mod events;
mod render;
mod report;
mod sketch;
mod tables;
mod value;

pub use render::render;
pub use report::{
    Block, ColumnSummary, CrossValidated, Event, Evidence, Finding, Gate, Headline, Level,
    MetricRow, Report, Score, Section, Sketch, Table, Verdict,
};
pub use value::{Fact, Value};
