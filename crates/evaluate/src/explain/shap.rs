//! A summary of SHAP values: how much each column adds to answers, over many rows.
//! Sources: Lundberg and Lee, *NeurIPS* 2017; Lundberg et al., *Nature Machine Intelligence* 2 (2020).

use gristmill_core::{
    Column, Contributions, DenseMatrix, Error, FittedPipeline, Frame, Labels, MISSING_TIME, Result,
    Schema, Seed, Table,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::drawn;

/// How much each column adds to the answers of a model, on the scale of its raw score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ShapSummary {
    /// The class of each number below; nothing for numbers and for the positive one of two classes.
    pub classes: Vec<String>,
    /// The answer without knowing any column.
    pub base: Vec<f64>,
    /// The columns that the model sees, those that add most first.
    pub columns: Vec<ColumnContribution>,
    /// The same by the columns that come into the pipeline: what was made out of one, such as the
    /// columns of a one-hot encoding, is added up row by row before its size is taken. Columns that
    /// were made out of several stand under their own names.
    pub sources: Vec<ColumnContribution>,
    /// Of the sources that add most, what they add row by row: to the score of `shown`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub points: Vec<ColumnPoints>,
    /// The class of these points; nothing for numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown: Option<String>,
}

/// What one column adds to the answer of each row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ColumnPoints {
    /// The column.
    pub column: String,
    /// φ for each row.
    pub contributions: Vec<f64>,
    /// The column's value in each row; nothing where it is missing or no number.
    pub values: Vec<Option<f64>>,
}

/// How much one column adds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ColumnContribution {
    /// The column.
    pub column: String,
    /// Mean |φ| over the rows, for each class.
    pub size: Vec<f64>,
    /// Mean φ over the rows, for each class.
    pub mean: Vec<f64>,
}

/// Of how many columns points are kept.
const MOST_COLUMNS: usize = 15;

impl ShapSummary {
    /// What the columns add to the answers of `fitted` to the rows of `table`, of which at most `most`
    /// are drawn by the seed; nothing for models that do not know it. Steps that look at earlier rows
    /// see all of `table`.
    ///
    /// # Errors
    /// [`Error::Data`] without rows; as [`FittedPipeline::predict`] and the model's explanation.
    pub fn new(
        fitted: &FittedPipeline,
        table: &Table,
        most: usize,
        seed: Seed,
    ) -> Result<Option<Self>> {
        if table.rows() == 0 {
            return Err(Error::data("there are no rows to explain"));
        }
        let drawn = drawn(table.rows(), most, seed.named("shap"));
        let model = fitted.model();
        let (raw, rows) = if fitted.is_windowed() {
            let raw = Frame::from_table(&table.conform(fitted.input())?)?;
            (raw.take(&drawn), fitted.transform_frame(raw)?.take(&drawn))
        } else {
            let raw = Frame::from_table(&table.take(&drawn)?.conform(fitted.input())?)?;
            (raw.clone(), fitted.transform_frame(raw)?)
        };
        let rows = rows.features();
        let rows = if model.takes_sparse() { rows } else { rows.dense()? };
        let Some(contributions) = model.explain(&rows).transpose()? else { return Ok(None) };
        let columns = model.input().names();
        refuse_shape(&contributions, rows.rows(), columns.len())?;
        let sources: Vec<String> = columns.iter().map(|name| source(fitted, name)).collect();
        let labels = fitted.target().labels.as_deref();
        let classes = match labels {
            Some(labels) if contributions.base.len() == labels.len() => labels.names().to_vec(),
            _ => Vec::new(),
        };
        // Of several scores that of the positive class, else the last.
        let output = match labels.and_then(Labels::positive) {
            Some(positive) if positive < classes.len() => positive,
            _ => contributions.base.len().saturating_sub(1),
        };
        let sums = by_name(&contributions.values, &sources);
        let points = sums.iter().take(MOST_COLUMNS).map(|sum| {
            let adds = added_up(&contributions.values[output], &sources, &sum.column);
            let values = values_of(&sum.column, [&raw, &rows]);
            ColumnPoints { column: sum.column.clone(), contributions: adds, values }
        });
        Ok(Some(Self {
            points: points.collect(),
            shown: classes.get(output).cloned(),
            classes,
            columns: by_name(&contributions.values, &columns),
            sources: sums,
            base: contributions.base,
        }))
    }
}

