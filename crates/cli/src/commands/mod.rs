//! One file for each command.

pub mod backfill;
pub mod backup;
pub mod check;
pub mod completions;
pub mod deploy;
pub mod events;
pub mod export;
pub mod gc;
pub mod import;
pub mod init;
pub mod models;
pub mod plan;
pub mod predict;
pub mod report;
pub mod run;
pub mod runs;
pub mod schema;
pub mod send;
pub mod serve;
pub mod task;
pub mod tasks;
pub mod token;
pub mod up;
pub mod warden;
pub mod weigh;
pub mod why;
