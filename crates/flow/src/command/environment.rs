//! What a command finds in its environment.

use super::{Secret, Surroundings, TaskSpec};

/// The variable that tells the run.
pub(super) const RUN_ID: &str = "GRISTMILL_RUN_ID";
/// The variable that tells the task.
pub(super) const TASK: &str = "GRISTMILL_TASK";
/// The variable that tells the attempt.
pub(super) const ATTEMPT: &str = "GRISTMILL_ATTEMPT";
/// The variable that tells where facts may be written.
pub(super) const OUTPUT: &str = "GRISTMILL_OUTPUT";

/// The variable by which a run's warden knows its processes.
pub(super) const WARDEN: &str = "GRISTMILL_WARDEN";

/// Variables that are always ours.
pub(super) const OURS: [&str; 5] = [RUN_ID, TASK, ATTEMPT, OUTPUT, WARDEN];

/// By these, numerical libraries are told how many threads to use.
const THREADS: [&str; 7] = [
    "GRISTMILL_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "RAYON_NUM_THREADS",
    "POLARS_MAX_THREADS",
];

/// A variable's value: known to all, or a secret.
#[derive(Debug)]
pub(super) enum Content {
    Text(String),
    Secret(Secret),
}

impl Content {
    pub(super) fn reveal(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Secret(secret) => secret.reveal(),
        }
    }
}

/// The variables that every command is given besides the user's own.
pub(super) fn standard(
    spec: &TaskSpec,
    surroundings: &Surroundings,
    task: &str,
    attempt: u32,
) -> Vec<(&'static str, String)> {
    let threads = THREADS
        .into_iter()
        .filter(|name| std::env::var_os(name).is_none() && !spec.env.contains_key(*name))
        .map(|name| (name, spec.cpu.to_string()));
    let mut variables = vec![
        (RUN_ID, surroundings.run_id.clone()),
        (TASK, task.to_owned()),
        (ATTEMPT, attempt.to_string()),
    ];
    variables.extend(threads);
    variables
}
