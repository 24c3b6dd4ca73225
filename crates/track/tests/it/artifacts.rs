//! Artifacts in a local folder.

use std::path::Path;

use fs_err as fs;
use gristmill_track::*;

fn store() -> (tempfile::TempDir, LocalArtifacts) {
    let home = tempfile::tempdir().unwrap();
    let store = LocalArtifacts::in_home(home.path());
    (home, store)
}

/// A folder as a model package has it, with a file below.
fn package(root: &Path) {
    fs::create_dir_all(root.join("data/empty")).unwrap();
    fs::write(root.join("model.json"), "{}").unwrap();
    fs::write(root.join("data/golden.arrow"), [0, 1, 2, 255]).unwrap();
}

fn files_below(root: &Path) -> usize {
    let below = |entry: std::io::Result<fs::DirEntry>| {
        let path = entry.unwrap().path();
        if path.is_dir() { files_below(&path) } else { 1 }
    };
    fs::read_dir(root).unwrap().map(below).sum()
}

#[tokio::test]
async fn content_is_stored_once_under_its_hash() {
    let (home, store) = store();
    let content = store.put_bytes(b"roc").await.unwrap();
    assert_eq!((content.hash, content.size), (ContentHash::of(b"roc"), 3));
    let file = home.path().join("copy.svg");
    fs::write(&file, "roc").unwrap();
    assert_eq!(store.put_file(&file).await.unwrap(), content);
    assert_eq!(store.get(content.hash).await.unwrap(), b"roc");
    assert_eq!(store.find(content.hash).await.unwrap(), Some(content));
    let name = content.hash.to_string();
    let place = home.path().join("artifacts").join(&name[..2]).join(&name);
    assert_eq!(store.local_path(content.hash).await.unwrap(), place);
    assert_eq!(files_below(&home.path().join("artifacts")), 1);
}

#[tokio::test]
async fn a_folder_comes_back_as_a_folder() {
    for durability in [Durability::Process, Durability::Power] {
        let (home, store) = store();
        let store = store.with_durability(durability);
        package(&home.path().join("made"));
        let content = store.put_folder(&home.path().join("made")).await.unwrap();
        assert_eq!((content.kind, content.size), (ArtifactKind::Folder, 6));
        let again = home.path().join("made again");
        package(&again);
        assert_eq!(store.put_folder(&again).await.unwrap(), content);
        let place = store.local_path(content.hash).await.unwrap();
        assert_eq!(fs::read(place.join("data/golden.arrow")).unwrap(), [0, 1, 2, 255]);
        assert_eq!(files_below(&home.path().join("artifacts")), 2);
        fs::rename(again.join("model.json"), again.join("modell.json")).unwrap();
        assert_ne!(store.put_folder(&again).await.unwrap().hash, content.hash);
        assert!(matches!(store.get(content.hash).await, Err(TrackError::NotFound { .. })));
    }
}

#[tokio::test]
async fn a_flipped_byte_is_found() {
    let (home, store) = store();
    package(&home.path().join("made"));
    let folder = store.put_folder(&home.path().join("made")).await.unwrap().hash;
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
    let (home, store) = store();
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
    let missing = home.path().join("missing.csv");
    assert!(store.put_file(&missing).await.unwrap_err().to_string().contains("missing.csv"));
    assert!(store.put_folder(&missing).await.unwrap_err().to_string().contains("missing.csv"));
    assert!(store.put_file(home.path()).await.is_err());
    let kept = store.put_bytes(b"kept").await.unwrap().hash;
    store.remove(kept).await.unwrap();
    assert_eq!(store.find(kept).await.unwrap(), None);
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_is_refused_and_nothing_stays_behind() {
    let (home, store) = store();
    let made = home.path().join("made");
    package(&made);
    std::os::unix::fs::symlink("/etc", made.join("link")).unwrap();
    let error = store.put_folder(&made).await.unwrap_err();
    assert!(error.to_string().contains("link"), "{error}");
    let missing = home.path().join("missing");
    assert!(store.put_file(&missing).await.is_err());
    let root = home.path().join("artifacts");
    assert!(!root.exists() || files_below(&root) == 0);
}
