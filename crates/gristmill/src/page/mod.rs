//! The report of a run: one HTML page out of what the store and the run's artifacts know.

mod champion;
mod columns;
mod explained;
mod figures;
mod learning;
mod model;
mod search;

pub use self::model::{ModelPage, model_report};

use std::collections::BTreeMap;
use std::path::Path;

use gristmill_evaluate::{LeakKind, Severity};
use gristmill_track::{RunId, TaskRecord, tags};
use gristmill_view::{
    Block, CrossValidated, Dag, DagTask, Fact, Figure, Gate, Headline, Level, MetricRow, Report,
    Score, Section, TaskState, Value, Verdict, render,
};

use crate::evaluation::{self, Evaluation};
use crate::keeper::Keeper;
use crate::report::{RunDetails, TaskLine};
use crate::select::SearchOutcome;
use crate::{Home, Result, runs, trials};

/// How many metrics stand large at the head of the page.
const HEADLINES: usize = 4;

/// The report of a run as one HTML page that needs no network. `run` is its id, the start of it, or
/// `latest`.
///
/// # Errors
/// When there is no such run, or what it kept is damaged.
pub fn report(home: &Home, run: &str) -> Result<Page> {
    let keeper = Keeper::open(home)?;
    let id = keeper.find_run(run)?;
    of_run(&keeper, id)
}

/// The report of the run of this id.
pub(crate) fn of_run(keeper: &Keeper, id: RunId) -> Result<Page> {
    let kept = Kept::read(keeper, id)?;
    let details = runs::details(keeper, keeper.wait(|s| s.run(id))?)?;
    let tasks = keeper.wait(|s| s.tasks(id))?;
    Ok(Page {
        html: render(&page(&details, &tasks, &kept)),
        run_id: details.summary.run_id,
        pipeline: details.summary.pipeline,
    })
}

/// A page about a run.
#[derive(Clone, Debug)]
pub struct Page {
    /// The page itself.
    pub html: String,
    /// The run it is about.
    pub run_id: String,
    /// The run's pipeline.
    pub pipeline: String,
}

impl Page {
    /// What a file with the page is called unless someone says otherwise.
    pub fn file_name(&self) -> String {
        let run: String = self.run_id.chars().take(8).collect();
        format!("report-{}-{run}.html", self.pipeline)
    }

    /// Writes the page to `path`, whole or not at all.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        save_html(&self.html, path)
    }
}

/// Writes a page to `path`, whole or not at all.
pub(crate) fn save_html(html: &str, path: &Path) -> Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = path.with_file_name(format!(".{name}.{}", std::process::id()));
    let written = fs_err::write(&beside, html).and_then(|()| fs_err::rename(&beside, path));
    if written.is_err() {
        // Nothing may be there to remove; the error that counts is the one above.
        let _ = fs_err::remove_file(&beside);
    }
    Ok(written?)
}

/// What a run kept as artifacts.
struct Kept {
    evaluation: Option<Evaluation>,
    search: Option<SearchOutcome>,
    file: Option<String>,
}

impl Kept {
    fn read(keeper: &Keeper, run: RunId) -> Result<Self> {
        let read = |name: &str| trials::artifact(keeper, run, name);
        let evaluation = read(evaluation::FILE)?.map(|json| Evaluation::from_json(&json));
        let search = trials::outcome(keeper, run)?;
        let file = read("pipeline.yaml")?.map(|text| String::from_utf8_lossy(&text).into_owned());
        Ok(Self { evaluation: evaluation.transpose()?, search, file })
    }
}

fn page(details: &RunDetails, tasks: &[TaskRecord], kept: &Kept) -> Report {
    let mut report = Report::new(details.summary.pipeline.clone());
    report.summary = Some(outcome(details));
    report.facts = facts(details);
    if let Some(found) = &kept.evaluation {
        report.headlines = headlines(found);
        report.sections.extend(scores(found, &details.params));
    }
    report.sections.extend(kept.search.as_ref().map(search::section));
    if let Some(found) = &kept.evaluation {
        report.sections.extend(looks(found));
    }
    if let Some(steps) = &details.steps_text {
        report.sections.push(Section::new("Steps").with(Block::Code(steps.clone())));
    }
    if !tasks.is_empty() {
        report.sections.push(work(details, tasks));
    }
    report.sections.push(settings(details, kept.file.as_deref()));
    report
}

