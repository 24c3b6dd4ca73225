//! A folder and a home of a test's own, and the binary run in it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

pub struct Sandbox {
    folder: TempDir,
}

/// What a command said and how it ended.
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Sandbox {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// A sandbox with the churn example in it.
    pub fn churn() -> Self {
        let sandbox = Self::new();
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/churn");
        for name in ["customers.csv", "pipeline.yaml", "forest.yaml"] {
            fs_err::copy(example.join(name), sandbox.path(name)).unwrap();
        }
        sandbox
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs_err::write(self.path(name), text).unwrap();
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gristmill"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_remove("GRISTMILL_HOME")
            .env_remove("GRISTMILL_THREADS")
            .stdin(Stdio::null());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Said {
        let output = self.command(arguments).output().unwrap();
        Said {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs a command that must succeed and reads its JSON.
    #[track_caller]
    pub fn json(&self, arguments: &[&str]) -> Value {
        let mut all = arguments.to_vec();
        all.push("--json");
        let said = self.run(&all);
        assert_eq!(said.code, 0, "{}{}", said.out, said.err);
        serde_json::from_str(&said.out).unwrap()
    }

    /// The names of what stands in a folder.
    pub fn names(folder: &Path) -> Vec<String> {
        let entries = fs_err::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    /// Every file under a folder with its bytes, by name.
    pub fn bytes(folder: &Path) -> Vec<(String, Vec<u8>)> {
        let mut files: Vec<_> = fs_err::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|e| (e.file_name().into_string().unwrap(), fs_err::read(e.path()).unwrap()))
            .collect();
        files.sort();
        files
    }
}
