//! Reaching the server: the address, the first connection, the layout.

use std::path::PathBuf;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection as _};

use super::fail::{silent, told};
use super::{Connection, sql};
use crate::fail::Fail;
use crate::migrations::MIGRATIONS;
use crate::{Result, TrackError};

/// How long the server may take to answer at first.
const PATIENCE: Duration = Duration::from_secs(15);

/// 1 when a version of Gristmill has been here.
pub(super) const LAYOUT_IS_THERE: &str =
    "SELECT CASE WHEN to_regclass('schema_versions') IS NULL THEN 0::bigint ELSE 1 END";

/// The same step of the layout in Postgres's words. It compares texts in the manner of the
/// database's language unless told otherwise; SQLite and we go by their bytes.
pub(super) fn in_dialect(sql: &str) -> AssertSqlSafe<String> {
    AssertSqlSafe(sql.replace(" TEXT", " TEXT COLLATE \"C\""))
}

/// How the store connects to the database that `url` names.
pub(super) fn options(url: &str) -> Result<PgConnectOptions> {
    // Not a word of the address but its scheme: a password may stand anywhere in a wrong one.
    match url.split_once("://") {
        Some(("postgres" | "postgresql", _)) => {}
        Some((scheme, _)) => return Err(bad_address(format!("of the scheme `{scheme}`"))),
        None => return Err(bad_address("without a scheme".into())),
    }
    let options: PgConnectOptions = url.parse().map_err(|_| {
        let part = "unreadable in its host, its port or what stands behind `?`";
        bad_address(part.into())
    })?;
    // As long as a home's database waits for another writer.
    let options = options.options([("lock_timeout", "30s")]).application_name("gristmill");
    Ok(options.disable_statement_logging())
}

fn bad_address(found: String) -> TrackError {
    let expected = "postgres://USER:PASSWORD@HOST:PORT/DATABASE (`@`, `:`, `/`, `?` and `#` in a \
                    password are written %40, %3A, %2F, %3F and %23)";
    TrackError::invalid("the address of the database", found, expected)
}

/// The address without the password.
pub(super) fn place(options: &PgConnectOptions) -> PathBuf {
    let user = options.get_username();
    let database = options.get_database().unwrap_or(user);
    match options.get_socket() {
        Some(socket) => format!("postgres://{user}@{}/{database}", socket.display()).into(),
        None => {
            let (host, port) = (options.get_host(), options.get_port());
            format!("postgres://{user}@{host}:{port}/{database}").into()
        }
    }
}

/// What the database at `url` is called, whoever asks it: its host and its name, and neither user nor
/// password.
///
/// # Errors
/// When it is no address.
pub fn database_name(url: &str) -> Result<String> {
    let options = options(url)?;
    let database = options.get_database().unwrap_or(options.get_username());
    Ok(match options.get_socket() {
        Some(socket) => format!("postgres://{}/{database}", socket.display()),
        None => format!("postgres://{}:{}/{database}", options.get_host(), options.get_port()),
    })
}

/// Makes or upgrades the tables over the first connection.
pub(super) async fn upgrade(options: PgConnectOptions, place: PathBuf) -> Result<()> {
    let connected = tokio::time::timeout(PATIENCE, options.connect()).await;
    let mut db: Connection = match connected {
        Ok(connected) => connected.map_err(|error| told(&place, error.into()))?,
        Err(_) => return Err(silent(&place)),
    };
    let found = sql::layout::upgrade(&mut db).await.map_err(|fail| told(&place, fail))?;
    db.close().await.map_err(|error| told(&place, Fail::from(error)))?;
    let known = MIGRATIONS.len() as i64;
    if found > known { Err(TrackError::Newer { path: place, found, known }) } else { Ok(()) }
}
