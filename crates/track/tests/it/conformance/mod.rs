//! What every store must do, as one suite over the trait. Each store runs all of it on an empty home.

mod access;
mod adoption;
mod clients;
mod duties;
mod labels;
mod logged_models;
mod monitoring;
pub mod races;
mod registry;
mod retention;
mod traffic;
mod webhooks;

use gristmill_core::Timestamp;
use gristmill_track::*;
use serde_json::json;

/// Runs the whole suite. `store` must be empty.
pub async fn store(store: &dyn Store) {
    default_experiment_is_there(store).await;
    experiments_have_unique_names(store).await;
    what_was_logged_comes_back(store).await;
    numbers_that_are_no_numbers_come_back(store).await;
    a_param_never_changes(store).await;
    a_refused_batch_leaves_nothing(store).await;
    the_latest_metric_has_the_greatest_step(store).await;
    a_thousand_metrics_go_in_one_batch(store).await;
    deleted_runs_take_nothing(store).await;
    runs_are_found(store).await;
    conditions_are_held(store).await;
    tasks_keep_their_place(store).await;
    many_tasks_are_recorded_in_order(store).await;
    artifacts_are_listed(store).await;
    names_are_checked(store).await;
    versions_count_up(store).await;
    equal_content_makes_no_version(store).await;
    aliases_move_and_go_back(store).await;
    deleted_versions_leave_their_number(store).await;
    unknown_things_are_named(store).await;
    registry::all(store).await;
    traffic::all(store).await;
    labels::all(store).await;
    monitoring::all(store).await;
    logged_models::all(store).await;
    webhooks::all(store).await;
    access::all(store).await;
    clients::all(store).await;
    duties::all(store).await;
    adoption::all(store).await;
    retention::all(store).await;
    long_pages_are_as_short_ones(store).await;
}

fn id(name: &str) -> RunId {
    RunId::from_parts(&[name.as_bytes()])
}

fn at(seconds: i64) -> Timestamp {
    Timestamp(seconds * 1_000_000)
}

fn note(seconds: i64, why: &str) -> Note {
    Note::new(at(seconds), "tester", why)
}

async fn new_run(store: &dyn Store, name: &str) -> RunId {
    store.create_run(NewRun::new(id(name), name, at(1))).await.unwrap();
    id(name)
}

async fn default_experiment_is_there(store: &dyn Store) {
    let experiment = store.experiment(ExperimentId::DEFAULT).await.unwrap();
    assert_eq!((experiment.id.to_string().as_str(), experiment.name.as_str()), ("0", "Default"));
    assert_eq!(store.experiments(None, Page::default()).await.unwrap(), [experiment]);
}

async fn experiments_have_unique_names(store: &dyn Store) {
    let new = NewExperiment { name: "häuser".into(), created: at(5), ..Default::default() };
    let made = store.create_experiment(new.clone()).await.unwrap();
    assert_eq!((made.created, made.lifecycle), (at(5), Lifecycle::Active));
    assert!(matches!(store.create_experiment(new.clone()).await, Err(TrackError::Exists { .. })));

    store.tag_experiment(made.id, "team", "red", at(6)).await.unwrap();
    store.rename_experiment(made.id, "houses", at(7)).await.unwrap();
    let found = store.experiment_named("houses").await.unwrap().unwrap();
    assert_eq!((found.id, found.updated, found.tags["team"].as_str()), (made.id, at(7), "red"));
    assert_eq!(store.experiment_named("häuser").await.unwrap(), None);

    store.set_experiment_lifecycle(made.id, Lifecycle::Deleted, at(8)).await.unwrap();
    let run = NewRun { experiment: made.id, ..NewRun::new(id("late"), "late", at(9)) };
    assert!(matches!(store.create_run(run).await, Err(TrackError::Deleted { .. })));
    let active = store.experiments(Some(Lifecycle::Active), Page::default()).await.unwrap();
    assert_eq!(active.len(), 1);
}

