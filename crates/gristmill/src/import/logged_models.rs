//! Logged models: their files among ours, then what is known of them.

use std::collections::BTreeMap;
use std::path::Path;

use gristmill_track::{
    ArtifactPath, Content, ExperimentId, LeftOut, LoggedModel, Measured, StoredFile,
};

use super::compare;
use super::copy;
use super::places::Place;
use super::source::{Source, SourceModel};
use super::taker::Taker;
use crate::Result;
use crate::keeper::Keeper;

impl Taker<'_> {
    /// Takes all logged models over.
    pub fn logged_models(&mut self, source: &Source) -> Result<()> {
        let mut left_out = Vec::new();
        source.each_logged_model(&mut left_out, &mut |given, left_out| {
            self.logged_model(given, left_out)?;
            self.leave_out(left_out);
            Ok(())
        })?;
        self.leave_out(&mut left_out);
        Ok(())
    }

    fn logged_model(&mut self, given: SourceModel, left_out: &mut Vec<LeftOut>) -> Result<()> {
        let (model, uri) = (given.found.model, given.found.place);
        let what = format!("logged model {}", model.id);
        let Some(experiment) = self.experiments.get(&model.experiment).copied() else {
            let why = format!("experiment {}, which it is of, is not taken over", model.experiment);
            left_out.push(LeftOut::new(what, why));
            return Ok(());
        };
        let folder = given.folder.as_deref();
        let place = self.places.of_model(uri.as_deref(), model.experiment, &model.id, folder);
        self.look_at(&place, &what, left_out);
        if let Place::Elsewhere(uri) = &place {
            let why = format!("its files stay at `{uri}`, from where nothing here serves them");
            left_out.push(LeftOut::new(&what, why));
        }
        let (mut model, refused) = model.storable();
        Self::refused(left_out, &what, refused);
        model.experiment = experiment;
        self.drop_unknown_runs(&mut model, &what, left_out)?;
        match self.find(|store| store.logged_model(&model.id))? {
            Some(ours) => self.compare_logged_model(&ours, &model, &place, &what, left_out),
            None if self.is_dry => self.would_take_files(&place, left_out),
            None => self.adopt_logged_model(model, &place, &what, left_out),
        }
    }

    /// Values count for a run: those of runs that are not here go.
    fn drop_unknown_runs(
        &mut self,
        model: &mut LoggedModel,
        what: &str,
        left_out: &mut Vec<LeftOut>,
    ) -> Result<()> {
        let mut unknown = BTreeMap::new();
        for Measured { run, .. } in &model.metrics {
            if self.is_dry || self.known_runs.contains(run) || unknown.contains_key(run) {
                continue;
            }
            match self.run_here(*run)? {
                Some(_) => drop(self.known_runs.insert(*run)),
                None => drop(unknown.insert(*run, ())),
            }
        }
        model.metrics.retain(|measured| !unknown.contains_key(&measured.run));
        for run in unknown.keys() {
            let why = format!("what run {run} measured on it: that run is not here");
            left_out.push(LeftOut::new(what, why));
        }
        Ok(())
    }

    fn compare_logged_model(
        &mut self,
        ours: &LoggedModel,
        given: &LoggedModel,
        place: &Place,
        what: &str,
        left_out: &mut Vec<LeftOut>,
    ) -> Result<()> {
        let mut why = compare::logged_model(ours, given);
        if let (None, Place::Folder(folder)) = (&why, place) {
            let root = root(given.experiment, &given.id);
            let here = self.find(|store| store.files_below(&root))?.unwrap_or_default();
            let (here, there) = (sizes(here, &root), copy::listed(folder, left_out)?);
            why = compare::files(&here, &there);
            if why.is_none() && here.len() < there.len() {
                match self.is_dry {
                    true => self
                        .report
                        .would_copy(there.iter().filter(|(path, _)| !here.contains_key(*path))),
                    false => self.copy_files(&root, folder, &here, left_out)?,
                }
            }
        }
        match why {
            None => self.report.logged_models.there += 1,
            Some(why) => {
                self.report.logged_models.differing += 1;
                self.report.differs(LeftOut::new(what, why));
            }
        }
        Ok(())
    }

    fn would_take_files(&mut self, place: &Place, left_out: &mut Vec<LeftOut>) -> Result<()> {
        self.report.logged_models.taken += 1;
        if let Place::Folder(folder) = place {
            self.report.would_copy(copy::listed(folder, left_out)?.iter());
        }
        Ok(())
    }

    /// Copies the files that are below `folder` and not here.
    fn copy_files(
        &mut self,
        root: &str,
        folder: &Path,
        here: &BTreeMap<String, u64>,
        left_out: &mut Vec<LeftOut>,
    ) -> Result<()> {
        let keeper = self.keeper()?;
        let mut record = |new| keep(keeper, root, new);
        let copied = copy::copy(keeper, folder, here, left_out, &mut record)?;
        self.report.copied(copied);
        Ok(())
    }

    /// The files come first: once the model is here, all of it is.
    fn adopt_logged_model(
        &mut self,
        model: LoggedModel,
        place: &Place,
        what: &str,
        left_out: &mut Vec<LeftOut>,
    ) -> Result<()> {
        let root = root(model.experiment, &model.id);
        if let Place::Folder(folder) = place {
            let here = self.keeper()?.wait(|store| store.files_below(&root))?;
            self.copy_files(&root, folder, &sizes(here, &root), left_out)?;
        }
        let adopted = self.ask(|store| store.adopt_logged_model(model))?;
        if Self::or_leave_out(adopted, what, left_out)?.is_some() {
            self.report.logged_models.taken += 1;
        }
        Ok(())
    }
}

/// Where the files of a logged model stand among all artifacts.
pub(super) fn root(experiment: ExperimentId, model: &str) -> String {
    format!("{experiment}/models/{model}/artifacts")
}

fn keep(keeper: &Keeper, root: &str, files: Vec<(ArtifactPath, Content)>) -> Result<()> {
    for (path, content) in files {
        let path = ArtifactPath::parse(&format!("{root}/{path}"))?;
        keeper.wait(|store| store.keep_file(StoredFile { path, content }))?;
    }
    Ok(())
}

/// Files below a root by their path there, with their sizes.
fn sizes(files: Vec<StoredFile>, root: &str) -> BTreeMap<String, u64> {
    let inner = |path: &str| path.strip_prefix(root).unwrap_or(path).trim_start_matches('/').into();
    files.into_iter().map(|file| (inner(file.path.as_str()), file.content.size)).collect()
}
