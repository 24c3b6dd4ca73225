//! What models are asked and how long they take, as Prometheus reads it.
//!
//! Format: Prometheus' text-based exposition format, version 0.0.4.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use gristmill_serve::{Figure, FigureKind, Part, Served};

/// The upper ends of the histogram's buckets, in microseconds.
const ENDS: [u64; 14] = [
    250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 10_000_000,
];

/// The upper ends of a histogram of sizes.
const SIZES: [u64; 11] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024];

/// What models are asked and how long they take.
#[derive(Default)]
pub(crate) struct Meter {
    /// By model and version.
    series: RwLock<BTreeMap<String, BTreeMap<String, Arc<Series>>>>,
    /// Requests that were turned away since there were too many.
    pub turned_away: AtomicU64,
    /// How long requests waited for a core.
    pub waits: Histogram,
}

/// Numbers, by how great they are.
pub(crate) struct Histogram {
    /// The upper ends of the buckets.
    ends: &'static [u64],
    /// How many of what is counted are one of what is shown.
    unit: f64,
    /// By bucket, with those beyond the last at the end.
    buckets: Vec<AtomicU64>,
    sum: AtomicU64,
}

impl Default for Histogram {
    /// Of times: counted in microseconds, shown in seconds.
    fn default() -> Self {
        Self::new(&ENDS, 1e6)
    }
}

impl Histogram {
    fn new(ends: &'static [u64], unit: f64) -> Self {
        let buckets = (0..=ends.len()).map(|_| AtomicU64::new(0)).collect();
        Self { ends, unit, buckets, sum: AtomicU64::new(0) }
    }

    /// Of sizes, by powers of 2.
    pub fn of_sizes() -> Self {
        Self::new(&SIZES, 1.0)
    }

    /// Counts a number.
    pub fn count(&self, number: u64) {
        let bucket = self.ends.iter().position(|end| number <= *end).unwrap_or(self.ends.len());
        if let Some(bucket) = self.buckets.get(bucket) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.sum.fetch_add(number, Ordering::Relaxed);
    }

    /// Writes it down with what it is.
    pub fn show(&self, text: &mut String, name: &str, help: &str) {
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} histogram");
        self.write(text, name, "");
    }

    fn write(&self, text: &mut String, name: &str, labels: &str) {
        let mut sum = 0;
        let comma = if labels.is_empty() { "" } else { "," };
        for (at, bucket) in self.buckets.iter().enumerate() {
            sum += bucket.load(Ordering::Relaxed);
            let end = match self.ends.get(at) {
                Some(end) => (*end as f64 / self.unit).to_string(),
                None => "+Inf".into(),
            };
            let _ = writeln!(text, "{name}_bucket{{{labels}{comma}le=\"{end}\"}} {sum}");
        }
        let all = self.sum.load(Ordering::Relaxed) as f64 / self.unit;
        let labels = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
        let _ = writeln!(text, "{name}_sum{labels} {all}\n{name}_count{labels} {sum}");
    }
}

/// What one version of a model was asked.
#[derive(Default)]
pub(crate) struct Series {
    times: Histogram,
    /// How many microseconds the model takes for a small request, as the last ones showed; 0 while none did.
    pace: AtomicU64,
    refused: AtomicU64,
    failed: AtomicU64,
    /// Requests by the part in which they were answered, in the order of [`Part::ALL`].
    parts: [AtomicU64; Part::ALL.len()],
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// With an answer.
    Answered,
    /// The request was wrong.
    Refused,
    /// We were.
    Failed,
}

/// A counter of a model.
type CounterOf = fn(&Series) -> &AtomicU64;

impl Meter {
    /// Where requests to this model are counted.
    pub fn of(&self, served: &Served) -> Arc<Series> {
        let (name, version) = (served.name(), served.version());
        let known = {
            let series = self.series.read().unwrap_or_else(PoisonError::into_inner);
            series.get(name).and_then(|versions| versions.get(version)).cloned()
        };
        known.unwrap_or_else(|| {
            let mut series = self.series.write().unwrap_or_else(PoisonError::into_inner);
            let versions = series.entry(name.to_owned()).or_default();
            Arc::clone(versions.entry(version.to_owned()).or_default())
        })
    }

    /// All of it as text.
    pub fn text(&self) -> String {
        let series = self.series.read().unwrap_or_else(PoisonError::into_inner);
        let each = || {
            let models = series.iter();
            models.flat_map(|(model, all)| all.iter().map(move |(v, series)| (model, v, series)))
        };
        let mut text = String::from(
            "# HELP gristmill_inference_seconds How long requests to models took, from their last byte on.\n\
             # TYPE gristmill_inference_seconds histogram\n",
        );
        for (model, version, series) in each() {
            let labels = labels(model, version);
            series.times.write(&mut text, "gristmill_inference_seconds", &labels);
        }
        let help = "How long requests to models waited for a core.";
        self.waits.show(&mut text, "gristmill_inference_wait_seconds", help);
        let counters: [(&str, &str, CounterOf); 2] = [
            ("refused", "Requests to models that were wrong.", |series| &series.refused),
            ("failed", "Requests to models that failed by our fault.", |series| &series.failed),
        ];
        for (name, help, of) in counters {
            let name = format!("gristmill_inference_{name}_total");
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} counter");
            for (model, version, series) in each() {
                let count = of(series).load(Ordering::Relaxed);
                let _ = writeln!(text, "{name}{{{}}} {count}", labels(model, version));
            }
        }
        let name = "gristmill_inference_routed_total";
        let _ = writeln!(
            text,
            "# HELP {name} Requests by the part in which the version was to answer.\n\
             # TYPE {name} counter"
        );
        for (model, version, series) in each() {
            for (part, count) in Part::ALL.iter().zip(&series.parts) {
                let (labels, part) = (labels(model, version), part.as_str());
                let count = count.load(Ordering::Relaxed);
                let _ = writeln!(text, "{name}{{{labels},part=\"{part}\"}} {count}");
            }
        }
        let name = "gristmill_inference_turned_away_total";
        let help = "Requests that were turned away since too many were waiting.";
        counter(&mut text, name, help, self.turned_away.load(Ordering::Relaxed));
        text
    }
}

