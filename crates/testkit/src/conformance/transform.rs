//! What is true of every transform.

use std::sync::Arc;

use gristmill_core::{
    CHUNK_ROWS, Catalog, Column, Field, FitContext, FittedTransform, Frame, Notes, PhysicalType,
    Role, Schema, Scope, Seed, SemanticType, State, Table, Target, TargetSpec, TensorData,
    Transform, Words,
};
use serde::Serialize;

use super::history::rows_depend_on_their_history_alone;

/// Runs a transform through everything that is promised of all of them, on the features of
/// `table`, of which the settings take some. Panics at the first promise that is broken.
///
/// The table should hold what is awkward for the transform, such as missing and constant columns,
/// and may have a target. `catalog` knows the transform by its name.
#[track_caller]
pub fn transform(catalog: &Catalog, settings: impl Transform + Serialize, table: &Table) {
    let suite = Suite::new(catalog, &settings, table);
    suite.training_rows_come_out_as_later_rows_do();
    suite.run();
}

/// As [`transform`], for one that says that its training rows come out differently from later ones;
/// they must have the same columns all the same.
#[track_caller]
pub fn cross_fitted_transform(
    catalog: &Catalog,
    settings: impl Transform + Serialize,
    table: &Table,
) {
    Suite::new(catalog, &settings, table).run();
}

struct Suite<'a> {
    catalog: &'a Catalog,
    settings: &'a dyn Transform,
    spelled: serde_json::Value,
    rows: Frame,
    target: Option<Target>,
    fitted: Box<dyn FittedTransform>,
    trained: Frame,
}

impl<'a> Suite<'a> {
    fn new(
        catalog: &'a Catalog,
        settings: &'a (impl Transform + Serialize),
        table: &Table,
    ) -> Self {
        let rows = Frame::from_table(table).expect("a table becomes a frame").features();
        let target = table.schema().with_role(Role::Target).map(|_| {
            let spec = TargetSpec::learn(table, None, Default::default()).expect("a target");
            spec.apply(table).expect("a target for each row")
        });
        let (fitted, trained) = fit(settings, rows.clone(), target.as_ref());
        let spelled = serde_json::to_value(settings).expect("settings can be written down");
        Self { catalog, settings, spelled, rows, target, fitted, trained }
    }

    fn run(&self) {
        self.check_agrees_with_fitting();
        self.settings_are_read_back();
        self.learning_repeats_itself_on_any_number_of_threads();
        self.what_was_learned_is_read_back();
        self.damage_is_refused();
        self.a_row_does_not_depend_on_the_batch();
        self.other_columns_are_refused();
        self.no_rows_come_out_as_no_rows();
        self.other_columns_pass_through_in_place();
    }

    fn check_agrees_with_fitting(&self) {
        let checked = self.settings.check(self.rows.schema()).expect("`check` accepts the columns");
        assert_eq!(self.fitted.kind(), self.settings.kind(), "the kind changes by fitting");
        assert_eq!(self.fitted.input(), self.rows.schema(), "`input` is not what was learned from");
        assert_eq!(self.fitted.output(), self.trained.schema(), "`output` is not what comes out");
        assert_agree(&checked, self.trained.schema(), &self.rows);
        let expands = self.trained.schema().fields().iter().any(|f| f.expands);
        assert!(!expands, "a fitted column still stands for others");
        // Without columns it may be refused, with an error.
        let _ = self.settings.check(&Schema::default());
    }

    fn settings_are_read_back(&self) {
        let built = self
            .catalog
            .build_transform(self.settings.kind(), &self.spelled)
            .expect("the catalog reads back what the settings wrote");
        let (fitted, _) = fit(built.as_ref(), self.rows.clone(), self.target.as_ref());
        assert_same_state(&fitted.state(), &self.fitted.state(), "settings were read back");
    }

