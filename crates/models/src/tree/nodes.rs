//! A tree as it is kept and walked: small nodes, and each distinct answer once.

use std::collections::HashMap;

use super::grove::Shape;
use super::histogram::CodeSet;
use super::split::Rule;

/// Marks a child that is no split but an answer.
pub(crate) const LEAF: u32 = 1 << 31;

/// Marks a rule that is a set of categories.
pub(crate) const SUBSET: u32 = 1 << 31;

/// A division of rows in two, in 12 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    /// With [`SUBSET`], the position of a subset; else column · 512 + shift · 256 + bound, as in
    /// [`Rule::Below`].
    pub(crate) rule: u32,
    /// Where rows go on the left and on the right: with [`LEAF`], to an answer, else to a node that
    /// stands later.
    pub(crate) children: [u32; 2],
}

/// Which codes of a column go to the left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Subset {
    pub(crate) column: u32,
    pub(crate) codes: CodeSet,
}

/// The most columns that a rule can tell apart.
pub(crate) const MAX_COLUMNS: usize = 1 << 22;

/// A grown tree. It starts at node 0, or is nothing but answer 0.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tree {
    pub(crate) nodes: Vec<Node>,
    pub(crate) subsets: Vec<Subset>,
    /// Distinct answers one after the other: probabilities of the classes, or one number each.
    pub(crate) answers: Vec<f64>,
    /// For each node the share of its training rows that go to the left.
    pub(crate) shares: Vec<f32>,
}

/// How many rows walk down a tree side by side, so that one waits while another moves.
const ABREAST: usize = 8;

impl Tree {
    /// Where every walk starts.
    #[inline]
    pub(crate) fn root(&self) -> u32 {
        if self.nodes.is_empty() { LEAF } else { 0 }
    }

    /// Whether the rule of `node` sends a row with these codes to the left.
    #[inline]
    pub(crate) fn goes_left(&self, node: Node, code: impl Fn(u32) -> u8) -> bool {
        if node.rule & SUBSET == 0 {
            let code = code(node.rule >> 9);
            code.wrapping_sub((node.rule >> 8) as u8 & 1) <= node.rule as u8
        } else {
            let subset = &self.subsets[(node.rule ^ SUBSET) as usize];
            subset.codes.contains(code(subset.column))
        }
    }

    /// The column that `node` asks about.
    pub(crate) fn column(&self, node: Node) -> u32 {
        match node.rule & SUBSET {
            0 => node.rule >> 9,
            _ => self.subsets[(node.rule ^ SUBSET) as usize].column,
        }
    }

    #[inline]
    fn step(&self, at: u32, code: impl Fn(u32) -> u8) -> u32 {
        let node = self.nodes[at as usize];
        node.children[usize::from(!self.goes_left(node, code))]
    }

    /// Goes one step down unless an answer is reached; gives back whether it went.
    #[inline]
    pub(crate) fn advance(&self, at: &mut u32, codes: &[u8]) -> bool {
        let inner = *at & LEAF == 0;
        if inner {
            *at = self.step(*at, |column| codes[column as usize]);
        }
        inner
    }

    /// The answer at the end of a walk.
    #[inline]
    pub(crate) fn answer(&self, at: u32, width: usize) -> &[f64] {
        let first = (at ^ LEAF) as usize * width;
        &self.answers[first..first + width]
    }

    /// The answer for the row whose code in each column `code` knows.
    pub(crate) fn answer_of(&self, width: usize, code: impl Fn(u32) -> u8) -> &[f64] {
        let mut at = self.root();
        while at & LEAF == 0 {
            at = self.step(at, &code);
        }
        self.answer(at, width)
    }

    /// Adds the answer for each row to `sums`, `[rows, outputs]`; `codes` are `[rows, columns]`, and
    /// this is tree `number` of a grove of this shape.
    pub(crate) fn add_answers(
        &self,
        codes: &[u8],
        columns: usize,
        shape: Shape,
        number: usize,
        sums: &mut [f64],
    ) {
        let blocks = codes.chunks(ABREAST * columns).zip(sums.chunks_mut(ABREAST * shape.outputs));
        for (codes, sums) in blocks {
            let at = self.ends(codes, columns);
            for (at, sums) in at.iter().zip(sums.chunks_exact_mut(shape.outputs)) {
                let sums = sums[shape.first(number)..].iter_mut();
                sums.zip(self.answer(*at, shape.width)).for_each(|(sum, answer)| *sum += answer);
            }
        }
    }

