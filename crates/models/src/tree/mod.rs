//! The histogram tree learner: the ground that single trees and forests stand on.
//!
//! A fit goes through these files in order: [`settings`] says what is asked for, [`bins`] turns
//! columns into one-byte codes, [`criterion`] says how good a group of rows is, [`split`] finds the
//! best way to divide one, [`grow`] divides until nothing is gained, and [`forest`] is what comes
//! out. Histograms of binned columns in tree learning: Ke et al., *LightGBM: A Highly Efficient
//! Gradient Boosting Decision Tree*, NeurIPS 2017.

mod bins;
pub(crate) mod boost;
mod criterion;
mod explain;
mod express;
mod fit;
mod forest;
mod grove;
mod grow;
mod histogram;
mod masks;
mod nodes;
mod settings;
mod slices;
mod split;
mod stored;
mod stored_grove;
mod weights;

pub use boost::FittedBoosting;
pub use forest::FittedForest;
pub use settings::{Amount, Criterion, MaxFeatures};

pub(crate) use bins::MAX_BINS;
pub(crate) use fit::{Plan, Sample, fit};
pub(crate) use forest::ForestKind;
pub(crate) use grow::Splitter;
pub(crate) use settings::{
    MAX_CLASSES, TreeSettings, at_least, check_columns, is_number, is_share,
};
pub(crate) use slices::Slices;
pub(crate) use weights::Weights;