async fn what_was_logged_comes_back(store: &dyn Store) {
    let batch = Batch::default()
        .param("größe", "naïve 🦀 'quoted' \"double\" \\ \n line")
        .param("empty", "")
        .tag(tags::GIT_COMMIT, "0123abcd")
        .metric("test.auc", 0.1 + 0.2, 0, at(3));
    let new = NewRun {
        kind: Some("pipeline".into()),
        pipeline: Some("churn".into()),
        source: Some("churn.yaml".into()),
        batch: batch.clone(),
        ..NewRun::new(id("logged"), "logged", at(2))
    };
    let made = store.create_run(new.clone()).await.unwrap();
    assert_eq!(made, store.run(id("logged")).await.unwrap());
    assert_eq!((&made.params, &made.tags), (&batch.params, &batch.tags));
    assert_eq!(made.metrics["test.auc"], batch.metrics[0]);
    assert_eq!(made.info.status, RunStatus::Running);
    assert!(matches!(store.create_run(new).await, Err(TrackError::Exists { .. })));

    let child = NewRun { parent: Some(id("logged")), ..NewRun::new(id("part"), "part", at(3)) };
    assert_eq!(store.create_run(child).await.unwrap().info.parent, Some(id("logged")));
    let orphan =
        NewRun { parent: Some(id("nobody")), ..NewRun::new(id("orphan"), "orphan", at(3)) };
    assert!(matches!(store.create_run(orphan).await, Err(TrackError::NotFound { .. })));

    let end =
        RunUpdate { error: Some("a\0b".into()), ..RunUpdate::ended(RunStatus::Failed, at(9)) };
    let info = store.update_run(id("logged"), end).await.unwrap();
    assert_eq!((info.status, info.ended), (RunStatus::Failed, Some(at(9))));
    let died = RunUpdate { status: Some(RunStatus::Interrupted), ..RunUpdate::default() };
    assert_eq!(store.update_run(id("part"), died).await.unwrap().status, RunStatus::Interrupted);
    let ended = RunUpdate {
        error: Some("died".into()),
        ..RunUpdate::ended(RunStatus::Interrupted, at(10))
    };
    store.update_run(id("part"), ended).await.unwrap();
    let again = RunUpdate { status: Some(RunStatus::Running), ..RunUpdate::default() };
    let again = store.update_run(id("part"), again).await.unwrap();
    assert_eq!((again.ended, again.error), (None, None), "what goes on has no end yet");
    assert_eq!((info.name.as_str(), info.error.as_deref()), ("logged", Some("a\u{fffd}b")));

    let batch = Batch::default().metric("late", 1.0, 0, at(11)).param("trees", 5);
    let update = RunUpdate { batch, ..RunUpdate::ended(RunStatus::Succeeded, at(11)) };
    store.update_run(id("part"), update.clone()).await.unwrap();
    let part = store.run(id("part")).await.unwrap();
    assert_eq!((part.info.status, part.metrics["late"].value), (RunStatus::Succeeded, 1.0));
    let batch = Batch::default().param("trees", 6);
    let contradicts = RunUpdate { batch, status: Some(RunStatus::Failed), ..update };
    let refused = store.update_run(id("part"), contradicts).await;
    assert!(matches!(refused, Err(TrackError::ParamChanged { .. })), "{refused:?}");
    let kept = store.run(id("part")).await.unwrap().info;
    assert_eq!(kept.status, RunStatus::Succeeded, "both or neither");

    store.remove_run_tag(id("logged"), tags::GIT_COMMIT).await.unwrap();
    assert!(store.run(id("logged")).await.unwrap().tags.is_empty());
    let prefix = &id("logged").to_string()[..8];
    assert_eq!(store.runs_starting_with(prefix).await.unwrap(), [info]);
    assert_eq!(store.runs_starting_with("%").await.unwrap(), []);
}

async fn numbers_that_are_no_numbers_come_back(store: &dyn Store) {
    let run = new_run(store, "odd numbers").await;
    let values = [
        ("nan", f64::NAN),
        ("inf", f64::INFINITY),
        ("-inf", f64::NEG_INFINITY),
        ("tiny", f64::MIN_POSITIVE / 4.0),
        ("max", f64::MAX),
        ("third", 1.0 / 3.0),
        ("big whole", 9_007_199_254_740_993.0),
    ];
    let mut batch = Batch::default();
    for (key, value) in values {
        batch = batch.metric(key, value, i64::MAX, Timestamp(i64::MIN));
    }
    store.log(run, batch).await.unwrap();
    let found = store.run(run).await.unwrap().metrics;
    for (key, value) in values {
        let (a, b) = (found[key].value, value);
        assert!(a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan(), "{key}: {a} is not {b}");
        assert_eq!((found[key].step, found[key].at), (i64::MAX, Timestamp(i64::MIN)));
    }
}

