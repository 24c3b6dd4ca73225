//! Columns out of earlier rows. Figures of turbofans and traffic are those of pandas 3.1.1.

use gristmill_core::{
    Depth, Frame, MISSING_TIME, Pipeline, Role, Scope, Selector, Table, Transform,
};
use gristmill_features::*;
use gristmill_testkit::{conformance, shared_csv, table};
use proptest::prelude::*;
use serde::Serialize;
use serde_json::{Value, json};

use crate::support::{assert_close, awkward, catalog, fit, metro, numbers, summary, try_fit};

#[track_caller]
fn conforms(settings: impl Transform + Serialize, table: Table) {
    conformance::transform(&catalog(), settings, &table);
}

const ALL: [RollingFunction; 8] = [
    RollingFunction::Mean,
    RollingFunction::Std,
    RollingFunction::Min,
    RollingFunction::Max,
    RollingFunction::Sum,
    RollingFunction::Median,
    RollingFunction::Count,
    RollingFunction::Slope,
];

fn order() -> Option<String> {
    Some("when".into())
}

#[test]
fn lags_and_differences_conform() {
    let both = Group::Columns(vec!["plan".into(), "code".into()]);
    for group in [None, Some("plan".into()), Some("code".into()), Some(both)] {
        let columns = Selector::from(["x", "plan", "when", "empty", "yes"]);
        let group = || group.clone();
        conforms(
            Lag { columns, lags: vec![1, 3, 1000], order: order(), group: group() },
            awkward(),
        );
        conforms(Lag { order: Some("x".into()), group: group(), ..Default::default() }, awkward());
        for form in [DifferenceForm::Absolute, DifferenceForm::Relative] {
            let lags = vec![2, 1];
            let columns = "numeric".into();
            let settings = Difference { columns, lags, form, order: order(), group: group() };
            conforms(settings, awkward());
        }
    }
}

#[test]
fn rolling_figures_conform() {
    for window in [Window::Rows(1), Window::Rows(3), Window::Time("2s".parse().unwrap())] {
        for current in [Current::Included, Current::Excluded] {
            for group in [None, Some(Group::from("yes"))] {
                let settings = Rolling {
                    columns: "numeric".into(),
                    window,
                    functions: ALL.to_vec(),
                    current,
                    min_periods: 1,
                    order: order(),
                    group,
                };
                conforms(settings, awkward());
            }
        }
    }
}

#[test]
fn times_since_conform() {
    for current in [Current::Included, Current::Excluded] {
        for condition in [None, Some("x > 0".to_string())] {
            for (unit, order) in [(Some(TimeUnit::Hours), "when"), (None, "x")] {
                let settings = TimeSince {
                    condition: condition.clone(),
                    current,
                    unit,
                    order: Some(order.into()),
                    group: Some("yes".into()),
                    ..Default::default()
                };
                conforms(settings, awkward());
            }
        }
    }
}

fn turbofans() -> Option<Table> {
    shared_csv("cmapss_fd001_s11.csv")
}

#[test]
fn real_rows_conform() {
    let (order, group) = (|| Some("cycle".to_string()), || Some(Group::from("unit")));
    if let Some(table) = turbofans() {
        let columns = || Selector::from(["s_11", "split"]);
        let lags = vec![1, 30];
        conforms(Lag { columns: columns(), lags, order: order(), group: group() }, table.clone());
        let settings = Rolling {
            columns: "s_11".into(),
            window: Window::Rows(30),
            functions: ALL.to_vec(),
            min_periods: 3,
            order: order(),
            group: group(),
            ..Default::default()
        };
        conforms(settings, table);
    }
    if let Some(table) = metro() {
        let settings = Rolling {
            columns: "temp".into(),
            window: Window::Time("24h".parse().unwrap()),
            functions: ALL.to_vec(),
            order: Some("date_time".into()),
            ..Default::default()
        };
        conforms(settings, table);
    }
}

