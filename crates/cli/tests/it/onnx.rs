//! Models as ONNX files, answered by onnxruntime and held against Gristmill's own answers.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use gristmill::catalog;
use gristmill::export::{ONNX_PYTHON, WITHOUT_FORM, hold_onnx, onnx_bytes};
use gristmill::prelude::{FittedPipeline, Pipeline, Table};
use gristmill_testkit::table;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::sandbox::Sandbox;

/// The Python with onnxruntime, if one is named.
fn python() -> Option<PathBuf> {
    let python = std::env::var_os(ONNX_PYTHON).filter(|python| !python.is_empty());
    if python.is_none() {
        eprintln!("skipped: {ONNX_PYTHON} names no Python with onnxruntime and onnx");
    }
    python.map(Into::into)
}

/// What a fitted pipeline is made of, as a pipeline file names it.
struct Case {
    features: Value,
    model: Value,
    target: Target,
}

/// The column that is predicted.
#[derive(Clone, Copy, PartialEq)]
enum Target {
    Two,
    Three,
    Number,
    None,
}

impl Case {
    fn fit(&self) -> gristmill::Result<FittedPipeline> {
        let catalog = catalog();
        let mut pipeline = Pipeline::new().seed(7);
        for step in self.features.as_array().unwrap() {
            let (name, settings) = step.as_object().unwrap().iter().next().unwrap();
            pipeline = pipeline.then_boxed(catalog.build_transform(name, settings)?);
        }
        let (name, settings) = self.model.as_object().unwrap().iter().next().unwrap();
        let pipeline = pipeline.model_boxed(catalog.build_estimator(name, settings)?);
        Ok(pipeline.fit(&rows(240, 1, self.target))?)
    }

    /// The names of all steps, also of those inside others.
    fn names(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        let mut left = vec![&self.features, &self.model];
        while let Some(value) = left.pop() {
            match value {
                Value::Object(entries) => {
                    names.extend(entries.keys().cloned());
                    left.extend(entries.values());
                }
                Value::Array(items) => left.extend(items),
                _ => {}
            }
        }
        names
    }
}

/// Rows of every kind of column with gaps; others than those of seed 1 have a word that training
/// does not know.
fn rows(count: usize, seed: u64, target: Target) -> Table {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut unit = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    let mut columns: [Vec<Option<f64>>; 4] = Default::default();
    let (mut flags, mut words, mut kinds, mut times) = (vec![], vec![], vec![], vec![]);
    let (mut two, mut three, mut numbers) = (vec![], vec![], vec![]);
    for row in 0..count {
        let (x, y, z) = (unit() * 10.0 - 4.0, unit().powi(3) * 50.0, unit() + unit() * 3.0);
        let n = (unit() * 5.0).floor();
        let at = (unit() * 4.0) as usize;
        let gap = |share: f64, chance: f64| chance < share;
        columns[0].push((!gap(0.1, unit())).then_some(x));
        columns[1].push((!gap(0.1, unit())).then_some(y));
        columns[2].push(Some(z));
        columns[3].push((!gap(0.05, unit())).then_some(n));
        flags.push((!gap(0.1, unit())).then_some(unit() < 0.4));
        let unknown = seed != 1 && row % 11 == 0;
        let word = if unknown { "zebra" } else { ["ant", "bee", "cat", "dog"][at] };
        words.push((!gap(0.1, unit())).then_some(word));
        kinds.push(["red", "green", "blue"][(unit() * 3.0) as usize]);
        let moment = (unit() * 4e15) as i64 - 1_000_000_000_000_000;
        times.push((!gap(0.05, unit())).then_some(moment));
        let score = x + y / 10.0 + z - n + at as f64 + unit();
        two.push(if score > 4.0 { "yes" } else { "no" });
        three.push(["low", "mid", "high"][((score + 3.0) / 5.0).clamp(0.0, 2.0) as usize]);
        numbers.push(20.0 + score);
    }
    let [x, y, z, n] = columns;
    let table = table()
        .numbers("x", x)
        .numbers("y", y)
        .numbers("z", z)
        .numbers("n", n)
        .booleans("flag", flags)
        .words("w", words)
        .words("kind", kinds)
        .times("t", times);
    match target {
        Target::Two => table.words("label", two).target("label"),
        Target::Three => table.words("label", three).target("label"),
        Target::Number => table.numbers("label", numbers).target("label"),
        Target::None => table.build(),
    }
}

