//! Serves a home until it is interrupted: for measuring, and for looking at it with a client.
//!
//! `cargo run --release -p gristmill-server --example serve -- HOME PORT`, and for Postgres the
//! address of a database behind it.
#![allow(clippy::disallowed_methods, reason = "it is the clock that the server is given")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use gristmill_core::{Clock, Timestamp};
use gristmill_server::{Server, Settings};
use gristmill_track::{LocalArtifacts, open_store};

struct Now;

impl Clock for Now {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let home: PathBuf = args.next().ok_or("name a home")?.into();
    let port = args.next().unwrap_or("5000".into()).parse()?;
    let url = args.next();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let store = runtime.block_on(open_store(&home, url.as_deref()))?;
    let artifacts = Arc::new(LocalArtifacts::in_home(&home));
    let server =
        Server::start(Settings { port, ..Settings::new(store, artifacts, Arc::new(Now)) })?;
    println!("http://{}", server.address());
    loop {
        std::thread::park();
    }
}
