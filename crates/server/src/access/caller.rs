//! Who asks, and what they may do.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use gristmill_core::Timestamp;
use gristmill_track::{ExperimentId, Level, Note, Role, ThingKind};

use crate::house::House;
use crate::mlflow::{ErrorCode, Refusal};

/// Where a connection comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// Who asks.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// The token's name; empty on a server that asks for none.
    pub(crate) name: String,
    /// What may be done with everything that no role is about.
    pub(super) scope: Level,
    pub(super) roles: Arc<[Role]>,
    /// Why it is done, as the caller says.
    pub(super) why: String,
}

impl Caller {
    /// Somebody on this machine, who may do everything.
    pub(super) fn local() -> Self {
        Self { name: String::new(), scope: Level::Admin, roles: Arc::default(), why: String::new() }
    }

    /// A note of this caller for the history of a model.
    pub(crate) fn note(&self, now: Timestamp) -> Note {
        Note::new(now, &self.name, &self.why)
    }

    /// What may be done with a thing: a role goes before the scope.
    pub(crate) fn level_on(&self, kind: ThingKind, name: &str) -> Level {
        let role = self.roles.iter().find(|role| role.kind == kind && role.name == name);
        role.map_or(self.scope, |role| role.level)
    }

    /// Whether a model may be shown to this caller.
    pub(crate) fn may_see_model(&self, name: &str) -> bool {
        self.level_on(ThingKind::Model, name) >= Level::Read
    }

    /// Whether an experiment may be shown to this caller.
    pub(crate) fn may_see_experiment(&self, id: ExperimentId) -> bool {
        self.level_on(ThingKind::Experiment, &id.to_string()) >= Level::Read
    }
}

impl FromRequestParts<Arc<House>> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<House>) -> Result<Self, Refusal> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| {
            Refusal::new(
                ErrorCode::InternalError,
                "the guard let nobody in, which is a bug of ours",
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(scope: Level, roles: &[(&str, Level)]) -> Caller {
        let role = |(name, level): &(&str, Level)| Role {
            token: "ci".into(),
            kind: ThingKind::Model,
            name: (*name).into(),
            level: *level,
        };
        Caller { scope, roles: roles.iter().map(role).collect(), ..Caller::local() }
    }

    #[track_caller]
    fn check(caller: &Caller, name: &str, expected: Level) {
        assert_eq!(caller.level_on(ThingKind::Model, name), expected);
    }

    #[test]
    fn a_role_goes_before_the_scope_up_and_down() {
        let reader = caller(Level::Read, &[("churn", Level::Admin), ("secret", Level::None)]);
        check(&reader, "churn", Level::Admin);
        check(&reader, "secret", Level::None);
        check(&reader, "other", Level::Read);
        assert!(!reader.may_see_model("secret"));
        assert!(reader.may_see_experiment(ExperimentId::DEFAULT));
    }

    #[test]
    fn a_role_is_about_one_sort_of_thing() {
        let reader = caller(Level::Read, &[("0", Level::None)]);
        assert!(reader.may_see_experiment(ExperimentId::DEFAULT));
    }
}
