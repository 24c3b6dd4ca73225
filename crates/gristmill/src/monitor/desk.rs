//! Where a server asks about loops: whom to tell of their steps, where they stand, and how they did.

use std::collections::BTreeMap;
use std::sync::Arc;

use gristmill_core::Timestamp;
use gristmill_track::{Deployment, Note};

use super::figures::{Count, figures};
use super::loops::{Loops, Round};
use super::standing::{FindingsAsked, MonitorReport, Watching, decline_by, standing_of};
use crate::deploy::Terms;
use crate::keeper::Keeper;
use crate::snapshot::Watched;
use crate::{Home, Result};

/// An address that is told of the steps of a model's loop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoticeTo {
    /// The model.
    pub model: String,
    /// The address.
    pub url: String,
    /// The name of the secret that messages are signed with.
    pub secret: Option<String>,
    /// What happened up to this moment is none of its business: it was not deployed then.
    pub since: Timestamp,
}

/// Answers a server that asks about loops. What is deployed is read once.
pub(crate) struct Desk {
    keeper: Arc<Keeper>,
    loops: Loops,
    /// How retrainings ended, by model.
    counts: BTreeMap<String, Count>,
}

impl Desk {
    pub fn new(home: &Home, keeper: Arc<Keeper>) -> Self {
        let loops = Loops::new(home, Arc::clone(&keeper));
        Self { keeper, loops, counts: BTreeMap::new() }
    }

    /// Whom to tell of which model.
    ///
    /// # Errors
    /// When the store cannot be asked what is deployed. A file that cannot be read is told of by the loops.
    pub fn notices(&mut self) -> Result<Vec<NoticeTo>> {
        self.refresh()?;
        let mut all = Vec::new();
        for (deployment, watched) in self.loops.watched() {
            all.extend(notices(deployment, watched)?);
        }
        Ok(all)
    }

    pub fn standing(
        &mut self,
        model: &str,
        findings: FindingsAsked,
        now: Timestamp,
    ) -> Result<MonitorReport> {
        self.refresh()?;
        let watching = self.loops.watched().find(|(_, watched)| watched.register.model == model);
        let watching = watching.map(|(deployment, watched)| Watching {
            pipeline: deployment.name.clone(),
            watched: watched.clone(),
        });
        standing_of(&self.keeper, model, watching.as_ref(), findings, now)
    }

    pub fn decline(&self, model: &str, version: u32, note: Note) -> Result<()> {
        decline_by(&self.keeper, model, version, note)
    }

    /// All loops as Prometheus reads them.
    pub fn metrics(&mut self) -> Result<String> {
        self.refresh()?;
        let watched = self.loops.watched();
        let models: Vec<String> = watched.map(|(_, w)| w.register.model.clone()).collect();
        figures(&self.keeper, &models, &mut self.counts)
    }

    fn refresh(&mut self) -> Result<()> {
        self.loops.refresh(&mut Round::default())
    }
}

fn notices(deployment: &Deployment, watched: &Watched) -> Result<Vec<NoticeTo>> {
    let terms = Terms::of(deployment)?;
    let model = &watched.register.model;
    let notice = |notice: &super::Notice| {
        let since = terms.since.get(&notice_name(model, &notice.webhook)).copied();
        NoticeTo {
            model: model.clone(),
            url: notice.webhook.clone(),
            secret: notice.secret.as_ref().map(|name| name.secret.clone()),
            since: Timestamp(since.unwrap_or(deployment.deployed.0)),
        }
    };
    Ok(watched.monitor.notify.iter().map(notice).collect())
}

/// By which name a deployment keeps from when on an address is told of a model. The address may hold a key.
pub(crate) fn notice_name(model: &str, url: &str) -> String {
    format!("notify {model} {}", blake3::hash(url.as_bytes()).to_hex())
}

#[cfg(test)]
mod tests;
