//! Trials side by side: which fold of which trial is worked on next, and what becomes of each trial.
//!
//! What is tried depends on the rules and on what came of earlier trials, never on which of them was
//! quicker: a trial is chosen by what is known of all but the last few before it, however many workers
//! there are and whichever process did them.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::rules::{Choice, End, Record, Rules};
use super::{SpaceError, Trial};

/// The scores of one fold, by metric.
pub type FoldScore = BTreeMap<String, f64>;

/// What is done for a trial. A text in place of an error says why the trial fails; others go on.
pub trait Work: Sync {
    /// The scores of the trial `number` in one of its folds.
    ///
    /// # Errors
    /// Why the trial comes to nothing.
    fn fold(&self, number: usize, trial: &Trial, fold: usize) -> Result<FoldScore, String>;

    /// Looks at a trial that has all its scores for what else counts.
    ///
    /// # Errors
    /// Why the trial comes to nothing.
    fn weigh(&self, number: usize, trial: &Trial) -> Result<Weighed, String> {
        let _ = (number, trial);
        Ok(Weighed::default())
    }
}

/// What counts of a trial beside its scores.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Weighed {
    /// What was measured, by name.
    pub figures: BTreeMap<String, f64>,
    /// Why it is refused, when it is.
    pub refused: Option<String>,
}

/// Where trials are written down, and who may work on which.
pub trait Ledger: Sync {
    /// Why nothing can be written down.
    type Error: Send;

    /// Asks for the trial `number`, which would be `trial`. Asked again when it was elsewhere.
    ///
    /// # Errors
    /// When the ledger cannot be used, which ends the search.
    fn claim(&self, number: usize, trial: &Trial) -> Result<Claim, Self::Error>;

    /// Whether the trial `number`, or a later one, is known to be done, as it was by somebody before.
    fn reaches(&self, number: usize) -> bool {
        let _ = number;
        false
    }

    /// Writes down what became of a trial that was claimed.
    ///
    /// # Errors
    /// As [`Ledger::claim`].
    fn keep(&self, number: usize, record: &Record) -> Result<(), Self::Error>;

    /// Lets go of a trial that was claimed, for whoever asks for it later.
    ///
    /// # Errors
    /// As [`Ledger::claim`].
    fn leave(&self, number: usize) -> Result<(), Self::Error> {
        let _ = number;
        Ok(())
    }
}

/// Whose a trial is.
#[derive(Clone, Debug, PartialEq)]
pub enum Claim {
    /// Whoever asked works on it.
    Ours,
    /// Somebody else is at work on it, as this trial.
    Elsewhere(Trial),
    /// It is done.
    Done(Box<Record>),
}

/// How far and how fast.
pub trait Pace: Sync {
    /// How many folds are worked on side by side at most.
    fn workers(&self) -> usize;

    /// Whether there is time for another trial. When there is none any more, what is at work is left
    /// unfinished after its fold, unless nothing has been found yet that may win.
    fn goes_on(&self) -> bool {
        true
    }

    /// Whether there is room for another fold beside `others` that are worked on.
    fn has_room(&self, others: usize) -> bool {
        let _ = others;
        true
    }

    /// Whether to stop as soon as possible.
    fn stopped(&self) -> bool {
        false
    }

    /// Hears of every trial that is done, in no order.
    fn heard(&self, number: usize, record: &Record) {
        let _ = (number, record);
    }
}

/// Keeps nothing: every trial is ours.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoLedger;

impl Ledger for NoLedger {
    type Error = std::convert::Infallible;

    fn claim(&self, _: usize, _: &Trial) -> Result<Claim, Self::Error> {
        Ok(Claim::Ours)
    }

    fn keep(&self, _: usize, _: &Record) -> Result<(), Self::Error> {
        Ok(())
    }
}

/// Why a search gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum RaceError<E> {
    /// The space does not suit the search.
    #[error(transparent)]
    Space(#[from] SpaceError),
    /// Trials could not be written down.
    #[error("{0}")]
    Ledger(E),
    /// Somebody wished to stop.
    #[error("the search was stopped")]
    Stopped,
}

