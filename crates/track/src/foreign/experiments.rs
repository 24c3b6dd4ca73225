//! Experiments of another store.

use std::collections::BTreeMap;

use super::table::{Cells, Column};
use super::{LeftOut, MlflowDatabase, moment};
use crate::{Experiment, ExperimentId, Lifecycle, MAX_EXPERIMENT_TAG_CHARS, MAX_KEY_CHARS, Result};

const NAME: Column = Column::Text("name", 500);
const PLACE: Column = Column::Text("artifact_location", 8000);
const LIFECYCLE: Column = Column::Text("lifecycle_stage", 32);
pub(super) const KEY: Column = Column::Text("key", MAX_KEY_CHARS);

impl MlflowDatabase {
    /// All experiments with their tags, by number; `artifact_location` is what the other store says.
    ///
    /// # Errors
    /// When the database cannot be read. A row that makes no sense goes to `left_out`.
    pub async fn experiments(&self, left_out: &mut Vec<LeftOut>) -> Result<Vec<Experiment>> {
        let columns = [
            Column::Whole("experiment_id"),
            NAME,
            PLACE,
            LIFECYCLE,
            Column::Whole("creation_time"),
            Column::Whole("last_update_time"),
        ];
        let mut sql = self.tables.select("experiments", &columns);
        sql.push_str(" WHERE 1 = 1");
        sql.push_str(self.tables.in_workspace("experiments"));
        sql.push_str(" ORDER BY experiment_id");
        let mut found = Vec::new();
        for cells in self.rows(sql, &[]).await? {
            match decode(&cells) {
                Ok(experiment) => found.push(experiment),
                Err(why) => {
                    let id = cells.whole("experiment_id").ok().flatten().unwrap_or_default();
                    left_out.push(LeftOut::new(format!("experiment {id}"), why));
                }
            }
        }
        for experiment in &mut found {
            let id = experiment.id.to_string();
            let what = format!("experiment `{}`", experiment.name);
            let value = Column::Text("value", MAX_EXPERIMENT_TAG_CHARS);
            let owner = ("experiment_tags", "experiment_id");
            experiment.tags = self.pairs(owner, &id, (KEY, value), &what, left_out).await?;
        }
        Ok(found)
    }

    /// The keys and values that a table has for the owner of this id.
    pub(super) async fn pairs(
        &self,
        (table, owner): (&'static str, &'static str),
        id: &str,
        (key, value): (Column, Column),
        what: &str,
        left_out: &mut Vec<LeftOut>,
    ) -> Result<BTreeMap<String, String>> {
        /// The most that one thing may have.
        const MOST: usize = 100_000;
        if !self.tables.has(table) {
            return Ok(BTreeMap::new());
        }
        let mut sql = self.tables.select(table, &[key, value]);
        sql.push_str(&format!(" WHERE {owner} = ?1"));
        sql.push_str(&format!(" LIMIT {}", MOST + 1));
        let rows = self.rows(sql, &[id]).await?;
        let (mut pairs, mut more) = (BTreeMap::new(), 0);
        for cells in &rows {
            if pairs.len() == MOST {
                more += 1;
                continue;
            }
            let name = cells.required(key);
            match name.clone().and_then(|name| Ok((name, cells.text(value)?.unwrap_or_default()))) {
                Ok((name, value)) => drop(pairs.insert(name, value)),
                Err(why) => {
                    let name = name.unwrap_or_default();
                    left_out.push(LeftOut::new(format!("{what}: `{name}` in `{table}`"), why));
                }
            }
        }
        if more > 0 {
            let why = format!("there are more than {MOST}, of which the first were taken");
            left_out.push(LeftOut::new(format!("{what}: `{table}`"), why));
        }
        Ok(pairs)
    }
}

fn decode(cells: &Cells) -> Result<Experiment, String> {
    let number = cells.whole("experiment_id")?.unwrap_or(-1);
    let id: Result<ExperimentId> = number.to_string().parse();
    let created = moment(cells.whole("creation_time")?).unwrap_or_default();
    Ok(Experiment {
        id: id.map_err(|error| error.to_string())?,
        name: cells.required(NAME)?,
        lifecycle: lifecycle(cells)?,
        created,
        updated: moment(cells.whole("last_update_time")?).unwrap_or(created),
        artifact_location: cells.text(PLACE)?,
        tags: BTreeMap::new(),
    })
}

/// Whether a row is in use or put away; one that says nothing is in use.
pub(super) fn lifecycle(cells: &Cells) -> Result<Lifecycle, String> {
    match cells.text(LIFECYCLE)? {
        None => Ok(Lifecycle::Active),
        Some(word) => Lifecycle::parse(&word).ok_or_else(|| {
            format!("`lifecycle_stage` is `{word}`, expected `active` or `deleted`")
        }),
    }
}

/// The column that [`lifecycle`] reads.
pub(super) const STAGE: Column = LIFECYCLE;
