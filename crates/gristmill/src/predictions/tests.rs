//! What looks on while models answer heeds the file of each, by a clock that is given.

use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gristmill_core::{Clock, Profile, Table, Timestamp};
use gristmill_flow::TimeSpan;
use gristmill_serve::{Limits, Recall, Seen, Served, Witness, mlflow};
use gristmill_testkit::table;
use gristmill_track::{Finding, NewVersion, Note};
use serde_json::json;

use super::{LogSettings, Lookout, LookoutSettings, Terms, kept};
use crate::Home;
use crate::keeper::Keeper;
use crate::monitor::{MonitorSection, ReferenceSpec, WindowSpec};
use crate::prelude::*;

const SECOND: i64 = 1_000_000;
const SHARE: &str = "gristmill_drift_share";

/// A clock that is set.
#[derive(Default)]
struct Hands(AtomicI64);

impl Hands {
    fn set(&self, second: i64) {
        self.0.store(second * SECOND, Ordering::Relaxed);
    }
}

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Relaxed))
    }
}

/// 200 rows, of which `x` is moved by so much.
fn rows(by: f64) -> Table {
    let x = (0..200).map(|row| x(row, by));
    let plans = (0..200).map(plan);
    let left = (0..200).map(|i| if i * 37 % 200 > 90 { "yes" } else { "no" });
    table().numbers("x", x).words("plan", plans).words("left", left).build()
}

fn x(row: i32, by: f64) -> f64 {
    by + f64::from(row * 37 % 200)
}

fn plan(row: i32) -> &'static str {
    if row % 3 == 0 { "pro" } else { "basic" }
}

/// A home with a model, whose version 1 answers by these terms.
struct Scene {
    folder: tempfile::TempDir,
    home: Home,
    served: Arc<Served>,
    clock: Arc<Hands>,
    told: Arc<Mutex<Vec<String>>>,
}

impl Scene {
    fn new(section: MonitorSection) -> Self {
        Self::of(Terms { version: 1, section: Some(section), ..Terms::default() })
    }

    fn of(terms: Terms) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path().join("home"));
        let served = Arc::new(served(folder.path()).with_companion(Arc::new(terms)));
        let (clock, told) = (Arc::<Hands>::default(), Arc::default());
        Self { folder, home, served, clock, told }
    }

    fn registered(self) -> Self {
        let digest = self.served.info().digest.to_string();
        let path = self.folder.path().join("m").to_string_lossy().into_owned();
        let new = NewVersion::new("churn", &digest, path, Note::new(Timestamp(0), "test", ""));
        Keeper::open(&self.home).unwrap().wait(|s| s.register(new)).unwrap();
        self
    }

    fn lookout(&self) -> Lookout {
        let settings = LookoutSettings { log: None, window: std::num::NonZeroU64::new(1_000) };
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        let told = Arc::clone(&self.told);
        let tell = move |event: &crate::serve::ServeEvent| {
            told.lock().unwrap().push(event.to_string());
        };
        Lookout::start(&self.home, settings, clock, Arc::new(tell)).unwrap()
    }

    /// Has the model asked about the first of 200 rows, which are moved by so much, at this second.
    fn ask(&self, lookout: &Lookout, second: i64, count: usize, by: f64) {
        self.clock.set(second);
        let mut csv = String::from("x,plan\n");
        for row in 0..count as i32 {
            csv.push_str(&format!("{},{}\n", x(row, by), plan(row)));
        }
        let read = mlflow::read_csv(&self.served, csv.as_bytes(), Recall::default()).unwrap();
        let (asked, id) = (read.rows.asked_rows(), format!("r{second}"));
        let answers = self.served.answer(read.rows).unwrap();
        assert!(lookout.wants(&self.served, &id, count));
        let (served, prediction) = (&self.served, &answers.prediction);
        let at = Timestamp(second * SECOND);
        lookout.saw(Seen { served, id: &id, rows: &asked, prediction, at, micros: 7 });
    }

    fn findings(&self) -> Vec<Finding> {
        let keeper = Keeper::open(&self.home).unwrap();
        keeper.wait(|s| s.findings_after("churn", 0, 100)).unwrap()
    }

    /// The findings, once there are so many.
    #[track_caller]
    fn wait(&self, count: usize) -> Vec<Finding> {
        until("the findings", || self.findings().len() >= count);
        let found = self.findings();
        assert_eq!(found.len(), count, "{found:?}");
        found
    }
}

#[track_caller]
fn until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..400 {
        if holds() {
            return;
        }
        std::thread::sleep(Duration::from_millis(25));
    }
    panic!("{what} did not come");
}

/// As long as the thread rests at most, and once more.
fn meanwhile() {
    std::thread::sleep(Duration::from_millis(700));
}

fn served(folder: &Path) -> Served {
    let table = rows(0.0).with_target("left").unwrap();
    let model = Pipeline::new().model(RandomForest::trees(2)).fit(&table).unwrap();
    let (package, profile) = (folder.join("m"), Profile::learn(&table).unwrap());
    let catalog = crate::catalog();
    gristmill_package::save(&package, &model, &catalog, &profile, &table.slice(0, 5)).unwrap();
    let package = gristmill_package::load(&package, &catalog).unwrap();
    Served::new("churn", "1", package, Limits::default())
}

fn section(window: WindowSpec) -> MonitorSection {
    MonitorSection { window: Some(window), ..MonitorSection::default() }
}

fn figure(lookout: &Lookout, name: &str) -> Option<f64> {
    let figures = lookout.figures();
    Some(figures.iter().find(|figure| figure.name == name)?.values.first()?.1)
}

