//! What every store must do for models beside what a pipeline needs: names, stages, rules, lineage.

use gristmill_track::*;

use super::{at, id, note, version};

pub async fn all(store: &dyn Store) {
    a_name_is_taken_once(store).await;
    a_renamed_model_keeps_everything(store).await;
    tags_come_and_go(store).await;
    a_created_version_is_always_new(store).await;
    stages_hold_and_archive(store).await;
    what_served_when_is_remembered(store).await;
    a_ruled_alias_needs_approval(store).await;
    a_version_says_whether_it_can_be_used(store).await;
    many_models_are_read_whole(store).await;
    models_are_found(store).await;
    versions_are_found(store).await;
}

fn new_model(name: &str) -> NewModel {
    NewModel { name: name.into(), note: note(1, ""), ..NewModel::default() }
}

async fn a_name_is_taken_once(store: &dyn Store) {
    let new = NewModel {
        description: "buys".into(),
        tags: [("team".to_string(), "red".to_string())].into(),
        ..new_model("taken")
    };
    let made = store.create_model(new.clone()).await.unwrap();
    assert_eq!((made.description.as_str(), made.tags["team"].as_str()), ("buys", "red"));
    assert_eq!((made.created, made.updated, made.newest), (at(1), at(1), None));
    let refused = store.create_model(new).await;
    assert!(matches!(refused, Err(TrackError::Exists { .. })), "{refused:?}");
    for name in ["", ".", "..", "a/b", "a:b"] {
        let refused = store.create_model(new_model(name)).await;
        assert!(matches!(refused, Err(TrackError::Invalid { .. })), "{refused:?}");
    }
    let long = "x".repeat(MAX_MODEL_TAG_CHARS + 1);
    let refused = NewModel { tags: [("t".into(), long.clone())].into(), ..new_model("refused") };
    assert!(store.create_model(refused).await.is_err());
    assert!(store.model("refused").await.is_err(), "nothing is left of it");
    store.tag_model("taken", "long", &long[1..], at(2)).await.unwrap();
}

async fn a_renamed_model_keeps_everything(store: &dyn Store) {
    store.register(version("before", "a", 1)).await.unwrap();
    store.register(version("before", "b", 2)).await.unwrap();
    store.tag_model("before", "team", "red", at(2)).await.unwrap();
    store.tag_version("before", 1, "note", "old").await.unwrap();
    store.set_alias("before", "champion", 1, note(3, "best")).await.unwrap();
    let rule = AliasRule {
        model: "before".into(),
        alias: "champion".into(),
        approvals: vec![Approval::By("tester".into())],
    };
    store.set_alias_rule(rule.clone(), note(4, "care")).await.unwrap();
    let renamed = store.rename_model("before", "after", note(5, "clearer")).await.unwrap();
    assert_eq!((renamed.name.as_str(), renamed.newest, renamed.created), ("after", Some(2), at(1)));
    assert_eq!((renamed.updated, renamed.aliases["champion"]), (at(5), 1));
    assert_eq!(renamed.tags["team"], "red");
    assert!(matches!(store.model("before").await, Err(TrackError::NotFound { .. })));
    let first = store.version("after", 1).await.unwrap();
    assert_eq!((first.tags["note"].as_str(), first.updated), ("old", at(5)));
    assert_eq!(first.aliases, ["champion"]);
    let rules = store.alias_rules("after").await.unwrap();
    assert_eq!(rules, [AliasRule { model: "after".into(), ..rule }]);
    let history = store.history("after").await.unwrap();
    let last = history.last().unwrap();
    assert_eq!((history.len(), last.what), (5, WhatHappened::Renamed));
    assert_eq!(last.note.why, "was `before`: clearer");
    let next = store.register(version("after", "c", 6)).await.unwrap();
    assert_eq!(next.version().version, 3);

    let refused = store.rename_model("after", "taken", note(7, "")).await;
    assert!(matches!(refused, Err(TrackError::Exists { .. })), "{refused:?}");
    let refused = store.rename_model("after", "after", note(7, "")).await;
    assert!(matches!(refused, Err(TrackError::Exists { .. })), "{refused:?}");
    assert!(store.rename_model("nobody", "somebody", note(7, "")).await.is_err());
    assert!(store.rename_model("after", "a/b", note(7, "")).await.is_err());
    assert_eq!(store.model("after").await.unwrap().newest, Some(3));
}

