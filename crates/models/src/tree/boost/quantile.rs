//! Quantiles of weighted numbers.

/// A number and what it weighs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Weighted {
    pub(crate) value: f64,
    pub(crate) weight: f64,
}

/// The smallest value that, with all smaller ones, weighs at least the share `alpha` of all; where
/// it weighs exactly that, the middle between it and the next. No values give 0.
pub(crate) fn quantile(mut rows: Vec<Weighted>, alpha: f64) -> f64 {
    rows.sort_unstable_by(|a, b| a.value.total_cmp(&b.value).then(a.weight.total_cmp(&b.weight)));
    let wanted = alpha * rows.iter().map(|r| r.weight).sum::<f64>();
    let mut below = 0.0;
    for (at, row) in rows.iter().enumerate() {
        below += row.weight;
        if below == wanted && at + 1 < rows.len() {
            return row.value / 2.0 + rows[at + 1].value / 2.0;
        }
        if below >= wanted {
            return row.value;
        }
    }
    rows.last().map_or(0.0, |row| row.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(rows: &[(f64, f64)], alpha: f64, expected: f64) {
        let rows = rows.iter().map(|&(value, weight)| Weighted { value, weight }).collect();
        assert_eq!(quantile(rows, alpha), expected);
    }

    #[test] // by hand
    fn quantiles_of_weighted_numbers() {
        check(&[(3., 1.), (1., 1.), (2., 1.)], 0.5, 2.);
        check(&[(3., 1.), (1., 1.), (2., 1.), (4., 1.)], 0.5, 2.5);
        check(&[(1., 1.), (2., 5.), (3., 1.)], 0.9, 3.);
        check(&[(1., 1.), (2., 5.), (3., 1.)], 0.5, 2.);
        check(&[], 0.5, 0.);
    }
}
