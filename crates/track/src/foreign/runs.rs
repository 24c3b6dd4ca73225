//! Runs of another store, and what they logged.

use std::collections::BTreeMap;

use gristmill_core::Timestamp;

use super::experiments::{KEY, STAGE, lifecycle};
use super::table::{Cells, Column};
use super::{LeftOut, MlflowDatabase, moment};
use crate::{
    Dataset, DatasetInput, ExperimentId, MAX_KEY_CHARS, MAX_PARAM_CHARS, MAX_TAG_CHARS, Metric,
    ModelLink, ModelRole, Result, Run, RunId, RunInfo, RunStatus,
};

/// Values of metrics in one page.
const VALUES: usize = 4000;
/// Datasets and models of one run.
const LINKS: usize = 10_000;

const ID: Column = Column::Text("run_uuid", 64);
const NAME: Column = Column::Text("name", 8000);
const USER: Column = Column::Text("user_id", 1000);
const STATUS: Column = Column::Text("status", 32);
const PLACE: Column = Column::Text("artifact_uri", 8000);
const SOURCE_TYPE: Column = Column::Text("source_type", 64);
const SOURCE: Column = Column::Text("source_id", 64);
const TARGET: Column = Column::Text("destination_id", 64);
const TARGET_TYPE: Column = Column::Text("destination_type", 64);
const INPUT: Column = Column::Text("input_uuid", 64);

impl MlflowDatabase {
    /// The next runs behind the id `after`, by id, without what they logged; none at the end. With
    /// them comes the id behind which it goes on. `artifact_location` is what the other store says.
    ///
    /// # Errors
    /// When the database cannot be read. A row that makes no sense goes to `left_out`.
    pub async fn runs_after(
        &self,
        after: &str,
        left_out: &mut Vec<LeftOut>,
    ) -> Result<Option<(Vec<Run>, String)>> {
        let columns = [
            ID,
            NAME,
            USER,
            STATUS,
            PLACE,
            STAGE,
            Column::Whole("start_time"),
            Column::Whole("end_time"),
            Column::Whole("experiment_id"),
        ];
        let page = self.page_of("runs", &columns, ID, after, left_out).await?;
        let Some((rows, last)) = page else { return Ok(None) };
        let mut found = Vec::new();
        for cells in &rows {
            match decode(cells) {
                Ok(run) => found.push(run),
                Err(why) => {
                    let id = cells.text(ID).ok().flatten().unwrap_or_default();
                    left_out.push(LeftOut::new(format!("run `{id}`"), why));
                }
            }
        }
        Ok(Some((found, last)))
    }

    /// The run with its params, tags, inputs and outputs, and of each metric the latest value.
    ///
    /// # Errors
    /// As [`MlflowDatabase::runs_after`].
    pub async fn run_data(&self, run: Run, left_out: &mut Vec<LeftOut>) -> Result<Run> {
        let id = run.info.id.to_string();
        let what = format!("run {id}");
        let value = |most| Column::Text("value", most);
        let of = |table| (table, "run_uuid");
        let params = (KEY, value(MAX_PARAM_CHARS));
        let tags = (KEY, value(MAX_TAG_CHARS));
        Ok(Run {
            params: self.pairs(of("params"), &id, params, &what, left_out).await?,
            tags: self.pairs(of("tags"), &id, tags, &what, left_out).await?,
            metrics: self.latest(&id, left_out).await?,
            datasets: self.datasets(&id, left_out).await?,
            models: self.models_of(&id).await?,
            ..run
        })
    }

    async fn latest(
        &self,
        id: &str,
        left_out: &mut Vec<LeftOut>,
    ) -> Result<BTreeMap<String, Metric>> {
        if !self.tables.has("latest_metrics") {
            return Ok(BTreeMap::new());
        }
        let mut sql = self.tables.select("latest_metrics", &METRIC);
        sql.push_str(" WHERE run_uuid = ?1 LIMIT 100000");
        let mut found = BTreeMap::new();
        for cells in self.rows(sql, &[id]).await? {
            match metric(&cells) {
                Ok(metric) => drop(found.insert(metric.key.clone(), metric)),
                Err(why) => left_out.push(LeftOut::new(format!("run {id}: a metric"), why)),
            }
        }
        Ok(found)
    }

