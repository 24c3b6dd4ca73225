//! What every store must do for tokens, roles and the record.

use gristmill_track::*;

use super::{at, note};

pub async fn all(store: &dyn Store) {
    a_token_is_found_by_what_it_hashes_to(store).await;
    a_role_goes_before_the_scope(store).await;
    roles_follow_their_model(store).await;
    the_record_is_kept_for_a_while(store).await;
}

fn new(name: &str, word: &str) -> NewToken {
    NewToken {
        name: name.into(),
        hash: Token::hash_of(word),
        scope: Level::Write,
        created: at(1),
        expires: Some(at(100)),
    }
}

async fn a_token_is_found_by_what_it_hashes_to(store: &dyn Store) {
    assert_eq!(store.tokens().await.unwrap(), []);
    let made = store.create_token(new("ci", "sesame")).await.unwrap();
    assert_eq!((made.scope, made.used, made.revoked), (Level::Write, None, None));
    assert_eq!(store.token_of(Token::hash_of("sesame")).await.unwrap(), Some(made.clone()));
    assert_eq!(store.token_of(Token::hash_of("open")).await.unwrap(), None);
    let refused = store.create_token(new("ci", "other")).await;
    assert!(matches!(refused, Err(TrackError::Exists { .. })), "{refused:?}");
    let useless = NewToken { scope: Level::None, ..new("useless", "x") };
    assert!(matches!(store.create_token(useless).await, Err(TrackError::Invalid { .. })));
    store.create_token(NewToken { expires: None, ..new("bob", "b") }).await.unwrap();

    store.note_token_use("ci", at(5)).await.unwrap();
    store.revoke_token("ci", at(6)).await.unwrap();
    store.revoke_token("ci", at(7)).await.unwrap();
    let found = store.tokens().await.unwrap();
    assert_eq!(found.iter().map(|token| token.name.as_str()).collect::<Vec<_>>(), ["bob", "ci"]);
    assert_eq!(found[1], Token { used: Some(at(5)), revoked: Some(at(6)), ..made });
    assert_eq!(found[0].expires, None);
    let error = store.revoke_token("bbo", at(8)).await.unwrap_err();
    assert_eq!(error.hint().as_deref(), Some("did you mean `bob`?"));
    assert!(store.note_token_use("nobody", at(8)).await.is_err());
}

fn role(kind: ThingKind, name: &str, level: Level) -> Role {
    Role { token: "ci".into(), kind, name: name.into(), level }
}

async fn a_role_goes_before_the_scope(store: &dyn Store) {
    store.grant(role(ThingKind::Model, "churn", Level::Admin)).await.unwrap();
    store.grant(role(ThingKind::Model, "churn", Level::None)).await.unwrap();
    store.grant(role(ThingKind::Experiment, "7", Level::Read)).await.unwrap();
    let expected = [
        role(ThingKind::Experiment, "7", Level::Read),
        role(ThingKind::Model, "churn", Level::None),
    ];
    assert_eq!(store.roles("ci").await.unwrap(), expected);
    assert!(store.withdraw("ci", ThingKind::Experiment, "7").await.unwrap());
    assert!(!store.withdraw("ci", ThingKind::Experiment, "7").await.unwrap());
    assert_eq!(store.roles("ci").await.unwrap(), expected[1..]);
    assert_eq!(store.roles("nobody").await.unwrap(), []);
    let nobody = Role { token: "nobody".into(), ..expected[0].clone() };
    assert!(matches!(store.grant(nobody).await, Err(TrackError::NotFound { .. })));
}

async fn roles_follow_their_model(store: &dyn Store) {
    store.ensure_model("guarded", at(1)).await.unwrap();
    store.grant(role(ThingKind::Model, "guarded", Level::Admin)).await.unwrap();
    // Given when another model had that name.
    store.grant(role(ThingKind::Model, "kept", Level::None)).await.unwrap();
    store.rename_model("guarded", "kept", note(2, "")).await.unwrap();
    let named = async |name: &str| {
        let roles = store.roles("ci").await.unwrap();
        roles.into_iter().find(|role| role.name == name).map(|role| role.level)
    };
    assert_eq!((named("guarded").await, named("kept").await), (None, Some(Level::Admin)));
    store.delete_model("kept").await.unwrap();
    assert_eq!(named("kept").await, None, "the next model of this name is another one");
}

async fn the_record_is_kept_for_a_while(store: &dyn Store) {
    let line = |seconds, who: &str, outcome| AuditLine {
        at: at(seconds),
        who: who.into(),
        origin: "10.0.0.1".into(),
        did: "model-versions/delete".into(),
        thing: format!("churn/{seconds}"),
        outcome,
    };
    let first = vec![line(1, "ci", Outcome::Allowed), line(2, "", Outcome::Refused)];
    store.record_audit(first.clone()).await.unwrap();
    store.record_audit(Vec::new()).await.unwrap();
    store.record_audit((3..500).map(|n| line(n, "ci", Outcome::Failed)).collect()).await.unwrap();
    let find = async |query: AuditQuery| store.audit(&query).await.unwrap();
    let page = Page { limit: 1, offset: 1 };
    let latest = find(AuditQuery { page, ..AuditQuery::default() }).await;
    assert_eq!(latest, [line(498, "ci", Outcome::Failed)]);
    let refused = AuditQuery { outcome: Some(Outcome::Refused), ..AuditQuery::default() };
    assert_eq!(find(refused.clone()).await, [first[1].clone()]);
    let thing = Some("churn/1".to_string());
    let both = AuditQuery { who: Some("ci".into()), thing, ..AuditQuery::default() };
    assert_eq!(find(both).await, [first[0].clone()]);
    assert_eq!(store.forget_audit(at(3)).await.unwrap(), 2);
    assert_eq!(find(refused).await, []);
    assert_eq!(store.forget_audit(at(3)).await.unwrap(), 0);
}
