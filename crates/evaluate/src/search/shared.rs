//! Folds whose fitted steps all trials share: what two pipelines have in common from the first step on
//! is fitted once a fold.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use gristmill_core::{
    Error, FittedPipeline, Notes, Pipeline, Result, Seed, Stem, Table, Target, TargetSpec, Task,
};

use super::FoldScore;
use crate::curves::Draw;
use crate::{Fold, Metric, score_fitted};

/// The folds of one table, and the fitted steps that are kept for whoever needs them next.
#[derive(Debug)]
pub struct SharedFolds<'a> {
    table: &'a Table,
    target: &'a TargetSpec,
    folds: Vec<Fold>,
    /// The answers of the rows that test each fold, once somebody asked for them.
    known: Vec<OnceLock<Result<Arc<Target>>>>,
    draw: Draw,
    seed: Seed,
    stems: Mutex<Stems>,
}

/// A pipeline with the settings of each of its steps, by which others are known to share them.
#[derive(Debug)]
pub struct Named<'a> {
    /// The pipeline.
    pub pipeline: &'a Pipeline,
    /// What each of its transforms is, in order: equal texts mean equal steps.
    pub steps: &'a [String],
}

/// What one fold of one trial came to.
#[derive(Debug)]
pub struct Scored {
    /// The scores.
    pub scores: FoldScore,
    /// What was scored.
    pub fitted: FittedPipeline,
}

impl<'a> SharedFolds<'a> {
    /// These folds of `table`. Trials on a share of the rows learn from what `draw` gives of them; no
    /// more than about `most_bytes` of transformed rows are kept.
    pub fn new(
        table: &'a Table,
        target: &'a TargetSpec,
        folds: Vec<Fold>,
        draw: Draw,
        seed: Seed,
        most_bytes: usize,
    ) -> Self {
        let stems = Mutex::new(Stems { most_bytes, ..Stems::default() });
        let known = folds.iter().map(|_| OnceLock::new()).collect();
        Self { table, target, folds, known, draw, seed, stems }
    }

    /// How many folds there are.
    pub fn len(&self) -> usize {
        self.folds.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.folds.is_empty()
    }

    /// How many steps were fitted, and how often one was there already.
    pub fn counts(&self) -> (usize, usize) {
        let stems = self.stems.lock().unwrap_or_else(PoisonError::into_inner);
        (stems.fitted, stems.shared)
    }

    /// What `named`, fitted to a share of the rows of fold `at` that train, scores on those that test.
    ///
    /// Two callers who need the same step at once wait for each other, so it must not be called from
    /// inside a pool of threads; the work itself is done in the one of rayon.
    ///
    /// # Errors
    /// As [`Pipeline::fit`] and [`Metric::compute`].
    pub fn score(
        &self,
        named: &Named<'_>,
        metrics: &[Metric],
        at: usize,
        share: f64,
        notes: &Notes,
    ) -> Result<Scored> {
        let stem = self.stem(named, at, share, notes)?;
        rayon::scope(|_| {
            let fitted = stem.fit(named.pipeline, notes)?;
            let test = self.folds.get(at).map(|fold| fold.test.as_slice()).unwrap_or_default();
            let scores = if self.target.task() == Task::Unsupervised {
                score_fitted(metrics, &fitted, &self.table.take(test)?)?
            } else {
                let known = self.known(at)?;
                crate::score(metrics, self.target, &known, &stem.answers(&fitted)?)?
            };
            Ok(Scored { scores, fitted })
        })
    }

    /// The answers of the rows that test fold `at`.
    fn known(&self, at: usize) -> Result<Arc<Target>> {
        let test = self.folds.get(at).map(|fold| fold.test.as_slice()).unwrap_or_default();
        let find = || self.target.apply(&self.table.take(test)?).map(Arc::new);
        self.known.get(at).map_or_else(find, |known| known.get_or_init(find).clone())
    }

    /// The fitted steps, out of what is kept as far as it goes.
    fn stem(&self, named: &Named<'_>, at: usize, share: f64, notes: &Notes) -> Result<Arc<Stem>> {
        let pipeline = named.pipeline;
        let (schema, task) = (self.table.schema(), self.target.task());
        pipeline.check(schema, task)?;
        let held = pipeline.estimator().and_then(|e| e.validation_share());
        let input = pipeline.input(schema)?;
        let root = format!("{at} {share} {held:?} {:?}", input.names());
        let keys = keys(root, named.steps);
        // Somebody may have been as far as here, or further, already.
        let far = self.lock().furthest(&keys);
        let mut stem: Option<Arc<Stem>> = None;
        for (steps, key) in keys.iter().enumerate().skip(far) {
            let make = || match &stem {
                None if steps > 0 => self.again(pipeline, at, share, steps, notes),
                None => self.root(pipeline, at, share),
                Some(stem) => Stem::grow(stem, pipeline, notes),
            };
            let next = self.kept(key, || rayon::scope(|_| make().map(Arc::new)))?;
            stem = Some(next);
        }
        self.lock().shared += far;
        stem.ok_or_else(|| Error::Bug("a pipeline without a beginning".into()))
    }

