//! A grove as it is stored, and the distrust with which it is read back: a walk down a tree must
//! end, and must stay within what is there.

use std::sync::Arc;

use gristmill_core::{Error, Result, Schema, SemanticType, State};
use serde::{Deserialize, Serialize};

use super::bins::{Categories, ColumnBins, MAX_BINS};
use super::grove::{Grove, Shape};
use super::histogram::CodeSet;
use super::nodes::{LEAF, Node, SUBSET, Subset, Tree};
use super::settings::check_columns;
use super::slices::Slices;

/// What the facts hold of a column.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum StoredColumn {
    /// How many borders it has.
    Borders(usize),
    /// Its categories.
    Categories(Vec<String>),
}

/// Adds the tensors of a grove. Parts of trees stand one after the other in tree order:
///
/// `borders` f64; `nodes`, `subsets`, `answers` u32, how many of them each tree has; `rules` u32 a
/// node; `children` u32, two a node; `shares` f32 a node; `subset_columns` u32 and `subset_codes`
/// u8, 32 a subset, the lowest code in the lowest bit of the first; `values` f64, one answer after
/// the other.
pub(super) fn write(grove: &Grove, state: State) -> State {
    let trees = &grove.trees;
    let width = grove.shape.width;
    let counts = |count: &dyn Fn(&Tree) -> usize| trees.iter().map(|t| count(t) as u32).collect();
    let nodes = || trees.iter().flat_map(|t| &t.nodes);
    let subsets = || trees.iter().flat_map(|t| &t.subsets);
    state
        .with_f64("borders", borders(&grove.bins))
        .with_u32("nodes", counts(&|t| t.nodes.len()))
        .with_u32("subsets", counts(&|t| t.subsets.len()))
        .with_u32("answers", counts(&|t| t.answers.len() / width))
        .with_u32("rules", nodes().map(|n| n.rule).collect())
        .with_u32("children", nodes().flat_map(|n| n.children).collect())
        .with_f32("shares", trees.iter().flat_map(|t| &t.shares).copied().collect())
        .with_u32("subset_columns", subsets().map(|s| s.column).collect())
        .with_u8(
            "subset_codes",
            subsets().flat_map(|s| s.codes.0).flat_map(u64::to_le_bytes).collect(),
        )
        .with_f64("values", trees.iter().flat_map(|t| &t.answers).copied().collect())
}

/// What the facts hold of the columns.
pub(super) fn columns(grove: &Grove) -> Vec<StoredColumn> {
    let columns = grove.bins.iter().map(|bins| match bins {
        ColumnBins::Numbers(borders) => StoredColumn::Borders(borders.len()),
        ColumnBins::Words(words) => StoredColumn::Categories(words.names().to_vec()),
    });
    columns.collect()
}

fn borders(bins: &[ColumnBins]) -> Vec<f64> {
    let borders = bins.iter().filter_map(|bins| match bins {
        ColumnBins::Numbers(borders) => Some(borders),
        ColumnBins::Words(_) => None,
    });
    borders.flatten().copied().collect()
}

/// The grove that gave `state` and these facts. What its answers may be is for the caller to check.
pub(super) fn read(
    state: &State,
    columns: Vec<StoredColumn>,
    input: &Arc<Schema>,
    shape: Shape,
) -> Result<Grove> {
    check_columns(input)?;
    let bins = read_bins(columns, state.f64s("borders")?, input)?;
    let trees = read_trees(state, shape.width)?;
    trees.iter().try_for_each(|tree| check_tree(tree, bins.len(), shape.width))?;
    Ok(Grove::new(Arc::clone(input), bins, trees, shape))
}

/// The shares of the columns in what was gained.
pub(super) fn read_importances(state: &State, input: &Schema) -> Result<Vec<f64>> {
    let importances = state.f64s("importances")?.to_vec();
    if importances.len() != input.len() || !importances.iter().all(|i| (0.0..=1.0).contains(i)) {
        return Err(Error::damaged("tensor `importances`", "it is not one share a column"));
    }
    Ok(importances)
}

pub(super) fn damaged(found: impl Into<String>) -> Error {
    Error::damaged("stored forest", found)
}

fn read_bins(
    stored: Vec<StoredColumn>,
    borders: &[f64],
    input: &Schema,
) -> Result<Vec<ColumnBins>> {
    if stored.len() != input.len() {
        return Err(damaged(format!("it has {} columns of {}", stored.len(), input.len())));
    }
    let mut borders = Slices::new("borders", borders);
    let bins = stored
        .into_iter()
        .zip(input.fields())
        .map(|(column, field)| {
            let categorical = field.semantic == SemanticType::Categorical;
            match column {
                StoredColumn::Borders(count) if !categorical => {
                    read_borders(borders.take(count)?, &field.name)
                }
                StoredColumn::Categories(names) if categorical => read_words(names, &field.name),
                _ => Err(damaged(format!("column `{}` is of another type", field.name))),
            }
        })
        .collect::<Result<_>>()?;
    borders.end()?;
    Ok(bins)
}

