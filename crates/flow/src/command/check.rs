//! What a task's settings cannot be, beyond their form; and their templates, read once.

use std::path::{Component, Path};

use super::environment::OURS;
use super::secret::bad_name;
use super::template::{ITEM, Template};
use super::{Foreach, Pool, RetrySpec, Run, TaskSpec, Variable};

/// Something in a task's settings that its author can mend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpecMistake {
    /// The way to the setting from the task's block, steps parted by dots: `outputs.0`,
    /// `env.TOKEN`.
    pub path: String,
    /// What was found and what would be accepted.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// The texts of a task, as templates.
#[derive(Clone, Debug)]
pub(super) struct Texts {
    pub(super) run: RunText,
    pub(super) env: Vec<(String, VariableText)>,
    pub(super) inputs: Vec<Template>,
    pub(super) outputs: Vec<Template>,
}

#[derive(Clone, Debug)]
pub(super) enum RunText {
    Shell(Template),
    Direct(Vec<Template>),
}

#[derive(Clone, Debug)]
pub(super) enum VariableText {
    Text(Template),
    /// The name of a secret.
    Secret(String),
}

/// The templates of a task's settings.
///
/// # Errors
/// All mistakes in them.
pub(super) fn texts(spec: &TaskSpec) -> Result<Texts, Vec<SpecMistake>> {
    let mut check = Check { spec, mistakes: Vec::new() };
    check.numbers();
    check.items();
    let texts = Texts {
        run: check.run(),
        env: check.env(),
        inputs: check.inputs(),
        outputs: check.outputs(),
    };
    if check.mistakes.is_empty() { Ok(texts) } else { Err(check.mistakes) }
}

struct Check<'a> {
    spec: &'a TaskSpec,
    mistakes: Vec<SpecMistake>,
}

impl Check<'_> {
    fn say(&mut self, path: impl Into<String>, message: impl Into<String>, hint: Option<String>) {
        let (path, message) = (path.into(), message.into());
        self.mistakes.push(SpecMistake { path, message, hint });
    }

    fn numbers(&mut self) {
        if self.spec.cpu == 0 {
            self.say("cpu", "`cpu` is 0, expected at least 1", None);
        }
        if let RetrySpec::Block(block) = &self.spec.retries
            && !(block.factor.is_finite() && block.factor >= 1.0)
        {
            let message = format!("`factor` is {}, expected at least 1", block.factor);
            self.say("retries.factor", message, None);
        }
        if let Some(Pool::Several(pools)) = &self.spec.pool {
            for name in pools.iter().filter(|(_, places)| **places == 0).map(|(name, _)| name) {
                let message = format!("pool `{name}` is taken 0 times, expected at least 1");
                self.say(format!("pool.{}", step(name)), message, None);
            }
        }
    }

    fn items(&mut self) {
        if let Some(Foreach::Given(given)) = &self.spec.foreach
            && (given.output.is_empty() || given.output.split('.').any(str::is_empty))
        {
            let message = format!("`{}` is no field, expected one such as `paths`", given.output);
            self.say("foreach.output", message, None);
        }
    }

    fn run(&mut self) -> RunText {
        match &self.spec.run {
            Run::Shell(text) => {
                if text.trim().is_empty() {
                    self.say("run", "`run` is empty, expected a command", None);
                }
                RunText::Shell(self.template("run", text, Facts::Known))
            }
            Run::Direct(words) => {
                if words.first().is_none_or(String::is_empty) {
                    self.say("run", "`run` names no program, expected one first", None);
                }
                let each = words.iter().enumerate();
                let each = each.map(|(i, w)| self.template(&format!("run.{i}"), w, Facts::Known));
                RunText::Direct(each.collect())
            }
        }
    }

    fn env(&mut self) -> Vec<(String, VariableText)> {
        let mut texts = Vec::with_capacity(self.spec.env.len());
        for (name, value) in &self.spec.env {
            let path = format!("env.{}", step(name));
            if OURS.contains(&name.as_str()) {
                self.say(&path, format!("`{name}` is set by Gristmill for every command"), None);
            } else if name.is_empty() || name.contains(['=', '\0']) {
                self.say(&path, format!("`{name}` is no name of a variable"), None);
            }
            let text = match value {
                Variable::Text(text) => {
                    VariableText::Text(self.template(&path, text, Facts::Known))
                }
                Variable::Secret(secret) => {
                    if let Some(message) = bad_name(&secret.secret) {
                        self.say(format!("{path}.secret"), message, None);
                    }
                    VariableText::Secret(secret.secret.clone())
                }
            };
            texts.push((name.clone(), text));
        }
        texts
    }

    fn inputs(&mut self) -> Vec<Template> {
        let each = self.spec.inputs.iter().enumerate();
        each.map(|(i, text)| self.template(&format!("inputs.{i}"), text, Facts::Unknown)).collect()
    }

    fn outputs(&mut self) -> Vec<Template> {
        let mut texts = Vec::with_capacity(self.spec.outputs.len());
        for (i, text) in self.spec.outputs.iter().enumerate() {
            let path = format!("outputs.{i}");
            let template = self.template(&path, text, Facts::Known);
            if let Some(message) = bad_output(text) {
                self.say(&path, message, None);
            } else if self.spec.foreach.is_some() && template.references().all(|r| r.root != ITEM) {
                let message = format!("every item would give the same `{text}`");
                let hint = "put `{{item}}` into it, so that each item has its own".to_owned();
                self.say(&path, message, Some(hint));
            }
            texts.push(template);
        }
        texts
    }

    /// The template in a text; an empty one when it is none.
    fn template(&mut self, path: &str, text: &str, facts: Facts) -> Template {
        let template = match Template::parse(text) {
            Ok(template) => template,
            Err(message) => {
                self.say(path, message, None);
                return Template { pieces: Vec::new() };
            }
        };
        let spec = self.spec;
        let tasks = spec.needs.iter().filter(|_| facts == Facts::Known).map(String::as_str);
        let known = spec.foreach.iter().map(|_| ITEM).chain(tasks);
        for reference in template.references() {
            let Some((message, hint)) = reference.unknown(known.clone()) else { continue };
            if facts == Facts::Unknown && spec.needs.contains(&reference.root) {
                let message = format!("`inputs` cannot speak of what `{}` gives", reference.root);
                let hint = "name the files themselves, or go over them by `foreach`".to_owned();
                self.say(path, message, Some(hint));
            } else {
                self.say(path, message, Some(hint));
            }
        }
        template
    }
}

