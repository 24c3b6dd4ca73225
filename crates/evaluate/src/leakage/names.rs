//! A column that names rows: learned by heart in training, of no use afterwards.

use std::collections::HashSet;

use gristmill_core::{Column, Frame, MISSING_CODE, PhysicalType, Result, SemanticType, Table};
use rayon::prelude::*;

use super::{Finding, LeakKind, LeakageChecks, Severity, features, percent};

/// Fewer rows are easily all different.
const FEWEST: usize = 50;

pub(super) fn find(checks: &LeakageChecks, table: &Table) -> Result<Vec<Finding>> {
    if table.rows() < FEWEST {
        return Ok(Vec::new());
    }
    // Measured numbers, moments and texts are different in every row without naming it.
    let could_name = |semantic: SemanticType, physical: PhysicalType| match semantic {
        SemanticType::Categorical => true,
        SemanticType::Numeric => physical == PhysicalType::Int64,
        _ => false,
    };
    let columns: Vec<(usize, &str)> = features(table)
        .filter(|(_, field)| could_name(field.semantic, field.physical))
        .map(|(at, field)| (at, field.name.as_str()))
        .collect();
    let found = columns
        .into_par_iter()
        .map(|(at, name)| Ok((name, distinct(checks, table, at)?)))
        .collect::<Vec<Result<(&str, Option<(usize, usize)>)>>>();
    let mut findings = Vec::new();
    for column in found {
        if let (name, Some((distinct, rows))) = column? {
            findings.push(finding(name, distinct, rows));
        }
    }
    Ok(findings)
}

fn finding(column: &str, distinct: usize, rows: usize) -> Finding {
    Finding {
        kind: LeakKind::NamesRows,
        severity: Severity::Notice,
        column: Some(column.into()),
        evidence: format!(
            "`{column}` has {distinct} different values in {rows} rows ({})",
            percent(distinct, rows)
        ),
        remedy: format!(
            "if `{column}` names rows, say so: `types: {{{column}: id}}`, or leave it out: \
             `drop: [{column}]`"
        ),
    }
}

/// How many different values there are in how many rows, if they name rows.
fn distinct(checks: &LeakageChecks, table: &Table, at: usize) -> Result<Option<(usize, usize)>> {
    let frame = Frame::from_table(&table.select(&[at]))?.dense()?;
    let (distinct, rows) = match &frame.columns()[0] {
        Column::Words(words) => {
            let codes = words.codes.iter().filter(|c| **c != MISSING_CODE);
            let distinct: HashSet<u32> = codes.clone().copied().collect();
            (distinct.len(), codes.count())
        }
        Column::Numbers(values) => {
            let known: Vec<f64> = values.iter().copied().filter(|v| !v.is_nan()).collect();
            let distinct: HashSet<u64> = known.iter().map(|v| v.to_bits()).collect();
            if !counts_up(&known, distinct.len()) {
                return Ok(None);
            }
            (distinct.len(), known.len())
        }
        _ => return Ok(None),
    };
    let names = rows >= FEWEST && distinct as f64 >= checks.distinct * rows as f64;
    Ok(names.then_some((distinct, rows)))
}

/// Whether whole numbers look like a counter and not like an amount: they rise through the rows, or
/// fill more than half of the range between the smallest and the largest.
fn counts_up(values: &[f64], distinct: usize) -> bool {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    values.is_sorted_by(|a, b| a < b) || 2.0 * distinct as f64 > high - low + 1.0
}
