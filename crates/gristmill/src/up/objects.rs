//! Objects that arrive in a store.
//!
//! A store may answer slowly or not at all, so each trigger asks it on a thread of its own. An object
//! that is listed is whole: nobody sees one that is still being written.

use std::collections::HashSet;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gristmill_ingest::{Object, ObjectPattern, Objects};

use super::arrivals::{Arrival, bounded, shown};
use crate::Result;

/// How long a store is left alone between two listings.
const EVERY: Duration = Duration::from_secs(15);

/// The newest listing that nobody has looked at yet.
type Latest = Arc<Mutex<Option<Result<Vec<Arrival>>>>>;

/// A pattern's objects that are new.
pub(crate) struct ObjectWatch {
    /// Objects that were there or have been taken up.
    known: HashSet<String>,
    latest: Latest,
    /// Whether the last listing failed.
    away: bool,
    news: Vec<String>,
    address: String,
    /// The thread ends when this is dropped.
    _stop: Sender<()>,
}

impl ObjectWatch {
    /// Begins to look at the objects that `address` means.
    ///
    /// # Errors
    /// When it means none.
    pub fn start(address: &str, known: &[String]) -> Result<Self> {
        let pattern = ObjectPattern::parse(address)?;
        let (latest, (stop, stopped)) = (Latest::default(), channel());
        let filled = Arc::clone(&latest);
        std::thread::Builder::new()
            .name("objects".into())
            .spawn(move || keep_looking(&pattern, &filled, &stopped))?;
        let known = known.iter().cloned().collect();
        let (away, news, address) = (false, Vec::new(), address.to_string());
        Ok(Self { known, latest, away, news, address, _stop: stop })
    }

    /// The objects that have arrived as of the newest listing, until they are said to be taken.
    pub fn look(&mut self) -> Vec<Arrival> {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner).take();
        let (found, news) = match latest {
            None => return Vec::new(),
            Some(Err(error)) => {
                let again = format!("{}; it is tried again every {EVERY:?}", error.message);
                (Vec::new(), (!self.away).then_some((true, again)))
            }
            Some(Ok(found)) => {
                let again = format!("`{}` can be listed again", self.address);
                (found, self.away.then_some((false, again)))
            }
        };
        if let Some((away, text)) = news {
            self.away = away;
            self.news.push(text);
        }
        found.into_iter().filter(|object| !self.known.contains(&object.key)).collect()
    }

    /// A run for this state of an object has been claimed, by whomever.
    pub fn taken(&mut self, key: &str) {
        self.known.insert(key.into());
    }

    /// That the store went away or came back, since this was last asked.
    pub fn take_news(&mut self) -> Vec<String> {
        std::mem::take(&mut self.news)
    }
}

/// The keys of objects that are there now.
///
/// # Errors
/// When the store cannot be asked, or they are too many to remember.
pub(crate) fn present(address: &str) -> Result<Vec<String>> {
    let objects = Objects::open(ObjectPattern::parse(address)?)?.list()?;
    bounded(address, objects.into_iter().map(|object| arrival(object).key).collect())
}

/// Lists again and again until nobody is left to look at it.
fn keep_looking(pattern: &ObjectPattern, latest: &Latest, stopped: &Receiver<()>) {
    let mut objects: Option<Objects> = None;
    loop {
        let listed = match &objects {
            Some(objects) => list(objects),
            None => Objects::open(pattern.clone())
                .map_err(Into::into)
                .and_then(|opened| list(objects.insert(opened))),
        };
        *latest.lock().unwrap_or_else(PoisonError::into_inner) = Some(listed);
        if stopped.recv_timeout(EVERY) != Err(RecvTimeoutError::Timeout) {
            return;
        }
    }
}

fn list(objects: &Objects) -> Result<Vec<Arrival>> {
    Ok(objects.list()?.into_iter().map(arrival).collect())
}

/// An object by what tells this state of it from every other: address, size and content.
fn arrival(object: Object) -> Arrival {
    let Object { address, size, modified, etag } = object;
    let etag = etag.unwrap_or_else(|| modified.to_string());
    let key = format!("{} {size} {}", shown(&address), shown(etag.trim_matches('"')));
    Arrival { key, location: address, size, modified }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    fn watch(known: &[String]) -> ObjectWatch {
        ObjectWatch {
            known: known.iter().cloned().collect(),
            latest: Latest::default(),
            away: false,
            news: Vec::new(),
            address: "s3://lake/*.csv".into(),
            _stop: channel().0,
        }
    }

    fn object(name: &str, etag: &str) -> Arrival {
        let address = format!("s3://lake/{name}");
        arrival(Object { address, size: 3, modified: 7, etag: Some(format!("\"{etag}\"")) })
    }

    #[test]
    fn an_object_counts_once_and_again_with_another_content() {
        let (old, new) = (object("old.csv", "a"), object("new.csv", "a"));
        assert_eq!(old.key, "s3://lake/old.csv 3 a");
        let mut watch = watch(std::slice::from_ref(&old.key));
        let mut look = |listed: &[&Arrival]| {
            *watch.latest.lock().unwrap() = Some(Ok(listed.iter().copied().cloned().collect()));
            let arrived = watch.look();
            assert!(watch.look().is_empty(), "nothing new was listed");
            arrived.iter().for_each(|object| watch.taken(&object.key));
            arrived.into_iter().map(|object| object.location).collect::<Vec<_>>()
        };
        assert!(look(&[&old]).is_empty());
        assert_eq!(look(&[&old, &new]), ["s3://lake/new.csv"]);
        assert!(look(&[&old, &new]).is_empty());
        assert_eq!(look(&[&object("old.csv", "b"), &new]), ["s3://lake/old.csv"]);
    }

    #[test]
    fn that_a_store_is_away_is_said_when_it_begins_and_when_it_ends() {
        let mut watch = watch(&[]);
        let mut news = |listed: Result<Vec<Arrival>>| {
            *watch.latest.lock().unwrap() = Some(listed);
            watch.look();
            watch.take_news()
        };
        let away = |why: &str| Err(Error::input(why));
        assert!(news(Ok(Vec::new())).is_empty());
        assert_eq!(news(away("gone")), ["gone; it is tried again every 15s"]);
        assert!(news(away("gone")).is_empty() && news(away("still gone")).is_empty());
        assert_eq!(news(Ok(Vec::new())), ["`s3://lake/*.csv` can be listed again"]);
        assert_eq!(news(away("gone")).len(), 1, "and once more the next time");
    }
}
