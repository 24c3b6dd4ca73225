//! Histograms: how many values lie where, for one group or for several over each other.

use serde::{Deserialize, Serialize};

use super::lines::Shape;
use crate::axis::{Axis, Ends, Scale};
use crate::frame::{Drawing, Frame, Swatch, below_key, empty, entries, fill, plural};
use crate::svg::{Area, Svg};
use crate::ticks;
use crate::{count, number, percent};

/// Values of one or several groups, counted in common bins.
///
/// The height of a bar is its share of the group for each unit of width, so bins may differ in
/// width and groups in size.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Histogram {
    /// The horizontal axis.
    pub x: Axis,
    /// What was counted, for each group.
    pub groups: Vec<HistogramGroup>,
    /// A value to mark, such as a threshold, with its word.
    pub mark: Option<(f64, String)>,
}

/// What was counted of one group.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HistogramGroup {
    /// What it is called.
    pub name: String,
    /// Its bins, rising.
    pub bins: Vec<Bin>,
}

/// How many values lie between two borders.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bin {
    /// Where the bin begins.
    pub from: f64,
    /// Where it ends.
    pub to: f64,
    /// How many values lie within.
    pub count: u64,
}

impl Bin {
    fn is_drawable(&self) -> bool {
        self.from.is_finite() && self.to.is_finite() && self.from < self.to
    }

    /// The bins of equal width that hold `values`, about `wanted` of them, with round borders.
    /// What is not finite is left out.
    ///
    /// ```
    /// # use gristmill_view::Bin;
    /// let bins = Bin::of(&[0.0, 0.1, 0.9, 1.0], 2);
    /// assert_eq!(bins.iter().map(|b| b.count).collect::<Vec<_>>(), [2, 2]);
    /// assert_eq!((bins[0].from, bins[0].to, bins[1].to), (0.0, 0.5, 1.0));
    /// ```
    pub fn of(values: &[f64], wanted: usize) -> Vec<Self> {
        let borders = borders(values.iter().copied(), wanted);
        Self::between(values, &borders)
    }

    /// Bins that were counted elsewhere: `counts[i]` values between `borders[i]` and
    /// `borders[i + 1]`. What has no partner is left out.
    pub fn joined(borders: &[f64], counts: &[u64]) -> Vec<Self> {
        let pairs = borders.windows(2).zip(counts);
        pairs.map(|(w, &count)| Self { from: w[0], to: w[1], count }).collect()
    }

    /// How many of `values` lie between rising `borders`; the last border belongs to its bin.
    pub fn between(values: &[f64], borders: &[f64]) -> Vec<Self> {
        let pairs = borders.windows(2);
        let mut bins: Vec<Self> = pairs.map(|w| Self { from: w[0], to: w[1], count: 0 }).collect();
        let Some(last) = bins.len().checked_sub(1) else { return bins };
        for &value in values.iter().filter(|v| v.is_finite()) {
            if value >= bins[0].from && value <= bins[last].to {
                let bin = borders.partition_point(|b| *b <= value).saturating_sub(1).min(last);
                bins[bin].count += 1;
            }
        }
        bins
    }
}

fn borders(values: impl Iterator<Item = f64>, wanted: usize) -> Vec<f64> {
    let Some((low, high)) = ticks::range(values) else { return Vec::new() };
    let (low, high, steps) = ticks::nice(low, high, wanted);
    ticks::linear(low, high, steps).at
}

impl Histogram {
    /// Counts the values of each group in common bins, about `wanted` of them.
    pub fn of(x: Axis, groups: &[(&str, &[f64])], wanted: usize) -> Self {
        let all = groups.iter().flat_map(|(_, values)| values.iter().copied());
        let given = [x.from, x.to].into_iter().flatten();
        let borders = borders(all.chain(given), wanted);
        let group = |(name, values): &(&str, &[f64])| HistogramGroup {
            name: name.to_string(),
            bins: Bin::between(values, &borders),
        };
        Self { groups: groups.iter().map(group).collect(), x, mark: None }
    }

    /// The same with a value marked.
    pub fn marked(self, at: f64, word: impl Into<String>) -> Self {
        Self { mark: Some((at, word.into())), ..self }
    }

