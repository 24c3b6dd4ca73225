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
    let (mut low, mut high) = (low, high);
    let mut best = Point { x: middle, y: f(middle) };
    let (mut second, mut third) = (best, best);
    let (mut step, mut before) = (0.0f64, 0.0f64);
    for _ in 0..MAX_STEPS {
        let centre = low.midpoint(high);
        let close = tolerance * best.x.abs() + 1e-11;
        if (best.x - centre).abs() <= 2.0 * close - 0.5 * (high - low) {
            break;
        }
        match parabola(best, second, third).filter(|s| {
            before.abs() > close
                && s.abs() < 0.5 * before.abs()
                && (low..=high).contains(&(best.x + s))
        }) {
            Some(leap) => {
                before = step;
                let place = best.x + leap;
                let at_edge = place - low < 2.0 * close || high - place < 2.0 * close;
                step = if at_edge { close.copysign(centre - best.x) } else { leap };
            }
            None => {
                before = if best.x < centre { high - best.x } else { low - best.x };
                step = GOLDEN * before;
            }
        }
        let x = if step.abs() >= close { best.x + step } else { best.x + close.copysign(step) };
        let tried = Point { x, y: f(x) };
        if tried.y <= best.y {
            if x >= best.x {
                low = best.x
            } else {
                high = best.x
            }
            (third, second, best) = (second, best, tried);
        } else {
            if x < best.x {
                low = x
            } else {
                high = x
            }
            if tried.y <= second.y || second.x == best.x {
                (third, second) = (second, tried);
            } else if tried.y <= third.y || third.x == best.x || third.x == second.x {
                third = tried;
            }
        }
    }
    best.x
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
