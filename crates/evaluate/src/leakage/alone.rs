//! A column that predicts the target on its own: almost always a copy of it, a part of it, or
//! something that is only known afterwards.
//!
//! Each column is cut into bins (numbers) or groups (words) on training rows; what the target does in
//! them answers the test rows, and the answers are scored: the area under the ROC curve for classes,
//! each against all others, R² for numbers.

use gristmill_core::{
    Column, Frame, MISSING_CODE, MISSING_TIME, Result, Seed, Table, Target, TargetSpec,
};
use rayon::prelude::*;

use super::{Finding, LeakKind, LeakageChecks, Severity, features};
use crate::Parts;
use crate::metrics::{r2, roc_auc};

/// Bins of numbers: fine enough to see a copy, coarse enough to learn from few rows.
const BINS: usize = 64;
/// Rows on either side below which a perfect score proves nothing.
const FEWEST: usize = 5;
/// Of more classes the most frequent are looked at.
const MOST_CLASSES: usize = 20;

pub(super) fn find(
    checks: &LeakageChecks,
    table: &Table,
    parts: &Parts,
    spec: &TargetSpec,
) -> Result<Vec<Finding>> {
    let draw = |rows: &[u32], part: &str| -> Result<(Table, Target)> {
        let table = table.take(&drawn(rows, checks.rows, Seed::default().named(part)))?;
        let target = spec.apply(&table)?;
        Ok((table, target))
    };
    let (train, known) = draw(&parts.train, "train")?;
    let (test, asked) = draw(&parts.test, "test")?;
    let columns: Vec<(usize, &str)> =
        features(table).map(|(at, field)| (at, field.name.as_str())).collect();
    let scored = columns
        .into_par_iter()
        .map(|(at, name)| {
            let (seen, new) = (column(&train, at)?, column(&test, at)?);
            Ok(score(&seen, &known, &new, &asked).map(|score| (name, score)))
        })
        .collect::<Vec<Result<Option<(&str, f64)>>>>();
    let mut findings = Vec::new();
    for found in scored {
        if let Some((name, score)) = found?.filter(|(_, score)| *score >= checks.alone) {
            findings.push(finding(name, score, &asked));
        }
    }
    Ok(findings)
}

fn finding(column: &str, score: f64, target: &Target) -> Finding {
    let measure = match target {
        Target::Classes { .. } => "an area under the ROC curve",
        _ => "an R²",
    };
    Finding {
        kind: LeakKind::PredictsAlone,
        severity: Severity::Warning,
        column: Some(column.into()),
        evidence: format!(
            "`{column}` alone predicts {} test rows with {measure} of {score:.4}",
            target.len()
        ),
        remedy: format!(
            "if `{column}` is only known once the answer is, leave it out: `drop: [{column}]`"
        ),
    }
}

/// At most `most` of the rows, in rising order.
fn drawn(rows: &[u32], most: usize, seed: Seed) -> Vec<u32> {
    let mut rows = rows.to_vec();
    if rows.len() > most {
        seed.random().shuffle(&mut rows);
        rows.truncate(most);
        rows.sort_unstable();
    }
    rows
}

/// Values as numbers, NaN for missing, or as words.
enum Values {
    Numbers(Vec<f64>),
    Words(gristmill_core::Words),
}

fn column(table: &Table, at: usize) -> Result<Values> {
    let frame = Frame::from_table(&table.select(&[at]))?.dense()?;
    let time = |t: i64| if t == MISSING_TIME { f64::NAN } else { t as f64 };
    Ok(match frame.into_columns().pop() {
        Some(Column::Words(words)) => Values::Words(words),
        Some(Column::Times(times)) => Values::Numbers(times.into_iter().map(time).collect()),
        Some(Column::Numbers(values)) => Values::Numbers(values),
        _ => Values::Numbers(Vec::new()),
    })
}

fn score(seen: &Values, known: &Target, new: &Values, asked: &Target) -> Option<f64> {
    let (Places { of: seen_places, count }, Places { of: new_places, .. }) = places(seen, new)?;
    match (known, asked) {
        (Target::Classes { codes, labels }, Target::Classes { codes: asked, .. }) => {
            area(&seen_places, codes, &new_places, asked, count, labels.len())
        }
        (Target::Numbers(known), Target::Numbers(asked)) if asked.len() >= 4 * FEWEST => {
            let answers = match (seen, new) {
                (Values::Numbers(x), Values::Numbers(new)) => {
                    lines(x, &seen_places, known, count).answer(new, &new_places)
                }
                _ => means(&seen_places, known, count).answer(&[], &new_places),
            };
            r2(asked, &answers).ok()
        }
        _ => None,
    }
}

/// The bin or group of each row.
struct Places {
    of: Vec<usize>,
    count: usize,
}

