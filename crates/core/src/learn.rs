//! Learning that can be merged: the form that most transforms take.
//!
//! A [`Learner`] sees the training rows chunk by chunk. Borders of chunks depend on the number of
//! rows alone and states are merged as a fixed tree, so the result has the same bits on any number
//! of threads. A transform that needs more than this implements [`Transform`] itself.

use std::fmt::Debug;
use std::sync::Arc;

use rayon::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{FitContext, FittedTransform, Frame, Notes, Result, Rows, Schema, Transform};

/// How many rows a learner sees at once.
pub const CHUNK_ROWS: usize = 16_384;

/// What has been learned so far. It can be stored, sent and merged.
pub trait Learner: Send + Sized + Serialize + DeserializeOwned {
    /// What comes out at the end.
    type Fitted: FittedTransform + 'static;

    /// Learns from some more rows.
    ///
    /// # Errors
    /// When the rows do not allow it.
    fn update(&mut self, rows: &Rows<'_>) -> Result<()>;

    /// Adds what another learner has learned from rows that come later.
    ///
    /// # Errors
    /// When the two learned different things.
    fn merge(&mut self, later: Self) -> Result<()>;

    /// What was learned, for rows that look like `input`.
    ///
    /// # Errors
    /// When nothing useful was seen.
    fn finish(self, input: &Arc<Schema>, notes: &Notes) -> Result<Self::Fitted>;
}

/// Settings of a transform that learns by a [`Learner`]. Whatever implements this is a
/// [`Transform`].
pub trait Learn: Debug + Send + Sync {
    /// The learner.
    type Learner: Learner;

    /// As [`Transform::kind`].
    fn kind(&self) -> &'static str;

    /// As [`Transform::check`].
    ///
    /// # Errors
    /// As [`Transform::check`].
    fn check(&self, input: &Schema) -> Result<Schema>;

    /// A learner that has seen nothing yet.
    ///
    /// # Errors
    /// As [`Transform::check`].
    fn learner(&self, input: &Schema) -> Result<Self::Learner>;

    /// As [`Transform::takes_sparse`].
    fn takes_sparse(&self) -> bool {
        false
    }
}

impl<T: Learn> Transform for T {
    fn kind(&self) -> &'static str {
        Learn::kind(self)
    }

    fn check(&self, input: &Schema) -> Result<Schema> {
        Learn::check(self, input)
    }

    fn takes_sparse(&self) -> bool {
        Learn::takes_sparse(self)
    }

    fn fit_apply(
        &self,
        train: Frame,
        context: &FitContext<'_>,
    ) -> Result<(Box<dyn FittedTransform>, Frame)> {
        let learned = fold_chunks(
            train.rows(),
            |range| {
                let mut learner = self.learner(train.schema())?;
                let rows =
                    Rows { frame: &train, range, target: context.target, weights: context.weights };
                learner.update(&rows)?;
                Ok(learner)
            },
            |mut left, right| {
                left.merge(right)?;
                Ok(left)
            },
        )?;
        let fitted = learned.finish(train.schema(), context.notes)?;
        let applied = fitted.apply(train)?;
        Ok((Box::new(fitted), applied))
    }
}

/// Computes something for each chunk of `rows` rows in parallel and merges neighbours as a fixed
/// binary tree, so the result does not depend on the number of threads. No rows make one empty
/// chunk.
///
/// # Errors
/// The first error in the order of the rows.
pub fn fold_chunks<T: Send>(
    rows: usize,
    compute: impl Fn(std::ops::Range<usize>) -> Result<T> + Sync,
    merge: impl Fn(T, T) -> Result<T> + Sync,
) -> Result<T> {
    let chunks = rows.div_ceil(CHUNK_ROWS).max(1);
    let states: Vec<T> = (0..chunks)
        .into_par_iter()
        .map(|chunk| compute(chunk * CHUNK_ROWS..((chunk + 1) * CHUNK_ROWS).min(rows)))
        .collect::<Result<_>>()?;
    merge_tree(states, &merge)
}

fn merge_tree<T>(mut states: Vec<T>, merge: &impl Fn(T, T) -> Result<T>) -> Result<T> {
    while states.len() > 1 {
        let mut merged = Vec::with_capacity(states.len().div_ceil(2));
        let mut pairs = states.into_iter();
        while let Some(left) = pairs.next() {
            merged.push(match pairs.next() {
                Some(right) => merge(left, right)?,
                None => left,
            });
        }
        states = merged;
    }
    states.pop().ok_or_else(|| crate::Error::Bug("there was no chunk to merge".into()))
}
