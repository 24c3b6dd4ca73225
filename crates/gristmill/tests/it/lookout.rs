//! What looks on while models answer: within its bounds, by a clock that is given, and in nobody's way.

use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use gristmill::Home;
use gristmill::predictions::{LogSettings, Lookout, LookoutSettings, kept};
use gristmill::prelude::*;
use gristmill_core::{Clock, Profile, Timestamp};
use gristmill_serve::{Limits, Recall, Seen, Served, Witness, mlflow};

use super::customers;

const SECOND: i64 = 1_000_000;
/// 2026-11-30T23:59:50Z.
const BEFORE_MIDNIGHT: i64 = 1_796_083_190 * SECOND;

/// A clock that is set, and that can be held so that whoever reads it waits.
struct Hands {
    now: Mutex<Option<i64>>,
    set: Condvar,
}

impl Hands {
    fn at(now: Option<i64>) -> Arc<Self> {
        Arc::new(Self { now: Mutex::new(now), set: Condvar::new() })
    }

    fn set(&self, now: i64) {
        *self.now.lock().unwrap() = Some(now);
        self.set.notify_all();
    }
}

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        let now = self.set.wait_while(self.now.lock().unwrap(), |now| now.is_none()).unwrap();
        Timestamp(now.unwrap())
    }
}

fn served(folder: &Path) -> Arc<Served> {
    let table = read_csv(customers()).unwrap().with_target("churn").unwrap().slice(0, 300);
    let model = Pipeline::new()
        .then(SimpleImputer::default())
        .then(StandardScaler::default())
        .model(RandomForest::trees(2));
    let fitted = model.fit(&table).unwrap();
    let (package, profile) = (folder.join("m"), Profile::learn(&table).unwrap());
    let rows = table.slice(0, 5);
    gristmill_package::save(&package, &fitted, &gristmill::catalog(), &profile, &rows).unwrap();
    let package = gristmill_package::load(&package, &gristmill::catalog()).unwrap();
    Arc::new(Served::new("churn", "1", package, Limits::default()))
}

/// Shows the first two customers and what is answered to them, so many times, by requests of this id and moment. How
/// many requests it wanted to see comes back.
fn show(lookout: &Lookout, served: &Arc<Served>, id: &str, at: i64, times: usize) -> usize {
    let text = fs_err::read_to_string(customers()).unwrap();
    let csv: String = text.lines().take(3).map(|line| format!("{line}\n")).collect();
    let rows = mlflow::read_csv(served, csv.as_bytes(), Recall::default()).unwrap().rows;
    let (asked, answers) = (rows.asked_rows(), served.answer(rows).unwrap());
    let (rows, prediction) = (&asked, &answers.prediction);
    let one = Seen { served, id, rows, prediction, at: Timestamp(at), micros: 7 };
    let wanted = (0..times).filter(|_| lookout.wants(served, id, 2));
    wanted.inspect(|_| lookout.saw(one)).count()
}

fn start(home: &Home, clock: &Arc<Hands>) -> Lookout {
    let log = Some(LogSettings { rate: 1.0, redact: Default::default() });
    let settings = LookoutSettings { log, window: None };
    let clock = Arc::clone(clock) as Arc<dyn Clock>;
    Lookout::start(home, settings, clock, Arc::new(|event| panic!("{event}"))).unwrap()
}

fn figure(lookout: &Lookout, name: &str) -> f64 {
    let figures = lookout.figures();
    figures.iter().find(|figure| figure.name == name).unwrap().values[0].1
}

#[track_caller]
fn wait(lookout: &Lookout, name: &str, value: f64) {
    for _ in 0..400 {
        if figure(lookout, name) == value {
            return;
        }
        std::thread::sleep(Duration::from_millis(25));
    }
    panic!("{name} is {}, not {value}", figure(lookout, name));
}

const WRITTEN: &str = "gristmill_predictions_logged_total";
const UNWRITTEN: &str = "gristmill_predictions_unwritten";
const LOST: &str = "gristmill_predictions_lost_total";

#[test]
fn whoever_hangs_behind_the_queue_holds_nobody_up_and_what_finds_no_room_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let (home, clock) = (Home::at(folder.path().join("home")), Hands::at(None));
    let (lookout, served) = (start(&home, &clock), served(folder.path()));
    // Far more than there is room for.
    let handed = 2 * 200_000;
    let wanted = show(&lookout, &served, "a", BEFORE_MIDNIGHT, 200_000);
    let lost = figure(&lookout, LOST);
    assert_eq!(lost, f64::from(handed) - 2.0 * wanted as f64);
    assert!(lost > 0.0 && lost < f64::from(handed), "{lost} of {handed}");
    clock.set(BEFORE_MIDNIGHT);
    let taken = || figure(&lookout, WRITTEN) + figure(&lookout, UNWRITTEN);
    while taken() + lost < f64::from(handed) {
        std::thread::sleep(Duration::from_millis(50));
    }
    lookout.close();
    assert_eq!(figure(&lookout, WRITTEN) + lost, f64::from(handed), "what was taken is written");
    assert_eq!((figure(&lookout, UNWRITTEN), figure(&lookout, LOST)), (0.0, lost));
    let rows = kept(&home, "churn", None, usize::MAX).unwrap();
    assert_eq!(rows.len() as f64, figure(&lookout, WRITTEN));
}

#[test]
fn a_row_waits_for_five_seconds_and_a_day_has_its_own_files() {
    let folder = tempfile::tempdir().unwrap();
    let (home, clock) = (Home::at(folder.path().join("home")), Hands::at(Some(BEFORE_MIDNIGHT)));
    let (lookout, served) = (start(&home, &clock), served(folder.path()));
    show(&lookout, &served, "a", BEFORE_MIDNIGHT, 1);
    wait(&lookout, UNWRITTEN, 2.0);
    clock.set(BEFORE_MIDNIGHT + 5 * SECOND - 1);
    std::thread::sleep(Duration::from_millis(700));
    assert_eq!(figure(&lookout, WRITTEN), 0.0);
    clock.set(BEFORE_MIDNIGHT + 5 * SECOND);
    wait(&lookout, WRITTEN, 2.0);
    show(&lookout, &served, "b", BEFORE_MIDNIGHT + 6 * SECOND, 1);
    show(&lookout, &served, "c", BEFORE_MIDNIGHT + 12 * SECOND, 1);
    wait(&lookout, WRITTEN, 4.0);
    lookout.close();
    let ids: Vec<_> = kept(&home, "churn", None, 10).unwrap();
    let ids: Vec<_> = ids.iter().map(|row| row["prediction_id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["c/2", "c/1", "b/2", "b/1", "a/2", "a/1"]);
    let mut files = Vec::new();
    for day in ["date=2026-11-30", "date=2026-12-01"] {
        let folder = home.root().join("predictions/churn").join(day);
        files.push(fs_err::read_dir(folder).unwrap().count());
    }
    assert_eq!(
        files,
        [1, 1],
        "what came before midnight stands in one file, though it was written twice"
    );
}
