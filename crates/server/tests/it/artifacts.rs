//! Artifacts over HTTP, and every way in which somebody might try to reach what is none of theirs.

use std::io::{Read, Write};
use std::net::TcpStream;

use gristmill_track::{Artifact, ArtifactPath, ArtifactStore, LocalArtifacts};
use serde_json::{Value, json};

use crate::house::{Answer, House};

const ROOT: &str = "/api/2.0/mlflow-artifacts/artifacts";

async fn put(house: &House, path: &str, body: &[u8]) -> Answer {
    house.send("PUT", &format!("{ROOT}/{path}"), &[], body.to_vec()).await
}

async fn get(house: &House, path: &str) -> Answer {
    house.send("GET", &format!("{ROOT}/{path}"), &[], Vec::new()).await
}

fn names(answer: &Answer) -> Vec<String> {
    let files = answer.json()["files"].as_array().cloned().unwrap_or_default();
    let shown = |file: &Value| match file["is_dir"].as_bool() {
        Some(true) => format!("{}/", file["path"].as_str().unwrap()),
        _ => format!("{} {}", file["path"].as_str().unwrap(), file["file_size"]),
    };
    files.iter().map(shown).collect()
}

#[tokio::test]
async fn what_was_sent_up_comes_back() {
    let house = House::open().await;
    let id = house.run().await;
    let root = format!("0/{id}/artifacts");
    let big: Vec<u8> = (0..3_000_000_u32).map(|n| (n / 7) as u8).collect();
    for (path, body) in
        [("a.txt", &b"hello"[..]), ("d/e/gr%C3%B6%C3%9Fe.bin", &big), ("d/empty", b"")]
    {
        assert_eq!(put(&house, &format!("{root}/{path}"), body).await.status, 200);
        let found = get(&house, &format!("{root}/{path}")).await;
        assert!(found.status == 200 && found.body == body, "{path}");
        assert_eq!(found.header("content-length"), body.len().to_string());
    }
    let list = house.get(&format!("/artifacts/list?run_id={id}")).await;
    assert_eq!(names(&list), ["a.txt 5", "d/"]);
    assert_eq!(list.json()["root_uri"], format!("mlflow-artifacts:/{root}"));
    let list = house.get(&format!("/artifacts/list?run_id={id}&path=d")).await;
    assert_eq!(names(&list), ["d/e/", "d/empty 0"]);
    let list = house.send("GET", &format!("{ROOT}?path={root}/d"), &[], Vec::new()).await;
    assert_eq!(names(&list), ["e/", "empty 0"]);
    let list = house.get(&format!("/artifacts/list?run_id={id}&path=a.txt")).await;
    assert_eq!(names(&list), [""; 0]);
    let found =
        house.send("GET", &format!("/get-artifact?run_uuid={id}&path=a.txt"), &[], vec![]).await;
    assert_eq!(found.body, b"hello");
    let folder = get(&house, &format!("{root}/d")).await;
    assert_eq!(
        folder.message(),
        format!("Artifact path refers to a directory, not a file: '{root}/d'")
    );
    let nothing = get(&house, &format!("{root}/none")).await;
    assert_eq!(
        (nothing.status, nothing.message()),
        (404, format!("No such artifact: '{root}/none'"))
    );
    let gone = house.send("DELETE", &format!("{ROOT}/{root}/d"), &[], Vec::new()).await;
    assert_eq!(gone.status, 200);
    assert_eq!(names(&house.get(&format!("/artifacts/list?run_id={id}")).await), ["a.txt 5"]);
}

#[tokio::test]
async fn files_that_belong_to_no_run_are_kept_as_well() {
    let house = House::open().await;
    for path in ["1/models/m-1/artifacts/MLmodel", "1/models/m-1/artifacts/data/x"] {
        assert_eq!(put(&house, path, path.as_bytes()).await.status, 200);
        assert_eq!(get(&house, path).await.body, path.as_bytes());
    }
    let list = house.send("GET", &format!("{ROOT}?path=1/models/m-1/artifacts"), &[], vec![]).await;
    assert_eq!(names(&list), ["MLmodel 30", "data/"]);
    let stray = "0/0123456789abcdef0123456789abcdef/artifacts/x";
    assert_eq!(put(&house, stray, b"x").await.status, 200, "of a run that is not there");
    assert_eq!(get(&house, stray).await.body, b"x");
}

