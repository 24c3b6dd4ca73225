//! Transforms: settings that learn from training rows how to change columns.
//!
//! Each stands in a file of its own with two types, the settings and what was learned. A new
//! transform is a file here and a line in [`register`].

mod bin;
mod binned;
mod brent;
mod bspline;
mod calendar;
mod categories;
mod chained;
mod clip;
mod cluster_distance;
mod columns;
mod components;
mod cross_products;
mod datetime;
mod derive;
mod drop;
mod filled;
mod frequency_encoder;
mod given_categories;
mod hash_encoder;
mod iterative_imputer;
mod knn_imputer;
mod lloyd;
mod log;
mod max_abs_scaler;
mod min_max_scaler;
mod moments;
mod murmur;
mod normal;
mod normalizer;
mod one_hot_encoder;
mod one_hot_encoding;
mod order;
mod ordinal_encoder;
mod pca;
mod pixels;
mod polynomial;
mod power_transformer;
mod products;
mod quantile_transformer;
mod random_projection;
mod rare_categories;
mod ridge;
mod robust_scaler;
mod select;
mod simple_imputer;
mod sparsity;
mod spline;
mod standard_scaler;
mod taken;
mod target_encoder;
mod target_encoding;
mod target_means;
mod text;
mod truncated_svd;
mod windows;
mod wires;

use gristmill_core::Catalog;

pub use bin::{Bin, BinOutput, BinStrategy, FittedBin};
pub use calendar::Part;
pub use clip::{Clip, FittedClip};
pub use cluster_distance::{ClusterDistance, FittedClusterDistance};
pub use datetime::{Datetime, FittedDatetime};
pub use derive::{Derive, FittedDerive};
pub use drop::{Drop, FittedDrop};
pub use frequency_encoder::{FittedFrequencyEncoder, FrequencyEncoder, Measure};
pub use hash_encoder::{FittedHashEncoder, HashEncoder, Sign};
pub use iterative_imputer::{FittedIterativeImputer, IterativeImputer};
pub use knn_imputer::{FittedKnnImputer, KnnImputer, NeighborWeights};
pub use log::{FittedLog, Log};
pub use max_abs_scaler::{FittedMaxAbsScaler, MaxAbsScaler};
pub use min_max_scaler::{FittedMinMaxScaler, MinMaxScaler};
pub use normalizer::{FittedNormalizer, Norm, Normalizer};
pub use one_hot_encoder::{DropCategory, FittedOneHotEncoder, Frequency, OneHotEncoder, Unknown};
pub use ordinal_encoder::{FittedOrdinalEncoder, OrdinalEncoder, UnknownCode};
pub use pca::{Components, FittedPca, Pca};
pub use pixels::{FittedPixels, Pixels};
pub use polynomial::{FittedPolynomial, Polynomial, PolynomialTerms};
pub use power_transformer::{FittedPowerTransformer, PowerMethod, PowerTransformer};
pub use quantile_transformer::{FittedQuantileTransformer, QuantileOutput, QuantileTransformer};
pub use random_projection::{FittedRandomProjection, ProjectionMethod, RandomProjection};
pub use robust_scaler::{FittedRobustScaler, RobustScaler};
pub use select::{
    FittedSelect, FromModel, KBest, Middle, Permutation, Recursive, Select, SelectMethod,
    SelectScore, SelectSettings, Threshold, Variance,
};
pub use simple_imputer::{FillValue, FittedSimpleImputer, ImputeStrategy, SimpleImputer};
pub use sparsity::Sparsity;
pub use spline::{Extrapolation, FittedSpline, KnotPlacement, Spline};
pub use standard_scaler::{FittedStandardScaler, StandardScaler};
pub use target_encoder::{FittedTargetEncoder, Smoothing, TargetEncoder, TrainingRows};
pub use text::{
    Analyzer, Case, CountWords, FittedHashText, FittedVectorizer, HashText, Idf, TermFrequency,
    TermNorm, Tfidf, VocabularyLearner,
};
pub use truncated_svd::{FittedTruncatedSvd, TruncatedSvd};
pub use windows::{
    Current, Difference, DifferenceForm, Duration, FittedDifference, FittedLag, FittedRolling,
    FittedTimeSince, Group, Lag, Rolling, RollingFunction, TimeSince, TimeUnit, Window,
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
        .transform::<Pixels, FittedPixels>("pixels", pixels::VERSION)
        .transform::<Pca, FittedPca>("pca", pca::VERSION)
        .transform::<Drop, FittedDrop>("drop", drop::VERSION)
        .transform::<Derive, FittedDerive>("derive", derive::VERSION)
        .transform::<MaxAbsScaler, FittedMaxAbsScaler>("max_abs", max_abs_scaler::VERSION)
        .transform::<RobustScaler, FittedRobustScaler>("robust", robust_scaler::VERSION)
        .transform::<Normalizer, FittedNormalizer>("normalize", normalizer::VERSION)
        .transform::<QuantileTransformer, FittedQuantileTransformer>(
            "quantile",
            quantile_transformer::VERSION,
        )
        .transform::<PowerTransformer, FittedPowerTransformer>("power", power_transformer::VERSION)
        .transform::<Clip, FittedClip>("clip", clip::VERSION)
        .transform::<Log, FittedLog>("log", log::VERSION)
        .transform::<Bin, FittedBin>("bin", bin::VERSION)
        .transform::<Polynomial, FittedPolynomial>("polynomial", polynomial::VERSION)
        .transform::<Spline, FittedSpline>("spline", spline::VERSION)
        .transform::<TruncatedSvd, FittedTruncatedSvd>("truncated_svd", truncated_svd::VERSION)
        .transform::<RandomProjection, FittedRandomProjection>(
            "random_projection",
            random_projection::VERSION,
        )
        .transform::<ClusterDistance, FittedClusterDistance>(
            "cluster_distance",
            cluster_distance::VERSION,
        )
        .transform::<KnnImputer, FittedKnnImputer>("knn_impute", knn_imputer::VERSION)
        .transform::<IterativeImputer, FittedIterativeImputer>(
            "iterative_impute",
            iterative_imputer::VERSION,
        )
        .composite_transform::<Select, FittedSelect>("select", select::VERSION);
}
