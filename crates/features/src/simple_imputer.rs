//! Fills missing values with one value a column.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use gristmill_core::graph::{Graph, Value, Wire};
use gristmill_core::{
    Column, Error, Field, FittedTransform, Frame, Learn, Learner, Load, MISSING_CODE, Notes,
    PhysicalType, Result, Rows, Schema, Selector, SemanticType, Signature, State, Words,
};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::categories::{self, Counts};
use crate::columns;
use crate::moments::Moments;
use crate::wires;

pub(crate) const VERSION: u32 = 1;
const KIND: &str = "impute";

/// Fills the missing values of a column with one value, learned from the values that are there.
///
/// A column of which training saw no value is left out, with a note, unless the value is constant.
/// A filled column has no missing values any more, and keeps its name and place; a boolean one
/// becomes numeric with `mean` and `median`. The median is exact: while it is learned, all values
/// of its columns are held, 8 bytes each. Where rows have weights, the mean is weighted. To fill
/// values from the other columns of their row, see `knn_impute` and `iterative_impute`.
///
/// With `indicator`, each taken column that may be missing is followed by a boolean column
/// `<name>_missing` that says where it was.
///
/// # Errors
/// `mean` or `median` of words; `constant` without a `fill_value`, or with one that does not fit;
/// columns of moments or pictures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SimpleImputer {
    /// Which columns; all numeric ones unless said otherwise.
    pub columns: Selector,
    /// What to fill with.
    pub strategy: ImputeStrategy,
    /// What `constant` fills with: a number, a word, or true or false.
    pub fill_value: Option<FillValue>,
    /// Whether to add columns that say where values were missing.
    pub indicator: bool,
}

impl Default for SimpleImputer {
    fn default() -> Self {
        Self {
            columns: Selector::word("numeric"),
            strategy: ImputeStrategy::default(),
            fill_value: None,
            indicator: false,
        }
    }
}

/// What missing values are filled with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ImputeStrategy {
    /// The middle one of the values in order, or the mean of the two middle ones.
    #[default]
    Median,
    /// Their mean.
    Mean,
    /// The most frequent value; of several the least number, or the first word by bytes.
    MostFrequent,
    /// The `fill_value`.
    Constant,
}

impl fmt::Display for ImputeStrategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Median => "median",
            Self::Mean => "mean",
            Self::MostFrequent => "most_frequent",
            Self::Constant => "constant",
        })
    }
}

/// A value to fill with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected a number, a word, or true or false")]
pub enum FillValue {
    /// For boolean columns.
    Truth(bool),
    /// For numeric columns.
    Number(f64),
    /// For categorical and text columns.
    Word(String),
}

impl fmt::Display for FillValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truth(truth) => write!(f, "{truth}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Word(word) => f.write_str(word),
        }
    }
}

impl SimpleImputer {
    fn positions(&self, input: &Schema) -> Result<Vec<usize>> {
        match (self.strategy, &self.fill_value) {
            (ImputeStrategy::Constant, None) => {
                return Err(Error::setting("fill_value", "absent", "a value for `constant`"));
            }
            (strategy, Some(value)) if strategy != ImputeStrategy::Constant => {
                return Err(Error::setting(
                    "fill_value",
                    format!("`{value}`"),
                    format!("no value for `{strategy}`, or `strategy: constant`"),
                ));
            }
            _ => {}
        }
        columns::taken(&self.columns, input, |field| self.accept(field))
    }

    /// What becomes of the columns at `positions` if all have values.
    fn outcomes(&self, input: &Schema, positions: &[usize]) -> Vec<Outcome> {
        let fields = positions.iter().filter_map(|&at| input.fields().get(at));
        fields.map(|f| Outcome::of(self.indicator && f.nullable)).collect()
    }

