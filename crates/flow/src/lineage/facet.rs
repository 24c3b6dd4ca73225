//! What is told about a run, a job or a dataset, each with the schema that it keeps to.
//!
//! The addresses are those of the facets' releases that openlineage-python 1.54.0 writes.

use serde::Serialize;

use super::PRODUCER;

/// A facet with the two keys that every facet has.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Facet<T> {
    #[serde(rename = "_producer")]
    producer: &'static str,
    #[serde(rename = "_schemaURL")]
    schema: &'static str,
    #[serde(flatten)]
    pub(super) body: T,
}

impl<T: FacetBody> From<T> for Facet<T> {
    fn from(body: T) -> Self {
        Self { producer: PRODUCER, schema: T::SCHEMA, body }
    }
}

/// What a facet holds besides.
pub(super) trait FacetBody {
    const SCHEMA: &'static str;
}

macro_rules! facets {
    ($($(#[$doc:meta])* $version:literal $name:ident { $($(#[$attribute:meta])* $field:ident: $type:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Serialize)]
        #[serde(rename_all = "camelCase")]
        pub(super) struct $name { $($(#[$attribute])* pub(super) $field: $type,)* }

        impl FacetBody for $name {
            const SCHEMA: &'static str = concat!(
                "https://openlineage.io/spec/facets/", $version, "/", stringify!($name), ".json#/$defs/",
                stringify!($name),
            );
        }
    )*};
}

facets! {
    /// The run of the pipeline that a task's run belongs to.
    "1-2-0" ParentRunFacet { run: Id, job: Named, root: Root, }
    /// The moment for which a run was planned, and the next one.
    "1-0-1" NominalTimeRunFacet {
        nominal_start_time: String,
        #[serde(skip_serializing_if = "Option::is_none")] nominal_end_time: Option<String>,
    }
    /// What went wrong.
    "1-0-1" ErrorMessageRunFacet { message: String, programming_language: &'static str, }
    /// What ran it.
    "1-1-1" ProcessingEngineRunFacet { version: &'static str, name: &'static str, }
    /// What kind of job it is.
    "2-0-4" JobTypeJobFacet {
        processing_type: &'static str,
        integration: &'static str,
        job_type: &'static str,
    }
    /// The columns of a dataset.
    "1-2-0" SchemaDatasetFacet { fields: Vec<Field>, }
    /// The digest of a dataset's content.
    "1-0-1" DatasetVersionDatasetFacet { dataset_version: String, }
    /// How much was read.
    "1-0-0" InputStatisticsInputDatasetFacet {
        #[serde(skip_serializing_if = "Option::is_none")] row_count: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")] size: Option<u64>,
    }
    /// How much was written.
    "1-0-2" OutputStatisticsOutputDatasetFacet {
        #[serde(skip_serializing_if = "Option::is_none")] row_count: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")] size: Option<u64>,
    }
}

/// A run by its id.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Id {
    pub(super) run_id: String,
}

/// A job by its name.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Named {
    pub(super) namespace: String,
    pub(super) name: String,
}

/// The run that all others belong to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Root {
    pub(super) run: Id,
    pub(super) job: Named,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Field {
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
}
