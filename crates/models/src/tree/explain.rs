//! What each column adds to the answer of a row: Shapley values of the trees, exact in polynomial
//! time. A column that is not known sends a row both ways, in the shares in which the training rows
//! went (path-dependent TreeSHAP, Lundberg et al., *Consistent Individualized Feature Attribution for
//! Tree Ensembles*, 2018).
//!
//! Method: a leaf's answer is multiplied by a factor for each column on its path, u when the column
//! is not known and k, 0 or 1, when it is. The Shapley value of a column is the mean of (k − u) Π over
//! the others of u + t (k − u) for t from 0 to 1 (Owen, *Multilinear Extensions of Games*, 1972): a
//! polynomial in t, of which some places of Gauss and Legendre give the mean exactly. What leaves
//! below a node add up to is summed once for all of them, as in Yu et al., *Linear TreeShap*, 2022, so
//! a node costs as many steps as there are places.

use std::ops::Range;

use gristmill_core::{Contributions, DenseMatrix, Frame, Result};
use rayon::prelude::*;

use super::bins;
use super::grove::Grove;
use super::nodes::{LEAF, Tree};

/// How many rows a thread explains at a time.
const BLOCK: usize = 32;

impl Grove {
    /// The Shapley values of the sums of all trees times `factor`: for each output its mean without
    /// knowing any column, and what each column adds, `[rows, columns]`.
    ///
    /// # Errors
    /// When the rows have other columns.
    pub(crate) fn explain(&self, rows: &Frame, factor: f64) -> Result<Contributions> {
        self.check_columns(rows)?;
        let columns = self.bins.len();
        let blocks: Vec<Vec<f64>> = (0..rows.rows().div_ceil(BLOCK))
            .into_par_iter()
            .map(|b| self.explain_rows(rows, b * BLOCK..((b + 1) * BLOCK).min(rows.rows())))
            .collect::<Result<_>>()?;
        let values = blocks.concat();
        let outputs = self.shape.outputs;
        let matrix = |output: usize| {
            let mut matrix = DenseMatrix::zeros(rows.rows(), columns);
            for column in 0..columns {
                let values =
                    values.iter().skip(output * columns + column).step_by(outputs * columns);
                let to = matrix.column_mut(column).iter_mut();
                to.zip(values).for_each(|(to, value)| *to = value * factor);
            }
            matrix
        };
        let base = self.means().iter().map(|mean| mean * factor).collect();
        Ok(Contributions { base, values: (0..outputs).map(matrix).collect() })
    }

    /// `[rows, outputs, columns]` for some rows.
    fn explain_rows(&self, rows: &Frame, range: Range<usize>) -> Result<Vec<f64>> {
        let (columns, shape) = (self.bins.len(), self.shape);
        let mut values = vec![0.0; range.len() * shape.outputs * columns];
        let codes = bins::encode_rows(&self.bins, rows, range)?;
        let mut walk = Walk::new(columns, Places::new(self.most_columns()));
        let rows =
            codes.chunks_exact(columns).zip(values.chunks_exact_mut(shape.outputs * columns));
        for (codes, values) in rows {
            for (number, tree) in self.trees.iter().enumerate() {
                let first = shape.first(number);
                walk.explain(tree, shape.width, codes, |column, output, added| {
                    values[(first + output) * columns + column as usize] += added;
                });
            }
        }
        Ok(values)
    }

    /// How many different columns the path to a leaf can have at most.
    fn most_columns(&self) -> usize {
        let deepest = self.trees.iter().map(depth).max().unwrap_or(0);
        deepest.min(self.bins.len())
    }

    /// The mean of each output over the training rows of the trees.
    fn means(&self) -> Vec<f64> {
        let mut means = vec![0.0; self.shape.outputs];
        for (number, tree) in self.trees.iter().enumerate() {
            let to = means[self.shape.first(number)..].iter_mut();
            to.zip(mean(tree, self.shape.width)).for_each(|(to, mean)| *to += mean);
        }
        means
    }
}

