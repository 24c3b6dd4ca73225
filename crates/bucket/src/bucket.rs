//! A bucket: its objects by their keys.

use std::borrow::Cow;
use std::ops::Range;
use std::time::Duration;

use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::list::{PaginatedListOptions, PaginatedListStore};
use object_store::path::Path;
use object_store::signer::Signer;
use object_store::{ClientConfigKey, ObjectMeta, ObjectStoreExt, RetryConfig};

use crate::address::check_name;
use crate::{BucketError, Failure, Result};

/// How often a request is tried again, and for how long.
const RETRIES: usize = 3;
const RETRY_FOR: Duration = Duration::from_secs(30);
/// How long one request may take, with all that it carries.
const PATIENCE: &str = "60 seconds";

/// A bucket of the store that the environment names.
///
/// Whatever is written is there whole or not at all. A request is tried again three times when the
/// store is busy or not reached, and takes a minute at most.
pub struct Bucket {
    pub(crate) name: String,
    pub(crate) store: AmazonS3,
}

/// An object as a listing shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Its key.
    pub key: String,
    /// How many bytes it holds.
    pub size: u64,
    /// When it was written, in microseconds since 1970-01-01T00:00Z.
    pub modified: i64,
    /// What the store calls this content of it; another content has another.
    pub etag: Option<String>,
}

/// Some of the objects whose keys begin alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// The objects, in the order of their keys.
    pub objects: Vec<Object>,
    /// How many groups of keys were passed over, because they go on behind a `/`.
    pub folders: usize,
    /// What asks for those that follow, if any do.
    pub next: Option<String>,
}

/// How far down a listing goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Keys without another `/` behind what they begin with.
    Shallow,
    /// All keys.
    Deep,
}

impl Bucket {
    /// The bucket of this name in the store that the environment names. It is not asked yet.
    ///
    /// # Errors
    /// When no bucket can have the name, or the environment cannot be read.
    pub fn open(name: &str) -> Result<Self> {
        Self::open_with(name, &[])
    }

    /// The same, as if the environment had these values of its variables.
    ///
    /// # Errors
    /// As [`Bucket::open`], and when there is no such variable.
    pub fn open_with(name: &str, variables: &[(&str, &str)]) -> Result<Self> {
        check_name(name)?;
        let retry = RetryConfig {
            max_retries: RETRIES,
            retry_timeout: RETRY_FOR,
            ..RetryConfig::default()
        };
        let refused = |e: object_store::Error| BucketError {
            failure: Failure::Address,
            ..BucketError::refused(&format!("s3://{name}"), "opened", &e)
        };
        let mut builder = AmazonS3Builder::from_env()
            .with_bucket_name(name)
            .with_retry(retry)
            .with_config(AmazonS3ConfigKey::Client(ClientConfigKey::Timeout), PATIENCE);
        for (variable, value) in variables {
            let key = variable.to_ascii_lowercase().parse().map_err(refused)?;
            builder = builder.with_config(key, *value);
        }
        Ok(Self { name: name.into(), store: builder.build().map_err(refused)? })
    }

    /// The first objects whose keys begin with `prefix`, or those that follow a listing whose
    /// [`Listing::next`] is `after`.
    ///
    /// # Errors
    /// When the store refuses or cannot be reached.
    pub async fn list(&self, prefix: &str, depth: Depth, after: Option<String>) -> Result<Listing> {
        let options = PaginatedListOptions {
            delimiter: (depth == Depth::Shallow).then_some(Cow::Borrowed("/")),
            page_token: after,
            ..PaginatedListOptions::default()
        };
        let begins = Some(prefix).filter(|prefix| !prefix.is_empty());
        let page = self.store.list_paginated(begins, options).await;
        let page = page.map_err(|e| self.refused(prefix, "listed", &e))?;
        Ok(Listing {
            objects: page.result.objects.into_iter().map(Object::of).collect(),
            folders: page.result.common_prefixes.len(),
            next: page.page_token,
        })
    }

    /// The object of this key, if there is one; its content is not read. A bucket that is not there
    /// has no objects.
    ///
    /// # Errors
    /// When the store refuses or cannot be reached.
    pub async fn find(&self, key: &str) -> Result<Option<Object>> {
        let found = self.store.head(&self.path(key)?).await;
        match found.map_err(|e| self.refused(key, "found", &e)) {
            Ok(found) => Ok(Some(Object::of(found))),
            Err(error) if error.failure == Failure::Missing => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Some bytes of an object. A range that ends behind its end gives what there is.
    ///
    /// # Errors
    /// [`Failure::Missing`] when there is no such object; when the range begins behind its end;
    /// when the store refuses or cannot be reached.
    pub async fn read(&self, key: &str, range: Range<u64>) -> Result<Vec<u8>> {
        let bytes = self.store.get_range(&self.path(key)?, range).await;
        bytes.map(Vec::from).map_err(|e| self.refused(key, "read", &e))
    }

    /// Writes an object, in place of the one that has this key.
    ///
    /// # Errors
    /// When the store refuses or cannot be reached; then nothing was written, unless its answer was
    /// lost.
    pub async fn write(&self, key: &str, bytes: Vec<u8>) -> Result<()> {
        let written = self.store.put(&self.path(key)?, bytes.into()).await;
        written.map(drop).map_err(|e| self.refused(key, "written", &e))
    }

    /// Takes an object away; nothing happens when there is none.
    ///
    /// # Errors
    /// When the store refuses or cannot be reached.
    pub async fn remove(&self, key: &str) -> Result<()> {
        let removed = self.store.delete(&self.path(key)?).await;
        match removed.map_err(|e| self.refused(key, "removed", &e)) {
            Err(error) if error.failure != Failure::Missing => Err(error),
            _ => Ok(()),
        }
    }

    /// An address under which anybody can read an object for a time; its bytes are not looked at.
    ///
    /// # Errors
    /// When no credentials are there to sign it with.
    pub async fn signed(&self, key: &str, valid: Duration) -> Result<String> {
        let path = self.path(key)?;
        let get = "GET".parse().map_err(|_| {
            BucketError::address("`GET` is no method", "this is a bug in Gristmill; report it")
        })?;
        let url = self.store.signed_url(get, &path, valid).await;
        url.map(Into::into).map_err(|e| self.refused(key, "signed for", &e))
    }

    /// What messages call an object.
    pub fn shown(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.name)
    }

    pub(crate) fn path(&self, key: &str) -> Result<Path> {
        Path::parse(key).map_err(|e| {
            let error = object_store::Error::InvalidPath { source: e };
            self.refused(key, "found", &error)
        })
    }

    pub(crate) fn refused(
        &self,
        key: &str,
        done: &str,
        error: &object_store::Error,
    ) -> BucketError {
        BucketError::refused(&self.shown(key), done, error)
    }
}

impl std::fmt::Debug for Bucket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bucket").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Object {
    fn of(meta: ObjectMeta) -> Self {
        Self {
            key: meta.location.as_ref().to_string(),
            size: meta.size,
            modified: meta.last_modified.timestamp_micros(),
            etag: meta.e_tag,
        }
    }
}
