//! Models that look at earlier rows: whoever brings these, in whatever pieces, the answer to a row has the
//! bits that `predict` gives it in a file.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use gristmill::prelude::*;
use gristmill_core::{Profile, Role};
use gristmill_features::{Group, Lag, Rolling, RollingFunction, TimeSince, Window};
use gristmill_serve::{
    Fleet, HistoryFrom, HistoryLimits, Limits, Question, Recall, Refusal, Served, mlflow,
};
use gristmill_testkit::table;
use proptest::prelude::*;
use serde_json::json;
use tempfile::TempDir;

use super::forms::{FORMS, Row, Sent};

/// A fitted pipeline, its package, and the rows that it is asked about.
struct Windowed {
    fitted: FittedPipeline,
    table: Table,
    rows: Vec<Row>,
    folder: TempDir,
}

impl Windowed {
    fn new(table: &Table, pipeline: Pipeline) -> Self {
        let fitted = pipeline.then(SimpleImputer::default()).model(RandomForest::trees(5));
        let fitted = fitted.fit(table).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (path, profile) = (folder.path().join("m"), Profile::learn(table).unwrap());
        let catalog = gristmill::catalog();
        gristmill_package::save(&path, &fitted, &catalog, &profile, &table.slice(0, 50)).unwrap();
        let mut writer = arrow::json::ArrayWriter::new(Vec::new());
        let asked = table.conform(fitted.input()).unwrap();
        writer.write(&asked.to_batch().unwrap()).unwrap();
        writer.finish().unwrap();
        let rows = serde_json::from_slice(&writer.into_inner()).unwrap();
        Self { fitted, table: table.clone(), rows, folder }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("m")
    }

    /// The model, with nothing kept yet.
    fn served(&self, history: HistoryLimits) -> Served {
        served("1", &self.path(), history)
    }

    /// What `predict` answers to a file of these rows.
    fn predicted(&self, rows: &[usize]) -> Vec<u64> {
        let rows: Vec<u32> = rows.iter().map(|row| *row as u32).collect();
        bits(&self.fitted.predict(&self.table.take(&rows).unwrap()).unwrap())
    }

    fn columns(&self) -> Vec<String> {
        self.fitted.input().names()
    }

    fn rows(&self, rows: &[usize]) -> Vec<&Row> {
        rows.iter().map(|row| &self.rows[*row]).collect()
    }

    /// A question about rows in a form, without a history.
    fn question(&self, served: &Served, form: usize, rows: &[usize]) -> Question {
        let (rows, columns) = (self.rows(rows), self.columns());
        (FORMS[form].1)(served, &Sent { history: &[], rows: &rows, columns: &columns }).unwrap()
    }

    fn ask(&self, served: &Served, rows: &[usize]) -> Result<Vec<u64>, Refusal> {
        Ok(bits(&served.answer(self.question(served, 0, rows))?.prediction))
    }
}

fn served(version: &str, path: &Path, history: HistoryLimits) -> Served {
    let package = gristmill_package::load(path, &gristmill::catalog()).unwrap();
    Served::new("m", version, package, Limits { history, ..Limits::default() })
}

fn bits(prediction: &Prediction) -> Vec<u64> {
    let Prediction::Numbers(numbers) = prediction else { panic!("numbers") };
    numbers.iter().map(|number| number.to_bits()).collect()
}

fn rolling(column: &str, window: Window, order: &str) -> Rolling {
    Rolling {
        columns: Selector::from(column),
        window,
        functions: vec![RollingFunction::Mean, RollingFunction::Slope],
        order: Some(order.into()),
        ..Rolling::default()
    }
}

/// NASA's engines: a window of 10 cycles, and what it said 1 and 3 cycles ago.
fn engines() -> &'static Windowed {
    static ENGINES: OnceLock<Windowed> = OnceLock::new();
    ENGINES.get_or_init(|| Windowed::new(&some_engines(), of_engines(10)))
}

