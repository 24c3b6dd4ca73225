//! Folds: several tests, so that each row is tested once.

use gristmill_core::{Error, Random, Result, Seed, Table, Target};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::deal::{row_numbers, sorted};
use super::parts::refuse_few;
use super::{Split, keys};

/// Into how many folds rows are dealt; a pipeline file writes `{folds: 5}`, or for rows in time
/// `{folds: 12, horizon: 168, gap: 24, window: 8760}`, which is a backtest.
///
/// ```
/// # use gristmill_core::Seed;
/// # use gristmill_evaluate::{Folds, Split};
/// # use gristmill_testkit::table;
/// let rows = table().numbers("x", [1.0, 2.0, 3.0, 4.0]).build();
/// let folds = Folds::new(2).parts(&Split::default(), &rows, None, Seed(0))?;
/// assert_eq!((folds.len(), folds[0].test.len(), folds[0].train.len()), (2, 2, 2));
/// # Ok::<(), gristmill_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Folds {
    /// How many folds there are.
    #[schemars(range(min = 2))]
    pub folds: usize,
    /// How often rows are dealt anew.
    #[schemars(range(min = 1))]
    pub repeats: usize,
    /// How many rows each fold tests when the split is by time; without a number the moments are
    /// cut into equal stretches.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub horizon: Option<usize>,
    /// How many rows are left out between those that train and those that test, when the split is
    /// by time: as many as pass before an answer is known.
    #[serde(skip_serializing_if = "is_zero")]
    pub gap: usize,
    /// How many of the latest rows train, when the split is by time (a rolling origin); without a
    /// number all that came before (an expanding one).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub window: Option<usize>,
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl Default for Folds {
    fn default() -> Self {
        Self { folds: 5, repeats: 1, horizon: None, gap: 0, window: None }
    }
}

/// Rows to learn from and rows to test on, each in rising order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fold {
    /// The rows to learn from.
    pub train: Vec<u32>,
    /// The rows to test on.
    pub test: Vec<u32>,
}

impl Folds {
    /// So many folds, dealt once.
    pub fn new(folds: usize) -> Self {
        Self { folds, ..Self::default() }
    }

    /// The folds of `table`, of the kind that `split` is.
    ///
    /// - Random: rows by chance; sizes differ by one row at most.
    /// - Stratified, and a split by a column when the target has classes: the rows of each class
    ///   are spread evenly, up to one row.
    /// - Group: whole groups, dealt so that folds are about equally large.
    /// - Time: forward chaining (backtesting). Moments are cut into one more stretch than there are
    ///   folds; each fold tests one stretch and learns from all before it, so the first is never
    ///   tested. With a `horizon` the last stretches have about so many rows each and the first has
    ///   the rest; `gap` and `window` bound what is learned from. Rows of one moment stay together,
    ///   so a stretch may be longer than asked for, and a window shorter.
    ///
    /// # Errors
    /// [`Error::Setting`] for fewer than 2 folds, no repeats, or repeats of folds by time, which
    /// have no chance in them, and for `horizon`, `gap` or `window` without time; [`Error::Data`] when there are fewer rows, groups or moments than
    /// the folds need, or fewer rows of a class than folds.
    pub fn parts(
        &self,
        split: &Split,
        table: &Table,
        target: Option<&Target>,
        seed: Seed,
    ) -> Result<Vec<Fold>> {
        self.check(split)?;
        let rows = row_numbers(table.rows())?;
        if rows.len() < self.folds {
            return Err(Error::data_hint(
                format!(
                    "{} folds need at least as many rows; there are {}",
                    self.folds,
                    rows.len()
                ),
                "ask for fewer folds, or give more rows",
            ));
        }
        if let Split::Time { column, .. } = split {
            return self.by_time(&keys::moments(table, column)?, column);
        }
        let mut folds = Vec::with_capacity(self.folds * self.repeats);
        for repeat in 0..self.repeats {
            let mut random = seed.named("folds").numbered(repeat as u64).random();
            let tests = match split {
                Split::Group { column, .. } => {
                    self.by_group(keys::groups(table, column)?, column, &mut random)?
                }
                Split::Stratified(_) => self.stratified(target, rows.len(), &mut random)?,
                Split::Column { .. } if matches!(target, Some(Target::Classes { .. })) => {
                    self.stratified(target, rows.len(), &mut random)?
                }
                _ => self.deal(vec![rows.clone()], &mut random),
            };
            folds.extend(tests.into_iter().map(|test| without(&rows, sorted(test))));
        }
        Ok(folds)
    }

    fn check(&self, split: &Split) -> Result<()> {
        if self.folds < 2 {
            return Err(Error::setting("folds", self.folds, "at least 2"));
        }
        if self.repeats < 1 {
            return Err(Error::setting("repeats", self.repeats, "at least 1"));
        }
        if self.repeats > 1 && matches!(split, Split::Time { .. }) {
            return Err(Error::setting("repeats", self.repeats, "1, because time has one order"));
        }
        self.check_backtest(split)
    }

