//! Charts and reports as SVG and HTML text.
//!
//! A [`Figure`] is a chart with its title; [`Figure::svg`] makes a file of its own. A [`Report`] is
//! a page of figures, metrics, findings and columns; [`render`] makes one HTML text that needs no
//! network, no script to be read, and prints. Both are plain data that can be stored as JSON, and
//! equal data give equal bytes.
//!
//! Nothing here knows a server, a file or a model. Numbers are written by [`number`], [`percent`],
//! [`count`], [`bytes`] and [`duration`] alone. What is not finite is a gap, what is too much is
//! thinned, and a chart without anything to show says so: no data can make a drawing fail.
//!
//! ```
//! use gristmill_view::{Bar, Bars, Block, Fact, Figure, Report, Section, Value, render};
//!
//! let bars = vec![Bar::new("tenure", 0.31).within(0.28, 0.34), Bar::new("contract", 0.12)];
//! let chart = Figure::new("Importances", Bars::importances("Loss of ROC AUC", bars));
//! let mut report = Report::new("churn");
//! report.facts.push(Fact::new("rows", Value::Count(7043)));
//! report.sections.push(Section::new("Model").with(Block::Figures(vec![chart])));
//! let html = render(&report);
//! assert!(html.starts_with("<!DOCTYPE html>") && html.contains("7,043"));
//! ```

mod axis;
mod calendar;
mod chart;
mod frame;
mod number;
mod page;
mod points;
mod svg;
mod text;
mod ticks;

pub use axis::{Axis, Measure};
pub use chart::{
    Band, Bar, BarForm, Bars, Beeswarm, Better, Bin, Calibration, CalibrationBin, CalibrationCurve,
    CategoryDependence, Chart, Confusion, Curve, Dag, DagTask, Dependence, Figure, FoldRow, Folds,
    Goal, Guide, HeatMap, HeatRow, Histogram, HistogramGroup, History, HistoryTrial, Lines, Mark,
    MarkKind, NumberDependence, Panel, Parallel, ParallelAxis, ParallelTrial, Pareto, Scatter,
    ScatterGroup, Series, Setting, Shape, ShareRow, Shares, Standing, Stroke, Swarm, TaskState,
    Timeline, Trial,
};
pub use number::{bytes, count, duration, number, percent};
pub use page::{
    Block, ColumnSummary, CrossValidated, Event, Evidence, Fact, Finding, Gate, Headline, Level,
    MetricRow, Report, Score, Section, Sketch, Table, Value, Verdict, render,
};
pub use points::Point;
