//! The pipeline file that a search arrived at: what its run fits, written down, so that it can be read,
//! changed and run without searching again.

use std::path::Path;

use gristmill_flow::{Document, Entry};
use serde_json::{Value, json};

use super::outcome::{SearchOutcome, TrialOutcome};
use crate::check::{assignments, drawn};
use crate::yaml::{folded, inline};
use crate::{Error, Result};

/// Its name among the artifacts of a run.
pub(crate) const FOUND: &str = "found.yaml";

const FEATURES: &str = "features";
const MODEL: &str = "model";

/// A pipeline file that searches, as it was when its run began.
#[derive(Clone, Debug)]
pub(crate) struct Searching {
    /// Its text, where this alone says everything.
    text: Option<String>,
    /// Where its sections begin, in order: the line, from 1, and the name.
    sections: Vec<(usize, String)>,
    /// What it says.
    says: Value,
}

impl Searching {
    /// The file at `path` with these settings in place of what it says.
    ///
    /// # Errors
    /// As [`crate::check()`] for a file that cannot be read.
    pub fn read(path: &Path, settings: &[String]) -> Result<Self> {
        let settings = assignments(settings)?;
        let open = Document::open(path).map_err(drawn)?;
        let whole = &open.root().span.source;
        let own = |entry: &Entry| entry.span.source.name() == whole.name();
        let alone = settings.is_empty() && open.root().entries().iter().all(own);
        let document = match alone {
            true => open.clone(),
            false => Document::load(path, &settings).map_err(drawn)?,
        };
        let entries = open.root().entries().iter();
        let mut sections: Vec<(usize, String)> =
            entries.map(|entry| (entry.span.line, entry.key.clone())).collect();
        sections.sort();
        let text = alone.then(|| whole.text().to_owned());
        let says = document.root().to_json();
        // Without parameters nothing stands for one any more.
        let says = if alone { says } else { literal(says) };
        Ok(Self { text, sections, says })
    }

    /// The file with what was found in place of what was searched, and in comments how good it is.
    /// Everything else stays as it was written, where it was written in one file and nothing was set
    /// beside it.
    ///
    /// # Errors
    /// Never for a file that was read.
    pub fn with(&self, outcome: &SearchOutcome, run: &str) -> Result<String> {
        let mut says = self.says.clone();
        let sections = says.as_object_mut().ok_or_else(|| Error::bug("a file without sections"))?;
        let found = literal(json!(outcome.steps));
        let (features, model) = (features(&found[FEATURES]), model(&found[MODEL]));
        sections.insert(FEATURES.into(), found[FEATURES].clone());
        sections.insert(MODEL.into(), found[MODEL].clone());
        let comment = self.comment(outcome, run);
        if let Some(text) =
            self.text.as_deref().and_then(|t| self.replaced(t, &comment, &features, &model))
            && Document::parse(&text, FOUND).is_ok_and(|read| read.root().to_json() == says)
        {
            return Ok(text);
        }
        // Sections in the order in which a file is read, the others after them.
        const ORDER: [&str; 4] = ["name", "seed", "params", "data"];
        let mut text = String::new();
        let section = |name: &str, value: &Value| folded(&json!({ name: value }), 0);
        let ours = |name: &str| ORDER.contains(&name) || name == FEATURES || name == MODEL;
        for name in ORDER {
            text.extend(says.get(name).map(|value| section(name, value)));
        }
        text.push_str(&format!("\n{comment}{features}\n{model}\n"));
        for (name, value) in says.as_object().into_iter().flatten().filter(|(name, _)| !ours(name))
        {
            text.push_str(&section(name, value));
        }
        Ok(text)
    }

    fn replaced(&self, text: &str, comment: &str, features: &str, model: &str) -> Option<String> {
        let lines: Vec<&str> = text.lines().collect();
        let begins = |name: &str| self.sections.iter().position(|(_, section)| section == name);
        begins(MODEL)?;
        let mut out = String::new();
        let mut line = 1;
        for (position, (begin, name)) in self.sections.iter().enumerate() {
            if name != MODEL && name != FEATURES {
                continue;
            }
            let next = self.sections.get(position + 1).map_or(lines.len() + 1, |(next, _)| *next);
            let end = end_of(&lines, *begin, next);
            push(&mut out, lines.get(line - 1..begin - 1)?);
            match (name == FEATURES, begins(FEATURES)) {
                (true, _) => out.push_str(&format!("{comment}{features}")),
                (false, Some(_)) => out.push_str(model),
                (false, None) => out.push_str(&format!("{comment}{features}\n{model}")),
            }
            line = end;
        }
        push(&mut out, lines.get(line - 1..)?);
        Some(out)
    }

    fn comment(&self, outcome: &SearchOutcome, run: &str) -> String {
        let asked = format!("{MODEL}: {}", inline(&self.says[MODEL]));
        let mut text = format!("# Found by run {run}: {}.\n", in_words(outcome));
        let others = others(outcome);
        if !others.is_empty() {
            text.push_str(&format!("# The best of the others: {}.\n", others.join(", ")));
        }
        if asked.chars().count() <= 80 {
            text.push_str(&format!("# It stands in place of `{asked}`.\n"));
        }
        text
    }
}

/// The line after the last one of a section that begins in line `begin` and the next one in `next`:
/// what is said right before a section, and blank lines, belong to that.
fn end_of(lines: &[&str], begin: usize, next: usize) -> usize {
    let mut end = next;
    while end > begin + 1
        && lines.get(end - 2).is_some_and(|line| line.trim().is_empty() || line.starts_with('#'))
    {
        end -= 1;
    }
    end
}

fn push(text: &mut String, lines: &[&str]) {
    for line in lines {
        text.push_str(line);
        text.push('\n');
    }
}

