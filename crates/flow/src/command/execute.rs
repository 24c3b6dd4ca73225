//! One attempt at a command, from its templates to its outputs.

use std::io;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::capture::Capture;
use super::check::{RunText, VariableText, bad_output};
use super::environment::{Content, OUTPUT, standard};
use super::facts::FactsFile;
use super::log::LogWriter;
use super::oom::Before;
use super::process::{self, Order};
use super::shell::{quoted, script};
use super::task::fill_all;
use super::template::Scope;
use super::{CommandTask, Secret, TimeSpan, ending, outputs};
use crate::{Fault, Inputs, Output, TaskContext, TaskError};

/// Runs a command and keeps what it made.
///
/// # Errors
/// When its templates or secrets lack something, when it does not end well, and when it does not
/// give what it declares.
pub(super) fn execute(
    task: &CommandTask,
    inputs: &Inputs<'_>,
    context: &TaskContext<'_>,
) -> Result<Output, TaskError> {
    let scope = task.scope(inputs)?;
    let place = task.surroundings.place(task.spec.folder.as_deref())?;
    if !place.is_dir() {
        let message = format!("its working folder `{}` is not there", place.display());
        return Err(TaskError::new(Fault::Input, message));
    }
    let outputs = fill_all(&task.texts.outputs, &scope)?;
    if let Some(message) = outputs.iter().find_map(|name| bad_output(name)) {
        return Err(TaskError::new(Fault::Input, message));
    }
    let facts_file = FactsFile::new(&task.surroundings.logs, &task.name, context.attempt())?;
    let variables = variables(task, &scope)?;
    let mut command = command(task, &scope, &place)?;
    command.envs(standard(&task.spec, &task.surroundings, &task.name, context.attempt()));
    command.env(OUTPUT, facts_file.path());
    command.envs(variables.iter().map(|(name, content)| (name, content.reveal())));
    let facts = attend(task, command, &variables, &facts_file, context)?;
    // The folder is made when it is asked for, and most commands do not need one.
    if !outputs.is_empty() {
        outputs::keep(&task.name, &outputs, &place, context.output_dir())?;
    }
    Ok(Output::facts(facts))
}

/// Runs a command that is ready to its end, and gives its facts.
fn attend(
    task: &CommandTask,
    command: Command,
    variables: &[(String, Content)],
    facts: &FactsFile,
    context: &TaskContext<'_>,
) -> Result<Value, TaskError> {
    let log = LogWriter::new(&task.surroundings.logs, &task.name, context.attempt())?;
    let mut capture = Capture::new(log, secrets(variables));
    let order = Order {
        command,
        timeout: task.spec.timeout.map(TimeSpan::duration),
        grace: task.spec.grace.duration(),
        cancel: context.cancel(),
        warden: task.surroundings.warden.as_ref(),
    };
    let before = Before::now();
    let ended = process::run(order, &mut |bytes| capture.write(bytes));
    let (last, broken) = capture.finish();
    if let Some(error) = broken {
        context.note(format!("its log is not whole: {error}"));
    }
    let ended = ended.map_err(not_run)?;
    match ending::error(ended, task.spec.timeout, &before) {
        Some(error) if error.fault == Fault::Cancelled => Err(error),
        Some(error) => Err(explained(error, task, &last)),
        None => Ok(capture.redactor().json(facts.read()?)),
    }
}

fn secrets(variables: &[(String, Content)]) -> impl Iterator<Item = &Secret> {
    variables.iter().filter_map(|(_, content)| match content {
        Content::Secret(secret) => Some(secret),
        Content::Text(_) => None,
    })
}

/// The user's variables with their content.
fn variables(task: &CommandTask, scope: &Scope<'_>) -> Result<Vec<(String, Content)>, TaskError> {
    let contents = task.texts.env.iter().map(|(name, text)| {
        let content = match text {
            VariableText::Text(template) => Content::Text(template.fill(scope)?),
            VariableText::Secret(secret) => Content::Secret(task.surroundings.secrets.get(secret)?),
        };
        Ok((name.clone(), content))
    });
    contents.collect()
}

fn command(task: &CommandTask, scope: &Scope<'_>, place: &Path) -> Result<Command, TaskError> {
    let mut command = match &task.texts.run {
        RunText::Shell(template) => {
            let script = script(template, scope)?;
            let mut command = Command::new("/bin/sh");
            command.arg("-c").arg(script.text).envs(script.variables);
            command
        }
        RunText::Direct(words) => {
            let mut words = fill_all(words, scope)?.into_iter();
            let mut command = Command::new(words.next().unwrap_or_default());
            command.args(words);
            command
        }
    };
    command.current_dir(place);
    Ok(command)
}

/// The error of a command that could not be started or watched.
fn not_run(error: io::Error) -> TaskError {
    let (fault, hint) = match error.kind() {
        io::ErrorKind::NotFound => (Fault::Input, "its program was not found; is it in `PATH`?"),
        io::ErrorKind::PermissionDenied => (Fault::Input, "`chmod +x` makes a file a program"),
        io::ErrorKind::ArgumentListTooLong => {
            (Fault::Input, "a value in its words or variables is too long; hand it over in a file")
        }
        io::ErrorKind::InvalidInput => (Fault::Input, "a word or variable holds a zero byte"),
        _ => (Fault::Machine, "see whether the machine has processes and memory left"),
    };
    let message = format!("the command could not be run: {error}");
    TaskError { source: Some(Box::new(error)), ..TaskError::new(fault, message) }.with_hint(hint)
}

/// An error with the last words of the command, and the way to the others.
fn explained(error: TaskError, task: &CommandTask, last: &[String]) -> TaskError {
    let mut message = format!("the command {}", error.message);
    if last.is_empty() {
        return TaskError { message, ..error };
    }
    message.push_str("; it last said:");
    last.iter().for_each(|line| message.push_str(&format!("\n    {line}")));
    let (run, name) = (quoted(&task.surroundings.run_id), quoted(&task.name));
    let all = format!("`gristmill tasks logs {run} {name}` shows all that it said");
    let hint = error.hint.iter().cloned().chain([all]).collect::<Vec<_>>().join("; ");
    TaskError { message, ..error }.with_hint(hint)
}
