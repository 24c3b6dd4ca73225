//! The as-of join: each row of one table with the latest row of another that was known by then.
//!
//! SQL has no short form for it. A window over the union of both tables says the same in a dozen
//! lines for each column, and a join by inequality compares every pair of rows.

use std::collections::HashMap;

use arrow::array::{Array, ArrayRef, AsArray, UInt32Array};
use arrow::compute::{cast, take};
use arrow::datatypes::{Float64Type, Int64Type, TimestampMicrosecondType};
use arrow::row::{Row, RowConverter, Rows, SortField};
use gristmill_core::{Error, Field, PhysicalType, Result, Schema, Table};

/// A table under the name that a query calls it by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Named<'a> {
    pub name: &'a str,
    pub table: &'a Table,
}

/// Every row of `left`, in order, with the columns of that row of `right` which is the latest by
/// `on` among those that are not later and are equal in all of `by`; with missing values where
/// there is none. Among rows of equal time the last one counts, and a missing time or key fits none.
///
/// The columns of `by` stand once. Another column of `right` whose name `left` has too is called
/// `RIGHT_name`: so the time of the row that was found is `RIGHT_on`.
///
/// # Errors
/// When a column is missing, or its types in the two tables cannot be compared.
pub(crate) fn asof_join(
    left: Named<'_>,
    right: Named<'_>,
    on: &str,
    by: &[String],
) -> Result<Table> {
    let (earlier, later) = (times(right, left, on)?, times(left, right, on)?);
    let keys = Keys::new(left, right, by)?;
    let mut known: HashMap<Option<Row<'_>>, Vec<u32>> = HashMap::new();
    for (row, time) in earlier.iter().enumerate() {
        if time.is_some() && keys.right.is_whole(row) {
            known.entry(keys.right.of(row)).or_default().push(row as u32);
        }
    }
    for rows in known.values_mut() {
        rows.sort_by_key(|&row| earlier[row as usize]);
    }
    let latest = |(row, time): (usize, &Option<i64>)| {
        let time = (*time).filter(|_| keys.left.is_whole(row))?;
        let rows = known.get(&keys.left.of(row))?;
        let end = rows.partition_point(|&row| earlier[row as usize] <= Some(time));
        end.checked_sub(1).map(|at| rows[at])
    };
    let found: UInt32Array = later.iter().enumerate().map(latest).collect();
    beside(left.table, right, &found, by)
}

/// The columns of `left` and, of the rows `found`, those of `right`.
fn beside(left: &Table, right: Named<'_>, found: &UInt32Array, by: &[String]) -> Result<Table> {
    let mut fields = left.schema().fields().to_vec();
    let mut columns: Vec<ArrayRef> = (0..fields.len()).map(|at| left.column(at).clone()).collect();
    for (at, field) in right.table.schema().fields().iter().enumerate() {
        if by.contains(&field.name) {
            continue;
        }
        let column = take(right.table.column(at), found, None)
            .map_err(|e| Error::Bug(format!("as-of join: {e}")))?;
        let name = match left.schema().find(&field.name) {
            Some(_) => format!("{}_{}", right.name, field.name),
            None => field.name.clone(),
        };
        let nullable = column.null_count() > 0;
        fields.push(Field::new(name, field.physical).nullable(nullable));
        columns.push(column);
    }
    Table::new(Schema::new(fields)?, columns)
}

/// What column `on` of `of` holds, as integers that order as its values do beside those of `other`.
fn times(of: Named<'_>, other: Named<'_>, on: &str) -> Result<Vec<Option<i64>>> {
    let (ours, theirs) = (physical(of, on)?, physical(other, on)?);
    let common = match (ours, theirs) {
        (a, b) if a == b => a,
        (PhysicalType::Int64, PhysicalType::Float64)
        | (PhysicalType::Float64, PhysicalType::Int64) => PhysicalType::Float64,
        (PhysicalType::Date, PhysicalType::Timestamp)
        | (PhysicalType::Timestamp, PhysicalType::Date) => PhysicalType::Timestamp,
        _ => return Err(unlike(of, other, on, (ours, theirs))),
    };
    let column = of.table.column_named(on)?;
    let to = match common {
        PhysicalType::Float64 | PhysicalType::Int64 => common,
        PhysicalType::Date | PhysicalType::Timestamp => PhysicalType::Timestamp,
        PhysicalType::Boolean | PhysicalType::Utf8 | PhysicalType::Binary => {
            return Err(Error::data_hint(
                format!("column `{on}` of `{}` is {common}, which orders no rows in time", of.name),
                "name a column of moments, days or numbers",
            ));
        }
    };
    let column = cast(column, &to.arrow()).map_err(|e| Error::Bug(format!("as-of join: {e}")))?;
    Ok(match to {
        PhysicalType::Float64 => column.as_primitive::<Float64Type>().iter().map(rank).collect(),
        PhysicalType::Int64 => column.as_primitive::<Int64Type>().iter().collect(),
        _ => column.as_primitive::<TimestampMicrosecondType>().iter().collect(),
    })
}

/// An integer that orders as the number does; zero has one sign.
fn rank(number: Option<f64>) -> Option<i64> {
    let bits = (number? + 0.0).to_bits().cast_signed();
    Some(if bits < 0 { bits ^ i64::MAX } else { bits })
}

