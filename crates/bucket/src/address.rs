//! Where in a store things are: `s3://bucket/prefix`.

use std::fmt;

use crate::{BucketError, Result};

const EXAMPLE: &str = "write `s3://BUCKET/PREFIX`, such as `s3://lake/runs`";

/// A bucket and what all keys in it begin with.
///
/// ```
/// # use gristmill_bucket::BucketAddress;
/// let address = BucketAddress::parse("s3://lake/team/runs/")?;
/// assert_eq!((address.bucket(), address.key("a")), ("lake", "team/runs/a".into()));
/// assert!(BucketAddress::parse("s3://lake/../a").is_err());
/// # Ok::<(), gristmill_bucket::BucketError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketAddress {
    bucket: String,
    /// Without a `/` at either end; empty for the whole bucket.
    prefix: String,
}

impl BucketAddress {
    /// The address as it is written: `s3://bucket` or `s3://bucket/prefix`.
    ///
    /// # Errors
    /// When it is none: another scheme, a name that no bucket can have, a prefix with empty parts,
    /// `.`, `..` or other signs than letters, digits and `-_.=`.
    pub fn parse(text: &str) -> Result<Self> {
        // A password could stand in what is no address of ours: it is not repeated.
        let rest = text
            .strip_prefix("s3://")
            .ok_or_else(|| BucketError::address("the address of a bucket is not in S3", EXAMPLE))?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        check_name(bucket)?;
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        if !prefix.is_empty() && !prefix.split('/').all(is_plain) {
            let what = format!("`{prefix}` is no prefix of keys");
            return Err(BucketError::address(what, EXAMPLE));
        }
        Ok(Self { bucket: bucket.into(), prefix: prefix.into() })
    }

    /// The bucket.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// The key of what is called `name` here.
    pub fn key(&self, name: &str) -> String {
        match self.prefix.as_str() {
            "" => name.into(),
            prefix => format!("{prefix}/{name}"),
        }
    }

    /// What is called `name` here, by its key; nothing when the key stands elsewhere.
    pub fn name<'a>(&self, key: &'a str) -> Option<&'a str> {
        match self.prefix.as_str() {
            "" => Some(key),
            prefix => key.strip_prefix(prefix)?.strip_prefix('/'),
        }
    }
}

impl fmt::Display for BucketAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.prefix.as_str() {
            "" => write!(f, "s3://{}", self.bucket),
            prefix => write!(f, "s3://{}/{prefix}", self.bucket),
        }
    }
}

/// Refuses what no bucket can be called.
pub(crate) fn check_name(bucket: &str) -> Result<()> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if (3..=63).contains(&bucket.len()) && bucket.chars().all(fits) {
        return Ok(());
    }
    Err(BucketError::address("the name of the bucket is none that a bucket can have", EXAMPLE))
}

fn is_plain(part: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.=".contains(c);
    !matches!(part, "" | "." | "..") && part.chars().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, key: &str) {
        let address = BucketAddress::parse(text).unwrap();
        assert_eq!(address.key("a"), key);
        assert_eq!(address.name(key), Some("a"));
    }

    #[test]
    fn keys_begin_with_the_prefix() {
        check("s3://lake", "a");
        check("s3://lake/", "a");
        check("s3://lake/runs", "runs/a");
        check("s3://lake/team-1/runs/", "team-1/runs/a");
        assert_eq!(BucketAddress::parse("s3://lake/runs").unwrap().name("runs2/a"), None);
    }

    #[test]
    fn what_is_no_address_is_refused_with_a_remedy_and_not_repeated() {
        for wrong in [
            "lake",
            "s3://",
            "s3://a",
            "s3:///a",
            "s3://user:sesame@host/a",
            "gs://lake/sesame",
            "s3://lake//a",
            "s3://lake/a//b",
            "s3://lake/../a",
            "s3://lake/a b",
            "s3://lake/a*",
        ] {
            let error = BucketAddress::parse(wrong).unwrap_err();
            assert!(error.hint.contains("s3://") && !error.what.contains("sesame"), "{error}");
        }
    }
}
