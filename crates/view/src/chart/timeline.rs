//! Values over one time, in charts above each other, and what happened meanwhile as upright lines through all.

use serde::{Deserialize, Serialize};

use super::history::{cross_path, diamond_path};
use super::lines::{Guide, Lines, Series, Shape, Stroke, draw_guides, guide_values};
use crate::axis::{Axis, Ends, Fitted};
use crate::calendar;
use crate::frame::{Drawing, FONT, Frame, Swatch, WIDE, empty, key, plural};
use crate::points::gap;
use crate::svg::{Area, Svg};
use crate::text::{cut, width};

/// How high a chart is without the words below it.
const HEIGHT: f64 = 170.0;
/// How high the row of signs above the charts is.
const SIGNS: f64 = 26.0;
/// How many of the last marks are drawn.
const MARKS: usize = 200;
/// Marks of one kind that lie closer are one.
const NEAR: f64 = 1.5;

/// Values over one time, and what happened meanwhile.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Timeline {
    /// The charts, the most important one first. One without points is left out.
    pub panels: Vec<Panel>,
    /// What happened.
    pub marks: Vec<Mark>,
}

/// One of the charts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Panel {
    /// What is measured.
    pub y: Axis,
    /// The lines, whose points lie at microseconds since 1970-01-01 in UTC.
    pub series: Vec<Series>,
    /// Lines that help to read the others.
    pub guides: Vec<Guide>,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mark {
    /// When, in microseconds since 1970-01-01 in UTC.
    #[serde(with = "gap")]
    pub at: f64,
    /// What sort of thing.
    pub kind: MarkKind,
    /// A word beside its sign, where there is room, such as a version.
    pub name: String,
    /// What it was, for whoever points at it.
    pub words: String,
}

/// What sort of thing happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MarkKind {
    /// Something took a place.
    Promoted,
    /// Something was kept from it.
    Refused,
    /// Something lost it again.
    RolledBack,
    /// Something new was begun.
    Retraining,
}

impl MarkKind {
    const ALL: [Self; 4] = [Self::Promoted, Self::Refused, Self::RolledBack, Self::Retraining];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Promoted => "promoted",
            Self::Refused => "refused",
            Self::RolledBack => "rolled back",
            Self::Retraining => "retraining",
        }
    }

    /// Its colour and its sign: the sign alone tells them apart, too.
    fn looks(self) -> (usize, Swatch) {
        match self {
            Self::Promoted => (2, Swatch::Diamond),
            Self::Refused => (7, Swatch::Cross),
            Self::RolledBack => (3, Swatch::Block),
            Self::Retraining => (4, Swatch::Ring),
        }
    }
}

impl Timeline {
    pub(crate) fn draw(&self) -> Drawing {
        let panels: Vec<&Panel> = self.panels.iter().filter(|panel| panel.is_shown()).collect();
        if panels.is_empty() {
            return empty("no points");
        }
        let (x, ys) = self.fitted(&panels);
        let mut svg = Svg::default();
        let outer = Area { left: 2.0, top: 0.0, right: WIDE - 2.0, bottom: 0.0 };
        let row = key(&mut svg, outer, &self.key_entries(&panels));
        let top = if self.marks.is_empty() { row } else { row + SIGNS };
        let (frames, bottom) = frames(&mut svg, Area { top, ..outer }, &x, &ys);
        if let (Some(upper), Some(lower)) = (frames.first(), frames.last()) {
            let ends = (top, lower.area.bottom);
            self.draw_marks(&mut svg, upper, row + SIGNS / 2.0, ends, outer.right);
        }
        let mut colour = 0;
        for ((panel, frame), y) in panels.iter().zip(&frames).zip(&ys) {
            let lines = panel.lines();
            draw_guides(&mut svg, frame, &lines.guides, (&x, y), &panel.places(frame));
            for (at, series) in lines.series.iter().enumerate().rev() {
                lines.draw_series(&mut svg, frame, colour + at, series);
            }
            colour += lines.series.len();
        }
        let description = self.describe(&panels);
        Drawing { width: WIDE, height: bottom, body: svg.finish(), description }
    }

    fn fitted(&self, panels: &[&Panel]) -> (Fitted, Vec<Fitted>) {
        let moments = panels.iter().flat_map(|panel| panel.shown()).map(|(x, _)| x);
        let marks = self.marks.iter().map(|mark| mark.at);
        let x = Axis::time("UTC").fit(moments.chain(marks), 10, Ends::Tight);
        let fit = |panel: &&Panel| {
            let (levels, _) = guide_values(&panel.guides);
            let values = panel.shown().into_iter().map(|(_, y)| y).chain(levels);
            panel.y.fit(values, 4, Ends::Round)
        };
        (x, panels.iter().map(fit).collect())
    }

