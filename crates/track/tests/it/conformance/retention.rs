//! What every store must do for what was put away: list it with who needs it, and forget it for good.

use gristmill_track::*;

use super::{at, id, new_run, note};

pub async fn all(store: &dyn Store) {
    a_run_is_forgotten_with_all_it_logged(store).await;
    what_a_version_needs_stays(store).await;
    an_experiment_goes_last_and_its_number_with_it(store).await;
    content_is_counted_by_its_names(store).await;
    packages_are_relocated(store).await;
}

async fn put_away(store: &dyn Store, name: &str, seconds: i64) -> RunId {
    let run = new_run(store, name).await;
    store.set_run_lifecycle(run, Lifecycle::Deleted, at(seconds)).await.unwrap();
    run
}

/// The names of runs that were put away until then.
async fn until(store: &dyn Store, seconds: i64) -> Vec<String> {
    let away = store.put_away(at(seconds), at(1_000)).await.unwrap();
    let ours = away.runs.into_iter().filter(|run| run.name.starts_with("away "));
    ours.map(|run| run.name).collect()
}

async fn a_run_is_forgotten_with_all_it_logged(store: &dyn Store) {
    let early = put_away(store, "away early", 100).await;
    let late = put_away(store, "away late", 200).await;
    // Once more: since when does not change, until it was taken back.
    store.set_run_lifecycle(early, Lifecycle::Deleted, at(300)).await.unwrap();
    assert_eq!(until(store, 99).await, Vec::<String>::new());
    assert_eq!(until(store, 100).await, ["away early"]);
    store.set_run_lifecycle(early, Lifecycle::Active, at(310)).await.unwrap();
    let dataset =
        Dataset { name: "forgotten rows".into(), digest: "d".into(), ..Dataset::default() };
    let input = DatasetInput { dataset, ..DatasetInput::default() };
    store.log_inputs(early, vec![input], vec![]).await.unwrap();
    let batch = Batch::default().param("p", 1).tag("t", 1).metric("m", 1.0, 0, at(1));
    store.log(early, batch).await.unwrap();
    assert!(matches!(store.forget_run(early).await, Err(TrackError::Invalid { .. })));
    store.set_run_lifecycle(early, Lifecycle::Deleted, at(320)).await.unwrap();
    assert_eq!(until(store, 319).await, ["away late"]);

    assert_eq!(store.forget_run(early).await.unwrap(), Vec::<String>::new());
    assert!(matches!(store.run(early).await, Err(TrackError::NotFound { .. })));
    assert!(matches!(store.forget_run(early).await, Err(TrackError::NotFound { .. })));
    let datasets = store.dataset_summaries(vec![ExperimentId::DEFAULT]).await.unwrap();
    assert!(datasets.iter().all(|dataset| dataset.name != "forgotten rows"), "{datasets:?}");
    store.forget_run(late).await.unwrap();
    assert_eq!(until(store, 10_000).await, Vec::<String>::new());
    store.note_put_away(at(1_000)).await.unwrap();
}

fn logged_model(name: &str, experiment: ExperimentId, run: RunId) -> NewLoggedModel {
    NewLoggedModel {
        id: format!("m-{name}"),
        experiment,
        name: name.into(),
        model_type: None,
        run: Some(run),
        tags: Default::default(),
        params: Default::default(),
        at: at(5),
    }
}

async fn what_a_version_needs_stays(store: &dyn Store) {
    let made = put_away(store, "away made", 400).await;
    let logged = new_run(store, "away logged").await;
    store.create_logged_model(logged_model("kept", ExperimentId::DEFAULT, logged)).await.unwrap();
    store.set_run_lifecycle(logged, Lifecycle::Deleted, at(401)).await.unwrap();
    store.set_logged_model_lifecycle("m-kept", Lifecycle::Deleted, at(402)).await.unwrap();
    let version = NewVersion::new("needing", "d1", "models/1", note(5, ""));
    store.register(NewVersion { run: Some(made), ..version.clone() }).await.unwrap();
    let second = NewVersion { logged_model: Some("m-kept".into()), digest: "d2".into(), ..version };
    store.register(second).await.unwrap();

    let away = store.put_away(at(500), at(1_000)).await.unwrap();
    let by = |name: &str| away.runs.iter().find(|run| run.name == name).unwrap().needed_by.clone();
    assert_eq!(by("away made"), ["needing/1"]);
    assert_eq!(by("away logged"), ["needing/2"]);
    let model = away.logged_models.iter().find(|model| model.id == "m-kept").unwrap();
    assert_eq!(model.needed_by, ["needing/2"]);
    assert_eq!(store.forget_run(made).await.unwrap(), ["needing/1"]);
    assert_eq!(store.forget_run(logged).await.unwrap(), ["needing/2"]);
    assert_eq!(store.forget_logged_model("m-kept").await.unwrap(), ["needing/2"]);
    assert_eq!(store.run(made).await.unwrap().info.lifecycle, Lifecycle::Deleted);
    store.delete_model("needing").await.unwrap();
    assert_eq!(store.forget_logged_model("m-kept").await.unwrap(), Vec::<String>::new());
    for run in [made, logged] {
        assert_eq!(store.forget_run(run).await.unwrap(), Vec::<String>::new());
    }
    assert!(store.logged_model("m-kept").await.is_err());
}

