//! `gristmill token`: keys that open the server, each as far as it says.

use serde_json::{Value, json};

use crate::daemon::Up;
use crate::sandbox::Sandbox;

fn create(sandbox: &Sandbox, arguments: &[&str]) -> String {
    let made = sandbox.json(&[&["token", "create"], arguments].concat());
    made["token"].as_str().unwrap().to_owned()
}

fn ask(up: &Up, token: &str, method: &str, path: &str, body: &Value) -> u16 {
    let body = body.to_string();
    up.call(&format!(
        "{method} /api/2.0/mlflow/{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ))
    .0
}

#[test]
fn a_token_opens_as_far_as_it_says() {
    let sandbox = Sandbox::new();
    let (reads, writes) = (
        create(&sandbox, &["ada", "--scope", "read"]),
        create(&sandbox, &["bob", "--expires", "90d"]),
    );
    let mut command = sandbox.command(&["up", "--port", "0", "--require-token"]);
    let up = Up::of(command.stderr(std::process::Stdio::null()));
    let (none, new) = (json!({}), json!({"experiment_id": "0"}));
    assert_eq!(up.call("GET /health HTTP/1.1\r\n\r\n").0, 200);
    assert_eq!(ask(&up, "gm_guess", "GET", "experiments/get?experiment_id=0", &none), 401);
    assert_eq!(ask(&up, &reads, "GET", "experiments/get?experiment_id=0", &none), 200);
    assert_eq!(ask(&up, &reads, "POST", "runs/create", &new), 403);
    assert_eq!(ask(&up, &writes, "POST", "runs/create", &new), 200);
    assert_eq!(sandbox.run(&["token", "grant", "ada", "experiment", "0", "write"]).code, 0);
    assert_eq!(sandbox.run(&["token", "revoke", "bob"]).code, 0);
    let heard = |word: &str, status: u16| ask(&up, word, "POST", "runs/create", &new) == status;
    crate::daemon::wait("both to be heard of", || heard(&reads, 200) && heard(&writes, 401));
    let listed = sandbox.json(&["token", "list"]);
    assert_eq!(listed[0]["roles"], json!(["write experiment 0"]));
    assert_eq!((&listed[1]["valid"], &listed[1]["scope"]), (&json!(false), &json!("write")));
    let text = sandbox.run(&["token", "list"]).out;
    assert!(!text.contains(&reads) && !text.contains("hash"), "{text}");
}

#[test]
fn what_cannot_be_a_token_is_refused_with_a_remedy() {
    let sandbox = Sandbox::new();
    create(&sandbox, &["ada"]);
    for (arguments, said) in [
        (vec!["create", "ada"], "ada"),
        (vec!["create", "eve", "--scope", "root"], "use `read`, `write` or `admin`"),
        (vec!["revoke", "eve"], "eve"),
        (vec!["withdraw", "ada", "model", "churn"], "`gristmill token list` shows"),
        (vec!["grant", "ada", "pipeline", "churn", "read"], "use `model` or `experiment`"),
    ] {
        let told = sandbox.run(&[vec!["token"], arguments].concat());
        assert_eq!(told.code, 1, "{}", told.err);
        assert!(told.err.contains(said), "{}", told.err);
    }
    let empty = Sandbox::new();
    let told = empty.run(&["up", "--port", "0", "--require-token"]);
    assert_eq!(told.code, 1);
    assert!(told.err.contains("make one with `gristmill token create"), "{}", told.err);
}
