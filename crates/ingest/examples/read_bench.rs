//! Says how long reading a file takes: `read_bench FILE [TIMES]`. To compare with pandas, time
//! `pandas.read_csv(FILE)` on the same machine in the same minute.

use std::path::Path;

use gristmill_core::Notes;
use gristmill_ingest::{SourceSpec, read};

#[allow(clippy::disallowed_methods)] // a bench is about time
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("usage: read_bench FILE [TIMES]")?;
    let times: usize = arguments.next().map_or(Ok(5), |n| n.parse())?;
    let mut best = f64::INFINITY;
    for _ in 0..times {
        let start = std::time::Instant::now();
        let table = read(&SourceSpec::from(path.as_str()), Path::new("."), &Notes::default())?;
        best = best.min(start.elapsed().as_secs_f64());
        println!("{} x {}", table.rows(), table.schema().len());
    }
    println!("best of {times}: {best:.3} s");
    Ok(())
}
