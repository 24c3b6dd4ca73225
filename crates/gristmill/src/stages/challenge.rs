//! A new version asks for an alias: it and the version that holds the alias answer the same rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use gristmill_core::{FittedPipeline, Notes, Seed, Table, Task};
use gristmill_evaluate::{Metric, Split};
use gristmill_track::{
    ModelEvent, ModelVersion, NewEvent, Note, RunId, SentPromotion, WhatHappened, tags,
};
use serde_json::{Value, json};

use super::Shared;
use crate::comparison::{Comparison, Contender};
use crate::duel::{self, Answered, Scored, Terms};
use crate::file::{PromoteSection, PromoteWhen};
use crate::keeper::Keeper;
use crate::models::package_folder;
use crate::remote::{Champion, ItsRun, champion};
use crate::{Error, Kind, Result};

/// How often the printed interval holds the true difference, unless the file says how sure to be.
const CONFIDENCE: f64 = 0.95;

/// The table and which of its rows two models meet on.
pub(super) struct CommonRows {
    pub table: Arc<Table>,
    pub rows: Vec<u32>,
    /// The hash of the table's content.
    pub hash: String,
    /// Whether the new version has learned from them, because none were held out.
    pub learned: bool,
}

/// Finds these rows; asked only when two models meet.
pub(super) type FindCommonRows<'a> = &'a dyn Fn() -> Result<CommonRows>;

/// A new version that may take an alias.
pub(super) struct Challenge<'a> {
    pub shared: &'a Shared,
    pub keeper: &'a Keeper,
    pub promote: &'a PromoteSection,
    pub version: &'a ModelVersion,
    pub run: RunId,
    pub notes: &'a Notes,
}

/// What became of the alias, and what a server is told of it.
pub(super) struct Decision {
    /// What was compared, where another version held the alias.
    pub comparison: Option<Comparison>,
    /// What the run asks of the server that it is sent to.
    pub promotion: SentPromotion,
}

/// The version that holds the alias.
struct Holder {
    version: ModelVersion,
    /// What its run was told and noted, where somebody knows it.
    run: Option<ItsRun>,
}