/// The mean answer of a tree over its training rows.
fn mean(tree: &Tree, width: usize) -> Vec<f64> {
    // Children stand behind their parents.
    let mut means: Vec<f64> = vec![0.0; tree.nodes.len().max(1) * width];
    if tree.nodes.is_empty() {
        return tree.answer(tree.root(), width).to_vec();
    }
    for (at, node) in tree.nodes.iter().enumerate().rev() {
        let left = f64::from(tree.shares[at]);
        for (child, share) in node.children.into_iter().zip([left, 1.0 - left]) {
            for number in 0..width {
                let mean = match child & LEAF {
                    0 => means[child as usize * width + number],
                    _ => tree.answer(child, width)[number],
                };
                means[at * width + number] += share * mean;
            }
        }
    }
    means.truncate(width);
    means
}

/// How many nodes lie on the longest way to a leaf.
fn depth(tree: &Tree) -> usize {
    // Children stand behind their parents.
    let mut depths = vec![1; tree.nodes.len()];
    for (at, node) in tree.nodes.iter().enumerate() {
        for child in node.children.iter().filter(|child| *child & LEAF == 0) {
            depths[*child as usize] = depths[at] + 1;
        }
    }
    depths.into_iter().max().unwrap_or(0)
}

/// Places between 0 and 1 with weights, at which a polynomial has its exact mean.
#[derive(Clone, Debug)]
struct Places {
    at: Vec<f64>,
    weights: Vec<f64>,
}

impl Places {
    /// As many as the product over all columns but one of `columns` needs.
    /// Source: Press et al., *Numerical Recipes*, 3rd edition, section 4.6: Newton's method on the
    /// Legendre polynomials.
    fn new(columns: usize) -> Self {
        let count = columns.div_ceil(2).max(1);
        let n = count as f64;
        let mut places = Self { at: Vec::with_capacity(count), weights: Vec::with_capacity(count) };
        for i in 0..count {
            let mut z = (std::f64::consts::PI * (i as f64 + 0.75) / (n + 0.5)).cos();
            let mut slope = 1.0;
            // Newton's steps double the digits; the start has three.
            for _ in 0..8 {
                let (value, before) = legendre(count, z);
                slope = n * (z * value - before) / (z * z - 1.0);
                z -= value / slope;
            }
            places.at.push(0.5 * (1.0 - z));
            places.weights.push(1.0 / ((1.0 - z * z) * slope * slope));
        }
        places
    }
}

/// The Legendre polynomials of degrees `degree` and one less.
fn legendre(degree: usize, z: f64) -> (f64, f64) {
    (1..=degree).fold((1.0, 0.0), |(value, before), j| {
        let j = j as f64;
        (((2.0 * j - 1.0) * z * value - (j - 1.0) * before) / j, value)
    })
}

/// The factors of a column on a path.
#[derive(Clone, Copy, Debug)]
struct Factor {
    /// The share of rows that go this way when the column is not known.
    unknown: f64,
    /// Whether the row goes this way when it is.
    known: bool,
}

impl Factor {
    /// Of a column that is not on the path.
    const NONE: Self = Self { unknown: 1.0, known: true };

    /// The factor when the column is known with a chance of t.
    fn at(self, t: f64) -> f64 {
        if self.known { self.unknown + t * (1.0 - self.unknown) } else { self.unknown * (1.0 - t) }
    }

    /// What knowing the column changes, as a share of the factor.
    fn gain(self, t: f64) -> f64 {
        if self.known { (1.0 - self.unknown) / self.at(t) } else { -1.0 / (1.0 - t) }
    }
}

/// Something to do on the walk.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Go to a node over the edge of a column.
    Down { node: u32, level: usize, column: u32, before: Factor, now: Factor },
    /// Hand over what the leaves below the edge add up to.
    Up { level: usize, column: u32, before: Factor, now: Factor },
}

/// A walk through a tree, with memory that is used again.
#[derive(Debug)]
struct Walk {
    places: Places,
    /// For each column its factor on the path.
    factors: Vec<Factor>,
    /// For each level the product of the factors at each place.
    products: Vec<f64>,
    /// For each level and output the sum over the leaves below at each place.
    sums: Vec<f64>,
    steps: Vec<Step>,
}

impl Walk {
    fn new(columns: usize, places: Places) -> Self {
        let factors = vec![Factor::NONE; columns];
        Self { places, factors, products: Vec::new(), sums: Vec::new(), steps: Vec::new() }
    }

