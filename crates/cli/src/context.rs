//! What every command is told.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use gristmill::{Error, Home};

/// Options that stand before or after any command.
#[derive(Clone, Debug, Args)]
pub struct Global {
    /// Where everything is kept [default: .gristmill in the nearest parent that has one, else here]
    #[arg(long, global = true, value_name = "DIR", env = "GRISTMILL_HOME")]
    home: Option<PathBuf>,
    /// How many threads compute [default: one for each core]
    #[arg(long, global = true, value_name = "N", env = "GRISTMILL_THREADS")]
    pub threads: Option<usize>,
    /// Say nothing but results and errors
    #[arg(long, short, global = true)]
    quiet: bool,
    /// Print one JSON object
    #[arg(long, global = true)]
    json: bool,
}

/// The options of a call with what follows from them.
#[derive(Debug)]
pub struct Context {
    /// The home folder.
    pub home: Home,
    /// Say nothing but results and errors.
    pub quiet: bool,
    /// Print JSON.
    pub json: bool,
}

impl Context {
    pub fn new(global: &Global) -> Self {
        let home = match &global.home {
            Some(folder) => Home::at(folder),
            None => Home::nearest(&std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."))),
        };
        Self { home, quiet: global.quiet, json: global.json }
    }

    /// Sets the size of the pool that everything computes in.
    pub fn limit_threads(&self, threads: Option<usize>) -> anyhow::Result<()> {
        match threads {
            None => Ok(()),
            Some(0) => Err(Error::input("`--threads` is 0, expected 1 or more").into()),
            Some(threads) => gristmill::limit_threads(threads).map_err(Into::into),
        }
    }

    /// Prints a result: as JSON when that was asked for, else as `text` draws it.
    pub fn print(
        &self,
        value: &impl serde::Serialize,
        text: impl FnOnce() -> String,
    ) -> anyhow::Result<()> {
        let shown = if self.json { serde_json::to_string_pretty(value)? } else { text() };
        let mut out = std::io::stdout().lock();
        writeln!(out, "{}", shown.trim_end())?;
        Ok(())
    }

    /// Says something beside the result.
    pub fn say(&self, message: &str) {
        if !self.quiet {
            eprintln!("{message}");
        }
    }
}
