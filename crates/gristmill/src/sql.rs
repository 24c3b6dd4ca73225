//! SQL over files, and over what models were asked and answered.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gristmill_core::{Clock, Notes};
use gristmill_ingest::{Queried, SourceSpec};
use gristmill_track::Page;

use crate::keeper::Keeper;
use crate::predictions::{QueriedPredictions, Selected, all_of};
use crate::{Error, Home, Result};

/// What the names of tables with predictions begin with.
const PREDICTIONS: &str = "predictions_";
/// How many models are looked at.
const MANY: Page = Page { limit: 1_000, offset: 0 };

/// The rows that a query selects from `sources`, each a file or a glob under the name that the query calls it, and
/// from the predictions that were kept of models: those of `churn` are the table `predictions_churn`; in the name
/// of another, `_` stands for whatever is no letter or digit. Predictions and Parquet are read while the query runs;
/// text is read into memory before, as far as `--memory` allows.
///
/// # Errors
/// When a source cannot be read, nothing was kept of a model that the query names, or two tables have one name.
/// Whether the query is refused is known when it is written.
pub fn sql(
    home: &Home,
    query: &str,
    sources: &[(String, PathBuf)],
    clock: &dyn Clock,
) -> Result<Selected> {
    let mut tables = BTreeMap::new();
    for (name, path) in sources {
        let spec = SourceSpec::Path(path.to_string_lossy().into_owned());
        let table = Queried::source(&spec, Path::new(""), &Notes::default())?;
        if tables.insert(name.clone(), table).is_some() {
            return Err(Error::input(format!("two sources are called `{name}`"))
                .with_hint("give each its own name: `--source NAME=FILE`"));
        }
    }
    if query.contains(PREDICTIONS) {
        let keeper = Arc::new(Keeper::open(home)?);
        for model in keeper.wait(|s| s.models(MANY))? {
            let name = table_of(&model.name);
            if names(query, &name) && !tables.contains_key(&name) {
                let which = QueriedPredictions::default();
                tables.insert(name, all_of(home, &keeper, &model.name, which, clock)?);
            }
        }
    }
    Ok(Selected::new(tables, query))
}

/// What a query calls the predictions of a model.
fn table_of(model: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    format!("{PREDICTIONS}{}", model.chars().map(plain).collect::<String>())
}

/// Whether a query has this word.
fn names(query: &str, word: &str) -> bool {
    let is_apart = |c: Option<char>| !c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
    query.to_ascii_lowercase().match_indices(word).any(|(at, found)| {
        let (before, after) = (&query[..at], &query[at + found.len()..]);
        is_apart(before.chars().next_back()) && is_apart(after.chars().next())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_called_by_letters_digits_and_strokes() {
        assert_eq!(table_of("Sales model/2"), "predictions_sales_model_2");
    }

    #[test]
    fn a_table_is_named_as_a_whole_word() {
        let query = "SELECT * FROM Predictions_churn WHERE x > 1";
        assert!(names(query, "predictions_churn"));
        assert!(!names(query, "predictions_chur") && !names(query, "redictions_churn"));
    }
}
