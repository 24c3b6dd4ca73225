//! What surrounds the marks of a chart: axes, grid, guides, a key, and the empty chart.

use crate::axis::{Fitted, Scale};
use crate::chart::history::{cross_path, diamond_path};
use crate::svg::{Area, Path, Svg};
use crate::text::{cut, width};

/// The width of a chart that stands beside another, in the units of its view box.
pub(crate) const NORMAL: f64 = 440.0;
/// The width of a chart that stands alone.
pub(crate) const WIDE: f64 = 900.0;
/// The size of words.
pub(crate) const FONT: f64 = 12.0;
/// The colours before they repeat, dashed.
pub(crate) const COLOURS: usize = 8;

/// A chart without its frame of SVG: what `Figure` wraps.
pub(crate) struct Drawing {
    pub(crate) width: f64,
    pub(crate) height: f64,
    pub(crate) body: String,
    /// What the chart shows, for those who cannot see it.
    pub(crate) description: String,
}

/// The drawing of a chart to which nothing was given.
pub(crate) fn empty(what: &str) -> Drawing {
    let (width, height) = (NORMAL, 120.0);
    let mut svg = Svg::default();
    let area = Area { left: 1.0, top: 1.0, right: width - 1.0, bottom: height - 1.0 };
    svg.rect("void", area).at("rx", 6.0).close();
    let words = format!("Nothing to draw: {what}");
    svg.words("note middle", (width / 2.0, height / 2.0 + 4.0), &words);
    Drawing { width, height, body: svg.finish(), description: words }
}

/// Axes around an area, and where values lie within.
pub(crate) struct Frame {
    pub(crate) area: Area,
    pub(crate) x: Scale,
    pub(crate) y: Scale,
}

impl Frame {
    /// Draws two axes with their grid into `outer`; their words stay inside of it.
    pub(crate) fn draw(svg: &mut Svg, outer: Area, x: &Fitted, y: &Fitted) -> Self {
        let widest = y.ticks.words.iter().map(|w| width(w, FONT)).fold(0.0, f64::max);
        let last = x.ticks.words.last().map_or(0.0, |w| width(w, FONT) / 2.0);
        let area = Area {
            left: outer.left + widest.min(outer.width() * 0.35) + 8.0,
            top: outer.top + if y.label.is_empty() { 6.0 } else { 24.0 },
            right: outer.right - last.clamp(6.0, 30.0),
            bottom: outer.bottom - if x.label.is_empty() { 20.0 } else { 38.0 },
        };
        Self::draw_in(svg, area, outer, x, y)
    }

    /// Draws two axes with their grid around `area`; their words stay inside of `outer`.
    pub(crate) fn draw_in(svg: &mut Svg, area: Area, outer: Area, x: &Fitted, y: &Fitted) -> Self {
        let frame =
            Self { area, x: x.onto(area.left, area.right), y: y.onto(area.bottom, area.top) };
        frame.grid_of_y(svg, y);
        frame.grid_of_x(svg, x, outer);
        let room = outer.width() - 4.0;
        if !y.label.is_empty() {
            svg.words("label", (outer.left, outer.top + 12.0), &cut(&y.label, room, FONT));
        }
        if !x.label.is_empty() {
            let at = (area.left + area.width() / 2.0, outer.bottom - 4.0);
            svg.words("label middle", at, &cut(&x.label, area.width(), FONT));
        }
        frame
    }

    fn grid_of_y(&self, svg: &mut Svg, y: &Fitted) {
        for (&value, words) in y.ticks.at.iter().zip(&y.ticks.words) {
            let at = self.y.at(value);
            svg.line("grid", (self.area.left, at), (self.area.right, at));
            svg.words("tick end", (self.area.left - 6.0, at + 4.0), words);
        }
    }

    fn grid_of_x(&self, svg: &mut Svg, x: &Fitted, outer: Area) {
        let bottom = self.area.bottom;
        let words: f64 = x.ticks.words.iter().map(|w| width(w, FONT) + 10.0).sum();
        let stride = (words / self.area.width().max(1.0)).ceil().max(1.0) as usize;
        for (i, (&value, words)) in x.ticks.at.iter().zip(&x.ticks.words).enumerate() {
            let at = self.x.at(value);
            svg.line("grid", (at, self.area.top), (at, bottom));
            if i % stride == 0 {
                let half = width(words, FONT) / 2.0;
                let inside = at.min(outer.right - half).max(outer.left + half);
                svg.words("tick middle", (inside, bottom + 16.0), words);
            }
        }
        svg.line("axis", (self.area.left, bottom), (self.area.right, bottom));
    }

    /// A dashed line at which the two axes have equal values, with a word along it.
    pub(crate) fn diagonal(&self, svg: &mut Svg, (low, high): (f64, f64), words: &str) {
        let (from, to) = ((self.x.at(low), self.y.at(low)), (self.x.at(high), self.y.at(high)));
        svg.line("guide", from, to);
        if words.is_empty() {
            return;
        }
        let slope = (to.1 - from.1).atan2(to.0 - from.0).to_degrees();
        let at = (from.0 + (to.0 - from.0) * 0.78, from.1 + (to.1 - from.1) * 0.78);
        let turn = format!("rotate({slope:.1} {:.1} {:.1})", at.0, at.1);
        let tag = svg.tag("text").class("note middle").at("x", at.0).at("y", at.1 + 14.0);
        tag.set("transform", &turn).words(words);
    }

