//! Parallel coordinates: every trial of a search as a line through its settings to its score.

use serde::{Deserialize, Serialize};

use super::pareto::Better;
use crate::axis::{Axis, Ends, Fitted, Scale};
use crate::frame::{Drawing, FONT, NORMAL, WIDE, empty, plural};
use crate::number;
use crate::points::gap;
use crate::svg::{Area, Path, Svg};
use crate::text::{cut, width};

/// The steps of the colour from the worst to the best trials.
const SHADES: usize = 7;
/// Which share of the room of a word its trials take.
const BAND: f64 = 0.7;
/// How many trials are drawn: the best ones.
const MOST: usize = 400;

/// Trials as lines through their settings; the better the score, the stronger the colour.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Parallel {
    /// The settings, from left to right.
    pub axes: Vec<ParallelAxis>,
    /// What is sought.
    pub score: Axis,
    /// Which scores are better.
    pub better: Better,
    /// The trials; one without a finite score is left out.
    pub trials: Vec<ParallelTrial>,
}

/// One setting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParallelAxis {
    /// A number.
    Number(Axis),
    /// One of some words, from top to bottom.
    Words {
        /// What it is called.
        label: String,
        /// The words.
        words: Vec<String>,
    },
}

/// One trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParallelTrial {
    /// What it is called.
    pub name: String,
    /// A value for each axis, in their order; what an axis does not know leaves a gap.
    pub values: Vec<Setting>,
    /// How well it did.
    #[serde(with = "gap")]
    pub score: f64,
}

/// The value of a setting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Setting {
    /// A number.
    Number(f64),
    /// A word.
    Word(String),
    /// Not set.
    Absent,
}

/// An axis that is laid out.
enum Upright<'a> {
    Number(&'a Axis, Fitted, Scale),
    Words(&'a str, &'a [String], Area),
}

impl Upright<'_> {
    /// The height of a value, where the axis has a place for it. Trials that share a word lie beside
    /// each other by their place among all, 0 for the worst and 1 for the best.
    fn at(&self, setting: &Setting, place: f64) -> Option<f64> {
        match (self, setting) {
            (Self::Number(axis, _, scale), Setting::Number(value)) => {
                axis.shows(*value).then(|| scale.at(*value))
            }
            (Self::Words(_, words, area), Setting::Word(word)) => {
                let room = area.height() / words.len().max(1) as f64;
                let lean = (0.5 - place) * BAND * room;
                words.iter().position(|w| w == word).map(|i| middle(*area, i, words.len()) + lean)
            }
            _ => None,
        }
    }

    fn label(&self) -> &str {
        match self {
            Self::Number(axis, ..) => &axis.label,
            Self::Words(label, ..) => label,
        }
    }
}

fn middle(area: Area, index: usize, count: usize) -> f64 {
    area.top + area.height() * (index as f64 + 0.5) / count.max(1) as f64
}

impl Parallel {
    pub(crate) fn draw(&self) -> Drawing {
        let mut trials: Vec<&ParallelTrial> =
            self.trials.iter().filter(|t| self.score.shows(t.score)).collect();
        if trials.is_empty() {
            return empty("no trials");
        }
        // The worst first, so that the best lie on top.
        trials.sort_by(|a, b| {
            let order = a.score.total_cmp(&b.score);
            let order = if self.better == Better::Higher { order } else { order.reverse() };
            order.then_with(|| a.name.cmp(&b.name))
        });
        let trials = &trials[trials.len().saturating_sub(MOST)..];
        // Two settings with their score have room on half a page.
        let width = if self.axes.len() <= 2 { NORMAL } else { WIDE };
        let height = 340.0;
        let area = Area { left: 50.0, top: 34.0, right: width - 70.0, bottom: height - 12.0 };
        let score_axis = ParallelAxis::Number(self.score.clone());
        let all: Vec<&ParallelAxis> = self.axes.iter().chain([&score_axis]).collect();
        let axes: Vec<(f64, Upright<'_>)> = all
            .iter()
            .enumerate()
            .map(|(i, axis)| {
                let steps = (all.len() - 1).max(1) as f64;
                let x = area.left + area.width() * i as f64 / steps;
                (x, self.upright(axis, i, trials, area))
            })
            .collect();
        let mut svg = Svg::default();
        for (place, trial) in trials.iter().enumerate() {
            draw_trial(&mut svg, &axes, trial, (place, trials.len()));
        }
        let gap = area.width() / (all.len() - 1).max(1) as f64;
        for (x, axis) in &axes {
            draw_upright(&mut svg, (*x, gap, width), area, axis);
        }
        Drawing { width, height, body: svg.finish(), description: self.describe(trials) }
    }

    fn upright<'a>(
        &self,
        axis: &'a ParallelAxis,
        index: usize,
        trials: &[&ParallelTrial],
        area: Area,
    ) -> Upright<'a> {
        match axis {
            ParallelAxis::Words { label, words } => Upright::Words(label, words, area),
            ParallelAxis::Number(axis) => {
                let value = |t: &&ParallelTrial| match t.values.get(index) {
                    _ if index == self.axes.len() => t.score,
                    Some(Setting::Number(value)) => *value,
                    _ => f64::NAN,
                };
                let fitted = axis.fit(trials.iter().map(value), 6, Ends::Tight);
                let scale = fitted.onto(area.bottom, area.top);
                Upright::Number(axis, fitted, scale)
            }
        }
    }

    fn describe(&self, trials: &[&ParallelTrial]) -> String {
        let count = plural(trials.len(), "trial");
        let best = trials.last().map_or(String::new(), |t| {
            format!(" Best: {} with {} {}.", t.name, self.score.label, self.score.words(t.score))
        });
        format!("Settings of {count}, coloured by {}.{best}", self.score.label)
    }
}

