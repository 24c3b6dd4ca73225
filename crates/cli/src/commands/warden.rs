//! `gristmill warden`: ends the commands of a run whose process is killed. A run starts one for
//! itself; it is of no use to people.

use clap::Args;

/// End the commands of a run whose process is killed
#[derive(Debug, Args)]
pub struct Arguments {}

pub fn run(_: &Arguments) -> anyhow::Result<()> {
    Ok(gristmill::flow::warden_main()?)
}
