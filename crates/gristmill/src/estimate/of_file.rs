//! The metrics of a version that can be estimated, of the rows of a file.

use std::collections::{BTreeMap, BTreeSet};

use gristmill_core::{Frame, Prediction, Schema, Seed, Table, Task};
use gristmill_monitor::estimate::Estimate;
use gristmill_package::Package;
use gristmill_track::ModelVersion;

use super::{Estimable, Estimator, Kept, of_run};
use crate::Result;
use crate::keeper::Keeper;
use crate::monitor::section_of;

/// Estimates the metrics of a version: those that it was evaluated by, and the one that its file watches.
pub(crate) struct Estimators {
    input: Schema,
    all: Vec<(Estimable, Estimator, Kept)>,
}

impl Estimators {
    /// Those of a version; nothing where its run kept no rows that were held out.
    ///
    /// # Errors
    /// When the store cannot be asked, or what was kept is damaged or too little.
    pub fn of(keeper: &Keeper, version: &ModelVersion, package: &Package) -> Result<Option<Self>> {
        let Some(run) = version.run else { return Ok(None) };
        let (input, target) = (package.pipeline.input(), package.pipeline.target());
        let labels = match target.task() {
            Task::Classification { .. } => target.labels.as_deref(),
            Task::Regression | Task::Unsupervised => None,
        };
        let Some(held_out) = of_run(keeper, run, input, labels)? else { return Ok(None) };
        let watched = section_of(keeper, version)?.performance.map(|asked| asked.metric);
        let evaluated = version.metrics.as_object().into_iter().flat_map(|metrics| metrics.keys());
        let names: BTreeSet<&String> = evaluated.chain(&watched).collect();
        let metrics = names.into_iter().filter_map(|name| Estimable::named(name));
        let all = metrics.map(|metric| {
            let estimator = Estimator::learn(&held_out, metric, input)?;
            Ok((metric, estimator, Kept::new(Seed::default().named(metric.name()))))
        });
        Ok(Some(Self { input: (**input).clone(), all: all.collect::<Result<_>>()? }))
    }

    /// Takes rows and what the version answered to them.
    ///
    /// # Errors
    /// When they are not those of the version.
    pub fn take(&mut self, rows: &Table, answers: &Prediction) -> Result<()> {
        let rows = Frame::from_table(&rows.conform(&self.input)?)?;
        for (_, estimator, kept) in &mut self.all {
            kept.add(&estimator.lines(&rows, answers)?);
        }
        Ok(())
    }

    /// What the metrics of all rows probably are; those that have no value for them are left out.
    pub fn estimates(mut self) -> BTreeMap<String, Estimate> {
        let found = self.all.iter_mut().filter_map(|(metric, estimator, kept)| {
            Some((metric.name().to_owned(), estimator.estimate(&kept.take()).ok()?))
        });
        found.collect()
    }
}
