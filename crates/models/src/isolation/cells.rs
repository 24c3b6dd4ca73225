//! Columns as isolation trees see them.

use std::collections::HashMap;

use gristmill_core::graph::{Graph, Wire};
use gristmill_core::{Column, Error, Field, Frame, Result};

/// What a column held in training.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Known {
    /// Numbers.
    Numbers,
    /// Categories, each with its number from 1 upwards; 0 is a missing or an unknown one.
    Words { names: Vec<String>, numbers: HashMap<String, u32> },
}

impl Known {
    /// Categories that are numbered in this order.
    pub(crate) fn words(names: Vec<String>) -> Self {
        let numbers = names.iter().cloned().zip(1..).collect();
        Self::Words { names, numbers }
    }

    /// What a column of training rows holds.
    pub(crate) fn learn(field: &Field, column: &Column) -> Result<Self> {
        match column {
            Column::Numbers(_) => Ok(Self::Numbers),
            Column::Words(words) => {
                let mut names = words.dictionary.to_vec();
                names.sort_unstable();
                names.dedup();
                Ok(Self::words(names))
            }
            Column::Sparse(_) | Column::Times(_) | Column::Images(_) => Err(unexpected(field)),
        }
    }

    /// The column as the trees of a graph see it: numbers as they are, words as their numbers.
    pub(crate) fn express(&self, graph: &Graph, column: Wire) -> Result<Wire> {
        let Self::Words { names, .. } = self else { return Ok(column) };
        let numbers = names.iter().zip(1u32..).map(|(name, at)| (name.as_str(), f64::from(at)));
        Ok(graph.number_of_word(graph.single(column), numbers, 0.0, 0.0)?.wire())
    }

    /// Whether the column is divided by one value against the others.
    pub(crate) fn is_words(&self) -> bool {
        matches!(self, Self::Words { .. })
    }
}

fn unexpected(field: &Field) -> Error {
    Error::Bug(format!("column `{}` ({}) was given to isolation trees", field.name, field.semantic))
}

/// The rows as numbers, `[rows, columns]`, row by row: a missing number is minus infinity, a category
/// its number.
pub(crate) fn cells(known: &[Known], rows: &Frame, at: &[u32]) -> Result<Vec<f64>> {
    let width = known.len();
    let mut cells = vec![0.0; at.len() * width];
    for (number, (known, column)) in known.iter().zip(rows.columns()).enumerate() {
        let to = cells.iter_mut().skip(number).step_by(width);
        match (known, column) {
            (Known::Numbers, Column::Numbers(values)) => {
                let values = at.iter().map(|&row| values[row as usize]);
                to.zip(values).for_each(|(to, value)| *to = number_cell(value));
            }
            (Known::Words { numbers, .. }, Column::Words(words)) => {
                let known = words.translate(|word| numbers.get(word).copied().unwrap_or(0));
                let codes = at.iter().map(|&row| words.codes[row as usize]);
                to.zip(codes).for_each(|(to, code)| {
                    *to = f64::from(known.get(code as usize).copied().unwrap_or(0));
                });
            }
            _ => return Err(unexpected(&rows.schema().fields()[number])),
        }
    }
    Ok(cells)
}

fn number_cell(value: f64) -> f64 {
    if value.is_nan() { f64::NEG_INFINITY } else { value.clamp(f64::MIN, f64::MAX) }
}
