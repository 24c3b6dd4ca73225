//! A new version meets the champion on rows that neither has learned from.

use gristmill_core::{FittedPipeline, Seed};
use gristmill_evaluate::{Metric, SliceSettings, slice_rows};
use gristmill_track::ModelVersion;
use serde::{Deserialize, Serialize};

use super::rows::{CommonRows, FEWEST};
use super::{AtLeast, CompareSection};
use crate::comparison::{Comparison, Contender};
use crate::duel::{Answered, Scored, Terms};
use crate::{Error, Result};

/// How two versions compared, over all rows and over parts of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Meeting {
    pub comparison: Comparison,
    /// By column and value; nothing where there are no slices.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slices: Vec<SliceMeeting>,
}

/// How two versions compared on a part of the rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct SliceMeeting {
    pub column: String,
    pub value: String,
    pub rows: usize,
    pub challenger: f64,
    pub champion: f64,
    /// Whether the challenger is surely worse there.
    pub worse: bool,
}

/// Two versions with their numbers.
pub(super) struct Two<'a> {
    pub challenger: (&'a ModelVersion, &'a FittedPipeline),
    pub champion: (&'a ModelVersion, &'a FittedPipeline),
}

/// How they are told apart.
pub(super) struct By<'a> {
    pub alias: &'a str,
    pub metric: Metric,
    pub section: &'a CompareSection,
    pub slices: &'a [String],
    pub seed: Seed,
}

/// Both answer the same rows; whether the challenger is what it must be is in `promoted`.
///
/// # Errors
/// When one of them cannot answer, or the metric has no value.
pub(super) fn meet(two: &Two<'_>, by: &By<'_>, common: &CommonRows) -> Result<Meeting> {
    if common.rows.len() < FEWEST {
        let found = format!("{} rows are too few to compare two models", common.rows.len());
        return Err(Error::input(found).with_hint(format!(
            "at least {FEWEST} are needed: labelled requests, or test rows of the split"
        )));
    }
    let answered = Answered::to(two.challenger.1, two.champion.1, &common.table, &common.rows)?;
    let terms = Terms { metric: by.metric, confidence: by.section.confidence, seed: by.seed };
    let scored = answered.scored(terms, None)?;
    let slices = slices(&answered, by, common)?;
    let reason = reason(by, &scored, &slices);
    let contender = |(version, _): (&ModelVersion, &FittedPipeline), score| Contender {
        version: version.version,
        score: Some(score),
    };
    let comparison = Comparison {
        alias: by.alias.into(),
        promoted: reason.is_none(),
        metric: by.metric.name().into(),
        rows: common.rows.len(),
        challenger: contender(two.challenger, scored.ours),
        champion: contender(two.champion, scored.theirs),
        difference: scored.difference,
        reason,
        caveat: Some(format!("compared on {}", common.words)),
    };
    Ok(Meeting { comparison, slices })
}

/// Why the challenger is not what it must be.
fn reason(by: &By<'_>, scored: &Scored, slices: &[SliceMeeting]) -> Option<String> {
    let confidence = by.section.confidence;
    let is_enough = match by.section.at_least {
        AtLeast::Better => scored.is_surely_better(by.metric),
        AtLeast::Equal => !scored.is_surely_worse(by.metric) && !theirs_is_better(by, scored),
    };
    if !is_enough {
        return Some(match (by.section.at_least, scored.is_better(by.metric)) {
            (AtLeast::Better, true) => {
                format!("that is not sure enough for a confidence of {confidence}")
            }
            (AtLeast::Better, false) => "it is no better".into(),
            (AtLeast::Equal, _) => "it is worse".into(),
        });
    }
    let worse = slices.iter().find(|slice| slice.worse)?;
    Some(format!(
        "it is surely worse where `{}` is {}: {:.4} against {:.4} on {} rows",
        worse.column, worse.value, worse.challenger, worse.champion, worse.rows
    ))
}

fn theirs_is_better(by: &By<'_>, scored: &Scored) -> bool {
    match by.metric.greater_is_better() {
        true => scored.theirs > scored.ours,
        false => scored.theirs < scored.ours,
    }
}

/// How the two compare in each part of the rows, where that is large enough. Bounds are as sure together as one
/// alone would be (Bonferroni).
fn slices(answered: &Answered, by: &By<'_>, common: &CommonRows) -> Result<Vec<SliceMeeting>> {
    let seen = common.table.take(&common.rows)?;
    let settings = SliceSettings { bootstrap: None, ..SliceSettings::default() };
    let mut parts = Vec::new();
    for column in by.slices.iter().filter(|column| seen.schema().find(column).is_some()) {
        for (value, rows) in slice_rows(&seen, column, &settings)? {
            if rows.len() >= FEWEST {
                parts.push((column, value, rows));
            }
        }
    }
    let confidence = 1.0 - (1.0 - by.section.confidence) / parts.len().max(1) as f64;
    let terms = Terms { metric: by.metric, confidence, seed: by.seed };
    let meet = |(column, value, rows): (&String, String, Vec<u32>)| {
        // Such as an area without a row of the class: that part says nothing.
        let scored = answered.take(&rows).and_then(|some| some.scored(terms, None)).ok()?;
        Some(SliceMeeting {
            column: column.clone(),
            value,
            rows: rows.len(),
            challenger: scored.ours,
            champion: scored.theirs,
            worse: scored.is_surely_worse(by.metric),
        })
    };
    Ok(parts.into_iter().filter_map(meet).collect())
}
