//! `gristmill init DATA --target COL`: a first pipeline file from a look at the data.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use gristmill::Error;
use gristmill::flow::TimeSpan;

use crate::context::Context;

/// Write a first pipeline file from a look at the data
#[derive(Debug, Args)]
pub struct Arguments {
    /// The file with the rows
    data: PathBuf,
    /// The column to predict
    #[arg(long, value_name = "COLUMN")]
    target: String,
    /// Search for transforms and model, for so long: 30s, 5m, 1h
    #[arg(long, value_name = "TIME")]
    auto: Option<TimeSpan>,
    /// Where to write it [default: DATA's name with .yaml, beside it]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace a file that is already there
    #[arg(long)]
    force: bool,
}

pub fn run(arguments: &Arguments, context: &Context) -> anyhow::Result<()> {
    let output = arguments.output.clone().unwrap_or_else(|| beside(&arguments.data));
    let folder = match output.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let text = gristmill::init(&arguments.data, &arguments.target, folder, arguments.auto)?;
    write(&output, &text, arguments.force)?;
    context.print(&serde_json::json!({"file": output}), || {
        format!("wrote {}\nnext: gristmill run {}", output.display(), output.display())
    })
}

/// `customers.csv.gz` becomes `customers.yaml`.
fn beside(data: &Path) -> PathBuf {
    let name = data.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let stem = name.split('.').next().filter(|s| !s.is_empty()).unwrap_or("pipeline");
    data.with_file_name(format!("{stem}.yaml"))
}

fn write(path: &Path, text: &str, force: bool) -> anyhow::Result<()> {
    let mut options = fs_err::OpenOptions::new();
    if force {
        options.write(true).create(true).truncate(true);
    } else {
        options.write(true).create_new(true);
    }
    match options.open(path) {
        Ok(mut file) => Ok(file.write_all(text.as_bytes())?),
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {
            let error = Error::input(format!("{} is already there", path.display()));
            Err(error.with_hint("name another file with `-o`, or replace it with `--force`").into())
        }
        Err(e) => Err(Error::from(e).into()),
    }
}
