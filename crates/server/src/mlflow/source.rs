//! Where a version may be registered from.
//!
//! Whoever loads a version reads from there. So a source never names a file of this machine, a host
//! that a client chose, or a way out of the place that it begins with; and what lies among our own
//! artifacts belongs to the run or the logged model that the request names.

use std::borrow::Cow;

use gristmill_track::RunId;

/// A source that may be registered from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// Something that a run left: `runs:/ID/path`.
    Run(RunId),
    /// A logged model: `models:/m-...`.
    LoggedModel(String),
    /// A version of a registered model: `models:/name/3`, `models:/name@alias` and so on.
    Version(VersionRef),
    /// A place among our artifacts: `mlflow-artifacts:/...`.
    Artifacts(String),
    /// A place in somebody's store, such as `s3://bucket/key`.
    Elsewhere,
}

/// A version as a source names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum VersionRef {
    /// By its number.
    Number(String, u32),
    /// By an alias.
    Alias(String, String),
    /// The newest in a stage.
    Stage(String, String),
    /// The newest of all.
    Newest(String),
}

/// Why a source is refused, in MLflow's words.
pub(crate) type Refused = String;

/// Schemes by which whoever reads connects to the host that the source names.
const HOST_ADDRESSED: [&str; 9] =
    ["ftp", "sftp", "hdfs", "viewfs", "http", "https", "r2", "b2", "abfss"];

/// What `text` names, or why nothing may be registered from there.
pub(crate) fn read(text: &str) -> Result<Source, Refused> {
    let Some((scheme, rest)) = scheme(text) else { return Err(local(text)) };
    let (host, path) = match rest.strip_prefix("//") {
        Some(rest) => match rest.find('/') {
            Some(end) => rest.split_at(end),
            None => (rest, ""),
        },
        None => ("", rest),
    };
    if scheme == "file" {
        return Err(local(text));
    }
    if HOST_ADDRESSED.contains(&scheme.as_str())
        || (scheme == "mlflow-artifacts" && !host.is_empty())
    {
        return Err(host_addressed(&scheme));
    }
    if scheme == "models" && !host.is_empty() {
        return Err(format!(
            "Invalid model version source: '{text}'. Registered model sources must use the active \
             model registry."
        ));
    }
    if scheme == "runs" && !host.is_empty() {
        return Err(not_of(text, "run_id"));
    }
    if !is_straight(path) {
        return Err(winding(text));
    }
    match scheme.as_str() {
        "runs" => run(path).ok_or_else(|| not_of(text, "run_id")),
        "models" => model(path).ok_or_else(|| not_of(text, "model_id")),
        "mlflow-artifacts" => Ok(Source::Artifacts(text.into())),
        _ => Ok(Source::Elsewhere),
    }
}

/// The refusal of a source that lies elsewhere than in what `parameter` of the request names.
pub(crate) fn not_of(source: &str, parameter: &str) -> Refused {
    format!(
        "Invalid model version source: '{source}'. The {parameter} request parameter must identify \
         the resource that contains the source."
    )
}

/// Whether `source` is `root` or lies below it.
pub(crate) fn is_within(source: &str, root: &str) -> bool {
    let plain = |text: &str| {
        let (scheme, rest) = scheme(text)?;
        Some((scheme, rest.split('/').filter(|part| !part.is_empty()).map(String::from).collect()))
    };
    let (source, root): (Option<(String, Vec<String>)>, _) = (plain(source), plain(root));
    match (source, root) {
        (Some((source_scheme, source)), Some((root_scheme, root))) => {
            source_scheme == root_scheme && !root.is_empty() && source.starts_with(&root)
        }
        _ => false,
    }
}

/// The scheme in small letters, and what stands behind its colon.
fn scheme(text: &str) -> Option<(String, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let mut letters = scheme.chars();
    let plain = letters.next().is_some_and(|first| first.is_ascii_alphabetic())
        && letters.all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    // One letter is a drive.
    (plain && scheme.len() > 1).then(|| (scheme.to_ascii_lowercase(), rest))
}

/// Whether the path leads nowhere but onwards, however often it is encoded.
fn is_straight(path: &str) -> bool {
    let mut text = Cow::Borrowed(path);
    loop {
        let parts = text.split(['/', '\\', '?', '#']);
        if text.contains('\0') || parts.into_iter().any(|part| matches!(part, "." | "..")) {
            return false;
        }
        match decoded(&text) {
            Some(plainer) => text = Cow::Owned(plainer),
            None => return true,
        }
    }
}

/// The text with its percent signs decoded once; nothing when there is none to decode.
fn decoded(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let digits = bytes.get(at + 1..at + 3).and_then(|pair| std::str::from_utf8(pair).ok());
        let value = digits.filter(|_| *byte == b'%');
        match value.and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
            Some(value) => {
                plain.push(value);
                at += 3;
            }
            None => {
                plain.push(*byte);
                at += 1;
            }
        }
    }
    (plain.len() < bytes.len()).then(|| String::from_utf8_lossy(&plain).into_owned())
}

