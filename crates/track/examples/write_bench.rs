//! Prints how fast the store takes metrics and tasks, and how quickly a home opens.
//!
//! Repeat with `cargo run --release -p gristmill-track --example write_bench`, for Postgres with the
//! address of an empty database behind it.
#![allow(clippy::disallowed_methods, reason = "a bench reads the clock")]

use std::sync::Arc;
use std::time::Instant;

use gristmill_core::Timestamp;
use gristmill_track::{
    Batch, NewRun, RunId, RunQuery, Store, TaskRecord, TaskStatus, TrackError, open_store,
};

const BATCHES: i64 = 100;
const PER_BATCH: i64 = 1000;
const SINGLES: i64 = 5000;
const CALLERS: i64 = 8;

fn main() -> Result<(), TrackError> {
    let home = std::env::temp_dir().join(format!("gristmill-write-bench-{}", std::process::id()));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| TrackError::io(&home, &error))?;
    fs_err::create_dir_all(&home).map_err(|error| TrackError::io(&home, &error))?;
    let measured = runtime.block_on(measure(&home));
    fs_err::remove_dir_all(&home).map_err(|error| TrackError::io(&home, &error))?;
    measured
}

async fn measure(home: &std::path::Path) -> Result<(), TrackError> {
    let start = Instant::now();
    let url = std::env::args().nth(1);
    let store = open_store(home, url.as_deref()).await?;
    say("new home opened", start, 1);
    let id = RunId::from_parts(&[b"bench"]);
    store.create_run(NewRun::new(id, "bench", Timestamp(0))).await?;

    let start = Instant::now();
    for number in 0..BATCHES {
        store.log(id, batch(number)).await?;
    }
    say("metrics in batches of 1000", start, BATCHES * PER_BATCH);

    let start = Instant::now();
    for step in 0..SINGLES {
        store.log(id, Batch::default().metric("single", 0.5, step, Timestamp(step))).await?;
    }
    say("metrics one a call, one caller", start, SINGLES);

    tasks(store.as_ref()).await?;

    let start = Instant::now();
    let callers: Vec<_> =
        (0..CALLERS).map(|n| tokio::spawn(crowd(Arc::clone(&store), id, n))).collect();
    for caller in callers {
        caller.await.map_err(|error| TrackError::Bug(error.to_string()))??;
    }
    say("metrics one a call, eight callers", start, SINGLES);

    for number in 0..1000_i64 {
        let run = RunId::from_parts(&[&number.to_le_bytes()]);
        let batch = Batch::default().param("trees", number).metric("auc", 0.8, 0, Timestamp(0));
        store.create_run(NewRun { batch, ..NewRun::new(run, "r", Timestamp(number)) }).await?;
    }
    let start = Instant::now();
    let found = store.search_runs(&RunQuery::default()).await?;
    say("newest runs of 1001 listed with their data", start, found.len() as i64);
    drop(store);

    let start = Instant::now();
    let store = open_store(home, url.as_deref()).await?;
    say("existing home opened", start, 1);
    let start = Instant::now();
    store.latest_run("none").await?;
    say("first read", start, 1);
    Ok(())
}

/// A run of many tasks as the engine records it: all as pending, then the end of one with the start of another.
async fn tasks(store: &dyn Store) -> Result<(), TrackError> {
    for count in [10_000, 100_000] {
        let id = RunId::from_parts(&[&i64::to_le_bytes(count)]);
        store.create_run(NewRun::new(id, "tasks", Timestamp(0))).await?;
        let start = Instant::now();
        store.record_tasks(id, (0..count).map(|n| task(n, TaskStatus::Pending)).collect()).await?;
        say("new tasks in one call", start, count);

        let start = Instant::now();
        for n in 0..SINGLES {
            let ended = task(n, TaskStatus::Succeeded);
            store.record_tasks(id, vec![ended, task(n + 1, TaskStatus::Running)]).await?;
        }
        say("calls of two tasks, one caller", start, SINGLES);

        let start = Instant::now();
        let found = store.tasks(id).await?;
        say("tasks read", start, found.len() as i64);
    }
    Ok(())
}

fn task(number: i64, status: TaskStatus) -> TaskRecord {
    TaskRecord {
        started: Some(Timestamp(number)),
        inputs: serde_json::json!({"command": "python train.py", "file": "0123456789abcdef"}),
        needs: vec!["fetch".into()],
        ..TaskRecord::new(format!("train[{number}]"), status)
    }
}

async fn crowd(store: Arc<dyn Store>, id: RunId, caller: i64) -> Result<(), TrackError> {
    for step in 0..SINGLES / CALLERS {
        let key = format!("crowd{caller}");
        store.log(id, Batch::default().metric(key, 0.5, step, Timestamp(step))).await?;
    }
    Ok(())
}

fn batch(number: i64) -> Batch {
    (0..PER_BATCH).fold(Batch::default(), |batch, place| {
        let step = number * PER_BATCH + place;
        batch.metric(format!("m{}", place % 10), step as f64 * 0.001, step, Timestamp(step))
    })
}

fn say(what: &str, start: Instant, count: i64) {
    let seconds = start.elapsed().as_secs_f64();
    println!("{what}: {count} in {:.2} ms, {:.0} a second", seconds * 1e3, count as f64 / seconds);
}