    /// Hands over what each edge of the tree adds: the column, the output, and how much.
    fn explain(
        &mut self,
        tree: &Tree,
        width: usize,
        codes: &[u8],
        mut add: impl FnMut(u32, usize, f64),
    ) {
        self.make_room(0, width);
        self.products[..self.places.at.len()].fill(1.0);
        if tree.root() & LEAF == 0 {
            self.open(tree, tree.root(), codes, 0, width);
        }
        while let Some(step) = self.steps.pop() {
            match step {
                Step::Down { node, level, column, before, now } => {
                    self.factors[column as usize] = now;
                    self.multiply(level, before, now);
                    self.steps.push(Step::Up { level, column, before, now });
                    if node & LEAF == 0 {
                        self.open(tree, node, codes, level, width);
                    } else {
                        self.end(tree.answer(node, width), level);
                    }
                }
                Step::Up { level, column, before, now } => {
                    self.factors[column as usize] = before;
                    self.hand_over(level, width, before, now, |output, added| {
                        add(column, output, added);
                    });
                }
            }
        }
    }

    /// Room for a level and the one below it.
    fn make_room(&mut self, level: usize, width: usize) {
        let places = self.places.at.len();
        let (products, sums) = ((level + 2) * places, (level + 2) * places * width);
        self.products.resize(self.products.len().max(products), 0.0);
        self.sums.resize(self.sums.len().max(sums), 0.0);
    }

    /// Puts both children of a node at `level` on the list.
    fn open(&mut self, tree: &Tree, at: u32, codes: &[u8], level: usize, width: usize) {
        self.make_room(level, width);
        let size = self.places.at.len() * width;
        self.sums[level * size..(level + 1) * size].fill(0.0);
        let node = tree.nodes[at as usize];
        let column = tree.column(node);
        let before = self.factors[column as usize];
        let left = f64::from(tree.shares[at as usize]);
        let goes_left = tree.goes_left(node, |column| codes[column as usize]);
        let [first, second] = node.children;
        for (node, share, goes) in [(first, left, goes_left), (second, 1.0 - left, !goes_left)] {
            // A column that is on the path already counts once, with both of its shares.
            let unknown = before.unknown * share;
            let now = Factor { unknown, known: before.known && goes };
            self.steps.push(Step::Down { node, level: level + 1, column, before, now });
        }
    }

    /// The products of a level are those of the level above with another factor for a column.
    fn multiply(&mut self, level: usize, before: Factor, now: Factor) {
        let places = self.places.at.len();
        let (above, here) = self.products.split_at_mut(level * places);
        let pairs = here.iter_mut().zip(&above[(level - 1) * places..]);
        if !before.known {
            let share = now.unknown / before.unknown;
            pairs.for_each(|(here, above)| *here = above * share);
            return;
        }
        for ((here, above), &t) in pairs.zip(&self.places.at) {
            *here = above * now.at(t) / before.at(t);
        }
    }

    /// A leaf: its answer times the product and the weight of each place.
    fn end(&mut self, answer: &[f64], level: usize) {
        let places = self.places.at.len();
        let products = &self.products[level * places..(level + 1) * places];
        let size = places * answer.len();
        let sums = self.sums[level * size..(level + 1) * size].chunks_exact_mut(places);
        for (sums, answer) in sums.zip(answer) {
            let each = sums.iter_mut().zip(products).zip(&self.places.weights);
            each.for_each(|((sum, product), weight)| *sum = answer * product * weight);
        }
    }

    /// What knowing the column changes in the leaves below this edge, less what the edge above that
    /// has the same column has counted for them already.
    fn hand_over(
        &mut self,
        level: usize,
        width: usize,
        before: Factor,
        now: Factor,
        mut add: impl FnMut(usize, f64),
    ) {
        let places = self.places.at.len();
        let size = places * width;
        let (above, here) = self.sums.split_at_mut(level * size);
        let above = above[(level - 1) * size..].chunks_exact_mut(places);
        for (output, (above, here)) in above.zip(here.chunks_exact(places)).enumerate().take(width)
        {
            // Where the row did not go before, it does not go now: both gains are the same.
            if before.known {
                let gain = |(&sum, &t): (&f64, &f64)| sum * (now.gain(t) - before.gain(t));
                add(output, here.iter().zip(&self.places.at).map(gain).sum());
            }
            above.iter_mut().zip(here).for_each(|(above, here)| *above += here);
        }
    }
}

