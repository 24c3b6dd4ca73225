//! How good it is to put some rows together: what splits are compared by.
//!
//! A cell is what is known of a group of rows: `cell[0]` is how many rows there are, the rest
//! belongs to the criterion. Cells of disjoint groups add up.

/// What is known of a group of rows.
pub(crate) type Cell<const W: usize> = [f64; W];

/// The cell of two groups together.
#[inline]
pub(crate) fn plus<const W: usize>(a: &Cell<W>, b: &Cell<W>) -> Cell<W> {
    std::array::from_fn(|i| a[i] + b[i])
}

/// The cell of what is left when group `b` leaves `a`.
#[inline]
pub(crate) fn minus<const W: usize>(a: &Cell<W>, b: &Cell<W>) -> Cell<W> {
    std::array::from_fn(|i| a[i] - b[i])
}

/// What a tree tries to make pure. Rows are numbered as in the sample that the tree grows on.
pub(crate) trait Objective<const W: usize>: Sync {
    /// Adds a row to a cell.
    fn add(&self, cell: &mut Cell<W>, row: u32);

    /// How good a group is: minus its weight times its impurity, up to a constant for each row.
    /// A split gains the sum over both sides less that of the whole.
    fn score(&self, cell: &Cell<W>) -> f64;

    /// Puts categories into an order in which good subsets stand together.
    fn order(&self, cell: &Cell<W>, whole: &Cell<W>) -> f64;

    /// The sum of the weights.
    fn weight(&self, cell: &Cell<W>) -> f64;

    /// Whether nothing can be gained by a split.
    fn is_pure(&self, rows: &[u32], cell: &Cell<W>) -> bool;

    /// Writes the answer of a leaf with these rows into `answer`, which is empty.
    fn answer(&self, rows: &[u32], cell: &Cell<W>, answer: &mut Vec<f64>);

    /// The same objective for some rows, each standing for so many of itself, numbered anew in
    /// this order.
    fn gather(&self, rows: impl Iterator<Item = (u32, u32)>) -> Self;
}

/// The cell of these rows.
#[inline]
pub(crate) fn total<const W: usize>(objective: &impl Objective<W>, rows: &[u32]) -> Cell<W> {
    // Several sums side by side, so that an addition need not wait for the one before.
    let mut parts = [[0.0; W]; 4];
    let (groups, rest) = rows.as_chunks::<4>();
    for group in groups {
        parts.iter_mut().zip(group).for_each(|(part, &row)| objective.add(part, row));
    }
    parts.iter_mut().zip(rest).for_each(|(part, &row)| objective.add(part, row));
    let [a, b, c, d] = &parts;
    plus(&plus(a, b), &plus(c, d))
}

/// How the impurity of classes is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Impurity {
    /// 1 − Σ p².
    Gini,
    /// −Σ p ln p.
    Entropy,
}

/// The class of a row and what the row weighs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Labelled {
    pub(crate) class: u32,
    pub(crate) weight: f32,
}

/// Classes: a cell holds the number of rows and the weight of each class.
/// Source: Breiman et al., *Classification and Regression Trees*, 1984, section 4.
pub(crate) struct Classes {
    pub(crate) rows: Vec<Labelled>,
    pub(crate) classes: usize,
    pub(crate) impurity: Impurity,
}

impl<const W: usize> Objective<W> for Classes {
    #[inline]
    fn add(&self, cell: &mut Cell<W>, row: u32) {
        let row = self.rows[row as usize];
        cell[0] += 1.0;
        // There are always at least as many places as classes.
        if let Some(weight) = cell[1..].get_mut(row.class as usize) {
            *weight += f64::from(row.weight);
        }
    }

    #[inline]
    fn score(&self, cell: &Cell<W>) -> f64 {
        let weights = &cell[1..];
        let sum: f64 = weights.iter().sum();
        match self.impurity {
            Impurity::Gini => weights.iter().map(|w| w * w).sum::<f64>() / sum,
            Impurity::Entropy => {
                let positive = weights.iter().filter(|w| **w > 0.0);
                positive.map(|w| w * (w / sum).ln()).sum()
            }
        }
    }

