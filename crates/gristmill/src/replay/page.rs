//! A replay as a page: the scores with and without the loop, and what the loop did.

use gristmill_core::Timestamp;
use gristmill_view::{
    Block, Fact, Figure, Guide, Headline, Lines, Point, Report, Section, Series, Stroke, Table,
    Value, render,
};

use super::{PeriodScore, Replay};
use crate::runs::moment_words;

pub(super) fn html(replay: &Replay) -> String {
    let mut report = Report::new(replay.model.clone());
    report.kind = "Replay of the loop".into();
    report.summary = Some(summary(replay));
    let score = |name: &str, value: f64| Headline {
        name: name.into(),
        value: Value::Number(value),
        note: Some(replay.metric.clone()),
    };
    report.headlines = vec![
        score("with the loop", replay.with_loop),
        score("trained once", replay.trained_once),
        Headline { name: "gain".into(), value: Value::Share(replay.gain), note: None },
    ];
    report.facts = vec![
        Fact::new("pipeline", replay.pipeline.clone()),
        Fact::new("rows answered", Value::Count(replay.rows as u64)),
        Fact::new("first trained on", Value::Count(replay.trained_on as u64)),
    ];
    let figures = Block::Figures(vec![figure(replay)]);
    report.sections.push(Section::new("Scores by period").with(figures));
    report.sections.push(Section::new("Periods").with(Block::Table(periods(&replay.periods))));
    report.sections.push(history(replay));
    render(&report)
}

/// The chart alone.
pub(super) fn chart(replay: &Replay) -> String {
    figure(replay).svg()
}

fn summary(replay: &Replay) -> String {
    let share = gristmill_view::percent(replay.gain.abs());
    let word = if replay.gain >= 0.0 { "better" } else { "worse" };
    format!(
        "Over {} periods `{}` is {share} {word} with the loop than of the version that was trained once.",
        replay.periods.len(),
        replay.metric
    )
}

fn figure(replay: &Replay) -> Figure {
    let line = |of: fn(&PeriodScore) -> Option<f64>| points(&replay.periods, of);
    let once = Series {
        stroke: Stroke::Dashed,
        ..Series::new("trained once", line(|period| period.trained_once))
    };
    let with_loop = Series::new("with the loop", line(|period| period.with_loop));
    let mut lines = Lines::over_time(replay.metric.clone(), vec![with_loop, once]);
    lines.guides = replay.periods.windows(2).filter_map(moved).collect();
    Figure::new(format!("{} by period", replay.metric), lines)
        .captioned("Upright lines: another version answers from here on.")
}

/// The scores of periods, with a gap where some are without rows.
fn points(periods: &[PeriodScore], of: fn(&PeriodScore) -> Option<f64>) -> Vec<Point> {
    let mut points = Vec::new();
    let mut ended = None;
    for period in periods {
        if ended.is_some_and(|ended| ended != period.from) {
            points.push(Point::new(period.from.0 as f64, f64::NAN));
        }
        points.push(Point::new(period.from.0 as f64, of(period).unwrap_or(f64::NAN)));
        ended = Some(period.to);
    }
    points
}

/// Where another version takes over.
fn moved(two: &[PeriodScore]) -> Option<Guide> {
    let [before, after] = two else { return None };
    let at = after.from.0 as f64;
    let label = after.version.to_string();
    (before.version != after.version).then_some(Guide::Upright { at, label })
}

fn periods(periods: &[PeriodScore]) -> Table {
    let names = ["From", "Rows", "Version", "With the loop", "Trained once", "When it was over"];
    let number = |value: Option<f64>| value.map_or(Value::Absent, Value::Number);
    let row = |period: &PeriodScore| {
        vec![
            Value::Text(day(period.from)),
            Value::Count(period.rows as u64),
            Value::Count(u64::from(period.version)),
            number(period.with_loop),
            number(period.trained_once),
            Value::Text(period.steps.iter().map(|step| what(step)).collect::<Vec<_>>().join(", ")),
        ]
    };
    let rows = periods.iter().map(row).collect();
    Table { columns: names.iter().map(ToString::to_string).collect(), rows }
}

/// What was done, without its reasons, which the history below has.
fn what(step: &str) -> &str {
    step.split(": ").next().unwrap_or(step)
}

fn day(at: Timestamp) -> String {
    moment_words(at).chars().take(10).collect()
}

fn history(replay: &Replay) -> Section {
    let row = |line: &crate::models::HistoryLine| {
        vec![Value::Text(moment_words(line.at)), Value::Text(line.words.clone())]
    };
    let rows = replay.history.iter().map(row).collect();
    let columns = ["When", "What happened"].iter().map(ToString::to_string).collect();
    Section::new("History").with(Block::Table(Table { columns, rows }))
}