#[tokio::test]
async fn folders_that_gristmill_stored_can_be_looked_into() {
    let house = House::open().await;
    let id = house.run().await;
    let made = house.home.path().join("made");
    fs_err::create_dir_all(made.join("sub")).unwrap();
    fs_err::write(made.join("MLmodel"), "flavors:").unwrap();
    fs_err::write(made.join("sub/x.json"), "{}").unwrap();
    let artifacts = LocalArtifacts::in_home(house.home.path());
    let content = artifacts.put_folder(&made).await.unwrap();
    let artifact = Artifact { path: ArtifactPath::parse("model").unwrap(), content };
    house.store.record_artifacts(id.parse().unwrap(), vec![artifact]).await.unwrap();
    let list = |path: &str| format!("/artifacts/list?run_id={id}&path={path}");
    assert_eq!(names(&house.get(&list("")).await), ["model/"]);
    assert_eq!(names(&house.get(&list("model")).await), ["model/MLmodel 8", "model/sub/"]);
    assert_eq!(names(&house.get(&list("model/sub")).await), ["model/sub/x.json 2"]);
    assert_eq!(get(&house, &format!("0/{id}/artifacts/model/sub/x.json")).await.body, b"{}");
    assert_eq!(get(&house, &format!("0/{id}/artifacts/model/none")).await.status, 404);
    assert_eq!(get(&house, &format!("0/{id}/artifacts/model/MLmodel/x")).await.status, 404);
}

#[tokio::test]
async fn a_deleted_run_takes_no_artifacts() {
    let house = House::open().await;
    let id = house.run().await;
    house.done("/runs/delete", json!({"run_id": id})).await;
    let refused = put(&house, &format!("0/{id}/artifacts/a"), b"x").await;
    assert_eq!(refused.status, 400);
    assert!(refused.message().contains("must be in the 'active' state"));
}

