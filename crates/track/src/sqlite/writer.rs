//! The one writer of a process: it takes work from a queue and commits what is waiting together.
//!
//! One commit serves every write that queued up while the one before was on its way to the disk.
//! Each behind the first has a savepoint of its own, so that one that is refused leaves the others alone;
//! metrics that wait are logged by the same few statements, whoever they come from. The writer
//! has its own thread, so that it lives however long the runtimes of its callers do.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use sqlx::Connection as _;
use tokio::sync::{mpsc, oneshot};

use super::fail::told;
use super::sql::{Statements, logging};
use super::{BEGIN, Connection};
use crate::fail::Fail;
use crate::{Metric, Result, RunId, TrackError};

/// How many writes may wait before their callers have to.
const QUEUE: usize = 1024;
/// How many writes one commit takes at most.
const GROUP: usize = 512;

/// The door to the writer's thread, which ends when the last of these is dropped.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    jobs: mpsc::Sender<Waiting>,
}

impl Writer {
    /// Starts the thread that writes over `db`. The receiver hears when it has ended.
    pub(super) fn start(db: Connection, path: PathBuf) -> Result<(Self, oneshot::Receiver<()>)> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .map_err(|error| TrackError::io(&path, &error))?;
        let (jobs, queue) = mpsc::channel(QUEUE);
        let (ended, end) = oneshot::channel();
        std::thread::Builder::new()
            .name("gristmill-store".into())
            .spawn({
                let path = path.clone();
                move || {
                    runtime.block_on(serve(db, queue, &path));
                    let _ = ended.send(());
                }
            })
            .map_err(|error| TrackError::io(&path, &error))?;
        Ok((Self { jobs }, end))
    }

    /// Runs `work` in a transaction, and answers when it is committed. The work is done even if
    /// the caller no longer waits.
    pub(super) async fn write<A, T>(
        &self,
        path: &Path,
        extent: Extent,
        args: A,
        work: Statements<A, T>,
    ) -> Result<T>
    where
        A: Send + Sync + 'static,
        T: Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Task { extent, work, args, reply, path: path.into() };
        self.jobs.send(Waiting::Job(Box::new(job))).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    /// Logs metrics, and answers when they are committed. They are logged even if the caller no
    /// longer waits.
    pub(super) async fn log(&self, run: RunId, metrics: Vec<Metric>) -> Result<()> {
        let (reply, answer) = oneshot::channel();
        let metrics = Waiting::Metrics((run, metrics), reply);
        self.jobs.send(metrics).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

fn gone() -> TrackError {
    TrackError::Bug("the store's writer has ended".into())
}

/// What waits in the queue.
enum Waiting {
    /// Work of any sort.
    Job(Box<dyn Job>),
    /// Metrics of a run, and who hears what became of them.
    Metrics((RunId, Vec<Metric>), oneshot::Sender<Result<()>>),
}

/// How much a piece of work writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// One statement, which is whole or not at all by itself: when nothing else waits, a transaction
    /// around it would only take two more trips to the database.
    Statement,
    /// Any number of them.
    Transaction,
}

/// Tells a caller what became of its work, once the transaction has ended one way or the other.
type Reply = Box<dyn FnOnce(Result<()>) + Send>;

/// A piece of work whose result type nobody but its caller needs to know.
#[async_trait]
trait Job: Send {
    /// How much it writes.
    fn extent(&self) -> Extent;

    /// Does the work. Nothing comes back when it failed and its caller was told.
    async fn run(self: Box<Self>, db: &mut Connection) -> Option<Reply>;

    /// Tells the caller that the work was not begun.
    fn refuse(self: Box<Self>, error: TrackError);
}

struct Task<A, T> {
    extent: Extent,
    work: Statements<A, T>,
    args: A,
    reply: oneshot::Sender<Result<T>>,
    path: PathBuf,
}

#[async_trait]
impl<A: Send + Sync, T: Send + 'static> Job for Task<A, T> {
    fn extent(&self) -> Extent {
        self.extent
    }

    async fn run(self: Box<Self>, db: &mut Connection) -> Option<Reply> {
        let Task { work, args, reply, path, .. } = *self;
        match work(db, &args).await {
            Ok(value) => Some(Box::new(move |ended: Result<()>| {
                let _ = reply.send(ended.map(|()| value));
            })),
            Err(fail) => {
                let _ = reply.send(Err(told(&path, fail)));
                None
            }
        }
    }

    fn refuse(self: Box<Self>, error: TrackError) {
        let _ = self.reply.send(Err(error));
    }
}

async fn serve(mut db: Connection, mut queue: mpsc::Receiver<Waiting>, path: &Path) {
    while let Some(job) = queue.recv().await {
        let mut waiting = Vec::new();
        let ended = group(&mut db, job, &mut queue, &mut waiting, path).await;
        if ended.is_err() {
            // The error is on its way to the callers; a transaction that is no longer open is fine.
            let _ = sqlx::query("ROLLBACK").execute(&mut db).await;
        }
        for reply in waiting {
            reply(ended.clone());
        }
    }
    // Closing folds the write-ahead log into the database; if it cannot, the next opening does.
    let _ = db.close().await;
}

