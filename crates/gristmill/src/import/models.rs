//! Registered models, each whole in one go: versions, aliases and what they come from.

use gristmill_track::{AdoptedModel, LeftOut, ModelVersion, Page, RunId};

use super::compare;
use super::logged_models::root;
use super::places::{decoded, scheme};
use super::source::Source;
use super::taker::Taker;
use crate::Result;

/// The place of a version whose files are not here.
const NOT_HERE: &str = "mlflow-artifacts:/not-imported";
/// Sources that name no files: those of prompts.
const NO_FILES: [&str; 2] = ["dummy-source", "prompt-template"];

impl Taker<'_> {
    /// Takes all registered models over.
    pub fn models(&mut self, source: &Source) -> Result<()> {
        let mut left_out = Vec::new();
        source.each_model(&mut left_out, &mut |given, left_out| {
            self.model(given, left_out)?;
            self.leave_out(left_out);
            Ok(())
        })?;
        self.leave_out(&mut left_out);
        Ok(())
    }

    fn model(&mut self, given: AdoptedModel, left_out: &mut Vec<LeftOut>) -> Result<()> {
        let what = format!("registered model `{}`", given.model.name);
        let (mut given, refused) = given.storable();
        Self::refused(left_out, &what, refused);
        given.note = self.note.clone();
        for version in &mut given.versions {
            self.place_version(version, left_out)?;
        }
        let name = given.model.name.clone();
        match self.find(|store| store.model(&name))? {
            Some(ours) => {
                let versions = self.versions_here(&name)?;
                match compare::model(&ours, &versions, &given) {
                    None => self.report.models.there += 1,
                    Some(why) => {
                        self.report.models.differing += 1;
                        self.report.differs(LeftOut::new(what, why));
                    }
                }
            }
            None if self.is_dry => {
                self.report.models.taken += 1;
                self.report.versions += given.versions.len() as u64;
            }
            None => self.adopt_model(given, &what, left_out)?,
        }
        Ok(())
    }

    fn adopt_model(
        &mut self,
        given: AdoptedModel,
        what: &str,
        left_out: &mut Vec<LeftOut>,
    ) -> Result<()> {
        let count = given.versions.len() as u64;
        let adopted = self.ask(|store| store.adopt_model(given))?;
        if Self::or_leave_out(adopted, what, left_out)?.is_some() {
            self.report.models.taken += 1;
            self.report.versions += count;
        }
        Ok(())
    }

    /// The versions that a model has here, by number.
    fn versions_here(&self, name: &str) -> Result<Vec<ModelVersion>> {
        const TOGETHER: u32 = 1000;
        let mut found: Vec<ModelVersion> = Vec::new();
        loop {
            let page = Page { limit: TOGETHER, offset: found.len() as u64 };
            let more = self.find(|store| store.versions(name, page))?.unwrap_or_default();
            let is_last = more.len() < TOGETHER as usize;
            found.extend(more);
            if is_last {
                found.sort_by_key(|version| version.version);
                return Ok(found);
            }
        }
    }

    /// Says of a version where its files are here: what was a path on some machine becomes a place
    /// among our artifacts.
    fn place_version(
        &mut self,
        version: &mut ModelVersion,
        left_out: &mut Vec<LeftOut>,
    ) -> Result<()> {
        let what = format!("version {} of registered model `{}`", version.version, version.model);
        if let Some(run) = version.run.filter(|_| !self.is_dry)
            && self.run_here(run)?.is_none()
        {
            self.report.note(format!("{what} names run {run}, which is not here"));
        }
        let source = version.source.clone().unwrap_or_default();
        let known = scheme(&source).map(|(scheme, _)| scheme).unwrap_or_default();
        let place = match known.as_str() {
            _ if NO_FILES.contains(&source.as_str()) => Some(source.clone()),
            "models" => self.place_here(&version.path)?.or(self.logged_place(version)?),
            "runs" => Some(source.clone()),
            _ => match self.places.kept(Some(&source)) {
                Some(kept) => Some(kept),
                None => {
                    let here = self.place_here(&source)?;
                    version.source = here.clone().or_else(|| version.source.take());
                    here
                }
            },
        };
        if place.is_none() && !self.is_dry {
            let why = format!("its files at `{source}` are those of no run or model that is here");
            left_out.push(LeftOut::new(what, why));
        }
        version.path = place.unwrap_or_else(|| NOT_HERE.into());
        Ok(())
    }

    /// Where the files of the logged model are that a version was registered from.
    fn logged_place(&self, version: &ModelVersion) -> Result<Option<String>> {
        let Some(id) = &version.logged_model else { return Ok(None) };
        let model = self.find(|store| store.logged_model(id))?;
        Ok(model.map(|model| format!("mlflow-artifacts:/{}", root(model.experiment, id))))
    }

    /// What a path of another store is among our artifacts: it goes by the run or the logged model
    /// whose folder it names.
    fn place_here(&self, text: &str) -> Result<Option<String>> {
        let path = match scheme(text) {
            Some((scheme, rest)) if scheme == "file" => decoded(rest),
            Some((scheme, rest)) if scheme == "mlflow-artifacts" => rest.to_string(),
            Some(_) => return Ok(None),
            None => text.to_string(),
        };
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        if parts.iter().any(|part| matches!(*part, "." | "..")) {
            return Ok(None);
        }
        for (at, _) in parts.iter().enumerate().rev().filter(|(_, part)| **part == "artifacts") {
            let (Some(owner), rest) =
                (at.checked_sub(1).and_then(|at| parts.get(at)), &parts[at..])
            else {
                continue;
            };
            let folder = match (owner.parse::<RunId>(), owner.starts_with("m-")) {
                (Ok(id), _) => self.run_here(id)?.map(|run| format!("{}/{id}", run.experiment)),
                (Err(_), true) => self
                    .find(|store| store.logged_model(owner))?
                    .map(|model| format!("{}/models/{owner}", model.experiment)),
                _ => None,
            };
            if let Some(folder) = folder {
                return Ok(Some(format!("mlflow-artifacts:/{folder}/{}", rest.join("/"))));
            }
        }
        Ok(None)
    }
}
