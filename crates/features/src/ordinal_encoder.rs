//! Categories as their numbers in an order.

use std::collections::BTreeMap;
use std::sync::Arc;

use gristmill_core::{
    Column, Error, Field, FittedTransform, Frame, Learn, Learner, Load, Notes, Result, Rows,
    Schema, Selector, Signature, State,
};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::categories::{self, Counts, Lookup, UNKNOWN};
use crate::columns;
use crate::simple_imputer::FillValue;

pub(crate) const VERSION: u32 = 1;
const KIND: &str = "ordinal";

/// Turns the categories of a column into the numbers 0, 1, 2, ... in their order.
///
/// The order is the one given in `categories`, otherwise numbers by size and other words by bytes.
/// Missing values stay missing. The columns keep their names and places.
///
/// # Errors
/// A column of text or moments; `categories` for a column that is not taken, or with a category
/// twice; a category that is not known, if `unknown` is `error`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OrdinalEncoder {
    /// Which columns; all categorical ones unless said otherwise.
    pub columns: Selector,
    /// The categories in order, by column, for columns whose order is not that of their words.
    #[serde(deserialize_with = "spelled")]
    #[schemars(with = "BTreeMap<String, Vec<FillValue>>")]
    pub categories: BTreeMap<String, Vec<String>>,
    /// What becomes of categories that are not known.
    pub unknown: UnknownCode,
}

impl Default for OrdinalEncoder {
    fn default() -> Self {
        Self {
            columns: Selector::word("categorical"),
            categories: BTreeMap::new(),
            unknown: UnknownCode::default(),
        }
    }
}

/// Categories as a pipeline file spells them: words, numbers, true or false.
fn spelled<'de, D: Deserializer<'de>>(input: D) -> Result<BTreeMap<String, Vec<String>>, D::Error> {
    let columns = BTreeMap::<String, Vec<FillValue>>::deserialize(input)?;
    let words = |values: Vec<FillValue>| values.iter().map(FillValue::to_string).collect();
    Ok(columns.into_iter().map(|(column, values)| (column, words(values))).collect())
}

/// What becomes of a category that is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnknownCode {
    /// The row is refused.
    #[default]
    Error,
    /// It becomes a missing number.
    Missing,
}

impl OrdinalEncoder {
    fn positions(&self, input: &Schema) -> Result<Vec<usize>> {
        let positions = columns::taken(&self.columns, input, columns::categorical)?;
        let taken = columns::names(input, &positions);
        for (column, words) in &self.categories {
            if !taken.contains(column) && !input.fields().iter().any(|f| f.expands) {
                return Err(Error::setting(
                    "categories",
                    format!("given for `{column}`"),
                    format!("lists for the columns that are taken: {}", taken.join(", ")),
                ));
            }
            let twice = words.iter().enumerate().find(|(at, w)| words[..*at].contains(w));
            if let Some((_, word)) = twice {
                return Err(Error::setting(
                    "categories",
                    format!("`{word}` twice for `{column}`"),
                    "each category once",
                ));
            }
        }
        Ok(positions)
    }
}

impl Learn for OrdinalEncoder {
    type Learner = OrdinalLearner;

    fn kind(&self) -> &'static str {
        KIND
    }

    fn check(&self, input: &Schema) -> Result<Schema> {
        output(input, &self.positions(input)?, self.unknown)
    }

    fn learner(&self, input: &Schema) -> Result<Self::Learner> {
        let positions = self.positions(input)?;
        let counts = vec![Counts::default(); positions.len()];
        Ok(OrdinalLearner { settings: self.clone(), positions, counts })
    }
}

fn output(input: &Schema, positions: &[usize], unknown: UnknownCode) -> Result<Schema> {
    columns::spliced(input, |at, field| {
        if positions.binary_search(&at).is_err() {
            return vec![field.clone()];
        }
        let number = columns::number(field);
        let nullable = number.nullable || unknown == UnknownCode::Missing;
        vec![number.nullable(nullable)]
    })
}

/// What an [`OrdinalEncoder`] has learned so far.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OrdinalLearner {
    settings: OrdinalEncoder,
    positions: Vec<usize>,
    counts: Vec<Counts>,
}