    /// A dashed level line with a word above the end that is further from `marks`.
    pub(crate) fn level(&self, svg: &mut Svg, value: f64, words: &str, marks: &[(f64, f64)]) {
        let at = self.y.at(value);
        svg.line("guide", (self.area.left, at), (self.area.right, at));
        let above = if at - self.area.top < 16.0 { at + 14.0 } else { at - 5.0 };
        let words = cut(words, self.area.width(), FONT);
        let room = width(&words, FONT) + 8.0;
        let nearest = |left: f64, right: f64| {
            let near = marks.iter().filter(|m| (left..=right).contains(&m.0));
            near.map(|m| (m.1 - at).abs()).fold(f64::INFINITY, f64::min)
        };
        let (left, right) = (self.area.left, self.area.right);
        if nearest(left, left + room) > nearest(right - room, right) {
            svg.words("note", (left + 4.0, above), &words);
        } else {
            svg.words("note end", (right - 2.0, above), &words);
        }
    }

    /// A dashed upright line with a word beside its top.
    pub(crate) fn upright(&self, svg: &mut Svg, value: f64, words: &str) {
        let at = self.x.at(value);
        svg.line("guide", (at, self.area.top), (at, self.area.bottom));
        let room = (at - self.area.left).max(self.area.right - at) - 6.0;
        let words = cut(words, room, FONT);
        if self.area.right - at >= at - self.area.left {
            svg.words("note", (at + 4.0, self.area.top + 11.0), &words);
        } else {
            svg.words("note end", (at - 4.0, self.area.top + 11.0), &words);
        }
    }
}

/// What stands before a name in a key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Swatch {
    Line,
    Dashed,
    Guide,
    Dot,
    /// A small dot.
    Speck,
    Ring,
    Diamond,
    Cross,
    Block,
}

/// The entries of a key in the colours of their order.
pub(crate) fn entries<'a>(
    swatch: Swatch,
    names: impl Iterator<Item = &'a str>,
) -> Vec<(usize, Swatch, &'a str)> {
    names.enumerate().map(|(i, name)| (i, swatch, name)).collect()
}

/// Draws a key on top of `outer` and gives back the area below, which is as high as before.
pub(crate) fn below_key(svg: &mut Svg, outer: Area, entries: &[(usize, Swatch, &str)]) -> Area {
    let height = key(svg, outer, entries);
    Area { top: outer.top + height, bottom: outer.bottom + height, ..outer }
}

/// Draws the names of `entries` with their colours in rows and gives back the height they took.
pub(crate) fn key(svg: &mut Svg, outer: Area, entries: &[(usize, Swatch, &str)]) -> f64 {
    let (mut left, mut top) = (outer.left, outer.top + 12.0);
    for (colour, swatch, name) in entries {
        let name = cut(name, outer.width() - 30.0, FONT);
        let needs = 20.0 + width(&name, FONT);
        if left > outer.left && left + needs > outer.right {
            (left, top) = (outer.left, top + 18.0);
        }
        draw_swatch(svg, *colour, *swatch, (left, top - 4.0));
        svg.words("name", (left + 20.0, top), &name);
        left += needs + 16.0;
    }
    if entries.is_empty() { 0.0 } else { top + 10.0 - outer.top }
}

fn draw_swatch(svg: &mut Svg, colour: usize, swatch: Swatch, (x, y): (f64, f64)) {
    match swatch {
        Swatch::Line => svg.line(&stroke(colour), (x, y), (x + 14.0, y)),
        Swatch::Dashed => svg.line(&format!("{} dashed", stroke(colour)), (x, y), (x + 14.0, y)),
        Swatch::Guide => svg.line("guide", (x, y), (x + 14.0, y)),
        Swatch::Dot => svg.disc(&fill(colour), (x + 7.0, y), 4.0).close(),
        Swatch::Speck => svg.disc(&format!("mark {}", fill(colour)), (x + 7.0, y), 2.8).close(),
        Swatch::Ring => svg.disc(&format!("hollow s{colour}"), (x + 7.0, y), 3.4).close(),
        Swatch::Diamond => {
            svg.path(&format!("hollow s{colour}"), &diamond_path((x + 7.0, y), 4.5)).close();
        }
        Swatch::Cross => {
            svg.path(&format!("cross s{colour}"), &cross_path((x + 7.0, y), 3.5)).close()
        }
        Swatch::Block => {
            let area = Area { left: x + 1.0, top: y - 5.0, right: x + 13.0, bottom: y + 5.0 };
            svg.rect(&fill(colour), area).at("rx", 2.0).close();
        }
    }
}

/// The class of a line in the colour of a series; beyond the last colour they repeat, dashed.
pub(crate) fn stroke(series: usize) -> String {
    let dashed = if series >= COLOURS { " dashed" } else { "" };
    format!("line s{}{dashed}", series % COLOURS)
}

/// The class of an area in the colour of a series.
pub(crate) fn fill(series: usize) -> String {
    format!("f{}", series % COLOURS)
}

/// A whisker between two ends, with caps, lying or standing as its ends say.
pub(crate) fn whisker(svg: &mut Svg, class: &str, from: (f64, f64), to: (f64, f64)) {
    let cap = if from.1 == to.1 { (0.0, 4.0) } else { (4.0, 0.0) };
    let mut path = Path::default();
    for (a, b) in [(from, to), around(from, cap), around(to, cap)] {
        path.lift(a);
        path.draw(b);
    }
    svg.path(class, &path).close();
}

fn around((x, y): (f64, f64), (dx, dy): (f64, f64)) -> ((f64, f64), (f64, f64)) {
    ((x - dx, y - dy), (x + dx, y + dy))
}

/// "one line" or "3 lines".
pub(crate) fn plural(count: usize, one: &str) -> String {
    if count == 1 { format!("one {one}") } else { format!("{} {one}s", crate::count(count as u64)) }
}
