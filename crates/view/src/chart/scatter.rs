//! Scatter charts, and the front of Pareto among them.

use serde::{Deserialize, Serialize};

use super::lines::{Guide, Shape, draw_guides, guide_values};
use crate::axis::{Axis, Ends, Fitted};
use crate::frame::{COLOURS, Drawing, Frame, Swatch, below_key, empty, entries, fill, plural};
use crate::points::{Dot, Point, thin_cloud};
use crate::svg::{Area, Path, Svg};

/// More points than this are thinned: crowded places get fewer, darker dots.
const MOST_DOTS: usize = 2_500;
/// Up to so many points answer when pointed at.
const MOST_TIPS: usize = 150;

/// Points on two axes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scatter {
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// The points, group by group.
    pub groups: Vec<ScatterGroup>,
    /// Lines that help to read them.
    pub guides: Vec<Guide>,
    /// How the drawing is cut.
    pub shape: Shape,
}

/// Points of one colour.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScatterGroup {
    /// What they are called.
    pub name: String,
    /// Where they are; those that are not finite are left out.
    pub points: Vec<Point>,
}

impl Scatter {
    /// What was predicted against what came, with the line on which both are equal.
    pub fn predicted_actual(label: &str, predicted: &[f64], actual: &[f64]) -> Self {
        Self {
            x: Axis::number(format!("{label}, predicted")),
            y: Axis::number(format!("{label}, actual")),
            groups: vec![ScatterGroup {
                name: String::new(),
                points: Point::zip(predicted, actual),
            }],
            guides: vec![Guide::Diagonal { label: "predicted = actual".to_string() }],
            shape: Shape::Square,
        }
    }

    /// What the prediction missed, over the prediction.
    pub fn residuals(label: &str, predicted: &[f64], actual: &[f64]) -> Self {
        let missed: Vec<f64> = actual.iter().zip(predicted).map(|(a, p)| a - p).collect();
        Self {
            x: Axis::number(format!("{label}, predicted")),
            y: Axis::number("Actual − predicted"),
            groups: vec![ScatterGroup {
                name: String::new(),
                points: Point::zip(predicted, &missed),
            }],
            guides: vec![Guide::Level { at: 0.0, label: String::new() }],
            shape: Shape::Normal,
        }
    }

    pub(crate) fn draw(&self) -> Drawing {
        if !self.groups.iter().flat_map(|g| &g.points).any(|p| self.shows(p)) {
            return empty("no points");
        }
        let (width, height) = self.shape.size();
        let (x, y) = self.fitted();
        let mut svg = Svg::default();
        let mut outer = Area { left: 2.0, top: 0.0, right: width - 2.0, bottom: height };
        if self.groups.len() > 1 {
            let names = self.groups.iter().map(|g| g.name.as_str());
            outer = below_key(&mut svg, outer, &entries(Swatch::Dot, names));
        }
        let frame = Frame::draw(&mut svg, outer, &x, &y);
        for (i, group) in self.groups.iter().enumerate() {
            self.draw_group(&mut svg, &frame, i, group);
        }
        let places = self.groups.iter().flat_map(|g| &g.points).filter(|p| self.shows(p));
        let marks: Vec<_> = places.map(|p| (frame.x.at(p.x), frame.y.at(p.y))).collect();
        draw_guides(&mut svg, &frame, &self.guides, (&x, &y), &marks);
        let (height, description) = (outer.bottom, self.describe());
        Drawing { width, height, body: svg.finish(), description }
    }

    fn shows(&self, point: &Point) -> bool {
        self.x.shows(point.x) && self.y.shows(point.y)
    }

    /// Both axes; equal ones where a diagonal is to be read.
    fn fitted(&self) -> (Fitted, Fitted) {
        let points = || self.groups.iter().flat_map(|g| &g.points).filter(|p| self.shows(p));
        let (levels, uprights) = guide_values(&self.guides);
        let (x, y) = (points().map(|p| p.x).chain(uprights), points().map(|p| p.y).chain(levels));
        if self.guides.iter().any(|g| matches!(g, Guide::Diagonal { .. })) {
            let both: Vec<f64> = x.chain(y).collect();
            let fit = |axis: &Axis| axis.fit(both.iter().copied(), 5, Ends::Round);
            return (fit(&self.x), fit(&self.y));
        }
        (self.x.fit(x, 5, Ends::Round), self.y.fit(y, 5, Ends::Round))
    }

    fn draw_group(&self, svg: &mut Svg, frame: &Frame, index: usize, group: &ScatterGroup) {
        let shown: Vec<&Point> = group.points.iter().filter(|p| self.shows(p)).collect();
        let at = |p: &Point| (frame.x.at(p.x), frame.y.at(p.y));
        if shown.len() <= MOST_TIPS {
            for point in shown {
                let name = if group.name.is_empty() { "" } else { &format!("{}\n", group.name) };
                let (x, y) = (self.x.words(point.x), self.y.words(point.y));
                let tip = format!("{name}{} {x}\n{} {y}", self.x.label, self.y.label);
                svg.disc(&format!("mark {}", fill(index)), at(point), 3.5).titled(&tip);
            }
            return;
        }
        let places: Vec<(f64, f64)> = shown.into_iter().map(at).collect();
        draw_dots(svg, index, &thin_cloud(&places, MOST_DOTS));
    }

    fn describe(&self) -> String {
        let points: usize = self.groups.iter().map(|g| g.points.len()).sum();
        let points = plural(points, "point");
        format!("Scatter of {} over {}, {points}.", self.y.label, self.x.label)
    }
}

/// One path for each density, so that ten thousand dots stay small.
fn draw_dots(svg: &mut Svg, index: usize, dots: &[Dot]) {
    for crowd in 0..4 {
        let mut path = Path::default();
        dots.iter().filter(|d| d.crowd == crowd).for_each(|d| path.dot(d.at));
        if !path.is_empty() {
            svg.path(&format!("dots crowd{crowd} s{}", index % COLOURS), &path).close();
        }
    }
}
