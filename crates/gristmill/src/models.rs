//! Looking at registered models and moving their aliases.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::{Path, PathBuf};

use gristmill_core::{Clock, Timestamp};
pub use gristmill_track::{
    AbTest, AliasRule, Approval, Canary, StartedTest, TestTotals, TrafficPlan, VersionRef,
};
use gristmill_track::{Model, ModelEvent, ModelVersion, Page, TrackError};

use serde::Serialize;

mod traffic;

pub use self::traffic::{TrafficReport, set_traffic, traffic};
pub use crate::card::{ModelCard, card};
use crate::keeper::{Keeper, by_hand};
use crate::{ARTIFACTS, Error, Home, Kind, Result, snapshot};

/// The alias that a bare model name stands for, when some version holds it.
pub const CHAMPION: &str = gristmill_track::CHAMPION;

/// The longest list that is shown whole.
const MANY: Page = Page { limit: 1_000, offset: 0 };

/// A model as `models list` shows it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelSummary {
    /// Its name.
    pub name: String,
    /// The number of its newest version.
    pub newest: Option<u32>,
    /// Which version holds each alias.
    pub aliases: BTreeMap<String, u32>,
}

/// A version as `models show` shows it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VersionSummary {
    /// The model.
    pub model: String,
    /// Its number.
    pub version: u32,
    /// When it was registered.
    pub registered: Timestamp,
    /// The aliases that it holds.
    pub aliases: Vec<String>,
    /// Its scores on the test rows.
    pub metrics: BTreeMap<String, f64>,
    /// The run that made it.
    pub run_id: Option<String>,
    /// Where its package stands.
    pub path: String,
    /// The hash of its content.
    pub digest: String,
}

/// One line of a model's history.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HistoryLine {
    /// When it happened.
    pub at: Timestamp,
    /// What happened, to which version, by whom and why.
    pub words: String,
    /// Its place in the history, from 1.
    pub number: u64,
    /// What happened, such as `alarm`.
    pub what: String,
    /// The version that it is about.
    pub version: Option<u32>,
    /// The alias that moved.
    pub alias: Option<String>,
    /// The version that the alias named before.
    pub previous: Option<u32>,
    /// The run that it is about.
    pub run: Option<String>,
    /// By whom.
    pub who: String,
    /// Why.
    pub why: String,
    /// All that is known of it, such as what was found, or how two versions compared; else null.
    pub detail: serde_json::Value,
}

impl HistoryLine {
    fn of(event: ModelEvent) -> Self {
        Self {
            at: event.note.at,
            words: words(&event),
            number: event.number,
            what: event.what.to_string(),
            version: event.version,
            alias: event.alias,
            previous: event.previous,
            run: event.run.map(|run| run.to_string()),
            who: event.note.who,
            why: event.note.why,
            detail: event.detail,
        }
    }
}

/// All models by name.
///
/// # Errors
/// When the store cannot be read.
pub fn list(home: &Home) -> Result<Vec<ModelSummary>> {
    let keeper = Keeper::open(home)?;
    let found = keeper.wait(|s| s.models(MANY))?;
    let summary = |m: Model| ModelSummary { name: m.name, newest: m.newest, aliases: m.aliases };
    Ok(found.into_iter().map(summary).collect())
}

/// The versions of a model, newest first.
///
/// # Errors
/// When there is no such model.
pub fn versions(home: &Home, name: &str) -> Result<Vec<VersionSummary>> {
    let keeper = Keeper::open(home)?;
    keeper.wait(|s| s.model(name))?;
    keeper.wait(|s| s.versions(name, MANY))?.into_iter().map(summary).collect()
}

fn summary(version: ModelVersion) -> Result<VersionSummary> {
    let metrics = match version.metrics {
        serde_json::Value::Null => BTreeMap::new(),
        stored => serde_json::from_value(stored).map_err(|e| {
            let (model, version) = (&version.model, version.version);
            let found = format!("the scores of `{model}` version {version} are damaged: {e}");
            Error::new(Kind::Stored, found)
        })?,
    };
    Ok(VersionSummary {
        model: version.model,
        version: version.version,
        registered: version.created,
        aliases: version.aliases,
        metrics,
        run_id: version.run.map(|r| r.to_string()),
        path: version.path,
        digest: version.digest,
    })
}

