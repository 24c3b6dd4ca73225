//! Requests to a server: tried a few times where trying again may help, never for longer than said,
//! and refused in words that say what would do.

use std::error::Error as _;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, Url, redirect};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Error, Result};

/// The variables that may hold a token, the first before the second.
const TOKENS: [&str; 2] = ["GRISTMILL_TOKEN", "MLFLOW_TRACKING_TOKEN"];
/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// Slower than this many bytes a second, a file is given up.
const SLOWEST: u64 = 64 << 10;
/// The longest answer that is read whole.
const MAX_ANSWER: usize = 8 << 20;
/// The longest rest that a server may ask for.
const MAX_REST: Duration = Duration::from_secs(10);

/// The address of a server, without anything secret in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address(Url);

impl Address {
    /// The address as it is written.
    ///
    /// # Errors
    /// When it is none of a server, or holds a user or a password.
    pub fn parse(text: &str) -> Result<Self> {
        let hint = "name it like http://127.0.0.1:5000";
        let refuse = |found: String| Error::input(found).with_hint(hint);
        let mut url = Url::parse(text)
            .map_err(|error| refuse(format!("the address of the server is none: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err(refuse(format!("a server is not reached by `{}`", url.scheme())));
        }
        if !url.username().is_empty() || url.password().is_some() {
            let found = "the address of the server holds a user or a password";
            return Err(Error::input(found)
                .with_hint("whoever lists processes would see it: set GRISTMILL_TOKEN instead"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(refuse("the address of the server holds more than its place".into()));
        }
        let path = url.path().trim_end_matches('/').to_string();
        url.set_path(&path);
        Ok(Self(url))
    }

    fn at(&self, parts: &[&str]) -> Url {
        let mut url = self.0.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(["api", "v1"]).extend(parts);
        }
        url
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

/// How long, and how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Patience {
    /// How long an answer may take.
    pub answer: Duration,
    /// How often something is asked that may come out otherwise the next time.
    pub tries: u32,
}

impl Patience {
    /// Of somebody who wants it done.
    pub const ENOUGH: Self = Self { answer: Duration::from_secs(20), tries: 3 };
    /// Of somebody who comes by again.
    pub const LITTLE: Self = Self { answer: Duration::from_secs(5), tries: 1 };
}

/// Why something was not done.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// What happened, in words.
    pub error: Error,
    /// How trying again would come out.
    again: Again,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Again {
    /// The same.
    Never,
    /// Perhaps otherwise, after a rest.
    After(Option<Duration>),
    /// Perhaps otherwise, but it took long already.
    Once,
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}

/// A way to a server: its address, and the token that it is shown.
#[derive(Clone)]
pub(crate) struct Link {
    address: Address,
    client: Client,
}

impl Link {
    /// A way to the server at `address`, with the token of the environment. Nothing is asked yet.
    ///
    /// # Errors
    /// When the token cannot be a header, or no connection can ever be made.
    pub fn to(address: &Address) -> Result<Self> {
        let token = TOKENS.iter().filter_map(|name| Some((*name, std::env::var(name).ok()?)));
        let token = token.map(|(name, token)| (name, token.trim().to_string()));
        let token = token.into_iter().find(|(_, token)| !token.is_empty());
        let mut headers = HeaderMap::new();
        if let Some((name, token)) = token {
            // The token itself must not be in the message.
            let mut value = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| {
                Error::input(format!("{name} holds characters that no token has"))
                    .with_hint("set it to one line of ASCII, or unset it")
            })?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let client = Client::builder()
            .user_agent(concat!("gristmill/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            // Nobody else is shown the token.
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT)
            .pool_idle_timeout(Duration::from_secs(4))
            .tls_built_in_root_certs(address.0.scheme() == "https")
            .build()
            .map_err(|error| {
                Error::input(format!("no connection can be made: {}", cause(&error)))
                    .with_hint("check SSL_CERT_FILE and the certificates of this machine")
            })?;
        Ok(Self { address: address.clone(), client })
    }

    /// Where it leads.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// What is answered to this JSON.
    pub async fn post<T: DeserializeOwned>(
        &self,
        parts: &[&str],
        body: &impl Serialize,
        patience: Patience,
    ) -> Result<T, Failure> {
        let body = serde_json::to_vec(body)
            .map_err(|error| never(Error::bug(format!("what is sent is no JSON: {error}"))))?;
        let answer = self
            .patiently(patience, |client| {
                client
                    .request(Method::POST, self.address.at(parts))
                    .header("content-type", "application/json")
                    .timeout(patience.answer)
                    .body(body.clone())
            })
            .await?;
        self.json(answer).await
    }

    /// What is answered to a question.
    pub async fn get<T: DeserializeOwned>(
        &self,
        parts: &[&str],
        patience: Patience,
    ) -> Result<T, Failure> {
        let ask = |client: &Client| client.get(self.address.at(parts)).timeout(patience.answer);
        let answer = self.patiently(patience, ask).await?;
        self.json(answer).await
    }

    /// The answer to a question, whose bytes come one after the other.
    pub async fn open(&self, parts: &[&str], patience: Patience) -> Result<Response, Failure> {
        let ask = |client: &Client| {
            client.get(self.address.at(parts)).timeout(patience.answer.saturating_mul(15))
        };
        self.patiently(patience, ask).await
    }

    /// Sends `bytes` bytes; `body` begins them anew for each try.
    pub async fn put(
        &self,
        parts: &[&str],
        bytes: u64,
        patience: Patience,
        body: impl Fn() -> reqwest::Body,
    ) -> Result<(), Failure> {
        let limit = patience.answer + Duration::from_secs(bytes / SLOWEST);
        let send = |client: &Client| client.put(self.address.at(parts)).timeout(limit).body(body());
        self.patiently(patience, send).await.map(drop)
    }

    async fn patiently(
        &self,
        patience: Patience,
        request: impl Fn(&Client) -> RequestBuilder,
    ) -> Result<Response, Failure> {
        let mut tries = 1;
        loop {
            let failure = match self.once(request(&self.client)).await {
                Ok(response) => return Ok(response),
                Err(failure) => failure,
            };
            let rest = Duration::from_millis(500_u64 << (tries - 1).min(6));
            let rest = match failure.again {
                Again::Never => return Err(failure),
                Again::Once if tries > 1 => return Err(failure),
                Again::After(Some(asked)) => asked.min(MAX_REST),
                Again::After(None) | Again::Once => rest,
            };
            if tries >= patience.tries {
                return Err(failure);
            }
            tokio::time::sleep(rest).await;
            tries += 1;
        }
    }

    async fn once(&self, request: RequestBuilder) -> Result<Response, Failure> {
        let response = request.send().await.map_err(|error| self.unheard(&error))?;
        match response.status().is_success() {
            true => Ok(response),
            false => Err(self.refused(response).await),
        }
    }

    async fn json<T: DeserializeOwned>(&self, response: Response) -> Result<T, Failure> {
        let body = self.whole(response).await?;
        serde_json::from_slice(&body)
            .map_err(|_| never(self.stranger("its answer is none of a Gristmill server's".into())))
    }

    async fn whole(&self, mut response: Response) -> Result<Vec<u8>, Failure> {
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(|error| self.unheard(&error))? {
            if body.len() + piece.len() > MAX_ANSWER {
                return Err(never(self.stranger("its answer does not end".into())));
            }
            body.extend_from_slice(&piece);
        }
        Ok(body)
    }

    /// Why a request got no answer.
    pub fn unheard(&self, error: &reqwest::Error) -> Failure {
        let address = &self.address;
        if error.is_timeout() && !error.is_connect() {
            let message = format!("{address} did not answer in time");
            return Failure { error: Error::input(message).with_hint(LATER), again: Again::Once };
        }
        let cause = cause(error);
        let message = match cause.split_once("invalid peer certificate: ") {
            Some((_, why)) => format!("the certificate of {address} is not trusted ({why})"),
            None => format!("{address} cannot be reached: {cause}"),
        };
        let again = Again::After(None);
        Failure { error: Error::input(message).with_hint(LATER), again }
    }

    /// Why an answer is a refusal.
    async fn refused(&self, response: Response) -> Failure {
        let (status, headers) = (response.status(), response.headers().clone());
        let said = self.whole(response).await.unwrap_or_default();
        let said: Value = serde_json::from_slice(&said).unwrap_or_default();
        let text = |name: &str| said[name].as_str().unwrap_or_default().to_string();
        let (code, message, address) = (text("error_code"), text("message"), &self.address);
        let told = |hint: &str| {
            let words = if message.is_empty() { status.to_string() } else { message.clone() };
            Error::input(format!("{address} refused it: {words}")).with_hint(hint)
        };
        match status {
            StatusCode::UNAUTHORIZED => never(
                Error::input(format!("{address} asks for a token that is valid"))
                    .with_hint("set GRISTMILL_TOKEN to one of its tokens with the scope `write`"),
            ),
            StatusCode::FORBIDDEN => {
                never(told("ask whoever keeps the server for a token with the scope `write`"))
            }
            StatusCode::NOT_FOUND if code == "RESOURCE_DOES_NOT_EXIST" => {
                never(told("see what is on the server"))
            }
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => {
                never(self.stranger("it does not know what it is asked".into()))
            }
            StatusCode::PAYLOAD_TOO_LARGE => never(
                Error::input(format!("{address} takes nothing that is so long"))
                    .with_hint("let whatever stands before it take longer bodies"),
            ),
            status if status.is_redirection() => never(elsewhere(address, &headers)),
            status if status.is_server_error() || is_for_now(status) => {
                let error = told("try again later: what waits is sent by `gristmill send`");
                Failure { error, again: Again::After(asked_rest(&headers)) }
            }
            _ => never(told("use the same version of Gristmill here and there")),
        }
    }

    fn stranger(&self, found: String) -> Error {
        let address = &self.address;
        Error::input(format!("{address} takes no runs: {found}"))
            .with_hint("name a server of `gristmill up`, of this version or a later one")
    }
}

const LATER: &str = "when it is there again: `gristmill send`";

fn never(error: Error) -> Failure {
    Failure { error, again: Again::Never }
}

fn is_for_now(status: StatusCode) -> bool {
    matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT)
}

fn asked_rest(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

fn elsewhere(address: &Address, headers: &HeaderMap) -> Error {
    let to = headers.get(LOCATION).and_then(|to| to.to_str().ok()).unwrap_or_default();
    let to = to.split(['?', '#']).next().unwrap_or_default();
    Error::input(format!("{address} points to `{to}`, and no token follows there"))
        .with_hint("name that address with `--server`")
}

/// The innermost cause: the outer ones only say that there was one, with the whole address.
fn cause(error: &reqwest::Error) -> String {
    let mut cause = error.source();
    while let Some(deeper) = cause.and_then(|cause| cause.source()) {
        cause = Some(deeper);
    }
    cause.map_or_else(|| "the request failed".into(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        let found = Address::parse(text).map(|address| address.at(&["runs", "a b/c"]).to_string());
        assert_eq!(found.ok().as_deref(), expected, "{text}");
    }

    #[test]
    fn an_address_holds_a_place_and_nothing_else() {
        let path = "/api/v1/runs/a%20b%2Fc";
        check("http://127.0.0.1:5000", Some(&format!("http://127.0.0.1:5000{path}")));
        check("https://host/mill/", Some(&format!("https://host/mill{path}")));
        for text in ["", "host", "ftp://host", "file:///a", "http://", "http://h?a=b", "http://h#a"]
        {
            check(text, None);
        }
    }

    #[test]
    fn an_address_with_a_secret_is_refused_and_not_repeated() {
        let error = Address::parse("http://ada:sesame@host").unwrap_err();
        assert!(!format!("{error:?}").contains("sesame"), "{error}");
    }
}