/// The figures of column `name` that `kind` makes of a real table.
#[track_caller]
fn check(table: &Option<Table>, kind: &str, settings: Value, name: &str, expected: [f64; 3]) {
    let Some(table) = table else { return };
    let transform = catalog().build_transform(kind, &settings).expect("the settings are known");
    let (_, rows, _) = fit(transform.as_ref(), Frame::from_table(table).expect("a frame"));
    let found = summary(&numbers(&rows, name));
    for (a, b) in found.iter().zip(expected) {
        assert!((a - b).abs() <= 1e-9 * b.abs(), "{name}: {found:?} is not {expected:?}");
    }
}

/// [`check`] on turbofans, by engine and cycle.
#[track_caller]
fn check_engines(kind: &str, mut settings: Value, name: &str, expected: [f64; 3]) {
    settings["columns"] = json!("s_11");
    settings["order"] = json!("cycle");
    settings["group"] = json!("unit");
    check(&turbofans(), kind, settings, name, expected);
}

#[test] // groupby("unit").s_11.shift(..), .diff(3), .pct_change(2)
fn turbofans_have_lags_and_differences() {
    let lags = json!({"lags": [1, 5]});
    check_engines("lag", lags.clone(), "s_11_lag_1", [100.0, 976003.86, 1007065.4105]);
    check_engines("lag", lags, "s_11_lag_5", [500.0, 956750.74, 987579.009941]);
    check_engines(
        "difference",
        json!({"lags": [3]}),
        "s_11_difference_3",
        [300.0, 244.71999999999994, 251.66854399999994],
    );
    check_engines(
        "difference",
        json!({"lags": [2], "form": "relative"}),
        "s_11_change_2",
        [200.0, 3.567026897992297, 3.676792912114263],
    );
}

#[test] // groupby("unit").s_11.rolling(10, min_periods=1); slope: numpy.polyfit of each window
fn turbofans_have_rolling_figures() {
    let expected = [
        ("mean", [0.0, 980468.3108412699, 1011579.7883243026]),
        ("std", [100.0, 2044.7453029871015, 2113.108419885243]),
        ("min", [0.0, 977256.8999999999, 1008262.4612659999]),
        ("max", [0.0, 983660.27, 1014882.237624]),
        ("sum", [0.0, 9591624.03, 9900183.272814002]),
        ("median", [0.0, 980472.8300000001, 1011584.5932174999]),
        ("count", [0.0, 201810.0, 208275.843]),
        ("slope", [100.0, 77.34018181819124, 78.79491687706604]),
    ];
    for (function, expected) in expected {
        let settings = json!({"window": 10, "functions": [function]});
        check_engines("rolling", settings, &format!("s_11_{function}_10"), expected);
    }
    check_engines(
        "rolling",
        json!({"window": 10, "current": "excluded", "min_periods": 3}),
        "s_11_mean_10",
        [300.0, 966189.5428412699, 997131.6560189871],
    );
}

#[test] // set_index("date_time").temp.rolling("24h")
fn traffic_has_figures_of_the_last_day() {
    let expected = [
        ("mean", [0.0, 13558424.150608141, 32824150.035856623]),
        // numpy.std(ddof=1) of each window; pandas carries its figure on and is off by 1e-9.
        ("std", [17.0, 148829.4451011235, 355803.68736550765]),
        ("max", [0.0, 13788425.082, 33382194.7481608]),
        ("median", [0.0, 13550615.798500001, 32799675.4792055]),
        ("count", [0.0, 1361829.0, 3388851.2267]),
    ];
    let metro = metro();
    for (function, expected) in expected {
        let settings = json!({"columns": "temp", "window": "24h", "functions": [function],
            "order": "date_time"});
        check(&metro, "rolling", settings, &format!("temp_{function}_1d"), expected);
    }
}

#[test] // date_time.diff(), and date_time minus the last one with rain_1h > 0
fn traffic_knows_how_long_ago_it_rained() {
    let metro = metro();
    let since = json!({"order": "date_time"});
    check(&metro, "time_since", since, "time_since", [1.0, 189180000.0, 416297205.0]);
    let rain = json!({"order": "date_time", "condition": "rain_1h > 0", "name": "dry",
        "unit": "hours"});
    check(&metro, "time_since", rain.clone(), "dry", [6688.0, 166022090.0, 663240855.8356]);
    let mut before = rain;
    before["current"] = json!("excluded");
    check(&metro, "time_since", before, "dry", [6689.0, 166068730.0, 663371122.3811]);
}