/// Row by row what the columns called `name` add together.
fn added_up(values: &DenseMatrix, names: &[String], name: &str) -> Vec<f64> {
    let columns: Vec<usize> = (0..names.len()).filter(|&at| names[at] == name).collect();
    let row = |row: usize| columns.iter().map(|&column| values.get(row, column)).sum();
    (0..values.rows()).map(row).collect()
}

/// The numbers of a column in the first of the frames that has it.
fn values_of(name: &str, frames: [&Frame; 2]) -> Vec<Option<f64>> {
    let rows = frames[0].rows();
    let found =
        frames.iter().find_map(|frame| frame.schema().find(name).map(|at| &frame.columns()[at]));
    let numbers: Vec<f64> = match found {
        Some(Column::Numbers(values)) => values.clone(),
        Some(Column::Sparse(values)) => values.to_dense(),
        Some(Column::Times(times)) => {
            times.iter().map(|&t| if t == MISSING_TIME { f64::NAN } else { t as f64 }).collect()
        }
        Some(Column::Words(_) | Column::Images(_)) | None => vec![f64::NAN; rows],
    };
    numbers.into_iter().map(|value| value.is_finite().then_some(value)).collect()
}

fn refuse_shape(contributions: &Contributions, rows: usize, columns: usize) -> Result<()> {
    let fits = |m: &DenseMatrix| m.rows() == rows && m.columns() == columns;
    if contributions.values.len() == contributions.base.len()
        && contributions.values.iter().all(fits)
    {
        return Ok(());
    }
    Err(Error::Bug("the contributions of a model do not fit its columns".into()))
}

/// The contributions of columns that share a name, added up, those that add most first.
fn by_name(values: &[DenseMatrix], names: &[String]) -> Vec<ColumnContribution> {
    let mut groups: Vec<(&String, Vec<usize>)> = Vec::new();
    for (at, name) in names.iter().enumerate() {
        match groups.iter_mut().find(|(known, _)| *known == name) {
            Some((_, columns)) => columns.push(at),
            None => groups.push((name, vec![at])),
        }
    }
    let mut summed: Vec<ColumnContribution> = groups
        .into_iter()
        .map(|(name, columns)| {
            let of = |matrix: &DenseMatrix, measure: fn(f64) -> f64| {
                let row = |row: usize| measure(columns.iter().map(|&c| matrix.get(row, c)).sum());
                (0..matrix.rows()).map(row).sum::<f64>() / matrix.rows() as f64
            };
            ColumnContribution {
                column: name.clone(),
                size: values.iter().map(|m| of(m, f64::abs)).collect(),
                mean: values.iter().map(|m| of(m, |v| v)).collect(),
            }
        })
        .collect();
    let total = |c: &ColumnContribution| c.size.iter().sum::<f64>();
    summed.sort_by(|a, b| total(b).total_cmp(&total(a)));
    summed
}

/// The column that `name` was made out of, followed back through the steps by names: a step that no
/// longer has a column gives names that begin with it, such as `plan_basic` for `plan`.
fn source(fitted: &FittedPipeline, name: &str) -> String {
    let mut name = name.to_string();
    for step in fitted.steps().iter().rev() {
        if step.input().find(&name).is_none()
            && let Some(made_of) = replaced(step.input(), step.output(), &name)
        {
            name = made_of;
        }
    }
    name
}

/// The longest name of a column that is gone from `output` and with which `name` begins.
fn replaced(input: &Schema, output: &Schema, name: &str) -> Option<String> {
    let gone = input.fields().iter().filter(|field| output.find(&field.name).is_none());
    let begins = gone.filter(|field| {
        let rest = name.strip_prefix(field.name.as_str());
        rest.and_then(|rest| rest.chars().next()).is_some_and(|next| !next.is_alphanumeric())
    });
    begins.max_by_key(|field| field.name.len()).map(|field| field.name.clone())
}
