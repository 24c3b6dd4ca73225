//! A model card: what is known of a version, from where it came to how it serves, as Markdown.
//! Source of the idea: Mitchell et al., *Model Cards for Model Reporting*, FAT* 2019.
//!
//! It is made of what the store and the artifacts know when it is asked for, and says less where
//! less is known: of a version that a client registered, or whose run is gone.

mod lineage;
mod markdown;
mod outcome;
mod sections;

use gristmill_track::ModelVersion;
use serde::Serialize;

use self::lineage::Lineage;
use self::markdown::Markdown;
use crate::keeper::Keeper;
use crate::{Home, Result, models};

/// The card of a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ModelCard {
    /// The model.
    pub model: String,
    /// The version.
    pub version: u32,
    /// The card. Whatever came from data or from a person stands in it as plain text: no part of it
    /// is HTML or a link.
    pub markdown: String,
}

/// The card of the version that `reference` means: `name` (its champion, else the newest version),
/// `name@alias` or `name/version`.
///
/// # Errors
/// When there is no such version, or the store cannot be read.
pub fn card(home: &Home, reference: &str) -> Result<ModelCard> {
    let keeper = Keeper::open(home)?;
    let version = models::referred(&keeper, reference)?;
    card_of(&keeper, version)
}

/// The card of a version.
pub(crate) fn card_of(keeper: &Keeper, version: ModelVersion) -> Result<ModelCard> {
    let lineage = Lineage::of(keeper, version)?;
    let mut page = Markdown::default();
    sections::identity(&mut page, &lineage);
    sections::data(&mut page, &lineage);
    sections::steps(&mut page, &lineage);
    sections::settings(&mut page, &lineage);
    outcome::scores(&mut page, &lineage);
    outcome::slices(&mut page, &lineage);
    outcome::warnings(&mut page, &lineage);
    outcome::serving(&mut page, &lineage);
    sections::history(&mut page, &lineage);
    let ModelVersion { model, version, .. } = lineage.version;
    Ok(ModelCard { model, version, markdown: page.text() })
}
