//! Tables of which nobody knows beforehand which columns they have.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::Row;
use sqlx::sqlite::{SqlitePool, SqliteRow};

/// Which columns each table has.
#[derive(Debug)]
pub(super) struct Tables(BTreeMap<String, BTreeSet<String>>);

/// A column as it is asked for.
#[derive(Clone, Copy)]
pub(super) enum Column {
    /// Text of at most so many characters.
    Text(&'static str, usize),
    /// A whole number.
    Whole(&'static str),
    /// Any number.
    Real(&'static str),
}

impl Tables {
    pub async fn read(pool: &SqlitePool) -> Result<Self, sqlx::Error> {
        let sql = "SELECT m.name AS place, p.name AS column_name FROM sqlite_master m \
                   JOIN pragma_table_info(m.name) p WHERE m.type = 'table'";
        let mut tables: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for row in sqlx::query(sql).fetch_all(pool).await? {
            let table: String = row.try_get("place")?;
            tables.entry(table).or_default().insert(row.try_get("column_name")?);
        }
        Ok(Self(tables))
    }

    pub fn has(&self, table: &str) -> bool {
        self.0.contains_key(table)
    }

    pub fn has_column(&self, table: &str, column: &str) -> bool {
        self.0.get(table).is_some_and(|columns| columns.contains(column))
    }

    /// `SELECT` of these columns, of which those that are not there hold nothing. Text comes with one
    /// character more than is allowed where there is more.
    pub fn select(&self, table: &str, columns: &[Column]) -> String {
        let asked: Vec<String> = columns
            .iter()
            .map(|column| match column {
                _ if !self.has_column(table, column.name()) => {
                    format!("NULL AS \"{}\"", column.name())
                }
                Column::Text(name, most) => {
                    format!("substr(CAST(\"{name}\" AS TEXT), 1, {}) AS \"{name}\"", most + 1)
                }
                Column::Whole(name) => format!("CAST(\"{name}\" AS INTEGER) AS \"{name}\""),
                Column::Real(name) => format!("CAST(\"{name}\" AS REAL) AS \"{name}\""),
            })
            .collect();
        format!("SELECT {} FROM \"{table}\"", asked.join(", "))
    }

    /// What a statement on a table must also ask for, so that only the usual workspace is seen.
    pub fn in_workspace(&self, table: &str) -> &'static str {
        if self.has_column(table, "workspace") { " AND workspace = 'default'" } else { "" }
    }
}

impl Column {
    pub fn name(self) -> &'static str {
        match self {
            Self::Text(name, _) | Self::Whole(name) | Self::Real(name) => name,
        }
    }
}

/// That a row has an id by whose order it can be found again: whatever is longer or odder is no id of
/// MLflow's, and what it is compared with would not be what is read.
pub(super) fn sound(id: Column) -> String {
    let (name, most) = match id {
        Column::Text(name, most) => (name, most),
        Column::Whole(name) | Column::Real(name) => (name, 0),
    };
    format!(
        "coalesce(typeof(\"{name}\") = 'text' AND length(\"{name}\") BETWEEN 1 AND {most} \
         AND \"{name}\" NOT GLOB '*[^ -~]*', 0)"
    )
}

/// One row.
pub(super) struct Cells(pub SqliteRow);

impl Cells {
    /// The text of a column; nothing where there is none, and why where it cannot be used.
    pub fn text(&self, column: Column) -> Result<Option<String>, String> {
        let Column::Text(name, most) = column else { return Ok(None) };
        let text: Option<String> = self
            .0
            .try_get(name)
            .map_err(|_| format!("`{name}` holds no text in UTF-8, expected some"))?;
        match text {
            Some(text) if text.chars().nth(most).is_some() => {
                Err(format!("`{name}` is longer than {most} characters, expected at most that"))
            }
            other => Ok(other),
        }
    }

    /// The text of a column that must have one.
    pub fn required(&self, column: Column) -> Result<String, String> {
        self.text(column)?.ok_or_else(|| format!("`{}` is empty, expected text", column.name()))
    }

    /// The whole number in a column.
    pub fn whole(&self, name: &'static str) -> Result<Option<i64>, String> {
        self.0.try_get(name).map_err(|_| format!("`{name}` holds no whole number"))
    }

    /// The number in a column.
    pub fn real(&self, name: &'static str) -> Result<Option<f64>, String> {
        self.0.try_get(name).map_err(|_| format!("`{name}` holds no number"))
    }
}
