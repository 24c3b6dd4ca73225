//! An isolation forest as it is stored, and the distrust with which it is read back.

use std::sync::Arc;

use gristmill_core::{Error, Result, Schema, SemanticType, State};
use serde::{Deserialize, Serialize};

use super::cells::Known;
use super::model::{FittedIsolationForest, LEAF, Node, Tree};
use crate::tree::{Slices, check_columns};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    samples: usize,
    /// For each column its categories; nothing for numbers.
    columns: Vec<Option<Vec<String>>>,
}

/// The forest as facts and tensors. Parts of trees stand one after the other in tree order: `nodes`
/// and `leaves` u32, how many each tree has; `columns` u32 and `values` f64 a node, `children` u32,
/// two a node; `depths` f64 a leaf.
pub(super) fn write(forest: &FittedIsolationForest) -> State {
    let columns = forest.known.iter().map(|known| match known {
        Known::Numbers => None,
        Known::Words { names, .. } => Some(names.clone()),
    });
    let facts = Facts { samples: forest.samples, columns: columns.collect() };
    let trees = &forest.trees;
    let nodes = || trees.iter().flat_map(|tree| &tree.nodes);
    State::new(&facts)
        .with_u32("nodes", trees.iter().map(|tree| tree.nodes.len() as u32).collect())
        .with_u32("leaves", trees.iter().map(|tree| tree.depths.len() as u32).collect())
        .with_u32("columns", nodes().map(|node| node.column).collect())
        .with_f64("values", nodes().map(|node| node.value).collect())
        .with_u32("children", nodes().flat_map(|node| node.children).collect())
        .with_f64("depths", trees.iter().flat_map(|tree| &tree.depths).copied().collect())
}

/// The forest that gave `state`.
pub(super) fn read(state: &State, input: &Arc<Schema>) -> Result<FittedIsolationForest> {
    let facts: Facts = state.facts()?;
    check_columns(input)?;
    if facts.samples < 2 || facts.columns.len() != input.len() {
        return Err(damaged("it has other columns, or no rows"));
    }
    let fields = input.fields().iter().zip(facts.columns);
    let known = fields
        .map(|(field, names)| match (field.semantic == SemanticType::Categorical, names) {
            (false, None) => Ok(Known::Numbers),
            (true, Some(names)) => Ok(Known::words(names)),
            _ => Err(damaged(format!("column `{}` is of another type", field.name))),
        })
        .collect::<Result<Vec<_>>>()?;
    let trees = read_trees(state)?;
    trees.iter().try_for_each(|tree| check_tree(tree, known.len()))?;
    Ok(FittedIsolationForest { input: Arc::clone(input), known, trees, samples: facts.samples })
}

fn damaged(found: impl Into<String>) -> Error {
    Error::damaged("stored isolation forest", found)
}

fn read_trees(state: &State) -> Result<Vec<Tree>> {
    let (nodes, leaves) = (state.u32s("nodes")?, state.u32s("leaves")?);
    if nodes.is_empty() || nodes.len() != leaves.len() {
        return Err(damaged("its counts are not one a tree"));
    }
    let mut columns = Slices::new("columns", state.u32s("columns")?);
    let mut values = Slices::new("values", state.f64s("values")?);
    let mut children = Slices::new("children", state.u32s("children")?);
    let mut depths = Slices::new("depths", state.f64s("depths")?);
    let mut trees = Vec::with_capacity(nodes.len());
    for (&nodes, &leaves) in nodes.iter().zip(leaves) {
        let nodes = nodes as usize;
        let (pairs, _) = children.take(nodes.saturating_mul(2))?.as_chunks::<2>();
        let parts = columns.take(nodes)?.iter().zip(values.take(nodes)?).zip(pairs);
        trees.push(Tree {
            nodes: parts
                .map(|((&column, &value), &children)| Node { column, value, children })
                .collect(),
            depths: depths.take(leaves as usize)?.to_vec(),
        });
    }
    columns.end()?;
    values.end()?;
    children.end()?;
    depths.end()?;
    Ok(trees)
}

/// Whether every walk down the tree ends, and within it.
fn check_tree(tree: &Tree, columns: usize) -> Result<()> {
    let child_exists = |at: usize, child: u32| match child & LEAF {
        0 => child as usize > at && (child as usize) < tree.nodes.len(),
        _ => ((child ^ LEAF) as usize) < tree.depths.len(),
    };
    let sound = !tree.depths.is_empty()
        && tree.depths.iter().all(|depth| depth.is_finite() && *depth >= 0.0)
        && tree.nodes.iter().enumerate().all(|(at, node)| {
            (node.column as usize) < columns
                && node.children.iter().all(|&child| child_exists(at, child))
        });
    if sound { Ok(()) } else { Err(damaged("a node points to where nothing is")) }
}
