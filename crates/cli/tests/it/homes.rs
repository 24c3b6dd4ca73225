//! Several homes that share a Postgres database serve the same deployments: whichever of them dies,
//! no run is lost or doubled.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::time::Duration;

use gristmill_testkit::postgres::Postgres;
use serde_json::{Value, json};

use crate::daemon::{Up, lines, signal, wait};
use crate::kills::Moments;
use crate::sandbox::Sandbox;

/// Two homes with one database.
struct Pair {
    server: &'static Postgres,
    database: &'static str,
    homes: [Sandbox; 2],
}

impl Pair {
    fn new(database: &'static str) -> Option<Self> {
        let server = Postgres::shared()?;
        server.new_database(database);
        Some(Self { server, database, homes: [Sandbox::new(), Sandbox::new()] })
    }

    fn command(&self, home: usize, arguments: &[&str]) -> Command {
        let mut command = self.homes[home].command(arguments);
        command.env("GRISTMILL_DATABASE_URL", self.server.address(self.database));
        command
    }

    /// An `up` in one of the homes, which writes what it says to `up.log` there.
    fn up(&self, home: usize) -> Up {
        let log = fs_err::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.homes[home].path("up.log"))
            .unwrap();
        Up::of(self.command(home, &["up", "--port", "0"]).stderr(log.into_parts().0))
    }

    fn said(&self, home: usize) -> String {
        lines(&self.homes[home], "up.log").join("\n")
    }

    #[track_caller]
    fn json(&self, home: usize, arguments: &[&str]) -> Value {
        let output = self.command(home, &[arguments, &["--json"]].concat()).output().unwrap();
        let (out, err) = (output.stdout, String::from_utf8_lossy(&output.stderr).into_owned());
        assert!(output.status.success(), "{}{err}", String::from_utf8_lossy(&out));
        serde_json::from_slice(&out).unwrap()
    }

    /// Deploys a file that stands in the folder of the first home.
    fn deploy(&self, file: &Value) {
        self.homes[0].write("p.yaml", file.to_string());
        self.json(0, &["deploy", "p.yaml"]);
    }

    fn runs(&self) -> Vec<Value> {
        self.json(1, &["runs", "list", "--limit", "1000"]).as_array().unwrap().clone()
    }

    fn statuses(&self) -> Vec<String> {
        self.runs().iter().map(|run| run["status"].as_str().unwrap().to_owned()).collect()
    }

    /// As if the machines had slept for as long as leases last.
    fn let_leases_run_out(&self) {
        self.server.execute(self.database, "UPDATE leases SET until = 0");
    }
}

/// A run of the chaos test, as its command wrote it down.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Ran {
    run: String,
    scheduled: String,
    trigger: String,
}

