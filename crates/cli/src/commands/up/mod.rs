//! `gristmill up`: runs what is deployed when its time has come, and answers over HTTP.

mod flags;
mod loops;
mod secret_key;

use std::io::Write;
use std::num::NonZeroUsize;
use std::sync::Arc;

use clap::Args;
use gristmill::serve::{Counter, Witness};
use gristmill::up::{Premises, UpEvent, UpOptions, up};
use gristmill::{Home, SystemClock};
use gristmill_server::{
    Cards, HookAnswer, Hooks, Monitors, Notices, Reach, Server, Settings, WebhookSettings,
};
use serde_json::{Value, json};

use crate::context::{Context, bytes};
use crate::keeping::Keeping;
use crate::listen::{self, Listen};
use crate::lookout::{self, Watching};
use crate::operation::Operation;
use crate::signals;

/// Run what is deployed when its time has come and answer over HTTP, until Ctrl-C
///
/// Clients of MLflow find what they need at the address that it prints: set MLFLOW_TRACKING_URI to it.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The port to listen on; 0 takes one that is free
    #[arg(long, short = 'p', default_value_t = 5000)]
    port: u16,
    /// How many runs may be at work at once
    #[arg(long, value_name = "N", default_value = "2")]
    runs: NonZeroUsize,
    /// How much memory models may take that are loaded, such as 2GB: when another is asked for, those go
    /// that were asked for longest ago [default: all that are asked for stay]
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    model_memory: Option<u64>,
    #[command(flatten)]
    keeping: Keeping,
    #[command(flatten)]
    watching: Watching,
    /// Tell webhooks at addresses of this machine and its network too, and without TLS
    #[arg(long)]
    private_webhooks: bool,
    #[command(flatten)]
    listen: Listen,
    #[command(flatten)]
    operation: Operation,
    #[command(flatten)]
    of_mlflow: flags::OfMlflow,
}

pub fn run(arguments: &Arguments, context: &Context) -> anyhow::Result<()> {
    let home = arguments.of_mlflow.home(&context.home)?;
    let options = UpOptions {
        runs: arguments.runs.get(),
        launch: context.launch()?,
        cancel: signals::cancel_on_interrupt()?,
    };
    let counter = Counter::of_all(
        &home,
        arguments.model_memory,
        arguments.keeping.limits(),
        listen::tell_serving(context),
    )?;
    // It outlives the server, whose threads may not end what it stands on.
    let premises = Arc::new(Premises::open(&home)?);
    let watching = arguments.watching.settings();
    if let Some(log) = &watching.log {
        log.check_rate()?;
    }
    let lookout = lookout::start(watching, &home, listen::tell_serving(context))?;
    let witness = Some(Arc::clone(&lookout) as Arc<dyn Witness>);
    let door = Arc::new(Door { premises: Arc::clone(&premises), said: loops::Said::new(context) });
    let server = serve(arguments, &home, &door, &counter, witness)?;
    let tell = |event: &UpEvent| tell(event, context);
    tell(&UpEvent::Listening { url: format!("http://{}", server.address()) });
    let ended = up(&home, &options, &SystemClock, &tell);
    server.stop();
    lookout.close();
    Ok(ended?)
}

fn serve(
    arguments: &Arguments,
    home: &Home,
    door: &Arc<Door>,
    counter: &Counter,
    witness: Option<Arc<dyn Witness>>,
) -> anyhow::Result<Server> {
    let settings = Settings {
        host: arguments.listen.host.clone(),
        port: arguments.port,
        access: arguments.listen.access(home)?,
        allowed_hosts: arguments.listen.allowed_hosts.clone(),
        fleet: counter.fleet(),
        witness,
        webhooks: WebhookSettings { reach: arguments.reach(), ..WebhookSettings::default() },
        hooks: Some(Arc::clone(door) as Arc<dyn Hooks>),
        cards: Some(Arc::clone(door) as Arc<dyn Cards>),
        monitors: Some(Arc::clone(door) as Arc<dyn Monitors>),
        notices: Some(Arc::clone(door) as Arc<dyn Notices>),
        seal_key: Some(secret_key::secret_key(home)?),
        scratch: home.root().join("artifacts").join("tmp"),
        ..Settings::new(door.premises.store(), door.premises.artifacts(), Arc::new(SystemClock))
    };
    listen::started(Server::start(arguments.operation.of(settings)?))
}

impl Arguments {
    /// Which addresses webhooks may have.
    fn reach(&self) -> Reach {
        if self.private_webhooks { Reach::Anywhere } else { Reach::Public }
    }
}

/// Takes webhooks in for the pipelines that wait for them, makes model cards, and knows the loops of models.
struct Door {
    premises: Arc<Premises>,
    said: loops::Said,
}

impl Hooks for Door {
    fn receive(&self, name: &str, payload: Value) -> HookAnswer {
        match self.premises.raise(name, payload, &SystemClock) {
            Ok(Some(call)) => {
                HookAnswer::new(202, json!({"signal": call.signal, "pipelines": call.pipelines}))
            }
            Ok(None) => {
                let message = format!("no deployed pipeline has the trigger `webhook: {name}`");
                HookAnswer::refuse(404, &message)
            }
            Err(error) => HookAnswer::refuse(503, &error.message),
        }
    }
}

impl Cards for Door {
    fn card(&self, model: &str, version: u32) -> Result<String, String> {
        self.premises.card(model, version).map_err(|error| error.message)
    }
}

/// Where it listens is its result; with `--json` everything is, one object a line.
fn tell(event: &UpEvent, context: &Context) {
    let line = match (context.json, event) {
        (true, _) => serde_json::to_string(event).unwrap_or_default(),
        (false, UpEvent::Listening { .. }) => event.to_string(),
        (false, _) => return context.say(&event.to_string()),
    };
    let mut out = std::io::stdout().lock();
    // Whoever closed the pipe does not want to know; the runs go on.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