    /// On enough rows for several chunks.
    fn learning_repeats_itself_on_any_number_of_threads(&self) {
        if self.rows.rows() == 0 {
            return;
        }
        let many: Vec<u32> =
            (0..2 * CHUNK_ROWS + 777).map(|i| (i % self.rows.rows()) as u32).collect();
        let rows = self.rows.take(&many);
        let target = self.target.as_ref().map(|t| t.take(&many));
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            pool.expect("threads").install(|| fit(self.settings, rows.clone(), target.as_ref()))
        };
        let (first, trained) = with(1);
        for (threads, what) in [(1, "fitting again"), (3, "three threads")] {
            let (again, trained_again) = with(threads);
            assert_same_state(&first.state(), &again.state(), what);
            assert_same(&trained, &trained_again, what);
        }
    }

    fn what_was_learned_is_read_back(&self) {
        let state = self.fitted.state();
        let facts = serde_json::to_string(&state.facts).expect("facts are JSON");
        let stored = State {
            facts: serde_json::from_str(&facts).expect("facts are JSON"),
            tensors: state.tensors.clone(),
        };
        let loaded = self
            .catalog
            .load_transform(self.fitted.kind(), &stored, self.fitted.input())
            .expect("what was stored is read back");
        assert_eq!(loaded.output(), self.fitted.output(), "loading changes the output");
        assert_eq!(loaded.scope(), self.fitted.scope(), "loading changes the scope");
        assert_same_state(&loaded.state(), &state, "loading");
        let rows = loaded.apply(self.rows.clone()).expect("a loaded transform applies");
        let expected = self.fitted.apply(self.rows.clone()).expect("a fitted transform applies");
        assert_same(&rows, &expected, "loading");
    }

    fn damage_is_refused(&self) {
        let state = self.fitted.state();
        let load = |state: &State, input: &Arc<Schema>| {
            self.catalog.load_transform(self.fitted.kind(), state, input)
        };
        let input = self.fitted.input();
        let empty = State { facts: serde_json::Value::Null, ..state.clone() };
        assert!(load(&empty, input).is_err(), "a state without facts is accepted");
        for name in state.tensors.keys() {
            let mut lacking = state.clone();
            lacking.tensors.remove(name);
            assert!(load(&lacking, input).is_err(), "a state without `{name}` is accepted");
            let mut longer = state.clone();
            if let Some(tensor) = longer.tensors.get_mut(name) {
                lengthen(&mut tensor.data);
                tensor.shape = vec![tensor.data.len()];
            }
            assert!(load(&longer, input).is_err(), "a state with a longer `{name}` is accepted");
        }
        if self.fitted.output() != input {
            assert!(load(&state, &Arc::default()).is_err(), "no columns are accepted as input");
        }
        for fact in shorter(&state.facts) {
            // Whatever it says, it must not panic.
            let _ = load(&State { facts: fact, ..state.clone() }, input);
        }
    }

    fn training_rows_come_out_as_later_rows_do(&self) {
        let later = self.fitted.apply(self.rows.clone()).expect("training rows can be applied to");
        assert_same(&later, &self.trained, "applying to training rows");
    }

    fn a_row_does_not_depend_on_the_batch(&self) {
        if self.fitted.scope() != Scope::RowWise {
            rows_depend_on_their_history_alone(self.fitted.as_ref(), &self.rows);
            return;
        }
        let count = self.rows.rows();
        let all = self.fitted.apply(self.rows.clone()).expect("rows can be applied to");
        for size in [1, 2, 7, 64, 1000] {
            for start in (0..count.min(300 * size)).step_by(size) {
                let range = start..(start + size).min(count);
                let part = self.fitted.apply(self.rows.slice(range.clone()));
                let what = format!("a batch of {size} rows");
                assert_same(&part.expect("some rows apply"), &all.slice(range), &what);
            }
        }
    }

    fn other_columns_are_refused(&self) {
        let schema = self.rows.schema();
        let all: Vec<usize> = (0..schema.len()).collect();
        let reversed: Vec<usize> = all.iter().rev().copied().collect();
        let mut others = vec![self.rows.select(&[])];
        if let Some((_, but_last)) = all.split_last() {
            others.push(self.rows.select(but_last));
        }
        if all.len() > 1 {
            others.push(self.rows.select(&reversed));
        }
        let times = schema.map(|f| f.clone().meaning(SemanticType::Datetime));
        let moments = all.iter().map(|_| Column::Times(vec![0; self.rows.rows()])).collect();
        let times = Arc::new(times.expect("the names stay"));
        others.push(Frame::new(times, moments, self.rows.rows()).expect("a frame of moments"));
        for other in others.into_iter().filter(|o| o.schema() != schema) {
            let names = other.schema().names();
            assert!(self.fitted.apply(other).is_err(), "accepted columns {names:?}");
        }
    }

    fn no_rows_come_out_as_no_rows(&self) {
        let none = self.fitted.apply(self.rows.slice(0..0)).expect("no rows can be applied to");
        assert_eq!((none.rows(), none.schema()), (0, self.fitted.output()));
        // Learning from nothing may be refused, with an error.
        let (notes, target) = (Notes::default(), self.target.as_ref().map(|t| t.take(&[])));
        let context = FitContext { target: target.as_ref(), ..self.context(&notes) };
        let _ = self.settings.fit_apply(self.rows.slice(0..0), &context);
    }

    /// Columns that no selector takes stand first, in the middle and last.
    fn other_columns_pass_through_in_place(&self) {
        // To a step that goes by the group or the time of the table they are no other columns.
        if !self.settings.goes_by().is_empty() {
            return;
        }
        let count = self.rows.rows();
        let witness = |name: &str, role| Field::new(name, PhysicalType::Utf8).role(role);
        let words = Words::new((0..count).map(|i| Some(if i % 3 == 0 { "a" } else { "b" })));
        let mut fields = self.rows.schema().fields().to_vec();
        let mut columns = self.rows.columns().to_vec();
        let middle = fields.len() / 2;
        let places = [(fields.len(), Role::Part), (middle, Role::Time), (0, Role::Group)];
        for (at, role) in places {
            fields.insert(at, witness(&format!("{role:?} witness"), role));
            columns.insert(at, Column::Words(words.clone()));
        }
        let schema = Arc::new(Schema::new(fields).expect("witnesses have names of their own"));
        let rows = Frame::new(schema, columns, count).expect("witnesses fit");
        let (fitted, transformed) = fit(self.settings, rows, self.target.as_ref());
        let roles = [Role::Group, Role::Time, Role::Part];
        let found: Vec<usize> = (0..transformed.schema().len())
            .filter(|&at| roles.contains(&transformed.schema().fields()[at].role))
            .collect();
        assert_eq!(found.len(), 3, "a column that is not taken is lost");
        assert_eq!(found.first(), Some(&0), "the first column does not stay the first");
        for (&at, role) in found.iter().zip(roles) {
            let name = format!("{role:?} witness");
            assert_eq!(transformed.schema().fields()[at], witness(&name, role), "it changed");
            let same = same_column(&transformed.columns()[at], &Column::Words(words.clone()));
            assert!(same, "the values of a column that is not taken changed");
        }
        let others: Vec<usize> =
            (0..transformed.schema().len()).filter(|at| !found.contains(at)).collect();
        assert_same(&transformed.select(&others), &self.trained, "other columns beside");
        assert_eq!(fitted.output(), transformed.schema());
    }

    fn context<'b>(&'b self, notes: &'b Notes) -> FitContext<'b> {
        FitContext { target: self.target.as_ref(), ..FitContext::new(Seed(7), notes) }
    }
}

