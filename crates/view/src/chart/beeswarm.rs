//! Contributions to predictions, feature by feature: a dot a row, coloured by the feature's value.
//! Layout of the kind that Lundberg and Lee's SHAP made known ("A Unified Approach to Interpreting
//! Model Predictions", NeurIPS 2017).

use serde::{Deserialize, Serialize};

use crate::axis::{Axis, Ends, Scale};
use crate::frame::{Drawing, FONT, NORMAL, empty, plural};
use crate::points::gaps;
use crate::svg::{Area, Path, Svg};
use crate::text::{cut, width};

const ROW: f64 = 28.0;
/// How far apart the places of dots are, and how many stand above each other.
const PITCH: f64 = 3.0;
const STACK: usize = 8;
/// The steps of the colour from low to high values.
const SHADES: usize = 7;
/// How many features are drawn.
const MOST: usize = 20;

/// Contributions to predictions, one swarm for each feature.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Beeswarm {
    /// The axis of the contributions.
    pub axis: Axis,
    /// The features, the most important one first.
    pub features: Vec<Swarm>,
}

/// The contributions of one feature.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Swarm {
    /// The feature.
    pub name: String,
    /// Its contribution to the prediction of each row.
    #[serde(with = "gaps")]
    pub contributions: Vec<f64>,
    /// Its value in each row, by which the dots are coloured; none for a category, NaN for a
    /// missing value.
    #[serde(with = "gaps")]
    pub values: Vec<f64>,
}

impl Swarm {
    /// The mean size of the contributions.
    pub fn importance(&self) -> f64 {
        let known = || self.contributions.iter().filter(|c| c.is_finite());
        known().map(|c| c.abs()).sum::<f64>() / known().count().max(1) as f64
    }
}

impl Beeswarm {
    /// Swarms with the most important feature first.
    pub fn of(label: impl Into<String>, mut features: Vec<Swarm>) -> Self {
        features.sort_by(|a, b| {
            b.importance().total_cmp(&a.importance()).then_with(|| a.name.cmp(&b.name))
        });
        Self { axis: Axis::number(label), features }
    }

    pub(crate) fn draw(&self) -> Drawing {
        let shown = &self.features[..self.features.len().min(MOST)];
        let all = || shown.iter().flat_map(|s| s.contributions.iter().copied());
        if !all().any(f64::is_finite) {
            return empty("no contributions");
        }
        let names = shown.iter().map(|s| width(&s.name, FONT)).fold(0.0, f64::max);
        let (top, bottom) = (26.0, 26.0 + ROW * shown.len() as f64);
        let left = names.min(NORMAL * 0.4) + 14.0;
        let area = Area { left, top, right: NORMAL - 16.0, bottom };
        let mut svg = Svg::default();
        draw_shades(&mut svg, area);
        let scale = self.draw_axis(&mut svg, area, all().chain([0.0]));
        for (i, swarm) in shown.iter().enumerate() {
            let middle = top + ROW * (i as f64 + 0.5);
            svg.words("name end", (left - 8.0, middle + 4.0), &cut(&swarm.name, left - 12.0, FONT));
            draw_swarm(&mut svg, scale, middle, swarm);
        }
        let more = self.features.len() - shown.len();
        if more > 0 {
            let words = format!("and {} more", crate::count(more as u64));
            svg.words("note", (2.0, bottom + 16.0), &words);
        }
        let description = self.describe(shown);
        Drawing { width: NORMAL, height: bottom + 42.0, body: svg.finish(), description }
    }

    fn draw_axis(&self, svg: &mut Svg, area: Area, values: impl Iterator<Item = f64>) -> Scale {
        let fitted = self.axis.fit(values, 4, Ends::Tight);
        let scale = fitted.onto(area.left + 6.0, area.right);
        for (&value, words) in fitted.ticks.at.iter().zip(&fitted.ticks.words) {
            let at = scale.at(value);
            let class = if value == 0.0 { "axis" } else { "grid" };
            svg.line(class, (at, area.top), (at, area.bottom));
            svg.words("tick middle", (at, area.bottom + 16.0), words);
        }
        let label = cut(&self.axis.label, area.width(), FONT);
        svg.words("label middle", (area.middle().0, area.bottom + 36.0), &label);
        scale
    }

