//! The history of a search: the score of every trial in its order, and the best so far.

use serde::{Deserialize, Serialize};

use super::lines::Shape;
use super::pareto::Better;
use crate::axis::{Axis, Ends, Fitted};
use crate::frame::{COLOURS, Drawing, Frame, Swatch, below_key, empty, plural};
use crate::points::{gap, thin_cloud, thin_line};
use crate::svg::{Area, Path, Svg};

/// The colour of what is no group: the best so far, trials of further groups.
const GREY: usize = COLOURS - 1;
/// Up to so many trials each have a mark that answers when pointed at.
const MOST: usize = 500;
/// Up to so many trials have room on half a page.
const FEW: usize = 40;
/// A score this many quartile distances beyond the quartiles is drawn at the edge: one bad trial
/// would else press all others together.
const FENCE: f64 = 3.0;

/// Trials by number, with the best score so far as a line.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct History {
    /// What is sought.
    pub score: Axis,
    /// Which scores are better.
    pub better: Better,
    /// The trials in their order; the first is number 0.
    pub trials: Vec<HistoryTrial>,
}

/// One trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HistoryTrial {
    /// What it is called.
    pub name: String,
    /// What its colour says, such as the kind of model.
    pub group: String,
    /// How well it did, as far as it came; NaN where it has no score.
    #[serde(with = "gap")]
    pub score: f64,
    /// How it ended.
    pub standing: Standing,
}

/// How a trial ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// With its score.
    Scored,
    /// With a score on fewer rows than others, which cannot be the best.
    Partial,
    /// Before its end, since others did better.
    GivenUp,
    /// With its score, and beyond what is allowed.
    Refused,
    /// With an error.
    Failed,
}

impl Standing {
    const ALL: [Self; 5] =
        [Self::Scored, Self::Partial, Self::GivenUp, Self::Refused, Self::Failed];

    /// What the key says of it, and with which sign.
    fn key(self) -> Option<(Swatch, &'static str)> {
        match self {
            Self::Scored => None,
            Self::Partial => Some((Swatch::Speck, "on fewer rows")),
            Self::GivenUp => Some((Swatch::Ring, "given up")),
            Self::Refused => Some((Swatch::Diamond, "refused")),
            Self::Failed => Some((Swatch::Cross, "failed")),
        }
    }

    fn word(self) -> &'static str {
        self.key().map_or("scored", |(_, word)| word)
    }
}

impl History {
    pub(crate) fn draw(&self) -> Drawing {
        if self.trials.is_empty() {
            return empty("no trials");
        }
        let shape = if self.trials.len() <= FEW { Shape::Normal } else { Shape::Wide };
        let (width, height) = shape.size();
        let groups = self.groups();
        let mut svg = Svg::default();
        let mut outer = Area { left: 2.0, top: 0.0, right: width - 2.0, bottom: height };
        outer = below_key(&mut svg, outer, &self.key(&groups));
        let (x, y) = self.fitted();
        let frame = Frame::draw(&mut svg, outer, &x, &y);
        self.draw_best(&mut svg, &frame);
        if self.trials.len() <= MOST {
            self.draw_marks(&mut svg, &frame, &y, &groups);
        } else {
            self.draw_cloud(&mut svg, &frame, &groups);
        }
        let description = self.describe();
        Drawing { width, height: outer.bottom, body: svg.finish(), description }
    }

    /// The groups in the order in which they come, as many as have colours.
    fn groups(&self) -> Vec<&str> {
        let mut groups: Vec<&str> = Vec::new();
        for trial in &self.trials {
            if groups.len() < GREY && !groups.contains(&trial.group.as_str()) {
                groups.push(&trial.group);
            }
        }
        groups
    }

