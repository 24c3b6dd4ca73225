//! Which steps `auto` chooses for which data, and that all of them work.

use std::collections::BTreeSet;
use std::path::PathBuf;

use gristmill_core::{Notes, Pipeline, Role, SemanticType, Table, Task};
use gristmill_testkit::{TableBuilder, table};
use serde_json::{Value, json};

use super::*;
use crate::file::PipelineFile;
use crate::select::spelled::{Steps, corners};

fn checked(file: Value) -> Checked {
    let file: PipelineFile = serde_json::from_value(file).unwrap();
    Checked { file, folder: PathBuf::new(), notes: Vec::new() }
}

fn planned(features: Value, table: &Table) -> SearchPlan {
    let target = table.schema().with_role(Role::Target).unwrap().name.clone();
    let file = json!({
        "name": "p", "data": {"source": "x.csv", "target": target}, "features": features,
        "model": {"auto": {"trials": 5}},
    });
    let checked = checked(file);
    let Some(crate::select::ModelSection::Auto(settings)) = checked.file.model.clone() else {
        panic!("no search")
    };
    plan(&settings, &checked, &crate::catalog(), table).unwrap()
}

const ROWS: usize = 240;

/// Rows of the usual columns, without a target.
fn usual() -> TableBuilder {
    let at = |row: usize| row as f64;
    let plan = |row: usize| ["basic", "pro", "free"][row % 3];
    let city = |row: usize| -> &'static str {
        const CITIES: [&str; 16] =
            ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p"];
        CITIES[row % 16]
    };
    table()
        .numbers("age", (0..ROWS).map(|row| if row == 7 { None } else { Some(at(row * 7 % 61)) }))
        .numbers("income", (0..ROWS).map(|row| (at(row * 37 % ROWS) / 25.0).exp()))
        .numbers("constant", vec![1.0; ROWS])
        .words("plan", (0..ROWS).map(plan))
        .words("city", (0..ROWS).map(city))
}

fn yes_or_no(row: usize) -> &'static str {
    if (row * 7 % 61) + (row % 3) * 20 > 55 { "yes" } else { "no" }
}

fn classes() -> Table {
    usual().words("churn", (0..ROWS).map(yes_or_no)).target("churn")
}

fn amounts() -> Table {
    usual().numbers("price", (0..ROWS).map(|row| (row * 7 % 61) as f64 * 3.0)).target("price")
}

fn reviews() -> Table {
    let words = ["good film to see again", "bad film not to see", "dull and long and bad", "fine"];
    let text = |row: usize| format!("{} {}", words[row % 4], words[row * 3 % 4]);
    let texts: Vec<String> = (0..ROWS).map(text).collect();
    let label = |row: usize| ["up", "down", "down", "down"][row % 4];
    table()
        .words("review", texts.iter().map(String::as_str))
        .meaning(SemanticType::Text)
        .words("label", (0..ROWS).map(label))
        .target("label")
}

fn moments() -> Table {
    let hour = 3_600_000_000_i64;
    table()
        .times("at", (0..ROWS).map(|row| row as i64 * 7 * hour))
        .numbers("rain", (0..ROWS).map(|row| (row % 11) as f64))
        .numbers("traffic", (0..ROWS).map(|row| (row * 7 % 24) as f64))
        .target("traffic")
}

/// The names of the transforms of each preparation, and of its families.
fn outline(plan: &SearchPlan) -> Vec<String> {
    let alternatives = plan.spelled[STEPS][CHOICE].as_array().unwrap();
    let name = |step: &Value| -> String {
        match step[CHOICE].as_array() {
            Some(choice) => {
                let names =
                    choice.iter().map(|c| c.as_object().map_or("-", |o| o.keys().next().unwrap()));
                format!("({})", names.collect::<Vec<_>>().join("|"))
            }
            None => step.as_object().unwrap().keys().next().unwrap().clone(),
        }
    };
    let line = |alternative: &Value| {
        let (named, steps) = alternative.as_object().unwrap().iter().next().unwrap();
        let features = steps["features"].as_array().unwrap().iter().map(name);
        let models = steps["model"][CHOICE].as_array().unwrap().iter().map(name);
        let (features, models): (Vec<String>, Vec<String>) = (features.collect(), models.collect());
        format!("{named}: {} -> {}", features.join(" "), models.join(" "))
    };
    alternatives.iter().map(line).collect()
}

#[test]
fn classes_of_mixed_columns() {
    assert_eq!(
        outline(&planned(json!([]), &classes())),
        [
            "as_is: drop (-|target_encode) -> gradient_boosting random_forest extra_trees",
            "scaled: drop (-|target_encode) impute (clip|-) (-|spline|quantile|power) standardize one_hot -> \
         logistic_regression k_nearest",
        ]
    );
}

#[test]
fn numbers_of_mixed_columns() {
    assert_eq!(
        outline(&planned(json!([]), &amounts()))[1].split("-> ").nth(1),
        Some("ridge elastic_net k_nearest")
    );
}

#[test]
fn texts_are_all_words_for_sums_and_few_for_trees() {
    assert_eq!(
        outline(&planned(json!([]), &reviews())),
        [
            "words: tfidf -> logistic_regression linear_svm multinomial_naive_bayes",
            "as_is: tfidf -> gradient_boosting",
        ]
    );
}

#[test] // 240 times 7 hours are 70 days: no year, months and hours that come again
fn moments_become_parts_and_circles() {
    let plan = planned(json!([]), &moments());
    let of = |at: usize, name: &str| -> Value {
        let steps = plan.spelled[STEPS][CHOICE][at][name]["features"].as_array().unwrap().clone();
        steps.into_iter().find(|step| step.get("datetime").is_some()).unwrap()["datetime"].clone()
    };
    let parts = json!(["month", "day", "weekday", "hour"]);
    assert_eq!(of(0, "as_is"), json!({"columns": ["at"], "parts": parts}));
    let cyclic = json!(["month", "weekday", "hour"]);
    assert_eq!(of(1, "scaled"), json!({"columns": ["at"], "parts": parts, "cyclic": cyclic}));
}

