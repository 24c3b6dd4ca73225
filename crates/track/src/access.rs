//! Who may do what: tokens, their roles, and the record of what was done with them.

use async_trait::async_trait;
use gristmill_core::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{ContentHash, Page, Result};

words! {
    /// How much may be done with a thing; each level includes those before it.
    Level {
        /// Nothing, not even seeing it.
        None = "none",
        /// It may be looked at.
        Read = "read",
        /// It may be added to and changed.
        Write = "write",
        /// It may be deleted, and others given access to it.
        Admin = "admin",
    }
}

words! {
    /// The sorts of things that a token can have a role on.
    ThingKind {
        /// An experiment with its runs, by number.
        Experiment = "experiment",
        /// A model with its versions, by name.
        Model = "model",
    }
}

/// A key to the server. The word that opens is known to its holder alone; here stands its hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// Its name, under which the record and the history show what was done with it.
    pub name: String,
    /// What may be done with everything it has no role on.
    pub scope: Level,
    /// When it was made.
    pub created: Timestamp,
    /// From when on it opens nothing.
    pub expires: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub used: Option<Timestamp>,
    /// Since when it opens nothing because somebody said so.
    pub revoked: Option<Timestamp>,
}

impl Token {
    /// Whether it opens anything at this moment.
    pub fn is_valid_at(&self, now: Timestamp) -> bool {
        self.revoked.is_none() && self.expires.is_none_or(|expires| now < expires)
    }

    /// Under which hash a token is kept whose word is `word`.
    pub fn hash_of(word: &str) -> ContentHash {
        ContentHash::of(word.as_bytes())
    }
}

/// What a new token is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewToken {
    /// Its name.
    pub name: String,
    /// What its word hashes to, by [`Token::hash_of`].
    pub hash: ContentHash,
    /// What may be done with everything it has no role on.
    pub scope: Level,
    /// The present moment.
    pub created: Timestamp,
    /// From when on it opens nothing.
    pub expires: Option<Timestamp>,
}

/// What may be done with one thing by a token, whatever its scope is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// The token's name.
    pub token: String,
    /// What sort of thing it is.
    pub kind: ThingKind,
    /// The number of the experiment, or the name of the model.
    pub name: String,
    /// How much may be done with it.
    pub level: Level,
}

words! {
    /// What became of something that somebody asked for.
    Outcome {
        /// It was done.
        Allowed = "allowed",
        /// It was refused for want of access.
        Refused = "refused",
        /// It was allowed, and could not be done.
        Failed = "failed",
    }
}

/// One line of the record: who did what, when, and from where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditLine {
    /// When.
    pub at: Timestamp,
    /// The token's name; empty when there was none.
    pub who: String,
    /// The address that it came from.
    pub origin: String,
    /// What was asked for.
    pub did: String,
    /// The thing that it was about; empty when it was about none in particular.
    pub thing: String,
    /// What became of it.
    pub outcome: Outcome,
}

/// Which lines of the record are wanted. `None` leaves that question open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditQuery {
    /// Lines of this token.
    pub who: Option<String>,
    /// Lines about this thing.
    pub thing: Option<String>,
    /// Lines with this outcome.
    pub outcome: Option<Outcome>,
    /// Which part of the answer.
    pub page: Page,
}

/// Keeps who may do what, and what was done. Calls are as those of [`Store`](crate::Store).
#[async_trait]
pub trait Access: Send + Sync {
    /// The new token. `Exists` when the name is taken, by a revoked one too; `Invalid` for the scope
    /// `none`, which would open nothing.
    async fn create_token(&self, new: NewToken) -> Result<Token>;

    /// All tokens by name, those that open nothing any more too.
    async fn tokens(&self) -> Result<Vec<Token>>;

    /// The token whose word has this hash, if there is one, valid or not.
    async fn token_of(&self, hash: ContentHash) -> Result<Option<Token>>;

    /// Notes that a token was used. `NotFound`.
    async fn note_token_use(&self, name: &str, at: Timestamp) -> Result<()>;

    /// Takes a token out of use for good. `NotFound`; nothing changes when it is already.
    async fn revoke_token(&self, name: &str, at: Timestamp) -> Result<()>;

    /// Gives a token a role on a thing, in the place of the one that it had. `NotFound` for the token.
    async fn grant(&self, role: Role) -> Result<()>;

    /// Takes a role away: the token's scope decides again. Whether there was one.
    async fn withdraw(&self, token: &str, kind: ThingKind, name: &str) -> Result<bool>;

    /// The roles of a token by sort and name of the thing; none when there is no such token.
    async fn roles(&self, token: &str) -> Result<Vec<Role>>;

    /// Adds lines to the record, in this order.
    async fn record_audit(&self, lines: Vec<AuditLine>) -> Result<()>;

    /// The lines of the record that match, the latest first.
    async fn audit(&self, query: &AuditQuery) -> Result<Vec<AuditLine>>;

    /// Forgets the lines from before a moment; how many there were.
    async fn forget_audit(&self, before: Timestamp) -> Result<u64>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(expires: Option<i64>, revoked: Option<i64>, valid: bool) {
        let token = Token {
            name: "ci".into(),
            scope: Level::Read,
            created: Timestamp(0),
            expires: expires.map(Timestamp),
            used: None,
            revoked: revoked.map(Timestamp),
        };
        assert_eq!(token.is_valid_at(Timestamp(10)), valid);
    }

    #[test]
    fn a_token_opens_until_it_expires_or_is_revoked() {
        check(None, None, true);
        check(Some(11), None, true);
        check(Some(10), None, false);
        check(None, Some(20), false);
    }

    #[test]
    fn each_level_includes_those_before_it() {
        assert!(Level::None < Level::Read && Level::Read < Level::Write);
        assert!(Level::Write < Level::Admin);
    }
}
