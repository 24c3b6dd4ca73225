//! Whether the rows of a file still look like those that a model learned from.

mod by_column;
mod multivariate;
mod page;
mod rows;
mod season;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use gristmill_core::{Answered, Notes, Profile, ProfileLearner, Schema, Selector};
use gristmill_monitor::estimate::Estimate;
use gristmill_monitor::multivariate::MultivariateDrift;
use gristmill_monitor::statistics::Correction;
use gristmill_monitor::{
    ColumnDrift, DriftReport, DriftSettings, DriftTest, MultivariateMethod, MultivariateSettings,
    Reference, SeasonSettings, SeasonalReference, Window,
};
use gristmill_package::Package;
use gristmill_track::ModelVersion;
use serde::Serialize;

use self::rows::{Asked, RowsOf};
use crate::catalog::catalog;
use crate::estimate::Estimators;
use crate::keeper::Keeper;
use crate::monitor::section_of;
use crate::page::save_html;
use crate::{Home, Result, models};

/// What is to be otherwise than the pipeline file of the model says, or than is usual.
#[derive(Clone, Debug, Default)]
pub struct DriftChanges {
    /// How columns are compared. With another test the threshold of the file does not count.
    pub test: Option<DriftTest>,
    /// From where on a column has moved.
    pub threshold: Option<f64>,
    /// The share of the columns that must have moved.
    pub share: Option<f64>,
    /// Which columns are compared.
    pub columns: Option<Selector>,
    /// How p-values are corrected.
    pub correction: Option<Correction>,
    /// Fewer rows than that are not judged.
    pub min_rows: Option<u64>,
    /// A file with the rows to compare with, in place of those that the model learned from.
    pub reference: Option<PathBuf>,
    /// By which hours and days rows are compared.
    pub season: Option<SeasonSettings>,
    /// How all columns are compared together. With another method the threshold of the file does not count.
    pub multivariate: Option<MultivariateMethod>,
    /// Whether that counts for whether the rows have drifted, whatever the file says.
    pub multivariate_counts: bool,
    /// Whether the answers of the model are not asked for.
    pub without_answers: bool,
}

impl DriftChanges {
    fn apply(&self, mut settings: DriftSettings) -> DriftSettings {
        if let Some(test) = self.test.filter(|test| *test != settings.test) {
            settings.test = test;
            settings.threshold = None;
        }
        settings.threshold = self.threshold.or(settings.threshold);
        settings.share = self.share.unwrap_or(settings.share);
        settings.correction = self.correction.unwrap_or(settings.correction);
        settings.min_rows = self.min_rows.unwrap_or(settings.min_rows);
        settings.season = self.season.clone().or(settings.season);
        if let Some(columns) = &self.columns {
            settings.columns = columns.clone();
        }
        let of_file = settings.multivariate;
        let told = self.multivariate.map(|method| match of_file {
            Some(settings) if settings.method == method => settings,
            _ => method.into(),
        });
        settings.multivariate = told.or(of_file).map(|settings| MultivariateSettings {
            counts: settings.counts || self.multivariate_counts,
            ..settings
        });
        settings
    }
}

/// How rows stand against those that a model learned from.
#[derive(Clone, Debug, Serialize)]
pub struct Drift {
    /// The model as it was asked for.
    pub model: String,
    /// What was found of its columns.
    #[serde(flatten)]
    pub report: DriftReport,
    /// What was found of all columns together, where that was asked; it counts for `drifted` where the settings
    /// say so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub multivariate: Option<MultivariateDrift>,
    /// What was found of its answers; they do not count for `drifted`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answers: Option<AnswersDrift>,
    /// What metrics of the rows probably are, where rows were kept that say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimate: Option<BTreeMap<String, Estimate>>,
    /// What a person should know.
    #[serde(skip)]
    pub notes: Vec<String>,
    #[serde(skip)]
    reference: String,
}

/// How the answers of a model stand against those that it gave once.
#[derive(Clone, Debug, Serialize)]
pub struct AnswersDrift {
    /// To which rows it gave those; nothing for the rows of another file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answered: Option<Answered>,
    /// Whether any of its columns has moved.
    pub drifted: bool,
    /// The prediction, and for classes the probability of each.
    pub columns: Vec<ColumnDrift>,
}

impl Drift {
    /// What was found as one HTML page that needs no network.
    pub fn page(&self) -> String {
        page::html(self)
    }

    /// Writes [`Drift::page`], whole or not at all.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        save_html(&self.page(), path)
    }
}