async fn tags_come_and_go(store: &dyn Store) {
    store.register(version("tagged", "a", 1)).await.unwrap();
    store.tag_model("tagged", "a", "", at(2)).await.unwrap();
    assert_eq!(store.model("tagged").await.unwrap().tags["a"], "");
    store.untag_model("tagged", "a", at(3)).await.unwrap();
    store.untag_model("tagged", "never there", at(4)).await.unwrap();
    let model = store.model("tagged").await.unwrap();
    assert_eq!((model.tags.len(), model.updated), (0, at(4)));
    store.tag_version("tagged", 1, "b", "1").await.unwrap();
    store.tag_version("tagged", 1, "b", "2").await.unwrap();
    assert_eq!(store.version("tagged", 1).await.unwrap().tags["b"], "2");
    store.untag_version("tagged", 1, "b").await.unwrap();
    store.untag_version("tagged", 1, "b").await.unwrap();
    assert!(store.version("tagged", 1).await.unwrap().tags.is_empty());
    assert!(store.untag_model("nobody", "a", at(5)).await.is_err());
    assert!(store.untag_version("tagged", 9, "b").await.is_err());
}

async fn a_created_version_is_always_new(store: &dyn Store) {
    let new = NewVersion {
        run: Some(id("logged")),
        source: Some("models:/m-1".into()),
        run_link: Some("https://elsewhere/run".into()),
        logged_model: Some("m-1".into()),
        status: VersionStatus::Pending,
        ..version("created", "", 2)
    };
    let refused = store.create_version(new.clone()).await;
    assert!(matches!(refused, Err(TrackError::NotFound { .. })), "{refused:?}");
    store.create_model(new_model("created")).await.unwrap();
    let first = store.create_version(new.clone()).await.unwrap();
    assert_eq!((first.version, first.created, first.updated), (1, at(2), at(2)));
    assert_eq!((&first.source, &first.run_link), (&new.source, &new.run_link));
    assert_eq!((&first.logged_model, first.status), (&new.logged_model, VersionStatus::Pending));
    assert_eq!((first.stage, first.gate, first.who.as_str()), (Stage::None, Gate::None, "tester"));
    assert_eq!(store.create_version(new).await.unwrap().version, 2);
    assert_eq!(store.history("created").await.unwrap().len(), 2);
}

async fn stages_hold_and_archive(store: &dyn Store) {
    for digest in ["a", "b", "c"] {
        store.register(version("staged", digest, 1)).await.unwrap();
    }
    let enter = async |version, stage, others| {
        store.set_stage("staged", version, stage, others, note(2, "tried")).await.unwrap()
    };
    let first = enter(1, Stage::Production, Others::Stay).await;
    assert_eq!((first.stage, first.updated), (Stage::Production, at(2)));
    enter(2, Stage::Production, Others::Stay).await;
    let stage = async |version| store.version("staged", version).await.unwrap().stage;
    assert_eq!(stage(1).await, Stage::Production);
    enter(2, Stage::Production, Others::Archived).await;
    assert_eq!((stage(1).await, stage(2).await), (Stage::Archived, Stage::Production));
    enter(3, Stage::Staging, Others::Archived).await;

    let names = ["staged".to_string(), "nobody".to_string()];
    let newest = store.newest_in_stages(&names).await.unwrap();
    let newest: Vec<_> = newest.iter().map(|found| (found.stage, found.version)).collect();
    let expected = [(Stage::Archived, 1), (Stage::Production, 2), (Stage::Staging, 3)];
    assert_eq!(newest, expected);
    assert_eq!(store.newest_in_stages(&[]).await.unwrap(), []);
    let refused = store.set_stage("staged", 9, Stage::None, Others::Stay, note(3, "")).await;
    assert!(matches!(refused, Err(TrackError::NotFound { .. })), "{refused:?}");
    let moves: Vec<_> = store.history("staged").await.unwrap();
    let moves: Vec<_> = moves.iter().filter_map(|e| Some((e.version?, e.stage?))).collect();
    let expected = [
        (1, Stage::Production),
        (2, Stage::Production),
        (1, Stage::Archived),
        (2, Stage::Production),
        (3, Stage::Staging),
    ];
    assert_eq!(moves, expected);
}

async fn what_served_when_is_remembered(store: &dyn Store) {
    for digest in ["a", "b"] {
        store.register(version("served", digest, 1)).await.unwrap();
    }
    store.set_alias("served", "champion", 1, note(10, "first")).await.unwrap();
    store.set_alias("served", "champion", 2, note(20, "better")).await.unwrap();
    store.set_alias("served", "other", 1, note(25, "")).await.unwrap();
    store.roll_back("served", "champion", note(30, "worse live")).await.unwrap();
    store.remove_alias("served", "champion", note(40, "retired")).await.unwrap();
    let when = async |seconds| {
        let found = store.alias_at("served", "champion", at(seconds)).await.unwrap();
        found.map(|event| (event.version.unwrap(), event.note.why))
    };
    assert_eq!(when(9).await, None);
    assert_eq!(when(10).await, Some((1, "first".into())));
    assert_eq!(when(29).await, Some((2, "better".into())));
    assert_eq!(when(39).await, Some((1, "worse live".into())));
    assert_eq!(when(40).await, None);
    assert_eq!(store.alias_at("served", "never", at(99)).await.unwrap(), None);
    assert!(store.alias_at("nobody", "champion", at(99)).await.is_err());
}

