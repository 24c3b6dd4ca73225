//! How the tasks of a run stand by its journal, and by what follows from it.

use std::collections::HashMap;

use gristmill_flow::{Plan, TaskStatus as Outcome};
use gristmill_track::{TaskRecord, TaskStatus};

/// How a task stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nobody has begun it.
    Open,
    /// A process has begun it and did not end it yet.
    Begun,
    /// It is done with, and why it did not run if it did not.
    Settled(Outcome, Option<String>),
}

/// How each task of the plan stands.
///
/// Who runs a DAG does not call tasks behind one that failed or was skipped. Those are skipped as
/// they would be in a run of ours, unless their own condition asks how a task ended.
pub(super) fn standings<'a>(plan: &'a Plan, records: &[TaskRecord]) -> HashMap<&'a str, Standing> {
    let recorded: HashMap<&str, &TaskRecord> =
        records.iter().map(|record| (record.name.as_str(), record)).collect();
    let mut standings: HashMap<&str, Standing> = HashMap::new();
    for task in plan.tasks() {
        let mut standing = recorded.get(task.name()).map_or(Standing::Open, |r| stands(r));
        let by_status = task.when().is_some_and(|when| !when.statuses().is_empty());
        if standing == Standing::Open && !by_status {
            let needs =
                task.needs().iter().filter_map(|need| Some((need, standings.get(need.as_str())?)));
            let mut without = needs.filter_map(|(need, standing)| match standing {
                Standing::Settled(Outcome::Succeeded, _) | Standing::Open | Standing::Begun => None,
                Standing::Settled(outcome, _) => Some(format!("`{need}` {}", was(*outcome))),
            });
            if let Some(why) = without.next() {
                standing = Standing::Settled(Outcome::Skipped, Some(why));
            }
        }
        standings.insert(task.name(), standing);
    }
    standings
}

fn stands(record: &TaskRecord) -> Standing {
    let outcome = match record.status {
        TaskStatus::Pending => return Standing::Open,
        TaskStatus::Running => return Standing::Begun,
        TaskStatus::Succeeded => Outcome::Succeeded,
        TaskStatus::Skipped => Outcome::Skipped,
        TaskStatus::Cancelled => Outcome::Cancelled,
        _ => Outcome::Failed,
    };
    Standing::Settled(outcome, record.reason.clone())
}

fn was(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Succeeded => "gave no result",
        Outcome::Failed => "failed",
        Outcome::Skipped => "was skipped",
        Outcome::Cancelled => "was stopped",
    }
}
