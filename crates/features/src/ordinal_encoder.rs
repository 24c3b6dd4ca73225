//! Categories as their numbers in an order.

use std::collections::BTreeMap;
use std::sync::Arc;

use gristmill_core::graph::{Graph, Wire};
use gristmill_core::{
    Column, Error, Field, FittedTransform, Frame, Learn, Learner, Load, Notes, Result, Rows,
    Schema, Selector, Signature, State,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::categories::{self, Counts, Lookup, UNKNOWN};
use crate::rare_categories::{Frequency, check_limits, infrequent};
use crate::simple_imputer::FillValue;
use crate::wires;
use crate::{columns, given_categories};

pub(crate) const VERSION: u32 = 1;
const KIND: &str = "ordinal";

/// Turns the categories of a column into the numbers 0, 1, 2, ... in their order.
///
/// The order is the one given in `categories`, otherwise numbers by size and other words by bytes.
/// Rare categories, if `min_frequency` or `max_categories` asks for that, share the number after
/// the last; which they are is told as in [`crate::OneHotEncoder`], save that missing values do not
/// count. Missing values stay missing unless `missing_code` gives them a number. The columns keep
/// their names and places.
///
/// # Errors
/// A column of text or moments; `categories` for a column that is not taken, or with a category
/// twice; a category that is not known, if `unknown` is `error`; an `unknown` or `missing_code`
/// that is the number of a category.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OrdinalEncoder {
    /// Which columns; all categorical ones unless said otherwise.
    pub columns: Selector,
    /// The categories in order, by column, for columns whose order is not that of their words.
    #[serde(deserialize_with = "given_categories::lists")]
    #[schemars(with = "BTreeMap<String, Vec<FillValue>>")]
    pub categories: BTreeMap<String, Vec<String>>,
    /// What becomes of categories that are not known: `error`, `missing`, or a number.
    pub unknown: UnknownCode,
    /// The number of missing values, which stay missing otherwise.
    pub missing_code: Option<i64>,
    /// Categories seen less often than this share a number: a count, or a share of the rows.
    pub min_frequency: Option<Frequency>,
    /// How many numbers there may be for categories; without a number there is no limit.
    pub max_categories: Option<usize>,
}

impl Default for OrdinalEncoder {
    fn default() -> Self {
        Self {
            columns: Selector::word("categorical"),
            categories: BTreeMap::new(),
            unknown: UnknownCode::default(),
            missing_code: None,
            min_frequency: None,
            max_categories: None,
        }
    }
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
    /// It becomes this number.
    #[serde(untagged)]
    Code(i64),
}

impl OrdinalEncoder {
    fn positions(&self, input: &Schema) -> Result<Vec<usize>> {
        check_limits(self.min_frequency, self.max_categories)?;
        let positions = columns::taken(&self.columns, input, columns::categorical)?;
        given_categories::check(&self.categories, &columns::names(input, &positions), input)?;
        Ok(positions)
    }

    fn codes(&self) -> Codes {
        Codes { unknown: self.unknown, missing_code: self.missing_code }
    }
}

/// What becomes of values without a category.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Codes {
    unknown: UnknownCode,
    missing_code: Option<i64>,
}

impl Codes {
    fn output(self, input: &Schema, positions: &[usize]) -> Result<Schema> {
        columns::spliced(input, |at, field| {
            if positions.binary_search(&at).is_err() {
                return vec![field.clone()];
            }
            let number = columns::number(field);
            let missing = number.nullable && self.missing_code.is_none();
            vec![number.nullable(missing || self.unknown == UnknownCode::Missing)]
        })
    }