async fn a_param_never_changes(store: &dyn Store) {
    let run = new_run(store, "fixed").await;
    store.log(run, Batch::default().param("trees", 100)).await.unwrap();
    store.log(run, Batch::default().param("trees", 100)).await.unwrap();
    let refused = store.log(run, Batch::default().param("trees", 200)).await.unwrap_err();
    let TrackError::ParamChanged { key, stored, given, .. } = refused else { panic!("{refused}") };
    assert_eq!((key.as_str(), stored.as_str(), given.as_str()), ("trees", "100", "200"));
    store.log(run, Batch::default().tag("note", "a")).await.unwrap();
    store.log(run, Batch::default().tag("note", "b")).await.unwrap();
    assert_eq!(store.run(run).await.unwrap().tags["note"], "b");
}

async fn a_refused_batch_leaves_nothing(store: &dyn Store) {
    let run = new_run(store, "whole").await;
    store.log(run, Batch::default().param("z", 1)).await.unwrap();
    let bad = Batch::default().param("a", 1).param("z", 2).metric("m", 1.0, 0, at(1)).tag("t", 1);
    assert!(store.log(run, bad).await.is_err());
    let run = store.run(run).await.unwrap();
    assert_eq!((run.params.len(), run.metrics.len(), run.tags.len()), (1, 0, 0));
}

async fn the_latest_metric_has_the_greatest_step(store: &dyn Store) {
    let run = new_run(store, "steps").await;
    let batch = Batch::default()
        .metric("loss", 3.0, 3, at(1))
        .metric("loss", 1.0, 1, at(9))
        .metric("loss", 3.5, 3, at(2));
    store.log(run, batch).await.unwrap();
    store.log(run, Batch::default().metric("loss", 2.0, 2, at(20))).await.unwrap();
    // Logged twice, as after an answer that was lost on the way: it is there once.
    store.log(run, Batch::default().metric("loss", 2.0, 2, at(20))).await.unwrap();
    assert_eq!(store.run(run).await.unwrap().metrics["loss"].value, 3.5);
    let history = store.metric_history(run, "loss", Page::default()).await.unwrap();
    assert_eq!(history.iter().map(|m| m.value).collect::<Vec<_>>(), [1.0, 2.0, 3.0, 3.5]);
    let page = Page { limit: 2, offset: 1 };
    let history = store.metric_history(run, "loss", page).await.unwrap();
    assert_eq!(history.iter().map(|m| m.value).collect::<Vec<_>>(), [2.0, 3.0]);
    assert_eq!(store.metric_history(run, "none", page).await.unwrap(), []);
}

async fn a_thousand_metrics_go_in_one_batch(store: &dyn Store) {
    let run = new_run(store, "thousand").await;
    let batch = (0..1000).fold(Batch::default(), |batch, step| {
        batch.metric(format!("m{}", step % 10), f64::from(step), step.into(), at(step.into()))
    });
    store.log(run, batch).await.unwrap();
    let found = store.run(run).await.unwrap().metrics;
    assert_eq!((found.len(), found["m7"].value), (10, 997.0));
    let all = Page { limit: 1000, offset: 0 };
    assert_eq!(store.metric_history(run, "m7", all).await.unwrap().len(), 100);
}

async fn deleted_runs_take_nothing(store: &dyn Store) {
    let run = new_run(store, "put away").await;
    assert!(matches!(store.purge_run(run).await, Err(TrackError::Invalid { .. })));
    store.set_run_lifecycle(run, Lifecycle::Deleted, at(9)).await.unwrap();
    let refused = store.log(run, Batch::default().tag("a", "b")).await;
    assert!(matches!(refused, Err(TrackError::Deleted { .. })));
    store.set_run_lifecycle(run, Lifecycle::Active, at(9)).await.unwrap();
    store.log(run, Batch::default().tag("a", "b").metric("m", 1.0, 0, at(1))).await.unwrap();
    store.set_run_lifecycle(run, Lifecycle::Deleted, at(9)).await.unwrap();
    store.purge_run(run).await.unwrap();
    assert!(matches!(store.run(run).await, Err(TrackError::NotFound { .. })));
}

