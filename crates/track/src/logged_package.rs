//! The package that a run made, as a logged model: so clients find it without anybody registering it.

use std::collections::BTreeMap;

use gristmill_core::Timestamp;

use crate::{
    ArtifactPath, Content, ExperimentId, LoggedModelStatus, ModelLink, ModelRole, NewLoggedModel,
    Result, RunId, Store, StoredFile, TrackError,
};

/// A package among the artifacts of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct LoggedPackage {
    /// The run that made it.
    pub run: RunId,
    /// The experiment of that run.
    pub experiment: ExperimentId,
    /// A name for people.
    pub name: String,
    /// Its files.
    pub content: Content,
    /// The present moment.
    pub at: Timestamp,
}

impl LoggedPackage {
    /// The id of the logged model, which follows from the run: `m-` and 32 hex digits.
    pub fn id(&self) -> String {
        let run = self.run.to_string();
        format!("m-{}", RunId::from_parts(&[b"logged model", run.as_bytes()]))
    }

    /// Logs it as what its run made, and gives its id. Doing it again changes nothing, so it may
    /// have been cut short at any place before.
    ///
    /// # Errors
    /// As [`Store`]: `NotFound` or `Deleted` for the run or its experiment.
    pub async fn log(&self, store: &dyn Store) -> Result<String> {
        let id = self.id();
        let new = NewLoggedModel {
            id: id.clone(),
            experiment: self.experiment,
            name: self.name.clone(),
            model_type: Some("gristmill".into()),
            run: Some(self.run),
            tags: BTreeMap::new(),
            params: BTreeMap::new(),
            at: self.at,
        };
        match store.create_logged_model(new).await {
            Ok(_) | Err(TrackError::Exists { .. }) => {}
            Err(error) => return Err(error),
        }
        let path = ArtifactPath::parse(&format!("{}/models/{id}/artifacts", self.experiment))?;
        store.keep_file(StoredFile { path, content: self.content }).await?;
        store.finalize_logged_model(&id, LoggedModelStatus::Ready, self.at).await?;
        let link = ModelLink { role: ModelRole::Output, model: id.clone(), step: 0 };
        store.log_inputs(self.run, Vec::new(), vec![link]).await?;
        Ok(id)
    }
}