    fn describe(&self, shown: &[Swarm]) -> String {
        let means: Vec<String> = shown
            .iter()
            .take(12)
            .map(|s| format!("{} {}", s.name, crate::number(s.importance())))
            .collect();
        let rows = plural(shown.iter().map(|s| s.contributions.len()).max().unwrap_or(0), "row");
        format!("{} of {rows}. Mean sizes: {}.", self.axis.label, means.join("; "))
    }
}

/// The key of the colours: low to high.
fn draw_shades(svg: &mut Svg, area: Area) {
    let right = area.right - 30.0;
    let left = right - 10.0 * SHADES as f64;
    svg.words("note end", (left - 6.0, 12.0), "value of the feature: low");
    for shade in 0..SHADES {
        let x = left + 10.0 * shade as f64;
        let area = Area { left: x, top: 4.0, right: x + 10.0, bottom: 13.0 };
        svg.rect(&format!("v{shade}"), area).close();
    }
    svg.words("note", (right + 6.0, 12.0), "high");
}

fn draw_swarm(svg: &mut Svg, scale: Scale, middle: f64, swarm: &Swarm) {
    let mut columns: Vec<Vec<(f64, Option<usize>)>> = Vec::new();
    let shades = shades(&swarm.values);
    for (row, &contribution) in swarm.contributions.iter().enumerate() {
        if contribution.is_finite() {
            let x = scale.at(contribution);
            let column = ((x - scale.start) / PITCH).max(0.0) as usize;
            columns.resize_with(columns.len().max(column + 1), Vec::new);
            columns[column].push((x, shades.get(row).copied().flatten()));
        }
    }
    let crowd = columns.iter().map(Vec::len).max().unwrap_or(0);
    let mut paths: Vec<Path> = (0..=SHADES).map(|_| Path::default()).collect();
    for column in &mut columns {
        column.sort_by(|a, b| a.1.cmp(&b.1).then(a.0.total_cmp(&b.0)));
        let shown = height(column.len(), crowd);
        for place in 0..shown {
            // Evenly spread over the values, so that the colours keep their proportions.
            let (x, shade) = column[place * column.len() / shown];
            let offset = (place as f64 - (shown as f64 - 1.0) / 2.0) * PITCH;
            paths[shade.unwrap_or(SHADES)].dot((x, middle - offset));
        }
    }
    svg.group("swarm");
    for (shade, path) in paths.iter().enumerate().filter(|(_, p)| !p.is_empty()) {
        svg.path(&format!("w{shade}"), path).close();
    }
    svg.end("g");
}

/// How many dots stand for `count` rows where the fullest place has `crowd`.
fn height(count: usize, crowd: usize) -> usize {
    if crowd <= STACK { count } else { (count * STACK).div_ceil(crowd) }
}

/// The shade of each value by its rank among the others; none where it is missing.
fn shades(values: &[f64]) -> Vec<Option<usize>> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let (Some(&low), Some(&high)) = (sorted.first(), sorted.last()) else {
        return vec![None; values.len()];
    };
    // Rank and value together: ranks alone would tear equal values apart, values alone would let
    // one far away wash out the colours of all others.
    let at = |share: f64| sorted[(share * (sorted.len() - 1) as f64) as usize];
    let (mut from, mut to) = (at(0.05), at(0.95));
    if from == to {
        (from, to) = (low, high);
    }
    let shade = |v: f64| {
        let share = if from < to { (v / 2.0 - from / 2.0) / (to / 2.0 - from / 2.0) } else { 0.5 };
        (share.clamp(0.0, 1.0) * (SHADES as f64 - 0.01)) as usize
    };
    values.iter().map(|&v| v.is_finite().then(|| shade(v))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shades_run_from_low_to_high_and_skip_what_is_missing() {
        assert_eq!(shades(&[0.0, 1.0, f64::NAN]), [Some(0), Some(6), None]);
        assert_eq!(shades(&[5.0, 5.0]), [Some(3), Some(3)]);
        assert_eq!(shades(&[f64::NAN]), [None]);
    }

    #[test]
    fn crowds_are_drawn_in_proportion() {
        assert_eq!(
            [(8, 8), (1, 100), (50, 100), (100, 100)].map(|(n, c)| height(n, c)),
            [8, 1, 4, 8]
        );
    }
}
