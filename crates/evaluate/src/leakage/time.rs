//! Time that runs backwards: learning from tomorrow to be tested on today.

use gristmill_core::{Column, Field, Frame, MISSING_TIME, Result, Role, SemanticType, Table};

use super::{Finding, LeakKind, Severity, percent};
use crate::Parts;

pub(super) fn find(table: &Table, parts: &Parts) -> Result<Vec<Finding>> {
    let fields = table.schema().fields().iter().enumerate();
    // A column that orders the rows is believed; another moment may well be a mere feature.
    let (ordering, moments): (Vec<_>, Vec<_>) = fields
        .filter(|(_, field)| {
            field.role == Role::Time
                || (field.role == Role::Feature && field.semantic == SemanticType::Datetime)
        })
        .partition(|(_, field)| field.role == Role::Time);
    let looked_at = if ordering.is_empty() { moments } else { ordering };
    let mut findings = Vec::new();
    for (at, field) in looked_at {
        if let Some(earlier) = earlier(table, at, parts)? {
            findings.push(finding(field, earlier, parts.test.len()));
        }
    }
    Ok(findings)
}

fn finding(field: &Field, earlier: usize, test: usize) -> Finding {
    let name = &field.name;
    Finding {
        kind: LeakKind::TimeBackwards,
        severity: match field.role {
            Role::Time => Severity::Warning,
            _ => Severity::Notice,
        },
        column: Some(name.clone()),
        evidence: format!(
            "by `{name}`, {earlier} of {test} test rows ({}) are earlier than the latest training \
             row",
            percent(earlier, test)
        ),
        remedy: format!(
            "if rows follow each other in time, test the latest: `split: {{time: {name}}}`"
        ),
    }
}

/// How many test rows are earlier than the latest training row, if any are.
fn earlier(table: &Table, at: usize, parts: &Parts) -> Result<Option<usize>> {
    let frame = Frame::from_table(&table.select(&[at]))?.dense()?;
    let Some(column) = frame.columns().first() else { return Ok(None) };
    let moment = |row: &u32| -> Option<f64> {
        let row = *row as usize;
        match column {
            Column::Times(times) => {
                Some(times[row]).filter(|t| *t != MISSING_TIME).map(|t| t as f64)
            }
            Column::Numbers(values) => Some(values[row]).filter(|v| !v.is_nan()),
            _ => None,
        }
    };
    let latest = parts.train.iter().filter_map(moment).fold(f64::NEG_INFINITY, f64::max);
    let earlier = parts.test.iter().filter_map(moment).filter(|t| *t < latest).count();
    Ok((earlier > 0).then_some(earlier))
}
