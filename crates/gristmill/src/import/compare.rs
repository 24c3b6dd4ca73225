//! Whether what is here is what is given, and the first thing in which it is not.

use std::collections::BTreeMap;
use std::fmt::Display;

use gristmill_track::{
    AdoptedModel, DatasetInput, Experiment, ExperimentId, LoggedModel, Metric, Model, ModelVersion,
    Run,
};

use super::files::short;

/// The first difference, if there is one.
type Difference = Option<String>;

fn values<T: PartialEq>(
    name: &str,
    ours: &T,
    given: &T,
    show: impl Fn(&T) -> String,
) -> Difference {
    let (here, there) = (short(&show(ours)), short(&show(given)));
    (ours != given).then(|| format!("{name} is `{here}` here and `{there}` there"))
}

fn words<T: PartialEq + Display>(name: &str, ours: &T, given: &T) -> Difference {
    values(name, ours, given, T::to_string)
}

fn options<T: PartialEq + Display>(name: &str, ours: &Option<T>, given: &Option<T>) -> Difference {
    let show = |value: &Option<T>| value.as_ref().map_or("nothing".into(), T::to_string);
    values(name, ours, given, show)
}

fn maps<T: PartialEq>(
    name: &str,
    ours: &BTreeMap<String, T>,
    given: &BTreeMap<String, T>,
    show: impl Fn(&T) -> String,
) -> Difference {
    for (key, theirs) in given {
        match ours.get(key) {
            None => return Some(format!("{name} `{}` is only there", short(key))),
            Some(here) if here != theirs => {
                return values(&format!("{name} `{}`", short(key)), here, theirs, show);
            }
            Some(_) => {}
        }
    }
    let more = ours.keys().find(|key| !given.contains_key(*key))?;
    Some(format!("{name} `{}` is only here", short(more)))
}

fn texts(
    name: &str,
    ours: &BTreeMap<String, String>,
    given: &BTreeMap<String, String>,
) -> Difference {
    maps(name, ours, given, String::clone)
}

/// Files by path, with their sizes. Those that are only there are no difference: they are missing here.
pub(super) fn files(ours: &BTreeMap<String, u64>, given: &BTreeMap<String, u64>) -> Difference {
    let mut whole = ours.clone();
    for (path, size) in given {
        whole.entry(path.clone()).or_insert(*size);
    }
    maps("the size of artifact", &whole, given, u64::to_string)
}

/// How many values metrics have.
pub(super) fn counts(ours: &BTreeMap<String, u64>, given: &BTreeMap<String, u64>) -> Difference {
    maps("the number of values of metric", ours, given, u64::to_string)
}

pub(super) fn experiment(ours: &Experiment, given: &Experiment) -> Difference {
    // Every store has this one, and nobody made it.
    let is_default = ours.id == ExperimentId::DEFAULT && given.id == ExperimentId::DEFAULT;
    let made = |e: &Experiment| e.created.0 / 1000;
    let created = || words("the moment of its making", &made(ours), &made(given));
    values("its lifecycle", &ours.lifecycle, &given.lifecycle, |l| l.to_string())
        .or_else(|| if is_default { None } else { created() })
        .or_else(|| texts("tag", &ours.tags, &given.tags))
}

/// What a run has from the moment of its making on.
pub(super) fn begun(ours: &Run, given: &Run) -> Difference {
    let (here, there) = (&ours.info, &given.info);
    let moment = |at: &Option<gristmill_core::Timestamp>| at.map(|at| at.0 / 1000);
    words("its experiment", &here.experiment, &there.experiment)
        .or_else(|| words("its name", &here.name, &there.name))
        .or_else(|| words("its status", &here.status, &there.status))
        .or_else(|| words("its beginning", &(here.started.0 / 1000), &(there.started.0 / 1000)))
        .or_else(|| options("its end", &moment(&here.ended), &moment(&there.ended)))
        .or_else(|| options("its user", &here.user, &there.user))
        .or_else(|| options("its place", &here.artifact_location, &there.artifact_location))
        .or_else(|| texts("param", &ours.params, &given.params))
        .or_else(|| texts("tag", &ours.tags, &given.tags))
        .or_else(|| datasets(ours, given))
        .or_else(|| {
            let sorted = |run: &Run| {
                let mut links = run.models.clone();
                links.sort();
                links
            };
            (sorted(ours) != sorted(given)).then(|| "its links to logged models are others".into())
        })
}