fn run(path: &str) -> Option<Source> {
    let id = path.trim_start_matches('/').split('/').next()?;
    id.parse().ok().map(Source::Run)
}

fn model(path: &str) -> Option<Source> {
    let path = path.strip_prefix('/')?;
    if let Some((name, suffix)) = path.split_once('/') {
        if name.trim().is_empty() || suffix.trim().is_empty() || suffix.contains('/') {
            return None;
        }
        let name = name.to_string();
        return Some(Source::Version(match suffix.parse() {
            Ok(number) => VersionRef::Number(name, number),
            Err(_) if suffix.eq_ignore_ascii_case("latest") => VersionRef::Newest(name),
            Err(_) => VersionRef::Stage(name, suffix.into()),
        }));
    }
    match path.rsplit_once('@') {
        Some((name, alias)) if !name.trim().is_empty() && !alias.trim().is_empty() => {
            Some(Source::Version(VersionRef::Alias(name.into(), alias.into())))
        }
        Some(_) => None,
        None => (!path.trim().is_empty()).then(|| Source::LoggedModel(path.into())),
    }
}

fn local(source: &str) -> Refused {
    format!(
        "Invalid model version source: '{source}'. To use a local path as a model version source, \
         the run_id request parameter has to be specified and the local path has to be contained \
         within the artifact directory of the run specified by the run_id."
    )
}

fn winding(source: &str) -> Refused {
    format!(
        "Invalid model version source: '{source}'. If supplying a source as an http, https, local \
         file path, ftp, objectstore, or mlflow-artifacts uri, an absolute path must be provided \
         without relative path references present. Please provide an absolute path."
    )
}

fn host_addressed(scheme: &str) -> Refused {
    format!(
        "'source' cannot use the '{scheme}' scheme: whoever loads the model would connect to the \
         host that it names; use artifacts of this server, or an object store"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Source) {
        assert_eq!(read(text), Ok(expected), "{text}");
    }

    #[track_caller]
    fn refused(texts: &[&str], said: &str) {
        for text in texts {
            let error = read(text).expect_err(text);
            assert!(error.contains(said), "{text}: {error}");
        }
    }

    #[test]
    fn what_belongs_to_us_is_known() {
        let run = "0123456789abcdef0123456789abcdef";
        check(&format!("runs:/{run}/model"), Source::Run(run.parse().unwrap()));
        check("models:/m-1", Source::LoggedModel("m-1".into()));
        let version = |named| Source::Version(named);
        check("models:/churn/3", version(VersionRef::Number("churn".into(), 3)));
        check("models:/churn/Latest", version(VersionRef::Newest("churn".into())));
        let stage = VersionRef::Stage("churn".into(), "Production".into());
        check("models:/churn/Production", version(stage));
        let alias = VersionRef::Alias("churn".into(), "champion".into());
        check("models:/churn@champion", version(alias));
        let place = "mlflow-artifacts:/0/run/artifacts/a b%20c";
        check(place, Source::Artifacts(place.into()));
        check("s3://bucket/key", Source::Elsewhere);
        check("dbfs:/a/b..c/d", Source::Elsewhere);
    }

    #[test]
    fn a_file_of_this_machine_is_no_source() {
        let said = "To use a local path as a model version source";
        refused(
            &["/etc/passwd", "file:///etc/passwd", "FILE:/etc", "a/b", "", "C:\\x", "c:/x"],
            said,
        );
        refused(&["file://localhost/etc", "file:a", "./a", "~/.ssh", "\\\\host\\share"], said);
    }

    #[test]
    fn a_host_that_a_client_chose_is_no_source() {
        let said = "the host that it names";
        refused(&["http://169.254.169.254/latest", "https://a/b", "ftp://a/b", "HTTP:a"], said);
        refused(&["mlflow-artifacts://evil.example/0/a", "sftp://a", "hdfs://a/b"], said);
        refused(&["runs://evil/0123456789abcdef0123456789abcdef/a"], "run_id request parameter");
        refused(&["models://evil/churn/1"], "the active model registry");
    }

    #[test]
    fn a_way_out_is_no_source_however_it_is_written() {
        let said = "without relative path references";
        for path in [
            "../../etc",
            "a/../b",
            "..",
            "%2e%2e/a",
            "%252e%252e%252fa",
            "a/./b",
            "a%00",
            "..\\a",
            "a?/../b",
        ] {
            refused(&[&format!("mlflow-artifacts:/{path}"), &format!("s3://bucket/{path}")], said);
        }
    }

    #[test]
    fn a_source_lies_within_its_root_or_does_not() {
        let root = "mlflow-artifacts:/0/r1/artifacts";
        assert!(is_within("mlflow-artifacts:/0/r1/artifacts/model", root));
        assert!(is_within("mlflow-artifacts:///0/r1/artifacts", root));
        assert!(!is_within("mlflow-artifacts:/0/r1/artifacts2/model", root));
        assert!(!is_within("mlflow-artifacts:/0/r2/artifacts/model", root));
        assert!(!is_within("s3:/0/r1/artifacts/model", root));
        assert!(!is_within("mlflow-artifacts:/a", "mlflow-artifacts:/"));
    }
}
