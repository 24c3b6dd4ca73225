//! Two fitted models that answer the same rows: whose answers are better, and how sure that is.

use gristmill_core::{FittedPipeline, Prediction, Seed, Table, Target, TargetSpec, Task};
use gristmill_evaluate::Metric;
use gristmill_evaluate::compare::{Bootstrap, BootstrapMethod, take};

use crate::comparison::PairedDifference;
use crate::stages::scores;
use crate::{Error, Result};

/// How many rows are scored for an interval, over all draws; more rows are drawn less often.
const SCORED_ROWS: usize = 20_000_000;
const MOST_DRAWS: usize = 1_000;
const LEAST_DRAWS: usize = 100;

/// By what two models are told apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    pub metric: Metric,
    /// How often the interval of the difference holds the true one.
    pub confidence: f64,
    pub seed: Seed,
}

/// What two models scored on the same rows.
#[derive(Clone, Debug)]
pub(crate) struct Scored {
    pub ours: f64,
    pub theirs: f64,
    /// Nothing where it cannot be drawn.
    pub difference: Option<PairedDifference>,
}

impl Scored {
    /// Whether our score is better.
    pub fn is_better(&self, metric: Metric) -> bool {
        better(metric, self.ours, self.theirs)
    }

    /// Whether all of the interval of the difference is better.
    pub fn is_surely_better(&self, metric: Metric) -> bool {
        self.difference
            .as_ref()
            .is_some_and(|d| better(metric, d.low, 0.0) && better(metric, d.high, 0.0))
    }

    /// Whether all of it is worse.
    pub fn is_surely_worse(&self, metric: Metric) -> bool {
        self.difference
            .as_ref()
            .is_some_and(|d| better(metric, 0.0, d.low) && better(metric, 0.0, d.high))
    }
}

fn better(metric: Metric, ours: f64, theirs: f64) -> bool {
    match metric.greater_is_better() {
        true => ours > theirs,
        false => ours < theirs,
    }
}

/// What two models answered to rows whose truth is known.
pub(crate) struct Answered {
    spec: TargetSpec,
    known: Target,
    ours: Prediction,
    theirs: Prediction,
}

impl Answered {
    /// The answers to `rows` of `table`.
    ///
    /// # Errors
    /// When the two do not predict the same, or one of them cannot answer.
    pub fn to(
        ours: &FittedPipeline,
        theirs: &FittedPipeline,
        table: &Table,
        rows: &[u32],
    ) -> Result<Self> {
        refuse_unlike(ours.target(), theirs.target())?;
        let spec = ours.target().clone();
        let known = spec.apply(&table.take(rows)?)?;
        let (ours, theirs) = (ours.predict_rows(table, rows)?, theirs.predict_rows(table, rows)?);
        Ok(Self { spec, known, ours, theirs })
    }

    /// Those to some of these rows.
    ///
    /// # Errors
    /// None for rows that are there.
    pub fn take(&self, rows: &[u32]) -> Result<Self> {
        Ok(Self {
            spec: self.spec.clone(),
            known: self.known.take(rows),
            ours: take(&self.ours, rows)?,
            theirs: take(&self.theirs, rows)?,
        })
    }

    /// The scores of both, and the interval of their difference; where rows come in groups, whole groups are
    /// drawn. There is no interval where rows are so few that most draws have no score, such as an area
    /// without a row of the class.
    ///
    /// # Errors
    /// When the metric has no value for these rows.
    pub fn scored(&self, terms: Terms, groups: Option<&Vec<Vec<u32>>>) -> Result<Scored> {
        let score = |answer: &Prediction| terms.metric.compute(&self.spec, &self.known, answer);
        Ok(Scored {
            ours: score(&self.ours)?,
            theirs: score(&self.theirs)?,
            difference: self.difference(terms, groups)?,
        })
    }

    fn difference(
        &self,
        terms: Terms,
        groups: Option<&Vec<Vec<u32>>>,
    ) -> Result<Option<PairedDifference>> {
        let Terms { metric, confidence, seed } = terms;
        let bootstrap = Bootstrap {
            resamples: (SCORED_ROWS / self.ours.rows().max(1)).clamp(LEAST_DRAWS, MOST_DRAWS),
            confidence,
            // The interval and the p-value then come from the same draws and cannot disagree.
            method: BootstrapMethod::Percentile,
        };
        let (spec, known, both) = (&self.spec, &self.known, [&self.ours, &self.theirs]);
        let found = match groups {
            Some(groups) => bootstrap.difference_of_groups(metric, spec, known, both, groups, seed),
            None => bootstrap.difference_of(metric, spec, known, both, seed),
        };
        match found {
            Err(gristmill_core::Error::Data { .. }) => Ok(None),
            found => Ok(Some(PairedDifference::new(&found?, groups.map(Vec::len)))),
        }
    }
}

/// The scores of two models that learned without known answers, of which no interval can be drawn: a metric
/// of clusters is no mean over rows.
///
/// # Errors
/// When the two do not do the same, or one of them cannot answer.
pub(crate) fn unsupervised(
    ours: &FittedPipeline,
    theirs: &FittedPipeline,
    table: &Table,
    rows: &[u32],
    metric: Metric,
) -> Result<Scored> {
    refuse_unlike(ours.target(), theirs.target())?;
    let score = |fitted: &FittedPipeline| -> Result<f64> {
        let found = scores(fitted, fitted.target(), table, rows, &[metric])?;
        found.into_values().next().ok_or_else(|| Error::bug("a metric gave no score"))
    };
    Ok(Scored { ours: score(ours)?, theirs: score(theirs)?, difference: None })
}

/// Refuses models that do not predict the same.
fn refuse_unlike(ours: &TargetSpec, theirs: &TargetSpec) -> Result<()> {
    let name = |spec: &TargetSpec| spec.field.as_ref().map(|field| field.name.clone());
    let shown = |spec: &TargetSpec| match (name(spec), spec.task()) {
        (None, _) => "no target".to_string(),
        (Some(name), Task::Classification { .. }) => format!("the classes of `{name}`"),
        (Some(name), _) => format!("the number `{name}`"),
    };
    if name(ours) != name(theirs) || shown(ours) != shown(theirs) {
        let message = format!("it predicts {}, the new version {}", shown(theirs), shown(ours));
        return Err(Error::input(message));
    }
    let words = |spec: &TargetSpec| spec.labels.as_ref().map(|l| l.names().to_vec());
    if ours.task() != Task::Unsupervised && words(ours) != words(theirs) {
        return Err(Error::input("it knows other classes than the new version"));
    }
    Ok(())
}
