//! Where requests to models wait their turn, and how many may.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use gristmill_core::{Clock, Frame, Timestamp};
use gristmill_serve::{Answers, Chosen, Question, Refusal, Seen, Served, Witness};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::Failure;
use super::batches::{Batches, Done};
use super::meter::{Ended, Meter, Series, gauge, write};
use super::protocol::Protocol;
use super::shadows::{Answered, Shadows};
use crate::ticket::{PhaseName, Ticket};
use crate::{RequestLimits, limits};

/// Bodies up to this size are answered where they arrive, unless the model is known to take its time:
/// another thread would take longer to wake.
const SMALL: usize = 64 * 1024;

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
    batches: Arc<Batches>,
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
        let count = limits.count.min(Semaphore::MAX_PERMITS);
        Self {
            limits: RequestLimits { count, ..limits },
            room: Semaphore::new(count),
            cores: Arc::new(Semaphore::new(cores)),
            waiting: Arc::default(),
            clock,
            batches: Arc::new(Batches::new()),
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
        let help = "How many small requests that waited were answered together.";
        self.batches.requests.show(&mut text, "gristmill_batch_requests", help);
        let help = "How many rows of small requests that waited were answered together.";
        self.batches.rows.show(&mut text, "gristmill_batch_rows", help);
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
        let done = match (is_small, series.is_quick(self.limits.inline)) {
            (true, true) => job.work().map_err(Failure::from),
            (true, false) if !served.is_windowed() => self.together(job).await,
            _ => self.at_length(move || job.work()).await,
        };
        let ended = match &done {
            Ok(_) => Ended::Answered,
            Err(failure) if failure.status.is_client_error() => Ended::Refused,
            Err(_) => Ended::Failed,
        };
        let micros = self.clock.now().0.saturating_sub(arrived.0).max(0) as u64;
        series.count(micros, ended);
        self.note(ticket, &series, is_small && ended == Ended::Answered);
        let Reply { answer, answers, kept } = done?;
        if let (Some(witness), Some(rows)) = (&self.witness, kept) {
            let (id, prediction) = (ticket.id(), &answers.prediction);
            witness.saw(Seen { served: &served, id, rows: &rows, prediction, at: arrived, micros });
        }
        if let Some(shadow) = shadow {
            self.shadows.ask(shadow, Answered { question, body, by: served, answers });
        }
        Ok(answer)
    }

    /// Notes how long the request waited and, where it was small and has been answered, how long the model takes
    /// for such. Who is answered with others takes less than alone, which counts only where it would be quick alone
    /// too.
    fn note(&self, ticket: &Ticket, series: &Series, shows_pace: bool) {
        let facts = ticket.facts();
        self.meter.waits.count(facts.micros(PhaseName::Queue));
        if !shows_pace {
            return;
        }
        let each = facts.micros(PhaseName::Compute) / facts.together.max(1) as u64;
        if facts.together == 1 || u128::from(each) * 8 < self.limits.inline.as_micros() {
            series.pace(each);
        }
    }

    /// Answers a small question to a version that takes its time, with others that wait for it.
    async fn together<Q: Protocol>(&self, job: Job<Q>) -> Result<Reply<Q::Answer>, Failure> {
        let clock = Arc::clone(&self.clock);
        let asked = job.read()?;
        if !job.question.is_plain(&asked.more) {
            return self.at_length(move || job.finish(asked)).await;
        }
        let Asked { rows, more, kept } = asked;
        let (queued, waiting) = (clock.now(), Waiting::of(&self.waiting));
        let asked =
            self.batches.ask(Arc::clone(&job.served), rows.into_asked(), &self.cores, &clock);
        let done = tokio::time::timeout(self.limits.time, asked).await;
        drop(waiting);
        let Done { answers, begun, ended, together } = match done {
            Ok(Ok(done)) => done,
            Ok(Err(_)) => {
                let message = "a bug of ours: the model answered nobody";
                return Err(Failure::new(StatusCode::INTERNAL_SERVER_ERROR, message));
            }
            Err(_) => return Err(self.too_late()),
        };
        job.ticket.took(PhaseName::Queue, queued, begun);
        job.ticket.took(PhaseName::Compute, begun, ended);
        job.ticket.note(|facts| facts.together = together);
        let answers = answers?;
        let answer = job.question.write(&job.served, &answers, more)?;
        Ok(Reply { answer, answers, kept })
    }

    fn too_late(&self) -> Failure {
        let time = self.limits.time.as_secs_f64();
        let message = format!("the answer took longer than {time} seconds");
        Failure::new(StatusCode::GATEWAY_TIMEOUT, message)
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
        match tokio::time::timeout(self.limits.time, worked).await {
            Ok(Ok(done)) => Ok(done?),
            Ok(Err(error)) => Err(Failure::bug(&error)),
            Err(_) => Err(self.too_late()),
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

/// What a body was read as.
struct Asked<M> {
    rows: Question,
    /// What is asked beside the rows.
    more: M,
    /// A copy of the rows, where somebody looks on.
    kept: Option<Frame>,
}

/// What a question was answered.
struct Reply<A> {
    /// In the words of the protocol.
    answer: A,
    /// As the model gives it.
    answers: Answers,
    /// The rows, where somebody looks on.
    kept: Option<Frame>,
}

impl<Q: Protocol> Job<Q> {
    /// The answer in the words of the protocol and as the model gives it.
    fn work(self) -> Result<Reply<Q::Answer>, Refusal> {
        self.ticket.took(PhaseName::Queue, self.arrived, self.clock.now());
        let asked = self.read()?;
        self.finish(asked)
    }

    fn read(&self) -> Result<Asked<Q::More>, Refusal> {
        let read = || self.question.read(&self.served, &self.body);
        let (rows, more) = self.ticket.timed(PhaseName::Parse, &*self.clock, read)?;
        let count = rows.asked();
        self.ticket.note(|facts| facts.rows = Some(count));
        let wants = |witness: &Arc<dyn Witness>| {
            witness.wants(&self.served, self.ticket.id(), count).then(|| rows.asked_rows())
        };
        let kept = self.witness.as_ref().and_then(wants);
        Ok(Asked { rows, more, kept })
    }

    fn finish(&self, asked: Asked<Q::More>) -> Result<Reply<Q::Answer>, Refusal> {
        let Asked { rows, more, kept } = asked;
        self.ticket.note(|facts| facts.together = 1);
        self.ticket.timed(PhaseName::Compute, &*self.clock, || {
            let answers = self.question.answer(&self.served, rows, &more)?;
            Ok(Reply { answer: self.question.write(&self.served, &answers, more)?, answers, kept })
        })
    }
}
