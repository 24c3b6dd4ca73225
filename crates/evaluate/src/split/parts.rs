//! Train, test and validation rows.

use gristmill_core::{Error, Random, Result, Seed, Table, Target, nearest};
use serde::{Deserialize, Serialize};

use super::deal::{border, part_of, quotas, row_numbers, sorted, take_groups};
use super::{Shares, Split, keys};

/// The rows of a table part by part, each in rising order, none in two parts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parts {
    /// The rows to learn from; never empty.
    pub train: Vec<u32>,
    /// The rows to test on; never empty.
    pub test: Vec<u32>,
    /// The rows for early stopping and the like; empty unless they were asked for.
    pub validation: Vec<u32>,
}

impl Split {
    /// Sets rows of `table` aside. `target` is needed to stratify; equal rows and seed give equal
    /// parts.
    ///
    /// # Errors
    /// [`Error::Setting`] for shares beyond 0 and 1; [`Error::MissingColumn`]; [`Error::Data`]
    /// when there are too few rows, groups or moments, when a class to stratify by has only one
    /// row, when a value that decides is missing, or when a part is called by another word than
    /// `train`, `test` and `validation`.
    pub fn parts(&self, table: &Table, target: Option<&Target>, seed: Seed) -> Result<Parts> {
        let mut random = seed.named("split").random();
        let rows = table.rows();
        let parts = match self {
            Self::Random(shares) => {
                shares.check()?;
                by_chance(rows, *shares, &mut random)?
            }
            Self::Stratified(shares) => {
                shares.check()?;
                stratified(rows, target, *shares, &mut random)?
            }
            Self::Group { column, shares } => {
                shares.check()?;
                by_group(table, column, *shares, &mut random)?
            }
            Self::Time { column, shares } => {
                shares.check()?;
                by_time(table, column, *shares)?
            }
            Self::Column { column } => by_column(table, column)?,
        };
        let parts = Parts {
            train: sorted(parts.train),
            test: sorted(parts.test),
            validation: sorted(parts.validation),
        };
        parts.refuse_empty(rows)?;
        Ok(parts)
    }
}

impl Parts {
    fn refuse_empty(&self, rows: usize) -> Result<()> {
        let empty = match (self.train.is_empty(), self.test.is_empty()) {
            (false, false) => return Ok(()),
            (true, _) => "train",
            _ => "test",
        };
        Err(Error::data_hint(
            format!("the split of {rows} rows leaves none for the part `{empty}`"),
            "give more rows, or change the shares under `split`",
        ))
    }
}

fn by_chance(rows: usize, shares: Shares, random: &mut Random) -> Result<Parts> {
    let mut test = row_numbers(rows)?;
    random.shuffle(&mut test);
    let mut validation = test.split_off(part_of(rows, shares.test).min(rows));
    let train = validation.split_off(part_of(rows, shares.validation).min(validation.len()));
    Ok(Parts { train, test, validation })
}

fn stratified(
    rows: usize,
    target: Option<&Target>,
    shares: Shares,
    random: &mut Random,
) -> Result<Parts> {
    row_numbers(rows)?;
    let (classes, names) = keys::classes(target, rows)?;
    if let Some(at) = classes.iter().position(|rows| rows.len() == 1) {
        return Err(Error::data_hint(
            format!("class `{}` has only one row and cannot be stratified", names[at]),
            "leave that row out with `sql`, or leave out `stratify`",
        ));
    }
    let sizes: Vec<usize> = classes.iter().map(Vec::len).collect();
    let for_test = quotas(&sizes, part_of(rows, shares.test));
    let rest: Vec<usize> = sizes.iter().zip(&for_test).map(|(s, t)| s - t).collect();
    let for_validation = quotas(&rest, part_of(rows, shares.validation));
    let mut parts = Parts::default();
    for ((mut rows, test), validation) in classes.into_iter().zip(for_test).zip(for_validation) {
        random.shuffle(&mut rows);
        let mut rest = rows.split_off(test);
        parts.test.extend(rows);
        parts.train.extend(rest.split_off(validation));
        parts.validation.extend(rest);
    }
    Ok(parts)
}

fn by_group(table: &Table, column: &str, shares: Shares, random: &mut Random) -> Result<Parts> {
    let rows = table.rows();
    row_numbers(rows)?;
    let mut groups = keys::groups(table, column)?;
    let validated = shares.validation > 0.0;
    refuse_few("group", column, groups.len(), if validated { 3 } else { 2 })?;
    let leave = if validated { 2 } else { 1 };
    let test = take_groups(&mut groups, part_of(rows, shares.test), leave, random);
    let validation = if validated {
        take_groups(&mut groups, part_of(rows, shares.validation), 1, random)
    } else {
        Vec::new()
    };
    Ok(Parts { train: groups.concat(), test, validation })
}

fn by_time(table: &Table, column: &str, shares: Shares) -> Result<Parts> {
    let rows = table.rows();
    row_numbers(rows)?;
    let mut moments = keys::moments(table, column)?;
    let validated = shares.validation > 0.0;
    refuse_few("time", column, moments.len(), if validated { 3 } else { 2 })?;
    let from = if validated { 2 } else { 1 };
    let test = moments.split_off(border(&moments, part_of(rows, shares.test), from)).concat();
    let validation = if validated {
        moments.split_off(border(&moments, part_of(rows, shares.validation), 1)).concat()
    } else {
        Vec::new()
    };
    Ok(Parts { train: moments.concat(), test, validation })
}

pub(super) fn refuse_few(what: &str, column: &str, found: usize, needed: usize) -> Result<()> {
    if found >= needed {
        return Ok(());
    }
    Err(Error::data_hint(
        format!(
            "column `{column}` has {found} distinct values, and a split by {what} needs {needed}"
        ),
        format!("name another column under `{what}`, or give more rows"),
    ))
}

fn by_column(table: &Table, column: &str) -> Result<Parts> {
    const WORDS: [&str; 3] = ["train", "test", "validation"];
    row_numbers(table.rows())?;
    let words = keys::words(table, column)?;
    let mut parts = Parts::default();
    for (row, word) in words.iter().enumerate() {
        let part = match word.unwrap_or_default() {
            "train" => &mut parts.train,
            "test" => &mut parts.test,
            "validation" => &mut parts.validation,
            other => {
                let hint = match nearest(other, &WORDS) {
                    Some(near) => format!("write `{near}`, or map the words with `sql`"),
                    None => "map the words with `sql`".into(),
                };
                return Err(Error::data_hint(
                    format!(
                        "column `{column}` says `{other}` in row {}, expected train, test or \
                         validation",
                        row + 1
                    ),
                    hint,
                ));
            }
        };
        part.push(row as u32);
    }
    for (word, rows) in WORDS.iter().zip([&parts.train, &parts.test]) {
        if rows.is_empty() {
            return Err(Error::data_hint(
                format!("column `{column}` says `{word}` in no row"),
                "name another column, or split by `test: 0.2`",
            ));
        }
    }
    Ok(parts)
}