    fn accept(&self, field: &Field) -> Result<()> {
        use ImputeStrategy as S;
        use SemanticType as T;
        let (expected, hint) = match (field.semantic, self.strategy) {
            (T::Datetime | T::Image | T::Id, _) => (
                "numeric, boolean, categorical or text",
                format!("take other columns, such as `{{except: [{}]}}`", field.semantic),
            ),
            (T::Categorical | T::Text, S::Median | S::Mean) => (
                "numeric or boolean",
                format!(
                    "words have no {}: use `strategy: most_frequent` or `constant` for them",
                    self.strategy
                ),
            ),
            (_, S::Constant) => return self.constant(field).map(drop),
            _ => return Ok(()),
        };
        Err(Error::WrongType {
            name: field.name.clone(),
            found: field.semantic,
            expected,
            hint: Some(hint),
        })
    }

    /// The constant as it is filled into `field`.
    fn constant(&self, field: &Field) -> Result<Fill> {
        use FillValue as V;
        let expected = match (field.semantic, &self.fill_value) {
            (_, None) => "a value",
            (SemanticType::Numeric, Some(V::Number(number))) => return Ok(Fill::Number(*number)),
            (SemanticType::Numeric, _) => "a number",
            (SemanticType::Boolean, Some(V::Truth(truth))) => {
                return Ok(Fill::Number(f64::from(u8::from(*truth))));
            }
            (SemanticType::Boolean, Some(V::Number(n))) if *n == 0.0 || *n == 1.0 => {
                return Ok(Fill::Number(*n));
            }
            (SemanticType::Boolean, _) => "true or false",
            (_, Some(value)) => return Ok(Fill::Word(value.to_string())),
        };
        let found = self.fill_value.as_ref().map_or("absent".into(), |v| format!("`{v}`"));
        let expected =
            format!("{expected} for column `{}`, which is {}", field.name, field.semantic);
        Err(Error::setting("fill_value", found, expected))
    }
}

impl Learn for SimpleImputer {
    type Learner = ImputeLearner;

    fn kind(&self) -> &'static str {
        KIND
    }

    fn check(&self, input: &Schema) -> Result<Schema> {
        let positions = self.positions(input)?;
        let outcomes = self.outcomes(input, &positions);
        output(input, &columns::plan(input.len(), &positions, outcomes), self.strategy)
    }

    fn learner(&self, input: &Schema) -> Result<Self::Learner> {
        let positions = self.positions(input)?;
        let field = |at: &usize| input.fields().get(*at);
        let seen = positions
            .iter()
            .filter_map(field)
            .map(|field| match self.strategy {
                ImputeStrategy::Mean => Ok(Seen::Moments(Moments::default())),
                ImputeStrategy::Median => Ok(Seen::Values(Vec::new())),
                ImputeStrategy::MostFrequent => Ok(Seen::Counts(Counts::default())),
                ImputeStrategy::Constant => self.constant(field).map(Seen::Constant),
            })
            .collect::<Result<_>>()?;
        let outcomes = self.outcomes(input, &positions);
        Ok(ImputeLearner { strategy: self.strategy, positions, outcomes, seen })
    }
}

/// What a [`SimpleImputer`] has learned so far.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ImputeLearner {
    strategy: ImputeStrategy,
    positions: Vec<usize>,
    outcomes: Vec<Outcome>,
    seen: Vec<Seen>,
}

/// What was seen of one column.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Seen {
    Moments(Moments),
    Values(Vec<f64>),
    Counts(Counts),
    Constant(Fill),
}

/// What a column is filled with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Fill {
    Number(f64),
    Word(String),
}

impl Seen {
    fn update(&mut self, rows: &Rows<'_>, at: usize) -> Result<()> {
        match self {
            Self::Moments(moments) => {
                let seen = Moments::weighted(rows.numbers(at)?, columns::weights(rows));
                *moments = moments.merged(seen);
            }
            Self::Values(values) => {
                values.extend(rows.numbers(at)?.iter().filter(|v| !v.is_nan()));
            }
            Self::Counts(counts) => counts.merge(Counts::of(rows, at)?),
            Self::Constant(_) => {}
        }
        Ok(())
    }

