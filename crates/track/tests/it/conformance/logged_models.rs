//! What every store must do for logged models.

use std::collections::BTreeMap;

use gristmill_track::*;

use super::{at, new_run};

pub async fn all(store: &dyn Store) {
    a_logged_model_comes_back_whole(store).await;
    a_param_of_a_model_never_changes(store).await;
    unknown_logged_models_are_named(store).await;
    what_was_measured_is_found(store).await;
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

fn measured(model: &str, key: &str, value: f64, seconds: i64, dataset: &str) -> ModelMetric {
    ModelMetric {
        model: model.into(),
        metric: Metric { key: key.into(), value, step: 1, at: at(seconds) },
        dataset: (!dataset.is_empty()).then(|| (dataset.to_string(), "d1".to_string())),
    }
}

/// Three models with an AUC each: the first rose on the test data, the last was measured on nothing.
async fn with_measures(store: &dyn Store) -> RunId {
    let run = new_run(store, "measures models").await;
    for (name, seconds) in [("m-low", 11), ("m-high", 12), ("m-none", 13)] {
        let tags = pairs([("kind", name)]);
        let model = NewLoggedModel { at: at(seconds), tags, ..new(name, Some(run)) };
        store.create_logged_model(model).await.unwrap();
    }
    store.log_model_params("m-low", pairs([("trees", "10")])).await.unwrap();
    let model_metrics = vec![
        measured("m-low", "auc", 0.95, 1, "train"),
        measured("m-low", "auc", 0.5, 2, "test"),
        measured("m-high", "auc", 0.9, 3, "test"),
        measured("m-none", "loss", f64::NAN, 4, ""),
    ];
    let metrics = model_metrics.iter().map(|of| of.metric.clone()).collect();
    store.log(run, Batch { metrics, model_metrics, ..Batch::default() }).await.unwrap();
    run
}

async fn what_was_measured_is_found(store: &dyn Store) {
    let run = with_measures(store).await;
    let low = store.logged_model("m-low").await.unwrap();
    let values: Vec<_> = low.metrics.iter().map(|of| (of.run, of.metric.value)).collect();
    assert_eq!(values, [(run, 0.95), (run, 0.5)]);
    assert_eq!(low.metrics[1].dataset, Some(("test".into(), "d1".into())));

    let ours = format!("source_run_id = '{run}'");
    let find = async |filter: &str, datasets: &[&str], orders: &[(&str, &str)]| {
        let dataset = |name: &&str| DatasetRef { name: name.to_string(), digest: None };
        let order = orders.iter().map(|(text, on)| {
            let order = Order::parse(text, &Searchable::LOGGED_MODELS).unwrap();
            (order, (!on.is_empty()).then(|| dataset(on)))
        });
        let query = LoggedModelQuery {
            experiments: vec![ExperimentId::DEFAULT],
            filter: Filter::parse(filter, &Searchable::LOGGED_MODELS).unwrap(),
            datasets: datasets.iter().map(dataset).collect(),
            order: order.collect(),
            page: Page::default(),
        };
        let found = store.search_logged_models(&query).await.unwrap();
        found.into_iter().map(|model| model.id).collect::<Vec<_>>()
    };
    assert_eq!(find(&ours, &[], &[]).await, ["m-none", "m-high", "m-low"]);
    let good = format!("metrics.auc > 0.8 AND {ours}");
    assert_eq!(find(&good, &[], &[]).await, ["m-high", "m-low"]);
    assert_eq!(find(&good, &["test"], &[]).await, ["m-high"]);
    assert_eq!(find(&ours, &["train"], &[]).await, ["m-low"]);
    assert_eq!(find(&format!("params.trees = '10' AND {ours}"), &[], &[]).await, ["m-low"]);
    assert_eq!(find(&format!("tags.kind = 'm-high' AND {ours}"), &[], &[]).await, ["m-high"]);
    let by_auc = [("metrics.auc DESC", "")];
    assert_eq!(find(&ours, &[], &by_auc).await, ["m-high", "m-low", "m-none"]);
    let by_training = [("metrics.auc ASC", "train")];
    assert_eq!(find(&ours, &[], &by_training).await, ["m-low", "m-none", "m-high"]);
    store.set_logged_model_lifecycle("m-low", Lifecycle::Deleted, at(20)).await.unwrap();
    assert_eq!(find(&good, &[], &[]).await, ["m-high"]);
    let everywhere = LoggedModelQuery::default();
    assert_eq!(store.search_logged_models(&everywhere).await.unwrap(), []);
}
