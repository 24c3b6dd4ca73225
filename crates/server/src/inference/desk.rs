//! Where requests to models wait their turn, and how many may.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use gristmill_core::{Clock, Frame, Timestamp};
use gristmill_serve::{Answers, Chosen, Refusal, Seen, Served, Witness};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::Failure;
use super::meter::{Ended, Meter, gauge, write};
use super::protocol::Protocol;
use super::shadows::{Answered, Shadows};
use crate::ticket::{PhaseName, Ticket};
use crate::{RequestLimits, limits};

/// Bodies up to this size are answered where they arrive, unless the model is known to take its time:
/// another thread would take longer to wake.
const SMALL: usize = 32 * 1024;

/// Where requests to models wait their turn.
pub(crate) struct Desk {
    limits: RequestLimits,
    /// Room for requests that are under way.
    room: Semaphore,
    /// Those that take their time are worked on as many at a time as there are cores.
    cores: Arc<Semaphore>,
    /// How many wait for a core.
    waiting: Arc<AtomicU64>,
    clock: Arc<dyn Clock>,
    witness: Option<Arc<dyn Witness>>,
    shadows: Shadows,
    meter: Meter,
}

impl Desk {
    pub fn new(
        clock: Arc<dyn Clock>,
        limits: RequestLimits,
        witness: Option<Arc<dyn Witness>>,
    ) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            limits,
            room: Semaphore::new(limits.count.min(Semaphore::MAX_PERMITS)),
            cores: Arc::new(Semaphore::new(cores)),
            waiting: Arc::default(),
            clock,
            witness,
            shadows: Shadows::new(),
            meter: Meter::default(),
        }
    }

    /// What models are asked and how long they take, as Prometheus reads it.
    pub(super) fn text(&self) -> String {
        let mut text = self.meter.text();
        let under_way = self.limits.count.saturating_sub(self.room.available_permits()) as u64;
        let waiting = self.waiting.load(Ordering::Relaxed);
        gauge(&mut text, "gristmill_inference_under_way", "Requests to models now.", under_way);
        let help = "Requests to models that wait for a core now.";
        gauge(&mut text, "gristmill_inference_waiting", help, waiting);
        self.shadows.write(&mut text);
        let figures = self.witness.as_ref().map(|witness| witness.figures());
        figures.iter().flatten().for_each(|figure| write(&mut text, figure));
        text
    }

    /// Who looks on, if anybody does.
    pub(super) fn witness(&self) -> Option<Arc<dyn Witness>> {
        self.witness.clone()
    }

    /// Reads a body and answers it.
    pub(super) async fn answer<Q: Protocol>(
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
    pub(super) async fn answer_read<Q: Protocol>(
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
            let count = self.limits.count;
            let message = format!("{count} requests are under way; ask again in a second");
            Failure::new(StatusCode::TOO_MANY_REQUESTS, message)
        })
    }

    async fn work<Q: Protocol>(
        &self,
        ticket: &Ticket,
        chosen: Chosen,
        body: Bytes,
        question: Q,
    ) -> Result<Q::Answer, Failure> {
        let Chosen { served, part, shadow } = chosen;
        let (series, arrived) = (self.meter.of(&served), self.clock.now());
        series.route(part);
        let question = Arc::new(question);
        let job = Job {
            served: Arc::clone(&served),
            body: body.clone(),
            question: Arc::clone(&question),
            ticket: ticket.clone(),
            clock: Arc::clone(&self.clock),
            witness: self.witness.clone(),
            arrived,
        };
        let is_small = body.len() <= SMALL && !question.is_packed();
        let done = match is_small && series.is_quick() {
            true => job.work().map_err(Failure::from),
            false => self.at_length(move || job.work()).await,
        };
        let ended = match &done {
            Ok(_) => Ended::Answered,
            Err(failure) if failure.status.is_client_error() => Ended::Refused,
            Err(_) => Ended::Failed,
        };
        let micros = self.clock.now().0.saturating_sub(arrived.0).max(0) as u64;
        series.count(micros, ended);
        let facts = ticket.facts();
        self.meter.waits.count(facts.micros(PhaseName::Queue));
        if is_small && ended == Ended::Answered {
            series.pace(facts.micros(PhaseName::Compute));
        }
        let Done { answer, answers, rows } = done?;
        if let (Some(witness), Some(rows)) = (&self.witness, rows) {
            let (served, id) = (Arc::clone(&served), ticket.id().to_owned());
            let answers = answers.clone();
            witness.saw(Seen { served, id, rows, answers, at: arrived, micros });
        }
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
        let (cores, waiting) = (Arc::clone(&self.cores), Waiting::of(&self.waiting));
        let worked = async move {
            let core = cores.acquire_owned().await;
            drop(waiting);
            tokio::task::spawn_blocking(move || {
                let done = work();
                drop(core);
                done
            })
            .await
        };
        let time = self.limits.time;
        match tokio::time::timeout(time, worked).await {
            Ok(Ok(done)) => Ok(done?),
            Ok(Err(error)) => Err(Failure::bug(&error)),
            Err(_) => {
                let message = format!("the answer took longer than {} seconds", time.as_secs_f64());
                Err(Failure::new(StatusCode::GATEWAY_TIMEOUT, message))
            }
        }
    }
}

/// Somebody who waits, for as long as this is there.
struct Waiting(Arc<AtomicU64>);

impl Waiting {
    fn of(count: &Arc<AtomicU64>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A question to a version of a model.
struct Job<Q> {
    served: Arc<Served>,
    body: Bytes,
    question: Arc<Q>,
    ticket: Ticket,
    clock: Arc<dyn Clock>,
    witness: Option<Arc<dyn Witness>>,
    arrived: Timestamp,
}

/// A question that was answered.
struct Done<A> {
    /// In the words of the protocol.
    answer: A,
    /// As the model gives it.
    answers: Answers,
    /// What was asked, where somebody looks on.
    rows: Option<Frame>,
}

impl<Q: Protocol> Job<Q> {
    fn work(self) -> Result<Done<Q::Answer>, Refusal> {
        let Self { served, body, question, ticket, clock, witness, arrived } = self;
        let clock = &*clock;
        ticket.took(PhaseName::Queue, arrived, clock.now());
        let read = ticket.timed(PhaseName::Parse, clock, || question.read(&served, &body));
        let (asked, more) = read?;
        ticket.note(|facts| facts.rows = Some(asked.asked()));
        let is_wanted =
            witness.is_some_and(|witness| witness.wants(&served, ticket.id(), asked.asked()));
        let rows = is_wanted.then(|| asked.asked_rows());
        ticket.timed(PhaseName::Compute, clock, || {
            let answers = question.answer(&served, asked, &more)?;
            Ok(Done { answer: question.write(&served, &answers, more)?, answers, rows })
        })
    }
}