    fn key<'a>(&self, groups: &[&'a str]) -> Vec<(usize, Swatch, &'a str)> {
        let named = groups.iter().enumerate().filter(|(_, name)| !name.is_empty());
        let occurs = |standing: &Standing| self.trials.iter().any(|t| t.standing == *standing);
        let signs = Standing::ALL.into_iter().filter(occurs).filter_map(Standing::key);
        std::iter::once((GREY, Swatch::Line, "best so far"))
            .chain(named.map(|(at, name)| (at, Swatch::Dot, *name)))
            .chain(signs.map(|(sign, word)| (GREY, sign, word)))
            .collect()
    }

    fn fitted(&self) -> (Fitted, Fitted) {
        let last = self.trials.len().saturating_sub(1) as f64;
        let x = Axis::number("Trial");
        let x = x.fit([0.0, last].into_iter(), (last as usize).clamp(1, 8), Ends::Tight);
        let scores = || self.trials.iter().map(|t| t.score).filter(|v| self.score.shows(*v));
        let mut y = self.score.clone();
        match (self.better, fences(scores().collect())) {
            (Better::Higher, Some((low, _))) => y.from = y.from.or(Some(low)),
            (Better::Lower, Some((_, high))) => y.to = y.to.or(Some(high)),
            (_, None) => {}
        }
        (x, y.fit(scores(), 5, Ends::Round))
    }

    /// The number and the score of each trial that beat all before it.
    fn records(&self) -> Vec<(usize, f64)> {
        let mut records: Vec<(usize, f64)> = Vec::new();
        for (at, trial) in self.trials.iter().enumerate() {
            let counts = trial.standing == Standing::Scored && self.score.shows(trial.score);
            let beaten = records.last().is_none_or(|(_, best)| match self.better {
                Better::Higher => trial.score > *best,
                Better::Lower => trial.score < *best,
            });
            if counts && beaten {
                records.push((at, trial.score));
            }
        }
        records
    }

    fn draw_best(&self, svg: &mut Svg, frame: &Frame) {
        let mut line = Vec::new();
        for (at, score) in self.records() {
            let to = (frame.x.at(at as f64), frame.y.at(score));
            if let Some((_, before)) = line.last().copied() {
                line.push((to.0, before));
            }
            line.push(to);
        }
        let Some((_, best)) = line.last().copied() else { return };
        line.push((frame.area.right, best));
        let mut path = Path::default();
        thin_line(&line, 800).into_iter().for_each(|point| path.draw(point));
        svg.path(&format!("line s{GREY}"), &path).close();
    }

    fn draw_marks(&self, svg: &mut Svg, frame: &Frame, y: &Fitted, groups: &[&str]) {
        let best = self.records().last().map(|(at, _)| *at);
        for (at, trial) in self.trials.iter().enumerate() {
            let colour = colour(groups, &trial.group);
            let x = frame.x.at(at as f64);
            let tip = self.tip(trial);
            if !self.score.shows(trial.score) {
                cross(svg, colour, (x, frame.area.bottom - 7.0), &tip);
                continue;
            }
            let place = (x, frame.y.at(trial.score));
            if trial.score < y.low || trial.score > y.high {
                beyond(svg, colour, place, trial.score < y.low, &tip);
                continue;
            }
            match trial.standing {
                Standing::Scored => {
                    svg.disc(&format!("spot f{colour}"), place, 4.0).titled(&tip);
                }
                Standing::Partial => {
                    svg.disc(&format!("mark f{colour}"), place, 2.8).titled(&tip);
                }
                Standing::GivenUp => {
                    svg.disc(&format!("hollow s{colour}"), place, 3.2).titled(&tip);
                }
                Standing::Refused => diamond(svg, colour, place, &tip),
                Standing::Failed => cross(svg, colour, place, &tip),
            }
            if best == Some(at) {
                svg.disc("crown", place, 7.0).close();
            }
        }
    }

    /// So many that no one could be pointed at.
    fn draw_cloud(&self, svg: &mut Svg, frame: &Frame, groups: &[&str]) {
        let mut clouds = vec![Vec::new(); COLOURS];
        for (at, trial) in self.trials.iter().enumerate().filter(|(_, t)| self.score.shows(t.score))
        {
            if let Some(cloud) = clouds.get_mut(colour(groups, &trial.group)) {
                cloud.push((frame.x.at(at as f64), frame.y.at(trial.score)));
            }
        }
        for (colour, cloud) in clouds.iter().enumerate() {
            let mut path = Path::default();
            thin_cloud(cloud, 250).iter().for_each(|dot| path.dot(dot.at));
            if !path.is_empty() {
                svg.path(&format!("dots s{colour}"), &path).close();
            }
        }
    }

    fn tip(&self, trial: &HistoryTrial) -> String {
        let group = if trial.group.is_empty() { "" } else { &format!(" · {}", trial.group) };
        let score = match self.score.shows(trial.score) {
            true => format!("\n{} {}", self.score.label, self.score.words(trial.score)),
            false => String::new(),
        };
        format!("{}{group}{score}\n{}", trial.name, trial.standing.word())
    }

    fn describe(&self) -> String {
        let trials = plural(self.trials.len(), "trial");
        let best = self.records().last().and_then(|(at, score)| {
            let name = &self.trials.get(*at)?.name;
            Some(format!(" Best: {name} with {}.", self.score.words(*score)))
        });
        format!("{} of {trials} in their order.{}", self.score.label, best.unwrap_or_default())
    }
}

