//! `gristmill export airflow|kubeflow FILE`: a pipeline file as a DAG of another system.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use gristmill::export::{self, AirflowPlace, Exported, KubeflowPlace};
use serde_json::json;

use crate::context::Context;

/// Write a pipeline file as a DAG of Airflow or a pipeline of Kubeflow
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    system: System,
}

#[derive(Debug, Subcommand)]
enum System {
    /// A DAG file for Airflow 3; Airflow 2.10 loads it too
    Airflow {
        #[command(flatten)]
        what: What,
        /// Where the pipeline file stands on the workers [default: where it stands here]
        #[arg(long, value_name = "PATH")]
        path: Option<String>,
    },
    /// A pipeline of Kubeflow Pipelines 2, in its intermediate YAML
    Kubeflow {
        #[command(flatten)]
        what: What,
        /// The image with gristmill, the pipeline file and all that its commands call
        #[arg(long)]
        image: String,
        /// Where the pipeline file stands in the image [default: /pipeline/NAME]
        #[arg(long, value_name = "PATH")]
        path: Option<String>,
        /// Where the home is in the containers
        #[arg(long, value_name = "DIR", default_value = "/gristmill")]
        mount: String,
        /// The persistent volume claim that is mounted there
        #[arg(long, value_name = "NAME")]
        claim: Option<String>,
        /// The Kubernetes secret whose keys are the names of the file's secrets
        #[arg(long, value_name = "NAME")]
        secret: Option<String>,
    },
}

#[derive(Debug, Args)]
struct What {
    /// The pipeline file
    file: PathBuf,
    /// Where to write it [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Change a value for all its runs: --set data.split.test=0.3
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<String>,
}

pub fn run(arguments: &Arguments, context: &Context) -> anyhow::Result<()> {
    match &arguments.system {
        System::Airflow { what, path } => {
            let place = AirflowPlace {
                file: path.clone().map_or_else(|| whole(&what.file), Ok)?,
                home: whole(context.home.root())?,
            };
            write(export::airflow(&what.file, &what.set, &place)?, what, context)
        }
        System::Kubeflow { what, image, path, mount, claim, secret } => {
            let name = what.file.file_name().unwrap_or_default().to_string_lossy();
            let place = KubeflowPlace {
                image: image.clone(),
                file: path.clone().unwrap_or_else(|| format!("/pipeline/{name}")),
                home: mount.clone(),
                claim: claim.clone(),
                secret: secret.clone(),
            };
            write(export::kubeflow(&what.file, &what.set, &place)?, what, context)
        }
    }
}

fn whole(path: &Path) -> anyhow::Result<String> {
    Ok(std::path::absolute(path)?.to_string_lossy().into_owned())
}

fn write(exported: Exported, what: &What, context: &Context) -> anyhow::Result<()> {
    for note in &exported.notes {
        context.say(&format!("note: {note}"));
    }
    let Some(path) = &what.output else {
        let said = json!({"text": exported.text, "notes": exported.notes});
        return context.print(&said, || exported.text.clone());
    };
    fs_err::write(path, &exported.text)?;
    let said = json!({"file": path, "notes": exported.notes});
    context.print(&said, || format!("wrote {}", path.display()))
}