/// Does trials until the search ends: what became of each, in order.
///
/// `work` is called on threads of its own, outside of any pool.
///
/// # Errors
/// For a grid without end; when the ledger cannot be used; when it is stopped.
pub fn race<L: Ledger>(
    rules: &Rules,
    work: &dyn Work,
    ledger: &L,
    pace: &dyn Pace,
) -> Result<Vec<Record>, RaceError<L::Error>> {
    let race = Race { rules, work, ledger, pace, state: Mutex::default(), news: Condvar::new() };
    std::thread::scope(|scope| {
        for _ in 1..pace.workers().max(1) {
            scope.spawn(|| race.serve());
        }
        race.serve();
    });
    let state = race.state.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some(fault) = state.fault {
        return Err(fault);
    }
    let records = state.slots.into_iter().enumerate().map(|(number, slot)| match slot.record {
        Some(record) => Ok(record),
        None => {
            if slot.whose == Whose::Ours {
                ledger.leave(number).map_err(RaceError::Ledger)?;
            }
            Ok(slot.unfinished())
        }
    });
    records.collect()
}

struct Race<'a, L: Ledger> {
    rules: &'a Rules,
    work: &'a dyn Work,
    ledger: &'a L,
    pace: &'a dyn Pace,
    state: Mutex<State<L::Error>>,
    news: Condvar,
}

struct State<E> {
    slots: Vec<Slot>,
    /// Every slot before this one is done.
    open: usize,
    /// No further trial begins.
    ended: bool,
    /// How many folds are worked on.
    busy: usize,
    fault: Option<RaceError<E>>,
}

impl<E> Default for State<E> {
    fn default() -> Self {
        Self { slots: Vec::new(), open: 0, ended: false, busy: 0, fault: None }
    }
}

/// A trial that was chosen.
struct Slot {
    trial: Trial,
    /// Of how many trials before it the outcome was known when it was chosen.
    known: usize,
    folds: Vec<Fold>,
    /// What an earlier trial of the same point came to, and so this one would.
    like: Option<Record>,
    whose: Whose,
    record: Option<Record>,
}

impl Slot {
    /// The trial as far as it came.
    fn unfinished(self) -> Record {
        let scores = self.folds.into_iter().map_while(|fold| match fold {
            Fold::Done(scores) => scores.ok(),
            Fold::Open | Fold::Busy => None,
        });
        let scores = scores.collect();
        Record { trial: self.trial, scores, figures: BTreeMap::new(), end: End::Unfinished }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Whose {
    Ours,
    /// All that is to be known of it is, and somebody writes it down.
    Closing,
    Elsewhere,
}

enum Fold {
    Open,
    Busy,
    Done(Result<FoldScore, String>),
}

/// What a worker does next.
enum Job {
    Fold(usize, usize, Trial),
    Close(usize, Record),
    /// Nothing, until there is news.
    Wait,
    /// Nothing any more.
    Leave,
}

impl<L: Ledger> Race<'_, L> {
    fn lock(&self) -> MutexGuard<'_, State<L::Error>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self) {
        // What is elsewhere is asked for again, and a wish to stop is heard, this often.
        const PATIENCE: Duration = Duration::from_millis(50);
        let mut state = self.lock();
        loop {
            let job = match self.next(&mut state) {
                Ok(job) => job,
                Err(fault) => {
                    state.fault.get_or_insert(fault);
                    Job::Leave
                }
            };
            match job {
                Job::Leave => {
                    self.news.notify_all();
                    return;
                }
                Job::Wait => {
                    let woken = self.news.wait_timeout(state, PATIENCE);
                    state = woken.unwrap_or_else(PoisonError::into_inner).0;
                }
                Job::Fold(number, fold, trial) => {
                    drop(state);
                    let scores = guarded(|| self.work.fold(number, &trial, fold));
                    state = self.lock();
                    state.busy -= 1;
                    if let Some(place) =
                        state.slots.get_mut(number).and_then(|slot| slot.folds.get_mut(fold))
                    {
                        *place = Fold::Done(scores);
                    }
                    self.news.notify_all();
                }
                Job::Close(number, record) => {
                    drop(state);
                    let record = self.closed(number, record);
                    let kept = self.ledger.keep(number, &record);
                    state = self.lock();
                    match kept {
                        Ok(()) => self.settle(&mut state, number, record),
                        Err(error) => {
                            state.fault.get_or_insert(RaceError::Ledger(error));
                        }
                    }
                    self.news.notify_all();
                }
            }
        }
    }

