//! What is known of a version and of all that it came from.

use std::collections::BTreeMap;

use gristmill_package::PackageInfo;
use gristmill_track::{
    AliasRule, LoggedModel, Model, ModelEvent, ModelVersion, Run, TaskRecord, TrackError,
};

use crate::evaluation::{self, Evaluation};
use crate::gc::hash_in;
use crate::job::known;
use crate::keeper::Keeper;
use crate::trials::{self, Trials};
use crate::{Error, Kind, Result};

/// What is known of a version.
pub(super) struct Lineage {
    pub model: Model,
    pub version: ModelVersion,
    /// The run that made it, unless that is unknown or gone.
    pub run: Option<Run>,
    pub tasks: Vec<TaskRecord>,
    pub logged_model: Option<LoggedModel>,
    pub package: Option<PackageInfo>,
    pub evaluation: Option<Evaluation>,
    /// What it took to answer with it, where that was weighed.
    pub serving: BTreeMap<String, f64>,
    pub events: Vec<ModelEvent>,
    pub rules: Vec<AliasRule>,
    /// What should be there and cannot be read.
    pub lost: Vec<String>,
}

impl Lineage {
    pub fn of(keeper: &Keeper, version: ModelVersion) -> Result<Self> {
        let name = version.model.clone();
        let mut lineage = Self {
            model: keeper.wait(|s| s.model(&name))?,
            run: version.run.map(|id| known(keeper, id)).transpose()?.flatten(),
            tasks: Vec::new(),
            logged_model: None,
            package: None,
            evaluation: None,
            serving: BTreeMap::new(),
            events: keeper.wait(|s| s.history(&name))?,
            rules: keeper.wait(|s| s.alias_rules(&name))?,
            lost: Vec::new(),
            version,
        };
        lineage.logged_model = lineage.logged_model(keeper)?;
        let package = package(keeper, &lineage.version);
        lineage.package = lineage.unless_lost("its package", package)?.flatten();
        if let Some(run) = lineage.run.clone() {
            lineage.of_run(keeper, &run)?;
        }
        Ok(lineage)
    }

    fn of_run(&mut self, keeper: &Keeper, run: &Run) -> Result<()> {
        self.tasks = keeper.wait(|s| s.tasks(run.info.id))?;
        let json = trials::artifact(keeper, run.info.id, evaluation::FILE);
        let found = json.and_then(|json| json.map(|j| Evaluation::from_json(&j)).transpose());
        self.evaluation = self.unless_lost("its evaluation", found)?.flatten();
        let found = Trials::of(keeper, run);
        let best = self.unless_lost("its search", found)?.and_then(|t| t.lines.into_iter().next());
        let weighed = best.into_iter().flat_map(|trial| trial.figures);
        self.serving.extend(weighed.filter(|(name, _)| name.starts_with("serving.")));
        Ok(())
    }

    fn logged_model(&self, keeper: &Keeper) -> Result<Option<LoggedModel>> {
        let Some(id) = self.version.logged_model.clone() else { return Ok(None) };
        keeper.wait(|s| async move {
            match s.logged_model(&id).await {
                Ok(model) => Ok(Some(model)),
                Err(TrackError::NotFound { .. }) => Ok(None),
                Err(error) => Err(error),
            }
        })
    }

    /// A card says that something cannot be read, and goes on.
    fn unless_lost<T>(&mut self, what: &str, found: Result<T>) -> Result<Option<T>> {
        match found {
            Ok(found) => Ok(Some(found)),
            Err(Error { kind: Kind::Bug, message, .. }) => Err(Error::bug(message)),
            Err(error) => {
                self.lost.push(format!("{what} cannot be read: {}", error.message));
                Ok(None)
            }
        }
    }
}

/// What the package says of itself. Only content of the home is opened: where a version stands, a
/// client may have said.
fn package(keeper: &Keeper, version: &ModelVersion) -> Result<Option<PackageInfo>> {
    let Some(hash) = hash_in(&version.path) else { return Ok(None) };
    let folder = keeper.wait_for(keeper.artifacts().local_path(hash))?;
    match folder.join("model.json").is_file() {
        true => Ok(Some(gristmill_package::describe(&folder)?)),
        false => Ok(None),
    }
}
