//! Plans of traffic and outcomes of A/B tests in SQL.

use gristmill_core::Timestamp;
use sqlx::{QueryBuilder, Row};

use super::columns::{count, json, word};
use super::history::{self, Line};
use super::{Connection, Database, DbRow, hold, models, rules, versions};
use crate::check;
use crate::fail::Fail;
use crate::{
    Arm, ArmTotals, CHAMPION, MAX_REQUEST_ID_CHARS, ModelVersion, Note, PredictionOutcome,
    StartedTest, TestTotals, TrackError, Traffic, TrafficPlan, VersionRef, WhatHappened,
};

/// How many outcomes one statement keeps.
const TOGETHER: usize = 500;

pub(super) async fn set(
    db: &mut Connection,
    model: &str,
    plan: &TrafficPlan,
    note: &Note,
) -> Result<Traffic, Fail> {
    hold(db, models::WHAT, model).await?;
    models::require(db, model).await?;
    check_plan(plan)?;
    let before = traffic(db, model).await?;
    refuse_unapproved(db, model, plan, note).await?;
    if let Some(shadow) = &plan.shadow {
        resolve(db, model, shadow).await?;
    }
    let test = started(db, model, plan, before.test, note).await?;
    let set = Traffic { plan: plan.clone(), test };
    keep(db, model, &set).await?;
    let why = match note.why.is_empty() {
        true => plan.to_string(),
        false => format!("{plan}: {}", note.why),
    };
    let note = Note { why, ..note.clone() };
    history::append(db, model, WhatHappened::TrafficSet, Line::default(), &note).await?;
    models::touch(db, model, note.at).await?;
    Ok(set)
}

async fn keep(db: &mut Connection, model: &str, set: &Traffic) -> Result<(), Fail> {
    sqlx::query("DELETE FROM traffic WHERE model = $1").bind(model).execute(&mut *db).await?;
    if set.plan.is_empty() {
        return Ok(());
    }
    let written = |result: serde_json::Result<String>| {
        result.map_err(|error| TrackError::Bug(format!("a plan is no JSON: {error}")))
    };
    let plan = written(serde_json::to_string(&set.plan))?;
    let test = set.test.as_ref().map(serde_json::to_string).map(written).transpose()?;
    let sql = "INSERT INTO traffic (model, plan, test) VALUES ($1, $2, $3)";
    sqlx::query(sql).bind(model).bind(plan).bind(test).execute(&mut *db).await?;
    Ok(())
}

pub(super) async fn traffic(db: &mut Connection, model: &str) -> Result<Traffic, Fail> {
    models::require(db, model).await?;
    let sql = "SELECT * FROM traffic WHERE model = $1";
    let row = sqlx::query(sql).bind(model).fetch_optional(&mut *db).await?;
    let Some(row) = row else { return Ok(Traffic::default()) };
    let test = match row.try_get::<Option<&str>, _>("test")? {
        Some(_) => Some(json(&row, "test")?),
        None => None,
    };
    Ok(Traffic { plan: json(&row, "plan")?, test })
}

/// Refuses what no division of requests can be.
fn check_plan(plan: &TrafficPlan) -> Result<(), Fail> {
    let percent = |what: &str, percent: f64, fits: bool, expected: &str| match fits {
        true => Ok(()),
        false => Err(TrackError::invalid(what, percent.to_string(), expected)),
    };
    if let Some(canary) = &plan.canary {
        let given = canary.percent;
        let fits = given > 0.0 && given <= 100.0;
        percent("the percentage of the canary", given, fits, "a number above 0, at most 100")?;
    }
    if let Some(test) = &plan.ab_test {
        let (given, alpha) = (test.percent, test.alpha);
        let fits = given > 0.0 && given < 100.0;
        percent("the percentage of the A/B test", given, fits, "a number between 0 and 100")?;
        let fits = alpha > 0.0 && alpha <= 0.5;
        percent("`alpha` of the A/B test", alpha, fits, "a number above 0, at most 0.5")?;
    }
    if plan.canary.is_some() && plan.ab_test.is_some() {
        let found = "with a canary and an A/B test";
        return Err(
            TrackError::invalid("a plan", found, "one of them: both divide requests").into()
        );
    }
    Ok(())
}

/// Refuses a version that answers in place of the champion and that the champion's rule does not allow.
async fn refuse_unapproved(
    db: &mut Connection,
    model: &str,
    plan: &TrafficPlan,
    note: &Note,
) -> Result<(), Fail> {
    let canary = plan.canary.as_ref().map(|canary| &canary.to);
    let treatment = plan.ab_test.as_ref().map(|test| &test.treatment);
    for named in canary.into_iter().chain(treatment) {
        let version = resolve(db, model, named).await?;
        rules::refuse_move(db, CHAMPION, &version, note).await?;
    }
    let has_rule = rules::list(db, model).await?.iter().any(|rule| rule.alias == CHAMPION);
    if let Some(VersionRef::Alias(alias)) = canary.filter(|_| has_rule) {
        let expected = "a version by its number: an alias could move past the champion's rule";
        return Err(TrackError::invalid("the canary", format!("`@{alias}`"), expected).into());
    }
    Ok(())
}

