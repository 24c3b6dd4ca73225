//! Files in pieces: some bytes of one that is fetched, parts of one that is sent up.

use std::sync::Arc;

use gristmill_core::{FixedClock, Timestamp};
use gristmill_server::{Access, Settings};
use gristmill_track::{Level, NewToken, Role, ThingKind, Token};
use serde_json::{Value, json};

use crate::clients::run;
use crate::house::{Answer, House, NOW};

const ROOT: &str = "/api/2.0/mlflow-artifacts";
const JSON: (&str, &str) = ("content-type", "application/json");

/// A house with a run that has ten bytes under `ten.bin`.
async fn ten() -> (House, String) {
    let house = House::open().await;
    let id = house.run().await;
    let path = format!("{ROOT}/artifacts/0/{id}/artifacts/ten.bin");
    assert_eq!(house.send("PUT", &path, &[], b"0123456789".to_vec()).await.status, 200);
    (house, id)
}

#[tokio::test] // by hand, RFC 9110
async fn some_bytes_are_sent_where_some_are_asked_for() {
    let (house, id) = ten().await;
    for path in [
        format!("{ROOT}/artifacts/0/{id}/artifacts/ten.bin"),
        format!("/get-artifact?run_uuid={id}&path=ten.bin"),
    ] {
        let ask = async |range: &str| house.send("GET", &path, &[("range", range)], vec![]).await;
        for (range, part, shown) in [
            ("bytes=0-0", &b"0"[..], "bytes 0-0/10"),
            ("bytes=3-5", b"345", "bytes 3-5/10"),
            ("bytes=7-", b"789", "bytes 7-9/10"),
            ("bytes=-2", b"89", "bytes 8-9/10"),
            ("bytes=5-500", b"56789", "bytes 5-9/10"),
        ] {
            let found = ask(range).await;
            assert_eq!((found.status, found.body.as_slice()), (206, part), "{range}");
            assert_eq!(found.header("content-range"), shown);
            assert_eq!(found.header("content-length"), part.len().to_string());
        }
        for range in ["bytes=0-1,4-5", "bytes=5-2", "lines=1-2"] {
            let found = ask(range).await;
            assert_eq!((found.status, found.body.len()), (200, 10), "{range}");
            assert_eq!(found.header("accept-ranges"), "bytes");
        }
        let beyond = ask("bytes=10-").await;
        assert_eq!((beyond.status, beyond.header("content-range")), (416, "bytes */10"));
        assert!(beyond.body.is_empty());
    }
}

#[tokio::test]
async fn whoever_has_a_file_is_not_sent_it_again() {
    let (house, id) = ten().await;
    let path = format!("{ROOT}/artifacts/0/{id}/artifacts/ten.bin");
    let first = house.send("GET", &path, &[], vec![]).await;
    let tag = first.header("etag").to_string();
    let again = house.send("GET", &path, &[("if-none-match", &tag)], vec![]).await;
    assert_eq!((again.status, again.body.len(), again.header("etag")), (304, 0, tag.as_str()));
    house.send("PUT", &path, &[], b"another".to_vec()).await;
    let changed = house.send("GET", &path, &[("if-none-match", &tag)], vec![]).await;
    assert_eq!((changed.status, changed.body.as_slice()), (200, &b"another"[..]));
    let part = [("range", "bytes=0-1"), ("if-range", tag.as_str())];
    assert_eq!(house.send("GET", &path, &part, vec![]).await.status, 200);
}

#[tokio::test]
async fn the_head_of_an_answer_can_be_had_alone() {
    let (house, id) = ten().await;
    for path in [
        format!("{ROOT}/artifacts/0/{id}/artifacts/ten.bin"),
        format!("/get-artifact?run_uuid={id}&path=ten.bin"),
    ] {
        let whole = house.send("HEAD", &path, &[], vec![]).await;
        assert_eq!((whole.status, whole.body.len()), (200, 0), "{path}");
        assert_eq!(whole.header("content-length"), "10");
        let part = house.send("HEAD", &path, &[("range", "bytes=2-3")], vec![]).await;
        assert_eq!((part.status, part.header("content-range")), (206, "bytes 2-3/10"));
    }
    let none = format!("{ROOT}/artifacts/0/{id}/artifacts/none");
    assert_eq!(house.send("HEAD", &none, &[], vec![]).await.status, 404);
}