/// Holds the rows of `input` against those that the model which `model` means has learned from, or
/// against the rows of another file. Parquet and plain delimited text are read part by part, in memory
/// that does not grow with them.
///
/// # Errors
/// When the model or the rows cannot be read, a column is missing, or a setting makes no sense.
pub fn drift(home: &Home, model: &str, input: &Path, changes: &DriftChanges) -> Result<Drift> {
    let found = Found::of(home, model)?;
    let settings = changes.apply(found.settings.clone());
    settings.check()?;
    let package = gristmill_package::load(&found.folder, &catalog())?;
    let compared = Compared::new(&package, &settings, changes)?;
    let against = compared.reference(changes)?;
    let mut estimators = compared.estimators(&found);
    let current = compared.window(input, &against, &mut estimators)?;
    // Of rows that the model could not answer nothing is known.
    let estimators = estimators.filter(|_| current.answers.is_some());
    let mut report = settings.judge(&current.seasonal(&against)?, &current.columns)?;
    let multivariate = compared.multivariate(&settings, changes, (input, &against.columns))?;
    if multivariate.as_ref().is_some_and(|found| found.counts && found.drifted) {
        report.drifted = report.enough;
    }
    let answers = match (&against.answers, &current.answers) {
        (Some((answered, reference)), Some(window)) => {
            let found = settings.judge(reference, window)?;
            let drifted = found.enough && found.columns.iter().any(|c| c.drifted);
            Some(AnswersDrift { answered: *answered, drifted, columns: found.columns })
        }
        _ => None,
    };
    let reference = match &changes.reference {
        None => "training rows".to_string(),
        Some(path) => path.display().to_string(),
    };
    let mut notes = compared.notes.all();
    if !report.enough {
        notes.push(format!(
            "{} rows are too few to be judged; at least {} are asked for by `min_rows`",
            report.rows, settings.min_rows
        ));
    }
    let estimate = estimators.map(Estimators::estimates);
    Ok(Drift { model: model.into(), report, multivariate, answers, estimate, notes, reference })
}

/// What a reference means.
struct Found {
    folder: PathBuf,
    /// What its pipeline file says counts as drift.
    settings: DriftSettings,
    /// The version, where it is one of the registry's.
    version: Option<(Keeper, ModelVersion)>,
}

impl Found {
    fn of(home: &Home, model: &str) -> Result<Self> {
        if Path::new(model).join("model.json").is_file() {
            let settings = DriftSettings::default();
            return Ok(Self { folder: model.into(), settings, version: None });
        }
        let keeper = Keeper::open(home)?;
        let version = models::referred(&keeper, model)?;
        let folder = models::package_folder(&keeper, &version)?;
        let settings = section_of(&keeper, &version)?.drift;
        Ok(Self { folder, settings, version: Some((keeper, version)) })
    }
}

/// What is compared: the columns that the settings take, and the answers.
struct Compared<'a> {
    package: &'a Package,
    /// The columns that are read.
    wanted: Schema,
    /// Those of them that are compared.
    columns: Selector,
    /// Those that are one vector together.
    together: Option<Vec<String>>,
    season: Option<SeasonSettings>,
    asks: bool,
    notes: Notes,
}

/// The rows to compare with.
struct Against {
    columns: Reference,
    season: Option<SeasonalReference>,
    answers: Option<(Option<Answered>, Reference)>,
}

/// The rows that are compared.
struct Current {
    columns: Window,
    answers: Option<Window>,
    /// How many rows lie in each slot of the season.
    slots: Vec<u64>,
}

impl Current {
    /// What rows of these hours and days looked like.
    fn seasonal(&self, against: &Against) -> Result<Reference> {
        match &against.season {
            Some(season) => Ok(season.for_slots(&self.slots)?),
            None => Ok(against.columns.clone()),
        }
    }
}

impl<'a> Compared<'a> {
    fn new(package: &'a Package, settings: &DriftSettings, changes: &DriftChanges) -> Result<Self> {
        let input = package.pipeline.input();
        let positions = settings.columns.some_positions(input)?;
        if changes.multivariate.is_some() && changes.reference.is_none() {
            return Err(multivariate::refused());
        }
        let has_answers = package.profile.answers.is_some() || changes.reference.is_some();
        let notes = Notes::default();
        if !has_answers && !changes.without_answers {
            notes.add("the package keeps no answers, so those of the model are not compared");
        }
        let asks = has_answers && !changes.without_answers;
        // A model is asked about all of its columns.
        let wanted = if asks { (**input).clone() } else { input.select(&positions) };
        let season = settings.season.clone().filter(|_| changes.reference.is_some());
        if settings.season.is_some() && season.is_none() {
            notes.add(
                "the training rows are not kept by hour and day: give `--reference` for `season`",
            );
        }
        let wanted = match &season {
            Some(season) => season::with_time(wanted, season)?,
            None => wanted,
        };
        // Those that are not all compared are not one vector.
        let compared = input.select(&positions);
        let together = settings.together(input)?;
        let together =
            together.filter(|names| names.iter().all(|name| compared.find(name).is_some()));
        if together.is_some() && changes.reference.is_none() && package.profile.together.is_none() {
            notes.add(
                "the package keeps nothing of the columns of `embeddings` together, so each is compared by itself: \
                 train again, or give `--reference`",
            );
        }
        let columns = settings.columns.clone();
        Ok(Self { package, wanted, columns, together, season, asks, notes })
    }