    fn merge(&mut self, later: Self) -> Result<()> {
        match (self, later) {
            (Self::Moments(a), Self::Moments(b)) => *a = a.merged(b),
            (Self::Values(a), Self::Values(b)) => a.extend(b),
            (Self::Counts(a), Self::Counts(b)) => a.merge(b),
            (Self::Constant(_), Self::Constant(_)) => {}
            _ => return Err(Error::Bug("columns were filled by different strategies".into())),
        }
        Ok(())
    }

    /// What to fill `field` with, unless nothing was seen.
    fn fill(self, field: &Field) -> Option<Fill> {
        match self {
            Self::Moments(moments) => (moments.count > 0).then_some(Fill::Number(moments.mean)),
            Self::Values(values) => median(values).map(Fill::Number),
            Self::Constant(fill) => Some(fill),
            Self::Counts(counts) if holds_words(field) => {
                // The first by bytes, as everywhere where words are compared.
                let most = counts.words.values().max()?;
                counts.words.iter().find(|(_, n)| *n == most).map(|(w, _)| Fill::Word(w.clone()))
            }
            Self::Counts(counts) => categories::number(&counts.mode()?).map(Fill::Number),
        }
    }
}

fn holds_words(field: &Field) -> bool {
    matches!(field.semantic, SemanticType::Categorical | SemanticType::Text)
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    let middle = values.len() / 2;
    if values.is_empty() {
        return None;
    }
    let even = values.len().is_multiple_of(2);
    let (below, &mut high, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    if !even {
        return Some(high);
    }
    below.iter().copied().max_by(f64::total_cmp).map(|low| low.midpoint(high))
}

impl Learner for ImputeLearner {
    type Fitted = FittedSimpleImputer;

    fn update(&mut self, rows: &Rows<'_>) -> Result<()> {
        self.positions.iter().zip(&mut self.seen).try_for_each(|(&at, seen)| seen.update(rows, at))
    }

    fn merge(&mut self, later: Self) -> Result<()> {
        self.seen.iter_mut().zip(later.seen).try_for_each(|(seen, later)| seen.merge(later))
    }

    fn finish(self, input: &Arc<Schema>, notes: &Notes) -> Result<Self::Fitted> {
        let fields = input.fields();
        let fills: Vec<Option<Fill>> = self
            .positions
            .par_iter()
            .zip(self.seen)
            .map(|(&at, seen)| fields.get(at).and_then(|field| seen.fill(field)))
            .collect();
        let mut fillings = Vec::with_capacity(fills.len());
        for ((&at, fill), outcome) in self.positions.iter().zip(fills).zip(self.outcomes) {
            let column = fields[at].name.clone();
            if matches!(fill, Some(Fill::Number(number)) if !number.is_finite()) {
                return Err(columns::beyond(input, at));
            }
            if fill.is_none() {
                notes.add(format!("column `{column}` is left out: training saw no value of it"));
            }
            let outcome = if fill.is_some() { outcome } else { Outcome::Dropped };
            fillings.push(Filling { column, outcome, fill });
        }
        FittedSimpleImputer::new(input, self.strategy, fillings)
    }
}

/// What becomes of a column that is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    /// It is filled.
    Filled,
    /// It is filled, and an indicator follows it.
    Indicated,
    /// It is left out.
    Dropped,
}

impl Outcome {
    fn of(indicator: bool) -> Self {
        if indicator { Self::Indicated } else { Self::Filled }
    }
}

fn output(input: &Schema, plan: &[Option<Outcome>], strategy: ImputeStrategy) -> Result<Schema> {
    let mut taken: HashSet<String> = input.names().into_iter().collect();
    columns::spliced(input, |at, field| match plan.get(at).copied().flatten() {
        None => vec![field.clone()],
        Some(Outcome::Dropped) => Vec::new(),
        Some(Outcome::Filled) => vec![filled(field, strategy)],
        Some(Outcome::Indicated) => {
            let name = columns::unused(format!("{}_missing", field.name), &mut taken);
            let mut indicator = Field::new(name, PhysicalType::Boolean).role(field.role);
            indicator.expands = field.expands;
            vec![filled(field, strategy), indicator]
        }
    })
}