    /// Refuses numbers that categories of `column` have already.
    fn check(self, column: &Categories) -> Result<()> {
        let count = column.codes();
        let clash = |code: i64| usize::try_from(code).is_ok_and(|code| code < count);
        let wanted = || format!("a number that is none of the {count} of `{}`", column.column);
        match (self.unknown, self.missing_code) {
            (UnknownCode::Code(code), _) if clash(code) => {
                Err(Error::setting("unknown", code, wanted()))
            }
            (_, Some(code)) if clash(code) => Err(Error::setting("missing_code", code, wanted())),
            _ => Ok(()),
        }
    }
}

impl Learn for OrdinalEncoder {
    type Learner = OrdinalLearner;

    fn kind(&self) -> &'static str {
        KIND
    }

    fn check(&self, input: &Schema) -> Result<Schema> {
        self.codes().output(input, &self.positions(input)?)
    }

    fn learner(&self, input: &Schema) -> Result<Self::Learner> {
        let positions = self.positions(input)?;
        let counts = vec![Counts::default(); positions.len()];
        Ok(OrdinalLearner { settings: self.clone(), rows: 0, positions, counts })
    }

    fn takes_sparse(&self) -> bool {
        true
    }
}

/// What an [`OrdinalEncoder`] has learned so far.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OrdinalLearner {
    settings: OrdinalEncoder,
    rows: u64,
    positions: Vec<usize>,
    counts: Vec<Counts>,
}

impl Learner for OrdinalLearner {
    type Fitted = FittedOrdinalEncoder;

    fn update(&mut self, rows: &Rows<'_>) -> Result<()> {
        self.rows += rows.len() as u64;
        for (&at, counts) in self.positions.iter().zip(&mut self.counts) {
            counts.merge(Counts::of(rows, at)?);
        }
        Ok(())
    }

    fn merge(&mut self, later: Self) -> Result<()> {
        self.rows += later.rows;
        for (counts, later) in self.counts.iter_mut().zip(later.counts) {
            counts.merge(later);
        }
        Ok(())
    }

    fn finish(self, input: &Arc<Schema>, notes: &Notes) -> Result<Self::Fitted> {
        let least = self.settings.min_frequency.map_or(0.0, |f| f.of(self.rows));
        let columns: Vec<Categories> = columns::names(input, &self.positions)
            .into_iter()
            .zip(&self.counts)
            .map(|(column, counts)| self.settings.categories(column, counts, least, notes))
            .collect();
        let codes = self.settings.codes();
        columns.iter().try_for_each(|column| codes.check(column))?;
        FittedOrdinalEncoder::new(input, columns, codes)
    }
}

impl OrdinalEncoder {
    fn categories(&self, column: String, counts: &Counts, least: f64, notes: &Notes) -> Categories {
        let words = self.categories.get(&column).cloned().unwrap_or_else(|| counts.ordered());
        let seen: Vec<u64> =
            words.iter().map(|word| counts.words.get(word).copied().unwrap_or_default()).collect();
        let rare = infrequent(&seen, least, self.max_categories);
        let mut found = Categories { column, categories: Vec::new(), infrequent: Vec::new() };
        for (word, rare) in words.into_iter().zip(rare) {
            if rare { found.infrequent.push(word) } else { found.categories.push(word) }
        }
        if !found.infrequent.is_empty() {
            notes.add(format!(
                "column `{}` has {} categories; the {} least frequent share the number {}",
                found.column,
                seen.len(),
                found.infrequent.len(),
                found.categories.len()
            ));
        }
        found
    }
}

/// The categories of one column in order, and those that share the number after the last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Categories {
    column: String,
    categories: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    infrequent: Vec<String>,
}

impl Categories {
    /// How many numbers there are.
    fn codes(&self) -> usize {
        self.categories.len() + usize::from(!self.infrequent.is_empty())
    }

    fn lookup(&self) -> Result<Lookup> {
        let shared = self.categories.len() as u32;
        let rare = self.infrequent.iter().map(|word| (word, shared));
        Lookup::new(self.categories.iter().zip(0u32..).chain(rare))
    }
}

