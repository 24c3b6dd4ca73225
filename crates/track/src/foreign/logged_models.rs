//! Logged models of another store.

use std::collections::BTreeMap;

use super::experiments::{STAGE, lifecycle};
use super::table::{Cells, Column};
use super::{ForeignModel, LeftOut, MlflowDatabase, moment};
use crate::{
    ExperimentId, LoggedModel, LoggedModelStatus, MAX_KEY_CHARS, MAX_MODEL_TAG_CHARS,
    MAX_PARAM_CHARS, Measured, Metric, Result, RunId,
};

/// The most that may have been measured on one.
const MEASURED: usize = 20_000;

const ID: Column = Column::Text("model_id", MAX_KEY_CHARS);
const NAME: Column = Column::Text("name", 500);
const PLACE: Column = Column::Text("artifact_location", 8000);
const KIND: Column = Column::Text("model_type", 1000);
const RUN: Column = Column::Text("source_run_id", 64);
const MESSAGE: Column = Column::Text("status_message", 8000);

impl MlflowDatabase {
    /// The next logged models behind the id `after`, by id, with all that belongs to them, and the
    /// id behind which it goes on; nothing at the end.
    ///
    /// # Errors
    /// When the database cannot be read. What makes no sense goes to `left_out`.
    pub async fn logged_models_after(
        &self,
        after: &str,
        left_out: &mut Vec<LeftOut>,
    ) -> Result<Option<(Vec<ForeignModel<LoggedModel>>, String)>> {
        if !self.tables.has("logged_models") {
            return Ok(None);
        }
        let columns = [
            ID,
            NAME,
            PLACE,
            KIND,
            RUN,
            MESSAGE,
            STAGE,
            Column::Whole("experiment_id"),
            Column::Whole("status"),
            Column::Whole("creation_timestamp_ms"),
            Column::Whole("last_updated_timestamp_ms"),
        ];
        let page = self.page_of("logged_models", &columns, ID, after, left_out).await?;
        let Some((rows, last)) = page else { return Ok(None) };
        let mut found = Vec::new();
        for cells in &rows {
            match decode(cells) {
                Ok(mut model) => {
                    self.fill(&mut model.model, left_out).await?;
                    found.push(model);
                }
                Err(why) => {
                    let id = cells.text(ID).ok().flatten().unwrap_or_default();
                    left_out.push(LeftOut::new(format!("logged model `{id}`"), why));
                }
            }
        }
        Ok(Some((found, last)))
    }

    async fn fill(&self, model: &mut LoggedModel, left_out: &mut Vec<LeftOut>) -> Result<()> {
        let id = model.id.clone();
        let what = format!("logged model {id}");
        let of = |table| (table, "model_id");
        let tag = |name, most| Column::Text(name, most);
        let tags = (tag("tag_key", MAX_KEY_CHARS), tag("tag_value", MAX_MODEL_TAG_CHARS));
        let params = (tag("param_key", MAX_KEY_CHARS), tag("param_value", MAX_PARAM_CHARS));
        model.tags = self.pairs(of("logged_model_tags"), &id, tags, &what, left_out).await?;
        model.params = self.pairs(of("logged_model_params"), &id, params, &what, left_out).await?;
        model.metrics = self.measured(&id, &what, left_out).await?;
        Ok(())
    }

    async fn measured(
        &self,
        id: &str,
        what: &str,
        left_out: &mut Vec<LeftOut>,
    ) -> Result<Vec<Measured>> {
        if !self.tables.has("logged_model_metrics") {
            return Ok(Vec::new());
        }
        let mut sql = self.tables.select("logged_model_metrics", &METRIC);
        let order = " WHERE model_id = ?1 ORDER BY metric_timestamp_ms, metric_step LIMIT ";
        sql.push_str(&format!("{order}{}", MEASURED + 1));
        let mut found = Vec::new();
        for cells in self.rows(sql, &[id]).await? {
            match measured(&cells) {
                Ok(measured) => found.push(measured),
                Err(why) => left_out.push(LeftOut::new(format!("{what}: a metric"), why)),
            }
        }
        if found.len() > MEASURED {
            found.truncate(MEASURED);
            let why =
                format!("there are more than {MEASURED} values, of which the first were taken");
            left_out.push(LeftOut::new(format!("{what}: metrics"), why));
        }
        Ok(found)
    }
}

const KEY: Column = Column::Text("metric_name", MAX_KEY_CHARS);
const METRIC_RUN: Column = Column::Text("run_id", 64);
const DATASET: Column = Column::Text("dataset_name", 500);
const DIGEST: Column = Column::Text("dataset_digest", 500);
const METRIC: [Column; 7] = [
    KEY,
    METRIC_RUN,
    DATASET,
    DIGEST,
    Column::Whole("metric_timestamp_ms"),
    Column::Whole("metric_step"),
    Column::Real("metric_value"),
];

fn measured(cells: &Cells) -> Result<Measured, String> {
    let run: Result<RunId> = cells.required(METRIC_RUN)?.parse();
    let metric = Metric {
        key: cells.required(KEY)?,
        value: cells.real("metric_value")?.unwrap_or(f64::NAN),
        step: cells.whole("metric_step")?.unwrap_or_default(),
        at: moment(cells.whole("metric_timestamp_ms")?)
            .ok_or("`metric_timestamp_ms` is no moment")?,
    };
    let dataset = cells
        .text(DATASET)?
        .map(|name| Ok::<_, String>((name, cells.text(DIGEST)?.unwrap_or_default())));
    Ok(Measured { run: run.map_err(|e| e.to_string())?, metric, dataset: dataset.transpose()? })
}

fn decode(cells: &Cells) -> Result<ForeignModel<LoggedModel>, String> {
    let number = cells.whole("experiment_id")?.unwrap_or_default();
    let experiment: Result<ExperimentId> = number.to_string().parse();
    let run = cells.text(RUN)?.filter(|run| !run.is_empty()).map(|run| run.parse::<RunId>());
    let created = moment(cells.whole("creation_timestamp_ms")?).unwrap_or_default();
    let model = LoggedModel {
        id: cells.required(ID)?,
        experiment: experiment.map_err(|error| error.to_string())?,
        name: cells.required(NAME)?,
        model_type: cells.text(KIND)?.filter(|kind| !kind.is_empty()),
        run: run.transpose().map_err(|error| error.to_string())?,
        status: LoggedModelStatus::from_mlflow(cells.whole("status")?.unwrap_or_default())
            .ok_or("`status` is none of MLflow's numbers")?,
        status_message: cells.text(MESSAGE)?,
        lifecycle: lifecycle(cells)?,
        created,
        updated: moment(cells.whole("last_updated_timestamp_ms")?).unwrap_or(created),
        tags: BTreeMap::new(),
        params: BTreeMap::new(),
        metrics: Vec::new(),
    };
    Ok(ForeignModel { model, place: cells.text(PLACE)? })
}
