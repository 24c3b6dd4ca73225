//! The tasks of a run: those of the plan, and those that came in while it ran.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Fault, Plan, Task, TaskError};

/// Every task of a run by its position.
pub(super) struct Roster(Mutex<Members>);

struct Members {
    list: Vec<Member>,
    names: HashSet<String>,
}

/// A task of a run, and how far it came.
#[derive(Clone)]
pub(super) struct Member {
    pub(super) task: Arc<dyn Task>,
    /// The positions of the tasks that it needs.
    pub(super) needs: Arc<[usize]>,
    /// The position of the task of the plan that it is, or is a part of.
    pub(super) root: usize,
    /// The task that was spread out into it and others.
    pub(super) within: Option<Arc<dyn Task>>,
    /// The positions of its parts, once it was spread out.
    pub(super) parts: Option<Range<usize>>,
    /// How often it was begun, in earlier processes of the run too.
    pub(super) attempts: u32,
    /// How often it failed.
    pub(super) failures: u32,
    /// When it first began, in microseconds since 1970.
    pub(super) began: Option<i64>,
    /// For how long it was at work.
    pub(super) spent_micros: i64,
}

impl Roster {
    pub(super) fn new(plan: &Plan) -> Self {
        let tasks = plan.tasks.iter().zip(&plan.needs).enumerate();
        let list = tasks.map(|(root, (task, needs))| {
            Member::new(plan, Arc::clone(task), needs.as_slice().into(), root)
        });
        let names = plan.tasks.iter().map(|task| task.name().to_owned()).collect();
        Self(Mutex::new(Members { list: list.collect(), names }))
    }

    pub(super) fn get(&self, position: usize) -> Option<Member> {
        self.lock().list.get(position).cloned()
    }

    /// Changes what is known of a task.
    pub(super) fn update(&self, position: usize, change: impl FnOnce(&mut Member)) {
        if let Some(member) = self.lock().list.get_mut(position) {
            change(member);
        }
    }

    /// Adds the parts of the task at `position`. `place` says at which positions they are; nobody
    /// can ask for them before they stand here.
    ///
    /// # Errors
    /// When two tasks of the run would have one name.
    pub(super) fn extend(
        &self,
        plan: &Plan,
        position: usize,
        parts: &[Arc<dyn Task>],
        place: impl FnOnce() -> Range<usize>,
    ) -> Result<(), TaskError> {
        let mut members = self.lock();
        for part in parts {
            if !members.names.insert(part.name().to_owned()) {
                let message =
                    format!("it is spread out into `{}`, which stands twice", part.name());
                return Err(TaskError::new(Fault::Input, message)
                    .with_hint("let every part have a name of its own"));
            }
        }
        let Some(whole) = members.list.get(position).cloned() else { return Ok(()) };
        let added = place();
        for part in parts {
            let needs = members.needs_of(part.as_ref(), &whole);
            let part = Member::new(plan, Arc::clone(part), needs, whole.root);
            members.list.push(Member { within: Some(Arc::clone(&whole.task)), ..part });
        }
        if let Some(whole) = members.list.get_mut(position) {
            whole.parts = Some(added);
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Members> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Members {
    /// What a part needs of that which the whole needs: its result depends on nothing else, so
    /// that one item more in the list that a task gave leaves the other parts as they are.
    fn needs_of(&self, part: &dyn Task, whole: &Member) -> Arc<[usize]> {
        let needed = |position: &usize| {
            let need = self.list.get(*position).map(|member| member.task.name());
            need.is_some_and(|name| part.needs().iter().any(|need| need == name))
        };
        whole.needs.iter().copied().filter(needed).collect()
    }
}

impl Member {
    fn new(plan: &Plan, task: Arc<dyn Task>, needs: Arc<[usize]>, root: usize) -> Self {
        let earlier = plan.earlier.get(task.name());
        let (attempts, failures) = earlier.map_or((0, 0), |e| (e.attempts, e.failures));
        Self {
            task,
            needs,
            root,
            within: None,
            parts: None,
            attempts,
            failures,
            began: None,
            spent_micros: 0,
        }
    }

    /// The positions of all whose results it is given: what it needs, and its own parts.
    pub(super) fn sources(&self) -> Vec<usize> {
        self.needs.iter().copied().chain(self.parts.clone().into_iter().flatten()).collect()
    }
}
