//! Trees as a graph of operators: codes of numbers become borders again, and sets of categories
//! become columns that say whether a row is in them.

use std::collections::BTreeMap;

use gristmill_core::graph::{Branch, Child, Graph, Kind, Split, Trees, Value, Wire, no_form};
use gristmill_core::{Error, Result};

use super::bins::{Categories, ColumnBins};
use super::grove::Grove;
use super::histogram::CodeSet;
use super::nodes::{LEAF, Node, SUBSET, Tree};

/// The columns that the trees of a graph ask about.
struct Asked {
    /// Numbers and codes of words in the order of the columns, then one column for each set: 0 for
    /// its rows, else 1.
    columns: Value,
    /// Where each set of codes of a column stands.
    sets: BTreeMap<(u32, [u64; 4]), usize>,
}

/// A question whose yes-branch is the left one, or with `turned` the right one.
struct Question {
    column: usize,
    split: Split,
    turned: bool,
}

impl Question {
    fn of(column: usize, split: Split) -> Self {
        Self { column, split, turned: false }
    }

    fn turned(self) -> Self {
        Self { turned: true, ..self }
    }
}

/// A set of the codes from 0 to `last` as one question about the code, where it is one.
fn about_code(column: usize, set: CodeSet, last: usize) -> Option<Question> {
    let count = set.len() as usize;
    let runs_from =
        |holds: bool| (0..=last).take_while(|&c| set.contains(c as u8) == holds).count();
    let only = |held: bool| (0..=last).find(|&c| set.contains(c as u8) == held);
    let border = |codes: usize| Split::AtMost(codes as f64 - 0.5);
    let equal = |code: usize| Split::Equal(code as f64);
    if runs_from(true) == count {
        return Some(Question::of(column, border(count)));
    }
    let others = last + 1 - count;
    if runs_from(false) == others {
        return Some(Question::of(column, border(others)).turned());
    }
    match (count, others) {
        (1, _) => only(true).map(|code| Question::of(column, equal(code))),
        (_, 1) => only(false).map(|code| Question::of(column, equal(code)).turned()),
        _ => None,
    }
}

/// The codes of known categories, and of none, that go to the left.
fn left_codes(tree: &Tree, node: Node, known: &Categories) -> CodeSet {
    let codes = (0..=known.names().len()).map(|code| code as u8);
    CodeSet::of(codes.filter(|code| tree.goes_left(node, |_| *code)))
}

impl Grove {
    /// The sets that trees ask about and that are no single question, in the order of the columns.
    fn sets(&self) -> BTreeMap<(u32, [u64; 4]), usize> {
        let mut sets = BTreeMap::new();
        for tree in &self.trees {
            for &node in &tree.nodes {
                let column = tree.column(node);
                if let ColumnBins::Words(known) = &self.bins[column as usize] {
                    let set = left_codes(tree, node, known);
                    if about_code(column as usize, set, known.names().len()).is_none() {
                        sets.insert((column, set.0), 0);
                    }
                }
            }
        }
        sets.values_mut().zip(self.bins.len()..).for_each(|(place, at)| *place = at);
        sets
    }

