//! A tree as it is kept and walked: small nodes, and each distinct answer once.

use std::collections::HashMap;

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
}

/// How many rows walk down a tree side by side, so that one waits while another moves.
const ABREAST: usize = 8;

impl Tree {
    fn root(&self) -> u32 {
        if self.nodes.is_empty() { LEAF } else { 0 }
    }

    #[inline]
    fn step(&self, at: u32, codes: &[u8]) -> u32 {
        let node = self.nodes[at as usize];
        let left = if node.rule & SUBSET == 0 {
            let code = codes[(node.rule >> 9) as usize];
            code.wrapping_sub((node.rule >> 8) as u8 & 1) <= node.rule as u8
        } else {
            let subset = &self.subsets[(node.rule ^ SUBSET) as usize];
            subset.codes.contains(codes[subset.column as usize])
        };
        node.children[usize::from(!left)]
    }

    /// Adds the answer for each row to `sums`, `[rows, width]`; `codes` are `[rows, columns]`.
    pub(crate) fn add_answers(&self, codes: &[u8], columns: usize, width: usize, sums: &mut [f64]) {
        let blocks = codes.chunks(ABREAST * columns).zip(sums.chunks_mut(ABREAST * width));
        for (codes, sums) in blocks {
            let mut at = [self.root(); ABREAST];
            let mut moving = true;
            while moving {
                moving = false;
                for (at, codes) in at.iter_mut().zip(codes.chunks_exact(columns)) {
                    if *at & LEAF == 0 {
                        *at = self.step(*at, codes);
                        moving = true;
                    }
                }
            }
            for (at, sums) in at.iter().zip(sums.chunks_exact_mut(width)) {
                let answer = &self.answers[(at ^ LEAF) as usize * width..];
                for (sum, answer) in sums.iter_mut().zip(answer) {
                    *sum += answer;
                }
            }
        }
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
        let tree = Tree { nodes: Vec::new(), subsets: Vec::new(), answers: Vec::new() };
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
        self.hang(place, at);
        at
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
        self.tree
    }
}
