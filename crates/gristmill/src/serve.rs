//! Models that answer requests: which they are, and that they stay those that the registry names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use gristmill_core::{Schema, Table};
use gristmill_ingest::{BodyError, BodyLimits, read_parquet_body};
use gristmill_serve::{Fleet, Refusal, RowsFormat, Served};
pub use gristmill_serve::{HistoryLimits, Limits, Witness};
use gristmill_track::ModelVersion;
use serde::Serialize;

use crate::catalog::catalog;
use crate::clock::SystemClock;
use crate::keeper::Keeper;
use crate::predictions::Terms;
use crate::{Error, Home, Result, models};

mod division;
mod stock;

use self::division::Division;
use self::stock::Registered;

/// How often the registry is asked whether an alias has moved.
const TURN: Duration = Duration::from_millis(500);
/// How long a version stays that answers only those who name it, when nobody does.
const IDLE: Duration = Duration::from_secs(600);

/// Something that a person should know of models that answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum ServeEvent {
    /// A model answers from now on.
    Serving {
        /// Its name.
        model: String,
        /// Its version.
        version: String,
    },
    /// A version was to answer some of the requests, or to be compared, and cannot; the model's own one
    /// answers all.
    LeftOut {
        /// The model.
        model: String,
        /// The version.
        version: String,
        /// Why.
        why: String,
    },
    /// Predictions could not be written to the log; the models go on, and it is tried again.
    Unlogged {
        /// Why.
        why: String,
    },
    /// What a version is asked cannot be held against what it learned from; it goes on to answer.
    Unwatched {
        /// The model.
        model: String,
        /// The version.
        version: String,
        /// Why.
        why: String,
    },
    /// A version is not watched in every way in which its pipeline file says it; it goes on to answer.
    Unheeded {
        /// The model.
        model: String,
        /// The version.
        version: String,
        /// Why.
        why: String,
    },
    /// How well a version answers cannot be estimated; it goes on to answer.
    Unestimated {
        /// The model.
        model: String,
        /// The version.
        version: String,
        /// Why.
        why: String,
    },
    /// What was found of a model cannot be written to the store; it is tried again with the next window.
    Unrecorded {
        /// The model.
        model: String,
        /// Why.
        why: String,
    },
    /// A model was to answer and cannot; the one before it goes on.
    Kept {
        /// Its name.
        model: String,
        /// Why.
        why: String,
    },
}

impl std::fmt::Display for ServeEvent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Serving { model, version } => write!(f, "serving {model}, version {version}"),
            Self::LeftOut { model, version, why } => {
                write!(f, "{model}, version {version}, gets no requests: {why}")
            }
            Self::Unlogged { why } => write!(
                f,
                "predictions cannot be logged now: {why}; the models go on, and /metrics counts what is lost"
            ),
            Self::Unwatched { model, version, why } => {
                write!(f, "drift of {model}, version {version}, cannot be judged: {why}")
            }
            Self::Unheeded { model, version, why } => {
                write!(f, "{model}, version {version}, is not watched as its file says: {why}")
            }
            Self::Unestimated { model, version, why } => {
                write!(f, "performance of {model}, version {version}, cannot be estimated: {why}")
            }
            Self::Unrecorded { model, why } => {
                write!(f, "what was found of {model} cannot be kept now: {why}")
            }
            Self::Kept { model, why } => {
                write!(f, "{model} stays the version that it is: {why}")
            }
        }
    }
}

/// Hears what a person should know.
pub type TellServing = Arc<dyn Fn(&ServeEvent) + Send + Sync>;

/// Models that answer. Whoever holds it keeps them those that the registry names: when an alias moves,
/// its model follows within a second, and requests that are under way end with the model that they began
/// with.
pub struct Counter {
    fleet: Arc<Fleet>,
    stop: Option<Sender<()>>,
    watch: Option<JoinHandle<()>>,
}

