//! Folds within the training rows, so that a model can be asked about rows it has not learned from.

use gristmill_core::{Error, Result, Seed, Target};

/// Which fold each row is tested in.
#[derive(Clone, Debug)]
pub(super) struct Folds {
    count: usize,
    of_row: Vec<usize>,
}

impl Folds {
    /// Deals rows out by chance; those of each class evenly, up to one row.
    ///
    /// # Errors
    /// [`Error::Data`] when there are fewer rows than folds.
    pub(super) fn new(target: &Target, count: usize, seed: Seed) -> Result<Self> {
        let rows = target.len();
        if rows < count {
            return Err(Error::data_hint(
                format!("{count} folds need at least as many rows; there are {rows}"),
                "ask for fewer `folds`, or give more rows",
            ));
        }
        let mut random = seed.named("folds").random();
        let mut of_row = vec![0; rows];
        let mut next = 0;
        for mut stack in stacks(target) {
            random.shuffle(&mut stack);
            for row in stack {
                of_row[row] = next;
                next = (next + 1) % count;
            }
        }
        Ok(Self { count, of_row })
    }

    /// How many folds there are.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// The rows to learn from and those to be asked about, each in rising order.
    pub(super) fn parts(&self, fold: usize) -> (Vec<u32>, Vec<u32>) {
        (0..self.of_row.len() as u32).partition(|&row| self.of_row[row as usize] != fold)
    }
}

/// Refuses fewer than 2 folds.
///
/// # Errors
/// [`Error::Setting`].
pub(super) fn check_folds(folds: usize) -> Result<()> {
    if folds < 2 {
        return Err(Error::setting("folds", folds, "at least 2"));
    }
    Ok(())
}

/// The rows of each class, or all of them.
fn stacks(target: &Target) -> Vec<Vec<usize>> {
    let Target::Classes { codes, labels } = target else {
        return vec![(0..target.len()).collect()];
    };
    let mut stacks = vec![Vec::new(); labels.len()];
    for (row, &code) in codes.iter().enumerate() {
        stacks[code as usize].push(row);
    }
    stacks
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use gristmill_core::Labels;

    use super::*;

    #[test] // by hand: 10 and 5 rows in 5 folds
    fn each_fold_has_its_part_of_each_class() {
        let codes: Vec<u32> = (0..15).map(|row| u32::from(row % 3 == 0)).collect();
        let labels = Arc::new(Labels::new(vec!["a".into(), "b".into()], None).unwrap());
        let folds = Folds::new(&Target::Classes { codes, labels }, 5, Seed(1)).unwrap();
        for fold in 0..5 {
            let (train, test) = folds.parts(fold);
            assert_eq!((train.len(), test.len()), (12, 3));
            assert_eq!(test.iter().filter(|row| *row % 3 == 0).count(), 1);
        }
    }

    #[test]
    fn more_folds_than_rows_are_refused() {
        assert!(Folds::new(&Target::Numbers(vec![1.0]), 2, Seed(1)).is_err());
    }
}
