//! Small pipelines and the rows that they learn from and are asked about.

use std::collections::BTreeSet;

use gristmill::catalog;
use gristmill::prelude::{FittedPipeline, Pipeline, Table};
use gristmill_testkit::table;
use serde_json::{Map, Value, json};

/// What a fitted pipeline is made of, as a pipeline file names it.
pub struct Case {
    pub features: Value,
    pub model: Value,
    pub target: Target,
}

/// The column that is predicted.
#[derive(Clone, Copy, PartialEq)]
pub enum Target {
    Two,
    Three,
    Number,
    None,
}

impl Case {
    pub fn fit(&self) -> gristmill::Result<FittedPipeline> {
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
    pub fn names(&self) -> BTreeSet<String> {
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
pub fn rows(count: usize, seed: u64, target: Target) -> Table {
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

/// The cases of every transform: each has a step or more, whose columns reach a linear model,
/// numbers with 7.5 for gaps, words one-hot.
pub fn transforms() -> Vec<(String, Case)> {
    read(include_str!("transforms.json")).map(|(name, steps)| (name, step(steps))).collect()
}

/// The cases of every model.
pub fn models() -> Vec<(String, Case)> {
    let case = |(name, case): (String, Value)| {
        let target = match case["target"].as_str().unwrap() {
            "two" => Target::Two,
            "three" => Target::Three,
            "number" => Target::Number,
            _ => Target::None,
        };
        let features = features(case["rows"].as_str().unwrap());
        (name, Case { features, model: case["model"].clone(), target })
    };
    read(include_str!("models.json")).map(case).collect()
}

fn read(text: &str) -> impl Iterator<Item = (String, Value)> {
    let cases: Map<String, Value> = serde_json::from_str(text).unwrap();
    cases.into_iter()
}

/// A pipeline of these steps before a linear model.
pub fn step(steps: Value) -> Case {
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

/// The steps before a model: such that it sees `numbers` without gaps, `counts` from 0 on, rows that
/// are `apart` so that no two have the same distance from a third, or `any` column as it is.
pub fn features(seen: &str) -> Value {
    match seen {
        "numbers" => json!([
            {"drop": {"columns": ["t"]}},
            {"impute": {"columns": ["x", "y", "n", "flag"], "strategy": "median"}},
            {"one_hot": {"columns": ["w", "kind"]}},
            {"standardize": {"columns": ["x", "y"]}},
        ]),
        "counts" => json!([
            {"drop": "datetime"},
            {"impute": {"columns": ["x", "y", "n", "flag"]}},
            {"min_max": {"columns": ["x", "y", "z", "n"], "clip": true}},
            {"one_hot": {}},
        ]),
        "apart" => json!([
            {"drop": {"columns": ["t", "w", "kind", "n", "flag"]}},
            {"derive": {"x": "COALESCE(x, z * 7 - 3)", "y": "COALESCE(y, z * z * 3)"}},
        ]),
        _ => json!([{"drop": "datetime"}]),
    }
}
