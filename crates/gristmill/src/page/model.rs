//! The report of a model: how it did over time, what its loop made of that, and its versions.

mod chart;
mod timeline;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use gristmill_core::Clock;
use gristmill_track::{Finding, Model, ModelEvent, ModelVersion, Page as Part};
use gristmill_view::{
    Block, Fact, Figure, Finding as Remark, Headline, Level, Report, Section, Table, Value, render,
};

use super::{capital, save_html};
use crate::keeper::Keeper;
use crate::monitor::{FindingsAsked, MonitorReport, standing_of, watching};
use crate::{Home, Result};

/// How many of the last findings are drawn.
const FINDINGS: u32 = 5_000;
/// How many versions are listed.
const VERSIONS: Part = Part { limit: 500, offset: 0 };
/// How many metrics have a column in the list of versions.
const METRICS: usize = 5;

/// The report of a model as one HTML page that needs no network.
///
/// # Errors
/// When there is no such model, or the home cannot be used.
pub fn model_report(home: &Home, model: &str, clock: &dyn Clock) -> Result<ModelPage> {
    let keeper = Arc::new(Keeper::open(home)?);
    let known = keeper.wait(|s| s.model(model))?;
    let watching = watching(home, &keeper, model)?;
    let asked = FindingsAsked::Last(FINDINGS);
    let mut standing = standing_of(&keeper, model, watching.as_ref(), asked, clock.now())?;
    let found = Known {
        versions: keeper.wait(|s| s.versions(model, VERSIONS))?,
        history: keeper.wait(|s| s.history(model))?,
        findings: std::mem::take(&mut standing.findings),
        model: known,
        standing,
    };
    Ok(ModelPage { html: render(&page(&found)), model: model.into() })
}

/// A page about a model.
#[derive(Clone, Debug)]
pub struct ModelPage {
    /// The page itself.
    pub html: String,
    /// The model it is about.
    pub model: String,
}

impl ModelPage {
    /// What a file with the page is called unless someone says otherwise. A model may be called anything, a file
    /// may not.
    pub fn file_name(&self) -> String {
        let plain =
            |c: char| if c.is_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '_' };
        let name: String = self.model.chars().take(60).map(plain).collect();
        format!("report-{name}.html")
    }

    /// Writes the page to `path`, whole or not at all.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        save_html(&self.html, path)
    }
}

/// What is known of a model.
struct Known {
    model: Model,
    versions: Vec<ModelVersion>,
    history: Vec<ModelEvent>,
    findings: Vec<Finding>,
    /// Its findings are above.
    standing: MonitorReport,
}

impl Known {
    /// The alias whose version is watched.
    fn alias(&self) -> &str {
        self.standing.alias.as_deref().unwrap_or(gristmill_track::CHAMPION)
    }
}

fn page(found: &Known) -> Report {
    let mut report = Report::new(found.model.name.clone());
    report.kind = "Model report".into();
    report.summary = Some(format!("{}.", capital(&found.standing.headline())));
    report.headlines = headlines(found);
    report.facts = facts(found);
    report.sections = vec![over_time(found), standing(found), events(found), versions(found)];
    report
}

fn headlines(found: &Known) -> Vec<Headline> {
    let headline = |name: &str, value: Value, note: Option<String>| Headline {
        name: name.into(),
        value,
        note,
    };
    let held = found.standing.champion.map_or(Value::Absent, |number| number.to_string().into());
    let mut headlines = vec![headline("version", held, Some(format!("holds {}", found.alias())))];
    for (name, last, version) in chart::lasts(&found.findings) {
        headlines.push(headline(&name, last, Some(format!("last of version {version}"))));
    }
    let wrong = found.standing.wrong.len() as u64;
    headlines.push(headline("alarms", Value::Count(wrong), None));
    headlines
}

