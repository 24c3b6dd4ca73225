//! A DAG file for Airflow 3, which 2.10 loads as well.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use gristmill_flow::{CatchUp, ScheduleSpec, ScheduleSpecs, TaskSpec};
use serde_json::json;

use super::{Exported, SKIPPED, Step, Subject};
use crate::Result;

/// How much longer than a task's own time limit Airflow waits for it: Gristmill ends it before.
const MARGIN: Duration = Duration::from_secs(60);

/// Where things stand on the machines that run the DAG's tasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AirflowPlace {
    /// The pipeline file.
    pub file: String,
    /// The home, unless the variable GRISTMILL_HOME names another.
    pub home: String,
}

/// The file at `file` as a DAG of Airflow: a BashOperator for each task, and one that finishes the
/// run whatever became of them.
///
/// # Errors
/// As [`check`](crate::check()).
pub fn airflow(file: &Path, settings: &[String], place: &AirflowPlace) -> Result<Exported> {
    let subject = Subject::read(file, settings)?;
    let mut notes = Vec::new();
    let schedule = schedule(&subject, &mut notes);
    let pools = pools(&subject, &mut notes);
    let dag = dag(&subject, &schedule);
    let text = head(&subject, &pools, &schedule, &dag) + &constants(&subject, place) + &dag;
    Ok(Exported { text, notes })
}

/// A text as Python writes it; JSON's way is one of Python's.
fn quoted(text: &str) -> String {
    json!(text).to_string()
}

fn head(subject: &Subject, pools: &[(String, u32)], schedule: &When, dag: &str) -> String {
    let name = subject.name();
    let mut text = format!(
        "\"\"\"The pipeline `{name}`, made by `gristmill export airflow`: export it again rather \
         than edit it.\n\n\
         Each task calls `gristmill task` with the id of the DAG run, so that all of them meet in \
         one run of\nGristmill. The home must be on a disk that all workers share; where these are \
         several machines,\nGRISTMILL_DATABASE_URL must name a Postgres database.\n\n\
         GRISTMILL_BINARY and GRISTMILL_HOME say where the program and the home are, if not where \
         this\nfile says.\n"
    );
    if !pools.is_empty() {
        text.push_str("\nPools that must be there:\n\n");
        for (pool, places) in pools {
            let _ = writeln!(text, "    airflow pools set {pool} {places} {name}");
        }
    }
    text.push_str("\"\"\"\n\nfrom __future__ import annotations\n\nimport os\nimport shlex\n");
    if dag.contains("timedelta(") {
        text.push_str("from datetime import timedelta\n");
    }
    text.push_str("\nimport pendulum\n");
    if let Some(import) = schedule.import {
        let _ = writeln!(text, "from airflow.timetables.trigger import {import}");
    }
    text.push_str(
        "\ntry:  # Airflow 3\n    \
         from airflow.providers.standard.operators.bash import BashOperator\n    \
         from airflow.sdk import DAG\n\
         except ImportError:  # Airflow 2\n    \
         from airflow import DAG\n    \
         from airflow.operators.bash import BashOperator\n\n",
    );
    text
}

fn constants(subject: &Subject, place: &AirflowPlace) -> String {
    let settings: Vec<String> = subject.set_words().iter().map(|word| quoted(word)).collect();
    let (file, home) = (quoted(&place.file), quoted(&place.home));
    let settings = settings.join(", ");
    format!(
        "GRISTMILL = os.environ.get(\"GRISTMILL_BINARY\", \"gristmill\")\n\
         HOME = os.environ.get(\"GRISTMILL_HOME\", {home})\n\
         FILE = {file}\n\
         SETTINGS = [{settings}]\n\
         SKIPPED = {SKIPPED}\n\n\n\
         def task(name: str, what: str | None = None, **options) -> BashOperator:\n    \
         \"\"\"A task of the pipeline; Airflow puts the id of the DAG run in.\"\"\"\n    \
         call = [GRISTMILL, \"--home\", HOME, \"task\", \"{{{{ run_id }}}}\", what or name]\n    \
         call += [\"--file\", FILE, *SETTINGS, \"--skip-exit-code\", str(SKIPPED)]\n    \
         return BashOperator(\n        \
         task_id=name,\n        \
         bash_command=shlex.join(call),\n        \
         skip_on_exit_code=SKIPPED,\n        \
         append_env=True,\n        \
         **options,\n    )\n\n\n"
    )
}