/// A step whose columns reach a linear model: numbers with 7.5 for gaps, words one-hot.
fn step(steps: Value) -> Case {
    // One column of each kind at least, for the selectors at the end.
    let mut features = vec![json!({"derive": {
        "large": "z > 1",
        "size": "CASE WHEN z > 1 THEN 'large' ELSE 'small' END",
        "then": "TIMESTAMP '2020-01-01 00:00:00'",
    }})];
    features.extend(steps.as_array().unwrap().iter().cloned());
    features.extend([
        json!({"drop": "datetime"}),
        json!({"impute": {"columns": "numeric", "strategy": "constant", "fill_value": 7.5}}),
        json!({"impute": {"columns": "boolean", "strategy": "constant", "fill_value": true}}),
        json!({"one_hot": {"columns": "categorical"}}),
    ]);
    let model = json!({"ridge": {"alpha": 0.1}});
    Case { features: features.into(), model, target: Target::Number }
}

/// A model of numbers without gaps.
fn model(target: Target, model: Value) -> Case {
    let features = json!([
        {"drop": {"columns": ["t"]}},
        {"impute": {"columns": ["x", "y", "n", "flag"], "strategy": "median"}},
        {"one_hot": {"columns": ["w", "kind"]}},
        {"standardize": {"columns": ["x", "y"]}},
    ]);
    Case { features, model, target }
}

/// A model of numbers of which no two rows have the same distance from a third.
fn apart(target: Target, model: Value) -> Case {
    let features = json!([
        {"drop": {"columns": ["t", "w", "kind", "n", "flag"]}},
        {"derive": {"x": "COALESCE(x, z * 7 - 3)", "y": "COALESCE(y, z * z * 3)"}},
    ]);
    Case { features, model, target }
}

/// A model of words and gaps.
fn tree(target: Target, model: Value) -> Case {
    Case { features: json!([{"drop": "datetime"}]), model, target }
}

