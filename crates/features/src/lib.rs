//! Transforms: settings that learn from training rows how to change columns.
//!
//! Each stands in a file of its own with two types, the settings and what was learned. A new
//! transform is a file here and a line in [`register`].

mod calendar;
mod categories;
mod columns;
mod cross_products;
mod datetime;
mod derive;
mod drop;
mod frequency_encoder;
mod given_categories;
mod hash_encoder;
mod min_max_scaler;
mod moments;
mod murmur;
mod one_hot_encoder;
mod one_hot_encoding;
mod ordinal_encoder;
mod pca;
mod rare_categories;
mod simple_imputer;
mod sparsity;
mod standard_scaler;
mod target_encoder;
mod target_encoding;
mod target_means;
mod text;
mod windows;

use gristmill_core::Catalog;

pub use calendar::Part;
pub use datetime::{Datetime, FittedDatetime};
pub use derive::{Derive, FittedDerive};
pub use drop::{Drop, FittedDrop};
pub use frequency_encoder::{FittedFrequencyEncoder, FrequencyEncoder, Measure};
pub use hash_encoder::{FittedHashEncoder, HashEncoder, Sign};
pub use min_max_scaler::{FittedMinMaxScaler, MinMaxScaler};
pub use one_hot_encoder::{DropCategory, FittedOneHotEncoder, Frequency, OneHotEncoder, Unknown};
pub use ordinal_encoder::{FittedOrdinalEncoder, OrdinalEncoder, UnknownCode};
pub use pca::{Components, FittedPca, Pca};
pub use simple_imputer::{FillValue, FittedSimpleImputer, ImputeStrategy, SimpleImputer};
pub use sparsity::Sparsity;
pub use standard_scaler::{FittedStandardScaler, StandardScaler};
pub use target_encoder::{FittedTargetEncoder, Smoothing, TargetEncoder, TrainingRows};
pub use text::{
    Analyzer, Case, CountWords, FittedHashText, FittedVectorizer, HashText, Idf, Norm,
    TermFrequency, Tfidf, VocabularyLearner,
};
pub use windows::{
    Current, Difference, DifferenceForm, Duration, FittedDifference, FittedLag, FittedRolling,
    FittedTimeSince, Lag, Rolling, RollingFunction, TimeSince, TimeUnit, Window,
};

/// Adds every transform of this crate to `catalog`: name in a pipeline file, settings, what is
/// learned, and the version of that.
pub fn register(catalog: &mut Catalog) {
    catalog
        .transform::<SimpleImputer, FittedSimpleImputer>("impute", simple_imputer::VERSION)
        .transform::<StandardScaler, FittedStandardScaler>("standardize", standard_scaler::VERSION)
        .transform::<MinMaxScaler, FittedMinMaxScaler>("min_max", min_max_scaler::VERSION)
        .transform::<OneHotEncoder, FittedOneHotEncoder>("one_hot", one_hot_encoder::VERSION)
        .transform::<OrdinalEncoder, FittedOrdinalEncoder>("ordinal", ordinal_encoder::VERSION)
        .transform::<TargetEncoder, FittedTargetEncoder>("target_encode", target_encoder::VERSION)
        .transform::<FrequencyEncoder, FittedFrequencyEncoder>(
            "frequency_encode",
            frequency_encoder::VERSION,
        )
        .transform::<HashEncoder, FittedHashEncoder>("hash", hash_encoder::VERSION)
        .transform::<Datetime, FittedDatetime>("datetime", datetime::VERSION)
        .transform::<Lag, FittedLag>("lag", windows::LAG_VERSION)
        .transform::<Difference, FittedDifference>("difference", windows::DIFFERENCE_VERSION)
        .transform::<Rolling, FittedRolling>("rolling", windows::ROLLING_VERSION)
        .transform::<TimeSince, FittedTimeSince>("time_since", windows::TIME_SINCE_VERSION)
        .transform::<CountWords, FittedVectorizer>("count_words", text::COUNT_WORDS_VERSION)
        .transform::<Tfidf, FittedVectorizer>("tfidf", text::TFIDF_VERSION)
        .transform::<HashText, FittedHashText>("hash_text", text::HASH_TEXT_VERSION)
        .transform::<Pca, FittedPca>("pca", pca::VERSION)
        .transform::<Drop, FittedDrop>("drop", drop::VERSION)
        .transform::<Derive, FittedDerive>("derive", derive::VERSION);
}