    /// The first steps, where what was kept of them went in between.
    fn again(
        &self,
        pipeline: &Pipeline,
        at: usize,
        share: f64,
        steps: usize,
        notes: &Notes,
    ) -> Result<Stem> {
        let root = self.root(pipeline, at, share)?;
        (0..steps).try_fold(root, |stem, _| stem.grow(pipeline, notes))
    }

    /// Takes up a stem of fold `at` that was fitted before, by steps that are these.
    pub fn take_up(&self, at: usize, steps: &[String], stem: Arc<Stem>) {
        let root = format!("{at} {} {:?} {:?}", 1.0, None::<f64>, stem.input().names());
        let Some(key) = keys(root, steps).pop() else { return };
        let bytes = stem.bytes();
        let mut stems = self.lock();
        let place = stems.place(&key);
        *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(Ok(stem));
        stems.made(&key, bytes);
        stems.fitted -= 1;
    }

    fn root(&self, pipeline: &Pipeline, at: usize, share: f64) -> Result<Stem> {
        let none = Fold::default();
        let fold = self.folds.get(at).unwrap_or(&none);
        let seed = self.seed.named("share").numbered(at as u64);
        let drawn;
        let train = match share < 1.0 {
            true => {
                drawn = self.draw.share_of(&fold.train, share, seed);
                &drawn
            }
            false => &fold.train,
        };
        Stem::new(pipeline, self.table, self.target, train, &fold.test)
    }

    /// The stem under this key, made by the first who needs it; others wait for that.
    fn kept(&self, key: &str, make: impl FnOnce() -> Result<Arc<Stem>>) -> Result<Arc<Stem>> {
        let place = self.lock().place(key);
        let mut place = place.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = place.as_ref() {
            self.lock().shared += 1;
            return known.clone();
        }
        let made = make();
        *place = Some(made.clone());
        drop(place);
        let bytes = made.as_ref().map_or(0, |stem| stem.bytes());
        self.lock().made(key, bytes);
        made
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Stems> {
        self.stems.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The name of a stem after none of these steps, after the first, and so on.
fn keys(root: String, steps: &[String]) -> Vec<String> {
    let mut keys = vec![root];
    for step in steps {
        let before = keys.last().map(String::as_str).unwrap_or_default();
        keys.push(format!("{before}\n{step}"));
    }
    keys
}

/// Where a stem stands, or is about to.
type Place = Arc<Mutex<Option<Result<Arc<Stem>>>>>;

/// The stems that are kept, those that were used last.
#[derive(Debug, Default)]
struct Stems {
    most_bytes: usize,
    bytes: usize,
    /// Counts uses.
    clock: u64,
    places: HashMap<String, Kept>,
    fitted: usize,
    shared: usize,
}

#[derive(Debug)]
struct Kept {
    place: Place,
    made: bool,
    bytes: usize,
    used: u64,
}

impl Stems {
    fn place(&mut self, key: &str) -> Place {
        self.clock += 1;
        let used = self.clock;
        let kept = self.places.entry(key.to_owned());
        let kept =
            kept.or_insert_with(|| Kept { place: Place::default(), made: false, bytes: 0, used });
        kept.used = used;
        Arc::clone(&kept.place)
    }

    /// The last of these that is there; the first when none is.
    fn furthest(&self, keys: &[String]) -> usize {
        let there = |key: &String| self.places.get(key).is_some_and(|kept| kept.made);
        keys.iter().rposition(there).unwrap_or_default()
    }

    /// Counts what was made, and lets go of what nobody used for the longest time.
    fn made(&mut self, key: &str, bytes: usize) {
        self.fitted += 1;
        if let Some(kept) = self.places.get_mut(key) {
            kept.made = true;
            kept.bytes = bytes;
            self.bytes += bytes;
        }
        while self.bytes > self.most_bytes {
            let others = self.places.iter().filter(|(name, kept)| *name != key && kept.bytes > 0);
            let oldest = others.min_by_key(|(_, kept)| kept.used).map(|(name, _)| name.clone());
            let Some(gone) = oldest.and_then(|name| self.places.remove(&name)) else { break };
            self.bytes -= gone.bytes;
        }
    }
}
