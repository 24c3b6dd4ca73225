//! Which terms of the training texts get a column.

use std::sync::Arc;

use gristmill_core::{Error, Field, Learner, Notes, Result, Rows, Schema, Selector, SemanticType};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::terms::{Distinct, TermCounts};
use super::tokens::{Tokenizer, Tokens};
use super::vectorizer::{FittedVectorizer, Kind, Terms, Weighting};
use crate::columns;
use crate::rare_categories::Frequency;
use crate::sparsity::Sparsity;

/// Which terms are frequent and rare enough.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Limits {
    pub(super) min_frequency: Frequency,
    pub(super) max_frequency: Option<Frequency>,
    pub(super) max_features: Option<usize>,
}

impl Limits {
    fn check(self) -> Result<()> {
        let frequencies =
            [("min_frequency", Some(self.min_frequency)), ("max_frequency", self.max_frequency)];
        for (name, frequency) in frequencies {
            if let Some(Frequency::Share(share)) = frequency
                && !(0.0..=1.0).contains(&share)
            {
                let wanted = "a share of the texts from 0.0 to 1.0, or a whole number of them";
                return Err(Error::setting(name, share, wanted));
            }
        }
        match self.max_features {
            Some(0) => Err(Error::setting("max_features", 0, "1 or more, or null for no limit")),
            _ => Ok(()),
        }
    }

    /// The terms that are kept, in the order of their bytes, each with the texts it stands in.
    fn keep(self, counts: TermCounts, texts: u64) -> Result<Vec<(Box<str>, u64)>> {
        let least = self.min_frequency.of(texts);
        let most = self.max_frequency.map_or(f64::INFINITY, |f| f.of(texts));
        if least > most {
            return Err(Error::setting(
                "max_frequency",
                format!("{most} of {texts} texts"),
                format!("no less than `min_frequency`, which is {least}"),
            ));
        }
        let within = |rows: u64| (least..=most).contains(&(rows as f64));
        let mut terms: Vec<(Box<str>, u64, u64)> =
            counts.into_terms().filter(|(_, rows, _)| within(*rows)).collect();
        if let Some(max) = self.max_features.filter(|&max| max < terms.len()) {
            terms.sort_unstable_by(|a, b| b.2.cmp(&a.2).then_with(|| a.0.cmp(&b.0)));
            terms.truncate(max);
        }
        terms.par_sort_unstable_by(|a, b| a.0.cmp(&b.0));
        Ok(terms.into_iter().map(|(term, rows, _)| (term, rows)).collect())
    }
}

/// What counting words and weighing them have in common.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Plan {
    pub(super) kind: Kind,
    pub(super) tokens: Tokens,
    pub(super) limits: Limits,
    pub(super) weighting: Weighting,
    pub(super) sparse: Sparsity,
}

impl Plan {
    /// The positions of the texts that are taken.
    pub(super) fn positions(&self, selector: &Selector, input: &Schema) -> Result<Vec<usize>> {
        self.tokens.check()?;
        self.limits.check()?;
        columns::taken(selector, input, texts)
    }

    /// One column of unknown number and names for each text.
    pub(super) fn check(&self, selector: &Selector, input: &Schema) -> Result<Schema> {
        let positions = self.positions(selector, input)?;
        columns::spliced(input, |at, field| {
            if positions.binary_search(&at).is_err() {
                return vec![field.clone()];
            }
            vec![Field::number(format!("{}_*", field.name)).role(field.role).expanding()]
        })
    }

    /// A learner that has seen nothing.
    pub(super) fn learner(self, selector: &Selector, input: &Schema) -> Result<VocabularyLearner> {
        let positions = self.positions(selector, input)?;
        let counts = vec![TermCounts::default(); positions.len()];
        Ok(VocabularyLearner { plan: self, rows: 0, positions, counts })
    }
}

/// Refuses what is no text.
pub(super) fn texts(field: &Field) -> Result<()> {
    if matches!(field.semantic, SemanticType::Text | SemanticType::Categorical) {
        return Ok(());
    }
    Err(Error::WrongType {
        name: field.name.clone(),
        found: field.semantic,
        expected: "text or categorical",
        hint: Some("take other columns, such as `text`".into()),
    })
}

/// What [`super::CountWords`] and [`super::Tfidf`] have learned so far: terms and how often they
/// were seen.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VocabularyLearner {
    plan: Plan,
    rows: u64,
    positions: Vec<usize>,
    counts: Vec<TermCounts>,
}

impl Learner for VocabularyLearner {
    type Fitted = FittedVectorizer;

    fn update(&mut self, rows: &Rows<'_>) -> Result<()> {
        self.rows += rows.len() as u64;
        let tokenizer = Tokenizer::new(&self.plan.tokens);
        for (&at, counts) in self.positions.iter().zip(&mut self.counts) {
            let (codes, dictionary) = rows.words(at)?;
            let counted = Distinct::new(codes, dictionary).count(&tokenizer);
            *counts = std::mem::take(counts).merged(counted);
        }
        Ok(())
    }

    fn merge(&mut self, later: Self) -> Result<()> {
        self.rows += later.rows;
        for (counts, later) in self.counts.iter_mut().zip(later.counts) {
            *counts = std::mem::take(counts).merged(later);
        }
        Ok(())
    }

    fn finish(self, input: &Arc<Schema>, notes: &Notes) -> Result<Self::Fitted> {
        let names = columns::names(input, &self.positions);
        let mut columns = Vec::with_capacity(names.len());
        for (column, counts) in names.into_iter().zip(self.counts) {
            let kept = self.plan.limits.keep(counts, self.rows)?;
            if kept.is_empty() {
                notes.add(format!(
                    "column `{column}` is left out: none of its texts has a term that counts"
                ));
            }
            columns.push(Terms::new(column, kept, self.rows, self.plan.weighting.idf));
        }
        FittedVectorizer::new(input, self.plan.into(), columns)
    }
}