#[test]
fn each_occasion_becomes_one_run_whichever_of_two_homes_is_killed() {
    let Some(pair) = Pair::new("two_ups") else { return };
    let write = "echo \"$GRISTMILL_RUN_ID|$GRISTMILL_SCHEDULED|$GRISTMILL_TRIGGER|\
                 $GRISTMILL_PAYLOAD\" >> ran.txt; sleep 0.2";
    let file = |occasions: Value| {
        let mut file = json!({"name": "p", "tasks": {
            "write": {"run": write},
            "rest": {"run": "true", "needs": ["write"]},
        }});
        file.as_object_mut().unwrap().extend(occasions.as_object().unwrap().clone());
        file
    };
    let hook = json!([{"webhook": "sale"}]);
    pair.deploy(&file(json!({"schedule": {"every": "1s", "catch_up": "all"}, "triggers": hook})));
    let mut ups = [Some(pair.up(0)), Some(pair.up(1))];
    let mut moments = Moments(11);
    let (mut calls, mut machines, mut slept) = (0, 0, Duration::ZERO);
    for turn in 0..9 {
        let at_work = Duration::from_millis(200) + moments.next(700_000);
        std::thread::sleep(at_work);
        slept += at_work;
        let victim = turn % 2;
        let up = ups[victim].take().unwrap();
        if turn % 3 == 0 {
            up.kill();
        } else {
            // Its runs too; nobody else can tell before their leases run out.
            up.kill_with_runs();
            machines += 1;
        }
        let other = ups[1 - victim].as_ref().unwrap();
        assert_eq!(other.post("/api/v1/hooks/sale", "{}").0, 202);
        calls += 1;
        std::thread::sleep(moments.next(400_000));
        ups[victim] = Some(pair.up(victim));
    }
    // From here on nothing new is due, and what was claimed comes to its end.
    pair.deploy(&file(json!({"triggers": hook})));
    wait("the end of all that was claimed", || pair.json(0, &["deployments"])[0]["open"] == 0);
    drop(ups);
    let ran = lines(&pair.homes[0], "ran.txt");
    let parts = |line: &String| {
        let parts: Vec<&str> = line.split('|').collect();
        let [run, scheduled, trigger, payload] = parts[..] else { panic!("{line}") };
        let ran = Ran { run: run.into(), scheduled: scheduled.into(), trigger: trigger.into() };
        (ran, payload.to_owned())
    };
    let once: BTreeSet<Ran> = ran.iter().map(|line| parts(line).0).collect();
    let (hooks, planned): (Vec<&Ran>, Vec<&Ran>) =
        once.iter().partition(|ran| ran.trigger == "webhook sale");
    assert_eq!(hooks.len(), calls, "{hooks:?}");
    // Every second from the first to the last, each by one run.
    let mut seconds: Vec<i64> = planned.iter().map(|ran| second(&ran.scheduled)).collect();
    seconds.sort_unstable();
    // The last one or two may not have been claimed yet when the schedule was taken away.
    let passed = slept.as_secs() as usize;
    assert!(passed > 3 && seconds.len() + 2 >= passed, "{passed} s: {seconds:?}");
    let steps = |two: &[i64]| (two[1] - two[0]).rem_euclid(86_400) == 1;
    assert!(seconds.windows(2).all(steps), "{seconds:?}");
    // Each of them has ended well, and there are no others.
    assert_eq!(
        pair.statuses(),
        vec!["succeeded"; once.len()],
        "{}\n{}",
        pair.said(0),
        pair.said(1)
    );
    let again = ran.len() - once.len();
    // One run of a pipeline is at work at a time, and one command in it.
    assert!(again <= machines, "{again} commands were repeated by {machines} kills");
    let homes = pair.homes.each_ref().map(|home| {
        let folder = home.path("").display().to_string();
        ran.iter().filter(|line| parts(line).1.starts_with(&folder)).count()
    });
    assert!(homes.iter().all(|ran| *ran > 0), "{homes:?}: one home did it all");
    println!(
        "9 kills, {machines} of them with all runs: {} runs, {homes:?} in each home, {again} \
         commands repeated",
        once.len()
    );
}

/// The second of the day in `2026-01-01T03:00:00Z`.
fn second(moment: &str) -> i64 {
    let clock: Vec<i64> = moment[11..19].split(':').map(|n| n.parse().unwrap()).collect();
    clock[0] * 3600 + clock[1] * 60 + clock[2]
}

/// A workflow whose second task waits for the file `go`.
fn waits() -> Value {
    json!({"name": "p", "triggers": [{"event": "go"}], "tasks": {
        "first": {"run": "echo first >> effects; echo '{\"n\": 7}' > $GRISTMILL_OUTPUT"},
        "made": {"run": "echo made >> effects; echo 1 > out", "outputs": ["out"]},
        "second": {
            "run": "echo begun >> begun; while ! test -e go; do sleep 0.05; done; \
                    echo $GRISTMILL_ATTEMPT {{first.n}} >> done",
            "needs": ["first", "made"],
        },
    }})
}

/// That a task began is written a moment after it did.
const WRITTEN: Duration = Duration::from_millis(400);

fn begun(pair: &Pair, times: usize) -> impl Fn() -> bool {
    move || lines(&pair.homes[0], "begun").len() == times
}

#[test]
fn a_run_whose_machine_died_is_gone_on_with_by_another_once_its_lease_ran_out() {
    let Some(pair) = Pair::new("took_over") else { return };
    pair.deploy(&waits());
    let up = pair.up(0);
    pair.json(1, &["events", "raise", "go"]);
    wait("the run", begun(&pair, 1));
    std::thread::sleep(WRITTEN);
    up.kill_with_runs();
    let other = pair.up(1);
    std::thread::sleep(Duration::from_millis(1500));
    assert!(begun(&pair, 1)(), "nobody can know yet that it died");
    pair.let_leases_run_out();
    wait("its going on", begun(&pair, 2));
    pair.homes[0].write("go", "");
    wait("its end", || pair.statuses() == ["succeeded"]);
    // What was written down is not repeated, what had files in the other home is made again, and
    // what was at work begins again with the next number.
    let count =
        |what: &str| lines(&pair.homes[0], "effects").iter().filter(|line| *line == what).count();
    assert_eq!((count("first"), count("made")), (1, 2));
    assert_eq!(lines(&pair.homes[0], "done"), ["2 7"]);
    drop(other);
}

