//! Whether the sections of a pipeline file make sense together, and fit the first rows of its data.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use gristmill_core::{
    Catalog, EstimatorSpec, Field, Role, Schema, SemanticType, Table, Task, Transform,
    TransformSpec, nearest,
};
use gristmill_evaluate::Metric;
use gristmill_evaluate::search::Search;
use gristmill_flow::{CommandTask, Document, Foreach, Mistake};

use serde_json::Value;

use super::ranges::places;
use super::stages_of;
use crate::catalog::catalog;
use crate::file::{DataSection, PipelineFile, TargetSection};
use crate::select::settings::{AUTO, ModelSection, OneOrMore, SELECT, SelectSettings};
use crate::select::spelled;
use crate::{Error, Result, data, stages};

/// Collects mistakes of meaning.
pub(super) struct Judge<'a> {
    pub document: &'a Document,
    pub mistakes: Vec<Mistake>,
    pub notes: Vec<String>,
}

impl Judge<'_> {
    pub fn blame(&mut self, path: &str, message: impl Into<String>, hint: Option<String>) {
        self.mistakes.push(self.document.mistake(path, message).maybe_hint(hint));
    }

    fn refuse(&mut self, path: &str, error: &Error) {
        self.blame(path, error.message.clone(), error.hint.clone());
    }

    /// What the error of a fallible look was, if there was one.
    fn judge<T>(&mut self, path: &str, found: Result<T, impl Into<Error>>) -> Option<T> {
        found.map_err(|e| self.refuse(path, &e.into())).ok()
    }

    pub fn name(&mut self, file: &PipelineFile) {
        let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if file.name.is_empty() || !file.name.chars().all(fits) {
            let hint = "use letters, digits, `-`, `_` and `.`";
            self.blame("name", format!("`name` is `{}`", file.name), Some(hint.into()));
        }
    }

    /// Sections that make no sense without another.
    pub fn sections(&mut self, file: &PipelineFile) {
        if file.register.is_some() && file.model.is_none() {
            self.blame(
                "register",
                "`register` needs a model",
                Some("add a `model:` section".into()),
            );
        }
        if file.data.is_none() && !file.features.is_empty() {
            self.blame("features", "`features` needs data", Some("add a `data:` section".into()));
        }
        let tested = file.data.as_ref().is_some_and(|d| d.split.is_some());
        if !file.evaluate.require.is_empty() && !tested {
            self.blame(
                "evaluate.require",
                "`require` needs test rows",
                Some("add `split:` to `data:`".into()),
            );
        }
    }

    /// A model learns to predict something, unless it learns without known answers.
    fn target(&mut self, file: &PipelineFile, unsupervised: bool) {
        let target = file.data.as_ref().and_then(|d| d.target.as_ref());
        if target.is_none() && !unsupervised {
            self.blame(
                "model",
                "`model` needs a target",
                Some("name the column to predict: `data: {target: COLUMN}`".into()),
            );
        }
    }

    /// Each task by itself, and whether what it names exists.
    pub fn tasks(&mut self, file: &PipelineFile, folder: &Path) {
        let stages = stages_of(file);
        let tasks = file.tasks.keys().map(String::as_str);
        let known: Vec<&str> = stages.iter().copied().chain(tasks).collect();
        let fits = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        for (name, spec) in &file.tasks {
            let path = format!("tasks.{name}");
            if stages::is_stage(name) && (name != SELECT || stages.contains(&SELECT)) {
                let hint = "give it another name; `needs` may name the stage";
                self.blame(
                    &path,
                    format!("`{name}` is a stage of every pipeline"),
                    Some(hint.into()),
                );
            } else if name.is_empty() || !name.chars().all(fits) {
                let hint = "use letters, digits, `-` and `_`";
                self.blame(&path, format!("a task is called `{name}`"), Some(hint.into()));
            }
            for mistake in CommandTask::mistakes(name, spec, folder) {
                self.blame(&format!("{path}.{}", mistake.path), mistake.message, mistake.hint);
            }
            for (at, need) in spec.needs.iter().enumerate() {
                self.known_task(&format!("{path}.needs.{at}"), need, &known);
            }
            if let Some(Foreach::Given(given)) = &spec.foreach {
                self.known_task(&format!("{path}.foreach.task"), &given.task, &known);
            }
        }
        for (at, need) in file.data.iter().flat_map(|data| &data.needs).enumerate() {
            self.known_task(&format!("data.needs.{at}"), need, &known);
        }
    }

    fn known_task(&mut self, path: &str, name: &str, known: &[&str]) {
        if !known.contains(&name) {
            let hint = match gristmill_core::nearest(name, known) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known are {}", known.join(", ")),
            };
            self.blame(path, format!("there is no task `{name}`"), Some(hint));
        }
    }

    pub fn metrics(&mut self, file: &PipelineFile) {
        for (at, name) in file.evaluate.metrics.iter().enumerate() {
            self.judge(&format!("evaluate.metrics.{at}"), Metric::named(name));
        }
        for name in file.evaluate.require.keys() {
            self.judge(&format!("evaluate.require.{name}"), Metric::named(name));
        }
        for (path, name) in searched(file) {
            self.judge(&path, Metric::named(name));
        }
        let promote = file.register.as_ref().and_then(|r| r.promote.as_ref());
        if let Some(name) = promote.and_then(|p| p.metric.as_ref()) {
            self.judge("register.promote.metric", Metric::named(name));
        }
        let confidence = promote.and_then(|p| p.confidence);
        if let Some(confidence) = confidence.filter(|c| !(*c > 0.0 && *c < 1.0)) {
            let found = format!("`confidence` is {confidence}");
            let hint = "write a share between 0 and 1, such as 0.95";
            self.blame("register.promote.confidence", found, Some(hint.into()));
        }
    }

    /// How the model is watched.
    pub fn monitor(&mut self, file: &PipelineFile) {
        let Some(monitor) = &file.monitor else { return };
        if file.model.is_none() {
            let hint = Some("add a `model:` section".to_string());
            self.blame("monitor", "`monitor` needs a model", hint);
        }
        if let Err(error) = monitor.drift.check() {
            let path = match &error {
                gristmill_core::Error::Setting { name, .. } => format!("monitor.drift.{name}"),
                _ => "monitor.drift".into(),
            };
            self.refuse(&path, &error.into());
        }
        for (path, message, hint) in monitor.mistakes(file) {
            self.blame(&path, message, hint);
        }
    }

    pub fn data(&mut self, file: &PipelineFile, section: &DataSection, folder: &Path) {
        let Some(Sample { table, sources }) = self.sample(section, folder) else {
            return self.steps(file, None);
        };
        let before = self.mistakes.len();
        self.columns(section, table.schema());
        let sound = self.mistakes.len() == before;
        let shaped = data::shape(&known_columns(section, table.schema()), &table);
        match shaped {
            Ok(table) => {
                if file.model.is_some() {
                    self.notes.extend(computed(&table, &sources));
                }
                if let Some(monitor) = &file.monitor {
                    let columns = &monitor.drift.columns;
                    self.judge("monitor.drift.columns", columns.some_positions(table.schema()));
                    for name in &monitor.compare.slices {
                        self.judge("monitor.compare.slices", table.schema().field(name));
                    }
                    let together = monitor.drift.together(table.schema());
                    self.judge("monitor.drift.embeddings.columns", together);
                    let redact = monitor.log.iter().flat_map(|log| &log.redact);
                    for (at, name) in redact.enumerate() {
                        self.redacted(&format!("monitor.log.redact.{at}"), name, table.schema());
                    }
                }
                self.steps(file, Some(&table));
            }
            Err(error) => {
                if sound {
                    self.refuse("data", &error);
                }
                self.steps(file, None);
            }
        }
    }

    /// A column that the log leaves out must be one that requests can have, or nothing is kept of them.
    fn redacted(&mut self, path: &str, name: &str, schema: &Schema) {
        let is_asked = |field: &Field| {
            field.semantic != SemanticType::Id
                && !matches!(field.role, Role::Target | Role::Part | Role::Weight)
        };
        let asked = schema.filter(is_asked);
        let Err(error) = asked.field(name) else { return };
        let message = match schema.find(name) {
            Some(_) => format!("the model does not take column `{name}`, so no request has it"),
            None => error.to_string(),
        };
        let names = asked.names();
        let hint = nearest(name, &names).map_or_else(
            || {
                "take it out of `redact`: nothing is kept of requests without a column to leave out"
                    .into()
            },
            |near| format!("did you mean `{near}`?"),
        );
        self.blame(path, message, Some(hint));
    }

    /// The columns that a `data` section names, when the rest of the file has not the right form.
    pub fn data_alone(&mut self, folder: &Path) {
        let Some(node) = self.document.root().entry("data") else { return };
        let Ok(section) = serde_json::from_value::<DataSection>(node.value.to_json()) else {
            return;
        };
        if let Some(Sample { table, .. }) = self.sample(&section, folder) {
            self.columns(&section, table.schema());
        }
    }

    /// The first rows of every source, put through the query.
    fn sample(&mut self, section: &DataSection, folder: &Path) -> Option<Sample> {
        let before = self.mistakes.len();
        self.sources(section);
        let mut missing = section
            .named_sources()
            .filter(|(_, spec, _)| gristmill_ingest::files(spec, folder).is_err());
        if !section.needs.is_empty() && missing.next().is_some() {
            let needs = section.needs.join("`, `");
            self.notes.push(format!(
                "the source is not there yet; its columns are checked once `{needs}` is done"
            ));
            return None;
        }
        let mut tables = BTreeMap::new();
        for (name, spec, path) in section.named_sources() {
            let peeked = self.judge(&path, gristmill_ingest::peek(spec, folder));
            tables.extend(peeked.map(|peeked| (name.to_string(), peeked.sample)));
        }
        if let Some(append) = &section.append {
            self.judge("data.append", gristmill_ingest::files(append, folder));
        }
        if section.latest == Some(0) {
            let hint = Some("name how many rows are kept".to_string());
            self.blame("data.latest", "`latest` is 0, which leaves no rows", hint);
        }
        if self.mistakes.len() > before {
            return None;
        }
        let sources = tables.values().map(|t| t.schema().clone()).collect();
        let changing =
            section.sql.as_ref().map(|sql| gristmill_ingest::changing_functions(&tables, sql));
        let table = self.judge("data.sql", data::query(section, tables))?;
        self.notes.extend(changing.transpose().ok().flatten().and_then(unrepeatable));
        Some(Sample { table, sources })
    }

    /// One source, or several that a query can name and does.
    fn sources(&mut self, section: &DataSection) {
        match (&section.source, section.sources.is_empty()) {
            (Some(_), true) => {}
            (None, true) => self.blame(
                "data",
                "missing key `source` in `data`",
                Some("add `source: FILE`, or `sources:` with a name and a file for each".into()),
            ),
            (Some(_), false) => self.blame(
                "data.sources",
                "`data` has both `source` and `sources`",
                Some("move the file of `source` to `sources`, with a name".into()),
            ),
            (None, false) if section.sql.is_none() => self.blame(
                "data.sources",
                "`sources` needs `sql`",
                Some("add a query that makes one table of them: `sql: SELECT ...`".into()),
            ),
            (None, false) => {}
        }
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
        for name in section.sources.keys() {
            if !name.chars().all(fits) || !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
                self.blame(
                    &format!("data.sources.{name}"),
                    format!("the source `{name}` has a name that a query cannot call"),
                    Some("begin it with a letter; use letters, digits and `_`".into()),
                );
            }
        }
    }

    /// Every column that the section names must exist.
    fn columns(&mut self, section: &DataSection, schema: &Schema) {
        if let Some(target) = &section.target {
            let path = match target {
                TargetSection::Column(_) => "data.target",
                TargetSection::Transformed(_) => "data.target.column",
            };
            self.judge(path, schema.position(target.column()));
        }
        if let Some(weight) = &section.weight {
            self.judge("data.weight", schema.position(weight));
        }
        for name in section.types.keys() {
            self.judge(&format!("data.types.{name}"), schema.position(name));
        }
        for (at, name) in section.drop.iter().enumerate() {
            self.judge(&format!("data.drop.{at}"), schema.position(name));
        }
        for (at, rule) in section.expect.iter().enumerate() {
            self.judge(&format!("data.expect.{at}.column"), schema.position(&rule.column));
        }
        for (name, _) in section.split.iter().flat_map(|s| s.columns()) {
            self.judge("data.split", schema.position(name));
        }
    }

    /// Builds each step and, where the columns are known, holds it against them.
    pub fn steps(&mut self, file: &PipelineFile, table: Option<&Table>) {
        let catalog = catalog();
        let known = Known { file, table, catalog: &catalog };
        match &file.model {
            None => drop(self.transforms(&known, &placed(&file.features))),
            Some(ModelSection::Estimator(model)) => {
                let schema = self.transforms(&known, &placed(&file.features));
                let unsupervised =
                    self.model(&known, &format!("model.{}", model.name), model, schema);
                self.target(file, unsupervised);
            }
            Some(ModelSection::Select(select)) => self.select(&known, select),
            Some(ModelSection::Auto(_)) => {
                let schema = self.transforms(&known, &placed(&file.features));
                self.target(file, false);
                if let Some(task) = schema.and(table).and_then(task_of) {
                    self.metrics_of(file, task);
                }
                self.nested(file);
            }
        }
    }

    /// Holds every end of every range and every alternative against the columns.
    fn select(&mut self, known: &Known<'_>, select: &SelectSettings) {
        let file = known.file;
        let space = match spelled::space(&file.features, &select.candidates) {
            Ok(space) => space,
            Err(error) => return self.blame(&places(), error.message, Some(error.hint)),
        };
        if select.search == Search::Grid
            && let Err(error) = space.count()
        {
            self.blame("model.select.search", error.message, Some(error.hint));
        }
        let mut unsupervised = BTreeSet::new();
        // One mistake may show at many points.
        let before = self.mistakes.len();
        for point in spelled::corners(&space) {
            let Ok(settings) = space.settings(&point) else { continue };
            let read = |value: &Value| serde_json::from_value::<TransformSpec>(value.clone()).ok();
            let steps = settings["features"].as_array().into_iter().flatten().enumerate();
            let steps: Vec<(usize, TransformSpec)> =
                steps.filter_map(|(at, step)| Some((at, read(step)?))).collect();
            let steps: Vec<(usize, &TransformSpec)> =
                steps.iter().map(|(at, step)| (*at, step)).collect();
            let schema = self.transforms(known, &steps);
            let Ok(model) = serde_json::from_value::<EstimatorSpec>(settings["model"].clone())
            else {
                continue;
            };
            let at = point.get("model").copied().unwrap_or_default();
            let path = format!("{}.{at}.{}", places(), model.name);
            unsupervised.insert(self.model(known, &path, &model, schema));
        }
        let mut seen = Vec::new();
        let found = self.mistakes.split_off(before);
        for mistake in found {
            if !seen.contains(&mistake) {
                seen.push(mistake);
            }
        }
        self.mistakes.extend(seen);
        self.notes =
            std::mem::take(&mut self.notes).into_iter().fold(Vec::new(), |mut notes, note| {
                if !notes.contains(&note) {
                    notes.push(note);
                }
                notes
            });
        self.target(file, unsupervised == BTreeSet::from([true]));
        if unsupervised.len() > 1 {
            self.blame(
                &places(),
                "some candidates learn from known answers and others do not",
                Some("search among models of one kind".into()),
            );
        }
        self.nested(file);
    }

    /// Folds around a search take as long as so many searches.
    fn nested(&mut self, file: &PipelineFile) {
        if file.evaluate.cross_validate.is_some() {
            self.notes.push(
                "`evaluate.cross_validate` repeats the whole selection in each of its folds".into(),
            );
        }
    }

    /// The columns as the last of these transforms leaves them; nothing when they are not known or
    /// a step does not take them.
    fn transforms(
        &mut self,
        known: &Known<'_>,
        steps: &[(usize, &TransformSpec)],
    ) -> Option<Schema> {
        let mut schema = known.table.map(|t| {
            t.schema().filter(|f| {
                f.semantic != SemanticType::Id
                    && !matches!(f.role, Role::Target | Role::Part | Role::Weight)
            })
        });
        for (at, step) in steps {
            let path = format!("features.{at}.{}", step.name);
            let built = self.judge(&path, step.build(known.catalog));
            schema = match (built, schema) {
                (Some(built), Some(schema)) => {
                    self.notes.extend(gone_by(step, built.as_ref(), &schema));
                    self.judge(&path, built.check(&schema).map_err(|e| e.in_step(&step.name)))
                }
                _ => None,
            };
        }
        schema
    }

    /// Builds the model and holds it against the columns; whether it learns without known answers.
    fn model(
        &mut self,
        known: &Known<'_>,
        path: &str,
        model: &EstimatorSpec,
        schema: Option<Schema>,
    ) -> bool {
        let built = self.judge(path, model.build(known.catalog));
        let unsupervised = built.as_ref().is_some_and(|b| b.unsupervised());
        let task =
            if unsupervised { Some(Task::Unsupervised) } else { known.table.and_then(task_of) };
        if let (Some(built), Some(schema), Some(task)) = (built, schema, task) {
            self.judge(
                path,
                built.check(&schema.features(), task).map_err(|e| e.in_step(&model.name)),
            );
            self.metrics_of(known.file, task);
        }
        unsupervised
    }

    /// Metrics must fit what the target asks for.
    fn metrics_of(&mut self, file: &PipelineFile, task: Task) {
        let listed = file.evaluate.metrics.iter().enumerate();
        let listed = listed.map(|(at, name)| (format!("evaluate.metrics.{at}"), name));
        let required = file.evaluate.require.keys();
        let required = required.map(|name| (format!("evaluate.require.{name}"), name));
        let promote = file.register.as_ref().and_then(|r| r.promote.as_ref());
        let decides = promote.and_then(|p| p.metric.as_ref()).into_iter();
        let decides = decides.map(|name| ("register.promote.metric".to_string(), name));
        let searched = searched(file).into_iter();
        for (path, name) in listed.chain(required).chain(decides).chain(searched) {
            if let Ok(metric) = Metric::named(name) {
                self.judge(&path, metric.check(task));
            }
        }
    }
}