fn physical(of: Named<'_>, name: &str) -> Result<PhysicalType> {
    Ok(of.table.schema().field(name)?.physical)
}

fn unlike(
    of: Named<'_>,
    other: Named<'_>,
    name: &str,
    (ours, theirs): (PhysicalType, PhysicalType),
) -> Error {
    Error::data_hint(
        format!("column `{name}` is {ours} in `{}` and {theirs} in `{}`", of.name, other.name),
        "give both sources values of one type",
    )
}

/// The values of the columns that must be equal, row by row, on both sides.
struct Keys {
    left: Side,
    right: Side,
}

/// The keys of one table; none when it is joined by time alone.
struct Side {
    rows: Option<Rows>,
    columns: Vec<ArrayRef>,
}

impl Keys {
    fn new(left: Named<'_>, right: Named<'_>, by: &[String]) -> Result<Self> {
        for name in by {
            let types = (physical(left, name)?, physical(right, name)?);
            if types.0 != types.1 {
                return Err(unlike(left, right, name, types));
            }
        }
        let columns = |of: Named<'_>| {
            by.iter().map(|name| of.table.column_named(name).cloned()).collect::<Result<Vec<_>>>()
        };
        let (left, right) = (columns(left)?, columns(right)?);
        if by.is_empty() {
            let side = |columns| Side { rows: None, columns };
            return Ok(Self { left: side(left), right: side(right) });
        }
        let bug = |e: arrow::error::ArrowError| Error::Bug(format!("as-of join: {e}"));
        let types = left.iter().map(|c| SortField::new(c.data_type().clone())).collect();
        let converter = RowConverter::new(types).map_err(bug)?;
        let side = |columns: Vec<ArrayRef>| {
            let rows = Some(converter.convert_columns(&columns).map_err(bug)?);
            Ok(Side { rows, columns })
        };
        Ok(Self { left: side(left)?, right: side(right)? })
    }
}

impl Side {
    fn of(&self, row: usize) -> Option<Row<'_>> {
        self.rows.as_ref().map(|rows| rows.row(row))
    }

    /// Whether no part of the key is missing.
    fn is_whole(&self, row: usize) -> bool {
        self.columns.iter().all(|column| column.is_valid(row))
    }
}

#[cfg(test)]
mod tests {
    use gristmill_testkit::table;

    use super::*;

    fn trades() -> Table {
        table()
            .integers("time", [Some(10), Some(20), Some(20), None, Some(5)])
            .words("symbol", [Some("A"), Some("B"), None, Some("A"), Some("A")])
            .numbers("price", [1.0, 2.0, 3.0, 4.0, 5.0])
            .build()
    }

    fn quotes() -> Table {
        table()
            .numbers("time", [Some(10.0), Some(6.5), Some(10.0), Some(30.0), None])
            .words("symbol", [Some("A"), Some("A"), Some("A"), Some("B"), Some("B")])
            .numbers("price", [7.0, 6.0, 8.0, 9.0, 10.0])
            .build()
    }

    fn join(on: &str, by: &[&str]) -> Result<Table> {
        let (left, right) = (trades(), quotes());
        let by: Vec<String> = by.iter().map(ToString::to_string).collect();
        asof_join(
            Named { name: "trades", table: &left },
            Named { name: "quotes", table: &right },
            on,
            &by,
        )
    }

    #[track_caller]
    fn check(by: &[&str], expected: [Option<f64>; 5]) {
        let joined = join("time", by).unwrap();
        let prices = joined.column_named("quotes_price").unwrap();
        let prices: Vec<_> = prices.as_primitive::<Float64Type>().iter().collect();
        assert_eq!(prices, expected);
    }

    #[test] // by hand: of two quotes at 10 the last one counts, at 5 there was none
    fn each_row_meets_the_latest_that_is_not_later() {
        check(&["symbol"], [Some(8.0), None, None, None, None]);
        check(&[], [Some(8.0), Some(8.0), Some(8.0), None, None]);
    }

    #[test]
    fn keys_stand_once_and_equal_names_are_told_apart() {
        let joined = join("time", &["symbol"]).unwrap();
        let names = ["time", "symbol", "price", "quotes_time", "quotes_price"];
        assert_eq!(joined.schema().names(), names);
    }

    #[test]
    fn numbers_below_zero_come_before_it() {
        let ranks: Vec<_> = [-2.0, -1.0, -0.0, 0.5].map(|x| rank(Some(x))).into();
        assert!(ranks.is_sorted_by(|a, b| a < b), "{ranks:?}");
        assert_eq!(rank(Some(-0.0)), rank(Some(0.0)));
    }

    #[track_caller]
    fn refused(on: &str, by: &[&str], message: &str) {
        assert_eq!(join(on, by).unwrap_err().to_string(), message);
    }

    #[test]
    fn columns_that_cannot_be_compared_are_refused() {
        refused("tiem", &[], "column `tiem` not found; the table has time, symbol, price");
        refused("symbol", &[], "column `symbol` of `quotes` is utf8, which orders no rows in time");
        refused("price", &["time"], "column `time` is int64 in `trades` and float64 in `quotes`");
    }
}