fn read_borders(borders: &[f64], name: &str) -> Result<ColumnBins> {
    let rising = borders.iter().all(|b| b.is_finite()) && borders.is_sorted_by(|a, b| a < b);
    if borders.len() >= MAX_BINS || !rising {
        return Err(damaged(format!("the borders of column `{name}` do not rise")));
    }
    Ok(ColumnBins::Numbers(borders.to_vec()))
}

fn read_words(names: Vec<String>, name: &str) -> Result<ColumnBins> {
    let count = names.len();
    if count > MAX_BINS {
        return Err(damaged(format!("column `{name}` has {count} categories")));
    }
    let categories = Categories::new(names);
    if categories.distinct() != count {
        return Err(damaged(format!("column `{name}` has a category twice")));
    }
    Ok(ColumnBins::Words(categories))
}

fn read_trees(state: &State, width: usize) -> Result<Vec<Tree>> {
    let (nodes, subsets, answers) =
        (state.u32s("nodes")?, state.u32s("subsets")?, state.u32s("answers")?);
    if nodes.len() != subsets.len() || nodes.len() != answers.len() {
        return Err(damaged("its counts are not one a tree"));
    }
    let mut rules = Slices::new("rules", state.u32s("rules")?);
    let mut children = Slices::new("children", state.u32s("children")?);
    let mut columns = Slices::new("subset_columns", state.u32s("subset_columns")?);
    let mut codes = Slices::new("subset_codes", state.u8s("subset_codes")?);
    let mut shares = Slices::new("shares", state.f32s("shares")?);
    let mut values = Slices::new("values", state.f64s("values")?);
    let mut trees = Vec::with_capacity(nodes.len());
    for ((&nodes, &subsets), &answers) in nodes.iter().zip(subsets).zip(answers) {
        let (nodes, subsets) = (nodes as usize, subsets as usize);
        trees.push(Tree {
            nodes: read_nodes(rules.take(nodes)?, children.take(nodes.saturating_mul(2))?),
            subsets: read_subsets(columns.take(subsets)?, codes.take(subsets.saturating_mul(32))?),
            shares: shares.take(nodes)?.to_vec(),
            answers: values.take((answers as usize).saturating_mul(width))?.to_vec(),
        });
    }
    rules.end()?;
    children.end()?;
    columns.end()?;
    codes.end()?;
    shares.end()?;
    values.end()?;
    Ok(trees)
}

fn read_nodes(rules: &[u32], children: &[u32]) -> Vec<Node> {
    let (children, _) = children.as_chunks::<2>();
    rules.iter().zip(children).map(|(&rule, &children)| Node { rule, children }).collect()
}

fn read_subsets(columns: &[u32], codes: &[u8]) -> Vec<Subset> {
    let (words, _) = codes.as_chunks::<8>();
    let (sets, _) = words.as_chunks::<4>();
    let set = |words: &[[u8; 8]; 4]| CodeSet(words.map(u64::from_le_bytes));
    columns.iter().zip(sets).map(|(&column, words)| Subset { column, codes: set(words) }).collect()
}

/// Whether every walk down the tree ends, and within it.
fn check_tree(tree: &Tree, columns: usize, width: usize) -> Result<()> {
    let answers = tree.answers.len() / width;
    let child_exists = |at: usize, child: u32| match child & LEAF {
        0 => child as usize > at && (child as usize) < tree.nodes.len(),
        _ => ((child ^ LEAF) as usize) < answers,
    };
    let rule_exists = |rule: u32| match rule & SUBSET {
        0 => ((rule >> 9) as usize) < columns,
        _ => ((rule ^ SUBSET) as usize) < tree.subsets.len(),
    };
    let sound = answers > 0
        && tree.subsets.iter().all(|s| (s.column as usize) < columns)
        && tree.nodes.iter().enumerate().all(|(at, node)| {
            rule_exists(node.rule) && node.children.iter().all(|&child| child_exists(at, child))
        });
    if !sound {
        return Err(damaged("a node points to where nothing is"));
    }
    if !tree.shares.iter().all(|&share| share > 0.0 && share < 1.0) {
        return Err(damaged("a node sends no share of its rows to the left"));
    }
    Ok(())
}
