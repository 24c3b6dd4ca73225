//! What the transforms share: which columns they take, and where their results stand.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use gristmill_core::{Column, Error, Field, Frame, Result, Rows, Schema, Selector, SemanticType};
use rayon::prelude::*;

/// From how many rows on columns are worth a thread each.
const PARALLEL_ROWS: usize = 16_384;

/// The positions that `selector` takes, each put through `accept`.
///
/// Selecting nothing is refused, unless the columns are not all known yet.
pub(crate) fn taken(
    selector: &Selector,
    input: &Schema,
    accept: impl Fn(&Field) -> Result<()>,
) -> Result<Vec<usize>> {
    let open = input.fields().iter().any(|f| f.expands);
    let positions =
        if open { selector.positions(input)? } else { selector.some_positions(input)? };
    positions.iter().filter_map(|&at| input.fields().get(at)).try_for_each(accept)?;
    Ok(positions)
}

/// The names at `positions`, as they are stored.
pub(crate) fn names(input: &Schema, positions: &[usize]) -> Vec<String> {
    positions.iter().filter_map(|&at| input.fields().get(at)).map(|f| f.name.clone()).collect()
}

/// The positions of stored names, which stand in the order of `input`.
pub(crate) fn stored<'a>(
    kind: &str,
    names: impl IntoIterator<Item = &'a String>,
    input: &Schema,
    accept: impl Fn(&Field) -> Result<()>,
) -> Result<Vec<usize>> {
    let damaged = |found: String| Error::damaged(format!("step `{kind}`"), found);
    let mut positions: Vec<usize> = Vec::new();
    for name in names {
        let at = input
            .find(name)
            .ok_or_else(|| damaged(format!("it takes a column `{name}` that its input lacks")))?;
        if positions.last().is_some_and(|&last| last >= at) {
            return Err(damaged(format!("column `{name}` is out of order")));
        }
        accept(&input.fields()[at]).map_err(|e| damaged(e.to_string()))?;
        positions.push(at);
    }
    Ok(positions)
}

/// Refuses stored numbers that are not one for each of `columns`.
pub(crate) fn one_each(kind: &str, what: &str, numbers: usize, columns: usize) -> Result<()> {
    if numbers == columns {
        return Ok(());
    }
    Err(Error::damaged(
        format!("step `{kind}`"),
        format!("it has {numbers} {what} for {columns} columns"),
    ))
}

/// Refuses what has no differences and means.
pub(crate) fn numeric(field: &Field) -> Result<()> {
    let hint = match field.semantic {
        SemanticType::Numeric | SemanticType::Boolean => return Ok(()),
        SemanticType::Categorical => {
            format!("put `one_hot: {{columns: [{}]}}` before, or take other columns", field.name)
        }
        other => format!("take other columns, such as `numeric` or `{{except: [{other}]}}`"),
    };
    Err(Error::WrongType {
        name: field.name.clone(),
        found: field.semantic,
        expected: "numeric or boolean",
        hint: Some(hint),
    })
}

/// Refuses what has no categories.
pub(crate) fn categorical(field: &Field) -> Result<()> {
    let hint = match field.semantic {
        SemanticType::Numeric | SemanticType::Boolean | SemanticType::Categorical => return Ok(()),
        SemanticType::Text => format!(
            "if its texts are few and repeat, type it with `types: {{{}: categorical}}`",
            field.name
        ),
        other => format!("take other columns, such as `categorical` or `{{except: [{other}]}}`"),
    };
    Err(Error::WrongType {
        name: field.name.clone(),
        found: field.semantic,
        expected: "categorical, boolean or numeric",
        hint: Some(hint),
    })
}

/// The numeric column that stands where `field` stood.
pub(crate) fn number(field: &Field) -> Field {
    let mut number = Field::number(&field.name).role(field.role).nullable(field.nullable);
    number.expands = field.expands;
    number
}

/// `input` with the fields that `make` gives for each position in place of the one there.
pub(crate) fn spliced(
    input: &Schema,
    mut make: impl FnMut(usize, &Field) -> Vec<Field>,
) -> Result<Schema> {
    Schema::new(input.fields().iter().enumerate().flat_map(|(at, f)| make(at, f)).collect())
}