fn steps() -> Vec<(&'static str, Case)> {
    let derived = |columns: Value| step(json!([{"derive": columns}]));
    vec![
        (
            "impute",
            step(json!([
                {"impute": {"columns": ["x"], "strategy": "mean", "indicator": true}},
                {"impute": {"columns": ["y"], "strategy": "median"}},
                {"impute": {"columns": ["w"], "strategy": "most_frequent", "indicator": true}},
                {"impute": {"columns": ["kind"], "strategy": "constant", "fill_value": "none"}},
            ])),
        ),
        ("standardize", step(json!([{"standardize": {}}]))),
        (
            "min_max",
            step(
                json!([{"min_max": {"columns": ["x", "y"], "clip": true}}, {"min_max": {"columns": ["z"], "range": [-1, 3]}}]),
            ),
        ),
        ("max_abs", step(json!([{"max_abs": {}}]))),
        ("robust", step(json!([{"robust": {}}]))),
        ("clip", step(json!([{"clip": {"columns": ["x", "y"], "lower": -1, "upper": 20}}]))),
        (
            "log",
            step(json!([{"log": {"columns": ["y"]}}, {"log": {"columns": ["x"], "offset": 9.5}}])),
        ),
        ("normalize l2", step(json!([{"normalize": {"columns": ["z"], "norm": "l2"}}]))),
        (
            "normalize",
            step(
                json!([{"impute": {"columns": ["x", "y"]}}, {"normalize": {"columns": ["x", "y", "z"]}}]),
            ),
        ),
        (
            "normalize l1",
            step(
                json!([{"impute": {"columns": ["x", "y"]}}, {"normalize": {"columns": ["x", "y", "z"], "norm": "l1"}}]),
            ),
        ),
        (
            "normalize max",
            step(
                json!([{"impute": {"columns": ["x", "y"]}}, {"normalize": {"columns": ["x", "y", "z"], "norm": "max"}}]),
            ),
        ),
        (
            "power",
            step(
                json!([{"power": {"columns": ["x", "y"]}}, {"power": {"columns": ["z"], "method": "box_cox"}}]),
            ),
        ),
        ("quantile", step(json!([{"quantile": {"columns": ["x", "y", "n"]}}]))),
        (
            "quantile normal",
            step(json!([{"quantile": {"columns": ["x", "y", "n"], "output": "normal"}}])),
        ),
        ("bin", step(json!([{"bin": {"columns": ["x", "y"], "bins": 4}}]))),
        (
            "bin one_hot",
            step(json!([{"bin": {"columns": ["x", "y"], "bins": 4, "output": "one_hot"}}])),
        ),
        ("polynomial", step(json!([{"polynomial": {"columns": ["x", "y", "z"], "degree": 3}}]))),
        (
            "polynomial interactions",
            step(
                json!([{"polynomial": {"columns": ["x", "y", "z"], "degree": 3, "terms": "interactions"}}]),
            ),
        ),
        ("spline constant", step(json!([{"spline": {"columns": ["x", "y"]}}]))),
        (
            "spline linear",
            step(
                json!([{"spline": {"columns": ["x", "y"], "extrapolation": "linear", "placement": "quantile"}}]),
            ),
        ),
        (
            "spline periodic",
            step(
                json!([{"spline": {"columns": ["x", "y"], "extrapolation": "periodic", "include_bias": false}}]),
            ),
        ),
        (
            "spline continue",
            step(json!([{"spline": {"columns": ["z"], "extrapolation": "continue", "degree": 2}}])),
        ),
        (
            "pca",
            step(
                json!([{"impute": {"columns": "numeric"}}, {"pca": {"columns": ["x", "y", "z", "n"], "components": 3, "whiten": true}}]),
            ),
        ),
        (
            "truncated_svd",
            step(
                json!([{"impute": {"columns": "numeric"}}, {"truncated_svd": {"columns": ["x", "y", "z", "n"], "components": 3}}]),
            ),
        ),
        (
            "random_projection",
            step(
                json!([{"impute": {"columns": "numeric"}}, {"random_projection": {"columns": ["x", "y", "z"], "components": 4}}]),
            ),
        ),
        (
            "cluster_distance",
            step(
                json!([{"impute": {"columns": "numeric"}}, {"cluster_distance": {"columns": ["x", "y", "z"], "clusters": 3}}]),
            ),
        ),
        (
            "knn_impute",
            step(json!([{"knn_impute": {"columns": ["x", "y", "z", "n"], "neighbors": 4}}])),
        ),
        (
            "knn_impute by distance",
            step(json!([{"knn_impute": {"columns": ["x", "y", "z"], "weights": "distance"}}])),
        ),
        (
            "iterative_impute",
            step(json!([{"iterative_impute": {"columns": ["x", "y", "z", "n"], "max_iter": 4}}])),
        ),
        (
            "one_hot",
            step(
                json!([{"one_hot": {"columns": ["w", "kind", "n", "flag"], "drop": "first", "min_frequency": 0.2, "unknown": "infrequent"}}]),
            ),
        ),
        (
            "ordinal",
            step(
                json!([{"ordinal": {"columns": ["w", "kind", "n", "flag"], "unknown": -3, "missing_code": -2}}]),
            ),
        ),
        (
            "ordinal missing",
            step(json!([{"ordinal": {"columns": ["w", "n"], "unknown": "missing"}}])),
        ),
        ("frequency_encode", step(json!([{"frequency_encode": {"columns": ["w", "n", "kind"]}}]))),
        ("target_encode", step(json!([{"target_encode": {"columns": ["w", "n", "flag"]}}]))),
        (
            "datetime",
            step(json!([{"datetime": {"columns": ["t"], "parts": PARTS, "cyclic": CYCLIC}}])),
        ),
        (
            "select",
            step(
                json!([{"impute": {"columns": "numeric"}}, {"select": {"columns": ["x", "y", "z", "n"], "method": {"k_best": {"features": 2}}}}]),
            ),
        ),
        ("drop", step(json!([{"drop": ["y", "w"]}]))),
        (
            "derive numbers",
            derived(json!({
                "a": "x / y + z * 2 - n", "b": "-x % 3", "c": "x > 1 AND y < 20 OR flag", "d": "NOT flag",
                "e": "x BETWEEN -1 AND z", "f": "n IN (1, 2, NULL)", "g": "x IS NULL", "h": "ROUND(x) + SIGN(x) * CEIL(y)",
                "i": "LN(x) + LOG10(y) + LOG2(z) + SQRT(x) + EXP(z / 10)", "j": "POWER(z, 1.5) + ABS(x) + FLOOR(x)",
                "k": "COALESCE(x, y, 3) + NULLIF(n, 2)", "l": "GREATEST(x, y, n) - LEAST(x, z)",
                "m": "CASE WHEN x > 2 THEN y WHEN flag THEN 1 ELSE z END", "o": "CASE n WHEN 1 THEN 10 WHEN 2 THEN 20 END",
                "p": "CAST(x AS bigint) + x / 0", "q": "7",
            })),
        ),
        (
            "derive words",
            derived(json!({
                "a": "w = 'ant' OR kind <> 'red'", "b": "w IN ('bee', kind)", "c": "w || '-' || kind",
                "d": "CASE WHEN flag THEN w ELSE kind END", "e": "COALESCE(w, kind)", "f": "w LIKE '_e%'",
                "g": "STARTS_WITH(w, 'c')", "h": "CAST(flag AS varchar)", "i": "CONCAT(w, kind)", "j": "w IS NULL",
                "k": "NULLIF(w, 'dog')",
            })),
        ),
        (
            "derive moments",
            derived(json!({
                "a": "EXTRACT(year FROM t) + EXTRACT(month FROM t) * 3 + EXTRACT(dow FROM t)",
                "b": "EXTRACT(week FROM t) + EXTRACT(doy FROM t) + EXTRACT(hour FROM t)",
                "c": "SECONDS_BETWEEN(DATE_TRUNC('month', t), t) / 1e6", "d": "SECONDS_BETWEEN(DATE_TRUNC('week', t), t) / 1e6",
                "e": "t > TIMESTAMP '1990-01-01 00:00:00'", "f": "SECONDS_BETWEEN(DATE_TRUNC('quarter', t), t) / 1e6",
            })),
        ),
    ]
}

