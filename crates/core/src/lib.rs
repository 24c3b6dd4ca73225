//! The words that every other crate speaks: tables, schemas, frames, and the traits that the
//! steps of a pipeline implement.
//!
//! Start with [`Table`] (data as it is stored), [`Frame`] (the same data as kernels compute on
//! it), [`Transform`] and [`Estimator`] (what a step can do), and [`Pipeline`] (steps in order).
//!
//! Nothing here does input or output, reads a clock or draws a random number: [`Clock`] and
//! [`Seed`] are arguments.

mod catalog;
mod column;
mod context;
mod error;
pub mod expr;
mod express;
mod frame;
mod frame_builder;
mod frame_stack;
pub mod graph;
mod image_vector;
mod joint;
mod learn;
mod matrix;
mod picture;
mod pipeline;
mod prediction;
mod profile;
mod random;
mod schema;
mod selector;
mod signature;
pub mod sketch;
mod spec;
mod state;
mod stem;
mod stored_model;
mod table;
mod target;
mod text_vector;
mod time;
mod traits;
mod validation;
mod vocabulary;
mod weights;

pub use catalog::{Catalog, Compose, EstimatorEntry, Load, LoadWith, TransformEntry};
pub use column::{Column, MISSING_CODE, MISSING_TIME, SparseNumbers, Words};
pub use context::{FitContext, Notes};
pub use error::{Error, ErrorKind, Result, nearest};
pub use frame::{Frame, Rows};
pub use frame_builder::{Cell, FrameBuilder, FrameInput};
pub use frame_stack::FrameStack;
pub use image_vector::{IMAGE_DIMENSIONS, add_images, image_vector};
pub use joint::Joint;
pub use learn::{CHUNK_ROWS, Learn, Learner, fold_chunks};
pub use matrix::{CsrMatrix, DenseMatrix, Matrix};
pub use picture::{Colors, MOST_PIXELS, Picture, PictureError};
pub use pipeline::{FittedPipeline, Pipeline, Step};
pub use prediction::{ConformalAnswers, Contributions, Prediction, PredictionStack, Scores};
pub use profile::{
    Answered, AnswersProfile, ColumnProfile, Histogram, NumbersProfile, Profile, ProfileLearner,
    Summary, TogetherProfile, WordsProfile,
};
pub use random::{Random, Seed};
pub use schema::{Field, PhysicalType, Role, Schema, SemanticType};
pub use selector::Selector;
pub use signature::Signature;
pub use spec::{EstimatorSpec, TransformSpec};
pub use state::{State, Tensor, TensorData};
pub use stem::Stem;
pub use stored_model::StoredModel;
pub use table::Table;
pub use target::{Labels, Target, TargetSpec, TargetTransform, Task};
pub use text_vector::{TEXT_DIMENSIONS, add_texts, column_signs, text_vector};
pub use time::{Clock, FixedClock, Timestamp};
pub use traits::{Depth, Estimator, FittedTransform, Model, Scope, Stage, Transform};
pub use validation::Validation;
pub use weights::row_weights;
