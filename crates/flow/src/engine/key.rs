//! What a task's result depends on, and which part of that changed.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Digest;

/// The form of what is hashed; another form must not find this one's entries.
const DOMAIN: &str = "gristmill task key 1";

/// Everything that a task's result depends on. Equal parts, equal key, equal result.
///
/// The task's name is not among them: renaming a task does not run it again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeyParts {
    /// What the task does: `train`, `split`.
    pub kind: String,
    /// The version of the code that does it.
    pub version: String,
    /// Its settings.
    pub parameters: Value,
    /// The digest of what each task gave that it needs.
    pub needs: BTreeMap<String, Digest>,
    /// The digest of each thing outside of the plan that it reads, by name.
    pub inputs: BTreeMap<String, Digest>,
}

impl KeyParts {
    /// The name under which the result is kept.
    pub fn key(&self) -> Digest {
        let json = serde_json::json!({
            "kind": self.kind,
            "version": self.version,
            "parameters": self.parameters,
            "needs": texts(&self.needs),
            "inputs": texts(&self.inputs),
        });
        Digest::of_json(DOMAIN, &json)
    }
}

fn texts(digests: &BTreeMap<String, Digest>) -> BTreeMap<&str, String> {
    digests.iter().map(|(name, digest)| (name.as_str(), digest.to_string())).collect()
}

/// What the keys of an earlier run were made of, by task.
///
/// It is kept as text, and each is read when it is asked for: a hundred thousand tasks take tens of
/// megabytes so, and hundreds as [`KeyParts`].
#[derive(Clone, Debug, Default)]
pub struct Previous(HashMap<Box<str>, Box<str>>);

impl Previous {
    /// What the key of `task` was made of; nothing when it had none, or in a form that is not known
    /// any more.
    pub fn parts(&self, task: &str) -> Option<KeyParts> {
        serde_json::from_str(self.0.get(task)?).ok()
    }

