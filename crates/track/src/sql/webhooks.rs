//! Webhooks in SQL.

use gristmill_core::Timestamp;
use sqlx::Row;

use super::columns::word;
use super::{Connection, DbRow, hold};
use crate::check;
use crate::fail::Fail;
use crate::{Page, Secret, TrackError, Webhook, WebhookEvent, WebhookStatus, WebhookUpdate};

const WHAT: &str = "webhook";

pub(super) async fn create(db: &mut Connection, new: &Webhook) -> Result<(), Fail> {
    check::key("a webhook's id", &new.id)?;
    hold(db, WHAT, &new.id).await?;
    if find(db, &new.id).await?.is_some() {
        return Err(TrackError::Exists { what: WHAT, name: new.id.clone() }.into());
    }
    let sql = "INSERT INTO webhooks (id, name, url, description, secret, status, created, updated) \
               VALUES ($1, '', '', '', NULL, 'active', $2, $3)";
    sqlx::query(sql)
        .bind(&new.id)
        .bind(new.created.0)
        .bind(new.updated.0)
        .execute(&mut *db)
        .await?;
    store(db, new).await
}

pub(super) async fn webhook(db: &mut Connection, id: &str) -> Result<Webhook, Fail> {
    match find(db, id).await? {
        Some(row) => with_events(db, &row).await,
        None => Err(TrackError::not_found(WHAT, id).into()),
    }
}

pub(super) async fn list(db: &mut Connection, page: Page) -> Result<Vec<Webhook>, Fail> {
    let sql = "SELECT * FROM webhooks ORDER BY created DESC, id LIMIT $1 OFFSET $2";
    let rows = sqlx::query(sql)
        .bind(i64::from(page.limit))
        .bind(page.skipped())
        .fetch_all(&mut *db)
        .await?;
    all_with_events(db, &rows).await
}

pub(super) async fn told_of(
    db: &mut Connection,
    event: WebhookEvent,
) -> Result<Vec<Webhook>, Fail> {
    let sql = "SELECT * FROM webhooks WHERE status = 'active' AND id IN \
               (SELECT webhook_id FROM webhook_events WHERE event = $1) \
               ORDER BY created DESC, id";
    let rows = sqlx::query(sql).bind(event.as_str()).fetch_all(&mut *db).await?;
    all_with_events(db, &rows).await
}

pub(super) async fn update(
    db: &mut Connection,
    id: &str,
    update: &WebhookUpdate,
    at: Timestamp,
) -> Result<Webhook, Fail> {
    hold(db, WHAT, id).await?;
    let now = webhook(db, id).await?;
    let update = update.clone();
    let secret = match update.secret {
        Some(secret) if secret.reveal().is_empty() => None,
        Some(secret) => Some(secret),
        None => now.secret,
    };
    let changed = Webhook {
        id: now.id,
        name: update.name.unwrap_or(now.name),
        url: update.url.unwrap_or(now.url),
        description: update.description.unwrap_or(now.description),
        secret,
        status: update.status.unwrap_or(now.status),
        events: update.events.unwrap_or(now.events),
        created: now.created,
        updated: at,
    };
    store(db, &changed).await?;
    Ok(changed)
}

pub(super) async fn delete(db: &mut Connection, id: &str) -> Result<(), Fail> {
    let sql = "DELETE FROM webhooks WHERE id = $1";
    match sqlx::query(sql).bind(id).execute(&mut *db).await?.rows_affected() {
        0 => Err(TrackError::not_found(WHAT, id).into()),
        _ => Ok(()),
    }
}

/// Writes all of a webhook over the row that it has.
async fn store(db: &mut Connection, webhook: &Webhook) -> Result<(), Fail> {
    check::name("a webhook's name", &webhook.name)?;
    check::value("webhook", "url", &webhook.url, check::MAX_TAG_CHARS)?;
    let secret = webhook.secret.as_ref().map(Secret::reveal);
    check::value("webhook", "secret", secret.unwrap_or_default(), check::MAX_TAG_CHARS)?;
    if webhook.events.is_empty() {
        let what = format!("what webhook `{}` is told of", webhook.name);
        return Err(TrackError::invalid(what, "nothing", "at least one event").into());
    }
    let sql = "UPDATE webhooks SET name = $2, url = $3, description = $4, secret = $5, \
               status = $6, updated = $7 WHERE id = $1";
    sqlx::query(sql)
        .bind(&webhook.id)
        .bind(&webhook.name)
        .bind(&webhook.url)
        .bind(check::free_text(&webhook.description))
        .bind(secret)
        .bind(webhook.status.as_str())
        .bind(webhook.updated.0)
        .execute(&mut *db)
        .await?;
    let sql = "DELETE FROM webhook_events WHERE webhook_id = $1";
    sqlx::query(sql).bind(&webhook.id).execute(&mut *db).await?;
    let sql = "INSERT INTO webhook_events (webhook_id, position, event) VALUES ($1, $2, $3)";
    for (position, event) in (0_i64..).zip(&webhook.events) {
        sqlx::query(sql)
            .bind(&webhook.id)
            .bind(position)
            .bind(event.as_str())
            .execute(&mut *db)
            .await?;
    }
    Ok(())
}

async fn find(db: &mut Connection, id: &str) -> Result<Option<DbRow>, Fail> {
    let sql = "SELECT * FROM webhooks WHERE id = $1";
    Ok(sqlx::query(sql).bind(id).fetch_optional(&mut *db).await?)
}

async fn all_with_events(db: &mut Connection, rows: &[DbRow]) -> Result<Vec<Webhook>, Fail> {
    let mut webhooks = Vec::with_capacity(rows.len());
    for row in rows {
        webhooks.push(with_events(db, row).await?);
    }
    Ok(webhooks)
}

async fn with_events(db: &mut Connection, row: &DbRow) -> Result<Webhook, Fail> {
    let id: String = row.try_get("id")?;
    let sql = "SELECT event FROM webhook_events WHERE webhook_id = $1 ORDER BY position";
    let events = sqlx::query(sql).bind(&id).fetch_all(&mut *db).await?;
    let events = events.iter().map(|row| word(row, "event", WebhookEvent::parse));
    Ok(Webhook {
        name: row.try_get("name")?,
        url: row.try_get("url")?,
        description: row.try_get("description")?,
        secret: row.try_get::<Option<String>, _>("secret")?.map(Secret::new),
        status: word(row, "status", WebhookStatus::parse)?,
        events: events.collect::<Result<_, Fail>>()?,
        created: Timestamp(row.try_get("created")?),
        updated: Timestamp(row.try_get("updated")?),
        id,
    })
}
