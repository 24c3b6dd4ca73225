//! The best way to divide the rows of a leaf in two, by second-order gains.
//! Method: Chen and Guestrin, *XGBoost: A Scalable Tree Boosting System*, KDD 2016, section 2.2;
//! categories as in Ke et al., *LightGBM*, NeurIPS 2017; bounds as in LightGBM's basic method.

use super::super::histogram::CodeSet;
use super::super::split::{Missing, Rule, border_rule};
use super::sums::{ColumnSums, NOTHING, Pair, Scale, minus, plus};

/// Up to so many categories each is tried alone against all others, without further smoothing.
const FEW_CATEGORIES: usize = 4;

/// What every leaf must hold to, and how its answer is drawn towards zero.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    pub(crate) min_rows: i64,
    pub(crate) min_hessian: f64,
    pub(crate) min_gain: f64,
    pub(crate) l1: f64,
    pub(crate) l2: f64,
    /// Added to the hessian of a category where categories are put in order.
    pub(crate) category_smoothing: f64,
    /// Added to `l2` on both sides of a division of categories.
    pub(crate) category_l2: f64,
    /// How many rows categories have at least before another division is tried.
    pub(crate) category_rows: i64,
    /// How many categories stand on the smaller side at most.
    pub(crate) max_categories: usize,
}

/// How answers must move with a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Any,
    Increasing,
    Decreasing,
}

/// Between what a leaf's answer must lie.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bounds {
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Bounds {
    /// No bounds.
    pub(crate) const NONE: Self = Self { low: f64::NEG_INFINITY, high: f64::INFINITY };

    /// The bounds of both sides of a split at `middle`.
    pub(crate) fn divide(self, direction: Direction, middle: f64) -> [Self; 2] {
        let below = Self { high: self.high.min(middle), ..self };
        let above = Self { low: self.low.max(middle), ..self };
        match direction {
            Direction::Any => [self, self],
            Direction::Increasing => [below, above],
            Direction::Decreasing => [above, below],
        }
    }
}

/// A division that was found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    pub(crate) rule: Rule,
    pub(crate) gain: f64,
    /// What goes to the left.
    pub(crate) left: Pair,
    /// What draws the answers of both sides towards zero.
    pub(crate) l2: f64,
}

/// One column in the eyes of the search.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Feature {
    pub(crate) column: u32,
    /// The highest code.
    pub(crate) last: u8,
    pub(crate) kind: Kind,
}

/// How a column is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Numbers(Direction),
    Categories,
}

/// The search in one leaf.
pub(crate) struct Search<'a> {
    pub(crate) terms: &'a Terms,
    pub(crate) scale: &'a Scale,
    /// All rows of the leaf.
    pub(crate) whole: Pair,
    pub(crate) bounds: Bounds,
}

/// What is asked of the two sides of a split.
#[derive(Clone, Copy)]
struct Asked {
    l2: f64,
    direction: Direction,
    /// What must be exceeded.
    best: f64,
}

/// What becomes of one try.
enum Tried {
    /// Both sides are allowed and score more than asked.
    Better(f64),
    /// Not this one.
    Refused,
    /// The right side is too small; it will not grow.
    TooFar,
}

/// The answer of a leaf without its bounds: −(|gradient| − l1)₊ · sign / (hessian + l2).
pub(crate) fn answer(gradient: f64, hessian: f64, l1: f64, l2: f64) -> f64 {
    let weight = hessian + l2;
    if weight > 0.0 { -gradient.signum() * soft(gradient, l1) / weight } else { 0.0 }
}

#[inline]
fn soft(gradient: f64, l1: f64) -> f64 {
    (gradient.abs() - l1).max(0.0)
}