#[cfg(test)]
mod tests {
    use gristmill_core::Seed;

    use super::super::histogram::CodeSet;
    use super::super::nodes::{Growing, Place};
    use super::super::split::Rule;
    use super::*;

    const COLUMNS: usize = 4;

    /// A random tree in which columns come again and again, with answers of 2 numbers.
    fn random_tree(seed: u64, nodes: usize) -> Tree {
        let mut random = Seed(seed).random();
        let mut growing = Growing::new(2);
        let mut places = vec![Place::Root];
        for _ in 0..nodes {
            let at = random.below(places.len());
            let place = places.swap_remove(at);
            let column = random.below(COLUMNS) as u32;
            let bound = random.below(200) as u8;
            let rule = match random.below(3) {
                0 => Rule::Among { column, codes: CodeSet::of(bound..=bound + 40) },
                shift => Rule::Below { column, bound, shift: shift as u8 - 1 },
            };
            let node = growing.add_node(place, &rule);
            growing.set_share(node, random.unit());
            places.extend([Place::LeftOf(node), Place::RightOf(node)]);
        }
        for place in places {
            growing.add_leaf(place, &[random.normal(), random.normal()]);
        }
        growing.finish()
    }

    /// The mean answer when only the columns in `known`, a set of bits, are known.
    fn answer(tree: &Tree, at: u32, codes: &[u8], known: usize) -> f64 {
        if at & LEAF != 0 {
            return tree.answer(at, 2)[1];
        }
        let node = tree.nodes[at as usize];
        let [left, right] = node.children.map(|child| answer(tree, child, codes, known));
        if known >> tree.column(node) & 1 == 1 {
            return if tree.goes_left(node, |c| codes[c as usize]) { left } else { right };
        }
        let share = f64::from(tree.shares[at as usize]);
        share * left + (1.0 - share) * right
    }

    /// Shapley's definition, over all subsets of the other columns.
    fn shapley(tree: &Tree, codes: &[u8], column: usize) -> f64 {
        let factorial = |n: usize| (1..=n).product::<usize>() as f64;
        let subsets = (0..1usize << COLUMNS).filter(|set| set >> column & 1 == 0);
        let term = |set: usize| {
            let size = set.count_ones() as usize;
            let weight = factorial(size) * factorial(COLUMNS - size - 1) / factorial(COLUMNS);
            let value = |known| answer(tree, tree.root(), codes, known);
            weight * (value(set | 1 << column) - value(set))
        };
        subsets.map(term).sum()
    }

    #[test] // by hand: the mean of tᵖ from 0 to 1 is 1 / (p + 1)
    fn places_give_the_mean_of_powers() {
        for columns in [1, 2, 7, 30, 101] {
            let places = Places::new(columns);
            for power in 0..columns {
                let values = places.at.iter().map(|t| t.powi(power as i32));
                let mean: f64 = values.zip(&places.weights).map(|(v, w)| v * w).sum();
                let expected = 1.0 / (power as f64 + 1.0);
                assert!((mean - expected).abs() < 1e-13, "{columns} {power}: {mean}");
            }
        }
    }

    #[test]
    fn values_are_those_of_the_definition() {
        let mut walk = Walk::new(COLUMNS, Places::new(COLUMNS));
        for seed in 0..40 {
            let tree = random_tree(seed, seed as usize);
            let mut random = Seed(seed).named("row").random();
            let codes: Vec<u8> = (0..COLUMNS).map(|_| random.below(256) as u8).collect();
            let mut found = [0.0; COLUMNS];
            walk.explain(&tree, 2, &codes, |column, output, added| {
                if output == 1 {
                    found[column as usize] += added;
                }
            });
            for (column, found) in found.iter().enumerate() {
                let expected = shapley(&tree, &codes, column);
                assert!((found - expected).abs() < 1e-9, "{seed}: {found}, not {expected}");
            }
            let whole = mean(&tree, 2)[1] + found.iter().sum::<f64>();
            let reached = tree.answer_of(2, |column| codes[column as usize])[1];
            assert!((whole - reached).abs() < 1e-9, "{seed}: the values do not add up");
        }
    }
}