const PARTS: [&str; 19] = [
    "year",
    "quarter",
    "month",
    "week",
    "day",
    "day_of_year",
    "weekday",
    "hour",
    "minute",
    "second",
    "days_in_month",
    "is_weekend",
    "is_month_start",
    "is_month_end",
    "is_quarter_start",
    "is_quarter_end",
    "is_year_start",
    "is_year_end",
    "timestamp",
];
const CYCLIC: [&str; 9] =
    ["quarter", "month", "week", "day", "day_of_year", "weekday", "hour", "minute", "second"];

fn models() -> Vec<(&'static str, Case)> {
    use Target::{None, Number, Three, Two};
    vec![
        ("dummy", model(Two, json!({"dummy": {}}))),
        ("dummy number", model(Number, json!({"dummy": {"strategy": "median"}}))),
        ("linear_regression", model(Number, json!({"linear_regression": {}}))),
        ("ridge", model(Number, json!({"ridge": {}}))),
        ("lasso", model(Number, json!({"lasso": {"alpha": 0.01}}))),
        ("elastic_net", model(Number, json!({"elastic_net": {"alpha": 0.01}}))),
        ("poisson_regression", model(Number, json!({"poisson_regression": {}}))),
        ("gamma_regression", model(Number, json!({"gamma_regression": {}}))),
        ("logistic_regression", model(Two, json!({"logistic_regression": {}}))),
        ("logistic_regression of three", model(Three, json!({"logistic_regression": {}}))),
        ("linear_svm", model(Three, json!({"linear_svm": {}}))),
        ("linear_svm number", model(Number, json!({"linear_svm": {}}))),
        ("decision_tree", tree(Two, json!({"decision_tree": {}}))),
        ("decision_tree number", tree(Number, json!({"decision_tree": {}}))),
        ("random_forest", tree(Three, json!({"random_forest": {"trees": 12}}))),
        ("random_forest number", tree(Number, json!({"random_forest": {"trees": 12}}))),
        ("extra_trees", tree(Two, json!({"extra_trees": {"trees": 12}}))),
        ("gradient_boosting", tree(Two, json!({"gradient_boosting": {"trees": 30}}))),
        ("gradient_boosting of three", tree(Three, json!({"gradient_boosting": {"trees": 15}}))),
        ("gradient_boosting number", tree(Number, json!({"gradient_boosting": {"trees": 30}}))),
        (
            "gradient_boosting poisson",
            tree(Number, json!({"gradient_boosting": {"trees": 15, "loss": "poisson"}})),
        ),
        ("isolation_forest", tree(None, json!({"isolation_forest": {"trees": 20}}))),
        ("gaussian_naive_bayes", model(Three, json!({"gaussian_naive_bayes": {}}))),
        (
            "multinomial_naive_bayes",
            Case {
                features: json!([{"drop": "datetime"}, {"impute": {"columns": ["x", "y", "n", "flag"]}}, {"min_max": {"columns": ["x", "y", "z", "n"], "clip": true}}, {"one_hot": {}}]),
                model: json!({"multinomial_naive_bayes": {}}),
                target: Three,
            },
        ),
        ("k_nearest", apart(Three, json!({"k_nearest": {"neighbors": 5}}))),
        (
            "k_nearest number",
            apart(
                Number,
                json!({"k_nearest": {"neighbors": 5, "weights": "distance", "metric": "manhattan"}}),
            ),
        ),
        (
            "k_nearest cosine",
            apart(Two, json!({"k_nearest": {"neighbors": 3, "metric": "cosine"}})),
        ),
        (
            "k_nearest chebyshev",
            apart(Two, json!({"k_nearest": {"neighbors": 3, "metric": "chebyshev"}})),
        ),
        ("svm", model(Two, json!({"svm": {}}))),
        ("svm platt", model(Two, json!({"svm": {"probability": "platt"}}))),
        ("svm of three", model(Three, json!({"svm": {"kernel": "polynomial"}}))),
        ("svm number", model(Number, json!({"svm": {"kernel": "sigmoid", "gamma": 0.01}}))),
        ("svm linear", model(Number, json!({"svm": {"kernel": "linear"}}))),
        ("k_means", model(None, json!({"k_means": {"clusters": 3}}))),
        ("mini_batch_k_means", model(None, json!({"mini_batch_k_means": {"clusters": 3}}))),
        ("dbscan", model(None, json!({"dbscan": {"eps": 1.5}}))),
        (
            "gaussian_mixture",
            model(
                None,
                json!({"gaussian_mixture": {"components": 2, "covariance": "full", "regularization": 0.01}}),
            ),
        ),
        (
            "gaussian_mixture diagonal",
            model(
                None,
                json!({"gaussian_mixture": {"components": 3, "covariance": "diagonal", "regularization": 0.01}}),
            ),
        ),
        ("local_outlier_factor", apart(None, json!({"local_outlier_factor": {"neighbors": 6}}))),
        (
            "voting",
            model(
                Three,
                json!({"voting": {"models": [{"logistic_regression": {}}, {"decision_tree": {}}], "weights": [2, 1]}}),
            ),
        ),
        (
            "voting hard",
            model(
                Three,
                json!({"voting": {"voting": "hard", "models": [{"logistic_regression": {}}, {"decision_tree": {}}, {"gaussian_naive_bayes": {}}]}}),
            ),
        ),
        (
            "bagging",
            model(
                Number,
                json!({"bagging": {"model": {"ridge": {}}, "estimators": 4, "max_features": 0.6}}),
            ),
        ),
        (
            "stacking",
            model(
                Three,
                json!({"stacking": {"models": [{"decision_tree": {}}, {"gaussian_naive_bayes": {}}], "passthrough": "columns"}}),
            ),
        ),
        (
            "stacking number",
            model(Number, json!({"stacking": {"models": [{"decision_tree": {}}, {"ridge": {}}]}})),
        ),
        ("ada_boost", model(Three, json!({"ada_boost": {"estimators": 8}}))),
        ("ada_boost number", model(Number, json!({"ada_boost": {"estimators": 8}}))),
        (
            "calibration",
            model(Two, json!({"calibration": {"model": {"gaussian_naive_bayes": {}}}})),
        ),
        (
            "calibration isotonic",
            model(
                Three,
                json!({"calibration": {"model": {"logistic_regression": {}}, "method": "isotonic"}}),
            ),
        ),
        ("threshold", model(Two, json!({"threshold": {"model": {"logistic_regression": {}}}}))),
        ("conformal", model(Number, json!({"conformal": {"model": {"ridge": {}}}}))),
        ("resample", model(Two, json!({"resample": {"model": {"logistic_regression": {}}}}))),
    ]
}

