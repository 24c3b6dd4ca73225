//! Requests whose truth is known by now, as rows that a model can learn from and be scored on.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, StringArray, TimestampMicrosecondArray, new_empty_array,
};
use arrow::compute::{cast, concat};
use arrow::datatypes::{DataType, Float64Type};
use gristmill_core::{
    DenseMatrix, Field, PhysicalType, Prediction, Schema, Table, TargetSpec, Timestamp,
};
use gristmill_evaluate::compare::take;

use super::{place, read};
use crate::keeper::Keeper;
use crate::{Error, Home, Kind, Result};

/// Which labelled requests are wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// So many of the latest.
    pub most: usize,
    /// None that was answered before.
    pub since: Option<Timestamp>,
    /// Those alone that this version answered.
    pub version: Option<u32>,
}

/// What a row must look like: the columns that the model takes, and what it predicts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Form<'a> {
    pub input: &'a Schema,
    pub target: &'a TargetSpec,
    /// A column that the data has and the model does not take, which says when a row was.
    pub time: Option<&'a str>,
}

/// Labelled requests, the first first.
#[derive(Clone, Debug)]
pub(crate) struct Labelled {
    /// The columns of the model, the target under its name, and the time where it was asked for.
    pub rows: Table,
    /// When each was answered.
    pub moments: Vec<Timestamp>,
    /// Which version answered it; nothing for one that is no version of the registry's.
    pub versions: Vec<Option<u32>>,
    /// What was answered, where one version was asked for.
    pub answered: Option<Prediction>,
}

/// The latest labelled requests of a model; of those with one id the latest. Labels that are no class of the
/// model, or no number, are left out.
///
/// # Errors
/// When the log cannot be read, or lacks a column that the model takes.
pub(crate) fn labelled(
    home: &Home,
    keeper: &Keeper,
    model: &str,
    wanted: Wanted,
    form: Form<'_>,
) -> Result<Labelled> {
    let target = form.target.field.as_ref().ok_or_else(|| {
        Error::input(format!("`{model}` predicts nothing that a label could be true of"))
    })?;
    let (mut parts, mut found, mut seen) = (Vec::new(), 0, HashSet::new());
    for (day, path) in read::files(home, model)? {
        let is_before = |since| day < place::day(since);
        if found >= wanted.most || wanted.since.is_some_and(is_before) {
            break;
        }
        let table = read::table(&path)?;
        let mut part = Part::of(keeper, model, &table, wanted, form.target)?;
        part.keep_new(&mut seen, wanted.most - found);
        found += part.rows.len();
        if !part.rows.is_empty() {
            parts.push(Read {
                moments: part.moments(),
                versions: part.versions()?,
                rows: part.shaped(model, form, target)?,
                answered: match wanted.version {
                    Some(_) => Some(part.answered(form.target)?),
                    None => None,
                },
            });
        }
    }
    put_together(parts, form, target)
}

/// What was read of one file.
struct Read {
    moments: Vec<Timestamp>,
    versions: Vec<Option<u32>>,
    rows: Table,
    answered: Option<Prediction>,
}

/// The labelled rows of one file.
struct Part<'a> {
    table: &'a Table,
    marks: Vec<u64>,
    all_moments: Vec<i64>,
    labels: Vec<Option<String>>,
    rows: Vec<u32>,
}

impl<'a> Part<'a> {
    fn of(
        keeper: &Keeper,
        model: &str,
        table: &'a Table,
        wanted: Wanted,
        target: &TargetSpec,
    ) -> Result<Self> {
        let labels = read::labels_of(keeper, model, table)?;
        let labels = labels.into_iter().map(|label| usable(target, &label?)).collect::<Vec<_>>();
        let moments = read::moments(table)?;
        let versions = read::words(table, "model_version")?;
        let ids = read::words(table, "prediction_id")?;
        let is_wanted = |&row: &u32| {
            let row = row as usize;
            let is_recent = wanted.since.is_none_or(|since| moments[row] >= since.0);
            let is_of = |version: u32| versions.value(row) == version.to_string();
            labels[row].is_some() && is_recent && wanted.version.is_none_or(is_of)
        };
        let rows = (0..table.rows() as u32).filter(is_wanted).collect();
        let marks = ids.iter().map(|id| read::mark(id.unwrap_or_default())).collect();
        Ok(Self { table, marks, all_moments: moments, labels, rows })
    }

