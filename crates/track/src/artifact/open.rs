//! Where the artifacts of a home are.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gristmill_core::Clock;

use super::ArtifactStore;
use super::bucket::BucketArtifacts;
use super::local::LocalArtifacts;
use super::shared::SharedArtifacts;
use crate::{Result, TrackError};

/// The folder of a home with copies of what a bucket keeps.
const COPIES: &str = "copies";

/// The artifacts of `home`: at `address` when there is one, `s3://bucket/prefix`, `file:///folder` or
/// a folder ([`artifacts_folder`]), which many homes may share, and else in the home's own folder. An empty address is
/// none. What the home kept before stays there and is found there. `owner` is whose runs these are:
/// it is noted at the address with the first thing that is stored.
///
/// Nothing is asked or written yet. The store belongs to the asynchronous runtime that it is first
/// asked on.
///
/// # Errors
/// `Invalid` or `Bucket` when the address is none, or the environment names no store.
///
/// ```
/// # use std::{path::Path, sync::Arc};
/// # use gristmill_core::{FixedClock, Timestamp};
/// # use gristmill_track::open_artifacts;
/// let open = |address| {
///     open_artifacts(Path::new(".gristmill"), address, "us", Arc::new(FixedClock(Timestamp(0))))
/// };
/// assert!(open(None).is_ok() && open(Some("file:///data/artifacts")).is_ok());
/// assert!(open(Some("gs://bucket")).is_err());
/// ```
pub fn open_artifacts(
    home: &Path,
    address: Option<&str>,
    owner: &str,
    clock: Arc<dyn Clock>,
) -> Result<Arc<dyn ArtifactStore>> {
    let here = LocalArtifacts::in_home(home);
    let Some(address) = address.filter(|address| !address.is_empty()) else {
        return Ok(Arc::new(here));
    };
    let there: Arc<dyn ArtifactStore> = match address.split_once("://") {
        Some(("s3", _)) => Arc::new(BucketArtifacts::open(address, home.join(COPIES), clock)?),
        _ => Arc::new(LocalArtifacts::new(artifacts_folder(address)?)),
    };
    Ok(Arc::new(SharedArtifacts::new(here, there, owner)))
}

/// The absolute folder that an address of artifacts means: `file:///folder`, `file:folder` as MLflow's
/// users write it, or the folder itself.
///
/// # Errors
/// `Invalid` when it means none.
pub fn artifacts_folder(address: &str) -> Result<PathBuf> {
    let path = match address.split_once(':') {
        // One letter is a drive.
        Some((scheme, _)) if scheme.len() < 2 || scheme.contains(['/', '\\', '.']) => address,
        None => address,
        Some(("file", rest)) => match rest.strip_prefix("//") {
            None => rest,
            Some(path) if path.starts_with('/') => path,
            Some(_) => return Err(no_folder("a folder of another machine".into())),
        },
        Some((scheme, _)) => return Err(no_folder(format!("of the scheme `{scheme}`"))),
    };
    if path.is_empty() {
        return Err(no_folder("empty".into()));
    }
    std::path::absolute(path).map_err(|error| TrackError::io(Path::new(path), &error))
}

fn no_folder(found: String) -> TrackError {
    let expected = "`s3://BUCKET/PREFIX`, `file:///FOLDER` or a folder";
    TrackError::invalid("the address of the artifacts", found, expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(address: &str, expected: &str) {
        let expected = std::path::absolute(expected).unwrap();
        assert_eq!(artifacts_folder(address).unwrap(), expected, "{address}");
    }

    #[test]
    fn a_folder_is_written_in_many_ways() {
        check("/data/a", "/data/a");
        check("./a", "a");
        check("./a:b", "a:b");
        check("file:///data/a b", "/data/a b");
        check("file:/data/a", "/data/a");
        check("file:./mlruns", "mlruns");
        for wrong in ["gs://a/b", "dbfs:/a", "file://host/a", "file:", "https://host/a", ""] {
            assert!(matches!(artifacts_folder(wrong), Err(TrackError::Invalid { .. })), "{wrong}");
        }
    }
}