fn facts(found: &Known) -> Vec<Fact> {
    let standing = &found.standing;
    let pipeline = standing.pipeline.clone().map_or(Value::Absent, Value::Text);
    let mut facts = vec![
        Fact::new("watched by the pipeline", pipeline),
        Fact::new("versions", Value::Count(found.versions.len() as u64)),
        Fact::new("registered", Value::Moment(found.model.created.0)),
        Fact::new("changed", Value::Moment(found.model.updated.0)),
    ];
    if !found.model.description.is_empty() {
        facts.push(Fact::new("description", found.model.description.clone()));
    }
    facts
}

fn over_time(found: &Known) -> Section {
    let section = Section::new("Over time");
    match chart::timeline(found) {
        Some(chart) => {
            let caption = "Upright lines: what became of versions. A line breaks where another version answers.";
            let figure = Figure::new("Drift and performance", chart).captioned(caption);
            section.with(Block::Figures(vec![figure]))
        }
        None => {
            let words = "Nothing was found of it yet while it answered: `gristmill up` judges what models are asked.";
            section.with(Block::Text(words.into()))
        }
    }
}

/// Where the loop stands, and what is wrong now.
fn standing(found: &Known) -> Section {
    let standing = &found.standing;
    let mut remarks: Vec<Remark> = standing
        .wrong
        .iter()
        .map(|wrong| Remark {
            level: Level::Warning,
            title: format!("{} since {}", capital(&wrong.occasion), moment(wrong.since.0)),
            detail: Some(wrong.words.clone()),
        })
        .collect();
    if remarks.is_empty() && standing.phase.is_some() {
        remarks.push(Remark { level: Level::Good, title: "Nothing is wrong".into(), detail: None });
    }
    let mut facts = vec![Fact::new("now", standing.headline())];
    facts.extend(standing.why.clone().map(|why| Fact::new("why", why)));
    facts.extend(standing.next().map(|next| Fact::new("the next retraining", next)));
    facts.extend(standing.stepped.map(|at| Fact::new("last step", Value::Moment(at.0))));
    let mut section = Section::new("The loop");
    if !remarks.is_empty() {
        section = section.with(Block::Findings(remarks));
    }
    section = section.with(Block::Facts(facts));
    if let Some(approval) = &standing.approval {
        let how = format!("{}\n{}", approval.approve, approval.decline);
        section = section.with(Block::Title("To approve, or to decline".into()));
        section = section.with(Block::Code(how));
    }
    section
}

fn moment(micros: i64) -> String {
    Value::Moment(micros).words()
}

fn events(found: &Known) -> Section {
    let lead = "The latest first. What a comparison or an alarm stands on opens below its reason.";
    let events = found.history.iter().rev().map(timeline::event).collect();
    Section::new("History").led(lead).with(Block::Events(events))
}

fn versions(found: &Known) -> Section {
    let scores = |version: &ModelVersion| -> Vec<(String, f64)> {
        let scores = version.metrics.as_object().into_iter().flatten();
        scores.filter_map(|(name, score)| Some((name.clone(), score.as_f64()?))).collect()
    };
    let names: BTreeSet<String> =
        found.versions.iter().flat_map(scores).map(|(name, _)| name).collect();
    let names: Vec<String> = names.into_iter().take(METRICS).collect();
    let fixed = ["Version", "Registered (UTC)", "Aliases"].map(String::from);
    let row = |version: &ModelVersion| {
        let known = scores(version);
        let score = |name: &String| {
            let found = known.iter().find(|(other, _)| other == name);
            found.map_or(Value::Absent, |(_, score)| Value::Number(*score))
        };
        let aliases = match version.aliases.is_empty() {
            true => Value::Absent,
            false => version.aliases.join(", ").into(),
        };
        let fixed =
            [Value::Text(version.version.to_string()), Value::Moment(version.created.0), aliases];
        fixed.into_iter().chain(names.iter().map(score)).collect()
    };
    let rows = found.versions.iter().map(row).collect();
    let columns = fixed.into_iter().chain(names.iter().cloned()).collect();
    Section::new("Versions")
        .led("With their scores on the rows that were held out when they were trained.")
        .with(Block::Table(Table { columns, rows }))
}

#[cfg(test)]
mod tests;