impl Challenge<'_> {
    /// Moves the alias or records why it stays.
    pub fn decide(&self, common: FindCommonRows<'_>) -> Result<Decision> {
        let holder = self.holder()?;
        let champion = holder.as_ref().map(|holder| holder.version.digest.clone());
        let (comparison, why) = match (self.promote.when, holder) {
            (PromoteWhen::Always, _) => (None, "every new version is promoted".to_string()),
            (PromoteWhen::Better, None) => (None, "no version held it".to_string()),
            (PromoteWhen::Better, Some(holder)) if holder.version.digest == self.version.digest => {
                (None, "it holds it already".to_string())
            }
            (PromoteWhen::Better, Some(holder)) => {
                let comparison = self.meet(&holder, common)?;
                let words = comparison.words();
                (Some(comparison), words)
            }
        };
        let won = comparison.as_ref().is_none_or(|comparison| comparison.promoted);
        match won {
            true => self.take(&why)?,
            false => self.refuse(&why, json!({"comparison": comparison}))?,
        }
        let promotion = SentPromotion {
            alias: self.promote.alias.clone(),
            always: self.promote.when == PromoteWhen::Always,
            champion,
            won,
            why,
        };
        Ok(Decision { comparison, promotion })
    }

    /// The version that holds the alias on the server that the run is sent to; where there is none, or
    /// it cannot be asked, the one in this home.
    fn holder(&self) -> Result<Option<Holder>> {
        let (model, alias) = (&self.version.model, &self.promote.alias);
        if let Some(server) = &self.shared.server {
            match champion(server, &self.shared.home, self.keeper, model, alias) {
                Ok(None) => return Ok(None),
                Ok(Some(Champion { version, run })) => {
                    let number = version.version;
                    self.notes.add(format!("`{alias}` names version {number} on {server}"));
                    return Ok(Some(Holder { version, run }));
                }
                Err(error) if error.kind == Kind::Bug => return Err(error),
                Err(error) => self.notes.add(format!(
                    "`{alias}` is compared with as this home has it: {}",
                    error.message
                )),
            }
        }
        let Some(number) = self.own_holder()? else { return Ok(None) };
        let version = self.keeper.wait(|s| s.version(model, number))?;
        // A version outlives its run.
        let run = version.run.map(|run| self.keeper.find_or_none(run)).transpose()?.flatten();
        let run = run.map(|run| ItsRun { params: run.params, tags: run.tags });
        Ok(Some(Holder { version, run }))
    }

    /// The version that held the alias in this home when this run first asked for it: a run that is
    /// cut short after it moved the alias must meet the same version again when it goes on.
    fn own_holder(&self) -> Result<Option<u32>> {
        let alias = &self.promote.alias;
        let moved = self.own_events()?.into_iter().find(|event| {
            event.what == WhatHappened::AliasSet && event.alias.as_ref() == Some(alias)
        });
        if let Some(moved) = moved {
            return Ok(moved.previous);
        }
        let model = self.keeper.wait(|s| s.model(&self.version.model))?;
        Ok(model.aliases.get(alias).copied())
    }

    /// What this run has done about its version so far.
    fn own_events(&self) -> Result<Vec<ModelEvent>> {
        let ours = |event: &ModelEvent| {
            event.version == Some(self.version.version) && event.note.who == self.who()
        };
        let history = self.keeper.wait(|s| s.history(&self.version.model))?;
        Ok(history.into_iter().filter(ours).collect())
    }

    /// Both models answer the same rows; only a better score takes the alias.
    fn meet(&self, holder: &Holder, common: FindCommonRows<'_>) -> Result<Comparison> {
        let (common, ours) = (common()?, self.load(self.version)?);
        let metric = self.metric(&ours)?;
        let champion = &holder.version;
        let scored = match self.scored(&ours, champion, &common, metric) {
            // What the present holder cannot do is no mistake of this run: it keeps the alias, since
            // nothing shows that the new version is better.
            Err(error) if error.kind != Kind::Bug => Err(error.message),
            scored => Ok(scored?),
        };
        let mut comparison = self.comparison(champion, &common, metric, scored);
        if comparison.champion.score.is_some() {
            comparison.caveat = self.caveat(holder, &common)?;
        }
        Ok(comparison)
    }

    fn comparison(
        &self,
        champion: &ModelVersion,
        common: &CommonRows,
        metric: Metric,
        scored: Result<Scored, String>,
    ) -> Comparison {
        let contender =
            |version: &ModelVersion| Contender { version: version.version, score: None };
        let mut comparison = Comparison {
            alias: self.promote.alias.clone(),
            promoted: false,
            metric: metric.name().into(),
            rows: common.rows.len(),
            challenger: contender(self.version),
            champion: contender(champion),
            difference: None,
            reason: None,
            caveat: None,
        };
        match scored {
            Err(message) => {
                let (model, alias) = (&self.version.model, &self.promote.alias);
                comparison.reason = Some(format!(
                    "version {} cannot answer these rows: {message}; it keeps the alias until \
                     someone moves it: gristmill models promote {model} {} {alias}",
                    champion.version, self.version.version
                ));
            }
            Ok(scored) => {
                let (promoted, reason) = self.verdict(metric, &scored);
                comparison.promoted = promoted;
                comparison.reason = reason;
                comparison.challenger.score = Some(scored.ours);
                comparison.champion.score = Some(scored.theirs);
                comparison.difference = scored.difference;
            }
        }
        comparison
    }

    /// A better score wins; where the file says how sure to be, all of the interval must be better.
    fn verdict(&self, metric: Metric, scored: &Scored) -> (bool, Option<String>) {
        if !scored.is_better(metric) {
            return (false, None);
        }
        let Some(confidence) = self.promote.confidence else { return (true, None) };
        let sure = scored.is_surely_better(metric);
        let unsure = || format!("that is not sure enough for a confidence of {confidence}");
        (sure, (!sure).then(unsure))
    }

    /// The scores of both on the common rows, and the interval of their difference.
    fn scored(
        &self,
        ours: &FittedPipeline,
        champion: &ModelVersion,
        common: &CommonRows,
        metric: Metric,
    ) -> Result<Scored> {
        let theirs = self.load(champion)?;
        let CommonRows { table, rows, .. } = common;
        if ours.target().task() == Task::Unsupervised {
            return duel::unsupervised(ours, &theirs, table, rows, metric);
        }
        let terms = Terms {
            metric,
            confidence: self.promote.confidence.unwrap_or(CONFIDENCE),
            seed: Seed(self.shared.checked.file.seed).named("promotion"),
        };
        Answered::to(ours, &theirs, table, rows)?.scored(terms, self.groups(common)?.as_ref())
    }

    /// The places in `common.rows` of each group, where the split keeps groups together.
    fn groups(&self, common: &CommonRows) -> Result<Option<Vec<Vec<u32>>>> {
        let Some(split @ Split::Group { .. }) = &self.shared.data().split else { return Ok(None) };
        let groups = split.groups(&common.table.take(&common.rows)?)?;
        Ok(groups.filter(|groups| groups.len() > 1))
    }

    /// What makes the comparison less fair than it looks: rows that one of the two has learned from.
    fn caveat(&self, holder: &Holder, common: &CommonRows) -> Result<Option<String>> {
        if common.learned {
            return Ok(Some(
                "no rows were held out, so the new version has learned from these".into(),
            ));
        }
        let Some(theirs) = &holder.run else { return Ok(None) };
        let ours = self.keeper.wait(|s| s.run(self.run))?;
        let dealt = theirs.tags.get(tags::DATA_HASH) == Some(&common.hash)
            && split_settings(&theirs.params) == split_settings(&ours.params);
        Ok((!dealt).then(|| {
            format!(
                "version {} was trained on other rows or another split, so it may have learned from \
                 some of these",
                holder.version.version
            )
        }))
    }

    /// The metric that decides: the one named in `promote`, else the first that is required, else
    /// the first that is computed.
    fn metric(&self, ours: &FittedPipeline) -> Result<Metric> {
        let evaluate = &self.shared.checked.file.evaluate;
        let named = self.promote.metric.as_ref();
        let name =
            named.or_else(|| evaluate.require.keys().next()).or_else(|| evaluate.metrics.first());
        match name {
            Some(name) => Ok(Metric::named(name)?),
            None => Metric::defaults(ours.target().task()).into_iter().next().ok_or_else(|| {
                Error::input("`promote` compares models, and no metric is named")
                    .with_hint("name one: `promote: {alias: ..., metric: ...}`")
            }),
        }
    }

    fn load(&self, version: &ModelVersion) -> Result<FittedPipeline> {
        let folder = package_folder(self.keeper, version)?;
        Ok(gristmill_package::load(&folder, &self.shared.catalog)?.pipeline)
    }

    fn take(&self, why: &str) -> Result<()> {
        let note = self.note(why);
        let (model, version) = (&self.version.model, self.version.version);
        self.keeper.wait(|s| s.set_alias(model, &self.promote.alias, version, note))?;
        self.keeper.leave_alias(model, &self.promote.alias, version)
    }

    fn refuse(&self, why: &str, detail: Value) -> Result<()> {
        if self.own_events()?.iter().any(|event| event.what == WhatHappened::Refused) {
            return Ok(());
        }
        let event = NewEvent {
            what: WhatHappened::Refused,
            version: Some(self.version.version),
            run: Some(self.run),
            note: self.note(why),
            detail,
        };
        self.keeper.wait(|s| s.record_event(&self.version.model, event))
    }

    fn note(&self, why: &str) -> Note {
        Note::new(self.shared.now(), self.who(), why)
    }

    fn who(&self) -> String {
        format!("run {}", self.run)
    }
}

/// What decides which rows of a table are held out.
fn split_settings(params: &BTreeMap<String, String>) -> BTreeMap<&str, &str> {
    let decides = |name: &str| name.starts_with("data.split.") || name == "seed";
    let params = params.iter().filter(|(name, _)| decides(name));
    params.map(|(name, value)| (name.as_str(), value.as_str())).collect()
}
