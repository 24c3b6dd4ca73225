//! Models made of other models.
//!
//! `learning` fits the models inside, on all rows or fold by fold; `members` stores and loads
//! them.

mod ada_boost;
mod ada_boost_model;
mod bagging;
mod by_task;
mod calibration;
mod calibrator;
mod conformal;
mod folds;
mod isotonic;
mod learning;
mod members;
mod resample;
mod sigmoid;
mod stacking;
mod synthetic;
mod threshold;
mod tuning;
mod voting;

pub use ada_boost::{AdaBoost, AdaBoostSettings};
pub use ada_boost_model::AdaBoostModel;
pub use bagging::{Bagging, BaggingModel, BaggingSettings, Draws};
pub use by_task::ByTask;
pub use calibration::{Calibration, CalibrationMethod, CalibrationModel, CalibrationSettings};
pub use calibrator::Calibrator;
pub use conformal::{Conformal, ConformalModel, ConformalSettings};
pub use resample::{Resample, ResampleMethod, ResampleModel, ResampleSettings};
pub use stacking::{Passthrough, Stacking, StackingModel, StackingSettings};
pub use threshold::{Costs, Threshold, ThresholdMetric, ThresholdModel, ThresholdSettings};
pub use voting::{Voting, VotingModel, VotingRule, VotingSettings};
