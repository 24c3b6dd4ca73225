//! Models that come when they are asked for, and go when others need the room.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use gristmill::prelude::*;
use gristmill_core::{Clock, Profile, Timestamp};
use gristmill_serve::{
    Fleet, Limits, Lot, Part, Purpose, Recall, Refusal, Routing, Served, Split, Stock, mlflow,
};

use super::customers;

/// A clock that goes on by one each time that it is read.
#[derive(Default)]
struct Steps(AtomicI64);

impl Clock for Steps {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

/// Gives the same package for every name and version.
struct Same {
    package: PathBuf,
    loads: AtomicUsize,
    _folder: tempfile::TempDir,
}

impl Same {
    fn new() -> Self {
        let table = read_csv(customers()).unwrap().with_target("churn").unwrap().slice(0, 300);
        let model = Pipeline::new()
            .then(SimpleImputer::default())
            .then(StandardScaler::default())
            .model(RandomForest::trees(2));
        let fitted = model.fit(&table).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (package, profile) = (folder.path().join("m"), Profile::learn(&table).unwrap());
        let rows = table.slice(0, 5);
        gristmill_package::save(&package, &fitted, &gristmill::catalog(), &profile, &rows).unwrap();
        Self { package, loads: AtomicUsize::new(0), _folder: folder }
    }

    fn served(&self, name: &str, version: &str) -> Served {
        let package = gristmill_package::load(&self.package, &gristmill::catalog()).unwrap();
        Served::new(name, version, package, Limits::default())
    }
}

impl Stock for Same {
    fn load(&self, name: &str, version: Option<&str>) -> Result<Option<Served>, Refusal> {
        self.loads.fetch_add(1, Ordering::Relaxed);
        Ok((name != "none").then(|| self.served(name, version.unwrap_or("1"))))
    }

    fn routing(&self, _: &str) -> Result<Routing, Refusal> {
        Ok(Routing::default())
    }
}

/// A fleet with room for so many models of that package.
fn fleet(stock: &Arc<Same>, models: Option<u64>) -> Fleet {
    let bytes = stock.served("a", "1").bytes();
    assert!(bytes > 0);
    let room = models.map(|models| models * bytes);
    Fleet::with_stock(Arc::clone(stock) as Arc<dyn Stock>, Arc::new(Steps::default()), room)
}

fn there(fleet: &Fleet) -> Vec<String> {
    fleet.loaded().iter().map(|loaded| format!("{}/{}", loaded.name, loaded.version)).collect()
}

#[test]
fn whoever_was_asked_for_longest_ago_makes_room() {
    let stock = Arc::new(Same::new());
    let fleet = fleet(&stock, Some(2));
    for name in ["a", "b", "c"] {
        fleet.fetch(name, None).unwrap().unwrap();
    }
    assert_eq!(there(&fleet), ["b/1", "c/1"]);
    fleet.find("b", None).unwrap();
    fleet.fetch("d", None).unwrap().unwrap();
    assert_eq!(there(&fleet), ["b/1", "d/1"]);
    fleet.look("b", None).unwrap();
    fleet.fetch("e", None).unwrap().unwrap();
    assert_eq!(there(&fleet), ["d/1", "e/1"], "whoever only looks asks for nothing");
    assert_eq!((fleet.let_go(), stock.loads.load(Ordering::Relaxed)), (3, 5));
    assert!(fleet.fetch("none", None).unwrap().is_none());
}

#[test]
fn a_version_that_is_named_does_not_take_the_place_of_its_models_own_one() {
    let stock = Arc::new(Same::new());
    let fleet = fleet(&stock, Some(1));
    fleet.fetch("a", None).unwrap().unwrap();
    fleet.fetch("a", Some("2")).unwrap().unwrap();
    assert_eq!(there(&fleet), ["a/1", "a/2"]);
    fleet.fetch("a", Some("3")).unwrap().unwrap();
    assert_eq!(there(&fleet), ["a/1", "a/3"]);
}

#[test]
fn a_model_that_is_let_go_answers_whoever_holds_it() {
    let stock = Arc::new(Same::new());
    let fleet = fleet(&stock, Some(0));
    let held = fleet.fetch("a", None).unwrap().unwrap();
    assert_eq!(there(&fleet), ["a/1"], "the last one stays, whatever it takes");
    fleet.fetch("b", None).unwrap().unwrap();
    assert_eq!(there(&fleet), ["b/1"]);
    let body = br#"{"instances": [{"tenure": 3, "female": 1, "senior_citizen": 0}]}"#;
    let refused = mlflow::read(&held, body, Recall::default()).unwrap_err();
    assert!(refused.to_string().contains("is missing in row 1"), "it reads as ever: {refused}");
    assert_eq!(Arc::strong_count(&held), 1, "nobody else holds it");
}

#[test]
fn versions_of_a_plan_stay_together_and_others_go_when_nobody_names_them() {
    let stock = Arc::new(Same::new());
    let fleet = fleet(&stock, Some(4));
    fleet.fetch("a", None).unwrap().unwrap();
    fleet.fetch("a", Some("2")).unwrap().unwrap();
    fleet.fetch("a", Some("3")).unwrap().unwrap();
    let lot = Lot::of_model("a");
    let split = Split { version: "2".into(), share: 1.0, lot, purpose: Purpose::Canary };
    fleet.route("a", Routing { split: Some(split), ..Routing::default() });
    fleet.let_idle_go(Duration::from_secs(1));
    assert_eq!(there(&fleet), ["a/1", "a/2", "a/3"]);
    for _ in 0..10 {
        assert!(fleet.find("b", None).is_none() && fleet.find("a", None).is_some());
    }
    fleet.let_idle_go(Duration::from_micros(3));
    assert_eq!(there(&fleet), ["a/1", "a/2"]);
    let main = fleet.find("a", None).unwrap();
    let chosen = fleet.choose(main, "anybody");
    assert_eq!((chosen.served.version(), chosen.part), ("2", Part::Canary));
    for name in ["b", "c", "d"] {
        fleet.fetch(name, None).unwrap().unwrap();
    }
    assert_eq!(there(&fleet), ["b/1", "c/1", "d/1"], "a model goes with all that its plan needs");
    assert!(fleet.routing("a").is_none());
}
