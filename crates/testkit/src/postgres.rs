//! A private Postgres server for the tests of one process.
//!
//! It is made anew in a temporary folder, listens on 127.0.0.1 alone, and needs nothing but the
//! installed programs. A shell keeps watch over it: when the test process ends, however it does, the
//! pipe between them closes, and the shell ends the server and clears the folder away.

use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use fs_err as fs;

const USER: &str = "gristmill";
/// A word that no message may show.
pub const PASSWORD: &str = "sesame-4711";
/// How often, and after what pause, it is asked whether the server is ready.
const TRIES: u32 = 1500;
const PAUSE: Duration = Duration::from_millis(20);

/// Ends the server `$1` with its settings when the pipe on the standard input closes.
const WATCH: &str = r#"
server=$1 folder=$2; shift 2
"$server" "$@" </dev/null & pid=$!
read -r _
kill -INT "$pid"; wait "$pid"
rm -rf "$folder"
"#;

/// A server that lives as long as the process.
#[derive(Debug)]
pub struct Postgres {
    programs: PathBuf,
    port: u16,
    /// Its standard input is the pipe.
    _watch: Child,
}

impl Postgres {
    /// The server of this process, started by whoever asks first. Where Postgres is not installed
    /// there is none, and that is said on stderr.
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Postgres>> = OnceLock::new();
        SHARED.get_or_init(|| programs().map(Self::start)).as_ref().or_else(|| {
            eprintln!("skipped: no Postgres found (apt-get install postgresql)");
            None
        })
    }

    /// The address of a new, empty database of this name.
    pub fn new_database(&self, name: &str) -> String {
        let mut command = Command::new(self.programs.join("createdb"));
        command.args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", USER, name]);
        finish(command.env("PGPASSWORD", PASSWORD));
        self.address(name)
    }

    /// The address of a database of this name, which need not be there.
    pub fn address(&self, name: &str) -> String {
        format!("postgres://{USER}:{PASSWORD}@127.0.0.1:{}/{name}", self.port)
    }

    /// Runs these statements in a database, as whoever looks after it could.
    pub fn execute(&self, name: &str, sql: &str) {
        let mut command = Command::new(self.programs.join("psql"));
        command.args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", USER, "-d", name]);
        command.args(["-q", "-v", "ON_ERROR_STOP=1", "-c", sql]);
        finish(command.env("PGPASSWORD", PASSWORD));
    }

    fn start(programs: PathBuf) -> Self {
        let made = tempfile::Builder::new().prefix("gristmill-postgres-").tempdir().unwrap();
        let folder = made.path();
        let owner = unprivileged();
        if let Some((user, group)) = owner {
            chown(folder, Some(user), Some(group)).unwrap();
        }
        initialise(&programs, folder, owner);
        let port = free_port();
        let mut watch = Command::new("/bin/sh");
        watch.args(["-c", WATCH, "watch"]).arg(programs.join("postgres")).arg(folder).arg("-D");
        watch.arg(folder.join("data")).args(["-p", &port.to_string()]);
        for setting in [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "fsync=off",
            "synchronous_commit=off",
            "full_page_writes=off",
            "shared_buffers=32MB",
            "max_connections=100",
        ] {
            watch.args(["-c", setting]);
        }
        let log = fs::File::create(folder.join("log")).unwrap().into_parts().0;
        // A group of its own: what a terminal sends to the tests does not end the shell first.
        let watch = of(&mut watch, owner)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        await_ready(&made.keep());
        Self { programs, port, _watch: watch }
    }
}

/// The folder of the installed programs, the newest first.
fn programs() -> Option<PathBuf> {
    let mut folders: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .map(|versions| versions.flatten().map(|version| version.path().join("bin")).collect())
        .unwrap_or_default();
    folders.sort_unstable();
    folders.reverse();
    folders.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    let whole = |folder: &PathBuf| {
        ["initdb", "postgres", "createdb", "psql"]
            .iter()
            .all(|program| folder.join(program).is_file())
    };
    folders.into_iter().find(whole)
}

/// Whom the server runs as when the tests run as root, which Postgres refuses to do.
fn unprivileged() -> Option<(u32, u32)> {
    let id = |args: &[&str]| {
        let out = Command::new("id").args(args).output().ok()?;
        String::from_utf8(out.stdout).ok()?.trim().parse::<u32>().ok()
    };
    if id(&["-u"]) != Some(0) {
        return None;
    }
    let of = |user| Some((id(&["-u", user])?, id(&["-g", user])?));
    of("postgres").or_else(|| of("nobody"))
}

fn of(command: &mut Command, owner: Option<(u32, u32)>) -> &mut Command {
    match owner {
        Some((user, group)) => command.uid(user).gid(group).current_dir("/"),
        None => command,
    }
}

fn initialise(programs: &Path, folder: &Path, owner: Option<(u32, u32)>) {
    let password = folder.join("password");
    fs::write(&password, PASSWORD).unwrap();
    let mut command = Command::new(programs.join("initdb"));
    command.arg("-D").arg(folder.join("data")).args(["-U", USER, "-E", "UTF8", "--locale=C"]);
    command.args(["-A", "scram-sha-256", "--no-sync", "--pwfile"]).arg(password);
    finish(of(&mut command, owner));
}

/// A port that nobody uses; another process might take it before the server does.
fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// Waits for the word in the server's own file.
fn await_ready(folder: &Path) {
    for _ in 0..TRIES {
        let status = fs::read_to_string(folder.join("data/postmaster.pid")).unwrap_or_default();
        if status.lines().nth(7).is_some_and(|line| line.trim() == "ready") {
            return;
        }
        std::thread::sleep(PAUSE);
    }
    panic!("Postgres did not start: {}", fs::read_to_string(folder.join("log")).unwrap());
}

fn finish(command: &mut Command) {
    let out = command.output().unwrap();
    assert!(out.status.success(), "{command:?}: {}", String::from_utf8_lossy(&out.stderr));
}
