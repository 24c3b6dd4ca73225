//! The version that holds an alias on a server, brought here for a new one to be compared with.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use gristmill_track::{ArtifactStore, ContentHash, ModelVersion, Unpacking};
use serde::Deserialize;

use super::http::{Address, Link, Patience};
use crate::keeper::Keeper;
use crate::{Error, Home, Result};

/// The version that holds an alias on a server.
#[derive(Clone, Debug)]
pub(crate) struct Champion {
    /// What is known of it; its package stands in this home.
    pub version: ModelVersion,
    /// What its run was told and noted, where the server knows it.
    pub run: Option<ItsRun>,
}

/// What a run was told and noted.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ItsRun {
    /// Its params.
    pub params: BTreeMap<String, String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Answer {
    version: Option<ModelVersion>,
    #[serde(default)]
    run: Option<ItsRun>,
}

/// The version of `model` that holds `alias` on the server, with its package in this home's store;
/// nothing when none does.
///
/// # Errors
/// When the server cannot be asked, or what it gives is not the package of that version.
pub(crate) fn champion(
    address: &Address,
    home: &Home,
    keeper: &Keeper,
    model: &str,
    alias: &str,
) -> Result<Option<Champion>> {
    let link = Link::to(address)?;
    let asked = ["models", model, "aliases", alias, "champion"];
    let Answer { version, run } = keeper.drive(link.get(&asked, Patience::ENOUGH))?;
    let Some(mut version) = version else { return Ok(None) };
    let root = fs_err::canonicalize(home.root())?;
    let artifacts = keeper.artifacts();
    let hash = keeper.drive(fetch(&link, artifacts, &root, &version))?;
    let path = keeper.wait_for(artifacts.local_path(hash))?;
    let found = gristmill_package::digest(&path)?.to_string();
    if found != version.digest {
        let (name, number) = (&version.model, version.version);
        return Err(Error::input(format!(
            "{address} gave another package for version {number} of `{name}`: its digest is \
             {found}, expected {}",
            version.digest
        )));
    }
    version.path = path.to_string_lossy().into_owned();
    Ok(Some(Champion { version, run }))
}

/// Puts the package of a version into the store, where it is not there yet.
async fn fetch(
    link: &Link,
    artifacts: &dyn ArtifactStore,
    root: &std::path::Path,
    version: &ModelVersion,
) -> Result<ContentHash> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = version.version.to_string();
    let asked = ["models", version.model.as_str(), "versions", number.as_str(), "package"];
    let mut response = link.open(&asked, Patience::ENOUGH).await?;
    let tag = response.headers().get("etag").and_then(|tag| tag.to_str().ok()).unwrap_or_default();
    let hash: ContentHash = tag.trim_matches('"').parse().map_err(|_| {
        Error::input(format!("{} does not say what it sends", link.address()))
            .with_hint("use the same version of Gristmill here and there")
    })?;
    if artifacts.find(hash).await?.is_some() {
        return Ok(hash);
    }
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    let draft = format!("champion-{}-{next}", std::process::id());
    let mut unpacking = Unpacking::begin(root.join("artifacts").join("tmp").join(draft))?;
    while let Some(piece) = response.chunk().await.map_err(|error| link.unheard(&error))? {
        unpacking.write(&piece)?;
    }
    Ok(unpacking.finish(artifacts, hash).await?.hash)
}