    /// Whether nothing is known of any task.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Of names of tasks and [`KeyParts`] as JSON text.
impl FromIterator<(String, String)> for Previous {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(tasks: I) -> Self {
        Self(tasks.into_iter().map(|(name, parts)| (name.into(), parts.into())).collect())
    }
}

/// What changed between two runs of a task, one sentence each; none when nothing did.
///
/// ```
/// # use gristmill_flow::{KeyParts, explain};
/// # use serde_json::json;
/// let before = KeyParts {
///     kind: "train".into(),
///     version: "1".into(),
///     parameters: json!({"model": {"random_forest": {"trees": 100}}}),
///     needs: Default::default(),
///     inputs: Default::default(),
/// };
/// let mut now = before.clone();
/// now.parameters["model"]["random_forest"]["trees"] = 200.into();
/// let why = ["parameter `model.random_forest.trees` changed from 100 to 200"];
/// assert_eq!(explain(&before, &now), why);
/// ```
pub fn explain(previous: &KeyParts, now: &KeyParts) -> Vec<String> {
    let mut why = Vec::new();
    if previous.kind != now.kind {
        why.push(format!("the task is now of kind `{}`, it was `{}`", now.kind, previous.kind));
    } else if previous.version != now.version {
        let (kind, before, after) = (&now.kind, &previous.version, &now.version);
        why.push(format!("code version of `{kind}` changed from {before} to {after}"));
    }
    explain_value("", &previous.parameters, &now.parameters, &mut why);
    let inputs = ["input `{}` is new", "input `{}` is gone", "input `{}` changed"];
    explain_digests(&previous.inputs, &now.inputs, inputs, &mut why);
    let needs = ["it now needs `{}`", "it no longer needs `{}`", "output of `{}` changed"];
    explain_digests(&previous.needs, &now.needs, needs, &mut why);
    shorten(why)
}

fn shorten(mut why: Vec<String>) -> Vec<String> {
    const SHOWN: usize = 12;
    if why.len() > SHOWN {
        let more = why.len() - SHOWN;
        why.truncate(SHOWN);
        why.push(format!("and {more} more changes"));
    }
    why
}

fn explain_digests(
    previous: &BTreeMap<String, Digest>,
    now: &BTreeMap<String, Digest>,
    [added, removed, changed]: [&str; 3],
    why: &mut Vec<String>,
) {
    for (name, digest) in now {
        match previous.get(name) {
            None => why.push(added.replace("{}", name)),
            Some(before) if before != digest => why.push(changed.replace("{}", name)),
            Some(_) => {}
        }
    }
    let gone = previous.keys().filter(|name| !now.contains_key(*name));
    why.extend(gone.map(|name| removed.replace("{}", name)));
}

fn explain_value(path: &str, previous: &Value, now: &Value, why: &mut Vec<String>) {
    match (previous, now) {
        (Value::Object(before), Value::Object(after)) => {
            for (key, value) in after {
                let path = step(path, key);
                match before.get(key) {
                    Some(old) => explain_value(&path, old, value, why),
                    None => why.push(format!("parameter `{path}` is new: {}", shown(value))),
                }
            }
            for (key, old) in before.iter().filter(|(key, _)| !after.contains_key(*key)) {
                let path = step(path, key);
                why.push(format!("parameter `{path}` is gone, it was {}", shown(old)));
            }
        }
        (Value::Array(before), Value::Array(after)) if before.len() == after.len() => {
            for (i, (old, value)) in before.iter().zip(after).enumerate() {
                explain_value(&format!("{path}[{i}]"), old, value, why);
            }
        }
        _ if previous == now => {}
        _ => {
            let (before, after) = (shown(previous), shown(now));
            why.push(match path {
                "" => format!("parameters changed from {before} to {after}"),
                path => format!("parameter `{path}` changed from {before} to {after}"),
            });
        }
    }
}

fn step(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn shown(value: &Value) -> String {
    const LONGEST: usize = 60;
    let text = value.to_string();
    if text.chars().count() <= LONGEST {
        return text;
    }
    text.chars().take(LONGEST).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parts() -> KeyParts {
        KeyParts {
            kind: "train".into(),
            version: "1".into(),
            parameters: json!({"trees": 100, "columns": ["a", "b"]}),
            needs: [("split".to_owned(), Digest::of(b"split"))].into(),
            inputs: [("customers.csv".to_owned(), Digest::of(b"rows"))].into(),
        }
    }

    #[track_caller]
    fn check(change: impl Fn(&mut KeyParts), expected: &[&str]) {
        let mut now = parts();
        change(&mut now);
        assert_eq!(explain(&parts(), &now), expected);
        assert_eq!(now.key() == parts().key(), expected.is_empty());
    }

    #[test]
    fn nothing_changed_is_the_same_key_and_no_words() {
        check(|_| {}, &[]);
    }

    #[test]
    fn each_part_changes_the_key_and_is_named() {
        check(|p| p.version = "2".into(), &["code version of `train` changed from 1 to 2"]);
        check(|p| p.kind = "fit".into(), &["the task is now of kind `fit`, it was `train`"]);
        check(
            |p| p.parameters["trees"] = json!(200),
            &["parameter `trees` changed from 100 to 200"],
        );
        check(
            |p| p.parameters["columns"][1] = json!("c"),
            &["parameter `columns[1]` changed from \"b\" to \"c\""],
        );
        check(|p| p.parameters["depth"] = json!(3), &["parameter `depth` is new: 3"]);
        check(
            |p| p.parameters = json!({"columns": ["a", "b"]}),
            &["parameter `trees` is gone, it was 100"],
        );
        check(
            |p| p.parameters["columns"] = json!(["a"]),
            &["parameter `columns` changed from [\"a\",\"b\"] to [\"a\"]"],
        );
        check(
            |p| p.inputs.extend([("customers.csv".into(), Digest::of(b"other"))]),
            &["input `customers.csv` changed"],
        );
        check(|p| p.inputs.clear(), &["input `customers.csv` is gone"]);
        check(
            |p| p.needs.extend([("split".into(), Digest::of(b"other"))]),
            &["output of `split` changed"],
        );
        check(|p| p.needs.extend([("fetch".into(), Digest::of(b"x"))]), &["it now needs `fetch`"]);
    }

    #[test]
    fn a_need_and_an_input_of_one_name_are_not_the_same() {
        let mut swapped = parts();
        std::mem::swap(&mut swapped.needs, &mut swapped.inputs);
        assert_ne!(swapped.key(), parts().key());
    }

    #[test]
    fn a_wall_of_changes_is_cut() {
        let mut now = parts();
        now.parameters = (0..50).map(|i| (format!("p{i}"), json!(i))).collect();
        assert_eq!(explain(&parts(), &now).last().unwrap(), "and 40 more changes");
    }
}
