//! Registered models of another store, with their versions.

use std::collections::BTreeMap;

use super::experiments::KEY;
use super::table::{Cells, Column};
use super::{LeftOut, MlflowDatabase, moment};
use crate::{
    AdoptedModel, Gate, MAX_KEY_CHARS, MAX_MODEL_TAG_CHARS, Model, ModelVersion, Note, Result,
    RunId, Stage, VersionStatus,
};

/// The most versions that a model may have.
const VERSIONS: usize = 50_000;
/// What MLflow calls the stage of a version that was deleted.
const DELETED: &str = "Deleted_Internal";

const NAME: Column = Column::Text("name", 500);
const DESCRIPTION: Column = Column::Text("description", 100_000);
const ALIAS: Column = Column::Text("alias", MAX_KEY_CHARS);
const USER: Column = Column::Text("user_id", 1000);
const STAGE: Column = Column::Text("current_stage", 64);
const SOURCE: Column = Column::Text("source", 8000);
const RUN: Column = Column::Text("run_id", 64);
const STATUS: Column = Column::Text("status", 64);
const MESSAGE: Column = Column::Text("status_message", 8000);
const LINK: Column = Column::Text("run_link", 8000);
const PLACE: Column = Column::Text("storage_location", 8000);
const VALUE: Column = Column::Text("value", MAX_MODEL_TAG_CHARS);

impl MlflowDatabase {
    /// The names of all registered models.
    ///
    /// # Errors
    /// When the database cannot be read. What makes no sense goes to `left_out`.
    pub async fn model_names(&self, left_out: &mut Vec<LeftOut>) -> Result<Vec<String>> {
        if !self.tables.has("registered_models") {
            return Ok(Vec::new());
        }
        let mut sql = self.tables.select("registered_models", &[NAME]);
        sql.push_str(" WHERE 1 = 1");
        sql.push_str(self.tables.in_workspace("registered_models"));
        sql.push_str(" ORDER BY name");
        let mut found = Vec::new();
        for cells in self.rows(sql, &[]).await? {
            match cells.required(NAME) {
                Ok(name) => found.push(name),
                Err(why) => left_out.push(LeftOut::new("a registered model", why)),
            }
        }
        Ok(found)
    }

    /// The registered model of this name with its versions, each with the place of its files as its
    /// `path`. Nothing when it makes no sense or is gone, which then stands in `left_out`.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn registered_model(
        &self,
        name: &str,
        left_out: &mut Vec<LeftOut>,
    ) -> Result<Option<AdoptedModel>> {
        let what = format!("registered model `{name}`");
        let columns =
            [DESCRIPTION, Column::Whole("creation_time"), Column::Whole("last_updated_time")];
        let mut sql = self.tables.select("registered_models", &columns) + " WHERE name = ?1";
        sql.push_str(self.tables.in_workspace("registered_models"));
        let rows = self.rows(sql, &[name]).await?;
        let read = rows.first().ok_or("it is gone".to_string()).and_then(|row| model(name, row));
        let mut model = match read {
            Ok(model) => model,
            Err(why) => {
                left_out.push(LeftOut::new(what, why));
                return Ok(None);
            }
        };
        let owner = ("registered_model_tags", "name");
        model.tags = self.pairs(owner, name, (KEY, VALUE), &what, left_out).await?;
        model.aliases = self.aliases(name, &what, left_out).await?;
        let (versions, last_version) = self.versions(name, &what, left_out).await?;
        Ok(Some(AdoptedModel { model, versions, last_version, note: Note::default() }))
    }

    async fn aliases(
        &self,
        name: &str,
        what: &str,
        left_out: &mut Vec<LeftOut>,
    ) -> Result<BTreeMap<String, u32>> {
        const TABLE: &str = "registered_model_aliases";
        let mut found = BTreeMap::new();
        if !self.tables.has(TABLE) {
            return Ok(found);
        }
        let columns = [ALIAS, Column::Whole("version")];
        let mut sql = self.tables.select(TABLE, &columns) + " WHERE name = ?1";
        sql.push_str(self.tables.in_workspace(TABLE));
        sql.push_str(" LIMIT 10000");
        for cells in self.rows(sql, &[name]).await? {
            let read = cells.required(ALIAS).and_then(|alias| Ok((alias, number(&cells)?)));
            match read {
                Ok((alias, number)) => drop(found.insert(alias, number)),
                Err(why) => left_out.push(LeftOut::new(format!("{what}: an alias"), why)),
            }
        }
        Ok(found)
    }

    /// The versions that are there, and the greatest number of all that ever were.
    async fn versions(
        &self,
        name: &str,
        what: &str,
        left_out: &mut Vec<LeftOut>,
    ) -> Result<(Vec<ModelVersion>, u32)> {
        let columns = [
            DESCRIPTION,
            USER,
            STAGE,
            SOURCE,
            RUN,
            STATUS,
            MESSAGE,
            LINK,
            PLACE,
            Column::Whole("version"),
            Column::Whole("creation_time"),
            Column::Whole("last_updated_time"),
        ];
        let mut sql = self.tables.select("model_versions", &columns) + " WHERE name = ?1";
        sql.push_str(self.tables.in_workspace("model_versions"));
        sql.push_str(&format!(" ORDER BY version LIMIT {}", VERSIONS + 1));
        let rows = self.rows(sql, &[name]).await?;
        let (mut found, mut last) = (Vec::new(), 0);
        for cells in rows.iter().take(VERSIONS) {
            match version(name, cells) {
                Ok(Some(version)) => {
                    last = last.max(version.version);
                    found.push(version);
                }
                Ok(None) => last = last.max(number(cells).unwrap_or_default()),
                Err(why) => {
                    let number = cells.whole("version").ok().flatten().unwrap_or_default();
                    left_out.push(LeftOut::new(format!("{what}: version {number}"), why));
                }
            }
        }
        if rows.len() > VERSIONS {
            let why = format!("there are more than {VERSIONS}, of which the first were taken");
            left_out.push(LeftOut::new(format!("{what}: versions"), why));
        }
        self.version_tags(name, &mut found, what, left_out).await?;
        Ok((found, last))
    }

    async fn version_tags(
        &self,
        name: &str,
        versions: &mut [ModelVersion],
        what: &str,
        left_out: &mut Vec<LeftOut>,
    ) -> Result<()> {
        const TABLE: &str = "model_version_tags";
        if !self.tables.has(TABLE) {
            return Ok(());
        }
        let only = self.tables.in_workspace(TABLE);
        for version in versions {
            let mut sql = self.tables.select(TABLE, &[KEY, VALUE]);
            sql.push_str(" WHERE name = ?1 AND version = CAST(?2 AS INTEGER)");
            sql.push_str(only);
            sql.push_str(" LIMIT 10000");
            for cells in self.rows(sql, &[name, &version.version.to_string()]).await? {
                let key = cells.required(KEY);
                match key.and_then(|key| Ok((key, cells.text(VALUE)?.unwrap_or_default()))) {
                    Ok((key, value)) => drop(version.tags.insert(key, value)),
                    Err(why) => {
                        let what = format!("{what}: a tag of version {}", version.version);
                        left_out.push(LeftOut::new(what, why));
                    }
                }
            }
        }
        Ok(())
    }
}