    /// The next values of metrics of a run in the order in which they were logged, and the place
    /// behind which it goes on; nothing at the end. It begins behind the place 0.
    ///
    /// # Errors
    /// As [`MlflowDatabase::runs_after`].
    pub async fn metrics_after(
        &self,
        run: RunId,
        after: i64,
        left_out: &mut Vec<LeftOut>,
    ) -> Result<Option<(Vec<Metric>, i64)>> {
        let [key, value, at, step, is_nan] = METRIC;
        let mut sql = self.tables.select("metrics", &[key, value, at, step, is_nan]);
        sql = sql.replacen("SELECT ", "SELECT rowid AS place, ", 1);
        let page = " WHERE run_uuid = ?1 AND rowid > CAST(?2 AS INTEGER) ORDER BY rowid LIMIT ";
        sql.push_str(&format!("{page}{VALUES}"));
        let rows = self.rows(sql, &[&run.to_string(), &after.to_string()]).await?;
        let place = rows.last().and_then(|cells| cells.whole("place").ok().flatten());
        let Some(last) = place else { return Ok(None) };
        let mut found = Vec::with_capacity(rows.len());
        for cells in &rows {
            match metric(cells) {
                Ok(metric) => found.push(metric),
                Err(why) => left_out.push(LeftOut::new(format!("run {run}: a metric"), why)),
            }
        }
        Ok(Some((found, last)))
    }

    /// How many values each metric of a run has.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn metric_counts(&self, run: RunId) -> Result<BTreeMap<String, u64>> {
        let mut sql = self.tables.select("metrics", &[KEY]);
        sql = sql.replacen("SELECT ", "SELECT count(*) AS n, ", 1);
        sql.push_str(" WHERE run_uuid = ?1 GROUP BY key LIMIT 100000");
        let mut counts = BTreeMap::new();
        for cells in self.rows(sql, &[&run.to_string()]).await? {
            let count = cells.whole("n").ok().flatten().unwrap_or_default();
            if let Ok(Some(key)) = cells.text(KEY) {
                counts.insert(key, count.unsigned_abs());
            }
        }
        Ok(counts)
    }

    async fn datasets(&self, id: &str, left_out: &mut Vec<LeftOut>) -> Result<Vec<DatasetInput>> {
        if !self.tables.has("inputs") || !self.tables.has("datasets") {
            return Ok(Vec::new());
        }
        let mut sql = self.tables.select("inputs", &[INPUT, SOURCE]);
        let only = " WHERE destination_id = ?1 AND destination_type = 'RUN' \
                    AND source_type = 'DATASET' ORDER BY rowid LIMIT ";
        sql.push_str(&format!("{only}{LINKS}"));
        let mut found = Vec::new();
        for link in self.rows(sql, &[id]).await? {
            let (Ok(Some(input)), Ok(Some(dataset))) = (link.text(INPUT), link.text(SOURCE)) else {
                continue;
            };
            let what = format!("run {id}: dataset `{dataset}`");
            match self.dataset(&dataset).await? {
                Ok(dataset) => {
                    let key = Column::Text("name", MAX_KEY_CHARS);
                    let value = Column::Text("value", MAX_TAG_CHARS);
                    let owner = ("input_tags", "input_uuid");
                    let tags = self.pairs(owner, &input, (key, value), &what, left_out).await?;
                    found.push(DatasetInput { dataset, tags });
                }
                Err(why) => left_out.push(LeftOut::new(what, why)),
            }
        }
        Ok(found)
    }

    async fn dataset(&self, id: &str) -> Result<Result<Dataset, String>> {
        const NAME: Column = Column::Text("name", 500);
        const DIGEST: Column = Column::Text("digest", 500);
        const KIND: Column = Column::Text("dataset_source_type", 500);
        const SOURCE: Column = Column::Text("dataset_source", 1_000_000);
        const SCHEMA: Column = Column::Text("dataset_schema", 4_000_000);
        const PROFILE: Column = Column::Text("dataset_profile", 17_000_000);
        let columns = [NAME, DIGEST, KIND, SOURCE, SCHEMA, PROFILE];
        let sql = self.tables.select("datasets", &columns) + " WHERE dataset_uuid = ?1 LIMIT 1";
        let rows = self.rows(sql, &[id]).await?;
        let Some(cells) = rows.first() else {
            return Ok(Err("it is named and not there".into()));
        };
        let read = || {
            Ok(Dataset {
                name: cells.required(NAME)?,
                digest: cells.required(DIGEST)?,
                source_type: cells.text(KIND)?.unwrap_or_default(),
                source: cells.text(SOURCE)?.unwrap_or_default(),
                schema: cells.text(SCHEMA)?,
                profile: cells.text(PROFILE)?,
            })
        };
        Ok(read())
    }

    /// The logged models that a run used or made.
    async fn models_of(&self, id: &str) -> Result<Vec<ModelLink>> {
        if !self.tables.has("inputs") {
            return Ok(Vec::new());
        }
        let columns = [SOURCE_TYPE, TARGET, TARGET_TYPE, Column::Whole("step")];
        let mut sql = self.tables.select("inputs", &columns);
        let only = " WHERE source_id = ?1 AND destination_type IN ('MODEL_INPUT', 'MODEL_OUTPUT') \
                    ORDER BY rowid LIMIT ";
        sql.push_str(&format!("{only}{LINKS}"));
        let mut found = Vec::new();
        for cells in self.rows(sql, &[id]).await? {
            let role = match cells.text(TARGET_TYPE).ok().flatten().as_deref() {
                Some("MODEL_INPUT") => ModelRole::Input,
                _ => ModelRole::Output,
            };
            if let Ok(Some(model)) = cells.text(TARGET) {
                let step = cells.whole("step").ok().flatten().unwrap_or_default();
                found.push(ModelLink { role, model, step });
            }
        }
        found.sort();
        Ok(found)
    }
}

