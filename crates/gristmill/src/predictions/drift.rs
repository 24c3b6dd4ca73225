//! Whether what models are asked still looks like what they learned from, window by window, in memory that does
//! not grow.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};

use gristmill_core::{Clock, Schema, Timestamp};
use gristmill_monitor::{
    ColumnDrift, DriftReport, DriftSettings, FullWindow, Reference, WindowSize, Windows,
};
use gristmill_package::Digest;
use gristmill_serve::Served;
use gristmill_track::{FindingKind, NewFinding};
use serde_json::{Value, json};

use super::answers::AnswerFrames;
use super::batch::Batch;
use super::findings::Findings;
use super::gathered::{self, Gathered, Looks};
use super::lookout::Tally;
use super::terms::{Terms, at_least};
use crate::serve::{ServeEvent, TellServing};
use crate::{Error, Home, Result};

/// How many columns of a finding are named, and how many of those that have moved.
const NAMED: usize = 200;
const NAMED_MOVED: usize = 20;

/// Counts what models are asked, and judges each window that is full.
pub(super) struct LiveDrift {
    home: Home,
    /// How many rows a window has where the file of a version does not say it.
    rows: u64,
    /// By model and version.
    watched: BTreeMap<(String, String), Watched>,
    findings: Arc<Findings>,
    clock: Arc<dyn Clock>,
    tally: Arc<Tally>,
    tell: TellServing,
}

/// A version that is watched.
struct Watched {
    /// Of which package it is: a name and a version may come to mean another.
    digest: Digest,
    /// What is counted; nothing where that cannot be done, which has been told.
    counted: Option<Counted>,
}

struct Counted {
    settings: DriftSettings,
    size: WindowSize,
    /// The number of the version, where its file says how it is watched: then what is found is kept.
    recorded: Option<u32>,
    rows: Rows,
    /// Why what was gathered could not be kept, where that has not been told.
    unkept: Option<Error>,
}

/// What becomes of rows.
enum Rows {
    /// They are what later ones are held against.
    Gathered(Box<First>),
    /// They are counted in windows.
    Windows(Box<Judged>),
}

/// What a version is first asked.
struct First {
    gathered: Gathered,
    /// Where what it looked like is kept.
    path: PathBuf,
    /// The columns that the version takes.
    input: Schema,
}

struct Judged {
    columns: Stream,
    /// The answers, where it is known what they were.
    answers: Option<Stream>,
    frames: AnswerFrames,
}

/// Rows on their way into windows.
struct Stream {
    reference: Arc<Reference>,
    windows: Windows,
}

/// What was found of a window that is full.
#[derive(Clone, Debug)]
pub(super) struct Verdict {
    /// Of the columns of the requests.
    pub columns: DriftReport,
    /// Of the answers; they do not count for whether it has drifted.
    pub answers: Option<DriftReport>,
    from: Timestamp,
    to: Timestamp,
}

impl LiveDrift {
    /// Windows of so many rows, where the file of a version does not say it.
    pub fn new(
        home: &Home,
        rows: u64,
        findings: Arc<Findings>,
        clock: Arc<dyn Clock>,
        tally: Arc<Tally>,
        tell: TellServing,
    ) -> Self {
        Self { home: home.clone(), rows, watched: BTreeMap::new(), findings, clock, tally, tell }
    }

    /// Counts the rows of requests.
    pub fn count(&mut self, batch: &Batch) {
        let served = &batch.served;
        let key = (served.name().to_owned(), served.version().to_owned());
        let digest = served.info().digest;
        if self.watched.get(&key).is_none_or(|watched| watched.digest != digest) {
            let counted = self.begin(served);
            let counted = counted.map_err(|error| unwatched(&self.tell, &key, error)).ok();
            self.watched.insert(key.clone(), Watched { digest, counted });
        }
        self.ask(&key, |counted| counted.count(batch));
    }

    /// Judges windows of time that have ended, whether requests come or not.
    pub fn turn(&mut self, now: Timestamp) {
        let waits = |watched: &Watched| watched.counted.as_ref().is_some_and(Counted::waits);
        let keys: Vec<_> =
            self.watched.iter().filter(|(_, w)| waits(w)).map(|(key, _)| key.clone()).collect();
        for key in keys {
            self.ask(&key, |counted| counted.advance(now));
        }
    }

