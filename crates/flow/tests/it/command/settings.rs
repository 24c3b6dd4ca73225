//! What the schema of a task says of a pipeline file with mistakes.

use std::collections::BTreeMap;

use gristmill_flow::{Document, TaskSpec, validate};
use insta::assert_snapshot;
use schemars::schema_for;

fn mistakes(tasks: &str) -> String {
    let document = Document::parse(tasks, "pipeline.yaml").unwrap();
    let schema = schema_for!(BTreeMap<String, TaskSpec>).to_value();
    let mistakes = validate(document.root(), &schema);
    let lines = mistakes.iter().map(|m| {
        let hint = m.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
        format!("{}: {}{hint}\n", m.line, m.message)
    });
    lines.collect()
}

#[test]
fn sound_settings_fit_the_schema() {
    let text = "
fetch: {run: python fetch.py, outputs: [rows.csv], retries: 3, env: {T: {secret: API}, A: b}}
load:
  run: [sh, -c, 'echo \"{{item.name}}\"']
  needs: [fetch]
  foreach: [{name: a}, b, 3]
  retries: {times: 3, backoff: 2s, factor: 1.5, longest: 1m}
  timeout: 10m
  grace: 500ms
  pool: {gpu: 2}
  cpu: 2
  memory: 4GB
  priority: -1
  cache: never
each: {run: 'true', foreach: {task: fetch, output: paths}, pool: web, when: 'fetch.n > 1', folder: sub}
";
    assert_eq!(mistakes(text), "");
}

#[test]
fn mistakes_are_told_where_they_stand() {
    let text = "
a: {command: x}
b: {run: 7}
c: {run: x, timeout: 10}
d: {run: x, retries: {time: 3}}
e: {run: x, retries: often}
f: {run: x, env: {A: {secrets: B}}}
g: {run: x, cpu: 0}
h: {run: x, cache: always}
i: {run: x, foreach: {task: a}}
j: {run: x, env: {A: 7}}
";
    assert_snapshot!(mistakes(text), @r#"
    2: missing key `run` in `a` (add `run: ` with text or a list)
    2: unknown key `command` in `a` (known are `cache`, `cpu`, `env`, `folder`, `foreach`, `grace`, `inputs`, `memory`, `needs`, `outputs`, `pool`, `priority`, `retries`, `run`, `timeout` and `when`)
    3: `run` is the number 7, expected text or a list (put it in quotes: `"7"`)
    4: `timeout` is the number 10, expected text (put it in quotes: `"10"`)
    5: unknown key `time` in `d.retries` (did you mean `times`?)
    6: `retries` is the text `often`, expected a whole number of at least 0 or a block of keys
    7: unknown key `secrets` in `f.env.A` (did you mean `secret`?)
    8: `cpu` is 0, expected at least 1
    9: `cache` is the text `always`, expected `never`
    10: missing key `output` in `i.foreach` (add `output: ` with text)
    11: `A` is the number 7, expected text or a block with `secret` (put it in quotes: `"7"`)
    "#);
}
