//! What a model goes by, as a report draws it.

use gristmill_evaluate::explain::{
    ColumnContribution, ColumnPoints, Curve, Dependence as Found, GridValue, Importances,
    ShapSummary,
};
use gristmill_view::{
    Axis, Band, Bar, Bars, Beeswarm, Block, CategoryDependence, Dependence, Figure,
    NumberDependence, Point, Section, Swarm,
};

use crate::evaluation::Evaluation;

/// The section, unless nothing was explained.
pub(super) fn section(found: &Evaluation) -> Option<Section> {
    let explanation = &found.explanation;
    if let Some(reason) = &explanation.reason {
        let text = Block::Text(format!("Nothing could be explained: {reason}."));
        return Some(Section::new("Explanation").with(text));
    }
    let mut figures = Vec::new();
    figures.extend(explanation.importances.as_ref().map(importances));
    figures.extend(explanation.contributions.as_ref().map(contributions));
    let swarm = explanation.contributions.as_ref().filter(|found| !found.points.is_empty());
    figures.extend(swarm.map(beeswarm));
    figures.extend(explanation.dependences.iter().filter_map(|d| dependence(d, found)));
    let lead = "What the model goes by, in terms of the columns that came in.";
    (!figures.is_empty())
        .then(|| Section::new("Explanation").led(lead).with(Block::Figures(figures)))
}

fn importances(found: &Importances) -> Figure {
    let bar = |column: &gristmill_evaluate::explain::ColumnImportance| {
        let (mean, std) = (column.importance.mean, column.importance.std);
        Bar::new(column.column.clone(), mean).within(mean - std, mean + std)
    };
    let bars = found.columns.iter().map(bar).collect();
    let label = format!("What {} loses without it", found.metric);
    Figure::new("Permutation importance", Bars::importances(label, bars))
        .captioned("Columns that carry the same information hide each other.")
}

/// Mean sizes over the classes together.
fn contributions(found: &ShapSummary) -> Figure {
    let bar = |column: &ColumnContribution| {
        Bar::new(column.column.clone(), column.size.iter().sum::<f64>())
    };
    let bars = found.sources.iter().map(bar).collect();
    let label = "Mean size of what it adds to the raw score (SHAP)";
    Figure::new("Contributions", Bars::importances(label, bars))
}

/// A dot for each row that was asked, coloured by what the row has in the column.
fn beeswarm(found: &ShapSummary) -> Figure {
    let swarm = |points: &ColumnPoints| Swarm {
        name: points.column.clone(),
        contributions: points.contributions.clone(),
        values: points.values.iter().map(|value| value.unwrap_or(f64::NAN)).collect(),
    };
    let label = match &found.shown {
        Some(class) => format!("What it adds to the raw score of {class} (SHAP)"),
        None => "What it adds to the raw score (SHAP)".to_string(),
    };
    let rows = found.points.first().map_or(0, |points| points.contributions.len());
    let rows = gristmill_view::count(rows as u64);
    Figure::new(
        "Contributions row by row",
        Beeswarm::of(label, found.points.iter().map(swarm).collect()),
    )
    .captioned(format!("{rows} rows; columns of words have no colour."))
}

/// The last curve: that of numbers, or of the second of two classes.
fn dependence(found: &Found, evaluation: &Evaluation) -> Option<Figure> {
    let curve = found.curves.last()?;
    let target = evaluation.target.as_deref().unwrap_or("answer");
    let y = match &curve.class {
        Some(class) => Axis::share(format!("Probability of {class}")),
        None => Axis::number(target),
    };
    let y = Axis { from: None, to: None, ..y };
    let chart = match found.grid.first()? {
        // A line between yes and no would promise something in between.
        GridValue::Number(_) if found.grid.len() < 3 => words(found, curve, y),
        GridValue::Word(_) => words(found, curve, y),
        GridValue::Number(_) => numbers(found, curve, y, Axis::number(found.column.clone())),
        GridValue::Time(_) => numbers(found, curve, y, Axis::time(found.column.clone())),
    };
    Some(Figure::new(format!("Dependence on {}", found.column), chart))
}

fn words(found: &Found, curve: &Curve, y: Axis) -> Dependence {
    let bars = found.grid.iter().zip(&curve.mean).map(|(value, &mean)| {
        let name = match value {
            GridValue::Word(word) => word.clone(),
            GridValue::Number(number) => gristmill_view::number(*number),
            GridValue::Time(time) => time.to_string(),
        };
        Bar::new(name, mean)
    });
    Dependence::Category(CategoryDependence { y, bars: bars.collect() })
}

fn numbers(found: &Found, curve: &Curve, y: Axis, x: Axis) -> Dependence {
    let at: Vec<f64> = found.grid.iter().map(place).collect();
    let rows = curve.lines.iter().map(|line| Point::zip(&at, line)).collect();
    let mean = Point::zip(&at, &curve.mean);
    let band: Vec<Band> = Vec::new();
    Dependence::Number(NumberDependence { x, y, mean, band, rows, seen: Vec::new() })
}

fn place(value: &GridValue) -> f64 {
    match value {
        GridValue::Number(number) => *number,
        GridValue::Time(time) => *time as f64,
        GridValue::Word(_) => f64::NAN,
    }
}