async fn resolve(
    db: &mut Connection,
    model: &str,
    named: &VersionRef,
) -> Result<ModelVersion, Fail> {
    match named {
        VersionRef::Number(number) => versions::version(db, model, *number).await,
        VersionRef::Alias(alias) => history::aliased(db, model, alias).await,
    }
}

/// The test of the plan: the one that goes on already where that divides between the same versions alike.
async fn started(
    db: &mut Connection,
    model: &str,
    plan: &TrafficPlan,
    before: Option<StartedTest>,
    note: &Note,
) -> Result<Option<StartedTest>, Fail> {
    let Some(wanted) = &plan.ab_test else { return Ok(None) };
    let treatment = resolve(db, model, &wanted.treatment).await?.version;
    let aliases = models::model(db, model).await?.aliases;
    let control = match aliases.get(CHAMPION) {
        Some(champion) => *champion,
        None => versions::newest(db, model).await?.version,
    };
    if treatment == control {
        let found = format!("of version {control}, which answers `{model}` already");
        return Err(TrackError::invalid("an A/B test", found, "one of another version").into());
    }
    if let Some(before) = before
        && (before.control, before.treatment, before.percent)
            == (control, treatment, wanted.percent)
    {
        return Ok(Some(before));
    }
    let sql = "SELECT coalesce(max(number), 0) + 1 AS number FROM model_events WHERE model = $1";
    let row = sqlx::query(sql).bind(model).fetch_one(&mut *db).await?;
    let number = count(&row, "number")?;
    Ok(Some(StartedTest { number, control, treatment, percent: wanted.percent, began: note.at }))
}

/// Keeps outcomes of a test; of those with one id the first stays. How many are new comes back.
pub(super) async fn record(
    db: &mut Connection,
    model: &str,
    test: u64,
    outcomes: &[PredictionOutcome],
    at: Timestamp,
) -> Result<u64, Fail> {
    models::require(db, model).await?;
    outcomes.iter().try_for_each(check_outcome)?;
    let test = i64::try_from(test).unwrap_or(i64::MAX);
    let mut new = 0;
    for some in outcomes.chunks(TOGETHER) {
        let head = "INSERT INTO outcomes (model, test, id, arm, value, at) ";
        let mut sql = QueryBuilder::<Database>::new(head);
        sql.push_values(some, |mut row, outcome| {
            row.push_bind(model)
                .push_bind(test)
                .push_bind(&outcome.id)
                .push_bind(outcome.arm.as_str())
                .push_bind(outcome.value)
                .push_bind(at.0);
        });
        sql.push(" ON CONFLICT (model, test, id) DO NOTHING");
        new += sql.build().execute(&mut *db).await?.rows_affected();
    }
    Ok(new)
}

fn check_outcome(outcome: &PredictionOutcome) -> Result<(), Fail> {
    let PredictionOutcome { id, value, .. } = outcome;
    check::name("the id of an outcome", id)?;
    check::value("outcome", "id", id, MAX_REQUEST_ID_CHARS)?;
    match value.is_finite() {
        true => Ok(()),
        false => {
            let what = format!("the value of the outcome of `{id}`");
            Err(TrackError::invalid(what, value.to_string(), "a finite number").into())
        }
    }
}

/// What the outcomes of a test come to.
pub(super) async fn totals(
    db: &mut Connection,
    model: &str,
    test: u64,
) -> Result<TestTotals, Fail> {
    models::require(db, model).await?;
    // Distances are taken from the mean, which is known first: sums of squares would cancel.
    let sql = "WITH means AS (SELECT arm, avg(value) AS mean FROM outcomes \
               WHERE model = $1 AND test = $2 GROUP BY arm) \
               SELECT o.arm, count(*) AS count, max(m.mean) AS mean, \
               sum((o.value - m.mean) * (o.value - m.mean)) AS squares \
               FROM outcomes o JOIN means m ON m.arm = o.arm \
               WHERE o.model = $1 AND o.test = $2 GROUP BY o.arm";
    let test = i64::try_from(test).unwrap_or(i64::MAX);
    let rows = sqlx::query(sql).bind(model).bind(test).fetch_all(&mut *db).await?;
    let mut totals = TestTotals::default();
    for row in &rows {
        let found = decode(row)?;
        match word(row, "arm", Arm::parse)? {
            Arm::Control => totals.control = found,
            Arm::Treatment => totals.treatment = found,
        }
    }
    Ok(totals)
}

fn decode(row: &DbRow) -> Result<ArmTotals, Fail> {
    let (mean, squares) = (row.try_get("mean")?, row.try_get("squares")?);
    Ok(ArmTotals { count: count(row, "count")?, mean, squares })
}
