//! Models that are watched while they answer, trained anew when it is time, promoted when they are better and
//! rolled back when they were not.

mod compare;
mod desk;
mod figures;
mod loops;
mod outcome;
mod rows;
mod section;
mod spelled;
mod standing;
mod state;
#[cfg(test)]
mod tests;
mod turn;
mod watch;

pub use desk::NoticeTo;
pub use section::{
    AtLeast, CompareSection, LogSection, MonitorSection, Notice, PerformanceSection, ReferenceSpec,
    RetrainSection, WatchSection, WindowSpec,
};
pub use spelled::{Budget, CompareRows, DataPart, Occasion};
pub use standing::{
    Approval, FindingsAsked, MonitorReport, RetrainReport, Wrong, decline, standing,
};

pub(crate) use compare::{Meeting, SliceMeeting};
pub(crate) use desk::{Desk, notice_name};
pub(crate) use loops::Loops;
pub(crate) use rows::laid_aside;
pub(crate) use section::{given_section, section_of};
pub(crate) use standing::{standing_of, under_way, watching};
