//! How far the answers of two versions to the same rows agree.

use gristmill_core::Prediction;

use crate::Answers;

/// How far the answers of two versions to the same rows agree.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Agreement {
    /// Rows to which both answer the same: the same word, or a number of the same bits.
    pub same: u64,
    /// The others; all of them where the versions answer with different things.
    pub different: u64,
    /// How far apart they are, summed over the rows: numbers by their distance, classes by half of the
    /// distances of their probabilities (the total variation distance). Only finite distances count.
    pub distance: f64,
}

impl Agreement {
    /// That of these answers.
    pub fn of(main: &Answers, other: &Answers) -> Self {
        match (&main.prediction, &other.prediction) {
            (Prediction::Numbers(main), Prediction::Numbers(other))
                if main.len() == other.len() =>
            {
                let rows = main.iter().zip(other);
                rows.map(|(a, b)| (a.to_bits() == b.to_bits(), (a - b).abs())).collect()
            }
            (Prediction::Classes { labels, .. }, Prediction::Classes { labels: others, .. })
                if labels.names() == others.names() && main.rows() == other.rows() =>
            {
                (0..main.rows()).map(|row| classes(main, other, row)).collect()
            }
            _ => Self { different: main.rows() as u64, ..Self::default() },
        }
    }
}

fn classes(main: &Answers, other: &Answers, row: usize) -> (bool, f64) {
    let (
        Prediction::Classes { codes, probabilities, .. },
        Prediction::Classes { codes: others, probabilities: of_others, .. },
    ) = (&main.prediction, &other.prediction)
    else {
        return (false, 0.0);
    };
    let apart = |class| (probabilities.get(row, class) - of_others.get(row, class)).abs();
    let distance = (0..probabilities.columns()).map(apart).sum::<f64>() / 2.0;
    (codes.get(row) == others.get(row), distance)
}

impl FromIterator<(bool, f64)> for Agreement {
    fn from_iter<T: IntoIterator<Item = (bool, f64)>>(rows: T) -> Self {
        let mut agreement = Self::default();
        for (same, distance) in rows {
            match same {
                true => agreement.same += 1,
                false => agreement.different += 1,
            }
            if distance.is_finite() {
                agreement.distance += distance;
            }
        }
        agreement
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use gristmill_core::{DenseMatrix, Labels};

    use super::*;

    fn numbers(numbers: &[f64]) -> Answers {
        Answers { prediction: Prediction::Numbers(numbers.to_vec()), explained: None }
    }

    fn classes(words: [&str; 2], first: &[f64]) -> Answers {
        let mut probabilities = DenseMatrix::zeros(first.len(), 2);
        probabilities.column_mut(0).copy_from_slice(first);
        let second: Vec<f64> = first.iter().map(|p| 1.0 - p).collect();
        probabilities.column_mut(1).copy_from_slice(&second);
        let codes = first.iter().map(|p| u32::from(*p < 0.5)).collect();
        let labels = Arc::new(Labels::new(words.map(String::from).to_vec(), None).unwrap());
        Answers {
            prediction: Prediction::Classes { codes, probabilities, labels },
            explained: None,
        }
    }

    #[track_caller]
    fn check(main: &Answers, other: &Answers, same: u64, different: u64, distance: f64) {
        let found = Agreement::of(main, other);
        assert_eq!((found.same, found.different), (same, different));
        assert!((found.distance - distance).abs() < 1e-12, "{found:?}");
    }

    #[test] // by hand
    fn numbers_agree_by_their_bits() {
        check(&numbers(&[1.0, 2.0, f64::NAN]), &numbers(&[1.0, 2.5, f64::NAN]), 2, 1, 0.5);
        check(&numbers(&[1.0, f64::INFINITY]), &numbers(&[f64::NAN, 1.0]), 0, 2, 0.0);
    }

    #[test] // by hand
    fn classes_agree_by_their_words() {
        let (main, other) =
            (classes(["no", "yes"], &[0.9, 0.6]), classes(["no", "yes"], &[0.7, 0.4]));
        check(&main, &other, 1, 1, 0.4);
        check(&main, &classes(["never", "no"], &[0.9, 0.6]), 0, 2, 0.0);
    }

    #[test]
    fn answers_of_another_kind_agree_nowhere() {
        check(&numbers(&[1.0, 2.0]), &classes(["no", "yes"], &[0.9, 0.6]), 0, 2, 0.0);
        check(&numbers(&[1.0, 2.0]), &numbers(&[1.0]), 0, 2, 0.0);
    }
}
