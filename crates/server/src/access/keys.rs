//! Tokens: from the header that shows one to the caller that it stands for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gristmill_core::Timestamp;
use gristmill_track::{ContentHash, Role, Store, Token, TrackError};

use super::caller::Caller;
use crate::mlflow::{ErrorCode, Refusal};

/// How long a token is remembered before the store is asked again: so long a revoked one may still
/// open, and so much less is read for every request.
const REMEMBERED: i64 = 2_000_000;
/// How many tokens are remembered.
const MOST: usize = 1_000;
/// How exactly the last use of a token is kept.
const USE: i64 = 60_000_000;
/// The header in which a caller says why.
const WHY: &str = "x-gristmill-why";
/// How much of that is kept, in characters.
const WHY_CHARS: usize = 500;
/// The name of whoever shows the one token that the server was started with.
const STARTED_WITH: &str = "server token";

/// Whom the server lets in.
pub(crate) struct Keys {
    /// Whether everybody who reaches the server may come in.
    open: Open,
    /// The token that the server was started with.
    master: Option<ContentHash>,
    known: Mutex<HashMap<ContentHash, Known>>,
}

/// Whether a token is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    ToAll,
    ByToken,
}

/// A token as the store had it at a moment.
#[derive(Clone)]
struct Known {
    at: Timestamp,
    token: Option<Token>,
    roles: Arc<[Role]>,
}

impl Keys {
    pub(crate) fn new(access: &crate::Access) -> Self {
        let (open, master) = match access {
            crate::Access::Loopback => (Open::ToAll, None),
            crate::Access::Token(word) => (Open::ByToken, Some(Token::hash_of(word.trim()))),
            crate::Access::Tokens => (Open::ByToken, None),
        };
        Self { open, master, known: Mutex::default() }
    }

    /// Whether everybody who reaches the server may come in.
    pub(crate) fn is_open(&self) -> bool {
        self.open == Open::ToAll
    }

    /// Who sent these headers.
    pub(super) async fn caller(
        &self,
        store: &dyn Store,
        headers: &HeaderMap,
        now: Timestamp,
    ) -> Result<Caller, Refusal> {
        let why = why(headers);
        if self.is_open() {
            return Ok(Caller { why, ..Caller::local() });
        }
        let hash = shown(headers).map(|word| Token::hash_of(&word)).ok_or_else(unknown)?;
        if self.master == Some(hash) {
            return Ok(Caller { name: STARTED_WITH.into(), why, ..Caller::local() });
        }
        let known = self.known(store, hash, now).await?;
        let token = known.token.filter(|token| token.is_valid_at(now)).ok_or_else(unknown)?;
        Ok(Caller { name: token.name, scope: token.scope, roles: known.roles, why })
    }

    async fn known(
        &self,
        store: &dyn Store,
        hash: ContentHash,
        now: Timestamp,
    ) -> Result<Known, TrackError> {
        let recent = |known: &&Known| (0..REMEMBERED).contains(&(now.0 - known.at.0));
        if let Some(known) = self.lock().get(&hash).filter(recent) {
            return Ok(known.clone());
        }
        let token = store.token_of(hash).await?;
        let roles = match &token {
            Some(token) => store.roles(&token.name).await?.into(),
            None => Arc::from([]),
        };
        if let Some(token) = token.as_ref().filter(|token| token.is_valid_at(now))
            && token.used.is_none_or(|used| now.0 - used.0 >= USE)
        {
            store.note_token_use(&token.name, now).await?;
        }
        let known = Known { at: now, token, roles };
        let mut all = self.lock();
        if all.len() >= MOST {
            all.clear();
        }
        all.insert(hash, known.clone());
        Ok(known)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<ContentHash, Known>> {
        // What another thread was about to remember is no loss.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The word that the headers show, as `Bearer` or as the password of `Basic`.
fn shown(headers: &HeaderMap) -> Option<String> {
    let (scheme, given) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let given = given.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(given.to_string()).filter(|word| !word.is_empty());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(STANDARD.decode(given).ok()?).ok()?;
    let (_, word) = pair.split_once(':')?;
    Some(word.trim().to_string()).filter(|word| !word.is_empty())
}

fn why(headers: &HeaderMap) -> String {
    let said = headers.get(WHY).map(|value| String::from_utf8_lossy(value.as_bytes()));
    said.map(|text| text.chars().take(WHY_CHARS).collect()).unwrap_or_default()
}

fn unknown() -> Refusal {
    let message = "send a token that is valid as `Authorization: Bearer TOKEN`, or as the password \
                   of `Basic`; `gristmill token` makes one";
    Refusal::new(ErrorCode::Unauthenticated, message)
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: &str, expected: Option<&str>) {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, value.parse().unwrap());
        assert_eq!(shown(&headers).as_deref(), expected, "{value}");
    }

    #[test]
    fn a_word_is_shown_in_two_ways() {
        check("Bearer sesame", Some("sesame"));
        check("bearer  sesame ", Some("sesame"));
        check("basic YW55Ym9keTpzZXNhbWU=", Some("sesame"));
        for value in ["Bearer", "Bearer ", "Basic sesame", "Basic !", "Digest sesame", "sesame"] {
            check(value, None);
        }
        assert_eq!(shown(&HeaderMap::new()), None);
    }

    #[test]
    fn a_server_on_loopback_is_open() {
        assert!(Keys::new(&crate::Access::Loopback).is_open());
        assert!(!Keys::new(&crate::Access::Tokens).is_open());
    }
}