async fn runs_are_found(store: &dyn Store) {
    let experiment = NewExperiment { name: "search".into(), ..Default::default() };
    let experiment = store.create_experiment(experiment).await.unwrap().id;
    for second in 0..6 {
        let name = format!("s{second}");
        let pipeline = Some(if second % 2 == 0 { "even" } else { "odd" }.to_string());
        let run = NewRun { experiment, pipeline, ..NewRun::new(id(&name), &name, at(second)) };
        store.create_run(run).await.unwrap();
    }
    store.update_run(id("s4"), RunUpdate::ended(RunStatus::Succeeded, at(50))).await.unwrap();
    let base = RunQuery { experiments: vec![experiment], ..RunQuery::default() };
    assert_eq!(names(store, &base).await, ["s5", "s4", "s3", "s2", "s1", "s0"]);
    let page = Page { limit: 2, offset: 1 };
    assert_eq!(names(store, &RunQuery { page, ..base.clone() }).await, ["s4", "s3"]);
    let even = RunQuery { pipeline: Some("even".into()), ..base.clone() };
    assert_eq!(names(store, &even).await, ["s4", "s2", "s0"]);
    let done = RunQuery { statuses: vec![RunStatus::Succeeded], ..base.clone() };
    assert_eq!(names(store, &done).await, ["s4"]);
    assert_eq!(store.latest_run("odd").await.unwrap().unwrap().info.name, "s5");
    store.set_run_lifecycle(id("s5"), Lifecycle::Deleted, at(9)).await.unwrap();
    assert_eq!(store.latest_run("odd").await.unwrap().unwrap().info.name, "s3");
    assert_eq!(store.latest_run("never").await.unwrap(), None);
    assert_eq!(names(store, &RunQuery { lifecycle: None, ..base }).await.len(), 6);
    let parts = RunQuery { parent: Parent::Of(id("logged")), ..RunQuery::default() };
    assert_eq!(names(store, &parts).await, ["part"]);
}

async fn long_pages_are_as_short_ones(store: &dyn Store) {
    let new = NewExperiment { name: "many runs".into(), created: at(1), ..Default::default() };
    let experiment = store.create_experiment(new).await.unwrap().id;
    for number in 0..130_i32 {
        let (name, started) = (format!("many {number}"), at(number.into()));
        let value = f64::from(number) / 7.0;
        let batch = Batch::default().metric("m", value, 0, started).param("p", number);
        let run = NewRun { experiment, batch, ..NewRun::new(id(&name), &name, started) };
        store.create_run(run).await.unwrap();
    }
    let page = async |limit, offset| {
        let page = Page { limit, offset };
        let query = RunQuery { experiments: vec![experiment], page, ..RunQuery::default() };
        store.search_runs(&query).await.unwrap()
    };
    let mut short = Vec::new();
    for offset in (0..130).step_by(30) {
        short.extend(page(30, offset).await);
    }
    assert_eq!((short.len(), short[0].info.name.as_str()), (130, "many 129"));
    assert_eq!(page(1_000, 0).await, short);
    assert_eq!(page(111, 7).await, short[7..118]);
    assert!(page(1_000, 130).await.is_empty());
}

async fn names(store: &dyn Store, query: &RunQuery) -> Vec<String> {
    store.search_runs(query).await.unwrap().into_iter().map(|run| run.info.name).collect()
}