/// One transaction with everything that waits; the replies of what succeeded are left in `waiting`.
async fn group(
    db: &mut Connection,
    first: Waiting,
    queue: &mut mpsc::Receiver<Waiting>,
    waiting: &mut Vec<Reply>,
    path: &Path,
) -> Result<()> {
    let mut logged = Logged::default();
    if begin(db, first, queue, &mut logged, waiting, path).await == Begun::Ended {
        return Ok(());
    }
    let run = async {
        while waiting.len() + logged.entries.len() < GROUP {
            match queue.try_recv() {
                Ok(Waiting::Job(job)) => in_savepoint(db, job, waiting).await?,
                Ok(Waiting::Metrics(entry, reply)) => logged.add(entry, reply),
                Err(_) => break,
            }
        }
        logged.write(db, waiting).await?;
        sqlx::query("COMMIT").execute(&mut *db).await?;
        Ok::<(), Fail>(())
    };
    let ended = run.await.map_err(|fail| told(path, fail));
    if let Err(error) = &ended {
        logged.refuse(error);
    }
    ended
}

/// Whether a transaction is open that more can be added to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Begun {
    Open,
    Ended,
}

/// Begins a transaction with what waited first. Its caller is told when it comes to nothing.
async fn begin(
    db: &mut Connection,
    first: Waiting,
    queue: &mpsc::Receiver<Waiting>,
    logged: &mut Logged,
    waiting: &mut Vec<Reply>,
    path: &Path,
) -> Begun {
    match first {
        Waiting::Job(job) if job.extent() == Extent::Statement && queue.is_empty() => {
            waiting.extend(job.run(db).await);
            Begun::Ended
        }
        Waiting::Job(job) => {
            if let Err(error) = sqlx::query(BEGIN).execute(&mut *db).await {
                job.refuse(told(path, error.into()));
                return Begun::Ended;
            }
            // The first needs no savepoint: when it fails there is nothing else to keep.
            let Some(reply) = job.run(db).await else {
                let _ = sqlx::query("ROLLBACK").execute(&mut *db).await;
                return Begun::Ended;
            };
            waiting.push(reply);
            Begun::Open
        }
        Waiting::Metrics(entry, reply) => {
            if let Err(error) = sqlx::query(BEGIN).execute(&mut *db).await {
                let _ = reply.send(Err(told(path, error.into())));
                return Begun::Ended;
            }
            logged.add(entry, reply);
            Begun::Open
        }
    }
}

/// Metrics of several callers, and who hears what became of them.
#[derive(Default)]
struct Logged {
    entries: Vec<(RunId, Vec<Metric>)>,
    replies: Vec<oneshot::Sender<Result<()>>>,
}

impl Logged {
    fn add(&mut self, entry: (RunId, Vec<Metric>), reply: oneshot::Sender<Result<()>>) {
        self.entries.push(entry);
        self.replies.push(reply);
    }

    /// Tells those who were not told yet that nothing was written.
    fn refuse(&mut self, error: &TrackError) {
        for reply in self.replies.drain(..) {
            let _ = reply.send(Err(error.clone()));
        }
    }

    /// Writes them all. Who is refused hears it at once, the others when the transaction has ended.
    async fn write(&mut self, db: &mut Connection, waiting: &mut Vec<Reply>) -> Result<(), Fail> {
        if self.entries.is_empty() {
            return Ok(());
        }
        let written = logging::log_metrics(db, &self.entries).await;
        let (outcomes, failed) = match written {
            Ok(outcomes) => (outcomes, None),
            Err(fail) => (self.entries.iter().map(|_| Ok(())).collect(), Some(fail)),
        };
        for (outcome, reply) in outcomes.into_iter().zip(self.replies.drain(..)) {
            match outcome {
                Ok(()) => waiting.push(Box::new(move |ended: Result<()>| {
                    let _ = reply.send(ended);
                })),
                Err(error) => {
                    let _ = reply.send(Err(error));
                }
            }
        }
        failed.map_or(Ok(()), Err)
    }
}

/// Runs one job so that its failure undoes nothing but its own writes.
async fn in_savepoint(
    db: &mut Connection,
    job: Box<dyn Job>,
    waiting: &mut Vec<Reply>,
) -> Result<(), Fail> {
    if let Err(error) = sqlx::query("SAVEPOINT job").execute(&mut *db).await {
        let fail = Fail::from(error);
        job.refuse(TrackError::Bug("a write could not begin".into()));
        return Err(fail);
    }
    match job.run(db).await {
        Some(reply) => waiting.push(reply),
        // A full disk makes SQLite undo the whole transaction: then this fails, and all are told.
        None => {
            sqlx::query("ROLLBACK TO job").execute(&mut *db).await?;
        }
    }
    sqlx::query("RELEASE job").execute(&mut *db).await?;
    Ok(())
}
