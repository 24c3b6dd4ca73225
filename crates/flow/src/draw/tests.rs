use proptest::prelude::*;

use super::*;

const UNICODE: DrawStyle = DrawStyle { width: 80, signs: DrawSigns::Unicode };

fn node(name: &str, needs: &[&str], state: DrawState, label: &str, detail: &str) -> DrawNode {
    DrawNode {
        name: name.into(),
        needs: needs.iter().map(ToString::to_string).collect(),
        state,
        label: label.into(),
        detail: detail.into(),
    }
}

fn done(name: &str, needs: &[&str]) -> DrawNode {
    node(name, needs, DrawState::Succeeded, "", "1.0 s")
}

/// The six stages of a pipeline file in the middle of a run.
fn stages() -> Vec<DrawNode> {
    use DrawState::{Cached, Running, Succeeded, Waiting};
    vec![
        node("ingest", &[], Cached, "cached", "0.02 s"),
        node("split", &["ingest"], Cached, "cached", "0.01 s"),
        node("features", &["split"], Succeeded, "its settings changed", "1.24 s"),
        node("train", &["features"], Running, "its input from `features` changed", "12.6 s"),
        node("evaluate", &["split", "features", "train"], Waiting, "", ""),
        node("register", &["ingest", "features", "train", "evaluate"], Waiting, "", ""),
    ]
}

