//! `gristmill`: the command line.
//!
//! One file in `commands/` for each command. Results go to stdout, talk and progress to stderr.
//! Exit code 0; 1 when the user can mend it; 2 when it is our fault; 3 when a gate refused the model.

mod commands;
mod context;
mod graph;
mod keeping;
mod listen;
mod lookout;
mod operation;
mod progress;
mod show;
mod signals;
mod trials;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use context::{Context, Global};
use gristmill::{Error, Kind};
use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// From raw data to a registered model by one file.
#[derive(Debug, Parser)]
#[command(name = "gristmill", version, max_term_width = 100)]
#[command(about = "From raw data to a registered model by one file and one binary")]
struct Arguments {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(commands::init::Arguments),
    Check(commands::check::Arguments),
    Plan(commands::plan::Arguments),
    Run(commands::run::Arguments),
    Task(commands::task::Arguments),
    Runs(commands::runs::Arguments),
    Models(commands::models::Arguments),
    Predict(commands::predict::Arguments),
    Drift(commands::drift::Arguments),
    Report(commands::report::Arguments),
    Export(commands::export::Arguments),
    Import(commands::import::Arguments),
    Why(commands::why::Arguments),
    Deploy(commands::deploy::Arguments),
    Undeploy(commands::deploy::UndeployArguments),
    Deployments(commands::deploy::ListArguments),
    Serve(commands::serve::Arguments),
    Up(commands::up::Arguments),
    Backfill(commands::backfill::Arguments),
    Replay(commands::replay::Arguments),
    Events(commands::events::Arguments),
    Predictions(commands::predictions::Arguments),
    Sql(commands::sql::Arguments),
    Labels(commands::labels::Arguments),
    Tasks(commands::tasks::Arguments),
    Token(commands::token::Arguments),
    #[command(hide = true)]
    Warden(commands::warden::Arguments),
    #[command(hide = true)]
    Weigh(commands::weigh::Arguments),
    Gc(commands::gc::Arguments),
    Backup(commands::backup::Arguments),
    Restore(commands::backup::RestoreArguments),
    Send(commands::send::Arguments),
    Schema(commands::schema::Arguments),
    Completions(commands::completions::Arguments),
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(usage) => return usage_mistake(&usage),
    };
    let context = Context::new(&arguments.global);
    match run(arguments, &context) {
        Ok(code) => code,
        Err(error) => report(&error, &context),
    }
}

fn run(arguments: Arguments, context: &Context) -> anyhow::Result<ExitCode> {
    context.limit_threads(arguments.global.threads)?;
    context.limit_memory(arguments.global.memory);
    match arguments.command {
        Command::Init(a) => commands::init::run(&a, context),
        Command::Check(a) => return commands::check::run(&a, context),
        Command::Plan(a) => commands::plan::run(&a, context),
        Command::Run(a) => return commands::run::run(&a, context),
        Command::Task(a) => return commands::task::run(&a, context),
        Command::Runs(a) => commands::runs::run(&a, context),
        Command::Models(a) => commands::models::run(&a, context),
        Command::Predict(a) => commands::predict::run(&a, context),
        Command::Drift(a) => return commands::drift::run(&a, context),
        Command::Report(a) => commands::report::run(&a, context),
        Command::Export(a) => commands::export::run(&a, context),
        Command::Import(a) => return commands::import::run(&a, context),
        Command::Why(a) => commands::why::run(&a, context),
        Command::Deploy(a) => commands::deploy::run(&a, context),
        Command::Undeploy(a) => commands::deploy::undeploy(&a, context),
        Command::Deployments(a) => commands::deploy::list(&a, context),
        Command::Serve(a) => commands::serve::run(&a, context),
        Command::Up(a) => commands::up::run(&a, context),
        Command::Backfill(a) => commands::backfill::run(&a, context),
        Command::Replay(a) => commands::replay::run(&a, context),
        Command::Events(a) => commands::events::run(&a, context),
        Command::Predictions(a) => commands::predictions::run(&a, context),
        Command::Sql(a) => commands::sql::run(&a, context),
        Command::Labels(a) => commands::labels::run(&a, context),
        Command::Tasks(a) => commands::tasks::run(&a, context),
        Command::Token(a) => commands::token::run(&a, context),
        Command::Warden(a) => commands::warden::run(&a),
        Command::Weigh(a) => commands::weigh::run(&a),
        Command::Backup(a) => return commands::backup::run(&a, context),
        Command::Restore(a) => commands::backup::restore(&a, context),
        Command::Gc(a) => commands::gc::run(&a, context),
        Command::Send(a) => return commands::send::run(&a, context),
        Command::Schema(a) => commands::schema::run(&a, context),
        Command::Completions(a) => commands::completions::run(&a, context),
    }
    .map(|()| ExitCode::SUCCESS)
}

/// The grammar of the command line, for completions.
fn grammar() -> clap::Command {
    <Arguments as clap::CommandFactory>::command()
}

/// Usage mistakes are the user's to mend; help and version are no mistakes.
fn usage_mistake(usage: &clap::Error) -> ExitCode {
    if usage.use_stderr() && std::env::args_os().any(|argument| argument == "--json") {
        let text = usage.render().to_string();
        let first = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
        let error = Error::input(first).with_hint("`gristmill --help` lists commands and options");
        println!("{:#}", serde_json::json!({"status": "failed", "error": error}));
        return ExitCode::from(1);
    }
    // A closed pipe is no reason to complain about a message that nobody reads.
    let _ = usage.print();
    ExitCode::from(u8::from(usage.use_stderr()))
}

fn report(error: &anyhow::Error, context: &Context) -> ExitCode {
    if is_closed_pipe(error) {
        return ExitCode::SUCCESS;
    }
    if let Some(Told(kind)) = error.downcast_ref::<Told>() {
        return ExitCode::from(kind.exit_code());
    }
    let error = match error.downcast_ref::<Error>() {
        Some(known) => known.clone(),
        None => match error.downcast_ref::<std::io::Error>() {
            Some(_) => Error::input(format!("{error:#}")),
            None => Error::bug(format!("{error:#}")),
        },
    };
    if context.json {
        let failed = serde_json::json!({"status": "failed", "error": error});
        println!("{failed:#}");
    } else {
        eprintln!("{error}");
    }
    ExitCode::from(error.kind.exit_code())
}

/// An error that the result of the command has told already.
#[derive(Debug)]
struct Told(Kind);

impl std::fmt::Display for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("told already")
    }
}

impl std::error::Error for Told {}

/// Whether a reader such as `head` went away, which ends a command without a word.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<std::io::Error>()
        .is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe)
}

/// What a refused model looks like to the caller of `run`.
fn refused(message: String) -> Error {
    Error::new(Kind::Refused, message)
}