    /// Has a version take something in, and makes known what was found.
    fn ask(
        &mut self,
        key: &(String, String),
        work: impl FnOnce(&mut Counted) -> Result<Vec<Verdict>>,
    ) {
        let Some(watched) = self.watched.get_mut(key) else { return };
        let Some(counted) = &mut watched.counted else { return };
        let done = work(counted);
        if let Some(error) = counted.unkept.take() {
            unwatched(&self.tell, key, error);
        }
        match done {
            Ok(found) => {
                if let Some(version) = counted.recorded {
                    let at = self.clock.now();
                    for verdict in &found {
                        let finding = verdict.finding(version, &counted.settings, at);
                        self.findings.record(&key.0, finding);
                    }
                }
                if let Some(latest) = found.into_iter().next_back() {
                    let verdicts = self.tally.verdicts.lock();
                    verdicts.unwrap_or_else(PoisonError::into_inner).insert(key.clone(), latest);
                }
            }
            Err(error) => {
                watched.counted = None;
                unwatched(&self.tell, key, error);
            }
        }
    }

    fn begin(&self, served: &Served) -> Result<Counted> {
        let terms = Terms::of_served(served);
        let settings = terms.map(Terms::drift).unwrap_or_default();
        settings.check()?;
        let said = terms.and_then(Terms::window);
        let size = at_least(said.unwrap_or(WindowSize::rows(self.rows)), settings.min_rows);
        let recorded = terms.filter(|terms| terms.section.is_some()).map(|terms| terms.version);
        let rows = match terms.and_then(Terms::reference) {
            None => Rows::Windows(Box::new(Judged::of_training(served, &settings, size)?)),
            Some(span) => {
                let (path, input) = (gathered::path(&self.home, served), served.schema().clone());
                match gathered::kept(&path)? {
                    Some(looks) => {
                        let judged = Judged::of_looks(&looks, &input, &settings, size)?;
                        Rows::Windows(Box::new(judged))
                    }
                    None => {
                        let gathered = Gathered::new(span, settings.min_rows);
                        Rows::Gathered(Box::new(First { gathered, path, input }))
                    }
                }
            }
        };
        Ok(Counted { settings, size, recorded, rows, unkept: None })
    }
}

fn unwatched(tell: &TellServing, (model, version): &(String, String), error: Error) {
    let (model, version) = (model.clone(), version.clone());
    tell(&ServeEvent::Unwatched { model, version, why: error.message });
}

impl Counted {
    /// Whether time alone may bring something about.
    fn waits(&self) -> bool {
        matches!(self.rows, Rows::Gathered(_)) || matches!(self.size, WindowSize::Time { .. })
    }

    /// The verdicts on the windows that these rows filled.
    fn count(&mut self, batch: &Batch) -> Result<Vec<Verdict>> {
        self.settle(batch.began())?;
        match &mut self.rows {
            Rows::Gathered(first) => first.gathered.take(batch).map(|()| Vec::new()),
            Rows::Windows(judged) => {
                let came = batch.came();
                let full = judged.columns.windows.update_frame(&batch.rows, &came)?;
                let answers = match &mut judged.answers {
                    None => Vec::new(),
                    Some(answers) => {
                        let frame = judged.frames.of(&batch.prediction)?;
                        answers.windows.update_frame(&frame, &came)?
                    }
                };
                judged.verdicts(&full, &answers, &self.settings)
            }
        }
    }

    /// The verdicts on the windows of time that have ended.
    fn advance(&mut self, now: Timestamp) -> Result<Vec<Verdict>> {
        self.settle(now)?;
        let Rows::Windows(judged) = &mut self.rows else { return Ok(Vec::new()) };
        let full = judged.columns.windows.advance(now)?;
        let answers = match &mut judged.answers {
            None => Vec::new(),
            Some(answers) => answers.windows.advance(now)?,
        };
        judged.verdicts(&full, &answers, &self.settings)
    }

