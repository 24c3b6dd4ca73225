//! `gristmill export airflow|kubeflow FILE`: a pipeline file as a DAG of another system;
//! `gristmill export onnx MODEL`: a model as a file that other runtimes answer by.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use gristmill::export::{self, AirflowPlace, Exported, KubeflowPlace, OnnxExport};
use serde_json::json;

use crate::context::Context;

/// Write a pipeline file as a DAG of Airflow or Kubeflow, or a model as an ONNX file
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
    /// A model with its whole pipeline as an ONNX file
    Onnx {
        /// `name`, `name@alias`, `name/version`, or the path of a package
        model: String,
        /// Where to write it [default: NAME.onnx]
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
        /// A Python with onnxruntime, which answers the package's golden rows before the file is
        /// written
        #[arg(long, value_name = "PYTHON", env = export::ONNX_PYTHON, hide_env_values = true)]
        verify_with: Option<OsString>,
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
        System::Onnx { model, output, verify_with } => {
            // A variable that is set to nothing names no Python.
            let python = verify_with.as_deref().filter(|python| !python.is_empty()).map(Path::new);
            let exported = export::onnx(&context.home, model, output.as_deref(), python)?;
            for note in &exported.notes {
                context.say(&format!("note: {note}"));
            }
            context.print(&json!(exported), || shown(&exported))
        }
    }
}

fn shown(exported: &OnnxExport) -> String {
    let verified = match &exported.verified {
        Some(verified) => format!(
            "{} answers {} golden rows within {:.1e} of the package",
            verified.runtime, verified.rows, verified.largest_difference
        ),
        None => format!(
            "not verified: no onnxruntime; name a Python that has it by --verify-with or {}",
            export::ONNX_PYTHON
        ),
    };
    format!("wrote {}\n{verified}", exported.path.display())
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
