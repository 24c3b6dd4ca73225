//! Tasks whose needs are known and form no circle.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use super::alone::Alone;
use super::board::dependents;
use super::{Capacity, Digest, Earlier, FileDigests, Journal, KeyParts, Previous, Task, TaskError};
use crate::nearest::{list, nearest};

/// The first part of paths in conditions that ask how a task ended.
pub(super) const STATUS: &str = "status";

/// Why tasks form no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// Two tasks share a name.
    #[error("task `{name}` stands twice")]
    Duplicate {
        /// The shared name.
        name: String,
    },
    /// A task needs one that does not exist.
    #[error("task `{task}` needs `{need}`, which does not exist")]
    UnknownNeed {
        /// The task.
        task: String,
        /// What it needs.
        need: String,
        /// The names that exist.
        known: Vec<String>,
    },
    /// A condition names something that no task is or gives.
    #[error("the condition of task `{task}` names `{name}`, which does not exist")]
    UnknownName {
        /// The task with the condition.
        task: String,
        /// What it names.
        name: String,
        /// The names that exist.
        known: Vec<String>,
    },
    /// Tasks need each other in a circle.
    #[error("tasks need each other in a circle: {}", circle.join(" -> "))]
    Cycle {
        /// The tasks, each needing the next; the first stands again at the end.
        circle: Vec<String>,
    },
}

impl PlanError {
    /// The task to point at.
    pub fn task(&self) -> &str {
        match self {
            Self::Duplicate { name } => name,
            Self::UnknownNeed { task, .. } | Self::UnknownName { task, .. } => task,
            Self::Cycle { circle } => circle.first().map_or("", String::as_str),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Duplicate { .. } => "give one of them another name".into(),
            Self::UnknownNeed { need, known, .. } | Self::UnknownName { name: need, known, .. } => {
                match nearest(need, known.iter().map(String::as_str)) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None if known.is_empty() => "remove it; there is no other task".into(),
                    None => format!("known are {}", list(known.iter().map(String::as_str), "and")),
                }
            }
            Self::Cycle { .. } => "remove one of these needs".into(),
        }
    }
}

/// Tasks in an order in which each comes after those that it needs.
///
/// Tasks that do not depend on each other keep the order in which they were given.
///
/// ```
/// # use std::sync::Arc;
/// # use gristmill_flow::*;
/// # use serde_json::{Value, json};
/// struct Double(Vec<String>);
///
/// impl Task for Double {
///     fn name(&self) -> &str { "double" }
///     fn needs(&self) -> &[String] { &self.0 }
///     fn version(&self) -> String { "1".into() }
///     fn parameters(&self) -> Value { json!({"number": 21}) }
///     fn run(&self, _: &Inputs<'_>, _: &TaskContext<'_>) -> Result<Output, TaskError> {
///         Ok(Output::facts(json!({"answer": 42})))
///     }
/// }
///
/// let folder = tempfile::tempdir()?;
/// let cache = Cache::open(folder.path(), Arc::new(|| 0))?;
/// let plan = Plan::new(vec![Box::new(Double(vec![]))]).unwrap();
/// let first = plan.run(&cache, &(), &Cancel::new());
/// let again = plan.run(&cache, &(), &Cancel::new());
/// assert_eq!(first.tasks[0].facts["answer"], 42);
/// assert_eq!((first.tasks[0].cached, again.tasks[0].cached), (false, true));
/// # Ok::<(), CacheError>(())
/// ```
pub struct Plan {
    pub(super) tasks: Vec<Arc<dyn Task>>,
    /// The positions of the tasks that each task needs.
    pub(super) needs: Vec<Vec<usize>>,
    /// By the position of a task with a condition, the positions of the tasks that it names.
    pub(super) named: HashMap<usize, HashMap<String, usize>>,
    pub(super) previous: Previous,
    pub(super) capacity: Capacity,
    pub(super) journal: Option<Arc<dyn Journal>>,
    pub(super) earlier: HashMap<String, Earlier>,
    pub(super) alone: Option<Alone>,
}

