//! `gristmill drift MODEL --input ROWS`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use gristmill::{
    ColumnDrift, Correction, Drift, DriftChanges, DriftRate, DriftReason, DriftTest, Estimate,
    Kind, MultivariateDrift, MultivariateMethod, Season, SeasonSettings, Selector, TogetherDrift,
    VectorDrift,
};

use crate::context::Context;
use crate::show;

/// Say whether rows still look like those that a model learned from
#[derive(Debug, Args)]
pub struct Arguments {
    /// `name`, `name@alias`, `name/version`, or the path of a package
    model: String,
    /// The file with the rows
    #[arg(long, short, value_name = "ROWS")]
    input: PathBuf,
    /// A file with the rows to compare with [default: what the model learned from]
    #[arg(long, value_name = "ROWS")]
    reference: Option<PathBuf>,
    /// Where to write a page about it
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// How columns are compared [default: as `monitor:` in the model's file says, else psi]
    #[arg(long, value_name = "TEST")]
    test: Option<Test>,
    /// From where on a column has moved [default: 0.2 for psi, 0.1 for js and wasserstein, p-values
    /// below 0.05 for ks and chi2]
    #[arg(long, value_name = "NUMBER")]
    threshold: Option<f64>,
    /// The share of columns that must have moved [default: 0.3]
    #[arg(long, value_name = "SHARE")]
    share: Option<f64>,
    /// Which columns are compared: names, globs or types, separated by commas [default: all]
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    columns: Vec<String>,
    /// How p-values are corrected for the number of columns [default: benjamini-hochberg]
    #[arg(long, value_name = "METHOD")]
    correction: Option<Corrected>,
    /// Fewer rows than that are not judged [default: 100]
    #[arg(long, value_name = "N")]
    min_rows: Option<u64>,
    /// With `--reference`: compare with rows of the same hours or days, which `--time` tells
    #[arg(long, value_name = "SEASON", requires = "time")]
    season: Option<Slots>,
    /// The column that says when a row was, for `--season`
    #[arg(long, value_name = "COLUMN", requires = "season")]
    time: Option<String>,
    /// With `--reference`: also compare all columns together, by what rows lose on the way through principal
    /// components, or by how well a classifier tells the rows apart
    #[arg(long, value_name = "METHOD")]
    multivariate: Option<Together>,
    /// Rows have drifted also when `--multivariate` says so
    #[arg(long, requires = "multivariate")]
    multivariate_counts: bool,
    /// Do not ask the model for its answers
    #[arg(long)]
    without_answers: bool,
    /// End with exit code 3 when the rows have drifted
    #[arg(long)]
    fail_on_drift: bool,
}

/// The tests by their names on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Test {
    Psi,
    Ks,
    Chi2,
    Js,
    Wasserstein,
}

impl From<Test> for DriftTest {
    fn from(test: Test) -> Self {
        match test {
            Test::Psi => Self::Psi,
            Test::Ks => Self::Ks,
            Test::Chi2 => Self::Chi2,
            Test::Js => Self::Js,
            Test::Wasserstein => Self::Wasserstein,
        }
    }
}

/// The corrections by their names on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Corrected {
    None,
    #[value(alias = "benjamini_hochberg")]
    BenjaminiHochberg,
    Holm,
    Bonferroni,
}

impl From<Corrected> for Correction {
    fn from(corrected: Corrected) -> Self {
        match corrected {
            Corrected::None => Self::None,
            Corrected::BenjaminiHochberg => Self::BenjaminiHochberg,
            Corrected::Holm => Self::Holm,
            Corrected::Bonferroni => Self::Bonferroni,
        }
    }
}

/// The seasons by their names on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Slots {
    #[value(alias = "hour_of_day")]
    HourOfDay,
    #[value(alias = "day_of_week")]
    DayOfWeek,
    #[value(alias = "hour_of_week")]
    HourOfWeek,
}

impl From<Slots> for Season {
    fn from(slots: Slots) -> Self {
        match slots {
            Slots::HourOfDay => Self::HourOfDay,
            Slots::DayOfWeek => Self::DayOfWeek,
            Slots::HourOfWeek => Self::HourOfWeek,
        }
    }
}

/// The ways of comparing all columns together by their names on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Together {
    Reconstruction,
    Domain,
}

impl From<Together> for MultivariateMethod {
    fn from(method: Together) -> Self {
        match method {
            Together::Reconstruction => Self::Reconstruction,
            Together::Domain => Self::Domain,
        }
    }
}

impl Arguments {
    fn changes(&self) -> DriftChanges {
        let words = self.columns.iter().map(|word| Selector::word(word.trim())).collect::<Vec<_>>();
        DriftChanges {
            test: self.test.map(Into::into),
            threshold: self.threshold,
            share: self.share,
            columns: (!words.is_empty()).then_some(Selector::List(words)),
            correction: self.correction.map(Into::into),
            min_rows: self.min_rows,
            reference: self.reference.clone(),
            season: self
                .season
                .zip(self.time.clone())
                .map(|(by, time)| SeasonSettings { by: by.into(), time }),
            multivariate: self.multivariate.map(Into::into),
            multivariate_counts: self.multivariate_counts,
            without_answers: self.without_answers,
        }
    }
}