/// Sends a target as it is: a client would tidy it up first.
fn raw(house: &House, request: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(house.address()).unwrap();
    let head = format!(
        "{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer)
}

#[tokio::test]
async fn no_path_leads_to_files_of_this_machine() {
    let house = House::open().await;
    let id = house.run().await;
    let secret = house.home.path().join("secret.txt");
    fs_err::write(&secret, "sesame").unwrap();
    put(&house, &format!("0/{id}/artifacts/a/b"), b"x").await;
    let absolute = secret.display().to_string();
    let climbs = [
        "../secret.txt",
        "../../../../../../etc/passwd",
        "..%2f..%2fsecret.txt",
        "%2e%2e/%2e%2e/secret.txt",
        "%252e%252e%252fsecret.txt",
        "a/../../secret.txt",
        "a/%2e%2e/%2e%2e/secret.txt",
        "..%5c..%5csecret.txt",
        "%2fetc%2fpasswd",
        "file:///etc/passwd",
        "file%3a%2f%2f%2fetc%2fpasswd",
        "%00/etc/passwd",
        absolute.as_str(),
    ];
    for climb in climbs {
        let targets = [
            format!("GET {ROOT}/{climb}"),
            format!("GET {ROOT}/0/{id}/artifacts/{climb}"),
            format!("PUT {ROOT}/0/{id}/artifacts/{climb}"),
            format!("DELETE {ROOT}/0/{id}/artifacts/{climb}"),
            format!("GET {ROOT}?path={climb}"),
            format!("GET /get-artifact?run_uuid={id}&path={climb}"),
            format!("GET /api/2.0/mlflow/artifacts/list?run_id={id}&path={climb}"),
        ];
        for target in targets {
            let (status, answer) = raw(&house, &target);
            assert!((400..500).contains(&status), "{target}: {answer}");
            assert!(!answer.contains("sesame") && !answer.contains("root:"), "{target}: {answer}");
        }
    }
    assert_eq!(fs_err::read_to_string(&secret).unwrap(), "sesame");
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_in_a_stored_folder_leads_nowhere() {
    let house = House::open().await;
    let id = house.run().await;
    let made = house.home.path().join("made");
    fs_err::create_dir_all(&made).unwrap();
    fs_err::write(made.join("a"), "x").unwrap();
    let artifacts = LocalArtifacts::in_home(house.home.path());
    let content = artifacts.put_folder(&made).await.unwrap();
    let place = artifacts.local_path(content.hash).await.unwrap();
    std::os::unix::fs::symlink("/etc/passwd", place.join("link")).unwrap();
    std::os::unix::fs::symlink("/etc", place.join("folder")).unwrap();
    let artifact = Artifact { path: ArtifactPath::parse("m").unwrap(), content };
    house.store.record_artifacts(id.parse().unwrap(), vec![artifact]).await.unwrap();
    for path in ["m/link", "m/folder", "m/folder/passwd"] {
        let refused = get(&house, &format!("0/{id}/artifacts/{path}")).await;
        assert!((400..500).contains(&refused.status), "{path}: {}", refused.status);
        assert!(!String::from_utf8_lossy(&refused.body).contains("root:"), "{path}");
    }
    let list = house.get(&format!("/artifacts/list?run_id={id}&path=m/folder")).await;
    assert_eq!(names(&list), [""; 0]);
}

#[tokio::test]
async fn what_was_stored_is_never_shown_as_a_page() {
    let house = House::open().await;
    let id = house.run().await;
    let script = b"<script>alert(1)</script>";
    for file in ["x.html", "x.svg", "x.xhtml", "x.js", "x"] {
        put(&house, &format!("0/{id}/artifacts/{file}"), script).await;
        for path in [
            format!("{ROOT}/0/{id}/artifacts/{file}"),
            format!("/get-artifact?run_uuid={id}&path={file}"),
        ] {
            let found = house.send("GET", &path, &[], Vec::new()).await;
            assert_eq!((found.status, found.body.as_slice()), (200, &script[..]));
            let kind = found.header("content-type");
            assert!(kind.starts_with("text/plain") || kind == "application/octet-stream", "{kind}");
            assert_eq!(found.header("x-content-type-options"), "nosniff");
            assert!(found.header("content-disposition").starts_with("attachment"));
            assert!(found.header("content-security-policy").contains("sandbox"));
        }
    }
}

#[tokio::test]
async fn artifacts_are_kept_nowhere_but_here_or_in_an_object_store() {
    let house = House::open().await;
    for location in ["/tmp/x", "file:///etc", "../x", "file:/etc", "C:\\x", "s3://b/../../x", "x"] {
        let body = json!({"name": location, "artifact_location": location});
        let refused = house.post("/experiments/create", body).await;
        assert_eq!(
            (refused.status, refused.json()["error_code"].as_str()),
            (400, Some("INVALID_PARAMETER_VALUE"))
        );
    }
    let body = json!({"name": "s3", "artifact_location": "s3://bucket/path"});
    let experiment = house.done("/experiments/create", body).await["experiment_id"].clone();
    let made = house.done("/runs/create", json!({"experiment_id": experiment})).await;
    let info = &made["run"]["info"];
    let id = info["run_id"].as_str().unwrap();
    assert_eq!(info["artifact_uri"], format!("s3://bucket/path/{id}/artifacts"));
    assert_eq!(house.get(&format!("/artifacts/list?run_id={id}")).await.status, 400);
    let own = json!({"name": "own", "artifact_location": "mlflow-artifacts:/shared/place"});
    let experiment = house.done("/experiments/create", own).await["experiment_id"].clone();
    let made = house.done("/runs/create", json!({"experiment_id": experiment})).await;
    let id = made["run"]["info"]["run_id"].as_str().unwrap();
    assert_eq!(put(&house, &format!("shared/place/{id}/artifacts/a"), b"x").await.status, 200);
    assert_eq!(names(&house.get(&format!("/artifacts/list?run_id={id}")).await), ["a 1"]);
}
