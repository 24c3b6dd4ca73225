//! The models that answer, by name.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use gristmill_core::{Clock, Schema, Table, Timestamp};

pub use self::room::Loaded;
use crate::{Part, Result, Routing, Served};

mod room;

/// Where models come from that are asked for and not there yet.
pub trait Stock: Send + Sync {
    /// The model of this name, of a version where one is named; nothing where there is none. It is called
    /// where it may take its time.
    ///
    /// # Errors
    /// When it is there and cannot be loaded.
    fn load(&self, name: &str, version: Option<&str>) -> Result<Option<Served>>;

    /// How requests to this model are divided among its versions.
    ///
    /// # Errors
    /// When that cannot be known now.
    fn routing(&self, name: &str) -> Result<Routing>;
}

/// A format of rows that is read elsewhere.
pub trait RowsFormat: Send + Sync {
    /// The columns of a body that `wanted` names, as they are stored; one that may be missing need not be in it.
    ///
    /// # Errors
    /// [`crate::Refusal::Bad`] for a body that is not of the format; [`crate::Refusal::TooLarge`] for more than
    /// `most_rows` rows, and for what would take too much memory.
    fn read(&self, body: &[u8], wanted: &Schema, most_rows: usize) -> Result<Table>;
}

/// The models that answer, by name. Of each name one version answers whoever names none; further ones
/// answer whoever names them.
///
/// A request holds the model that it began with until it is answered: a model that is replaced or let go
/// meanwhile answers all of it, and goes when the last such request has ended.
#[derive(Default)]
pub struct Fleet {
    models: RwLock<BTreeMap<String, Versions>>,
    routings: RwLock<BTreeMap<String, Arc<Routing>>>,
    larder: Option<Larder>,
    parquet: Option<Arc<dyn RowsFormat>>,
    /// Held while a model is loaded, so that those who ask for it meanwhile wait for the same one.
    loading: Mutex<()>,
    let_go: AtomicU64,
}

/// Where models come from when they are asked for, and how many may be there.
struct Larder {
    stock: Arc<dyn Stock>,
    clock: Arc<dyn Clock>,
    /// How many bytes they may take together.
    room: Option<u64>,
}

/// Who answers a request.
#[derive(Clone, Debug)]
pub struct Chosen {
    /// The model.
    pub served: Arc<Served>,
    /// As what it does.
    pub part: Part,
    /// A version that is asked the same and whose answers are only compared.
    pub shadow: Option<Arc<Served>>,
}

#[derive(Debug, Default)]
struct Versions {
    /// The one that answers whoever names none.
    current: Option<String>,
    all: BTreeMap<String, Shelf>,
}

#[derive(Debug)]
struct Shelf {
    served: Arc<Served>,
    /// When it was last asked for.
    asked: AtomicI64,
}

impl Versions {
    fn shelf(&self, version: Option<&str>) -> Option<&Shelf> {
        self.all.get(version.or(self.current.as_deref())?)
    }

    fn current(&self) -> Option<Arc<Served>> {
        Some(Arc::clone(&self.shelf(None)?.served))
    }
}

