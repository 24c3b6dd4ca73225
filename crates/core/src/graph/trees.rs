//! Trees side by side whose answers are summed.

use super::build::Given;
use super::program::{Attribute, Constant, Domain, Numbers};
use super::{Graph, Kind, Value};

/// Which rows take the yes-branch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Split {
    /// Those whose number is at most this.
    AtMost(f64),
    /// Those whose number is this.
    Equal(f64),
}

/// Where a branch leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Child {
    /// To another branching, by its number.
    Branch(usize),
    /// To an answer, by its number.
    Leaf(usize),
}

/// A branching.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Branch {
    /// The column that it asks about.
    pub column: usize,
    /// Which rows take the yes-branch.
    pub split: Split,
    /// Whether rows whose number is missing take it.
    pub missing: bool,
    /// Where it leads.
    pub yes: Child,
    /// Where the other one leads.
    pub no: Child,
}

/// Trees in the form of the operator `TreeEnsemble`: branchings of all trees in one list, answers in
/// another. Its sets are left out, since onnxruntime takes them apart into more branchings than there
/// is memory for.
#[derive(Clone, Debug, Default)]
pub struct Trees {
    branches: Vec<Branch>,
    roots: Vec<i64>,
    leaf_targets: Vec<i64>,
    leaf_weights: Vec<f64>,
}

impl Trees {
    /// No trees yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The number that the next branching gets.
    pub fn next_branch(&self) -> usize {
        self.branches.len()
    }

    /// Begins a tree: the next branching is its root.
    pub fn begin_tree(&mut self) {
        self.roots.push(self.branches.len() as i64);
    }

    /// Adds a branching; children may be added later.
    pub fn branch(&mut self, branch: Branch) {
        self.branches.push(branch);
    }

    /// Adds an answer to the sum called `target`.
    pub fn leaf(&mut self, target: usize, answer: f64) -> Child {
        self.leaf_targets.push(target as i64);
        self.leaf_weights.push(answer);
        Child::Leaf(self.leaf_weights.len() - 1)
    }

    /// Adds a tree that gives every row the same answer.
    pub fn constant_tree(&mut self, target: usize, answer: f64) {
        self.begin_tree();
        let (yes, no) = (self.leaf(target, answer), self.leaf(target, answer));
        self.branch(Branch { column: 0, split: Split::AtMost(0.0), missing: true, yes, no });
    }

    fn mode(branch: &Branch) -> u8 {
        // The numbers of the modes of `TreeEnsemble`.
        match branch.split {
            Split::AtMost(_) => 0,
            Split::Equal(_) => 4,
        }
    }

    fn attributes(&self, targets: usize) -> Vec<(&'static str, Attribute)> {
        let integers = |of: &dyn Fn(&Branch) -> i64| {
            Attribute::Integers(self.branches.iter().map(of).collect())
        };
        let place = |child: Child| match child {
            Child::Branch(at) | Child::Leaf(at) => at as i64,
        };
        let is_leaf = |child: Child| i64::from(matches!(child, Child::Leaf(_)));
        let border = |branch: &Branch| match branch.split {
            Split::AtMost(border) | Split::Equal(border) => border,
        };
        let numbers = |numbers| Attribute::Constant(Constant::list(numbers));
        let modes = self.branches.iter().map(Self::mode).collect();
        vec![
            ("n_targets", Attribute::Integer(targets as i64)),
            ("aggregate_function", Attribute::Integer(1)),
            ("post_transform", Attribute::Integer(0)),
            ("tree_roots", Attribute::Integers(self.roots.clone())),
            ("nodes_featureids", integers(&|b| b.column as i64)),
            ("nodes_modes", numbers(Numbers::U8(modes))),
            ("nodes_splits", numbers(Numbers::F64(self.branches.iter().map(border).collect()))),
            ("nodes_truenodeids", integers(&|b| place(b.yes))),
            ("nodes_trueleafs", integers(&|b| is_leaf(b.yes))),
            ("nodes_falsenodeids", integers(&|b| place(b.no))),
            ("nodes_falseleafs", integers(&|b| is_leaf(b.no))),
            ("nodes_missing_value_tracks_true", integers(&|b| i64::from(b.missing))),
            ("leaf_targetids", Attribute::Integers(self.leaf_targets.clone())),
            ("leaf_weights", numbers(Numbers::F64(self.leaf_weights.clone()))),
        ]
    }
}

impl Graph {
    /// The sums of the answers of all trees, one column for each of `targets`.
    pub fn trees(&self, columns: Value, trees: &Trees, targets: usize) -> Value {
        if columns.kind != Kind::Numbers
            || trees.branches.iter().any(|branch| branch.column >= columns.width)
        {
            self.mistaken(|| format!("trees were given {columns:?}"));
        }
        let given = Given { kind: Kind::Numbers, width: targets, rows: columns.rows };
        self.operation(
            (Domain::Learning, "TreeEnsemble"),
            &[columns],
            trees.attributes(targets),
            given,
        )
    }
}
