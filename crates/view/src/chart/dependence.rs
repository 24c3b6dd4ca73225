//! Partial dependence: the mean prediction over the values of one feature.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::bars::{Bar, Bars};
use super::lines::{Band, Shape, draw_band};
use crate::axis::{Axis, Ends};
use crate::frame::{Drawing, Frame, empty, plural};
use crate::points::{Point, gaps, thin_line};
use crate::svg::{Area, Path, Svg};

/// How the prediction depends on one feature while the others stay as they are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dependence {
    /// On a number.
    Number(NumberDependence),
    /// On a category: the mean prediction of each, with an interval.
    Category(CategoryDependence),
}

/// How the prediction depends on a number.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NumberDependence {
    /// The feature.
    pub x: Axis,
    /// The prediction.
    pub y: Axis,
    /// The mean prediction at values of the feature, rising.
    pub mean: Vec<Point>,
    /// Where most predictions lie.
    pub band: Vec<Band>,
    /// Predictions of single rows, a few of them.
    pub rows: Vec<Vec<Point>>,
    /// Values of the feature in the data, such as its deciles: the curve is only known near them.
    #[serde(with = "gaps")]
    pub seen: Vec<f64>,
}

/// How the prediction depends on a category.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CategoryDependence {
    /// The prediction.
    pub y: Axis,
    /// The mean prediction of each category.
    pub bars: Vec<Bar>,
}

impl Dependence {
    pub(crate) fn draw(&self) -> Drawing {
        match self {
            Self::Number(number) => number.draw(),
            Self::Category(category) => {
                let (axis, bars) = (category.y.clone(), category.bars.clone());
                Bars { axis, bars, ..Bars::default() }.draw()
            }
        }
    }
}

impl NumberDependence {
    fn shows(&self, point: &Point) -> bool {
        self.x.shows(point.x) && self.y.shows(point.y)
    }

    fn draw(&self) -> Drawing {
        if !self.mean.iter().any(|p| self.shows(p)) {
            return empty("no points");
        }
        let (width, height) = Shape::Normal.size();
        let points =
            || self.mean.iter().chain(self.rows.iter().flatten()).filter(|p| self.shows(p));
        let xs = points().map(|p| p.x).chain(self.seen.iter().copied());
        let ys = points().map(|p| p.y).chain(self.band.iter().flat_map(|b| [b.low, b.high]));
        // Shares of this kind seldom fill the axis; the shape of the curve is what is read.
        let y = Axis { from: None, to: None, ..self.y.clone() };
        let (x, y) = (self.x.fit(xs, 5, Ends::Tight), y.fit(ys, 5, Ends::Round));
        let mut svg = Svg::default();
        let outer = Area { left: 2.0, top: 0.0, right: width - 2.0, bottom: height };
        let frame = Frame::draw(&mut svg, outer, &x, &y);
        draw_band(&mut svg, &frame, "f0", &self.band);
        for row in &self.rows {
            self.draw_curve(&mut svg, &frame, "line faint", row);
        }
        self.draw_curve(&mut svg, &frame, "line s0", &self.mean);
        self.draw_seen(&mut svg, &frame);
        self.draw_hover(&mut svg, &frame);
        let points = plural(self.mean.len(), "point");
        let description = format!("{} over {}, {points}.", self.y.label, self.x.label);
        Drawing { width, height, body: svg.finish(), description }
    }

    fn draw_curve(&self, svg: &mut Svg, frame: &Frame, class: &str, points: &[Point]) {
        let at = |p: &Point| (frame.x.at(p.x), frame.y.at(p.y));
        let mut path = Path::default();
        for run in points.split(|p| !self.shows(p)).filter(|run| !run.is_empty()) {
            let run: Vec<(f64, f64)> = run.iter().map(at).collect();
            path.lift(run[0]);
            if run.len() == 1 {
                path.dot(run[0]);
            }
            thin_line(&run, 400).into_iter().skip(1).for_each(|p| path.draw(p));
        }
        if !path.is_empty() {
            svg.path(class, &path).close();
        }
    }

    fn draw_seen(&self, svg: &mut Svg, frame: &Frame) {
        let mut path = Path::default();
        let shown = self.seen.iter().filter(|v| self.x.shows(**v));
        // One stroke a pixel is all that can be told apart.
        let pixels: BTreeSet<i64> = shown.map(|v| frame.x.at(*v).round() as i64).collect();
        for x in pixels {
            let x = x as f64;
            path.lift((x, frame.area.bottom));
            path.draw((x, frame.area.bottom - 6.0));
        }
        if !path.is_empty() {
            svg.path("rug", &path).close();
        }
    }

    fn draw_hover(&self, svg: &mut Svg, frame: &Frame) {
        let shown: Vec<&Point> = self.mean.iter().filter(|p| self.shows(p)).collect();
        for point in shown.iter().step_by(shown.len().div_ceil(40).max(1)) {
            let (x, y) = (self.x.words(point.x), self.y.words(point.y));
            let tip = format!("{} {x}\n{} {y}", self.x.label, self.y.label);
            svg.disc("hover", (frame.x.at(point.x), frame.y.at(point.y)), 7.0).titled(&tip);
        }
    }
}
