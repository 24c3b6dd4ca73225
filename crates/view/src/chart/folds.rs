//! Scores of folds: every score as a dot, their quartiles as a box, their mean as a stroke.

use serde::{Deserialize, Serialize};

use crate::axis::{Axis, Ends, Fitted, Scale};
use crate::frame::{Drawing, FONT, NORMAL, empty, plural};
use crate::number::spread;
use crate::points::{gaps, thin_cloud};
use crate::svg::{Area, Path, Svg};
use crate::text::{cut, width};

const ROW: f64 = 38.0;
/// More scores than this are thinned and do not answer when pointed at.
const MOST: usize = 100;

/// Scores of folds, one row for each model, metric or other thing that was repeated.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Folds {
    /// The axis of the scores.
    pub axis: Axis,
    /// The rows.
    pub rows: Vec<FoldRow>,
}

/// The scores of one row.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FoldRow {
    /// Whose scores they are.
    pub name: String,
    /// A score for each fold; those that are not finite are left out.
    #[serde(with = "gaps")]
    pub scores: Vec<f64>,
}

impl FoldRow {
    fn known(&self) -> Vec<f64> {
        let mut known: Vec<f64> = self.scores.iter().copied().filter(|s| s.is_finite()).collect();
        known.sort_by(f64::total_cmp);
        known
    }
}

impl Folds {
    pub(crate) fn draw(&self) -> Drawing {
        if self.rows.iter().all(|r| r.known().is_empty()) {
            return empty("no scores");
        }
        let names = self.rows.iter().map(|r| width(&r.name, FONT)).fold(0.0, f64::max);
        let bottom = 4.0 + ROW * self.rows.len() as f64;
        let left = names.min(NORMAL * 0.4) + 14.0;
        let area = Area { left, top: 4.0, right: NORMAL - 20.0, bottom };
        let height = bottom + 40.0;
        let axis = Axis { from: None, to: None, ..self.axis.clone() };
        let scores = self.rows.iter().flat_map(|r| r.scores.iter().copied());
        let fitted = axis.fit(scores, 4, Ends::Round);
        let mut svg = Svg::default();
        let scale = draw_axis(&mut svg, area, &fitted);
        for (i, row) in self.rows.iter().enumerate() {
            self.draw_row(&mut svg, scale, (area, area.top + ROW * (i as f64 + 0.5)), row);
        }
        let rows: Vec<String> = self.rows.iter().take(12).map(|r| self.summary(r)).collect();
        let description = format!("{} over folds. {}", self.axis.label, rows.join("; "));
        Drawing { width: NORMAL, height, body: svg.finish(), description }
    }

    fn draw_row(&self, svg: &mut Svg, scale: Scale, (area, middle): (Area, f64), row: &FoldRow) {
        let name = cut(&row.name, area.left - 12.0, FONT);
        svg.words("name end", (area.left - 8.0, middle + 4.0), &name);
        let known = row.known();
        let (top, bottom) = (middle - 9.0, middle + 9.0);
        if known.len() >= 4 {
            let (left, right) =
                (scale.at(quantile(&known, 0.25)), scale.at(quantile(&known, 0.75)));
            let quartiles = Area { left, right: right.max(left + 1.0), top, bottom };
            svg.rect("box", quartiles).at("rx", 2.0).close();
        }
        if known.len() > MOST {
            let places: Vec<_> = known.iter().map(|s| (scale.at(*s), middle)).collect();
            let mut path = Path::default();
            thin_cloud(&places, MOST).iter().for_each(|dot| path.dot(dot.at));
            svg.path("dots s0", &path).close();
        }
        let few = if known.len() > MOST { &[] } else { row.scores.as_slice() };
        for (fold, score) in few.iter().enumerate().filter(|(_, s)| s.is_finite()) {
            let tip = format!("{}\nfold {}: {}", row.name, fold + 1, self.axis.words(*score));
            svg.disc("mark f0", (scale.at(*score), middle), 4.0).titled(&tip);
        }
        if let Some((mean, _)) = moments(&known) {
            let at = scale.at(mean);
            let stroke =
                Area { left: at - 1.5, right: at + 1.5, top: top - 3.0, bottom: bottom + 3.0 };
            svg.rect("mean", stroke).titled(&self.summary(row));
        }
    }

    fn summary(&self, row: &FoldRow) -> String {
        let known = row.known();
        let folds = plural(known.len(), "fold");
        match moments(&known) {
            Some((mean, deviation)) => {
                let (words, spread) = (self.axis.words(mean), spread(mean, deviation));
                format!("{}: {words} {spread} over {folds}", row.name)
            }
            None => format!("{}: no scores", row.name),
        }
    }
}

fn draw_axis(svg: &mut Svg, area: Area, fitted: &Fitted) -> Scale {
    let scale = fitted.onto(area.left, area.right);
    for (&value, words) in fitted.ticks.at.iter().zip(&fitted.ticks.words) {
        let at = scale.at(value);
        svg.line("grid", (at, area.top), (at, area.bottom));
        svg.words("tick middle", (at, area.bottom + 16.0), words);
    }
    let label = cut(&fitted.label, area.width(), FONT);
    svg.words("label middle", (area.middle().0, area.bottom + 34.0), &label);
    scale
}

/// The quantile of sorted values, between neighbours in proportion.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let (low, high) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    low + (high - low) * place.fract()
}

/// Mean and sample deviation; the deviation of a single value is 0.
fn moments(values: &[f64]) -> Option<(f64, f64)> {
    if values.is_empty() {
        return None;
    }
    let count = values.len() as f64;
    let mean = values.iter().map(|v| v / count).sum::<f64>();
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    Some((mean, (squares / (count - 1.0).max(1.0)).sqrt()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test] // numpy 2: np.quantile([1, 2, 3, 4], 0.25) = 1.75, np.std(ddof=1) = 1.29099
    fn quartiles_and_moments_are_the_usual_ones() {
        assert_eq!(quantile(&[1.0, 2.0, 3.0, 4.0], 0.25), 1.75);
        let (mean, deviation) = moments(&[1.0, 2.0, 3.0, 4.0]).expect("there are values");
        assert!((mean - 2.5).abs() < 1e-12 && (deviation - 1.290_994).abs() < 1e-6);
        assert_eq!(moments(&[7.0]), Some((7.0, 0.0)));
    }
}
