//! What every store must do with what another store kept.

use std::collections::BTreeMap;

use gristmill_track::*;

use super::{at, id, note};

pub async fn all(store: &dyn Store) {
    an_experiment_keeps_its_number_where_it_can(store).await;
    a_run_is_active_until_it_is_settled(store).await;
    parts_join_only_what_began_before_them(store).await;
    a_logged_model_is_stored_with_what_was_measured(store).await;
    a_model_is_stored_with_its_numbers_and_history(store).await;
    what_cannot_be_stored_is_told_apart();
}

fn experiment(number: &str, name: &str) -> Experiment {
    Experiment {
        id: number.parse().unwrap(),
        name: name.into(),
        lifecycle: Lifecycle::Deleted,
        created: at(3),
        updated: at(4),
        artifact_location: None,
        tags: [("team".to_string(), "red".to_string())].into(),
    }
}

async fn an_experiment_keeps_its_number_where_it_can(store: &dyn Store) {
    let given = experiment("900", "adopted");
    assert_eq!(store.adopt_experiment(given.clone()).await.unwrap(), given);
    let refused = store.adopt_experiment(given).await;
    assert!(matches!(refused, Err(TrackError::Exists { .. })), "{refused:?}");
    let second = store.adopt_experiment(experiment("900", "adopted too")).await.unwrap();
    assert_eq!(second.id.to_string(), "901");
    // The next numbers must have room behind the greatest.
    let beyond = store.adopt_experiment(experiment("9223372036854775807", "last")).await.unwrap();
    assert_eq!(beyond.id.to_string(), "902");
}

/// A run as another store has it.
fn adopted(name: &str, started: i64) -> Run {
    let pair = |key: &str, value: &str| BTreeMap::from([(key.to_string(), value.to_string())]);
    let dataset = Dataset { name: "d".into(), digest: "1".into(), ..Dataset::default() };
    Run {
        info: RunInfo {
            id: id(name),
            experiment: ExperimentId::DEFAULT,
            name: name.into(),
            status: RunStatus::Failed,
            lifecycle: Lifecycle::Deleted,
            started: at(started),
            ended: Some(at(started + 1)),
            kind: None,
            pipeline: None,
            source: None,
            error: None,
            parent: None,
            user: Some("somebody".into()),
            artifact_location: None,
        },
        params: pair("lr", "0.1"),
        metrics: BTreeMap::new(),
        tags: pair(tags::RUN_NAME, "the name in the tag"),
        datasets: vec![DatasetInput { dataset, tags: pair("for", "training") }],
        models: vec![ModelLink { role: ModelRole::Output, model: "m-1".into(), step: 3 }],
    }
}

async fn a_run_is_active_until_it_is_settled(store: &dyn Store) {
    let given = adopted("adopted run", 5);
    store.adopt_run(given.clone()).await.unwrap();
    let refused = store.adopt_run(given.clone()).await;
    assert!(matches!(refused, Err(TrackError::Exists { .. })), "{refused:?}");
    let begun = store.run(given.info.id).await.unwrap();
    assert_eq!(begun.info.kind.as_deref(), Some(BEING_ADOPTED));
    assert_eq!(begun.info.lifecycle, Lifecycle::Active);
    store.log(given.info.id, Batch::default().metric("m", 0.5, 1, at(2))).await.unwrap();
    store.settle_run(given.info.id, Lifecycle::Deleted).await.unwrap();
    let settled = store.run(given.info.id).await.unwrap();
    let counts = store.metric_counts(given.info.id).await.unwrap();
    assert_eq!(counts, [("m".to_string(), 1)].into());
    assert_eq!(settled.metrics["m"].value, 0.5);
    assert_eq!(Run { metrics: BTreeMap::new(), ..settled }, given);
    let content = Content { hash: ContentHash::of(b"a"), kind: ArtifactKind::File, size: 1 };
    let artifact = Artifact { path: ArtifactPath::parse("a.txt").unwrap(), content };
    store.adopt_artifacts(given.info.id, vec![artifact.clone()]).await.unwrap();
    assert_eq!(store.artifacts(given.info.id).await.unwrap(), [artifact]);
    // Settled once, it is a run like any other.
    store.settle_run(given.info.id, Lifecycle::Active).await.unwrap();
    assert_eq!(store.run(given.info.id).await.unwrap().info.lifecycle, Lifecycle::Deleted);
    let unknown = store.settle_run(id("nobody's"), Lifecycle::Active).await;
    assert!(matches!(unknown, Err(TrackError::NotFound { .. })), "{unknown:?}");
    let mut elsewhere = adopted("elsewhere", 5);
    elsewhere.info.experiment = "77777".parse().unwrap();
    assert!(matches!(store.adopt_run(elsewhere).await, Err(TrackError::NotFound { .. })));
}

