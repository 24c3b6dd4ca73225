//! Experiments, which come first: everything else stands in one.

use gristmill_core::Timestamp;
use gristmill_track::{Experiment, ExperimentId, LeftOut};

use super::compare;
use super::source::Source;
use super::taker::Taker;
use crate::Result;

impl Taker<'_> {
    /// Takes the experiments over: under their numbers where nobody has them, else under others.
    pub fn experiments(&mut self, source: &Source) -> Result<()> {
        let mut left_out = Vec::new();
        for given in source.experiments(&mut left_out)? {
            self.experiment(given, &mut left_out)?;
            self.leave_out(&mut left_out);
        }
        self.leave_out(&mut left_out);
        Ok(())
    }

    fn experiment(&mut self, given: Experiment, left_out: &mut Vec<LeftOut>) -> Result<()> {
        let what = format!("experiment `{}`", given.name);
        let (given, refused) = given.storable();
        Self::refused(left_out, &what, refused);
        let artifact_location = self.places.kept(given.artifact_location.as_deref());
        let given = Experiment { artifact_location, ..given };
        let ours = match &self.keeper {
            Some(keeper) => keeper.wait(|store| store.experiment_named(&given.name))?,
            None => None,
        };
        match ours.filter(|ours| !is_untouched_default(ours) || ours.id != given.id) {
            Some(ours) => self.same_name(&ours, &given, &what),
            None if self.is_dry => {
                self.experiments.insert(given.id, given.id);
                self.report.experiments.taken += 1;
            }
            None => self.adopt_experiment(given, &what, left_out)?,
        }
        Ok(())
    }

    fn adopt_experiment(
        &mut self,
        given: Experiment,
        what: &str,
        left_out: &mut Vec<LeftOut>,
    ) -> Result<()> {
        let id = given.id;
        let adopted = self.ask(|store| store.adopt_experiment(given))?;
        if let Some(stored) = Self::or_leave_out(adopted, what, left_out)? {
            self.report.experiments.taken += 1;
            self.experiments.insert(id, stored.id);
            if stored.id != id {
                self.report
                    .notes
                    .push(format!("{what} has the number {} here, not {id}", stored.id));
            }
        }
        Ok(())
    }

    /// An experiment of that name is here: what is of theirs is of ours.
    fn same_name(&mut self, ours: &Experiment, given: &Experiment, what: &str) {
        self.experiments.insert(given.id, ours.id);
        if ours.id != given.id {
            self.report
                .notes
                .push(format!("{what} has the number {} here, not {}", ours.id, given.id));
        }
        match compare::experiment(ours, given) {
            None => self.report.experiments.there += 1,
            Some(why) => {
                self.report.experiments.differing += 1;
                self.report.differs(LeftOut::new(what, why));
            }
        }
    }
}

/// Whether this is the experiment that is there from the start, as it was then.
fn is_untouched_default(ours: &Experiment) -> bool {
    ours.id == ExperimentId::DEFAULT
        && ours.created == Timestamp(0)
        && ours.updated == Timestamp(0)
        && ours.tags.is_empty()
}
