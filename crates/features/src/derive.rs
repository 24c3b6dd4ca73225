//! New columns from row-wise SQL expressions.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use gristmill_core::expr::{BoundExpr, Expr};
use gristmill_core::{
    Error, Field, FitContext, FittedTransform, Frame, Load, Result, Schema, State, Transform,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Raised when equal expressions would give other values.
pub const VERSION: u32 = 1;

/// Computes columns from others, each by an expression of [`gristmill_core::expr`]:
/// `derive: {price_per_month: "total / tenure", is_new: "tenure < 3"}`.
///
/// The kind of a column is that of its expression. A column that exists is replaced in place and
/// keeps its role; others come at the end. An expression may use other derived columns, in
/// whatever order they are written: those are computed first, and among columns that do not need
/// each other the order is that of their names. In the expression of `x` itself, `x` is the column
/// as it came in. Row-wise; learns nothing.
///
/// ```
/// # use gristmill_core::{Error, Field, Schema, Transform};
/// # use gristmill_features::Derive;
/// let derive = Derive::new([("is_new", "months < 3"), ("months", "days / 30.5")]);
/// let input = Schema::new(vec![Field::number("days")])?;
/// assert_eq!(derive.check(&input)?.names(), ["days", "months", "is_new"]);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Derive {
    /// The expression of each column by the column's name.
    pub columns: BTreeMap<String, String>,
}

impl Derive {
    /// Columns and their expressions.
    pub fn new<'a>(columns: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let columns = columns.into_iter().map(|(name, text)| (name.into(), text.into())).collect();
        Self { columns }
    }

    /// The expressions, each after those that it needs.
    fn ordered(&self) -> Result<Vec<(String, Expr)>> {
        if self.columns.is_empty() {
            return Err(Error::setting("derive", "empty", "a name and an expression for it"));
        }
        let mut waiting = BTreeMap::new();
        for (name, text) in &self.columns {
            let expr = Expr::parse(text).map_err(|e| of_column(name, e))?;
            waiting.insert(name.clone(), expr);
        }
        let mut ordered = Vec::with_capacity(waiting.len());
        while let Some(name) = next_free(&waiting) {
            ordered.extend(waiting.remove_entry(&name));
        }
        if waiting.is_empty() {
            return Ok(ordered);
        }
        let names: Vec<_> = waiting.keys().map(|name| format!("`{name}`")).collect();
        Err(Error::data_hint(
            format!("the derived columns {} need each other", names.join(" and ")),
            "leave one of them out, or give it another name and derive it in a later step",
        ))
    }
}

/// The first name whose expression needs nothing that still waits.
fn next_free(waiting: &BTreeMap<String, Expr>) -> Option<String> {
    let needs = |name: &str, expr: &Expr| {
        expr.columns().iter().any(|&column| column != name && waiting.contains_key(column))
    };
    waiting.iter().find(|(name, expr)| !needs(name, expr)).map(|(name, _)| name.clone())
}

fn of_column(name: &str, error: Error) -> Error {
    match error {
        Error::Data { message, hint } => {
            Error::Data { message: format!("derived column `{name}`: {message}"), hint }
        }
        other => other,
    }
}

impl Transform for Derive {
    fn kind(&self) -> &'static str {
        "derive"
    }

    fn check(&self, input: &Schema) -> Result<Schema> {
        let ordered = self.ordered()?;
        let (guessed, made) = with_encoded(&ordered, input)?;
        let (_, output) = bind(&ordered, &guessed)?;
        Ok(output.filter(|field| !made.contains(&field.name)))
    }

    fn fit_apply(
        &self,
        train: Frame,
        _: &FitContext<'_>,
    ) -> Result<(Box<dyn FittedTransform>, Frame)> {
        let fitted = FittedDerive::new(self.ordered()?, train.schema())?;
        let applied = fitted.apply(train)?;
        Ok((Box::new(fitted), applied))
    }
}

