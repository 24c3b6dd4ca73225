//! The models that answer, by name.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use gristmill_core::{Schema, Table};

use crate::{Result, Served};

/// Where models come from that are asked for and not there yet.
pub trait Stock: Send + Sync {
    /// The model of this name, of a version where one is named; nothing where there is none. It is called
    /// where it may take its time.
    ///
    /// # Errors
    /// When it is there and cannot be loaded.
    fn load(&self, name: &str, version: Option<&str>) -> Result<Option<Served>>;
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
/// A request holds the model that it began with until it is answered: a model that is replaced meanwhile
/// answers all of it, and goes when the last such request has ended.
#[derive(Default)]
pub struct Fleet {
    models: RwLock<BTreeMap<String, Versions>>,
    stock: Option<Arc<dyn Stock>>,
    parquet: Option<Arc<dyn RowsFormat>>,
    /// Held while a model is loaded, so that those who ask for it meanwhile wait for the same one.
    loading: Mutex<()>,
}

#[derive(Clone, Debug, Default)]
struct Versions {
    current: Option<Arc<Served>>,
    all: BTreeMap<String, Arc<Served>>,
}

impl Fleet {
    /// No models yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same, with a place where models come from that are asked for and not there.
    pub fn with_stock(stock: Arc<dyn Stock>) -> Self {
        Self { stock: Some(stock), ..Self::default() }
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
        self.stock.is_some()
    }

    /// Whether there is something to ask: a model, or a place where models come from.
    pub fn is_ready(&self) -> bool {
        self.has_stock() || !self.models.read().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// As [`Fleet::find`], loading the model if need be; that takes its time.
    ///
    /// # Errors
    /// When it is there and cannot be loaded.
    pub fn fetch(&self, name: &str, version: Option<&str>) -> Result<Option<Arc<Served>>> {
        let Some(stock) = &self.stock else { return Ok(self.find(name, version)) };
        let _alone = self.loading.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = self.find(name, version) {
            return Ok(Some(found));
        }
        let Some(served) = stock.load(name, version)? else { return Ok(None) };
        match version {
            None => self.put(served),
            Some(_) => self.add(served),
        }
        Ok(self.find(name, version))
    }

    /// The model that answers by this name, of a version where one is named.
    pub fn find(&self, name: &str, version: Option<&str>) -> Option<Arc<Served>> {
        let models = self.models.read().unwrap_or_else(PoisonError::into_inner);
        let versions = models.get(name)?;
        match version {
            None => versions.current.clone(),
            Some(version) => versions.all.get(version).cloned(),
        }
    }

    /// The only model there is, for requests that name none.
    pub fn only(&self) -> Option<Arc<Served>> {
        let models = self.models.read().unwrap_or_else(PoisonError::into_inner);
        match models.len() {
            1 => models.values().next().and_then(|versions| versions.current.clone()),
            _ => None,
        }
    }

    /// Lets a model answer by its name from now on. The version that did so before goes; the rows that it
    /// has kept go over where they fit.
    pub fn put(&self, served: Served) {
        let mut models = self.models.write().unwrap_or_else(PoisonError::into_inner);
        let versions = models.entry(served.name().to_owned()).or_default();
        let served = Arc::new(served.after(versions.current.as_deref()));
        if let Some(before) = versions.current.replace(Arc::clone(&served)) {
            versions.all.remove(before.version());
        }
        versions.all.insert(served.version().to_owned(), served);
    }

    /// Lets a model answer those who name its version.
    pub fn add(&self, served: Served) {
        let mut models = self.models.write().unwrap_or_else(PoisonError::into_inner);
        let versions = models.entry(served.name().to_owned()).or_default();
        let served = Arc::new(served.after(versions.current.as_deref()));
        versions.all.insert(served.version().to_owned(), served);
    }

    /// Lets no model answer by this name any more.
    pub fn remove(&self, name: &str) {
        self.models.write().unwrap_or_else(PoisonError::into_inner).remove(name);
    }

    /// All that answer, by name, each with its versions.
    pub fn list(&self) -> Vec<(Arc<Served>, Vec<String>)> {
        let models = self.models.read().unwrap_or_else(PoisonError::into_inner);
        let listed = models.values().filter_map(|versions| {
            let current = versions.current.clone()?;
            Some((current, versions.all.keys().cloned().collect()))
        });
        listed.collect()
    }
}
