//! The options of `mlflow server`, so that `gristmill up` takes its place in a script as it is.

use std::path::{Path, PathBuf};

use clap::Args;
use gristmill::{Error, Home};

/// What `mlflow server` is told by.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Options of `mlflow server`")]
pub struct OfMlflow {
    /// Where runs and models are kept: `postgresql://...`, or a file or folder beside which a home
    /// `.gristmill` is made
    #[arg(long, value_name = "URI")]
    backend_store_uri: Option<String>,
    /// Where clients are to put artifacts: `mlflow-artifacts:/`, which is this server; anything else
    /// means the same as `--artifacts-destination`, since all of them go through this server
    #[arg(long, value_name = "URI")]
    default_artifact_root: Option<String>,
    /// Where this server keeps artifacts: `s3://BUCKET/PREFIX`, `file:///FOLDER` or a folder
    /// [default: the variable GRISTMILL_ARTIFACTS, else the home]
    #[arg(long, value_name = "URI")]
    artifacts_destination: Option<String>,
    /// Take artifacts in and give them out, which it always does
    #[arg(long)]
    serve_artifacts: bool,
}

impl OfMlflow {
    /// The home that these options mean; without any of them the usual one.
    pub fn home(&self, usual: &Home) -> Result<Home, Error> {
        let home = self.home_of_runs(usual)?;
        Ok(match self.artifacts()? {
            Some(address) => home.with_artifacts(address),
            None => home,
        })
    }

    fn home_of_runs(&self, usual: &Home) -> Result<Home, Error> {
        let Some(uri) = &self.backend_store_uri else { return Ok(usual.clone()) };
        if let Some(address) = database(uri) {
            return Ok(usual.clone().with_database(address));
        }
        let path = path(uri)?;
        refuse_mlflow(&path)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        Ok(usual
            .clone()
            .moved_to(folder.unwrap_or(Path::new(".")).join(".gristmill"))
            .without_database())
    }

    /// Where artifacts are to be kept, when either option says so.
    fn artifacts(&self) -> Result<Option<&str>, Error> {
        let root = self.default_artifact_root.as_deref();
        let root = root.filter(|root| !root.starts_with("mlflow-artifacts:"));
        match (self.artifacts_destination.as_deref(), root) {
            (Some(destination), Some(root)) if destination != root => Err(Error::input(
                "`--default-artifact-root` and `--artifacts-destination` name two places",
            )
            .with_hint("clients put artifacts through this server: leave out the first")),
            (destination, root) => Ok(destination.or(root)),
        }
    }
}

/// The address of a Postgres database, without the name of the driver that Python would take.
fn database(uri: &str) -> Option<String> {
    let (scheme, rest) = uri.split_once("://")?;
    let kind = scheme.split('+').next().unwrap_or(scheme);
    matches!(kind, "postgres" | "postgresql").then(|| format!("postgres://{rest}"))
}

fn path(uri: &str) -> Result<PathBuf, Error> {
    let Some((scheme, rest)) = uri.split_once("://") else { return Ok(uri.into()) };
    match scheme {
        // One slash more than the scheme has: what follows is relative, unless it begins with another.
        "sqlite" => Ok(rest.strip_prefix('/').unwrap_or(rest).into()),
        "file" => Ok(rest.into()),
        _ => Err(Error::input(format!(
            "`--backend-store-uri` is `{scheme}://...`, which nothing here keeps"
        ))
        .with_hint("use a `postgresql://` address, `sqlite:///FILE` or a folder")),
    }
}

/// What MLflow keeps in its own way is left alone.
fn refuse_mlflow(path: &Path) -> Result<(), Error> {
    let is_database = path.is_file();
    if is_database || path.join("0/meta.yaml").is_file() {
        let what = if is_database { "a database" } else { "a folder of runs" };
        return Err(Error::input(format!("`{}` is {what} of MLflow's", path.display())).with_hint(
            "name a place where there is nothing yet; `gristmill import mlflow PATH` takes over what \
             stands there",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(uri: &str) -> OfMlflow {
        OfMlflow { backend_store_uri: Some(uri.into()), ..OfMlflow::default() }
    }

    #[track_caller]
    fn check(uri: &str, expected: &str) {
        let home = told(uri).home(&Home::at("usual")).unwrap();
        assert_eq!((home.root(), home.is_shared()), (Path::new(expected), false), "{uri}");
    }

    #[test]
    fn a_home_stands_beside_what_is_named() {
        check("sqlite:///mlflow.db", "./.gristmill");
        check("sqlite:////data/mlflow.db", "/data/.gristmill");
        check("./mlruns", "./.gristmill");
        check("file:///data/mlruns", "/data/.gristmill");
    }

    #[test]
    fn a_database_is_one_whatever_drives_it() {
        for uri in ["postgresql://u@h/d", "postgres://u@h/d", "postgresql+psycopg2://u@h/d"] {
            let home = told(uri).home(&Home::at("usual")).unwrap();
            assert_eq!(home, Home::at("usual").with_database("postgres://u@h/d"), "{uri}");
        }
    }

    #[test]
    fn artifacts_are_kept_where_either_option_says() {
        let told = |destination: Option<&str>, root: Option<&str>| OfMlflow {
            artifacts_destination: destination.map(String::from),
            default_artifact_root: root.map(String::from),
            ..OfMlflow::default()
        };
        let usual = Home::at("usual").with_artifacts("s3://usual");
        let kept = |place: &str| usual.clone().with_artifacts(place);
        for (destination, root, place) in [
            (None, None, "s3://usual"),
            (None, Some("mlflow-artifacts:/"), "s3://usual"),
            (Some("s3://lake/a"), None, "s3://lake/a"),
            (Some("s3://lake/a"), Some("mlflow-artifacts:/"), "s3://lake/a"),
            (None, Some("./mlruns"), "./mlruns"),
        ] {
            assert_eq!(told(destination, root).home(&usual).unwrap(), kept(place));
        }
        assert!(told(Some("s3://lake/a"), Some("s3://lake/b")).home(&usual).is_err());
    }

    #[test]
    fn what_mlflow_keeps_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("mlflow.db");
        fs_err::write(&file, "SQLite format 3").unwrap();
        let uri = format!("sqlite:///{}", file.display());
        let error = told(&uri).home(&Home::at("usual")).unwrap_err();
        assert!(error.message.ends_with("is a database of MLflow's"), "{}", error.message);
        assert!(told("mysql://u@h/d").home(&Home::at("usual")).is_err());
    }
}
