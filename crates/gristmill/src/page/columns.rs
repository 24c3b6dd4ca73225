//! What the training rows looked like, as a report shows it.

use gristmill_core::{ColumnProfile, Histogram, NumbersProfile, Profile, Role, Summary};
use gristmill_view::{Bin, ColumnSummary, Fact, Sketch, Value};

/// How many words of a column are named.
const WORDS: usize = 8;
/// Up to how many different numbers are shown like words.
const FEW_VALUES: u64 = 4;

pub(super) fn summaries(profile: &Profile) -> Vec<ColumnSummary> {
    profile.columns.iter().map(|column| summary(column, profile.rows)).collect()
}

fn summary(column: &ColumnProfile, rows: u64) -> ColumnSummary {
    let (distinct, facts, sketch) = shown(&column.summary);
    ColumnSummary {
        name: column.name.clone(),
        kind: column.semantic.word().into(),
        role: role(column.role).map(Into::into),
        rows,
        missing: column.missing,
        distinct,
        facts,
        sketch,
    }
}

fn role(role: Role) -> Option<&'static str> {
    match role {
        Role::Feature => None,
        Role::Target => Some("target"),
        Role::Group => Some("group"),
        Role::Time => Some("time"),
        Role::Part => Some("part"),
        Role::Weight => Some("weight"),
    }
}

/// How many different values there were, figures about them, and a picture.
fn shown(summary: &Summary) -> (Option<u64>, Vec<Fact>, Sketch) {
    match summary {
        Summary::Numbers(numbers) => {
            let median = numbers.quantiles.iter().find(|(share, _)| *share == 0.5);
            let known = [
                ("mean", numbers.mean),
                ("median", median.map(|(_, value)| *value)),
                ("deviation", numbers.deviation),
            ];
            let facts = known.iter().filter_map(|(name, value)| value.map(|v| Fact::new(*name, v)));
            (Some(numbers.distinct), facts.collect(), picture(numbers))
        }
        Summary::Words(words) => {
            let frequent = words.counts.iter().take(WORDS).cloned().collect();
            (Some(words.distinct), Vec::new(), Sketch::Words(frequent))
        }
        Summary::Text { distinct, lengths, .. } => {
            let length = lengths.mean.map(|mean| Fact::new("mean length", mean));
            (Some(*distinct), length.into_iter().collect(), Sketch::Bins(bins(&lengths.histogram)))
        }
        Summary::Images { brightness, .. } => {
            let mean = brightness.mean.map(|mean| Fact::new("mean brightness", mean));
            let bins = Sketch::Bins(bins(&brightness.histogram));
            (None, mean.into_iter().collect(), bins)
        }
        Summary::Times { min, max } => {
            let ends = [("first", min), ("last", max)];
            let facts = ends
                .iter()
                .filter_map(|(name, at)| at.map(|at| Fact::new(*name, Value::Moment(at))));
            (None, facts.collect(), Sketch::None)
        }
        Summary::Opaque => (None, Vec::new(), Sketch::None),
    }
}

/// A number with a handful of values is told apart by value.
fn picture(numbers: &NumbersProfile) -> Sketch {
    let histogram = &numbers.histogram;
    let values = histogram.borders.iter().skip(1).zip(histogram.counts.iter().skip(1));
    if numbers.distinct > FEW_VALUES || values.len() as u64 != numbers.distinct {
        return Sketch::Bins(bins(histogram));
    }
    Sketch::Words(values.map(|(&value, &count)| (gristmill_view::number(value), count)).collect())
}

/// The bins between the borders; those beyond are empty in training.
fn bins(histogram: &Histogram) -> Vec<Bin> {
    let inner = histogram.borders.windows(2).zip(histogram.counts.iter().skip(1));
    inner.map(|(ends, &count)| Bin { from: ends[0], to: ends[1], count }).collect()
}
