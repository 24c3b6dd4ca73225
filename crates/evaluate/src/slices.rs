//! A metric by the values of a column: where is a model good, and where is it not?
//! Source of the idea: Chung et al., *IEEE Transactions on Knowledge and Data Engineering* 32 (2020).

use gristmill_core::{
    Column, Error, Frame, MISSING_CODE, Prediction, Result, Seed, SemanticType, Table, Target,
    TargetSpec,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Metric;
use crate::compare::{Bootstrap, Interval, take};

/// How rows are sliced.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SliceSettings {
    /// Into how many bins of about equally many rows the numbers of a column go; a number with
    /// no more distinct values has a slice for each.
    #[schemars(range(min = 1))]
    pub bins: usize,
    /// How many slices there are at most; the rarest values share the last one.
    #[schemars(range(min = 1))]
    pub most: usize,
    /// How the interval of each slice is drawn; none without it.
    pub bootstrap: Option<Bootstrap>,
}

impl Default for SliceSettings {
    fn default() -> Self {
        Self { bins: 5, most: 20, bootstrap: Some(Bootstrap::default()) }
    }
}

/// A metric over the slices of one column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Slices {
    /// The column.
    pub column: String,
    /// The metric.
    pub metric: String,
    /// Its value over all rows.
    pub whole: f64,
    /// Numbers from small to large, words by falling number of rows, then what is missing.
    pub slices: Vec<Slice>,
}

/// Some of the rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Slice {
    /// The value, or the range of values, that the rows share.
    pub name: String,
    /// How many rows there are.
    pub rows: usize,
    /// The metric; nothing where it has no value, such as an area without positive rows.
    pub value: Option<f64>,
    /// Between what bounds it lies; nothing where it was not asked for or the rows are too few.
    pub interval: Option<Interval>,
    /// Why there is no value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Slices {
    /// `metric` of these answers to the rows of `table`, by the values of `column`.
    ///
    /// # Errors
    /// [`Error::MissingColumn`]; [`Error::WrongType`] for moments, ids and images;
    /// [`Error::Setting`] for no bins or no slices; as [`Metric::compute`] for all rows together.
    pub fn new(
        table: &Table,
        column: &str,
        settings: &SliceSettings,
        metric: Metric,
        answers: &Answers<'_>,
        seed: Seed,
    ) -> Result<Self> {
        for (name, value) in [("bins", settings.bins), ("most", settings.most)] {
            if value == 0 {
                return Err(Error::setting(name, value, "at least 1"));
            }
        }
        if table.rows() != answers.target.len() {
            let (rows, found) = (table.rows(), answers.target.len());
            return Err(Error::Bug(format!("{found} known answers for {rows} rows to slice")));
        }
        let whole = metric.compute(answers.spec, answers.target, answers.prediction)?;
        let seed = seed.named("slices").named(column);
        let slices = slice_rows(table, column, settings)?
            .into_iter()
            .zip(0..)
            .map(|((name, rows), at)| {
                answers.slice(name, &rows, settings, metric, seed.numbered(at))
            })
            .collect::<Result<_>>()?;
        Ok(Self { column: column.into(), metric: metric.name().into(), whole, slices })
    }
}

/// Known answers and those of a model, for the same rows.
#[derive(Clone, Copy, Debug)]
pub struct Answers<'a> {
    /// What is predicted.
    pub spec: &'a TargetSpec,
    /// The known answers.
    pub target: &'a Target,
    /// The model's answers.
    pub prediction: &'a Prediction,
}