/// A whole run.
pub(super) fn run(ours: &Run, given: &Run) -> Difference {
    let numbers = |run: &Run| -> BTreeMap<String, Value> {
        run.metrics.iter().map(|(key, metric)| (key.clone(), Value(metric.clone()))).collect()
    };
    begun(ours, given)
        .or_else(|| words("its lifecycle", &ours.info.lifecycle, &given.info.lifecycle))
        .or_else(|| {
            let show = |value: &Value| format!("{} at step {}", value.0.value, value.0.step);
            maps("metric", &numbers(ours), &numbers(given), show)
        })
}

/// A value that equals itself even where it is no number.
struct Value(Metric);

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        let (a, b) = (&self.0, &other.0);
        let equal = a.value == b.value || (a.value.is_nan() && b.value.is_nan());
        equal && (a.step, a.at) == (b.step, b.at)
    }
}

fn datasets(ours: &Run, given: &Run) -> Difference {
    let known = |run: &Run| -> BTreeMap<String, BTreeMap<String, String>> {
        let name =
            |input: &DatasetInput| format!("{} {}", input.dataset.name, input.dataset.digest);
        run.datasets.iter().map(|input| (name(input), input.tags.clone())).collect()
    };
    maps("dataset", &known(ours), &known(given), |tags| format!("{tags:?}"))
}

pub(super) fn logged_model(ours: &LoggedModel, given: &LoggedModel) -> Difference {
    let kind = |model: &LoggedModel| model.model_type.clone();
    words("its experiment", &ours.experiment, &given.experiment)
        .or_else(|| words("its name", &ours.name, &given.name))
        .or_else(|| options("its type", &kind(ours), &kind(given)))
        .or_else(|| options("its run", &ours.run, &given.run))
        .or_else(|| words("its status", &ours.status, &given.status))
        .or_else(|| words("its lifecycle", &ours.lifecycle, &given.lifecycle))
        .or_else(|| texts("tag", &ours.tags, &given.tags))
        .or_else(|| texts("param", &ours.params, &given.params))
        .or_else(|| {
            let (here, there) = (measured(ours), measured(given));
            maps("metric", &here, &there, |value: &Value| value.0.value.to_string())
        })
}

fn measured(model: &LoggedModel) -> BTreeMap<String, Value> {
    let name = |m: &gristmill_track::Measured| {
        format!("{} of run {} at step {}, {}", m.metric.key, m.run, m.metric.step, m.metric.at.0)
    };
    model.metrics.iter().map(|m| (name(m), Value(m.metric.clone()))).collect()
}

/// A registered model with its versions, which come by number.
pub(super) fn model(ours: &Model, versions: &[ModelVersion], given: &AdoptedModel) -> Difference {
    let numbers = |versions: &[ModelVersion]| -> Vec<u32> {
        versions.iter().map(|version| version.version).collect()
    };
    let (here, there) = (numbers(versions), numbers(&given.versions));
    words("its description", &ours.description, &given.model.description)
        .or_else(|| texts("tag", &ours.tags, &given.model.tags))
        .or_else(|| values("the list of its versions", &here, &there, |list| format!("{list:?}")))
        .or_else(|| {
            versions.iter().zip(&given.versions).find_map(|(ours, given)| {
                let why = version(ours, given)?;
                Some(format!("version {}: {why}", ours.version))
            })
        })
        .or_else(|| maps("alias", &ours.aliases, &given.model.aliases, u32::to_string))
}

fn version(ours: &ModelVersion, given: &ModelVersion) -> Difference {
    options("its run", &ours.run, &given.run)
        .or_else(|| options("its source", &ours.source, &given.source))
        .or_else(|| words("its stage", &ours.stage, &given.stage))
        .or_else(|| words("its status", &ours.status, &given.status))
        .or_else(|| words("its description", &ours.description, &given.description))
        .or_else(|| words("its place", &ours.path, &given.path))
        .or_else(|| texts("tag", &ours.tags, &given.tags))
}
