//! The page on continuous integration: every command of ours on it does what it says.

use std::path::Path;

use crate::changed::git;
use crate::sandbox::Sandbox;

/// The scripts of the page's YAML blocks that call us, in their order.
fn scripts() -> Vec<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/ci.md");
    let page = fs_err::read_to_string(page).unwrap();
    let mut scripts: Vec<String> = Vec::new();
    let mut lines = page.lines().peekable();
    while let Some(line) = lines.next() {
        let line = line.trim_start().trim_start_matches("- ");
        if line == "run: |" {
            let mut script = String::new();
            while let Some(line) = lines.next_if(|line| line.starts_with("          ")) {
                script += &format!("{}\n", line.trim_start());
            }
            scripts.push(script);
        } else if let Some(script) = line.strip_prefix("run: ") {
            scripts.push(script.into());
        } else if line.starts_with("gristmill ") {
            scripts.push(line.into());
        }
    }
    scripts.into_iter().filter(|script| script.starts_with("gristmill ")).collect()
}

#[test]
fn every_command_of_the_page_runs() {
    let sandbox = Sandbox::churn();
    fs_err::create_dir(sandbox.path("pipelines")).unwrap();
    for name in ["customers.csv", "pipeline.yaml"] {
        fs_err::rename(sandbox.path(name), sandbox.path(&format!("pipelines/{name}"))).unwrap();
    }
    sandbox.write(".gitignore", ".gristmill\n");
    for arguments in [&["init", "-q", "-b", "main"][..], &["add", "."], &["commit", "-qm", "All"]] {
        git(&sandbox, arguments);
    }
    let scripts = scripts();
    assert_eq!(scripts.len(), 8, "{scripts:#?}");
    let binary = Path::new(env!("CARGO_BIN_EXE_gristmill")).parent().unwrap();
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
    for script in scripts {
        let mut command = std::process::Command::new("bash");
        let output = command
            .args(["-euo", "pipefail", "-c", &script])
            .current_dir(sandbox.path(""))
            .env("PATH", &path)
            .env("CI_MERGE_REQUEST_DIFF_BASE_SHA", "HEAD")
            .env_remove("GRISTMILL_HOME")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{script}\n{said}");
    }
    assert!(sandbox.path("report.html").exists());
    assert_eq!(sandbox.json(&["runs"]).as_array().unwrap().len(), 1, "it is run once");
}
