//! How the new version met the one that held its alias, as a report shows it.

use gristmill_view::{
    Axis, Bar, BarForm, Bars, Block, Fact, Figure, Finding, Level, Section, Value,
};

use crate::comparison::{Comparison, PairedDifference};

pub(super) fn section(found: &Comparison) -> Section {
    let lead = "Both versions answered the same rows.";
    let section = Section::new("Champion and challenger").led(lead);
    let section =
        section.with(Block::Findings(vec![finding(found)])).with(Block::Facts(facts(found)));
    match &found.difference {
        Some(difference) => section.with(Block::Figures(vec![figure(found, difference)])),
        None => section,
    }
}

fn finding(found: &Comparison) -> Finding {
    let (challenger, champion) = (found.challenger.version, found.champion.version);
    let title = match found.promoted {
        true => format!("Version {challenger} took `{}` from version {champion}", found.alias),
        false => format!("Version {champion} keeps `{}`", found.alias),
    };
    let level = if found.promoted { Level::Good } else { Level::Note };
    Finding { level, title, detail: Some(found.words()) }
}

fn facts(found: &Comparison) -> Vec<Fact> {
    let score = |score: Option<f64>| score.map_or(Value::Absent, Value::Number);
    let (challenger, champion) = (&found.challenger, &found.champion);
    vec![
        Fact::new("metric", found.metric.clone()),
        Fact::new("rows", Value::Count(found.rows as u64)),
        Fact::new(format!("version {}", challenger.version), score(challenger.score)),
        Fact::new(format!("version {}", champion.version), score(champion.score)),
        Fact::new(
            "p",
            found.difference.as_ref().map_or(Value::Absent, |d| Value::Number(d.p_value)),
        ),
    ]
}

fn figure(found: &Comparison, difference: &PairedDifference) -> Figure {
    let name = format!("version {} less {}", found.challenger.version, found.champion.version);
    let bar = Bar::new(name, difference.value).within(difference.low, difference.high);
    let axis = Axis::number(format!("Difference of {}", found.metric));
    let drawn = difference.groups.map_or_else(|| "rows".into(), |n| format!("{n} groups"));
    let interval = gristmill_view::percent(difference.confidence);
    let reference = Some((0.0, "no difference".to_string()));
    let chart = Bars { axis, bars: vec![bar], form: BarForm::Dot, reference, ..Bars::default() };
    Figure::new("Difference", chart)
        .captioned(format!("With its {interval} interval, by drawing {drawn} anew."))
}