#[test]
fn rows_may_come_in_any_order() {
    let day = [3.0, 1.0, 2.0, 1.0];
    let rows = table().numbers("day", day).numbers("v", [30.0, 10.0, 20.0, 11.0]).frame();
    let lag = Lag { columns: "v".into(), order: Some("day".into()), ..Default::default() };
    let (_, lagged, _) = fit(&lag, rows);
    assert_close(lagged.numbers(2).unwrap(), &[20.0, f64::NAN, 11.0, 10.0]);
}

#[test]
fn words_and_moments_have_lags_too() {
    let rows = table().times("t", [5, 7]).words("w", ["a", "b"]).booleans("b", [true, false]);
    let lag = Lag { columns: "all".into(), order: Some("t".into()), ..Default::default() };
    let (_, lagged, _) = fit(&lag, rows.frame());
    assert_eq!(lagged.schema().names(), ["t", "t_lag_1", "w", "w_lag_1", "b", "b_lag_1"]);
    assert_eq!(lagged.times(1).unwrap(), [MISSING_TIME, 5]);
    assert_eq!(lagged.words(3).unwrap().iter().collect::<Vec<_>>(), [None, Some("a")]);
    assert_close(lagged.numbers(5).unwrap(), &[f64::NAN, 1.0]);
}

#[test]
fn the_depth_is_what_must_be_at_hand() {
    let depth = |kind: &str, settings: Value| {
        let transform = catalog().build_transform(kind, &settings).unwrap();
        match fit(transform.as_ref(), Frame::from_table(&awkward()).unwrap()).0.scope() {
            Scope::Windowed { group, order, depth } => (group, order, depth),
            Scope::RowWise => panic!("{kind} says that it is row-wise"),
        }
    };
    let lag = json!({"columns": "x", "lags": [1, 4], "order": "when", "group": "plan"});
    assert_eq!(depth("lag", lag), (vec!["plan".into()], "when".into(), Depth::Rows(4)));
    let rolling = json!({"columns": "x", "window": 5, "order": "when"});
    assert_eq!(depth("rolling", rolling), (Vec::new(), "when".into(), Depth::Rows(4)));
    let day = json!({"columns": "x", "window": "1d", "order": "when"});
    assert_eq!(depth("rolling", day).2, Depth::Time(86_400_000_000));
    assert_eq!(depth("time_since", json!({"order": "when"})).2, Depth::Rows(1));
    let since = |within: Value| json!({"order": "when", "condition": "x > 0", "within": within});
    assert_eq!(depth("time_since", since(Value::Null)).2, Depth::All);
    assert_eq!(depth("time_since", since(json!(9))).2, Depth::Rows(9));
    assert_eq!(depth("time_since", since(json!("1h"))).2, Depth::Time(3_600_000_000));
}

#[test]
fn rows_without_a_place_are_said_so() {
    let lag = Lag { columns: "x".into(), order: Some("when".into()), ..Default::default() };
    let (_, _, notes) = fit(&lag, Frame::from_table(&awkward()).unwrap());
    assert_eq!(notes, ["1 rows have no `when`: they see no other row"]);
}

/// A column of group or time is no feature, but a step that names it gets it.
#[test]
fn columns_of_group_and_time_reach_the_steps_that_name_them() {
    let rows = table().times("at", [1, 2]).words("shop", ["a", "a"]).numbers("sold", [4.0, 5.0]);
    let schema = rows.frame().schema().map(|field| {
        let role = match field.name.as_str() {
            "at" => Role::Time,
            "shop" => Role::Group,
            _ => Role::Feature,
        };
        field.clone().role(role)
    });
    let schema = schema.expect("the names stay");
    let lag = |order: Option<&str>, group: Option<Group>| Lag {
        columns: "sold".into(),
        order: order.map(String::from),
        group,
        ..Default::default()
    };
    for order in [Some("at"), None] {
        for group in [Some("shop".into()), None] {
            let lag = || lag(order, group.clone());
            let input = Pipeline::new().then(lag()).input(&schema).expect("both are there");
            assert_eq!(input.names(), ["at", "shop", "sold"]);
            let output = lag().check(&input).expect("the columns are accepted").features();
            assert_eq!(output.names(), ["sold", "sold_lag_1"]);
        }
    }
    let none = lag(Some("at"), Some(Group::Columns(Vec::new())));
    let input = Pipeline::new().then(none).input(&schema).expect("the order is there");
    assert!(matches!(input.names().as_slice(), [at, .., sold] if at == "at" && sold == "sold"));
}

