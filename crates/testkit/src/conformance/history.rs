//! What is true of windowed transforms: a row's answer depends on its history alone.

use std::collections::HashMap;

use gristmill_core::{Column, Depth, FittedTransform, Frame, MISSING_TIME, Scope};

use super::transform::assert_same;

/// At how many rows a transform is asked again.
const ASKED: usize = 60;

/// Each row comes out as it does in the whole batch when it stands with the rows that its
/// [`Scope::Windowed`] names, and when it stands with all earlier rows of its group; so later rows
/// and other groups change nothing.
#[track_caller]
pub(super) fn rows_depend_on_their_history_alone(fitted: &dyn FittedTransform, rows: &Frame) {
    let Scope::Windowed { group, order, depth } = fitted.scope() else { return };
    let all = fitted.apply(rows.clone()).expect("rows can be applied to");
    let places = places(rows, &group, &order);
    let count = rows.rows();
    for row in (0..count).step_by((count / ASKED).max(1)) {
        let earlier = earlier(&places, row);
        let near = near(&places, row, &earlier, depth);
        for (history, what) in [(near, "its history alone"), (&earlier[..], "no later rows")] {
            let mut some = history.to_vec();
            some.push(row as u32);
            // Rows that are equal in order must keep the order in which they came.
            some.sort_unstable();
            let at = some.iter().position(|&r| r == row as u32).expect("it was put there");
            let part = fitted.apply(rows.take(&some)).expect("some rows apply");
            let what = format!("having {what} (row {row})");
            assert_same(&part.slice(at..at + 1), &all.slice(row..row + 1), &what);
        }
    }
}

/// The group and the place in the order of each row that has both.
type Places = Vec<Option<(usize, i128)>>;

fn places(rows: &Frame, group: &[String], order: &str) -> Places {
    let column = |name: &str| &rows.columns()[rows.schema().position(name).expect("it is there")];
    let keys = column(order);
    let mut groups: HashMap<Vec<String>, usize> = HashMap::new();
    let mut place = |row: usize| {
        let group: Option<Vec<String>> =
            group.iter().map(|name| spelled(column(name), row)).collect();
        let next = groups.len();
        Some((*groups.entry(group?).or_insert(next), rank(keys, row)?))
    };
    (0..rows.rows()).map(&mut place).collect()
}

fn spelled(column: &Column, row: usize) -> Option<String> {
    match column {
        Column::Words(words) => words.get(row).map(str::to_string),
        Column::Numbers(values) => (!values[row].is_nan()).then(|| (values[row] + 0.0).to_string()),
        other => rank(other, row).map(|rank| rank.to_string()),
    }
}

fn rank(column: &Column, row: usize) -> Option<i128> {
    match column {
        Column::Times(times) => (times[row] != MISSING_TIME).then_some(times[row].into()),
        Column::Numbers(values) => {
            let bits = (values[row] + 0.0).to_bits();
            let size = i128::from(bits & !(1 << 63));
            (!values[row].is_nan()).then_some(if bits >> 63 == 1 { -size } else { size })
        }
        _ => None,
    }
}

/// The last of the earlier rows that are no further back than `depth`.
fn near<'a>(places: &Places, row: usize, earlier: &'a [u32], depth: Depth) -> &'a [u32] {
    let key = |row: usize| places[row].map_or(0, |(_, key)| key);
    let first = match depth {
        Depth::All => 0,
        Depth::Rows(rows) => earlier.len().saturating_sub(rows),
        Depth::Time(micros) => {
            earlier.partition_point(|&r| key(row) - key(r as usize) > i128::from(micros))
        }
    };
    &earlier[first..]
}

/// The earlier rows of the same group in order.
fn earlier(places: &Places, row: usize) -> Vec<u32> {
    let Some((group, at)) = places[row] else { return Vec::new() };
    let before = |other: &usize| {
        places[*other].is_some_and(|(g, key)| g == group && (key, *other) < (at, row))
    };
    let mut rows: Vec<u32> = (0..places.len()).filter(before).map(|r| r as u32).collect();
    rows.sort_by_key(|&r| (places[r as usize].map(|(_, key)| key), r));
    rows
}