/// The shade of the trial at a place among all, from 0 for the worst.
fn shade(place: usize, count: usize) -> usize {
    if place + 1 == count { SHADES } else { place * SHADES / count }
}

fn draw_trial(
    svg: &mut Svg,
    axes: &[(f64, Upright<'_>)],
    trial: &ParallelTrial,
    (place, count): (usize, usize),
) {
    let shade = shade(place, count);
    let place = if count > 1 { place as f64 / (count - 1) as f64 } else { 0.5 };
    let score = Setting::Number(trial.score);
    let settings = trial.values.iter().take(axes.len() - 1);
    let absent = std::iter::repeat(&Setting::Absent);
    let settings: Vec<&Setting> =
        settings.chain(absent).take(axes.len() - 1).chain([&score]).collect();
    let (mut path, mut from) = (Path::default(), None);
    let mut tip = trial.name.clone();
    for ((x, axis), setting) in axes.iter().zip(settings) {
        let at = axis.at(setting, place).map(|y| (*x, y));
        match (from, at) {
            (Some(from), Some(to)) => path.bend(to, from),
            (None, Some(to)) => path.lift(to),
            (_, None) => {}
        }
        from = at;
        let words = match setting {
            Setting::Number(value) => number(*value),
            Setting::Word(word) => word.clone(),
            Setting::Absent => continue,
        };
        tip.push_str(&format!("\n{} {words}", axis.label()));
    }
    svg.path(&format!("trial p{shade}"), &path).titled(&tip);
}

fn draw_upright(svg: &mut Svg, (x, gap, page): (f64, f64, f64), area: Area, axis: &Upright<'_>) {
    svg.line("axis", (x, area.top), (x, area.bottom));
    let room = (gap - 6.0).min(2.0 * x.min(page - x) - 4.0);
    let label = cut(axis.label(), room, FONT);
    svg.words("label middle", (x, area.top - 14.0), &label);
    let places: Vec<(f64, &String)> = match axis {
        Upright::Number(_, fitted, scale) => {
            fitted.ticks.at.iter().map(|&v| scale.at(v)).zip(&fitted.ticks.words).collect()
        }
        Upright::Words(_, words, area) => {
            let stride =
                ((FONT + 2.0) * words.len() as f64 / area.height()).ceil().max(1.0) as usize;
            let placed = words.iter().enumerate().step_by(stride);
            placed.map(|(i, word)| (middle(*area, i, words.len()), word)).collect()
        }
    };
    for (y, words) in places {
        let words = cut(words, (gap * 0.75).min(120.0), FONT);
        let area = Area {
            left: x + 4.0,
            top: y - 8.0,
            right: x + 8.0 + width(&words, FONT),
            bottom: y + 8.0,
        };
        svg.rect("halo", area).at("rx", 3.0).close();
        svg.line("axis", (x - 3.0, y), (x + 3.0, y));
        svg.words("tick", (x + 6.0, y + 4.0), &words);
    }
}
