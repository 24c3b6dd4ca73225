//! Real commands as tasks.

mod bench;
mod cost;
mod endings;
mod output;
mod results;
mod settings;
mod spread;
#[cfg(target_os = "linux")]
mod warden;