fn dag(subject: &Subject, schedule: &When) -> String {
    let mut text = format!("with DAG(\n    {},\n", quoted(subject.name()));
    let _ = write!(
        text,
        "    doc_md=__doc__,\n    schedule={},\n    start_date={},\n",
        schedule.schedule, schedule.from
    );
    if let Some(until) = &schedule.until {
        let _ = writeln!(text, "    end_date={until},");
    }
    let _ = write!(
        text,
        "    catchup={},\n    max_active_runs=1,\n    default_args={{\"weight_rule\": \
         \"absolute\"}},\n    tags=[\"gristmill\"],\n):\n",
        if schedule.catch_up { "True" } else { "False" }
    );
    let last = subject.last();
    let mut names = Names::default();
    for step in &subject.steps {
        let _ = writeln!(text, "{}", operator(&names.add(&step.name), step));
    }
    let variable = names.add(&last);
    let _ = writeln!(
        text,
        "    {variable} = task({}, what=\"--finish\", trigger_rule=\"all_done\", retries=0)\n",
        quoted(&last)
    );
    for step in subject.steps.iter().filter(|step| !step.waits.is_empty()) {
        let waits: Vec<&str> = step.waits.iter().map(String::as_str).collect();
        let _ = writeln!(text, "    {} >> {}", names.list(&waits), names.get(&step.name));
    }
    // All of them: one that is last may be settled while another branch is still at work.
    let all: Vec<&str> = subject.steps.iter().map(|step| step.name.as_str()).collect();
    let _ = writeln!(text, "    {} >> {variable}", names.list(&all));
    text
}

/// One task with what Airflow is to know of it.
fn operator(variable: &str, step: &Step) -> String {
    let mut options = vec![quoted(&step.name)];
    if step.conditional {
        // Gristmill decides by the condition, also when a task before it failed or was skipped.
        options.push("trigger_rule=\"all_done\"".into());
    }
    options.extend(step.spec.as_ref().map(limits).unwrap_or_else(|| vec!["retries=0".into()]));
    let line = format!("    {variable} = task({})", options.join(", "));
    if line.len() <= 100 {
        return line;
    }
    format!("    {variable} = task(\n        {},\n    )", options.join(",\n        "))
}

fn limits(spec: &TaskSpec) -> Vec<String> {
    let retries = spec.retries();
    let mut options = vec![format!("retries={}", retries.times)];
    if retries.times > 0 {
        options.push(format!("retry_delay={}", delta(retries.backoff)));
        // Airflow doubles, before 3.2 whatever the number is.
        let grows = if retries.factor > 1.0 { "True" } else { "False" };
        options.push(format!("retry_exponential_backoff={grows}"));
        options.push(format!("max_retry_delay={}", delta(retries.longest)));
    }
    if let (Some(timeout), None) = (spec.timeout, &spec.foreach) {
        let whole = timeout.duration() + spec.grace.duration() + MARGIN;
        options.push(format!("execution_timeout={}", delta(whole)));
    }
    let demand = spec.demand();
    if let Some((pool, places)) = demand.pools.first_key_value() {
        options.push(format!("pool={}", quoted(pool)));
        if *places != 1 {
            options.push(format!("pool_slots={places}"));
        }
    }
    if spec.priority != 0 {
        options.push(format!("priority_weight={}", spec.priority));
    }
    options
}

fn delta(span: Duration) -> String {
    if span.subsec_nanos() == 0 {
        format!("timedelta(seconds={})", span.as_secs())
    } else {
        format!("timedelta(milliseconds={})", span.as_millis())
    }
}

/// The pools that the tasks are put into, with their places.
fn pools(subject: &Subject, notes: &mut Vec<String>) -> Vec<(String, u32)> {
    let mut found = BTreeSet::new();
    for step in &subject.steps {
        let pools = step.spec.as_ref().map(|spec| spec.demand().pools).unwrap_or_default();
        found.extend(pools.keys().next().cloned());
        for beside in pools.keys().skip(1) {
            notes.push(format!(
                "`{}` also takes places of the pool `{beside}`, and a task of Airflow is in one \
                 pool only",
                step.name
            ));
        }
    }
    let places = |pool: &String| subject.checked.file.pools.get(pool).map_or(1, |p| p.get());
    let found: Vec<(String, u32)> =
        found.into_iter().map(|pool| (pool.clone(), places(&pool))).collect();
    notes.extend(found.iter().map(|(pool, places)| {
        format!("Airflow needs the pool `{pool}`: `airflow pools set {pool} {places} NOTE`")
    }));
    found
}

