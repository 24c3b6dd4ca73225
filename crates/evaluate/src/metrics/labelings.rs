//! How far two ways to put the same rows into groups agree, whatever the groups are called:
//! clusters against known classes, or two clusterings.
//!
//! Each function takes one code for each row and way.

use gristmill_core::{Error, Result};
use rayon::prelude::*;

use crate::distributions::ln_gamma;

/// The share of pairs of rows that both ways put together or both put apart.
///
/// Source: Rand, *Journal of the American Statistical Association* 66 (1971).
///
/// # Errors
/// [`Error::Data`] without rows; [`Error::Bug`] when the lengths differ.
pub fn rand_index(a: &[u32], b: &[u32]) -> Result<f64> {
    let pairs = Pairs::of(&Contingency::new("rand_index", a, b)?);
    let all = pairs.together + pairs.first + pairs.second + pairs.apart;
    Ok(if all == 0 { 1.0 } else { (pairs.together + pairs.apart) as f64 / all as f64 })
}

/// [`rand_index`] scaled so that chance has 0 and equality 1; below 0 when worse than chance.
///
/// Source: Hubert and Arabie, *Journal of Classification* 2 (1985).
///
/// # Errors
/// As [`rand_index`].
///
/// ```
/// # use gristmill_evaluate::metrics::adjusted_rand_index;
/// assert_eq!(adjusted_rand_index(&[0, 0, 1, 1], &[5, 5, 2, 2])?, 1.0);
/// assert_eq!(adjusted_rand_index(&[0, 0, 1, 1], &[0, 1, 0, 1])?, -0.5);
/// # Ok::<(), gristmill_core::Error>(())
/// ```
pub fn adjusted_rand_index(a: &[u32], b: &[u32]) -> Result<f64> {
    let pairs = Pairs::of(&Contingency::new("adjusted_rand_index", a, b)?);
    if pairs.first == 0 && pairs.second == 0 {
        return Ok(1.0);
    }
    let [tp, f, s, tn] =
        [pairs.together, pairs.first, pairs.second, pairs.apart].map(|count| count as f64);
    Ok(2.0 * (tp * tn - f * s) / ((tp + f) * (f + tn) + (tp + s) * (s + tn)))
}

/// The geometric mean of the shares of pairs that one way puts together and the other way too.
///
/// Source: Fowlkes and Mallows, *Journal of the American Statistical Association* 78 (1983).
///
/// # Errors
/// As [`rand_index`].
pub fn fowlkes_mallows(a: &[u32], b: &[u32]) -> Result<f64> {
    let pairs = Pairs::of(&Contingency::new("fowlkes_mallows", a, b)?);
    if pairs.together == 0 {
        return Ok(0.0);
    }
    let together = pairs.together as f64;
    let share = |more: u128| (together / (together + more as f64)).sqrt();
    Ok(share(pairs.first) * share(pairs.second))
}

/// What one way tells about the other, Σ nᵢⱼ/n · ln(n nᵢⱼ / (aᵢ bⱼ)), in nats.
///
/// Source: Cover and Thomas, *Elements of Information Theory*, Wiley 2006.
///
/// # Errors
/// As [`rand_index`].
pub fn mutual_information(a: &[u32], b: &[u32]) -> Result<f64> {
    Ok(Contingency::new("mutual_information", a, b)?.information())
}

/// [`mutual_information`] divided by the mean of the two entropies, between 0 and 1; 1 when neither
/// way tells rows apart.
///
/// # Errors
/// As [`rand_index`].
pub fn normalized_mutual_information(a: &[u32], b: &[u32]) -> Result<f64> {
    let table = Contingency::new("normalized_mutual_information", a, b)?;
    Ok(match entropy(&table.first) + entropy(&table.second) {
        0.0 => 1.0,
        both => table.information() / (both / 2.0),
    })
}

/// [`mutual_information`] less what chance would give, divided by the mean of the two entropies less
/// the same; 0 for chance, 1 for equality.
///
/// Source: Vinh, Epps and Bailey, *Journal of Machine Learning Research* 11 (2010).
///
/// # Errors
/// As [`rand_index`].
pub fn adjusted_mutual_information(a: &[u32], b: &[u32]) -> Result<f64> {
    let table = Contingency::new("adjusted_mutual_information", a, b)?;
    let (groups, others) = (table.first.len(), table.second.len());
    if groups == others && (groups == 1 || groups == a.len()) {
        return Ok(1.0);
    }
    let by_chance = table.expected_information();
    let most = (entropy(&table.first) + entropy(&table.second)) / 2.0 - by_chance;
    // Never divide by 0 where chance alone reaches the most that there is.
    let most = if most < 0.0 { most.min(-f64::EPSILON) } else { most.max(f64::EPSILON) };
    Ok((table.information() - by_chance) / most)
}

/// Whether each group of `found` holds rows of one class only: 1 − H(truth | found) / H(truth).
///
/// Source: Rosenberg and Hirschberg, *EMNLP-CoNLL* 2007.
///
/// # Errors
/// As [`rand_index`].
pub fn homogeneity(truth: &[u32], found: &[u32]) -> Result<f64> {
    let table = Contingency::new("homogeneity", truth, found)?;
    Ok(share_known(&table, &table.first))
}