fn of_engines(window: usize) -> Pipeline {
    let group = Some(Group::from("unit"));
    let lag = Lag {
        columns: Selector::from(format!("s_11_mean_{window}").as_str()),
        lags: vec![1, 3],
        order: Some("cycle".into()),
        group: group.clone(),
    };
    let rolling = Rolling { group, ..rolling("s_11", Window::Rows(window), "cycle") };
    Pipeline::new().then(rolling).then(lag)
}

/// The first engines, 688 rows of 3.
fn some_engines() -> Table {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/maintenance/engines.csv");
    let all = read_csv(file).unwrap();
    let keep = ["unit", "cycle", "s_11", "rul"].map(|name| all.schema().find(name).unwrap());
    let rows = all.select(&keep).slice(0, 658);
    rows.with_meaning("unit", SemanticType::Categorical).unwrap().with_target("rul").unwrap()
}

/// Visits of 3 shops at odd hours: windows of time, of rows, and the time since something held.
fn visits() -> &'static Windowed {
    static VISITS: OnceLock<Windowed> = OnceLock::new();
    VISITS.get_or_init(|| {
        let at =
            |row: u32| 1_700_000_000_000_000 + i64::from(row * row % 977 + row * 60) * 60_000_000;
        let spent = |row: u32| (row % 11 != 3).then_some(f64::from(row * 37 % 101) / 50.0);
        let rows = table()
            .times("at", (0..400).map(at))
            .words("shop", (0..400).map(|row: u32| ["north", "south", "east"][row as usize % 3]))
            .numbers("spent", (0..400).map(spent))
            .numbers("next", (0..400).map(|row: u32| f64::from(row * 53 % 97)))
            .target("next");
        let rows =
            rows.with_role("shop", Role::Group).unwrap().with_role("at", Role::Time).unwrap();
        let since = TimeSince {
            name: "since".into(),
            condition: Some("spent > 1.5".into()),
            within: Some(Window::Time("20h".parse().unwrap())),
            order: Some("at".into()),
            ..TimeSince::default()
        };
        let window = Window::Time("9h".parse().unwrap());
        let lag = Lag { lags: vec![2], order: Some("at".into()), ..Lag::default() };
        let pipeline = Pipeline::new().then(rolling("spent", window, "at")).then(since).then(lag);
        Windowed::new(&rows, pipeline)
    })
}

/// Which model, which form, and which rows stand before which others.
fn with_history() -> impl Strategy<Value = (bool, usize, Vec<usize>, usize)> {
    let rows = prop::collection::vec(0..400_usize, 1..60);
    (any::<bool>(), 0..FORMS.len(), rows)
        .prop_flat_map(|(engines, form, rows)| {
            let most = rows.len();
            (Just(engines), Just(form), Just(rows), 0..=most)
        })
        .prop_map(|(engines, form, rows, history)| {
            let mut seen = BTreeSet::new();
            let rows: Vec<usize> = rows.into_iter().filter(|row| seen.insert(*row)).collect();
            let history = history.min(rows.len());
            (engines, form, rows, history)
        })
}

