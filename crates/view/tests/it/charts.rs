//! Every chart is well-formed, small and safe, whatever it is given; small ones are as they were.

use gristmill_view::*;

use crate::awkward;

/// Parses a chart and holds it to what every chart promises.
#[track_caller]
fn check(figure: &Figure) {
    let svg = figure.svg();
    let title = &figure.title;
    let parsed = roxmltree::Document::parse(&svg);
    let document = parsed.unwrap_or_else(|e| panic!("{title}: {e}"));
    let root = document.root_element();
    let first: Vec<&str> = root.children().take(2).map(|n| n.tag_name().name()).collect();
    assert_eq!(first, ["title", "desc"], "{title}: it says what it shows");
    for node in document.descendants() {
        assert_ne!(node.tag_name().name(), "script", "{title}");
        for attribute in node.attributes() {
            let (name, value) = (attribute.name(), attribute.value());
            assert!(!name.starts_with("on"), "{title}: {name}");
            assert!(!value.contains("NaN") && !value.contains("inf"), "{title}: {name}={value}");
        }
    }
    assert!(svg.len() < 400_000, "{title} takes {} bytes", svg.len());
    assert_eq!(svg, figure.svg(), "{title}: equal data give equal bytes");
}

#[test]
fn no_data_make_a_chart_fail() {
    awkward::figures().iter().for_each(check);
}

#[test]
fn every_mark_lies_on_the_drawing() {
    for figure in awkward::figures() {
        let svg = figure.svg();
        let document = roxmltree::Document::parse(&svg).expect("it is well-formed");
        let view: Vec<f64> = document
            .root_element()
            .attribute("viewBox")
            .expect("a view box")
            .split(' ')
            .map(|n| n.parse().expect("a number"))
            .collect();
        for node in document.descendants() {
            let place = |name| node.attribute(name).and_then(|v| v.parse::<f64>().ok());
            for (name, most) in [("cx", view[2]), ("x1", view[2]), ("cy", view[3]), ("y1", view[3])]
            {
                let inside = place(name).is_none_or(|at| (-20.0..=most + 20.0).contains(&at));
                assert!(inside, "{}: {name} of {node:?}", figure.title);
            }
        }
    }
}

#[test]
fn a_chart_without_data_says_so() {
    let svg = Figure::new("ROC", Lines::roc(vec![])).svg();
    assert!(svg.contains("Nothing to draw: no points"), "{svg}");
}

#[test]
fn a_gap_breaks_the_line() {
    let points = Point::zip(&[0.0, 1.0, 2.0, 3.0, 4.0], &[1.0, 2.0, f64::NAN, 2.0, 1.0]);
    let lines = Lines { series: vec![Series::new("", points)], ..Lines::default() };
    let svg = Figure::new("gap", lines).svg();
    let document = roxmltree::Document::parse(&svg).expect("it is well-formed");
    let mut paths = document.descendants().filter(|n| n.has_tag_name("path"));
    let path = paths.next().and_then(|n| n.attribute("d")).expect("the line has a path");
    assert_eq!(path.matches('M').count(), 2, "{path}");
}

#[test]
fn beside_each_other_names_stand_at_the_ends_and_else_in_a_key() {
    let line = |name: &str, end: f64| Series::new(name, Point::zip(&[0.0, 1.0], &[0.0, end]));
    let classes = |series| {
        let figure = Figure::new("t", Lines { series, ..Lines::default() });
        figure.svg().matches("class=\"name t").count()
    };
    assert_eq!(classes(vec![line("a", 1.0), line("b", 2.0)]), 2);
    assert_eq!(classes(vec![line("a", 1.0), line("b", 1.01)]), 0);
}

/// The drawing without its style, one element a line.
fn drawn(chart: impl Into<Chart>) -> String {
    let svg = Figure::new("small", chart).svg();
    let (before, after) = svg.split_once("<style>").expect("there is a style");
    let after = after.split_once("</style>").expect("it ends").1;
    format!("{before}{after}").replace("><", ">\n<")
}

