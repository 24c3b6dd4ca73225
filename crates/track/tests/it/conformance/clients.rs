//! What MLflow's clients ask of a store: searches in their language, inputs, histories, files.

use std::collections::BTreeMap;

use super::*;

pub async fn all(store: &dyn Store) {
    experiments_are_searched(store).await;
    runs_are_searched(store).await;
    runs_are_sorted_by_anything(store).await;
    many_runs_are_sorted_by_a_metric(store).await;
    texts_keep_every_letter(store).await;
    names_follow_their_tag(store).await;
    inputs_come_back(store).await;
    histories_are_read_in_pages_and_samples(store).await;
    numbers_keep_every_bit(store).await;
    lists_in_tags_grow(store).await;
    artifacts_are_taken_away(store).await;
    files_are_found_by_folder(store).await;
}

async fn experiments_are_searched(store: &dyn Store) {
    for (second, name) in [(61, "x-first"), (62, "X_second"), (63, "x%third")] {
        let new = NewExperiment {
            name: name.into(),
            created: at(second),
            tags: BTreeMap::from([("team".into(), name.to_uppercase())]),
            artifact_location: Some("s3://bucket/a/".into()),
        };
        store.create_experiment(new).await.unwrap();
    }
    let second = store.experiment_named("X_second").await.unwrap().unwrap();
    let found =
        |filter: &'static str, order: &'static [&'static str]| experiments(store, filter, order);
    assert_eq!(found("name LIKE 'x%'", &[]).await, ["x%third", "x-first"]);
    assert_eq!(found("name ILIKE 'X%'", &["name"]).await, ["X_second", "x%third", "x-first"]);
    assert_eq!(found("name LIKE 'x\\%'", &[]).await, [""; 0], "a backslash is a letter");
    assert_eq!(found("tags.team = 'X-FIRST'", &[]).await, ["x-first"]);
    let untagged = found("tags.team IS NULL AND name ILIKE 'x%'", &[]).await;
    assert_eq!(untagged, [""; 0]);
    let later = "creation_time >= 62000 AND tags.team IS NOT NULL";
    assert_eq!(found(later, &["creation_time"]).await, ["X_second", "x%third"]);
    let by_id =
        Filter::parse(&format!("experiment_id IN ('{}')", second.id), &Searchable::EXPERIMENTS);
    let query = ExperimentQuery { filter: by_id.unwrap(), ..ExperimentQuery::default() };
    let found = store.find_experiments(&query).await.unwrap();
    assert_eq!(found, std::slice::from_ref(&second));
    store.remove_experiment_tag(second.id, "team", at(64)).await.unwrap();
    let gone = store.remove_experiment_tag(second.id, "team", at(64)).await;
    assert!(matches!(gone, Err(TrackError::NotFound { what: "tag", .. })));
    let run = NewRun { experiment: second.id, ..NewRun::new(id("placed"), "placed", at(1)) };
    let placed = store.create_run(run).await.unwrap().info.artifact_location;
    assert_eq!(placed, Some(format!("s3://bucket/a/{}/artifacts", id("placed"))));
}

async fn experiments(store: &dyn Store, filter: &str, order: &[&str]) -> Vec<String> {
    let order: Vec<String> = order.iter().map(|text| (*text).to_string()).collect();
    let query = ExperimentQuery {
        filter: Filter::parse(filter, &Searchable::EXPERIMENTS).unwrap(),
        order: Order::parse_all(&order, &Searchable::EXPERIMENTS).unwrap(),
        ..ExperimentQuery::default()
    };
    let found = store.find_experiments(&query).await.unwrap();
    found.into_iter().map(|experiment| experiment.name).collect()
}

/// Three runs of an experiment of their own: one with everything, one with NaN, one bare.
async fn searched(store: &dyn Store) -> ExperimentId {
    let experiment = NewExperiment { name: "language".into(), ..Default::default() };
    let experiment = store.create_experiment(experiment).await.unwrap().id;
    let full = Batch::default()
        .metric("auc", 0.9, 1, at(1))
        .metric("a b", 1.0, 0, at(1))
        .param("model", "Forest")
        .param("it's", "\"100%\"")
        .tag("team", "red")
        .tag(tags::USER, "ada");
    let odd = Batch::default().metric("auc", f64::NAN, 0, at(1)).param("model", "svm");
    for (name, second, batch) in [("q1", 1, full), ("q2", 2, odd), ("q3", 3, Batch::default())] {
        let user = (name == "q2").then(|| "bob".to_string());
        let run = NewRun { experiment, batch, user, ..NewRun::new(id(name), name, at(second)) };
        store.create_run(run).await.unwrap();
    }
    store.update_run(id("q1"), RunUpdate::ended(RunStatus::Succeeded, at(9))).await.unwrap();
    let dataset = Dataset { name: "iris".into(), digest: "d1".into(), ..Dataset::default() };
    let tags = BTreeMap::from([(tags::DATASET_CONTEXT.to_string(), "train".to_string())]);
    store.log_inputs(id("q1"), vec![DatasetInput { dataset, tags }], vec![]).await.unwrap();
    experiment
}

async fn runs_are_searched(store: &dyn Store) {
    let experiment = searched(store).await;
    let parent = NewRun {
        experiment,
        parent: Some(id("q1")),
        source: Some("a.yaml".into()),
        ..NewRun::new(id("q4"), "q4", at(0))
    };
    store.create_run(parent).await.unwrap();
    let is_part = format!("tags.mlflow.parentRunId = '{}'", id("q1"));
    let uri = format!("artifact_uri = 'mlflow-artifacts:/{experiment}/{}/artifacts'", id("q3"));
    for (filter, expected) in [
        ("metrics.auc > 0.8", &["q1"][..]),
        ("metrics.auc != 0.9", &["q2"]),
        ("metrics.auc < 1e999", &["q1"]),
        ("metrics.`a b` = 1", &["q1"]),
        ("params.model LIKE 'F%'", &["q1"]),
        ("params.model LIKE 'f%'", &[]),
        ("params.model ILIKE 'f%st'", &["q1"]),
        ("params.\"it's\" = '\"100%\"'", &["q1"]),
        ("params.model IS NULL", &["q3", "q4"]),
        ("params.model IS NOT NULL AND tags.team = 'red'", &["q1"]),
        ("params.model != 'svm'", &["q1"]),
        ("status = 'FINISHED'", &["q1"]),
        ("status != 'FINISHED' AND run_name LIKE 'q%'", &["q3", "q2", "q4"]),
        ("start_time >= 2000", &["q3", "q2"]),
        ("end_time = 9000", &["q1"]),
        ("user_id = 'ada'", &["q1"]),
        ("attributes.user_id = 'bob'", &["q2"]),
        ("datasets.name = 'iris' AND dataset.context IN ('train', 'test')", &["q1"]),
        ("dataset.digest LIKE 'x%'", &[]),
        ("tags.mlflow.runName = 'q2'", &["q2"]),
        ("tags.mlflow.source.name = 'a.yaml'", &["q4"]),
        ("tags.mlflow.parentRunId IS NULL", &["q3", "q2", "q1"]),
        (is_part.as_str(), &["q4"]),
        (uri.as_str(), &["q3"]),
        ("run_id NOT IN ('x')", &["q3", "q2", "q1", "q4"]),
        ("params.x = ''' OR 1=1 --'", &[]),
    ] {
        assert_eq!(runs(store, experiment, filter, &[]).await, expected, "{filter}");
    }
}

async fn runs_are_sorted_by_anything(store: &dyn Store) {
    let experiment = store.experiment_named("language").await.unwrap().unwrap().id;
    for (order, expected) in [
        (&["metrics.auc"][..], ["q1", "q2", "q3", "q4"]),
        (&["metrics.auc DESC"], ["q1", "q2", "q3", "q4"]),
        (&["params.model DESC"], ["q2", "q1", "q3", "q4"]),
        (&["tags.team", "run_name DESC"], ["q1", "q4", "q3", "q2"]),
        (&["start_time"], ["q4", "q1", "q2", "q3"]),
        (&["start_time DESC"], ["q3", "q2", "q1", "q4"]),
        (&["start_time DESC", "run_name"], ["q3", "q2", "q1", "q4"]),
        (&["end_time DESC"], ["q1", "q3", "q2", "q4"]),
        (&["status", "start_time ASC"], ["q1", "q4", "q2", "q3"]),
    ] {
        assert_eq!(runs(store, experiment, "", order).await, expected, "{order:?}");
    }
}

/// So many that the metric's own order is followed: the answer is the same as by sorting.
async fn many_runs_are_sorted_by_a_metric(store: &dyn Store) {
    let experiment = NewExperiment { name: "many".into(), ..Default::default() };
    let experiment = store.create_experiment(experiment).await.unwrap().id;
    for number in 0..510 {
        let name = format!("n{number:03}");
        let batch = match number {
            0..500 => Batch::default().metric("rank", f64::from(number * 7 % 500), 0, at(1)),
            500 => Batch::default().metric("rank", f64::NAN, 0, at(1)),
            _ => Batch::default(),
        };
        let run = NewRun { experiment, batch, ..NewRun::new(id(&name), name, at(1)) };
        store.create_run(run).await.unwrap();
    }
    let found = async |filter: &str, order: &str, page| {
        let query = RunQuery {
            experiments: vec![experiment],
            filter: Filter::parse(filter, &Searchable::RUNS).unwrap(),
            order: vec![Order::parse(order, &Searchable::RUNS).unwrap()],
            page,
            ..RunQuery::default()
        };
        let found = store.search_runs(&query).await.unwrap();
        let ranks = found.iter().map(|run| run.metrics.get("rank").map(|metric| metric.value));
        ranks.collect::<Vec<_>>()
    };
    let page = |limit, offset| Page { limit, offset };
    assert_eq!(found("", "metrics.rank", page(2, 1)).await, [Some(1.0), Some(2.0)]);
    assert_eq!(found("", "metrics.rank DESC", page(2, 0)).await, [Some(499.0), Some(498.0)]);
    let above = found("metrics.rank > 250.5 AND run_name LIKE 'n%'", "metrics.rank", page(1, 0));
    assert_eq!(above.await, [Some(251.0)]);
    let other = found("metrics.rank != 0", "metrics.rank", page(1, 0)).await;
    assert_eq!(other, [Some(1.0)]);
    let end = found("", "metrics.rank DESC", page(20, 499)).await;
    assert_eq!((end.len(), end[0], end[2]), (11, Some(0.0), None));
    assert!(end[1].unwrap().is_nan());
}

async fn runs(
    store: &dyn Store,
    experiment: ExperimentId,
    filter: &str,
    order: &[&str],
) -> Vec<String> {
    let order: Vec<String> = order.iter().map(|text| (*text).to_string()).collect();
    let query = RunQuery {
        experiments: vec![experiment],
        filter: Filter::parse(filter, &Searchable::RUNS).unwrap(),
        order: Order::parse_all(&order, &Searchable::RUNS).unwrap(),
        ..RunQuery::default()
    };
    names(store, &query).await
}

/// What ends a line or a text elsewhere, and what an escape begins with.
async fn texts_keep_every_letter(store: &dyn Store) {
    let odd = "\t'\"\\n\r\n\u{1}\u{2028}{}[],;? ü🦀\n";
    let [full, plain] = ["letters 1", "letters 2"].map(id);
    let batch = Batch::default().param("odd", odd).param("none", "").tag("odd", odd);
    let batch = batch.metric("größe \"x\"", 0.1, 0, at(1)).metric("tiny", 1e-300, 0, at(1));
    store.create_run(NewRun { batch, ..NewRun::new(full, "full", at(2)) }).await.unwrap();
    store.create_run(NewRun::new(plain, "plain", at(1))).await.unwrap();
    for run in [full, plain] {
        let found = store.run(run).await.unwrap();
        let all = RunQuery { page: Page { limit: 10_000, offset: 0 }, ..RunQuery::default() };
        let listed = store.search_runs(&all).await.unwrap();
        assert_eq!(listed.iter().find(|listed| listed.info.id == run), Some(&found));
    }
    let plain = store.run(plain).await.unwrap();
    assert!(plain.params.is_empty() && plain.tags.is_empty() && plain.metrics.is_empty());
    let full = store.run(full).await.unwrap();
    assert_eq!((&*full.params["odd"], &*full.params["none"], &*full.tags["odd"]), (odd, "", odd));
    assert_eq!(full.metrics["größe \"x\""].value, 0.1);
    assert_eq!(full.metrics["tiny"].value, 1e-300);
}

async fn names_follow_their_tag(store: &dyn Store) {
    let batch = Batch::default().tag(tags::RUN_NAME, "before");
    let run = NewRun { batch, ..NewRun::new(id("named"), "before", at(1)) };
    store.create_run(run).await.unwrap();
    store.log(id("named"), Batch::default().tag(tags::RUN_NAME, "tagged")).await.unwrap();
    assert_eq!(store.run(id("named")).await.unwrap().info.name, "tagged");
    let update = RunUpdate { name: Some("updated".into()), ..RunUpdate::default() };
    store.update_run(id("named"), update).await.unwrap();
    assert_eq!(store.run(id("named")).await.unwrap().tags[tags::RUN_NAME], "updated");
}

async fn inputs_come_back(store: &dyn Store) {
    let run = new_run(store, "inputs").await;
    let dataset = |name: &str, schema: Option<&str>| Dataset {
        name: name.into(),
        digest: "0a".into(),
        source_type: "local".into(),
        source: "{\"uri\": \"a.csv\"}".into(),
        schema: schema.map(str::to_string),
        profile: None,
    };
    let tags = BTreeMap::from([("größe".to_string(), "ü 'x'".to_string())]);
    let first = DatasetInput { dataset: dataset("z", Some("[]")), tags };
    let second = DatasetInput { dataset: dataset("a", None), tags: BTreeMap::new() };
    let link = |role, model: &str| ModelLink { role, model: model.into(), step: 3 };
    let models = vec![link(ModelRole::Input, "m-1"), link(ModelRole::Output, "m-2")];
    store.log_inputs(run, vec![first.clone(), second.clone()], models.clone()).await.unwrap();
    let again = DatasetInput { dataset: dataset("z", None), tags: BTreeMap::new() };
    store.log_inputs(run, vec![again], models.clone()).await.unwrap();
    let mut found = store.run(run).await.unwrap();
    found.models.sort();
    assert_eq!((found.datasets, found.models), (vec![first, second], models));
    let summaries = store.dataset_summaries(vec![ExperimentId::DEFAULT]).await.unwrap();
    let names: Vec<&str> = summaries.iter().map(|summary| summary.name.as_str()).collect();
    assert_eq!(names, ["a", "z"]);
    let nobody = store.log_inputs(id("nobody"), vec![], vec![]).await;
    assert!(matches!(nobody, Err(TrackError::NotFound { .. })));
}

/// Patterns of bits by a plain generator (Knuth's MMIX), and those that go wrong first.
fn any_numbers() -> Vec<f64> {
    let mut state = 42_u64;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        f64::from_bits(state)
    };
    let drawn: Vec<f64> = (0..1500).map(|_| next()).filter(|number| !number.is_nan()).collect();
    // The same digits in sizes that metrics have.
    let usual: Vec<f64> = drawn
        .iter()
        .map(|number| {
            f64::from_bits(
                number.to_bits() & !(0x7ff << 52) | (1000 + (number.to_bits() >> 52 & 31)) << 52,
            )
        })
        .collect();
    let edges =
        [0.1 + 0.2, 1e22, 1e23, 5e-324, f64::MIN_POSITIVE, f64::MAX, f64::MIN, f64::EPSILON];
    let odd = [f64::INFINITY, f64::NEG_INFINITY, 9_007_199_254_740_993.0, -1.0, 0.0];
    [usual, drawn, edges.to_vec(), odd.to_vec()].concat()
}