async fn conditions_are_held(store: &dyn Store) {
    for (name, auc, model) in
        [("c1", 0.7, "forest"), ("c2", 0.9, "forest"), ("c3", f64::NAN, "svm")]
    {
        let batch = Batch::default().metric("c.auc", auc, 0, at(1)).param("c.model", model);
        let run = NewRun { batch, ..NewRun::new(id(name), name, at(1)) };
        store.create_run(run).await.unwrap();
    }
    let auc = |how, value| Condition::Metric("c.auc".into(), how, value);
    let model = |how, text: &str| Condition::Param("c.model".into(), how, text.into());
    use Comparison::*;
    for (conditions, count) in [
        (vec![auc(Greater, 0.7)], 1),
        (vec![auc(AtLeast, 0.7)], 2),
        (vec![auc(NotEqual, 0.7)], 2),
        (vec![auc(Equal, f64::NAN)], 0),
        (vec![auc(NotEqual, f64::NAN)], 3),
        (vec![model(Equal, "forest")], 2),
        (vec![model(NotEqual, "forest")], 1),
        (vec![model(Equal, "forest"), auc(Less, 0.8)], 1),
        (vec![model(Equal, "' OR 1=1 --")], 0),
        (vec![Condition::Tag("c.none".into(), NotEqual, String::new())], 0),
    ] {
        let query = RunQuery { conditions, ..RunQuery::default() };
        assert_eq!(names(store, &query).await.len(), count, "{:?}", query.conditions);
    }
}

async fn tasks_keep_their_place(store: &dyn Store) {
    let run = new_run(store, "tasks").await;
    let pending = ["ingest", "split", "features"].map(|n| TaskRecord::new(n, TaskStatus::Pending));
    store.record_tasks(run, pending.to_vec()).await.unwrap();
    let done = TaskRecord {
        cached: true,
        attempts: 2,
        started: Some(at(1)),
        ended: Some(at(2)),
        seconds: Some(0.25),
        cache_key: Some("abc".into()),
        inputs: json!({"file": "churn.csv", "sizes": [1, 2.5, null]}),
        reason: Some("nothing changed".into()),
        error: Some("first try: timed out".into()),
        needs: vec!["fetch".into(), "größe 'quoted'".into()],
        facts: json!({"rows": 7043, "unchanged": false}),
        output: Some("0123abcd".into()),
        notes: vec!["2 rows dropped".into()],
        within: Some("each".into()),
        ..TaskRecord::new("ingest", TaskStatus::Succeeded)
    };
    store.record_tasks(run, vec![done.clone()]).await.unwrap();
    let tasks = store.tasks(run).await.unwrap();
    let inputs = store.task_inputs(run).await.unwrap();
    assert_eq!(inputs, [("ingest".to_string(), done.inputs.to_string())]);
    assert_eq!(tasks, [done, pending[1].clone(), pending[2].clone()]);
}

async fn many_tasks_are_recorded_in_order(store: &dyn Store) {
    let run = new_run(store, "many tasks").await;
    let task = |number: u32, attempts| TaskRecord {
        attempts,
        ..TaskRecord::new(format!("t{number}"), TaskStatus::Pending)
    };
    store.record_tasks(run, Vec::new()).await.unwrap();
    store.record_tasks(run, (0..300).map(|number| task(number, 0)).collect()).await.unwrap();
    // Old ones, new ones, and one that is named twice: the later words count, the first place stays.
    let mixed = vec![task(300, 1), task(7, 1), task(301, 1), task(300, 2), task(7, 3)];
    store.record_tasks(run, mixed).await.unwrap();
    let mut expected: Vec<_> = (0..300).map(|number| task(number, 0)).collect();
    expected[7] = task(7, 3);
    expected.extend([task(300, 2), task(301, 1)]);
    assert_eq!(store.tasks(run).await.unwrap(), expected);
    let keyed = |number: u32| TaskRecord { inputs: json!({"n": number}), ..task(number, 0) };
    store.record_tasks(run, (1_000..6_000).map(keyed).collect()).await.unwrap();
    let mut inputs = store.task_inputs(run).await.unwrap();
    inputs.sort();
    let number = |n: u32| (format!("t{n}"), format!("{{\"n\":{n}}}"));
    assert_eq!(inputs, (1_000..6_000).map(number).collect::<Vec<_>>());
    let unnamed = TaskRecord::new(" ", TaskStatus::Pending);
    let refused = store.record_tasks(run, vec![task(400, 0), unnamed]).await;
    assert!(matches!(refused, Err(TrackError::Invalid { .. })), "{refused:?}");
    assert_eq!(store.tasks(run).await.unwrap().len(), 5_302);
}