    /// The record of a trial with all its scores, when it is refused or fails after them.
    fn closed(&self, number: usize, record: Record) -> Record {
        // One that is like an earlier one has its figures from there.
        if record.end != End::Scored || !record.figures.is_empty() {
            return record;
        }
        match guarded(|| self.work.weigh(number, &record.trial)) {
            Ok(Weighed { figures, refused: None }) => Record { figures, ..record },
            Ok(Weighed { figures, refused: Some(why) }) => {
                Record { figures, end: End::Refused(why), ..record }
            }
            Err(why) => Record { end: End::Failed(why), ..record },
        }
    }

    fn settle(&self, state: &mut State<L::Error>, number: usize, record: Record) {
        self.pace.heard(number, &record);
        if let Some(slot) = state.slots.get_mut(number) {
            slot.folds.clear();
            slot.record = Some(record);
        }
        while state.slots.get(state.open).is_some_and(|slot| slot.record.is_some()) {
            state.open += 1;
        }
    }

    fn next(&self, state: &mut State<L::Error>) -> Result<Job, RaceError<L::Error>> {
        if state.fault.is_some() {
            return Ok(Job::Leave);
        }
        if self.pace.stopped() {
            return Err(RaceError::Stopped);
        }
        self.ask_again(state)?;
        if let Some(job) = self.close(state) {
            return Ok(job);
        }
        if self.is_over(state) {
            // What was done before counts, time or not.
            let known = !state.ended && self.ledger.reaches(state.slots.len());
            if known && self.begin(state)? {
                return self.next(state);
            }
            let closing = |slot: &Slot| slot.whose == Whose::Closing && slot.record.is_none();
            let at_work = state.busy > 0 || state.slots.iter().any(closing);
            return Ok(if at_work { Job::Wait } else { Job::Leave });
        }
        if let Some(job) = self.fold(state, false) {
            return Ok(job);
        }
        if !state.ended && self.begin(state)? {
            return self.next(state);
        }
        if let Some(job) = self.fold(state, true) {
            return Ok(job);
        }
        let done = state.ended && state.open == state.slots.len();
        Ok(if done { Job::Leave } else { Job::Wait })
    }

    /// Whether the time is over and something was found.
    fn is_over(&self, state: &State<L::Error>) -> bool {
        let mut done = state.slots.iter().filter_map(|slot| slot.record.as_ref());
        state.open < state.slots.len() && !self.pace.goes_on() && done.any(Record::is_eligible)
    }

    /// Looks at trials that were elsewhere.
    fn ask_again(&self, state: &mut State<L::Error>) -> Result<(), RaceError<L::Error>> {
        for number in state.open..state.slots.len() {
            let Some(slot) = state.slots.get(number) else { continue };
            if slot.whose == Whose::Elsewhere && slot.record.is_none() {
                let claim = self.ledger.claim(number, &slot.trial).map_err(RaceError::Ledger)?;
                self.take(state, number, claim);
            }
        }
        Ok(())
    }

    fn take(&self, state: &mut State<L::Error>, number: usize, claim: Claim) {
        let Some(slot) = state.slots.get_mut(number) else { return };
        match claim {
            Claim::Ours => slot.whose = Whose::Ours,
            Claim::Elsewhere(trial) => (slot.whose, slot.trial) = (Whose::Elsewhere, trial),
            Claim::Done(record) => {
                slot.trial = record.trial.clone();
                self.settle(state, number, *record);
            }
        }
    }

    /// A trial of which everything is known that is going to be.
    fn close(&self, state: &mut State<L::Error>) -> Option<Job> {
        for number in state.open..state.slots.len() {
            let Some(slot) = state.slots.get(number) else { continue };
            if slot.whose != Whose::Ours || slot.record.is_some() {
                continue;
            }
            if let Some(record) = self.judged(state, slot) {
                if let Some(slot) = state.slots.get_mut(number) {
                    slot.whose = Whose::Closing;
                }
                return Some(Job::Close(number, record));
            }
        }
        None
    }