    /// Where the walks of a few rows end.
    #[inline]
    fn ends(&self, codes: &[u8], columns: usize) -> [u32; ABREAST] {
        let mut at = [self.root(); ABREAST];
        let rows = codes.len() / columns;
        let mut moving = !self.nodes.is_empty();
        while moving {
            let mut leaves = LEAF;
            for (row, at) in at[..rows].iter_mut().enumerate() {
                // A row that has reached its answer goes the first step again and again, in vain:
                // there is no branch to guess.
                let leaf = *at & LEAF;
                let from = if leaf == 0 { *at } else { 0 };
                let next = self.step(from, |column| codes[row * columns + column as usize]);
                *at = if leaf == 0 { next } else { *at };
                leaves &= *at;
            }
            moving = leaves == 0;
        }
        at
    }
}

/// Where a node or a leaf hangs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    Root,
    LeftOf(u32),
    RightOf(u32),
}

/// A tree that is growing.
pub(crate) struct Growing {
    tree: Tree,
    known: HashMap<Vec<u64>, u32>,
    key: Vec<u64>,
    width: usize,
}

impl Growing {
    /// A tree whose answers have so many numbers.
    pub(crate) fn new(width: usize) -> Self {
        let tree = Tree {
            nodes: Vec::new(),
            subsets: Vec::new(),
            answers: Vec::new(),
            shares: Vec::new(),
        };
        Self { tree, known: HashMap::new(), key: Vec::new(), width }
    }

    /// How many nodes there are.
    pub(crate) fn nodes(&self) -> usize {
        self.tree.nodes.len()
    }

    /// Adds a node; gives back its position.
    pub(crate) fn add_node(&mut self, place: Place, rule: &Rule) -> u32 {
        let at = self.tree.nodes.len() as u32;
        let rule = match *rule {
            Rule::Below { column, bound, shift } => {
                column << 9 | u32::from(shift) << 8 | u32::from(bound)
            }
            Rule::Among { column, codes } => {
                self.tree.subsets.push(Subset { column, codes });
                SUBSET | (self.tree.subsets.len() as u32 - 1)
            }
        };
        self.tree.nodes.push(Node { rule, children: [LEAF; 2] });
        self.tree.shares.push(0.5);
        self.hang(place, at);
        at
    }

    /// Notes down which share of the rows of a node goes to the left: never none and never all, also
    /// where rounding would say so.
    pub(crate) fn set_share(&mut self, node: u32, share: f64) {
        self.tree.shares[node as usize] = (share as f32).clamp(1e-7, 1.0 - 1e-7);
    }

    /// Adds a leaf with this answer.
    pub(crate) fn add_leaf(&mut self, place: Place, answer: &[f64]) {
        self.key.clear();
        self.key.extend(answer.iter().map(|a| a.to_bits()));
        let at = match self.known.get(&self.key) {
            Some(&at) => at,
            None => {
                let at = (self.tree.answers.len() / self.width) as u32;
                self.tree.answers.extend_from_slice(answer);
                self.known.insert(self.key.clone(), at);
                at
            }
        };
        self.hang(place, LEAF | at);
    }

    fn hang(&mut self, place: Place, child: u32) {
        match place {
            Place::Root => {}
            Place::LeftOf(parent) => self.tree.nodes[parent as usize].children[0] = child,
            Place::RightOf(parent) => self.tree.nodes[parent as usize].children[1] = child,
        }
    }

    /// The grown tree.
    pub(crate) fn finish(mut self) -> Tree {
        self.tree.nodes.shrink_to_fit();
        self.tree.subsets.shrink_to_fit();
        self.tree.answers.shrink_to_fit();
        self.tree.shares.shrink_to_fit();
        self.tree
    }
}
