//! The charts of a report, out of what is known of a model's answers.

use gristmill_evaluate::Slices;
use gristmill_evaluate::curves::{Bins, Residuals};
use gristmill_view::{
    Axis, Bar, Bars, Bin, Calibration, CalibrationBin, CalibrationCurve, Confusion, Curve, Figure,
    FoldRow, Folds, Histogram, HistogramGroup, Lines, Point, Scatter,
};

use crate::evaluation::{ClassCurves, Evaluation};

/// The scores of each fold, metric by metric; those of another scale have a chart of their own.
pub(super) fn folds(found: &Evaluation) -> Vec<Figure> {
    let row = |(name, scores): (&String, &crate::FoldScores)| FoldRow {
        name: name.clone(),
        scores: scores.folds.clone(),
    };
    let share = |(_, scores): &(&String, &crate::FoldScores)| scores.mean.abs() <= 1.0;
    let (shares, sizes): (Vec<_>, Vec<_>) = found.metrics.cv.iter().partition(share);
    let figure = |metrics: Vec<(&String, &crate::FoldScores)>| {
        let rows: Vec<FoldRow> = metrics.into_iter().map(row).collect();
        let folds = Folds { axis: Axis::number("Score"), rows };
        (!folds.rows.is_empty()).then(|| Figure::new("Scores fold by fold", folds))
    };
    [figure(shares), figure(sizes)].into_iter().flatten().collect()
}

/// Curves and matrices of classes, residuals of numbers.
pub(super) fn answers(found: &Evaluation) -> Vec<Figure> {
    let mut figures = Vec::new();
    if !found.classes.is_empty() {
        figures.extend(curves(&found.classes));
    }
    if let Some(confusion) = &found.confusion {
        let (classes, counts) = (confusion.classes.clone(), confusion.counts.clone());
        figures.push(Figure::new("Confusion matrix", Confusion { classes, counts }));
    }
    if let Some(scores) = found.classes.first().map(score_histogram) {
        figures.push(scores);
    }
    if let Some(residuals) = &found.residuals {
        figures.extend(numbers(residuals, found.target.as_deref().unwrap_or_default()));
    }
    figures
}

fn curves(classes: &[ClassCurves]) -> [Figure; 4] {
    let curve = |class: &ClassCurves, points: Vec<Point>, area: Option<f64>| Curve {
        name: class.class.clone(),
        points,
        area,
    };
    let roc = classes.iter().map(|class| {
        let points = class.roc.points.iter();
        let points = points.map(|p| Point::new(p.false_positive_rate, p.true_positive_rate));
        curve(class, points.collect(), Some(class.roc.area))
    });
    let precision_recall = classes.iter().map(|class| {
        let found = &class.precision_recall;
        let points = found.points.iter().map(|p| Point::new(p.recall, p.precision));
        curve(class, points.collect(), Some(found.average_precision))
    });
    let gains = classes.iter().map(|class| {
        let points = class.lift.points.iter().map(|p| Point::new(p.rows, p.gain));
        curve(class, points.collect(), None)
    });
    let base_rate = classes.first().map_or(0.0, |class| class.precision_recall.base_rate);
    [
        Figure::new("ROC", Lines::roc(roc.collect())),
        Figure::new(
            "Precision and recall",
            Lines::precision_recall(precision_recall.collect(), base_rate),
        ),
        Figure::new("Calibration", calibration(classes)),
        Figure::new("Gains", Lines::gains(gains.collect())),
    ]
}

fn calibration(classes: &[ClassCurves]) -> Calibration {
    let bin = |bin: &gristmill_evaluate::curves::CalibrationBin| CalibrationBin {
        predicted: bin.predicted,
        observed: bin.observed,
        count: bin.rows,
        interval: None,
    };
    let curves = classes.iter().map(|class| CalibrationCurve {
        name: class.class.clone(),
        bins: class.calibration.bins.iter().map(bin).collect(),
    });
    let scores = classes.first().map(|class| {
        let (of_class, others) = (bins(&class.scores.of_class), bins(&class.scores.others));
        let both = of_class.into_iter().zip(others);
        both.map(|(a, b)| Bin { count: a.count + b.count, ..a }).collect()
    });
    Calibration { curves: curves.collect(), scores: scores.unwrap_or_default() }
}

fn score_histogram(class: &ClassCurves) -> Figure {
    let group = |name: String, found: &Bins| HistogramGroup { name, bins: bins(found) };
    let histogram = Histogram {
        x: Axis::share(format!("Probability of {}", class.class)),
        groups: vec![
            group(class.class.clone(), &class.scores.of_class),
            group("others".into(), &class.scores.others),
        ],
        mark: None,
    };
    Figure::new("Probabilities by class", histogram)
}

/// Bins of equal width.
fn bins(found: &Bins) -> Vec<Bin> {
    let width = (found.to - found.from) / found.counts.len().max(1) as f64;
    let border = |at: usize| found.from + width * at as f64;
    let counts = found.counts.iter().enumerate();
    counts.map(|(at, &count)| Bin { from: border(at), to: border(at + 1), count }).collect()
}

fn numbers(residuals: &Residuals, target: &str) -> [Figure; 3] {
    let points = residuals.points.iter();
    let predicted: Vec<f64> = points.clone().map(|p| p.predicted).collect();
    let actual: Vec<f64> = points.map(|p| p.predicted + p.residual).collect();
    let histogram = Histogram {
        x: Axis::number("Truth less answer"),
        groups: vec![HistogramGroup { name: String::new(), bins: bins(&residuals.histogram) }],
        mark: Some((0.0, "exact".into())),
    };
    [
        Figure::new("Answers and truth", Scatter::predicted_actual(target, &predicted, &actual)),
        Figure::new("Residuals", Scatter::residuals(target, &predicted, &actual)),
        Figure::new("How far off", histogram),
    ]
}

/// One chart for each sliced column.
pub(super) fn slices(found: &Evaluation) -> Vec<Figure> {
    found.slices.iter().map(slice).collect()
}

fn slice(slices: &Slices) -> Figure {
    let bars = slices.slices.iter().map(|slice| {
        let bar = Bar::new(slice.name.clone(), slice.value.unwrap_or(f64::NAN));
        let bar = match &slice.interval {
            Some(interval) => bar.within(interval.low, interval.high),
            None => bar,
        };
        bar.noted(format!("{} rows", gristmill_view::count(slice.rows as u64)))
    });
    let axis = Axis::number(slices.metric.clone());
    Figure::new(
        format!("{} by {}", slices.metric, slices.column),
        Bars::slices(axis, bars.collect(), slices.whole),
    )
}
