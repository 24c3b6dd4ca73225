//! Documents against the schemas that `schemars` writes from Rust types.

use std::collections::BTreeMap;

use gristmill_flow::{Document, render, validate};
use insta::assert_snapshot;
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;

/// A small pipeline file: every form of type that a real one uses.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct File {
    name: String,
    #[serde(default)]
    seed: u64,
    data: Option<Data>,
    #[serde(default)]
    features: Vec<Step>,
    model: Option<Model>,
    #[serde(default)]
    evaluate: Evaluate,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct Data {
    source: Source,
    target: Option<Target>,
    #[serde(default)]
    drop: Vec<String>,
    #[serde(default)]
    types: BTreeMap<String, Semantic>,
    split: Option<Split>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum Source {
    Path(String),
    Block(Postgres),
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct Postgres {
    postgres: String,
    query: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum Target {
    Column(String),
    Transformed { column: String, transform: Transform },
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Transform {
    /// The natural logarithm.
    Log,
    /// The square root.
    Sqrt,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Semantic {
    Numeric,
    Categorical,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct Split {
    #[schemars(range(min = 0.0, max = 1.0))]
    test: f64,
    #[serde(default)]
    stratify: bool,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its schema is used")]
enum Step {
    Impute(Impute),
    Standardize(Columns),
    DropConstant,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct Impute {
    columns: Selector,
    #[serde(default)]
    strategy: Option<Strategy>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct Columns {
    columns: Selector,
}

#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum Selector {
    Word(String),
    List(Vec<Selector>),
    Except { except: Vec<Selector> },
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Strategy {
    Mean,
    Median,
    MostFrequent,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its schema is used")]
enum Model {
    RandomForest(Forest),
    Ridge { alpha: f64 },
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct Forest {
    #[schemars(range(min = 1))]
    trees: u32,
    depth: Option<u8>,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct Evaluate {
    #[serde(default)]
    metrics: Vec<String>,
    search: Option<Search>,
    pair: Option<(f64, String)>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[expect(dead_code, reason = "only its schema is used")]
enum Search {
    Random { trials: u32 },
    Grid { points: u32 },
}

fn mistakes(text: &str) -> String {
    let document = Document::parse(text, "churn.yaml").unwrap();
    render(&validate(document.root(), schema_for!(File).as_value()))
}

/// The first lines only: what was found, without the places.
fn messages(text: &str) -> String {
    let document = Document::parse(text, "churn.yaml").unwrap();
    let lines = validate(document.root(), schema_for!(File).as_value())
        .into_iter()
        .map(|m| format!("{} ({})", m.message, m.hint.unwrap_or_default()));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_good_file_has_no_mistakes() {
    let good = "
name: churn
seed: 18446744073709551615
data:
  source: {postgres: 'postgres://x', query: SELECT 1}
  target: {column: price, transform: log}
  types: {senior: categorical}
  split: {test: 1}
  drop: []
features:
  - impute: {columns: numeric, strategy: median}
  - standardize: {columns: [a, {except: [b, [c]]}]}
  - drop_constant
model: {random_forest: {trees: 100, depth: }}
evaluate: {metrics: [f1], search: {kind: grid, points: 3}, pair: [1, x]}
";
    assert_eq!(mistakes(good), "");
    assert_eq!(mistakes("name: x\ndata:\nmodel: ~\n"), "");
}

#[test]
fn all_mistakes_are_said_at_once_where_they_stand() {
    let bad = "nme: churn
data:
  source: a.csv
  targt: churn
  split: {test: lots, stratify: yes}
features:
  - imputee: {columns: numeric}
  - impute: {columns: numeric, strategy: meen}
model:
  random_forest: {trees: 0.5, dept: 3}
";
    assert_snapshot!(mistakes(bad), @"
    error: unknown key `nme`
      at: churn.yaml, line 1
       1 | nme: churn
         | ^^^
    hint: did you mean `name`?

    error: unknown key `targt` in `data`
      at: churn.yaml, line 4
       4 |   targt: churn
         |   ^^^^^
    hint: did you mean `target`?

    error: `test` is the text `lots`, expected a number from 0 to 1
      at: churn.yaml, line 5
       5 |   split: {test: lots, stratify: yes}
         |                 ^^^^

    error: `stratify` is the text `yes`, expected true or false
      at: churn.yaml, line 5
       5 |   split: {test: lots, stratify: yes}
         |                                 ^^^
    hint: write `true`

    error: unknown key `imputee` in `features[0]`
      at: churn.yaml, line 7
       7 |   - imputee: {columns: numeric}
         |     ^^^^^^^
    hint: did you mean `impute`?

    error: `strategy` is the text `meen`, expected `mean`, `median` or `most_frequent`
      at: churn.yaml, line 8
       8 |   - impute: {columns: numeric, strategy: meen}
         |                                          ^^^^
    hint: did you mean `mean`?

    error: `trees` is the number 0.5, expected a whole number of at least 1
      at: churn.yaml, line 10
      10 |   random_forest: {trees: 0.5, dept: 3}
         |                          ^^^

    error: unknown key `dept` in `model.random_forest`
      at: churn.yaml, line 10
      10 |   random_forest: {trees: 0.5, dept: 3}
         |                               ^^^^
    hint: did you mean `depth`?
    ");
}

#[test]
fn wrong_types_say_what_was_found_and_expected() {
    let cases = [
        "name: 7\n",
        "name: 1.10\n",
        "name: [a]\n",
        "name: x\nseed: -1\n",
        "name: x\nseed: 1.5\n",
        "name: x\nseed: 1e3\n",
        "name: x\nseed: '3'\n",
        "name: x\nseed: {a: 1}\n",
        "name: x\ndata: a.csv\n",
        "name: x\nfeatures: impute\n",
        "name: x\nevaluate: {metrics: f1}\n",
        "name: x\nevaluate: {metrics: [1, f1]}\n",
        "name: x\ndata: {source: a, split: {test: 1.5}}\n",
        "name: x\ndata: {source: a, split: {test: 20%}}\n",
        "name: x\nmodel: {random_forest: {trees: 0}}\n",
        "name: x\nmodel: {random_forest: {trees: 5000000000}}\n",
        "name: x\nmodel: {random_forest: {trees: 5, depth: 300}}\n",
        "name: x\nevaluate: {pair: [1]}\n",
        "[1, 2]\n",
        "hello\n",
    ];
    let said: Vec<String> = cases.iter().map(|text| messages(text)).collect();
    assert_snapshot!(said.join("\n"), @r#"
    `name` is the number 7, expected text (put it in quotes: `"7"`)
    `name` is the number 1.1, expected text (put it in quotes: `"1.10"`)
    `name` is a list, expected text ()
    `seed` is -1, expected at least 0 ()
    `seed` is the number 1.5, expected a whole number of at least 0 ()
    `seed` is the number 1000.0, expected a whole number of at least 0 (write `1000`)
    `seed` is the text `3`, expected a whole number of at least 0 (remove the quotes)
    `seed` is a block of keys, expected a whole number of at least 0 ()
    `data` is the text `a.csv`, expected a block of keys ()
    `features` is the text `impute`, expected a list (write `[impute]`)
    `metrics` is the text `f1`, expected a list (write `[f1]`)
    `metrics[0]` is the number 1, expected text (put it in quotes: `"1"`)
    `test` is 1.5, expected 0 to 1 ()
    `test` is the text `20%`, expected a number from 0 to 1 (write `0.2`)
    `trees` is 0, expected at least 1 ()
    `trees` is 5000000000, expected at most 4294967295 ()
    `depth` is 300, expected 0 to 255 ()
    `pair` has 1 entry, expected 2 ()
    the file is a list, expected a block of keys ()
    the file is the text `hello`, expected a block of keys ()
    "#);
}

#[test]
fn of_several_forms_the_one_that_was_meant_is_reported() {
    let cases = [
        // By tag, by kind, by the keys that are there.
        "name: x\nmodel: random_forest\n",
        "name: x\nmodel: {random_forst: {trees: 5}}\n",
        "name: x\nmodel: {ridge: {alpha: 1}, random_forest: {trees: 5}}\n",
        "name: x\nmodel: {}\n",
        "name: x\nmodel: {zebra: {}}\n",
        "name: x\nmodel: 5\n",
        "name: x\nmodel: {ridge: {alpha: lots}}\n",
        "name: x\nfeatures: [drop_constnt]\n",
        "name: x\nfeatures: [impute]\n",
        "name: x\nfeatures: [{impute: {columns: {exept: [a]}}}]\n",
        "name: x\nfeatures: [{impute: {columns: 5}}]\n",
        "name: x\nfeatures: [{impute: {columns: [a, 5]}}]\n",
        "name: x\nfeatures: [{impute: {}}]\n",
        "name: x\ndata: {source: {postgres: x}}\n",
        "name: x\ndata: {source: {postgres: x, qurey: y}}\n",
        "name: x\ndata: {source: a, target: {column: p, transform: logg}}\n",
        "name: x\ndata: {source: a, types: {b: categorcal, c: 1}}\n",
        "name: x\nevaluate: {search: {kind: gird, points: 3}}\n",
        "name: x\nevaluate: {search: {points: 3}}\n",
        "name: x\nevaluate: {search: {kind: grid, points: x}}\n",
    ];
    let said: Vec<String> = cases.iter().map(|text| messages(text)).collect();
    assert_snapshot!(said.join("\n"), @r#"
    `model` is the text `random_forest`, expected a block with `random_forest` or `ridge` (write `random_forest: {}`)
    unknown key `random_forst` in `model` (did you mean `random_forest`?)
    `model` holds `random_forest` and `ridge` at once (keep one of them here, and give each other one a block of its own)
    `model` is an empty block (name one of `random_forest` and `ridge`)
    unknown key `zebra` in `model` (known are `random_forest` and `ridge`)
    `model` is the number 5, expected a block with `random_forest` or `ridge` ()
    `alpha` is the text `lots`, expected a number ()
    `features[0]` is the text `drop_constnt`, expected `drop_constant` or a block with `impute` or `standardize` (did you mean `drop_constant`?)
    `features[0]` is the text `impute`, expected `drop_constant` or a block with `impute` or `standardize` (write `impute: {}`)
    unknown key `exept` in `features[0].impute.columns` (did you mean `except`?)
    `columns` is the number 5, expected text, a list or a block with `except` (put it in quotes: `"5"`)
    `columns[1]` is the number 5, expected text, a list or a block with `except` (put it in quotes: `"5"`)
    missing key `columns` in `features[0].impute` (add `columns: ` with text, a list or a block with `except`)
    missing key `query` in `data.source` (add `query: ` with text)
    unknown key `qurey` in `data.source` (did you mean `query`?)
    `transform` is the text `logg`, expected `log` or `sqrt` (did you mean `log`?)
    `b` is the text `categorcal`, expected `numeric` or `categorical` (did you mean `categorical`?)
    `c` is the number 1, expected `numeric` or `categorical` ()
    `kind` is the text `gird`, expected `random` or `grid` (did you mean `grid`?)
    missing key `kind` in `evaluate.search` (it is `random` or `grid`)
    `points` is the text `x`, expected a whole number of at least 0 ()
    "#);
}

#[test]
fn a_key_in_the_wrong_section_is_led_to_the_right_one() {
    assert_snapshot!(mistakes("name: x\ntarget: churn\n"), @"
    error: unknown key `target`
      at: churn.yaml, line 2
       2 | target: churn
         | ^^^^^^
    hint: `target` belongs in `data`
    ");
}

#[test]
fn a_schema_that_refers_to_itself_ends() {
    let node = Document::parse("a: {b: [1]}\n", "x.yaml").unwrap();
    for schema in [
        serde_json::json!({"$ref": "#"}),
        serde_json::json!({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}),
        serde_json::json!({"$ref": "#", "type": "object", "description": "x"}),
        serde_json::json!({"allOf": [{"$ref": "#"}]}),
        serde_json::json!({"anyOf": [{"$ref": "#"}, {"type": "null"}]}),
        serde_json::json!({"$ref": "#/nowhere"}),
        serde_json::json!({"$ref": 5, "type": 7, "properties": [], "required": {}, "enum": 1}),
        serde_json::json!(true),
        serde_json::json!("nonsense"),
    ] {
        validate(node.root(), &schema);
    }
    assert_eq!(validate(node.root(), &serde_json::json!(false)).len(), 1);
}

#[test]
fn values_as_deep_as_they_may_be_are_checked() {
    let file = |open: &str, close: &str, times: usize| {
        let value = format!("{}a{}", open.repeat(times), close.repeat(times));
        format!("name: x\nfeatures: [{{impute: {{columns: {value}}}}}]\n")
    };
    assert_eq!(messages(&file("[", "]", 55)), "");
    assert_eq!(messages(&file("{except: [", "]}", 28)), "");
}

#[test]
fn alternatives_within_alternatives_end() {
    // Two blocks that both fit at every level: 2^60 ways, were all of them tried.
    let block = |key: &str| {
        serde_json::json!({
            "type": "object",
            "properties": {"c": {"$ref": "#/$defs/either"}, key: {"type": "string"}},
            "required": ["c", key],
        })
    };
    let schema = serde_json::json!({
        "$ref": "#/$defs/either",
        "$defs": {"either": {"anyOf": [block("a"), block("b")]}},
    });
    let text = format!("{}1{}", "{c: ".repeat(60), "}".repeat(60));
    let document = Document::parse(&text, "x.yaml").unwrap();
    validate(document.root(), &schema);
}
