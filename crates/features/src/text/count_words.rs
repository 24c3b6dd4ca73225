//! How often each term stands in a text.

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

/// Counts how often each term of the training texts stands in a text: a column `<column>_<term>`
/// for each term, in the order of their bytes, where the text stood.
///
/// A term is a run of `ngrams[0]` to `ngrams[1]` words or characters, as scikit-learn's
/// `CountVectorizer` takes them: words are runs of at least `min_length` letters, digits and
/// underscores, joined by a space; stop words are left out first. Of the terms those are kept that
/// stand in at least `min_frequency` and at most `max_frequency` of the training texts, and of these
/// the `max_features` that occur most (of equally frequent ones the first in order). A missing text
/// counts as empty, and terms that training never saw do not count. A name that is taken gets `_2`
/// and so on at its end.
///
/// # Errors
/// A column that is no text; settings that make no sense.
///
/// ```
/// # use gristmill_core::{FitContext, Notes, Seed, SemanticType, Transform};
/// # use gristmill_features::CountWords;
/// # use gristmill_testkit::table;
/// let texts = ["a good film", "good, good fun"];
/// let rows = table().words("review", texts).meaning(SemanticType::Text).frame();
/// let notes = Notes::default();
/// let (_, counted) = CountWords::default().fit_apply(rows, &FitContext::new(Seed(0), &notes))?;
/// assert_eq!(counted.schema().names(), ["review_film", "review_fun", "review_good"]);
/// assert_eq!(counted.numbers(2)?, [1.0, 2.0]);
/// # Ok::<(), gristmill_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CountWords {
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
    /// Whether zeros are written down.
    pub sparse: Sparsity,
}

impl Default for CountWords {
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
            sparse: Sparsity::default(),
        }
    }
}

impl CountWords {
    fn plan(&self) -> Plan {
        Plan {
            kind: Kind::CountWords,
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
                idf: Idf::None,
                norm: TermNorm::None,
            },
            sparse: self.sparse,
        }
    }
}

impl Learn for CountWords {
    type Learner = VocabularyLearner;

    fn kind(&self) -> &'static str {
        Kind::CountWords.word()
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