    fn express_columns(&self, graph: &Graph, columns: &[Wire]) -> Result<Asked> {
        if columns.len() != self.bins.len() || columns.is_empty() {
            return Err(Error::Bug(format!(
                "trees were given {} columns in a graph",
                columns.len()
            )));
        }
        let seen =
            self.bins.iter().zip(columns).map(|(bins, &column)| match (bins, column.kind()) {
                (ColumnBins::Numbers(_), Kind::Numbers) => Ok(column),
                (ColumnBins::Words(known), Kind::Words) => {
                    let codes = known.names().iter().zip(1u8..);
                    let codes = codes.map(|(word, code)| (word.as_str(), f64::from(code)));
                    Ok(graph.number_of_word(graph.single(column), codes, 0.0, 0.0)?.wire())
                }
                (_, kind) => Err(Error::Bug(format!("trees were given {kind:?} in a graph"))),
            });
        let mut seen = seen.collect::<Result<Vec<Wire>>>()?;
        let sets = self.sets();
        let keys: Vec<&(u32, [u64; 4])> = sets.keys().collect();
        for same in keys.chunk_by(|a, b| a.0 == b.0) {
            let column = same[0].0 as usize;
            let codes = graph.to_integers(graph.single(seen[column]));
            // One row for each code: 0 where it is in a set.
            let table = (0..=self.bins[column].last()).flat_map(|code| {
                same.iter().map(move |(_, set)| f64::from(u8::from(!CodeSet(*set).contains(code))))
            });
            let table: Vec<f64> = table.collect();
            seen.extend(graph.row_at(&table, same.len(), codes).wires());
        }
        Ok(Asked { columns: graph.matrix(&seen), sets })
    }

    /// For each row the sums of the answers of all trees, a column for each output.
    pub(crate) fn express_sums(&self, graph: &Graph, columns: &[Wire]) -> Result<Value> {
        let asked = self.express_columns(graph, columns)?;
        let mut trees = Trees::new();
        for (at, tree) in self.trees.iter().enumerate() {
            let first = self.shape.first(at);
            // An answer belongs to one output, so a tree of several stands there for each of them.
            for place in 0..self.shape.width {
                let answer = |leaf| tree.answer(leaf, self.shape.width)[place];
                self.add_tree(&mut trees, tree, &asked, |leaf| (first + place, answer(leaf)))?;
            }
        }
        Ok(graph.trees(asked.columns, &trees, self.shape.outputs))
    }

    /// Adds a tree whose leaves have these outputs and answers.
    fn add_tree(
        &self,
        trees: &mut Trees,
        tree: &Tree,
        asked: &Asked,
        answer: impl Fn(u32) -> (usize, f64),
    ) -> Result<()> {
        if tree.nodes.is_empty() {
            let (target, answer) = answer(LEAF);
            trees.constant_tree(target, answer);
            return Ok(());
        }
        trees.begin_tree();
        let first = trees.next_branch();
        for &node in &tree.nodes {
            let [left, right] = node.children.map(|child| match child & LEAF {
                0 => Child::Branch(first + child as usize),
                _ => {
                    let (target, answer) = answer(child);
                    trees.leaf(target, answer)
                }
            });
            let Question { column, split, turned } = self.question(tree, node, asked)?;
            let missing = tree.goes_left(node, |_| 0);
            let (yes, no) = if turned { (right, left) } else { (left, right) };
            trees.branch(Branch { column, split, missing, yes, no });
        }
        Ok(())
    }

    fn question(&self, tree: &Tree, node: Node, asked: &Asked) -> Result<Question> {
        let column = tree.column(node);
        let at = column as usize;
        match &self.bins[at] {
            ColumnBins::Words(known) => {
                let set = left_codes(tree, node, known);
                let place = asked.sets.get(&(column, set.0)).copied();
                let in_set = || place.map(|place| Question::of(place, Split::AtMost(0.5)));
                about_code(at, set, known.names().len())
                    .or_else(in_set)
                    .ok_or_else(|| Error::Bug("a set of categories was not written down".into()))
            }
            ColumnBins::Numbers(borders) if node.rule & SUBSET == 0 => {
                // A number has code c when it is at most the border c; those that go to the left
                // have the lowest codes.
                let goes_left = |code: usize| tree.goes_left(node, |_| code as u8);
                let last = (1..=borders.len() + 1).rev().find(|code| goes_left(*code));
                let border = match last {
                    None => f64::NEG_INFINITY,
                    Some(code) => borders.get(code - 1).copied().unwrap_or(f64::INFINITY),
                };
                Ok(Question::of(at, Split::AtMost(border)))
            }
            ColumnBins::Numbers(_) => {
                Err(no_form("a split of numbers by a set", "numbers are split at a border"))
            }
        }
    }
}
