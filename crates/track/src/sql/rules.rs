//! Rules of aliases in SQL, and the moves that they refuse.

use sqlx::Row;

use super::columns::json;
use super::history::{self, Line};
use super::{Connection, DbRow, hold, models};
use crate::check;
use crate::fail::Fail;
use crate::{AliasRule, Approval, ModelVersion, Note, TrackError, WhatHappened};

pub(super) async fn set(db: &mut Connection, rule: &AliasRule, note: &Note) -> Result<(), Fail> {
    check::alias(&rule.alias)?;
    hold(db, models::WHAT, &rule.model).await?;
    models::require(db, &rule.model).await?;
    for approval in &rule.approvals {
        if let Approval::By(who) = approval {
            check::name("who approves", who)?;
        }
    }
    let sql = "DELETE FROM alias_rules WHERE model = $1 AND alias = $2";
    sqlx::query(sql).bind(&rule.model).bind(&rule.alias).execute(&mut *db).await?;
    if !rule.approvals.is_empty() {
        insert(db, rule).await?;
    }
    let line = Line { alias: Some(rule.alias.clone()), ..Line::default() };
    history::append(db, &rule.model, WhatHappened::RuleSet, line, note).await
}

async fn insert(db: &mut Connection, rule: &AliasRule) -> Result<(), Fail> {
    let approvals = serde_json::to_string(&rule.approvals)
        .map_err(|error| TrackError::Bug(format!("a rule is no JSON: {error}")))?;
    let sql = "INSERT INTO alias_rules (model, alias, approvals) VALUES ($1, $2, $3)";
    sqlx::query(sql).bind(&rule.model).bind(&rule.alias).bind(approvals).execute(&mut *db).await?;
    Ok(())
}

pub(super) async fn list(db: &mut Connection, model: &str) -> Result<Vec<AliasRule>, Fail> {
    models::require(db, model).await?;
    let sql = "SELECT * FROM alias_rules WHERE model = $1 ORDER BY alias";
    let rows = sqlx::query(sql).bind(model).fetch_all(&mut *db).await?;
    rows.iter().map(decode).collect()
}

/// Refuses a move of an alias that its rule does not allow.
pub(super) async fn refuse_move(
    db: &mut Connection,
    alias: &str,
    version: &ModelVersion,
    note: &Note,
) -> Result<(), Fail> {
    match find(db, &version.model, alias).await? {
        Some(rule) if !rule.allows(version, note) => {
            let found = format!("a move to version {} by {}", version.version, named(note));
            Err(refusal(&rule, found))
        }
        _ => Ok(()),
    }
}

/// Refuses to take an alias away when its rule does not allow it.
pub(super) async fn refuse_removal(
    db: &mut Connection,
    model: &str,
    alias: &str,
    note: &Note,
) -> Result<(), Fail> {
    match find(db, model, alias).await? {
        Some(rule) if !rule.allows_removal(note) => {
            Err(refusal(&rule, format!("its removal by {}", named(note))))
        }
        _ => Ok(()),
    }
}

fn named(note: &Note) -> String {
    if note.who.is_empty() { "nobody by name".into() } else { format!("`{}`", note.who) }
}

fn refusal(rule: &AliasRule, found: String) -> Fail {
    let (model, alias) = (rule.model.clone(), rule.alias.clone());
    TrackError::NotApproved { model, alias, needs: rule.needs(), found }.into()
}

async fn find(db: &mut Connection, model: &str, alias: &str) -> Result<Option<AliasRule>, Fail> {
    let sql = "SELECT * FROM alias_rules WHERE model = $1 AND alias = $2";
    let row = sqlx::query(sql).bind(model).bind(alias).fetch_optional(&mut *db).await?;
    row.as_ref().map(decode).transpose()
}

fn decode(row: &DbRow) -> Result<AliasRule, Fail> {
    Ok(AliasRule {
        model: row.try_get("model")?,
        alias: row.try_get("alias")?,
        approvals: json(row, "approvals")?,
    })
}
