//! Tokens: keys to the server, and what each may do.

use std::time::Duration;

use gristmill_core::{Clock, Timestamp};
use gristmill_track::{Level, NewToken, Role, ThingKind, Token};
use serde::Serialize;

use crate::keeper::Keeper;
use crate::{Error, Home, Result};

/// What a new token is to be.
#[derive(Clone, Debug)]
pub struct TokenWish {
    /// Its name, under which the record shows what was done with it.
    pub name: String,
    /// `read`, `write` or `admin`.
    pub scope: String,
    /// How long it opens; without one until it is revoked.
    pub lifetime: Option<Duration>,
    /// The word that opens, which nobody can guess. It is not kept.
    pub word: String,
}

/// A token with what it may do.
#[derive(Clone, Debug, Serialize)]
pub struct TokenLine {
    /// What is known of it.
    #[serde(flatten)]
    pub token: Token,
    /// Whether it opens anything now.
    pub valid: bool,
    /// What it may do with single things, such as `write model churn`.
    pub roles: Vec<String>,
}

/// What a token is granted: `level` on one thing.
#[derive(Clone, Debug)]
pub struct Grant {
    /// The token's name.
    pub token: String,
    /// `model` or `experiment`.
    pub kind: String,
    /// The model's name, or the experiment's number.
    pub thing: String,
}

/// Makes a token.
///
/// # Errors
/// When the name is taken, the scope is none, or the home cannot be used.
pub fn create(home: &Home, wish: &TokenWish, clock: &dyn Clock) -> Result<TokenLine> {
    let keeper = Keeper::open(home)?;
    let created = clock.now();
    let expires = wish.lifetime.map(|lifetime| after(created, lifetime));
    let new = NewToken {
        name: wish.name.clone(),
        hash: Token::hash_of(&wish.word),
        scope: level(&wish.scope)?,
        created,
        expires,
    };
    let token = keeper.wait(|s| s.create_token(new))?;
    line(&keeper, token, created)
}

/// All tokens by name, those that open nothing any more too.
///
/// # Errors
/// When the home cannot be used.
pub fn list(home: &Home, clock: &dyn Clock) -> Result<Vec<TokenLine>> {
    let keeper = Keeper::open(home)?;
    let tokens = keeper.wait(|s| s.tokens())?;
    tokens.into_iter().map(|token| line(&keeper, token, clock.now())).collect()
}

/// Takes a token out of use for good.
///
/// # Errors
/// When there is none of this name, or the home cannot be used.
pub fn revoke(home: &Home, name: &str, clock: &dyn Clock) -> Result<()> {
    Keeper::open(home)?.wait(|s| s.revoke_token(name, clock.now()))
}

/// Lets a token do so much with one thing, whatever its scope is.
///
/// # Errors
/// When there is no such token, level or sort of thing, or the home cannot be used.
pub fn grant(home: &Home, grant: &Grant, level_of: &str) -> Result<()> {
    let role = Role {
        token: grant.token.clone(),
        kind: kind(&grant.kind)?,
        name: grant.thing.clone(),
        level: level(level_of)?,
    };
    Keeper::open(home)?.wait(|s| s.grant(role))
}

/// Lets a token's scope decide about one thing again.
///
/// # Errors
/// When there was no such grant, or the home cannot be used.
pub fn withdraw(home: &Home, grant: &Grant) -> Result<()> {
    let kind = kind(&grant.kind)?;
    let keeper = Keeper::open(home)?;
    if keeper.wait(|s| s.withdraw(&grant.token, kind, &grant.thing))? {
        return Ok(());
    }
    let Grant { token, thing, .. } = grant;
    Err(Error::input(format!("`{token}` has no role on {kind} `{thing}`"))
        .with_hint("`gristmill token list` shows the roles of each token"))
}

fn line(keeper: &Keeper, token: Token, now: Timestamp) -> Result<TokenLine> {
    let roles = keeper.wait(|s| s.roles(&token.name))?;
    let words = |role: &Role| format!("{} {} {}", role.level, role.kind, role.name);
    let (valid, roles) = (token.is_valid_at(now), roles.iter().map(words).collect());
    Ok(TokenLine { token, valid, roles })
}

fn level(word: &str) -> Result<Level> {
    Level::parse(word).ok_or_else(|| {
        Error::input(format!("`{word}` is no level of access"))
            .with_hint("use `read`, `write` or `admin`; `none` takes one thing away")
    })
}

fn kind(word: &str) -> Result<ThingKind> {
    ThingKind::parse(word).ok_or_else(|| {
        Error::input(format!("`{word}` is no sort of thing"))
            .with_hint("use `model` or `experiment`")
    })
}

fn after(moment: Timestamp, lifetime: Duration) -> Timestamp {
    let micros = i64::try_from(lifetime.as_micros()).unwrap_or(i64::MAX);
    Timestamp(moment.0.saturating_add(micros))
}