/// What steps are held against.
struct Known<'a> {
    file: &'a PipelineFile,
    table: Option<&'a Table>,
    catalog: &'a Catalog,
}

/// The transforms with their places.
fn placed(features: &[TransformSpec]) -> Vec<(usize, &TransformSpec)> {
    features.iter().enumerate().collect()
}

/// The metrics that a search goes by, with their places.
fn searched(file: &PipelineFile) -> Vec<(String, &String)> {
    let (name, metric) = match &file.model {
        Some(ModelSection::Select(select)) => (SELECT, select.metric.as_ref()),
        Some(ModelSection::Auto(auto)) => (AUTO, auto.metric.as_ref()),
        _ => return Vec::new(),
    };
    let path = format!("model.{name}.metric");
    match metric {
        None => Vec::new(),
        Some(OneOrMore::One(name)) => vec![(path, name)],
        Some(OneOrMore::More(names)) => {
            names.iter().enumerate().map(|(at, name)| (format!("{path}.{at}"), name)).collect()
        }
    }
}

/// What the first rows of the sources come to, and the columns that the sources have.
struct Sample {
    table: Table,
    sources: Vec<Schema>,
}

/// Functions whose answers no run can repeat: the rows are other ones each time that they are read.
fn unrepeatable(functions: Vec<String>) -> Option<String> {
    let names: Vec<String> = functions.iter().map(|name| format!("`{name}()`")).collect();
    (!names.is_empty()).then(|| {
        format!(
            "`sql` calls {}, which gives another answer each time, so a run cannot be repeated; write \
             the value itself, or make the column where the data comes from",
            names.join(", ")
        )
    })
}

