//! Lying bars and dots with intervals: importances, slices, categories.

use serde::{Deserialize, Serialize};

use crate::axis::{Axis, Ends, Measure, Scale};
use crate::frame::{Drawing, FONT, NORMAL, empty, plural, whisker};
use crate::number::aligned;
use crate::points::gap;
use crate::svg::{Area, Svg};
use crate::text::{cut, width};

const ROW: f64 = 22.0;

/// Named values, one a row, in the given order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Bars {
    /// The axis of the values.
    pub axis: Axis,
    /// The values; one that is not finite is shown as missing.
    pub bars: Vec<Bar>,
    /// How a value is drawn.
    pub form: BarForm,
    /// A value to compare with, such as that of all rows, with its word.
    pub reference: Option<(f64, String)>,
    /// How many are drawn at most; the others are counted in a last line.
    pub most: usize,
}

/// One named value.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Bar {
    /// What it belongs to.
    pub name: String,
    /// The value.
    #[serde(with = "gap")]
    pub value: f64,
    /// Its interval, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<(f64, f64)>,
    /// More about it, such as `120 rows`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// How a value is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BarForm {
    /// As a bar from 0.
    #[default]
    Bar,
    /// As a dot, on an axis that need not begin at 0.
    Dot,
}

impl Default for Bars {
    fn default() -> Self {
        Self {
            axis: Axis::default(),
            bars: Vec::new(),
            form: BarForm::Bar,
            reference: None,
            most: 25,
        }
    }
}

impl Bar {
    /// A value alone.
    pub fn new(name: impl Into<String>, value: f64) -> Self {
        Self { name: name.into(), value, ..Self::default() }
    }

    /// The same with an interval.
    pub fn within(self, low: f64, high: f64) -> Self {
        Self { interval: Some((low, high)), ..self }
    }

    /// The same with more about it.
    pub fn noted(self, note: impl Into<String>) -> Self {
        Self { note: Some(note.into()), ..self }
    }

    fn known_interval(&self) -> Option<(f64, f64)> {
        self.interval.filter(|(low, high)| low.is_finite() && high.is_finite())
    }
}

impl Bars {
    /// Importances as bars, the greatest first.
    pub fn importances(label: impl Into<String>, mut bars: Vec<Bar>) -> Self {
        bars.sort_by(|a, b| b.value.total_cmp(&a.value).then_with(|| a.name.cmp(&b.name)));
        Self { axis: Axis::number(label), bars, ..Self::default() }
    }

    /// A metric on parts of the rows as dots with intervals, beside that of all rows.
    pub fn slices(axis: Axis, bars: Vec<Bar>, all_rows: f64) -> Self {
        let reference = Some((all_rows, "all rows".to_string()));
        Self { axis, bars, form: BarForm::Dot, reference, ..Self::default() }
    }

    pub(crate) fn draw(&self) -> Drawing {
        if self.bars.is_empty() {
            return empty("no values");
        }
        let shown = &self.bars[..self.bars.len().min(self.most.max(1))];
        let more = self.bars.len() - shown.len();
        let top = if self.reference.is_some() { 20.0 } else { 4.0 };
        let bottom = top + ROW * shown.len() as f64;
        let height = bottom + if more > 0 { 60.0 } else { 40.0 };
        let words = self.value_words(shown);
        let (names, values) = columns(shown, &words);
        let mut svg = Svg::default();
        let area = Area { left: names + 12.0, top, right: NORMAL - values - 14.0, bottom };
        let scale = self.draw_axis(&mut svg, area, shown);
        for (i, (bar, words)) in shown.iter().zip(&words).enumerate() {
            let middle = top + ROW * (i as f64 + 0.5);
            let words = cut(words, values, FONT);
            svg.words("tick end", (NORMAL - 2.0, middle + 4.0), &words);
            self.draw_row(&mut svg, (scale, area), middle, bar);
        }
        if more > 0 {
            let words = format!("and {} more", crate::count(more as u64));
            svg.words("note", (2.0, height - 4.0), &words);
        }
        Drawing { width: NORMAL, height, body: svg.finish(), description: self.describe() }
    }

    /// The values in words, digit under digit.
    fn value_words(&self, shown: &[Bar]) -> Vec<String> {
        let values: Vec<f64> = shown.iter().map(|b| b.value).collect();
        match self.axis.measure {
            Measure::Number => aligned(&values),
            _ => values.into_iter().map(|v| self.axis.words(v)).collect(),
        }
    }