/// Whether all rows of a class are in one group of `found`: 1 − H(found | truth) / H(found).
///
/// Source: as [`homogeneity`].
///
/// # Errors
/// As [`rand_index`].
pub fn completeness(truth: &[u32], found: &[u32]) -> Result<f64> {
    let table = Contingency::new("completeness", truth, found)?;
    Ok(share_known(&table, &table.second))
}

/// The harmonic mean of [`homogeneity`] and [`completeness`].
///
/// # Errors
/// As [`rand_index`].
pub fn v_measure(truth: &[u32], found: &[u32]) -> Result<f64> {
    let (h, c) = (homogeneity(truth, found)?, completeness(truth, found)?);
    Ok(if h + c == 0.0 { 0.0 } else { 2.0 * h * c / (h + c) })
}

fn share_known(table: &Contingency, of: &[u64]) -> f64 {
    match entropy(of) {
        0.0 => 1.0,
        entropy => table.information() / entropy,
    }
}

/// How many rows each pair of groups has in common.
struct Contingency {
    rows: u64,
    first: Vec<u64>,
    second: Vec<u64>,
    /// Group of the first way, group of the second, rows; only pairs that have some.
    cells: Vec<(usize, usize, u64)>,
}

impl Contingency {
    fn new(metric: &str, a: &[u32], b: &[u32]) -> Result<Self> {
        super::same_length(metric, a.len(), b.len())?;
        if u32::try_from(a.len()).is_err() {
            return Err(Error::data(format!("`{metric}` compares at most 4,294,967,295 rows")));
        }
        let (first_names, second_names) = (names(a), names(b));
        let mut keys: Vec<u64> =
            a.par_iter().zip(b).map(|(&a, &b)| u64::from(a) << 32 | u64::from(b)).collect();
        keys.par_sort_unstable();
        let at = |names: &[u32], name: u64| names.partition_point(|n| u64::from(*n) < name);
        let cells: Vec<(usize, usize, u64)> = keys
            .chunk_by(|x, y| x == y)
            .map(|run| {
                let (a, b) = (run[0] >> 32, run[0] & u64::from(u32::MAX));
                (at(&first_names, a), at(&second_names, b), run.len() as u64)
            })
            .collect();
        let (mut first, mut second) = (vec![0; first_names.len()], vec![0; second_names.len()]);
        for &(i, j, rows) in &cells {
            first[i] += rows;
            second[j] += rows;
        }
        Ok(Self { rows: a.len() as u64, first, second, cells })
    }

    fn information(&self) -> f64 {
        let n = self.rows as f64;
        let cell = |&(i, j, rows): &(usize, usize, u64)| {
            let outer = (self.first[i] as f64) * (self.second[j] as f64);
            rows as f64 / n * (n.ln() + (rows as f64).ln() - outer.ln())
        };
        // Rounding alone may take it below 0.
        self.cells.iter().map(cell).sum::<f64>().max(0.0)
    }

    /// The mean information of all tables with the same totals.
    fn expected_information(&self) -> f64 {
        let pairs: Vec<(u64, u64)> =
            self.first.iter().flat_map(|&a| self.second.iter().map(move |&b| (a, b))).collect();
        let each: Vec<f64> =
            pairs.par_iter().map(|&(a, b)| expected_cell(self.rows, a, b)).collect();
        each.iter().sum()
    }
}

/// Σ over the rows that two groups of these sizes may have in common: their share of the
/// information times their hypergeometric chance.
fn expected_cell(rows: u64, a: u64, b: u64) -> f64 {
    let factorial = |n: u64| ln_gamma(n as f64 + 1.0);
    let (n, outer) = (rows as f64, (a as f64).ln() + (b as f64).ln());
    let fixed =
        factorial(a) + factorial(b) + factorial(rows - a) + factorial(rows - b) - factorial(rows);
    let common = (a + b).saturating_sub(rows).max(1)..=a.min(b);
    common
        .map(|both| {
            let free = factorial(both)
                + factorial(a - both)
                + factorial(b - both)
                + factorial(rows + both - a - b);
            let share = both as f64 / n * (n.ln() + (both as f64).ln() - outer);
            share * (fixed - free).exp()
        })
        .sum()
}

/// Pairs of rows, each counted twice: together in both ways, in the first alone, in the second
/// alone, in neither.
struct Pairs {
    together: u128,
    first: u128,
    second: u128,
    apart: u128,
}

impl Pairs {
    fn of(table: &Contingency) -> Self {
        let squares = |counts: &mut dyn Iterator<Item = u64>| {
            counts.map(|c| u128::from(c).pow(2)).sum::<u128>()
        };
        let n = u128::from(table.rows);
        let both = squares(&mut table.cells.iter().map(|cell| cell.2));
        let first = squares(&mut table.first.iter().copied());
        let second = squares(&mut table.second.iter().copied());
        Self {
            together: both - n,
            first: first - both,
            second: second - both,
            apart: n * n + both - first - second,
        }
    }
}

fn names(codes: &[u32]) -> Vec<u32> {
    let mut names = codes.to_vec();
    names.par_sort_unstable();
    names.dedup();
    names
}

fn entropy(counts: &[u64]) -> f64 {
    let n = counts.iter().sum::<u64>() as f64;
    if counts.len() < 2 {
        return 0.0;
    }
    counts.iter().map(|&c| c as f64 / n).filter(|p| *p > 0.0).map(|p| -p * p.ln()).sum()
}
