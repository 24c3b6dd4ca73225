//! Tokens in SQL.

use gristmill_core::Timestamp;
use sqlx::Row;

use super::columns::word;
use super::{Connection, DbRow, hold};
use crate::check;
use crate::fail::Fail;
use crate::{ContentHash, Level, NewToken, Token, TrackError};

pub(super) const WHAT: &str = "token";

pub(super) async fn create(db: &mut Connection, new: &NewToken) -> Result<Token, Fail> {
    check::name("a token's name", &new.name)?;
    if new.scope == Level::None {
        let expected = "`read`, `write` or `admin`";
        return Err(TrackError::invalid("a token's scope", "`none`", expected).into());
    }
    hold(db, WHAT, &new.name).await?;
    if find(db, &new.name).await?.is_some() {
        return Err(TrackError::Exists { what: WHAT, name: new.name.clone() }.into());
    }
    let sql = "INSERT INTO tokens (name, hash, scope, created, expires) \
               VALUES ($1, $2, $3, $4, $5)";
    sqlx::query(sql)
        .bind(&new.name)
        .bind(new.hash.to_string())
        .bind(new.scope.as_str())
        .bind(new.created.0)
        .bind(new.expires.map(|at| at.0))
        .execute(&mut *db)
        .await?;
    require(db, &new.name).await
}

pub(super) async fn list(db: &mut Connection) -> Result<Vec<Token>, Fail> {
    let rows = sqlx::query("SELECT * FROM tokens ORDER BY name").fetch_all(&mut *db).await?;
    rows.iter().map(decode).collect()
}

pub(super) async fn of_hash(db: &mut Connection, hash: ContentHash) -> Result<Option<Token>, Fail> {
    let sql = "SELECT * FROM tokens WHERE hash = $1";
    let row = sqlx::query(sql).bind(hash.to_string()).fetch_optional(&mut *db).await?;
    row.as_ref().map(decode).transpose()
}

pub(super) async fn note_use(db: &mut Connection, name: &str, at: Timestamp) -> Result<(), Fail> {
    let sql = "UPDATE tokens SET used = $2 WHERE name = $1";
    match sqlx::query(sql).bind(name).bind(at.0).execute(&mut *db).await?.rows_affected() {
        0 => Err(unknown(db, name).await?),
        _ => Ok(()),
    }
}

pub(super) async fn revoke(db: &mut Connection, name: &str, at: Timestamp) -> Result<(), Fail> {
    let sql = "UPDATE tokens SET revoked = coalesce(revoked, $2) WHERE name = $1";
    match sqlx::query(sql).bind(name).bind(at.0).execute(&mut *db).await?.rows_affected() {
        0 => Err(unknown(db, name).await?),
        _ => Ok(()),
    }
}

/// The token of this name, valid or not.
pub(super) async fn require(db: &mut Connection, name: &str) -> Result<Token, Fail> {
    match find(db, name).await? {
        Some(row) => decode(&row),
        None => Err(unknown(db, name).await?),
    }
}

async fn find(db: &mut Connection, name: &str) -> Result<Option<DbRow>, Fail> {
    let sql = "SELECT * FROM tokens WHERE name = $1";
    Ok(sqlx::query(sql).bind(name).fetch_optional(&mut *db).await?)
}

async fn unknown(db: &mut Connection, name: &str) -> Result<Fail, Fail> {
    let sql = "SELECT name FROM tokens ORDER BY name LIMIT 20";
    let known = sqlx::query_scalar(sql).fetch_all(&mut *db).await?;
    Ok(TrackError::NotFound { what: WHAT, name: name.into(), known }.into())
}

fn decode(row: &DbRow) -> Result<Token, Fail> {
    let moment = |column: &str| -> Result<Option<Timestamp>, Fail> {
        Ok(row.try_get::<Option<i64>, _>(column)?.map(Timestamp))
    };
    Ok(Token {
        name: row.try_get("name")?,
        scope: word(row, "scope", Level::parse)?,
        created: Timestamp(row.try_get("created")?),
        expires: moment("expires")?,
        used: moment("used")?,
        revoked: moment("revoked")?,
    })
}