async fn artifacts_are_listed(store: &dyn Store) {
    let run = new_run(store, "artifacts").await;
    let artifact = |path: &str, text: &str| Artifact {
        path: ArtifactPath::parse(path).unwrap(),
        content: Content {
            hash: ContentHash::of(text.as_bytes()),
            kind: ArtifactKind::File,
            size: text.len() as u64,
        },
    };
    let first = vec![artifact("plots/roc.svg", "roc"), artifact("a.txt", "a")];
    store.record_artifacts(run, first).await.unwrap();
    store.record_artifacts(run, vec![artifact("a.txt", "changed")]).await.unwrap();
    let found = store.artifacts(run).await.unwrap();
    assert_eq!(found, [artifact("a.txt", "changed"), artifact("plots/roc.svg", "roc")]);
}

async fn names_are_checked(store: &dyn Store) {
    let run = new_run(store, "names").await;
    let long = "x".repeat(MAX_PARAM_CHARS + 1);
    for batch in [
        Batch::default().param("", 1),
        Batch::default().param("a\0", 1),
        Batch::default().param("a", "nul \0"),
        Batch::default().param("a", &long),
        Batch::default().metric("a\nb", 1.0, 0, at(1)),
        Batch::default().tag("k".repeat(MAX_KEY_CHARS + 1), 1),
    ] {
        let refused = store.log(run, batch).await;
        assert!(matches!(refused, Err(TrackError::Invalid { .. })), "{refused:?}");
    }
    store.log(run, Batch::default().param("a", &long[1..])).await.unwrap();
    for model in ["", "a/b", "a@b", "a:b"] {
        let refused = store.ensure_model(model, at(1)).await;
        assert!(matches!(refused, Err(TrackError::Invalid { .. })), "{refused:?}");
    }
}

fn version(model: &str, digest: &str, seconds: i64) -> NewVersion {
    NewVersion::new(model, digest, format!("models/{model}/{digest}"), note(seconds, "trained"))
}