/// `input` with a numeric column in place of each of `positions`.
pub(crate) fn with_numbers(input: &Schema, positions: &[usize]) -> Result<Schema> {
    spliced(input, |at, field| {
        vec![if positions.binary_search(&at).is_ok() { number(field) } else { field.clone() }]
    })
}

/// `name`, or the first of `name_2`, `name_3`, ... that is not taken yet.
pub(crate) fn unused(name: String, taken: &mut HashSet<String>) -> String {
    if taken.insert(name.clone()) {
        return name;
    }
    let mut count = 2;
    loop {
        let candidate = format!("{name}_{count}");
        if taken.insert(candidate.clone()) {
            return candidate;
        }
        count += 1;
    }
}

/// What `change` makes of each column, in order.
pub(crate) fn map_columns<T: Send>(
    rows: Frame,
    change: impl Fn(usize, Column) -> T + Sync,
) -> Vec<T> {
    let many = rows.rows() >= PARALLEL_ROWS;
    let columns = rows.into_columns();
    if many {
        columns.into_par_iter().enumerate().map(|(at, c)| change(at, c)).collect()
    } else {
        columns.into_iter().enumerate().map(|(at, c)| change(at, c)).collect()
    }
}

/// The columns with `change` applied to each number of those that have a `plan`.
pub(crate) fn map_numbers<P: Sync>(
    rows: Frame,
    output: &Arc<Schema>,
    plan: &[Option<P>],
    change: impl Fn(&P, f64) -> f64 + Sync,
) -> Result<Frame> {
    let count = rows.rows();
    let columns = map_columns(rows, |at, mut column| {
        if let (Some(Some(plan)), Column::Numbers(values)) = (plan.get(at), &mut column) {
            values.iter_mut().for_each(|v| *v = change(plan, *v));
        }
        column
    });
    Frame::new(Arc::clone(output), columns, count)
}

/// For each of `len` columns, what is planned for it.
pub(crate) fn plan<P>(
    len: usize,
    positions: &[usize],
    plans: impl IntoIterator<Item = P>,
) -> Vec<Option<P>> {
    let mut planned: Vec<Option<P>> = (0..len).map(|_| None).collect();
    for (&at, plan) in positions.iter().zip(plans) {
        if let Some(slot) = planned.get_mut(at) {
            *slot = Some(plan);
        }
    }
    planned
}

/// The weights of these rows, where rows have weights.
pub(crate) fn weights<'a>(rows: &Rows<'a>) -> Option<&'a [f64]> {
    rows.weights.map(|weights| &weights[rows.range.clone()])
}

/// Says that the numbers of a column are too large to compute with.
pub(crate) fn beyond(input: &Schema, at: usize) -> Error {
    let name = input.fields().get(at).map_or("?", |f| f.name.as_str());
    Error::data_hint(
        format!("column `{name}` has an infinite value, or values too large to add up"),
        "leave those rows out with `sql`, or scale the column down with `derive`",
    )
}

/// The names of the columns that no step takes: those at other places than `positions`.
pub(crate) fn untouched(input: &Schema, positions: &[usize]) -> HashSet<String> {
    let kept = input.fields().iter().enumerate();
    let kept = kept.filter(|(at, _)| positions.binary_search(at).is_err());
    kept.map(|(_, field)| field.name.clone()).collect()
}

/// The rows with what `change` makes of each column in its place.
pub(crate) fn replaced(
    rows: Frame,
    output: &Arc<Schema>,
    change: impl Fn(usize, Column) -> Result<Vec<Column>> + Sync,
) -> Result<Frame> {
    let count = rows.rows();
    let mut columns = Vec::new();
    for part in map_columns(rows, change) {
        match (part?, columns.is_empty()) {
            // A step may make a hundred thousand columns of one: they are not moved again.
            (part, true) => columns = part,
            (part, false) => columns.extend(part),
        }
    }
    Frame::new(Arc::clone(output), columns, count)
}

/// The numbers of a column, its zeros written out.
pub(crate) fn written_out(column: &Column) -> Result<Cow<'_, [f64]>> {
    match column {
        Column::Numbers(values) => Ok(Cow::Borrowed(values)),
        Column::Sparse(numbers) => Ok(Cow::Owned(numbers.to_dense())),
        Column::Words(_) | Column::Times(_) | Column::Images(_) => {
            Err(Error::Bug("a column without numbers was asked for them".into()))
        }
    }
}