/// When the DAG runs, in Python.
struct When {
    schedule: String,
    import: Option<&'static str>,
    from: String,
    until: Option<String>,
    catch_up: bool,
}

/// The first moment of a DAG that names none.
const START: &str = "pendulum.datetime(2024, 1, 1, tz=\"UTC\")";

fn schedule(subject: &Subject, notes: &mut Vec<String>) -> When {
    let whole = serde_json::to_value(&subject.checked.file).unwrap_or_default();
    when(serde_json::from_value(whole["schedule"].clone()).ok().as_ref(), notes)
}

fn when(specs: Option<&ScheduleSpecs>, notes: &mut Vec<String>) -> When {
    let specs = specs.map(ScheduleSpecs::as_slice).unwrap_or_default();
    let mut when = When {
        schedule: "None".into(),
        import: None,
        from: START.into(),
        until: None,
        catch_up: false,
    };
    let Some(first) = specs.first() else { return when };
    let zone = first.timezone.as_deref().unwrap_or("UTC");
    if let Some(from) = &first.from {
        when.from = moment(from, zone);
    }
    when.until = first.until.as_ref().map(|until| moment(until, zone));
    when.catch_up = first.catch_up == CatchUp::All;
    let crons: Vec<String> = specs
        .iter()
        .filter(|spec| spec.timezone.as_deref().unwrap_or("UTC") == zone)
        .filter_map(cron)
        .collect();
    let words: Vec<String> = crons.iter().map(|cron| quoted(cron)).collect();
    match words.as_slice() {
        [] => {
            let every = first.every.as_deref().and_then(seconds).unwrap_or(86_400);
            when.import = Some("DeltaTriggerTimetable");
            when.schedule = format!("DeltaTriggerTimetable(timedelta(seconds={every}))");
            notes.push(format!(
                "Airflow counts `every: {}` from the last run, Gristmill from 1970",
                first.every.as_deref().unwrap_or_default()
            ));
        }
        [cron] => {
            when.import = Some("CronTriggerTimetable");
            when.schedule = format!("CronTriggerTimetable({cron}, timezone={})", quoted(zone));
        }
        crons => {
            when.import = Some("MultipleCronTriggerTimetable");
            let crons = crons.join(", ");
            when.schedule =
                format!("MultipleCronTriggerTimetable({crons}, timezone={})", quoted(zone));
        }
    }
    let left = specs.len() - words.len().max(1);
    if left > 0 {
        notes.push(format!("{left} of {} schedules do not fit beside the first", specs.len()));
    }
    if specs.iter().any(|spec| spec.from != first.from || spec.until != first.until) {
        notes.push("`from` and `until` are those of the first schedule for all of them".into());
    }
    when
}

/// The schedule as cron, which Airflow counts from no run but by the calendar.
fn cron(spec: &ScheduleSpec) -> Option<String> {
    let Some(every) = &spec.every else { return spec.cron.clone() };
    match seconds(every)? {
        s if s >= 60 && s % 60 == 0 && 3_600 % s == 0 => Some(match s / 60 {
            60 => "0 * * * *".into(),
            minutes => format!("*/{minutes} * * * *"),
        }),
        s if s % 3_600 == 0 && 86_400 % s == 0 => Some(match s / 3_600 {
            24 => "0 0 * * *".into(),
            hours => format!("0 */{hours} * * *"),
        }),
        // 1970 began on a Thursday.
        604_800 => Some("0 0 * * 4".into()),
        _ => None,
    }
}

/// `15m` in seconds; the file has been checked.
fn seconds(every: &str) -> Option<u64> {
    let unit = every.chars().last()?;
    let number: u64 = every.strip_suffix(unit)?.parse().ok()?;
    let one = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        'w' => 604_800,
        _ => return None,
    };
    number.checked_mul(one)
}