pub fn run(arguments: &Arguments, context: &Context) -> anyhow::Result<ExitCode> {
    let found =
        gristmill::drift(&context.home, &arguments.model, &arguments.input, &arguments.changes())?;
    for note in &found.notes {
        context.say(&format!("note: {note}"));
    }
    if let Some(path) = &arguments.output {
        found.save(path)?;
        context.say(&format!("wrote {}", path.display()));
    }
    context.print(&found, || drawn(&found))?;
    let fails = arguments.fail_on_drift && found.report.drifted;
    Ok(if fails { ExitCode::from(Kind::Refused.exit_code()) } else { ExitCode::SUCCESS })
}

fn drawn(found: &Drift) -> String {
    let report = &found.report;
    let verdict = match (report.enough, report.drifted) {
        (false, _) => "too few rows to judge",
        (true, true) => "drifted",
        (true, false) => "not drifted",
    };
    let mut columns = table(report.by_movement().into_iter());
    report.together.iter().for_each(|found| {
        columns.add_row(together(found));
    });
    let mut text = show::draw(&columns);
    text.push_str(&format!(
        "\n\n{} of {} columns moved in {} rows: {verdict}",
        report.moved(),
        report.compared(),
        report.rows
    ));
    text.extend(found.multivariate.as_ref().map(|found| format!("\n{}", all_together(found))));
    if let Some(answers) = &found.answers {
        text.push_str(&format!("\n\n{}", show::draw(&table(answers.columns.iter()))));
    }
    if let Some(estimates) = found.estimate.as_ref().filter(|found| !found.is_empty()) {
        text.push_str(&format!("\n\n{}", show::draw(&estimated(estimates))));
    }
    text
}

fn table<'a>(columns: impl Iterator<Item = &'a ColumnDrift>) -> comfy_table::Table {
    let mut table = show::table(&["column", "moved", "test", "value", "threshold", "missing"]);
    for column in columns {
        table.add_row([
            column.name.clone(),
            moved(column),
            column.test.word().to_string(),
            value(column),
            show::number(column.threshold),
            rate(&column.missing),
        ]);
    }
    table
}

fn together(found: &TogetherDrift) -> [String; 6] {
    let moved = found.vectors.is_some_and(|v| v.moved).then_some("content");
    let missing = found.missing.changed.then_some("missing");
    let reasons: Vec<&str> = moved.into_iter().chain(missing).collect();
    let number = |of: fn(&VectorDrift) -> f64| {
        found.vectors.as_ref().map_or("-".into(), |vectors| show::number(of(vectors)))
    };
    [
        found.name(),
        if reasons.is_empty() { "no".into() } else { reasons.join(", ") },
        "embedding".into(),
        number(|v| v.auc),
        number(|v| v.threshold),
        rate(&found.missing),
    ]
}

/// A line about all columns.
fn all_together(found: &MultivariateDrift) -> String {
    let method = found.method.word();
    let moved = if found.drifted { "moved" } else { "as before" };
    let value = found.value.map_or("-".into(), show::number);
    let (error, threshold) = (show::number(found.standard_error), show::number(found.threshold));
    let counts = if found.counts { "" } else { ", which does not count" };
    format!("all together by {method}: {value} ± {error}, threshold {threshold}: {moved}{counts}")
}

/// What metrics of the rows probably are.
fn estimated(estimates: &BTreeMap<String, Estimate>) -> comfy_table::Table {
    let mut table = show::table(&["metric", "estimate", "standard error"]);
    for (name, estimate) in estimates {
        let numbers = [estimate.value, estimate.standard_error].map(show::number);
        table.add_row([vec![name.clone()], numbers.to_vec()].concat());
    }
    table
}

fn moved(column: &ColumnDrift) -> String {
    let word = |reason: &DriftReason| match reason {
        DriftReason::Values => "values",
        DriftReason::Missing => "missing",
        DriftReason::Unseen => "unseen",
        DriftReason::Content => "content",
    };
    match column.reasons.as_slice() {
        [] => "no".into(),
        reasons => reasons.iter().map(word).collect::<Vec<_>>().join(", "),
    }
}

fn rate(rate: &DriftRate) -> String {
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    let (before, now) = (rate.reference, rate.current);
    if before == 0.0 && now == 0.0 {
        return String::new();
    }
    format!("{} to {}", percent(before), percent(now))
}

fn value(column: &ColumnDrift) -> String {
    match column.value {
        None => "-".into(),
        Some(value) if value > 0.0 && value < 0.00005 => "<0.0001".into(),
        Some(value) => show::number(value),
    }
}
