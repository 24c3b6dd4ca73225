//! Where requests to models wait their turn, and how many may.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use gristmill_core::Clock;
use gristmill_serve::{Refusal, Served};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::Failure;
use super::meter::{Ended, Meter};
use crate::limits;

/// Bodies up to this size are answered where they arrive: another thread would take longer to wake.
const SMALL: usize = 32 * 1024;
/// How many requests may be under way at once, those that wait among them.
const REQUESTS: usize = 512;
/// How long a request may take from its last byte on, with all its waiting.
const TIME: Duration = Duration::from_secs(60);

/// Where requests to models wait their turn.
pub(crate) struct Desk {
    /// Room for requests that are under way.
    room: Semaphore,
    /// Those with many rows are worked on as many at a time as there are cores.
    cores: Arc<Semaphore>,
    pub meter: Meter,
}

impl Desk {
    pub fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            room: Semaphore::new(REQUESTS),
            cores: Arc::new(Semaphore::new(cores)),
            meter: Meter::default(),
        }
    }

    /// Reads a body and answers it.
    pub(super) async fn answer<T: Send + 'static>(
        &self,
        served: Arc<Served>,
        body: Body,
        clock: &dyn Clock,
        work: impl FnOnce(&Served, &[u8]) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Failure> {
        let _room = self.enter()?;
        let body = limits::read(body, limits::ROWS_BYTES).await?;
        self.work(served, body.len(), clock, move |served| work(served, &body)).await
    }

    /// Answers a body of so many bytes that has been read.
    pub(super) async fn answer_read<T: Send + 'static>(
        &self,
        served: Arc<Served>,
        length: usize,
        clock: &dyn Clock,
        work: impl FnOnce(&Served) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Failure> {
        let _room = self.enter()?;
        self.work(served, length, clock, work).await
    }

    /// Room for one more request, if there is any.
    fn enter(&self) -> Result<SemaphorePermit<'_>, Failure> {
        self.room.try_acquire().map_err(|_| {
            self.meter.turned_away.fetch_add(1, Ordering::Relaxed);
            let message = format!("{REQUESTS} requests are under way; ask again in a second");
            Failure::new(StatusCode::TOO_MANY_REQUESTS, message)
        })
    }

    async fn work<T: Send + 'static>(
        &self,
        served: Arc<Served>,
        length: usize,
        clock: &dyn Clock,
        work: impl FnOnce(&Served) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Failure> {
        let (series, begun) = (self.meter.of(&served), clock.now());
        let done = match length <= SMALL {
            true => work(&served).map_err(Failure::from),
            false => self.at_length(move || work(&served)).await,
        };
        let ended = match &done {
            Ok(_) => Ended::Answered,
            Err(failure) if failure.status.is_client_error() => Ended::Refused,
            Err(_) => Ended::Failed,
        };
        series.count(clock.now().0.saturating_sub(begun.0).max(0) as u64, ended);
        done
    }

    /// Work that takes its time, on a thread of its own.
    async fn at_length<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Failure> {
        let cores = Arc::clone(&self.cores);
        let worked = async move {
            let core = cores.acquire_owned().await;
            tokio::task::spawn_blocking(move || {
                let done = work();
                drop(core);
                done
            })
            .await
        };
        match tokio::time::timeout(TIME, worked).await {
            Ok(Ok(done)) => Ok(done?),
            Ok(Err(error)) => Err(Failure::bug(&error)),
            Err(_) => {
                let message = format!("the answer took longer than {} seconds", TIME.as_secs());
                Err(Failure::new(StatusCode::GATEWAY_TIMEOUT, message))
            }
        }
    }
}