/// An upload of `big.bin` in so many parts, begun as somebody.
async fn begin(house: &House, id: &str, parts: u32, headers: &[(&str, &str)]) -> Answer {
    let path = format!("{ROOT}/mpu/create/0/{id}/artifacts/deep");
    let body = json!({"path": "/home/somebody/big.bin", "num_parts": parts});
    house.send("POST", &path, &[&[JSON], headers].concat(), body.to_string().into()).await
}

/// Says how an upload goes on.
async fn step(house: &House, step: &str, folder: &str, mut body: Value, id: &str) -> Answer {
    body["path"] = "big.bin".into();
    body["upload_id"] = id.into();
    let path = format!("{ROOT}/mpu/{step}/{folder}");
    house.send("POST", &path, &[JSON], body.to_string().into()).await
}

/// The path and query of the address that a part goes to.
fn place(house: &House, begun: &Value, number: usize) -> String {
    let credential = &begun["credentials"][number - 1];
    assert_eq!(credential["part_number"], number);
    let url = credential["url"].as_str().unwrap();
    url.strip_prefix(&house.url("")).expect(url).to_string()
}

#[tokio::test]
async fn parts_become_one_file() {
    let house = House::open().await;
    let id = house.run().await;
    let begun = begin(&house, &id, 2, &[]).await.json();
    let upload = begun["upload_id"].as_str().unwrap();
    let mut parts = Vec::new();
    for (number, text) in [(2, "world"), (1, "hello ")] {
        let sent = house.send("PUT", &place(&house, &begun, number), &[], text.into()).await;
        assert_eq!(sent.status, 200, "{}", sent.message());
        parts.insert(0, json!({"part_number": number, "etag": sent.header("etag"), "url": "x"}));
    }
    let folder = format!("0/{id}/artifacts/deep");
    let complete = async |parts: &[Value]| {
        step(&house, "complete", &folder, json!({"parts": parts}), upload).await
    };
    for (wrong, said) in [
        (vec![parts[0].clone()], "1 parts are named, expected 2"),
        (vec![parts[1].clone(), parts[0].clone()], "part 2 stands where part 1 is expected"),
        (
            vec![parts[0].clone(), json!({"part_number": 2, "etag": "x"})],
            "'x' is no etag of part 2",
        ),
        (
            vec![parts[0].clone(), json!({"part_number": 2, "etag": parts[0]["etag"]})],
            "part 2 is `",
        ),
    ] {
        let refused = complete(&wrong).await;
        assert!(
            refused.status == 400 && refused.message().starts_with(said),
            "{}",
            refused.message()
        );
    }
    assert_eq!(
        step(&house, "complete", "0/other", json!({"parts": parts}), upload).await.status,
        404
    );
    assert_eq!(complete(&parts).await.status, 200);
    let file = format!("{ROOT}/artifacts/{folder}/big.bin");
    assert_eq!(house.send("GET", &file, &[], vec![]).await.body, b"hello world");
    assert_eq!(complete(&parts).await.status, 404, "it is over");
    assert_eq!(house.send("PUT", &place(&house, &begun, 1), &[], vec![1]).await.status, 404);
}

#[tokio::test]
async fn an_upload_that_is_given_up_leaves_nothing() {
    let house = House::open().await;
    let id = house.run().await;
    let begun = begin(&house, &id, 1, &[]).await.json();
    let upload = begun["upload_id"].as_str().unwrap();
    house.send("PUT", &place(&house, &begun, 1), &[], b"part".to_vec()).await;
    let folder = format!("0/{id}/artifacts/deep");
    assert_eq!(step(&house, "abort", &folder, json!({}), upload).await.status, 200);
    assert_eq!(house.send("PUT", &place(&house, &begun, 1), &[], vec![1]).await.status, 404);
    let parts = house.home.path().join("artifacts/parts");
    assert_eq!(fs_err::read_dir(parts).unwrap().count(), 0);
}