/// What [`OrdinalEncoder`] learned: the categories of each column in order.
#[derive(Clone, Debug)]
pub struct FittedOrdinalEncoder {
    signature: Signature,
    columns: Vec<Categories>,
    codes: Codes,
    plan: Vec<Option<Lookup>>,
}

impl FittedOrdinalEncoder {
    fn new(input: &Arc<Schema>, columns: Vec<Categories>, codes: Codes) -> Result<Self> {
        let names = columns.iter().map(|c| &c.column);
        let positions = columns::stored(KIND, names, input, columns::categorical)?;
        let lookups: Vec<Lookup> = columns.iter().map(Categories::lookup).collect::<Result<_>>()?;
        Ok(Self {
            signature: Signature::new(KIND, input, codes.output(input, &positions)?),
            plan: columns::plan(input.len(), &positions, lookups),
            columns,
            codes,
        })
    }

    /// The categories of `column` that have a number of their own, in order, if it is encoded.
    pub fn categories(&self, column: &str) -> Option<&[String]> {
        self.columns.iter().find(|c| c.column == column).map(|c| c.categories.as_slice())
    }

    /// The categories of `column` that share the number after the last, if it is encoded.
    pub fn infrequent(&self, column: &str) -> Option<&[String]> {
        self.columns.iter().find(|c| c.column == column).map(|c| c.infrequent.as_slice())
    }

    fn encode(&self, lookup: &Lookup, field: &Field, column: &Column) -> Result<Column> {
        /// The code of a missing value, which no lookup gives.
        const MISSING: u32 = u32::MAX;
        let codes = lookup.codes(column, MISSING);
        if self.codes.unknown == UnknownCode::Error && categories::any_unknown(&codes) {
            let hint =
                "set `unknown: missing`, list it in `categories`, or train with rows that have it";
            return Err(categories::unknown(field, column, &codes, hint));
        }
        let unknown = match self.codes.unknown {
            UnknownCode::Code(code) => code as f64,
            UnknownCode::Error | UnknownCode::Missing => f64::NAN,
        };
        let missing = self.codes.missing_code.map_or(f64::NAN, |code| code as f64);
        let number = |code| match code {
            UNKNOWN => unknown,
            MISSING => missing,
            known => f64::from(known),
        };
        Ok(Column::Numbers(codes.into_iter().map(number).collect()))
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    unknown: UnknownCode,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    missing_code: Option<i64>,
    columns: Vec<Categories>,
}

impl FittedTransform for FittedOrdinalEncoder {
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn apply(&self, rows: Frame) -> Result<Frame> {
        self.signature.require(&rows)?;
        let fields = self.signature.input.fields();
        columns::replaced(rows, &self.signature.output, |at, column| match self.plan.get(at) {
            Some(Some(lookup)) => Ok(vec![self.encode(lookup, &fields[at], &column)?]),
            _ => Ok(vec![column]),
        })
    }

    fn takes_sparse(&self) -> bool {
        true
    }

    fn express(&self, graph: &Graph, columns: &[Wire]) -> Result<Vec<Wire>> {
        let unknown = match self.codes.unknown {
            UnknownCode::Code(code) => code as f64,
            UnknownCode::Error | UnknownCode::Missing => f64::NAN,
        };
        let missing = self.codes.missing_code.map_or(f64::NAN, |code| code as f64);
        wires::replaced(columns, &self.plan, |_, lookup, column| {
            Ok(lookup.express(graph, column, f64::from, [missing, unknown])?.wires())
        })
    }

    fn state(&self) -> State {
        let Codes { unknown, missing_code } = self.codes;
        State::new(&Facts { unknown, missing_code, columns: self.columns.clone() })
    }
}

impl Load for FittedOrdinalEncoder {
    fn load(state: &State, input: &Arc<Schema>) -> Result<Self> {
        let Facts { unknown, missing_code, columns } = state.facts()?;
        Self::new(input, columns, Codes { unknown, missing_code })
    }
}
