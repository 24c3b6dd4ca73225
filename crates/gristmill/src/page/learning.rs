//! How the model learned, as a report draws it.

use gristmill_evaluate::curves::{LearningCurve, LearningPoint};
use gristmill_view::{Axis, Block, Figure, Lines, Point, Section, Series, Shape, Stroke};

use crate::evaluation::{Evaluation, RoundLosses};

/// The section, unless nothing is known.
pub(super) fn section(found: &Evaluation) -> Option<Section> {
    let learning = &found.learning;
    let mut figures = Vec::new();
    figures.extend(learning.rows.as_ref().map(by_rows));
    figures.extend(learning.rounds.as_ref().filter(|r| !r.points.is_empty()).map(by_rounds));
    let reason = learning.reason.as_ref().map(|reason| {
        Block::Text(format!("What fewer rows would teach could not be seen: {reason}."))
    });
    if figures.is_empty() && reason.is_none() {
        return None;
    }
    let section = Section::new("Learning").led("Whether more rows or more rounds would help.");
    let section = match figures.is_empty() {
        true => section,
        false => section.with(Block::Figures(figures)),
    };
    Some(match reason {
        Some(reason) => section.with(reason),
        None => section,
    })
}

/// Two lines over one axis: on rows that were not learned from, and on those that were.
fn lines(x: Axis, metric: &str, test: Vec<Point>, train: Vec<Point>) -> Lines {
    let series = |name: &str, points: Vec<Point>, stroke: Stroke| Series {
        name: name.into(),
        points,
        stroke,
        ..Series::default()
    };
    Lines {
        x,
        y: Axis::number(metric),
        series: vec![
            series("test", test, Stroke::Solid),
            series("training", train, Stroke::Dashed),
        ],
        guides: Vec::new(),
        shape: Shape::Normal,
    }
}

fn by_rows(curve: &LearningCurve) -> Figure {
    let points = |score: fn(&LearningPoint) -> f64| -> Vec<Point> {
        curve.points.iter().map(|p| Point::new(p.rows, score(p))).collect()
    };
    let x = Axis { from: Some(0.0), ..Axis::number("Training rows") };
    let chart = lines(x, &curve.metric, points(|p| p.test.mean), points(|p| p.train.mean));
    Figure::new("Learning curve", chart)
        .captioned("Where the line of the test still rises, more rows would help.")
}

fn by_rounds(losses: &RoundLosses) -> Figure {
    let points = |loss: fn(&crate::evaluation::RoundLoss) -> f64| -> Vec<Point> {
        losses.points.iter().map(|p| Point::new(p.rounds as f64, loss(p))).collect()
    };
    let x = Axis { from: Some(0.0), ..Axis::number("Rounds of boosting") };
    let chart = lines(x, &losses.metric, points(|p| p.test), points(|p| p.train));
    Figure::new("Loss by round", chart)
        .captioned("Where the line of the test rises again, fewer rounds would do better.")
}
