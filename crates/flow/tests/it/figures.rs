//! How long things take: printed, never judged. Run with `--ignored --nocapture`.

use std::time::SystemTime;

use gristmill_flow::{Document, Output, validate};
use serde_json::json;

use crate::tasks::{cache, plan, run, step};

#[expect(clippy::disallowed_methods, reason = "this measures time")]
fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let start = SystemTime::now();
    let result = work();
    println!("{what}: {:?}", start.elapsed().unwrap());
    result
}

#[test]
#[ignore = "prints figures"]
fn figures() {
    let text: String =
        (0..4000).map(|i| format!("key{i}: {{a: [1, 2.5, text], b: true}}\n")).collect();
    let document = timed("parse 4000 lines", || Document::parse(&text, "x.yaml").unwrap());
    timed("resolve", || document.resolve().unwrap());
    let schema = json!({"additionalProperties": {"type": "object", "properties": {"a": {"type": "array", "items": {"anyOf": [{"type": "number"}, {"type": "string"}]}}}}});
    assert!(timed("validate", || validate(document.root(), &schema)).is_empty());

    let folder = tempfile::tempdir().unwrap();
    let large = folder.path().join("large");
    fs_err::write(&large, vec![7u8; 512 << 20]).unwrap();
    let opened = timed("open cache", || cache(folder.path()));
    timed("hash 512 MB", || opened.files().digest(&large).unwrap());
    timed("hash 512 MB again (recorded within two seconds of the write)", || {
        opened.files().digest(&large).unwrap()
    });
    let steps = || {
        let steps = (0..6).map(|i| {
            step(&format!("t{i}")).parameters(json!({"i": i})).reads(&large).does(|_, context| {
                fs_err::write(context.output_dir().join("out"), vec![1u8; 2 << 20])?;
                Ok(Output::none())
            })
        });
        plan(steps.collect())
    };
    timed("6 tasks of 2 MB, first", || run(&steps(), &opened));
    timed("6 tasks of 2 MB, cached", || {
        assert!(run(&steps(), &opened).tasks.iter().all(|t| t.cached))
    });
}
