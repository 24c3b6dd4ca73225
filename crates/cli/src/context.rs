//! What every command is told.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use gristmill::up::Launch;
use gristmill::{ARTIFACTS, DATABASE_URL, Error, Home};

/// Options that stand before or after any command.
#[derive(Clone, Debug, Args)]
pub struct Global {
    /// Where everything is kept [default: .gristmill in the nearest parent that has one, else here]
    #[arg(long, global = true, value_name = "DIR", env = "GRISTMILL_HOME")]
    home: Option<PathBuf>,
    /// How many threads compute [default: one for each core]
    #[arg(long, global = true, value_name = "N", env = "GRISTMILL_THREADS")]
    pub threads: Option<usize>,
    /// How much memory reading and querying data may take, such as 2GB
    #[arg(long, global = true, value_name = "SIZE", env = "GRISTMILL_MEMORY", value_parser = bytes)]
    pub memory: Option<u64>,
    /// What models compute on: `cpu` is what this version has
    #[arg(
        long,
        global = true,
        value_name = "DEVICE",
        default_value = "cpu",
        hide_default_value = true
    )]
    device: Device,
    /// Say nothing but results and errors
    #[arg(long, short, global = true)]
    quiet: bool,
    /// Print one JSON object
    #[arg(long, global = true)]
    json: bool,
}

/// What models can compute on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Device {
    Cpu,
}

/// A size in bytes: a number with B, KB, MB, GB or TB (thousands), or KiB, MiB, GiB or TiB (1024s).
pub fn bytes(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is no size; write a number with a unit, such as 2GB");
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let factor: f64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "k" | "kb" => 1e3,
        "m" | "mb" => 1e6,
        "g" | "gb" => 1e9,
        "t" | "tb" => 1e12,
        "kib" => 1024.0,
        "mib" => 1024.0 * 1024.0,
        "gib" => 1024.0 * 1024.0 * 1024.0,
        "tib" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        _ => return Err(wrong()),
    };
    let number: f64 = number.parse().map_err(|_| wrong())?;
    if number * factor < 1.0 {
        return Err(wrong());
    }
    Ok((number * factor) as u64)
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
    /// How many threads a run computes with, if that was said.
    threads: Option<usize>,
    /// How much memory a run may read into, in bytes, if that was said.
    memory: Option<u64>,
}

impl Context {
    pub fn new(global: &Global) -> Self {
        let home = match &global.home {
            Some(folder) => Home::at(folder),
            None => Home::nearest(&std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."))),
        };
        let home = match std::env::var(DATABASE_URL) {
            Ok(url) if !url.is_empty() => home.with_database(url),
            _ => home,
        };
        let home = match std::env::var(ARTIFACTS) {
            Ok(address) if !address.is_empty() => home.with_artifacts(address),
            _ => home,
        };
        Self {
            home,
            quiet: global.quiet,
            json: global.json,
            threads: global.threads,
            memory: global.memory,
        }
    }

    /// How this command starts runs as processes of their own.
    pub fn launch(&self) -> anyhow::Result<Launch> {
        let threads = self.threads.map(|threads| format!("--threads={threads}"));
        let memory = self.memory.map(|bytes| format!("--memory={bytes}"));
        let arguments = threads.into_iter().chain(memory).collect();
        Ok(Launch { binary: std::env::current_exe()?, arguments })
    }

    /// Sets the size of the pool that everything computes in.
    pub fn limit_threads(&self, threads: Option<usize>) -> anyhow::Result<()> {
        match threads {
            None => Ok(()),
            Some(0) => Err(Error::input("`--threads` is 0, expected 1 or more").into()),
            Some(threads) => gristmill::limit_threads(threads).map_err(Into::into),
        }
    }

    /// Bounds what reading and querying data may take.
    pub fn limit_memory(&self, bytes: Option<u64>) {
        if let Some(bytes) = bytes {
            gristmill::limit_memory(bytes);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test] // by hand
    fn sizes_are_read_with_their_units() {
        assert_eq!(bytes("512"), Ok(512));
        assert_eq!(bytes("2GB"), Ok(2_000_000_000));
        assert_eq!(bytes("1.5 MiB"), Ok(1_572_864));
        for wrong in ["", "GB", "2 parsecs", "-1GB", "0", "1.2.3MB"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }
}
