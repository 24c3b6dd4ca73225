//! What every store of artifacts promises, held by a folder, a bucket, and a home that keeps its
//! artifacts in either.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use fs_err as fs;
use gristmill_core::{FixedClock, Timestamp};
use gristmill_track::*;

#[cfg(unix)]
use crate::bucket::lake;

/// A moment before and one after everything that a test does.
pub const BEFORE: Timestamp = Timestamp(1);
pub const AFTER: Timestamp = Timestamp(4_000_000_000_000_000);

/// A store with a folder for a test's own files.
pub struct House {
    pub folder: tempfile::TempDir,
    pub store: Arc<dyn ArtifactStore>,
    /// What the store keeps on this machine.
    pub root: PathBuf,
}

impl House {
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// A store of each kind; `name` is that of the bucket, which no other test has.
fn houses(name: &str) -> Vec<House> {
    let mut houses = vec![local(), shared()];
    #[cfg(unix)]
    houses.extend(lake(name));
    houses
}

fn local() -> House {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(LocalArtifacts::in_home(folder.path()));
    let root = folder.path().join("artifacts");
    House { folder, store, root }
}

/// A home that keeps its artifacts in a folder elsewhere.
fn shared() -> House {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("elsewhere");
    let address = format!("file://{}", root.display());
    let clock = Arc::new(FixedClock(BEFORE));
    let home = folder.path().join("home");
    let store = open_artifacts(&home, Some(&address), "us", clock).unwrap();
    House { folder, store, root }
}

/// A folder as a model package has it, with a file below.
pub fn package(root: &Path) {
    fs::create_dir_all(root.join("data/empty")).unwrap();
    fs::write(root.join("model.json"), "{}").unwrap();
    fs::write(root.join("data/golden.arrow"), [0, 1, 2, 255]).unwrap();
}

/// The files below a folder, but for those that say whose artifacts they are.
pub fn files_below(root: &Path) -> usize {
    let below = |entry: std::io::Result<fs::DirEntry>| {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true if path.ends_with("owners") => 0,
            true => files_below(&path),
            false => 1,
        }
    };
    if root.exists() { fs::read_dir(root).unwrap().map(below).sum() } else { 0 }
}

#[tokio::test]
async fn content_is_stored_once_under_its_hash() {
    for house in houses("once") {
        let store = &house.store;
        let content = store.put_bytes(b"roc").await.unwrap();
        assert_eq!((content.hash, content.size), (ContentHash::of(b"roc"), 3));
        let file = house.path("copy.svg");
        fs::write(&file, "roc").unwrap();
        assert_eq!(store.put_file(&file).await.unwrap(), content);
        assert_eq!(store.get(content.hash).await.unwrap(), b"roc");
        assert_eq!(store.find(content.hash).await.unwrap(), Some(content));
        let place = store.local_path(content.hash).await.unwrap();
        assert!(place.ends_with(content.hash.to_string()));
        assert_eq!(fs::read(place).unwrap(), b"roc");
        let listed = store.list().await.unwrap();
        assert_eq!(listed.iter().map(|stored| stored.content).collect::<Vec<_>>(), [content]);
        assert!(listed[0].since > Timestamp(1_700_000_000_000_000), "{listed:?}");
        assert_eq!(files_below(&house.root), 1);
        let address = store.address(&content);
        assert!(address.is_none_or(|address| address.ends_with(&content.hash.to_string())));
    }
}

#[tokio::test]
async fn a_folder_comes_back_as_a_folder() {
    for house in houses("folders") {
        check_folder(&house).await;
    }
    let house = local();
    let store = LocalArtifacts::in_home(house.folder.path()).with_durability(Durability::Power);
    check_folder(&House { store: Arc::new(store), ..house }).await;
}