/// A column without missing values in place of `field`.
fn filled(field: &Field, strategy: ImputeStrategy) -> Field {
    let averages = matches!(strategy, ImputeStrategy::Mean | ImputeStrategy::Median);
    match field.semantic {
        SemanticType::Numeric => columns::number(field).nullable(false),
        SemanticType::Boolean if averages => columns::number(field).nullable(false),
        _ => field.clone().nullable(false),
    }
}

/// How one column is filled.
#[derive(Clone, Debug, PartialEq)]
struct Filling {
    column: String,
    outcome: Outcome,
    /// Absent where the column is left out.
    fill: Option<Fill>,
}

impl Filling {
    /// The column filled, unless it is left out, and its indicator, if it has one.
    fn apply(&self, column: Column) -> (Option<Column>, Option<Column>) {
        let indicator = (self.outcome == Outcome::Indicated).then(|| missing(&column));
        let filled = match (&self.fill, column) {
            (Some(Fill::Number(fill)), Column::Numbers(mut values)) => {
                values.iter_mut().filter(|v| v.is_nan()).for_each(|v| *v = *fill);
                Some(Column::Numbers(values))
            }
            (Some(Fill::Word(fill)), Column::Words(words)) => {
                Some(Column::Words(fill_words(words, fill)))
            }
            _ => None,
        };
        (filled, indicator)
    }

    fn express(&self, graph: &Graph, column: Value) -> Vec<Wire> {
        let missing = graph.is_missing(column);
        let fill = match &self.fill {
            Some(Fill::Number(fill)) => graph.number(*fill),
            Some(Fill::Word(fill)) => graph.word(fill),
            None => return Vec::new(),
        };
        let filled = graph.choose(missing, fill, column).wire();
        let indicator = (self.outcome == Outcome::Indicated).then(|| graph.to_numbers(missing));
        [filled].into_iter().chain(indicator.map(Value::wire)).collect()
    }
}

/// 1 where `column` is missing, 0 elsewhere.
fn missing(column: &Column) -> Column {
    let truth = |missing: bool| f64::from(u8::from(missing));
    Column::Numbers(match column {
        Column::Numbers(values) => values.iter().map(|v| truth(v.is_nan())).collect(),
        Column::Words(words) => words.codes.iter().map(|&c| truth(c == MISSING_CODE)).collect(),
        Column::Images(images) => images.iter().map(|image| truth(image.is_none())).collect(),
        Column::Sparse(_) | Column::Times(_) => vec![0.0; column.len()],
    })
}

fn fill_words(mut words: Words, fill: &str) -> Words {
    if words.codes.contains(&MISSING_CODE) {
        let known = words.dictionary.iter().position(|w| w == fill);
        let code = known.unwrap_or_else(|| {
            Arc::make_mut(&mut words.dictionary).push(fill.into());
            words.dictionary.len() - 1
        }) as u32;
        words.codes.iter_mut().filter(|c| **c == MISSING_CODE).for_each(|c| *c = code);
    }
    words
}

/// What [`SimpleImputer`] learned: a value for each column.
#[derive(Clone, Debug)]
pub struct FittedSimpleImputer {
    signature: Signature,
    strategy: ImputeStrategy,
    fillings: Vec<Filling>,
    plan: Vec<Option<Filling>>,
}

impl FittedSimpleImputer {
    /// `fillings` stand in the order of `input`.
    fn new(input: &Arc<Schema>, strategy: ImputeStrategy, fillings: Vec<Filling>) -> Result<Self> {
        let names = fillings.iter().map(|f| &f.column);
        let positions = columns::stored(KIND, names, input, fillable)?;
        let outcomes = columns::plan(input.len(), &positions, fillings.iter().map(|f| f.outcome));
        Ok(Self {
            signature: Signature::new(KIND, input, output(input, &outcomes, strategy)?),
            strategy,
            plan: columns::plan(input.len(), &positions, fillings.iter().cloned()),
            fillings,
        })
    }