/// A task that spreads out into others, which flow together.
fn fan(width: usize) -> Vec<DrawNode> {
    let names: Vec<String> = (0..width).map(|i| format!("score-{i:02}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut nodes = vec![done("prepare", &[])];
    nodes.extend(names.iter().map(|name| done(name, &["prepare"])));
    nodes.push(done("compare", &names));
    nodes
}

fn parts(count: usize, state: impl Fn(usize) -> DrawState) -> Vec<DrawNode> {
    let names: Vec<String> = (0..count).map(|i| format!("train[{i}]")).collect();
    let mut nodes = vec![done("features", &[])];
    nodes.extend(
        names.iter().enumerate().map(|(i, name)| node(name, &["features"], state(i), "", "2.0 s")),
    );
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    nodes.push(node("train", &names, DrawState::Skipped, "not all of its parts are there", ""));
    nodes
}

#[test]
fn a_chain_goes_straight_down_and_names_its_shortcuts() {
    insta::assert_snapshot!(draw_plan(&stages(), UNICODE), @"
    ✔ ingest    cached                                 0.02 s
    ✔ split     cached                                 0.01 s
    ✔ features  its settings changed                   1.24 s
    ↻ train     its input from `features` changed      12.6 s
    · evaluate  also needs split and features
    · register  also needs ingest, features and train
    ");
}

#[test]
fn a_narrow_terminal_cuts_words_and_keeps_times() {
    insta::assert_snapshot!(draw_plan(&stages(), DrawStyle { width: 44, ..UNICODE }), @"
    ✔ ingest    cached                    0.02 s
    ✔ split     cached                    0.01 s
    ✔ features  its settings changed      1.24 s
    ↻ train     its input from            12.6 s
                `features` changed
    · evaluate  also needs split and
                features
    · register  also needs ingest,
                features and train
    ");
}

#[test]
fn ascii_does_as_well() {
    insta::assert_snapshot!(draw_plan(&fan(3), DrawStyle { width: 80, signs: DrawSigns::Ascii }), @"
    + prepare     1.0 s
    |-+ score-00  1.0 s
    |-+ score-01  1.0 s
    |-+ score-02  1.0 s
    + compare     1.0 s
    ");
}

#[test]
fn branches_flow_together() {
    insta::assert_snapshot!(draw_plan(&fan(20), UNICODE), @"
    ✔ prepare     1.0 s
    ├─✔ score-00  1.0 s
    ├─✔ score-01  1.0 s
    ├─✔ score-02  1.0 s
    ├─✔ score-03  1.0 s
    ├─✔ score-04  1.0 s
    ├─✔ score-05  1.0 s
    ├─✔ score-06  1.0 s
    ├─✔ score-07  1.0 s
    ├─✔ score-08  1.0 s
    ├─✔ score-09  1.0 s
    ├─✔ score-10  1.0 s
    ├─✔ score-11  1.0 s
    ├─✔ score-12  1.0 s
    ├─✔ score-13  1.0 s
    ├─✔ score-14  1.0 s
    ├─✔ score-15  1.0 s
    ├─✔ score-16  1.0 s
    ├─✔ score-17  1.0 s
    ├─✔ score-18  1.0 s
    ├─✔ score-19  1.0 s
    ✔ compare     1.0 s
    ");
}

#[test]
fn many_parts_are_one_line() {
    use DrawState::{Failed, Succeeded};
    let hundred = parts(100, |i| if i == 7 || i == 31 { Failed } else { Succeeded });
    insta::assert_snapshot!(draw_plan(&hundred, UNICODE), @"
    ✔ features                                                 1.0 s
    ✘ train[0..99]  100 parts: 2 failed (7, 31), 98 succeeded
    ◌ train         not all of its parts are there
    ");
}

#[test]
fn a_thousand_tasks_in_all_states() {
    use DrawState::{Failed, Running, Succeeded, Waiting};
    let thousand = parts(998, |i| match i {
        _ if i % 97 == 5 => Failed,
        0..600 => Succeeded,
        600..608 => Running,
        _ => Waiting,
    });
    insta::assert_snapshot!(draw_plan(&thousand, UNICODE), @"
    ✔ features                                                                 1.0 s
    ✘ train[0..997]  998 parts: 11 failed (5, 102, 199, 296, 393, ...), 8
                     running, 386 waiting, 593 succeeded
    ◌ train          not all of its parts are there
    ");
}

#[test]
fn branches_have_branches() {
    insta::assert_snapshot!(draw_plan(
        &[
            done("fetch-orders", &[]),
            done("fetch-customers", &[]),
            done("ingest", &["fetch-orders", "fetch-customers"]),
            done("profile", &["ingest"]),
            done("split", &["ingest"]),
            done("features", &["split"]),
            done("forest", &["features"]),
            done("boosting", &["features"]),
            done("calibrate", &["boosting"]),
            done("compare", &["forest", "calibrate"]),
            done("register", &["compare", "split"]),
            done("tell", &["register"]),
        ],
        UNICODE
    ), @"
    ┌─✔ fetch-orders                       1.0 s
    ├─✔ fetch-customers                    1.0 s
    ✔ ingest                               1.0 s
    ├─✔ profile                            1.0 s
    └─✔ split                              1.0 s
      ✔ features                           1.0 s
      ├─✔ forest                           1.0 s
      ├─✔ boosting                         1.0 s
      │ ✔ calibrate                        1.0 s
      ✔ compare                            1.0 s
      ✔ register         also needs split  1.0 s
      ✔ tell                               1.0 s
    ");
}

#[test]
fn what_lines_cannot_show_is_said() {
    insta::assert_snapshot!(draw_plan(
        &[
            done("a", &[]),
            done("b", &["a"]),
            done("c", &["a"]),
            done("d", &["a"]),
            done("both", &["b", "c"]),
            done("end", &["both", "d"]),
            done("other", &["nowhere"]),
        ],
        UNICODE
    ), @"
    ┌─✔ other   needs nowhere     1.0 s
    └─✔ a                         1.0 s
      ├─✔ b                       1.0 s
      ├─✔ c                       1.0 s
      ├─✔ d                       1.0 s
      ├─✔ both  needs b and c     1.0 s
      ✔ end     needs both and d  1.0 s
    ");
}

#[test]
fn no_tasks_are_no_text_and_circles_do_no_harm() {
    assert_eq!(draw_plan(&[], UNICODE), "");
    let circle = [done("a", &["b"]), done("b", &["a"]), done("c", &["c"]), done("c", &["a"])];
    insta::assert_snapshot!(draw_plan(&circle, UNICODE), @"
    ┌─✔ c    needs c  1.0 s
    └─✔ a    needs b  1.0 s
      ├─✔ b           1.0 s
      └─✔ c           1.0 s
    ");
}

#[test]
fn thousands_of_names_are_listed_and_a_long_ladder_is_drawn() {
    assert_eq!(draw_plan(&fan(5000), UNICODE).lines().count(), 5002);
    let mut ladder = vec![done("0", &[])];
    for i in 0..1500 {
        ladder.push(done(&format!("{}", i + 1), &[&format!("{i}")]));
        ladder.push(done(&format!("side-{i}"), &[&format!("{i}")]));
    }
    let text = draw_plan(&ladder, UNICODE);
    assert_eq!(text.lines().count(), 3001);
    assert!(text.lines().all(|line| line.chars().count() <= 80));
}

proptest! {
    #[test]
    fn every_task_has_its_line_within_the_width(
        needs in prop::collection::vec(prop::collection::vec(0..30_usize, 0..4), 1..30),
        width in 0..100_usize,
    ) {
        let nodes: Vec<DrawNode> = needs.iter().enumerate().map(|(i, needs)| {
            let needs: Vec<String> = needs.iter().map(|n| format!("task{n}")).collect();
            let needs: Vec<&str> = needs.iter().map(String::as_str).collect();
            done(&format!("task{i}"), &needs)
        }).collect();
        let text = draw_plan(&nodes, DrawStyle { width, ..UNICODE });
        prop_assert_eq!(text.matches('✔').count(), nodes.len());
        prop_assert!(text.lines().all(|line| line.chars().count() <= width.max(40)), "{}", text);
    }
}