async fn check_folder(house: &House) {
    let store = &house.store;
    package(&house.path("made"));
    let content = store.put_folder(&house.path("made")).await.unwrap();
    assert_eq!((content.kind, content.size), (ArtifactKind::Folder, 6));
    let again = house.path("made again");
    package(&again);
    assert_eq!(store.put_folder(&again).await.unwrap(), content);
    assert_eq!(store.find(content.hash).await.unwrap(), Some(content));
    let place = store.local_path(content.hash).await.unwrap();
    assert_eq!(fs::read(place.join("data/golden.arrow")).unwrap(), [0, 1, 2, 255]);
    assert_eq!(files_below(&house.root), 2);
    let listed = store.list().await.unwrap();
    assert_eq!(listed.iter().map(|stored| stored.content).collect::<Vec<_>>(), [content]);
    fs::rename(again.join("model.json"), again.join("modell.json")).unwrap();
    assert_ne!(store.put_folder(&again).await.unwrap().hash, content.hash);
    assert!(matches!(store.get(content.hash).await, Err(TrackError::NotFound { .. })));
    store.remove(content.hash).await.unwrap();
    assert_eq!(store.find(content.hash).await.unwrap(), None);
}

#[tokio::test]
async fn a_flipped_byte_is_found() {
    let house = local();
    let store = &house.store;
    package(&house.path("made"));
    let folder = store.put_folder(&house.path("made")).await.unwrap().hash;
    let file = store.put_bytes(b"some bytes").await.unwrap().hash;
    for (hash, victim) in [(folder, "data/golden.arrow"), (file, "")] {
        store.verify(hash).await.unwrap();
        let mut path = store.local_path(hash).await.unwrap();
        if !victim.is_empty() {
            path.push(victim);
        }
        let mut bytes = fs::read(&path).unwrap();
        bytes[1] ^= 1;
        fs::write(&path, bytes).unwrap();
        assert!(matches!(store.verify(hash).await, Err(TrackError::Damaged { .. })));
    }
}