/// A step that names no group goes by that of the split, one that names `[]` by none.
#[test]
fn the_group_of_the_split_is_the_group_of_a_step() {
    let rows = table()
        .numbers("t", [1.0, 2.0, 3.0, 4.0])
        .words("shop", ["a", "b", "a", "b"])
        .numbers("sold", [4.0, 5.0, 6.0, 7.0])
        .build()
        .with_role("shop", Role::Group)
        .unwrap();
    let lagged = |group: Option<Group>| {
        let lag = Lag { columns: "sold".into(), order: Some("t".into()), group, lags: vec![1] };
        let (_, rows, _) = fit(&lag, Frame::from_table(&rows).unwrap());
        numbers(&rows, "sold_lag_1")
    };
    assert_close(&lagged(None), &[f64::NAN, f64::NAN, 4.0, 5.0]);
    assert_close(&lagged(Some(Group::Columns(Vec::new()))), &[f64::NAN, 4.0, 5.0, 6.0]);
}

#[test] // by hand: it held at 0 and 20 seconds
fn a_condition_is_looked_for_no_further_back_than_asked() {
    let rows = || {
        let times = [0, 5, 15, 20, 29].map(|second| second * 1_000_000);
        table().times("at", times).numbers("x", [1.0, 0.0, 0.0, 1.0, 0.0]).frame()
    };
    let since = |within: Window| {
        let settings = TimeSince {
            condition: Some("x > 0".into()),
            within: Some(within),
            order: Some("at".into()),
            ..Default::default()
        };
        numbers(&fit(&settings, rows()).1, "time_since")
    };
    assert_close(&since(Window::Time("10s".parse().unwrap())), &[0.0, 5.0, f64::NAN, 0.0, 9.0]);
    assert_close(&since(Window::Rows(1)), &[0.0, 5.0, f64::NAN, 0.0, 9.0]);
    assert_close(&since(Window::Rows(2)), &[0.0, 5.0, 15.0, 0.0, 9.0]);
}

#[test]
fn a_million_identical_rows_take_no_time() {
    let rows = table().numbers("t", vec![1.0; 1_000_000]).numbers("v", vec![0.1; 1_000_000]);
    let settings = Rolling {
        columns: "v".into(),
        window: Window::Rows(1_000_000),
        functions: ALL.to_vec(),
        order: Some("t".into()),
        ..Default::default()
    };
    let (_, rows, _) = fit(&settings, rows.frame());
    let last = |name: &str| numbers(&rows, name)[999_999];
    assert_close(&[last("v_mean_1000000"), last("v_median_1000000")], &[0.1, 0.1]);
    assert_close(&[last("v_count_1000000"), last("v_slope_1000000")], &[1e6, f64::NAN]);
}

#[track_caller]
fn refused(kind: &str, settings: Value, message: &str) {
    let result = catalog()
        .build_transform(kind, &settings)
        .and_then(|t| t.check(&awkward().schema().features()).map(drop));
    assert_eq!(result.expect_err("this is refused").to_string(), message);
}

/// The settings with a column and an order, unless `more` has others.
fn with(more: Value) -> Value {
    let mut settings = json!({"columns": "x", "order": "when"});
    for (key, value) in more.as_object().expect("an object") {
        settings[key] = value.clone();
    }
    settings
}

