//! The place of the least value of a function of one number.
//! Method: Brent, *Algorithms for Minimization Without Derivatives*, 1973, chapter 5; the bracket
//! by golden steps downhill, Press et al., *Numerical Recipes*, 3rd edition, 10.1.

/// The golden section of an interval, (3 − √5) / 2.
const GOLDEN: f64 = 0.381_966_011_250_105_1;
const MAX_STEPS: usize = 100;

/// Where `f` is least, near `from..to`, to a relative `tolerance`; the search never leaves
/// `limits`. Where `f` has no value (NaN or infinite) it counts as high.
pub(crate) fn minimum(
    f: impl Fn(f64) -> f64,
    [from, to]: [f64; 2],
    limits: [f64; 2],
    tolerance: f64,
) -> f64 {
    let f = |x: f64| Some(f(x)).filter(|y| y.is_finite()).unwrap_or(f64::MAX);
    let (low, middle, high) = bracket(&f, from, to, limits);
    refine(&f, low, middle, high, tolerance)
}

/// Three places, rising, of which the middle one is not above the others unless it is at a limit.
fn bracket(f: &impl Fn(f64) -> f64, from: f64, to: f64, limits: [f64; 2]) -> (f64, f64, f64) {
    let within = |x: f64| x.clamp(limits[0], limits[1]);
    let (mut behind, mut here) = (from, to);
    let mut value = f(here);
    if value > f(behind) {
        (behind, here) = (here, behind);
        value = f(here);
    }
    let mut ahead = within(here + (here - behind) * (1.0 - GOLDEN) / GOLDEN);
    for _ in 0..MAX_STEPS {
        let next = f(ahead);
        if next >= value || ahead == here {
            break;
        }
        (behind, here, value) = (here, ahead, next);
        ahead = within(here + (here - behind) * (1.0 - GOLDEN) / GOLDEN);
    }
    (behind.min(ahead), here, behind.max(ahead))
}

/// A place that was looked at, with its value.
#[derive(Clone, Copy)]
struct Point {
    x: f64,
    y: f64,
}

fn refine(f: &impl Fn(f64) -> f64, low: f64, middle: f64, high: f64, tolerance: f64) -> f64 {
    let best = Point { x: middle, y: f(middle) };
    let mut search = Search { low, high, best, second: best, third: best, step: 0.0, before: 0.0 };
    for _ in 0..MAX_STEPS {
        let close = tolerance * search.best.x.abs() + 1e-11;
        if search.is_at_rest(close) {
            break;
        }
        let x = search.next(close);
        search.record(Point { x, y: f(x) });
    }
    search.best.x
}

/// An interval that holds the least value, and the three lowest places in it so far.
struct Search {
    low: f64,
    high: f64,
    best: Point,
    second: Point,
    third: Point,
    /// The latest step and the one before it.
    step: f64,
    before: f64,
}

impl Search {
    fn is_at_rest(&self, close: f64) -> bool {
        let away = (self.best.x - self.low.midpoint(self.high)).abs();
        away <= 2.0 * close - 0.5 * (self.high - self.low)
    }

    /// The place to look at next: the bottom of a parabola where steps shrink, else a golden step.
    fn next(&mut self, close: f64) -> f64 {
        let x = self.best.x;
        let shrinks = |leap: &f64| {
            self.before.abs() > close
                && leap.abs() < 0.5 * self.before.abs()
                && (self.low..=self.high).contains(&(x + leap))
        };
        match parabola(self.best, self.second, self.third).filter(shrinks) {
            Some(leap) => {
                self.before = self.step;
                let edge = (x + leap - self.low).min(self.high - x - leap);
                let centre = self.low.midpoint(self.high);
                self.step = if edge < 2.0 * close { close.copysign(centre - x) } else { leap };
            }
            None => {
                let above = x < self.low.midpoint(self.high);
                self.before = if above { self.high - x } else { self.low - x };
                self.step = GOLDEN * self.before;
            }
        }
        x + if self.step.abs() >= close { self.step } else { close.copysign(self.step) }
    }

    /// Narrows the interval by what was found at one more place.
    fn record(&mut self, tried: Point) {
        let best = self.best;
        if tried.y <= best.y {
            *(if tried.x >= best.x { &mut self.low } else { &mut self.high }) = best.x;
            (self.third, self.second, self.best) = (self.second, best, tried);
            return;
        }
        *(if tried.x < best.x { &mut self.low } else { &mut self.high }) = tried.x;
        if tried.y <= self.second.y || self.second.x == best.x {
            (self.third, self.second) = (self.second, tried);
        } else if tried.y <= self.third.y || self.third.x == best.x || self.third.x == self.second.x
        {
            self.third = tried;
        }
    }
}

/// The step from `best` to the lowest point of the parabola through three points.
fn parabola(best: Point, second: Point, third: Point) -> Option<f64> {
    let r = (best.x - second.x) * (best.y - third.y);
    let q = (best.x - third.x) * (best.y - second.y);
    let over = (best.x - third.x) * q - (best.x - second.x) * r;
    let step = over / (2.0 * (r - q));
    step.is_finite().then_some(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(f: impl Fn(f64) -> f64, expected: f64) {
        let found = minimum(f, [-2.0, 2.0], [-1e3, 1e3], 1e-10);
        assert!((found - expected).abs() < 1e-6 * expected.abs().max(1.0), "{found}");
    }

    #[test]
    fn least_values_are_found_inside_and_far_outside_of_the_start() {
        check(|x| (x - 0.3).powi(2), 0.3);
        check(|x| (x - 77.0).powi(2), 77.0);
        check(|x| (x + 500.0).abs(), -500.0);
        check(|x| x.powi(4) - 3.0 * x, 0.75f64.cbrt());
    }

    #[test]
    fn the_search_stays_within_its_limits() {
        check(|x| x, -1e3);
        check(|x| -x, 1e3);
    }

    #[test]
    fn places_without_a_value_are_avoided() {
        check(|x| if x < 1.0 { f64::NAN } else { (x - 1.5).powi(2) }, 1.5);
        let found = minimum(|_| f64::NAN, [-2.0, 2.0], [-10.0, 10.0], 1e-8);
        assert!((-10.0..=10.0).contains(&found));
    }
}
