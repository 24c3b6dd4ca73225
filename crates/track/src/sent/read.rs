//! A run out of the store that it is sent from.

use std::collections::BTreeMap;

use super::{SENT_FORMAT, SentMetric, SentRun};
use crate::{Metric, Page, Result, Run, RunId, Store, TaskRecord, tags};

/// So many bytes of JSON one part has, or a little more.
const PART_BYTES: usize = 1 << 20;
/// How many values of a metric are read in one go.
const PAGE: u32 = 10_000;
/// The task whose facts say where this home keeps its package.
const REGISTER: &str = "register";

impl SentRun {
    /// The run of this id as it is now. Where this home keeps its files stays out of it.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn of(store: &dyn Store, id: RunId) -> Result<Self> {
        let run = store.run(id).await?;
        let experiment = store.experiment(run.info.experiment).await?;
        let metrics = metrics(store, &run).await?;
        let tasks = store.tasks(id).await?.into_iter().map(without_places).collect();
        let Run { info, params, mut tags, datasets, .. } = run;
        tags.retain(|key, _| !OUR_OWN.contains(&key.as_str()));
        Ok(Self {
            format: SENT_FORMAT,
            experiment_name: experiment.name,
            name: info.name,
            status: info.status,
            started: info.started,
            ended: info.ended,
            kind: info.kind,
            pipeline: info.pipeline,
            source: info.source,
            error: info.error,
            parent: info.parent,
            user: info.user,
            params,
            tags,
            metrics: metrics.into_iter().map(SentMetric::from).collect(),
            datasets,
            tasks,
        })
    }

    /// The run in parts that are short enough for one request each: all say what the run is, and
    /// each has some of what it logged.
    pub fn parts(self) -> Vec<Self> {
        let Self { metrics, tasks, .. } = &self;
        let (metrics, tasks) = (in_parts(metrics), in_parts(tasks));
        let count = metrics.len().max(tasks.len()).max(1);
        let bare = Self { metrics: Vec::new(), tasks: Vec::new(), ..self.clone() };
        let rest = Self {
            params: BTreeMap::new(),
            tags: BTreeMap::new(),
            datasets: Vec::new(),
            ..bare.clone()
        };
        let part = |number: usize| Self {
            metrics: metrics.get(number).cloned().unwrap_or_default(),
            tasks: tasks.get(number).cloned().unwrap_or_default(),
            ..if number == 0 { bare.clone() } else { rest.clone() }
        };
        (0..count).map(part).collect()
    }
}

/// What a run is told of where it was sent is true in its own home only.
const OUR_OWN: [&str; 3] = [tags::SENT_TO, tags::SENT_VERSION, tags::SENT_BY];

async fn metrics(store: &dyn Store, run: &Run) -> Result<Vec<Metric>> {
    let mut all = Vec::new();
    for key in run.metrics.keys() {
        let mut page = Page { limit: PAGE, offset: 0 };
        loop {
            let values = store.metric_history(run.info.id, key, page).await?;
            let last = values.len() < PAGE as usize;
            all.extend(values);
            if last {
                break;
            }
            page.offset += u64::from(PAGE);
        }
    }
    Ok(all)
}

fn without_places(mut task: TaskRecord) -> TaskRecord {
    if task.name == REGISTER
        && let Some(model) = task.facts.get_mut("model").and_then(|model| model.as_object_mut())
    {
        model.insert("path".into(), "".into());
    }
    task
}

fn in_parts<T: Clone + serde::Serialize>(items: &[T]) -> Vec<Vec<T>> {
    let mut parts: Vec<Vec<T>> = Vec::new();
    let mut left = 0;
    for item in items {
        // What has no form in JSON is refused when it is sent.
        let bytes = serde_json::to_string(item).map_or(0, |text| text.len());
        match parts.last_mut().filter(|_| left > 0) {
            Some(part) => part.push(item.clone()),
            None => {
                parts.push(vec![item.clone()]);
                left = PART_BYTES;
            }
        }
        left = left.saturating_sub(bytes);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_is_parted_and_nothing_of_it_is_lost() {
        let long = "x".repeat(PART_BYTES / 3);
        let items: Vec<String> = (0..10).map(|number| format!("{number}{long}")).collect();
        let parts = in_parts(&items);
        assert!(parts.len() > 2 && parts.iter().all(|part| part.len() <= 4));
        assert_eq!(parts.concat(), items);
        assert_eq!(in_parts::<String>(&[]), Vec::<Vec<String>>::new());
    }
}
