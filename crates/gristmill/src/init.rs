//! A first pipeline file out of a look at the data.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::path::Path;

use gristmill_core::{Column, Frame, Notes, SemanticType, Table};
use gristmill_flow::TimeSpan;
use gristmill_ingest::SourceSpec;

use crate::look::Look;
use crate::{Error, Result};

/// A numeric target with at most this many distinct whole values is taken for classes.
const MOST_NUMERIC_CLASSES: usize = 10;

/// The text of a commented pipeline file that trains on `data` to predict `target`.
///
/// The file names `data` relative to `folder`, the folder that it will stand in, where the rows lie
/// in it, and by its whole path otherwise. The file runs unchanged. With a time to search it leaves
/// transforms and model to a search of that length.
///
/// # Errors
/// When the data cannot be read or the target is not one of its columns; for no time to search.
pub fn init(
    data: &Path,
    target: &str,
    folder: &Path,
    searching: Option<TimeSpan>,
) -> Result<String> {
    if searching.is_some_and(|time| time.duration().is_zero()) {
        return Err(Error::input("a search of no time finds nothing")
            .with_hint("give it some, such as `--auto 5m`"));
    }
    let notes = Notes::default();
    let source = SourceSpec::Path(data.to_string_lossy().into_owned());
    let table = gristmill_ingest::read(&source, Path::new(""), &notes)?;
    let draft = Draft { searching, ..Draft::of(&table, target)? };
    Ok(draft.write(&relative(data, folder)?, target))
}

fn relative(data: &Path, folder: &Path) -> Result<String> {
    let (data, folder) = (fs_err::canonicalize(data)?, fs_err::canonicalize(folder)?);
    Ok(data.strip_prefix(&folder).unwrap_or(&data).to_string_lossy().into_owned())
}

/// Each class with its number of rows, by word.
type ClassCounts = Vec<(String, usize)>;

/// A file to be, and what there is to know about its table.
struct Draft {
    classes: Option<ClassCounts>,
    numeric_classes: bool,
    /// The columns beside the target.
    look: Look,
    /// How long the steps are searched for, if they are.
    searching: Option<TimeSpan>,
}

impl Draft {
    fn of(table: &Table, target: &str) -> Result<Self> {
        let field = table.schema().field(target)?.clone();
        let (classes, numeric_classes) = classes_of(table, target, field.semantic)?;
        let look = Look::at(&table.without(&[target.to_owned()])?)?;
        Ok(Self { classes, numeric_classes, look, searching: None })
    }

