//! A chart with its title, as SVG text.

use serde::{Deserialize, Serialize};

use super::{
    Bars, Beeswarm, Calibration, Confusion, Dag, Dependence, Folds, HeatMap, Histogram, History,
    Lines, Parallel, Pareto, Scatter, Shares, Timeline,
};
use crate::frame::{Drawing, NORMAL};
use crate::svg::Svg;
use crate::text::cut;

/// The colours and fonts of charts; a page holds them once, a chart in a file has its own.
pub(crate) const STYLE: &str = include_str!("chart.css");

/// A chart with what it is called and what is to be seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figure {
    /// What it shows.
    pub title: String,
    /// How to read it, or what stands out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caption: Option<String>,
    /// The chart.
    pub chart: Chart,
}

macro_rules! charts {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Any chart.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Chart {
            $($(#[$doc])* $name($name),)*
        }

        impl Chart {
            pub(crate) fn draw(&self) -> Drawing {
                match self {
                    $(Self::$name(chart) => chart.draw(),)*
                }
            }
        }

        $(impl From<$name> for Chart {
            fn from(chart: $name) -> Self {
                Self::$name(chart)
            }
        })*
    };
}

charts! {
    /// Lines: ROC, precision and recall, gains, lift, over time.
    Lines,
    /// Predicted against observed shares.
    Calibration,
    /// Points on two axes.
    Scatter,
    /// How many values lie where.
    Histogram,
    /// Shares of groups in categories.
    Shares,
    /// Named values with intervals.
    Bars,
    /// How often a class was taken for another.
    Confusion,
    /// Values in rows and columns.
    HeatMap,
    /// Scores of folds.
    Folds,
    /// The mean prediction over one feature.
    Dependence,
    /// Contributions of features to predictions.
    Beeswarm,
    /// Scores of trials in their order.
    History,
    /// Trials as lines through their settings.
    Parallel,
    /// Trials by two goals.
    Pareto,
    /// Tasks and their needs.
    Dag,
    /// Values over time, and what happened meanwhile.
    Timeline,
}

impl Figure {
    /// A figure without a caption.
    pub fn new(title: impl Into<String>, chart: impl Into<Chart>) -> Self {
        Self { title: title.into(), caption: None, chart: chart.into() }
    }

    /// The same with a caption.
    pub fn captioned(self, caption: impl Into<String>) -> Self {
        Self { caption: Some(caption.into()), ..self }
    }

    /// The chart as a file of its own, with title and colours, light or dark as the reader has it.
    ///
    /// ```
    /// # use gristmill_view::{Curve, Figure, Lines, Point};
    /// let points = Point::zip(&[0.0, 0.1, 1.0], &[0.0, 0.8, 1.0]);
    /// let curve = Curve { name: "test".to_string(), points, area: Some(0.85) };
    /// let svg = Figure::new("ROC", Lines::roc(vec![curve])).svg();
    /// assert!(svg.starts_with("<svg xmlns") && svg.contains("AUC 0.8500"));
    /// ```
    pub fn svg(&self) -> String {
        let drawing = self.chart.draw();
        let top = 30.0;
        let mut svg = Svg::default();
        let (width, height) = (drawing.width + 24.0, drawing.height + top + 20.0);
        let tag = svg.tag("svg").set("xmlns", "http://www.w3.org/2000/svg").class("gm alone");
        open(tag.at("width", width).at("height", height), width, height);
        named(&mut svg, &self.title, &drawing);
        svg.tag("style").words(STYLE);
        svg.tag("rect").class("ground").set("width", "100%").set("height", "100%").close();
        svg.words("title", (12.0, 24.0), &cut(&self.title, drawing.width, 15.0));
        svg.tag("g").set("transform", &format!("translate(12 {})", top + 8.0)).open();
        svg.raw(&drawing.body);
        svg.end("g");
        svg.end("svg");
        svg.finish()
    }

    /// The chart for a page that holds [`STYLE`]; the title stands there.
    pub(crate) fn inline(&self) -> (Drawing, String) {
        let drawing = self.chart.draw();
        let mut svg = Svg::default();
        open(svg.tag("svg").class("gm"), drawing.width, drawing.height);
        named(&mut svg, &self.title, &drawing);
        svg.raw(&drawing.body);
        svg.end("svg");
        let text = svg.finish();
        (drawing, text)
    }
}

impl Drawing {
    /// Whether it needs more room than half a page.
    pub(crate) fn is_wide(&self) -> bool {
        self.width > NORMAL
    }
}

fn open(tag: crate::svg::Tag<'_>, width: f64, height: f64) {
    tag.set("viewBox", &format!("0 0 {} {}", width.ceil(), height.ceil()))
        .set("role", "img")
        .open();
}

fn named(svg: &mut Svg, title: &str, drawing: &Drawing) {
    svg.tag("title").words(title);
    svg.tag("desc").words(&drawing.description);
}
