//! What a version is, where it came from, and what became of it.

use gristmill_track::{DatasetInput, Gate, RunStatus, tags};
use gristmill_view::{bytes, count};
use serde_json::Value;

use super::lineage::Lineage;
use super::markdown::{Markdown, plain};
use crate::{models, moment_words};

/// How many settings, columns or lines of the history stand in a card.
const MANY: usize = 200;
/// The tags under which people say what may be done with a model.
const LICENCES: [&str; 3] = ["license", "licence", "mlflow.license"];

/// What it is, who registered it, and under which names it serves.
pub(super) fn identity(page: &mut Markdown, lineage: &Lineage) {
    let version = &lineage.version;
    page.heading(1, &format!("{}, version {}", plain(&version.model), version.version));
    let texts = [&lineage.model.description, &version.description];
    for text in texts.into_iter().filter(|text| !text.trim().is_empty()) {
        page.paragraph(&plain(text));
    }
    let gate = match version.gate {
        Gate::Passed => "passed",
        _ => "nothing was required",
    };
    let status =
        version.status_message.as_ref().map_or_else(String::new, |m| format!(": {}", plain(m)));
    let aliases = Some(plain(&version.aliases.join(", "))).filter(|names| !names.is_empty());
    let digest = Some(code(&version.digest)).filter(|_| !version.digest.is_empty());
    page.facts([
        ("what", lineage.package.as_ref().map(what)),
        ("aliases", Some(aliases.unwrap_or_else(|| "none".into()))),
        ("stage", Some(version.stage.to_string())),
        ("status", Some(format!("{}{status}", version.status))),
        ("registered", Some(registered(lineage))),
        ("gate", Some(gate.into())),
        ("from", version.source.as_deref().map(plain)),
        ("logged model", lineage.version.logged_model.as_deref().map(plain)),
        ("run", Some(run(lineage))),
        ("code", commit(lineage)),
        ("package", digest),
        ("size", lineage.package.as_ref().map(|package| bytes(package.bytes()))),
        (
            "made by",
            lineage.package.as_ref().map(|p| format!("gristmill {}", plain(&p.engine_version))),
        ),
        ("licence", licence(lineage)),
    ]);
    labels(page, lineage);
    if !lineage.lost.is_empty() {
        page.list(lineage.lost.iter().map(|line| plain(line)));
    }
}

fn what(package: &gristmill_package::PackageInfo) -> String {
    let kind = code(&package.model.kind);
    match &package.target.field {
        Some(field) => {
            let classes = package.classes();
            let of = match classes.is_empty() {
                true => String::new(),
                false => format!(", one of {}", plain(&classes.join(", "))),
            };
            format!("{kind}, which predicts {}{of}", plain(&field.name))
        }
        None => format!("{kind}, which learned without a target"),
    }
}

fn registered(lineage: &Lineage) -> String {
    let who = match lineage.version.who.as_str() {
        "" => "somebody unknown",
        who => who,
    };
    format!("{} by {}", moment_words(lineage.version.created), plain(who))
}

fn run(lineage: &Lineage) -> String {
    let Some(run) = &lineage.run else {
        return match &lineage.version.run {
            Some(id) => format!("{id}, which is gone"),
            None => "unknown".into(),
        };
    };
    let info = &run.info;
    let of = match &info.pipeline {
        Some(pipeline) => format!("of the pipeline {}", plain(pipeline)),
        None => plain(&info.name),
    };
    let status = match info.status {
        RunStatus::Succeeded => String::new(),
        other => format!(", {other}"),
    };
    let user = info.user.as_ref().or(run.tags.get(tags::USER));
    let by = user.map_or_else(String::new, |user| format!(" by {}", plain(user)));
    format!("{} {of}, begun {}{by}{status}", info.id, moment_words(info.started))
}

fn commit(lineage: &Lineage) -> Option<String> {
    let known = &lineage.run.as_ref()?.tags;
    let commit = plain(known.get(tags::GIT_COMMIT)?);
    let dirty = known.get(tags::GIT_DIRTY).is_some_and(|dirty| dirty == "true");
    Some(if dirty { format!("{commit}, with changes that are not in it") } else { commit })
}

fn licence(lineage: &Lineage) -> Option<String> {
    let tags = [&lineage.version.tags, &lineage.model.tags];
    let mut found = tags.iter().flat_map(|tags| LICENCES.iter().filter_map(|name| tags.get(*name)));
    found.next().map(|licence| plain(licence))
}

/// The tags of the version, then of the model.
fn labels(page: &mut Markdown, lineage: &Lineage) {
    let own = |name: &String| !LICENCES.contains(&name.as_str()) && !name.starts_with("mlflow.");
    let all = lineage.version.tags.iter().chain(&lineage.model.tags);
    let lines: Vec<String> = all
        .filter(|(name, _)| own(name))
        .take(MANY)
        .map(|(name, value)| format!("{}: {}", plain(name), plain(value)))
        .collect();
    if !lines.is_empty() {
        page.paragraph("Tags:");
        page.list(lines);
    }
}