#[test]
fn a_small_curve() {
    let points = Point::zip(&[0.0, 0.0, 0.5, 1.0], &[0.0, 0.5, 1.0, 1.0]);
    let curve = Curve { name: "test".to_string(), points, area: Some(0.875) };
    insta::assert_snapshot!(drawn(Lines::roc(vec![curve])));
}

#[test]
fn small_bars() {
    let bars = vec![Bar::new("b", 0.1), Bar::new("a & b", 0.3).within(0.2, 0.4)];
    insta::assert_snapshot!(drawn(Bars::importances("Loss", bars)));
}

#[test]
fn a_small_histogram() {
    insta::assert_snapshot!(drawn(Histogram::of(Axis::number("x"), &[("", &[0.0, 0.2, 0.9])], 2)));
}

#[test]
fn a_small_confusion_matrix() {
    let classes = vec!["No".to_string(), "Yes".to_string()];
    insta::assert_snapshot!(drawn(Confusion { classes, counts: vec![vec![8, 2], vec![1, 3]] }));
}

#[test]
fn small_folds() {
    let scores = vec![0.8, 0.85, 0.9, 0.82];
    let rows = vec![FoldRow { name: "ridge".to_string(), scores }];
    insta::assert_snapshot!(drawn(Folds { axis: Axis::number("r2"), rows }));
}

#[test]
fn a_small_dag() {
    let task = |name: &str, needs: &[&str], state| DagTask {
        name: name.to_string(),
        needs: needs.iter().map(|n| n.to_string()).collect(),
        state,
        seconds: Some(0.25),
        note: None,
    };
    let tasks = vec![
        task("ingest", &[], TaskState::Cached),
        task("train", &["ingest"], TaskState::Done),
        task("evaluate", &["ingest", "train"], TaskState::Failed),
    ];
    insta::assert_snapshot!(drawn(Dag { tasks }));
}

#[test]
fn what_happened_runs_through_all_charts_of_a_timeline() {
    let panel = |label: &str, values: &[f64]| Panel {
        y: Axis::number(label),
        series: vec![Series::new(label, Point::zip(&[0.0, 3.6e9, 7.2e9], values))],
        guides: Vec::new(),
    };
    let mark = |at, kind| Mark { at, kind, name: "v2".into(), words: "why".into() };
    let panels = vec![panel("drift", &[0.1, 0.4, 0.2]), panel("accuracy", &[0.8, 0.7, 0.9])];
    let marks = vec![mark(1.8e9, MarkKind::Promoted), mark(5.4e9, MarkKind::RolledBack)];
    let svg = Figure::new("Model", Timeline { panels: panels.clone(), marks }).svg();
    let document = roxmltree::Document::parse(&svg).expect("it is well-formed");
    let lines: Vec<[f64; 4]> = document
        .descendants()
        .filter(|node| node.attribute("class").is_some_and(|class| class.starts_with("event ")))
        .map(|node| {
            ["x1", "x2", "y1", "y2"].map(|name| node.attribute(name).unwrap().parse().unwrap())
        })
        .collect();
    let [first, second] = lines[..] else { panic!("{lines:?}") };
    // A chart is 170 high.
    assert_eq!((first[0], second[0]), (first[1], second[1]), "they stand upright");
    assert!(first[3] - first[2] > 2.0 * 170.0, "through both charts: {lines:?}");
    let word = |word: &str| svg.matches(word).count();
    assert_eq!((word(">promoted<"), word(">rolled back<"), word(">v2<")), (1, 1, 2));
    let alone = Figure::new("Model", Timeline { panels, marks: Vec::new() }).svg();
    assert!(!alone.contains("class=\"event") && !alone.contains("promoted"));
    assert!(Figure::new("Model", Timeline::default()).svg().contains("Nothing to draw"));
}