async fn numbers_keep_every_bit(store: &dyn Store) {
    let run = new_run(store, "bits").await;
    let numbers = any_numbers();
    for (block, values) in numbers.chunks(500).enumerate() {
        let batch = values.iter().zip(block as i64 * 500..).fold(
            Batch::default(),
            |batch, (value, step)| {
                batch.metric("all", *value, step, at(step)).metric(
                    format!("m{step}"),
                    *value,
                    0,
                    at(0),
                )
            },
        );
        store.log(run, batch).await.unwrap();
    }
    let all = Page { limit: 10_000, offset: 0 };
    let histories = async |limit, offset| {
        let (runs, key, page) = (vec![run], "all".to_owned(), Page { limit, offset });
        let query = HistoryQuery { runs, key, order: HistoryOrder::Times, page };
        store.metric_histories(query).await.unwrap()
    };
    // A page of usual numbers alone, then the one that holds the others.
    let histories = [histories(1000, 0).await, histories(10_000, 1000).await].concat();
    let latest = store.search_runs(&RunQuery { page: all, ..RunQuery::default() }).await.unwrap();
    let latest = &latest.iter().find(|found| found.info.id == run).unwrap().metrics;
    assert_eq!(histories.len(), numbers.len());
    for (step, (number, (_, found))) in numbers.iter().zip(&histories).enumerate() {
        assert_eq!(number.to_bits(), found.value.to_bits(), "{number} in its history");
        let found = latest[&format!("m{step}")].value;
        assert_eq!(number.to_bits(), found.to_bits(), "{number} as the latest");
    }
}