fn model(name: &str, cells: &Cells) -> Result<Model, String> {
    let created = moment(cells.whole("creation_time")?).unwrap_or_default();
    Ok(Model {
        name: name.into(),
        created,
        updated: moment(cells.whole("last_updated_time")?).unwrap_or(created),
        description: cells.text(DESCRIPTION)?.unwrap_or_default(),
        tags: BTreeMap::new(),
        aliases: BTreeMap::new(),
        newest: None,
    })
}

fn number(cells: &Cells) -> Result<u32, String> {
    let number = cells.whole("version")?.unwrap_or_default();
    match u32::try_from(number) {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(format!("`version` is {number}, expected a number from 1 on")),
    }
}

/// The version in a row; nothing for one that was deleted.
fn version(name: &str, cells: &Cells) -> Result<Option<ModelVersion>, String> {
    let stage = cells.text(STAGE)?.unwrap_or_else(|| "None".into());
    if stage == DELETED {
        return Ok(None);
    }
    let source = cells.text(SOURCE)?.filter(|source| !source.is_empty());
    let status = cells.text(STATUS)?.unwrap_or_else(|| "READY".into());
    let created = moment(cells.whole("creation_time")?).unwrap_or_default();
    Ok(Some(ModelVersion {
        model: name.into(),
        version: number(cells)?,
        run: cells.text(RUN)?.and_then(|run| run.parse::<RunId>().ok()),
        path: cells.text(PLACE)?.unwrap_or_default(),
        digest: String::new(),
        logged_model: source.as_deref().and_then(logged_model),
        source,
        run_link: cells.text(LINK)?.filter(|link| !link.is_empty()),
        metrics: serde_json::Value::Null,
        gate: Gate::None,
        created,
        updated: moment(cells.whole("last_updated_time")?).unwrap_or(created),
        who: cells.text(USER)?.unwrap_or_default(),
        description: cells.text(DESCRIPTION)?.unwrap_or_default(),
        stage: Stage::parse(&stage).ok_or_else(|| format!("`current_stage` is `{stage}`"))?,
        status: VersionStatus::from_mlflow(&status)
            .ok_or_else(|| format!("`status` is `{status}`, expected one of MLflow's words"))?,
        status_message: cells.text(MESSAGE)?,
        tags: BTreeMap::new(),
        aliases: Vec::new(),
    }))
}

/// The logged model that a source names.
fn logged_model(source: &str) -> Option<String> {
    let id = source.strip_prefix("models:/")?;
    (id.starts_with("m-") && !id.contains(['/', '@'])).then(|| id.to_string())
}
