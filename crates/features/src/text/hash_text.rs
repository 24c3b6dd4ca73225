//! Terms of texts spread over a fixed number of columns by their hash.
//!
//! Method: Weinberger, Dasgupta, Langford, Smola and Attenberg, *Feature Hashing for Large Scale
//! Multitask Learning*, ICML 2009; hash and columns are those of scikit-learn's
//! `HashingVectorizer`.

use std::sync::Arc;

use gristmill_core::{
    Column, Error, Field, FitContext, FittedTransform, Frame, Load, Result, Schema, Selector,
    Signature, State, Transform, Words,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::terms::Distinct;
use super::tokens::{Analyzer, Case, Scratch, Tokenizer, Tokens};
use super::vocabulary::texts;
use super::weights::TermNorm;
use crate::columns;
use crate::hash_encoder::{Sign, check_features};
use crate::sparsity::{SparseRows, Sparsity};

pub(crate) const VERSION: u32 = 1;
const KIND: &str = "hash_text";

/// Spreads the terms of each text over `features` columns `<column>_hash_<i>`, where the text stood.
///
/// Terms are told with [`super::CountWords`]. Each is hashed by MurmurHash3 (x86, 32 bits, seed 0,
/// read as a signed number h): its place is |h| mod `features`, and each occurrence adds 1 there, or
/// −1 where the sign alternates and h < 0; the numbers of a text are then divided by their norm.
/// These are the columns of scikit-learn's `HashingVectorizer`. Nothing is learned and no vocabulary
/// is stored; which term stands where cannot be read back. A missing text counts as empty.
///
/// # Errors
/// A column that is no text; settings that make no sense; a name that is taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HashText {
    /// Which columns; all texts unless said otherwise.
    pub columns: Selector,
    /// How many columns come out of each text, 1 to 1,048,576.
    pub features: u32,
    /// What a term is made of.
    pub analyzer: Analyzer,
    /// Of how many words or characters a term is made, at least and at most.
    pub ngrams: [usize; 2],
    /// Whether large and small letters are told apart.
    pub case: Case,
    /// How many characters a word has at least; shorter ones are left out.
    pub min_length: usize,
    /// Words that are left out, spelled as they are after `case`.
    pub stop_words: Vec<String>,
    /// Whether half of the terms count negatively.
    pub sign: Sign,
    /// What the numbers of a text are scaled to.
    pub norm: TermNorm,
    /// Whether zeros are written down.
    pub sparse: Sparsity,
}

impl Default for HashText {
    fn default() -> Self {
        Self {
            columns: Selector::word("text"),
            features: 4096,
            analyzer: Analyzer::default(),
            ngrams: [1, 1],
            case: Case::default(),
            min_length: 2,
            stop_words: Vec::new(),
            sign: Sign::default(),
            norm: TermNorm::default(),
            sparse: Sparsity::default(),
        }
    }
}

impl HashText {
    fn tokens(&self) -> Tokens {
        Tokens {
            analyzer: self.analyzer,
            ngrams: self.ngrams,
            case: self.case,
            min_length: self.min_length,
            stop_words: self.stop_words.clone(),
        }
    }

    fn positions(&self, input: &Schema) -> Result<Vec<usize>> {
        self.check_settings()?;
        columns::taken(&self.columns, input, texts)
    }

    fn check_settings(&self) -> Result<()> {
        check_features(self.features)?;
        self.tokens().check()
    }

    fn output(&self, input: &Schema, positions: &[usize]) -> Result<Schema> {
        columns::spliced(input, |at, field| {
            if positions.binary_search(&at).is_err() {
                return vec![field.clone()];
            }
            let name = |i: u32| format!("{}_hash_{i}", field.name);
            (0..self.features).map(|i| Field::number(name(i)).role(field.role)).collect()
        })
    }
}

impl Transform for HashText {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn check(&self, input: &Schema) -> Result<Schema> {
        self.output(input, &self.positions(input)?)
    }

    fn fit_apply(
        &self,
        train: Frame,
        _context: &FitContext<'_>,
    ) -> Result<(Box<dyn FittedTransform>, Frame)> {
        let positions = self.positions(train.schema())?;
        let columns = columns::names(train.schema(), &positions);
        let fitted = FittedHashText::new(train.schema(), columns, self.clone())?;
        let applied = fitted.apply(train)?;
        Ok((Box::new(fitted), applied))
    }

    fn takes_sparse(&self) -> bool {
        true
    }
}

/// [`HashText`] with its columns resolved.
#[derive(Clone, Debug)]
pub struct FittedHashText {
    signature: Signature,
    facts: Facts,
    tokenizer: Tokenizer,
    plan: Vec<Option<()>>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    columns: Vec<String>,
    settings: HashText,
}

impl FittedHashText {
    fn new(input: &Arc<Schema>, columns: Vec<String>, settings: HashText) -> Result<Self> {
        settings.check_settings()?;
        let positions = columns::stored(KIND, &columns, input, texts)?;
        let output = settings.output(input, &positions)?;
        Ok(Self {
            signature: Signature::new(KIND, input, output),
            tokenizer: Tokenizer::new(&settings.tokens()),
            plan: columns::plan(input.len(), &positions, positions.iter().map(|_| ())),
            facts: Facts { columns, settings },
        })
    }

    fn rows(&self, texts: &[&str], scratch: &mut Scratch) -> SparseRows {
        let HashText { sign, features, norm, .. } = self.facts.settings;
        let mut rows = SparseRows::new();
        let mut places: Vec<(u32, f64)> = Vec::new();
        for text in texts {
            places.clear();
            let start = rows.values.len();
            self.tokenizer.each(text, scratch, |term| {
                places.push(sign.place(term.as_bytes(), features));
            });
            rows.add_row(&mut places);
            norm.scale(&mut rows.values[start..]);
        }
        rows
    }

    fn vectors(&self, words: &Words) -> Result<Vec<Column>> {
        let distinct = Distinct::new(&words.codes, &words.dictionary);
        let mut rows = SparseRows::new();
        let parts = distinct.map(|texts, scratch| self.rows(texts, scratch));
        parts.into_iter().for_each(|part| rows.append(part));
        let settings = &self.facts.settings;
        let features = settings.features as usize;
        rows.columns(&distinct.of_row, features, settings.sparse.form(features))
    }
}

impl FittedTransform for FittedHashText {
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
                (Some(Some(())), Column::Words(words)) => self.vectors(words),
                _ => Ok(vec![column]),
            }
        })
    }

    fn state(&self) -> State {
        State::new(&self.facts)
    }
}

impl Load for FittedHashText {
    fn load(state: &State, input: &Arc<Schema>) -> Result<Self> {
        let facts: Facts = state.facts()?;
        Self::new(input, facts.columns, facts.settings)
            .map_err(|e| Error::damaged(format!("stored `{KIND}`"), e.to_string()))
    }
}
