//! `model.json`: what a package is made of.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use gristmill_core::{Error, Schema, TargetSpec};

use crate::{Digest, PackageError, Result};

/// The version of the package's form. A package of a later one is refused, of an earlier one read.
pub const FORMAT_VERSION: u32 = 1;

/// The file that names all others.
pub(crate) const MANIFEST: &str = "model.json";
pub(crate) const MLMODEL: &str = "MLmodel";
pub(crate) const TENSORS: &str = "tensors.safetensors";
pub(crate) const PROFILE: &str = "profile.json";
pub(crate) const GOLDEN: &str = "golden.arrow";

const MIB: u64 = 1 << 20;

/// How many bytes `model.json` may have.
pub(crate) const MANIFEST_LIMIT: u64 = 256 * MIB;

/// Every other file with how many bytes it may have: no more and no fewer files make a package.
pub(crate) const FILES: [(&str, u64); 4] =
    [(MLMODEL, 64 * MIB), (GOLDEN, 256 * MIB), (PROFILE, 256 * MIB), (TENSORS, 64 * 1024 * MIB)];

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    pub format_version: u32,
    pub engine_version: String,
    pub input: Schema,
    pub output: Schema,
    pub target: TargetSpec,
    pub steps: Vec<StoredStep>,
    pub model: StoredModel,
    pub files: BTreeMap<String, StoredFile>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoredStep {
    pub kind: String,
    pub version: u32,
    /// What the names of its tensors begin with, before a dot.
    pub tensors: String,
    pub input: Schema,
    pub output: Schema,
    pub facts: Value,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoredModel {
    pub kind: String,
    pub version: u32,
    pub tensors: String,
    pub input: Schema,
    pub facts: Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoredFile {
    pub bytes: u64,
    pub blake3: Digest,
}

impl StoredFile {
    pub fn of(bytes: &[u8]) -> Self {
        Self { bytes: bytes.len() as u64, blake3: Digest::of(bytes) }
    }
}

impl Manifest {
    /// The stored form: keys of facts are sorted, whatever order a step gave them in.
    pub fn to_json(&self) -> Result<Vec<u8>> {
        let mut json = serde_json::to_vec_pretty(self).map_err(|e| Error::Bug(e.to_string()))?;
        json.push(b'\n');
        Ok(json)
    }

    /// Reads `json`, found in `file`; refuses names of files that a package does not have.
    pub fn from_json(json: &[u8], file: &Path) -> Result<Self> {
        let damaged = |e: serde_json::Error| PackageError::damaged(file, e.to_string());
        check_version(json, file)?;
        let manifest: Self = serde_json::from_slice(json).map_err(damaged)?;
        manifest.check_files(file)?;
        Ok(manifest)
    }

    fn check_files(&self, file: &Path) -> Result<()> {
        if let Some(name) = self.files.keys().find(|n| limit_of(n).is_none()) {
            return Err(PackageError::damaged(
                file,
                format!("it names the file `{}`, which no package has", name.escape_debug()),
            ));
        }
        if let Some((name, _)) = FILES.iter().find(|(n, _)| !self.files.contains_key(*n)) {
            return Err(PackageError::damaged(file, format!("it does not name `{name}`")));
        }
        Ok(())
    }
}

/// How many bytes the file `name` may have; nothing when no package has such a file.
pub(crate) fn limit_of(name: &str) -> Option<u64> {
    FILES.iter().find(|(known, _)| *known == name).map(|(_, limit)| *limit)
}

/// The version is read before anything else, so that a newer form is called newer and not damaged.
fn check_version(json: &[u8], file: &Path) -> Result<()> {
    #[derive(Deserialize)]
    struct Version {
        format_version: u64,
    }
    let version: Version =
        serde_json::from_slice(json).map_err(|e| PackageError::damaged(file, e.to_string()))?;
    match version.format_version {
        found if found > u64::from(FORMAT_VERSION) => Err(PackageError::Newer {
            file: file.into(),
            what: "format".into(),
            found,
            known: u64::from(FORMAT_VERSION),
        }),
        0 => Err(PackageError::damaged(file, "its format version is 0")),
        _ => Ok(()),
    }
}

/// The same value with the keys of every object in order.
pub(crate) fn sorted(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        Value::Object(map) => {
            let ordered: BTreeMap<String, Value> =
                map.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            ordered.into_iter().collect()
        }
        plain => plain,
    }
}