impl Plan {
    /// The plan of these tasks.
    ///
    /// # Errors
    /// All names that stand twice, all needs that do not exist, and one circle.
    pub fn new(tasks: Vec<Box<dyn Task>>) -> Result<Self, Vec<PlanError>> {
        let mut errors = Vec::new();
        let mut positions = HashMap::new();
        for (i, task) in tasks.iter().enumerate() {
            if positions.insert(task.name(), i).is_some() {
                errors.push(PlanError::Duplicate { name: task.name().to_owned() });
            }
        }
        let mut needs = Vec::with_capacity(tasks.len());
        for task in &tasks {
            let (mut found, mut seen) = (Vec::new(), HashSet::new());
            for need in task.needs() {
                match positions.get(need.as_str()) {
                    Some(i) if seen.insert(*i) => found.push(*i),
                    Some(_) => {}
                    None => errors.push(unknown_need(task.name(), need, &tasks)),
                }
            }
            needs.push(found);
        }
        let named = named(&tasks, &positions, &mut errors);
        let order = order(&waits(&needs, &named)).map_err(|circle| PlanError::Cycle {
            circle: circle.into_iter().map(|i| name(&tasks, i)).collect(),
        });
        match order {
            Ok(order) if errors.is_empty() => Ok(Self::arranged(tasks, &needs, &named, &order)),
            Ok(_) => Err(errors),
            Err(cycle) => {
                errors.push(cycle);
                Err(errors)
            }
        }
    }

    fn arranged(
        tasks: Vec<Box<dyn Task>>,
        needs: &[Vec<usize>],
        named: &HashMap<usize, HashMap<String, usize>>,
        order: &[usize],
    ) -> Self {
        let mut places = vec![0; tasks.len()];
        for (place, &i) in order.iter().enumerate() {
            if let Some(slot) = places.get_mut(i) {
                *slot = place;
            }
        }
        let placed = |i: &usize| places.get(*i).copied().unwrap_or_default();
        let mut arranged: Vec<(usize, Arc<dyn Task>, Vec<usize>)> = tasks
            .into_iter()
            .zip(needs)
            .zip(&places)
            .map(|((task, needs), place)| {
                (*place, Arc::from(task), needs.iter().map(placed).collect())
            })
            .collect();
        arranged.sort_by_key(|(place, _, _)| *place);
        let (tasks, needs) = arranged.into_iter().map(|(_, task, needs)| (task, needs)).unzip();
        let named = named.iter().map(|(task, names)| {
            let names = names.iter().map(|(name, named)| (name.clone(), placed(named)));
            (placed(task), names.collect())
        });
        Self {
            tasks,
            needs,
            named: named.collect(),
            previous: Previous::default(),
            capacity: Capacity::cores(1),
            journal: None,
            earlier: HashMap::new(),
            alone: None,
        }
    }

    /// For each task the positions of those that it waits for: those that it needs, and those
    /// that its condition names.
    pub(super) fn waits(&self) -> Vec<Vec<usize>> {
        waits(&self.needs, &self.named)
    }

    /// The same plan with what the keys of the last run were made of, by task, so that reasons
    /// can name what changed since.
    #[must_use]
    pub fn with_previous(self, previous: Previous) -> Self {
        Self { previous, ..self }
    }

    /// The same plan on a machine that has this much for its tasks; one core without a word.
    /// Which result a task gives does not depend on it.
    #[must_use]
    pub fn with_capacity(self, capacity: Capacity) -> Self {
        Self { capacity, ..self }
    }

    /// The same plan, whose outcomes are written down as they come.
    #[must_use]
    pub fn with_journal(self, journal: Arc<dyn Journal>) -> Self {
        Self { journal: Some(journal), ..self }
    }

    /// The same plan, to go on where an earlier process of the run was cut short: a task whose
    /// result was written down is not done again, as long as it would be given the same.
    #[must_use]
    pub fn with_earlier(self, earlier: HashMap<String, Earlier>) -> Self {
        Self { earlier, ..self }
    }

    /// The tasks in the order in which they run.
    pub fn tasks(&self) -> impl Iterator<Item = &dyn Task> {
        self.tasks.iter().map(Arc::as_ref)
    }

    /// The key of a task whose needs gave `outputs`.
    pub(super) fn key_parts(
        &self,
        task: &dyn Task,
        outputs: BTreeMap<String, Digest>,
        files: &FileDigests,
    ) -> Result<KeyParts, TaskError> {
        let inputs = task.inputs(files)?.into_iter().map(|input| (input.name, input.digest));
        Ok(KeyParts {
            kind: task.kind().to_owned(),
            version: task.version(),
            parameters: task.parameters(),
            needs: outputs,
            inputs: inputs.collect(),
        })
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.tasks.iter().map(|task| task.name())).finish()
    }
}

