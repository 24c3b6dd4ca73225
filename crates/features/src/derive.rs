//! New columns from row-wise SQL expressions.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use gristmill_core::expr::{BoundExpr, Expr};
use gristmill_core::graph::{Graph, Wire};
use gristmill_core::{
    Error, Field, FitContext, FittedTransform, Frame, Load, Result, Schema, Signature, State,
    Transform,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Raised when equal expressions would give other values.
pub const VERSION: u32 = 1;
const KIND: &str = "derive";

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
            return Err(Error::setting(KIND, "empty", "a name and an expression for it"));
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
        Error::NoForm { what, reason } => {
            Error::NoForm { what: format!("{what}, in the derived column `{name}`,"), reason }
        }
        other => other,
    }
}

impl Transform for Derive {
    fn kind(&self) -> &'static str {
        KIND
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
    /// Where the values of each go, and how they are computed.
    bound: Vec<(usize, BoundExpr)>,
    signature: Signature,
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
        Ok(Self { ordered, bound, signature: Signature::new(KIND, input, output) })
    }
}

impl FittedTransform for FittedDerive {
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn apply(&self, rows: Frame) -> Result<Frame> {
        let mut frame = rows;
        for ((name, _), (at, expr)) in self.ordered.iter().zip(&self.bound) {
            let column = expr.evaluate(&frame).map_err(|e| of_column(name, e))?;
            frame = with_column(frame, *at, expr.field(name), column)?;
        }
        let rows = frame.rows();
        Frame::new(Arc::clone(&self.signature.output), frame.into_columns(), rows)
    }

    fn express(&self, graph: &Graph, columns: &[Wire]) -> Result<Vec<Wire>> {
        let mut columns = columns.to_vec();
        for ((name, _), (at, expr)) in self.ordered.iter().zip(&self.bound) {
            let column = expr.express(graph, &columns).map_err(|e| of_column(name, e))?;
            match columns.get_mut(*at) {
                Some(old) => *old = column,
                None => columns.push(column),
            }
        }
        Ok(columns)
    }