    fn draw_axis(&self, svg: &mut Svg, area: Area, shown: &[Bar]) -> Scale {
        let intervals = shown.iter().filter_map(Bar::known_interval).flat_map(|(l, h)| [l, h]);
        let zero = (self.form == BarForm::Bar).then_some(0.0);
        let reference = self.reference.as_ref().map(|(at, _)| *at);
        let values = shown.iter().map(|b| b.value).chain(intervals).chain(zero).chain(reference);
        // A dot needs no axis from 0 to 1, even for a share.
        let axis = match self.form {
            BarForm::Bar => self.axis.clone(),
            BarForm::Dot => Axis { from: None, to: None, ..self.axis.clone() },
        };
        let fitted = axis.fit(values, (area.width() / 60.0) as usize, Ends::Round);
        let scale = fitted.onto(area.left, area.right);
        let words: f64 = fitted.ticks.words.iter().map(|w| width(w, FONT) + 10.0).sum();
        let stride = (words / area.width().max(1.0)).ceil().max(1.0) as usize;
        for (i, (&value, words)) in fitted.ticks.at.iter().zip(&fitted.ticks.words).enumerate() {
            let at = scale.at(value);
            let class = if value == 0.0 { "axis" } else { "grid" };
            svg.line(class, (at, area.top), (at, area.bottom));
            if i % stride == 0 {
                svg.words("tick middle", (at, area.bottom + 16.0), words);
            }
        }
        let middle = area.middle().0;
        let label = cut(&self.axis.label, 2.0 * middle.min(NORMAL - middle) - 4.0, FONT);
        svg.words("label middle", (middle, area.bottom + 34.0), &label);
        if let Some((at, word)) = self.reference.as_ref().filter(|(at, _)| at.is_finite()) {
            let x = scale.at(*at);
            svg.line("guide", (x, area.top - 4.0), (x, area.bottom));
            let half = width(word, FONT) / 2.0;
            let middle = x.clamp(half + 2.0, (NORMAL - half - 2.0).max(half + 2.0));
            svg.words("note middle", (middle, area.top - 8.0), word);
        }
        scale
    }

    fn draw_row(&self, svg: &mut Svg, (scale, area): (Scale, Area), middle: f64, bar: &Bar) {
        let name = cut(&bar.name, area.left - 10.0, FONT);
        svg.words("name end", (area.left - 8.0, middle + 4.0), &name);
        if !bar.value.is_finite() {
            return;
        }
        let at = scale.at(bar.value);
        let tip = self.tip(bar);
        let whiskers = |svg: &mut Svg, class: &str| {
            if let Some((low, high)) = bar.known_interval() {
                whisker(svg, class, (scale.at(low), middle), (scale.at(high), middle));
            }
        };
        match self.form {
            BarForm::Bar => {
                let zero = scale.at(0.0);
                let (left, right) = (zero.min(at), zero.max(at).max(zero.min(at) + 0.7));
                let area = Area { left, right, top: middle - 7.0, bottom: middle + 7.0 };
                let class = if bar.value < 0.0 { "bar f1" } else { "bar f0" };
                svg.rect(class, area).titled(&tip);
                whiskers(svg, "whisker");
            }
            BarForm::Dot => {
                whiskers(svg, "whisker s0");
                svg.disc("spot f0", (at, middle), 4.0).titled(&tip);
            }
        }
    }

    fn tip(&self, bar: &Bar) -> String {
        let mut tip = format!("{}\n{}", bar.name, self.axis.words(bar.value));
        if let Some((low, high)) = bar.known_interval() {
            tip.push_str(&format!(" ({} to {})", self.axis.words(low), self.axis.words(high)));
        }
        if let Some(note) = &bar.note {
            tip.push_str(&format!("\n{note}"));
        }
        tip
    }

    fn describe(&self) -> String {
        let words = self.value_words(&self.bars);
        let first: Vec<String> =
            self.bars.iter().zip(words).take(12).map(|(b, w)| format!("{} {w}", b.name)).collect();
        let rows = plural(self.bars.len(), "row");
        format!("{} in {rows}: {}.", self.axis.label, first.join("; "))
    }
}

/// The widths of the names on the left and of the values on the right.
fn columns(shown: &[Bar], words: &[String]) -> (f64, f64) {
    let names = shown.iter().map(|b| width(&b.name, FONT)).fold(0.0, f64::max);
    let values = words.iter().map(|w| width(w, FONT)).fold(0.0, f64::max);
    (names.clamp(20.0, NORMAL * 0.43), values.min(NORMAL * 0.25) + 1.0)
}