/// How good the model is, and what that is worth.
fn scores(found: &Evaluation, params: &BTreeMap<String, String>) -> Vec<Section> {
    let rows = Block::Metrics(metric_rows(found, params));
    let mut section = Section::new("Scores").led(scored_on(found)).with(rows);
    let folds = figures::folds(found);
    if !folds.is_empty() {
        section = section.with(Block::Figures(folds));
    }
    let mut sections = vec![findings(found), section];
    sections.extend(found.comparison.as_ref().map(champion::section));
    sections
}

/// What the model does, where, and why.
fn looks(found: &Evaluation) -> Vec<Section> {
    let mut sections = Vec::new();
    let curves = figures::answers(found);
    if !curves.is_empty() {
        sections.push(Section::new("Answers").with(Block::Figures(curves)));
    }
    let slices = figures::slices(found);
    if !slices.is_empty() {
        let lead = "Where the model is good, and where it is not.";
        sections.push(Section::new("Slices").led(lead).with(Block::Figures(slices)));
    }
    sections.extend(explained::section(found));
    sections.extend(learning::section(found));
    if let Some(profile) = &found.profile {
        let lead = "The rows that the model learned from, column by column.";
        let columns = Block::Columns(columns::summaries(profile));
        sections.push(Section::new("Data").led(lead).with(columns));
    }
    sections
}

fn scored_on(found: &Evaluation) -> String {
    let rows = gristmill_view::count(found.rows as u64);
    match found.part.as_str() {
        "test" => format!("On {rows} rows that the model did not learn from."),
        _ => format!("On the {rows} rows that the model learned from: no row was held out."),
    }
}

fn outcome(details: &RunDetails) -> String {
    let RunDetails { summary, error, .. } = details;
    match (summary.status.as_str(), error) {
        ("refused", Some(missed)) => format!("Refused by its gate: {missed}"),
        (status, Some(error)) => format!("{}: {error}", capital(status)),
        (status, None) => capital(status),
    }
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect::<String>())
}

fn facts(details: &RunDetails) -> Vec<Fact> {
    let summary = &details.summary;
    let seconds = summary.seconds.map_or(Value::Absent, Value::Seconds);
    let mut facts = vec![
        Fact::new("run", Value::Code(summary.run_id.clone())),
        Fact::new("started", Value::Moment(summary.started.0)),
        Fact::new("took", seconds),
    ];
    if let Some(of) = &details.part_of {
        facts.push(Fact::new("part of", Value::Code(of.run_id.clone())));
    }
    // What a trial was is told by its steps and its scores, not by the texts that others read.
    let told = |name: &&String| name.starts_with("gristmill.trial.") || *name == tags::PARENT_RUN;
    let others = details.tags.iter().filter(|(name, _)| !told(name));
    facts.extend(others.map(|(name, value)| {
        let name = name.rsplit('.').next().unwrap_or(name).replace('_', " ");
        Fact::new(name, Value::Code(value.clone()))
    }));
    facts
}

fn headlines(found: &Evaluation) -> Vec<Headline> {
    let scores =
        if found.metrics.test.is_empty() { &found.metrics.train } else { &found.metrics.test };
    let headline = |(name, value): (&String, &f64)| Headline {
        name: name.clone(),
        value: Value::Number(*value),
        note: found.metrics.cv.get(name).map(|cv| {
            let (mean, std) = (gristmill_view::number(cv.mean), gristmill_view::number(cv.std));
            format!("{mean} ± {std} over {} folds", cv.folds.len())
        }),
    };
    scores.iter().take(HEADLINES).map(headline).collect()
}

fn metric_rows(found: &Evaluation, params: &BTreeMap<String, String>) -> Vec<MetricRow> {
    let metrics = &found.metrics;
    let held_out = !metrics.test.is_empty();
    let interval = |name: &str| found.intervals.get(name).map(|i| (i.low, i.high));
    let score = |value: f64, interval| Score { value, interval };
    metrics
        .train
        .iter()
        .map(|(name, &train)| MetricRow {
            name: name.clone(),
            train: Some(score(train, interval(name).filter(|_| !held_out))),
            test: metrics.test.get(name).map(|&test| score(test, interval(name))),
            cross_validated: metrics.cv.get(name).map(|cv| CrossValidated {
                mean: cv.mean,
                deviation: cv.std,
                folds: cv.folds.len() as u64,
            }),
            gate: gate(name, metrics.test.get(name).copied(), params),
        })
        .collect()
}

