//! A command as a task of a plan.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use super::check::{SpecMistake, Texts, texts};
use super::template::{ITEM, Scope, Template, descend};
use super::{CacheRule, Foreach, Surroundings, TaskSpec, UsualSecrets, execute, outputs, reads};
use crate::{
    Caching, Condition, Demand, Fault, FileDigests, Input, Inputs, Output, Retries, Task,
    TaskContext, TaskError,
};

/// A command as a task of a plan.
///
/// With `foreach` it is spread out into one task an item, `NAME[0]`, `NAME[1]` and so on, whose
/// results it gathers into `{"items": [..]}`. A part depends on its own item alone, and on the
/// tasks in `needs`; so another item more runs one command more.
#[derive(Clone, Debug)]
pub struct CommandTask {
    pub(super) name: String,
    pub(super) spec: Arc<TaskSpec>,
    pub(super) texts: Arc<Texts>,
    pub(super) surroundings: Arc<Surroundings>,
    needs: Vec<String>,
    when: Option<Condition>,
    role: Role,
}

/// What a task does for a command.
#[derive(Clone, Debug)]
enum Role {
    /// Runs it.
    Alone,
    /// Gathers what it gave for each item.
    Gathers(Foreach),
    /// Runs it for this item.
    Part(Value),
}

impl CommandTask {
    /// The task `name` with these settings.
    ///
    /// # Errors
    /// All mistakes in the settings.
    pub fn new(
        name: impl Into<String>,
        spec: TaskSpec,
        surroundings: Arc<Surroundings>,
    ) -> Result<Self, Vec<SpecMistake>> {
        let texts = Arc::new(texts(&spec)?);
        let when = condition(&spec)?;
        let mut needs = spec.needs.clone();
        let role = match &spec.foreach {
            None => Role::Alone,
            Some(foreach) => Role::Gathers(foreach.clone()),
        };
        if let Some(Foreach::Given(given)) = &spec.foreach
            && !needs.contains(&given.task)
        {
            needs.push(given.task.clone());
        }
        let (name, spec) = (name.into(), Arc::new(spec));
        Ok(Self { name, spec, texts, surroundings, needs, when, role })
    }

    /// All mistakes in the settings of a task whose file stands in `folder`.
    pub fn mistakes(name: &str, spec: &TaskSpec, folder: &Path) -> Vec<SpecMistake> {
        let surroundings = Surroundings {
            folder: folder.into(),
            logs: folder.into(),
            run_id: String::new(),
            secrets: Arc::new(UsualSecrets::of_environment()),
            warden: None,
        };
        Self::new(name, spec.clone(), Arc::new(surroundings)).err().unwrap_or_default()
    }

    /// The settings.
    pub fn spec(&self) -> &TaskSpec {
        &self.spec
    }

    fn part(&self, index: usize, item: &Value) -> Self {
        Self {
            name: part_name(&self.name, index),
            // Not the task that gave the list: its other items are none of this one's business.
            needs: self.spec.needs.clone(),
            // The condition was asked before the task was spread out.
            when: None,
            role: Role::Part(item.clone()),
            ..self.clone()
        }
    }

    /// The values that the templates of this task can name.
    pub(super) fn scope<'a>(&'a self, inputs: &'a Inputs<'_>) -> Result<Scope<'a>, TaskError> {
        let mut scope = self.item_scope();
        for need in &self.spec.needs {
            scope = scope.with(need, inputs.facts(need)?);
        }
        Ok(scope)
    }

    fn item_scope(&self) -> Scope<'_> {
        match &self.role {
            Role::Part(item) => Scope::default().with(ITEM, item),
            Role::Alone | Role::Gathers(_) => Scope::default(),
        }
    }

    fn gather(&self, foreach: &Foreach, inputs: &Inputs<'_>) -> Result<Output, TaskError> {
        let count = items(foreach, inputs)?.len();
        let facts = (0..count).map(|i| inputs.facts(&part_name(&self.name, i)).cloned());
        let facts = facts.collect::<Result<Vec<Value>, TaskError>>()?;
        Ok(Output::facts(json!({"items": facts})))
    }
}

fn condition(spec: &TaskSpec) -> Result<Option<Condition>, Vec<SpecMistake>> {
    let parsed = spec.when.as_deref().map(Condition::parse).transpose();
    parsed.map_err(|error| {
        vec![SpecMistake { path: "when".into(), message: error.to_string(), hint: error.hint() }]
    })
}