/// What won, how good it is, and of how many.
pub(crate) fn in_words(outcome: &SearchOutcome) -> String {
    let trials = outcome.trials.len();
    let named = outcome.steps.model.name.clone();
    let Some(best) = outcome.trials.get(outcome.best) else { return named };
    let scores = outcome.metrics.iter().filter_map(|judge| {
        let scores = best.scores.get(&judge.name)?;
        let (mean, std) = (number(scores.mean), number(scores.std));
        Some((format!("{} {mean} ± {std}", judge.name), scores.folds.len()))
    });
    let (scores, folds): (Vec<String>, Vec<usize>) = scores.unzip();
    let folds = folds.first().copied().unwrap_or_default();
    let of =
        if trials == 1 { "the only trial".into() } else { format!("the best of {trials} trials") };
    format!("{named}, {} over {folds} folds, {of}", scores.join(", "))
}

/// The best of each other model, the better ones first.
fn others(outcome: &SearchOutcome) -> Vec<String> {
    let Some(judge) = outcome.metrics.first() else { return Vec::new() };
    let score = |trial: &TrialOutcome| {
        let scores = trial.scores.get(&judge.name).filter(|_| trial.is_eligible())?;
        Some(scores.mean)
    };
    let sign = if judge.greater_is_better { -1.0 } else { 1.0 };
    let mut ranked: Vec<(f64, &str)> =
        outcome.trials.iter().filter_map(|t| Some((score(t)?, t.model.as_str()))).collect();
    ranked.sort_by(|a, b| (sign * a.0).total_cmp(&(sign * b.0)));
    let mut seen = vec![outcome.steps.model.name.as_str()];
    let mut said = Vec::new();
    for (score, model) in ranked {
        if !seen.contains(&model) {
            seen.push(model);
            said.push(format!("{model} {}", number(score)));
        }
    }
    said
}

fn number(value: f64) -> String {
    if value.abs() < 100.0 { format!("{value:.4}") } else { format!("{value:.1}") }
}

fn features(steps: &Value) -> String {
    match steps.as_array().is_none_or(Vec::is_empty) {
        true => format!("{FEATURES}: []\n"),
        false => format!("{FEATURES}:\n{}", folded(steps, 1)),
    }
}

fn model(model: &Value) -> String {
    format!("{MODEL}:\n{}", folded(model, 1))
}

/// The same values as a file writes them, in whose texts `${` stands for a parameter.
fn literal(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(text.replace("${", "$${")),
        Value::Array(items) => items.into_iter().map(literal).collect(),
        Value::Object(entries) => {
            entries.into_iter().map(|(key, value)| (key, literal(value))).collect()
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome() -> SearchOutcome {
        serde_json::from_value(json!({
            "format": 1,
            "metrics": [{"name": "roc_auc", "greater_is_better": true}],
            "search": {"random": {"trials": 2}},
            "parameters": [],
            "trials": [
                {"model": "ridge", "point": {}, "labels": {}, "share": 1.0, "end": "scored",
                 "scores": {"roc_auc": {"mean": 0.75, "std": 0.01, "folds": [0.74, 0.76]}}},
                {"model": "lasso", "point": {}, "labels": {}, "share": 1.0, "end": "scored",
                 "scores": {"roc_auc": {"mean": 0.5, "std": 0.0, "folds": [0.5, 0.5]}}},
            ],
            "best": 0,
            "steps": {"features": [{"log": {"columns": ["a b", "c"]}}], "model": {"ridge": {"alpha": 0.25}}},
        }))
        .unwrap()
    }

    #[track_caller]
    fn check(text: &str, settings: &[&str], expected: &str) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.yaml");
        fs_err::write(&path, text).unwrap();
        let settings: Vec<String> = settings.iter().map(ToString::to_string).collect();
        let found = Searching::read(&path, &settings).unwrap().with(&outcome(), "1a2b").unwrap();
        assert_eq!(found, expected, "{found}");
    }

    const COMMENT: &str = "\
# Found by run 1a2b: ridge, roc_auc 0.7500 ± 0.0100 over 2 folds, the best of 2 trials.
# The best of the others: lasso 0.5000.
# It stands in place of `model: {auto: {minutes: 5}}`.
";

    #[test]
    fn sections_are_replaced_and_the_rest_stays_as_it_was_written() {
        let before = "# Ours.\nname: p   # called so\n\n";
        let after = "\n# How it is judged.\nevaluate: {metrics: [roc_auc]}\n";
        let text = format!("{before}model:\n  auto:\n    minutes: 5\n    # or more\n{after}");
        let steps = "features:\n  - log: {columns: ['a b', c]}\n\nmodel:\n  ridge: {alpha: 0.25}\n";
        check(&text, &[], &format!("{before}{COMMENT}{steps}{after}"));
    }

    #[test]
    fn features_stay_where_they_stood_even_after_the_model() {
        let text = "name: p\nmodel: {auto: {minutes: 5}}\nfeatures:\n- drop: {columns: x}\n# end\n";
        let expected = format!(
            "name: p\nmodel:\n  ridge: {{alpha: 0.25}}\n{COMMENT}features:\n  - log: {{columns: ['a b', c]}}\n# end\n"
        );
        check(text, &[], &expected);
    }

    #[test]
    fn what_was_set_beside_the_file_is_written_down() {
        let text = "{name: p, params: {s: 3}, seed: '${s}', model: {auto: }}";
        let expected = format!(
            "name: p\nseed: 4\n\n{COMMENT}features:\n  - log: {{columns: ['a b', c]}}\n\nmodel:\n  ridge: {{alpha: 0.25}}\n\n"
        );
        check(text, &["seed=4", "model.auto.minutes=5"], &expected);
    }
}