/// Where values are so far beyond the others that they would press these together.
fn fences(mut scores: Vec<f64>) -> Option<(f64, f64)> {
    const LEAST: usize = 8;
    if scores.len() < LEAST {
        return None;
    }
    scores.sort_by(f64::total_cmp);
    let at = |quarters: usize| scores.get(scores.len() * quarters / 4).copied();
    let (low, high) = (at(1)?, at(3)?);
    let room = FENCE * (high - low);
    let (lowest, highest) = (*scores.first()?, *scores.last()?);
    let fences = ((low - room).max(lowest), (high + room).min(highest));
    (room > 0.0 && room.is_finite()).then_some(fences)
}

fn colour(groups: &[&str], group: &str) -> usize {
    groups.iter().position(|name| *name == group).unwrap_or(GREY)
}

fn cross(svg: &mut Svg, colour: usize, place: (f64, f64), tip: &str) {
    svg.path(&format!("cross s{colour}"), &cross_path(place, 3.5)).titled(tip);
}

/// Two strokes across each other.
pub(crate) fn cross_path((x, y): (f64, f64), size: f64) -> Path {
    let mut path = Path::default();
    path.lift((x - size, y - size));
    path.draw((x + size, y + size));
    path.lift((x - size, y + size));
    path.draw((x + size, y - size));
    path
}

fn diamond(svg: &mut Svg, colour: usize, place: (f64, f64), tip: &str) {
    svg.path(&format!("hollow s{colour}"), &diamond_path(place, 4.5)).titled(tip);
}

/// A square that stands on a corner.
pub(crate) fn diamond_path((x, y): (f64, f64), size: f64) -> Path {
    let mut path = Path::default();
    for corner in [(x, y - size), (x + size, y), (x, y + size), (x - size, y)] {
        path.draw(corner);
    }
    path.shut();
    path
}

/// A triangle at the edge that points to where the value lies.
fn beyond(svg: &mut Svg, colour: usize, (x, y): (f64, f64), below: bool, tip: &str) {
    let tail = if below { y - 8.0 } else { y + 8.0 };
    let mut path = Path::default();
    for corner in [(x - 4.5, tail), (x + 4.5, tail), (x, y)] {
        path.draw(corner);
    }
    path.shut();
    svg.path(&format!("spot f{colour}"), &path).titled(tip);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(better: Better, trials: &[(f64, Standing)]) -> History {
        let trial = |(at, (score, standing)): (usize, &(f64, Standing))| HistoryTrial {
            name: format!("trial {at}"),
            group: String::new(),
            score: *score,
            standing: *standing,
        };
        let trials = trials.iter().enumerate().map(trial).collect();
        History { score: Axis::number("score"), better, trials }
    }

    #[track_caller]
    fn check(better: Better, trials: &[(f64, Standing)], expected: &[usize]) {
        let records = history(better, trials).records();
        assert_eq!(records.iter().map(|(at, _)| *at).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn only_a_better_score_is_a_record() {
        let trials = [0.5, 0.4, 0.7, 0.7, 0.9].map(|score| (score, Standing::Scored));
        check(Better::Higher, &trials, &[0, 2, 4]);
        check(Better::Lower, &trials, &[0, 1]);
    }

    #[test]
    fn what_cannot_win_is_no_record() {
        let others = Standing::ALL.into_iter().filter(|standing| *standing != Standing::Scored);
        let trials: Vec<_> = others.map(|standing| (0.9, standing)).collect();
        check(Better::Higher, &trials, &[]);
        check(Better::Higher, &[(f64::NAN, Standing::Scored), (0.1, Standing::Scored)], &[1]);
    }

    #[test] // by hand: quartiles 3 and 7 of 1 to 8, so 3 − 3 · 4 and 7 + 3 · 4
    fn one_far_off_does_not_press_the_others_together() {
        let scores = |last: f64| (1..8).map(f64::from).chain([last]).collect::<Vec<_>>();
        assert_eq!(fences(scores(8.0)), Some((1.0, 8.0)));
        assert_eq!(fences(scores(1e6)), Some((1.0, 19.0)));
        assert_eq!(fences(vec![1.0; 20]), None);
        assert_eq!(fences(vec![1.0, 2.0, 1e6]), None);
    }

    #[test]
    fn a_trial_beyond_the_edge_is_told_by_its_tip() {
        let mut trials = [0.8, 0.81, 0.82, 0.83, 0.84, 0.85, 0.86, 0.87, 0.88]
            .map(|score| (score, Standing::Scored))
            .to_vec();
        trials.push((0.1234, Standing::Scored));
        let body = history(Better::Higher, &trials).draw().body;
        assert!(body.contains("<path class=\"spot f0\"") && body.contains("0.1234"), "{body}");
    }
}
