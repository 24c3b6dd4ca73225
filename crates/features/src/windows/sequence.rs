//! Rows in the order of a column, group by group.

use std::collections::HashMap;

use gristmill_core::{
    Column, Depth, Error, Field, Frame, MISSING_TIME, Notes, Result, Role, Schema, Scope,
    SemanticType, Words,
};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which row is meant when there is none.
pub(crate) const NO_ROW: u32 = u32::MAX;

/// The columns that name the groups of rows: one, or several, of which each combination is a group.
/// An empty list stands for no groups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected a column or a list of columns")]
pub enum Group {
    /// One column.
    Column(String),
    /// Several.
    Columns(Vec<String>),
}

impl Group {
    /// The columns.
    pub fn columns(&self) -> &[String] {
        match self {
            Self::Column(column) => std::slice::from_ref(column),
            Self::Columns(columns) => columns,
        }
    }
}

impl From<&str> for Group {
    fn from(column: &str) -> Self {
        Self::Column(column.into())
    }
}

/// What a step goes by where its file names neither group nor order.
pub(crate) fn goes_by(order: Option<&str>, group: Option<&Group>) -> Vec<Role> {
    let time = order.is_none().then_some(Role::Time);
    let groups = group.is_none().then_some(Role::Group);
    time.into_iter().chain(groups).collect()
}

/// Which column orders the rows and which ones name their groups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sequence {
    pub(crate) order: String,
    pub(crate) group: Option<Group>,
}

impl Sequence {
    /// The columns that the settings name; without an `order` the column with the role of time,
    /// without a `group` the one with the role of group, if there is one.
    ///
    /// # Errors
    /// A column that does not exist, or cannot order or group; no order at all.
    pub(crate) fn new(order: Option<&str>, group: Option<&Group>, input: &Schema) -> Result<Self> {
        let order = match (order, input.with_role(Role::Time)) {
            (Some(name), _) => name.to_string(),
            (None, Some(field)) => field.name.clone(),
            (None, None) => {
                return Err(Error::setting("order", "absent", "the column that orders the rows"));
            }
        };
        let group = match group {
            Some(group) if group.columns().is_empty() => None,
            Some(group) => Some(group.clone()),
            // A split may group by the very column that orders the rows; then it says nothing.
            None => input
                .with_role(Role::Group)
                .filter(|field| field.name != order)
                .map(|field| Group::Column(field.name.clone())),
        };
        let sequence = Self { order, group };
        sequence.check(input)?;
        Ok(sequence)
    }

    /// Refuses columns that cannot order or group.
    pub(crate) fn check(&self, input: &Schema) -> Result<()> {
        let order = input.field(&self.order)?;
        if !matches!(order.semantic, SemanticType::Datetime | SemanticType::Numeric) {
            return Err(Error::WrongType {
                name: order.name.clone(),
                found: order.semantic,
                expected: "datetime or numeric",
                hint: Some("order rows by a moment or a number".into()),
            });
        }
        for (at, group) in self.groups().iter().enumerate() {
            input.field(group)?;
            if *group == self.order {
                let wanted = "another column than `order`";
                return Err(Error::setting("group", format!("`{group}`"), wanted));
            }
            if self.groups()[..at].contains(group) {
                return Err(Error::setting(
                    "group",
                    format!("`{group}` twice"),
                    "each column once",
                ));
            }
        }
        Ok(())
    }

    fn groups(&self) -> &[String] {
        self.group.as_ref().map_or(&[], Group::columns)
    }

    /// Whether the order is one of moments.
    pub(crate) fn is_temporal(&self, input: &Schema) -> bool {
        input.field(&self.order).is_ok_and(|f| f.semantic == SemanticType::Datetime)
    }

    /// What a row's answer depends on when it looks back so far.
    pub(crate) fn scope(&self, depth: Depth) -> Scope {
        Scope::Windowed { group: self.groups().to_vec(), order: self.order.clone(), depth }
    }

    /// The rows sorted.
    pub(crate) fn sort(&self, rows: &Frame) -> Result<Sorted> {
        let keys = Keys::of(&rows.columns()[rows.schema().position(&self.order)?])?;
        let mut groups = vec![0; rows.rows()];
        for group in self.groups() {
            let found = column_groups(&rows.columns()[rows.schema().position(group)?]);
            groups = combined(groups, found);
        }
        Ok(Sorted::new(keys, &groups))
    }

