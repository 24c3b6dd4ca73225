//! Where requests to models wait their turn, and how many may.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use gristmill_core::Clock;
use gristmill_serve::{Answers, Chosen, Refusal, Served};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::Failure;
use super::meter::{Ended, Meter};
use super::question::Question;
use super::shadows::{Answered, Shadows};
use crate::limits;
use crate::ticket::Ticket;

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
    clock: Arc<dyn Clock>,
    shadows: Shadows,
    meter: Meter,
}

impl Desk {
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            room: Semaphore::new(REQUESTS),
            cores: Arc::new(Semaphore::new(cores)),
            clock,
            shadows: Shadows::new(),
            meter: Meter::default(),
        }
    }

    /// What models are asked and how long they take, as Prometheus reads it.
    pub(super) fn text(&self) -> String {
        let mut text = self.meter.text();
        self.shadows.write(&mut text);
        text
    }

    /// Reads a body and answers it.
    pub(super) async fn answer<Q: Question>(
        &self,
        ticket: &Ticket,
        chosen: Chosen,
        body: Body,
        question: Q,
    ) -> Result<Q::Answer, Failure> {
        let _room = self.enter()?;
        let body = limits::read(body, limits::ROWS_BYTES).await?;
        self.work(ticket, chosen, body, question).await
    }

    /// Answers a body that has been read.
    pub(super) async fn answer_read<Q: Question>(
        &self,
        ticket: &Ticket,
        chosen: Chosen,
        body: Bytes,
        question: Q,
    ) -> Result<Q::Answer, Failure> {
        let _room = self.enter()?;
        self.work(ticket, chosen, body, question).await
    }

    /// Room for one more request, if there is any.
    fn enter(&self) -> Result<SemaphorePermit<'_>, Failure> {
        self.room.try_acquire().map_err(|_| {
            self.meter.turned_away.fetch_add(1, Ordering::Relaxed);
            let message = format!("{REQUESTS} requests are under way; ask again in a second");
            Failure::new(StatusCode::TOO_MANY_REQUESTS, message)
        })
    }

    async fn work<Q: Question>(
        &self,
        _ticket: &Ticket,
        chosen: Chosen,
        body: Bytes,
        question: Q,
    ) -> Result<Q::Answer, Failure> {
        let Chosen { served, part, shadow } = chosen;
        let (series, begun) = (self.meter.of(&served), self.clock.now());
        series.route(part);
        let question = Arc::new(question);
        let work = {
            let (served, body, question) =
                (Arc::clone(&served), body.clone(), Arc::clone(&question));
            move || worked(&served, &body, &*question)
        };
        let done = match body.len() <= SMALL {
            true => work().map_err(Failure::from),
            false => self.at_length(work).await,
        };
        let ended = match &done {
            Ok(_) => Ended::Answered,
            Err(failure) if failure.status.is_client_error() => Ended::Refused,
            Err(_) => Ended::Failed,
        };
        series.count(self.clock.now().0.saturating_sub(begun.0).max(0) as u64, ended);
        let (answer, answers) = done?;
        if let Some(shadow) = shadow {
            self.shadows.ask(shadow, Answered { question, body, by: served, answers });
        }
        Ok(answer)
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

/// The answer of a version to a body, in the words of the protocol and as the model gives it.
fn worked<Q: Question>(
    served: &Served,
    body: &[u8],
    question: &Q,
) -> Result<(Q::Answer, Answers), Refusal> {
    let (rows, more) = question.read(served, body)?;
    let answers = question.answer(served, rows, &more)?;
    Ok((question.write(served, &answers, more)?, answers))
}
