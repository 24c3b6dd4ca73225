//! Counts many values of 100 columns in sliding windows, and says what that took.
//!
//! `window_bench [VALUES]`; a billion unless it is said. Rows are made once and counted again and
//! again. Memory is how much more the process holds at the end than before the first row.
#![allow(clippy::disallowed_methods, reason = "a bench measures time")]

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use gristmill_core::{Profile, Seed, Table, Timestamp};
use gristmill_monitor::{Reference, WindowSize, Windows};
use gristmill_testkit::table;

const COLUMNS: u64 = 100;
const ROWS: u64 = 8_192;

fn main() -> Result<(), Box<dyn Error>> {
    let wanted: u64 = std::env::args().nth(1).map_or(Ok(1_000_000_000), |n| n.parse())?;
    let reference = Arc::new(Reference::of(&Profile::learn(&rows(1, 4 * ROWS))?));
    let batch = rows(2, ROWS);
    // Ten parts of 100,000 rows each.
    let size = WindowSize::Rows { length: 1_000_000, every: 100_000 };
    let mut windows = Windows::new(size, reference)?;
    windows.update(&batch, Timestamp(0))?;
    let before = held()?;
    let start = Instant::now();
    let (mut values, mut full) = (0, 0);
    while values < wanted {
        full += windows.update(&batch, Timestamp(0))?.len();
        values += COLUMNS * ROWS;
    }
    let seconds = start.elapsed().as_secs_f64();
    let more = held()?.saturating_sub(before) as f64 / 1e6;
    let each = seconds / values as f64 * 1e9;
    println!(
        "{values} values of {COLUMNS} columns, {full} windows: {seconds:.1} s, {each:.1} ns each, {more:.1} MB"
    );
    Ok(())
}

/// Nine columns of numbers, and one of categories, over and over.
fn rows(seed: u64, rows: u64) -> Table {
    let mut random = Seed(seed).random();
    let words: Vec<String> = (0..40).map(|i| format!("w{i}")).collect();
    (0..COLUMNS)
        .fold(table(), |made, at| match at % 10 {
            9 => {
                let drawn = (0..rows).map(|_| words[random.below(40)].as_str()).collect::<Vec<_>>();
                made.words(&format!("c{at}"), drawn)
            }
            _ => made
                .numbers(&format!("c{at}"), (0..rows).map(|_| random.normal()).collect::<Vec<_>>()),
        })
        .build()
}

/// How many bytes this process holds.
fn held() -> Result<u64, Box<dyn Error>> {
    let status = fs_err::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|l| l.starts_with("VmRSS:")).ok_or("no VmRSS")?;
    let kib: u64 = line.split_whitespace().nth(1).ok_or("no number")?.parse()?;
    Ok(kib * 1024)
}
