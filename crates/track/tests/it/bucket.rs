//! What may happen to artifacts in a bucket alone, held against moto's server, which answers as S3
//! does.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use fs_err as fs;
use gristmill_core::{Clock, FixedClock};
use gristmill_testkit::s3::{S3, SECRET};
use gristmill_track::*;

use crate::artifacts::{AFTER, BEFORE, House, files_below, package};

/// What all keys begin with.
const PREFIX: &str = "team/runs";

fn open(address: &str, bucket: &str, copies: &Path, clock: Arc<dyn Clock>) -> BucketArtifacts {
    let variables = S3::variables(address);
    let variables: Vec<(&str, &str)> = variables.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let address = format!("s3://{bucket}/{PREFIX}");
    BucketArtifacts::open_with(&address, copies, clock, &variables).unwrap()
}

fn never() -> Arc<dyn Clock> {
    Arc::new(FixedClock(BEFORE))
}

/// A store in a new bucket; none where there is no server.
pub fn lake(name: &str) -> Option<House> {
    let server = S3::shared()?;
    let bucket = format!("lake-{name}");
    server.put(&format!("/{bucket}"), b"");
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("copies");
    let store = Arc::new(open(server.address(), &bucket, &root, never()));
    Some(House { folder, store, root })
}

/// The same bucket as another machine sees it, which has no copies.
fn elsewhere(name: &str) -> (tempfile::TempDir, BucketArtifacts) {
    let folder = tempfile::tempdir().unwrap();
    let server = S3::shared().unwrap();
    let store = open(server.address(), &format!("lake-{name}"), &folder.path().join("c"), never());
    (folder, store)
}

/// The path of an object on the server.
fn object(name: &str, key: &str) -> String {
    format!("/lake-{name}/{PREFIX}/{key}")
}

#[tokio::test]
async fn another_machine_finds_files_and_folders() {
    let Some(house) = lake("two") else { return };
    package(&house.path("made"));
    let folder = house.store.put_folder(&house.path("made")).await.unwrap();
    let file = house.store.put_bytes(b"a file").await.unwrap();
    let (home, other) = elsewhere("two");
    assert_eq!(other.get(file.hash).await.unwrap(), b"a file");
    let place = other.local_path(folder.hash).await.unwrap();
    assert!(place.starts_with(home.path()));
    assert_eq!(fs::read(place.join("data/golden.arrow")).unwrap(), [0, 1, 2, 255]);
    assert_eq!(fs::read(place.join("model.json")).unwrap(), b"{}");
    assert_eq!(files_below(home.path()), 3);
    let link = other.link(&file, std::time::Duration::from_secs(60)).await.unwrap().unwrap();
    assert!(link.contains(&file.hash.to_string()) && !link.contains(SECRET), "{link}");
}

#[tokio::test]
async fn a_folder_of_which_some_files_came_is_not_there() {
    let Some(house) = lake("half") else { return };
    package(&house.path("made"));
    let folder = house.store.put_folder(&house.path("made")).await.unwrap();
    let server = S3::shared().unwrap();
    server.remove(&object("half", &format!("folders/{}/manifest.json", folder.hash)));
    let (_home, other) = elsewhere("half");
    assert_eq!(other.find(folder.hash).await.unwrap(), None);
    assert!(matches!(other.local_path(folder.hash).await, Err(TrackError::NotFound { .. })));
    assert!(other.list().await.unwrap().is_empty());
    other.sweep(BEFORE).await.unwrap();
    assert_eq!(server.keys("lake-half").len(), 2);
    other.sweep(AFTER).await.unwrap();
    assert_eq!(server.keys("lake-half"), [""; 0]);
    // Whoever stores it again makes it whole.
    assert_eq!(other.put_folder(&house.path("made")).await.unwrap(), folder);
    other.verify(folder.hash).await.unwrap();
}

