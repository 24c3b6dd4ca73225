//! Rows held out of training, and how they are chosen.

use std::sync::Arc;

use crate::pipeline::transform;
use crate::{
    Error, FittedTransform, Frame, Result, Schema, Seed, Table, Target, TargetSpec, row_weights,
};

/// Rows that no step has learned from, as the fitted transforms leave them.
#[derive(Clone, Debug)]
pub struct Validation {
    /// The columns that the estimator learns from.
    pub rows: Frame,
    /// The known answers.
    pub target: Target,
    /// The weight of each row; without it all weigh 1.
    pub weights: Option<Vec<f64>>,
}

impl Validation {
    /// The rows of `held` as `steps`, which learned from others like `input`, leave them.
    ///
    /// # Errors
    /// As the steps refuse values.
    pub fn of(
        held: &Table,
        input: &Schema,
        steps: &[Arc<dyn FittedTransform>],
        target: &TargetSpec,
    ) -> Result<Self> {
        let rows = transform(steps, Frame::from_table(&held.conform(input)?)?)?.features();
        Ok(Self { rows, target: target.apply(held)?, weights: row_weights(held)? })
    }
}

/// The rows to learn from and the rows held out, each in rising order: `share` of the rows by
/// chance, of each class on its own where there are classes. A class of one row is learned from.
///
/// # Errors
/// [`Error::Setting`] for a share that is not between 0 and 1; [`Error::Data`] when no row is left
/// for one of the two.
pub(crate) fn hold_out(target: &Target, share: f64, seed: Seed) -> Result<(Vec<u32>, Vec<u32>)> {
    if !(share > 0.0 && share < 1.0) {
        return Err(Error::setting("validation", share, "a share between 0 and 1"));
    }
    let mut random = seed.named("validation").random();
    let (mut learn, mut held) = (Vec::new(), Vec::new());
    for mut rows in strata(target) {
        random.shuffle(&mut rows);
        let count = (rows.len() as f64 * share).round() as usize;
        let kept = rows.split_off(count.min(rows.len().saturating_sub(1)));
        held.extend(rows);
        learn.extend(kept);
    }
    if learn.is_empty() || held.is_empty() {
        return Err(Error::data_hint(
            format!("a validation share of {share} of {} rows leaves none", target.len()),
            "give more rows, or leave out early stopping",
        ));
    }
    learn.sort_unstable();
    held.sort_unstable();
    Ok((learn, held))
}

/// The rows of each class, or all of them.
fn strata(target: &Target) -> Vec<Vec<u32>> {
    match target {
        Target::Classes { codes, labels } => {
            let mut strata = vec![Vec::new(); labels.len()];
            for (&code, row) in codes.iter().zip(0u32..) {
                strata[code as usize].push(row);
            }
            strata
        }
        _ => vec![(0..target.len() as u32).collect()],
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::Labels;

    fn classes(codes: &[u32]) -> Target {
        let names = vec!["a".into(), "b".into()];
        let labels = Arc::new(Labels::new(names, None).unwrap());
        Target::Classes { codes: codes.to_vec(), labels }
    }

    #[test] // by hand: a tenth of 20 and of 10 rows
    fn each_class_gives_its_share() {
        let codes: Vec<u32> = (0..30).map(|row| u32::from(row >= 20)).collect();
        let (learn, held) = hold_out(&classes(&codes), 0.1, Seed(1)).unwrap();
        assert_eq!((learn.len(), held.len()), (27, 3));
        assert_eq!(held.iter().filter(|&&row| row >= 20).count(), 1);
    }

    #[test]
    fn a_lonely_row_is_learned_from() {
        let (learn, _) = hold_out(&classes(&[0, 0, 0, 0, 1]), 0.5, Seed(1)).unwrap();
        assert!(learn.contains(&4));
    }

    #[test]
    fn what_leaves_no_row_is_refused() {
        assert!(hold_out(&Target::Numbers(vec![1.0]), 0.5, Seed(1)).is_err());
        assert!(hold_out(&Target::Numbers(vec![]), 0.5, Seed(1)).is_err());
        assert!(hold_out(&Target::Numbers(vec![1.0; 9]), 1.0, Seed(1)).is_err());
    }
}
