//! Trees side by side and the columns they ask about: the part that forests and boosted models
//! share. Columns become codes, codes walk down the trees, answers are summed in the order of the
//! trees, so that a row alone gets the bits that it gets among others.

use std::ops::Range;
use std::sync::Arc;

use gristmill_core::{Error, Frame, Result, Schema};
use rayon::prelude::*;

use super::bins::{self, ColumnBins};
use super::masks::Masks;
use super::nodes::Tree;

/// How many codes a thread keeps at hand while it walks the trees.
const BLOCK_CODES: usize = 1 << 17;

/// Fewer rows than this walk down several trees at a time, more of them take one tree at a time.
const FEW_ROWS: usize = 8;

/// Trees, and how columns become the codes that they ask for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Grove {
    pub(crate) input: Arc<Schema>,
    pub(crate) bins: Vec<ColumnBins>,
    pub(crate) trees: Vec<Tree>,
    pub(crate) shape: Shape,
    /// How rows are answered, where each tree has few enough leaves.
    masks: Option<Masks>,
}

/// Which numbers the trees add up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    /// How many sums a row has.
    pub(crate) outputs: usize,
    /// To how many of them each tree adds: all, or one after the other.
    pub(crate) width: usize,
}

impl Shape {
    /// Every tree adds to all of so many sums.
    pub(crate) fn all(outputs: usize) -> Self {
        Self { outputs, width: outputs }
    }

    /// Every tree adds to one of so many sums, in turn.
    pub(crate) fn in_turn(outputs: usize) -> Self {
        Self { outputs, width: 1 }
    }

    /// The first sum that a tree adds to.
    pub(crate) fn first(self, tree: usize) -> usize {
        tree * self.width % self.outputs
    }
}

impl Grove {
    /// These trees, which ask about the codes that `bins` makes of the columns of `input`.
    pub(crate) fn new(
        input: Arc<Schema>,
        bins: Vec<ColumnBins>,
        trees: Vec<Tree>,
        shape: Shape,
    ) -> Self {
        let masks = Masks::of(&trees, &bins, shape);
        Self { input, bins, trees, shape, masks }
    }

    /// The same columns and sums with other trees.
    pub(crate) fn with_trees(&self, trees: Vec<Tree>) -> Self {
        Self::new(Arc::clone(&self.input), self.bins.clone(), trees, self.shape)
    }

    /// How many splits all trees have together.
    pub(crate) fn splits(&self) -> usize {
        self.trees.iter().map(|t| t.nodes.len()).sum()
    }

    /// The sums of the answers of all trees, `[rows, outputs]`, row by row.
    ///
    /// # Errors
    /// [`Error::Bug`] when the rows have other columns.
    pub(crate) fn sums(&self, rows: &Frame) -> Result<Vec<f64>> {
        let blocks = self.blocks(rows, |range| match &self.masks {
            Some(masks) if masks.go_by_rows() || range.len() >= FEW_ROWS => {
                self.sums_by_masks(masks, rows, range)
            }
            _ => self.sums_of(rows, range),
        });
        blocks.map(|blocks| blocks.concat())
    }

    /// What `answer` says of each block of rows, in their order.
    pub(crate) fn blocks<T: Send>(
        &self,
        rows: &Frame,
        answer: impl Fn(Range<usize>) -> Result<T> + Sync,
    ) -> Result<Vec<T>> {
        self.check_columns(rows)?;
        let block = (BLOCK_CODES / self.bins.len().max(1)).clamp(64, 4096);
        let range = |b: usize| b * block..((b + 1) * block).min(rows.rows());
        match rows.rows().div_ceil(block) {
            // Another thread would take longer to wake than a few rows take to answer.
            1 => Ok(vec![answer(range(0))?]),
            blocks => (0..blocks).into_par_iter().map(|b| answer(range(b))).collect(),
        }
    }

    /// Refuses rows of another number of columns.
    pub(crate) fn check_columns(&self, rows: &Frame) -> Result<()> {
        if rows.columns().len() != self.bins.len() {
            return Err(Error::Bug(format!(
                "a model of {} columns was given {}",
                self.bins.len(),
                rows.columns().len()
            )));
        }
        Ok(())
    }

    fn sums_by_masks(&self, masks: &Masks, rows: &Frame, range: Range<usize>) -> Result<Vec<f64>> {
        let mut sums = vec![0.0; range.len() * self.shape.outputs];
        let codes = match masks.go_by_rows() {
            true => bins::encode_rows(&self.bins, rows, range)?,
            false => bins::encode_columns(&self.bins, rows, range)?,
        };
        masks.add_answers(&self.trees, &codes, self.bins.len(), self.shape, &mut sums);
        Ok(sums)
    }

    fn sums_of(&self, rows: &Frame, range: Range<usize>) -> Result<Vec<f64>> {
        let outputs = self.shape.outputs;
        let mut sums = vec![0.0; range.len() * outputs];
        let few = range.len() < FEW_ROWS;
        let codes = bins::encode_rows(&self.bins, rows, range)?;
        if few {
            let rows = codes.chunks_exact(self.bins.len()).zip(sums.chunks_exact_mut(outputs));
            rows.for_each(|(codes, sums)| self.add_row(codes, sums));
        } else {
            for (at, tree) in self.trees.iter().enumerate() {
                tree.add_answers(&codes, self.bins.len(), self.shape, at, &mut sums);
            }
        }
        Ok(sums)
    }

    /// Sends one row down several trees at a time, so that one waits while another moves.
    fn add_row(&self, codes: &[u8], sums: &mut [f64]) {
        const ABREAST: usize = 8;
        let width = self.shape.width;
        for (block, trees) in self.trees.chunks(ABREAST).enumerate() {
            let mut at = [0; ABREAST];
            at.iter_mut().zip(trees).for_each(|(at, tree)| *at = tree.root());
            let mut moving = true;
            while moving {
                moving = false;
                for (at, tree) in at.iter_mut().zip(trees) {
                    moving |= tree.advance(at, codes);
                }
            }
            for (tree, (at, grown)) in (block * ABREAST..).zip(at.iter().zip(trees)) {
                let first = self.shape.first(tree);
                let sums = sums[first..].iter_mut();
                sums.zip(grown.answer(*at, width)).for_each(|(sum, answer)| *sum += answer);
            }
        }
    }
}
