//! What a route needs of whoever calls it, by its method and its path.
//!
//! Nothing is listed that could be forgotten: what only looks needs the right to read, what is known
//! to log or to change needs the right to write, and all the rest that of an administrator.

use axum::http::Method;
use gristmill_track::Level;

/// What a route needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Need {
    /// How much must be allowed.
    pub(super) level: Level,
    /// Whether it is put on record when it is done.
    pub(super) record: Record,
}

/// Whether what is done is put on record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Record {
    /// It is.
    Kept,
    /// It is not: it only looks, or it logs what a run reached, thousands of times.
    None,
}

/// What a request needs.
pub(super) fn need(method: &Method, path: &str) -> Need {
    let route = route(path);
    if matches!(route.first(), Some(&("webhooks" | "audit"))) {
        let record = if method.is_safe() { Record::None } else { Record::Kept };
        return Need { level: Level::Admin, record };
    }
    if method.is_safe() || is_question(&route) {
        return Need { level: Level::Read, record: Record::None };
    }
    if removes(method, &route) {
        return Need { level: Level::Admin, record: Record::Kept };
    }
    match route.first().copied().unwrap_or_default() {
        // What it registers and which alias it moves is on record.
        "runs" if route.len() > 2 && route.last() == Some(&"model") => {
            Need { level: Level::Write, record: Record::Kept }
        }
        "runs" | "logged-models" | "traces" | "artifacts" | "mpu" => {
            Need { level: Level::Write, record: Record::None }
        }
        // What an alias needs is laid down by others than those whom it binds.
        "models" if route.last() == Some(&"rule") => {
            Need { level: Level::Admin, record: Record::Kept }
        }
        // Outcomes and labels come as often as requests do.
        "models" if matches!(route.last(), Some(&("outcomes" | "labels"))) => {
            Need { level: Level::Write, record: Record::None }
        }
        "experiments" | "registered-models" | "model-versions" | "models" | "hooks" => {
            Need { level: Level::Write, record: Record::Kept }
        }
        _ => Need { level: Level::Admin, record: Record::Kept },
    }
}

/// The path behind what all routes of an API begin with.
pub(super) fn route(path: &str) -> Vec<&str> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    match parts.as_slice() {
        ["api" | "ajax-api", "2.0" | "3.0", "mlflow" | "mlflow-artifacts", rest @ ..]
        | ["api", "v1", rest @ ..]
        | rest => rest.to_vec(),
    }
}

/// Questions that are too long for the query of a `GET`; those to models among them.
fn is_question(route: &[&str]) -> bool {
    let asks_model = match route {
        ["invocations"] | ["models", _, "invocations"] => true,
        ["inference.GRPCInferenceService", _] => true,
        ["v2", "models", _, "infer"] | ["v2", "models", _, "versions", _, "infer"] => true,
        ["v1", "models", asked] | ["v1", "models", _, "versions", asked] => {
            asked.ends_with(":predict")
        }
        _ => false,
    };
    asks_model
        || matches!(route.last(), Some(&("search" | "search-datasets" | "get-latest-versions")))
}

