//! A server over a home of its own, and how tests ask it things.

use std::sync::Arc;

use gristmill_core::{FixedClock, Timestamp};
use gristmill_server::{Access, Hooks, Server, Settings};
use gristmill_track::{LocalArtifacts, Store, open_store};
use reqwest::Method;
use serde_json::Value;

/// When everything happens.
pub const NOW: Timestamp = Timestamp(1_700_000_000_123_000);

/// A server over a home of its own. The order matters: the server ends before its home does.
pub struct House {
    server: Server,
    pub store: Arc<dyn Store>,
    pub client: reqwest::Client,
    pub home: tempfile::TempDir,
}

/// What was answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    pub fn message(&self) -> String {
        self.json()["message"].as_str().unwrap_or_default().to_string()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl House {
    pub async fn open() -> Self {
        Self::with(Access::Loopback, None).await
    }

    pub async fn with(access: Access, hooks: Option<Arc<dyn Hooks>>) -> Self {
        Self::set(|settings| Settings { access, hooks, ..settings }).await
    }

    /// A server with settings of its own.
    pub async fn set(change: impl FnOnce(Settings) -> Settings) -> Self {
        let home = tempfile::tempdir().unwrap();
        let store = open_store(home.path(), None).await.unwrap();
        let artifacts = Arc::new(LocalArtifacts::in_home(home.path()));
        let clock = Arc::new(FixedClock(NOW));
        let settings = Settings::new(Arc::clone(&store), artifacts, clock);
        let server = Server::start(change(Settings { port: 0, ..settings })).unwrap();
        Self { server, store, client: reqwest::Client::new(), home }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.server.address())
    }

    pub fn address(&self) -> std::net::SocketAddr {
        self.server.address()
    }

    pub fn stop(self) {
        self.server.stop();
    }

    /// Sends a request with these headers and this body.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Answer {
        let method: Method = method.parse().unwrap();
        let mut request = self.client.request(method, self.url(path)).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Answer { status, headers, body: response.bytes().await.unwrap().to_vec() }
    }

    /// Asks for something in the tracking API.
    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", &format!("/api/2.0/mlflow{path}"), &[], Vec::new()).await
    }

    /// Posts JSON to the tracking API.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        let json = [("content-type", "application/json")];
        self.send("POST", &format!("/api/2.0/mlflow{path}"), &json, body.to_string().into()).await
    }

    /// Sends JSON to the tracking API by another method.
    pub async fn ask(&self, method: &str, path: &str, body: Value) -> Answer {
        let json = [("content-type", "application/json")];
        self.send(method, &format!("/api/2.0/mlflow{path}"), &json, body.to_string().into()).await
    }

    /// The same, when it must be done; the answer comes back.
    pub async fn done(&self, path: &str, body: Value) -> Value {
        let answer = self.post(path, body).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.message());
        answer.json()
    }

    /// A new run of the default experiment.
    pub async fn run(&self) -> String {
        let made = self.done("/runs/create", serde_json::json!({"experiment_id": "0"})).await;
        made["run"]["info"]["run_id"].as_str().unwrap().to_string()
    }
}
