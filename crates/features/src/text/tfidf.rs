//! How often each term stands in a text, weighed by how rare the term is.

use gristmill_core::{Learn, Result, Schema, Selector};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::tokens::{Analyzer, Case, Tokens};
use super::vectorizer::{Kind, Weighting};
use super::vocabulary::{Limits, Plan, VocabularyLearner};
use super::weights::{Idf, TermFrequency, TermNorm};
use crate::rare_categories::Frequency;
use crate::sparsity::Sparsity;

pub(crate) const VERSION: u32 = 1;

/// Counts terms as [`super::CountWords`] does and weighs them: tf · idf, scaled to a norm of 1.
///
/// tf is what the n occurrences in the text count, by `term_frequency`: n, 1, or 1 + ln n. idf tells
/// how rare the term is among the N training texts, of which d have it: ln((1 + N) / (1 + d)) + 1,
/// or ln(N / d) + 1. The numbers of each text are then divided by their norm. Formulas and defaults
/// are those of scikit-learn's `TfidfVectorizer`; terms, their order and the names of the columns
/// are told with [`super::CountWords`]. A text without any known term is all zeros.
///
/// # Errors
/// A column that is no text; settings that make no sense.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Tfidf {
    /// Which columns; all texts unless said otherwise.
    pub columns: Selector,
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
    /// In how many training texts a term must stand: a count, or a share such as 0.01.
    pub min_frequency: Frequency,
    /// In how many training texts a term may stand: a count, or a share such as 0.9.
    pub max_frequency: Option<Frequency>,
    /// How many terms are kept of each column.
    pub max_features: Option<usize>,
    /// What several occurrences in one text count.
    pub term_frequency: TermFrequency,
    /// How much rare terms count.
    pub idf: Idf,
    /// What the numbers of a text are scaled to.
    pub norm: TermNorm,
    /// Whether zeros are written down.
    pub sparse: Sparsity,
}

impl Default for Tfidf {
    fn default() -> Self {
        Self {
            columns: Selector::word("text"),
            analyzer: Analyzer::default(),
            ngrams: [1, 1],
            case: Case::default(),
            min_length: 2,
            stop_words: Vec::new(),
            min_frequency: Frequency::Count(1),
            max_frequency: None,
            max_features: None,
            term_frequency: TermFrequency::default(),
            idf: Idf::default(),
            norm: TermNorm::default(),
            sparse: Sparsity::default(),
        }
    }
}

impl Tfidf {
    fn plan(&self) -> Plan {
        Plan {
            kind: Kind::Tfidf,
            tokens: Tokens {
                analyzer: self.analyzer,
                ngrams: self.ngrams,
                case: self.case,
                min_length: self.min_length,
                stop_words: self.stop_words.clone(),
            },
            limits: Limits {
                min_frequency: self.min_frequency,
                max_frequency: self.max_frequency,
                max_features: self.max_features,
            },
            weighting: Weighting {
                term_frequency: self.term_frequency,
                idf: self.idf,
                norm: self.norm,
            },
            sparse: self.sparse,
        }
    }
}

impl Learn for Tfidf {
    type Learner = VocabularyLearner;

    fn kind(&self) -> &'static str {
        Kind::Tfidf.word()
    }

    fn check(&self, input: &Schema) -> Result<Schema> {
        self.plan().check(&self.columns, input)
    }

    fn learner(&self, input: &Schema) -> Result<Self::Learner> {
        self.plan().learner(&self.columns, input)
    }

    fn takes_sparse(&self) -> bool {
        true
    }
}