fn part_name(name: &str, index: usize) -> String {
    format!("{name}[{index}]")
}

fn items<'a>(foreach: &'a Foreach, inputs: &'a Inputs<'_>) -> Result<&'a [Value], TaskError> {
    let given = match foreach {
        Foreach::Items(items) => return Ok(items),
        Foreach::Given(given) => given,
    };
    let way = format!("{}.{}", given.task, given.output);
    let refuse = |message: String, hint: String| {
        TaskError::new(Fault::Input, format!("`foreach` goes over `{way}`: {message}"))
            .with_hint(hint)
    };
    let facts = inputs.facts(&given.task)?;
    let value = descend(facts, &given.task, given.output.split('.'));
    match value.map_err(|(message, hint)| refuse(message, hint))? {
        Value::Array(items) => Ok(items),
        _ => Err(refuse("it is no list".into(), "expected a list such as `[\"a\", \"b\"]`".into())),
    }
}

pub(super) fn fill_all(
    templates: &[Template],
    scope: &Scope<'_>,
) -> Result<Vec<String>, TaskError> {
    templates.iter().map(|template| template.fill(scope)).collect()
}

impl Task for CommandTask {
    fn name(&self) -> &str {
        &self.name
    }

    fn needs(&self) -> &[String] {
        &self.needs
    }

    fn kind(&self) -> &str {
        "command"
    }

    fn version(&self) -> String {
        "1".into()
    }

    /// Command, folder, outputs and variables as they are written, and the item. What templates
    /// put in from other tasks is in the digests of those. A secret counts by its name only.
    fn parameters(&self) -> Value {
        let spec = &self.spec;
        let item = match &self.role {
            Role::Alone => None,
            Role::Gathers(foreach) => Some(("foreach", json!(foreach))),
            Role::Part(item) => Some((ITEM, item.clone())),
        };
        let settings = [
            Some(("run", json!(spec.run))),
            spec.folder.as_ref().map(|folder| ("folder", json!(folder))),
            (!spec.outputs.is_empty()).then(|| ("outputs", json!(spec.outputs))),
            (!spec.env.is_empty()).then(|| ("env", json!(spec.env))),
            item,
        ];
        settings.into_iter().flatten().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    fn inputs(&self, files: &FileDigests) -> Result<Vec<Input>, TaskError> {
        if matches!(self.role, Role::Gathers(_)) || self.texts.inputs.is_empty() {
            return Ok(Vec::new());
        }
        let declared = fill_all(&self.texts.inputs, &self.item_scope())?;
        let folder = self.surroundings.place(self.spec.folder.as_deref())?;
        reads::inputs(&declared, &folder, files)
    }

    fn caching(&self) -> Caching {
        let keeps = !self.spec.outputs.is_empty() && self.spec.cache != Some(CacheRule::Never);
        // What is gathered is known again as long as every part is.
        if keeps { Caching::Reuse } else { Caching::Never }
    }

    fn when(&self) -> Option<&Condition> {
        self.when.as_ref()
    }

    fn retries(&self) -> Retries {
        match self.role {
            Role::Gathers(_) => Retries::NONE,
            Role::Alone | Role::Part(_) => self.spec.retries(),
        }
    }

    fn demand(&self) -> Demand {
        match self.role {
            Role::Gathers(_) => Demand::default(),
            Role::Alone | Role::Part(_) => self.spec.demand(),
        }
    }

    fn priority(&self) -> i32 {
        self.spec.priority
    }

    fn spread(&self, inputs: &Inputs<'_>) -> Result<Option<Vec<Box<dyn Task>>>, TaskError> {
        let Role::Gathers(foreach) = &self.role else { return Ok(None) };
        let items = items(foreach, inputs)?.iter().enumerate();
        let parts = items.map(|(i, item)| Box::new(self.part(i, item)) as Box<dyn Task>);
        Ok(Some(parts.collect()))
    }

    fn reuse(&self, files: &Path) -> Result<(), TaskError> {
        let folder = self.surroundings.place(self.spec.folder.as_deref())?;
        outputs::put_back(files, &folder)
    }

    fn run(&self, inputs: &Inputs<'_>, context: &TaskContext<'_>) -> Result<Output, TaskError> {
        match &self.role {
            Role::Gathers(foreach) => self.gather(foreach, inputs),
            Role::Alone | Role::Part(_) => execute::execute(self, inputs, context),
        }
    }
}
