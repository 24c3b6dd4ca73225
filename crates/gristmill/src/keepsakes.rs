//! What a run leaves beside its scores for whoever looks at it later: which data it used, how its model
//! learned round by round, what its commands printed, its report.

use std::collections::BTreeMap;
use std::path::Path;

use gristmill_core::Timestamp;
use gristmill_flow::RunReport as FlowReport;
use gristmill_track::{Batch, Dataset, DatasetInput, tags};
use serde_json::{Value, json};

use crate::check::Checked;
use crate::evaluation::Evaluation;
use crate::recorder::Recorder;
use crate::{Result, page, tasks};

/// The name of a run's report among its artifacts.
const REPORT: &str = "report.html";
/// The folder of what its commands printed.
const LOGS: &str = "logs";
/// How much of the hash of a table its dataset is known by: MLflow's digests are that short. The
/// whole hash is a tag of the run.
const DIGEST: usize = 32;

/// The data of a file as it is known before it is read: its name and where it is.
pub(crate) fn source_of(checked: &Checked) -> Option<Dataset> {
    let data = checked.file.data.as_ref()?;
    let places: Vec<String> =
        data.named_sources().map(|(_, spec, _)| place(&checked.folder, spec.path())).collect();
    let name = match places.as_slice() {
        [one] => one.rsplit('/').next().unwrap_or_default().to_string(),
        _ => checked.file.name.clone(),
    };
    let scheme = places.iter().find_map(|place| place.split_once("://"));
    let source_type = scheme.map_or("local", |(scheme, _)| scheme);
    let source = match places.as_slice() {
        [one] => json!({"uri": one}),
        several => json!({"uri": several.first(), "uris": several}),
    };
    let (source_type, source) = (source_type.into(), source.to_string());
    Some(Dataset { name, source_type, source, ..Dataset::default() })
}

/// Where a source is, without what an address may hold of secrets.
fn place(folder: &Path, path: &str) -> String {
    if let Some((scheme, rest)) = path.split_once("://") {
        let rest = rest.split(['?', '#']).next().unwrap_or_default();
        let host = rest.split('/').next().unwrap_or_default();
        let bare = host.rsplit('@').next().unwrap_or_default();
        return format!("{scheme}://{bare}{}", rest.get(host.len()..).unwrap_or_default());
    }
    let path = folder.join(path);
    std::path::absolute(&path).unwrap_or(path).display().to_string()
}

/// Notes which table the run learned from, if it came so far as to read it.
pub(crate) fn keep_dataset(recorder: &Recorder, flow: &FlowReport) -> Result<()> {
    let Some(known) = recorder.data() else { return Ok(()) };
    let Some(facts) = flow.task("ingest").map(|task| &task.facts) else { return Ok(()) };
    let Some(hash) = facts["hash"].as_str() else { return Ok(()) };
    let (rows, columns) = (facts["rows"].as_u64(), facts["columns"].as_u64());
    let cells = rows.zip(columns).map(|(rows, columns)| rows.saturating_mul(columns));
    let schema = &facts["schema"];
    let dataset = Dataset {
        digest: hash.chars().take(DIGEST).collect(),
        schema: schema.is_array().then(|| json!({"mlflow_colspec": schema}).to_string()),
        profile: Some(json!({"num_rows": rows, "num_elements": cells}).to_string()),
        ..known.clone()
    };
    let tags = BTreeMap::from([(tags::DATASET_CONTEXT.to_string(), "training".to_string())]);
    let input = DatasetInput { dataset, tags };
    recorder.keeper().wait(|s| s.log_inputs(recorder.id(), vec![input], Vec::new()))
}

/// The losses of a model that learned in rounds, each at its number of rounds as the step.
pub(crate) fn rounds(evaluation: &Evaluation, now: Timestamp) -> Batch {
    let mut batch = Batch::default();
    for losses in evaluation.learning.rounds.iter() {
        for point in &losses.points {
            let step = i64::try_from(point.rounds).unwrap_or(i64::MAX);
            for (part, loss) in [("train", point.train), ("test", point.test)] {
                batch = batch.metric(format!("rounds.{part}.{}", losses.metric), loss, step, now);
            }
        }
    }
    batch
}

/// Keeps what the commands of the run printed, with their secrets blotted out as they were there.
pub(crate) fn keep_logs(recorder: &Recorder) -> Result<()> {
    let folder = tasks::logs(recorder.home(), recorder.id());
    if !folder.is_dir() {
        return Ok(());
    }
    for entry in fs_err::read_dir(&folder)? {
        let path = entry?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        if let Some(name) = name.filter(|name| name.ends_with(".log")) {
            recorder.keep(&format!("{LOGS}/{name}"), &path)?;
        }
    }
    Ok(())
}

/// Keeps the report of a run that has ended and came so far that there is one to draw.
pub(crate) fn keep_report(recorder: &Recorder, flow: &FlowReport) -> Result<()> {
    let evaluated = flow.task("evaluate").is_some_and(|task| task.facts != Value::Null);
    if !evaluated {
        return Ok(());
    }
    let page = page::of_run(recorder.keeper(), recorder.id())?;
    recorder.keep_bytes(REPORT, page.html.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, expected: &str) {
        assert_eq!(place(Path::new("/data"), path), expected);
    }

    #[test]
    fn a_place_holds_no_secret() {
        check("rows.csv", "/data/rows.csv");
        check("/rows/*.csv", "/rows/*.csv");
        check("s3://bucket/a/*.csv", "s3://bucket/a/*.csv");
        check("https://ada:sesame@host/a.csv?token=sesame#sesame", "https://host/a.csv");
    }
}