impl Series {
    /// Counts a request that is to be answered in this part.
    pub fn route(&self, part: Part) {
        let counts = Part::ALL.iter().zip(&self.parts);
        for (_, count) in counts.filter(|(counted, _)| **counted == part) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub fn count(&self, micros: u64, ended: Ended) {
        self.times.count(micros);
        match ended {
            Ended::Answered => {}
            Ended::Refused => drop(self.refused.fetch_add(1, Ordering::Relaxed)),
            Ended::Failed => drop(self.failed.fetch_add(1, Ordering::Relaxed)),
        }
    }

    /// Notes how long the model took for a small request: of the last ones each counts an eighth less than
    /// the one after it, and none as more than about twice the pace before it, since a thread that was held up says
    /// nothing of the model. Two that note at once may lose one of them, which only takes longer to learn.
    pub fn pace(&self, micros: u64) {
        let before = self.pace.load(Ordering::Relaxed);
        let counted = micros.min(2 * before + 64);
        let now = if before == 0 { micros } else { (7 * before + counted) / 8 };
        self.pace.store(now, Ordering::Relaxed);
    }

    /// Whether small requests take less than so long, as far as is known.
    pub fn is_quick(&self, within: Duration) -> bool {
        u128::from(self.pace.load(Ordering::Relaxed)) < within.as_micros()
    }
}

/// The labels of a model, whose name may hold anything.
pub(super) fn labels(model: &str, version: &str) -> String {
    format!("model=\"{}\",version=\"{}\"", escaped(model), escaped(version))
}

/// A number that goes up and down.
pub(super) fn gauge(text: &mut String, name: &str, help: &str, value: u64) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}");
}

/// A number that only grows.
pub(super) fn counter(text: &mut String, name: &str, help: &str, value: u64) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} counter\n{name} {value}");
}

/// A figure with all its values.
pub(super) fn write(text: &mut String, figure: &Figure) {
    let Figure { name, help, kind, values } = figure;
    let kind = match kind {
        FigureKind::Counter => "counter",
        FigureKind::Gauge => "gauge",
    };
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    for (labels, value) in values {
        let labels: Vec<String> =
            labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
        let _ = match labels.is_empty() {
            true => writeln!(text, "{name} {value}"),
            false => writeln!(text, "{name}{{{}}} {value}", labels.join(",")),
        };
    }
}

/// The text of a label's value.
pub(super) fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test] // by hand
    fn a_model_is_slow_when_it_keeps_being_slow() {
        let (series, within) = (Series::default(), Duration::from_millis(1));
        assert!(series.is_quick(within), "nobody knows yet");
        series.pace(200);
        for _ in 0..5 {
            series.pace(50_000);
        }
        assert!(series.is_quick(within), "200 us become 412 in five requests");
        for _ in 0..20 {
            series.pace(50_000);
        }
        assert!(!series.is_quick(within));
        let slow = Series::default();
        slow.pace(50_000);
        assert!(!slow.is_quick(within), "the first one is all that is known");
    }

    #[test] // by hand
    fn requests_stand_in_the_bucket_of_their_time_and_in_all_above() {
        let meter = Meter::default();
        let series = Arc::<Series>::default();
        let versions = BTreeMap::from([("1".into(), Arc::clone(&series))]);
        meter.series.write().unwrap().insert("a\"b".into(), versions);
        series.count(250, Ended::Answered);
        series.count(251, Ended::Refused);
        series.count(20_000_000, Ended::Failed);
        series.route(Part::Canary);
        let text = meter.text();
        let labels = "model=\"a\\\"b\",version=\"1\"";
        for line in [
            format!("gristmill_inference_seconds_bucket{{{labels},le=\"0.00025\"}} 1"),
            format!("gristmill_inference_seconds_bucket{{{labels},le=\"0.0005\"}} 2"),
            format!("gristmill_inference_seconds_bucket{{{labels},le=\"10\"}} 2"),
            format!("gristmill_inference_seconds_bucket{{{labels},le=\"+Inf\"}} 3"),
            format!("gristmill_inference_seconds_sum{{{labels}}} 20.000501"),
            format!("gristmill_inference_seconds_count{{{labels}}} 3"),
            format!("gristmill_inference_refused_total{{{labels}}} 1"),
            format!("gristmill_inference_failed_total{{{labels}}} 1"),
            format!("gristmill_inference_routed_total{{{labels},part=\"canary\"}} 1"),
            format!("gristmill_inference_routed_total{{{labels},part=\"main\"}} 0"),
            "gristmill_inference_turned_away_total 0".into(),
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
    }
}
