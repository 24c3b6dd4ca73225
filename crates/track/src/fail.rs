//! What goes wrong inside a transaction, before the place of the database is put to it.

use std::future::Future;
use std::pin::Pin;

use crate::TrackError;

/// An error without the database's place.
#[derive(Debug)]
pub(crate) enum Fail {
    /// The database's.
    Database(sqlx::Error),
    /// Something stored makes no sense.
    Damaged(String),
    /// Anything else, complete as it is.
    Track(TrackError),
}

impl From<sqlx::Error> for Fail {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl From<TrackError> for Fail {
    fn from(error: TrackError) -> Self {
        Self::Track(error)
    }
}

/// What a piece of work does inside a transaction.
pub(crate) type Work<'c, T> = Pin<Box<dyn Future<Output = Result<T, Fail>> + Send + 'c>>;