    /// Keeps the latest rows of ids that were not seen yet, at most so many.
    fn keep_new(&mut self, seen: &mut HashSet<u64>, most: usize) {
        let mut new: Vec<u32> = Vec::new();
        for &row in self.rows.iter().rev() {
            if new.len() < most && seen.insert(self.marks[row as usize]) {
                new.push(row);
            }
        }
        new.reverse();
        self.rows = new;
    }

    fn moments(&self) -> Vec<Timestamp> {
        self.rows.iter().map(|row| Timestamp(self.all_moments[*row as usize])).collect()
    }

    fn versions(&self) -> Result<Vec<Option<u32>>> {
        let words = read::words(self.table, "model_version")?;
        Ok(self.rows.iter().map(|row| words.value(*row as usize).parse().ok()).collect())
    }

    /// What was answered, as it was kept.
    fn answered(&self, target: &TargetSpec) -> Result<Prediction> {
        let table = self.table.take(&self.rows)?;
        let numbers = |name: &str| -> Result<Vec<f64>> {
            let column = table.column_named(name)?;
            let column = column.as_primitive_opt::<Float64Type>().ok_or_else(|| strange(name))?;
            Ok(column.values().to_vec())
        };
        let Some(labels) = &target.labels else {
            return Ok(Prediction::Numbers(numbers("prediction")?));
        };
        let names = labels.names();
        let code = |word: Option<&str>| {
            let at = names.iter().position(|name| Some(name.as_str()) == word);
            at.map(|at| at as u32).ok_or_else(|| strange("prediction"))
        };
        let words = read::words(&table, "prediction")?;
        let codes = words.iter().map(code).collect::<Result<Vec<u32>>>()?;
        let of_class = |name: &String| numbers(&format!("probability_{name}"));
        let values = names.iter().map(of_class).collect::<Result<Vec<_>>>()?.concat();
        let probabilities = DenseMatrix::from_columns(codes.len(), names.len(), values)?;
        Ok(Prediction::Classes { codes, probabilities, labels: Arc::clone(labels) })
    }

    /// The rows in the form that is asked for.
    fn shaped(&self, model: &str, form: Form<'_>, target: &Field) -> Result<Table> {
        let table = self.table.take(&self.rows)?;
        let (mut fields, mut columns) = (Vec::new(), Vec::new());
        for field in form.input.fields() {
            let column = asked(&table, field).ok_or_else(|| redacted(model, &field.name))?;
            fields.push(field.clone());
            columns.push(column);
        }
        if let Some(time) = form.time.filter(|time| form.input.find(time).is_none()) {
            fields.push(Field::new(time, PhysicalType::Timestamp));
            columns.push(Arc::new(TimestampMicrosecondArray::from(
                self.moments().iter().map(|moment| moment.0).collect::<Vec<_>>(),
            )));
        }
        fields.push(target.clone());
        let labels = self.rows.iter().map(|row| self.labels[*row as usize].as_deref());
        columns.push(typed(&labels.collect::<Vec<_>>(), target)?);
        let loose = fields.iter().map(|field| field.clone().nullable(true)).collect();
        Ok(Table::new(Schema::new(loose)?, columns)?)
    }
}

fn strange(name: &str) -> Error {
    Error::new(Kind::Stored, format!("column `{name}` of the log is not as it should be"))
}

/// The label as the model knows it; nothing for one that it cannot have.
fn usable(target: &TargetSpec, label: &str) -> Option<String> {
    match &target.labels {
        None => label.parse::<f64>().ok().filter(|value| value.is_finite()).map(|_| label.into()),
        Some(labels) => {
            let is_class = |word: &str| labels.names().iter().any(|name| name == word);
            // `1.0` is the class `1`, whoever wrote it.
            let spelled = label.strip_suffix(".0").unwrap_or(label);
            [label, spelled].into_iter().find(|word| is_class(word)).map(str::to_owned)
        }
    }
}