    /// What all columns together say, where that is asked.
    fn multivariate(
        &self,
        settings: &DriftSettings,
        changes: &DriftChanges,
        (input, reference): (&Path, &Reference),
    ) -> Result<Option<MultivariateDrift>> {
        let Some(multivariate) = &settings.multivariate else { return Ok(None) };
        match &changes.reference {
            Some(path) => {
                multivariate::judged(self, multivariate, (path, input), reference).map(Some)
            }
            None => {
                let refused = multivariate::refused();
                let hint = refused.hint.as_deref().unwrap_or_default();
                self.notes.add(format!("`multivariate` is left out: {}; {hint}", refused.message));
                Ok(None)
            }
        }
    }

    /// What says how good the answers probably are; what cannot be said is noted.
    fn estimators(&self, found: &Found) -> Option<Estimators> {
        let (keeper, version) = found.version.as_ref().filter(|_| self.asks)?;
        Estimators::of(keeper, version, self.package).unwrap_or_else(|error| {
            self.notes.add(format!("metrics cannot be estimated: {}", error.message));
            None
        })
    }

    fn reference(&self, changes: &DriftChanges) -> Result<Against> {
        let (columns, answers) = match &changes.reference {
            None => {
                let profile = &self.package.profile;
                let answers = profile.answers.as_ref().filter(|_| self.asks);
                let answers = answers.map(|a| (Some(a.answered), Reference::of_answers(a)));
                (Reference::of(profile), answers)
            }
            Some(path) => {
                let (columns, answers) = self.learned(path)?;
                let answers = answers.map(|a| (None, Reference::of(&a)));
                (Reference::of(&columns), answers)
            }
        };
        let columns = columns.select(self.package.pipeline.input(), &self.columns)?;
        let season = match (&self.season, &changes.reference) {
            (Some(season), Some(path)) => {
                Some(season::learned(self, path, season, columns.clone())?)
            }
            _ => None,
        };
        Ok(Against { columns, season, answers })
    }

    /// What the rows of a file look like, and the answers to them.
    fn learned(&self, path: &Path) -> Result<(Profile, Option<Profile>)> {
        if let Some(columns) = self.columns_learned(path)? {
            return Ok((columns, None));
        }
        let mut columns = match &self.together {
            Some(names) => ProfileLearner::with_together(names.clone()),
            None => ProfileLearner::default(),
        };
        let mut answers = ProfileLearner::default();
        let mut rows = RowsOf::new(self, path);
        rows.each(|part, asked| {
            columns.update(part)?;
            if let Asked::Answers(answered) = asked {
                answers.update(&answered.to_table()?)?;
            }
            Ok(())
        })?;
        Ok((columns.finish(), rows.has_answered().then(|| answers.finish())))
    }

    fn window(
        &self,
        path: &Path,
        against: &Against,
        estimators: &mut Option<Estimators>,
    ) -> Result<Current> {
        if let Some(columns) = self.columns_counted(path, &against.columns)? {
            return Ok(Current { columns, answers: None, slots: Vec::new() });
        }
        let mut columns = Window::new(&against.columns);
        let mut answers = against.answers.as_ref().map(|(_, reference)| Window::new(reference));
        let mut slots = Vec::new();
        let mut rows = RowsOf::new(self, path);
        rows.each(|part, asked| {
            columns.update(&against.columns, part)?;
            if let (Some(season), Some(reference)) = (&self.season, &against.season) {
                let more = reference.slots_of(&season::moments(part, season)?);
                slots.resize(more.len(), 0);
                slots.iter_mut().zip(more).for_each(|(all, more)| *all += more);
            }
            let Asked::Answers(answered) = asked else { return Ok(()) };
            if let (Some(window), Some((_, reference))) = (&mut answers, &against.answers) {
                window.update(reference, &answered.to_table()?)?;
            }
            estimators.iter_mut().try_for_each(|all| all.take(part, &answered))
        })?;
        Ok(Current { columns, answers: answers.filter(|_| rows.has_answered()), slots })
    }
}
