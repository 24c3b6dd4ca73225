//! A line of a model's history with what it stands on.

use gristmill_track::{Finding, ModelEvent, WhatHappened};
use gristmill_view::{Event, Evidence, Fact, Level, Table, Value};
use serde_json::Value as Json;

use crate::comparison::Comparison;
use crate::monitor::{Meeting, SliceMeeting};

/// How many slices are listed.
const SLICES: usize = 50;

pub(super) fn event(line: &ModelEvent) -> Event {
    Event {
        at: line.note.at.0,
        what: line.what.to_string(),
        level: level(line.what),
        of: of(line),
        by: line.note.who.clone(),
        why: line.note.why.clone(),
        evidence: evidence(&line.detail),
    }
}

fn level(what: WhatHappened) -> Level {
    match what {
        WhatHappened::AliasSet | WhatHappened::WatchPassed => Level::Good,
        WhatHappened::Alarm | WhatHappened::Refused => Level::Warning,
        WhatHappened::RolledBack => Level::Problem,
        _ => Level::Note,
    }
}

fn of(line: &ModelEvent) -> Option<String> {
    let version = line.version.map(|version| format!("version {version}"));
    let alias = line.alias.as_ref().map(|alias| format!("`{alias}`"));
    let parts: Vec<String> = version.into_iter().chain(alias).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// What came with a line, where that is something that is known here.
fn evidence(detail: &Json) -> Option<Evidence> {
    if detail.is_null() {
        return None;
    }
    if let Ok(meeting) = serde_json::from_value::<Meeting>(detail.clone()) {
        return Some(of_meeting(&meeting));
    }
    if let Some(finding) = detail.get("finding") {
        return serde_json::from_value(finding.clone()).ok().as_ref().map(of_finding);
    }
    let fields = detail.as_object()?.iter();
    let fact = |(name, value): (&String, &Json)| {
        let value = value.as_u64().map_or_else(|| Value::Text(value.to_string()), Value::Count);
        Fact::new(name.clone(), value)
    };
    let is_rows = detail.get("learned").is_some();
    let name = if is_rows { "its rows" } else { "what is known of it" }.into();
    Some(Evidence { name, facts: fields.map(fact).collect(), table: None })
}

fn of_meeting(meeting: &Meeting) -> Evidence {
    let table = (!meeting.slices.is_empty()).then(|| slices(&meeting.slices));
    Evidence { name: "the comparison".into(), facts: compared(&meeting.comparison), table }
}

fn compared(found: &Comparison) -> Vec<Fact> {
    let score = |score: Option<f64>| score.map_or(Value::Absent, Value::Number);
    let name = |version: u32| format!("{} of version {version}", found.metric);
    let mut facts = vec![
        Fact::new(name(found.challenger.version), score(found.challenger.score)),
        Fact::new(name(found.champion.version), score(found.champion.score)),
        Fact::new("rows", Value::Count(found.rows as u64)),
    ];
    if let Some(difference) = &found.difference {
        let (low, high) =
            (gristmill_view::number(difference.low), gristmill_view::number(difference.high));
        let interval = format!("{} interval", gristmill_view::percent(difference.confidence));
        facts.push(Fact::new("difference", Value::Number(difference.value)));
        facts.push(Fact::new(interval, format!("{low} to {high}")));
        facts.push(Fact::new("p", Value::Number(difference.p_value)));
    }
    facts
}

fn slices(slices: &[SliceMeeting]) -> Table {
    let columns = ["Where", "Rows", "New", "Before", "Surely worse"].map(String::from).to_vec();
    let row = |slice: &SliceMeeting| {
        vec![
            Value::Text(format!("{} is {}", slice.column, slice.value)),
            Value::Count(slice.rows as u64),
            Value::Number(slice.challenger),
            Value::Number(slice.champion),
            Value::Text(if slice.worse { "yes" } else { "no" }.into()),
        ]
    };
    Table { columns, rows: slices.iter().take(SLICES).map(row).collect() }
}

fn of_finding(finding: &Finding) -> Evidence {
    let found = &finding.found;
    let known = |value: Option<f64>| value.map_or(Value::Absent, Value::Number);
    let facts = vec![
        Fact::new(found.name.clone(), known(found.value)),
        Fact::new("threshold", known(found.threshold)),
        Fact::new("rows", Value::Count(found.rows)),
        Fact::new("from", Value::Moment(found.from.0)),
        Fact::new("to", Value::Moment(found.to.0)),
    ];
    Evidence { name: format!("the finding: {}", found.what), facts, table: None }
}
