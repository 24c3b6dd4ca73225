//! Lines over numbers, shares or time, with bands and guides.

use serde::{Deserialize, Serialize};

use crate::axis::{Axis, Ends, Fitted};
use crate::frame::{
    Drawing, FONT, Frame, NORMAL, Swatch, WIDE, below_key, empty, fill, plural, stroke,
};
use crate::points::{Point, gap, thin_cloud, thin_line};
use crate::svg::{Area, Path, Svg};
use crate::text::{cut, width};

/// Lines over one horizontal axis.
///
/// A point that is not finite is a gap. A line alone needs no name; several are named at their
/// ends, or in a key where the ends meet.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Lines {
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// The lines, the most important one first.
    pub series: Vec<Series>,
    /// Lines that help to read the others.
    pub guides: Vec<Guide>,
    /// How the drawing is cut.
    pub shape: Shape,
}

/// One line.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Series {
    /// What it is called.
    pub name: String,
    /// Its points, in the order in which they are joined.
    pub points: Vec<Point>,
    /// What lies around it, as an interval at each place.
    pub band: Vec<Band>,
    /// How it is drawn.
    pub stroke: Stroke,
}

/// An interval at a place of the horizontal axis.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Band {
    /// The place.
    #[serde(with = "gap")]
    pub x: f64,
    /// Where the interval begins.
    #[serde(with = "gap")]
    pub low: f64,
    /// Where it ends.
    #[serde(with = "gap")]
    pub high: f64,
}

/// How a line is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stroke {
    /// As a line.
    #[default]
    Solid,
    /// As a dashed line: what is expected, or was.
    Dashed,
    /// As dots alone.
    Dots,
}

/// A line that helps to read the others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Guide {
    /// Where both axes have the same value.
    Diagonal {
        /// What it means.
        label: String,
    },
    /// A value of the vertical axis.
    Level {
        /// The value.
        at: f64,
        /// What it means.
        label: String,
    },
    /// A value of the horizontal axis.
    Upright {
        /// The value.
        at: f64,
        /// What it means.
        label: String,
    },
}

/// How a drawing is cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// Somewhat wider than high.
    #[default]
    Normal,
    /// As high as wide: both axes measure the same.
    Square,
    /// Over the whole page: a long time.
    Wide,
}

impl Shape {
    pub(crate) fn size(self) -> (f64, f64) {
        match self {
            Self::Normal => (NORMAL, 320.0),
            Self::Square => (NORMAL, 380.0),
            Self::Wide => (WIDE, 300.0),
        }
    }
}

impl Series {
    /// A solid line.
    pub fn new(name: impl Into<String>, points: Vec<Point>) -> Self {
        Self { name: name.into(), points, ..Self::default() }
    }
}

impl Lines {
    pub(crate) fn draw(&self) -> Drawing {
        let shown = self.series.iter().any(|s| s.points.iter().any(|p| self.shows(p)));
        if !shown {
            return empty("no points");
        }
        let (width, height) = self.shape.size();
        let (x, y) = self.fitted();
        let mut svg = Svg::default();
        let mut outer = Area { left: 2.0, top: 0.0, right: width - 2.0, bottom: height };
        let at_ends = self.end_labels(&y, outer);
        if let Some(room) = at_ends {
            outer.right -= room;
        } else {
            outer = below_key(&mut svg, outer, &self.key_entries());
        }
        let frame = Frame::draw(&mut svg, outer, &x, &y);
        let places = self.series.iter().flat_map(|s| &s.points).filter(|p| self.shows(p));
        let marks: Vec<_> = places.map(|p| (frame.x.at(p.x), frame.y.at(p.y))).collect();
        draw_guides(&mut svg, &frame, &self.guides, (&x, &y), &marks);
        for (i, series) in self.series.iter().enumerate().rev() {
            self.draw_series(&mut svg, &frame, i, series);
        }
        if at_ends.is_some() {
            self.draw_end_labels(&mut svg, &frame, width);
        }
        let (height, description) = (outer.bottom, self.describe());
        Drawing { width, height, body: svg.finish(), description }
    }

    fn shows(&self, point: &Point) -> bool {
        self.x.shows(point.x) && self.y.shows(point.y)
    }