async fn parts_join_only_what_began_before_them(store: &dyn Store) {
    let with_parent = |name: &str, started, parent: &str| {
        let mut run = adopted(name, started);
        run.tags.insert(tags::PARENT_RUN.into(), id(parent).to_string());
        run
    };
    for run in [
        adopted("adopted whole", 10),
        with_parent("adopted part", 20, "adopted whole"),
        with_parent("adopted at once", 10, "adopted whole"),
        with_parent("adopted left", 30, "adopted right"),
        with_parent("adopted right", 30, "adopted left"),
        with_parent("adopted early", 5, "adopted whole"),
    ] {
        store.adopt_run(run).await.unwrap();
    }
    let pair = |part: &str, whole: &str| (id(part), id(whole));
    let pairs = vec![
        pair("adopted part", "adopted whole"),
        pair("adopted at once", "adopted whole"),
        pair("adopted left", "adopted right"),
        pair("adopted right", "adopted left"),
        pair("adopted early", "adopted whole"),
        pair("adopted whole", "adopted whole"),
        pair("adopted part", "adopted early"),
        pair("adopted whole", "nobody's"),
    ];
    store.join_runs(pairs).await.unwrap();
    for (part, whole) in [
        ("adopted part", Some("adopted whole")),
        ("adopted at once", Some("adopted whole")),
        ("adopted left", None),
        ("adopted right", None),
        ("adopted early", None),
        ("adopted whole", None),
    ] {
        let found = store.run(id(part)).await.unwrap().info.parent;
        assert_eq!(found, whole.map(id), "{part}");
    }
}

async fn a_logged_model_is_stored_with_what_was_measured(store: &dyn Store) {
    let metric = Metric { key: "auc".into(), value: f64::INFINITY, step: 2, at: at(9) };
    let dataset = Some(("d".to_string(), "1".to_string()));
    let given = LoggedModel {
        id: "m-adopted".into(),
        experiment: ExperimentId::DEFAULT,
        name: "line".into(),
        model_type: Some("linear".into()),
        run: Some(id("adopted run")),
        status: LoggedModelStatus::Failed,
        status_message: Some("no room".into()),
        lifecycle: Lifecycle::Deleted,
        created: at(7),
        updated: at(8),
        tags: [("a".to_string(), "1".to_string())].into(),
        params: [("b".to_string(), "2".to_string())].into(),
        metrics: vec![Measured { run: id("adopted run"), metric, dataset }],
    };
    store.adopt_logged_model(given.clone()).await.unwrap();
    assert_eq!(store.logged_model("m-adopted").await.unwrap(), given);
    let refused = store.adopt_logged_model(given.clone()).await;
    assert!(matches!(refused, Err(TrackError::Exists { .. })), "{refused:?}");
    let mut of_nobody = LoggedModel { id: "m-of-nobody".into(), ..given };
    of_nobody.metrics[0].run = id("nobody's");
    let refused = store.adopt_logged_model(of_nobody).await;
    assert!(matches!(refused, Err(TrackError::NotFound { .. })), "{refused:?}");
    assert!(store.logged_model("m-of-nobody").await.is_err());
}

fn version(number: u32) -> ModelVersion {
    ModelVersion {
        model: "adopted".into(),
        version: number,
        run: Some(id("adopted run")),
        path: "mlflow-artifacts:/0/a/model".into(),
        digest: String::new(),
        source: Some("mlflow-artifacts:/0/a/model".into()),
        run_link: None,
        logged_model: None,
        metrics: serde_json::Value::Null,
        gate: Gate::None,
        created: at(11),
        updated: at(12),
        who: "somebody".into(),
        description: "a version".into(),
        stage: Stage::Production,
        status: VersionStatus::Pending,
        status_message: Some("soon".into()),
        tags: [("t".to_string(), "v".to_string())].into(),
        aliases: Vec::new(),
    }
}

async fn a_model_is_stored_with_its_numbers_and_history(store: &dyn Store) {
    let model = Model {
        name: "adopted".into(),
        created: at(10),
        updated: at(13),
        description: "from elsewhere".into(),
        tags: [("m".to_string(), "n".to_string())].into(),
        aliases: [("champion".to_string(), 5)].into(),
        newest: Some(5),
    };
    let named = ModelVersion { aliases: vec!["champion".into()], ..version(5) };
    let versions = vec![version(2), named];
    let note = note(20, "imported");
    let given = AdoptedModel { model, versions, last_version: 7, note };
    store.adopt_model(given.clone()).await.unwrap();
    assert_eq!(store.model("adopted").await.unwrap(), given.model);
    let mut found = store.versions("adopted", Page::default()).await.unwrap();
    found.reverse();
    assert_eq!(found, given.versions);
    let history = store.history("adopted").await.unwrap();
    let whats: Vec<_> =
        history.iter().map(|line| (line.what, line.version, line.note.at)).collect();
    let registered = WhatHappened::Registered;
    let expected = [
        (registered, Some(2), at(11)),
        (registered, Some(5), at(11)),
        (WhatHappened::AliasSet, Some(5), at(20)),
    ];
    assert_eq!(whats, expected);
    let new = NewVersion::new("adopted", "", "somewhere", super::note(30, "by hand"));
    assert_eq!(store.create_version(new).await.unwrap().version, 8);
    let refused = store.adopt_model(given).await;
    assert!(matches!(refused, Err(TrackError::Exists { .. })), "{refused:?}");
}

fn what_cannot_be_stored_is_told_apart() {
    let mut run = adopted("x", 1);
    run.params.insert("long".into(), "v".repeat(MAX_PARAM_CHARS + 1));
    run.tags.insert("nul".into(), "a\0b".into());
    run.info.name = String::new();
    let (kept, refused) = run.storable();
    assert_eq!((kept.params.len(), kept.tags.len()), (1, 1));
    assert_eq!(kept.info.name, id("x").to_string()[..8]);
    let told: Vec<String> = refused.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "the value of param `long` is 6001 characters long, expected at most 6000",
            "the value of tag `nul` is text with a NUL character, expected text without one",
        ]
    );
}