async fn a_ruled_alias_needs_approval(store: &dyn Store) {
    store.register(version("ruled", "a", 1)).await.unwrap();
    let passed = NewVersion { gate: Gate::Passed, ..version("ruled", "b", 2) };
    store.register(passed).await.unwrap();
    store.register(version("ruled", "c", 3)).await.unwrap();
    let rule = |approvals| AliasRule { model: "ruled".into(), alias: "champion".into(), approvals };
    let rules = async |approvals| {
        store.set_alias_rule(rule(approvals), note(4, "")).await.unwrap();
    };
    let by = |who: &str| Note::new(at(5), who, "");
    let set = async |version, who| store.set_alias("ruled", "champion", version, by(who)).await;
    rules(vec![Approval::PassedGate, Approval::By("ada".into())]).await;
    let error = set(1, "bob").await.unwrap_err();
    let expected = "`ruled@champion` needs a version that passed its gate or `ada` to move it; \
                    found a move to version 1 by `bob`";
    assert_eq!(error.to_string(), expected);
    assert!(store.aliased("ruled", "champion").await.is_err());
    set(2, "bob").await.unwrap();
    set(3, "ada").await.unwrap();
    set(3, "bob").await.expect("naming the version that it names already is no move");
    let refused = store.remove_alias("ruled", "champion", by("bob")).await;
    assert!(matches!(refused, Err(TrackError::NotApproved { .. })), "{refused:?}");
    let refused = store.delete_version("ruled", 3, by("bob")).await;
    assert!(matches!(refused, Err(TrackError::NotApproved { .. })), "{refused:?}");
    store.roll_back("ruled", "champion", by("bob")).await.unwrap();
    rules(vec![Approval::By("ada".into())]).await;
    let refused = store.roll_back("ruled", "champion", by("")).await;
    assert!(matches!(refused, Err(TrackError::Invalid { .. })), "{refused:?}");
    set(3, "ada").await.unwrap();
    let error = store.roll_back("ruled", "champion", by("")).await.unwrap_err();
    assert!(error.to_string().ends_with("found a move to version 2 by nobody by name"), "{error}");
    store.set_alias("ruled", "free", 1, by("bob")).await.unwrap();
    assert_eq!(store.alias_rules("ruled").await.unwrap().len(), 1);
    rules(Vec::new()).await;
    assert_eq!(store.alias_rules("ruled").await.unwrap(), []);
    set(1, "bob").await.unwrap();
    let nobody = AliasRule { model: "nobody".into(), ..rule(Vec::new()) };
    assert!(store.set_alias_rule(nobody, note(6, "")).await.is_err());
}

async fn a_version_says_whether_it_can_be_used(store: &dyn Store) {
    store.register(version("usable", "a", 1)).await.unwrap();
    let set = async |status, message| {
        store.set_version_status("usable", 1, status, message, at(3)).await.unwrap();
        store.version("usable", 1).await.unwrap()
    };
    let failed = set(VersionStatus::Failed, Some("disk full\0")).await;
    assert_eq!((failed.status, failed.updated), (VersionStatus::Failed, at(3)));
    assert_eq!(failed.status_message.as_deref(), Some("disk full\u{fffd}"));
    let ready = set(VersionStatus::Ready, None).await;
    assert_eq!((ready.status, ready.status_message), (VersionStatus::Ready, None));
    store.describe_version("usable", 1, "fine", at(4)).await.unwrap();
    assert_eq!(store.version("usable", 1).await.unwrap().updated, at(4));
}

/// More than one statement fetches.
async fn many_models_are_read_whole(store: &dyn Store) {
    for number in 0..520 {
        let name = format!("many {number:03}");
        let tags = [("n".to_string(), number.to_string())].into();
        store.create_model(NewModel { tags, ..new_model(&name) }).await.unwrap();
    }
    store.create_model(new_model("crowd")).await.unwrap();
    for number in 0..420 {
        let tags = [("n".to_string(), number.to_string())].into();
        let new = NewVersion { tags, ..version("crowd", "", 2) };
        store.create_version(new).await.unwrap();
    }
    let page = Page { limit: 10_000, offset: 0 };
    let models = store.models(page).await.unwrap();
    let many: Vec<_> = models.iter().filter(|model| model.name.starts_with("many")).collect();
    assert_eq!(many.len(), 520);
    assert!(many.iter().enumerate().all(|(n, model)| model.tags["n"] == n.to_string()));
    let versions = store.versions("crowd", page).await.unwrap();
    assert!(versions.iter().all(|v| v.tags["n"] == (v.version - 1).to_string()));
    assert_eq!(versions.len(), 420);
}