/// What the file requires of a metric, and whether it was met.
fn gate(name: &str, test: Option<f64>, params: &BTreeMap<String, String>) -> Option<Gate> {
    let wanted: f64 = params.get(&format!("evaluate.require.{name}"))?.parse().ok()?;
    let require = gristmill_evaluate::Require(BTreeMap::from([(name.to_string(), wanted)]));
    let missed = require.misses(&BTreeMap::from([(name.to_string(), test?)])).ok()?;
    let greater = gristmill_evaluate::Metric::named(name).ok()?.greater_is_better();
    let bound = if greater { "at least" } else { "at most" };
    Some(Gate {
        wanted: format!("{bound} {}", gristmill_view::number(wanted)),
        verdict: if missed.is_empty() { Verdict::Met } else { Verdict::Missed },
    })
}

fn findings(found: &Evaluation) -> Section {
    let warnings = found.findings.iter().map(|finding| gristmill_view::Finding {
        level: match finding.severity {
            Severity::Warning => Level::Warning,
            Severity::Notice => Level::Note,
        },
        title: match &finding.column {
            Some(column) => format!("{} {}", column, leak(finding.kind)),
            None => capital(leak(finding.kind)),
        },
        detail: Some(format!("{}; {}", finding.evidence, finding.remedy)),
    });
    let mut findings: Vec<_> = warnings.collect();
    if findings.is_empty() {
        findings.push(gristmill_view::Finding {
            level: Level::Good,
            title: "No sign of leakage".into(),
            detail: Some(
                "No column predicts the target alone, no row is both in training and test, and \
                 no id is a feature."
                    .into(),
            ),
        });
    }
    Section::new("Findings").with(Block::Findings(findings))
}

fn leak(kind: LeakKind) -> &'static str {
    match kind {
        LeakKind::PredictsAlone => "predicts the target alone",
        LeakKind::SharedRows => "the same rows in training and test",
        LeakKind::TimeBackwards => "the test is earlier than the training",
        LeakKind::NamesRows => "names rows",
    }
}

/// The tasks of the run and what became of them.
fn work(details: &RunDetails, tasks: &[TaskRecord]) -> Section {
    let task = |(line, record): (&TaskLine, &TaskRecord)| DagTask {
        name: line.name.clone(),
        needs: needs(record, tasks),
        state: state(line),
        seconds: (!line.cached).then_some(line.seconds),
        note: record.reason.clone(),
    };
    let tasks = details.tasks.iter().zip(tasks).map(task).collect();
    let figure = Figure::new("Tasks", Dag { tasks });
    Section::new("Work").with(Block::Figures(vec![figure]))
}

/// The tasks whose results a task took, as its record says.
fn needs(record: &TaskRecord, tasks: &[TaskRecord]) -> Vec<String> {
    let taken = record.inputs["needs"].as_object();
    let known = |name: &&String| tasks.iter().any(|task| &task.name == *name);
    taken.into_iter().flat_map(|needs| needs.keys()).filter(known).cloned().collect()
}

fn state(line: &TaskLine) -> TaskState {
    match (line.status.as_str(), line.cached) {
        ("succeeded", true) => TaskState::Cached,
        ("succeeded", false) => TaskState::Done,
        ("running", _) => TaskState::Running,
        ("pending", _) => TaskState::Waiting,
        ("skipped", _) => TaskState::Skipped,
        _ => TaskState::Failed,
    }
}

fn settings(details: &RunDetails, file: Option<&str>) -> Section {
    let fact = |(name, value): (&String, &String)| Fact::new(name.clone(), value.clone());
    let params = Block::Facts(details.params.iter().map(fact).collect());
    let section = Section::new("Settings").with(params);
    match file {
        Some(text) => section.with(Block::Code(text.to_string())),
        None => section,
    }
}
