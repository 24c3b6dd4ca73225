//! Models made of other models.
//!
//! [`learning`] fits the models inside, on all rows or fold by fold; [`members`] stores and loads
//! them.

mod bagging;
mod calibration;
mod calibrator;
mod folds;
mod isotonic;
mod learning;
mod members;
mod sigmoid;
mod stacking;
mod threshold;
mod tuning;
mod voting;

pub use bagging::{Bagging, BaggingModel, BaggingSettings, Draws};
pub use calibration::{Calibration, CalibrationMethod, CalibrationModel, CalibrationSettings};
pub use stacking::{FinalModel, Passthrough, Stacking, StackingModel, StackingSettings};
pub use threshold::{Costs, Threshold, ThresholdMetric, ThresholdModel, ThresholdSettings};
pub use voting::{Voting, VotingModel, VotingRule, VotingSettings};