impl Fleet {
    /// No models yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same, with a place where models come from that are asked for and not there. When all that are
    /// there take more than `room` bytes, those go that were asked for longest ago; the one that was
    /// asked for last stays, whatever it takes.
    pub fn with_stock(stock: Arc<dyn Stock>, clock: Arc<dyn Clock>, room: Option<u64>) -> Self {
        Self { larder: Some(Larder { stock, clock, room }), ..Self::default() }
    }

    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<String, Versions>> {
        self.models.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<String, Versions>> {
        self.models.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Timestamp {
        self.larder.as_ref().map_or(Timestamp(0), |larder| larder.clock.now())
    }

    /// The same, reading Parquet by this.
    #[must_use]
    pub fn with_parquet(self, parquet: Arc<dyn RowsFormat>) -> Self {
        Self { parquet: Some(parquet), ..self }
    }

    /// What reads Parquet, if anything does.
    pub fn parquet(&self) -> Option<Arc<dyn RowsFormat>> {
        self.parquet.clone()
    }

    /// Whether models come from elsewhere when they are asked for.
    pub fn has_stock(&self) -> bool {
        self.larder.is_some()
    }

    /// Whether there is something to ask: a model, or a place where models come from.
    pub fn is_ready(&self) -> bool {
        self.has_stock() || !self.read().is_empty()
    }

    /// As [`Fleet::find`], loading the model if need be; that takes its time.
    ///
    /// # Errors
    /// When it is there and cannot be loaded.
    pub fn fetch(&self, name: &str, version: Option<&str>) -> Result<Option<Arc<Served>>> {
        let Some(Larder { stock, .. }) = &self.larder else { return Ok(self.find(name, version)) };
        let _alone = self.loading.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = self.find(name, version) {
            return Ok(Some(found));
        }
        let Some(served) = stock.load(name, version)? else { return Ok(None) };
        let number = served.version().to_owned();
        match version {
            None => {
                self.route(name, stock.routing(name)?);
                self.put(served);
            }
            Some(_) => self.add(served),
        }
        let found = self.find(name, version);
        self.make_room(name, &number);
        Ok(found)
    }

    /// Divides requests to a model among its versions from now on. Those of its versions that are not
    /// there answer nobody; the model's own one answers in their place.
    pub fn route(&self, name: &str, routing: Routing) {
        let mut routings = self.routings.write().unwrap_or_else(PoisonError::into_inner);
        match routing == Routing::default() {
            true => drop(routings.remove(name)),
            false => drop(routings.insert(name.into(), Arc::new(routing))),
        }
    }

    /// How requests to a model are divided; nothing where all go to its own version.
    pub fn routing(&self, name: &str) -> Option<Arc<Routing>> {
        self.routings.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// Who answers a request with this key that names no version of `main`'s model, and who is asked the
    /// same for comparison.
    pub fn choose(&self, main: Arc<Served>, key: &str) -> Chosen {
        let Some(routing) = self.routing(main.name()) else {
            return Chosen { served: main, part: Part::Main, shadow: None };
        };
        let there = |version: &str| self.find(main.name(), Some(version));
        let (part, served) = match routing.choose(main.version(), key) {
            (part, None) => (part, None),
            (part, Some(version)) => match there(version) {
                Some(served) => (part, Some(served)),
                None => (Part::Main, None),
            },
        };
        let served = served.unwrap_or_else(|| Arc::clone(&main));
        let shadow = routing.shadow.as_deref().filter(|shadow| *shadow != served.version());
        Chosen { shadow: shadow.and_then(there), served, part }
    }

    /// The model that answers by this name, of a version where one is named, for somebody who asks it.
    pub fn find(&self, name: &str, version: Option<&str>) -> Option<Arc<Served>> {
        let models = self.read();
        let shelf = models.get(name)?.shelf(version)?;
        shelf.asked.store(self.now().0, Ordering::Relaxed);
        Some(Arc::clone(&shelf.served))
    }

    /// The same for somebody who only looks which it is.
    pub fn look(&self, name: &str, version: Option<&str>) -> Option<Arc<Served>> {
        Some(Arc::clone(&self.read().get(name)?.shelf(version)?.served))
    }

    /// The only model there is, for requests that name none.
    pub fn only(&self) -> Option<Arc<Served>> {
        let models = self.read();
        match models.len() {
            1 => models.values().next().and_then(Versions::current),
            _ => None,
        }
    }

    /// Lets a model answer by its name from now on. The version that did so before goes; the rows that it
    /// has kept go over where they fit.
    pub fn put(&self, served: Served) {
        let mut models = self.write();
        let versions = models.entry(served.name().to_owned()).or_default();
        let shelf = self.shelf(served, versions);
        let version = shelf.served.version().to_owned();
        if let Some(before) = versions.current.replace(version.clone()) {
            versions.all.remove(&before);
        }
        versions.all.insert(version, shelf);
    }

    /// Lets a model answer those who name its version.
    pub fn add(&self, served: Served) {
        let mut models = self.write();
        let versions = models.entry(served.name().to_owned()).or_default();
        let shelf = self.shelf(served, versions);
        versions.all.insert(shelf.served.version().to_owned(), shelf);
    }

    /// A place for a version, which goes on with the rows that the model's own one has kept.
    fn shelf(&self, served: Served, versions: &Versions) -> Shelf {
        let served = Arc::new(served.after(versions.current().as_deref()));
        Shelf { served, asked: AtomicI64::new(self.now().0) }
    }

    /// Lets a version that is not the model's own one answer nobody any more.
    pub fn drop_version(&self, name: &str, version: &str) {
        let mut models = self.write();
        if let Some(versions) = models.get_mut(name)
            && versions.current.as_deref() != Some(version)
        {
            versions.all.remove(version);
            if versions.all.is_empty() {
                models.remove(name);
            }
        }
    }

    /// Lets no model answer by this name any more.
    pub fn remove(&self, name: &str) {
        self.routings.write().unwrap_or_else(PoisonError::into_inner).remove(name);
        self.write().remove(name);
    }

    /// All that answer, by name, each with its versions.
    pub fn list(&self) -> Vec<(Arc<Served>, Vec<String>)> {
        let models = self.read();
        let listed = models.values().filter_map(|versions| {
            Some((versions.current()?, versions.all.keys().cloned().collect()))
        });
        listed.collect()
    }
}