impl Counter {
    /// Serves these models, each `name`, `name@alias`, `name/version` or the path of a package.
    ///
    /// # Errors
    /// When one of them is not there, cannot be loaded, or has the name of another.
    pub fn of(
        home: &Home,
        references: &[String],
        limits: Limits,
        tell: TellServing,
    ) -> Result<Self> {
        let fleet = Arc::new(Fleet::new().with_parquet(Arc::new(Parquet)));
        let mut followed = BTreeMap::new();
        for reference in references {
            let (served, follow) = open(home, reference, limits)?;
            if fleet.look(served.name(), None).is_some() {
                let name = served.name();
                return Err(Error::input(format!("two of the models are called `{name}`"))
                    .with_hint("serve one version of a name in a process"));
            }
            tell(&serving(&served));
            if let Some(version) = follow {
                followed.insert(reference.clone(), version);
            }
            fleet.put(served);
        }
        Self::watch(home, fleet, Followed::These(followed), limits, tell)
    }

    /// Serves whatever is registered, each model from the first time that it is asked for. When all that
    /// are loaded take more than `room` bytes, those are let go that were asked for longest ago.
    ///
    /// # Errors
    /// When the store cannot be opened.
    pub fn of_all(
        home: &Home,
        room: Option<u64>,
        limits: Limits,
        tell: TellServing,
    ) -> Result<Self> {
        let stock = Arc::new(Registered::open(home, limits)?);
        let fleet =
            Fleet::with_stock(stock, Arc::new(SystemClock), room).with_parquet(Arc::new(Parquet));
        Self::watch(home, Arc::new(fleet), Followed::AllThatAnswer, limits, tell)
    }

    /// The models, for a server.
    pub fn fleet(&self) -> Arc<Fleet> {
        Arc::clone(&self.fleet)
    }

    fn watch(
        home: &Home,
        fleet: Arc<Fleet>,
        followed: Followed,
        limits: Limits,
        tell: TellServing,
    ) -> Result<Self> {
        if followed.is_nothing() {
            return Ok(Self { fleet, stop: None, watch: None });
        }
        let (stop, stopped) = channel();
        let mut watch = Watch {
            keeper: Keeper::open(home)?,
            fleet: Arc::clone(&fleet),
            followed,
            refused: BTreeMap::new(),
            beside: BTreeSet::new(),
            limits,
            tell,
        };
        watch.turn();
        let turns = move || {
            while stopped.recv_timeout(TURN) == Err(RecvTimeoutError::Timeout) {
                watch.turn();
            }
        };
        let thread = std::thread::Builder::new().name("gristmill-models".into()).spawn(turns)?;
        Ok(Self { fleet, stop: Some(stop), watch: Some(thread) })
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.watch.take() {
            // A thread that panicked has said so already.
            let _ = thread.join();
        }
    }
}

/// What is looked after.
enum Followed {
    /// What these references mean, each with the version that answers.
    These(BTreeMap<String, ModelVersion>),
    /// All models that answer, by their names.
    AllThatAnswer,
}

impl Followed {
    fn is_nothing(&self) -> bool {
        matches!(self, Self::These(none) if none.is_empty())
    }
}

/// Looks whether the registry still names the models that answer.
struct Watch {
    keeper: Keeper,
    fleet: Arc<Fleet>,
    followed: Followed,
    /// Digests of packages that could not be loaded: each is told once.
    refused: BTreeMap<String, String>,
    /// Versions that were loaded beside the models' own ones.
    beside: BTreeSet<(String, u32)>,
    limits: Limits,
    tell: TellServing,
}

impl Watch {
    fn turn(&mut self) {
        self.fleet.let_idle_go(IDLE);
        let references: Vec<String> = match &self.followed {
            Followed::These(followed) => followed.keys().cloned().collect(),
            Followed::AllThatAnswer => {
                self.fleet.list().iter().map(|(served, _)| served.name().to_owned()).collect()
            }
        };
        for reference in references {
            // A store that cannot be asked now can be later; what answers goes on.
            if let Ok(version) = models::referred(&self.keeper, &reference) {
                self.follow(&reference, version);
            }
            // Whoever serves an alias wants its version for all requests.
            if !reference.contains('@')
                && self.fleet.look(&reference, None).is_some()
                && let Ok(division) = Division::of(&self.keeper, &reference)
            {
                self.divide(&reference, division);
            }
        }
    }

    /// Has those versions at hand that the plan of a model names, and divides its requests by it.
    fn divide(&mut self, name: &str, division: Division) {
        // First of all it is known who is in use, so that none of them makes room for another.
        self.fleet.route(name, division.routing);
        for version in &division.versions {
            self.stand_by(version);
        }
        let is_wanted = |of: &str, number: u32| {
            of != name || division.versions.iter().any(|version| version.version == number)
        };
        let (wanted, unwanted): (BTreeSet<_>, BTreeSet<_>) =
            std::mem::take(&mut self.beside).into_iter().partition(|(of, n)| is_wanted(of, *n));
        self.beside = wanted;
        for (of, number) in unwanted {
            self.fleet.drop_version(&of, &number.to_string());
        }
    }

