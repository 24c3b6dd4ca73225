//! How long the engine takes for tasks that do nothing: `flow_bench independent|chain|cached N`.
//!
//! Prints seconds, tasks and the most memory that the process had, as JSON. Every outcome is
//! durable: SQLite in a fresh home, the journal committed before a task's place is used again.

use std::time::Instant;

use gristmill::flow::{Caching, Inputs, Output, Task, TaskContext, TaskError};
use gristmill::{Home, RunOptions, Silent, Start, Workflow};
use serde_json::{Value, json};

struct Nothing {
    name: String,
    needs: Vec<String>,
    caching: Caching,
}

impl Task for Nothing {
    fn name(&self) -> &str {
        &self.name
    }

    fn needs(&self) -> &[String] {
        &self.needs
    }

    fn kind(&self) -> &str {
        "nothing"
    }

    fn version(&self) -> String {
        "1".into()
    }

    fn parameters(&self) -> Value {
        json!(self.name)
    }

    fn caching(&self) -> Caching {
        self.caching
    }

    fn run(&self, _: &Inputs<'_>, _: &TaskContext<'_>) -> Result<Output, TaskError> {
        Ok(Output::none())
    }
}

fn tasks(shape: &str, number: usize) -> Vec<Box<dyn Task>> {
    let name = |i: usize| format!("t{i}");
    let task = |i: usize| Nothing {
        name: name(i),
        needs: if shape == "chain" && i > 0 { vec![name(i - 1)] } else { Vec::new() },
        caching: if shape == "cached" { Caching::Reuse } else { Caching::Never },
    };
    (0..number).map(|i| Box::new(task(i)) as Box<dyn Task>).collect()
}

/// The most memory that this process had, in bytes, where the system tells.
fn most_memory() -> Option<u64> {
    let status = fs_err::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

#[allow(clippy::disallowed_methods, reason = "a bench reads the clock")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let shape = arguments.next().unwrap_or_else(|| "independent".into());
    let number: usize = arguments.next().unwrap_or_else(|| "10000".into()).parse()?;
    let folder = tempfile::tempdir()?;
    let home = Home::at(folder.path());
    let options = RunOptions { start: Start::Anew, ..RunOptions::default() };
    let run = || -> Result<f64, Box<dyn std::error::Error>> {
        let workflow = Workflow::new("bench", tasks(&shape, number));
        let start = Instant::now();
        let report = workflow.run(&home, &options, &Silent)?;
        assert!(report.succeeded() && report.tasks.len() == number);
        Ok(start.elapsed().as_secs_f64())
    };
    let (first, first_memory) = (run()?, most_memory());
    let (again, again_memory) = (run()?, most_memory());
    let figures = json!({
        "shape": shape, "tasks": number,
        "seconds": first, "most_memory_bytes": first_memory,
        "again_seconds": again, "again_most_memory_bytes": again_memory,
    });
    println!("{figures}");
    Ok(())
}