fn waits(needs: &[Vec<usize>], named: &HashMap<usize, HashMap<String, usize>>) -> Vec<Vec<usize>> {
    let mut waits = needs.to_vec();
    for (task, names) in named {
        if let Some(waits) = waits.get_mut(*task) {
            waits.extend(names.values());
            waits.sort_unstable();
            waits.dedup();
        }
    }
    waits
}

/// By the position of a task with a condition, what it names: tasks, and fields of tasks.
fn named(
    tasks: &[Box<dyn Task>],
    positions: &HashMap<&str, usize>,
    errors: &mut Vec<PlanError>,
) -> HashMap<usize, HashMap<String, usize>> {
    let fields = tasks
        .iter()
        .enumerate()
        .flat_map(|(i, task)| task.common_fields().iter().map(move |field| (*field, i)));
    let mut known: HashMap<&str, usize> = fields.collect();
    known.extend(positions);
    let mut named = HashMap::new();
    for (i, task) in tasks.iter().enumerate() {
        let Some(condition) = task.when() else { continue };
        let names = condition.names().into_iter().filter(|name| *name != STATUS);
        let mut found = HashMap::new();
        for name in names.chain(condition.statuses()) {
            match known.get(name) {
                Some(position) => drop(found.insert(name.to_owned(), *position)),
                None => errors.push(PlanError::UnknownName {
                    task: task.name().to_owned(),
                    name: name.to_owned(),
                    known: known
                        .keys()
                        .copied()
                        .filter(|k| *k != task.name())
                        .map(Into::into)
                        .collect(),
                }),
            }
        }
        named.insert(i, found);
    }
    named
}

fn unknown_need(task: &str, need: &str, tasks: &[Box<dyn Task>]) -> PlanError {
    let mut known: Vec<String> = Vec::new();
    for name in tasks.iter().map(|t| t.name()).filter(|name| *name != task) {
        if known.iter().all(|k| k != name) {
            known.push(name.to_owned());
        }
    }
    PlanError::UnknownNeed { task: task.to_owned(), need: need.to_owned(), known }
}

fn name(tasks: &[Box<dyn Task>], i: usize) -> String {
    tasks.get(i).map(|task| task.name().to_owned()).unwrap_or_default()
}

/// An order in which everything comes after its needs, the earliest possible first; otherwise a
/// circle, its first member again at the end.
fn order(needs: &[Vec<usize>]) -> Result<Vec<usize>, Vec<usize>> {
    let mut open_needs: Vec<usize> = needs.iter().map(Vec::len).collect();
    let dependents = dependents(needs);
    let first = (0..needs.len()).filter(|i| open_needs.get(*i) == Some(&0));
    let mut ready: BinaryHeap<Reverse<usize>> = first.map(Reverse).collect();
    let mut placed = vec![false; needs.len()];
    let mut order = Vec::with_capacity(needs.len());
    while let Some(Reverse(next)) = ready.pop() {
        order.push(next);
        if let Some(slot) = placed.get_mut(next) {
            *slot = true;
        }
        for &dependent in dependents.get(next).into_iter().flatten() {
            if let Some(open) = open_needs.get_mut(dependent) {
                *open -= 1;
                if *open == 0 {
                    ready.push(Reverse(dependent));
                }
            }
        }
    }
    if order.len() < needs.len() { Err(circle(needs, &placed)) } else { Ok(order) }
}

/// Follows unplaced needs until one comes again; each unplaced task has one.
fn circle(needs: &[Vec<usize>], placed: &[bool]) -> Vec<usize> {
    let open = |i: &usize| placed.get(*i) == Some(&false);
    let mut path: Vec<usize> = Vec::new();
    let mut next = (0..needs.len()).find(open);
    while let Some(i) = next {
        if let Some(start) = path.iter().position(|p| *p == i) {
            path.push(i);
            return path.split_off(start);
        }
        path.push(i);
        next = needs.get(i).and_then(|needs| needs.iter().copied().find(|n| open(n)));
    }
    path
}
