//! Two goals at once: the trials of a search, and those that no other beats in both.

use serde::{Deserialize, Serialize};

use super::lines::Shape;
use crate::axis::{Axis, Ends};
use crate::frame::{Drawing, FONT, Frame, Swatch, below_key, empty, plural};
use crate::points::{gap, thin_cloud};
use crate::svg::{Area, Path, Svg};
use crate::text::{cut, width};

/// Up to so many trials each answer when pointed at.
const MOST: usize = 300;

/// Trials by two goals, with the front of those that no other beats in both.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Pareto {
    /// The goal on the horizontal axis.
    pub x: Goal,
    /// The goal on the vertical axis.
    pub y: Goal,
    /// The trials; one with a figure that is not finite is left out.
    pub trials: Vec<Trial>,
}

/// What is sought.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Goal {
    /// Its axis.
    pub axis: Axis,
    /// Which values are better.
    pub better: Better,
}

/// Which values are better.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    /// High ones.
    #[default]
    Higher,
    /// Low ones.
    Lower,
}

/// One trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trial {
    /// What it is called.
    pub name: String,
    /// How it does by the first goal.
    #[serde(with = "gap")]
    pub x: f64,
    /// How it does by the second goal.
    #[serde(with = "gap")]
    pub y: f64,
}

impl Better {
    /// `value` so that less is better.
    fn cost(self, value: f64) -> f64 {
        match self {
            Self::Higher => -value,
            Self::Lower => value,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Higher => "higher is better",
            Self::Lower => "lower is better",
        }
    }
}

impl Pareto {
    /// The trials that no other beats: from the best by the first goal to the best by the second.
    pub fn front(&self) -> Vec<&Trial> {
        let cost = |t: &Trial| (self.x.better.cost(t.x), self.y.better.cost(t.y));
        let mut by_first: Vec<&Trial> = self.trials.iter().filter(|t| self.shows(t)).collect();
        by_first.sort_by(|a, b| {
            let (a, b) = (cost(a), cost(b));
            a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1))
        });
        let mut best = f64::INFINITY;
        by_first.retain(|t| {
            let better = cost(t).1 < best;
            best = best.min(cost(t).1);
            better
        });
        by_first
    }

    fn shows(&self, trial: &Trial) -> bool {
        self.x.axis.shows(trial.x) && self.y.axis.shows(trial.y)
    }

    pub(crate) fn draw(&self) -> Drawing {
        let shown: Vec<&Trial> = self.trials.iter().filter(|t| self.shows(t)).collect();
        if shown.is_empty() {
            return empty("no trials");
        }
        let (width, height) = Shape::Normal.size();
        let axis = |goal: &Goal| {
            let label = format!("{} ({})", goal.axis.label, goal.better.word());
            Axis { label, ..goal.axis.clone() }
        };
        let x = axis(&self.x).fit(shown.iter().map(|t| t.x), 5, Ends::Round);
        let y = axis(&self.y).fit(shown.iter().map(|t| t.y), 5, Ends::Round);
        let mut svg = Svg::default();
        let mut outer = Area { left: 2.0, top: 0.0, right: width - 2.0, bottom: height };
        let entries = [(0, Swatch::Line, "no other is better in both"), (7, Swatch::Dot, "others")];
        outer = below_key(&mut svg, outer, &entries);
        let frame = Frame::draw(&mut svg, outer, &x, &y);
        let front = self.front();
        self.draw_trials(&mut svg, &frame, &shown, &front);
        draw_names(&mut svg, &frame, &front);
        let trials = plural(shown.len(), "trial");
        let names: Vec<&str> = front.iter().map(|t| t.name.as_str()).take(12).collect();
        let (x, y) = (&self.x.axis.label, &self.y.axis.label);
        let description = format!("{y} over {x} of {trials}. Best: {}.", names.join(", "));
        Drawing { width, height: outer.bottom, body: svg.finish(), description }
    }

    fn draw_trials(&self, svg: &mut Svg, frame: &Frame, shown: &[&Trial], front: &[&Trial]) {
        let at = |t: &Trial| (frame.x.at(t.x), frame.y.at(t.y));
        let tip = |trial: &Trial| {
            let (x, y) = (self.x.axis.words(trial.x), self.y.axis.words(trial.y));
            let (first, second) = (&self.x.axis.label, &self.y.axis.label);
            format!("{}\n{first} {x}\n{second} {y}", trial.name)
        };
        if shown.len() <= MOST {
            for trial in shown {
                svg.disc("mark f7", at(trial), 3.0).titled(&tip(trial));
            }
        } else {
            let mut others = Path::default();
            let places: Vec<_> = shown.iter().map(|t| at(t)).collect();
            thin_cloud(&places, 2_000).iter().for_each(|dot| others.dot(dot.at));
            svg.path("dots s7", &others).close();
        }
        let mut steps = Path::default();
        for pair in front.windows(2) {
            let (from, to) = (at(pair[0]), at(pair[1]));
            steps.draw(from);
            // Between two trials nothing better than their worse figures is known.
            steps.draw((to.0, from.1));
            steps.draw(to);
        }
        if !steps.is_empty() {
            svg.path("line s0", &steps).close();
        }
        for trial in front.iter().step_by(front.len().div_ceil(200).max(1)) {
            svg.disc("spot f0", at(trial), 4.0).titled(&tip(trial));
        }
    }
}

/// The names of the front, where they have room.
fn draw_names(svg: &mut Svg, frame: &Frame, front: &[&Trial]) {
    let mut taken: Vec<Area> = Vec::new();
    for trial in front.iter().step_by(front.len().div_ceil(10).max(1)) {
        let (x, y) = (frame.x.at(trial.x), frame.y.at(trial.y));
        let name = cut(&trial.name, 140.0, FONT);
        let needs = width(&name, FONT);
        let furthest = (frame.area.right - needs).max(frame.area.left);
        let left = (x - needs / 2.0).clamp(frame.area.left, furthest);
        let area = Area { left, top: y - 20.0, right: left + needs, bottom: y - 6.0 };
        let free = |other: &Area| {
            area.right < other.left
                || area.left > other.right
                || area.bottom < other.top
                || area.top > other.bottom
        };
        if taken.iter().all(free) {
            svg.words("name", (left, y - 8.0), &name);
            taken.push(area);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test] // by hand: c is worse than b in both, d equals b and adds nothing
    fn the_front_holds_what_no_other_beats() {
        let trial = |name: &str, x, y| Trial { name: name.to_string(), x, y };
        let chart = Pareto {
            x: Goal { better: Better::Lower, ..Goal::default() },
            y: Goal { better: Better::Higher, ..Goal::default() },
            trials: vec![
                trial("a", 1.0, 0.7),
                trial("b", 2.0, 0.9),
                trial("c", 3.0, 0.8),
                trial("d", 2.0, 0.9),
                trial("e", f64::NAN, 2.0),
            ],
        };
        let names: Vec<&str> = chart.front().iter().map(|t| t.name.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
    }
}