#[tokio::test]
async fn an_object_that_was_damaged_is_refused_and_leaves_no_copy() {
    let Some(house) = lake("damaged") else { return };
    package(&house.path("made"));
    let folder = house.store.put_folder(&house.path("made")).await.unwrap().hash;
    let file = house.store.put_bytes(b"some bytes").await.unwrap().hash;
    let server = S3::shared().unwrap();
    let manifest = format!("folders/{folder}/manifest.json");
    let list = server.get(&object("damaged", &manifest)).unwrap();
    let list = String::from_utf8(list).unwrap();
    let climbing = list.replace("model.json", "../../x.json");
    for (hash, key, body) in [
        (file, format!("files/{file}"), "sOme bytes"),
        (file, format!("files/{file}"), "some"),
        (folder, format!("folders/{folder}/0"), "none of ours"),
        (folder, manifest.clone(), &list.replace("model.json", "other.json")),
        (folder, manifest.clone(), &climbing),
        (folder, manifest.clone(), "no list"),
    ] {
        server.put(&object("damaged", &key), body.as_bytes());
        let (home, other) = elsewhere("damaged");
        for error in
            [other.verify(hash).await.unwrap_err(), other.local_path(hash).await.unwrap_err()]
        {
            assert!(matches!(error, TrackError::Damaged { .. }), "{key}: {error}");
            assert!(error.to_string().contains(&format!("s3://lake-damaged/{PREFIX}/{key}")));
        }
        assert_eq!(files_below(home.path()), 0, "{key}");
        // What has a copy that was found right is still there.
        house.store.local_path(hash).await.unwrap();
    }
}

#[tokio::test]
async fn a_large_file_goes_and_comes_in_pieces() {
    let Some(house) = lake("large") else { return };
    let bytes: Vec<u8> = (0..40_000_000_u32).map(|n| (n / 7) as u8).collect();
    fs::write(house.path("large"), &bytes).unwrap();
    let content = house.store.put_file(&house.path("large")).await.unwrap();
    assert_eq!(content.hash, ContentHash::of(&bytes));
    let (_home, other) = elsewhere("large");
    assert!(other.get(content.hash).await.unwrap() == bytes);
    let server = S3::shared().unwrap();
    assert_eq!(server.unfinished("lake-large"), [""; 0]);
    assert_eq!(files_below(&house.root), 1, "no note stays behind");
}

#[tokio::test]
async fn pieces_of_a_file_that_never_arrived_are_given_up_later() {
    let Some(house) = lake("cut") else { return };
    let server = S3::shared().unwrap();
    let bytes = vec![7; 60_000_000];
    fs::write(house.path("large"), &bytes).unwrap();
    let proxy = proxy(server.address(), 30_000_000);
    let cut = open(&proxy, "lake-cut", &house.root, never());
    let error = cut.put_file(&house.path("large")).await.unwrap_err();
    let words = format!("{error} {}", error.hint().unwrap());
    assert!(matches!(error, TrackError::Bucket { .. }), "{error}");
    assert!(words.contains("s3://lake-cut/team/runs/files/") && !words.contains(SECRET), "{words}");
    assert_eq!(server.unfinished("lake-cut").len(), 1);
    assert_eq!(house.store.find(ContentHash::of(&bytes)).await.unwrap(), None);
    house.store.sweep(BEFORE).await.unwrap();
    assert_eq!(server.unfinished("lake-cut").len(), 1, "it may still be going on");
    house.store.sweep(AFTER).await.unwrap();
    assert_eq!(server.unfinished("lake-cut"), [""; 0]);
    house.store.put_file(&house.path("large")).await.unwrap();
    assert_eq!(files_below(&house.root), 1);
}

