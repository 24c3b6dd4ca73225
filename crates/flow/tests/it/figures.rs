//! How long things take: printed, never judged. Run with `--ignored --nocapture`.

use std::sync::Arc;
use std::time::SystemTime;

use gristmill_flow::{Cache, Document, Output, validate};
use serde_json::json;

use crate::tasks::{plan, run, step};

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
    let (large, small) = (folder.path().join("large"), folder.path().join("small"));
    fs_err::write(&large, vec![7u8; 512 << 20]).unwrap();
    fs_err::write(&small, vec![7u8; 1 << 20]).unwrap();
    // Long after the files were written, so that what is read is remembered.
    let later = || Arc::new(|| i64::MAX / 2);
    let open = || Cache::open(&folder.path().join("cache"), later()).unwrap();
    let cache = timed("open the cache", open);
    timed("hash 512 MB", || cache.files().digest(&large).unwrap());
    timed("hash 512 MB, remembered", || cache.files().digest(&large).unwrap());
    timed("hash 1 MB", || cache.files().digest(&small).unwrap());
    let steps = || {
        let steps = (0..6).map(|i| {
            let name = format!("t{i}");
            step(&name).parameters(json!({"i": i})).reads(&small).does(|_, context| {
                fs_err::write(context.output_dir().join("out"), vec![1u8; 2 << 20])?;
                Ok(Output::none())
            })
        });
        plan(steps.collect())
    };
    timed("6 tasks that write 2 MB each", || run(&steps(), &cache));
    let again = timed("6 tasks from the cache, opened anew", || run(&steps(), &open()));
    assert!(again.tasks.iter().all(|task| task.cached));
}