#[test]
fn what_orders_the_rows_is_learned_from_too() {
    let rows = moments().with_role("at", Role::Time).unwrap();
    assert!(outline(&planned(json!([]), &rows))[0].starts_with("as_is: datetime ->"));
}

#[test]
fn the_files_own_transforms_come_first_and_count() {
    let own =
        json!([{"impute": {"columns": "numeric"}}, {"one_hot": {"columns": ["plan", "city"]}}]);
    assert_eq!(
        outline(&planned(own, &classes())),
        [
            "as_is: impute one_hot drop -> gradient_boosting random_forest extra_trees",
            "scaled: impute one_hot drop impute (clip|-) (-|spline|quantile|power) standardize -> \
         logistic_regression k_nearest",
        ]
    );
}

#[test]
fn a_name_in_nearly_every_row_is_left_out() {
    let names: Vec<String> = (0..ROWS).map(|row| format!("n{row}")).collect();
    let rows = table()
        .words("who", names.iter().map(String::as_str))
        .numbers("x", (0..ROWS).map(|row| row as f64))
        .words("y", (0..ROWS).map(yes_or_no))
        .target("y");
    let drop = planned(json!([]), &rows).spelled[STEPS][CHOICE][0]["as_is"]["features"][0].clone();
    assert_eq!(drop, json!({"drop": {"columns": ["who"]}}));
}

#[test]
fn a_table_without_a_column_to_learn_from_is_refused() {
    let rows = table().words("y", ["a", "b", "a"]).target("y");
    let file = json!({"name": "p", "data": {"source": "x", "target": "y"}, "model": {"auto": {}}});
    let error =
        plan(&AutoSettings::default(), &checked(file), &crate::catalog(), &rows).err().unwrap();
    assert_eq!(error.message, "there is no column to learn from");
}

/// Builds what a point means and holds it against the columns.
fn built(plan: &SearchPlan, point: &Point, table: &Table, task: Task) -> Pipeline {
    let catalog = crate::catalog();
    let steps = Steps::at(&plan.space, point).unwrap();
    let features = steps.features.iter();
    let pipeline =
        features.fold(Pipeline::new(), |p, step| p.then_boxed(step.build(&catalog).unwrap()));
    let pipeline = pipeline.model_boxed(steps.model.build(&catalog).unwrap());
    pipeline.check(table.schema(), task).unwrap_or_else(|e| panic!("{e}: {}", json!(steps)));
    pipeline
}

#[track_caller]
fn check(table: &Table) {
    let plan = planned(json!([]), table);
    let target = Pipeline::new().target(table).unwrap();
    for point in corners(&plan.space) {
        built(&plan, &point, table, target.task());
    }
    let mut families = BTreeSet::new();
    for point in &plan.first {
        let pipeline = built(&plan, point, table, target.task());
        families.insert(Steps::at(&plan.space, point).unwrap().model.name);
        let fitted = pipeline.fit_target(table, target.clone(), &Notes::default());
        let fitted = fitted.unwrap_or_else(|e| panic!("{e}: {point:?}"));
        fitted.predict(table).unwrap();
    }
    assert_eq!(families.len(), plan.settings.candidates.len(), "every family is seen early");
}

#[test]
fn every_corner_of_the_space_builds_and_every_first_point_learns() {
    check(&classes());
    check(&amounts());
    check(&reviews());
    check(&moments());
}

#[test]
fn families_begin_where_they_say() {
    for (table, classes) in [(classes(), Some(2)), (amounts(), None), (reviews(), Some(2))] {
        let plan = planned(json!([]), &table);
        let rows = Rows { count: ROWS, classes, deviation: 1.0, columns: 5, texts: false };
        for family in rows.trees().into_iter().chain(rows.sums()) {
            for (setting, _) in &family.first {
                let path = format!("{}.{setting}", family.name);
                let known = family.settings[*setting].is_object();
                assert!(known, "{path} begins somewhere and is no range");
            }
            let fixed = ["trees", "early_stopping", "bootstrap", "max_samples"];
            let ranges = family.settings.as_object().unwrap();
            for (setting, range) in
                ranges.iter().filter(|(s, r)| r.is_object() && !fixed.contains(&s.as_str()))
            {
                let named = family.first.iter().any(|(first, _)| first == setting);
                assert!(
                    named || range.get(CHOICE).is_some(),
                    "{}.{setting} begins nowhere",
                    family.name
                );
            }
        }
        assert!(!plan.first.is_empty());
    }
}

#[test]
fn many_rows_have_fewer_folds_held_out_rows_and_smaller_forests() {
    let rows = |count| Rows { count, classes: Some(2), deviation: 0.0, columns: 9, texts: false };
    let boosting = |count| rows(count).trees()[0].settings.clone();
    assert!(boosting(2_000).get("early_stopping").is_none());
    assert_eq!(boosting(200_000)["early_stopping"]["validation"], 0.1);
    let forest = |count| rows(count).trees()[1].settings.clone();
    assert_eq!((&forest(2_000)["trees"], &forest(200_000)["trees"]), (&json!(200), &json!(100)));
    assert_eq!(forest(200_000)["max_samples"], 50_000);
    let names = |count| rows(count).sums().iter().map(|f| f.name).collect::<Vec<_>>();
    assert_eq!(names(200_000), ["logistic_regression"]);
}