fn fit(
    settings: &dyn Transform,
    rows: Frame,
    target: Option<&Target>,
) -> (Box<dyn FittedTransform>, Frame) {
    let notes = Notes::default();
    let context = FitContext { target, ..FitContext::new(Seed(7), &notes) };
    settings.fit_apply(rows, &context).expect("the transform learns from the table")
}

/// Every column that `checked` announces comes out in its order, unless it was made of one that is
/// missing in all rows of training; one that expands stands for any number of columns.
fn assert_agree(checked: &Schema, output: &Schema, rows: &Frame) {
    let mut made = output.fields().iter().peekable();
    for field in checked.fields() {
        if field.expands {
            let stem = field.name.trim_end_matches('*');
            while made.peek().is_some_and(|f| f.name.starts_with(stem) && alike(f, field)) {
                made.next();
            }
        } else if made.peek().is_some_and(|f| f.name == field.name) {
            let made = made.next().expect("it was there");
            assert_eq!(made, field, "`check` announced another column");
        } else {
            let lost = rows.schema().fields().iter().zip(rows.columns()).any(|(source, column)| {
                field.name.starts_with(&source.name) && column.missing() == column.len()
            });
            assert!(lost, "`check` announced `{}`, which is not there", field.name);
        }
    }
    assert_eq!(made.next(), None, "`check` did not announce this column");
}

