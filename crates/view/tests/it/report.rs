//! The page of a report: well-formed, self-contained, small, safe, and the same every time.

use gristmill_view::*;

use crate::awkward;

/// The report of real figures that the gallery shows.
fn gallery() -> Report {
    serde_json::from_str(include_str!("../../examples/gallery.json")).expect("a report")
}

/// A page as XML: its elements without content have no end in HTML, which XML wants to see.
fn as_xml(html: &str) -> String {
    let html = html.strip_prefix("<!DOCTYPE html>").expect("it begins as HTML");
    let mut parts = html.split("<meta ");
    let mut xml = parts.next().unwrap_or_default().to_string();
    for part in parts {
        let (attributes, rest) = part.split_once('>').expect("the element ends");
        xml.push_str(&format!("<meta {attributes}/>{rest}"));
    }
    xml
}

/// Holds a page to what every page promises.
#[track_caller]
fn check(report: &Report) -> String {
    let html = render(report);
    let xml = as_xml(&html);
    let document = roxmltree::Document::parse(&xml).unwrap_or_else(|e| panic!("{e}"));
    let named = |name: &str| document.descendants().filter(|n| n.has_tag_name(name)).count();
    assert_eq!(named("script"), 1, "only ours");
    for tag in ["link", "iframe", "img", "object", "base", "form"] {
        assert_eq!(named(tag), 0, "{tag} would reach outside");
    }
    for node in document.descendants() {
        for attribute in node.attributes() {
            assert!(!attribute.name().starts_with("on"), "{}", attribute.name());
            let is_link = matches!(attribute.name(), "href" | "src");
            assert!(!is_link || attribute.value().starts_with('#'), "{}", attribute.value());
        }
    }
    assert_eq!(html, render(report), "equal reports give equal bytes");
    html
}

/// Every kind of block, all of them with one hostile name.
fn hostile(name: &str) -> Report {
    let text = name.to_string();
    let fact = || vec![Fact::new(name, name), Fact::new(name, Value::Code(text.clone()))];
    let finding =
        Finding { level: Level::Problem, title: text.clone(), detail: Some(text.clone()) };
    let gate = Some(Gate { wanted: text.clone(), verdict: Verdict::Missed });
    let metric = MetricRow {
        name: text.clone(),
        gate,
        train: Some(f64::NAN.into()),
        ..MetricRow::default()
    };
    let column = ColumnSummary {
        name: text.clone(),
        kind: text.clone(),
        role: Some(text.clone()),
        facts: fact(),
        sketch: Sketch::Words(vec![(text.clone(), 3)]),
        ..ColumnSummary::default()
    };
    let figure = Figure::new(name, Bars::importances(name, vec![Bar::new(name, 1.0).noted(name)]));
    let table = Table { columns: vec![text.clone()], rows: vec![vec![name.into(), 1.0.into()]] };
    let evidence = Evidence { name: text.clone(), facts: fact(), table: Some(table.clone()) };
    let event = Event {
        at: 0,
        what: text.clone(),
        level: Level::Good,
        of: Some(text.clone()),
        by: text.clone(),
        why: text.clone(),
        evidence: Some(evidence),
    };
    let blocks = [
        Block::Events(vec![event]),
        Block::Text(text.clone()),
        Block::Facts(fact()),
        Block::Metrics(vec![metric]),
        Block::Findings(vec![finding]),
        Block::Figures(vec![figure.captioned(name)]),
        Block::Columns(vec![column]),
        Block::Table(table),
        Block::Code(text.clone()),
    ];
    let section = blocks.into_iter().fold(Section::new(name).led(name), Section::with);
    Report {
        kind: text.clone(),
        summary: Some(text.clone()),
        headlines: vec![Headline {
            name: text.clone(),
            value: name.into(),
            note: Some(text.clone()),
        }],
        facts: fact(),
        sections: vec![section.clone(), section],
        ..Report::new(name)
    }
}

#[test]
fn a_report_of_real_figures_is_sound_and_under_half_a_megabyte() {
    let html = check(&gallery());
    assert!(html.len() < 500_000, "{} bytes", html.len());
}

#[test]
fn every_chart_of_ten_thousand_values_fits_under_a_megabyte() {
    let mut figures = awkward::figures();
    // A timeline is several charts: that it alone stays small is held beside all others.
    figures.retain(|f| f.title.contains("ten thousand") && !f.title.starts_with("timeline"));
    let kinds = figures.len();
    let section = Section::new("all").with(Block::Figures(figures));
    let html = check(&Report { sections: vec![section], ..Report::new("large") });
    assert!(kinds >= 19 && html.len() < 1_000_000, "{kinds} charts, {} bytes", html.len());
}

#[test]
fn hostile_names_stay_words() {
    for name in awkward::NAMES {
        let html = check(&hostile(name));
        assert!(!html.contains("<script>alert"), "{name}");
        let forbidden = |c: char| c.is_control() && !c.is_whitespace() || c == '\u{202e}';
        assert!(!html.contains(forbidden), "{name:?}");
    }
}

#[test]
fn five_thousand_columns_still_make_a_page() {
    let bins = Bin::of(&(0..500).map(|i| f64::from(i).sin()).collect::<Vec<_>>(), 24);
    let column = |i: u64| ColumnSummary {
        name: format!("column_{i}"),
        kind: "number".to_string(),
        rows: 500,
        missing: i % 500,
        facts: ["mean", "median", "min", "max"].map(|n| Fact::new(n, i as f64)).to_vec(),
        sketch: Sketch::Bins(bins.clone()),
        ..ColumnSummary::default()
    };
    let section = Section::new("Data").with(Block::Columns((0..5_000).map(column).collect()));
    let html = check(&Report { sections: vec![section], ..Report::new("wide") });
    assert!(html.contains("and 4,750 further columns") && html.len() < 1_000_000, "{}", html.len());
}

#[test]
fn an_empty_report_is_a_page() {
    let html = check(&Report::default());
    assert!(!html.contains("<nav"), "one section needs no contents");
}

#[test]
fn a_report_comes_back_from_json() {
    let report = gallery();
    let text = serde_json::to_string(&report).expect("a report is JSON");
    let back: Report = serde_json::from_str(&text).expect("JSON of ours");
    assert_eq!(render(&back), render(&report));
}

#[test]
fn a_score_shows_its_interval_and_its_gate() {
    let row = MetricRow {
        name: "roc_auc".to_string(),
        train: Some(0.9.into()),
        test: Some(Score { value: 0.85, interval: Some((0.8, 0.9)) }),
        cross_validated: Some(CrossValidated { mean: 0.84, deviation: 0.0123, folds: 5 }),
        gate: Some(Gate { wanted: "at least 0.80".to_string(), verdict: Verdict::Met }),
    };
    let section = Section::new("Metrics").with(Block::Metrics(vec![row]));
    let html = check(&Report { sections: vec![section], ..Report::new("churn") });
    for words in ["0.8500", "0.8000 <span>to 0.9000", "± 0.0123", "5 folds", "✓ at least 0.80"] {
        assert!(html.contains(words), "{words}");
    }
}