    fn key_entries<'a>(&self, panels: &[&'a Panel]) -> Vec<(usize, Swatch, &'a str)> {
        let series = panels.iter().flat_map(|panel| &panel.series).enumerate();
        let swatch = |series: &Series| match series.stroke {
            Stroke::Solid => Swatch::Line,
            Stroke::Dashed => Swatch::Dashed,
            Stroke::Dots => Swatch::Dot,
        };
        let lines = series.map(|(at, s)| (at % crate::frame::COLOURS, swatch(s), s.name.as_str()));
        let has = |kind: &MarkKind| self.marks.iter().any(|mark| mark.kind == *kind);
        let marks = MarkKind::ALL.into_iter().filter(has).map(|kind| {
            let (colour, swatch) = kind.looks();
            (colour, swatch, kind.word())
        });
        lines.filter(|(_, _, name)| !name.is_empty()).chain(marks).collect()
    }

    /// The marks as signs in a row and lines through all charts; of those in one place the last is drawn.
    fn draw_marks(
        &self,
        svg: &mut Svg,
        frame: &Frame,
        row: f64,
        (top, bottom): (f64, f64),
        right: f64,
    ) {
        let mut marks: Vec<&Mark> = self.marks.iter().filter(|mark| mark.at.is_finite()).collect();
        marks.sort_by(|a, b| a.at.total_cmp(&b.at));
        let marks = marks.get(marks.len().saturating_sub(MARKS)..).unwrap_or_default();
        let places: Vec<f64> = marks.iter().map(|mark| frame.x.at(mark.at)).collect();
        for (at, (mark, place)) in marks.iter().zip(&places).enumerate() {
            let next = places.get(at + 1).copied();
            let is_covered = next.is_some_and(|next| next - place < NEAR)
                && marks.get(at + 1).is_some_and(|next| next.kind == mark.kind);
            if is_covered {
                continue;
            }
            let (colour, swatch) = mark.kind.looks();
            svg.line(&format!("event s{colour}"), (*place, top), (*place, bottom));
            draw_sign(svg, colour, swatch, (*place, row), &mark.words);
            let room = next.unwrap_or(right).min(right) - place - 16.0;
            if !mark.name.is_empty() && room >= width(&mark.name, FONT) {
                svg.words("note", (place + 8.0, row + 4.0), &mark.name);
            }
        }
    }

    fn describe(&self, panels: &[&Panel]) -> String {
        let last = |panel: &Panel, series: &Series| {
            let shown = |p: &&crate::Point| p.x.is_finite() && panel.y.shows(p.y);
            let point = series.points.iter().rev().find(shown)?;
            let (value, moment) = (panel.y.words(point.y), calendar::moment(point.x));
            Some(format!("{} {}: {value} at {moment}", panel.y.label, series.name))
        };
        let lines = panels.iter().flat_map(|panel| {
            let panel: &Panel = panel;
            panel.series.iter().filter_map(move |series| last(panel, series))
        });
        let of = |kind: MarkKind| self.marks.iter().filter(|mark| mark.kind == kind).count();
        let marks = MarkKind::ALL.into_iter().filter(|kind| of(*kind) > 0);
        let marks = marks.map(|kind| format!("{} {}", of(kind), kind.word()));
        let said: Vec<String> = lines.chain(marks).take(20).collect();
        let said: Vec<String> = said.iter().map(|words| cut(words, 600.0, FONT)).collect();
        format!("{} over time. {}", plural(panels.len(), "chart"), said.join("; "))
    }
}

impl Panel {
    fn lines(&self) -> Lines {
        Lines {
            x: Axis::time(""),
            y: self.y.clone(),
            series: self.series.clone(),
            guides: self.guides.clone(),
            shape: Shape::Wide,
        }
    }

    fn is_shown(&self) -> bool {
        !self.shown().is_empty()
    }

    /// The points that have a place.
    fn shown(&self) -> Vec<(f64, f64)> {
        let points = self.series.iter().flat_map(|series| &series.points);
        let points = points.filter(|p| p.x.is_finite() && self.y.shows(p.y));
        points.map(|p| (p.x, p.y)).collect()
    }

    fn places(&self, frame: &Frame) -> Vec<(f64, f64)> {
        self.shown().iter().map(|(x, y)| (frame.x.at(*x), frame.y.at(*y))).collect()
    }
}

/// The charts' axes, one chart below the other from the top of `outer` on, and where they end. The last says the
/// moments for all.
fn frames(svg: &mut Svg, outer: Area, x: &Fitted, ys: &[Fitted]) -> (Vec<Frame>, f64) {
    let widest = ys.iter().flat_map(|y| &y.ticks.words).map(|words| width(words, FONT));
    let left = outer.left + widest.fold(0.0, f64::max).min(outer.width() * 0.2) + 8.0;
    let (mut top, mut frames) = (outer.top, Vec::with_capacity(ys.len()));
    for (at, y) in ys.iter().enumerate() {
        let is_last = at + 1 == ys.len();
        let head = if y.label.is_empty() { 6.0 } else { 24.0 };
        let (right, bottom) = (outer.right - 30.0, top + HEIGHT);
        let area = Area { left, top: top + head, right, bottom };
        let foot = if is_last { 38.0 } else { 18.0 };
        let around = Area { top, bottom: bottom + foot, ..outer };
        let shown = if is_last { x.clone() } else { x.wordless() };
        frames.push(Frame::draw_in(svg, area, around, &shown, y));
        top = around.bottom;
    }
    (frames, top)
}

fn draw_sign(svg: &mut Svg, colour: usize, swatch: Swatch, (x, y): (f64, f64), words: &str) {
    match swatch {
        Swatch::Diamond => svg.path(&format!("f{colour}"), &diamond_path((x, y), 5.5)).close(),
        Swatch::Cross => svg.path(&format!("cross s{colour}"), &cross_path((x, y), 4.0)).close(),
        Swatch::Block => {
            let area = Area { left: x - 4.5, top: y - 4.5, right: x + 4.5, bottom: y + 4.5 };
            svg.rect(&format!("f{colour}"), area).close();
        }
        _ => svg.disc(&format!("hollow s{colour}"), (x, y), 4.0).close(),
    }
    // A cross and a ring are thin: what lies over them answers for them.
    svg.disc("hover", (x, y), 9.0).titled(words);
}
