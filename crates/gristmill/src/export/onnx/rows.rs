//! Rows as a runtime is asked with them.

use std::collections::BTreeMap;

use gristmill_core::{Column, Frame, MISSING_TIME, Table};
use serde::Serialize;

use crate::Result;

/// The values of each input by its name.
pub(super) type Asked = BTreeMap<String, Values>;

/// The values of one input; nothing where one is missing.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Values {
    Numbers(Vec<Option<f64>>),
    Integers(Vec<i64>),
    Words(Vec<String>),
}

/// The columns of `rows` in the form that the inputs have.
pub(super) fn of(rows: &Table) -> Result<Asked> {
    let frame = Frame::from_table(rows)?.dense()?;
    let names = frame.schema().names();
    Ok(names.into_iter().zip(frame.into_columns()).map(|(n, c)| (n, values(c))).collect())
}

fn values(column: Column) -> Values {
    let present = |v: f64| (!v.is_nan()).then_some(v);
    match column {
        Column::Numbers(values) => Values::Numbers(values.into_iter().map(present).collect()),
        Column::Sparse(values) => {
            Values::Numbers(values.to_dense().into_iter().map(present).collect())
        }
        Column::Words(words) => {
            Values::Words(words.iter().map(|word| word.unwrap_or_default().to_owned()).collect())
        }
        // No graph takes images.
        Column::Images(images) => Values::Words(vec![String::new(); images.len()]),
        // A missing moment is the least integer here and there.
        Column::Times(times) => {
            const _: () = assert!(MISSING_TIME == i64::MIN);
            Values::Integers(times)
        }
    }
}