#[test]
fn a_window_of_time_is_judged_when_it_ends_though_nobody_asks_any_more() {
    let window = WindowSpec::Time(TimeSpan::from_secs(10));
    let scene = Scene::new(section(window)).registered();
    let lookout = scene.lookout();
    scene.ask(&lookout, 3, 120, 0.0);
    scene.ask(&lookout, 8, 20, 0.0);
    scene.clock.set(9);
    meanwhile();
    assert_eq!((scene.findings().len(), figure(&lookout, SHARE)), (0, None));
    scene.clock.set(10);
    let found = &scene.wait(1)[0].found;
    let moments = [found.from, found.to, found.at].map(|at| at.0 / SECOND);
    assert_eq!((found.version, found.rows, moments), (1, 140, [0, 10, 10]));
    assert_eq!((found.name.as_str(), found.value, found.alarm), ("share", Some(0.0), false));
    assert_eq!((found.threshold, &found.detail["moved"]), (Some(0.3), &json!([])));
    // Too few rows say nothing, and a window without any is none.
    scene.ask(&lookout, 55, 20, 500.0);
    scene.clock.set(70);
    let found = &scene.wait(2)[1].found;
    assert_eq!((found.rows, found.value, found.alarm), (20, None, false));
    lookout.close();
    assert!(scene.told.lock().unwrap().is_empty());
}

#[test]
fn of_windows_that_follow_each_other_fast_only_those_are_kept_that_say_something_new() {
    let scene = Scene::new(section(WindowSpec::Rows(200))).registered();
    let lookout = scene.lookout();
    scene.ask(&lookout, 0, 200, 0.0);
    scene.wait(1);
    scene.ask(&lookout, 1, 200, 0.0);
    scene.ask(&lookout, 2, 200, 500.0);
    let found = scene.wait(2);
    assert_eq!((found[1].found.alarm, found[1].found.at.0), (true, 2 * SECOND));
    assert_eq!(found[1].found.value, Some(0.5), "`x` has moved, and `plan` has not");
    assert_eq!(found[1].found.detail["moved"], json!(["x"]));
    let columns = found[1].found.detail["columns"].as_array().unwrap();
    assert_eq!((columns.len(), &columns[0]["name"]), (2, &json!("x")));
    scene.ask(&lookout, 3, 200, 500.0);
    scene.ask(&lookout, 11, 200, 500.0);
    scene.ask(&lookout, 12, 200, 500.0);
    lookout.close();
    let moments: Vec<_> = scene.findings().iter().map(|f| f.found.at.0 / SECOND).collect();
    assert_eq!(moments, [0, 2, 12]);
}

#[test]
fn what_a_version_was_first_asked_is_what_later_rows_are_held_against() {
    let reference = Some(ReferenceSpec::Window(TimeSpan::from_secs(60)));
    let section = MonitorSection { reference, ..section(WindowSpec::Rows(200)) };
    let scene = Scene::new(section.clone()).registered();
    let lookout = scene.lookout();
    for second in [0, 30, 59] {
        scene.ask(&lookout, second, 200, 500.0);
    }
    meanwhile();
    assert_eq!(scene.findings().len(), 0, "nothing is judged while it is gathered");
    scene.ask(&lookout, 60, 200, 500.0);
    let found = &scene.wait(1)[0].found;
    assert_eq!((found.value, found.alarm), (Some(0.0), false), "they are as they were");
    scene.ask(&lookout, 80, 200, 0.0);
    assert!(scene.wait(2)[1].found.alarm, "the training rows are not what it was asked first");
    lookout.close();
    // Whoever comes next goes on with it.
    let again = scene.lookout();
    scene.ask(&again, 100, 200, 500.0);
    assert!(!scene.wait(3)[2].found.alarm);
    again.close();
    assert!(scene.told.lock().unwrap().is_empty());
}

#[test]
fn a_store_that_takes_no_findings_is_told_of_once_and_stops_nobody() {
    // Nothing is registered there, so that each finding is refused.
    let scene = Scene::new(section(WindowSpec::Rows(200)));
    let lookout = scene.lookout();
    for second in 0..3 {
        scene.ask(&lookout, second, 200, 500.0);
    }
    until("a verdict", || figure(&lookout, SHARE) == Some(0.5));
    lookout.close();
    let told = scene.told.lock().unwrap();
    assert!(told.len() == 1 && told[0].contains("cannot be kept now"), "{told:?}");
}

#[test]
fn the_file_of_a_model_says_what_is_kept_of_its_requests_from_the_first_one_on() {
    let redact = ["plan".to_string()].into_iter().collect();
    let log = Some(LogSettings { rate: 1.0, redact });
    let scene = Scene::of(Terms { version: 1, log, ..Terms::default() });
    let lookout = scene.lookout();
    scene.ask(&lookout, 1, 3, 0.0);
    lookout.close();
    let found = kept(&scene.home, "churn", None, 10).unwrap();
    assert_eq!(found.len(), 3);
    assert!(found.iter().all(|row| row.get("plan").is_none() && row.get("x").is_some()));
    assert_eq!(lookout.unknown("churn", &["r1/1".into(), "none".into()]), Some(1));
    assert_eq!(lookout.unknown("other", &["none".into()]), None);
    let silent = Scene::of(Terms { version: 1, ..Terms::default() });
    let lookout = silent.lookout();
    silent.ask(&lookout, 1, 3, 0.0);
    lookout.close();
    assert!(kept(&silent.home, "churn", None, 10).unwrap().is_empty());
}