fn moment(text: &str, zone: &str) -> String {
    format!("pendulum.parse({}, tz={})", quoted(text), quoted(zone))
}

/// Python variables by the tasks that they stand for.
#[derive(Default)]
struct Names(Vec<(String, String)>);

/// Words that mean something else in the file, beside Python's own.
const TAKEN: [&str; 46] = [
    "False",
    "None",
    "True",
    "and",
    "as",
    "assert",
    "async",
    "await",
    "break",
    "class",
    "continue",
    "def",
    "del",
    "elif",
    "else",
    "except",
    "finally",
    "for",
    "from",
    "global",
    "if",
    "import",
    "in",
    "is",
    "lambda",
    "nonlocal",
    "not",
    "or",
    "pass",
    "raise",
    "return",
    "try",
    "while",
    "with",
    "yield",
    "os",
    "shlex",
    "pendulum",
    "timedelta",
    "task",
    "str",
    "DAG",
    "GRISTMILL",
    "HOME",
    "FILE",
    "BashOperator",
];

impl Names {
    fn add(&mut self, task: &str) -> String {
        let mut name = task.replace('-', "_");
        if name.starts_with(|c: char| c.is_ascii_digit()) {
            name.insert_str(0, "task_");
        }
        while TAKEN.contains(&name.as_str()) || self.0.iter().any(|(_, taken)| *taken == name) {
            name.push('_');
        }
        self.0.push((task.into(), name.clone()));
        name
    }

    fn get<'a>(&'a self, task: &'a str) -> &'a str {
        self.0.iter().find(|(known, _)| known == task).map_or(task, |(_, name)| name)
    }

    fn list(&self, tasks: &[&str]) -> String {
        match tasks {
            [one] => self.get(one).to_owned(),
            many => {
                let names: Vec<&str> = many.iter().map(|task| self.get(task)).collect();
                format!("[{}]", names.join(", "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[track_caller]
    fn check(spec: Value, schedule: &str, notes: usize) {
        let specs: ScheduleSpecs = serde_json::from_value(spec).unwrap();
        let mut said = Vec::new();
        assert_eq!(when(Some(&specs), &mut said).schedule, schedule);
        assert_eq!(said.len(), notes, "{said:?}");
    }

    #[test]
    fn a_schedule_becomes_a_timetable_of_the_calendar_where_it_can() {
        check(
            json!({"cron": "0 3 * * *", "timezone": "Europe/Vienna"}),
            "CronTriggerTimetable(\"0 3 * * *\", timezone=\"Europe/Vienna\")",
            0,
        );
        let quarter = "CronTriggerTimetable(\"*/15 * * * *\", timezone=\"UTC\")";
        check(json!({"every": "15m"}), quarter, 0);
        check(json!({"every": "6h"}), "CronTriggerTimetable(\"0 */6 * * *\", timezone=\"UTC\")", 0);
        check(json!({"every": "1w"}), "CronTriggerTimetable(\"0 0 * * 4\", timezone=\"UTC\")", 0);
        check(json!({"every": "7h"}), "DeltaTriggerTimetable(timedelta(seconds=25200))", 1);
        let two = json!([{"cron": "0 3 * * *"}, {"cron": "0 12 * * 1-5"}]);
        let both =
            "MultipleCronTriggerTimetable(\"0 3 * * *\", \"0 12 * * 1-5\", timezone=\"UTC\")";
        check(two, both, 0);
    }

    #[test]
    fn from_and_catch_up_are_handed_on() {
        let spec = json!({"every": "1d", "from": "2026-01-01", "catch_up": "all"});
        let specs: ScheduleSpecs = serde_json::from_value(spec).unwrap();
        let when = when(Some(&specs), &mut Vec::new());
        assert_eq!(when.from, "pendulum.parse(\"2026-01-01\", tz=\"UTC\")");
        assert!(when.catch_up);
    }

    #[test]
    fn variables_are_names_of_python_and_stand_for_one_task_each() {
        let mut names = Names::default();
        for (task, name) in
            [("a-b", "a_b"), ("a_b", "a_b_"), ("class", "class_"), ("1st", "task_1st")]
        {
            assert_eq!(names.add(task), name);
        }
        assert_eq!(names.list(&["a_b", "1st"]), "[a_b_, task_1st]");
    }
}
