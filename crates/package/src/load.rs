//! From a folder to a pipeline that answers as it did when it was saved.

use std::path::Path;
use std::sync::Arc;

use gristmill_core::{
    Catalog, Error, FittedPipeline, FittedTransform, Labels, Model, Profile, Schema, State,
    TargetSpec,
};

use crate::contents::{Contents, read_manifest};
use crate::manifest::{
    FORMAT_VERSION, GOLDEN, MANIFEST, Manifest, PROFILE, StoredModel, StoredStep, TENSORS,
};
use crate::tensors::{self, Tensors};
use crate::{Check, Digest, Golden, PackageError, PackageInfo, Result, golden};

/// A package that was loaded and verified.
#[derive(Debug)]
#[non_exhaustive]
pub struct Package {
    /// The pipeline, ready to answer.
    pub pipeline: FittedPipeline,
    /// What its training data looked like.
    pub profile: Profile,
    /// What the package says of itself.
    pub info: PackageInfo,
    /// How it answered its golden rows.
    pub check: Check,
    /// The golden rows.
    pub golden: Golden,
}

/// Loads the package in `folder`, whose steps `catalog` knows, and verifies it.
///
/// Sizes and hashes of all files come first, then the parts are held against each other, and at
/// last the golden rows are answered: with the same bits as when the package was saved
/// ([`Check::Exact`]) or within 10⁻⁹ of them ([`Check::Within`]). Nothing in the package is run.
/// `model.json`, `profile.json` and `golden.arrow` may have 256 MiB each, `MLmodel` 64 MiB,
/// `tensors.safetensors` 64 GiB.
///
/// # Errors
/// [`PackageError::NotAPackage`]; [`PackageError::Damaged`] for a file that is missing, too many, a
/// link, changed, or contradicts another; [`PackageError::TooLarge`]; [`PackageError::Newer`];
/// [`PackageError::UnknownStep`]; [`PackageError::Answers`]; [`PackageError::Io`]. Whatever the
/// bytes, it does not panic.
pub fn load(folder: &Path, catalog: &Catalog) -> Result<Package> {
    open(Contents::read(folder)?, folder, catalog)
}

/// What stands for the whole content of the package in `folder`, after the sizes and hashes of all
/// files were verified. Nothing is loaded.
///
/// # Errors
/// As [`load`], as far as it goes.
pub fn digest(folder: &Path) -> Result<Digest> {
    Ok(Contents::read(folder)?.digest)
}

/// What the package in `folder` says of itself, read from `model.json` alone: quick, and not
/// verified.
///
/// # Errors
/// As [`load`], as far as it goes.
pub fn describe(folder: &Path) -> Result<PackageInfo> {
    let (manifest, digest) = read_manifest(folder)?;
    Ok(PackageInfo::new(&manifest, digest))
}

/// The package that `contents`, found in `folder`, are.
pub(crate) fn open(mut contents: Contents, folder: &Path, catalog: &Catalog) -> Result<Package> {
    let profile_file = folder.join(PROFILE);
    let profile = Profile::from_json(&contents.take(PROFILE))
        .map_err(|e| PackageError::damaged(&profile_file, found(&e)))?;
    let tensors_file = folder.join(TENSORS);
    let tensors = tensors::from_bytes(&contents.take(TENSORS), &tensors_file)?;
    let pipeline = Steps { folder, catalog, tensors }.pipeline(&contents.manifest)?;
    let (check, golden) = golden::replay(&pipeline, &contents.take(GOLDEN), &folder.join(GOLDEN))?;
    let info = PackageInfo::new(&contents.manifest, contents.digest);
    Ok(Package { pipeline, profile, info, check, golden })
}

/// What is left of an error once its file is named by another.
fn found(error: &Error) -> String {
    match error {
        Error::Damaged { found, .. } => found.clone(),
        other => other.to_string(),
    }
}

