//! Objects of a store that answers as S3 does: which of them match a pattern.
//!
//! Where the store is and who asks it stands in the environment, as with AWS's own tools:
//! AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION, AWS_ENDPOINT_URL, and
//! AWS_ALLOW_HTTP for one without TLS.

use std::time::Duration;

use gristmill_bucket::{Bucket, BucketError, Depth};
use tokio::runtime::{Builder, Runtime};

use crate::{IngestError, Result};

/// How long a listing may take as a whole.
const PATIENCE: Duration = Duration::from_secs(60);
/// The most objects that are looked at to find those that match.
const MAX_LISTED: usize = 50_000;

/// An object as a listing shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// `s3://bucket/key`.
    pub address: String,
    /// How many bytes it holds.
    pub size: u64,
    /// When it was written, in microseconds since 1970-01-01T00:00Z.
    pub modified: i64,
    /// What the store calls this content of it; another content has another.
    pub etag: Option<String>,
}

/// A bucket, and which of its objects are meant.
///
/// ```
/// # use gristmill_ingest::ObjectPattern;
/// assert!(ObjectPattern::parse("s3://lake/incoming/*.csv").is_ok());
/// assert!(ObjectPattern::parse("s3://lake").is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectPattern {
    bucket: String,
    /// What every key begins with that can match.
    prefix: String,
    key: glob::Pattern,
    /// Whether what follows the prefix may have a `/` in it.
    deep: bool,
}

impl ObjectPattern {
    /// The pattern that `address` writes: `s3://bucket/key`, the key a glob.
    ///
    /// # Errors
    /// [`IngestError::Unsupported`] when it is none.
    pub fn parse(address: &str) -> Result<Self> {
        let refuse =
            |what: String, hint: &str| IngestError::Unsupported { what, hint: hint.into() };
        let example = "write `s3://bucket/key`, such as `s3://lake/incoming/*.csv`";
        let rest = address.strip_prefix("s3://");
        let rest = rest.ok_or_else(|| refuse(format!("`{address}` is not in S3"), example))?;
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if !(3..=63).contains(&bucket.len()) || !bucket.chars().all(fits) {
            return Err(refuse(format!("`{bucket}` is no name of a bucket"), example));
        }
        if key.is_empty() || key.starts_with('/') || key.ends_with('/') {
            return Err(refuse(format!("`{address}` names no objects"), example));
        }
        let (start, end) = key.split_at(key.find(['*', '?', '[']).unwrap_or(key.len()));
        let (prefix, deep) = (start.to_string(), end.contains('/') || end.contains("**"));
        let key = glob::Pattern::new(key).map_err(|e| {
            let what = format!("`{address}` is no glob: {}", e.msg);
            refuse(what, "write `*`, `?`, `**` and `[a-z]`, such as `s3://lake/incoming/*.csv`")
        })?;
        Ok(Self { bucket: bucket.into(), prefix, key, deep })
    }

    fn matches(&self, key: &str) -> bool {
        let options = glob::MatchOptions {
            case_sensitive: true,
            require_literal_separator: true,
            require_literal_leading_dot: true,
        };
        self.key.matches_with(key, options)
    }

    /// What is listed, as messages name it.
    fn shown(&self) -> String {
        format!("s3://{}/{}", self.bucket, self.key)
    }
}

/// The objects that match a pattern, looked up again with each call.
pub struct Objects {
    pattern: ObjectPattern,
    bucket: Bucket,
    runtime: Runtime,
}

impl Objects {
    /// The objects that `pattern` means, in the store that the environment names. It is not asked
    /// yet.
    ///
    /// # Errors
    /// [`IngestError::Store`] when the environment names none.
    pub fn open(pattern: ObjectPattern) -> Result<Self> {
        let bucket = Bucket::open(&pattern.bucket).map_err(refused)?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        Ok(Self { pattern, bucket, runtime })
    }

    /// All that match now, in the order of their keys. It waits at most a minute.
    ///
    /// # Errors
    /// [`IngestError::Store`] when the store cannot be reached or refuses, and when there are too
    /// many objects to look through.
    pub fn list(&self) -> Result<Vec<Object>> {
        let listed = async { tokio::time::timeout(PATIENCE, self.pages()).await };
        self.runtime.block_on(listed).unwrap_or_else(|_| {
            Err(IngestError::Store {
                what: format!("listing `{}` took longer than {PATIENCE:?}", self.pattern.shown()),
                hint: "is the store reachable? Narrow the pattern if it holds very much".into(),
            })
        })
    }

    async fn pages(&self) -> Result<Vec<Object>> {
        let (mut found, mut looked_at, mut page) = (Vec::new(), 0, None);
        let depth = if self.pattern.deep { Depth::Deep } else { Depth::Shallow };
        loop {
            let listed = self.bucket.list(&self.pattern.prefix, depth, page).await;
            let listed = listed.map_err(refused)?;
            looked_at += listed.objects.len() + listed.folders;
            if looked_at > MAX_LISTED {
                return Err(self.too_many());
            }
            found.extend(listed.objects.into_iter().filter_map(|object| self.matching(object)));
            page = listed.next;
            if page.is_none() {
                found.sort_by(|a, b| a.address.cmp(&b.address));
                return Ok(found);
            }
        }
    }

    fn matching(&self, object: gristmill_bucket::Object) -> Option<Object> {
        self.pattern.matches(&object.key).then(|| Object {
            address: self.bucket.shown(&object.key),
            size: object.size,
            modified: object.modified,
            etag: object.etag,
        })
    }

    fn too_many(&self) -> IngestError {
        let ObjectPattern { bucket, prefix, .. } = &self.pattern;
        IngestError::Store {
            what: format!("more than {MAX_LISTED} objects begin with `s3://{bucket}/{prefix}`"),
            hint: "name more of the key before the first `*`; move what is done elsewhere".into(),
        }
    }
}

fn refused(error: BucketError) -> IngestError {
    IngestError::Store { what: error.what, hint: error.hint }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(address: &str, prefix: &str, deep: bool) -> ObjectPattern {
        let pattern = ObjectPattern::parse(address).unwrap();
        assert_eq!((pattern.prefix.as_str(), pattern.deep), (prefix, deep));
        pattern
    }

    #[test]
    fn no_more_is_listed_than_what_can_match() {
        let days = check("s3://lake/in/2026-*.csv", "in/2026-", false);
        assert!(days.matches("in/2026-01.csv") && !days.matches("in/2026-01/a.csv"));
        assert!(!days.matches("in/2025-01.csv"));
        let all = check("s3://lake/**/*.csv", "", true);
        assert!(all.matches("a.csv") && all.matches("a/b/c.csv") && !all.matches("a/.b.csv"));
        let one = check("s3://lake/a/rows.csv", "a/rows.csv", false);
        assert!(one.matches("a/rows.csv") && !one.matches("a/rows.csv.gz"));
    }

    #[test]
    fn what_names_no_objects_is_refused_with_a_remedy() {
        for wrong in [
            "s3://lake",
            "s3://lake/",
            "s3://lake//a",
            "s3://lake/a/",
            "s3://",
            "s3:///a",
            "s3://a:b@c/d",
            "s3://lake/***",
            "gs://lake/a",
        ] {
            let error = ObjectPattern::parse(wrong).unwrap_err();
            assert!(error.hint().is_some_and(|hint| hint.contains("s3://")), "{wrong}: {error}");
        }
    }
}