const METRIC: [Column; 5] = [
    KEY,
    Column::Real("value"),
    Column::Whole("timestamp"),
    Column::Whole("step"),
    Column::Whole("is_nan"),
];

fn metric(cells: &Cells) -> Result<Metric, String> {
    let is_nan = cells.whole("is_nan")?.unwrap_or_default() != 0;
    let value = cells.real("value")?.unwrap_or(f64::NAN);
    let at = moment(cells.whole("timestamp")?).ok_or("`timestamp` is no moment")?;
    let step = cells.whole("step")?.unwrap_or_default();
    let value = if is_nan { f64::NAN } else { value };
    Ok(Metric { key: cells.required(KEY)?, value, step, at })
}

fn decode(cells: &Cells) -> Result<Run, String> {
    let id: Result<RunId> = cells.required(ID)?.parse();
    let number = cells.whole("experiment_id")?.unwrap_or_default();
    let experiment: Result<ExperimentId> = number.to_string().parse();
    let status = cells.text(STATUS)?.unwrap_or_else(|| "RUNNING".into());
    let info = RunInfo {
        id: id.map_err(|error| error.to_string())?,
        experiment: experiment.map_err(|error| error.to_string())?,
        name: cells.text(NAME)?.unwrap_or_default(),
        status: RunStatus::from_mlflow(&status)
            .ok_or_else(|| format!("`status` is `{status}`, expected one of MLflow's words"))?,
        lifecycle: lifecycle(cells)?,
        started: moment(cells.whole("start_time")?).unwrap_or(Timestamp(0)),
        ended: moment(cells.whole("end_time")?),
        kind: None,
        pipeline: None,
        source: None,
        error: None,
        parent: None,
        user: cells.text(USER)?.filter(|user| !user.is_empty()),
        artifact_location: cells.text(PLACE)?,
    };
    Ok(Run {
        info,
        params: BTreeMap::new(),
        metrics: BTreeMap::new(),
        tags: BTreeMap::new(),
        datasets: Vec::new(),
        models: Vec::new(),
    })
}
