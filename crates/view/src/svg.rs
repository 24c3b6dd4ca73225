//! A writer of SVG text: elements, attributes, escaped words and pixels with one decimal.

use std::fmt::Write;

use crate::text::escape;

/// SVG text that grows element by element.
#[derive(Default)]
pub(crate) struct Svg {
    text: String,
}

impl Svg {
    /// Begins an element; one of the closing methods of [`Tag`] must follow.
    pub(crate) fn tag(&mut self, name: &'static str) -> Tag<'_> {
        self.text.push('<');
        self.text.push_str(name);
        Tag { text: &mut self.text, name }
    }

    /// Ends an element that [`Tag::open`] left open.
    pub(crate) fn end(&mut self, name: &'static str) {
        let _ = write!(self.text, "</{name}>");
    }

    /// Opens a group; `end("g")` closes it.
    pub(crate) fn group(&mut self, class: &str) {
        self.tag("g").class(class).open();
    }

    /// A straight line.
    pub(crate) fn line(&mut self, class: &str, from: (f64, f64), to: (f64, f64)) {
        let tag = self.tag("line").class(class).at("x1", from.0).at("y1", from.1);
        tag.at("x2", to.0).at("y2", to.1).close();
    }

    /// Words that begin, are centred or end at a place, as `class` says (`start`, `middle`, `end`).
    pub(crate) fn words(&mut self, class: &str, (x, y): (f64, f64), words: &str) {
        self.tag("text").class(class).at("x", x).at("y", y).words(words);
    }

    /// A rectangle, ready for its title or its end.
    pub(crate) fn rect(&mut self, class: &str, area: Area) -> Tag<'_> {
        let tag = self.tag("rect").class(class).at("x", area.left).at("y", area.top);
        tag.at("width", area.width()).at("height", area.height())
    }

    /// A disc, ready for its title or its end.
    pub(crate) fn disc(&mut self, class: &str, (x, y): (f64, f64), radius: f64) -> Tag<'_> {
        self.tag("circle").class(class).at("cx", x).at("cy", y).at("r", radius)
    }

    /// A path, ready for its title or its end.
    pub(crate) fn path(&mut self, class: &str, path: &Path) -> Tag<'_> {
        self.tag("path").class(class).set("d", &path.text)
    }

    /// Takes over what another writer has written.
    pub(crate) fn raw(&mut self, svg: &str) {
        self.text.push_str(svg);
    }

    /// All that was written.
    pub(crate) fn finish(self) -> String {
        self.text
    }
}

/// An element whose attributes are being written.
#[must_use = "an element must be closed"]
pub(crate) struct Tag<'a> {
    text: &'a mut String,
    name: &'static str,
}

impl Tag<'_> {
    /// Sets the classes; none when `class` is empty.
    pub(crate) fn class(self, class: &str) -> Self {
        if class.is_empty() { self } else { self.set("class", class) }
    }

    /// Sets an attribute to words.
    pub(crate) fn set(self, name: &str, value: &str) -> Self {
        let _ = write!(self.text, " {name}=\"{}\"", escape(value));
        self
    }

    /// Sets an attribute to a number of pixels.
    pub(crate) fn at(self, name: &str, value: f64) -> Self {
        let _ = write!(self.text, " {name}=\"{}\"", px(value));
        self
    }

    /// Ends the element without content.
    pub(crate) fn close(self) {
        self.text.push_str("/>");
    }

    /// Leaves the element open for others inside.
    pub(crate) fn open(self) {
        self.text.push('>');
    }

    /// Ends the element with words inside.
    pub(crate) fn words(self, words: &str) {
        let _ = write!(self.text, ">{}</{}>", escape(words), self.name);
    }

    /// Ends the element with a title inside, which is shown when it is pointed at.
    pub(crate) fn titled(self, title: &str) {
        let _ = write!(self.text, "><title>{}</title></{}>", escape(title), self.name);
    }
}

/// The `d` of a path.
#[derive(Default)]
pub(crate) struct Path {
    text: String,
    /// The last point as it was written, so that none is written twice.
    last: Option<(String, String)>,
}

impl Path {
    /// Lifts the pen and sets it down elsewhere.
    pub(crate) fn lift(&mut self, (x, y): (f64, f64)) {
        self.last = Some((px(x), px(y)));
        let _ = write!(self.text, "M{} {}", px(x), px(y));
    }

    /// Draws a straight line on; the first point is only a place to start.
    pub(crate) fn draw(&mut self, (x, y): (f64, f64)) {
        let to = (px(x), px(y));
        let Some((last_x, last_y)) = self.last.replace(to.clone()) else {
            return self.lift((x, y));
        };
        match (last_x == to.0, last_y == to.1) {
            (true, true) => {}
            (true, false) => drop(write!(self.text, "V{}", to.1)),
            (false, true) => drop(write!(self.text, "H{}", to.0)),
            (false, false) => drop(write!(self.text, "L{} {}", to.0, to.1)),
        }
    }

    /// Draws a curve that leaves and arrives level.
    pub(crate) fn bend(&mut self, (x, y): (f64, f64), from: (f64, f64)) {
        let middle = px((from.0 + x) / 2.0);
        let (from_y, x, y) = (px(from.1), px(x), px(y));
        let _ = write!(self.text, "C{middle} {from_y} {middle} {y} {x} {y}");
        self.last = Some((x, y));
    }

    /// A dot: a line of no length, which a round cap makes visible.
    pub(crate) fn dot(&mut self, (x, y): (f64, f64)) {
        let _ = write!(self.text, "M{} {}h0", px(x), px(y));
        self.last = None;
    }

    /// Joins the end to the beginning.
    pub(crate) fn shut(&mut self) {
        self.text.push('Z');
    }

    /// Whether nothing was drawn.
    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }
}

/// A rectangle on the drawing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Area {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) right: f64,
    pub(crate) bottom: f64,
}

impl Area {
    pub(crate) fn width(&self) -> f64 {
        (self.right - self.left).max(0.0)
    }

    pub(crate) fn height(&self) -> f64 {
        (self.bottom - self.top).max(0.0)
    }

    pub(crate) fn middle(&self) -> (f64, f64) {
        (self.left + self.width() / 2.0, self.top + self.height() / 2.0)
    }
}

/// Pixels with at most one decimal.
fn px(value: f64) -> String {
    let rounded = (value * 10.0).round() / 10.0;
    // No minus before a zero.
    format!("{}", rounded + 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_have_one_decimal_at_most() {
        assert_eq!([px(1.0), px(1.26), px(-0.01), px(1e3)], ["1", "1.3", "0", "1000"]);
    }

    #[test]
    fn words_and_attributes_are_escaped() {
        let mut svg = Svg::default();
        svg.tag("text").set("id", "\"<").words("a & <b>");
        assert_eq!(svg.finish(), "<text id=\"&quot;&lt;\">a &amp; &lt;b&gt;</text>");
    }

    #[test]
    fn a_path_writes_no_point_twice() {
        let mut path = Path::default();
        for point in [(0.0, 0.0), (0.01, 0.0), (0.0, 5.0), (3.0, 5.0), (4.0, 6.0)] {
            path.draw(point);
        }
        assert_eq!(path.text, "M0 0V5H3L4 6");
    }
}
