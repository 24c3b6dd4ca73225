//! MLflow's file store: a folder an experiment, a folder a run in it, a small file a param.

mod logged_models;
mod meta;
pub(super) mod read;
mod registry;
mod runs;
mod values;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use gristmill_track::{
    Experiment, ExperimentId, LeftOut, Lifecycle, MAX_EXPERIMENT_TAG_CHARS, NotTaken,
};

use self::meta::Meta;
use self::read::Entry;
use crate::{Error, Result};

pub(super) use meta::short;

/// Where experiments lie that were deleted.
const TRASH: &str = ".trash";
/// Where registered models lie in the root, and logged models in an experiment.
const MODELS: &str = "models";
/// What stands in the folder of an experiment beside its runs.
const RESERVED: [&str; 4] = ["tags", "datasets", "traces", MODELS];

/// A folder in which MLflow keeps everything, with its experiments read.
pub(super) struct FileStore {
    root: PathBuf,
    experiments: Vec<(Experiment, PathBuf)>,
    left_out: Vec<LeftOut>,
}

impl FileStore {
    /// The store in this folder.
    ///
    /// # Errors
    /// When there is neither an experiment nor a registered model in it.
    pub fn open(root: &Path) -> Result<Self> {
        let mut store = Self { root: root.into(), experiments: Vec::new(), left_out: Vec::new() };
        for folder in [root.to_path_buf(), root.join(TRASH)] {
            store.read_experiments(&folder);
        }
        let has_any = !store.experiments.is_empty()
            || !store.left_out.is_empty()
            || read::is_folder(&root.join(MODELS));
        if !has_any {
            let message = format!("`{}` is no store of MLflow's", root.display());
            return Err(Error::input(message).with_hint(
                "name the folder that has a folder with a `meta.yaml` for each experiment, \
                 usually `mlruns`",
            ));
        }
        store.experiments.sort_by_key(|(experiment, _)| experiment.id);
        Ok(store)
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    fn read_experiments(&mut self, folder: &Path) {
        if !read::is_folder(folder) {
            return;
        }
        for Entry { name, is_folder, .. } in read::entries(folder, &mut self.left_out) {
            let path = folder.join(&name);
            let is_number = name.bytes().all(|byte| byte.is_ascii_digit());
            if !is_folder || name == MODELS || (!is_number && !path.join("meta.yaml").exists()) {
                continue;
            }
            match self.read_experiment(&path, &name) {
                Ok(experiment) => self.experiments.push((experiment, path)),
                Err(why) => self.left_out.push(read::at(&path, why)),
            }
        }
    }

    fn read_experiment(&mut self, folder: &Path, name: &str) -> Result<Experiment, String> {
        let meta = Meta::of(folder)?;
        let id = meta.text("experiment_id").unwrap_or_else(|| name.into());
        if id != name {
            return Err(format!("`meta.yaml` is that of experiment {id}"));
        }
        let id: ExperimentId =
            id.parse().map_err(|error: gristmill_track::TrackError| error.to_string())?;
        if self.experiments.iter().any(|(known, _)| known.id == id) {
            return Err(format!("experiment {id} is in use and in the trash as well"));
        }
        let created = meta.moment("creation_time")?.unwrap_or_default();
        let named = meta.required("name")?;
        let what = format!("experiment `{named}`");
        let most = MAX_EXPERIMENT_TAG_CHARS;
        let tags = pairs(&folder.join("tags"), most, &what, &mut self.left_out);
        Ok(Experiment {
            id,
            name: named,
            lifecycle: lifecycle(&meta)?,
            created,
            updated: meta.moment("last_update_time")?.unwrap_or(created),
            artifact_location: meta.text("artifact_location"),
            tags,
        })
    }

    /// The experiments, and what of them cannot be taken over.
    pub fn experiments(&self, left_out: &mut Vec<LeftOut>) -> Vec<Experiment> {
        left_out.extend(self.left_out.iter().cloned());
        self.experiments.iter().map(|(experiment, _)| experiment.clone()).collect()
    }

    /// Traces, which have no place here.
    pub fn not_taken(&self) -> Vec<NotTaken> {
        let count_in = |folder: &Path| read::entries(&folder.join("traces"), &mut Vec::new()).len();
        let count: usize = self.experiments.iter().map(|(_, folder)| count_in(folder)).sum();
        let traces = NotTaken { what: "traces".into(), count: count as u64 };
        if count > 0 { vec![traces] } else { Vec::new() }
    }
}

/// Whether a thing is in use or put away; one that does not say is in use.
fn lifecycle(meta: &Meta) -> Result<Lifecycle, String> {
    match meta.text("lifecycle_stage") {
        None => Ok(Lifecycle::Active),
        Some(word) => Lifecycle::parse(&word).ok_or_else(|| {
            format!("`lifecycle_stage` is `{}`, expected `active` or `deleted`", short(&word))
        }),
    }
}

/// The texts of the small files in a folder by their names, which may have slashes. Those that cannot
/// be read are left out.
fn pairs(
    folder: &Path,
    most_chars: usize,
    what: &str,
    left_out: &mut Vec<LeftOut>,
) -> BTreeMap<String, String> {
    /// The most that one thing may have.
    const MOST: usize = 100_000;
    let mut pairs = BTreeMap::new();
    if !read::is_folder(folder) {
        return pairs;
    }
    let mut more = 0;
    let walked = read::walk(folder, left_out, &mut |name, path, _, left_out| {
        if pairs.len() == MOST {
            more += 1;
            return Ok(());
        }
        // A character has 4 bytes at most.
        match read::text(path, 4 * most_chars) {
            Ok(text) => drop(pairs.insert(name.to_string(), text)),
            Err(why) => left_out.push(LeftOut::new(format!("{what}: `{}`", path.display()), why)),
        }
        Ok(())
    });
    if more > 0 || walked.is_err() {
        let why = format!("there are more than {MOST}, of which the first were taken");
        left_out.push(LeftOut::new(format!("{what}: `{}`", folder.display()), why));
    }
    pairs
}
