//! Charts and reports held to their promises.

mod awkward;
mod charts;
mod report;
