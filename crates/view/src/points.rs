//! Points and values with gaps, and fewer of them where a drawing could not show all.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A point of a line or a scatter; stored as `[x, y]`. NaN, stored as `null`, is a gap.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Along the horizontal axis.
    pub x: f64,
    /// Along the vertical axis.
    pub y: f64,
}

impl Point {
    /// The point at `x`, `y`.
    pub fn new(x: f64, y: f64) -> Self {
        Self { x, y }
    }

    /// Points from two columns; the longer one is cut.
    pub fn zip(x: &[f64], y: &[f64]) -> Vec<Self> {
        x.iter().zip(y).map(|(&x, &y)| Self { x, y }).collect()
    }
}

impl From<(f64, f64)> for Point {
    fn from((x, y): (f64, f64)) -> Self {
        Self { x, y }
    }
}

impl Serialize for Point {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        [self.x, self.y].serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Point {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let [x, y] = <[Option<f64>; 2]>::deserialize(deserializer)?.map(|v| v.unwrap_or(f64::NAN));
        Ok(Self { x, y })
    }
}

/// Numbers in which a `null` stands for NaN, for `#[serde(with = "gaps")]`.
pub(crate) mod gaps {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(values: &[f64], out: S) -> Result<S::Ok, S::Error> {
        values.serialize(out)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<f64>, D::Error> {
        let values = Vec::<Option<f64>>::deserialize(input)?;
        Ok(values.into_iter().map(|v| v.unwrap_or(f64::NAN)).collect())
    }
}

/// One number in which a `null` stands for NaN, for `#[serde(with = "gap")]`.
pub(crate) mod gap {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(value: &f64, out: S) -> Result<S::Ok, S::Error> {
        value.serialize(out)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<f64, D::Error> {
        Ok(Option::<f64>::deserialize(input)?.unwrap_or(f64::NAN))
    }
}

/// A line that rises and falls within each column of pixels as the full one does: of the points
/// in a column the first, the lowest, the highest and the last are kept.
pub(crate) fn thin_line(points: &[(f64, f64)], most: usize) -> Vec<(f64, f64)> {
    if points.len() <= most {
        return points.to_vec();
    }
    let mut kept = Vec::new();
    for column in points.chunk_by(|a, b| a.0.floor() == b.0.floor()) {
        let by_height = |a: &&(f64, f64), b: &&(f64, f64)| a.1.total_cmp(&b.1);
        let places = column.iter().enumerate();
        let place = |p: Option<(usize, &(f64, f64))>| p.map_or(0, |(i, _)| i);
        let low = place(places.clone().min_by(|a, b| by_height(&a.1, &b.1)));
        let high = place(places.max_by(|a, b| by_height(&a.1, &b.1)));
        let mut chosen = [0, low, high, column.len() - 1];
        chosen.sort_unstable();
        let mut before = None;
        for i in chosen {
            if before.replace(i) != Some(i) {
                kept.push(column[i]);
            }
        }
    }
    kept
}

/// A dot that stands for some points.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Dot {
    pub(crate) at: (f64, f64),
    /// How crowded it is there: 0 for a single point, up to 3.
    pub(crate) crowd: usize,
}

/// At most `most` dots: all points where they fit, else one for each occupied square of a grid as
/// fine as that allows. Points far from the others are always kept.
pub(crate) fn thin_cloud(points: &[(f64, f64)], most: usize) -> Vec<Dot> {
    if points.len() <= most {
        let squares = squares(points, 4.0);
        let dot = |&at: &(f64, f64)| Dot { at, crowd: crowd(squares[&square(at, 4.0)].1) };
        return points.iter().map(dot).collect();
    }
    let mut side = 2.0;
    loop {
        let squares = squares(points, side);
        if squares.len() <= most.max(1) {
            return squares.into_values().map(|(at, n)| Dot { at, crowd: crowd(n) }).collect();
        }
        side *= 1.3;
    }
}

/// The first point and the number of points in each occupied square.
fn squares(points: &[(f64, f64)], side: f64) -> BTreeMap<(i64, i64), ((f64, f64), u64)> {
    let mut squares = BTreeMap::new();
    for &at in points {
        squares.entry(square(at, side)).or_insert((at, 0)).1 += 1;
    }
    squares
}

fn square((x, y): (f64, f64), side: f64) -> (i64, i64) {
    ((x / side).floor() as i64, (y / side).floor() as i64)
}

fn crowd(points: u64) -> usize {
    match points {
        0..=1 => 0,
        2..=4 => 1,
        5..=14 => 2,
        _ => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thinned_line_keeps_its_peaks() {
        let points: Vec<_> = (0..10_000)
            .map(|i| (f64::from(i) / 100.0, if i == 5_555 { 9.0 } else { 0.0 }))
            .collect();
        let thin = thin_line(&points, 500);
        assert!(thin.len() <= 400 && thin.contains(&(55.55, 9.0)), "{}", thin.len());
        assert_eq!((thin[0], thin[thin.len() - 1]), (points[0], points[9_999]));
    }

    #[test]
    fn a_thinned_cloud_keeps_the_lonely_and_counts_the_crowd() {
        let mut points: Vec<_> =
            (0..10_000).map(|i| (f64::from(i % 100), f64::from(i / 100))).collect();
        points.push((5_000.0, 5_000.0));
        let dots = thin_cloud(&points, 1_000);
        assert!(dots.len() <= 1_000);
        assert!(dots.iter().any(|d| d.at == (5_000.0, 5_000.0) && d.crowd == 0));
        assert!(dots.iter().any(|d| d.crowd > 1));
    }

    #[test]
    fn gaps_come_back_from_text() {
        let text = serde_json::to_string(&[Point::new(1.0, f64::NAN)]).expect("points are JSON");
        assert_eq!(text, "[[1.0,null]]");
        let back: Vec<Point> = serde_json::from_str(&text).expect("JSON of ours");
        assert!(back[0].x == 1.0 && back[0].y.is_nan());
    }
}
