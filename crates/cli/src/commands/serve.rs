//! `gristmill serve MODEL...`: answers of models over HTTP, and nothing else.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use gristmill::SystemClock;
use gristmill::serve::{Counter, Witness};
use gristmill::up::Premises;
use gristmill_server::{Server, Serves, Settings};
use serde_json::json;

use crate::context::Context;
use crate::keeping::Keeping;
use crate::listen::{self, Listen};
use crate::lookout::{self, Watching};
use crate::operation::Operation;
use crate::signals;

/// How often it is looked whether it is to end.
const PATIENCE: Duration = Duration::from_millis(50);

/// Answer requests by models over HTTP, until Ctrl-C
///
/// Speaks the Open Inference Protocol (/v2/models/NAME/infer), MLflow's scoring protocol (/invocations
/// with one model, else /models/NAME/invocations) and TensorFlow Serving's (/v1/models/NAME:predict). A
/// model that is named by its name or by an alias follows the registry when that moves.
#[derive(Debug, Args)]
pub struct Arguments {
    /// `name`, `name@alias`, `name/version`, or the path of a package
    #[arg(required = true)]
    models: Vec<String>,
    /// The port to listen on; 0 takes one that is free
    #[arg(long, short = 'p', default_value_t = 8080)]
    port: u16,
    #[command(flatten)]
    keeping: Keeping,
    #[command(flatten)]
    watching: Watching,
    #[command(flatten)]
    listen: Listen,
    #[command(flatten)]
    operation: Operation,
}

pub fn run(arguments: &Arguments, context: &Context) -> anyhow::Result<()> {
    let cancel = signals::cancel_on_interrupt()?;
    let (limits, tell) = (arguments.keeping.limits(), listen::tell_serving(context));
    let counter = Counter::of(&context.home, &arguments.models, limits, tell)?;
    let watching = arguments.watching.settings();
    if let Some(log) = &watching.log {
        log.check(&counter.fleet())?;
    }
    let lookout = lookout::start(watching, &context.home, listen::tell_serving(context))?;
    let premises = Premises::open(&context.home)?;
    let settings = Settings {
        host: arguments.listen.host.clone(),
        port: arguments.port,
        access: arguments.listen.access(&context.home)?,
        allowed_hosts: arguments.listen.allowed_hosts.clone(),
        fleet: counter.fleet(),
        witness: Some(Arc::clone(&lookout) as Arc<dyn Witness>),
        serves: Serves::Models,
        ..Settings::new(premises.store(), premises.artifacts(), Arc::new(SystemClock))
    };
    let settings = arguments.operation.of(settings)?;
    let server = listen::started(Server::start(settings))?;
    let url = format!("http://{}", server.address());
    let listening = match context.json {
        true => json!({"event": "listening", "url": url}).to_string(),
        false => format!("listening on {url}"),
    };
    // Whoever closed the pipe does not want to know; the models go on.
    let _ = listen::say(&listening);
    while !cancel.is_cancelled() {
        std::thread::sleep(PATIENCE);
    }
    server.stop();
    lookout.close();
    Ok(())
}