    /// What the folds of a trial come to, once that is certain.
    fn judged(&self, state: &State<L::Error>, slot: &Slot) -> Option<Record> {
        if slot.like.is_some() {
            return slot.like.clone();
        }
        let mut scores = Vec::with_capacity(slot.folds.len());
        let record = |scores: &[FoldScore], end| Record {
            trial: slot.trial.clone(),
            scores: scores.to_vec(),
            figures: BTreeMap::new(),
            end,
        };
        for (at, fold) in slot.folds.iter().enumerate() {
            match fold {
                Fold::Open | Fold::Busy => return None,
                Fold::Done(Err(why)) => return Some(record(&scores, End::Failed(why.clone()))),
                Fold::Done(Ok(found)) => scores.push(found.clone()),
            }
            let before: Vec<&Record> = known(state, slot.known).collect();
            if at + 1 < slot.folds.len() && self.rules.is_hopeless(&slot.trial, &scores, &before) {
                return Some(record(&scores, End::GivenUp));
            }
        }
        Some(record(&scores, End::Scored))
    }

    /// A fold to work on: of each trial the first that is not done or, when nothing better is to be
    /// had, one whose scores may turn out not to be needed.
    fn fold(&self, state: &mut State<L::Error>, ahead: bool) -> Option<Job> {
        if state.busy > 0 && !self.pace.has_room(state.busy) {
            return None;
        }
        for number in state.open..state.slots.len() {
            let slot = state.slots.get_mut(number)?;
            if slot.whose != Whose::Ours || slot.record.is_some() {
                continue;
            }
            let trial = slot.trial.clone();
            let waits = |fold: &&mut Fold| !matches!(fold, Fold::Done(_));
            let mut waiting = slot.folds.iter_mut().enumerate().skip_while(|(_, fold)| {
                let done = matches!(fold, Fold::Done(_));
                done
            });
            let chosen = match ahead {
                false => waiting.next().filter(|(_, fold)| matches!(fold, Fold::Open)),
                true => waiting.find(|(_, fold)| waits(fold) && matches!(fold, Fold::Open)),
            };
            if let Some((at, fold)) = chosen {
                *fold = Fold::Busy;
                state.busy += 1;
                return Some(Job::Fold(number, at, trial));
            }
        }
        None
    }

    /// Chooses the next trial, if enough is known; whether it did.
    fn begin(&self, state: &mut State<L::Error>) -> Result<bool, RaceError<L::Error>> {
        let number = state.slots.len();
        let trials: Vec<&Trial> = state.slots.iter().map(|slot| &slot.trial).collect();
        let records: Vec<&Record> = known(state, state.open).collect();
        let (trial, known) = match self.rules.next(&trials, &records)? {
            Choice::Trial(trial, known) => (trial, known),
            Choice::NotYet => return Ok(false),
            Choice::End => {
                state.ended = true;
                return Ok(true);
            }
        };
        // What was done already takes no time.
        if !self.pace.goes_on() && !self.ledger.reaches(number) {
            state.ended = true;
            return Ok(true);
        }
        let same = |record: &&&Record| record.trial.is_like(&trial);
        let like = records.iter().take(known).find(same).map(|record| (**record).clone());
        let claim = self.ledger.claim(number, &trial).map_err(RaceError::Ledger)?;
        let like = like.map(|record| Record { trial: trial.clone(), ..record });
        let folds = (0..self.rules.folds).map(|_| Fold::Open).collect();
        let whose = Whose::Elsewhere;
        state.slots.push(Slot { trial, known, folds, like, whose, record: None });
        self.take(state, number, claim);
        Ok(true)
    }
}

/// The records of the first trials, so many.
fn known<E>(state: &State<E>, count: usize) -> impl Iterator<Item = &Record> {
    state.slots.iter().take(count).filter_map(|slot| slot.record.as_ref())
}

/// What `work` gives, or the words of its panic.
fn guarded<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        Err(format!("it panicked, which is a bug of ours: {}", words(panic.as_ref())))
    })
}

fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("no message")
}
