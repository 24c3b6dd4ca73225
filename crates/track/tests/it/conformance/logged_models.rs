//! What every store must do for logged models.

use std::collections::BTreeMap;

use gristmill_track::*;

use super::{at, new_run};

pub async fn all(store: &dyn Store) {
    a_logged_model_comes_back_whole(store).await;
    a_param_of_a_model_never_changes(store).await;
    unknown_logged_models_are_named(store).await;
}

fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs.into_iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
}

fn new(id: &str, run: Option<RunId>) -> NewLoggedModel {
    NewLoggedModel {
        id: id.into(),
        experiment: ExperimentId::DEFAULT,
        name: "kind-hare-1".into(),
        model_type: None,
        run,
        tags: BTreeMap::new(),
        params: BTreeMap::new(),
        at: at(1),
    }
}

async fn a_logged_model_comes_back_whole(store: &dyn Store) {
    let run = new_run(store, "logs a model").await;
    let full = NewLoggedModel {
        model_type: Some("forest".into()),
        tags: pairs([("größe", "klein")]),
        params: pairs([("trees", "100")]),
        ..new("m-whole", Some(run))
    };
    let made = store.create_logged_model(full.clone()).await.unwrap();
    assert_eq!((made.status, made.lifecycle), (LoggedModelStatus::Pending, Lifecycle::Active));
    assert_eq!((made.run, &made.tags, &made.params), (Some(run), &full.tags, &full.params));
    assert_eq!((made.created, made.updated), (at(1), at(1)));
    assert_eq!(store.logged_model("m-whole").await.unwrap(), made);
    let refused = store.create_logged_model(full).await;
    assert!(matches!(refused, Err(TrackError::Exists { .. })), "{refused:?}");

    let ready = LoggedModelStatus::Ready;
    let done = store.finalize_logged_model("m-whole", ready, at(2)).await.unwrap();
    assert_eq!((done.status, done.updated), (ready, at(2)));
    store.tag_logged_model("m-whole", pairs([("a", "1"), ("größe", "")])).await.unwrap();
    store.untag_logged_model("m-whole", "a").await.unwrap();
    let error = store.untag_logged_model("m-whole", "a").await.unwrap_err();
    assert_eq!(error.to_string(), "tag `a` not found");
    assert_eq!(store.logged_model("m-whole").await.unwrap().tags, pairs([("größe", "")]));
    store.set_logged_model_lifecycle("m-whole", Lifecycle::Deleted, at(3)).await.unwrap();
    let gone = store.logged_model("m-whole").await.unwrap();
    assert_eq!((gone.lifecycle, gone.updated), (Lifecycle::Deleted, at(3)));
}

async fn a_param_of_a_model_never_changes(store: &dyn Store) {
    store.create_logged_model(new("m-params", None)).await.unwrap();
    store.log_model_params("m-params", pairs([("a", "1"), ("b", "2")])).await.unwrap();
    store.log_model_params("m-params", pairs([("b", "2")])).await.unwrap();
    let refused = store.log_model_params("m-params", pairs([("c", "3"), ("b", "4")])).await;
    assert!(matches!(refused, Err(TrackError::ParamChanged { .. })), "{refused:?}");
    let params = store.logged_model("m-params").await.unwrap().params;
    assert_eq!(params, pairs([("a", "1"), ("b", "2")]));
}

async fn unknown_logged_models_are_named(store: &dyn Store) {
    let error = store.logged_model("m-nobody").await.unwrap_err();
    assert_eq!(error.to_string(), "logged model `m-nobody` not found");
    let none = BTreeMap::new();
    assert!(store.log_model_params("m-nobody", none.clone()).await.is_err());
    assert!(store.tag_logged_model("m-nobody", none).await.is_err());
    let ready = LoggedModelStatus::Ready;
    assert!(store.finalize_logged_model("m-nobody", ready, at(1)).await.is_err());
    let elsewhere = NewLoggedModel { experiment: "77".parse().unwrap(), ..new("m-x", None) };
    assert!(store.create_logged_model(elsewhere).await.is_err());
}
