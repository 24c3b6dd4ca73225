//! Summaries of columns that are small, can be merged and can be stored.
//!
//! A sketch of some rows merged with a sketch of later rows says what one sketch of all rows would
//! say, within the error that it states. Nothing here is drawn by chance: equal rows in an equal
//! tree of merges give equal bits.
//!
//! | question | sketch | exact | beyond |
//! |---|---|---|---|
//! | mean, deviation, range | [`Moments`] | always, up to rounding | |
//! | mean and covariance of vectors | [`VectorMoments`] | always, up to rounding | |
//! | quantiles, counts between borders | [`Quantiles`] | up to [`Quantiles::EXACT`] values | a bound on the rank, known at all times |
//! | how many different values | [`Distinct`] | up to [`Distinct::EXACT`] values | standard error 0.81 % |
//! | the most frequent words | [`FrequentWords`] | up to [`FrequentWords::EXACT`] words | a bound on the undercount, known at all times |

mod distinct;
mod frequent;
mod moments;
mod quantiles;
mod vectors;

pub use distinct::Distinct;
pub use frequent::FrequentWords;
pub use moments::Moments;
pub use quantiles::Quantiles;
pub use vectors::VectorMoments;
