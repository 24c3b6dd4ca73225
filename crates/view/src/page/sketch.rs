//! Pictures as small as a line of text: histograms, frequent words, scores beside each other.

use super::report::{MetricRow, Sketch};
use crate::axis::{Axis, Ends};
use crate::chart::Bin;
use crate::frame::whisker;
use crate::svg::{Area, Path, Svg};
use crate::text::cut;
use crate::{count, number, percent};

const WIDTH: f64 = 180.0;
const LINE: f64 = 17.0;
/// How many words are shown.
const WORDS: usize = 4;

impl Sketch {
    /// The picture as SVG; nothing where there is nothing to show.
    pub(super) fn svg(&self, name: &str, rows: u64) -> Option<String> {
        match self {
            Self::None => None,
            Self::Bins(bins) => histogram(name, bins),
            Self::Words(words) => frequent(name, words, rows),
        }
    }
}

fn open(svg: &mut Svg, height: f64, title: &str) {
    let tag = svg.tag("svg").class("gm sketch").set("role", "img");
    tag.set("viewBox", &format!("0 0 {WIDTH} {height}"))
        .at("width", WIDTH)
        .at("height", height)
        .open();
    svg.tag("title").words(title);
}

fn histogram(name: &str, bins: &[Bin]) -> Option<String> {
    let drawable: Vec<&Bin> =
        bins.iter().filter(|b| b.from.is_finite() && b.to.is_finite() && b.from < b.to).collect();
    let (first, last) = (drawable.first()?, drawable.last()?);
    let axis = Axis::default().fit([first.from, last.to].into_iter(), 2, Ends::Tight);
    let area = Area { left: 0.5, top: 1.0, right: WIDTH - 0.5, bottom: 34.0 };
    let scale = axis.onto(area.left, area.right);
    let density = |b: &Bin| b.count as f64 / (scale.at(b.to) - scale.at(b.from)).max(0.5);
    let most = drawable.iter().map(|b| density(b)).fold(f64::MIN_POSITIVE, f64::max);
    let mut path = Path::default();
    for bin in &drawable {
        let top = area.bottom - density(bin) / most * area.height();
        path.draw((scale.at(bin.from), area.bottom));
        path.draw((scale.at(bin.from), top));
        path.draw((scale.at(bin.to), top));
        path.draw((scale.at(bin.to), area.bottom));
    }
    path.shut();
    let mut svg = Svg::default();
    open(&mut svg, 50.0, &format!("{name}: {} to {}", border(first.from), border(last.to)));
    svg.path("f0", &path).close();
    svg.line("axis", (0.0, area.bottom + 0.5), (WIDTH, area.bottom + 0.5));
    svg.words("tick", (0.0, 47.0), &border(first.from));
    svg.words("tick end", (WIDTH, 47.0), &border(last.to));
    svg.end("svg");
    Some(svg.finish())
}

/// The border of a bin. Bins of whole numbers may begin a hair before the first of them.
fn border(value: f64) -> String {
    let whole = value.round();
    number(if (value - whole).abs() <= 1e-6 * whole.abs().max(1.0) { whole } else { value })
}

fn frequent(name: &str, words: &[(String, u64)], rows: u64) -> Option<String> {
    let shown = &words[..words.len().min(WORDS)];
    let most = shown.iter().map(|(_, n)| *n).max()?.max(1);
    let mut svg = Svg::default();
    let title: Vec<String> = shown.iter().map(|(w, n)| format!("{w} {}", count(*n))).collect();
    open(&mut svg, LINE * shown.len() as f64, &format!("{name}: {}", title.join(", ")));
    for (i, (word, found)) in shown.iter().enumerate() {
        let top = LINE * i as f64;
        let right = (*found as f64 / most as f64 * WIDTH).max(1.0);
        let area = Area { left: 0.0, top: top + 1.0, right, bottom: top + LINE - 1.0 };
        svg.rect("f0 pale", area).at("rx", 2.0).close();
        let share = percent(*found as f64 / rows.max(1) as f64);
        svg.words("name", (5.0, top + 12.5), &cut(word, WIDTH - 58.0, 12.0));
        svg.words("tick end", (WIDTH - 3.0, top + 12.5), &share);
    }
    svg.end("svg");
    Some(svg.finish())
}

/// The scores of a metric beside each other: training as a ring, test as a disc, folds as a stroke
/// with their deviation.
pub(super) fn scores(row: &MetricRow) -> Option<String> {
    let folds = row.cross_validated.filter(|c| c.mean.is_finite() && c.deviation.is_finite());
    let finite = |score: Option<super::report::Score>| score.filter(|s| s.value.is_finite());
    let (train, test) = (finite(row.train), finite(row.test));
    let interval = test.and_then(|s| s.interval).filter(|(l, h)| l.is_finite() && h.is_finite());
    let mut values: Vec<f64> = [train, test].iter().flatten().map(|s| s.value).collect();
    values.extend(folds.iter().flat_map(|f| [f.mean - f.deviation, f.mean + f.deviation]));
    values.extend(interval.iter().flat_map(|(low, high)| [*low, *high]));
    if values.len() < 2 {
        return None;
    }
    let scale = Axis::default().fit(values.into_iter(), 2, Ends::Tight).onto(8.0, WIDTH - 8.0);
    let mut svg = Svg::default();
    open(&mut svg, 26.0, &format!("{}: training, test and folds", row.name));
    svg.line("grid", (0.0, 13.0), (WIDTH, 13.0));
    if let Some(folds) = folds {
        let (low, high) =
            (scale.at(folds.mean - folds.deviation), scale.at(folds.mean + folds.deviation));
        let spread = Area { left: low, right: high.max(low + 1.0), top: 8.0, bottom: 18.0 };
        svg.rect("box", spread).at("rx", 2.0).close();
        let mean = scale.at(folds.mean);
        let stroke = Area { left: mean - 1.0, right: mean + 1.0, top: 5.0, bottom: 21.0 };
        svg.rect("f0", stroke).close();
    }
    if let Some((low, high)) = interval {
        whisker(&mut svg, "whisker s1", (scale.at(low), 13.0), (scale.at(high), 13.0));
    }
    if let Some(score) = train {
        svg.disc("ring", (scale.at(score.value), 13.0), 4.0).close();
    }
    if let Some(score) = test {
        svg.disc("spot f1", (scale.at(score.value), 13.0), 4.5).close();
    }
    svg.end("svg");
    Some(svg.finish())
}