impl Answers<'_> {
    fn slice(
        &self,
        name: String,
        rows: &[u32],
        settings: &SliceSettings,
        metric: Metric,
        seed: Seed,
    ) -> Result<Slice> {
        let target = self.target.take(rows);
        let prediction = take(self.prediction, rows)?;
        let mut slice = Slice { name, rows: rows.len(), value: None, interval: None, reason: None };
        match metric.compute(self.spec, &target, &prediction) {
            Ok(value) => slice.value = Some(value),
            Err(Error::Bug(bug)) => return Err(Error::Bug(bug)),
            Err(error) => {
                slice.reason = Some(error.to_string());
                return Ok(slice);
            }
        }
        if let Some(bootstrap) = settings.bootstrap {
            match bootstrap.interval_of(metric, self.spec, &target, &prediction, seed) {
                Ok(interval) => slice.interval = Some(interval),
                // The slice is too small for an interval; its value stands without one.
                Err(Error::Data { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(slice)
    }
}

/// The name of a slice and the rows of it.
type Group = (String, Vec<u32>);

/// The rows of each slice of a column, under the value or the range that they have there.
///
/// # Errors
/// [`Error::WrongType`] for a column of moments, ids or pictures.
pub fn slice_rows(table: &Table, column: &str, settings: &SliceSettings) -> Result<Vec<Group>> {
    let at = table.schema().position(column)?;
    let field = &table.schema().fields()[at];
    let meaning = match field.semantic {
        SemanticType::Numeric => SemanticType::Numeric,
        SemanticType::Categorical | SemanticType::Text | SemanticType::Boolean => {
            SemanticType::Categorical
        }
        found => {
            return Err(Error::WrongType {
                name: column.into(),
                found,
                expected: "numbers, categories or booleans to slice by",
                hint: Some("derive a category from it, such as the month of a moment".into()),
            });
        }
    };
    let frame = Frame::from_table(&table.select(&[at]).with_meaning(column, meaning)?)?.dense()?;
    match &frame.columns()[0] {
        Column::Numbers(values) => Ok(of_numbers(values, settings)),
        Column::Words(words) => Ok(of_words(&words.codes, &words.dictionary, settings)),
        _ => Err(Error::Bug(format!("column `{column}` was not read to be sliced"))),
    }
}

/// Bins of about equally many rows; rows of equal value are in one.
fn of_numbers(values: &[f64], settings: &SliceSettings) -> Vec<Group> {
    let mut order: Vec<u32> =
        (0..values.len() as u32).filter(|&row| !values[row as usize].is_nan()).collect();
    order.sort_by(|&a, &b| values[a as usize].total_cmp(&values[b as usize]));
    let value = |row: u32| values[row as usize];
    let runs: Vec<&[u32]> = order.chunk_by(|&a, &b| value(a) == value(b)).collect();
    let bins = settings.bins.min(settings.most);
    let mut groups: Vec<Group> = Vec::new();
    let (mut open, mut before) = (Vec::new(), 0);
    for (at, run) in runs.iter().enumerate() {
        open.extend_from_slice(run);
        before += run.len();
        let full = before * bins >= order.len() * (groups.len() + 1);
        if full || runs.len() <= bins || at + 1 == runs.len() {
            let mut rows = std::mem::take(&mut open);
            let (low, high) = (value(rows[0]), value(rows[rows.len() - 1]));
            let name = if low == high { low.to_string() } else { format!("{low} to {high}") };
            rows.sort_unstable();
            groups.push((name, rows));
        }
    }
    let missing = (0..values.len() as u32).filter(|&row| values[row as usize].is_nan());
    with_missing(groups, missing.collect())
}

/// A slice for each word, the most frequent first; the rarest share one.
fn of_words(codes: &[u32], dictionary: &[String], settings: &SliceSettings) -> Vec<Group> {
    let mut rows = vec![Vec::new(); dictionary.len()];
    let mut missing = Vec::new();
    for (&code, row) in codes.iter().zip(0_u32..) {
        if code == MISSING_CODE { missing.push(row) } else { rows[code as usize].push(row) }
    }
    let mut groups: Vec<Group> =
        dictionary.iter().cloned().zip(rows).filter(|(_, rows)| !rows.is_empty()).collect();
    groups.sort_by(|a, b| b.1.len().cmp(&a.1.len()).then_with(|| a.0.cmp(&b.0)));
    if groups.len() > settings.most {
        let rare = groups.split_off(settings.most - 1);
        let name = format!("{} other values", rare.len());
        let mut rows: Vec<u32> = rare.into_iter().flat_map(|(_, rows)| rows).collect();
        rows.sort_unstable();
        groups.push((name, rows));
    }
    with_missing(groups, missing)
}

fn with_missing(mut groups: Vec<Group>, missing: Vec<u32>) -> Vec<Group> {
    if !missing.is_empty() {
        groups.push(("missing".into(), missing));
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(bins: usize, most: usize) -> SliceSettings {
        SliceSettings { bins, most, bootstrap: None }
    }

    #[track_caller]
    fn check(groups: Vec<Group>, expected: &[(&str, &[u32])]) {
        let groups: Vec<(&str, &[u32])> =
            groups.iter().map(|(name, rows)| (name.as_str(), rows.as_slice())).collect();
        assert_eq!(groups, expected);
    }

    #[test] // by hand
    fn numbers_fall_into_bins_of_equal_weight_and_equal_values_stay_together() {
        let values = [5.0, 1.0, 2.0, f64::NAN, 2.0, 9.0, 2.0];
        check(
            of_numbers(&values, &settings(2, 20)),
            &[("1 to 2", &[1, 2, 4, 6]), ("5 to 9", &[0, 5]), ("missing", &[3])],
        );
        check(of_numbers(&[3.0; 4], &settings(2, 20)), &[("3", &[0, 1, 2, 3])]);
        check(of_numbers(&[1.0, 0.0, 1.0], &settings(5, 20)), &[("0", &[1]), ("1", &[0, 2])]);
        check(of_numbers(&[], &settings(5, 20)), &[]);
    }

    #[test] // by hand
    fn rare_words_share_the_last_slice() {
        let words = ["a", "b", "c"].map(String::from);
        check(
            of_words(&[2, 0, 2, 1, MISSING_CODE], &words, &settings(5, 2)),
            &[("c", &[0, 2]), ("2 other values", &[1, 3]), ("missing", &[4])],
        );
    }
}