#[test]
fn a_machine_that_slept_while_another_took_its_run_over_writes_nothing_more() {
    let Some(pair) = Pair::new("slept") else { return };
    pair.deploy(&waits());
    let up = pair.up(0);
    pair.json(1, &["events", "raise", "go"]);
    wait("the run", begun(&pair, 1));
    std::thread::sleep(WRITTEN);
    let asleep = [&up.runs()[..], &[up.id()]].concat();
    assert!(asleep.len() >= 2 && asleep.iter().all(|process| signal("-STOP", *process)));
    pair.let_leases_run_out();
    let other = pair.up(1);
    wait("its going on", begun(&pair, 2));
    pair.homes[0].write("go", "");
    wait("its end", || pair.statuses() == ["succeeded"]);
    let ended = pair.runs();
    // Now the lease is nobody's: the one that slept must not take itself for its holder.
    asleep.iter().for_each(|process| assert!(signal("-CONT", *process)));
    wait("the end of the one that slept", || up.runs().is_empty());
    assert_eq!(pair.runs(), ended);
    let task = pair.json(1, &["runs", "show", "latest"]);
    let second = task["tasks"].as_array().unwrap().iter().find(|t| t["name"] == "second").unwrap();
    assert_eq!((&second["status"], &second["attempts"]), (&json!("succeeded"), &json!(2)));
    drop((up, other));
}

#[test]
fn a_machine_without_the_folder_claims_nothing_and_says_what_would_do() {
    let Some(pair) = Pair::new("no_folder") else { return };
    let folder = pair.homes[0].path("work");
    fs_err::create_dir(&folder).unwrap();
    let file = json!({"name": "p", "triggers": [{"webhook": "sale"}], "tasks": {
        "work": {"run": "echo ran >> ran.txt"},
    }});
    pair.homes[0].write("work/p.yaml", file.to_string());
    pair.json(0, &["deploy", "work/p.yaml"]);
    let away = pair.homes[0].path("away");
    fs_err::rename(&folder, &away).unwrap();
    let up = pair.up(1);
    assert_eq!(up.post("/api/v1/hooks/sale", "{}").0, 202, "whoever has the folder will run it");
    std::thread::sleep(Duration::from_millis(1500));
    let open = || pair.json(0, &["deployments"])[0]["open"].clone();
    assert_eq!((pair.runs().len(), open()), (0, json!(0)), "{}", pair.said(1));
    let said = pair.said(1);
    let note =
        format!("`p` is left to other machines: its folder `{}` is not here", folder.display());
    assert_eq!(said.matches(&note).count(), 1, "{said}");
    fs_err::rename(&away, &folder).unwrap();
    wait("the run", || pair.statuses() == ["succeeded"]);
    drop(up);
}

#[test]
fn what_was_deployed_before_texts_were_kept_runs_from_its_home_until_it_is_deployed_again() {
    let Some(pair) = Pair::new("old_deployments") else { return };
    let file = json!({"name": "p", "triggers": [{"event": "go"}], "tasks": {
        "work": {"run": "echo $GRISTMILL_PAYLOAD >> ran.txt"},
    }});
    pair.deploy(&file);
    pair.server.execute(pair.database, "DELETE FROM snapshots");
    let other = pair.up(1);
    pair.json(0, &["events", "raise", "go"]);
    wait("its word", || {
        pair.said(1).contains("deployed by a version that kept its file in one home")
    });
    assert_eq!(pair.runs().len(), 0);
    let own = pair.up(0);
    wait("a run", || pair.statuses() == ["succeeded"]);
    own.kill();
    assert_eq!(pair.json(0, &["deploy", "p.yaml"])["what"], "unchanged");
    pair.json(0, &["events", "raise", "go"]);
    wait("a run of the other", || pair.statuses() == ["succeeded"; 2]);
    let ran = lines(&pair.homes[0], "ran.txt");
    let of: BTreeMap<bool, usize> = ran.iter().fold(BTreeMap::new(), |mut of, payload| {
        let elsewhere = payload.starts_with(&pair.homes[1].path("").display().to_string());
        *of.entry(elsewhere).or_default() += 1;
        of
    });
    assert_eq!(of, BTreeMap::from([(false, 1), (true, 1)]), "{ran:?}");
    drop(other);
}