fn alike(made: &Field, announced: &Field) -> bool {
    made.semantic == announced.semantic
        && made.physical == announced.physical
        && made.role == announced.role
        && made.nullable <= announced.nullable
}

#[track_caller]
pub(super) fn assert_same(found: &Frame, expected: &Frame, what: &str) {
    assert_eq!(found.schema(), expected.schema(), "the columns differ by {what}");
    assert_eq!(found.rows(), expected.rows(), "the number of rows differs by {what}");
    for ((a, b), field) in
        found.columns().iter().zip(expected.columns()).zip(found.schema().fields())
    {
        assert!(same_column(a, b), "column `{}` differs by {what}: {a:?}, {b:?}", field.name);
    }
}

/// Whether values have the same bits and words are spelled the same.
fn same_column(a: &Column, b: &Column) -> bool {
    match (a, b) {
        (Column::Numbers(a), Column::Numbers(b)) => same_bits(a, b),
        (Column::Sparse(a), Column::Sparse(b)) => {
            a.rows() == b.rows() && same_bits(a.values(), b.values())
        }
        (Column::Words(a), Column::Words(b)) => a.iter().eq(b.iter()),
        (Column::Times(a), Column::Times(b)) => a == b,
        (Column::Images(a), Column::Images(b)) => a == b,
        _ => false,
    }
}

fn same_bits(a: &[f64], b: &[f64]) -> bool {
    // All NaNs mean missing.
    let bits = |v: &f64| if v.is_nan() { f64::NAN.to_bits() } else { v.to_bits() };
    a.iter().map(bits).eq(b.iter().map(bits))
}

#[track_caller]
fn assert_same_state(a: &State, b: &State, what: &str) {
    assert_eq!(a.facts, b.facts, "the facts differ by {what}");
    let names = |s: &State| s.tensors.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(a), names(b), "the tensors differ by {what}");
    for ((name, a), b) in a.tensors.iter().zip(b.tensors.values()) {
        let same = match (&a.data, &b.data) {
            (TensorData::F64(x), TensorData::F64(y)) => same_bits(x, y),
            (x, y) => x == y,
        };
        assert!(same && a.shape == b.shape, "tensor `{name}` differs by {what}: {a:?}, {b:?}");
    }
}

fn lengthen(data: &mut TensorData) {
    match data {
        TensorData::F64(v) => v.push(1.0),
        TensorData::F32(v) => v.push(1.0),
        TensorData::I64(v) => v.push(1),
        TensorData::U32(v) => v.push(1),
        TensorData::U16(v) => v.push(1),
        TensorData::U8(v) => v.push(1),
    }
}

/// `facts` with one part of it missing or beyond its bounds, for each part.
fn shorter(facts: &serde_json::Value) -> Vec<serde_json::Value> {
    use serde_json::Value;
    match facts {
        Value::Object(object) => object
            .iter()
            .flat_map(|(key, value)| {
                let lacking = {
                    let mut object = object.clone();
                    object.remove(key);
                    Value::Object(object)
                };
                let changed = shorter(value).into_iter().map(|value| {
                    let mut object = object.clone();
                    object.insert(key.clone(), value);
                    Value::Object(object)
                });
                std::iter::once(lacking).chain(changed).collect::<Vec<_>>()
            })
            .collect(),
        Value::Array(items) => {
            let twice = Value::Array(items.iter().chain(items).cloned().collect());
            let shorter_items = items.split_last().map(|(_, rest)| Value::Array(rest.to_vec()));
            let first = items.iter().take(2).enumerate().flat_map(|(at, item)| {
                shorter(item).into_iter().map(move |value| {
                    let mut items = items.clone();
                    items[at] = value;
                    Value::Array(items)
                })
            });
            std::iter::once(twice).chain(shorter_items).chain(first).collect()
        }
        Value::Number(_) => vec![Value::from(u32::MAX), Value::from(-1), Value::Null],
        Value::String(_) => vec![Value::from("?"), Value::Null],
        Value::Bool(_) | Value::Null => vec![Value::from(0)],
    }
}
