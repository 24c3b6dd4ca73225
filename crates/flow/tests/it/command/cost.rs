//! What a run of many commands costs: measurements, not tests.

use gristmill_flow::{Cancel, Capacity, CommandTask, Plan, Task};
use serde_json::json;

use super::bench::{Bench, bench, timed};

const MANY: usize = 2_000;

fn all(bench: &Bench) {
    let one = |i: usize| -> CommandTask { bench.task(&format!("t{i}"), json!({"run": "true"})) };
    let tasks = (0..MANY).map(|i| Box::new(one(i)) as Box<dyn Task>).collect();
    let plan = Plan::new(tasks).unwrap().with_capacity(Capacity::cores(2));
    let (report, took) = timed(|| plan.run(&bench.cache, &(), &Cancel::new()));
    assert!(report.succeeded());
    println!("{MANY} commands: {took:?}");
}

#[test]
#[ignore = "a measurement"]
fn many_commands_without_and_with_a_warden() {
    let folder = tempfile::tempdir().unwrap();
    for i in 0..3 {
        all(&bench());
        #[cfg(target_os = "linux")]
        all(&bench().with_warden(super::warden::start(&folder.path().join(i.to_string())).unwrap()));
    }
}
