//! What a package says of itself.

use serde::Serialize;

use gristmill_core::{Schema, TargetSpec};

use crate::Digest;
use crate::manifest::Manifest;

/// What a package says of itself, read from `model.json` alone.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PackageInfo {
    /// Stands for the whole content: equal for equal models.
    pub digest: Digest,
    /// The version of the package's form.
    pub format_version: u32,
    /// The version of Gristmill that made it.
    pub engine_version: String,
    /// The columns that the model takes.
    pub input: Schema,
    /// The columns that it answers: `prediction`, and for classes `probability_<class>` each.
    pub output: Schema,
    /// What it predicts.
    pub target: TargetSpec,
    /// Its transforms in order.
    pub steps: Vec<StepInfo>,
    /// The model at the end.
    pub model: StepInfo,
    /// Every file but `model.json`, by name.
    pub files: Vec<FileInfo>,
}

/// A fitted step of a package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct StepInfo {
    /// Its name in the catalog.
    pub kind: String,
    /// The version of what it learns.
    pub version: u32,
    /// How many columns it takes.
    pub columns: usize,
}

/// A file of a package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FileInfo {
    /// Its name.
    pub name: String,
    /// How many bytes it has.
    pub bytes: u64,
    /// What stands for its content.
    pub digest: Digest,
}

impl PackageInfo {
    pub(crate) fn new(manifest: &Manifest, digest: Digest) -> Self {
        let step = |kind: &str, version, input: &Schema| StepInfo {
            kind: kind.into(),
            version,
            columns: input.len(),
        };
        let file = |(name, file): (&String, &crate::manifest::StoredFile)| FileInfo {
            name: name.clone(),
            bytes: file.bytes,
            digest: file.blake3,
        };
        let model = &manifest.model;
        Self {
            digest,
            format_version: manifest.format_version,
            engine_version: manifest.engine_version.clone(),
            input: manifest.input.clone(),
            output: manifest.output.clone(),
            target: manifest.target.clone(),
            steps: manifest.steps.iter().map(|s| step(&s.kind, s.version, &s.input)).collect(),
            model: step(&model.kind, model.version, &model.input),
            files: manifest.files.iter().map(file).collect(),
        }
    }

    /// What the classes are called, in order; empty when the model answers with numbers.
    pub fn classes(&self) -> &[String] {
        self.target.labels.as_ref().map_or(&[], |labels| labels.names())
    }

    /// How many bytes the files have together, `model.json` not counted.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|f| f.bytes).fold(0, u64::saturating_add)
    }
}
