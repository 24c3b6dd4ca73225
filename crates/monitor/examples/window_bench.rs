//! Counts many values of 100 columns of numbers in sliding windows, as a server does it, and says what
//! that took.
//!
//! `window_bench [VALUES]`; a billion unless it is said. Rows are made once and counted again and again, some
//! at a time. What the process holds is said at ten points: it must not grow.
#![allow(clippy::disallowed_methods, reason = "a bench measures time")]

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gristmill_core::{Frame, Profile, Seed, Table, Timestamp};
use gristmill_monitor::{Came, Reference, WindowSize, Windows};
use gristmill_testkit::table;

const COLUMNS: u64 = 100;
const ROWS: u64 = 8_192;
/// How many rows are learned from, and at how many points memory is looked at.
const LEARNED: u64 = 4 * ROWS;
const POINTS: u64 = 10;

fn main() -> Result<(), Box<dyn Error>> {
    let wanted: u64 = std::env::args().nth(1).map_or(Ok(1_000_000_000), |n| n.parse())?;
    let empty = held()?;
    let reference = Arc::new(Reference::of(&Profile::learn(&rows(1, LEARNED))?));
    let batch = Frame::from_table(&rows(2, ROWS))?;
    let came = [Came { rows: batch.rows(), at: Timestamp(0) }];
    // Ten parts of 100,000 rows each.
    let size = WindowSize::Rows { length: 1_000_000, every: 100_000 };
    let mut windows = Windows::new(size, reference)?;
    let (mut values, mut full) = (0, 0);
    let mut seconds = Duration::ZERO;
    println!("before the first: {} MB", megabytes(empty));
    for point in 1..=POINTS {
        let start = Instant::now();
        while values < wanted / POINTS * point {
            full += windows.update_frame(&batch, &came)?.len();
            values += COLUMNS * ROWS;
        }
        seconds += start.elapsed();
        println!("after {values} values: {} MB", megabytes(held()?));
    }
    let seconds = seconds.as_secs_f64();
    let each = seconds / values as f64 * 1e9;
    println!("{COLUMNS} columns, {full} windows: {seconds:.1} s on one core, {each:.2} ns a value");
    Ok(())
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / 1e6)
}

fn rows(seed: u64, rows: u64) -> Table {
    let mut random = Seed(seed).random();
    (0..COLUMNS)
        .fold(table(), |made, at| {
            made.numbers(&format!("c{at}"), (0..rows).map(|_| random.normal()).collect::<Vec<_>>())
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
