//! From a fitted pipeline to a folder.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use gristmill_core::{Catalog, FittedPipeline, FittedTransform, Profile, Table};

use crate::contents::{Contents, check_sizes};
use crate::manifest::{
    FORMAT_VERSION, GOLDEN, MANIFEST, MLMODEL, Manifest, PROFILE, StoredFile, StoredModel,
    StoredStep, TENSORS, sorted,
};
use crate::tensors::Tensors;
use crate::{Digest, PackageError, PackageInfo, Result, folder, golden, load, mlmodel, tensors};

/// Saves `pipeline`, whose steps `catalog` knows, as the new folder `target`, and says what it
/// saved.
///
/// Some of `golden_rows`, of which at least one must be there, are kept with the answers of
/// `pipeline`: rows from all over the table, and rows with missing values where there are any. The
/// package is verified as [`crate::load`] does before the folder appears. It appears whole, by a
/// rename after everything has reached the disk, or not at all. The same pipeline, profile and
/// rows give the same bytes everywhere; if `target` holds just these already, it is left as it is.
///
/// ```no_run
/// # use std::path::Path;
/// # use gristmill_core::{Catalog, Error, Pipeline, Profile, Table};
/// # fn example(catalog: &Catalog, pipeline: Pipeline, train: Table) -> Result<(), Box<dyn std::error::Error>> {
/// let fitted = pipeline.fit(&train)?;
/// let folder = Path::new("models/churn");
/// let saved = gristmill_package::save(folder, &fitted, catalog, &Profile::learn(&train)?, &train)?;
/// let loaded = gristmill_package::load(folder, catalog)?;
/// assert_eq!(loaded.info.digest, saved.digest);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`PackageError::Occupied`] when `target` holds something else; [`PackageError::Io`] when it
/// cannot be written; [`PackageError::TooLarge`]; [`PackageError::UnknownStep`];
/// [`PackageError::Pipeline`] when the pipeline refuses the golden rows.
pub fn save(
    target: &Path,
    pipeline: &FittedPipeline,
    catalog: &Catalog,
    profile: &Profile,
    golden_rows: &Table,
) -> Result<PackageInfo> {
    let package = Unsaved::new(target, pipeline, catalog, profile, golden_rows)?;
    if !package.is_at(target)? {
        package.write(target)?;
    }
    Ok(package.info)
}

/// All bytes of a package, verified.
struct Unsaved {
    files: BTreeMap<String, Vec<u8>>,
    info: PackageInfo,
}

impl Unsaved {
    fn new(
        target: &Path,
        pipeline: &FittedPipeline,
        catalog: &Catalog,
        profile: &Profile,
        golden_rows: &Table,
    ) -> Result<Self> {
        let (mut manifest, tensors) = describe(target, pipeline, catalog)?;
        let rows = golden::choose(pipeline, golden_rows)?;
        let mut files = BTreeMap::from([
            (GOLDEN.to_string(), golden::record(pipeline, &rows)?),
            (PROFILE.to_string(), profile.to_json()?.into_bytes()),
            (TENSORS.to_string(), tensors::to_bytes(&tensors)?),
        ]);
        drop(tensors);
        for (name, bytes) in &files {
            manifest.files.insert(name.clone(), StoredFile::of(bytes));
        }
        let text = mlmodel::text(&manifest, Digest::of(&manifest.to_json()?)).into_bytes();
        manifest.files.insert(MLMODEL.into(), StoredFile::of(&text));
        files.insert(MLMODEL.into(), text);
        let json = manifest.to_json()?;
        let digest = Digest::of(&json);
        let contents = Contents { manifest, digest, files };
        let (info, mut files) = verified(contents, target, catalog)?;
        files.insert(MANIFEST.into(), json);
        check_sizes(target, &files)?;
        Ok(Self { files, info })
    }

    /// Whether `target` holds just this package; refuses any other content.
    fn is_at(&self, target: &Path) -> Result<bool> {
        let empty = match target.symlink_metadata() {
            Err(_) => true,
            Ok(_) => target.is_dir() && folder::list(target)?.is_empty(),
        };
        if empty {
            return Ok(false);
        }
        let found = match load::digest(target) {
            Ok(digest) if digest == self.info.digest => return Ok(true),
            Ok(digest) => format!("another model ({digest})"),
            Err(PackageError::NotAPackage { .. }) => "other files".into(),
            Err(error) => format!("a package that cannot be used ({error})"),
        };
        Err(PackageError::Occupied { folder: target.into(), found })
    }

    fn write(&self, target: &Path) -> Result<()> {
        match folder::write(target, &self.files) {
            Ok(()) => Ok(()),
            // Another process may have saved the same model meanwhile.
            Err(error) => match self.is_at(target)? {
                true => Ok(()),
                false => Err(error),
            },
        }
    }
}

/// What cannot be loaded is not saved.
fn verified(
    contents: Contents,
    target: &Path,
    catalog: &Catalog,
) -> Result<(PackageInfo, BTreeMap<String, Vec<u8>>)> {
    let files = contents.files.clone();
    let package = load::open(contents, target, catalog)?;
    Ok((package.info, files))
}

/// `model.json` without files, and the tensors of all steps.
fn describe(
    target: &Path,
    pipeline: &FittedPipeline,
    catalog: &Catalog,
) -> Result<(Manifest, Tensors)> {
    let file = || target.join(MANIFEST);
    let unknown = |kind: &str| PackageError::UnknownStep { file: file(), kind: kind.into() };
    let mut numbers = Tensors::new();
    let steps = stored_steps(&file(), pipeline.steps(), catalog, &mut numbers)?;
    let model = pipeline.model();
    let entry = catalog.estimators().get(model.kind()).ok_or_else(|| unknown(model.kind()))?;
    let state = model.state();
    tensors::put(&mut numbers, "model", &state)?;
    let model = StoredModel {
        kind: model.kind().into(),
        version: entry.version,
        tensors: "model".into(),
        input: model.input().as_ref().clone(),
        facts: sorted(state.facts),
    };
    let manifest = Manifest {
        format_version: FORMAT_VERSION,
        engine_version: env!("CARGO_PKG_VERSION").into(),
        input: pipeline.input().as_ref().clone(),
        output: golden::output(pipeline.target())?,
        target: pipeline.target().clone(),
        steps,
        model,
        files: BTreeMap::new(),
    };
    Ok((manifest, numbers))
}

/// The stored form of `steps`, whose learned numbers go to `numbers`; `file` names where to.
pub(crate) fn stored_steps(
    file: &Path,
    steps: &[Arc<dyn FittedTransform>],
    catalog: &Catalog,
    numbers: &mut Tensors,
) -> Result<Vec<StoredStep>> {
    let store = |(at, step): (usize, &Arc<dyn FittedTransform>)| {
        let known = catalog.transforms().get(step.kind());
        let entry = known.ok_or_else(|| PackageError::UnknownStep {
            file: file.into(),
            kind: step.kind().into(),
        })?;
        let prefix = format!("steps.{at}");
        let state = step.state();
        tensors::put(numbers, &prefix, &state)?;
        Ok(StoredStep {
            kind: step.kind().into(),
            version: entry.version,
            tensors: prefix,
            input: step.input().as_ref().clone(),
            output: step.output().as_ref().clone(),
            facts: sorted(state.facts),
        })
    };
    steps.iter().enumerate().map(store).collect()
}
