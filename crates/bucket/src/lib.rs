//! Objects in a store that answers as S3 does: listed, read, written and taken away by their keys.
//!
//! Start with [`Bucket::open`]. Where the store is and who asks it stands in the environment, as with
//! AWS's own tools: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION,
//! AWS_ENDPOINT_URL, and AWS_ALLOW_HTTP for one without TLS.
//!
//! This crate alone names `object_store`, and no public signature mentions a type of it.

mod address;
mod bucket;
mod error;
mod piecewise;

pub use address::BucketAddress;
pub use bucket::{Bucket, Depth, Listing, Object};
pub use error::{BucketError, Failure, Result};
pub use piecewise::Piecewise;