/// Whether a text is needed only when the tasks before have given their facts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Facts {
    Known,
    Unknown,
}

/// A key as a step of a dotted path.
fn step(key: &str) -> String {
    if key.contains('.') { format!("\"{key}\"") } else { key.to_owned() }
}

/// What is wrong with the name of an output.
pub(super) fn bad_output(name: &str) -> Option<String> {
    let mut named = false;
    for component in Path::new(name).components() {
        match component {
            Component::Normal(_) => named = true,
            Component::CurDir => {}
            _ => {
                return Some(format!(
                    "output `{name}` leads out of the working folder, expected a file or folder in it"
                ));
            }
        }
    }
    (!named).then(|| format!("output `{name}` names nothing, expected a file or folder"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[track_caller]
    fn check(spec: Value, expected: &[&str]) {
        let spec: TaskSpec = serde_json::from_value(spec).unwrap();
        let mistakes = texts(&spec).err().unwrap_or_default();
        let shown: Vec<String> =
            mistakes.iter().map(|m| format!("{}: {}", m.path, m.message)).collect();
        assert_eq!(shown, expected);
    }

    #[test]
    fn sound_settings_pass() {
        check(json!({"run": "true"}), &[]);
        check(
            json!({
                "run": ["cat", "{{item.path}}", "{{list.n}}"], "needs": ["list"],
                "inputs": ["{{item.path}}"], "outputs": ["./out/{{item.name}}"],
                "env": {"A": "{{list.n}}", "T": {"secret": "T"}},
                "foreach": {"task": "list", "output": "found.paths"},
            }),
            &[],
        );
    }

    #[test]
    fn all_mistakes_come_at_once() {
        check(
            json!({
                "run": "cat {{item}} {{.Names}}", "needs": ["list"], "cpu": 0,
                "inputs": ["{{list.path}}"], "outputs": ["../x", "/y", "", "ok"],
                "env": {"GRISTMILL_TASK": "x", "A=B": "x", "T": {"secret": "../T"}},
                "retries": {"times": 1, "factor": 0.5}, "pool": {"a.b": 0},
            }),
            &[
                "cpu: `cpu` is 0, expected at least 1",
                "retries.factor: `factor` is 0.5, expected at least 1",
                "pool.\"a.b\": pool `a.b` is taken 0 times, expected at least 1",
                "run: `{{.Names` is no template, expected one such as `{{item}}`, \
                 `{{item.name}}` or `{{task.field}}`; two braces that are to stay are written `\\{{`",
                "env.A=B: `A=B` is no name of a variable",
                "env.GRISTMILL_TASK: `GRISTMILL_TASK` is set by Gristmill for every command",
                "env.T.secret: `../T` is no name of a secret, expected letters, digits, `_`, `-` and `.`",
                "inputs.0: `inputs` cannot speak of what `list` gives",
                "outputs.0: output `../x` leads out of the working folder, expected a file or folder in it",
                "outputs.1: output `/y` leads out of the working folder, expected a file or folder in it",
                "outputs.2: output `` names nothing, expected a file or folder",
            ],
        );
    }

    #[test]
    fn names_that_nothing_has_are_told() {
        check(
            json!({"run": "cat {{item}}", "needs": ["list"]}),
            &["run: `{{item}}` refers to `item`, which is not known here"],
        );
        check(
            json!({"run": ["{{lst.a}}"], "needs": ["list"]}),
            &["run.0: `{{lst.a}}` refers to `lst`, which is not known here"],
        );
        check(
            json!({"run": [], "foreach": [1], "outputs": ["x"]}),
            &[
                "run: `run` names no program, expected one first",
                "outputs.0: every item would give the same `x`",
            ],
        );
        check(json!({"run": " "}), &["run: `run` is empty, expected a command"]);
    }
}