/// Bins or groups as the training rows have them; the last is for missing and unseen values.
fn places(seen: &Values, new: &Values) -> Option<(Places, Places)> {
    match (seen, new) {
        (Values::Numbers(seen), Values::Numbers(new)) => {
            let mut sorted: Vec<f64> = seen.iter().copied().filter(|v| !v.is_nan()).collect();
            sorted.sort_by(f64::total_cmp);
            let last = sorted.len().checked_sub(1)?;
            let mut borders: Vec<f64> = (1..BINS).map(|b| sorted[b * last / BINS]).collect();
            borders.dedup();
            let count = borders.len() + 2;
            let of =
                |values: &[f64]| Places {
                    of: values
                        .iter()
                        .map(|v| {
                            if v.is_nan() { count - 1 } else { borders.partition_point(|b| b < v) }
                        })
                        .collect(),
                    count,
                };
            Some((of(seen), of(new)))
        }
        (Values::Words(seen), Values::Words(new)) => {
            let known: std::collections::HashMap<&str, usize> =
                seen.dictionary.iter().map(String::as_str).zip(0..).collect();
            let count = known.len() + 1;
            let of = |words: &gristmill_core::Words| {
                let places = words.translate(|word| known.get(word).copied().unwrap_or(count - 1));
                let place = |&code: &u32| match code {
                    MISSING_CODE => count - 1,
                    code => places[code as usize],
                };
                Places { of: words.codes.iter().map(place).collect(), count }
            };
            Some((of(seen), of(new)))
        }
        _ => None,
    }
}

/// The mean area over the most frequent classes that have enough rows.
fn area(
    seen: &[usize],
    known: &[u32],
    new: &[usize],
    asked: &[u32],
    places: usize,
    classes: usize,
) -> Option<f64> {
    let mut rows = vec![0_usize; classes];
    asked.iter().for_each(|&class| rows[class as usize] += 1);
    let mut chosen: Vec<usize> =
        (0..classes).filter(|&c| rows[c] >= FEWEST && asked.len() - rows[c] >= FEWEST).collect();
    chosen.sort_by_key(|&class| (std::cmp::Reverse(rows[class]), class));
    chosen.truncate(MOST_CLASSES);
    let areas: Option<Vec<f64>> = chosen
        .iter()
        .map(|&class| {
            let known: Vec<f64> =
                known.iter().map(|&k| f64::from(u8::from(k as usize == class))).collect();
            let scores = means(seen, &known, places).answer(&[], new);
            let truth: Vec<bool> = asked.iter().map(|&a| a as usize == class).collect();
            roc_auc(&truth, &scores).ok()
        })
        .collect();
    areas.filter(|a| !a.is_empty()).map(|a| a.iter().sum::<f64>() / a.len() as f64)
}

/// A straight line in each place: the target by the value, within the values seen there.
struct Lines {
    /// Mean value, mean target, slope, smallest and largest value of each place.
    of: Vec<[f64; 5]>,
}

impl Lines {
    fn answer(&self, values: &[f64], places: &[usize]) -> Vec<f64> {
        let answer = |(row, &place): (usize, &usize)| {
            let [x, y, slope, low, high] = self.of[place];
            match values.get(row) {
                Some(value) if slope != 0.0 && !value.is_nan() => {
                    y + slope * (value.clamp(low, high) - x)
                }
                _ => y,
            }
        };
        places.iter().enumerate().map(answer).collect()
    }
}

/// The mean target of each place; that of all rows where there are none.
fn means(places: &[usize], target: &[f64], count: usize) -> Lines {
    let all = target.iter().sum::<f64>() / target.len().max(1) as f64;
    let mut sums = vec![(0.0, 0.0); count];
    for (&place, y) in places.iter().zip(target) {
        sums[place] = (sums[place].0 + 1.0, sums[place].1 + y);
    }
    let line = |(rows, sum): (f64, f64)| {
        let mean = if rows > 0.0 { sum / rows } else { all };
        [0.0, mean, 0.0, 0.0, 0.0]
    };
    Lines { of: sums.into_iter().map(line).collect() }
}

fn lines(values: &[f64], places: &[usize], target: &[f64], count: usize) -> Lines {
    let mut lines = means(places, target, count);
    let x = means(places, values, count);
    let mut moments = vec![(0.0, 0.0, f64::INFINITY, f64::NEG_INFINITY); count];
    for ((&place, value), y) in places.iter().zip(values).zip(target) {
        let (dx, dy) = (value - x.of[place][1], y - lines.of[place][1]);
        let (xx, xy, low, high) = moments[place];
        moments[place] = (xx + dx * dx, xy + dx * dy, low.min(*value), high.max(*value));
    }
    for ((line, (xx, xy, low, high)), x) in lines.of.iter_mut().zip(moments).zip(x.of) {
        if xx > 0.0 && (xy / xx).is_finite() {
            *line = [x[1], line[1], xy / xx, low, high];
        }
    }
    lines
}