    fn write(&self, data: &str, target: &str) -> String {
        let stem = Path::new(data).file_stem().map_or("model".into(), |s| s.to_string_lossy());
        let name: String = stem
            .split('.')
            .next()
            .unwrap_or("model")
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '-' })
            .collect();
        let mut text = String::new();
        let _ = writeln!(
            text,
            "# Predicts `{target}` from {} rows. Run it: gristmill run FILE",
            self.look.rows
        );
        let _ = writeln!(text, "name: {}", word(&name));
        let _ =
            writeln!(text, "seed: 42                    # every random choice derives from it\n");
        self.write_data(&mut text, data, target);
        match self.searching {
            None => {
                self.write_features(&mut text);
                text.push_str("model:\n  random_forest: {trees: 200, min_samples_leaf: 5}\n\n");
            }
            Some(time) => self.write_search(&mut text, time),
        }
        self.write_rest(&mut text, &name);
        text
    }

    fn write_data(&self, text: &mut String, data: &str, target: &str) {
        let _ = writeln!(text, "data:\n  source: {}\n  target: {}", word(data), word(target));
        if let Some(positive) = self.positive() {
            let _ = writeln!(
                text,
                "  positive: {}             # the class that recall and curves speak of",
                quoted(&positive)
            );
        }
        if self.numeric_classes {
            let _ = writeln!(
                text,
                "  types: {{{}: categorical}}   # its few numbers name classes",
                word(target)
            );
        }
        let ids = self.look.named(SemanticType::Id);
        if !ids.is_empty() {
            let _ = writeln!(
                text,
                "  drop: [{}]             # names rows, says nothing of them",
                words(&ids)
            );
        }
        let split =
            if self.classes.is_some() { "{test: 0.2, stratify: true}" } else { "{test: 0.2}" };
        let _ = writeln!(text, "  split: {split}");
        if let Some(moment) = self.look.named(SemanticType::Datetime).first() {
            let _ = writeln!(
                text,
                "  # split: {{test: 0.2, time: {}}}   # to test on the latest rows instead",
                word(moment)
            );
        }
        text.push('\n');
    }

    fn write_features(&self, text: &mut String) {
        let mut steps = String::new();
        let moments = self.look.named(SemanticType::Datetime);
        let missing = self.look.of(SemanticType::Numeric).any(|column| column.missing);
        if !moments.is_empty() {
            steps.push_str("  - derive:                   # the parts of a moment that repeat\n");
            for moment in &moments {
                for part in ["month", "dow", "hour"] {
                    let name = word(&format!("{moment}_{part}"));
                    let column = format!("\"{}\"", moment.replace('"', "\"\""));
                    let _ = writeln!(
                        steps,
                        "      {name}: {}",
                        single(&format!("EXTRACT({part} FROM {column})"))
                    );
                }
            }
        }
        let texts = self.look.named(SemanticType::Text);
        let unused: Vec<String> = moments.iter().chain(&texts).cloned().collect();
        if !unused.is_empty() {
            let _ = writeln!(steps, "  - drop: {{columns: [{}]}}", words(&unused));
        }
        if missing {
            steps.push_str("  - impute: {columns: numeric, strategy: median}\n");
        }
        let none = steps.is_empty();
        if none {
            text.push_str("# The forest takes numbers and categories as they are. A linear model would need:\n# features:\n");
        } else {
            let _ = writeln!(
                text,
                "features:                     # in order; each takes its columns, the rest passes through\n{}",
                steps.trim_end()
            );
            text.push_str("  # a linear model would also need:\n");
        }
        let comment = if none { "#   -" } else { "  # -" };
        let _ = writeln!(text, "{comment} standardize: {{columns: numeric}}");
        if self.look.of(SemanticType::Categorical).next().is_some() {
            let _ = writeln!(text, "{comment} one_hot: {{columns: categorical}}");
        }
        text.push('\n');
    }

    fn write_search(&self, text: &mut String, time: TimeSpan) {
        // A millisecond is no less than a hundred-thousandth of a minute.
        let minutes = (time.duration().as_secs_f64() / 60.0 * 1e5).round() / 1e5;
        let metric = match &self.classes {
            Some(classes) if classes.len() == 2 => ", metric: roc_auc",
            _ => "",
        };
        let _ = writeln!(
            text,
            "model:                        # with transforms; the run says how to get what it found\n  \
             auto: {{minutes: {minutes}{metric}}}\n"
        );
    }

    fn write_rest(&self, text: &mut String, name: &str) {
        let metrics = match &self.classes {
            Some(classes) if classes.len() == 2 => "accuracy, recall, f1, roc_auc",
            Some(_) => "accuracy, balanced_accuracy, f1",
            None => "rmse, mae, r2",
        };
        let _ = writeln!(text, "evaluate:\n  metrics: [{metrics}]");
        text.push_str(match self.searching {
            None => "  cross_validate: {folds: 5}\n",
            Some(_) => {
                "  # cross_validate: {folds: 5}   # searches anew in each fold: six times as long\n"
            }
        });
        let gate = if self.classes.is_some() { "accuracy: 0.7" } else { "r2: 0.5" };
        let _ = writeln!(
            text,
            "  # require: {{{gate}}}         # a gate: a miss ends with exit code 3 and no registration\n"
        );
        let _ = writeln!(
            text,
            "register: {{model: {}, promote: {{alias: champion, when: better}}}}",
            word(name)
        );
    }

    /// Of two classes the one that sounds like a yes, else the rarer one.
    fn positive(&self) -> Option<String> {
        let classes = self.classes.as_ref().filter(|c| c.len() == 2)?;
        let yes =
            |w: &str| matches!(w.to_lowercase().as_str(), "yes" | "true" | "1" | "y" | "positive");
        let sounding = classes.iter().find(|(w, _)| yes(w));
        let rarer = classes.iter().min_by_key(|(_, n)| *n);
        sounding.or(rarer).map(|(w, _)| w.clone())
    }
}

/// The classes of the target with their numbers of rows, if it names classes, and whether they are
/// numbers.
fn classes_of(
    table: &Table,
    target: &str,
    semantic: SemanticType,
) -> Result<(Option<ClassCounts>, bool)> {
    let numeric = semantic == SemanticType::Numeric;
    if numeric && !few_whole_values(table, target)? {
        return Ok((None, false));
    }
    let at = table.schema().position(target)?;
    let words = table.select(&[at]).with_meaning(target, SemanticType::Categorical)?;
    let frame = Frame::from_table(&words)?;
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    if let Some(Column::Words(words)) = frame.columns().first() {
        for word in words.iter().flatten() {
            *counts.entry(word.into()).or_default() += 1;
        }
    }
    if counts.len() < 2 {
        return Err(Error::input(format!(
            "target `{target}` has {} distinct values",
            counts.len()
        ))
        .with_hint("choose a column in which rows differ"));
    }
    Ok((Some(counts.into_iter().collect()), numeric))
}

fn few_whole_values(table: &Table, target: &str) -> Result<bool> {
    let at = table.schema().position(target)?;
    let plain = table.select(&[at]).with_role(target, gristmill_core::Role::Feature)?;
    let frame = Frame::from_table(&plain)?;
    let mut seen = HashSet::new();
    for value in frame.numbers(0)?.iter().filter(|v| !v.is_nan()) {
        seen.insert(value.to_bits());
        if value.fract() != 0.0 || seen.len() > MOST_NUMERIC_CLASSES {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A word as YAML reads it back.
fn word(text: &str) -> String {
    let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || "_-./".contains(c))
        && text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let reserved = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    if plain && !reserved.contains(&text.to_lowercase().as_str()) {
        text.into()
    } else {
        quoted(text)
    }
}

fn words(list: &[String]) -> String {
    list.iter().map(|w| word(w)).collect::<Vec<_>>().join(", ")
}

/// In double quotes; JSON's escapes are YAML's.
fn quoted(text: &str) -> String {
    serde_json::Value::String(text.into()).to_string()
}

/// In single quotes, where only the quote itself is special.
fn single(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
