//! How good answers probably are, and turned out to be, as Prometheus reads it.

use std::sync::PoisonError;

use gristmill_serve::{Figure, FigureKind};

use super::lookout::Tally;

type Labels = Vec<(&'static str, String)>;

impl Tally {
    /// What is known of how good answers are.
    pub(super) fn of_performance(&self) -> Vec<Figure> {
        let gauge = |name, help, values: Vec<(Labels, f64)>| {
            (!values.is_empty()).then_some(Figure { name, help, kind: FigureKind::Gauge, values })
        };
        let estimates = self.estimates.lock().unwrap_or_else(PoisonError::into_inner);
        let estimated = |value: fn(&super::performance::Estimation) -> f64| {
            let found = estimates.iter();
            found.map(|(key, found)| (labels(key, found.metric), value(found))).collect()
        };
        let known = self.performance.lock().unwrap_or_else(PoisonError::into_inner);
        let values = known
            .iter()
            .filter_map(|(key, found)| Some((labels(key, &found.metric), found.value?)));
        let rows = known.iter().map(|(key, found)| (labels(key, &found.metric), found.rows as f64));
        let figures = [
            gauge(
                "gristmill_performance_estimate",
                "What the metric of the last full window probably is, whose truth is not known yet.",
                estimated(|found| found.estimate.value),
            ),
            gauge(
                "gristmill_performance_estimate_error",
                "The standard error of that.",
                estimated(|found| found.estimate.standard_error),
            ),
            gauge(
                "gristmill_performance_estimate_rows",
                "How many rows that window has.",
                estimated(|found| found.rows as f64),
            ),
            gauge(
                "gristmill_performance",
                "What the metric of the latest labelled answers turned out to be.",
                values.collect(),
            ),
            gauge(
                "gristmill_performance_rows",
                "How many labelled answers were scored.",
                rows.collect(),
            ),
        ];
        figures.into_iter().flatten().collect()
    }
}

fn labels((model, version): &(String, String), metric: &str) -> Labels {
    vec![("model", model.clone()), ("version", version.clone()), ("metric", metric.to_owned())]
}