/// A column as it was asked about; where one of the log's own has its name, it stands under another.
fn asked(table: &Table, field: &Field) -> Option<ArrayRef> {
    let suits = |at: usize| table.schema().fields()[at].physical == field.physical;
    let mut name = format!("input_{}", field.name);
    while let Some(at) = table.schema().find(&name) {
        if table.schema().find(&format!("input_{name}")).is_none() && suits(at) {
            return Some(Arc::clone(table.column(at)));
        }
        name = format!("input_{name}");
    }
    let at = table.schema().find(&field.name)?;
    suits(at).then(|| Arc::clone(table.column(at)))
}

fn redacted(model: &str, name: &str) -> Error {
    Error::input(format!("the log of `{model}` has no column `{name}`, which the model takes"))
        .with_hint("a column that is redacted cannot be learned from: take it out of `log.redact` or `--log-redact`, or `logged` out of `retrain.data`")
}

/// Labels in the type of the target.
fn typed(labels: &[Option<&str>], target: &Field) -> Result<ArrayRef> {
    let words: ArrayRef = Arc::new(StringArray::from(labels.to_vec()));
    let through = match target.physical {
        PhysicalType::Int64 | PhysicalType::Float64 => cast(&words, &DataType::Float64),
        _ => Ok(words),
    };
    let physical = target.physical.arrow();
    let typed = through.and_then(|values| cast(&values, &physical));
    let typed = typed.map_err(|error| Error::bug(format!("labels as {physical}: {error}")))?;
    match typed.null_count() {
        0 => Ok(typed),
        wrong => Err(Error::input(format!("{wrong} labels are no {}", target.physical))),
    }
}

/// The rows of all files, the first first.
fn put_together(parts: Vec<Read>, form: Form<'_>, target: &Field) -> Result<Labelled> {
    let moments: Vec<Timestamp> = parts.iter().flat_map(|part| part.moments.clone()).collect();
    let versions: Vec<Option<u32>> = parts.iter().flat_map(|part| part.versions.clone()).collect();
    let Some(first) = parts.first() else {
        return Ok(Labelled { rows: no_rows(form, target)?, moments, versions, answered: None });
    };
    let column = |at: usize| -> Result<ArrayRef> {
        let columns: Vec<&dyn Array> =
            parts.iter().map(|part| part.rows.column(at).as_ref()).collect();
        concat(&columns).map_err(|error| Error::new(Kind::Stored, format!("the log: {error}")))
    };
    let columns = (0..first.rows.schema().len()).map(column).collect::<Result<Vec<_>>>()?;
    let all = Table::new(first.rows.schema().clone(), columns)?;
    let mut order: Vec<u32> = (0..all.rows() as u32).collect();
    order.sort_by_key(|row| moments[*row as usize]);
    let answered: Option<Vec<Prediction>> = parts.into_iter().map(|part| part.answered).collect();
    let answered = match answered {
        Some(all) => Some(take(&Prediction::together(all)?, &order)?),
        None => None,
    };
    Ok(Labelled {
        rows: all.take(&order)?,
        moments: order.iter().map(|row| moments[*row as usize]).collect(),
        versions: order.iter().map(|row| versions[*row as usize]).collect(),
        answered,
    })
}

fn no_rows(form: Form<'_>, target: &Field) -> Result<Table> {
    let time = form.time.filter(|time| form.input.find(time).is_none());
    let time = time.map(|time| Field::new(time, PhysicalType::Timestamp));
    let fields = form.input.fields().iter().cloned().chain(time).chain([target.clone()]);
    let fields: Vec<Field> = fields.map(|field| field.nullable(true)).collect();
    let empty = |field: &Field| new_empty_array(&field.physical.arrow());
    let columns = fields.iter().map(empty).collect();
    Ok(Table::new(Schema::new(fields)?, columns)?)
}