#[tokio::test]
async fn what_makes_no_upload_is_refused() {
    let house = House::open().await;
    let id = house.run().await;
    for (folder, body) in [
        ("0/a", json!({"num_parts": 1})),
        ("0/a", json!({"path": "x/", "num_parts": 1})),
        ("0/a", json!({"path": "..", "num_parts": 1})),
        ("0/a", json!({"path": "x", "num_parts": 10_001})),
        ("0/a", json!({"path": "x", "num_parts": -1})),
        ("0/%252e%252e/a", json!({"path": "x", "num_parts": 1})),
    ] {
        let path = format!("{ROOT}/mpu/create/{folder}");
        let refused = house.send("POST", &path, &[JSON], body.to_string().into()).await;
        assert_eq!(refused.status, 400, "{folder} {body}");
    }
    for upload in ["", "x", "x-", "0123-1"] {
        let refused =
            step(&house, "complete", &format!("0/{id}"), json!({"parts": []}), upload).await;
        assert!(matches!(refused.status, 400 | 404), "{upload}: {}", refused.status);
    }
    let place = format!("{ROOT}/mpu/part/{}/1", "0".repeat(64));
    assert_eq!(house.send("PUT", &place, &[], vec![1]).await.status, 403, "no address of ours");
}

/// A server that asks for tokens: `writer` and `barred` may write, `reader` may read.
async fn guarded() -> House {
    let house = House::set(|settings| Settings { access: Access::Tokens, ..settings }).await;
    for (name, scope) in
        [("writer", Level::Write), ("reader", Level::Read), ("barred", Level::Write)]
    {
        let token = NewToken {
            name: name.into(),
            hash: Token::hash_of(&format!("word of {name}")),
            scope,
            created: NOW,
            expires: None,
        };
        house.store.create_token(token).await.unwrap();
    }
    house
}

#[tokio::test]
async fn an_address_of_a_part_needs_no_token_and_opens_nothing_else() {
    let house = guarded().await;
    let writer = ("authorization", "Bearer word of writer");
    let reader = ("authorization", "Bearer word of reader");
    let body = json!({"experiment_id": "0"}).to_string();
    let made = house
        .send("POST", "/api/2.0/mlflow/runs/create", &[JSON, writer], body.into())
        .await
        .json();
    let id = made["run"]["info"]["run_id"].as_str().unwrap();
    assert_eq!(begin(&house, id, 1, &[]).await.status, 401);
    assert_eq!(begin(&house, id, 1, &[reader]).await.status, 403);
    let begun = begin(&house, id, 1, &[writer]).await.json();
    let part = place(&house, &begun, 1);
    assert_eq!(house.send("PUT", &part, &[], b"x".to_vec()).await.status, 200);
    for changed in [part.replace("/1?", "/2?"), part.replace("by=writer", "by=reader")] {
        assert_eq!(house.send("PUT", &changed, &[], b"x".to_vec()).await.status, 401, "{changed}");
    }
    assert_eq!(house.send("GET", &part, &[], vec![]).await.status, 401);
    let (path, query) = part.split_once('?').unwrap();
    let unsigned = house.send("PUT", path, &[writer], b"x".to_vec()).await;
    assert_eq!(unsigned.status, 403, "{}", unsigned.message());
    let other = format!("{ROOT}/artifacts/0/{id}/artifacts/a?{query}");
    assert_eq!(house.send("PUT", &other, &[], b"x".to_vec()).await.status, 401);
}