/// Loads steps one by one, each with the tensors that are its own.
pub(crate) struct Steps<'a> {
    pub folder: &'a Path,
    pub catalog: &'a Catalog,
    pub tensors: Tensors,
}

impl Steps<'_> {
    fn pipeline(mut self, manifest: &Manifest) -> Result<FittedPipeline> {
        self.check_target(&manifest.target)?;
        if golden::output(&manifest.target)? != manifest.output {
            return Err(self.damaged("its output is not that of its target"));
        }
        let steps = manifest.steps.iter().map(|s| self.step(s)).collect::<Result<Vec<_>>>()?;
        let model = self.model(&manifest.model)?;
        if let Some(name) = self.tensors.keys().next() {
            let found = format!("tensor `{}` belongs to no step", name.escape_debug());
            return Err(PackageError::damaged(self.folder.join(TENSORS), found));
        }
        let input = Arc::new(manifest.input.clone());
        FittedPipeline::new(input, steps, model, manifest.target.clone())
            .map_err(|e| self.damaged(e.to_string()))
    }

    fn damaged(&self, found: impl Into<String>) -> PackageError {
        PackageError::damaged(self.folder.join(MANIFEST), found)
    }

    /// Labels have an order and a positive class among them; a stored list may claim anything.
    fn check_target(&self, target: &TargetSpec) -> Result<()> {
        let Some(labels) = target.labels.as_deref() else { return Ok(()) };
        let positive = labels.positive().map(|at| labels.names().get(at).map(String::as_str));
        let sound = positive != Some(None)
            && labels.len() >= 2
            && Labels::new(labels.names().to_vec(), positive.flatten())
                .is_ok_and(|l| l.names() == labels.names());
        if sound { Ok(()) } else { Err(self.damaged("its classes contradict each other")) }
    }

    pub fn step(&mut self, stored: &StoredStep) -> Result<Box<dyn FittedTransform>> {
        let known = self.catalog.transforms().get(stored.kind.as_str()).map(|e| e.version);
        self.check_version(&stored.kind, stored.version, known)?;
        let state = self.state(&stored.tensors, stored.facts.clone());
        let step = self
            .catalog
            .load_transform(&stored.kind, &state, &Arc::new(stored.input.clone()))
            .map_err(|e| self.damaged(e.in_step(&stored.kind).to_string()))?;
        if !same_columns(step.output(), &stored.output) {
            return Err(self.damaged(format!("step `{}` gives other columns", stored.kind)));
        }
        Ok(step)
    }

    fn model(&mut self, stored: &StoredModel) -> Result<Box<dyn Model>> {
        let known = self.catalog.estimators().get(stored.kind.as_str()).map(|e| e.version);
        self.check_version(&stored.kind, stored.version, known)?;
        let state = self.state(&stored.tensors, stored.facts.clone());
        self.catalog
            .load_model(&stored.kind, &state, &Arc::new(stored.input.clone()))
            .map_err(|e| self.damaged(e.in_step(&stored.kind).to_string()))
    }

    fn check_version(&self, kind: &str, version: u32, known: Option<u32>) -> Result<()> {
        let file = self.folder.join(MANIFEST);
        match known {
            None => Err(PackageError::UnknownStep { file, kind: kind.into() }),
            Some(known) if version > known => Err(PackageError::Newer {
                file,
                what: format!("version of step `{kind}`"),
                found: version.into(),
                known: known.into(),
            }),
            Some(_) => Ok(()),
        }
    }

    fn state(&mut self, prefix: &str, facts: serde_json::Value) -> State {
        State { facts, tensors: tensors::take(&mut self.tensors, prefix) }
    }
}

fn same_columns(a: &Schema, b: &Schema) -> bool {
    let key =
        |s: &Schema| s.fields().iter().map(|f| (f.name.clone(), f.semantic)).collect::<Vec<_>>();
    key(a) == key(b)
}

/// Packages of this version are the ones that this file reads.
const _: () = assert!(FORMAT_VERSION == 1);