/// Writes each case's model into a folder and holds its answers against Gristmill's.
fn check_all(cases: Vec<(&'static str, Case)>) {
    let Some(python) = python() else { return };
    let folder = TempDir::new().unwrap();
    let failed: Vec<String> = std::thread::scope(|scope| {
        let half = cases.len().div_ceil(2);
        let threads: Vec<_> = cases
            .chunks(half)
            .map(|cases| scope.spawn(|| check_some(cases, folder.path(), &python)))
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    check_files(folder.path(), &python);
}

fn check_some(cases: &[(&str, Case)], folder: &Path, python: &Path) -> Vec<String> {
    let hold = |(name, case): &(&str, Case)| {
        let file = folder.join(format!("{name}.onnx"));
        let asked = rows(90, 2, Target::None);
        let held = case.fit().and_then(|fitted| hold_onnx(&fitted, &asked, &file, python));
        held.err().map(|error| format!("{name}: {error}"))
    };
    cases.iter().filter_map(hold).collect()
}

/// Every file in the folder, by ONNX's own checker.
fn check_files(folder: &Path, python: &Path) {
    const CHECK: &str = include_str!("onnx_check.py");
    let said = Command::new(python).args(["-c", CHECK]).arg(folder).output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
}

#[test]
fn every_transform_answers_in_onnxruntime_as_here() {
    check_all(steps());
}

#[test]
fn every_model_answers_in_onnxruntime_as_here() {
    check_all(models());
}

#[test]
fn every_step_of_the_catalog_is_exported_or_said_to_have_no_form() {
    let tested: BTreeSet<String> =
        steps().iter().chain(&models()).flat_map(|(_, case)| case.names()).collect();
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/onnx.md");
    let page = fs_err::read_to_string(page).unwrap();
    let catalog = catalog();
    for kind in catalog.transforms().keys().chain(catalog.estimators().keys()) {
        let without = WITHOUT_FORM.iter().find(|without| without.kind == *kind);
        assert_ne!(tested.contains(*kind), without.is_some(), "`{kind}` is tested, or has no form");
        if let Some(without) = without {
            let line = format!("| `{kind}` | {} |", without.reason);
            assert!(page.contains(&line), "docs/onnx.md lacks {line}");
        }
    }
    for without in WITHOUT_FORM {
        assert!(catalog.transforms().contains_key(without.kind), "`{}`", without.kind);
    }
}

#[track_caller]
fn check_refused(case: &Case, expected: &str) {
    let error = onnx_bytes(&case.fit().unwrap(), "model").unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn what_has_no_form_is_said_by_name() {
    check_refused(
        &step(json!([{"hash": {"columns": ["w"], "features": 4}}])),
        "step `hash` has no form in ONNX",
    );
    let lagged = json!([{"lag": {"columns": ["x"], "order": "t"}}, {"drop": "datetime"}]);
    let case = Case { features: lagged, model: json!({"decision_tree": {}}), target: Target::Two };
    check_refused(&case, "step `lag` has no form in ONNX: it looks at earlier rows");
    check_refused(&step(json!([{"derive": {"low": "LOWER(w)"}}])), "in the derived column `low`");
    let svm = json!({"svm": {"probability": "platt"}});
    check_refused(&model(Target::Three, svm), "`svm` of more than two classes");
    check_refused(
        &model(Target::Two, json!({"dummy": {"strategy": "stratified"}})),
        "`dummy` with",
    );
}

/// A model of the churn example in a home of its own.
fn churn() -> Sandbox {
    let sandbox = Sandbox::churn();
    let said = sandbox.run(&["run", "pipeline.yaml"]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    sandbox
}

#[test]
fn a_registered_model_is_verified_and_written() {
    let Some(python) = python() else { return };
    let sandbox = churn();
    let python = python.to_string_lossy();
    let said = sandbox.json(&["export", "onnx", "churn", "--verify-with", &python]);
    assert_eq!(said["path"], "churn.onnx");
    assert_eq!(said["opsets"], json!({"ai.onnx": 21, "ai.onnx.ml": 5}));
    assert_eq!(
        said["outputs"][0],
        json!({"name": "label", "element": "string", "shape": ["rows", 1]})
    );
    assert_eq!(said["outputs"][1]["shape"], json!(["rows", 2]));
    assert_eq!(said["inputs"].as_array().unwrap().len(), 19);
    let verified = &said["verified"];
    assert!(verified["rows"].as_u64().unwrap() > 10, "{said}");
    assert!(verified["largest_difference"].as_f64().unwrap() <= 1e-9, "{said}");
    assert!(verified["runtime"].as_str().unwrap().starts_with("onnxruntime "), "{said}");
    let written = said["bytes"].as_u64().unwrap();
    assert_eq!(fs_err::metadata(sandbox.path("churn.onnx")).unwrap().len(), written);
    check_files(&sandbox.path(""), Path::new(&*python));
}

#[test]
fn the_examples_with_forests_and_boosting_answer_in_onnxruntime_as_here() {
    let Some(python) = python() else { return };
    let python = python.to_string_lossy();
    let sandbox = Sandbox::churn();
    let prices = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/prices");
    fs_err::copy(prices.join("houses.csv"), sandbox.path("houses.csv")).unwrap();
    fs_err::copy(prices.join("pipeline.yaml"), sandbox.path("prices.yaml")).unwrap();
    let few = ["--set", "model.gradient_boosting.trees=60", "--set", "evaluate.require.r2=0.3"];
    for (run, model) in [
        (vec!["run", "forest.yaml", "--set", "model.random_forest.trees=30"], "churn-forest"),
        ([&["run", "prices.yaml"], &few[..]].concat(), "prices"),
    ] {
        let said = sandbox.run(&run);
        assert_eq!(said.code, 0, "{}{}", said.out, said.err);
        let said = sandbox.json(&["export", "onnx", model, "--verify-with", &python]);
        assert!(said["verified"]["largest_difference"].as_f64().unwrap() <= 1e-9, "{said}");
    }
}

#[test]
fn without_a_runtime_the_file_is_said_not_to_be_verified() {
    let sandbox = churn();
    let out = ["export", "onnx", "churn@champion", "-o", "out.onnx", "--verify-with", ""];
    let said = sandbox.run(&out);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.contains("not verified: no onnxruntime"), "{}", said.out);
    let first = fs_err::read(sandbox.path("out.onnx")).unwrap();
    assert_eq!(sandbox.json(&out)["verified"], Value::Null);
    assert_eq!(fs_err::read(sandbox.path("out.onnx")).unwrap(), first, "equal models, equal bytes");
}

#[test]
fn nothing_is_written_where_a_runtime_cannot_answer_or_answers_otherwise() {
    let sandbox = churn();
    let export = |python: &str| sandbox.run(&["export", "onnx", "churn", "--verify-with", python]);
    let said = export("no-such-python");
    assert_eq!(said.code, 1);
    assert!(said.err.contains("`no-such-python` cannot be run"), "{}", said.err);
    let liar = r#"#!/bin/sh
printf '{"runtime": "liar 1", "answers": {"label": [["No"]], "probabilities": [[0.5, 0.5]]}}'
"#;
    sandbox.write("liar", liar);
    let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs_err::set_permissions(sandbox.path("liar"), permissions).unwrap();
    let said = export("./liar");
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(
        said.err.contains("the ONNX model answers 0.5 in `probabilities` for golden row 1"),
        "{}",
        said.err
    );
    let left: Vec<String> = Sandbox::names(&sandbox.path(""));
    assert!(!left.iter().any(|name| name.contains("onnx")), "{left:?}");
}
