//! Calibration: how often that happens which is given a probability, over a histogram of the
//! probabilities.

use serde::{Deserialize, Serialize};

use super::histogram::{Bin, draw_counts};
use crate::axis::{Axis, Ends};
use crate::frame::{
    COLOURS, Drawing, FONT, Frame, NORMAL, Swatch, empty, entries, fill, key, plural, stroke,
    whisker,
};
use crate::svg::{Area, Path, Svg};
use crate::{count, percent};

/// More bins than this are drawn as a line alone.
const MOST: usize = 60;

/// Predicted against observed shares, with how many rows got which probability.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Calibration {
    /// One curve for each model or part of the data.
    pub curves: Vec<CalibrationCurve>,
    /// How many rows got which probability, in bins from 0 to 1.
    pub scores: Vec<Bin>,
}

/// One curve of a calibration chart.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CalibrationCurve {
    /// Whose curve it is.
    pub name: String,
    /// Its bins, with rising probabilities.
    pub bins: Vec<CalibrationBin>,
}

/// Rows with about the same probability.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CalibrationBin {
    /// The mean probability.
    pub predicted: f64,
    /// The share of positives.
    pub observed: f64,
    /// How many rows there are.
    pub count: u64,
    /// The interval of the share, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<(f64, f64)>,
}

impl CalibrationBin {
    fn is_known(&self) -> bool {
        self.predicted.is_finite() && self.observed.is_finite()
    }
}

impl Calibration {
    pub(crate) fn draw(&self) -> Drawing {
        if !self.curves.iter().flat_map(|c| &c.bins).any(CalibrationBin::is_known) {
            return empty("no bins");
        }
        let (width, height) = (NORMAL, 470.0);
        let split = if self.scores.is_empty() { height } else { 375.0 };
        let mut svg = Svg::default();
        let mut outer = Area { left: 2.0, top: 0.0, right: width - 2.0, bottom: split };
        let names = self.curves.iter().map(|c| c.name.as_str());
        let mut named = entries(Swatch::Line, names);
        named.retain(|(.., name)| !name.is_empty());
        named.push((0, Swatch::Guide, "perfectly calibrated"));
        outer.top += key(&mut svg, outer, &named);
        let none = || std::iter::empty();
        let x = Axis::share("Predicted probability").fit(none(), 5, Ends::Tight);
        let y = Axis::share("Observed share").fit(none(), 5, Ends::Tight);
        let frame = Frame::draw(&mut svg, outer, &x, &y);
        frame.diagonal(&mut svg, (0.0, 1.0), "");
        for (i, curve) in self.curves.iter().enumerate().rev() {
            draw_curve(&mut svg, &frame, i, curve);
        }
        self.draw_scores(&mut svg, &frame, Area { top: split, bottom: height, ..outer });
        Drawing {
            width,
            height: split.max(height),
            body: svg.finish(),
            description: self.describe(),
        }
    }

    /// The histogram stands exactly under the curve.
    fn draw_scores(&self, svg: &mut Svg, above: &Frame, outer: Area) {
        if self.scores.is_empty() {
            return;
        }
        let area = Area {
            left: above.area.left,
            right: above.area.right,
            top: outer.top + 24.0,
            bottom: outer.bottom - 4.0,
        };
        svg.words("label", (outer.left, outer.top + 14.0), "Rows by predicted probability");
        draw_counts(svg, area, above.x, &self.scores, "f0");
        svg.line("axis", (area.left, area.bottom), (area.right, area.bottom));
        let most = self.scores.iter().map(|b| b.count).max().unwrap_or(0);
        svg.words("tick end", (area.left - 6.0, area.top + FONT - 4.0), &count(most));
    }

    fn describe(&self) -> String {
        let bins = self.curves.iter().map(|c| c.bins.len()).max().unwrap_or(0);
        let curves = plural(self.curves.len(), "curve");
        format!("Calibration: observed share over predicted probability, {curves}, {bins} bins.")
    }
}

fn draw_curve(svg: &mut Svg, frame: &Frame, index: usize, curve: &CalibrationCurve) {
    let known: Vec<&CalibrationBin> = curve.bins.iter().filter(|b| b.is_known()).collect();
    let at = |b: &CalibrationBin| (frame.x.at(b.predicted), frame.y.at(b.observed));
    let mut path = Path::default();
    for bin in &known {
        path.draw(at(bin));
    }
    svg.path(&stroke(index), &path).close();
    if known.len() > MOST {
        return;
    }
    for bin in &known {
        if let Some((low, high)) = bin.interval.filter(|(l, h)| l.is_finite() && h.is_finite()) {
            let x = frame.x.at(bin.predicted);
            let class = format!("whisker s{}", index % COLOURS);
            whisker(svg, &class, (x, frame.y.at(low)), (x, frame.y.at(high)));
        }
    }
    for bin in &known {
        let tip = format!(
            "{}\npredicted {}\nobserved {}\n{}",
            curve.name,
            percent(bin.predicted),
            percent(bin.observed),
            plural(bin.count as usize, "row")
        );
        svg.disc(&format!("spot {}", fill(index)), at(bin), 3.5).titled(tip.trim_start());
    }
}