impl Learner for OrdinalLearner {
    type Fitted = FittedOrdinalEncoder;

    fn update(&mut self, rows: &Rows<'_>) -> Result<()> {
        for (&at, counts) in self.positions.iter().zip(&mut self.counts) {
            counts.merge(Counts::of(rows, at)?);
        }
        Ok(())
    }

    fn merge(&mut self, later: Self) -> Result<()> {
        for (counts, later) in self.counts.iter_mut().zip(later.counts) {
            counts.merge(later);
        }
        Ok(())
    }

    fn finish(self, input: &Arc<Schema>, _notes: &Notes) -> Result<Self::Fitted> {
        let given = &self.settings.categories;
        let columns = columns::names(input, &self.positions)
            .into_iter()
            .zip(&self.counts)
            .map(|(column, counts)| {
                let categories = given.get(&column).cloned().unwrap_or_else(|| counts.ordered());
                Categories { column, categories }
            })
            .collect();
        FittedOrdinalEncoder::new(input, columns, self.settings.unknown)
    }
}

/// The categories of one column in order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Categories {
    column: String,
    categories: Vec<String>,
}

/// What [`OrdinalEncoder`] learned: the categories of each column in order.
#[derive(Clone, Debug)]
pub struct FittedOrdinalEncoder {
    signature: Signature,
    columns: Vec<Categories>,
    unknown: UnknownCode,
    plan: Vec<Option<Lookup>>,
}

impl FittedOrdinalEncoder {
    fn new(input: &Arc<Schema>, columns: Vec<Categories>, unknown: UnknownCode) -> Result<Self> {
        let names = columns.iter().map(|c| &c.column);
        let positions = columns::stored(KIND, names, input, columns::categorical)?;
        let lookups: Vec<Lookup> = columns
            .iter()
            .map(|c| Lookup::new(c.categories.iter().zip(0u32..)))
            .collect::<Result<_>>()?;
        Ok(Self {
            signature: Signature::new(KIND, input, output(input, &positions, unknown)?),
            plan: columns::plan(input.len(), &positions, lookups),
            columns,
            unknown,
        })
    }

    /// The categories of `column` in order, if it is encoded.
    pub fn categories(&self, column: &str) -> Option<&[String]> {
        self.columns.iter().find(|c| c.column == column).map(|c| c.categories.as_slice())
    }

    fn encode(&self, lookup: &Lookup, field: &Field, column: &Column) -> Result<Column> {
        /// The code of a missing value, which no lookup gives.
        const MISSING: u32 = u32::MAX;
        let codes = lookup.codes(column, MISSING);
        if self.unknown == UnknownCode::Error && categories::any_unknown(&codes) {
            let hint =
                "set `unknown: missing`, list it in `categories`, or train with rows that have it";
            return Err(categories::unknown(field, column, &codes, hint));
        }
        let number = |code| if code >= UNKNOWN { f64::NAN } else { f64::from(code) };
        Ok(Column::Numbers(codes.into_iter().map(number).collect()))
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    unknown: UnknownCode,
    columns: Vec<Categories>,
}

impl FittedTransform for FittedOrdinalEncoder {
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn apply(&self, rows: Frame) -> Result<Frame> {
        self.signature.require(&rows)?;
        let count = rows.rows();
        let fields = self.signature.input.fields();
        let encoded = columns::map_columns(rows, |at, column| match self.plan.get(at) {
            Some(Some(lookup)) => self.encode(lookup, &fields[at], &column),
            _ => Ok(column),
        });
        let encoded = encoded.into_iter().collect::<Result<_>>()?;
        Frame::new(Arc::clone(&self.signature.output), encoded, count)
    }

    fn state(&self) -> State {
        State::new(&Facts { unknown: self.unknown, columns: self.columns.clone() })
    }
}

impl Load for FittedOrdinalEncoder {
    fn load(state: &State, input: &Arc<Schema>) -> Result<Self> {
        let facts: Facts = state.facts()?;
        Self::new(input, facts.columns, facts.unknown)
    }
}