    /// Says how many rows have no place.
    pub(crate) fn note(&self, rows: &Frame, notes: &Notes) -> Result<()> {
        let lost = rows.rows() - self.sort(rows)?.rows.len();
        if lost > 0 {
            let groups = self.groups().iter().map(|group| format!(" or no `{group}`"));
            let groups: String = groups.collect();
            notes.add(format!(
                "{lost} rows have no `{}`{groups}: they see no other row",
                self.order
            ));
        }
        Ok(())
    }
}

/// A feature called `name` that has values like `field`'s, some of them missing.
pub(crate) fn made(field: &Field, name: String) -> Field {
    Field { name, ..field.clone() }.role(Role::Feature).nullable(true)
}

/// What rows are ordered by.
#[derive(Clone, Debug)]
enum Keys {
    Moments(Vec<i64>),
    Numbers(Vec<f64>),
}

impl Keys {
    fn of(column: &Column) -> Result<Self> {
        match column {
            Column::Times(times) => Ok(Self::Moments(times.clone())),
            Column::Numbers(values) => Ok(Self::Numbers(values.clone())),
            Column::Sparse(values) => Ok(Self::Numbers(values.to_dense())),
            Column::Words(_) | Column::Images(_) => {
                Err(Error::Bug("rows were to be ordered by words or images".into()))
            }
        }
    }

    /// A number for the row that sorts as its key does; nothing when the key is missing.
    fn rank(&self, row: usize) -> Option<i64> {
        match self {
            Self::Moments(times) => Some(times[row]).filter(|&t| t != MISSING_TIME),
            Self::Numbers(values) => {
                // The bits of positive floats rise with their size, those of negative ones fall.
                let bits = (values[row] + 0.0).to_bits() as i64;
                let rank = if bits < 0 { bits ^ i64::MAX } else { bits };
                (!values[row].is_nan()).then_some(rank)
            }
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Moments(times) => times.len(),
            Self::Numbers(values) => values.len(),
        }
    }
}

/// A number for each row's group; [`NO_ROW`] when it has none.
fn column_groups(column: &Column) -> Vec<u32> {
    match column {
        Column::Words(words) => word_groups(words),
        Column::Times(times) => numbered(times.iter().map(|&t| (t != MISSING_TIME).then_some(t))),
        Column::Numbers(values) => number_groups(values),
        Column::Sparse(values) => number_groups(&values.to_dense()),
        Column::Images(images) => numbered(images.iter().cloned()),
    }
}

/// A number for each pair of groups; [`NO_ROW`] where one of them is missing.
fn combined(groups: Vec<u32>, others: Vec<u32>) -> Vec<u32> {
    let both = |(a, b): (u32, u32)| (a != NO_ROW && b != NO_ROW).then_some((a, b));
    numbered(groups.into_iter().zip(others).map(both))
}

fn number_groups(values: &[f64]) -> Vec<u32> {
    numbered(values.iter().map(|v| (!v.is_nan()).then_some((v + 0.0).to_bits())))
}

/// Words that are spelled alike are one group, even where a dictionary has them twice.
fn word_groups(words: &Words) -> Vec<u32> {
    let mut by_code: HashMap<u32, u32> = HashMap::new();
    let mut by_word: HashMap<&str, u32> = HashMap::new();
    let mut group = |(row, &code): (usize, &u32)| match words.get(row) {
        None => NO_ROW,
        Some(word) => *by_code.entry(code).or_insert_with(|| {
            let next = by_word.len() as u32;
            *by_word.entry(word).or_insert(next)
        }),
    };
    words.codes.iter().enumerate().map(&mut group).collect()
}

fn numbered<K: std::hash::Hash + Eq>(keys: impl Iterator<Item = Option<K>>) -> Vec<u32> {
    let mut known: HashMap<K, u32> = HashMap::new();
    keys.map(|key| match key {
        None => NO_ROW,
        Some(key) => {
            let next = known.len() as u32;
            *known.entry(key).or_insert(next)
        }
    })
    .collect()
}

/// Rows in order, group after group. A place is a position in that order.
#[derive(Clone, Debug)]
pub(crate) struct Sorted {
    /// The row at each place. Rows without a group or a key have no place.
    pub(crate) rows: Vec<u32>,
    /// For each place, the place at which its group begins.
    pub(crate) starts: Vec<u32>,
    keys: Keys,
}

impl Sorted {
    fn new(keys: Keys, groups: &[u32]) -> Self {
        let place = |(row, &group): (usize, &u32)| {
            let rank = keys.rank(row).filter(|_| group != NO_ROW)?;
            Some((group, rank, row as u32))
        };
        let mut places: Vec<(u32, i64, u32)> =
            groups.iter().enumerate().filter_map(place).collect();
        if !places.is_sorted() {
            places.par_sort_unstable();
        }
        let mut starts = Vec::with_capacity(places.len());
        let mut start = 0;
        for (at, place) in places.iter().enumerate() {
            if at > 0 && places[at - 1].0 != place.0 {
                start = at as u32;
            }
            starts.push(start);
        }
        Self { rows: places.into_iter().map(|(_, _, row)| row).collect(), starts, keys }
    }

