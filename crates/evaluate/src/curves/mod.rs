//! What reports draw: curves and histograms of answers, as plain numbers.
//!
//! Every type here can be stored, and none grows with the rows: curves of more points than are
//! asked for are thinned without changing how they look.

mod calibration;
mod histogram;
mod learning;
mod lift;
mod precision_recall;
mod residuals;
mod roc;
mod thin;

pub use calibration::{CalibrationBin, CalibrationBins, CalibrationCurve};
pub use histogram::{Bins, ScoreHistogram};
pub use learning::{Draw, LearningCurve, LearningPoint, LearningRows};
pub use lift::{LiftCurve, LiftPoint};
pub use precision_recall::{PrecisionRecallCurve, PrecisionRecallPoint};
pub use residuals::{ResidualPoint, Residuals};
pub use roc::{RocCurve, RocPoint};

/// How many points of a curve are kept at most: more than a screen can tell apart.
pub const MOST_POINTS: usize = 500;