/// `input` with the columns that `ordered` needs and that only fitting an encoding will make, and
/// their names. They are numbers, as encodings make.
fn with_encoded(ordered: &[(String, Expr)], input: &Schema) -> Result<(Schema, BTreeSet<String>)> {
    let mut fields = input.fields().to_vec();
    let mut made = BTreeSet::new();
    if fields.iter().any(|f| f.expands) {
        for (name, expr) in ordered {
            for column in expr.columns() {
                let derived = ordered.iter().any(|(other, _)| other == column && other != name);
                if !derived && input.find(column).is_none() && made.insert(column.to_string()) {
                    fields.push(Field::number(column).nullable(true));
                }
            }
        }
    }
    Ok((Schema::new(fields)?, made))
}

/// Each expression bound to the columns that are there when its turn comes, where its values go,
/// and the columns in the end.
fn bind(ordered: &[(String, Expr)], input: &Schema) -> Result<(Vec<(usize, BoundExpr)>, Schema)> {
    let mut schema = input.clone();
    let mut bound = Vec::with_capacity(ordered.len());
    for (name, expr) in ordered {
        let expr = expr.bind(&schema).map_err(|e| of_column(name, e))?;
        let mut fields = schema.fields().to_vec();
        let at = schema.find(name).unwrap_or(fields.len());
        match fields.get_mut(at) {
            Some(field) => *field = expr.field(name).role(field.role),
            None => fields.push(expr.field(name)),
        }
        schema = Schema::new(fields)?;
        bound.push((at, expr));
    }
    Ok((bound, schema))
}

/// [`Derive`] with its columns resolved.
#[derive(Clone, Debug)]
pub struct FittedDerive {
    ordered: Vec<(String, Expr)>,
    bound: Vec<(usize, BoundExpr)>,
    /// The schema after each expression.
    input: Arc<Schema>,
    output: Arc<Schema>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    /// Names and expressions in the order in which they are computed.
    columns: Vec<(String, Expr)>,
}

impl FittedDerive {
    fn new(ordered: Vec<(String, Expr)>, input: &Arc<Schema>) -> Result<Self> {
        let (bound, output) = bind(&ordered, input)?;
        Ok(Self { ordered, bound, input: Arc::clone(input), output: Arc::new(output) })
    }
}

impl FittedTransform for FittedDerive {
    fn kind(&self) -> &'static str {
        "derive"
    }

    fn input(&self) -> &Arc<Schema> {
        &self.input
    }

    fn output(&self) -> &Arc<Schema> {
        &self.output
    }

    fn apply(&self, rows: Frame) -> Result<Frame> {
        let mut frame = rows;
        for ((name, _), (at, expr)) in self.ordered.iter().zip(&self.bound) {
            let column = expr.evaluate(&frame).map_err(|e| of_column(name, e))?;
            frame = with_column(frame, *at, expr.field(name), column)?;
        }
        let rows = frame.rows();
        Frame::new(Arc::clone(&self.output), frame.into_columns(), rows)
    }

    fn state(&self) -> State {
        State::new(&Facts { columns: self.ordered.clone() })
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// `frame` with the column at `at` replaced, or with one more at its end.
fn with_column(
    frame: Frame,
    at: usize,
    field: Field,
    column: gristmill_core::Column,
) -> Result<Frame> {
    let rows = frame.rows();
    let mut fields = frame.schema().fields().to_vec();
    let mut columns = frame.into_columns();
    match (fields.get_mut(at), columns.get_mut(at)) {
        (Some(old), Some(values)) => {
            *old = field.role(old.role);
            *values = column;
        }
        _ => {
            fields.push(field);
            columns.push(column);
        }
    }
    Frame::new(Arc::new(Schema::new(fields)?), columns, rows)
}

impl Load for FittedDerive {
    fn load(state: &State, input: &Arc<Schema>) -> Result<Self> {
        let facts: Facts = state.facts()?;
        Self::new(facts.columns, input)
            .map_err(|e| Error::damaged("stored `derive`", e.to_string()))
    }
}
