//! Rows made up between rows that are there.

use gristmill_core::{Column, Error, Frame, MISSING_CODE, MISSING_TIME, Random, Result};
use rayon::prelude::*;

/// Of how many rows of a class neighbours are looked for at most: each is held against each.
const MOST_ROWS: usize = 30_000;

/// Rows of a frame with made-up ones behind them.
#[derive(Debug)]
pub(super) struct Synthetic<'a> {
    frame: &'a Frame,
    /// 1 / deviation of each numeric column; 0 for those that have none.
    scales: Vec<f64>,
    /// The row that each row is, or was made of.
    origins: Vec<u32>,
    /// How many of `origins` are rows of the frame.
    kept: usize,
    made: Vec<Made>,
}

/// A made-up row: `share` of the way from its origin to `toward`, words those of most `near`.
#[derive(Debug)]
struct Made {
    toward: u32,
    share: f64,
    near: Vec<u32>,
}

impl<'a> Synthetic<'a> {
    /// The rows `kept` of `frame`, none made up yet.
    pub(super) fn of(frame: &'a Frame, kept: Vec<u32>) -> Self {
        let scales = frame.columns().iter().map(scale).collect();
        Self { frame, scales, kept: kept.len(), origins: kept, made: Vec::new() }
    }

    /// The row that each row is, or was made of.
    pub(super) fn origins(&self) -> &[u32] {
        &self.origins
    }

    /// Makes up `count` rows between rows of `class` and their `neighbors` nearest.
    pub(super) fn add(
        &mut self,
        class: &[u32],
        count: usize,
        neighbors: usize,
        random: &mut Random,
    ) -> Result<()> {
        if count == 0 {
            return Ok(());
        }
        if class.len() < 2 || class.len() > MOST_ROWS {
            return Err(Error::data_hint(
                format!("`smote` needs 2 to {MOST_ROWS} rows of a class; one has {}", class.len()),
                "use `method: over`",
            ));
        }
        // Whole rounds over the class, then some of it by chance.
        let mut bases: Vec<u32> = Vec::with_capacity(count);
        while bases.len() < count {
            let mut round = class.to_vec();
            random.shuffle(&mut round);
            round.truncate(count - bases.len());
            bases.extend(round);
        }
        let mut distinct = bases.clone();
        distinct.sort_unstable();
        distinct.dedup();
        let nearest: Vec<Vec<u32>> =
            distinct.par_iter().map(|&row| self.nearest(row, class, neighbors)).collect();
        for base in bases {
            let at = distinct.binary_search(&base).unwrap_or_default();
            let near = nearest[at].clone();
            let toward = near[random.below(near.len())];
            self.made.push(Made { toward, share: random.unit(), near });
            self.origins.push(base);
        }
        Ok(())
    }

    /// The rows of `class` nearest to `row`, itself left out; of equally near ones the first.
    fn nearest(&self, row: u32, class: &[u32], count: usize) -> Vec<u32> {
        let others = class.iter().filter(|&&other| other != row);
        let mut found: Vec<(f64, u32)> =
            others.map(|&other| (self.distance(row as usize, other as usize), other)).collect();
        let order = |a: &(f64, u32), b: &(f64, u32)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1));
        let count = count.min(found.len());
        if count < found.len() {
            found.select_nth_unstable_by(count, order);
            found.truncate(count);
        }
        found.sort_by(order);
        found.into_iter().map(|(_, other)| other).collect()
    }

    /// The squared distance of two rows.
    fn distance(&self, a: usize, b: usize) -> f64 {
        let columns = self.frame.columns().iter().zip(&self.scales);
        let apart = columns.map(|(column, scale)| match column {
            Column::Numbers(v) => {
                let apart = (v[a] - v[b]) * scale;
                // What is unknown is as far away as one deviation.
                if apart.is_nan() { 1.0 } else { apart * apart }
            }
            Column::Words(w) => f64::from(u8::from(w.codes[a] != w.codes[b])),
            Column::Times(t) => f64::from(u8::from(t[a] != t[b])),
            Column::Images(i) => f64::from(u8::from(i[a] != i[b])),
            Column::Sparse(_) => 0.0,
        });
        apart.sum()
    }

    /// The rows that were kept, then those made up.
    pub(super) fn frame(self) -> Result<Frame> {
        let columns = self.frame.columns().iter().map(|column| {
            let mut rows = column.take(&self.origins);
            self.change(column, &mut rows);
            rows
        });
        let columns = columns.collect();
        Frame::new(std::sync::Arc::clone(self.frame.schema()), columns, self.origins.len())
    }

    /// Moves the made-up rows, which are still their origins, to where they belong.
    fn change(&self, from: &Column, rows: &mut Column) {
        let made = self.made.iter().enumerate().map(|(at, made)| (self.kept + at, made));
        match (from, rows) {
            (Column::Numbers(from), Column::Numbers(rows)) => made.for_each(|(at, made)| {
                let step = (from[made.toward as usize] - rows[at]) * made.share;
                if step.is_finite() {
                    rows[at] += step;
                }
            }),
            (Column::Times(from), Column::Times(rows)) => made.for_each(|(at, made)| {
                let toward = from[made.toward as usize];
                if toward != MISSING_TIME && rows[at] != MISSING_TIME {
                    rows[at] += ((toward - rows[at]) as f64 * made.share) as i64;
                }
            }),
            (Column::Words(from), Column::Words(rows)) => made.for_each(|(at, made)| {
                rows.codes[at] =
                    most_frequent(made.near.iter().map(|&row| from.codes[row as usize]));
            }),
            _ => {}
        }
    }
}

/// 1 / deviation of a column of numbers; 0 when it does not vary.
fn scale(column: &Column) -> f64 {
    let Column::Numbers(values) = column else { return 0.0 };
    let known = || values.iter().filter(|v| v.is_finite());
    let n = known().count() as f64;
    let mean = known().sum::<f64>() / n;
    let deviation = (known().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n).sqrt();
    if deviation > 0.0 { 1.0 / deviation } else { 0.0 }
}

/// The code that stands most often; of equally frequent ones the one that came first.
fn most_frequent(codes: impl Iterator<Item = u32>) -> u32 {
    let codes: Vec<u32> = codes.collect();
    let count = |code: u32| codes.iter().filter(|&&c| c == code).count();
    let mut best = codes.first().copied().unwrap_or(MISSING_CODE);
    for &code in &codes {
        if count(code) > count(best) {
            best = code;
        }
    }
    best
}
