//! Texts as counts of the terms of a vocabulary: what was learned, and how rows are transformed.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::FixedState;
use gristmill_core::{
    Column, Error, Field, FittedTransform, Frame, Load, Result, Schema, Signature, State, Words,
};
use serde::{Deserialize, Serialize};

use super::terms::Distinct;
use super::tokens::{Scratch, Tokenizer, Tokens};
use super::vocabulary::{Plan, texts};
use super::weights::{Idf, TermFrequency, TermNorm};
use crate::columns;
use crate::sparsity::{Form, SparseRows, Sparsity};

/// Which of the two steps it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    CountWords,
    Tfidf,
}

impl Kind {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::CountWords => "count_words",
            Self::Tfidf => "tfidf",
        }
    }
}

/// What occurrences become.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Weighting {
    pub(super) term_frequency: TermFrequency,
    pub(super) idf: Idf,
    pub(super) norm: TermNorm,
}

/// The terms of one column and how much each counts.
#[derive(Clone, Debug)]
pub(super) struct Terms {
    column: String,
    terms: Vec<String>,
    idf: Vec<f64>,
}

impl Terms {
    /// Of terms with the number of texts that have them, out of `texts`.
    pub(super) fn new(column: String, kept: Vec<(Box<str>, u64)>, texts: u64, idf: Idf) -> Self {
        let weights = kept.iter().map(|(_, with_term)| idf.of(texts, *with_term)).collect();
        let terms = kept.into_iter().map(|(term, _)| term.into()).collect();
        Self { column, terms, idf: weights }
    }
}

/// What is stored beside the terms.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct About {
    kind: Kind,
    tokens: Tokens,
    weighting: Weighting,
    sparse: Sparsity,
}

impl From<Plan> for About {
    fn from(plan: Plan) -> Self {
        Self {
            kind: plan.kind,
            tokens: plan.tokens,
            weighting: plan.weighting,
            sparse: plan.sparse,
        }
    }
}

/// What [`super::CountWords`] and [`super::Tfidf`] learned: the terms of each column in the order of
/// their bytes, and how much each counts.
#[derive(Clone, Debug)]
pub struct FittedVectorizer {
    signature: Signature,
    about: About,
    columns: Vec<Terms>,
    tokenizer: Tokenizer,
    form: Form,
    /// For each column of the input, the place in `columns` and where each term stands.
    plan: Vec<Option<(usize, Lookup)>>,
}

type Lookup = HashMap<Box<str>, u32, FixedState>;

impl FittedVectorizer {
    /// `columns` stand in the order of `input`.
    pub(super) fn new(input: &Arc<Schema>, about: About, columns: Vec<Terms>) -> Result<Self> {
        let kind = about.kind.word();
        let names = columns.iter().map(|c| &c.column);
        let positions = columns::stored(kind, names, input, texts)?;
        let mut lookups = Vec::with_capacity(columns.len());
        for (at, column) in columns.iter().enumerate() {
            columns::one_each(kind, "weights", column.idf.len(), column.terms.len())?;
            let terms = column.terms.iter().map(|term| term.as_str().into());
            let lookup: Lookup = terms.zip(0u32..).collect();
            if lookup.len() < column.terms.len() {
                return Err(Error::damaged(format!("step `{kind}`"), "it has a term twice"));
            }
            lookups.push((at, lookup));
        }
        Ok(Self {
            signature: Signature::new(kind, input, output(input, &positions, &columns)?),
            tokenizer: Tokenizer::new(&about.tokens),
            form: about.sparse.form(columns.iter().map(|c| c.terms.len()).sum()),
            plan: columns::plan(input.len(), &positions, lookups),
            about,
            columns,
        })
    }

    /// The terms of `column` in order, if it is taken.
    pub fn terms(&self, column: &str) -> Option<&[String]> {
        self.columns.iter().find(|c| c.column == column).map(|c| c.terms.as_slice())
    }