#[tokio::test]
async fn what_is_not_there_is_said() {
    for house in houses("nothing") {
        let store = &house.store;
        let nothing = ContentHash::of(b"nothing");
        assert_eq!(store.find(nothing).await.unwrap(), None);
        for error in [
            store.get(nothing).await.unwrap_err(),
            store.verify(nothing).await.unwrap_err(),
            store.local_path(nothing).await.unwrap_err(),
        ] {
            assert!(matches!(error, TrackError::NotFound { .. }), "{error}");
        }
        store.remove(nothing).await.unwrap();
        assert!(store.list().await.unwrap().is_empty());
        let missing = house.path("missing.csv");
        assert!(store.put_file(&missing).await.unwrap_err().to_string().contains("missing.csv"));
        assert!(store.put_folder(&missing).await.unwrap_err().to_string().contains("missing.csv"));
        assert!(store.put_file(house.folder.path()).await.is_err());
        let kept = store.put_bytes(b"kept").await.unwrap().hash;
        store.remove(kept).await.unwrap();
        assert_eq!(store.find(kept).await.unwrap(), None);
        assert!(matches!(store.local_path(kept).await, Err(TrackError::NotFound { .. })));
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_is_refused_and_nothing_stays_behind() {
    for house in houses("links") {
        let made = house.path("made");
        package(&made);
        std::os::unix::fs::symlink("/etc", made.join("link")).unwrap();
        let error = house.store.put_folder(&made).await.unwrap_err();
        assert!(error.to_string().contains("link"), "{error}");
        assert!(house.store.put_file(&house.path("missing")).await.is_err());
        assert_eq!(files_below(&house.root), 0);
        assert!(house.store.list().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_draft_is_there_whole_or_not_at_all() {
    for house in houses("drafts") {
        let piece: Vec<u8> = (0..200_000_u32).map(|n| (n / 3) as u8).collect();
        for pieces in [0, 1, 4] {
            let all = piece.repeat(pieces);
            let mut draft = house.store.draft();
            let mut dropped = house.store.draft();
            for _ in 0..pieces {
                draft.write(&piece).await.unwrap();
                dropped.write(&piece).await.unwrap();
            }
            assert_eq!(house.store.find(ContentHash::of(&all)).await.unwrap(), None);
            drop(dropped);
            let content = draft.finish().await.unwrap();
            assert_eq!((content.hash, content.size), (ContentHash::of(&all), all.len() as u64));
            assert_eq!(house.store.get(content.hash).await.unwrap(), all);
        }
        assert_eq!(files_below(&house.root), 3);
    }
}

#[tokio::test]
async fn parts_become_a_file_once_all_have_come() {
    for house in houses("parts") {
        let (store, uploads) = (&house.store, house.store.uploads());
        let upload = ContentHash::of(b"an upload");
        assert!(matches!(uploads.part(upload, 1).await, Err(TrackError::NotFound { .. })));
        uploads.begin(upload).await.unwrap();
        let mut tags = Vec::new();
        // In any order, and one of them twice: the last one counts.
        for (number, text) in [(2, "world"), (1, "wrong"), (1, "hello ")] {
            let mut part = uploads.part(upload, number).await.unwrap();
            part.write(text.as_bytes()).await.unwrap();
            tags.push(part.finish().await.unwrap().hash);
        }
        let mut lost = uploads.part(upload, 3).await.unwrap();
        lost.write(b"never finished").await.unwrap();
        drop(lost);
        let [world, wrong, hello] = tags[..] else { panic!("{tags:?}") };
        for parts in [[wrong, world, world], [hello, world, world]] {
            let error = uploads.join(upload, &parts, store.draft()).await.unwrap_err();
            assert!(matches!(error, TrackError::Invalid { .. }), "{error}");
        }
        let content = uploads.join(upload, &[hello, world], store.draft()).await.unwrap();
        assert_eq!(store.get(content.hash).await.unwrap(), b"hello world");
        uploads.end(upload).await.unwrap();
        uploads.end(upload).await.unwrap();
        assert!(matches!(uploads.part(upload, 1).await, Err(TrackError::NotFound { .. })));
        assert_eq!(files_below(&house.root), 1);
    }
}

#[tokio::test]
async fn what_was_never_finished_is_swept_away_once_it_is_old() {
    for house in houses("swept") {
        let (store, uploads) = (&house.store, house.store.uploads());
        let kept = store.put_bytes(b"kept").await.unwrap();
        let upload = ContentHash::of(b"an upload");
        uploads.begin(upload).await.unwrap();
        let mut part = uploads.part(upload, 1).await.unwrap();
        part.write(b"alone").await.unwrap();
        part.finish().await.unwrap();
        // As if a process had died at it.
        fs::create_dir_all(house.root.join("tmp")).unwrap();
        fs::write(house.root.join("tmp/1-0"), "half").unwrap();
        store.sweep(BEFORE).await.unwrap();
        assert_eq!(files_below(&house.root), 3);
        store.sweep(AFTER).await.unwrap();
        assert_eq!(files_below(&house.root), 1);
        assert_eq!(store.get(kept.hash).await.unwrap(), b"kept");
        assert!(uploads.part(upload, 2).await.is_err());
    }
}

#[tokio::test]
async fn it_is_noted_whose_artifacts_they_are() {
    for house in houses("owners") {
        for owner in ["the first", "the second", "the first"] {
            house.store.add_owner(owner).await.unwrap();
        }
        let mut owners = house.store.owners().await.unwrap();
        owners.sort();
        assert_eq!(owners, ["the first", "the second"]);
        assert!(house.store.list().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_home_that_moved_its_artifacts_finds_what_it_had() {
    let folder = tempfile::tempdir().unwrap();
    let open = |address: Option<&str>| {
        let clock = Arc::new(FixedClock(BEFORE));
        open_artifacts(folder.path(), address, "us", clock).unwrap()
    };
    let before = open(None).put_bytes(b"before").await.unwrap();
    let elsewhere = folder.path().join("elsewhere");
    let moved = open(elsewhere.to_str());
    assert_eq!(moved.owners().await.unwrap(), [""; 0], "nothing is stored there yet");
    let after = moved.put_bytes(b"after").await.unwrap();
    assert_eq!(moved.owners().await.unwrap(), ["us"]);
    for content in [before, after] {
        assert_eq!(moved.find(content.hash).await.unwrap(), Some(content));
        moved.verify(content.hash).await.unwrap();
    }
    assert_eq!(moved.get(before.hash).await.unwrap(), b"before");
    assert_eq!(moved.list().await.unwrap().len(), 2);
    assert_eq!(open(None).find(after.hash).await.unwrap(), None);
    moved.remove(before.hash).await.unwrap();
    assert_eq!(open(None).find(before.hash).await.unwrap(), None);
    for wrong in ["gs://bucket/a", "http://host/a", "file://host/a", "s3://", "s3://a?b/c"] {
        let clock = Arc::new(FixedClock(BEFORE));
        let error = open_artifacts(folder.path(), Some(wrong), "us", clock).err().expect(wrong);
        let words = format!("{error} {}", error.hint().unwrap_or_default());
        assert!(words.contains("s3://"), "{words}");
    }
}
