//! What splits read of a table: groups, order in time, parts, classes.

use gristmill_core::{
    Column, Error, Frame, MISSING_CODE, MISSING_TIME, PhysicalType, Result, SemanticType, Table,
    Target, Words,
};

/// The rows of each class.
pub(super) fn classes(
    target: Option<&Target>,
    rows: usize,
) -> Result<(Vec<Vec<u32>>, Vec<String>)> {
    match target {
        Some(Target::Classes { codes, labels }) if codes.len() == rows => {
            Ok((rows_by_code(codes, labels.len()), labels.names().to_vec()))
        }
        Some(Target::Classes { codes, .. }) => {
            Err(Error::Bug(format!("{} classes for {rows} rows to split", codes.len())))
        }
        Some(Target::Numbers(_)) => Err(Error::data_hint(
            "`stratify` needs a target of classes, and the target is a number",
            "leave out `stratify`",
        )),
        Some(Target::Absent(_)) | None => Err(Error::data_hint(
            "`stratify` needs a target, and there is none",
            "leave out `stratify`, or name the target",
        )),
    }
}

/// The rows of each group, groups in the order in which they first appear.
pub(super) fn groups(table: &Table, column: &str) -> Result<Vec<Vec<u32>>> {
    let words = words(table, column)?;
    let groups = rows_by_code(&words.codes, words.dictionary.len());
    Ok(groups.into_iter().filter(|rows| !rows.is_empty()).collect())
}

/// The word of each row.
pub(super) fn words(table: &Table, column: &str) -> Result<Words> {
    let Column::Words(words) = read(table, column, SemanticType::Categorical)? else {
        return Err(Error::Bug(format!("column `{column}` was not read as words")));
    };
    refuse_gap(column, words.codes.iter().position(|&c| c == MISSING_CODE))?;
    Ok(words)
}

/// The rows of each moment, moments in order.
pub(super) fn moments(table: &Table, column: &str) -> Result<Vec<Vec<u32>>> {
    let meaning = match table.schema().field(column)?.physical {
        PhysicalType::Date | PhysicalType::Timestamp => SemanticType::Datetime,
        PhysicalType::Int64 | PhysicalType::Float64 => SemanticType::Numeric,
        _ => {
            return Err(Error::WrongType {
                name: column.into(),
                found: table.schema().field(column)?.semantic,
                expected: "moments, days or numbers to order rows by",
                hint: Some("convert it with `sql`, such as CAST(... AS TIMESTAMP)".into()),
            });
        }
    };
    match read(table, column, meaning)? {
        Column::Times(times) => {
            refuse_gap(column, times.iter().position(|&t| t == MISSING_TIME))?;
            Ok(in_order(&times, Ord::cmp))
        }
        Column::Numbers(numbers) => {
            refuse_gap(column, numbers.iter().position(|n| n.is_nan()))?;
            Ok(in_order(&numbers, f64::total_cmp))
        }
        Column::Sparse(_) | Column::Words(_) | Column::Images(_) => {
            Err(Error::Bug(format!("column `{column}` was not read as moments or numbers")))
        }
    }
}

fn read(table: &Table, column: &str, meaning: SemanticType) -> Result<Column> {
    let at = table.schema().position(column)?;
    let one = table.select(&[at]).with_meaning(column, meaning)?;
    let columns = Frame::from_table(&one)?.into_columns();
    columns.into_iter().next().ok_or_else(|| Error::Bug("a frame lost its only column".into()))
}

fn refuse_gap(column: &str, gap: Option<usize>) -> Result<()> {
    match gap {
        None => Ok(()),
        Some(row) => Err(Error::data_hint(
            format!("column `{column}` splits the rows, and row {} has no value", row + 1),
            "leave such rows out with `sql`, or fill them there",
        )),
    }
}

fn rows_by_code(codes: &[u32], count: usize) -> Vec<Vec<u32>> {
    let mut rows = vec![Vec::new(); count];
    for (row, &code) in codes.iter().enumerate() {
        if let Some(own) = rows.get_mut(code as usize) {
            own.push(row as u32);
        }
    }
    rows
}

fn in_order<T: Copy>(
    values: &[T],
    compare: impl Fn(&T, &T) -> std::cmp::Ordering,
) -> Vec<Vec<u32>> {
    let mut order: Vec<(T, u32)> =
        values.iter().enumerate().map(|(row, v)| (*v, row as u32)).collect();
    order.sort_by(|a, b| compare(&a.0, &b.0));
    order
        .chunk_by(|a, b| compare(&a.0, &b.0).is_eq())
        .map(|equal| equal.iter().map(|(_, row)| *row).collect())
        .collect()
}