async fn histories_are_read_in_pages_and_samples(store: &dyn Store) {
    let (left, right) = (new_run(store, "history 1").await, new_run(store, "history 2").await);
    let batch = (0..10).fold(Batch::default(), |batch, step: i64| {
        batch.metric("h", step as f64, step, at(10 - step))
    });
    store.log(left, batch).await.unwrap();
    let model = ModelMetric {
        model: "m-1".into(),
        metric: Metric { key: "h".into(), value: f64::NAN, step: 0, at: at(1) },
        dataset: Some(("iris".into(), "d1".into())),
    };
    let one =
        Batch { model_metrics: vec![model], ..Batch::default().metric("h", f64::NAN, 0, at(1)) };
    store.log(right, one).await.unwrap();
    let query =
        |order, page| HistoryQuery { runs: vec![left, right], key: "h".into(), order, page };
    let all = Page { limit: 100, offset: 0 };
    let found = store.metric_histories(query(HistoryOrder::Times, all)).await.unwrap();
    let steps: Vec<i64> =
        found.iter().filter(|(run, _)| *run == left).map(|(_, metric)| metric.step).collect();
    assert_eq!((found.len(), steps), (11, vec![9, 8, 7, 6, 5, 4, 3, 2, 1, 0]));
    let page = Page { limit: 3, offset: 10 };
    assert_eq!(store.metric_histories(query(HistoryOrder::Steps, page)).await.unwrap().len(), 1);
    for (most, steps, expected) in [
        (4, None, &[0, 3, 6, 9][..]),
        (1, None, &[9]),
        (3, Some((2, 7)), &[2, 4, 7]),
        (20, Some((8, 99)), &[8, 9]),
        (5, Some((50, 60)), &[]),
    ] {
        let sample = Sample { run: left, key: "h".into(), steps, most };
        let found = store.metric_sample(sample).await.unwrap();
        let found: Vec<i64> = found.iter().map(|metric| metric.step).collect();
        assert_eq!(found, expected, "{most} of {steps:?}");
    }
}