#[test]
fn rows_need_an_order_and_lags_some_rows() {
    let absent = "`order` is absent, expected the column that orders the rows";
    refused("lag", json!({"columns": "x"}), absent);
    let words = "column `plan` is categorical, expected datetime or numeric";
    refused("lag", with(json!({"order": "plan"})), words);
    let twice = "`group` is `when`, expected another column than `order`";
    refused("lag", with(json!({"group": "when"})), twice);
    refused("lag", with(json!({"group": ["plan", "when"]})), twice);
    let twice = "`group` is `plan` twice, expected each column once";
    refused("lag", with(json!({"group": ["plan", "plan"]})), twice);
    for (lags, found) in [(json!([0]), "0"), (json!([2, 2]), "2 twice"), (json!([]), "empty")] {
        let message = format!("`lags` is {found}, expected numbers of rows from 1 on, each once");
        refused("lag", with(json!({"lags": lags})), &message);
    }
    let plan = "column `plan` is categorical, expected numeric or boolean";
    refused("difference", with(json!({"columns": "plan"})), plan);
}

#[test]
fn windows_that_make_no_sense_are_refused() {
    let check = |more: Value, message: &str| refused("rolling", with(more), message);
    check(json!({"window": 0}), "`window` is 0, expected 1 row or more");
    check(
        json!({"window": "1h", "order": "code"}),
        "`window` is 1h, expected a number of rows, since `code` holds no moments",
    );
    check(
        json!({"window": "1 hour"}),
        "expected a number of rows or a length of time, such as 24 or 24h",
    );
    check(
        json!({"functions": []}),
        "`functions` is empty, expected one figure or more, such as mean",
    );
    check(
        json!({"window": 3, "min_periods": 4}),
        "`min_periods` is 4, expected at most the 3 rows of the window",
    );
    let infinite = table().numbers("t", [1.0, 2.0]).numbers("v", [1.0, f64::INFINITY]).frame();
    let rolling = Rolling { columns: "v".into(), order: Some("t".into()), ..Default::default() };
    assert!(try_fit(&rolling, infinite).unwrap_err().to_string().contains("infinite"));
}

#[test]
fn conditions_and_units_that_make_no_sense_are_refused() {
    refused(
        "time_since",
        json!({"order": "when", "condition": "x + 1"}),
        "`condition` is numeric, expected something true or false, such as `x > 0`",
    );
    refused(
        "time_since",
        json!({"order": "code", "unit": "hours"}),
        "`unit` is given, expected no unit, since `code` holds no moments",
    );
    refused("time_since", json!({"order": "when", "name": "x"}), "column `x` appears twice");
    let code = |within: Value| json!({"order": "code", "within": within});
    refused("time_since", code(json!(0)), "`within` is 0, expected 1 row or more");
    let moments = "`within` is 1h, expected a number of rows, since `code` holds no moments";
    refused("time_since", code(json!("1h")), moments);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_row_sees_a_later_one(
        rows in prop::collection::vec((0..6i32, 0..20i32, -50..50i32), 1..60),
        window in 1..9usize,
    ) {
        let column = |of: fn(&(i32, i32, i32)) -> i32| -> Vec<f64> {
            rows.iter().map(|r| f64::from(of(r))).collect()
        };
        let frame = table()
            .numbers("g", column(|r| r.0))
            .numbers("t", column(|r| r.1))
            .numbers("v", column(|r| r.2))
            .frame();
        let (order, group) = (Some("t".to_string()), Some("g".into()));
        let rolling = Rolling {
            columns: "v".into(),
            window: Window::Rows(window),
            functions: ALL.to_vec(),
            order,
            group,
            ..Default::default()
        };
        let (fitted, all, _) = fit(&rolling, frame.clone());
        for (at, &(group, time, _)) in rows.iter().enumerate() {
            // Only rows that are not later: answers must keep their bits.
            let seen = (0..rows.len() as u32).filter(|&r| {
                let other = rows[r as usize];
                (other.1, r) <= (time, at as u32) || other.0 != group
            });
            let seen: Vec<u32> = seen.collect();
            let place = seen.iter().position(|&r| r as usize == at).unwrap();
            let part = fitted.apply(frame.take(&seen)).unwrap();
            for (a, b) in part.columns().iter().zip(all.columns()) {
                let bits = |c: &gristmill_core::Column, row: u32| match c.take(&[row]) {
                    gristmill_core::Column::Numbers(v) => v[0].to_bits(),
                    _ => 0,
                };
                prop_assert_eq!(bits(a, place as u32), bits(b, at as u32));
            }
        }
    }
}
