//! Access in SQL: which statements answer which call.

use async_trait::async_trait;
use gristmill_core::Timestamp;

use super::{Keeper, audit, roles, tokens};
use crate::{Access, AuditLine, AuditQuery, ContentHash, NewToken, Result, Role, ThingKind, Token};

#[async_trait]
impl Access for Keeper {
    async fn create_token(&self, new: NewToken) -> Result<Token> {
        self.write(new, |db, new| Box::pin(tokens::create(db, new))).await
    }

    async fn tokens(&self) -> Result<Vec<Token>> {
        self.read((), |db, ()| Box::pin(tokens::list(db))).await
    }

    async fn token_of(&self, hash: ContentHash) -> Result<Option<Token>> {
        self.read(hash, |db, hash| Box::pin(tokens::of_hash(db, *hash))).await
    }

    async fn note_token_use(&self, name: &str, at: Timestamp) -> Result<()> {
        self.write((name.to_string(), at), |db, (name, at)| {
            Box::pin(tokens::note_use(db, name, *at))
        })
        .await
    }

    async fn revoke_token(&self, name: &str, at: Timestamp) -> Result<()> {
        self.write((name.to_string(), at), |db, (name, at)| Box::pin(tokens::revoke(db, name, *at)))
            .await
    }

    async fn grant(&self, role: Role) -> Result<()> {
        self.write(role, |db, role| Box::pin(roles::grant(db, role))).await
    }

    async fn withdraw(&self, token: &str, kind: ThingKind, name: &str) -> Result<bool> {
        self.write((token.to_string(), kind, name.to_string()), |db, (token, kind, name)| {
            Box::pin(roles::withdraw(db, token, *kind, name))
        })
        .await
    }

    async fn roles(&self, token: &str) -> Result<Vec<Role>> {
        self.read(token.to_string(), |db, token| Box::pin(roles::list(db, token))).await
    }

    async fn record_audit(&self, lines: Vec<AuditLine>) -> Result<()> {
        self.write(lines, |db, lines| Box::pin(audit::record(db, lines))).await
    }

    async fn audit(&self, query: &AuditQuery) -> Result<Vec<AuditLine>> {
        self.read(query.clone(), |db, query| Box::pin(audit::find(db, query))).await
    }

    async fn forget_audit(&self, before: Timestamp) -> Result<u64> {
        self.write(before, |db, before| Box::pin(audit::forget(db, *before))).await
    }
}
