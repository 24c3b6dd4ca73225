//! Leases in SQL.

use gristmill_core::Timestamp;
use sqlx::Row;

use super::{Connection, hold, share};
use crate::check;
use crate::fail::Fail;
use crate::{Author, Lease, RunId, TrackError};

const WHAT: &str = "lease";

pub(super) async fn acquire(
    db: &mut Connection,
    wanted: &Lease,
    now: Timestamp,
) -> Result<bool, Fail> {
    check::name("a lease's name", &wanted.name)?;
    check::name("a lease's holder", &wanted.holder)?;
    hold(db, WHAT, &wanted.name).await?;
    let sql = "INSERT INTO leases (name, holder, until) VALUES ($1, $2, $3) \
               ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until \
               WHERE leases.holder = excluded.holder OR leases.until <= $4";
    let done = sqlx::query(sql)
        .bind(&wanted.name)
        .bind(&wanted.holder)
        .bind(wanted.until.0)
        .bind(now.0)
        .execute(&mut *db)
        .await?;
    Ok(done.rows_affected() == 1)
}

pub(super) async fn renew(db: &mut Connection, wanted: &Lease) -> Result<bool, Fail> {
    hold(db, WHAT, &wanted.name).await?;
    let sql = "UPDATE leases SET until = $3 WHERE name = $1 AND holder = $2";
    let done = sqlx::query(sql)
        .bind(&wanted.name)
        .bind(&wanted.holder)
        .bind(wanted.until.0)
        .execute(&mut *db)
        .await?;
    Ok(done.rows_affected() == 1)
}

pub(super) async fn release(db: &mut Connection, name: &str, holder: &str) -> Result<(), Fail> {
    let sql = "DELETE FROM leases WHERE name = $1 AND holder = $2";
    sqlx::query(sql).bind(name).bind(holder).execute(&mut *db).await?;
    Ok(())
}

pub(super) async fn find(db: &mut Connection, name: &str) -> Result<Option<Lease>, Fail> {
    let sql = "SELECT * FROM leases WHERE name = $1";
    let Some(row) = sqlx::query(sql).bind(name).fetch_optional(&mut *db).await? else {
        return Ok(None);
    };
    Ok(Some(Lease {
        name: row.try_get("name")?,
        holder: row.try_get("holder")?,
        until: Timestamp(row.try_get("until")?),
    }))
}

/// Refuses whoever does not have what it takes to write about a run. Until this transaction ends
/// nobody can take its lease, so that whoever takes it next sees what was written here.
pub(super) async fn refuse_others(
    db: &mut Connection,
    id: RunId,
    author: &Author,
) -> Result<(), Fail> {
    let name = Lease::of_run(id);
    share(db, WHAT, &name).await?;
    let holder = find(db, &name).await?.map(|lease| lease.holder);
    let may = match (author, &holder) {
        (Author::Holder(me), Some(holder)) | (Author::Anyone(me), Some(holder)) => me == holder,
        (Author::Holder(_), None) => false,
        (Author::Anyone(_), None) => true,
    };
    let lost = || TrackError::Lost { what: "run", name: id.to_string(), holder };
    if may { Ok(()) } else { Err(lost().into()) }
}
