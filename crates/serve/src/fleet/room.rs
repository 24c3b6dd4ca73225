//! Which models are let go when others need the room, or when nobody asks for them.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{Fleet, Shelf, Versions};

/// A version that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// The model's name.
    pub name: String,
    /// The version.
    pub version: String,
    /// About how many bytes it takes ([`crate::Served::bytes`]).
    pub bytes: u64,
}

impl Fleet {
    /// Lets models and versions go until the others find room; the version that is named stays, and its
    /// model's own one.
    pub fn make_room(&self, name: &str, version: &str) {
        let Some(room) = self.larder.as_ref().and_then(|larder| larder.room) else { return };
        loop {
            let loaded = self.loaded();
            let bytes: u64 = loaded.iter().map(|loaded| loaded.bytes).sum();
            if bytes <= room || !self.let_one_go(name, version) {
                return;
            }
        }
    }

    /// Lets go what was asked for longest ago, but for the version that is named and its model's own one: a
    /// version beside that, or another model with all of its versions. Whether there was any.
    fn let_one_go(&self, name: &str, version: &str) -> bool {
        let mut oldest: Option<(i64, String, Option<String>)> = None;
        for (model, versions) in self.read().iter() {
            let in_use = self.in_use(model, versions);
            let asked = |shelf: &Shelf| shelf.asked.load(Ordering::Relaxed);
            let beside = versions.all.iter().filter(|(number, _)| !in_use.contains(number));
            let beside = beside.filter(|(number, _)| model != name || *number != version);
            let beside = beside.map(|(number, shelf)| (asked(shelf), Some(number.clone())));
            let whole =
                in_use.iter().filter_map(|number| versions.all.get(*number)).map(asked).max();
            let whole = whole.filter(|_| model != name).map(|asked| (asked, None));
            for (asked, number) in beside.chain(whole) {
                if oldest.as_ref().is_none_or(|(before, ..)| asked < *before) {
                    oldest = Some((asked, model.clone(), number));
                }
            }
        }
        let Some((_, model, number)) = oldest else { return false };
        match number {
            Some(number) => self.drop_version(&model, &number),
            None => self.remove(&model),
        }
        self.let_go.fetch_add(1, Ordering::Relaxed);
        true
    }

    /// The versions that answer by the model's name alone, or are compared with those that do.
    fn in_use<'a>(&self, name: &str, versions: &'a Versions) -> Vec<&'a String> {
        let routing = self.routing(name);
        let routed = |number: &str| {
            routing.as_ref().is_some_and(|routing| {
                routing.shadow.as_deref() == Some(number)
                    || routing.split.as_ref().is_some_and(|split| split.version == number)
            })
        };
        let in_use =
            |number: &&String| versions.current.as_ref() == Some(*number) || routed(number);
        versions.all.keys().filter(in_use).collect()
    }

    /// Lets go versions that answer only those who name them, and that nobody has named for so long.
    /// Nothing happens where models do not come when they are asked for.
    pub fn let_idle_go(&self, idle: Duration) {
        if !self.has_stock() {
            return;
        }
        let idle = i64::try_from(idle.as_micros()).unwrap_or(i64::MAX);
        let before = self.now().0.saturating_sub(idle);
        let mut gone = Vec::new();
        for (name, versions) in self.read().iter() {
            let in_use = self.in_use(name, versions);
            let idle = versions.all.iter().filter(|(number, shelf)| {
                !in_use.contains(number) && shelf.asked.load(Ordering::Relaxed) < before
            });
            gone.extend(idle.map(|(number, _)| (name.clone(), number.clone())));
        }
        for (name, number) in gone {
            self.drop_version(&name, &number);
            self.let_go.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// All versions that are there, by name and version.
    pub fn loaded(&self) -> Vec<Loaded> {
        let models = self.read();
        let shelves = models.values().flat_map(|versions| versions.all.values());
        let loaded = shelves.map(|Shelf { served, .. }| Loaded {
            name: served.name().to_owned(),
            version: served.version().to_owned(),
            bytes: served.bytes(),
        });
        loaded.collect()
    }

    /// How often a model or a version was let go, for want of room or since nobody asked for it.
    pub fn let_go(&self) -> u64 {
        self.let_go.load(Ordering::Relaxed)
    }
}