    fn state(&self) -> State {
        State::new(&Facts { columns: self.ordered.clone() })
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

#[cfg(test)]
mod tests {
    use gristmill_core::{Catalog, Column, Notes, Role, Seed, SemanticType};
    use gristmill_testkit::table;

    use super::*;

    fn rows() -> Frame {
        table()
            .numbers("total", [Some(30.0), Some(8.0), None])
            .integers("months", [3, 0, 12])
            .words("plan", ["free", "pro", "free"])
            .frame()
    }

    fn fit(derive: &Derive, rows: Frame) -> Result<(Box<dyn FittedTransform>, Frame)> {
        derive.fit_apply(rows, &FitContext::new(Seed(0), &Notes::default()))
    }

    #[track_caller]
    fn check<const N: usize, const M: usize>(
        columns: [(&str, &str); N],
        expected: [(&str, [f64; 3]); M],
    ) {
        let derive = Derive::new(columns);
        let (fitted, made) = fit(&derive, rows()).unwrap();
        assert_eq!(derive.check(&fitted.input().clone()).unwrap(), **fitted.output());
        assert_eq!(made.schema(), fitted.output());
        for (name, expected) in expected {
            let found = made.numbers(made.schema().position(name).unwrap()).unwrap();
            let same = found.iter().zip(expected).all(|(a, b)| *a == b || a.is_nan() && b.is_nan());
            assert!(same, "{name} is {found:?}");
        }
    }

    const MISSING: f64 = f64::NAN;

    #[test]
    fn new_columns_come_at_the_end() {
        check(
            [("price", "total / months"), ("is_new", "months < 4")],
            [("price", [10.0, MISSING, MISSING]), ("is_new", [1.0, 1.0, 0.0])],
        );
    }

    #[test]
    fn a_column_may_use_another_whatever_the_order_of_their_names() {
        check([("a", "z + 1"), ("z", "months * 2")], [("a", [7.0, 1.0, 25.0])]);
    }

    #[test]
    fn a_column_that_exists_is_replaced_in_place_and_seen_by_others() {
        let derive = Derive::new([("months", "months / 3"), ("b", "months + 1")]);
        let (_, made) = fit(&derive, rows()).unwrap();
        assert_eq!(made.schema().names(), ["total", "months", "plan", "b"]);
        assert_eq!(made.numbers(1).unwrap(), [1.0, 0.0, 4.0]);
        assert_eq!(made.numbers(3).unwrap(), [2.0, 1.0, 5.0]);
    }

    #[test]
    fn a_replaced_column_may_change_its_kind_but_not_its_role() {
        let schema = Schema::new(vec![Field::number("g").role(Role::Group)]).unwrap();
        let made = Derive::new([("g", "CAST(g AS varchar)")]).check(&schema).unwrap();
        let field = made.field("g").unwrap();
        assert_eq!((field.semantic, field.role), (SemanticType::Categorical, Role::Group));
    }

    #[test]
    fn words_and_moments_are_columns_too() {
        let derive = Derive::new([("day", "DATE '2024-05-01'"), ("loud", "upper(plan)")]);
        let (_, made) = fit(&derive, rows()).unwrap();
        assert!(matches!(made.columns()[3], Column::Times(_)));
        assert_eq!(made.words(4).unwrap().get(1), Some("PRO"));
    }

    #[track_caller]
    fn refused<const N: usize>(columns: [(&str, &str); N], message: &str) {
        let error = Derive::new(columns).check(rows().schema()).unwrap_err();
        assert_eq!(error.to_string(), message);
    }

    #[test]
    fn mistakes_name_the_column() {
        refused(
            [("a", "b + 1"), ("b", "a + 1"), ("c", "months")],
            "the derived columns `a` and `b` need each other",
        );
        refused(
            [("a", "month + 1")],
            "derived column `a`: column `month` not found (in `month + 1`, character 1)",
        );
        refused([], "`derive` is empty, expected a name and an expression for it");
    }

    #[test]
    fn columns_that_an_encoding_will_make_count_as_numbers() {
        let schema =
            Schema::new(vec![Field::number("plan").expanding(), Field::number("x")]).unwrap();
        let made = Derive::new([("y", "plan_free * x")]).check(&schema).unwrap();
        assert_eq!(made.names(), ["plan", "x", "y"]);
    }

    #[test]
    fn the_file_form_is_a_map_and_the_stored_form_loads() {
        let mut catalog = Catalog::new();
        crate::register(&mut catalog);
        let settings = serde_json::json!({"price": "total / months", "double": "price * 2"});
        let derive = catalog.build_transform("derive", &settings).unwrap();
        let context_notes = Notes::default();
        let (fitted, made) =
            derive.fit_apply(rows(), &FitContext::new(Seed(0), &context_notes)).unwrap();
        let loaded = catalog.load_transform("derive", &fitted.state(), fitted.input()).unwrap();
        assert_eq!(loaded.state(), fitted.state());
        for row in 0..rows().rows() {
            let alone = loaded.apply(rows().slice(row..row + 1)).unwrap();
            let batch = made.slice(row..row + 1);
            assert_eq!(alone.schema(), batch.schema());
            assert_eq!(
                alone.numbers(4).unwrap()[0].to_bits(),
                batch.numbers(4).unwrap()[0].to_bits()
            );
        }
        assert!(loaded.apply(rows().slice(0..0)).unwrap().columns().iter().all(Column::is_empty));
    }

    #[test]
    fn a_damaged_state_is_refused() {
        let (fitted, _) = fit(&Derive::new([("a", "total")]), rows()).unwrap();
        let other = Arc::new(Schema::new(vec![Field::number("x")]).unwrap());
        let error = FittedDerive::load(&fitted.state(), &other).unwrap_err();
        assert!(error.to_string().starts_with("stored `derive` is damaged"), "{error}");
    }
}