    /// The share of the class that is heaviest in the whole group. Exact for two classes (Breiman
    /// et al. 1984, theorem 4.5); for more it is a heuristic: one class against the rest.
    fn order(&self, cell: &Cell<W>, whole: &Cell<W>) -> f64 {
        let mut heaviest = 1;
        for class in 2..W {
            if whole[class] > whole[heaviest] {
                heaviest = class;
            }
        }
        cell[heaviest] / cell[1..].iter().sum::<f64>()
    }

    #[inline]
    fn weight(&self, cell: &Cell<W>) -> f64 {
        cell[1..].iter().sum()
    }

    #[inline]
    fn is_pure(&self, _rows: &[u32], cell: &Cell<W>) -> bool {
        cell[1..].iter().filter(|w| **w > 0.0).count() < 2
    }

    fn answer(&self, _rows: &[u32], cell: &Cell<W>, answer: &mut Vec<f64>) {
        let sum: f64 = cell[1..].iter().sum();
        answer.extend(cell[1..].iter().take(self.classes).map(|w| w / sum));
    }

    fn gather(&self, rows: impl Iterator<Item = (u32, u32)>) -> Self {
        let repeat = |(row, times): (u32, u32)| {
            let Labelled { class, weight } = self.rows[row as usize];
            Labelled { class, weight: weight * times as f32 }
        };
        let rows = rows.map(repeat).collect();
        Self { rows, classes: self.classes, impurity: self.impurity }
    }
}

/// The value of a row and what the row weighs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    pub(crate) value: f64,
    pub(crate) weight: f64,
}

/// Squared error: a cell holds the number of rows, their weight, and Σ weight · (value − centre).
///
/// The centre, the mean of all rows, is there so that a far-off mean costs no precision. An order by means is
/// exact (Fisher, *On Grouping for Maximum Homogeneity*, 1958).
pub(crate) struct SquaredError {
    pub(crate) rows: Vec<Measured>,
    pub(crate) centre: f64,
}

impl Objective<3> for SquaredError {
    #[inline]
    fn add(&self, cell: &mut Cell<3>, row: u32) {
        let row = self.rows[row as usize];
        cell[0] += 1.0;
        cell[1] += row.weight;
        cell[2] += row.weight * (row.value - self.centre);
    }

    #[inline]
    fn score(&self, cell: &Cell<3>) -> f64 {
        cell[2] * cell[2] / cell[1]
    }

    fn order(&self, cell: &Cell<3>, _whole: &Cell<3>) -> f64 {
        cell[2] / cell[1]
    }

    #[inline]
    fn weight(&self, cell: &Cell<3>) -> f64 {
        cell[1]
    }

    fn is_pure(&self, rows: &[u32], _cell: &Cell<3>) -> bool {
        let mut values = rows.iter().map(|&r| self.rows[r as usize].value);
        let first = values.next();
        values.all(|v| Some(v) == first)
    }

    /// The mean of the rows; of equal values, exactly that value.
    fn answer(&self, rows: &[u32], cell: &Cell<3>, answer: &mut Vec<f64>) {
        let rows = rows.iter().map(|&r| self.rows[r as usize]);
        let first = rows.clone().next().map_or(self.centre, |r| r.value);
        let beyond: f64 = rows.map(|r| r.weight * (r.value - first)).sum();
        answer.push(first + beyond / cell[1]);
    }

    fn gather(&self, rows: impl Iterator<Item = (u32, u32)>) -> Self {
        let repeat = |(row, times): (u32, u32)| {
            let Measured { value, weight } = self.rows[row as usize];
            Measured { value, weight: weight * f64::from(times) }
        };
        let rows = rows.map(repeat).collect();
        Self { rows, centre: self.centre }
    }
}
