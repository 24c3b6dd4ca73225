//! Registered models in a file store: `models/NAME/version-N`.

use std::collections::BTreeMap;
use std::path::Path;

use gristmill_track::{
    AdoptedModel, Gate, LeftOut, MAX_MODEL_TAG_CHARS, Model, ModelVersion, Note, RunId, Stage,
    VersionStatus,
};

use super::meta::{Meta, short};
use super::read::{self, Entry};
use super::{FileStore, MODELS, pairs};
use crate::Result;
use crate::import::source::Each;

/// The most versions that a model may have.
const VERSIONS: usize = 50_000;
/// What MLflow calls the stage of a version that was deleted.
const DELETED: &str = "Deleted_Internal";
/// The most characters of the name of a version in an alias.
const NUMBER: usize = 10;

impl FileStore {
    /// Every registered model with its versions, each with the place of its files as its `path`.
    pub fn each_model(
        &self,
        left_out: &mut Vec<LeftOut>,
        each: Each<'_, AdoptedModel>,
    ) -> Result<()> {
        let models = self.root.join(MODELS);
        if !read::is_folder(&models) {
            return Ok(());
        }
        for Entry { name, is_folder, .. } in read::entries(&models, left_out) {
            let folder = models.join(&name);
            if !is_folder {
                continue;
            }
            match read_model(&folder, &name, left_out) {
                Ok(model) => each(model, left_out)?,
                Err(why) => left_out.push(read::at(&folder, why)),
            }
        }
        Ok(())
    }
}

fn read_model(
    folder: &Path,
    name: &str,
    left_out: &mut Vec<LeftOut>,
) -> Result<AdoptedModel, String> {
    let meta = Meta::of(folder)?;
    if meta.text("name").is_some_and(|written| written != name) {
        return Err("`meta.yaml` is that of another model".into());
    }
    let what = format!("registered model `{name}`");
    let created = meta.moment("creation_timestamp")?.unwrap_or_default();
    let model = Model {
        name: name.into(),
        created,
        updated: meta.moment("last_updated_timestamp")?.unwrap_or(created),
        description: meta.text("description").unwrap_or_default(),
        tags: pairs(&folder.join("tags"), MAX_MODEL_TAG_CHARS, &what, left_out),
        aliases: aliases(&folder.join("aliases"), &what, left_out),
        newest: None,
    };
    let (versions, last_version) = read_versions(folder, name, left_out);
    Ok(AdoptedModel { model, versions, last_version, note: Note::default() })
}

fn aliases(folder: &Path, what: &str, left_out: &mut Vec<LeftOut>) -> BTreeMap<String, u32> {
    let mut found = BTreeMap::new();
    for (alias, text) in pairs(folder, NUMBER, what, left_out) {
        match text.trim().parse() {
            Ok(number) => drop(found.insert(alias, number)),
            Err(_) => {
                let why = format!("it names `{}`, expected the number of a version", short(&text));
                left_out.push(LeftOut::new(format!("{what}: alias `{alias}`"), why));
            }
        }
    }
    found
}

/// The versions that are there, and the greatest number of all that ever were.
fn read_versions(
    folder: &Path,
    name: &str,
    left_out: &mut Vec<LeftOut>,
) -> (Vec<ModelVersion>, u32) {
    let (mut found, mut last) = (Vec::new(), 0);
    for Entry { name: entry, is_folder, .. } in read::entries(folder, left_out) {
        let Some(number) = entry.strip_prefix("version-").filter(|_| is_folder) else { continue };
        let path = folder.join(&entry);
        let number: u32 = match number.parse() {
            Ok(number) if number > 0 && found.len() < VERSIONS => number,
            Ok(0) | Err(_) => {
                left_out.push(read::at(&path, "its name does not end with a version's number"));
                continue;
            }
            Ok(_) => {
                let why = format!("the model has more than {VERSIONS} versions");
                left_out.push(read::at(&path, why));
                continue;
            }
        };
        match read_version(&path, name, number, left_out) {
            Ok(version) => {
                last = last.max(number);
                found.extend(version);
            }
            Err(why) => left_out.push(read::at(&path, why)),
        }
    }
    found.sort_by_key(|version| version.version);
    (found, last)
}

/// The version in a folder; nothing for one that was deleted.
fn read_version(
    folder: &Path,
    name: &str,
    number: u32,
    left_out: &mut Vec<LeftOut>,
) -> Result<Option<ModelVersion>, String> {
    let meta = Meta::of(folder)?;
    if meta.whole("version")?.is_some_and(|written| written != i64::from(number)) {
        return Err("`meta.yaml` is that of another version".into());
    }
    let stage = meta.text("current_stage").unwrap_or_else(|| "None".into());
    if stage == DELETED {
        return Ok(None);
    }
    let source = meta.text("source").filter(|source| !source.is_empty());
    let status = meta.text("status").unwrap_or_else(|| "READY".into());
    let created = meta.moment("creation_timestamp")?.unwrap_or_default();
    let named = source.as_deref().and_then(|source| source.strip_prefix("models:/"));
    let named = named.filter(|id| id.starts_with("m-") && !id.contains(['/', '@']));
    let what = format!("version {number} of registered model `{name}`");
    let tags = pairs(&folder.join("tags"), MAX_MODEL_TAG_CHARS, &what, left_out);
    Ok(Some(ModelVersion {
        model: name.into(),
        version: number,
        run: meta.text("run_id").and_then(|run| run.parse::<RunId>().ok()),
        path: meta.text("storage_location").unwrap_or_default(),
        digest: String::new(),
        logged_model: meta.text("model_id").or_else(|| named.map(str::to_string)),
        run_link: meta.text("run_link").filter(|link| !link.is_empty()),
        source,
        metrics: serde_json::Value::Null,
        gate: Gate::None,
        created,
        updated: meta.moment("last_updated_timestamp")?.unwrap_or(created),
        who: meta.text("user_id").unwrap_or_default(),
        description: meta.text("description").unwrap_or_default(),
        stage: Stage::parse(&stage)
            .ok_or_else(|| format!("`current_stage` is `{}`, none of MLflow's", short(&stage)))?,
        status: VersionStatus::from_mlflow(&status)
            .ok_or_else(|| format!("`status` is `{}`, none of MLflow's words", short(&status)))?,
        status_message: meta.text("status_message"),
        tags,
        aliases: Vec::new(),
    }))
}