    fn fitted(&self) -> (Fitted, Fitted) {
        let points = || self.series.iter().flat_map(|s| &s.points).filter(|p| self.shows(p));
        let bands = || self.series.iter().flat_map(|s| &s.band);
        let (levels, uprights) = guide_values(&self.guides);
        let x = points().map(|p| p.x).chain(bands().map(|b| b.x)).chain(uprights);
        let y = points().map(|p| p.y).chain(bands().flat_map(|b| [b.low, b.high])).chain(levels);
        let wanted = if self.shape == Shape::Wide { 10 } else { 5 };
        (self.x.fit(x, wanted, Ends::Tight), self.y.fit(y, 5, Ends::Round))
    }

    fn key_entries(&self) -> Vec<(usize, Swatch, &str)> {
        if self.series.len() < 2 && self.series.iter().all(|s| s.name.is_empty()) {
            return Vec::new();
        }
        let swatch = |s: &Series| match s.stroke {
            Stroke::Solid => Swatch::Line,
            Stroke::Dashed => Swatch::Dashed,
            Stroke::Dots => Swatch::Dot,
        };
        self.series.iter().enumerate().map(|(i, s)| (i, swatch(s), s.name.as_str())).collect()
    }

    /// How much room names at the ends of the lines need; nothing when a key serves better.
    fn end_labels(&self, y: &Fitted, outer: Area) -> Option<f64> {
        let several = (2..=5).contains(&self.series.len()) && self.shape != Shape::Square;
        let solid = self.series.iter().all(|s| s.stroke != Stroke::Dots && self.last(s).is_some());
        if !several || !solid {
            return None;
        }
        let scale = y.onto(outer.bottom - 38.0, outer.top + 24.0);
        let right = |s: &Series| self.last(s).map_or(f64::NAN, |p| p.x);
        let edge = self.series.iter().map(right).fold(f64::NEG_INFINITY, f64::max);
        let mut ends: Vec<f64> =
            self.series.iter().filter_map(|s| self.last(s)).map(|p| scale.at(p.y)).collect();
        ends.sort_by(f64::total_cmp);
        let apart = ends.windows(2).all(|w| w[1] - w[0] >= FONT + 1.0);
        let together = self.series.iter().all(|s| right(s) == edge);
        let room = self.series.iter().map(|s| width(&s.name, FONT)).fold(0.0, f64::max) + 8.0;
        (apart && together && room <= outer.width() * 0.3).then_some(room)
    }

    fn last<'a>(&self, series: &'a Series) -> Option<&'a Point> {
        series.points.iter().rev().find(|p| self.shows(p))
    }

    fn draw_end_labels(&self, svg: &mut Svg, frame: &Frame, width: f64) {
        for (i, series) in self.series.iter().enumerate() {
            if let Some(last) = self.last(series) {
                let at = (frame.x.at(last.x) + 6.0, frame.y.at(last.y) + 4.0);
                let name = cut(&series.name, width - at.0, FONT);
                svg.words(&format!("name t{}", i % crate::frame::COLOURS), at, &name);
            }
        }
    }

    pub(crate) fn draw_series(&self, svg: &mut Svg, frame: &Frame, index: usize, series: &Series) {
        draw_band(svg, frame, &fill(index), &series.band);
        let runs: Vec<Vec<(f64, f64)>> = series
            .points
            .split(|p| !self.shows(p))
            .filter(|run| !run.is_empty())
            .map(|run| run.iter().map(|p| (frame.x.at(p.x), frame.y.at(p.y))).collect())
            .collect();
        let mut class = stroke(index);
        if series.stroke == Stroke::Dashed {
            class.push_str(" dashed");
        }
        let (mut path, mut lonely) = (Path::default(), Path::default());
        for run in &runs {
            match run.as_slice() {
                [first, rest @ ..] if rest.iter().all(|p| is_near(*first, *p)) => {
                    lonely.dot(*first)
                }
                run if series.stroke == Stroke::Dots => {
                    thin_cloud(run, 2_000).iter().for_each(|dot| lonely.dot(dot.at));
                }
                run => draw_run(&mut path, run),
            }
        }
        for (class, path) in [(class, path), (format!("dots {}", stroke(index)), lonely)] {
            if !path.is_empty() {
                svg.path(&class, &path).close();
            }
        }
        self.draw_hover(svg, frame, index, series);
    }

    /// Places that answer when pointed at; seen only where they are few.
    fn draw_hover(&self, svg: &mut Svg, frame: &Frame, index: usize, series: &Series) {
        const MOST: usize = 40;
        let shown: Vec<&Point> = series.points.iter().filter(|p| self.shows(p)).collect();
        let few = shown.len() <= 24 && series.stroke != Stroke::Dots;
        let class = if few { format!("spot {}", fill(index)) } else { "hover".to_string() };
        let radius = if few { 2.5 } else { 7.0 };
        let stride = shown.len().div_ceil(MOST).max(1);
        for point in shown.iter().step_by(stride) {
            let at = (frame.x.at(point.x), frame.y.at(point.y));
            svg.disc(&class, at, radius).titled(&self.tip(series, point));
        }
    }

    fn tip(&self, series: &Series, point: &Point) -> String {
        let named = |axis: &Axis, value: f64| match axis.label.as_str() {
            "" => axis.words(value),
            label => format!("{label} {}", axis.words(value)),
        };
        let name = if series.name.is_empty() { "" } else { &format!("{}\n", series.name) };
        format!("{name}{}\n{}", named(&self.x, point.x), named(&self.y, point.y))
    }

    fn describe(&self) -> String {
        let names: Vec<&str> = self
            .series
            .iter()
            .map(|s| s.name.as_str())
            .filter(|n| !n.is_empty())
            .take(12)
            .collect();
        let over = if self.x.label.is_empty() { "time" } else { &self.x.label };
        let what = plural(self.series.len(), "line");
        format!("{what} of {} over {over}. {}", self.y.label, names.join("; "))
    }
}

