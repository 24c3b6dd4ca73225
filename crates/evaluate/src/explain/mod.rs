//! Why a fitted pipeline answers as it does, in terms of the columns that it was given.
//!
//! | question | answer |
//! |---|---|
//! | which columns does a metric depend on? | [`Permutation`] |
//! | how do answers change with a column? | [`DependenceSettings`] |
//! | what does each column add to the answers? | [`ShapSummary`], for models that know it exactly |

mod dependence;
mod permutation;
mod shap;

pub use dependence::{Curve, Dependence, DependenceSettings, GridValue};
pub use permutation::{ColumnImportance, Importances, Permutation};
pub use shap::{ColumnContribution, ColumnPoints, ShapSummary};

use gristmill_core::{Result, Seed, Table};

/// At most `most` of so many rows, drawn by the seed, in their order.
fn drawn(rows: usize, most: usize, seed: Seed) -> Vec<u32> {
    let mut all: Vec<u32> = (0..rows as u32).collect();
    if rows > most {
        seed.random().shuffle(&mut all);
        all.truncate(most);
        all.sort_unstable();
    }
    all
}

/// At most `most` rows of `table`, drawn by the seed, in their order.
fn sample(table: &Table, most: usize, seed: Seed) -> Result<Table> {
    if table.rows() <= most {
        return Ok(table.clone());
    }
    table.take(&drawn(table.rows(), most, seed))
}

/// `table` with the column at `at` replaced by its values at `rows`, one for each row.
fn with_values_of(table: &Table, at: usize, rows: &[u32]) -> Result<Table> {
    let changed = table.select(&[at]).take(rows)?;
    let columns = (0..table.schema().len())
        .map(|i| if i == at { changed.column(0).clone() } else { table.column(i).clone() })
        .collect();
    Table::new(table.schema().clone(), columns)
}