    pub(crate) fn draw(&self) -> Drawing {
        let bins = || self.groups.iter().flat_map(|g| &g.bins).filter(|b| b.is_drawable());
        if bins().all(|b| b.count == 0) {
            return empty("no values");
        }
        let (width, height) = Shape::Normal.size();
        let mut svg = Svg::default();
        let mut outer = Area { left: 2.0, top: 0.0, right: width - 2.0, bottom: height };
        if self.groups.len() > 1 {
            let titles: Vec<String> = self.groups.iter().map(HistogramGroup::title).collect();
            let titles = titles.iter().map(String::as_str);
            outer = below_key(&mut svg, outer, &entries(Swatch::Block, titles));
        }
        let x = self.x.fit(bins().flat_map(|b| [b.from, b.to]), 6, Ends::Tight);
        let mean = self.mean_width();
        let heights = self.groups.iter().flat_map(|g| g.bins.iter().map(|b| g.height(b, mean)));
        let label = if self.groups.len() > 1 { "Share of each group" } else { "Share of rows" };
        let y =
            Axis { from: Some(0.0), to: None, ..Axis::share(label) }.fit(heights, 4, Ends::Round);
        let frame = Frame::draw(&mut svg, outer, &x, &y);
        for (i, group) in self.groups.iter().enumerate() {
            self.draw_group(&mut svg, &frame, (i, mean), group);
        }
        self.draw_mark(&mut svg, &frame);
        let (height, description) = (outer.bottom, self.describe());
        Drawing { width, height, body: svg.finish(), description }
    }

    fn mean_width(&self) -> f64 {
        let widths: Vec<f64> = self
            .groups
            .iter()
            .flat_map(|g| &g.bins)
            .filter(|b| b.is_drawable())
            .map(|b| b.to / 2.0 - b.from / 2.0)
            .collect();
        2.0 * (widths.iter().map(|w| w / widths.len() as f64).sum::<f64>())
    }

    fn draw_group(
        &self,
        svg: &mut Svg,
        frame: &Frame,
        (i, mean): (usize, f64),
        group: &HistogramGroup,
    ) {
        let class = if self.groups.len() > 1 { "bar over" } else { "bar" };
        let total = group.total();
        for bin in group.bins.iter().filter(|b| b.is_drawable() && b.count > 0) {
            let area = Area {
                left: frame.x.at(bin.from) + 0.5,
                right: frame.x.at(bin.to) - 0.5,
                top: frame.y.at(group.height(bin, mean)),
                bottom: frame.area.bottom,
            };
            let share = percent(bin.count as f64 / total as f64);
            let name = if group.name.is_empty() { "" } else { &format!("{}\n", group.name) };
            let (from, to) = (self.x.words(bin.from), self.x.words(bin.to));
            let rows = plural(bin.count as usize, "row");
            let tip = format!("{name}{from} to {to}\n{rows}, {share}");
            svg.rect(&format!("{class} {}", fill(i)), area).titled(&tip);
        }
    }

    fn draw_mark(&self, svg: &mut Svg, frame: &Frame) {
        if let Some((at, word)) = self.mark.as_ref().filter(|(at, _)| self.x.shows(*at)) {
            frame.upright(svg, *at, word);
        }
    }

    fn describe(&self) -> String {
        let groups: Vec<String> = self.groups.iter().map(HistogramGroup::title).take(12).collect();
        format!("Histogram of {}. {}", self.x.label, groups.join("; "))
    }
}

impl HistogramGroup {
    fn total(&self) -> u64 {
        self.bins.iter().map(|b| b.count).sum::<u64>().max(1)
    }

    /// The share of the group, as if the bin had the mean width of all bins.
    fn height(&self, bin: &Bin, mean: f64) -> f64 {
        if !bin.is_drawable() {
            return f64::NAN;
        }
        let width = (bin.to / 2.0 - bin.from / 2.0) / (mean / 2.0);
        bin.count as f64 / self.total() as f64 / width
    }

    fn title(&self) -> String {
        let rows = plural(self.bins.iter().map(|b| b.count).sum::<u64>() as usize, "row");
        if self.name.is_empty() { rows } else { format!("{} · {rows}", self.name) }
    }
}

/// Bars without axes, as high as the area allows.
pub(crate) fn draw_counts(svg: &mut Svg, area: Area, x: Scale, bins: &[Bin], class: &str) {
    let density = |b: &Bin| b.count as f64 / (x.at(b.to) - x.at(b.from)).max(0.5);
    let visible = |b: &&Bin| x.at(b.to) - x.at(b.from) > 0.01;
    let drawable = || bins.iter().filter(|b| b.is_drawable() && b.count > 0).filter(visible);
    let most = drawable().map(density).fold(0.0, f64::max);
    for bin in drawable() {
        let height = (density(bin) / most * area.height()).max(0.7);
        let left = x.at(bin.from) + 0.3;
        let right = (x.at(bin.to) - 0.3).max(left + 0.4);
        let bar = Area { left, right, top: area.bottom - height, bottom: area.bottom };
        let tip = format!("{} to {}: {}", number(bin.from), number(bin.to), count(bin.count));
        svg.rect(class, bar).titled(&tip);
    }
}