async fn models_are_found(store: &dyn Store) {
    for (name, team, seconds) in
        [("find a", "red", 30), ("find_b", "blue", 20), ("FIND C", "red", 10)]
    {
        let tags = [("team".to_string(), team.to_string())].into();
        let new = NewModel { tags, note: note(seconds, ""), ..new_model(name) };
        store.create_model(new).await.unwrap();
    }
    let prompt = [(tags::IS_PROMPT.to_string(), "true".to_string())].into();
    store.create_model(NewModel { tags: prompt, ..new_model("find a prompt") }).await.unwrap();
    let find = async |filter: &str, orders: &[&str], page| {
        let filter = Filter::parse(filter, &Searchable::MODELS).unwrap();
        let orders: Vec<_> = orders.iter().map(ToString::to_string).collect();
        let order = Order::parse_all(&orders, &Searchable::MODELS).unwrap();
        let found = store.search_models(&ModelQuery { filter, order, page }).await.unwrap();
        found.into_iter().map(|model| model.name).collect::<Vec<_>>()
    };
    let all = Page::default();
    let found = "name ILIKE 'find%'";
    assert_eq!(find(found, &[], all).await, ["FIND C", "find a", "find_b"]);
    assert_eq!(find("name LIKE 'find%'", &[], all).await, ["find a", "find_b"]);
    assert_eq!(find("name = 'find a' AND tags.team = 'red'", &[], all).await, ["find a"]);
    assert_eq!(find("name = 'find a' AND tag.team = 'blue'", &[], all).await, [""; 0]);
    assert_eq!(find("name IN ('find_b', 'nobody')", &[], all).await, ["find_b"]);
    let newest = ["last_updated_timestamp DESC"];
    assert_eq!(find(found, &newest, all).await, ["find a", "find_b", "FIND C"]);
    let second = Page { limit: 1, offset: 1 };
    assert_eq!(find(found, &["name DESC"], second).await, ["find a"]);
    let prompts = "tags.`mlflow.prompt.is_prompt` = 'true'";
    assert_eq!(find(prompts, &[], all).await, ["find a prompt"]);
    let others = "tags.`mlflow.prompt.is_prompt` != 'true' AND name = 'find a'";
    assert_eq!(find(others, &[], all).await, ["find a"]);
}

async fn versions_are_found(store: &dyn Store) {
    for (source, run, seconds) in [("s3://b/1", Some("r1"), 1), ("s3://b/2", None, 2)] {
        store.ensure_model("find versions", at(1)).await.unwrap();
        let new = NewVersion {
            run: run.map(id),
            source: Some(source.into()),
            tags: [("n".to_string(), seconds.to_string())].into(),
            ..version("find versions", "", seconds)
        };
        store.create_version(new).await.unwrap();
    }
    store.register(version("find others", "d", 3)).await.unwrap();
    let find = async |filter: &str, orders: &[&str]| {
        let filter = Filter::parse(filter, &Searchable::VERSIONS).unwrap();
        let orders: Vec<_> = orders.iter().map(ToString::to_string).collect();
        let order = Order::parse_all(&orders, &Searchable::VERSIONS).unwrap();
        let query = VersionQuery { filter, order, page: Page::default() };
        let found = store.search_versions(&query).await.unwrap();
        let named = |v: ModelVersion| format!("{}/{}", v.model, v.version);
        found.into_iter().map(named).collect::<Vec<_>>()
    };
    let [first, second] = ["find versions/1", "find versions/2"];
    let ours = "name = 'find versions'";
    assert_eq!(find(ours, &[]).await, [second, first]);
    assert_eq!(find(ours, &["version_number ASC"]).await, [first, second]);
    let others = "name LIKE 'find %'";
    let by_time = ["last_updated_timestamp DESC"];
    assert_eq!(find(others, &by_time).await, ["find others/1", second, first]);
    let of_run = format!("run_id = '{}' AND {ours}", id("r1"));
    assert_eq!(find(&of_run, &[]).await, [first]);
    assert_eq!(find(&format!("run_id != '{}' AND {ours}", id("r1")), &[]).await, [second]);
    assert_eq!(find("source_path = 's3://b/2'", &[]).await, [second]);
    assert_eq!(find("source_path LIKE 'models/find%'", &[]).await, ["find others/1"]);
    assert_eq!(find(&format!("version_number > 1 AND {ours}"), &[]).await, [second]);
    assert_eq!(find(&format!("tags.n = '1' AND {ours}"), &[]).await, [first]);
}