    /// How far apart two places are in the order: seconds for moments, the difference for numbers.
    pub(crate) fn distance(&self, earlier: usize, later: usize) -> f64 {
        let (a, b) = (self.rows[earlier] as usize, self.rows[later] as usize);
        match &self.keys {
            Keys::Moments(times) => (i128::from(times[b]) - i128::from(times[a])) as f64 / 1e6,
            Keys::Numbers(values) => values[b] - values[a],
        }
    }

    /// Where a place lies in the order, on an axis of [`Sorted::axis_unit`] steps a unit. It does not
    /// depend on other rows.
    pub(crate) fn axis(&self, place: usize) -> f64 {
        let row = self.rows[place] as usize;
        match &self.keys {
            Keys::Moments(times) => times[row] as f64,
            Keys::Numbers(values) => values[row],
        }
    }

    /// How many steps of the axis make a unit: microseconds a second, or 1.
    pub(crate) fn axis_unit(&self) -> f64 {
        match &self.keys {
            Keys::Moments(_) => 1e6,
            Keys::Numbers(_) => 1.0,
        }
    }

    /// For each row, the row `lag` places before it in its group, or [`NO_ROW`].
    pub(crate) fn earlier(&self, lag: usize) -> Vec<u32> {
        let mut earlier = vec![NO_ROW; self.keys.len()];
        for (place, (&row, &start)) in self.rows.iter().zip(&self.starts).enumerate() {
            if let Some(source) = place.checked_sub(lag).filter(|&s| s >= start as usize) {
                earlier[row as usize] = self.rows[source];
            }
        }
        earlier
    }

    /// The values of `column` place by place.
    pub(crate) fn gather(&self, values: &[f64]) -> Vec<f64> {
        self.rows.iter().map(|&row| values[row as usize]).collect()
    }

    /// What stands at each place, row by row; rows without a place are missing.
    pub(crate) fn scatter(&self, at_places: impl IntoIterator<Item = f64>) -> Vec<f64> {
        let mut values = vec![f64::NAN; self.keys.len()];
        for (&row, value) in self.rows.iter().zip(at_places) {
            values[row as usize] = value;
        }
        values
    }
}

#[cfg(test)]
mod tests {
    use gristmill_testkit::table;

    use super::*;

    #[track_caller]
    fn check(rows: &Frame, lag: usize, expected: &[Option<u32>]) {
        let sequence = Sequence { order: "t".into(), group: Some("g".into()) };
        let found = sequence.sort(rows).unwrap().earlier(lag);
        let found: Vec<Option<u32>> =
            found.into_iter().map(|row| (row != NO_ROW).then_some(row)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn rows_are_sorted_by_group_and_order_and_ties_keep_their_order() {
        let rows = table()
            .numbers("t", [3.0, -1.0, 3.0, -2.0, 0.0, -0.0])
            .words("g", ["a", "a", "a", "b", "b", "b"])
            .frame();
        check(&rows, 1, &[Some(1), None, Some(0), None, Some(3), Some(4)]);
        check(&rows, 2, &[None, None, Some(1), None, None, Some(3)]);
        check(&rows, usize::MAX, &[None; 6]);
    }

    #[test] // by hand: the groups are a1, a2, b1
    fn several_columns_group_together() {
        let rows = table()
            .numbers("t", [1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
            .words("g", [Some("a"), Some("a"), Some("a"), Some("b"), Some("a"), None])
            .numbers("h", [1.0, 2.0, 1.0, 1.0, 2.0, 1.0])
            .frame();
        let group = Some(Group::Columns(vec!["g".into(), "h".into()]));
        let sequence = Sequence { order: "t".into(), group };
        let earlier = sequence.sort(&rows).unwrap().earlier(1);
        assert_eq!(earlier, [NO_ROW, NO_ROW, 0, NO_ROW, 1, NO_ROW]);
    }

    #[test]
    fn rows_without_a_place_are_not_seen() {
        let rows = table()
            .numbers("t", [Some(1.0), None, Some(2.0), Some(3.0)])
            .words("g", [Some("a"), Some("a"), Some("a"), None])
            .frame();
        check(&rows, 1, &[None, None, Some(0), None]);
    }
}
