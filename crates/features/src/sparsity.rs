//! Whether columns of mostly zeros are written down densely or sparsely.

use gristmill_core::{Column, Result, SparseNumbers};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// From how many columns on a step's columns are sparse when nobody says otherwise.
const MANY: usize = 100;

/// Whether columns of mostly zeros keep only what is not zero. The numbers are the same; memory and
/// speed are not, and steps that cannot work sparsely spread such columns out again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sparsity {
    /// When the step makes more than 100 columns.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Sparsity {
    /// Whether nobody said anything.
    pub(crate) fn is_auto(&self) -> bool {
        *self == Self::Auto
    }

    /// The form of each of `columns` columns.
    pub(crate) fn form(self, columns: usize) -> Form {
        match self {
            Self::Always => Form::Sparse,
            Self::Auto if columns > MANY => Form::Sparse,
            Self::Auto | Self::Never => Form::Dense,
        }
    }
}

/// How a column is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Dense,
    Sparse,
}

/// Rows of few numbers, one row after the other: `columns[starts[r]..starts[r + 1]]` are the
/// columns of row r in which something stands, each at most once, and `values` what stands there.
#[derive(Clone, Debug, Default)]
pub(crate) struct SparseRows {
    pub(crate) starts: Vec<usize>,
    pub(crate) columns: Vec<u32>,
    pub(crate) values: Vec<f64>,
}

impl SparseRows {
    /// No rows yet.
    pub(crate) fn new() -> Self {
        Self { starts: vec![0], ..Self::default() }
    }

    /// Ends the row to which `columns` and `values` were added last.
    pub(crate) fn end_row(&mut self) {
        self.starts.push(self.columns.len());
    }

    /// Adds a row of these places and values; what falls into one place is added up, and what adds
    /// up to nothing is left out.
    pub(crate) fn add_row(&mut self, places: &mut [(u32, f64)]) {
        places.sort_by_key(|(place, _)| *place);
        for same in places.chunk_by(|a, b| a.0 == b.0) {
            let value: f64 = same.iter().map(|(_, value)| value).sum();
            if value != 0.0 {
                self.columns.push(same[0].0);
                self.values.push(value);
            }
        }
        self.end_row();
    }

    /// The columns and values of a row.
    pub(crate) fn row(&self, row: usize) -> (&[u32], &[f64]) {
        let range = self.starts[row]..self.starts[row + 1];
        (&self.columns[range.clone()], &self.values[range])
    }

    /// Adds rows that come later.
    pub(crate) fn append(&mut self, later: Self) {
        let shift = self.columns.len();
        self.starts.extend(later.starts.iter().skip(1).map(|start| start + shift));
        self.columns.extend(later.columns);
        self.values.extend(later.values);
    }

    /// The same numbers column by column, for `width` columns and the rows that `order` names; a
    /// row may be named often.
    pub(crate) fn columns(&self, order: &[u32], width: usize, form: Form) -> Result<Vec<Column>> {
        match form {
            Form::Dense => Ok(self.dense(order, width)),
            Form::Sparse => self.sparse(order, width),
        }
    }

    fn dense(&self, order: &[u32], width: usize) -> Vec<Column> {
        let mut columns = vec![vec![0.0; order.len()]; width];
        for (at, &row) in order.iter().enumerate() {
            let (places, values) = self.row(row as usize);
            for (&place, &value) in places.iter().zip(values) {
                columns[place as usize][at] = value;
            }
        }
        columns.into_iter().map(Column::Numbers).collect()
    }

    /// A counting sort by column. Most columns stay empty when rows are few and columns many, so
    /// those are written once and not looked at again.
    fn sparse(&self, order: &[u32], width: usize) -> Result<Vec<Column>> {
        let mut ends = vec![0usize; width];
        for &row in order {
            self.row(row as usize).0.iter().for_each(|&place| ends[place as usize] += 1);
        }
        let mut before = 0;
        for end in &mut ends {
            before += std::mem::replace(end, before);
        }
        let (mut rows, mut values) = (vec![0u32; before], vec![0.0; before]);
        for (at, &row) in order.iter().enumerate() {
            let (places, numbers) = self.row(row as usize);
            for (&place, &number) in places.iter().zip(numbers) {
                let slot = &mut ends[place as usize];
                (rows[*slot], values[*slot]) = (at as u32, number);
                *slot += 1;
            }
        }
        let column = |rows, values| SparseNumbers::new(rows, values, order.len());
        let mut columns = vec![Column::Sparse(column(Vec::new(), Vec::new())?); width];
        let mut start = 0;
        for (made, end) in columns.iter_mut().zip(ends) {
            if end > start {
                let kept = column(rows[start..end].to_vec(), values[start..end].to_vec())?;
                *made = Column::Sparse(kept);
                start = end;
            }
        }
        Ok(columns)
    }
}