async fn versions_count_up(store: &dyn Store) {
    let new = NewVersion {
        run: Some(id("logged")),
        metrics: json!({"test": {"roc_auc": 0.84}}),
        description: "first".into(),
        tags: [("stage".to_string(), "trial".to_string())].into(),
        ..version("count", "d1", 1)
    };
    let Registration::New(first) = store.register(new.clone()).await.unwrap() else { panic!() };
    assert_eq!((first.version, first.status), (1, VersionStatus::Ready));
    assert_eq!((&first.metrics, &first.tags, first.run), (&new.metrics, &new.tags, new.run));
    assert_eq!(first.created, at(1));
    store.register(version("count", "d2", 2)).await.unwrap();
    let versions = store.versions("count", Page::default()).await.unwrap();
    assert_eq!(versions.iter().map(|v| v.version).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(store.newest_version("count").await.unwrap(), versions[0]);
    assert_eq!(store.versions_of_run(id("logged")).await.unwrap(), [first]);
    store.describe_model("count", "counts", at(3)).await.unwrap();
    store.tag_model("count", "team", "red", at(4)).await.unwrap();
    let model = store.model("count").await.unwrap();
    assert_eq!((model.newest, model.created, model.updated), (Some(2), at(1), at(4)));
    assert_eq!((model.description.as_str(), model.tags["team"].as_str()), ("counts", "red"));
}

async fn equal_content_makes_no_version(store: &dyn Store) {
    store.register(version("same", "a", 1)).await.unwrap();
    let again = store.register(version("same", "a", 2)).await.unwrap();
    assert!(matches!(&again, Registration::Unchanged(v) if v.version == 1 && v.created == at(1)));
    store.register(version("same", "b", 3)).await.unwrap();
    // Equal to an older one only: going back to it is news.
    let back = store.register(version("same", "a", 4)).await.unwrap();
    assert!(matches!(&back, Registration::New(v) if v.version == 3));
    assert_eq!(store.history("same").await.unwrap().len(), 3);
}

async fn aliases_move_and_go_back(store: &dyn Store) {
    for (number, digest) in ["a", "b", "c"].into_iter().enumerate() {
        store.register(version("moves", digest, number as i64)).await.unwrap();
    }
    for number in [1, 2, 2, 3] {
        let named = store.set_alias("moves", "champion", number, note(10, "better")).await.unwrap();
        assert_eq!(named.aliases, ["champion"]);
    }
    let current = async || store.aliased("moves", "champion").await.unwrap().version;
    assert_eq!(current().await, 3);
    store.roll_back("moves", "champion", note(20, "worse live")).await.unwrap();
    assert_eq!(current().await, 2);
    store.roll_back("moves", "champion", note(21, "again")).await.unwrap();
    assert_eq!(current().await, 1);
    let refused = store.roll_back("moves", "champion", note(22, "again")).await;
    assert!(matches!(refused, Err(TrackError::Invalid { .. })), "{refused:?}");
    assert!(store.set_alias("moves", "v2", 1, note(23, "")).await.is_err());
    let event = NewEvent {
        what: WhatHappened::Alarm,
        version: Some(1),
        run: Some(id("logged")),
        note: note(24, "drift in 3 of 5 columns"),
        detail: json!({"moved": 3}),
    };
    store.record_event("moves", event).await.unwrap();
    store.remove_alias("moves", "champion", note(25, "retired")).await.unwrap();
    assert!(matches!(store.aliased("moves", "champion").await, Err(TrackError::NotFound { .. })));

    let lines: Vec<String> = store.history("moves").await.unwrap().iter().map(line).collect();
    assert_eq!(
        lines,
        [
            "1 registered - > 1: trained",
            "2 registered - > 2: trained",
            "3 registered - > 3: trained",
            "4 alias set - > 1: better",
            "5 alias set 1 > 2: better",
            "6 alias set 2 > 3: better",
            "7 rolled back 3 > 2: worse live",
            "8 rolled back 2 > 1: again",
            "9 alarm - > 1: drift in 3 of 5 columns",
            "10 alias removed 1 > -: retired",
        ]
    );
}

fn line(event: &ModelEvent) -> String {
    let number = |version: Option<u32>| version.map_or("-".to_string(), |v| v.to_string());
    let (from, to) = (number(event.previous), number(event.version));
    format!("{} {} {from} > {to}: {}", event.number, event.what, event.note.why)
}

async fn deleted_versions_leave_their_number(store: &dyn Store) {
    store.register(version("gone", "a", 1)).await.unwrap();
    store.register(version("gone", "b", 2)).await.unwrap();
    store.set_alias("gone", "champion", 1, note(3, "")).await.unwrap();
    store.set_alias("gone", "champion", 2, note(4, "")).await.unwrap();
    store.set_alias("gone", "old", 1, note(5, "")).await.unwrap();
    store.delete_version("gone", 1, note(6, "cleared")).await.unwrap();
    assert!(store.aliased("gone", "old").await.is_err());
    assert!(store.roll_back("gone", "champion", note(7, "")).await.is_err());
    store.delete_version("gone", 2, note(8, "cleared")).await.unwrap();
    assert!(matches!(store.newest_version("gone").await, Err(TrackError::NotFound { .. })));
    let next = store.register(version("gone", "b", 9)).await.unwrap();
    assert_eq!(next.version().version, 3);
    store.delete_model("gone").await.unwrap();
    assert!(store.history("gone").await.is_err());
}

async fn unknown_things_are_named(store: &dyn Store) {
    let error = store.model("cuont").await.unwrap_err();
    assert_eq!(error.to_string(), "model `cuont` not found");
    assert_eq!(error.hint().as_deref(), Some("did you mean `count`?"));
    let error = store.version("count", 9).await.unwrap_err();
    assert_eq!(error.to_string(), "version `count/9` not found");
    let error = store.experiment("77".parse().unwrap()).await.unwrap_err();
    assert_eq!(error.to_string(), "experiment `77` not found");
    let nobody = id("nobody");
    assert!(store.run(nobody).await.is_err());
    assert!(store.log(nobody, Batch::default()).await.is_err());
    assert!(store.tasks(nobody).await.is_err());
    assert!(store.task_inputs(nobody).await.is_err());
    assert!(store.record_tasks(nobody, Vec::new()).await.is_err());
    assert!(store.artifacts(nobody).await.is_err());
    assert!(store.metric_history(nobody, "m", Page::default()).await.is_err());
    assert!(store.update_run(nobody, RunUpdate::default()).await.is_err());
    assert!(store.set_alias("count", "champion", 9, note(1, "")).await.is_err());
    assert!(store.roll_back("count", "champion", note(1, "")).await.is_err());
}
