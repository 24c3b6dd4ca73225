//! How far one sample is from another, and how surely.
//!
//! Each takes a reference and what came later. A distance says how far they are apart, whatever
//! the number of rows; a test says how often chance alone would set them so far apart, and with
//! many rows finds differences that do not matter.
//!
//! | statistic | of | answer |
//! |---|---|---|
//! | [`psi`] | shares of bins or categories | distance in nats |
//! | [`jensen_shannon`] | shares of bins or categories | distance from 0 to 1 |
//! | [`wasserstein`] | numbers | distance in the unit of the column, or in its deviations |
//! | [`kolmogorov_smirnov`] | numbers | largest difference of the shares up to a value, p-value |
//! | [`chi_squared`] | counts of bins or categories | statistic, p-value |
//! | [`hotelling`] | vectors | distance of the means in deviations, p-value |
//! | [`two_proportions`] | two shares: missing values, unseen categories | difference, p-value |

mod adjust;
mod chi_squared;
mod hotelling;
mod jensen_shannon;
mod kolmogorov;
mod psi;
mod shares;
mod special;
mod steps;
mod two_proportions;
mod wasserstein;

pub use adjust::Correction;
pub use chi_squared::{ChiSquared, chi_squared};
pub use hotelling::{Hotelling, hotelling};
pub use jensen_shannon::jensen_shannon;
pub use kolmogorov::{KolmogorovSmirnov, kolmogorov_smirnov, ks_p_value};
pub use psi::psi;
pub use shares::{shares, smoothed_shares};
pub use steps::Steps;
pub use two_proportions::{TwoProportions, two_proportions};
pub use wasserstein::{wasserstein, wasserstein_normed};