/// A way to `target` that breaks once so many bytes have gone through it.
fn proxy(target: &str, most: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (target, sent) = (target.to_string(), Arc::new(AtomicUsize::new(0)));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (Ok(mut from), Ok(mut to)) = (stream, TcpStream::connect(&target)) else { return };
            if sent.load(Ordering::Relaxed) > most {
                return;
            }
            let (mut back, mut answers) = (from.try_clone().unwrap(), to.try_clone().unwrap());
            std::thread::spawn(move || std::io::copy(&mut answers, &mut back));
            let sent = Arc::clone(&sent);
            std::thread::spawn(move || {
                let mut buffer = vec![0; 1 << 16];
                while let Ok(read @ 1..) = from.read(&mut buffer) {
                    if sent.fetch_add(read, Ordering::Relaxed) > most {
                        let _ = from.shutdown(std::net::Shutdown::Both);
                        let _ = to.shutdown(std::net::Shutdown::Both);
                        return;
                    }
                    if to.write_all(&buffer[..read]).is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

#[tokio::test]
async fn all_pages_of_a_bucket_are_listed() {
    let Some(house) = lake("pages") else { return };
    let server = S3::shared().unwrap();
    for number in 0..1_005_u32 {
        let hash = ContentHash::of(&number.to_le_bytes());
        server.put(&object("pages", &format!("files/{hash}")), &number.to_le_bytes());
    }
    server.put(&object("pages", "files/none-of-ours"), b"");
    server.put("/lake-pages/elsewhere", b"");
    let listed = house.store.list().await.unwrap();
    assert_eq!(listed.len(), 1_005);
    assert!(listed.iter().all(|stored| stored.content.size == 4));
}

#[tokio::test]
async fn copies_that_nobody_used_make_room_for_others() {
    let Some(house) = lake("room") else { return };
    let later = Arc::new(FixedClock(AFTER));
    let server = S3::shared().unwrap();
    let store = |clock| open(server.address(), "lake-room", &house.root, clock);
    let used = store(never()).with_copies_of(1_000);
    for number in 0..5_u8 {
        used.put_bytes(&[number; 400]).await.unwrap();
    }
    assert_eq!(files_below(&house.root), 5, "all of them are in use");
    let roomy = store(later).with_copies_of(1_000);
    roomy.put_bytes(&[9; 400]).await.unwrap();
    assert_eq!(files_below(&house.root), 2, "as many as there is room for");
    for number in 0..5_u8 {
        let bytes = vec![number; 400];
        assert_eq!(roomy.get(ContentHash::of(&bytes)).await.unwrap(), bytes);
    }
    assert_eq!(roomy.list().await.unwrap().len(), 6);
}

#[tokio::test]
async fn a_disk_without_room_for_copies_is_said_and_nothing_is_stored() {
    let Some(house) = lake("full") else { return };
    // A file where the folder of copies should be, as a disk that refuses everything.
    fs::write(&house.root, "").unwrap();
    for error in [
        house.store.put_bytes(b"a").await.unwrap_err(),
        house.store.draft().finish().await.unwrap_err(),
    ] {
        assert!(matches!(error, TrackError::Home { .. }), "{error}");
        assert!(error.to_string().contains("copies"), "{error}");
    }
    assert_eq!(S3::shared().unwrap().keys("lake-full"), [""; 0]);
}

#[tokio::test]
async fn a_store_that_refuses_or_is_away_is_said_with_a_remedy_and_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let nothing = ContentHash::of(b"nothing");
    let check = async |address: &str, bucket: &str, said: &str, remedy: &str| {
        let store = open(address, bucket, &folder.path().join(bucket), never());
        for error in [
            store.put_bytes(b"a").await.unwrap_err(),
            store.local_path(nothing).await.unwrap_err(),
            store.list().await.unwrap_err(),
        ] {
            let hint = error.hint().unwrap();
            let words = format!("{error}");
            assert!(matches!(error, TrackError::Bucket { .. }), "{words}");
            assert!(words.contains(said) && hint.contains(remedy), "{words}\n{hint}");
            assert!(words.contains(&format!("s3://{bucket}/{PREFIX}/")), "{words}");
            assert!(!words.contains(SECRET), "{words}");
        }
    };
    check(&S3::nowhere(), "away", "onnection refused", "AWS_ENDPOINT_URL").await;
    let Some(server) = S3::shared() else { return };
    check(server.address(), "no-such-lake", "NoSuchBucket", "the name of the bucket").await;
    let forbidding = answering("403 Forbidden", "<Error><Code>AccessDenied</Code></Error>");
    check(&forbidding, "forbidden", "403", "AWS_SECRET_ACCESS_KEY").await;
    let failing = answering("503 Slow Down", "<Error><Code>SlowDown</Code></Error>");
    check(&failing, "busy", "503", "reachable").await;
}

/// A server that has one answer to everything.
fn answering(status: &'static str, body: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut buffer = [0; 1 << 16];
            let read = stream.read(&mut buffer).unwrap_or_default();
            let body = if buffer[..read].starts_with(b"HEAD") { "" } else { body };
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            );
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    address
}