fn removes(method: &Method, route: &[&str]) -> bool {
    match route {
        ["experiments" | "runs", "delete" | "restore"] => true,
        ["registered-models" | "model-versions", "delete"] => true,
        ["logged-models", _] | ["artifacts", ..] => method == Method::DELETE,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(method: Method, path: &str, level: Level, record: Record) {
        for root in ["/api/2.0/mlflow/", "/ajax-api/2.0/mlflow/", "/api/3.0/mlflow/"] {
            let path = format!("{root}{path}");
            assert_eq!(need(&method, &path), Need { level, record }, "{method} {path}");
        }
    }

    #[test]
    fn looking_needs_the_right_to_read() {
        for path in ["runs/get", "registered-models/search", "logged-models/m-1", "anything/new"] {
            check(Method::GET, path, Level::Read, Record::None);
        }
        for path in ["runs/search", "experiments/search", "logged-models/search"] {
            check(Method::POST, path, Level::Read, Record::None);
        }
        check(Method::POST, "registered-models/get-latest-versions", Level::Read, Record::None);
    }

    #[test]
    fn asking_a_model_needs_the_right_to_read() {
        for path in [
            "/invocations",
            "/models/churn/invocations",
            "/v1/models/churn:predict",
            "/v1/models/churn/versions/3:predict",
            "/v2/models/churn/infer",
            "/v2/models/churn/versions/3/infer",
            "/inference.GRPCInferenceService/ModelInfer",
        ] {
            let need = need(&Method::POST, path);
            assert_eq!(need, Need { level: Level::Read, record: Record::None }, "{path}");
        }
    }

    #[test]
    fn changing_needs_the_right_to_write() {
        check(Method::POST, "runs/log-batch", Level::Write, Record::None);
        check(Method::PATCH, "logged-models/m-1/tags", Level::Write, Record::None);
        check(Method::DELETE, "logged-models/m-1/tags/a", Level::Write, Record::None);
        check(Method::POST, "registered-models/alias", Level::Write, Record::Kept);
        check(Method::DELETE, "registered-models/alias", Level::Write, Record::Kept);
        check(Method::POST, "model-versions/transition-stage", Level::Write, Record::Kept);
    }

    #[test]
    fn removing_needs_an_administrator() {
        check(Method::POST, "experiments/delete", Level::Admin, Record::Kept);
        check(Method::POST, "runs/restore", Level::Admin, Record::Kept);
        check(Method::DELETE, "registered-models/delete", Level::Admin, Record::Kept);
        check(Method::DELETE, "logged-models/m-1", Level::Admin, Record::Kept);
        let artifact = "/api/2.0/mlflow-artifacts/artifacts/0/a/b";
        assert_eq!(need(&Method::DELETE, artifact).level, Level::Admin);
        assert_eq!(need(&Method::PUT, artifact).level, Level::Write);
        let parts = "/api/2.0/mlflow-artifacts/mpu/create/0/a";
        assert_eq!(need(&Method::POST, parts).level, Level::Write);
        let link = "/api/2.0/mlflow-artifacts/presigned/0/a/b";
        assert_eq!(need(&Method::GET, link).level, Level::Read);
    }

    #[test]
    fn webhooks_are_an_administrators_even_to_look_at() {
        check(Method::GET, "webhooks", Level::Admin, Record::None);
        check(Method::PATCH, "webhooks/1", Level::Admin, Record::Kept);
    }

    #[test]
    fn what_nobody_thought_of_needs_an_administrator() {
        check(Method::POST, "something/new", Level::Admin, Record::Kept);
        assert_eq!(need(&Method::POST, "/").level, Level::Admin);
        assert_eq!(need(&Method::POST, "/api/v1/tokens").level, Level::Admin);
        assert_eq!(need(&Method::GET, "/api/v1/audit").level, Level::Admin);
        let alias = "/api/v1/models/churn/aliases/champion";
        assert_eq!(need(&Method::POST, alias).level, Level::Write);
        assert_eq!(need(&Method::PUT, &format!("{alias}/rule")).level, Level::Admin);
        assert_eq!(need(&Method::POST, "/api/v1/hooks/nightly").level, Level::Write);
        let kept = Need { level: Level::Write, record: Record::Kept };
        assert_eq!(need(&Method::PUT, "/api/v1/models/churn/traffic"), kept);
        assert_eq!(need(&Method::POST, "/api/v1/models/churn/decline"), kept);
        assert_eq!(need(&Method::GET, "/api/v1/models/churn/monitor").level, Level::Read);
        let reported = Need { level: Level::Write, record: Record::None };
        assert_eq!(need(&Method::POST, "/models/churn/outcomes"), reported);
        assert_eq!(need(&Method::POST, "/api/v1/models/churn/labels"), reported);
    }

    #[test]
    fn sending_a_run_needs_the_right_to_write() {
        let sent = "/api/v1/runs/0123456789abcdef0123456789abcdef";
        let written = |record| Need { level: Level::Write, record };
        assert_eq!(need(&Method::POST, sent), written(Record::None));
        assert_eq!(need(&Method::POST, &format!("{sent}/artifacts")), written(Record::None));
        assert_eq!(need(&Method::PUT, &format!("{sent}/folders/ab")), written(Record::None));
        assert_eq!(need(&Method::POST, &format!("{sent}/model")), written(Record::Kept));
        let package = "/api/v1/models/churn/versions/3/package";
        assert_eq!(need(&Method::GET, package).level, Level::Read);
    }
}
