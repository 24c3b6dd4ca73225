//! Rows that are learned from and tested on: a model that remembers them looks good.

use std::collections::HashMap;

use gristmill_core::{Column, Frame, MISSING_CODE, Result, Role, Seed, Table, Target, TargetSpec};

use super::{Finding, LeakKind, LeakageChecks, Severity, percent};
use crate::Parts;

pub(super) fn find(
    checks: &LeakageChecks,
    table: &Table,
    parts: &Parts,
    spec: &TargetSpec,
) -> Result<Vec<Finding>> {
    let frame = told_apart(&Frame::from_table(table)?);
    if frame.columns().is_empty() || parts.test.is_empty() {
        return Ok(Vec::new());
    }
    let hashes = row_hashes(&frame);
    let answers = answers(table, spec)?;
    let mut trained: HashMap<u64, u64> = HashMap::with_capacity(parts.train.len());
    for &row in &parts.train {
        trained.insert(hashes[row as usize], answers[row as usize]);
    }
    let again: Vec<(u64, u64)> = parts
        .test
        .iter()
        .filter_map(|&row| {
            trained.get(&hashes[row as usize]).map(|known| (*known, answers[row as usize]))
        })
        .collect();
    if again.is_empty() || (again.len() as f64) < checks.shared * parts.test.len() as f64 {
        return Ok(Vec::new());
    }
    // Where whole groups are set aside, equal rows are equal readings of different things.
    let grouped = table.schema().with_role(Role::Group).is_some();
    let equal = again.iter().filter(|(known, answer)| known == answer).count();
    Ok(vec![Finding {
        kind: LeakKind::SharedRows,
        severity: if grouped { Severity::Notice } else { Severity::Warning },
        column: None,
        evidence: format!(
            "{} of {} test rows ({}) have the same features as a training row, {equal} of them \
             the same answer too",
            again.len(),
            parts.test.len(),
            percent(again.len(), parts.test.len())
        ),
        remedy: "remove repeated rows with `sql: SELECT DISTINCT ...`, or keep rows that belong \
                 together in one part with `split: {group: COLUMN}`"
            .into(),
    }])
}

/// What rows are told apart by: the features, and where the split is by time the moment, which a step may look at as
/// well. So two hours with the same weather are two rows, and one that stands there twice is none.
fn told_apart(frame: &Frame) -> Frame {
    let fields = frame.schema().fields().iter().enumerate();
    let counts = fields.filter(|(_, field)| field.is_feature() || field.role == Role::Time);
    let positions: Vec<usize> = counts.map(|(at, _)| at).collect();
    frame.select(&positions)
}

/// What is known of each row, as a number that is equal for equal answers.
fn answers(table: &Table, spec: &TargetSpec) -> Result<Vec<u64>> {
    Ok(match spec.apply(table)? {
        Target::Classes { codes, .. } => codes.into_iter().map(u64::from).collect(),
        Target::Numbers(values) => values.into_iter().map(f64::to_bits).collect(),
        Target::Absent(rows) => vec![0; rows],
    })
}

/// A number for each row that is equal for equal features, whatever dictionary words have.
fn row_hashes(frame: &Frame) -> Vec<u64> {
    let mut hashes = vec![0_u64; frame.rows()];
    let mut add = |row: usize, value: u64| hashes[row] = mixed(hashes[row] ^ value);
    for (at, column) in frame.columns().iter().enumerate() {
        let salt = mixed(at as u64 + 1);
        match column {
            Column::Numbers(values) => values
                .iter()
                .enumerate()
                .for_each(|(row, v)| add(row, salt ^ mixed((v + 0.0).to_bits()))),
            Column::Times(times) => times
                .iter()
                .enumerate()
                .for_each(|(row, time)| add(row, salt ^ mixed(*time as u64))),
            Column::Sparse(numbers) => numbers
                .to_dense()
                .iter()
                .enumerate()
                .for_each(|(row, v)| add(row, salt ^ mixed((v + 0.0).to_bits()))),
            Column::Words(words) => {
                // A seed named by a word is a good hash of it.
                let hashed = words.translate(|word| Seed(1).named(word).0);
                for (row, &code) in words.codes.iter().enumerate() {
                    let word = if code == MISSING_CODE { 0 } else { hashed[code as usize] };
                    add(row, salt ^ word);
                }
            }
            Column::Images(images) => images
                .iter()
                .enumerate()
                .for_each(|(row, image)| add(row, salt ^ image.as_deref().map_or(0, of_bytes))),
        }
    }
    hashes
}

fn of_bytes(bytes: &[u8]) -> u64 {
    bytes.chunks(8).fold(bytes.len() as u64, |hash, some| {
        let mut eight = [0; 8];
        eight.iter_mut().zip(some).for_each(|(to, byte)| *to = *byte);
        mixed(hash ^ u64::from_le_bytes(eight))
    })
}

/// Steele, Lea and Flood, *OOPSLA* 2014 (SplitMix): every bit in depends on every bit out.
fn mixed(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}