/// Whether two places cannot be told apart, so that a line between them would not be seen.
fn is_near(a: (f64, f64), b: (f64, f64)) -> bool {
    (a.0 - b.0).abs() < 0.1 && (a.1 - b.1).abs() < 0.1
}

fn draw_run(path: &mut Path, run: &[(f64, f64)]) {
    for (i, point) in thin_line(run, 400).into_iter().enumerate() {
        if i == 0 { path.lift(point) } else { path.draw(point) }
    }
}

/// An area between the lower and the upper ends, in one piece for each run without gaps.
pub(crate) fn draw_band(svg: &mut Svg, frame: &Frame, class: &str, band: &[Band]) {
    let known = |b: &Band| b.x.is_finite() && b.low.is_finite() && b.high.is_finite();
    for run in band.split(|b| !known(b)).filter(|run| run.len() > 1) {
        let side = |value: fn(&Band) -> f64| -> Vec<(f64, f64)> {
            let points: Vec<_> =
                run.iter().map(|b| (frame.x.at(b.x), frame.y.at(value(b)))).collect();
            thin_line(&points, 400)
        };
        let mut path = Path::default();
        side(|b| b.high).into_iter().for_each(|p| path.draw(p));
        side(|b| b.low).into_iter().rev().for_each(|p| path.draw(p));
        path.shut();
        svg.path(&format!("band {class}"), &path).close();
    }
}

/// The values that guides need on the vertical and on the horizontal axis.
pub(crate) fn guide_values(guides: &[Guide]) -> (Vec<f64>, Vec<f64>) {
    let (mut levels, mut uprights) = (Vec::new(), Vec::new());
    for guide in guides {
        match guide {
            Guide::Level { at, .. } => levels.push(*at),
            Guide::Upright { at, .. } => uprights.push(*at),
            Guide::Diagonal { .. } => {}
        }
    }
    (levels, uprights)
}

pub(crate) fn draw_guides(
    svg: &mut Svg,
    frame: &Frame,
    guides: &[Guide],
    (x, y): (&Fitted, &Fitted),
    marks: &[(f64, f64)],
) {
    for guide in guides {
        match guide {
            Guide::Diagonal { label } => {
                let (low, high) = (x.low.max(y.low), x.high.min(y.high));
                if low < high {
                    frame.diagonal(svg, (low, high), label);
                }
            }
            Guide::Level { at, label } if at.is_finite() => frame.level(svg, *at, label, marks),
            Guide::Upright { at, label } if at.is_finite() => frame.upright(svg, *at, label),
            Guide::Level { .. } | Guide::Upright { .. } => {}
        }
    }
}