    fn check_backtest(&self, split: &Split) -> Result<()> {
        let timed = matches!(split, Split::Time { .. });
        let sizes = [("horizon", self.horizon), ("window", self.window)];
        for (name, size) in sizes.into_iter().chain([("gap", Some(self.gap).filter(|&g| g > 0))]) {
            match size {
                Some(0) => return Err(Error::setting(name, 0, "at least 1 row")),
                Some(rows) if !timed => {
                    let wanted = "nothing, unless the split is by time: `split: {time: COLUMN}`";
                    return Err(Error::setting(name, rows, wanted));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Deals shuffled rows out one by one, going on where the last stack ended.
    fn deal(&self, stacks: Vec<Vec<u32>>, random: &mut Random) -> Vec<Vec<u32>> {
        let mut tests = vec![Vec::new(); self.folds];
        let mut next = 0;
        for mut stack in stacks {
            random.shuffle(&mut stack);
            for row in stack {
                tests[next].push(row);
                next = (next + 1) % self.folds;
            }
        }
        tests
    }

    fn stratified(
        &self,
        target: Option<&Target>,
        rows: usize,
        random: &mut Random,
    ) -> Result<Vec<Vec<u32>>> {
        let (classes, names) = keys::classes(target, rows)?;
        let few = |rows: &Vec<u32>| !rows.is_empty() && rows.len() < self.folds;
        if let Some(at) = classes.iter().position(few) {
            return Err(Error::data_hint(
                format!(
                    "class `{}` has {} rows, fewer than the {} folds",
                    names[at],
                    classes[at].len(),
                    self.folds
                ),
                "ask for fewer folds, or leave the class out with `sql`",
            ));
        }
        Ok(self.deal(classes, random))
    }

    /// Largest groups first, each into the fold that has fewest rows; chance orders equal ones.
    fn by_group(
        &self,
        mut groups: Vec<Vec<u32>>,
        column: &str,
        random: &mut Random,
    ) -> Result<Vec<Vec<u32>>> {
        refuse_few("group", column, groups.len(), self.folds)?;
        random.shuffle(&mut groups);
        groups.sort_by_key(|rows| std::cmp::Reverse(rows.len()));
        let mut tests: Vec<Vec<u32>> = vec![Vec::new(); self.folds];
        for group in groups {
            if let Some(test) = tests.iter_mut().min_by_key(|test| test.len()) {
                test.extend(group);
            }
        }
        Ok(tests)
    }

    fn by_time(&self, moments: &[Vec<u32>], column: &str) -> Result<Vec<Fold>> {
        let stretches = self.folds + 1;
        refuse_few("time", column, moments.len(), stretches)?;
        let borders = match self.horizon {
            Some(horizon) => self.latest(moments, horizon)?,
            None => self.borders(moments),
        };
        let rows = |from: usize, to: usize| sorted(moments[from..to].concat());
        (1..stretches)
            .map(|at| {
                let end = back(moments, borders[at], self.gap);
                let from = self.window.map_or(0, |window| within(moments, end, window));
                let fold =
                    Fold { train: rows(from, end), test: rows(borders[at], borders[at + 1]) };
                match fold.train.is_empty() {
                    true => Err(self.no_training(at)),
                    false => Ok(fold),
                }
            })
            .collect()
    }

    fn no_training(&self, fold: usize) -> Error {
        Error::data_hint(
            format!("fold {fold} of {} has no row to learn from", self.folds),
            "ask for fewer folds, a shorter `horizon` or a shorter `gap`",
        )
    }

    /// Where the last stretches of about `horizon` rows begin, and the end.
    fn latest(&self, moments: &[Vec<u32>], horizon: usize) -> Result<Vec<usize>> {
        let mut borders = vec![moments.len()];
        for fold in (1..=self.folds).rev() {
            let end = borders.last().copied().unwrap_or_default();
            let begin = back(moments, end, horizon);
            if begin == 0 {
                return Err(self.no_training(fold));
            }
            borders.push(begin);
        }
        borders.push(0);
        borders.reverse();
        Ok(borders)
    }

    /// Where stretches of about equally many rows begin, and the end; none is empty.
    fn borders(&self, moments: &[Vec<u32>]) -> Vec<usize> {
        let stretches = self.folds + 1;
        let all: usize = moments.iter().map(Vec::len).sum();
        let mut borders = vec![0];
        let mut before = 0;
        for (at, rows) in moments.iter().enumerate() {
            let open = stretches - borders.len();
            let wanted = borders.len() * all / stretches;
            let begun = borders.last().copied().unwrap_or_default();
            // The border nearest to the wanted number of rows, but one moment for each stretch.
            let nearer = before + rows.len() / 2 >= wanted.max(1);
            if open > 0 && at > begun && (nearer || moments.len() - at <= open) {
                borders.push(at);
            }
            before += rows.len();
        }
        borders.push(moments.len());
        borders
    }
}

/// The latest moment from which on at least `rows` rows lie before `end`; the first if there are
/// fewer.
fn back(moments: &[Vec<u32>], end: usize, rows: usize) -> usize {
    let (mut at, mut passed) = (end, 0);
    while at > 0 && passed < rows {
        at -= 1;
        passed += moments[at].len();
    }
    at
}

/// The first moment from which on at most `rows` rows lie before `end`, but one moment at least.
fn within(moments: &[Vec<u32>], end: usize, rows: usize) -> usize {
    let (mut at, mut passed) = (end, 0);
    while at > 0 && (at == end || passed + moments[at - 1].len() <= rows) {
        at -= 1;
        passed += moments[at].len();
    }
    at
}

/// All rows but those of `test` to learn from; both in rising order.
fn without(rows: &[u32], test: Vec<u32>) -> Fold {
    let train = rows.iter().copied().filter(|row| test.binary_search(row).is_err()).collect();
    Fold { train, test }
}