async fn lists_in_tags_grow(store: &dyn Store) {
    let run = new_run(store, "lists").await;
    for item in [json!({"a": 1}), json!("b")] {
        store.extend_run_tag(run, "list", item).await.unwrap();
    }
    assert_eq!(store.run(run).await.unwrap().tags["list"], "[{\"a\":1},\"b\"]");
    store.log(run, Batch::default().tag("list", "text")).await.unwrap();
    let refused = store.extend_run_tag(run, "list", json!(1)).await;
    assert!(matches!(refused, Err(TrackError::Invalid { .. })));
}

fn content(text: &str) -> Content {
    let hash = ContentHash::of(text.as_bytes());
    Content { hash, kind: ArtifactKind::File, size: text.len() as u64 }
}

async fn artifacts_are_taken_away(store: &dyn Store) {
    let run = new_run(store, "taken away").await;
    let path = |text: &str| ArtifactPath::parse(text).unwrap();
    let paths = ["a", "a-b", "a/b", "a/c/d", "a0", "b"];
    let artifacts = paths.map(|p| Artifact { path: path(p), content: content(p) });
    store.record_artifacts(run, artifacts.to_vec()).await.unwrap();
    store.remove_artifacts(run, "a").await.unwrap();
    store.remove_artifacts(run, "none").await.unwrap();
    let left = store.artifacts(run).await.unwrap();
    let left: Vec<&str> = left.iter().map(|artifact| artifact.path.as_str()).collect();
    assert_eq!(left, ["a-b", "a0", "b"]);
}

async fn files_are_found_by_folder(store: &dyn Store) {
    let file = |text: &str| StoredFile {
        path: ArtifactPath::parse(text).unwrap(),
        content: content(text),
    };
    for path in ["0/models/m/a", "0/models/m/b/c", "0/models/m2/a", "z"] {
        store.keep_file(file(path)).await.unwrap();
    }
    let changed = StoredFile { content: content("new"), ..file("z") };
    store.keep_file(changed.clone()).await.unwrap();
    assert_eq!(store.file("z").await.unwrap(), Some(changed));
    assert_eq!(store.file("0").await.unwrap(), None);
    let below = store.files_below("0/models/m").await.unwrap();
    assert_eq!(below, [file("0/models/m/a"), file("0/models/m/b/c")]);
    assert_eq!(store.files_below("").await.unwrap().len(), 4);
    store.forget_files("0/models/m").await.unwrap();
    assert_eq!(store.files_below("0").await.unwrap(), [file("0/models/m2/a")]);
    store.forget_files("z").await.unwrap();
    store.forget_files("0").await.unwrap();
}
