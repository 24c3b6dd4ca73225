//! Roles of tokens in SQL.

use sqlx::Row;

use super::columns::word;
use super::{Connection, DbRow, tokens};
use crate::check;
use crate::fail::Fail;
use crate::{Level, Role, ThingKind};

pub(super) async fn grant(db: &mut Connection, role: &Role) -> Result<(), Fail> {
    check::name("the name of a thing", &role.name)?;
    tokens::require(db, &role.token).await?;
    let sql = "INSERT INTO roles (token, kind, name, level) VALUES ($1, $2, $3, $4) \
               ON CONFLICT (token, kind, name) DO UPDATE SET level = excluded.level";
    sqlx::query(sql)
        .bind(&role.token)
        .bind(role.kind.as_str())
        .bind(&role.name)
        .bind(role.level.as_str())
        .execute(&mut *db)
        .await?;
    Ok(())
}

pub(super) async fn withdraw(
    db: &mut Connection,
    token: &str,
    kind: ThingKind,
    name: &str,
) -> Result<bool, Fail> {
    let sql = "DELETE FROM roles WHERE token = $1 AND kind = $2 AND name = $3";
    let gone = sqlx::query(sql).bind(token).bind(kind.as_str()).bind(name);
    Ok(gone.execute(&mut *db).await?.rows_affected() > 0)
}

pub(super) async fn list(db: &mut Connection, token: &str) -> Result<Vec<Role>, Fail> {
    let sql = "SELECT * FROM roles WHERE token = $1 ORDER BY kind, name";
    let rows = sqlx::query(sql).bind(token).fetch_all(&mut *db).await?;
    rows.iter().map(decode).collect()
}

/// Lets the roles on a model follow it to its new name.
pub(super) async fn follow(db: &mut Connection, name: &str, new_name: &str) -> Result<(), Fail> {
    // A role that stands under the new name was given for a model that is gone.
    forget(db, ThingKind::Model, new_name).await?;
    let sql = "UPDATE roles SET name = $3 WHERE kind = $1 AND name = $2";
    sqlx::query(sql)
        .bind(ThingKind::Model.as_str())
        .bind(name)
        .bind(new_name)
        .execute(&mut *db)
        .await?;
    Ok(())
}

/// Takes away all roles on a thing, so that nobody has one on the next thing of its name.
pub(super) async fn forget(db: &mut Connection, kind: ThingKind, name: &str) -> Result<(), Fail> {
    let sql = "DELETE FROM roles WHERE kind = $1 AND name = $2";
    sqlx::query(sql).bind(kind.as_str()).bind(name).execute(&mut *db).await?;
    Ok(())
}

fn decode(row: &DbRow) -> Result<Role, Fail> {
    Ok(Role {
        token: row.try_get("token")?,
        kind: word(row, "kind", ThingKind::parse)?,
        name: row.try_get("name")?,
        level: word(row, "level", Level::parse)?,
    })
}