/// What it learned from.
pub(super) fn data(page: &mut Markdown, lineage: &Lineage) {
    let Some(run) = &lineage.run else { return };
    let fact = |task: &str, name: &str| {
        let found = lineage.tasks.iter().find(|record| record.name == task)?;
        found.facts.get(name).and_then(Value::as_u64)
    };
    let source = run.params.get("data.source").or_else(|| run.params.get("data.sql"));
    let rows = fact("ingest", "rows").map(count);
    let parts = [("train", "to learn"), ("validation", "to stop"), ("test", "held out")];
    let parts = parts.iter().filter_map(|(name, word)| {
        let rows = fact("split", name).filter(|rows| *rows > 0)?;
        Some(format!("{} {word}", count(rows)))
    });
    let parts: Vec<String> = parts.collect();
    let facts = [
        ("source", source.map(|source| plain(source))),
        ("rows", rows),
        ("columns", fact("ingest", "columns").map(count)),
        ("parts", Some(parts.join(", ")).filter(|parts| !parts.is_empty())),
        ("hash", run.tags.get(tags::DATA_HASH).map(|hash| code(hash))),
        ("target", run.params.get("data.target").map(|target| plain(target))),
        ("seed", run.tags.get(tags::SEED).map(|seed| plain(seed))),
    ];
    let is_known = facts.iter().any(|(_, fact)| fact.is_some());
    if !is_known && run.datasets.is_empty() {
        return;
    }
    page.heading(2, "Data");
    page.facts(facts);
    let datasets: Vec<[String; 5]> = run.datasets.iter().take(MANY).map(dataset).collect();
    if !datasets.is_empty() {
        page.table(["dataset", "used for", "rows", "digest", "source"], &datasets);
    }
}

fn dataset(input: &DatasetInput) -> [String; 5] {
    let dataset = &input.dataset;
    let profile: Option<Value> =
        dataset.profile.as_deref().and_then(|profile| serde_json::from_str(profile).ok());
    let rows = profile.as_ref().and_then(|profile| profile.get("num_rows")?.as_u64());
    let used = input.tags.get(tags::DATASET_CONTEXT).map(|used| plain(used));
    [
        plain(&dataset.name),
        used.unwrap_or_default(),
        rows.map(count).unwrap_or_default(),
        plain(&dataset.digest),
        plain(&dataset.source),
    ]
}

/// What it takes, and what is done with that.
pub(super) fn steps(page: &mut Markdown, lineage: &Lineage) {
    let Some(package) = &lineage.package else { return };
    page.heading(2, "Columns and steps");
    let columns: Vec<[String; 3]> = package
        .input
        .fields()
        .iter()
        .take(MANY)
        .map(|field| {
            let missing = if field.nullable { "may be missing" } else { "" };
            [plain(&field.name), word(&field.semantic), missing.to_string()]
        })
        .collect();
    page.table(["column", "meaning", ""], &columns);
    if package.input.len() > MANY {
        page.paragraph(&format!("and {} more", package.input.len() - MANY));
    }
    let steps = package.steps.iter().chain([&package.model]);
    page.list(steps.map(|step| {
        let columns = if step.columns == 1 { "column" } else { "columns" };
        format!("{}, of {} {columns}", code(&step.kind), step.columns)
    }));
}

/// The word by which a value is stored.
fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => plain(&word),
        Ok(other) => plain(&other.to_string()),
        Err(_) => String::new(),
    }
}

/// How it was made: what the pipeline file says of steps and model, or what a client logged.
pub(super) fn settings(page: &mut Markdown, lineage: &Lineage) {
    let logged = lineage.logged_model.iter().flat_map(|model| &model.params);
    let run = lineage.run.iter().flat_map(|run| &run.params);
    let is_pipeline = lineage.package.is_some();
    let told = |name: &str| {
        !is_pipeline || ["features.", "model.", "select."].iter().any(|part| name.starts_with(part))
    };
    let mut seen = std::collections::BTreeSet::new();
    let rows: Vec<[String; 2]> = run
        .chain(logged)
        .filter(|(name, _)| told(name) && seen.insert(name.as_str()))
        .map(|(name, value)| [plain(name), plain(value)])
        .collect();
    if rows.is_empty() {
        return;
    }
    page.heading(2, "Settings");
    let shown = rows.get(..MANY.min(rows.len())).unwrap_or_default();
    page.table(["setting", "value"], shown);
    if rows.len() > MANY {
        page.paragraph(&format!("and {} more", rows.len() - MANY));
    }
}

/// What its aliases need, and what became of it and of the aliases that named it.
pub(super) fn history(page: &mut Markdown, lineage: &Lineage) {
    let number = Some(lineage.version.version);
    let about =
        |event: &&gristmill_track::ModelEvent| event.version == number || event.previous == number;
    let lines: Vec<String> = lineage
        .events
        .iter()
        .filter(about)
        .map(|event| format!("{}: {}", moment_words(event.note.at), plain(&models::words(event))))
        .collect();
    let rules: Vec<String> = lineage
        .rules
        .iter()
        .map(|rule| format!("{} needs {}", plain(&rule.alias), plain(&rule.needs())))
        .collect();
    if !rules.is_empty() {
        page.heading(2, "Rules");
        page.list(rules);
    }
    if !lines.is_empty() {
        page.heading(2, "History");
        let earlier = lines.len().saturating_sub(MANY);
        page.list(lines.into_iter().skip(earlier));
    }
}

/// A word of ours or a hash, as code.
fn code(text: &str) -> String {
    match text.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-.".contains(letter)) {
        true => format!("`{text}`"),
        false => plain(text),
    }
}
