//! Moments on the Gregorian calendar, in whole numbers.
//! Method: Howard Hinnant, *chrono-Compatible Low-Level Date Algorithms*, 2013.

use super::{Graph, Kind, Value};

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

/// The date and the time of day of moments in microseconds since 1970-01-01. Where a moment is
/// missing, they mean nothing.
#[derive(Clone, Copy, Debug)]
pub struct Calendar<'g> {
    graph: &'g Graph,
    moments: Value,
    /// Days since 1970-01-01.
    pub days: Value,
    /// The year.
    pub year: Value,
    /// The month, from 1.
    pub month: Value,
    /// The day of the month, from 1.
    pub day: Value,
}

impl<'g> Calendar<'g> {
    /// The calendar of these moments.
    pub fn of(graph: &'g Graph, moments: Value) -> Self {
        if moments.kind != Kind::Integers {
            graph.mistaken(|| format!("{moments:?} were taken for moments"));
        }
        let days = graph.floor_divide(moments, DAY);
        let (year, month, day) = civil(graph, days);
        Self { graph, moments, days, year, month, day }
    }

    /// Seconds since midnight.
    pub fn seconds(&self) -> Value {
        let g = self.graph;
        g.divide(g.remainder(self.moments, g.integer(DAY)), g.integer(SECOND))
    }

    /// Seconds since 1970-01-01, as numbers with their fraction.
    pub fn epoch(&self) -> Value {
        self.graph.divide(self.graph.to_numbers(self.moments), self.graph.number(SECOND as f64))
    }

    /// The quarter, from 1.
    pub fn quarter(&self) -> Value {
        let g = self.graph;
        let from_0 = g.divide(g.subtract(self.month, g.integer(1)), g.integer(3));
        g.add(from_0, g.integer(1))
    }

    /// The day of the week, Monday being 0.
    pub fn weekday(&self) -> Value {
        weekday(self.graph, self.days)
    }

    /// The day of the year, from 1.
    pub fn day_of_year(&self) -> Value {
        let g = self.graph;
        g.add(g.subtract(self.days, self.first_of_year(self.year)), g.integer(1))
    }

    /// The year to which the week belongs in ISO 8601.
    pub fn iso_year(&self) -> Value {
        civil(self.graph, self.thursday()).0
    }

    /// The week of ISO 8601: the one with the year's first Thursday is week 1.
    pub fn week(&self) -> Value {
        let g = self.graph;
        let passed = g.subtract(self.thursday(), self.first_of_year(self.iso_year()));
        g.add(g.divide(passed, g.integer(7)), g.integer(1))
    }

    /// How many weeks the year of [`Calendar::iso_year`] has: those with their first or last day
    /// on a Thursday have 53.
    pub fn weeks_in_year(&self) -> Value {
        let g = self.graph;
        let year = self.iso_year();
        let last = g.subtract(self.first_of_year(g.add(year, g.integer(1))), g.integer(1));
        let thursday = |days| g.equal(weekday(g, days), g.integer(3));
        let long = g.either(thursday(self.first_of_year(year)), thursday(last));
        g.add(g.integer(52), g.to_integers(long))
    }

    /// How many days the month has.
    pub fn days_in_month(&self) -> Value {
        let g = self.graph;
        let december = g.equal(self.month, g.integer(12));
        let next = g.choose(december, g.integer(1), g.add(self.month, g.integer(1)));
        let year = g.add(self.year, g.to_integers(december));
        g.subtract(self.first_of_month(year, next), self.first_of_month(self.year, self.month))
    }

    /// How many days the year has.
    pub fn days_in_year(&self) -> Value {
        let g = self.graph;
        let next = self.first_of_year(g.add(self.year, g.integer(1)));
        g.subtract(next, self.first_of_year(self.year))
    }

    /// The first day of a year, in days since 1970-01-01.
    pub fn first_of_year(&self, year: Value) -> Value {
        self.first_of_month(year, self.graph.integer(1))
    }

    /// The first day of a month, in days since 1970-01-01.
    pub fn first_of_month(&self, year: Value, month: Value) -> Value {
        let g = self.graph;
        let whole = |number| g.integer(number);
        let early = g.to_integers(g.at_most(month, whole(2)));
        let year = g.subtract(year, early);
        let era = g.floor_divide(year, 400);
        let of_era = g.remainder(year, whole(400));
        let shifted = g.remainder(g.add(month, whole(9)), whole(12));
        let of_year = g.divide(g.add(g.multiply(whole(153), shifted), whole(2)), whole(5));
        let leaps = g.subtract(g.divide(of_era, whole(4)), g.divide(of_era, whole(100)));
        let before = g.add(g.multiply(of_era, whole(365)), leaps);
        let day_of_era = g.add(before, of_year);
        g.subtract(g.add(g.multiply(era, whole(146_097)), day_of_era), whole(719_468))
    }

    /// The moment at which a day begins.
    pub fn moment(&self, days: Value) -> Value {
        self.graph.multiply(days, self.graph.integer(DAY))
    }

    /// The last moment that is a multiple of so many seconds.
    pub fn cut_at_seconds(&self, seconds: i64) -> Value {
        let g = self.graph;
        g.subtract(self.moments, g.remainder(self.moments, g.integer(seconds * SECOND)))
    }

    fn thursday(&self) -> Value {
        let g = self.graph;
        g.add(g.subtract(self.days, self.weekday()), g.integer(3))
    }
}

/// Monday is 0; 1970-01-01 was a Thursday.
fn weekday(g: &Graph, days: Value) -> Value {
    g.remainder(g.add(days, g.integer(3)), g.integer(7))
}

/// Year, month and day of days since 1970-01-01.
fn civil(g: &Graph, days: Value) -> (Value, Value, Value) {
    // Years begin in March here, so that the leap day is the last; eras are 400 years long.
    let whole = |number| g.integer(number);
    let part = |a: Value, number| g.divide(a, whole(number));
    let shifted = g.add(days, whole(719_468));
    let era = g.floor_divide(shifted, 146_097);
    let of_era = g.remainder(shifted, whole(146_097));
    let leaps = g.subtract(part(of_era, 36_524), part(of_era, 1_460));
    let usual = g.subtract(g.add(of_era, leaps), part(of_era, 146_096));
    let year_of_era = part(usual, 365);
    let leap_days = g.subtract(part(year_of_era, 4), part(year_of_era, 100));
    let before = g.add(g.multiply(whole(365), year_of_era), leap_days);
    let of_year = g.subtract(of_era, before);
    let from_march = part(g.add(g.multiply(whole(5), of_year), whole(2)), 153);
    let month_start = part(g.add(g.multiply(whole(153), from_march), whole(2)), 5);
    let day = g.add(g.subtract(of_year, month_start), whole(1));
    let early = g.less(from_march, whole(10));
    let month = g.choose(early, g.add(from_march, whole(3)), g.subtract(from_march, whole(9)));
    let late_months = g.to_integers(g.at_most(month, whole(2)));
    let year = g.add(g.add(year_of_era, g.multiply(era, whole(400))), late_months);
    (year, month, day)
}