/// Gives `alias` to a version.
///
/// # Errors
/// When there is no such version; of the kind `Refused` when the alias has a rule that does not allow it.
pub fn promote(home: &Home, name: &str, version: u32, alias: &str, why: &str) -> Result<()> {
    let keeper = Keeper::open(home)?;
    keeper.wait(|s| approved(s.set_alias(name, alias, version, by_hand(why))))??;
    keeper.leave_alias(name, alias, version)
}

/// Gives `alias` back to the version that held it before, and says which that is.
///
/// # Errors
/// When no other version held it; of the kind `Refused` when the alias has a rule that does not allow it.
pub fn rollback(home: &Home, name: &str, alias: &str, why: &str) -> Result<u32> {
    let keeper = Keeper::open(home)?;
    let version = keeper.wait(|s| approved(s.roll_back(name, alias, by_hand(why))))??.version;
    keeper.leave_alias(name, alias, version)?;
    Ok(version)
}

/// What a move of an alias came to. A rule that does not allow it refuses it as a gate does.
async fn approved<T>(
    moved: impl Future<Output = Result<T, TrackError>>,
) -> Result<Result<T>, TrackError> {
    match moved.await {
        Err(refused @ TrackError::NotApproved { .. }) => {
            Ok(Err(Error { kind: Kind::Refused, ..Error::from(refused) }))
        }
        other => other.map(Ok),
    }
}

/// What an alias named at a moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Served {
    /// The model.
    pub model: String,
    /// The alias.
    pub alias: String,
    /// The moment.
    pub at: Timestamp,
    /// The move by which the alias named a version then; nothing when it named none.
    #[serde(rename = "move")]
    pub by: Option<ModelEvent>,
    /// That move in words.
    #[serde(skip)]
    pub words: Option<String>,
}

/// What `alias` named at `at`, or now, and who let it.
///
/// # Errors
/// When there is no such model.
pub fn served(
    home: &Home,
    name: &str,
    alias: &str,
    at: Option<Timestamp>,
    clock: &dyn Clock,
) -> Result<Served> {
    let keeper = Keeper::open(home)?;
    let at = at.unwrap_or_else(|| clock.now());
    let by = keeper.wait(|s| s.alias_at(name, alias, at))?;
    let words = by.as_ref().map(words);
    Ok(Served { model: name.into(), alias: alias.into(), at, by, words })
}

/// The rules of a model's aliases by alias.
///
/// # Errors
/// When there is no such model.
pub fn rules(home: &Home, name: &str) -> Result<Vec<AliasRule>> {
    Keeper::open(home)?.wait(|s| s.alias_rules(name))
}

/// Lays down what `alias` needs from now on before it moves: one of `approvals`; nothing when there
/// is none.
///
/// # Errors
/// When there is no such model, or a name cannot be stored.
pub fn set_rule(
    home: &Home,
    name: &str,
    alias: &str,
    approvals: Vec<Approval>,
    why: &str,
) -> Result<AliasRule> {
    let keeper = Keeper::open(home)?;
    let rule = AliasRule { model: name.into(), alias: alias.into(), approvals };
    keeper.wait(|s| s.set_alias_rule(rule.clone(), by_hand(why)))?;
    Ok(rule)
}

/// Everything that happened to a model, oldest first.
///
/// # Errors
/// When there is no such model.
pub fn history(home: &Home, name: &str) -> Result<Vec<HistoryLine>> {
    let keeper = Keeper::open(home)?;
    keeper.wait(|s| s.model(name))?;
    let events = keeper.wait(|s| s.history(name))?;
    Ok(events.into_iter().map(HistoryLine::of).collect())
}

pub(crate) fn words(event: &ModelEvent) -> String {
    let mut words = Vec::new();
    if let Some(version) = event.version {
        words.push(format!("version {version}"));
    }
    words.push(event.what.to_string());
    if let Some(alias) = &event.alias {
        words.push(format!("`{alias}`"));
    }
    if let Some(previous) = event.previous {
        words.push(format!("(before: version {previous})"));
    }
    if !event.note.who.is_empty() {
        words.push(format!("by {}", event.note.who));
    }
    let mut line = words.join(" ");
    if !event.note.why.is_empty() {
        line.push_str(&format!(": {}", event.note.why));
    }
    line
}

/// The folder of the package that `reference` means: `name` (its champion, else the newest
/// version), `name@alias`, `name/version`, or a path.
///
/// # Errors
/// When there is no such model, alias, version or folder.
pub fn package_path(home: &Home, reference: &str) -> Result<PathBuf> {
    let as_path = Path::new(reference);
    if as_path.join("model.json").is_file() {
        return Ok(as_path.into());
    }
    let keeper = Keeper::open(home)?;
    let found = referred(&keeper, reference)?;
    package_folder(&keeper, &found)
}