impl Search<'_> {
    /// The best division by this column that gains more than `floor`.
    pub(crate) fn best(&self, feature: Feature, sums: &ColumnSums, floor: f64) -> Option<Found> {
        let whole = self.score(self.whole, self.terms.l2);
        match feature.kind {
            Kind::Numbers(direction) => {
                let asked = Asked { l2: self.terms.l2, direction, best: whole + floor };
                self.numbers(feature, sums, asked)
            }
            Kind::Categories => self.categories(feature, sums, whole + floor),
        }
        .map(|found| Found { gain: found.gain - whole, ..found })
    }

    /// Where missing values go is tried both ways; where there are none, later ones go to the
    /// heavier side.
    fn numbers(&self, feature: Feature, sums: &ColumnSums, asked: Asked) -> Option<Found> {
        let right = self.borders(feature, sums, NOTHING, asked);
        if sums[0] == NOTHING {
            let (border, score) = right?;
            let heavier = 2 * self.scale.rows(border.left) >= self.scale.rows(self.whole);
            let missing = if heavier { Missing::Left } else { Missing::Right };
            return Some(found(feature, border, missing, score, asked.l2));
        }
        let best = right.as_ref().map_or(asked.best, |(_, score)| *score);
        let left = self.borders(feature, sums, sums[0], Asked { best, ..asked });
        let found =
            |missing| move |(border, score)| found(feature, border, missing, score, asked.l2);
        left.map(found(Missing::Left)).or_else(|| right.map(found(Missing::Right)))
    }

    /// The best border when `left` is on the left already.
    fn borders(
        &self,
        feature: Feature,
        sums: &ColumnSums,
        start: Pair,
        mut asked: Asked,
    ) -> Option<(Border, f64)> {
        let mut left = start;
        let mut low = 0;
        let mut found = None;
        for high in 1..=feature.last {
            let cell = sums[usize::from(high)];
            if cell[1] == 0 {
                continue;
            }
            if low != 0 {
                match self.attempt(left, &asked) {
                    Tried::Better(score) => {
                        asked.best = score;
                        found = Some((Border { low, high, left }, score));
                    }
                    Tried::Refused => {}
                    Tried::TooFar => return found,
                }
            }
            left = plus(left, cell);
            low = high;
        }
        // All numbers against those that are missing.
        if start == NOTHING
            && low != 0
            && let Tried::Better(score) = self.attempt(left, &asked)
        {
            found = Some((Border { low: feature.last, high: feature.last, left }, score));
        }
        found
    }

    #[inline(always)]
    fn attempt(&self, left: Pair, asked: &Asked) -> Tried {
        let (terms, scale) = (self.terms, self.scale);
        let right = minus(self.whole, left);
        if scale.rows(right) < terms.min_rows {
            return Tried::TooFar;
        }
        if scale.rows(left) < terms.min_rows {
            return Tried::Refused;
        }
        let (left_weight, right_weight) = (scale.hessian(left), scale.hessian(right));
        if left_weight < terms.min_hessian || right_weight < terms.min_hessian {
            return Tried::Refused;
        }
        let score = if self.bounds == Bounds::NONE && asked.direction == Direction::Any {
            let left = soft(scale.gradient(left), terms.l1);
            let right = soft(scale.gradient(right), terms.l1);
            left * left / (left_weight + asked.l2) + right * right / (right_weight + asked.l2)
        } else {
            match self.bounded_score(left, right, asked) {
                Some(score) => score,
                None => return Tried::Refused,
            }
        };
        if score > asked.best { Tried::Better(score) } else { Tried::Refused }
    }

    /// The score of two sides whose answers have bounds and an order.
    #[cold]
    fn bounded_score(&self, left: Pair, right: Pair, asked: &Asked) -> Option<f64> {
        let [low, high] = [left, right].map(|side| self.answer(side, asked.l2));
        let ordered = match asked.direction {
            Direction::Any => true,
            Direction::Increasing => low <= high,
            Direction::Decreasing => low >= high,
        };
        ordered.then(|| self.score(left, asked.l2) + self.score(right, asked.l2))
    }

    /// The answer of some rows of the leaf.
    pub(crate) fn answer(&self, rows: Pair, l2: f64) -> f64 {
        let (gradient, hessian) = (self.scale.gradient(rows), self.scale.hessian(rows));
        answer(gradient, hessian, self.terms.l1, l2).clamp(self.bounds.low, self.bounds.high)
    }

    /// Twice how much the answer lowers the loss: −(2 · gradient · answer + hessian · answer²),
    /// with the shares of `l1` and `l2`.
    fn score(&self, rows: Pair, l2: f64) -> f64 {
        let (gradient, hessian) = (self.scale.gradient(rows), self.scale.hessian(rows) + l2);
        if self.bounds == Bounds::NONE {
            let gradient = soft(gradient, self.terms.l1);
            return if hessian > 0.0 { gradient * gradient / hessian } else { 0.0 };
        }
        let answer = self.answer(rows, l2);
        let gradient = gradient.signum() * soft(gradient, self.terms.l1);
        -(2.0 * gradient * answer + hessian * answer * answer)
    }

    /// The best set of categories to stand on the left; all others, and what the leaf does not
    /// have, stand on the right.
    fn categories(&self, feature: Feature, sums: &ColumnSums, best: f64) -> Option<Found> {
        let seen = (0..=feature.last).filter(|&code| sums[usize::from(code)][1] != 0);
        let mut asked = Asked { l2: self.terms.l2, direction: Direction::Any, best };
        let mut found = None;
        if usize::from(feature.last) <= FEW_CATEGORIES {
            for code in seen {
                let left = sums[usize::from(code)];
                if let Tried::Better(score) = self.attempt(left, &asked) {
                    asked.best = score;
                    found = Some((CodeSet::of([code]), left));
                }
            }
        } else {
            asked.l2 += self.terms.category_l2;
            let order = self.order(seen, sums);
            let most = self.terms.max_categories.min(order.len().div_ceil(2));
            self.prefixes(order.iter().copied().take(most), sums, &mut asked, &mut found);
            self.prefixes(order.iter().rev().copied().take(most), sums, &mut asked, &mut found);
        }
        let (codes, left) = found?;
        let rule = Rule::Among { column: feature.column, codes };
        Some(Found { rule, gain: asked.best, left, l2: asked.l2 })
    }

    /// The categories by their smoothed gradient, without those of too few rows to say anything.
    fn order(&self, seen: impl Iterator<Item = u8>, sums: &ColumnSums) -> Vec<u8> {
        let smoothing = self.terms.category_smoothing;
        let mut order: Vec<(f64, u8)> = seen
            .filter(|&code| self.scale.rows(sums[usize::from(code)]) as f64 >= smoothing)
            .map(|code| {
                let cell = sums[usize::from(code)];
                (self.scale.gradient(cell) / (self.scale.hessian(cell) + smoothing), code)
            })
            .collect();
        order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        order.into_iter().map(|(_, code)| code).collect()
    }

    /// Tries the first categories of `order` on the left, more and more of them.
    fn prefixes(
        &self,
        order: impl Iterator<Item = u8>,
        sums: &ColumnSums,
        asked: &mut Asked,
        found: &mut Option<(CodeSet, Pair)>,
    ) {
        let (mut left, mut codes) = (NOTHING, CodeSet::default());
        let mut rows_since = 0;
        for code in order {
            let cell = sums[usize::from(code)];
            left = plus(left, cell);
            codes.insert(code);
            rows_since += self.scale.rows(cell);
            if self.scale.rows(minus(self.whole, left)) < self.terms.category_rows {
                return;
            }
            if rows_since < self.terms.category_rows {
                continue;
            }
            match self.attempt(left, asked) {
                Tried::Better(score) => {
                    asked.best = score;
                    *found = Some((codes, left));
                }
                Tried::Refused => {}
                Tried::TooFar => return,
            }
            rows_since = 0;
        }
    }
}

/// A border between two codes that have rows.
#[derive(Clone, Copy)]
struct Border {
    low: u8,
    high: u8,
    left: Pair,
}

fn found(feature: Feature, border: Border, missing: Missing, score: f64, l2: f64) -> Found {
    let rule = border_rule(feature.column, border.low, border.high, missing);
    let left = border.left;
    Found { rule, gain: score, left, l2 }
}
