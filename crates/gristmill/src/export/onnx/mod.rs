//! A registered model as an ONNX file: all of its pipeline, from raw columns to answers.
//!
//! The file comes into place only whole, and only if a runtime that was named answers the
//! package's golden rows as the package does.

mod compare;
mod forms;
mod rows;
mod runtime;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use gristmill_core::graph::{Kind, Port, Program};
use gristmill_core::{Error as CoreError, FittedPipeline, Scope, Table, TargetSpec};
use gristmill_onnx::{About, IR_VERSION, LEARNING_OPSET, OPSET};
use serde::Serialize;

pub use compare::TOLERANCE;
pub use forms::{WITHOUT_FORM, WithoutForm};

use crate::catalog::catalog;
use crate::{Error, Home, Result, models};

/// Names the Python that has onnxruntime.
pub const ONNX_PYTHON: &str = "GRISTMILL_ONNX_PYTHON";

/// A model that became an ONNX file.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OnnxExport {
    /// Where the file stands.
    pub path: PathBuf,
    /// How many bytes it has.
    pub bytes: u64,
    /// The version of the file format.
    pub ir_version: i64,
    /// The versions of the operators by their domain.
    pub opsets: BTreeMap<&'static str, i64>,
    /// How many operations it has.
    pub operations: usize,
    /// What it is asked with, in the order of the model's columns.
    pub inputs: Vec<OnnxPort>,
    /// What it answers.
    pub outputs: Vec<OnnxPort>,
    /// How a runtime answered the golden rows; nothing when none was named.
    pub verified: Option<OnnxVerified>,
    /// What a person should know.
    pub notes: Vec<String>,
}

/// A tensor that goes in or comes out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OnnxPort {
    /// Its name.
    pub name: String,
    /// What its elements are: `double`, `int64` or `string`.
    pub element: &'static str,
    /// `rows` and how many columns.
    pub shape: (&'static str, usize),
}

/// How a runtime answered.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OnnxVerified {
    /// The runtime with its version.
    pub runtime: String,
    /// How many golden rows it answered.
    pub rows: usize,
    /// The largest difference from the package's answers, in relation to numbers above 1.
    pub largest_difference: f64,
    /// How large it might have been.
    pub tolerance: f64,
}

/// The ONNX file of a fitted pipeline, called `name`.
///
/// # Errors
/// When a step has no form in ONNX, which is said by name.
pub fn onnx_bytes(pipeline: &FittedPipeline, name: &str) -> Result<(Vec<u8>, Program)> {
    refuse_without_form(pipeline)?;
    let program = pipeline.express().map_err(with_remedy)?;
    let bytes = gristmill_onnx::encode(&program, &about(pipeline, name));
    Ok((bytes.map_err(refused)?, program))
}

fn refused(error: gristmill_onnx::Error) -> Error {
    match error {
        gristmill_onnx::Error::TooLarge { .. } => Error::input(error.to_string())
            .with_hint("train a smaller model: fewer trees, fewer neighbours, fewer columns"),
        other => Error::bug(other.to_string()),
    }
}

fn refuse_without_form(pipeline: &FittedPipeline) -> Result<()> {
    let steps = pipeline.steps().iter().map(|step| (step.kind(), step.scope()));
    for (kind, scope) in steps.chain([(pipeline.model().kind(), Scope::RowWise)]) {
        let known = WITHOUT_FORM.iter().find(|without| without.kind == kind);
        let reason = match (known, scope) {
            (Some(known), _) => known.reason,
            (None, Scope::RowWise) => continue,
            (None, _) => "it looks at other rows",
        };
        let step = CoreError::NoForm { what: format!("step `{kind}`"), reason: reason.into() };
        return Err(with_remedy(step));
    }
    Ok(())
}

fn with_remedy(error: CoreError) -> Error {
    let has_no_form = matches!(error, CoreError::NoForm { .. });
    let error = Error::from(error);
    if has_no_form {
        return error.with_hint("serve the package itself: `gristmill serve`");
    }
    error
}

fn about(pipeline: &FittedPipeline, name: &str) -> About {
    let target = pipeline.target();
    let mut facts = Vec::new();
    if let Some(labels) = &target.labels {
        let classes = serde_json::Value::from(labels.names().to_vec());
        facts.push(("gristmill.classes".to_owned(), classes.to_string()));
    }
    if let Some(field) = &target.field {
        facts.push(("gristmill.target".to_owned(), field.name.clone()));
    }
    About {
        name: name.to_owned(),
        version: env!("CARGO_PKG_VERSION").into(),
        description: "Numbers are doubles with NaN for missing, words strings with the empty one \
                      for missing, moments microseconds since 1970-01-01T00:00:00Z."
            .into(),
        facts,
    }
}