    /// How much each of [`FittedVectorizer::terms`] counts.
    pub fn idf(&self, column: &str) -> Option<&[f64]> {
        self.columns.iter().find(|c| c.column == column).map(|c| c.idf.as_slice())
    }

    fn vectors(&self, at: usize, lookup: &Lookup, words: &Words) -> Result<Vec<Column>> {
        let column = &self.columns[at];
        let distinct = Distinct::new(&words.codes, &words.dictionary);
        let parts = distinct.map(|texts, scratch| self.rows(column, lookup, texts, scratch));
        let mut rows = SparseRows::new();
        parts.into_iter().for_each(|part| rows.append(part));
        rows.columns(&distinct.of_row, column.terms.len(), self.form)
    }

    fn rows(
        &self,
        column: &Terms,
        lookup: &Lookup,
        texts: &[&str],
        scratch: &mut Scratch,
    ) -> SparseRows {
        let Weighting { term_frequency, norm, .. } = self.about.weighting;
        let mut rows = SparseRows::new();
        let mut found: Vec<u32> = Vec::new();
        for text in texts {
            found.clear();
            self.tokenizer.each(text, scratch, |term| found.extend(lookup.get(term)));
            found.sort_unstable();
            let start = rows.values.len();
            for same in found.chunk_by(|a, b| a == b) {
                let weight = column.idf[same[0] as usize];
                rows.columns.push(same[0]);
                rows.values.push(term_frequency.of(same.len() as f64) * weight);
            }
            norm.scale(&mut rows.values[start..]);
            rows.end_row();
        }
        rows
    }
}

fn output(input: &Schema, positions: &[usize], columns: &[Terms]) -> Result<Schema> {
    let mut taken = columns::untouched(input, positions);
    let plan = columns::plan(input.len(), positions, columns);
    columns::spliced(input, |at, field| match plan.get(at) {
        Some(Some(column)) => column
            .terms
            .iter()
            .map(|term| columns::unused([field.name.as_str(), "_", term].concat(), &mut taken))
            .map(|name| Field::number(name).role(field.role))
            .collect(),
        _ => vec![field.clone()],
    })
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    about: About,
    columns: Vec<ColumnTerms>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ColumnTerms {
    column: String,
    terms: Vec<String>,
}

impl FittedTransform for FittedVectorizer {
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn takes_sparse(&self) -> bool {
        true
    }

    fn apply(&self, rows: Frame) -> Result<Frame> {
        self.signature.require(&rows)?;
        columns::replaced(rows, &self.signature.output, |at, column| {
            match (self.plan.get(at), &column) {
                (Some(Some((place, lookup))), Column::Words(words)) => {
                    self.vectors(*place, lookup, words)
                }
                _ => Ok(vec![column]),
            }
        })
    }

    fn state(&self) -> State {
        let columns = self.columns.iter();
        let columns =
            columns.map(|c| ColumnTerms { column: c.column.clone(), terms: c.terms.clone() });
        let idf = self.columns.iter().flat_map(|c| c.idf.iter().copied()).collect();
        State::new(&Facts { about: self.about.clone(), columns: columns.collect() })
            .with_f64("idf", idf)
    }
}

impl Load for FittedVectorizer {
    fn load(state: &State, input: &Arc<Schema>) -> Result<Self> {
        let facts: Facts = state.facts()?;
        let kind = facts.about.kind.word();
        let weights = state.f64s("idf")?;
        let wanted: usize = facts.columns.iter().map(|c| c.terms.len()).sum();
        columns::one_each(kind, "weights", weights.len(), wanted)?;
        facts
            .about
            .tokens
            .check()
            .map_err(|e| Error::damaged(format!("step `{kind}`"), e.to_string()))?;
        let mut left = weights;
        let columns = facts.columns.into_iter().map(|c| {
            let (own, rest) = left.split_at(c.terms.len());
            left = rest;
            Terms { column: c.column, terms: c.terms, idf: own.to_vec() }
        });
        let columns = columns.collect();
        Self::new(input, facts.about, columns)
    }
}
