//! One column of zeros and ones for each category: what was learned, and how rows are encoded.

use std::collections::HashSet;
use std::sync::Arc;

use gristmill_core::graph::{Graph, Value, Wire};
use gristmill_core::{
    Column, Error, Field, FittedTransform, Frame, Load, Result, Schema, Signature, SparseNumbers,
    State,
};
use serde::{Deserialize, Serialize};

use crate::categories::{self, Lookup, UNKNOWN};
use crate::columns;
use crate::one_hot_encoder::Unknown;
use crate::sparsity::{Form, Sparsity};
use crate::wires;

pub(crate) const KIND: &str = "one_hot";

/// The code of a category that has no column. No encoding has that many columns.
const NOWHERE: u32 = u32::MAX - 2;

/// Where missing values go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Place {
    /// Training saw none.
    #[default]
    Unseen,
    /// To a column of their own.
    Own,
    /// To the column of the infrequent categories.
    Infrequent,
}

/// How one column is encoded.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Encoding {
    pub(crate) column: String,
    pub(crate) categories: Vec<String>,
    pub(crate) missing: Place,
    pub(crate) infrequent: Vec<String>,
    /// Which of the columns is left out.
    pub(crate) dropped: Option<u32>,
}

impl Encoding {
    fn groups(&self) -> bool {
        !self.infrequent.is_empty() || self.missing == Place::Infrequent
    }

    /// How many columns there are before one is dropped: the categories, missing, infrequent.
    pub(crate) fn width(&self) -> usize {
        self.categories.len() + usize::from(self.missing == Place::Own) + usize::from(self.groups())
    }

    /// What follows the column's name in the name of each of its columns.
    fn suffixes(&self) -> Vec<&str> {
        let own = (self.missing == Place::Own).then_some("missing");
        let group = self.groups().then_some("infrequent");
        let all = self.categories.iter().map(String::as_str).chain(own).chain(group);
        let dropped = self.dropped.map(|d| d as usize);
        all.enumerate().filter(|(at, _)| Some(*at) != dropped).map(|(_, s)| s).collect()
    }

    /// The place among the remaining columns of the one that was at `slot`.
    fn remaining(&self, slot: usize) -> u32 {
        match self.dropped.map(|d| d as usize) {
            Some(dropped) if slot == dropped => NOWHERE,
            Some(dropped) if slot > dropped => slot as u32 - 1,
            _ => slot as u32,
        }
    }
}

/// An [`Encoding`] made ready to be applied.
#[derive(Clone, Debug)]
struct Encoder {
    lookup: Lookup,
    missing: u32,
    /// Where unknown categories go; [`UNKNOWN`] when they are refused.
    unknown: u32,
    width: usize,
}

impl Encoder {
    fn new(encoding: &Encoding, unknown: Unknown) -> Result<Self> {
        let group = encoding.remaining(encoding.width().saturating_sub(1));
        let own = encoding.categories.iter().enumerate();
        let own = own.map(|(slot, word)| (word, encoding.remaining(slot)));
        let lookup = Lookup::new(own.chain(encoding.infrequent.iter().map(|w| (w, group))))?;
        let missing = match encoding.missing {
            Place::Unseen => UNKNOWN,
            Place::Own => encoding.remaining(encoding.categories.len()),
            Place::Infrequent => group,
        };
        let unknown = match unknown {
            Unknown::Error => UNKNOWN,
            Unknown::Infrequent if encoding.groups() => group,
            Unknown::Ignore | Unknown::Infrequent => NOWHERE,
        };
        Ok(Self { lookup, missing, unknown, width: encoding.suffixes().len() })
    }

    fn encode(&self, field: &Field, column: &Column, form: Form) -> Result<Vec<Column>> {
        let codes = self.lookup.codes(column, self.missing);
        if self.unknown == UNKNOWN && categories::any_unknown(&codes) {
            let hint = "set `unknown: ignore`, or train with rows that have it";
            return Err(categories::unknown(field, column, &codes, hint));
        }
        let known = codes.into_iter().map(|c| if c == UNKNOWN { self.unknown } else { c });
        match form {
            Form::Dense => Ok(self.dense(known)),
            Form::Sparse => self.sparse(known),
        }
    }

    /// The place of each category; NaN where its row would be refused.
    fn express(&self, graph: &Graph, column: Wire) -> Result<Value> {
        let place = |code: u32| match code {
            UNKNOWN => f64::NAN,
            code if (code as usize) < self.width => f64::from(code),
            _ => -1.0,
        };
        let unknown = place(self.unknown);
        let missing = if self.missing == UNKNOWN { unknown } else { place(self.missing) };
        self.lookup.express(graph, column, place, [missing, unknown])
    }

    fn dense(&self, codes: impl ExactSizeIterator<Item = u32>) -> Vec<Column> {
        let mut encoded = vec![vec![0.0; codes.len()]; self.width];
        for (row, code) in codes.enumerate() {
            if let Some(column) = encoded.get_mut(code as usize) {
                column[row] = 1.0;
            }
        }
        encoded.into_iter().map(Column::Numbers).collect()
    }

