//! How much a term counts in a text. Formulas: scikit-learn's `TfidfTransformer`, after Salton and
//! Buckley, *Term-Weighting Approaches in Automatic Text Retrieval*, 1988.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What n occurrences of a term in a text count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TermFrequency {
    /// n.
    #[default]
    Count,
    /// 1.
    Binary,
    /// 1 + ln n.
    Sublinear,
}

impl TermFrequency {
    pub(crate) fn of(self, occurrences: f64) -> f64 {
        match self {
            Self::Count => occurrences,
            Self::Binary => 1.0,
            Self::Sublinear => 1.0 + occurrences.ln(),
        }
    }
}

/// How much a term counts that stands in d of n training texts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Idf {
    /// ln((1 + n) / (1 + d)) + 1, as if one more text had every term.
    #[default]
    Smooth,
    /// ln(n / d) + 1.
    Plain,
    /// 1.
    None,
}

impl Idf {
    pub(crate) fn of(self, texts: u64, with_term: u64) -> f64 {
        let (texts, with_term) = (texts as f64, with_term as f64);
        match self {
            Self::Smooth => ((1.0 + texts) / (1.0 + with_term)).ln() + 1.0,
            Self::Plain => (texts / with_term).ln() + 1.0,
            Self::None => 1.0,
        }
    }
}

/// What the numbers of a text are scaled to; a text without any term stays zeros.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TermNorm {
    /// Their squares sum to 1.
    #[default]
    L2,
    /// Their sizes sum to 1.
    L1,
    /// Nothing: they stay as they are.
    None,
}

impl TermNorm {
    /// Scales the numbers of one text.
    pub(crate) fn scale(self, values: &mut [f64]) {
        let norm = match self {
            Self::None => return,
            Self::L1 => values.iter().map(|v| v.abs()).sum(),
            Self::L2 => values.iter().map(|v| v * v).sum::<f64>().sqrt(),
        };
        if norm > 0.0 {
            values.iter_mut().for_each(|v| *v /= norm);
        }
    }
}
