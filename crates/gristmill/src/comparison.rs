//! How a new version of a model met the one that held its alias.

use gristmill_evaluate::compare::Difference;
use serde::{Deserialize, Serialize};

/// Two versions of a model on the same rows, and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// What was at stake.
    pub alias: String,
    /// Whether the new version took it.
    pub promoted: bool,
    /// The metric that decided.
    pub metric: String,
    /// How many rows both answered.
    pub rows: usize,
    /// The new version.
    pub challenger: Contender,
    /// The one that held the alias.
    pub champion: Contender,
    /// How sure the difference is; nothing where it could not be drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difference: Option<PairedDifference>,
    /// Why nothing was promoted, beyond the scores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What makes the comparison less fair than it looks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caveat: Option<String>,
}

/// A version that was compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Contender {
    /// Its number.
    pub version: u32,
    /// Its score; nothing when the two could not be compared.
    pub score: Option<f64>,
}

/// The score of the new version less that of the other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PairedDifference {
    /// The difference on the rows as they are.
    pub value: f64,
    /// The lower bound of its interval.
    pub low: f64,
    /// The upper bound.
    pub high: f64,
    /// How often such an interval holds the true difference.
    pub confidence: f64,
    /// The chance of so large a difference when there is none.
    pub p_value: f64,
    /// How many groups of rows were drawn from, where rows come in groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<usize>,
}

impl PairedDifference {
    /// What was found by drawing rows, or so many groups of them.
    pub(crate) fn new(found: &Difference, groups: Option<usize>) -> Self {
        let Difference { difference, p_value } = found;
        Self {
            value: difference.value,
            low: difference.low,
            high: difference.high,
            confidence: difference.confidence,
            p_value: *p_value,
            groups,
        }
    }

    /// Such as `difference +0.0049, 95 % interval +0.0012 to +0.0087, p = 0.012`.
    fn words(&self) -> String {
        let Self { value, low, high, .. } = self;
        let confidence = gristmill_view::number(100.0 * self.confidence);
        let drawn = self.groups.map_or_else(String::new, |n| format!(", {n} groups drawn"));
        let p = match self.p_value {
            p if p < 0.001 => "p < 0.001".to_string(),
            p => format!("p = {p:.3}"),
        };
        let (value, low, high) = (signed(*value), signed(*low), signed(*high));
        format!("difference {value}, {confidence} % interval {low} to {high}, {p}{drawn}")
    }
}

fn signed(value: f64) -> String {
    let digits = gristmill_view::number(value.abs());
    let digits = match digits.contains('.') {
        true => digits.trim_end_matches('0').trim_end_matches('.'),
        false => &digits,
    };
    match value {
        v if v > 0.0 => format!("+{digits}"),
        v if v < 0.0 => format!("-{digits}"),
        _ => digits.to_string(),
    }
}

impl Comparison {
    /// What was found, in words.
    pub fn words(&self) -> String {
        let Self { challenger, champion, metric, .. } = self;
        let mut words = Vec::new();
        if let (Some(ours), Some(theirs)) = (challenger.score, champion.score) {
            let rows = gristmill_view::count(self.rows as u64);
            words.push(format!(
                "`{metric}` is {ours:.4} against {theirs:.4} of version {} on the same {rows} rows",
                champion.version
            ));
        }
        words.extend(self.difference.as_ref().map(PairedDifference::words));
        words.extend(self.reason.clone());
        words.extend(self.caveat.clone());
        words.join("; ")
    }

    /// What became of the alias, and why.
    pub fn note(&self) -> String {
        let Self { alias, challenger, champion, .. } = self;
        let outcome = match self.promoted {
            true => format!("took `{alias}` from version {}", champion.version),
            false => format!("was not promoted to `{alias}`"),
        };
        format!("version {} {outcome}: {}", challenger.version, self.words())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_reads_in_one_line() {
        let difference = PairedDifference {
            value: 0.0049,
            low: -0.0012,
            high: 0.011,
            confidence: 0.95,
            p_value: 0.0124,
            groups: None,
        };
        let found = Comparison {
            alias: "champion".into(),
            promoted: true,
            metric: "roc_auc".into(),
            rows: 1409,
            challenger: Contender { version: 2, score: Some(0.8451) },
            champion: Contender { version: 1, score: Some(0.8402) },
            difference: Some(difference),
            reason: None,
            caveat: None,
        };
        assert_eq!(
            found.note(),
            "version 2 took `champion` from version 1: `roc_auc` is 0.8451 against 0.8402 of \
             version 1 on the same 1,409 rows; difference +0.0049, 95 % interval -0.0012 to +0.011, \
             p = 0.012"
        );
    }
}
