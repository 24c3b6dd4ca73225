//! The store in a Postgres database, which many machines can share.
//!
//! Each call is a transaction of its own on a connection of a small pool. A thread of the store
//! moves the connections along, so that its callers may live in any runtime, or in several.
//!
//! Writers meet at locks that are named after what they write (`hold`), at the isolation `read
//! committed`: whoever waited for the lock sees what its holder committed. A transaction that the
//! database ends because of another one is begun anew.

mod driver;
mod fail;
mod lock;
mod open;
#[path = "../sql/mod.rs"]
#[allow(clippy::duplicate_mod, reason = "the statements are compiled once for each database")]
mod sql;

use std::path::PathBuf;
use std::time::Duration;

use sqlx::postgres::{PgPool, PgPoolOptions, PgRow as DbRow};
use sqlx::{PgConnection as Connection, Postgres as Database};

use self::PostgresStore as Keeper;
use self::driver::Driver;
use self::fail::{is_conflict, told};
use self::lock::{hold, share};
pub use self::open::database_name;
use self::open::{LAYOUT_IS_THERE, in_dialect};
use self::sql::Statements;
use crate::fail::Fail;
use crate::{Metric, Result, RunId};

/// Connections at most; each is opened when it is first needed.
const CONNECTIONS: u32 = 8;
/// How long a call waits for a connection.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often a transaction is begun anew, and after what pause, times how often it was already.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(5);

/// What makes one JSON object of the keys and values of many rows.
const OBJECT_OF: &str = "json_object_agg";
/// What makes one JSON array of values.
const ARRAY_OF: &str = "json_build_array";
/// A value of a metric in words that keep every bit of it: the driver asks the server for all digits.
const POINT: &str = "step || ' ' || at || ' ' || is_nan || ' ' || value";
/// How a writing transaction begins. A lock that was waited for shows its fruits to the next
/// statement, which stricter isolation would hide.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
/// How a reading one begins: over one unmoving state of the database.
const BEGIN_READING: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// The store in a database on a Postgres server (11 or later).
///
/// What it acknowledges survives whatever the server's own settings say it does: with
/// `synchronous_commit` on, as it is unless somebody changed it, a power cut too.
#[derive(Debug)]
pub struct PostgresStore {
    /// The database's address without the password, for messages.
    place: PathBuf,
    pool: PgPool,
    driver: Driver,
}

impl PostgresStore {
    /// The store in the database that `url` names, `postgres://USER:PASSWORD@HOST:PORT/DATABASE`.
    /// The database has to be there; its tables are made if need be. What the address leaves out
    /// comes from libpq's variables (`PGPASSWORD`, `PGSSLMODE`, ...) and `~/.pgpass`; what stands
    /// behind its `?` is libpq's too, such as `sslmode=verify-full&sslrootcert=ca.pem`.
    ///
    /// # Errors
    /// `Invalid` when `url` is no such address; `Home` when the server does not answer, refuses the
    /// user or has no such database; `Newer` when a newer version of Gristmill made the tables. The
    /// password stands in none of them.
    pub async fn open(url: &str) -> Result<Self> {
        let options = open::options(url)?;
        let place = open::place(&options);
        let driver = Driver::start(&place)?;
        let first = open::upgrade(options.clone(), place.clone());
        driver.run(first).await??;
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(PATIENCE)
            .connect_lazy_with(options);
        Ok(Self { place, pool, driver })
    }

    /// Ends the store when every call has been answered, and takes leave of the server.
    pub async fn close(self) -> Result<()> {
        let Self { pool, driver, .. } = self;
        driver.run(async move { pool.close().await }).await
    }

    /// Runs `work` in a transaction, again when another one got in its way. The work is done even if
    /// the caller no longer waits.
    async fn write<A, T>(&self, args: A, work: Statements<A, T>) -> Result<T>
    where
        A: Send + Sync + 'static,
        T: Send + 'static,
    {
        let pool = self.pool.clone();
        let patiently = async move {
            let mut tries = 0;
            loop {
                match transaction(&pool, BEGIN, &args, work).await {
                    Err(fail) if tries < TRIES && is_conflict(&fail) => tries += 1,
                    ended => return ended,
                }
                tokio::time::sleep(PAUSE * tries).await;
            }
        };
        self.driver.run(patiently).await?.map_err(|fail| told(&self.place, fail))
    }

    /// The same for work of which one statement writes; here others have to be kept out around it.
    async fn write_one<A, T>(&self, args: A, work: Statements<A, T>) -> Result<T>
    where
        A: Send + Sync + 'static,
        T: Send + 'static,
    {
        self.write(args, work).await
    }

    /// Logs metrics, each call by itself: the server has transactions side by side.
    async fn write_metrics(&self, id: RunId, metrics: Vec<Metric>) -> Result<()> {
        let logged = self.write(vec![(id, metrics)], |db, entries| {
            Box::pin(sql::logging::log_metrics(db, entries))
        });
        logged.await?.into_iter().collect()
    }

    /// Runs `work` over one unmoving state of the database.
    async fn read<A, T>(&self, args: A, work: Statements<A, T>) -> Result<T>
    where
        A: Send + Sync + 'static,
        T: Send + 'static,
    {
        let pool = self.pool.clone();
        let read = async move { transaction(&pool, BEGIN_READING, &args, work).await };
        self.driver.run(read).await?.map_err(|fail| told(&self.place, fail))
    }
}

async fn transaction<A, T>(
    pool: &PgPool,
    begin: &'static str,
    args: &A,
    work: Statements<A, T>,
) -> Result<T, Fail> {
    let mut tx = pool.begin_with(begin).await?;
    match work(&mut tx, args).await {
        Ok(done) => {
            tx.commit().await?;
            Ok(done)
        }
        Err(fail) => {
            // At once, so that nobody waits for its locks. If it cannot be, the connection is lost
            // and the server does it; the work's own error says more.
            let _ = tx.rollback().await;
            Err(fail)
        }
    }
}