/// Writes the model that `reference` means to `output`, else to `NAME.onnx`. With a `python` that
/// has onnxruntime it answers the golden rows first, and nothing is written unless all answers are
/// within [`TOLERANCE`] of the package's.
///
/// # Errors
/// When there is no such model; when a step has no form in ONNX; when `python` cannot be run or
/// lacks onnxruntime; when it answers otherwise; when the file cannot be written.
pub fn onnx(
    home: &Home,
    reference: &str,
    output: Option<&Path>,
    python: Option<&Path>,
) -> Result<OnnxExport> {
    let folder = models::package_path(home, reference)?;
    let package = gristmill_package::load(&folder, &catalog())?;
    let name = name_of(reference);
    let path = output.map_or_else(|| PathBuf::from(format!("{name}.onnx")), Path::to_path_buf);
    let (bytes, program) = onnx_bytes(&package.pipeline, &name)?;
    let draft = Draft::write(&path, &bytes)?;
    let golden = &package.golden;
    let known =
        Known { rows: &golden.rows, answers: &golden.answers, target: package.pipeline.target() };
    let verified = python.map(|python| known.verify(python, &draft.path, &program)).transpose()?;
    draft.into_place(&path)?;
    Ok(OnnxExport {
        path,
        bytes: bytes.len() as u64,
        ir_version: IR_VERSION,
        opsets: BTreeMap::from([("ai.onnx", OPSET), ("ai.onnx.ml", LEARNING_OPSET)]),
        operations: program.operations.len(),
        inputs: program.inputs.iter().map(OnnxPort::of).collect(),
        outputs: program.outputs.iter().map(OnnxPort::of).collect(),
        verified,
        notes: notes(&package.pipeline),
    })
}

/// What the file leaves out.
fn notes(pipeline: &FittedPipeline) -> Vec<String> {
    let around = pipeline.model().kind() == "conformal";
    around
        .then(|| {
            "the intervals or sets of `conformal` are not in the file, only its answers".into()
        })
        .into_iter()
        .collect()
}

/// Writes `pipeline` to `file`, whatever a runtime says of it, and holds the answers of `python`'s
/// onnxruntime for `rows` against its own.
///
/// # Errors
/// As [`onnx`]; as [`FittedPipeline::predict`].
pub fn hold_onnx(
    pipeline: &FittedPipeline,
    rows: &Table,
    file: &Path,
    python: &Path,
) -> Result<OnnxVerified> {
    let (bytes, program) = onnx_bytes(pipeline, "model")?;
    fs_err::write(file, &bytes).map_err(unwritten)?;
    let rows = rows.conform(pipeline.input())?;
    let answers = pipeline.predict(&rows)?.to_table()?;
    let known = Known { rows: &rows, answers: &answers, target: pipeline.target() };
    known.verify(python, file, &program)
}

/// Rows whose answers are known.
struct Known<'a> {
    rows: &'a Table,
    answers: &'a Table,
    target: &'a TargetSpec,
}

impl Known<'_> {
    fn verify(&self, python: &Path, model: &Path, program: &Program) -> Result<OnnxVerified> {
        let answered = runtime::ask(python, model, &rows::of(self.rows)?)?;
        let largest = compare::hold(self.answers, self.target, program, &answered)?;
        Ok(OnnxVerified {
            runtime: answered.runtime,
            rows: self.rows.rows(),
            largest_difference: largest,
            tolerance: TOLERANCE,
        })
    }
}

/// What a file is called after.
fn name_of(reference: &str) -> String {
    let path = Path::new(reference);
    if path.is_dir() {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        return name.unwrap_or_else(|| "model".into());
    }
    reference.split(['@', '/']).next().unwrap_or("model").to_owned()
}

impl OnnxPort {
    fn of(port: &Port) -> Self {
        let element = match port.kind {
            Kind::Numbers => "double",
            Kind::Integers => "int64",
            Kind::Words => "string",
            Kind::Truths => "bool",
        };
        Self { name: port.name.clone(), element, shape: ("rows", port.width) }
    }
}

/// A file beside its place, removed unless it comes there.
struct Draft {
    path: PathBuf,
    placed: bool,
}

impl Draft {
    fn write(place: &Path, bytes: &[u8]) -> Result<Self> {
        let name = place.file_name().ok_or_else(|| {
            Error::input(format!("`{}` names no file", place.display()))
                .with_hint("name one: `-o model.onnx`")
        })?;
        let name = format!(".{}.{}", name.to_string_lossy(), std::process::id());
        let draft = Self { path: place.with_file_name(name), placed: false };
        fs_err::write(&draft.path, bytes).map_err(unwritten)?;
        Ok(draft)
    }

    fn into_place(mut self, place: &Path) -> Result<()> {
        fs_err::rename(&self.path, place).map_err(unwritten)?;
        self.placed = true;
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.placed {
            // Nothing more can be done about it where it cannot be removed either.
            fs_err::remove_file(&self.path).ok();
        }
    }
}

fn unwritten(error: std::io::Error) -> Error {
    Error::input(error.to_string())
        .with_hint("name a file in a folder that can be written to: `-o`")
}