/// Requests in about the order of time, some rows late, some requests twice.
fn requests() -> impl Strategy<Value = Vec<(usize, Vec<usize>)>> {
    let late = prop::collection::vec(0..25_usize, 400);
    let sizes = prop::collection::vec((0..FORMS.len(), 1..9_usize, prop::bool::weighted(0.2)), 200);
    (late, sizes).prop_map(|(late, sizes)| {
        let mut order: Vec<usize> = (0..400).collect();
        order.sort_by_key(|row| row + late[*row]);
        let (mut rows, mut requests) = (order.as_slice(), Vec::new());
        for (form, size, twice) in sizes {
            let (request, rest) = rows.split_at(size.min(rows.len()));
            requests.extend(vec![(form, request.to_vec()); 1 + usize::from(twice)]);
            rows = rest;
        }
        requests.retain(|(_, rows)| !rows.is_empty());
        requests
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn a_history_in_the_request_is_as_rows_before_in_a_file((on_engines, form, rows, history) in with_history()) {
        let model = if on_engines { engines() } else { visits() };
        let served = model.served(HistoryLimits::default());
        let (before, asked) = rows.split_at(history);
        let (before, asked, columns) = (model.rows(before), model.rows(asked), model.columns());
        let sent = Sent { history: &before, rows: &asked, columns: &columns };
        let (name, form) = FORMS[form];
        let found = bits(&served.answer(form(&served, &sent).unwrap()).unwrap().prediction);
        prop_assert_eq!(found, &model.predicted(&rows)[history..], "{}", name);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn rows_that_come_one_after_the_other_are_as_in_a_file(on_engines in any::<bool>(), requests in requests()) {
        let model = if on_engines { engines() } else { visits() };
        let served = model.served(HistoryLimits::default());
        let mut known = BTreeSet::new();
        for (form, rows) in requests {
            known.extend(rows.iter().copied());
            let known: Vec<usize> = known.iter().copied().collect();
            let answers = model.predicted(&known);
            let place = |row: &usize| answers[known.binary_search(row).unwrap()];
            let expected: Vec<u64> = rows.iter().map(place).collect();
            let question = model.question(&served, form, &rows);
            let found = bits(&served.answer(question).unwrap().prediction);
            prop_assert_eq!(found, expected, "{} {:?}", FORMS[form].0, rows);
        }
        let kept = served.history().unwrap();
        prop_assert!(kept.rows < 400 && kept.bytes > kept.rows * 72, "{:?}", kept);
    }
}

#[test]
fn a_request_without_a_buffer_sees_its_own_rows_and_leaves_none() {
    let model = engines();
    let served = model.served(HistoryLimits::default());
    let first: Vec<usize> = (0..20).collect();
    model.ask(&served, &first).unwrap();
    let alone = Recall { from: Some(HistoryFrom::Request), rows: None };
    let body = json!({"instances": [model.rows[20]]}).to_string();
    let asked = mlflow::read(&served, body.as_bytes(), alone).unwrap();
    assert_eq!(bits(&served.answer(asked.rows).unwrap().prediction), model.predicted(&[20]));
    assert_eq!(served.history().unwrap().rows, 20);
    let with_all: Vec<usize> = (0..21).collect();
    assert_eq!(model.ask(&served, &[20]).unwrap(), model.predicted(&with_all)[20..]);
}

#[test]
fn rows_can_be_kept_without_a_question() {
    let model = engines();
    let served = model.served(HistoryLimits::default());
    let rows: Vec<usize> = (0..20).collect();
    let body = json!({"history": model.rows(&rows), "params": {"history": "buffer"}}).to_string();
    let asked = mlflow::read(&served, body.as_bytes(), Recall::default()).unwrap();
    let answers = mlflow::answer(&served, asked.rows, asked.more).unwrap();
    assert_eq!(mlflow::write(&answers, asked.more).unwrap(), br#"{"predictions":[]}"#);
    let all: Vec<usize> = (0..21).collect();
    assert_eq!(model.ask(&served, &[20]).unwrap(), model.predicted(&all)[20..]);
}

#[test]
fn a_row_sent_again_with_other_values_takes_the_place_of_the_first() {
    let model = engines();
    let served = model.served(HistoryLimits::default());
    let rows: Vec<usize> = (0..20).collect();
    let mut wrong = model.rows[19].clone();
    wrong.insert("s_11".into(), json!(99.0));
    let body = json!({"instances": [wrong]}).to_string();
    model.ask(&served, &rows[..19]).unwrap();
    let asked = mlflow::read(&served, body.as_bytes(), Recall::default()).unwrap();
    served.answer(asked.rows).unwrap();
    assert_eq!(model.ask(&served, &[19]).unwrap(), model.predicted(&rows)[19..]);
    assert_eq!(served.history().unwrap().rows, 20);
}

#[track_caller]
fn refused(found: Result<Vec<u64>, Refusal>, words: &str) {
    let error = found.unwrap_err().to_string();
    assert!(error.contains(words), "{error}");
}

#[test]
fn a_row_whose_history_is_gone_is_refused_and_never_answered_from_less() {
    let model = engines();
    let served = model.served(HistoryLimits::default());
    // Cycles 1 to 192 of the first engine, one by one: of them 12 + 64 stay, and the last.
    (0..192).for_each(|row| drop(model.ask(&served, &[row]).unwrap()));
    assert_eq!(served.history().unwrap().rows, 12 + 64 + 1);
    let all: Vec<usize> = (0..192).collect();
    assert_eq!(model.ask(&served, &[127]).unwrap(), model.predicted(&all)[127..128]);
    refused(
        model.ask(&served, &[191, 126]),
        "row 2 looks back further than the latest 77 rows of group `1`",
    );
    refused(model.ask(&served, &[3]), "give the rows before it as `history`");
    // What was refused was not kept.
    assert_eq!(served.history().unwrap().rows, 77);
}

#[test]
fn the_latest_request_can_be_sent_again_however_many_rows_it_has() {
    let model = engines();
    let served = model.served(HistoryLimits::default());
    let rows: Vec<usize> = (0..658).collect();
    let expected = model.predicted(&rows);
    assert_eq!(model.ask(&served, &rows).unwrap(), expected);
    assert_eq!(model.ask(&served, &rows).unwrap(), expected);
}

#[test]
fn groups_and_bytes_are_bounded_and_the_one_that_rests_goes_first() {
    let model = engines();
    let unit = |row: usize| model.rows[row]["unit"].as_i64().unwrap();
    let firsts: Vec<usize> = (0..658).filter(|r| *r == 0 || unit(*r) != unit(r - 1)).collect();
    assert_eq!(firsts, [0, 192, 479]);
    let served = model.served(HistoryLimits { groups: 2, ..HistoryLimits::default() });
    for row in [0, 192, 1, 479] {
        model.ask(&served, &[row]).unwrap();
    }
    let kept = served.history().unwrap();
    assert_eq!((kept.groups, kept.rows, kept.forgotten), (2, 3, 1));
    // The second engine was forgotten, the first was not.
    assert_eq!(model.ask(&served, &[2]).unwrap(), model.predicted(&[0, 1, 2])[2..]);
    assert_eq!(model.ask(&served, &[193]).unwrap(), model.predicted(&[193]));
    let served = model.served(HistoryLimits { bytes: 2_000, ..HistoryLimits::default() });
    (0..658).for_each(|row| drop(model.ask(&served, &[row])));
    assert!(served.history().unwrap().bytes <= 2_000);
}

#[test]
fn models_that_no_buffer_can_serve_say_so_and_take_a_history() {
    let without_end = TimeSince {
        name: "since".into(),
        condition: Some("s_11 > 47.4".into()),
        order: Some("cycle".into()),
        group: Some(Group::from("unit")),
        ..TimeSince::default()
    };
    let other = Rolling {
        group: Some(Group::Columns(Vec::new())),
        ..rolling("s_11", Window::Rows(3), "cycle")
    };
    let pipeline = || Pipeline::new().then(without_end.clone());
    let model = Windowed::new(&some_engines(), pipeline());
    let served = model.served(HistoryLimits::default());
    refused(model.ask(&served, &[0]), "nobody said how many of them are enough (`--history-rows`)");
    let served = model.served(HistoryLimits { rows: Some(400), ..HistoryLimits::default() });
    (0..191).for_each(|row| drop(model.ask(&served, &[row]).unwrap()));
    let all: Vec<usize> = (0..192).collect();
    assert_eq!(model.ask(&served, &[191]).unwrap(), model.predicted(&all)[191..]);
    let served = engines().served(HistoryLimits { rows: Some(70), ..HistoryLimits::default() });
    refused(engines().ask(&served, &[0]), "it takes 77 rows of a group, and 70 are kept");
    let mixed = Windowed::new(&some_engines(), of_engines(10).then(other));
    let served = mixed.served(HistoryLimits::default());
    refused(mixed.ask(&served, &[0]), "its steps look back in different orders or groups");
}

#[test]
fn more_rows_in_a_window_of_time_than_are_kept_are_no_shorter_window() {
    let model = visits();
    let limits = HistoryLimits { rows: Some(70), ..HistoryLimits::default() };
    let served = model.served(limits);
    let rows: Vec<usize> = (0..400).collect();
    model.ask(&served, &rows).unwrap();
    assert!(served.history().unwrap().rows <= 3 * 70);
    refused(
        model.ask(&served, &[0]),
        "looks back further than the latest 70 rows of group `north`",
    );
}

#[test]
fn the_next_version_goes_on_with_the_rows_of_the_one_before() {
    let (first, deeper) = (engines(), Windowed::new(&some_engines(), of_engines(20)));
    let fleet = Fleet::new();
    let limits = HistoryLimits::default();
    fleet.put(first.served(limits));
    let rows: Vec<usize> = (0..30).collect();
    let before = fleet.find("m", None).unwrap();
    first.ask(&before, &rows[..28]).unwrap();
    fleet.put(served("2", &deeper.path(), limits));
    // A request that was under way ends with the version that it began with, and its rows count.
    first.ask(&before, &[28]).unwrap();
    let after = fleet.find("m", None).unwrap();
    assert_eq!(deeper.ask(&after, &[29]).unwrap(), deeper.predicted(&rows)[29..]);
}

#[test]
fn rows_that_the_next_version_cannot_use_stay_behind() {
    let all = some_engines();
    let wider = |name: &str| {
        let extra = all.column_named("s_11").unwrap().clone();
        all.with_column(gristmill_core::Field::number(name), extra).unwrap()
    };
    let (narrow, wide) = (engines(), Windowed::new(&wider("extra"), of_engines(10)));
    let (fleet, limits) = (Fleet::new(), HistoryLimits::default());
    fleet.put(served("1", &wide.path(), limits));
    let rows: Vec<usize> = (0..21).collect();
    wide.ask(&fleet.find("m", None).unwrap(), &rows[..20]).unwrap();
    // One column less: what is left of the rows is what it takes.
    fleet.put(served("2", &narrow.path(), limits));
    let second = fleet.find("m", None).unwrap();
    assert_eq!(narrow.ask(&second, &[20]).unwrap(), narrow.predicted(&rows)[20..]);
    // One column more: rows without it would be rows of which something is missing.
    fleet.put(served("3", &wide.path(), limits));
    let third = fleet.find("m", None).unwrap();
    assert_eq!(third.history().unwrap().rows, 0);
    assert_eq!(wide.ask(&third, &[20]).unwrap(), wide.predicted(&[20]));
}

#[test]
fn what_is_wrong_with_a_history_is_said() {
    let model = engines();
    let served = model.served(HistoryLimits::default());
    let check = |body: &str, words: &str| {
        let error =
            mlflow::read(&served, body.as_bytes(), Recall::default()).unwrap_err().to_string();
        assert!(error.contains(words), "{body}: {error}");
    };
    let row = r#"{"unit": 1, "cycle": 1, "s_11": 47.0}"#;
    check(&format!(r#"{{"instances": [{row}], "history": 3}}"#), "expected a list of rows");
    check(&format!(r#"{{"instances": [{row}], "history": {{}}}}"#), "`history` is empty");
    check(
        &format!(r#"{{"instances": [{row}], "history": {{"rows": []}}}}"#),
        "`rows` is unknown in `history`",
    );
    check(
        &format!(r#"{{"instances": [{row}], "history": [{{"unit": 1}}]}}"#),
        "in the history: column `cycle` is missing in row 1",
    );
    check(
        &format!(r#"{{"instances": [{row}], "history": [], "history": []}}"#),
        "`history` stands there twice",
    );
    check(
        &format!(r#"{{"instances": [{row}], "history": [], "params": {{"history_rows": 1}}}}"#),
        "both `history` and `history_rows`",
    );
    check(
        &format!(r#"{{"instances": [{row}], "params": {{"history_rows": 2}}}}"#),
        "`history_rows` is 2, and the request has 1 rows",
    );
    check(
        &format!(r#"{{"instances": [{row}], "params": {{"history": "all"}}}}"#),
        "unknown variant `all`, expected `buffer` or `request`",
    );
    assert!(
        Recall::of_query("history=no").unwrap_err().to_string().contains("`buffer` or `request`")
    );
    assert!(
        Recall::of_query("history_rows=-1").unwrap_err().to_string().contains("does not count")
    );
    let found = Recall::of_query("a=b&history_rows=3&history=buffer&c").unwrap();
    assert_eq!(found, Recall { from: Some(HistoryFrom::Buffer), rows: Some(3) });
}