    /// The number or the word that `column` is filled with, if it is filled.
    pub fn fill_value(&self, column: &str) -> Option<FillValue> {
        let filling = self.fillings.iter().find(|f| f.column == column)?;
        Some(match filling.fill.as_ref()? {
            Fill::Number(number) => FillValue::Number(*number),
            Fill::Word(word) => FillValue::Word(word.clone()),
        })
    }

    /// The columns that are left out, because training saw no value of them.
    pub fn dropped(&self) -> Vec<&str> {
        let dropped = self.fillings.iter().filter(|f| f.outcome == Outcome::Dropped);
        dropped.map(|f| f.column.as_str()).collect()
    }
}

fn fillable(field: &Field) -> Result<()> {
    match field.semantic {
        SemanticType::Datetime | SemanticType::Image | SemanticType::Id => {
            Err(Error::data(format!("column `{}` is {}", field.name, field.semantic)))
        }
        _ => Ok(()),
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    strategy: ImputeStrategy,
    columns: Vec<StoredFilling>,
}

/// A [`Filling`] whose numbers stand in the tensor `fills`, in order.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredFilling {
    column: String,
    outcome: Outcome,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    word: Option<String>,
}

impl FittedTransform for FittedSimpleImputer {
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn apply(&self, rows: Frame) -> Result<Frame> {
        self.signature.require(&rows)?;
        let count = rows.rows();
        let parts = columns::map_columns(rows, |at, column| match self.plan.get(at) {
            Some(Some(filling)) => filling.apply(column),
            _ => (Some(column), None),
        });
        let mut columns = Vec::with_capacity(self.signature.output.len());
        for (filled, indicator) in parts {
            columns.extend(filled.into_iter().chain(indicator));
        }
        Frame::new(Arc::clone(&self.signature.output), columns, count)
    }

    fn express(&self, graph: &Graph, columns: &[Wire]) -> Result<Vec<Wire>> {
        wires::replaced(columns, &self.plan, |_, filling, column| {
            Ok(filling.express(graph, graph.single(column)))
        })
    }

    fn state(&self) -> State {
        let stored = |f: &Filling| StoredFilling {
            column: f.column.clone(),
            outcome: f.outcome,
            word: match &f.fill {
                Some(Fill::Word(word)) => Some(word.clone()),
                _ => None,
            },
        };
        let number = |f: &Filling| match f.fill {
            Some(Fill::Number(number)) => Some(number),
            _ => None,
        };
        let columns = self.fillings.iter().map(stored).collect();
        State::new(&Facts { strategy: self.strategy, columns })
            .with_f64("fills", self.fillings.iter().filter_map(number).collect())
    }
}

impl Load for FittedSimpleImputer {
    fn load(state: &State, input: &Arc<Schema>) -> Result<Self> {
        let damaged = |found: String| Error::damaged(format!("step `{KIND}`"), found);
        let facts: Facts = state.facts()?;
        let mut numbers = state.f64s("fills")?.iter();
        let mut fillings = Vec::with_capacity(facts.columns.len());
        for StoredFilling { column, outcome, word } in facts.columns {
            let field = input.find(&column).and_then(|at| input.fields().get(at));
            let words = field.is_some_and(holds_words);
            let fill = match (outcome, word) {
                (Outcome::Dropped, None) => None,
                (Outcome::Filled | Outcome::Indicated, Some(word)) if words => {
                    Some(Fill::Word(word))
                }
                (Outcome::Filled | Outcome::Indicated, None) if !words => {
                    let number = numbers.next().filter(|n| n.is_finite());
                    let lacking = || damaged(format!("column `{column}` has no value"));
                    Some(Fill::Number(*number.ok_or_else(lacking)?))
                }
                _ => return Err(damaged(format!("the value of column `{column}` does not fit"))),
            };
            fillings.push(Filling { column, outcome, fill });
        }
        if numbers.next().is_some() {
            return Err(damaged("it has more values than columns".into()));
        }
        Self::new(input, facts.strategy, fillings)
    }
}