#[tokio::test]
async fn an_address_to_fetch_a_file_from_needs_no_token_and_opens_nothing_else() {
    let house = guarded().await;
    let reader = [("authorization", "Bearer word of reader")];
    let writer = [("authorization", "Bearer word of writer")];
    let file = format!("{ROOT}/artifacts/1/gr%C3%B6%C3%9Fe%201.txt");
    assert_eq!(house.send("PUT", &file, &writer, b"0123456789".to_vec()).await.status, 200);
    let ask = format!("{ROOT}/presigned/1/gr%C3%B6%C3%9Fe%201.txt");
    assert_eq!(house.send("GET", &ask, &[], vec![]).await.status, 401);
    let given = house.send("GET", &ask, &reader, vec![]).await.json();
    assert_eq!((&given["file_size"], &given["headers"]), (&json!(10), &json!({})));
    let link = given["url"].as_str().unwrap().strip_prefix(&house.url("")).unwrap();
    let part = house.send("GET", link, &[("range", "bytes=2-3")], vec![]).await;
    assert_eq!((part.status, part.body.as_slice()), (206, &b"23"[..]));
    assert_eq!(house.send("DELETE", link, &[], vec![]).await.status, 401);
    assert_eq!(house.send("GET", &link.replace("/1/", "/2/"), &[], vec![]).await.status, 401);
    let nothing = house.send("GET", &format!("{ROOT}/presigned/1/none"), &reader, vec![]).await;
    assert_eq!(nothing.status, 404);
}

#[tokio::test]
async fn a_role_on_an_experiment_counts_for_pieces_too() {
    let house = guarded().await;
    let writer = ("authorization", "Bearer word of writer");
    let body = json!({"experiment_id": "0"}).to_string();
    let runs = "/api/2.0/mlflow/runs/create";
    let made = house.send("POST", runs, &[JSON, writer], body.into()).await.json();
    let id = made["run"]["info"]["run_id"].as_str().unwrap();
    let file = format!("{ROOT}/artifacts/0/{id}/artifacts/a");
    assert_eq!(house.send("PUT", &file, &[writer], b"a".to_vec()).await.status, 200);
    let role = Role {
        token: "barred".into(),
        kind: ThingKind::Experiment,
        name: "0".into(),
        level: Level::None,
    };
    house.store.grant(role).await.unwrap();
    let barred = ("authorization", "Bearer word of barred");
    assert_eq!(begin(&house, id, 1, &[barred]).await.status, 403);
    for path in [
        file.clone(),
        file.replace("/artifacts/0/", "/presigned/0/"),
        format!("/get-artifact?run_uuid={id}&path=a"),
    ] {
        for method in ["GET", "HEAD"] {
            let refused = house.send(method, &path, &[barred], vec![]).await;
            assert_eq!(refused.status, 403, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn the_official_client_sends_and_fetches_pieces() {
    let house = House::open().await;
    run("pieces.py", &[house.url("")]);
    let house = guarded().await;
    run("pieces.py", &[house.url(""), "word of writer".into()]);
    let left = fs_err::read_dir(house.home.path().join("artifacts/parts")).unwrap().count();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn parts_whose_others_never_came_are_gone_after_a_day() {
    let after = |days: i64| Timestamp(4_000_000_000_000_000 + days * 86_400_000_000);
    let house = House::open().await;
    let id = house.run().await;
    let begun = begin(&house, &id, 2, &[]).await.json();
    house.send("PUT", &place(&house, &begun, 1), &[], b"alone".to_vec()).await;
    let parts = house.home.path().join("artifacts/parts");
    let left = || fs_err::read_dir(&parts).unwrap().count();
    assert_eq!(left(), 1);
    // Another server over the same home, when that is long ago.
    let artifacts = Arc::new(gristmill_track::LocalArtifacts::in_home(house.home.path()));
    let clock = Arc::new(FixedClock(after(1)));
    let settings = Settings::new(Arc::clone(&house.store), artifacts, clock);
    let later = gristmill_server::Server::start(Settings { port: 0, ..settings }).unwrap();
    for _ in 0..200 {
        if left() == 0 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(left(), 0);
    tokio::task::spawn_blocking(move || later.stop()).await.unwrap();
}
