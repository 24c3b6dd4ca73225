//! What every store must do for labels that come later.

use std::collections::BTreeMap;

use gristmill_track::*;

use super::{at, version};

pub async fn all(store: &dyn Store) {
    the_latest_label_counts(store).await;
    labels_that_cannot_be_kept_are_refused(store).await;
    old_labels_are_forgotten(store).await;
}

fn label((id, label): (&str, &str)) -> Label {
    Label { id: id.into(), label: label.into() }
}

async fn add(store: &dyn Store, labels: &[(&str, &str)], seconds: i64) -> Result<LabelsAdded> {
    let labels = labels.iter().copied().map(label).collect();
    store.add_labels("labelled", labels, at(seconds)).await
}

async fn known(store: &dyn Store, ids: &[&str]) -> BTreeMap<String, String> {
    let ids = ids.iter().map(|id| (*id).to_string()).collect();
    store.labels("labelled", ids).await.unwrap()
}

fn added(new: u64, repeated: u64, contradicted: u64) -> Result<LabelsAdded> {
    Ok(LabelsAdded { new, repeated, contradicted })
}

async fn the_latest_label_counts(store: &dyn Store) {
    store.register(version("labelled", "a", 1)).await.unwrap();
    let first = [("a/1", "Yes"), ("a/2", "No"), ("b", "Yes"), ("b", "Yes"), ("b", "No")];
    assert_eq!(add(store, &first, 5).await, added(3, 1, 1));
    assert_eq!(add(store, &[("b", "No"), ("a/1", "No"), ("c", "1.5")], 6).await, added(1, 1, 1));
    let found = known(store, &["a/1", "a/2", "b", "c", "unknown"]).await;
    let expected = [("a/1", "No"), ("a/2", "No"), ("b", "No"), ("c", "1.5")];
    assert_eq!(found, expected.map(|(id, label)| (id.into(), label.into())).into());
    let many: Vec<String> = (0..1_200).map(|n| format!("many/{n}")).collect();
    let labels: Vec<(&str, &str)> = many.iter().map(|id| (id.as_str(), "Yes")).collect();
    assert_eq!(add(store, &labels, 7).await, added(1_200, 0, 0));
    assert_eq!(store.labels("labelled", many).await.unwrap().len(), 1_200);
    assert_eq!(add(store, &[], 7).await, added(0, 0, 0));
}

async fn labels_that_cannot_be_kept_are_refused(store: &dyn Store) {
    let long = "x".repeat(MAX_PREDICTION_ID_CHARS + 1);
    for odd in [("", "Yes"), ("d", ""), ("d\n", "Yes"), (long.as_str(), "Yes"), ("d", "\0")] {
        let refused = add(store, &[("good", "Yes"), odd], 8).await;
        assert!(matches!(refused, Err(TrackError::Invalid { .. })), "{refused:?}");
    }
    assert!(known(store, &["good", "d"]).await.is_empty());
    let nobody = store.add_labels("nobody", vec![label(("a", "Yes"))], at(8)).await;
    assert!(matches!(nobody, Err(TrackError::NotFound { .. })), "{nobody:?}");
}

async fn old_labels_are_forgotten(store: &dyn Store) {
    let since = async |seconds| store.labels_since("labelled", at(seconds)).await;
    assert_eq!((since(6).await, since(7).await), (Ok(1_200), Ok(0)));
    assert!(since(4).await.unwrap() > since(5).await.unwrap(), "one was said at 5 and never again");
    assert_eq!(store.forget_labels(at(6)).await, Ok(1), "one was said at 5 and never again");
    let found = known(store, &["a/1", "a/2", "b"]).await;
    assert_eq!(found.into_keys().collect::<Vec<_>>(), ["a/1", "b"]);
}
