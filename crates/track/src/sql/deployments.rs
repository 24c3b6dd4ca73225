//! Deployments in SQL.

use gristmill_core::Timestamp;
use sqlx::Row;

use super::columns::json;
use super::{Connection, DbRow};
use crate::check::{self, MAX_TAG_CHARS};
use crate::fail::Fail;
use crate::{Deployment, TrackError};

pub(super) async fn deploy(db: &mut Connection, new: &Deployment) -> Result<(), Fail> {
    check::name("a deployment's name", &new.name)?;
    for (key, text) in [("folder", &new.folder), ("file", &new.file), ("digest", &new.digest)] {
        check::value("deployment", key, text, MAX_TAG_CHARS)?;
    }
    let sql = "INSERT INTO deployments \
               (name, folder, file, settings, digest, deployed, undeployed) \
               VALUES ($1, $2, $3, $4, $5, $6, $7) \
               ON CONFLICT (name) DO UPDATE SET folder = excluded.folder, file = excluded.file, \
               settings = excluded.settings, digest = excluded.digest, \
               deployed = excluded.deployed, undeployed = excluded.undeployed";
    sqlx::query(sql)
        .bind(&new.name)
        .bind(&new.folder)
        .bind(&new.file)
        .bind(new.settings.to_string())
        .bind(&new.digest)
        .bind(new.deployed.0)
        .bind(new.undeployed.map(|at| at.0))
        .execute(&mut *db)
        .await?;
    Ok(())
}

pub(super) async fn undeploy(db: &mut Connection, name: &str, at: Timestamp) -> Result<(), Fail> {
    let sql = "UPDATE deployments SET undeployed = $2 WHERE name = $1 AND undeployed IS NULL";
    let done = sqlx::query(sql).bind(name).bind(at.0).execute(&mut *db).await?;
    if done.rows_affected() == 0 { Err(unknown(db, name).await?) } else { Ok(()) }
}

pub(super) async fn list(db: &mut Connection) -> Result<Vec<Deployment>, Fail> {
    let rows = sqlx::query("SELECT * FROM deployments ORDER BY name").fetch_all(&mut *db).await?;
    rows.iter().map(decode).collect()
}

pub(super) async fn by_name(db: &mut Connection, name: &str) -> Result<Deployment, Fail> {
    let sql = "SELECT * FROM deployments WHERE name = $1";
    match sqlx::query(sql).bind(name).fetch_optional(&mut *db).await? {
        Some(row) => decode(&row),
        None => Err(unknown(db, name).await?),
    }
}

async fn unknown(db: &mut Connection, name: &str) -> Result<Fail, Fail> {
    let sql = "SELECT name FROM deployments WHERE undeployed IS NULL ORDER BY name LIMIT 20";
    let known = sqlx::query_scalar(sql).fetch_all(&mut *db).await?;
    Ok(TrackError::NotFound { what: "deployment", name: name.into(), known }.into())
}

fn decode(row: &DbRow) -> Result<Deployment, Fail> {
    Ok(Deployment {
        name: row.try_get("name")?,
        folder: row.try_get("folder")?,
        file: row.try_get("file")?,
        settings: json(row, "settings")?,
        digest: row.try_get("digest")?,
        deployed: Timestamp(row.try_get("deployed")?),
        undeployed: row.try_get::<Option<i64>, _>("undeployed")?.map(Timestamp),
    })
}