async fn an_experiment_goes_last_and_its_number_with_it(store: &dyn Store) {
    let new = |name: &str| NewExperiment { name: name.into(), ..NewExperiment::default() };
    let old = store.create_experiment(new("old")).await.unwrap().id;
    let run = NewRun { experiment: old, ..NewRun::new(id("away old"), "away old", at(1)) };
    let run = store.create_run(run).await.unwrap().info.id;
    store.create_logged_model(logged_model("old", old, run)).await.unwrap();
    assert!(matches!(store.forget_experiment(old).await, Err(TrackError::Invalid { .. })));
    store.set_experiment_lifecycle(old, Lifecycle::Deleted, at(600)).await.unwrap();
    let away = store.put_away(at(600), at(1_000)).await.unwrap();
    assert!(away.experiments.iter().any(|e| e.id == old && e.since == at(600)));
    let within = away.runs.iter().filter(|run| run.experiment == old);
    assert_eq!(within.map(|run| run.id).collect::<Vec<_>>(), [run]);
    let refused = store.forget_experiment(old).await;
    assert!(matches!(refused, Err(TrackError::Invalid { .. })), "it has a run: {refused:?}");

    let version = NewVersion::new("needing", "d1", "models/1", note(5, ""));
    let version = NewVersion { logged_model: Some("m-old".into()), ..version };
    store.register(version).await.unwrap();
    assert_eq!(store.forget_run(run).await.unwrap(), ["needing/1"]);
    store.delete_model("needing").await.unwrap();
    store.forget_run(run).await.unwrap();
    let path = ArtifactPath::parse(&format!("{old}/models/m-old/artifacts/a")).unwrap();
    let content = Content { hash: ContentHash::of(b"a"), kind: ArtifactKind::File, size: 1 };
    store.keep_file(StoredFile { path, content }).await.unwrap();
    assert_eq!(store.forget_experiment(old).await.unwrap(), Vec::<String>::new());
    assert!(matches!(store.experiment(old).await, Err(TrackError::NotFound { .. })));
    assert!(store.logged_model("m-old").await.is_err());
    assert_eq!(store.files_below(&old.to_string()).await.unwrap(), []);
    let next = store.create_experiment(new("old")).await.unwrap().id;
    assert!(next > old, "{next} was given before");
    let default = store.forget_experiment(ExperimentId::DEFAULT).await;
    assert!(matches!(default, Err(TrackError::Invalid { .. })));
}

async fn content_is_counted_by_its_names(store: &dyn Store) {
    let run = new_run(store, "counted").await;
    let content = Content { hash: ContentHash::of(b"counted"), kind: ArtifactKind::File, size: 7 };
    let artifact = |path| Artifact { path: ArtifactPath::parse(path).unwrap(), content };
    store.record_artifacts(run, vec![artifact("a"), artifact("b")]).await.unwrap();
    let path = ArtifactPath::parse("0/files/c").unwrap();
    store.keep_file(StoredFile { path, content }).await.unwrap();
    assert_eq!(store.contents().await.unwrap()[&content.hash], 3);
}

async fn packages_are_relocated(store: &dyn Store) {
    for (n, path) in ["/häuser/alt/a/1", "/häuser/altes/a/2"].into_iter().enumerate() {
        let version = NewVersion::new("moved", format!("d{n}"), path, note(5, ""));
        store.register(version).await.unwrap();
    }
    assert_eq!(store.relocate_packages("/häuser/alt", "/neu").await.unwrap(), 1);
    assert_eq!(store.version("moved", 1).await.unwrap().path, "/neu/a/1");
    assert_eq!(store.version("moved", 2).await.unwrap().path, "/häuser/altes/a/2");
}
