//! Real commands as tasks.

mod bench;
mod endings;
mod output;
mod results;
mod spread;
#[cfg(target_os = "linux")]
mod warden;