    /// Holds rows from now on against those that were gathered, where there are enough of them.
    fn settle(&mut self, now: Timestamp) -> Result<()> {
        let Rows::Gathered(first) = &mut self.rows else { return Ok(()) };
        if !first.gathered.is_over(now) {
            return Ok(());
        }
        let looks = std::mem::replace(&mut first.gathered, Gathered::new(0, 0)).looks()?;
        // It is known here all the same, as long as this goes on.
        self.unkept = gathered::keep(&first.path, &looks).err();
        let judged = Judged::of_looks(&looks, &first.input, &self.settings, self.size)?;
        self.rows = Rows::Windows(Box::new(judged));
        Ok(())
    }
}

impl Judged {
    fn of_training(served: &Served, settings: &DriftSettings, size: WindowSize) -> Result<Self> {
        let profile = served.profile();
        let columns = Reference::of(profile).select(served.schema(), &settings.columns)?;
        let answers = profile.answers.as_ref().map(Reference::of_answers);
        let answers = answers.map(|answers| Stream::new(answers, size)).transpose()?;
        Ok(Self { columns: Stream::new(columns, size)?, answers, frames: AnswerFrames::default() })
    }

    fn of_looks(
        looks: &Looks,
        input: &Schema,
        settings: &DriftSettings,
        size: WindowSize,
    ) -> Result<Self> {
        let columns = Reference::of(&looks.columns).select(input, &settings.columns)?;
        let answers = Some(Stream::new(Reference::of(&looks.answers), size)?);
        Ok(Self { columns: Stream::new(columns, size)?, answers, frames: AnswerFrames::default() })
    }

    /// What is to be said of those of these windows in which anything was asked. The answers stand in windows that
    /// end where those of the columns do.
    fn verdicts(
        &self,
        full: &[FullWindow],
        answers: &[FullWindow],
        settings: &DriftSettings,
    ) -> Result<Vec<Verdict>> {
        let asked = full.iter().enumerate().filter(|(_, full)| full.window.rows > 0);
        let verdict = |(at, full): (usize, &FullWindow)| {
            let columns = self.columns.judged(full, settings)?;
            let answers = match (&self.answers, answers.get(at)) {
                (Some(stream), Some(full)) => Some(stream.judged(full, settings)?),
                _ => None,
            };
            Ok(Verdict { columns, answers, from: full.from, to: full.to })
        };
        asked.map(verdict).collect()
    }
}

impl Stream {
    fn new(reference: Reference, size: WindowSize) -> Result<Self> {
        let reference = Arc::new(reference);
        let windows = Windows::new(size, Arc::clone(&reference))?;
        Ok(Self { reference, windows })
    }

    fn judged(&self, full: &FullWindow, settings: &DriftSettings) -> Result<DriftReport> {
        Ok(settings.judge(&self.reference, &full.window)?)
    }
}

impl Verdict {
    /// What is kept of it. A window of too few rows says nothing, and so has no value.
    fn finding(&self, version: u32, settings: &DriftSettings, at: Timestamp) -> NewFinding {
        let found = &self.columns;
        let ranked = found.by_movement();
        let moved = ranked.iter().filter(|column| column.drifted).take(NAMED_MOVED);
        let moved: Vec<&str> = moved.map(|column| column.name.as_str()).collect();
        let columns: Vec<Value> = ranked.into_iter().take(NAMED).map(shown).collect();
        let answers = self.answers.as_ref().map(|answers| {
            let ranked = answers.by_movement();
            let drifted = answers.enough && ranked.iter().any(|column| column.drifted);
            let columns: Vec<Value> = ranked.into_iter().take(NAMED).map(shown).collect();
            json!({"drifted": drifted, "columns": columns})
        });
        NewFinding {
            version,
            what: FindingKind::Drift,
            name: "share".into(),
            value: found.enough.then_some(found.share),
            threshold: Some(settings.share),
            alarm: found.drifted,
            rows: found.rows,
            from: self.from,
            to: self.to,
            at,
            detail: json!({"moved": moved, "columns": columns, "answers": answers}),
        }
    }
}

fn shown(column: &ColumnDrift) -> Value {
    json!({
        "name": column.name,
        "test": column.test.word(),
        "value": column.value,
        "drifted": column.drifted,
        "moved": column.moved,
    })
}