    /// Loads a version that is to answer beside the model's own one.
    fn stand_by(&mut self, version: &ModelVersion) {
        let number = version.version.to_string();
        let reference = format!("{}/{number}", version.model);
        let is_there = self.fleet.look(&version.model, Some(&number)).is_some();
        if is_there || self.refused.get(&reference) == Some(&version.digest) {
            return;
        }
        match load(&self.keeper, version, self.limits) {
            Ok(served) => {
                self.fleet.add(served);
                self.fleet.make_room(&version.model, &number);
                self.beside.insert((version.model.clone(), version.version));
            }
            Err(error) => {
                let (model, why) = (version.model.clone(), error.to_string());
                (self.tell)(&ServeEvent::LeftOut { model, version: number, why });
                self.refused.insert(reference, version.digest.clone());
            }
        }
    }

    fn follow(&mut self, reference: &str, version: ModelVersion) {
        let answering = self.fleet.look(&version.model, None);
        // It was let go meanwhile: whoever asks for it next has it loaded.
        if answering.is_none() && matches!(self.followed, Followed::AllThatAnswer) {
            return;
        }
        let is_answering = answering.is_some_and(|served| {
            served.version() == version.version.to_string()
                && served.info().digest.to_string() == version.digest
        });
        if is_answering || self.refused.get(reference) == Some(&version.digest) {
            return;
        }
        match load(&self.keeper, &version, self.limits) {
            Ok(served) => {
                (self.tell)(&serving(&served));
                let number = served.version().to_owned();
                self.fleet.put(served);
                self.fleet.make_room(&version.model, &number);
                self.refused.remove(reference);
            }
            Err(error) => {
                let why = error.to_string();
                (self.tell)(&ServeEvent::Kept { model: version.model.clone(), why });
                self.refused.insert(reference.to_owned(), version.digest.clone());
            }
        }
        if let Followed::These(followed) = &mut self.followed {
            followed.insert(reference.to_owned(), version);
        }
    }
}

/// The most bytes that rows of Parquet take once they are unpacked: four times what a body may have.
const UNPACKED: u64 = 64 << 20;

/// Reads bodies of Parquet.
#[derive(Debug)]
pub struct Parquet;

impl RowsFormat for Parquet {
    fn read(&self, body: &[u8], wanted: &Schema, most: usize) -> gristmill_serve::Result<Table> {
        let limits = BodyLimits { rows: most, bytes: UNPACKED };
        read_parquet_body(body, wanted, limits).map_err(|error| match error {
            BodyError::TooLarge(message) => Refusal::TooLarge(message),
            BodyError::Unreadable(_) => Refusal::Bad(error.to_string()),
        })
    }
}

/// The model that a reference means, and its version where it is to be followed.
fn open(home: &Home, reference: &str, limits: Limits) -> Result<(Served, Option<ModelVersion>)> {
    let folder = Path::new(reference);
    if folder.join("model.json").is_file() {
        let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or("model");
        return Ok((load_package(name, "1", folder, limits)?, None));
    }
    let keeper = Keeper::open(home)?;
    let version = models::referred(&keeper, reference)?;
    let served = load(&keeper, &version, limits)?;
    // A version by its number stays what it is.
    let moves = !reference.contains('/');
    Ok((served, moves.then_some(version)))
}

fn load(keeper: &Keeper, version: &ModelVersion, limits: Limits) -> Result<Served> {
    let folder = models::package_folder(keeper, version)?;
    let served = load_package(&version.model, &version.version.to_string(), &folder, limits)?;
    // Whoever looks on knows from the first request on what is to be kept of it.
    let terms = Terms::of(keeper, version, served.schema());
    Ok(served.with_companion(Arc::new(terms)))
}

fn load_package(name: &str, version: &str, folder: &Path, limits: Limits) -> Result<Served> {
    let package = gristmill_package::load(folder, &catalog())?;
    Ok(Served::new(name, version, package, limits))
}

fn serving(served: &Served) -> ServeEvent {
    ServeEvent::Serving { model: served.name().into(), version: served.version().into() }
}
