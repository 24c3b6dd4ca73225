//! Models that are watched while they answer, trained anew when it is time, promoted when they are better and
//! rolled back when they were not.

mod compare;
mod loops;
mod outcome;
mod rows;
mod section;
mod spelled;
mod state;
#[cfg(test)]
mod tests;
mod turn;
mod watch;

pub use section::{
    AtLeast, CompareSection, LogSection, MonitorSection, Notice, PerformanceSection, ReferenceSpec,
    RetrainSection, WatchSection, WindowSpec,
};
pub use spelled::{Budget, CompareRows, DataPart, Occasion};

pub(crate) use loops::Loops;
pub(crate) use section::{given_section, section_of};