/// Where the package of a version can be opened on this machine: it is fetched if need be.
///
/// # Errors
/// When neither this machine nor the place of the artifacts has it.
pub(crate) fn package_folder(keeper: &Keeper, version: &ModelVersion) -> Result<PathBuf> {
    let path = Path::new(&version.path);
    let Some(hash) = snapshot::hash_in(path).filter(|_| !path.is_dir()) else {
        return Ok(path.into());
    };
    keeper
        .wait_for(async {
            match keeper.artifacts().local_path(hash).await {
                Ok(folder) => Ok(Some(folder)),
                Err(TrackError::NotFound { .. }) => Ok(None),
                Err(error) => Err(error),
            }
        })?
        .ok_or_else(|| not_here(version))
}

fn not_here(version: &ModelVersion) -> Error {
    let (model, number) = (&version.model, version.version);
    let found = format!(
        "the package of `{model}` version {number} is kept at `{}`, which is not here",
        version.path
    );
    Error::input(found).with_hint(format!(
        "set {ARTIFACTS} to the place where all machines keep artifacts, and train it again if that \
         has none of it"
    ))
}

/// The version that `reference` means: `name` (its champion, else the newest version), `name@alias`
/// or `name/version`.
pub(crate) fn referred(keeper: &Keeper, reference: &str) -> Result<ModelVersion> {
    if let Some((name, alias)) = reference.split_once('@') {
        keeper.wait(|s| s.aliased(name, alias))
    } else if let Some((name, version)) = versioned(reference) {
        keeper.wait(|s| s.version(name, version))
    } else {
        champion_or_newest(keeper, reference)
    }
}

/// The name and the number in `name/version`.
pub fn versioned(reference: &str) -> Option<(&str, u32)> {
    let (name, version) = reference.rsplit_once('/')?;
    Some((name, version.parse().ok()?))
}

fn champion_or_newest(keeper: &Keeper, name: &str) -> Result<ModelVersion> {
    let model = match keeper.wait(|s| s.model(name)) {
        Ok(model) => model,
        Err(error) if name.contains(['/', '.']) => {
            return Err(Error::input(format!("`{name}` is neither a package nor a model"))
                .with_hint(format!("a package is a folder with a model.json; {}", error.message)));
        }
        Err(error) => return Err(known_models(keeper, name, error)),
    };
    match model.aliases.get(CHAMPION) {
        Some(&version) => keeper.wait(|s| s.version(name, version)),
        None => keeper.wait(|s| s.newest_version(name)),
    }
}

fn known_models(keeper: &Keeper, name: &str, error: Error) -> Error {
    let Ok(models) = keeper.wait(|s| s.models(MANY)) else { return error };
    let names: Vec<String> = models.into_iter().map(|m| m.name).collect();
    match gristmill_core::nearest(name, &names) {
        Some(near) => error.with_hint(format!("did you mean `{near}`?")),
        None if names.is_empty() => error.with_hint("no model is registered in this home yet"),
        None => error.with_hint(format!("registered are {}", names.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use gristmill_track::{NewVersion, Webhook, WebhookEvent, WebhookStatus};

    use super::*;

    #[test]
    fn moves_on_the_command_line_are_left_for_webhooks() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path());
        let keeper = Keeper::open(&home).unwrap();
        let at = Timestamp(5);
        let webhook = Webhook {
            id: "w".into(),
            name: "w".into(),
            url: "https://example.com".into(),
            description: String::new(),
            secret: None,
            status: WebhookStatus::Active,
            events: vec![WebhookEvent::AliasCreated],
            created: at,
            updated: at,
        };
        keeper.wait(|s| s.create_webhook(webhook)).unwrap();
        for digest in ["d1", "d2"] {
            let new = NewVersion::new("churn", digest, "p", by_hand(""));
            keeper.wait(|s| s.register(new)).unwrap();
        }
        promote(&home, "churn", 1, CHAMPION, "").unwrap();
        promote(&home, "churn", 2, CHAMPION, "").unwrap();
        assert_eq!(rollback(&home, "churn", CHAMPION, "").unwrap(), 1);
        let left = keeper.wait(|s| s.take_untold(10)).unwrap();
        let versions: Vec<_> = left.iter().map(|untold| untold.version).collect();
        assert_eq!(versions, [Some(1), Some(2), Some(1)]);
        assert!(left.iter().all(|untold| untold.alias.as_deref() == Some(CHAMPION)));
    }
}