/// Which group of the split a step goes by without naming it. Its order is what the file says, or
/// the split's time, without which there is no default.
fn gone_by(step: &TransformSpec, built: &dyn Transform, schema: &Schema) -> Option<String> {
    let group = schema.with_role(Role::Group).filter(|_| built.goes_by().contains(&Role::Group))?;
    let (step, group) = (&step.name, &group.name);
    Some(format!(
        "`{step}` names no group and goes by `{group}`, the group of the split; write `group: []` to \
         let it look at all rows together"
    ))
}

/// Features that no source has: the query is not repeated when the model is asked.
fn computed(table: &Table, sources: &[Schema]) -> Option<String> {
    let names: Vec<String> = table
        .schema()
        .fields()
        .iter()
        .filter(|f| f.is_feature() && sources.iter().all(|s| s.find(&f.name).is_none()))
        .map(|f| format!("`{}`", f.name))
        .collect();
    (!names.is_empty()).then(|| {
        format!(
            "`sql` makes {}, which whoever asks the model must send; a column that follows from one \
             row alone is better a `derive` step, which the model repeats",
            names.join(", ")
        )
    })
}

/// The section without the columns that `schema` lacks, so that the steps can be judged all the same.
fn known_columns(section: &DataSection, schema: &Schema) -> DataSection {
    let known = |name: &str| schema.find(name).is_some();
    let mut section = section.clone();
    section.types.retain(|name, _| known(name));
    section.drop.retain(|name| known(name));
    section.target = section.target.filter(|t| known(t.column()));
    section.weight = section.weight.filter(|w| known(w));
    section.split = section.split.filter(|s| s.columns().iter().all(|(name, _)| known(name)));
    section
}

/// What the target column of a sample asks for; a sample may not show every class.
fn task_of(sample: &Table) -> Option<Task> {
    let field = sample.schema().with_role(Role::Target)?;
    let numeric = field.semantic == SemanticType::Numeric;
    Some(if numeric { Task::Regression } else { Task::Classification { classes: 2 } })
}