    fn sparse(&self, codes: impl ExactSizeIterator<Item = u32>) -> Result<Vec<Column>> {
        let count = codes.len();
        let mut encoded: Vec<Vec<u32>> = vec![Vec::new(); self.width];
        for (row, code) in codes.enumerate() {
            if let Some(rows) = encoded.get_mut(code as usize) {
                rows.push(row as u32);
            }
        }
        let ones = |rows: Vec<u32>| {
            let values = vec![1.0; rows.len()];
            SparseNumbers::new(rows, values, count).map(Column::Sparse)
        };
        encoded.into_iter().map(ones).collect()
    }
}

/// What [`crate::OneHotEncoder`] learned: the categories of each column.
#[derive(Clone, Debug)]
pub struct FittedOneHotEncoder {
    signature: Signature,
    encodings: Vec<Encoding>,
    unknown: Unknown,
    sparse: Sparsity,
    form: Form,
    plan: Vec<Option<Encoder>>,
}

impl FittedOneHotEncoder {
    /// `encodings` stand in the order of `input`.
    pub(crate) fn new(
        input: &Arc<Schema>,
        encodings: Vec<Encoding>,
        unknown: Unknown,
        sparse: Sparsity,
    ) -> Result<Self> {
        let names = encodings.iter().map(|e| &e.column);
        let positions = columns::stored(KIND, names, input, columns::categorical)?;
        let encoders: Vec<Encoder> =
            encodings.iter().map(|e| Encoder::new(e, unknown)).collect::<Result<_>>()?;
        Ok(Self {
            signature: Signature::new(KIND, input, output(input, &positions, &encodings)?),
            form: sparse.form(encoders.iter().map(|e| e.width).sum()),
            plan: columns::plan(input.len(), &positions, encoders),
            encodings,
            unknown,
            sparse,
        })
    }

    /// The categories of `column` that have a place of their own, in order, if it is encoded.
    pub fn categories(&self, column: &str) -> Option<&[String]> {
        self.find(column).map(|e| e.categories.as_slice())
    }

    /// The categories of `column` that are grouped as infrequent, in order, if it is encoded.
    pub fn infrequent(&self, column: &str) -> Option<&[String]> {
        self.find(column).map(|e| e.infrequent.as_slice())
    }

    fn find(&self, column: &str) -> Option<&Encoding> {
        self.encodings.iter().find(|e| e.column == column)
    }
}

fn output(input: &Schema, positions: &[usize], encodings: &[Encoding]) -> Result<Schema> {
    let plan = columns::plan(input.len(), positions, encodings);
    let kept = input.fields().iter().zip(&plan).filter(|(_, p)| p.is_none());
    let mut taken: HashSet<String> = kept.map(|(f, _)| f.name.clone()).collect();
    columns::spliced(input, |at, field| match plan.get(at) {
        Some(Some(encoding)) => encoding
            .suffixes()
            .into_iter()
            .map(|suffix| columns::unused(format!("{}_{suffix}", field.name), &mut taken))
            .map(|name| Field::number(name).role(field.role))
            .collect(),
        _ => vec![field.clone()],
    })
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    unknown: Unknown,
    columns: Vec<Encoding>,
    #[serde(default, skip_serializing_if = "Sparsity::is_auto")]
    sparse: Sparsity,
}

impl FittedTransform for FittedOneHotEncoder {
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn apply(&self, rows: Frame) -> Result<Frame> {
        self.signature.require(&rows)?;
        let fields = self.signature.input.fields();
        columns::replaced(rows, &self.signature.output, |at, column| match self.plan.get(at) {
            Some(Some(encoder)) => encoder.encode(&fields[at], &column, self.form),
            _ => Ok(vec![column]),
        })
    }

    fn takes_sparse(&self) -> bool {
        true
    }

    fn express(&self, graph: &Graph, columns: &[Wire]) -> Result<Vec<Wire>> {
        wires::replaced(columns, &self.plan, |_, encoder, column| {
            if encoder.width == 0 {
                return Ok(Vec::new());
            }
            let codes = encoder.express(graph, column)?;
            let encoded = graph.one_hot(codes, encoder.width);
            let refused = graph.choose(graph.is_missing(codes), graph.number(f64::NAN), encoded);
            Ok(refused.wires())
        })
    }

    fn state(&self) -> State {
        State::new(&Facts {
            unknown: self.unknown,
            columns: self.encodings.clone(),
            sparse: self.sparse,
        })
    }
}

impl Load for FittedOneHotEncoder {
    fn load(state: &State, input: &Arc<Schema>) -> Result<Self> {
        let facts: Facts = state.facts()?;
        let beyond = |e: &&Encoding| e.dropped.is_some_and(|d| d as usize >= e.width());
        if let Some(encoding) = facts.columns.iter().find(beyond) {
            return Err(Error::damaged(
                format!("step `{KIND}`"),
                format!("it drops a category of `{}` that there is not", encoding.column),
            ));
        }
        Self::new(input, facts.columns, facts.unknown, facts.sparse)
    }
}
