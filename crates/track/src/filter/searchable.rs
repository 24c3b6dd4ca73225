//! What each kind of search knows: which names, of which sort, compared in which ways.

use super::tree::{FieldKind, Operator};

/// What one kind of search knows.
#[derive(Debug)]
pub struct Searchable {
    /// What may stand before a dot, and which kind of field it means.
    pub(super) prefixes: &'static [(&'static str, FieldKind)],
    pub(super) attributes: &'static [Attribute],
    /// Attributes that can be sorted by.
    pub(super) sorted_by: &'static [&'static str],
    /// Whether metrics, params and tags can be sorted by as well.
    pub(super) sorts: Sorts,
    pub(super) tag_operators: &'static [Operator],
    pub(super) wording: Wording,
}

/// A property by which things are searched.
#[derive(Debug)]
pub(super) struct Attribute {
    /// As it is written.
    pub name: &'static str,
    /// The name that it stands for.
    pub key: &'static str,
    pub sort: AttributeSort,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AttributeSort {
    /// A text.
    Text,
    /// A text that may be one of a list.
    Listed,
    /// A number.
    Number,
}

/// What else than attributes can be sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sorts {
    /// Nothing else.
    Attributes,
    /// Metrics, params and tags.
    Logged,
}

/// In whose words the searches refuse what they do not know: MLflow's differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wording {
    Runs,
    Experiments,
    Registry,
}

impl Searchable {
    /// Runs.
    pub const RUNS: Self = Self {
        prefixes: RUN_PREFIXES,
        attributes: &[
            text("run_id", "run_id").listed(),
            text("run_name", "run_name"),
            text("run name", "run_name"),
            text("Run name", "run_name"),
            text("Run Name", "run_name"),
            text("status", "status"),
            text("user_id", "user_id"),
            text("artifact_uri", "artifact_uri"),
            number("start_time", "start_time"),
            number("created", "start_time"),
            number("Created", "start_time"),
            number("end_time", "end_time"),
        ],
        sorted_by: &[
            "run_id",
            "run_name",
            "status",
            "user_id",
            "artifact_uri",
            "start_time",
            "created",
            "Created",
            "end_time",
        ],
        sorts: Sorts::Logged,
        tag_operators: TEXT_OR_NOTHING,
        wording: Wording::Runs,
    };

    /// Experiments.
    pub const EXPERIMENTS: Self = Self {
        prefixes: PLAIN_PREFIXES,
        attributes: &[
            text("name", "name"),
            text("experiment_id", "experiment_id").listed(),
            number("creation_time", "creation_time"),
            number("last_update_time", "last_update_time"),
        ],
        sorted_by: &["name", "experiment_id", "creation_time", "last_update_time"],
        sorts: Sorts::Attributes,
        tag_operators: TEXT_OR_NOTHING,
        wording: Wording::Experiments,
    };

    /// Registered models.
    pub const MODELS: Self = Self {
        prefixes: PLAIN_PREFIXES,
        attributes: &[text("name", "name").listed()],
        sorted_by: &["name", "timestamp", "creation_timestamp", "last_updated_timestamp"],
        sorts: Sorts::Attributes,
        tag_operators: TEXT,
        wording: Wording::Registry,
    };

    /// Versions of registered models.
    pub const VERSIONS: Self = Self {
        prefixes: PLAIN_PREFIXES,
        attributes: &[
            text("name", "name").listed(),
            number("version_number", "version_number"),
            text("run_id", "run_id").listed(),
            text("source_path", "source_path"),
        ],
        sorted_by: &["name", "version_number", "creation_timestamp", "last_updated_timestamp"],
        sorts: Sorts::Attributes,
        tag_operators: TEXT,
        wording: Wording::Registry,
    };

    /// Logged models.
    pub const LOGGED_MODELS: Self = Self {
        prefixes: RUN_PREFIXES,
        attributes: &[
            text("name", "name").listed(),
            text("model_id", "model_id").listed(),
            text("model_type", "model_type").listed(),
            text("status", "status").listed(),
            text("source_run_id", "source_run_id").listed(),
            number("creation_timestamp", "creation_timestamp"),
            number("creation_time", "creation_timestamp"),
            number("last_updated_timestamp", "last_updated_timestamp"),
            number("last_updated_time", "last_updated_timestamp"),
        ],
        sorted_by: &[
            "name",
            "model_id",
            "model_type",
            "status",
            "source_run_id",
            "creation_timestamp",
            "creation_time",
            "last_updated_timestamp",
            "last_updated_time",
        ],
        sorts: Sorts::Logged,
        tag_operators: TEXT,
        wording: Wording::Runs,
    };

    pub(super) fn attribute(&self, name: &str) -> Option<&'static Attribute> {
        self.attributes.iter().find(|attribute| attribute.name == name)
    }

    /// How a field of this kind may be compared.
    pub(super) fn operators(&self, kind: FieldKind, sort: AttributeSort) -> &'static [Operator] {
        match (kind, sort) {
            (FieldKind::Metric, _) | (FieldKind::Attribute, AttributeSort::Number) => NUMBERS,
            (FieldKind::Param | FieldKind::Tag, _) => self.tag_operators,
            (FieldKind::Attribute | FieldKind::Dataset, _) => LISTS,
        }
    }
}

/// The properties of a dataset.
pub(super) const DATASET_KEYS: [&str; 3] = ["name", "digest", "context"];

const RUN_PREFIXES: &[(&str, FieldKind)] = &[
    ("metric", FieldKind::Metric),
    ("metrics", FieldKind::Metric),
    ("parameter", FieldKind::Param),
    ("parameters", FieldKind::Param),
    ("param", FieldKind::Param),
    ("params", FieldKind::Param),
    ("tag", FieldKind::Tag),
    ("tags", FieldKind::Tag),
    ("attribute", FieldKind::Attribute),
    ("attributes", FieldKind::Attribute),
    ("attr", FieldKind::Attribute),
    ("run", FieldKind::Attribute),
    ("dataset", FieldKind::Dataset),
    ("datasets", FieldKind::Dataset),
];

const PLAIN_PREFIXES: &[(&str, FieldKind)] =
    &[("attribute", FieldKind::Attribute), ("tag", FieldKind::Tag), ("tags", FieldKind::Tag)];

const NUMBERS: &[Operator] = &[
    Operator::Greater,
    Operator::AtLeast,
    Operator::NotEqual,
    Operator::Equal,
    Operator::Less,
    Operator::AtMost,
];

const TEXT: &[Operator] = &[Operator::NotEqual, Operator::Equal, Operator::Like, Operator::ILike];

const TEXT_OR_NOTHING: &[Operator] = &[
    Operator::NotEqual,
    Operator::Equal,
    Operator::Like,
    Operator::ILike,
    Operator::IsNull,
    Operator::IsNotNull,
];

const LISTS: &[Operator] = &[
    Operator::NotEqual,
    Operator::Equal,
    Operator::Like,
    Operator::ILike,
    Operator::In,
    Operator::NotIn,
];

const fn text(name: &'static str, key: &'static str) -> Attribute {
    Attribute { name, key, sort: AttributeSort::Text }
}

const fn number(name: &'static str, key: &'static str) -> Attribute {
    Attribute { name, key, sort: AttributeSort::Number }
}

impl Attribute {
    const fn listed(self) -> Self {
        Self { sort: AttributeSort::Listed, ..self }
    }
}
